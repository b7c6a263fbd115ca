"""The landing page's map: a card for each chapter, with a small figure of its topic.

The figures are drawn here from the catalogue's own formulas, as SVG in the colours of
the page. They are signs, not results: no measured number is in them.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from actlab import catalogue

__all__ = ["card", "cards", "thumbnail"]

WIDTH, HEIGHT, EDGE = 120, 72, 6
STEPS = 60
# What each chapter's figure shows: functions of the catalogue, the first one in front.
CURVES = {
    2: ("hardswish",),
    3: ("sigmoid", "tanh"),
    4: ("relu", "leaky_relu", "elu"),
    5: ("gelu", "swish", "mish"),
    8: ("snake", "rational"),
    15: ("telu", "relu"),
}


def curve(
    function: Callable[[np.ndarray], np.ndarray],
    low: float,
    high: float,
    ends: tuple[float, float],
) -> str:
    """Return a function as an SVG path that fills the figure.

    Parameters
    ----------
    function : of a float64 array.
    low, high : the range of x.
    ends : the values at the lower and the upper edge.
    """
    x = np.linspace(low, high, STEPS + 1)
    with np.errstate(all="ignore"):
        y = np.asarray(function(x), dtype=np.float64) * np.ones_like(x)
    bottom, top = ends
    points = []
    for across, up in zip(x, y):
        px = EDGE + (WIDTH - 2 * EDGE) * (across - low) / (high - low)
        py = HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (up - bottom) / (top - bottom)
        points.append(f"{px:.1f} {min(max(py, 0), HEIGHT):.1f}")
    return "M" + "L".join(points)


def path(name: str, line: str) -> str:
    """Return a path in one of the page's inks: ``a`` in front, ``b`` behind, ``c``."""
    return f'<path class="ink-{name}" d="{line}"/>'


def bars(heights: Iterable[float], marked: Sequence[int] = ()) -> str:
    """Return upright bars of heights between 0 and 1, some of them marked."""
    values = list(heights)
    step = (WIDTH - 2 * EDGE) / len(values)
    drawn = []
    for place, value in enumerate(values):
        tall = max(1.5, value * (HEIGHT - 2 * EDGE))
        name = "bar mark" if place in marked else "bar"
        drawn.append(
            f'<rect class="{name}" x="{EDGE + step * (place + 0.15):.1f}" '
            f'y="{HEIGHT - EDGE - tall:.1f}" width="{step * 0.7:.1f}" '
            f'height="{tall:.1f}"/>'
        )
    return "".join(drawn)


def functions(keys: Sequence[str]) -> str:
    """Return the curves of functions of the catalogue, the first one in front."""
    rows = [catalogue.get(key) for key in keys]
    x = np.linspace(-4, 4, STEPS + 1)
    with np.errstate(all="ignore"):
        values = np.concatenate([row.numpy()(x) * np.ones_like(x) for row in rows])
    ends = float(values.min()) - 0.1, min(float(values.max()), 4.0) + 0.1
    lines = [curve(row.numpy(), -4, 4, ends) for row in rows]
    inks = ("a", "b", "c")
    return "".join(path(ink, line) for ink, line in reversed(list(zip(inks, lines))))


def _figure(number: int) -> str:
    """Return what is inside of a chapter's figure."""
    if number in CURVES:
        return functions(CURVES[number])
    sigmoid = catalogue.get("sigmoid").numpy()
    relu = catalogue.get("relu").numpy()
    if number == 1:  # a curve out of kinks, and the line that is left without them
        joints = curve(
            lambda x: relu(x + 3) - 2.2 * relu(x + 1) + 2.6 * relu(x - 1),
            -4,
            4,
            (-1, 6),
        )
        return path("c", curve(lambda x: 2 + 0.4 * x, -4, 4, (-1, 6))) + path(
            "a", joints
        )
    if number == 6:  # softmax of five logits
        powers = np.exp([0.5, 1.5, 3.0, 2.2, 0.0])
        return bars(powers / powers.max(), marked=[2])
    if number == 7:  # a value, its gate and their product
        gate = curve(lambda x: 3 * sigmoid(2 * x), -4, 4, (-4, 4))
        product = curve(lambda x: 3 * np.cos(x) * sigmoid(2 * x), -4, 4, (-4, 4))
        value = curve(lambda x: 3 * np.cos(x), -4, 4, (-4, 4))
        return path("c", value) + path("b", gate) + path("a", product)
    if number == 9:  # what a factor below 1 leaves, layer by layer
        return bars([0.72**layer for layer in range(10)])
    if number == 10:  # of nine units some give nothing
        return bars([0.8, 0.55, 0, 0.9, 0, 0.4, 0.7, 0, 0.6], marked=[2, 4, 7])
    if number == 11:  # contours of a bowl
        rings = (
            f'<ellipse class="ink-{ink}" cx="60" cy="36" rx="{52 * k:.0f}" '
            f'ry="{26 * k:.0f}" transform="rotate(-14 60 36)"/>'
            for k, ink in ((1, "c"), (0.7, "c"), (0.42, "b"), (0.16, "a"))
        )
        return "".join(rings)
    if number == 12:  # intervals that overlap
        rows = ((50, 24), (58, 22), (62, 26), (66, 20), (84, 12))
        drawn = []
        for place, (middle, half) in enumerate(rows):
            y = 12 + 12 * place
            drawn.append(path("b", f"M{middle - half} {y}H{middle + half}"))
            drawn.append(f'<circle class="bar" cx="{middle}" cy="{y}" r="3.4"/>')
        return "".join(drawn)
    if number == 13:  # sixteen bits: a stair that takes the place of a curve
        stair = curve(lambda x: np.round(2 * np.tanh(x) * 3) / 3, -4, 4, (-2.3, 2.3))
        return path("c", curve(lambda x: 2 * np.tanh(x), -4, 4, (-2.3, 2.3))) + path(
            "a", stair
        )
    tree = "M60 8V22M60 22H30V36M60 22H90V36M30 36H16V58M30 36H46V58M90 36V58"
    dots = "".join(
        f'<circle class="bar" cx="{x}" cy="{y}" r="4"/>'
        for x, y in ((60, 8), (16, 60), (46, 60), (90, 60))
    )
    return path("b", tree) + dots


def thumbnail(number: int) -> str:
    """Return a chapter's small figure as SVG, a sign that says nothing new."""
    return (
        f'<svg class="actlab-sketch" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f"{_figure(number)}</svg>"
    )


def card(number: int, question: str, address: str, minutes: tuple[int, int]) -> str:
    """Return a chapter's card: number, figure, question, minutes."""
    reading, exercises = minutes
    return (
        f'<li><a class="actlab-card" href="{address}">{thumbnail(number)}'
        f'<span class="actlab-number">{number:02d}</span>'
        f'<span class="actlab-question">{html.escape(question)}</span>'
        f'<span class="actlab-minutes">{reading} + {exercises} min</span></a></li>'
    )


def cards(parts: Iterable[tuple[str, list[str]]]) -> str:
    """Return the map: the parts of the course, each with its chapters' cards."""
    lines = []
    for title, members in parts:
        lines.append(f'<p class="actlab-part">{html.escape(title)}</p>')
        lines.append(f'<ul class="actlab-cards">{"".join(members)}</ul>')
    return "\n".join(lines)
