"""The small drawing of a function: its curve and its slope, as SVG in the page's inks.

All drawings have the same frame and the same scale on both axes, 20 units of the
picture to 1, so that shapes can be compared at a glance and a slope of 1 is a diagonal.
A function that needs another range of x has its own (the record's ``view``).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from actlab import catalogue

__all__ = ["drawn_of", "sketch"]

WIDTH, HEIGHT, UNIT = 160, 120, 20.0
ZERO = (80.0, 80.0)  # where x = 0, y = 0 lies: y runs from -2 to 4
STEPS = 320
TOLERANCE = 0.35  # of the picture's units: what a straight piece may miss
JUMP = 14.0
# What is drawn of a function of vectors: the vectors, of an array of x, and which entry
# of the answer is shown.
GATE = "x is the gate, and what it multiplies is 1"
OTHERS = "one entry is x, two others are 0"
VECTORS: dict[str, tuple[Callable[[np.ndarray], list[np.ndarray]], str]] = {
    "crelu": (lambda x: [x], "the first half of what comes out"),
    "glu": (lambda x: [np.ones_like(x), x], GATE),
    "bilinear": (lambda x: [np.ones_like(x), x], GATE),
    "reglu": (lambda x: [np.ones_like(x), x], GATE),
    "geglu": (lambda x: [np.ones_like(x), x], GATE),
    "swiglu": (lambda x: [np.ones_like(x), x], GATE),
    "clamped_swiglu": (lambda x: [np.ones_like(x), x], GATE),
    "maxout": (lambda x: [x, 0 * x], "one piece is x, the other 0"),
    "groupsort": (lambda x: [x, 0 * x], "the smaller of x and 0"),
}


def _curves(
    row: catalogue.Activation,
) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    """Return value and slope as functions of an array."""
    if row.kind == "scalar":
        return row.numpy(), row.numpy_derivative()
    build, _ = VECTORS.get(row.key, (lambda x: [x, 0 * x, 0 * x], OTHERS))
    function = row.numpy()

    def value(x: np.ndarray) -> np.ndarray:
        return function(np.stack(build(x), axis=-1))[..., 0]

    def slope(x: np.ndarray) -> np.ndarray:
        return (value(x + 1e-5) - value(x - 1e-5)) / 2e-5

    return value, slope


def drawn_of(row: catalogue.Activation) -> str:
    """Say in words what is drawn of a function of vectors; empty for the others."""
    return "" if row.kind == "scalar" else VECTORS.get(row.key, (None, OTHERS))[1]


def sketch(row: catalogue.Activation, name: str = "actlab-curve") -> str:
    """Return the drawing; it says nothing new, so screen readers pass it over."""
    low, high = (-4.0, 4.0) if row.view == (-5.0, 5.0) else row.view
    value, slope = _curves(row)
    lines = "".join(
        f'<path class="{ink}" d="{_path(function, low, high)}"/>'
        for ink, function in (("s", slope), ("v", value))
    )
    return (
        f'<svg class="{name}" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f'<path class="o" d="M0 80H160M80 0V120"/>{lines}</svg>'
    )


def _path(function: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> str:
    """Return a curve as an SVG path in whole tenths, the pen lifted at jumps."""
    x = np.linspace(low, high, STEPS + 1)
    with np.errstate(all="ignore"):
        y = np.asarray(function(x), dtype=np.float64) * np.ones_like(x)
    across = WIDTH * (x - low) / (high - low)
    down = np.clip(ZERO[1] - UNIT * y, -30.0, HEIGHT + 30.0)
    finite = np.isfinite(down)
    pieces, current = [], []
    for k in range(len(x)):
        if finite[k]:
            if current and abs(down[k] - current[-1][1]) > JUMP and _kink(down, k):
                pieces.append(current)
                current = []
            current.append((float(across[k]), float(down[k])))
    pieces.append(current)
    return "".join(_line(_simplified(piece)) for piece in pieces if len(piece) > 1)


def _kink(down: np.ndarray, k: int) -> bool:
    """Say whether a large step at k is a jump: steps beside it are much smaller."""
    step = abs(down[k] - down[k - 1])
    before = abs(down[k - 1] - down[k - 2]) if k > 1 else 0.0
    after = abs(down[k + 1] - down[k]) if k + 1 < len(down) else 0.0
    return step > 4 * max(before, after)


def _line(points: list[tuple[float, float]]) -> str:
    text = "L".join(f"{px:.1f} {py:.1f}" for px, py in points)
    return "M" + text.replace(".0 ", " ").replace(".0L", "L").removesuffix(".0")


def _simplified(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Drop points that a straight piece passes nearly (Douglas and Peucker's rule)."""
    if len(points) < 3:
        return points
    first, last = np.array(points[0]), np.array(points[-1])
    inner = np.array(points[1:-1]) - first
    across = last - first
    length = float(np.hypot(*across)) or 1.0
    far = np.abs(across[0] * inner[:, 1] - across[1] * inner[:, 0]) / length
    at = int(far.argmax())
    if far[at] <= TOLERANCE:
        return [points[0], points[-1]]
    return [*_simplified(points[: at + 2])[:-1], *_simplified(points[at + 1 :])]
