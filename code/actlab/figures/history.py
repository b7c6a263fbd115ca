"""The figure of a history."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from .style import (
    COLOURS,
    MUTED,
    WIDTH,
    finish,
    styled,
)

__all__ = [
    "timeline",
]


@styled
def timeline(events: Sequence[tuple[int, str]]) -> Figure:
    """Draw a history downwards: the years, what happened, and how long it took.

    Parameters
    ----------
    events
        Pairs of year and a short text. The number between two dots is the years that
        passed.

    Chapter 01.
    """
    if len(events) < 2:
        raise ValueError(f"a timeline needs two events or more, got {len(events)}")
    ordered = sorted(events, key=lambda event: event[0])
    texts = [textwrap.fill(text, 36) for _, text in ordered]
    heights = [0.19 * (text.count("\n") + 1) + 0.17 for text in texts]
    total = sum(heights) + 0.16
    figure = plt.figure(figsize=(WIDTH, total), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(total, 0)
    axes.set_axis_off()
    first, last = ordered[0][0], ordered[-1][0]
    edges = 0.08 + np.concatenate([[0], np.cumsum(heights)])
    middles = (edges[:-1] + edges[1:]) / 2
    axes.plot([0.62] * len(middles), middles, color=MUTED, linewidth=1.8)
    for (year, _), text, y in zip(ordered, texts, middles, strict=True):
        axes.plot([0.62], [y], marker="o", markersize=7, color=COLOURS[0])
        axes.text(0.8, y, str(year), va="center", color=COLOURS[0], weight="bold")
        axes.text(1.3, y, text, va="center", linespacing=1.15)
    pauses = zip(ordered, ordered[1:], middles, middles[1:], strict=False)
    for (before, _), (after, _), above, below in pauses:
        if after > before:
            axes.text(
                0.5,
                (above + below) / 2,
                f"+{after - before}",
                ha="right",
                va="center",
                color=MUTED,
                fontsize=9.5,
            )
    spans = [(b[0] - a[0], a[0], b[0]) for a, b in zip(ordered, ordered[1:])]
    longest = max(spans)
    alt = (
        f"Timeline of {len(ordered)} events from {first} to {last}, with the years "
        "between them. "
        f"The longest gap is from {longest[1]} to {longest[2]}. "
        f"First: {ordered[0][1]}. Last: {ordered[-1][1]}."
    )
    return finish(figure, alt)
