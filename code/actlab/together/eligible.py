"""Which networks can train together, and whose activations run as one."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from ..networks import MLP

__all__ = ["structure", "unique", "why_alone"]


def why_alone(network: nn.Module) -> str | None:
    """Return why ``fit_many`` trains ``network`` on its own, or None.

    Batched are float32 and float64 :class:`~actlab.networks.MLP`, all of whose weights
    train, without hooks, and whose activations treat every element alike: the same
    function of each number, without chance and without memory.
    """
    if type(network) is not MLP:
        return f"it is a {type(network).__name__}, not an MLP"
    parameters = list(network.parameters())
    if len({p.dtype for p in parameters}) > 1:
        return "its parameters have several dtypes"
    if parameters[0].dtype not in (torch.float32, torch.float64):
        return f"its parameters are {parameters[0].dtype}"
    if not all(p.requires_grad for p in network.linears.parameters()):
        return "some of its weights are frozen"
    if any(type(m) is not nn.Linear or m.bias is None for m in network.linears):
        return "some of its linear maps are none of torch's, or have no bias"
    if any(_hooked(m) for m in network.modules()) or any(
        p._backward_hooks for p in parameters
    ):
        return "it has hooks, which want to see single calls"
    reasons = (_why_not_elementwise(f, parameters[0].dtype) for f in unique(network))
    return next((reason for reason in reasons if reason), None)


_OF_EVERY_MODULE = frozenset(vars(nn.Module()))


def unique(network: MLP) -> list[nn.Module]:
    """Return the activation modules, a shared one once."""
    return list({id(f): f for f in network.activations}.values())


def structure(network: MLP) -> tuple:
    """Return what two networks must share for their activations to run as one."""
    own = unique(network)
    places = {id(f): place for place, f in enumerate(own)}
    layers = tuple(places[id(f)] for f in network.activations)
    return layers, tuple(_key(f) for f in own)


def _key(module: nn.Module) -> tuple:
    """Return all that decides what a module computes, but its parameters' values."""
    own = {k: v for k, v in vars(module).items() if k not in _OF_EVERY_MODULE}
    return (
        type(module),
        tuple((name, _mark(own[name])) for name in sorted(own)),
        tuple((n, p.shape, p.requires_grad) for n, p in module.named_parameters()),
        tuple((n, b.shape, *b.flatten().tolist()) for n, b in module.named_buffers()),
        tuple((name, _key(child)) for name, child in module.named_children()),
    )


def _mark(value: Any) -> Any:
    """Return something hashable, equal only for values that surely mean the same."""
    if isinstance(value, nn.Module):
        return _key(value)
    if isinstance(value, (tuple, list)):
        return tuple(_mark(v) for v in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return type(value), value
    return id(value)


def _hooked(module: nn.Module) -> bool:
    kinds = (
        "_forward_hooks",
        "_forward_pre_hooks",
        "_backward_hooks",
        "_backward_pre_hooks",
    )
    return any(getattr(module, kind) for kind in kinds)


def _why_not_elementwise(module: nn.Module, dtype: torch.dtype) -> str | None:
    """Try the activation on numbers: is each output a function of one input?"""
    name = type(module).__name__
    function = copy.deepcopy(module).to("cpu")
    generator = torch.Generator().manual_seed(0)
    x = 3 * torch.randn(6, 8, generator=generator, dtype=dtype)
    state = {k: v.clone() for k, v in function.state_dict().items()}
    with torch.random.fork_rng(devices=[]):
        try:
            return _oddity(function, x, state, name)
        except Exception as error:  # whatever it is, alone it will come out
            return f"{name} cannot be batched: {error}"


def _oddity(
    function: nn.Module, x: Tensor, state: Mapping[str, Tensor], name: str
) -> str | None:
    def same(a: Tensor, b: Tensor) -> bool:
        return a.shape == b.shape and torch.allclose(a, b, 1e-5, 1e-6, equal_nan=True)

    function.train()
    chance = torch.get_rng_state()
    given = x.clone().requires_grad_()
    y = function(given)
    if not (y.shape == x.shape and y.dtype == x.dtype):
        return f"{name} changes the shape or the dtype of its input"
    if not y.requires_grad:
        return f"{name} leaves nothing for the gradient to go through"
    if not torch.equal(chance, torch.get_rng_state()):
        return f"{name} draws random numbers"
    if not same(function(x[1:3, 2:5].T).T, y[1:3, 2:5]):
        return f"{name} looks at more than one element at a time"
    if not same(function(x), y) or any(
        not torch.equal(v, state[k]) for k, v in function.state_dict().items()
    ):
        return f"{name} remembers what it has seen"
    if not same(function.eval()(x), y):
        return f"{name} is another function in training"
    return _why_not_vmap(function.train(), x, y, name)


def _why_not_vmap(function: nn.Module, x: Tensor, y: Tensor, name: str) -> str | None:
    """Compare a stack of two with single calls; only parameters need stacks."""
    stacks = {k: torch.stack([p, p]) for k, p in function.named_parameters()}
    if not stacks:
        return None
    both = vmap(lambda p, z: functional_call(function, p, (z,)))(
        stacks, torch.stack([x, x])
    )
    if not torch.allclose(both, torch.stack([y, y]), 1e-5, 1e-6, equal_nan=True):
        return f"{name} gives something else under vmap"
    return None
