"""Finding the activations of a network, listening to them, leaving no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..networks import Elementwise

__all__ = [
    "Call",
    "Listener",
    "NoActivationError",
    "batches_of",
    "device_of",
    "is_activation",
    "slope_of",
    "undisturbed",
    "units_first",
]

ALONG_AN_AXIS = (nn.Softmax, nn.LogSoftmax, nn.Softmin, nn.Softmax2d)

MEASURING: ContextVar[bool] = ContextVar("measuring", default=False)
"""True while one of the probes runs the network: no step of somebody's training."""


class NoActivationError(ValueError):
    """The network holds no activation that is a module: nothing can be hooked."""


@dataclass(frozen=True, eq=False)
class Call:
    """One call of an activation in one forward pass.

    ``layer`` counts the calls from 1, in the order in which they ran; ``weight`` is the
    weight layer that ran last before it (its name and module), ``axis`` the axis of
    the units: 1 behind a convolution, the last behind a linear layer.
    """

    layer: int
    name: str
    module: nn.Module
    pre_activation: Tensor
    activation: Tensor
    weight: tuple[str, nn.Module] | None
    axis: int


def is_activation(module: nn.Module) -> bool:
    """Say whether a module counts as an activation without being named.

    These do: torch's activations and those of this package, except the ones that act
    along an axis (softmax and its kin); functions wrapped by ``MLP``; and modules of
    your own that hold no other module and no weight matrix and are not called a norm
    or a dropout.  ``nn.Identity`` never does by itself.
    """
    if isinstance(module, Elementwise):
        return True
    for kind in type(module).__mro__:
        home = kind.__module__
        if home.startswith("actlab.activations."):
            return home != "actlab.activations.output"
        if home == "torch.nn.modules.activation":
            return kind is not nn.MultiheadAttention and kind not in ALONG_AN_AXIS
        if home.startswith("torch.") and kind is not nn.Module:
            return False
    name = type(module).__name__.lower()
    leaf = next(module.children(), None) is None
    small = all(p.ndim < 2 for p in module.parameters())
    return leaf and small and "norm" not in name and "drop" not in name


def _activations(
    network: nn.Module, layers: Sequence[str | nn.Module] | None
) -> dict[nn.Module, str]:
    """Module to name, each object once."""
    if layers is not None:
        return _named(network, layers)
    found: dict[nn.Module, str] = {}
    identities: dict[nn.Module, str] = {}

    def walk(module: nn.Module, name: str) -> None:
        if is_activation(module):
            found.setdefault(module, name)
            return
        if isinstance(module, nn.Identity):
            identities.setdefault(module, name)
        for child_name, child in module.named_children():
            walk(child, f"{name}.{child_name}" if name else child_name)

    # A network that is one activation and nothing else is what its owner calls it.
    walk(network, "")
    # A linear network is measured at its identities; beside other activations an
    # identity is a hole that something else was taken out of.
    found = found or identities
    if not found:
        kind = type(network).__name__
        raise NoActivationError(
            f"no activation was found in {kind}: a function called in forward(), such "
            "as torch.relu(x) or F.gelu(x), leaves nothing to hook. Make it a module "
            "(self.activation = nn.ReLU()), or name the modules that count as "
            "activations with layers=[…]"
        )
    return found


def _named(
    network: nn.Module, layers: Sequence[str | nn.Module]
) -> dict[nn.Module, str]:
    if isinstance(layers, (str, nn.Module)):
        raise TypeError(f"layers is {layers!r}; give a list, for instance ['act1']")
    by_name = dict(network.named_modules(remove_duplicate=False))
    names = {module: name for name, module in network.named_modules()}
    found: dict[nn.Module, str] = {}
    for layer in layers:
        module = by_name.get(layer) if isinstance(layer, str) else layer
        if module is None or module not in names:
            raise ValueError(
                f"layers holds {layer!r}, which is no module of the network; its "
                f"modules are {[name for name in by_name if name]}"
            )
        found[module] = names[module]
    if not found:
        raise ValueError("layers is empty; name one module at least, or leave it out")
    return found


def _weights(
    network: nn.Module, activations: Iterable[nn.Module]
) -> dict[nn.Module, str]:
    """Modules with a weight matrix or filter of their own, outside the activations."""
    inside = {m for activation in activations for m in activation.modules()}
    found = {}
    for name, module in network.named_modules():
        weight = getattr(module, "weight", None)
        if module not in inside and isinstance(weight, Tensor) and weight.ndim >= 2:
            found[module] = name
    return found


@dataclass(eq=False)
class Listener:
    """Hooks on a network that hand each call of an activation to ``visit``.

    Parameters
    ----------
    network : any module whose activations are modules.
    visit : is given each :class:`Call`.
    layers : names of the modules to listen to, or the modules; None finds them.
    cut : whether the graph is cut before and behind each activation, so that slopes
        can be had without holding the graph of the whole network.
    keep : whether the pre-activations stay readable (a copy is handed to the
        activation, which may work in place).

    Use as a context manager: on leaving, also by an exception, all hooks are gone.
    ``last_weight`` is the weight layer that ran last.
    """

    network: nn.Module
    visit: Callable[[Call], None]
    layers: Sequence[str | nn.Module] | None = None
    cut: bool = False
    keep: bool = True
    last_weight: tuple[str, nn.Module] | None = None
    _handles: list = field(default_factory=list)
    _open: list = field(default_factory=list)
    _calls: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.activations = _activations(self.network, self.layers)
        self.weights = _weights(self.network, self.activations)

    def __enter__(self) -> Listener:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def start(self) -> None:
        """Set the hooks."""
        self.begin_pass()
        for module in self.weights:
            self._handles.append(module.register_forward_hook(self._after_weight))
        for module in self.activations:
            self._handles += [
                module.register_forward_pre_hook(self._before, with_kwargs=True),
                module.register_forward_hook(self._after),
            ]

    def stop(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self.begin_pass()

    def begin_pass(self) -> None:
        """Count layers from 1 again."""
        self._open.clear()
        self._calls.clear()
        self.last_weight = None

    def _after_weight(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self.last_weight = self.weights[module], module

    def _before(self, module: nn.Module, args: tuple, kwargs: dict) -> Any:
        z = args[0] if args else next(iter(kwargs.values()), None)
        if not isinstance(z, Tensor) or z.ndim < 2:
            shape = tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__
            raise ValueError(
                f"activation {self.activations[module]!r} was given {shape}; the "
                "probes need tensors of shape (examples, …, units)"
            )
        if self.cut:
            z = z.detach().requires_grad_(z.is_floating_point())
        self._open.append(z)
        if not (args and (self.keep or self.cut)):
            return None
        return (z.clone(), *args[1:]), kwargs

    def _after(self, module: nn.Module, inputs: tuple, output: Any) -> Any:
        z = self._open.pop()
        count = self._calls[module] = self._calls.get(module, 0) + 1
        name = self.activations[module]
        weight = self.last_weight
        self.visit(
            Call(
                layer=sum(self._calls.values()),
                name=name if count == 1 else f"{name} (call {count})",
                module=module,
                pre_activation=z,
                activation=output,
                weight=weight,
                axis=_unit_axis(output, weight),
            )
        )
        return output.detach() if self.cut else None


def _unit_axis(activation: Tensor, weight: tuple[str, nn.Module] | None) -> int:
    """Channels come second behind a convolution, features last behind a linear map."""
    if activation.ndim == 2:
        return 1
    if weight is None:
        return 1 if activation.ndim > 3 else activation.ndim - 1
    return 1 if "Conv" in type(weight[1]).__name__ else activation.ndim - 1


def units_first(values: Tensor, axis: int, unit: str = "channel") -> Tensor:
    """One row per unit, one column per example (and position)."""
    if unit == "position":
        return values.flatten(1).T
    return values.movedim(axis, 0).flatten(1)


def slope_of(call: Call) -> Tensor | None:
    """f′(z) at each element, or None where it cannot be had.

    It is read off the graph of this very call: no random number is drawn, nothing is
    computed twice.  None for functions that do not act on each element alone and where
    no gradient flows.
    """
    z, a = call.pre_activation, call.activation
    if a.shape != z.shape or not z.requires_grad:
        return None
    if not a.requires_grad:  # a comparison, such as the step function
        return torch.zeros_like(a)
    (slope,) = torch.autograd.grad(
        a, z, torch.ones_like(a), retain_graph=True, allow_unused=True
    )
    return torch.zeros_like(a) if slope is None else slope


def device_of(network: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Where the network lives and the type of its numbers."""
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.is_floating_point():
            return tensor.device, tensor.dtype
    return torch.device("cpu"), torch.float32


def batches_of(network: nn.Module, x: Any, batch_size: int) -> Iterator[Tensor]:
    """Yield inputs batch by batch, on the network's device and in its number type.

    ``x`` is a tensor whose first axis counts examples, or gives batches when looped
    over: tensors, or tuples that begin with one, as a DataLoader's do.
    """
    device, dtype = device_of(network)
    if isinstance(x, Tensor):
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size!r}; give a positive number")
        x = x.split(batch_size) if x.ndim and len(x) else ()
    elif hasattr(x, "x_train"):
        raise TypeError(
            "x is a whole Dataset; say which examples: data.x_train or data.x_test"
        )
    elif not isinstance(x, Iterable) or isinstance(x, (str, dict)):
        raise TypeError(f"x is {type(x).__name__}; give a tensor, or batches of them")
    empty = True
    for batch in x:
        batch = batch[0] if isinstance(batch, (tuple, list)) else batch
        if not isinstance(batch, Tensor):
            raise TypeError(f"x holds {type(batch).__name__}; batches are tensors")
        empty = empty and not len(batch)
        yield batch.to(device, dtype if batch.is_floating_point() else None)
    if empty:
        raise ValueError("x holds no example; give one at least")


@contextmanager
def undisturbed(network: nn.Module, training: bool | None = None) -> Iterator[None]:
    """Run a network inside the block and leave no trace of it.

    Training flags, buffers (running means and the like) and the state of torch's
    random generators are afterwards what they were, whatever happens inside.
    ``training`` sets the mode inside; None keeps it.
    """
    modules = list(network.modules())
    flags = [module.training for module in modules]
    buffers = [
        (module, name, buffer, None if buffer is None else buffer.clone())
        for module in modules
        for name, buffer in module._buffers.items()
    ]
    device, _ = device_of(network)
    devices = [device] if device.type == "cuda" else []
    token = MEASURING.set(True)
    try:
        with torch.random.fork_rng(devices=devices):
            if training is not None:
                network.train(training)
            yield
    finally:
        MEASURING.reset(token)
        for module, flag in zip(modules, flags):
            module.training = flag
        with torch.no_grad():
            for module, name, buffer, before in buffers:
                module._buffers[name] = buffer
                if buffer is None or before is None:
                    continue
                if not torch.equal(buffer, before):
                    buffer.copy_(before)
