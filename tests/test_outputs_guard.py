"""Stored outputs are compared, each cell as strictly as its tags say."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import outputs

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
MOST_UNCHECKED = 10
PICTURE = "<IPython.core.display.Image object>"


def cell(text, *tags, alt=None, source="1"):
    """Return a cell that printed a text, and drew a figure if it has an alt text."""
    made = nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})
    if text:
        made["outputs"] = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    if alt is not None:
        data = {"image/png": "aGVsbG8=", "text/plain": PICTURE}
        made["outputs"].append(nbformat.v4.new_output("display_data", data=data))
        made["metadata"]["mystnb"] = {"image": {"alt": alt}}
    return made


def compare(stored, fresh, *tags):
    return outputs.differences(cell(stored, *tags), cell(fresh)["outputs"], [])


def test_the_same_text_passes():
    assert compare("gain 1.41\n", "gain 1.41\n") == []


@pytest.mark.parametrize("fresh", ["gain 1.42\n", "Gain 1.41\n", "gain  1.41\n", ""])
def test_without_a_tag_every_character_counts(fresh):
    assert compare("gain 1.41\n", fresh)


@pytest.mark.parametrize(
    ("tag", "stored", "passes", "fails"),
    [
        ("within-3", "90", "93", "93.1"),
        ("within-0.5", "−0.25", "0.25", "0.26"),
        ("within-20%", "0.50", "0.6", "0.61"),
        ("within-20%", "1,000", "1,200", "1,201"),
        ("within-x5", "2e-13", "1e-12", "1.1e-12"),
        ("within-x5", "2e−13", "0.4e−13", "-2e−13"),
        ("within-any", "nan", "1e9", "many"),
        ("within-3", "inf", "inf", "1"),
        ("within-x5", "0", "0.0", "0.1"),
    ],
)
def test_a_number_may_move_within_its_range_alone(tag, stored, passes, fails):
    line = "ReLU  {} % right (n = 5)\n"
    assert compare(line.format(stored), line.format(passes), tag) == []
    assert compare(line.format(stored), line.format(fails), tag)


def test_of_several_ranges_one_is_enough():
    tags = ("within-1", "within-20%")
    assert compare("0.5 and 100", "1.4 and 119", *tags) == []
    assert compare("0.5 and 100", "1.6 and 100", *tags)
    assert compare("0.5 and 100", "0.5 and 121", *tags)


@pytest.mark.parametrize(
    "fresh",
    [
        "tanh learns, 91 % right",
        "relu2 learns 91 % right",
        "relu3 learns, 91 % right",
        "relu2 learns, 91 % right, 5 left",
    ],
)
def test_a_changed_word_is_out_of_every_range(fresh):
    assert compare("relu2 learns, 90 % right", fresh, "within-any")


def test_columns_may_move_with_their_numbers():
    assert compare("a    9.5  b\n", "a   10.1  b\n", "within-20%") == []


def test_alt_texts_are_compared_and_pictures_counted():
    drawn = cell("", alt="It rises to 1.")
    same = cell("", alt="")["outputs"]
    assert outputs.differences(drawn, same, ["It rises to 1."]) == []
    assert outputs.differences(drawn, same, ["It rises to 2."])
    assert outputs.differences(drawn, [], [])
    assert outputs.differences(drawn, [*same, same[-1]], ["It rises to 1."])
    drawn["metadata"]["tags"] = ["within-x5"]
    assert outputs.differences(drawn, same, ["It rises to 2."]) == []
    assert outputs.differences(drawn, same, ["It falls to 1."])


def test_an_alt_text_written_by_hand_stays():
    drawn = cell("", alt="By hand.")
    assert outputs.differences(drawn, cell("", alt="")["outputs"], []) == []


def test_the_numbers_inside_a_widget_are_compared():
    def widget(answer, *tags):
        payload = base64.b64encode(f'{{"answer":{answer}}}'.encode()).decode()
        made = cell("", *tags)
        html = f'<div data-payload="{payload}"></div>'
        data = {"text/html": html, "text/plain": "<object at 0x7f0011223344>"}
        made["outputs"] = [nbformat.v4.new_output("display_data", data=data)]
        return made

    fresh = widget(0.51)["outputs"]
    assert "0.51" in "\n".join(outputs.differences(widget(0.5), fresh, []))
    assert outputs.differences(widget(0.5, "within-5%"), fresh, []) == []
    assert outputs.differences(widget(0.6, "within-5%"), fresh, [])


def test_unchecked_cells_are_few_and_say_why():
    reasons = [
        stored["metadata"]["unchecked"]
        for path in CHAPTERS
        for stored in nbformat.read(path, as_version=4)["cells"]
        if "unchecked" in stored["metadata"].get("tags", [])
    ]
    assert len(reasons) <= MOST_UNCHECKED, reasons


# --- the same, through nbval and a kernel --------------------------------------------

DRAW = """\
from types import ModuleType
import sys
from IPython.display import Image, display

sys.modules["actlab.figures"] = figures = ModuleType("figures")
figures.ALT_TEXTS = ["It rises to 1."]
display(Image(b"\\x89PNG\\r\\n\\x1a\\n", format="png"))"""


def test_nbval_refuses_what_changed_and_nothing_else(tmp_path):
    accuracy = "print('accuracy', 0.93)"
    cases = [
        (cell("0.93\n", source="print(0.93)"), "PASSED"),
        (cell("0.94\n", source="print(0.93)"), "FAILED"),
        (cell("", source="print(0.93)"), "FAILED"),
        (cell("0.94\n", "unchecked", source="print(0.93)"), "PASSED"),
        (cell("accuracy 0.90\n", "within-0.05", source=accuracy), "PASSED"),
        (cell("accuracy 0.80\n", "within-0.05", source=accuracy), "FAILED"),
        (cell("loss 0.93\n", "within-0.05", source=accuracy), "FAILED"),
        (cell("", alt="It rises to 1.", source=DRAW), "PASSED"),
        (cell("", alt="It rises to 2.", source=DRAW), "FAILED"),
    ]
    for number, (made, _) in enumerate(cases, 1):
        made["execution_count"] = number
    notebook = nbformat.v4.new_notebook(cells=[made for made, _ in cases])
    nbformat.write(notebook, tmp_path / "notebook.ipynb")
    plugin = ROOT / "chapters" / "conftest.py"
    (tmp_path / "conftest.py").write_bytes(plugin.read_bytes())
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--nbval-lax"]
    done = subprocess.run(
        [*command, "--nbval-current-env", "-p", "no:cacheprovider", "notebook.ipynb"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tools")},
        capture_output=True,
        text=True,
    )
    for number, (_, verdict) in enumerate(cases):
        assert f"{verdict} notebook.ipynb::Cell {number}" in done.stdout, done.stdout
