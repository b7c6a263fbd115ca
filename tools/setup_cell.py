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
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

REPOSITORY = ""
COMMIT = ""


def find_course():
    """Return the package's folder; fetch it where it is missing."""
    source = os.environ.get("ACTLAB_REPO") or REPOSITORY
    here = Path.cwd()
    for folder in [here, *here.parents, Path(source)]:
        if (folder / "code" / "actlab").is_dir():
            return folder / "code"
    if not source:
        raise ModuleNotFoundError(
            "Open this chapter inside a copy of the whole course, or "
            "set ACTLAB_REPO to the course's address or folder."
        )
    cache = Path.home() / ".cache" / "actlab"
    course = cache / f"course-{COMMIT}"
    if COMMIT and course.is_dir():
        return course / "code"
    cache.mkdir(parents=True, exist_ok=True)
    partial = Path(mkdtemp(prefix="partial-", dir=cache))
    fetch = ["fetch", "-q", "--depth", "1", source, COMMIT or "HEAD"]
    for step in ["init", "-q"], fetch, ["checkout", "-q", "FETCH_HEAD"]:
        subprocess.run(["git", *step], cwd=partial, check=True)
    whole = COMMIT and not course.is_dir()
    return (partial.rename(course) if whole else partial) / "code"


if find_spec("actlab") is None or find_spec("course") is None:
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
