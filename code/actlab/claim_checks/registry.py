"""What every check is made with: a decorator, a demand, and the list of checks.

Part of the ledger of claims, see :mod:`actlab.claims`.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["CHECKS", "ClaimError", "check", "require"]

CHECKS: dict[str, Callable[[], str]] = {}


class ClaimError(AssertionError):
    """A check found that a verdict does not hold."""


def check(function: Callable[[], str]) -> Callable[[], str]:
    """Register a check under its name, and return it.

    A check computes something, demands with :func:`require` what the verdict says,
    and returns in one line, with numbers, what it found.
    """
    if function.__name__ in CHECKS:
        raise ValueError(f"there are two checks named {function.__name__}")
    CHECKS[function.__name__] = function
    return function


def require(condition: object, otherwise: str) -> None:
    """Raise :class:`ClaimError` with the text ``otherwise`` unless condition holds."""
    if not condition:
        raise ClaimError(otherwise)
