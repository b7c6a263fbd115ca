"""Numbers that chapters quote from recorded studies are the ones that were recorded."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from actlab import studies
from actlab.statistics import interval

CHAPTERS = Path(__file__).parents[2] / "chapters"
# Chapter, study, condition, epoch, places: the text must hold the mean, rounded, and
# where it quotes an interval, that interval.
QUOTED = [
    ("01", "spirals", {"activation": "identity"}, 100, ["{} %"]),
    ("01", "spirals", {"activation": "relu"}, 100, ["{} %"]),
    (
        "01",
        "first-look",
        {"regime": "small_step", "activation": "identity"},
        15,
        ["no activation {} %", "| {mean} |"],
    ),
    (
        "01",
        "first-look",
        {"regime": "small_step", "activation": "relu"},
        15,
        ["ReLU {} %", "| {mean} |"],
    ),
    (
        "01",
        "first-look",
        {"regime": "large_step", "activation": "identity"},
        15,
        ["no activation {} %", "| {mean} |"],
    ),
    (
        "01",
        "first-look",
        {"regime": "large_step", "activation": "relu"},
        15,
        ["ReLU {} %", "| {mean} |"],
    ),
    ("01", "unit-inputs", {"activation": "identity"}, 15, ["| {mean} |"]),
    ("01", "unit-inputs", {"activation": "relu"}, 15, ["| {mean} |"]),
]
REPAIRS = [
    (
        "sigmoid",
        "sgd_small",
        "default",
        ["| {mean} %, in all five runs |", "({mean} %)"],
    ),
    ("sigmoid", "sgd_small", "xavier_4", ["| {} % |", "weights give {mean} %"]),
    ("sigmoid", "sgd_large", "default", ["larger steps {mean} %"]),
    ("sigmoid", "adam", "default", ["| {} % |", "Adam {mean} %"]),
    ("sigmoid", "adam", "xavier_4", ["| {} %; ", "level with ReLU: {} and "]),
    ("relu", "adam", "default", ["; {} % |", " and {} %. There is no gap"]),
]
QUOTED += [
    (
        "03",
        "sigmoid-repairs",
        {"activation": activation, "regime": regime, "init": init},
        15,
        forms,
    )
    for activation, regime, init, forms in REPAIRS
]


def markdown(chapter: str) -> str:
    """All the prose of a chapter."""
    path = next(CHAPTERS.glob(f"{chapter}-*.ipynb"))
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(c.source for c in cells if c.cell_type == "markdown")


@pytest.mark.parametrize("chapter, study, where, epoch, forms", QUOTED)
def test_quoted_numbers_are_recorded(
    chapter: str, study: str, where: dict, epoch: int, forms: list[str]
) -> None:
    runs = studies.load(study)
    for column, value in where.items():
        runs = runs[runs[column] == value]
    measured = interval(runs.loc[runs["epoch"] == epoch, "test_accuracy"])
    text = markdown(chapter)
    written = re.sub(r" \(n = \d+\)", "", str(measured))
    for form in forms:
        wanted = form.format(written, mean=f"{measured.mean:.1f}")
        assert wanted in text, f"chapter {chapter} should say {wanted!r}"


def test_the_sentences_of_chapter_01_hold() -> None:
    look = studies.load("first-look")
    at_15 = look[look["epoch"] == 15]
    runs = {
        key: group["test_accuracy"]
        for key, group in at_15.groupby(["regime", "activation"])
    }
    linear, relu = runs["small_step", "identity"], runs["small_step", "relu"]
    assert interval(linear).low > interval(relu).high, "the intervals do not overlap"
    gap = runs["large_step", "relu"].mean()
    assert gap - runs["large_step", "identity"].mean() > 6, "more than six points"
    assert gap - runs["linear_best", "identity"].mean() > 4, (
        "more than four in its better row"
    )
    square = studies.final("square").groupby("activation")["test_accuracy"].mean()
    assert (
        square["identity"] + 2
        < square["square"]
        < square["relu"]
        < 2 + square["square"]
    ), "x² is a point or so behind ReLU and well ahead of no activation"


def test_the_sentences_of_chapter_03_hold() -> None:
    last = studies.final("sigmoid-repairs")
    last = last[last["activation"] == "sigmoid"]
    runs = {
        key: group["test_accuracy"] for key, group in last.groupby(["regime", "init"])
    }
    assert (runs["sgd_small", "default"] < 10.5).all(), "guessing in each of five runs"
    lucky = runs["sgd_small", "xavier"]
    assert (round(lucky.min()), round(lucky.max())) == (20, 43)
    others = [group.mean() for key, group in runs.items() if key[0] != "sgd_small"]
    assert (round(min(others)), round(max(others), 1)) == (86, 88.5)
