"""What the recorded studies vary: conditions, settings and the declared grids.

A study is data. How one of its runs is done stands in ``runners``, how all of them are
done, kept and read in ``studies``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

__all__ = ["STUDIES", "Condition", "Setting", "Study", "declared"]


# Fields that came later. They are left out of identities and of provenance while they
# have their default, so that what was recorded before them keeps its name.
LATER = (
    "variant",
    "parameters",
    "sizes_of_its_own",
    "seeds_of_its_own",
    "schedule",
    "held_out",
)
LATER_OF_STUDY = ("runner", "further")


@dataclass(frozen=True)
class Condition:
    """One cell of a grid: everything about its runs but the seed.

    ``parameters`` of the activation are pairs of name and value; ``variant`` names a
    change of it that ``controls`` makes, or whatever else tells cells apart. Cells may
    have sizes and seeds of their own. ``schedule`` is that of ``fit``. The last
    ``held_out`` training examples are kept out of training, and what the table calls
    test is measured on them.
    """

    regime: str
    activation: str
    lr: float
    momentum: float = 0.0
    optimiser: str = "sgd"
    init: str = "default"
    shared: bool = False
    epochs: int = 15
    variant: str = ""
    parameters: tuple[tuple[str, float], ...] = ()
    sizes_of_its_own: tuple[int, ...] = ()
    seeds_of_its_own: tuple[int, ...] = ()
    schedule: str = "constant"
    held_out: int = 0


@dataclass(frozen=True)
class Setting:
    """Everything that decides one run; equal settings give equal results."""

    condition: Condition
    seed: int
    data: str
    scale: str
    sizes: tuple[int, ...]
    batch_size: int
    runner: str = "mlp"

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits that stay the same on every machine."""
        text = json.dumps(declared(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Study:
    """A declared grid: each condition with each seed.

    Parameters
    ----------
    name, question, chapter : what it is called, what it asks, who reads it.
    conditions : the cells of the grid.
    seeds : how many runs per cell, with seeds 0, 1, 2, …
    data, scale : name of a function in ``datasets`` and the scale of its inputs; the
        toy sets have none, which is "".
    sizes, batch_size : of the network, and of its training.
    runner : what does one run, a key of ``runners.RUNNERS``.
    further : columns that the table has beside those of every study: fields of the
        condition, or what the runner logs.
    """

    name: str
    question: str
    chapter: int
    conditions: tuple[Condition, ...]
    seeds: int = 5
    data: str = "fashion_mnist"
    scale: str = "symmetric"
    sizes: tuple[int, ...] = (784, 256, 192, 128, 64, 10)
    batch_size: int = 128
    runner: str = "mlp"
    further: tuple[str, ...] = ()

    def settings(self) -> list[Setting]:
        """Expand the grid into one :class:`Setting` per run."""
        return [
            Setting(
                condition,
                seed,
                self.data,
                self.scale,
                condition.sizes_of_its_own or self.sizes,
                self.batch_size,
                self.runner,
            )
            for condition in self.conditions
            for seed in condition.seeds_of_its_own or range(self.seeds)
        ]

    def altered(self, seeds: int | None = None, epochs: int | None = None) -> Study:
        """Return the same study with another number of seeds or of epochs."""
        conditions = self.conditions
        if epochs is not None:
            conditions = tuple(replace(c, epochs=epochs) for c in conditions)
        if seeds is None:
            return replace(self, conditions=conditions)
        conditions = tuple(
            replace(c, seeds_of_its_own=c.seeds_of_its_own[:seeds]) for c in conditions
        )
        return replace(self, conditions=conditions, seeds=seeds)


def declared(record: Condition | Setting | Study) -> dict[str, Any]:
    """Return a record as plain dictionaries, later fields only where they say more."""
    result = asdict(record)
    conditions = result.get("conditions") or [result.get("condition", result)]
    for part, later in ((result, LATER_OF_STUDY), *((c, LATER) for c in conditions)):
        for name in later:
            if name in part and part[name] == _DEFAULTS[name]:
                del part[name]
    return result


_DEFAULTS = {
    field.name: field.default for kind in (Condition, Study) for field in fields(kind)
}


FIRST_LOOK = Study(
    name="first-look",
    question="Does a network without activation keep up, and for how long?",
    chapter=1,
    conditions=(
        # Three times the 15 epochs of the comparison, to see where the curves cross.
        Condition("small_step", "identity", lr=0.001, momentum=0.8, epochs=45),
        Condition("small_step", "relu", lr=0.001, momentum=0.8, epochs=45),
        Condition("large_step", "identity", lr=0.05, momentum=0.9),
        Condition("large_step", "relu", lr=0.05, momentum=0.9),
        Condition("linear_best", "identity", lr=0.003, momentum=0.9),
    ),
)

UNIT_INPUTS = Study(
    name="unit-inputs",
    question="Is the order of two networks the same when the inputs are scaled anew?",
    chapter=1,
    scale="unit",
    conditions=(
        Condition("small_step", "identity", lr=0.001, momentum=0.8),
        Condition("small_step", "relu", lr=0.001, momentum=0.8),
    ),
)

SPIRALS = Study(
    name="spirals",
    question="How much of two interleaved spirals does a straight line get?",
    chapter=1,
    data="spirals",
    scale="",
    sizes=(2, 32, 32, 2),
    batch_size=120,
    conditions=(
        Condition("adam", "identity", lr=0.01, optimiser="adam", epochs=100),
        Condition("adam", "relu", lr=0.01, optimiser="adam", epochs=100),
    ),
)

SQUARE = Study(
    name="square",
    question="Is x², which is no universal approximator, a bad classifier?",
    chapter=1,
    sizes=(784, 512, 10),
    conditions=tuple(
        Condition("adam", activation, lr=0.001, optimiser="adam", epochs=8)
        for activation in ("identity", "square", "relu")
    ),
)

_STEPS = {
    "sgd_small": {"lr": 0.001, "momentum": 0.8},
    "sgd_large": {"lr": 0.05, "momentum": 0.9},
    "adam": {"lr": 0.001, "optimiser": "adam"},
}

SIGMOID_REPAIRS = Study(
    name="sigmoid-repairs",
    question="Is it the sigmoid that fails, or the start and the step?",
    chapter=3,
    conditions=(
        *(
            Condition(regime, "sigmoid", init=init, **step)
            for init in ("default", "xavier", "he", "xavier_4")
            for regime, step in _STEPS.items()
        ),
        # For comparison; ReLU with the two ways of SGD is in first-look.
        Condition("adam", "relu", **_STEPS["adam"]),
    ),
)

# The two slopes are what the shared parameters of the first two cells had learnt in the
# small steps from the default start (mean of five seeds, rounded to hundredths).
_LEARNT = {"prelu": ("a", 2.32), "learnable_elu": ("alpha", 3.26)}


def _slope_or_gain() -> tuple[Condition, ...]:
    def cell(regime, activation, init, variant="", **more):
        shared = variant not in ("", "frozen")
        return Condition(
            regime,
            activation,
            init=init,
            variant=variant,
            shared=shared,
            **_STEPS[regime],
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

    def ladder(regime, init):
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
    chapter=8,
    conditions=_slope_or_gain(),
    further=("variant", "shared", "parameter"),
)

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
    chapter=8,
    conditions=tuple(
        Condition(
            signal, kind, lr=lr, optimiser="adam", epochs=400, seeds_of_its_own=seeds
        )
        for signal, lowest, seeds in _SIGNALS
        for kind in _FIELDS
        for lr in (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
        if lowest <= lr <= _HIGHEST.get(kind, 0.1)
    ),
    seeds=3,
    data="spirals",  # the runner makes its own signal, named by the regime
    scale="",
    sizes=(32, 32),
    batch_size=0,  # all points at each step
    runner="field",
    further=("psnr", "psnr_between"),
)

# Kinds of feed-forward block and the learning rate that tuning chose for each.
_KINDS = {
    "relu": 0.008,
    "gelu": 0.016,
    "relu2": 0.008,
    "bilinear": 0.008,
    "swiglu": 0.008,
    "geglu": 0.016,
}
_GATED_STEPS = {"optimiser": "adam", "epochs": 16}  # 16 times 50 steps

GATED = Study(
    name="gated",
    question="What does a gate buy at equal parameters?",
    chapter=7,
    data="python_documentation",
    scale="",
    sizes=(),
    batch_size=32,
    runner="transformer",
    further=("step", "seconds"),
    conditions=(
        *(
            Condition("tune", kind, lr, seeds_of_its_own=(100, 101), **_GATED_STEPS)
            for kind, best in _KINDS.items()
            # The fourth where the best of three was the highest.
            for lr in (0.004, 0.008, 0.016, 0.032)
            if lr <= 2 * best
        ),
        # Each kind at the rate that was best for it above, with fresh seeds.
        *(Condition("final", kind, lr, **_GATED_STEPS) for kind, lr in _KINDS.items()),
        # The time that a step with a gate takes more, given to ReLU as more steps.
        Condition("longer", "relu", _KINDS["relu"], **(_GATED_STEPS | {"epochs": 19})),
    ),
)

_DEEP = {"sizes_of_its_own": (784, 2048, 1024, 1024, 512, 512, 256, 128, 10)}


def _dead() -> tuple[Condition, ...]:
    def cell(regime, activation, init, variant="base", **more):
        return Condition(
            regime, activation, init=init, variant=variant, **_STEPS[regime], **more
        )

    regimes = ("sgd_small", "sgd_large", "adam")
    return (
        *(cell(r, "relu", init) for init in ("default", "he") for r in regimes),
        *(cell(r, "relu", "default_zero_bias") for r in ("sgd_small", "adam")),
        # The deep network is looked at and not trained.
        *(
            cell("sgd_small", "relu", init, "deep", epochs=0, **_DEEP)
            for init in ("default", "default_gain", "default_zero_bias", "he")
        ),
        cell("sgd_small", "swish", "default"),
        *(
            cell(
                "adam",
                "relu",
                init,
                f"{depth}x{width}",
                epochs=5,
                sizes_of_its_own=(784, *[width] * depth, 10),
            )
            for width in (32, 128)
            for depth in (4, 8, 16)
            for init in ("default", "he")
        ),
    )


DEAD = Study(
    name="dead",
    question="Who kills the units: the depth, the start or the step?",
    chapter=10,
    runner="mlp_with_unit_counts",
    conditions=_dead(),
    further=(
        "variant",
        "dead_test",
        "flat_test",
        "died_test",
        "revived_test",
        "zeros_test",
        "dead_train",
    ),
)

# Chapter 09: thirty layers of 64 units, and what is done to make them learn. A run that
# breaks down is a result.
_RATES = (0.01, 0.03, 0.1, 0.3)
_LOWER = (0.001, 0.003)


def _cures() -> tuple[Condition, ...]:
    def cells(regime, activation, init, variants, rates=_RATES, optimiser="sgd"):
        return [
            Condition(
                regime, activation, lr, optimiser=optimiser, init=init, epochs=20,
                variant=variant,
            )
            for variant in variants
            for lr in rates
        ]  # fmt: skip

    bridged = ("scaled_residual", "residual_layer_norm")
    normed = ("layer_norm", "batch_norm")
    residual = ("residual", "residual_clip")
    starts = (
        ("sigmoid", "default", ""),
        ("sigmoid", "xavier_4", ""),
        ("sigmoid", "xavier", "as_tanh"),
        ("tanh", "xavier", ""),
        ("sigmoid", "default", "residual_layer_norm"),
    )
    steps = (("sgd", _RATES), ("adam", (0.0003, 0.001, 0.003)))
    return (
        *cells(
            "vanishing", "relu", "default", ("", "clip", *normed, *residual, *bridged)
        ),
        *cells("vanishing", "relu", "he", ("",)),
        # Where the best step lay at an end of the four, further ones.
        *cells("vanishing", "relu", "default", ("layer_norm", "residual"), _LOWER),
        *cells("vanishing", "relu", "he", ("",), _LOWER),
        *cells(
            "vanishing", "relu", "default", ("residual_clip", "scaled_residual"), (1.0,)
        ),
        *cells("sigmoid", "sigmoid", "xavier", ("as_tanh",), (0.0001,), "adam"),
        *cells("sigmoid", "tanh", "xavier", ("",), (0.0001,), "adam"),
        *cells("exploding", "relu", "he", ("", "clip", *normed, *bridged)),
        *(
            cell
            for optimiser, rates in steps
            for activation, init, variant in starts
            for cell in cells("sigmoid", activation, init, (variant,), rates, optimiser)
        ),
    )


CURES = Study(
    name="cures",
    question="What makes thirty layers learn, and what does each cure change?",
    chapter=9,
    data="digits",
    sizes=(64, *[64] * 30, 10),
    seeds=3,
    runner="cures",
    further=("variant",),
    conditions=_cures(),
)


def _published() -> tuple[Condition, ...]:
    # What has nothing to learn is the same shared or not.
    fixed = (
        *("sigmoid", "tanh", "relu", "gelu", "mish", "leaky_relu", "swish"),
        *("hardswish", "rrelu", "identity", "elu", "selu", "telu"),
    )
    learnt = (("prelu", "shared"), ("learnable_elu", "shared"), ("staf", "25_sines"))
    return tuple(
        Condition(
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
    chapter=12,
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
    chapter=12,
    conditions=(
        *(
            Condition(regime, activation, init=init, variant=variant, epochs=5, **step)
            for variant in ("", "layer_norm")
            for init in ("default", "default_zero_bias", "he")
            for regime, step in _STEPS.items()
            for activation in TWELVE
        ),
        *(
            Condition(regime, activation, variant="cnn", epochs=5, **step)
            for regime, step in _STEPS.items()
            for activation in ("sigmoid", "tanh", "relu", "gelu")
        ),
    ),
    further=("variant",),
)

CONFOUND_LONGER = Study(
    name="confound-longer",
    question="Do the verdicts change back with three times the epochs?",
    chapter=12,
    conditions=tuple(
        Condition(regime, activation, init=init, **_STEPS[regime])
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

_TUNED = {"momentum": 0.9, "schedule": "cosine", "epochs": 8}
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
    chapter=12,
    conditions=(
        *(
            Condition(
                "tune",
                activation,
                lr,
                held_out=10_000,
                seeds_of_its_own=(100, 101, 102),
                **_TUNED,
            )
            for activation in TWELVE
            for lr in _TRIED + _TRIED_FURTHER.get(activation, ())
        ),
        *(
            Condition("final", activation, lr, **_TUNED)
            for activation, lr in _BEST.items()
        ),
    ),
    seeds=20,
)

# Predicted and committed before the first run: better than ReLU, equivalent to both
# parents within EQUIVALENCE_MARGIN.
_CANDIDATE = ("swigelu", "relu", "swish", "gelu")

SWIGELU = Study(
    name="swigelu",
    question="Is SwiGELU better than ReLU, and equivalent to Swish and to GELU?",
    chapter=15,
    conditions=(
        *(
            Condition(
                "tune",
                activation,
                lr,
                init="he",
                held_out=10_000,
                seeds_of_its_own=(100, 101, 102),
                **_TUNED,
            )
            for activation in _CANDIDATE
            for lr in (0.003, 0.01, 0.03, 0.1, 0.3)
        ),
        # The best mean of the tuning seeds is at the same rate for all four.
        *(
            Condition("final", activation, 0.03, init="he", **_TUNED)
            for activation in _CANDIDATE
        ),
    ),
    seeds=20,
)

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        FIRST_LOOK,
        UNIT_INPUTS,
        SPIRALS,
        SQUARE,
        SIGMOID_REPAIRS,
        SLOPE_OR_GAIN,
        FREQUENCY,
        GATED,
        DEAD,
        CURES,
        PUBLISHED,
        CONFOUND,
        CONFOUND_LONGER,
        TUNED,
        SWIGELU,
    )
}
