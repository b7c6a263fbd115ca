"""The record that is shipped: one file with every cell and where it comes from.

Numbers that JSON does not have are written as strings: "nan", "inf", "-inf", "-0".
"""

from __future__ import annotations

import hashlib
import json
import math
from importlib import resources
from pathlib import Path
from typing import Any

from ..studies import records
from .environments import ENVIRONMENTS
from .judging import differences

__all__ = [
    "TABLE",
    "add",
    "cells_hash",
    "load",
    "read_numbers",
    "torch_cell",
    "write_numbers",
]

TABLE = "elsewhere.json"
ODD = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "-0": -0.0}


def load(name: str = TABLE) -> dict[str, Any]:
    """Return the shipped record: by environment, where it is from, and its cells.

    Each cell has the function's key, ``call``, ``defaults``, ``form``, the answers of
    ``inside.protocol.ask``, ``errors`` by type, and ``differs``: how it differs from
    PyTorch's cell of the same function, in words.
    """
    text = (resources.files(__package__) / name).read_text("utf-8")
    return read_numbers(json.loads(text))


def add(
    environments: dict[str, dict[str, Any]], folder: Path, name: str = TABLE
) -> Path:
    """Put environments in the shipped record, in place of what it had of them."""
    path = folder / name
    before = json.loads(path.read_text("utf-8")) if path.exists() else {}
    whole = read_numbers(before) | environments
    for key, environment in whole.items():
        for cell in environment.get("cells", []):
            cell.pop("differs", None)
            base = torch_cell(whole, cell["function"], ENVIRONMENTS[key].base)
            if base is not None and base is not cell:
                cell["differs"] = differences(cell, base)
        if "cells" in environment:
            environment["cells_sha256"] = cells_hash(environment["cells"])
    records.write_text(path, _text(whole))
    return path


def torch_cell(
    record: dict[str, Any], function: str, release: str = "torch"
) -> dict[str, Any] | None:
    """Return PyTorch's own cell of a function; None if it has none."""
    for cell in record.get(release, {}).get("cells", []):
        if cell["function"] == function and "variant" not in cell:
            return cell
    return None


def cells_hash(cells: list[dict[str, Any]]) -> str:
    """Return the SHA-256 of cells, by which a test sees a later edit."""
    text = json.dumps(write_numbers(cells), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _text(whole: dict[str, Any]) -> str:
    """Return the record as JSON with a line for each cell."""
    parts = []
    for key, environment in sorted(whole.items()):
        rest = {k: v for k, v in environment.items() if k != "cells"}
        lines = [
            json.dumps(write_numbers(cell), ensure_ascii=False)
            for cell in environment.get("cells", [])
        ]
        head = json.dumps(write_numbers(rest), ensure_ascii=False)
        if lines:
            head = head[:-1] + ', "cells": [\n' + ",\n".join(lines) + "\n]}"
        parts.append(f"{json.dumps(key)}: {head}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def write_numbers(value: Any) -> Any:
    """Return a value with seven digits to a number, and strings for what is none."""
    if isinstance(value, dict):
        return {key: write_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [write_numbers(inner) for inner in value]
    if not isinstance(value, float):
        return value
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else 0.0
    return float(f"{value:.7g}") if math.isfinite(value) else str(value)


def read_numbers(value: Any) -> Any:
    """Return a value as it was before :func:`write_numbers`, to seven digits."""
    if isinstance(value, dict):
        return {key: read_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [read_numbers(inner) for inner in value]
    return ODD.get(value, value) if isinstance(value, str) else value
