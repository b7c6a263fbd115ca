"""The studies of chapter 04: what a mean costs; SELU in the place of batch norm."""

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

__all__ = ["MEAN", "STUDIES", "centred", "deep_network_of", "network_of"]

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


@dataclass(frozen=True)
class DeepRun(Condition):
    """Twenty-four hidden layers of 64 units on the digits, by SGD with momentum.

    ``init`` "matched" gives each function its own gain, 1 for SELU and He's for ReLU;
    ``variant`` "batch_norm" normalises what the activation is given, nothing learnt.
    """

    momentum: float = 0.9
    epochs: int = 20
    init: str = "matched"
    variant: str = ""
    sizes: tuple[int, ...] = (*[64] * 25, 10)
    batch_size: int = 64


def deep_network_of(setting: Setting) -> MLP:
    """Build the network of one run of the study ``selu-depth``, untrained."""
    condition = setting.condition
    assert isinstance(condition, DeepRun)
    function: nn.Module = {"selu": nn.SELU, "relu": nn.ReLU}[condition.activation]()
    if condition.variant == "batch_norm":
        function = nn.Sequential(nn.BatchNorm1d(64, affine=False), function)
        # The gain is ReLU's own; the normalisation would divide any other out.
        return MLP(condition.sizes, function, "he", seed=setting.seed)
    return MLP(condition.sizes, function, condition.init, seed=setting.seed)


def _run(setting: Setting) -> tuple[dict[str, list[Any]], float]:
    """Do one run of a study of this chapter: its history and its seconds."""
    condition = setting.condition
    assert isinstance(condition, CentredRun | DeepRun)
    deep = isinstance(condition, DeepRun)
    started = time.perf_counter()
    run = training.fit(
        deep_network_of(setting) if deep else network_of(setting),
        datasets.digits(),
        lr=condition.lr,
        momentum=condition.momentum,
        epochs=condition.epochs,
        batch_size=condition.batch_size,
        seed=setting.seed,
        progress=False,
    )
    columns = {str(name): run.history[name].tolist() for name in run.history}
    return columns, time.perf_counter() - started


register(CentredRun, on_cpu(_run))
register(DeepRun, on_cpu(_run))

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

# Each at its own step, a quarter of a decade apart; seeds 5 to 7 choose it.
SELU_DEPTH = Study(
    name="selu-depth",
    question="Does SELU do in 24 layers what batch normalisation does for ReLU?",
    home=__package__,
    seeds=8,
    conditions=tuple(
        DeepRun("sgd", activation, lr=lr, variant=variant)
        for activation, variant in (("selu", ""), ("relu", ""), ("relu", "batch_norm"))
        for lr in (0.00178, 0.00316, 0.00562, 0.01, 0.0178, 0.0316, 0.0562)
    ),
    further=("variant",),
)

STUDIES = (CENTRED, SELU_DEPTH)
