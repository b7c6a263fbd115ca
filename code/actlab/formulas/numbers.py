"""The numbers of a formula: SymPy writes it as code, for NumPy or for mpmath.

What SymPy's printers cannot know is said here and in `expressions`: our own functions,
and the care for arguments so large that a factor overflows.

Chapter: 01 (what a formula says).
"""

from __future__ import annotations

import math
import operator
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

from .expressions import FormulaError, NamedConstant, Special, mpmath_exp, x

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


def _half_exp(u: mpmath.mpf, sign: int) -> mpmath.mpf:
    return (mpmath_exp(u) + sign * mpmath_exp(-u)) / 2


class _Mpmath(InOrder, MpmathPrinter):
    """One number at a time, with as many digits as mpmath's context has.

    A case that does not apply is not touched: it may be huge.
    """

    names: Mapping[str, Any] = {
        **{kind.__name__: kind.exact for kind in Special.__subclasses__()},
        "exp": mpmath_exp,
        "tanh": lambda u: mpmath.sign(u) if abs(u) > 1e4 else mpmath.tanh(u),
        # Beyond 1e310 the exact number would take forever, as in `mpmath_exp`.
        "sinh": lambda u: mpmath.sinh(u) if abs(u) < 1e6 else _half_exp(u, -1),
        "cosh": lambda u: mpmath.cosh(u) if abs(u) < 1e6 else _half_exp(u, 1),
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


class _Strict(_Mpmath):
    """The same, but 0 × ∞ is nan: the zero need not be the stronger one, as in x/x²."""

    names: Mapping[str, Any] = {**_Mpmath.names, "mul": operator.mul}


class _Strictest(_Strict):
    """Away from x = 0 a denominator that is exactly 0 is one whose digits are gone."""

    names: Mapping[str, Any] = {
        **_Strict.names,
        "power": lambda a, b: mpmath.nan if a == 0 and b < 0 else mpmath.power(a, b),
        "log": lambda u: mpmath.nan if u == 0 else mpmath.log(u),
    }


@lru_cache(maxsize=1024)
def _compiled(expr: sympy.Expr, language: type[_Numpy | _Mpmath]) -> Callable:
    """Return ``expr`` as a function of the values of its symbols, by their names."""
    letters = {s.name: s for s in expr.free_symbols if not isinstance(s, NamedConstant)}
    # Parts that are shared are computed once; not those of cases, which may be huge
    # where they do not apply.
    shared = issubclass(language, _Mpmath) and not expr.has(sympy.Piecewise)
    printer = language({"user_functions": {name: name for name in language.names}})
    try:
        code = sympy.lambdify(
            list(letters.values()),
            expr,
            modules=[language.names],
            printer=printer,
            cse=shared,
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


def _numbers(params: Mapping[str, float] | None) -> dict[str, float]:
    # A Decimal or a Fraction would turn the arrays into arrays of objects.
    return {name: float(value) for name, value in (params or {}).items()}


def numpy_function(
    expr: sympy.Expr, params: Mapping[str, float] | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Return ``expr`` as a function on float64 arrays of any shape.

    Overflow is silent: where a formula needs ∞/∞ or ∞ − ∞ the result is nan, and where
    it is nan, so is a formula that has an x. `trusted_function` looks more closely.
    ``params`` maps each other symbol of the expression to its value; a missing one
    raises `FormulaError`.
    """
    given = _numbers(params)
    compiled = _compiled(_checked(expr, given), _Numpy)
    varies = x in sympy.sympify(expr).free_symbols

    def function(values: np.ndarray) -> np.ndarray:
        array = np.asarray(values, dtype=np.float64)
        with np.errstate(all="ignore"):
            result = compiled({"x": array, **given})
        result = np.array(np.broadcast_to(result, array.shape), dtype=np.float64)
        # No case holds for nan, so one that holds "otherwise" would answer.
        return np.where(np.isnan(array), array, result) if varies else result

    return function


def mpmath_function(
    expr: sympy.Expr, params: Mapping[str, float] | None = None
) -> Callable[[float], mpmath.mpf]:
    """Return ``expr`` as a function of one number, computed to 50 digits.

    Near 0 it works with as many more digits as the argument has zeros, because
    e^x − 1 or 2σ(x) − 1 would otherwise lose them all.
    """
    return _exact_function(expr, params, _Mpmath)


def _exact_function(
    expr: sympy.Expr,
    params: Mapping[str, float] | None,
    language: Any,
) -> Callable[..., mpmath.mpf]:
    """Return a function of a number and digits; ``language`` is a kind of `_Mpmath`."""
    given = _numbers(params)
    compiled = _compiled(_checked(expr, given), language)
    varies = x in sympy.sympify(expr).free_symbols

    def function(value: float, digits: int = DIGITS) -> mpmath.mpf:
        if varies and math.isnan(value):
            return mpmath.nan
        zeros = max(0, -math.frexp(float(value))[1]) // 3 if value else 0
        with mpmath.workdps(digits + zeros):
            exact = {name: mpmath.mpf(number) for name, number in given.items()}
            return +mpmath.mpmathify(compiled({"x": mpmath.mpf(value), **exact}))

    return function


# --- Numbers that can be relied on ------------------------------------------------

# Places at which float64 is held against mpmath: one in every few of those that a
# property sheet looks at, from beside 0 to the largest at which it reads a limit.
_FAR_OUT = np.geomspace(1e-9, 1e16, 101) * 1.0173
PROBES = np.concatenate([-_FAR_OUT[::-1], [0.0], _FAR_OUT])
_AGREE = 1e-9  # numbers that differ by less, relatively or below 1, are the same
_SURE = mpmath.mpf("1e-13")  # the same for two numbers of mpmath
_PRECISIONS = (DIGITS, 2 * DIGITS, 4 * DIGITS, 8 * DIGITS)


def _sure(exact: Callable[..., mpmath.mpf], place: float) -> tuple[float, int]:
    """Return the number that two precisions agree upon, nan if none do, and digits."""
    before = mpmath.nan
    for digits in _PRECISIONS:
        number = _number(exact, place, digits)
        if _agree(number, before):
            return float(number), digits
        before = number
    return math.nan, 0


def _agree(number: mpmath.mpf, before: mpmath.mpf) -> bool:
    if number == before:
        return True
    if math.isinf(float(number)) and float(number) == float(before):
        # Both overflow float64; 1/10⁻⁴⁰⁰ and 1/10⁻³⁵⁰ do so by chance.
        sizes = [mpmath.log(abs(size)) for size in (number, before)]
        return not mpmath.isinf(max(sizes)) and abs(sizes[0] / sizes[1] - 1) < _AGREE
    return abs(number - before) <= _SURE * (abs(number) + _SURE)


def _number(exact: Callable[..., mpmath.mpf], place: float, digits: int) -> mpmath.mpf:
    try:
        number = exact(place, digits)
    except (ArithmeticError, ValueError):  # such as log(0)
        return mpmath.nan
    return number if isinstance(number, mpmath.mpf) else mpmath.nan  # nor complex


def trusted_function(
    expr: sympy.Expr, params: Mapping[str, float] | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Return `numpy_function`, with mpmath's numbers where float64 goes wrong.

    Formulas as people write them, such as tanh(x) with four exponentials, overflow or
    cancel far out, and what comes out need not be nan: the slope of tanh becomes 1.
    So the numbers are held against mpmath's at `PROBES`; between two of them of which
    one is wrong, mpmath computes. Where it is not sure either, the result is nan.
    """
    fast = numpy_function(expr, params)
    at_zero = _exact_function(expr, params, _Strict)
    elsewhere = _exact_function(expr, params, _Strictest)

    def exact(place: float, digits: int) -> mpmath.mpf:
        return (elsewhere if place else at_zero)(place, digits)

    probed = [_sure(exact, float(place)) for place in PROBES]
    right = np.array([number for number, _ in probed])
    needed = np.array([digits for _, digits in probed])
    with np.errstate(all="ignore"):
        found = fast(PROBES)
        same = np.abs(found - right) <= _AGREE * (1 + np.abs(right))
    agree = same | (found == right) | (np.isnan(found) & np.isnan(right))
    if agree.all():
        return fast
    known: dict[float, float] = dict(zip(PROBES.tolist(), right.tolist(), strict=True))

    def one(place: float, digits: int) -> float:
        if place not in known:
            if digits:
                known[place] = float(_number(exact, place, digits))
            elif abs(place) < 2 * _FAR_OUT[0]:  # beside 0, where there may be a pole
                known[place], _ = _sure(exact, place)
            else:
                known[place] = math.nan
        return known[place]

    def function(values: np.ndarray) -> np.ndarray:
        array = np.asarray(values, dtype=np.float64)
        result = fast(array)
        after = np.searchsorted(PROBES, array).clip(0, len(PROBES) - 1)
        before = (after - (array != PROBES[after])).clip(0)
        doubtful = ~(agree[before] & agree[after]) & ~np.isnan(array)
        digits = np.where(needed[before] * needed[after] == 0, 0, needed[before])
        digits = np.where(digits, np.maximum(digits, needed[after]), 0)
        pairs = zip(array[doubtful].tolist(), digits[doubtful].tolist(), strict=True)
        result[doubtful] = [one(*pair) for pair in pairs]
        return result

    return function
