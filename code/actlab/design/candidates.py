"""A function of your own: what can be said of it before anything is trained.

A definition (a formula as text, a Python function, an ``nn.Module``) becomes a
:class:`Candidate`, which has a property sheet and neighbours in the catalogue.

Chapter: 15.
"""

from __future__ import annotations

import copy
import inspect
import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from .. import catalogue, formulas
from ..formulas.tensors import tensor_function
from ..networks import make_activation
from ..properties import PropertySheet, property_sheet

__all__ = [
    "Candidate",
    "candidate",
    "neighbours",
    "rivals",
]

SAME = 0.001  # a share below which two functions have one shape


class Formula(nn.Module):
    """A formula in x as a module; value and slope are those of the property sheet."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.function = tensor_function(formulas.parse(text))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)

    def extra_repr(self) -> str:
        return self.text

    def __deepcopy__(self, memo: dict) -> Formula:
        return Formula(self.text)


@dataclass(frozen=True)
class Candidate:
    """A function with a name, and what it is made from.

    ``definition`` is what was typed: a formula, a catalogue key, or source text.
    ``make()`` builds a new module.  ``formula`` is None where only code is known.
    """

    name: str
    definition: str
    formula: str | None
    make: Callable[[], nn.Module] = field(repr=False, compare=False)

    def sheet(self) -> PropertySheet:
        """Return the property sheet, from the formula where there is one."""
        return property_sheet(self.formula or self.make().eval())

    def values(self, points: Sequence[float] | np.ndarray) -> np.ndarray:
        """Return the module's values at ``points``, in float64."""
        module = self.make().eval().double()
        x = torch.tensor(np.asarray(points, dtype=float))
        with torch.no_grad():
            return module(x).numpy()


def candidate(
    definition: str | nn.Module | Callable[..., Any],
    *,
    name: str | None = None,
    formula: str | None = None,
) -> Candidate:
    """Return what ``definition`` defines.

    Parameters
    ----------
    definition : a formula in x (``"x*tanh(exp(x))"``), a key of the catalogue, a
        function from tensor to tensor, an ``nn.Module``, or a class of such that is
        built without arguments.
    name : what tables call it; by default the key, the formula or the code's own name.
    formula : for code, the formula that it is meant to be; `health` then
        holds one against the other.

    Raises ``FormulaError`` for a text that is neither formula nor key, ``ValueError``
    for a function that maps vectors to vectors, ``TypeError`` for what cannot be
    called.  Chapter 15.
    """
    if isinstance(definition, str):
        if formula is not None:
            raise TypeError("a formula given as text needs no second formula")
        return _from_text(definition, name)
    make_activation(definition)  # raises for what cannot be called
    if formula is not None:
        formulas.parse(formula)
    own = getattr(definition, "__name__", type(definition).__name__)

    def make() -> nn.Module:
        return copy.deepcopy(make_activation(definition))

    return Candidate(name or own, _source(definition), formula, make)


def _from_text(text: str, name: str | None) -> Candidate:
    row = catalogue.read(text)
    if not isinstance(row, catalogue.Activation):
        module = Formula(text)
        return Candidate(name or text, text, text, lambda: copy.deepcopy(module))
    if row.kind == "vector":
        raise ValueError(
            f"{row.name} maps vectors to vectors; a candidate works on numbers alone"
        )
    return Candidate(name or row.name, row.key, row.key, row.make)


def _source(definition: nn.Module | Callable[..., Any]) -> str:
    """Return the code that was typed, or what the object says of itself."""
    code = type(definition) if isinstance(definition, nn.Module) else definition
    said = repr(definition) if isinstance(definition, nn.Module) else ""
    try:
        text = textwrap.dedent(inspect.getsource(code)).strip()
    except (OSError, TypeError):
        return said or getattr(code, "__qualname__", type(code).__name__)
    return f"{said}\n{text}".strip()


def neighbours(candidate: Candidate, n: int | None = 5) -> pd.DataFrame:
    """Return the functions of the catalogue that are nearest to a candidate.

    Columns: key; shape, the share of the candidate's size √E f(Z)² that is left when
    the best multiple of the neighbour is taken away (0: the same up to a factor, 1:
    nothing in common); gain, the neighbour's forward gain over the candidate's; gap,
    the largest |f − g| on [−5, 5].  Sorted by shape, ``n`` rows (None: all).
    Chapter 15.
    """
    z, weight = _gaussian()
    f, inside = candidate.values(z), np.abs(z) <= 5
    size = weight @ f**2
    if not (np.isfinite(f).all() and size > 0):
        raise ValueError(f"{candidate.name} has no finite size under the normal law")
    rows = []
    for key, g in _catalogue_values().items():
        square, product = weight @ g**2, weight @ (f * g)
        # A negative multiple is no relation: the next layer sees another sign.
        common = max(product, 0.0) ** 2 / (square * size)
        rows.append(
            {
                "key": key,
                "shape": math.sqrt(max(0.0, 1 - common)),
                "gain": math.sqrt(size / square),
                "gap": np.abs(f - g)[inside].max(),
            }
        )
    table = pd.DataFrame(rows).sort_values(["shape", "gap"], ignore_index=True)
    return table if n is None else table.head(n)


def rivals(candidate: Candidate, n: int = 2) -> tuple[str, ...]:
    """Return ReLU and the ``n`` nearest other shapes, as keys of the catalogue.

    The candidate itself, and what differs from it by a factor only, is passed over.
    """
    table = neighbours(candidate, None)
    other = table[(table["shape"] > SAME) & (table["key"] != "relu")]
    return ("relu", *other["key"].head(n))


def _gaussian() -> tuple[np.ndarray, np.ndarray]:
    z = np.linspace(-8, 8, 3201)
    weight = np.exp(-(z**2) / 2)
    return z, weight / weight.sum()


@lru_cache(maxsize=1)
def _catalogue_values() -> dict[str, np.ndarray]:
    """Return the values of each element-wise row that are finite and not all 0."""
    z, _ = _gaussian()
    values = {
        key: row.numpy()(z)
        for key, row in catalogue.CATALOGUE.items()
        if row.expr is not None
    }
    return {k: g for k, g in values.items() if np.isfinite(g).all() and g.any()}
