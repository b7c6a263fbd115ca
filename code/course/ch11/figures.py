"""Figures of curvature: gradient surfaces, spectra, sharpness, slices, kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
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
    count,
    finish,
    join,
    label_ends,
    label_right,
    legend_above,
    named_ticks,
    number,
    styled,
)

if TYPE_CHECKING:
    from actlab.curvature import Plane, Slice, Spectrum
    from actlab.properties.functions import Function

__all__ = [
    "eigenvalue_densities",
    "kernel_against_slope",
    "loss_planes",
    "loss_slices",
    "lyapunov_curve",
    "sharpness_paths",
]

# 20 steps: level lines can be seen, and a picture takes a third of the bytes
SHADES = LinearSegmentedColormap.from_list(
    "", [PAPER, "#7fb2d2", COLOURS[0], "#00263d"], N=20
)


# --- f(x) + f(y) ------------------------------------------------------------------


def _separable(curve: Function, span: float, points: int) -> tuple[np.ndarray, ...]:
    """Axis, values of f(x) + f(y), and the length of its gradient."""
    axis = np.linspace(-span, span, points)
    value = np.asarray(curve.value(axis), dtype=np.float64) * np.ones_like(axis)
    slope = np.asarray(curve.slope(axis), dtype=np.float64) * np.ones_like(axis)
    return axis, value + value[:, None], np.hypot(slope, slope[:, None])


# --- a random recurrent network ---------------------------------------------------


@styled
def lyapunov_curve(
    gains: Sequence[float], exponents: Mapping[str, np.ndarray]
) -> Figure:
    """Draw largest Lyapunov exponents against the gain of the weights.

    Parameters
    ----------
    gains
        The gains, k numbers.
    exponents
        Label to exponents, (k,) or (k, draws); draws are shown as a band.

    Chapter 11.
    """
    at = np.asarray(gains, dtype=np.float64)
    figure, axes = plt.subplots(figsize=(WIDTH, 2.9))
    axes.axhline(0, color=INK, linewidth=1)
    ends, findings = [], []
    for k, (label, values) in enumerate(exponents.items()):
        values = np.asarray(values, dtype=np.float64).reshape(len(at), -1)
        mean = values.mean(1)
        axes.fill_between(
            at, values.min(1), values.max(1), color=COLOURS[k], alpha=0.2, lw=0
        )
        axes.plot(
            at, mean, color=COLOURS[k], linestyle=DASHES[k], marker=MARKERS[k], ms=4
        )
        ends.append((label, float(mean[-1]), COLOURS[k]))
        above = np.nonzero(mean > 0.01)[0]
        findings.append(
            f"{label}: {number(mean[0], 2)} at gain {number(at[0])}, "
            + (f"positive from {number(at[above[0]])} on, " if len(above) else "")
            + f"{number(mean[-1], 2)} at {number(at[-1])}"
        )
    axes.set_xscale("log")
    named_ticks(axes, at.tolist(), [number(gain) for gain in at])
    axes.margins(x=0.02)
    axes.set_xlabel("gain g of the weights")
    axes.set_ylabel("exponent per step")
    label_ends(axes, ends)
    alt = (
        "Line plot of the largest Lyapunov exponent of a random recurrent network "
        "against the gain of its weights. " + ". ".join(findings) + "."
    )
    return finish(figure, alt)


# --- eigenvalues ------------------------------------------------------------------


@styled
def eigenvalue_densities(
    panels: Mapping[str, Spectrum], exact: Mapping[str, np.ndarray] | None = None
) -> Figure:
    """Draw densities of eigenvalues, one panel each, on common logarithmic axes.

    Parameters
    ----------
    panels
        Title to :class:`~actlab.curvature.Spectrum`.
    exact
        Title to exact eigenvalues, drawn as strokes on the axis.

    The density is per unit of eigenvalue, each node widened by 1 % of the common
    range. Chapter 11.
    """
    if not panels:
        raise ValueError("eigenvalue_densities needs at least one Spectrum")
    low = min(s.low for s in panels.values())
    high = max(s.high for s in panels.values())
    width = 0.01 * max(high - low, 1e-12)
    grid = np.linspace(low - 6 * width, high + 6 * width, 1201)
    figure, axes_of = plt.subplots(
        len(panels),
        1,
        figsize=(WIDTH, 1.35 * len(panels) + 0.7),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    densities = {title: s.density(grid, width) for title, s in panels.items()}
    top = max(float(d.max()) for d in densities.values())
    bottom = top * 1e-5
    findings = []
    for k, (axes, (title, spectrum)) in enumerate(zip(axes_of[:, 0], panels.items())):
        density = np.maximum(densities[title], bottom)
        axes.fill_between(grid, bottom, density, color=COLOURS[k % 6], alpha=0.25, lw=0)
        axes.plot(grid, density, color=COLOURS[k % 6], linewidth=1.5)
        axes.axvline(0, color=MUTED, linewidth=0.8, linestyle=DASHES[1])
        values = None if exact is None else exact.get(title)
        if values is not None:
            axes.plot(
                values,
                np.full(len(values), bottom * 1.7),
                "|",
                color=INK,
                ms=7,
                mew=0.8,
            )
        axes.set_yscale("log")
        axes.set_ylim(bottom, 2 * top)
        axes.set_title(title)
        axes.set_ylabel("density")
        # what is left of an exact 0 after rounding is no finding
        lowest = spectrum.low if abs(spectrum.low) > 1e-9 * spectrum.high else 0.0
        near = spectrum.share(-0.01 * spectrum.high, 0.01 * spectrum.high)
        findings.append(
            f"{title}: from {number(lowest, 2)} to {number(spectrum.high)}, "
            f"{100 * near:.0f} % of the mass within 1 % of the largest around 0"
        )
    axes_of[-1, 0].set_xlabel("eigenvalue of the Hessian")
    alt = (
        f"{count(len(panels), 'density plot')} of Hessian eigenvalues on a logarithmic "
        "scale. " + ". ".join(findings) + "."
    )
    return finish(figure, alt)


@styled
def sharpness_paths(
    paths: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]], lr: float
) -> Figure:
    """Draw the loss and its largest Hessian eigenvalue along gradient descent.

    Parameters
    ----------
    paths
        Label to (steps, losses, largest eigenvalues), each of shape (k,).
    lr
        Step size; the dashed line stands at 2/lr.

    Chapter 11.
    """
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(WIDTH, 4.7), sharex=True)
    findings = []
    for k, (label, (steps, losses, sharpness)) in enumerate(paths.items()):
        style = {"color": COLOURS[k % 6], "linestyle": DASHES[k % 6], "linewidth": 1.7}
        top.plot(steps, losses, label=label, **style)
        bottom.plot(steps, sharpness, **style)
        late = np.asarray(sharpness)[len(sharpness) // 2 :]
        findings.append(
            f"{label} starts at {number(sharpness[0], 2)} and stays between "
            f"{number(late.min(), 2)} and {number(late.max(), 2)} in the second half"
        )
    top.set_yscale("log")
    top.set_ylabel("loss")
    legend_above(top)
    bottom.axhline(2 / lr, color=INK, linewidth=1.2, linestyle=(0, (6, 3)))
    bottom.set_ylim(bottom=0)
    bottom.margins(x=0.01)
    bottom.set_ylabel("largest eigenvalue")
    bottom.set_xlabel("step of gradient descent")
    label_right(bottom, f"2/lr = {number(2 / lr)}", 2 / lr, 4)
    alt = (
        f"Two line plots over steps of gradient descent with step size {number(lr)}. "
        "Above, the loss falls for all. Below, the largest Hessian eigenvalue, with a "
        f"line at 2/lr = {number(2 / lr)}. " + "; ".join(findings) + "."
    )
    return finish(figure, alt)


# --- slices -----------------------------------------------------------------------


@styled
def loss_slices(
    panels: Mapping[str, Mapping[str, Slice]], *, rise: float = 1.0
) -> Figure:
    """Draw slices through loss surfaces, several in a panel, panels below each other.

    Parameters
    ----------
    panels
        Title to {label: :class:`~actlab.curvature.Slice`}.
    rise
        The alt text tells the width of each slice where its loss has risen so far.

    Chapter 11.
    """
    figure, grid = plt.subplots(
        len(panels), 1, figsize=(WIDTH, 2.2 * len(panels) + 0.5), squeeze=False
    )
    findings = []
    for axes, (title, slices) in zip(grid[:, 0], panels.items(), strict=True):
        words = []
        for k, (label, line) in enumerate(slices.items()):
            axes.plot(
                line.along,
                line.losses,
                color=COLOURS[k % 6],
                linestyle=DASHES[k % 6],
                label=label,
            )
            words.append(f"{label} {number(line.width(rise), 2)}")
        axes.set_yscale("log")
        axes.margins(x=0.01)
        axes.set_title(title, pad=24 if axes is grid[0, 0] else 6)
        axes.set_ylabel("loss")
        findings.append(f"{title}: " + join(words))
    legend_above(grid[0, 0])
    grid[-1, 0].set_xlabel("distance from the trained network, in directions")
    alt = (
        f"{count(len(panels), 'line plot')} of the loss along a random direction "
        f"through trained networks. Widths of the valleys {number(rise)} above the "
        "bottom. " + ". ".join(findings) + "."
    )
    return finish(figure, alt)


@styled
def loss_planes(planes: Mapping[str, Plane]) -> Figure:
    """Draw slices along two directions as contour maps of log10 loss, side by side.

    Parameters
    ----------
    planes
        One or two: title to :class:`~actlab.curvature.Plane`.

    Chapter 11.
    """
    if not 1 <= len(planes) <= 2:
        raise ValueError(f"one or two planes can stand side by side, got {len(planes)}")
    logs = {t: np.log10(np.maximum(p.losses, 1e-12)) for t, p in planes.items()}
    low = min(float(v.min()) for v in logs.values())
    high = max(float(v.max()) for v in logs.values())
    levels = np.linspace(low, high, 13)
    figure, grid = plt.subplots(
        1, len(planes), figsize=(WIDTH, 2.9), sharey=True, squeeze=False
    )
    findings = []
    for axes, (title, plane) in zip(grid[0], planes.items(), strict=True):
        image = axes.contourf(
            plane.first, plane.second, logs[title], levels, cmap=SHADES
        )
        axes.contour(
            plane.first, plane.second, logs[title], levels, colors=INK, linewidths=0.5
        )
        axes.plot(0, 0, "P", color=COLOURS[1], markersize=7)
        axes.set_title(title)
        axes.set_aspect("equal")
        axes.grid(False)
        axes.set_xlabel("direction 1")
        findings.append(
            f"{title}: loss {number(float(plane.losses.min()), 2)} to "
            f"{number(float(plane.losses.max()), 2)}"
        )
    grid[0, 0].set_ylabel("direction 2")
    figure.colorbar(
        image, ax=grid, shrink=0.55, pad=0.03, label="log10 loss", format="%.1f"
    )
    alt = (
        f"{count(len(planes), 'contour map')} of log10 loss on a plane through a "
        "trained network, which stands at the cross in the middle, with closed rings "
        "around it. " + ". ".join(findings) + "."
    )
    return finish(figure, alt)


# --- tangent kernel ---------------------------------------------------------------


@styled
def kernel_against_slope(
    slopes: Sequence[float],
    ratios: np.ndarray,
    theory: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Figure:
    """Draw the tangent kernel's smallest eigenvalue against the slope left of 0.

    Parameters
    ----------
    slopes
        Slopes of leaky units for negative inputs, k numbers.
    ratios
        Smallest eigenvalue relative to the same draw at slope 0, (draws, k).
    theory
        Curve to draw through the dots.

    Chapter 11.
    """
    at = np.asarray(slopes, dtype=np.float64)
    ratios = np.atleast_2d(np.asarray(ratios, dtype=np.float64))
    figure, axes = plt.subplots(figsize=(WIDTH, 2.9))
    if theory is not None:
        fine = np.linspace(at.min(), at.max(), 201)
        axes.plot(fine, theory(fine), color=COLOURS[1], linestyle=DASHES[1])
    for row in ratios:
        axes.plot(at, row, "o", color=COLOURS[0], markersize=4.5, alpha=0.7)
    ends = [("draws", float(ratios[:, -1].mean()), COLOURS[0])]
    if theory is not None:
        end = float(theory(at[-1:])[0])
        ends.append(("wide network", end + 0.35, COLOURS[1]))
    axes.margins(x=0.03)
    label_ends(axes, ends)
    axes.set_xlabel("slope for negative inputs")
    axes.set_ylabel("smallest eigenvalue,\nslope 0 = 1")
    means = ratios.mean(0)
    last = means[-1] if abs(means[-1]) > 1e-9 * means[0] else 0.0  # but for rounding
    apart = (
        ""
        if theory is None
        else " The dots are within "
        f"{number(float(np.abs(ratios - theory(at)).max()), 2)} of the curve."
    )
    alt = (
        f"Scatter plot of {count(len(ratios), 'draw')} per slope: the smallest "
        "eigenvalue of the tangent kernel relative to that of ReLU, against the slope "
        f"for negative inputs. It falls from {number(means[0])} at {number(at[0])} "
        f"to {number(last, 2)} at {number(at[-1])}.{apart}"
    )
    return finish(figure, alt)
