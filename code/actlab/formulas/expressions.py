"""What a formula is made of, and the numbers that it gives.

Named special functions, constants that print as letters, and one walk over an
expression that serves NumPy and 50-digit mpmath alike. The functions and the walk
need each other: SymPy asks a constant σ(1/2) for its digits.

Chapter: 01 (what a formula says), 03 (sigmoid), 05 (smooth functions).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np
import sympy
from scipy import special

__all__ = [
    "DIGITS",
    "FormulaError",
    "Indicator",
    "KNOWN",
    "Maximum",
    "Minimum",
    "NamedConstant",
    "NormalCDF",
    "NormalPDF",
    "Sigmoid",
    "Softplus",
    "constant_value",
    "derivative",
    "mpmath_function",
    "numpy_function",
    "x",
]

x = sympy.Symbol("x", real=True)

DIGITS = 50


class FormulaError(ValueError):
    """A formula that cannot be read; the message says what was wrong."""


# --- Named special functions ---------------------------------------------------


class _Special(sympy.Function):
    """A real function of ours: SymPy learns here what number a constant one is."""

    is_real = True

    def _eval_evalf(self, prec: int) -> sympy.Float | None:
        if self.free_symbols:
            return None
        with mpmath.workprec(prec):
            value = constant_value(self)
        return sympy.Float._new(mpmath.mpf(value)._mpf_, prec)


class Sigmoid(_Special):
    """The logistic function σ(x) = 1/(1 + e^−x), with σ' = σ(1 − σ)."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return self * (1 - self)


class NormalCDF(_Special):
    """Φ(x), the probability that a standard normal number is at most x."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return NormalPDF(self.args[0])


class NormalPDF(_Special):
    """φ(x) = e^(−x²/2)/√(2π), with φ' = −x φ."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return -self.args[0] * self


class Softplus(_Special):
    """The smooth ramp ln(1 + e^x), whose derivative is σ(x)."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return Sigmoid(self.args[0])


class Indicator(_Special):
    """1 where its argument is positive, 0 elsewhere; its slope counts as 0."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)


class Maximum(_Special):
    """The larger of two numbers, for arguments too tangled for ``Piecewise``."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        first, second = self.args
        chosen = Indicator(first - second)
        return chosen if argindex == 1 else 1 - chosen


class Minimum(_Special):
    """The smaller of two numbers, for arguments too tangled for ``Piecewise``."""

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


# --- Evaluation: one walk over the expression, two kinds of number -----------------


class _Numpy:
    """Float64 arrays: fast and quiet on overflow."""

    functions: Mapping[type, Callable] = {
        Sigmoid: special.expit,
        NormalCDF: special.ndtr,
        NormalPDF: lambda u: np.exp(-0.5 * u * u) / math.sqrt(2 * math.pi),
        Softplus: lambda u: np.logaddexp(0.0, u),
        Indicator: lambda u: np.where(u > 0, 1.0, 0.0),
        Maximum: np.maximum,
        Minimum: np.minimum,
        sympy.exp: np.exp,
        sympy.log: np.log,
        sympy.sin: np.sin,
        sympy.cos: np.cos,
        sympy.tan: np.tan,
        sympy.sinh: np.sinh,
        sympy.cosh: np.cosh,
        sympy.tanh: np.tanh,
        sympy.asin: np.arcsin,
        sympy.acos: np.arccos,
        sympy.atan: np.arctan,
        sympy.asinh: np.arcsinh,
        sympy.erf: special.erf,
        sympy.Abs: np.abs,
        sympy.sign: np.sign,
    }
    pi = math.pi
    e = math.e

    @staticmethod
    def number(node: sympy.Expr) -> float:
        return float(node)

    @staticmethod
    def constant(digits: str) -> float:
        return float(digits)

    @staticmethod
    def product(differences: list[Any], others: list[Any]) -> Any:
        result = math.prod(others[1:], start=others[0]) if others else 1.0
        for factor in differences:
            # In x·e^x·(1 − tanh²(e^x)) the difference vanishes faster than the rest
            # overflows. Any other 0 × ∞, as in e^x/(1 + e^x), stays nan.
            result = np.where(np.equal(factor, 0), 0.0, np.multiply(factor, result))
        return result

    @staticmethod
    def power(base: Any, exponent: Any) -> Any:
        if np.ndim(exponent) == 0 and float(exponent).is_integer():
            return np.power(base, int(exponent) if exponent >= 0 else float(exponent))
        return np.power(base, exponent)

    @staticmethod
    def piecewise(cases: list[tuple[Any, Any]], shape: tuple[int, ...]) -> Any:
        result = np.full(shape, np.nan)
        open_places = np.ones(shape, dtype=bool)
        for value, condition in cases:
            here = np.logical_and(open_places, condition)
            result = np.where(here, value, result)
            open_places = np.logical_and(open_places, np.logical_not(condition))
        return result


def _mpmath_cdf(u: mpmath.mpf) -> mpmath.mpf:
    # Beyond this mpmath's erfc overflows an integer; the tail is far below 1e-1000.
    if abs(u) > 1e6:
        return mpmath.mpf(u > 0)
    return mpmath.erfc(-u / mpmath.sqrt(2)) / 2


def _mpmath_exp(u: mpmath.mpf) -> mpmath.mpf:
    # e^(10^310) has an exponent of a thousand bits; much more would take forever.
    if abs(u) > mpmath.mpf("1e310"):
        return mpmath.inf if u > 0 else mpmath.mpf(0)
    return mpmath.exp(u)


def _mpmath_tanh(u: mpmath.mpf) -> mpmath.mpf:
    return mpmath.sign(u) if abs(u) > 1e3 else mpmath.tanh(u)


class _Mpmath:
    """One number at a time, with as many digits as mpmath's context has."""

    functions: Mapping[type, Callable] = {
        Sigmoid: lambda u: 1 / (1 + _mpmath_exp(-u)),
        NormalCDF: _mpmath_cdf,
        NormalPDF: lambda u: _mpmath_exp(-u * u / 2) / mpmath.sqrt(2 * mpmath.pi),
        Softplus: lambda u: max(u, mpmath.mpf(0)) + mpmath.log1p(_mpmath_exp(-abs(u))),
        Indicator: lambda u: mpmath.mpf(u > 0),
        Maximum: max,
        Minimum: min,
        sympy.exp: _mpmath_exp,
        sympy.log: mpmath.log,
        sympy.sin: mpmath.sin,
        sympy.cos: mpmath.cos,
        sympy.tan: mpmath.tan,
        sympy.sinh: mpmath.sinh,
        sympy.cosh: mpmath.cosh,
        sympy.tanh: _mpmath_tanh,
        sympy.asin: mpmath.asin,
        sympy.acos: mpmath.acos,
        sympy.atan: mpmath.atan,
        sympy.asinh: mpmath.asinh,
        sympy.erf: mpmath.erf,
        sympy.Abs: abs,
        sympy.sign: mpmath.sign,
    }

    @property
    def pi(self) -> mpmath.mpf:
        return +mpmath.pi

    @property
    def e(self) -> mpmath.mpf:
        return +mpmath.e

    @staticmethod
    def number(node: sympy.Expr) -> mpmath.mpf:
        if node.is_Rational:
            return mpmath.mpf(int(node.p)) / int(node.q)
        return mpmath.mpf(node._mpf_)

    @staticmethod
    def constant(digits: str) -> mpmath.mpf:
        return mpmath.mpf(digits)

    @staticmethod
    def product(differences: list[Any], others: list[Any]) -> Any:
        factors = differences + others
        if any(factor == 0 for factor in factors):
            return mpmath.mpf(0)
        return math.prod(factors[1:], start=factors[0])

    @staticmethod
    def power(base: Any, exponent: Any) -> Any:
        if base == 0 and exponent < 0:
            return mpmath.inf
        return mpmath.power(base, exponent)

    @staticmethod
    def piecewise(cases: list[tuple[Any, Any]], shape: tuple[int, ...]) -> Any:
        return next((value for value, condition in cases if condition), mpmath.nan)


KNOWN = ", ".join(sorted(function.__name__ for function in _Numpy.functions))

_RELATIONS: Mapping[type, Callable[[Any, Any], Any]] = {
    sympy.StrictGreaterThan: lambda a, b: a > b,
    sympy.GreaterThan: lambda a, b: a >= b,
    sympy.StrictLessThan: lambda a, b: a < b,
    sympy.LessThan: lambda a, b: a <= b,
    sympy.Equality: lambda a, b: a == b,
    sympy.Unequality: lambda a, b: a != b,
}


def _condition(node: Any, values: Mapping[str, Any], kind: Any) -> Any:
    if node in (sympy.true, sympy.false):
        return bool(node)
    if isinstance(node, sympy.And | sympy.Or):
        parts = [_condition(part, values, kind) for part in node.args]
        result = parts[0]
        for part in parts[1:]:
            result = (result & part) if isinstance(node, sympy.And) else result | part
        return result
    if isinstance(node, sympy.Not):
        return np.logical_not(_condition(node.args[0], values, kind))
    if isinstance(node, sympy.ITE):
        test, then, other = (_condition(part, values, kind) for part in node.args)
        return np.where(test, then, other)
    relation = _RELATIONS.get(type(node))
    if relation is None:
        raise FormulaError(f"the condition {node} cannot be evaluated")
    return relation(*(_evaluate(side, values, kind) for side in node.args))


def _evaluate(node: sympy.Basic, values: Mapping[str, Any], kind: Any) -> Any:
    """Evaluate ``node``; ``kind`` is `_Numpy` or `_Mpmath`."""
    if isinstance(node, NamedConstant):
        return kind.constant(node.digits)
    if node.is_Symbol:
        return values[node.name]
    if node.is_Number:
        return kind.number(node)
    if node is sympy.pi or node is sympy.E:
        return kind.pi if node is sympy.pi else kind.e
    if isinstance(node, sympy.Piecewise):
        # mpmath must not touch a branch that does not apply: it may be huge.
        if isinstance(kind, _Mpmath):
            for value, condition in node.args:
                if _condition(condition, values, kind):
                    return _evaluate(value, values, kind)
            return mpmath.nan
        cases = [
            (_evaluate(value, values, kind), _condition(condition, values, kind))
            for value, condition in node.args
        ]
        return kind.piecewise(cases, np.shape(values["x"]))
    if node.is_Add:
        parts = [_evaluate(part, values, kind) for part in node.args]
        return sum(parts[1:], start=parts[0])
    if node.is_Mul:
        differences = [_evaluate(f, values, kind) for f in node.args if f.is_Add]
        others = [_evaluate(f, values, kind) for f in node.args if not f.is_Add]
        return kind.product(differences, others)
    if node.is_Pow and node.base is not sympy.E:
        base, exponent = (_evaluate(part, values, kind) for part in node.args)
        return kind.power(base, exponent)
    if isinstance(node, sympy.exp) or node.is_Pow:
        return kind.functions[sympy.exp](_evaluate(node.args[-1], values, kind))
    if isinstance(node, sympy.DiracDelta):
        return kind.number(sympy.Integer(0))  # the slope of a jump, elsewhere
    function = kind.functions.get(node.func)
    if function is None:
        raise FormulaError(f"no numbers for {node.func.__name__}; known: {KNOWN}")
    return function(*(_evaluate(part, values, kind) for part in node.args))


def constant_value(expr: sympy.Expr) -> mpmath.mpf:
    """Return the number that ``expr`` is, with as many digits as mpmath's context."""
    return _evaluate(expr, {}, _Mpmath())


def _check_symbols(expr: sympy.Expr, params: Mapping[str, float]) -> None:
    names = {s.name for s in expr.free_symbols if not isinstance(s, NamedConstant)}
    missing = sorted(names - {"x"} - set(params))
    if missing:
        raise FormulaError(f"no value for {', '.join(missing)} in {expr}")


def numpy_function(
    expr: sympy.Expr, params: Mapping[str, float] | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Return ``expr`` as a function on float64 arrays of any shape.

    Overflow is silent: where a formula needs ∞/∞ or ∞ − ∞ the result is nan.
    ``params`` maps each other symbol of the expression to its value; a missing one
    raises `FormulaError`.
    """
    params = dict(params or {})
    expr = sympy.sympify(expr)
    _check_symbols(expr, params)
    kind = _Numpy()

    def function(values: np.ndarray) -> np.ndarray:
        array = np.asarray(values, dtype=np.float64)
        with np.errstate(all="ignore"):
            result = _evaluate(expr, {"x": array, **params}, kind)
        return np.array(np.broadcast_to(result, array.shape), dtype=np.float64)

    return function


def mpmath_function(
    expr: sympy.Expr, params: Mapping[str, float] | None = None
) -> Callable[[float], mpmath.mpf]:
    """Return ``expr`` as a function of one number, computed to 50 digits.

    Near 0 it works with as many more digits as the argument has zeros, because
    e^x − 1 or 2σ(x) − 1 would otherwise lose them all.
    """
    params = dict(params or {})
    expr = sympy.sympify(expr)
    _check_symbols(expr, params)
    kind = _Mpmath()

    def function(value: float) -> mpmath.mpf:
        zeros = max(0, -math.frexp(float(value))[1]) // 3 if value else 0
        with mpmath.workdps(DIGITS + zeros):
            exact = {name: mpmath.mpf(number) for name, number in params.items()}
            return _evaluate(expr, {"x": mpmath.mpf(value), **exact}, kind)

    return function
