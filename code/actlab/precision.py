"""Where an activation leaves the numbers of float16, bfloat16 and float32.

A half-precision type has 65,536 bit patterns: all finite ones are tried. Of float32's
four billion every 65,521st is, which covers each power of two alike. The truth is the
catalogue's formula in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from . import catalogue

__all__ = ["DTYPES", "EIGHT_BIT_INPUTS", "eight_bits", "numbers", "scan", "table"]

DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
}
STRIDE = 65_521  # prime, so that no bit of the pattern repeats with it

Function = Callable[[np.ndarray], np.ndarray]


def numbers(dtype: torch.dtype) -> Tensor:
    """Return finite numbers of a type in ascending order: all of a 16-bit type's.

    Raises ``ValueError`` for types other than those of ``DTYPES``.  Chapter 13.
    """
    if dtype in (torch.float16, torch.bfloat16):
        bits = torch.arange(2**16, dtype=torch.int32).to(torch.int16)
    elif dtype == torch.float32:
        bits = torch.arange(0, 2**32, STRIDE).to(torch.int32)
    else:
        raise ValueError(f"dtype is {dtype}; give one of {list(DTYPES)}")
    x = bits.view(dtype)
    return x[torch.isfinite(x)].sort().values


def scan(
    function: Callable[[Tensor], Tensor],
    value: Function,
    slope: Function,
    dtype: torch.dtype,
) -> dict[str, float]:
    """Compare a function and its gradient with the truth at the numbers of a type.

    Parameters
    ----------
    function : element by element, from tensor to tensor.
    value, slope : the truth: f and f′ on float64 arrays.
    dtype : one of ``DTYPES``' values.

    Returns, for ``value`` and for ``gradient`` each: ``…_nan``, how many numbers give
    nan, and ``…_nan_from``, the smallest |x| among them; ``…_overflow``, the smallest
    |x| that gives ±inf although the truth is a number of this type; ``…_lost_left`` and
    ``…_lost_right``, the negative and the positive x nearest to 0 that give exactly 0
    although the truth is at least the type's smallest normal number (and does not
    change its sign there, since next to a root 0 is as good as any number); and
    ``…_error``, the largest relative error where the truth is a normal number, in units
    of the type's epsilon.  Values that come back in a wider type are judged as such.
    Raises ``TypeError`` or ``ValueError`` for a function that does not return such
    numbers with a gradient, or not the same ones twice.  A place that does not exist is
    nan.  Chapter 13.
    """
    x = numbers(dtype).requires_grad_()
    output = _output(function, x)
    (gradient,) = torch.autograd.grad(output, x, torch.ones_like(output))
    at = x.detach().double().numpy()
    with np.errstate(all="ignore"):
        truths = value(at), slope(at)
    result: dict[str, float] = {}
    limits = torch.finfo(dtype)
    for name, tensor, truth in zip(("value", "gradient"), (output, gradient), truths):
        found = tensor.detach().double().numpy()
        result |= {
            f"{name}_{what}": number
            for what, number in _judge(at, found, truth, limits).items()
        }
    return result


def _output(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """What the function returns for a copy of x, once it is known to be judgeable."""
    output = function(x.clone())  # a leaf cannot be changed in place
    if not isinstance(output, Tensor):
        raise TypeError(f"the function returned a {type(output).__name__}, no tensor")
    if output.shape != x.shape:
        raise ValueError(
            f"the function turned shape {tuple(x.shape)} into {tuple(output.shape)}; a "
            "scan needs one that works on each number alone"
        )
    if not output.is_floating_point():
        raise TypeError(
            f"the function returned {output.dtype}; a scan needs real floats"
        )
    if not output.requires_grad:
        raise ValueError(
            "no gradient comes back from the function: numbers taken out with detach() "
            "or made by NumPy leave the graph"
        )
    with torch.no_grad():
        again = function(x.detach().clone())
        # without the positive numbers, and in another order
        lower = function(x.detach()[: len(x) // 2].flip(0))
    if not torch.equal(again.nan_to_num(0.0), output.detach().nan_to_num(0.0)):
        raise ValueError(
            "the function is random or keeps something from call to call: two calls on "
            "the same numbers differ; for a module call .eval() first"
        )
    tiny = torch.finfo(output.dtype).tiny  # below it an ulp is a large share
    whole = again[: len(lower)].flip(0)
    close = torch.isclose(lower, whole, 1e-2, tiny, equal_nan=True)
    if not close.all():
        raise ValueError(
            "a number's value depends on the other numbers of the tensor; a scan needs "
            "a function that works on each number alone"
        )
    return output


def _judge(
    at: np.ndarray, found: np.ndarray, truth: np.ndarray, limits: torch.finfo
) -> dict[str, float]:
    normal = (np.abs(truth) >= limits.tiny) & (np.abs(truth) <= limits.max)
    early = np.isinf(found) & (np.abs(truth) <= limits.max)
    lost = (found == 0) & normal & ~_beside_a_root(truth)
    good = normal & np.isfinite(found) & ~lost
    with np.errstate(all="ignore"):
        error = np.abs(found[good] / truth[good] - 1)
    broken = np.isnan(found) & np.isfinite(truth)
    return {
        "nan": int(broken.sum()),
        "nan_from": _nearest(np.abs(at[broken])),
        "overflow": _nearest(np.abs(at[early])),
        "lost_left": -_nearest(-at[lost & (at < 0)]),
        "lost_right": _nearest(at[lost & (at > 0)]),
        "error": float(error.max() / limits.eps) if error.size else np.nan,
    }


def _beside_a_root(truth: np.ndarray) -> np.ndarray:
    """Say of each number whether the truth changes its sign next to it."""
    change = truth[1:] * truth[:-1] < 0
    return np.append(change, False) | np.append(False, change)


def _nearest(places: np.ndarray) -> float:
    return float(places.min()) if places.size else np.nan


def table(
    keys: Iterable[str] | None = None, dtypes: Iterable[str] = tuple(DTYPES)
) -> pd.DataFrame:
    """Return :func:`scan` of scalar rows of the catalogue: one row per key and type.

    Parameters
    ----------
    keys : of scalar rows; None for all of them.
    dtypes : names in ``DTYPES``.

    Raises ``ValueError`` for another type and for a row that is not scalar.
    Chapter 13.
    """
    rows = [catalogue.get(key) for key in keys or catalogue.CATALOGUE]
    if keys is None:
        rows = [row for row in rows if row.kind == "scalar"]
    lines = []
    for row in rows:
        if row.kind != "scalar":
            raise ValueError(f"{row.key!r} maps vectors to vectors; scan scalar rows")
        for name in dtypes:
            if name not in DTYPES:
                raise ValueError(f"unknown dtype {name!r}; choose from {list(DTYPES)}")
            found = scan(row, row.numpy(), row.numpy_derivative(), DTYPES[name])
            lines.append({"key": row.key, "dtype": name} | found)
    return pd.DataFrame(lines)


# --- eight bits -------------------------------------------------------------------

REACH = 8.0  # inputs are looked at from −8 to 8


def _float8() -> np.ndarray:
    """Return float8 (e4m3fn)'s numbers within reach, −0 left out, in order."""
    every = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).double()
    return np.unique(every[every.abs() <= REACH].numpy())


EIGHT_BIT_INPUTS = len(_float8())


def eight_bits(keys: Iterable[str]) -> pd.DataFrame:
    """Return what int8 and float8 leave of scalar functions with their defaults.

    One row per function: ``key``, ``name``; ``int8_values`` and ``int8_below``, how
    many different and how many negative outputs its table of 256 entries has, and
    ``int8_error``, the largest difference from the truth; ``float8_values`` and
    ``float8_below``, the same for the e4m3fn inputs within ±8; ``float8_lost``, at how
    many of these a slope that is not 0 rounds to 0.

    An int8 input k is 8k/127. Its outputs have the scale m/127, m the largest |f|,
    with no offset, and are rounded to the nearest step.  Chapter 13.
    """
    rows = []
    for key in keys:
        row = catalogue.get(key)
        value, slope = row.numpy(), row.numpy_derivative()
        steps = REACH / 127 * np.arange(-128, 128)
        truth = value(steps)
        scale = np.abs(truth).max() / 127
        whole = np.round(truth / scale)
        x = _float8()
        short, lost = _to_float8(value(x)), slope(x)
        rows.append(
            {
                "key": row.key,
                "name": row.name,
                "int8_values": len(np.unique(whole)),
                "int8_below": len(np.unique(whole[whole < 0])),
                "int8_error": float(np.abs(whole * scale - truth).max()),
                "float8_values": len(np.unique(short)),
                "float8_below": len(np.unique(short[short < 0])),
                "float8_lost": int(((lost != 0) & (_to_float8(lost) == 0)).sum()),
            }
        )
    return pd.DataFrame(rows)


def _to_float8(x: np.ndarray) -> np.ndarray:
    return torch.from_numpy(x).float().to(torch.float8_e4m3fn).double().numpy()
