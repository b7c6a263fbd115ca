"""The numbers of a formula: SymPy writes it as code, for NumPy or for mpmath.

What SymPy's printers cannot know is said here and in `expressions`: our own functions,
and the care for arguments so large that a factor overflows.

Chapter: 01 (what a formula says).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import scipy.special
import sympy
from sympy.printing.codeprinter import CodePrinter, PrintMethodNotImplementedError
from sympy.printing.numpy import SciPyPrinter
from sympy.printing.pycode import MpmathPrinter

from .expressions import FormulaError, NamedConstant, Special, mpmath_exp

DIGITS = 50


class InOrder(CodePrinter):
    """What formulas have in common in every language: SymPy's order, and 0 that wins.

    In x·e^x·(1 − tanh²(e^x)) the difference vanishes faster than the rest overflows,
    so a product with a sum in it is the language's ``mul``. Any other 0 × ∞, as in
    e^x/(1 + e^x), stays what the language makes of it.
    """

    def _print_Add(self, expr: sympy.Add, order: str | None = None) -> str:
        return f"({' + '.join(map(self._print, expr.args))})"

    def _print_Mul(self, expr: sympy.Mul) -> str:
        sums = [self._print(part) for part in expr.args if part.is_Add]
        others = [self._print(part) for part in expr.args if not part.is_Add]
        text = " * ".join(others) or "1"
        text = f"({text})" if len(others) > 1 else text
        for part in sums:
            text = f"mul({part}, {text})"
        return text

    def _print_Pow(self, expr: sympy.Pow, rational: bool = False) -> str:
        return f"power({self._print(expr.base)}, {self._print(expr.exp)})"

    def _print_Integer(self, expr: sympy.Integer) -> str:
        return str(expr) if expr >= 0 else f"({expr})"

    def _print_Rational(self, expr: sympy.Rational) -> str:
        return repr(float(expr)) if expr >= 0 else f"({float(expr)!r})"

    _print_Half = _print_Float = _print_Rational

    def _print_NamedConstant(self, expr: NamedConstant) -> str:
        return repr(float(expr.digits))

    def _print_DiracDelta(self, expr: sympy.DiracDelta) -> str:
        return "0"  # the slope of a jump, elsewhere

    def _print_Piecewise(self, expr: sympy.Piecewise) -> str:
        return super()._print_Piecewise(expr.func(*expr.args, (sympy.nan, True)))


class _Numpy(InOrder, SciPyPrinter):
    """Float64 arrays: fast and quiet on overflow."""

    names: Mapping[str, Any] = {
        **{kind.__name__: kind.in_numpy for kind in Special.__subclasses__()},
        "power": np.power,
        "mul": lambda a, b: np.where(np.equal(a, 0), 0.0, np.multiply(a, b)),
        "inf": np.inf,
        "numpy": np,
        "scipy": scipy,
    }

    def _print_Integer(self, expr: sympy.Integer) -> str:
        # A whole number beyond float64 cannot meet an array; as a float it is inf.
        whole = abs(expr) < 1e300
        return super()._print_Integer(expr) if whole else self._print_Rational(expr)


class _Mpmath(InOrder, MpmathPrinter):
    """One number at a time, with as many digits as mpmath's context has.

    A case that does not apply is not touched: it may be huge.
    """

    names: Mapping[str, Any] = {
        **{kind.__name__: kind.exact for kind in Special.__subclasses__()},
        "exp": mpmath_exp,
        "tanh": lambda u: mpmath.sign(u) if abs(u) > 1e3 else mpmath.tanh(u),
        "power": lambda a, b: mpmath.inf if a == 0 and b < 0 else mpmath.power(a, b),
        "mul": lambda a, b: mpmath.mpf(0) if a == 0 or b == 0 else a * b,
        "mpmath": mpmath,
    }

    def _print_Mul(self, expr: sympy.Mul) -> str:
        first, *rest = map(self._print, expr.args)
        for part in rest:
            first = f"mul({first}, {part})"
        return first

    def _print_Rational(self, expr: sympy.Rational) -> str:
        return f"(mpmath.mpf({expr.p}) / {expr.q})"

    _print_Half = _print_Rational
    _print_Float = MpmathPrinter._print_Float

    def _print_NamedConstant(self, expr: NamedConstant) -> str:
        return f"mpmath.mpf({expr.digits!r})"


@lru_cache(maxsize=1024)
def _compiled(expr: sympy.Expr, language: type[_Numpy | _Mpmath]) -> Callable:
    """Return ``expr`` as a function of the values of its symbols, by their names."""
    letters = {s.name: s for s in expr.free_symbols if not isinstance(s, NamedConstant)}
    printer = language({"user_functions": {name: name for name in language.names}})
    try:
        code = sympy.lambdify(
            list(letters.values()),
            expr,
            modules=[language.names],
            printer=printer,
            docstring_limit=0,  # writing the formula for people takes a third as long
        )
    except PrintMethodNotImplementedError:
        raise FormulaError(
            f"there are no numbers for {expr}; build the formula from elementary "
            "functions, such as exp, tanh, erf and Piecewise"
        ) from None
    return lambda values: code(*(values[name] for name in letters))


def _checked(expr: sympy.Expr, params: Mapping[str, float]) -> sympy.Expr:
    expr = sympy.sympify(expr)
    names = {s.name for s in expr.free_symbols if not isinstance(s, NamedConstant)}
    missing = sorted(names - {"x"} - set(params))
    if missing:
        raise FormulaError(f"no value for {', '.join(missing)} in {expr}")
    return expr


def constant_value(expr: sympy.Expr) -> mpmath.mpf:
    """Return the number that ``expr`` is, with as many digits as mpmath's context."""
    return +mpmath.mpmathify(_compiled(expr, _Mpmath)({}))


def numpy_function(
    expr: sympy.Expr, params: Mapping[str, float] | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Return ``expr`` as a function on float64 arrays of any shape.

    Overflow is silent: where a formula needs ∞/∞ or ∞ − ∞ the result is nan.
    ``params`` maps each other symbol of the expression to its value; a missing one
    raises `FormulaError`.
    """
    given = dict(params or {})
    compiled = _compiled(_checked(expr, given), _Numpy)

    def function(values: np.ndarray) -> np.ndarray:
        array = np.asarray(values, dtype=np.float64)
        with np.errstate(all="ignore"):
            result = compiled({"x": array, **given})
        return np.array(np.broadcast_to(result, array.shape), dtype=np.float64)

    return function


def mpmath_function(
    expr: sympy.Expr, params: Mapping[str, float] | None = None
) -> Callable[[float], mpmath.mpf]:
    """Return ``expr`` as a function of one number, computed to 50 digits.

    Near 0 it works with as many more digits as the argument has zeros, because
    e^x − 1 or 2σ(x) − 1 would otherwise lose them all.
    """
    given = dict(params or {})
    compiled = _compiled(_checked(expr, given), _Mpmath)

    def function(value: float) -> mpmath.mpf:
        zeros = max(0, -math.frexp(float(value))[1]) // 3 if value else 0
        with mpmath.workdps(DIGITS + zeros):
            exact = {name: mpmath.mpf(number) for name, number in given.items()}
            return +mpmath.mpmathify(compiled({"x": mpmath.mpf(value), **exact}))

    return function
