"""Finding the activations of a network, and listening to them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from ..networks import calls_inside, lines_up
from .behaviour import is_activation, kind_of
from .copies import Hook, hooked, unhooked
from .slopes import Call
from .state import device_of
from .unseen import FunctionsSeen, UnseenActivationWarning

__all__ = ["Listener", "NoActivationError", "batches_of", "plain", "refuse_unpaired"]


class NoActivationError(ValueError):
    """The network holds no activation that is a module: nothing can be hooked."""


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
    return {
        module: name
        for name, module in network.named_modules()
        if module not in inside and _has_matrix(module)
    }


def _has_matrix(module: nn.Module) -> bool:
    """Whether ``module.weight`` has two axes or more.

    One that is computed anew whenever it is read, as a spectral norm's, is not read:
    that may change what it is computed from.
    """
    if parametrize.is_parametrized(module, "weight"):
        made_of: Any = module.parametrizations
        return any(p.ndim >= 2 for p in made_of["weight"].parameters())
    weight = getattr(module, "weight", None)
    return isinstance(weight, Tensor) and weight.ndim >= 2


def _refuse_without_numbers(network: nn.Module) -> None:
    """Refuse lazy layers that have not run, and networks on the device meta."""
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        if is_lazy(tensor):
            raise ValueError(
                f"{name!r} has no numbers yet: a lazy layer gets them when it first "
                "runs, which would change the network. Run it once, network(x), before "
                "it is measured"
            )
        if tensor.is_meta:
            raise ValueError(
                f"{name!r} lies on the device meta, which holds shapes and no numbers; "
                "build the network on a real device, or network.to_empty(device='cpu') "
                "and then load its weights"
            )


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
    activation is running or looked at, ``said`` holds what need not be said again,
    ``unseen`` names activation functions that were called outside of the modules that
    count, once :meth:`look_for_functions` has looked.
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
    _visiting: bool = False
    said: set = field(default_factory=set)
    unseen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _refuse_without_numbers(self.network)
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
        """Whether an activation that counts is running, or is being looked at."""
        return bool(self._open) or self._visiting

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
        if self._visiting:
            return
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
        place, z = self._numbers(module, args, kwargs)
        if self.cut:
            z = z.detach().requires_grad_(z.is_floating_point())
        if self._visiting:  # a checkpoint runs its part again to get at a slope
            return _with(z.clone(), args, kwargs, place) if self.cut else None
        again = partial(_run, module, args=args, kwargs=kwargs, place=place)
        self._open.append((z, again))
        if not (self.keep or self.cut):
            return None
        return _with(z.clone(), args, kwargs, place)

    def _numbers(
        self, module: nn.Module, args: tuple, kwargs: dict
    ) -> tuple[int | str, Tensor]:
        """The first tensor that a call was given, and its position or name."""
        given = (*enumerate(args), *kwargs.items())
        tensors = [(k, v) for k, v in given if isinstance(v, Tensor)]
        place, z = tensors[0] if tensors else (0, None)
        if z is None or z.ndim < 2 or z.is_complex():
            kinds = [type(v).__name__ for _, v in given] or ["nothing"]
            what = kinds[0] if z is None else tuple(z.shape)
            raise ValueError(
                f"activation {self.activations[module]!r} was given {what}"
                f"{' of complex numbers' if z is not None and z.is_complex() else ''}; "
                "the probes need real tensors of shape (examples, …, units)"
            )
        return place, z

    def _after(self, module: nn.Module, inputs: tuple, output: Any) -> Any:
        if self._visiting:
            return output.detach() if self.cut else None
        z, again = self._open.pop()
        name = self.activations[module]
        if not isinstance(output, Tensor) or output.ndim < 2 or output.is_complex():
            kind = type(output).__name__
            what = f"shape {tuple(output.shape)}" if kind == "Tensor" else f"a {kind}"
            raise ValueError(
                f"activation {name!r} ({type(module).__name__}) returned {what}; the "
                "probes need one real tensor of shape (examples, …, units). Name "
                "modules that return one with layers=[…]"
            )
        count = self._calls[module] = self._calls.get(module, 0) + 1
        weight = self.last_weight
        numbers = output if output.is_floating_point() else output.to(_floats(z))
        self._visiting = True
        try:
            self.visit(
                Call(
                    layer=sum(self._calls.values()),
                    name=name if count == 1 else f"{name} (call {count})",
                    module=module,
                    pre_activation=z.to(_floats(z)),
                    activation=numbers,
                    weight=weight,
                    axis=_unit_axis(output, weight),
                    again=again,
                )
            )
        finally:
            self._visiting = False
        return output.detach() if self.cut else None


def _floats(z: Tensor) -> torch.dtype:
    return z.dtype if z.is_floating_point() else torch.get_default_dtype()


def _with(z: Tensor, args: tuple, kwargs: dict, place: int | str) -> tuple[tuple, dict]:
    """Arguments with another tensor in one place."""
    if isinstance(place, str):
        return args, kwargs | {place: z}
    return (*args[:place], z, *args[place + 1 :]), kwargs


def _run(
    module: nn.Module, z: Tensor, args: tuple, kwargs: dict, place: int | str
) -> Tensor | None:
    """What a copy of a module, without hooks, makes of ``z``; None if it fails."""
    args, kwargs = _with(z, args, kwargs, place)
    try:
        with torch.no_grad():
            return deepcopy(module).forward(*args, **kwargs).to(z.dtype)
    except Exception:  # it cannot be copied, or it ran once and no more
        return None


def _unit_axis(activation: Tensor, weight: tuple[str, nn.Module] | None) -> int:
    """Channels come second behind a convolution, features last behind a linear map."""
    if activation.ndim == 2:
        return 1
    if weight is None:
        return 1 if activation.ndim > 3 else activation.ndim - 1
    return 1 if "Conv" in type(weight[1]).__name__ else activation.ndim - 1


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
        _refuse_unusual(x)
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
        _refuse_unusual(batch)
        if batch.ndim == 0:
            raise ValueError("x holds a single number; its first axis counts examples")
        # A tensor that was made in inference mode has no part in gradients.
        batch = batch.clone() if batch.is_inference() else batch
        yield lines_up(network, batch, say=first).to(device)
        empty, first = empty and not len(batch), False
    if empty:
        raise ValueError("x holds no example; give one at least")


def refuse_unpaired(x: Any, y: Any) -> None:
    """Refuse what is not one tensor of examples and one of as many targets."""
    for one in (x, y):
        if not isinstance(one, Tensor):
            kind = type(one).__name__
            raise TypeError(f"x and y are two tensors of one length, not {kind}")
    _refuse_unusual(x)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        shapes = f"{tuple(x.shape)} and {tuple(y.shape)}"
        raise ValueError(f"x and y have shapes {shapes}; give two of one length")


def _refuse_unusual(x: Tensor) -> None:
    """Refuse tensors that hold no plain real numbers."""
    if x.is_nested or x.layout is not torch.strided:
        raise ValueError("x is sparse or nested; give a plain tensor, as x.to_dense()")
    if x.is_meta:
        raise ValueError(
            "x lies on the device meta, which holds shapes and no numbers; give "
            "examples on a real device"
        )
    if x.is_complex():
        raise ValueError(
            f"x holds {x.dtype} numbers, and the probes measure real ones; give "
            "x.real, or torch.view_as_real(x).flatten(-2)"
        )
