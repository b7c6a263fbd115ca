"""The studies of chapter 03: what makes sigmoid fail, and what repairs it."""

from __future__ import annotations

from actlab.studies import ClassifierRun, Study

from ..steps import STEPS

__all__ = ["STUDIES"]

SIGMOID_REPAIRS = Study(
    name="sigmoid-repairs",
    question="Is it the sigmoid that fails, or the start and the step?",
    home=__package__,
    conditions=(
        *(
            ClassifierRun(regime, "sigmoid", init=init, **step)
            for init in ("default", "xavier", "he", "xavier_4")
            for regime, step in STEPS.items()
        ),
        # For comparison; ReLU with the two ways of SGD is in first-look.
        ClassifierRun("adam", "relu", **STEPS["adam"]),
    ),
)

# The failing network of the live cells, and how long it stays where it is.
MORE_EPOCHS = Study(
    name="more-epochs",
    question="Does the failing network only need more epochs?",
    home=__package__,
    conditions=(
        ClassifierRun(
            "sgd",
            "sigmoid",
            lr=0.02,
            momentum=0.8,
            epochs=400,
            data="digits",
            scale="",
            sizes=(64, 256, 192, 128, 64, 10),
            batch_size=64,
        ),
    ),
)

# The choice that sigmoid had, for ReLU too; and a quarter of a decade around the step.
# What is missing here at 0.001 is in sigmoid-repairs.
SAME_CHOICE = Study(
    name="same-choice",
    question="What is left under Adam when both functions choose start and step?",
    home=__package__,
    conditions=tuple(
        ClassifierRun("adam", activation, lr, optimiser="adam", init=init)
        for activation, init, rates in (
            ("relu", "he", (0.00056, 0.001, 0.0018)),
            ("relu", "xavier", (0.001,)),
            ("relu", "xavier_4", (0.001,)),
            ("sigmoid", "xavier_4", (0.00056, 0.0018)),
        )
        for lr in rates
    ),
)

STUDIES = (SIGMOID_REPAIRS, MORE_EPOCHS, SAME_CHOICE)
