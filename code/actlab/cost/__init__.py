"""What an activation costs: ``timing`` measures, ``python -m actlab.cost`` records."""

from __future__ import annotations

from .timing import (
    additions,
    as_used,
    clock_name,
    compiler,
    kept_for_backward,
    measure,
    on_gpu,
    on_xeon,
    operations,
    provenance,
    ratio,
    recorded,
    step_share,
)

__all__ = [
    "additions",
    "as_used",
    "clock_name",
    "compiler",
    "kept_for_backward",
    "measure",
    "on_gpu",
    "on_xeon",
    "operations",
    "provenance",
    "ratio",
    "recorded",
    "step_share",
]
