"""Smooth self-gated activations that torch lacks (chapter 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = [
    "ELiSH",
    "HardELiSH",
    "LiSHT",
    "Logish",
    "Phish",
    "QuickGELU",
    "Serf",
    "Smish",
    "SwiGELU",
    "Swish",
    "TeLU",
    "ClippedGELU",
]


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

    beta: nn.Parameter | float

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


class SwiGELU(nn.Module):
    """Half SiLU and half GELU: ½x(σ(x) + Φ(x)).

    Chapter: 5. A function of this course's source texts.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return SwiGELU of each element of ``x``, in its shape and dtype."""
        return F.silu(x) / 2 + _gelu(x) / 2


class ELiSH(nn.Module):
    """x σ(x) on the right, (eˣ − 1) σ(x) on the left.

    Chapter: 5. Source: Basirat and Roth 2018, arXiv:1808.00783.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return ELiSH of each element of ``x``, in its shape and dtype."""
        left = torch.expm1(x.clamp(max=0.0))
        return torch.where(x >= 0, x, left) * torch.sigmoid(x)


class HardELiSH(nn.Module):
    """ELiSH with the line (x + 1)/2, cut to 0 … 1, in place of the sigmoid.

    Chapter: 5. Source: Basirat and Roth 2018, arXiv:1808.00783.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return HardELiSH of each element of ``x``, in its shape and dtype."""
        # ELU is x on the right and eˣ − 1 on the left. Hardtanh has the slope 0 at its
        # bounds in every release of PyTorch, a clamp has not.
        return F.elu(x) * ((F.hardtanh(x) + 1) / 2)


class Serf(nn.Module):
    """x erf(softplus(x)): Mish with the error function for the tanh.

    Chapter: 5. Source: Nag et al. 2023, arXiv:2108.09598.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return Serf of each element of ``x``, in its shape and dtype."""
        # Below −750 the gate is 0 in every dtype; a larger factor would meet it in the
        # gradient as ∞ · 0.
        return x.clamp(min=-750.0) * torch.erf(F.softplus(x))


class Smish(nn.Module):
    """x tanh(ln(1 + σ(x))); on the right its slope ends at 0.6, not at 1.

    Chapter: 5. Source: Wang, Ren and Wang 2022, Electronics 11(4):540.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return Smish of each element of ``x``, in its shape and dtype."""
        return x * torch.tanh(torch.log1p(torch.sigmoid(x)))


class LiSHT(nn.Module):
    """x tanh(x): an even function, close to |x| with the corner rounded.

    Chapter: 5. Source: Roy et al. 2019, arXiv:1901.05894.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return LiSHT of each element of ``x``, in its shape and dtype."""
        return x * torch.tanh(x)


class Logish(nn.Module):
    """x ln(1 + σ(x)); on the right its slope ends at ln 2.

    Chapter: 5. Source: Zhu et al. 2021, Neurocomputing 458.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return Logish of each element of ``x``, in its shape and dtype."""
        return x * torch.log1p(torch.sigmoid(x))


class Phish(nn.Module):
    """x tanh(GELU(x)): never negative, for both factors have one sign.

    Chapter: 5. Source: Naveen 2022, a preprint.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return Phish of each element of ``x``, in its shape and dtype."""
        return x * torch.tanh(_gelu(x))


def _gelu(x: Tensor) -> Tensor:
    """GELU, which is x itself above 20; torch's bfloat16 kernel overflows there."""
    # At 20 itself x, not the clamp, gives the slope: a clamp's at its bound is 1 up to
    # PyTorch 2.13 and 0 since.
    return torch.where(x >= 20, x, F.gelu(x.clamp(max=20.0)))


class ClippedGELU(nn.Module):
    """GELU, cut at 10, so that numbers of few bits hold what comes out.

    The lower bound of −10 that goes with it is never met: GELU ends at −0.17.

    Chapter: 5.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return clipped GELU of each element of ``x``, in its shape and dtype."""
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        # GELU(10) is 10 in every format; cut first, nothing overflows on the way.
        cut = F.hardtanh(wide, -torch.finfo(wide.dtype).max, 10.0)
        return F.gelu(cut).to(x.dtype)
