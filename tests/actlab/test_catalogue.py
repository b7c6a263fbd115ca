"""The catalogue: every row complete, and the same function in every language."""

from __future__ import annotations

import json
import math
import re
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st
from py_mini_racer import MiniRacer
from rows_to_try import CASES, SCALARS, VECTORS, settings

from actlab import catalogue, cost, design, formulas
from actlab.catalogue import CATALOGUE, FAMILIES, UnknownActivationError, get
from actlab.interactive import explorer
from actlab.properties import property_sheet

ROOT = Path(__file__).resolve().parents[2]
# Up to where a sum of float64 numbers means anything: beyond it the angle of a sine is
# lost, and the powers of a polynomial overflow.
FAR = dict.fromkeys(["sine", "staf", "fourier", "snake", "gcu"], 50.0)
FAR["rational"] = 1e6
# The angle is rounded before the sine, and the slope multiplies it once more.
ROUGH = {"sine": 500, "staf": 20, "fourier": 20, "snake": 20, "gcu": 5, "rational": 10}
# Large |x| too: what is finite on paper must be finite in the browser.
WIDE = np.concatenate(
    [
        np.linspace(-12, 12, 97),
        [-0.0, 1e-300, -1e-300, 19.5, -38.0, 40.0, -40.0, 88.8, -88.8, 710.0, -710.0],
        [745.5, -745.5, 1e3, -1e3, 1e6, -1e6, 1e100, -1e100],
    ]
)


def places_of(row: catalogue.Activation) -> np.ndarray:
    return WIDE[np.abs(WIDE) <= FAR.get(row.key, math.inf)]


@pytest.fixture(scope="module")
def engine() -> MiniRacer:
    engine = MiniRacer()
    engine.eval(formulas.JS_PRELUDE)
    return engine


def test_no_row_is_lost() -> None:
    """What was measured once stays: chapter 13 and the site's addresses name it."""
    measured = cost.recorded(added=True)
    names = dict(zip(measured["key"], measured["name"]))
    assert names == {key: CATALOGUE[key].name for key in names}
    assert len(names) > 70 and all(catalogue.family(name) for name in FAMILIES)
    rows = [row.key for name in FAMILIES for row in catalogue.family(name)]
    assert sorted(rows) == sorted(CATALOGUE)


@pytest.mark.parametrize("row", CATALOGUE.values(), ids=lambda row: row.key)
def test_a_row_is_complete(row: catalogue.Activation) -> None:
    assert row.key == row.key.lower() and row.key.isidentifier()
    assert row.family in FAMILIES
    assert 1 <= row.chapter <= 8  # 01 to 08 introduce functions, 09 to 15 use them
    assert row.kind in ("scalar", "vector")
    assert row.latex and row.latex.count("{") == row.latex.count("}")
    module = row.make()
    assert isinstance(module, torch.nn.Module)
    if row.torch is not None:
        owner, name = row.torch.rsplit(".", 1)
        assert hasattr({"torch": torch, "torch.nn": torch.nn}[owner], name)
    for name, param in row.params.items():
        assert param.low <= param.default <= param.high and param.step > 0
        assert param.low <= param.trial <= param.high, name
        assert param.trial != param.default, f"{name}: give another trial value"
    trials = list(row.trial().values())
    assert len(set(trials)) == len(trials), (
        f"trial values {row.trial()}: two that are equal would hide a mix-up"
    )
    names = {s.name for s in row.expr.free_symbols} if row.expr is not None else set()
    constants = {
        s.name
        for s in (row.expr.free_symbols if row.expr is not None else ())
        if isinstance(s, formulas.NamedConstant)
    }
    if row.kind == "scalar":
        letters = names - constants - {"x"}
        assert letters == set(row.params), (
            f"expr has the parameters {', '.join(sorted(letters)) or 'none'}, "
            f"and params {', '.join(row.params) or 'none'}"
        )
    trainable = any(param.trainable for param in row.params.values())
    assert (trainable or bool(row.coefficients)) == bool(list(module.parameters()))


def test_every_activation_of_torch_has_its_row() -> None:
    """Softmax2d is softmax along the channels; attention is a layer with weights."""
    known = set(torch.nn.modules.activation.__all__)
    here = {
        row.torch.removeprefix("torch.nn.") for row in CATALOGUE.values() if row.torch
    }
    assert known - here == {"MultiheadAttention", "Softmax2d"}


def test_sources_are_in_the_bibliography() -> None:
    entries = (ROOT / "reference" / "references.bib").read_text(encoding="utf-8")
    keys = set(re.findall(r"^@\w+\{([^,\s]+)", entries, flags=re.MULTILINE))
    used = {row.source for row in CATALOGUE.values() if row.source}
    assert used and used <= keys, used - keys


@pytest.mark.parametrize("row, params", CASES)
@pytest.mark.parametrize("which", ["value", "derivative"])
def test_numpy_agrees_with_the_reference(row, params, which) -> None:
    if which == "value":
        fast, exact = row.numpy(**params), row.reference_value
    else:
        fast, exact = row.numpy_derivative(**params), row.reference_derivative
    places = places_of(row)
    expected = np.array([float(exact(place, **params)) for place in places])
    atol = 2e-14 * ROUGH.get(row.key, 1)
    np.testing.assert_allclose(fast(places), expected, rtol=1e-12, atol=atol)


@pytest.mark.parametrize("row, params", CASES)
@pytest.mark.parametrize("which", ["value", "derivative"])
def test_the_browser_agrees_with_the_reference(row, params, which, engine) -> None:
    if which == "value":
        script, exact = row.javascript, row.reference_value
    else:
        script, exact = row.derivative_javascript, row.reference_derivative
    values = row.values(**params)
    places = places_of(row)
    numbers = json.dumps([float(place) for place in places])
    names, given_values = ",".join(["x", *values]), json.dumps(list(values.values()))
    text = engine.eval(
        f"{numbers}.map(x => String((({names}) => {script})(x, ...{given_values})))"
        ".join()"
    )
    found = np.array([float(number) for number in text.split(",")])
    expected = np.array([float(exact(place, **params)) for place in places])
    atol = 2e-14 * ROUGH.get(row.key, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=atol)


@pytest.mark.parametrize("row, params", CASES)
def test_the_browser_agrees_with_torch(row, params, engine) -> None:
    places = torch.linspace(-6, 6, 61, dtype=torch.float64)
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # a widened float32 parameter is not exact
    module = row.make(**params).to(torch.float64)
    torch.set_default_dtype(usual)
    values = row.values(**params)
    names, given_values = ",".join(["x", *values]), json.dumps(list(values.values()))
    text = engine.eval(
        f"{json.dumps(places.tolist())}"
        f".map(x => (({names}) => {row.javascript})(x, ...{given_values})).join()"
    )
    found = [float(number) for number in text.split(",")]
    expected = module(places).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("row, params", CASES)
def test_the_derivative_is_the_slope_of_the_reference(row, params) -> None:
    for place in (-3.7, -1.3, -0.2, 0.2, 0.9, 2.4, 3.6):
        step = 1e-8
        high = row.reference_value(place + step, **params)
        low = row.reference_value(place - step, **params)
        slope = float((high - low) / (2 * step))
        expected = float(row.reference_derivative(place, **params))
        assert slope == pytest.approx(expected, rel=1e-6, abs=1e-7)


def printed_otherwise(row: catalogue.Activation, params: dict) -> str:
    """Say where the printed formula is not the function, to 25 of 50 digits.

    Not to all of them: the printed one may cancel, as x + √(x² + 1) does.
    """
    values = row.values(**params)
    for what in ("value", "derivative"):
        ours, printed = row.expr, row.textbook
        if what == "derivative":
            ours, printed = formulas.derivative(ours), formulas.derivative(printed)
        first, second = (formulas.mpmath_function(f, values) for f in (ours, printed))
        for place in (*np.linspace(-6, 6, 25), 1e-5, -1e-5, 1e5, -1e5):
            a, b = first(place), second(place)
            if not abs(a - b) <= mpmath.mpf("1e-25") * max(abs(a), abs(b)):
                numbers = mpmath.nstr(a, 8), mpmath.nstr(b, 8)
                return "{} at x = {:g}: expr {}, textbook {}".format(
                    what, place, *numbers
                )
    return ""


def test_the_printed_formula_is_the_function() -> None:
    for row in SCALARS:
        for params in settings(row) if row.textbook is not None else ():
            assert printed_otherwise(row, params) == "", row.key


def test_another_printed_formula_is_noticed() -> None:
    x = formulas.x
    root = sympy.sqrt(x**2 + 1)
    row = replace(
        get("softplus"),
        expr=sympy.Piecewise(((x + root) / 2, x >= 0), (1 / (root - x) / 2, True)),
        params={},
        textbook=(x + root) / 2,
    )
    assert printed_otherwise(row, {}) == ""
    assert row.latex == r"\frac{\sqrt{x^{2} + 1}}{2} + \frac{x}{2}"
    assert "cases" not in row.derivative_latex
    wrong = replace(row, textbook=(x + sympy.sqrt(x**2 + 2)) / 2)
    assert "value at x = -6: expr 0.041381265, textbook" in printed_otherwise(wrong, {})


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: row.key)
def test_vector_functions_agree_with_torch(row) -> None:
    torch.manual_seed(0)
    batch = 10 * torch.randn(5, 3, 8, dtype=torch.float64)
    expected = row.make()(batch).detach().numpy()
    # 1e-14: far left GEGLU's gate is 1 + erf, right to a rounding of 1 and no better,
    # times inputs of up to 30 (found: 4.5e-15); log-softmax near 0: log of 1 + tiny.
    found = row.numpy()(batch.numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    assert torch.equal(row(batch), row.make()(batch))


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: row.key)
@pytest.mark.parametrize(
    "attribute",
    ["derivative", "javascript", "derivative_javascript", "derivative_latex"],
)
def test_vector_functions_have_no_formula_in_x(row, attribute) -> None:
    with pytest.raises(TypeError, match=f"{row.name} maps vectors"):
        getattr(row, attribute)


LATEX = {
    "gelu": (r"x\,\Phi(x)", r"\Phi(x) + x\,\varphi(x)"),
    "swish": (
        r"x\,\sigma(\beta x)",
        r"\sigma(\beta x) + \beta x\,\sigma(\beta x)(1 - \sigma(\beta x))",
    ),
    "sigmoid": (r"\sigma(x)", r"\sigma(x)(1 - \sigma(x))"),
    "tanh": (r"\tanh(x)", r"1 - \tanh^{2}(x)"),
    "relu": (
        r"\begin{cases} x & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
        r"\begin{cases} 1 & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
    ),
}


@pytest.mark.parametrize("key, texts", LATEX.items())
def test_latex_of_function_and_derivative(key, texts) -> None:
    assert (get(key).latex, get(key).derivative_latex) == texts


@pytest.mark.parametrize(
    "name, key",
    [
        ("ReLU", "relu"),
        ("Leaky-ReLU", "leaky_relu"),
        ("LEAKY RELU", "leaky_relu"),
        ("silu", "swish"),
        ("SiLU", "swish"),
        ("gelu_new", "gelu_tanh"),
        ("heaviside", "step"),
    ],
)
def test_get_ignores_case_hyphens_and_knows_aliases(name, key) -> None:
    assert get(name) is CATALOGUE[key]


@pytest.mark.parametrize(
    "name, message",
    [
        ("glu2", "unknown activation 'glu2'; did you mean 'glu'?"),
        (
            "rellu",
            "unknown activation 'rellu'; did you mean 'relu' or 'leaky_relu' or "
            "'rrelu'?",
        ),
        ("zzzzzzzz", f"unknown activation 'zzzzzzzz'; known: {', '.join(CATALOGUE)}"),
        (3, "an activation's name is a string such as 'relu', not 3"),
    ],
)
def test_an_unknown_name_says_what_comes_close(name, message) -> None:
    with pytest.raises(UnknownActivationError) as caught:
        get(name)
    assert str(caught.value) == message
    assert isinstance(caught.value, KeyError)


@given(st.text(max_size=30))
def test_any_name_is_found_or_unknown(name: str) -> None:
    try:
        assert get(name).key in CATALOGUE
    except UnknownActivationError as error:
        assert str(error).startswith("unknown activation")


@pytest.mark.parametrize(
    "change, message",
    [
        ({}, "two rows have the key 'gelu'"),
        ({"key": "other"}, "'GELU' names both gelu and other"),
        ({"key": "other", "name": "tan-h"}, "'tan-h' names both tanh and other"),
        ({"key": "other", "family": "soft"}, "other: unknown family 'soft'"),
    ],
)
def test_a_name_stands_for_one_function(change, message) -> None:
    with pytest.raises(ValueError, match=message):
        catalogue._all_names([*catalogue.ROWS, replace(get("gelu"), **change)])


@pytest.mark.parametrize(
    "text", ["-x", "x-1", "x-e", "2-x", "x - pi", "-x**2", "e", "exp(-x)"]
)
def test_what_reads_as_a_formula_is_one(text: str) -> None:
    assert catalogue.read(text) == formulas.parse(text)


@pytest.mark.parametrize(
    "text, key", [("relu", "relu"), ("Leaky-ReLU", "leaky_relu"), ("x²", "square")]
)
def test_a_name_is_read_as_its_row(text: str, key: str) -> None:
    assert catalogue.read(text) is CATALOGUE[key]


@pytest.mark.parametrize(
    "text, error, message",
    [
        ("reluu", UnknownActivationError, "did you mean 'relu'"),
        ("leaky relu2", UnknownActivationError, "did you mean 'leaky_relu'"),
        ("qqqqqqq", UnknownActivationError, "known: step"),
        ("-tanh", formulas.FormulaError, r"write tanh\(x\)"),
        ("not x", formulas.FormulaError, "'not' is not allowed"),
        ("x and x", formulas.FormulaError, "'and' or 'or' is not allowed"),
        ("import os", formulas.FormulaError, "no statements"),
        ("y", formulas.FormulaError, "unknown name 'y'"),
        ("silu(x)", formulas.FormulaError, r"write x\*sigmoid\(x\)"),
    ],
)
def test_names_and_formulas_go_by_one_rule(text, error, message) -> None:
    for read in (catalogue.read, explorer, property_sheet, design.candidate):
        with pytest.raises(error, match=message):
            read(text)


OURS = [
    row
    for row in CATALOGUE.values()
    if type(row.make()).__module__.startswith("actlab")
]


@pytest.mark.parametrize("row", OURS, ids=lambda row: row.key)
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_whole_numbers_are_refused_not_cut(row, dtype) -> None:
    x = torch.arange(4).to(dtype)
    with pytest.raises(TypeError, match=f"floating-point numbers, not {dtype}"):
        row.make()(x)


@pytest.mark.parametrize("row", CATALOGUE.values(), ids=lambda row: row.key)
def test_no_module_cuts_whole_numbers(row: catalogue.Activation) -> None:
    """Torch's own either refuse them too, or give what floats give."""
    x = torch.arange(-4, 4)
    module = row.make().eval()
    try:
        found = module(x)
    except (TypeError, RuntimeError):  # not implemented for 'Long'
        return
    torch.testing.assert_close(found.float(), module(x.float()))


@pytest.mark.parametrize("row", CATALOGUE.values(), ids=lambda row: row.key)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_nan_in_is_nan_out(row: catalogue.Activation, dtype) -> None:
    places = [0.5, math.nan, -1.0, 2.0]
    found = torch.isnan(row.make().eval().to(dtype)(torch.tensor(places, dtype=dtype)))
    assert found.any()
    if row.kind == "vector":
        assert np.isnan(row.numpy()(np.array(places))).any()
        return
    expected = [False, True, False, False]
    assert found.tolist() == expected
    assert np.isnan(row.numpy()(np.array(places))).tolist() == expected
    assert mpmath.isnan(row.reference_value(math.nan))
    if formulas.x in row.derivative.free_symbols:
        slopes = row.numpy_derivative()(np.array(places))
        assert np.isnan(slopes).tolist() == expected


def test_an_unknown_family_names_the_families() -> None:
    with pytest.raises(UnknownActivationError, match="classic, rectified"):
        catalogue.family("smoothish")


def test_an_unknown_parameter_names_the_known_ones() -> None:
    with pytest.raises(TypeError, match="Swish has no parameter 'alpha'; it has: beta"):
        get("swish").make(alpha=1.0)
    with pytest.raises(TypeError, match="ReLU has no parameter 'beta'; it has: none"):
        get("relu").numpy(beta=1.0)


def test_rows_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        get("relu").expr = sympy.Integer(0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_calling_a_row_keeps_shape_and_dtype(dtype) -> None:
    batch = torch.randn(2, 3, 4, dtype=dtype)
    for row in SCALARS:
        result = row(batch)
        assert result.shape == batch.shape and result.dtype == dtype, row.key


@given(st.floats(-30, 30))
def test_identities_between_rows(place: float) -> None:
    def value(key: str, at: float, **params: float) -> float:
        return float(get(key).numpy(**params)(np.array(at)))

    near = {"rel": 1e-12, "abs": 1e-14}
    assert value("newfun", place) == pytest.approx(math.tanh(place / 2), **near)
    gate = value("sigmoid", place) + value("sigmoid", -place)
    assert gate == pytest.approx(1, **near)
    ramp = value("softplus", place) - value("softplus", -place)
    assert ramp == pytest.approx(place, **near)
    scaled = value("swish", 3 * place) / 3
    assert value("swish", place, beta=3.0) == pytest.approx(scaled, **near)
    halves = value("swish", place, beta=0.0)
    assert halves == pytest.approx(place / 2, **near)
    gelu = value("gelu", place) - value("gelu", -place)
    assert gelu == pytest.approx(place, **near)
    kinked = value("leaky_relu", place, alpha=0.0)
    assert kinked == value("relu", place) == value("prelu", place, a=0.0)
