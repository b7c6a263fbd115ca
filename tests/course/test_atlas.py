"""The page Atlas: its script computes what the package computes, from any address."""

import json
import re
from importlib import resources
from pathlib import Path

import pandas as pd
import pytest
from py_mini_racer import MiniRacer
from scipy import stats

from actlab import studies
from actlab.statistics import compare, holm, interval
from actlab.studies import rates
from course.ch12 import atlas, atlas_page
from course.ch12.atlas_order import NEAR, agreement

SCRIPT = resources.files("course.ch12").joinpath("atlas.js").read_text("utf-8")


@pytest.fixture(scope="module")
def script():
    """The script without a page, and the page's data as ``atlas``."""
    engine = MiniRacer()
    engine.eval(
        # The engine knows the language, not the browser.
        "class URLSearchParams{constructor(t=''){this.m=new Map(t.split('&').map("
        "w=>w.split('=')).map(([k,v])=>[k,decodeURIComponent(v??'')]))}"
        "get(k){return this.m.has(k)?this.m.get(k):null}has(k){return this.m.has(k)}}"
    )
    engine.eval(SCRIPT.replace("const AtlasMath =", "globalThis.AtlasMath ="))
    engine.eval(f"globalThis.atlas = {json.dumps(atlas_page.data())}")

    def call(expression: str, *values: object):
        names = ", ".join(f"v{i}" for i in range(len(values)))
        given = ", ".join(json.dumps(value) for value in values)
        text = f"JSON.stringify((({names}) => ({expression}))({given}))"
        return json.loads(engine.eval(text))

    return call


@pytest.mark.parametrize("n", [2, 3, 5, 10, 20])
@pytest.mark.parametrize("t", [0.0, 0.1, 1.0, 2.5, 8.0, 40.0])
def test_p_is_students(script, t, n):
    wanted = 2 * stats.t.sf(t, n - 1)
    assert script("AtlasMath.pOfT(v0, v1)", t, n) == pytest.approx(wanted, rel=1e-9)


def test_holm_is_the_packages(script):
    for p in ([0.004, 0.030, 0.020], [0.5], [0.2, 0.01, 0.01, 0.9]):
        assert script("AtlasMath.holm(v0)", p) == pytest.approx(holm(p).tolist())


def test_pairs_are_the_packages(script):
    """Differences, intervals and corrected p values of functions that never broke."""
    record = atlas_page.data()["records"][0]
    cells = [
        cell
        for cell in record["cells"]
        if cell["start"] == "default" and None not in cell["final"]
    ][:6]
    wanted = compare({cell["key"]: cell["final"] for cell in cells})
    found = script("AtlasMath.pairs(v0, atlas.factors)", cells)
    assert len(found) == len(wanted) == 15
    for ours, theirs in zip(found, wanted.to_dict("records")):
        assert cells[ours["first"]]["key"] == theirs["first"]
        assert cells[ours["second"]]["key"] == theirs["second"]
        assert ours["mean"] == pytest.approx(theirs["difference"], abs=1e-9)
        assert ours["mean"] - ours["half"] == pytest.approx(theirs["low"], abs=1e-5)
        assert ours["holm"] == pytest.approx(theirs["p_holm"], rel=1e-6, abs=1e-15)


def test_a_run_that_broke_down_takes_its_partner_with_it(script):
    found = script(
        "AtlasMath.paired(v0, v1, atlas.factors)", [1, None, 3, 4], [0, 0, None, 2]
    )
    assert found["n"] == 2 and found["mean"] == 1.5
    lost = script("AtlasMath.paired(v0, v1, atlas.factors)", [None, 1], [1, None])
    assert lost["n"] == 0 and lost["p"] == 1


def test_equal_runs_are_not_told_apart(script):
    found = script("AtlasMath.paired(v0, v0, atlas.factors)", [1, 2, 3])
    assert found["p"] == 1


def test_the_good_region_ends_where_a_rate_is_worse_or_breaks(script):
    points = [
        {"rate": rate, "mean": mean, "broke": broke}
        for rate, mean, broke in (
            (0.01, 85.0, 0),
            (0.0178, 87.2, 0),
            (0.0316, 88.0, 0),
            (0.0562, 87.9, 0),
            (0.1, 87.5, 1),
        )
    ]
    cell = {"rate": 0.0316, "tuning": points}
    assert script("AtlasMath.goodRegion(v0, 1)", cell) == {
        "low": 0.0178,
        "high": 0.0562,
    }
    assert script("AtlasMath.goodRegion(v0, 0.05)", cell) == {
        "low": 0.0316,
        "high": 0.0316,
    }


HOSTILE = [
    "",
    "#",
    "#pick=",
    "#data=nowhere&steps=none&show=nan&pick=a.b,c,,<script>.x",
    "#pick=relu.default,relu.default",
    "#data=__proto__&pick=__proto__.constructor,toString.default",
    "#" + "pick=relu.default," * 500,
    "#show=1e999&pick=%E0%A4%A",
]


@pytest.mark.parametrize("address", HOSTILE)
def test_any_address_gives_a_state(script, address):
    state = script("AtlasMath.readState(v0, atlas)", address)
    data = atlas_page.data()
    record = {one["id"]: one for one in data["records"]}[state["record"]]
    assert state["optimiser"] in record["optimisers"] and state["zoom"] in data["zooms"]
    known = {(c["key"], c["start"]) for c in record["cells"]}
    picks = [(pick["key"], pick["start"]) for pick in state["picks"]]
    assert set(picks) <= known and len(set(picks)) == len(picks)
    again = script("AtlasMath.readState(AtlasMath.writeState(v0), atlas)", state)
    assert again == state


def test_the_page_shows_the_record():
    data = atlas_page.data()
    for study, record in zip(atlas_page.STUDIES, data["records"], strict=True):
        finals = studies.final(study)
        finals = finals[finals["regime"] == "final"]
        shown = sum(len(cell["final"]) for cell in record["cells"])
        assert shown == len(finals)
        cell = next(c for c in record["cells"] if c["key"] == "relu")
        rows = finals[
            (finals["activation"] == "relu")
            & (finals["init"] == cell["start"])
            & (finals["optimiser"] == cell["optimiser"])
        ].sort_values("seed")
        assert cell["final"] == pytest.approx(rows["test_accuracy"].tolist(), abs=0.006)
        assert set(rows["lr"]) == {cell["rate"]}


def test_every_row_that_can_learn_is_in_it():
    fashion, digits = atlas_page.data()["records"]
    cells = {(cell["key"], cell["start"]) for cell in fashion["cells"]}
    assert {key for key, _ in cells} == set(atlas.trainable())
    assert len(cells) == len(fashion["cells"]) == 2 * len(atlas.trainable()) >= 94
    cells = {(c["key"], c["start"], c["optimiser"]) for c in digits["cells"]}
    assert {key for key, *_ in cells} == set(atlas.with_learnt())
    assert len(cells) == len(digits["cells"]) == 6 * len(atlas.with_learnt()) == 372
    assert digits["starts"] == ["default", "he", "matched"]
    assert digits["optimisers"] == ["sgd", "adam"]
    assert all(len(cell["final"]) == 10 for cell in digits["cells"])


def test_the_script_unpacks_what_the_page_packs(script):
    data = json.loads(json.dumps(atlas_page.data()))  # lists in place of tuples
    assert script("AtlasMath.unpack(v0)", atlas_page.packed()) == data
    packed, plain = (json.dumps(d) for d in (atlas_page.packed(), atlas_page.data()))
    assert len(packed) < 0.6 * len(plain)


def test_what_is_learnt_is_marked(script):
    marked = set(atlas.learnt())
    assert {"prelu", "kan", "snake"} <= marked and not {"relu", "sine"} & marked
    assert marked == set(atlas_page.data()["learnt"]) and len(marked) == 17
    assert script("AtlasMath.nameOf(atlas, 'prelu')").endswith(" †")
    assert "†" not in script("AtlasMath.nameOf(atlas, 'relu')")
    page = atlas_page.page()
    assert re.search(r"\| PReLU † \|", page) and re.search(r"\| ReLU \|", page)


def test_data_and_steps_are_in_the_address(script):
    address = "#data=digits&steps=adam&show=3&pick=kan.he,relu.default,relu.matched"
    state = script("AtlasMath.readState(v0, atlas)", address)
    assert (state["record"], state["optimiser"]) == ("digits", "adam")
    assert state["picks"][0] == {"key": "kan", "start": "he"}
    assert script("AtlasMath.writeState(v0)", state) == address
    # On the other set there is no such start, nor such a function.
    moved = script(
        "AtlasMath.readState(v0, atlas)", address.replace("digits", "fashion")
    )
    assert moved["optimiser"] == "sgd"
    kept = [("relu", "default"), ("relu", "matched")]
    assert [(pick["key"], pick["start"]) for pick in moved["picks"]] == kept


# What the page says of the two orders --------------------------------------------


def prose() -> str:
    text = (Path(__file__).parents[2] / "reference" / "atlas.md").read_text("utf-8")
    return " ".join(text.split())


def digits_finals(key: str, start: str, optimiser: str):
    rows = studies.final("atlas-digits")
    for name, value in (
        ("regime", "final"),
        ("activation", key),
        ("init", start),
        ("optimiser", optimiser),
    ):
        rows = rows[rows[name] == value]
    return rows


def test_the_orders_agree_as_told():
    whole, near = agreement("default"), agreement("default", NEAR)
    matched = agreement("matched", NEAR)
    for told in (
        f"is {atlas_page.shown(whole)}. Most",
        f"of the best on both it is {atlas_page.shown(near)}, while",
        f"itself by {near.halves[0]:.2f} and {near.halves[1]:.2f}: there",
        f"those {matched.functions} give {atlas_page.shown(matched)}, and",
        f"themselves by {matched.halves[1]:.2f} only",
        f"over the {whole.functions} functions of both",
    ):
        assert told in prose()
    assert near.low < 0 and min(near.halves) > near.high
    page = atlas_page.page()
    assert page.count(atlas_page.shown(near)) == 1
    assert f"all, {whole.functions} | {atlas_page.shown(whole)}" in page


def test_agreement_knows_equal_and_opposite_orders(monkeypatch):
    keys = [f"f{i}" for i in range(20)]
    rows = pd.DataFrame(
        {
            "regime": "final",
            "init": "default",
            "optimiser": "sgd",
            "activation": key,
            "seed": seed,
            "test_accuracy": 80.0 + place + 0.01 * seed,
        }
        for place, key in enumerate(keys)
        for seed in range(10)
    )
    turned = rows.assign(test_accuracy=180 - rows["test_accuracy"])
    lost = rows.assign(test_accuracy=rows["test_accuracy"].where(rows.seed != 3))
    for second, rank in ((rows, 1), (lost, 1), (turned, -1)):
        tables = {"atlas": rows, "atlas-digits": second}
        monkeypatch.setattr(studies, "final", lambda study, t=tables: t[study.name])
        found = agreement()
        assert found.rank == pytest.approx(rank) and found.functions == 20
        assert found.low == pytest.approx(rank) == found.high
        assert found.halves == pytest.approx((1, 1))
    monkeypatch.setattr(studies, "final", lambda study: rows)
    assert agreement("default", 4.5).functions == 5


def test_relus_edge_is_told_as_recorded():
    runs = digits_finals("relu", "default", "sgd")
    assert set(runs["lr"]) == {0.178}
    ends = sorted(runs["test_accuracy"])
    assert ends[1] < 11 and round(ends[2]) == 51 and ends[3] > 90
    assert "two end near 10 % and one at 51 %" in prose()
    rows = studies.final("atlas-digits")
    tuned = rates.tuning_scores(rows)["relu", "default", "sgd"]
    held = sum(tuned[rates.number(0.178)].values()) / 3
    means = (
        digits_finals("relu", start, steps)["test_accuracy"].mean()
        for start, steps in (("default", "sgd"), ("default", "adam"), ("he", "sgd"))
    )
    sgd, adam, he = means
    for told in (
        f"held-out images {held:.1f} % for its three seeds",
        f"its mean is {sgd:.1f} %; by Adam it is {adam:.1f} %",
        f"start by SGD {he:.2f} %",
    ):
        assert told in prose()


def test_the_first_by_adam_is_told_as_recorded():
    finals = studies.final("atlas-digits").query("regime == 'final'")
    means = finals[finals["optimiser"] == "adam"].groupby(["init", "activation"])
    first = means["test_accuracy"].mean().unstack("init").idxmax()
    assert first.to_dict() == {"default": "snake", "he": "lisht", "matched": "lisht"}
    assert "by Adam Snake comes first, from the other two LiSHT" in prose()


def test_a_study_of_broken_runs_has_a_picture():
    """A first look may meet nothing but functions that break at every rate."""
    rows = studies.load("atlas").query("activation == 'relu' and regime == 'coarse'")
    figure = atlas.ATLAS.picture(rows.assign(test_accuracy=float("nan")))
    assert figure.axes


def test_intervals_of_the_tuning_are_the_packages():
    for record in atlas_page.data()["records"]:
        for cell in record["cells"][:5]:
            for point in cell["tuning"]:
                assert point["broke"] <= point["n"]
                assert (point["half"] is None) == (point["n"] - point["broke"] < 2)
    one = interval([1.0, 2.0, 3.0])
    assert atlas_page.data()["factors"][3] == pytest.approx(
        one.half_width / one.std * 3**0.5, rel=1e-5
    )
