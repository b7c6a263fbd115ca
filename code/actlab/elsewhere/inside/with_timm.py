"""timm: what its names of activations stand for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from timm.layers import create_act_layer

from .protocol import Entry
from .with_torch import Torch, module

__all__ = ["LIBRARY"]

NAMES = {
    "relu": "relu", "relu6": "relu6", "leaky_relu": "leaky_relu", "prelu": "prelu",
    "elu": "elu", "selu": "selu", "celu": "celu", "sigmoid": "sigmoid", "tanh": "tanh",
    "gelu": "gelu", "gelu_tanh": "gelu_tanh", "quick_gelu": "quick_gelu",
    "swish": "swish", "hardswish": "hard_swish", "hardsigmoid": "hard_sigmoid",
    "mish": "mish", "hard_mish": "hard_mish",
}  # fmt: skip


class Timm(Torch):
    """The functions by the names that a model's definition gives them."""

    def entries(self) -> Mapping[str, Entry]:
        """Return the functions that ``create_act_layer`` knows by name."""
        return {
            key: module(f'create_act_layer("{name}")', partial(create_act_layer, name))
            for key, name in NAMES.items()
        }


LIBRARY = Timm()
