"""What every figure of the course has to keep, whoever owns it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.text import Text

from actlab import figures
from actlab.figures import style


def visible_texts(figure: Figure) -> list[Text]:
    return [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip()
    ]


def assert_readable(draw: Callable[[], Figure]) -> None:
    """Draw a figure: it says what it shows, fits a page and can be read on a phone."""
    figures.ALT_TEXTS.clear()
    before = dict(plt.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw()
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
    assert dict(plt.rcParams) == before, "a figure must not change the reader's style"
    assert isinstance(figure, Figure)
    assert [figure.alt] == figures.ALT_TEXTS
    assert 60 < len(figure.alt) < 400
    assert figure.alt.endswith(".") and "nan" not in figure.alt
    assert figure.dpi <= 110 and figure.get_figwidth() == style.WIDTH
    assert len(picture.getvalue()) < 90_000
    assert matplotlib.colors.to_hex(figure.get_facecolor()) == style.PAPER
    renderer = figure.canvas.get_renderer()
    scale = 350 / (figure.get_figwidth() * 72)
    for text in visible_texts(figure):
        assert text.get_fontsize() * scale >= 9, f"{text.get_text()!r} is too small"
        if any(
            text in (*a.get_xticklabels(), *a.get_yticklabels()) for a in figure.axes
        ):
            continue  # ticks outside the limits exist but are not drawn
        box = text.get_window_extent(renderer)
        page = figure.bbox
        assert box.x0 >= -1 and box.y0 >= -1, f"{text.get_text()!r} is cut off"
        assert box.x1 <= page.x1 + 1 and box.y1 <= page.y1 + 1, text.get_text()
