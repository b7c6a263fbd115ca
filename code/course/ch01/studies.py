"""The studies of chapter 01: what a network loses without activations."""

from __future__ import annotations

from actlab.studies import ClassifierRun, Study

__all__ = ["STUDIES"]

FIRST_LOOK = Study(
    name="first-look",
    question="Does a network without activation keep up, and for how long?",
    home=__package__,
    conditions=(
        # Three times the 15 epochs of the comparison, to see where the curves cross.
        ClassifierRun("small_step", "identity", lr=0.001, momentum=0.8, epochs=45),
        ClassifierRun("small_step", "relu", lr=0.001, momentum=0.8, epochs=45),
        ClassifierRun("large_step", "identity", lr=0.05, momentum=0.9),
        ClassifierRun("large_step", "relu", lr=0.05, momentum=0.9),
        ClassifierRun("linear_best", "identity", lr=0.003, momentum=0.9),
    ),
)

UNIT_INPUTS = Study(
    name="unit-inputs",
    question="Is the order of two networks the same when the inputs are scaled anew?",
    home=__package__,
    conditions=tuple(
        ClassifierRun("small_step", activation, lr=0.001, momentum=0.8, scale="unit")
        for activation in ("identity", "relu")
    ),
)

SPIRALS = Study(
    name="spirals",
    question="How much of two interleaved spirals does a straight line get?",
    home=__package__,
    conditions=tuple(
        ClassifierRun(
            "adam",
            activation,
            lr=0.01,
            optimiser="adam",
            epochs=100,
            data="spirals",
            scale="",
            sizes=(2, 32, 32, 2),
            batch_size=120,
        )
        for activation in ("identity", "relu")
    ),
)

SQUARE = Study(
    name="square",
    question="Is x², which is no universal approximator, a bad classifier?",
    home=__package__,
    conditions=tuple(
        ClassifierRun(
            "adam",
            activation,
            lr=0.001,
            optimiser="adam",
            epochs=8,
            sizes=(784, 512, 10),
        )
        for activation in ("identity", "square", "relu")
    ),
)

STUDIES = (FIRST_LOOK, UNIT_INPUTS, SPIRALS, SQUARE)
