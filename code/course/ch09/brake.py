"""Chapter 09: is it length, likeness or closed directions that slows He's start down?

Thirty ReLU layers with He's start learn slowly under plain SGD.  Three things could do
it, and they come together in ReLU: the gradient is long at birth, images are nearly
alike to the last layer, and each unit passes nothing back where it is off.  A larger
leak lowers the last two at once.  Two controls part them:

* clipping shortens what is long and changes nothing else;
* |x| with its own gain, 1, keeps both sizes as ReLU does with He's, makes images
  *more* alike (0.99 after thirty layers by its integral, ReLU 0.97), and closes
  nothing: its slope is −1 or 1 everywhere.

Each of the four has its own step: five seeds try quarter decades from 0.001 to 10, and
ten fresh ones, those of ``more_seeds``, are trained at the best and at its two
neighbours.  A run that broke down counts as a guess, 10 %.  Decided before the first
run, differences paired by seed with a 95 % interval:

1. A long gradient is part of it if "He, clipped − He" lies above 0 at the chosen steps
   and at the better of each one's neighbours; it is not seen if the interval holds 0.
   "SGD gets less than half right" holds only without clipping if the clipped row's
   interval lies above 50.
2. A leak of 0.8 is 50 points ahead of none.  If |x| is behind He's ReLUs, or ahead by
   at most 10 points (upper end), likeness is enough to slow SGD down and no direction
   need be closed.  If it is ahead by 25 or more (lower end), closed directions were
   most of it and likeness is not enough.  Between the two it is not settled.  The
   clipped pair is held to the same rule; if the two disagree, that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from actlab.studies import Condition, Study
from actlab.studies.rates import rate

from .more_seeds import FRESH
from .studies import DeepRun

__all__ = ["BRAKE", "GUESS", "PLACES", "ROWS", "STUDIES", "chosen"]

GUESS = 10.0  # percent, of a run that broke down
PLACES = tuple(range(-12, 5))  # quarter decades, 0.001 to 10
TUNING = (200, 201, 202, 203, 204)
ROWS = (("relu", "he"), ("abs", "matched"))  # function, its start
_CELLS = tuple(
    DeepRun("tuning", function, 0.0, init=start, variant=variant)
    for function, start in ROWS
    for variant in ("", "clip")
)


def chosen(table: pd.DataFrame, function: str, variant: str) -> int:
    """Return the place of the step that the tuning seeds choose for a row.

    Parameters
    ----------
    table : the last epoch of every run, as :func:`actlab.studies.final` returns it.
    function, variant : the row, as in the study's columns.

    The best mean test accuracy; of equals the smaller step.  Chapter 09.
    """
    mine = table[
        table["regime"].eq("tuning")
        & table["activation"].eq(function)
        & table["variant"].fillna("").eq(variant)
    ]
    means = mine["test_accuracy"].fillna(GUESS).groupby(mine["lr"]).mean()
    steps = [rate(place) for place in PLACES]
    return PLACES[int(means.reindex(steps).argmax())]


def _further(table: pd.DataFrame) -> Sequence[Condition]:
    """Return the fresh seeds at each row's best step and its neighbours."""
    table = table.fillna({"variant": ""})
    names = ["regime", "activation", "variant", "lr"]
    last = table.groupby([*names, "seed"]).tail(1)
    done = set(last[names].itertuples(index=False, name=None))
    wanted = []
    for cell in _CELLS:
        best = chosen(last, cell.activation, cell.variant)
        for place in (best - 1, best, best + 1):
            step = rate(place)
            if ("fresh", cell.activation, cell.variant, step) not in done:
                wanted.append(
                    replace(cell, regime="fresh", lr=step, seeds_of_its_own=FRESH)
                )
    return wanted


BRAKE = Study(
    name="brake",
    question="Thirty ReLU layers with He's start under SGD: do long gradients, images "
    "that are alike, or closed directions slow them down?",
    home=__package__,
    further=("variant",),
    conditions=tuple(
        replace(cell, lr=rate(place), seeds_of_its_own=TUNING)
        for cell in _CELLS
        for place in PLACES
    ),
    growth=_further,
    ends_only=True,
)

STUDIES = (BRAKE,)
