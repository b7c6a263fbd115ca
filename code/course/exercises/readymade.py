"""Seeing which of PyTorch's own operations an answer uses: tasks forbid some."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .report import Report

__all__ = ["ready_made"]


class _Watch(TorchDispatchMode):
    """Notes operations of these names, whatever they are called by."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self.names = names
        self.used: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Do what was asked for, and note it."""
        name = func.overloadpacket.__name__
        if name in self.names:
            self.used.add(name.lstrip("_"))
        return func(*args, **(kwargs or {}))


def ready_made(
    report: Report, answer: Any, x: torch.Tensor, *others: Any, names: Collection[str]
) -> str:
    """Those of `names` (ATen's) that `answer(x, *others)` uses, in words."""
    watch = _Watch(names)

    def watched(x: torch.Tensor) -> Any:
        with watch:
            return answer(x, *others)

    report.call(watched, x, at=f"on shape {tuple(x.shape)}")
    return ", ".join(sorted(watch.used))
