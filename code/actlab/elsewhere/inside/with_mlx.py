"""MLX on the processor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from .protocol import (
    INTEGERS,
    Entry,
    Function,
    Library,
    eight_bits,
    named,
    operation,
)

__all__ = ["LIBRARY"]

TYPES = {"float32": mx.float32, "float16": mx.float16, "bfloat16": mx.bfloat16}


class Mlx(Library):
    """MLX's layers and functions."""

    def entries(self) -> Mapping[str, Entry]:
        """Return MLX's functions, and the operations with ties."""
        return FUNCTIONS

    def value(self, f: Function, x: np.ndarray, dtype: str) -> tuple[np.ndarray, str]:
        """Return f(x), and the type that came out."""
        y = f(mx.array(x).astype(TYPES[dtype]))
        return np.array(y.astype(mx.float32)), str(y.dtype).rpartition(".")[2]

    def slope(self, f: Function, x: np.ndarray, dtype: str, weights: Any) -> np.ndarray:
        """Return the gradient of Σ weights·f(x), by ``mx.vjp``."""
        given = mx.array(x).astype(TYPES[dtype])
        y = f(given)
        upstream = mx.ones_like(y) * mx.array(weights, dtype=y.dtype)
        _, slopes = mx.vjp(f, [given], [upstream])
        return np.array(slopes[0].astype(mx.float32))

    def second(self, f: Function, x: np.ndarray) -> np.ndarray:
        """Return the gradient of the gradient."""

        def slope(at: Any) -> Any:
            return mx.vjp(f, [at], [mx.ones_like(at)])[1][0]

        given = mx.array(x)
        return np.array(mx.vjp(slope, [given], [mx.ones_like(given)])[1][0])

    def integer(self, f: Function) -> tuple[np.ndarray, str]:
        """Return f of an int32 array."""
        y = f(mx.array([INTEGERS]))
        return np.array(y.astype(mx.float32)), str(y.dtype).rpartition(".")[2]

    def facts(self) -> dict[str, Any]:
        """Return casts to types of eight bits."""
        return {"eight bits": eight_bits(_cast)}


def _cast(x: np.ndarray, name: str) -> np.ndarray:
    if name != "float8_e4m3fn":
        raise TypeError("mx.to_fp8 knows one type")
    return np.array(mx.from_fp8(mx.to_fp8(mx.array(x)), mx.float32))


_nn = partial(named, nn, "nn.")


def _layer(name: str, **more: Any) -> Entry:
    build = getattr(nn, name)

    def make(dtype: str) -> Function:
        layer = build()
        layer.set_dtype(TYPES[dtype])
        return layer

    return Entry(f"nn.{name}()", make, build, **more)


def _prelu_start(shape: tuple[int, ...]) -> np.ndarray:
    return np.array(nn.PReLU().weight)


FUNCTIONS = {
    "relu": _nn("relu"),
    "relu6": _nn("relu6"),
    "leaky_relu": _nn("leaky_relu"),
    "prelu": _layer("PReLU", start=_prelu_start),
    "elu": _nn("elu"),
    "selu": _nn("selu"),
    "celu": _nn("celu"),
    "softplus": _nn("softplus"),
    "softsign": _nn("softsign"),
    "sigmoid": _nn("sigmoid"),
    "log_sigmoid": _nn("log_sigmoid"),
    "tanh": _nn("tanh"),
    "hardtanh": _nn("hard_tanh"),
    "softshrink": _nn("softshrink"),
    "hardshrink": _nn("hard_shrink"),
    "gelu": _nn("gelu"),
    "gelu_tanh": _nn("gelu_approx"),
    "quick_gelu": _nn("gelu_fast_approx"),
    "swish": _nn("silu"),
    "hardswish": _nn("hardswish"),
    "mish": _nn("mish"),
    "relu2": _nn("relu2"),
    "softmax": _nn("softmax", True),
    "log_softmax": _nn("log_softmax", True),
    "softmin": _nn("softmin", True),
    "glu": _nn("glu", True, axis=False),
    "maximum": operation("mx.maximum(x, 0)", lambda x: mx.maximum(x, 0)),
    "clip": operation("mx.clip(x, -1, 1)", lambda x: mx.clip(x, -1, 1)),
    "abs": operation("mx.abs(x)", mx.abs),
    "amax": operation(
        "mx.max(x, -1)", lambda x: mx.max(x, -1), vector=True, axis=False
    ),
}

LIBRARY = Mlx()
mx.set_default_device(mx.cpu)
