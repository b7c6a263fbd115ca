"""The same function elsewhere: other libraries, exporters and runtimes, measured.

One name is several functions: a default, a slope at a kink, what becomes of an infinite
input or of an exported graph differ from library to library. ``python -m
actlab.elsewhere run`` asks each library the same questions, in an environment that it
makes for it and removes; :func:`load` is what it found.

Chapter: none; the page *Elsewhere*.
"""

from __future__ import annotations

import pandas as pd

from .environments import ENVIRONMENTS, Environment
from .functions import FUNCTIONS, Function
from .record import load

__all__ = ["ENVIRONMENTS", "Environment", "FUNCTIONS", "Function", "census", "load"]

CENSUS = "census.json"


def census() -> dict[str, pd.DataFrame]:
    """Return the activations that models use by default, as counted.

    ``"census-transformers"`` has a row for each configuration (``model``, ``year``,
    ``activation``, ``gated``), ``"census-timm"`` one for each model (``model``,
    ``activation``, ``modules``).  What is used is not therefore better.
    """
    return {key: pd.DataFrame(part["rows"]) for key, part in load(CENSUS).items()}
