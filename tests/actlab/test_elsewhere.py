"""Other libraries: the record's form, its words, and two columns measured anew."""

import copy
import importlib.metadata
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import elsewhere_page
from actlab import elsewhere, precision
from actlab.elsewhere import __main__ as command
from actlab.elsewhere import environments, functions, judging, measuring, record
from actlab.elsewhere.inside import protocol

ROOT = Path(__file__).resolve().parents[2]
RECORD = elsewhere.load()
LIBRARIES = [key for key in elsewhere.ENVIRONMENTS if key in RECORD]
CELLS = [(key, cell) for key in LIBRARIES for cell in RECORD[key]["cells"]]
NAMES = [f"{key}-{cell.get('variant', cell['function'])}" for key, cell in CELLS]


# --- the shipped record -----------------------------------------------------------


def test_the_libraries_of_the_table_are_there():
    assert {"torch", "jax", "flax", "scikit-learn", "scipy"} <= set(RECORD)
    assert set(RECORD) <= set(elsewhere.ENVIRONMENTS)


@pytest.mark.parametrize("key", LIBRARIES)
def test_a_library_says_where_its_answers_are_from(key):
    part, environment = RECORD[key], elsewhere.ENVIRONMENTS[key]
    assert part["packages"] == list(environment.packages)
    for package, name in zip(environment.packages, environment.names):
        assert part["versions"][name].partition("+")[0] == package.partition("==")[2]
    assert part["cpu"] and part["python"] and part["system"]
    assert re.fullmatch(r"[0-9a-f]{64}", part["inside_sha256"])
    assert re.match(r"20\d\d-\d\d-\d\dT", part["finished"])
    assert part["cells_sha256"] == record.cells_hash(part["cells"])


@pytest.mark.parametrize(("key", "cell"), CELLS, ids=NAMES)
def test_a_cell_has_its_form(key, cell):
    function = elsewhere.FUNCTIONS[cell["function"]]
    assert cell["call"] and cell["form"] in {name for _, name in function.forms}
    assert cell["vector"] == function.vector
    if cell["vector"]:
        assert set(cell["rows"]) == set(protocol.ROWS)
    else:
        for what in ("values", "slopes", "seconds"):
            answers = cell[what]
            assert judging.raised(answers) or len(answers) == len(protocol.POINTS)
    refused = judging.raised(cell["rows" if cell["vector"] else "values"])
    assert cell["errors"] or refused
    for errors in cell["errors"].values():
        assert errors["off"] >= 0 and math.isfinite(errors["off"])


@pytest.mark.parametrize(("key", "cell"), CELLS, ids=NAMES)
def test_the_words_follow_from_the_numbers(key, cell):
    base = record.torch_cell(RECORD, cell["function"], elsewhere.ENVIRONMENTS[key].base)
    if base is None or base is cell:
        assert "differs" not in cell
    else:
        assert cell["differs"] == judging.differences(cell, base)


@pytest.mark.parametrize(("key", "cell"), CELLS, ids=NAMES)
def test_ordinary_values_follow_the_form(key, cell):
    function = functions.function_of(cell["function"])
    if cell["vector"] or judging.raised(cell["values"]):
        return
    which = next(key for key, name in function.forms if name == cell["form"])
    x = np.array(protocol.POINTS)
    near = np.abs(x) <= 6
    found = np.array(cell["values"])[near]
    off = 0.05 if function.key == "xielu" else 2e-3  # its parameters are rounded
    np.testing.assert_allclose(found, functions.formula(which)(x[near]), atol=off)


# --- measured anew ----------------------------------------------------------------


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return tmp_path_factory.mktemp("elsewhere")


@pytest.mark.slow
@pytest.mark.parametrize("key", ["torch", "scikit-learn", "scipy"])
def test_a_column_is_what_it_was(key, answers):
    environment = elsewhere.ENVIRONMENTS[key]
    own = importlib.metadata.version(environment.names[0]).partition("+")[0]
    if own != environment.packages[0].partition("==")[2]:
        pytest.skip(f"recorded with {environment.packages[0]}, here is {own}")
    assert measuring.run([key], answers, python=sys.executable) == {key: None}
    _, cells = measuring.cells(key, answers)
    found = {cell.get("variant", cell["function"]): cell for cell in cells}
    assert set(found) == {
        cell.get("variant", cell["function"]) for cell in RECORD[key]["cells"]
    }
    for cell in RECORD[key]["cells"]:
        _agree(found[cell.get("variant", cell["function"])], cell)
    assert measuring.run([key], answers, python="no such program") == {}


def _agree(found, recorded):
    """Compare what no processor rounds otherwise: ordinary points, kinds, errors."""
    for what in ("call", "defaults", "form", "axis", "start", "integer"):
        if what in recorded:
            assert _seven(found[what]) == _seven(recorded[what]), what
    for what in ("values", "slopes", "seconds"):
        if not isinstance(recorded.get(what), list):
            continue
        for x, a, b in zip(protocol.POINTS, found[what], recorded[what]):
            if abs(x) <= judging.ORDINARY:
                assert a == pytest.approx(b, abs=1e-5, nan_ok=True), (what, x)


def _seven(value):
    return record.read_numbers(json.loads(json.dumps(record.write_numbers(value))))


def test_a_wrong_number_would_be_seen():
    cell = record.torch_cell(RECORD, "gelu")
    wrong = copy.deepcopy(cell)
    wrong["slopes"][protocol.POINTS.index(1.0)] += 1e-3
    with pytest.raises(AssertionError, match="slopes"):
        _agree(wrong, cell)


# --- words, numbers, environments -------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.0, "−0"), (math.inf, "∞"), (-30.0, "−30"), (1e-13, "1e−13"), (0.25, "0.25")],
)
def test_numbers_are_printed_for_people(value, text):
    assert judging.number(value) == text


def test_numbers_that_json_has_not_come_back():
    odd = {"a": [math.inf, -math.inf, -0.0, 0.5], "b": None, "c": "relu"}
    back = record.read_numbers(json.loads(json.dumps(record.write_numbers(odd))))
    assert back == odd and math.copysign(1, back["a"][2]) == -1
    assert math.isnan(record.read_numbers(record.write_numbers(math.nan)))


def test_a_changed_slope_is_said_in_words():
    cell = record.torch_cell(RECORD, "relu")
    other = copy.deepcopy(cell)
    minus_zero = protocol.POINTS.index(0.0)  # it equals 0 and comes first
    other["slopes"][minus_zero : minus_zero + 2] = [0.5, 0.5]
    assert judging.differences(other, cell) == ["slope at 0 = 0.5, PyTorch 0"]
    assert judging.differences(cell, cell) == []


def test_a_missing_program_is_named(tmp_path):
    lacking = environments.Environment("x", "X", "scipy", ("x==1",), needs="no-such")
    with pytest.raises(FileNotFoundError, match="no-such"):
        environments.make(lacking, tmp_path)


def test_every_environment_is_pinned_and_has_its_adapter():
    for environment in elsewhere.ENVIRONMENTS.values():
        assert all("==" in package for package in environment.packages)
        assert (measuring.HERE / "inside" / f"{environment.adapter_file}.py").exists()
        assert len(measuring.inside_hash(environment)) == 64


def test_answers_of_other_code_are_not_taken(tmp_path):
    folder = tmp_path / "scipy"
    folder.mkdir()
    unit = {"seconds": 1, "inside_sha256": 64 * "0"}
    unit["packages"] = list(elsewhere.ENVIRONMENTS["scipy"].packages)
    (folder / measuring.PROVENANCE).write_text(json.dumps(unit), "utf-8")
    assert not measuring.answered(elsewhere.ENVIRONMENTS["scipy"], tmp_path)


def test_grids_hold_every_number_of_a_short_type():
    assert len(protocol.grid("float16")) == 63_488
    assert len(protocol.grid("bfloat16")) == 65_280
    assert np.isfinite(protocol.grid("float32")).all()


# --- command and page -------------------------------------------------------------


def test_show_prints_a_function(capsys):
    assert command.main(["show", "gelu"]) == 0
    assert "jax.nn.gelu(x)" in capsys.readouterr().out
    assert command.main(["show", "gelo"]) == 1
    assert "nothing of 'gelo'" in capsys.readouterr().err


def test_an_unknown_library_is_named(capsys):
    assert command.main(["status", "theano"]) == 1
    assert "no library 'theano'" in capsys.readouterr().err


def test_ten_traps_are_printed_from_the_record():
    lines = elsewhere_page.traps().splitlines()
    assert len(lines) == 10
    for number, line in enumerate(lines, 1):
        assert line.startswith(f"{number}. **") and len(line) < 700
        assert "None" not in line and "{" not in line


def test_the_page_holds_every_cell_and_its_filter():
    page = elsewhere_page.elsewhere_page()
    assert page.count("<details data-library=") == len(CELLS)
    assert 'id="elsewhere-filter" hidden' in page
    for key in LIBRARIES:
        assert f'<option value="{key}">' in page


# --- findings ---------------------------------------------------------------------

SCRIPTS = sorted(
    path for path in (ROOT / "findings").glob("*.sh") if path.name != "environment.sh"
)


def test_every_finding_is_in_the_index():
    index = (ROOT / "findings" / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| \[(\w+)\]\((\w+)\.sh\) \| .+ \|$", index, re.M)
    assert sorted(name for name, _ in listed) == [path.stem for path in SCRIPTS]
    assert all(name == file for name, file in listed)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_finding_says_what_was_seen_and_fails_if_it_changes(path):
    text = path.read_text("utf-8")
    head = (
        text[: text.index("\n\n")] if "source" not in text else text.split("source")[0]
    )
    for words in ("Valid input:", "Seen with", "Fails if"):
        assert words in text, words
    assert re.search(r"==\d", text) and "assert" in text and head.startswith("#!")
    assert "actlab" not in text and "from course" not in text


# --- eight bits -------------------------------------------------------------------


def test_eight_bits_of_a_line_and_of_a_dip():
    table = precision.eight_bits(["relu", "gelu", "sigmoid"]).set_index("key")
    assert precision.EIGHT_BIT_INPUTS == 161
    # The positive steps are the positive inputs, and the rest is 0.
    assert list(table.loc["relu", ["int8_values", "int8_below"]]) == [128, 0]
    assert list(table.loc["relu", ["float8_values", "float8_lost"]]) == [81, 0]
    assert table.loc["relu", "int8_error"] < 1e-12
    # GELU is nowhere below −0.17, three steps of 8/127.
    assert table.loc["gelu", "int8_below"] == 3
    assert table.loc["sigmoid", "float8_lost"] > 0 == table.loc["relu", "float8_lost"]


def test_casts_to_eight_bits_are_those_of_the_record():
    assert elsewhere_page.cast("jax", "float8_e4m3fn", 500.0) == "nan"
    assert elsewhere_page.cast("torch", "float8_e4m3fn", 500.0) == "448"
    assert elsewhere_page.cast("tinygrad", "float8_e5m2", math.inf) == "57,344"
    assert "PyTorch 448, JAX nan" in elsewhere_page.traps()


def test_no_function_of_torch_loses_a_nan():
    for key in ("torch", "torch-next"):
        for cell in RECORD[key]["cells"]:
            if not cell["vector"] and not judging.raised(cell["values"]):
                assert math.isnan(cell["values"][-1]), cell["call"]


# --- the census in the chapters ---------------------------------------------------


GELU_NAMES = (
    ("gelu", "gelu_python"),
    ("gelu_pytorch_tanh", "gelu_new", "gelu_fast"),
    ("quick_gelu",),
)


def test_chapters_quote_the_census():
    counted = elsewhere.census()["census-transformers"]
    gelu = counted[counted["activation"].str.contains("gelu")]
    silu = counted[counted["activation"].isin(["silu", "swish"])]
    parts = (len(silu), int(silu["gated"].sum()), len(gelu), int(gelu["gated"].sum()))
    quoted = {
        "05-smooth-self-gated": (
            f"of {len(counted)} configurations",
            "{} take the exact form, {} the tanh form, {} the sigmoid form".format(
                *(int(gelu["activation"].isin(names).sum()) for names in GELU_NAMES)
            ),
        ),
        "07-gated-units": (
            f"Of {len(counted)} configurations",
            "{} take SiLU, {} of them with a gate, and {} a GELU, {} with a "
            "gate".format(*parts),
        ),
    }
    for chapter, sentences in quoted.items():
        text = (ROOT / "chapters" / f"{chapter}.ipynb").read_text("utf-8")
        for words in sentences:
            assert words in text, (chapter, words)
