"""What an error calls the thing that a reader's function returned."""

from __future__ import annotations

from torch import Tensor

__all__ = ["in_words"]


def in_words(value: object) -> str:
    """Name a tensor by its shape, anything else by its type."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"
