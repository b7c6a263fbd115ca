"""Read a formula that somebody typed, without running any of it.

The text becomes a Python syntax tree, of which only a few kinds of node are known
here; length, depth and every constant part are bounded before SymPy builds anything.

Chapter: 01.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import mpmath
import sympy

from .expressions import (
    FormulaError,
    Maximum,
    Minimum,
    NormalCDF,
    NormalPDF,
    Sigmoid,
    Softplus,
    x,
)
from .numbers import DIGITS, constant_value

MAX_LENGTH = 500
MAX_DEPTH = 40
MAX_NODES = 150
MAX_EXPONENT = 20
MAX_DEGREE = 64
MAX_NUMBER = 1e12
MAX_BRANCHES = 12
MAX_SIZE = 250


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
        numbers = [constant_value(side) for side in (first, second)]
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
    ordered = sympy.true
    if (low - high).free_symbols or _relation(operator.gt, low, high) == sympy.true:
        ordered = sympy.false
    # Where low lies above high, high wins, as in NumPy and torch.
    if _tangled(value, low, high) or ordered == sympy.false:
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

# Functions that people know by other names, and how to write them here.
_ELSEWHERE = {
    "arcsinh": "asinh(x)",
    "clamp": "clip(x, 0, 6)",
    "cot": "cos(x)/sin(x)",
    "coth": "cosh(x)/sinh(x)",
    "erfc": "1 - erf(x)",
    "exp2": "exp(x*log(2))",
    "gaussian": "exp(-x**2)",
    "hardsigmoid": "clip(x/6 + 1/2, 0, 1)",
    "hardswish": "x*clip(x/6 + 1/2, 0, 1)",
    "log10": "log(x)/log(10)",
    "log2": "log(x)/log(2)",
    "log_sigmoid": "-softplus(-x)",
    "logsigmoid": "-softplus(-x)",
    "ndtr": "normal_cdf(x)",
    "phi": "normal_cdf(x), or normal_pdf(x) for its density",
    "sech": "1/cosh(x)",
    "sigma": "sigmoid(x)",
    "square": "x**2",
    "tanhshrink": "x - tanh(x)",
    "theta": "step(x)",
    "arsinh": "asinh(x)",
    "cdf": "normal_cdf(x)",
    "elu": "x if x > 0 else expm1(x)",
    "fabs": "abs(x)",
    "hardtanh": "clip(x, -1, 1)",
    "heaviside": "step(x)",
    "leaky_relu": "max(x, 0.01*x)",
    "logistic": "sigmoid(x)",
    "maximum": "max(x, 0)",
    "minimum": "min(x, 0)",
    "mish": "x*tanh(softplus(x))",
    "pow": "x**2",
    "pdf": "normal_pdf(x)",
    "relu6": "clip(x, 0, 6)",
    "selu": "1.0507*(x if x > 0 else 1.6733*expm1(x))",
    "sgn": "sign(x)",
    "silu": "x*sigmoid(x)",
    "softsign": "x/(1 + abs(x))",
    "swish": "x*sigmoid(x)",
    "tan": "sin(x)/cos(x)",
}
_CHARACTERS = {
    "π": "pi",
    "−": "-",
    "–": "-",
    "×": "*",
    "·": "*",
    "⋅": "*",
    "÷": "/",
    "²": "**2",
    "³": "**3",
    "½": "1/2",
    "√": "sqrt(x)",
    "σ": "sigmoid(x)",
    "Φ": "normal_cdf(x)",
    "φ": "normal_pdf(x)",
    "ϕ": "normal_pdf(x)",
    "≥": ">=",
    "≤": "<=",
}

_NODE_NAMES = {
    "Attribute": "a dot (attribute access; for torch.relu(x) write relu(x))",
    "BoolOp": "'and' or 'or'",
    "Compare": "a comparison as a number (for 1 where x > 0 and else 0 write step(x))",
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
    "Subscript": "square brackets (write round ones)",
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
    "BitOr": "'|' (for |x| write abs(x))",
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
            better = _CHARACTERS.get(character)
            raise FormulaError(
                f"the character {ascii(character)} is not allowed; "
                + (f"write {better}" if better else f"allowed are {_ALLOWED}")
            )
    if "\\" in text or re.search(r"[_^]{", text):
        raise FormulaError(
            f"{_shorten(text)!r} is LaTeX; write it as typed on a keyboard, such as "
            "exp(x)/(1 + x**2)"
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
        tip = f"; write {found[1]}*{found[2]}..." if found else _way_out(text)
        reason = getattr(error, "msg", None) or type(error).__name__
        raise FormulaError(f"cannot read {_shorten(text)!r} ({reason}){tip}") from None
    nodes = sum(not isinstance(node, ast.expr_context) for node in ast.walk(tree))
    if nodes > MAX_NODES:
        raise FormulaError(f"the formula has {nodes} parts; at most {MAX_NODES}")
    return tree


def _way_out(text: str) -> str:
    """Return what to write in place of a text that Python cannot read."""
    if text.count("|") > 1:
        return "; for |x| write abs(x)"
    if re.match(r"(import|from|def|class|return|for|while|with)\b", text):
        return f"; a formula has no statements, allowed are {_ALLOWED}"
    if "=" in text and not re.search(r"[<>=!]=", text):
        return "; write only what stands right of the ="
    if re.search(r"\bif\b", text) and "else" not in text:
        return "; write 'a if x > 0 else b'"
    bare = re.search(r"\b([A-Za-z_]\w*) +[\w.]", text)
    if bare and bare[1] in _FUNCTIONS:
        return f"; write {bare[1]}(x)"
    if re.search(r"\) *[\w(]", text) or re.search(r"\b[xe] +[\w(]", text):
        return "; for a product write * between its factors"
    if text[-1] in "+-*/(,":
        return f"; nothing follows the last {text[-1]}"
    return ""


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
        self.sizes: dict[sympy.Basic, int] = {}

    def read(self, node: ast.AST, depth: int = 0) -> tuple[Any, float | None, int]:
        if depth > MAX_DEPTH:
            raise FormulaError(f"more than {MAX_DEPTH} parts inside each other")
        method = getattr(self, "read_" + type(node).__name__, None)
        if method is None:
            name = _NODE_NAMES.get(
                type(node).__name__, f"a Python {type(node).__name__}"
            )
            verb = "are" if name.startswith("square") else "is"
            raise FormulaError(f"{name} {verb} not allowed; allowed are {_ALLOWED}")
        part = method(node, depth + 1)
        self.check(node, part[0])
        return part

    def check(self, node: ast.AST, expr: sympy.Basic) -> None:
        """Refuse a part that is no number, or that is too long when written out."""
        shown = _shorten(ast.unparse(node))
        if expr in (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
            raise FormulaError(f"{shown} has no value: it is infinite or undefined")
        size = self.size(expr)
        if size > MAX_SIZE:
            raise FormulaError(
                f"{shown} has {size:,} parts when it is written out, as functions such "
                f"as gelu hold their argument twice; at most {MAX_SIZE} are allowed"
            )

    def size(self, expr: sympy.Basic) -> int:
        """Return how many parts ``expr`` has; one that stands twice counts twice."""
        if expr not in self.sizes:
            self.sizes[expr] = 1 + sum(map(self.size, expr.args))
        return self.sizes[expr]

    def bounded(
        self, node: ast.AST, compute: Callable[..., Any], parts: list[float | None]
    ) -> float | None:
        """Return the value of a constant part, or None where x or a letter is in it."""
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        shown = _shorten(ast.unparse(node))
        try:
            value = compute(*known)
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
        if isinstance(value, bool) or not isinstance(value, int | float):
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
        value = self.bounded(node, combine, [left_value, right_value])
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
        result = self.bounded(node, lambda base: base**exponent, [value])
        if exponent < 0 and base == 0:
            raise FormulaError(f"{_shorten(ast.unparse(node))} divides by zero")
        return base ** sympy.Rational(str(exponent)), result, degree

    @staticmethod
    def literal(node: ast.AST) -> int | float | None:
        sign = 1
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            sign = -1 if isinstance(node.op, ast.USub) else 1
            node = node.operand
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return sign * value

    def read_Call(self, node: ast.Call, depth: int) -> tuple:
        if not isinstance(node.func, ast.Name):
            self.read(node.func, depth)
            called = _shorten(ast.unparse(node.func))
            raise FormulaError(f"{called} is no function; for a product write *")
        name = node.func.id
        if name not in _FUNCTIONS:
            other = _ELSEWHERE.get(name.lower())
            way = f"write {other}" if other else f"known: {_KNOWN}"
            raise FormulaError(f"unknown function {_shorten(name)!r}; {way}")
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
        value = self.bounded(node, compute, values)
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
