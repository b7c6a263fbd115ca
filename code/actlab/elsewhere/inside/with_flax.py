"""Flax: what it adds to ``jax.nn``, whose other functions it hands on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import flax.nnx as nnx
import jax
import jax.numpy as jnp
import numpy as np

from .protocol import Entry, Function
from .with_jax import Jax

__all__ = ["LIBRARY"]

SAME = (
    "relu", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "softplus", "softmax",
    "log_softmax", "glu", "hard_swish", "sigmoid", "tanh",
)  # fmt: skip


class Flax(Jax):
    """Flax's own PReLU in both of its interfaces."""

    def entries(self) -> Mapping[str, Entry]:
        """Return both PReLUs."""
        return {
            "prelu": Entry("nn.PReLU()", _linen, nn.PReLU, start=_linen_start),
            "prelu_nnx": Entry(
                "nnx.PReLU()", _nnx, nnx.PReLU.__init__, start=_nnx_start
            ),
        }

    def facts(self) -> dict[str, Any]:
        """Return which functions are those of JAX itself."""
        same = [name for name in SAME if getattr(nn, name) is getattr(jax.nn, name)]
        return super().facts() | {"the same object as in jax.nn": same}


def _linen(dtype: str) -> Function:
    module = nn.PReLU(param_dtype=jnp.dtype(dtype))
    variables = module.init(jax.random.key(0), jnp.zeros(1, dtype))
    return lambda x: module.apply(variables, x)


def _nnx(dtype: str) -> Function:
    return nnx.PReLU(param_dtype=jnp.dtype(dtype))


def _linen_start(shape: tuple[int, ...]) -> np.ndarray:
    variables = nn.PReLU().init(jax.random.key(0), jnp.zeros(shape))
    return np.asarray(jax.tree.leaves(variables)[0])


def _nnx_start(shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(jax.tree.leaves(nnx.state(nnx.PReLU()))[0])


LIBRARY = Flax()
