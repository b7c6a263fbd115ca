"""Answers that nobody had in mind get true replies: the tables beside this file."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from course.exercises import core
from course.exercises.model import Code
from course.exercises.report import answer_from_source

ROWS = yaml.safe_load(
    Path(__file__).with_name("new_answers.yml").read_text(encoding="utf-8")
)

CODE_ROWS = [row for row in ROWS if isinstance(core.exercise(row["id"]), Code)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_an_answer_gets_its_reply(row):
    entry = core.exercise(row["id"])
    got = core.grade(entry, answer_from_source(row["answer"]))
    assert got.status == row["status"], got.text
    assert row.get("said", "correct" if isinstance(entry, Code) else "") in got.text
    assert "unsaid" not in row or row["unsaid"] not in got.text


def test_the_table_has_right_and_wrong_ones_of_each_exercise(capsys):
    with capsys.disabled():
        print(f"\n{len(ROWS)} answers nobody had in mind", end=" ")
    found = Counter((row["id"], row["status"] == "right") for row in CODE_ROWS)
    ids = {
        entry.id
        for number in range(1, core.LAST + 1)
        for entry in core.chapter(number).exercises
        if isinstance(entry, Code)
    }
    # a report is made by a run: it has tests of its own
    assert {id for id, _ in found} == ids - {"15.7"}
    assert all(found[id, False] >= 2 for id in ids - {"15.7"})
    assert sum(row["status"] == "right" for row in CODE_ROWS) >= 80


@contextlib.contextmanager
def odd_notebook():
    """Every setting at once that a notebook may have left."""
    with contextlib.ExitStack() as stack:
        stack.callback(torch.set_grad_enabled, True)
        stack.callback(torch.set_default_dtype, torch.float32)
        stack.callback(torch.set_default_device, None)
        stack.enter_context(np.errstate(all="raise"))
        stack.enter_context(torch.autocast("cpu", torch.bfloat16))
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        yield


RIGHT = {row["id"]: row["answer"] for row in ROWS if row["status"] == "right"}


@pytest.mark.parametrize("id", RIGHT)
def test_a_right_answer_is_right_in_any_notebook(id):
    answer = answer_from_source(RIGHT[id])
    with odd_notebook():
        assert core.grade(core.exercise(id), answer).status == "right"
        assert torch.is_autocast_enabled("cpu")
