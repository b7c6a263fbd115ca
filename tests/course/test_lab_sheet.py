"""The laboratory's property sheet and depth profile are those of the package."""

from __future__ import annotations

import json
import math

import pytest
from py_mini_racer import MiniRacer

from actlab import catalogue, properties
from course.lab import scripts

ROWS = [row.key for row in catalogue.ROWS if row.kind == "scalar"]
TYPED = ["x*tanh(exp(x))", "max(x, 0.1*x) + sin(x)/2", "abs(x)**3", "x**2/(1 + x**2)"]
PLACES = {"argmin", "steepest_at"}  # known to half of the digits

SCRIPT = """
const plain = (_, v) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v);
function sheet(text) {
  return JSON.stringify(sheetOf(new Curve(functionOf(text, ROWS).tree)), plain);
}
function slope(text, place) {
  return new Program(functionOf(text, ROWS).tree).at(place)[1];
}
function profile(text, start, gain) {
  const curve = new Curve(functionOf(text, ROWS).tree);
  return JSON.stringify(depthProfile(curve, 30, start, gain), plain);
}
"""


@pytest.fixture(scope="module")
def engine() -> MiniRacer:
    engine = MiniRacer()
    engine.eval(scripts.core() + SCRIPT)
    return engine


def number(value):
    words = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}
    return words.get(value, value) if isinstance(value, str) else value


def agree(found, expected, name) -> bool:
    found = number(found)
    if isinstance(expected, float):
        tolerance = 2e-6 if name in PLACES else 1e-9
        if name in PLACES and found is None:
            return False
        return found == pytest.approx(expected, rel=tolerance, abs=1e-9, nan_ok=True)
    if isinstance(expected, (tuple, list)):
        return len(found) == len(expected) and all(
            agree(a, b, name) for a, b in zip(found, expected)
        )
    if isinstance(expected, dict):
        return all(agree(found[key], value, name) for key, value in expected.items())
    return found == expected


@pytest.mark.parametrize("text", [*ROWS, *TYPED])
def test_every_number_of_the_sheet(text, engine):
    found = json.loads(engine.eval(f"sheet({json.dumps(text)})"))
    expected = properties.property_sheet(text).to_dict()
    wrong = {
        name: (found[name], expected[name])
        for name in found
        if not agree(found[name], expected[name], name)
    }
    # Where several places are equally steep, as on a wave, any of them is right.
    if "steepest_at" in wrong and None not in wrong["steepest_at"]:
        slope = engine.eval(f"slope({json.dumps(text)}, {found['steepest_at']})")
        if abs(slope) == pytest.approx(expected["lipschitz"], rel=1e-9):
            del wrong["steepest_at"]
    assert not wrong


@pytest.mark.parametrize("start", ["default", "he", "xavier", "matched"])
@pytest.mark.parametrize("text", ["relu", "tanh", "sigmoid", "telu", "x + sin(x)"])
def test_thirty_layers(text, start, engine):
    gain = float(properties.forward_gain(text))
    found = json.loads(engine.eval(f"profile({json.dumps(text)}, '{start}', {gain})"))
    expected = properties.depth_profile(text, 30, start)
    for name, values in (
        ("preActivation", expected.pre_activation),
        ("activation", expected.activation),
        ("errorSignal", expected.error_signal),
        ("weightGradient", expected.weight_gradient),
    ):
        got = [number(value) for value in found[name]]
        assert got == pytest.approx(values.tolist(), rel=1e-8, nan_ok=True), name


@pytest.mark.parametrize("size", [1e2, 1e4, 1e5, 1e6])
@pytest.mark.parametrize("place", [0.0, 1.3])
def test_a_steep_formula_gets_a_right_gain_or_none(engine, size, place) -> None:
    text = f"tanh({size}*(x - {place}))"
    sheet = {
        k: number(v) for k, v in json.loads(engine.eval(f"sheet('{text}')")).items()
    }
    gain, steepest = sheet["backward_gain"], sheet["lipschitz"]
    square = size * 4 / 3 * math.exp(-(place**2) / 2) / math.sqrt(2 * math.pi)
    assert math.isnan(gain) or gain == pytest.approx(square**-0.5, rel=1e-3)
    assert math.isnan(steepest) or steepest == pytest.approx(size, rel=1e-3)
    assert sheet["smoothness"] == ("?" if math.isnan(steepest) else "C^ω")
    if place == 0:
        assert not math.isnan(gain + steepest)
