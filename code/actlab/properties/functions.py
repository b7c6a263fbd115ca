"""From whatever the reader gives to a function with a slope.

A catalogue key, a catalogue row, a formula that somebody typed, a SymPy expression,
or a Python callable or ``nn.Module`` that maps a tensor to a tensor, element by
element. The slope of a formula is SymPy's, that of a callable autograd's.

Chapter: 02.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy
import torch

from .. import catalogue, formulas
from ..formulas import NamedConstant, x
from .breaks import GRID, Array, Breaks, Scalar, find_breaks

# Where to look beside a break that is farther out than the grid, in units of its place.
_BESIDE_FAR = np.array([0.5, 0.9, 0.99, 0.999, 1.001, 1.01, 1.1, 2.0])


@dataclass(frozen=True)
class Function:
    """A function of one number with its slope, both on float64 arrays."""

    name: str
    value: Scalar
    slope: Scalar
    expr: sympy.Expr | None = None
    params: Mapping[str, float] | None = None
    recheck: Callable[[], None] = lambda: None
    bits: int = 64  # of the values
    blind: bool = False  # whether slopes are differences: a kink looks like a bend
    patched: list[bool] = field(default_factory=list)  # some slopes are, if not empty

    def divided(self, size: float) -> Function:
        """The same curve in other units: f divided by ``size``, a power of two."""
        expr = None if self.expr is None else self.expr / sympy.Float(size)
        return replace(
            self,
            value=lambda places: self.value(places) / size,
            slope=lambda places: self.slope(places) / size,
            expr=expr,
        )

    @cached_property
    def breaks(self) -> Breaks:
        """Kinks, jumps and poles, found when they are first asked for."""
        with np.errstate(all="ignore"):
            found = find_breaks(self.value, self.slope, self.expr, self.params)
        # differences are blurred, and coarse ones have kinks everywhere
        return replace(found, kinks=(), unresolved=()) if self.blind else found

    @cached_property
    def grid(self) -> Array:
        """The places of `GRID` at which value and slope are finite.

        Also some beside a break that lies beyond it, as in step(x − 10⁶).
        """
        far = self.breaks.places[np.abs(self.breaks.places) > GRID[-1]]
        places = np.union1d(GRID, np.outer(far, _BESIDE_FAR))
        finite = np.isfinite(self.value(places)) & np.isfinite(self.slope(places))
        return places[finite]

    @cached_property
    def reach(self) -> float:
        """How far from 0 the function still changes its rule."""
        return float(np.abs(self.breaks.places).max(initial=0.0))


def _from_expr(
    name: str, expr: sympy.Expr, params: Mapping[str, float], exact: bool = False
) -> Function:
    """Wrap a formula; the catalogue's own are known to be ``exact`` at all sizes."""
    letters = expr.free_symbols - {x}
    unknown = {s.name for s in letters if not isinstance(s, NamedConstant)}
    surplus = sorted(set(params) - unknown)
    if surplus:
        raise TypeError(f"{name} has no parameter {surplus[0]!r}")
    numbers = formulas.numpy_function if exact else formulas.trusted_function
    computed = expr if exact else _factored(expr)
    value = numbers(computed, params)
    slope = numbers(formulas.derivative(computed), params)
    return Function(name, value, slope, expr, dict(params))


def _factored(expr: sympy.Expr) -> sympy.Expr:
    """Write 1/(x² − 2x + 1) as 1/(x − 1)²: near 1 the sum would cancel to noise."""

    def repeats(node: sympy.Basic) -> bool:
        below = isinstance(node, sympy.Pow) and node.exp.is_negative
        return below and node.base.is_Add and node.base.is_polynomial(x)

    for node in sorted(expr.find(repeats), key=sympy.count_ops):
        base = node.args[0]
        if base.free_symbols == {x} and not sympy.Poly(base, x).is_sqf:
            expr = expr.xreplace({node: sympy.sqf(base) ** node.args[1]})
    return expr


def _own_x(expr: sympy.Expr) -> sympy.Expr:
    """Let any symbol called x count as the course's own, which is real."""
    others = [s for s in expr.free_symbols if s.name == "x" and s != x]
    return expr.subs(dict.fromkeys(others, x))


def _describe(error: Exception) -> str:
    text = str(error).strip().splitlines()
    first = text[0].rstrip(".") if text else "no message"
    return f"{type(error).__name__}: {first}"


def _from_callable(function: Callable, name: str) -> Function:
    """Wrap a tensor function after checking that it works element by element."""
    if isinstance(function, torch.nn.Module):
        with torch.inference_mode(False):  # whose tensors have no slopes
            try:
                function = copy.deepcopy(function)
            except Exception as error:
                raise TypeError(
                    f"{name} cannot be copied ({_describe(error)}), and a sheet must "
                    "leave it as it is; give lambda x: module(x)"
                ) from error
            function = function.to(device="cpu", dtype=torch.float64)

    patched: list[bool] = []

    def apply(tensor: torch.Tensor) -> torch.Tensor:
        try:
            result = function(tensor)
        except Exception as error:
            raise TypeError(
                f"{name} failed on a tensor of shape {tuple(tensor.shape)}: "
                f"{_describe(error)}; it must take and return one tensor"
            ) from error
        _require_numbers(result, tensor, name)
        return result

    def value(array: Array) -> Array:
        flat = torch.from_numpy(np.array(array, dtype=np.float64).ravel())
        with torch.no_grad():
            result = apply(flat)
        found = result.detach().double().cpu()
        if not (result.is_floating_point() or result.dtype == torch.bool):
            # A cast to whole numbers ends at the largest of them.
            found[flat.abs() >= torch.iinfo(result.dtype).max] = torch.nan
        return found.numpy().reshape(np.shape(array))

    def difference(array: Array) -> Array:
        size = np.maximum(1.0, np.abs(array))
        if bits < 64:
            return _centred(value, array, 4e-3 * size)
        step = 1e-6 * size
        return _centred(value, array, step)

    def backward(result: torch.Tensor, flat: torch.Tensor) -> torch.Tensor | None:
        try:
            return torch.autograd.grad(result.sum(), flat, allow_unused=True)[0]
        except Exception as error:
            raise TypeError(
                f"{name} has values, but its gradient failed: {_describe(error)}; for "
                "slopes from differences of its values give lambda x: f(x.detach())"
            ) from error

    def slope(array: Array) -> Array:
        with torch.inference_mode(False), torch.enable_grad():
            flat = torch.from_numpy(np.array(array, dtype=np.float64).ravel())
            flat.requires_grad_()
            # Not the leaf itself, which a function that works in place may not touch.
            result = apply(flat.clone())
            if not result.requires_grad:
                return difference(np.asarray(array, dtype=np.float64))
            gradient = backward(result, flat)
        if gradient is None:
            return difference(np.asarray(array, dtype=np.float64))
        found = gradient.numpy().reshape(np.shape(array))
        # A branch that is not taken may turn the gradient into nan, not the values.
        lost = np.isnan(found)
        if lost.any():
            patched[:] = [True]
            found[lost] = difference(np.asarray(array, dtype=np.float64)[lost])
        return found

    recheck = _check_element_wise(value, name)
    bits, grows = _kind(apply)
    return Function(
        name,
        value,
        slope,
        recheck=recheck,
        bits=bits,
        blind=not grows,
        patched=patched,
    )


def _require_numbers(result: torch.Tensor, tensor: torch.Tensor, name: str) -> None:
    """Raise unless a function has made one plain real number of each of a tensor's."""
    if not isinstance(result, torch.Tensor):
        kind = type(result).__name__
        made = "; torch.as_tensor makes one of it" * isinstance(result, np.ndarray)
        raise TypeError(f"{name} returned a {kind}, not a tensor{made}")
    if result.is_meta:
        raise TypeError(f"{name} returned a tensor of device meta, without numbers")
    if result.layout is not torch.strided:
        raise TypeError(f"{name} returned a sparse tensor, not a plain one")
    if result.is_complex() or result.dtype in (torch.float16, torch.bfloat16):
        kind = str(result.dtype).removeprefix("torch.")
        raise TypeError(
            f"{name} returned {kind} numbers; a property sheet needs real ones of "
            "32 or 64 bits (the steps of a 16-bit format would count as jumps)"
        )
    if result.shape != tensor.shape:
        raise ValueError(
            f"{name} is not element-wise: it turned shape {tuple(tensor.shape)} "
            f"into {tuple(result.shape)}; a property sheet needs a function "
            "that works on each number alone"
        )


def _kind(function: Callable) -> tuple[int, bool]:
    """The bits of the values that a tensor function returns; whether it has a graph."""
    with torch.inference_mode(False), torch.enable_grad():
        probe = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        result = function(probe.clone())
    return 32 if result.dtype == torch.float32 else 64, result.requires_grad


def _centred(value: Scalar, array: Array, step: Array) -> Array:
    return (value(array + step) - value(array - step)) / (2 * step)


def _check_element_wise(value: Scalar, name: str) -> Callable[[], None]:
    """Raise unless each value depends on its own number alone.

    Returns a function that raises if the values have changed since.
    """
    sample = np.linspace(-3.0, 3.0, 64) + 0.01
    before = _generators()
    whole = value(sample)
    draws = _generators() != before

    def recheck() -> None:
        if not np.array_equal(whole, value(sample), equal_nan=True):
            raise ValueError(f"{name} {_RANDOM if draws else _KEEPS_STATE}")

    recheck()
    if draws:  # a rare draw shows in many numbers
        many = value(GRID)
        for _ in range(20):
            if not np.array_equal(many, value(GRID), equal_nan=True):
                raise ValueError(f"{name} {_RANDOM}")
    # the neighbours change, and so does the order
    turned = value(sample[::-1])[::-1]
    parts = np.concatenate([value(sample[:7]), value(sample[7:])])
    for other in (parts, turned):
        if not np.allclose(whole, other, rtol=1e-5, atol=1e-7, equal_nan=True):
            worst = int(np.nanargmax(np.abs(whole - other)))
            raise ValueError(
                f"{name} is not element-wise: its value at {sample[worst]:.3g} changes "
                "when other numbers of the tensor change (as in softmax); a property "
                "sheet needs a function that works on each number alone"
            )
    return recheck


_RANDOM = (
    "is random: two calls on the same numbers differ; for a module call .eval() first"
)
_KEEPS_STATE = (
    "keeps something from call to call: two calls on the same numbers differ, though "
    "no random number was drawn; a property sheet needs a function of x alone (for a "
    "module call .eval() first)"
)


def _generators() -> tuple:
    """The states of the three generators that a function may draw from."""
    drawn = np.random.get_state()
    return (
        torch.get_rng_state().numpy().tobytes(),
        random.getstate(),
        drawn[1].tobytes(),  # type: ignore[index]
        drawn[2],  # type: ignore[index]
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
    if isinstance(f, type):
        raise TypeError(f"{f.__name__} is a class; give an object, {f.__name__}(…)")
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
    found = catalogue.read(text, tuple(values))
    if isinstance(found, catalogue.Activation):
        row = found
        return _from_row(row.key, tuple(sorted(row.values(**values).items())), row)
    return _from_formula(text, params)


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
    return _from_expr(row.name, row.expr, dict(params), exact=True)
