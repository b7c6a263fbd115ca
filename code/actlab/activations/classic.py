"""Classical activations that torch lacks as modules, from the step to DyT."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

__all__ = [
    "ISRU",
    "Arctan",
    "Derf",
    "DyT",
    "Gaussian",
    "LeCunTanh",
    "NewFun",
    "Sign",
    "Square",
    "Step",
    "Laplace",
]


class _StepFunction(torch.autograd.Function):
    """The step with its true derivative: zero wherever it has one."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return (x >= 0).to(x.dtype).masked_fill(x.isnan(), math.nan)

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
    """The square, x²: smooth and not linear; one layer is no universal approximator.

    Chapter: 1. Source: Leshno, Lin, Pinkus and Schocken 1993 (as the exception).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the square of each element of ``x``, in its shape and dtype."""
        return x.square()


class Sign(nn.Module):
    """The perceptron's answer: −1, 0 or 1; its gradient is 0.

    Chapter: 2 and 3. Source: Rosenblatt 1958.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the sign of each element of ``x``, in its shape and dtype."""
        return torch.sign(x).masked_fill(x.isnan(), math.nan)


class Gaussian(nn.Module):
    """e^(−x²), the bump of radial basis functions.

    The input is cut at ±30, where the bump is 0 in every dtype: without the cut the
    gradient of the largest numbers is 0 · ∞ = nan.

    Chapter: 3. Source: Broomhead and Lowe 1988.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the bump at each element of ``x``, in its shape and dtype."""
        return torch.exp(-x.clamp(-30.0, 30.0).square())


class LeCunTanh(nn.Module):
    """1.7159 tanh(2x/3): scaled so that f(±1) = ±1 and the bend is largest near ±1.

    Chapter: 3. Source: LeCun, Bottou, Orr and Müller 1998.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the scaled tanh of each element of ``x``, in its shape and dtype."""
        return 1.7159 * torch.tanh(x * (2 / 3))


class Arctan(nn.Module):
    """The arctangent, an S between ±π/2 with tails that fall like 1/x.

    Chapter: 3.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the arctangent of each element of ``x``, in its shape and dtype."""
        return _ArctanFunction.apply(x)


class ISRU(nn.Module):
    """x/√(1 + x²), the inverse square root unit: an S without an exponential.

    Chapter: 3. Source: Carlile et al. 2017, arXiv:1710.09967.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return x/√(1 + x²) of each element, in the shape and dtype of ``x``."""
        return _ISRUFunction.apply(x)


class _ArctanFunction(torch.autograd.Function):
    """arctan with a slope whose square cannot overflow."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.atan(x)

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        context.save_for_backward(*inputs)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (x,) = context.saved_tensors
        length = torch.hypot(x, torch.ones_like(x))
        return gradient / length / length


class _ISRUFunction(torch.autograd.Function):
    """x/√(1 + x²) by ``hypot``, so that x² neither overflows nor cancels."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x / torch.hypot(x, torch.ones_like(x))

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        context.save_for_backward(*inputs)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (x,) = context.saved_tensors
        length = torch.hypot(x, torch.ones_like(x))
        return gradient / length / length / length


class DyT(nn.Module):
    """Dynamic tanh, γ tanh(αx) + β: a point-wise stand-in for layer normalisation.

    Parameters
    ----------
    alpha : float
        Start of the one learnt number in front of ``x``.
    features : int or None
        Size of the last axis, each entry of which gets a learnt γ (from 1) and β (from
        0). None leaves them out, so that the function is tanh(αx).

    Raises ``ValueError`` for inputs whose last axis has another size. Chapter: 3.
    Source: Zhu, Chen, He, LeCun and Liu 2025, arXiv:2503.10622.
    """

    def __init__(self, alpha: float = 0.5, features: int | None = None) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(float(alpha)))
        self.features = features
        self.gamma = None if features is None else nn.Parameter(torch.ones(features))
        self.beta = None if features is None else nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """Return γ tanh(αx) + β of ``x``, shape (…, features), in its shape."""
        value = torch.tanh(self.alpha.to(x.dtype) * x)
        if self.gamma is None or self.beta is None:
            return value
        if x.dim() == 0 or x.shape[-1] != self.features:
            raise ValueError(
                f"the last axis of x must have size {self.features}, one γ and β for "
                f"each entry; x has shape {tuple(x.shape)}"
            )
        return self.gamma.to(x.dtype) * value + self.beta.to(x.dtype)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha.item():.4g}, features={self.features}"


class Derf(nn.Module):
    """Dynamic erf, γ erf(αx + s) + β: DyT with the error function and a shift.

    Parameters
    ----------
    alpha, shift : float
        Start of the learnt numbers in front of ``x`` and beside it.
    features : int or None
        As in `DyT`: the size of the last axis, for a learnt γ (from 1) and β (from 0)
        of each entry; None leaves them out.

    Raises ``ValueError`` for inputs whose last axis has another size. Chapter: 3.
    Source: Chen et al. 2025, arXiv:2512.10938.
    """

    def __init__(
        self, alpha: float = 0.5, shift: float = 0.0, features: int | None = None
    ) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(float(alpha)))
        self.shift = nn.Parameter(torch.tensor(float(shift)))
        self.features = features
        self.gamma = None if features is None else nn.Parameter(torch.ones(features))
        self.beta = None if features is None else nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """Return γ erf(αx + s) + β of ``x``, shape (…, features), in its shape."""
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        inside = self.alpha.to(wide.dtype) * wide + self.shift.to(wide.dtype)
        value = torch.erf(inside).to(x.dtype)
        if self.gamma is None or self.beta is None:
            return value
        if x.dim() == 0 or x.shape[-1] != self.features:
            raise ValueError(
                f"the last axis of x must have size {self.features}, one γ and β for "
                f"each entry; x has shape {tuple(x.shape)}"
            )
        return self.gamma.to(x.dtype) * value + self.beta.to(x.dtype)

    def extra_repr(self) -> str:
        numbers = f"alpha={self.alpha.item():.4g}, shift={self.shift.item():.4g}"
        return f"{numbers}, features={self.features}"


class Laplace(nn.Module):
    """Φ((x − μ)/σ), which Mega takes for its attention: a squared ReLU with bounds.

    μ = √½ and σ = 1/(2√π) to six digits, as programs have them.

    Chapter: 3. Source: Ma et al. 2022, arXiv:2209.10655.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return Laplace of each element of ``x``, in its shape and dtype."""
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        unit = 0.282095 * math.sqrt(2)
        place = 0.707107 / unit - wide / unit
        return (torch.erfc(place) / 2).to(x.dtype)
