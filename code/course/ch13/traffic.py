"""How many bytes a function moves: what can be derived of its cost, without a clock.

An operation reads its inputs from memory and writes its output. Where memory is what
takes the time, the sum over a function's operations, divided by ReLU's, is its cost.
That is the first count, and on a graphics card 11 of 32 functions miss it. The second
adds three causes, which were found by looking at that record:

- Touched: what is asked for and neither read nor written, or read for its shape alone,
  is not moved.
- Scattered: an elementwise kernel of PyTorch's on a GPU loads several numbers at once
  where all operands lie alike and without gaps; else it works out the address of each
  (``gpu_kernel_impl_nocast`` in ``aten/src/ATen/native/cuda/CUDALoops.cuh``). PReLU is
  one such pass, so its time sets what each costs.
- Products: of a matrix with very many short rows and a vector. STAF has one, so what is
  left of its time sets what each costs.

Two functions set a number each. The others are the test: a cause is refuted if one that
it should explain is not within a tenth of the second count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from actlab import catalogue, cost

__all__ = ["bytes_moved", "count", "derived_and_timed"]

NOT_TAGGED = {"_prelu_kernel", "hardswish"}  # elementwise, and PyTorch does not say so
PRODUCT = "mv"


class _Traffic(TorchDispatchMode):
    """Add up the bytes of what each operation reads and writes, views left out."""

    moved = 0  # bytes, all that an operation is given and returns
    touched = 0  # bytes, of these what it reads and writes on a GPU
    scattered = 0  # numbers written by elementwise operations that compute addresses
    products = 0  # rows of a matrix times a vector

    def __torch_dispatch__(
        self,
        operation: OpOverload,
        types: Sequence[type],
        arguments: tuple[Any, ...] = (),
        keywords: dict[str, Any] | None = None,
    ) -> Any:
        result = operation(*arguments, **(keywords or {}))
        if not operation.is_view:
            given, made = (
                [t for t in tree_leaves(of) if isinstance(t, Tensor)]
                for of in ((arguments, keywords), result)
            )
            name = operation._schema.name.removeprefix("aten::")
            self.moved += sum(map(_bytes, given + made))
            self.touched += sum(map(_bytes, _touched(name, given, made)))
            if torch.Tag.pointwise in operation.tags or name in NOT_TAGGED:
                alike = all(
                    t.shape == made[0].shape and t.is_contiguous() for t in given
                )
                self.scattered += 0 if alike else made[0].numel()
            self.products += given[0].shape[0] if name == PRODUCT else 0
        return result


def _touched(name: str, given: list[Tensor], made: list[Tensor]) -> list[Tensor]:
    """Return those of an operation's tensors whose numbers it reads or writes."""
    if name in ("empty_like", "_unsafe_view"):  # memory asked for; another shape
        return []
    if name.endswith("_like"):  # the shape of what is given is all that it needs
        return made
    if name == "rrelu_with_noise":  # outside training its noise stays as it was
        return given[:1] + made
    if name == "log_sigmoid_forward":  # its second output is empty on a GPU
        return given + made[:1]
    return given + made


def _bytes(tensor: Tensor) -> int:
    """Return the bytes of a tensor's numbers; what is broadcast is read once."""
    numbers = 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        numbers *= size if stride else 1
    return numbers * tensor.element_size()


def bytes_moved(function: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Return the bytes that a forward pass reads and writes, for each number of ``x``.

    Parameters
    ----------
    function : a module or a function of one tensor.
    x : its input, of any shape.

    ReLU, one operation, reads 4 and writes 4 in float32. What an operation keeps to
    itself, and what a cache saves, is not seen.  Chapter 13.
    """
    return count(function, x)["bytes"]


def count(function: Callable[[Tensor], Tensor], x: Tensor) -> dict[str, float]:
    """Return both counts of a forward pass, for each number of ``x``.

    Parameters
    ----------
    function, x : as in :func:`bytes_moved`.

    ``bytes`` as there; ``touched``, bytes again, without what no kernel on a GPU reads
    or writes; ``scattered``, elementwise passes that work out addresses; ``products``,
    rows of matrices that are multiplied by a vector.  Chapter 13.
    """
    if isinstance(function, nn.Module):
        function = function.to(device=x.device, dtype=x.dtype)
    with torch.no_grad(), _Traffic() as traffic:
        function(x.detach())
    found = {
        "bytes": traffic.moved,
        "touched": traffic.touched,
        "scattered": traffic.scattered,
        "products": traffic.products,
    }
    return {what: number / x.numel() for what, number in found.items()}


def derived_and_timed() -> pd.DataFrame:
    """Return bytes moved and the time on one H100, both in multiples of ReLU's.

    One row per scalar function of ``cost.on_gpu()``'s case "large" in float32, as long
    as it runs as many operations today as then; index ``key``, columns ``operations``,
    ``bytes`` (for each number), ``derived`` (``bytes`` over ReLU's), ``timed``, and of
    the second count ``scattered``, ``products`` and ``second``, again in ReLUs.
    Times had no part in ``derived``, so they can refute it; in ``second`` those of
    PReLU and STAF have.  When it was timed PELU and the learnable ELU clamped where
    they fill by a mask today: a byte less for each number, which moves neither across
    5 %.  Chapter 13.
    """
    table = cost.on_gpu().query("case == 'large' and dtype == 'float32'")
    x = torch.randn(128, 128, generator=torch.Generator().manual_seed(0))
    rows = []
    for line in table.itertuples():
        row = catalogue.get(str(line.key))
        if row.kind != "scalar" or not line.operations:
            continue
        if cost.operations(row.make(), x) == line.operations:
            found = count(row.make(), x)
            rows.append(
                {"key": line.key, "operations": line.operations, "timed": line.forward}
                | found
            )
    frame = pd.DataFrame(rows).set_index("key")
    one_pass = bytes_moved(torch.relu, x)
    frame["derived"] = frame["bytes"] / one_pass
    frame["second"] = frame.pop("touched") / one_pass
    for what, gauge in {"scattered": "prelu", "products": "staf"}.items():
        left = frame["timed"][gauge] - frame["second"][gauge]
        frame["second"] += frame[what] * left / frame[what][gauge]
    names = ["operations", "bytes", "derived", "timed"]
    return frame[[*names, "scattered", "products", "second"]]
