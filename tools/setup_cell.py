"""The setup cell: the same bytes in every chapter.

``SOURCE`` is the cell's text and ``METADATA`` its metadata. ``tools/stamp.py``
fills in the two constants ``REPOSITORY`` and ``COMMIT`` in a published copy.
"""

from __future__ import annotations

from copy import deepcopy

__all__ = ["METADATA", "SOURCE", "is_setup_cell", "setup_cell", "stamped_source"]

SOURCE = '''\
# @title Setup: makes the course's package available
import os
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from zlib import crc32

REPOSITORY = ""
COMMIT = ""


def find_course():
    """Return the package's folder; fetch it where it is missing."""
    source = os.environ.get("ACTLAB_REPO") or REPOSITORY
    here, named = Path.cwd(), Path(source).expanduser()
    below = [path.parent for path in sorted(here.glob("*/code"))]
    for folder in [here, *here.parents, named, named.parent, *below]:
        if (folder / "code" / "actlab" / "__init__.py").is_file():
            return (folder / "code").resolve()
    if not source:
        raise ModuleNotFoundError(
            "Open this chapter inside a copy of the whole course, or "
            "set ACTLAB_REPO to the course's address or folder."
        )
    name = f"course-{COMMIT or crc32(source.encode())}"
    course = Path.home() / ".cache" / "actlab" / name
    if not course.is_dir():
        fetch(source, course)
    return course / "code"


def fetch(source, course):
    """Let git bring the course; leave nothing behind if it cannot."""
    if not which("git"):
        raise ModuleNotFoundError("Install git to fetch the course.")
    course.parent.mkdir(parents=True, exist_ok=True)
    fetched = ["fetch", "-q", "--depth=1", source, COMMIT or "HEAD"]
    steps = ["init", "-q"], fetched, ["checkout", "-q", "FETCH_HEAD"]
    quiet = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
    with TemporaryDirectory("", "partial-", course.parent) as new:
        for step in steps:
            git = ["git", "-C", new, *step]
            subprocess.run(git, capture_output=True, env=quiet)
        if not Path(new, "code", "actlab").is_dir():
            raise ModuleNotFoundError(
                "The course could not be fetched: check the network "
                "and ACTLAB_REPO, the course's address or folder."
            )
        with suppress(OSError):  # where another kernel was faster
            Path(new).rename(course)


found = [find_spec(name) for name in ("actlab", "course")]
if not all(spec and spec.origin for spec in found):  # no bare folder
    sys.path.insert(0, str(find_course()))'''

METADATA = {
    "cellView": "form",
    "tags": ["setup", "hide-input"],
}


def setup_cell() -> dict:
    """Return the setup cell as a notebook cell (nbformat 4.5, no output)."""
    return {
        "cell_type": "code",
        "id": "setup",
        "metadata": deepcopy(METADATA),
        "execution_count": None,
        "outputs": [],
        "source": SOURCE,
    }


def is_setup_cell(cell: dict) -> bool:
    """Say whether a cell carries the tag ``setup``."""
    return "setup" in cell.get("metadata", {}).get("tags", [])


def stamped_source(repository: str, commit: str) -> str:
    """Return the setup cell's text with an address and a commit filled in.

    Parameters
    ----------
    repository : str
        Address that ``git fetch`` understands.
    commit : str
        Full commit id.
    """
    return SOURCE.replace('REPOSITORY = ""', f'REPOSITORY = "{repository}"').replace(
        'COMMIT = ""', f'COMMIT = "{commit}"'
    )
