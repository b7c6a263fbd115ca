"""Measure, plot and exercise activation functions.

The package follows the course: one chapter, one module, one family. Importing it
costs nothing; a module such as ``actlab.catalogue`` is loaded when it is named.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

__version__ = "0.1.0"
__all__ = ["__version__"]


def __getattr__(name: str) -> ModuleType:
    """Load a module of the package when it is first named."""
    qualified = f"{__name__}.{name}"
    if name.startswith("_") or importlib.util.find_spec(qualified) is None:
        raise AttributeError(f"actlab has no module {name!r}")
    return importlib.import_module(qualified)
