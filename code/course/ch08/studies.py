"""The studies of chapter 08: a learnt slope or a gain, a frequency or a function."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from actlab.datasets import signal
from actlab.studies import ClassifierRun, Condition, Setting, Study
from actlab.studies.runners import on_cpu, register

from ..steps import STEPS
from . import fields

__all__ = ["STUDIES", "FieldRun"]

# The two slopes are what the shared parameters of the first two cells had learnt in the
# small steps from the default start (mean of five seeds, rounded to hundredths).
_LEARNT = {"prelu": ("a", 2.32), "learnable_elu": ("alpha", 3.26)}


def _slope_or_gain() -> tuple[ClassifierRun, ...]:
    def cell(
        regime: str, activation: str, init: str, variant: str = "", **more: Any
    ) -> ClassifierRun:
        shared = variant not in ("", "frozen")
        return ClassifierRun(
            regime,
            activation,
            init=init,
            variant=variant,
            shared=shared,
            **STEPS[regime],
            **more,
        )

    everywhere = [
        ("prelu", "shared"),
        ("learnable_elu", "shared"),
        ("relu", ""),
        ("leaky_relu", ""),
        ("elu", ""),
        ("relu", "scaled"),
    ]
    # Controls at the start that torch gives, where the learnt slope seems to win …
    at_default = [("prelu", "frozen"), ("prelu", "unit_gain")]
    # … and in the regime where it does.
    at_small_steps = [
        ("learnable_elu", "frozen"),
        ("learnable_elu", "unit_gain"),
        ("prelu", ""),
    ]

    def ladder(regime: str, init: str) -> list[tuple[str, str]]:
        if init != "default":
            return everywhere
        return everywhere + at_default + at_small_steps * (regime == "sgd_small")

    return tuple(
        cell(
            regime,
            activation,
            init,
            variant,
            parameters=(_LEARNT[activation],) if variant == "frozen" else (),
        )
        for regime in ("sgd_small", "sgd_large")
        for init in ("default", "he", "default_gain")
        for activation, variant in ladder(regime, init)
    )


SLOPE_OR_GAIN = Study(
    name="slope-or-gain",
    question="Does a learnt slope win by its shape, or by the gain it brings?",
    home=__package__,
    conditions=_slope_or_gain(),
    further=("variant", "shared", "parameter"),
)

# Fields ----------------------------------------------------------------------------


@dataclass(frozen=True)
class FieldRun(Condition):
    """A small network that learns one signal, all points at each step.

    ``regime`` names the signal, ``"chirp"`` or ``"flower"``; ``activation`` the kind of
    network, see ``fields``; the epochs are steps.
    """

    optimiser: str = "adam"
    epochs: int = 400


def _fit_field(setting: Setting) -> tuple[dict[str, list[Any]], float]:
    condition = setting.condition
    data = signal("chirp") if condition.regime == "chirp" else fields.picture()
    network = fields.network(condition.activation, data.inputs, setting.seed)
    start = time.perf_counter()
    at, between = fields.fit_field(network, data, condition.lr, condition.epochs)
    seconds = time.perf_counter() - start
    row = {
        "epoch": condition.epochs,
        "train_loss": 4 / 10 ** (at / 10),
        "test_loss": 4 / 10 ** (between / 10),
        "test_accuracy": math.nan,
        "psnr": at,
        "psnr_between": between,
    }
    return {name: [value] for name, value in row.items()}, seconds


register(FieldRun, on_cpu(_fit_field))

# Half decades; where the best of a kind lay on the edge, the grid was extended.
_FIELDS = (
    "relu",
    "relu_fourier",
    "sine_1",
    "sine_1_spread",
    "sine_30",
    "staf_naive",
    "staf",
    "rational",
    "rational_fourier",
    "spline",
)
_HIGHEST = {"sine_1": 1.0, "sine_1_spread": 0.3, "staf_naive": 0.3, "spline": 0.3}
_SIGNALS = (("chirp", 0.0003, (0, 1, 2)), ("flower", 0.003, (0, 1)))

FREQUENCY = Study(
    name="frequency-or-activation",
    question="Which networks hold high frequencies, and is it their function?",
    home=__package__,
    conditions=tuple(
        FieldRun(signal, kind, lr, seeds_of_its_own=seeds)
        for signal, lowest, seeds in _SIGNALS
        for kind in _FIELDS
        for lr in (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
        if lowest <= lr <= _HIGHEST.get(kind, 0.1)
    ),
    seeds=3,
    further=("psnr", "psnr_between"),
)

STUDIES = (SLOPE_OR_GAIN, FREQUENCY)
