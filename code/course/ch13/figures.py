"""Figures of cost and precision: ratios to ReLU, shares of a step, formats."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from actlab.figures.style import (
    COLOURS,
    DASHES,
    INK,
    MARKERS,
    MUTED,
    WIDTH,
    count,
    display_name,
    finish,
    join,
    label_ends,
    legend_above,
    name_rows,
    named_ticks,
    number,
    styled,
    tint,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "cost_and_operations",
    "cost_dots",
    "cost_shares",
    "gradient_sizes",
    "slope_ranges",
]

DIRECTIONS = ("forward", "backward")


def _plain_log(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers, three in a decade where few fit."""
    low, high = axis.get_view_interval()
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if high / low > 300 else (1, 2, 5)
    marks = [s * 10.0**d for d in decades for s in steps]
    marks = [mark for mark in marks if low <= mark <= high]
    axis.set_ticks(marks, [number(mark) for mark in marks])
    axis.set_ticks([], minor=True)


@styled
def cost_dots(frame: pd.DataFrame, *, reference: str = "relu") -> Figure:
    """Draw what each function costs as a multiple of ReLU, forward and backward.

    A mark is the median of the rounds, a bar their range.

    Parameters
    ----------
    frame
        As :func:`actlab.cost.measure` returns it, one row per function; drawn in order
        of the forward cost.
    reference
        The function whose cost is 1.

    Chapter 13.
    """
    frame = frame.sort_values("forward")
    figure, axes = plt.subplots(figsize=(WIDTH, 0.3 * len(frame) + 1.15))
    for k, direction in enumerate(DIRECTIONS):
        for row, line in enumerate(frame.itertuples()):
            y = row + (-0.13, 0.13)[k]
            low, high = (getattr(line, f"{direction}_{end}") for end in ("low", "high"))
            axes.plot([low, high], [y, y], color=COLOURS[k], linewidth=2.2)
            axes.plot(
                [getattr(line, direction)], [y], marker=MARKERS[k], markersize=6,
                color=COLOURS[k], linestyle="", label=direction if row == 0 else None,
            )  # fmt: skip
    axes.axvline(1, color=MUTED, linewidth=1.2, linestyle=DASHES[1])
    axes.set_xscale("log")
    _plain_log(axes.xaxis)
    name_rows(axes, [display_name(key) for key in frame["key"]])
    axes.set_xlabel(f"time, in multiples of {display_name(reference)}'s (log scale)")
    legend_above(axes, columns=2)
    findings = [
        f"{display_name(key)} {number(forward, 2)} and {number(backward, 2)}"
        for key, forward, backward in zip(
            frame["key"], frame["forward"], frame["backward"], strict=True
        )
    ]
    alt = (
        f"Dot plot of time as a multiple of {display_name(reference)}'s, logarithmic, "
        "forward and backward: " + "; ".join(findings) + "."
    )
    return finish(figure, alt)


@styled
def cost_and_operations(
    frame: pd.DataFrame, *, labels: Sequence[str] = (), y: str = "forward"
) -> Figure:
    """Draw the cost of functions against how many tensor operations they consist of.

    Parameters
    ----------
    frame
        One row per function: ``key``, ``operations``, and the column ``y``, a multiple
        of ReLU's cost.
    labels
        Keys whose marks are named.

    Chapter 13.
    """
    frame = frame[(frame["operations"] > 0) & (frame[y] > 0)]
    figure, axes = plt.subplots(figsize=(WIDTH, 3.9))
    single = frame["operations"] == 1
    for k, (rows, name) in enumerate(
        ((frame[single], "one operation"), (frame[~single], "several"))
    ):
        axes.plot(
            rows["operations"], rows[y], linestyle="", marker=MARKERS[k],
            color=COLOURS[k], markersize=6, alpha=0.75, label=name,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.8, 1.6 * frame["operations"].max())
    _plain_log(axes.xaxis)
    _plain_log(axes.yaxis)
    for key in labels:
        for line in frame[frame["key"] == key].itertuples():
            axes.annotate(
                display_name(key), (line.operations, getattr(line, y)),
                xytext=(6, -3), textcoords="offset points", color=INK, fontsize=9.5,
                zorder=1.5,

            )  # fmt: skip
    axes.set_xlabel("tensor operations in the forward pass (log scale)")
    axes.set_ylabel(f"{y}, multiples of ReLU")
    legend_above(axes, columns=2)
    logs = np.log(frame[["operations", y]].to_numpy(dtype=float))
    correlation = np.corrcoef(logs.T)[0, 1]
    ends = frame[single][y]
    alt = (
        f"Scatter plot, both axes logarithmic: {y} time as a multiple of ReLU's "
        f"against tensor operations, {count(len(frame), 'function')}. Those of "
        f"one operation lie from {number(ends.min(), 2)} to {number(ends.max(), 2)}, "
        f"the others from {number(frame[~single][y].min(), 2)} to "
        f"{number(frame[~single][y].max(), 2)}; correlation of the logarithms "
        f"{correlation:.2f}."
    )
    return finish(figure, alt)


@styled
def cost_shares(frame: pd.DataFrame) -> Figure:
    """Draw the share of a training step that an activation takes, against the width.

    Parameters
    ----------
    frame
        One row per function and width: ``key``, ``width``, and ``share``, ``low`` and
        ``high`` as fractions.

    Chapter 13.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.2))
    ends, findings = [], []
    for i, (label, group) in enumerate(frame.groupby("key", sort=False)):
        key, group = str(label), group.sort_values("width")
        spread = 100 * group[["low", "high"]].to_numpy().T
        middle = 100 * group["share"]
        axes.fill_between(group["width"], *spread, color=COLOURS[i % 6], alpha=0.15,
                          linewidth=0)  # fmt: skip
        axes.plot(group["width"], middle, color=COLOURS[i % 6], marker=MARKERS[i % 6],
                  linestyle=DASHES[i % 6], markersize=5.5)  # fmt: skip
        ends.append((display_name(key), float(middle.iloc[-1]), COLOURS[i % 6]))
        findings.append(
            f"{display_name(key)} from {number(middle.iloc[0], 2)} to "
            f"{number(middle.iloc[-1], 2)} %"
        )
    axes.set_xscale("log")
    widths = sorted(frame["width"].unique())
    named_ticks(axes, widths, [str(width) for width in widths])
    # The range of a small share can reach far below 0; that is noise, and cut.
    axes.set_ylim(bottom=max(-10.0, min(0.0, axes.get_ylim()[0])))
    axes.set_xlabel("width of the hidden layers (log scale)")
    axes.set_ylabel("share of a training step, %")
    label_ends(axes, ends)
    alt = (
        "Line plot of the share of a training step that the activation takes, against "
        f"the width of the hidden layers, {widths[0]} to {widths[-1]}: "
        + join(findings)
        + "."
    )
    return finish(figure, alt)


@styled
def slope_ranges(frame: pd.DataFrame, *, limit: float = 300.0) -> Figure:
    """Draw between which inputs each format keeps the slopes that it could hold.

    A bar that runs into the edge has no end there.

    Parameters
    ----------
    frame
        As :func:`actlab.precision.table` returns it.
    limit
        End of the horizontal axis on both sides.

    Chapter 13.
    """
    keys = list(dict.fromkeys(frame["key"]))
    formats = list(dict.fromkeys(frame["dtype"]))
    figure, axes = plt.subplots(figsize=(WIDTH, 0.52 * len(keys) + 1.2))
    findings = []
    for row, key in enumerate(keys):
        found = []
        for k, name in enumerate(formats):
            line = frame[(frame["key"] == key) & (frame["dtype"] == name)].iloc[0]
            ends = [line["gradient_lost_left"], line["gradient_lost_right"]]
            inside = [
                end if math.isfinite(end) and abs(end) < limit else side * limit
                for end, side in zip(ends, (-1, 1))
            ]
            y = row + 0.22 * (k - (len(formats) - 1) / 2)
            axes.plot(inside, [y, y], color=COLOURS[k], linewidth=3.4,
                      linestyle=DASHES[0], solid_capstyle="butt",
                      label=name if row == 0 else None)  # fmt: skip
            for end in inside:
                if abs(end) < limit:
                    axes.plot([end], [y], marker=MARKERS[k], markersize=5.5,
                              color=COLOURS[k])  # fmt: skip
            found.append(inside)
        for side, ends in zip(("left", "right"), zip(*found)):
            said = [number(end) if abs(end) < limit else "none" for end in ends]
            if set(said) != {"none"}:
                findings.append(f"{display_name(key)} {side} {', '.join(said)}")
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_xscale("symlog", linthresh=1, linscale=0.5)
    marks = [m for m in (-100, -10, -1, 0, 1, 10, 100) if abs(m) < limit]
    named_ticks(axes, marks, [number(mark) for mark in marks])
    axes.set_xlim(-limit, limit)
    name_rows(axes, [display_name(key) for key in keys])
    axes.set_xlabel("input (linear to ±1, then logarithmic)")
    legend_above(axes, columns=len(formats))
    alt = (
        f"Bars: inputs at which autograd's slope is not lost. Where they end in "
        f"{join(formats)}: " + "; ".join(findings or ["nowhere"]) + "."
    )
    return finish(figure, alt)


@styled
def gradient_sizes(
    sizes: Mapping[str, np.ndarray],
    *,
    band: tuple[float, float],
    name: str = "float16",
) -> Figure:
    """Draw how gradients are distributed in size, and which sizes a format holds.

    Parameters
    ----------
    sizes
        From a label to the gradients of a network; zeros are left out.
    band
        Smallest and largest positive number of the format.
    name
        Of the format.

    Chapter 13.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.1))
    logs = {
        label: np.log10(np.abs(values[values != 0])) for label, values in sizes.items()
    }
    low = min(float(values.min()) for values in logs.values())
    high = max(math.log10(band[1]), *(float(v.max()) for v in logs.values()))
    edges = np.linspace(low, high, 60)
    axes.axvspan(*np.log10(band), color=tint(COLOURS[2], 0.18), linewidth=0)
    axes.annotate(f"{name} holds these", (sum(np.log10(band)) / 2, 0.99), color=INK,
                  xycoords=axes.get_xaxis_transform(), ha="center",
                  va="top")  # fmt: skip
    findings = []
    for i, (label, values) in enumerate(logs.items()):
        heights, _ = np.histogram(values, edges)
        share = 100 * heights / len(values)
        axes.stairs(share, edges, color=COLOURS[i % 6], linestyle=DASHES[i % 6],
                    linewidth=2, label=label)  # fmt: skip
        below = 100 * np.mean(values < math.log10(band[0]))
        findings.append(f"{label}: {number(below, 2)} % lie below it")
    axes.set_ylim(top=1.18 * axes.get_ylim()[1])
    axes.set_xlim(low, high)
    marks = range(5 * math.ceil(low / 5), math.ceil(high) + 1, 5)
    axes.set_xticks(list(marks), [f"$10^{{{mark}}}$" for mark in marks])
    axes.set_xlabel("size of a gradient (log scale)")
    axes.set_ylabel("share of the weights, %")
    legend_above(axes, columns=1)
    alt = (
        f"Histograms of the size of gradients on a logarithmic axis, with the range of "
        f"{name} shaded, {number(band[0], 2)} to {number(band[1])}. "
        + "; ".join(findings)
        + "."
    )
    return finish(figure, alt)
