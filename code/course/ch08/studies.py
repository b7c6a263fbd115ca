"""The studies of chapter 08: a learnt slope or a gain, a frequency or a function."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from torch import nn

from actlab.datasets import signal
from actlab.studies import ClassifierRun, Condition, Setting, Study
from actlab.studies.runners import on_cpu, register

from ..steps import STEPS
from . import fields
from .size_or_step import SIZE_OR_STEP

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

# What else could have done it: the factor that was learnt, never learnt; the speed of a
# shared slope, not shared.
GAIN_CONTROLS = Study(
    name="gain-controls",
    question="Does a factor have to be learnt, and a slope to be shared?",
    home=__package__,
    conditions=tuple(
        ClassifierRun(
            "sgd_small",
            activation,
            variant=variant,
            **STEPS["sgd_small"],
        )
        for activation, variant in (
            ("relu", "fixed_factor"),
            ("prelu", "quick_slope"),
        )
    ),
    further=("variant", "shared", "parameter"),
)

# Fields ----------------------------------------------------------------------------


@dataclass(frozen=True)
class FieldRun(Condition):
    """A small network that learns one signal, all points at each step.

    ``regime`` names the signal, ``"chirp"``, ``"flower"``, ``"formula"``
    or ``"formula_long"``;
    ``activation`` the kind of network, see ``fields``; the epochs are steps.
    """

    optimiser: str = "adam"
    epochs: int = 400


def _fit_field(setting: Setting) -> tuple[dict[str, list[Any]], float]:
    condition = setting.condition
    network: nn.Module
    if condition.regime.startswith("formula"):
        data = fields.surface()
        network = fields.learner(condition.activation, condition.init, setting.seed)
    else:
        data = signal("chirp") if condition.regime == "chirp" else fields.picture()
        network = fields.network(condition.activation, data.inputs, setting.seed)
    start, busy = time.perf_counter(), time.process_time()
    at, between = fields.fit_field(network, data, condition.lr, condition.epochs)
    busy, seconds = time.process_time() - busy, time.perf_counter() - start
    row = {
        "epoch": condition.epochs,
        "train_loss": 4 / 10 ** (at / 10),
        "test_loss": 4 / 10 ** (between / 10),
        "test_accuracy": math.nan,
        "psnr": at,
        "psnr_between": between,
        "processor": busy,
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

# Each kind at its own rate, from its usual start, and with equal steps or about equal
# time: 1,000 steps of an MLP take less than 300 of a KAN. Seeds 5 and 6 choose rates.
FORMULA = Study(
    name="formula",
    question="Is a KAN ahead on a formula when each side has its own rate and start?",
    home=__package__,
    conditions=tuple(
        FieldRun(regime, kind, lr, init=init, epochs=steps)
        for regime, kind, init, steps in (
            ("formula", "kan", "default", 300),
            ("formula", "spline", "default", 300),
            ("formula", "tanh", "default", 300),
            ("formula", "tanh", "xavier", 300),
            ("formula", "swish", "he", 300),
            ("formula_long", "tanh", "default", 1000),
            ("formula_long", "tanh", "xavier", 1000),
        )
        for lr in (0.01, 0.02, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3)
        if (lr < 0.2 if kind in ("kan", "spline") else lr > 0.02)
    ),
    seeds=7,
    further=("psnr", "processor"),
)

STUDIES = (SLOPE_OR_GAIN, GAIN_CONTROLS, SIZE_OR_STEP, FREQUENCY, FORMULA)
