"""The figures: what they say, what they measure, and that they can be read."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from figure_checks import assert_readable
from hypothesis import given, settings
from hypothesis import strategies as st

from actlab import catalogue, datasets, figures
from actlab.figures import style
from actlab.figures.curves import with_gaps
from actlab.figures.networks import kinks
from actlab.figures.style import label_ends
from actlab.networks import MLP


def hat(**weights) -> MLP:
    """relu(x + 1) − 2 relu(x) + relu(x − 1), with some weights replaced."""
    network = MLP([1, 3, 1], "relu", seed=0)
    values = {"w": [1, 1, 1], "b": [1, 0, -1], "v": [1, -2, 1], "c": [0]} | weights
    with torch.no_grad():
        network.linears[0].weight[:, 0] = torch.tensor(values["w"], dtype=torch.float32)
        network.linears[0].bias[:] = torch.tensor(values["b"], dtype=torch.float32)
        network.linears[1].weight[0] = torch.tensor(values["v"], dtype=torch.float32)
        network.linears[1].bias[:] = torch.tensor(values["c"], dtype=torch.float32)
    return network


def curves(swap: bool = False) -> pd.DataFrame:
    """A made-up study: ReLU overtakes the linear network between epochs 20 and 21."""
    rows = []
    for regime, epochs in (("small_step", 45), ("large_step", 15)):
        for activation in ("identity", "relu"):
            for seed in range(5):
                for epoch in range(1, epochs + 1):
                    rise = 0.2 if (activation == "relu") != swap else 0.1
                    accuracy = 80 + rise * (epoch - 20.5) + 0.01 * (seed - 2)
                    rows.append((regime, activation, seed, epoch, accuracy))
    columns = ["regime", "activation", "seed", "epoch", "test_accuracy"]
    return pd.DataFrame(rows, columns=columns)


def sweep() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "activation": name,
            "width": width,
            "seed": seed,
            "error": error * (1 + seed**2),
        }
        for name, error_of in (("a parabola", lambda w: 0.4), ("relu", lambda w: 1 / w))
        for width in (4, 8, 16, 32)
        for seed in range(3)
        for error in [error_of(width)]
    )


def spiral_networks() -> dict[str, MLP]:
    return {
        "no activation": MLP([2, 8, 2], None, seed=0),
        "ReLU": MLP([2, 8, 2], "relu", seed=3),
    }


def health() -> dict[str, pd.DataFrame]:
    layers = pd.Index([1, 2, 3])
    sick = pd.DataFrame({"spread": [0.3, 0.04, 0.006], "slope": [0.24] * 3}, layers)
    well = pd.DataFrame({"spread": [1.3, 0.9, 0.6], "slope": [0.15] * 3}, layers)
    return {"learns nothing": sick, "learns": well}


def repairs() -> pd.DataFrame:
    """A made-up grid: with the default start only one way of stepping guesses."""
    rows = [
        (regime, init, seed, level + seed)
        for regime, init, level in (
            ("sgd", "default", 10),
            ("adam", "default", 87),
            ("sgd", "he", 41),
        )
        for seed in range(3)
    ]
    return pd.DataFrame(rows, columns=["regime", "init", "seed", "test_accuracy"])


LINE = torch.linspace(-1, 1, 60)
DRAW = {
    "one function": lambda: figures.function_plot("gelu"),
    "step": lambda: figures.function_plot("step"),
    "three functions": lambda: figures.function_plot("relu", "gelu", "swish"),
    "formula": lambda: figures.function_plot("x**2", "sin(x)", derivative=False),
    "callable": lambda: figures.function_plot(torch.nn.Hardtanh()),
    "gallery": lambda: figures.gallery(["step", "sigmoid", "relu", "gelu", "mish"]),
    "sorted": lambda: figures.sorted_data("relu"),
    "regions": lambda: figures.decision_regions(
        spiral_networks(), datasets.spirals(n=200), resolution=60
    ),
    "joints": lambda: figures.joints(hat()),
    "smooth joints": lambda: figures.joints(MLP([1, 5, 1], "tanh", seed=0)),
    "layer health": lambda: figures.layer_health(health()),
    "accuracy grid": lambda: figures.accuracy_grid(
        repairs(), labels={"default": "PyTorch", "adam": "Adam 0.001"}
    ),
    "fits": lambda: figures.fit_curves(
        LINE, LINE**2, {"straight": lambda x: x, "given": torch.zeros(60)}
    ),
    "sweep": lambda: figures.width_sweep(sweep(), baseline=0.8),
    "training": lambda: figures.training_curves(curves(), mark=15),
    "depth": lambda: figures.signal_through_depth(["relu", "tanh"], measured=True),
}


@pytest.fixture(autouse=True)
def _close():
    figures.ALT_TEXTS.clear()
    yield
    plt.close("all")


@pytest.mark.parametrize("name", DRAW)
def test_figure_says_what_it_shows_and_can_be_read(name: str) -> None:
    assert_readable(DRAW[name])


def test_every_public_figure_is_drawn_by_a_test() -> None:
    source = " ".join(str(code.__code__.co_names) for code in DRAW.values())
    # Figures of later chapters have test files of their own.
    others = set(Path(__file__).parents[1].rglob("test_*.py")) - {Path(__file__)}
    calls = " ".join(path.read_text("utf-8") for path in others)
    helpers = {"ALT_TEXTS", "COLOURS", "crossing", "use_style"}
    for name in set(figures.__all__) - helpers:
        drawn = f"'{name}'" in source or re.search(rf"\b{name}\(", calls)
        assert drawn, f"{name} is drawn by no test"
        assert "Chapter" in getattr(figures, name).__doc__


def test_the_package_keeps_one_list_of_alt_texts() -> None:
    assert figures.ALT_TEXTS is style.ALT_TEXTS  # the executor empties it in place


def test_colours_keep_contrast_on_their_paper() -> None:
    def luminance(colour: str) -> float:
        rgb = np.array(matplotlib.colors.to_rgb(colour))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    paper = luminance(style.PAPER)
    for colour in (*figures.COLOURS, style.INK, style.MUTED):
        assert (paper + 0.05) / (luminance(colour) + 0.05) >= 4.5, colour
    assert len(style.DASHES) == len(figures.COLOURS) == len(style.MARKERS)


def test_use_style_sets_the_paper() -> None:
    with plt.rc_context():
        figures.use_style()
        figure = plt.figure()
    assert matplotlib.colors.to_hex(figure.get_facecolor()) == style.PAPER


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (-0.25, "−0.25"), (1234.5, "1230"), (2e-9, "2e−9"), (1.5e7, "1.5e7"),
     (100, "100"), (math.inf, "infinity"), (-math.inf, "minus infinity")],
)  # fmt: skip
def test_numbers_in_words(value: float, text: str) -> None:
    assert style.number(value) == text


# --- what the figures find -----------------------------------------------------------


def test_function_plot_reports_range_and_jumps() -> None:
    alt = figures.function_plot("relu", xlim=(-2, 3)).alt
    assert "It runs from 0 to 3" in alt
    assert "its slope runs from 0 to 1 and jumps at x = 0" in alt
    alt = figures.function_plot("step").alt
    assert "jumps at x = 0; its slope is 0 everywhere" in alt
    assert "jumps" not in figures.function_plot("tanh").alt


def test_no_wall_is_drawn_at_a_jump() -> None:
    axes = figures.function_plot("step", derivative=False).axes[0]
    line = max(axes.lines, key=lambda line: len(line.get_xdata()))
    assert set(np.unique(line.get_ydata()[np.isfinite(line.get_ydata())])) == {0.0, 1.0}
    assert np.isnan(line.get_ydata()).sum() == 1
    _, y, jumps = with_gaps(lambda x: np.tanh(200 * x), -4, 4)
    assert not jumps and np.isfinite(y).all()


def test_function_plot_draws_the_catalogue_curve_and_its_slope() -> None:
    axes = figures.function_plot("gelu").axes[0]
    solid, dashed = axes.lines[-2:]
    row = catalogue.get("gelu")
    np.testing.assert_allclose(solid.get_ydata(), row.numpy()(solid.get_xdata()))
    np.testing.assert_allclose(
        dashed.get_ydata(), row.numpy_derivative()(dashed.get_xdata())
    )
    assert dashed.get_linestyle() != solid.get_linestyle()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: figures.function_plot(), ValueError, "at least one function"),
        (lambda: figures.gallery([]), ValueError, "at least one function"),
        (lambda: figures.function_plot("softmax"), ValueError, "element by element"),
        (lambda: figures.function_plot("gelu2"), KeyError, "gelu"),
        (lambda: figures.function_plot(3), TypeError, "not 3"),
        (
            lambda: figures.function_plot("relu", labels=["a", "b"]),
            ValueError,
            "labels",
        ),
        (lambda: figures.joints(MLP([2, 3, 1], seed=0)), ValueError, "2 inputs"),
        (lambda: figures.joints(MLP([1, 3, 3, 1], seed=0)), ValueError, "3 linear"),
        (
            lambda: figures.decision_regions({}, datasets.digits()),
            ValueError,
            "digits has 64 inputs",
        ),
    ],
)
def test_errors_name_the_wrong_value(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()
    assert figures.ALT_TEXTS == []


def test_sorted_data_counts_zeros_and_order() -> None:
    alt = figures.sorted_data("relu", n=200, seed=1).alt
    numbers = np.random.default_rng(1).normal(0, 1.5, 200)
    assert f"{100 * np.mean(numbers <= 0):.0f} % of them exactly 0" in alt
    assert "The order is kept" in alt
    assert "The order is not kept" in figures.sorted_data("gelu").alt


def test_decision_regions_measures_accuracy_on_the_test_points() -> None:
    data = datasets.spirals(n=200)
    networks = spiral_networks()
    figure = figures.decision_regions(networks, data, resolution=50)
    for label, network in networks.items():
        right = (network(data.x_test).argmax(1) == data.y_test).double().mean()
        boundary = "straight" if label == "no activation" else "bent"
        assert f"{label}: {boundary} boundary, {100 * right:.0f} % right" in figure.alt


def test_decision_regions_colours_follow_the_prediction() -> None:
    network = MLP([2, 2], None, seed=0)
    with torch.no_grad():
        network.linears[0].weight[:] = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
        network.linears[0].bias[:] = 0
    figure = figures.decision_regions(
        {"right half": network}, datasets.spirals(n=100), resolution=40
    )
    image = np.asarray(figure.axes[0].images[0].get_array())
    assert (image[:, :19] == 0).all() and (image[:, 21:] == 1).all()


def test_kinks_of_a_known_network() -> None:
    np.testing.assert_allclose(kinks(hat()), [-1, 0, 1], atol=1e-6)
    assert kinks(hat(v=[0, 0, 0])) == []
    assert kinks(hat(b=[0, 0, 0])) == [], "three units that cancel"
    assert kinks(MLP([1, 3, 1], "tanh", seed=0)) is None
    assert kinks(lambda x: x.abs(), (-1, 1)) == pytest.approx([0], abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    places=st.lists(st.integers(-190, 190), min_size=1, max_size=6, unique=True),
    seed=st.integers(0, 10_000),
)
def test_kinks_are_where_units_switch(places: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    spots = np.sort(np.array(places) / 100)
    steps = random.uniform(0.5, 2, len(spots)) * random.choice([-1, 1], len(spots))

    def function(x: torch.Tensor) -> torch.Tensor:
        return sum(
            step * torch.relu(x - spot) for spot, step in zip(spots, steps, strict=True)
        )

    np.testing.assert_allclose(kinks(function), spots, atol=1e-5)


def test_joints_counts_pieces_and_adds_up() -> None:
    figure = figures.joints(hat())
    assert "4 pieces, with kinks at x = −1, 0 and 1" in figure.alt
    weighted, total = figure.axes[2], figure.axes[3]
    parts = [line.get_ydata() for line in weighted.lines if len(line.get_xdata()) > 100]
    whole = next(li.get_ydata() for li in total.lines if len(li.get_xdata()) > 100)
    assert len(parts) == 3
    np.testing.assert_allclose(np.sum(parts, axis=0), whole, atol=1e-12)
    assert "The output is smooth" in figures.joints(MLP([1, 3, 1], "gelu", seed=0)).alt
    assert (
        "1 piece: one straight line" in figures.joints(MLP([1, 3, 1], None, seed=0)).alt
    )


def test_joints_leaves_the_network_as_it_was() -> None:
    network = hat()
    figures.joints(network)
    assert network.linears[0].weight.dtype == torch.float32


def test_fit_curves_reports_the_error() -> None:
    alt = figures.fit_curves(
        LINE, LINE, {"exact": lambda x: x, "zero": torch.zeros(60)}
    ).alt
    assert f"exact 0 and zero {style.number(float((LINE**2).mean()), 2)}" in alt


def test_fit_curves_sorts_by_x() -> None:
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    figure = figures.fit_curves(LINE[order], LINE[order] ** 2, {"f": LINE[order] ** 2})
    assert "f 0." in figure.alt
    assert (np.diff(figure.axes[0].lines[1].get_xdata()) > 0).all()


def test_width_sweep_draws_medians_and_the_baseline() -> None:
    figure = figures.width_sweep(sweep(), baseline=0.8)
    assert "a parabola goes from 0.8 to 0.8; ReLU goes from 0.5 to 0.062" in figure.alt
    assert "best quadratic is 0.8" in figure.alt
    low, high = figure.axes[0].get_ylim()
    assert high / low <= 1.1e4


def test_crossing_is_the_last_epoch_before_the_lead_changes_for_good() -> None:
    frame = curves()
    small = frame[frame["regime"] == "small_step"]
    assert figures.crossing(small, "identity", "relu") == 20
    assert figures.crossing(small, "relu", "identity") is None
    large = frame[frame["regime"] == "large_step"]
    assert figures.crossing(large, "identity", "relu") is None


def test_training_curves_follow_the_data() -> None:
    alt = figures.training_curves(curves()).alt
    assert "over 5 seeds" in alt
    assert "no activation ends at 82.5, ReLU ends at 84.9" in alt
    assert alt.count("cross between epochs 20 and 21") == 1
    alt = figures.training_curves(curves(swap=True)).alt
    assert "no activation ends at 84.9, ReLU ends at 82.5" in alt


def test_training_curves_show_the_interval_over_seeds() -> None:
    frame = curves()
    frame = frame[(frame["regime"] == "small_step") & (frame["activation"] == "relu")]
    figure = figures.training_curves(frame)
    band = figure.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    last = frame[frame["epoch"] == 45]["test_accuracy"]
    half = 2.776445 * last.std() / math.sqrt(5)
    assert band.max() == pytest.approx(last.mean() + half, abs=1e-5)


def test_signal_through_depth_is_measured_near_theory() -> None:
    figure = figures.signal_through_depth(
        "relu", depth=10, measured=True, weight_variance=2.0, width=512
    )
    measured = figure.axes[0].lines[1].get_ydata()
    theory = figure.axes[0].lines[0].get_ydata()
    np.testing.assert_allclose(theory, 1, atol=1e-6)
    # One random network scatters; what counts is that it neither decays nor grows.
    assert 0.4 < measured.min() and measured.max() < 2.5
    given = figures.signal_through_depth(
        "relu", depth=3, measured={"ReLU": [1, 2, 3, 4]}
    )
    assert "(measured 4)" in given.alt


def test_long_findings_are_cut_to_a_length_that_can_be_listened_to() -> None:
    keys = ["sigmoid", "tanh", "relu", "elu", "selu", "gelu", "swish", "mish"]
    alt = figures.function_plot(*keys).alt
    assert 300 < len(alt) < 400 and alt.endswith("…")


def test_decision_regions_take_plain_functions() -> None:
    def halves(x: torch.Tensor) -> torch.Tensor:
        return torch.stack([-x[:, 0], x[:, 0]], dim=1)

    figure = figures.decision_regions({"halves": halves}, datasets.spirals(n=100))
    assert "1 map of" in figure.alt and "straight boundary" in figure.alt


def test_one_steep_function_does_not_flatten_the_gallery() -> None:
    low, high = figures.gallery(["sigmoid", "exp(x)"]).axes[0].get_ylim()
    assert high < 5 and low < 0


def test_signal_through_depth_takes_labels_and_counts_the_layers() -> None:
    figure = figures.signal_through_depth(
        {"halved": lambda z: 0.5 * z}, depth=2, measured={"halved": [1, 0.25, 0.06]}
    )
    assert "halved goes from 1 to 0.062 (measured 0.06)" in figure.alt
    with pytest.raises(ValueError, match="layers 0 to 3 need 4 numbers"):
        figures.signal_through_depth("relu", depth=3, measured={"ReLU": [1, 2]})


def test_layers_and_grids_are_put_into_words() -> None:
    alt = DRAW["layer health"]().alt
    assert "learns nothing: spread 0.3 to 0.006, slope 0.24 to 0.24" in alt
    alt = DRAW["accuracy grid"]().alt
    assert "95 % intervals" in alt and "PyTorch 11.0 ± 2.5 (n = 3)" in alt
    assert "Adam 0.001: PyTorch 88.0" in alt


def test_names_at_line_ends_stay_apart_and_as_near_as_they_can() -> None:
    figure, axes = plt.subplots()
    axes.set_ylim(0, 1)
    ends = {"low": 0.2, "second": 0.61, "first": 0.62, "third": 0.6}
    label_ends(axes, [(name, y, "black") for name, y in ends.items()])
    figure.canvas.draw()
    boxes = {text.get_text(): text.get_window_extent() for text in axes.texts}
    middles = {
        name: axes.transAxes.inverted().transform((0, (box.y0 + box.y1) / 2))[1]
        for name, box in boxes.items()
    }
    assert sorted(middles, key=middles.get) == ["low", "third", "second", "first"]
    assert middles["low"] == pytest.approx(0.2, abs=0.01)
    moved = [middles[name] - ends[name] for name in ("first", "second", "third")]
    assert sum(moved) == pytest.approx(0, abs=0.02) and max(moved) < 0.06
    for one, other in itertools.combinations(boxes.values(), 2):
        assert not one.overlaps(other)
