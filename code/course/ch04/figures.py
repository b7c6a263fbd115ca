"""Figures of chapter 04: what autograd says at a kink, and a digit that is harmed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from actlab.figures.curves import torch_value_and_slope
from actlab.figures.style import (
    COLOURS,
    MUTED,
    WIDTH,
    finish,
    number,
    styled,
)

from .harm import noisy

if TYPE_CHECKING:
    import torch


__all__ = ["autograd_at_kinks", "harms"]


@styled
def autograd_at_kinks(
    functions: Mapping[str, Callable[[torch.Tensor], torch.Tensor]], *, at: float = 0.0
) -> Figure:
    """Show which slope autograd returns where the slope jumps.

    Parameters
    ----------
    functions
        Label to callable from tensor to tensor; the label is the code that is shown.
    at
        Where the kink is.

    Chapter 02.
    """
    rows = []
    for label, function in functions.items():
        value, slope = torch_value_and_slope(function)
        step = 1e-6
        left = float(np.diff(value(np.array([at - step, at])))[0] / step)
        right = float(np.diff(value(np.array([at, at + step])))[0] / step)
        rows.append((label, left, right, float(slope(np.array([at]))[0])))
    figure, axes = plt.subplots(figsize=(WIDTH, 0.5 * len(rows) + 1.35))
    for i, (_, left, right, chosen) in enumerate(rows):
        axes.plot([left, right], [i, i], color=MUTED, linewidth=1.6, zorder=2)
        axes.plot([left], [i], marker="<", color=MUTED, markersize=7, zorder=3)
        axes.plot([right], [i], marker=">", color=MUTED, markersize=7, zorder=3)
        axes.plot([chosen], [i], marker="D", color=COLOURS[1], markersize=8, zorder=4)
        axes.annotate(
            number(chosen),
            (chosen, i),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            color=COLOURS[1],
        )
    axes.set_yticks(range(len(rows)), [row[0] for row in rows], family="monospace")
    axes.set_ylim(len(rows) - 0.5, -0.8)
    axes.margins(x=0.12)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"slope at x = {number(at)}: ◂ from the left, ▸ from the right")
    axes.set_title("◆ what autograd returns", color=COLOURS[1])
    alt = (
        f"Dot plot of slopes at x = {number(at)}, one row a function: from the left, "
        "from the right, and what autograd returns. "
        + "; ".join(
            f"{label}: {number(left)}, {number(right)}, autograd {number(chosen)}"
            for label, left, right, chosen in rows
        )
        + "."
    )
    return finish(figure, alt)


@styled
def harms(image: torch.Tensor) -> Figure:
    """Show a digit as it is, under noise, and behind a patch.

    Parameters
    ----------
    image
        The 64 pixels of a digit, between −1 and 1.  Noise has the standard deviations
        0.5 and 0.85; the patch is 3 pixels wide, the 10 of 28 of study
        ``robust-zeros`` to scale.

    Raises ``ValueError`` if the image does not have 64 pixels.  Chapter 04.
    """
    if image.numel() != 64:
        raise ValueError(
            f"the image has {image.numel()} pixels; a digit of 8 by 8, 64, is needed"
        )
    patched = image.reshape(8, 8).clone()
    patched[2:5, 3:6] = 0.0
    row = image.reshape(1, 64)
    shown = {
        "clean": row,
        "noise 0.5": noisy(row, 0.5),
        "noise 0.85": noisy(row, 0.85),
        "patch": patched,
    }
    figure, axes = plt.subplots(1, len(shown), figsize=(WIDTH, 1.9))
    for panel, (title, pixels) in zip(axes, shown.items(), strict=True):
        panel.imshow(pixels.reshape(8, 8).numpy(), cmap="gray", vmin=-1, vmax=1)
        panel.set_title(title)
        panel.set_axis_off()
    alt = (
        "Four pictures of one handwritten digit of 8 by 8 pixels: clean; with noise of "
        "standard deviation 0.5, and of 0.85, which greys strokes and ground alike; "
        "and clean with a grey square of 3 by 3 pixels over it."
    )
    return finish(figure, alt)
