"""Eight sick networks: one illness each, one treatment each, and their panels.

All are trained alike on scikit-learn's digits and all end near one right answer in
ten, or break down. :func:`admit` trains one as it comes, :func:`treat` trains it again
with one thing changed, :func:`panels` looks at it before training, drawn many times.
Chapter 14.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from actlab import catalogue, datasets, probes
from actlab.datasets import Dataset
from actlab.deep import DeepMLP
from actlab.training import NonFiniteLossError, fit

__all__ = [
    "EMERGENCY",
    "HEALTHY",
    "PATIENTS",
    "PRESCRIPTIONS",
    "Case",
    "Patient",
    "Visit",
    "admit",
    "named",
    "panels",
    "treat",
    "worst",
]

EPOCHS = 8


class Lowered(nn.Module):
    """An activation less a constant: the same slopes, another mean."""

    def __init__(self, activation: nn.Module, offset: float) -> None:
        super().__init__()
        self.activation, self.offset = activation, offset

    def forward(self, x: Tensor) -> Tensor:
        """Return the function of ``x`` less the offset."""
        return self.activation(x) - self.offset


@dataclass(frozen=True)
class Case:
    """Everything that one training run depends on.

    Parameters
    ----------
    activation, init, norm, width, depth : of a :class:`~actlab.deep.DeepMLP` with
        ``depth`` hidden layers.
    offset : taken from what the activation puts out.
    weights : a factor on all drawn weights.
    bias : added to the hidden layers' biases.
    inputs : ``"symmetric"`` ([−1, 1]) or ``"bytes"`` (0 to 255).
    labels : ``"own"``, or ``"moved"``: each training label sits at another image.
    optimiser, lr, momentum : as in :func:`actlab.training.fit`; Adam has no momentum.
    """

    activation: str = "relu"
    init: str = "he"
    norm: str = "none"
    width: int = 64
    depth: int = 6
    offset: float = 0.0
    weights: float = 1.0
    bias: float = 0.0
    inputs: str = "symmetric"
    labels: str = "own"
    optimiser: str = "sgd"
    lr: float = 0.02
    momentum: float = 0.9
    seed: int = 0

    def network(self) -> DeepMLP:
        """The network as it is before training."""
        sizes = [64, *[self.width] * self.depth, 10]
        activation = catalogue.get(self.activation).make()
        if self.offset:
            activation = Lowered(activation, self.offset)
        network = DeepMLP(sizes, activation, self.init, norm=self.norm, seed=self.seed)
        with torch.no_grad():
            linears = [part for part in network.linears if isinstance(part, nn.Linear)]
            for linear in linears:
                linear.weight.mul_(self.weights)
            for linear in linears[:-1]:
                linear.bias.add_(self.bias)
        return network

    def data(self) -> Dataset:
        """The digits as this case gets them."""
        data = _digits()
        if self.inputs == "bytes":
            as_bytes = {
                name: (getattr(data, name) + 1) * 127.5
                for name in ("x_train", "x_test")
            }
            data = replace(data, **as_bytes)
        if self.labels == "moved":
            order = torch.Generator().manual_seed(0)
            places = torch.randperm(len(data.y_train), generator=order)
            data = replace(data, y_train=data.y_train[places])
        return data


HEALTHY = Case()
"""Six hidden ReLU layers of 64, He's weights, SGD 0.02 with momentum 0.9."""


@dataclass(frozen=True)
class Patient:
    """An illness and what undoes it.

    ``planted`` and ``treatment`` change fields of :class:`Case`; ``sign`` names the
    line of the panel that tells, empty where none does.
    """

    illness: str
    planted: Mapping[str, Any]
    treatment: Mapping[str, Any]
    sign: str
    repair: str

    @property
    def case(self) -> Case:
        """The case as it is admitted."""
        return replace(HEALTHY, **self.planted)


PATIENTS = {
    "A": Patient(
        "weights too small",
        {"weights": 0.3},
        {"weights": 1.0},
        "activation size",
        "He's weights as they are drawn",
    ),
    "B": Patient(
        "saturation",
        {"activation": "tanh", "init": "xavier", "weights": 30.0},
        {"weights": 1.0},
        "saturation",
        "Xavier's weights as they are drawn",
    ),
    "C": Patient(
        "whole layers dead",
        {"bias": -1.0},
        {"bias": 0.0},
        "dead units",
        "biases of zero",
    ),
    "D": Patient(
        "step too large",
        {"lr": 0.5},
        {"lr": 0.02},
        "update : data",
        "a step of 0.02",
    ),
    "E": Patient(
        "inputs not scaled",
        {"inputs": "bytes"},
        {"inputs": "symmetric"},
        "inputs",
        "inputs in [−1, 1]",
    ),
    "F": Patient(
        "all examples alike",
        {"activation": "sigmoid", "init": "default"},
        {"norm": "batch"},
        "input correlation",
        "batch normalisation",
    ),
    "G": Patient(
        "step too small",
        {"lr": 1e-5},
        {"lr": 0.02},
        "update : data",
        "a step of 0.02",
    ),
    "H": Patient(
        "labels at the wrong images",
        {"labels": "moved"},
        {"labels": "own"},
        "",
        "each label back at its image",
    ),
}


def _usual(letter: str) -> dict[str, Any]:
    has_relu = PATIENTS[letter].case.activation == "relu"
    return {"activation": "gelu" if has_relu else "relu"}


PRESCRIPTIONS: dict[str, Callable[[str], Mapping[str, Any]]] = {
    "as they came": lambda letter: {},
    "GELU, ReLU": _usual,
    "SELU": lambda letter: {"activation": "selu"},
    "Adam": lambda letter: {"optimiser": "adam", "lr": 0.003},
    "batch norm": lambda letter: {"norm": "batch"},
    "its own": lambda letter: PATIENTS[letter].treatment,
}
"""What each treatment changes of a patient's case, by the letter."""


EMERGENCY = Case(
    activation="tanh", init="xavier", weights=0.1, inputs="bytes", lr=0.001
)
"""Patient X of exercise 14.7, who has more than one illness."""


@dataclass(frozen=True, eq=False)
class Visit:
    """One training run: the panel before it, the history, and how it ended.

    ``accuracy`` is the final test accuracy in per cent, nan where the loss broke down;
    ``broke`` says where it did.
    """

    case: Case
    history: pd.DataFrame = field(repr=False)
    accuracy: float
    broke: str = ""

    @cached_property
    def panel(self) -> probes.HealthReport:
        """The health panel of the network as it was before training."""
        return _checkup(self.case)

    @property
    def symptom(self) -> str:
        """Mean training loss of the first and last epoch, and test accuracy."""
        if self.broke:
            return f"loss is nan ({self.broke})"
        losses = self.history["train_loss"].dropna()
        return (
            f"loss {losses.iloc[0]:.2f} → {losses.iloc[-1]:.2f}, "
            f"{self.accuracy:.0f} % right"
        )


def admit(letter: str, epochs: int = EPOCHS) -> Visit:
    """Train a patient as it comes: ``"A"`` to ``"H"``, ``"X"``, or ``"healthy"``.

    Returns a :class:`Visit`; the same call gives the same numbers on the same machine.
    Raises ``KeyError`` for a letter that nobody has.  Chapter 14.
    """
    return _run(_case(letter), epochs)


def treat(letter: str, epochs: int = EPOCHS, **changes: Any) -> Visit:
    """Train a patient again with fields of :class:`Case` changed.

    Without changes it gets its own treatment.  Raises ``TypeError`` for a field that a
    case does not have.  Chapter 14.
    """
    case = _case(letter)
    if not changes:
        changes = dict(PATIENTS[letter].treatment) if letter in PATIENTS else {}
    known = {f.name for f in fields(Case)}
    for name in changes:
        if name not in known:
            raise TypeError(f"a case has no {name!r}; it has {sorted(known)}")
    return _run(replace(case, **changes), epochs)


def panels(letter: str, seeds: Iterable[int]) -> list[probes.HealthReport]:
    """Return a patient's panels before training, its weights drawn with each seed.

    ``letter`` is as in :func:`admit`.  What is marked for ``"healthy"`` is a false
    alarm.  Raises ``KeyError`` for a letter that nobody has.  Chapter 14.
    """
    case = _case(letter)
    return [_checkup(replace(case, seed=seed)) for seed in seeds]


def named(panel: probes.HealthReport, noisy: Collection[str] = ()) -> str:
    """Return the row that a rule suspects, empty where it suspects none.

    It is the first that is marked.  Rows in ``noisy``, those that healthy networks
    mark, come last, and only their crosses count.  Chapter 14.
    """
    marked = [
        sign
        for sign in panel.signs
        if sign.status == "trouble"
        or (sign.status == "watch" and sign.name not in noisy)
    ]
    marked.sort(key=lambda sign: sign.name in noisy)
    return marked[0].name if marked else ""


def worst(letter: str, seeds: int = 3, **changes: Any) -> float:
    """Return the lowest accuracy in % of a changed case; nan if a run broke down.

    Takes ``changes`` as :func:`treat` does, but none of them is none here.  Chapter 14.
    """
    runs = [treat(letter, seed=seed, **changes) for seed in range(seeds)]
    broken = any(run.broke for run in runs)
    return math.nan if broken else min(run.accuracy for run in runs)


def _checkup(case: Case) -> probes.HealthReport:
    # Before training a step changes one line: cases that differ by it share the rest.
    still = replace(case, lr=0.0, optimiser="sgd", momentum=0.0)
    return _measured(still).at_step(case.lr, case.optimiser)


@lru_cache(maxsize=512)
def _measured(case: Case) -> probes.HealthReport:
    return probes.checkup(case.network(), case.data())


def _case(letter: str) -> Case:
    others = {"healthy": HEALTHY, "X": EMERGENCY}
    if letter in others:
        return others[letter]
    if letter not in PATIENTS:
        there = ", ".join(PATIENTS)
        raise KeyError(f"no patient {letter!r}; there are {there}, X and 'healthy'")
    return PATIENTS[letter].case


@lru_cache(maxsize=1)
def _digits() -> Dataset:
    return datasets.digits()


@lru_cache(maxsize=256)
def _run(case: Case, epochs: int) -> Visit:
    network, data = case.network(), case.data()
    momentum = case.momentum if case.optimiser == "sgd" else 0.0
    try:
        run = fit(
            network,
            data,
            epochs=epochs,
            lr=case.lr,
            optimiser=case.optimiser,
            momentum=momentum,
            seed=case.seed,
            progress=False,
        )
    except NonFiniteLossError as error:
        where = f"epoch {error.epoch}, step {error.step}"
        empty = pd.DataFrame({"epoch": [], "train_loss": [], "test_accuracy": []})
        return Visit(case, empty, math.nan, where)
    return Visit(case, run.history, run.accuracy)
