"""Activations changed in one respect, for comparisons that vary one thing at a time."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .activations import STAF

__all__ = [
    "VARIANTS",
    "Normalised",
    "QuickSlope",
    "Scaled",
    "UnitGain",
    "frozen",
]


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


class QuickSlope(nn.Module):
    """A PReLU whose slope moves ``times`` as far in each step of gradient descent.

    A slope that four layers share gets the sum of four gradients; this one, of a single
    layer, gets four times its own.

    Parameters
    ----------
    slope : first value of the slope on the left.
    times : factor of the slope's gradient; that of the input stays what it is.

    Chapter 08.
    """

    def __init__(self, slope: float = 0.25, times: float = 4.0) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(float(slope)))
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        """Return PReLU of ``x``, in its shape and dtype."""
        slope = self.slope.to(x.dtype)
        # The value of the slope, with ``times`` its gradient.
        slope = self.times * slope - (self.times - 1) * slope.detach()
        return torch.where(x > 0, x, slope * x)


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

    z: Tensor
    weight: Tensor

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


class Normalised(nn.Module):
    """An activation of what layer normalisation makes of its input, nothing learnt.

    Each example's pre-activations get mean 0 and variance 1 over the layer's units,
    without scale and shift of their own, so that the network has no number more.

    Parameters
    ----------
    activation : element-wise.

    Chapter 12. Source: Ba, Kiros and Hinton 2016, arXiv:1607.06450.
    """

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x`` normalised over its last axis."""
        return self.activation(F.layer_norm(x, x.shape[-1:]))


def frozen(activation: nn.Module) -> nn.Module:
    """Return the activation with all its parameters out of training's reach."""
    return activation.requires_grad_(False)


def _same(activation: nn.Module) -> nn.Module:
    return activation


def _quick_slope(activation: nn.Module) -> nn.Module:
    """Return a PReLU whose slope moves four times as far; ``activation`` is dropped."""
    return QuickSlope()


def _fixed_factor(activation: nn.Module) -> nn.Module:
    """Return the activation times what chapter 08's learnt factor had come to."""
    return frozen(Scaled(activation, 2.77))


def _staf_of_25_sines(activation: nn.Module) -> nn.Module:
    """Return STAF with the size and the start of the published table's code."""
    return STAF(terms=25, start="randn")


# What ``Condition.variant`` means. "shared" and "cnn" are the network's doing.
VARIANTS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "": _same,
    "shared": _same,
    "frozen": frozen,
    "scaled": Scaled,
    "fixed_factor": _fixed_factor,
    "quick_slope": _quick_slope,
    "unit_gain": UnitGain,
    "layer_norm": Normalised,
    "cnn": _same,
    "25_sines": _staf_of_25_sines,
}
