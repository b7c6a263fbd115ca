"""The atlas: the functions of the catalogue, each at every rate, from several starts.

Two studies of one design.  ``atlas`` trains on Fashion-MNIST, from two starts, every
scalar row that can train and costs about what ReLU costs; ``atlas-digits``, on
scikit-learn's digits, is small enough for a third start, for Adam, and for the rows
whose whole shape is learnt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actlab import catalogue
from actlab.studies import ClassifierRun, RateSearch, Study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["ATLAS", "ATLAS_DIGITS", "learnt", "trainable", "with_learnt"]

WITHOUT_SLOPE = ("step", "sign")  # nothing learns through them
DRAWN = ("rrelu",)  # another function in each step: trains on its own, slowly
PERIODIC = ("sine", "snake", "gcu")  # of the trainable family, with little to learn
LATER = ("laplace", "sqrt_softplus", "gelu_10")  # came after the atlas was recorded
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
        if row.key not in (*WITHOUT_SLOPE, *DRAWN, *LATER)
        and (row.family not in ("trainable", "gated") or row.key in PERIODIC)
    ]


def with_learnt() -> list[str]:
    """Return the keys of the scalar rows through which a network can learn.

    Those of the day on which the atlas was recorded.  What a row has to learn is
    learnt, one set of parameters per layer.
    """
    rows = (row for row in catalogue.CATALOGUE.values() if row.kind == "scalar")
    left_out = (*WITHOUT_SLOPE, *LATER)
    return [row.key for row in rows if row.key not in left_out]


def learnt() -> list[str]:
    """Return the keys of the scalar rows that have something to learn."""
    return [
        key
        for key in with_learnt()
        if any(p.requires_grad for p in catalogue.get(key).make().parameters())
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
            sizes=(64, 32, 32, 32, 32, 10),
        )
        for optimiser in ("sgd", "adam")
        # One function after the other: those that train at once share its calls.
        for activation in with_learnt()
        for init in ("default", "he", "matched")
    ),
    # Of the 1,437 training images; the 360 of the test set are met by finals alone.
    tuning={"held_out": 360},
    seeds=(100, 101, 102),
    coarse=(-12, -10, -8, -6, -4, -2, 0),
    finals=FINALS,
)


def _picture(table: pd.DataFrame) -> Figure:
    """Draw the coarse and fine runs: accuracy against rate, one line per function.

    Of the start and the optimiser that the study begins with.
    """
    from .figures import rate_curves

    rows = table[table["regime"].isin(["coarse", "fine"])]
    for name in ("init", "optimiser"):
        rows = rows[rows[name] == rows[name].iloc[0]]
    # The end of a run that broke down is the epoch before, and has no number.
    ends = rows.groupby(["activation", "lr", "seed"], sort=False)["epoch"].idxmax()
    rows = rows.loc[ends]
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

ATLAS_DIGITS = Study(
    name="atlas-digits",
    question="The same, smaller: with Adam, He's start, and all that can be learnt",
    home=__package__,
    conditions=_DIGITS.opening(),
    growth=_DIGITS,
    picture=_picture,
    ends_only=True,
)
