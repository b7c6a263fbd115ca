"""Figures of signals in deep networks: profiles, tables, gradients, spectra."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from actlab.figures.style import (
    COLOURS,
    DASHES,
    INK,
    MARKERS,
    MUTED,
    PAPER,
    WIDTH,
    as_numbers,
    finish,
    number,
    styled,
    without_frame,
)

if TYPE_CHECKING:
    import pandas as pd

    from actlab.properties import DepthProfile

__all__ = [
    "along_line",
    "depth_profiles",
    "depth_tables",
    "spectra",
]

# Tall figures full of small marks: fewer dots per inch keep the chapters light.
TALL = 90

QUANTITIES = {
    "activation": "activation size",
    "error_signal": "error signal",
    "weight_gradient": "weight gradient",
    "pre_activation": "pre-activation size",
    "alike": "alike",
}


@styled
def depth_profiles(
    cases: Mapping[str, DepthProfile | pd.DataFrame | None],
    measured: Mapping[str, pd.DataFrame] | None = None,
    *,
    quantities: Sequence[str] = ("activation", "error_signal", "weight_gradient"),
    floor: float = 1e-20,
) -> Figure:
    """Draw what the layers of deep networks hand on and get back, layer by layer.

    One panel per quantity, stacked. Theory is a line, a measured network dots.

    Parameters
    ----------
    cases
        Label to what :func:`actlab.properties.depth_profile` returns, or to its
        table; None where only a measurement is to be drawn.
    measured
        Label to a table with one row per layer and the columns ``quantities``.
    quantities
        Columns to draw. Error signals and weight gradients are relative to the last
        layer; ``"alike"`` has a linear axis.
    floor
        The smallest value that the logarithmic axes show.

    Chapter 09.
    """
    measured = measured or {}
    figure, grid = plt.subplots(
        len(quantities), 1, figsize=(WIDTH, 1.55 * len(quantities) + 0.7),
        sharex=True, squeeze=False, dpi=TALL,
    )  # fmt: skip
    findings = []
    for axes, quantity in zip(grid[:, 0], quantities, strict=True):
        texts = []
        for i, (label, case) in enumerate(cases.items()):
            ends = _draw_case(axes, i, label, case, measured.get(label), quantity)
            texts.append(f"{label} {number(ends[0], 2)} to {number(ends[1], 2)}")
        axes.set_title(QUANTITIES[quantity])
        if quantity == "alike":
            axes.set_ylim(-0.1, 1.05)
        else:
            _log_axis(axes, floor)
        findings.append(f"{QUANTITIES[quantity].capitalize()}: " + ", ".join(texts))
    grid[-1, 0].set_xlabel("hidden layer")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    columns = 4 if sum(map(len, labels)) < 34 else 2
    figure.legend(handles, labels, loc="outside upper center", ncols=columns)
    alt = (
        "Stacked line plots by hidden layer, log axes"
        + (", dots measured" if measured else "")
        + ", first to last layer. "
        + ". ".join(findings)
        + "."
    )
    return finish(figure, alt)


def _draw_case(
    axes: Axes,
    i: int,
    label: str,
    case: Any,
    dots: pd.DataFrame | None,
    quantity: str,
) -> tuple[float, float]:
    """Draw one curve of one panel; return its first and last value."""
    colour, ends = COLOURS[i % 6], (math.nan, math.nan)
    if case is not None:
        table = case if hasattr(case, "columns") else case.frame()
        values = table[quantity].to_numpy(dtype=float)
        axes.plot(
            table.index, values, color=colour, linestyle=DASHES[i % 6], label=label
        )
        ends = (values[0], values[-1])
    if dots is not None:
        values = dots[quantity].to_numpy(dtype=float)
        if quantity in ("error_signal", "weight_gradient"):
            values = values / values[-1]
        axes.plot(
            dots.index, values, color=colour, linestyle="", marker=MARKERS[i % 6],
            markersize=3.6, alpha=0.8, label=label if case is None else None,
        )  # fmt: skip
        ends = (values[0], values[-1])
    return ends


def _log_axis(axes: Axes, floor: float) -> None:
    """A logarithmic axis of two decades at least, cut at ``floor``."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    middle = math.sqrt(low * high)
    low, high = min(low, middle / 10), max(high, middle * 10)
    axes.set_ylim(max(low, floor), high)


@styled
def depth_tables(
    tables: Mapping[str, pd.DataFrame], *, healthy: float = 0.5, limit: float = 6.0
) -> Figure:
    """Draw tables of ratios as maps of powers of ten, one above the other.

    White is a ratio near 1, blue what has vanished, orange what has exploded; each
    cell holds the power of ten, rounded.

    Parameters
    ----------
    tables
        Title to a table of positive numbers, functions as rows, starts as columns.
    healthy
        Cells within this many powers of ten of 1 count as healthy in the alt text.
    limit
        The power of ten from which on the colour is full.

    Chapter 09.
    """
    rows = len(next(iter(tables.values())))
    figure, grid = plt.subplots(
        len(tables), 1, figsize=(WIDTH, (0.2 * rows + 0.62) * len(tables)),
        squeeze=False, dpi=TALL,
    )  # fmt: skip
    colours = LinearSegmentedColormap.from_list("", ["#4d9fd0", "#ffffff", "#e58a4a"])
    findings = []
    for axes, (title, table) in zip(grid[:, 0], tables.items(), strict=True):
        with np.errstate(divide="ignore"):
            powers = np.log10(table.to_numpy(dtype=float))
        axes.imshow(
            np.clip(np.nan_to_num(powers, neginf=-99), -limit, limit),
            cmap=colours, vmin=-limit, vmax=limit, aspect="auto",
        )  # fmt: skip
        for i, j in np.ndindex(powers.shape):
            value = powers[i, j]
            text = number(round(value) + 0.0, 3) if np.isfinite(value) else "none"
            axes.text(j, i, text, ha="center", va="center", fontsize=9, color=INK)
        axes.set_xticks(range(table.shape[1]), table.columns, fontsize=9)
        axes.set_yticks(range(rows), table.index, fontsize=9)
        without_frame(axes)
        axes.set_title(title)
        well = np.abs(powers) < healthy
        kept = ", ".join(
            f"{column} {int(count)}"
            for column, count in zip(table.columns, well.sum(0), strict=True)
        )
        findings.append(f"{title}, functions of {rows} within ×3: {kept}")
    alt = (
        "Coloured tables of powers of ten, one row per function, one column per "
        "initialisation. " + ". ".join(findings) + "."
    )
    return finish(figure, alt)


@styled
def along_line(
    t: Any, curves: Mapping[str, Any], *, xlabel: str = "input", ylabel: str = "slope"
) -> Figure:
    """Draw numbers along a line through the input space, one panel per network.

    Each curve is divided by its root mean square. The alt text says how alike
    neighbours are: the correlation of the curve with itself, one step on.

    Parameters
    ----------
    t
        Positions on the line.
    curves
        Label to as many numbers as there are positions.

    Chapter 09. Source: Balduzzi et al. 2017, arXiv:1702.08591.
    """
    t = as_numbers(t)
    figure, grid = plt.subplots(
        len(curves), 1, figsize=(WIDTH, 1.2 * len(curves) + 0.6),
        sharex=True, sharey=True, squeeze=False, dpi=TALL,
    )  # fmt: skip
    findings = []
    for i, (axes, (label, curve)) in enumerate(
        zip(grid[:, 0], curves.items(), strict=True)
    ):
        curve = as_numbers(curve)
        curve = curve / np.sqrt(np.mean(curve**2))
        axes.plot(t, curve, color=COLOURS[i % 6], linewidth=1.0)
        axes.set_title(label)
        axes.set_ylabel(ylabel)
        axes.set_ylim(-3.5, 3.5)
        alike = np.corrcoef(curve[:-1], curve[1:])[0, 1]
        findings.append(f"{label} {number(alike, 2)}")
    grid[-1, 0].set_xlabel(xlabel)
    alt = (
        f"Line plots of the {ylabel} along a line of inputs, one panel per network. "
        "Correlation of neighbouring points: " + ", ".join(findings) + "."
    )
    return finish(figure, alt)


@styled
def spectra(values: Mapping[str, Any], *, floor: float = 1e-6) -> Figure:
    """Draw the singular values of several maps, sorted, on one logarithmic axis.

    Parameters
    ----------
    values
        Label to singular values, in any order; each set is divided by its root mean
        square, so that only the spread counts.
    floor
        The smallest value that the axis shows.

    Chapter 09. Source: Saxe et al. 2013, arXiv:1312.6120.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.2))
    findings = []
    for i, (label, sample) in enumerate(values.items()):
        sample = np.sort(as_numbers(sample).ravel())[::-1]
        sample = sample / np.sqrt(np.mean(sample**2))
        share = 100 * (np.arange(len(sample)) + 0.5) / len(sample)
        axes.plot(
            share, np.maximum(sample, floor / 10),
            color=COLOURS[i % 6], linestyle=DASHES[i % 6], label=label,
        )  # fmt: skip
        middle = float(np.median(sample))
        findings.append(f"{label}: {number(sample[0], 2)}, {number(middle, 2)}")
    axes.axhline(1, color=MUTED, linewidth=1)
    axes.set_yscale("log")
    axes.set_ylim(floor, 40)
    axes.set_xlim(0, 100)
    axes.set_xlabel("directions, strongest first, %")
    axes.set_ylabel("factor")
    figure.legend(
        loc="outside upper center", ncols=2, columnspacing=1.2, facecolor=PAPER
    )
    alt = (
        "Line plot of sorted singular values, log axis, each set divided by its root "
        "mean square. Largest and median: " + "; ".join(findings) + "."
    )
    return finish(figure, alt)
