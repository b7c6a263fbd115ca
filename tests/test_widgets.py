"""What tools/execute.py stores: widgets drawn anew, and figures with few colours."""

from __future__ import annotations

import shutil
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

import execute
from actlab.figures.style import COLOURS

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_the_stored_widgets_are_todays(chapter, tmp_path):
    """What is stored of a widget is what the code draws: nothing changes."""
    copy = Path(shutil.copy(chapter, tmp_path))
    assert ": 0 widgets drawn anew" in execute.redraw(copy)
    assert copy.read_bytes() == chapter.read_bytes()


def test_only_widgets_are_drawn_anew(tmp_path):
    copy = Path(shutil.copy(CHAPTERS[0], tmp_path))
    before = nbformat.read(copy, as_version=4)
    for cell in before["cells"]:
        if "setup" in cell["metadata"].get("tags", []):
            cell["source"] = "an older one"
        for output in cell.get("outputs", []):
            if "data-actlab=" in output.get("data", {}).get("text/html", ""):
                output["data"]["text/html"] = "an older one"
    execute.write(before, copy)
    assert execute.redraw(copy).startswith(copy.name)
    assert copy.read_bytes() == CHAPTERS[0].read_bytes()


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ('ask("1.2")', ("ask", ["1.2"], {})),
        ('ask("1.2", variant=3)', ("ask", ["1.2"], {"variant": 3})),
        ('x = 1\nask("1.2")', None),
        ("print(1)", None),
        ("%matplotlib inline", None),
    ],
)
def test_a_cell_that_only_calls_a_widget_is_found(source, call):
    assert execute.widget_call({"cell_type": "code", "source": source}) == call


def test_a_stored_figure_keeps_the_colours_of_its_lines():
    figure, axes = plt.subplots(figsize=(5.5, 3.5))
    for i, colour in enumerate(COLOURS):
        axes.plot([0, 1, 2], [i, i + 2, i], color=colour, linewidth=1)
    axes.set_title("one thin line of each colour")
    drawn = BytesIO()
    figure.savefig(drawn, dpi=100)
    plt.close(figure)
    stored = execute.compact_picture(Image.open(drawn).convert("RGB"), 24)
    seen = np.array(Image.open(BytesIO(b64decode(stored))).convert("RGB"), dtype=int)
    for colour in COLOURS:
        wanted = [round(255 * share) for share in to_rgb(colour)]
        assert np.abs(seen - wanted).max(axis=-1).min() <= 20, colour
