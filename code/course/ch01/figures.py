"""The figures of chapter 01: a neuron, a patchwork, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from actlab.figures.curves import read_curve, with_gaps
from actlab.figures.style import (
    COLOURS,
    DASHES,
    INK,
    MUTED,
    PAPER,
    WIDTH,
    finish,
    label_ends,
    number,
    styled,
    tint,
)

if TYPE_CHECKING:
    from actlab.catalogue import Activation
    from actlab.datasets import Dataset
    from actlab.networks import MLP
    from actlab.properties.functions import Function

__all__ = ["threshold_units", "neuron", "patchwork"]

# Where the parts of a neuron stand, in inches from the left.
INPUT, SUM, BOX, OUTPUT = 0.4, 2.1, 3.4, 4.5


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
    symbols = [f"$w_{i + 1}$" for i in range(inputs)]
    _draw_inputs(axes, middle, symbols if weights is None else map(number, weights))
    _draw_sum(axes, middle, "$b$" if bias is None else number(bias))
    _draw_activation(axes, middle, curve)
    words = {INPUT: "inputs", 1.15: "weights", SUM: "sum", BOX: "activation"}
    for x, word in words.items():
        axes.text(x, 0.1, word, ha="center", color=MUTED, fontsize=9.5)
    alt = (
        f"Drawing of one neuron. {inputs} inputs are multiplied by their weights and "
        f"added to the bias b; the sum z goes through the activation, here "
        f"{curve.name}, and comes out as a."
    )
    return finish(figure, alt)


def _draw_inputs(axes: Axes, middle: float, weights: Iterable[str]) -> None:
    """The inputs below each other, and their weights on the arrows to the sum."""
    labels = list(weights)
    ys = middle + 0.72 * (np.arange(len(labels))[::-1] - (len(labels) - 1) / 2)
    for i, (y, label) in enumerate(zip(ys, labels, strict=True)):
        axes.add_patch(Circle((INPUT, y), 0.25, facecolor=PAPER, edgecolor=INK, lw=1.4))
        axes.text(INPUT, y, f"$x_{i + 1}$", ha="center", va="center", fontsize=12)
        direction = np.array([SUM - INPUT, middle - y])
        direction /= np.linalg.norm(direction)
        start = np.array([INPUT, y]) + 0.27 * direction
        stop = np.array([SUM, middle]) - 0.34 * direction
        _draw_arrow(axes, tuple(start), tuple(stop))
        x, height = start + 0.42 * (stop - start)
        axes.text(
            x,
            height,
            label,
            ha="center",
            va="center",
            fontsize=11,
            color=COLOURS[0],
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5},
        )


def _draw_sum(axes: Axes, middle: float, bias: str) -> None:
    """The sum, the bias that comes from below, and the way on as z."""
    tinted = tint(COLOURS[0], 0.14)
    axes.add_patch(Circle((SUM, middle), 0.32, facecolor=tinted, edgecolor=INK, lw=1.4))
    axes.text(SUM, middle, "$\\Sigma$", ha="center", va="center", fontsize=15)
    _draw_arrow(axes, (SUM, middle - 0.82), (SUM, middle - 0.35))
    axes.text(
        SUM,
        middle - 0.95,
        bias,
        ha="center",
        va="center",
        fontsize=11,
        color=COLOURS[0],
    )
    _draw_arrow(axes, (SUM + 0.34, middle), (BOX - 0.4, middle))
    axes.text((SUM + BOX - 0.06) / 2, middle + 0.16, "$z$", ha="center", fontsize=12)


def _draw_activation(axes: Axes, middle: float, curve: Function) -> None:
    """The box with the activation's curve, and what comes out of it."""
    axes.add_patch(
        FancyBboxPatch(
            (BOX - 0.38, middle - 0.38),
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
        BOX + x * 0.26 / 3,
        middle - 0.25 + (y - low) * scale,
        color=COLOURS[1],
        linewidth=2.2,
    )
    axes.text(BOX, middle + 0.52, curve.name, ha="center", color=COLOURS[1])
    _draw_arrow(axes, (BOX + 0.4, middle), (OUTPUT - 0.06, middle))
    axes.text(OUTPUT + 0.08, middle, "$a$", ha="center", va="center", fontsize=13)


def _draw_arrow(
    axes: Axes, start: tuple[float, float], stop: tuple[float, float]
) -> None:
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


@styled
def patchwork(network: MLP, data: Dataset, *, resolution: int = 240) -> Figure:
    """Show how a ReLU network cuts the plane of its two inputs.

    Left: one line per unit of the first layer, where its pre-activation is 0. Right:
    the patches in which the same units of all layers are on, and in black the border
    between the classes.

    Parameters
    ----------
    network
        An ``MLP`` with two inputs and two outputs.
    data
        Its data set; the test points are drawn on the left.
    resolution
        Grid points along each side.

    Chapter 01.
    """
    import torch

    first = network.linears[0]
    assert isinstance(first, torch.nn.Linear)
    if first.weight.shape[1] != 2:
        raise ValueError(f"a plane has 2 inputs, got {first.weight.shape[1]}")
    reach = 1.08 * float(data.x_train.abs().max())
    side = torch.linspace(-reach, reach, resolution)
    grid_y, grid_x = torch.meshgrid(side, side, indexing="ij")
    grid = torch.stack([grid_x.flatten(), grid_y.flatten()], dim=1)
    with torch.no_grad():
        joints = network.joints(grid)
        lead = network(grid).diff(dim=1).reshape(resolution, resolution).numpy()
    on = torch.cat([joint.pre_activation > 0 for joint in joints], dim=1)
    _, patch = on.unique(dim=0, return_inverse=True)
    patches = int(patch.max()) + 1
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(WIDTH, 2.75), sharex=True, sharey=True
    )
    figure.set_layout_engine("compressed")
    extent = (-reach, reach, -reach, reach)
    zero = joints[0].pre_activation.reshape(resolution, resolution, -1).numpy()
    ends = side.numpy()
    for unit in range(zero.shape[2]):
        left.contour(side, side, zero[..., unit], [0], colors=MUTED, linewidths=0.8)
    for label in (0, 1):
        dots = data.x_test[data.y_test == label][:120].numpy()
        left.plot(dots[:, 0], dots[:, 1], linestyle="", markersize=2.4,
                  marker="os"[label], color=COLOURS[label])  # fmt: skip
    # Neighbouring patches get unlike shades: a fixed shuffle of 61 greys.
    shade = (patch * 37 % 61).reshape(resolution, resolution).numpy()
    right.imshow(
        shade, origin="lower", extent=extent, cmap="Greys", vmin=-15, vmax=120,
        interpolation="nearest",
    )  # fmt: skip
    right.contour(ends, ends, lead, [0], colors=[COLOURS[1]], linewidths=1.8)
    left.set_title(f"{zero.shape[2]} lines of\nthe first layer", fontsize=10.5)
    right.set_title(f"{patches} patches of\nboth layers", fontsize=10.5)
    for axes in (left, right):
        axes.set_aspect("equal")
        axes.grid(False)
    left.set_xlabel("first input")
    left.set_ylabel("second input")
    alt = (
        f"Two maps of the input plane. Left, over the test points of {data.name}, the "
        f"{zero.shape[2]} straight lines at which a unit of the first layer switches. "
        f"Right, the {patches} patches that the units of all layers make, with the "
        "border between the classes: straight inside each patch, bent at their seams."
    )
    return finish(figure, alt)


@styled
def threshold_units(
    *, units: int = 7, samples: int = 40, slope: float = 12.0
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
