"""Three ways to take steps, shared by the studies of several chapters."""

from __future__ import annotations

from typing import Required, TypedDict

__all__ = ["STEPS", "Steps"]


class Steps(TypedDict, total=False):
    """What a way of taking steps says of a run; see ``actlab.studies.Condition``."""

    lr: Required[float]
    momentum: float
    optimiser: str


STEPS: dict[str, Steps] = {
    "sgd_small": {"lr": 0.001, "momentum": 0.8},
    "sgd_large": {"lr": 0.05, "momentum": 0.9},
    "adam": {"lr": 0.001, "optimiser": "adam"},
}
