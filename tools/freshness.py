"""What a notebook's stored outputs depend on, as one hash.

Outputs are committed, so they can rot unseen: code changes and the picture stays.
``tools/execute.py`` stores the hash of everything that the outputs depend on in the
notebook's metadata, and a test compares it with the hash of today's files:

* the notebook's own code cells,
* the modules of the package that they import, and those that these import,
* the data files of the package that those modules or cells name (recorded results,
  scripts, style sheets, tables).
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["ROOT", "code_cells", "dependencies", "is_fresh", "source_hash"]

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "code" / "actlab"
DATA_SUFFIXES = {".js", ".css", ".yml", ".json", ".csv"}
MAGIC = re.compile(r"^\s*[%!?].*$", re.MULTILINE)


def code_cells(notebook: dict) -> list[str]:
    """Return the sources of a notebook's code cells, in order."""
    return [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source_hash(notebook: dict, name: str = "") -> str:
    """Return the SHA-256 of all that a notebook's outputs depend on.

    Parameters
    ----------
    notebook : dict
        The notebook (nbformat 4).
    name : str
        Its file name; ``03-…`` reads the exercises of chapter 3.
    """
    digest = hashlib.sha256()
    for source in code_cells(notebook):
        digest.update(source.encode() + b"\0")
    for path in dependencies(notebook, name):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0")
        digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def is_fresh(notebook: dict, name: str = "") -> bool:
    """Say whether the stored hash is that of today's files."""
    stored = notebook["metadata"].get("actlab", {}).get("sources")
    return stored == source_hash(notebook, name)


def dependencies(notebook: dict, name: str = "") -> list[Path]:
    """Return the package's files that a notebook's outputs depend on, sorted."""
    trees = [_parse(source) for source in code_cells(notebook)]
    modules = {path for tree in trees for path in _imported(tree, PACKAGE)}
    chapter = PACKAGE / "exercises" / f"chapter{name[:2]}.py"
    if name[:2].isdigit() and chapter.exists():
        modules.add(chapter)
    queue = list(modules)
    while queue:
        path = queue.pop()
        tree = _parse(path.read_text(encoding="utf-8"))
        trees.append(tree)
        new = _imported(tree, path.parent) - modules
        modules |= new
        queue += new
    return sorted(modules | _named_data(trees))


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(MAGIC.sub("", source))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _imported(tree: ast.Module, folder: Path) -> set[Path]:
    """Return the package's files that the imports of a syntax tree name."""
    found: set[Path] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found |= _files(PACKAGE.parent, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            start = PACKAGE.parent
            if node.level:
                start = folder
                for _ in range(node.level - 1):
                    start = start.parent
            parts = node.module.split(".") if node.module else []
            found |= _files(start, parts)
            for alias in node.names:
                found |= _files(start, [*parts, alias.name])
    return found


def _files(start: Path, parts: Iterable[str]) -> set[Path]:
    """Return the package's files that one dotted name loads."""
    found: set[Path] = set()
    place = start
    for part in parts:
        place = place / part
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file() and PACKAGE in path.parents:
                found.add(path)
    return found


def _named_data(trees: Iterable[ast.Module]) -> set[Path]:
    """Return the package's data files whose name or stem stands in a string."""
    strings = {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    # A study is named in calls, load("first-look"), or as "first-look.csv".
    return {
        path
        for path in PACKAGE.rglob("*")
        if path.suffix in DATA_SUFFIXES and strings & {path.name, path.stem}
    }
