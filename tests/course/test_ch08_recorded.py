"""What chapter 08 says of its recorded studies holds."""

from __future__ import annotations

import math

import pytest

from actlab import studies


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
    between = flower["psnr_between"].round(1)
    assert (between["relu_fourier"], between["relu"]) == (17.5, 20.5)
    assert min(between["rational"], between["spline"]) > between["sine_30"]
