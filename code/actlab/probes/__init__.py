"""Instruments: what flows through a network's layers, and which units are dead.

All of them hook modules, so the activations of a network must be modules; a function
called in ``forward`` leaves nothing to hook, and is named in a warning if it is one of
torch's, or a ReLU or a GELU written out. Other formulas in ``forward``, as
``x / (1 + exp(-x))``, are not seen at all: make them modules. Each report says what
counted as an activation. All leave the network bit-identical, and copies of it made
meanwhile carry no hook.
A layer is one call of an activation, counted from 1 in the order in which they run.

Chapters 09, 10 and 14.
"""

from __future__ import annotations

from .dead import DEFINITIONS, DeadUnits, LifeHistory, dead_units
from .health import HealthReport, Sign, checkup
from .hooks import NoActivationError
from .layers import QUANTITIES, Histograms, correlation, histograms, snapshot
from .slopes import CutGraphWarning
from .trace import Trace, watch
from .unseen import UnseenActivationWarning

__all__ = [
    "DEFINITIONS",
    "QUANTITIES",
    "CutGraphWarning",
    "DeadUnits",
    "HealthReport",
    "Histograms",
    "LifeHistory",
    "NoActivationError",
    "Sign",
    "Trace",
    "UnseenActivationWarning",
    "correlation",
    "dead_units",
    "histograms",
    "watch",
    "checkup",
    "snapshot",
]
