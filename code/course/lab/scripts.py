"""The laboratory's script, put together for the site.

Chapters need none of this; `tools/generate_pages.py` writes what these functions
return.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from . import trees

__all__ = ["COMPUTING", "core", "digits", "page", "script"]

COMPUTING = (
    "numbers.js",
    "formula.js",
    "kernels.js",
    "machine.js",
    "engine.js",
    "sheet.js",
    "session.js",
    "challenges.js",
)
# What page.js asks of the rest.
OFFERED = (
    "ROWS, FormulaError, functionOf, Program, stateOf, addressOf, pythonOf, READ, "
    "READ_EVENT, REGION, REGION_REACH, Desk, pushForward, CHALLENGES, lacking"
)


@cache
def read(name: str) -> str:
    """Return one of the package's files as text."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def core() -> str:
    """Return what computes, with the rows of the catalogue, and without a page."""
    rows = json.dumps(trees.rows(), ensure_ascii=False, separators=(",", ":"))
    return "\n".join([f"const ROWS = {rows};", *map(read, COMPUTING)])


def script() -> str:
    """Return the page's script. What computes is one function, so that the page can
    hand its text to a worker."""
    return (
        '(() => {\n"use strict";\n'
        f"function labCore() {{\n{core()}\nreturn {{ {OFFERED} }};\n}}\n"
        f"const LAB = labCore();\n{read('page.js')}\n}})();\n"
    )


def page() -> str:
    """Return what stands on the page, with links to its style and script."""
    return (
        '<link rel="stylesheet" href="_static/lab/lab.css">\n'
        f"{read('page.html')}"
        '<script defer src="_static/lab/lab.js"></script>\n'
    )


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
