"""Exercises that say what went wrong: `ask`, `check`, `predict`, `progress`.

Chapters put their exercises into `course/chNN/exercises.py` (see `model`); they are
imported only when one of them is needed.
"""

from __future__ import annotations

import sys

from .core import check, progress
from .model import ExerciseError
from .render import ask, predict, progress_panel

__all__ = ["ExerciseError", "ask", "check", "predict", "progress", "progress_panel"]

if "torch" in sys.modules:  # its functions are bound before an answer can replace them
    from . import report as _report  # noqa: F401
