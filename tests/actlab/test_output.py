"""Softmax with a temperature, sparsemax, entmax: values, gradients, edges, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from actlab import catalogue
from actlab.activations import output
from actlab.activations.output import (
    Entmax,
    Sparsemax,
    TemperatureLogSoftmax,
    TemperatureSoftmax,
    entmax,
    entmax15,
    log_softmax,
    softmax,
    sparsemax,
)

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
MAPS = {
    "softmax": softmax,
    "cool softmax": lambda z, dim=-1: softmax(z, dim, temperature=0.125),
    "entmax 1.25": lambda z, dim=-1: entmax(z, 1.25, dim),
    "entmax 1.5": entmax15,
    "sparsemax": sparsemax,
}


def logits(*shape: int, scale: float = 2.0, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)


def by_bisection(values: np.ndarray, alpha: float) -> np.ndarray:
    """α-entmax of one row from its definition, one number at a time."""
    low, high = (alpha - 1) * values.max() - 1, (alpha - 1) * values.max()
    for _ in range(200):
        middle = (low + high) / 2
        parts = np.maximum((alpha - 1) * values - middle, 0) ** (1 / (alpha - 1))
        low, high = (middle, high) if parts.sum() > 1 else (low, middle)
    return parts


@pytest.mark.parametrize("alpha", [1.1, 1.25, 1.5, 1.9, 2.0])
def test_entmax_is_what_its_definition_says(alpha: float) -> None:
    for seed in range(20):
        row = logits(9, seed=seed)
        expected = by_bisection(row.numpy(), alpha)
        np.testing.assert_allclose(entmax(row, alpha), expected, atol=1e-12)


def test_sparsemax_by_hand() -> None:
    found = sparsemax(torch.tensor([1.0, 0.5, -1.0]))
    torch.testing.assert_close(found, torch.tensor([0.75, 0.25, 0.0]))
    assert entmax15(torch.tensor([2.0, 0.0])).tolist() == [1.0, 0.0]


def test_sparsemax_is_the_nearest_point() -> None:
    row = logits(6, scale=1.0)
    nearest = sparsemax(row)
    for seed in range(200):
        other = softmax(logits(6, seed=seed))
        for share in (1.0, 0.1, 0.001):
            point = nearest + share * (other - nearest)
            assert (point - row).norm() >= (nearest - row).norm() - 1e-12


def test_alpha_one_is_softmax_and_temperature_one_is_torch() -> None:
    batch = logits(4, 5, 6)
    for dim in (-1, 0, 1):
        torch.testing.assert_close(entmax(batch, 1.0, dim), batch.softmax(dim))
        torch.testing.assert_close(softmax(batch, dim), batch.softmax(dim))
        torch.testing.assert_close(log_softmax(batch, dim), batch.log_softmax(dim))
    near = entmax(batch, 1.001)
    torch.testing.assert_close(near, batch.softmax(-1), atol=1e-3, rtol=0)


def test_temperature_divides_the_logits() -> None:
    batch = logits(4, 6)
    for temperature in (0.1, 0.7, 3.0):
        expected = (batch / temperature).log_softmax(0)
        found = TemperatureLogSoftmax(temperature, dim=0)(batch)
        torch.testing.assert_close(found, expected)
        weights = TemperatureSoftmax(temperature, dim=0)(batch)
        torch.testing.assert_close(weights, expected.exp())


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: str(dtype)[6:])
def test_weights_along_each_axis(name: str, dtype: torch.dtype) -> None:
    batch = logits(3, 4, 5).to(dtype)
    for dim in (-1, 0, 1):
        weights = MAPS[name](batch, dim)
        assert weights.dtype == dtype and weights.shape == batch.shape
        assert bool((weights >= 0).all())
        total = weights.double().sum(dim)
        tolerance = 5 * torch.finfo(dtype).eps
        torch.testing.assert_close(
            total, torch.ones_like(total), atol=tolerance, rtol=0
        )


@pytest.mark.parametrize("name", MAPS)
def test_gradients(name: str) -> None:
    batch = logits(3, 5).requires_grad_()
    assert torch.autograd.gradcheck(MAPS[name], batch)
    assert torch.autograd.gradgradcheck(MAPS[name], batch)
    sideways = logits(3, 2, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: MAPS[name](z, 0), sideways)


@pytest.mark.parametrize("alpha", [1.25, 1.5, 2.0])
def test_jacobian_as_in_the_catalogue(alpha: float) -> None:
    row = logits(7, scale=1.0)
    weights = entmax(row, alpha)
    slope = torch.where(weights > 0, weights ** (2 - alpha), 0.0)
    expected = slope.diag() - torch.outer(slope, slope) / slope.sum()
    found = torch.func.jacrev(lambda z: entmax(z, alpha))(row)
    torch.testing.assert_close(found, expected)


EXTREMES = [
    [1000.0, 999.0, -1000.0],
    [-1000.0, -1001.0, -1000.0],
    [0.0, 0.0, 0.0],
    [6e4, -6e4, 6e4],
    [0.0, -math.inf, 1.0],
]


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: str(dtype)[6:])
@pytest.mark.parametrize("row", EXTREMES, ids=str)
def test_extremes_stay_finite(name: str, dtype: torch.dtype, row: list) -> None:
    z = torch.tensor(row, dtype=dtype, requires_grad=True)
    weights = MAPS[name](z)
    assert bool(weights.isfinite().all())
    assert weights.sum().item() == pytest.approx(1, abs=1e-2)
    (gradient,) = torch.autograd.grad(weights[0], z)
    assert bool(gradient.isfinite().all())
    if -math.inf in row:
        assert weights[1] == 0 and gradient[1] == 0


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: str(dtype)[6:])
def test_log_softmax_has_no_log_of_zero(dtype: torch.dtype) -> None:
    z = torch.tensor([0.0, -104.0, -1000.0], dtype=dtype, requires_grad=True)
    found = log_softmax(z, temperature=0.5)
    assert found.tolist() == [0.0, -208.0, -2000.0]
    found[2].backward()
    assert bool(z.grad.isfinite().all())
    largest = torch.finfo(dtype).max
    ends = log_softmax(torch.tensor([largest, -largest], dtype=dtype))
    assert ends[0] == 0 and ends[1] <= -largest


def test_nan_is_passed_on_and_an_empty_batch_is_fine() -> None:
    for function in MAPS.values():
        found = function(torch.tensor([[math.nan, 0.0], [0.0, 1.0]]))
        assert bool(found[0].isnan().all()) and bool(found[1].isfinite().all())
        assert function(torch.empty(0, 3)).shape == (0, 3)
        assert function(torch.tensor([[3.0], [4.0]])).tolist() == [[1.0], [1.0]]


@given(
    st.lists(st.floats(-30, 30), min_size=1, max_size=12),
    st.floats(-100, 100),
    st.sampled_from(sorted(MAPS)),
)
@settings(max_examples=60, deadline=None)
def test_a_shift_changes_nothing_and_order_is_kept(row, shift, name) -> None:
    z = torch.tensor(row, dtype=torch.float64)
    weights = MAPS[name](z)
    # 1e-12: adding the shift rounds the logits, a temperature of 1/8 enlarges it.
    torch.testing.assert_close(MAPS[name](z + shift), weights, atol=1e-12, rtol=1e-11)
    order = z.argsort()
    assert bool((weights[order].diff() >= -1e-12).all())


@pytest.mark.parametrize("function", [softmax, log_softmax, entmax15, sparsemax])
def test_errors_name_the_axis(function) -> None:
    with pytest.raises(ValueError, match=r"axis 2 does not exist in shape \(3, 4\)"):
        function(torch.zeros(3, 4), dim=2)
    with pytest.raises(ValueError, match="use -2 to 1"):
        function(torch.zeros(3, 4), dim=-3)
    with pytest.raises(ValueError, match=r"axis 1 of shape \(3, 0\) is empty"):
        function(torch.zeros(3, 0), dim=1)
    with pytest.raises(ValueError, match="a single number has none"):
        function(torch.tensor(1.0))
    with pytest.raises(TypeError, match="torch.int64"):
        function(torch.tensor([1, 2]))


@pytest.mark.parametrize("temperature", [0, -1.0, math.inf, math.nan])
def test_temperatures_are_checked(temperature: float) -> None:
    with pytest.raises(ValueError, match="positive number, not"):
        softmax(torch.zeros(3), temperature=temperature)
    with pytest.raises(ValueError, match="positive number, not"):
        TemperatureSoftmax(temperature)


def test_alpha_is_checked() -> None:
    for alpha in (0.9, 2.1, math.nan):
        with pytest.raises(ValueError, match="between 1 and 2"):
            entmax(torch.zeros(3), alpha)


def test_modules() -> None:
    batch = logits(3, 4)
    torch.testing.assert_close(Sparsemax(dim=0)(batch), sparsemax(batch, 0))
    torch.testing.assert_close(Entmax(1.3)(batch), entmax(batch, 1.3))
    assert str(Sparsemax()) == "Sparsemax(alpha=2, dim=-1)"
    assert "temperature=0.5" in str(TemperatureSoftmax(0.5))
    for name in output.__all__:
        assert getattr(output, name).__doc__


@pytest.mark.parametrize("row", catalogue.family("output"), ids=lambda row: row.key)
def test_catalogue_rows_agree_with_their_reference(row) -> None:
    if row.kind != "vector":
        return
    batch = logits(50, 7, scale=3.0)
    settings = [{}]
    for name, param in row.params.items():
        settings += [{name: param.low}, {name: param.high}, {name: 1.25}]
    for given_values in settings:
        found = row.make(**given_values)(batch)
        expected = row.numpy(**given_values)(batch.numpy())
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13)


def test_the_rows_of_chapter_six_are_there() -> None:
    keys = {row.key for row in catalogue.family("output")}
    assert {"softmax", "log_softmax", "softmin", "sparsemax", "entmax"} <= keys
    assert catalogue.get("entmax15").key == "entmax"
