"""Averages over a standard normal number: mean, second moment, and the rule itself.

Gaussian integrals are Gauss-Legendre sums over panels that end at every kink.

Chapter: 02.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .breaks import Array
from .functions import Function, function_of

_legendre = lru_cache(np.polynomial.legendre.leggauss)


def panels(edges: Array, count: int) -> tuple[Array, Array]:
    """Return ``count`` nodes per panel, and weights that contain the density φ."""
    nodes, weights = _legendre(count)
    half = np.diff(edges, axis=-1)[..., None] / 2
    middle = ((edges[..., 1:] + edges[..., :-1]) / 2)[..., None]
    places = (middle + half * nodes).reshape(*edges.shape[:-1], -1)
    weights = (half * weights).reshape(*edges.shape[:-1], -1)
    return places, weights * np.exp(-0.5 * places**2) / math.sqrt(2 * math.pi)


def gaussian_rule(
    q: float, places: Array, count: int = 20, cuts: int = 1
) -> tuple[Array, Array]:
    """Return nodes z and weights for an average over N(0, 1) of g(√q z).

    Panels end at each kink, and grow geometrically around 0 in units of x, so that
    a function with features of size 1 is resolved for any q. Each is cut into ``cuts``
    equal ones, with ``count`` nodes.
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
    if cuts > 1:
        whole = np.arange(len(edges))
        edges = np.interp(np.arange(whole[-1] * cuts + 1) / cuts, whole, edges)
    return panels(edges, count)


def average(
    function: Function, integrand: Callable, q: float = 1.0, also: Sequence[float] = ()
) -> float:
    """Return the mean of ``integrand(x, z)`` with x = √q z, z from N(0, 1).

    ``also`` holds places beside which panels get ever finer, as beside a pole.
    Not a number where it is none, or is not known: two rules do not agree on it.
    """
    if not q >= 0:
        raise ValueError(f"a variance is 0 or more, not {q}")
    if q == 0:
        return float(integrand(np.zeros(1), np.zeros(1))[0])
    places = function.breaks.places
    finer = *function.breaks.poles, *also
    if function.breaks.poles:
        diverging = _at_poles(function, integrand, q)
        if diverging:
            return sum(diverging)
    # What is left runs away so slowly that finer and finer panels catch it.
    for place in finer:
        steps = _BESIDE_POLES[_BESIDE_POLES > 1e-12 * abs(place)]
        places = np.concatenate([places, place + steps, place - steps])
    terms = _terms(integrand, q, places)
    if np.isnan(terms).any():
        return math.nan
    # A sum that lives on the outermost panel has not converged: it is infinite.
    ends = terms[:20], terms[-20:]
    whole = 1e-6 * np.abs(terms).sum()
    if sum(np.abs(end).sum() for end in ends) > whole:
        away = {math.copysign(math.inf, end.sum()) for end in ends if _runs(end, whole)}
        return sum(away) if away else math.copysign(math.inf, terms.sum())
    within = _SURE if function.breaks.unresolved else _SAME_SUM
    return _agreed(integrand, q, places, terms, within)


_SAME_SUM = 1e-4  # of the sum of sizes
_MOST_NODES = 4_000_000  # twenty-five times as many as a kink per tenth makes
_SURE = 1e-7  # where chance may make two rules agree: many swings add up to little


def _agreed(
    integrand: Callable, q: float, places: Array, terms: Array, within: float
) -> float:
    """The sum on which two rules agree; nan if even the finest ones do not.

    Between the nodes of one rule a function may swing, or have steps that nobody found.
    """
    for cuts in (1, 8, 64):
        if cuts * len(terms) > _MOST_NODES:
            break
        if cuts > 1:
            terms = _terms(integrand, q, places, 20, cuts)
        other = _terms(integrand, q, places, 17, cuts).sum()
        once, size = float(terms.sum()), float(np.abs(terms).sum())
        if not math.isfinite(size) or abs(once - float(other)) <= within * size:
            return once
    return math.nan


def _terms(integrand: Callable, q: float, places: Array, *rule: int) -> Array:
    nodes, weights = gaussian_rule(q, places, *rule)
    with np.errstate(all="ignore"):
        return weights * integrand(math.sqrt(q) * nodes, nodes)


_BESIDE_POLES = 2.0 ** -np.arange(1, 80)


def _runs(end: Array, whole: float) -> bool:
    return bool(np.abs(end).sum() > whole / 2)


def _at_poles(function: Function, integrand: Callable, q: float) -> list[float]:
    """Return an infinity for each side of a pole at which the integral diverges."""
    found = []
    for place in function.breaks.poles:
        for side in (-1, 1):
            steps = side * np.array([1e-6, 1e-9, 1e-12]) * max(1.0, abs(place))
            values = place + steps
            with np.errstate(all="ignore"):
                terms = integrand(values, values / math.sqrt(q))
                areas = np.abs(steps * terms)
            # The area beside a pole has to shrink with its width.
            if not np.isfinite(areas).all() or areas[2] > areas[1] / 2 > 0:
                known = terms[~np.isnan(terms)]
                found.append(
                    math.copysign(math.inf, known[-1]) if len(known) else math.nan
                )
    return found


def mean(f: Any, **params: float) -> float:
    """Return E f(Z) for Z from N(0, 1).

    ``f`` is anything that `property_sheet` takes. Infinite where the integral
    diverges. Chapter: 02.
    """
    function = function_of(f, params)
    return average(function, lambda values, z: function.value(values))


def second_moment(f: Any, **params: float) -> float:
    """Return E f(Z)² for Z from N(0, 1). Chapter: 02."""
    return mean_square(function_of(f, params), 1.0)


def mean_square(function: Function, q: float) -> float:
    """Return E f(√q Z)² for Z from N(0, 1); infinite where the integral diverges."""
    root = root_mean_square(function, lambda values, z: function.value(values), q)
    return root.square


@dataclass(frozen=True)
class Root:
    """A mean square and its root, which may be a number where the square is none."""

    square: float
    root: float


def root_mean_square(
    function: Function, height: Callable, q: float = 1.0, also: Sequence[float] = ()
) -> Root:
    """Return the mean of ``height(x, z)``², x = √q z, and its root, as `average` does.

    Heights whose squares leave float64's range, if only far out, are tried in another
    unit: exp(12x) has a mean square of 10¹²⁵, and 10⁴⁵⁶ as the square of its last one.
    """

    def squared(values: Array, z: Array, unit: float = 1.0) -> Array:
        return (height(values, z) / unit) ** 2

    found = average(function, squared, q, also)
    plain = Root(found, math.sqrt(found))
    if q == 0 or math.isnan(found) or 0 < found < math.inf:
        return plain
    nodes, _ = gaussian_rule(q, function.breaks.places)
    with np.errstate(all="ignore"):
        unit = float(np.abs(height(math.sqrt(q) * nodes, nodes)).max())
    if not 0 < unit < math.inf or 1e-150 < unit < 1e150:
        return plain
    unit = 2.0 ** math.floor(math.log2(unit))
    other = average(function, lambda x, z: squared(x, z, unit), q, also)
    root = math.sqrt(other) * unit
    return Root(root * root, root)
