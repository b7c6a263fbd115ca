"""What every check of a claim is made with: a decorator, a demand, and the list.

Checks stand in ``course/chNN/claims.py``, the room of the chapter that settles it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

__all__ = ["ClaimError", "claim_check", "claim_checks", "require"]

_CHECKS: dict[str, Callable[[], str]] = {}
_MODULES = [f"course.ch{number:02}.claims" for number in range(1, 16)]


class ClaimError(AssertionError):
    """A check found that a verdict does not hold."""


def claim_check(function: Callable[[], str]) -> Callable[[], str]:
    """Register a check under its name, and return it.

    A check computes something, demands with :func:`require` what the verdict says,
    and returns in one line, with numbers, what it found.
    """
    if function.__name__ in _CHECKS:
        raise ValueError(f"there are two checks named {function.__name__}")
    _CHECKS[function.__name__] = function
    return function


def claim_checks() -> dict[str, Callable[[], str]]:
    """Return all checks by name, from the rooms of all chapters."""
    for module in _MODULES:
        if find_spec(module) is not None:
            import_module(module)
    return _CHECKS


def require(condition: object, otherwise: str) -> None:
    """Raise :class:`ClaimError` with the text ``otherwise`` unless condition holds."""
    if not condition:
        raise ClaimError(otherwise)
