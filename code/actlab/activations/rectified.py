"""Rectified activations that torch lacks as modules (chapter 4)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = [
    "Absolute",
    "CReLU",
    "NIPUNA",
    "SquaredReLU",
    "XIELU",
    "RootSoftplus",
]


class Absolute(nn.Module):
    """The absolute value, a maxout unit of two pieces; its slope at 0 is 0 in torch.

    Chapter: 4. Source: Jarrett, Kavukcuoglu, Ranzato and LeCun 2009.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return |x| of each element of ``x``, in its shape and dtype."""
        return x.abs()


class SquaredReLU(nn.Module):
    """ReLU², max(0, x)²: no kink, and a slope that grows without bound.

    Chapter: 4. Source: So et al. 2021 (Primer), arXiv:2109.08668.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return ReLU² of each element of ``x``, in its shape and dtype."""
        return F.relu(x).square()


class CReLU(nn.Module):
    """ReLU of x and of −x, side by side: keeps the norm and doubles an axis.

    Parameters
    ----------
    dim : int
        The axis that is doubled: −1 for vectors, 1 for the channels of an image.

    Chapter: 4. Source: Shang, Sohn, Almeida and Lee 2016, arXiv:1603.05201.
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x`` with twice as much on axis ``dim``.

        Raises ``ValueError`` if ``x`` has no such axis.
        """
        if not -x.dim() <= self.dim < x.dim():
            raise ValueError(
                f"CReLU doubles axis {self.dim}, and a tensor of shape "
                f"{tuple(x.shape)} has no such axis; choose dim for {x.dim()} axes"
            )
        return torch.cat([F.relu(x), F.relu(-x)], self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class NIPUNA(nn.Module):
    """The larger of x and x σ(βx): the identity on the right, Swish on the left.

    Parameters
    ----------
    beta : float
        How steep the left side is; 0 makes it the line x/2.

    Chapter: 4. Source: Madhu et al. 2023, Axioms 12(3):246.
    """

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        self.beta = float(beta)

    def forward(self, x: Tensor) -> Tensor:
        """Return NIPUNA of each element of ``x``, in its shape and dtype."""
        return torch.where(x > 0, x, x * torch.sigmoid(self.beta * x))

    def extra_repr(self) -> str:
        return f"beta={self.beta:g}"


class XIELU(nn.Module):
    """α_p x² + βx on the right, α_n (eˣ − 1 − x) + βx on the left, both α learnt.

    Its slope is ReLU² with a shift on the right and ELU with a shift on the left. The
    parameters are kept as inputs of a softplus, so that α_p > 0 and α_n > β.

    Parameters
    ----------
    alpha_p, alpha_n : float
        First values of the two; α_n must be larger than β.
    beta : float
        The slope at 0, fixed.

    Raises ``ValueError`` for values that no parameter can give.

    Chapter: 4 and 8. Source: Huang and Schlag 2024, arXiv:2411.13010.
    """

    def __init__(
        self, alpha_p: float = 0.8, alpha_n: float = 0.8, beta: float = 0.5
    ) -> None:
        super().__init__()
        if not alpha_p > 0:
            raise ValueError(f"alpha_p must be positive, got {alpha_p}")
        if not alpha_n > beta:
            raise ValueError(f"alpha_n must be larger than beta, {beta}, got {alpha_n}")
        self.beta = float(beta)
        self.raw_p = nn.Parameter(torch.tensor(_inverse_softplus(alpha_p)))
        self.raw_n = nn.Parameter(torch.tensor(_inverse_softplus(alpha_n - beta)))

    @property
    def alpha_p(self) -> Tensor:
        """The curvature on the right."""
        return F.softplus(self.raw_p)

    @property
    def alpha_n(self) -> Tensor:
        """The weight of the exponential on the left."""
        return self.beta + F.softplus(self.raw_n)

    def forward(self, x: Tensor) -> Tensor:
        """Return xIELU of each element of ``x``, in its shape and dtype."""
        # Each side is 0 on the other, so the two are added: a choice between them costs
        # a CPU more than all the rest. The left side has the slope at 0.
        right, left = F.relu(x), _left_of_zero(x)
        # α_n (e^x − 1) − (α_n − β) x: the x of both terms is collected before it is
        # large, or half precision would lose digits of the difference.
        steep = F.softplus(self.raw_n)
        below = (self.beta + steep) * torch.expm1(left) - steep * left
        return right * (self.alpha_p * right + self.beta) + below

    def extra_repr(self) -> str:
        return (
            f"alpha_p={self.alpha_p.item():g}, alpha_n={self.alpha_n.item():g}, "
            f"beta={self.beta:g}"
        )


class RootSoftplus(nn.Module):
    """√(softplus(x)), a score of a router: e^(x/2) far left, √x far right.

    The root's slope at 0 is infinite. Where softplus is lost, in float32 below −104,
    the slope would be 0 · ∞; so far left the exponential takes over.

    Chapter: 4.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return √softplus of each element of ``x``, in its shape and dtype."""
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        end = -64.0 if wide.dtype == torch.float64 else -32.0
        near = F.threshold(wide, end, end)
        # The number after the end, so that one of the two has a slope at the end.
        after = end * (1 - torch.finfo(wide.dtype).eps / 2)
        root = torch.logaddexp(near, torch.zeros_like(near)).sqrt()
        return (root * torch.exp(-F.relu(after - wide) / 2)).to(x.dtype)


def _inverse_softplus(value: float) -> float:
    return math.log(math.expm1(value))


def _left_of_zero(x: Tensor) -> Tensor:
    """Return min(x, 0), with the slope 1 at 0 in every release of PyTorch.

    It is c − relu(c) for c = min(x, 1): cut there, infinity leaves no ∞ − ∞.
    """
    cut = F.threshold(-x, -1.0, -1.0)  # −c; what slope it has at 1 does not matter
    return -(cut + F.relu(-cut))
