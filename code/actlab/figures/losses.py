"""Figures of the loss: where it has no slope, and how descent walks on it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from .style import (
    COLOURS,
    DASHES,
    GRID,
    MUTED,
    WIDTH,
    count,
    finish,
    label_ends,
    number,
    styled,
)

__all__ = [
    "descent_paths",
    "threshold_units",
]


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


@styled
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
            f"{title}: the loss is {number(turns[-1] / turns[0], 2)} times steeper "
            "across the valley than along it, and the path "
            + (
                f"arrives after {count(steps, 'step')}"
                if steps is not None
                else "does not arrive"
            )
        )
    grid[0, 0].set_ylabel("weight 2")
    alt = (
        "Contour plots of a loss over two weights with the path of gradient descent, "
        "one panel per case. " + ". ".join(findings) + "."
    )
    return finish(figure, alt)
