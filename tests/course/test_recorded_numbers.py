"""What chapters 01 and 03 say of their recorded studies holds."""

from __future__ import annotations

from actlab import studies
from actlab.statistics import interval


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
