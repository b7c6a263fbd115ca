"""Smooth self-gated activations that torch lacks (chapter 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["QuickGELU", "Swish", "TeLU"]


class QuickGELU(nn.Module):
    """x σ(1.702 x), GELU with its normal cdf replaced by a sigmoid.

    Chapter: 5. Source: Hendrycks and Gimpel 2016, arXiv:1606.08415.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return QuickGELU of each element of ``x``, in its shape and dtype."""
        return x * torch.sigmoid(1.702 * x)


class Swish(nn.Module):
    """x σ(βx); β = 1 is SiLU, β = 0 is x/2, a large β comes close to ReLU.

    Parameters
    ----------
    beta : float
        Its value, or its first value if it is trained.
    trainable : bool
        Whether ``beta`` is a parameter that training changes.

    Chapter: 5 and 8. Source: Ramachandran, Zoph and Le 2017, arXiv:1710.05941.
    """

    def __init__(self, beta: float = 1.0, trainable: bool = False) -> None:
        super().__init__()
        if trainable:
            self.beta = nn.Parameter(torch.tensor(float(beta)))
        else:
            self.beta = float(beta)

    def forward(self, x: Tensor) -> Tensor:
        """Return Swish of each element of ``x``, in its shape and dtype."""
        return x * torch.sigmoid(self.beta * x)

    def extra_repr(self) -> str:
        return f"beta={torch.as_tensor(self.beta).item():g}"


class TeLU(nn.Module):
    """x tanh(eˣ), the hyperbolic tangent exponential linear unit.

    The exponent is cut at 4, where tanh(e⁴) is 1 in every dtype: without the cut the
    gradient of large inputs is 0 · ∞ = nan.

    Chapter: 5. Source: Fernandez and Mali 2024, arXiv:2412.20269.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return TeLU of each element of ``x``, in its shape and dtype."""
        return x * torch.tanh(torch.exp(x.clamp(max=4.0)))
