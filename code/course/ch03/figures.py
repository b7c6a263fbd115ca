"""The figure of chapter 03: how descent walks on a valley."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from actlab.figures.style import (
    COLOURS,
    GRID,
    WIDTH,
    count,
    finish,
    number,
    styled,
)

__all__ = ["descent_paths"]


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
    goal = np.asarray(target, dtype=float)
    figure, grid = plt.subplots(
        1, len(paths), figsize=(WIDTH, 2.95), sharex=True, sharey=True, squeeze=False
    )
    points = np.concatenate([np.asarray(path) for path, _ in paths.values()])
    centre = (points.max(0) + points.min(0)) / 2
    reach = 0.58 * (points.max(0) - points.min(0)).max()
    axis = np.linspace(-reach, reach, 121)
    first, second = np.meshgrid(centre[0] + axis, centre[1] + axis)
    away = np.stack([first - goal[0], second - goal[1]], -1)
    findings = []
    for axes, (title, (path, hessian)) in zip(grid[0], paths.items(), strict=True):
        path, hessian = np.asarray(path), np.asarray(hessian)
        loss = np.einsum("...i,ij,...j->...", away, hessian, away) / 2
        axes.contour(
            first, second, np.sqrt(loss), 9, colors=GRID, linewidths=1, zorder=0
        )
        axes.plot(path[:, 0], path[:, 1], color=COLOURS[0], linewidth=1.4,
                  marker="o", markersize=3.2)  # fmt: skip
        axes.plot(*goal, linestyle="", marker="P", markersize=9, color=COLOURS[1])
        axes.set_title(textwrap.fill(title, 24))
        axes.set_aspect("equal")
        axes.grid(False)
        axes.set_xlabel("weight 1")
        near = np.abs(path - goal).max(1) < 0.01
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
