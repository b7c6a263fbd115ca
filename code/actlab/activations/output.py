"""Output functions: softmax with a temperature, its logarithm, sparsemax, entmax.

Each turns the numbers along one axis into weights that are not negative and add up to
one. All subtract the largest logit first, so that nothing overflows, and compute
float16 and bfloat16 in float32, as torch's own softmax does.

Chapter: 06.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

__all__ = [
    "Entmax",
    "Sparsemax",
    "TemperatureLogSoftmax",
    "TemperatureSoftmax",
    "entmax",
    "entmax15",
    "log_softmax",
    "softmax",
    "sparsemax",
]


def softmax(logits: Tensor, dim: int = -1, temperature: float = 1.0) -> Tensor:
    """Return softmax(logits / temperature) along one axis.

    Parameters
    ----------
    logits : floating-point tensor of any shape; the weights have its shape and dtype.
    dim : the axis along which the weights add up to 1.
    temperature : above 0; small is sharp, large is flat.

    Raises `ValueError` for an axis that the tensor does not have or that is empty, and
    for other temperatures; `TypeError` for whole numbers. A slice without any finite
    logit gives nan, as in torch.

    Chapter: 06. Source: Bridle 1990.
    """
    return torch.softmax(_shifted(logits, dim, temperature), dim).to(logits.dtype)


def log_softmax(logits: Tensor, dim: int = -1, temperature: float = 1.0) -> Tensor:
    """Return log softmax(logits / temperature) along one axis, never log of a zero.

    Parameters, shapes and errors are those of `softmax`.

    Chapter: 06.
    """
    return torch.log_softmax(_shifted(logits, dim, temperature), dim).to(logits.dtype)


def sparsemax(logits: Tensor, dim: int = -1) -> Tensor:
    """Return the point of the simplex nearest to the logits, along one axis.

    Its weights are max(logit − τ, 0), with the one τ that makes them add up to 1: most
    are exactly 0. Parameters, shapes and errors are those of `softmax`.

    Chapter: 06. Source: Martins and Astudillo 2016, arXiv:1602.02068.
    """
    return entmax(logits, 2.0, dim)


def entmax15(logits: Tensor, dim: int = -1) -> Tensor:
    """Return 1.5-entmax along one axis, half-way between softmax and sparsemax.

    Parameters, shapes and errors are those of `softmax`.

    Chapter: 06. Source: Peters, Niculae and Martins 2019, arXiv:1905.05702.
    """
    return entmax(logits, 1.5, dim)


def entmax(logits: Tensor, alpha: float = 1.5, dim: int = -1) -> Tensor:
    """Return α-entmax along one axis: softmax at α = 1, sparsemax at α = 2.

    Parameters
    ----------
    logits, dim : as in `softmax`.
    alpha : from 1 to 2; the larger, the more weights are exactly 0.

    The threshold is exact (by sorting) for α = 1.5 and 2, by bisection otherwise.
    Raises `ValueError` for other α, and what `softmax` raises.

    Chapter: 06. Source: Peters, Niculae and Martins 2019, arXiv:1905.05702.
    """
    if not 1 <= alpha <= 2:
        raise ValueError(f"alpha must lie between 1 and 2, not at {alpha!r}")
    if alpha == 1:
        return softmax(logits, dim)
    _check_axis(logits, dim)
    weights = _Entmax.apply(_wide(logits).movedim(dim, -1), float(alpha))
    return weights.movedim(-1, dim).to(logits.dtype)


class TemperatureSoftmax(nn.Module):
    """Softmax with a temperature; `nn.Softmax` at temperature 1.

    Parameters
    ----------
    temperature : above 0; small is sharp, large is flat.
    dim : the axis along which the weights add up to 1.

    Chapter: 06. Source: Bridle 1990.
    """

    def __init__(self, temperature: float = 1.0, dim: int = -1) -> None:
        super().__init__()
        self.temperature, self.dim = _check_temperature(temperature), dim

    def forward(self, logits: Tensor) -> Tensor:
        """Return the weights, in the shape and dtype of the logits."""
        return softmax(logits, self.dim, self.temperature)

    def extra_repr(self) -> str:
        return f"temperature={self.temperature:g}, dim={self.dim}"


class TemperatureLogSoftmax(TemperatureSoftmax):
    """Log-softmax with a temperature; `nn.LogSoftmax` at temperature 1.

    Parameters are those of `TemperatureSoftmax`.

    Chapter: 06.
    """

    def forward(self, logits: Tensor) -> Tensor:
        """Return the logarithms, in the shape and dtype of the logits."""
        return log_softmax(logits, self.dim, self.temperature)


class Entmax(nn.Module):
    """α-entmax: softmax at α = 1, sparsemax at α = 2, some exact zeros above 1.

    Parameters
    ----------
    alpha : from 1 to 2.
    dim : the axis along which the weights add up to 1.

    Chapter: 06. Source: Peters, Niculae and Martins 2019, arXiv:1905.05702.
    """

    def __init__(self, alpha: float = 1.5, dim: int = -1) -> None:
        super().__init__()
        self.alpha, self.dim = float(alpha), dim

    def forward(self, logits: Tensor) -> Tensor:
        """Return the weights, in the shape and dtype of the logits."""
        return entmax(logits, self.alpha, self.dim)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha:g}, dim={self.dim}"


class Sparsemax(Entmax):
    """Sparsemax: the point of the simplex nearest to the logits.

    Parameters
    ----------
    dim : the axis along which the weights add up to 1.

    Chapter: 06. Source: Martins and Astudillo 2016, arXiv:1602.02068.
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__(alpha=2.0, dim=dim)


# --- inside ----------------------------------------------------------------------


class _Entmax(torch.autograd.Function):
    """α-entmax along the last axis, with the derivative that only needs the output."""

    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor, alpha: float) -> Tensor:
        height = (alpha - 1) * (logits - logits.amax(-1, keepdim=True))
        # The threshold is never below −1, so nothing below −1 gets any weight.
        height = height.clamp(min=-1)
        if alpha == 2:
            threshold = _sparsemax_threshold(height)
        elif alpha == 1.5:
            threshold = _entmax15_threshold(height)
        else:
            threshold = _threshold_by_bisection(height, alpha)
        weights = (height - threshold).clamp(min=0) ** (1 / (alpha - 1))
        return weights / weights.sum(-1, keepdim=True)

    @staticmethod
    def setup_context(context: Any, inputs: tuple, output: Tensor) -> None:
        context.alpha = inputs[1]
        context.save_for_backward(output)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (weights,) = context.saved_tensors
        inside = weights > 0
        safe = torch.where(inside, weights, torch.ones_like(weights))
        slope = torch.where(inside, safe ** (2 - context.alpha), 0.0)
        total = slope.sum(-1, keepdim=True)
        mean = (slope * gradient).sum(-1, keepdim=True) / total
        return slope * (gradient - mean), None


def _sparsemax_threshold(height: Tensor) -> Tensor:
    ordered = height.sort(-1, descending=True).values
    count = torch.arange(1, height.shape[-1] + 1).to(height)
    candidates = (ordered.cumsum(-1) - 1) / count
    return _last_below(candidates, ordered)


def _entmax15_threshold(height: Tensor) -> Tensor:
    """Solve Σ (height − τ)² = 1 over the k largest, for each k."""
    ordered = height.sort(-1, descending=True).values
    count = torch.arange(1, height.shape[-1] + 1).to(height)
    mean = ordered.cumsum(-1) / count
    spread = (ordered**2).cumsum(-1) - count * mean**2
    candidates = mean - ((1 - spread).clamp(min=0) / count).sqrt()
    return _last_below(candidates, ordered)


def _last_below(candidates: Tensor, ordered: Tensor) -> Tensor:
    """Return the candidate of the largest set that lies above its own threshold."""
    size = (candidates < ordered).sum(-1, keepdim=True).clamp(min=1)
    return candidates.gather(-1, size - 1)


def _threshold_by_bisection(height: Tensor, alpha: float) -> Tensor:
    """Halve the interval in which Σ (height − τ)^(1/(α − 1)) passes 1."""
    low = torch.full_like(height[..., :1], -1.0)
    high = torch.full_like(low, -(height.shape[-1] ** (1 - alpha)))
    for _ in range(60):
        middle = (low + high) / 2
        total = (height - middle).clamp(min=0) ** (1 / (alpha - 1))
        enough = total.sum(-1, keepdim=True) >= 1
        low = torch.where(enough, middle, low)
        high = torch.where(enough, high, middle)
    return low


def _wide(logits: Tensor) -> Tensor:
    small = logits.dtype in (torch.float16, torch.bfloat16)
    return logits.float() if small else logits


def _shifted(logits: Tensor, dim: int, temperature: float) -> Tensor:
    """Return (logits − their largest) / temperature: at most 0, whatever comes in."""
    _check_axis(logits, dim)
    # A shift changes no weight, so its gradient is not needed.
    largest = logits.detach().amax(dim, keepdim=True)
    return (_wide(logits) - _wide(largest)) / _check_temperature(temperature)


def _check_temperature(temperature: float) -> float:
    if not 0 < temperature < math.inf:
        raise ValueError(
            f"the temperature must be a positive number, not {temperature!r}"
        )
    return float(temperature)


def _check_axis(logits: Tensor, dim: int) -> None:
    if not logits.is_floating_point():
        raise TypeError(f"logits must be floating-point numbers, not {logits.dtype}")
    axes, shape = logits.dim(), tuple(logits.shape)
    if not -axes <= dim < axes:
        known = f"use {-axes} to {axes - 1}" if axes else "a single number has none"
        raise ValueError(f"axis {dim} does not exist in shape {shape}; {known}")
    if logits.shape[dim] == 0:
        raise ValueError(f"axis {dim} of shape {shape} is empty; 1 entry is needed")
