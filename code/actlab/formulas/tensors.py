"""A formula as a function on tensors, which a network can train through.

The expression is walked once, and what comes out is plain torch; asking SymPy again at
every training step would cost more than the arithmetic.

Chapter: 15 (a function of your own).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import sympy
import torch
from torch import Tensor
from torch.nn import functional as F

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
    derivative,
    x,
)
from .numbers import mpmath_function

Values = Callable[[Tensor], Tensor]

_FUNCTIONS: Mapping[type, Callable[..., Tensor]] = {
    Sigmoid: torch.sigmoid,
    NormalCDF: torch.special.ndtr,
    NormalPDF: lambda u: torch.exp(-0.5 * u * u) / math.sqrt(2 * math.pi),
    Softplus: F.softplus,
    Indicator: lambda u: (u > 0).to(u.dtype),
    Maximum: torch.maximum,
    Minimum: torch.minimum,
    sympy.Abs: torch.abs,
    sympy.sign: torch.sign,
    sympy.erf: torch.erf,
    sympy.exp: torch.exp,
    sympy.log: torch.log,
    sympy.sin: torch.sin,
    sympy.cos: torch.cos,
    sympy.tan: torch.tan,
    sympy.sinh: torch.sinh,
    sympy.cosh: torch.cosh,
    sympy.tanh: torch.tanh,
    sympy.asin: torch.asin,
    sympy.acos: torch.acos,
    sympy.atan: torch.atan,
    sympy.asinh: torch.asinh,
}
_RELATIONS: Mapping[type, Callable[[Any, Any], Any]] = {
    sympy.StrictGreaterThan: operator.gt,
    sympy.GreaterThan: operator.ge,
    sympy.StrictLessThan: operator.lt,
    sympy.LessThan: operator.le,
    sympy.Equality: operator.eq,
    sympy.Unequality: operator.ne,
}


def _compile(node: sympy.Basic) -> Values:
    """Return ``node`` as a function of x; what has no x in it becomes one number."""
    if node == x:
        return lambda values: values
    if node in (sympy.true, sympy.false):
        return _constant(bool(node), torch.bool)
    if x not in node.free_symbols:
        return _constant(float(mpmath_function(node)(0.0)), torch.float64)
    if isinstance(node, sympy.Piecewise):
        return _piecewise([(_compile(v), _compile(c)) for v, c in node.args])
    if node.is_Mul:
        return _product(node)
    if node.is_Pow and x not in node.exp.free_symbols:
        root, power = _compile(node.base), float(mpmath_function(node.exp)(0.0))
        return lambda values: root(values) ** power
    parts = [_compile(part) for part in node.args]
    if node.is_Add:
        return lambda values: reduce(operator.add, (part(values) for part in parts))
    if isinstance(node, sympy.And | sympy.Or):
        join = operator.and_ if isinstance(node, sympy.And) else operator.or_
        return lambda values: reduce(join, (part(values) for part in parts))
    if isinstance(node, sympy.Not):
        return lambda values: ~parts[0](values)
    if isinstance(node, sympy.ITE):
        return _piecewise([(parts[1], parts[0]), (parts[2], _compile(sympy.true))])
    if node.is_Pow:  # e to the power of something with x
        base, exponent = parts
        return lambda values: base(values) ** exponent(values)
    function = _FUNCTIONS.get(node.func) or _RELATIONS.get(type(node))
    if function is None:
        raise FormulaError(f"{node.func.__name__} cannot be computed on tensors")
    return lambda values: function(*(part(values) for part in parts))


def _constant(value: float | bool, dtype: torch.dtype) -> Values:
    # Without a dimension, so that it leaves the dtype of x as it is.
    tensor = torch.tensor(value, dtype=dtype)
    return lambda values: tensor


def _product(node: sympy.Mul) -> Values:
    # In x·e^x·(1 − tanh²(e^x)) the difference vanishes faster than the rest overflows.
    differences = [_compile(part) for part in node.args if part.is_Add]
    others = [_compile(part) for part in node.args if not part.is_Add]

    def product(values: Tensor) -> Tensor:
        result: float | Tensor = 1.0
        for part in others:
            result = result * part(values)
        for part in differences:
            factor = part(values)
            result = (factor * result).masked_fill(factor == 0, 0.0)
        assert isinstance(result, Tensor), "a product has factors"
        return result

    return product


def _piecewise(cases: list[tuple[Values, Values]]) -> Values:
    def choose(values: Tensor) -> Tensor:
        result = torch.tensor(math.nan, dtype=torch.float64)
        for value, condition in reversed(cases):
            result = torch.where(condition(values), value(values), result)
        return result

    return choose


class _WithSlope(torch.autograd.Function):
    """A value and a slope, each by its own formula."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, value: Values, slope: Values) -> Tensor:
        ctx.save_for_backward(values)
        ctx.slope = slope
        return value(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (values,) = ctx.saved_tensors
        return gradient * ctx.slope(values), None, None


def tensor_function(
    expr: sympy.Expr, params: Mapping[str, float] | None = None
) -> Callable[[Tensor], Tensor]:
    """Return ``expr`` as a function on tensors of any shape and dtype.

    Its gradient is SymPy's derivative, evaluated as a formula of its own; so a branch
    that is not taken cannot turn the gradient into nan.  It can be differentiated once.
    ``params`` maps each other symbol of the expression to its value; a missing one
    raises `FormulaError`.  Chapter: 15.
    """
    given = {sympy.Symbol(k, real=True): v for k, v in dict(params or {}).items()}
    expr = sympy.sympify(expr)
    letters = {s for s in expr.free_symbols if not isinstance(s, NamedConstant)}
    missing = sorted(s.name for s in letters - {x} - set(given))
    if missing:
        raise FormulaError(f"no value for {', '.join(missing)} in {expr}")

    def fitted(formula: sympy.Expr) -> Values:
        compiled = _compile(formula.subs(given) if given else formula)

        def evaluate(values: Tensor) -> Tensor:
            # A constant has neither the shape nor the dtype of its input.
            result = compiled(values).to(values.dtype).expand(values.shape)
            # No case holds for nan, so one that holds "otherwise" would answer.
            return torch.where(values.isnan(), values, result)

        return evaluate

    value, slope = fitted(expr), fitted(derivative(expr))
    return lambda values: _WithSlope.apply(values, value, slope)
