"""Gated units, maxout and mixtures: formulas, shapes, and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from actlab import catalogue
from actlab.activations import (
    GEGLU,
    PELU,
    Bilinear,
    ClampedSwiGLU,
    GroupSort,
    Maxout,
    Mixture,
    ReGLU,
    SwiGLU,
)

GATES = {
    Bilinear(): lambda c: c,
    ReGLU(): F.relu,
    GEGLU(): F.gelu,
    GEGLU(approximate="tanh"): lambda c: F.gelu(c, approximate="tanh"),
    SwiGLU(): F.silu,
    SwiGLU(beta=2.0): lambda c: F.silu(2 * c) / 2,
}


def batch(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(shape, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("module, gate", GATES.items(), ids=map(str, GATES))
def test_a_gate_multiplies_the_first_half(module, gate) -> None:
    x = batch(4, 6)
    torch.testing.assert_close(module(x), x[:, :3] * gate(x[:, 3:]))
    assert torch.autograd.gradcheck(module, x.requires_grad_())


def test_the_order_of_the_halves_is_that_of_torch() -> None:
    x = batch(4, 6)
    torch.testing.assert_close(nn.GLU()(x), x[:, :3] * torch.sigmoid(x[:, 3:]))


def test_the_clamped_unit_is_the_formula_and_finite() -> None:
    value = torch.tensor([20.0, -20.0, 1.0], dtype=torch.float64)
    gate = torch.tensor([20.0, 1.0, -20.0], dtype=torch.float64)
    expected = (value.clamp(-7, 7) + 1) * (
        gate.clamp(max=7) * torch.sigmoid(1.702 * gate.clamp(max=7))
    )
    found = ClampedSwiGLU()(torch.cat([value, gate]))
    torch.testing.assert_close(found, expected)
    assert ClampedSwiGLU()(torch.full((4,), 3e38)).tolist() == pytest.approx(
        [56.0] * 2, rel=1e-4
    )
    assert torch.autograd.gradcheck(ClampedSwiGLU(), batch(4, 6).requires_grad_())
    limits = torch.tensor([7.0, -7.0, 1.0, 1.0, 1.0, 7.0], requires_grad=True)
    ClampedSwiGLU()(limits).sum().backward()
    assert limits.grad is not None
    assert limits.grad[[0, 1, 5]].tolist() == [0.0] * 3, "on a limit it is cut"
    with pytest.raises(ValueError, match="limit must be positive, not 0"):
        ClampedSwiGLU(limit=0)


@pytest.mark.parametrize("module", [*GATES, ClampedSwiGLU()], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_gradients_are_finite_at_saturated_gates(module, dtype) -> None:
    largest = torch.finfo(dtype).max
    gates = [0.0, 8.0, -8.0, 100.0, -100.0, 6e4, -6e4, -largest]
    x = torch.tensor([0.5] * len(gates) + gates, dtype=dtype).requires_grad_()
    result = module(x)
    assert result.dtype == dtype
    (gradient,) = torch.autograd.grad(result.sum(), x)
    # The tanh form cubes its gate; torch's own kernel overflows there.
    known = 3 if getattr(module, "approximate", "none") == "tanh" else 0
    keep = len(gates) - known
    assert result[:keep].isfinite().all()
    assert gradient[len(gates) :][:keep].isfinite().all()


@pytest.mark.parametrize(
    "module", [SwiGLU(), SwiGLU(beta=3.0), ClampedSwiGLU()], ids=str
)
def test_a_closed_gate_passes_no_nan_back(module) -> None:
    """Value × gate overflows float16 here, and the slope of the gate is 0."""
    x = torch.tensor([3.0, 4.0, -30000.0, -65504.0], dtype=torch.float16)
    result = module(x.requires_grad_())
    assert result.tolist() == [0.0, 0.0]
    (gradient,) = torch.autograd.grad(result.sum(), x)
    assert gradient.tolist() == [0.0] * 4


@pytest.mark.parametrize("module", [*GATES, ClampedSwiGLU()], ids=str)
def test_an_odd_or_missing_axis_is_named(module) -> None:
    name = type(module).__name__
    with pytest.raises(ValueError, match=rf"{name} halves axis -1, whose size 3"):
        module(torch.zeros(4, 3))
    with pytest.raises(ValueError, match=rf"{name} works along axis -1.*\(\)"):
        module(torch.tensor(1.0))


def test_another_axis_can_be_halved() -> None:
    x = batch(2, 6, 5)
    across = SwiGLU(dim=1)(x)
    assert across.shape == (2, 3, 5)
    torch.testing.assert_close(across, SwiGLU()(x.mT).mT)
    assert ReGLU(dim=0)(torch.zeros(4, 3)).shape == (2, 3)


def test_maxout_takes_the_largest_of_neighbours() -> None:
    x = torch.tensor([[1.0, 5.0, -2.0, -3.0, 0.0, 4.0]])
    assert Maxout(2)(x).tolist() == [[5.0, -2.0, 4.0]]
    assert Maxout(3)(x).tolist() == [[5.0, 4.0]]
    assert Maxout(2, dim=1)(torch.zeros(2, 6, 4)).shape == (2, 3, 4)
    equal = torch.tensor([2.0, 2.0, 1.0, 0.0, 0.0, 0.0], requires_grad=True)
    Maxout(3)(equal).sum().backward()
    assert equal.grad is not None
    shares = torch.tensor([1 / 2, 1 / 2, 0, 1 / 3, 1 / 3, 1 / 3])
    torch.testing.assert_close(equal.grad, shares)
    assert torch.autograd.gradcheck(Maxout(3), batch(4, 6).requires_grad_())
    with pytest.raises(ValueError, match=r"axis -1 into groups of 4; its size 6"):
        Maxout(4)(x)
    with pytest.raises(ValueError, match="has no such axis"):
        Maxout(2, dim=3)(x)
    with pytest.raises(ValueError, match="pieces must be at least 1"):
        Maxout(0)


def test_groupsort_sorts_neighbours_and_keeps_every_norm() -> None:
    x = torch.tensor([[1.0, 5.0, -2.0, -3.0, 0.0, 4.0]])
    assert GroupSort(2)(x).tolist() == [[1.0, 5.0, -3.0, -2.0, 0.0, 4.0]]
    assert GroupSort(3)(x).tolist() == [[-2.0, 1.0, 5.0, -3.0, 0.0, 4.0]]
    images = batch(2, 6, 4)
    assert GroupSort(2, dim=1)(images).shape == images.shape
    torch.testing.assert_close(GroupSort(3, dim=1)(images).norm(), images.norm())
    given = batch(4, 6).requires_grad_()
    assert torch.autograd.gradcheck(GroupSort(3), given)
    weights = batch(4, 6)
    (gradient,) = torch.autograd.grad((GroupSort(3)(given) * weights).sum(), given)
    torch.testing.assert_close(gradient.norm(), weights.norm())
    with pytest.raises(ValueError, match="GroupSort cuts axis -1 into groups of 4"):
        GroupSort(4)(x)


def test_maxout_of_a_layer_is_convex() -> None:
    torch.manual_seed(0)
    unit = nn.Sequential(nn.Linear(3, 8), Maxout(4)).double()
    first, second = batch(50, 3), batch(50, 3).flip(0)
    middle = unit((first + second) / 2)
    assert (middle <= (unit(first) + unit(second)) / 2 + 1e-12).all()


def test_a_mixture_starts_as_the_mean_and_trains_its_members() -> None:
    x = batch(4, 6)
    functions = (torch.relu, torch.tanh, torch.sin)
    mean = sum(function(x) for function in functions) / 3
    torch.testing.assert_close(Mixture(functions).double()(x), mean)
    torch.testing.assert_close(Mixture(functions, features=6).double()(x), mean)
    assert len(list(Mixture((torch.relu, PELU())).parameters())) == 2 + 2


def test_the_gates_of_a_mixture_are_weights_that_the_input_moves() -> None:
    module = Mixture(features=6).double()
    with torch.no_grad():
        module.weight.copy_(batch(2, 6))
    weights = module.gates(batch(4, 6))
    assert weights.shape == (4, 1, 2)
    torch.testing.assert_close(weights.sum(-1), torch.ones(4, 1).double())
    assert weights.std(0).min() > 0.01


@pytest.mark.parametrize("row", catalogue.family("gated"), ids=lambda row: row.key)
def test_rows_agree_with_their_reference_at_other_parameters(row) -> None:
    if row.kind != "vector":
        return
    x = batch(20, 24)
    for name, param in row.params.items():
        for value in {param.low, param.high, 2 * param.default}:
            given = {name: int(value) if param.step == 1 else value}
            found, expected = row.make(**given)(x), row.numpy(**given)(x.numpy())
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
