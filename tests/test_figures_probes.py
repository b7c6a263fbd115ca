"""The figures of the probes: what they draw is what was measured."""

from __future__ import annotations

import functools

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from matplotlib.figure import Figure

from actlab import datasets, figures, probes, training
from actlab.networks import MLP
from actlab.probes import Histograms, Trace
from actlab.probes.layers import EDGES

KEPT = ("activation", "error_signal")


@functools.cache
def trace(activation: str = "relu", depth: int = 2) -> Trace:
    """A short recording on two spirals."""
    network = MLP([2, *[10] * depth, 2], activation, init="he", seed=0)
    with probes.record(network, every=2, histograms=KEPT) as found:
        training.fit(
            network, datasets.spirals(n=120), epochs=4, lr=0.1, batch_size=32,
            progress=False,
        )  # fmt: skip
    return found


@functools.cache
def histograms(activation: str, depth: int = 4) -> Histograms:
    data = datasets.spirals(n=120)
    network = MLP([2, *[10] * depth, 2], activation, seed=0)
    return probes.histograms(network, data.x_train, data.y_train)


FUNCTIONS = (
    "identity", "sigmoid", "newfun", "tanh", "relu", "leaky_relu", "elu", "selu",
    "gelu", "swish", "mish", "softplus", "telu",
)  # fmt: skip

DRAWN = {
    "ridges": lambda: figures.layer_histograms(histograms("relu")),
    "ridges of thirty layers": lambda: figures.layer_histograms(
        histograms("tanh", 30), "activation"
    ),
    "ridges side by side": lambda: figures.layer_histograms(
        {"ReLU": histograms("relu"), "tanh": histograms("tanh")}, "weight_gradient"
    ),
    "strips": lambda: figures.histogram_strips(
        {name: histograms(name) for name in FUNCTIONS}
    ),
    "one strip": lambda: figures.histogram_strips({"relu": histograms("relu")}),
    "history": lambda: figures.history_heatmap(trace()),
    "histories side by side": lambda: figures.history_heatmap(
        {"ReLU": trace(), "tanh": trace("tanh")}, "error_signal"
    ),
    "history of a deep network": lambda: figures.history_heatmap(trace("relu", 9)),
    "updates": lambda: figures.update_ratios(trace()),
    "updates side by side": lambda: figures.update_ratios(
        {"ReLU": trace(), "tanh": trace("tanh")}
    ),
    "updates of a deep network": lambda: figures.update_ratios(trace("relu", 9)),
}
"""Drawn and read by tests/test_figures.py as well."""


def made(sizes: dict[int, list[float]]) -> Histograms:
    """Histograms of error signals with known sizes; 0 counts as zero."""
    counts = {}
    for layer, values in sizes.items():
        row = np.zeros(len(EDGES) + 1, dtype=int)
        for value in values:
            at = int(np.searchsorted(EDGES, np.log10(value), "right")) if value else -1
            row[at + 1] += 1
        counts[layer, "error_signal"] = row
    return Histograms(counts, {layer: f"layer {layer}" for layer in sizes})


def test_ridges_share_one_axis_and_tell_zeros() -> None:
    small = made({1: [0, 0, 0, 1.1e-9], 2: [1.1e-3] * 4})
    large = made({1: [1.1] * 4, 2: [11.0] * 4})
    figure = figures.layer_histograms({"small": small, "large": large})
    left, right = figure.axes
    assert left.get_xlim() == right.get_xlim()
    low, high = left.get_xlim()
    assert low < -9 and high > 1.1
    assert [text.get_text() for text in left.texts] == ["75 % zero"]
    assert not right.texts
    assert "small: median 1.3e\N{MINUS SIGN}9 in layer 1" in figure.alt
    # One scale of heights: four in one bin are four times as high as one of four.
    tops = [line.get_ydata() for line in left.lines if len(line.get_ydata()) > 2]
    heights = [layer - top.min() for layer, top in zip((1, 2), tops)]
    assert heights[1] == pytest.approx(4 * heights[0])


def test_strips_name_the_largest_and_the_smallest_change() -> None:
    found = {
        "steady": made({1: [1.1], 2: [1.1]}),
        "grows": made({1: [1.1e-6], 2: [1.1]}),
        "silent": made({1: [0.0], 2: [1.1]}),
    }
    figure = figures.histogram_strips(found)
    assert "by 1000000 in grows (the largest change)" in figure.alt.replace(
        "1e6", "1000000"
    )
    assert "by 1 in steady" in figure.alt
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == list(found)


def test_history_draws_the_medians_and_zeros_that_were_recorded() -> None:
    found = trace()
    figure = figures.history_heatmap(found, layers=[2])
    axes = figure.axes[0]
    (line,) = [line for line in axes.lines if len(line.get_xdata()) > 2]
    assert list(line.get_xdata()) == found.steps
    moment = found.histograms_at(found.steps[-1])
    assert line.get_ydata()[-1] == moment.quantile(2, "activation", 0.5)
    zeros = 100 * moment.zeros(2, "activation")
    assert f"to {zeros:.0f} %" in figure.alt


def test_updates_are_those_of_the_trace() -> None:
    found = trace()
    figure = figures.update_ratios(found)
    frame = found.frame
    target, *lines = figure.axes[0].lines
    assert set(target.get_ydata()) == {-3.0}
    low, high = figure.axes[0].get_ylim()
    assert low < -3 < high
    for layer, line in enumerate(lines, start=1):
        rows = frame[frame["layer"] == layer]["log_update_ratio"]
        assert line.get_ydata().tolist() == rows.tolist()


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: figures.layer_histograms({}), "0 panels"),
        (lambda: figures.layer_histograms(dict.fromkeys("abc", 1)), "3 panels"),
        (lambda: figures.layer_histograms(histograms("relu"), "slope"), "'slope'"),
        (lambda: figures.histogram_strips({}), "empty"),
        (lambda: figures.history_heatmap(Trace(MLP([1, 1, 1]), None)), "0 steps"),
        (lambda: figures.update_ratios(trace(), layers=[7]), "layer 7"),
        (lambda: figures.update_ratios(Trace(MLP([1, 1, 1]), None)), "no update"),
    ],
)
def test_bad_input(draw, words) -> None:
    with pytest.raises(ValueError, match=words):
        draw()


def test_each_drawing_is_a_figure_with_its_finding() -> None:
    for name in ("ridges", "one strip", "history", "updates"):
        figure = DRAWN[name]()
        assert isinstance(figure, Figure) and any(c.isdigit() for c in figure.alt)
