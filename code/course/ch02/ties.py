"""Which slope PyTorch gives at a kink or a tie, by release.

Measured in float64 on a CPU with 2.13.0 and 2.14.1. A release newer than the table is
measured and reported, not judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["NEWEST", "Tie", "release", "ties"]

Release = tuple[int, int]
Row = tuple[str, Callable[[Tensor], Tensor], float, float]
NEWEST: Release = (2, 14)
OLD: Release = (0, 0)


@dataclass(frozen=True)
class Tie:
    """A function, a place where its slope jumps, and what autograd says there.

    slopes: first release to slope, in rising order; `OLD` stands for the first.

    Chapter 02.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    at: float
    slopes: Mapping[Release, float]

    def measured(self) -> float:
        """Return the slope that the PyTorch that runs gives, in float64."""
        x = torch.tensor(self.at, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(self.function(x), x)
        return slope.item()

    def expected(self, of: Release) -> float | None:
        """Return the table's slope for a release; None if it is newer than that."""
        if of > NEWEST:
            return None
        return [slope for first, slope in self.slopes.items() if first <= of][-1]


def release() -> Release:
    """Return the release of PyTorch that runs, as (2, 13)."""
    found = re.match(r"(\d+)\.(\d+)", torch.__version__)
    assert found, f"torch.__version__ is {torch.__version__!r}, not like '2.13.0'"
    return int(found[1]), int(found[2])


def ties() -> list[Tie]:
    """Return the table: seven functions, and spellings of ReLU and its kin.

    It is made when asked for, of the functions that torch has then.
    """
    zero = torch.zeros((), dtype=torch.float64)
    one = zero + 1
    always: list[Row] = [
        ("relu", F.relu, 0, 0.0),
        ("leaky_relu", F.leaky_relu, 0, 0.01),
        ("hardtanh", F.hardtanh, -1, 0.0),
        ("hardtanh", F.hardtanh, 1, 0.0),
        ("relu6", F.relu6, 0, 0.0),
        ("relu6", F.relu6, 6, 0.0),
        ("elu", F.elu, 0, 1.0),
        ("hardswish", F.hardswish, -3, 0.0),
        ("hardswish", F.hardswish, 3, 1.0),
        ("abs", torch.abs, 0, 0.0),
        ("maximum(x, 0)", lambda x: torch.maximum(x, zero), 0, 0.5),
        ("minimum(x, 0)", lambda x: torch.minimum(x, zero), 0, 0.5),
        ("amax([x, 0])", lambda x: torch.stack([x, zero]).amax(), 0, 0.5),
        ("where(x > 0, x, 0)", lambda x: torch.where(x > 0, x, zero), 0, 0.0),
    ]
    # Since 2.14 a number on a bound counts as outside of it.
    bounds: list[Row] = [
        ("clamp(min=0)", lambda x: x.clamp(min=0), 0, 0.0),
        ("clamp(max=0)", lambda x: x.clamp(max=0), 0, 0.0),
        ("clamp(-1, 1)", lambda x: x.clamp(-1, 1), 1, 0.0),
        ("clamp(-1, 1)", lambda x: x.clamp(-1, 1), -1, 0.0),
        ("clamp(min=tensor)", lambda x: x.clamp(min=zero), 0, 0.5),
        ("clamp(max=tensor)", lambda x: x.clamp(max=one), 1, 0.5),
        ("fmax(x, 0)", lambda x: torch.fmax(x, zero), 0, 0.5),
        ("fmin(x, 0)", lambda x: torch.fmin(x, zero), 0, 0.5),
    ]
    return [
        *(Tie(name, f, at, {OLD: slope}) for name, f, at, slope in always),
        *(Tie(name, f, at, {OLD: 1.0, (2, 14): now}) for name, f, at, now in bounds),
    ]
