"""Exercises that say what went wrong: `ask`, `check`, `predict`, `progress`.

Chapters put their exercises into `course/chNN/exercises.py` (see `model`); they are
imported only when one of them is needed.
"""

from __future__ import annotations

from .core import check, progress
from .model import ExerciseError
from .render import ask, predict, progress_panel

__all__ = ["ExerciseError", "ask", "check", "predict", "progress", "progress_panel"]
