"""A random recurrent network as a dynamical system: do close states stay close?"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor

from . import limits
from .words import in_words

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
    autograd. −inf says that a difference is gone after a step: all slopes are 0, or
    too small for float64, as those of tanh with a gain of thousands.

    Memory: size² numbers; cost: two products with J a step. Raises
    :class:`TooLargeError` above the memory limit, ``FloatingPointError`` when the state
    runs away, and ``ValueError`` for an activation that has no slope per unit: it left
    autograd's graph, is random, mixes the units or changes their number. Chapter 11;
    Sompolinsky, Crisanti & Sommers 1988.
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
    if isinstance(activation, torch.nn.Module):
        activation = copy.deepcopy(activation).double()  # its own parameters too
    _require_units(activation, matrix @ state)
    for step in range(-warm_up, steps):
        state, slope = _value_and_slope(activation, matrix @ state)
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


def _value_and_slope(
    activation: Callable[[Tensor], Tensor], pre_activation: Tensor
) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False), torch.enable_grad():
        leaf = pre_activation.clone().requires_grad_()
        output = activation(leaf.clone())  # it may work in place
        if not isinstance(output, Tensor) or output.shape != leaf.shape:
            raise ValueError(
                f"the activation made {in_words(output)} of one of shape "
                f"{tuple(leaf.shape)}; it must keep the units"
            )
        if not output.requires_grad:
            raise ValueError(
                "the activation's output has left autograd's graph (detach, NumPy, "
                "whole numbers, or a comparison): no slope, no exponent"
            )
        (slope,) = torch.autograd.grad(output.sum(), leaf)
    return output.detach().double(), slope


def _require_units(
    activation: Callable[[Tensor], Tensor], pre_activation: Tensor
) -> None:
    """Raise unless each unit's value depends on that unit alone, the same each time."""
    drawn = torch.get_rng_state()
    value, _ = _value_and_slope(activation, pre_activation)
    again, _ = _value_and_slope(activation, pre_activation)
    if not torch.equal(torch.get_rng_state(), drawn):
        torch.set_rng_state(drawn)
        raise ValueError(
            "the activation is random, so close states need not stay close; for a "
            "module call .eval() first"
        )
    others = pre_activation.clone()
    others[1::2] += 1.0
    moved, _ = _value_and_slope(activation, others)
    close = torch.isclose(moved, value, rtol=1e-5, atol=1e-7, equal_nan=True)
    if not bool(close[::2].all()) or not torch.allclose(again, value, equal_nan=True):
        raise ValueError(
            "the activation mixes the units (as softmax and layer norm do) or keeps "
            "something from call to call; one that works on each number alone is needed"
        )
