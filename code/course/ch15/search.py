"""What is left of a search's finalists, from the recorded study ``own-rates``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from actlab import statistics, studies
from actlab.studies import rates

from .studies import CHANGES, FINALISTS

__all__ = ["FIRST", "MARGIN", "judged", "leads"]

FIRST = FINALISTS[:3]
"""The three that scored best."""

GUESSING = 10.0  # what a run that broke down counts with, in %
MARGIN = 1.0  # points that count as none in the chapter's registered test
SEARCHED = "as searched"


def leads() -> pd.DataFrame:
    """Return how far the finalists are ahead of ReLU on fresh seeds, step by step.

    One row per step: ``"as searched"`` (the search's learning rate for all), then each
    change of the study with a learning rate of its own for every function.  Columns:
    ``winner``, ``first`` and ``eight``, mean leads in points of the best scored, of
    ``FIRST`` and of all eight, and the ends of their 95 % intervals, ``…_low`` and
    ``…_high``: paired by seed, with the noise of the choice of rates in them;
    ``relu``, its accuracy in %; ``broken``, how many runs broke down.  They count with
    the accuracy of guessing.  Chapter 15.
    """
    runs = _judging(studies.load("own-rates"))
    rows = []
    for step in (SEARCHED, *CHANGES):
        table, broken = _accuracies(runs, step)
        draws = _draws(runs, step)
        row = {"step": step, "relu": table["relu"].mean(), "broken": broken}
        for name, group in (
            ("winner", FINALISTS[:1]),
            ("first", FIRST),
            ("eight", FINALISTS),
        ):
            together = {
                "relu": table["relu"].tolist(),
                "these": table[[*group]].mean(axis=1).tolist(),
            }
            found = statistics.compare(
                together, "relu", further={"these": _noise(draws, group)}
            ).iloc[0]
            row |= {
                name: found["difference"],
                f"{name}_low": found["low"],
                f"{name}_high": found["high"],
            }
        rows.append(row)
    return pd.DataFrame(rows).set_index("step")


def judged(step: str = "all") -> pd.DataFrame:
    """Return the verdict on each finalist against ReLU, as the chapter's test gives it.

    Rows and columns as :func:`actlab.statistics.compare` has them, with the margin of
    that test, corrected for eight comparisons; ``broken`` counts runs that broke down.
    Chapter 15.
    """
    runs = _judging(studies.load("own-rates"))
    table, _ = _accuracies(runs, step)
    draws = _draws(runs, step)
    here = runs[(runs["step"] == step) & (runs["regime"] == "final")]
    broken = here["broken"].groupby(here["activation"]).sum()
    found = statistics.compare(
        {name: table[name].tolist() for name in ("relu", *FINALISTS)},
        "relu",
        margin=MARGIN,
        further={name: _noise(draws, [name]) for name in FINALISTS},
    )
    return found.assign(broken=found["first"].map(broken))


def _judging(runs: pd.DataFrame) -> pd.DataFrame:
    """Return all runs with their step, and guessing for those that broke down."""
    step = runs["change"].where(runs["regime"] != SEARCHED, SEARCHED)
    runs = runs.assign(step=step, broken=runs["test_accuracy"].isna())
    judges = ~runs["regime"].isin(rates.REGIMES)
    filled = runs["test_accuracy"].fillna(GUESSING)
    return runs.assign(test_accuracy=runs["test_accuracy"].mask(judges, filled))


def _accuracies(runs: pd.DataFrame, step: str) -> tuple[pd.DataFrame, int]:
    """Return accuracies by fresh seed and function, and how many runs broke down."""
    here = runs[(runs["step"] == step) & runs["regime"].isin(["final", SEARCHED])]
    table = here.pivot(index="seed", columns="activation", values="test_accuracy")
    return table, int(here["broken"].sum())


def _draws(runs: pd.DataFrame, step: str) -> dict[str, np.ndarray]:
    """Return by function what it has at the rate that each resampling chooses, in %.

    As in :func:`actlab.studies.choice_noise`: the tuning seeds are drawn again, the
    same draws for all, and an untested rate counts as the nearest that was tested.
    """
    here = runs[runs["step"] == step]
    tested = here[here["regime"].isin(["final", "other"])]
    means = tested.groupby(["activation", "lr"])["test_accuracy"].mean()
    found = {}
    for (cell, *_), scores in rates.tuning_scores(here).items():
        name = str(cell)
        of = {rates.number(lr): mean for lr, mean in means[name].items()}
        picks = rates.choices(rates.complete(scores), rates.RESAMPLES).tolist()
        near = {p: min(of, key=lambda t: (abs(t - p), t)) for p in {*picks}}
        found[name] = np.array([of[near[p]] for p in picks])
    return found


def _noise(draws: dict[str, np.ndarray], group: Sequence[str]) -> float:
    """Return what the choice of the rates adds to the noise of a group's lead."""
    if not draws:
        return 0.0  # one rate for all, and nothing was chosen
    lead = np.mean([draws[name] for name in group], axis=0) - draws["relu"]
    return float(np.std(lead))
