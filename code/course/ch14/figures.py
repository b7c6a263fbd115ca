"""Figures of chapter 14: what the health panel says of a ward, and what cures it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from actlab.figures.style import (
    COLOURS,
    INK,
    MUTED,
    PAPER,
    WIDTH,
    finish,
    join,
    styled,
    tint,
    without_frame,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.typing import ColorType

    from actlab.probes import HealthReport

__all__ = ["alarm_board", "treatment_board"]

# Dark where most marks are crosses, tinted where most are exclamation marks.
NONE: tuple[ColorType, ColorType] = (MUTED, PAPER)
WATCH: tuple[ColorType, ColorType] = (INK, tint(COLOURS[4], 0.25))
TROUBLE: tuple[ColorType, ColorType] = (PAPER, COLOURS[1])


@styled
def alarm_board(panels: Mapping[str, Sequence[HealthReport]]) -> Figure:
    """Draw how often each sign is marked: a row per sign, a column per network.

    A number counts the panels with a mark, a dot is none.  The field is dark where half
    of the marks or more are crosses (trouble), tinted where most say "watch".

    Parameters
    ----------
    panels
        From a short name, such as a letter, to what ``probes.checkup`` returned, once
        for each time that the network was drawn.

    Chapter 14.
    """
    first = next(iter(panels.values()))
    signs = [sign.name for sign in first[0].signs]
    figure, axes = _board(signs, list(panels))
    every = dict.fromkeys(panels, 0)
    healthy: list[str] = []
    for column, (name, drawn) in enumerate(panels.items()):
        for row, sign in enumerate(signs):
            found = [panel[sign].status for panel in drawn]
            crosses = found.count("trouble")
            marks = crosses + found.count("watch")
            look = NONE if not marks else TROUBLE if 2 * crosses >= marks else WATCH
            _cell(axes, row, column, str(marks or "·"), *look)
            every[name] += marks == len(drawn)
            if marks and not column:
                healthy.append(f"{sign} {marks}")
    axes.set_xlabel(f"marked in so many of {len(first)}; dark: mostly ×", color=INK)
    counts = ", ".join(f"{name} {count}" for name, count in every.items())
    alt = (
        f"Board of {len(signs)} signs for {len(panels)} networks, each drawn "
        f"{len(first)} times: how often a sign is marked. {next(iter(panels))}: "
        f"{join(healthy) or 'never'}. Signs marked in every draw: {counts}."
    )
    return finish(figure, alt)


@styled
def treatment_board(
    table: pd.DataFrame, *, cured: float = 90.0, unit: str = "test accuracy, %"
) -> Figure:
    """Draw a table of accuracies: a row per network, a column per treatment.

    Numbers of at least ``cured`` stand on a dark field; nan is a run that broke down.

    Parameters
    ----------
    table
        Accuracies in per cent; the index names the networks, the columns treatments.
    unit
        Words below the table.

    Chapter 14.
    """
    rows, columns = [str(r) for r in table.index], [str(c) for c in table.columns]
    numbers = table.to_numpy(dtype=float)
    figure, axes = _board(rows, [c.replace(" ", "\n") for c in columns])
    for i in range(len(rows)):
        for j in range(len(columns)):
            value = numbers[i, j]
            high = value >= cured
            text = "nan" if math.isnan(value) else f"{value:.0f}"
            paper = COLOURS[0] if high else PAPER
            _cell(axes, i, j, text, PAPER if high else INK, paper)
    axes.set_xlabel(f"{unit}; dark: {cured:.0f} or more; nan: broke down", color=INK)
    counts = [
        f"{name} {int((table.iloc[:, j] >= cured).sum())} of {len(rows)}"
        for j, name in enumerate(columns)
    ]
    alt = (
        f"Table of test accuracies of {len(rows)} networks under {len(columns)} "
        f"treatments. {cured:.0f} % or more are reached by: {'; '.join(counts)}."
    )
    return finish(figure, alt)


def _board(rows: list[str], columns: list[str]) -> tuple[Figure, Axes]:
    lines = 1 + max(name.count("\n") for name in columns)
    size = (WIDTH, 0.27 * len(rows) + 0.55 + 0.17 * lines)
    figure, axes = plt.subplots(figsize=size)
    axes.set_xlim(0, len(columns))
    axes.set_ylim(len(rows), 0)
    axes.set_xticks([c + 0.5 for c in range(len(columns))], columns)
    axes.set_yticks([r + 0.5 for r in range(len(rows))], rows)
    axes.xaxis.tick_top()
    without_frame(axes)
    return figure, axes


def _cell(
    axes: Axes, row: int, column: int, text: str, ink: ColorType, paper: ColorType
) -> None:
    axes.add_patch(
        Rectangle(
            (column + 0.03, row + 0.05), 0.94, 0.9, facecolor=paper, edgecolor="none"
        )
    )
    axes.text(
        column + 0.5, row + 0.52, text, ha="center", va="center", color=ink, fontsize=10
    )
