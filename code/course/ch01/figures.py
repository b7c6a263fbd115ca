"""Drawings that show no data: one neuron, a history."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from actlab.figures.curves import read_curve, with_gaps
from actlab.figures.style import (
    COLOURS,
    DASHES,
    INK,
    MUTED,
    PAPER,
    WIDTH,
    finish,
    label_ends,
    number,
    styled,
    tint,
)

if TYPE_CHECKING:
    from actlab.catalogue import Activation
    from actlab.properties.functions import Function

__all__ = ["threshold_units", "neuron", "timeline"]

# Where the parts of a neuron stand, in inches from the left.
INPUT, SUM, BOX, OUTPUT = 0.4, 2.1, 3.4, 4.5


@styled
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
    curve = read_curve(activation)
    height = max(2.3, 0.72 * inputs + 0.5)
    figure = plt.figure(figsize=(WIDTH, height), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    middle = height / 2 + 0.08
    symbols = [f"$w_{i + 1}$" for i in range(inputs)]
    _draw_inputs(axes, middle, symbols if weights is None else map(number, weights))
    _draw_sum(axes, middle, "$b$" if bias is None else number(bias))
    _draw_activation(axes, middle, curve)
    words = {INPUT: "inputs", 1.15: "weights", SUM: "sum", BOX: "activation"}
    for x, word in words.items():
        axes.text(x, 0.1, word, ha="center", color=MUTED, fontsize=9.5)
    alt = (
        f"Drawing of one neuron. {inputs} inputs are multiplied by their weights and "
        f"added to the bias b; the sum z goes through the activation, here "
        f"{curve.name}, and comes out as a."
    )
    return finish(figure, alt)


def _draw_inputs(axes: Axes, middle: float, weights: Iterable[str]) -> None:
    """The inputs below each other, and their weights on the arrows to the sum."""
    labels = list(weights)
    ys = middle + 0.72 * (np.arange(len(labels))[::-1] - (len(labels) - 1) / 2)
    for i, (y, label) in enumerate(zip(ys, labels, strict=True)):
        axes.add_patch(Circle((INPUT, y), 0.25, facecolor=PAPER, edgecolor=INK, lw=1.4))
        axes.text(INPUT, y, f"$x_{i + 1}$", ha="center", va="center", fontsize=12)
        direction = np.array([SUM - INPUT, middle - y])
        direction /= np.linalg.norm(direction)
        start = np.array([INPUT, y]) + 0.27 * direction
        stop = np.array([SUM, middle]) - 0.34 * direction
        _draw_arrow(axes, tuple(start), tuple(stop))
        x, height = start + 0.42 * (stop - start)
        axes.text(
            x,
            height,
            label,
            ha="center",
            va="center",
            fontsize=11,
            color=COLOURS[0],
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5},
        )


def _draw_sum(axes: Axes, middle: float, bias: str) -> None:
    """The sum, the bias that comes from below, and the way on as z."""
    tinted = tint(COLOURS[0], 0.14)
    axes.add_patch(Circle((SUM, middle), 0.32, facecolor=tinted, edgecolor=INK, lw=1.4))
    axes.text(SUM, middle, "$\\Sigma$", ha="center", va="center", fontsize=15)
    _draw_arrow(axes, (SUM, middle - 0.82), (SUM, middle - 0.35))
    axes.text(
        SUM,
        middle - 0.95,
        bias,
        ha="center",
        va="center",
        fontsize=11,
        color=COLOURS[0],
    )
    _draw_arrow(axes, (SUM + 0.34, middle), (BOX - 0.4, middle))
    axes.text((SUM + BOX - 0.06) / 2, middle + 0.16, "$z$", ha="center", fontsize=12)


def _draw_activation(axes: Axes, middle: float, curve: Function) -> None:
    """The box with the activation's curve, and what comes out of it."""
    axes.add_patch(
        FancyBboxPatch(
            (BOX - 0.38, middle - 0.38),
            0.76,
            0.76,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=tint(COLOURS[1], 0.12),
            edgecolor=INK,
            lw=1.4,
        )
    )
    x, y, _ = with_gaps(curve.value, -3, 3)
    low, high = np.nanmin(y), np.nanmax(y)
    scale = 0.5 / (high - low if high > low else 1.0)
    axes.plot(
        BOX + x * 0.26 / 3,
        middle - 0.25 + (y - low) * scale,
        color=COLOURS[1],
        linewidth=2.2,
    )
    axes.text(BOX, middle + 0.52, curve.name, ha="center", color=COLOURS[1])
    _draw_arrow(axes, (BOX + 0.4, middle), (OUTPUT - 0.06, middle))
    axes.text(OUTPUT + 0.08, middle, "$a$", ha="center", va="center", fontsize=13)


def _draw_arrow(
    axes: Axes, start: tuple[float, float], stop: tuple[float, float]
) -> None:
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


@styled
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
    return finish(figure, alt)


@styled
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
    fine = np.linspace(-1, 1, 1601)
    stairs = output(fine, edges[1:-1], None)
    figure = _draw_stairs(fine, stairs, positions, losses, units - 1)
    jumps = np.diff(losses[0]) != 0
    alt = (
        f"Two line plots. Above, {units - 1} threshold units fit sin(πx) with a "
        f"staircase. Below, the squared error while one threshold moves: "
        f"{int(jumps.sum())} jumps and no slope in between "
        f"({100 * float(np.mean(~jumps)):.0f} % of the steps "
        "change nothing); with a sigmoid in its place the error is a smooth valley."
    )
    return finish(figure, alt)


def _draw_stairs(
    fine: np.ndarray,
    stairs: np.ndarray,
    positions: np.ndarray,
    losses: np.ndarray,
    units: int,
) -> Figure:
    """Above the staircase over the curve, below the two losses over one threshold."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(WIDTH, 4.6))
    top.plot(
        fine, np.sin(np.pi * fine), color=MUTED, linewidth=1.5, linestyle=DASHES[1]
    )
    top.plot(fine, stairs, color=COLOURS[0])
    top.set_title(f"{units} threshold units make a staircase")
    top.set_xlabel("x")
    top.set_ylabel("output")
    bottom.plot(positions, losses[0], color=COLOURS[0])
    bottom.plot(positions, losses[1], color=COLOURS[1], linestyle=DASHES[1])
    bottom.set_title("error while one threshold moves")
    bottom.set_xlabel("place of the threshold")
    bottom.set_ylabel("squared error")
    bottom.set_xlim(positions[0], positions[-1])
    label_ends(
        bottom,
        [
            ("threshold unit", losses[0, -1], COLOURS[0]),
            ("sigmoid in its place", losses[1, -1], COLOURS[1]),
        ],
        wrap=10,
    )
    return figure
