"""What is left of a search, with enough seeds to choose each function its rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from actlab.studies import Condition, RateSearch, Study

from .studies import CHANGES, FINALISTS, FormulaRun

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OWN_RATES", "STUDIES"]

# Study ``second-look`` chose every rate by two seeds, from three or four half decades.
# Whether its leads are those of the functions or of that choice is asked here, by rules
# that were committed before the first run:
#
# * Ten tuning seeds, quarter decades, until the best rate has both neighbours; runs
#   that broke down rule a rate out.  All eight finalists go through every change.
# * Twenty fresh seeds judge, also at each rate that a tenth of the resamplings of the
#   tuning seeds choose; what that choice adds to the noise is in the interval.
# * A lead is *left* if its 95 % interval lies above 0, and *gone* if it lies within a
#   point of 0, the margin of the chapter's registered test; else it is not settled.
# * The lead over ReLU is read for the first three, as before, and for all eight.
_TUNING = tuple(range(100, 110))
_FRESH = tuple(range(1000, 1020))


def _search(change: str, settings: dict[str, Any]) -> RateSearch:
    """Return the choice of rates under one change, for ReLU and the finalists."""
    # Judged where the search was judged, but for the last: test images, all new.
    held_out = 0 if change == "all" else 287
    return RateSearch(
        cells=tuple(
            FormulaRun("", f, 0.0, change=change, held_out=held_out, **settings)
            for f in ("relu", *FINALISTS)
        ),
        tuning={"held_out": 287},
        seeds=_TUNING,
        coarse=(-12, -10, -8, -6, -4, -2),
        finals=len(_FRESH),
        others=len(_FRESH),
    )


_SEARCHES = {change: _search(change, more) for change, more in CHANGES.items()}


def _further(table: pd.DataFrame) -> Sequence[Condition]:
    """Return what follows from the runs so far, change by change."""
    return [
        # The search was done with seed 0, so the seeds that judge lie elsewhere.
        replace(run, seeds_of_its_own=_FRESH) if run.regime in _JUDGED else run
        for change, search in _SEARCHES.items()
        for run in search(table[table["change"] == change])
    ]


_JUDGED = ("final", "other")

OWN_RATES = Study(
    name="own-rates",
    question="What is left of a search's finalists, each at a rate that is safe?",
    home=__package__,
    conditions=(
        *(
            FormulaRun("as searched", activation, 0.01, seeds_of_its_own=_FRESH)
            for activation in ("relu", *FINALISTS)
        ),
        *(run for search in _SEARCHES.values() for run in search.opening()),
    ),
    further=("change",),
    growth=_further,
    ends_only=True,
)

STUDIES = (OWN_RATES,)
