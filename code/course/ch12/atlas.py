"""The atlas: the functions of the catalogue, each at every rate, from several starts.

Two studies of one design.  ``atlas`` trains on Fashion-MNIST; ``atlas-digits``, on
scikit-learn's digits, is small enough for a third start, Adam, and the functions with
so much to learn that a step costs many times ReLU's.
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
COSTLY = ("sgt", "staf", "fourier", "enn", "rational", "bspline", "kan", "mixture")
LABELLED = ("relu", "gelu", "tanh", "sigmoid")  # in the picture of a first look
SEARCH_SEEDS = (100, 101, 102)
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
        for activation in trainable()
        if activation not in COSTLY
    ),
    tuning={"held_out": 10_000},
    seeds=SEARCH_SEEDS,
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
    seeds=SEARCH_SEEDS,
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
