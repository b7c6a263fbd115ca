"""Figures of trainable activations: ladders of controls, learnt numbers, pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
    as_numbers,
    count,
    finish,
    join,
    label_ends,
    name_rows,
    number,
    styled,
)
from actlab.statistics import interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ladder", "parameter_paths", "pictures"]

SEVERAL = 2  # runs from which on an interval can be drawn


@styled
def ladder(
    rungs: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    xlabel: str = "test accuracy in %",
    reference: float | None = None,
) -> Figure:
    """Draw one row per rung: each run a dot, the mean and its 95 % interval a bar.

    Parameters
    ----------
    rungs
        Label to series to one number per run; the first rung stands on top. Each
        series has a colour and a marker of its own.
    xlabel
        Words for the horizontal axis.
    reference
        A value across which a line is drawn.

    Chapter 08.
    """
    series = list(dict.fromkeys(name for row in rungs.values() for name in row))
    figure, axes = plt.subplots(figsize=(WIDTH, 0.36 * len(rungs) + 0.95))
    findings = []
    for row, (label, groups) in enumerate(rungs.items()):
        means = []
        for name, values in groups.items():
            k = series.index(name)
            y = row + 0.22 * (k - (len(series) - 1) / 2)
            found = interval(values)
            axes.plot(
                values, [y] * len(values), linestyle="", marker=MARKERS[k % 6],
                markersize=3.5, color=COLOURS[k % 6], alpha=0.45,
            )  # fmt: skip
            if found.n >= SEVERAL:
                axes.plot([found.low, found.high], [y, y], color=COLOURS[k % 6])
            axes.plot(
                [found.mean], [y], marker=MARKERS[k % 6], markersize=6.5,
                color=COLOURS[k % 6], linestyle="", label=name if row == 0 else None,
            )  # fmt: skip
            means.append(number(found.mean))
        findings.append(f"{label} {' and '.join(means)}")
    if reference is not None:
        axes.axvline(reference, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
    name_rows(axes, list(rungs))
    axes.set_xlabel(xlabel)
    if len(series) > 1:
        axes.legend(
            loc="lower left", bbox_to_anchor=(-0.35, 1.0), ncols=len(series),
            borderaxespad=0.2, handletextpad=0.3,
        )  # fmt: skip
    of = f" ({' and '.join(series)})" if len(series) > 1 else ""
    alt = f"Dot plot of {xlabel}, one row per rung{of}. Means: {'; '.join(findings)}."
    return finish(figure, alt)


@styled
def parameter_paths(
    frame: pd.DataFrame,
    *,
    by: str = "rung",
    y: str = "parameter",
    ylabel: str = "learnt slope",
    level: float | None = None,
) -> Figure:
    """Draw how a learnt number moves: thin lines are runs, a thick one their mean.

    Parameters
    ----------
    frame
        One row per run and epoch, with the columns ``epoch``, ``seed``, ``by``, ``y``.
    ylabel
        Words for the vertical axis.
    level
        A value across which a line is drawn.

    Chapter 08.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.1))
    ends, findings = [], []
    for i, (name, group) in enumerate(frame.groupby(by, sort=False)):
        colour, dashes = COLOURS[i % 6], DASHES[i % 6]
        for _, run in group.groupby("seed"):
            axes.plot(run["epoch"], run[y], color=colour, linewidth=0.7, alpha=0.45)
        mean = group.groupby("epoch")[y].mean()
        axes.plot(mean.index, mean, color=colour, linestyle=dashes)
        ends.append((str(name), float(mean.iloc[-1]), colour))
        findings.append(
            f"{name} from {number(mean.iloc[0], 2)} to {number(mean.iloc[-1], 3)}"
        )
    if level is not None:
        axes.axhline(level, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
    axes.margins(x=0.01)
    axes.set_xlabel("epoch")
    axes.set_ylabel(ylabel)
    label_ends(axes, ends)
    alt = (
        f"Line plot of the {ylabel} against the epoch, means over runs: "
        f"{join(findings)}."
    )
    return finish(figure, alt)


@styled
def pictures(
    images: Mapping[str, Any], *, limits: tuple[float, float] = (-1.0, 1.0)
) -> Figure:
    """Show grey pictures, two side by side.

    Parameters
    ----------
    images
        Title to an array or tensor (rows, columns); the first is what the others are
        compared with in the alt text.
    limits
        The values of black and white.

    Chapter 08.
    """
    arrays = {
        title: as_numbers(image).reshape(np.shape(image))
        for title, image in images.items()
    }
    columns = min(2, len(arrays))
    rows = math.ceil(len(arrays) / columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(WIDTH, 2.6 * rows), squeeze=False
    )
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (title, array) in zip(grid.flat, arrays.items(), strict=False):
        axes.imshow(array, cmap="gray", vmin=limits[0], vmax=limits[1])
        axes.set_title(title, fontsize=10)
    titles = list(arrays)
    truth = arrays[titles[0]]
    gaps = [
        f"{title}: {number(float(np.sqrt(np.mean((arrays[title] - truth) ** 2))), 2)}"
        for title in titles[1:]
    ]
    alt = f"{count(len(arrays), 'grey picture')}: {join(titles)}."
    if gaps:
        alt += f" Root mean square differences from the first: {'; '.join(gaps)}."
    return finish(figure, alt.replace("\n", ", "))
