"""Intervals over seeds: against numbers worked out by hand, and bad input."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actlab.statistics import interval, paired_difference


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
