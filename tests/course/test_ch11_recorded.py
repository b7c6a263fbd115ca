"""What chapter 11 says of its recorded studies holds, by the readings declared."""

from __future__ import annotations

import math

import pytest

from actlab import studies
from course.ch11 import edge, flatter, sharpening
from course.ch11.studies import FAST, LEVELS, SLOW

RATES = (0.01, 0.05)


@pytest.mark.parametrize("lr", RATES)
def test_tanh_is_flatter_at_equal_loss(lr: float) -> None:
    tanh = flatter.ratios(lr).loc["tanh"]
    assert tanh["n"] == 10 and tanh["ratio"] == pytest.approx(0.4, abs=0.02)
    assert tanh["high"] < 0.8


@pytest.mark.parametrize("lr", RATES)
def test_its_parameters_are_longer(lr: float) -> None:
    length = flatter.parts(lr)["length"]
    assert 1.15 < length["tanh"] / length["relu"] < 1.25


@pytest.mark.parametrize("lr", RATES)
@pytest.mark.parametrize("fast", FAST)
def test_every_slow_function_is_flatter_than_every_fast_one(fast, lr) -> None:
    assert (flatter.ratios(lr, against=fast).loc[list(SLOW), "high"] < 0.6).all()


@pytest.mark.parametrize("lr", RATES)
@pytest.mark.parametrize(
    ("cut", "whole"), [("tanh(max(x, 0))", "tanh"), ("asinh(max(x, 0))", "asinh(x)")]
)
def test_the_left_half_changes_little(cut: str, whole: str, lr: float) -> None:
    row = flatter.ratios(lr, against=whole).loc[cut]
    assert 0.8 < row["low"] and row["high"] < 1.25


def test_the_later_layers_make_the_difference() -> None:
    found = flatter.parts(0.05)
    fast, slow = found.loc[[*FAST]], found.loc[[*SLOW]]
    assert fast["layer_1"].max() / slow["layer_1"].min() < 2
    for layer in ("layer_2", "layer_3"):
        assert fast[layer].min() > 3 * slow[layer].max()
    assert fast["outputs_2"].min() > 6 * slow["outputs_2"].max()


@pytest.mark.parametrize("lr", RATES)
def test_the_block_of_layer_3_follows_what_comes_into_it(lr: float) -> None:
    found = flatter.parts(lr)
    assert (found["layer_3"] / found["outputs_2"]).between(1 / 33, 1 / 12).all()


@pytest.mark.parametrize("lr", RATES)
def test_slow_growth_is_enough_and_not_needed(lr: float) -> None:
    """The identity grows like x, and half of ReLU's eigenvalue is left."""
    row = flatter.ratios(lr).loc["identity"]
    assert row["ratio"] == pytest.approx(0.5, abs=0.06) and row["high"] < 0.8
    outputs = flatter.parts(lr)["outputs_2"]
    assert outputs[[*SLOW]].max() < outputs["identity"] < outputs[[*FAST]].min()


def test_small_batches_take_relu_down_at_the_largest_rate() -> None:
    small = flatter.ratios(0.2, 0.1).loc["tanh"]
    whole = flatter.ratios(0.2, 0.1, flatter.WHOLE).loc["tanh"]
    assert small["high"] > 0.99 and whole["high"] < 0.8


def test_only_at_the_largest_rate_networks_come_to_the_edge_with_momentum() -> None:
    runs = studies.load("flatter")
    most = runs.groupby(["lr", "regime", "activation", "seed"])["largest"].max()
    edge = 2 * (1 + 0.9) / most.index.get_level_values("lr")
    came = (most >= 0.9 * edge).groupby(["lr", "regime", "activation"]).sum()
    assert came[list(RATES)].sum() == 0
    assert (most / edge)[list(RATES)].max() < 0.3, "far below"
    whole = came[0.2, flatter.WHOLE]
    assert whole[["relu", "gelu", "tanh"]].tolist() == [4, 5, 0]


@pytest.mark.parametrize("regime", [flatter.SMALL, flatter.WHOLE])
def test_half_of_tanh_is_not_told_from_relu_at_the_largest_rate(regime: str) -> None:
    row = flatter.ratios(0.2, 0.1, regime).loc["tanh(max(x, 0))"]
    assert row["n"] == 10 and row["low"] < 1 < row["high"]


def test_at_all_rates_and_levels_gelu_is_within_a_sixth_of_relu() -> None:
    regimes = *((lr, flatter.SMALL) for lr in (*RATES, 0.2)), (0.2, flatter.WHOLE)
    found = [
        flatter.ratios(lr, level, regime) for lr, regime in regimes for level in LEVELS
    ]
    tanh = [round(one.loc["tanh", "ratio"], 1) for one in found]
    assert (min(tanh), max(tanh)) == (0.3, 0.7)
    rows = [one.loc["gelu"] for one in found]
    assert len(rows) == 12 and all(5 / 6 < row["ratio"] < 7 / 6 for row in rows)
    assert sum(row["low"] < 1 < row["high"] for row in rows) == 11


def test_a_function_that_was_not_reached_has_no_row() -> None:
    """Six of ten networks with x·tanh|x| broke down at 0.2, and none came to 0.1."""
    assert "x*tanh(abs(x))" not in flatter.ratios(0.2, 0.1).index
    assert flatter.ratios(0.2, 0.3).loc["x*tanh(abs(x))", "n"] == 4


@pytest.mark.parametrize("name", edge.FUNCTIONS)
@pytest.mark.parametrize("lr", [2.0, 1.0])
def test_at_large_steps_the_step_sets_it(lr: float, name: str) -> None:
    rows = sharpening.paths().loc[lr, name]
    assert len(rows) == 10 and rows["edge"].sum() == 10
    assert (rows["last"] * lr / 2).between(0.73, 1.27).all()


def test_nine_of_ten_with_tanh_start_beyond_the_edge() -> None:
    runs = studies.load("sharpening")
    start = runs[(runs["epoch"] == 0) & (runs["lr"] == 1.0)]
    beyond = (start["largest"] > 2).groupby(start["activation"]).sum()
    assert beyond.to_dict() == {"relu": 1, "gelu": 0, "mish": 0, "tanh": 9}


def test_at_small_steps_the_function_does() -> None:
    came = sharpening.paths()["edge"].groupby(["lr", "activation"]).sum()
    assert came[0.5].to_dict() == {"relu": 10, "gelu": 7, "mish": 7, "tanh": 1}
    assert came[0.25].max() == 1
    most = sharpening.paths()["most"].groupby(["lr", "activation"]).mean()
    assert most[0.5, "tanh"] == pytest.approx(most[0.25, "tanh"], abs=0.05)
    assert most[0.25, "tanh"] < 3.1


@pytest.mark.parametrize(
    ("against", "high"), [("relu", 0.8), ("gelu", 0.8), ("mish", 0.82)]
)
def test_below_the_edge_tanh_stays_flatter(against: str, high: float) -> None:
    found = sharpening.sharper(0.25, "tanh", against)
    assert 0.55 < math.exp(found.mean) < 0.7 and math.exp(found.high) < high


def test_relu_had_not_turned_and_tanh_had() -> None:
    rows = sharpening.paths().loc[0.25]
    still = (rows["last"] / rows["most"] >= 0.95).groupby("activation").sum()
    assert still[["relu", "gelu", "tanh"]].tolist() == [10, 5, 1]


@pytest.mark.parametrize("name", ["gelu", "mish"])
def test_they_end_more_than_twice_as_sharp_on_average_and_not_each(name: str) -> None:
    last = sharpening.paths()["last"]
    each = last[0.25, name] / last[1.0, name]
    assert last[0.25, name].mean() > 2 * last[1.0, name].mean()
    assert (each > 2).sum() == 5


def test_sharper_was_not_seen_to_be_worse() -> None:
    for name in ("gelu", "mish", "tanh"):
        found = sharpening.accuracy(name)
        assert -1 < found.low and found.high < 1
    relu = sharpening.accuracy("relu")
    assert relu.low < -1 and relu.high > 1, "not settled"


@pytest.mark.parametrize(
    "study", ["flatter", "sharpening", "second-flat", "second-edge", "kernel-moves"]
)
def test_it_was_recorded_from_a_clean_tree(study: str) -> None:
    (environment,) = studies.provenance(study)["environments"]
    assert environment["uncommitted_changes"] is False
