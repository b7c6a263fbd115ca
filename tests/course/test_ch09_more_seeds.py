"""The fresh seeds of chapter 09 stand at the steps that the three seeds chose."""

from dataclasses import replace

import pandas as pd
import pytest
import torch

from actlab import studies
from actlab.statistics import interval
from actlab.studies import Setting
from actlab.studies.rates import rate
from course.ch09 import brake, epsilon, more_seeds
from course.ch09 import studies as chapter
from course.ch09.studies import STUDIES

CELL = ["regime", "activation", "init", "variant", "optimiser"]
CONDITIONS = [c for study in more_seeds.STUDIES for c in study.conditions]
# Asked at all steps of the tables, whatever the three seeds left open.
EVERY_STEP = ("vanishing", "relu", "default", "residual_layer_norm")


def tuned() -> pd.DataFrame:
    """Last epoch of every run of the four studies; a breakdown is a guess."""
    runs = pd.concat(map(studies.final, [study.name for study in STUDIES]))
    return runs.fillna({"variant": "", "test_accuracy": 10.0})


def chosen(rows: pd.DataFrame) -> set[float]:
    """The best step, and the second best where three seeds leave over ±10 points."""
    means = rows.groupby("lr")["test_accuracy"].mean()
    best = means.idxmax()
    at_best = rows.loc[rows["lr"] == best, "test_accuracy"]
    if interval(at_best).half_width <= 10:
        return {best}
    return {best, means.drop(best).idxmax()}


def test_steps_are_those_of_the_records():
    here = {}
    for condition in CONDITIONS:
        key = tuple(getattr(condition, name) for name in CELL)
        here.setdefault(key, set()).add(condition.lr)
    for key, rows in tuned().groupby(CELL):
        rates = chosen(rows)
        if key[:4] == EVERY_STEP:
            rates = set(rows["lr"])
        assert here.pop(key) == rates, key
    assert not here


def test_seeds_are_fresh_and_nothing_else_differs():
    old = {
        replace(condition, seeds_of_its_own=())
        for study in STUDIES
        for condition in study.conditions
    }
    for condition in CONDITIONS:
        assert replace(condition, seeds_of_its_own=()) in old
        assert len(condition.seeds_of_its_own) == 10
        assert not set(condition.seeds_of_its_own) & set(tuned()["seed"])


def test_a_cell_that_a_study_does_not_have_is_named():
    with pytest.raises(LookupError, match="cures has 0 of 1"):
        more_seeds._again(STUDIES[0], 0.05, regime="vanishing")


def test_precision_and_epsilon_are_changed_one_at_a_time(monkeypatch):
    seen = []

    def noted(network, data, *, lr, epsilon, **more):
        weight = network.linears[0].weight
        assert data.x_train.dtype == weight.dtype
        seen.append((weight.dtype, epsilon, lr, weight[0, 0].item()))
        return {}

    monkeypatch.setattr(epsilon, "train", noted)
    for condition in epsilon.EPSILON.conditions:
        assert condition.seeds_of_its_own == more_seeds.FRESH
        epsilon._run(Setting(condition, 100))
    assert len({draw for *_, draw in seen}) == 1, "one network"
    assert {row[:3] for row in seen} == {
        (dtype, size, lr)
        for dtype in (torch.float32, torch.float64)
        for size in (1e-8, 1e-30)
        for lr in (0.001, 0.003)
    }


def test_brake_tunes_and_shows_as_its_design_says():
    tried = {(c.activation, c.init, c.variant) for c in brake.BRAKE.conditions}
    assert len(tried) == 4 and len(brake.BRAKE.conditions) == 4 * len(brake.PLACES)
    assert not set(brake.TUNING) & (set(more_seeds.FRESH) | set(tuned()["seed"]))
    last = studies.final("brake").fillna({"variant": ""})
    shown = last[last["regime"].eq("fresh")]
    assert set(shown["seed"]) == set(more_seeds.FRESH)
    for (function, variant), rows in shown.groupby(["activation", "variant"]):
        best = brake.chosen(last, function, variant)
        assert brake.PLACES[0] < best < brake.PLACES[-1], "inside the grid"
        wanted = {rate(best + shift) for shift in (-1, 0, 1)}
        assert set(rows["lr"]) == wanted and len(rows) == 30


def test_clipping_alone_parts_the_pairs_of_the_brake(monkeypatch):
    seen = []

    def noted(network, data, *, clip, **more):
        seen.append((clip, network.linears[0].weight[0, 0].item()))
        return {}

    monkeypatch.setattr(chapter, "train", noted)
    for condition in brake.BRAKE.conditions[:: len(brake.PLACES)]:
        chapter._run(Setting(condition, 100))
    assert [clip for clip, _ in seen] == [None, 1.0, None, 1.0]
    assert seen[0][1] == seen[1][1] and seen[2][1] == seen[3][1], "one network"
    assert seen[2][1] == pytest.approx(seen[0][1] / 2**0.5, rel=1e-3), "gain 1"
