"""Controls: one thing changed, everything else as it was."""

import pytest
import torch
from torch import nn

from actlab.activations import LearnableELU
from actlab.controls import (
    VARIANTS,
    Normalised,
    QuickSlope,
    Scaled,
    UnitGain,
    frozen,
)
from actlab.networks import MLP


def second_moment(activation: nn.Module) -> float:
    z = torch.randn(2_000_000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return (activation(z) ** 2).mean().item()


@pytest.mark.parametrize("slope", [-1.0, 0.0, 0.25, 1.0, 3.0])
@pytest.mark.parametrize("kind", [lambda a: nn.PReLU(init=a), LearnableELU])
def test_unit_gain_holds_the_second_moment_of_relu(kind, slope):
    assert second_moment(UnitGain(kind(slope))) == pytest.approx(0.5, rel=5e-3)


def test_unit_gain_is_the_closed_form_for_prelu():
    x = torch.linspace(-3, 3, 13)
    activation = UnitGain(nn.PReLU(init=0.5))
    expected = torch.where(x > 0, x, 0.5 * x) / (1 + 0.5**2) ** 0.5
    torch.testing.assert_close(activation(x), expected, rtol=2e-4, atol=1e-6)
    # The slope's gradient runs through the division too.
    activation(torch.tensor([2.0])).sum().backward()
    assert activation.activation.weight.grad.item() == pytest.approx(
        -2 * 0.5 * (1 + 0.5**2) ** -1.5, rel=1e-3
    )


def test_scaled_is_a_factor_that_learns():
    activation = Scaled(nn.ReLU(), scale=3.0)
    x = torch.tensor([-1.0, 2.0])
    assert activation(x).tolist() == [0.0, 6.0]
    activation(x).sum().backward()
    assert activation.scale.grad.item() == 2.0


def test_frozen_learns_nothing():
    activation = frozen(nn.PReLU(init=2.0))
    assert not [p for p in activation.parameters() if p.requires_grad]


def test_a_quick_slope_is_prelu_with_a_larger_gradient_for_its_slope():
    x = torch.linspace(-3, 3, 13)
    inputs = x.clone().requires_grad_(), x.clone().requires_grad_()
    plain, quick = nn.PReLU(init=0.7), QuickSlope(0.7, times=4)
    for module, values in zip((plain, quick), inputs, strict=True):
        module(values).square().sum().backward()
    torch.testing.assert_close(quick(x), plain(x))
    torch.testing.assert_close(inputs[1].grad, inputs[0].grad)
    torch.testing.assert_close(quick.slope.grad, 4 * plain.weight.grad[0])


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_trains_in_a_network(variant):
    network = MLP((4, 8, 8, 2), VARIANTS[variant](nn.PReLU()), shared=True, seed=0)
    network(torch.randn(5, 4)).sum().backward()
    assert all(p.grad is not None for p in network.linears.parameters())


def test_gain_alone_changes_the_weights_and_nothing_else():
    plain = MLP((6, 5, 3), "relu", "default", seed=2)
    gained = MLP((6, 5, 3), "relu", "default_gain", seed=2)
    for a, b in zip(plain.linears, gained.linears):
        torch.testing.assert_close(b.weight, a.weight * 6**0.5)
        assert torch.equal(a.bias, b.bias)


def test_normalised_sees_mean_zero_and_variance_one_per_example():
    seen = []
    activation = Normalised(lambda z: seen.append(z) or z.relu())
    x = 7 * torch.randn(5, 300, generator=torch.Generator().manual_seed(0)) + 3
    output = activation(x)
    torch.testing.assert_close(seen[0].mean(1), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[0].var(1, False), torch.ones(5), atol=1e-4, rtol=0)
    torch.testing.assert_close(output, seen[0].relu())
    # A network stays as large as it was, and blind to the scale of what comes in.
    assert not list(Normalised(nn.ReLU()).parameters())
    torch.testing.assert_close(activation(100 * x), output, atol=1e-4, rtol=1e-4)
