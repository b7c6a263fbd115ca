"""Figures of fair comparisons: points with intervals, never bars alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from actlab.figures.style import (
    COLOURS,
    DASHES,
    INK,
    MARKERS,
    MUTED,
    PAPER,
    WIDTH,
    count,
    display_name,
    finish,
    number,
    styled,
    tint,
)
from actlab.statistics import interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "compared_differences",
    "conditions_and_verdicts",
    "quoted_and_measured",
    "rank_scatter",
    "rate_curves",
]

OTHERS = "#8a8a84"  # what is drawn without a name
FEW = 2  # so many names fit at the edge
SEVERAL = 2  # runs from which on an interval can be drawn
# Verdict of `statistics.compare` to colour, marker and words.
VERDICTS = {
    "larger": (COLOURS[0], "^", "larger"),
    "smaller": (COLOURS[1], "v", "smaller"),
    "equivalent": (COLOURS[2], "s", "equivalent"),
    "not shown": (COLOURS[5], "o", "not shown"),
}


@styled
def quoted_and_measured(
    rows: Mapping[str, tuple[float | None, Sequence[float]]],
    *,
    xlim: tuple[float, float] | None = None,
    xlabel: str = "test accuracy in %",
    quoted: str = "quoted",
    measured: str = "measured, each run and the mean with its interval",
) -> Figure:
    """Draw a quoted number beside repeated measurements, one row per name.

    Parameters
    ----------
    rows
        Name to the quoted number (None where there is none) and one number per run.
        The first stands on top.
    xlim
        Ends of the axis; a row that lies outside is written at the edge.
    xlabel, quoted, measured
        Words for the axis and the two kinds of marks.

    Chapter 12.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 0.3 * len(rows) + 1.15))
    everything = [
        v for quote, runs in rows.values() for v in (*runs, quote) if v is not None
    ]
    low, high = xlim or _padded(everything)
    axes.set_xlim(low, high)
    findings = []
    for y, (name, (quote, runs)) in enumerate(rows.items()):
        found = interval(runs)
        words = [f"measured {found.mean:.1f}"]
        if quote is not None:
            words.insert(0, f"quoted {quote:.1f}")
        if not low <= found.mean <= high:
            _at_the_edge(axes, y, found.mean, ", ".join(words))
        else:
            _points(axes, y, runs, COLOURS[0], "o")
        if quote is not None and low <= quote <= high:
            axes.plot(
                quote, y, marker="D", markersize=7.5, markerfacecolor="none",
                markeredgecolor=COLOURS[1], markeredgewidth=1.6, zorder=4,
            )  # fmt: skip
        gap = "" if quote is None else f" ({number(found.mean - quote, 2)})"
        findings.append(f"{name} {found.mean:.1f}{gap}")
    handles = [
        Line2D([], [], marker="D", color=COLOURS[1], markerfacecolor="none",
               linestyle="", markersize=7.5, label=quoted),
        Line2D([], [], marker="o", color=COLOURS[0], markersize=6, label=measured),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper left", ncols=1)
    _rows(axes, list(rows), xlabel)
    alt = (
        f"Dot plot of {xlabel}: measured means, and in brackets how far they lie from "
        f"the quoted number. {'; '.join(findings)}."
    )
    return finish(figure, alt)


@styled
def compared_differences(
    table: pd.DataFrame,
    *,
    margin: float | None = None,
    xlim: tuple[float, float] | None = None,
    xlabel: str | None = None,
) -> Figure:
    """Draw differences from a baseline with intervals, coloured by their verdict.

    Parameters
    ----------
    table
        As `statistics.compare` returns it with ``against``.
    margin
        The margin of equivalence, drawn as a band.
    xlim
        Ends of the axis; a row that lies outside is written at the edge.
    xlabel
        Words for the horizontal axis.

    At the right stands the smallest difference that the design could have seen.
    Chapter 12.
    """
    rows = table.to_dict("records")
    baseline = display_name(str(rows[0]["second"]))
    figure, axes = plt.subplots(figsize=(WIDTH, 0.33 * len(rows) + 1.3))
    inside = [r[end] for r in rows for end in ("low", "high")]
    low, high = xlim or _padded([*inside, -(margin or 0), margin or 0])
    axes.set_xlim(low, high)
    if margin is not None:
        axes.axvspan(-margin, margin, color=tint(COLOURS[2], 0.16), linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=1.2, linestyle=DASHES[1])
    for y, row in enumerate(rows):
        colour, marker, _ = VERDICTS[row["verdict"]]
        if not low <= row["difference"] <= high:
            text = f"{row['difference']:+.1f} ± {(row['high'] - row['low']) / 2:.1f}"
            text = text.replace("-", "\N{MINUS SIGN}")
            _at_the_edge(axes, y, row["difference"], text, colour)
        else:
            axes.plot([row["low"], row["high"]], [y, y], color=colour)
            axes.plot(row["difference"], y, marker=marker, markersize=7, color=colour)
        axes.annotate(
            f"{row['detectable']:.2f}", xy=(1.0, y),
            xycoords=axes.get_yaxis_transform(), xytext=(6, 0),
            textcoords="offset points", va="center", annotation_clip=False,
        )  # fmt: skip
    axes.annotate(
        "could\nsee", xy=(1.0, 1.0), xycoords="axes fraction", xytext=(6, 2),
        textcoords="offset points", va="bottom", annotation_clip=False,
    )  # fmt: skip
    shown = [v for v in VERDICTS if v in set(table["verdict"])]
    handles = [
        Line2D([], [], marker=VERDICTS[v][1], color=VERDICTS[v][0], markersize=6,
               label=VERDICTS[v][2])
        for v in shown
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    words = xlabel or f"points more than {baseline}"
    _rows(axes, [display_name(str(row["first"])) for row in rows], words)
    findings = []
    for verdict in shown:
        names = [
            f"{display_name(str(row['first']))} {number(row['difference'], 2)}"
            for row in rows
            if row["verdict"] == verdict
        ]
        findings.append(f"{VERDICTS[verdict][2]}: {', '.join(names)}")
    band = "" if margin is None else f", band of equivalence ±{margin:g}"
    sees = table["detectable"]
    alt = (
        f"Dot plot with intervals, {words}{band}. {'; '.join(findings)}. Smallest "
        f"difference that could be seen: {sees.min():.2f} to {sees.max():.2f}."
    )
    return finish(figure, alt)


@styled
def conditions_and_verdicts(
    frame: pd.DataFrame,
    *,
    by: str = "condition",
    of: str = "activation",
    y: str = "test_accuracy",
    highlight: Sequence[str] = (),
    xlim: tuple[float, float] | None = None,
    xlabel: str = "test accuracy in %",
    as_error: bool = False,
) -> Figure:
    """Draw one row per condition: each name a mark, some of them in colour.

    Parameters
    ----------
    frame
        One row per run, with the columns ``by``, ``of`` and ``y``.
    highlight
        Up to six values of ``of`` with a colour and marker; the others are grey dots.
    xlim
        Ends of the axis; what lies outside is written at the edge.
    xlabel
        Words for the horizontal axis.
    as_error
        Put 100 minus the accuracy on a logarithmic axis, better to the right, so that
        90 % and 10 % of errors fit on one page.

    Chapter 12.
    """
    conditions = list(dict.fromkeys(frame[by]))
    low, high = xlim or _padded(frame[y].dropna().tolist())
    height = 0.34 * len(conditions) + 1.5
    figure, axes = plt.subplots(figsize=(WIDTH, height))
    axes.set_xlim(low, high)

    def at_x(value: float) -> float:
        return 100 - value if as_error else value

    findings = []
    for row, condition in enumerate(conditions):
        part = frame[frame[by] == condition]
        means = part.groupby(of, sort=False)[y].mean().dropna()
        outside = means[(means < low) | (means > high)]
        for name in sorted(means.index, key=lambda key: key in highlight):
            if name in outside:
                continue
            if name not in highlight:
                axes.plot(
                    at_x(means[name]), row, marker="o", markersize=4.5, color=OTHERS
                )
                continue
            k = list(highlight).index(name)
            found = interval(part.loc[part[of] == name, y].dropna())
            at = row + 0.16 * (k - (len(highlight) - 1) / 2)
            if found.n >= SEVERAL:
                ends = np.clip([found.low, found.high], low, high)
                ends = [at_x(end) for end in ends]
                axes.plot(ends, [at, at], color=COLOURS[k % 6], linewidth=1.5)
            axes.plot(
                at_x(found.mean), at, marker=MARKERS[k % 6], markersize=6.5,
                color=COLOURS[k % 6], markeredgecolor=PAPER, markeredgewidth=0.6,
                zorder=4,
            )  # fmt: skip
        if len(outside):
            words = _those_outside(outside, highlight)
            _at_the_edge(axes, row, float(outside.iloc[0]), words)
        order = means.sort_values(ascending=False)
        findings.append(
            f"{condition}: {display_name(str(order.index[0]))} {order.iloc[0]:.1f}"
        )
    handles = [
        Line2D([], [], marker=MARKERS[k % 6], color=COLOURS[k % 6], markersize=6.5,
               label=display_name(str(name)))
        for k, name in enumerate(highlight)
    ]  # fmt: skip
    handles.append(
        Line2D([], [], marker="o", color=OTHERS, markersize=4.5, linestyle="",
               label="the others")
    )  # fmt: skip
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
    if as_error:
        _error_axis(axes, low, high)
        xlabel = "test error in %, logarithmic\n(better to the right)"
    _rows(axes, conditions, xlabel)
    names = len(set(frame[of]))
    alt = (
        f"Dot plot of {xlabel.split(chr(10))[0]}, "
        f"{count(len(conditions), 'row')} of conditions, {count(names, 'function')}. "
        f"First in each, accuracy: {'; '.join(findings)}."
    )
    return finish(figure, alt)


@styled
def rank_scatter(
    frame: pd.DataFrame,
    *,
    x: str,
    y: str,
    xlabel: str,
    ylabel: str,
    log: bool = False,
    ylim: tuple[float, float] | None = None,
    group: str | None = None,
) -> Figure:
    """Draw one named point per row of a table, and say how well two orders agree.

    Parameters
    ----------
    frame
        One row per thing, the index its name.
    x, y
        Columns of numbers.
    xlabel, ylabel
        Words for them.
    log
        Whether the horizontal axis is logarithmic.
    ylim
        Ends of the vertical axis; what lies outside is written at the edge.
    group
        A column whose values get a colour and marker each.

    Chapter 12.
    """
    from actlab.statistics import rank_correlation

    figure, axes = plt.subplots(figsize=(WIDTH, 3.9))
    if log:
        axes.set_xscale("log")
    low, high = ylim or _padded(frame[y].tolist())
    axes.set_ylim(low, high)
    groups = list(dict.fromkeys(frame[group])) if group else [None]
    for i, value in enumerate(groups):
        part = frame if value is None else frame[frame[group] == value]
        axes.plot(
            part[x], part[y].clip(low, high), linestyle="", marker=MARKERS[i % 6],
            markersize=6.5, color=COLOURS[i % 6], label=value, clip_on=False,
        )  # fmt: skip
    _padded_axis(axes, frame[x], log)
    _name_points(axes, frame, x, y, (low, high))
    if group:
        figure.legend(loc="outside upper left", ncols=2)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    rho = rank_correlation(frame[x], frame[y])
    ordered = frame.sort_values(y)
    alt = (
        f"Scatter plot of {ylabel} against {xlabel}, {count(len(frame), 'point')}. "
        f"Rank correlation {number(rho.rho, 2)}, interval {number(rho.low, 2)} to "
        f"{number(rho.high, 2)}. Lowest {ordered.index[0]} ({ordered[y].iloc[0]:.1f}), "
        f"highest {ordered.index[-1]} ({ordered[y].iloc[-1]:.1f})."
    )
    return finish(figure, alt)


@styled
def rate_curves(
    frame: pd.DataFrame,
    *,
    y: str = "test_accuracy",
    by: str = "activation",
    highlight: Sequence[str] = (),
    ylim: tuple[float, float] | None = None,
    ylabel: str = "validation accuracy in %",
) -> Figure:
    """Draw the result of each name against the learning rate; a ring marks its best.

    Parameters
    ----------
    frame
        One row per run, with ``lr``, ``by`` and ``y``; lines join means over seeds.
        A rate at which a run broke down has no point.
    highlight
        Values of ``by`` with a colour and a name; the others are thin and grey.
    ylim
        Ends of the vertical axis.
    ylabel
        Words for it.

    Chapter 12.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.6))
    means = frame.groupby([by, "lr"], sort=False)[y].apply(
        lambda values: values.mean(skipna=False)
    )
    low, high = ylim or _padded(means.dropna().tolist())
    axes.set_xscale("log")
    findings = []
    names = list(dict.fromkeys(frame[by]))
    for name in sorted(names, key=lambda key: key in highlight):
        line = means[name].sort_index()
        best = line.idxmax()
        findings.append(f"{display_name(str(name))} {number(best)}")
        if name in highlight:
            k = list(highlight).index(name)
            axes.plot(line.index, line, color=COLOURS[k % 6], linestyle=DASHES[k % 6],
                      marker=MARKERS[k % 6], markersize=4.5, zorder=3,
                      label=display_name(str(name)))  # fmt: skip
        else:
            axes.plot(line.index, line, color=OTHERS, linewidth=1)
        axes.plot(best, line[best], marker="o", markersize=9, markerfacecolor="none",
                  markeredgecolor=INK, markeredgewidth=0.9, zorder=4)  # fmt: skip
    axes.set_ylim(low, high)
    rates = sorted(frame["lr"].unique())
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.minorticks_off()
    axes.set_xlabel("learning rate, logarithmic")
    axes.set_ylabel(ylabel)
    figure.legend(loc="outside upper left", ncols=3)
    alt = (
        f"Line plot of {ylabel} against the learning rate from {rates[0]:g} to "
        f"{rates[-1]:g}, {count(len(names), 'function')}. Best rates: "
        f"{', '.join(findings)}."
    )
    return finish(figure, alt)


# --- what they share ------------------------------------------------------------------


def _padded(values: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis with a little room on both sides."""
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def _padded_axis(axes: Axes, values: pd.Series, log: bool) -> None:
    """Room for the names of points at both ends."""
    low, high = float(values.min()), float(values.max())
    if log:
        factor = (high / low) ** 0.13
        axes.set_xlim(low / factor, high * factor)
    else:
        room = 0.13 * (high - low)
        axes.set_xlim(low - room, high + room)


def _points(
    axes: Axes, y: float, runs: Sequence[float], colour: str, marker: str
) -> None:
    """Each run a small tick, the mean a marker, its interval a line."""
    found = interval(runs)
    axes.plot(runs, [y] * len(runs), linestyle="", marker="|", markersize=7,
              color=colour, alpha=0.55)  # fmt: skip
    if found.n >= SEVERAL:
        axes.plot([found.low, found.high], [y, y], color=colour)
    axes.plot(found.mean, y, marker=marker, markersize=6, color=colour)


def _at_the_edge(
    axes: Axes, y: float, value: float, words: str, colour: str = INK
) -> None:
    """An arrow at the edge beyond which a value lies, and the value in words."""
    low, high = axes.get_xlim()
    left = value < (low + high) / 2
    axes.annotate(
        f"◂ {words}" if left else f"{words} ▸",
        xy=(0.0 if left else 1.0, y), xycoords=axes.get_yaxis_transform(),
        xytext=(3 if left else -3, 0), textcoords="offset points",
        ha="left" if left else "right", va="center", color=colour,
    )  # fmt: skip


def _error_axis(axes: Axes, low: float, high: float) -> None:
    """A logarithmic axis of errors, the small ones at the right."""
    axes.set_xscale("log")
    axes.set_xlim(100 - low, 100 - high)
    ticks = [t for t in (1, 2, 5, 10, 12, 15, 20, 30, 50, 90) if low <= 100 - t <= high]
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.minorticks_off()


def _those_outside(outside: pd.Series, highlight: Sequence[str]) -> str:
    """Names and values of what has no place on the axis; the nameless are counted."""
    named = [k for k in outside.index if k in highlight or len(outside) <= FEW]
    words = [f"{display_name(str(key))} {outside[key]:.0f}" for key in named]
    if len(named) < len(outside):
        words.append(count(len(outside) - len(named), "other"))
    return ", ".join(words)


def _rows(axes: Axes, names: Sequence[str], xlabel: str) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(xlabel)


def _name_points(
    axes: Axes, frame: pd.DataFrame, x: str, y: str, limits: tuple[float, float]
) -> None:
    """Write each point's name where it hits neither points nor other names."""
    axes.figure.canvas.draw()
    low, high = limits
    clipped = frame[y].clip(low, high)
    points = axes.transData.transform(np.column_stack([frame[x], clipped]))
    box = axes.get_window_extent()
    dpi = axes.figure.dpi / 72
    height = 11.5 * dpi
    taken: list[tuple[float, float, float, float]] = [
        (px - 4 * dpi, py - 4 * dpi, px + 4 * dpi, py + 4 * dpi) for px, py in points
    ]
    places = [
        (dx, dy)
        for radius in (6.5, 13, 20, 28)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.8), (-0.7, 0.8),
                       (0.7, -0.8), (-0.7, -0.8))
        for dx, dy in ((dx * radius * dpi, dy * radius * dpi),)
    ]  # fmt: skip
    for name, value, (px, py) in zip(frame.index, frame[y], points, strict=True):
        text = str(name)
        if not low <= value <= high:
            text += f" {value:.0f} {'↓' if value < low else '↑'}"
        width = 5.6 * dpi * len(text)

        def rectangle(place, px=px, py=py, width=width):
            dx, dy = place
            left = px + dx - (width / 2 if abs(dx) < 1 else width if dx < 0 else 0)
            return left, py + dy - height / 2, left + width, py + dy + height / 2

        def cost(place, rectangle=rectangle):
            l0, b0, r0, t0 = rectangle(place)
            hits = sum(
                max(0, min(r0, r) - max(l0, left)) * max(0, min(t0, t) - max(b0, b))
                for left, b, r, t in taken
            )
            outside = max(0, box.x0 - l0) + max(0, r0 - box.x1)
            outside += max(0, box.y0 - b0) + max(0, t0 - box.y1)
            return hits + 40 * outside + 2 * math.hypot(*place)

        place = min(places, key=cost)
        l0, b0, r0, t0 = rectangle(place)
        taken.append((l0, b0, r0, t0))
        anchor = axes.transAxes.inverted().transform(((l0 + r0) / 2, (b0 + t0) / 2))
        axes.annotate(
            text, xy=tuple(anchor), xycoords="axes fraction", ha="center",
            va="center", fontsize=9, annotation_clip=False,
        )  # fmt: skip
