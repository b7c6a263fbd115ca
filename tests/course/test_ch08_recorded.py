"""What chapter 08 says of its recorded studies holds."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from actlab import studies
from actlab.statistics import paired_difference


@pytest.fixture(scope="module")
def ladder():
    """Mean accuracy and mean learnt number of each cell after 15 epochs."""
    rows = studies.load("slope-or-gain")
    rows = rows[rows["epoch"] == 15]
    keys = ["regime", "activation", "init", "variant"]
    return rows.groupby(keys)[["test_accuracy", "parameter"]].agg(list)


SMALL = "sgd_small"


def test_the_slope_grows_where_a_gain_is_missing_and_only_there(ladder):
    slope = {
        key: sum(values) / len(values)
        for key, values in ladder["parameter"].items()
        if key[1] == "prelu" and key[3] == "shared"
    }
    grown = slope.pop((SMALL, "prelu", "default", "shared"))
    assert math.sqrt((1 + grown**2) / 6) == pytest.approx(1.03, abs=0.01)
    assert len(slope) >= 4 and all(abs(value) < 0.5 for value in slope.values())


def test_the_sentences_about_the_ladder_hold(ladder):
    mean = ladder["test_accuracy"].map(lambda v: sum(v) / len(v))
    small = mean[SMALL]
    relu, shared = small["relu", "default", ""], small["prelu", "default", "shared"]
    assert 4 < shared - relu < 5, "four to five points"
    assert small["prelu", "default", "unit_gain"] - relu < 0.5
    assert small["prelu", "default", "frozen"] - shared > 0.9, "a point better"
    best = small.xs("default", level="init").idxmax()
    assert best == ("relu", "scaled"), "it passes them all"
    assert abs(small["relu", "default_gain", ""] - shared) < 0.6
    for init in ("default_gain", "he"):
        for plain, learnt in (("relu", "prelu"), ("elu", "learnable_elu")):
            gap = small[learnt, init, "shared"] - small[plain, init, ""]
            assert abs(gap) < 0.5, "within half a point of their learnt relatives"
    large = mean["sgd_large"]
    plain = [large[f, "default", ""] for f in ("relu", "leaky_relu", "elu")]
    learnt = [large[f, "default", "shared"] for f in ("prelu", "learnable_elu")]
    assert max(*plain, *learnt) - min(*plain, *learnt) < 1, "tenths are left"


def test_the_sentences_about_signals_hold():
    rows = studies.load("frequency-or-activation")
    mean = rows.groupby(["regime", "activation", "lr"])[["psnr", "psnr_between"]].mean()
    best = mean.groupby(["regime", "activation"]).max()
    chirp = best.loc["chirp", "psnr"].round()
    quoted = {
        "relu": 19, "relu_fourier": 55, "sine_1": 52, "sine_1_spread": 54,
        "sine_30": 68, "staf_naive": 31, "staf": 56, "rational": 43,
        "rational_fourier": 58,
    }  # fmt: skip
    assert {kind: chirp[kind] for kind in quoted} == quoted
    assert chirp["spline"] > chirp["relu"] + 20
    for kind, lrs in mean.loc["chirp", "psnr"].groupby("activation"):
        rates = lrs.index.get_level_values("lr")
        chosen = lrs.idxmax()[-1]
        assert min(rates) < chosen < max(rates), f"{kind}: the best lies on the edge"
    flower = best.loc["flower"]
    assert flower["psnr_between"].max() < 23
    assert flower["psnr"].round()[["sine_30", "relu"]].tolist() == [71, 21]


def test_what_remembers_best_is_worse_between():
    rows = studies.load("frequency-or-activation")
    rows = rows[rows["regime"] == "flower"]
    mean = rows.groupby(["activation", "lr"])[["psnr", "psnr_between"]].mean()
    remembers = {
        kind: group.loc[group["psnr"].idxmax()].round(1).tolist()
        for kind, group in mean.groupby("activation")
    }
    assert remembers["sine_30"] == [71.3, 19.8]
    assert remembers["rational_fourier"] == [48.0, 13.8]
    assert remembers["sine_1_spread"] == [44.4, 7.1]
    assert remembers["sine_1"][1] == 6.5
    many = [between for at, between in remembers.values() if at > 30]
    few = [between for at, between in remembers.values() if at < 25]
    few.remove(6.5)  # one that a step of 1 drove up
    assert max(many) < min(few)


def test_fifteen_runs_of_the_ladder_broke_down():
    rows = studies.load("slope-or-gain").fillna({"variant": ""})
    keys = ["regime", "init", "activation", "variant", "seed"]
    runs = rows.groupby(keys)["epoch"].max()
    assert len(runs) == 215
    broken = runs[runs < 15].reset_index()
    assert len(broken) == 15 and set(broken["regime"]) == {"sgd_large"}
    kinds = broken.groupby(["activation", "variant"]).size().to_dict()
    assert kinds == {
        ("prelu", "frozen"): 5, ("relu", "scaled"): 5, ("prelu", "shared"): 2,
        ("elu", ""): 3,
    }  # fmt: skip


def test_the_controls_of_the_ladder_hold(ladder):
    rows = studies.load("gain-controls").fillna({"variant": ""})
    final = rows[rows["epoch"] == 15].groupby("variant")
    accuracy = final["test_accuracy"].mean()
    small = ladder["test_accuracy"].map(lambda v: sum(v) / len(v))[SMALL]
    assert accuracy["fixed_factor"] > small["relu", "default", "scaled"] - 0.5
    shared = small["prelu", "default", "shared"]
    assert abs(accuracy["quick_slope"] - shared) < 0.5


def test_a_factor_has_three_parts_beyond_the_right_gain():
    """First layer as drawn, more than √6 behind it, larger steps: in any order."""
    at = {"epoch": 15, "regime": SMALL, "activation": "relu"}
    found = {}
    for name in ("slope-or-gain", "gain-controls", "size-or-step"):
        rows = studies.load(name).fillna({"variant": ""})
        rows = rows[(rows[list(at)] == pd.Series(at)).all(axis=1)]
        for key, runs in rows.groupby(["init", "variant"]):
            found[key] = runs.sort_values("seed")["test_accuracy"].tolist()
    right, fixed = found["default_gain", ""], found["default", "fixed_factor"]
    behind = found["default", "start √6 behind, step 1"]
    larger = found["default", "start 2.77, step 1"]
    both = found["default_gain", "start √6 and 2.77 behind, step 1"]
    quick = found["default_gain", "start √6, step 7.67"]
    shares = [
        paired_difference(one, other)
        for one, other in (
            *((behind, right), (larger, behind), (fixed, larger)),
            *((larger, both), (both, right), (quick, right)),
        )
    ]
    assert all(share.low > 0 for share in shares)
    assert [round(share.mean, 1) for share in shares[:3]] == [0.6, 0.5, 0.6]
    for one, other in zip(shares[:3], shares[3:]):
        assert abs(one.mean - other.mean) < 0.3, "in another order"


def test_the_slope_goes_through_the_root_of_five_and_on():
    rows = studies.load("slope-or-gain").fillna({"variant": ""})
    rows = rows[(rows["regime"] == SMALL) & (rows["init"] == "default")]
    rows = rows[(rows["activation"] == "prelu") & (rows["variant"] == "shared")]
    slope = rows.groupby("epoch")["parameter"].mean()
    assert slope[12] < math.sqrt(5) < slope[14]
    steps = slope[10:].diff().dropna()
    assert (steps > 0.04).all(), "it rises on, by as much as before"


def test_the_sentences_about_the_formula_hold():
    rows = studies.load("formula")
    rows["error"] = rows["test_loss"] ** 0.5
    own = {}
    for cell, group in rows.groupby(["regime", "activation", "init"]):
        tuned = group[group["seed"] >= 5].groupby("lr")["error"].mean()
        best = tuned.idxmin()
        assert min(tuned.index) < best < max(tuned.index), f"{cell}: on the edge"
        fresh = group[(group["seed"] < 5) & (group["lr"] == best)]
        own[cell] = fresh["error"].mean(), fresh["processor"].median()
    kan, tanh = ("formula", "kan", "default"), ("formula", "tanh", "xavier")
    longer = ("formula_long", "tanh", "xavier")
    assert 2 < own[tanh][0] / own[kan][0] < 2.6, "about twofold"
    assert abs(own[longer][0] - own[kan][0]) < 0.006, "level"
    assert own[longer][1] < own[kan][1], "less of the processor"
