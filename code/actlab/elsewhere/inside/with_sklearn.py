"""scikit-learn: what its networks of dense layers and its helpers compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.neural_network._base import ACTIVATIONS, DERIVATIVES
from sklearn.utils.extmath import softmax

from .protocol import Entry, Function, operation
from .with_scipy import Scipy

__all__ = ["LIBRARY"]

SHOWN = "MLPClassifier(activation={!r})"


class Sklearn(Scipy):
    """The functions of ``MLPClassifier``, which has no other slopes than its own."""

    def entries(self) -> Mapping[str, Entry]:
        """Return the functions that ``activation=`` names, and softmax."""
        return FUNCTIONS

    def facts(self) -> dict[str, Any]:
        """Return nothing more: its types are NumPy's."""
        return {}

    def slope(self, f: Function, x: np.ndarray, dtype: str, weights: Any) -> np.ndarray:
        """Return what ``MLPClassifier`` multiplies the error of a layer by."""
        if not isinstance(f, _Activation):
            return super().slope(f, x, dtype, weights)
        with np.errstate(all="ignore"):
            delta = np.ones_like(x)
            f.derivative(f(x.astype(dtype)), delta)
        return delta


class _Activation:
    """An activation that works in place, as one that does not."""

    def __init__(self, name: str) -> None:
        self.function, self.derivative = ACTIVATIONS[name], DERIVATIVES[name]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        y = x.copy()
        self.function(y)
        return y


def _of(name: str) -> Entry:
    return Entry(SHOWN.format(name), lambda dtype: _Activation(name))


FUNCTIONS = {
    "relu": _of("relu"),
    "sigmoid": _of("logistic"),
    "tanh": _of("tanh"),
    "softmax": operation(
        "sklearn.utils.extmath.softmax(x)", softmax, signature=softmax, vector=True
    ),
}

LIBRARY = Sklearn()
