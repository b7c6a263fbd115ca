"""The matrix products of many networks, for each layer in one call or one by one.

All have shapes (networks, units, examples), and the weights (networks, outputs,
inputs).  torch's own products call MKL, which on processors not by Intel may leave half
of the arithmetic idle; oneDNN, which torch brings along too, uses all of it, but takes
one network at a time.  :func:`one_dnn_pays` says which to use.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["Inputs", "Shared", "back", "forward", "gradient"]

LARGE = 128 * 128 * 128  # multiplications of a product from which oneDNN pays


@dataclass(frozen=True, eq=False)
class Shared:
    """Batches that some networks share, in place of one for each.

    Parameters
    ----------
    batches : shape (batches, inputs, examples).
    blocks : pairs of slices: which networks take which batches, as many as there are
        networks or a single one.
    """

    batches: Tensor
    blocks: Sequence[tuple[slice, slice]]

    def __iter__(self) -> Iterator[Tensor]:
        """Go through the networks' batches, one for each network."""
        for who, which in self.blocks:
            yield from self.batches[which].expand(who.stop - who.start, -1, -1)


Inputs = Tensor | Shared


def forward(bias: Tensor, weight: Tensor, inputs: Inputs, out: Tensor) -> None:
    """Write bias + weight · inputs; bias has shape (networks, outputs, 1)."""
    if _one_by_one(weight, out):
        for b, w, x, z in zip(bias, weight, inputs, out):
            torch.add(_product(w, x.T), b, out=z)
        return
    for who, h in _parts(inputs, len(weight)):
        torch.baddbmm(bias[who], weight[who], h, out=out[who])


def back(weight: Tensor, error: Tensor, out: Tensor) -> None:
    """Write weightᵀ · error."""
    if _one_by_one(weight, error):
        for w, e, below in zip(weight, error, out):
            below.copy_(_product(w.T, e.T))
        return
    torch.bmm(weight.transpose(1, 2), error, out=out)


def gradient(error: Tensor, inputs: Inputs, out: Tensor, keep: float) -> None:
    """Write keep · out + error · inputsᵀ."""
    if _one_by_one(out, error):
        for e, x, old in zip(error, inputs, out):
            new = _product(e, x)
            if keep:
                torch.add(new, old, alpha=keep, out=old)
            else:
                old.copy_(new)
        return
    for who, h in _parts(inputs, len(out)):
        out[who].baddbmm_(error[who], h.transpose(1, 2), beta=keep)


def _parts(inputs: Inputs, networks: int) -> list[tuple[slice, Tensor]]:
    if isinstance(inputs, Tensor):
        return [(slice(0, networks), inputs)]
    return [
        (who, inputs.batches[which].expand(who.stop - who.start, -1, -1))
        for who, which in inputs.blocks
    ]


def _one_by_one(weight: Tensor, passing: Tensor) -> bool:
    """Whether these products go to oneDNN, one network at a time."""
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        return False
    size = weight[0].numel() * passing.shape[-1]
    return size >= LARGE and one_dnn_pays()


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Return a · bᵀ by oneDNN's kernel, which torch's compiler uses for linear maps."""
    return torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")


@cache
def one_dnn_pays() -> bool:
    """Whether oneDNN is there, right, and the faster one on this kind of processor.

    Told by the processor's maker and not by a clock, which a busy minute could turn:
    the same machine always takes the same way, and equal runs stay equal to the bit.
    """
    if "AuthenticAMD" not in _maker():
        return False
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(256, 512, generator=generator)
    b = torch.randn(128, 512, generator=generator)
    try:
        return torch.allclose(_product(a, b), a @ b.T, 1e-4, 1e-3)
    except (AttributeError, RuntimeError, NotImplementedError):
        return False


def _maker() -> str:
    """Return what the system says of the processor, its maker's name among it."""
    try:
        return Path("/proc/cpuinfo").read_text("utf-8").partition("\n\n")[0]
    except OSError:
        return platform.processor()
