"""Which functions of the catalogue the tests try, and at which parameters.

Everything here follows from the records of the catalogue: a new row is tried by all
tests without being named in any of them.
"""

from __future__ import annotations

import pytest

from actlab import catalogue

__all__ = ["CASES", "OURS", "SCALARS", "VECTORS", "settings"]

SCALARS = [row for row in catalogue.CATALOGUE.values() if row.kind == "scalar"]
VECTORS = [row for row in catalogue.CATALOGUE.values() if row.kind == "vector"]


def settings(row: catalogue.Activation) -> list[dict[str, float]]:
    """Return the parameters at which a row is tried: defaults, and its trial values."""
    return [{}, row.trial()] if row.params else [{}]


def _cases(rows: list[catalogue.Activation]) -> list:
    return [
        pytest.param(row, params, id=" ".join([row.key, *map(str, params.values())]))
        for row in rows
        for params in settings(row)
    ]


def _is_ours(row: catalogue.Activation) -> bool:
    return type(row.make()).__module__.startswith("actlab.activations.")


CASES = _cases(SCALARS)
# Those whose module this package wrote, because torch has none.
OURS = _cases([row for row in SCALARS if _is_ours(row)])
