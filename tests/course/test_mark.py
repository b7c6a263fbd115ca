"""Marking a folder: one process each, a time limit, a table."""

from __future__ import annotations

import csv

import nbformat
import pytest

from course.exercises import mark

LEAKY = "import torch\ndef leaky(x, slope):\n    return "
RIGHT = LEAKY + "torch.where(x > 0, x, slope * x)"
WRONG = LEAKY + "torch.maximum(slope * x, x)"
CHECK = 'from course.exercises import check\ncheck("4.2", leaky)'
CHEAT = "import torch\ntorch.isclose = lambda a, *b, **c: torch.ones_like(a).bool()"


def submit(folder, name, *cells):
    notebook = nbformat.v4.new_notebook()
    notebook["cells"] = [nbformat.v4.new_code_cell(cell) for cell in cells]
    path = folder / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def of_4_2(marks):
    return next((m.mark, m.reply) for m in marks if m.exercise == "4.2")


def test_a_folder_becomes_a_table(tmp_path, capsys):
    submit(tmp_path, "class a/right", RIGHT, "1 / 0", CHECK)
    submit(tmp_path, "wrong", CHEAT, WRONG, CHECK, "torch.isclose = None", CHECK)
    (tmp_path / "odd.ipynb").write_text("no notebook")
    submit(tmp_path, ".ipynb_checkpoints/right", RIGHT, CHECK)
    assert mark.main([str(tmp_path)]) == 0
    with (tmp_path / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    marks = {(row["file"], row["exercise"]): row for row in rows}
    assert marks["class a/right.ipynb", "4.2"]["mark"] == "right"
    assert marks["class a/right.ipynb", "4.5"]["mark"] == "open"
    wrong = marks["wrong.ipynb", "4.2"]
    assert wrong["mark"] == "wrong" and "expected" in wrong["reply"]
    assert marks["odd.ipynb", ""]["reply"] == "This file is not a notebook."
    assert not [file for file, _ in marks if "checkpoints" in file]
    printed = capsys.readouterr().out
    assert "class a/right.ipynb: 1 of " in printed and wrong["reply"] in printed


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["while True: pass", RIGHT, CHECK], "Stopped after 8 s"),
        (["import os; os._exit(3)", RIGHT, CHECK], "The run ended"),
    ],
    ids=["hangs", "ends"],
)
def test_a_run_that_hangs_or_ends_is_open(cells, words, tmp_path):
    path = submit(tmp_path, "a", RIGHT, *cells)
    status, reply = of_4_2(mark.marks_of(path, "a.ipynb", seconds=8))
    assert status == "open" and reply.startswith(words)


def test_what_was_checked_before_the_end_counts(tmp_path):
    path = submit(tmp_path, "a", RIGHT, CHECK, "import os; os._exit(3)")
    assert of_4_2(mark.marks_of(path, "a.ipynb"))[0] == "right"


def test_a_folder_without_notebooks_says_so(tmp_path, capsys):
    assert mark.main([str(tmp_path)]) == 1
    assert "holds no notebook" in capsys.readouterr().out
    assert mark.main([str(tmp_path / "none")]) == 1
    assert "is no folder" in capsys.readouterr().out


def test_a_spreadsheet_sees_no_formula(tmp_path):
    marks = [mark.Mark("=1+1.ipynb", "4.2", "wrong", "-0.2 is not it")]
    mark._write(marks, tmp_path / "m.csv")
    text = (tmp_path / "m.csv").read_text(encoding="utf-8-sig")
    assert text.splitlines()[1] == "'=1+1.ipynb,4.2,wrong,'-0.2 is not it"
