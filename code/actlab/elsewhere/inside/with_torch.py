"""PyTorch: modules as a user builds them, and the operations that have ties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from .protocol import INTEGERS, Entry, Function, Library, eight_bits, operation

__all__ = ["LIBRARY", "Torch", "module"]


class Torch(Library):
    """PyTorch; libraries on top of it take its methods and list other functions."""

    def entries(self) -> Mapping[str, Entry]:
        """Return PyTorch's own modules, and the operations with ties."""
        return MODULES | OPERATIONS

    def value(self, f: Function, x: np.ndarray, dtype: str) -> tuple[np.ndarray, str]:
        """Return f(x), and the type that came out."""
        with torch.no_grad():
            y = f(torch.from_numpy(x).to(getattr(torch, dtype)))
        return y.float().numpy(), str(y.dtype).removeprefix("torch.")

    def slope(self, f: Function, x: np.ndarray, dtype: str, weights: Any) -> np.ndarray:
        """Return autograd's gradient of Σ weights·f(x)."""
        given = torch.from_numpy(x).to(getattr(torch, dtype)).requires_grad_()
        y = f(given)
        upstream = torch.ones_like(y) * torch.as_tensor(weights, dtype=y.dtype)
        (slope,) = torch.autograd.grad(y, given, upstream)
        return slope.float().numpy()

    def second(self, f: Function, x: np.ndarray) -> np.ndarray:
        """Return autograd's gradient of its own gradient."""
        given = torch.from_numpy(x).requires_grad_()
        y = f(given)
        slope = torch.autograd.grad(y, given, torch.ones_like(y), create_graph=True)[0]
        if not slope.requires_grad:  # a constant slope has no graph: 0 everywhere
            return np.zeros_like(x)
        second = torch.autograd.grad(
            slope, given, torch.ones_like(slope), allow_unused=True
        )[0]
        return (
            np.zeros_like(x)
            if second is None
            else (second + torch.zeros_like(given)).detach().numpy()
        )

    def integer(self, f: Function) -> tuple[np.ndarray, str]:
        """Return f of an int64 tensor."""
        y = f(torch.tensor([INTEGERS]))
        return y.detach().double().numpy(), str(y.dtype).removeprefix("torch.")

    def facts(self) -> dict[str, Any]:
        """Return the parts of the processor that PyTorch uses, and casts."""
        return {
            "capability": torch.backends.cpu.get_cpu_capability(),
            "eight bits": eight_bits(_cast),
        }


def _cast(x: np.ndarray, name: str) -> np.ndarray:
    return torch.from_numpy(x).to(getattr(torch, name)).float().numpy()


def module(
    call: str, build: Callable[[], nn.Module], vector: bool = False, **more: Any
) -> Entry:
    """Return the entry of a module that is built without arguments."""

    def make(dtype: str) -> Function:
        return build().to(getattr(torch, dtype)).eval()

    signature = type(build()) if call.endswith("()") else None
    return Entry(call, make, signature, vector, **more)


def _of(name: str, vector: bool = False, **more: Any) -> Entry:
    return module(f"nn.{name}()", getattr(nn, name), vector, **more)


def _prelu_start(shape: tuple[int, ...]) -> np.ndarray:
    return nn.PReLU().weight.detach().numpy()


MODULES = {
    "relu": _of("ReLU"),
    "relu6": _of("ReLU6"),
    "leaky_relu": _of("LeakyReLU"),
    "prelu": _of("PReLU", start=_prelu_start),
    "elu": _of("ELU"),
    "selu": _of("SELU"),
    "celu": _of("CELU"),
    "softplus": _of("Softplus"),
    "softsign": _of("Softsign"),
    "sigmoid": _of("Sigmoid"),
    "hardsigmoid": _of("Hardsigmoid"),
    "log_sigmoid": _of("LogSigmoid"),
    "tanh": _of("Tanh"),
    "hardtanh": _of("Hardtanh"),
    "tanhshrink": _of("Tanhshrink"),
    "softshrink": _of("Softshrink"),
    "hardshrink": _of("Hardshrink"),
    "threshold": module("nn.Threshold(0.5, 0)", lambda: nn.Threshold(0.5, 0.0)),
    "gelu": _of("GELU"),
    "gelu_tanh": module('nn.GELU("tanh")', lambda: nn.GELU("tanh")),
    "swish": _of("SiLU"),
    "hardswish": _of("Hardswish"),
    "mish": _of("Mish"),
    "softmax": _of("Softmax", True),
    "log_softmax": _of("LogSoftmax", True),
    "softmin": _of("Softmin", True),
    "glu": _of("GLU", True, axis=False),
}


OPERATIONS = {
    "maximum": operation(
        "torch.maximum(x, zeros)", lambda x: torch.maximum(x, torch.zeros_like(x))
    ),
    "clip": operation("torch.clamp(x, -1, 1)", lambda x: x.clamp(-1, 1)),
    "abs": operation("torch.abs(x)", torch.abs),
    "amax": operation(
        "torch.amax(x, -1)", lambda x: x.amax(-1), vector=True, axis=False
    ),
    "max": operation(
        "torch.max(x, -1).values",
        lambda x: x.max(-1).values,
        vector=True,
        axis=False,
    ),
}

LIBRARY = Torch()
