"""The studies of chapter 12: which activation is best on Fashion-MNIST?"""

from __future__ import annotations

from typing import TypedDict

from actlab.studies import ClassifierRun, Study

from ..steps import STEPS

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
# Half decades, and one more for the function whose best lay near the end of them.
_TRIED = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_TRIED_FURTHER = {"sigmoid": (3.0,)}
# The best mean of three tuning seeds, among the rates at which none broke down.
_BEST = {
    "identity": 0.03,
    "sigmoid": 0.3,
    "tanh": 0.1,
    "relu": 0.1,
    "leaky_relu": 0.03,
    "elu": 0.1,
    "selu": 0.03,
    "gelu": 0.1,
    "swish": 0.1,
    "hardswish": 0.1,
    "mish": 0.1,
    "prelu": 0.03,
}

TUNED = Study(
    name="tuned",
    question="Which functions still differ from ReLU, each at its own learning rate?",
    home=__package__,
    conditions=(
        *(
            ClassifierRun(
                "tune",
                activation,
                lr,
                held_out=10_000,
                seeds_of_its_own=(100, 101, 102),
                **TUNED_STEPS,
            )
            for activation in TWELVE
            for lr in _TRIED + _TRIED_FURTHER.get(activation, ())
        ),
        *(
            ClassifierRun("final", activation, lr, **TUNED_STEPS)
            for activation, lr in _BEST.items()
        ),
    ),
    seeds=20,
)

STUDIES = (PUBLISHED, CONFOUND, CONFOUND_LONGER, TUNED)
