"""The studies of chapter 12: which activation is best on Fashion-MNIST?"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from actlab.studies import ClassifierRun, RateSearch, Study

from ..steps import STEPS
from .atlas import ATLAS, ATLAS_DIGITS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EQUIVALENCE_MARGIN", "STUDIES", "TUNED_STEPS", "TWELVE"]


def _published() -> tuple[ClassifierRun, ...]:
    # What has nothing to learn is the same shared or not.
    fixed = (
        *("sigmoid", "tanh", "relu", "gelu", "mish", "leaky_relu", "swish"),
        *("hardswish", "rrelu", "identity", "elu", "selu", "telu"),
    )
    learnt = (("prelu", "shared"), ("learnable_elu", "shared"), ("staf", "25_sines"))
    return tuple(
        ClassifierRun(
            regime,
            activation,
            lr=0.001,
            momentum=momentum,
            shared=bool(variant),
            variant=variant,
        )
        for regime, momentum in (("sgd_small", 0.8), ("sgd_small_0.9", 0.9))
        for activation, variant in (*((name, "") for name in fixed), *learnt)
    )


PUBLISHED = Study(
    name="published",
    question="Can the published table be had again, and with which momentum?",
    home=__package__,
    conditions=_published(),
    further=("variant", "shared", "parameter"),
)

TWELVE = (
    *("identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu"),
    *("selu", "gelu", "swish", "hardswish", "mish", "prelu"),
)

CONFOUND = Study(
    name="confound",
    question="Which function is best, from another start or with other steps?",
    home=__package__,
    conditions=(
        *(
            ClassifierRun(
                regime, activation, init=init, variant=variant, epochs=5, **step
            )
            for variant in ("", "layer_norm")
            for init in ("default", "default_zero_bias", "he")
            for regime, step in STEPS.items()
            for activation in TWELVE
        ),
        *(
            ClassifierRun(regime, activation, variant="cnn", epochs=5, **step)
            for regime, step in STEPS.items()
            for activation in ("sigmoid", "tanh", "relu", "gelu")
        ),
    ),
    further=("variant",),
)

CONFOUND_LONGER = Study(
    name="confound-longer",
    question="Do the verdicts change back with three times the epochs?",
    home=__package__,
    conditions=tuple(
        ClassifierRun(regime, activation, init=init, **STEPS[regime])
        for regime, init in (
            ("sgd_small", "he"),
            ("sgd_large", "default"),
            ("adam", "default"),
        )
        for activation in TWELVE
    ),
)

# Declared before the final runs: mean accuracies that differ by less than this many
# points, by the whole of their interval, count as equal.
EQUIVALENCE_MARGIN = 0.5


class TunedSteps(TypedDict):
    """The steps of the tuned studies but for the learning rate; see ``Condition``."""

    momentum: float
    schedule: str
    epochs: int


TUNED_STEPS: TunedSteps = {"momentum": 0.9, "schedule": "cosine", "epochs": 8}
STARTS = ("default", "he")
TUNING_SEEDS = (100, 101, 102, 103, 104)
LONGER = 24  # epochs, three times as many


def _longer(table: pd.DataFrame) -> list[ClassifierRun]:
    """Return the runs of three times the epochs: the five best functions, and ReLU.

    Each from the start, and at the rate, with which it was best after eight.
    """
    finals = table[(table["regime"] == "final") & (table["epoch"] == 8)]
    cells = finals.groupby(["activation", "init", "lr"])["test_accuracy"].mean()
    means = cells.reset_index().sort_values("test_accuracy", ascending=False)
    best = means.drop_duplicates("activation")
    names = [*best["activation"].head(5)]
    rows = best[best["activation"].isin([*names, "relu"])]
    return [
        ClassifierRun(
            "longer",
            row["activation"],
            row["lr"],
            init=row["init"],
            seeds_of_its_own=tuple(range(10)),
            **(TUNED_STEPS | {"epochs": LONGER}),
        )
        for row in rows.to_dict("records")
    ]


SEARCH = RateSearch(
    cells=tuple(
        ClassifierRun("", activation, 0.0, init=init, **TUNED_STEPS)
        for init in STARTS
        for activation in TWELVE
    ),
    tuning={"held_out": 10_000},
    seeds=TUNING_SEEDS,
    finals=20,
    others=10,
    after=_longer,
)

TUNED = Study(
    name="tuned",
    question="Which functions still differ from ReLU, each at its own learning rate?",
    home=__package__,
    conditions=SEARCH.opening(),
    seeds=20,
    growth=SEARCH,
)

STUDIES = (PUBLISHED, CONFOUND, CONFOUND_LONGER, TUNED, ATLAS, ATLAS_DIGITS)
