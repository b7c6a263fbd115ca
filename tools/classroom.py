"""Write the chapters for a class: ``make class FOLDER=where VARIANT=3``.

Three folders come out, and the chapters stay as they are:

``students/``
    The notebooks without solutions. Every exercise that can have other numbers has
    those of the variant, on the page and in its check.
``key/``
    For each chapter a page with the right answers of that variant, and the solutions.
``nbgrader/source/``
    The same notebooks in nbgrader's form: each exercise has a cell for the answer,
    which holds the solution between nbgrader's marks, and a locked cell that tests it.
    Points are the exercise's stars.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat

from course.exercises import core
from course.exercises.model import Choice, Code, Number, Order, Page, value_of
from lone_notebooks import DETAILS, code_solutions, strict_checks
from stamp import Address, origin, stamp, without_spoilers

__all__ = ["answers", "for_nbgrader", "for_students", "key", "main", "write"]

ROOT = Path(__file__).resolve().parent.parent
CALL = re.compile(r"\b(?P<name>ask|check)\(\s*\"(?P<id>\d{1,2}\.\w{1,3})\"")
IN_CLASS = "*Solution: in class.*"
OWN_NUMBERS = (
    "> **Note.** Your class has numbers of its own: they stand in the field below and "
    "take the place of those above."
)


def in_form(entry: Page, variant: int) -> Page:
    """Return an exercise of the page with a variant's numbers, where it has any."""
    return entry.numbers_for(variant) if entry.numbers_for else entry


def answers(entry: Page, variant: int) -> dict[str, Any]:
    """Return the right answer to each part of an exercise of the page.

    Parameters
    ----------
    entry : the exercise.
    variant : which numbers.

    Returns
    -------
    dict : {part: value}, as ``check`` takes it; texts for choices and orders.
    """
    found = {}
    for part in in_form(entry, variant).parts:
        right = value_of(part.answer)
        if isinstance(part, Number):
            found[part.name] = right
        elif isinstance(part, Choice):
            found[part.name] = right if isinstance(right, str) else part.options[right]
        elif isinstance(part, Order):
            found[part.name] = [
                each if isinstance(each, str) else part.items[each] for each in right
            ]
    return found


def exercises(notebook: Mapping[str, Any]) -> dict[str, Page | Code]:
    """Return the exercises that a notebook asks or checks, in its order."""
    found = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            for call in CALL.finditer(cell["source"]):
                entry = core.exercise(call["id"])
                if isinstance(entry, Page | Code):
                    found[entry.id] = entry
    return found


def _with_variant(source: str, variant: int) -> str:
    """Return a cell whose calls of ``ask`` and ``check`` name the variant."""
    lines = source.splitlines()
    ends = []
    for node in ast.walk(ast.parse(source)):
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if is_call and node.func.id in ("ask", "check"):  # type: ignore[attr-defined]
            ends.append((node.end_lineno, node.end_col_offset))  # type: ignore[attr-defined]
    for line, column in sorted(ends, reverse=True):
        # ast counts the columns in bytes.
        row = lines[line - 1].encode()
        before, after = row[: column - 1].decode(), row[column - 1 :].decode()
        comma = "" if before.rstrip().endswith(",") else ", "
        lines[line - 1] = f"{before}{comma}variant={variant}{after}"
    return "\n".join(lines)


def for_students(notebook: Mapping[str, Any], variant: int) -> dict[str, Any]:
    """Return a chapter without solutions, with a variant's numbers.

    What a prediction guards is hidden as in every notebook that is handed out, and
    the exercises' cells have no outputs: an answer's element would hold the answer.
    """
    copy = without_spoilers(notebook)
    known = exercises(notebook)
    for cell in copy["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = DETAILS.sub(IN_CLASS, cell["source"])
            title = re.match(r"#{2,4} (\d{1,2}\.\w{1,3}) ", cell["source"])
            entry = known.get(title[1]) if title else None
            if isinstance(entry, Page) and entry.numbers_for:
                cell["source"] += f"\n\n{OWN_NUMBERS}"
        elif CALL.search(cell["source"]):
            cell["source"] = _with_variant(cell["source"], variant)
            cell["outputs"], cell["execution_count"] = [], None
    return copy


def _graded(id: str, kind: str, points: int = 0) -> dict[str, Any]:
    """Return nbgrader's notes on a cell: one to answer in, or one that tests."""
    notes = {
        "grade": kind == "test",
        "grade_id": f"{kind}-{id.replace('.', '-')}",
        "locked": kind == "test",
        "schema_version": 3,
        "solution": kind == "answer",
        "task": False,
    }
    return {"nbgrader": notes | ({"points": points} if kind == "test" else {})}


def _cell(source: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    made = nbformat.v4.new_code_cell(source, metadata=dict(metadata))
    made["id"] = metadata["nbgrader"]["grade_id"]
    return made


def _pair(entry: Page | Code, stub: str, solution: str, check: str) -> list[dict]:
    """Return an exercise's two cells: the answer with its solution, and the test."""
    marked = f"### BEGIN SOLUTION\n{solution.strip()}\n### END SOLUTION"
    answer = f"{stub.strip()}\n\n{marked}" if stub.strip() else marked
    return [
        _cell(answer, _graded(entry.id, "answer")),
        _cell(check, _graded(entry.id, "test", entry.stars)),
    ]


def for_nbgrader(notebook: Mapping[str, Any], variant: int) -> dict[str, Any]:
    """Return a chapter in the form of an nbgrader source, solutions included.

    Raises ``ValueError`` if a Python exercise has no solution in the chapter.
    """
    solutions = code_solutions(dict(notebook))
    known = exercises(notebook)
    copy = for_students(notebook, variant)
    cells: list[dict] = []
    for cell in copy["cells"]:
        calls = (
            list(CALL.finditer(cell["source"])) if cell["cell_type"] == "code" else []
        )
        entries = [known[call["id"]] for call in calls if call["id"] in known]
        if not any(entry.stars for entry in entries):  # none, or the warm-up
            cells.append(cell)
        elif isinstance(entries[0], Page):
            cells.append(cell)
            for entry in entries:
                assert isinstance(entry, Page)
                cells += _page_cells(entry, variant)
        else:
            checks, stub = strict_checks(cell["source"])
            for entry in entries:
                if entry.id not in solutions:
                    raise ValueError(f"exercise {entry.id} has no solution in Python")
                cells += _pair(entry, stub, solutions[entry.id], checks[entry.id])
                stub = ""
    copy["cells"] = cells
    return copy


def _page_cells(entry: Page, variant: int) -> list[dict]:
    """Return the two cells of an exercise that the page would have checked."""
    name = f"answer_{entry.id.replace('.', '_')}"
    right = answers(entry, variant)
    empty = "\n".join(f"    {part!r}: ...," for part in right)
    full = "\n".join(f"    {part!r}: {value!r}," for part, value in right.items())
    return _pair(
        entry,
        f"{name} = {{\n{empty}\n}}",
        f"{name} = {{\n{full}\n}}",
        f"check({entry.id!r}, {name}, variant={variant}, strict=True)",
    )


def key(notebook: Mapping[str, Any], variant: int) -> str:
    """Return a chapter's right answers and solutions as markdown."""
    folded = {
        details["id"]: re.sub(
            r"</?details[^>]*>|<summary>.*?</summary>", "", details[0]
        )
        for cell in notebook["cells"]
        if cell["cell_type"] == "markdown"
        for details in DETAILS.finditer(cell["source"])
    }
    title = notebook["cells"][0]["source"].partition("\n")[0].lstrip("# ")
    lines = [f"# Key, variant {variant}: {title}", ""]
    for entry in exercises(notebook).values():
        lines += [f"## {entry.id} {entry.title} · {'★' * entry.stars}", ""]
        if isinstance(entry, Page):
            form = in_form(entry, variant)
            if entry.numbers_for:
                lines += [f"Asked: {form.task}", ""]
            right = answers(entry, variant)
            lines += [
                f"- {part.label or part.name}: **{_shown(right[part.name], part)}**"
                for part in form.parts
            ]
            lines += ["", f"*Reply to it:* {form.right}", ""]
        if entry.id in folded:
            whose = ", with the chapter's numbers" if _varies(entry) else ""
            lines += [f"*Solution{whose}:*", "", folded[entry.id].strip(), ""]
    return "\n".join(lines).rstrip() + "\n"


def _varies(entry: Page | Code) -> bool:
    return isinstance(entry, Page) and entry.numbers_for is not None


def _shown(value: Any, part: Any) -> str:
    if isinstance(value, list):
        return " → ".join(value)
    if isinstance(part, Number):
        return f"{value:.6g} {part.unit}".strip()
    return str(value)


def write(
    folder: Path, variant: int, chapters: Sequence[Path], address: Address | None
) -> int:
    """Write a class's folders; return how many chapters they hold.

    Each file is replaced as a whole. With an address the setup cells fetch the course
    from it; without one, students need a copy of the course around the notebook.
    """
    for path in chapters:
        notebook = nbformat.read(path, as_version=4)
        if address:
            stamped = stamp(notebook, path.name, address.url, address.commit)
        else:
            stamped = deepcopy(notebook)
        for place, made in (
            (folder / "students", for_students(stamped, variant)),
            (
                folder / "nbgrader" / "source" / path.stem,
                for_nbgrader(stamped, variant),
            ),
        ):
            _replace(place / path.name, nbformat.writes(made) + "\n")
        _replace(folder / "key" / f"{path.stem}.md", key(notebook, variant))
    return len(chapters)


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the folders that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--variant", type=int, default=1, help="which other numbers")
    options = parser.parse_args(arguments)
    chapters = sorted((ROOT / "chapters").glob("*.ipynb"))
    count = write(options.folder, options.variant, chapters, origin())
    print(
        f"{count} chapters, variant {options.variant}: {options.folder}/students, "
        "key, nbgrader/source"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
