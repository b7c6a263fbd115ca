"""Fully connected networks with any activation, and initialisations by name."""

from __future__ import annotations

import contextlib
import copy
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, repeat
from numbers import Integral
from pathlib import Path
from typing import TypeGuard

import torch
from torch import Tensor, nn

__all__ = [
    "INITS",
    "MLP",
    "Joint",
    "SmallCNN",
    "calls_inside",
    "count_parameters",
    "initialise_",
    "lines_up",
    "make_activation",
    "number_type",
]

INITS = (
    "default",
    "default_zero_bias",
    "default_gain",
    "xavier",
    "xavier_4",
    "he",
    "matched",
    "orthogonal",
)


@dataclass(frozen=True, eq=False)
class Joint:
    """What one hidden layer computes, both of shape (examples, units): z and f(z)."""

    pre_activation: Tensor
    activation: Tensor


class Elementwise(nn.Module):
    """A Python function from tensor to tensor as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)

    def extra_repr(self) -> str:
        return getattr(self.function, "__name__", repr(self.function))


class MLP(nn.Module):
    """Multilayer perceptron: linear maps with an activation between each two.

    Parameters
    ----------
    sizes : widths from the input to the output, two or more, for instance
        ``(784, 256, 10)``.
    activation : a key of the catalogue (``"relu"``), a module, a module class, a
        function from tensor to tensor, or None for a linear network.  It gives back
        the shape that it gets: a gate, which halves the width, is refused.
    init : one of ``INITS``, see :func:`initialise_`.
    shared : whether all layers use one activation object (and so one set of its
        parameters) instead of a copy each.
    seed : of the weights; None draws from torch's global generator.  The same seed
        gives the same weights whatever the activation.  With ``init="default"`` they
        are those of ``nn.Linear`` layers built after ``torch.manual_seed(seed)``.

    Inputs have shape (examples, sizes[0]), outputs (examples, sizes[-1]).
    Raises ``ValueError`` for impossible sizes, unknown initialisations, and an
    activation that changes the width.  Chapters 01 and 09.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | nn.Module | Callable[[Tensor], Tensor] | None = "relu",
        init: str = "default",
        shared: bool = False,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        sizes = tuple(sizes)
        _check_sizes(sizes)
        _check_init(init)
        with _random_state(seed):
            self.linears = nn.ModuleList(
                nn.Linear(fan_in, fan_out) for fan_in, fan_out in zip(sizes, sizes[1:])
            )
        hidden = len(sizes) - 2
        first = make_activation(activation)
        for width in sorted(set(sizes[1:-1])):
            _check_shape(first, (2, width), activation)
        # A network that owns its copies: training it leaves the caller's module alone.
        copies = (first if shared else copy.deepcopy(first) for _ in range(hidden))
        self.activations = nn.ModuleList(copies)
        with _random_state(seed):
            initialise_(self, init, activation)

    def forward(self, x: Tensor) -> Tensor:
        for linear, activation in zip(self.linears, self.activations):
            x = activation(linear(x))
        return self.linears[-1](x)

    def joints(self, x: Tensor) -> list[Joint]:
        """Return each hidden layer's pre-activation and activation for inputs ``x``.

        Without gradient.  Chapter 01.
        """
        result = []
        with torch.no_grad():
            for linear, activation in zip(self.linears, self.activations):
                pre_activation = linear(x)
                # A copy: an in-place activation would overwrite what is returned.
                x = activation(pre_activation.clone())
                result.append(Joint(pre_activation, x))
        return result


class SmallCNN(nn.Module):
    """Two convolutions and two linear maps for square images of one channel.

    Parameters
    ----------
    activation, init, seed : as in :class:`MLP`; a copy of the activation follows each
        of the first three maps.
    side : of the images, a multiple of 4; inputs are flat, of shape
        (examples, side²).
    channels : of the two convolutions, which have kernels of 3 × 3 and stride 2.
    hidden : units between the two linear maps.
    classes : outputs.

    Raises ``ValueError`` for another side, unknown initialisations, and an activation
    that changes the number of channels.  Chapter 12.
    """

    def __init__(
        self,
        activation: str | nn.Module | Callable[[Tensor], Tensor] | None = "relu",
        init: str = "default",
        seed: int | None = None,
        side: int = 28,
        channels: tuple[int, int] = (8, 16),
        hidden: int = 64,
        classes: int = 10,
    ) -> None:
        super().__init__()
        if side < 4 or side % 4:
            raise ValueError(f"side is {side}; give a multiple of 4, for instance 28")
        _check_init(init)
        first, second = channels
        self.side = side
        with _random_state(seed):
            self.convolutions = nn.ModuleList(
                (
                    nn.Conv2d(1, first, 3, stride=2, padding=1),
                    nn.Conv2d(first, second, 3, stride=2, padding=1),
                )
            )
            self.linears = nn.ModuleList(
                (
                    nn.Linear(second * (side // 4) ** 2, hidden),
                    nn.Linear(hidden, classes),
                )
            )
        made = make_activation(activation)
        for shape in ((2, first, 2, 2), (2, second, 2, 2), (2, hidden)):
            _check_shape(made, shape, activation)
        self.activations = nn.ModuleList(copy.deepcopy(made) for _ in range(3))
        with _random_state(seed):
            initialise_(self, init, activation)

    def forward(self, x: Tensor) -> Tensor:
        x = x.reshape(-1, 1, self.side, self.side)
        for convolution, activation in zip(self.convolutions, self.activations):
            x = activation(convolution(x))
        x = self.activations[-1](self.linears[0](x.flatten(1)))
        return self.linears[1](x)


def make_activation(
    activation: str | nn.Module | Callable[[Tensor], Tensor] | None,
) -> nn.Module:
    """Return the module that an ``activation`` argument of :class:`MLP` means.

    Raises the catalogue's error for an unknown key, ``TypeError`` for anything that
    cannot be called.
    """
    if activation is None:
        return nn.Identity()
    if isinstance(activation, str):
        from . import catalogue

        return catalogue.get(activation).make()
    if isinstance(activation, nn.Module):
        return activation
    if _is_module_class(activation):
        return activation()
    if hasattr(activation, "make"):  # a record of the catalogue
        return activation.make()
    if callable(activation):
        return Elementwise(activation)
    raise TypeError(
        f"activation is {activation!r}; pass a key such as 'relu', a module, a "
        "function from tensor to tensor, or None for a linear network"
    )


def _check_shape(module: nn.Module, shape: tuple[int, ...], activation: object) -> None:
    """Refuse an activation that would not fit between two maps of this width.

    Tried on a copy; one that cannot be tried here says itself what it lacks.
    """
    made, error = _try_shape(module, shape)
    if made == shape:
        return
    if error is not None:
        # Perhaps it only needs a width that can be cut into parts.
        wider = (shape[0], 12 * shape[1], *shape[2:])
        if _try_shape(module, wider)[0] is None:
            return
        found = f"which cannot act on {shape[1]} units ({error})"
    elif made is None:
        return
    else:
        found = f"which makes shape {made} of {shape}"
    raise ValueError(
        f"activation is {activation!r}, {found}; between two maps of this network it "
        "must keep the width. Take one that does, such as 'silu', or build the gated "
        "block yourself: nn.Sequential(nn.Linear(4, 16), "
        "catalogue.get('swiglu').make(), nn.Linear(8, 3))"
    )


def _try_shape(
    module: nn.Module, shape: tuple[int, ...]
) -> tuple[tuple[int, ...] | None, Exception | None]:
    """The shape that comes out, None where there is none, and the error if any."""
    like = next((p for p in module.parameters() if p.is_floating_point()), None)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            x = torch.zeros(shape) if like is None else like.new_zeros(shape)
            out = copy.deepcopy(module)(x)
        except Exception as error:  # whatever it is, it is not for us to judge
            return None, error
    return (tuple(out.shape) if isinstance(out, Tensor) else None), None


def _is_module_class(value: object) -> TypeGuard[type[nn.Module]]:
    return isinstance(value, type) and issubclass(value, nn.Module)


def initialise_(
    network: nn.Module,
    init: str = "default",
    activation: str | nn.Module | Callable[[Tensor], Tensor] | None = None,
) -> nn.Module:
    """Redraw every ``nn.Linear`` and ``nn.Conv2d`` in ``network``, in place.

    Parameters
    ----------
    network : any module.
    init : ``"default"``, torch's own (weights and biases uniform in ±1/√fan_in);
        ``"default_zero_bias"``, the same weights with zero biases; ``"default_gain"``,
        the same weights times √6, which gives them He's variance and changes neither
        their distribution nor the biases (chapter 08); and with zero
        biases and normal weights, ``"xavier"`` with variance 2/(fan_in + fan_out),
        ``"xavier_4"`` with four times that standard deviation (chapter 03),
        ``"he"`` with 2/fan_in, ``"matched"`` with gain²/fan_in, where the gain
        1/√E[f(Z)²] is that of the activation which feeds the layer, and 1 for the first
        layer, which data feed; ``"orthogonal"``, orthogonal weights times that gain.
    activation : whose gain ``"matched"`` and ``"orthogonal"`` use, as in
        :class:`MLP`; None has gain 1.

    Draws from torch's global generator; ``MLP(…, seed=…)`` seeds it.  Returns the
    network.  Raises ``ValueError`` for an unknown name.  Chapter 09.  Sources: Glorot
    and Bengio 2010; He et al. 2015, arXiv:1502.01852; Saxe et al. 2013,
    arXiv:1312.6120.
    """
    _check_init(init)
    matched = _gain(activation) if init in ("matched", "orthogonal") else 1.0
    linears = [m for m in network.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    for linear, gain in zip(linears, chain([1.0], repeat(matched))):
        if init.startswith("default"):
            linear.reset_parameters()
            if init == "default_gain":
                linear.weight.data.mul_(math.sqrt(6))
        elif init == "orthogonal":
            nn.init.orthogonal_(linear.weight, gain)
        else:
            fan_in, fan_out = _fans(linear)
            variance = {
                "xavier": 2 / (fan_in + fan_out),
                "xavier_4": 16 * 2 / (fan_in + fan_out),
                "he": 2 / fan_in,
                "matched": gain**2 / fan_in,
            }[init]
            nn.init.normal_(linear.weight, std=math.sqrt(variance))
        if init not in ("default", "default_gain") and linear.bias is not None:
            nn.init.zeros_(linear.bias)
    return network


def _fans(layer: nn.Linear | nn.Conv2d) -> tuple[int, int]:
    """Return how many numbers each output adds up, and how many each input reaches."""
    outputs, inputs, *kernel = layer.weight.shape
    return inputs * math.prod(kernel), outputs * math.prod(kernel)


def count_parameters(network: nn.Module) -> int:
    """Return how many numbers training can change; shared ones count once."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def number_type(network: nn.Module) -> torch.dtype | None:
    """Return the type of the network's numbers; None for one that holds none."""
    tensors = (*network.parameters(), *network.buffers())
    return next((t.dtype for t in tensors if t.is_floating_point()), None)


def lines_up(network: nn.Module, x: Tensor, *, say: bool = True) -> Tensor:
    """Return inputs in the network's number type, and warn where that changes them.

    Training and the probes share this rule.  Whole numbers (pixels as they are stored,
    for instance) are cast too, but not for a network with an ``nn.Embedding``, which
    looks them up.
    """
    dtype = number_type(network)
    if x.is_complex() or x.dtype == dtype:
        return x
    if x.is_floating_point():
        dtype = dtype or x.dtype
    elif any(isinstance(m, (nn.Embedding, nn.EmbeddingBag)) for m in network.modules()):
        return x
    dtype = dtype or torch.float32
    if say and x.dtype != dtype:
        warnings.warn(
            f"the inputs are {x.dtype} and the network is {dtype}: the inputs are cast "
            f"to {dtype}; x.to({dtype}) beforehand silences this",
            stacklevel=calls_inside(),
        )
    return x.to(dtype)


def calls_inside() -> int:
    """The stacklevel with which a warning points at the line that called the package.

    To be asked in the function that warns.  Hooks are called by torch, and what stands
    behind a ``with`` statement by Python's own module for that.
    """
    inner = tuple(str(Path(f).parent) for f in (__file__, torch.__file__))
    inner += (contextlib.__file__,)
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_code.co_filename.startswith(inner):
        frame, level = frame.f_back, level + 1
    return level


def _gain(activation: str | nn.Module | Callable[[Tensor], Tensor] | None) -> float:
    if activation is None:
        return 1.0
    from . import properties

    if isinstance(activation, type):
        activation = activation()
    gain = float(properties.forward_gain(activation))
    if not 1e-30 < gain < 1e30:  # float32 ends at 1e±38
        raise ValueError(
            f"the activation's gain 1/√E[f(Z)²] is {gain}, and no weights match that; "
            "use init='he' or another that does not ask for it"
        )
    return gain


def _check_sizes(sizes: tuple[int, ...]) -> None:
    whole = all(isinstance(size, Integral) and size > 0 for size in sizes)
    if len(sizes) < 2 or not whole:
        raise ValueError(
            f"sizes is {sizes}; give two or more positive whole numbers from input to "
            "output, for instance (784, 256, 10)"
        )


def _check_init(init: str) -> None:
    if init in INITS:
        return
    close = get_close_matches(str(init), INITS, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"choose one of {list(INITS)}"
    raise ValueError(f"unknown initialisation {init!r}; {hint}")


@contextlib.contextmanager
def _random_state(seed: int | None) -> Iterator[None]:
    """Seed torch's generator inside the block only; None leaves it as it is."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
