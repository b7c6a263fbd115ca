"""tinygrad, on the device that it finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from tinygrad import Device, Tensor, dtypes

from .protocol import INTEGERS, Entry, Function, Library, eight_bits, operation

__all__ = ["LIBRARY"]


class Tinygrad(Library):
    """The methods of tinygrad's tensor."""

    def entries(self) -> Mapping[str, Entry]:
        """Return the tensor's methods, and the operations with ties."""
        return FUNCTIONS

    def value(self, f: Function, x: np.ndarray, dtype: str) -> tuple[np.ndarray, str]:
        """Return f(x), and the type that came out."""
        y = f(_tensor(x, dtype))
        return y.cast(dtypes.float32).numpy(), _name(y)

    def slope(self, f: Function, x: np.ndarray, dtype: str, weights: Any) -> np.ndarray:
        """Return the gradient of Σ weights·f(x)."""
        given = _tensor(x, dtype)
        y = f(given)
        (slope,) = (y * Tensor(weights, dtype=y.dtype)).sum().gradient(given)
        return slope.cast(dtypes.float32).numpy()

    def second(self, f: Function, x: np.ndarray) -> np.ndarray:
        """Return the gradient of the gradient."""
        given = _tensor(x, "float32")
        (slope,) = f(given).sum().gradient(given)
        return slope.sum().gradient(given)[0].numpy()

    def integer(self, f: Function) -> tuple[np.ndarray, str]:
        """Return f of an int32 tensor."""
        y = f(Tensor([list(INTEGERS)]))
        return y.cast(dtypes.float32).numpy(), _name(y)

    def facts(self) -> dict[str, Any]:
        """Return the device, and casts to types of eight bits."""
        return {"device": Device.DEFAULT, "eight bits": eight_bits(_cast)}


def _cast(x: np.ndarray, name: str) -> np.ndarray:
    short = {"float8_e4m3fn": dtypes.fp8e4m3, "float8_e5m2": dtypes.fp8e5m2}[name]
    return Tensor(x).cast(short).contiguous().realize().cast(dtypes.float32).numpy()


def _tensor(x: np.ndarray, dtype: str) -> Tensor:
    return Tensor(x).cast(getattr(dtypes, dtype)).contiguous().realize()


def _name(y: Tensor) -> str:
    return str(y.dtype).removeprefix("dtypes.")


NAMES = {"float": "float32", "half": "float16", "int": "int32"}


def _method(name: str, vector: bool = False, **more: Any) -> Entry:
    f = getattr(Tensor, name)
    return Entry(f"x.{name}()", lambda dtype: f, f, vector, **more)


FUNCTIONS = {
    "relu": _method("relu"),
    "relu6": _method("relu6"),
    "leaky_relu": _method("leaky_relu"),
    "elu": _method("elu"),
    "selu": _method("selu"),
    "celu": _method("celu"),
    "softplus": _method("softplus"),
    "softsign": _method("softsign"),
    "sigmoid": _method("sigmoid"),
    "hardsigmoid": _method("hardsigmoid"),
    "log_sigmoid": _method("logsigmoid"),
    "tanh": _method("tanh"),
    "hardtanh": _method("hardtanh"),
    "gelu": _method("gelu"),
    "quick_gelu": _method("quick_gelu"),
    "swish": _method("silu"),
    "hardswish": _method("hardswish"),
    "mish": _method("mish"),
    "softmax": _method("softmax", True),
    "log_softmax": _method("log_softmax", True),
    "maximum": operation("x.maximum(0)", lambda x: x.maximum(0)),
    "clip": operation("x.clip(-1, 1)", lambda x: x.clip(-1, 1)),
    "abs": operation("x.abs()", lambda x: x.abs()),
    "amax": operation("x.max(-1)", lambda x: x.max(-1), vector=True, axis=False),
}

LIBRARY = Tinygrad()
