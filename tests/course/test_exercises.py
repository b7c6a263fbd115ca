"""Exercises: rules kept, mistakes recognised, nothing escapes, browser = Python."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import random
import re
import subprocess
import sys
import threading
import types
import zlib
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from actlab.statistics import interval
from course import exercises
from course.exercises import (
    ask,
    check,
    core,
    grading,
    measured,
    predict,
    render,
    validation,
)
from course.exercises.grading import readings, reply
from course.exercises.model import (
    Before,
    Chapter,
    Choice,
    Code,
    Curve,
    ExerciseError,
    Number,
    Order,
    Page,
    Prediction,
    Wrong,
    slips,
    wrong_answer,
)
from course.exercises.report import Report, answer_from_source, is_stub, show

# -- a private sample chapter ----------------------------------------------------------


def grade_leaky(answer, variant, report: Report) -> None:
    x = torch.cat([torch.tensor([-2.0, 0.0, 2.0]), report.draw(50, -3, 3)])
    report.compare(
        answer,
        lambda x, slope: torch.where(x > 0, x, slope * x),
        [(x, 0.1), (x, 1.5), (x, -0.3)],
        names=("x", "slope"),
    )


def two_layers(variant: int | None = None) -> Page:
    a, b = (2, 5) if variant is None else (variant + 2, variant + 9)
    return Page(
        id="90.1",
        title="Two layers",
        kind="compute",
        stars=1,
        outcome=1,
        task="" if variant is None else f"h = {a}x − 1, then y = −3h + {b}.",
        parts=[Number("a", "a", -3 * a), Number("b", "b", b + 3)],
        right="The second layer multiplies what the first hands it.",
        wrong={
            f"a = {a - 3}, b = {b - 1}": "You added the layers: it multiplies.",
            f"a = {-3 * a}, b = {b}": "The slope is right, the bias vanished.",
            f"b = {b - 3}": "One sign: minus three times minus one is plus three.",
        },
        numbers_for=two_layers,
    )


PAGES = [
    two_layers(),
    Page(
        id="90.2",
        title="A tiny signal",
        kind="estimate",
        stars=1,
        outcome=2,
        parts=[Number("q", "q", 4.8e-12, log=True)],
        right="Each layer takes away the same factor.",
        wrong={
            "q = 1": "The weights shrink the signal at every layer.",
            "q = 0 to 1e-20": "The exponent counts squared lengths; take roots.",
            "q = inf": "Nothing here grows; look at the factor.",
        },
    ),
    Page(
        id="90.3",
        title="Which sentence",
        kind="read evidence",
        stars=2,
        outcome=3,
        parts=[Choice("s", "Choose", ["It `fails`.", "It holds.", "Unknown."], 1)],
        right="Both rows allow this sentence and no other.",
        wrong={
            "s = 0": "One row does not make a rule, see the other.",
            "s = Unknown.": "The second row decides, read it again.",
        },
    ),
    Page(
        id="90.4",
        title="In order",
        kind="predict",
        stars=2,
        outcome=1,
        parts=[
            Order("o", "Smallest first", ["c", "a", "d", "b"], ["a", "b", "c", "d"]),
            Number("share", "share", 25, unit="%", tolerance=0.5),
        ],
        right="They follow the alphabet, a quarter each.",
        wrong=[
            Wrong(
                {"o": Before("d", "a")}, "The last letter comes before the first one."
            ),
            Wrong(
                {"o": ["b", "a", "c", "d"]}, "The first two letters are swapped here."
            ),
            Wrong({"share": 50}, "There are four letters, not two of them."),
            Wrong(
                {"o": ["c", "a", "d", "b"], "share": 50},
                "Nothing was moved, and half is for two letters.",
            ),
        ],
        otherwise="Say the alphabet aloud.",
    ),
    Page(
        id="90.6",
        title="Close",
        kind="derive",
        stars=3,
        outcome=1,
        parts=[Number("m", "mean", 0.399)],
        right="One over the root of two pi.",
        wrong={"m = 0.5": "This is how often the unit is active."},
    ),
]
LARGER_OF_TWO = "max(ax, x) is a leaky ReLU only while a ≤ 1."
CODE = Code(
    id="90.5",
    title="A leak",
    kind="code",
    stars=2,
    outcome=2,
    grade=grade_leaky,
    wrong={
        "lambda x, slope: torch.maximum(slope * x, x)": LARGER_OF_TWO,
        "lambda x, slope: torch.relu(x) + slope * x": "Added on the positive side too.",
        "g = lambda x, slope: None or torch.relu(x)": "On the left it is 0.",
    },
)
CURVE = Curve("c", "size", [0, 1, 2, 3, 4], lambda: [1, 0.1, 0.01, 1e-3, 1e-4], 1e-6, 1)
PREDICTIONS = [
    Prediction(
        "90.A",
        "How much?",
        Number("n", "accuracy", lambda: 82.66, unit="%", low=0, high=100),
        textbook=10.0,
        because={"It guesses.": "It does not guess.", "It learns.": "It does."},
        source="study sample",
    ),
    Prediction(
        "90.B",
        "How small?",
        Number("n", "size", 5e-12, log=True, low=1e-15, high=1),
        textbook=1.0,
        source="study sample",
    ),
    Prediction(
        "90.C",
        "Which?",
        Choice("c", "which", ["ReLU", "none"], "none"),
        textbook=0,
        source="study sample",
    ),
    Prediction(
        "90.D",
        "In which order?",
        Order("o", "order", ["x", "y", "z"], [2, 0, 1]),
        source="study sample",
    ),
    Prediction(
        "90.E",
        "Draw it.",
        Curve(
            "c",
            "signal",
            [0, 1, 2, 3, 4],
            [1, 0.1, 0.01, 1e-3, 1e-4],
            1e-6,
            1,
            x_label="layer",
            log=True,
        ),
        textbook=[1, 1, 1, 1, 1],
        source="study sample",
    ),
]
SAMPLE = Chapter(90, (*PAGES, CODE), tuple(PREDICTIONS))
core.register(SAMPLE)

CHAPTERS = [core.chapter(number) for number in core.chapters()]
ALL = [entry for chapter in CHAPTERS for entry in chapter.exercises]
ALL_PAGES = [entry for entry in ALL if isinstance(entry, Page)]
ALL_CODE = [entry for entry in ALL if isinstance(entry, Code)]
ALL_PREDICTIONS = [p for chapter in CHAPTERS for p in chapter.predictions]


def by_id(entry) -> str:
    return entry.id


def line_of(capsys, *arguments, **options) -> str:
    capsys.readouterr()
    check(*arguments, **options)
    out = capsys.readouterr().out
    assert out.endswith("\n") and out.count("\n") == 1, out
    return out[:-1]


# -- the chapters keep the rules -------------------------------------------------------


@pytest.mark.parametrize("number", [n for n in core.chapters() if n != 90])
def test_chapter_keeps_the_rules(number):
    assert validation.validate(core.chapter(number)) == []


@pytest.mark.parametrize("page", [p for p in ALL_PAGES if p.numbers_for], ids=by_id)
def test_variants_keep_the_rules(page):
    """Other numbers are the same exercise, and no two mistakes give the same one."""
    for variant in range(12):
        other = page.numbers_for(variant)
        same = (other.id, other.title, other.stars) == (page.id, page.title, page.stars)
        assert same and list(validation.page_problems(other)) == [], variant
        assert len(other.wrong) == len(page.wrong), (
            f"{variant}: two mistakes, one number"
        )


def test_rules_are_enforced():
    """Each broken rule is named; a validator that finds nothing would be useless."""
    page = two_layers()
    bad = Chapter(
        90,
        [
            page,
            Page(
                "90.1", "t", "guess", 4, 7, [Number("a", "a", 1)], "Because it is so."
            ),
            replace(page, id="90.7", stars=3, also={"b = 8": "As good as the other."}),
            replace(page, id="90.8", stars=3, also={"z = 8": "As good as the other."}),
            Page(
                "91.x",
                "t",
                "derive",
                3,
                1,
                [Choice("c", "c", ["p", "q", "r"], 0)],
                "yes",
                [Wrong({"c": 0}, "This is the right answer itself."), Wrong({}, "no")],
            ),
        ],
        [
            Prediction("90.a", "?", Number("n", "n", 1)),
            Prediction("90.Z", "?", Number("n", "n", 1, low=0, high=9), source="runs"),
        ],
    )
    found = "\n".join(validation.validate(bad))
    for text in (
        "90.1 occurs 2 times",
        "91.x should read",
        "90.a should read",
        "2 exercises of 1 ★",
        "four kinds",
        "read evidence",
        "outcome 3 is tested by no",
        "'guess' is none of",
        "stars 4",
        "counts as right",
        "too short",
        "has no reply of its own",
        "low and high",
        "no source",
        "90.Z: the answer is a bare number",
        "the other right answer {'b': 8} gets right: The second layer",
        "no part is called ['z']",
    ):
        assert text in found, text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("a = -1, b = 4", {"a": -1, "b": 4}),
        ("q = 0 to 1e-20", {"q": (0, 1e-20)}),
        ("full = 1024, scaled = 15 to 16.5", {"full": 1024, "scaled": (15, 16.5)}),
        ("width = inf", {"width": math.inf}),
        ("s = It belongs to you, or not.", {"s": "It belongs to you, or not."}),
    ],
)
def test_wrong_answers_are_written_as_text(text, answer):
    assert wrong_answer(text) == answer
    assert [type(v) for v in wrong_answer(text).values()] == [
        type(v) for v in answer.values()
    ]


@pytest.mark.parametrize("text", ["", "a", "a=1", "= 1", "a = ", "1, b = 2"])
def test_other_texts_are_no_wrong_answers(text):
    with pytest.raises(ValueError, match="'part = value'"):
        wrong_answer(text)


def test_a_slip_replaces_one_line():
    right = "def f(x):\n    y = x\n    return y"
    assert slips(right, {"y = 2 * x": "a", "y = 1\nreturn x": "b"}) == {
        "def f(x):\n    y = 2 * x\n    return y": "a",
        "def f(x):\n    y = 1\n    return x": "b",
    }
    with pytest.raises(ValueError, match="0 lines of the program begin with 'z'"):
        slips(right, {"z = 1": "c"})
    with pytest.raises(ValueError, match="2 lines of the program begin with 'return'"):
        slips(right + "\n    return x", {"return z": "c"})


@pytest.mark.parametrize("page", ALL_PAGES, ids=by_id)
def test_every_page_mistake_gets_its_reply(page, capsys):
    assert reply(page, validation.right_answer(page)) == grading.Reply(
        "right", page.right
    )
    for wrong in page.wrong:
        answer = validation.answer_for(page, wrong)
        got = reply(page, answer)
        assert got.status in ("wrong", "partial")
        assert wrong.reply in got.text
        with pytest.raises(ExerciseError):
            check(page.id, answer, strict=True)
    check(page.id, validation.right_answer(page), strict=True)


@pytest.mark.parametrize("code", ALL_CODE, ids=by_id)
def test_every_code_mistake_gets_its_reply(code, capsys):
    for wrong in code.wrong:
        line = line_of(capsys, code.id, answer_from_source(wrong.answer))
        assert line.startswith(f"✗ {code.id} "), line
        assert wrong.reply in line
        with pytest.raises(ExerciseError, match=re.escape(wrong.reply)):
            check(code.id, answer_from_source(wrong.answer), strict=True)


@pytest.mark.parametrize("prediction", ALL_PREDICTIONS, ids=by_id)
def test_every_prediction_knows_its_answer(prediction):
    try:
        data = render.prediction_sheet(prediction)
    except Exception as error:
        pytest.fail(f"{prediction.id} has no measured answer: {error}")
    values = np.atleast_1d(np.asarray(data["part"]["answer"], dtype=float))
    assert np.isfinite(values).all()
    if isinstance(prediction.part, (Number, Curve)):
        low, high = prediction.part.low, prediction.part.high
        assert (values >= low).all() and (values <= high).all()


# -- the storm -------------------------------------------------------------------------


class Odd:
    """Raises at whatever is asked of it."""

    def __repr__(self):
        raise RuntimeError("no name")

    def __getattr__(self, name):
        raise ValueError(name)

    def __eq__(self, other):
        raise ZeroDivisionError

    __hash__ = None


class Custom(BaseException):
    def __str__(self):
        raise ValueError("not even a text")


def raises(error):
    def function(*arguments, **options):
        raise error

    return function


def forever(*arguments):
    return forever(*arguments)


def prints_a_lot(*arguments):
    print("x" * 1_000_000)
    sys.stderr.write("y" * 1000)
    return arguments[0]


def spoils(x, *rest):
    x.zero_() if isinstance(x, torch.Tensor) else None
    return x


def changes_everything(*arguments):
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    sys.setrecursionlimit(5000)
    return arguments


class Layer(torch.nn.Module):
    def forward(self, *inputs):
        raise TypeError("no")


STORM = [
    None,
    ...,
    True,
    "",
    " ",
    "nonsense",
    "x" * 100_000,
    "\x00\u202e𝟙",
    b"bytes",
    0,
    -0.0,
    10**400,
    10**5000,
    1e308,
    math.nan,
    math.inf,
    -math.inf,
    1j,
    [],
    [[]],
    [None],
    list(range(1000)),
    (),
    {},
    {"a": {}, "b": []},
    {"nothing": 1},
    {1: 2},
    set(),
    object(),
    object,
    Odd(),
    Odd,
    torch.tensor(math.nan),
    torch.zeros(0),
    torch.zeros(3, 4, requires_grad=True),
    torch.zeros(1).expand(10**9),
    torch.zeros(2, dtype=torch.complex64),
    torch.zeros(2, dtype=torch.int8),
    torch.zeros(3).to_sparse(),
    torch.zeros(2, device="meta"),
    np.zeros((2, 2)),
    np.float32(3),
    np.array("text"),
    np.ma.masked,
    iter([1]),
    print,
    max,
    len,
    Layer,
    Layer(),
    torch.nn.ReLU(),
    torch.nn.Linear(2, 2),
    lambda: 1,
    lambda *a: None,
    lambda *a: ...,
    lambda *a: a[0],
    lambda *a: a,
    lambda *a: "text",
    lambda *a: math.nan,
    lambda *a: [1, 2],
    lambda *a: Odd(),
    lambda *a: torch.zeros(1).expand(10**9),
    lambda *a: torch.tensor(math.nan),
    lambda *a: torch.zeros(7, 7, requires_grad=True) * 2,
    lambda *a: np.zeros(3),
    lambda *a: torch.zeros(2, device="meta"),
    lambda *a: lambda *b: None,
    lambda *a: (i for i in range(3)),
    forever,
    prints_a_lot,
    spoils,
    changes_everything,
    raises(ValueError("no")),
    raises(SystemExit(3)),
    raises(RecursionError()),
    raises(MemoryError()),
    raises(Custom()),
    raises(StopIteration()),
    raises(AssertionError()),
    raises(NotImplementedError()),
    threading.Lock(),
]


@pytest.mark.parametrize("entry", ALL, ids=by_id)
def test_the_storm_never_escapes(entry, capsys):
    state = torch.get_rng_state()
    for bad in STORM:
        line = line_of(capsys, entry.id, bad)
        assert re.match(rf"[✓✗?○] {re.escape(entry.id)} \S", line)
        assert len(line) <= core.LONGEST_LINE
        assert "Traceback" not in line
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()


@pytest.mark.parametrize("page", ALL_PAGES, ids=by_id)
def test_the_storm_reaches_every_part(page):
    """Bad values inside an answer of the right form, one part at a time."""
    for part in page.parts:
        for bad in STORM:
            answer = validation.right_answer(page) | {part.name: bad}
            assert reply(page, answer).status in ("input", "wrong", "partial", "right")


def test_ctrl_c_passes_through():
    with pytest.raises(KeyboardInterrupt):
        check("90.5", raises(KeyboardInterrupt()))


# -- the browser's replies are Python's ------------------------------------------------


TYPED = [
    "",
    "  ",
    "abc",
    "nan",
    "NaN",
    "inf",
    "-∞",
    "no limit",
    "1e400",
    "1e",
    "1e-11",
    "10^-11",
    "3·10^4",
    "3 x 10^(4)",
    "-10**2",
    "110^2",
    "1/4",
    "1/0",
    "-3/4",
    "1e2/4",
    "1/2/3",
    "1,372",
    "1,37",
    "60,000,000",
    "1,234.5",
    "1.234,5",
    ",5",
    "5,",
    "60 000",
    "82 %",
    "82%",
    "0.82",
    "%",
    "−3",
    "–3",
    "--3",
    "+6",
    "6",
    "-6.004",
    "a = 4",
    "α=0.25",
    "≈ 3",
    "~5",
    "0x10",
    "1_000",
    "٣",
    "１",
    "1\u00a0000",
    "\u200b7",
    "\x1f7",
    "Infinity",
    "Γ",
    "İ",
    "𝟙",
    "<b>1</b>",
    "`1`",
    "0",
    "-0",
    "0.41",
    "0.4",
    "25",
    "0.25",
    "2500",
    "50",
    "9" * 50,
    "é" * 41,
    "𝟙" * 41,
    "1" + "0" * 400,
]


def as_typed(page: Page, answer: dict) -> dict:
    """An answer as the page collects it: numbers are text."""
    numbers = {part.name for part in page.parts if isinstance(part, Number)}
    places = grading.sheet(page)["parts"]
    out = {}
    for part in places:
        value = answer[part["name"]]
        if part["name"] in numbers:
            value = value if isinstance(value, str) else f"{float(value):.12g}"
        out[part["name"]] = value
    return out


@pytest.mark.parametrize("page", ALL_PAGES, ids=by_id)
def test_browser_and_python_reply_alike(page, browser):
    data = grading.sheet(page)
    right = validation.right_answer(page)
    answers = [right, *(validation.answer_for(page, wrong) for wrong in page.wrong)]
    answers += [right | form for form, _ in page.forms]
    answers = [as_typed(page, answer) for answer in answers]
    rng = random.Random(1)
    odd = [None, -1, 99, True, "", [], [0], [0, 0], {}, "zzz", 0, 1, 2]
    for part in page.parts:
        if isinstance(part, Number):
            value = float(right[part.name])
            scaled = [f"{value * k:.12g}" for k in (-1, 0.01, 100, 1.004, 1.02, 1.3)]
            pool = [*TYPED, *scaled, *odd]
        elif isinstance(part, Choice):
            pool = [*range(len(part.options)), *part.options, *odd]
        else:
            places = range(len(part.items))
            orders = [rng.sample(places, len(places)) for _ in range(30)]
            pool = [*orders, list(part.items), *odd]
        answers += [as_typed(page, right) | {part.name: value} for value in pool]
        answers += [{p.name: rng.choice(pool) for p in page.parts} for _ in range(20)]
    for answer in answers:
        there = browser("grade", data, answer)
        here = grading.judge(data, _without_numbers(page, answer))
        assert there == {"status": here.status, "text": here.text}, answer


def _without_numbers(page: Page, answer: dict) -> dict:
    """The page takes text for a number, Python numbers as well: leave only text."""
    numbers = {part.name for part in page.parts if isinstance(part, Number)}
    return {
        name: None if name in numbers and not isinstance(value, str) else value
        for name, value in answer.items()
    }


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="0123456789.,eE+-−/% ^*x·10a=inf∞\u00a0", max_size=14))
def test_browser_and_python_read_alike(browser_readings, text):
    for unit in ("", "%", "nats"):
        here = [str(float(value)) for value in readings(text, unit)]
        there = browser_readings(text, unit)
        assert here == there


@pytest.mark.parametrize(
    ("id", "answer", "status", "text"),
    [
        ("90.1", {"a": -6, "b": 8}, "right", "The second layer multiplies"),
        ("90.1", {"a": -6, "b": 2}, "partial", "Right so far: a. One sign"),
        ("90.1", {"a": 1, "b": 2}, "wrong", "One sign: minus"),
        ("90.1", {"a": 6, "b": 8}, "partial", "6: the size is right, the sign is not"),
        ("90.1", {"a": "six", "b": 8}, "input", "a: “six” cannot be read as a number."),
        ("90.1", {"a": -6}, "input", "b: enter a number"),
        ("90.1", 7, "input", "a: enter a number"),
        ("90.2", "5e-12", "right", ""),
        ("90.2", "10^-30", "wrong", "squared lengths"),
        ("90.2", "inf", "wrong", "Nothing here grows"),
        ("90.2", Decimal("4.8e-12"), "right", ""),
        ("90.2", Fraction(48, 10**13), "right", ""),
        ("90.2", 3e-12, "wrong", "3e-12 is not it, and this page knows no slip"),
        ("90.3", "It `fails`.", "wrong", "One row does not make a rule"),
        ("90.3", 7, "input", "choose one"),
        (
            "90.4",
            {"o": [1, 3, 0, 2], "share": "0.25"},
            "partial",
            "right as a fraction",
        ),
        ("90.4", {"o": [1, 3, 2, 0], "share": 25}, "partial", "2 of 4 stand"),
        ("90.4", {"o": [1, 3, 2, 0], "share": 25}, "partial", "Say the alphabet"),
        ("90.4", {"o": [2, 1, 3, 0], "share": 50}, "wrong", "There are four letters"),
        ("90.4", {"o": [1, 1, 1, 1], "share": 50}, "input", "put all 4 in order"),
        ("90.6", "0.41", "wrong", "0.41 is not it"),
        ("90.6", "0,250", "wrong", "0,250 is not it"),
        ("90.6", "1,399", "input", "does the comma mark decimals or thousands?"),
        ("90.6", "39,9 %", "right", ""),
        ("90.6", "0,4", "right", ""),
        ("90.6", "0.5", "wrong", "how often the unit is active"),
    ],
)
def test_replies(id, answer, status, text):
    got = reply(core.exercise(id), answer)
    assert got.status == status
    assert text in got.text


def test_the_most_specific_mistake_speaks():
    text = reply(core.exercise("90.4"), {"o": [0, 1, 2, 3], "share": 50}).text
    assert text == "Nothing was moved, and half is for two letters."


def test_two_mistakes_get_two_replies():
    text = reply(core.exercise("90.4"), {"o": [2, 1, 3, 0], "share": 50}).text
    assert "last letter" in text and "four letters" in text


def test_variant_draws_other_numbers(capsys):
    check("90.1", {"a": -27, "b": 19}, variant=7, strict=True)
    assert "✗" in line_of(capsys, "90.1", {"a": -6, "b": 8}, variant=7)
    assert "h = 9x − 1" in ask("90.1", variant=7).html
    first, again = Report("4.2", 7).draw(3, 0, 1), Report("4.2", 7).draw(3, 0, 1)
    assert torch.equal(first, again)
    assert not torch.equal(first, Report("4.2", 8).draw(3, 0, 1))


# -- check -----------------------------------------------------------------------------


def leaky(x, slope):
    return torch.where(x > 0, x, slope * x)


def stub(x): ...


def half_done(x, slope):
    gain = ...
    return gain * x


def written(x):
    x[...] = 1
    return x


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (leaky, "✓ 90.5 correct on 159 cases"),
        (None, "○ 90.5 not attempted yet"),
        (..., "○ 90.5 not attempted yet"),
        (stub, "○ 90.5 not attempted yet"),
        (half_done, "○ 90.5 not attempted yet"),
        (raises(NotImplementedError()), "○ 90.5 not attempted yet"),
        (3, "✗ 90.5 a function is expected; got 3."),
        (
            lambda x, slope: torch.maximum(slope * x, x),
            "✗ 90.5 at x = -2.0, slope = 1.5: expected -3, got -2. max(ax, x) is a "
            "leaky ReLU only while a ≤ 1.",
        ),
        (
            lambda x, slope: [x, None][1],
            "✗ 90.5 at x of shape (53,), slope = 0.1: returned None: is the return "
            "missing?",
        ),
        (
            lambda x, slope: torch.where(x > 0, x, slope_of * x),  # noqa: F821
            "? 90.5 `slope_of` is not defined in this kernel. Run the cells above "
            "first, or correct the name.",
        ),
        (
            raises(NameError("no name")),
            "✗ 90.5 at x of shape (53,), slope = 0.1: raised NameError: no name.",
        ),
        (
            raises(SystemExit(3)),
            "✗ 90.5 at x of shape (53,), slope = 0.1: raised SystemExit: 3.",
        ),
        (
            lambda x, slope: leaky(x, slope)[None],
            "✗ 90.5 at x of shape (53,), slope = 0.1: got shape (1, 53), expected "
            "(53,).",
        ),
        (
            lambda x, slope: leaky(x, slope).numpy(),
            "✗ 90.5 at x of shape (53,), slope = 0.1: a tensor is expected, got a "
            "numpy array of shape (53,).",
        ),
        (lambda x, slope: leaky(x, slope).double(), "✓ 90.5 correct on 159 cases"),
        (
            lambda x, slope: leaky(x.requires_grad_(), slope),
            "✓ 90.5 correct on 159 cases",
        ),
        (
            lambda x, slope: leaky(x, slope) * math.nan,
            "✗ 90.5 at x = -2.0, slope = 0.1: expected -0.2, got nan.",
        ),
    ],
)
def test_one_line(answer, line, capsys):
    assert line_of(capsys, "90.5", answer) == line


# -- the notebook's state is not the grader's ------------------------------------------


@contextlib.contextmanager
def inference():
    with torch.inference_mode():
        yield


@contextlib.contextmanager
def no_gradients():
    torch.set_grad_enabled(False)
    try:
        yield
    finally:
        torch.set_grad_enabled(True)


@contextlib.contextmanager
def doubles():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def meta():
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextlib.contextmanager
def numpy_raises():
    with np.errstate(all="raise"):
        yield


@contextlib.contextmanager
def autocast():
    with torch.autocast("cpu", torch.bfloat16):
        yield


ODD_STATES = [inference, no_gradients, doubles, meta, numpy_raises, autocast]


def state() -> tuple:
    return (
        torch.is_grad_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.is_inference_mode_enabled(),
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        tuple(np.geterr().items()),
    )


@pytest.mark.parametrize("odd", ODD_STATES)
@pytest.mark.parametrize("code", ALL_CODE, ids=by_id)
def test_replies_do_not_depend_on_the_notebook(code, odd):
    wrong = answer_from_source(code.wrong[0].answer)
    usual = core.grade(code, wrong)
    with odd():
        before = state()
        assert core.grade(code, wrong) == usual
        assert state() == before


@pytest.mark.parametrize("odd", ODD_STATES)
def test_right_answers_and_widgets_in_any_state(odd, capsys):
    pages, predictions = ask("90.2").html, predict("90.A").html
    with odd():
        before = state()
        assert line_of(capsys, "90.5", leaky).startswith("✓")
        assert line_of(capsys, "90.2", 4.8e-12).startswith("✓")
        assert line_of(capsys, "90.5", raises(KeyError())).startswith("✗")
        assert (ask("90.2").html, predict("90.A").html) == (pages, predictions)
        assert state() == before


def assigns(*arguments):
    """Do to torch and NumPy what an answer must not."""
    torch.isclose = lambda a, *rest, **options: torch.ones_like(a, dtype=torch.bool)
    torch.allclose = torch.equal = lambda *rest, **options: True
    torch.Tensor.any = lambda self: torch.tensor(False)
    torch.nn.functional.relu = math.sqrt = np.allclose = lambda x: 0
    torch.nn.Linear.forward = torch.linalg.norm = torch.nn.init.zeros_ = lambda *a: 0
    torch.set_default_device("meta")
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.use_deterministic_algorithms(True)
    np.seterr(all="raise")
    return arguments[0] * 0 + 99


def test_an_answer_cannot_change_how_others_are_judged(capsys):
    functions = torch.isclose, torch.Tensor.any, math.sqrt, torch.nn.Linear.forward
    before = state()
    assert line_of(capsys, "90.5", assigns).startswith("✗ 90.5 at x = -2.0")
    assert line_of(capsys, "90.5", lambda x, s: x * 0 + 99).startswith("✗")
    assert line_of(capsys, "90.5", leaky).startswith("✓")
    assert state() == before
    now = torch.isclose, torch.Tensor.any, math.sqrt, torch.nn.Linear.forward
    assert now == functions


def test_functions_replaced_in_a_cell_do_not_judge(capsys, monkeypatch):
    """Before the check, and still there afterwards: the notebook is the reader's."""
    monkeypatch.setattr(torch, "isclose", lambda a, *b, **c: torch.ones_like(a).bool())
    monkeypatch.setattr(torch.Tensor, "any", lambda self: torch.tensor(False))
    replaced = torch.isclose, torch.Tensor.any
    assert line_of(capsys, "90.5", lambda x, s: x * 0 + 99).startswith("✗")
    assert (torch.isclose, torch.Tensor.any) == replaced


class Agrees(torch.Tensor):
    """Equal to everything."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func in (torch.isclose, torch.eq, torch.Tensor.eq):
            return torch.ones(args[0].shape, dtype=torch.bool)
        return super().__torch_function__(func, types, args, kwargs or {})


def test_tensor_subclasses_are_judged_by_their_numbers(capsys):
    wrong = lambda x, slope: (x * 0 + 99).as_subclass(Agrees)  # noqa: E731
    right = lambda x, slope: leaky(x, slope).as_subclass(Agrees)  # noqa: E731
    assert "expected -0.2, got 99" in line_of(capsys, "90.5", wrong)
    assert line_of(capsys, "90.5", right).startswith("✓")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda x, s: leaky(x.half(), s), "expected -0.2, got -0.199951."),
        (lambda x, s: leaky(x, s) - 1e-4, "expected -0.2, got -0.2001."),
    ],
)
def test_two_numbers_that_differ_look_different(answer, text, capsys):
    assert text in line_of(capsys, "90.5", answer)


def test_near_shows_the_difference():
    with pytest.raises(Exception, match="expected 0.000123457, got 0.000123468"):
        Report("").near("gain", 0.000123468, 0.000123457, 1e-12)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "utf-8"])
def test_output_survives_an_old_console(encoding, tmp_path):
    code = (
        "from course.exercises import check, progress\n"
        "check('1.2', {}); check('99.9'); check('4.2', 3); check('4.2')\n"
        "check('3.0', {'spread': 0.577, 'step': 0.002, 'regime': 1}); progress()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    lines = done.stdout.decode(encoding).splitlines()
    right, wrong, open_ = (
        "✓✗○" if encoding == "utf-8" else ("right:", "wrong:", "open:")
    )
    assert lines[2].startswith(f"{wrong} 4.2"), lines
    assert lines[3].startswith(f"{open_} 4.2") and lines[4].startswith(f"{right} 3.0")
    assert lines[-1].startswith("actlab1.")


def test_answers_get_clones():
    """A function that works in place spoils neither later cases nor the oracle."""
    x = torch.tensor([1.0, -1.0])
    seen = []

    def in_place(x):
        seen.append(x.clone())
        return x.mul_(2)

    Report("").compare(in_place, lambda x: 2 * x, [(x,), (x,)])
    assert torch.equal(seen[0], seen[1]) and torch.equal(x, torch.tensor([1.0, -1.0]))


@pytest.mark.parametrize(
    ("function", "untouched"),
    [
        (stub, True),
        (half_done, False),
        (written, False),
        (leaky, False),
        (print, False),
        (lambda: "two units", False),
    ],
)
def test_is_stub(function, untouched):
    assert is_stub(function) is untouched


def test_stub_in_a_class():
    class Swish(torch.nn.Module):
        def __init__(self):
            super().__init__()

        def forward(self, x): ...

    assert is_stub(Swish) and is_stub(Swish())


@pytest.mark.parametrize(
    ("id", "text"),
    [
        ("90.55", "? there is no exercise '90.55'; did you mean 90.5"),
        ("77.1", "? there is no exercise '77.1'"),
        (90.5, "○ 90.5 not attempted yet"),
        ("90.A", '? 90.A is a prediction: use predict("90.A")'),
        ("", "? there is no exercise ''"),
        (None, "? there is no exercise 'None'"),
        ("x" * 10_000, "? there is no exercise 'xxx"),
    ],
)
def test_ids(id, text, capsys):
    assert line_of(capsys, id, None).startswith(text)


def test_strict_raises_for_unknown_ids_and_stubs():
    with pytest.raises(ExerciseError, match="no exercise"):
        check("90.99", 1, strict=True)
    with pytest.raises(ExerciseError, match="not attempted"):
        check("90.5", stub, strict=True)


def test_report_numbers():
    report = Report("")
    assert report.near("gain", np.float32(1.5), 1.5, 1e-3) == 1.5
    with pytest.raises(Exception, match=r"gain: expected 1.5, got 0.493. Weight it."):
        report.near("gain", 0.493, 1.5, 1e-3, mistakes=[(0.493, "Weight it.")])
    with pytest.raises(Exception, match="between 0.3 and 3, got 100"):
        report.within("ratio", torch.tensor(100.0), 0.3, 3)
    with pytest.raises(Exception, match="a number is expected, got the text"):
        report.number("1", "gain")
    with pytest.raises(Exception, match="one number is expected"):
        report.number(torch.zeros(3), "gain")
    assert report.cases == 1


def test_compare_tuples_numbers_and_diagnoses():
    report = Report("")
    report.compare(lambda n: (n, n + 1), lambda n: (n, n + 1), [1, 2])
    assert report.cases == 2
    with pytest.raises(Exception, match=r"value 2 of 2, at n = 1: expected 2, got 3"):
        report.compare(lambda n: (n, n + 2), lambda n: (n, n + 1), [1], names=("n",))
    with pytest.raises(Exception, match=r"got 0. All the same: \[0, 0\]"):
        report.compare(
            lambda n: 0,
            lambda n: n,
            [1, 2],
            diagnose=lambda got, expected: f"All the same: {got}",
        )


def test_mistake_finds_the_wrong_answer_with_these_numbers():
    wrong = Code("90.7", "t", "code", 1, 1, grade_leaky, {
        "lambda x: 1 / 0": "It raises.", "lambda x: [x, 2 * x]": "It doubles.",
        "lambda x: print(x) or torch.rand(2)": "It draws.",
    }).wrong  # fmt: skip
    report, state = Report("90.7", wrong=wrong), torch.get_rng_state()
    assert report.mistake((1, torch.tensor(2.0)), 1) == "It doubles."
    assert report.mistake([1, 2.1], 1, rtol=0.1) == "It doubles."
    assert report.mistake([1, 2.1], 1, otherwise="Unknown.") == "Unknown."
    assert report.mistake(3, by=lambda f: sum(f(1))) == "It doubles."
    assert torch.equal(torch.get_rng_state(), state)


def test_show_is_short_whatever_it_gets():
    for bad in STORM:
        assert len(show(bad)) <= 130


# -- the elements ----------------------------------------------------------------------

ELEMENTS = [*ALL_PAGES, *ALL_PREDICTIONS]


def element(entry) -> render.Element:
    return predict(entry.id) if isinstance(entry, Prediction) else ask(entry.id)


@pytest.mark.parametrize("entry", ELEMENTS, ids=by_id)
def test_element_is_self_contained(entry):
    html = element(entry).html
    assert html == element(entry).html
    assert not re.search(r"(src|href)=|https?://(?!www\.w3\.org/2000/svg)", html)
    assert len(html.encode()) < 18_000
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids)) == 1
    fields = re.findall(r"<input(?![^>]*range)", html)
    assert len(fields) <= html.count("<label")
    assert 'aria-live="polite"' in html and "<legend>" in html
    assert "</script" not in html[: html.rindex("</script>")]


@pytest.mark.parametrize("entry", ELEMENTS, ids=by_id)
def test_answers_are_not_readable(entry):
    html = element(entry).html
    if isinstance(entry, Page):
        hidden = [entry.right, *(wrong.reply for wrong in entry.wrong)]
    else:
        hidden = [*entry.because.values(), entry.note or "\0"]
    assert not [text for text in hidden if text in html]
    assert _payload(html)["id"] == entry.id


SOURCES = ("page", "number", "choice", "order", "ask", "predict", "curve", "progress")


@pytest.mark.parametrize("name", SOURCES)
def test_squeezed_scripts_have_all_their_names(name):
    """No variable lost its declaration, and no property, text or key got shorter."""
    source = render._source(f"{name}.js")
    squeezed = render.squeeze(source)
    assert len(squeezed) < 0.75 * len(source)
    code = re.sub(r"//[^\n]*", "", source)
    properties = set(re.findall(r"\.(\w+)", re.sub(r"\.\.\.\w+", "", code)))
    assert properties - {""} <= set(re.findall(r"\w+", squeezed))


@pytest.mark.parametrize(
    ("source", "squeezed"),
    [
        ("const size = 1;\nf(size);", "const a=1;f(a);"),
        ("const box = {size: 1, box};", "const box={size:1,box};"),
        ("const long = (value) => x.value + value;", "const b=(a)=>x.value+a;"),
        ("f([one, two,], {size: 1,});", "f([one,two],{size:1});"),
        ("if (a) { f(b); }\nelse { g(); }", "if(a){f(b)}else{g()}"),
        ("const text = `a ${text} text`;", "const b=`a ${b} text`;"),
        ('const it = "it" + "it\'s";', "const a='it'+\"it's\";"),
        ('const re = /re "x"/g; re.test(y);', 'const a=/re "x"/g;a.test(y);'),
        ("globalThis.kept(undeclared);", "globalThis.kept(undeclared);"),
        ("const [one, two] = all; f(...two, one);", "const[a,b]=all;f(...b,a);"),
    ],
)
def test_squeeze(source, squeezed):
    assert render.squeeze(source) == squeezed


def test_script_is_small():
    """The part of an output that repeats: style and script of an element."""
    for used in (("number", "ask"), ("choice", "ask"), ("choice", "predict")):
        size = len((render.script(*used) + render.style()).encode())
        assert size < 9.5 * 1024, (used, size)


@pytest.mark.parametrize(
    ("id", "kept", "lines"),
    [
        (
            "90.A",
            {"answer": 60, "because": 0},
            [
                ["You said", "60 % (23 points too low)."],
                ["Measured", "82.7 %."],
                ["The textbook's prediction", "10 % (73 points too low)."],
                ["Your reason", "It does not guess."],
                ["Source", "study sample."],
            ],
        ),
        (
            "90.B",
            {"answer": 1e-11, "because": -1},
            [
                ["You said", "1e−11 (a factor of 2 too high)."],
                ["Measured", "5e−12."],
                ["The textbook's prediction", "1 (11 powers of ten too high)."],
                ["Source", "study sample."],
            ],
        ),
        (
            "90.C",
            {"shown": True},
            [
                ["Measured", "“none”."],
                ["The textbook's prediction", "“ReLU” (not what was measured)."],
                ["Source", "study sample."],
            ],
        ),
        (
            "90.D",
            {"answer": [2, 1, 0]},
            [
                ["You said", "z → y → x (2 of 3 pairs as measured)."],
                ["Measured", "z → x → y."],
                ["Source", "study sample."],
            ],
        ),
        (
            "90.E",
            {"answer": [1, 0.1, 0.01, 1e-3, 1e-2]},
            [
                [
                    "You said",
                    "1, 0.1, 0.01, 0.001, 0.01 (on average a factor of 2.5 off, "
                    "most at layer = 4).",
                ],
                ["Measured", "1, 0.1, 0.01, 0.001, 1e−4."],
                [
                    "The textbook's prediction",
                    "1, 1, 1, 1, 1 (on average a factor of 100 off, most at layer = "
                    "4).",
                ],
                ["Source", "study sample."],
            ],
        ),
    ],
)
def test_reveal(id, kept, lines, browser):
    data = render.prediction_sheet(core.exercise(id))
    assert browser("revealed", data, kept) == lines


class Measured:
    """An interval, as `actlab.statistics` makes it."""

    mean, low, high, n = 87.763, 87.42, 88.1, 5


@pytest.mark.parametrize(
    ("answer", "guess", "said"),
    [
        (79.038, 79, "79 % (as measured)."),
        (79.038, 79.1, "79.1 % (0.1 points too high)."),
        (63.24, 63, "63 % (0.2 points too low)."),
        (Measured(), 87.8, "87.8 % (as measured)."),
        (Measured(), 88, "88 % (as measured)."),
        (Measured(), 88.2, "88.2 % (0.4 points too high)."),
    ],
)
def test_the_reveal_rounds_and_knows_the_interval(answer, guess, said, browser):
    part = Number("n", "accuracy", lambda: answer, unit="%", low=0, high=100)
    data = render.prediction_sheet(Prediction("90.F", "How much?", part, source="s"))
    lines = dict(browser("revealed", data, {"answer": guess}))
    assert lines["You said"] == said
    if isinstance(answer, Measured):
        assert lines["Measured"] == "87.8 ± 0.3 % (n = 5)."


THREE = measured.draws([1.2487e-12, 1.7377e-12, 1.7101e-12], "networks")


@pytest.mark.parametrize(
    ("answer", "digits", "unit", "said"),
    [
        (interval([82.3, 82.6, 82.9]), 3, "%", "82.6 ± 0.7 % (n = 3)"),
        (interval([-1.5, -1.2, -1.3]), 2, "points", "−1.3 ± 0.4 points (n = 3)"),
        (interval([0.31, 0.32, 0.33]), 2, "", "0.32 ± 0.02 (n = 3)"),
        (interval([20.0, 45.0, 70.0]), 2, "%", "45.0 ± 62.1 % (n = 3)"),
        (interval([3.0, 3.0, 3.0]), 2, "", "3.0 (n = 3)"),
        (interval([3.0]), 2, "", "3.0 (n = 1)"),
        (THREE, 2, "", "1.7e−12 (3 networks: 1.2e−12 to 1.7e−12)"),
        (
            measured.draws([4.1e6, 0.5, -3], "runs"),
            2,
            "dB",
            "0.5 dB (3 runs: −3 to 4.1e6)",
        ),
    ],
)
def test_a_measurement_in_words(answer, digits, unit, said):
    assert measured.words(answer, digits, unit) == said


def test_a_ratio_of_means_knows_its_interval():
    """The middle is the ratio of the means, and pairing takes the seeds out."""
    below = [1.0, 2.0, 3.0, 4.0]
    found = measured.ratio([2 * b for b in below], below)
    assert (found.mean, found.n) == (2.0, 4) and found.high - found.low < 1e-9
    found = measured.ratio([2.1, 3.9, 6.0, 8.0], below)
    assert found.mean == 2.0 and 0.02 < found.half_width < 0.1
    with pytest.raises(ValueError):
        measured.ratio([1.0], below)


def test_an_answer_among_the_draws_is_as_measured(browser):
    part = Number("n", "size", lambda: THREE, log=True, low=1e-20, high=1, digits=2)
    data = render.prediction_sheet(Prediction("90.F", "How small?", part, source="s"))
    for guess, said in (
        (1.3e-12, "1.3e−12 (as measured)."),
        (1.7e-12, "1.7e−12 (as measured)."),
        (1e-12, "1e−12 (a factor of 1.7 too low)."),
    ):
        lines = dict(browser("revealed", data, {"answer": guess}))
        assert lines["You said"] == said
        assert lines["Measured"] == "1.7e−12 (3 networks: 1.2e−12 to 1.7e−12)."


DAMAGED = ["5", '"80"', "null", "[]", '{"answer": {}}', '{"answer": null}', "{]"]
DAMAGED += ['{"answer": "x"}', '{"answer": [1]}', '{"answer": [0, 0, 0]}', "{}"]
DAMAGED += [
    '{"answer": 1e999}',
    '{"answer": 99, "because": "length"}',
    '{"answer": -1}',
]


@pytest.mark.parametrize("entry", [*PAGES, *PREDICTIONS], ids=by_id)
def test_damaged_answers_in_storage_never_throw(entry, browser_engine):
    """A page with any odd state in its storage opens, and can be answered."""
    kind = "predict" if isinstance(entry, Prediction) else "ask"
    payload = _payload(element(entry).html)
    for text in DAMAGED:
        key, value = json.dumps(f"actlab.{kind}.{entry.id}"), json.dumps(text)
        drawn = json.dumps(payload)
        found = browser_engine.eval(
            f"kept[{key}] = {value}; (() => {{ const root = page(); const restore ="
            f"actlabExercises.kinds.{kind}(root, {drawn}); restore();"
            "return String(shown); })()"
        )
        assert found in ("0", "1"), found
    browser_engine.eval("for (const key in kept) delete kept[key];")


def test_a_damaged_prediction_leaves_the_form_open(browser_engine):
    payload = json.dumps(_payload(element(PREDICTIONS[4]).html))
    for kept, opened in (
        ('{"answer": [1, 1]}', False),
        ('{"answer": [1, 0.1, 0.01, 0.001, "1e-4"]}', True),
        ('{"shown": true}', True),
    ):
        found = browser_engine.eval(
            f"kept['actlab.predict.90.E'] = {json.dumps(kept)}; shown = 0;"
            f"actlabExercises.kinds.predict(page(), {payload})(); shown"
        )
        assert bool(found) is opened, kept
    browser_engine.eval("delete kept['actlab.predict.90.E']; 0")


def test_ask_and_predict_point_to_each_other():
    with pytest.raises(TypeError, match=r'check\("90.5"'):
        ask("90.5")
    with pytest.raises(TypeError, match="ask or check"):
        predict("90.1")
    with pytest.raises(LookupError, match="did you mean"):
        ask("90.77")
    assert ask("90.A").html == predict("90.A").html
    assert "90.1" in repr(ask("90.1"))


# -- progress --------------------------------------------------------------------------


def test_progress_code_reaches_the_site(browser, capsys, monkeypatch):
    monkeypatch.setattr(core, "_RESULTS", {})
    exercises.progress()
    assert "Nothing answered" in capsys.readouterr().out
    check("90.5", leaky)
    core.keep("90.1", "wrong", {"a": "1", "b": "2"})
    core.keep("90.1", "right", {"a": "−6", "b": "8"})
    core.keep("90.1", "wrong", {"a": "0", "b": "0"})
    core.keep("90.A", "predicted", {"answer": 60, "because": 1})
    capsys.readouterr()
    exercises.progress()
    out = capsys.readouterr().out
    assert "3 answered, 2 right" in out
    code = out.split()[-1]
    assert browser("importCode", f" {code[:20]}\n{code[20:]} ") == {
        "ok": True,
        "text": "3 answers imported.",
    }
    kept = browser("load", "actlab.ask.90.1")
    assert kept == {"answer": {"a": "−6", "b": "8"}, "status": "right", "tries": 1}
    assert browser("load", "actlab.predict.90.A") == {"answer": 60, "because": 1}


def stored(browser, key: str, value) -> None:
    browser("save", key, value)


def test_an_import_adds_and_never_takes_away(browser, browser_engine):
    """A right or newer answer stays; no answer at all never replaces a typed one."""
    right = {"answer": {"a": "-6", "b": "8"}, "status": "right", "tries": 2}
    wrong = {"answer": {"a": "1", "b": "8"}, "status": "partial", "tries": 4}
    for before, row, after in (
        (right, ["90.1", "wrong", {"a": "0", "b": "0"}], right),
        (right, ["90.1", "wrong", None], right),
        (right, ["90.1", "right", None], right),
        (wrong, ["90.1", "wrong", {"a": "0", "b": "0"}], wrong),
        (wrong, ["90.1", "wrong", None], wrong),
        (wrong, ["90.1", "right", {"a": "-6"}], {"answer": {"a": "-6"}}),
        (wrong, ["90.1", "right", None], {"answer": wrong["answer"]}),
    ):
        stored(browser, "actlab.ask.90.1", before)
        got = browser("importCode", sealed([row]))
        assert got["ok"], row
        added = after is not before
        assert got["text"].startswith(f"{int(added)} answer"), row
        kept = browser("load", "actlab.ask.90.1")
        assert kept == (after | {"status": "right", "tries": 1} if added else after)
    stored(browser, "actlab.predict.90.A", {"answer": 60, "because": 0})
    rows = [["90.A", "predicted", {"answer": 10}], ["90.B", "shown", {"shown": True}]]
    assert browser("importCode", sealed(rows))["text"] == (
        "1 answer imported. 1 answer left as before."
    )
    assert browser("load", "actlab.predict.90.A") == {"answer": 60, "because": 0}
    browser_engine.eval("actlabExercises.forget()")


def test_all_that_progress_prints_is_accepted(
    browser, browser_engine, capsys, monkeypatch
):
    monkeypatch.setattr(core, "_RESULTS", {})
    core.keep("90.1", "wrong", {"a": "1", "b": "2"})
    core.keep("90.1", "right")
    assert core.known()["90.1"]["answer"] == {"a": "1", "b": "2"}
    exercises.progress()
    out = capsys.readouterr().out
    for text in (out, f"> {out}", out * 2, out.replace("\n", "\r\n")):
        got = browser("importCode", text)
        assert got["ok"] is True, got
        browser_engine.eval("actlabExercises.forget()")


def sealed(data) -> str:
    text = base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")
    return f"actlab1.{text}.{zlib.adler32(text.encode()):08x}"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("", "not a code from progress"),
        (None, "not a code from progress"),
        ("hello", "not a code from progress"),
        ("actlab1", "incomplete or changed"),
        ("actlab1..00000001", "incomplete or changed"),
        (sealed([])[:-1], "incomplete or changed"),
        (
            sealed([["1.1", "right", None]]).replace("W", "V", 1),
            "incomplete or changed",
        ),
        (sealed([]) + ".more", "incomplete or changed"),
        (sealed({"a": 1}), "cannot read it"),
        (sealed([["__proto__", "right", 1]]), "cannot read it"),
        (sealed([["1.1", "clever", 1]]), "cannot read it"),
        (sealed([1]), "cannot read it"),
        (f"actlab1.%%.{zlib.adler32(b'%%'):08x}", "cannot read it"),
        ("actlab1." + "A" * 100_000 + ".0", "incomplete or changed"),
    ],
)
def test_malformed_codes_say_so(code, message, browser):
    got = browser("importCode", code)
    assert got["ok"] is False and message in got["text"]


def test_panel_counts_chapters():
    html = exercises.progress_panel().html
    rows = _payload(html)["chapters"]
    assert [
        "Chapter 90",
        [e.id for e in SAMPLE.exercises],
        [p.id for p in PREDICTIONS],
    ] in rows


def test_answers_survive_without_browser_storage(browser_engine):
    """Private mode, a file opened from disk, a frame in Colab: storage may throw."""
    found = browser_engine.eval(
        "const real = globalThis.localStorage;"
        "globalThis.localStorage = new Proxy({}, {get() { throw Error('denied'); },"
        " ownKeys() { throw Error('denied'); }});"
        "actlabExercises.save('actlab.ask.9.9', {status: 'right'});"
        "const seen = [actlabExercises.load('actlab.ask.9.9').status];"
        "actlabExercises.forget();"
        "seen.push(actlabExercises.load('actlab.ask.9.9') === undefined);"
        "globalThis.localStorage = real; JSON.stringify(seen)"
    )
    assert json.loads(found) == ["right", True]


def test_colab_answers_reach_the_kernel_and_come_back(monkeypatch):
    callbacks = {}
    output = types.SimpleNamespace(register_callback=callbacks.__setitem__)
    colab = types.ModuleType("google.colab")
    colab.output = output
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    monkeypatch.setattr(core, "_RESULTS", {})
    before = ask("90.1").html
    render._connect_colab.cache_clear()
    try:
        assert ask("90.1").html == before
        callbacks["actlab.record"]("90.1", "wrong", {"a": "1", "b": "2"})
        callbacks["actlab.record"]("90.A", "shown", {"shown": True})
        assert _payload(ask("90.1").html)["state"] == {"answer": {"a": "1", "b": "2"}}
        assert _payload(predict("90.A").html)["state"] == {"shown": True}
        monkeypatch.delitem(sys.modules, "google.colab")
    finally:
        render._connect_colab.cache_clear()
    assert ask("90.1").html == before


def _payload(html: str) -> dict:
    return json.loads(base64.b64decode(re.search(r'data-payload="([^"]+)"', html)[1]))


def test_import_is_cheap():
    code = "import sys, course.exercises as e; assert 'torch' not in sys.modules; e.ask"
    root = str(Path(exercises.__file__).parents[2])
    subprocess.run(
        [sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": root}
    )
