"""JAX: ``jax.nn``, and NumPy's names for the operations with ties."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
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

__all__ = ["LIBRARY", "Jax"]


class Jax(Library):
    """JAX, each operation on its own: nothing is compiled as a whole."""

    def entries(self) -> Mapping[str, Entry]:
        """Return the functions of ``jax.nn``, and the operations with ties."""
        return FUNCTIONS

    def value(self, f: Function, x: np.ndarray, dtype: str) -> tuple[np.ndarray, str]:
        """Return f(x), and the type that came out."""
        y = f(jnp.asarray(x).astype(dtype))
        return np.asarray(y.astype(jnp.float32)), str(y.dtype)

    def slope(self, f: Function, x: np.ndarray, dtype: str, weights: Any) -> np.ndarray:
        """Return the gradient of Σ weights·f(x), by ``jax.vjp``."""
        y, pull = jax.vjp(f, jnp.asarray(x).astype(dtype))
        upstream = jnp.ones_like(y) * jnp.asarray(weights, y.dtype)
        return np.asarray(pull(upstream)[0].astype(jnp.float32))

    def second(self, f: Function, x: np.ndarray) -> np.ndarray:
        """Return the gradient of the gradient."""

        def slope(at: Any) -> Any:
            y, pull = jax.vjp(f, at)
            return pull(jnp.ones_like(y))[0]

        y, pull = jax.vjp(slope, jnp.asarray(x))
        return np.asarray(pull(jnp.ones_like(y))[0])

    def integer(self, f: Function) -> tuple[np.ndarray, str]:
        """Return f of an int32 array."""
        y = f(jnp.asarray([INTEGERS]))
        return np.asarray(y, dtype=np.float64), str(y.dtype)

    def facts(self) -> dict[str, Any]:
        """Return casts to types of eight bits."""
        return {"eight bits": eight_bits(_cast)}


def _cast(x: np.ndarray, name: str) -> np.ndarray:
    return np.asarray(jnp.asarray(x).astype(name).astype(jnp.float32))


_nn = partial(named, jax.nn, "jax.nn.")


FUNCTIONS = {
    "relu": _nn("relu"),
    "relu6": _nn("relu6"),
    "leaky_relu": _nn("leaky_relu"),
    "elu": _nn("elu"),
    "selu": _nn("selu"),
    "celu": _nn("celu"),
    "softplus": _nn("softplus"),
    "softsign": _nn("soft_sign"),
    "sigmoid": _nn("sigmoid"),
    "hardsigmoid": _nn("hard_sigmoid"),
    "log_sigmoid": _nn("log_sigmoid"),
    "tanh": _nn("tanh"),
    "hardtanh": _nn("hard_tanh"),
    "gelu": _nn("gelu"),
    "gelu_exact": Entry(
        "jax.nn.gelu(x, approximate=False)",
        lambda dtype: lambda x: jax.nn.gelu(x, approximate=False),
    ),
    "swish": _nn("silu"),
    "hardswish": _nn("hard_swish"),
    "mish": _nn("mish"),
    "squareplus": _nn("squareplus"),
    "sparse_plus": _nn("sparse_plus"),
    "sparse_sigmoid": _nn("sparse_sigmoid"),
    "softmax": _nn("softmax", True),
    "log_softmax": _nn("log_softmax", True),
    "glu": _nn("glu", True, axis=False),
    "maximum": operation("jnp.maximum(x, 0)", lambda x: jnp.maximum(x, 0)),
    "clip": operation("jnp.clip(x, -1, 1)", lambda x: jnp.clip(x, -1, 1)),
    "abs": operation("jnp.abs(x)", jnp.abs),
    "amax": operation("jnp.max(x, -1)", lambda x: x.max(-1), vector=True, axis=False),
}

LIBRARY = Jax()
