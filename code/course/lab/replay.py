"""The experiment of the laboratory's page, once more in Python.

The page draws data, start weights and the order of the examples from a generator of
its own, because the same address has to show the same run in every browser. Here that
generator stands again, so that :mod:`actlab` trains the same network from the same
numbers. The button "Copy as Python" writes a cell that calls `experiment`.

The generator is Blackman and Vigna's xoshiro128** (2018), filled from a seed and a name
through the mixing function of MurmurHash3; normal numbers are Box and Muller's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from actlab import catalogue, datasets, properties
from actlab.datasets import Dataset
from actlab.deep import DeepMLP
from actlab.formulas.tensors import tensor_function

__all__ = ["Experiment", "Generator", "data_of", "draw_start_", "experiment"]

EXAMPLES, POINTS = 300, 128
_MASK = 0xFFFFFFFF


def _rotate(word: int, by: int) -> int:
    return ((word << by) | (word >> (32 - by))) & _MASK


def _mix(h: int) -> int:
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & _MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & _MASK
    return h ^ (h >> 16)


class Generator:
    """Random numbers as the page draws them.

    Parameters
    ----------
    seed : a whole number from 0.
    stream : what they are for: ``"data"``, ``"start"`` or ``"order"``.
    """

    def __init__(self, seed: int, stream: str) -> None:
        h = seed & _MASK
        for letter in stream:
            h = _mix(h ^ ord(letter))
        self.words: list[int] = []
        for _ in range(4):
            h = (h + 0x9E3779B9) & _MASK
            self.words.append(_mix(h))
        self.spare = math.nan

    def next(self) -> int:
        """Return 32 random bits."""
        s = self.words
        result = (_rotate((s[1] * 5) & _MASK, 7) * 9) & _MASK
        t = (s[1] << 9) & _MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = _rotate(s[3], 11)
        return result

    def uniform(self) -> float:
        """Return a multiple of 2^−53 in [0, 1)."""
        high, low = self.next() >> 5, self.next() >> 6
        return (high * 67108864 + low) / 9007199254740992

    def normal(self) -> float:
        """Return a normal number, mean 0 and variance 1."""
        if not math.isnan(self.spare):
            value, self.spare = self.spare, math.nan
            return value
        radius = math.sqrt(-2 * math.log(1 - self.uniform()))
        angle = 2 * math.pi * self.uniform()
        self.spare = radius * math.sin(angle)
        return radius * math.cos(angle)

    def below(self, n: int) -> int:
        """Return a whole number from 0 to below ``n``."""
        return math.floor(self.uniform() * n)


# --- data --------------------------------------------------------------------------


def _on_circle(
    random: Generator, radius: float, angle: float, noise: float
) -> list[float]:
    first = radius * math.cos(angle) + noise * random.normal()
    return [first, radius * math.sin(angle) + noise * random.normal()]


def _spirals(random: Generator, i: int, noise: float) -> tuple[list[float], int]:
    radius = 0.05 + 0.95 * math.sqrt(random.uniform())
    angle = 2 * math.pi * (1.5 * radius + (i % 2) / 2)
    return _on_circle(random, radius, angle, noise), i % 2


def _rings(random: Generator, i: int, noise: float) -> tuple[list[float], int]:
    angle = 2 * math.pi * random.uniform()
    return _on_circle(random, (i % 2 + 1) / 2, angle, noise), i % 2


def _xor(random: Generator, i: int, noise: float) -> tuple[list[float], int]:
    a, b = 2 * random.uniform() - 1, 2 * random.uniform() - 1
    place = [a + noise * random.normal(), b + noise * random.normal()]
    return place, int(a * b < 0)


_PLANAR: dict[str, Callable[[Generator, int, float], tuple[list[float], int]]] = {
    "spirals": _spirals,
    "rings": _rings,
    "xor": _xor,
}


def data_of(name: str, seed: int = 1, noise: float = 0.05) -> Dataset:
    """Return the page's data in float64.

    Parameters
    ----------
    name : ``"spirals"``, ``"rings"``, ``"xor"``, ``"signal"`` or ``"digits"``.
    seed : of the draw; the digits have none.
    noise : its standard deviation; of the signal's training targets only.

    Raises ``ValueError`` for another name.
    """
    if name == "digits":
        found = datasets.digits()
        return Dataset(
            "digits",
            found.x_train.double(),
            found.y_train,
            found.x_test.double(),
            found.y_test,
            found.classes,
        )
    if name == "signal":
        return _waves(seed, noise)
    if name not in _PLANAR:
        known = ", ".join([*_PLANAR, "signal", "digits"])
        raise ValueError(f"unknown data {name!r}; choose one of {known}")
    random = Generator(seed, "data")
    parts: list[Tensor] = []
    for _ in range(2):
        pairs = [_PLANAR[name](random, i, noise) for i in range(EXAMPLES)]
        parts.append(torch.tensor([x for x, _ in pairs], dtype=torch.float64))
        parts.append(torch.tensor([y for _, y in pairs]))
    x_train, y_train, x_test, y_test = parts
    return Dataset(name, x_train, y_train, x_test, y_test, ["class 0", "class 1"])


def _waves(seed: int, noise: float) -> Dataset:
    random = Generator(seed, "data")

    def column(n: int, spread: float) -> list[Tensor]:
        places = [-1 + 2 * i / (n - 1) for i in range(n)]
        heights = [
            0.6 * math.sin(2 * math.pi * x)
            + 0.4 * math.sin(7 * math.pi * x)
            + (spread * random.normal() if spread else 0.0)
            for x in places
        ]
        return [
            torch.tensor(numbers, dtype=torch.float64)[:, None]
            for numbers in (places, heights)
        ]

    x_train, y_train = column(POINTS, noise)
    x_test, y_test = column(4 * POINTS, 0.0)
    return Dataset("signal", x_train, y_train, x_test, y_test)


# --- start -------------------------------------------------------------------------


def draw_start_(
    network: DeepMLP, start: str, seed: int, gain: float = 1.0, bias: float = 0.0
) -> DeepMLP:
    """Draw weights and biases as the page does, in place.

    Parameters
    ----------
    network : in float64.
    start : ``"default"`` (PyTorch's), ``"he"``, ``"xavier"``, ``"matched"`` or
        ``"own"``; the last two use ``gain`` in the layers that activations feed.
    seed : of the draw.
    bias : is added to the biases of all hidden layers.
    """
    random = Generator(seed, "start")
    last = len(network.linears) - 1
    with torch.no_grad():
        for place, linear in enumerate(network.linears):
            assert isinstance(linear, nn.Linear)
            outs, ins = linear.weight.shape
            if start == "default":
                reach = 1 / math.sqrt(ins)
                numbers = [
                    reach * (2 * random.uniform() - 1) for _ in range(outs * ins + outs)
                ]
            else:
                own = (1.0 if place == 0 else gain**2) / ins
                variances = {"he": 2 / ins, "xavier": 2 / (ins + outs)}
                spread = math.sqrt(variances.get(start, own))
                numbers = [spread * random.normal() for _ in range(outs * ins)]
                numbers += [0.0] * outs
            drawn = torch.tensor(numbers, dtype=torch.float64)
            linear.weight.copy_(drawn[: outs * ins].reshape(outs, ins))
            linear.bias.copy_(drawn[outs * ins :] + (bias if place < last else 0.0))
    return network


class _Formula(nn.Module):
    """A formula as a module, so that probes find it."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def activation(text: str) -> nn.Module:
    """Return a row of the catalogue or a typed formula as a module, in float64."""
    found = catalogue.read(text)
    if isinstance(found, catalogue.Activation):
        return found.make().double().requires_grad_(False)
    return _Formula(tensor_function(found))


# --- the run -----------------------------------------------------------------------

Event = tuple[int, str, float, int]


@dataclass(eq=False)
class Experiment:
    """A network that trains as it does on the page; `train` goes on from where it is.

    ``network`` is an :class:`actlab.deep.DeepMLP` in float64, ``data`` its data,
    ``steps`` how many steps were taken, ``losses`` each step's loss.
    """

    network: DeepMLP
    data: Dataset
    stepper: torch.optim.Optimizer
    order: Generator
    batch: int
    rate: float
    events: Sequence[Event] = ()
    steps: int = 0
    losses: list[float] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    place: int = 0

    def _batch(self) -> list[int]:
        if self.place >= len(self.data.x_train):
            for i in range(len(self.rows) - 1, 0, -1):
                j = self.order.below(i + 1)
                self.rows[i], self.rows[j] = self.rows[j], self.rows[i]
            self.place = 0
        rows = self.rows[self.place : self.place + self.batch]
        self.place += len(rows)
        return rows

    def _react(self) -> float:
        """Do what was asked for at this step; return how much longer it is."""
        longer = 1.0
        for step, kind, value, layer in self.events:
            if step != self.steps:
                continue
            if kind == "rate":
                self.rate = value
            elif kind == "blow":
                longer = value
            else:
                with torch.no_grad():
                    bias = self.network.linears[layer].bias
                    assert isinstance(bias, Tensor)
                    bias += value
        return longer

    def train(self, steps: int) -> Experiment:
        """Take so many steps; stops where the loss is no longer a number."""
        for _ in range(steps):
            longer = self._react()
            rows = self._batch()
            x, y = self.data.x_train[rows], self.data.y_train[rows]
            output = self.network(x)
            classify = bool(self.data.classes)
            loss = F.cross_entropy(output, y) if classify else F.mse_loss(output, y)
            self.stepper.zero_grad()
            loss.backward()
            self.losses.append(loss.item())
            if not math.isfinite(self.losses[-1]):
                break
            for group in self.stepper.param_groups:
                group["lr"] = self.rate * longer
            self.stepper.step()
            self.steps += 1
        return self


def experiment(
    function: str = "relu",
    data: str = "spirals",
    *,
    noise: float = 0.05,
    layers: Sequence[int] = (16, 16),
    start: str = "he",
    gain: float = 1.0,
    bias: float = 0.0,
    optimiser: str = "adam",
    rate: float = 0.01,
    batch: int = 10,
    seed: int = 1,
    norm: bool = False,
    branch: float | str | None = None,
    events: Sequence[Event] = (),
) -> Experiment:
    """Set up a run of the page: the same data, start weights and order.

    Parameters
    ----------
    function : a key of the catalogue or a formula.
    data, noise, seed : as for `data_of`; the seed is also that of start and order.
    layers : widths of the hidden layers.
    start, gain, bias : as for `draw_start_`; ``"matched"`` computes its gain.
    optimiser : ``"sgd"``, ``"momentum"`` (0.9) or ``"adam"``.
    rate, batch : step size, and examples per step.
    norm : layer normalisation before each activation.
    branch : as for :class:`actlab.deep.DeepMLP`.
    events : (step, ``"rate"`` | ``"blow"`` | ``"bias"``, value, layer): a new step
        size from this step on, a single step so many times as long, or a shift of the
        biases of a hidden layer (from 0) before it.
    """
    found = data_of(data, seed, noise)
    sizes = (found.inputs, *layers, found.outputs)
    network = DeepMLP(
        sizes,
        activation(function),
        norm="layer" if norm else "none",
        branch=branch,
        seed=0,
    ).double()
    if start == "matched":
        gain = properties.forward_gain(function)
    draw_start_(network, start, seed, gain, bias)
    weights = [p for p in network.parameters() if p.requires_grad]
    makers: dict[str, Callable[..., Any]] = {
        "sgd": torch.optim.SGD,
        "momentum": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
        "adam": torch.optim.Adam,
    }
    if optimiser not in makers:
        known = ", ".join(makers)
        raise ValueError(f"unknown optimiser {optimiser!r}; choose one of {known}")
    examples = len(found.x_train)
    return Experiment(
        network,
        found,
        makers[optimiser](weights, lr=rate),
        Generator(seed, "order"),
        min(batch, examples),
        rate,
        list(events),
        rows=list(range(examples)),
        place=examples,
    )
