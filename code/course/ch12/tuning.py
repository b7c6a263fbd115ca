"""The study ``tuned``, read: final runs, and differences from ReLU."""

from __future__ import annotations

import pandas as pd

from actlab import studies
from actlab.statistics import compare, paired_difference
from actlab.studies import rates

from .studies import EQUIVALENCE_MARGIN, TWELVE

__all__ = ["against_relu", "finals", "half_decade_lead"]


def finals(start: str = "default") -> dict[str, list[float]]:
    """Return the test accuracies of a start's final runs, seed by seed, in percent.

    Parameters
    ----------
    start : ``"default"`` (PyTorch's) or ``"he"``.

    Chapter 12.
    """
    rows = studies.final("tuned")
    rows = rows[(rows["regime"] == "final") & (rows["init"] == start)]
    groups = rows.sort_values("seed").groupby("activation")["test_accuracy"]
    runs = {str(key): part.tolist() for key, part in groups}
    return {key: runs[key] for key in TWELVE}


def against_relu(start: str = "default") -> pd.DataFrame:
    """Return each function's difference from ReLU, the noise of both rates in it.

    Columns as of :func:`actlab.statistics.compare`, the largest first.  Chapter 12.
    """
    rows, runs = studies.final("tuned"), finals(start)
    noise = {
        key: rates.choice_noise(rows, (key, start, "sgd"), ("relu", start, "sgd"))
        for key in runs
    }
    found = compare(runs, "relu", margin=EQUIVALENCE_MARGIN, further=noise)
    return found.sort_values("difference", ascending=False).reset_index(drop=True)


def half_decade_lead(key: str, start: str = "default") -> tuple[float, float]:
    """Return the lead over ReLU with rates a half decade apart, and with its own.

    Means of ten paired seeds, in points: first with the rates that half decades alone
    would have given to both, then with those that the search gave.  Chapter 12.
    """
    rows = studies.final("tuned")
    chosen = rates.chosen(rows).set_index(["activation", "init"])
    tested = rows[rows["regime"].isin(["final", "other"]) & (rows["seed"] < 10)]
    leads = []
    for column in ("half_decade", "lr"):
        runs = [
            tested[
                (tested["activation"] == name)
                & (tested["init"] == start)
                & (tested["lr"] == chosen.loc[(name, start), column])
            ]
            .sort_values("seed")["test_accuracy"]
            .tolist()
            for name in (key, "relu")
        ]
        mine, relu = runs
        leads.append(paired_difference(mine, relu).mean)
    return leads[0], leads[1]
