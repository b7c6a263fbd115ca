"""What the exporters share: PyTorch modules, made a graph of for each shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .protocol import Entry, Graphs, eight_bits

__all__ = ["Exported", "Runner"]

Runner = Callable[[np.ndarray], np.ndarray]
"""A graph that is ready to run, from float32 to float32."""

LENGTH = 2**16  # no type's grid is longer
NAMES = (
    "ReLU", "ReLU6", "LeakyReLU", "PReLU", "ELU", "SELU", "CELU", "Softplus",
    "Softsign", "Sigmoid", "Hardsigmoid", "LogSigmoid", "Tanh", "Hardtanh",
    "Tanhshrink", "Softshrink", "Hardshrink", "GELU", "SiLU", "Hardswish", "Mish",
)  # fmt: skip
KEYS = {"LeakyReLU": "leaky_relu", "LogSigmoid": "log_sigmoid", "SiLU": "swish"}


class _Cast(nn.Module):
    """A cast to a type of eight bits, and back."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.short = getattr(torch, name)

    def forward(self, x: Tensor) -> Tensor:
        return x.to(self.short).float()


class _Typed(nn.Module):
    """A module that takes and gives float32 and computes in another type."""

    def __init__(self, inner: nn.Module, dtype: str) -> None:
        super().__init__()
        self.dtype = getattr(torch, dtype)
        self.inner = inner.to(self.dtype)

    def forward(self, x: Tensor) -> Tensor:
        if self.dtype == torch.float32:
            return self.inner(x)
        return self.inner(x.to(self.dtype)).float()


class _Graph:
    """A module with the graphs that were made of it, one for each shape."""

    def __init__(
        self, build: Callable[[], nn.Module], dtype: str, export: _Export
    ) -> None:
        self.module, self.export = _Typed(build(), dtype).eval(), export
        self.made: dict[tuple[int, ...], tuple[Runner, list[str]]] = {}

    @property
    def names(self) -> list[str] | None:
        """The operations of the graph that was made first; None where none was."""
        return next(iter(self.made.values()))[1] if self.made else None

    def of(self, shape: tuple[int, ...]) -> tuple[Runner, list[str]]:
        if shape not in self.made:
            self.made[shape] = self.export(self.module, torch.zeros(shape))
        return self.made[shape]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        if x.ndim == 1:  # one graph for all lists of numbers
            padded = np.zeros(LENGTH, np.float32)
            padded[: x.size] = x
            return self.of(padded.shape)[0](padded)[: x.size]
        return self.of(x.shape)[0](x)


_Export = Callable[[nn.Module, Tensor], tuple[Runner, list[str]]]


class Exported(Graphs):
    """PyTorch's modules behind an exporter and a runtime.

    Parameters
    ----------
    path : the libraries on the way, as a user would name them.
    export : makes the graph of a module for inputs like an example; returns what runs
        it, and the names of its operations.
    """

    def __init__(self, path: str, export: _Export) -> None:
        self.path, self.export = path, export

    def entries(self) -> Mapping[str, Entry]:
        """Return PyTorch's modules behind this exporter."""
        entries = {
            KEYS.get(name, name.lower()): self._entry(f"nn.{name}()", getattr(nn, name))
            for name in NAMES
        }
        return entries | {
            "gelu_tanh": self._entry('nn.GELU("tanh")', lambda: nn.GELU("tanh")),
            "softmax": self._entry("nn.Softmax(-1)", lambda: nn.Softmax(-1), True),
            "log_softmax": self._entry(
                "nn.LogSoftmax(-1)", lambda: nn.LogSoftmax(-1), True
            ),
            "glu": self._entry("nn.GLU()", nn.GLU, True),
        }

    def _entry(
        self, call: str, build: Callable[[], nn.Module], vector: bool = False
    ) -> Entry:
        return Entry(
            call, lambda dtype: _Graph(build, dtype, self.export), None, vector
        )

    def facts(self) -> dict[str, Any]:
        """Return casts to types of eight bits, in a graph."""
        return {"eight bits": eight_bits(self._cast)}

    def _cast(self, x: np.ndarray, name: str) -> np.ndarray:
        return self.export(_Cast(name), torch.from_numpy(x))[0](x)
