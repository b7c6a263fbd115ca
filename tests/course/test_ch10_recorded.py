"""What chapter 10 says of its recorded study holds."""

from __future__ import annotations

import itertools
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from actlab import probes, studies
from actlab.networks import MLP
from course import claims
from course.ch10 import tasks
from course.ch10.claims import lives
from course.ch10.tasks import redraw

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


def share_dead(depth: int, width: int, init: str, epoch: int) -> float:
    """Mean share of dead units after so many epochs of Adam, in percent."""
    counts = recorded("dead_test", epoch, variant=f"{depth}x{width}", init=init)
    return 100 * counts.sum(1).mean() / depth / width


@pytest.mark.parametrize("init", ["default", "he"])
def test_births_rise_with_depth_from_both_starts(init) -> None:
    quoted = {"default": "from 6 to 24 to 37 %", "he": "from 1 to 4 to 9 %"}[init]
    shares = [share_dead(depth, 128, init, 0) for depth in DEPTHS]
    numbers = [float(word) for word in quoted.split() if word.isdigit()]
    assert np.abs(np.subtract(shares, numbers)).max() <= 0.5, (shares, quoted)
    assert quoted in prose()
    narrow = [share_dead(depth, 32, init, 0) for depth in DEPTHS]
    assert shares == sorted(shares) and narrow == sorted(narrow)


def test_in_training_deaths_and_revivals_nearly_cancel() -> None:
    """He: within 3 points. PyTorch: by seed, where all agree and where they do not."""
    for width in (32, 128):
        for depth in DEPTHS:
            gap = share_dead(depth, width, "he", 5) - share_dead(depth, width, "he", 0)
            assert -3 < gap < 3, (depth, width, gap)
    agree = {(8, 32): True, (8, 128): True, (16, 32): True, (4, 128): False}
    for depth, width in itertools.product(DEPTHS, (32, 128)):
        found = lives(f"{depth}x{width}", "default")
        more = {b > d for b, d in zip(found["back"], found["died"], strict=True)}
        wanted = agree.get((depth, width))
        assert more == ({True, False} if wanted is None else {wanted}), (depth, width)
    sentence = "brought more back than it killed in 8 layers and in 16 of 32 units, "
    assert sentence + "fewer in 4 of 128; in the others the seeds disagree" in prose()


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


def last_task(lr: float, activation: str = "relu", variant: str = "") -> np.ndarray:
    """Share of the twelfth labels known, one number per seed, in percent."""
    table = studies.load("changing-tasks")
    cell = (table["lr"] == lr) & (table["activation"] == activation)
    cell &= (table["variant"] == variant) & (table["epoch"] == 12)
    return table[cell]["test_accuracy"].to_numpy()


@pytest.mark.parametrize("lr", [0.01, 0.03])
def test_growth_and_death_each_keep_a_network_from_learning(lr) -> None:
    """Neither is the whole of it: each is shown with the other one away."""
    assert last_task(lr, "leaky_relu").mean() < 50  # growth without any death
    assert last_task(lr, "leaky_relu", "size").mean() > 95
    held, both = last_task(lr, variant="size"), last_task(lr, variant="both")
    assert (both > held).all() and both.mean() > 95  # death without growth
    assert (last_task(lr, variant="dead") > last_task(lr)).all()


def test_redrawing_moves_no_output_and_wakes_the_dead() -> None:
    x = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    network = MLP([8, 16, 16, 3], "relu", seed=0)
    with torch.no_grad():
        network.linears[0].bias[:5] = -100.0
    before, counted = network(x), probes.dead_units(network, x)
    assert counted.total >= 5
    redraw(network, x)
    torch.testing.assert_close(network(x), before)
    assert probes.dead_units(network, x).total < counted.total
    redraw(network, x, living=True)  # nobody dead: nobody re-drawn
    weights = network.linears[0].weight.clone()
    with torch.no_grad():
        network.linears[0].bias[:5] = -100.0
    redraw(network, x, living=True)
    assert torch.equal(network.linears[0].weight[:5], weights[:5])
    assert not torch.equal(network.linears[0].weight, weights)


def test_held_weights_have_the_norms_of_the_start() -> None:
    network = MLP([8, 16, 3], "relu", seed=0)
    sizes = [p.detach().norm() for p in network.parameters()]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(7)
    tasks._shrink(network, sizes)
    found = [p.detach().norm() for p in network.parameters()]
    torch.testing.assert_close(found, sizes)
