"""Averages over a standard normal number, for graders: sums over a fine grid."""

from __future__ import annotations

import math

import torch

__all__ = ["DENSITY", "GRID", "average"]

GRID = torch.linspace(-12, 12, 24001, dtype=torch.float64)
DENSITY = torch.exp(-(GRID**2) / 2) / math.sqrt(2 * math.pi) * float(GRID[1] - GRID[0])


def average(values: torch.Tensor) -> float:
    """The mean over standard normal Z of a function, given its values on `GRID`."""
    return float((values.double() * DENSITY).sum())
