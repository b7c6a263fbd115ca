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
    label_right,
    name_rows,
    named_ticks,
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
# Where a point's name may stand, in points of type: near it rather than far, and
# beside it rather than above.
PLACES = np.array(
    [
        (radius * dx, radius * dy)
        for radius in (6.5, 13, 20, 28)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.8), (-0.7, 0.8),
                       (0.7, -0.8), (-0.7, -0.8))
    ]
)  # fmt: skip
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
    name_rows(axes, list(rows))
    axes.set_xlabel(xlabel)
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
        label_right(axes, f"{row['detectable']:.2f}", y, 6)
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
    name_rows(axes, [display_name(str(row["first"])) for row in rows])
    axes.set_xlabel(words)
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
    highlight: Sequence[str] = (),
    xlim: tuple[float, float] | None = None,
    as_error: bool = False,
) -> Figure:
    """Draw one row per condition: each activation a mark, some of them in colour.

    Parameters
    ----------
    frame
        One row per run: ``condition``, ``activation`` and ``test_accuracy`` in %.
    highlight
        Up to six activations with a colour and marker; the others are grey dots.
    xlim
        Ends of the axis; what lies outside is written at the edge.
    as_error
        Put 100 minus the accuracy on a logarithmic axis, better to the right, so that
        90 % and 10 % of errors fit on one page.

    Chapter 12.
    """
    frame = frame.dropna(subset=["test_accuracy"])
    conditions = list(dict.fromkeys(frame["condition"]))
    limits = xlim or _padded(frame["test_accuracy"].tolist())
    figure, axes = plt.subplots(figsize=(WIDTH, 0.34 * len(conditions) + 1.5))
    axes.set_xlim(*limits)
    findings = []
    for row, condition in enumerate(conditions):
        part = frame[frame["condition"] == condition]
        runs = dict(list(part.groupby("activation", sort=False)["test_accuracy"]))
        means = _one_condition(axes, row, runs, highlight, limits, as_error)
        first = str(means.idxmax())
        findings.append(f"{condition}: {display_name(first)} {means[first]:.1f}")
    figure.legend(handles=_legend_of(highlight), loc="outside upper left", ncols=3)
    if as_error:
        _error_axis(axes, *limits)
    name_rows(axes, conditions)
    axes.set_xlabel(
        "test error in %, logarithmic\n(better to the right)"
        if as_error
        else "test accuracy in %"
    )
    alt = (
        f"Dot plot of {axes.get_xlabel().splitlines()[0]}, "
        f"{count(len(conditions), 'row')} of conditions, "
        f"{count(frame['activation'].nunique(), 'function')}. "
        f"First in each, accuracy: {'; '.join(findings)}."
    )
    return finish(figure, alt)


def _one_condition(
    axes: Axes,
    row: int,
    runs: Mapping[str, pd.Series],
    highlight: Sequence[str],
    limits: tuple[float, float],
    as_error: bool,
) -> pd.Series:
    """Draw one row: grey dots, then marks with intervals; return the means."""
    import pandas as pd

    means = pd.Series({name: values.mean() for name, values in runs.items()})
    inside = means.between(*limits)
    shown = 100 - means if as_error else means
    for name in means.index[inside].difference(list(highlight), sort=False):
        axes.plot(shown[name], row, marker="o", markersize=4.5, color=OTHERS)
    for k, name in enumerate(highlight):
        if not inside.get(name, False):
            continue
        found = interval(runs[name])
        at = row + 0.16 * (k - (len(highlight) - 1) / 2)
        if found.n >= SEVERAL:
            ends = np.clip([found.low, found.high], *limits)
            ends = 100 - ends if as_error else ends
            axes.plot(ends, [at, at], color=COLOURS[k % 6], linewidth=1.5)
        axes.plot(
            shown[name], at, marker=MARKERS[k % 6], markersize=6.5,
            color=COLOURS[k % 6], markeredgecolor=PAPER, markeredgewidth=0.6, zorder=4,
        )  # fmt: skip
    outside = means[~inside]
    if len(outside):
        words = _those_outside(outside, highlight)
        _at_the_edge(axes, row, float(outside.iloc[0]), words)
    return means


def _legend_of(highlight: Sequence[str]) -> list[Line2D]:
    """A handle for each activation in colour, and one for the others."""
    named = [
        Line2D([], [], marker=MARKERS[k % 6], color=COLOURS[k % 6], markersize=6.5,
               label=display_name(name))
        for k, name in enumerate(highlight)
    ]  # fmt: skip
    others = Line2D([], [], marker="o", color=OTHERS, markersize=4.5, linestyle="",
                    label="the others")  # fmt: skip
    return [*named, others]


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
        if line.isna().all():  # every rate broke a run: there is nothing to draw
            findings.append(f"{display_name(str(name))} none")
            continue
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
    every = -(-len(rates) // 7)  # of many, some have their number
    words = [f"{rate:g}" if k % every == 0 else "" for k, rate in enumerate(rates)]
    named_ticks(axes, rates, words)
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
    """Ends of an axis with a little room on both sides; of no values any that do."""
    low, high = min(values, default=0.0), max(values, default=100.0)
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
    named_ticks(axes, ticks, [str(t) for t in ticks])


def _those_outside(outside: pd.Series, highlight: Sequence[str]) -> str:
    """Names and values of what has no place on the axis; the nameless are counted."""
    named = [k for k in outside.index if k in highlight or len(outside) <= FEW]
    words = [f"{display_name(str(key))} {outside[key]:.0f}" for key in named]
    if len(named) < len(outside):
        words.append(count(len(outside) - len(named), "other"))
    return ", ".join(words)


def _name_points(
    axes: Axes, frame: pd.DataFrame, x: str, y: str, limits: tuple[float, float]
) -> None:
    """Write each point's name where it hits neither points nor other names."""
    axes.figure.canvas.draw()
    low, high = limits
    points = np.column_stack([frame[x], frame[y].clip(low, high)])
    points = axes.transData.transform(points)
    unit = axes.figure.dpi / 72  # a point of type, in pixels
    taken = [(*(point - 4 * unit), *(point + 4 * unit)) for point in points]
    for name, value, point in zip(frame.index, frame[y], points, strict=True):
        text = str(name)
        if not low <= value <= high:
            text += f" {value:.0f} {'↓' if value < low else '↑'}"
        size = unit * np.array([5.6 * len(text), 11.5])
        costs = {}
        for offset in unit * PLACES:
            box = _box_beside(point, offset, size)
            away = _outside(box, np.asarray(axes.get_window_extent().extents))
            costs[box] = _hits(box, taken) + 40 * away + 2 * math.hypot(*offset)
        box = min(costs, key=costs.__getitem__)
        taken.append(box)
        middle = (np.array(box[:2]) + box[2:]) / 2
        axes.annotate(
            text, xy=tuple(axes.transAxes.inverted().transform(middle)),
            xycoords="axes fraction", ha="center", va="center", fontsize=9,
            annotation_clip=False,
        )  # fmt: skip


# Left, bottom, right, top, in pixels.
Box = tuple[float, float, float, float]


def _box_beside(point: np.ndarray, offset: np.ndarray, size: np.ndarray) -> Box:
    """Where a name stands whose near edge is moved from its point by ``offset``."""
    (px, py), (dx, dy), (width, height) = point, offset, size
    left = px + dx - (width / 2 if abs(dx) < 1 else width if dx < 0 else 0)
    return left, py + dy - height / 2, left + width, py + dy + height / 2


def _hits(box: Box, taken: Sequence[Box]) -> float:
    """The area that a box shares with others."""
    low = np.maximum(box[:2], np.array(taken)[:, :2])
    high = np.minimum(box[2:], np.array(taken)[:, 2:])
    return float(np.prod((high - low).clip(0), axis=1).sum())


def _outside(box: Box, frame: np.ndarray) -> float:
    """How far a box reaches out of a frame, over all sides."""
    beyond = np.array([*(frame[:2] - box[:2]), *(box[2:] - frame[2:])])
    return float(beyond.clip(0).sum())
