"""What an exercise is made of: plain records that the chapters fill in.

A chapter's module `chNN/exercises.py` holds two lists, `EXERCISES` (of `Page` and
`Code`) and `PREDICTIONS` (of `Prediction`). Nothing here computes anything:
`grading` judges page answers, `report` judges Python answers, `render` draws.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

__all__ = [
    "KINDS",
    "Before",
    "Chapter",
    "Choice",
    "Code",
    "Curve",
    "ExerciseError",
    "Number",
    "Order",
    "Page",
    "Prediction",
    "Reply",
    "Wrong",
    "slips",
    "wrong_answer",
]

KINDS = (
    "compute",
    "derive",
    "estimate",
    "predict",
    "code",
    "debug",
    "read evidence",
    "investigate",
)


class ExerciseError(AssertionError):
    """An answer was rejected by `check(..., strict=True)`."""


@dataclass(frozen=True)
class Reply:
    """What the reader gets back.

    status: "right", "partial" (some parts right), "wrong", or "input" (could not
    be read, nothing was judged). text: the reply, plain text; `code` in backticks.
    """

    status: str
    text: str


@dataclass(frozen=True)
class Number:
    """A number to type in.

    answer: the number, or a function without arguments that returns it when it is
    needed. What was measured for a prediction is an interval, or `measured.draws`.
    tolerance: absolute (default 0.005), or a fraction of the answer if `relative`
    or `log` (default 0.05). accept_range: (low, high), both accepted; replaces the
    tolerance. unit: shown behind the field; "%" means that 82 stands for 82 %.
    low, high: ends of a prediction's slider. log: slider and distance in powers of
    ten. digits: significant digits with which the measured value is shown.
    """

    name: str
    label: str
    answer: Any
    tolerance: float | None = None
    relative: bool = False
    unit: str = ""
    log: bool = False
    accept_range: tuple[float, float] | None = None
    low: float | None = None
    high: float | None = None
    digits: int = 3


@dataclass(frozen=True)
class Choice:
    """One of several sentences. answer: its place in `options`, from 0, or its text."""

    name: str
    label: str
    options: Sequence[str]
    answer: Any


@dataclass(frozen=True)
class Order:
    """Things to put in order.

    items: as they first stand on the page. answer: the right order, as places in
    `items` from 0, or as their texts.
    """

    name: str
    label: str
    items: Sequence[str]
    answer: Any


@dataclass(frozen=True)
class Curve:
    """A curve to draw, one value at each x (predictions only).

    x: 5 to 9 positions. answer: as many values, or a function that returns them.
    low, high: ends of the y axis. log: y axis and distance in powers of ten.
    """

    name: str
    label: str
    x: Sequence[float]
    answer: Any
    low: float
    high: float
    x_label: str = "x"
    y_label: str = "y"
    unit: str = ""
    log: bool = False
    digits: int = 3


Part = Number | Choice | Order | Curve


@dataclass(frozen=True)
class Before:
    """In a `Wrong` of an `Order`: any order in which `first` precedes `second`."""

    first: Any
    second: Any


# {part name: value} for a page, source text for code
A = TypeVar("A", bound=Mapping[str, Any] | str)


@dataclass(frozen=True)
class Wrong(Generic[A]):
    """A typical wrong answer and the reply meant for it.

    answer: for a page, {part name: value}; parts left out may hold anything. A value
    is a number, (low, high) for a range of numbers, a place or text of a choice, a
    full order, or `Before(…)`. For code: source text that defines the answer as its
    last name (`torch`, `nn`, `F`, `np` and `math` are there).
    reply: one line of why. For code: what must stand in the line that is printed;
    `report.compare` and `report.mistake` print it when an answer shares the outputs
    of this one, and where they are not used the grader has to.
    """

    answer: A
    reply: str


@dataclass(frozen=True)
class Page:
    """An exercise answered on the page: numbers, choices, orders.

    right: the reply to the right answer, with why. wrong: {"part = value": reply};
    also "a = −1, b = 4" for several parts and "a = 0.1 to 0.2" for a range (see
    `wrong_answer`), or a list of `Wrong`. otherwise: added to the reply to a wrong
    answer that nobody foresaw, instead of the pointer to the hint. numbers_for:
    function of a variant number that returns the same exercise with other numbers
    (and its `task`), for classes. also: other right answers, {"a = −4, b = −6":
    reply}, written as `wrong`; a part that is not named is as in `parts`. An answer is
    judged by the right answer with which most of its parts agree.
    """

    id: str
    title: str
    kind: str
    stars: int
    outcome: int
    parts: Sequence[Number | Choice | Order]
    right: str
    wrong: Mapping[str, str] | Sequence[Wrong[Mapping[str, Any]]] = ()
    otherwise: str = ""
    task: str = ""
    numbers_for: Callable[[int], Page] | None = None
    also: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _list_wrong(self, wrong_answer)

    @property
    def forms(self) -> list[tuple[dict[str, Any], str]]:
        """The other right answers that `also` lists, each with its reply."""
        return [(wrong_answer(text), reply) for text, reply in self.also.items()]

    @property
    def mistakes(self) -> tuple[Wrong[Mapping[str, Any]], ...]:
        """What `wrong` lists, whichever way it was written."""
        assert isinstance(self.wrong, tuple), "made so when the record was made"
        return self.wrong


@dataclass(frozen=True)
class Code:
    """An exercise answered in Python.

    grade: function (answer, variant, report); it calls `report.fail(…)`,
    `report.compare(…)` and so on (see `report.Report`); if none of them stops it,
    the answer is right. wrong: {source text: reply}, see `Wrong`. right: one line of
    why, after "correct on … cases".
    """

    id: str
    title: str
    kind: str
    stars: int
    outcome: int
    grade: Callable[..., Any]
    wrong: Mapping[str, str] | Sequence[Wrong[str]] = ()
    right: str = ""

    def __post_init__(self) -> None:
        _list_wrong(self, str)

    @property
    def mistakes(self) -> tuple[Wrong[str], ...]:
        """What `wrong` lists, whichever way it was written."""
        assert isinstance(self.wrong, tuple), "made so when the record was made"
        return self.wrong


@dataclass(frozen=True)
class Prediction:
    """A commitment before a run: guess first, then see what was measured.

    part: holds the measured answer. textbook: the usual prediction, in the form of
    the answer. because: {reason to choose: reply to it}. source: where the measured
    value comes from. note: a sentence that closes the reveal.
    """

    id: str
    question: str
    part: Part
    textbook: Any = None
    textbook_label: str = "The textbook's prediction"
    because: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    note: str = ""


@dataclass(frozen=True)
class Chapter:
    """The exercises and predictions of one chapter, in the order of the text."""

    number: int
    exercises: Sequence[Page | Code] = field(default_factory=tuple)
    predictions: Sequence[Prediction] = field(default_factory=tuple)


def _list_wrong(entry: Page | Code, read: Callable[[str], Any]) -> None:
    """Turn {what was answered: reply} into the tuple of `Wrong` that `wrong` is."""
    wrong: Iterable[Wrong]
    if isinstance(entry.wrong, Mapping):
        wrong = [Wrong(read(answer), reply) for answer, reply in entry.wrong.items()]
    else:
        wrong = entry.wrong
    object.__setattr__(entry, "wrong", tuple(wrong))  # the record is frozen


_PART = re.compile(r"(\w+) = (.+?)(?:, (?=\w+ = )|$)")


def wrong_answer(text: str) -> dict[str, Any]:
    """The wrong answer to a page that a text such as "a = -1, b = 4" stands for.

    A value is a number ("a = -6", "width = inf"), a range of numbers ("q = 0 to
    1e-20"), the place of an option ("sentence = 2"), or its text ("sentence = It
    holds."). Orders are written as `Wrong(…)`. Raises ValueError for other texts.
    """
    found = list(_PART.finditer(text))
    if not found or "".join(part[0] for part in found) != text:
        raise ValueError(
            f"a wrong answer reads 'part = value', several of them with commas "
            f"between, or 'part = low to high'; got {text!r}"
        )
    return {part[1]: _value(part[2]) for part in found}


def _value(text: str) -> int | float | str | tuple[float, float]:
    low, to, high = text.partition(" to ")
    try:
        return (_number(low), _number(high)) if to else _number(text)
    except ValueError:
        return text


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def slips(right: str, lines: Mapping[str, str]) -> dict[str, str]:
    """Wrong programs that differ from a right one in a line: {source: reply}.

    lines: {line: reply}. A line takes the place of the one that begins with the same
    word; several changes are separated by a line break. Raises ValueError unless
    exactly one line of the program begins so.
    """
    return {_slipped(right, line): reply for line, reply in lines.items()}


def _slipped(right: str, changes: str) -> str:
    rows = right.splitlines()
    for change in changes.splitlines():
        word = change.split()[0]
        at = [place for place, row in enumerate(rows) if row.split()[:1] == [word]]
        if len(at) != 1:
            raise ValueError(f"{len(at)} lines of the program begin with {word!r}")
        indent = rows[at[0]].partition(word)[0]
        rows[at[0]] = indent + change
    return "\n".join(rows)


def value_of(answer: Any) -> Any:
    """The value behind an answer: called if callable, its mean if it is an interval."""
    if callable(answer):
        answer = answer()
    mean = getattr(answer, "mean", None)
    return answer if mean is None or callable(mean) else mean


def place(choices: Sequence[str], value: Any) -> int:
    """The place of an option or item given by place or by text."""
    if isinstance(value, str):
        return list(choices).index(value)
    if isinstance(value, bool) or not 0 <= int(value) < len(choices):
        raise ValueError(f"no option {value!r}; there are {len(choices)}, from 0")
    return int(value)


def limits(part: Number, value: float) -> tuple[float, float]:
    """The numbers that count as `value` for a part, as a closed range."""
    if math.isinf(value):
        return value, value
    proportional = part.relative or part.log
    tolerance = part.tolerance
    if tolerance is None:
        tolerance = 0.05 if proportional else 0.005
    width = abs(value) * tolerance if proportional else tolerance
    return value - width, value + width
