"""Every matplotlib figure of the course, in one style, each with its alt text.

A figure function draws with pyplot and returns a ``Figure`` whose attribute ``alt``
says in words what is seen: the kind of figure, its axes and the finding, computed from
the data that were drawn. The text is also appended to ``ALT_TEXTS``, from where the
executor of the notebooks takes it.

The figures are 4.8 inches wide so that their labels stay readable on a phone, and they
bring an opaque background of their own so that they look the same on a light and on a
dark page. Colours are a darkened Okabe-Ito set; the line style repeats what they say.
"""

from __future__ import annotations

import copy
import functools
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from .catalogue import Activation
    from .datasets import Dataset

__all__ = [
    "ALT_TEXTS",
    "COLOURS",
    "accuracy_grid",
    "autograd_at_kinks",
    "crossing",
    "decision_regions",
    "descent_paths",
    "fit_curves",
    "function_plot",
    "gain_integral",
    "gallery",
    "joints",
    "kinks",
    "layer_health",
    "matrix_map",
    "neuron",
    "signal_through_depth",
    "singular_values",
    "sorted_data",
    "threshold_units",
    "timeline",
    "training_curves",
    "use_style",
    "weight_curves",
    "width_sweep",
]

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

STYLE: dict[str, Any] = {
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

    The figures of this module bring the style with them; this is for plots of your
    own.
    """
    plt.rcParams.update(STYLE)


def _styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw inside the course's style, whatever the reader has set."""

    @functools.wraps(draw)
    def wrapper(*args: Any, **kwargs: Any) -> Figure:
        with plt.rc_context(STYLE):
            return draw(*args, **kwargs)

    return wrapper


def _finish(figure: Figure, alt: str) -> Figure:
    """Attach the alt text and register it."""
    figure.alt = textwrap.shorten(alt, ALT_LENGTH, placeholder=" …")
    ALT_TEXTS.append(figure.alt)
    return figure


# --- small helpers -------------------------------------------------------------------


def _text(value: float, digits: int = 3) -> str:
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


def _join(parts: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    if len(parts) < 2:
        return "".join(parts)
    return ", ".join(parts[:-1]) + " and " + parts[-1]


def _tint(colour: str, strength: float) -> tuple[float, float, float]:
    """Mix a colour into the paper: 0 is paper, 1 the colour."""
    return tuple(
        strength * c + (1 - strength) * p
        for c, p in zip(to_rgb(colour), to_rgb(PAPER), strict=True)
    )


def _display_name(key: str) -> str:
    """The name a reader knows an activation by; other words pass unchanged."""
    from . import catalogue

    if key == "identity":
        return "no activation"
    try:
        return catalogue.get(key).name
    except KeyError:
        return key


def _label_ends(
    axes: Axes, ends: Sequence[tuple[str, float, Any]], wrap: int = 12
) -> None:
    """Write each line's name beside its right end, pushed apart where they collide.

    ``ends`` holds (name, y in data coordinates, colour).
    """
    texts = [textwrap.fill(name, wrap, break_long_words=False) for name, _, _ in ends]
    to_fraction = axes.transData + axes.transAxes.inverted()
    x_right = axes.get_xlim()[1]
    heights = [to_fraction.transform((x_right, y))[1] for _, y, _ in ends]
    axes_height = axes.get_position().height * axes.figure.get_size_inches()[1] * 72
    line = 12.5 / axes_height
    order = sorted(range(len(ends)), key=lambda i: heights[i])
    placed = [min(max(heights[i], 0.0), 1.0) for i in order]
    sizes = [line * (texts[i].count("\n") + 1) for i in order]
    for _ in range(60):
        for k in range(len(order) - 1):
            need = (sizes[k] + sizes[k + 1]) / 2
            overlap = need - (placed[k + 1] - placed[k])
            if overlap > 1e-9:
                placed[k] -= overlap / 2
                placed[k + 1] += overlap / 2
    for position, i in zip(placed, order, strict=True):
        axes.annotate(
            texts[i],
            xy=(1.0, position),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            color=ends[i][2],
            va="center",
            ha="left",
            annotation_clip=False,
        )


def _label_level(axes: Axes, text: str, level: float, x: Any, y: Any) -> None:
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


def _legend_above(axes: Axes, columns: int = 3) -> None:
    """A legend over the axes, for lines whose ends lie on each other."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=columns,
        borderaxespad=0.3,
        columnspacing=1.2,
        handletextpad=0.5,
    )


# --- functions of one variable -------------------------------------------------------


@dataclass(frozen=True)
class _Curve:
    """A scalar function and its slope, on float64 arrays."""

    name: str
    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]


def _curve(function: str | Activation | Callable) -> _Curve:
    """Read a catalogue key, an activation, a formula or a torch callable."""
    from . import catalogue, formulas

    if isinstance(function, str):
        try:
            function = catalogue.get(function)
        except KeyError as unknown:
            if function.isidentifier() and function != "x":
                raise
            expression = formulas.parse(function)
            del unknown
            return _Curve(
                function,
                formulas.numpy_function(expression),
                formulas.numpy_function(expression.diff(formulas.x)),
            )
    if isinstance(function, catalogue.Activation):
        if function.kind != "scalar":
            raise ValueError(
                f"{function.key!r} maps vectors to vectors and has no curve; "
                "give a function that works element by element, such as 'gelu'"
            )
        return _Curve(function.name, function.numpy(), function.numpy_derivative())
    if callable(function):
        name = getattr(function, "__name__", type(function).__name__)
        return _Curve(name, *_torch_value_and_slope(function))
    raise TypeError(
        f"expected a catalogue key, a formula or a callable, got {function!r}"
    )


def _torch_value_and_slope(
    function: Callable,
) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    import torch

    def value(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return function(torch.tensor(x, dtype=torch.float64)).numpy()

    def slope(x: np.ndarray) -> np.ndarray:
        inputs = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        total = function(inputs).sum()
        if not total.requires_grad:
            return np.zeros_like(x)
        return torch.autograd.grad(total, inputs)[0].numpy()

    return value, slope


def _with_gaps(
    function: Callable[[np.ndarray], np.ndarray], low: float, high: float, n: int = 401
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Sample a function; where it jumps, put a nan so that no wall is drawn.

    A jump is told from a steep slope by halving the interval: the difference stays.
    """
    x = np.linspace(low, high, n)
    y = np.asarray(function(x), dtype=np.float64) * np.ones_like(x)
    span = np.nanmax(y[np.isfinite(y)]) - np.nanmin(y[np.isfinite(y)])
    jumps: list[float] = []
    out_x, out_y = [x[:1]], [y[:1]]
    for i in range(1, n):
        if abs(y[i] - y[i - 1]) > 0.02 * span:
            left, right = _bracket(function, x[i - 1], x[i])
            pair = np.asarray(function(np.array([left, right])), dtype=np.float64)
            if abs(pair[1] - pair[0]) > 0.01 * span:
                jumps.append(float((left + right) / 2))
                out_x.append(np.array([left, left, right]))
                out_y.append(np.array([pair[0], np.nan, pair[1]]))
        out_x.append(x[i : i + 1])
        out_y.append(y[i : i + 1])
    return np.concatenate(out_x), np.concatenate(out_y), jumps


def _bracket(function: Callable, left: float, right: float) -> tuple[float, float]:
    """Halve an interval towards its larger difference until it is 1e-9 wide."""
    while right - left > 1e-9:
        middle = (left + right) / 2
        a, m, b = np.asarray(function(np.array([left, middle, right])), dtype=float)
        left, right = (left, middle) if abs(m - a) > abs(b - m) else (middle, right)
    return left, right


def _ends_apart(ends: Sequence[float], span: float) -> bool:
    ordered = sorted(ends)
    return all(b - a > 0.07 * span for a, b in zip(ordered, ordered[1:], strict=False))


@_styled
def function_plot(
    *functions: str | Activation | Callable,
    derivative: bool = True,
    xlim: tuple[float, float] = (-4.0, 4.0),
    ylim: tuple[float, float] | None = None,
    labels: Sequence[str] | None = None,
) -> Figure:
    """Draw functions and their slopes.

    One function shares its axes with its slope (dashed). Several functions get two
    panels, values above and slopes below.

    Parameters
    ----------
    functions
        Catalogue keys, activations, formulas such as ``"x*sigmoid(x)"`` or callables
        from tensor to tensor.
    derivative
        Whether the slopes are drawn.
    xlim, ylim
        Limits of the axes; ``ylim`` is that of the values.
    labels
        Names to use instead of the functions' own.

    Chapter 02.
    """
    if not functions:
        raise ValueError("function_plot needs at least one function, such as 'relu'")
    curves = [_curve(function) for function in functions]
    names = list(labels) if labels is not None else [c.name for c in curves]
    if len(names) != len(curves):
        raise ValueError(f"{len(curves)} functions need as many labels, not {names!r}")
    if len(curves) == 1:
        return _one_function(curves[0], names[0], derivative, xlim, ylim)
    rows = 2 if derivative else 1
    figure, grid = plt.subplots(
        rows, 1, figsize=(WIDTH, 2.5 * rows + 0.4), sharex=True, squeeze=False
    )
    findings = []
    drawn: list[list[tuple[np.ndarray, np.ndarray]]] = [[], []]
    for i, (curve, name) in enumerate(zip(curves, names, strict=True)):
        parts = [curve.value, curve.slope][:rows]
        for row, part in enumerate(parts):
            x, y, _ = _with_gaps(part, *xlim)
            drawn[row].append((x, y))
            grid[row, 0].plot(
                x, y, color=COLOURS[i % 6], linestyle=DASHES[i % 6], label=name
            )
        y = drawn[0][-1][1]
        findings.append(
            f"{name} runs from {_text(np.nanmin(y))} to {_text(np.nanmax(y))}"
            + (
                f" with slopes from {_text(np.nanmin(drawn[1][-1][1]))}"
                f" to {_text(np.nanmax(drawn[1][-1][1]))}"
                if derivative
                else ""
            )
        )
    grid[0, 0].set_ylabel("value f(x)")
    if ylim is not None:
        grid[0, 0].set_ylim(*ylim)
    if derivative:
        grid[1, 0].set_ylabel("slope f′(x)")
    grid[-1, 0].set_xlabel("x")
    grid[-1, 0].set_xlim(*xlim)
    low, high = grid[0, 0].get_ylim()
    ends = [float(y[-1]) for _, y in drawn[0]]
    if _ends_apart(ends, high - low):
        _label_ends(
            grid[0, 0],
            [
                (n, e, COLOURS[i % 6])
                for i, (n, e) in enumerate(zip(names, ends, strict=True))
            ],
        )
    else:
        _legend_above(grid[0, 0], columns=2 if max(map(len, names)) > 10 else 3)
    alt = (
        f"Line plot of {_join(names)} against x from {_text(xlim[0])} to "
        f"{_text(xlim[1])}{', slopes in a panel below' if derivative else ''}. "
        + "; ".join(findings)
        + "."
    )
    return _finish(figure, alt)


def _one_function(
    curve: _Curve,
    name: str,
    derivative: bool,
    xlim: tuple[float, float],
    ylim: tuple[float, float] | None,
) -> Figure:
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0))
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    x, y, jumps = _with_gaps(curve.value, *xlim)
    axes.plot(x, y, color=COLOURS[0])
    ends = [("value", float(y[-1]), COLOURS[0])]
    finding = f"It runs from {_text(np.nanmin(y))} to {_text(np.nanmax(y))}"
    if jumps:
        finding += f" and jumps at x = {_join([_text(_tidy(j)) for j in jumps])}"
    if derivative:
        x, slope, slope_jumps = _with_gaps(curve.slope, *xlim)
        axes.plot(x, slope, color=COLOURS[1], linestyle=DASHES[1])
        ends.append(("slope", float(slope[-1]), COLOURS[1]))
        low, high = np.nanmin(slope), np.nanmax(slope)
        finding += (
            f"; its slope is {_text(low)} everywhere"
            if math.isclose(low, high, abs_tol=1e-12)
            else f"; its slope runs from {_text(low)} to {_text(high)}"
        )
        if slope_jumps:
            where = _join([_text(_tidy(j)) for j in slope_jumps])
            finding += f" and jumps at x = {where}"
    axes.set_title(name)
    axes.set_xlabel("x")
    axes.set_xlim(*xlim)
    if ylim is not None:
        axes.set_ylim(*ylim)
    _label_ends(axes, ends)
    alt = (
        f"Line plot of {name}{' and, dashed, its slope' if derivative else ''} against "
        f"x from {_text(xlim[0])} to {_text(xlim[1])}. {finding}."
    )
    return _finish(figure, alt)


def _tidy(value: float) -> float:
    """A kink's position without the dust of the search."""
    return round(value, 6) + 0.0


@_styled
def gallery(
    keys: Sequence[str | Activation | Callable],
    *,
    xlim: tuple[float, float] = (-4.0, 4.0),
    ylim: tuple[float, float] | None = None,
    derivative: bool = True,
) -> Figure:
    """Small multiples, two to a row, all on the same axes so that they compare.

    Parameters
    ----------
    keys
        Functions, as in :func:`function_plot`.
    xlim, ylim
        Common limits; without ``ylim`` they follow the data, up to as much as x.
    derivative
        Whether the slope is drawn, dashed.

    Chapter 02.
    """
    curves = [_curve(key) for key in keys]
    if not curves:
        raise ValueError("gallery needs at least one function, such as ['relu']")
    columns = min(2, len(curves))
    rows = math.ceil(len(curves) / columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH, 1.55 * rows + 0.3),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    least, greatest = [], []
    for axes, curve in zip(grid.flat, curves, strict=False):
        axes.axhline(0, color=MUTED, linewidth=0.7)
        axes.axvline(0, color=MUTED, linewidth=0.7)
        x, y, _ = _with_gaps(curve.value, *xlim)
        axes.plot(x, y, color=COLOURS[0])
        least.append(float(np.nanmin(y)))
        greatest.append(float(np.nanmax(y)))
        if derivative:
            x, slope, _ = _with_gaps(curve.slope, *xlim)
            axes.plot(x, slope, color=COLOURS[1], linestyle=DASHES[1], linewidth=1.5)
        axes.set_title(curve.name)
    for axes in grid.flat[len(curves) :]:
        axes.set_visible(False)
    grid[0, 0].set_xlim(*xlim)
    if ylim is None:
        # One steep function must not flatten the others.
        reach = 1.06 * max(abs(limit) for limit in xlim)
        low, high = grid[0, 0].get_ylim()
        ylim = (max(low, -reach), min(high, reach))
    grid[0, 0].set_ylim(*ylim)
    below = [c.name for c, low in zip(curves, least, strict=True) if low < -1e-9]
    never = [c.name for c, low in zip(curves, least, strict=True) if low >= -1e-9]
    finding = (
        f"{len(below)} of {len(curves)} take negative values"
        + (f"; never negative: {_join(never)}" if 0 < len(never) <= 6 else "")
        + f". The largest value drawn is {_text(max(greatest))}."
    )
    alt = (
        f"Small plots of {len(curves)} functions"
        f"{' and, dashed, their slopes' if derivative else ''} on common axes, x from "
        f"{_text(xlim[0])} to {_text(xlim[1])}. {finding}"
    )
    return _finish(figure, alt)


@_styled
def sorted_data(
    function: str | Activation | Callable,
    *,
    n: int = 120,
    std: float = 1.5,
    seed: int = 0,
) -> Figure:
    """Draw random numbers, sorted, before and after they go through a function.

    Parameters
    ----------
    function
        As in :func:`function_plot`.
    n, std, seed
        How many normal numbers are drawn, their standard deviation and the seed.

    Chapter 02.
    """
    curve = _curve(function)
    x = np.sort(np.random.default_rng(seed).normal(0.0, std, n))
    y = np.asarray(curve.value(x), dtype=np.float64)
    rank = np.arange(1, n + 1)
    figure, axes = plt.subplots(figsize=(WIDTH, 3.1))
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.plot(rank, x, linestyle="", marker="o", markersize=3.2, color=MUTED)
    axes.plot(rank, y, linestyle="", marker="^", markersize=3.6, color=COLOURS[0])
    axes.set_xlabel("rank of the number, smallest first")
    axes.set_ylabel("value")
    axes.set_title(f"sorted random numbers through {curve.name}")
    axes.set_xlim(0, n + 1)
    _label_ends(
        axes, [("before", float(x[-1]), MUTED), ("after", float(y[-1]), COLOURS[0])]
    )
    falls = bool(np.any(np.diff(y) < -1e-12))
    zeros = float(np.mean(y == 0))
    alt = (
        f"Dot plot: {n} random numbers in rising order, before and after "
        f"{curve.name}. They ran from {_text(x[0])} to {_text(x[-1])}; afterwards from "
        f"{_text(y.min())} to {_text(y.max())}, mean {_text(x.mean(), 2)} before, "
        f"{_text(y.mean(), 2)} after"
        + (f", {zeros:.0%} of them exactly 0".replace("%", " %") if zeros else "")
        + (". The order is not kept." if falls else ". The order is kept.")
    )
    return _finish(figure, alt)


@_styled
def gain_integral(function: str | Activation | Callable) -> Figure:
    """Draw the integral behind the gain: f(z)² weighted with the normal density.

    The shaded area is E f(Z)² for Z from N(0, 1); 1/√area is the forward gain.

    Parameters
    ----------
    function
        As in :func:`function_plot`.

    Chapter 02.
    """
    curve = _curve(function)
    z = np.linspace(-4, 4, 801)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    squared = np.asarray(curve.value(z), dtype=np.float64) ** 2
    wide = np.linspace(-12, 12, 24001)
    weight = np.exp(-(wide**2) / 2) / math.sqrt(2 * math.pi)
    area = float(np.trapezoid(np.asarray(curve.value(wide)) ** 2 * weight, wide))
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0))
    axes.fill_between(z, squared * density, color=_tint(COLOURS[0], 0.3), linewidth=0)
    axes.plot(z, squared * density, color=COLOURS[0])
    axes.plot(z, density, color=MUTED, linestyle=DASHES[1])
    axes.set_xlim(-4, 4)
    axes.set_ylim(0, 1.12 * max(density.max(), (squared * density).max()))
    axes.set_xlabel("z")
    axes.set_title(f"{curve.name}: area {_text(area)}, gain {_text(area**-0.5)}")
    peak = int(np.argmax(squared * density))
    axes.annotate(
        "f(z)² × density",
        (z[peak], (squared * density)[peak]),
        xytext=(14, 8),
        textcoords="offset points",
        color=COLOURS[0],
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1},
    )
    axes.annotate(
        "normal density", (-1.2, density[280]), xytext=(-6, 4),
        textcoords="offset points", ha="right", color=MUTED,
    )  # fmt: skip
    alt = (
        f"Line plot against z of the normal density and, shaded, {curve.name} squared "
        f"times the density. The shaded area is {_text(area)}, so the gain that keeps "
        f"the size of the signal is {_text(area**-0.5)}."
    )
    return _finish(figure, alt)


@_styled
def autograd_at_kinks(
    functions: Mapping[str, Callable[[torch.Tensor], torch.Tensor]], *, at: float = 0.0
) -> Figure:
    """Show which slope autograd returns where the slope jumps.

    Parameters
    ----------
    functions
        Label to callable from tensor to tensor; the label is the code that is shown.
    at
        Where the kink is.

    Chapter 02.
    """
    rows = []
    for label, function in functions.items():
        value, slope = _torch_value_and_slope(function)
        step = 1e-6
        left = float(np.diff(value(np.array([at - step, at])))[0] / step)
        right = float(np.diff(value(np.array([at, at + step])))[0] / step)
        rows.append((label, left, right, float(slope(np.array([at]))[0])))
    figure, axes = plt.subplots(figsize=(WIDTH, 0.5 * len(rows) + 1.35))
    for i, (_, left, right, chosen) in enumerate(rows):
        axes.plot([left, right], [i, i], color=MUTED, linewidth=1.6, zorder=2)
        axes.plot([left], [i], marker="<", color=MUTED, markersize=7, zorder=3)
        axes.plot([right], [i], marker=">", color=MUTED, markersize=7, zorder=3)
        axes.plot([chosen], [i], marker="D", color=COLOURS[1], markersize=8, zorder=4)
        axes.annotate(
            _text(chosen),
            (chosen, i),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            color=COLOURS[1],
        )
    axes.set_yticks(range(len(rows)), [row[0] for row in rows], family="monospace")
    axes.set_ylim(len(rows) - 0.5, -0.8)
    axes.margins(x=0.12)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"slope at x = {_text(at)}: ◂ from the left, ▸ from the right")
    axes.set_title("◆ what autograd returns", color=COLOURS[1])
    alt = (
        f"Dot plot of slopes at x = {_text(at)}, one row a function: from the left, "
        "from the right, and what autograd returns. "
        + "; ".join(
            f"{label}: {_text(left)}, {_text(right)}, autograd {_text(chosen)}"
            for label, left, right, chosen in rows
        )
        + "."
    )
    return _finish(figure, alt)


# --- networks ------------------------------------------------------------------------


@_styled
def neuron(
    *,
    inputs: int = 3,
    activation: str | Activation | Callable = "relu",
    weights: Sequence[float] | None = None,
    bias: float | None = None,
) -> Figure:
    """Draw one neuron: inputs, weights, the sum, the activation.

    Parameters
    ----------
    inputs
        Number of inputs, 1 to 5.
    activation
        Whose curve stands in the last box.
    weights, bias
        Numbers to write on the arrows instead of the symbols.

    Chapter 01.
    """
    if not 1 <= inputs <= 5:
        raise ValueError(f"inputs must be 1 to 5 to be drawn, got {inputs}")
    if weights is not None and len(weights) != inputs:
        raise ValueError(f"{inputs} inputs need {inputs} weights, got {len(weights)}")
    curve = _curve(activation)
    height = max(2.3, 0.72 * inputs + 0.5)
    figure = plt.figure(figsize=(WIDTH, height), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    middle = height / 2 + 0.08
    ys = middle + 0.72 * (np.arange(inputs)[::-1] - (inputs - 1) / 2)
    sum_x, box_x, out_x = 2.1, 3.4, 4.5

    def arrow(start: tuple[float, float], stop: tuple[float, float]) -> None:
        axes.add_patch(
            FancyArrowPatch(
                start,
                stop,
                arrowstyle="-|>",
                mutation_scale=11,
                color=MUTED,
                linewidth=1.3,
                shrinkA=0,
                shrinkB=0,
            )
        )

    for i, y in enumerate(ys):
        axes.add_patch(Circle((0.4, y), 0.25, facecolor=PAPER, edgecolor=INK, lw=1.4))
        axes.text(0.4, y, f"$x_{i + 1}$", ha="center", va="center", fontsize=12)
        direction = np.array([sum_x - 0.4, middle - y])
        direction /= np.linalg.norm(direction)
        start = np.array([0.4, y]) + 0.27 * direction
        stop = np.array([sum_x, middle]) - 0.34 * direction
        arrow(tuple(start), tuple(stop))
        label = f"$w_{i + 1}$" if weights is None else _text(weights[i])
        at = start + 0.42 * (stop - start)
        axes.text(
            *at,
            label,
            ha="center",
            va="center",
            fontsize=11,
            color=COLOURS[0],
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5},
        )
    axes.add_patch(
        Circle(
            (sum_x, middle),
            0.32,
            facecolor=_tint(COLOURS[0], 0.14),
            edgecolor=INK,
            lw=1.4,
        )
    )
    axes.text(sum_x, middle, "$\\Sigma$", ha="center", va="center", fontsize=15)
    arrow((sum_x, middle - 0.82), (sum_x, middle - 0.35))
    axes.text(
        sum_x,
        middle - 0.95,
        "$b$" if bias is None else _text(bias),
        ha="center",
        va="center",
        fontsize=11,
        color=COLOURS[0],
    )
    arrow((sum_x + 0.34, middle), (box_x - 0.4, middle))
    axes.text(
        (sum_x + box_x - 0.06) / 2, middle + 0.16, "$z$", ha="center", fontsize=12
    )
    axes.add_patch(
        FancyBboxPatch(
            (box_x - 0.38, middle - 0.38),
            0.76,
            0.76,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=_tint(COLOURS[1], 0.12),
            edgecolor=INK,
            lw=1.4,
        )
    )
    x, y, _ = _with_gaps(curve.value, -3, 3)
    low, high = np.nanmin(y), np.nanmax(y)
    scale = 0.5 / (high - low if high > low else 1.0)
    axes.plot(
        box_x + x * 0.26 / 3,
        middle - 0.25 + (y - low) * scale,
        color=COLOURS[1],
        linewidth=2.2,
    )
    axes.text(box_x, middle + 0.52, curve.name, ha="center", color=COLOURS[1])
    arrow((box_x + 0.4, middle), (out_x - 0.06, middle))
    axes.text(out_x + 0.08, middle, "$a$", ha="center", va="center", fontsize=13)
    axes.text(0.4, 0.1, "inputs", ha="center", color=MUTED, fontsize=9.5)
    axes.text(1.15, 0.1, "weights", ha="center", color=MUTED, fontsize=9.5)
    axes.text(sum_x, 0.1, "sum", ha="center", color=MUTED, fontsize=9.5)
    axes.text(box_x, 0.1, "activation", ha="center", color=MUTED, fontsize=9.5)
    alt = (
        f"Drawing of one neuron. {inputs} inputs are multiplied by their weights and "
        f"added to the bias b; the sum z goes through the activation, here "
        f"{curve.name}, and comes out as a."
    )
    return _finish(figure, alt)


@_styled
def decision_regions(
    networks: Mapping[str, torch.nn.Module],
    data: Dataset,
    *,
    resolution: int = 180,
    points: int = 240,
) -> Figure:
    """Colour the plane by the class that each network predicts.

    Parameters
    ----------
    networks
        Label to network (or function) from (n, 2) to logits (n, classes).
    data
        A data set with two inputs; the accuracy in the titles is that on its test set.
    resolution
        Grid points along each side.
    points
        At most so many test points are drawn, each in the colour of its class.

    Chapter 01.
    """
    import torch

    if data.x_train.shape[1] != 2:
        raise ValueError(
            f"{data.name} has {data.x_train.shape[1]} inputs; decision regions can be "
            "drawn for 2"
        )
    classes = int(data.y_train.max()) + 1
    reach = 1.08 * float(data.x_train.abs().max())
    side = torch.linspace(-reach, reach, resolution)
    grid_y, grid_x = torch.meshgrid(side, side, indexing="ij")
    grid = torch.stack([grid_x.flatten(), grid_y.flatten()], dim=1)
    columns = min(2, len(networks))
    rows = math.ceil(len(networks) / columns)
    figure, panels = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH, (2.75 if columns == 2 else 4.4) * rows),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    figure.set_layout_engine("compressed")  # square panels, no air between them
    tints = ListedColormap([_tint(COLOURS[c], 0.3) for c in range(classes)])
    findings = []
    for axes, (label, network) in zip(panels.flat, networks.items(), strict=False):
        parameter = next(iter(getattr(network, "parameters", list)()), torch.zeros(()))
        with torch.no_grad():
            logits = network(grid.to(parameter)).cpu().double()
            test = network(data.x_test.to(parameter)).cpu()
        accuracy = 100 * float((test.argmax(1) == data.y_test.cpu()).double().mean())
        predicted = logits.argmax(1).reshape(resolution, resolution).numpy()
        axes.imshow(
            predicted,
            extent=(-reach, reach, -reach, reach),
            origin="lower",
            cmap=tints,
            vmin=0,
            vmax=classes - 1,
            interpolation="nearest",
        )
        if len(np.unique(predicted)) > 1:
            axes.contour(
                side, side, predicted, levels=np.arange(classes - 1) + 0.5,
                colors=INK, linewidths=0.8,
            )  # fmt: skip
        for c in range(classes):
            chosen = data.x_test[data.y_test == c][: points // classes].cpu()
            axes.scatter(
                chosen[:, 0], chosen[:, 1], s=9, marker=MARKERS[c], color=COLOURS[c],
                edgecolors=PAPER, linewidths=0.3,
            )  # fmt: skip
        axes.set_title(f"{label}\n{accuracy:.0f} % right", fontsize=10.5)
        axes.grid(visible=False)
        axes.set_aspect("equal")
        axes.locator_params(nbins=3)
        straight = "straight" if _is_affine(grid, logits) else "bent"
        findings.append(f"{label}: {straight} boundary, {accuracy:.0f} % right")
    for axes in panels.flat[len(networks) :]:
        axes.set_visible(False)
    panels[-1, 0].set_xlabel("first input")
    panels[0, 0].set_ylabel("second input")
    alt = (
        f"{_count(len(networks), 'map')} of the input plane, coloured by predicted "
        f"class, with test points of {data.name} as dots: " + "; ".join(findings) + "."
    )
    return _finish(figure, alt)


def _is_affine(inputs: torch.Tensor, outputs: torch.Tensor) -> bool:
    """Whether outputs are an affine map of inputs, to rounding."""
    x = np.c_[inputs.double().numpy(), np.ones(len(inputs))]
    y = outputs.numpy()
    residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return bool(np.abs(residual).max() <= 1e-3 * max(np.ptp(y), 1e-12))


def kinks(
    function: torch.nn.Module | Callable, xlim: tuple[float, float] = (-2.0, 2.0)
) -> list[float] | None:
    """Find where a piecewise straight function of one input bends.

    Parameters
    ----------
    function
        A network from (n, 1) to (n, 1), or a callable on a float64 tensor (n, 1).
    xlim
        The stretch that is searched.

    Returns
    -------
    The kinks from left to right (there is one straight piece more than there are
    kinks), or None if the function is curved.

    Chapter 01.
    """
    import torch

    if isinstance(function, torch.nn.Module):
        function = copy.deepcopy(function).double()
    x = np.linspace(*xlim, 4002)
    with torch.no_grad():
        y = function(torch.tensor(x)[:, None]).double().flatten().numpy()
    slopes = np.diff(y) / np.diff(x)
    scale = max(1e-12, float(np.abs(slopes).max()))
    bends = np.flatnonzero(np.abs(np.diff(slopes)) > 1e-7 * scale)
    if len(bends) > 0.03 * len(x):
        return None
    found: list[float] = []
    start = 0
    while start < len(bends):
        stop = start
        while stop + 1 < len(bends) and bends[stop + 1] == bends[stop] + 1:
            stop += 1
        before, after = bends[start], bends[stop] + 1
        # The straight pieces on either side, prolonged, meet at the kink.
        left_line = y[before] - slopes[before] * x[before]
        right_line = y[after] - slopes[after] * x[after]
        meet = (right_line - left_line) / (slopes[before] - slopes[after])
        found.append(float(np.clip(meet, x[before], x[after + 1])))
        start = stop + 1
    return found


@_styled
def joints(
    network: torch.nn.Module,
    *,
    units: int = 3,
    xlim: tuple[float, float] = (-2.0, 2.0),
) -> Figure:
    """Take a network of one input apart: pre-activation, activation, weighted, sum.

    Parameters
    ----------
    network
        An ``MLP`` with one input, one hidden layer and one output.
    units
        How many hidden units are drawn; of a wider layer, those that contribute most.
        The sum is always that of all units and the output bias.
    xlim
        Range of the input.

    Chapter 01.
    """
    import torch

    first, last = network.linears[0], network.linears[-1]
    shape = (len(network.linears), first.in_features, last.out_features)
    if shape != (2, 1, 1):
        raise ValueError(
            "joints are drawn for one input, one hidden layer and one output, such as "
            f"MLP([1, 3, 1]); got {shape[0]} linear layers, {shape[1]} inputs, "
            f"{shape[2]} outputs"
        )
    network = copy.deepcopy(network).double()
    x = torch.linspace(*xlim, 801, dtype=torch.float64)[:, None]
    with torch.no_grad():
        joint = network.joints(x)[0]
        weighted = joint.activation * network.linears[-1].weight[0]
        total = network(x)[:, 0].numpy()
    reach = (weighted.amax(0) - weighted.amin(0)).argsort(descending=True)[:units]
    shown = sorted(reach.tolist())
    bends = kinks(network, xlim)
    figure, grid = plt.subplots(2, 2, figsize=(WIDTH, 4.3), sharex=True)
    stages = (
        ("1  w·x + b", joint.pre_activation),
        ("2  activation", joint.activation),
        ("3  × output weight", weighted),
    )
    for axes, (title, values) in zip(grid.flat, stages, strict=False):
        for i, unit in enumerate(shown):
            axes.plot(x, values[:, unit], color=COLOURS[i % 6], linestyle=DASHES[i % 6])
        axes.set_title(title)
    grid[1, 1].plot(x, total, color=INK, linewidth=2.2)
    pieces = "smooth" if bends is None else _count(len(bends) + 1, "piece")
    grid[1, 1].set_title(f"4  sum: {pieces}")
    for axes in grid.flat:
        axes.axhline(0, color=MUTED, linewidth=0.8, zorder=1)
        for position in bends or ():
            axes.axvline(position, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)))
        axes.set_xlim(*xlim)
        axes.locator_params(nbins=5)
    for position in bends or ():
        grid[1, 1].plot(
            [position],
            [np.interp(position, x[:, 0], total)],
            marker="o",
            color=PAPER,
            markeredgecolor=INK,
            markersize=6,
        )
    for axes in grid[1]:
        axes.set_xlabel("x")
    where = _join([_text(b, 2) for b in bends or ()])
    alt = (
        f"Four line plots against x: {_count(len(shown), 'hidden unit')} before the "
        "activation, after it, times the output weight, and the network's output. "
        + (
            "The output is smooth."
            if bends is None
            else f"The output has {pieces}"
            + (f", with kinks at x = {where}." if bends else ": one straight line.")
        )
    )
    return _finish(figure, alt)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@_styled
def singular_values(
    network: torch.nn.Module | Sequence[torch.Tensor], *, tolerance: float = 1e-6
) -> Figure:
    """Draw the singular values of the product of a network's weight matrices.

    Parameters
    ----------
    network
        A linear ``MLP``, or the weight matrices, first layer first.
    tolerance
        Relative to the largest; what lies below counts as zero.

    Chapter 01.
    """
    weights = (
        [layer.weight.detach() for layer in network.linears]
        if hasattr(network, "linears")
        else list(network)
    )
    product = np.asarray(weights[0], dtype=np.float64)
    for weight in weights[1:]:
        product = np.asarray(weight, dtype=np.float64) @ product
    values = np.linalg.svd(product, compute_uv=False)
    widths = [weights[0].shape[1], *(w.shape[0] for w in weights)]
    rank = int(np.sum(values > tolerance * values[0]))
    drawn = np.maximum(values / values[0], 1e-18)
    index = np.arange(1, len(drawn) + 1)
    figure, axes = plt.subplots(figsize=(WIDTH, 2.9))
    axes.axhline(tolerance, color=MUTED, linewidth=1, linestyle=DASHES[1])
    axes.annotate(
        "below this line: rounding",
        (0.02, tolerance),
        xycoords=axes.get_yaxis_transform(),
        xytext=(0, -4),
        textcoords="offset points",
        va="top",
        color=MUTED,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1},
    )
    axes.vlines(index, 1e-19, drawn, color=GRID, linewidth=2)
    kept = index <= rank
    axes.plot(index[kept], drawn[kept], linestyle="", marker="o", color=COLOURS[0])
    axes.plot(
        index[~kept],
        drawn[~kept],
        linestyle="",
        marker="o",
        markerfacecolor=PAPER,
        color=COLOURS[1],
    )
    axes.set_yscale("log")
    axes.set_ylim(2e-19, 20)
    axes.set_xlabel("number of the singular value")
    axes.set_ylabel("size, largest = 1")
    shape = "-".join(str(w) for w in widths)
    axes.set_title(f"product of weights, {shape}: rank {rank}")
    axes.locator_params(axis="x", integer=True)
    alt = (
        f"Dot plot of the {len(values)} singular values of the product of the weight "
        f"matrices of a {shape} network, log axis. {rank} stand out; "
        + (
            f"the next is {_text(drawn[rank], 2)} of the largest, which is rounding: "
            if rank < len(values)
            else ""
        )
        + f"the rank is {rank}, the narrowest width {min(widths)}."
    )
    return _finish(figure, alt)


@_styled
def threshold_units(
    *, units: int = 8, samples: int = 40, slope: float = 12.0
) -> Figure:
    """A staircase of threshold units fits a curve, and its loss has no slope.

    Above: sin fitted by ``units`` threshold units. Below: the squared error while one
    threshold moves, for the threshold unit and for a sigmoid in its place.

    Parameters
    ----------
    units
        Number of threshold units.
    samples
        Number of data points; the loss changes only where a threshold passes one.
    slope
        Steepness of the sigmoid, in units of 1/x.

    Chapter 01.
    """
    x = np.linspace(-1, 1, samples)
    y = np.sin(np.pi * x)
    edges = np.linspace(-1, 1, units + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    levels = np.sin(np.pi * middles)
    heights = np.diff(levels)
    moved = units // 2 - 1
    positions = np.linspace(edges[moved + 1] - 0.6, edges[moved + 1] + 0.6, 1201)

    def output(at: np.ndarray, thresholds: np.ndarray, soft: int | None) -> np.ndarray:
        total = np.full_like(at, levels[0])
        for k, (height, threshold) in enumerate(zip(heights, thresholds, strict=True)):
            gate = (at >= threshold).astype(float)
            if k == soft:
                gate = 1 / (1 + np.exp(-slope * (at - threshold)))
            total = total + height * gate
        return total

    losses = np.empty((2, len(positions)))
    for i, position in enumerate(positions):
        thresholds = edges[1:-1].copy()
        thresholds[moved] = position
        for row, soft in enumerate((None, moved)):
            losses[row, i] = np.mean((output(x, thresholds, soft) - y) ** 2)
    flat = float(np.mean(np.diff(losses[0]) == 0))
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(WIDTH, 4.6))
    fine = np.linspace(-1, 1, 1601)
    top.plot(
        fine, np.sin(np.pi * fine), color=MUTED, linewidth=1.5, linestyle=DASHES[1]
    )
    top.plot(fine, output(fine, edges[1:-1], None), color=COLOURS[0])
    top.set_title(f"{units - 1} threshold units make a staircase")
    top.set_xlabel("x")
    top.set_ylabel("output")
    bottom.plot(positions, losses[0], color=COLOURS[0])
    bottom.plot(positions, losses[1], color=COLOURS[1], linestyle=DASHES[1])
    bottom.set_title("error while one threshold moves")
    bottom.set_xlabel("place of the threshold")
    bottom.set_ylabel("squared error")
    bottom.set_xlim(positions[0], positions[-1])
    _label_ends(
        bottom,
        [
            ("threshold unit", losses[0, -1], COLOURS[0]),
            ("sigmoid in its place", losses[1, -1], COLOURS[1]),
        ],
        wrap=10,
    )
    stairs = int(np.sum(np.diff(losses[0]) != 0))
    alt = (
        f"Two line plots. Above, {units - 1} threshold units fit sin(πx) with a "
        f"staircase. Below, the squared error while one threshold moves: "
        f"{stairs} jumps and no slope in between ({100 * flat:.0f} % of the steps "
        "change nothing); with a sigmoid in its place the error is a smooth valley."
    )
    return _finish(figure, alt)


# --- measurements --------------------------------------------------------------------


@_styled
def fit_curves(
    x: Any,
    y: Any,
    fits: Mapping[str, Any],
    *,
    target: str = "data",
    show_error: bool = True,
) -> Figure:
    """Draw one-dimensional data and what several networks made of them.

    Parameters
    ----------
    x, y
        The data, n numbers each (tensors or arrays, (n,) or (n, 1)).
    fits
        Label to network from (n, 1) to (n, 1), to callable, or to n predicted values.
    target
        What the data are called.
    show_error
        Whether the mean squared error stands in the titles.

    Chapter 01.
    """
    xs, ys = _flat(x), _flat(y)
    order = np.argsort(xs)
    xs, ys = xs[order], ys[order]
    rows = len(fits)
    figure, grid = plt.subplots(
        rows,
        1,
        figsize=(WIDTH, 1.75 * rows + 0.35),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    findings = []
    for i, (axes, (label, fit)) in enumerate(
        zip(grid[:, 0], fits.items(), strict=True)
    ):
        predicted = _flat(fit)[order] if _is_array(fit) else _predict(fit, xs)
        error = float(np.mean((predicted - ys) ** 2))
        axes.plot(xs, ys, color=MUTED, linestyle="", marker=".", markersize=3)
        axes.plot(xs, predicted, color=COLOURS[i % 6])
        axes.set_title(
            f"{label}: mean squared error {_text(error, 2)}" if show_error else label
        )
        findings.append(f"{label} {_text(error, 2)}")
    grid[-1, 0].set_xlabel("x")
    for axes in grid[:, 0]:
        axes.set_ylabel("y")
    alt = (
        f"Line plots of {_count(rows, 'fit')} over x, with the {target} as dots. "
        f"Mean squared errors: {_join(findings)}."
    )
    return _finish(figure, alt)


def _is_array(value: Any) -> bool:
    return not callable(value)


def _flat(values: Any) -> np.ndarray:
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return np.asarray(values, dtype=np.float64).reshape(-1)


def _predict(fit: Callable, xs: np.ndarray) -> np.ndarray:
    import torch

    dtype = torch.float64
    if isinstance(fit, torch.nn.Module):
        dtype = next((p.dtype for p in fit.parameters()), dtype)
    with torch.no_grad():
        return _flat(fit(torch.tensor(xs, dtype=dtype)[:, None]))


@_styled
def width_sweep(
    frame: pd.DataFrame,
    *,
    x: str = "width",
    y: str = "error",
    by: str = "activation",
    baseline: float | None = None,
    baseline_label: str = "best quadratic",
    ylim: tuple[float, float] | None = None,
    xlabel: str = "hidden units",
    ylabel: str = "squared error",
) -> Figure:
    """Draw an error against the width, both axes logarithmic.

    Lines join the medians over seeds; a dot is one run.

    Parameters
    ----------
    frame
        One row per run, with the columns ``x``, ``y`` and ``by``.
    baseline
        A level to draw across, such as the error of the best quadratic.
    ylim
        Limits of the vertical axis; without it at most four decades are shown.
    baseline_label, xlabel, ylabel
        Words for the line and the axes.

    Chapter 01.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.3))
    ends, findings = [], []
    for i, (key, group) in enumerate(frame.groupby(by, sort=False)):
        name = _display_name(str(key))
        median = group.groupby(x)[y].median()
        colour = COLOURS[i % 6]
        axes.plot(group[x], group[y], linestyle="", marker=MARKERS[i % 6],
                  color=colour, markersize=3.5, alpha=0.55)  # fmt: skip
        axes.plot(median.index, median, color=colour, linestyle=DASHES[i % 6])
        ends.append((name, float(median.iloc[-1]), colour))
        findings.append(
            f"{name} goes from {_text(median.iloc[0], 2)} to "
            f"{_text(median.iloc[-1], 2)}"
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    widths = sorted(frame[x].unique())
    axes.set_xticks(widths, [str(int(w)) for w in widths])
    axes.minorticks_off()
    if baseline is not None:
        axes.axhline(baseline, color=INK, linewidth=1.3, linestyle=(0, (4, 3)))
    low, high = ylim or axes.get_ylim()
    axes.set_ylim(low if ylim else max(low, high / 1e4), high)
    if baseline is not None:
        text = f"{baseline_label} {_text(baseline, 2)}"
        _label_level(axes, text, baseline, frame[x], frame[y])
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    _label_ends(axes, ends)
    alt = (
        f"Line plot of {ylabel} against {xlabel}, both axes logarithmic, from "
        f"{int(widths[0])} to {int(widths[-1])}. Median over seeds: "
        + "; ".join(findings)
        + (
            f". The level of the {baseline_label} is {_text(baseline, 2)}."
            if baseline is not None
            else "."
        )
    )
    return _finish(figure, alt)


def crossing(
    frame: pd.DataFrame,
    first: str,
    second: str,
    *,
    y: str = "test_accuracy",
    by: str = "activation",
) -> int | None:
    """The last epoch at which ``first`` was still ahead before ``second`` led for good.

    Parameters
    ----------
    frame
        One row per run and epoch, with the columns ``epoch``, ``y`` and ``by``.
    first, second
        Values of the column ``by``.

    Returns
    -------
    The epoch, or None where the mean curves do not cross in this sense.

    Chapter 01.
    """
    means = frame.groupby([by, "epoch"])[y].mean()
    gap = (means[second] - means[first]).dropna().sort_index()
    behind = gap.index[gap <= 0]
    if len(behind) == 0 or behind[-1] == gap.index[-1]:
        return None
    return int(behind[-1])


@_styled
def training_curves(
    frame: pd.DataFrame,
    *,
    y: str = "test_accuracy",
    by: str = "activation",
    panels: str = "regime",
    titles: Mapping[str, str] | None = None,
    ylabel: str | None = None,
    mark: int | None = None,
    mark_label: str = "",
    ylim: tuple[float, float] | None = None,
    level: float = 0.95,
) -> Figure:
    """Draw a recorded study over epochs: means over seeds with their intervals.

    Where two curves of a panel cross for good, the place is marked.

    Parameters
    ----------
    frame
        Tidy, one row per run and epoch, with the columns ``epoch``, ``seed``, ``y``,
        ``by`` and, if there are several panels, ``panels``.
    titles
        Title of each panel by the value of ``panels``.
    ylabel
        Words for the vertical axis.
    mark, mark_label
        An epoch to mark in every panel, and what to write there.
    ylim
        Limits of the vertical axes. Without it, all panels share one scale, and
        accuracies start 20 points below the best, where curves can be told apart.
    level
        Of the interval over seeds (Student t).

    Chapter 01.
    """
    keys = list(dict.fromkeys(frame[panels])) if panels in frame else [None]
    ylabel = ylabel or {"test_accuracy": "test accuracy, %"}.get(y, y.replace("_", " "))
    names = list(dict.fromkeys(frame[by]))
    figure, grid = plt.subplots(
        len(keys),
        1,
        figsize=(WIDTH, 2.55 * len(keys) + 0.3),
        sharey=True,
        squeeze=False,
    )
    if ylim is None and y == "test_accuracy":
        best = float(frame.groupby([by, "epoch"])[y].mean().max())
        ylim = (best - 20, best + 1.5)
    if ylim is not None:
        grid[0, 0].set_ylim(*ylim)
    findings = []
    for axes, key in zip(grid[:, 0], keys, strict=True):
        part = frame if key is None else frame[frame[panels] == key]
        title = (titles or {}).get(key, str(key).replace("_", " ")) if key else ""
        findings.append(_draw_curves(axes, part, names, y, by, level, title))
        axes.set_ylabel(ylabel)
        if mark is not None and mark <= part["epoch"].max():
            axes.axvline(mark, color=MUTED, linewidth=1, linestyle=DASHES[1])
            late = mark > 0.7 * part["epoch"].max()
            axes.annotate(
                mark_label or f"epoch {mark}",
                (mark, 0.04),
                xycoords=axes.get_xaxis_transform(),
                xytext=(-4 if late else 4, 0),
                textcoords="offset points",
                ha="right" if late else "left",
                color=MUTED,
            )
    grid[-1, 0].set_xlabel("epoch")
    seeds = frame["seed"].nunique()
    alt = (
        f"Line plot{'s' if len(keys) > 1 else ''} of {ylabel} against epoch, mean and "
        f"{level:.0%} interval over {_count(seeds, 'seed')}. "
    ).replace("95%", "95 %") + " ".join(findings)
    return _finish(figure, alt)


def _draw_curves(
    axes: Axes,
    part: pd.DataFrame,
    names: Sequence[str],
    y: str,
    by: str,
    level: float,
    title: str,
) -> str:
    """One panel of training curves; returns its finding in words."""
    from scipy import stats

    ends, texts = [], []
    present = [name for name in names if (part[by] == name).any()]
    for name in present:
        i = names.index(name)
        runs = part[part[by] == name].pivot_table(
            index="epoch", columns="seed", values=y
        )
        mean = runs.mean(axis=1)
        axes.plot(runs.index, mean, color=COLOURS[i % 6], linestyle=DASHES[i % 6])
        n = runs.shape[1]
        if n > 1:
            half = stats.t.ppf((1 + level) / 2, n - 1) * runs.std(axis=1) / math.sqrt(n)
            axes.fill_between(
                runs.index, mean - half, mean + half,
                color=COLOURS[i % 6], alpha=0.22, linewidth=0,
            )  # fmt: skip
        label = _display_name(str(name))
        ends.append((label, float(mean.iloc[-1]), COLOURS[i % 6]))
        texts.append(f"{label} ends at {mean.iloc[-1]:.1f}")
    axes.set_title(title)
    axes.margins(x=0.01)
    finding = (f"{title}: " if title else "") + ", ".join(texts)
    if len(present) == 2:
        for first, second in (present, present[::-1]):
            epoch = crossing(part, first, second, y=y, by=by)
            if epoch is None:
                continue
            after = epoch + 1
            level_there = part[part["epoch"] == epoch][y].mean()
            axes.plot(
                [epoch + 0.5], [level_there], marker="o", markersize=9,
                markerfacecolor="none", markeredgecolor=INK,
            )  # fmt: skip
            axes.annotate(
                f"cross after\nepoch {epoch}",
                (epoch + 0.5, level_there),
                xytext=(0, -13),
                textcoords="offset points",
                va="top",
                ha="right" if epoch > 0.7 * part["epoch"].max() else "left",
            )
            finding += f"; the curves cross between epochs {epoch} and {after}"
    _label_ends(axes, ends)
    return finding + "."


@_styled
def signal_through_depth(
    functions: str
    | Activation
    | Callable
    | Sequence[str | Activation | Callable]
    | Mapping[str, str | Activation | Callable],
    *,
    depth: int = 30,
    q: float = 1.0,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    measured: bool | Mapping[str, Sequence[float]] = False,
    width: int = 256,
    seed: int = 0,
) -> Figure:
    """Draw the size of the signal against depth: theory as lines, networks as dots.

    Parameters
    ----------
    functions
        One function, several, or label to function; each as in :func:`function_plot`.
    depth
        Number of layers.
    q
        Mean square of the first pre-activation.
    weight_variance, bias_variance
        Variance of a weight times the fan-in, and of a bias.
    measured
        Mean squares by name or label, ``depth + 1`` numbers each, or True to draw a
        random network of ``width`` units per layer with ``seed``.

    Raises ``ValueError`` where ``measured`` has another length.

    Chapter 02.
    """
    from . import catalogue, properties

    if isinstance(functions, (str, catalogue.Activation)) or callable(functions):
        functions = [functions]
    if not isinstance(functions, Mapping):
        functions = {_curve(function).name: function for function in functions}
    settings = {"weight_variance": weight_variance, "bias_variance": bias_variance}
    layers = np.arange(depth + 1)
    figure, axes = plt.subplots(figsize=(WIDTH, 3.3))
    ends, findings = [], []
    for i, (name, function) in enumerate(functions.items()):
        theory = np.asarray(
            properties.iterate_variance(function, depth, q=q, **settings), dtype=float
        )
        theory = np.where(np.isfinite(theory) & (theory > 0), theory, np.nan)
        colour = COLOURS[i % 6]
        axes.plot(layers, theory, color=colour, linestyle=DASHES[i % 6])
        dots = None
        if measured is True:
            dots = _random_depth(_curve(function), depth, q, width, seed, **settings)
        elif measured and name in measured:
            dots = np.asarray(measured[name], dtype=float)
            if dots.shape != (depth + 1,):
                raise ValueError(
                    f"measured[{name!r}] has shape {dots.shape}; layers 0 to {depth} "
                    f"need {depth + 1} numbers"
                )
        if dots is not None:
            axes.plot(layers, dots, linestyle="", marker=MARKERS[i % 6], markersize=4,
                      color=colour, alpha=0.75)  # fmt: skip
        last = theory[np.isfinite(theory)][-1]
        ends.append((name, float(last), colour))
        findings.append(
            f"{name} goes from {_text(theory[0], 2)} to {_text(last, 2)}"
            + ("" if dots is None else f" (measured {_text(dots[-1], 2)})")
        )
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    # Less than two decades would make the scatter of one network look like a trend.
    axes.set_ylim(min(low, q / 10), max(high, q * 10))
    axes.set_xlabel("layer")
    axes.set_ylabel("mean square of z")
    axes.set_xlim(0, depth)
    axes.locator_params(axis="x", integer=True)
    _label_ends(axes, ends)
    alt = (
        f"Line plot of the mean square of the pre-activation against the layer, 0 to "
        f"{depth}, log axis{'; dots are measured' if measured else ''}. "
        + "; ".join(findings)
        + "."
    )
    return _finish(figure, alt)


def _random_depth(
    curve: _Curve,
    depth: int,
    q: float,
    width: int,
    seed: int,
    weight_variance: float,
    bias_variance: float,
) -> np.ndarray:
    """Mean square of the pre-activations of one random network, layer by layer."""
    random = np.random.default_rng(seed)
    z = random.normal(0.0, math.sqrt(q), (64, width))
    sizes = [float(np.mean(z**2))]
    for _ in range(depth):
        weights = random.normal(0.0, math.sqrt(weight_variance / width), (width, width))
        bias = random.normal(0.0, math.sqrt(bias_variance), width)
        z = np.asarray(curve.value(z)) @ weights + bias
        sizes.append(float(np.mean(z**2)))
    return np.array(sizes)


@_styled
def timeline(events: Sequence[tuple[int, str]]) -> Figure:
    """Draw a history downwards: the years, what happened, and how long it took.

    Parameters
    ----------
    events
        Pairs of year and a short text. The number between two dots is the years that
        passed.

    Chapter 01.
    """
    if len(events) < 2:
        raise ValueError(f"a timeline needs two events or more, got {len(events)}")
    ordered = sorted(events, key=lambda event: event[0])
    texts = [textwrap.fill(text, 36) for _, text in ordered]
    heights = [0.19 * (text.count("\n") + 1) + 0.17 for text in texts]
    total = sum(heights) + 0.16
    figure = plt.figure(figsize=(WIDTH, total), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(total, 0)
    axes.set_axis_off()
    first, last = ordered[0][0], ordered[-1][0]
    edges = 0.08 + np.concatenate([[0], np.cumsum(heights)])
    middles = (edges[:-1] + edges[1:]) / 2
    axes.plot([0.62] * len(middles), middles, color=MUTED, linewidth=1.8)
    for (year, _), text, y in zip(ordered, texts, middles, strict=True):
        axes.plot([0.62], [y], marker="o", markersize=7, color=COLOURS[0])
        axes.text(0.8, y, str(year), va="center", color=COLOURS[0], weight="bold")
        axes.text(1.3, y, text, va="center", linespacing=1.15)
    pauses = zip(ordered, ordered[1:], middles, middles[1:], strict=False)
    for (before, _), (after, _), above, below in pauses:
        if after > before:
            axes.text(
                0.5,
                (above + below) / 2,
                f"+{after - before}",
                ha="right",
                va="center",
                color=MUTED,
                fontsize=9.5,
            )
    spans = [(b[0] - a[0], a[0], b[0]) for a, b in zip(ordered, ordered[1:])]
    longest = max(spans)
    alt = (
        f"Timeline of {len(ordered)} events from {first} to {last}, with the years "
        "between them. "
        f"The longest gap is from {longest[1]} to {longest[2]}. "
        f"First: {ordered[0][1]}. Last: {ordered[-1][1]}."
    )
    return _finish(figure, alt)


@_styled
def weight_curves(
    x: Any,
    panels: Mapping[str, Any],
    *,
    labels: Sequence[str],
    xlabel: str = "x",
    log: bool = False,
) -> Figure:
    """Draw weights that share a row, such as those of softmax, as one input changes.

    Parameters
    ----------
    x
        What changes, n numbers.
    panels
        Title to the weights, (n, k): each row is not negative.
    labels
        The k names of the weights.
    xlabel, log
        Words for the horizontal axis, and whether it is logarithmic.

    Chapter 06.
    """
    xs = _flat(x)
    figure, grid = plt.subplots(
        len(panels),
        1,
        figsize=(WIDTH, 2.15 * len(panels) + 0.5),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    grid[0, 0].set_ylim(-0.04, 1.04)
    findings = []
    for axes, (title, given) in zip(grid[:, 0], panels.items(), strict=True):
        weights = np.asarray(given, dtype=np.float64)
        for k in range(weights.shape[1]):
            axes.plot(xs, weights[:, k], color=COLOURS[k % 6], linestyle=DASHES[k % 6])
        if log:
            axes.set_xscale("log")
        axes.margins(x=0.01)
        axes.set_title(title)
        axes.set_ylabel("weight")
        last = zip(labels, weights[-1], COLOURS, strict=False)
        _label_ends(axes, [(name, float(w), c) for name, w, c in last])
        zeros = float((weights == 0).any(axis=1).mean())
        findings.append(
            f"{title}: "
            + (
                f"{_weights_in_words(labels, weights[0])} on the left, "
                if len(panels) == 1
                else ""
            )
            + f"{_weights_in_words(labels, weights[-1])} on the right, "
            + (f"exact zeros over {100 * zeros:.0f} % of it." if zeros else "no zero.")
        )
    grid[-1, 0].set_xlabel(xlabel)
    alt = f"Line plot of {_count(len(labels), 'weight')} against {xlabel}. "
    return _finish(figure, alt + " ".join(findings))


def _weights_in_words(labels: Sequence[str], weights: np.ndarray) -> str:
    return _join([f"{n} {_text(w, 2)}" for n, w in zip(labels, weights, strict=True)])


@_styled
def matrix_map(
    matrix: Any, *, labels: Sequence[str], rows: str = "", columns: str = ""
) -> Figure:
    """Draw a small square matrix as tinted cells with its numbers in them.

    Parameters
    ----------
    matrix
        (k, k) numbers; blue is positive, orange negative.
    labels
        The k names of rows and columns.
    rows, columns
        What rows and columns stand for.

    Chapter 06.
    """
    values = np.asarray(matrix, dtype=np.float64)
    size = len(values)
    figure, axes = plt.subplots(figsize=(WIDTH, 0.5 * size + 1.1))
    strength = np.abs(values) / max(np.abs(values).max(), 1e-300)
    for (i, j), value in np.ndenumerate(values):
        colour = _tint(COLOURS[0] if value > 0 else COLOURS[1], 0.5 * strength[i, j])
        axes.add_patch(plt.Rectangle((j - 0.5, i - 0.5), 1, 1, color=colour))
        axes.text(j, i, _text(value, 2), ha="center", va="center")
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    axes.set_xticks(range(size), labels)
    axes.set_yticks(range(size), labels)
    axes.set_xlabel(columns)
    axes.set_ylabel(rows)
    axes.grid(False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    diagonal = values.diagonal()
    off = values[~np.eye(size, dtype=bool)]
    symmetric = "symmetric " if np.allclose(values, values.T) else ""
    alt = (
        f"Map of a {symmetric}{size} by {size} matrix, {rows} down, {columns} across. "
        f"Diagonal from {_text(diagonal.min(), 2)} to {_text(diagonal.max(), 2)}, the "
        f"rest from {_text(off.min(), 2)} to {_text(off.max(), 2)}; the largest sum of "
        f"a row is {_text(round(float(values.sum(axis=1).max()), 12), 2)}."
    )
    return _finish(figure, alt)


@_styled
def layer_health(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw what each hidden layer of several networks hands on, and what comes back.

    One panel per network, side by side, on one logarithmic axis.

    Parameters
    ----------
    tables
        Title of the panel to a table with one row per hidden layer (from 1) and one
        column per quantity, such as ``spread``, ``slope`` and ``error signal``.

    Chapter 03.
    """
    figure, grid = plt.subplots(
        1, len(tables), figsize=(WIDTH, 3.4), sharey=True, squeeze=False
    )
    findings = []
    for axes, (title, table) in zip(grid[0], tables.items(), strict=True):
        texts = []
        for i, name in enumerate(table.columns):
            values = table[name].to_numpy(dtype=float)
            axes.plot(
                table.index, values,
                color=COLOURS[i % 6], linestyle=DASHES[i % 6],
                marker=MARKERS[i % 6], markersize=5, label=name,
            )  # fmt: skip
            texts.append(f"{name} {_text(values[0], 2)} to {_text(values[-1], 2)}")
        axes.set_yscale("log")
        axes.set_xticks(list(table.index))
        axes.margins(x=0.12)
        axes.set_title(textwrap.fill(title, 22))
        findings.append(f"{title}: " + ", ".join(texts))
    grid[0, 0].set_ylabel("value, log scale")
    for axes in grid[0]:
        axes.set_xlabel("hidden layer")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    depth = len(next(iter(tables.values())))
    alt = (
        f"Line plots on a logarithmic axis, one panel per network, by hidden layer "
        f"from 1 to {depth}. " + ". ".join(findings) + "."
    )
    return _finish(figure, alt)


@_styled
def accuracy_grid(
    frame: pd.DataFrame,
    *,
    by: str = "init",
    markers: str = "regime",
    labels: Mapping[str, str] | None = None,
    chance: float | None = 10.0,
    level: float = 0.95,
) -> Figure:
    """Draw final accuracies of a grid of conditions as dots with their intervals.

    Parameters
    ----------
    frame
        One row per run, with ``test_accuracy`` and the columns ``by`` (one row of the
        figure each) and ``markers`` (one marker each).
    labels
        Words for the values of both columns.
    chance
        Accuracy of guessing, drawn as a line; None for no line.
    level
        Of the interval over seeds (Student t).

    Chapter 03.
    """
    from .statistics import interval

    labels = dict(labels or {})
    rows, kinds = (list(dict.fromkeys(frame[c])) for c in (by, markers))
    figure, axes = plt.subplots(figsize=(WIDTH, 0.62 * len(rows) + 1.5))
    findings = []
    for i, kind in enumerate(kinds):
        texts = []
        for j, row in enumerate(rows):
            runs = frame[(frame[by] == row) & (frame[markers] == kind)]["test_accuracy"]
            if runs.empty:
                continue
            found = interval(runs, level)
            height = j + 0.22 * (i - (len(kinds) - 1) / 2)
            half = 0.0 if found.n == 1 else found.half_width
            axes.errorbar(
                found.mean, height, xerr=half, color=COLOURS[i % 6],
                marker=MARKERS[i % 6], markersize=6, capsize=3, linestyle="",
                label=labels.get(kind, kind) if not texts else None,
            )  # fmt: skip
            texts.append(f"{labels.get(row, row)} {found}")
        findings.append(f"{labels.get(kind, kind)}: " + ", ".join(texts))
    if chance is not None:
        axes.axvline(chance, color=MUTED, linewidth=1, linestyle=DASHES[1])
        axes.annotate(
            "guessing",
            (chance, -0.48),
            xytext=(4, 0),
            textcoords="offset points",
            color=MUTED,
            va="top",
        )
    axes.set_yticks(range(len(rows)), [labels.get(row, row) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.55)
    axes.set_xlim(0, 100)
    axes.set_xlabel("test accuracy, %")
    figure.legend(loc="outside upper center", ncols=len(kinds), columnspacing=1.2)
    alt = (
        f"Dots with {level:.0%} intervals over seeds: test accuracy in per cent, one "
        f"row per {by}. "
    ).replace("95%", "95 %") + "; ".join(findings)
    return _finish(figure, alt + ".")


@_styled
def descent_paths(
    paths: Mapping[str, tuple[np.ndarray, np.ndarray]], target: Sequence[float]
) -> Figure:
    """Draw gradient descent in the plane of two weights, on the contours of the loss.

    One panel per case, side by side, on the same axes.

    Parameters
    ----------
    paths
        Title to (path, Hessian): the weights after each step, (steps + 1, 2), and the
        2 × 2 Hessian of the quadratic loss.
    target
        The weights with the smallest loss.

    Chapter 03.
    """
    target = np.asarray(target, dtype=float)
    figure, grid = plt.subplots(
        1, len(paths), figsize=(WIDTH, 2.95), sharex=True, sharey=True, squeeze=False
    )
    points = np.concatenate([np.asarray(path) for path, _ in paths.values()])
    centre = (points.max(0) + points.min(0)) / 2
    reach = 0.58 * (points.max(0) - points.min(0)).max()
    axis = np.linspace(-reach, reach, 121)
    first, second = np.meshgrid(centre[0] + axis, centre[1] + axis)
    away = np.stack([first - target[0], second - target[1]], -1)
    findings = []
    for axes, (title, (path, hessian)) in zip(grid[0], paths.items(), strict=True):
        path, hessian = np.asarray(path), np.asarray(hessian)
        loss = np.einsum("...i,ij,...j->...", away, hessian, away) / 2
        axes.contour(
            first, second, np.sqrt(loss), 9, colors=GRID, linewidths=1, zorder=0
        )
        axes.plot(path[:, 0], path[:, 1], color=COLOURS[0], linewidth=1.4,
                  marker="o", markersize=3.2)  # fmt: skip
        axes.plot(*target, linestyle="", marker="P", markersize=9, color=COLOURS[1])
        axes.set_title(textwrap.fill(title, 24))
        axes.set_aspect("equal")
        axes.grid(False)
        axes.set_xlabel("weight 1")
        near = np.abs(path - target).max(1) < 0.01
        steps = int(np.argmax(near)) if near.any() else None
        turns = np.linalg.eigvalsh(hessian)
        findings.append(
            f"{title}: the loss is {_text(turns[-1] / turns[0], 2)} times steeper "
            "across the valley than along it, and the path "
            + (
                f"arrives after {_count(steps, 'step')}"
                if steps is not None
                else "does not arrive"
            )
        )
    grid[0, 0].set_ylabel("weight 2")
    alt = (
        "Contour plots of a loss over two weights with the path of gradient descent, "
        "one panel per case. " + ". ".join(findings) + "."
    )
    return _finish(figure, alt)
