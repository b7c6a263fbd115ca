"""The questions that every library is asked, in the same words.

An adapter, one per library, says how a function is called there and how a slope is
taken; :func:`ask` does the rest. Numbers go in and come out as float32 arrays of NumPy,
which hold every float16 and bfloat16 exactly.

Chapter: none; the page *Elsewhere*.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "DTYPES",
    "EIGHT_BITS",
    "Entry",
    "Graphs",
    "Library",
    "POINTS",
    "ROWS",
    "Raised",
    "TO_EIGHT_BITS",
    "answer",
    "ask",
    "defaults",
    "eight_bits",
    "grid",
    "in_type",
    "named",
    "operation",
    "rows_to_compare",
]

DTYPES = ("float32", "float16", "bfloat16")
LARGEST = 3.3895313892515355e38  # bfloat16's largest number, which float32 has too
POINTS = (
    -np.inf, -LARGEST, -1e4, -100.0, -30.0, -6.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0,
    2.0, 3.0, 6.0, 30.0, 100.0, 1e4, LARGEST, np.inf, np.nan,
)  # fmt: skip
"""Where value and slope are taken: the kinks, both zeros, large and no numbers."""

ROWS: dict[str, tuple[float, ...]] = {
    "ordinary": (1.0, 2.0, 3.0, 4.0),
    "tie": (1.0, 1.0, 0.0, 0.0),
    "large": (1e4, 0.0, -1e4, 0.0),
    "one masked": (0.0, -np.inf, 1.0, 2.0),
    "all masked": (-np.inf,) * 4,
    "an inf": (np.inf, 0.0, 1.0, 2.0),
    "a nan": (np.nan, 0.0, 1.0, 2.0),
}
"""What a function of a whole row is given."""

SHAPES = ((4,), (3, 4), (2, 3, 4), (2, 3, 4, 5))
INTEGERS = (-2, -1, 0, 1, 2, 3)
EIGHT_BITS = ("float8_e4m3fn", "float8_e5m2")
TO_EIGHT_BITS = (0.001, 0.3, 447.0, 464.0, 500.0, 6e4, 1e5, -500.0, np.inf, np.nan)
"""What is cast to types of eight bits, whose largest numbers are 448 and 57,344."""

STRIDE = 65_521  # prime, so that no bit of float32's patterns repeats with it

Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Entry:
    """How a library spells a function.

    Attributes
    ----------
    call : what a user writes.
    make : returns the function for inputs of a type, from the library's arrays to them.
    signature : what `inspect.signature` is asked about; None where that says nothing.
    vector : whether the function takes a whole row.
    axis : whether it may be called without naming an axis.
    start : returns what a learnt parameter starts as, by the shape of the input.
    """

    call: str
    make: Callable[[str], Function]
    signature: Any = None
    vector: bool = False
    axis: bool = True
    start: Callable[[tuple[int, ...]], np.ndarray] | None = None


class Library:
    """What an adapter provides; each method may raise whatever its library raises."""

    exports = False
    """Whether a graph is made, so that every shape and type is a graph of its own."""

    def entries(self) -> Mapping[str, Entry]:
        """Return the library's functions by the course's names."""
        raise NotImplementedError

    def value(self, f: Function, x: np.ndarray, dtype: str) -> tuple[np.ndarray, str]:
        """Return f(x) as float32, and the name of the type that came out."""
        raise NotImplementedError

    def slope(self, f: Function, x: np.ndarray, dtype: str, weights: Any) -> np.ndarray:
        """Return the gradient of Σ weights·f(x), as float32."""
        raise NotImplementedError("no slopes are computed")

    def second(self, f: Function, x: np.ndarray) -> np.ndarray:
        """Return the gradient of the sum of :meth:`slope`, in float32."""
        raise NotImplementedError("no slopes are computed")

    def integer(self, f: Function) -> tuple[np.ndarray, str]:
        """Return f of `INTEGERS`, and the name of the type that came out."""
        raise NotImplementedError

    def graph(self, f: Function) -> list[str] | None:
        """Return the operations that the exported graph consists of."""
        return None

    def facts(self) -> dict[str, Any]:
        """Return what else is measured of this library."""
        return {}


class Graphs(Library):
    """An exporter with its runtime: values alone, of the types that graphs are made of.

    A function of such a library is a graph; it knows its operations as ``names``.
    """

    exports = True

    def value(self, f: Function, x: np.ndarray, dtype: str) -> tuple[np.ndarray, str]:
        """Return what the runtime gives, and the type in which it was asked."""
        if dtype == "bfloat16":  # a type of accelerators, and a third of the time
            raise NotImplementedError("not asked")
        return np.asarray(f(x), dtype=np.float32), dtype

    def integer(self, f: Function) -> tuple[np.ndarray, str]:
        """Raise: the graph was made for numbers of one type."""
        raise NotImplementedError("the graph was made for float32")

    def graph(self, f: Function) -> list[str] | None:
        """Return the operations of the graph that was made first."""
        return f.names  # type: ignore[attr-defined]


def operation(call: str, f: Function, **more: Any) -> Entry:
    """Return the entry of a function that is the same for every type."""
    return Entry(call, lambda dtype: f, **more)


def named(home: Any, shown: str, name: str, vector: bool = False, **more: Any) -> Entry:
    """Return the entry of a module's function, with the defaults of its signature."""
    f = getattr(home, name)
    return Entry(f"{shown}{name}(x)", lambda dtype: f, f, vector, **more)


def eight_bits(cast: Callable[[np.ndarray, str], Any]) -> dict[str, Any]:
    """Return what casts of `TO_EIGHT_BITS` to types of eight bits give.

    `cast` takes a float32 array and one of `EIGHT_BITS`; it returns float32.
    """
    x = np.array(TO_EIGHT_BITS, dtype=np.float32)
    return {name: answer(lambda n=name: _numbers(cast(x, n))) for name in EIGHT_BITS}


def grid(dtype: str, largest: float = np.inf) -> np.ndarray:
    """Return finite numbers of a type as float32: all of a 16-bit type, in order.

    Parameters
    ----------
    dtype : one of `DTYPES`.
    largest : leave out what is larger in size.
    """
    bits = np.arange(2**16, dtype=np.uint32)
    if dtype == "float16":
        x = bits.astype(np.uint16).view(np.float16).astype(np.float32)
    elif dtype == "bfloat16":
        x = (bits << 16).view(np.float32)
    else:
        x = np.arange(0, 2**32, STRIDE, dtype=np.uint32).view(np.float32)
    x = np.sort(x[np.isfinite(x)])
    return x[np.abs(x) <= largest]


def rows_to_compare() -> np.ndarray:
    """Return 256 rows of 8 numbers, the same on every machine."""
    return (np.random.default_rng(0).standard_normal((256, 8)) * 3).astype(np.float16)


def ask(library: Library, entry: Entry) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Ask a library everything about one of its functions.

    Returns answers that JSON holds, and values on the grids by the type's name.
    """
    questions = _ask_rows if entry.vector else _ask_points
    answers: dict[str, Any] = {
        "call": entry.call,
        "defaults": defaults(entry.signature),
        "vector": entry.vector,
    }
    found, arrays = questions(library, entry)
    answers |= found
    if entry.start is not None:
        answers["start"] = {
            "×".join(map(str, shape)): answer(lambda s=shape: _start(entry, s))
            for shape in ((3, 4), (2, 3, 4, 5))
        }
    return answers, arrays


def _ask_points(
    library: Library, entry: Entry
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    x = np.array(POINTS, dtype=np.float32)
    f = answer(lambda: entry.make("float32"))
    if isinstance(f, Raised):
        return {"values": f}, {}
    answers = {
        "values": answer(lambda: _numbers(library.value(f, x, "float32")[0])),
        "slopes": answer(lambda: _numbers(library.slope(f, x, "float32", 1.0))),
        "seconds": answer(lambda: _numbers(library.second(f, x))),
        "integer": answer(lambda: _typed(*library.integer(f))),
        "graph": answer(lambda: library.graph(f)),
    }
    arrays, types = {}, {}
    for dtype in DTYPES:
        values = answer(
            lambda d=dtype: library.value(
                f if d == "float32" else entry.make(d), grid(d), d
            )
        )
        if isinstance(values, Raised):
            types[dtype] = values
        else:
            arrays[dtype], types[dtype] = values
    return answers | {"types": types}, arrays


def _ask_rows(
    library: Library, entry: Entry
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    f = answer(lambda: entry.make("float32"))
    if isinstance(f, Raised):
        return {"rows": f}, {}
    weights = np.array([1.0, 2.0, 3.0, 4.0], dtype=np.float32)
    values, slopes = {}, {}
    for name, row in ROWS.items():
        x = np.array([row], dtype=np.float32)
        values[name] = answer(lambda x=x: _numbers(library.value(f, x, "float32")[0]))
        if isinstance(values[name], list):
            w = weights[: len(values[name])]
            slopes[name] = answer(
                lambda x=x, w=w: _numbers(library.slope(f, x, "float32", w))
            )
    answers: dict[str, Any] = {
        "rows": values,
        "slopes": slopes,
        "graph": answer(lambda: library.graph(f)),
    }
    if not library.exports:
        answers["integer"] = answer(lambda: _typed(*library.integer(f)))
    if entry.axis and not library.exports:
        answers["axis"] = {
            "×".join(map(str, s)): answer(lambda s=s: _axis(library, f, s))
            for s in SHAPES
        }
    arrays, types = {}, {}
    x = rows_to_compare().astype(np.float32)
    for dtype in DTYPES:
        found = answer(lambda d=dtype: library.value(entry.make(d), in_type(x, d), d))
        if isinstance(found, Raised):
            types[dtype] = found
        else:
            arrays[dtype], types[dtype] = found
    return answers | {"types": types}, arrays


def in_type(x: np.ndarray, dtype: str) -> np.ndarray:
    """Return x rounded to a type, by cutting where NumPy does not have it."""
    if dtype == "bfloat16":
        return (x.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    return x.astype(dtype).astype(np.float32)


def _axis(library: Library, f: Function, shape: tuple[int, ...]) -> list[int] | str:
    """Return along which axes the result, or its exponential, adds up to 1."""
    size = int(np.prod(shape))
    x = np.sin(np.arange(size, dtype=np.float32)).reshape(shape)
    y = library.value(f, x, "float32")[0]
    y = np.exp(y) if (y <= 0).all() else y
    return [
        axis for axis in range(len(shape)) if np.allclose(y.sum(axis), 1, atol=1e-4)
    ]


def _start(entry: Entry, shape: tuple[int, ...]) -> dict[str, Any]:
    assert entry.start is not None
    start = np.asarray(entry.start(shape), dtype=np.float32)
    return {"shape": list(start.shape), "values": sorted(set(start.ravel().tolist()))}


def _numbers(x: np.ndarray) -> list[float]:
    return [float(number) for number in np.asarray(x, dtype=np.float32).ravel()]


def _typed(x: np.ndarray, dtype: str) -> dict[str, Any]:
    return {"type": dtype, "values": [float(v) for v in np.asarray(x).ravel()]}


class Raised(dict):
    """The answer of a library that raised: ``error``, its type, and what it says."""


def answer(question: Callable[[], Any]) -> Any:
    """Return what a question gives, or ``{"error": …}`` with what it raised."""
    try:
        return question()
    except Exception as error:  # whatever a library raises is its answer
        words = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()  # colours
        lines = [line.strip() for line in words.splitlines() if line.strip()]
        first = re.sub(r"0x[0-9a-f]+", "0x…", lines[0] if lines else "")
        return Raised(error=type(error).__name__, says=first[:120])


def defaults(signature: Any) -> str:
    """Return the parameters that have a default, as a user would write them."""
    if signature is None:
        return ""
    try:
        parameters = inspect.signature(signature).parameters.values()
    except (TypeError, ValueError):
        return ""
    shown = [
        f"{p.name}={p.default!r}"
        for p in parameters
        if p.default is not p.empty and p.name not in _PLUMBING
    ]
    return ", ".join(shown)


_PLUMBING = {
    "inplace", "device", "dtype", "name", "parent", "_stacklevel", "kwargs", "where",
    "param_dtype", "alpha_regularizer", "alpha_constraint", "use_gelu_python",
    "use_gelu_tanh_python", "min_value", "max_value", "promote_dtype",
    "negative_slope_metadata",
}  # fmt: skip
