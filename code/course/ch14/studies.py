"""The studies of chapter 14: which function for an equation, and which for a graph.

Both were designed before their first run.  What they were tried with before, to see
that they can be learnt at all, had other seeds, 300 and up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from actlab.studies import Condition, RateSearch, Setting, Study
from actlab.studies.runners import on_cpu, register

from . import equations, graphs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EQUATION", "GRAPH", "STUDIES", "EquationRun", "GraphRun", "in_decibels"]

# Rates, in both studies: quarter decades of Adam's step, by the mean of five tuning
# seeds, until the best has both neighbours; a rate at which a run broke down is none.
# Fresh seeds judge, also at each rate that a tenth of the resamplings of the tuning
# seeds choose, so that what the choice adds to the noise is in the interval.
_TUNING = (100, 101, 102, 103, 104)

# An equation in the loss --------------------------------------------------------------
#
# u'' = f with the values at both ends, two solutions, eight functions, two starts; of
# these each function gets the one at which its tuning seeds were better.  The rate is
# chosen by the error itself, which favours nobody, though in earnest nobody knows it.
# Errors are compared as ratios of geometric means, paired by seed.  A ratio matters
# from 2 on.  What would change what the arrow *differential equation* says:
#
# * ReLU "cannot" (its second derivative is 0): refuted by an error below 0.5.
# * First derivatives alone, u' = v and v' = f, "fail as well": refuted by an error
#   below 0.1; above 0.5 the report is repeated; between, the number is told.
# * "As many derivatives as the equation" are enough: refuted if the interval of ReLU³
#   over tanh lies above 2 in either equation, which leaves tanh alone; ReLU², with one
#   derivative too few that jumps, is the control.
# * Tanh goes if the interval of another function over tanh lies below 1/2 in both
#   equations, and that function comes; in one equation alone, it is named beside tanh.
#
# Either way the arrow's ground becomes "measured": that ReLU is out is derived, what is
# taken in its place is not.


@dataclass(frozen=True)
class EquationRun(Condition):
    """A network of two hidden layers of 32 that solves an equation.

    ``variant`` names the equation, ``change`` how it is written, see ``equations``; the
    epochs are steps of Adam, all points at each.
    """

    optimiser: str = "adam"
    epochs: int = 1500
    schedule: str = "cosine"
    variant: str = "calm"
    change: str = "second"


def _solve_together(
    settings: Sequence[Setting], device: str
) -> list[tuple[dict[str, list[Any]], float]]:
    """Train the networks of several runs of one equation and function at once."""
    if device != "cpu":
        raise ValueError(
            f"an EquationRun trains on the CPU; leave out --device {device}"
        )
    condition = settings[0].condition
    assert isinstance(condition, EquationRun)
    begun = time.perf_counter()
    ends = equations.solve(
        condition.variant,
        condition.change,
        condition.activation,
        [equations.Start(s.condition.init, s.condition.lr, s.seed) for s in settings],
        condition.epochs,
    )
    share = (time.perf_counter() - begun) / len(settings)
    return [
        (
            {
                "epoch": [condition.epochs],
                "train_loss": [loss],
                "test_loss": [error**2],
                "test_accuracy": [math.nan],
                "error": [error],
            },
            share,
        )
        for loss, error in ends
    ]


def _shape(condition: EquationRun) -> tuple[str, str, str, int]:
    return condition.variant, condition.change, condition.activation, condition.epochs


register(
    EquationRun,
    lambda setting, device: _solve_together([setting], device)[0],
    together=_solve_together,
    shape=_shape,
)

_WRITTEN = {"second": tuple(equations.FUNCTIONS), "first": ("tanh", "relu")}
_SOLVERS = {
    (equation, order): RateSearch(
        cells=tuple(
            EquationRun("", function, 0.0, init=init, variant=equation, change=order)
            for function in functions
            for init in ("default", "default_gain")
        ),
        tuning={},
        seeds=_TUNING,
        coarse=(-12, -10, -8, -6),
        finals=20,
        others=20,
    )
    for equation in equations.EQUATIONS
    for order, functions in _WRITTEN.items()
}


def in_decibels(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of the study *equation* with −20 log₁₀ of the error as accuracy.

    So that what searches and compares rates by accuracy does so by the error.  Six
    decibels more are half the error.  Chapter 14.
    """
    return table.assign(test_accuracy=-20 * np.log10(table["error"]))


def _next_solvers(table: pd.DataFrame) -> Sequence[Condition]:
    scored = in_decibels(table)
    return [
        run
        for (equation, order), search in _SOLVERS.items()
        for run in search(scored.query("variant == @equation and change == @order"))
    ]


EQUATION = Study(
    name="equation",
    question="Which function solves u'' = f, each at its own step and start?",
    home=__package__,
    conditions=tuple(run for s in _SOLVERS.values() for run in s.opening()),
    further=("variant", "change", "error"),
    growth=_next_solvers,
    ends_only=True,
)

# A graph ------------------------------------------------------------------------------
#
# Two layers of graph convolution on random graphs, a new one for each seed; five
# functions, of which the identity is the control: where it does as well, the graph does
# the work.  Two tasks: one that lines can do, one that they cannot.  Accuracies on
# nodes whose labels were not seen, paired by graph; a point matters.  What would change
# what the arrow *graph* says:
#
# * ReLU goes if another function leads it by an interval above 1 point in both tasks,
#   and that function comes; in one task alone, it is named beside ReLU.
# * The identity within ±1 point of ReLU, by its whole interval: there the function does
#   nothing.  In the second task the identity has to be behind by more than a point, or
#   the study tells nothing.
# * Functions whose whole interval lies within ±1 point of ReLU are told as level.
#
# Either way the arrow's ground becomes "measured".


@dataclass(frozen=True)
class GraphRun(Condition):
    """A two-layer graph convolution; ``variant`` names the task, see ``graphs``."""

    optimiser: str = "adam"
    init: str = "xavier"
    epochs: int = 200
    schedule: str = "cosine"
    variant: str = "lines"


def _classify(setting: Setting) -> tuple[dict[str, list[Any]], float]:
    condition = setting.condition
    assert isinstance(condition, GraphRun)
    begun = time.perf_counter()
    train, test, accuracy = graphs.classify(
        condition.variant,
        condition.activation,
        condition.lr,
        setting.seed,
        condition.epochs,
    )
    row: dict[str, list[Any]] = {
        "epoch": [condition.epochs],
        "train_loss": [train],
        "test_loss": [test],
        "test_accuracy": [accuracy],
    }
    return row, time.perf_counter() - begun


register(GraphRun, on_cpu(_classify))

_TASKS = {
    task: RateSearch(
        cells=tuple(
            GraphRun("", function, 0.0, variant=task)
            for function in ("relu", "prelu", "elu", "tanh", "identity")
        ),
        tuning={},
        seeds=_TUNING,
        coarse=(-10, -8, -6, -4),
        finals=40,
        others=40,
    )
    for task in graphs.TASKS
}


def _next_graphs(table: pd.DataFrame) -> Sequence[Condition]:
    return [
        run
        for task, search in _TASKS.items()
        for run in search(table.query("variant == @task"))
    ]


GRAPH = Study(
    name="graph",
    question="Does the function matter in a graph network, each at its own step?",
    home=__package__,
    conditions=tuple(run for s in _TASKS.values() for run in s.opening()),
    further=("variant",),
    growth=_next_graphs,
    ends_only=True,
)

STUDIES = (EQUATION, GRAPH)
