"""NumPy and SciPy: values alone, for those who compute without a framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.special

from .protocol import INTEGERS, Entry, Function, Library

__all__ = ["LIBRARY"]


class Scipy(Library):
    """The functions of ``scipy.special``, and NumPy's where it has one."""

    def entries(self) -> Mapping[str, Entry]:
        """Return the functions that exist by name."""
        return FUNCTIONS

    def value(self, f: Function, x: np.ndarray, dtype: str) -> tuple[np.ndarray, str]:
        """Return f(x); NumPy has no bfloat16."""
        if dtype == "bfloat16":
            raise TypeError("NumPy has no bfloat16")
        with np.errstate(all="ignore"):
            y = f(x.astype(dtype))
        return y.astype(np.float32), str(y.dtype)

    def slope(self, f: Function, x: np.ndarray, dtype: str, weights: Any) -> np.ndarray:
        """Raise: NumPy computes no slopes."""
        raise NotImplementedError("no slopes are computed")

    def second(self, f: Function, x: np.ndarray) -> np.ndarray:
        """Raise: NumPy computes no slopes."""
        raise NotImplementedError("no slopes are computed")

    def integer(self, f: Function) -> tuple[np.ndarray, str]:
        """Return f of an int64 array."""
        y = f(np.array([INTEGERS]))
        return y.astype(np.float64), str(y.dtype)


def _of(call: str, f: Callable[[Any], Any], vector: bool = False, **more: Any) -> Entry:
    return Entry(call, lambda dtype: f, vector=vector, **more)


FUNCTIONS = {
    "sigmoid": _of("scipy.special.expit(x)", scipy.special.expit),
    "log_sigmoid": _of("scipy.special.log_expit(x)", scipy.special.log_expit),
    "tanh": _of("np.tanh(x)", np.tanh),
    "softplus": _of("np.logaddexp(x, 0)", lambda x: np.logaddexp(x, x.dtype.type(0))),
    "maximum": _of("np.maximum(x, 0)", lambda x: np.maximum(x, 0)),
    "clip": _of("np.clip(x, -1, 1)", lambda x: np.clip(x, -1, 1)),
    "abs": _of("np.abs(x)", np.abs),
    "softmax": _of("scipy.special.softmax(x)", scipy.special.softmax, True),
    "log_softmax": _of("scipy.special.log_softmax(x)", scipy.special.log_softmax, True),
    "amax": _of("np.max(x, -1)", lambda x: np.max(x, -1), True, axis=False),
}

LIBRARY = Scipy()
