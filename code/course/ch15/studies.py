"""The studies of chapter 15: a function and its parents, a search and what is left."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from actlab import datasets
from actlab.design import candidate
from actlab.networks import MLP
from actlab.studies import ClassifierRun, Condition, Setting, Study
from actlab.studies.runners import on_cpu, register
from actlab.together import fit_many
from actlab.training import Run

from ..ch12.studies import EQUIVALENCE_MARGIN, TUNED_STEPS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CHANGES", "EQUIVALENCE_MARGIN", "FINALISTS", "STUDIES", "FormulaRun"]

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


# What is left of a search ----------------------------------------------------------


@dataclass(frozen=True)
class FormulaRun(Condition):
    """A small network with a formula, on the digits.

    ``activation`` is a formula or a key of the catalogue; ``regime`` the step of the
    study; ``change`` what differs from the search; ``sizes`` those of the network.
    ``held_out`` as in :class:`~actlab.studies.ClassifierRun`.
    """

    optimiser: str = "adam"
    epochs: int = 6
    change: str = "none"
    sizes: tuple[int, ...] = (64, 16, 16, 10)
    held_out: int = 287


def _of_formula(setting: Setting) -> FormulaRun:
    assert isinstance(setting.condition, FormulaRun)
    return setting.condition


def _train(settings: Sequence[Setting]) -> list[Run]:
    """Train the networks of runs that have one shape."""
    conditions = [_of_formula(setting) for setting in settings]
    first = conditions[0]
    data = datasets.digits()
    return fit_many(
        [
            MLP(c.sizes, candidate(c.activation).make(), c.init, seed=setting.seed)
            for c, setting in zip(conditions, settings)
        ],
        data.held_out(first.held_out) if first.held_out else data,
        epochs=first.epochs,
        lr=[c.lr for c in conditions],
        optimiser=first.optimiser,
        momentum=first.momentum,
        schedule="cosine",
        batch_size=64,
        seed=[setting.seed for setting in settings],
        progress=False,
        together=len(settings),
    )


def _columns(run: Run) -> tuple[dict[str, list[Any]], float]:
    """Return the last epoch of a run, without numbers where it broke down."""
    names = ("train_loss", "test_loss", "test_accuracy")
    if run.error is not None:
        row: dict[str, list[Any]] = {"epoch": [run.error.epoch]}
        return row | {name: [math.nan] for name in names}, math.nan
    last = run.history.iloc[-1]
    row = {"epoch": [int(last["epoch"])]}
    return row | {name: [float(last[name])] for name in names}, run.seconds


def _alone(setting: Setting) -> tuple[dict[str, list[Any]], float]:
    return _columns(_train([setting])[0])


def _together(
    settings: Sequence[Setting], device: str
) -> list[tuple[dict[str, list[Any]], float]]:
    return [_columns(run) for run in _train(settings)]


def _shape(condition: FormulaRun) -> Hashable:
    """What networks that train at once have in common."""
    return (
        *(condition.sizes, condition.held_out, condition.epochs),
        *(condition.optimiser, condition.momentum),
    )


register(FormulaRun, on_cpu(_alone), together=_together, shape=_shape)

# The eight best of the chapter's search, in its order, and ReLU beside them.
FINALISTS = (
    "softplus(x) * erf(x)",
    "sin(x) - abs(x)",
    "min(sigmoid(x), -x)",
    "x**2 - min(x, 0)",
    "max(x, 0) + erf(x)",
    "softplus(x) * atan(x)",
    "min(abs(x), sin(x))",
    "max(x, 0) - x**2",
)
_WIDE: dict[str, Any] = {"sizes": (64, 32, 32, 10)}
_SGD: dict[str, Any] = {"optimiser": "sgd", "momentum": 0.9}
# From the search to the registered test, one change at a time; then all at once.
CHANGES: dict[str, dict[str, Any]] = {
    "none": {},
    "start": {"init": "he"},
    "width": _WIDE,
    "optimiser": _SGD,
    "epochs": {"epochs": 8},
    "all": {"init": "he", "epochs": 8, **_WIDE, **_SGD},
}
_RATES = {"adam": (0.01, 0.03, 0.1), "sgd": (0.003, 0.01, 0.03, 0.1)}
_FRESH = tuple(range(1000, 1010))


def _cells() -> list[FormulaRun]:
    """All finalists with no change and with all changes, the first three with each."""
    return [
        FormulaRun("tune", activation, 0.0, change=change, **settings)
        for change, settings in CHANGES.items()
        for activation in (
            "relu",
            *(FINALISTS if change in ("none", "all") else FINALISTS[:3]),
        )
    ]


def _finals(table: pd.DataFrame) -> list[FormulaRun]:
    """Return the runs at the rate that each function had best under each change.

    A rate at which a run broke down is not chosen.  The last change is judged on the
    test images, after training on all others; the rest where the search was judged.
    """
    done = {*zip(table["change"], table["activation"], table["regime"])}
    tuning = table[table["regime"] == "tune"]
    scores = tuning.fillna({"test_accuracy": -math.inf})
    means = scores.groupby(["change", "activation", "lr"])["test_accuracy"].mean()
    return [
        replace(
            cell,
            regime="final",
            lr=float(means[cell.change, cell.activation].idxmax()),
            held_out=0 if cell.change == "all" else cell.held_out,
            seeds_of_its_own=_FRESH,
        )
        for cell in _cells()
        if (cell.change, cell.activation, "final") not in done
    ]


SECOND_LOOK = Study(
    name="second-look",
    question="What is left of a search's finalists, each at its own rate?",
    home=__package__,
    conditions=(
        *(
            FormulaRun("as searched", activation, 0.01, seeds_of_its_own=_FRESH)
            for activation in ("relu", *FINALISTS)
        ),
        *(
            replace(cell, lr=lr, seeds_of_its_own=(100, 101))
            for cell in _cells()
            for lr in _RATES[cell.optimiser]
        ),
    ),
    further=("change",),
    growth=_finals,
)

STUDIES = (SWIGELU, SECOND_LOOK)
