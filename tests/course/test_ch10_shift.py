"""The control of chapter 10's common shift, and what the chapter says of revivals."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from actlab import datasets, deep, probes
from actlab.networks import MLP
from course.ch10 import tasks
from course.ch10.shift import taken_back

SIZES = [64, 128, 96, 64, 32, 10]


def step(net: MLP, x: torch.Tensor, y: torch.Tensor, lr: float = 0.1) -> None:
    F.cross_entropy(net(x[:16]), y[:16]).backward()
    with torch.no_grad():
        for p in net.parameters():
            p -= lr * p.grad


def test_only_the_part_that_all_examples_share_is_taken_back() -> None:
    data = datasets.digits()
    x, y = data.x_train, data.y_train
    plain, held = (MLP(SIZES, "relu", seed=1) for _ in range(2))
    take_back = taken_back(held, x, [2])
    inputs = held.joints(x)[0].activation
    before = held.linears[1](inputs).detach()
    for net in (plain, held):
        step(net, x, y)
    take_back(1)
    z_plain, z_held = (net.linears[1](inputs).detach() for net in (plain, held))
    # Between examples both differ as much; the mean has moved by the bias's step only.
    torch.testing.assert_close(
        z_held - z_held.mean(0), z_plain - z_plain.mean(0), atol=1e-5, rtol=1e-4
    )
    own = -0.1 * held.linears[1].bias.grad
    torch.testing.assert_close((z_held - before).mean(0), own, atol=1e-5, rtol=1e-3)
    for i in (0, 2, 3, 4):  # nothing else has changed
        for one, other in zip(
            plain.linears[i].parameters(), held.linears[i].parameters()
        ):
            assert torch.equal(one, other)


def test_a_layer_that_is_none_is_refused() -> None:
    net = MLP(SIZES, "relu")
    with pytest.raises(ValueError, match="1 to 4"):
        taken_back(net, torch.zeros(2, 64), [5])


def lives(seed: int, fixed: int = 0, back: tuple[int, ...] = ()) -> list[list[int]]:
    """Dead units per layer, before training and after each of the first 36 steps."""
    data = datasets.digits()
    net = MLP(SIZES, "relu", seed=seed)
    net.linears[:fixed].requires_grad_(False)
    after = taken_back(net, data.x_train, back)
    adam = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=0.01)
    order = torch.Generator().manual_seed(seed)
    masks = [probes.dead_units(net, data.x_train).masks]
    for _ in range(3):
        for rows in torch.randperm(1437, generator=order).split(128):
            adam.zero_grad()
            F.cross_entropy(net(data.x_train[rows]), data.y_train[rows]).backward()
            adam.step()
            after(0)
            masks.append(probes.dead_units(net, data.x_train).masks)
    died, back_again = (
        [
            sum(int((a & ~b).sum()) for a, b in zip(then, now))
            for then, now in (
                (layer[1:], layer[:-1]) if deaths else (layer[:-1], layer[1:])
                for layer in zip(*masks)
            )
        ]
        for deaths in (True, False)
    )
    return [died, back_again]


def test_the_shift_kills_in_each_layer_and_only_there() -> None:
    backs = ((), (1,), (2, 3, 4), (1, 2, 3, 4))
    died = {back: lives(3, back=back)[0] for back in backs}
    plain, above = died[()], {back: sum(layers[1:]) for back, layers in died.items()}
    assert died[1,][0] < 0.3 * plain[0] and above[1,] > 30
    assert died[2, 3, 4][0] > 0.8 * plain[0] and above[2, 3, 4] < 0.8 * above[()]
    assert above[1, 2, 3, 4] < 0.4 * above[()], died


def test_a_unit_comes_back_where_what_it_reads_moves() -> None:
    moving, fixed, two = (lives(3, fixed=n)[1] for n in (0, 1, 2))
    assert moving[0] == 0 and moving[1] > 5
    assert fixed[1] <= 1 and fixed[2] > 3, "the second reads what stands still"
    assert two[1] == 0 and two[2] <= 1 and two[3] > 3


def test_the_leaky_network_ends_with_most_units_on_one_side() -> None:
    """Chapter 10: it has no dead units, and most are negative for every image."""
    x, seed = datasets.digits().x_train[: tasks.IMAGES], 4
    net = tasks._fresh(tasks.TaskRun("changing", "leaky_relu", 0.01), seed)
    draw = torch.Generator().manual_seed(seed)
    for task in range(12):
        y = torch.randint(10, (len(x),), generator=draw)
        data = replace(
            datasets.digits(), x_train=x, y_train=y, x_test=x[:1], y_test=y[:1]
        )
        deep.train(net, data, lr=0.01, epochs=40, optimiser="adam", seed=task)
    off = sum(int((j.pre_activation <= 0).all(0).sum()) for j in net.joints(x))
    assert off > 64 and probes.dead_units(net, x).total == 0
