"""Build the site into _build/html: generated pages first, then Jupyter Book.

Warnings are errors. What Jupyter Book prints is shown only when something fails. Where
neither what the site is made of nor the site itself has changed since it was built,
nothing is done. Where nothing but what stands in chapters has changed, under the same
headings, these are read again and all pages are finished anew from what Jupyter Book
wrote of them. Otherwise all is built anew. Nothing stale is left, and the site is the
same byte for byte whichever way it was built. ``--phases`` prints where the time went.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import phases

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
DOCTREES = ROOT / "_build" / ".doctrees"
RAW = ROOT / "_build" / "pages"  # the site as Jupyter Book wrote it
OLD = ROOT / "_build" / "old"  # what is about to be removed
MARK = ROOT / "_build" / "built.json"  # what the site was made of, and what it is
CHAPTERS = ROOT / "_build" / "chapters.json"  # what chapters it was made of
GENERATED = ROOT / "reference" / "generated"
CHANGED = "ACTLAB_CHANGED"  # the variable that names the chapters to read again
# What other pages may show of a chapter, but for its interview questions: headings,
# targets of links, how long it takes. A fence makes code of a heading.
OUTLINE = re.compile(
    r"^(?:#{1,6} .*|\([\w-]+\)=.*|(?:```|~~~).*|.*\bminutes to read\b.*)$",
    re.MULTILINE,
)
# What the site is made of. Folders that nothing reads (tests, _build) are left out.
FOLDERS = ("assets", "chapters", "code", "findings", "reference", "tools")
FILES = ("*.md", "*.yml", "*.txt", "LICENSE*")
PASSING = {"__pycache__", ".ipynb_checkpoints", "generated"}
# The zips are written by a second process while Jupyter Book is loaded, what pages
# include by another while it reads the chapters, which need none of it; then, while the
# first one writes, what only finished pages need (book_extension.py). Hundreds of
# thousands of small objects live until the end: looking for garbage among them, again
# and again, took a fifth of the time, and taking them apart at the end another seventh.
STEPS = """
import gc
import os
import sys
import traceback
gc.disable()
sys.argv = ["generate_pages.py"]
import generate_pages
import phases
import side_process
changed = os.environ.get("ACTLAB_CHANGED", "").split()
if changed:  # what has changed is looked for before anything is read
    generate_pages.again(changed)
else:
    side_process.start(generate_pages.zips)
status = 1
try:
    from jupyter_book.cli.main import main
    phases.mark("Jupyter Book loaded")
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
    chapters = chapters_read()
    changed = changed_chapters(chapters)
    phases.begin()
    MARK.unlink(missing_ok=True)
    old = [SITE] if changed else [SITE, RAW, DOCTREES]
    removing = remove_meanwhile(path for path in old if path.exists())
    if changed:
        RAW.rename(SITE)
    done = subprocess.run(
        [sys.executable, "-c", STEPS],
        cwd=ROOT,
        env=os.environ
        | {
            "PYTHONPATH": f"{ROOT / 'code'}{os.pathsep}{ROOT / 'tools'}",
            "OMP_NUM_THREADS": "1",
            CHANGED: " ".join(changed),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    removing.join()
    if done.returncode:
        phases.end()
        print(done.stdout, file=sys.stderr)
        print("The book was not built; the cause stands above.", file=sys.stderr)
        return done.returncode
    complete_redirect(SITE / "index.html")
    chapters["generated"] = digest(files_below(GENERATED))
    CHAPTERS.write_text(json.dumps(chapters), "utf-8")
    MARK.write_text(state(inputs), "utf-8")
    phases.mark("the site remembered")
    spent = phases.end()
    if "--phases" in sys.argv[1:]:
        print(spent)
    pages = sum(1 for _ in SITE.rglob("*.html"))
    again = f"; read again: {', '.join(Path(c).name for c in changed)}" * bool(changed)
    print(f"{pages} pages in {time.perf_counter() - started:.1f} s{again}")
    return 0


def remove_meanwhile(folders: Iterable[Path]) -> threading.Thread:
    """Put folders aside at once, and remove them while the site is built."""
    OLD.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        folder.rename(Path(tempfile.mkdtemp(dir=OLD)) / folder.name)
    thread = threading.Thread(target=shutil.rmtree, args=(OLD, True))
    thread.start()
    return thread


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


def chapters_read() -> dict[str, Any]:
    """Return what CHAPTERS holds of the chapters as they are.

    ``rest`` is a hash of all else that the site depends on; ``chapters`` has, by the
    name of the page, a hash of the notebook and one of its outline.
    """
    notebooks = sorted((ROOT / "chapters").glob("*.ipynb"))
    return {
        "rest": input_digest(without=notebooks),
        "chapters": {f"chapters/{path.stem}": _hashes(path) for path in notebooks},
    }


def _hashes(path: Path) -> list[str]:
    """Return the hashes of a notebook and of its outline."""
    text = path.read_bytes()
    try:
        cells = json.loads(text).get("cells", [])
    except ValueError:  # that is for Jupyter Book to say
        cells = []
    sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    outline = "\n".join(OUTLINE.findall("\n".join(sources)))
    return [hashlib.sha256(part).hexdigest() for part in (text, outline.encode())]


def changed_chapters(now: dict[str, Any]) -> list[str]:
    """Return the pages to read again if nothing else has changed since the last build.

    Empty where all must be built anew: something else has changed, a chapter's outline
    has, or what was built is not as it was left.
    """
    kept = (MARK, CHAPTERS, RAW, DOCTREES)
    if not all(path.exists() for path in kept):
        return []
    before = json.loads(CHAPTERS.read_text("utf-8"))
    old, new = before["chapters"], now["chapters"]
    if before["rest"] != now["rest"] or old.keys() != new.keys():
        return []
    if any(old[name][1] != new[name][1] for name in new):
        return []
    site = json.loads(MARK.read_text("utf-8"))["site"]
    if site != digest(files_below(SITE)):
        return []
    if before["generated"] != digest(files_below(GENERATED)):
        return []
    return [name for name in new if old[name][0] != new[name][0]]


def input_digest(without: Iterable[Path] = ()) -> str:
    """Return a hash of all that the site depends on.

    These are the course's files, the installed packages, this Python, and the address
    and commit that the pages name.

    Parameters
    ----------
    without : files that are left out.
    """
    from stamp import origin

    tools = sorted(
        f"{found.name}=={found.version}" for found in importlib.metadata.distributions()
    )
    facts = repr((sys.version, tools, origin(ROOT)))
    files = digest(path for path in inputs() if path not in {*without})
    return hashlib.sha256(f"{facts}{files}".encode()).hexdigest()


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
