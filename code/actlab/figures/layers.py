"""Figures of what happens from layer to layer: rank, size of the signal, slopes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from .curves import read_curve
from .style import (
    COLOURS,
    DASHES,
    MARKERS,
    WIDTH,
    finish,
    label_ends,
    number,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd

    from ..catalogue import Activation
    from ..properties.functions import Function


@styled
def signal_through_depth(
    functions: str
    | Activation
    | Callable
    | Sequence[str | Activation | Callable]
    | Mapping[str, str | Activation | Callable],
    *,
    depth: int = 30,
    q: float = 1.0,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    measured: bool | Mapping[str, Sequence[float]] = False,
    width: int = 256,
    seed: int = 0,
) -> Figure:
    """Draw the size of the signal against depth: theory as lines, networks as dots.

    Parameters
    ----------
    functions
        One function, several, or label to function; each as in :func:`function_plot`.
    depth
        Number of layers.
    q
        Mean square of the first pre-activation.
    weight_variance, bias_variance
        Variance of a weight times the fan-in, and of a bias.
    measured
        Mean squares by name or label, ``depth + 1`` numbers each, or True to draw a
        random network of ``width`` units per layer with ``seed``.

    Raises ``ValueError`` where ``measured`` has another length.

    Chapter 02.
    """
    from .. import catalogue, properties

    if isinstance(functions, (str, catalogue.Activation)) or callable(functions):
        functions = [functions]
    if not isinstance(functions, Mapping):
        functions = {read_curve(function).name: function for function in functions}
    settings = {"weight_variance": weight_variance, "bias_variance": bias_variance}
    layers = np.arange(depth + 1)
    figure, axes = plt.subplots(figsize=(WIDTH, 3.3))
    ends, findings = [], []
    for i, (name, function) in enumerate(functions.items()):
        theory = np.asarray(
            properties.iterate_variance(function, depth, q=q, **settings), dtype=float
        )
        theory = np.where(np.isfinite(theory) & (theory > 0), theory, np.nan)
        colour = COLOURS[i % 6]
        axes.plot(layers, theory, color=colour, linestyle=DASHES[i % 6])
        dots = None
        if measured is True:
            dots = _random_depth(
                read_curve(function), depth, q, width, seed, **settings
            )
        elif measured and name in measured:
            dots = _checked_depth(measured[name], name, depth)
        if dots is not None:
            axes.plot(layers, dots, linestyle="", marker=MARKERS[i % 6], markersize=4,
                      color=colour, alpha=0.75)  # fmt: skip
        last = theory[np.isfinite(theory)][-1]
        # Where dots and line part, the name stands at the dots.
        shown = last if dots is None or not dots[-1] > 0 else dots[-1]
        ends.append((name, float(shown), colour))
        findings.append(
            f"{name} goes from {number(theory[0], 2)} to {number(last, 2)}"
            + ("" if dots is None else f" (measured {number(dots[-1], 2)})")
        )
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    # Less than two decades would make the scatter of one network look like a trend.
    axes.set_ylim(min(low, q / 10), max(high, q * 10))
    axes.set_xlabel("layer")
    axes.set_ylabel("mean square of z")
    axes.set_xlim(0, depth)
    axes.locator_params(axis="x", integer=True)
    label_ends(axes, ends)
    alt = (
        f"Line plot of the mean square of the pre-activation against the layer, 0 to "
        f"{depth}, log axis{'; dots are measured' if measured else ''}. "
        + "; ".join(findings)
        + "."
    )
    return finish(figure, alt)


def _checked_depth(values: Sequence[float], name: str, depth: int) -> np.ndarray:
    """Measured mean squares as an array, one for each layer from 0."""
    dots = np.asarray(values, dtype=float)
    if dots.shape != (depth + 1,):
        raise ValueError(
            f"measured[{name!r}] has shape {dots.shape}; layers 0 to {depth} "
            f"need {depth + 1} numbers"
        )
    return dots


def _random_depth(
    curve: Function,
    depth: int,
    q: float,
    width: int,
    seed: int,
    weight_variance: float,
    bias_variance: float,
) -> np.ndarray:
    """Mean square of the pre-activations of one random network, layer by layer."""
    random = np.random.default_rng(seed)
    z = random.normal(0.0, math.sqrt(q), (64, width))
    sizes = [float(np.mean(z**2))]
    for _ in range(depth):
        weights = random.normal(0.0, math.sqrt(weight_variance / width), (width, width))
        bias = random.normal(0.0, math.sqrt(bias_variance), width)
        z = np.asarray(curve.value(z)) @ weights + bias
        sizes.append(float(np.mean(z**2)))
    return np.array(sizes)


@styled
def layer_health(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw what each hidden layer of several networks hands on, and what comes back.

    One panel per network, side by side, on one logarithmic axis.

    Parameters
    ----------
    tables
        Title of the panel to a table with one row per hidden layer (from 1) and one
        column per quantity, such as ``spread``, ``slope`` and ``error signal``.

    Chapter 03.
    """
    figure, grid = plt.subplots(
        1, len(tables), figsize=(WIDTH, 3.4), sharey=True, squeeze=False
    )
    findings = []
    for axes, (title, table) in zip(grid[0], tables.items(), strict=True):
        texts = []
        for i, name in enumerate(table.columns):
            values = table[name].to_numpy(dtype=float)
            axes.plot(
                table.index, values,
                color=COLOURS[i % 6], linestyle=DASHES[i % 6],
                marker=MARKERS[i % 6], markersize=5, label=name,
            )  # fmt: skip
            texts.append(f"{name} {number(values[0], 2)} to {number(values[-1], 2)}")
        axes.set_yscale("log")
        axes.set_xticks(list(table.index))
        axes.margins(x=0.12)
        axes.set_title(textwrap.fill(title, 22))
        findings.append(f"{title}: " + ", ".join(texts))
    grid[0, 0].set_ylabel("value, log scale")
    for axes in grid[0]:
        axes.set_xlabel("hidden layer")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    depth = len(next(iter(tables.values())))
    alt = (
        f"Line plots on a logarithmic axis, one panel per network, by hidden layer "
        f"from 1 to {depth}. " + ". ".join(findings) + "."
    )
    return finish(figure, alt)
