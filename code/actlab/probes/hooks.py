"""Finding the activations of a network, listening to them, leaving no trace."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..networks import calls_inside, lines_up
from .behaviour import generators_kept, is_activation, kind_of
from .copies import Hook, hooked, unhooked
from .unseen import FunctionsSeen, UnseenActivationWarning

__all__ = [
    "Call",
    "Listener",
    "NoActivationError",
    "batches_of",
    "compiled_parts",
    "device_of",
    "plain",
    "slope_of",
    "undisturbed",
    "units_first",
]

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


def compiled_parts(network: nn.Module) -> list[str]:
    """Names of the modules that torch.compile has compiled; "" is the network."""
    return [
        name
        for name, module in network.named_modules()
        if hasattr(module, "_orig_mod") or module._compiled_call_impl is not None
    ]


def plain(network: nn.Module) -> nn.Module:
    """The network itself, where torch.compile has wrapped it."""
    if not isinstance(network, nn.Module):
        raise TypeError(f"network is {type(network).__name__}; give an nn.Module")
    inner = getattr(network, "_orig_mod", network)
    return inner if isinstance(inner, nn.Module) else network


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
        if isinstance(network, torch.jit.ScriptModule):
            raise NoActivationError(
                f"{kind} is a scripted network, whose parts run no hooks; measure the "
                "network that it was made from"
            )
        raise NoActivationError(
            f"no activation was found in {kind}: a function called in forward(), such "
            "as torch.relu(x) or F.gelu(x), leaves nothing to hook, and a formula that "
            "is written there, such as x * (x > 0), no more. Make it a module "
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
    ``last_weight`` is the weight layer that ran last, ``inside`` says whether an
    activation is running, ``unseen`` names activation functions that were called
    outside of the modules that count, once :meth:`look_for_functions` has looked.
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
    unseen: tuple[str, ...] = ()

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
        hooked([*self.weights, *self.activations])
        for module in self.weights:
            hook = Hook(self._after_weight)
            self._handles.append(module.register_forward_hook(hook))
        for module in self.activations:
            self._handles += [
                module.register_forward_pre_hook(Hook(self._before), with_kwargs=True),
                module.register_forward_hook(Hook(self._after)),
            ]

    def stop(self) -> None:
        """Take the hooks away."""
        if self._handles:
            unhooked([*self.weights, *self.activations])
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self.begin_pass()

    def begin_pass(self) -> None:
        """Count layers from 1 again."""
        self._open.clear()
        self._calls.clear()
        self.last_weight = None

    @property
    def inside(self) -> bool:
        """Whether an activation that counts is running."""
        return bool(self._open)

    @property
    def kinds(self) -> list[str]:
        """What counts as an activation: each kind once, in the order of the network."""
        return list(dict.fromkeys(kind_of(module) for module in self.activations))

    def silence(self) -> str:
        """What an instrument says when no layer ran."""
        return (
            f"none of the layers {list(self.activations.values())} ran in the forward "
            "pass; name those that do with layers=[…]"
        )

    @contextmanager
    def look_for_functions(self) -> Iterator[None]:
        """Note activations called as functions inside the block, and warn of them.

        Not where the layers were named: then others are left out on purpose.
        """
        if self.layers is not None:
            yield
            return
        with FunctionsSeen(self) as seen:
            yield
        self.note(seen)

    def note(self, seen: FunctionsSeen) -> None:
        """Keep what was found, and warn of it."""
        self.unseen = tuple(
            f"{name} in {place}" + (f" ({times} calls)" if times > 1 else "")
            for (name, place), times in seen.found.items()
        )
        if self.unseen:
            warnings.warn(
                f"these are functions called in forward(), which leave nothing to "
                f"hook, and are not measured: {', '.join(self.unseen)}. Measured are "
                f"{', '.join(self.activations.values()) or type(self.network).__name__}"
                f" ({', '.join(self.kinds)}). Make the functions modules "
                "(self.activation = nn.ReLU()), or name the modules that count with "
                "layers=[…]",
                UnseenActivationWarning,
                stacklevel=calls_inside(),
            )

    def _after_weight(self, module: nn.Module, inputs: Any, output: Any) -> None:
        axes = getattr(module, "kernel_size", ())
        convolution = isinstance(module, nn.modules.conv._ConvNd)
        if convolution and output.ndim != len(axes) + 2:
            raise ValueError(
                f"{self.weights[module]!r} ({type(module).__name__}) was given "
                f"{tuple(inputs[0].shape)}, one example without a batch axis; its "
                "channels would be taken for examples. Give x[None]"
            )
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
    over: tensors, or tuples that begin with one, as a DataLoader's do.  What
    :func:`~actlab.networks.lines_up` casts it warns of, once.
    """
    device, _ = device_of(network)
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
    empty = first = True
    for batch in x:
        batch = batch[0] if isinstance(batch, (tuple, list)) else batch
        if not isinstance(batch, Tensor):
            raise TypeError(f"x holds {type(batch).__name__}; batches are tensors")
        if batch.ndim == 0:
            raise ValueError("x holds a single number; its first axis counts examples")
        yield lines_up(network, batch, say=first).to(device)
        empty, first = empty and not len(batch), False
    if empty:
        raise ValueError("x holds no example; give one at least")


@contextmanager
def undisturbed(network: nn.Module, training: bool | None = None) -> Iterator[None]:
    """Run a network inside the block and leave no trace of it.

    Training flags, buffers (running means and the like) and the state of the random
    generators (torch's, NumPy's, Python's, and those that modules hold) are afterwards
    what they were, whatever happens inside.  ``training`` sets the mode inside; None
    keeps it.  Compiled parts run as they were written: compiled code skips hooks.
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
        with ExitStack() as stack:
            stack.enter_context(generators_kept(network, devices))
            if compiled_parts(network):
                stack.enter_context(torch.compiler.set_stance("force_eager"))
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
