"""Arithmetic that stands in the prose: safe to evaluate, in Python's spelling or TeX's.

``evaluate("sqrt(2) - 1")`` computes a formula of a mark, ``shown(text)`` finds the
numbers that a formula of the text derives before the reader's eyes, as the last of
``$1/\\sqrt{1.25} = 0.894$``. Nothing but numbers, the four operations, powers and a
dozen functions is ever computed.
"""

from __future__ import annotations

import ast
import math
import operator
import re

__all__ = ["FormulaError", "evaluate", "literals", "shown"]

FUNCTIONS = {
    name: getattr(math, name)
    for name in ("sqrt", "exp", "log", "log10", "log2", "tanh", "erf", "sin", "cos")
} | {
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "Phi": lambda x: (1 + math.erf(x / math.sqrt(2))) / 2,
    "phi": lambda x: math.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    "abs": abs,
}
CONSTANTS = {"pi": math.pi, "e": math.e}
OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
LARGEST_POWER = 1000


class FormulaError(ValueError):
    """A formula that is none, or that computes more than numbers."""


def evaluate(formula: str) -> float:
    """Return the value of a formula such as ``"2 * (88.2 - 84.7)"``.

    It may hold numbers, ``+ - * / **``, parentheses, pi, e, and the functions in
    ``FUNCTIONS`` (Phi and phi are the normal distribution and its density). Raises
    :class:`FormulaError` for anything else, and where there is no value.
    """
    try:
        return float(_value(ast.parse(formula.strip(), mode="eval").body))
    except FormulaError:
        raise
    except (SyntaxError, ValueError, ArithmeticError, TypeError) as error:
        raise FormulaError(f"{formula!r} has no value: {error}") from error


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS:
            a, b = _value(left), _value(right)
            if isinstance(op, ast.Pow) and abs(b) > LARGEST_POWER:
                raise FormulaError(f"a power of {b} is too large to be meant")
            return OPERATIONS[type(op)](a, b)
        case ast.Call(func=ast.Name(id=name), args=[one], keywords=[]):
            if name in FUNCTIONS:
                return FUNCTIONS[name](_value(one))
    raise FormulaError(
        f"{ast.unparse(node)!r} is no arithmetic; use + - * / **, parentheses, "
        f"{', '.join([*CONSTANTS, *FUNCTIONS])}"
    )


def literals(formula: str) -> list[str]:
    """Return the numbers of a formula as they are written, names left out."""
    return re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:e[-+]?\d+)?", formula)


# --- formulas of the text ---------------------------------------------------------

MATH = re.compile(r"\$\$(.+?)\$\$|\$([^$]+)\$", re.DOTALL)
ONE = r"(\d|[a-z]|\\pi)"  # what TeX takes as an argument without braces
GROUP = r"\{([^{}]*)\}"
TEX = [
    (re.compile(r"\{,\}|\\[,;!:]|\\(?:left|right|[bB]ig+[lr]?)\b|&|\\\\"), ""),
    (re.compile(r"\\log_\{?10\}?"), " log10 "),
    (re.compile(r"\\log_2"), " log2 "),
    (re.compile(r"\\ln\b|\\log\b"), " log "),
    (re.compile(r"\\sigma(?=\()"), " sigmoid "),
    (re.compile(r"\\Phi(?=\()"), " Phi "),
    (re.compile(r"\\tanh\b"), " tanh "),
    (re.compile(r"\\(?:cdot|times)"), "*"),
    (re.compile(r"\\[td]?frac" + GROUP + GROUP), r"((\1)/(\2))"),
    (re.compile(r"\\[td]?frac\s*" + ONE + r"\s*" + ONE), r"((\1)/(\2))"),
    (re.compile(r"\\[td]?frac\s*" + ONE + GROUP), r"((\1)/(\2))"),
    (re.compile(r"\\[td]?frac" + GROUP + ONE), r"((\1)/(\2))"),
    (re.compile(r"\\sqrt\s*" + GROUP), r" sqrt(\1)"),
    (re.compile(r"\\sqrt\s*" + ONE), r" sqrt(\1)"),
    (re.compile(r"\^\s*" + GROUP), r"**(\1)"),
    (re.compile(r"\^\s*" + ONE), r"**\1"),
    (re.compile(r"\\pi\b"), " pi "),
]
CALLED = re.compile(r"\b(log10|log2|log|sqrt|tanh|sigmoid|Phi)\s+([\d.]+)")
TIMES = re.compile(r"([\d.)])\s*(?=[a-zP(])")


def _python(tex: str) -> str:
    """Return a piece of TeX in Python's spelling, as far as it is arithmetic."""
    before = ""
    while before != tex:  # from the innermost group outwards
        before = tex
        for pattern, instead in TEX:
            tex = pattern.sub(instead, tex)
    tex = CALLED.sub(r"\1(\2)", tex)
    tex = re.sub(r"\b(log10|log2|log|tanh|sigmoid|Phi)\s+\(", r"\1(", tex)
    return TIMES.sub(_times, tex)


def _times(match: re.Match[str]) -> str:
    """Write out the product that TeX leaves to the eye, but not in log10(x)."""
    head = match.string[: match.end()]
    named = re.search(r"[a-z]\w*\s*$", head)
    return match[0] if named else match[1] + "*"


def shown(text: str) -> list[tuple[str, float]]:
    """Return (side, value of another side) of all equations in the text.

    A side that is a bare number, or has no value, gives none to the others.
    """
    found = []
    for match in MATH.finditer(text.replace("−", "-")):
        sides = re.split(r"=|\\approx|≈", match[1] or match[2])
        values = [_side(side) for side in sides]
        for place, side in enumerate(sides):
            found += [
                (side.strip(), value)
                for other, value in enumerate(values)
                if other != place and value is not None
                # A number alone derives nothing.
                if re.search(r"[-+*/^(\\]", sides[other].strip().lstrip("-"))
            ]
    return found


def _side(tex: str) -> float | None:
    try:
        return evaluate(_python(tex.strip().rstrip(".,;")))
    except FormulaError:
        return None
