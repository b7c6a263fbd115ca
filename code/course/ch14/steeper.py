"""A control of the study *equation*: is tanh behind at the peak by its scale?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from actlab.studies import Condition, RateSearch, Study
from actlab.studies.runners import register

from . import equations
from .studies import EquationRun, _shape, _solve_together, in_decibels

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STEEPER", "STUDIES", "SteeperRun"]

# At the peak sine, GELU and Swish left a fifth of tanh's error.  Steeper curves find a
# narrow peak more easily, so tanh(2x) and tanh(4x) are tried there, by the rules of
# *equation*, and compared with GELU's runs of that study, seed by seed.  Designed
# before the first run:
#
# * The better of the two, by its tuning seeds, is within a factor of 2 of GELU by its
#   whole interval: the lead is scale, and the arrow says so.
# * Its interval lies above 2: scale of this kind is not it.
# * Otherwise it is not settled.
equations.FUNCTIONS.setdefault("tanh_2", lambda x: torch.tanh(2 * x))
equations.FUNCTIONS.setdefault("tanh_4", lambda x: torch.tanh(4 * x))


@dataclass(frozen=True)
class SteeperRun(EquationRun):
    """A run of the study *equation* with a steeper tanh."""


register(
    SteeperRun,
    lambda setting, device: _solve_together([setting], device)[0],
    together=_solve_together,
    shape=_shape,
)

_SEARCH = RateSearch(
    cells=tuple(
        SteeperRun("", function, 0.0, init=init, variant="peaked")
        for function in ("tanh_2", "tanh_4")
        for init in ("default", "default_gain")
    ),
    tuning={},
    seeds=(100, 101, 102, 103, 104),
    coarse=(-12, -10, -8, -6),
    finals=20,
    others=20,
)


def _next(table: pd.DataFrame) -> Sequence[Condition]:
    return _SEARCH(in_decibels(table))


STEEPER = Study(
    name="steeper",
    question="Does a steeper tanh reach what GELU reaches at a peak?",
    home=__package__,
    conditions=_SEARCH.opening(),
    further=("variant", "change", "error"),
    growth=_next,
    ends_only=True,
)

STUDIES = (STEEPER,)
