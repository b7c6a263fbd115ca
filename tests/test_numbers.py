"""Every measured number that a chapter quotes stands in one of its sources.

One test for all chapters; ``tools/numbers_in_prose.py`` says what a source is.
"""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from pathlib import Path

import pytest

import arithmetic
import numbers_in_prose
import recorded_numbers
from numbers_in_prose import Chapter, numbers, plain, problems, supports

CHAPTERS = sorted((numbers_in_prose.ROOT / "chapters").glob("*.ipynb"))


def name(path: Path) -> str:
    return path.stem


def chapter(number: str, change: tuple[str, str] | None = None) -> Chapter:
    """A chapter, with a piece of its prose replaced wherever it stands."""
    path = next(path for path in CHAPTERS if path.name.startswith(number))
    notebook = json.loads(path.read_text("utf-8"))
    changed = 0
    for cell in notebook["cells"] if change else ():
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and change[0] in text:
            cell["source"] = [text.replace(*change)]
            changed += 1
    assert bool(changed) == bool(change), f"chapter {number} does not say {change}"
    return Chapter(notebook, path)


@pytest.mark.parametrize("path", CHAPTERS, ids=name)
def test_every_number_has_a_source(path):
    found = problems(Chapter.read(path))
    assert not found, "\n".join(found)


# --- the check can fail -----------------------------------------------------------


@pytest.mark.parametrize(
    "number, right, wrong",
    [
        ("04", "1.9 ± 1.1 points", "9.1 ± 1.1 points"),  # an output, with its interval
        ("04", "1.9 ± 1.1 points", "1.9 ± 0.9 points"),  # the interval of its neighbour
        ("01", "63.2 ± 0.4 %", "63.6 ± 0.4 %"),  # a recording
        ("01", "| 80.9 | 76.7 |", "| 80.9 | 77.6 |"),  # a mark with a recording
        ("03", "87.8 ± 0.3 %", "88.7 ± 0.3 %"),
        ("07", "0.022 nats", "0.027 nats"),  # a paired difference
        ("08", "from 0.25 to 2.32 in 15", "from 0.25 to 3.22 in 15"),
        (
            "10",
            "With *Adam* 73 are",
            "With *Adam* 37 are",
        ),  # a count in running text
        ("10", "leave 33 of 640", "leave 43 of 640"),
        ("12", "rank correlation of 0.97 over", "rank correlation of 0.79 over"),
        ("13", "Xeon, not 0.48", "Xeon, not 0.43"),  # a file
        ("13", "270.2 - 115.2", "270.2 - 115.3"),
        ("15", "0.40 points (0.30 to 0.49)", "0.40 points (0.30 to 0.94)"),
        ("05", "= 0.0039$ apart", "= 0.0093$ apart"),  # an equation
        ("07", "14336 / 4096", "14336 / 4069"),  # a formula in a mark
        ("07", "in shazeer2020glu", "in shazer2020glu"),
        ("15", "0.193 in chapter 05", "0.193 in chapter 06"),
        ("10", "113 102 58 as the", "113 102 85 as the"),
    ],
)
def test_a_wrong_number_is_found(number, right, wrong):
    assert problems(chapter(number, (right, wrong)))


@pytest.mark.parametrize(
    "written, source",
    [
        ("86.5", "86.53"),
        ("86.5 %", "0.8653"),
        ("86.5 ± 1.5", "86.53 ± 1.52"),
        ("0.44", "44 %"),
        ("12.3 ms", "0.0123"),
        ("12.3 ms", "12345 µs"),
        ("16.8 million", "16,777,216"),
        ("1.2 · 10⁻⁷", "1.19e-07"),
        ("$1.2 \\cdot 10^{-7}$", "0.000000119"),
        ("−0.17", "0.1700"),
        ("10{,}923", "10922.7"),
    ],
)
def test_a_right_rounding_is_accepted(written, source):
    one, other = next(numbers(plain(written))), next(numbers(plain(source)))
    assert supports(other, one)


@pytest.mark.parametrize(
    "written, source",
    [
        ("86.5", "86.4"),
        ("86.5", "0.8653"),  # a power of ten without its unit
        ("86.53", "86.5"),  # more digits than were printed
        ("86.5 ± 1.5", "86.5"),
        ("86.5 ± 1.5", "86.5 ± 1.8"),
        ("12.3 ms", "0.123"),
        ("0.44", "0.0044"),
    ],
)
def test_a_wrong_rounding_is_not(written, source):
    one, other = next(numbers(plain(written))), next(numbers(plain(source)))
    assert not supports(other, one)


def test_few_wrong_numbers_slip_through():
    """Of digits swapped, a tenth more and a tenth less, in all chapters."""
    found: Counter = Counter()
    for path in CHAPTERS:
        found += numbers_in_prose.slips(Chapter.read(path))
    assert found[3, "numbers"] > 300
    refused = {n: 1 - found[n, "accepted"] / found[n, "mutations"] for n in (2, 3)}
    assert refused[3] > 0.9, refused  # three significant digits or more
    assert refused[2] > 0.5, refused  # two digits stand somewhere by chance


# --- its parts --------------------------------------------------------------------


def test_marks_are_held_to_their_rules():
    notebook = deepcopy({"cells": []})
    path = CHAPTERS[0]

    def wrong(text: str) -> str:
        cell = {"cell_type": "markdown", "metadata": {}, "source": [text]}
        return "\n".join(problems(Chapter(notebook | {"cells": [cell]}, path)))

    assert not wrong("It is 2.25.\n\n<!-- derived: 2.25 = (3 / 2) ** 2 -->")
    assert "gives 2.25" in wrong("It is 2.26.\n\n<!-- derived: 2.26 = 1.5 ** 2 -->")
    assert "made of 71.3" in wrong("2.2\n\n<!-- derived: 2.2 = 73.5 - 71.3 -->")
    assert "cell lacks" in wrong("It is 2.\n\n<!-- given: 2.25 as data -->")
    assert "say what" in wrong("It is 2.25.\n\n<!-- given: 2.25 -->")
    assert "no key" in wrong("It is 2.25.\n\n<!-- cited: 2.25 in nobody1900 -->")
    assert "no study" in wrong("It is 2.2.\n\n<!-- derived: 2.2 = rumour[relu] -->")
    assert "picks 0" in wrong("It is 2.2.\n\n<!-- derived: 2.2 = dead[relu no] -->")
    assert "no chapter" in wrong("It is 2.2.\n\n<!-- sources: hearsay.md -->")
    assert "no arithmetic" in wrong("2.2\n\n<!-- derived: 2.2 = open('a') -->")


def test_arithmetic_computes_and_nothing_else():
    assert arithmetic.evaluate("-sqrt(4) * (1 + 2) ** 2 / 3") == -6
    assert arithmetic.evaluate("Phi(0) + log(e)") == 1.5
    for bad in ("x", "__import__('os')", "9 ** 9 ** 9", "1 / 0", "[1]", "1 <"):
        with pytest.raises(arithmetic.FormulaError):
            arithmetic.evaluate(bad)


@pytest.mark.parametrize(
    "tex, value",
    [
        (r"$\tfrac12(1 + 0.0625) = 0.53125$", 0.53125),
        (r"$g = 1/\sqrt{0.53125} = 1.372$", 1.37199),
        (r"$10 \cdot \log_{10} 0.1443 = −8.4$", -8.4074),
        (r"$\ln(e + 3) - 1 = 0.744$", 0.743668),
        (r"$x > \log_2(65504/0.02) = 21.6$", None),
        (r"$a = 3$", None),
    ],
)
def test_equations_of_the_text_are_computed(tex, value):
    found = [derived for _, derived in arithmetic.shown(tex)]
    if value is None:
        assert not found
    else:
        assert any(derived == pytest.approx(value, abs=1e-3) for derived in found)


def test_recorded_numbers_are_picked_by_words():
    value = recorded_numbers.value
    pair = "sgd_small relu", "sgd_small identity"
    gap = value("published", f"{pair[0]} | {pair[1]}")
    one, other = (value("published", words) for words in pair)
    assert gap == pytest.approx(one - other)
    assert value("published", " | ".join(pair), "low") < gap
    with pytest.raises(LookupError, match="picks 2 conditions"):
        value("published", "relu")
    assert recorded_numbers.named("no activation, leaky ReLU") == {
        "identity", "leaky_relu",
    }  # fmt: skip
