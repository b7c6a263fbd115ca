"""The study wards: what it trains, how its panels are written, and what was counted."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest
import torch

from actlab import datasets, probes, studies
from actlab.studies import Setting
from actlab.studies.runners import execute
from course.ch14 import patients, ward_counts
from course.ch14.wards import WARDS, SoftmaxTwice, WardRun, marks


def needs_fashion() -> None:
    missing = datasets.fashion_mnist_missing()
    if missing:
        pytest.skip(missing)


def test_the_rows_are_those_of_a_panel_and_the_rule_is_the_chapters():
    for letter in ("healthy", *patients.PATIENTS):
        for panel in patients.panels(letter, range(3)):
            assert tuple(sign.name for sign in panel.signs) == ward_counts.ROWS
            for noisy in ((), ward_counts.NOISY):
                told = ward_counts.named(marks(panel), noisy)
                assert told == patients.named(panel, noisy)


def test_a_softmax_too_many_keeps_the_networks_rows():
    network = patients.HEALTHY.network()
    data = patients.HEALTHY.data()
    probabilities = SoftmaxTwice(network)(data.x_train[:5])
    assert torch.allclose(probabilities.sum(1), torch.ones(5))
    plain = probes.checkup(network, data, lr=0.02)
    twice = probes.checkup(SoftmaxTwice(network), data, lr=0.02)
    assert len(plain.layers) == len(twice.layers)
    assert twice["activation size"].number == plain["activation size"].number


def test_a_run_that_breaks_down_keeps_its_first_panel():
    needs_fashion()
    he = WardRun("residual", "relu", 0.02, init="he", depth=12, epochs=1)
    history, seconds = execute(Setting(he, 0))
    assert math.isnan(history["test_loss"][0]) and math.isnan(seconds)
    assert len(history["before"][0]) == len(ward_counts.ROWS) and history["after"] == [
        ""
    ]


def test_a_share_has_wilsons_interval():
    """By its formula: centre and half width over 1 + z²/n."""
    z, n, p = 1.959964, 20, 0.25
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert ward_counts.share(5, 20) == pytest.approx((centre - half, centre + half))
    assert ward_counts.share(0, 20)[0] == 0 and ward_counts.share(20, 20)[1] == 1


def test_what_is_right_is_what_differs_from_the_twin():
    table = ward_counts.runs().drop_duplicates(["regime", "variant"])
    rows = table.set_index(["regime", "variant"])["rows"]
    assert rows["plain", "as usual"] == ()
    assert rows["plain", "bytes"] == ("inputs",)
    assert rows["plain", "step 0.1"] == ("update : data",)
    assert set(rows["residual", "sigmoid"]) == set(ward_counts.SIGNAL)
    assert set(rows["plain", "bytes, Adam"]) == {"inputs", "update : data"}
    assert rows["convolutions", "softmax twice"] == ()


def test_states_are_those_of_the_design():
    table = ward_counts.runs()
    for _, ward in table.groupby("regime"):
        usual = ward[ward["variant"] == "as usual"]["test_accuracy"].median()
        behind = usual - ward["test_accuracy"]
        assert (ward["state"][behind > 10] == "ill").all()
        assert (ward["state"][behind <= 5] == "well").all()
        assert (ward["state"][behind.isna()] == "ill").all()
        between = behind[ward["state"] == "between"]
        assert between.gt(5).all() and between.le(10).all()
    assert len(table) == 20 * len(WARDS.conditions)
    later = ward_counts.runs("after")
    broke = studies.final("wards")["test_loss"].isna().sum()
    assert len(later) == len(table) - broke


def test_what_a_rule_was_made_of_is_not_counted():
    ours, again = (
        ward_counts.counted(rule, ward="plain") for rule in ("ours", "recounted")
    )
    table = ward_counts.runs()
    twin = (table["regime"] == "plain") & (table["variant"] == "as usual")
    made_of = table[twin & (table["seed"] % 2 == 0)]
    assert len(made_of) == 10 and set(made_of["state"]) <= {"well", "between"}
    left_out = ours["false"][1] - again["false"][1]
    assert left_out == (made_of["state"] == "well").sum()
    with pytest.raises(ValueError, match="no rule 'mine'"):
        ward_counts.counted("mine")


def test_a_twin_is_the_first_setting_of_its_ward():
    names = pd.Series([c.regime for c in WARDS.conditions if isinstance(c, WardRun)])
    for ward in names.unique():
        run = WARDS.conditions[int(names.eq(ward).idxmax())]
        assert isinstance(run, WardRun) and run.variant == "as usual"
        assert replace(run, variant="") == replace(ward_counts._twin(ward), variant="")


def test_what_the_chapter_says_of_the_wards():
    """The rules of the design, applied; and the shares of the text."""
    wards = ("convolutions", "residual", "plain")
    found = {ward: ward_counts.counted(ward=ward) for ward in wards}
    ends = {
        ward: {name: ward_counts.share(*pair) for name, pair in counts.items()}
        for ward, counts in found.items()
    }
    # "A mark in a quiet row is news": refuted twice, and once open.
    assert ends["convolutions"]["false"][0] > 0.2 < ends["residual"]["false"][0]
    low, high = ends["plain"]["false"]
    assert low < 0.2 < high
    table = ward_counts.runs().query("regime == 'plain' and state == 'well'")
    assert set(table[table["ours"] != ""]["activation"]) == {"tanh"}
    # An alarm says something where the intervals are apart.
    told = {w: ends[w]["alarm"][0] > ends[w]["false"][1] for w in wards}
    assert told == {"convolutions": True, "residual": False, "plain": True}
    # "A suspect": right names of more than half, of less in one ward.
    assert ends["convolutions"]["right"][1] < 0.5
    assert found["convolutions"]["right"] == (36, 113)
    assert min(ends[ward]["right"][0] for ward in wards[1:]) > 0.5
    # To count the noisy rows anew helps a little.
    ours, again = ward_counts.counted(), ward_counts.counted("recounted")
    (false, of), (false_again, of_again) = ours["false"], again["false"]
    assert 0.05 < false / of - false_again / of_again < 0.1
    assert 0.05 < (again["right"][0] - ours["right"][0]) / ours["right"][1] < 0.1
    assert 0.05 < (ours["alarm"][0] - again["alarm"][0]) / ours["alarm"][1] < 0.1


def test_a_large_step_is_marked_as_often_in_the_well():
    table = ward_counts.runs()
    last = table["before"].str[-1].isin(["!", "x"])
    changed = table["rows"]
    ill = table["state"] == "ill"
    steps = ill & changed.map(lambda rows: rows == ("update : data",))
    assert steps.sum() == 110
    assert last[steps].mean() > 0.5 < last[table["state"] == "well"].mean()
    as_bytes = ill & changed.map(lambda rows: rows == ("inputs",))
    assert (table.loc[as_bytes, "ours"] == "inputs").all()
    signal = changed.map(lambda rows: bool({*rows} & {*ward_counts.SIGNAL}))
    assert (ill & signal).sum() == 191


def test_the_tables_fit_a_phone():
    for text in (ward_counts.told(), ward_counts.by_cause()):
        assert max(map(len, text.splitlines())) <= 58
    lines = ward_counts.told().splitlines()
    assert lines[2] == "convolutions   123/143 79–91  113/113 97–100 36/113 24–41"
