"""Grading must not depend on what a notebook did to torch and NumPy, nor change it."""

from __future__ import annotations

import contextlib
import math
import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

__all__ = ["restored", "standard"]

# Where an answer that assigns to a function would change how later answers are judged.
_PLACES = (
    *(torch, torch.nn.functional, torch.autograd, torch.Tensor, torch.nn.Module),
    *(torch.nn.Linear, torch.nn.init, torch.linalg, torch.special, math, np),
)
_LOADED: list[dict[str, Any]] = [
    {
        name: value
        for name, value in vars(place).items()
        if isinstance(place, type) or (callable(value) and name[0] != "_")
    }
    for place in _PLACES
]
_ERRORS: Any = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


@contextlib.contextmanager
def standard() -> Iterator[None]:
    """The state that torch and NumPy start with; afterwards the one that was.

    Gradients are on, autocast is off, float32 and the CPU are the defaults, and torch's
    functions are its own, whatever the notebook has set. Restored after exceptions
    as well.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(restored())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast("cpu", enabled=False))
        stack.enter_context(np.errstate(**_ERRORS))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        torch.set_default_dtype(torch.float32)
        _be_strict(False)
        for place, kept in zip(_PLACES, _LOADED, strict=True):
            _put_back(place, kept)
        yield


@contextlib.contextmanager
def restored(draws: bool = False) -> Iterator[None]:
    """Put back what the code inside may have changed; `draws`: random states too."""
    dtype, grad = torch.get_default_dtype(), torch.is_grad_enabled()
    device, threads = torch.get_default_device(), torch.get_num_threads()
    strict = torch.are_deterministic_algorithms_enabled()
    warn = torch.is_deterministic_algorithms_warn_only_enabled()
    limit = sys.getrecursionlimit()
    names = [dict(vars(place)) for place in _PLACES]
    random_states = _random_states() if draws else None
    try:
        with np.errstate():
            yield
    finally:
        for place, kept in zip(_PLACES, names, strict=True):
            _put_back(place, kept)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
        if torch.get_default_device() != device:
            torch.set_default_device(None if device.type == "cpu" else device)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        _be_strict(strict, warn)
        sys.setrecursionlimit(limit)
        if random_states is not None:
            _set_random_states(*random_states)


def _be_strict(strict: bool, warn_only: bool = False) -> None:
    """Ask for deterministic algorithms, or not, unless it is so.

    torch loads its whole compiler when it is asked, which takes a second.
    """
    now = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    if now != (strict, warn_only):
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)


def _put_back(place: Any, kept: dict[str, Any]) -> None:
    """Undo assignments to functions of a module or class.

    New names may stay, but not one that hides what a class has from its bases.
    """
    now = vars(place)
    with contextlib.suppress(Exception):  # of values that cannot be compared
        if now == kept:  # nearly always, and a hundred times faster than the loops
            return
    bases = place.__mro__[1:] if isinstance(place, type) else ()
    for name in [n for n in now if n not in kept]:
        if any(name in vars(base) for base in bases):
            delattr(place, name)
    for name, value in kept.items():
        if now.get(name) is not value:
            with contextlib.suppress(AttributeError, TypeError):
                setattr(place, name, value)


def _random_states() -> tuple[Any, Any, Any]:
    return torch.get_rng_state(), np.random.get_state(), random.getstate()


def _set_random_states(of_torch: Any, of_numpy: Any, of_python: Any) -> None:
    torch.set_rng_state(of_torch)
    np.random.set_state(of_numpy)
    random.setstate(of_python)
