"""The studies ``robust-zeros`` and ``robust-slopes``, read: differences from ReLU."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import pandas as pd

from actlab import studies
from actlab.statistics import Interval, compare, paired_difference
from actlab.studies import rates

from .harm import FUNCTIONS, MARGIN
from .slopes import SLOPES

__all__ = ["OPTIMISERS", "against_relu", "finals", "slope", "table", "verdict"]

OPTIMISERS = ("sgd", "adam")
_NAMES = {"leaky_relu": "slope 0.25", "elu": "ELU", "abs": "|x|"}


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


def slope(optimiser: str, harm: str, value: float) -> Interval:
    """Return how far a leaky ReLU of another slope is from ReLU on harmed images.

    Parameters
    ----------
    optimiser, harm : as of :func:`against_relu`.
    value : the slope, one of study ``robust-slopes``, at ReLU's step.

    Chapter 04.
    """
    rows = studies.final("robust-slopes")
    rows = rows[rows["optimiser"].eq(optimiser) & rows["variant"].eq(f"slope {value}")]
    mine = rows.sort_values("seed")[harm].tolist()
    return paired_difference(mine, finals(optimiser, harm)["relu"])


def table(harms: Sequence[str] = ("noise", "patch")) -> str:
    """Return what ReLU does and how far from it the others are.  Chapter 04."""
    lines = []
    for optimiser in OPTIMISERS:
        columns = ["zeros", "test_accuracy", *harms]
        relu = [fmean(finals(optimiser, column)["relu"]) for column in columns]
        said = [f"{name} {value:.1f}" for name, value in zip(harms, relu[2:])]
        lines.append(
            f"{optimiser}: ReLU has {relu[0]:.0f} % zeros, "
            + ", ".join([f"clean {relu[1]:.1f}", *said])
        )
        lines.append(" " * 15 + "".join(f"{harm:22}" for harm in harms).rstrip())
        found = [against_relu(optimiser, harm).to_dict("records") for harm in harms]
        for rows in zip(*found):
            ends = [[row[key] for key in ("difference", "low", "high")] for row in rows]
            lines.append(_line(_NAMES[rows[0]["activation"]], ends))
        for value in SLOPES:
            gaps = [slope(optimiser, harm, value) for harm in harms]
            ends = [[gap.mean, gap.low, gap.high] for gap in gaps]
            lines.append(_line(f"slope {value}", ends))
    return "\n".join(lines)


def _line(name: str, gaps: Sequence[Sequence[float]]) -> str:
    ends = (f"{mean:+.2f} ({low:+.2f}, {high:+.2f})" for mean, low, high in gaps)
    return f"  {name:13}" + "".join(f"{text:22}" for text in ends).rstrip()
