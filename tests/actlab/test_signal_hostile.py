"""Maps of variance and correlation where a function or a request is awkward."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from actlab import properties
from actlab.networks import MLP

NO_VARIANCE = (-1.0, -math.inf, math.nan)


def calls(q=1.0, weight=1.0, bias=0.0, c=0.5, depth=2):
    """Each instrument with these settings, by name."""
    network = {"weight_variance": weight, "bias_variance": bias}
    return {
        "variance": lambda: properties.variance_map("relu", q, **network),
        "correlation": lambda: properties.correlation_map("relu", c, q, **network),
        "variances": lambda: properties.iterate_variance("relu", depth, q, **network),
        "gradients": lambda: properties.iterate_gradient("relu", depth, q, **network),
        "correlations": lambda: properties.iterate_correlation(
            "relu", depth, c, q, **network
        ),
        "slope": lambda: properties.variance_slope("relu", q, weight),
        "chi": lambda: properties.chi_1("relu", q, weight),
    }


@pytest.mark.parametrize("wrong", NO_VARIANCE)
@pytest.mark.parametrize("depth", [0, 2])
def test_what_is_no_variance_is_refused_everywhere(wrong, depth):
    for name, call in calls(q=wrong, depth=depth).items():
        with pytest.raises(ValueError, match=r"a variance is 0 or more|needs q > 0"):
            call()
            pytest.fail(name)
    for name, call in calls(weight=wrong, depth=depth).items():
        with pytest.raises(ValueError, match="weight_variance is"):
            call()
            pytest.fail(name)
    for name, call in list(calls(bias=wrong, depth=depth).items())[:5]:
        with pytest.raises(ValueError, match="bias_variance is"):
            call()
            pytest.fail(name)
    with pytest.raises(ValueError, match="weight_variance is"):
        properties.fixed_point("tanh", wrong)
    with pytest.raises(ValueError, match="bias_variance is"):
        properties.fixed_point("tanh", 1.0, wrong)


@pytest.mark.parametrize("wrong", [2.0, -1.0000001, math.nan, math.inf])
def test_what_is_no_correlation_is_refused_at_any_depth(wrong):
    for depth in (0, 2):
        with pytest.raises(ValueError, match="a correlation lies between"):
            properties.iterate_correlation("relu", depth, wrong)
    with pytest.raises(ValueError, match="a correlation lies between"):
        properties.depth_profile("relu", 2, correlation=wrong)


@pytest.mark.parametrize("depth", [0, -1, 1.5, math.nan, math.inf])
def test_a_depth_that_is_none_is_named_as_it_was_given(depth):
    with pytest.raises(ValueError, match=rf"1 or more, not {depth}$"):
        properties.depth_profile("relu", depth)
    if depth != 0:
        with pytest.raises(ValueError, match=rf"0 or more, not {depth}$"):
            properties.iterate_variance("relu", depth)


@pytest.mark.parametrize(
    "settings",
    [{"width": 0}, {"width": math.nan}, {"inputs": -1}, {"inputs": math.inf}],
)
def test_impossible_profiles(settings):
    with pytest.raises(ValueError, match=f"{next(iter(settings))} is"):
        properties.depth_profile("relu", 3, **settings)


def test_no_signal_has_no_correlation_and_one_with_biases_has():
    silent = properties.depth_profile("relu", 3, "he", inputs=0.0, correlation=0.5)
    assert np.isnan(silent.alike).all() and not silent.pre_activation.any()
    same = properties.depth_profile("relu", 3, inputs=0.3, correlation=1.0)
    assert same.alike == pytest.approx(1)


@pytest.mark.parametrize(
    ("f", "q"),
    [
        (lambda x: torch.exp(x * x / 4), 1.0),
        (lambda x: torch.exp(x * x), 1.0),
        (lambda x: 1 / x, 1.0),
        (lambda x: x * math.nan, 1.0),
        (torch.relu, math.inf),
    ],
)
def test_where_the_variance_is_no_number_there_is_no_correlation(f, q):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = properties.correlation_map(f, [-1.0, 0.0, 0.5, 1.0], q)
        alone = properties.correlation_map(f, 0.0, q)
        slope = properties.variance_slope(f, q)
    assert np.isnan(found).all() and math.isnan(alone) and math.isnan(slope)


def power(k: int, c: float) -> float:
    """The correlation map of x²ᵏ from the moments of two normal numbers."""
    total = sum(
        math.comb(2 * k, 2 * j)
        * math.comb(2 * k, 2 * j)
        * math.factorial(2 * j)
        * (math.prod(range(1, 2 * k - 2 * j, 2)) ** 2)
        * c ** (2 * j)
        for j in range(k + 1)
    )
    return total / math.prod(range(1, 4 * k, 2))


@pytest.mark.parametrize("c", [-0.7, 0.0, 0.5, 0.95])
def test_correlations_of_functions_that_live_far_out_or_swing(c):
    steep = properties.correlation_map(lambda x: torch.exp(6 * x), c)
    assert steep == pytest.approx(math.exp(36 * (c - 1)), rel=1e-4)
    for k in (5, 30):
        found = properties.correlation_map(lambda x, k=k: x ** (2 * k), c)
        assert found == pytest.approx(power(k, c), rel=1e-3)
    q = 4.0
    found = properties.correlation_map(lambda x: torch.sin(30 * x), c, q)
    assert found == pytest.approx(math.exp(-900 * q * (1 - c)), abs=1e-9)


def test_correlations_that_cannot_be_followed_are_not_known():
    poles = properties.correlation_map(lambda x: x.abs().log(), [-0.5, 0.0, 0.5, 1.0])
    assert np.isnan(poles[:3]).all() and poles[3] == 1
    far = properties.correlation_map(lambda x: torch.exp(12 * x), 0.5)
    assert math.isnan(far)  # e⁻⁷², from places 24 standard deviations out
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        steps = properties.correlation_map(lambda x: torch.floor(100 * x) / 100, 0.5)
    assert math.isnan(steps)  # a grid of 48 GB


def test_a_fixed_point_that_cannot_be_looked_for_is_not_denied():
    nowhere = lambda x: torch.where(x.abs() > 3, x * math.nan, 0.5 * x)  # noqa: E731
    with pytest.raises(ValueError, match="is not known at q = 1e-06"):
        properties.fixed_point(nowhere)
    assert properties.fixed_point("relu") is None


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_a_gain_is_known_where_the_squares_are_no_numbers(size):
    assert properties.forward_gain(lambda x: size * x) == pytest.approx(1 / size)
    assert properties.forward_gain(lambda x: 0 * x) == math.inf
    if size < 1:
        assert properties.backward_gain(lambda x: size * x) == pytest.approx(1 / size)


def test_squares_that_overflow_far_out_are_no_infinite_variance():
    f = lambda x: torch.exp(12 * x)  # noqa: E731
    assert properties.variance_map(f, 1.0) == pytest.approx(math.exp(288))
    assert properties.chi_1(f) == pytest.approx(144 * math.exp(288))
    assert properties.forward_gain(f) == pytest.approx(math.exp(-144))
    assert properties.backward_gain(f) == pytest.approx(math.exp(-144) / 12)
    assert properties.variance_map(lambda x: torch.exp(x * x / 4), 1.0) == math.inf


def test_infinite_values_have_no_slope_of_0():
    assert math.isnan(properties.chi_1(lambda x: x * 0 + math.inf))


@pytest.mark.parametrize("init", ["matched", "orthogonal"])
@pytest.mark.parametrize("size", [0.0, 1e200, 1e-200, 1e150, 1e-150, math.nan])
def test_weights_that_no_float_holds_are_not_drawn(size, init):
    with pytest.raises(ValueError, match="no weights match that"):
        MLP((4, 5, 3), lambda x: size * x, init, seed=0)


def test_modules_are_left_as_they_are():
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.calls = 0
            self.register_buffer("total", torch.zeros(()))
            self.slope = nn.Parameter(torch.tensor(0.5))

        def forward(self, x):
            self.calls += 1
            self.total += 1
            return torch.where(x > 0, x, self.slope * x)

    module, state = Counts(), torch.get_rng_state()
    with torch.inference_mode():
        inside = properties.chi_1(module)
    assert inside == properties.chi_1(module) == pytest.approx(0.625)
    assert properties.correlation_map(module, 1.0) == 1
    assert module.calls == 0 and module.total == 0 and module.slope.grad is None
    assert torch.equal(torch.get_rng_state(), state)
