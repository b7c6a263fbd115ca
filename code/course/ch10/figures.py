"""Figures of dead units: life histories, counts by layer, what death goes with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from actlab.figures.style import (
    COLOURS,
    DASHES,
    INK,
    MARKERS,
    MUTED,
    WIDTH,
    finish,
    join,
    label_ends,
    label_level,
    legend_above,
    name_rows,
    number,
    styled,
    tint,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "bias_and_signal",
    "dead_by_layer",
    "death_and_accuracy",
    "killed_by_change",
    "life_history",
    "unit_lives",
    "zeroing_curves",
]


@styled
def life_history(frame: pd.DataFrame) -> Figure:
    """Draw the life of each unit as a row: dark while it is dead.

    One panel per layer; the units stand in the order in which they died first, the
    born dead at the bottom.  Steps (plus one) are on a logarithmic axis, since most
    happens early.

    Parameters
    ----------
    frame
        Tidy, one row per observation: ``step`` (from 0), ``layer``, ``unit``, ``dead``
        (true or false).

    Chapter 10.
    """
    layers = sorted(frame["layer"].unique())
    figure, grid = plt.subplots(
        len(layers),
        1,
        sharex=True,
        squeeze=False,
        figsize=(WIDTH, 1.15 * len(layers) + 1.0),
    )
    colours = ListedColormap([tint(COLOURS[0], 0.14), to_rgb(INK)])
    findings = []
    for axes, layer in zip(grid[:, 0], layers, strict=True):
        table = frame[frame["layer"] == layer].pivot(
            index="unit", columns="step", values="dead"
        )
        dead = table.to_numpy().astype(bool)
        first = np.where(dead.any(1), dead.argmax(1), dead.shape[1])
        order = np.lexsort((-dead.sum(1), first))
        steps = table.columns.to_numpy().astype(float) + 1
        last = steps[-1] + max(1.0, steps[-1] - steps[-2]) if len(steps) > 1 else 2.0
        edges = np.append(steps, last)
        axes.pcolormesh(
            edges, np.arange(len(dead) + 1), dead[order], cmap=colours, vmin=0, vmax=1,
            rasterized=True,
        )  # fmt: skip
        axes.set_xscale("log")
        axes.set_ylabel(f"layer {layer}")
        axes.set_yticks([0, len(dead)])
        axes.grid(False)
        change = np.diff(dead.astype(int), axis=1)
        findings.append(
            f"layer {layer} of {len(dead)}: {dead[:, 0].sum()} born dead, "
            f"{(change > 0).sum()} deaths, {(change < 0).sum()} revivals, "
            f"{dead[:, -1].sum()} dead at the end"
        )
    marks = [m for m in (0, 1, 3, 10, 30, 100, 300, 1000, 3000) if m + 1 < last]
    grid[-1, 0].set_xticks([m + 1 for m in marks], [str(m) for m in marks])
    grid[-1, 0].minorticks_off()
    grid[-1, 0].set_xlim(1, last)
    grid[-1, 0].set_xlabel("step, on a logarithmic scale")
    handles = [
        Patch(facecolor=colours(0), edgecolor=MUTED, label="fires for some example"),
        Patch(facecolor=colours(1), label="dead"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    alt = "Life histories, one row per unit over training steps, dark while dead. "
    return finish(figure, alt + "; ".join(findings) + ".")


@styled
def unit_lives(
    highest: Mapping[str, np.ndarray], *, ylabel: str | None = None
) -> Figure:
    """Draw the highest pre-activation of some units over training steps.

    Below 0 a ReLU unit is dead.

    Parameters
    ----------
    highest
        From a name to an array with one value per step, from step 0.

    Chapter 10.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0))
    findings, ends = [], []
    for i, (name, values) in enumerate(highest.items()):
        values = np.asarray(values, dtype=float)
        axes.plot(values, color=COLOURS[i % 6], linestyle=DASHES[i % 6])
        ends.append((name, float(values[-1]), COLOURS[i % 6]))
        below = values <= 0
        moves = np.flatnonzero(np.diff(below.astype(int)))
        words = [f"{'dies' if below[m + 1] else 'revives'} at step {m + 1}"
                 for m in moves]  # fmt: skip
        born = "starts dead" if below[0] else "starts alive"
        if len(words) > 4:  # long alternating lives: how they begin, and how they end
            words[4:] = ["ends dead" if below[-1] else "ends alive"]
        findings.append(f"{name} {join([born, *words])}")
    low, high = axes.get_ylim()
    axes.axhspan(low, 0, color=INK, alpha=0.10, linewidth=0)
    axes.axhline(0, color=INK, linewidth=1.3)
    axes.set_ylim(low, high)
    axes.annotate("dead below this line", (0.99, 0.0),
                  xycoords=axes.get_yaxis_transform(), xytext=(0, -4),
                  textcoords="offset points", va="top", ha="right",
                  color=MUTED)  # fmt: skip
    axes.margins(x=0.01)
    axes.set_xlabel("step")
    axes.set_ylabel(ylabel or "highest pre-activation")
    label_ends(axes, ends)
    alt = "Line plot of a unit's highest pre-activation over the data against the step."
    return finish(figure, f"{alt} {'; '.join(findings)}.")


@styled
def dead_by_layer(
    frame: pd.DataFrame,
    *,
    by: str = "init",
    labels: Mapping[str, str] | None = None,
    ylabel: str = "dead units, %",
) -> Figure:
    """Draw the share of dead units of each hidden layer, one line per value of ``by``.

    Lines join the means over runs; a small mark is one run.

    Parameters
    ----------
    frame
        One row per run and layer: ``layer``, ``share`` (in %) and the column ``by``.
    labels
        Words for the values of ``by``.

    Chapter 10.
    """
    labels = dict(labels or {})
    figure, axes = plt.subplots(figsize=(WIDTH, 3.3))
    findings = []
    for i, (key, group) in enumerate(frame.groupby(by, sort=False)):
        name = labels.get(str(key), str(key))
        means = group.groupby("layer")["share"].mean()
        colour = COLOURS[i % 6]
        axes.plot(group["layer"], group["share"], linestyle="", marker=MARKERS[i % 6],
                  color=colour, markersize=3.5, alpha=0.5)  # fmt: skip
        axes.plot(means.index, means, color=colour, linestyle=DASHES[i % 6],
                  marker=MARKERS[i % 6], markersize=6, label=name)  # fmt: skip
        findings.append(
            f"{name} goes from {number(means.iloc[0], 2)} % to "
            f"{number(means.iloc[-1], 2)} %, largest {number(means.max(), 2)} %"
        )
    layers = sorted(frame["layer"].unique())
    axes.set_xticks(layers)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_xlabel("hidden layer")
    axes.set_ylabel(ylabel)
    legend_above(axes, columns=2)
    alt = (
        f"Line plot of {ylabel} against the hidden layer, {layers[0]} to {layers[-1]}. "
        "Means: " + "; ".join(findings) + "."
    )
    return finish(figure, alt)


@styled
def killed_by_change(
    frame: pd.DataFrame, *, few: float = 25.0, many: float = 50.0
) -> Figure:
    """Draw who is killed under each change, in per cent of those beside them.

    One panel per part of the network, one row per change, one mark with its interval
    per network.

    Parameters
    ----------
    frame
        One row per mark: ``network``, ``part``, ``change``, ``share`` and
        ``half_width``, both in %.
    few, many
        Dotted lines: what counts as few, and as many, in %.

    Chapter 10.
    """
    parts, changes, networks = (
        [str(value) for value in dict.fromkeys(frame[name])]
        for name in ("part", "change", "network")
    )
    figure, grid = plt.subplots(
        1, len(parts), sharex=True, sharey=True, squeeze=False, figsize=(WIDTH, 4.2)
    )
    for axes, part in zip(grid[0], parts, strict=True):
        for level in (few, many):
            axes.axvline(level, color=MUTED, linewidth=1, linestyle=":")
        for i, network in enumerate(networks):
            found = frame[(frame["part"] == part) & (frame["network"] == network)]
            offset = 0.26 * (i - (len(networks) - 1) / 2)
            axes.errorbar(found["share"], [changes.index(c) + offset
                                           for c in found["change"]],
                          xerr=found["half_width"], linestyle="", marker=MARKERS[i],
                          color=COLOURS[i], markersize=4.5, label=network)  # fmt: skip
        name_rows(axes, changes)
        axes.set_xlabel("killed, %")
        axes.set_xlim(left=-6)
        axes.set_title(part, loc="left")
        axes.set_xticks(range(0, int(axes.get_xlim()[1]) + 1, 50))
    marks, names = grid[0, -1].get_legend_handles_labels()
    figure.legend(marks, names, loc="outside upper center", ncols=len(names),
                  columnspacing=1.2, handletextpad=0.4)  # fmt: skip
    spoken = []
    for part in parts:
        rows = frame[frame["part"] == part].groupby("change", sort=False)["share"]
        said = (f"{name} " + ", ".join(f"{v:.0f}" for v in row) for name, row in rows)
        spoken.append(f"{part}: " + "; ".join(said))
    alt = (
        f"Dot plot of the killed, % of those beside them, for {join(networks)}. "
        + ". ".join(spoken)
        + "."
    )
    return finish(figure, alt)


@styled
def death_and_accuracy(
    frame: pd.DataFrame,
    *,
    by: str = "regime",
    labels: Mapping[str, str] | None = None,
) -> Figure:
    """Draw test accuracy against the share of dead units, one mark per run.

    Parameters
    ----------
    frame
        One row per run: ``share`` (dead units in % of all hidden units),
        ``test_accuracy`` and the column ``by``.
    labels
        Words for the values of ``by``.

    Chapter 10.
    """
    labels = dict(labels or {})
    figure, axes = plt.subplots(figsize=(WIDTH, 3.3))
    findings = []
    for i, (key, group) in enumerate(frame.groupby(by, sort=False)):
        name = labels.get(str(key), str(key))
        axes.plot(group["share"], group["test_accuracy"], linestyle="",
                  marker=MARKERS[i % 6], color=COLOURS[i % 6], markersize=6,
                  alpha=0.85, label=name)  # fmt: skip
        low, high = group["share"].min(), group["share"].max()
        findings.append(
            f"{name}: {number(low, 2)} to {number(high, 2)} % dead at "
            f"{group['test_accuracy'].mean():.1f} %"
        )
    axes.set_xlabel("dead units, % of all hidden units")
    axes.set_ylabel("test accuracy, %")
    legend_above(axes, columns=2)
    alt = (
        "Scatter plot of test accuracy against the share of dead units, one mark per "
        "run. " + "; ".join(findings) + "."
    )
    return finish(figure, alt)


@styled
def bias_and_signal(frame: pd.DataFrame, *, logarithmic: bool = True) -> Figure:
    """Draw, layer by layer, how large the biases are beside what differs by example.

    Parameters
    ----------
    frame
        One row per hidden layer, indexed by it: ``spread`` (of a pre-activation from
        example to example), ``bias`` (root mean square) and ``dead`` (in %).

    Chapter 10.
    """
    figure, (upper, lower) = plt.subplots(
        2, 1, sharex=True, figsize=(WIDTH, 4.4), height_ratios=(3, 2)
    )
    ends = []
    for i, (column, name) in enumerate((("spread", "spread"), ("bias", "bias"))):
        upper.plot(frame.index, frame[column], color=COLOURS[i], linestyle=DASHES[i],
                   marker=MARKERS[i], markersize=5)  # fmt: skip
        ends.append((name, float(frame[column].iloc[-1]), COLOURS[i]))
    if logarithmic:
        upper.set_yscale("log")
        upper.minorticks_off()
    upper.set_ylabel("size")
    upper.margins(x=0.03)
    label_ends(upper, ends)
    lower.bar(frame.index, frame["dead"], width=0.6, color=COLOURS[5])
    lower.set_ylabel("dead units, %")
    lower.set_xlabel("hidden layer")
    lower.set_xticks(list(frame.index))
    change = {
        name: f"from {number(values.iloc[0], 2)} to {number(values.iloc[-1], 2)}"
        for name, values in frame.items()
    }
    alt = (
        "Two panels over the hidden layers. Above, lines: the spread of a "
        f"pre-activation from example to example goes {change['spread']}, the size of "
        f"the biases {change['bias']}. Below, bars: dead units go {change['dead']} %."
    )
    return finish(figure, alt)


@styled
def zeroing_curves(
    frame: pd.DataFrame,
    *,
    by: str = "network",
    natural: Mapping[str, float] | None = None,
    chance: float | None = 10.0,
) -> Figure:
    """Draw test accuracy against the share of hidden outputs that were set to 0.

    Parameters
    ----------
    frame
        One row per run and threshold: ``zeros`` (in %), ``test_accuracy``, ``by``.
    natural
        From a value of ``by`` to the share of zeros that it has by itself, marked.
    chance
        Accuracy of guessing, drawn as a line; None for no line.

    Chapter 10.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.2))
    ends, findings = [], []
    for i, (key, group) in enumerate(frame.groupby(by, sort=False)):
        name = str(key)
        middle = group.groupby("target")[["zeros", "test_accuracy"]].mean()
        axes.plot(middle["zeros"], middle["test_accuracy"], color=COLOURS[i % 6],
                  linestyle=DASHES[i % 6], marker=MARKERS[i % 6], markersize=4.5,
                  label=name)  # fmt: skip
        ends.append(name)
        best = middle["test_accuracy"].max()
        kept = middle[middle["test_accuracy"] > best - 1]["zeros"].max()
        findings.append(f"{name} stays within a point of its best to {kept:.0f} %")
        if natural and name in natural:
            axes.axvline(natural[name], color=COLOURS[i % 6], linewidth=1.2)
            axes.annotate(f"{name}'s own zeros", (natural[name], 0.3),
                          xycoords=axes.get_xaxis_transform(), xytext=(-4, 0),
                          textcoords="offset points", ha="right",
                          color=COLOURS[i % 6])  # fmt: skip
            findings[-1] += f" and has {natural[name]:.0f} % by itself"
    axes.set_xlim(-2, 100)
    axes.set_ylim(0, 101)
    if chance is not None:
        axes.axhline(chance, color=MUTED, linewidth=1, linestyle=DASHES[1])
        label_level(axes, "guessing", chance, frame["zeros"], frame["test_accuracy"])
    axes.set_xlabel("hidden outputs that are 0, %")
    axes.set_ylabel("test accuracy, %")
    legend_above(axes, columns=len(ends))
    alt = (
        "Line plot of test accuracy against the share of hidden outputs set to 0: "
        + "; ".join(findings)
        + "."
    )
    return finish(figure, alt)
