"""Chapter 09: was it Adam's ε, or the digits in which the numbers are kept?

The study thirty-controls made ε smaller and kept the numbers in double precision, two
changes at once.  Here each is made alone, on thirty ReLU layers with PyTorch's start
under Adam, at the two steps that did best there, with the ten fresh seeds of
``more_seeds``.  Decided before the first run, with *guessing* below 15 %:

* "ε stops it" needs that it guesses in double precision with ε = 1e-8 at both steps
  (no seed above 15 %), and that it learns there with 1e-30 (an interval above 15).
* "ε alone" needs that it learns in single precision with 1e-30 as well.  If it guesses
  there, both have to be changed, and the sentence says so.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from actlab import datasets
from actlab.deep import DeepMLP, train
from actlab.studies import Setting, Study
from actlab.studies.runners import on_cpu, register

from .more_seeds import FRESH
from .studies import DeepRun

__all__ = ["EPSILON", "STUDIES", "EpsilonRun"]


@dataclass(frozen=True)
class EpsilonRun(DeepRun):
    """The network as it is under Adam; ``variant`` spells precision and ε."""

    optimiser: str = "adam"
    double: bool = False
    epsilon: float = 1e-8


def _run(setting: Setting) -> tuple[dict[str, list[Any]], float]:
    """Do one run of the study ``epsilon``: its history and its seconds."""
    condition = setting.condition
    assert isinstance(condition, EpsilonRun)
    started = time.perf_counter()
    network = DeepMLP(
        condition.sizes, condition.activation, condition.init, seed=setting.seed
    )
    data = datasets.digits()
    if condition.double:
        network = network.double()
        data = replace(data, x_train=data.x_train.double(), x_test=data.x_test.double())
    history = train(
        network,
        data,
        lr=condition.lr,
        epochs=condition.epochs,
        optimiser=condition.optimiser,
        epsilon=condition.epsilon,
        batch_size=condition.batch_size,
        seed=setting.seed,
    )
    return history, time.perf_counter() - started


register(EpsilonRun, on_cpu(_run))

EPSILON = Study(
    name="epsilon",
    question="Is it Adam's epsilon that stops thirty ReLU layers with PyTorch's start, "
    "or single precision?",
    home=__package__,
    further=("variant",),
    conditions=tuple(
        EpsilonRun(
            "vanishing",
            "relu",
            lr,
            seeds_of_its_own=FRESH,
            variant=f"{'double' if double else 'single'}, ε = {epsilon:g}",
            double=double,
            epsilon=epsilon,
        )
        for double in (False, True)
        for epsilon in (1e-8, 1e-30)
        for lr in (0.003, 0.001)
    ),
    ends_only=True,
)

STUDIES = (EPSILON,)
