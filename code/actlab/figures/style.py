"""What the figures share: colours, alt texts, words for numbers, labels on lines.

The figures are 4.8 inches wide so that their labels stay readable on a phone, and they
bring an opaque background of their own so that they look the same on a light and on a
dark page. Colours are a darkened Okabe-Ito set; the line style repeats what they say.
"""

from __future__ import annotations

import functools
import math
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

ALT_TEXTS: list[str] = []
"""Alt texts of the figures drawn so far, oldest first."""

ALT_LENGTH = 398  # a screen reader reads it in one go

INK = "#26282b"
MUTED = "#5c6064"
PAPER = "#fbfaf6"
GRID = "#dddbd3"

COLOURS = ("#0067a5", "#bf4300", "#00795a", "#9c4a84", "#8a6100", "#3d4146")
"""Line colours: Okabe-Ito hues, darkened until text in them has contrast 4.5 : 1."""

DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1.3, 1.7)),
    (0, (7, 2, 1.3, 2)),
    (0, (9, 3)),
    (0, (3, 1, 1, 1, 1, 1)),
)
MARKERS = ("o", "^", "s", "D", "v", "P")

WIDTH = 4.8  # inches; at 110 dpi and on a 350 px column 9.5 pt are 9.6 px high
DPI = 110

STYLE: dict[RcKeyType, Any] = {
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "figure.figsize": (WIDTH, 3.0),
    "figure.constrained_layout.use": True,
    "axes.facecolor": PAPER,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.prop_cycle": plt.cycler(color=COLOURS),
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "font.size": 10,
    "font.family": "sans-serif",
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
}


def use_style() -> None:
    """Make the course's style the default of every figure drawn from now on.

    The figures of this package bring the style with them; this is for plots of your
    own.
    """
    plt.rcParams.update(STYLE)


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw inside the course's style, whatever the reader has set."""

    @functools.wraps(draw)
    def wrapper(*args: Any, **kwargs: Any) -> Figure:
        with plt.rc_context(STYLE):
            return draw(*args, **kwargs)

    return wrapper


def finish(figure: Figure, alt: str) -> Figure:
    """Attach the alt text and register it."""
    short = textwrap.shorten(alt, ALT_LENGTH, placeholder=" …")
    figure.alt = short  # type: ignore[attr-defined]  # ours, Matplotlib has none
    ALT_TEXTS.append(short)
    return figure


def number(value: float, digits: int = 3) -> str:
    """A number as a reader writes it: three digits, a true minus sign."""
    if not math.isfinite(value):
        return "infinity" if value > 0 else "minus infinity" if value < 0 else "nan"
    rounded = float(f"{value:.{digits}g}")
    if rounded == 0 or 1e-3 <= abs(rounded) < 1e5:
        text = f"{rounded:.10f}".rstrip("0").rstrip(".")
    else:
        text = f"{rounded:.{digits - 1}e}"
        mantissa, exponent = text.split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "\N{MINUS SIGN}")


def count(amount: int, noun: str) -> str:
    """'1 dot', '2 dots'."""
    return f"{amount} {noun}{'' if amount == 1 else 's'}"


def join(parts: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    if len(parts) < 2:
        return "".join(parts)
    return ", ".join(parts[:-1]) + " and " + parts[-1]


def display_name(key: str) -> str:
    """The name a reader knows an activation by; other words pass unchanged."""
    from .. import catalogue

    if key == "identity":
        return "no activation"
    try:
        return catalogue.get(key).name
    except KeyError:
        return key


def tint(colour: str, strength: float) -> tuple[float, float, float]:
    """Mix a colour into the paper: 0 is paper, 1 the colour."""
    red, green, blue = (
        strength * c + (1 - strength) * p
        for c, p in zip(to_rgb(colour), to_rgb(PAPER), strict=True)
    )
    return red, green, blue


def as_numbers(values: Any) -> np.ndarray:
    """A tensor, array or list as one row of float64."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return np.asarray(values, dtype=np.float64).reshape(-1)


def label_ends(
    axes: Axes, ends: Sequence[tuple[str, float, Any]], wrap: int = 12
) -> None:
    """Write each line's name beside its right end, as near as the others leave room.

    ``ends`` holds (name, y in data coordinates, colour). Where names would collide,
    the sum of squares of what they are moved by is the smallest possible.
    """
    texts = [textwrap.fill(name, wrap, break_long_words=False) for name, _, _ in ends]
    to_fraction = axes.transData + axes.transAxes.inverted()
    x_right = axes.get_xlim()[1]
    heights = np.array([to_fraction.transform((x_right, y))[1] for _, y, _ in ends])
    figure = axes.figure
    assert isinstance(figure, Figure), "names stand beside a whole figure"
    axes_height = axes.get_position().height * figure.get_size_inches()[1] * 72
    order = np.argsort(heights, kind="stable")
    sizes = np.array([12.5 / axes_height * (text.count("\n") + 1) for text in texts])
    middles = sizes[order].cumsum() - sizes[order] / 2  # of names without a gap
    wanted = heights[order].clip(0, 1)
    placed = middles + isotonic_regression(wanted - middles).x
    for position, i in zip(placed, order, strict=True):
        label_right(
            axes, texts[i], position, 5, xycoords="axes fraction", color=ends[i][2]
        )


def label_right(axes: Axes, text: str, y: float, gap: float, **how: Any) -> None:
    """Write beside the right edge of the axes, ``gap`` points away, at height ``y``."""
    axes.annotate(
        text,
        (1.0, y),
        **{"xycoords": axes.get_yaxis_transform(), "va": "center", **how},
        xytext=(gap, 0),
        textcoords="offset points",
        annotation_clip=False,
    )


def label_level(axes: Axes, text: str, level: float, x: Any, y: Any) -> None:
    """Name a horizontal line where the points (x, y) leave most room."""
    to_axes = axes.transData + axes.transAxes.inverted()
    points = to_axes.transform(np.column_stack([x, y]))
    at = to_axes.transform((axes.get_xlim()[0], level))[1]
    # What lies on the line itself is in the way everywhere.
    points = points[np.abs(points[:, 1] - at) > 0.035]
    length = 0.021 * len(text)

    def room(place: tuple[float, int]) -> float:
        left, side = place
        centre = at + 0.05 * side
        outside = np.maximum(
            0, np.maximum(left - points[:, 0], points[:, 0] - left - length)
        )
        distance = np.hypot(outside, points[:, 1] - centre).min(initial=9.0)
        return distance if 0.03 < centre < 0.97 else -1.0

    places = [
        (left, side) for left in np.linspace(0.02, 0.9 - length, 8) for side in (1, -1)
    ]
    left, side = max(places, key=room)
    axes.annotate(
        text,
        (left, level),
        xycoords=axes.get_yaxis_transform(),
        xytext=(0, 4 * side),
        textcoords="offset points",
        va="bottom" if side > 0 else "top",
    )


def name_rows(axes: Axes, names: Sequence[str], **font: Any) -> None:
    """Give a dot plot one named row per thing, the first on top."""
    axes.set_yticks(range(len(names)), names, **font)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)


def named_ticks(axes: Axes, places: Sequence[float], names: Sequence[str]) -> None:
    """Put ticks of a logarithmic x axis at these places only."""
    axes.set_xticks(places, names)
    axes.minorticks_off()


def without_frame(axes: Axes) -> None:
    """Take frame, grid and tick marks away, for tables and maps."""
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)


def legend_above(axes: Axes, columns: int = 3) -> None:
    """A legend over the axes, for lines whose ends lie on each other."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=columns,
        borderaxespad=0.3,
        columnspacing=1.2,
        handletextpad=0.5,
    )
