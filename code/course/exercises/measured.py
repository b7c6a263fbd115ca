"""What predictions are compared with: a measured number and how far it is known."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actlab.statistics import Interval

__all__ = ["Draws", "draws", "ratio", "words"]


@dataclass(frozen=True)
class Draws:
    """The median of a few draws, with the least and the largest of them.

    mean: that median, under the name that an interval has for its middle. what: was
    drawn, in the plural.
    """

    mean: float
    low: float
    high: float
    n: int
    what: str


def draws(values: Iterable[float], what: str) -> Draws:
    """Median and range of a few measurements, as a chapter reports three networks."""
    found = sorted(values)
    return Draws(statistics.median(found), found[0], found[-1], len(found), what)


def ratio(above: Iterable[float], below: Iterable[float]) -> Interval:
    """The ratio of two means, run i of both sharing a seed, with its 95 % interval.

    The interval is that of the linearised ratio (the delta method): of the runs'
    above − r · below, over the mean below.
    """
    from actlab.statistics import interval

    pairs = list(zip(above, below, strict=True))
    middle = statistics.fmean(b for _, b in pairs)
    r = statistics.fmean(a for a, _ in pairs) / middle
    return interval(r + (a - r * b) / middle for a, b in pairs)


def words(answer: Interval | Draws, digits: int, unit: str = "") -> str:
    """A measurement as the reveal prints it: "82.6 ± 0.3 % (n = 5)".

    An interval is printed to the first digit of its half-width, one decimal at least;
    draws as their median with their ends, to `digits` significant digits.
    """
    unit = f" {unit}" if unit else ""
    if isinstance(answer, Draws):
        middle, low, high = (
            _short(v, digits) for v in (answer.mean, answer.low, answer.high)
        )
        return f"{middle}{unit} ({answer.n} {answer.what}: {low} to {high})"
    half = (answer.high - answer.low) / 2
    known = math.isfinite(half) and half > 0
    decimals = max(1, -math.floor(math.log10(half))) if known else 1
    spread = f" ± {half:.{decimals}f}" if known else ""
    mean = f"{answer.mean:.{decimals}f}".replace("-", "−")
    return f"{mean}{spread}{unit} (n = {answer.n})"


def _short(value: float, digits: int) -> str:
    """A number to so many significant digits, as the browser writes it."""
    rounded = float(f"{value:.{digits}g}")
    if rounded == 0 or 1e-3 <= abs(rounded) < 1e6:
        text = f"{rounded:.12g}"
    else:
        mantissa, power = f"{rounded:.{digits - 1}e}".split("e")
        text = f"{float(mantissa):g}e{int(power)}"
    return text.replace("-", "−")
