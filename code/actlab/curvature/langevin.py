"""Gradient descent with noise of the right size: it draws samples."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from . import limits
from .words import in_words

__all__ = ["sgld"]


def sgld(
    gradient: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    lr: float,
    steps: int,
    inverse_temperature: float = 1.0,
    keep_every: int = 1,
    seed: int = 0,
) -> Tensor:
    """Stochastic gradient Langevin dynamics: descent plus noise.

    Parameters
    ----------
    gradient : of the loss L, or an unbiased estimate of it from a batch; from a tensor
        in the shape of ``start`` to one in the same shape. To sample a posterior, L is
        the loss summed over the data, not its mean.
    start : where to begin, left as it is. Its first axis may hold many walkers.
    lr : step size η. inverse_temperature : β; inf gives plain descent.
    steps, keep_every : how many steps, and which of them to keep.
    seed : of the noise.

    One step is θ ← θ − η ∇L(θ) + √(2η/β) ε with ε standard normal. For small η the
    places θ are then drawn from the density ∝ exp(−β L); for a parabola with
    curvature λ their variance is 1/(βλ(1 − ηλ/2)), so the step makes it too large.

    Returns the kept places, one more axis in front of the shape of ``start``. Memory:
    that many numbers. Cost: one gradient a step. Raises :class:`TooLargeError` above
    the memory limit, ``ValueError`` for impossible settings, ``FloatingPointError``
    when the walk leaves the finite numbers, ``TypeError`` for a gradient that is no
    tensor of that shape. Chapter 11; Welling & Teh 2011.
    """
    for name, value in (("lr", lr), ("inverse_temperature", inverse_temperature)):
        if not value > 0:
            raise ValueError(f"{name} is {value}; a positive number is needed")
    _require_places(start, steps, keep_every)
    kept = steps // keep_every
    row = start.element_size() * start.numel()
    limits.require_memory(
        f"{kept:,} samples of {start.numel():,} numbers",
        kept * row,
        f"{int(limits.MEMORY_LIMIT // row):,} samples fit into {{limit}}: raise "
        "keep_every",
    )
    generator = torch.Generator(device=start.device).manual_seed(seed)
    scale = math.sqrt(2 * lr / inverse_temperature)
    theta = start.detach().clone()
    samples = theta.new_empty(kept, *theta.shape)
    for step in range(1, steps + 1):
        noise = torch.empty_like(theta).normal_(generator=generator)
        theta = theta - lr * _checked(gradient(theta), theta) + scale * noise
        if step % keep_every == 0:
            samples[step // keep_every - 1] = theta
            if not bool(torch.isfinite(theta).all()):
                raise FloatingPointError(
                    f"the walk left the finite numbers before step {step}: lr = {lr:g} "
                    "is too large for this loss; try a tenth"
                )
    return samples


def _require_places(start: Tensor, steps: int, keep_every: int) -> None:
    """Raise unless there is a place to begin at, and one that is kept."""
    if steps < 1 or keep_every < 1:
        raise ValueError(
            f"steps is {steps} and keep_every {keep_every}; both must be 1 or more"
        )
    if keep_every > steps:
        raise ValueError(
            f"keep_every is {keep_every} and steps {steps}: no place would be kept"
        )
    if not start.is_floating_point() or not start.numel():
        raise ValueError(
            f"start holds {start.numel()} numbers of type {start.dtype}; real ones, at "
            "least one, are needed"
        )


def _checked(gradient: Tensor, theta: Tensor) -> Tensor:
    """The gradient without its graph: one of another shape would be spread silently."""
    if isinstance(gradient, Tensor) and gradient.shape == theta.shape:
        return gradient.detach()
    raise TypeError(
        f"the gradient at a place of shape {tuple(theta.shape)} is "
        f"{in_words(gradient)}; a tensor of the same shape is needed"
    )
