"""TensorFlow: ``tf.nn`` and ``tf.math``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from .protocol import (
    INTEGERS,
    Entry,
    Function,
    Library,
    eight_bits,
    named,
    operation,
)

__all__ = ["LIBRARY", "Tensorflow"]


class Tensorflow(Library):
    """TensorFlow, run eagerly."""

    def entries(self) -> Mapping[str, Entry]:
        """Return the functions of ``tf.nn``, and the operations with ties."""
        return FUNCTIONS

    def value(self, f: Function, x: np.ndarray, dtype: str) -> tuple[np.ndarray, str]:
        """Return f(x), and the type that came out."""
        y = f(tf.cast(tf.constant(x), dtype))
        return tf.cast(y, "float32").numpy(), y.dtype.name

    def slope(self, f: Function, x: np.ndarray, dtype: str, weights: Any) -> np.ndarray:
        """Return the gradient of Σ weights·f(x), by ``tf.GradientTape``."""
        given = tf.cast(tf.constant(x), dtype)
        with tf.GradientTape() as tape:
            tape.watch(given)
            y = f(given)
        upstream = tf.ones_like(y) * tf.cast(weights, y.dtype)
        slope = tape.gradient(y, given, upstream, unconnected_gradients="zero")
        return tf.cast(slope, "float32").numpy()

    def second(self, f: Function, x: np.ndarray) -> np.ndarray:
        """Return the gradient of the gradient, by two tapes."""
        given = tf.constant(x)
        with tf.GradientTape() as outer:
            outer.watch(given)
            with tf.GradientTape() as inner:
                inner.watch(given)
                y = f(given)
            slope = inner.gradient(y, given, unconnected_gradients="zero")
        return outer.gradient(slope, given, unconnected_gradients="zero").numpy()

    def integer(self, f: Function) -> tuple[np.ndarray, str]:
        """Return f of an int32 tensor."""
        y = f(tf.constant([INTEGERS]))
        return tf.cast(y, "float64").numpy(), y.dtype.name

    def facts(self) -> dict[str, Any]:
        """Return casts to types of eight bits."""
        return {"eight bits": eight_bits(_cast)}


def _cast(x: np.ndarray, name: str) -> np.ndarray:
    short = tf.cast(tf.constant(x), getattr(tf.dtypes.experimental, name))
    return tf.cast(short, "float32").numpy()


_nn = partial(named, tf.nn, "tf.nn.")


FUNCTIONS = {
    "relu": _nn("relu"),
    "relu6": _nn("relu6"),
    "leaky_relu": _nn("leaky_relu"),
    "elu": _nn("elu"),
    "selu": _nn("selu"),
    "softplus": _nn("softplus"),
    "softsign": _nn("softsign"),
    "sigmoid": _nn("sigmoid"),
    "log_sigmoid": operation("tf.math.log_sigmoid(x)", tf.math.log_sigmoid),
    "tanh": _nn("tanh"),
    "gelu": _nn("gelu"),
    "gelu_tanh": operation(
        "tf.nn.gelu(x, approximate=True)", lambda x: tf.nn.gelu(x, approximate=True)
    ),
    "swish": _nn("silu"),
    "softmax": _nn("softmax", True),
    "log_softmax": _nn("log_softmax", True),
    "maximum": operation("tf.maximum(x, 0)", lambda x: tf.maximum(x, 0)),
    "clip": operation(
        "tf.clip_by_value(x, -1, 1)", lambda x: tf.clip_by_value(x, -1, 1)
    ),
    "abs": operation("tf.abs(x)", tf.abs),
    "amax": operation(
        "tf.reduce_max(x, -1)",
        lambda x: tf.reduce_max(x, -1),
        vector=True,
        axis=False,
    ),
}

LIBRARY = Tensorflow()
