"""A search for activations, small enough to watch how it fools itself.

Formulas are put together from parts, a small network is trained with each, and the
best score wins.  The parts and the way they are joined follow Ramachandran et al.
2017, arXiv:1710.05941; the network, the data and the budget are those of a laptop.

Chapter: 15.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import pandas as pd

from .. import formulas
from ..datasets import Dataset
from ..formulas import FormulaError
from ..networks import MLP
from .candidates import candidate
from .trials import final_accuracy

__all__ = [
    "BINARY",
    "UNARY",
    "draw_formulas",
    "expected_maximum",
    "score",
    "search",
    "space_size",
    "write",
]

UNARY = (
    "x",
    "-x",
    "abs(x)",
    "x**2",
    "sin(x)",
    "exp(-x**2)",
    "tanh(x)",
    "sigmoid(x)",
    "softplus(x)",
    "max(x, 0)",
    "min(x, 0)",
    "atan(x)",
    "erf(x)",
)
BINARY = ("{a} + {b}", "{a} - {b}", "{a} * {b}", "max({a}, {b})", "min({a}, {b})")


def write(binary: str, first: str, second: str) -> str:
    """Return the formula text of one composition, with the brackets that it needs."""
    infix = not binary.startswith(("max", "min"))

    def bracket(part: str) -> str:
        return f"({part})" if infix and part.startswith("-") else part

    return binary.format(a=bracket(first), b=bracket(second))


def space_size() -> int:
    """Return how many formulas can be written; some of them are the same function."""
    return len(BINARY) * len(UNARY) ** 2


def draw_formulas(n: int, seed: int = 0) -> list[str]:
    """Draw ``n`` formulas that are different functions, none of them constant.

    Raises ``ValueError`` for more than a third of the space.  Chapter 15.
    """
    if not 1 <= n <= space_size() // 3:
        raise ValueError(f"n is {n}; give 1 to {space_size() // 3} formulas")
    draw = random.Random(seed)
    found: dict[tuple[float, ...], str] = {}
    grid = np.linspace(-6, 6, 49)
    while len(found) < n:
        text = write(draw.choice(BINARY), draw.choice(UNARY), draw.choice(UNARY))
        try:
            values = formulas.numpy_function(formulas.parse(text))(grid)
        except FormulaError:  # such as x − x, which has no x left
            continue
        if np.isfinite(values).all() and np.ptp(values) > 1e-9:
            found.setdefault(tuple(np.round(values, 6)), text)
    return list(found.values())


def score(
    formula: str,
    data: Dataset,
    seeds: Iterable[int],
    *,
    hidden: tuple[int, ...] = (16, 16),
    epochs: int = 6,
    lr: float = 0.01,
) -> list[float]:
    """Train one small network per seed; return their test accuracies in %.

    Parameters
    ----------
    formula : a formula or a key of the catalogue.
    data : whose test set scores; in a search, held-out training examples.
    seeds : of weights and order.
    hidden, epochs, lr : of the network and of Adam with a cosine to 0, batch 64.

    A run that breaks down scores as guessing does.  Chapter 15.
    """
    activation = candidate(formula).make()
    found = []
    for seed in seeds:
        network = MLP((data.inputs, *hidden, data.outputs), activation, seed=seed)
        accuracy, _ = final_accuracy(
            network,
            data,
            epochs=epochs,
            lr=lr,
            optimiser="adam",
            batch_size=64,
            seed=seed,
        )
        found.append(accuracy)
    return found


def search(texts: Iterable[str], data: Dataset, seed: int = 0) -> pd.DataFrame:
    """Score each formula once, all with one seed; the best first.

    Columns: formula, score (in %).  Chapter 15.
    """
    rows = [(text, score(text, data, [seed])[0]) for text in texts]
    table = pd.DataFrame(rows, columns=["formula", "score"])
    return table.sort_values("score", ascending=False, ignore_index=True, kind="stable")


def expected_maximum(n: int, points: int = 20_001) -> float:
    """Return the mean of the largest of ``n`` independent standard normal numbers.

    The integral of z over the density n φ(z) Φ(z)^(n−1).  Chapter 15.
    """
    if n < 1:
        raise ValueError(f"n is {n}; give a positive whole number")
    from scipy import stats

    z = np.linspace(-10, 10, points)
    density = n * stats.norm.pdf(z) * stats.norm.cdf(z) ** (n - 1)
    return float(np.trapezoid(z * density, z))
