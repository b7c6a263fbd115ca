"""Studies ``selu-normed`` and ``selu-longer``, read: SELU beside batch norm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import pandas as pd

from actlab import studies
from actlab.statistics import compare, paired_difference
from actlab.studies import rates

from .longer import STEPS
from .normed import CELLS, MARGIN, SETTINGS

__all__ = ["against_norms", "finals", "longer", "steps", "table"]

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


def longer() -> dict[str, list[float]]:
    """Return the test accuracies of each cell after 80 epochs, seed by seed.

    In percent, 24 layers on the digits; a run that broke down counts as a guess.
    Chapter 04.
    """
    rows = studies.final("selu-longer").sort_values("seed")
    runs = rows.fillna({"test_accuracy": GUESS}).groupby("activation")["test_accuracy"]
    return {cell: runs.get_group(cell).tolist() for cell in CELLS}


def table() -> str:
    """Return steps, accuracies, and SELU's distance from each other.  Chapter 04."""
    lines = ["accuracy (step), SELU minus it"]
    for setting in SETTINGS:
        gaps = against_norms(setting)[["difference", "low", "high"]]
        ends = {str(cell): row.tolist() for cell, row in gaps.iterrows()}
        lines += _block(f"{setting} layers", finals(setting), steps(setting), ends)
    runs = longer()
    pairs = {cell: paired_difference(runs["selu"], runs[cell]) for cell in CELLS[1:]}
    ends = {cell: [gap.mean, gap.low, gap.high] for cell, gap in pairs.items()}
    return "\n".join(
        [*lines, *_block("digits 24 layers, 80 epochs", runs, STEPS, ends)]
    )


def _block(
    title: str,
    reached: Mapping[str, Sequence[float]],
    chosen: Mapping[str, float],
    gaps: Mapping[str, Sequence[float]],
) -> list[str]:
    lines = [title]
    for cell, name in zip(CELLS, ("SELU", "batch norm", "  with scale")):
        line = f"  {name:14}{fmean(reached[cell]):.1f} ({chosen[cell]:.3g})"
        if cell in gaps:
            mean, low, high = gaps[cell]
            line = f"{line:32}{mean:+.1f} ({low:+.1f}, {high:+.1f})"
        lines.append(line)
    return lines
