"""Write the course's address and commit into a copy of the chapters.

Nobody edits an address by hand. ``python tools/stamp.py --repository owner/name
--commit SHA --out FOLDER`` writes stamped copies of all chapters; the workflow's last
job pushes them to the branch ``site``, where Colab badges, launch buttons and
downloads point. ``make book`` stamps what it builds in the same way when the
checkout's origin is on GitHub.

A stamped notebook has the address and the commit in its setup cell, a Colab badge
under its title, and no spoilers: outputs of cells that a prediction guards (tag
``reveal-…``) are dropped, guarded paragraphs are folded.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import nbformat

from setup_cell import is_setup_cell, stamped_source

__all__ = [
    "Address",
    "github_name",
    "origin",
    "reveal_of",
    "stamp",
    "without_spoilers",
]

ROOT = Path(__file__).resolve().parent.parent
BRANCH = "site"
FOLDER = "notebooks"  # on that branch
NAME = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}"
# An origin can carry a user name and a token; only owner/name is taken from it.
ORIGIN = re.compile(
    rf"(?:https?://(?:[^/@\s]*@)?(?i:github\.com)/|(?:ssh://)?git@(?i:github\.com)[:/]"
    rf"|ssh://git@(?i:github\.com:22|ssh\.github\.com:443)/)({NAME}?)(?:\.git)?/?"
)
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True)
class Address:
    """Where a version of the course is: ``owner/name`` on GitHub, and a commit."""

    repository: str
    commit: str

    def __post_init__(self) -> None:
        if not re.fullmatch(NAME, self.repository):
            raise ValueError("the repository must look like owner/name")
        if not COMMIT.fullmatch(self.commit):
            raise ValueError("the commit must be a full id of 40 or 64 hex digits")

    @property
    def url(self) -> str:
        """Return the address that git fetches from."""
        return f"https://github.com/{self.repository}"

    @property
    def pages(self) -> str:
        """Return the address of the published site."""
        owner, name = self.repository.split("/")
        host = f"https://{owner.lower()}.github.io/"
        return (
            host if name.lower() == f"{owner}.github.io".lower() else host + name + "/"
        )

    def kaggle(self, path: str) -> str:
        """Return the address that opens a stamped notebook in Kaggle."""
        place = f"{self.url}/blob/{BRANCH}/{FOLDER}/{path}"
        return f"https://www.kaggle.com/kernels/welcome?src={place}"

    def colab(self, path: str) -> str:
        """Return the address that opens a stamped notebook in Colab."""
        place = f"{self.repository}/blob/{BRANCH}/{FOLDER}/{path}"
        return f"https://colab.research.google.com/github/{place}"


def github_name(origin_url: str) -> str | None:
    """Return ``owner/name`` of an origin on GitHub, None for any other address.

    Parameters
    ----------
    origin_url : str
        What ``git remote get-url origin`` prints; credentials in it are dropped.
    """
    found = ORIGIN.fullmatch(origin_url.strip())
    return found.group(1) if found else None


def origin(folder: Path = ROOT) -> Address | None:
    """Return the address of a checkout, or None: no git, no GitHub, not readable."""
    try:
        repository = github_name(_git(folder, "remote", "get-url", "origin"))
        return repository and Address(repository, _git(folder, "rev-parse", "HEAD"))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    # A ZIP unpacked inside another repository must not take that one's address.
    if not (folder / ".git").exists():
        raise OSError("not a checkout")
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=20
    ).stdout.strip()


def reveal_of(cell: dict) -> str | None:
    """Return the id of the prediction that guards a cell, or None."""
    for tag in cell["metadata"].get("tags", []):
        if tag.startswith("reveal-"):
            return tag.removeprefix("reveal-")
    return None


def without_spoilers(notebook: dict) -> dict:
    """Return a copy without what a prediction guards.

    Outputs of guarded code cells are dropped; guarded paragraphs are folded.
    """
    copy = deepcopy(notebook)
    for cell in copy["cells"]:
        guard = reveal_of(cell)
        if guard is None:
            continue
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            cell["execution_count"] = None
        else:
            cell["source"] = (
                f"<details><summary>After prediction {guard}</summary>\n\n"
                f"{cell['source'].strip()}\n\n</details>"
            )
    return copy


def stamp(
    notebook: dict, name: str, repository: str, commit: str, badge: str | None = None
) -> dict:
    """Return a stamped copy of a chapter.

    Parameters
    ----------
    notebook : dict
        The chapter (nbformat 4).
    name : str
        Its file name, for messages.
    repository : str
        Address that ``git fetch`` understands.
    commit : str
        Full commit id.
    badge : str, optional
        Where the Colab badge leads; no badge without it.
    """
    copy = without_spoilers(notebook)
    setup = [cell for cell in copy["cells"] if is_setup_cell(cell)]
    if len(setup) != 1:
        raise ValueError(f"{name}: {len(setup)} setup cells, expected one")
    setup[0]["source"] = stamped_source(repository, commit)
    if badge:
        add_under_title(
            copy,
            "[![Open in Colab](https://colab.research.google.com/assets/"
            f"colab-badge.svg)]({badge})",
        )
    return copy


def add_under_title(notebook: dict, paragraph: str) -> None:
    """Put a paragraph under the first heading of a notebook, in place."""
    first = notebook["cells"][0]
    title, _, rest = first["source"].partition("\n")
    first["source"] = f"{title}\n\n{paragraph}\n\n{rest.lstrip()}".rstrip()


def stamp_all(address: Address, out: Path, chapters: Path = ROOT / "chapters") -> int:
    """Write stamped copies of all chapters into ``out/chapters``; return how many."""
    folder = out / "chapters"
    folder.mkdir(parents=True, exist_ok=True)
    paths = sorted(chapters.glob("*.ipynb"))
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        badge = address.colab(f"chapters/{path.name}")
        stamped = stamp(notebook, path.name, address.url, address.commit, badge)
        partial = folder / (path.name + ".partial")
        partial.write_text(nbformat.writes(stamped) + "\n", encoding="utf-8")
        partial.replace(folder / path.name)
    return len(paths)


def main() -> None:
    """Stamp the chapters as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repository", required=True, help="owner/name on GitHub")
    parser.add_argument("--commit", required=True, help="full commit id")
    parser.add_argument("--out", required=True, type=Path, help="folder to write to")
    options = parser.parse_args()
    try:
        address = Address(options.repository, options.commit)
    except ValueError as error:
        parser.error(str(error))
    print(f"{stamp_all(address, options.out)} stamped chapters in {options.out}")


if __name__ == "__main__":
    main()
