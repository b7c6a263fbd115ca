"""Classical activations that torch lacks as modules: step, newfun, square."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["NewFun", "Square", "Step"]


class _StepFunction(torch.autograd.Function):
    """The step with its true derivative: zero wherever it has one."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return (x >= 0).to(x.dtype)

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        """Keep nothing: the derivative does not depend on the input."""

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return torch.zeros_like(gradient)


class Step(nn.Module):
    """The threshold unit: 1 where x ≥ theta, 0 elsewhere; its gradient is 0.

    Parameters
    ----------
    theta : float
        The threshold, in the units of the input.

    Chapter: 2 and 3. Source: McCulloch and Pitts 1943.
    """

    def __init__(self, theta: float = 0.0) -> None:
        super().__init__()
        self.theta = theta

    def forward(self, x: Tensor) -> Tensor:
        """Return 0 or 1 for each element of ``x``, in its shape and dtype."""
        return _StepFunction.apply(x - self.theta)

    def extra_repr(self) -> str:
        return f"theta={self.theta}"


class NewFun(nn.Module):
    """newfun, 2σ(x) − 1: the sigmoid moved to be centred on zero.

    Computed as tanh(x/2), the same function, because 2σ(x) − 1 loses every digit
    near x = 0.

    Chapter: 3.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return newfun of each element of ``x``, in its shape and dtype."""
        return torch.tanh(x / 2)


class Square(nn.Module):
    """The square, x²: smooth, not linear, and still no universal approximator.

    Chapter: 1. Source: Leshno, Lin, Pinkus and Schocken 1993 (as the exception).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the square of each element of ``x``, in its shape and dtype."""
        return x.square()
