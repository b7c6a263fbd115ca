"""Figures of small networks: regions, joints and kinks, fits."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from .style import (
    COLOURS,
    DASHES,
    INK,
    MARKERS,
    MUTED,
    PAPER,
    WIDTH,
    as_numbers,
    count,
    finish,
    join,
    number,
    styled,
    tint,
)

if TYPE_CHECKING:
    import torch

    from ..datasets import Dataset
    from ..networks import MLP


@styled
def decision_regions(
    networks: Mapping[str, torch.nn.Module],
    data: Dataset,
    *,
    resolution: int = 180,
    points: int = 240,
) -> Figure:
    """Colour the plane by the class that each network predicts.

    Parameters
    ----------
    networks
        Label to network (or function) from (n, 2) to logits (n, classes).
    data
        A data set with two inputs; the accuracy in the titles is that on its test set.
    resolution
        Grid points along each side.
    points
        At most so many test points are drawn, each in the colour of its class.

    Chapter 01.
    """
    import torch

    if data.x_train.shape[1] != 2:
        raise ValueError(
            f"{data.name} has {data.x_train.shape[1]} inputs; decision regions can be "
            "drawn for 2"
        )
    classes = int(data.y_train.max()) + 1
    reach = 1.08 * float(data.x_train.abs().max())
    side = torch.linspace(-reach, reach, resolution)
    grid_y, grid_x = torch.meshgrid(side, side, indexing="ij")
    grid = torch.stack([grid_x.flatten(), grid_y.flatten()], dim=1)
    columns = min(2, len(networks))
    rows = math.ceil(len(networks) / columns)
    figure, panels = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH, (2.75 if columns == 2 else 4.4) * rows),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    figure.set_layout_engine("compressed")  # square panels, no air between them
    dots = [data.x_test[data.y_test == c][: points // classes] for c in range(classes)]
    findings = []
    for axes, (label, network) in zip(panels.flat, networks.items(), strict=False):
        parameter = next(iter(getattr(network, "parameters", list)()), torch.zeros(()))
        with torch.no_grad():
            logits = network(grid.to(parameter)).cpu().double()
            test = network(data.x_test.to(parameter)).cpu()
        accuracy = 100 * float((test.argmax(1) == data.y_test.cpu()).double().mean())
        predicted = logits.argmax(1).reshape(resolution, resolution).numpy()
        _draw_regions(axes, side.numpy(), predicted, dots)
        axes.set_title(f"{label}\n{accuracy:.0f} % right", fontsize=10.5)
        straight = "straight" if _is_affine(grid, logits) else "bent"
        findings.append(f"{label}: {straight} boundary, {accuracy:.0f} % right")
    for axes in panels.flat[len(networks) :]:
        axes.set_visible(False)
    panels[-1, 0].set_xlabel("first input")
    panels[0, 0].set_ylabel("second input")
    alt = (
        f"{count(len(networks), 'map')} of the input plane, coloured by predicted "
        f"class, with test points of {data.name} as dots: " + "; ".join(findings) + "."
    )
    return finish(figure, alt)


def _draw_regions(
    axes: Axes, side: np.ndarray, predicted: np.ndarray, dots: Sequence[torch.Tensor]
) -> None:
    """One map: the predicted classes on a square grid, and dots of each class."""
    classes = len(dots)
    axes.imshow(
        predicted,
        extent=(side[0], side[-1], side[0], side[-1]),
        origin="lower",
        cmap=ListedColormap([tint(colour, 0.3) for colour in COLOURS[:classes]]),
        vmin=0,
        vmax=classes - 1,
        interpolation="nearest",
    )
    if len(np.unique(predicted)) > 1:
        axes.contour(
            side, side, predicted, levels=np.arange(classes - 1) + 0.5,
            colors=INK, linewidths=0.8,
        )  # fmt: skip
    for c, chosen in enumerate(dots):
        chosen = chosen.cpu()
        axes.scatter(
            chosen[:, 0], chosen[:, 1], s=9, marker=MARKERS[c], color=COLOURS[c],
            edgecolors=PAPER, linewidths=0.3,
        )  # fmt: skip
    axes.grid(visible=False)
    axes.set_aspect("equal")
    axes.locator_params(nbins=3)


def _is_affine(inputs: torch.Tensor, outputs: torch.Tensor) -> bool:
    """Whether outputs are an affine map of inputs, to rounding."""
    x = np.c_[inputs.double().numpy(), np.ones(len(inputs))]
    y = outputs.numpy()
    residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return bool(np.abs(residual).max() <= 1e-3 * max(np.ptp(y), 1e-12))


def kinks(
    function: torch.nn.Module | Callable, xlim: tuple[float, float] = (-2.0, 2.0)
) -> list[float] | None:
    """Find where a piecewise straight function of one input bends.

    Parameters
    ----------
    function
        A network from (n, 1) to (n, 1), or a callable on a float64 tensor (n, 1).
    xlim
        The stretch that is searched.

    Returns
    -------
    The kinks from left to right (there is one straight piece more than there are
    kinks), or None if the function is curved.

    Chapter 01.
    """
    import torch

    if isinstance(function, torch.nn.Module):
        function = copy.deepcopy(function).double()
    x = np.linspace(*xlim, 4002)
    with torch.no_grad():
        y = function(torch.tensor(x)[:, None]).double().flatten().numpy()
    slopes = np.diff(y) / np.diff(x)
    scale = max(1e-12, float(np.abs(slopes).max()))
    bends = np.flatnonzero(np.abs(np.diff(slopes)) > 1e-7 * scale)
    if len(bends) > 0.03 * len(x):
        return None
    found: list[float] = []
    start = 0
    while start < len(bends):
        stop = start
        while stop + 1 < len(bends) and bends[stop + 1] == bends[stop] + 1:
            stop += 1
        before, after = bends[start], bends[stop] + 1
        # The straight pieces on either side, prolonged, meet at the kink.
        left_line = y[before] - slopes[before] * x[before]
        right_line = y[after] - slopes[after] * x[after]
        meet = (right_line - left_line) / (slopes[before] - slopes[after])
        found.append(float(np.clip(meet, x[before], x[after + 1])))
        start = stop + 1
    return found


@styled
def joints(
    network: MLP,
    *,
    units: int = 3,
    xlim: tuple[float, float] = (-2.0, 2.0),
) -> Figure:
    """Take a network of one input apart: pre-activation, activation, weighted, sum.

    Parameters
    ----------
    network
        An ``MLP`` with one input, one hidden layer and one output.
    units
        How many hidden units are drawn; of a wider layer, those that contribute most.
        The sum is always that of all units and the output bias.
    xlim
        Range of the input.

    Chapter 01.
    """
    import torch

    first, last = network.linears[0], network.linears[-1]
    assert isinstance(first, torch.nn.Linear) and isinstance(last, torch.nn.Linear)
    shape = (len(network.linears), first.in_features, last.out_features)
    if shape != (2, 1, 1):
        raise ValueError(
            "joints are drawn for one input, one hidden layer and one output, such as "
            f"MLP([1, 3, 1]); got {shape[0]} linear layers, {shape[1]} inputs, "
            f"{shape[2]} outputs"
        )
    network = copy.deepcopy(network).double()
    x = torch.linspace(*xlim, 801, dtype=torch.float64)[:, None]
    with torch.no_grad():
        joint = network.joints(x)[0]
        weighted = joint.activation * last.weight[0].double()
        total = network(x)[:, 0].numpy()
    reach = (weighted.amax(0) - weighted.amin(0)).argsort(descending=True)[:units]
    shown = sorted(reach.tolist())
    bends = kinks(network, xlim)
    pieces = "smooth" if bends is None else count(len(bends) + 1, "piece")
    figure = _draw_stages(
        x[:, 0].numpy(),
        {
            "1  w·x + b": joint.pre_activation,
            "2  activation": joint.activation,
            "3  × output weight": weighted,
            f"4  sum: {pieces}": total,
        },
        shown,
        bends or [],
    )
    where = join([number(b, 2) for b in bends or ()])
    alt = (
        f"Four line plots against x: {count(len(shown), 'hidden unit')} before the "
        "activation, after it, times the output weight, and the network's output. "
        + (
            "The output is smooth."
            if bends is None
            else f"The output has {pieces}"
            + (f", with kinks at x = {where}." if bends else ": one straight line.")
        )
    )
    return finish(figure, alt)


def _draw_stages(
    x: np.ndarray,
    stages: Mapping[str, Any],
    shown: Sequence[int],
    bends: Sequence[float],
) -> Figure:
    """Three panels with one line per shown unit, a fourth with their sum."""
    figure, grid = plt.subplots(2, 2, figsize=(WIDTH, 4.3), sharex=True)
    *parts, (title, total) = stages.items()
    grid[1, 1].plot(x, total, color=INK, linewidth=2.2)
    grid[1, 1].set_title(title)
    for axes, (title, values) in zip(grid.flat, parts, strict=False):
        for i, unit in enumerate(shown):
            axes.plot(x, values[:, unit], color=COLOURS[i % 6], linestyle=DASHES[i % 6])
        axes.set_title(title)
    for axes in grid.flat:
        axes.axhline(0, color=MUTED, linewidth=0.8, zorder=1)
        for position in bends:
            axes.axvline(position, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)))
        axes.set_xlim(x[0], x[-1])
        axes.locator_params(nbins=5)
    for position in bends:
        grid[1, 1].plot(
            [position],
            [np.interp(position, x, total)],
            marker="o",
            color=PAPER,
            markeredgecolor=INK,
            markersize=6,
        )
    for axes in grid[1]:
        axes.set_xlabel("x")
    return figure


@styled
def fit_curves(
    x: Any,
    y: Any,
    fits: Mapping[str, Any],
    *,
    target: str = "data",
    show_error: bool = True,
) -> Figure:
    """Draw one-dimensional data and what several networks made of them.

    Parameters
    ----------
    x, y
        The data, n numbers each (tensors or arrays, (n,) or (n, 1)).
    fits
        Label to network from (n, 1) to (n, 1), to callable, or to n predicted values.
    target
        What the data are called.
    show_error
        Whether the mean squared error stands in the titles.

    Chapter 01.
    """
    xs, ys = as_numbers(x), as_numbers(y)
    order = np.argsort(xs)
    xs, ys = xs[order], ys[order]
    rows = len(fits)
    figure, grid = plt.subplots(
        rows,
        1,
        figsize=(WIDTH, 1.75 * rows + 0.35),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    findings = []
    for i, (axes, (label, fit)) in enumerate(
        zip(grid[:, 0], fits.items(), strict=True)
    ):
        predicted = as_numbers(fit)[order] if _is_array(fit) else _predict(fit, xs)
        error = float(np.mean((predicted - ys) ** 2))
        axes.plot(xs, ys, color=MUTED, linestyle="", marker=".", markersize=3)
        axes.plot(xs, predicted, color=COLOURS[i % 6])
        axes.set_title(
            f"{label}: mean squared error {number(error, 2)}" if show_error else label
        )
        findings.append(f"{label} {number(error, 2)}")
    grid[-1, 0].set_xlabel("x")
    for axes in grid[:, 0]:
        axes.set_ylabel("y")
    alt = (
        f"Line plots of {count(rows, 'fit')} over x, with the {target} as dots. "
        f"Mean squared errors: {join(findings)}."
    )
    return finish(figure, alt)


def _is_array(value: Any) -> bool:
    return not callable(value)


def _predict(fit: Callable, xs: np.ndarray) -> np.ndarray:
    import torch

    dtype = torch.float64
    if isinstance(fit, torch.nn.Module):
        dtype = next((p.dtype for p in fit.parameters()), dtype)
    with torch.no_grad():
        return as_numbers(fit(torch.tensor(xs, dtype=dtype)[:, None]))
