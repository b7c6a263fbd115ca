"""From whatever the reader gives to a function with a slope.

A catalogue key, a catalogue row, a formula that somebody typed, a SymPy expression,
or a Python callable or ``nn.Module`` that maps a tensor to a tensor, element by
element. The slope of a formula is SymPy's, that of a callable autograd's.

Chapter: 02.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy
import torch

from .. import catalogue, formulas
from ..formulas import NamedConstant, x
from .breaks import GRID, Array, Breaks, Scalar, find_breaks


@dataclass(frozen=True)
class Function:
    """A function of one number with its slope, both on float64 arrays."""

    name: str
    value: Scalar
    slope: Scalar
    expr: sympy.Expr | None = None
    params: Mapping[str, float] | None = None

    @cached_property
    def breaks(self) -> Breaks:
        """Kinks, jumps and poles, found when they are first asked for."""
        with np.errstate(all="ignore"):
            return find_breaks(self.value, self.slope, self.expr, self.params)

    @cached_property
    def grid(self) -> Array:
        """The places of `GRID` at which value and slope are finite."""
        finite = np.isfinite(self.value(GRID)) & np.isfinite(self.slope(GRID))
        return GRID[finite]


def _from_expr(name: str, expr: sympy.Expr, params: Mapping[str, float]) -> Function:
    letters = expr.free_symbols - {x}
    unknown = {s.name for s in letters if not isinstance(s, NamedConstant)}
    surplus = sorted(set(params) - unknown)
    if surplus:
        raise TypeError(f"{name} has no parameter {surplus[0]!r}")
    value = formulas.numpy_function(expr, params)
    slope = formulas.numpy_function(formulas.derivative(expr), params)
    return Function(name, value, slope, expr, dict(params))


def _own_x(expr: sympy.Expr) -> sympy.Expr:
    """Let any symbol called x count as the course's own, which is real."""
    others = [s for s in expr.free_symbols if s.name == "x" and s != x]
    return expr.subs(dict.fromkeys(others, x))


def _describe(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no message'}"


def _from_callable(function: Callable, name: str) -> Function:
    """Wrap a tensor function after checking that it works element by element."""
    if isinstance(function, torch.nn.Module):
        function = copy.deepcopy(function).to(device="cpu", dtype=torch.float64)

    def apply(tensor: torch.Tensor) -> torch.Tensor:
        try:
            result = function(tensor)
        except Exception as error:
            raise TypeError(
                f"{name} failed on a tensor of shape {tuple(tensor.shape)}: "
                f"{_describe(error)}; it must take and return one tensor"
            ) from error
        if not isinstance(result, torch.Tensor):
            kind = type(result).__name__
            raise TypeError(f"{name} returned a {kind}, not a tensor")
        if result.shape != tensor.shape:
            raise ValueError(
                f"{name} is not element-wise: it turned shape {tuple(tensor.shape)} "
                f"into {tuple(result.shape)}; a property sheet needs a function "
                "that works on each number alone"
            )
        return result

    def value(array: Array) -> Array:
        flat = torch.from_numpy(np.array(array, dtype=np.float64).ravel())
        with torch.no_grad():
            result = apply(flat)
        return result.double().numpy().reshape(np.shape(array))

    def slope(array: Array) -> Array:
        flat = torch.from_numpy(np.array(array, dtype=np.float64).ravel())
        flat.requires_grad_()
        with torch.enable_grad():
            result = apply(flat)
            if not result.requires_grad:
                step = 1e-6 * np.maximum(1.0, np.abs(array))
                return (value(array + step) - value(array - step)) / (2 * step)
            (gradient,) = torch.autograd.grad(result.sum(), flat)
        return gradient.numpy().reshape(np.shape(array))

    _check_element_wise(value, name)
    return Function(name, value, slope)


def _check_element_wise(value: Scalar, name: str) -> None:
    sample = np.linspace(-3.0, 3.0, 64) + 0.01
    whole = value(sample)
    if not np.allclose(whole, value(sample), rtol=1e-9, equal_nan=True):
        raise ValueError(
            f"{name} is random: two calls on the same numbers differ; "
            "for a module call .eval() first"
        )
    parts = np.concatenate([value(sample[:7]), value(sample[7:])])
    if not np.allclose(whole, parts, rtol=1e-5, atol=1e-7, equal_nan=True):
        worst = int(np.nanargmax(np.abs(whole - parts)))
        raise ValueError(
            f"{name} is not element-wise: its value at {sample[worst]:.3g} changes "
            "when other numbers of the tensor change (as in softmax); a property "
            "sheet needs a function that works on each number alone"
        )


def function_of(f: Any, params: Mapping[str, float] | None = None) -> Function:
    """Turn any accepted ``f`` into a `Function`; texts and rows are remembered."""
    params = params or {}
    if isinstance(f, Function):
        return f
    if isinstance(f, catalogue.Activation):
        return _from_row(f.key, tuple(sorted(f.values(**params).items())), f)
    if isinstance(f, str):
        return _from_text(f, tuple(sorted(params.items())))
    if isinstance(f, sympy.Expr):
        return _from_expr("f", _own_x(f), params)
    if callable(f):
        if params:
            raise TypeError("parameters are for formulas; give a callable its own")
        name = type(f).__name__
        if not isinstance(f, torch.nn.Module):
            name = getattr(f, "__name__", name)
        return _from_callable(f, "f" if name == "<lambda>" else name)
    raise TypeError(
        "f is a catalogue key, a formula, a SymPy expression or a tensor function, "
        f"not {f!r}"
    )


def _from_text(text: str, params: tuple[tuple[str, float], ...]) -> Function:
    values = dict(params)
    try:
        row = catalogue.get(text)
    except catalogue.UnknownActivationError:
        plain_word = re.fullmatch(r"[A-Za-z_][\w -]*[A-Za-z_]\w*", text.strip())
        if plain_word and text.strip() not in ("pi", *values):
            raise
        return _from_formula(text, params)
    return _from_row(row.key, tuple(sorted(row.values(**values).items())), row)


@lru_cache(maxsize=128)
def _from_formula(text: str, params: tuple[tuple[str, float], ...]) -> Function:
    expr = formulas.parse(text, params=[name for name, _ in params])
    return _from_expr(text, expr, dict(params))


@lru_cache(maxsize=128)
def _from_row(
    key: str, params: tuple[tuple[str, float], ...], row: catalogue.Activation
) -> Function:
    if row.expr is None:
        raise ValueError(
            f"{row.name} maps vectors to vectors and has no curve; give a function "
            "that works element by element, such as 'gelu'"
        )
    return _from_expr(row.name, row.expr, dict(params))
