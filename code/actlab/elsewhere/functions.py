"""The functions of the table: their formulas, and the other spellings of each.

A library's function is compared with the course's formula. Where libraries give one
name to two formulas, all of them are candidates, and the closest says which form it is.

Chapter: none; the page *Elsewhere*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.special

from .. import catalogue

__all__ = ["FUNCTIONS", "VARIANTS", "Function", "formula", "function_of"]

Formula = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Function:
    """One row of the table.

    Attributes
    ----------
    key, name : the course's; of a row of the catalogue where it has one.
    forms : the formulas that the name stands for somewhere, the first the function's
        own; each with what a page calls it.
    vector : whether it takes a whole row.
    kinks : where the slope depends on a convention.
    operation : whether it is an operation with ties and no activation.
    """

    key: str
    name: str
    forms: tuple[tuple[str, str], ...]
    vector: bool = False
    kinks: tuple[float, ...] = ()
    operation: bool = False


def _row(key: str, *kinks: float, forms: tuple[tuple[str, str], ...] = ()) -> Function:
    row = catalogue.get(key)
    forms = forms or ((row.key, "exact"),)
    return Function(row.key, row.name, forms, row.kind == "vector", kinks)


GELU_FORMS = (
    ("gelu", "exact, with Φ"),
    ("gelu_tanh", "tanh form"),
    ("quick_gelu", "sigmoid form, 1.702"),
)
LEAKY_FORMS = (
    ("leaky_relu", "slope 0.01 on the left"),
    ("leaky_relu_0.2", "slope 0.2 on the left"),
    ("leaky_relu_0.3", "slope 0.3 on the left"),
)
PRELU_FORMS = (
    ("prelu", "as it starts, 0.25 on the left"),
    ("leaky_relu", "as it starts, 0.01 on the left"),
    ("relu", "as it starts, 0 on the left"),
)
SOFTMAX_FORMS = (("softmax", "exact"), ("softmax_all", "over all axes at once"))
LOG_SOFTMAX_FORMS = (
    ("log_softmax", "exact"),
    ("log_softmax_all", "over all axes at once"),
)
HARD_FORMS = (
    ("hardsigmoid", "slope 1/6, ends at ±3"),
    ("hardsigmoid_fifth", "slope 0.2, ends at ±2.5"),
)
FUNCTIONS = {
    function.key: function
    for function in (
        _row("relu", 0.0),
        _row("leaky_relu", 0.0, forms=LEAKY_FORMS),
        _row("prelu", 0.0, forms=PRELU_FORMS),
        _row("relu6", 0.0, 6.0),
        _row("elu", 0.0),
        _row("selu", 0.0),
        _row("celu", 0.0),
        _row("relu2", 0.0),
        _row("gelu", forms=GELU_FORMS),
        _row("gelu_tanh", forms=(GELU_FORMS[1], GELU_FORMS[0], GELU_FORMS[2])),
        _row("quick_gelu", forms=(GELU_FORMS[2], GELU_FORMS[0], GELU_FORMS[1])),
        _row("gelu_10", 10.0),
        _row("swish"),
        _row("hardswish", -3.0, 3.0),
        _row("mish"),
        Function("hard_mish", "HardMish", (("hard_mish", "exact"),)),
        _row("softplus"),
        _row("sqrt_softplus"),
        Function("squareplus", "Squareplus", (("squareplus", "exact"),)),
        Function("sparse_plus", "Sparse plus", (("sparse_plus", "exact"),)),
        _row("xielu", 0.0),
        _row("laplace"),
        _row("sigmoid"),
        _row("hardsigmoid", -3.0, 3.0, forms=HARD_FORMS),
        Function(
            "sparse_sigmoid", "Sparse sigmoid", (("sparse_sigmoid", "exact"),),
            kinks=(-1.0, 1.0),
        ),
        _row("log_sigmoid"),
        _row("tanh"),
        _row("hardtanh", -1.0, 1.0),
        _row("softsign", 0.0),
        _row("tanhshrink"),
        _row("softshrink", -0.5, 0.5),
        _row("hardshrink", -0.5, 0.5),
        _row("threshold", 0.5),
        _row("softmax", forms=SOFTMAX_FORMS),
        _row("log_softmax", forms=LOG_SOFTMAX_FORMS),
        _row("softmin"),
        _row("sparsemax"),
        _row("glu"),
        Function(
            "maximum", "Maximum with 0", (("relu", "exact"),), kinks=(0.0,),
            operation=True,
        ),
        Function(
            "clip", "Clip to [−1, 1]", (("hardtanh", "exact"),), kinks=(-1.0, 1.0),
            operation=True,
        ),
        Function("abs", "Absolute value", (("abs", "exact"),), kinks=(0.0,),
                 operation=True),
        Function("amax", "Largest of a row", (("amax", "exact"),), vector=True,
                 operation=True),
    )
}  # fmt: skip

VARIANTS = {
    "gelu_exact": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_accurate": "gelu_tanh",
    "leaky_relu_layer": "leaky_relu",
    "prelu_nnx": "prelu",
    "max": "amax",
}
"""Second spellings in one library, and the function that they spell."""


def function_of(key: str) -> Function:
    """Return the function that an adapter's key stands for."""
    return FUNCTIONS[VARIANTS.get(key, key)]


def _clip(x: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.minimum(np.maximum(x, low), high)


def _sparse_plus(x: np.ndarray) -> np.ndarray:
    inner = _clip(x, -1, 1)
    return np.where(x >= 1, x, (inner + 1) ** 2 / 4)


def _squareplus(x: np.ndarray) -> np.ndarray:
    root = np.hypot(x, 2.0)
    return np.where(x >= 0, (x + root) / 2, 2 / (root - np.minimum(x, 0)))


def _leaky(slope: float) -> Formula:
    return lambda x: np.where(x > 0, x, slope * x)


_OTHERS: dict[str, Formula] = {
    "hard_mish": lambda x: x / 2 * _clip(x + 2, 0, 2),
    "squareplus": _squareplus,
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": lambda x: _clip((x + 1) / 2, 0, 1),
    "hardsigmoid_fifth": lambda x: _clip(0.2 * x + 0.5, 0, 1),
    "amax": lambda x: x.max(-1),
    "leaky_relu_0.2": _leaky(0.2),
    "leaky_relu_0.3": _leaky(0.3),
    "softmax_all": lambda x: scipy.special.softmax(x),
    "log_softmax_all": lambda x: scipy.special.log_softmax(x),
}


@cache
def formula(key: str) -> Formula:
    """Return a formula on float64 arrays, by the catalogue's key or one of ours."""
    return _OTHERS[key] if key in _OTHERS else catalogue.get(key).numpy()
