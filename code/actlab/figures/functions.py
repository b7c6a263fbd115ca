"""Figures of functions of one variable: values, slopes, what they do to data."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from .curves import read_curve, with_gaps
from .style import (
    COLOURS,
    DASHES,
    MUTED,
    WIDTH,
    finish,
    join,
    label_ends,
    legend_above,
    number,
    styled,
)

if TYPE_CHECKING:
    from ..catalogue import Activation
    from ..properties.functions import Function


@styled
def function_plot(
    *functions: str | Activation | Callable,
    derivative: bool = True,
    xlim: tuple[float, float] = (-4.0, 4.0),
    ylim: tuple[float, float] | None = None,
    labels: Sequence[str] | None = None,
    axis_labels: tuple[str, str] = ("x", "value f(x)"),
) -> Figure:
    """Draw functions and their slopes.

    One function shares its axes with its slope (dashed). Several functions get two
    panels, values above and slopes below.

    Parameters
    ----------
    functions
        Catalogue keys, activations, formulas such as ``"x*sigmoid(x)"`` or callables
        from tensor to tensor.
    derivative
        Whether the slopes are drawn.
    xlim, ylim
        Limits of the axes; ``ylim`` is that of the values.
    labels
        Names to use instead of the functions' own.
    axis_labels
        Words for the two axes, where several functions are drawn..

    Chapter 02.
    """
    if not functions:
        raise ValueError("function_plot needs at least one function, such as 'relu'")
    curves = [read_curve(function) for function in functions]
    names = list(labels) if labels is not None else [c.name for c in curves]
    if len(names) != len(curves):
        raise ValueError(f"{len(curves)} functions need as many labels, not {names!r}")
    if len(curves) == 1:
        return _one_function(curves[0], names[0], derivative, xlim, ylim)
    return _several_functions(curves, names, derivative, xlim, ylim, axis_labels)


def _several_functions(
    curves: Sequence[Function],
    names: Sequence[str],
    derivative: bool,
    xlim: tuple[float, float],
    ylim: tuple[float, float] | None,
    axis_labels: tuple[str, str],
) -> Figure:
    rows = 2 if derivative else 1
    figure, grid = plt.subplots(
        rows, 1, figsize=(WIDTH, 2.5 * rows + 0.4), sharex=True, squeeze=False
    )
    findings, ends = [], []
    for i, (curve, name) in enumerate(zip(curves, names, strict=True)):
        ranges = []
        for row, part in enumerate([curve.value, curve.slope][:rows]):
            x, y, _ = with_gaps(part, *xlim)
            grid[row, 0].plot(
                x, y, color=COLOURS[i % 6], linestyle=DASHES[i % 6], label=name
            )
            ranges.append(f"from {number(np.nanmin(y))} to {number(np.nanmax(y))}")
            if row == 0:
                ends.append((name, float(y[-1]), COLOURS[i % 6]))
        findings.append(f"{name} runs " + " with slopes ".join(ranges))
    grid[0, 0].set_ylabel(axis_labels[1])
    if ylim is not None:
        grid[0, 0].set_ylim(*ylim)
    if derivative:
        grid[1, 0].set_ylabel("slope f′(x)")
    grid[-1, 0].set_xlabel(axis_labels[0])
    grid[-1, 0].set_xlim(*xlim)
    low, high = grid[0, 0].get_ylim()
    if _ends_apart([end for _, end, _ in ends], high - low):
        label_ends(grid[0, 0], ends)
    else:
        legend_above(grid[0, 0], columns=2 if max(map(len, names)) > 10 else 3)
    alt = (
        f"Line plot of {join(names)} against x from {number(xlim[0])} to "
        f"{number(xlim[1])}{', slopes in a panel below' if derivative else ''}. "
        + "; ".join(findings)
        + "."
    )
    return finish(figure, alt)


def _one_function(
    curve: Function,
    name: str,
    derivative: bool,
    xlim: tuple[float, float],
    ylim: tuple[float, float] | None,
) -> Figure:
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0))
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    x, y, jumps = with_gaps(curve.value, *xlim)
    axes.plot(x, y, color=COLOURS[0])
    ends = [("value", float(y[-1]), COLOURS[0])]
    finding = f"It runs from {number(np.nanmin(y))} to {number(np.nanmax(y))}"
    if jumps:
        finding += f" and jumps at x = {join([number(_tidy(j)) for j in jumps])}"
    if derivative:
        x, slope, slope_jumps = with_gaps(curve.slope, *xlim)
        axes.plot(x, slope, color=COLOURS[1], linestyle=DASHES[1])
        ends.append(("slope", float(slope[-1]), COLOURS[1]))
        low, high = np.nanmin(slope), np.nanmax(slope)
        finding += (
            f"; its slope is {number(low)} everywhere"
            if math.isclose(low, high, abs_tol=1e-12)
            else f"; its slope runs from {number(low)} to {number(high)}"
        )
        if slope_jumps:
            where = join([number(_tidy(j)) for j in slope_jumps])
            finding += f" and jumps at x = {where}"
    axes.set_title(name)
    axes.set_xlabel("x")
    axes.set_xlim(*xlim)
    if ylim is not None:
        axes.set_ylim(*ylim)
    label_ends(axes, ends)
    alt = (
        f"Line plot of {name}{' and, dashed, its slope' if derivative else ''} against "
        f"x from {number(xlim[0])} to {number(xlim[1])}. {finding}."
    )
    return finish(figure, alt)


def _ends_apart(ends: Sequence[float], span: float) -> bool:
    ordered = sorted(ends)
    return all(b - a > 0.07 * span for a, b in zip(ordered, ordered[1:], strict=False))


def _tidy(value: float) -> float:
    """A kink's position without the dust of the search."""
    return round(value, 6) + 0.0


@styled
def gallery(
    keys: Sequence[str | Activation | Callable],
    *,
    xlim: tuple[float, float] = (-4.0, 4.0),
    ylim: tuple[float, float] | None = None,
    derivative: bool = True,
) -> Figure:
    """Small multiples, two to a row, all on the same axes so that they compare.

    Parameters
    ----------
    keys
        Functions, as in :func:`function_plot`.
    xlim, ylim
        Common limits; without ``ylim`` they follow the data, up to as much as x.
    derivative
        Whether the slope is drawn, dashed.

    Chapter 02.
    """
    curves = [read_curve(key) for key in keys]
    if not curves:
        raise ValueError("gallery needs at least one function, such as ['relu']")
    columns = min(2, len(curves))
    rows = math.ceil(len(curves) / columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH, 1.55 * rows + 0.3),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    least, greatest = [], []
    for axes, curve in zip(grid.flat, curves, strict=False):
        axes.axhline(0, color=MUTED, linewidth=0.7)
        axes.axvline(0, color=MUTED, linewidth=0.7)
        x, y, _ = with_gaps(curve.value, *xlim)
        axes.plot(x, y, color=COLOURS[0])
        least.append(float(np.nanmin(y)))
        greatest.append(float(np.nanmax(y)))
        if derivative:
            x, slope, _ = with_gaps(curve.slope, *xlim)
            axes.plot(x, slope, color=COLOURS[1], linestyle=DASHES[1], linewidth=1.5)
        axes.set_title(curve.name)
    for axes in grid.flat[len(curves) :]:
        axes.set_visible(False)
    grid[0, 0].set_xlim(*xlim)
    if ylim is None:
        # One steep function must not flatten the others.
        reach = 1.06 * max(abs(limit) for limit in xlim)
        low, high = grid[0, 0].get_ylim()
        ylim = (max(low, -reach), min(high, reach))
    grid[0, 0].set_ylim(*ylim)
    never = [c.name for c, low in zip(curves, least, strict=True) if low >= -1e-9]
    finding = (
        f"{len(curves) - len(never)} of {len(curves)} take negative values"
        + (f"; never negative: {join(never)}" if 0 < len(never) <= 6 else "")
        + f". The largest value drawn is {number(max(greatest))}."
    )
    alt = (
        f"Small plots of {len(curves)} functions"
        f"{' and, dashed, their slopes' if derivative else ''} on common axes, x from "
        f"{number(xlim[0])} to {number(xlim[1])}. {finding}"
    )
    return finish(figure, alt)


@styled
def sorted_data(
    function: str | Activation | Callable,
    *,
    n: int = 120,
    std: float = 1.5,
    seed: int = 0,
) -> Figure:
    """Draw random numbers, sorted, before and after they go through a function.

    Parameters
    ----------
    function
        As in :func:`function_plot`.
    n, std, seed
        How many normal numbers are drawn, their standard deviation and the seed.

    Chapter 02.
    """
    curve = read_curve(function)
    x = np.sort(np.random.default_rng(seed).normal(0.0, std, n))
    y = np.asarray(curve.value(x), dtype=np.float64)
    rank = np.arange(1, n + 1)
    figure, axes = plt.subplots(figsize=(WIDTH, 3.1))
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.plot(rank, x, linestyle="", marker="o", markersize=3.2, color=MUTED)
    axes.plot(rank, y, linestyle="", marker="^", markersize=3.6, color=COLOURS[0])
    axes.set_xlabel("rank of the number, smallest first")
    axes.set_ylabel("value")
    axes.set_title(f"sorted random numbers through {curve.name}")
    axes.set_xlim(0, n + 1)
    label_ends(
        axes, [("before", float(x[-1]), MUTED), ("after", float(y[-1]), COLOURS[0])]
    )
    falls = bool(np.any(np.diff(y) < -1e-12))
    zeros = float(np.mean(y == 0))
    alt = (
        f"Dot plot: {n} random numbers in rising order, before and after "
        f"{curve.name}. They ran from {number(x[0])} to {number(x[-1])}; afterwards "
        f"from {number(y.min())} to {number(y.max())}, mean {number(x.mean(), 2)} "
        f"before, {number(y.mean(), 2)} after"
        + (f", {zeros:.0%} of them exactly 0".replace("%", " %") if zeros else "")
        + (". The order is not kept." if falls else ". The order is kept.")
    )
    return finish(figure, alt)
