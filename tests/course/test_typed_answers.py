"""What people type is read or asked back, alike in both languages; replies are true."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy
import torch

from course.exercises import core, grading, validation
from course.exercises.grading import readings
from course.exercises.model import Number, Page

TABLE = json.loads(
    Path(__file__).with_name("typed_answers.json").read_text(encoding="utf-8")
)


def numbers(row: list) -> list[float]:
    """A row's readings; JSON has no infinity."""
    return [float(value) for value in row]


@pytest.mark.parametrize(("text", "unit", "values"), TABLE)
def test_python_reads_the_table(text, unit, values):
    assert readings(text, unit) == pytest.approx(numbers(values), rel=1e-12, abs=0)


@pytest.mark.parametrize(("text", "unit", "values"), TABLE)
def test_the_browser_reads_the_table(text, unit, values, browser_readings):
    assert browser_readings(text, unit) == [str(v) for v in readings(text, unit)]


def test_what_is_not_clear_is_asked_back(browser):
    """No reading is chosen for the reader, not even where one of them is right."""
    part = Number("gain", "gain", 1.372)
    page = Page("90.9", "t", "compute", 1, 1, [part], "Well read, this is it.")
    data = grading.sheet(page)
    for text, unit, values in TABLE:
        if unit or len(values) == 1:
            continue
        got = grading.reply(page, text)
        assert got.status == "input", text
        assert browser("grade", data, {"gain": text})["text"] == got.text
    assert grading.reply(page, "1,372").text == (
        "“1,372”: does the comma mark decimals or thousands? Write a decimal point, or "
        "no comma."
    )
    assert grading.reply(page, "1.372").status == "right"


# -- replies are true ------------------------------------------------------------------

PAGES = [
    entry
    for number in core.chapters()
    if number != 90
    for entry in core.chapter(number).exercises
    if isinstance(entry, Page)
]
FIELDS = [
    pytest.param(page, part, id=f"{page.id}-{part.name}")
    for page in PAGES
    for part in page.parts
    if isinstance(part, Number)
]
SLIPS = {
    "reciprocal": lambda v: 1 / v,
    "square": lambda v: v * v,
    "root": lambda v: math.sqrt(abs(v)),
    "sign": lambda v: -v,
    "half": lambda v: v / 2,
    "double": lambda v: v * 2,
    "a quarter": lambda v: v / 4,
    "four times": lambda v: v * 4,
    "per cent": lambda v: v * 100,
    "fraction": lambda v: v / 100,
    "one more": lambda v: v + 1,
    "one less": lambda v: v - 1,
    "complement": lambda v: 1 - v,
    "exponent for factor": lambda v: math.log10(abs(v)),
    "factor for exponent": lambda v: 10**v,
    "power of two": lambda v: 2**v if abs(v) < 60 else v,
    "a dot for thousands": lambda v: v / 1000,
    "logarithm": lambda v: math.log(abs(v)),
    "one": lambda v: 1,
    "nothing": lambda v: 0,
    "a half": lambda v: 0.5,
    "near": lambda v: v * 1.3,
    "a little off": lambda v: v * 1.02,
}


def slips_of(answer: float):
    """Each common slip that has a finite value, as it would be typed."""
    for name, slip in SLIPS.items():
        try:
            value = float(slip(answer))
        except (ArithmeticError, ValueError):
            continue
        if math.isfinite(value):
            yield name, f"{value:.12g}"
            yield f"{name}, rounded", f"{value:.3g}"


def one_number(value: float, other: float) -> bool:
    """Whether two numbers are the same for a reader who rounds."""
    return value == other or abs(value - other) <= 0.05 * abs(other)


def stored(page: Page, part: Number, text: str) -> list:
    """What the replies in a text were written for: values or ranges of the part."""
    return [
        wrong.answer[part.name]
        for wrong in page.mistakes
        if wrong.reply in text and part.name in wrong.answer
    ]


def numbered(page: Page) -> list[Number]:
    """The fields of a page that take a number."""
    return [part for part in page.parts if isinstance(part, Number)]


PAIRS = [page for page in PAGES if page.stars and len(numbered(page)) == 2]


@pytest.mark.parametrize("page", PAIRS, ids=lambda page: page.id)
def test_right_numbers_in_each_others_field_are_told_so(page, browser):
    right = validation.right_answer(page)
    one, two = (part.name for part in numbered(page))
    given = right | {one: f"{right[two]:.12g}", two: f"{right[one]:.12g}"}
    got = grading.reply(page, given)
    if float(right[one]) == float(right[two]):
        assert got.status == "right"
        return
    assert got.status != "right"
    assert "other's field" in got.text or "other way round" in got.text, got.text
    typed = {name: value for name, value in given.items() if name in (one, two)}
    data = grading.sheet(page)
    assert browser("grade", data, given | typed)["text"] == got.text


@pytest.mark.parametrize(("page", "part"), FIELDS)
def test_common_slips_get_a_reply_of_their_own_or_a_plain_no(page, part):
    right = validation.right_answer(page)
    answer = float(right[part.name])
    row = next(p for p in grading.sheet(page)["parts"] if p["name"] == part.name)
    low, high = float(row["low"]), float(row["high"])
    for name, text in slips_of(answer) if math.isfinite(answer) else ():
        value = float(text)
        got = grading.reply(page, right | {part.name: text})
        assert got.status != "input", (name, text)
        if got.status == "right":
            continue
        for slip in stored(page, part, got.text):
            if isinstance(slip, tuple):
                assert slip[0] <= value * (1 + 1e-9) and value <= slip[1] * (1 + 1e-9)
            else:
                assert one_number(value, float(slip)), (name, text, got.text)
        assert_true(got.text, value, answer, low, high)


# {(exercise, part): (reply, why it may hold for a range of numbers)}
RANGES = {
    "9.2 power": "the tolerance of the field: it asks for “about” ten to what",
    "9.5 q": "any loss in proportion, and √q of both 0.005 and 0.00507",
    "15.4 fresh": "true of every number above 0, and of every one below",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.id)
def test_a_slip_is_a_number_and_no_range(page):
    """A range names its slip also for what other slips make; see `RANGES`."""
    trials = range(12) if page.numbers_for else ()
    for one in (page, *(page.numbers_for(variant) for variant in trials)):
        for wrong in one.mistakes:
            for name, value in wrong.answer.items():
                wide = isinstance(value, tuple) and f"{page.id} {name}" not in RANGES
                assert not wide, f"{page.id}: {name} from {value[0]} to {value[1]}"


def test_ranges_with_a_reason_exist():
    found = {
        f"{page.id} {name}"
        for page in PAGES
        for wrong in page.mistakes
        for name, value in wrong.answer.items()
        if isinstance(value, tuple)
    }
    assert found == set(RANGES)


@pytest.mark.parametrize(
    ("id", "answer", "said"),
    [
        ("2.6", "0", "The function takes its own share"),
        ("2.6", "-0.03", "is not it"),
        ("2.6", "0.0003", "is not it"),
        ("2.6", "8.7e-4", "That is the factor itself"),
        ("2.6", "-6.1", "half of your exponent"),
        ("2.6", "-6.2", "is not it"),
        ("3.7", "1", "suits units of slope 1"),
        ("3.7", "1.01", "is not it"),
        ("9.5", "0.052", "q after ten layers"),
        ("9.5", "0.24", "q after two layers"),
        ("9.5", "0.1", "is not it"),
        ("9.5", "0.07", "That is √q"),
        ("9.5", "0", "infinitely many layers"),
        ("9.5", "1e-7", "is not it"),
        ("9.5", "2^-100", "Exponential decay"),
        ("10.7", "0.0078", "one chosen unit is off in all seven"),
        ("10.7", "1/256", "one chosen unit is off in all eight"),
        ("10.7", "6e-5", "all seven layers are off at once"),
        ("10.7", "0", "is not it"),
        ("10.7", "0.01", "is not it"),
        ("12.1", {"trained": 283914, "needed": 7850, "accuracy": 81}, "ReLU"),
        ("12.1", {"trained": 283914, "needed": 7850, "accuracy": 81.6}, "not it"),
        ("12.1", {"trained": 283914, "needed": 7850, "accuracy": 84.3}, "SELU"),
        ("12.1", {"trained": 283914, "needed": 7850, "accuracy": 90}, "not it"),
        ("10.7", "1", "is not it"),
        ("10.2", "2.310", "2.310: here a dot marks decimals, not thousands"),
        ("10.2", "2.31", "2.31 is not it"),
        ("12.1", {"trained": 283914, "needed": "7.850", "accuracy": 83}, "a dot marks"),
        ("13.7", {"most": "2^21", "least": 16}, "That is the scale itself"),
        ("13.7", {"most": 21, "least": "2¹⁶"}, "smallest scale itself"),
        ("10.7", "0.992", "That is for width 1"),
        ("4.3", "1.4", "Keep more digits"),
        ("4.3", "1.41", "That is ReLU"),
        ("12.2", {"mean": 0.5, "half": 1}, "is not it"),
        ("15.4", {"one": 3, "nine": 1, "fresh": 3}, "had no part in the choice"),
        ("15.4", {"one": 3, "nine": 1, "fresh": -0.5}, "falls *to* it"),
    ],
)
def test_a_slip_is_named_for_the_numbers_it_makes(id, answer, said, browser):
    """The slip's own number gets its reply; one beside it a plain no."""
    page = core.exercise(id)
    got = grading.reply(page, answer)
    assert got.status in ("wrong", "partial") and said in got.text, got.text
    given = answer if isinstance(answer, dict) else {page.parts[0].name: answer}
    typed = {name: str(value) for name, value in given.items()}
    assert browser("grade", grading.sheet(page), typed)["text"] == got.text


def assert_true(text: str, value: float, answer: float, low: float, high: float):
    """What the engine itself says of a number holds."""
    if "Keep more digits" in text:
        decimals = len(f"{value!r}".partition(".")[2])
        assert any(
            round(answer, digits) == pytest.approx(value, rel=1e-9, abs=0)
            for digits in range(-6, 13)
        ) or value == pytest.approx(round(answer, decimals)), (value, answer)
    if "right in per cent" in text:
        assert low <= value / 100 <= high and value >= 1 and not low <= 0 <= high
    if "right as a fraction" in text:
        assert low <= value * 100 <= high and not low <= 0 <= high
    if "a dot marks decimals" in text:
        assert low <= value * 1000 * (1 + 1e-9) and value * 1000 <= high * (1 + 1e-9)
    if "the sign is not" in text:
        assert low <= -value <= high


def field(answer: float, **options) -> Page:
    part = Number("v", "v", answer, **options)
    slip = {"v = 0.0625": "This was the variance, not its root."}
    return Page("90.9", "t", "compute", 1, 1, [part], "Well done, this is it.", slip)


@pytest.mark.parametrize(
    ("answer", "options", "text", "reply"),
    [
        (0.0, {}, "0.5", "0.5 is not it"),
        (0.0, {}, "-0.5", "-0.5 is not it"),
        (0.002, {"tolerance": 1e-5}, "0.2", "0.2 is not it"),
        (0.25, {}, "25", "right in per cent"),
        (25, {"unit": "%"}, "0.25", "right as a fraction"),
        (1.372, {"tolerance": 1e-3}, "1.4", "Keep more digits"),
        (1.372, {"tolerance": 1e-3}, "1.37", "Keep more digits"),
        (1.372, {"tolerance": 1e-3}, "1.38", "1.38 is not it"),
        (1.372, {"tolerance": 1e-3}, "1", "1 is not it"),
        (0.005, {"tolerance": 1e-4}, "0.003", "0.003 is not it"),
        (2.358, {"tolerance": 1e-3}, "2.345", "2.345 is not it"),
        (0.25, {}, "0.0625", "the variance"),
        (0.25, {}, "0.06", "the variance"),
        (0.25, {}, "0.0660", "0.0660 is not it"),
        (0.25, {}, "0.064", "0.064 is not it"),
        (0.25, {}, "0.06254", "the variance"),
        (85.9, {"tolerance": 0.5}, "90", "90 is not it"),
        (2310.4, {"tolerance": 0.2}, "2310", "Keep more digits"),
        (0.25, {}, "-0.25", "the sign is not"),
    ],
)
def test_the_engines_own_replies_are_true(answer, options, text, reply, browser):
    page = field(answer, **options)
    got = grading.reply(page, text)
    assert reply in got.text
    assert browser("grade", grading.sheet(page), {"v": text})["text"] == got.text


def test_the_table_has_every_way_of_writing(capsys):
    """A table that loses its rows would pass everything."""
    with capsys.disabled():
        ways = f"{len(TABLE)} ways to write a number read alike in two languages"
        print(f"\n{ways}, {len(FIELDS)} fields tried with {len(SLIPS)} slips", end=" ")
    texts = " ".join(text for text, _, _ in TABLE)
    for sign in "^*·×x/½¹⁻,'’−–≥≈%∞":
        assert sign in texts, sign
    assert len(TABLE) > 90 and re.search(r"\d \d", texts)


# -- in Python, numbers are held in many ways -----------------------------------------


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("1.1", np.array([-6, 8])),
        ("1.1", torch.tensor([-6.0, 8.0])),
        ("1.1", (np.float16(-6), Fraction(8))),
        ("1.1", {"a": torch.tensor([-6]), "b": Decimal(8)}),
        ("2.2", sympy.sqrt(1)),
        ("2.2", [1.0]),
        ("2.2", np.array([1.0])),
        ("2.2", torch.tensor([[1.0]])),
        ("4.1", 1 / sympy.sqrt(2 * sympy.pi)),
        ("1.5", torch.tensor(2)),
        ("1.5", np.array(2)),
        ("1.5", [2]),
    ],
)
def test_a_right_number_is_right_however_it_is_held(id, answer):
    assert core.grade(core.exercise(id), answer).status == "right"


@pytest.mark.parametrize(
    "answer", [True, 1j, sympy.Symbol("x"), float("nan"), lambda: 1, [1, 1], object()]
)
def test_what_is_no_number_is_asked_for(answer):
    assert core.grade(core.exercise("2.2"), answer).status == "input"


# -- other right answers ---------------------------------------------------------------

FORMS = json.loads(
    Path(__file__).with_name("right_forms.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(("id", "answer", "status", "text"), FORMS)
def test_every_right_form_is_right_in_both_languages(id, answer, status, text, browser):
    """Judged by the nearest right answer: one slip in another form is one slip."""
    page = core.exercise(id)
    got = grading.reply(page, answer)
    assert got.status == status and text in got.text, got
    there = browser("grade", grading.sheet(page), answer)
    assert there == {"status": got.status, "text": got.text}


def test_the_forms_table_has_every_page_with_two_forms():
    several = {page.id for page in PAGES if page.also}
    right = [row[0] for row in FORMS if row[2] == "right"]
    for page in PAGES:
        assert not page.also or right.count(page.id) > len(page.also), page.id
    assert several == {"3.1", "8.3", "11.4"}
