"""The page *Elsewhere*: ten traps, and what every library does with every function.

All of it is printed from the record; no number and no library's behaviour is typed in.
Without JavaScript the page is the full list; the filter hides what was not asked for.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pandas as pd

from actlab import elsewhere, precision
from actlab.elsewhere import judging
from actlab.elsewhere.environments import ENVIRONMENTS
from actlab.elsewhere.inside import protocol
from actlab.elsewhere.judging import number

__all__ = ["TRAPS", "census_part", "elsewhere_page", "traps"]

Cell = dict[str, Any]


@cache
def record() -> dict[str, Any]:
    """Read the record once."""
    return elsewhere.load()


def title(key: str) -> str:
    """Return a library's name with its release."""
    environment = ENVIRONMENTS[key]
    version = record()[key]["versions"][environment.names[0]].partition("+")[0]
    if environment.kind == "export":
        return environment.title
    return f"{environment.title} {version}"


def cell(key: str, function: str, variant: str | None = None) -> Cell:
    """Return a library's cell of a function; ``KeyError`` if it has none."""
    for found in record()[key]["cells"]:
        if found["function"] == function and found.get("variant") == variant:
            return found
    raise KeyError(f"{key} has no {variant or function}")


# --- the ten traps ----------------------------------------------------------------


def at(found: Cell, x: float, what: str = "values") -> str:
    """Return the number that a cell has at a point, as a page prints it."""
    for place, value in zip(protocol.POINTS, found[what]):
        if place == x and math.copysign(1, place) == math.copysign(1, x):
            return number(value)
    raise KeyError(f"{x} is no point of the record")


def _default_gelu() -> str:
    jax, torch = cell("jax", "gelu"), cell("torch", "gelu")
    return (
        f"**`gelu` is two functions.** `{jax['call']}` is the {jax['form']}, "
        f"`{torch['call']}` is {torch['form']}. At −3 they give {at(jax, -3.0)} "
        f"and {at(torch, -3.0)}. Name the form on both sides."
    )


def _leaky() -> str:
    spots = (
        ("torch", None), ("jax", None), ("tensorflow", None), ("keras-jax", None),
        ("keras-jax", "leaky_relu_layer"),
    )  # fmt: skip
    cells = [cell(k, "leaky_relu", v) for k, v in spots if k in record()]
    parts = [f"`{found['call']}` {at(found, -1.0)}" for found in cells]
    return (
        "**Leaky ReLU leaks by another default.** At −1: "
        f"{', '.join(parts)}. Carry the slope over in writing."
    )


def _prelu() -> str:
    parts = []
    for key in ("torch", "mlx", "flax", "keras-jax"):
        if key in record():
            start = cell(key, "prelu")["start"]["2×3×4×5"]
            shape = "×".join(map(str, start["shape"])) or "no axis"
            parts.append(
                f"{ENVIRONMENTS[key].title} starts at {number(start['values'][0])}, "
                f"with slopes of the shape {shape}"
            )
    return (
        "**PReLU starts elsewhere and learns another number of slopes.** For an input "
        f"of 2×3×4×5: {'; '.join(parts)}."
    )


def _kinks() -> str:
    spots = [
        ("jax", "relu"), ("jax", "leaky_relu"), ("jax", "abs"), ("torch", "leaky_relu"),
        ("torch", "abs"),
    ]  # fmt: skip
    parts = [
        f"`{cell(k, f)['call']}` {at(cell(k, f), 0.0, 'slopes')}" for k, f in spots
    ]
    return (
        f"**At a kink every library chooses by itself.** Slope at 0: "
        f"{', '.join(parts)}. Inputs that are exactly 0 are common: biases start there."
    )


def _clamp() -> str:
    old, new, jax = (cell(k, "clip") for k in ("torch", "torch-next", "jax"))
    return (
        f"**The slope at a bound changed between two releases of PyTorch.** "
        f"`{old['call']}` has the slope {at(old, 1.0, 'slopes')} at 1 in "
        f"{title('torch')} and {at(new, 1.0, 'slopes')} in {title('torch-next')}; "
        f"`{jax['call']}` has {at(jax, 1.0, 'slopes')}."
    )


def _axis() -> str:
    torch, jax = cell("torch", "softmax")["axis"], cell("jax", "softmax")["axis"]
    scipy = cell("scipy", "softmax")
    return (
        "**Softmax without an axis sums over another one.** Of a 2×3×4 tensor, "
        "what PyTorch's `nn.Softmax()` returns adds up to 1 along axis "
        f"{torch['2×3×4'][0]}, JAX's along {jax['2×3×4'][0]}; SciPy works "
        f"{scipy['form']}. Name the axis."
    )


def _backends() -> str:
    keys = ("keras-jax", "keras-torch", "keras-tensorflow")
    parts = []
    for function, x in (("selu", 0.0), ("celu", 0.0), ("hardtanh", 1.0)):
        cells = [cell(key, function) for key in keys]
        slopes = ", ".join(at(found, x, "slopes") for found in cells)
        parts.append(f"`{cells[0]['call']}` at {number(x)}: {slopes}")
    return (
        "**Keras has the slopes of its backend.** On JAX, PyTorch and TensorFlow "
        f"the same line has these slopes: {'; '.join(parts)}. Its defaults are its own "
        "on all three."
    )


def _exported() -> str:
    own = cell("torch", "log_sigmoid")
    found, vino = (cell(k, "log_sigmoid") for k in ("onnxruntime", "openvino"))
    lite, soft = cell("tensorflow-litert", "softplus"), cell("tensorflow", "softplus")
    return (
        "**An exported graph is another formula.** PyTorch's LogSigmoid becomes "
        f"`{'`, `'.join(found['graph'])}` in ONNX: at −30 it is {at(own, -30.0)} in "
        f"PyTorch and {at(found, -30.0)} in ONNX Runtime, at −100 "
        f"{at(vino, -100.0)} in OpenVINO. TensorFlow's softplus becomes "
        f"`{'`, `'.join(lite['graph'])}` in LiteRT: at 100 it is {at(soft, 100.0)} "
        f"before and {at(lite, 100.0)} after."
    )


def _eight_bits() -> str:
    keys = ("torch", "jax", "onnxruntime", "onnx-openvino", "tinygrad")
    parts = [
        f"{ENVIRONMENTS[key].title} {cast(key, 'float8_e4m3fn', 500.0)}" for key in keys
    ]
    return (
        "**A cast to eight bits saturates here and is nan there.** The largest number "
        f"of float8 e4m3fn is 448; 500 becomes: {', '.join(parts)}. Scale before the "
        "cast."
    )


def cast(key: str, kind: str, x: float) -> str:
    """Return what a library makes of a number in a type of eight bits."""
    answers = record()[key]["facts"]["eight bits"][kind]
    if judging.raised(answers):
        return "none"
    found = answers[protocol.TO_EIGHT_BITS.index(x)]
    return f"{found:,.0f}" if abs(found) >= 1000 and found % 1 == 0 else number(found)


def _twice() -> str:
    torch, jax = cell("torch", "hardsigmoid"), cell("jax", "hardsigmoid")
    soft = cell("torch", "mish")
    return (
        "**Not everything can be differentiated twice.** PyTorch's Hardsigmoid raises "
        f"{torch['seconds']['error']} (“{torch['seconds']['says']}”); in JAX its "
        f"second derivative at 1 is {at(jax, 1.0, 'seconds')}. PyTorch's Mish has the "
        f"second derivative {at(soft, 100.0, 'seconds')} at 100, JAX's "
        f"{at(cell('jax', 'mish'), 100.0, 'seconds')}. A Hessian meets both."
    )


def _branch() -> str:
    mlx, torch = cell("mlx", "elu"), cell("torch", "elu")
    tiny = cell("tinygrad", "elu")
    return (
        "**The branch that is not taken can still spoil the slope.** "
        f"MLX's `{mlx['call']}` is {at(mlx, 100.0)} at 100 and has the slope "
        f"{at(mlx, 100.0, 'slopes')} there; PyTorch's has "
        f"{at(torch, 100.0, 'slopes')}, tinygrad's {at(tiny, 100.0, 'slopes')}. "
        f"MLX's PReLU has the slope "
        f"{at(cell('mlx', 'prelu'), 0.0, 'slopes')} at 0, its CELU "
        f"{at(cell('mlx', 'celu'), 0.0, 'slopes')}, where PyTorch has "
        f"{at(cell('torch', 'prelu'), 0.0, 'slopes')} and "
        f"{at(cell('torch', 'celu'), 0.0, 'slopes')}."
    )


def _whole_numbers() -> str:
    jax, torch = cell("jax", "sigmoid"), cell("torch", "gelu")
    return (
        "**Whole numbers are taken or refused function by function.** "
        f"`{jax['call']}` raises {jax['integer']['error']} where PyTorch's sigmoid "
        f"returns {cell('torch', 'sigmoid')['integer']['type']}; PyTorch's GELU raises "
        f"{torch['integer']['error']} where JAX's returns "
        f"{cell('jax', 'gelu')['integer']['type']}."
    )


def _hidden_nan() -> str:
    nan = next(n for n, x in enumerate(protocol.POINTS) if math.isnan(x))
    spots = (
        ("mlx", "softshrink"), ("keras-tensorflow", "softshrink"), ("tinygrad", "relu"),
        ("openvino", "hardtanh"), ("litert", "elu"),
    )  # fmt: skip
    parts = [
        f"{elsewhere.FUNCTIONS[f].name} in {ENVIRONMENTS[k].title} "
        f"{number(cell(k, f)['values'][nan])}"
        for k, f in spots
    ]
    return (
        "**A nan can vanish.** All of PyTorch's functions return nan for nan. "
        f"{', '.join(parts)}: a network that has broken goes on to answer."
    )


TRAPS: tuple[Callable[[], str], ...] = (
    _default_gelu, _leaky, _prelu, _axis, _kinks, _clamp, _backends, _branch, _exported,
    _eight_bits,
)  # fmt: skip
"""By weight."""
FURTHER = (_hidden_nan, _twice, _whole_numbers)


def traps() -> str:
    """Return ten traps as a numbered list, their numbers read from the record."""
    return "\n".join(f"{n}. {build()}" for n, build in enumerate(TRAPS, 1))


def _further() -> str:
    return "Three that are met less often:\n\n" + "\n".join(
        f"- {build()}" for build in FURTHER
    )


# --- the table --------------------------------------------------------------------


def elsewhere_page() -> str:
    """Return the generated part of the page as Markdown."""
    functions = [
        f for f in elsewhere.FUNCTIONS.values() if any(True for _ in _cells_of(f.key))
    ]
    parts = [
        f"<style>{STYLE}</style>",
        "## Ten traps when you port",
        traps(),
        _further(),
        "## Function by function",
        _how_to_read(),
        _filter(functions),
        *map(_section, functions),
        f"<script>{SCRIPT}</script>",
        "## Eight bits",
        eight_bits_part(),
        "## Where the numbers are from",
        _provenance(),
    ]
    return "\n\n".join(parts)


def _how_to_read() -> str:
    points = ", ".join(number(x) for x in protocol.POINTS)
    return (
        "Under each name stands the call, then, in words, how its answers differ from "
        f"{title('torch')}'s of the same function; *the same* means the same in all "
        "that was asked. Open a line for the numbers. Asked were: value, slope and "
        f"second derivative in float32 at {points}; whole numbers −2 to 3; values on a "
        "grid of each type (every finite number of float16 and bfloat16, every "
        "65,521st pattern of float32), compared with the course's formula. ε is the "
        "distance from 1 to the next number of the type; a correctly rounded value is "
        "within half an ε·max(1, |f|). Errors are looked for up to |x| = 100."
    )


def _cells_of(function: str) -> Iterator[tuple[str, Cell]]:
    for key in ENVIRONMENTS:
        for found in record().get(key, {"cells": []})["cells"]:
            if found["function"] == function:
                yield key, found


def _filter(functions: list[elsewhere.Function]) -> str:
    libraries = "".join(
        f'<option value="{key}">{html.escape(title(key))}</option>'
        for key in ENVIRONMENTS
        if key in record()
    )
    names = "".join(
        f'<option value="{f.key}">{html.escape(f.name)}</option>' for f in functions
    )
    return (
        '<p class="actlab-elsewhere-filter" id="elsewhere-filter" hidden>'
        f'<label>Function <select><option value="">all</option>{names}</select>'
        f'</label> <label>Library <select><option value="">all</option>{libraries}'
        '</select></label> <label><input type="checkbox"> only what differs</label> '
        '<span role="status"></span></p>'
    )


def _section(function: elsewhere.Function) -> str:
    lines = [f"### {function.name}", '<div class="actlab-elsewhere">']
    lines += [_entry(key, found) for key, found in _cells_of(function.key)]
    return "\n\n".join([lines[0], "\n".join([*lines[1:], "</div>"])])


def _entry(key: str, found: Cell) -> str:
    """Return one cell as a line that unfolds to its numbers."""
    words = found.get("differs", [])
    if key == "torch" and "variant" not in found:
        said = "<em>what the others are compared with</em>"
    elif "differs" not in found:
        said = "<em>PyTorch has no such function</em>"
    elif words:
        shown = " · ".join(map(html.escape, words[:SHOWN]))
        more = f" · and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
        said = shown + more
    else:
        said = "<em>the same</em>"
    return (
        f'<details data-library="{key}" data-function="{found["function"]}" '
        f'data-differs="{int(bool(words))}"><summary><b>{html.escape(title(key))}</b> '
        f"<code>{html.escape(found['call'])}</code><br>{said}</summary>"
        f"{_numbers(found)}</details>"
    )


def _numbers(found: Cell) -> str:
    rows = list(_facts(found))
    cells = "".join(
        f'<tr><th scope="row">{html.escape(label)}</th>'
        f"<td>{html.escape(text)}</td></tr>"
        for label, text in rows
    )
    return f"<table><tbody>{cells}</tbody></table>"


def _facts(found: Cell) -> Iterator[tuple[str, str]]:
    """Yield a cell's facts as label and text."""
    yield "form", found["form"]
    if found["defaults"]:
        yield "defaults", found["defaults"]
    if found.get("graph"):
        yield "graph", " → ".join(found["graph"])
    if found.get("vector"):
        yield from _row_facts(found)
    else:
        for what, label in WHAT.items():
            yield label, _at_points(found.get(what))
    if "start" in found:
        for shape, start in found["start"].items():
            yield f"starts, input {shape}", _start(start)
    if found.get("axis"):
        axes = (f"{s}: {_axis_text(a)}" for s, a in found["axis"].items())
        yield "axis, none named", "; ".join(axes)
    if "integer" in found:
        yield "whole numbers", _integer(found["integer"])
    for dtype in protocol.DTYPES:
        yield dtype, _type(found, dtype)
    for words in found.get("differs", [])[SHOWN:]:
        yield "differs too", words


SHOWN = 3  # differences that stand in a line before it is opened
WHAT = {"values": "f(x)", "slopes": "slope", "seconds": "second derivative"}


def _at_points(answers: Any) -> str:
    """Return numbers at points, runs of equal ones together."""
    if judging.raised(answers):
        if answers["error"] == "NotImplementedError":
            return answers["says"]
        return f"{answers['error']}: {answers['says']}"
    shown = (
        f"{number(x)}: {number(y)}" for x, y in zip(protocol.POINTS, answers or [])
    )
    return " · ".join(shown)


def _row_facts(found: Cell) -> Iterator[tuple[str, str]]:
    for name, row in protocol.ROWS.items():
        given = ", ".join(map(number, row))
        answers = found["rows"].get(name) if "error" not in found["rows"] else None
        if answers is None:
            continue
        if judging.raised(answers):
            yield f"{name} ({given})", f"{answers['error']}: {answers['says']}"
            continue
        text = ", ".join(map(number, answers))
        slopes = found["slopes"].get(name)
        if isinstance(slopes, list):
            text += f"; slope of Σ i·fᵢ: {', '.join(map(number, slopes))}"
        yield f"{name} ({given})", text


def _start(start: Any) -> str:
    if judging.raised(start):
        return f"{start['error']}: {start['says']}"
    shape = "×".join(map(str, start["shape"])) or "one number"
    return f"{', '.join(map(number, start['values'][:2]))}; shape {shape}"


def _axis_text(axes: Any) -> str:
    if judging.raised(axes):
        return axes["error"]
    return ", ".join(map(str, axes)) or "none"


def _integer(answer: Any) -> str:
    if judging.raised(answer):
        return f"{answer['error']}: {answer['says']}"
    return f"{answer['type']}: {', '.join(map(number, answer['values']))}"


def _type(found: Cell, dtype: str) -> str:
    came = found.get("types", {}).get(dtype)
    if judging.raised(came):
        asked = came["says"] != "not asked"
        return f"{came['error']}: {came['says']}" if asked else "not asked"
    errors = found["errors"].get(dtype)
    if errors is None:
        return "not asked"
    text = f"within {errors['off']:.3g} ε"
    if errors["at"] is not None and errors["off"] > 0.5:
        text += f" (at {number(errors['at'])})"
    if errors["breaks"]:
        text += f"; nan or ∞ from |x| = {number(errors['breaks'])} on"
    return text + ("" if came == dtype else f"; comes out as {came}")


def _provenance() -> str:
    lines = ["| Library | Packages | Measured |", "|---|---|---|"]
    for key, part in record().items():
        versions = part["versions"].items()
        packages = ", ".join(f"{name} {version}" for name, version in versions)
        lines.append(
            f"| {ENVIRONMENTS[key].title} | {packages} | {part['finished'][:10]} |"
        )
    some = next(iter(record().values()))
    return (
        f"On one machine ({some['cpu']}, {some['system']}), one thread. "
        "`python -m actlab.elsewhere run` asks again, in environments that it makes "
        "and removes; `show FUNCTION` prints the record.\n\n" + "\n".join(lines)
    )


# --- eight bits -------------------------------------------------------------------

SHOWN_CASTS = {
    "float8_e4m3fn": (0.001, 464.0, 500.0, math.inf),
    "float8_e5m2": (500.0, 1e5, math.inf),
}
ALSO = ("flax", "timm", "transformers")  # they cast as the library below them does
SHOWN_TABLES = (
    "relu", "leaky_relu", "gelu", "swish", "mish", "hardswish", "relu2", "softplus",
    "sigmoid", "tanh", "log_sigmoid", "gcu",
)  # fmt: skip


def eight_bits_part() -> str:
    """Return what casts give, and what functions are in eight bits, as two tables."""
    heads = [f"{number(x)} to {k[7:]}" for k, xs in SHOWN_CASTS.items() for x in xs]
    lines = [f"| Library | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for key, part in record().items():
        if "eight bits" in part["facts"] and key not in ALSO:
            given = [cast(key, k, x) for k, xs in SHOWN_CASTS.items() for x in xs]
            lines.append(f"| {title(key)} | {' | '.join(given)} |")
    return "\n\n".join(
        (
            "What becomes of a float32 number that is cast to float8. The largest "
            "numbers are 448 (e4m3fn) and 57,344 (e5m2); e4m3fn has no infinity.",
            "\n".join(lines),
            _tables_of_eight(),
        )
    )


def _tables_of_eight() -> str:
    found = precision.eight_bits(SHOWN_TABLES)
    lines = [
        "| Function | int8: values | below 0 | largest error "
        "| float8: values | below 0 | lost slopes |",
        "|---" * 7 + "|",
    ]
    for row in found.to_dict("records"):
        lines.append(
            f"| {row['name']} | {row['int8_values']} | {row['int8_below']} "
            f"| {number(row['int8_error'])} | {row['float8_values']} "
            f"| {row['float8_below']} | {row['float8_lost']} |"
        )
    return (
        "What is left of a function. A runtime computes an int8 function as a table of "
        "256 entries; here the inputs are −8 to 8 in equal steps and the outputs as "
        "fine as their range allows. For float8 (e4m3fn) the inputs are the format's "
        f"{precision.EIGHT_BIT_INPUTS} numbers from −8 to 8. *Values* counts the "
        "different outputs, *below 0* the negative ones, *largest error* is that of "
        "int8 against the exact value at the same input, *lost slopes* the inputs "
        "where the slope is not 0 and rounds to 0. In int8 the dip of GELU, Swish and "
        "Mish is a few steps deep, and a leak of 0.01 is one step; float8, finer near "
        "0, keeps both, and sees less of where a sigmoid saturates.\n\n"
        + "\n".join(lines)
    )


# --- the census -------------------------------------------------------------------


def census_part() -> str:
    """Return the counts of what models use by default, as tables."""
    origins = elsewhere.load(elsewhere.CENSUS)
    return "\n\n".join(
        text
        for key, counted in elsewhere.census().items()
        for text in _census_of(key, counted, origins[key])
    )


def _census_of(key: str, counted: pd.DataFrame, origin: Cell) -> Iterator[str]:
    name = ENVIRONMENTS[key].names[0]
    silent = len(origin.get("without an activation", []))
    yield (
        f"**{ENVIRONMENTS[key].title}**, {name} {origin['versions'][name]}: "
        f"{len(counted)} name an activation"
        + (f", {silent} name none." if silent else ".")
    )
    table = counted.groupby("activation")["gated"].agg(["size", "sum"])
    lines = ["| activation | number | of these gated |", "|---|---|---|"]
    for activation, row in table.sort_values("size", ascending=False).iterrows():
        lines.append(f"| `{activation}` | {row['size']} | {row['sum']} |")
    yield "\n".join(lines)
    if "year" in counted:
        yield _by_year(counted)
        yield (
            "Gated means that the model's file has a projection named as a gate; the "
            "year is that of the copyright line of the configuration's file. "
            "`python -m actlab.elsewhere run census-transformers` counts again."
        )


def _by_year(counted: pd.DataFrame) -> str:
    """Return how many take GELU in any form, SiLU, ReLU or another, by year."""
    families = {"gelu": "GELU", "silu": "SiLU", "swish": "SiLU", "relu": "ReLU"}
    kinds = counted["activation"].map(
        lambda name: "GELU" if "gelu" in name else families.get(name, "another")
    )
    table = pd.crosstab(counted["year"], kinds)
    columns = [c for c in ("ReLU", "GELU", "SiLU", "another") if c in table]
    lines = [f"| year | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for year, row in table[table.sum(axis=1) >= 5].iterrows():
        lines.append(f"| {int(year)} | {' | '.join(str(row[c]) for c in columns)} |")
    return "\n".join(lines)


STYLE = """
.actlab-elsewhere details{border-top:1px solid;padding:.35em 0;
overflow-wrap:anywhere}
.actlab-elsewhere summary{cursor:pointer}
.actlab-elsewhere summary code{white-space:normal;overflow-wrap:anywhere}
.actlab-elsewhere table{display:table;width:100%;table-layout:fixed;font-size:.85em}
.actlab-elsewhere th{width:30%;text-align:left;vertical-align:top;font-weight:normal;
opacity:.8}
.actlab-elsewhere td{overflow-wrap:anywhere;text-align:left}
.actlab-elsewhere-filter select{font:inherit;color:inherit;background:transparent;
padding:.3em;max-width:100%}
.actlab-elsewhere-filter select option{color:#000;background:#fff}
.actlab-elsewhere-filter label{margin-right:1em;display:inline-block;padding:.2em 0;
max-width:100%}
""".replace("\n\n", "\n")

SCRIPT = """
addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("elsewhere-filter");
  const rows = [...document.querySelectorAll(".actlab-elsewhere details")];
  const [wanted, library] = box.querySelectorAll("select");
  const differing = box.querySelector("input");
  const apply = () => {
    let shown = 0;
    for (const row of rows) {
      const fits = (!wanted.value || row.dataset.function === wanted.value) &&
        (!library.value || row.dataset.library === library.value) &&
        (!differing.checked || row.dataset.differs === "1");
      row.hidden = !fits;
      shown += fits;
    }
    for (const group of document.querySelectorAll(".actlab-elsewhere"))
      group.closest("section").hidden =
        ![...group.children].some(row => !row.hidden);
    box.querySelector("[role=status]").textContent = `${shown} of ${rows.length}`;
  };
  box.hidden = false;
  box.addEventListener("change", apply);
});"""
