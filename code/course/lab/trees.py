"""The catalogue's functions as trees of plain lists, for the laboratory's page.

The form is that of formula.js: ``"x"``, numbers, ``["add", …]``, ``["tanh", u]``,
``["case", condition, value, otherwise]``. Parameters take their defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy

from actlab import catalogue, formulas
from actlab.formulas import FormulaError, NamedConstant

__all__ = ["rows", "tree"]

Tree = Any  # "x", a number, a truth value, or a list that begins with a name

_FUNCTIONS: Mapping[type, str] = {
    formulas.Sigmoid: "sigmoid",
    formulas.NormalCDF: "Phi",
    formulas.NormalPDF: "phi",
    formulas.Softplus: "softplus",
    formulas.Indicator: "positive",
    formulas.Maximum: "max",
    formulas.Minimum: "min",
    sympy.Abs: "abs",
    sympy.sign: "sign",
    sympy.erf: "erf",
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.sinh: "sinh",
    sympy.cosh: "cosh",
    sympy.tanh: "tanh",
    sympy.atan: "atan",
    sympy.asinh: "asinh",
    sympy.Or: "or",
    sympy.And: "and",
    sympy.Not: "not",
    sympy.StrictGreaterThan: ">",
    sympy.GreaterThan: ">=",
    sympy.StrictLessThan: "<",
    sympy.LessThan: "<=",
}


def tree(expr: sympy.Basic, values: Mapping[str, float] | None = None) -> Tree:
    """Return a formula as a tree.

    Parameters
    ----------
    expr : a SymPy expression in ``actlab.formulas.x`` and other letters.
    values : a number for each other letter.

    Raises `FormulaError` for a function that the page does not know.
    """
    return _tree(sympy.sympify(expr), dict(values or {}))


def _tree(node: sympy.Basic, values: Mapping[str, float]) -> Tree:
    if node == formulas.x:
        return "x"
    if node in (sympy.true, sympy.false):
        return bool(node)
    if isinstance(node, NamedConstant):
        return float(node.digits)
    if isinstance(node, sympy.Symbol):
        return float(values[node.name])
    if node.is_number and not node.free_symbols:
        return float(node)
    if isinstance(node, sympy.Piecewise):
        return _cases(list(node.args), values)
    parts = [_tree(part, values) for part in node.args]
    if node.is_Add or node.is_Mul:
        return _folded(node.is_Add, parts)
    if node.is_Pow:
        base, exponent = parts
        return base**exponent if isinstance(base, float) else ["pow", base, exponent]
    name = _FUNCTIONS.get(node.func)
    if name is None:
        raise FormulaError(f"the page does not know {node.func.__name__}")
    return [name, *parts]


def _folded(is_sum: bool, parts: list[Tree]) -> Tree:
    """Return a sum or product with its plain numbers taken together, in front."""
    combine: Callable[[float, float], float]
    name, start, combine = (
        ("add", 0.0, float.__add__) if is_sum else ("mul", 1.0, float.__mul__)
    )
    total, others = start, []
    for part in parts:
        if isinstance(part, float):
            total = combine(total, part)
        else:
            others.append(part)
    if not others or (total == 0 and not is_sum):
        return total
    if total == start and len(others) == 1:
        return others[0]
    return [name, *([] if total == start else [total]), *others]


def _cases(pairs: list[Any], values: Mapping[str, float]) -> Tree:
    """Return ``Piecewise`` as one case inside the other."""
    result: Tree = None
    for value, condition in reversed(pairs):
        test = _tree(condition, values)
        if test is True:
            result = _tree(value, values)
        else:
            result = ["case", test, _tree(value, values), result]
    return result


def rows() -> list[dict[str, Any]]:
    """Return every scalar row of the catalogue: key, name, family, aliases, tree."""
    found = []
    for row in catalogue.ROWS:
        if row.kind == "scalar":
            found.append(
                {
                    "key": row.key,
                    "name": row.name,
                    "family": row.family,
                    "chapter": row.chapter,
                    "aliases": list(row.aliases),
                    "tree": _plain(tree(row.expr, row.values())),
                }
            )
    return found


def _plain(part: Tree) -> Tree:
    """Write whole numbers without their point, which JSON would keep."""
    if isinstance(part, list):
        return [_plain(inner) for inner in part]
    if isinstance(part, float) and part == int(part) and abs(part) < 1e15:
        return int(part)
    return part
