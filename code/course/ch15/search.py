"""What is left of a search's finalists, from the recorded study ``second-look``."""

from __future__ import annotations

import pandas as pd

from actlab import statistics, studies

from .studies import CHANGES, FINALISTS

__all__ = ["FIRST", "leads"]

FIRST = FINALISTS[:3]
"""The three that scored best; each single change was tried with them alone."""

GUESSING = 10.0  # what a run that broke down counts with, in %


def leads() -> pd.DataFrame:
    """Return how far the finalists are ahead of ReLU on fresh seeds, step by step.

    One row per step: ``"as searched"`` (the search's learning rate for all), then each
    change of the study with a learning rate of its own for every function.  Columns:
    ``winner``, ``first`` and ``eight``, mean leads in points of the best scored, of
    ``FIRST`` and of all eight (nan where not all were run); ``low`` and ``high``, the
    95 % interval of ``first``, paired by seed; ``relu``, its accuracy in %; ``broken``,
    how many runs broke down.  They count with the accuracy of guessing.  Chapter 15.
    """
    runs = studies.load("second-look")  # one row a run
    runs = runs[runs["regime"] != "tune"]
    step = runs["change"].where(runs["regime"] == "final", "as searched")
    runs = runs.assign(step=step, broken=runs["test_accuracy"].isna())
    runs["test_accuracy"] = runs["test_accuracy"].fillna(GUESSING)
    rows = []
    for name in ("as searched", *CHANGES):
        here = runs[runs["step"] == name]
        table = here.pivot(index="seed", columns="activation", values="test_accuracy")
        ahead = table.drop(columns="relu").sub(table["relu"], axis=0)
        first = statistics.interval(ahead[list(FIRST)].mean(axis=1))
        whole = set(ahead) == {*FINALISTS}
        rows.append(
            {
                "step": name,
                "winner": ahead[FIRST[0]].mean(),
                "first": first.mean,
                "low": first.low,
                "high": first.high,
                "eight": ahead.mean(axis=1).mean() if whole else float("nan"),
                "relu": table["relu"].mean(),
                "broken": int(here["broken"].sum()),
            }
        )
    return pd.DataFrame(rows).set_index("step")
