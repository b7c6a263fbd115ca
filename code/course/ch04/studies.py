"""The study of chapter 04: what a mean costs, at every step."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from actlab import datasets, training
from actlab.networks import MLP
from actlab.studies import Condition, Setting, Study
from actlab.studies.runners import on_cpu, register

__all__ = ["MEAN", "STUDIES", "centred", "network_of"]

MEAN = 1 / math.sqrt(2 * math.pi)  # of relu(Z), Z standard normal: equation (4.2)


def centred(z: torch.Tensor) -> torch.Tensor:
    """ReLU minus its mean for standard normal input."""
    return F.relu(z) - MEAN


@dataclass(frozen=True)
class CentredRun(Condition):
    """Six hidden layers of 64 units on the digits, by plain SGD.

    ``variant`` is "function", where the mean is taken out of ReLU, "biases", where the
    biases of the layers above take it out at the start, or "" for ReLU as it is.
    """

    epochs: int = 10
    init: str = "he"
    variant: str = ""
    sizes: tuple[int, ...] = (*[64] * 7, 10)
    batch_size: int = 128


def network_of(setting: Setting) -> MLP:
    """Build the network of one run of the study ``centred``, untrained."""
    condition = setting.condition
    assert isinstance(condition, CentredRun)
    function = centred if condition.variant == "function" else F.relu
    network = MLP(condition.sizes, function, condition.init, seed=setting.seed)
    if condition.variant == "biases":
        with torch.no_grad():
            for linear in list(network.linears)[1:]:
                assert isinstance(linear, nn.Linear)
                linear.bias.sub_(MEAN * linear.weight.sum(1))
    return network


def _run(setting: Setting) -> tuple[dict[str, list[Any]], float]:
    """Do one run of the study ``centred``: its history and its seconds."""
    condition = setting.condition
    assert isinstance(condition, CentredRun)
    started = time.perf_counter()
    run = training.fit(
        network_of(setting),
        datasets.digits(),
        lr=condition.lr,
        epochs=condition.epochs,
        batch_size=condition.batch_size,
        seed=setting.seed,
        progress=False,
    )
    columns = {str(name): run.history[name].tolist() for name in run.history}
    return columns, time.perf_counter() - started


register(CentredRun, on_cpu(_run))

# From steps that suit all three to one at which some runs break down.
CENTRED = Study(
    name="centred",
    question="Is it the start or the coordinates through which a mean slows descent?",
    home=__package__,
    seeds=10,
    conditions=tuple(
        CentredRun("sgd", "relu", lr=lr, variant=variant)
        for variant in ("", "biases", "function")
        for lr in (0.03, 0.05, 0.1, 0.15, 0.2, 0.3)
    ),
    further=("variant",),
)

STUDIES = (CENTRED,)
