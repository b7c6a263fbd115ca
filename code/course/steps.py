"""Three ways to take steps, shared by the studies of several chapters."""

from __future__ import annotations

from typing import Any

__all__ = ["STEPS"]

STEPS: dict[str, dict[str, Any]] = {
    "sgd_small": {"lr": 0.001, "momentum": 0.8},
    "sgd_large": {"lr": 0.05, "momentum": 0.9},
    "adam": {"lr": 0.001, "optimiser": "adam"},
}
