"""The shape of a curve: limits, extremes, monotony, steepness, smoothness.

Chapter: 02.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .. import formulas
from .breaks import GRID, REACH, Array, Breaks, Scalar, bisect, tidied
from .functions import Function

# --- Behaviour far out -------------------------------------------------------------


@dataclass(frozen=True)
class Tail:
    """On one side: the limit (None where it oscillates) and how far values reach."""

    limit: float | None
    low: float
    high: float


_DISTANCES = (1e1, 1e2, 1e3, 1e4, 1e6, 1e8)


def tail_of(value: Scalar, side: int) -> Tail:
    """Return what ``value`` does far out, to the left (-1) or right (1)."""
    lows, highs = [], []
    for distance in _DISTANCES:
        window = value(side * distance * np.linspace(1.0, 2.0, 257))
        if np.isnan(window).any():
            break
        lows.append(float(window.min()))
        highs.append(float(window.max()))
        if np.isinf(window).any():
            break
    if not lows:
        return Tail(None, math.nan, math.nan)
    low, high = lows[-1], highs[-1]
    if high == math.inf or low == -math.inf:
        both = high == math.inf and low == -math.inf
        limit = None if both else math.inf if high == math.inf else -math.inf
        return Tail(limit, min(low, min(lows)), max(high, max(highs)))
    if high - low <= 1e-6 * (1 + abs(low)):
        far = float(value(np.array([side * 1e15]))[0])
        limit = far if abs(far - low) < 1e-5 * (1 + abs(low)) else low
        limit = tidied(limit)
        return Tail(limit, limit, limit)
    if len(lows) >= 3 and lows[-1] > highs[-3]:
        return Tail(math.inf, lows[0], math.inf)
    if len(lows) >= 3 and highs[-1] < lows[-3]:
        return Tail(-math.inf, -math.inf, highs[0])
    growing = len(highs) >= 3 and highs[-1] > 2 * abs(highs[-3]) + 1
    falling = len(lows) >= 3 and lows[-1] < -2 * abs(lows[-3]) - 1
    reach_low, reach_high = min(lows), max(highs)
    return Tail(
        None, -math.inf if falling else reach_low, math.inf if growing else reach_high
    )


# --- Extremes ----------------------------------------------------------------------


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


def extreme(
    function: Function, breaks: Breaks, tails: tuple[Tail, Tail], sign: int
) -> tuple[float, bool, float | None]:
    """Return (infimum, attained, argument) of ``sign`` × f."""
    sides = np.concatenate([breaks.places - 1e-9, breaks.places, breaks.places + 1e-9])
    places = np.concatenate([_turning_points(function), sides, function.grid])
    values = sign * function.value(places)
    inner = float(np.nanmin(values))
    outer = min(tail.low if sign > 0 else -tail.high for tail in tails)
    if inner == -math.inf or (breaks.poles and inner < -1e6):
        return -math.inf, False, None
    ties = places[values <= inner + 1e-13 * (1 + abs(inner))]
    place = float(ties[np.argmin(np.abs(ties))])
    if inner < outer - 1e-9 * (1 + abs(outer)):
        nearest = breaks.places[np.abs(breaks.places - place) < 1e-8]
        if len(nearest):
            at_break = sign * float(function.value(nearest[:1])[0])
            attained = at_break <= inner + 1e-8 * (1 + abs(inner))
            return (
                tidied(inner),
                attained,
                float(nearest[0]) if attained else None,
            )
        return tidied(inner), True, tidied(place)
    # As low as the tail: reached only where the function is flat from there on.
    limit = [tail.limit for tail in tails]
    attained = any(
        hard and end is not None and math.isclose(sign * end, outer, abs_tol=1e-9)
        for hard, end in zip(hard_sides(function), limit, strict=True)
    )
    at_breaks = sign * function.value(breaks.places)
    attained = attained or bool(np.any(np.abs(at_breaks - outer) < 1e-12))
    oscillates = any(
        tail.limit is None and math.isclose(inner, outer, rel_tol=1e-3)
        for tail in tails
    )
    attained = (attained or oscillates) and math.isfinite(outer)
    return (tidied(inner) if oscillates else outer), attained, None


# --- Slopes ------------------------------------------------------------------------


def hard_sides(function: Function) -> tuple[bool, bool]:
    """Return whether the slope is exactly 0 from some finite place on, per side."""
    grid = function.grid
    slopes = function.slope(grid)
    result = []
    for line, places, inward in ((slopes, grid, 0.1), (slopes[::-1], grid[::-1], -0.1)):
        moving = np.flatnonzero(line != 0)
        if line[0] != 0 or len(moving) == 0:
            result.append(line[0] == 0)
            continue
        # A slope that has merely underflowed to 0 comes back tiny.
        inside = function.slope(places[moving[:1]] + inward)
        result.append(bool(abs(inside[0]) > 1e-4))
    return result[0], result[1]


def monotone(function: Function) -> str:
    """Return "increasing" or "decreasing" (not strictly), "constant" or "no"."""
    values = function.value(function.grid)
    steps = np.diff(values)
    dust = 1e-12 * (1 + np.abs(values[1:]))
    slopes = function.slope(function.grid)
    slope_dust = min(1e-10 * (1 + np.abs(slopes).max()), 1e-6)
    rises = bool((steps > dust).any() or (slopes > slope_dust).any())
    falls = bool((steps < -dust).any() or (slopes < -slope_dust).any())
    if rises and falls:
        return "no"
    return "increasing" if rises else "decreasing" if falls else "constant"


def lipschitz_constant(
    function: Function, breaks: Breaks
) -> tuple[float, float | None]:
    """Return the largest |slope| and where it is taken (None: only far out)."""
    if breaks.jumps or breaks.poles:
        return math.inf, None
    tails = [tail_of(lambda v: np.abs(function.slope(v)), side) for side in (-1, 1)]
    far = max(tail.high for tail in tails)
    steep = [abs(side) for kink in breaks.kinks for side in (kink.left, kink.right)]
    if not math.isfinite(far) or math.inf in steep:
        return math.inf, None
    sides = np.concatenate([breaks.places - 1e-9, breaks.places + 1e-9])
    places = np.sort(np.concatenate([function.grid, sides]))
    slopes = np.abs(function.slope(places))
    place, steepest = _sharpen(lambda v: np.abs(function.slope(v)), places, slopes)
    if far >= steepest * (1 - 1e-12):
        return tidied(far), None
    around = np.abs(function.slope(place + np.array([-0.01, 0.01])))
    flat = (around >= steepest * (1 - 1e-12)).all()
    largest = tidied(steepest) if len(breaks.kinks) else steepest
    return largest, None if flat else place


_SUPERSCRIPTS = "⁰¹²³⁴"


def smoothness(function: Function, breaks: Breaks) -> str:
    """Return "pole", "jump", "C⁰", ..., "C³", "C^ω" (analytic) or "smooth"."""
    if breaks.jumps or breaks.poles:
        return "jump" if breaks.jumps else "pole"
    if breaks.kinks:
        return "C⁰"
    if function.expr is None:
        return "C¹" if _curvature_jumps(function.slope) else "smooth"
    if len(breaks.places) == 0:
        return "C^ω"
    derivative = formulas.derivative(function.expr)
    for order in range(2, 5):
        derivative = formulas.derivative(derivative)
        value = formulas.numpy_function(derivative, function.params)
        low, high = (value(breaks.places + side) for side in (-1e-7, 1e-7))
        grows = np.abs(value(breaks.places - 1e-9)) > 3 * np.abs(low) + 1
        if grows.any() or not np.allclose(low, high, rtol=1e-4, atol=1e-5):
            return f"C{_SUPERSCRIPTS[order - 1]}"
    return "smooth"


def _curvature_jumps(slope: Scalar) -> bool:
    """Return whether f″, by differences of the slope, jumps on [-REACH, REACH]."""

    def curvature(values: Array) -> Array:
        return (slope(values + 1e-5) - slope(values - 1e-5)) / 2e-5

    grid = GRID[np.abs(GRID) <= REACH + 0.005]
    left, right, _, _ = bisect(curvature, grid[:-1], grid[1:], 10)
    gap = np.abs(curvature(right + 3e-5) - curvature(left - 3e-5))
    size = 1 + np.abs(curvature(left - 3e-5))
    # A smooth curvature changes over 1e-4 by about f‴ × 1e-4.
    return bool((gap > 1e-2 * size).any())
