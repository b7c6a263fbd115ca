"""The property sheet: what calculus and one-dimensional integrals say of any f.

A function may be given by its catalogue key, as a catalogue row, as a formula that
somebody typed, as a SymPy expression, or as a Python callable or ``nn.Module`` that
maps a tensor to a tensor, element by element.

Where the function is a formula, its kinks are read off the formula and its slope is
SymPy's; where it is a callable, both are found numerically (slopes by autograd).
Gaussian integrals are Gauss-Legendre sums over panels that end at every kink.

Chapter: 02 (the sheet), 04 and 09 (variance and correlation maps).
"""

from __future__ import annotations

import copy
import html
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy
import torch
from scipy import optimize

from . import catalogue, formulas
from .formulas import FormulaError, Maximum, Minimum, NamedConstant, x

__all__ = [
    "FixedPoint",
    "Kink",
    "PropertySheet",
    "backward_gain",
    "chi_1",
    "correlation_map",
    "fixed_point",
    "forward_gain",
    "iterate_variance",
    "mean",
    "property_sheet",
    "second_moment",
    "variance_map",
    "variance_slope",
]

Array = np.ndarray
Scalar = Callable[[Array], Array]

# Kinks of callables are looked for on [-REACH, REACH].
REACH = 20.0


@dataclass(frozen=True)
class _Function:
    """A function of one number with its slope, both on float64 arrays."""

    name: str
    value: Scalar
    slope: Scalar
    expr: sympy.Expr | None = None
    params: Mapping[str, float] | None = None

    @cached_property
    def breaks(self) -> _Breaks:
        with np.errstate(all="ignore"):
            return _find_breaks(self)

    @cached_property
    def grid(self) -> Array:
        """The places of `_GRID` at which value and slope are finite."""
        finite = np.isfinite(self.value(_GRID)) & np.isfinite(self.slope(_GRID))
        return _GRID[finite]


# --- From whatever the reader gives to a _Function ---------------------------------


def _from_expr(name: str, expr: sympy.Expr, params: Mapping[str, float]) -> _Function:
    letters = expr.free_symbols - {x}
    unknown = {s.name for s in letters if not isinstance(s, NamedConstant)}
    surplus = sorted(set(params) - unknown)
    if surplus:
        raise TypeError(f"{name} has no parameter {surplus[0]!r}")
    value = formulas.numpy_function(expr, params)
    slope = formulas.numpy_function(formulas.derivative(expr), params)
    return _Function(name, value, slope, expr, dict(params))


def _own_x(expr: sympy.Expr) -> sympy.Expr:
    """Let any symbol called x count as the course's own, which is real."""
    others = [s for s in expr.free_symbols if s.name == "x" and s != x]
    return expr.subs(dict.fromkeys(others, x))


def _describe(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no message'}"


def _from_callable(function: Callable, name: str) -> _Function:
    """Wrap a tensor function after checking that it works element by element."""
    if isinstance(function, torch.nn.Module):
        function = copy.deepcopy(function).to(device="cpu", dtype=torch.float64)

    def apply(tensor: torch.Tensor) -> torch.Tensor:
        try:
            result = function(tensor)
        except Exception as error:
            raise TypeError(
                f"{name} failed on a tensor of shape {tuple(tensor.shape)}: "
                f"{_describe(error)}; it must take and return one tensor"
            ) from error
        if not isinstance(result, torch.Tensor):
            kind = type(result).__name__
            raise TypeError(f"{name} returned a {kind}, not a tensor")
        if result.shape != tensor.shape:
            raise ValueError(
                f"{name} is not element-wise: it turned shape {tuple(tensor.shape)} "
                f"into {tuple(result.shape)}; a property sheet needs a function "
                "that works on each number alone"
            )
        return result

    def value(array: Array) -> Array:
        flat = torch.from_numpy(np.array(array, dtype=np.float64).ravel())
        with torch.no_grad():
            result = apply(flat)
        return result.double().numpy().reshape(np.shape(array))

    def slope(array: Array) -> Array:
        flat = torch.from_numpy(np.array(array, dtype=np.float64).ravel())
        flat.requires_grad_()
        with torch.enable_grad():
            result = apply(flat)
            if not result.requires_grad:
                step = 1e-6 * np.maximum(1.0, np.abs(array))
                return (value(array + step) - value(array - step)) / (2 * step)
            (gradient,) = torch.autograd.grad(result.sum(), flat)
        return gradient.numpy().reshape(np.shape(array))

    _check_element_wise(value, name)
    return _Function(name, value, slope)


def _check_element_wise(value: Scalar, name: str) -> None:
    sample = np.linspace(-3.0, 3.0, 64) + 0.01
    whole = value(sample)
    if not np.allclose(whole, value(sample), rtol=1e-9, equal_nan=True):
        raise ValueError(
            f"{name} is random: two calls on the same numbers differ; "
            "for a module call .eval() first"
        )
    parts = np.concatenate([value(sample[:7]), value(sample[7:])])
    if not np.allclose(whole, parts, rtol=1e-5, atol=1e-7, equal_nan=True):
        worst = int(np.nanargmax(np.abs(whole - parts)))
        raise ValueError(
            f"{name} is not element-wise: its value at {sample[worst]:.3g} changes "
            "when other numbers of the tensor change (as in softmax); a property "
            "sheet needs a function that works on each number alone"
        )


def _function(f: Any, params: Mapping[str, float]) -> _Function:
    """Turn any accepted ``f`` into a `_Function`; texts and rows are remembered."""
    if isinstance(f, _Function):
        return f
    if isinstance(f, catalogue.Activation):
        return _from_row(f.key, tuple(sorted(f.values(**params).items())), f)
    if isinstance(f, str):
        return _from_text(f, tuple(sorted(params.items())))
    if isinstance(f, sympy.Expr):
        return _from_expr("f", _own_x(f), params)
    if callable(f):
        if params:
            raise TypeError("parameters are for formulas; give a callable its own")
        named = type(f).__name__ if isinstance(f, torch.nn.Module) else None
        name = named or getattr(f, "__name__", type(f).__name__)
        return _from_callable(f, "f" if name == "<lambda>" else name)
    raise TypeError(
        "f is a catalogue key, a formula, a SymPy expression or a tensor function, "
        f"not {f!r}"
    )


def _from_text(text: str, params: tuple[tuple[str, float], ...]) -> _Function:
    values = dict(params)
    try:
        row = catalogue.get(text)
    except catalogue.UnknownActivationError:
        plain_word = re.fullmatch(r"[A-Za-z_][\w -]*[A-Za-z_]\w*", text.strip())
        if plain_word and text.strip() not in ("pi", *values):
            raise
        return _from_formula(text, params)
    return _from_row(row.key, tuple(sorted(row.values(**values).items())), row)


@lru_cache(maxsize=128)
def _from_formula(text: str, params: tuple[tuple[str, float], ...]) -> _Function:
    expr = formulas.parse(text, params=[name for name, _ in params])
    return _from_expr(text, expr, dict(params))


@lru_cache(maxsize=128)
def _from_row(
    key: str, params: tuple[tuple[str, float], ...], row: catalogue.Activation
) -> _Function:
    if row.expr is None:
        raise ValueError(
            f"{row.name} maps vectors to vectors; a property sheet needs a function "
            "that works on each number alone"
        )
    return _from_expr(row.name, row.expr, dict(params))


# --- Kinks and jumps ---------------------------------------------------------------


@dataclass(frozen=True)
class Kink:
    """A place ``x`` where the slope (or, at a jump, the value) has two sides."""

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


_GRID = _grid()


def _bisect(change: Scalar, left: Array, right: Array, rounds: int) -> tuple:
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


def _breaks_of(change: Scalar) -> Array:
    """Return the places on [-REACH, REACH] where ``change`` is discontinuous."""
    grid = _GRID[np.abs(_GRID) <= REACH + 0.005]
    left, right = grid[:-1], grid[1:]
    for rounds, smallest in ((0, 1e-4), (12, 1e-4), (40, 1e-6)):
        if len(left) == 0:
            break
        left, right, low, high = _bisect(change, left, right, rounds)
        with np.errstate(invalid="ignore"):
            gap = np.abs(high - low)
            keep = np.isfinite(gap) & (gap > smallest * (1 + np.abs(low)))
        left, right = left[keep], right[keep]
    places = (left + right) / 2
    tidy = np.round(places, 9) + 0.0
    return np.unique(np.where(np.abs(places - tidy) < 1e-14, tidy, places))


def _borders(function: _Function) -> Array:
    """Return where the formula passes from one case to another."""
    expr, params = function.expr, function.params or {}
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
    value = formulas.numpy_function(gap, params)
    if gap.is_polynomial(x) and sympy.degree(gap, x) == 1:
        start, end = value(np.array([0.0, 1.0]))
        return np.array([0.0 if start == 0 else -start / (end - start)])
    grid = _GRID[np.abs(_GRID) <= REACH + 0.005]
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
class _Breaks:
    kinks: tuple[Kink, ...]
    jumps: tuple[Kink, ...]
    poles: tuple[float, ...]
    places: Array


def _find_breaks(function: _Function) -> _Breaks:
    """Find kinks (slope with two sides), jumps (value with two sides) and poles."""
    found = [_breaks_of(function.slope), _breaks_of(function.value)]
    borders = np.array([]) if function.expr is None else _borders(function)
    # A place that the formula gives exactly beats the same place found numerically.
    rough = np.concatenate(found)
    if len(borders):
        near = np.abs(rough[:, None] - borders[None, :]).min(axis=1) < 1e-6
        rough = rough[~near]
    places = np.unique(np.concatenate([borders, rough]))
    kinks, jumps, poles = [], [], []
    for place in places:
        low, high = _both_sides(function.value, place)
        down, up = _both_sides(function.slope, place)
        if not np.isfinite([low, high]).all():
            poles.append(float(place))
        elif abs(high - low) > 1e-6 * (1 + abs(low)):
            jumps.append(Kink(float(place), _tidy(low), _tidy(high)))
        elif up != down and not abs(up - down) <= _dust(up, down):
            kinks.append(Kink(float(place), _tidy(down), _tidy(up)))
    return _Breaks(tuple(kinks), tuple(jumps), tuple(poles), places)


def _dust(first: float, second: float) -> float:
    """Return the difference below which two one-sided values count as one."""
    size = min(abs(first), abs(second))
    return 1e-6 * (1 + size) if math.isfinite(size) else 0.0


def _both_sides(value: Scalar, place: float) -> tuple[float, float]:
    """Return the one-sided limits at ``place``; infinite where the values run away."""
    return _side(value, place, -1), _side(value, place, 1)


def _side(value: Scalar, place: float, side: int) -> float:
    step = side * 1e-9 * max(1.0, abs(place))
    near, far = float(value(place + step)), float(value(place + 2 * step))
    if abs(near - far) <= 1e-6 * (1 + abs(far)):
        return _tidy(2 * near - far)  # a straight line through both, at the place
    nearer = float(value(place + step / 1000))
    if abs(nearer) > 3 * abs(near) or not math.isfinite(nearer):
        return math.copysign(math.inf, nearer)
    return 0.0 if abs(nearer) < abs(near) / 3 else near


def _tidy(value: float) -> float:
    """Drop the dust of rounding: 0.30000000000000004 is 0.3."""
    rounded = round(float(value), 10) + 0.0
    return rounded if abs(rounded - value) < 1e-13 else float(value)


_SUPERSCRIPTS = "⁰¹²³⁴"


def _smoothness(function: _Function, breaks: _Breaks) -> str:
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

    grid = _GRID[np.abs(_GRID) <= REACH + 0.005]
    left, right, _, _ = _bisect(curvature, grid[:-1], grid[1:], 10)
    gap = np.abs(curvature(right + 3e-5) - curvature(left - 3e-5))
    size = 1 + np.abs(curvature(left - 3e-5))
    # A smooth curvature changes over 1e-4 by about f‴ × 1e-4.
    return bool((gap > 1e-2 * size).any())


# --- Behaviour far out -------------------------------------------------------------


@dataclass(frozen=True)
class _Tail:
    """On one side: the limit (None where it oscillates) and how far values reach."""

    limit: float | None
    low: float
    high: float


_DISTANCES = (1e1, 1e2, 1e3, 1e4, 1e6, 1e8)


def _tail(value: Scalar, side: int) -> _Tail:
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
        return _Tail(None, math.nan, math.nan)
    low, high = lows[-1], highs[-1]
    if high == math.inf or low == -math.inf:
        both = high == math.inf and low == -math.inf
        limit = None if both else math.inf if high == math.inf else -math.inf
        return _Tail(limit, min(low, min(lows)), max(high, max(highs)))
    if high - low <= 1e-6 * (1 + abs(low)):
        far = float(value(np.array([side * 1e15]))[0])
        limit = far if abs(far - low) < 1e-5 * (1 + abs(low)) else low
        limit = _tidy(limit)
        return _Tail(limit, limit, limit)
    if len(lows) >= 3 and lows[-1] > highs[-3]:
        return _Tail(math.inf, lows[0], math.inf)
    if len(lows) >= 3 and highs[-1] < lows[-3]:
        return _Tail(-math.inf, -math.inf, highs[0])
    growing = len(highs) >= 3 and highs[-1] > 2 * abs(highs[-3]) + 1
    falling = len(lows) >= 3 and lows[-1] < -2 * abs(lows[-3]) - 1
    reach_low, reach_high = min(lows), max(highs)
    return _Tail(
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


def _turning_points(function: _Function) -> Array:
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


def _extreme(
    function: _Function, breaks: _Breaks, tails: tuple[_Tail, _Tail], sign: int
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
            return _tidy(inner), attained, float(nearest[0]) if attained else None
        return _tidy(inner), True, _tidy(place)
    # As low as the tail: reached only where the function is flat from there on.
    limit = [tail.limit for tail in tails]
    attained = any(
        hard and end is not None and math.isclose(sign * end, outer, abs_tol=1e-9)
        for hard, end in zip(_hard_sides(function), limit, strict=True)
    )
    at_breaks = sign * function.value(breaks.places)
    attained = attained or bool(np.any(np.abs(at_breaks - outer) < 1e-12))
    oscillates = any(
        tail.limit is None and math.isclose(inner, outer, rel_tol=1e-3)
        for tail in tails
    )
    attained = (attained or oscillates) and math.isfinite(outer)
    return (_tidy(inner) if oscillates else outer), attained, None


def _hard_sides(function: _Function) -> tuple[bool, bool]:
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


def _monotone(function: _Function) -> str:
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


def _lipschitz(function: _Function, breaks: _Breaks) -> tuple[float, float | None]:
    """Return the largest |slope| and where it is taken (None: only far out)."""
    if breaks.jumps or breaks.poles:
        return math.inf, None
    tails = [_tail(lambda v: np.abs(function.slope(v)), side) for side in (-1, 1)]
    far = max(tail.high for tail in tails)
    steep = [abs(side) for kink in breaks.kinks for side in (kink.left, kink.right)]
    if not math.isfinite(far) or math.inf in steep:
        return math.inf, None
    sides = np.concatenate([breaks.places - 1e-9, breaks.places + 1e-9])
    places = np.sort(np.concatenate([function.grid, sides]))
    slopes = np.abs(function.slope(places))
    place, steepest = _sharpen(lambda v: np.abs(function.slope(v)), places, slopes)
    if far >= steepest * (1 - 1e-12):
        return _tidy(far), None
    around = np.abs(function.slope(place + np.array([-0.01, 0.01])))
    flat = (around >= steepest * (1 - 1e-12)).all()
    return (_tidy(steepest) if len(breaks.kinks) else steepest), None if flat else place


# --- Gaussian integrals ------------------------------------------------------------

_legendre = lru_cache(np.polynomial.legendre.leggauss)


def _panels(edges: Array, count: int) -> tuple[Array, Array]:
    """Return ``count`` nodes per panel, and weights that contain the density φ."""
    nodes, weights = _legendre(count)
    half = np.diff(edges, axis=-1)[..., None] / 2
    middle = ((edges[..., 1:] + edges[..., :-1]) / 2)[..., None]
    places = (middle + half * nodes).reshape(*edges.shape[:-1], -1)
    weights = (half * weights).reshape(*edges.shape[:-1], -1)
    return places, weights * np.exp(-0.5 * places**2) / math.sqrt(2 * math.pi)


def _gaussian_rule(q: float, places: Array) -> tuple[Array, Array]:
    """Return nodes z and weights for an average over N(0, 1) of g(√q z).

    Panels end at each kink, and grow geometrically around 0 in units of x, so that
    a function with features of size 1 is resolved for any q.
    """
    scale = math.sqrt(q)
    near = 2.0 ** np.arange(-4, 6) / scale
    edges = np.concatenate(
        [
            np.linspace(-12, 12, 49),
            np.linspace(12, 38, 14),
            -np.linspace(12, 38, 14),
            near,
            -near,
            np.asarray(places) / scale,
        ]
    )
    edges = np.unique(edges[np.abs(edges) <= 38])
    return _panels(edges, 20)


def _average(function: _Function, integrand: Callable, q: float = 1.0) -> float:
    """Return the mean of ``integrand(x, z)`` with x = √q z, z from N(0, 1)."""
    if not q >= 0:
        raise ValueError(f"a variance is 0 or more, not {q}")
    if q == 0:
        return float(integrand(np.zeros(1), np.zeros(1))[0])
    nodes, weights = _gaussian_rule(q, function.breaks.places)
    with np.errstate(all="ignore"):
        terms = weights * integrand(math.sqrt(q) * nodes, nodes)
    if np.isnan(terms).any():
        return math.nan
    total = float(terms.sum())
    # A sum that lives on the outermost panel has not converged: it is infinite.
    ends = np.abs(terms[:20]).sum() + np.abs(terms[-20:]).sum()
    if ends > 1e-6 * np.abs(terms).sum():
        return math.copysign(math.inf, total) if total == total else math.nan
    return total


def mean(f: Any, **params: float) -> float:
    """Return E f(Z) for Z from N(0, 1).

    ``f`` is anything that `property_sheet` takes. Infinite where the integral
    diverges. Chapter: 02.
    """
    function = _function(f, params)
    if function.breaks.poles:
        return math.nan
    return _average(function, lambda values, z: function.value(values))


def second_moment(f: Any, **params: float) -> float:
    """Return E f(Z)² for Z from N(0, 1). Chapter: 02."""
    return _variance(_function(f, params), 1.0)


def forward_gain(f: Any, **params: float) -> float:
    """Return 1/√E f(Z)²: the gain that keeps the second moment of activations at 1.

    Weights with standard deviation gain/√fan_in then give pre-activations of
    variance 1 in the next layer. Infinite for f = 0. Chapter: 02 and 04.
    Source: He et al. 2015, arXiv:1502.01852 (for ReLU).
    """
    return _inverse_root(second_moment(f, **params))


def backward_gain(f: Any, **params: float) -> float:
    """Return 1/√E f′(Z)²: the gain that keeps the size of the gradient.

    Infinite where the slope is 0 almost everywhere, as for the step.
    Chapter: 04 and 09.
    """
    return _inverse_root(chi_1(_function(f, params)))


def _inverse_root(square: float) -> float:
    return math.inf if square == 0 else 1 / math.sqrt(square)


def _variance(function: _Function, q: float) -> float:
    if function.breaks.poles:
        return math.inf
    return _average(function, lambda values, z: function.value(values) ** 2, q)


def variance_map(
    f: Any,
    q: float,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    **params: float,
) -> float:
    """Return the pre-activation variance one layer on, for a wide random network.

    Parameters
    ----------
    f : anything that `property_sheet` takes.
    q : variance of this layer's pre-activations, 0 or more.
    weight_variance : fan_in times the variance of one weight (the squared gain).
    bias_variance : the variance of one bias.

    Returns
    -------
    float
        weight_variance · E f(√q Z)² + bias_variance.

    Chapter: 02 and 09. Source: Poole et al. 2016, arXiv:1606.05340.
    """
    function = _function(f, params)
    return weight_variance * _variance(function, q) + bias_variance


def iterate_variance(
    f: Any,
    depth: int,
    q: float = 1.0,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    **params: float,
) -> np.ndarray:
    """Apply `variance_map` ``depth`` times, from ``q``.

    Returns an array of ``depth`` + 1 variances, the first of them ``q``. Once a
    variance is infinite, all later ones are. Chapter: 02 and 09.
    """
    if depth < 0 or depth != int(depth):
        raise ValueError(f"depth is a whole number of layers, 0 or more, not {depth}")
    function = _function(f, params)
    variances = [float(q)]
    for _ in range(int(depth)):
        before = variances[-1]
        after = before
        if math.isfinite(before):
            after = variance_map(function, before, weight_variance, bias_variance)
        variances.append(after)
    return np.array(variances)


def variance_slope(
    f: Any, q: float = 1.0, weight_variance: float = 1.0, **params: float
) -> float:
    """Return dV/dq, the slope of the variance map at ``q`` > 0.

    At a fixed point, below 1 the map pulls the variance back (a contraction), above
    1 it drives it away. Uses d/dq E g(√q Z) = E g(√q Z)(Z² − 1)/(2q), which needs no
    derivative of f. Chapter: 09.
    """
    if not q > 0:
        raise ValueError(f"the slope of the variance map needs q > 0, not {q}")
    function = _function(f, params)

    def integrand(values: Array, z: Array) -> Array:
        return function.value(values) ** 2 * (z**2 - 1)

    return weight_variance * _average(function, integrand, q) / (2 * q)


def chi_1(
    f: Any, q: float = 1.0, weight_variance: float = 1.0, **params: float
) -> float:
    """Return χ₁ = weight_variance · E f′(√q Z)²: the gradient's factor per layer.

    It is also the slope of the correlation map at c = 1: above 1, inputs that are
    nearly the same part from each other. Jumps count as slope 0. Chapter: 04 and 09.
    Source: Schoenholz et al. 2017, arXiv:1611.01232.
    """
    function = _function(f, params)

    def integrand(values: Array, z: Array) -> Array:
        return function.slope(values) ** 2

    if _slope_is_too_steep(function):
        return math.inf
    return weight_variance * _average(function, integrand, q)


def _slope_is_too_steep(function: _Function) -> bool:
    """Return whether the integral of f′² diverges at a point, as for √|x|."""
    vertical = [k.x for k in function.breaks.kinks if math.isinf(k.right - k.left)]
    for place in [*vertical, *function.breaks.poles]:
        near, nearer = (
            distance * float(function.slope(place + distance)) ** 2
            for distance in (1e-9, 1e-12)
        )
        if nearer > near / 2:
            return True
    return False


def correlation_map(
    f: Any,
    c: float | np.ndarray,
    q: float = 1.0,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    **params: float,
) -> float | np.ndarray:
    """Return the correlation of two inputs one layer on, for a wide random network.

    Parameters
    ----------
    f : anything that `property_sheet` takes.
    c : correlation of the two inputs' pre-activations, from −1 to 1 (or an array).
    q : the variance of both.
    weight_variance, bias_variance : as in `variance_map`.

    Returns a float, or an array of the shape of ``c``. Chapter: 04 and 09.
    Source: Poole et al. 2016, arXiv:1606.05340.
    """
    function = _function(f, params)
    correlations = np.asarray(c, dtype=np.float64)
    if not (np.abs(correlations) <= 1).all():
        raise ValueError(f"a correlation lies between -1 and 1, not {c}")
    variance = variance_map(function, q, weight_variance, bias_variance)
    if variance == 0:
        raise ValueError("the next layer's variance is 0: it has no correlation")
    products = [_product(function, float(one), q) for one in correlations.ravel()]
    following = (weight_variance * np.array(products) + bias_variance) / variance
    following = np.clip(following, -1.0, 1.0).reshape(correlations.shape)
    return float(following) if following.ndim == 0 else following


def _product(function: _Function, c: float, q: float) -> float:
    """Return E f(X) f(Y) for normal X, Y of variance ``q`` and correlation ``c``."""
    scale = math.sqrt(q)
    places = function.breaks.places
    if q > 2:
        places = np.union1d(places, [-4.0, -1.0, 0.0, 1.0, 4.0])
    if abs(c) > 1 - 1e-12 or q == 0:
        mirrored = math.copysign(1.0, c)
        both = np.union1d(places, -places)
        nodes, weights = _gaussian_rule(q, both) if q > 0 else (np.zeros(1), np.ones(1))
        first = function.value(scale * nodes)
        return float(np.sum(weights * first * function.value(mirrored * scale * nodes)))
    spread = math.sqrt((1 - c) * (1 + c))
    # Beside a kink, what is smoothed changes over a width of about ``spread``.
    beside = spread * np.array([-6.0, -3.0, -1.5, 0.0, 1.5, 3.0, 6.0])
    cuts = np.clip((places[:, None] / scale + beside).ravel(), -9, 9)
    outer, outer_weights = _panels(np.union1d(np.linspace(-9, 9, 37), cuts), 12)
    moved = (places / scale - c * outer[:, None]) / spread
    base = np.broadcast_to(np.linspace(-9, 9, 19), (len(outer), 19))
    edges = np.sort(np.concatenate([base, np.clip(moved, -9, 9)], axis=1), axis=1)
    inner, inner_weights = _panels(edges, 12)
    second = function.value(scale * (c * outer[:, None] + spread * inner))
    smoothed = np.sum(inner_weights * second, axis=1)
    return float(np.sum(outer_weights * function.value(scale * outer) * smoothed))


@dataclass(frozen=True)
class FixedPoint:
    """A variance ``q`` that the variance map keeps, and the map's slope there."""

    q: float
    slope: float

    @property
    def stable(self) -> bool:
        """Whether the map pulls nearby variances towards this one."""
        return abs(self.slope) < 1


def fixed_point(
    f: Any,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    **params: float,
) -> FixedPoint | None:
    """Return the fixed point of the variance map with q > 0 that lies nearest to 1.

    Looks from q = 10⁻⁶ to 10⁶; None if there is none (the variance then shrinks to
    0 or grows for ever). Chapter: 09.
    """
    function = _function(f, params)

    def excess(logarithm: float) -> float:
        q = math.exp(logarithm)
        after = variance_map(function, q, weight_variance, bias_variance)
        return math.inf if after == math.inf else after / q - 1

    def found(q: float) -> FixedPoint:
        return FixedPoint(q, variance_slope(function, q, weight_variance))

    if abs(excess(0.0)) < 1e-12:
        return found(1.0)
    grid = np.linspace(math.log(1e-6), math.log(1e6), 61)
    values = np.array([excess(point) for point in grid])
    roots = []
    for low, high, first, second in zip(
        grid, grid[1:], values, values[1:], strict=False
    ):
        if np.isfinite([first, second]).all() and first * second < 0:
            roots.append(optimize.brentq(excess, low, high, xtol=1e-14))
    return found(math.exp(min(roots, key=abs))) if roots else None


# --- The sheet -----------------------------------------------------------------

_SMOOTHNESS_WORDS = {
    "jump": "jumps",
    "pole": "runs off to infinity at a point",
    "C⁰": "C⁰: continuous, with kinks",
    "C¹": "C¹: its slope is continuous, its curvature is not",
    "C²": "C²: two continuous derivatives",
    "C³": "C³: three continuous derivatives",
    "C^ω": "analytic (smooth of every order)",
    "smooth": "smooth (no kink found)",
}


@dataclass(frozen=True)
class PropertySheet:
    """What `property_sheet` found; infinities are ``math.inf``.

    Attributes
    ----------
    name : the function's name, or the formula as typed.
    formula, derivative : LaTeX, or None for a callable.
    range : (infimum, supremum); ``attained`` says which of the two are values.
    limits : at −∞ and at +∞; None where it oscillates.
    minimum, argmin : the smallest value and where (argmin None: not one place).
    monotone : "increasing", "decreasing" (both non-strict), "constant" or "no".
    kinks : places with a left and a right slope.
    jumps : places with a left and a right value.
    smoothness : "pole", "jump", "C⁰", "C¹", ..., "C^ω" (analytic) or "smooth".
    lipschitz : the largest |slope|; infinite at jumps. ``steepest_at``: where, or
        None if only approached far out.
    saturation : the sides on which the slope goes to 0: "left", "right", "both",
        "none"; ``hard_saturation``: those on which it is exactly 0.
    zero_centred : whether the mean is 0.
    mean, second_moment : E f(Z) and E f(Z)² for Z from N(0, 1).
    forward_gain, backward_gain : 1/√E f(Z)² and 1/√E f′(Z)².
    """

    name: str
    formula: str | None
    derivative: str | None
    range: tuple[float, float]
    attained: tuple[bool, bool]
    limits: tuple[float | None, float | None]
    minimum: float | None
    argmin: float | None
    monotone: str
    kinks: tuple[Kink, ...]
    jumps: tuple[Kink, ...]
    smoothness: str
    lipschitz: float
    steepest_at: float | None
    saturation: str
    hard_saturation: str
    zero_centred: bool
    mean: float
    second_moment: float
    forward_gain: float
    backward_gain: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary, kinks and jumps as dictionaries too."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """Return the sheet as (property, value) pairs of plain text."""
        steepest = f"{_number(self.lipschitz)}"
        if self.steepest_at is not None and self.lipschitz > 0:
            steepest += f" (steepest at x = {_number(self.steepest_at, 5)})"
        rows = [
            ("range", self._range_text()),
            ("limits", self._limits_text()),
            ("minimum", self._minimum_text()),
            ("monotone", self.monotone),
            ("smoothness", _SMOOTHNESS_WORDS.get(self.smoothness, self.smoothness)),
            ("kinks (slope left | right)", _places(self.kinks)),
            ("jumps (value left | right)", _places(self.jumps)),
            ("Lipschitz constant", steepest),
            ("saturates", self._saturation_text()),
            ("zero-centred", "yes" if self.zero_centred else "no"),
            ("mean, Z ~ N(0, 1)", _number(self.mean)),
            ("second moment", _number(self.second_moment)),
            ("forward gain", _number(self.forward_gain)),
            ("backward gain", _number(self.backward_gain)),
        ]
        return [(label, text) for label, text in rows if text]

    def _range_text(self) -> str:
        left = "[" if self.attained[0] else "("
        right = "]" if self.attained[1] else ")"
        return f"{left}{_number(self.range[0])}, {_number(self.range[1])}{right}"

    def _limits_text(self) -> str:
        words = ["none" if end is None else _number(end) for end in self.limits]
        return f"{words[0]} at −∞, {words[1]} at +∞"

    def _minimum_text(self) -> str:
        if self.minimum is None:
            return "none"
        where = "" if self.argmin is None else f" at x = {_number(self.argmin)}"
        return f"{_number(self.minimum)}{where}"

    def _saturation_text(self) -> str:
        if self.saturation == "none":
            return "no"
        side = {"both": "on both sides"}.get(
            self.saturation, f"on the {self.saturation}"
        )
        if self.hard_saturation == "none":
            return f"{side}, softly (the slope goes to 0)"
        if self.hard_saturation == self.saturation:
            return f"{side}, hard (the slope is exactly 0)"
        return f"{side}, hard on the {self.hard_saturation}"

    def __str__(self) -> str:
        width = max(len(label) for label, _ in self.rows())
        lines = [f"{label:<{width}}  {text}" for label, text in self.rows()]
        return "\n".join([self.name, *lines])

    def _repr_markdown_(self) -> str:
        head = [("f(x)", self.formula), ("f′(x)", self.derivative)]
        lines = [f"| **{_escaped(self.name)}** | |", "|---|---|"]
        lines += [f"| {label} | ${_bars(text)}$ |" for label, text in head if text]
        lines += [
            f"| {_escaped(label)} | {_escaped(text)} |" for label, text in self.rows()
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = [("f(x)", self.formula), ("f′(x)", self.derivative)]
        math_class = "tex2jax_process mathjax_process"
        rows = [
            f'<tr><th scope="row">{label}</th>'
            f'<td class="{math_class}">\\({html.escape(text)}\\)</td></tr>'
            for label, text in head
            if text
        ]
        rows += [
            f'<tr><th scope="row">{html.escape(label)}</th>'
            f"<td>{html.escape(text)}</td></tr>"
            for label, text in self.rows()
        ]
        return (
            f'<table class="actlab-properties"><caption>{html.escape(self.name)}'
            f"</caption><tbody>{''.join(rows)}</tbody></table>"
        )


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _bars(formula: str) -> str:
    """Write absolute values without the sign that ends a table's cell."""
    return formula.replace("|", r"\vert ")


def _number(value: float, digits: int = 6) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if math.isnan(value):
        return "undefined"
    if abs(value) < 1e-12:
        return "0"
    return f"{value:.{digits}g}".replace("-", "−")


def _places(places: tuple[Kink, ...], shown: int = 4) -> str:
    near = sorted(places, key=lambda place: abs(place.x))[:shown]
    texts = [
        f"x = {_number(place.x)}: {_number(place.left)} | {_number(place.right)}"
        for place in sorted(near, key=lambda place: place.x)
    ]
    more = len(places) - len(near)
    return "; ".join(texts) + (f"; and {more} more" if more else "")


def _sides(left: bool, right: bool) -> str:
    if left and right:
        return "both"
    return "left" if left else "right" if right else "none"


def property_sheet(f: Any, **params: float) -> PropertySheet:
    """Return the property sheet of any function of one number.

    Parameters
    ----------
    f : str, Activation, sympy.Expr or callable
        A catalogue key (``"swish"``), a formula (``"x*tanh(exp(x))"``), a SymPy
        expression in x, or a function or ``nn.Module`` from tensor to tensor that
        works element by element.
    **params : float
        Values of the formula's other letters, as in ``property_sheet("swish",
        beta=2)``; a catalogue row has defaults for them.

    Raises
    ------
    FormulaError
        A formula that cannot be read, or that is not a number everywhere.
    UnknownActivationError
        A name that is in no catalogue.
    ValueError, TypeError
        A callable that is not element-wise, is random, or fails.

    Chapter: 02.
    """
    function = _function(f, params)
    with np.errstate(all="ignore"):
        _check_defined(function)
        return _sheet(function)


def _sheet(function: _Function) -> PropertySheet:
    breaks = function.breaks
    tails = _tail(function.value, -1), _tail(function.value, 1)
    slopes = [_tail(function.slope, side).limit for side in (-1, 1)]
    low, low_attained, argmin = _extreme(function, breaks, tails, 1)
    high, high_attained, _ = _extreme(function, breaks, tails, -1)
    hard = _hard_sides(function)
    flat = [
        h or (s is not None and abs(s) < 1e-6)
        for h, s in zip(hard, slopes, strict=True)
    ]
    average = mean(function)
    lipschitz, steepest_at = _lipschitz(function, breaks)
    derivative = None if function.expr is None else formulas.derivative(function.expr)
    return PropertySheet(
        name=function.name,
        formula=None if function.expr is None else formulas.latex(function.expr),
        derivative=None if derivative is None else formulas.latex(derivative),
        range=(low, -high + 0.0),
        attained=(low_attained, high_attained),
        limits=(tails[0].limit, tails[1].limit),
        minimum=low if low_attained else None,
        argmin=argmin,
        monotone=_monotone(function),
        kinks=breaks.kinks,
        jumps=breaks.jumps,
        smoothness=_smoothness(function, breaks),
        lipschitz=lipschitz,
        steepest_at=steepest_at,
        saturation=_sides(*flat),
        hard_saturation=_sides(*hard),
        zero_centred=bool(abs(average) < 1e-9),
        mean=average,
        second_moment=second_moment(function),
        forward_gain=forward_gain(function),
        backward_gain=backward_gain(function),
    )


def _check_defined(function: _Function) -> None:
    sample = np.concatenate([np.linspace(-30.0, 30.0, 601) + 0.0123, [0.0, -1.0, 1.0]])
    values = function.value(sample)
    if np.isnan(values).any():
        place = sample[np.isnan(values)][np.argmin(np.abs(sample[np.isnan(values)]))]
        raise FormulaError(
            f"{function.name} is not a real number at x = {place:.4g}; an activation "
            "must have a value for every x"
        )
    if len(function.grid) < 100:
        raise FormulaError(f"{function.name} overflows at nearly every x")
