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
BOOK = ["-c", "from jupyter_book.cli.main import main; main()"]


def run(arguments: list[str], quiet: bool) -> None:
    """Run a command of this Python in the project's root; stop where it fails."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'code'}{os.pathsep}{ROOT / 'tools'}"},
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
    )
    if done.returncode:
        print(done.stdout or "", file=sys.stderr)
        print(f"Failed: python {' '.join(arguments)}", file=sys.stderr)
        raise SystemExit(done.returncode)


def main() -> None:
    """Build everything anew; it takes seconds, and nothing stale is left."""
    started = time.perf_counter()
    if (ROOT / "tools" / "generate_pages.py").exists():
        run(["tools/generate_pages.py"], quiet=True)
    for folder in (SITE, ROOT / "_build" / ".doctrees"):
        shutil.rmtree(folder, ignore_errors=True)
    run([*BOOK, "build", ".", "-W", "--keep-going", "-q"], quiet=True)
    pages = sum(1 for _ in SITE.rglob("*.html"))
    print(f"{pages} pages in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
