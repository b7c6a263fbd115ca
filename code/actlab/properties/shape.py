"""The shape of a curve: limits, extremes, monotony, steepness, smoothness.

Chapter: 02.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from .. import formulas
from .breaks import GRID, REACH, Array, Breaks, Scalar, bisect, both_sides, tidied
from .functions import Function

# --- Behaviour far out -------------------------------------------------------------

# Each window reaches from a distance to its double. At 1e8 float64 still tells places
# 1e-8 apart, so a slope can be measured there too.
_DISTANCES = (1e1, 1e2, 1e3, 1e4, 1e6, 1e8)
_NEARER = tuple(10.0 * 2.0**n for n in range(12))  # where numbers give out before
_REMOTE = (1e60, 1e120, 1e240)  # where a limit that comes slowly has come
_FAR = 1e15  # where a limit is read, the last power of ten with whole numbers exact
_FLAT = 1e-6  # a window whose values differ by less, relatively, has a limit
_SAME_LIMIT = 1e-5  # the value at _FAR is that limit if it differs by less
_SWINGS = 2  # swings that grew by this factor over two windows grow for ever
_TWO_BACK = -3  # the window before the window before the last


@dataclass(frozen=True)
class Tail:
    """On one side: the limit (None where it oscillates) and how far values reach."""

    limit: float | None
    low: float
    high: float


def tail_of(value: Scalar, side: int, reach: float = 0.0) -> Tail:
    """Return what ``value`` does far out, to the left (-1) or right (1).

    ``reach`` says how far from 0 it may still change its rule. A limit is nan where
    the values are not known far enough to tell.
    """
    scale = max(1.0, reach / _DISTANCES[1]) if reach > REACH else 1.0
    distances = [scale * far for far in _DISTANCES if scale * far > reach or scale == 1]
    lows, highs = _windows(value, side, distances)
    if len(lows) < len(distances) and not _overflows(lows, highs):
        lows, highs = _windows(value, side, _NEARER)
    if not lows:
        return Tail(math.nan, math.nan, math.nan)
    low, high = lows[-1], highs[-1]
    if math.isinf(low) or math.isinf(high):
        return _infinite_tail(lows, highs)
    if high - low <= _FLAT * (1 + abs(low)):
        far = float(value(np.array([side * scale * _FAR]))[0])
        settled = abs(far - low) < _SAME_LIMIT * (1 + abs(low))
        limit = tidied(far if settled else low)
        return Tail(limit, limit, limit)
    moving = _moving_tail(lows, highs)
    grows = moving.limit is not None and math.isinf(moving.limit)
    return (grows and _settled(value, side)) or moving


def _overflows(lows: list[float], highs: list[float]) -> bool:
    return bool(lows) and (math.isinf(lows[-1]) or math.isinf(highs[-1]))


def _settled(value: Scalar, side: int) -> Tail | None:
    """A limit that values come to so slowly that no window near 0 is flat."""
    near, far, farther = value(side * np.array(_REMOTE))
    if not np.isfinite([near, far, farther]).all():
        return None
    last, before = abs(farther - far), abs(far - near)
    if last <= _FLAT * (1 + abs(farther)) and (before == 0 or last < before):
        limit = tidied(farther)
        first = float(value(np.array([side * _DISTANCES[0]]))[0])
        return Tail(limit, min(limit, first), max(limit, first))
    return None


def _windows(
    value: Scalar, side: int, distances: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Smallest and largest value of each window, as far out as values are known."""
    lows, highs = [], []
    for distance in distances:
        window = value(side * distance * np.linspace(1.0, 2.0, 257))
        if np.isnan(window).any():
            break
        lows.append(float(window.min()))
        highs.append(float(window.max()))
        if np.isinf(window).any():
            break
    return lows, highs


def _infinite_tail(lows: list[float], highs: list[float]) -> Tail:
    """Values that overflow: to one side, or swinging to both."""
    up, down = math.inf in highs, -math.inf in lows
    limit = None if up and down else math.inf if up else -math.inf
    return Tail(limit, min(lows), max(highs))


def _moving_tail(lows: list[float], highs: list[float]) -> Tail:
    """Values that never rest: they grow, fall or swing."""
    low, high = min(lows), max(highs)
    if len(lows) < -_TWO_BACK:
        return Tail(math.nan, low, high)
    low_before, high_before = lows[_TWO_BACK], highs[_TWO_BACK]
    if lows[-1] > high_before:
        return Tail(math.inf, lows[0], math.inf)
    if highs[-1] < low_before:
        return Tail(-math.inf, -math.inf, highs[0])
    if lows[-1] < -_SWINGS * abs(low_before) - 1:
        low = -math.inf
    if highs[-1] > _SWINGS * abs(high_before) + 1:
        high = math.inf
    return Tail(None, low, high)


# --- Extremes ----------------------------------------------------------------------

_BESIDE = 1e-9  # so far beside a break its sides are read: they differ, f hardly moved
_TIE = 1e-13  # values that differ by less are equal but for rounding
_TOUCHES = 1e-12  # a value at a break this near to a limit is the limit
_DEEPER = 1e-9  # what lies lower than the tails by less is the tail
_SAMPLED = 1e-3  # the grid meets the ends of a swing this well


def _sharpen(value: Scalar, places: Array, values: Array) -> tuple[float, float]:
    """Return (place, value) of the largest of ``values``, refined between its peers."""
    best = np.argsort(values)[::-1][:8]
    left = places[np.maximum(best - 1, 0)]
    right = places[np.minimum(best + 1, len(places) - 1)]
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(70):
        inner, outer = right - golden * (right - left), left + golden * (right - left)
        keep_left = value(inner) >= value(outer)
        left, right = (
            np.where(keep_left, left, inner),
            np.where(keep_left, outer, right),
        )
    middle = (left + right) / 2
    refined = value(middle)
    index = int(np.nanargmax(refined))
    if refined[index] >= values[best[0]]:
        place, largest = float(middle[index]), float(refined[index])
        # Golden section finds the place to half the digits only.
        tidy = round(place, 6) + 0.0
        if float(value(np.array([tidy]))[0]) >= largest * (1 - 1e-13):
            place = tidy
        return place, largest
    return float(places[best[0]]), float(values[best[0]])


def _turning_points(function: Function) -> Array:
    """Return where the slope changes its sign, by bisection."""
    grid = function.grid
    slopes = np.sign(function.slope(grid))
    where = np.flatnonzero(slopes[1:] * slopes[:-1] < 0)
    left, right = grid[where], grid[where + 1]
    start = slopes[where]
    for _ in range(60):
        middle = (left + right) / 2
        same = np.sign(function.slope(middle)) == start
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    return (left + right) / 2


class Extreme(NamedTuple):
    """The infimum of ±f, whether it is a value, and where (None: not one place)."""

    value: float
    attained: bool
    at: float | None


def extreme(
    function: Function, breaks: Breaks, tails: tuple[Tail, Tail], sign: int
) -> Extreme:
    """Return the infimum of ``sign`` × f."""
    if any(tail.limit is not None and math.isnan(tail.limit) for tail in tails):
        return Extreme(math.nan, False, None)  # it may lie where nothing is known
    place, inner = _lowest_inside(function, breaks, sign)
    sides = [sign * s for p in breaks.poles for s in both_sides(function.value, p)]
    if -math.inf in (inner, *sides):
        return Extreme(-math.inf, False, None)
    outer = min(tail.low if sign > 0 else -tail.high for tail in tails)
    if outer == math.inf or inner < outer - _DEEPER * (1 + abs(outer)):
        return _inner_extreme(function, breaks, sign, place, inner)
    return _outer_extreme(function, breaks, tails, sign, inner, outer)


def _lowest_inside(
    function: Function, breaks: Breaks, sign: int
) -> tuple[float, float]:
    """Return (place, value) of the lowest ``sign`` × f, of equals the nearest to 0."""
    around = (breaks.places - _BESIDE, breaks.places, breaks.places + _BESIDE)
    places = np.concatenate([_turning_points(function), *around, function.grid])
    values = sign * function.value(places)
    lowest = float(np.nanmin(values))
    if math.isinf(lowest):
        return math.nan, lowest
    ties = places[values <= lowest + _TIE * (1 + abs(lowest))]
    return float(ties[np.argmin(np.abs(ties))]), lowest


def _inner_extreme(
    function: Function, breaks: Breaks, sign: int, place: float, lowest: float
) -> Extreme:
    """An infimum below the tails; beside a jump it need not be a value."""
    nearest = breaks.places[np.abs(breaks.places - place) < 10 * _BESIDE]
    if len(nearest) == 0:
        return Extreme(tidied(lowest), True, tidied(place))
    at_break = sign * float(function.value(nearest[:1])[0])
    attained = at_break <= lowest + 10 * _BESIDE * (1 + abs(lowest))
    return Extreme(tidied(lowest), attained, float(nearest[0]) if attained else None)


def _outer_extreme(
    function: Function,
    breaks: Breaks,
    tails: tuple[Tail, Tail],
    sign: int,
    inner: float,
    outer: float,
) -> Extreme:
    """An infimum that is as low as a tail: reached if f is flat there or swings."""
    flat = any(
        hard
        and tail.limit is not None
        and math.isclose(sign * tail.limit, outer, abs_tol=_DEEPER)
        for hard, tail in zip(hard_sides(function), tails, strict=True)
    )
    at_breaks = sign * function.value(breaks.places)
    touched = bool(np.any(np.abs(at_breaks - outer) < _TOUCHES))
    swings = any(
        tail.limit is None and math.isclose(inner, outer, rel_tol=_SAMPLED)
        for tail in tails
    )
    attained = (flat or touched or swings) and math.isfinite(outer)
    return Extreme(tidied(inner) if swings else outer, attained, None)


# --- Slopes ------------------------------------------------------------------------

_SLACK = 1e-2  # mean slopes are differences, too
_COMES_BACK = 1e-4  # a tenth further in, a slope that was cut is larger than this


def hard_sides(function: Function) -> tuple[bool, bool]:
    """Return whether the slope is exactly 0 from some finite place on, per side."""
    grid, slopes = function.grid, function.slope(function.grid)
    left = _hard_side(function, grid, slopes, inward=0.1)
    return left, _hard_side(function, grid[::-1], slopes[::-1], inward=-0.1)


def _hard_side(function: Function, places: Array, slopes: Array, inward: float) -> bool:
    """Whether the slope is exactly 0 at the first of ``places`` and on from there."""
    moving = np.flatnonzero(slopes != 0)
    if slopes[0] != 0 or len(moving) == 0:
        return bool(slopes[0] == 0)
    # A slope that has merely underflowed to 0 comes back tiny.
    inside = function.slope(places[moving[:1]] + inward)
    return bool(abs(inside[0]) > _COMES_BACK)


def monotone(function: Function) -> str:
    """Return "increasing" or "decreasing" (not strictly), "constant" or "no"."""
    values = function.value(function.grid)
    steps = np.diff(values)
    dust = 1e-12 * (1 + np.abs(values[1:]))  # some thousand roundings of a value
    slopes = function.slope(function.grid)
    # A derivative is a sum of terms that cancel, so its rounding is coarser; but a
    # slope that is huge somewhere must not hide another's sign.
    slope_dust = min(1e-10 * (1 + np.abs(slopes).max()), 1e-6)
    rises = bool((steps > dust).any() or (slopes > slope_dust).any())
    falls = bool((steps < -dust).any() or (slopes < -slope_dust).any())
    if rises and falls:
        return "no"
    return "increasing" if rises else "decreasing" if falls else "constant"


class Steepest(NamedTuple):
    """The largest |slope|, and where it is taken (None: not one place)."""

    slope: float
    at: float | None


def lipschitz_constant(function: Function, breaks: Breaks) -> Steepest:
    """Return the largest |slope|; infinite at a jump or pole, nan if not known."""
    if breaks.jumps or breaks.poles:
        return Steepest(math.inf, None)
    if breaks.unresolved:
        return Steepest(math.nan, None)
    tails = [
        tail_of(lambda v: np.abs(function.slope(v)), side, function.reach)
        for side in (-1, 1)
    ]
    far = max(tail.high for tail in tails)
    steep = [abs(side) for kink in breaks.kinks for side in (kink.left, kink.right)]
    if not math.isfinite(far) or math.inf in steep:
        return Steepest(math.inf, None)
    sides = (breaks.places - _BESIDE, breaks.places + _BESIDE)
    places = np.sort(np.concatenate([function.grid, *sides]))
    slopes = np.abs(function.slope(places))
    place, steepest = _sharpen(lambda v: np.abs(function.slope(v)), places, slopes)
    rises = np.abs(np.diff(function.value(places))) / np.diff(places)
    if np.nanmax(rises) > (1 + _SLACK) * max(steepest, far) + _SLACK * _COMES_BACK:
        return Steepest(math.nan, None)  # no mean slope is larger than the largest
    as_steep = steepest * (1 - _TOUCHES)
    if far >= as_steep:
        return Steepest(tidied(far), None)
    around = np.abs(function.slope(place + np.array([-0.01, 0.01])))
    flat = (around >= as_steep).all()
    largest = tidied(steepest) if len(breaks.kinks) else steepest
    return Steepest(largest, None if flat else place)


_SUPERSCRIPTS = "⁰¹²³⁴"


def smoothness(function: Function, breaks: Breaks) -> str:
    """Return "pole", "jump", "C⁰", ..., "C³", "C^ω" (analytic), "smooth" or "?"."""
    if breaks.jumps or breaks.poles:
        return "jump" if breaks.jumps else "pole"
    if breaks.unresolved or function.blind:
        return "?"
    if breaks.kinks:
        return "C⁰"
    if function.expr is None:
        # the slopes of 32 bits are too coarse for their own slopes
        if function.bits < 64:
            return "smooth"
        # differences over a millionth blur whatever is narrower
        widths = _FINER[:2] if function.patched else _FINER
        return _by_curvature(function.slope, widths)
    if len(breaks.places) == 0:
        return "C^ω"
    derivative = formulas.derivative(function.expr)
    for order in range(2, 5):
        derivative = formulas.derivative(derivative)
        value = formulas.numpy_function(derivative, function.params)
        # Not nearer: a high derivative, such as that of |x|³, is rounding there.
        low, high = (value(breaks.places + side) for side in (-1e-7, 1e-7))
        grows = np.abs(value(breaks.places - _BESIDE)) > 3 * np.abs(low) + 1
        if grows.any() or not np.allclose(low, high, rtol=1e-4, atol=1e-5):
            return f"C{_SUPERSCRIPTS[order - 1]}"
    return "smooth"


_FINER = 10.0 ** -np.arange(5, 15)  # widths over which a slope's change is looked at
_NOISE = 16 * np.finfo(float).eps  # of slopes, relatively
_NEAR_ENOUGH = 1e-6  # a jump is one where its gap stays as large down to here
_STAYS = 0.3  # of the largest gap, over which a curvature that jumps has still


def _scatter(slope: Scalar, places: Array) -> Array:
    """How much the slope jitters from number to number, a little beside places.

    More than rounding does where it is a difference of values.
    """
    steps = 1e-13 * (1 + np.abs(places[:, None])) * np.arange(8)
    sides = (slope(places[:, None] + side * 1e-4 + steps) for side in (-1, 1))
    return sum(np.abs(np.diff(side, 2, axis=1)).max(axis=1) for side in sides)


def _by_curvature(slope: Scalar, widths: Array) -> str:
    """Return "C¹" where f″ jumps on [-REACH, REACH], "smooth", or "?" if not known.

    f″ is taken by differences of the slope.  A jump stays as large however near its
    two sides are taken; a curve that bends within a millionth looks like one until the
    width falls below that.
    """

    def curvature(values: Array, step: float) -> Array:
        return (slope(values + step) - slope(values - step)) / (2 * step)

    def gaps(left: Array, right: Array, width: float) -> tuple[Array, Array]:
        low = curvature(left - 3 * width, width)
        high = curvature(right + 3 * width, width)
        return np.abs(high - low), np.abs(low)

    grid = GRID[np.abs(GRID) <= REACH + 0.005]
    start = partial(curvature, step=widths[0])
    left, right, _, _ = bisect(start, grid[:-1], grid[1:], 10)
    gap, size = gaps(left, right, widths[0])
    # A smooth curvature changes over 1e-4 by about f‴ × 1e-4.
    suspect = gap > 1e-2 * (1 + size)
    left, right, gap, size = (v[suspect] for v in (left, right, gap, size))
    if not suspect.any():
        return "smooth"
    largest, last, before = gap, gap, gap
    finest = np.full(len(gap), widths[0])
    around = left[:, None] + np.outer((-1, 1), widths[0] * 10.0 ** np.arange(4)).ravel()
    steep = 1 + np.abs(slope(around)).max(axis=1) + np.abs(left) * (size + gap)
    noise = _NOISE * steep + _scatter(slope, left)
    for width in widths[1:]:
        # The differences before have blurred the place by their width.
        sides = left - 30 * width, right + 30 * width
        left, right, _, _ = bisect(partial(curvature, step=width), *sides, 6)
        gap, _ = gaps(left, right, width)
        sure = noise / width < 0.1 * largest
        before, last = np.where(sure, last, before), np.where(sure, gap, last)
        largest = np.where(sure, np.maximum(largest, gap), largest)
        finest = np.where(sure, width, finest)
    stays = last > _STAYS * largest
    # Growing tenfold it is noise, or the slope itself runs off, as that of x log|x|.
    jumps = stays & (last < 5 * before) & (finest <= _NEAR_ENOUGH)
    return "C¹" if jumps.any() else "?" if stays.any() else "smooth"


# --- What the sheet cannot see -------------------------------------------------------

_ORDINARY = (1e-3, 1e5)  # sizes at which the tolerances of this package are meant
_ALIKE = 1e6  # pieces of one size differ by less


def size_of(function: Function) -> float:
    """A power of two near the size of f's ups and downs; 1 for an ordinary function.

    Tolerances are for sizes near 1, so 10³⁰ relu(x) is looked at as relu(x). A function
    that is of many sizes, as exp(exp(exp(x))), is left as it is.
    """
    pieces = function.value(np.linspace(-2, 2, 16 * 9 + 1)[:-1].reshape(16, 9) + 1e-3)
    far = function.value(GRID)
    if not np.isfinite(pieces).all():
        return 1.0
    rises = np.ptp(pieces, axis=1)
    rises = rises[rises > 0]
    if len(rises) == 0:  # flat, at least here
        rises = np.array([np.ptp(far) or np.abs(far).max()])
    low, high = float(rises.min()), float(rises.max())
    if not 0 < low or high > _ALIKE * low or _ORDINARY[0] <= high <= _ORDINARY[1]:
        return 1.0
    grows = high < 1 and not np.nanmax(np.abs(far)) < _ALIKE * high
    if grows or function.reach > GRID[-1]:
        return 1.0
    return 2.0 ** round(math.log2(high))


def unseen(
    function: Function, tails: tuple[Tail, Tail], steepest: float
) -> tuple[str, ...]:
    """What keeps the sheet from knowing all: one sentence for each.

    steepest: the largest slope that was found, nan if there must be larger ones.
    """
    words = []
    if function.breaks.unresolved:
        near = f"{min(function.breaks.unresolved, key=abs):.3g}".replace("-", "−")
        words.append(
            f"near x = {near} the curve swings or bends faster than can be followed; "
            "what it does there is not in this sheet"
        )
    elif math.isnan(steepest):
        words.append(
            "somewhere its values change by more than any slope that was found: it is "
            "steeper there, or jumps, and the sheet does not know where"
        )
    elif function.blind and not function.breaks.jumps:
        words.append(
            "its values come without a gradient: a kink cannot be told from a bend, "
            "and slopes are differences of values"
        )
    elif function.expr is None and autograd_differs(function):
        words.append(
            "the slope that autograd returns is not that of the values (a "
            "straight-through gradient, or a number that left the graph): the "
            "Lipschitz constant, saturation and backward gain are autograd's"
        )
    for tail, side in zip(tails, "−+", strict=True):
        if tail.limit is not None and math.isnan(tail.limit):
            words.append(f"towards {side}∞ its values cannot be followed")
    return tuple(words)


def autograd_differs(function: Function) -> bool:
    """Whether slope and values disagree at more than a tenth of the places."""
    places = function.grid[np.abs(function.grid) < REACH]
    step = 1e-4
    rise = (function.value(places + step) - function.value(places - step)) / (2 * step)
    slopes = function.slope(places)
    apart = np.abs(rise - slopes) > 0.05 * (1e-3 + np.abs(slopes) + np.abs(rise))
    return bool(apart.mean() > 0.1)
