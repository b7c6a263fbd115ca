"""From the results of several seeds to a number with its uncertainty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

__all__ = ["Interval", "interval", "paired_difference"]


@dataclass(frozen=True)
class Interval:
    """A mean over ``n`` runs, its confidence interval, and their spread."""

    mean: float
    low: float
    high: float
    std: float
    n: int

    @property
    def half_width(self) -> float:
        """Distance from the mean to either end; nan for a single run."""
        return (self.high - self.low) / 2

    def __str__(self) -> str:
        if self.n <= 1:
            return f"{self.mean:.1f} (n = {self.n})"
        return f"{self.mean:.1f} ± {self.half_width:.1f} (n = {self.n})"


def interval(values: Iterable[float], level: float = 0.95) -> Interval:
    """Return the mean of independent runs with its Student t confidence interval.

    Parameters
    ----------
    values : one number per run; pandas and torch columns too.
    level : coverage, between 0 and 1.

    Returns an :class:`Interval`; ``std`` is that of single runs (divisor n − 1).  One
    value has no spread: its ends are nan.  Raises ``ValueError`` for no values, for nan
    or infinite ones, and for a level outside (0, 1).  Chapter 12.  Source: Student,
    1908.
    """
    values = np.asarray(list(values), dtype=float)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(f"values has shape {values.shape}; give one number per run")
    if not np.isfinite(values).all():
        raise ValueError(
            f"values holds {int((~np.isfinite(values)).sum())} that are not finite; a "
            "run that broke down has no mean: report it by itself"
        )
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a number between 0 and 1, as 0.95")
    mean, n = float(values.mean()), len(values)
    if n == 1:
        return Interval(mean, float("nan"), float("nan"), float("nan"), 1)
    from scipy import stats

    std = float(values.std(ddof=1))
    half = float(stats.t.ppf(0.5 + level / 2, n - 1)) * std / n**0.5
    return Interval(mean, mean - half, mean + half, std, n)


def paired_difference(
    a: Iterable[float], b: Iterable[float], level: float = 0.95
) -> Interval:
    """Return the interval of the mean of a − b, where run i of both shares a seed.

    Pairing takes out what the seed does to both.  ``a`` and ``b`` hold one number per
    run in the same order.  Raises ``ValueError`` if their lengths differ.  Chapter 12.
    """
    a, b = (np.asarray(list(values), dtype=float) for values in (a, b))
    if a.shape != b.shape:
        raise ValueError(
            f"a has {len(a)} runs and b has {len(b)}; paired runs come two by two"
        )
    return interval(a - b, level)
