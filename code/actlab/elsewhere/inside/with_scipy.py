"""NumPy and SciPy: values alone, for those who compute without a framework."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.special

from .protocol import INTEGERS, Entry, Function, Library, operation

__all__ = ["LIBRARY", "Scipy"]


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

    def integer(self, f: Function) -> tuple[np.ndarray, str]:
        """Return f of an int64 array."""
        y = f(np.array([INTEGERS]))
        return y.astype(np.float64), str(y.dtype)


FUNCTIONS = {
    "sigmoid": operation("scipy.special.expit(x)", scipy.special.expit),
    "log_sigmoid": operation("scipy.special.log_expit(x)", scipy.special.log_expit),
    "tanh": operation("np.tanh(x)", np.tanh),
    "softplus": operation(
        "np.logaddexp(x, 0)", lambda x: np.logaddexp(x, x.dtype.type(0))
    ),
    "maximum": operation("np.maximum(x, 0)", lambda x: np.maximum(x, 0)),
    "clip": operation("np.clip(x, -1, 1)", lambda x: np.clip(x, -1, 1)),
    "abs": operation("np.abs(x)", np.abs),
    "softmax": operation(
        "scipy.special.softmax(x)", scipy.special.softmax, vector=True
    ),
    "log_softmax": operation(
        "scipy.special.log_softmax(x)", scipy.special.log_softmax, vector=True
    ),
    "amax": operation(
        "np.max(x, -1)", lambda x: np.max(x, -1), vector=True, axis=False
    ),
}

LIBRARY = Scipy()
