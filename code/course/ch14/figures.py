"""Figures of chapter 14: what the health panel says of a ward, and what cures it."""

from __future__ import annotations

import math
from collections.abc import Mapping
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

__all__ = ["health_board", "treatment_board"]

# A status is a mark first; the shade repeats it.
LOOK: dict[str, tuple[str, ColorType, ColorType]] = {
    "ok": ("·", MUTED, PAPER),
    "watch": ("!", INK, tint(COLOURS[4], 0.25)),
    "trouble": ("×", PAPER, COLOURS[1]),
    "not measured": ("", MUTED, PAPER),
}


@styled
def health_board(panels: Mapping[str, HealthReport]) -> Figure:
    """Draw the signs of several health panels: a row per sign, a column per network.

    A cross is trouble, an exclamation mark is worth watching, a dot is fine.

    Parameters
    ----------
    panels
        From a short name, such as a letter, to what ``probes.checkup`` returned.

    Chapter 14.
    """
    signs = list(
        dict.fromkeys(sign.name for panel in panels.values() for sign in panel.signs)
    )
    figure, axes = _board(signs, list(panels))
    found: dict[str, dict[str, list[str]]] = {"trouble": {}, "watch": {}}
    for column, (name, panel) in enumerate(panels.items()):
        for sign in panel.signs:
            mark, ink, paper = LOOK[sign.status]
            _cell(axes, signs.index(sign.name), column, mark, ink, paper)
            if sign.status in found:
                found[sign.status].setdefault(name, []).append(sign.name)
    axes.set_xlabel("× trouble    ! watch    · fine", color=INK)
    texts = []
    for name in panels:
        trouble, watch = (found[status].get(name, []) for status in found)
        parts = [join(trouble)] if trouble else []
        parts += [f"{len(watch)} to watch"] if watch else []
        texts.append(f"{name} {', '.join(parts) or 'none'}")
    alt = f"Board of {len(signs)} signs for {len(panels)} networks. Trouble: "
    return finish(figure, alt + "; ".join(texts) + ".")


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
