"""Figures of the output layer: weights that share a row, a matrix as a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from actlab.figures.style import (
    COLOURS,
    DASHES,
    WIDTH,
    as_numbers,
    count,
    finish,
    join,
    label_ends,
    number,
    styled,
    tint,
    without_frame,
)

__all__ = [
    "matrix_map",
    "weight_curves",
]


@styled
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
    xs = as_numbers(x)
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
        label_ends(axes, [(name, float(w), c) for name, w, c in last])
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
    alt = f"Line plot of {count(len(labels), 'weight')} against {xlabel}. "
    return finish(figure, alt + " ".join(findings))


def _weights_in_words(labels: Sequence[str], weights: np.ndarray) -> str:
    return join([f"{n} {number(w, 2)}" for n, w in zip(labels, weights, strict=True)])


@styled
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
        colour = tint(COLOURS[0] if value > 0 else COLOURS[1], 0.5 * strength[i, j])
        axes.add_patch(plt.Rectangle((j - 0.5, i - 0.5), 1, 1, color=colour))
        axes.text(j, i, number(value, 2), ha="center", va="center")
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    axes.set_xticks(range(size), labels)
    axes.set_yticks(range(size), labels)
    axes.set_xlabel(columns)
    axes.set_ylabel(rows)
    without_frame(axes)
    diagonal = values.diagonal()
    off = values[~np.eye(size, dtype=bool)]
    symmetric = "symmetric " if np.allclose(values, values.T) else ""
    alt = (
        f"Map of a {symmetric}{size} by {size} matrix, {rows} down, {columns} across. "
        f"Diagonal from {number(diagonal.min(), 2)} to {number(diagonal.max(), 2)}, "
        f"the rest from {number(off.min(), 2)} to {number(off.max(), 2)}; the largest "
        f"sum of a row is {number(round(float(values.sum(axis=1).max()), 12), 2)}."
    )
    return finish(figure, alt)
