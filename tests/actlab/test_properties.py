"""Property sheets and Gaussian integrals, against closed forms and printed numbers."""

from __future__ import annotations

import csv
import json
import math
import random
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from actlab import catalogue, formulas
from actlab.formulas import FormulaError
from actlab.properties import (
    PropertySheet,
    backward_gain,
    chi_1,
    correlation_map,
    fixed_point,
    forward_gain,
    iterate_variance,
    mean,
    property_sheet,
    second_moment,
    variance_map,
    variance_slope,
)
from actlab.properties.functions import function_of

SCALARS = [row for row in catalogue.CATALOGUE.values() if row.kind == "scalar"]

# --- The anchors: numbers computed for the reference catalogue, by other means -------

ANCHORS = list(
    csv.DictReader(
        (Path(__file__).parent / "anchors.csv").read_text(encoding="utf-8").splitlines()
    )
)


@cache
def sheet(formula: str) -> PropertySheet:
    return property_sheet(formula)


def measure(formula: str, quantity: str) -> float | str:
    """Compute one quantity of ``anchors.csv``."""
    if quantity in ("low", "high"):
        return sheet(formula).range[quantity == "high"]
    if quantity == "largest":
        return max(abs(end) for end in sheet(formula).range)
    if quantity == "steepest_at":
        return abs(sheet(formula).steepest_at)
    if quantity in ("slope_limit_left", "slope_limit_right"):
        far = -1e3 if quantity.endswith("left") else 1e3
        return float(function_of(formula, {}).slope(far))
    if quantity == "variance_slope":  # at the fixed point q = 1 of the matched gain
        matched = forward_gain(formula) ** 2
        assert variance_map(formula, 1.0, matched) == pytest.approx(1)
        return variance_slope(formula, weight_variance=matched)
    if quantity == "chi_1":
        return chi_1(formula)
    return getattr(sheet(formula), quantity)


def as_printed(row: dict[str, str], found: float | str) -> bool:
    """Return whether ``found`` is the printed value, to its printed digits."""
    if row["digits"] == "":
        return found == (
            row["value"] if isinstance(found, str) else float(row["value"])
        )
    return abs(found - float(row["value"])) <= 0.500001 * 10.0 ** -int(row["digits"])


@pytest.mark.parametrize(
    "row", ANCHORS, ids=lambda row: f"{row['key']} {row['quantity']} {row['value']}"
)
def test_an_anchor_agrees_or_is_shown_wrong(row) -> None:
    found = measure(row["formula"], row["quantity"])
    if row["status"] == "agrees":
        assert as_printed(row, found), found
    else:
        ours = row["status"].removeprefix("corrected: ")
        assert ours != row["status"], "a status is 'agrees' or 'corrected: <our value>'"
        assert not as_printed(row, found), "the printed number is right after all"
        assert found == pytest.approx(float(ours), rel=1e-5)


def test_the_anchors_are_of_the_functions_of_the_catalogue() -> None:
    """So that a slip in a row's formula cannot hide behind the anchor's own formula."""
    assert len(ANCHORS) > 400
    grid = np.linspace(-6, 6, 121)
    anchored = set()
    for key, formula in {(row["key"], row["formula"]) for row in ANCHORS}:
        try:
            row = catalogue.get(key)
        except catalogue.UnknownActivationError:
            continue
        anchored.add(row.key)
        expected = formulas.numpy_function(formulas.parse(formula))(grid)
        np.testing.assert_allclose(row.numpy()(grid), expected, atol=1e-12)
    assert anchored >= {
        *("step", "identity", "sigmoid", "newfun", "tanh"),
        *("relu", "leaky_relu", "elu", "selu", "softplus", "prelu"),
        *("gelu", "gelu_tanh", "quick_gelu", "swish", "hardswish", "mish", "telu"),
    }


# --- Closed forms ------------------------------------------------------------------


def test_closed_forms_of_means_and_second_moments() -> None:
    root = math.sqrt(2 * math.pi)
    elu = 1 / root + math.sqrt(math.e) * (1 + math.erf(-1 / math.sqrt(2))) / 2 - 0.5
    exact = {"rel": 1e-13, "abs": 1e-14}
    assert mean("relu") == pytest.approx(1 / root, **exact)
    assert mean("gelu") == pytest.approx(1 / (2 * math.sqrt(math.pi)), **exact)
    assert mean("elu") == pytest.approx(elu, **exact)
    assert mean("exp(x)") == pytest.approx(math.sqrt(math.e), **exact)
    assert second_moment("exp(x)") == pytest.approx(math.e**2, **exact)
    assert second_moment("x**4") == pytest.approx(105, **exact)
    assert second_moment("sin(30*x)") == pytest.approx(0.5, **exact)
    assert mean("step(x - 0.3)") == pytest.approx(
        (1 - math.erf(0.3 / math.sqrt(2))) / 2, **exact
    )
    assert forward_gain("relu") == pytest.approx(math.sqrt(2), **exact)
    assert backward_gain("relu") == pytest.approx(math.sqrt(2), **exact)
    assert forward_gain("leaky_relu", alpha=0.2) == pytest.approx(
        math.sqrt(2 / 1.04), **exact
    )


def test_selu_is_at_its_fixed_point() -> None:
    assert mean("selu") == pytest.approx(0, abs=1e-14)
    assert second_moment("selu") == pytest.approx(1, abs=1e-14)
    point = fixed_point("selu")
    assert point.q == pytest.approx(1) and point.stable
    assert point.slope == pytest.approx(0.783, abs=5e-4)
    assert chi_1("selu") == pytest.approx(1.072, abs=5e-4)
    assert property_sheet("selu").zero_centred


@pytest.mark.parametrize("row", SCALARS, ids=lambda row: row.key)
def test_averages_agree_with_a_million_random_numbers(row) -> None:
    rng = np.random.default_rng(1)
    half = rng.standard_normal(500_000)
    numbers = np.concatenate([half, -half])
    values, slopes = row.numpy()(numbers), row.numpy_derivative()(numbers)
    assert mean(row) == pytest.approx(values.mean(), abs=5e-3)
    assert second_moment(row) == pytest.approx((values**2).mean(), rel=2e-2)
    assert chi_1(row) == pytest.approx((slopes**2).mean(), rel=2e-2)
    wide = row.numpy()(3 * numbers)
    assert variance_map(row, 9.0) == pytest.approx((wide**2).mean(), rel=2e-2)


def test_integrals_that_diverge_are_infinite() -> None:
    assert second_moment("exp(x**2/4)") == math.inf
    assert mean("exp(x**2/4)") == pytest.approx(math.sqrt(2))
    assert mean("exp(exp(exp(x)))") == math.inf
    assert second_moment("1/x") == math.inf and math.isnan(mean("1/x"))
    assert backward_gain("sqrt(abs(x))") == 0
    assert forward_gain("0*x") == math.inf and backward_gain("step") == math.inf


@pytest.mark.parametrize("q", [1e-6, 1e-2, 0.3, 7.0, 1e4, 1e8])
def test_the_variance_map_at_any_scale(q) -> None:
    assert variance_map("relu", q, 2.0) == pytest.approx(q, rel=1e-12)
    assert variance_map("identity", q, 0.5, 0.25) == pytest.approx(q / 2 + 0.25)
    sine = variance_map("sin(x)", q) if q < 1e3 else (1 - math.exp(-2 * q)) / 2
    assert sine == pytest.approx(-math.expm1(-2 * q) / 2, rel=1e-10)
    shifted = variance_map("x if x > 1 else 0", q)
    low = 1 / math.sqrt(q)
    tail = math.erfc(low / math.sqrt(2)) / 2
    density = math.exp(-low * low / 2) / math.sqrt(2 * math.pi)
    assert shifted == pytest.approx(q * (tail + low * density), rel=1e-9, abs=1e-200)


def test_the_variance_map_rejects_negative_variances() -> None:
    with pytest.raises(ValueError, match="0 or more, not -1"):
        variance_map("relu", -1.0)
    with pytest.raises(ValueError, match="depth"):
        iterate_variance("relu", -1)
    with pytest.raises(ValueError, match="q > 0"):
        variance_slope("relu", 0.0)


def test_iterated_variances() -> None:
    path = iterate_variance("relu", 10, q=3.0, weight_variance=1.0)
    np.testing.assert_allclose(path, 3.0 * 0.5 ** np.arange(11), rtol=1e-12)
    assert iterate_variance("tanh", 0).tolist() == [1.0]
    assert variance_map("sigmoid", 0.0, 1.0, 0.5) == pytest.approx(0.75)
    exploding = iterate_variance("exp(x)", 6)
    assert exploding[0] == 1 and exploding[-1] == math.inf
    assert (np.diff(iterate_variance("tanh", 200)) < 0).all()


def test_variance_slopes_are_differences_of_the_map() -> None:
    for key in ("tanh", "selu", "gelu", "step", "softplus", "hardswish"):
        for q in (0.5, 1.0, 4.0):
            step = 1e-5
            high, low = (variance_map(key, q + s, 1.7) for s in (step, -step))
            slope = variance_slope(key, q, 1.7)
            assert slope == pytest.approx((high - low) / (2 * step), abs=1e-8)


def test_fixed_points() -> None:
    assert fixed_point("relu", 2.0).slope == pytest.approx(1)
    assert fixed_point("relu", 1.9) is None
    assert fixed_point("exp(x)") is None
    for key, weights, biases in (("tanh", 1.5, 0.1), ("sigmoid", 4.0, 0.0)):
        point = fixed_point(key, weights, biases)
        assert variance_map(key, point.q, weights, biases) == pytest.approx(point.q)
        assert point.stable


# --- Correlation -------------------------------------------------------------------


def arc_cosine(c: np.ndarray) -> np.ndarray:
    """Return ReLU's correlation map, known in closed form (Cho and Saul 2009)."""
    return (np.sqrt(1 - c**2) + c * (math.pi - np.arccos(c))) / math.pi


def test_the_correlation_map_of_relu_is_the_arc_cosine_kernel() -> None:
    places = np.array([-1.0, -0.999, -0.5, 0.0, 0.3, 0.9, 0.999, 1 - 1e-9, 1.0])
    found = correlation_map("relu", places, q=2.5, weight_variance=2.0)
    np.testing.assert_allclose(found, arc_cosine(places), atol=1e-8)
    assert isinstance(correlation_map("relu", 0.3), float)


@pytest.mark.parametrize("q", [0.1, 1.0, 30.0])
def test_the_correlation_map_of_the_sign_is_an_arcsine(q) -> None:
    places = np.array([-0.9, -0.2, 0.0, 0.4, 0.99])
    found = correlation_map("sign(x)", places, q=q)
    np.testing.assert_allclose(found, 2 / math.pi * np.arcsin(places), atol=1e-9)


@pytest.mark.parametrize("row", SCALARS, ids=lambda row: row.key)
def test_identical_inputs_stay_identical_and_chi_1_is_the_slope_there(row) -> None:
    assert correlation_map(row, 1.0, 1.3, 1.1, 0.1) == pytest.approx(1, abs=1e-12)
    if property_sheet(row).jumps:
        return
    variance = variance_map(row, 1.0, 1.7)
    step = 1e-5
    slope = (1 - correlation_map(row, 1 - step, 1.0, 1.7)) / step
    # Rescaled from pre-activations of variance 1 to those of the next layer.
    assert slope == pytest.approx(chi_1(row, 1.0, 1.7) / variance, rel=2e-2)


def test_the_correlation_map_rejects_what_is_no_correlation() -> None:
    with pytest.raises(ValueError, match="between -1 and 1"):
        correlation_map("relu", 1.5)
    with pytest.raises(ValueError, match="variance is 0"):
        correlation_map("0*x", 0.5)


# --- Sheets --------------------------------------------------------------------


@pytest.mark.parametrize("row", SCALARS, ids=lambda row: row.key)
def test_the_sheet_of_a_module_is_the_sheet_of_its_formula(row) -> None:
    """The formula's sheet uses its cases, the module's finds them by bisection."""
    by_formula, by_module = property_sheet(row), property_sheet(row.make())
    assert by_module.formula is None
    assert by_formula.formula == formulas.latex(row.expr)
    for name in ("monotone", "saturation", "hard_saturation", "zero_centred"):
        assert getattr(by_module, name) == getattr(by_formula, name), name
    for name in ("lipschitz", "mean", "second_moment", "forward_gain", "backward_gain"):
        expected = pytest.approx(getattr(by_formula, name), rel=1e-6, abs=1e-9)
        assert getattr(by_module, name) == expected, name
    assert by_module.range == pytest.approx(by_formula.range, rel=1e-7)
    assert by_module.limits == pytest.approx(by_formula.limits)
    assert len(by_module.kinks) == len(by_formula.kinks)
    for found, kink in zip(by_module.kinks, by_formula.kinks):
        assert (found.x, found.left, found.right) == pytest.approx(
            (kink.x, kink.left, kink.right), abs=1e-6
        )
    # Only the formula knows of third derivatives and beyond.
    smoothness = {"C^ω": "smooth", "C²": "smooth"}.get(
        by_formula.smoothness, by_formula.smoothness
    )
    if row.key != "sine":  # thirty waves in 2π look like kinks to a sample of values
        assert by_module.smoothness == smoothness


def test_a_sheet_in_full() -> None:
    found = property_sheet("hardswish")
    assert found.name == "Hardswish"
    assert found.range == (-0.375, math.inf) and found.attained == (True, False)
    assert found.limits == (0.0, math.inf)
    assert (found.minimum, found.argmin) == (-0.375, -1.5)
    assert [(k.x, k.left, k.right) for k in found.kinks] == [
        (-3.0, 0.0, -0.5),
        (3.0, 1.5, 1.0),
    ]
    assert found.jumps == ()
    assert found.smoothness == "C⁰" and found.monotone == "no"
    assert (found.lipschitz, found.steepest_at) == (1.5, pytest.approx(3.0))
    assert (found.saturation, found.hard_saturation) == ("left", "left")
    assert not found.zero_centred
    assert property_sheet(torch.nn.Hardswish()).kinks == found.kinks


@pytest.mark.parametrize(
    "formula, expected",
    [
        ("sigmoid(x)", {"range": (0, 1), "attained": (False, False), "minimum": None}),
        (
            "clip(x, -1, 1)",
            {"range": (-1, 1), "attained": (True, True), "argmin": None},
        ),
        (
            "relu(x)",
            {"attained": (True, False), "minimum": 0.0, "monotone": "increasing"},
        ),
        ("-x", {"monotone": "decreasing", "limits": (math.inf, -math.inf)}),
        ("3", {"monotone": "constant", "range": (3, 3), "lipschitz": 0.0}),
        ("sin(x)", {"limits": (None, None), "attained": (True, True)}),
        ("x + sin(x)**2", {"limits": (-math.inf, math.inf), "monotone": "increasing"}),
        ("abs(x)", {"minimum": 0.0, "argmin": 0.0, "smoothness": "C⁰"}),
        ("x*abs(x)", {"smoothness": "C¹", "lipschitz": math.inf}),
        ("x**2*abs(x)", {"smoothness": "C²"}),
        ("abs(x)**1.5", {"smoothness": "C¹", "kinks": ()}),
        ("step(x)", {"smoothness": "jump", "lipschitz": math.inf}),
        ("1/x", {"smoothness": "pole", "range": (-math.inf, math.inf)}),
        ("x if x > 1 else 0", {"smoothness": "jump", "range": (0, math.inf)}),
        ("exp(x)/(1 + exp(x))", {"range": (0, 1), "limits": (0.0, 1.0)}),
        ("relu(relu(relu(x) - 1) - 1)", {"smoothness": "C⁰", "range": (0, math.inf)}),
        ("exp(exp(exp(x)))", {"limits": (pytest.approx(math.e), math.inf)}),
        ("x**20", {"range": (0, math.inf), "jumps": ()}),
        ("tanh(10000*x)", {"lipschitz": 10000.0, "smoothness": "C^ω", "kinks": ()}),
        ("log(1 + abs(x))", {"saturation": "both", "limits": (math.inf, math.inf)}),
    ],
)
def test_sheets_of_odd_formulas(formula, expected) -> None:
    found = property_sheet(formula)
    for name, value in expected.items():
        assert getattr(found, name) == value, name


TYPED = {
    "(exp(x) - exp(-x))/(exp(x) + exp(-x))": "tanh",
    "(1 - exp(-2*x))/(1 + exp(-2*x))": "tanh",
    "(exp(2*x) - 1)/(exp(2*x) + 1)": "tanh",
    "2/(1 + exp(-2*x)) - 1": "tanh",
    "sinh(x)/cosh(x)": "tanh",
    "1/(1 + exp(-x))": "sigmoid",
    "exp(x)/(1 + exp(x))": "sigmoid",
    "exp(x)/(exp(x) + 1)": "sigmoid",
    "0.5*(1 + tanh(x/2))": "sigmoid",
    "x/(1 + exp(-x))": "swish",
    "x*exp(x)/(exp(x) + 1)": "swish",
    "x*tanh(log(1 + exp(x)))": "mish",
    "x*((1 + exp(x))**2 - 1)/((1 + exp(x))**2 + 1)": "mish",
    "x*(1 - 2/(1 + (1 + exp(x))**2))": "mish",
    "log(1 + exp(x))": "softplus",
    "log(exp(x) + 1)": "softplus",
    "log(2) + x/2 + log(cosh(x/2))": "softplus",
    "log(1/(1 + exp(-x)))": "log_sigmoid",
    "x*(exp(x) - exp(-x))/(exp(x) + exp(-x))": "lisht",
    "x*(1 + erf(x/sqrt(2)))/2": "gelu",
}
VERDICTS = ("monotone", "saturation", "hard_saturation", "smoothness", "zero_centred")
VERDICTS += ("attained", "kinks", "jumps")
MEASURES = ("range", "limits", "lipschitz", "mean", "second_moment")
MEASURES += ("forward_gain", "backward_gain")


@pytest.mark.parametrize("text, key", TYPED.items())
def test_a_formula_as_typed_has_the_sheet_of_the_catalogue(text, key) -> None:
    """What overflows on the way is no measurement."""
    found, expected = property_sheet(text), property_sheet(key)
    for name in VERDICTS:
        assert getattr(found, name) == getattr(expected, name), name
    for name in MEASURES:
        near = pytest.approx(getattr(expected, name), rel=1e-7, abs=1e-9)
        assert getattr(found, name) == near, name


UNDEFINED = pytest.approx(math.nan, nan_ok=True)


@pytest.mark.parametrize(
    "formula, expected",
    [
        ("x**-20", {"smoothness": "pole", "range": (0, math.inf), "mean": math.inf}),
        ("x**-2", {"smoothness": "pole", "mean": math.inf, "second_moment": math.inf}),
        ("-1/x**2", {"range": (-math.inf, 0), "mean": -math.inf}),
        ("1/x", {"mean": UNDEFINED, "second_moment": math.inf}),
        ("1/(x - 1)**2", {"smoothness": "pole", "mean": math.inf, "kinks": ()}),
        ("1/(x**2 - 2*x + 1)", {"smoothness": "pole", "range": (0, math.inf)}),
        ("1/(x - 50)", {"smoothness": "pole", "range": (-math.inf, math.inf)}),
        ("x/(x - 1e6)", {"smoothness": "pole", "limits": (1.0, 1.0)}),
        ("exp(1/x)", {"smoothness": "pole", "range": (0, math.inf), "mean": math.inf}),
        ("exp(-1/x**2)", {"smoothness": "smooth", "range": (0, 1), "jumps": ()}),
        ("exp(-1/(x - 1)**2)", {"smoothness": "smooth"}),
        (
            "log(abs(x))",
            {
                "smoothness": "pole",
                "kinks": (),
                "range": (-math.inf, math.inf),
                "mean": pytest.approx(-(np.euler_gamma + math.log(2)) / 2),
            },
        ),
        (
            "abs(x)**-0.3",
            {
                "range": (0, math.inf),
                "limits": (0, 0),
                "mean": pytest.approx(2**-0.15 * math.gamma(0.35) / math.sqrt(math.pi)),
                "second_moment": pytest.approx(
                    2**-0.3 * math.gamma(0.2) / math.sqrt(math.pi)
                ),
            },
        ),
        ("1/sqrt(abs(x))", {"second_moment": math.inf, "limits": (0, 0)}),
        ("x*exp(x**2)", {"mean": UNDEFINED}),
        ("exp(x**2)", {"mean": math.inf}),
        ("step(x - 1e6)", {"monotone": "increasing", "range": (0, 1)}),
        ("relu(x - 1e6)", {"monotone": "increasing", "hard_saturation": "left"}),
        ("relu(-x - 1e12)", {"monotone": "decreasing", "limits": (math.inf, 0)}),
        ("clip(x, 1, -1)", {"monotone": "constant", "range": (-1, -1), "jumps": ()}),
        (
            "exp(exp(exp(exp(x*x))))",
            {"range": (pytest.approx(3814279.1, rel=1e-6), math.inf)},
        ),
    ],
)
def test_poles_and_places_far_out(formula, expected) -> None:
    found = property_sheet(formula)
    for name, value in expected.items():
        assert getattr(found, name) == value, name
    if found.smoothness == "pole":
        assert found.lipschitz == math.inf


def test_a_slowly_diverging_pole_is_integrated() -> None:
    found = property_sheet("log(abs(x - 1))")
    # By quadrature in 15 digits, cut at the pole.
    assert found.mean == pytest.approx(-0.208495818434694, abs=1e-5)


@pytest.mark.parametrize(
    "formula, code",
    [
        ("x**-2", lambda t: t**-2),
        ("x**-20", lambda t: t**-20),
        ("1/(x - 1)**2", lambda t: (t - 1) ** -2),
        ("log(abs(x))", lambda t: t.abs().log()),
        ("1/x", lambda t: 1 / t),
        ("exp(-x)", lambda t: torch.exp(-t)),
        ("x if x > 0 else exp(x) - 1", lambda t: torch.where(t > 0, t, t.exp() - 1)),
        ("sqrt(abs(x))", lambda t: t.abs().sqrt()),
        (
            "(x - 1)**1.5 if x > 1 else 0",  # in torch its slope is nan left of 1
            lambda t: torch.where(t > 1, (t - 1) ** 1.5, 0 * t),
        ),
        ("relu(x)", lambda t: t.clamp_(min=0)),
        (
            "x*((1 + exp(x))**2 - 1)/((1 + exp(x))**2 + 1)",
            lambda t: t * ((1 + t.exp()) ** 2 - 1) / ((1 + t.exp()) ** 2 + 1),
        ),
        (
            "(exp(x) - exp(-x))/(exp(x) + exp(-x))",
            lambda t: (t.exp() - (-t).exp()) / (t.exp() + (-t).exp()),
        ),
        ("exp(1/x)", lambda t: torch.exp(1 / t)),
        ("exp(-1/x)", lambda t: torch.exp(-1 / t)),
        ("exp(1/x**2)", lambda t: torch.exp(1 / t**2)),
        ("exp(-1/x**2)", lambda t: torch.exp(-1 / t**2)),
        ("step(x - 1e6)", lambda t: (t >= 1e6).double()),
        ("step(x + 3e4) - 2*step(x - 50)", lambda t: 1.0 * (t >= -3e4) - 2 * (t >= 50)),
        ("1/(1 + exp(-1000*x))", lambda t: 1 / (1 + torch.exp(-1000 * t))),
        ("sin(1000*x)", lambda t: torch.sin(1000 * t)),
        ("1/log(abs(x))", lambda t: 1 / t.abs().log()),
        ("clip(x, -1, 6)", lambda t: t.clamp(-1, 6)),
        ("sign(x)", lambda t: t.sign().long()),
    ],
)
def test_code_and_formula_get_the_same_verdicts(formula, code) -> None:
    by_formula, by_code = property_sheet(formula), property_sheet(code)
    for name in ("monotone", "saturation", "hard_saturation", "zero_centred"):
        assert getattr(by_code, name) == getattr(by_formula, name), name
    for name in ("limits", "range", "lipschitz", "mean", "second_moment"):
        expected = getattr(by_formula, name)
        if expected != (None, None):  # a swing has no limits
            expected = pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True)
        assert getattr(by_code, name) == expected, name
    smoothness = by_formula.smoothness.replace("C^ω", "smooth")
    assert by_code.smoothness == smoothness


def test_a_cast_to_whole_numbers_has_no_value_beyond_them() -> None:
    """It would give the smallest whole number for every large one."""
    for code in (torch.Tensor.long, torch.Tensor.int):
        found = property_sheet(code)
        assert found.range == found.limits == (-math.inf, math.inf)
        assert found.monotone == "increasing"


def test_a_fast_swing_is_smooth_and_a_bent_slope_is_not() -> None:
    assert property_sheet(lambda t: torch.cos(300 * t)).smoothness == "smooth"
    assert property_sheet(lambda t: torch.relu(t) ** 2).smoothness == "C¹"


def test_a_hump_that_overflows_is_no_pole() -> None:
    assert property_sheet(lambda t: torch.exp(800 - t**2)).smoothness != "pole"


@pytest.mark.parametrize(
    "module",
    [
        torch.nn.ReLU,
        torch.nn.ReLU6,
        torch.nn.ELU,
        torch.nn.SELU,
        torch.nn.CELU,
        torch.nn.SiLU,
        torch.nn.Mish,
        torch.nn.Hardtanh,
        torch.nn.Hardsigmoid,
        torch.nn.Hardswish,
        torch.nn.LeakyReLU,
    ],
)
def test_in_place_is_the_same_function(module) -> None:
    found, expected = property_sheet(module(inplace=True)), property_sheet(module())
    for name in VERDICTS[:-2]:
        assert getattr(found, name) == getattr(expected, name), name
    for name in MEASURES:
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name
    kinks = [(kink.x, kink.left, kink.right) for kink in found.kinks]
    assert kinks == [
        pytest.approx((kink.x, kink.left, kink.right)) for kink in expected.kinks
    ]


def test_a_limit_that_is_not_known_is_said_to_be() -> None:
    """Values end at |x| = 35, too near to tell a limit from a swing."""
    found = property_sheet(lambda t: t.sin() + 0 * (35 - t.abs()).log())
    assert all(math.isnan(end) for end in found.limits)
    assert "not known at −∞, not known at +∞" in str(found)


@pytest.mark.parametrize("place", [0.0, 1.0, -2.5, 0.3])
def test_a_vertical_slope_is_a_kink_of_infinite_slope(place) -> None:
    found = property_sheet(f"sqrt(abs(x - {place}))")
    (kink,) = found.kinks
    assert (kink.left, kink.right) == (-math.inf, math.inf)
    assert kink.x == pytest.approx(place) and found.lipschitz == math.inf
    assert found.backward_gain == 0
    for way in (
        f"sign(x - {place})*sqrt(abs(x - {place}))",
        lambda t: (t - place).sign() * (t - place).abs().sqrt(),
    ):
        (kink,) = property_sheet(way).kinks
        assert (kink.left, kink.right) == (math.inf, math.inf)
        assert kink.x == pytest.approx(place, abs=1e-6)
        assert property_sheet(way).lipschitz == math.inf and chi_1(way) == math.inf


def test_every_way_to_name_a_function() -> None:
    x = sympy.Symbol("x")  # the reader's own symbol, not the course's
    ways = [
        "silu",
        catalogue.get("swish"),
        "x*sigmoid(x)",
        x / (1 + sympy.exp(-x)),
        torch.nn.SiLU(),
        torch.nn.functional.silu,
        lambda tensor: tensor * torch.sigmoid(tensor),
    ]
    for way in ways:
        found = property_sheet(way)
        assert found.minimum == pytest.approx(-0.2784645427610738)
        assert found.forward_gain == pytest.approx(forward_gain("swish"))
        assert forward_gain(way) == pytest.approx(found.forward_gain)


def test_parameters() -> None:
    assert property_sheet("leaky_relu", alpha=0.2).kinks[0].left == 0.2
    assert property_sheet("x*sigmoid(k*x)", k=2.0).forward_gain == pytest.approx(
        forward_gain("swish", beta=2.0)
    )
    with pytest.raises(TypeError, match="no parameter 'beta'"):
        property_sheet("relu", beta=1.0)
    with pytest.raises(TypeError, match="no parameter 'k'"):
        property_sheet("tanh(x)", k=1.0)
    with pytest.raises(TypeError, match="callable its own"):
        property_sheet(torch.tanh, k=1.0)


def test_a_module_is_not_changed() -> None:
    module = torch.nn.PReLU()
    property_sheet(module)
    assert module.weight.dtype == torch.float32 and module.weight.grad is None


def test_a_function_without_gradient_gets_differences() -> None:
    found = property_sheet(lambda tensor: tensor.detach().tanh())
    assert found.lipschitz == pytest.approx(1, abs=1e-6)
    assert found.backward_gain == pytest.approx(backward_gain("tanh"), abs=1e-6)
    assert property_sheet(torch.sign).jumps[0].left == -1


def outer_product(tensor: torch.Tensor) -> torch.Tensor:
    return tensor[:, None] * tensor


@pytest.mark.parametrize(
    "function, error, message",
    [
        ("glu2", catalogue.UnknownActivationError, "did you mean 'glu'"),
        ("softmax", ValueError, "Softmax maps vectors to vectors"),
        (torch.nn.Softmax(dim=-1), ValueError, "Softmax is not element-wise"),
        (
            torch.nn.GLU(),
            ValueError,
            r"GLU is not element-wise: .*\(64,\) into \(32,\)",
        ),
        (outer_product, ValueError, r"outer_product .* into \(64, 64\)"),
        (lambda t: t - t.mean(), ValueError, "f is not element-wise"),
        (torch.nn.RReLU(), ValueError, "RReLU is random"),
        (torch.nn.Dropout(), ValueError, r"call \.eval\(\) first"),
        (math.tanh, TypeError, "tanh failed on a tensor"),
        (lambda t: 3.0, TypeError, "returned a float"),
        (lambda t: t + 0j, TypeError, "f returned complex128 numbers"),
        (lambda t: t.half(), TypeError, "f returned float16 numbers.* 16-bit"),
        (lambda t: t.tanh().bfloat16(), TypeError, "f returned bfloat16 numbers"),
        (torch.nn.ReLU, TypeError, r"ReLU is a class; give an object, ReLU\("),
        (7, TypeError, "not 7"),
        ("sqrt(x)", FormulaError, "not a real number at x = -"),
        ("1/(sin(x)**2 + cos(x)**2 - 1)", FormulaError, "not a real number at x = "),
        (
            "sin(x)/x",
            FormulaError,
            "at x = 0, though it comes to 1 on both sides",
        ),
        ("x*sin(1/x)", FormulaError, r"comes to 0 on both sides.*x == 0, 0, f\(x\)"),
        ("(exp(x) - 1)/x", FormulaError, r"lambda x: torch.where\(x == 0, 1, f\(x\)\)"),
        ("x/abs(x)", FormulaError, "not a real number at x = 0; an activation"),
        ("sin(x - 1)/(x - 1)", FormulaError, "x = 1, though it comes to 1 on both"),
        ("not x", FormulaError, "'not' is not allowed"),
        ("x and x", FormulaError, "'and' or 'or' is not allowed"),
        ("import os", FormulaError, "no statements"),
        ("-tanh", FormulaError, r"write tanh\(x\)"),
        ("y", FormulaError, "unknown name 'y'"),
        ("log(x)", FormulaError, "not a real number"),
        ("exp(1e6 - x)", FormulaError, "overflows at nearly every x"),
        ("x^2", FormulaError, r"\*\*"),
        ("lambda: 1", FormulaError, "lambda"),
    ],
)
def test_what_has_no_sheet_says_why(function, error, message) -> None:
    with pytest.raises(error, match=message):
        property_sheet(function)


def test_evaluation_mode_makes_rrelu_a_function() -> None:
    assert property_sheet(torch.nn.RReLU().eval()).forward_gain == pytest.approx(
        1.378, abs=5e-4
    )


def test_a_sheet_as_text_table_and_dictionary() -> None:
    found = property_sheet("gelu")
    assert "minimum" in str(found) and "−0.169971 at x = −0.751792" in str(found)
    page = found._repr_html_()
    assert page.count("<tr>") == page.count("</tr>") > 10
    assert r"\(x\,\Phi(x)\)" in page
    cases = property_sheet("relu")._repr_html_()
    assert "x &amp; \\text{if } x &gt; 0" in cases
    markdown = property_sheet("relu")._repr_markdown_()
    assert all(
        line.count("|") - line.count("\\|") == 3 for line in markdown.split("\n")
    )
    plain = found.to_dict()
    assert plain["mean"] == found.mean
    assert json.loads(json.dumps(plain))["name"] == "GELU"


def test_a_formula_cannot_smuggle_html_into_the_page() -> None:
    page = property_sheet("x if x<1 else 1")._repr_html_()
    assert "x<1" not in page and "x&lt;1" in page


@pytest.mark.parametrize("key", ["gelu_tanh", "mish", "hardswish"])
def test_a_sheet_is_fast(key) -> None:
    start = time.process_time()
    property_sheet(catalogue.get(key).make())
    assert time.process_time() - start < 1.0  # 0.05 s on an idle machine


@pytest.mark.parametrize(
    "text", ["exp(exp(exp(x)))", "exp(exp(exp(exp(x*x))))", "1/exp(exp(exp(x)))"]
)
def test_blow_ups_do_not_hang(text) -> None:
    start = time.process_time()
    assert property_sheet(text).smoothness
    assert time.process_time() - start < 1.0


# --- What the sheet cannot see --------------------------------------------------------


@pytest.mark.parametrize("key", ["relu", "gelu", "tanh", "leaky_relu", "step", "selu"])
@pytest.mark.parametrize("size", [1e30, 1e9, 1e-8, 1e-30])
def test_a_very_large_or_small_function_has_the_sheet_of_its_shape(key, size) -> None:
    row = catalogue.get(key)
    plain, module = property_sheet(row), row.make().double()
    found = property_sheet(lambda tensor: size * module(tensor))
    for name in ("monotone", "saturation", "hard_saturation", "attained"):
        assert getattr(found, name) == getattr(plain, name), name
    assert found.mean == pytest.approx(size * plain.mean, rel=1e-6, abs=0)
    for name in ("forward_gain", "backward_gain"):
        expected = getattr(plain, name) / size
        assert getattr(found, name) == pytest.approx(expected, rel=1e-6, abs=0)
    near = {"rel": 1e-6, "abs": 1e-9 * size}
    ends = [size * end for end in (*plain.range, *plain.limits, plain.lipschitz)]
    assert [*found.range, *found.limits, found.lipschitz] == pytest.approx(ends, **near)
    for mine, theirs in ((found.kinks, plain.kinks), (found.jumps, plain.jumps)):
        assert [k.x for k in mine] == pytest.approx([k.x for k in theirs], abs=1e-8)
        sides = [size * side for k in theirs for side in (k.left, k.right)]
        assert [s for k in mine for s in (k.left, k.right)] == pytest.approx(
            sides, **near
        )
    lines = str(found).split("\n")
    (gain,) = [line for line in lines if line.startswith("forward gain")]
    assert not gain.endswith(" 0")


def test_a_formula_of_any_size_has_the_sheet_of_its_shape() -> None:
    found = property_sheet("10**12*relu(x)")
    assert found.formula and found.kinks[0].right == pytest.approx(1e12)
    assert found.smoothness == "C⁰" and found.lipschitz == pytest.approx(1e12)
    assert property_sheet("gelu(x)/10**12").smoothness == "C^ω"
    assert property_sheet("10**12*abs(x)**3").smoothness == "C²"


def power_times_swing(power: int):
    def function(tensor: torch.Tensor) -> torch.Tensor:
        inside = torch.where(tensor == 0, 1.0, tensor)
        return torch.where(tensor == 0, 0.0, tensor**power * torch.sin(1 / inside))

    return function


@pytest.mark.parametrize(
    "function",
    [
        *(power_times_swing(power) for power in (0, 1, 2)),
        lambda t: torch.tanh(1e30 * t),
        lambda t: torch.sin(1e7 * t),
    ],
)
def test_what_swings_too_fast_gets_no_verdict(function) -> None:
    found = property_sheet(function)
    assert found.smoothness == "?" and math.isnan(found.lipschitz)
    assert math.isnan(found.backward_gain) and not found.jumps and not found.kinks
    text = str(found)
    assert "smoothness          not known" in text
    assert "Lipschitz constant  not known" in text
    assert "not seen            near x = " in text


def test_an_average_that_no_rule_can_find_is_not_known() -> None:
    found = property_sheet(lambda tensor: torch.sin(1e7 * tensor))
    assert math.isnan(found.mean) and math.isnan(found.second_moment)
    assert "mean, Z ~ N(0, 1)   not known" in str(found)
    assert "zero-centred        not known" in str(found)
    # one that finer panels find is found
    assert second_moment(lambda t: torch.sin(300 * t)) == pytest.approx(0.5)


class Straight(torch.autograd.Function):
    """Whole numbers, with the slope of x."""

    @staticmethod
    def forward(ctx, tensor):
        return torch.round(tensor)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


@pytest.mark.parametrize(
    "function",
    [
        Straight.apply,
        lambda t: t + (torch.tanh(t / 2) - t).detach(),
    ],
)
def test_a_slope_that_is_not_that_of_the_values_is_named(function) -> None:
    found = property_sheet(function)
    assert "the slope that autograd returns is not that of the values" in str(found)
    assert found.smoothness in ("jump", "?")


@pytest.mark.parametrize(
    "function",
    [
        lambda t: torch.tanh(t.detach()) + 0 * t,
        lambda t: torch.floor(1e4 * t) / 1e4,
        lambda t: torch.sigmoid(1e6 * (t - 3)),
    ],
)
def test_values_that_change_faster_than_every_slope_are_noticed(function) -> None:
    found = property_sheet(function)
    assert found.smoothness == "?" and math.isnan(found.lipschitz)
    assert math.isnan(found.backward_gain)
    assert "change by more than any slope that was found" in str(found)


@pytest.mark.parametrize(
    "function, lipschitz",
    [
        (lambda t: torch.from_numpy(np.maximum(t.detach().numpy(), 0)), 1),
        (lambda t: torch.from_numpy(np.tanh(t.detach().numpy())), 1),
        (lambda t: torch.from_numpy(np.tanh(t.detach().numpy().astype("f4"))), 1),
    ],
)
def test_without_a_gradient_no_kink_is_claimed_or_denied(function, lipschitz) -> None:
    found = property_sheet(function)
    assert found.smoothness == "?" and not found.kinks
    assert found.lipschitz == pytest.approx(lipschitz, rel=1e-4)
    assert "come without a gradient" in str(found)


def test_values_of_32_bits_get_no_curvature_from_their_rounding() -> None:
    found = property_sheet(lambda t: torch.nn.functional.gelu(t.float()))
    assert found.smoothness == "smooth"


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_a_square_beyond_all_numbers_is_not_known(size) -> None:
    found = property_sheet(lambda t: size * torch.relu(t))
    assert math.isnan(found.second_moment)
    assert found.forward_gain == pytest.approx(math.sqrt(2) / size)


def test_where_there_is_no_number_there_is_no_gain() -> None:
    def holed(tensor: torch.Tensor) -> torch.Tensor:
        return torch.where((tensor > 1) & (tensor < 1.1), torch.nan, tensor.relu())

    assert math.isnan(forward_gain(holed)) and math.isnan(backward_gain(holed))
    assert np.isnan(iterate_variance(holed, 2)[1:]).all()


def test_what_is_no_number_far_out_leaves_the_range_open() -> None:
    found = property_sheet(lambda t: torch.where(t > 50, torch.nan, t.relu()))
    assert math.isnan(found.range[1]) and found.saturation == "left"
    assert "range                       not known" in str(found)
    assert "towards +∞ its values cannot be followed" in str(found)


class Broken(torch.autograd.Function):
    """Values without a way back."""

    @staticmethod
    def forward(ctx, tensor):
        return torch.tanh(tensor)

    @staticmethod
    def backward(ctx, gradient):
        raise RuntimeError("no way back.")


class Mute(Broken):
    """A way back on which nothing travels."""

    @staticmethod
    def backward(ctx, gradient):
        return None


class Counting(torch.nn.Module):
    """Gives something else at each call."""

    calls = 0

    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return torch.relu(tensor) + 1e-3 * self.calls


class Uncopied(torch.nn.Module):
    """Holds what cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.source = (number for number in range(3))

    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        return torch.relu(tensor)


def later(after: int):
    calls = []

    def function(tensor: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return torch.relu(tensor) if len(calls) > after else torch.tanh(tensor)

    return function


@pytest.mark.parametrize(
    "function, error, message",
    [
        (
            Counting(),
            ValueError,
            "Counting keeps something from call to call.*no random",
        ),
        (later(1), ValueError, "keeps something from call to call"),
        (later(8), ValueError, "keeps something from call to call"),
        (lambda t: t + 1e-12 * torch.randn_like(t), ValueError, "f is random"),
        (lambda t: t * (torch.rand_like(t) > 1e-4), ValueError, "f is random"),
        (lambda t: t * np.random.rand(), ValueError, "f is random"),
        (lambda t: t * random.random(), ValueError, "f is random"),
        (lambda t: torch.sort(t).values, ValueError, "f is not element-wise"),
        (lambda t: torch.cummax(t, 0).values, ValueError, "f is not element-wise"),
        (lambda t: t.to_sparse(), TypeError, "f returned a sparse tensor"),
        (lambda t: torch.empty_like(t, device="meta"), TypeError, "without numbers"),
        (Uncopied(), TypeError, r"Uncopied cannot be copied .*give lambda x: module"),
        (lambda t: np.tanh(t.detach().numpy()), TypeError, "torch.as_tensor makes one"),
        (Broken.apply, TypeError, r"its gradient failed: .*back; for slopes .*x\.det"),
        (
            lambda t: torch.where((t > 1) & (t < 2), torch.inf, t),
            FormulaError,
            r"infinite at x = 1\.0.* and beside it",
        ),
        (
            lambda t: torch.where((t > 0.5001) & (t < 0.5003), torch.nan, t),
            FormulaError,
            r"not a real number at x = 0\.500",
        ),
    ],
)
def test_a_function_that_is_none_says_why(function, error, message) -> None:
    with pytest.raises(error, match=message):
        property_sheet(function)


def test_advice_for_a_broken_gradient_works() -> None:
    found = property_sheet(lambda tensor: Broken.apply(tensor.detach()))
    assert found.lipschitz == pytest.approx(1, abs=1e-6)
    assert property_sheet(Mute.apply).lipschitz == pytest.approx(1, abs=1e-6)
    module = Uncopied()
    assert property_sheet(lambda tensor: module(tensor)).kinks[0].x == 0


@pytest.mark.parametrize(
    "function",
    [
        torch.jit.script(torch.nn.GELU()),
        torch.vmap(torch.nn.functional.gelu),
        lambda t: torch.nn.functional.gelu(t).requires_grad_(),
    ],
)
def test_other_ways_to_write_a_function_give_its_sheet(function) -> None:
    plain, found = property_sheet("gelu"), property_sheet(function)
    assert found.smoothness == "smooth" and found.saturation == plain.saturation
    for name in ("lipschitz", "mean", "second_moment", "minimum", "backward_gain"):
        assert getattr(found, name) == pytest.approx(getattr(plain, name), abs=1e-5)


def test_a_kink_of_code_is_found_far_out_and_a_staircase_is_quick() -> None:
    (kink,) = property_sheet(lambda t: torch.relu(t - 100.3)).kinks
    assert kink.x == pytest.approx(100.3) and (kink.left, kink.right) == (0, 1)
    start = time.process_time()
    assert len(property_sheet(lambda t: torch.floor(20 * t) / 20).jumps) > 700
    assert time.process_time() - start < 10.0  # 0.5 s on an idle machine


# --- Properties that hold for every function ----------------------------------------

KEYS = st.sampled_from([row.key for row in SCALARS if row.key != "step"])


@given(KEYS, st.floats(0.05, 20), st.floats(0.05, 20))
@settings(max_examples=25, deadline=None)
def test_more_variance_in_gives_more_second_moment_per_weight(key, q, weights) -> None:
    once = variance_map(key, q, weights)
    assert variance_map(key, q, 2 * weights) == pytest.approx(2 * once)
    assert variance_map(key, q, weights, 0.7) == pytest.approx(once + 0.7)


@given(KEYS, st.floats(-1, 1), st.floats(0.05, 20))
@settings(max_examples=25, deadline=None)
def test_a_correlation_stays_a_correlation(key, c, q) -> None:
    found = correlation_map(key, c, q)
    assert -1 <= found <= 1
    assert correlation_map(key, 1.0, q) >= found - 1e-9


@pytest.mark.parametrize("q", [1.0, 12.0, 20.0])
@pytest.mark.parametrize("c", [-0.9, 0.0, 0.5, 1 - 1e-5])
def test_a_sine_of_many_periods_has_the_correlation_of_its_formula(c, q) -> None:
    """sin(30x) of two normal inputs: sinh(900qc) / sinh(900q), in exponentials."""
    a = 900 * q
    expected = math.exp(a * (abs(c) - 1)) * (1 - math.exp(-2 * a * abs(c)))
    found = correlation_map("sine", c, q)
    assert found == pytest.approx(math.copysign(expected, c), abs=1e-4)


LETTERS = st.sampled_from(["tanh(x)", "relu(x)", "x*sigmoid(x)", "abs(x)", "sin(x)"])


@given(LETTERS, st.integers(1, 9), st.integers(-4, 4))
@settings(max_examples=30, deadline=None)
def test_scaling_and_shifting_a_function(formula, scale, shift) -> None:
    plain = sheet(formula)
    moved = property_sheet(f"{scale}*({formula}) + {shift}")
    near = {"rel": 1e-9, "abs": 1e-9}
    assert moved.mean == pytest.approx(scale * plain.mean + shift, **near)
    assert moved.lipschitz == pytest.approx(scale * plain.lipschitz, **near)
    assert moved.backward_gain == pytest.approx(plain.backward_gain / scale, **near)
    ends = tuple(scale * end + shift for end in plain.range)
    assert moved.range == pytest.approx(ends, **near)
    assert moved.monotone == plain.monotone
    assert [kink.x for kink in moved.kinks] == [kink.x for kink in plain.kinks]


@given(LETTERS)
@settings(max_examples=5, deadline=None)
def test_mirroring_a_function(formula) -> None:
    plain = sheet(formula)
    mirrored = property_sheet(formula.replace("x", "(-x)"))
    assert mirrored.mean == pytest.approx(plain.mean, abs=1e-12)
    assert mirrored.limits == plain.limits[::-1]
    assert mirrored.lipschitz == pytest.approx(plain.lipschitz)
    swapped = {"increasing": "decreasing", "decreasing": "increasing"}
    assert mirrored.monotone == swapped.get(plain.monotone, plain.monotone)


@given(st.floats(-10, 10), st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=25, deadline=None)
def test_a_kink_is_found_wherever_it_is(place, left, right) -> None:
    def ramp(tensor: torch.Tensor) -> torch.Tensor:
        moved = tensor - place
        return torch.where(moved > 0, right * moved, left * moved)

    found = property_sheet(ramp)
    if abs(left - right) < 1e-3:
        return
    (kink,) = found.kinks
    assert kink.x == pytest.approx(place, abs=1e-8)
    assert (kink.left, kink.right) == pytest.approx((left, right), abs=1e-7)
    assert found.lipschitz == pytest.approx(max(abs(left), abs(right)))


def steep(kind: str, size: float, place: float):
    def shifted(x: torch.Tensor) -> torch.Tensor:
        z = x - place
        if kind == "root":
            return torch.sqrt(z * z + size**-2)
        if kind == "softplus":
            return F.softplus(size * z) / size
        return getattr(torch, kind)(size * z)

    return shifted


STEEP = ["sigmoid", "tanh", "atan", "erf", "softplus", "root", "asinh"]


@pytest.mark.parametrize("place", [0.0, 0.7])
@pytest.mark.parametrize("size", [1e2, 1e3, 1e5, 1e6, 1e8, 1e10, 1e11, 1e12])
@pytest.mark.parametrize("kind", STEEP)
def test_a_steep_function_is_smooth_or_not_known(kind, size, place) -> None:
    """However steep: no kink, no jump, no pole, and no curvature that jumps."""
    sheet = property_sheet(steep(kind, size, place))
    assert sheet.smoothness in ("smooth", "?")
    assert sheet.kinks == sheet.jumps == ()
    if sheet.smoothness == "?":
        assert sheet.not_seen
    if place == 0 and size <= 1000:
        assert sheet.smoothness == "smooth"


CURVATURE_JUMPS = {
    "elu": F.elu,
    "celu": F.celu,
    "softsign": F.softsign,
    "relu squared": lambda x: torch.relu(x) ** 2,
    "relu squared, elsewhere": lambda x: torch.relu(x + 12.34567) ** 2,
    "a weak one": lambda x: x + 0.03 * torch.relu(x - 0.3) ** 2,
    "a strong one": lambda x: 100 * torch.relu(x) ** 2,
    "Huber": lambda x: torch.where(x.abs() < 1, x * x / 2, x.abs() - 0.5),
    "steep as well": lambda x: torch.tanh(1e3 * torch.relu(x) ** 2),
    "steep and cut": lambda x: F.elu(1e4 * x) / 1e4,
    "endless": lambda x: torch.relu(x) ** 1.5,
}


@pytest.mark.parametrize("name", list(CURVATURE_JUMPS))
def test_a_curvature_that_jumps_is_found(name) -> None:
    assert property_sheet(CURVATURE_JUMPS[name]).smoothness == "C¹"


@pytest.mark.parametrize("place", [0.0, 1.3])
@pytest.mark.parametrize("size", [10.0**k for k in range(2, 9)])
def test_the_backward_gain_of_a_steep_function_is_right_or_not_known(
    size, place
) -> None:
    square = size * 4 / 3 * math.exp(-(place**2) / 2) / math.sqrt(2 * math.pi)
    for f in (f"tanh({size}*(x - {place}))", steep("tanh", size, place)):
        gain = backward_gain(f)
        assert math.isnan(gain) or math.isclose(gain, square**-0.5, rel_tol=1e-3)
        if place == 0 and size < 1e8:
            assert not math.isnan(gain)


def test_a_function_that_swings_everywhere_is_soon_given_up() -> None:
    calls = []

    def weierstrass(x: torch.Tensor) -> torch.Tensor:
        calls.append(len(x))
        return sum(0.5**k * torch.cos(7.0**k * math.pi * x) for k in range(12))

    assert property_sheet(weierstrass).smoothness == "?"
    assert len(calls) < 100_000
