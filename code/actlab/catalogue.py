"""The catalogue: one record per activation function, each written down once.

A scalar function is one SymPy expression. Its LaTeX, its derivative, its JavaScript,
its 50-digit reference and its property sheet all come from that expression, so that
a formula on the page, a curve in the browser and a number from torch cannot
disagree at any finite x. The records stand in
``rows/``, one file per family; here they are looked up.

Chapter: 02 (what an activation function is), 03 to 08 (the families).
"""

from __future__ import annotations

import difflib
import keyword
import re
from collections.abc import Iterable

import sympy

from . import formulas
from .rows import ROWS
from .rows.row import FAMILIES, Activation, Param

__all__ = [
    "Activation",
    "CATALOGUE",
    "FAMILIES",
    "Param",
    "UnknownActivationError",
    "family",
    "get",
    "read",
]


class UnknownActivationError(KeyError):
    """No function of that name; the message says which names come close."""

    def __str__(self) -> str:
        # KeyError would print the message as a quoted string.
        return str(self.args[0]) if self.args else ""


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


def _all_names(rows: Iterable[Activation] = ROWS) -> dict[str, str]:
    """Return the key of every name; no name may stand for two functions."""
    names: dict[str, str] = {}
    keys: set[str] = set()
    for row in rows:
        if row.family not in FAMILIES:
            raise ValueError(
                f"{row.key}: unknown family {row.family!r}; there are "
                f"{', '.join(FAMILIES)}"
            )
        if row.key in keys:
            raise ValueError(f"two rows have the key {row.key!r}; choose another")
        keys.add(row.key)
        for name in (row.key, row.name, *row.aliases):
            owner = names.setdefault(_plain(name), row.key)
            if owner != row.key:
                raise ValueError(f"{name!r} names both {owner} and {row.key}")
    return names


CATALOGUE: dict[str, Activation] = {row.key: row for row in ROWS}
_NAMES = _all_names()


def _close_names(name: str) -> list[str]:
    """Return the known names nearly as close to ``name`` as the closest is."""

    def ratio(known: str) -> float:
        return difflib.SequenceMatcher(None, name[:80], known).ratio()

    close = sorted(_NAMES, key=ratio, reverse=True)[:3]
    return [known for known in close if ratio(known) > max(0.6, ratio(close[0]) - 0.1)]


def get(key: str) -> Activation:
    """Return the function called ``key``, ignoring case, hyphens and underscores.

    Raises `UnknownActivationError` (a `KeyError`) that names the closest keys.
    """
    found = None
    if isinstance(key, str) and not key.strip().startswith("-"):  # −tanh is no name
        found = _NAMES.get(_plain(key))
    if found is not None:
        return CATALOGUE[found]
    if not isinstance(key, str):
        raise UnknownActivationError(
            f"an activation's name is a string such as 'relu', not {key!r}"
        )
    close = _close_names(_plain(key))
    keys = list(dict.fromkeys(_NAMES[name] for name in close))
    if keys:
        hint = f"did you mean {' or '.join(repr(name) for name in keys)}?"
    else:
        hint = f"known: {', '.join(CATALOGUE)}"
    shown = key if len(key) <= 40 else key[:37] + "..."
    raise UnknownActivationError(f"unknown activation {shown!r}; {hint}")


def read(text: str, params: Iterable[str] = ()) -> Activation | sympy.Expr:
    """Return the row that ``text`` names, or the expression that it is as a formula.

    ``params`` are names that may stand beside x. Whatever can be read as a formula is
    one, such as ``"x-1"``. Of the rest, what looks like a name raises
    `UnknownActivationError` with the names that come close, and anything else
    `FormulaError`, which says which part was not understood.
    """
    try:
        return get(text)
    except UnknownActivationError as error:
        unknown = error
    try:
        return formulas.parse(text, params)
    except formulas.FormulaError:
        if _is_name(text):
            raise unknown from None
        raise


def _is_name(text: str) -> bool:
    """Whether ``text`` is meant as a name: words, neither Python's own nor x."""
    if not isinstance(text, str) or not re.fullmatch(r"\s*[A-Za-z][\w\- ]+", text):
        return False
    words = re.findall(r"\w+", text)
    return not any(word == "x" or keyword.iskeyword(word) for word in words)


def family(name: str) -> list[Activation]:
    """Return the rows of one of `FAMILIES`, in the catalogue's order.

    Raises `UnknownActivationError` for any other name.
    """
    if name not in FAMILIES:
        raise UnknownActivationError(
            f"unknown family {name!r}; there are {', '.join(FAMILIES)}"
        )
    return [row for row in CATALOGUE.values() if row.family == name]
