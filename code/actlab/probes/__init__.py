"""Instruments: what flows through a network's layers, and which units are dead.

All of them hook modules, so the activations of a network must be modules; a function
called in ``forward`` leaves nothing to hook. All leave the network bit-identical.
A layer is one call of an activation, counted from 1 in the order in which they run.

Chapters 09, 10 and 14.
"""

from __future__ import annotations

from .dead import DEFINITIONS, DeadUnits, LifeHistory, dead_units
from .health import HealthReport, Sign, checkup
from .hooks import NoActivationError
from .layers import QUANTITIES, Histograms, correlation, histograms, snapshot
from .trace import Trace, watch

__all__ = [
    "DEFINITIONS",
    "QUANTITIES",
    "DeadUnits",
    "HealthReport",
    "Histograms",
    "LifeHistory",
    "NoActivationError",
    "Sign",
    "Trace",
    "correlation",
    "dead_units",
    "histograms",
    "watch",
    "checkup",
    "snapshot",
]
