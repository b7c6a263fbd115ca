"""Is the code of a candidate fit to be trained?  What no property sheet shows.

Chapter: 15.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .candidates import Candidate
from .candidates import candidate as define

__all__ = ["Check", "Health", "health"]

FAR = 1e4  # activations of this size occur in networks that are about to break down


@dataclass(frozen=True)
class Check:
    """One health check: its name, whether it passed, and what was found."""

    name: str
    passed: bool
    found: str

    def __str__(self) -> str:
        return f"{'✓' if self.passed else '✗'} {self.name}: {self.found}"


@dataclass(frozen=True)
class Health:
    """The health checks of one candidate."""

    name: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(check.passed for check in self.checks)

    def __str__(self) -> str:
        return "\n".join([self.name, *map(str, self.checks)])


def health(candidate: Candidate) -> Health:
    """Check what no property sheet shows: that the *code* is fit to be trained.

    Shape and type are kept and the input is left alone; it works on each number alone;
    values and slopes are finite up to |x| = 10,000 in float32; autograd's slope is the
    slope of the values; each parameter receives a gradient; the function bends; and
    the code computes the formula, where both are given.  A check that cannot run fails
    with the reason.  Chapter 15.
    """
    names = dict(_CHECKS)
    if candidate.formula is None or candidate.formula == candidate.definition:
        del names["code and formula agree"]
    checks = []
    for name, look in names.items():
        try:
            checks.append(Check(name, *look(candidate)))
        except Exception as error:  # the reader's code may raise anything
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            checks.append(Check(name, False, reason))
    return Health(candidate.name, tuple(checks))


def _shape(candidate: Candidate) -> tuple[bool, str]:
    for dtype in (torch.float32, torch.float64):
        module = candidate.make().to(dtype)
        for shape in ((5,), (3, 4), (2, 3, 4)):
            x = torch.linspace(-2, 2, math.prod(shape), dtype=dtype).reshape(shape)
            given = x.clone()
            y = module(x)
            if not isinstance(y, Tensor) or y.shape != shape or y.dtype != dtype:
                kind = f"{tuple(y.shape)} {y.dtype}" if isinstance(y, Tensor) else y
                return False, f"{shape} {dtype} became {kind}"
            if not torch.equal(x, given):
                return False, "the input was overwritten"
    return True, "kept, and the input left alone"


def _alone(candidate: Candidate) -> tuple[bool, str]:
    x = np.linspace(-3, 3, 60) + 0.0123
    whole = candidate.values(x)
    if not np.array_equal(whole, candidate.values(x), equal_nan=True):
        return False, "two calls on the same numbers differ"
    parts = np.concatenate([candidate.values(x[:7]), candidate.values(x[7:])])
    if not np.allclose(whole, parts, rtol=1e-9, atol=1e-12, equal_nan=True):
        return False, "a value changes when other numbers do"
    return True, "yes, and the same at each call"


def _far_points() -> Tensor:
    tail = torch.logspace(-4, math.log10(FAR), 200)
    return torch.cat([-tail.flip(0), torch.zeros(1), tail])


def _finite(x: Tensor, y: Tensor) -> tuple[bool, str]:
    bad = torch.nonzero(~torch.isfinite(y)).flatten()
    if len(bad) == 0:
        return True, f"up to |x| = {FAR:,.0f}"
    nearest = bad[x[bad].abs().argmin()]
    return False, f"{y[nearest].item()} at x = {x[nearest].item():.3g}"


def _finite_values(candidate: Candidate) -> tuple[bool, str]:
    x = _far_points()
    with torch.no_grad():
        return _finite(x, candidate.make().eval()(x.clone()))


def _finite_slopes(candidate: Candidate) -> tuple[bool, str]:
    x = _far_points()
    return _finite(x, _slopes(candidate, x))


def _slopes(candidate: Candidate, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    # Not x itself, so that code which works in place can be looked at too.
    y = candidate.make().eval().to(x.dtype)(x.clone())
    if not y.requires_grad:
        return torch.zeros_like(x)
    (slope,) = torch.autograd.grad(y.sum(), x, allow_unused=True)
    return torch.zeros_like(x) if slope is None else slope


def _autograd(candidate: Candidate) -> tuple[bool, str]:
    """Compare autograd with the difference quotient, away from kinks."""
    x, step = np.linspace(-6, 6, 241) + 0.0123, 1e-5
    left, middle, right = (candidate.values(x + h) for h in (-step, 0, step))
    quotient = (right - left) / (2 * step)
    slope = _slopes(candidate, torch.from_numpy(x)).numpy()
    gap = np.abs(slope - quotient)
    gap[np.abs(right - 2 * middle + left) > 1e-3 * step] = 0
    worst = int(np.nan_to_num(gap, nan=math.inf).argmax())
    if gap[worst] < 1e-6 * max(1.0, np.abs(quotient).max()):
        return _autograd_far_out(candidate) or (True, f"within {gap.max():.0e}")
    return False, f"at x = {x[worst]:.3g} it is off by {gap[worst]:.2g}"


def _autograd_far_out(candidate: Candidate) -> tuple[bool, str] | None:
    """Look for a slope that overflow has made wrong and yet finite, up to FAR.

    In float32 too, in which networks are trained: with four exponentials, the slope of
    tanh at x = 50 becomes 1.
    """
    x = _far_points()
    x = x[x.abs() > 6]
    places = x.double().numpy()
    # Around each place too: float32 rounds the angle of a wave, or the side of a kink.
    around = places + 1e-5 * np.abs(places) * np.linspace(-1, 1, 9)[:, None]
    left, right = (candidate.values(around + h) for h in (-1e-5, 1e-5))
    rises = (right - left) / 2e-5
    low, high = rises.min(axis=0), rises.max(axis=0)
    room = 0.01 + 0.1 * np.maximum(np.abs(low), np.abs(high))
    for dtype in (torch.float32, torch.float64):
        slope = _slopes(candidate, x.to(dtype)).double().numpy()
        # Not finite is another check's business.
        wrong = np.flatnonzero((slope < low - room) | (slope > high + room))
        wrong = wrong[np.isfinite(slope[wrong])]
        if len(wrong):
            at = wrong[np.abs(places[wrong]).argmin()]
            kind = str(dtype).removeprefix("torch.")
            return False, (
                f"at x = {places[at]:.3g} in {kind} it is {slope[at]:.3g}, "
                f"where values rise by {rises[4, at]:.3g}"
            )
    return None


def _parameters(candidate: Candidate) -> tuple[bool, str]:
    module = candidate.make()
    learnt = dict(module.named_parameters())
    if not learnt:
        return True, "none"
    module(torch.linspace(-3, 3, 61)).square().sum().backward()
    for name, parameter in learnt.items():
        gradient = parameter.grad
        if gradient is None:
            return False, f"{name} receives no gradient"
        if not torch.isfinite(gradient).all() or not gradient.any():
            return False, f"the gradient of {name} is {gradient.flatten()[0].item():g}"
    return True, f"{', '.join(learnt)}, each with a gradient"


def _bends(candidate: Candidate) -> tuple[bool, str]:
    x = np.linspace(-4, 4, 81)
    y = candidate.values(x)
    for degree in range(7):
        rest = y - np.polynomial.Chebyshev.fit(x, y, degree)(x)
        if np.abs(rest).max() < 1e-9 * max(1.0, np.abs(y).max()):
            return degree > 1, "a straight line" if degree < 2 else (
                f"yes, but it is a polynomial of degree {degree}"
            )
    return True, "yes, and it is no polynomial"


def _agrees(candidate: Candidate) -> tuple[bool, str]:
    assert candidate.formula is not None, "health looks only where there is one"
    x = np.linspace(-10, 10, 401) + 0.0123
    gap = np.abs(candidate.values(x) - define(candidate.formula).values(x))
    worst = int(np.nan_to_num(gap, nan=math.inf).argmax())
    if gap[worst] < 1e-5:
        return True, f"within {gap.max():.0e}"
    return False, f"at x = {x[worst]:.3g} they differ by {gap[worst]:.2g}"


_CHECKS: dict[str, Callable[[Candidate], tuple[bool, str]]] = {
    "shape and type": _shape,
    "each number alone": _alone,
    "finite values": _finite_values,
    "finite slopes": _finite_slopes,
    "autograd gives the slope": _autograd,
    "parameters": _parameters,
    "bends": _bends,
    "code and formula agree": _agrees,
}
