"""What is to be trained, and what has become of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ..networks import MLP
from ..training import NonFiniteLossError, Run

__all__ = ["Log", "Task", "linears_of"]

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

    @property
    def mlp(self) -> MLP:
        """The network, of a task that is not ``alone``."""
        assert isinstance(self.network, MLP), "other networks train alone"
        return self.network

    @property
    def outcome(self) -> Run:
        """The run, once it is over."""
        assert self.run is not None, "each group hands out its runs"
        return self.run


def linears_of(network: MLP) -> list[nn.Linear]:
    """Return the linear maps, from the input to the output."""
    linears = [m for m in network.linears if isinstance(m, nn.Linear)]
    assert len(linears) == len(network.linears), "others train alone"
    return linears
