"""transformers: its table of activations, ``ACT2FN``."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn
from transformers.activations import ACT2FN

from .protocol import Entry
from .with_torch import Torch, module

__all__ = ["LIBRARY"]

NAMES = {
    "relu": "relu", "relu6": "relu6", "leaky_relu": "leaky_relu", "prelu": "prelu",
    "sigmoid": "sigmoid", "tanh": "tanh", "gelu": "gelu", "gelu_python": "gelu_python",
    "gelu_tanh": "gelu_pytorch_tanh", "gelu_new": "gelu_new", "gelu_fast": "gelu_fast",
    "gelu_accurate": "gelu_accurate", "quick_gelu": "quick_gelu", "gelu_10": "gelu_10",
    "swish": "silu", "hardswish": "hardswish", "mish": "mish", "relu2": "relu2",
    "laplace": "laplace", "sqrt_softplus": "sqrtsoftplus", "xielu": "xielu",
}  # fmt: skip


class Transformers(Torch):
    """The functions by the names that a configuration gives them."""

    def entries(self) -> Mapping[str, Entry]:
        """Return the functions of ``ACT2FN``."""
        return {key: _entry(name) for key, name in NAMES.items()}


def _entry(name: str) -> Entry:
    def build() -> nn.Module:
        return ACT2FN[name]

    return module(f'ACT2FN["{name}"]', build)


LIBRARY = Transformers()
