"""Build the site into _build/html: generated pages first, then Jupyter Book.

Warnings are errors. What Jupyter Book prints is shown only when something fails. Where
neither what the site is made of nor the site itself has changed since it was built,
nothing is done; otherwise all of it is built anew, and nothing stale is left.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
DOCTREES = ROOT / "_build" / ".doctrees"
MARK = ROOT / "_build" / "built.json"  # what the site was made of, and what it is
# What the site is made of. Folders that nothing reads (tests, _build) are left out.
FOLDERS = ("assets", "chapters", "code", "findings", "reference", "tools")
FILES = ("*.md", "*.yml", "*.txt", "LICENSE*")
PASSING = {"__pycache__", ".ipynb_checkpoints", "generated"}
# The generated parts are written by a second process while Jupyter Book reads the
# chapters, which need none of them; then what only finished pages need, the functions'
# pages and the zips, while the first one writes. Hundreds of thousands of small objects
# live until the end: looking for garbage among them, again and again, took a fifth of
# the time, and taking them apart at the end another seventh.
STEPS = """
import gc
import os
import sys
import traceback
gc.disable()
sys.argv = ["generate_pages.py"]
import generate_pages
import side_process
from actlab import catalogue, interactive, properties
side_process.start(generate_pages.main, generate_pages.later)
status = 1
try:
    from jupyter_book.cli.main import main
    main(["build", ".", "-W", "--keep-going", "-q"], standalone_mode=False)
    side_process.end()
    status = 0
except SystemExit as end:
    status = end.code if isinstance(end.code, int) else int(end.code is not None)
except BaseException:
    traceback.print_exc()
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)
"""


def main() -> int:
    """Build everything anew, unless all is as it was after the last build."""
    started = time.perf_counter()
    inputs = input_digest()
    if MARK.is_file() and MARK.read_text("utf-8") == state(inputs):
        print(f"Nothing has changed ({time.perf_counter() - started:.1f} s)")
        return 0
    MARK.unlink(missing_ok=True)
    for folder in (SITE, DOCTREES):
        shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-c", STEPS],
        cwd=ROOT,
        env=os.environ
        | {
            "PYTHONPATH": f"{ROOT / 'code'}{os.pathsep}{ROOT / 'tools'}",
            "OMP_NUM_THREADS": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        print("The book was not built; the cause stands above.", file=sys.stderr)
        return done.returncode
    complete_redirect(SITE / "index.html")
    MARK.write_text(state(inputs), "utf-8")
    pages = sum(1 for _ in SITE.rglob("*.html"))
    print(f"{pages} pages in {time.perf_counter() - started:.1f} s")
    return 0


def complete_redirect(page: Path) -> None:
    """Make Jupyter Book's line that leads to the landing page a whole document."""
    line = page.read_text("utf-8").strip()
    if not line.startswith("<meta"):
        return
    page.write_text(
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">{line}'
        "<title>Activation Functions, Measured</title></head>\n"
        '<body><p><a href="intro.html">To the course</a></p></body>\n</html>\n',
        "utf-8",
    )


def remember() -> None:
    """Take the site as it now is for what was built, after an addition to it."""
    if MARK.is_file():
        MARK.write_text(state(json.loads(MARK.read_text("utf-8"))["inputs"]), "utf-8")


def state(inputs: str) -> str:
    """Return what MARK holds while the site is as it was built.

    Parameters
    ----------
    inputs : what :func:`input_digest` returned before the site was built.
    """
    return json.dumps({"inputs": inputs, "site": digest(files_below(SITE))})


def input_digest() -> str:
    """Return a hash of all that the site depends on.

    These are the course's files, the installed packages, this Python, and the address
    and commit that the pages name.
    """
    from stamp import origin

    tools = sorted(
        f"{found.name}=={found.version}" for found in importlib.metadata.distributions()
    )
    facts = repr((sys.version, tools, origin(ROOT)))
    return hashlib.sha256(f"{facts}{digest(inputs())}".encode()).hexdigest()


def inputs() -> Iterator[Path]:
    """Yield the files that the site is made of."""
    for pattern in FILES:
        yield from ROOT.glob(pattern)
    for name in FOLDERS:
        yield from files_below(ROOT / name)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield a folder's files, but for what tools leave behind."""
    for place, names, files in os.walk(folder):
        names[:] = [name for name in names if name not in PASSING]
        for file in files:
            if not file.endswith(".partial"):
                yield Path(place) / file


def digest(paths: Iterator[Path]) -> str:
    """Return a hash of files' names and contents, whatever their order."""
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())
