"""The study ``selu-normed``, read: SELU beside ReLU behind batch normalisation."""

from __future__ import annotations

from statistics import fmean

import pandas as pd

from actlab import studies
from actlab.statistics import compare
from actlab.studies import rates

from .normed import CELLS, MARGIN, SETTINGS

__all__ = ["against_norms", "finals", "steps", "table"]

GUESS = 10.0  # percent: what a final run that broke down counts as


def _rows(setting: str) -> pd.DataFrame:
    rows = studies.final("selu-normed")
    return rows[rows["variant"] == setting]


def finals(setting: str) -> dict[str, list[float]]:
    """Return the test accuracies of each cell, seed by seed, in percent.

    ``setting`` is a key of ``normed.SETTINGS``; a run that broke down counts as a
    guess.  Chapter 04.
    """
    rows = _rows(setting).query("regime == 'final'").sort_values("seed")
    runs = rows.fillna({"test_accuracy": GUESS}).groupby("activation")["test_accuracy"]
    return {cell: runs.get_group(cell).tolist() for cell in CELLS}


def steps(setting: str) -> dict[str, float]:
    """Return the step that held-out images chose for each cell.  Chapter 04."""
    rows = _rows(setting).query("regime == 'final'").drop_duplicates("activation")
    return {cell: float(rows.set_index("activation")["lr"][cell]) for cell in CELLS}


def against_norms(setting: str) -> pd.DataFrame:
    """Return how far SELU is ahead of ReLU behind each normalisation, in points.

    Index ``normed`` (nothing learnt) and ``affine`` (scale and shift learnt); columns
    difference, low and high (95 %, the choice of both steps in it), p_holm, and
    verdict: "larger" where SELU is ahead.  Chapter 04.
    """
    rows = _rows(setting)
    selu, *norms = ((cell, "default", "sgd") for cell in CELLS)
    noise = {norm[0]: rates.choice_noise(rows, norm, selu) for norm in norms}
    found = compare(finals(setting), "selu", margin=MARGIN, further=noise)
    found = found.set_index("first")
    turned = -found[["difference", "high", "low"]]  # compared was norm minus SELU
    turned.columns = pd.Index(["difference", "low", "high"])
    other = {"larger": "smaller", "smaller": "larger"}
    return turned.assign(
        p_holm=found["p_holm"], verdict=found["verdict"].replace(other)
    )


def table() -> str:
    """Return steps, accuracies, and SELU's distance from each other.  Chapter 04."""
    lines = []
    for setting in SETTINGS:
        reached, chosen = finals(setting), steps(setting)
        gaps = against_norms(setting).to_dict("index")
        lines.append(f"{setting} layers, accuracy (step); SELU minus it")
        for cell, name in zip(CELLS, ("SELU", "batch norm", "  with scale")):
            line = f"  {name:13}{fmean(reached[cell]):.1f} ({chosen[cell]:.3g})"
            if cell in gaps:
                gap = gaps[cell]
                ends = f"({gap['low']:+.2f}, {gap['high']:+.2f})"
                line = f"{line:32}{gap['difference']:+.2f} {ends}"
            lines.append(line)
    return "\n".join(lines)
