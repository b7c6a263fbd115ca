"""The atlas: the functions of the catalogue, each at every rate, from several starts.

Two studies of one design.  ``atlas`` trains on Fashion-MNIST, from two starts, what
costs about what ReLU costs; ``atlas-digits``, on scikit-learn's digits, is small enough
for every row, a third start, and Adam.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actlab import catalogue
from actlab.studies import ClassifierRun, RateSearch, Study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["ATLAS", "ATLAS_DIGITS", "trainable"]

WITHOUT_SLOPE = ("step", "sign")  # nothing learns through them
DRAWN = ("rrelu",)  # another function in each step: trains on its own, slowly
PERIODIC = ("sine", "snake", "gcu")  # of the trainable family, with little to learn
LABELLED = ("relu", "gelu", "tanh", "sigmoid")  # in the picture of a first look
FINALS = 10


def trainable() -> list[str]:
    """Return the keys of the scalar rows through which a network can learn.

    What a row has to learn is learnt, one set of parameters per layer.
    """
    return [
        row.key
        for row in catalogue.CATALOGUE.values()
        if row.kind == "scalar" and row.key not in WITHOUT_SLOPE
    ]


def _cheap() -> list[str]:
    """Return the keys of the rows that ``atlas`` trains on Fashion-MNIST."""
    return [
        key
        for key in trainable()
        if key not in DRAWN
        and (catalogue.get(key).family != "trainable" or key in PERIODIC)
        and catalogue.get(key).family != "gated"
    ]


_FASHION = RateSearch(
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
        for activation in _cheap()
    ),
    tuning={"held_out": 10_000},
    seeds=(100, 101),
    finals=FINALS,
)

_DIGITS = RateSearch(
    cells=tuple(
        ClassifierRun(
            "",
            activation,
            0.0,
            init=init,
            optimiser=optimiser,
            momentum=0.9 if optimiser == "sgd" else 0.0,
            schedule="cosine",
            epochs=20,
            data="digits",
            scale="symmetric",
            sizes=(64, 32, 32, 32, 32, 10),
        )
        for optimiser in ("sgd", "adam")
        for init in ("default", "he", "matched")
        for activation in trainable()
    ),
    tuning={"held_out": 360},
    seeds=(100, 101, 102),
    coarse=(-12, -10, -8, -6, -4, -2, 0),
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
    conditions=_FASHION.opening(),
    growth=_FASHION,
    picture=_picture,
)

ATLAS_DIGITS = Study(
    name="atlas-digits",
    question="The same, smaller: with Adam, He's start, and all that can be learnt",
    home=__package__,
    conditions=_DIGITS.opening(),
    growth=_DIGITS,
    picture=_picture,
)
