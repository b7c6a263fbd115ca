"""The study ``robust-zeros``, read: differences from ReLU, and its verdicts."""

from __future__ import annotations

import pandas as pd

from actlab import studies
from actlab.statistics import compare
from actlab.studies import rates

from .harm import FUNCTIONS, MARGIN

__all__ = ["OPTIMISERS", "against_relu", "finals", "verdict"]

OPTIMISERS = ("sgd", "adam")


def finals(optimiser: str, column: str = "test_accuracy") -> dict[str, list[float]]:
    """Return a column of the final runs of each function, seed by seed, in percent.

    Parameters
    ----------
    optimiser : one of ``OPTIMISERS``.
    column : of the study's table: ``test_accuracy`` (clean images), ``zeros``, or one
        of ``harm.HARMS``.

    Chapter 04.
    """
    rows = studies.final("robust-zeros")
    rows = rows[(rows["regime"] == "final") & (rows["optimiser"] == optimiser)]
    groups = rows.sort_values("seed").groupby("activation")[column]
    runs = {str(key): part.tolist() for key, part in groups}
    return {key: runs[key] for key in FUNCTIONS}


def against_relu(optimiser: str, harm: str, lost: bool = False) -> pd.DataFrame:
    """Return how far each function without zeros is from ReLU on harmed images.

    Parameters
    ----------
    optimiser : one of ``OPTIMISERS``.
    harm : one of ``harm.HARMS``, or ``test_accuracy`` for clean images.
    lost : compare the points that the harm took, not those that it left.

    The noise of both choices of a step is in it.  Columns as of
    :func:`actlab.statistics.compare`, and ``activation``.  Chapter 04.
    """
    rows = studies.final("robust-zeros")
    judged = rows["regime"].isin(["final", "other"])
    score = rows["test_accuracy"] - rows[harm] if lost else rows[harm]
    rows["test_accuracy"] = score.where(judged, rows["test_accuracy"])
    runs = {}
    for name in FUNCTIONS:
        mine = rows[(rows["regime"] == "final") & (rows["activation"] == name)]
        mine = mine[mine["optimiser"] == optimiser].sort_values("seed")
        runs[name] = mine["test_accuracy"].tolist()
    noise = {
        name: rates.choice_noise(
            rows, (name, "default", optimiser), ("relu", "default", optimiser)
        )
        for name in FUNCTIONS
    }
    found = compare(runs, "relu", margin=MARGIN, further=noise)
    return found.rename(columns={"first": "activation"}).drop(columns="second")


def verdict(optimiser: str, harm: str) -> str:
    """Return what the study's rule says of one harm: zeros buy robustness, or not.

    ``"bought"`` if every function without zeros is behind ReLU, ``"not bought"`` if
    each is ahead or within the margin, else ``"not settled"``.  Chapter 04.
    """
    found = against_relu(optimiser, harm)
    if (found["verdict"] == "smaller").all():
        return "bought"
    return "not bought" if (found["low"] > -MARGIN).all() else "not settled"
