"""SELU beside batch normalisation: the networks of study selu-normed, its reading."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from actlab import datasets, studies
from actlab.statistics import paired_difference
from course.ch04 import beside
from course.ch04.longer import STEPS
from course.ch04.normed import CELLS, SETTINGS, network

DIGITS = SETTINGS["digits 24"]


def _norms(cell: str) -> list[nn.BatchNorm1d]:
    net = network(replace(DIGITS, activation=cell), seed=0)
    return [part for part in net.modules() if isinstance(part, nn.BatchNorm1d)]


def test_only_one_normalisation_learns_and_each_layer_has_its_own():
    assert not _norms("selu")
    for cell, learnt in (("normed", 0), ("affine", 2)):
        norms = _norms(cell)
        assert len(norms) == 24
        assert all(len(list(norm.parameters())) == learnt for norm in norms)


def test_the_weights_have_the_gain_of_their_function():
    for cell, gain in (("selu", 1.0), ("normed", 2**0.5), ("affine", 2**0.5)):
        net = network(replace(DIGITS, activation=cell), seed=0)
        weight = torch.cat([linear.weight.flatten() for linear in net.linears[1:-1]])
        assert weight.std().item() * 8 == pytest.approx(gain, rel=0.02)


def test_judged_are_seeds_that_chose_nothing():
    rows = studies.final("selu-normed")
    tuned = rows["regime"].isin(["coarse", "fine"])
    assert set(rows[tuned]["seed"]) == {100, 101, 102}
    assert set(rows[rows["regime"] == "final"]["seed"]) == {*range(20, 30)}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_distance_follows_the_runs_and_its_sign_is_selus(monkeypatch, setting):
    before = beside.against_norms(setting)
    rows = studies.final("selu-normed")
    rows.loc[rows["activation"] == "selu", "test_accuracy"] += 50
    monkeypatch.setattr(studies, "final", lambda name: rows.copy())
    after = beside.against_norms(setting)
    assert (after["difference"] - before["difference"]).tolist() == [
        pytest.approx(50)
    ] * 2
    assert (after["low"] < after["difference"]).all()
    assert (after["high"] > after["difference"]).all()
    assert (after["verdict"] == "larger").all()


def test_a_final_run_that_broke_down_counts_as_a_guess(monkeypatch):
    rows = studies.final("selu-normed")
    mine = rows["variant"].eq("digits 24") & rows["regime"].eq("final")
    rows.loc[mine & rows["activation"].eq("selu"), "test_accuracy"] = float("nan")
    monkeypatch.setattr(studies, "final", lambda name: rows.copy())
    assert beside.finals("digits 24")["selu"] == [10.0] * 10


def test_the_table_has_every_cell_and_fits_a_phone():
    lines = beside.table().splitlines()
    assert len(lines) == 1 + (len(SETTINGS) + 1) * (1 + len(CELLS))
    assert max(map(len, lines)) <= 62


def test_selu_is_ahead_in_all_six_and_the_normalised_step_is_larger():
    for setting in SETTINGS:
        gaps = beside.against_norms(setting)
        assert (gaps["verdict"] == "larger").all() and (gaps["low"] > 0).all()
        steps = beside.steps(setting)
        assert steps["selu"] < min(steps["normed"], steps["affine"])


def test_most_of_the_lead_on_the_digits_is_a_head_start():
    runs, early = beside.longer(), beside.against_norms("digits 24")["difference"]
    assert beside.steps("digits 24") == STEPS
    for cell in CELLS[1:]:
        gap = paired_difference(runs["selu"], runs[cell])
        assert gap.n == 10 and 0 < gap.low and gap.mean < early[cell] / 2


def test_after_80_epochs_no_lead_in_test_loss_is_left():
    rows = studies.final("selu-longer").sort_values("seed")
    loss = {key: part["test_loss"].tolist() for key, part in rows.groupby("activation")}
    for cell in CELLS[1:]:
        gap = paired_difference(loss["selu"], loss[cell])
        assert gap.n == 10 and gap.mean > 0 > gap.low, "a lead would be below 0"


@pytest.mark.parametrize("cell, low, high", [("selu", 1, 10), ("normed", 2e3, 5e4)])
def test_through_48_normalised_layers_a_gradient_grows_by_thousands(cell, low, high):
    x, y = datasets.digits().x_train[:64], datasets.digits().y_train[:64]
    net = network(replace(SETTINGS["digits 48"], activation=cell), seed=0)
    functional.cross_entropy(net(x), y).backward()
    first, last = (net.linears[i].weight.grad.norm().item() for i in (1, -2))
    assert low < first / last < high
