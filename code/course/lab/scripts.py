"""The laboratory's script, put together for the site.

Chapters need none of this; `tools/generate_pages.py` writes what these functions return.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from . import trees

__all__ = ["COMPUTING", "core", "digits"]

COMPUTING = ("numbers.js", "formula.js", "engine.js", "sheet.js", "session.js")


@cache
def read(name: str) -> str:
    """Return one of the package's files as text."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def core() -> str:
    """Return what computes, with the rows of the catalogue, and without a page."""
    rows = json.dumps(trees.rows(), ensure_ascii=False, separators=(",", ":"))
    return "\n".join([f"const ROWS = {rows};", *map(read, COMPUTING)])


def digits() -> str:
    """Return scikit-learn's digits as a script: one letter per pixel, A for 0.

    In the order of ``actlab.datasets.digits()``: training examples first.
    """
    from actlab import datasets

    found = datasets.digits(scale="unit")
    pixels: list[int] = []
    labels = ""
    for part in ("train", "test"):
        x, y = getattr(found, f"x_{part}"), getattr(found, f"y_{part}")
        pixels += (16 * x).round().int().flatten().tolist()
        labels += "".join(map(str, y.tolist()))
    packed = {
        "pixels": "".join(chr(65 + value) for value in pixels),
        "labels": labels,
        "train": len(found.x_train),
    }
    return f"window.actlabDigits = {json.dumps(packed)};\n"
