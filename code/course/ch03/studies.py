"""The study of chapter 03: what makes sigmoid fail, and what repairs it."""

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

STUDIES = (SIGMOID_REPAIRS,)
