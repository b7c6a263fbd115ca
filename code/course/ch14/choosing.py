"""Which activation to start with: a decision path as data, each arrow with its ground.

``ARROWS`` is the path, ``ADVICE`` the verdicts on advice that is often given,
``MODELS`` what published models use, all three read from ``choosing.yml``. They name
chapters, recorded studies and works of the bibliography, which tests look up.

Chapter 14.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from typing import Any, TypeVar

import pandas as pd
import yaml

__all__ = [
    "ADVICE",
    "ARROWS",
    "DOMAINS",
    "GROUNDS",
    "MODELS",
    "PLACES",
    "VERDICTS",
    "Advice",
    "Arrow",
    "Model",
    "frame",
    "path",
]

PLACES = {
    "hidden": "hidden layers of MLPs and convolutional networks",
    "transformer": "inside a transformer",
    "recurrent": "gates and recurrent states",
    "output": "outputs, by kind of target",
    "special": "signals, control, small devices and other special cases",
}
"""Where an activation can stand, in the order of the path."""

GROUNDS = {
    "derived": "it follows from what the place has to do",
    "measured": "a recorded study or a cell of this course",
    "published": "somebody else's comparison, not repeated here",
    "custom": "people do it; no comparison is known to us that decides",
}
"""What an arrow rests on, the firmest first."""

VERDICTS = ("holds", "in part", "does not hold", "custom", "too vague")
"""What is left of advice; ``"custom"`` is unproven."""

Row = TypeVar("Row")


@dataclass(frozen=True)
class Arrow:
    """One step of the path: in this situation start with this, for this reason.

    Parameters
    ----------
    name : short, unique.
    place : a key of ``PLACES``.
    situation, choice : the two ends of the arrow.
    ground : the firmest of ``GROUNDS`` that it has.
    because : the evidence in one sentence.
    unless : a result that would turn the arrow.
    keys : of the catalogue, for what is chosen; empty where nothing is applied.
    seen_in : (chapter, heading) where it was measured or derived.
    studies : recorded studies.
    sources : keys of the bibliography.
    """

    name: str
    place: str
    situation: str
    choice: str
    ground: str
    because: str
    unless: str
    keys: tuple[str, ...] = ()
    seen_in: tuple[tuple[int, str], ...] = ()
    studies: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Advice:
    """Advice as it is given, and what is left of it.

    ``ids`` are rows of the coverage list; ``verdict`` is one of ``VERDICTS``.
    """

    ids: tuple[str, ...]
    said: str
    verdict: str
    found: str
    seen_in: tuple[tuple[int, str], ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """What a published model uses, and where that is said; empty if undisclosed."""

    name: str
    uses: str
    said_in: str = ""
    sources: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _rows(kind: type[Row], rows: Iterable[dict], **more: str) -> tuple[Row, ...]:
    return tuple(
        kind(**{name: _frozen(value) for name, value in row.items()}, **more)
        for row in rows
    )


_DATA = yaml.safe_load(
    resources.files(__package__).joinpath("choosing.yml").read_text("utf-8")
)

ARROWS = tuple(
    arrow
    for place in PLACES
    for arrow in _rows(Arrow, _DATA["path"][place], place=place)
)
"""The path. A table of first choices, not of best ones."""

DOMAINS = {domain: tuple(names) for domain, names in _DATA["domains"].items()}
"""The same arrows by domain, as lessons like to list them."""

ADVICE = _rows(Advice, _DATA["advice"])
"""Advice that lessons give, each with its verdict."""

MODELS = _rows(Model, _DATA["models"])
"""What some published models use; the last row is there for what cannot be known."""


def path(place: str | None = None, *, ground: str | None = None) -> list[Arrow]:
    """Return the arrows of one place, or of one ground, or of both.

    Raises ``ValueError`` for a place or ground that does not exist.  Chapter 14.
    """
    _one_of("place", place, PLACES)
    _one_of("ground", ground, GROUNDS)
    return [
        arrow
        for arrow in ARROWS
        if place in (None, arrow.place) and ground in (None, arrow.ground)
    ]


def frame(arrows: Sequence[Arrow] = ARROWS) -> pd.DataFrame:
    """Return arrows as a table, one row each: where, when, what, on which ground."""
    columns = ["name", "place", "situation", "choice", "ground", "studies"]
    return pd.DataFrame(arrows)[columns]


def _one_of(name: str, value: str | None, known: Iterable[str]) -> None:
    if value is None or value in known:
        return
    close = get_close_matches(str(value), list(known), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {list(known)}"
    raise ValueError(f"no {name} {value!r}; {hint}")
