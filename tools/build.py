"""Build the site into _build/html: generated pages first, then Jupyter Book.

Warnings are errors. What Jupyter Book prints is shown only when something fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
# Both steps read the package; in one process torch and SymPy are imported once.
# Hundreds of thousands of small objects live until the end: looking for garbage among
# them, again and again, took a fifth of the time.
STEPS = """
import gc
import sys
gc.disable()
sys.argv = ["generate_pages.py"]
import generate_pages
generate_pages.main()
from jupyter_book.cli.main import main
main(["build", ".", "-W", "--keep-going", "-q"])
"""


def main() -> int:
    """Build everything anew; it takes seconds, and nothing stale is left."""
    started = time.perf_counter()
    for folder in (SITE, ROOT / "_build" / ".doctrees"):
        shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-c", STEPS],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'code'}{os.pathsep}{ROOT / 'tools'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        print("The book was not built; the cause stands above.", file=sys.stderr)
        return done.returncode
    pages = sum(1 for _ in SITE.rglob("*.html"))
    print(f"{pages} pages in {time.perf_counter() - started:.1f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
