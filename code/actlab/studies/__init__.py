"""Studies: declared grids of training runs, done in parallel, resumable, recorded.

``python -m actlab.studies list`` names them, ``run NAME`` does what is not done yet,
``status NAME`` says how far that is, ``show NAME`` prints what was recorded.  Every
finished run is on disk at once and is never done twice; the result is a tidy table with
its provenance beside it.

``grid`` declares, ``rates`` lets a grid grow by a rule, ``runners`` does one run,
``records`` keeps it, ``run`` does them all, ``read`` reads what they left.
"""

from __future__ import annotations

from .grid import (
    ClassifierRun,
    Condition,
    Setting,
    Study,
    StudyError,
    TransformerRun,
    declared,
    find,
    known,
)
from .rates import RateSearch, chosen, rate
from .read import (
    KEYS,
    final,
    is_recorded,
    load,
    progress_of,
    provenance,
    summary,
    whole,
)
from .records import RecordError
from .run import COLUMNS, default_out, run, so_far

__all__ = [
    "COLUMNS",
    "KEYS",
    "ClassifierRun",
    "Condition",
    "RateSearch",
    "RecordError",
    "Setting",
    "Study",
    "StudyError",
    "TransformerRun",
    "chosen",
    "declared",
    "default_out",
    "final",
    "find",
    "is_recorded",
    "known",
    "load",
    "progress_of",
    "provenance",
    "rate",
    "run",
    "so_far",
    "summary",
    "whole",
]
