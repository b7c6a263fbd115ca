"""The figures of chapter 10, and what the chapter rests on."""

from __future__ import annotations

import matplotlib
import pandas as pd
import pytest
import torch

matplotlib.use("Agg")

from actlab import probes
from actlab.networks import MLP
from course.ch10 import figures as ch10

# --- made-up lives and counts --------------------------------------------------------


def lives() -> pd.DataFrame:
    """Layer 1: one born dead, one killed. Layer 2: one dies and comes back."""
    dead = {
        1: [[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]],
        2: [[0, 1, 0, 0], [0, 0, 0, 0]],
    }
    return pd.DataFrame(
        [
            {"step": step, "layer": layer, "unit": unit, "dead": bool(value)}
            for layer, units in dead.items()
            for unit, values in enumerate(units)
            for step, value in enumerate(values)
        ]
    )


def counts() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"init": init, "seed": seed, "layer": layer, "share": slope * layer + seed}
            for init, slope in (("default", 6.0), ("he", 0.5))
            for seed in range(3)
            for layer in range(1, 8)
        ]
    )


def ends() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"regime": regime, "share": share + seed, "test_accuracy": right + seed / 9}
            for regime, share, right in (("adam", 9, 88.5), ("sgd", 4, 81.4))
            for seed in range(5)
        ]
    )


def sizes() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "spread": [0.3, 0.03, 0.003],
            "bias": [0.07, 0.035, 0.035],
            "dead": [1, 9, 45],
        },
        index=[1, 2, 3],
    )


def zeroed() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"network": name, "target": t, "zeros": 100 * max(t, own),
             "test_accuracy": 97.0 if t <= 0.5 else 97 - 200 * (t - 0.5)}
            for name, own in (("ReLU", 0.4), ("GELU", 0.0))
            for t in (0.0, 0.2, 0.4, 0.5, 0.6, 0.9)
        ]
    )  # fmt: skip


DRAWN = {
    "life history": lambda: ch10.life_history(lives()),
    "unit lives": lambda: ch10.unit_lives({"a": [1, -1, 2], "b": [1, 0.5, -2]}),
    "dead by layer": lambda: ch10.dead_by_layer(counts(), labels={"he": "He"}),
    "death and accuracy": lambda: ch10.death_and_accuracy(ends()),
    "bias and signal": lambda: ch10.bias_and_signal(sizes()),
    "zeroing": lambda: ch10.zeroing_curves(zeroed(), natural={"ReLU": 40.0}),
}


@pytest.fixture(autouse=True)
def _close():
    yield
    matplotlib.pyplot.close("all")


# --- what the figures say -----------------------------------------------------------


def test_life_history_counts_births_deaths_and_revivals() -> None:
    figure = ch10.life_history(lives())
    assert "layer 1 of 3: 1 born dead, 1 deaths, 0 revivals, 2 dead at the end" in (
        figure.alt
    )
    assert "layer 2 of 2: 0 born dead, 1 deaths, 1 revivals, 0 dead at the end" in (
        figure.alt
    )
    drawn = figure.axes[0].collections[0].get_array().reshape(3, 4)
    assert drawn.sum(1).tolist() == [4, 2, 0], "the born dead stand at the bottom"


def test_unit_lives_name_the_steps() -> None:
    figure = ch10.unit_lives({"a": [1, -1, 2], "b": [-1, -0.5, -2]})
    assert "a starts alive, dies at step 1 and revives at step 2" in figure.alt
    assert "b starts dead" in figure.alt


def test_dead_by_layer_says_first_last_and_largest() -> None:
    figure = ch10.dead_by_layer(counts(), labels={"he": "He"})
    assert "default goes from 7 % to 43 %, largest 43 %" in figure.alt
    assert "He goes from 1.5 % to 4.5 %" in figure.alt


def test_death_and_accuracy_says_both() -> None:
    alt = ch10.death_and_accuracy(ends(), labels={"adam": "Adam"}).alt
    assert "Adam: 9 to 13 % dead at 88.7 %; sgd: 4 to 8 % dead at 81.6 %" in alt


def test_bias_and_signal_says_how_far_they_go() -> None:
    alt = ch10.bias_and_signal(sizes()).alt
    assert "goes from 0.3 to 0.003" in alt and "dead units go from 1 to 45 %" in alt


def test_zeroing_curves_say_how_far_one_can_go() -> None:
    alt = ch10.zeroing_curves(zeroed(), natural={"ReLU": 40.0}).alt
    assert "ReLU stays within a point of its best to 50 % and has 40 % by itself" in alt


# --- what the chapter rests on --------------------------------------------------------


def test_without_biases_the_scale_of_the_weights_changes_nobody() -> None:
    """Xavier's and He's weights of equal layers differ by a factor, and by no more."""
    x = torch.randn(300, 20, generator=torch.Generator().manual_seed(0)) + 1
    size = [20, *[32] * 6, 5]
    masks = {
        init: probes.dead_units(MLP(size, "relu", init, seed=1), x).masks
        for init in ("xavier", "he", "default")
    }
    assert sum(int(mask.sum()) for mask in masks["he"]) > 3
    for mine, other in zip(masks["xavier"], masks["he"], strict=True):
        assert torch.equal(mine, other)
    scaled = MLP(size, "relu", "default_zero_bias", seed=1)
    before = probes.dead_units(scaled, x).masks
    with torch.no_grad():
        for linear in scaled.linears:
            linear.weight *= 64
    for mine, other in zip(before, probes.dead_units(scaled, x).masks, strict=True):
        assert torch.equal(mine, other)
    # With biases the scale does matter, or the test above would show nothing.
    loud = MLP(size, "relu", seed=1)
    with torch.no_grad():
        for linear in loud.linears:
            linear.weight *= 64
    counts_loud = probes.dead_units(loud, x).counts
    assert counts_loud != [int(mask.sum()) for mask in masks["default"]]
