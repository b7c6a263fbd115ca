"""Formulas: named special functions, safe parsing, and their numbers.

Every scalar function of the course is one SymPy expression in ``x``. This package
turns such an expression into LaTeX, JavaScript, a NumPy function and a 50-digit
mpmath function, and reads expressions that a reader types (without ``eval``).

`expressions` has the functions, `numbers` evaluates; `printing` and `parsing` use them.
`tensors`, which is loaded only where it is named, makes functions that train.

Chapter: 01 (what a formula says), 03 (sigmoid), 05 (smooth functions).
"""

from __future__ import annotations

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
from .numbers import mpmath_function, numpy_function, trusted_function
from .parsing import parse
from .printing import JS_PRELUDE, javascript, latex

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
    "trusted_function",
    "x",
]
