"""A search of learning rates: coarse, fine, inside, and the choice's own noise."""

import json
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from actlab import studies
from actlab.studies import ClassifierRun, RateSearch, Study, StudyError, rate
from actlab.studies.__main__ import main
from actlab.studies.grid import condensed
from actlab.studies.rates import (
    best_of,
    choices,
    complete,
    half_decades,
    number,
    resampled_choice,
)

CELL = ClassifierRun("", "relu", 0.0, momentum=0.9, epochs=1, data="rings", scale="")
SEEDS = (100, 101, 102)
SEARCH = RateSearch((CELL,), {"held_out": 20}, SEEDS, finals=4, others=2)


def peak(at: float, breaks: float = np.inf):
    """An accuracy that is best at a number of a rate, and a rate that breaks runs."""

    def accuracy(lr: float, seed: int) -> float:
        place = 4 * np.log10(lr)
        if place > breaks:
            return np.nan
        return 90 - (place - at) ** 2 + 0.01 * (seed % 3)

    return accuracy


def rows(conditions, accuracy) -> pd.DataFrame:
    """A table as if the conditions had been run."""
    return pd.DataFrame(
        {
            "regime": c.regime,
            "activation": c.activation,
            "init": c.init,
            "optimiser": c.optimiser,
            "lr": c.lr,
            "seed": seed,
            "epoch": c.epochs,
            "test_accuracy": accuracy(c.lr, seed),
        }
        for c in conditions
        for seed in c.seeds_of_its_own
    )


def grown(search: RateSearch, accuracy, steps: int = 20):
    """All that a search asks for, and the table it ends with."""
    conditions = [*search.opening()]
    for _ in range(steps):
        table = rows(conditions, accuracy)
        further = search(table)
        if not further:
            return conditions, table
        conditions += further
    raise AssertionError("the search does not end")


def test_rates_are_quarter_decades_and_have_numbers():
    assert [rate(n) for n in (-8, -7, -6, -5, -4, 0)] == [
        *(0.01, 0.0178, 0.0316, 0.0562, 0.1, 1.0),
    ]
    assert [number(rate(n)) for n in range(-12, 5)] == [*range(-12, 5)]
    with pytest.raises(ValueError, match=r"0\.05 is no quarter .* 0\.0562"):
        number(0.05)


@pytest.mark.parametrize("at", [-14.2, -8.0, -4.9, -3.0, -0.4, 1.0, 5.3])
def test_the_best_rate_lies_between_two_that_were_tried_and_are_worse(at):
    conditions, table = grown(SEARCH, peak(at))
    (row,) = studies.chosen(table).to_dict("records")
    assert abs(number(row["lr"]) - at) <= 0.5
    assert row["below"] > 0 and row["above"] > 0
    fine = table[table["regime"].isin(["coarse", "fine"])]
    for place in (-1, 0, 1):
        tried = fine[fine["lr"] == rate(number(row["lr"]) + place)]
        assert sorted(tried["seed"]) == [*SEEDS]
    assert len({(c.lr, s) for c in conditions for s in c.seeds_of_its_own}) == len(
        table
    )


def test_no_run_is_asked_for_twice():
    conditions, table = grown(SEARCH, peak(-3.7))
    keys = ["regime", "lr", "seed"]
    assert not table.duplicated(keys).any()
    assert not table[table["regime"] != "final"].duplicated(["lr", "seed"]).any()
    assert len(set(conditions)) == len(conditions)


def test_a_function_that_never_learns_ends_the_search():
    """All rates are equal, down to the least that is tried."""
    _, table = grown(SEARCH, lambda lr, seed: 10.0 if lr < 0.02 else np.nan)
    (row,) = studies.chosen(table).to_dict("records")
    assert number(row["lr"]) == -24
    finals = table[table["regime"] == "final"]
    assert len(finals) == 4


def test_of_equal_rates_the_one_with_the_final_runs_was_chosen():
    """A table's digits may say otherwise by the last of them."""
    _, table = grown(SEARCH, peak(-3.0))
    above = table["lr"] == rate(-2)
    table.loc[above, "test_accuracy"] = table.loc[above, "test_accuracy"] + 50
    (row,) = studies.chosen(table).to_dict("records")
    assert number(row["lr"]) == -3
    (row,) = studies.chosen(table[table["regime"] != "final"]).to_dict("records")
    assert number(row["lr"]) == -2


def test_a_rate_that_breaks_runs_is_never_chosen():
    _, table = grown(SEARCH, peak(-1.0, breaks=-3.5))
    (row,) = studies.chosen(table).to_dict("records")
    assert row["lr"] == rate(-4) and row["above"] == np.inf


@pytest.mark.filterwarnings("error")
def test_a_function_that_breaks_at_every_rate_has_no_neighbours():
    _, table = grown(SEARCH, lambda lr, seed: np.nan)
    (row,) = studies.chosen(table).to_dict("records")
    assert row["held_out"] == -np.inf and np.isnan([row["below"], row["above"]]).all()


def test_one_broken_run_is_enough():
    def accuracy(lr: float, seed: int) -> float:
        broken = lr == rate(-4) and seed == 102
        return np.nan if broken else peak(-4)(lr, seed)

    _, table = grown(SEARCH, accuracy)
    assert studies.chosen(table)["lr"].item() != rate(-4)


def test_finals_use_what_was_not_used_to_choose():
    conditions, table = grown(SEARCH, peak(-5.0))
    finals = [c for c in conditions if c.regime in ("final", "other")]
    assert {c.held_out for c in finals} == {0}
    assert all(c.held_out == 20 for c in conditions if c not in finals)
    (final,) = [c for c in finals if c.regime == "final"]
    assert final.lr == rate(-5) and final.seeds_of_its_own == (0, 1, 2, 3)
    # Half decades alone would have taken a neighbour: it is tested as well.
    half = studies.chosen(table)["half_decade"].item()
    assert half in (rate(-6), rate(-4))
    assert [c.lr for c in finals if c.regime == "other"] == [half]


def test_what_a_resampling_would_choose_is_tested_too():
    generator = np.random.default_rng(3)
    noise = {(n, s): generator.normal() for n in range(-24, 9) for s in SEEDS}

    def accuracy(lr: float, seed: int) -> float:
        return peak(-4)(lr, seed) + 0.8 * noise.get((number(lr), seed), 0.0)

    _, table = grown(SEARCH, accuracy)
    tested = set(table.loc[table["regime"].isin(["final", "other"]), "lr"])
    scores = studies.rates.tuning_scores(table)["relu", "default", "sgd"]
    full = {p: r for p, r in scores.items() if len(r) == 3}
    shares = resampled_choice(full)
    assert sum(shares.values()) == pytest.approx(1) and len(shares) > 1
    assert {rate(p) for p, share in shares.items() if share >= 0.1} <= tested


@pytest.mark.parametrize("coarse", [(), (-7, -5, -3), (-8, -4), (-4, -6), (-8, -7)])
def test_a_search_begins_with_half_decades(coarse):
    with pytest.raises(ValueError, match="give even numbers"):
        replace(SEARCH, coarse=coarse)


@pytest.mark.parametrize("lr", [0.0, -0.1, float("nan"), 0.02])
def test_what_is_no_rate_of_the_grid_has_no_number(lr):
    with pytest.raises(ValueError, match="positive|quarter of a decade"):
        number(lr)


def test_only_rates_with_all_seeds_are_compared():
    """A rate with one run, and the highest number, is not the choice."""
    scores = {-4: {100: 80.0, 101: 81.0}, -3: {100: 99.0}, -2: {100: 79.0, 101: 80.0}}
    assert best_of(complete(scores)) == -4
    assert complete(scores, 1) == {-3: {100: 99.0}}
    assert half_decades(scores).keys() == {-4, -2}


def test_choices_are_paired_between_cells():
    scores = {p: dict(zip(SEEDS, (1.0 * p, 0.0, -1.0 * p))) for p in (-2, -1, 1, 2)}
    picks = choices(scores, 500, seed=1)
    assert np.array_equal(picks, choices(scores, 500, seed=1))
    negated = {p: {s: -v for s, v in runs.items()} for p, runs in scores.items()}
    other = choices(negated, 500, seed=1)
    # The same seeds were drawn: where one goes up the other goes down.
    moved = (picks != other).mean()
    assert moved > 0.7 and set(picks) | set(other) == {-2, 2}


def two_cells(gap: float, wobble: float) -> tuple[pd.DataFrame, list]:
    """A finished search of two cells, the second worse by ``gap`` at its best rate.

    ``wobble`` is by how much the tuning seeds disagree about the rate.
    """
    cells = (CELL, replace(CELL, activation="tanh"))
    search = replace(SEARCH, cells=cells, finals=6, others=3)
    generator = np.random.default_rng(0)
    noise = {
        (key, n, seed): generator.normal()
        for key in ("relu", "tanh")
        for n in range(-24, 9)
        for seed in SEEDS
    }

    def accuracy(c: ClassifierRun, seed: int) -> float:
        place = number(c.lr)
        below = gap if c.activation == "tanh" else 0.0
        tuning = wobble * noise.get((c.activation, place, seed), 0.0)
        return 90 - below - 0.5 * (place + 4) ** 2 + tuning + 0.01 * (seed % 4)

    conditions = [*search.opening()]
    while True:
        table = pd.concat(
            rows([c], lambda lr, seed, c=c: accuracy(c, seed)) for c in conditions
        )
        further = search(table.reset_index(drop=True))
        if not further:
            return table.reset_index(drop=True), [*map(studies.rates.key_of, cells)]
        conditions += further


def test_a_choice_without_noise_adds_nothing():
    table, (relu, tanh) = two_cells(0.3, 0.0)
    assert studies.rates.choice_noise(table, relu, tanh) == 0


def test_the_noise_of_the_choice_is_counted():
    table, (relu, tanh) = two_cells(0.3, 0.9)
    noise = studies.rates.choice_noise(table, relu, tanh)
    assert noise > 0.05
    assert studies.rates.choice_noise(table, tanh, relu) == pytest.approx(noise)
    # One function against itself: it moves with its own choice.
    assert studies.rates.choice_noise(table, relu, relu) == 0


def test_what_was_not_tested_is_stood_for_by_the_nearest():
    """Rates that few draws choose: their share is told, and no rate gets a number."""
    table, (relu, tanh) = two_cells(0.3, 0.9)
    for cell in (relu, tanh):
        share = studies.rates.stand_ins(table, cell)
        scores = complete(studies.rates.tuning_scores(table)[cell])
        of_cell = table[table["activation"] == cell[0]]
        finals = of_cell[of_cell["regime"].isin(["final", "other"])]
        tested = {number(lr) for lr in finals["lr"]}
        shares = resampled_choice(scores)
        untested = [part for place, part in shares.items() if place not in tested]
        assert share == pytest.approx(sum(untested)) and max(untested, default=0) < 0.1


def test_without_a_final_run_there_is_nothing_to_compare():
    table, (relu, tanh) = two_cells(0.3, 0.0)
    broken = (table["activation"] == "tanh") & ~table["regime"].isin(["coarse", "fine"])
    lost = table.assign(test_accuracy=table["test_accuracy"].mask(broken))
    with pytest.raises(ValueError, match="no final run of .*tanh.* ended"):
        studies.rates.choice_noise(lost, relu, tanh)
    gone = broken & (table["seed"] % 2 == 0)
    relus = (table["activation"] == "relu") & (table["seed"] % 2 == 1)
    apart = table.assign(
        test_accuracy=table["test_accuracy"].mask(gone | relus & (table["seed"] < 100))
    )
    with pytest.raises(ValueError, match="no seed ended in both"):
        studies.rates.choice_noise(apart, relu, tanh)


def test_of_equal_rates_the_smallest_is_taken():
    assert best_of({-3: {0: 1.0}, -2: {0: 1.0}, -4: {0: 0.5}}) == -3


def real() -> Study:
    cells = tuple(
        replace(CELL, activation=key, sizes=(2, 6, 2), batch_size=64)
        for key in ("relu", "tanh")
    )
    search = replace(SEARCH, cells=cells)
    return Study("grows", "?", search.opening(), growth=search)


def test_a_growing_study_is_done_in_one_call(tmp_path):
    table = studies.run(real(), jobs=1, out=tmp_path, progress=False)
    finals = table[(table["regime"] == "final") & (table["epoch"] == 1)]
    assert finals.groupby("activation")["seed"].count().to_dict() == {
        "relu": 4,
        "tanh": 4,
    }
    again = studies.so_far(real(), tmp_path / "runs")
    assert len(again.settings()) == len(table) / 2
    assert again.conditions[: len(real().conditions)] == real().conditions


def test_a_growing_study_that_is_stopped_ends_with_the_same_table(tmp_path):
    whole = studies.run(real(), jobs=1, out=tmp_path / "whole", progress=False)
    sizes = []
    for _ in range(100):
        part = studies.run(
            real(), jobs=1, out=tmp_path / "parts", progress=False, limit=7
        )
        sizes.append(len(part))
        if len(part) == len(whole):
            break
    assert all(a <= b for a, b in pairwise(sizes)) and len(sizes) > 3
    one, other = ((tmp_path / f / "grows.csv") for f in ("whole", "parts"))
    assert one.read_bytes() == other.read_bytes()


def test_a_grown_study_is_read_with_its_pairs(monkeypatch):
    """JSON has lists alone; a leak's ``(("alpha", 0.25),)`` is pairs in a pair."""
    leak = replace(CELL, activation="leaky_relu", parameters=(("alpha", 0.25),))
    study = replace(real(), conditions=(leak,))
    record = json.dumps({"grid": {"conditions": condensed(study.conditions)}})
    reader = sys.modules["actlab.studies.read"]
    monkeypatch.setattr(reader, "provenance", lambda study: json.loads(record))
    assert studies.whole(study) == study


def test_limit_zero_begins_nothing(tmp_path):
    assert studies.run(real(), jobs=1, out=tmp_path, progress=False, limit=0).empty


def test_seeds_of_a_growing_study_cannot_be_changed():
    with pytest.raises(StudyError, match="grows by its results"):
        real().altered(seeds=1)
    shorter = real().altered(epochs=0)
    table = rows(shorter.conditions, peak(-4))
    assert {c.epochs for c in shorter.grown(table).conditions} == {0}


def test_status_says_that_more_follows(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(studies, "find", lambda name: real())
    studies.run(real(), jobs=1, out=tmp_path, progress=False, limit=3)
    assert main(["status", "grows", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "More runs follow" in shown and "tanh" in shown
