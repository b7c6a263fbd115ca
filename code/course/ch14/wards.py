"""The panel on networks that it was not made for: the study ``wards``.

Chapter 14 reads the health panel on one network, whose illnesses were planted.  Here it
looks at three others on Fashion-MNIST, each under a dozen settings that people use, and
nobody says beforehand which of them are ill: the accuracy does.

What was fixed before the first run.  Each setting had been tried once, with seed 300,
for its time and to see at which steps networks begin to break down.  These panels had
been seen, so what follows names no outcome that is hoped for, and counts fresh draws.

* A ward is a network; its first setting, ``as usual``, is its healthy twin.  A run is
  *ill* if its test accuracy is more than 10 points below the median of the twin's, or
  if it broke down, *well* if it is at most 5 points below; between, it is told and not
  counted.
* The rules are those of the chapter, unchanged.  ``first``: the first mark.  ``ours``:
  a mark in a row other than loss, logits, dead units and update : data, else a cross.
  A third is what the chapter advises: ``recounted``, as ``ours``, but noisy are the
  rows that the twin of this ward marks in its runs with even seeds, which are then left
  out of the count.
* A rule *alarms* if it names a row.  It is *right* in an ill run if it names a row of
  what differs from the twin: other inputs, ``inputs``; another step or optimiser,
  ``update : data``; another function, start, depth or normalisation, one of activation
  size, activation trend, input correlation and error signal.  Where two differ, each
  will do; a softmax too many has no row.
* Two looks: before the first step, as in the chapter, which decides; and at the end,
  where one stands before a network that has not learnt.  This one is told beside it.
* Shares have Wilson's 95 % intervals, over runs.  Runs of one setting are much alike,
  so these hold for the settings tried; how many settings are alarmed in more than half
  of their runs is told as well.

What would refute which sentence of the chapter, ward by ward, for the rule ``ours``
before the first step:

* "The other seven rows are silent for the healthy: a mark there is news": if the
  interval of the alarms among the well lies above 0.2.  It holds if it lies below.
* "The panel gives a suspect": refuted if the interval of right names among the ill
  lies below 0.5; it holds if it lies above.
* An alarm says something at all: refuted unless the interval of the alarms among the
  ill lies above that among the well.
* "Which rows are noisy has to be counted for each network": refuted as advice unless
  ``recounted`` raises fewer false alarms than ``ours`` and names no fewer ill runs
  rightly, in runs of all wards together.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from actlab import probes
from actlab.datasets import FASHION_MNIST_SHA256, Dataset
from actlab.deep import DeepMLP
from actlab.networks import SmallCNN
from actlab.studies import Condition, Setting, Study
from actlab.studies.runners import load_data, on_cpu, register
from actlab.training import NonFiniteLossError, fit

__all__ = ["STUDIES", "WARDS", "SoftmaxTwice", "WardRun", "marks"]

LETTERS = {"ok": ".", "watch": "!", "trouble": "x", "not measured": "o"}
SEEN, TESTED = 4000, 2000  # training and test images


@dataclass(frozen=True)
class WardRun(Condition):
    """A network of a ward, its panel before and after training.

    Parameters
    ----------
    regime : the ward: ``"convolutions"``, ``"residual"`` or ``"plain"``.
    variant : what is changed beside the ward's healthy twin.
    norm, depth : of the fully connected networks, 64 units wide.
    inputs : ``"symmetric"`` ([−1, 1]), ``"unit"`` ([0, 1]) or ``"bytes"`` (0 to 255).
    softmax : whether the network ends with a softmax, which the loss has already.
    """

    variant: str = "as usual"
    momentum: float = 0.9
    epochs: int = 6
    norm: str = "none"
    depth: int = 6
    inputs: str = "symmetric"
    softmax: bool = False
    data: str = "fashion_mnist"


class SoftmaxTwice(nn.Module):
    """A classifier that ends with a softmax, though the loss contains one."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return probabilities, shape (examples, classes)."""
        return torch.softmax(self.network(x), dim=-1)


def marks(panel: probes.HealthReport) -> str:
    """Return a panel as a letter per sign: ``.`` ok, ``!`` watch, ``x``, ``o`` none."""
    return "".join(LETTERS[sign.status] for sign in panel.signs)


def _network(condition: WardRun, seed: int) -> nn.Module:
    network: nn.Module
    if condition.regime == "convolutions":
        network = SmallCNN(condition.activation, condition.init, seed)
    else:
        network = DeepMLP(
            [784, *[64] * condition.depth, 10],
            condition.activation,
            condition.init,
            norm=condition.norm,
            branch=1.0 if condition.regime == "residual" else None,
            seed=seed,
        )
    return SoftmaxTwice(network) if condition.softmax else network


@lru_cache(maxsize=3)
def _data(inputs: str) -> Dataset:
    data = load_data("fashion_mnist").subset(SEEN, seed=0)
    data = replace(data, x_test=data.x_test[:TESTED], y_test=data.y_test[:TESTED])
    width = {"symmetric": 1.0, "unit": 0.5, "bytes": 127.5}[inputs]
    shift = 0.0 if inputs == "symmetric" else 1.0
    scaled = {n: (getattr(data, n) + shift) * width for n in ("x_train", "x_test")}
    return replace(data, **scaled)


def _run(setting: Setting) -> tuple[dict[str, list[Any]], float]:
    """Do one run; return its one row.  One that broke down has its first panel."""
    condition, seed = setting.condition, setting.seed
    assert isinstance(condition, WardRun)
    network, data = _network(condition, seed), _data(condition.inputs)
    lr, optimiser = condition.lr, condition.optimiser
    before = marks(probes.checkup(network, data, lr=lr, optimiser=optimiser))
    begun = time.perf_counter()
    try:
        history = fit(
            network,
            data,
            epochs=condition.epochs,
            lr=lr,
            optimiser=optimiser,
            momentum=condition.momentum,
            batch_size=64,
            seed=seed,
            progress=False,
        ).history
    except NonFiniteLossError as error:
        names = ("train_loss", "test_loss", "test_accuracy")
        row = {"epoch": error.epoch} | dict.fromkeys(names, math.nan)
        return _columns(row | {"before": before, "after": ""}), math.nan
    seconds = time.perf_counter() - begun
    row = {str(k): v for k, v in history.iloc[-1].to_dict().items()}
    row["epoch"] = condition.epochs
    after = marks(probes.checkup(network, data, lr=lr, optimiser=optimiser))
    return _columns(row | {"before": before, "after": after}), seconds


def _columns(row: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [value] for name, value in row.items()}


register(
    WardRun,
    on_cpu(_run),
    prepare=lambda condition: load_data(condition.data),
    hashes=lambda condition: dict(FASHION_MNIST_SHA256),
)


def _ward(twin: WardRun, settings: dict[str, dict[str, Any]]) -> tuple[WardRun, ...]:
    """The healthy twin, and under their names the settings changed beside it."""
    changed = []
    for name, change in settings.items():
        if change.get("optimiser") == "adam":
            change = change | {"momentum": 0.0}
        changed.append(replace(twin, variant=name, **change))
    return (twin, *changed)


_ADAM = {"optimiser": "adam", "lr": 0.001}
_HE = {"init": "he"}
_BYTES = {"inputs": "bytes"}
_SIGMOID = {"activation": "sigmoid"}

_CONVOLUTIONS = _ward(
    WardRun("convolutions", "relu", 0.02),
    {
        "Adam": _ADAM,
        "GELU": {"activation": "gelu"},
        "He's start": _HE,
        "pixels 0 to 1": {"inputs": "unit"},
        "bytes": _BYTES,
        "bytes, Adam": _BYTES | _ADAM,
        "sigmoid": _SIGMOID,
        "sigmoid, Adam": _SIGMOID | _ADAM,
        "step 0.2": {"lr": 0.2},
        "step 0.4": {"lr": 0.4},
        "Adam, step 0.03": _ADAM | {"lr": 0.03},
        "Adam, step 0.1": _ADAM | {"lr": 0.1},
        "softmax twice": {"softmax": True},
    },
)
_RESIDUAL = _ward(
    WardRun("residual", "relu", 0.02, norm="layer", depth=12),
    {
        "Adam": _ADAM,
        "batch norm": {"norm": "batch"},
        "no norm": {"norm": "none"},
        "no norm, He's start": {"norm": "none"} | _HE,
        "no norm, He's start, Adam": {"norm": "none"} | _HE | _ADAM,
        "bytes": _BYTES,
        "no norm, bytes": {"norm": "none"} | _BYTES,
        "sigmoid": _SIGMOID,
        "step 0.2": {"lr": 0.2},
        "softmax twice": {"softmax": True},
    },
)
_DEFAULT = {"init": "default"}
_PLAIN = _ward(
    WardRun("plain", "relu", 0.02, init="he"),
    {
        "Adam": _ADAM,
        "PyTorch's start": _DEFAULT,
        "PyTorch's start, twelve layers": _DEFAULT | {"depth": 12},
        "PyTorch's start, twelve layers, Adam": _DEFAULT | {"depth": 12} | _ADAM,
        "PyTorch's start, sigmoid": _DEFAULT | _SIGMOID,
        "PyTorch's start, sigmoid, Adam": _DEFAULT | _SIGMOID | _ADAM,
        "PyTorch's start, tanh": _DEFAULT | {"activation": "tanh"},
        "bytes": _BYTES,
        "bytes, Adam": _BYTES | _ADAM,
        "step 0.1": {"lr": 0.1},
        "Adam, step 0.03": _ADAM | {"lr": 0.03},
    },
)

WARDS = Study(
    name="wards",
    question="What does the health panel say of networks that it was not made for?",
    home=__package__,
    seeds=20,
    further=("variant", "before", "after"),
    conditions=(*_CONVOLUTIONS, *_RESIDUAL, *_PLAIN),
    ends_only=True,
)

STUDIES = (WARDS,)
