"""Gated units, maxout and mixtures (chapter 7): activations that need a whole axis.

A gated unit cuts one axis into halves, the value first and the gate second, as
``nn.GLU`` does, and returns value × f(gate): the axis comes out half as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = [
    "Bilinear",
    "ClampedSwiGLU",
    "GEGLU",
    "GroupSort",
    "Maxout",
    "Mixture",
    "PolyNorm",
    "ReGLU",
    "SwiGLU",
]


class Bilinear(nn.Module):
    """Value × gate, with no function on the gate.

    Parameters
    ----------
    dim : int
        The axis that is halved.

    ``forward`` raises ``ValueError`` for an axis that is missing or of odd size.

    Chapter: 7. Source: Dauphin et al. 2017, arXiv:1612.08083; Shazeer 2020.
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def gate(self, x: Tensor) -> Tensor:
        """Return what the value is multiplied with."""
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Return value × gate: the shape of ``x`` with axis ``dim`` half as long."""
        value, gate = _halves(x, self.dim, type(self).__name__)
        return value * self.gate(gate)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class ReGLU(Bilinear):
    """Value × ReLU(gate); parameters and errors are those of `Bilinear`.

    Chapter: 7. Source: Shazeer 2020, arXiv:2002.05202.
    """

    def gate(self, x: Tensor) -> Tensor:
        """Return what the value is multiplied with."""
        return F.relu(x)


class GEGLU(Bilinear):
    """Value × GELU(gate).

    Parameters
    ----------
    dim : int
        The axis that is halved.
    approximate : "none" or "tanh"
        The form of GELU; Gemma takes "tanh".

    Chapter: 7. Source: Shazeer 2020, arXiv:2002.05202.
    """

    def __init__(self, dim: int = -1, approximate: str = "none") -> None:
        super().__init__(dim)
        if approximate not in ("none", "tanh"):
            raise ValueError(f"approximate is 'none' or 'tanh', not {approximate!r}")
        self.approximate = approximate

    def gate(self, x: Tensor) -> Tensor:
        """Return what the value is multiplied with."""
        return F.gelu(x, approximate=self.approximate)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, approximate={self.approximate!r}"


class SwiGLU(Bilinear):
    """Value × Swish(gate), with gate · σ(β gate) for Swish.

    Parameters
    ----------
    dim : int
        The axis that is halved.
    beta : float
        1 gives SiLU, which is what the large models take.

    Chapter: 7. Source: Shazeer 2020, arXiv:2002.05202.
    """

    def __init__(self, dim: int = -1, beta: float = 1.0) -> None:
        super().__init__(dim)
        self.beta = float(beta)

    def gate(self, x: Tensor) -> Tensor:
        """Return what the value is multiplied with."""
        return _swish(x, self.beta)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, beta={self.beta:g}"


class ClampedSwiGLU(nn.Module):
    """(value + 1) × Swish(gate), both cut at a limit, as in gpt-oss.

    The value is cut at ± limit, the gate only from above. A number on the limit counts
    as cut, so its slope is 0.

    Parameters
    ----------
    limit : float
        Where they are cut.
    beta : float
        The steepness of the gate's sigmoid.
    dim : int
        The axis that is halved.

    Chapter: 7. Source: OpenAI 2025, the published code of gpt-oss.
    """

    def __init__(self, limit: float = 7.0, beta: float = 1.702, dim: int = -1) -> None:
        super().__init__()
        if not limit > 0:
            raise ValueError(f"limit must be positive, not {limit!r}")
        self.limit, self.beta, self.dim = float(limit), float(beta), dim

    def forward(self, x: Tensor) -> Tensor:
        """Return the product: the shape of ``x`` with axis ``dim`` half as long."""
        value, gate = _halves(x, self.dim, "ClampedSwiGLU")
        # The slope of clamp at its bounds depends on the release; hardtanh's is 0.
        gate = F.hardtanh(gate, -math.inf, self.limit)
        value = F.hardtanh(value, -self.limit, self.limit)
        return (value + 1) * _swish(gate, self.beta)

    def extra_repr(self) -> str:
        return f"limit={self.limit:g}, beta={self.beta:g}, dim={self.dim}"


class Maxout(nn.Module):
    """The largest of each group of k neighbours: after a linear layer, a maxout unit.

    Where several are the largest they share the gradient evenly.

    Parameters
    ----------
    pieces : int
        k, the size of a group; a layer for m units has k·m outputs.
    dim : int
        The axis that is cut into groups.

    ``forward`` raises ``ValueError`` for an axis that cannot be cut so.

    Chapter: 7. Source: Goodfellow et al. 2013, arXiv:1302.4389.
    """

    def __init__(self, pieces: int = 2, dim: int = -1) -> None:
        super().__init__()
        if pieces < 1:
            raise ValueError(f"pieces must be at least 1, not {pieces!r}")
        self.pieces, self.dim = pieces, dim

    def forward(self, x: Tensor) -> Tensor:
        """Return the maxima: the shape of ``x`` with axis ``dim`` k times shorter."""
        groups = _groups(x, self.dim, self.pieces, "Maxout")
        return groups.amax(-1).movedim(-1, self.dim)

    def extra_repr(self) -> str:
        return f"pieces={self.pieces}, dim={self.dim}"


class GroupSort(nn.Module):
    """Each group of k neighbours in rising order: it loses nothing and keeps the norm.

    With k = 2 the smaller stands before the larger of each pair (MaxMin). Equal ones,
    and so their gradients, keep their order.

    Parameters
    ----------
    pieces : int
        k, the size of a group.
    dim : int
        The axis that is cut into groups.

    ``forward`` raises ``ValueError`` for an axis that cannot be cut so.

    Chapter: 7. Source: Anil, Lucas and Grosse 2019, arXiv:1811.05381.
    """

    def __init__(self, pieces: int = 2, dim: int = -1) -> None:
        super().__init__()
        if pieces < 1:
            raise ValueError(f"pieces must be at least 1, not {pieces!r}")
        self.pieces, self.dim = pieces, dim

    def forward(self, x: Tensor) -> Tensor:
        """Return the sorted groups, in the shape and dtype of ``x``."""
        groups = _groups(x, self.dim, self.pieces, "GroupSort")
        order = _sorted_pairs if self.pieces == 2 else _sorted
        return order(groups).flatten(-2).movedim(-1, self.dim)

    def extra_repr(self) -> str:
        return f"pieces={self.pieces}, dim={self.dim}"


def _sorted(groups: Tensor) -> Tensor:
    return groups.sort(dim=-1, stable=True).values


def _sorted_pairs(groups: Tensor) -> Tensor:
    """Return what :func:`_sorted` returns for groups of two, without a sort.

    A pair is swapped where it is not in order; a nan counts as the largest.
    """
    first, second = groups.detach().unbind(-1)
    swap = ~((first <= second) | second.isnan())
    return groups.gather(-1, torch.stack((swap, ~swap), -1).long())


class Mixture(nn.Module):
    """Σ g_k(x) φ_k(x): several activations, weighed by a softmax of the input.

    Parameters
    ----------
    functions : sequence of callables
        The φ_k, from tensor to tensor.
    features : int or None
        None weighs each element by its own value, with two learnt numbers per
        function: g = softmax(w x + b). A size makes one linear gate look at the whole
        last axis, and weighs all its entries alike.

    It starts with equal weights. Raises ``ValueError`` without functions and for inputs
    whose last axis has another size. Chapter: 7 and 8.
    """

    def __init__(
        self,
        functions: Sequence[Callable[[Tensor], Tensor]] = (torch.relu, torch.tanh),
        features: int | None = None,
    ) -> None:
        super().__init__()
        if not functions:
            raise ValueError("a mixture needs at least one function")
        self.functions, self.features = tuple(functions), features
        # Functions that are modules are part of this one: their numbers train too.
        self.members = nn.ModuleList(f for f in functions if isinstance(f, nn.Module))
        inputs = 1 if features is None else features
        self.weight = nn.Parameter(torch.zeros(len(functions), inputs))
        self.bias = nn.Parameter(torch.zeros(len(functions)))

    def gates(self, x: Tensor) -> Tensor:
        """Return the weights g_k along a new last axis."""
        if self.features is None:
            # No softmax is still undecided at 1e18, and nothing overflows there.
            seen = x.clamp(-1e18, 1e18).unsqueeze(-1)
        elif x.dim() == 0 or x.shape[-1] != self.features:
            raise ValueError(
                f"the last axis of x must have size {self.features}, which the gate "
                f"looks at; x has shape {tuple(x.shape)}"
            )
        else:
            seen = x.unsqueeze(-2)
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        return torch.softmax(F.linear(seen, weight, bias), -1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixture at each element of ``x``, in its shape and dtype."""
        small = x.dtype in (torch.float16, torch.bfloat16)
        wide = x.float() if small else x
        results = torch.stack([function(wide) for function in self.functions], -1)
        return (self.gates(wide) * results).sum(-1).to(x.dtype)

    def extra_repr(self) -> str:
        return f"functions={len(self.functions)}, features={self.features}"


class PolyNorm(nn.Module):
    """Σ a_k xᵏ / rms(xᵏ) + b, k = 1 to 3: powers, each normalised along an axis.

    Parameters
    ----------
    eps : float
        Is added to the mean of the squares before its root is taken; at least 0.
    dim : int
        The axis along which the root of the mean of the squares is taken.

    The weights a_k, in ``weight``, start at ⅓ and the shift b, in ``bias``, at 0; all
    four are learnt. An output depends on its whole axis, and hardly on the input's
    size. ``forward`` raises ``ValueError`` for an axis that is missing.

    Chapter: 7. Source: Zhuo et al. 2024, arXiv:2411.03884.
    """

    def __init__(self, eps: float = 1e-6, dim: int = -1) -> None:
        super().__init__()
        if not eps >= 0:
            raise ValueError(f"eps must be at least 0, not {eps!r}")
        self.eps, self.dim = eps, dim
        self.weight = nn.Parameter(torch.full((3,), 1 / 3))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of the normalised powers, in the shape and dtype of ``x``."""
        _size(x, self.dim, "PolyNorm")
        half = x.dtype in (torch.float16, torch.bfloat16)
        wide = x.float() if half or not x.is_floating_point() else x
        # The powers of what is at most 1 do not overflow; eps shrinks along with them.
        unit = wide.detach().abs().amax(self.dim, keepdim=True).clamp(min=1.0)
        scaled = wide / unit
        weight, total = self.weight.to(wide.dtype), self.bias.to(wide.dtype)
        for power in (1, 2, 3):
            raised = scaled**power
            square = raised.square().mean(self.dim, keepdim=True)
            small = self.eps / unit ** (2 * power)
            total = total + weight[power - 1] * raised * torch.rsqrt(square + small)
        return total.to(x.dtype) if x.is_floating_point() else total

    def extra_repr(self) -> str:
        return f"eps={self.eps}, dim={self.dim}"


def _size(x: Tensor, dim: int, name: str) -> int:
    axes = x.dim()
    if not -axes <= dim < axes:
        raise ValueError(
            f"{name} works along axis {dim}, and a tensor of shape {tuple(x.shape)} "
            f"has no such axis; choose dim for {axes} axes"
        )
    return x.shape[dim]


def _groups(x: Tensor, dim: int, pieces: int, name: str) -> Tensor:
    """Return the axis last, cut into groups: shape (…, size / k, k)."""
    size = _size(x, dim, name)
    if size % pieces:
        raise ValueError(
            f"{name} cuts axis {dim} into groups of {pieces}; its size {size} in shape "
            f"{tuple(x.shape)} is no multiple of {pieces}"
        )
    return x.movedim(dim, -1).unflatten(-1, (-1, pieces))


def _halves(x: Tensor, dim: int, name: str) -> tuple[Tensor, Tensor]:
    size = _size(x, dim, name)
    if size % 2:
        raise ValueError(
            f"{name} halves axis {dim}, whose size {size} in shape {tuple(x.shape)} "
            "is odd"
        )
    value, gate = x.chunk(2, dim)
    return value, gate


def _swish(x: Tensor, beta: float) -> Tensor:
    """x σ(βx) with a gradient that is finite whatever it is multiplied with.

    In the product of x and σ(βx), a large negative x times a value overflows on the way
    back, and meets a slope of 0. SiLU's own kernel has no such product.
    """
    if beta == 1:
        return F.silu(x)  # one kernel instead of five
    if beta == 0:
        return x / 2
    scaled = beta * x
    small = F.silu(scaled.clamp(-1e4, 50.0)) / beta
    # From 50 on it is x in every dtype; at 50 itself the clamp's slope may be 0.
    return torch.where(scaled >= 50.0, x, small)
