"""The slope f′(z) at each number that an activation was given, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import CheckpointError

from .behaviour import generators_kept, is_torchs_own

__all__ = ["LEFT_GRAPH", "Call", "CutGraphWarning", "slope_of", "units_first"]


class CutGraphWarning(UserWarning):
    """An activation left the graph: no gradient passes, and no slope can be seen."""


@dataclass(frozen=True, eq=False)
class Call:
    """One call of an activation in one forward pass.

    ``layer`` counts the calls from 1, in the order in which they ran; ``weight`` is the
    weight layer that ran last before it (its name and module), ``axis`` the axis of
    the units: 1 behind a convolution, the last behind a linear layer.  ``again`` gives
    what a copy of the activation makes of other pre-activations; None if it cannot.
    """

    layer: int
    name: str
    module: nn.Module
    pre_activation: Tensor
    activation: Tensor
    weight: tuple[str, nn.Module] | None
    axis: int
    again: Callable[[Tensor], Tensor | None]

    def __str__(self) -> str:
        return f"layer {self.name!r} ({type(self.module).__name__})"


ONE_NUMBER = "a slope per unit exists only for functions of one number"
LEFT_GRAPH = (
    "gives other values for other z and hands back no gradient: it has left the graph "
    "(.detach(), .data, NumPy, torch.no_grad(), or a backward that returns None or 0). "
    "Its slope cannot be seen, and no gradient gets past it"
)

CHECKPOINT = (
    "runs under torch.utils.checkpoint, which runs its part of the network again for "
    "each gradient: switch that off to see its slope"
)

MIXES: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()
"""Modules whose outputs were asked, once, whether they depend on one number each."""


def slope_of(call: Call, *, unit: str | None = None) -> Tensor | str:
    """f′(z) at each element, or words that say why there is none.

    It is read off the graph of this very call: no random number is drawn.  There is
    none for functions that do not act on each element alone, and none where values
    move with z and the gradient says that they do not.  That is asked where the slope
    is 0 throughout: over all units, or over all of any one ``unit`` ("channel" or
    "position").
    """
    z, a = call.pre_activation, call.activation
    if a.shape != z.shape:
        return f"makes {tuple(a.shape)} of {tuple(z.shape)}: {ONE_NUMBER}"
    if not z.requires_grad:
        return "ran where no gradients are kept, so that it has no slope"
    try:
        slope = _backward(a, z, torch.ones_like(a)) if a.requires_grad else None
        if slope is not None and is_torchs_own(call.module):
            return slope  # it need not be asked
        mixes = slope is not None and _mixes(call, slope)
    except CheckpointError:
        return CHECKPOINT
    if slope is None:
        slope = torch.zeros_like(z)
    if mixes:
        return f"makes each number of several, as softmax does: {ONE_NUMBER}"
    still = (_rows(call, slope, unit) == 0).all(1)
    return LEFT_GRAPH if still.any() and _moves(call, still, unit) else slope


def _backward(a: Tensor, z: Tensor, weights: Tensor) -> Tensor | None:
    (found,) = torch.autograd.grad(a, z, weights, retain_graph=True, allow_unused=True)
    return found


def _mixes(call: Call, slope: Tensor) -> bool:
    """Whether an output depends on more than its own number, by a second gradient.

    Of outputs weighed by other numbers, the gradient is the slope times these if each
    output depends on its own input alone.
    """
    if call.module not in MIXES:
        z, a = call.pre_activation, call.activation
        count = torch.arange(a.numel(), device=a.device).reshape(a.shape)
        weights = 1.5 + torch.sin(1.0 + count).to(a.dtype)
        found = _backward(a, z, weights)
        if found is None or not (found + slope).isfinite().any():
            return False
        error = (found - slope * weights).abs()
        size = torch.maximum(found.abs(), slope.abs())
        known = error.isfinite() & size.isfinite()
        wide = torch.finfo(slope.dtype).eps ** 0.5 * size[known].max()
        MIXES[call.module] = bool((error[known] > wide).any())
    return MIXES[call.module]


def _rows(call: Call, values: Tensor, unit: str | None) -> Tensor:
    if unit is None:
        return values.flatten()[None]
    return units_first(values, call.axis, unit)


def _moves(call: Call, still: Tensor, unit: str | None) -> bool:
    """Whether most values of a unit without slope change with z all the same.

    A step moves few of them, where z passes one.
    """
    z = call.pre_activation.detach()
    size = z.abs().nan_to_num(0.0, 0.0, 0.0)
    share = max(1e-3, 8 * torch.finfo(z.dtype).eps)
    step = share * (size + size.double().square().mean().sqrt().to(z.dtype))
    devices = [z.device] if z.is_cuda else []
    found = []
    for other in (z - step, z, z + step):
        with generators_kept(devices=devices):  # the same random numbers each time
            found.append(call.again(other))
    low, middle, high = found
    if low is None or middle is None or high is None:
        return False
    # On both sides, and one way: at a kink, at a top and at 0 of |z| it is not so.
    one_way = (high - middle) * (middle - low) > 0
    least = torch.minimum((high - middle).abs(), (middle - low).abs())
    moved = one_way & (least > 1e-3 * step)
    return bool((_rows(call, moved, unit)[still].double().mean(1) > 0.5).any())


def units_first(values: Tensor, axis: int, unit: str = "channel") -> Tensor:
    """One row per unit, one column per example (and position)."""
    if unit == "position":
        return values.flatten(1).T
    return values.movedim(axis, 0).flatten(1)
