"""How many bytes a function moves: what can be derived of its cost, without a clock.

An operation reads its inputs from memory and writes its output. Where memory is what
takes the time, the sum over a function's operations, divided by ReLU's, is its cost.
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

__all__ = ["bytes_moved", "derived_and_timed"]


class _Traffic(TorchDispatchMode):
    """Add up the bytes of what each operation reads and writes, views left out."""

    moved = 0

    def __torch_dispatch__(
        self,
        operation: OpOverload,
        types: Sequence[type],
        arguments: tuple[Any, ...] = (),
        keywords: dict[str, Any] | None = None,
    ) -> Any:
        result = operation(*arguments, **(keywords or {}))
        if not operation.is_view:
            touched = tree_leaves((arguments, keywords, result))
            self.moved += sum(_bytes(t) for t in touched if isinstance(t, Tensor))
        return result


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
    if isinstance(function, nn.Module):
        function = function.to(device=x.device, dtype=x.dtype)
    with torch.no_grad(), _Traffic() as traffic:
        function(x.detach())
    return traffic.moved / x.numel()


def derived_and_timed() -> pd.DataFrame:
    """Return bytes moved and the time on one H100, both in multiples of ReLU's.

    One row per scalar function of ``cost.on_gpu()``'s case "large" in float32, as long
    as it runs as many operations today as then; index ``key``, columns ``operations``,
    ``bytes`` (for each number), ``derived`` (``bytes`` over ReLU's) and ``timed``.
    Times had no part in the derivation, so they can refute it.  Chapter 13.
    """
    table = cost.on_gpu().query("case == 'large' and dtype == 'float32'")
    x = torch.randn(128, 128, generator=torch.Generator().manual_seed(0))
    one_pass = bytes_moved(torch.relu, x)
    rows = []
    for line in table.itertuples():
        row = catalogue.get(str(line.key))
        if row.kind != "scalar" or not line.operations:
            continue
        if cost.operations(row.make(), x) == line.operations:
            moved = bytes_moved(row.make(), x)
            timed = line.forward
            rows.append((line.key, line.operations, moved, moved / one_pass, timed))
    names = ["key", "operations", "bytes", "derived", "timed"]
    return pd.DataFrame(rows, columns=names).set_index("key")
