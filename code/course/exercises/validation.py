"""The rules that every chapter's exercises keep, checked on the records."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .grading import reply
from .model import (
    KINDS,
    Before,
    Chapter,
    Choice,
    Code,
    Curve,
    Number,
    Order,
    Page,
    Prediction,
    Wrong,
    place,
    value_of,
)

__all__ = ["answer_for", "page_problems", "right_answer", "validate"]

LADDER = {1: 2, 2: 3, 3: 1}
MISTAKES = 3


def validate(chapter: Chapter) -> list[str]:
    """What in a chapter's exercises breaks the rules; an empty list if nothing does.

    Exercises without a star (the questions on what a reader needs) stand outside the
    ladder, and need one foreseen mistake each. The landing page has no ladder.
    """
    graded = [entry for entry in chapter.exercises if entry.stars]
    problems = [*_ids(chapter), *(_ladder(graded) if chapter.number else ())]
    for entry in chapter.exercises:
        problems += [f"{entry.id}: {problem}" for problem in _entry(entry)]
    for prediction in chapter.predictions:
        problems += [f"{prediction.id}: {problem}" for problem in _guess(prediction)]
    return problems


def _ids(chapter: Chapter) -> Iterator[str]:
    exercises = [entry.id for entry in chapter.exercises]
    predictions = [entry.id for entry in chapter.predictions]
    for id, count in Counter(exercises + predictions).items():
        if count > 1:
            yield f"{id} occurs {count} times"
    for id in exercises:
        if not (id.startswith(f"{chapter.number}.") and id.split(".")[1].isdigit()):
            yield f"{id} should read {chapter.number}.1, {chapter.number}.2, …"
    for id in predictions:
        if not (id.startswith(f"{chapter.number}.") and id.split(".")[1].isupper()):
            yield f"{id} should read {chapter.number}.A, {chapter.number}.B, …"


def _ladder(graded: list[Page | Code]) -> Iterator[str]:
    stars = Counter(entry.stars for entry in graded)
    for level, wanted in LADDER.items():
        if stars[level] < wanted:
            yield f"{wanted} exercises of {level} ★ are needed, has {stars[level]}"
    kinds = {entry.kind for entry in graded}
    if len(kinds) < 4:
        yield f"four kinds are needed, there are {sorted(kinds)}"
    if "read evidence" not in kinds:
        yield "no exercise is of the kind 'read evidence'"
    pages = sum(isinstance(entry, Page) for entry in graded)
    if pages < 3:
        yield f"three exercises must be answerable on the page, {pages} are"
    for outcome in {1, 2, 3} - {entry.outcome for entry in graded}:
        yield f"outcome {outcome} is tested by no exercise"


def _entry(entry: Page | Code) -> Iterator[str]:
    if entry.kind not in KINDS:
        yield f"kind {entry.kind!r} is none of {', '.join(KINDS)}"
    if entry.stars not in (0, 1, 2, 3) or entry.outcome not in (1, 2, 3):
        yield f"stars {entry.stars} or outcome {entry.outcome} out of range"
    wanted = MISTAKES if entry.stars else 1
    if len(entry.wrong) < wanted:
        yield f"{wanted} typical wrong answers are needed, has {len(entry.wrong)}"
    if isinstance(entry, Page):
        yield from page_problems(entry)


def page_problems(page: Page) -> Iterator[str]:
    """What is wrong with a page exercise by itself: parts, answers and replies."""
    if len(page.right.split()) < 4:
        yield "the right answer gets no reply that says why"
    yield from _replies(page)
    problems = [*_parts(page)]
    yield from problems
    if not problems:  # the answers can be read, so try them
        yield from _right(page)
        yield from _wrong(page)


def _replies(page: Page) -> Iterator[str]:
    """Each wrong answer has a reply of its own, and a sentence."""
    for text, count in Counter(wrong.reply for wrong in page.mistakes).items():
        if count > 1:
            yield f"{count} wrong answers share the reply {text!r}"
        if len(text.split()) < 4:
            yield f"the reply {text!r} is too short to say why"
    if not all(wrong.answer for wrong in page.mistakes):
        yield "a wrong answer names no part"


def _parts(page: Page) -> Iterator[str]:
    """The parts can be answered on a page, and wrong answers name them."""
    for part in page.parts:
        if isinstance(part, Curve):
            yield f"part {part.name}: a curve can only be predicted"
    names = {part.name for part in page.parts}
    if len(names) < len(page.parts):
        yield "two parts have the same name"
    named = [*(wrong.answer for wrong in page.mistakes), *(f for f, _ in page.forms)]
    unknown = {name for answer in named for name in answer} - names
    if unknown:
        yield f"no part is called {sorted(unknown)}, there are {sorted(names)}"


def _right(page: Page) -> Iterator[str]:
    """The right answer is accepted, and does not stand there from the start."""
    answer = right_answer(page)
    if reply(page, answer).status != "right":
        yield "its own right answer is not accepted"
    for form, text in page.forms:
        got = reply(page, answer | form)
        if (got.status, got.text) != ("right", text):
            yield f"the other right answer {form} gets {got.status}: {got.text}"
    for part in page.parts:
        if isinstance(part, Order) and answer[part.name] == sorted(answer[part.name]):
            yield f"part {part.name}: the items stand in the right order already"


def _wrong(page: Page) -> Iterator[str]:
    """Each wrong answer is rejected with its reply; each wrong option has one."""
    for wrong in page.mistakes:
        got = reply(page, answer_for(page, wrong))
        if got.status not in ("wrong", "partial"):
            yield f"the wrong answer {wrong.answer} counts as {got.status}"
        elif wrong.reply not in got.text:
            yield f"the wrong answer {wrong.answer} gets another's reply: {got.text}"
    if len(page.parts) == 1 and isinstance(page.parts[0], Choice) and page.stars:
        yield from _options(page, page.parts[0])


def _options(page: Page, part: Choice) -> Iterator[str]:
    known = [wrong.answer[part.name] for wrong in page.mistakes if wrong.answer]
    answered = {place(part.options, at) for at in (*known, value_of(part.answer))}
    for at, option in enumerate(part.options):
        if at not in answered:
            yield f"the option {option!r} has no reply of its own"


def _guess(prediction: Prediction) -> Iterator[str]:
    part = prediction.part
    if isinstance(part, Number) and (part.low is None or part.high is None):
        yield "a predicted number needs low and high, the ends of its slider"
    if isinstance(part, (Number, Curve)) and part.log and (part.low or 0) <= 0:
        yield "a logarithmic scale needs low > 0"
    if isinstance(part, Curve) and not 5 <= len(part.x) <= 9:
        yield f"a curve has 5 to 9 points, this one {len(part.x)}"
    if isinstance(part, Number) and prediction.source:
        yield from _certainty(prediction, part)
    if not prediction.source:
        yield "no source of the measured answer is named"
    for option, text in prediction.because.items():
        if not text:
            yield f"the reason {option!r} gets no reply"


def _certainty(prediction: Prediction, part: Number) -> Iterator[str]:
    """A measured number says how far it is known, an exact one that it is exact."""
    answer = part.answer() if callable(part.answer) else part.answer
    if hasattr(answer, "low") or "exact" in prediction.source and part.tolerance:
        return
    yield (
        "the answer is a bare number: give an interval or `measured.draws`, or say "
        "“exact” in the source and state a tolerance"
    )


def right_answer(page: Page) -> dict[str, Any]:
    """The right answer of a page exercise, {part name: value}."""
    return {part.name: _right_value(part) for part in page.parts}


def _right_value(part: Number | Choice | Order) -> Any:
    answer = value_of(part.answer)
    if isinstance(part, Choice):
        return place(part.options, answer)
    if isinstance(part, Order):
        return [place(part.items, item) for item in answer]
    return answer


def answer_for(page: Page, wrong: Wrong) -> dict[str, Any]:
    """A full answer with this mistake in it; parts it leaves open are right."""
    answer = right_answer(page)
    for part in page.parts:
        if part.name in wrong.answer:
            answer[part.name] = _wrong_value(part, wrong.answer[part.name])
    return answer


def _wrong_value(part: Number | Choice | Order, value: Any) -> Any:
    if isinstance(value, Before):
        assert isinstance(part, Order), f"{part.name} has no order"
        first, second = place(part.items, value.first), place(part.items, value.second)
        order = [item for item in _right_value(part) if item != first]
        order.insert(order.index(second), first)
        return order
    if isinstance(part, Number) and isinstance(value, tuple):
        ends = [end for end in value if math.isfinite(end)]
        return sum(ends) / len(ends)
    return value
