"""Chapter 09 once more, with ten seeds that chose no step.

The four studies of this chapter have three seeds a cell, and the same three chose the
step that each row of a table shows.  Here every row is trained again from ten fresh
seeds, at the step that was chosen; where the three left more than ±10 points, at the
second best step as well.  ``tests/course/test_ch09_more_seeds.py`` holds both choices
to the records.

Decided before the first run.  A row is the mean over ten seeds at the chosen step with
a 95 % interval; runs that broke down count as guesses (10 %).  Two rows are compared by
their differences, paired by seed; nothing is corrected for the number of comparisons.
A sentence that says "less" has to hold against the second best step of the lesser row
too, where there is one.  *Guessing* is below 15 %.

1.  PyTorch's start guesses under SGD, clipped and under Adam: refuted by one seed
    above 15 %.
2.  He's start with SGD gets less than half right: refuted if an interval lies above 50,
    "about half" if one holds 50.
3.  It is slow, not stopped: refuted if "60 epochs − 20" or "Adam − SGD" holds 0.
4.  SGD learns more where images are less alike: refuted if "leak 0.5 − leak 0" holds 0;
    0.5 against 0.8 is told as an order only if their difference does not hold 0.
5.  Layer normalisation alone is hardly better than He's start: refuted if "layer norm −
    He" lies above 10.
6.  Batch normalisation learns: refuted if "batch norm − He" holds 0.  "Unevenly" stays
    if its ten seeds spread over more than 30 points.
7.  Adam's ε stops PyTorch's start: refuted if the interval with 1e-30 holds 15, and
    limited to some seeds if one still guesses.
8.  Residual path and clipping stand at the top under SGD: "above" a row only where the
    difference to it lies above 0.
9.  Path and layer normalisation learn at every step of the first table: refuted by a
    seed below 90 %.
10. Weights too large: "with clipping little is learnt" is refuted by an interval above
    50, "no clipped run breaks down" by one that does; that each of layer norm, residual
    / √30 and both together is better than the one before by a difference that holds 0;
    "end where they ended above" by a difference outside ±2 points.
11. Six starts leave thirty sigmoids guessing: refuted by a row whose interval reaches
    20 %; seeds above 15 % are counted and told.
12. Xavier × 10 with Adam learns in part, more in 100 epochs: refuted if its interval
    holds 15, or if the difference of 100 and 20 epochs holds 0.
13. Sigmoid started as tanh learns and not as well as tanh: refuted if a difference to
    tanh with the same optimiser holds 0.
14. σ − ½ is level with tanh under Adam: only if the difference lies within ±2 points,
    else not settled, or refuted if it lies outside.  It lies between the two with SGD:
    only if both differences lie above 0.
15. Sigmoid with path and normalisation is in the nineties: refuted by an interval that
    goes below 90, for SGD and for Adam.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from actlab.studies import Condition, Study

from .studies import CURES_ADAM, CURES_STUDY, THIRTY_CONTROLS, THIRTY_STARTS

__all__ = ["CURES_FRESH", "FRESH", "STUDIES", "THIRTY_FRESH"]

FRESH = tuple(range(100, 110))


def _again(study: Study, *rates: float, **where: Any) -> tuple[Condition, ...]:
    """Return the conditions of a study at some steps, with fresh seeds.

    Raises ``LookupError`` where the study has another number of them.
    """
    where = {"init": "default", "variant": "", "optimiser": "sgd"} | where
    found = tuple(
        replace(condition, seeds_of_its_own=FRESH)
        for condition in study.conditions
        if condition.lr in rates
        and all(getattr(condition, name) == value for name, value in where.items())
    )
    if len(found) != len(rates):
        raise LookupError(f"{study.name} has {len(found)} of {len(rates)}: {where}")
    return found


def _vanishing() -> tuple[Condition, ...]:
    """Rows of the first table: the chosen step first, then what it is held against."""
    sgd = {
        "": (0.01,),
        "clip": (0.01,),
        "layer_norm": (0.003, 0.001),
        "batch_norm": (0.1, 0.03),
        "residual": (0.001,),
        "residual_clip": (1.0,),
        "scaled_residual": (1.0,),
        "residual_layer_norm": (0.1, 0.01, 0.03, 0.3),
    }
    adam = {
        "": (0.0003,),
        "layer_norm": (0.0003, 0.001),
        "residual_layer_norm": (0.001, 0.0003, 0.003),
    }
    here: dict[str, Any] = {"regime": "vanishing", "activation": "relu"}
    he = here | {"init": "he"}
    return (
        *(
            cell
            for variant, rates in sgd.items()
            for cell in _again(CURES_STUDY, *rates, variant=variant, **here)
        ),
        *_again(CURES_STUDY, 0.01, 0.03, **he),
        *(
            cell
            for variant, rates in adam.items()
            for cell in _again(
                CURES_ADAM, *rates, variant=variant, optimiser="adam", **here
            )
        ),
        *_again(CURES_ADAM, 0.001, optimiser="adam", **he),
    )


def _controls() -> tuple[Condition, ...]:
    """What holds He's network back, and the network that explodes."""
    exploding = {
        "": (0.01,),
        "clip": (0.03, 0.01),
        "layer_norm": (0.01, 0.03),
        "batch_norm": (0.1, 0.3),
        "scaled_residual": (0.03,),
        "residual_layer_norm": (0.3,),
    }
    leaks = {"leak 0": (0.01, 0.03), "leak 0.5": (0.03, 0.01), "leak 0.8": (0.01,)}
    no_epsilon = {"variant": "no_epsilon", "optimiser": "adam"}
    return (
        *_again(CURES_ADAM, 0.01, 0.003, regime="longer", init="he"),
        *_again(THIRTY_CONTROLS, 0.003, 0.001, regime="vanishing", **no_epsilon),
        *_again(THIRTY_CONTROLS, 0.0003, regime="sigmoid", **no_epsilon),
        *(
            cell
            for regime, rates in leaks.items()
            for cell in _again(THIRTY_STARTS, *rates, regime=regime, init="matched")
        ),
        *(
            cell
            for variant, rates in exploding.items()
            for cell in _again(
                CURES_STUDY, *rates, regime="exploding", init="he", variant=variant
            )
        ),
    )


def _sigmoids() -> tuple[Condition, ...]:
    """Thirty sigmoids from seven starts, as tanh, without their mean, bridged."""
    rows: list[tuple[Study, str, str, tuple[float, ...], tuple[float, ...]]] = [
        (CURES_STUDY, "default", "", (0.01,), (0.0003,)),
        (THIRTY_STARTS, "xavier", "", (0.01,), (0.001,)),
        (THIRTY_STARTS, "he", "", (0.01,), (0.001,)),
        (THIRTY_STARTS, "matched", "", (0.01,), (0.001,)),
        (THIRTY_STARTS, "orthogonal", "", (0.01,), (0.001,)),
        (CURES_STUDY, "xavier_4", "", (0.03,), (0.001, 0.0003)),
        (THIRTY_CONTROLS, "xavier", "times_10", (0.1, 0.03), (0.001, 0.0003)),
        (CURES_STUDY, "xavier", "as_tanh", (0.03, 0.1), (0.0003,)),
        (THIRTY_CONTROLS, "xavier", "mean_out", (0.3, 0.1), (0.001,)),
        (CURES_STUDY, "default", "residual_layer_norm", (0.3,), (0.003,)),
    ]
    here: dict[str, Any] = {"regime": "sigmoid", "activation": "sigmoid"}
    tanh = here | {"activation": "tanh", "init": "xavier"}
    longer = here | {"regime": "longer", "init": "xavier", "variant": "times_10"}
    return (
        *(
            cell
            for study, init, variant, sgd, adam in rows
            for optimiser, rates in (("sgd", sgd), ("adam", adam))
            for cell in _again(
                study, *rates, init=init, variant=variant, optimiser=optimiser, **here
            )
        ),
        *_again(CURES_STUDY, 0.03, **tanh),
        *_again(CURES_STUDY, 0.001, optimiser="adam", **tanh),
        *_again(THIRTY_CONTROLS, 0.001, optimiser="adam", **longer),
    )


CURES_FRESH = Study(
    name="cures-fresh",
    question="Thirty ReLU layers: does what three seeds showed hold for ten that chose "
    "no step?",
    home=__package__,
    further=("variant",),
    conditions=_vanishing(),
)

THIRTY_FRESH = Study(
    name="thirty-fresh",
    question="Thirty layers: do the controls and the sigmoids, too, behave with ten "
    "fresh seeds as with the three that chose their steps?",
    home=__package__,
    further=("variant",),
    conditions=(*_controls(), *_sigmoids()),
    ends_only=True,
)

STUDIES = (CURES_FRESH, THIRTY_FRESH)
