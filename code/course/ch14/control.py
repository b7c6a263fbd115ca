"""The third study of chapter 14: tanh or ReLU for an agent that learns on-policy."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actlab.studies import Condition, RateSearch, Setting, Study
from actlab.studies.runners import register

from . import agents

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CONTROL", "STUDIES", "AgentRun"]

# Designed before its first run, but for a trial of two agents a cell with seeds 300 and
# 301.  Two worlds, two functions, two starts; of these each function gets the one at
# which its tuning seeds were better.  Rates are chosen as in the studies of an equation
# and of a graph.  An agent's number is what it earns over the whole training, in
# percent of what could be earned; five points matter.  The arrow *control* says tanh,
# on the ground of a large study by others:
#
# * Tanh leads ReLU by an interval above 5 points in both worlds: the study is repeated
#   on a small scale, and the ground becomes "measured".
# * The whole interval lies within ±5 in both: told as level here; the ground stays
#   "published".
# * ReLU leads by an interval above 5 points in both: told as the reverse; the choice
#   becomes either of the two, to be tried beside each other.  Two toys do not turn
#   round what was seen in five larger worlds.
# * Anything else is told world by world, and the arrow stays.
#
# Of off-policy learning this study says nothing.
_UPDATES = {"cart": 60, "pendulum": 100}


@dataclass(frozen=True)
class AgentRun(Condition):
    """An agent of proximal policy optimisation; ``variant`` names its world.

    The epochs are updates, of 64 steps in each of 16 worlds.
    """

    optimiser: str = "adam"
    init: str = "orthogonal"
    epochs: int = 60
    schedule: str = "linear"
    variant: str = "cart"


def _learn_together(
    settings: Sequence[Setting], device: str
) -> list[tuple[dict[str, list[Any]], float]]:
    """Let the agents of several runs in one world learn at once."""
    if device != "cpu":
        raise ValueError(f"an AgentRun trains on the CPU; leave out --device {device}")
    condition = settings[0].condition
    assert isinstance(condition, AgentRun)
    begun = time.perf_counter()
    earned = agents.learn(
        condition.variant,
        condition.activation,
        [agents.Beginner(s.condition.init, s.condition.lr, s.seed) for s in settings],
        condition.epochs,
    )
    share = (time.perf_counter() - begun) / len(settings)
    return [
        (
            {
                "epoch": [condition.epochs],
                "train_loss": [math.nan],
                "test_loss": [1 - percent / 100],
                "test_accuracy": [percent],
            },
            share,
        )
        for percent in earned
    ]


def _shape(condition: AgentRun) -> tuple[str, str, int]:
    return condition.variant, condition.activation, condition.epochs


register(
    AgentRun,
    lambda setting, device: _learn_together([setting], device)[0],
    together=_learn_together,
    shape=_shape,
)

_LEARNERS = {
    world: RateSearch(
        cells=tuple(
            AgentRun("", function, 0.0, init=init, epochs=updates, variant=world)
            for function in agents.FUNCTIONS
            for init in agents.GAINS
        ),
        tuning={},
        seeds=(100, 101, 102, 103, 104),
        coarse=(-12, -10, -8, -6),
        finals=20,
        others=20,
    )
    for world, updates in _UPDATES.items()
}


def _next_learners(table: pd.DataFrame) -> Sequence[Condition]:
    return [
        run
        for world, search in _LEARNERS.items()
        for run in search(table.query("variant == @world"))
    ]


CONTROL = Study(
    name="control",
    question="Tanh or ReLU for an agent that learns on-policy, each at its own step?",
    home=__package__,
    conditions=tuple(run for s in _LEARNERS.values() for run in s.opening()),
    further=("variant",),
    growth=_next_learners,
    ends_only=True,
)

STUDIES = (CONTROL,)
