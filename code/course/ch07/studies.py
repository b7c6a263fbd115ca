"""The studies of chapter 07: what a gate buys at equal parameters."""

from __future__ import annotations

from actlab.studies import Study, TransformerRun

from .gains import EQUAL_GAIN

__all__ = ["STUDIES"]

# Kinds of feed-forward block and the learning rate that tuning chose for each.
_KINDS = {
    "relu": 0.008,
    "gelu": 0.016,
    "relu2": 0.008,
    "bilinear": 0.008,
    "swiglu": 0.008,
    "geglu": 0.016,
}

GATED = Study(
    name="gated",
    question="What does a gate buy at equal parameters?",
    home=__package__,
    further=("step", "seconds"),
    conditions=(
        *(
            TransformerRun("tune", kind, lr, seeds_of_its_own=(100, 101), epochs=16)
            for kind, best in _KINDS.items()
            # The fourth where the best of three was the highest.
            for lr in (0.004, 0.008, 0.016, 0.032)
            if lr <= 2 * best
        ),
        # Each kind at the rate that was best for it above, with fresh seeds.
        *(TransformerRun("final", kind, lr, epochs=16) for kind, lr in _KINDS.items()),
        # The time that a step with a gate takes more, given to ReLU as more steps.
        TransformerRun("longer", "relu", _KINDS["relu"], epochs=19),
    ),
)

STUDIES = (GATED, EQUAL_GAIN)
