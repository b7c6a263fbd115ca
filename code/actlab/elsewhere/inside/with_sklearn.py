"""scikit-learn: what its networks of dense layers and its helpers compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.neural_network._base import ACTIVATIONS, DERIVATIVES
from sklearn.utils.extmath import softmax

from .protocol import INTEGERS, Entry, Function, Library

__all__ = ["LIBRARY"]

SHOWN = "MLPClassifier(activation={!r})"


class Sklearn(Library):
    """The functions of ``MLPClassifier``, which has no other slopes than its own."""

    def entries(self) -> Mapping[str, Entry]:
        """Return the functions that ``activation=`` names, and softmax."""
        return FUNCTIONS

    def value(self, f: Function, x: np.ndarray, dtype: str) -> tuple[np.ndarray, str]:
        """Return f(x); NumPy has no bfloat16."""
        if dtype == "bfloat16":
            raise TypeError("NumPy has no bfloat16")
        with np.errstate(all="ignore"):
            y = f(x.astype(dtype))
        return y.astype(np.float32), str(y.dtype)

    def slope(self, f: Function, x: np.ndarray, dtype: str, weights: Any) -> np.ndarray:
        """Return what ``MLPClassifier`` multiplies the error of a layer by."""
        if not isinstance(f, _Activation):
            raise NotImplementedError("no slope is computed")
        with np.errstate(all="ignore"):
            delta = np.ones_like(x)
            f.derivative(f(x.astype(dtype)), delta)
        return delta

    def second(self, f: Function, x: np.ndarray) -> np.ndarray:
        """Raise: nothing here is differentiated twice."""
        raise NotImplementedError("no second derivative is computed")

    def integer(self, f: Function) -> tuple[np.ndarray, str]:
        """Return f of an int64 array."""
        y = f(np.array([INTEGERS]))
        return y.astype(np.float64), str(y.dtype)


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


def _helper(call: str, f: Callable[[Any], Any]) -> Entry:
    return Entry(call, lambda dtype: f, f, vector=True)


FUNCTIONS = {
    "relu": _of("relu"),
    "sigmoid": _of("logistic"),
    "tanh": _of("tanh"),
    "softmax": _helper("sklearn.utils.extmath.softmax(x)", softmax),
}

LIBRARY = Sklearn()
