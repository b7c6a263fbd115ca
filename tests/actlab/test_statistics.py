"""Intervals over seeds: against numbers worked out by hand, and bad input."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from actlab.statistics import (
    compare,
    holm,
    interval,
    paired_difference,
    rank_correlation,
    smallest_detectable,
)


def test_known_interval():
    # 1, 2, 3: mean 2, standard deviation 1, t(0.975; 2) = 4.302653 from printed tables.
    result = interval([1, 2, 3])
    assert result.mean == 2
    assert result.std == pytest.approx(1)
    assert result.high - result.mean == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert result.low + result.high == pytest.approx(4)
    assert result.half_width == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert str(result) == "2.0 ± 2.5 (n = 3)"


def test_lower_level_is_narrower():
    values = [81.0, 82.5, 80.0, 83.0]
    assert interval(values, 0.5).half_width < interval(values).half_width


def test_interval_covers_the_mean_as_often_as_it_says():
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        result = interval(random.normal(3, 2, size=5))
        hits += result.low <= 3 <= result.high
    assert 0.935 <= hits / 2000 <= 0.965


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_mean_lies_in_the_interval(values):
    result = interval(values)
    slack = 1e-9 * (1 + max(map(abs, values)))
    assert result.low - slack <= result.mean <= result.high + slack
    assert result.n == len(values)


def test_one_value_has_no_spread():
    result = interval([82.7])
    assert result.mean == 82.7 and math.isnan(result.low) and math.isnan(result.std)
    assert str(result) == "82.7 (n = 1)"


def test_series_are_values():
    assert interval(pd.Series([1.0, 3.0], index=[7, 9])).mean == 2


@pytest.mark.parametrize(
    ("values", "level", "message"),
    [
        ([], 0.95, "one number per run"),
        ([[1, 2], [3, 4]], 0.95, "one number per run"),
        ([1.0, math.nan], 0.95, "1 that are not finite"),
        ([1.0, math.inf, math.nan], 0.95, "2 that are not finite"),
        ([1, 2], 95, "between 0 and 1"),
    ],
)
def test_bad_input(values, level, message):
    with pytest.raises(ValueError, match=message):
        interval(values, level)


def test_pairing_removes_what_both_share():
    random = np.random.default_rng(1)
    seed_effect = random.normal(0, 5, size=8)
    a = 80.5 + seed_effect + random.normal(0, 0.1, size=8)
    b = 80.0 + seed_effect
    paired = paired_difference(a, b)
    assert paired.low < 0.5 < paired.high
    assert paired.half_width < 0.2 < interval(a).half_width


def test_pairs_must_match():
    with pytest.raises(ValueError, match="a has 3 runs and b has 2"):
        paired_difference([1, 2, 3], [1, 2])


# Several comparisons ---------------------------------------------------------------


def test_holm_by_hand():
    # Smallest times 4, next times 3, and so on, never falling again: 0.04, 0.06, 0.06.
    assert holm([0.03, 0.01, 0.02, 0.5]).tolist() == pytest.approx(
        [0.06, 0.04, 0.06, 0.5]
    )
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, 1.5])


def test_holm_keeps_the_error_rate_of_the_family():
    random = np.random.default_rng(0)
    p = random.uniform(size=(2000, 12))
    alarms = np.mean([(holm(row) < 0.05).any() for row in p])
    assert alarms < 0.065
    assert np.mean((p < 0.05).any(1)) > 0.4  # what happens without it


RUNS = {
    "relu": [88.0, 88.4, 87.9, 88.3, 88.1],
    "gelu": [89.1, 89.4, 88.9, 89.4, 89.1],  # a point above, seed by seed
    "tanh": [88.1, 88.3, 88.0, 88.2, 88.1],  # the same but for noise
}


def test_compare_against_one():
    table = compare(RUNS, "relu").set_index("first")
    assert table["second"].tolist() == ["relu", "relu"]
    assert table.loc["gelu", "difference"] == pytest.approx(1.04)
    expected = stats.ttest_rel(RUNS["gelu"], RUNS["relu"]).pvalue
    assert table.loc["gelu", "p"] == pytest.approx(expected)
    assert table.loc["gelu", "p_holm"] == pytest.approx(2 * expected)
    assert table["verdict"].to_dict() == {"gelu": "larger", "tanh": "not shown"}
    assert table.loc["gelu", "low"] < 1.04 < table.loc["gelu", "high"]
    turned = compare(RUNS, "gelu").set_index("first")
    assert turned.loc["relu", "verdict"] == "smaller"


def test_compare_all_pairs_and_margin():
    table = compare(RUNS, margin=0.3).set_index(["first", "second"])
    assert len(table) == 3
    assert table.loc[("relu", "tanh"), "verdict"] == "equivalent"
    assert compare(RUNS, margin=0.05)["verdict"].iloc[1] == "not shown"


def test_compare_needs_pairs():
    with pytest.raises(KeyError, match="'swish' is not among"):
        compare(RUNS, "swish")
    with pytest.raises(ValueError, match="takes two"):
        compare({"relu": [1, 2]})
    with pytest.raises(ValueError, match="a has 3 runs and b has 2"):
        compare({"a": [1, 2, 3], "b": [1, 2]})
    with pytest.raises(ValueError, match="two seeds or more"):
        compare({"a": [1], "b": [2]})
    with pytest.raises(ValueError, match="margin is 0"):
        compare(RUNS, margin=0)


def test_smallest_detectable_is_seen_as_often_as_it_says():
    random = np.random.default_rng(0)
    size = smallest_detectable(0.34, 5, comparisons=11)
    draws = random.normal(size, 0.34, size=(4000, 5))
    seen = stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05 / 11
    assert seen.mean() == pytest.approx(0.8, abs=0.02)
    assert smallest_detectable(0.34, 20, comparisons=11) < size / 2
    assert smallest_detectable(0.0, 5) == 0
    with pytest.raises(ValueError, match="two pairs or more"):
        smallest_detectable(0.3, 1)
    with pytest.raises(ValueError, match="larger than the error rate"):
        smallest_detectable(0.3, 5, power=0.01)


def test_rank_correlation():
    random = np.random.default_rng(0)
    a = np.arange(12.0)
    perfect = rank_correlation(a, np.exp(a))
    assert (perfect.rho, perfect.low, perfect.high) == pytest.approx((1, 1, 1))
    assert perfect.p < 0.01
    noisy = random.normal(size=12)
    nothing = rank_correlation(a, noisy)
    assert nothing.rho == pytest.approx(stats.spearmanr(a, noisy).statistic)
    assert nothing.low < 0 < nothing.high and nothing.p > 0.05
    assert rank_correlation(a, noisy) == nothing  # the same seed, the same numbers
    assert rank_correlation(a, -a).rho == pytest.approx(-1)
    for bad, message in (
        (([1, 2, 3], [1, 2, 3]), "four pairs"),
        (([1, 2, 3, 4], [1, 1, 1, 1]), "constant"),
        (([1, 2, 3, math.nan], [1, 2, 3, 4]), "not finite"),
    ):
        with pytest.raises(ValueError, match=message):
            rank_correlation(*bad)


def test_further_noise_is_in_every_column():
    runs = {"a": [1.0, 1.2, 0.9, 1.1], "b": [0.5, 0.6, 0.7, 0.4], "c": [0.5] * 4}
    plain = compare(runs, "c", margin=0.5)
    same = compare(runs, "c", margin=0.5, further={"a": 0.0, "b": 0.0})
    pd.testing.assert_frame_equal(plain, same)
    wide = compare(runs, "c", margin=0.5, further={"a": 0.0, "b": 0.3})
    (a, b), (_, before) = wide.to_dict("records"), plain.to_dict("records")
    assert a["low"] == plain["low"][0] and b["difference"] == before["difference"]
    spread = np.std([0.0, 0.1, 0.2, -0.1], ddof=1) / 2
    half = stats.t.ppf(0.975, 3) * np.hypot(spread, 0.3)
    assert b["high"] - b["difference"] == pytest.approx(half)
    assert b["detectable"] > before["detectable"] and b["p"] > before["p"]


@pytest.mark.parametrize(
    ("against", "further", "message"),
    [
        (None, {"a": 0.1, "b": 0.1}, "say against"),
        ("b", {}, r"further\['a'\] is nan"),
        ("b", {"a": -1.0}, "give a standard deviation"),
    ],
)
def test_further_noise_that_cannot_be_is_refused(against, further, message):
    with pytest.raises(ValueError, match=message):
        compare({"a": [1.0, 2.0], "b": [1.0, 3.0]}, against, further=further)
