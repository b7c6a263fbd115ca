"""What CONTRIBUTING says about adding things is done, in a copy, as it says.

Each example of the section "Adding things" is read from the page: blocks whose first
line names a file and a place are put there, commands are run, and what they print is
compared with the text below them.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
COPIED = ("code", "tests", "tools", "reference", "chapters", "assets")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
PLACE = re.compile(r"(?:#|%|<!--) (\S+\.\w+): (.+?)(?: -->)?\n")
PASSING = re.compile(r"/(?:__pycache__|home|\.hypothesis)/")
EXAMPLES = ("An activation function", "An exercise", "A study", "A claim")

pytestmark = pytest.mark.slow


# --- reading the page ---------------------------------------------------------------


@dataclass(frozen=True)
class Example:
    """One example: (file, place, text) to put somewhere, commands, what they print."""

    pieces: tuple[tuple[str, str, str], ...]
    commands: tuple[str, ...]
    printed: tuple[str, ...]


def sections(text: str) -> dict[str, str]:
    """Return the text under each heading; headings inside of blocks are text."""
    found, title, fenced = {}, "", False
    for line in text.splitlines(keepends=True):
        fenced ^= line.startswith("```")
        if line.startswith("#") and not fenced:
            title = line.lstrip("#").strip()
        else:
            found[title] = found.get(title, "") + line
    return found


SECTIONS = sections(PAGE)


def read_example(title: str) -> Example:
    pieces, commands, printed = [], [], []
    for language, text in BLOCK.findall(SECTIONS[title]):
        if language == "bash":
            commands += text.splitlines()
        elif language == "text":
            printed += text.splitlines()
        else:
            place = PLACE.match(text)
            assert place, f"the first line of a block names no file: {text[:80]!r}"
            pieces.append((place[1], place[2], text[place.end() :]))
    return Example(tuple(pieces), tuple(commands), tuple(printed))


# --- putting a piece where it belongs ------------------------------------------------


def put(root: Path, file: str, place: str, text: str) -> None:
    """Put a piece of text into a file: at the end, before NAME, in NAME, in a cell."""
    path = root / file
    if path.suffix == ".ipynb":
        return put_in_notebook(path, place, text)
    source = path.read_text("utf-8")
    gap = "\n\n" if path.suffix == ".py" else "\n"
    if place == "at the end":
        source = source.rstrip("\n") + f"\n{gap}{text}"
    elif place.startswith("before "):
        start, _ = extent(source, path, place.removeprefix("before "))
        source = source[:start] + text + "\n" + source[start:]
    elif place.startswith("in "):
        _, end = extent(source, path, place.removeprefix("in "))
        source = source[:end].rstrip() + joint(source[:end]) + text + source[end:]
    else:
        raise AssertionError(f"{file}: what place is {place!r}?")
    path.write_text(source, "utf-8")
    return None


def extent(source: str, path: Path, name: str) -> tuple[int, int]:
    """Return where NAME begins, and where its last entry ends, in a file."""
    if path.suffix == ".yml":
        found = re.search(rf"^{name}:\n(?:(?: .*| *)\n)*", source, re.M)
        assert found, f"{path.name} has no {name}"
        return found.start(), len(source[: found.end()].rstrip("\n")) + 1
    lines = source.splitlines(keepends=True)
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            first = len("".join(lines[: node.lineno - 1]))
            last = "".join(lines[: node.end_lineno]).rstrip()
            return first, len(last) - 1
    raise AssertionError(f"{path.name} assigns no {name}")


def joint(before: str) -> str:
    """Return what stands between the last entry of a list and the next one."""
    return "\n" if before.rstrip()[-1] in ",([\n" or before.endswith("\n") else ",\n"


CELL = re.compile(r'a (Markdown|code) cell (?:tagged (\S+) )?before "(.+)"')
INSTEAD = re.compile(r'in place of "(.+)"')


def put_in_notebook(path: Path, place: str, text: str) -> None:
    notebook = nbformat.read(path, as_version=4)
    cell, instead = CELL.fullmatch(place), INSTEAD.fullmatch(place)
    assert cell or instead, f"{path.name}: what place is {place!r}?"
    old = cell[3] if cell else instead[1]
    numbers = [
        number
        for number, there in enumerate(notebook.cells)
        if there.cell_type == "markdown" and old in there.source
    ]
    assert len(numbers) == 1, f"{path.name}: {old!r} is in the cells {numbers}"
    number, text = numbers[0], text.rstrip("\n")
    if cell:
        make = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
        tags = {"tags": [cell[2]]} if cell[2] else {}
        new = make[cell[1] == "code"](text, metadata=tags)
        notebook.cells.insert(number, new)
    else:
        there = notebook.cells[number]
        there.source = there.source.replace(old, text)
    nbformat.write(notebook, path)


# --- a copy of the repository --------------------------------------------------------


class Copy:
    """A copy of the repository in which examples are performed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        skip = shutil.ignore_patterns("__pycache__", "*.partial", "generated", ".*")
        for name in COPIED:
            shutil.copytree(ROOT / name, root / name, ignore=skip)
        for path in ROOT.glob("*.*"):
            if path.is_file():
                shutil.copy(path, root)

    def add(self, example: Example) -> None:
        for piece in example.pieces:
            put(self.root, *piece)

    def run(self, command: str) -> subprocess.CompletedProcess:
        """Run a command of the page, with this Python, in the copy."""
        words = shlex.split(command)
        assert words[0] == "python", f"the examples call python: {command}"
        if words[1:3] == ["-m", "pytest"]:
            words += ["--tb=short"]
            for plugin in ("cacheprovider", "nbval", "xdist", "hypothesispytest"):
                words += ["-p", f"no:{plugin}"]  # slow to load, not needed
        return subprocess.run(
            [sys.executable, *words[1:]],
            cwd=self.root,
            env=os.environ
            | {"PYTHONPATH": "code", "HOME": str(self.root / "home")}
            | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
        )

    def perform(self, example: Example) -> None:
        """Run all commands of an example, and compare what they print."""
        printed = ""
        for command in example.commands:
            done = self.run(command)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            printed += done.stdout
        for line in example.printed:
            assert line in printed.splitlines(), f"{line!r} was not printed: {printed}"

    def files(self) -> dict[str, str]:
        """Return the hash of each file, without what is made in passing."""
        return {
            path.relative_to(self.root).as_posix(): hashlib.sha256(
                path.read_bytes()
            ).hexdigest()
            for path in self.root.rglob("*")
            if path.is_file() and not PASSING.search(path.as_posix())
        }


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "course")


# --- the examples --------------------------------------------------------------------


def test_a_function_takes_three_files_and_no_notebook(copy) -> None:
    before = copy.files()
    example = read_example("An activation function")
    copy.add(example)
    recorded = (
        "python -m pytest -q tests/course/test_ch13.py -k 'every_row or provenance'"
    )
    done = copy.run(recorded)
    assert done.returncode == 1 and example.commands[0] in done.stdout, done.stdout
    copy.perform(example)
    done = copy.run(recorded)
    assert done.returncode == 0, done.stdout
    after = copy.files()
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {
        "reference/references.bib",
        "code/actlab/activations/smooth.py",
        "code/actlab/rows/smooth.py",
        "code/actlab/cost/added/squareplus.json",
    }


# A cell that shows the whole catalogue shows something else when a function joins it.
WHOLE = re.compile(
    r"CATALOGUE|FAMILIES|catalogue\.family\(|(?:cost\.measure|precision\.table)\(\s*\)"
    r"|recorded\(added|neighbours\([^(),]+(?:,\s*\d+)?\)|rivals\("
)


def test_no_cell_shows_the_whole_catalogue() -> None:
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            found = cell.cell_type == "code" and WHOLE.search(cell.source)
            assert not found, (
                f"{path.name}, cell {number}: {found[0]} lists others when one "
                "is added; name those that the cell shows"
            )


def test_a_cell_that_shows_it_is_noticed() -> None:
    for source in ("precision.table()", "design.neighbours(mine, 7)", "neighbours(f)"):
        assert WHOLE.search(source), source
    for source in (
        "precision.table(keys)",
        "neighbours(mine, None)",
        "cost.recorded()",
    ):
        assert not WHOLE.search(source), source


MISTAKES = {
    # The formula right of 0, the slope left of it, and the formula in print.
    "x / 2 + root / 2": (
        "x / 2 + root / 4",
        "squareplus: module and expr differ in the value: at x = ",
    ),
    "self.b / 2 / (root - x.clamp(max=0.0))": (
        "self.b / 2 / (root - x.clamp(max=0.0)).detach()",
        "squareplus: module and expr differ in the derivative: at x = -8.0 0.0, should",
    ),
    "textbook=(x + _bend) / 2": (
        "textbook=x + _bend",
        "value at x = -6: expr 0.16227766, textbook 0.32455532",
    ),
}


def spoil(copy: Copy, right: str, wrong: str) -> None:
    """Replace something in what the example has added."""
    found = 0
    for family in ("activations", "rows"):
        path = copy.root / "code" / "actlab" / family / "smooth.py"
        source = path.read_text("utf-8")
        found += source.count(right)
        path.write_text(source.replace(right, wrong), "utf-8")
    assert found == 1, right


def test_mistakes_in_a_function_are_named(copy) -> None:
    example = read_example("An activation function")
    copy.add(example)
    for right, (wrong, _) in MISTAKES.items():
        spoil(copy, right, wrong)
    done = copy.run(example.commands[-1])
    for _, message in MISTAKES.values():
        assert message in done.stdout, f"{message!r} is not said: {done.stdout}"


def test_a_name_that_is_not_exported_is_named(copy) -> None:
    copy.add(read_example("An activation function"))
    spoil(copy, '    "Squareplus",\n', "")
    done = copy.run("python -c 'import actlab.catalogue'")
    assert "has no attribute 'Squareplus'" in done.stderr


def test_an_exercise_is_asked_and_answered(copy) -> None:
    example = read_example("An exercise")
    before = problems(copy)
    copy.add(example)
    copy.perform(example)
    # A cell that has not run yet is what `make execute` is for.
    new = [line for line in problems(copy) if line not in before]
    assert all(": outputs: " in line for line in new), new


def problems(copy: Copy) -> list[str]:
    done = copy.run("python tools/notebook_lint.py chapters/05-smooth-self-gated.ipynb")
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("title", ["A study", "A claim"])
def test_an_example_works_as_it_stands(copy, title) -> None:
    example = read_example(title)
    copy.add(example)
    copy.perform(example)


def test_all_examples_are_performed() -> None:
    titles = list(SECTIONS)
    first = titles.index("Adding things") + 1
    assert tuple(titles[first : titles.index("Notebooks")]) == EXAMPLES
