"""What may be typed on the laboratory's page is what the package reads, and no more."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from py_mini_racer import MiniRacer

from actlab import formulas
from actlab.formulas import FormulaError
from course.lab import scripts

TEXTS = json.loads(
    Path(__file__).with_name("formula_inputs.json").read_text(encoding="utf-8")
)
GRID = np.concatenate([np.linspace(-6, 6, 25) + 0.013, [25.0, -25.0]])

SCRIPT = """
function readText(text, places) {
  try {
    const program = new Program(parse(text));
    const pairs = places.map((x) => program.at(x));
    return JSON.stringify({
      value: pairs.map((p) => String(p[0])),
      slope: pairs.map((p) => String(p[1])),
    });
  } catch (error) {
    if (!(error instanceof FormulaError)) throw error;
    return JSON.stringify({ refused: error.message, at: error.at, end: error.end });
  }
}
"""


@pytest.fixture(scope="module")
def engine() -> MiniRacer:
    engine = MiniRacer()
    engine.eval(scripts.core() + SCRIPT)
    return engine


def read(engine: MiniRacer, text: str) -> dict:
    places = json.dumps(GRID.tolist())
    return json.loads(engine.eval(f"readText({json.dumps(text)}, {places})"))


def expected_of(text: str):
    """SymPy's expression, or None where the package refuses the text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return formulas.parse(text)
    except FormulaError:
        return None


def test_the_table_is_long_enough():
    assert len(TEXTS) == len(set(TEXTS)) >= 200


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text)[:40])
def test_the_page_reads_what_the_package_reads(text, engine):
    expected, found = expected_of(text), read(engine, text)
    if expected is None:
        assert found.get("refused"), "the package refuses this"
        assert 0 <= found["at"] <= len(text)
        assert found["at"] < found["end"]
        assert len(found["refused"]) < 600
        return
    assert "refused" not in found, found
    for name, expr in (
        ("value", expected),
        ("slope", formulas.derivative(expected)),
    ):
        numbers = formulas.numpy_function(expr)(GRID)
        got = np.array(
            [float(value.replace("Infinity", "inf")) for value in found[name]]
        )
        np.testing.assert_allclose(got, numbers, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(
    "text, at, word",
    [
        ("x + tanj(x)", 4, "unknown function 'tanj'"),
        ("x*σ(x)", 2, "write sigmoid(x)"),
        ("x^2", 1, "write **"),
        ("tanh(x, x)", 0, "takes 1 argument, got 2"),
        ("1 + 2x", 4, "write 2*x"),
        ("max(x, 0", 8, "is missing"),
        ("x + y", 4, "unknown name 'y'"),
        ("x/(1 - 1)", 0, "divides by zero"),
        ("silu(x)", 0, "write x*sigmoid(x)"),
        ("constructor", 0, "unknown name 'constructor'"),
        ("x + toString", 4, "unknown name 'toString'"),
        ("__proto__", 0, "unknown name '__proto__'"),
        ("x valueOf", 2, "cannot read ‘valueOf’ here"),
    ],
)
def test_a_message_says_where_and_what(text, at, word, engine):
    found = read(engine, text)
    assert found["at"] == at
    assert word in found["refused"]


def test_hostile_texts_are_quick(engine):
    """Nothing that may be typed keeps the page busy."""
    nested = "gelu(" * 39 + "x" + ")" * 39
    chain = "x if x > 0 else " * 31 + "x"
    deep = "(" * 250 + "x"
    for text in (deep, "-" * 499 + "x", nested, chain, "x**2" * 120, "relu(" * 100):
        start = engine.eval("Date.now()")
        assert read(engine, text).get("refused")
        assert engine.eval("Date.now()") - start < 500
