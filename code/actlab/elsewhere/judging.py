"""From what a library answered to a cell of the table: form, errors and words.

The words that say how a cell differs are made from the numbers alone, by the same rules
for every library, so that none of them can be wrong where the numbers are right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from .functions import Function, formula, function_of
from .inside import protocol

__all__ = ["cell", "differences", "number"]

Cell = dict[str, Any]
EPSILON = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
LARGEST = {"float32": 3.4028235e38, "float16": 65504.0, "bfloat16": 3.3895314e38}
NEAR = 100.0  # errors are looked for up to here, places where it breaks everywhere
ORDINARY = 6.0


def cell(key: str, answers: Cell, arrays: Mapping[str, np.ndarray]) -> Cell:
    """Return a cell: the answers, the form that they have, and how far off they are.

    Parameters
    ----------
    key : the adapter's name of the function.
    answers, arrays : as ``inside.protocol.ask`` gave them.
    """
    function = function_of(key)
    which, name = _form(function, arrays)
    errors = {
        dtype: _errors(function, which, dtype, values)
        for dtype, values in arrays.items()
    }
    return {"function": function.key, "form": name} | answers | {"errors": errors}


def _inputs(function: Function, dtype: str) -> np.ndarray:
    if function.vector:
        return protocol.in_type(protocol.rows_to_compare().astype(np.float32), dtype)
    return protocol.grid(dtype)


def _form(function: Function, arrays: Mapping[str, np.ndarray]) -> tuple[str, str]:
    """Return the formula that float32 values are closest to, and its name."""
    if len(function.forms) == 1 or "float32" not in arrays:
        return function.forms[0]
    x = _inputs(function, "float32").astype(np.float64)
    near = slice(None) if function.vector else np.abs(x) <= NEAR
    with np.errstate(all="ignore"):
        distances = [
            np.nanmax(np.abs(formula(which)(x)[near] - arrays["float32"][near]))
            for which, _ in function.forms
        ]
    return function.forms[int(np.argmin(distances))]


def _errors(
    function: Function, which: str, dtype: str, values: np.ndarray
) -> dict[str, Any]:
    """Return the largest error near 0, where it is, and from where on it breaks.

    ``off`` is |found − true| in units of ε·max(1, |true|), ε the type's; a rounded true
    value is within 0.5. ``breaks`` is the smallest |x| at which nan or ±inf comes out
    although the truth is a number of the type.
    """
    x = _inputs(function, dtype).astype(np.float64)
    with np.errstate(all="ignore"):
        truth = formula(which)(x)
        size = EPSILON[dtype] * np.maximum(1, np.abs(truth))
        off = np.abs(values - truth) / size
    if function.vector:
        good = np.isfinite(off)
        return {"off": float(off[good].max()), "at": None, "breaks": None}
    good = np.isfinite(off) & (np.abs(x) <= NEAR)
    worst = int(np.argmax(np.where(good, off, -1.0)))
    broken = ~np.isfinite(values) & (np.abs(truth) <= LARGEST[dtype])
    return {
        "off": float(off[worst]),
        "at": float(x[worst]),
        "breaks": float(np.abs(x[broken]).min()) if broken.any() else None,
    }


# --- words ------------------------------------------------------------------------


def number(value: float) -> str:
    """Return a number as a page prints it: three digits, a real minus, ∞."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "−0" if math.copysign(1, value) < 0 else "0"
    if 1e-3 <= abs(value) < 1e5:
        text = f"{float(f'{value:.4g}'):.10f}".rstrip("0").rstrip(".")
    else:
        mantissa, exponent = f"{value:.2e}".split("e")
        text = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return text.replace("-", "−")


def differences(found: Cell, other: Cell) -> list[str]:
    """Say how a cell differs from PyTorch's of the same function; [] if it does not."""
    if found.get("vector"):
        words = [*_rows(found, other), *_axes(found, other)]
    else:
        words = [
            *_form_words(found, other),
            *_starts(found, other),
            *_numbers(found, other, "values", "f({})"),
            *_numbers(found, other, "slopes", "slope at {}"),
            *_numbers(found, other, "seconds", "second derivative at {}"),
        ]
    return [*words, *_integers(found, other), *_types(found, other)]


def raised(answer: Any) -> bool:
    """Whether an answer is the name of an error."""
    return isinstance(answer, dict) and "error" in answer


def _form_words(found: Cell, other: Cell) -> Iterator[str]:
    if found["form"] != other["form"]:
        yield f"another form: {found['form']}; PyTorch: {other['form']}"


def _starts(found: Cell, other: Cell) -> Iterator[str]:
    if "start" not in found or "start" not in other:
        return
    mine, theirs = (cell["start"]["2×3×4×5"] for cell in (found, other))
    if raised(mine) or raised(theirs):
        return
    if mine["values"] != theirs["values"]:
        values = " … ".join(map(number, mine["values"][:2]))
        yield f"starts at {values}, PyTorch at {number(theirs['values'][0])}"
    if mine["shape"] != theirs["shape"]:
        shape = "×".join(map(str, mine["shape"])) or "one number"
        yield (
            f"for an input of 2×3×4×5 it learns slopes of the shape {shape}, "
            f"PyTorch {'×'.join(map(str, theirs['shape']))}"
        )


def _differs(a: float, b: float, x: float) -> bool:
    if math.isnan(a) or math.isnan(b) or math.isinf(a) or math.isinf(b):
        return not (a == b or (math.isnan(a) and math.isnan(b)))
    return abs(a - b) > 1e-3 * (max(1, abs(b)) if abs(x) <= NEAR else abs(b))


def _numbers(found: Cell, other: Cell, what: str, words: str) -> Iterator[str]:
    """Compare values, slopes or second derivatives at all points."""
    mine, theirs = found.get(what), other.get(what)
    if raised(mine) or raised(theirs) or mine is None or theirs is None:
        if what == "seconds":
            yield from _seconds_raised(mine, theirs)
        return
    places = [
        (x, a, b)
        for x, a, b in zip(protocol.POINTS, mine, theirs)
        if _differs(a, b, x) or (what == "values" and x == 0 and _sign(a) != _sign(b))
    ]
    for group in (_ordinary(places, found), _far(places), _endless(places)):
        for x, a, b in group:
            place = words.format(number(x))
            yield f"{place} = {number(a)}, PyTorch {number(b)}"


def _sign(value: float) -> float:
    return math.copysign(1, value)


Place = tuple[float, float, float]


def _ordinary(places: list[Place], found: Cell) -> list[Place]:
    """Return the kinks among the places, and else the one that differs most."""
    kinks = function_of(found["function"]).kinks
    near = [place for place in places if abs(place[0]) <= ORDINARY]
    zeros = [place for place in near if place[0] == 0]
    if len(zeros) == 2 and repr(zeros[0][1:]) == repr(zeros[1][1:]):
        near.remove(zeros[0])  # −0 behaves as 0 does
    at_kinks = [place for place in near if place[0] in kinks]
    if at_kinks:
        return at_kinks[-2:]
    return sorted(near, key=lambda p: -_distance(p))[:1]


def _distance(place: Place) -> float:
    distance = abs(place[1] - place[2])
    return math.inf if math.isnan(distance) else distance


def _far(places: list[Place]) -> list[Place]:
    """Return the nearest far place on each side."""
    far = [p for p in places if ORDINARY < abs(p[0]) < math.inf]
    left = [p for p in far if p[0] < 0][-1:]
    return left + [p for p in far if p[0] > 0][:1]


def _endless(places: list[Place]) -> list[Place]:
    return [p for p in places if not math.isfinite(p[0])]


def _seconds_raised(mine: Any, theirs: Any) -> Iterator[str]:
    if raised(mine) and not raised(theirs) and mine["error"] != "NotImplementedError":
        yield f"cannot be differentiated twice ({mine['error']}); PyTorch's can"
    if raised(theirs) and isinstance(mine, list):
        yield "can be differentiated twice; PyTorch's cannot"


def _integers(found: Cell, other: Cell) -> Iterator[str]:
    mine, theirs = found.get("integer"), other.get("integer")
    if mine is None or theirs is None:
        return
    if raised(mine):
        if mine["error"] != "NotImplementedError" and not raised(theirs):
            yield f"refuses whole numbers ({mine['error']}); PyTorch takes them"
        elif not raised(theirs) and mine["says"] != _GRAPH:
            yield "refuses whole numbers; PyTorch takes them"
    elif raised(theirs):
        yield f"takes whole numbers and returns {mine['type']}; PyTorch refuses them"
    elif mine["type"].startswith("int") != theirs["type"].startswith("int"):
        yield f"whole numbers become {mine['type']}, in PyTorch {theirs['type']}"


_GRAPH = "the graph was made for float32"


def _types(found: Cell, other: Cell) -> Iterator[str]:
    """Compare what happens in each type: what comes out, how far off, where it ends."""
    for dtype in protocol.DTYPES:
        came = found.get("types", {}).get(dtype)
        if raised(came) and came["says"] != "not asked":
            yield f"no {dtype} ({came['error']})"
        elif isinstance(came, str) and came not in (dtype, *_SAME.get(dtype, ())):
            yield f"{dtype} in, {came} out"
        mine, theirs = (c.get("errors", {}).get(dtype) for c in (found, other))
        if mine and theirs:
            yield from _precision(dtype, mine, theirs)


_SAME = {"float32": ("float",), "float16": ("half",), "bfloat16": ("__bf16",)}
"""What tinygrad calls the types."""


def _precision(dtype: str, mine: Cell, theirs: Cell) -> Iterator[str]:
    if mine["breaks"] != theirs["breaks"]:
        first, second = (
            f"nan or ∞ from |x| = {number(e['breaks'])} on" if e["breaks"] else "none"
            for e in (mine, theirs)
        )
        ends = (mine["breaks"], theirs["breaks"])
        if None in ends or max(ends) > 1.5 * min(ends):
            yield f"{dtype}: {first}; PyTorch {second}"
    if mine["off"] > 4 * max(theirs["off"], 0.5):
        place = "" if mine["at"] is None else f" at x = {number(mine['at'])}"
        yield (
            f"{dtype}: up to {mine['off']:.3g} ε from its formula{place}; "
            f"PyTorch {theirs['off']:.2g} ε"
        )


def _rows(found: Cell, other: Cell) -> Iterator[str]:
    """Compare what becomes of whole rows, and the slopes there."""
    for what, words in (("rows", "{}"), ("slopes", "slope of {}")):
        mine, theirs = found.get(what, {}), other.get(what, {})
        for name in protocol.ROWS:
            if name in mine and name in theirs:
                a, b = mine[name], theirs[name]
                if raised(a) or raised(b):
                    continue
                if len(a) != len(b) or any(_differs(p, q, 0) for p, q in zip(a, b)):
                    yield (
                        f"{words.format(name)} ({_list(protocol.ROWS[name])}) gives "
                        f"{_list(a)}, PyTorch {_list(b)}"
                    )


def _list(values: Iterable[float]) -> str:
    return ", ".join(map(number, values))


def _axes(found: Cell, other: Cell) -> Iterator[str]:
    mine, theirs = found.get("axis"), other.get("axis")
    if not mine or not theirs:
        return
    for shape, axes in mine.items():
        if not raised(axes) and not raised(theirs[shape]) and axes != theirs[shape]:
            yield (
                f"with no axis named, {shape} numbers add up to 1 along axis "
                f"{axes[0] if axes else 'none'}, in PyTorch along "
                f"{theirs[shape][0] if theirs[shape] else 'none'}"
            )
