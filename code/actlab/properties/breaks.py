"""Kinks, jumps and poles: the places where a function changes its rule.

Where the function is a formula, they are read off the formula; of a callable they
are found numerically, on [-REACH, REACH].

Chapter: 02.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from ..formulas import Maximum, Minimum, numpy_function, x

Array = np.ndarray
Scalar = Callable[[Any], Array]  # of an array, or of a single number

# Kinks of callables are looked for on [-REACH, REACH].
REACH = 20.0

# Two one-sided values that differ by less, relatively, count as one: a thousand times
# what a smooth function changes over the 1e-9 between the places that are compared.
_SAME = 1e-6
_BESIDE = 1e-9
_SAME_PLACE = 1e-6  # numerical and exact places nearer than this are the same break
# A break is bracketed in rounds: (halvings, gap that is left of it, relatively). The
# grid's gaps are wide, so at first a steep slope may look like a jump.
_ROUNDS = ((0, 1e-4), (12, 1e-4), (8, 1e-4), (32, _SAME))
_STILL = 0.05  # of the first gap; a slope that bends within 1e-8 has so much left


@dataclass(frozen=True)
class Kink:
    """A place ``x`` where the slope (or, at a jump, the value) has two sides.

    A slope that is infinite on both, as that of a cube root, is one as well.
    """

    x: float
    left: float
    right: float


def _grid() -> Array:
    """Return 4,400 places, dense near 0, reaching to ±10,000, none of them round."""
    middle = np.linspace(-REACH, REACH, 3001) + 1e-4 * math.pi
    tail = np.geomspace(REACH + 0.01, 1e4, 500)
    near = np.geomspace(1e-6, 0.1, 100) * 1.0123
    # Not symmetric: halving an interval must not land on 0, where there may be a pole.
    return np.unique(np.concatenate([-tail, middle, tail, near, -1.017 * near]))


# Where values and slopes are looked at first.
GRID = _grid()


def bisect(change: Scalar, left: Array, right: Array, rounds: int) -> tuple:
    """Halve each interval ``rounds`` times towards where ``change`` changes most."""
    low, high = change(left), change(right)
    for _ in range(rounds):
        middle = (left + right) / 2
        value = change(middle)
        with np.errstate(invalid="ignore"):
            go_left = np.abs(value - low) >= np.abs(high - value)
        right, high = np.where(go_left, middle, right), np.where(go_left, value, high)
        left, low = np.where(go_left, left, middle), np.where(go_left, low, value)
    return left, right, low, high


def _breaks_of(change: Scalar) -> tuple[Array, Array]:
    """Return the places on [-REACH, REACH] where ``change`` is discontinuous.

    Also those where it still swings after twenty halvings, and is continuous.
    """
    grid = GRID[np.abs(GRID) <= REACH + 0.005]
    left, right = grid[:-1], grid[1:]
    low, high = change(left), change(right)
    with np.errstate(invalid="ignore"):
        wide = np.abs(high - low)
    lost, before = np.array([]), wide
    for rounds, smallest in _ROUNDS:
        if len(left) == 0:
            break
        left, right, low, high = bisect(change, left, right, rounds)
        with np.errstate(invalid="ignore"):
            gap = np.abs(high - low)
            keep = np.isfinite(gap) & (gap > smallest * (1 + np.abs(low)))
        if rounds == _ROUNDS[-1][0]:
            lost = left[~keep & (before > _STILL * wide)]
        left, right, wide, before = left[keep], right[keep], wide[keep], gap[keep]
    places = (left + right) / 2
    tidy = np.round(places, 9) + 0.0
    return np.unique(np.where(np.abs(places - tidy) < 1e-14, tidy, places)), lost


_HUGE = 1e8  # a value or slope beyond it, beside a place, is looked at as a pole
_STEEP = 1e6  # so steep is a square root at the number next to its end


def _blow_ups(change: Scalar, least: float = 1e8, start: float = 10.0) -> Array:
    """Return the places on [-REACH, REACH] towards which |``change``| runs away.

    The grid meets the flank at least ``start`` high, the search ends above ``least``.
    """

    def size(places: Array) -> Array:
        return np.nan_to_num(np.abs(change(places)), nan=math.inf, posinf=math.inf)

    grid = GRID[np.abs(GRID) <= REACH + 0.005]
    sizes = size(grid)
    inner = sizes[1:-1]
    peak = (inner > start) & (inner >= sizes[:-2]) & (inner >= sizes[2:])
    # Where whole stretches overflow there is no peak to climb.
    peak &= np.isfinite(sizes[:-2]) & np.isfinite(sizes[2:])
    left, right = grid[:-2][peak], grid[2:][peak]
    for _ in range(60):
        third = (right - left) / 3
        rises = size(left + third) < size(right - third)
        left, right = (
            np.where(rises, left + third, left),
            np.where(rises, right, right - third),
        )
    places = (left + right) / 2
    tidy = np.round(places, 6) + 0.0
    near = np.abs(places - tidy) < 1e-7
    places = np.where(near & (size(tidy) >= size(places)), tidy, places)
    places = places[size(places) > least]
    return np.where(np.abs(places) < 1e-15, 0.0, places)


def _walls(value: Scalar) -> Array:
    """Return the places on [-REACH, REACH] where overflow begins without a climb.

    As in exp(1/x) at 0: finite on one side, beyond all numbers on the other. Where
    numbers climb until they overflow, the largest is near the largest of the format;
    if they climb ever faster on both sides, as in exp(1/x²), the place lies between.
    """
    grid = GRID[np.abs(GRID) <= REACH + 0.005]
    finite = np.isfinite(value(grid))
    edge = np.flatnonzero(finite[1:] != finite[:-1])
    left, right, starts = grid[edge], grid[edge + 1], finite[edge]
    for _ in range(60):
        middle = (left + right) / 2
        same = np.isfinite(value(middle)) == starts
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    inside = value(np.where(starts, left, right))
    edges = (left + right) / 2
    places = edges[np.abs(inside) < _HUGE]
    for low, high in zip(edges[:-1][starts[:-1]], edges[1:][starts[:-1]]):
        steps = 0.05 * (high - low) * np.arange(1, 4)
        climbs = np.log(np.abs(value(np.stack([low - steps, high + steps]))))
        if (climbs[:, 0] - 2 * climbs[:, 1] + climbs[:, 2] > 0).all():
            places = np.append(places, (low + high) / 2)
    tidy = np.round(places, 6) + 0.0
    return np.where(np.abs(places - tidy) < 1e-9, tidy, places)


def _far_steps(value: Scalar) -> Array:
    """Return the places beyond REACH where a constant becomes another constant."""
    out = np.geomspace(REACH, 1e15, 700)
    found = []
    for places in (out, -out):
        values = value(places)
        steady = np.abs(np.diff(values)) <= 1e-12 * (1 + np.abs(values[1:]))
        jump = np.abs(np.diff(values)) > 1e-4 * (1 + np.abs(values[1:]))
        at = 1 + np.flatnonzero(jump[1:-1] & steady[:-2] & steady[2:])
        left, right, _, _ = bisect(value, places[at], places[at + 1], 70)
        found.append(right if places is out else left)
    return np.concatenate(found)


def _singular(
    value: Scalar, slope: Scalar, expr: sympy.Expr, params: Mapping[str, float]
) -> Array:
    """Return where a denominator or a logarithm's argument is 0, and f feels it."""
    gaps: set[sympy.Expr] = set()
    for node in sympy.preorder_traversal(expr):
        if isinstance(node, sympy.Pow) and node.exp.is_negative:
            simple = node.base.is_polynomial(x) and node.base.free_symbols == {x}
            # A double zero has no change of sign.
            gaps.add(sympy.sqf_part(node.base) if simple else node.base)
        elif isinstance(node, sympy.log):
            gaps.add(node.args[0])
    places = [_zeros(gap, params) for gap in gaps if gap.has(x)]
    found = np.unique(np.concatenate(places)) if places else np.array([])
    size = np.maximum(np.abs(value(found)), np.abs(slope(found)))
    return found[~(size < _HUGE)]


def _borders(expr: sympy.Expr, params: Mapping[str, float]) -> Array:
    """Return where the formula passes from one case to another."""
    gaps: set[sympy.Expr] = set()
    for node in sympy.preorder_traversal(expr):
        if isinstance(node, sympy.core.relational.Relational):
            gaps.add(node.lhs - node.rhs)
        elif isinstance(node, sympy.Abs | sympy.sign):
            gaps.add(node.args[0])
        elif isinstance(node, Maximum | Minimum):
            gaps.add(node.args[0] - node.args[1])
    places = [_zeros(gap, params) for gap in gaps if gap.has(x)]
    return np.unique(np.concatenate(places)) if places else np.array([])


def _zeros(gap: sympy.Expr, params: Mapping[str, float]) -> Array:
    value = numpy_function(gap, params)
    if gap.is_polynomial(x) and sympy.degree(gap, x) == 1:
        start, end = value(np.array([0.0, 1.0]))
        return np.array([0.0 if start == 0 else -start / (end - start)])
    # A polynomial has few zeros, so that none is missed farther out.
    reach = math.inf if gap.is_polynomial(x) else REACH + 0.005
    grid = GRID[np.abs(GRID) <= reach]
    signs = value(grid) > 0
    where = np.flatnonzero(signs[1:] != signs[:-1])
    left, right = grid[where], grid[where + 1]
    for _ in range(60):
        middle = (left + right) / 2
        same = (value(middle) > 0) == (value(left) > 0)
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    places = (left + right) / 2
    return np.where(abs(places) < 1e-12, 0.0, places)


@dataclass(frozen=True)
class Breaks:
    """Kinks, jumps and poles, and all ``places`` at which an integral is cut.

    unresolved: where value or slope turns faster than a billionth of x, and yet no
    two neighbouring numbers show a break, as those of x sin(1/x) beside 0.
    """

    kinks: tuple[Kink, ...]
    jumps: tuple[Kink, ...]
    poles: tuple[float, ...]
    places: Array
    unresolved: tuple[float, ...] = ()


def find_breaks(
    value: Scalar,
    slope: Scalar,
    expr: sympy.Expr | None = None,
    params: Mapping[str, float] | None = None,
) -> Breaks:
    """Find kinks (slope with two sides), jumps (value with two sides) and poles.

    Parameters: the function and its slope on float64 arrays; its formula, where
    there is one, with the values of the formula's other letters.
    """
    (bends, wild), (steps, wilder) = _breaks_of(slope), _breaks_of(value)
    found = [bends, steps, _blow_ups(value), _blow_ups(slope, _STEEP, 3.0)]
    if expr is None:
        found += [_walls(value), _far_steps(value), _far_steps(slope)]
    borders = np.array([])
    if expr is not None:
        singular = _singular(value, slope, expr, params or {})
        borders = np.union1d(_borders(expr, params or {}), singular)
    # A place that the formula gives exactly beats the same place found numerically.
    rough = np.concatenate(found)
    if len(borders):
        near = np.abs(rough[:, None] - borders[None, :]).min(axis=1) < _SAME_PLACE
        rough = rough[~near]
    if len(rough) > _MOST:
        rough = rough[np.argsort(np.abs(rough))[:_MOST]]
    places = np.unique(np.concatenate([borders, rough]))
    kinks, jumps, poles, turns = [], [], [], []
    for place in places:
        low, high = both_sides(value, place)
        down, up = both_sides(slope, place)
        if not np.isfinite([low, high]).all():
            poles.append(float(place))
        elif abs(high - low) > _SAME * (1 + abs(low)):
            jumps.append(Kink(float(place), tidied(low), tidied(high)))
        elif math.inf > abs(down) > _STEEP and math.isclose(down, up, rel_tol=0.01):
            turns.append(float(place))
        elif _vertical(slope, place) or not abs(up - down) <= _dust(up, down):
            kinks.append(Kink(float(place), tidied(down), tidied(up)))
    jumps, no_jumps = _sorted_out(value, jumps, borders)
    kinks, no_kinks = _sorted_out(slope, kinks, borders)
    swings = np.concatenate([wild, wilder])
    swings = swings[[bool((np.abs(s - places) > _NEARBY).all()) for s in swings]]
    gone = (one.x for one in (*no_jumps, *no_kinks))
    unresolved = *gone, *turns, *map(float, swings)
    return Breaks(tuple(kinks), tuple(jumps), tuple(poles), places, unresolved)


_NEARBY = 0.05  # nearer to a pole or a kink of infinite slope, all is steep
_MOST = 4000  # breaks that are looked at; a staircase of 100 steps per unit has them


def _sorted_out(
    change: Scalar, found: list[Kink], known: Array
) -> tuple[list[Kink], list[Kink]]:
    """Which breaks are there between two neighbouring numbers as well, and which not.

    ``known``: places that a formula gives, which need no second look.
    """
    if not found:
        return [], []
    places = np.array([one.x for one in found])
    gaps = np.array([one.right - one.left for one in found])
    reach = 2 * _BESIDE * np.maximum(1.0, np.abs(places))
    # not as far on both sides: halving must not land on the place itself
    sides = places - reach, places + 1.1 * reach
    _, _, low, high = bisect(change, *sides, _TO_NEIGHBOURS)
    with np.errstate(invalid="ignore"):
        gone = np.abs(high - low) <= np.abs(gaps) / 4
    gone &= np.isfinite(gaps) & ~np.isin(places, known)
    stay = [one for one, away in zip(found, gone, strict=True) if not away]
    return stay, [one for one, away in zip(found, gone, strict=True) if away]


_TO_NEIGHBOURS = 110  # halvings from 1e-9 to 1e-42; elsewhere numbers end before


def _dust(first: float, second: float) -> float:
    """Return the difference below which two one-sided values count as one."""
    size = min(abs(first), abs(second))
    return _SAME * (1 + size) if math.isfinite(size) else 0.0


def both_sides(value: Scalar, place: float) -> tuple[float, float]:
    """Return the one-sided limits at ``place``; infinite where the values run away."""
    return _side(value, place, -1), _side(value, place, 1)


def _side(value: Scalar, place: float, side: int) -> float:
    step = side * _BESIDE * max(1.0, abs(place))
    steps = step * np.array([1.0, 2.0, 1e-3, 1e-6, 1e3])
    near, far, nearer, nearest, further = map(float, value(place + steps))
    if abs(near - far) <= _SAME * (1 + abs(far)):
        return tidied(2 * near - far)  # a straight line through both, at the place
    if not math.isfinite(nearer):
        return math.copysign(math.inf, nearer)
    straight = _runs_one_way(value, place, step)
    grows = abs(nearer) > 3 * abs(near) and not abs(nearest) < abs(nearer)
    grows = grows and _goes_on(value, place, step)
    # Against a swing that happens to rise: it has not risen from so far out.
    if grows and straight and abs(nearer) > max(10.0, 10 * abs(further)):
        return math.copysign(math.inf, nearer)
    # A logarithm takes the same step each time: it never arrives.
    steady = abs(nearest - nearer) > 0.9 * abs(nearer - near)
    far_steps = 3 > abs(nearer - near) / max(abs(near - further), 1e-300) > 0.97
    if steady and far_steps and straight:
        return math.copysign(math.inf, nearer - near)
    return 0.0 if abs(nearer) < abs(near) / 3 else near


def _goes_on(value: Scalar, place: float, step: float) -> bool:
    """Whether values grow at the end as they did before: not so if steep and finite."""
    start, late, end = np.abs(value(place + step * np.array([1.0, 1e-3, 1e-4])))
    if start == 0 or not math.isfinite(end):
        return True
    return bool(math.log(end / late) > math.log(end / start) / 10)


def _runs_one_way(value: Scalar, place: float, step: float) -> bool:
    """Whether values only grow, or only fall, towards the place: no swing there."""
    # by no whole power of ten, which a swing might share
    moves = np.diff(value(place + step * 3.0 ** -np.arange(9)))
    return bool((moves >= 0).all() or (moves <= 0).all() or np.isnan(moves).any())


def _vertical(slope: Scalar, place: float) -> bool:
    """Whether the slope runs off to the same infinity on both sides of a place."""
    steps = np.array([1e-12, 1e-6]) * max(1.0, abs(place))
    (above, far), (below, farther) = (slope(place + side * steps) for side in (1, -1))
    if not (above * below > 0 and above / far > 100 < below / farther):
        return False
    step = _BESIDE * max(1.0, abs(place))
    return _goes_on(slope, place, step) and _goes_on(slope, place, -step)


def tidied(value: float) -> float:
    """Drop the dust of rounding: 0.30000000000000004 is 0.3."""
    rounded = round(float(value), 10) + 0.0
    return rounded if abs(rounded - value) < 1e-13 else float(value)
