"""How sharp the loss becomes at each step size, from the study ``sharpening``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from actlab import statistics, studies

from .edge import FUNCTIONS, RATES

__all__ = ["AT_THE_EDGE", "accuracy", "below", "paths", "sharper", "table"]

AT_THE_EDGE = 0.9
"""Of 2/lr: from here on a network counts as having come to the edge."""


def paths() -> pd.DataFrame:
    """Return a row per network: where its largest eigenvalue went.

    Index ``lr``, ``activation``, ``seed``; ``most`` is the largest on the way, ``last``
    the one at the last look, ``edge`` whether ``most`` came to the edge.  Chapter 11.
    """
    found = studies.load("sharpening").groupby(["lr", "activation", "seed"])["largest"]
    rows = found.agg(most="max", last="last")
    edge = 2 / rows.index.get_level_values("lr")
    return rows.assign(edge=rows["most"] >= AT_THE_EDGE * edge)


def sharper(lr: float, name: str, against: str) -> statistics.Interval:
    """Return the logarithm of one function's ``most`` over another's, paired by seed.

    With its 95 % interval.  Chapter 11.
    """
    most = paths()["most"].loc[lr].unstack("seed")
    return statistics.interval(np.log(most.loc[name] / most.loc[against]).to_numpy())


def accuracy(name: str) -> statistics.Interval:
    """Return test accuracy with the smallest step less that with step 1, in points.

    At the last look, paired by seed, with its 95 % interval.  Chapter 11.
    """
    runs = studies.load("sharpening")
    runs = runs[(runs["activation"] == name) & (runs["epoch"] == runs["epoch"].max())]
    at = runs.set_index(["lr", "seed"])["test_accuracy"].unstack("lr")
    return statistics.interval((at[min(RATES)] - at[1.0]).to_numpy())


def table() -> str:
    """Return the largest eigenvalues by step size and function, as text.

    In front the mean of the largest on the way and in brackets how many came to the
    edge; behind the mean of the last.  Chapter 11.
    """
    means = paths().groupby(["lr", "activation"])
    most, last = means["most"].mean(), means["last"].mean()
    came = means["edge"].sum()
    lines = [
        "step size    " + "".join(f"{lr:13g}" for lr in RATES),
        "2/step size  " + "".join(f"{2 / lr:13g}" for lr in RATES),
    ]
    for name in FUNCTIONS:
        cells = (
            f"{most[lr, name]:.1f} ({came[lr, name]:2}) {last[lr, name]:.1f}"
            for lr in RATES
        )
        lines.append(f"{name:13}" + "".join(f"{cell:>13}" for cell in cells))
    return "\n".join(lines)


def below() -> str:
    """Return what differs below the edge, at the smallest step, as text.

    tanh's largest eigenvalue on the way over each function's, and accuracy less that
    with step 1, in points, each with its 95 % interval.  Chapter 11.
    """
    low = min(RATES)
    lines = [f"step {low:g}      tanh's over it        accuracy less that of step 1"]
    for name in FUNCTIONS:
        ratio = sharper(low, "tanh", name)
        over = "{:.2f} [{:.2f}, {:.2f}]".format(
            *np.exp([ratio.mean, ratio.low, ratio.high])
        )
        points = accuracy(name)
        lines.append(
            f"{name:13} {over if name != 'tanh' else '':22}"
            f"{points.mean:4.1f} [{points.low:.1f}, {points.high:.1f}]"
        )
    return "\n".join(lines)
