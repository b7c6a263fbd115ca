"""The atlas: the functions of the catalogue, each at every rate, from several starts.

The study ``atlas`` trains on Fashion-MNIST, from two starts, every scalar row that can
train and costs about what ReLU costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actlab import catalogue
from actlab.studies import ClassifierRun, RateSearch, Study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["ATLAS", "trainable"]

WITHOUT_SLOPE = ("step", "sign")  # nothing learns through them
DRAWN = ("rrelu",)  # another function in each step: trains on its own, slowly
PERIODIC = ("sine", "snake", "gcu")  # of the trainable family, with little to learn
LABELLED = ("relu", "gelu", "tanh", "sigmoid")  # in the picture of a first look
FINALS = 10


def trainable() -> list[str]:
    """Return the keys of the scalar rows that the atlas trains.

    Those through which a network can learn, and in which little or nothing is learnt;
    what there is, is learnt, one set of parameters per layer.
    """
    rows = (row for row in catalogue.CATALOGUE.values() if row.kind == "scalar")
    return [
        row.key
        for row in rows
        if row.key not in (*WITHOUT_SLOPE, *DRAWN)
        and (row.family not in ("trainable", "gated") or row.key in PERIODIC)
    ]


_SEARCH = RateSearch(
    cells=tuple(
        ClassifierRun(
            "",
            activation,
            0.0,
            init=init,
            momentum=0.9,
            schedule="cosine",
            epochs=3,
            sizes=(784, 64, 64, 64, 64, 10),
        )
        for init in ("default", "matched")
        for activation in trainable()
    ),
    tuning={"held_out": 10_000},
    seeds=(100, 101),
    finals=FINALS,
)


def _picture(table: pd.DataFrame) -> Figure:
    """Draw the coarse and fine runs: accuracy against rate, one line per function."""
    from .figures import rate_curves

    rows = table[table["regime"].isin(["coarse", "fine"])]
    rows = rows[rows["epoch"] == rows["epoch"].max()]
    rows = rows[(rows["init"] == rows["init"].iloc[0])]
    shown = [key for key in LABELLED if key in set(rows["activation"])]
    return rate_curves(rows, highlight=shown)


ATLAS = Study(
    name="atlas",
    question="How well does each function do, at which rates, from which start?",
    home=__package__,
    conditions=_SEARCH.opening(),
    growth=_SEARCH,
    picture=_picture,
)
