"""Formulas: named special functions, safe parsing, and one way to evaluate them.

Every scalar function of the course is one SymPy expression in ``x``. This module
turns such an expression into LaTeX, JavaScript, a NumPy function and a 50-digit
mpmath function, and reads expressions that a reader types (without ``eval``).

Chapter: 01 (what a formula says), 03 (sigmoid), 05 (smooth functions).
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import mpmath
import numpy as np
import sympy
from scipy import special
from sympy.printing.latex import LatexPrinter

__all__ = [
    "FormulaError",
    "JS_PRELUDE",
    "Indicator",
    "Maximum",
    "Minimum",
    "NamedConstant",
    "NormalCDF",
    "NormalPDF",
    "Sigmoid",
    "Softplus",
    "derivative",
    "javascript",
    "latex",
    "mpmath_function",
    "numpy_function",
    "parse",
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
            value = _evaluate(self, {}, _Mpmath())
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
        raise FormulaError(f"no numbers for {node.func.__name__}; known: {_KNOWN}")
    return function(*(_evaluate(part, values, kind) for part in node.args))


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


# --- JavaScript ----------------------------------------------------------------

JS_PRELUDE = """
function mul(a,b){return a===0?0:a*b}
function positive(u){return u>0?1:0}
function sigmoid(u){return u<0?Math.exp(u)/(1+Math.exp(u)):1/(1+Math.exp(-u))}
function softplus(u){return Math.max(u,0)+Math.log1p(Math.exp(-Math.abs(u)))}
function normalPdf(u){return Math.exp(-u*u/2)/Math.sqrt(2*Math.PI)}
function erfcTail(u){let t=0;for(let k=60;k>0;k--)t=k/2/(u+t);
return Math.exp(-u*u)/Math.sqrt(Math.PI)/(u+t)}
function erf(u){const a=Math.abs(u);if(a>3)return Math.sign(u)*(1-erfcTail(a));
let t=u,s=u;for(let k=1;k<60;k++){t*=2*u*u/(2*k+1);s+=t}
return 2*s*Math.exp(-u*u)/Math.sqrt(Math.PI)}
function normalCdf(u){const v=u/Math.SQRT2;
return v<-3?erfcTail(-v)/2:v>3?1-erfcTail(v)/2:(1+erf(v))/2}
""".strip()

_JS_FUNCTIONS: Mapping[type, str] = {
    Sigmoid: "sigmoid",
    NormalCDF: "normalCdf",
    NormalPDF: "normalPdf",
    Softplus: "softplus",
    Indicator: "positive",
    Maximum: "Math.max",
    Minimum: "Math.min",
    sympy.exp: "Math.exp",
    sympy.log: "Math.log",
    sympy.sin: "Math.sin",
    sympy.cos: "Math.cos",
    sympy.tan: "Math.tan",
    sympy.sinh: "Math.sinh",
    sympy.cosh: "Math.cosh",
    sympy.tanh: "Math.tanh",
    sympy.asin: "Math.asin",
    sympy.acos: "Math.acos",
    sympy.atan: "Math.atan",
    sympy.asinh: "Math.asinh",
    sympy.erf: "erf",
    sympy.Abs: "Math.abs",
    sympy.sign: "Math.sign",
}

_JS_RELATIONS = {
    sympy.StrictGreaterThan: ">",
    sympy.GreaterThan: ">=",
    sympy.StrictLessThan: "<",
    sympy.LessThan: "<=",
    sympy.Equality: "===",
    sympy.Unequality: "!==",
}


def javascript(expr: sympy.Expr) -> str:
    """Return ``expr`` as a JavaScript expression in ``x`` and its parameters.

    The functions of `JS_PRELUDE` must be in scope where it runs.
    """
    node = sympy.sympify(expr)
    if node in (sympy.true, sympy.false):
        return str(node).lower()
    if isinstance(node, NamedConstant):
        return repr(float(node.digits))
    if node.is_Symbol:
        return node.name
    if node.is_Integer:
        return str(node) if node >= 0 else f"({node})"
    if node.is_Number:
        return repr(float(node)) if node >= 0 else f"({float(node)!r})"
    if node is sympy.pi or node is sympy.E:
        return "Math.PI" if node is sympy.pi else "Math.E"
    if isinstance(node, sympy.Piecewise):
        text = "NaN"
        for value, condition in reversed(node.args):
            branch = javascript(value)
            text = (
                branch
                if condition == sympy.true
                else f"({javascript(condition)} ? {branch} : {text})"
            )
        return text
    if type(node) in _JS_RELATIONS:
        left, right = (javascript(side) for side in node.args)
        return f"{left} {_JS_RELATIONS[type(node)]} {right}"
    if isinstance(node, sympy.Not):
        return f"!({javascript(node.args[0])})"
    if isinstance(node, sympy.ITE):
        test, then, other = (javascript(part) for part in node.args)
        return f"({test} ? {then} : {other})"
    if isinstance(node, sympy.And | sympy.Or):
        sign = " && " if isinstance(node, sympy.And) else " || "
        return f"({sign.join(javascript(part) for part in node.args)})"
    if node.is_Add:
        return f"({' + '.join(javascript(part) for part in node.args)})"
    if node.is_Mul:
        return _javascript_product(node)
    if node.is_Pow and node.base is not sympy.E:
        return _javascript_power(node)
    if node.is_Pow:
        return f"Math.exp({javascript(node.exp)})"
    if isinstance(node, sympy.DiracDelta):
        return "0"
    name = _JS_FUNCTIONS.get(node.func)
    if name is None:
        raise FormulaError(f"no JavaScript for {node.func.__name__}; known: {_KNOWN}")
    return f"{name}({', '.join(javascript(part) for part in node.args)})"


def _javascript_product(node: sympy.Mul) -> str:
    others = [javascript(part) for part in node.args if not part.is_Add]
    text = (
        f"({' * '.join(others)})" if len(others) > 1 else others[0] if others else "1"
    )
    for part in node.args:
        if part.is_Add:
            text = f"mul({javascript(part)}, {text})"
    return text


def _javascript_power(node: sympy.Pow) -> str:
    base, exponent = node.args
    if exponent == -1:
        return f"(1 / {javascript(base)})"
    if exponent == sympy.Rational(1, 2):
        return f"Math.sqrt({javascript(base)})"
    return f"Math.pow({javascript(base)}, {javascript(exponent)})"


# --- LaTeX ---------------------------------------------------------------------

_LATEX_NAMES: Mapping[type, str] = {
    Sigmoid: r"\sigma",
    NormalCDF: r"\Phi",
    NormalPDF: r"\varphi",
    Softplus: r"\operatorname{softplus}",
    Indicator: r"\mathbf{1}_{>0}",
    Maximum: r"\max",
    Minimum: r"\min",
    sympy.tanh: r"\tanh",
    sympy.sinh: r"\sinh",
    sympy.cosh: r"\cosh",
    sympy.sin: r"\sin",
    sympy.cos: r"\cos",
    sympy.tan: r"\tan",
    sympy.log: r"\ln",
    sympy.atan: r"\arctan",
    sympy.asin: r"\arcsin",
    sympy.acos: r"\arccos",
    sympy.asinh: r"\operatorname{arsinh}",
    sympy.erf: r"\operatorname{erf}",
    sympy.sign: r"\operatorname{sgn}",
}


def _parentheses(text: str) -> str:
    tall = r"\frac" in text or r"\begin" in text
    return rf"\left({text}\right)" if tall else f"({text})"


def _fraction(product: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """Split a product into numerator and denominator; e^−x stays in the numerator.

    Not `sympy.fraction`, which simplifies, and may take seconds over a long formula.
    """
    above, below = [], []
    for factor in sympy.Mul.make_args(product):
        if factor.is_Rational:
            above.append(sympy.Integer(factor.p))
            below.append(sympy.Integer(factor.q))
            continue
        base, exponent = factor.as_base_exp()
        if exponent.is_Rational and exponent.is_negative and base is not sympy.E:
            below.append(base**-exponent)
        else:
            above.append(factor)
    return sympy.Mul(*above), sympy.Mul(*below)


class _Latex(LatexPrinter):
    """SymPy's printer with the order and spacing of a textbook."""

    def _print_Function(self, expr: sympy.Function, exp: str | None = None) -> str:
        name = _LATEX_NAMES.get(expr.func)
        if name is None:
            return super()._print_Function(expr, exp)
        inside = ", ".join(self._print(part) for part in expr.args)
        power = f"^{{{exp}}}" if exp else ""
        return f"{name}{power}{_parentheses(inside)}"

    _print_log = _print_Function
    _print_tanh = _print_Function

    def _print_NamedConstant(self, expr: NamedConstant) -> str:
        return expr.name

    def _print_Rational(self, expr: sympy.Rational) -> str:
        rest = expr.q
        for prime in (2, 5):
            while rest % prime == 0:
                rest //= prime
        if expr.q >= 20 and rest == 1:
            return format(float(expr), ".12g")
        return super()._print_Rational(expr)

    def _print_Add(self, expr: sympy.Add, order: str | None = None) -> str:
        terms = list(self._as_ordered_terms(expr, order=order))
        if any(term.has(sympy.Function) for term in terms):
            terms.sort(key=self._place_in_sum)
        elif not any(term.is_number for term in terms):
            terms.reverse()  # x + 0.04 x³, not 0.04 x³ + x
        text = ""
        for place, term in enumerate(terms):
            negative = term.could_extract_minus_sign() and not (
                term.is_Mul and any(part.is_Add for part in term.args)
            )
            if place == 0:
                text += self._print(term)
            elif negative:
                text += " - " + self._print(-term)
            else:
                text += " + " + self._print(term)
        return text

    @staticmethod
    def _place_in_sum(term: sympy.Expr) -> tuple[bool, int]:
        # 1 + tanh(x); Φ(x) + x φ(x); 2 σ(x) − 1: what is subtracted comes last.
        factor_x = term.is_Mul and x in term.args
        place = 0 if term.is_number else 2 if factor_x else 1
        return term.could_extract_minus_sign(), place

    def _print_Abs(self, expr: sympy.Abs, exp: str | None = None) -> str:
        inside = self._print(expr.args[0])
        text = rf"\left|{inside}\right|" if r"\frac" in inside else f"|{inside}|"
        return f"{text}^{{{exp}}}" if exp else text

    def _print_Relational(self, expr: sympy.core.relational.Relational) -> str:
        if x in expr.rhs.free_symbols and x not in expr.lhs.free_symbols:
            expr = expr.reversed
        return super()._print_Relational(expr)

    def _print_Mul(self, expr: sympy.Mul) -> str:
        coefficient, _ = expr.as_coeff_Mul()
        if coefficient.is_negative:
            return "-" + self._print_factor(-expr)
        above, below = _fraction(expr)
        scale = coefficient
        if scale.is_Rational and not scale.is_Integer and scale.q >= 20:
            rest = expr / scale
            gap = r"\," if rest.is_Function or rest.is_Pow else " "
            return f"{self._print(scale)}{gap}{self._print_factor(rest)}"
        if below != 1:
            return rf"\frac{{{self._print(above)}}}{{{self._print(below)}}}"
        return self._print_product(list(sympy.Mul.make_args(expr)))

    def _print_factor(self, expr: sympy.Expr) -> str:
        text = self._print(expr)
        return _parentheses(text) if expr.is_Add else text

    def _print_product(self, factors: list[sympy.Expr]) -> str:
        def rank(factor: sympy.Expr) -> tuple[int, bool, str]:
            base = factor.as_base_exp()[0]
            if factor.is_number:
                kind = 0
            elif base.is_Symbol:
                kind = 1 if base != x else 2
            elif factor.is_Pow and base is sympy.E or isinstance(factor, sympy.exp):
                kind = 3
            elif base.is_Add:
                kind = 5
            else:
                kind = 4
            return kind, factor.is_Pow, str(factor)

        factors = sorted(factors, key=rank)
        text = self._print_factor(factors[0])
        for before, factor in zip(factors, factors[1:], strict=False):
            part = self._print_factor(factor)
            # A thin space around a function, none before a parenthesis.
            if part.startswith(("(", r"\left(")):
                text += part
            elif max(rank(before)[0], rank(factor)[0]) == 4:
                text += rf"\,{part}"
            else:
                text += f" {part}"
        return text

    def _print_Piecewise(self, expr: sympy.Piecewise) -> str:
        rows = []
        for value, condition in expr.args:
            when = (
                r"\text{otherwise}"
                if condition == sympy.true
                else rf"\text{{if }} {self._print(condition)}"
            )
            rows.append(f"{self._print(value)} & {when}")
        body = r" \\ ".join(rows)
        return rf"\begin{{cases}} {body} \end{{cases}}"


def latex(expr: sympy.Expr) -> str:
    r"""Return ``expr`` as LaTeX without dollar signs, such as ``x\,\Phi(x)``."""
    return _Latex().doprint(sympy.sympify(expr))


# --- Reading a formula that somebody typed -----------------------------------------

MAX_LENGTH = 500
MAX_DEPTH = 40
MAX_NODES = 150
MAX_EXPONENT = 20
MAX_DEGREE = 64
MAX_NUMBER = 1e12
MAX_BRANCHES = 12


def _tangled(*parts: sympy.Expr) -> bool:
    return any(part.has(sympy.Piecewise, Maximum, Minimum) for part in parts)


def _relation(
    compare: Callable[[Any, Any], Any], first: sympy.Expr, second: sympy.Expr
) -> Any:
    """Compare; two constants by their numbers.

    SymPy turns an undecided 1/2 > σ(0) round and round for ever.
    """
    if first.free_symbols | second.free_symbols:
        return compare(first, second)
    with mpmath.workdps(DIGITS):
        numbers = [_evaluate(side, {}, _Mpmath()) for side in (first, second)]
    return sympy.true if compare(*numbers) else sympy.false


def _maximum(first: sympy.Expr, second: sympy.Expr) -> sympy.Expr:
    if _tangled(first, second):
        return Maximum(first, second)
    larger = _relation(operator.gt, first, second)
    return sympy.Piecewise((first, larger), (second, True))


def _minimum(first: sympy.Expr, second: sympy.Expr) -> sympy.Expr:
    if _tangled(first, second):
        return Minimum(first, second)
    smaller = _relation(operator.lt, first, second)
    return sympy.Piecewise((first, smaller), (second, True))


def _logarithm(value: sympy.Expr) -> sympy.Expr:
    # ln(1 + e^u) as typed overflows for large u; softplus does not.
    rest = value - 1
    if isinstance(rest, sympy.exp):
        return Softplus(rest.args[0])
    return sympy.log(value)


def _clip(value: sympy.Expr, low: sympy.Expr, high: sympy.Expr) -> sympy.Expr:
    if _tangled(value, low, high):
        return _minimum(_maximum(value, low), high)
    below = _relation(operator.le, value, low)
    above = _relation(operator.ge, value, high)
    return sympy.Piecewise((low, below), (high, above), (value, True))


def _step(value: sympy.Expr) -> sympy.Expr:
    if _tangled(value):
        raise FormulaError("step() of a formula with cases is not allowed")
    reached = _relation(operator.ge, value, sympy.Integer(0))
    return sympy.Piecewise((1, reached), (0, True))


# Name: (number of arguments, SymPy builder, builder for plain floats).
_FUNCTIONS: Mapping[str, tuple[int, Callable, Callable]] = {
    "abs": (1, sympy.Abs, abs),
    "arctan": (1, sympy.atan, math.atan),
    "asinh": (1, sympy.asinh, math.asinh),
    "atan": (1, sympy.atan, math.atan),
    "clip": (
        3,
        _clip,
        lambda value, low, high: min(max(value, low), high),
    ),
    "cos": (1, sympy.cos, math.cos),
    "cosh": (1, sympy.cosh, math.cosh),
    "erf": (1, sympy.erf, math.erf),
    "exp": (1, sympy.exp, math.exp),
    "expm1": (1, lambda value: sympy.exp(value) - 1, math.expm1),
    "gelu": (
        1,
        lambda value: value * NormalCDF(value),
        lambda value: value * math.erfc(-value / math.sqrt(2)) / 2,
    ),
    "ln": (1, _logarithm, math.log),
    "log": (1, _logarithm, math.log),
    "log1p": (1, lambda value: _logarithm(1 + value), math.log1p),
    "max": (2, _maximum, max),
    "min": (2, _minimum, min),
    "normal_cdf": (1, NormalCDF, lambda value: math.erfc(-value / math.sqrt(2)) / 2),
    "normal_pdf": (
        1,
        NormalPDF,
        lambda value: math.exp(-value * value / 2) / math.sqrt(2 * math.pi),
    ),
    "relu": (
        1,
        lambda value: _maximum(value, sympy.Integer(0)),
        lambda v: max(v, 0.0),
    ),
    "sigmoid": (1, Sigmoid, lambda value: 1 / (1 + math.exp(-value))),
    "sign": (1, sympy.sign, lambda value: math.copysign(1, value) if value else 0.0),
    "sin": (1, sympy.sin, math.sin),
    "sinh": (1, sympy.sinh, math.sinh),
    "softplus": (
        1,
        Softplus,
        lambda value: max(value, 0.0) + math.log1p(math.exp(-abs(value))),
    ),
    "sqrt": (1, sympy.sqrt, math.sqrt),
    "step": (1, _step, lambda value: float(value >= 0)),
    "tanh": (1, sympy.tanh, math.tanh),
}
_BRANCHING = {"clip", "max", "min", "relu", "step"}
_KNOWN = ", ".join(sorted(_FUNCTIONS))
_ALLOWED = f"numbers, x, pi, e, + - * / **, 'a if x > 0 else b', and {_KNOWN}"

_NODE_NAMES = {
    "Attribute": "a dot (attribute access)",
    "BoolOp": "'and' or 'or'",
    "Dict": "a dictionary",
    "DictComp": "a comprehension",
    "FormattedValue": "an f-string",
    "GeneratorExp": "a comprehension",
    "JoinedStr": "an f-string",
    "Lambda": "a lambda",
    "List": "a list",
    "ListComp": "a comprehension",
    "NamedExpr": "an assignment",
    "Set": "a set",
    "SetComp": "a comprehension",
    "Starred": "a star",
    "Subscript": "square brackets",
    "Tuple": "a comma outside a function",
    "Yield": "a yield",
    "Await": "an await",
}

_OPERATORS = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}
_OPERATOR_NAMES = {
    "BitXor": "'^' (for a power write **)",
    "FloorDiv": "'//' (for a quotient write /)",
    "MatMult": "'@'",
    "Mod": "'%'",
    "LShift": "'<<'",
    "RShift": "'>>'",
    "BitAnd": "'&'",
    "BitOr": "'|'",
}
_COMPARISONS = {
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
}


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def _read_tree(text: str) -> ast.expr:
    """Return the syntax tree of ``text`` after the checks that cost nothing."""
    if not isinstance(text, str):
        kind = type(text).__name__
        raise FormulaError(f"a formula is a string such as 'x*tanh(x)', not a {kind}")
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            f"the formula has {len(text)} characters; at most {MAX_LENGTH} are allowed"
        )
    text = text.strip()
    if not text:
        raise FormulaError("the formula is empty; write for example x*tanh(x)")
    for character in text:
        if not (" " <= character <= "~"):
            hint = {"π": "pi", "−": "-", "×": "*", "·": "*", "²": "**2", "³": "**3"}
            better = hint.get(character)
            raise FormulaError(
                f"the character {ascii(character)} is not allowed; "
                + (f"write {better}" if better else f"allowed are {_ALLOWED}")
            )
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if depth > MAX_DEPTH:
            raise FormulaError(f"more than {MAX_DEPTH} parentheses inside each other")
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        found = re.search(r"(?<![A-Za-z_\d])([\d.]+)([A-Za-z(])", text)
        hint = f"; write {found[1]}*{found[2]}..." if found else ""
        reason = getattr(error, "msg", None) or type(error).__name__
        raise FormulaError(f"cannot read {_shorten(text)!r} ({reason}){hint}") from None
    nodes = sum(not isinstance(node, ast.expr_context) for node in ast.walk(tree))
    if nodes > MAX_NODES:
        raise FormulaError(f"the formula has {nodes} parts; at most {MAX_NODES}")
    return tree


class _Reader:
    """Turns a syntax tree into SymPy, with every bound checked on the way.

    Each method returns (expression, value, degree). ``value`` is a float where
    the part is constant and None elsewhere, and it is bounded before SymPy builds
    that part; ``degree`` multiplies the exponents of powers inside each other.
    """

    def __init__(self, params: Iterable[str]) -> None:
        self.symbols = {"x": x} | {
            name: sympy.Symbol(name, real=True) for name in params
        }
        self.branches = 0

    def read(self, node: ast.AST, depth: int = 0) -> tuple[Any, float | None, int]:
        if depth > MAX_DEPTH:
            raise FormulaError(f"more than {MAX_DEPTH} parts inside each other")
        method = getattr(self, "read_" + type(node).__name__, None)
        if method is None:
            name = _NODE_NAMES.get(
                type(node).__name__, f"a Python {type(node).__name__}"
            )
            raise FormulaError(f"{name} is not allowed; allowed are {_ALLOWED}")
        return method(node, depth + 1)

    def bounded(
        self, node: ast.AST, compute: Callable[[], float], parts: list[float | None]
    ) -> float | None:
        """Return the value of a constant part, or None where x or a letter is in it."""
        if any(part is None for part in parts):
            return None
        shown = _shorten(ast.unparse(node))
        try:
            value = compute()
        except OverflowError:
            value = math.inf
        except (ZeroDivisionError, ValueError) as error:
            raise FormulaError(f"{shown} has no value ({error})") from None
        if isinstance(value, complex) or math.isnan(value):
            raise FormulaError(f"{shown} is not a real number")
        if abs(value) > MAX_NUMBER:
            raise FormulaError(f"{shown} is too large; at most {MAX_NUMBER:g}")
        return float(value)

    def read_Constant(self, node: ast.Constant, depth: int) -> tuple:
        value = node.value
        if type(value) not in (int, float):
            kind = type(value).__name__
            raise FormulaError(
                f"{_shorten(repr(value))} is a Python {kind}, not a number; "
                f"allowed are {_ALLOWED}"
            )
        if not abs(value) <= MAX_NUMBER:
            shown = _shorten(str(value))
            raise FormulaError(f"the number {shown} is too large; at most 1e12")
        # 0.1 means one tenth, so that 3*0.1 is 0.3 on the page too.
        return sympy.Rational(str(value)), float(value), 1

    def read_Name(self, node: ast.Name, depth: int) -> tuple:
        if node.id in self.symbols:
            return self.symbols[node.id], None, 1
        if node.id in ("pi", "e"):
            constant = (sympy.pi, math.pi) if node.id == "pi" else (sympy.E, math.e)
            return *constant, 1
        names = [*self.symbols, "pi", "e"]
        more = (
            f"; {node.id} is a function, write {node.id}(x)"
            if node.id in _FUNCTIONS
            else ""
        )
        raise FormulaError(
            f"unknown name {_shorten(node.id)!r}; known are {', '.join(names)}{more}"
        )

    def read_UnaryOp(self, node: ast.UnaryOp, depth: int) -> tuple:
        inner, value, degree = self.read(node.operand, depth)
        if isinstance(node.op, ast.UAdd):
            return inner, value, degree
        if isinstance(node.op, ast.USub):
            return -inner, None if value is None else -value, degree
        kind = "'not'" if isinstance(node.op, ast.Not) else "'~'"
        raise FormulaError(f"{kind} is not allowed; allowed are {_ALLOWED}")

    def read_BinOp(self, node: ast.BinOp, depth: int) -> tuple:
        if isinstance(node.op, ast.Pow):
            return self.read_power(node, depth)
        combine = _OPERATORS.get(type(node.op))
        if combine is None:
            kind = type(node.op).__name__
            name = _OPERATOR_NAMES.get(kind, kind)
            raise FormulaError(f"{name} is not allowed; allowed are {_ALLOWED}")
        left, left_value, left_degree = self.read(node.left, depth)
        right, right_value, right_degree = self.read(node.right, depth)
        if isinstance(node.op, ast.Div) and (right_value == 0 or right == 0):
            raise FormulaError(f"{_shorten(ast.unparse(node))} divides by zero")
        value = self.bounded(
            node, lambda: combine(left_value, right_value), [left_value, right_value]
        )
        return combine(left, right), value, max(left_degree, right_degree)

    def read_power(self, node: ast.BinOp, depth: int) -> tuple:
        exponent = self.literal(node.right)
        if exponent is None:
            if isinstance(node.left, ast.Name) and node.left.id == "e":
                call = ast.Call(ast.Name("exp", ast.Load()), [node.right], [])
                return self.read_Call(call, depth)
            raise FormulaError(
                f"the exponent {_shorten(ast.unparse(node.right))!r} is not a plain "
                "number; for e to the power of something write exp(...)"
            )
        if abs(exponent) > MAX_EXPONENT:
            raise FormulaError(
                f"the exponent {_shorten(str(exponent))} is too large; "
                f"at most {MAX_EXPONENT}"
            )
        base, value, degree = self.read(node.left, depth)
        degree *= max(1, math.ceil(abs(exponent)))
        if degree > MAX_DEGREE:
            raise FormulaError(
                f"the powers in {_shorten(ast.unparse(node))} multiply to {degree}; "
                f"at most {MAX_DEGREE}"
            )
        result = self.bounded(node, lambda: value**exponent, [value])
        return base ** sympy.Rational(str(exponent)), result, degree

    @staticmethod
    def literal(node: ast.AST) -> int | float | None:
        sign = 1
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            sign = -1 if isinstance(node.op, ast.USub) else 1
            node = node.operand
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return sign * node.value
        return None

    def read_Call(self, node: ast.Call, depth: int) -> tuple:
        if not isinstance(node.func, ast.Name):
            self.read(node.func, depth)
            called = _shorten(ast.unparse(node.func))
            raise FormulaError(f"{called} is no function; for a product write *")
        name = node.func.id
        if name not in _FUNCTIONS:
            raise FormulaError(f"unknown function {_shorten(name)!r}; known: {_KNOWN}")
        count, build, compute = _FUNCTIONS[name]
        if node.keywords or len(node.args) != count:
            given = len(node.args) + len(node.keywords)
            plural = "s" if count > 1 else ""
            raise FormulaError(
                f"{name} takes {count} plain argument{plural}, got {given}"
                + (" with names" if node.keywords else "")
            )
        self.branch(name in _BRANCHING)
        parts = [self.read(argument, depth) for argument in node.args]
        values = [value for _, value, _ in parts]
        value = self.bounded(node, lambda: compute(*values), values)
        expr = build(*(part for part, _, _ in parts))
        return expr, value, max(degree for _, _, degree in parts)

    def branch(self, more: bool) -> None:
        self.branches += more
        if self.branches > MAX_BRANCHES:
            raise FormulaError(f"more than {MAX_BRANCHES} cases (relu, max, if, ...)")

    def read_IfExp(self, node: ast.IfExp, depth: int) -> tuple:
        self.branch(True)
        test = node.test
        if not isinstance(test, ast.Compare):
            raise FormulaError("after 'if' a comparison such as x > 0 is needed")
        body, _, body_degree = self.read(node.body, depth)
        other, _, other_degree = self.read(node.orelse, depth)
        sides = [self.side(side, depth) for side in (test.left, *test.comparators)]
        result = body
        # a < x < b becomes one case inside the other.
        for sign, left, right in reversed(
            list(zip(test.ops, sides, sides[1:], strict=False))
        ):
            compare = _COMPARISONS.get(type(sign))
            if compare is None:
                raise FormulaError("only < <= > >= may stand in a comparison")
            result = sympy.Piecewise(
                (result, _relation(compare, left, right)), (other, True)
            )
        return result, None, max(body_degree, other_degree)

    def side(self, node: ast.AST, depth: int) -> sympy.Expr:
        if any(isinstance(part, ast.Call | ast.IfExp) for part in ast.walk(node)):
            raise FormulaError(
                "a condition compares plain expressions, without functions: "
                f"{_shorten(ast.unparse(node))!r} has one"
            )
        return self.read(node, depth)[0]


def parse(text: str, params: Iterable[str] = ()) -> sympy.Expr:
    """Read a formula in ``x`` that somebody typed, without running any of it.

    Parameters
    ----------
    text : str
        Such as ``"x*sigmoid(1.702*x)"`` or ``"x if x > 0 else 0.1*x"``.
    params : names that may stand beside ``x``, ``pi`` and ``e``.

    Returns
    -------
    sympy.Expr

    Raises
    ------
    FormulaError
        Which part was not understood and what is allowed. Length, depth, number of
        parts, exponents and constants are bounded before SymPy builds anything.
    """
    tree = _read_tree(text)
    return sympy.sympify(_Reader(params).read(tree)[0])
