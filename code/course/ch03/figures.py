"""The figures of chapter 03: descent in a valley, and how steep units are."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from actlab.figures.style import (
    COLOURS,
    GRID,
    PAPER,
    WIDTH,
    as_numbers,
    count,
    finish,
    join,
    legend_above,
    number,
    styled,
)

__all__ = ["descent_paths", "slope_shares"]


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


EDGES = (0.0, 0.01, 0.05, 0.1, 0.15, 0.2, 0.25)  # of a sigmoid's slope


@styled
def slope_shares(slopes: Mapping[str, Any]) -> Figure:
    """Draw which share of a layer's units is how steep, for several networks.

    Parameters
    ----------
    slopes
        Name of the network to the slopes of a layer of sigmoids, one number for each
        unit and image, between 0 and ¼.

    Chapter 03.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 2.9))
    places, width = np.arange(len(EDGES) - 1), 0.8 / len(slopes)
    findings = []
    for i, (name, values) in enumerate(slopes.items()):
        found, _ = np.histogram(as_numbers(values), EDGES)
        shares = 100 * found / found.sum()
        axes.bar(
            places + (i - (len(slopes) - 1) / 2) * width, shares, width,
            color=COLOURS[i], hatch=("", "////", "....")[i % 3],
            edgecolor=PAPER, linewidth=0, label=name,
        )  # fmt: skip
        findings.append(
            f"{name}: {shares[0]:.0f} % below {EDGES[1]:g}, "
            f"{shares[-1]:.0f} % above {EDGES[-2]:g}"
        )
    spans = zip(EDGES, EDGES[1:], strict=False)
    axes.set_xticks(places, [f"{low:g} to\n{high:g}" for low, high in spans])
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("slope of a unit for an image")
    axes.set_ylabel("share in %")
    legend_above(axes)
    alt = (
        f"Bar plot of the share of slopes of a layer in six ranges, for "
        f"{join(list(slopes))}. " + "; ".join(findings) + "."
    )
    return finish(figure, alt)
