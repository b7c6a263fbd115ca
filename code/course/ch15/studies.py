"""The study of chapter 15: is a new function better than its parents?"""

from __future__ import annotations

from actlab.studies import ClassifierRun, Study

from ..ch12.studies import EQUIVALENCE_MARGIN, TUNED_STEPS

__all__ = ["EQUIVALENCE_MARGIN", "STUDIES"]

# Predicted and committed before the first run: better than ReLU, equivalent to both
# parents within EQUIVALENCE_MARGIN.
_CANDIDATE = ("swigelu", "relu", "swish", "gelu")

SWIGELU = Study(
    name="swigelu",
    question="Is SwiGELU better than ReLU, and equivalent to Swish and to GELU?",
    home=__package__,
    conditions=(
        *(
            ClassifierRun(
                "tune",
                activation,
                lr,
                init="he",
                held_out=10_000,
                seeds_of_its_own=(100, 101, 102),
                **TUNED_STEPS,
            )
            for activation in _CANDIDATE
            for lr in (0.003, 0.01, 0.03, 0.1, 0.3)
        ),
        # The best mean of the tuning seeds is at the same rate for all four.
        *(
            ClassifierRun("final", activation, 0.03, init="he", **TUNED_STEPS)
            for activation in _CANDIDATE
        ),
    ),
    seeds=20,
)

STUDIES = (SWIGELU,)
