"""What is to be trained, and what has become of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ..training import NonFiniteLossError, Run

__all__ = ["Log", "Task"]

Log = Callable[[nn.Module, int], Mapping[str, Any]]


@dataclass(eq=False)
class Task:
    """One network with its settings, and what came of it."""

    network: nn.Module
    settings: dict[str, Any]
    log: Log
    alone: str | None = None
    structure: tuple = ()
    rows: list[dict[str, Any]] = field(default_factory=list)
    last: float | None = None
    error: NonFiniteLossError | None = None
    run: Run | None = None
