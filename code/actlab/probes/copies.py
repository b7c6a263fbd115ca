"""Hooks that stay at home: copies of a network and files of it carry none of them."""

from __future__ import annotations

import copyreg
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

__all__ = ["Hook", "hooked", "unhooked"]


class Hook:
    """A hook that copies of the network and files of it leave out.

    A copy made while hooks are set (the best network so far, say) would else carry the
    instrument with it for ever.  :func:`hooked` says how they are left out.  Where a
    class makes its copies itself, a function of Python's own that does nothing stands
    in the hook's place, so that the copy can be read where this package is not.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def __call__(self, *arguments: Any) -> Any:
        if torch.compiler.is_compiling():  # measured numbers cannot be compiled
            return None
        return self.call(*arguments)

    def __deepcopy__(self, memo: dict) -> Callable[..., None]:
        return nullcontext().__exit__

    def __reduce__(self) -> tuple:
        return getattr, (nullcontext(), "__exit__")


_HOOKED: Counter[type] = Counter()


def hooked(modules: Iterable[nn.Module]) -> None:
    """Let copies of modules of these kinds leave hooks out, until :func:`unhooked`.

    ``copy``, ``pickle`` and ``torch.save`` ask ``copyreg`` first how to take an object
    apart.  Kinds that somebody else has registered there are left to him.
    """
    for kind in map(type, modules):
        if copyreg.dispatch_table.setdefault(kind, _taken_apart) is _taken_apart:
            _HOOKED[kind] += 1


def unhooked(modules: Iterable[nn.Module]) -> None:
    """Undo :func:`hooked`, once for each time that it was called."""
    for kind in map(type, modules):
        if _HOOKED[kind] > 0:
            _HOOKED[kind] -= 1
        if not _HOOKED[kind] and copyreg.dispatch_table.get(kind) is _taken_apart:
            del copyreg.dispatch_table[kind]


def _taken_apart(module: Any) -> Any:
    """What a module is made of, as without the registration, but for our hooks."""
    made = module.__reduce_ex__(2)  # protocol 2, which torch.save asks for
    if not (isinstance(made, tuple) and len(made) > 2 and isinstance(made[2], dict)):
        return made
    return (*made[:2], _without_hooks(made[2]), *made[3:])


def _without_hooks(state: dict[str, Any]) -> dict[str, Any]:
    tables = {
        name: table
        for name, table in state.items()
        if "_hooks" in name and isinstance(table, dict)
    }
    ours = {
        key
        for table in tables.values()
        for key, hook in table.items()
        if isinstance(hook, Hook)
    }
    return state | {
        name: type(table)((k, v) for k, v in table.items() if k not in ours)
        for name, table in tables.items()
    }
