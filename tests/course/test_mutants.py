"""Graders are tested by small errors: a wrong program has to be refused.

The printed solution of every Python exercise is changed in one place at a time (see
`mutants`). A changed program that does the same as the solution on the whole domain of
the task (see `domains`) is no error and does not count. Of all others the graders
refuse at least 98 %; those that pass are listed in `PASS`, each with its reason.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import Any

import nbformat
import pytest
from domains import DOMAINS, alike, behaviour, quiet
from mutants import Mutant, mutants, sample

import lone_notebooks
import setup_cell
from course.exercises import core
from course.exercises.model import Code
from course.exercises.report import Report

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = [
    entry
    for number in core.chapters()
    if number <= core.LAST
    for entry in core.chapter(number).exercises
    if isinstance(entry, Code)
]
AT_MOST = {"14.7": 18, "15.7": 40}  # each of their runs trains a network
LEAST = 0.98

# {exercise: {change: why it may pass}}
PASS: dict[str, dict[str, str]] = {}


@functools.cache
def chapter_of(number: int) -> tuple[dict, dict, dict]:
    """A chapter's solutions, what its checks are handed, and the names it defines."""
    (path,) = (ROOT / "chapters").glob(f"{number:02}-*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    handed, names = {}, {}
    for source in lone_notebooks.code_cells(notebook):
        checks, _ = lone_notebooks.strict_checks(source)
        for id, text in checks.items():
            call = ast.parse(text, mode="eval").body
            assert isinstance(call, ast.Call)
            handed[id] = ast.unparse(call.args[1])
        if not checks and source != setup_cell.SOURCE:
            kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
            body = [s for s in ast.parse(source).body if isinstance(s, kept)]
            exec(compile(ast.Module(body, []), path.name, "exec"), names)
    return lone_notebooks.code_solutions(notebook), handed, names


def answer_of(entry: Code, source: str) -> Any:
    """What a program hands to the check of an exercise; None if it cannot run."""
    _, handed, names = chapter_of(int(entry.id.split(".")[0]))
    inner = dict(names)
    with quiet():
        try:
            exec(compile(source, f"answer {entry.id}", "exec"), inner)
            return inner[handed[entry.id]]
        except Exception:
            return None


def solution(entry: Code) -> str:
    """The printed solution; the plan of 15.7 with one epoch, to save time."""
    source = chapter_of(int(entry.id.split(".")[0]))[0][entry.id]
    return source.replace('init="he",', 'init="he", epochs=1,')


def survivors(entry: Code, grade: Any = core.grade) -> tuple[list[Mutant], int]:
    """The wrong mutants that a grader accepts, and how many are wrong."""
    source = solution(entry)
    right = behaviour(entry.id, answer_of(entry, source))
    assert not isinstance(right, str), f"{entry.id}: the solution itself raises {right}"
    found, wrong = [], 0
    for mutant in sample(mutants(source), AT_MOST.get(entry.id, 400)):
        answer = answer_of(entry, mutant.source)
        if answer is None or alike(entry.id, right, behaviour(entry.id, answer)):
            continue
        wrong += 1
        if grade(entry, answer).status == "right":
            found.append(mutant)
    return found, wrong


# -- the score -------------------------------------------------------------------------


@functools.cache
def score(id: str) -> tuple[list[Mutant], int]:
    """`survivors` of an exercise by its id, found once."""
    (entry,) = (entry for entry in CODE if entry.id == id)
    return survivors(entry)


def test_all_code_exercises_have_a_domain():
    assert {entry.id for entry in CODE} == set(DOMAINS), (
        "tests/domains.py says for each Python exercise what a right answer does"
    )


@pytest.mark.parametrize("entry", CODE, ids=lambda entry: entry.id)
def test_wrong_programs_are_refused(entry):
    """Each exercise has wrong mutants, and what passes has a reason in `PASS`."""
    found, wrong = score(entry.id)
    assert wrong >= 3, "too few mutants: the domain sees no difference"
    unknown = [m for m in found if m.what not in PASS.get(entry.id, {})]
    assert not unknown, "accepted:\n" + "\n".join(
        f"{mutant.what}\n{mutant.source}" for mutant in unknown
    )


def test_the_graders_refuse_nearly_all(capsys):
    """98 of 100 wrong programs, counted over all exercises."""
    scores = [score(entry.id) for entry in CODE]
    passed = sum(len(found) for found, _ in scores)
    wrong = sum(count for _, count in scores)
    with capsys.disabled():
        print(f"\n{wrong - passed} of {wrong} wrong programs refused", end=" ")
    assert passed <= (1 - LEAST) * wrong


def test_reasons_belong_to_mutants_that_pass():
    """A reason for what is refused by now, or never made, has to go."""
    for id, reasons in PASS.items():
        assert set(reasons) <= {mutant.what for mutant in score(id)[0]}, id


@pytest.mark.parametrize("id", ["4.2", "4.5", "6.4", "6.6", "7.4", "12.6"])
def test_a_weaker_grader_is_noticed(id, monkeypatch):
    """Without all cases but the first, mutants get through."""
    (entry,) = (entry for entry in CODE if entry.id == id)
    compare = Report.compare

    def careless(self: Report, function: Any, oracle: Any, cases: Any, **named: Any):
        return compare(self, function, oracle, list(cases)[:1], **named)

    monkeypatch.setattr(Report, "compare", careless)
    assert survivors(entry)[0], "no mutant needs the other cases"
