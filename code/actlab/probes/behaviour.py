"""What counts as an activation: known ones by their home, others by what they do."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from ..networks import Elementwise
from .copies import Hook

__all__ = [
    "acts_on_each_element",
    "generators_kept",
    "is_activation",
    "is_torchs_own",
    "kind_of",
]

TORCHS = "torch.nn.modules.activation"
ALONG_AN_AXIS = (nn.Softmax, nn.LogSoftmax, nn.Softmin, nn.Softmax2d)

LARGEST = 5000  # units: more are a table, not the slopes of an activation

JUDGED: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()
"""Modules that were tried: a life history asks for the same ones at each step."""


def is_activation(module: nn.Module) -> bool:
    """Say whether a module counts as an activation without being named.

    These do: torch's activations and those of this package, except the ones that act
    along an axis (softmax and its kin); functions wrapped by ``MLP``; and modules of
    your own or of another package that hold no other module and no weight matrix and
    behave as one, see :func:`acts_on_each_element`.  ``nn.Identity`` never does by
    itself.
    """
    if isinstance(module, Elementwise):
        return True
    for kind in type(module).__mro__:
        home = kind.__module__
        if home.startswith("actlab.activations."):
            return home != "actlab.activations.output"
        if home == TORCHS:
            return _is_torchs(kind)
        if home.startswith("torch.") and kind is not nn.Module:
            return False
    leaf = next(module.children(), None) is None
    small = all(p.ndim < 2 for p in module.parameters())
    return leaf and small and acts_on_each_element(module)


def is_torchs_own(module: nn.Module) -> bool:
    """Whether it is one of torch's activations, as torch made it.

    Not so for a class derived from one, nor with a ``forward`` or hooks of one's own.
    """
    hooks = (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
    untouched = "forward" not in vars(module)
    return (
        untouched
        and _is_torchs(type(module))
        and all(isinstance(h, Hook) for h in hooks)
    )


def _is_torchs(kind: type) -> bool:
    others = (nn.MultiheadAttention, *ALONG_AN_AXIS)
    return kind.__module__ == TORCHS and kind not in others


def acts_on_each_element(module: nn.Module) -> bool:
    """Whether one tensor goes in, and each element comes out changed by itself.

    Tried on random numbers with a copy in evaluation mode whose parameters are moved
    (a trainable slope may start at 1, where it is no bend yet).  Not so for what gives
    another shape (flatten, permute), mixes elements (norms), is random or does nothing
    then (dropout, stochastic depth), or only scales and shifts (a layer scale).
    """
    if module not in JUDGED:
        JUDGED[module] = _judge(module)
    return JUDGED[module]


def _judge(module: nn.Module) -> bool:
    generator = torch.Generator("cpu").manual_seed(0)
    # Whatever the default device: the copy is tried on the CPU.
    with generators_kept(), torch.no_grad(), torch.device("cpu"):
        try:
            trial = copy.deepcopy(module).cpu().float().eval()
        except Exception:  # it cannot be copied, so it must not be touched
            return True
        for parameter in trial.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
        return any(_bends_each(trial, shape) for shape in _shapes(trial))


def _shapes(module: nn.Module) -> list[tuple[int, ...]]:
    """Shapes of inputs, with as many units as the module has parameters."""
    tensors = (*module.parameters(), *module.buffers())
    widths = sorted({t.numel() for t in tensors if t.numel() > 1}) or [6]
    return [
        shape
        for c in widths
        for shape in ((7, c), (7, 5, c), (7, c, 4, 5), (7, 4, 5, c), (7, c, 5))
        if c < LARGEST
    ]


def _bends_each(module: nn.Module, shape: tuple[int, ...]) -> bool:
    """Whether f(x) acts on each element of ``x`` alone, and is not a straight line."""
    generator = torch.Generator("cpu").manual_seed(1)
    x = 3 * torch.randn(shape, generator=generator)
    step = torch.randn(shape, generator=generator)
    others = torch.rand(shape, generator=generator) < 0.5
    mixed = torch.where(others, x + step, x)
    try:  # copies: it may work in place
        y, *near = (module.forward(v.clone()) for v in (x, x - step, x + step, mixed))
        if y.shape != x.shape or not y.is_floating_point():
            return False
        close = torch.isclose(near[2], y, rtol=1e-4, atol=1e-5, equal_nan=True)
        bend = near[1] - y - (y - near[0])
    except Exception:  # other shapes, or other arguments, are needed
        return False
    return bool((close | others).all() and (bend.abs() > 1e-3).any())


@contextmanager
def generators_kept(
    network: nn.Module | None = None, devices: Sequence[torch.device] = ()
) -> Iterator[None]:
    """Random generators are afterwards what they were, whatever happens inside.

    Torch's (also of ``devices``), NumPy's, Python's, and those that modules hold.
    """
    own = [
        (value, value.get_state())
        for module in (network.modules() if network is not None else ())
        for value in vars(module).values()
        if isinstance(value, torch.Generator)
    ]
    numpys, pythons = np.random.get_state(), random.getstate()
    try:
        with torch.random.fork_rng(devices=list(devices)):
            yield
    finally:
        np.random.set_state(numpys)
        random.setstate(pythons)
        for generator, state in own:
            generator.set_state(state)


def kind_of(module: nn.Module) -> str:
    """What a report calls an activation: its class, or the function it wraps."""
    if isinstance(module, Elementwise):
        return module.extra_repr()
    return type(module).__name__
