"""Chapter 09: what slows He's thirty ReLU layers down, and Adam's ε, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import torch.nn.functional as F
from torch import nn

from actlab import datasets, probes, studies
from actlab.deep import DeepMLP
from actlab.statistics import interval
from actlab.studies.rates import rate

from .brake import GUESS, chosen
from .fresh import accuracies
from .more_seeds import FRESH

__all__ = ["at_birth", "brakes", "differences", "epsilons", "slow", "told"]

# Row to function, start and variant of the study `brake`.
BRAKES = {
    "He": ("relu", "he", ""),
    "He, clipped": ("relu", "he", "clip"),
    "|x|": ("abs", "matched", ""),
    "|x|, clipped": ("abs", "matched", "clip"),
}
LEAKS = {"leak 0": 0.0, "leak 0.5": 0.5, "leak 0.8": 0.8}


def told(values: pd.Series) -> str:
    """Return the mean of some accuracies and a 95 % interval for it."""
    found = interval(values)
    return f"{found.mean:.1f} ± {found.half_width:.1f}"


def brakes() -> dict[str, tuple[float, pd.Series, pd.Series]]:
    """Return the rows of the study ``brake``.

    Row to the step that five tuning seeds chose, the test accuracies of ten fresh seeds
    there (per cent, by seed; a breakdown counts as a guess), and those at the better of
    its two neighbours on the grid.  Chapter 09.
    """
    last = studies.final("brake").fillna({"test_accuracy": GUESS, "variant": ""})
    cells = last[last["regime"].eq("fresh")].groupby(["activation", "variant", "lr"])
    seeds = {key: rows.set_index("seed")["test_accuracy"] for key, rows in cells}
    found = {}
    for name, (function, _, variant) in BRAKES.items():
        best = chosen(last, function, variant)
        at, *near = (
            seeds[function, variant, rate(best + shift)] for shift in (0, -1, 1)
        )
        found[name] = (rate(best), at, max(near, key=lambda values: values.mean()))
    return found


def at_birth(function: Any, start: str) -> pd.DataFrame:
    """Measure the networks of the ten fresh seeds before any training.

    Parameters
    ----------
    function : a name of the catalogue or a module. start : the initialisation's name.

    Returns a row per seed: ``alike``, the mean cosine between the pre-activations of
    two images in layer 30, and ``length``, that of the whole gradient; 128 images of
    the digits, float64.  Chapter 09.
    """
    data = datasets.digits()
    x, y = data.x_train[:128].double(), data.y_train[:128]
    rows = []
    for seed in FRESH:
        net = DeepMLP((64, *[64] * 30, 10), function, start, seed=seed).double()
        alike = probes.snapshot(net, x, y)["input_correlation"].iloc[-1]
        F.cross_entropy(net(x), y).backward()
        squares = sum(
            float((p.grad**2).sum()) for p in net.parameters() if p.grad is not None
        )
        rows.append({"alike": alike, "length": squares**0.5})
    return pd.DataFrame(rows, index=pd.Index(FRESH, name="seed"))


def slow() -> None:
    """Print what the controls of He's start reach, and how their networks are born."""
    print("thirty layers, SGD             step another step  alike  length")
    for name, (step, best, near) in brakes().items():
        function, start, variant = BRAKES[name]
        birth = "" if variant else _born(at_birth(function, start))
        print(_row(name, told(best), step, told(near), birth))
    print(_row("He, 60 epochs", told(accuracies("longer", init="he")), 0.01))
    for name, slope in LEAKS.items():
        step = 0.03 if slope == 0.5 else 0.01
        second = told(accuracies(name, lr=0.01)) if slope == 0.5 else ""
        birth = _born(at_birth(nn.LeakyReLU(slope), "matched"))
        print(_row(name, told(accuracies(name, lr=step)), step, second, birth))


def _row(name: str, accuracy: str, step: float, near: str = "", birth: str = "") -> str:
    return f"{name:13} {accuracy:>11} {step:8.3g} {near:>12} {birth}".rstrip()


def _born(table: pd.DataFrame) -> str:
    """Return the mean likeness, and the shortest and longest gradient."""
    length = table["length"]
    return f"{table['alike'].mean():6.2f} {length.min():3.0f} to {length.max():.0f}"


def differences() -> None:
    """Print differences between the controls, paired by seed."""
    found = brakes()
    print("difference, paired by seed               another step")
    for one, other in (
        ("He, clipped", "He"),
        ("|x|", "He"),
        ("|x|, clipped", "He, clipped"),
    ):
        (_, a, near_a), (_, b, near_b) = found[one], found[other]
        print(_line(f"{one} − {other}", a - b, near_a - near_b))
    he, clipped = found["He"][1], found["He, clipped"][1]
    none, half, most = map(accuracies, LEAKS)
    print(_line("He, 60 epochs − He", accuracies("longer", init="he") - he))
    print(
        _line("leak 0.5 − leak 0", half - none, accuracies("leak 0.5", lr=0.01) - none)
    )
    print(_line("leak 0.8 − leak 0", most - none))
    print(_line("leak 0.8 − He, clipped", most - clipped))


def _line(label: str, values: pd.Series, near: pd.Series | None = None) -> str:
    second = "" if near is None else told(near)
    return f"{label:27} {told(values):>11} {second:>13}".rstrip()


def epsilons() -> None:
    """Print what PyTorch's start reaches under Adam, by ε and precision."""
    last = studies.final("epsilon").query("lr == 0.003")
    rows: Mapping[Any, pd.DataFrame] = dict(iter(last.groupby("variant")))
    print("as it is, Adam           accuracy   seeds above 15 %")
    for name, row in rows.items():
        values = row["test_accuracy"]
        print(f"{name:20} {told(values):>12} {(values > 15).sum():6}")
