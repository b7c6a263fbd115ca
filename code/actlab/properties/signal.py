"""Signals in a wide random network: gains, variance map, correlation map, χ₁.

Chapter: 02 (gains), 04 and 09 (variance and correlation maps).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

from .breaks import Array
from .functions import Function, function_of
from .integrals import (
    Root,
    average,
    gaussian_rule,
    mean_square,
    panels,
    root_mean_square,
)
from .shape import autograd_differs, lipschitz_constant


def forward_gain(f: Any, **params: float) -> float:
    """Return 1/√E f(Z)²: the gain that keeps the second moment of activations at 1.

    Weights with standard deviation gain/√fan_in then give pre-activations of
    variance 1 in the next layer. Infinite for f = 0. Chapter: 02 and 04.
    Source: He et al. 2015, arXiv:1502.01852 (for ReLU).
    """
    function = function_of(f, params)
    root = root_mean_square(function, lambda values, z: function.value(values))
    return _inverse(root.root)


def backward_gain(f: Any, **params: float) -> float:
    """Return 1/√E f′(Z)²: the gain that keeps the size of the gradient.

    Infinite where the slope is 0 almost everywhere, as for the step.
    Chapter: 04 and 09.
    """
    return _inverse(_slope_square(function_of(f, params), 1.0).root)


def _inverse(root: float) -> float:
    return math.inf if root == 0 else 1 / root


def check_network(weight_variance: float, bias_variance: float = 0.0) -> None:
    """Raise ``ValueError`` for variances that no weights and no biases have."""
    for name, variance in (
        ("weight_variance", weight_variance),
        ("bias_variance", bias_variance),
    ):
        if not variance >= 0:
            raise ValueError(f"{name} is {variance}; a variance is 0 or more")


def check_depth(depth: float, least: int = 0) -> None:
    """Raise ``ValueError`` unless ``depth`` is a whole number from ``least`` on."""
    if not (least <= depth < math.inf) or depth != int(depth):
        raise ValueError(
            f"depth is a whole number of layers, {least} or more, not {depth}"
        )


def check_correlation(c: Any) -> None:
    """Raise ``ValueError`` unless all of ``c`` lie between −1 and 1."""
    if not (np.abs(np.asarray(c, dtype=np.float64)) <= 1).all():
        raise ValueError(f"a correlation lies between -1 and 1, not {c}")


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

    Raises ``ValueError`` for variances below 0 or nan. Chapter: 02 and 09.
    Source: Poole et al. 2016, arXiv:1606.05340.
    """
    check_network(weight_variance, bias_variance)
    function = function_of(f, params)
    return weight_variance * mean_square(function, q) + bias_variance


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
    check_depth(depth)
    if not q >= 0:
        raise ValueError(f"a variance is 0 or more, not {q}")
    check_network(weight_variance, bias_variance)
    function = function_of(f, params)
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
    check_network(weight_variance)
    function = function_of(f, params)
    if not math.isfinite(mean_square(function, q)):
        return math.nan

    def integrand(values: Array, z: Array) -> Array:
        return function.value(values) ** 2 * (z**2 - 1)

    found = average(function, integrand, q)
    if not math.isfinite(found):  # squares that overflow, far out
        return math.nan
    return weight_variance * found / (2 * q)


def chi_1(
    f: Any, q: float = 1.0, weight_variance: float = 1.0, **params: float
) -> float:
    """Return χ₁ = weight_variance · E f′(√q Z)²: the gradient's factor per layer.

    It is also the slope of the correlation map at c = 1: above 1, inputs that are
    nearly the same part from each other. Jumps count as slope 0; nan where the slope
    turns too fast to be followed. Chapter: 04 and 09.
    Source: Schoenholz et al. 2017, arXiv:1611.01232.
    """
    check_network(weight_variance)
    return weight_variance * _slope_square(function_of(f, params), q).square


def _slope_square(function: Function, q: float) -> Root:
    """Return E f′(√q Z)² and its root."""

    def height(values: Array, z: Array) -> Array:
        # autograd has slopes, of 0, where there is no number
        value, slope = function.value(values), function.slope(values)
        unknown = np.isnan(value) | (np.isinf(value) & (slope == 0))
        return np.where(unknown, math.nan, slope)

    if _slope_is_too_steep(function):
        return Root(math.inf, math.inf)
    if function.breaks.unresolved:
        return Root(math.nan, math.nan)
    found, least = root_mean_square(function, height, q), _least_slope(function, q)
    if found.square < 0.9 * least and not autograd_differs(function):
        # Steeper than the panels are fine: look beside the steepest place.
        place = lipschitz_constant(function, function.breaks).at
        also = () if place is None else (place,)
        found = root_mean_square(function, height, q, also)
        if found.square < 0.9 * least:
            return Root(math.nan, math.nan)
    return found


def _least_slope(function: Function, q: float) -> float:
    """A number that E f′(√q Z)² is not below, if f has no jump: from its values.

    Over an interval, f′² is on average at least the square of f's mean slope.
    """
    breaks = function.breaks
    if q == 0 or breaks.poles or breaks.jumps:
        return 0.0
    grid = function.grid[np.abs(function.grid) < 6 * math.sqrt(q)]
    if len(grid) < 2:
        return 0.0
    values = function.value(grid)
    z = np.maximum(np.abs(grid[1:]), np.abs(grid[:-1])) / math.sqrt(q)
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi * q)
    with np.errstate(over="ignore"):
        return float(np.sum(np.diff(values) ** 2 / np.diff(grid) * density))


def _slope_is_too_steep(function: Function) -> bool:
    """Return whether the integral of f′² diverges at a point, as for √|x|."""
    kinks = function.breaks.kinks
    vertical = [k.x for k in kinks if math.isinf(k.left) or math.isinf(k.right)]
    for place in [*vertical, *function.breaks.poles]:
        for side in (-1, 1):
            steps = np.array([1e-9, 1e-12])
            with np.errstate(over="ignore"):
                near, nearer = steps * function.slope(place + side * steps) ** 2
            if nearer > near / 2 or math.isinf(nearer):
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

    Returns a float, or an array of the shape of ``c``; not a number where the next
    layer's variance is infinite or not known, and where the average over two inputs
    cannot be followed (it lives far out, beside a pole, or on too many steps).
    Chapter: 04 and 09. Source: Poole et al. 2016, arXiv:1606.05340.
    """
    function = function_of(f, params)
    correlations = np.asarray(c, dtype=np.float64)
    check_correlation(c)
    check_network(weight_variance, bias_variance)
    square = mean_square(function, q)
    variance = weight_variance * square + bias_variance
    if variance == 0:
        raise ValueError("the next layer's variance is 0: it has no correlation")
    known = math.isfinite(variance) and math.isfinite(q)
    products = [
        _product(function, float(one), q, square) if known else math.nan
        for one in correlations.ravel()
    ]
    following = (weight_variance * np.array(products) + bias_variance) / variance
    following = np.clip(following, -1.0, 1.0).reshape(correlations.shape)
    return float(following) if following.ndim == 0 else following


_LARGEST_GRID = 40_000_000  # pairs of places: 320 MB each time they are held


@np.errstate(over="ignore", invalid="ignore")
def _product(function: Function, c: float, q: float, square: float) -> float:
    """Return E f(X) f(Y) for normal X, Y of variance ``q`` and correlation ``c``.

    Either alone has the mean square ``square``, which the rule has to find; nan if it
    does not.
    """
    places = function.breaks.places
    if q > 2:
        places = np.union1d(places, [-4.0, -1.0, 0.0, 1.0, 4.0])
    if q == 0 or c > 1 - 1e-12:
        return square
    if c < -1 + 1e-12:
        return _mirrored(function, q, places, square)
    # Coarse; far out, for what grows fast; closer in, for what swings fast.
    for count, reach, number in ((12, 9.0, 19), (30, 16.0, 65), (30, 9.0, 65)):
        found = _two_inputs(function, c, q, places, square, (count, reach, number))
        if not math.isnan(found):
            return found
    return math.nan


def _mirrored(function: Function, q: float, places: Array, square: float) -> float:
    """Return E f(X) f(−X)."""
    both, scale = np.union1d(places, -places), math.sqrt(q)
    found = math.nan
    for cuts in (1, 8):
        nodes, weights = gaussian_rule(q, both, 20, cuts)
        first, second = function.value(scale * nodes), function.value(-scale * nodes)
        alone = np.sum(weights * first**2)
        if _is(alone, square):
            found = float(np.sum(weights * first * second))
        if _is(alone, square, 1e-9):
            break
    return found


def _two_inputs(
    function: Function,
    c: float,
    q: float,
    places: Array,
    square: float,
    rule: tuple[int, float, int],
) -> float:
    """Return E f(X) f(Y) by a rule: nodes per panel, how far out, edges across."""
    count, reach, number = rule
    scale, spread = math.sqrt(q), math.sqrt((1 - c) * (1 + c))
    # Beside a kink, what is smoothed changes over a width of about ``spread``.
    beside = spread * np.array([-6.0, -3.0, -1.5, 0.0, 1.5, 3.0, 6.0])
    cuts = np.clip((places[:, None] / scale + beside).ravel(), -reach, reach)
    across = np.linspace(-reach, reach, 2 * number - 1)
    outer, outer_weights = panels(np.union1d(across, cuts), count)
    if len(outer) * count * (number + len(places)) > _LARGEST_GRID:
        return math.nan
    moved = (places / scale - c * outer[:, None]) / spread
    base = np.broadcast_to(np.linspace(-reach, reach, number), (len(outer), number))
    ends = np.concatenate([base, np.clip(moved, -reach, reach)], axis=1)
    inner, inner_weights = panels(np.sort(ends, axis=1), count)
    second = function.value(scale * (c * outer[:, None] + spread * inner))
    smoothed = np.sum(inner_weights * second, axis=1)
    first = function.value(scale * outer)
    squares = np.sum(inner_weights * second**2, axis=1)
    alone = np.sum(outer_weights * first**2), np.sum(outer_weights * squares)
    if not all(_is(one, square) for one in alone):
        return math.nan
    return float(np.sum(outer_weights * first * smoothed))


def _is(found: float, square: float, within: float = 1e-4) -> bool:
    """Whether a rule has found the mean square that another one knows."""
    return bool(abs(found - square) <= within * square)


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
    0 or grows for ever). Raises ``ValueError`` where the map is not known on the way,
    so that nobody can say. Chapter: 09.
    """
    check_network(weight_variance, bias_variance)
    function = function_of(f, params)

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
        if np.isfinite([first, second]).all() and np.sign(first) * np.sign(second) < 0:
            roots.append(optimize.brentq(excess, low, high, xtol=1e-14))
    if not roots and np.isnan(values).any():
        raise ValueError(
            f"the variance map of {function.name} is not known at "
            f"q = {math.exp(grid[np.isnan(values).argmax()]):.3g}: whether it has a "
            "fixed point cannot be said"
        )
    return found(math.exp(min(roots, key=abs))) if roots else None
