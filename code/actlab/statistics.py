"""From the results of several seeds to a number with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "Interval",
    "RankCorrelation",
    "compare",
    "holm",
    "interval",
    "paired_difference",
    "rank_correlation",
    "smallest_detectable",
]


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


def compare(
    runs: Mapping[str, Sequence[float]],
    against: str | None = None,
    *,
    level: float = 0.95,
    margin: float | None = None,
    further: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return the paired differences between conditions whose runs share their seeds.

    Parameters
    ----------
    runs : per condition one number per seed, the seeds in the same order everywhere.
    against : compare each condition with this one only; None for all pairs.
    level : coverage of the intervals, and 1 − level the error rate of the family.
    margin : say beforehand how small a difference counts as none; it permits the
        verdict "equivalent".  In the unit of the numbers.
    further : for each condition that is compared with ``against``, the standard
        deviation of what else is uncertain in its difference, such as a learning rate
        that was chosen with noise.  All columns have it in them.

    One row per pair: first, second, difference (first − second), low, high, n, p (of
    the paired t-test), p_holm (corrected for the number of rows), detectable (what
    :func:`smallest_detectable` says of this pair) and verdict: "larger" or "smaller" if
    p_holm < 1 − level, "equivalent" if the interval at level 2·level − 1 lies inside
    ±margin (two one-sided tests), else "not shown".  Raises ``KeyError`` for an unknown
    ``against``, ``ValueError`` for fewer than two conditions or two runs, and for
    unequal numbers of runs.  Chapter 12.  Sources: Student, 1908; Holm, 1979;
    Schuirmann, 1987.
    """
    pairs = _pairs(runs, against)
    if further is not None:
        _check_further(further, pairs, against)
    if margin is not None and not margin > 0:
        raise ValueError(f"margin is {margin}; give a positive number, or None")
    rows = []
    for first, second in pairs:
        difference = paired_difference(runs[first], runs[second], level)
        if difference.n < 2:
            raise ValueError(
                f"{first!r} has 1 run: a difference needs two seeds or more to have "
                "an interval"
            )
        if further is not None:
            difference = _with_further(difference, further[first], level)
        rows.append(
            {
                "first": first,
                "second": second,
                "difference": difference.mean,
                "low": difference.low,
                "high": difference.high,
                "n": difference.n,
                "p": _p_value(difference),
                "std": difference.std,
            }
        )
    table = pd.DataFrame(rows)
    table["p_holm"] = holm(table["p"])
    table["detectable"] = [
        smallest_detectable(std, n, comparisons=len(table), level=level)
        for std, n in zip(table["std"], table["n"])
    ]
    table["verdict"] = [
        _verdict(row, level, margin) for row in table.to_dict("records")
    ]
    return table.drop(columns="std")


def _check_further(
    further: Mapping[str, float], pairs: list[tuple[str, str]], against: str | None
) -> None:
    if against is None:
        raise ValueError("further is the noise of differences from one: say against")
    for first, _ in pairs:
        value = further.get(first, math.nan)
        if not 0 <= value < math.inf:
            raise ValueError(
                f"further[{first!r}] is {value}; give a standard deviation for each of "
                f"{[name for name, _ in pairs]}"
            )


def _with_further(difference: Interval, further: float, level: float) -> Interval:
    """Return the interval of a mean that has more noise in it than its runs show."""
    from scipy import stats

    n = difference.n
    std = math.hypot(difference.std, further * math.sqrt(n))
    half = float(stats.t.ppf(0.5 + level / 2, n - 1)) * std / math.sqrt(n)
    return Interval(
        difference.mean, difference.mean - half, difference.mean + half, std, n
    )


def holm(p_values: Iterable[float]) -> np.ndarray:
    """Return p values corrected for their number by Holm's step-down method.

    They keep their order; the chance of one false alarm or more among all of them stays
    below the threshold that they are held against.  Raises ``ValueError`` for numbers
    outside [0, 1].  Chapter 12.  Source: Holm, 1979.
    """
    p = np.asarray(list(p_values), dtype=float)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p values lie between 0 and 1; got {p.tolist()}")
    order = np.argsort(p, kind="stable")
    steps = p[order] * np.arange(len(p), 0, -1)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def smallest_detectable(
    std: float,
    n: int,
    *,
    comparisons: int = 1,
    power: float = 0.8,
    level: float = 0.95,
) -> float:
    """Return the true difference that ``n`` paired runs would show with this power.

    Parameters
    ----------
    std : standard deviation of the paired differences, in the unit of the result.
    n : pairs of runs, two or more.
    comparisons : the level is shared among this many (Bonferroni, the first step of
        Holm's method).
    power : chance of seeing it.
    level : 1 − error rate of the family.

    From the noncentral t distribution.  Raises ``ValueError`` for values out of range.
    Chapter 12.
    """
    if n < 2 or comparisons < 1 or not std >= 0:
        raise ValueError(
            f"std is {std}, n is {n}, comparisons is {comparisons}; give a spread of "
            "zero or more, two pairs or more, one comparison or more"
        )
    error = (1 - level) / comparisons
    if not 0 < error < power < 1:
        raise ValueError(
            f"power is {power} and level {level}; both lie between 0 and 1, and the "
            "power is larger than the error rate"
        )
    from scipy import optimize, stats

    critical = stats.t.ppf(1 - error / 2, n - 1)

    def missing(shift: float) -> float:
        return stats.nct.sf(critical, n - 1, shift) - power

    high = critical + 1.0
    while missing(high) < 0:  # few runs and many comparisons need a large shift
        high *= 2
    return float(std / math.sqrt(n) * optimize.brentq(missing, 0.0, high))


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's ρ of ``n`` pairs, its interval, and the chance of one so large."""

    rho: float
    low: float
    high: float
    p: float
    n: int

    def __str__(self) -> str:
        return f"ρ = {self.rho:.2f} [{self.low:.2f}, {self.high:.2f}] (n = {self.n})"


def rank_correlation(
    a: Iterable[float],
    b: Iterable[float],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> RankCorrelation:
    """Return how well the order of ``a`` agrees with that of ``b``.

    Parameters
    ----------
    a, b : one number per item, in the same order; four items or more.
    level : coverage of the interval.
    resamples : of the bootstrap over items, and of the permutation test.
    seed : of both.

    The interval is the percentile bootstrap's: with a dozen items it is wide, and it
    says so.  Raises ``ValueError`` for fewer than four pairs, unequal lengths, numbers
    that are not finite, and a column that is constant.  Chapter 12.  Source: Spearman,
    1904.
    """
    a, b = (np.asarray(list(values), dtype=float) for values in (a, b))
    if a.shape != b.shape or len(a) < 4:
        raise ValueError(
            f"a has {len(a)} numbers and b has {len(b)}; give four pairs or more"
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a or b holds numbers that are not finite; leave those out")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        raise ValueError("a or b is constant: it has no order to compare")
    from scipy import stats

    rng = np.random.default_rng(seed)
    ranks_a, ranks_b = stats.rankdata(a), stats.rankdata(b)
    rho = float(np.corrcoef(ranks_a, ranks_b)[0, 1])
    draws: list[np.ndarray] = []
    n = len(a)
    while len(draws) < resamples:
        index = rng.integers(0, n, n)
        if np.ptp(a[index]) and np.ptp(b[index]):
            draws.append(index)
    # All at once: thousands of calls for a dozen numbers each took seconds.
    pairs = (stats.rankdata(values[np.stack(draws)], axis=1) for values in (a, b))
    low, high = np.quantile(
        _row_correlations(*pairs), [(1 - level) / 2, (1 + level) / 2]
    )
    orders = np.stack([rng.permutation(ranks_b) for _ in range(resamples)])
    shuffled = np.abs(_row_correlations(ranks_a[None], orders))
    extreme = int((shuffled >= abs(rho) - 1e-12).sum())
    p = (1 + extreme) / (1 + resamples)
    return RankCorrelation(rho, float(low), float(high), p, n)


def _row_correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation of each row of ``a`` with that row of ``b``.

    Parameters
    ----------
    a, b : shapes (rows, n), or (1, n) for one that goes with every row; no row is
        constant.
    """
    a, b = (rows - rows.mean(axis=1, keepdims=True) for rows in (a, b))
    return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))


def _pairs(
    runs: Mapping[str, Sequence[float]], against: str | None
) -> list[tuple[str, str]]:
    if len(runs) < 2:
        raise ValueError(f"runs has {len(runs)} conditions; a comparison takes two")
    if against is None:
        return list(combinations(runs, 2))
    if against not in runs:
        raise KeyError(f"{against!r} is not among the conditions {list(runs)}")
    return [(name, against) for name in runs if name != against]


def _p_value(difference: Interval) -> float:
    """Two-sided p value of the paired t-test, from the mean and spread of pairs."""
    if difference.std == 0:
        return 1.0 if difference.mean == 0 else 0.0
    from scipy import stats

    t = abs(difference.mean) / (difference.std / math.sqrt(difference.n))
    return float(2 * stats.t.sf(t, difference.n - 1))


def _verdict(row: Mapping[Hashable, Any], level: float, margin: float | None) -> str:
    if row["p_holm"] < 1 - level:
        return "larger" if row["difference"] > 0 else "smaller"
    if margin is not None:
        from scipy import stats

        half = stats.t.ppf(level, row["n"] - 1) * row["std"] / math.sqrt(row["n"])
        if abs(row["difference"]) + half < margin:
            return "equivalent"
    return "not shown"
