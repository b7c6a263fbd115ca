"""Figures of small networks: one neuron, regions, joints and kinks, fits."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from .curves import read_curve, with_gaps
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

    from ..catalogue import Activation
    from ..datasets import Dataset

__all__ = [
    "decision_regions",
    "fit_curves",
    "joints",
    "kinks",
    "neuron",
]


@styled
def neuron(
    *,
    inputs: int = 3,
    activation: str | Activation | Callable = "relu",
    weights: Sequence[float] | None = None,
    bias: float | None = None,
) -> Figure:
    """Draw one neuron: inputs, weights, the sum, the activation.

    Parameters
    ----------
    inputs
        Number of inputs, 1 to 5.
    activation
        Whose curve stands in the last box.
    weights, bias
        Numbers to write on the arrows instead of the symbols.

    Chapter 01.
    """
    if not 1 <= inputs <= 5:
        raise ValueError(f"inputs must be 1 to 5 to be drawn, got {inputs}")
    if weights is not None and len(weights) != inputs:
        raise ValueError(f"{inputs} inputs need {inputs} weights, got {len(weights)}")
    curve = read_curve(activation)
    height = max(2.3, 0.72 * inputs + 0.5)
    figure = plt.figure(figsize=(WIDTH, height), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    middle = height / 2 + 0.08
    ys = middle + 0.72 * (np.arange(inputs)[::-1] - (inputs - 1) / 2)
    sum_x, box_x, out_x = 2.1, 3.4, 4.5

    def arrow(start: tuple[float, float], stop: tuple[float, float]) -> None:
        axes.add_patch(
            FancyArrowPatch(
                start,
                stop,
                arrowstyle="-|>",
                mutation_scale=11,
                color=MUTED,
                linewidth=1.3,
                shrinkA=0,
                shrinkB=0,
            )
        )

    for i, y in enumerate(ys):
        axes.add_patch(Circle((0.4, y), 0.25, facecolor=PAPER, edgecolor=INK, lw=1.4))
        axes.text(0.4, y, f"$x_{i + 1}$", ha="center", va="center", fontsize=12)
        direction = np.array([sum_x - 0.4, middle - y])
        direction /= np.linalg.norm(direction)
        start = np.array([0.4, y]) + 0.27 * direction
        stop = np.array([sum_x, middle]) - 0.34 * direction
        arrow(tuple(start), tuple(stop))
        label = f"$w_{i + 1}$" if weights is None else number(weights[i])
        at = start + 0.42 * (stop - start)
        axes.text(
            *at,
            label,
            ha="center",
            va="center",
            fontsize=11,
            color=COLOURS[0],
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5},
        )
    axes.add_patch(
        Circle(
            (sum_x, middle),
            0.32,
            facecolor=tint(COLOURS[0], 0.14),
            edgecolor=INK,
            lw=1.4,
        )
    )
    axes.text(sum_x, middle, "$\\Sigma$", ha="center", va="center", fontsize=15)
    arrow((sum_x, middle - 0.82), (sum_x, middle - 0.35))
    axes.text(
        sum_x,
        middle - 0.95,
        "$b$" if bias is None else number(bias),
        ha="center",
        va="center",
        fontsize=11,
        color=COLOURS[0],
    )
    arrow((sum_x + 0.34, middle), (box_x - 0.4, middle))
    axes.text(
        (sum_x + box_x - 0.06) / 2, middle + 0.16, "$z$", ha="center", fontsize=12
    )
    axes.add_patch(
        FancyBboxPatch(
            (box_x - 0.38, middle - 0.38),
            0.76,
            0.76,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=tint(COLOURS[1], 0.12),
            edgecolor=INK,
            lw=1.4,
        )
    )
    x, y, _ = with_gaps(curve.value, -3, 3)
    low, high = np.nanmin(y), np.nanmax(y)
    scale = 0.5 / (high - low if high > low else 1.0)
    axes.plot(
        box_x + x * 0.26 / 3,
        middle - 0.25 + (y - low) * scale,
        color=COLOURS[1],
        linewidth=2.2,
    )
    axes.text(box_x, middle + 0.52, curve.name, ha="center", color=COLOURS[1])
    arrow((box_x + 0.4, middle), (out_x - 0.06, middle))
    axes.text(out_x + 0.08, middle, "$a$", ha="center", va="center", fontsize=13)
    axes.text(0.4, 0.1, "inputs", ha="center", color=MUTED, fontsize=9.5)
    axes.text(1.15, 0.1, "weights", ha="center", color=MUTED, fontsize=9.5)
    axes.text(sum_x, 0.1, "sum", ha="center", color=MUTED, fontsize=9.5)
    axes.text(box_x, 0.1, "activation", ha="center", color=MUTED, fontsize=9.5)
    alt = (
        f"Drawing of one neuron. {inputs} inputs are multiplied by their weights and "
        f"added to the bias b; the sum z goes through the activation, here "
        f"{curve.name}, and comes out as a."
    )
    return finish(figure, alt)


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
    tints = ListedColormap([tint(COLOURS[c], 0.3) for c in range(classes)])
    findings = []
    for axes, (label, network) in zip(panels.flat, networks.items(), strict=False):
        parameter = next(iter(getattr(network, "parameters", list)()), torch.zeros(()))
        with torch.no_grad():
            logits = network(grid.to(parameter)).cpu().double()
            test = network(data.x_test.to(parameter)).cpu()
        accuracy = 100 * float((test.argmax(1) == data.y_test.cpu()).double().mean())
        predicted = logits.argmax(1).reshape(resolution, resolution).numpy()
        axes.imshow(
            predicted,
            extent=(-reach, reach, -reach, reach),
            origin="lower",
            cmap=tints,
            vmin=0,
            vmax=classes - 1,
            interpolation="nearest",
        )
        if len(np.unique(predicted)) > 1:
            axes.contour(
                side, side, predicted, levels=np.arange(classes - 1) + 0.5,
                colors=INK, linewidths=0.8,
            )  # fmt: skip
        for c in range(classes):
            chosen = data.x_test[data.y_test == c][: points // classes].cpu()
            axes.scatter(
                chosen[:, 0], chosen[:, 1], s=9, marker=MARKERS[c], color=COLOURS[c],
                edgecolors=PAPER, linewidths=0.3,
            )  # fmt: skip
        axes.set_title(f"{label}\n{accuracy:.0f} % right", fontsize=10.5)
        axes.grid(visible=False)
        axes.set_aspect("equal")
        axes.locator_params(nbins=3)
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
    network: torch.nn.Module,
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
        weighted = joint.activation * network.linears[-1].weight[0]
        total = network(x)[:, 0].numpy()
    reach = (weighted.amax(0) - weighted.amin(0)).argsort(descending=True)[:units]
    shown = sorted(reach.tolist())
    bends = kinks(network, xlim)
    figure, grid = plt.subplots(2, 2, figsize=(WIDTH, 4.3), sharex=True)
    stages = (
        ("1  w·x + b", joint.pre_activation),
        ("2  activation", joint.activation),
        ("3  × output weight", weighted),
    )
    for axes, (title, values) in zip(grid.flat, stages, strict=False):
        for i, unit in enumerate(shown):
            axes.plot(x, values[:, unit], color=COLOURS[i % 6], linestyle=DASHES[i % 6])
        axes.set_title(title)
    grid[1, 1].plot(x, total, color=INK, linewidth=2.2)
    pieces = "smooth" if bends is None else count(len(bends) + 1, "piece")
    grid[1, 1].set_title(f"4  sum: {pieces}")
    for axes in grid.flat:
        axes.axhline(0, color=MUTED, linewidth=0.8, zorder=1)
        for position in bends or ():
            axes.axvline(position, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)))
        axes.set_xlim(*xlim)
        axes.locator_params(nbins=5)
    for position in bends or ():
        grid[1, 1].plot(
            [position],
            [np.interp(position, x[:, 0], total)],
            marker="o",
            color=PAPER,
            markeredgecolor=INK,
            markersize=6,
        )
    for axes in grid[1]:
        axes.set_xlabel("x")
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
