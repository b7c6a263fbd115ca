"""A formula as the page shows it: LaTeX for the eye, JavaScript for the browser.

Chapter: 01.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy
from sympy.printing.codeprinter import PrintMethodNotImplementedError
from sympy.printing.jscode import JavascriptCodePrinter
from sympy.printing.latex import LatexPrinter

from .expressions import (
    FormulaError,
    Indicator,
    Maximum,
    Minimum,
    NamedConstant,
    NormalCDF,
    NormalPDF,
    Sigmoid,
    Softplus,
    x,
)
from .numbers import InOrder

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

_JS_FUNCTIONS: Mapping[str, str] = {
    "Sigmoid": "sigmoid",
    "NormalCDF": "normalCdf",
    "NormalPDF": "normalPdf",
    "Softplus": "softplus",
    "Indicator": "positive",
    "Maximum": "Math.max",
    "Minimum": "Math.min",
    "erf": "erf",
}


class _Javascript(InOrder, JavascriptCodePrinter):
    """SymPy's printer, on one line and with the functions of `JS_PRELUDE`."""

    def _print_Pow(self, expr: sympy.Pow, rational: bool = False) -> str:
        if expr.exp == -1:
            return f"(1 / {self._print(expr.base)})"
        return JavascriptCodePrinter._print_Pow(self, expr)

    def _print_Or(self, expr: sympy.Or) -> str:
        return f"({' || '.join(map(self._print, expr.args))})"

    def _print_Piecewise(self, expr: sympy.Piecewise) -> str:
        text = "NaN"
        for value, condition in reversed(expr.args):
            test, branch = self._print(condition), self._print(value)
            last = condition is sympy.true
            text = branch if last else f"({test} ? {branch} : {text})"
        return text


def javascript(expr: sympy.Expr) -> str:
    """Return ``expr`` as a JavaScript expression in ``x`` and its parameters.

    The functions of `JS_PRELUDE` must be in scope where it runs.
    """
    expr = sympy.sympify(expr)
    try:
        return _Javascript({"user_functions": _JS_FUNCTIONS}).doprint(expr)
    except PrintMethodNotImplementedError:
        raise FormulaError(
            f"there is no JavaScript for {expr}; build the formula from elementary "
            "functions, such as exp, tanh, erf and Piecewise"
        ) from None


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
                printed = self._print(term)
                minus = printed.startswith("-")
                text += f" - {printed[1:]}" if minus else f" + {printed}"
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
