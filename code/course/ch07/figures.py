"""Figures of gated units: maxima of lines, losses by learning rate and by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
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
    label_ends,
    named_ticks,
    number,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "loss_differences",
    "maxima_of_lines",
    "tuning_curves",
]

Lines = Sequence[tuple[float, float]]


@styled
def maxima_of_lines(
    panels: Mapping[str, Lines], *, xlim: tuple[float, float] = (-2, 2)
) -> Figure:
    """Draw straight lines and, over them, their maximum: one maxout unit per panel.

    Parameters
    ----------
    panels
        Title to the lines, each (slope, intercept); two panels stand side by side.
    xlim
        Limits of the horizontal axis.

    Chapter 07.
    """
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH, 2.3 * rows),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    x = np.linspace(*xlim, 801)
    findings = []
    for axes, (title, lines) in zip(grid.flat, panels.items(), strict=False):
        values = np.array([slope * x + intercept for slope, intercept in lines])
        top = values.max(axis=0)
        for i, value in enumerate(values):
            axes.plot(
                x, value, color=COLOURS[(i + 1) % 6], linestyle=DASHES[(i + 1) % 6],
                linewidth=1.4,
            )  # fmt: skip
        axes.plot(x, top, color=COLOURS[0], linewidth=3)
        axes.set_title(title)
        axes.set_xlabel("x")
        pieces = 1 + int((np.diff(values.argmax(axis=0)) != 0).sum())
        findings.append(f"{title}: {count(pieces, 'piece')} of {len(lines)} lines")
        axes.set_ylim(min(-0.6, top.min() - 0.3), top.max() + 0.2)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    alt = (
        "Line plots of several straight lines and, thick, their maximum, which bends "
        "upwards only. " + "; ".join(findings) + "."
    )
    return finish(figure, alt)


@styled
def tuning_curves(
    frame: pd.DataFrame,
    *,
    y: str = "test_loss",
    by: str = "activation",
    ylabel: str = "validation loss",
) -> Figure:
    """Draw the final loss against the learning rate; a ring marks each line's best.

    Parameters
    ----------
    frame
        One row per run, with ``lr``, ``y`` and ``by``; lines join means over seeds.
    ylabel
        Words for the vertical axis.

    Chapter 07.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.4))
    ends, findings = [], []
    for i, (key, group) in enumerate(frame.groupby(by, sort=False)):
        name, colour = display_name(str(key)), COLOURS[i % 6]
        mean = group.groupby("lr")[y].mean()
        axes.plot(group["lr"], group[y], linestyle="", marker=MARKERS[i % 6],
                  color=colour, markersize=3.5, alpha=0.5)  # fmt: skip
        axes.plot(mean.index, mean, color=colour, linestyle=DASHES[i % 6])
        best = float(mean.idxmin())
        axes.plot([best], [mean[best]], marker="o", markersize=9,
                  markerfacecolor="none", markeredgecolor=INK)  # fmt: skip
        ends.append((name, float(mean.iloc[-1]), colour))
        findings.append(f"{name} {number(best)} ({number(mean[best])})")
    rates = sorted(frame["lr"].unique())
    axes.set_xscale("log", base=2)
    named_ticks(axes, rates, [f"{rate:g}" for rate in rates])
    axes.set_xlabel("learning rate")
    axes.set_ylabel(ylabel)
    label_ends(axes, ends)
    alt = (
        f"Line plot of the final {ylabel} against the learning rate, logarithmic, from "
        f"{rates[0]:g} to {rates[-1]:g}. Best rate and mean loss: "
        + ", ".join(findings)
        + "."
    )
    return finish(figure, alt)


@styled
def loss_differences(
    frame: pd.DataFrame,
    *,
    baseline: str = "relu",
    y: str = "test_loss",
    by: str = "activation",
    markers: str = "regime",
    labels: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> Figure:
    """Draw by how much each kind lies below a baseline, paired by seed, with intervals.

    Parameters
    ----------
    frame
        One row per run, with ``seed``, ``y``, ``by`` and ``markers``; each value of
        ``markers`` holds runs of the baseline, with which its others are compared.
    baseline
        The value of ``by`` at zero.
    labels
        Words for the values of ``markers``.
    level
        Of the intervals (Student t).

    Chapter 07.
    """
    from actlab.statistics import paired_difference

    labels = dict(labels or {})
    kinds = [k for k in dict.fromkeys(frame[by]) if k != baseline]
    groups = list(dict.fromkeys(frame[markers]))
    figure, axes = plt.subplots(figsize=(WIDTH, 0.5 * len(kinds) + 1.4))
    findings = []
    for i, group in enumerate(groups):
        texts: list[str] = []
        part = frame[frame[markers] == group]
        zero = part[part[by] == baseline].set_index("seed")[y]
        for j, kind in enumerate(kinds):
            runs = part[part[by] == kind]
            if runs.empty:
                continue
            values = runs.set_index("seed")[y]
            found = paired_difference(values, zero[values.index], level)
            height = j + 0.24 * (i - (len(groups) - 1) / 2)
            axes.plot(values - zero[values.index], [height] * len(values), marker="|",
                      color=COLOURS[i], linestyle="", alpha=0.6)  # fmt: skip
            axes.errorbar(
                found.mean, height, xerr=found.half_width, color=COLOURS[i],
                marker=MARKERS[i], markersize=6, capsize=3, linestyle="",
                label=labels.get(group, group) if not texts else None,
            )  # fmt: skip
            texts.append(
                f"{display_name(kind)} {number(found.mean)} "
                f"({number(found.low, 2)} to {number(found.high, 2)})"
            )
        findings.append(f"{labels.get(group, group)}: " + ", ".join(texts))
    axes.axvline(0, color=MUTED, linewidth=1, linestyle=DASHES[1])
    axes.set_yticks(range(len(kinds)), [display_name(kind) for kind in kinds])
    axes.set_ylim(len(kinds) - 0.5, -0.5)
    axes.set_xlabel(f"loss minus {display_name(baseline)}'s")
    if len(groups) > 1:
        figure.legend(loc="outside upper center", ncols=len(groups), columnspacing=1.2)
    alt = (
        f"Dots with {level:.0%} intervals: validation loss minus that of "
        f"{display_name(baseline)}, paired by seed. ".replace("95%", "95 %")
        + "; ".join(findings)
    )
    return finish(figure, alt + ".")
