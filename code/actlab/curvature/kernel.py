"""The neural tangent kernel: how alike two examples look to a small training step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from . import limits
from .surface import LossSurface

__all__ = ["ntk"]


def ntk(
    network: nn.Module,
    x: Tensor,
    x_other: Tensor | None = None,
    *,
    outputs: str = "mean",
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """The matrix of inner products between the gradients of a network's outputs.

    Parameters
    ----------
    network : left as it is, bit for bit.
    x, x_other : (n, …) and (m, …) examples; without the second, x against itself.
    outputs : ``"mean"``: the kernel averaged over the outputs, (n, m); ``"full"``: one
        row per example and output, (n · k, m · k), outputs of an example side by side.
    dtype : of the computation.

    Entry (i, j) is ∂f(xᵢ)/∂θ · ∂f(xⱼ)/∂θ over all parameters, at their present values:
    the change of the output for xᵢ when a small gradient step is taken on xⱼ.
    Memory: (n + m) · k · parameters numbers. Cost: n + m backward passes per output.
    Raises :class:`TooLargeError` above the limit, with the number of examples that
    would fit, and ``ValueError`` for unknown ``outputs``. Chapter 11; Jacot et al.
    2018, arXiv:1806.07572.
    """
    if outputs not in ("mean", "full"):
        raise ValueError(f"outputs is {outputs!r}; choose 'mean' or 'full'")
    if x_other is not None and not len(x_other):
        raise ValueError("x_other is empty: a kernel needs at least one example")
    surface = LossSurface(network, x, torch.zeros(len(x)), loss="mse", dtype=dtype)
    left = surface.jacobian()
    right = left if x_other is None else surface.jacobian(x_other)
    limits.require_memory(
        f"a kernel of {len(left):,} × {len(right):,}",
        left.element_size() * len(left) * len(right),
        "take fewer examples: {limit} hold "
        f"{int((limits.MEMORY_LIMIT / left.element_size()) ** 0.5):,} rows and columns",
    )
    if outputs == "full":
        return left @ right.T
    n, m = len(x), len(x if x_other is None else x_other)
    count = len(left) // n
    left = left.reshape(n, count * surface.size)
    return left @ right.reshape(m, count * surface.size).T / count
