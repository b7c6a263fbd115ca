"""What chapter 10 says of its recorded study holds."""

from __future__ import annotations

from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from actlab import studies
from course import claims

CHAPTER = Path(__file__).parents[2] / "chapters" / "10-dead-neurons.ipynb"


def prose() -> str:
    cells = nbformat.read(CHAPTER, as_version=4).cells
    return "\n".join(c.source for c in cells if c.cell_type == "markdown")


def recorded(column: str, epoch: int, **where: str) -> np.ndarray:
    """Counts per run and hidden layer."""
    table = studies.load("dead")
    for name, value in where.items():
        table = table[table[name] == value]
    texts = table.loc[table["epoch"] == epoch, column]
    return np.array([text.split() for text in texts], dtype=float)


def first(init: str, regime: str, epoch: int = 15) -> np.ndarray:
    where = {"variant": "base", "activation": "relu", "init": init, "regime": regime}
    return recorded("dead_test", epoch, **where)


def test_the_sentences_about_steps_hold() -> None:
    """SGD 0.05 revives, Adam kills in its first epoch, accuracy does not follow."""
    assert first("default", "sgd_large").sum(1).mean() < 4
    adam = [first("default", "adam", epoch).sum(1).mean() for epoch in (0, 1, 15)]
    assert adam[1] > 2 * adam[0] and adam[1] > adam[2]
    small = [first("default", "sgd_small", e).sum(1).mean() for e in (0, 5, 15)]
    assert small[1] > 1.3 * small[0] and abs(small[2] - small[1]) < 12
    table = studies.load("dead")
    table = table[(table["activation"] == "relu") & (table["epoch"] == 15)]
    right = table[table["init"] == "default"].groupby("regime")["test_accuracy"].mean()
    assert abs(right["adam"] - right["sgd_large"]) < 0.5
    assert 6 < right["adam"] - right["sgd_small"] < 8


DEPTHS = (4, 8, 16)


def share_dead(depth: int, width: int, init: str) -> float:
    """Mean share of dead units after five epochs of Adam, in percent."""
    counts = recorded("dead_test", 5, variant=f"{depth}x{width}", init=init)
    return 100 * counts.sum(1).mean() / depth / width


@pytest.mark.parametrize("width", [32, 128])
def test_depth_counts_from_both_starts(width) -> None:
    quoted = {
        (32, "default"): "from 6 to 15 to 25 %",
        (128, "default"): "from 9 to 16 to 32 %",
        (32, "he"): "from 3 to 6 to 10 %",
        (128, "he"): "from 3 to 5 to 10 %",
    }
    for init in ("default", "he"):
        shares = [share_dead(depth, width, init) for depth in DEPTHS]
        assert shares == sorted(shares)
        text = quoted[width, init]
        numbers = [float(word) for word in text.split() if word.isdigit()]
        assert np.abs(np.subtract(shares, numbers)).max() <= 0.55, (shares, text)
        assert text in prose()
    ratio = share_dead(16, width, "default") / share_dead(16, width, "he")
    assert 2.2 < ratio < 3.8  # "by a factor of about three"


@pytest.mark.parametrize(
    "name, instead, check, message",
    [
        (
            "gelu",
            lambda x, **_: F.silu(x),
            "zero_outputs_are_not_the_only_death",
            "gelu",
        ),
        ("relu", lambda x: F.leaky_relu(x, 0.01), "born_dead_networks", "layers"),
    ],
)
def test_a_broken_function_fails_its_check(
    monkeypatch, name, instead, check, message
) -> None:
    monkeypatch.setattr(F, name, instead)
    monkeypatch.setattr(torch, name, instead, raising=False)
    with pytest.raises(claims.ClaimError, match=message):
        claims.claim_checks()[check]()
