"""Figures of chapter 15: a registered test, and a search beside its second look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from actlab.figures.style import (
    COLOURS,
    DASHES,
    INK,
    MARKERS,
    MUTED,
    WIDTH,
    display_name,
    finish,
    label_right,
    name_rows,
    named_ticks,
    number,
    styled,
    tint,
)

if TYPE_CHECKING:
    from actlab.design import Comparison

__all__ = ["best_of_many", "registered_differences", "search_and_second_look"]

# Verdict: place of its colour and marker.
_LOOK = {"better": 2, "worse": 1, "equivalent": 0, "not shown": 5}


@styled
def registered_differences(comparison: Comparison) -> Figure:
    """Draw candidate − rival with intervals, the margin, and what was predicted.

    Parameters
    ----------
    comparison
        Of a registered test, as `design.run` returns it.

    Chapter 15.
    """
    rows = comparison.table.to_dict("records")
    name, margin = comparison.plan.candidate, comparison.plan.margin
    figure, axes = plt.subplots(figsize=(WIDTH, 0.55 * len(rows) + 1.25))
    axes.axvspan(-margin, margin, color=tint(COLOURS[0], 0.12), linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=1.2, linestyle=DASHES[1])
    findings = []
    for y, row in enumerate(rows):
        look = _LOOK[row["verdict"]]
        axes.plot([row["low"], row["high"]], [y, y], color=COLOURS[look])
        axes.plot(row["difference"], y, marker=MARKERS[look], markersize=7,
                  color=COLOURS[look])  # fmt: skip
        outcome = f"{row['verdict']}\n(predicted: {row['predicted']})"
        label_right(axes, outcome, y, 6, fontsize=9)
        findings.append(
            f"{display_name(row['rival'])} {number(row['difference'], 2)} "
            f"({number(row['low'], 2)} to {number(row['high'], 2)}), "
            f"{row['verdict']}, predicted {row['predicted']}"
        )
    reach = max(margin, *(abs(row[end]) for row in rows for end in ("low", "high")))
    axes.set_xlim(-1.15 * reach, 1.15 * reach)
    name_rows(axes, [display_name(row["rival"]) for row in rows])
    axes.set_xlabel(f"{name} − rival, points of test accuracy")
    alt = (
        f"Dot plot with intervals: {name} minus each rival in points of test accuracy, "
        f"band of ±{margin:g}. " + "; ".join(findings) + "."
    )
    return finish(figure, alt)


@styled
def search_and_second_look(
    frame: pd.DataFrame, *, level: float | None = None, level_name: str = "ReLU"
) -> Figure:
    """Draw what a search scored beside the mean of fresh seeds, one row per formula.

    Parameters
    ----------
    frame
        Columns ``formula``, ``score`` and ``fresh`` (a list of accuracies in %), the
        best score first.
    level
        An accuracy drawn as a line, named ``level_name``.

    Chapter 15.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 0.36 * len(frame) + 1.3))
    falls = []
    for y, (score, fresh) in enumerate(
        zip(frame["score"], frame["fresh"], strict=True)
    ):
        mean = float(np.mean(fresh))
        axes.plot([mean, score], [y, y], color=MUTED, linewidth=1.2)
        axes.plot(fresh, [y] * len(fresh), linestyle="", marker="|",
                  color=COLOURS[0], alpha=0.6, markersize=7)  # fmt: skip
        axes.plot(mean, y, marker=MARKERS[0], color=COLOURS[0], markersize=6.5)
        axes.plot(score, y, marker=MARKERS[1], color=COLOURS[1], markersize=7)
        falls.append(score - mean)
    if level is not None:
        axes.axvline(level, color=INK, linewidth=1.2, linestyle=DASHES[1])
        axes.annotate(level_name, (level, 1.0), xycoords=axes.get_xaxis_transform(),
                      xytext=(0, 2), textcoords="offset points", ha="center",
                      va="bottom", fontsize=9)  # fmt: skip
    name_rows(axes, list(frame["formula"]), fontsize=9)
    axes.set_xlabel("accuracy on held-out images, %")
    handles = [
        Line2D([], [], marker=MARKERS[1], color=COLOURS[1], linestyle="",
               label="in the search"),
        Line2D([], [], marker=MARKERS[0], color=COLOURS[0], linestyle="",
               label="fresh seeds, mean"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    fell = sum(fall > 0 for fall in falls)
    first = frame.iloc[0]
    alt = (
        "Dot plot: accuracy in the search and the mean over fresh seeds, for the "
        f"{len(frame)} best formulas. {fell} of {len(frame)} fall, by "
        f"{np.mean(falls):.1f} points on average. The winner, {first.formula}, scored "
        f"{first.score:.1f} and has {np.mean(first.fresh):.1f}."
    )
    if level is not None:
        alt += f" {level_name} has {level:.1f}."
    return finish(figure, alt)


@styled
def best_of_many(values: Sequence[float], *, name: str = "ReLU") -> Figure:
    """Draw the best of n runs that differ only in their seed, and σ times theory.

    Parameters
    ----------
    values
        Accuracies in % of runs of one function, one per seed; five or more.
    name
        Of the function.

    The measured line is the mean of the largest over all choices of n of the runs; the
    other the mean plus the standard deviation times the expected maximum of n normal
    numbers.  Chapter 15.
    """
    from actlab.design import expected_maximum

    found = np.sort(np.asarray(values, dtype=float))
    if len(found) < 5:
        raise ValueError(f"values has {len(found)} runs; give five or more")
    sizes = np.arange(1, len(found) + 1)
    best = np.array([_mean_of_largest(found, int(n)) for n in sizes])
    mean, std = found.mean(), found.std(ddof=1)
    theory = np.array([mean + std * expected_maximum(int(n)) for n in sizes])
    figure, axes = plt.subplots(figsize=(WIDTH, 3.2))
    axes.plot(np.ones(len(found)), found, linestyle="", marker="_", color=MUTED,
              markersize=9, alpha=0.6)  # fmt: skip
    axes.plot(sizes, best, color=COLOURS[0], label="best of n, measured")
    axes.plot(sizes, theory, color=COLOURS[1], linestyle=DASHES[1],
              label="mean + std × expected maximum")  # fmt: skip
    axes.axhline(mean, color=INK, linewidth=1.0, linestyle=DASHES[2])
    axes.annotate(f"mean of {name}", (1.0, mean), xycoords=axes.get_yaxis_transform(),
                  xytext=(0, -4), textcoords="offset points", ha="right", va="top",
                  fontsize=9)  # fmt: skip
    axes.set_xscale("log")
    ticks = [n for n in (1, 2, 5, 10, 20, 50, 100) if n <= len(found)]
    named_ticks(axes, ticks, [str(n) for n in ticks])
    axes.set_xlabel("names under which it was tried, on a logarithmic scale")
    axes.set_ylabel("accuracy of the best, %")
    figure.legend(loc="outside upper left", ncols=1)
    alt = (
        f"Line plot: accuracy of the best of n {name} networks that differ only in "
        f"their seed, against n from 1 to {len(found)}. It rises from {mean:.1f} to "
        f"{best[-1]:.1f}; mean plus standard deviation times the expected maximum "
        f"gives {theory[-1]:.1f}."
    )
    return finish(figure, alt)


def _mean_of_largest(ordered: np.ndarray, n: int) -> float:
    """Return the mean of the largest of n of the numbers, over all choices of n."""
    # The largest is number k (from 1) in C(k − 1, n − 1) of the choices.
    weights = np.zeros(len(ordered))
    weights[-1] = 1.0
    for k in range(len(ordered) - 1, n - 1, -1):
        weights[k - 1] = weights[k] * (k - n + 1) / k
    return float(weights @ ordered / weights.sum())
