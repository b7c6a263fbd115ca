"""Eight sick networks: one illness each, one treatment each, and their panels.

All are trained alike on scikit-learn's digits and all end near one right answer in
ten, or break down. :func:`admit` trains one as it comes, :func:`treat` trains it again
with one thing changed. Chapter 14.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

import pandas as pd
import torch
from torch import nn

from actlab import datasets, probes
from actlab.datasets import Dataset
from actlab.deep import DeepMLP
from actlab.training import NonFiniteLossError, fit

__all__ = [
    "EMERGENCY",
    "HEALTHY",
    "PATIENTS",
    "Case",
    "Patient",
    "Visit",
    "admit",
    "treat",
]

EPOCHS = 8


@dataclass(frozen=True)
class Case:
    """Everything that one training run depends on.

    Parameters
    ----------
    activation, init, norm, width, depth : of a :class:`~actlab.deep.DeepMLP` with
        ``depth`` hidden layers.
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
        network = DeepMLP(
            sizes, self.activation, self.init, norm=self.norm, seed=self.seed
        )
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
    panel: probes.HealthReport = field(repr=False)
    history: pd.DataFrame = field(repr=False)
    accuracy: float
    broke: str = ""

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


@lru_cache(maxsize=128)
def _run(case: Case, epochs: int) -> Visit:
    network, data = case.network(), case.data()
    panel = probes.checkup(network, data, lr=case.lr, optimiser=case.optimiser)
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
        return Visit(case, panel, empty, math.nan, where)
    return Visit(case, panel, run.history, run.accuracy)
