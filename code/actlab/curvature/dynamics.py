"""A random recurrent network as a dynamical system: do close states stay close?"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from . import limits

__all__ = ["lyapunov_exponent"]


def lyapunov_exponent(
    activation: Callable[[Tensor], Tensor],
    gain: float,
    *,
    size: int = 100,
    steps: int = 1000,
    warm_up: int = 200,
    seed: int = 0,
) -> float:
    """The largest Lyapunov exponent of hₜ₊₁ = f(g · J hₜ), per step.

    Parameters
    ----------
    activation : f, differentiable, from tensor to tensor.
    gain : g. J is (size, size), independent normal entries of variance 1/size.
    steps, warm_up : steps that count, and steps before them.
    seed : of J, of the first state and of the first difference.

    An infinitely small difference d follows dₜ₊₁ = f′(gJhₜ) · (gJ dₜ); the exponent is
    the mean logarithm of its growth per step. Negative: differences die out. Positive:
    the system is chaotic. Both are carried in float64; the derivative of f comes from
    autograd. Memory: size² numbers; cost: two products with J a step. Raises
    :class:`TooLargeError` above the memory limit, and ``FloatingPointError`` when the
    state runs away. Chapter 11; Sompolinsky, Crisanti & Sommers 1988.
    """
    if size < 1 or steps < 1 or warm_up < 0:
        raise ValueError(
            f"size is {size}, steps {steps}, warm_up {warm_up}; size and steps must be "
            "1 or more, warm_up 0 or more"
        )
    fits = math.isqrt(limits.MEMORY_LIMIT // 8)
    limits.require_memory(
        f"a matrix of {size:,} units",
        8 * size**2,
        f"{fits:,} units fit into {{limit}}",
    )
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    matrix = gain * draw(size, size) / math.sqrt(size)
    state, difference = draw(size), draw(size)
    total = 0.0
    for step in range(-warm_up, steps):
        pre_activation = (matrix @ state).requires_grad_()
        with torch.enable_grad():
            output = activation(pre_activation)
            (slope,) = torch.autograd.grad(output.sum(), pre_activation)
        state = output.detach()
        difference = difference / difference.norm()
        difference = slope * (matrix @ difference)
        growth = float(difference.norm())
        if growth == 0:
            return -math.inf
        if not math.isfinite(growth) or not bool(torch.isfinite(state).all()):
            raise FloatingPointError(
                f"the state ran away at step {step}: with gain {gain:g} this "
                "activation has no bounded motion"
            )
        if step >= 0:
            total += math.log(growth)
    return total / steps
