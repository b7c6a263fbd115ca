"""What a formula is made of: named special functions, constants that print as letters.

Each special function says its slope and its numbers: ``in_numpy`` for float64 arrays,
``exact`` for one mpmath number with as many digits as mpmath's context has.

Chapter: 01 (what a formula says), 03 (sigmoid), 05 (smooth functions).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import sympy
from scipy import special

x = sympy.Symbol("x", real=True)


class FormulaError(ValueError):
    """A formula that cannot be read; the message says what was wrong."""


# --- Named special functions ---------------------------------------------------


class Special(sympy.Function):
    """A real function of ours, with its numbers."""

    is_real = True
    in_numpy: Callable[..., np.ndarray]
    exact: Callable[..., mpmath.mpf]

    def _eval_mpmath(self) -> tuple[Callable, tuple[sympy.Expr, ...]]:
        # SymPy asks for this where it needs to know what number a constant one is.
        return self.exact, self.args


def mpmath_exp(u: mpmath.mpf) -> mpmath.mpf:
    """Return e^u; 0 or infinity where the exact number would take forever."""
    # e^(10^310) has an exponent of a thousand bits.
    if abs(u) > mpmath.mpf("1e310"):
        return mpmath.inf if u > 0 else mpmath.mpf(0)
    return mpmath.exp(u)


class Sigmoid(Special):
    """The logistic function σ(x) = 1/(1 + e^−x), with σ' = σ(1 − σ)."""

    in_numpy = special.expit

    @staticmethod
    def exact(u: mpmath.mpf) -> mpmath.mpf:
        return 1 / (1 + mpmath_exp(-u))

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return self * (1 - self)


class NormalCDF(Special):
    """Φ(x), the probability that a standard normal number is at most x."""

    in_numpy = special.ndtr

    @staticmethod
    def exact(u: mpmath.mpf) -> mpmath.mpf:
        # Beyond this mpmath's erfc overflows an integer; the tail is below 1e-1000.
        if abs(u) > 1e6:
            return mpmath.mpf(u > 0)
        return mpmath.erfc(-u / mpmath.sqrt(2)) / 2

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return NormalPDF(self.args[0])


class NormalPDF(Special):
    """φ(x) = e^(−x²/2)/√(2π), with φ' = −x φ."""

    @staticmethod
    def in_numpy(u: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * u * u) / math.sqrt(2 * math.pi)

    @staticmethod
    def exact(u: mpmath.mpf) -> mpmath.mpf:
        return mpmath_exp(-u * u / 2) / mpmath.sqrt(2 * mpmath.pi)

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return -self.args[0] * self


class Softplus(Special):
    """The smooth ramp ln(1 + e^x), whose derivative is σ(x)."""

    @staticmethod
    def in_numpy(u: np.ndarray) -> np.ndarray:
        return np.logaddexp(0.0, u)

    @staticmethod
    def exact(u: mpmath.mpf) -> mpmath.mpf:
        return max(u, mpmath.mpf(0)) + mpmath.log1p(mpmath_exp(-abs(u)))

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return Sigmoid(self.args[0])


class Indicator(Special):
    """1 where its argument is positive, 0 elsewhere; its slope counts as 0."""

    @staticmethod
    def in_numpy(u: np.ndarray) -> np.ndarray:
        return np.where(np.greater(u, 0), 1.0, 0.0)

    @staticmethod
    def exact(u: mpmath.mpf) -> mpmath.mpf:
        return mpmath.mpf(u > 0)

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)


class Maximum(Special):
    """The larger of two numbers, for arguments too tangled for ``Piecewise``."""

    in_numpy = np.maximum

    @staticmethod
    def exact(*numbers: mpmath.mpf) -> mpmath.mpf:
        return max(numbers)

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        first, second = self.args
        chosen = Indicator(first - second)
        return chosen if argindex == 1 else 1 - chosen


class Minimum(Special):
    """The smaller of two numbers, for arguments too tangled for ``Piecewise``."""

    in_numpy = np.minimum

    @staticmethod
    def exact(*numbers: mpmath.mpf) -> mpmath.mpf:
        return min(numbers)

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        first, second = self.args
        chosen = Indicator(second - first)
        return chosen if argindex == 1 else 1 - chosen


class NamedConstant(sympy.Symbol):
    """A fixed number that prints as a letter, such as SELU's λ.

    Parameters: ``name`` as LaTeX; ``value``, its digits as a string.
    """

    digits: str

    def __new__(cls, name: str, value: str) -> NamedConstant:
        # Not through SymPy's cache, which would make two constants with one letter
        # the same object.
        constant = sympy.Symbol.__xnew__(cls, name, real=True)
        constant.digits = value
        return constant

    def _hashable_content(self) -> tuple:
        return (*super()._hashable_content(), self.digits)

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Any]]:
        return (self.name, self.digits), {}


def derivative(expr: sympy.Expr) -> sympy.Expr:
    """Return the derivative in ``x``; at a jump of the slope, one of its sides."""
    return sympy.diff(expr, x).replace(sympy.DiracDelta, lambda *_: sympy.Integer(0))
