"""The explorer: its JavaScript against torch, its first frame, its HTML."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from py_mini_racer import MiniRacer

from actlab import catalogue, formulas, interactive
from actlab.interactive import explorer

SCALAR = [key for key, row in catalogue.CATALOGUE.items() if row.kind == "scalar"]
VECTOR = [key for key, row in catalogue.CATALOGUE.items() if row.kind == "vector"]
VOID = {"input", "br", "meta", "link", "img"}


def grid(low: float, high: float, points: int = 241) -> np.ndarray:
    """Points that avoid kinks, which lie on round numbers."""
    return np.linspace(low, high, points) + 0.00317


@pytest.fixture(scope="module")
def engine() -> MiniRacer:
    """A JavaScript engine that holds the script as it is embedded, and the prelude."""
    engine = MiniRacer()
    engine.eval(formulas.JS_PRELUDE + "\n" + interactive._script())
    return engine


def numbers(engine: MiniRacer, function: str, x: np.ndarray) -> np.ndarray:
    text = engine.eval(f"JSON.stringify({json.dumps(x.tolist())}.map({function}))")
    return np.array([math.nan if v is None else v for v in json.loads(text)])


def embedded(figure: interactive.Explorer) -> str:
    """The script inside the figure's HTML."""
    return re.search(r"<script>\n(.*)</script>", figure._repr_html_(), re.S)[1]


class Reader(HTMLParser):
    """Collects tags, ids and texts, and notes every tag that is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


@pytest.mark.parametrize("key", SCALAR)
def test_embedded_javascript_agrees_with_torch(key: str) -> None:
    row = catalogue.get(key)
    figure = explorer(key)
    script = embedded(figure)
    # Everything up to the loop over the page's elements: prelude, script, formulas.
    head = script[len("(()=>{") : script.index("for(const root of document")]
    engine = MiniRacer()
    engine.eval(head.replace("const ", "var "))
    x = grid(-12, 12)
    inputs = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # a widened float32 parameter is not exact
    output = row.make().double()(inputs)
    torch.set_default_dtype(usual)
    slope = torch.zeros_like(inputs)
    if output.requires_grad:
        (slope,) = torch.autograd.grad(output.sum(), inputs)
    defaults = json.dumps([param.default for param in row.params.values()])
    in_browser = numbers(engine, f"x => value(x, {defaults})", x)
    np.testing.assert_allclose(
        in_browser, output.detach().numpy(), rtol=1e-9, atol=1e-12
    )
    slope_in_browser = numbers(engine, f"x => slope(x, {defaults})", x)
    # nn.Hardsigmoid's slope is the float32 next to 1/6 in float64 too: 2.98e-8 off.
    rtol = 3e-8 if key == "hardsigmoid" else 1e-9
    np.testing.assert_allclose(slope_in_browser, slope.numpy(), rtol=rtol, atol=1e-12)


@pytest.mark.parametrize("key", [k for k in SCALAR if catalogue.get(k).params])
def test_sliders_move_the_same_function(key: str, engine: MiniRacer) -> None:
    row = catalogue.get(key)
    figure = explorer(key)
    x = grid(-4, 4, 81)
    for end in ("low", "high"):
        values = {name: getattr(param, end) for name, param in row.params.items()}
        names = ",".join(values)
        function = f"x => (([{names}]) => {figure.javascript})({list(values.values())})"
        np.testing.assert_allclose(
            numbers(engine, function, x), row.numpy(**values)(x), rtol=1e-9, atol=1e-12
        )


@pytest.mark.parametrize(
    ("function", "xlim"),
    [(key, catalogue.get(key).view) for key in SCALAR] + [("x*sin(3*x)", (-1.0, 7.5))],
)
def test_first_frame_is_what_the_script_draws(function, xlim, engine) -> None:
    figure = explorer(function, xlim)
    defaults = json.dumps([param.default for param in figure.params.values()])
    names = ",".join(figure.params)
    value = f"((x,[{names}]) => {figure.javascript})"
    slope = f"((x,[{names}]) => {figure.slope_javascript})"
    low, high = xlim
    view = json.loads(
        engine.eval(
            f"JSON.stringify(limits([{value},{slope}],{defaults},{low},{high}))"
        )
    )
    expected = interactive._limits([figure.value, figure.slope], low, high)
    np.testing.assert_allclose(view, expected, rtol=1e-6, atol=1e-9)
    view = (low, high, *expected)
    for drawn, code in ((figure.value, value), (figure.slope, slope)):
        theirs = engine.eval(f"path({code},{defaults},{json.dumps(view)})")
        ours = interactive._path(drawn, view)
        assert re.sub(r"[\d.-]", "", theirs) == re.sub(r"[\d.-]", "", ours)
        np.testing.assert_allclose(
            [float(v) for v in re.findall(r"-?[\d.]+", theirs)],
            [float(v) for v in re.findall(r"-?[\d.]+", ours)],
            atol=0.11,
        )
        assert ours in figure._repr_html_()


@pytest.mark.parametrize(
    "span", [(-5, 5), (-0.27, 5.3), (0, 1e-3), (-130, 40), (-2, 2)]
)
def test_ticks_agree_and_are_round(span, engine: MiniRacer) -> None:
    theirs = json.loads(engine.eval(f"JSON.stringify(ticks({span[0]},{span[1]}))"))
    marks, decimals = interactive._ticks(*span)
    assert 3 <= len(marks) <= 7
    assert theirs["decimals"] == decimals
    np.testing.assert_allclose(theirs["marks"], marks, atol=1e-12)
    assert all(math.isclose(mark, round(mark, decimals)) for mark in marks)


def test_curve_is_broken_at_a_jump_and_nowhere_else() -> None:
    step = explorer("step")
    view = (-5.0, 5.0, -0.1, 1.1)
    path = interactive._path(step.value, view)
    assert path.count("M") == 2
    heights = set(re.findall(r" (\d+\.\d)", path))
    assert len(heights) == 2, "a wall was drawn between 0 and 1"
    assert interactive._path(explorer("tanh").value, view).count("M") == 1
    steep = explorer("tanh(40*x)")
    assert interactive._path(steep.value, view).count("M") == 1


def test_reading_names_both_sides_of_a_kink(engine: MiniRacer) -> None:
    slope = explorer("relu").slope_javascript
    assert json.loads(
        engine.eval(f"JSON.stringify(reading((x,p) => {slope}, 0, []))")
    ) == [0, 1]
    assert json.loads(
        engine.eval(f"JSON.stringify(reading((x,p) => {slope}, 2, []))")
    ) == [1]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.2, "1.20"), (-0.5, "−0.50"), (0, "0.00"), (3.4e-4, "3.4e−4"), (1e6, "1.0e+6")],
)
def test_numbers_read_the_same_in_both(value, text, engine: MiniRacer) -> None:
    assert engine.eval(f"number({value})") == text
    assert interactive._number(value) == text


@pytest.mark.parametrize("function", [*SCALAR, "x*tanh(exp(x))", "1/x", "x < 2"])
def test_html_is_sound(function: str) -> None:
    if function == "x < 2":
        function = "2*x if x < 2 else x + 2"
    text = explorer(function)._repr_html_()
    reader = read(text)
    assert not reader.faults and not reader.open
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == 1 and re.fullmatch(r"actlab-explorer-[a-z0-9-]+", ids[0])
    assert set(re.findall(r"https?://[^\s\"']+", text)) == {
        "http://www.w3.org/2000/svg"
    }
    assert not {"link", "img", "iframe"} & {tag for tag, _ in reader.tags}
    assert not re.search(r"\bfetch\(|XMLHttpRequest|import\(|@import|url\(", text)
    assert "nan" not in text.lower().replace("isnan", "").split("<script>")[0]
    assert len(text) < 20_000


def test_controls_are_named_and_native() -> None:
    reader = read(explorer("swish")._repr_html_())
    probe = next(a for _, a in reader.tags if a.get("role") == "slider")
    assert probe["tabindex"] == "0" and probe["aria-label"]
    assert {"aria-valuemin", "aria-valuemax", "aria-valuenow"} <= set(probe)
    slider = next(a for tag, a in reader.tags if tag == "input")
    param = catalogue.get("swish").params["beta"]
    assert slider["type"] == "range" and slider["aria-label"] == "parameter beta"
    assert float(slider["min"]) == param.low and float(slider["max"]) == param.high
    assert float(slider["value"]) == param.default
    assert [tag for tag, _ in reader.tags if tag in ("select", "button")] == [
        "select",
        "button",
    ]
    assert "β" in explorer("swish")._repr_html_()


@pytest.mark.parametrize("xlim", [(-5, 5), (-2.0, 2.0), (-3, 8)])
def test_the_range_that_is_shown_is_the_one_selected(xlim) -> None:
    reader = read(explorer("relu", xlim)._repr_html_())
    chosen = [
        a["value"] for tag, a in reader.tags if tag == "option" and "selected" in a
    ]
    assert chosen == [f"{xlim[0]:g},{xlim[1]:g}"]


def test_without_a_script_the_curves_stand_and_no_dead_control_shows() -> None:
    text = explorer("gelu")._repr_html_()
    still = text.split("<script>")[0]
    for name in ("value", "slope"):
        d = re.search(rf'class="ax-{name}"[^>]* d="([^"]+)"', still)[1]
        assert d.startswith("M") and d.count("L") > 100
    assert ".actlab-explorer:not(.ax-on) .ax-js{display:none}" in text
    assert (
        ".ax-probe{display:none" in text and ".ax-on .ax-probe{display:inline}" in text
    )


def test_same_arguments_same_bytes_other_arguments_other_ids() -> None:
    first = explorer("swish")._repr_html_()
    interactive._script.cache_clear()
    interactive._style.cache_clear()
    assert explorer("silu")._repr_html_() == first == explorer("swish")._repr_html_()
    figures = [
        explorer("swish"),
        explorer("swish", (-2, 2)),
        explorer("x"),
        explorer("x+1"),
        explorer("x*1"),
        *(explorer(key) for key in SCALAR if key != "swish"),
    ]
    ids = [figure.id for figure in figures]
    assert len(set(ids)) == len(ids)
    assert explorer("swish").id == "actlab-explorer-swish"


def test_dark_pages_of_every_host_are_known() -> None:
    style = interactive._style()
    for page in (
        "html[data-theme=dark]",
        "html[theme=dark]",
        "body[data-jp-theme-light=false]",
        "prefers-color-scheme:dark",
    ):
        assert page in style
    assert "transition" not in style and "animation" not in style


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_colours_have_contrast(colours: str) -> None:
    css = interactive._asset("interactive.css").replace("\n", "")
    text = css if colours == "light" else interactive._DARK_COLOURS
    palette = dict(re.findall(r"--ax-(\w+):(#\w{6})", text))

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in channels
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(a: str, b: str) -> float:
        low, high = sorted((luminance(palette[a]), luminance(palette[b])))
        return (high + 0.05) / (low + 0.05)

    assert contrast("ink", "paper") > 7
    for name in ("value", "slope", "mute"):
        assert contrast(name, "paper") > 4.5


@pytest.mark.parametrize("key", VECTOR)
def test_vector_functions_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="whole vector.*'gelu'"):
        explorer(key)


def test_a_row_is_shown_in_the_range_where_it_can_be_seen() -> None:
    assert explorer("relu").xlim == (-5.0, 5.0) == explorer("x**3").xlim
    waves = explorer("sine")
    assert waves.xlim == catalogue.get("sine").view != explorer("sine", (-1, 1)).xlim
    # At least eight points to a wave, or its curve would be another one.
    low, high = waves.xlim
    assert (high - low) / interactive._STEPS < 2 * math.pi / 30 / 8


@pytest.mark.parametrize("xlim", [(2, 2), (3, -3), (0, math.inf), (math.nan, 1)])
def test_empty_ranges_are_refused(xlim) -> None:
    with pytest.raises(ValueError, match="xlim must be two numbers"):
        explorer("relu", xlim)


def test_misspelt_names_and_bad_formulas_are_told_apart() -> None:
    with pytest.raises(catalogue.UnknownActivationError, match="gelu"):
        explorer("gelu2")
    assert explorer("-x").value(np.array([2.0])) == -2.0
    assert explorer("x-1").value(np.array([2.0])) == 1.0
    with pytest.raises(formulas.FormulaError, match="'not' is not allowed"):
        explorer("not x")
    with pytest.raises(formulas.FormulaError):
        explorer("9**9**9")
    with pytest.raises(formulas.FormulaError):
        explorer("__import__('os').system('x')")


def test_text_of_a_formula_is_escaped() -> None:
    text = explorer("x if x > 0 else -x")._repr_html_()
    assert '<p class="ax-title">x if x &gt; 0 else -x</p>' in text
