"""Whose replacement helps where tasks change: the reading of the study ``replaced``.

The rules stand there, written down before the first run.
"""

from __future__ import annotations

import pandas as pd

from actlab import studies
from actlab.statistics import Interval, interval, paired_difference

from .replaced import ROWS

__all__ = ["MARGIN", "PAIRS", "compared", "last_fair_task", "renewed_table", "verdict"]

MARGIN = 5.0  # points from which on a difference counts
EARLIEST = 4  # a row that runs out before this task says nothing
PAIRS = (
    ("dead", "living"),
    ("held, dead", "held, living"),
    ("living", "nothing"),
    ("held, living", "held"),
)


def _known(lr: float, row: str) -> pd.DataFrame:
    """Labels known, in per cent: one row per seed, one column per task."""
    runs = studies.load("replaced")
    runs = runs[(runs["lr"] == lr) & (runs["variant"] == row)]
    if runs.empty:
        raise ValueError(f"no runs of {row!r} with step {lr}; rows are {ROWS}")
    return runs.pivot(index="seed", columns="epoch", values="test_accuracy")


def last_fair_task(lr: float, row: str) -> int:
    """Return the last task before which no run of the row lacked units to re-draw.

    Chapter 10.
    """
    runs = studies.load("replaced")
    runs = runs[(runs["lr"] == lr) & (runs["variant"] == row) & (runs["epoch"] > 0)]
    short = runs[runs["wanted"] != runs["given"]]
    return int(runs["epoch"].max() if short.empty else short["epoch"].min() - 1)


def compared(lr: float, row: str, other: str) -> tuple[int, Interval]:
    """Return after which task two rows are compared, and row − other, by seed.

    That is the last task before which neither had run out.  In points, with its 95 %
    interval.  Chapter 10.
    """
    task = min(last_fair_task(lr, row), last_fair_task(lr, other))
    return task, paired_difference(_known(lr, row)[task], _known(lr, other)[task])


def verdict(lr: float, row: str, other: str) -> str:
    """Say whether row − other is ``"there"``, ``"absent"`` or ``"open"``.

    ``"not asked"`` if a row runs out before the fourth task.  Chapter 10.
    """
    task, gap = compared(lr, row, other)
    if task < EARLIEST:
        return "not asked"
    if gap.low > MARGIN:
        return "there"
    return "absent" if -MARGIN < gap.low and gap.high < MARGIN else "open"


def renewed_table() -> str:
    """Return as text what each row knows of its labels, and the differences by seed.

    Means over twenty seeds of the labels known after tasks 1, 4 and 12, the dead then,
    and the last task before which a row had the units that it was to re-draw.  Pairs of
    which one lasts to less than four tasks are left out.  Chapter 10.
    """
    runs = studies.load("replaced")
    lines = []
    for lr in sorted(runs["lr"].unique()):
        lines.append(f"step {lr:<7} labels 1   4       12 dead  lasts to")
        for row in ROWS:
            known, last = _known(lr, row), interval(_known(lr, row)[12])
            of = runs[(runs["lr"] == lr) & (runs["variant"] == row)]
            dead = of.loc[of["epoch"] == 12, "dead"].mean()
            lines.append(
                f"{row:16}{known[1].mean():4.0f}{known[4].mean():4.0f}"
                f"{last.mean:5.0f} ± {last.half_width:<2.0f}{dead:4.0f}"
                f"{last_fair_task(lr, row):8}"
            )
        for row, other in PAIRS:
            task, gap = compared(lr, row, other)
            if task < EARLIEST:
                continue
            lines.append(
                f"{f'{row} − {other}, task {task}:':35}"
                f"{gap.mean:4.0f} ± {gap.half_width:.0f}"
            )
    return "\n".join(lines)
