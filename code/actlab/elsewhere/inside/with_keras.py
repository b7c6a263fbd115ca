"""Keras on whichever backend ``KERAS_BACKEND`` names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
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


def _backend() -> Library:
    """Return the adapter of the library that computes; it takes the slopes."""
    if keras.backend.backend() == "jax":
        from .with_jax import Jax

        return Jax()
    if keras.backend.backend() == "torch":
        from .with_torch import Torch

        return Torch()
    from .with_tensorflow import Tensorflow

    return Tensorflow()


class Keras(Library):
    """Keras's activations and activation layers."""

    def __init__(self) -> None:
        self.backend = _backend()

    def entries(self) -> Mapping[str, Entry]:
        """Return the activations by their Keras names, and the layers."""
        return FUNCTIONS | LAYERS | OPERATIONS

    def value(self, f: Function, x: np.ndarray, dtype: str) -> tuple[np.ndarray, str]:
        """Return f(x), and the type that came out."""
        return self.backend.value(f, x, dtype)

    def slope(self, f: Function, x: np.ndarray, dtype: str, weights: Any) -> np.ndarray:
        """Return the backend's gradient of Σ weights·f(x)."""
        return self.backend.slope(f, x, dtype, weights)

    def second(self, f: Function, x: np.ndarray) -> np.ndarray:
        """Return the backend's gradient of its gradient."""
        return self.backend.second(f, x)

    def integer(self, f: Function) -> tuple[np.ndarray, str]:
        """Return f of an int32 tensor."""
        y = f(keras.ops.convert_to_tensor([INTEGERS], dtype="int32"))
        values = keras.ops.convert_to_numpy(keras.ops.cast(y, "float32"))
        return values, keras.backend.standardize_dtype(y.dtype)

    def facts(self) -> dict[str, Any]:
        """Return casts to types of eight bits."""
        return {"eight bits": eight_bits(_cast)}


def _cast(x: np.ndarray, name: str) -> np.ndarray:
    short = keras.ops.cast(keras.ops.convert_to_tensor(x), name)
    return keras.ops.convert_to_numpy(keras.ops.cast(short, "float32"))


_of = partial(named, keras.activations, "keras.activations.")


def _layer(name: str, **more: Any) -> Entry:
    build = getattr(keras.layers, name)
    return Entry(
        f"keras.layers.{name}()", lambda dtype: build(dtype=dtype), build, **more
    )


def _prelu_start(shape: tuple[int, ...]) -> np.ndarray:
    layer = keras.layers.PReLU()
    layer.build(shape)
    return keras.ops.convert_to_numpy(layer.alpha)


FUNCTIONS = {
    "relu": _of("relu"),
    "relu6": _of("relu6"),
    "leaky_relu": _of("leaky_relu"),
    "elu": _of("elu"),
    "selu": _of("selu"),
    "celu": _of("celu"),
    "softplus": _of("softplus"),
    "softsign": _of("softsign"),
    "sigmoid": _of("sigmoid"),
    "hardsigmoid": _of("hard_sigmoid"),
    "log_sigmoid": _of("log_sigmoid"),
    "tanh": _of("tanh"),
    "hardtanh": _of("hard_tanh"),
    "tanhshrink": _of("tanh_shrink"),
    "softshrink": _of("soft_shrink"),
    "hardshrink": _of("hard_shrink"),
    "threshold": operation(
        "keras.activations.threshold(x, 0.5, 0)",
        lambda x: keras.activations.threshold(x, 0.5, 0.0),
    ),
    "gelu": _of("gelu"),
    "gelu_tanh": operation(
        "keras.activations.gelu(x, approximate=True)",
        lambda x: keras.activations.gelu(x, approximate=True),
    ),
    "swish": _of("silu"),
    "hardswish": _of("hard_swish"),
    "mish": _of("mish"),
    "squareplus": _of("squareplus"),
    "sparse_plus": _of("sparse_plus"),
    "sparse_sigmoid": _of("sparse_sigmoid"),
    "softmax": _of("softmax", True),
    "log_softmax": _of("log_softmax", True),
    "sparsemax": _of("sparsemax", True),
    "glu": _of("glu", True, axis=False),
}

LAYERS = {
    "leaky_relu_layer": _layer("LeakyReLU"),
    "prelu": _layer("PReLU", start=_prelu_start),
}

OPERATIONS = {
    "maximum": operation("keras.ops.maximum(x, 0)", lambda x: keras.ops.maximum(x, 0)),
    "clip": operation("keras.ops.clip(x, -1, 1)", lambda x: keras.ops.clip(x, -1, 1)),
    "abs": operation("keras.ops.abs(x)", lambda x: keras.ops.abs(x)),
    "amax": operation(
        "keras.ops.max(x, -1)", lambda x: keras.ops.max(x, -1), vector=True, axis=False
    ),
}

LIBRARY = Keras()
