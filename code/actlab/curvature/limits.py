"""How much memory an instrument may take, and what it says when that is too little."""

from __future__ import annotations

__all__ = ["MEMORY_LIMIT", "TooLargeError", "require_memory"]

MEMORY_LIMIT = 2**30
"""Bytes that one table of an instrument may fill, 1 GiB. Set it to suit a machine."""


class TooLargeError(ValueError):
    """What was asked for would not fit; the message names the size that would."""


def require_memory(what: str, needed: float, advice: str) -> None:
    """Raise :class:`TooLargeError` unless ``needed`` bytes are within the limit.

    ``advice`` says which size fits; it may hold ``{limit}``.
    """
    if needed <= MEMORY_LIMIT:
        return
    limit = f"{MEMORY_LIMIT / 2**20:,.0f} MiB"
    raise TooLargeError(
        f"{what} would take {needed / 2**20:,.0f} MiB, and the limit is {limit}; "
        + advice.format(limit=limit)
    )
