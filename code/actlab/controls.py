"""Activations changed in one respect, for comparisons that vary one thing at a time."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .activations import STAF

__all__ = ["VARIANTS", "Scaled", "UnitGain", "frozen"]


class Scaled(nn.Module):
    """An activation times one learnt number: the gain can grow, the shape cannot.

    Parameters
    ----------
    activation : what is scaled.
    scale : first value of the factor.

    Chapter 08.
    """

    def __init__(self, activation: nn.Module, scale: float = 1.0) -> None:
        super().__init__()
        self.activation = activation
        self.scale = nn.Parameter(torch.tensor(float(scale)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the scaled activation of ``x``, in its shape and dtype."""
        return self.scale.to(x.dtype) * self.activation(x)


class UnitGain(nn.Module):
    """An activation divided by its gain: the shape can change, the gain cannot.

    The second moment E[f(Z)²], Z standard normal, is held at that of ReLU, 1/2,
    whatever the activation's parameters become; the gradient flows through the
    division too. The moment is a sum over 401 points from −8 to 8.

    Parameters
    ----------
    activation : element-wise; its parameters stay learnable.

    Chapter 08.
    """

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation
        z = torch.linspace(-8, 8, 401, dtype=torch.float64)
        weight = torch.exp(-z * z / 2) * (z[1] - z[0]) / math.sqrt(2 * math.pi)
        self.register_buffer("z", z.float(), persistent=False)
        self.register_buffer("weight", weight.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x`` over its gain, in its shape and dtype."""
        z, weight = self.z.to(x.dtype), self.weight.to(x.dtype)
        moment = (weight * self.activation(z) ** 2).sum()
        return self.activation(x) * (0.5 / moment).sqrt()


def frozen(activation: nn.Module) -> nn.Module:
    """Return the activation with all its parameters out of training's reach."""
    return activation.requires_grad_(False)


def _same(activation: nn.Module) -> nn.Module:
    return activation


def _staf_of_25_sines(activation: nn.Module) -> nn.Module:
    """Return STAF with the size and the start of the published table's code."""
    return STAF(terms=25, start="randn")


# What ``Condition.variant`` means. "shared" is the network's doing, not this table's.
VARIANTS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "": _same,
    "shared": _same,
    "frozen": frozen,
    "scaled": Scaled,
    "unit_gain": UnitGain,
    "25_sines": _staf_of_25_sines,
}
