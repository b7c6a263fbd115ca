"""The study size-or-step does to the weights what it says, and nothing else."""

import copy
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from actlab import controls
from actlab.networks import MLP
from course.ch08.size_or_step import FACTOR, SIZE_OR_STEP, network

CONDITIONS = {c.variant: c for c in SIZE_OR_STEP.conditions}


def step(net, lr_of, lr=0.05):
    """One step of gradient descent; ``lr_of(name)`` multiplies the rate."""
    x = torch.randn(32, 784, generator=torch.Generator().manual_seed(0))
    F.cross_entropy(net(x), torch.arange(32) % 10).backward()
    with torch.no_grad():
        for name, p in net.named_parameters():
            if p.grad is not None:
                p -= lr * lr_of(name) * p.grad


@pytest.mark.parametrize("variant", CONDITIONS)
def test_a_cell_is_a_start_and_a_step_behind_the_first_layer(variant):
    condition = CONDITIONS[variant]
    made = network(condition, 0)
    k = made.activations[0].scale.item()
    plain = MLP(condition.sizes, "relu", condition.init, seed=0)
    for linear in plain.linears[1:]:
        linear.weight.data *= condition.start
    behind = {f"linears.{i}.weight" for i in range(1, 5)}
    step(made, lambda name: 1)
    step(plain, lambda name: condition.step if name in behind else 1)
    for i, (one, other) in enumerate(zip(made.linears, plain.linears)):
        torch.testing.assert_close(one.weight * (k if i else 1), other.weight)
        torch.testing.assert_close(one.bias, other.bias)


def test_the_recorded_factor_is_the_cell_that_is_left_out():
    condition = replace(CONDITIONS["start 2.77, step 1"], start=FACTOR, step=FACTOR**2)
    fixed = controls.VARIANTS["fixed_factor"](torch.nn.ReLU())
    recorded = MLP(condition.sizes, copy.deepcopy(fixed), seed=3)
    x = torch.randn(8, 784)
    torch.testing.assert_close(network(condition, 3)(x), recorded(x))
