"""The computations behind the ledger of claims: one module per chapter.

A module named ``chapter07`` is found by itself. Each of its functions that bears
``@check`` can be named in ``claims.yml``.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from .registry import CHECKS, ClaimError

__all__ = ["CHECKS", "ClaimError"]

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
