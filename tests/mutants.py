"""Small errors in a program, one at a time: what a grader has to notice.

A mutant is the program with one thing changed: a comparison, a constant, a sign, an
operation, an axis, two arguments, a statement left out. `mutants` lists them all, in
an order that depends on the program alone.
"""

from __future__ import annotations

import ast
import copy
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

__all__ = ["Mutant", "mutants", "sample"]


class Mutant(NamedTuple):
    """A changed program. what: the change, in words."""

    source: str
    what: str


Change = tuple[str, ast.AST]

COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
LOGIC = (ast.BitOr, ast.BitAnd, ast.BitXor)
# names that stand for one another in somebody's memory
KIN = (
    ("sum", "mean", "max", "min"),
    ("amax", "amin", "mean", "sum"),
    ("any", "all"),
    ("argmin", "argmax"),
    ("relu", "silu", "sigmoid", "abs"),
    ("maximum", "minimum"),
    ("exp", "expm1"),
    ("log1p", "log", "exp"),
    ("erfc", "erf"),
    ("std", "var"),
    ("sin", "cos"),
    ("sqrt", "square"),
    ("median", "mean", "max", "min"),
    ("zeros_like", "ones_like"),
    ("kaiming_normal_", "xavier_normal_", "kaiming_uniform_"),
    ("zeros_", "ones_"),
    ("softmax", "sigmoid", "log_softmax"),
    ("abs", "square"),
)
WITH_AXIS = {
    *("sum", "mean", "amax", "amin", "any", "all", "argmin", "argmax", "softmax"),
    *("chunk", "flatten", "unsqueeze", "norm", "glu"),
}


def mutants(source: str) -> list[Mutant]:
    """All programs with one change that are no copy of another; see the module."""
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    found = []
    for place, node in enumerate(ast.walk(tree)):
        for what, changed in _changes(node):
            text = ast.unparse(_replaced(tree, place, changed))
            if text not in seen:
                seen.add(text)
                line = getattr(node, "lineno", 1)
                found.append(Mutant(text, f"line {line}: {what}"))
    return found


def sample(all_: Iterable[Mutant], most: int) -> list[Mutant]:
    """At most so many of them, the same ones each time, from all over the program."""
    drawn = sorted(all_, key=lambda mutant: zlib.crc32(mutant.source.encode()))
    return drawn[:most]


def _replaced(tree: ast.AST, place: int, changed: ast.AST) -> ast.AST:
    """A copy of the tree with another node at one place of its walk."""
    tree = copy.deepcopy(tree)
    old = list(ast.walk(tree))[place]
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, changed)
            elif isinstance(value, list) and any(one is old for one in value):
                value[:] = [changed if one is old else one for one in value]
    return tree if old is not tree else changed


def _changes(node: ast.AST) -> Iterator[Change]:
    for change in CHANGES:
        yield from change(node)


def _comparison(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], COMPARISONS):
        for other in COMPARISONS:
            if not isinstance(node.ops[0], other):
                new = copy.deepcopy(node)
                new.ops[0] = other()
                yield f"{type(node.ops[0]).__name__} to {other.__name__}", new


def _constant(node: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield f"{value} to {not value}", ast.Constant(not value)
    elif isinstance(value, (int, float)):
        others = [value + 1, value - 1, 2 * value, 0, -value, value + 0.01]
        for other in others:
            yield f"{value} to {other}", ast.Constant(other)
    elif isinstance(value, str):
        yield from _formula(value)


def _formula(text: str) -> Iterator[Change]:
    """A formula written as text is a program too."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return
    if isinstance(tree.body, (ast.BinOp, ast.Call)):
        for kink in ("0.01 * abs(x)", "0.01 * relu(x - 0.123)", "0.01 * sin(9 * x)"):
            yield f"plus {kink}", ast.Constant(f"{text} + {kink}")
        for place, node in enumerate(ast.walk(tree)):
            for what, changed in _changes(node):
                new = ast.unparse(_replaced(tree, place, changed))
                yield what, ast.Constant(new)


def _operation(node: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.BinOp):
        return
    kinds: tuple[type[ast.operator], ...] = ARITHMETIC
    if isinstance(node.op, LOGIC):
        kinds = LOGIC
    elif isinstance(node.op, (ast.Pow, ast.MatMult)):
        kinds = (ast.Mult,)
    for other in kinds:
        if not isinstance(node.op, other):
            new = copy.deepcopy(node)
            new.op = other()
            yield f"{type(node.op).__name__} to {other.__name__}", new
    yield "operands swapped", ast.BinOp(node.right, node.op, node.left)
    yield "only the left operand", node.left
    yield "only the right operand", node.right


def _sign(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.UnaryOp):
        yield f"{type(node.op).__name__} dropped", node.operand
    if isinstance(node, ast.Return) and node.value is not None:
        yield "result negated", ast.Return(ast.UnaryOp(ast.USub(), node.value))
        dent = ast.parse("x + 0.01 * abs(x)", mode="eval").body
        assert isinstance(dent, ast.BinOp)
        dent = _filled(dent, node.value)
        yield "a kink of a hundredth", ast.Return(dent)


def _filled(shape: ast.expr, value: ast.expr) -> ast.expr:
    """An expression in x with another expression in x's place."""

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return copy.deepcopy(value) if node.id == "x" else node

    return Fill().visit(shape)


def _infinity(node: ast.AST) -> Iterator[Change]:
    named = isinstance(node, ast.Attribute) and node.attr == "inf"
    called = isinstance(node, ast.Call) and ast.unparse(node) == "float('inf')"
    if named or called:
        for large in (0.0, 1.0, 10.0, 100.0, 1000.0, 1e4):
            yield f"{large:g} instead of infinity", ast.Constant(large)


def _name(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Attribute):
        for family in KIN:
            for other in family if node.attr in family else ():
                if other != node.attr:
                    new = ast.Attribute(node.value, other, node.ctx)
                    yield f"{node.attr} to {other}", new
    if isinstance(node, ast.Name) and node.id in ("max", "min", "sum", "any", "all"):
        for other in {"max": ["min"], "min": ["max"], "sum": ["max"]}.get(node.id, []):
            yield f"{node.id} to {other}", ast.Name(other, node.ctx)


def _arguments(node: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.Call):
        return
    positional = node.args
    for at in range(len(positional) - 1):
        new = copy.deepcopy(node)
        new.args[at], new.args[at + 1] = new.args[at + 1], new.args[at]
        yield f"arguments {at + 1} and {at + 2} swapped", new
    for at, keyword in enumerate(node.keywords):
        new = copy.deepcopy(node)
        del new.keywords[at]
        yield f"{keyword.arg} dropped", new
        if keyword.arg in ("min", "max"):
            new = copy.deepcopy(node)
            new.keywords[at].arg = "max" if keyword.arg == "min" else "min"
            yield f"{keyword.arg} exchanged", new
        if keyword.arg == "dim":
            for other in (0, 1, 2, -1, -2):
                new = copy.deepcopy(node)
                new.keywords[at].value = ast.Constant(other)
                yield f"dim to {other}", new
    name = getattr(node.func, "attr", "")
    if name in WITH_AXIS and positional:
        for other in (0, 1, 2, -1, -2):
            new = copy.deepcopy(node)
            new.args[-1] = ast.Constant(other)
            yield f"axis to {other}", new
        new = copy.deepcopy(node)
        del new.args[-1]
        yield "axis dropped", new
    if isinstance(node.func, ast.Attribute):
        if name in ("detach", "clone", "abs", "sqrt", "item", "log", "mean"):
            yield f"{name} dropped", node.func.value
        elif len(positional) == 1 and isinstance(node.func.value, ast.Name):
            yield f"{name} dropped", positional[0]


def _selection(node: ast.AST) -> Iterator[Change]:
    """`where`, `maximum` and `relu` stand for one another in somebody's memory."""
    if not isinstance(node, ast.Call):
        return
    name, given = getattr(node.func, "attr", ""), node.args
    if name == "where" and len(given) == 3:
        for other in ("maximum", "minimum"):
            function = ast.parse(f"torch.{other}", mode="eval").body
            yield f"where to {other}", ast.Call(function, given[1:], [])
        yield "the first branch alone", given[1]
        yield "the second branch alone", given[2]
        opposite = ast.UnaryOp(ast.Invert(), given[0])
        new = copy.deepcopy(node)
        new.args[0] = opposite
        yield "condition turned round", new
    if name in ("maximum", "minimum") and len(given) == 2:
        yield "the first argument alone", given[0]
        function = ast.parse("torch.relu", mode="eval").body
        yield f"{name} to relu", ast.Call(function, given[:1], [])
    if name in ("relu", "silu", "clamp", "exp") and given:
        yield f"{name} dropped", given[0]


# the same function on paper, and another one in floating point
UNSTABLE = {
    "log1p": "torch.log(1 + x)",
    "expm1": "torch.exp(x) - 1",
    "erfc": "1 - torch.erf(x)",
    "logsigmoid": "torch.log(torch.sigmoid(x))",
    "ndtr": "torch.erf(x / 2**0.5) / 2 + 0.5",
    "exp": "1 / torch.exp(-x)",
}


def _unstable(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        spelling = UNSTABLE.get(node.func.attr)
        if spelling and len(node.args) == 1:
            shape = ast.parse(spelling, mode="eval").body
            yield f"{node.func.attr} as {spelling}", _filled(shape, node.args[0])


def _loops(node: ast.AST) -> Iterator[Change]:
    """A loop that leaves out its first round, all others, or the last."""
    if isinstance(node, (ast.For, ast.comprehension)):
        for part in ("1:", ":1", ":-1"):
            new = copy.deepcopy(node)
            text = f"list({ast.unparse(node.iter)})[{part}]"
            new.iter = ast.parse(text, mode="eval").body
            yield f"loop over [{part}]", new


def _statements(node: ast.AST) -> Iterator[Change]:
    body = getattr(node, "body", None)
    if not isinstance(body, list) or len(body) < 2:
        return
    for at, statement in enumerate(body):
        if isinstance(statement, (ast.Return, ast.FunctionDef, ast.Import)):
            continue
        new = copy.deepcopy(node)
        del new.body[at]  # type: ignore[attr-defined]
        yield f"statement {at + 1} dropped", new
        if at + 1 < len(body) and not isinstance(body[at + 1], ast.Return):
            new = copy.deepcopy(node)
            rows = new.body  # type: ignore[attr-defined]
            rows[at], rows[at + 1] = rows[at + 1], rows[at]
            yield f"statements {at + 1} and {at + 2} swapped", new


def _parts(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.IfExp):
        yield "branches swapped", ast.IfExp(node.test, node.orelse, node.body)
    if isinstance(node, (ast.Tuple, ast.List)) and isinstance(node.ctx, ast.Load):
        for at in range(len(node.elts) - 1):
            new = copy.deepcopy(node)
            new.elts[at], new.elts[at + 1] = new.elts[at + 1], new.elts[at]
            yield f"parts {at + 1} and {at + 2} swapped", new
        for at in range(len(node.elts) if len(node.elts) > 1 else 0):
            new = copy.deepcopy(node)
            del new.elts[at]
            yield f"part {at + 1} dropped", new


CHANGES: tuple[Callable[[ast.AST], Iterator[Change]], ...] = (
    _comparison,
    _constant,
    _operation,
    _sign,
    _infinity,
    _name,
    _arguments,
    _selection,
    _unstable,
    _loops,
    _statements,
    _parts,
)
