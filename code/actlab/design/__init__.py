"""Design your own: definition, sheet, prediction, registered fair test, search.

`candidates` turns a definition into something that has a property sheet and
neighbours; `soundness` checks its code; `plans` fixes a test before its results and
`trials` runs it; `search` looks for functions by trial.  Each uses only those before
it.

Chapter: 15.
"""

from __future__ import annotations

from .candidates import Candidate, candidate, neighbours, rivals
from .plans import VERDICTS, ChangedPlanError, Plan, Registration, make_plan, register
from .search import (
    BINARY,
    UNARY,
    draw_formulas,
    expected_maximum,
    score,
    search,
    space_size,
    write,
)
from .soundness import Check, Health, health
from .trials import Comparison, run

__all__ = [
    "BINARY",
    "UNARY",
    "VERDICTS",
    "Candidate",
    "ChangedPlanError",
    "Check",
    "Health",
    "Plan",
    "Registration",
    "Comparison",
    "candidate",
    "draw_formulas",
    "expected_maximum",
    "health",
    "make_plan",
    "neighbours",
    "register",
    "rivals",
    "run",
    "score",
    "search",
    "space_size",
    "write",
]
