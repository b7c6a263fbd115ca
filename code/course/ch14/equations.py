"""Small networks that solve an equation whose solution is known (chapter 14).

A physics-informed network is given no value between the ends of an interval, only an
equation, u'' = f, and the two values at the ends.  Several networks of one shape train
at once, each with its own start and learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["EQUATIONS", "FUNCTIONS", "ORDERS", "Equation", "Start", "solve"]

WIDTH = 32
POINTS = 64
BETAS, EPSILON = (0.9, 0.999), 1e-8

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sine": torch.sin,
    "swish": F.silu,
    "gelu": F.gelu,
    "softplus": F.softplus,
    "relu": torch.relu,
    "relu2": lambda x: torch.relu(x) ** 2,
    "relu3": lambda x: torch.relu(x) ** 3,
}
"""The functions that are compared; the last three have 0, 1 and 2 derivatives that are
continuous."""

ORDERS = {"second": 1, "first": 2}
"""How the equation is written, u'' = f or u' = v with v' = f, and how many outputs."""

# PyTorch's start, and its weights times √6, the variance that He et al. give for ReLU.
_GAINS = {"default": 1.0, "default_gain": math.sqrt(6)}


@dataclass(frozen=True)
class Equation:
    """u'' = f on [−1, 1] with the values of u at both ends.

    Parameters
    ----------
    value, slope, bend : u, u' and f as functions of x.
    """

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    bend: Callable[[Tensor], Tensor]


def _runge(power: int) -> Callable[[Tensor], Tensor]:
    def value(x: Tensor) -> Tensor:
        return (1 + 25 * x**2) ** power

    return value


# Neither solution has the shape of a function that is compared.
EQUATIONS = {
    "calm": Equation(
        value=lambda x: (1 - x**2) * x.exp(),
        slope=lambda x: (1 - 2 * x - x**2) * x.exp(),
        bend=lambda x: (-1 - 4 * x - x**2) * x.exp(),
    ),
    "peaked": Equation(
        value=_runge(-1),
        slope=lambda x: -50 * x * _runge(-2)(x),
        bend=lambda x: (3750 * x**2 - 50) * _runge(-3)(x),
    ),
}
"""Two equations by name: a hump, and Runge's peak, a fifth as wide."""


@dataclass(frozen=True)
class Start:
    """How one of several networks begins and steps: ``init``, ``lr`` and ``seed``."""

    init: str
    lr: float
    seed: int


def solve(
    equation: str,
    order: str,
    function: str,
    starts: Sequence[Start],
    steps: int = 1500,
) -> list[tuple[float, float]]:
    """Train networks on an equation; return for each its loss and its error.

    Parameters
    ----------
    equation, order, function : keys of ``EQUATIONS``, ``ORDERS`` and ``FUNCTIONS``.
    starts : one network each, two hidden layers of 32 units.
    steps : of Adam, all 64 points at each; the rate falls to 0 along a half cosine.

    The loss is the mean squared violation of each equation and of the values at the
    ends, each over the mean square of what it should be.  The error is the root mean
    square of u minus the solution over that of the solution, at 1,001 points.  Both are
    nan where training broke down.  Raises ``KeyError`` for an unknown name.
    Chapter 14.
    """
    problem, outputs = EQUATIONS[equation], ORDERS[order]
    weights = _draw(starts, outputs)
    rates = torch.tensor([start.lr for start in starts])
    moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in weights]
    losses = torch.full((len(starts),), math.nan)
    for step in range(1, steps + 1):
        losses = _losses(problem, order, FUNCTIONS[function], weights)
        gradients = torch.autograd.grad(losses.sum(), weights)
        now = rates * (1 + math.cos(math.pi * (step - 1) / steps)) / 2
        for w, g, (mean, square) in zip(weights, gradients, moments, strict=True):
            _adam_step(w, g, mean, square, now, step)
    errors = _errors(problem, FUNCTIONS[function], weights)
    return [
        (loss, error) if math.isfinite(loss + error) else (math.nan, math.nan)
        for loss, error in zip(losses.tolist(), errors.tolist(), strict=True)
    ]


def _draw(starts: Sequence[Start], outputs: int) -> list[Tensor]:
    """Return weights and biases of all networks, stacked, as PyTorch draws them."""
    sizes = (1, WIDTH, WIDTH, outputs)
    drawn: list[list[Tensor]] = []
    for start in starts:
        generator = torch.Generator().manual_seed(start.seed)
        one = []
        for a, b in zip(sizes, sizes[1:], strict=False):
            for shape, gain in (((a, b), _GAINS[start.init]), ((1, b), 1.0)):
                uniform = 2 * torch.rand(shape, generator=generator) - 1
                one.append(gain * uniform / math.sqrt(a))
        drawn.append(one)
    return [torch.stack(parts).requires_grad_() for parts in zip(*drawn, strict=True)]


def _forward(
    function: Callable[[Tensor], Tensor], weights: Sequence[Tensor], x: Tensor
) -> Tensor:
    """Return the outputs, shape (networks, points, outputs)."""
    for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = function(torch.baddbmm(bias, x, weight))
    return torch.baddbmm(weights[-1], x, weights[-2])


def _losses(
    problem: Equation,
    order: str,
    function: Callable[[Tensor], Tensor],
    weights: Sequence[Tensor],
) -> Tensor:
    """Return the loss of each network, shape (networks,)."""
    line = torch.linspace(-1, 1, POINTS)[:, None]
    x = line.expand(len(weights[0]), -1, -1).clone().requires_grad_()
    out = _forward(function, weights, x)
    u, ends = out[..., :1], torch.tensor([0, POINTS - 1])
    f, value = problem.bend(line), problem.value(line)
    loss = _misfit(u[:, ends] - value[ends], value)
    if order == "second":
        return loss + _misfit(_by_x(_by_x(u, x), x) - f, f)
    v = out[..., 1:]
    loss = loss + _misfit(_by_x(u, x) - v, problem.slope(line))
    return loss + _misfit(_by_x(v, x) - f, f)


def _misfit(wrong: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean square of ``wrong``, network by network, over that of wanted."""
    return wrong.square().mean((1, 2)) / wanted.square().mean()


def _by_x(y: Tensor, x: Tensor) -> Tensor:
    """Return the derivative of y by x, point by point; 0 where y does not use x."""
    if not y.requires_grad:
        return torch.zeros_like(x)
    (slope,) = torch.autograd.grad(
        y.sum(), x, create_graph=True, materialize_grads=True
    )
    return slope


@torch.no_grad()
def _adam_step(
    weight: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    rates: Tensor,
    step: int,
) -> None:
    """Take one step of Adam in place, each network at its own rate."""
    mean.lerp_(gradient, 1 - BETAS[0])
    square.lerp_(gradient.square(), 1 - BETAS[1])
    root = (square / (1 - BETAS[1] ** step)).sqrt_().add_(EPSILON)
    weight -= rates[:, None, None] / (1 - BETAS[0] ** step) * mean / root


@torch.no_grad()
def _errors(
    problem: Equation, function: Callable[[Tensor], Tensor], weights: Sequence[Tensor]
) -> Tensor:
    line = torch.linspace(-1, 1, 1001)[:, None]
    x = line.expand(len(weights[0]), -1, -1)
    truth = problem.value(line)
    missed = _forward(function, weights, x)[..., :1] - truth
    return missed.square().mean((1, 2)).sqrt() / truth.square().mean().sqrt()
