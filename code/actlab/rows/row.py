"""What one row of the catalogue holds, and what follows from its formula.

Chapter: 02 (what an activation function is), 03 to 08 (the families).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import mpmath
import numpy as np
import sympy
from torch import Tensor, nn

from .. import formulas

__all__ = ["FAMILIES", "Activation", "Param", "cases"]

FAMILIES = ("classic", "rectified", "smooth", "gated", "trainable", "output")


@dataclass(frozen=True)
class Param:
    """A parameter of a function: its default and the range of its slider.

    Attributes
    ----------
    default, low, high, step : of the slider.
    trainable : whether the module of this row learns it.
    trial : a second value, at which the tests try the function; left out, it lies
        halfway from the default to the further end of the slider. Give one that
        float16 and bfloat16 hold exactly, such as 0.75.
    """

    default: float
    low: float
    high: float
    trainable: bool = False
    step: float = 0.01
    trial: float = math.nan

    def __post_init__(self) -> None:
        if math.isnan(self.trial):
            further = max(self.high, self.low, key=lambda end: abs(end - self.default))
            grain = max(self.step, 0.25)
            halfway = grain * round((self.default + further) / 2 / grain)
            object.__setattr__(self, "trial", halfway)


@dataclass(frozen=True, eq=False)
class Activation:
    """One row of the catalogue.

    Attributes
    ----------
    key, name, aliases : how `get` finds it and how a page prints it.
    family : one of `FAMILIES`; chapters 3 to 8, one each.
    expr : the function as a SymPy expression in ``x``; None for ``kind="vector"``.
    params : each other letter of ``expr`` with its default and slider range.
    module : builds the ``nn.Module``, with the parameters as keywords.
    torch : the name of torch's own class, or None.
    source : the key of its first source in the bibliography, or None.
    chapter : the chapter that explains it.
    kind : "scalar" (element by element) or "vector".
    reference : for vector functions, the function on a float64 array (last axis).
    textbook : the same function as papers print it, where ``expr`` has to be written in
        another way to be exact at all sizes of x; pages show this one, and a test
        holds the two together.
    vector_latex : the formula as LaTeX, for vector functions and where that of
        ``expr`` would be a page long; ``slope_latex`` is the same for the derivative.
    view : the range of x in which the function is first shown.
    coefficients : what the module trains beside ``params``, in words; ``expr`` is then
        the function that it starts as.
    """

    key: str
    name: str
    family: str
    expr: sympy.Expr | None
    module: Callable[..., nn.Module]
    chapter: int
    params: Mapping[str, Param] = field(default_factory=dict)
    torch: str | None = None
    source: str | None = None
    kind: str = "scalar"
    reference: Callable[[np.ndarray], np.ndarray] | None = None
    aliases: tuple[str, ...] = ()
    textbook: sympy.Expr | None = None
    vector_latex: str = ""
    slope_latex: str = ""
    view: tuple[float, float] = (-5.0, 5.0)
    coefficients: str = ""

    @cached_property
    def derivative(self) -> sympy.Expr:
        """The derivative, by SymPy; at a kink, the branch that torch takes."""
        return formulas.derivative(self._scalar("derivative"))

    @cached_property
    def latex(self) -> str:
        """The formula as LaTeX, without dollar signs."""
        return self.vector_latex or formulas.latex(self._printed)

    @cached_property
    def derivative_latex(self) -> str:
        """The derivative as LaTeX, without dollar signs."""
        self._scalar("derivative")
        return self.slope_latex or formulas.latex(formulas.derivative(self._printed))

    @property
    def _printed(self) -> sympy.Expr | None:
        return self.expr if self.textbook is None else self.textbook

    @cached_property
    def javascript(self) -> str:
        """The function as JavaScript in ``x`` and the parameters' names."""
        return formulas.javascript(self._scalar("JavaScript"))

    @cached_property
    def derivative_javascript(self) -> str:
        """The derivative as JavaScript in ``x`` and the parameters' names."""
        return formulas.javascript(self.derivative)

    def values(self, **params: float) -> dict[str, float]:
        """Return every parameter's value: ``params``, and defaults for the rest.

        Raises `TypeError` for a parameter that the function does not have.
        """
        unknown = sorted(set(params) - set(self.params))
        if unknown:
            known = ", ".join(self.params) or "none"
            raise TypeError(
                f"{self.name} has no parameter {unknown[0]!r}; it has: {known}"
            )
        defaults = {name: param.default for name, param in self.params.items()}
        return defaults | params

    def trial(self) -> dict[str, float]:
        """Return a second value of every parameter, as the tests try it."""
        trials = ((name, param.trial) for name, param in self.params.items())
        return {name: trial for name, trial in trials if trial is not None}  # all have

    def make(self, **params: float) -> nn.Module:
        """Return a new module; a parameter left out takes its default."""
        return self.module(**self.values(**params))

    def __call__(self, tensor: Tensor) -> Tensor:
        """Apply the function, with default parameters, to a tensor of any shape."""
        module = self.make().to(device=tensor.device, dtype=tensor.dtype)
        return module(tensor)

    def numpy(self, **params: float) -> Callable[[np.ndarray], np.ndarray]:
        """Return the function on float64 arrays."""
        if self.kind == "vector" and self.reference is not None:
            return functools.partial(self.reference, **self.values(**params))
        return formulas.numpy_function(self.expr, self.values(**params))

    def numpy_derivative(self, **params: float) -> Callable[[np.ndarray], np.ndarray]:
        """Return the derivative on float64 arrays."""
        return formulas.numpy_function(self.derivative, self.values(**params))

    def reference_value(self, x: float, **params: float) -> mpmath.mpf:
        """Return f(x) to 50 digits."""
        expr = self._scalar("reference value")
        return formulas.mpmath_function(expr, self.values(**params))(x)

    def reference_derivative(self, x: float, **params: float) -> mpmath.mpf:
        """Return f′(x) to 50 digits."""
        return formulas.mpmath_function(self.derivative, self.values(**params))(x)

    def _scalar(self, wanted: str) -> sympy.Expr:
        if self.expr is None:
            raise TypeError(
                f"{self.name} maps vectors to vectors: it has no {wanted} in x"
            )
        return self.expr


def cases(*pairs: tuple) -> sympy.Piecewise:
    """Return a function by cases: (value, condition) pairs, the first that holds."""
    return sympy.Piecewise(*pairs)
