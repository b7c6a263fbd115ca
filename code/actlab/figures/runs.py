"""Figures of recorded studies: many runs, their means and their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import (
    COLOURS,
    DASHES,
    INK,
    MARKERS,
    MUTED,
    WIDTH,
    count,
    display_name,
    finish,
    label_ends,
    label_level,
    named_ticks,
    number,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd


@styled
def width_sweep(
    frame: pd.DataFrame,
    *,
    x: str = "width",
    y: str = "error",
    by: str = "activation",
    baseline: float | None = None,
    baseline_label: str = "best quadratic",
    ylim: tuple[float, float] | None = None,
    xlabel: str = "hidden units",
    ylabel: str = "squared error",
) -> Figure:
    """Draw an error against the width, both axes logarithmic.

    Lines join the medians over seeds; a dot is one run.

    Parameters
    ----------
    frame
        One row per run, with the columns ``x``, ``y`` and ``by``.
    baseline
        A level to draw across, such as the error of the best quadratic.
    ylim
        Limits of the vertical axis; without it at most four decades are shown.
    baseline_label, xlabel, ylabel
        Words for the line and the axes.

    Chapter 01.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.3))
    ends, findings = [], []
    for i, (key, group) in enumerate(frame.groupby(by, sort=False)):
        name = display_name(str(key))
        median = group.groupby(x)[y].median()
        colour = COLOURS[i % 6]
        axes.plot(group[x], group[y], linestyle="", marker=MARKERS[i % 6],
                  color=colour, markersize=3.5, alpha=0.55)  # fmt: skip
        axes.plot(median.index, median, color=colour, linestyle=DASHES[i % 6])
        ends.append((name, float(median.iloc[-1]), colour))
        findings.append(
            f"{name} goes from {number(median.iloc[0], 2)} to "
            f"{number(median.iloc[-1], 2)}"
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    widths = sorted(frame[x].unique())
    named_ticks(axes, widths, [str(int(w)) for w in widths])
    if baseline is not None:
        axes.axhline(baseline, color=INK, linewidth=1.3, linestyle=(0, (4, 3)))
    low, high = ylim or axes.get_ylim()
    axes.set_ylim(low if ylim else max(low, high / 1e4), high)
    if baseline is not None:
        text = f"{baseline_label} {number(baseline, 2)}"
        label_level(axes, text, baseline, frame[x], frame[y])
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    label_ends(axes, ends)
    alt = (
        f"Line plot of {ylabel} against {xlabel}, both axes logarithmic, from "
        f"{int(widths[0])} to {int(widths[-1])}. Median over seeds: "
        + "; ".join(findings)
        + (
            f". The level of the {baseline_label} is {number(baseline, 2)}."
            if baseline is not None
            else "."
        )
    )
    return finish(figure, alt)


def crossing(
    frame: pd.DataFrame,
    first: str,
    second: str,
    *,
    y: str = "test_accuracy",
    by: str = "activation",
) -> int | None:
    """The last epoch at which ``first`` was still ahead before ``second`` led for good.

    Parameters
    ----------
    frame
        One row per run and epoch, with the columns ``epoch``, ``y`` and ``by``.
    first, second
        Values of the column ``by``.

    Returns
    -------
    The epoch, or None where the mean curves do not cross in this sense.

    Chapter 01.
    """
    means = frame.groupby([by, "epoch"])[y].mean()
    gap = (means[second] - means[first]).dropna().sort_index()
    behind = gap.index[gap <= 0]
    if len(behind) == 0 or behind[-1] == gap.index[-1]:
        return None
    return int(behind[-1])


@styled
def training_curves(
    frame: pd.DataFrame,
    *,
    y: str = "test_accuracy",
    by: str = "activation",
    panels: str = "regime",
    titles: Mapping[str, str] | None = None,
    ylabel: str | None = None,
    mark: int | None = None,
    mark_label: str = "",
    ylim: tuple[float, float] | None = None,
    level: float = 0.95,
) -> Figure:
    """Draw a recorded study over epochs: means over seeds with their intervals.

    Where two curves of a panel cross for good, the place is marked, if they say how
    good the networks are (``y`` begins with "test").

    Parameters
    ----------
    frame
        Tidy, one row per run and epoch, with the columns ``epoch``, ``seed``, ``y``,
        ``by`` and, if there are several panels, ``panels``.
    titles
        Title of each panel by the value of ``panels``.
    ylabel
        Words for the vertical axis.
    mark, mark_label
        An epoch to mark in every panel, and what to write there.
    ylim
        Limits of the vertical axes. Without it, all panels share one scale, and
        accuracies start 20 points below the best, where curves can be told apart.
    level
        Of the interval over seeds (Student t).

    Chapter 01.
    """
    keys = list(dict.fromkeys(frame[panels])) if panels in frame else [None]
    ylabel = ylabel or {"test_accuracy": "test accuracy, %"}.get(y, y.replace("_", " "))
    names = list(dict.fromkeys(frame[by]))
    figure, grid = plt.subplots(
        len(keys),
        1,
        figsize=(WIDTH, 2.55 * len(keys) + 0.3),
        sharey=True,
        squeeze=False,
    )
    if ylim is None and y == "test_accuracy":
        best = float(frame.groupby([by, "epoch"])[y].mean().max())
        ylim = (best - 20, best + 1.5)
    if ylim is not None:
        grid[0, 0].set_ylim(*ylim)
    findings = []
    for axes, key in zip(grid[:, 0], keys, strict=True):
        part = frame if key is None else frame[frame[panels] == key]
        title = (titles or {}).get(key, str(key).replace("_", " ")) if key else ""
        findings.append(_draw_curves(axes, part, names, y, by, level, title))
        axes.set_ylabel(ylabel)
        if mark is not None and mark <= part["epoch"].max():
            late = mark > 0.7 * part["epoch"].max()
            _mark_epoch(axes, mark, mark_label or f"epoch {mark}", late)
    grid[-1, 0].set_xlabel("epoch")
    seeds = frame["seed"].nunique()
    alt = (
        f"Line plot{'s' if len(keys) > 1 else ''} of {ylabel} against epoch, mean and "
        f"{level:.0%} interval over {count(seeds, 'seed')}. "
    ).replace("95%", "95 %") + " ".join(findings)
    return finish(figure, alt)


def _mark_epoch(axes: Axes, epoch: int, text: str, late: bool) -> None:
    """A line at an epoch; late ones have their text on the left."""
    axes.axvline(epoch, color=MUTED, linewidth=1, linestyle=DASHES[1])
    axes.annotate(
        text,
        (epoch, 0.04),
        xycoords=axes.get_xaxis_transform(),
        xytext=(-4 if late else 4, 0),
        textcoords="offset points",
        ha="right" if late else "left",
        color=MUTED,
    )


def _draw_curves(
    axes: Axes,
    part: pd.DataFrame,
    names: Sequence[str],
    y: str,
    by: str,
    level: float,
    title: str,
) -> str:
    """One panel of training curves; returns its finding in words."""
    from scipy import stats

    ends, texts = [], []
    present = [name for name in names if (part[by] == name).any()]
    for name in present:
        i = names.index(name)
        runs = part[part[by] == name].pivot_table(
            index="epoch", columns="seed", values=y
        )
        mean = runs.mean(axis=1)
        axes.plot(runs.index, mean, color=COLOURS[i % 6], linestyle=DASHES[i % 6])
        n = runs.shape[1]
        if n > 1:
            half = stats.t.ppf((1 + level) / 2, n - 1) * runs.std(axis=1) / math.sqrt(n)
            axes.fill_between(
                runs.index, mean - half, mean + half,
                color=COLOURS[i % 6], alpha=0.22, linewidth=0,
            )  # fmt: skip
        label = display_name(str(name))
        ends.append((label, float(mean.iloc[-1]), COLOURS[i % 6]))
        texts.append(f"{label} ends at {mean.iloc[-1]:.1f}")
    axes.set_title(title)
    axes.margins(x=0.01)
    finding = (f"{title}: " if title else "") + ", ".join(texts)
    if len(present) == 2 and y.startswith("test"):
        for first, second in (present, present[::-1]):
            epoch = crossing(part, first, second, y=y, by=by)
            if epoch is None:
                continue
            height = part[part["epoch"] == epoch][y].mean()
            late = epoch > 0.7 * part["epoch"].max()
            _mark_crossing(axes, epoch, height, late)
            finding += f"; the curves cross between epochs {epoch} and {epoch + 1}"
    label_ends(axes, ends)
    return finding + "."


def _mark_crossing(axes: Axes, epoch: int, height: float, late: bool) -> None:
    """A ring where two curves cross, half an epoch after ``epoch``."""
    axes.plot(
        [epoch + 0.5], [height], marker="o", markersize=9,
        markerfacecolor="none", markeredgecolor=INK,
    )  # fmt: skip
    axes.annotate(
        f"cross after\nepoch {epoch}",
        (epoch + 0.5, height),
        xytext=(0, -13),
        textcoords="offset points",
        va="top",
        ha="right" if late else "left",
    )


@styled
def accuracy_grid(
    frame: pd.DataFrame,
    *,
    by: str = "init",
    markers: str = "regime",
    labels: Mapping[str, str] | None = None,
    chance: float | None = 10.0,
    level: float = 0.95,
) -> Figure:
    """Draw final accuracies of a grid of conditions as dots with their intervals.

    Parameters
    ----------
    frame
        One row per run, with ``test_accuracy`` and the columns ``by`` (one row of the
        figure each) and ``markers`` (one marker each).
    labels
        Words for the values of both columns.
    chance
        Accuracy of guessing, drawn as a line; None for no line.
    level
        Of the interval over seeds (Student t).

    Chapter 03.
    """
    from ..statistics import interval

    labels = dict(labels or {})
    rows, kinds = (list(dict.fromkeys(frame[c])) for c in (by, markers))
    figure, axes = plt.subplots(figsize=(WIDTH, 0.62 * len(rows) + 1.5))
    findings = []
    for i, kind in enumerate(kinds):
        texts: list[str] = []
        for j, row in enumerate(rows):
            runs = frame[(frame[by] == row) & (frame[markers] == kind)]["test_accuracy"]
            if runs.empty:
                continue
            found = interval(runs, level)
            height = j + 0.22 * (i - (len(kinds) - 1) / 2)
            half = 0.0 if found.n == 1 else found.half_width
            axes.errorbar(
                found.mean, height, xerr=half, color=COLOURS[i % 6],
                marker=MARKERS[i % 6], markersize=6, capsize=3, linestyle="",
                label=labels.get(kind, kind) if not texts else None,
            )  # fmt: skip
            texts.append(f"{labels.get(row, row)} {found}")
        findings.append(f"{labels.get(kind, kind)}: " + ", ".join(texts))
    if chance is not None:
        axes.axvline(chance, color=MUTED, linewidth=1, linestyle=DASHES[1])
        axes.annotate(
            "guessing",
            (chance, -0.48),
            xytext=(4, 0),
            textcoords="offset points",
            color=MUTED,
            va="top",
        )
    axes.set_yticks(range(len(rows)), [labels.get(row, row) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.55)
    axes.set_xlim(0, 100)
    axes.set_xlabel("test accuracy, %")
    figure.legend(loc="outside upper center", ncols=len(kinds), columnspacing=1.2)
    alt = (
        f"Dots with {level:.0%} intervals over seeds: test accuracy in per cent, one "
        f"row per {by}. "
    ).replace("95%", "95 %") + "; ".join(findings)
    return finish(figure, alt + ".")
