"""Running a network and leaving no trace of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from .behaviour import generators_kept

__all__ = ["MEASURING", "compiled_parts", "device_of", "undisturbed"]

MEASURING: ContextVar[bool] = ContextVar("measuring", default=False)
"""True while one of the probes runs the network: no step of somebody's training."""

BOOKKEEPING = frozenset({*vars(nn.Module()), "_compiled_call_impl"}) - {"training"}
"""What a module keeps for torch: parameters, buffers, parts and hooks."""

BUFFER = "buffer "  # before its name, since an attribute may have the same one


def compiled_parts(network: nn.Module) -> list[str]:
    """Names of the modules that torch.compile has compiled; "" is the network."""
    return [
        name
        for name, module in network.named_modules()
        if hasattr(module, "_orig_mod") or module._compiled_call_impl is not None
    ]


def device_of(network: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Where the network lives and the type of its numbers."""
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.is_floating_point():
            return tensor.device, tensor.dtype
    return torch.device("cpu"), torch.float32


@contextmanager
def undisturbed(network: nn.Module, training: bool | None = None) -> Iterator[None]:
    """Run a network inside the block and leave no trace of it.

    Training flags, buffers (running means and the like), other attributes of modules
    (counters, tensors that are no buffers) and the state of the random generators
    (torch's, NumPy's, Python's, and those that modules hold) are afterwards what they
    were, whatever happens inside, and parts, weights and buffers that a network makes
    when it first runs are gone; only lists and dictionaries keep what its own code puts
    in.  ``training`` sets the mode inside; None keeps it.  Compiled parts run as they
    were written: compiled code skips hooks.  Inference mode is off inside: it keeps no
    gradients.
    """
    before = [
        (module, _registered(module), {k: (v, _copy(v)) for k, v in _own(module)})
        for module in network.modules()
    ]
    device, _ = device_of(network)
    devices = [device] if device.type == "cuda" else []
    token = MEASURING.set(True)
    try:
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(generators_kept(network, devices))
            if compiled_parts(network):
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            if training is not None:
                network.train(training)
            yield
    finally:
        MEASURING.reset(token)
        for module, registered, own in before:
            _put_back(module, registered, own)


def _registered(module: nn.Module) -> set[str]:
    """Names of a module's parameters, buffers and parts."""
    tables = (module._parameters, module._buffers, module._modules)
    # A scripted module's tables can be asked for their names, and not be looped over.
    return {name for table in tables for name in table.keys()}  # noqa: SIM118


def _own(module: nn.Module) -> list[tuple[str, Any]]:
    """What a module holds that running it may change: attributes, then buffers."""
    own = [(k, v) for k, v in vars(module).items() if k not in BOOKKEEPING]
    return own + [(BUFFER + name, b) for name, b in module._buffers.items()]


def _copy(value: Any) -> Tensor | None:
    return value.detach().clone() if isinstance(value, Tensor) else None


def _put_back(
    module: nn.Module,
    registered: set[str],
    own: dict[str, tuple[Any, Tensor | None]],
) -> None:
    for name in _registered(module) - registered:
        delattr(module, name)
    for name, _ in _own(module):
        if name not in own:
            vars(module).pop(name, None)
    for name, (value, numbers) in own.items():
        if name.startswith(BUFFER):
            module._buffers[name.removeprefix(BUFFER)] = value
        else:
            vars(module)[name] = value
        if numbers is not None and not _same(value, numbers):
            # Through .data: autograd, which may keep it for a backward pass that is
            # still to come, would else call it changed.
            value.data.copy_(numbers)


def _same(value: Tensor, copy: Tensor) -> bool:
    if value.is_meta or value.layout is not torch.strided:
        return True
    return value.shape == copy.shape and torch.equal(value, copy)
