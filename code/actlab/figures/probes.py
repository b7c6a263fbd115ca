"""Figures of the probes: distributions by layer, histories, update ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .style import (
    COLOURS,
    DASHES,
    INK,
    MUTED,
    PAPER,
    WIDTH,
    count,
    display_name,
    finish,
    join,
    label_ends,
    label_level,
    number,
    styled,
    tint,
)

if TYPE_CHECKING:
    from ..probes import Histograms, Trace

__all__ = [
    "histogram_strips",
    "history_heatmap",
    "layer_histograms",
    "update_ratios",
]

WORDS = {
    "pre_activation": "pre-activation",
    "activation": "activation",
    "error_signal": "error signal",
    "weight": "weight",
    "weight_gradient": "weight gradient",
}
SHADES = LinearSegmentedColormap.from_list(
    "actlab_shades", [PAPER, "#9cc4dd", COLOURS[0], "#00263f"]
)


def _two_panels(found: object, kind: str) -> dict[str, object]:
    """Label to thing drawn, at most two: more do not fit beside each other."""
    panels = dict(found) if isinstance(found, Mapping) else {"": found}
    if not 1 <= len(panels) <= 2:
        raise ValueError(
            f"{len(panels)} panels were asked for; {kind} draws one or two side by side"
        )
    return panels


def _powers(axis) -> None:
    """Label an axis of log10 values with powers of ten."""
    axis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"$10^{{{value:.0f}}}$"))


def _span(
    found: Sequence[Histograms], quantity: str, share: float = 1e-3
) -> tuple[float, float]:
    """The decades in which more than a sliver of the values lies, in all of them."""
    edges = found[0].edges
    total = np.zeros(len(edges) - 1)
    for one in found:
        for layer in _layers_with(one, quantity):
            total = np.maximum(total, one.share(layer, quantity))
    filled = np.flatnonzero(total > share)
    if not len(filled):
        return edges[0], edges[-1]
    low, high = edges[filled[0]], edges[filled[-1] + 1]
    return low - 0.2, max(high, low + 1) + 0.2


def _layers_with(found: Histograms, quantity: str) -> list[int]:
    layers = [layer for layer in found.layers if (layer, quantity) in found.counts]
    if not layers:
        raise ValueError(
            f"there is no histogram of {quantity!r}; there are "
            f"{sorted({name for _, name in found.counts})}"
        )
    return layers


def _size(log: float) -> str:
    """A size given by its logarithm, or what it means that there is none."""
    return number(10**log, 2) if np.isfinite(log) else "0"


@styled
def layer_histograms(
    found: Histograms | Mapping[str, Histograms], quantity: str = "error_signal"
) -> Figure:
    """Draw the distribution of one quantity in every layer, on one logarithmic axis.

    A ridge per layer, the first on top, all of one scale, with its median marked; the
    share of exact zeros is written beside it, because a logarithm cannot show it.

    Parameters
    ----------
    found
        What ``probes.histograms`` returned, or label to that for two side by side.
    quantity
        ``"error_signal"``, ``"activation"``, ``"pre_activation"``, ``"weight"`` or
        ``"weight_gradient"``.

    Chapter 09.
    """
    panels = _two_panels(found, "layer_histograms")
    layers = {label: _layers_with(one, quantity) for label, one in panels.items()}
    low, high = _span(list(panels.values()), quantity)
    depth = max(max(rows) for rows in layers.values())
    figure, grid = plt.subplots(
        1, len(panels), figsize=(WIDTH, min(1.6 + 0.36 * depth, 6.0)),
        sharey=True, squeeze=False,
    )  # fmt: skip
    peak = max(
        one.share(layer, quantity).max()
        for label, one in panels.items()
        for layer in layers[label]
    )
    findings = []
    for i, (axes, (label, one)) in enumerate(zip(grid[0], panels.items())):
        _ridges(axes, one, layers[label], quantity, peak, COLOURS[i])
        axes.set_xlim(low, high)
        _powers(axes.xaxis)
        axes.set_title(label)
        first, last = (
            _size(one.quantile(layer, quantity, 0.5)) for layer in _ends(layers[label])
        )
        findings.append(
            (f"{label}: " if label else "")
            + f"median {first} in layer {layers[label][0]}, {last} in layer "
            f"{layers[label][-1]}"
        )
    grid[0, 0].set_ylim(depth + 0.25, -0.1)
    ticks = _chosen(range(1, depth + 1), 10)
    grid[0, 0].set_yticks(ticks, [str(tick) for tick in ticks])
    grid[0, 0].set_ylabel("layer")
    figure.supxlabel(f"size of the {WORDS[quantity]}", fontsize=10, color=INK)
    alt = (
        f"Histograms of the size of the {WORDS[quantity]}, one per layer from 1 to "
        f"{depth}, on one logarithmic axis. " + "; ".join(findings) + "."
    )
    return finish(figure, alt)


def _ends(layers: Sequence[int]) -> tuple[int, int]:
    return layers[0], layers[-1]


def _ridges(
    axes: Axes,
    found: Histograms,
    layers: Sequence[int],
    quantity: str,
    peak: float,
    colour: str,
) -> None:
    middles = (found.edges[:-1] + found.edges[1:]) / 2
    axes.grid(axis="y", visible=False)
    for layer in layers:
        heights = found.share(layer, quantity) / max(peak, 1e-12) * 1.1
        axes.fill_between(
            middles, layer, layer - heights, color=tint(colour, 0.35), linewidth=0,
            zorder=2 + layer,
        )  # fmt: skip
        axes.plot(
            middles, layer - heights, color=colour, linewidth=1.2, zorder=2 + layer
        )
        median = found.quantile(layer, quantity, 0.5)
        axes.plot(
            [median, median], [layer, layer - 0.3], color=INK, linewidth=1.6,
            zorder=3 + layer,
        )  # fmt: skip
        zeros = found.zeros(layer, quantity)
        if zeros > 0.005 and len(layers) <= 12:
            axes.annotate(
                f"{100 * zeros:.0f} % zero", (0.0, layer),
                xycoords=axes.get_yaxis_transform(), xytext=(3, 2),
                textcoords="offset points", color=INK, zorder=99,
            )  # fmt: skip


@styled
def histogram_strips(
    found: Mapping[str, Histograms], quantity: str = "error_signal"
) -> Figure:
    """Draw one quantity for many networks: a block each, its layers as thin strips.

    Within a block the first layer is on top; darker means more of the layer's values;
    a tick marks the median. All blocks share one logarithmic axis.

    Parameters
    ----------
    found
        Label, such as the activation, to what ``probes.histograms`` returned.
    quantity
        As in :func:`layer_histograms`.

    Chapter 09.
    """
    if not found:
        raise ValueError("found is empty; give one network's histograms at least")
    layers = {label: _layers_with(one, quantity) for label, one in found.items()}
    low, high = _span(list(found.values()), quantity)
    edges = next(iter(found.values())).edges
    figure, axes = plt.subplots(figsize=(WIDTH, min(1.1 + 0.42 * len(found), 8.5)))
    peak = max(
        one.share(layer, quantity).max()
        for label, one in found.items()
        for layer in layers[label]
    )
    findings = []
    for block, (label, one) in enumerate(found.items()):
        rows = layers[label]
        heights = block + np.linspace(0.08, 0.92, len(rows) + 1)
        shares = np.stack([one.share(layer, quantity) for layer in rows])
        axes.pcolormesh(
            edges, heights, np.sqrt(shares / peak), cmap=SHADES, vmin=0, vmax=1,
            rasterized=True,
        )  # fmt: skip
        medians = [one.quantile(layer, quantity, 0.5) for layer in rows]
        for median, top, bottom in zip(medians, heights, heights[1:]):
            axes.plot([median] * 2, [top, bottom], color=COLOURS[1], linewidth=2)
        if np.isfinite(medians).all():
            findings.append((medians[-1] - medians[0], display_name(label)))
    axes.set_ylim(len(found), 0)
    names = [display_name(label) for label in found]
    axes.set_yticks(np.arange(len(found)) + 0.5, names)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.set_xlim(low, high)
    _powers(axes.xaxis)
    axes.set_xlabel(f"size of the {WORDS[quantity]}")
    axes.set_title("each block: first layer on top, tick = median")
    depth = max(len(rows) for rows in layers.values())
    alt = (
        f"Strips, darker for more, of the size of the {WORDS[quantity]} in "
        f"{count(len(found), 'network')} of up to {depth} layers, one logarithmic "
        f"axis. " + _most_and_least(findings)
    )
    return finish(figure, alt)


def _most_and_least(changes: list[tuple[float, str]]) -> str:
    """Where the median changes most and least between the first layer and the last."""
    if not changes:
        return "Some layers hold nothing but zeros."
    ordered = sorted(changes, key=lambda item: abs(item[0]))
    (least, least_label), (most, most_label) = ordered[0], ordered[-1]
    text = (
        f"From first to last layer the median is multiplied by {_size(most)} in "
        f"{most_label}"
    )
    if len(ordered) == 1:
        return text + "."
    return text + f" (the largest change) and by {_size(least)} in {least_label}."


def _chosen(layers: Sequence[int], most: int) -> list[int]:
    """At most ``most`` layers, evenly spread, first and last among them."""
    layers = list(layers)
    if len(layers) <= most:
        return layers
    at = np.linspace(0, len(layers) - 1, most).round().astype(int)
    return [layers[i] for i in at]


@styled
def history_heatmap(
    found: Trace | Mapping[str, Trace],
    quantity: str = "activation",
    *,
    layers: Sequence[int] | None = None,
) -> Figure:
    """Draw how the distribution of a layer's values moves while the network trains.

    One panel per layer, the first on top: step to the right, size upwards on a
    logarithmic axis common to all panels, darker for more of the values; the line is
    the median of what is not zero. The strip at the foot is filled as high as the share
    of exact zeros.

    Parameters
    ----------
    found
        What ``probes.record`` gave, or label to that for two side by side.
    quantity
        ``"activation"``, or another of which ``record`` kept histograms.
    layers
        Which layers; None draws up to four, evenly spread.

    Chapters 09 and 10.
    """
    panels = _two_panels(found, "history_heatmap")
    for label, trace in panels.items():
        if len(trace.steps) < 2:
            raise ValueError(
                f"trace {label!r} holds {count(len(trace.steps), 'step')}; a history "
                "needs two at least"
            )
    layers = layers or _chosen(next(iter(panels.values())).layers, 4)
    moments = [t.histograms_at(step) for t in panels.values() for step in t.steps]
    span = _span(moments, quantity)
    peak = max(m.share(layer, quantity).max() for m in moments for layer in layers)
    # The square root lets a thin tail be seen beside a peak; the bar undoes it.
    norm = PowerNorm(0.5, vmin=0, vmax=max(peak, 1e-3))
    figure, grid = plt.subplots(
        len(layers), len(panels), figsize=(WIDTH, 0.9 + 1.15 * len(layers)),
        sharex="col", sharey=True, squeeze=False,
    )  # fmt: skip
    findings = []
    for column, (label, trace) in enumerate(panels.items()):
        for row, layer in enumerate(layers):
            mesh, text = _history(grid[row, column], trace, layer, quantity, span, norm)
            # An alt text must stay short enough to be listened to.
            if row == len(layers) - 1 or (row == 0 and len(panels) == 1):
                findings.append(f"{label + ', ' if label else ''}layer {layer}: {text}")
            if column == 0:
                grid[row, 0].set_ylabel(f"layer {layer}")
        grid[0, column].set_title(label)
        grid[-1, column].set_xlabel("step")
    bar = figure.colorbar(mesh, ax=grid, shrink=0.6, aspect=30, pad=0.02)
    bar.set_label(f"share of the {WORDS[quantity]}s", color=INK)
    bar.outline.set_visible(False)
    alt = (
        f"Heat maps of the size of the {WORDS[quantity]}s against the training step, "
        f"one per layer ({join([str(layer) for layer in layers])}), log axis; a strip "
        "at the foot shows exact zeros. " + "; ".join(findings) + "."
    )
    return finish(figure, alt)


def _history(
    axes: Axes,
    trace: Trace,
    layer: int,
    quantity: str,
    span: tuple[float, float],
    norm: PowerNorm,
) -> tuple[object, str]:
    low, high = span
    counts = trace.histograms(layer, quantity).astype(float)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    moments = [trace.histograms_at(step) for step in trace.steps]
    across = _edges_between(trace.steps)
    mesh = axes.pcolormesh(
        across, moments[0].edges, shares[:, 2:].T, cmap=SHADES, norm=norm,
        rasterized=True,
    )  # fmt: skip
    medians = [moment.quantile(layer, quantity, 0.5) for moment in moments]
    axes.plot(trace.steps, medians, color=COLOURS[1], linewidth=1.6)
    foot = low - (high - low) * 0.3
    _zero_share(axes, across, shares[:, 0], foot, low)
    axes.set_ylim(foot, high)
    axes.set_xlim(across[0], across[-1])
    axes.grid(False)
    ticks = [t for t in MaxNLocator(4, integer=True).tick_values(low, high) if t > low]
    axes.set_yticks(
        [(foot + low) / 2, *ticks], ["zero", *(f"$10^{{{t:.0f}}}$" for t in ticks)]
    )
    text = (
        f"median {_size(medians[0])} at first, {_size(medians[-1])} at last, zeros "
        f"{100 * shares[0, 0]:.0f} to {100 * shares[-1, 0]:.0f} %"
    )
    return mesh, text


def _zero_share(
    axes: Axes, across: np.ndarray, share: np.ndarray, foot: float, top: float
) -> None:
    """A strip of its own under the map, filled as high as the share of zeros."""
    axes.axhspan(foot, top, color=PAPER, zorder=3)
    levels = foot + share * (top - foot)
    axes.stairs(levels, across, baseline=foot, fill=True, color=MUTED, zorder=4)
    axes.axhline(top, color=MUTED, linewidth=0.8, zorder=5)


def _edges_between(steps: Sequence[float]) -> np.ndarray:
    """Edges of columns that are centred on the steps, roughly."""
    steps = np.asarray(steps, dtype=float)
    if len(steps) == 1:
        return np.array([steps[0] - 0.5, steps[0] + 0.5])
    middles = (steps[:-1] + steps[1:]) / 2
    return np.concatenate(
        [[2 * steps[0] - middles[0]], middles, [2 * steps[-1] - middles[-1]]]
    )


@styled
def update_ratios(
    found: Trace | Mapping[str, Trace],
    *,
    layers: Sequence[int] | None = None,
    target: float = -3.0,
) -> Figure:
    """Draw the size of each layer's update relative to its weights while it trains.

    Parameters
    ----------
    found
        What ``probes.record`` gave, or label to that for two side by side.
    layers
        Which layers; None draws up to five, evenly spread.
    target
        Where a line is drawn, in log10: −3 by custom, one part in a thousand a step.

    Chapters 09 and 14.
    """
    panels = _two_panels(found, "update_ratios")
    figure, grid = plt.subplots(
        1, len(panels), figsize=(WIDTH, 3.3), sharey=True, squeeze=False
    )
    findings = []
    for axes, (label, trace) in zip(grid[0], panels.items()):
        frame = trace.frame
        frame = frame[np.isfinite(frame["log_update_ratio"])]
        if frame.empty:
            raise ValueError(f"trace {label!r} holds no update; record some steps")
        chosen = layers or _chosen(sorted(frame["layer"].unique()), 5)
        axes.axhline(target, color=INK, linewidth=1.2, linestyle=DASHES[1])
        ends = []
        for i, layer in enumerate(chosen):
            rows = frame[frame["layer"] == layer]
            if rows.empty:
                raise ValueError(
                    f"no update was recorded in layer {layer}; there are updates in "
                    f"layers {sorted(frame['layer'].unique())}"
                )
            colour = COLOURS[i % 6]
            axes.plot(
                rows["step"], rows["log_update_ratio"], color=colour,
                linestyle=DASHES[i % 6], label=f"layer {layer}",
            )  # fmt: skip
            last = float(rows["log_update_ratio"].iloc[-1])
            ends.append((f"layer {layer}", last, colour))
        axes.set_title(label)
        axes.set_xlabel("step")
        axes.margins(y=0.1)
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, target - 0.3), max(high, target + 0.3))
        if len(panels) == 1:
            label_ends(axes, ends)
            drawn = frame[frame["layer"].isin(chosen)]
            label_level(
                axes, f"custom: {number(target)}", target,
                drawn["step"], drawn["log_update_ratio"],
            )  # fmt: skip
        values = [f"{name} {number(last, 2)}" for name, last, _ in _outer(ends)]
        findings.append((f"{label}: " if label else "") + " and ".join(values))
    grid[0, 0].set_ylabel("log₁₀ (update : weights)")
    if len(panels) > 1:
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3)
    alt = (
        "Line plot of the logarithm of update size over weight size against the "
        f"training step, one line per layer, with a line at {number(target)}. At the "
        "end " + "; ".join(findings) + "."
    )
    return finish(figure, alt)


def _outer(ends: list) -> list:
    return ends if len(ends) < 2 else [ends[0], ends[-1]]
