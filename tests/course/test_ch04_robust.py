"""Noise, patches and the verdicts of chapter 04's studies robust-zeros and -slopes."""

from __future__ import annotations

import pytest
import torch

from actlab import datasets, studies
from actlab.studies import Setting
from actlab.studies.runners import execute
from course.ch04 import harmed
from course.ch04.harm import MARGIN, HarmRun, covered, noisy
from course.ch04.slopes import NEARLY, SLOPES

HARMS = ("noise", "patch")


def test_a_patch_covers_a_square_in_a_place_of_its_own():
    images = torch.ones(200, 784)
    holes = (covered(images, 10) == 0).view(-1, 28, 28)
    assert (holes.sum((1, 2)) == 100).all()
    assert (holes.any(2).sum(1) == 10).all() and (holes.any(1).sum(1) == 10).all()
    assert len({tuple(h.flatten().nonzero()[0].tolist()) for h in holes}) > 100
    assert images.eq(1).all(), "the images themselves stay clean"
    torch.testing.assert_close(covered(images, 10), covered(images, 10))
    assert covered(images, 28).eq(0).all()


def test_noise_has_its_size_and_is_always_the_same():
    noise = noisy(torch.zeros(500, 784), 0.85)
    assert noise.std().item() == pytest.approx(0.85, rel=0.01)
    assert torch.equal(noise, noisy(torch.zeros(500, 784), 0.85))


@pytest.mark.parametrize("optimiser", harmed.OPTIMISERS)
@pytest.mark.parametrize("harm", HARMS)
def test_zeros_do_not_buy_robustness(harm, optimiser):
    assert harmed.verdict(optimiser, harm) == "not bought"
    lost = harmed.against_relu(optimiser, harm, lost=True)
    assert (lost["high"] < MARGIN).all(), "nor by the points that are lost"


@pytest.mark.parametrize("optimiser", harmed.OPTIMISERS)
def test_under_noise_the_leak_alone_is_behind(optimiser):
    noise = harmed.against_relu(optimiser, "noise").set_index("activation")
    assert noise["verdict"]["leaky_relu"] == "smaller"
    assert (noise["verdict"][["elu", "abs"]] != "smaller").all()
    patch = harmed.against_relu(optimiser, "patch")
    assert (patch["verdict"] != "smaller").all()


@pytest.mark.parametrize("optimiser", harmed.OPTIMISERS)
@pytest.mark.parametrize("value", SLOPES)
def test_it_is_not_zeros_that_the_leak_lacks(value, optimiser):
    gap = harmed.slope(optimiser, "noise", value)
    assert gap.n == 20 and gap.low > -NEARLY and gap.high > 0


def test_with_the_patch_four_of_ten_are_ahead_for_certain():
    ahead = set()
    for optimiser in harmed.OPTIMISERS:
        gaps = harmed.against_relu(optimiser, "patch").set_index("activation")
        ahead |= {(optimiser, key) for key in gaps.index[gaps["low"] > 0]}
        slopes = {value: harmed.slope(optimiser, "patch", value) for value in SLOPES}
        ahead |= {(optimiser, value) for value, gap in slopes.items() if gap.low > 0}
    adams = {("adam", name) for name in ("leaky_relu", "elu", -0.25)}
    assert ahead == {("sgd", "abs"), *adams}


def test_the_table_has_every_row_and_fits_a_phone():
    lines = harmed.table().splitlines()
    assert len(lines) == 14 and max(map(len, lines)) <= 62
    assert lines[2] == "  slope 0.25   -0.88 (-1.11, -0.65)  +0.10 (-0.15, +0.36)"


def test_no_final_run_broke_down_and_only_relu_has_zeros():
    rows = studies.final("robust-zeros")
    assert rows[rows["regime"].isin(["final", "other"])]["noise"].notna().all()
    assert rows["noise"].isna().sum() == rows["regime"].isin(["coarse", "fine"]).sum()
    for optimiser in harmed.OPTIMISERS:
        zeros = harmed.finals(optimiser, "zeros")
        assert min(zeros["relu"]) > 50
        # |x| and the others meet an exact 0 by rounding alone.
        assert max(max(zeros[k]) for k in ("leaky_relu", "elu", "abs")) < 0.1


@pytest.mark.parametrize(
    "points, expected",
    [(-5.0, "bought"), (0.0, "not bought"), (3.0, "not bought")],
)
def test_a_verdict_follows_the_runs(monkeypatch, points, expected):
    rows = studies.final("robust-zeros")
    rows.loc[rows["activation"] != "relu", "patch"] += points
    monkeypatch.setattr(studies, "final", lambda name: rows.copy())
    assert harmed.verdict("sgd", "patch") == expected


def test_one_function_far_behind_is_not_settled(monkeypatch):
    rows = studies.final("robust-zeros")
    rows.loc[rows["activation"] == "elu", "patch"] -= 5
    monkeypatch.setattr(studies, "final", lambda name: rows.copy())
    assert harmed.verdict("sgd", "patch") == "not settled"


def test_a_final_run_repeats_itself():
    missing = datasets.fashion_mnist_missing()
    if missing:
        pytest.skip(missing)
    rows = studies.final("robust-zeros").query(
        "regime == 'final' and activation == 'relu' and optimiser == 'sgd' and seed < 1"
    )
    (then,) = rows.to_dict("records")
    run = HarmRun("final", "relu", then["lr"], momentum=0.9)
    history, _ = execute(Setting(run, 0))
    for column in ("test_accuracy", "noise", "patch", "less_noise", "zeros"):
        assert history[column][-1] == pytest.approx(then[column], abs=2), column
