"""The numbers that chapter 12 quotes are the ones that its studies recorded."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from actlab import studies
from actlab.statistics import compare, interval
from course.ch12.claims import PUBLISHED
from course.ch12.studies import EQUIVALENCE_MARGIN, TWELVE

CHAPTER = Path(__file__).parents[2] / "chapters" / "12-fair-comparison.ipynb"
BENT = [key for key in TWELVE if key not in ("identity", "sigmoid")]


@cache
def prose() -> str:
    cells = nbformat.read(CHAPTER, as_version=4).cells
    return "\n".join(c.source for c in cells if c.cell_type == "markdown")


def says(*sentences: str) -> None:
    missing = [s for s in sentences if s not in prose()]
    assert not missing, f"chapter 12 should say {missing}"


@cache
def table(name: str) -> pd.DataFrame:
    return studies.final(name)


def published(key: str, regime: str = "sgd_small") -> list[float]:
    rows = table("published")
    rows = rows[(rows["activation"] == key) & (rows["regime"] == regime)]
    return rows.sort_values("seed")["test_accuracy"].tolist()


def gaps(regime: str) -> np.ndarray:
    """Ours minus published, for the table's thirteen rows."""
    rows = {key: row[0] for key, row in PUBLISHED.items() if key != "swish"}
    pairs = [*rows.items(), ("swish", 78.3), ("swish", 78.5)]
    return np.array([interval(published(k, regime)).mean - q for k, q in pairs])


def test_every_row_is_within_three_points_and_the_text_says_how_far() -> None:
    right, caption = gaps("sgd_small"), gaps("sgd_small_0.9")
    assert abs(right).max() < 3
    assert (caption > 1).sum() == 12 and (abs(right) < 1).sum() == 11
    hardswish = interval(published("hardswish")).mean - 76.7
    staf = interval(published("staf")).mean - 85.4
    says(
        "twelve of the thirteen rows come out more than a point higher",
        f"by {abs(caption).mean():.1f} points on average and by {caption.max():.1f}",
        f"With 0.8 eleven of thirteen are within a point, {abs(right).mean():.1f} off",
        f"Hardswish, {hardswish:.1f} higher than published, and STAF, {staf:.1f} high",
    )


def test_none_is_ahead_at_momentum_point_eight_only() -> None:
    none, relu = (interval(published(k)).mean for k in ("identity", "relu"))
    fixed = [k for k in PUBLISHED if k not in ("prelu", "learnable_elu", "staf")]
    assert all(interval(published(k)).mean < none for k in fixed)
    hardswish = interval(published("hardswish")).mean
    says(
        f"tanh closely, ReLU by {none - relu:.1f} points, Hardswish by "
        f"{none - hardswish:.1f}",
        f"| {none:.1f} %, {relu:.1f} % |",
    )
    other = [interval(published(k, "sgd_small_0.9")).mean for k in ("relu", "identity")]
    assert other[0] - other[1] > 1 and none - relu > 1


def test_two_runs_of_one_function_differ_as_quoted() -> None:
    runs = published("swish")
    pairs = [abs(a - b) for i, a in enumerate(runs) for b in runs[:i]]
    mean, most = np.mean(pairs), max(pairs)
    says(f"differ by {mean:.1f} points on average, and by up to {most:.1f}")


@pytest.mark.parametrize("key", ["staf", "learnable_elu", "prelu", "relu"])
def test_exercise_12_3_quotes_the_runs(key: str) -> None:
    found = interval(published(key))
    says(f"{found.mean:.1f} ± {found.half_width:.1f}")


@cache
def tuned() -> pd.DataFrame:
    """Differences from ReLU of the final runs, by function."""
    rows = table("tuned")
    rows = rows[rows["regime"] == "final"].sort_values("seed")
    runs = {
        key: rows.loc[rows["activation"] == key, "test_accuracy"].tolist()
        for key in TWELVE
    }
    found = compare(runs, "relu", margin=EQUIVALENCE_MARGIN).set_index("first")
    found["std"] = {key: interval(values).std for key, values in runs.items()}
    found["mean"] = {key: interval(values).mean for key, values in runs.items()}
    found.attrs["relu"] = interval(runs["relu"])
    return found


def test_the_tuned_comparison_is_told_as_recorded() -> None:
    found = tuned()
    size = found["difference"].abs()
    smooth = found["difference"][["gelu", "swish", "hardswish", "mish"]]
    sees = found["detectable"]
    means = found["mean"].drop(["identity", "sigmoid"])
    relu = found.attrs["relu"]
    assert (found["low"][smooth.index] > EQUIVALENCE_MARGIN).all()
    assert means.idxmin() == "selu" and means.min() < relu.mean
    assert found["verdict"]["leaky_relu"] == "larger"
    assert found["high"]["leaky_relu"] < EQUIVALENCE_MARGIN
    shown = found["verdict"].isin(["larger", "smaller"]).sum()
    assert shown == 10
    others = [*found["std"].drop("sigmoid"), relu.std]
    says(
        f"*No activation* is {size['identity']:.1f} points below ReLU",
        f"*Sigmoid* is {size['sigmoid']:.1f} below",
        f"deviation of {found['std']['sigmoid']:.1f} points, those of all others "
        f"{min(others):.1f} to {max(others):.1f}",
        f"{smooth.min():.1f} to {smooth.max():.1f} points above ReLU",
        f"{sees.drop('sigmoid').min():.2f} to {sees.drop('sigmoid').max():.2f} points",
        "Ten of the eleven differences are shown",
        f"as leaky ReLU's {size['leaky_relu']:.2f}",
        f"lie within {max(means.max(), relu.mean) - means.min():.1f} points",
    )


def test_the_tuning_is_told_as_recorded() -> None:
    rows = table("tuned")
    rows = rows[rows["regime"] == "tune"]
    means = rows.groupby(["activation", "lr"])["test_accuracy"].apply(
        lambda values: values.mean(skipna=False)
    )
    best = {key: means[key].idxmax() for key in TWELVE}
    finals = table("tuned")
    finals = finals[finals["regime"] == "final"]
    assert finals.groupby("activation")["lr"].first().to_dict() == best
    assert sum(lr == 0.1 for lr in best.values()) == 7
    assert best["sigmoid"] == 0.3
    for key in ("relu", "leaky_relu"):
        assert abs(means[key][0.1] - means[key][0.03]) < 0.1


# --- the grid of conditions -----------------------------------------------------------


@cache
def cells() -> pd.DataFrame:
    rows = table("confound")
    rows = rows[rows["variant"] != "cnn"]
    return rows.pivot_table(
        index=["variant", "init", "regime"],
        columns="activation",
        values="test_accuracy",
    )


def test_the_verdicts_turn_round_as_told() -> None:
    grid = cells()
    bent = grid[BENT]
    spread = bent.max(axis=1) - bent.min(axis=1)
    slow = [("", start, "sgd_small") for start in ("default", "default_zero_bias")]
    he = ("", "he", "sgd_small")
    assert spread[slow].min() > 50
    first = bent.loc[slow[0]]
    for regime in ("sgd_large", "adam"):
        for start in ("default", "default_zero_bias", "he"):
            rho = bent.loc["", start, regime].corr(first, method="spearman")
            assert -0.95 < rho < -0.65
    normed = grid.loc["layer_norm"].xs("sgd_small", level="regime")
    apart = normed[BENT].max(axis=1) - normed[BENT].min(axis=1)
    behind = (grid["relu"] - grid["identity"]).drop([*slow, he]).dropna()
    fair = spread.drop(slow)
    gelu = (grid["gelu"] - grid["relu"]).drop(slow)
    assert (gelu >= 0).all() and len(gelu) == 16
    says(
        f"the ten lie {spread[slow[0]]:.0f} points apart after five epochs",
        f"the *same ten* lie {spread[he]:.1f} points apart",
        f"then {apart.min():.1f} to {apart.max():.1f} points apart instead of 53",
        f"sigmoid has {normed['sigmoid'].min():.0f} to {normed['sigmoid'].max():.0f} %",
        f"between {fair.min():.1f} and {fair.max():.1f}, in all conditions",
        f"by {behind.min():.1f} to {behind.max():.1f} points, wherever",
        f"by at most {gelu.max():.1f} points",
    )


def test_the_convolutional_network_is_told_as_recorded() -> None:
    rows = table("confound")
    rows = rows[rows["variant"] == "cnn"]
    means = rows.groupby(["regime", "activation"])["test_accuracy"].mean()
    small = means["sgd_small"]
    says(
        f"{small['relu']:.1f} % to GELU's {small['gelu']:.1f} and tanh's "
        f"{small['tanh']:.1f}",
    )
    for regime in ("sgd_large", "adam"):
        three = means[regime].drop("sigmoid")
        assert three.max() - three.min() < 1
        assert 3.5 < three["relu"] - means[regime]["sigmoid"] < 5.2


def test_the_verdicts_hold_at_fifteen_epochs() -> None:
    early, late = table("confound"), table("confound-longer")
    means = late.groupby(["regime", "init", "activation"])["test_accuracy"]
    assert (means.count() == 5).all()
    grid = means.mean().unstack()
    apart = grid[BENT].max(axis=1) - grid[BENT].min(axis=1)
    behind = grid["relu"] - grid["identity"]
    rows = table("published")
    rows = rows[(rows["regime"] == "sgd_small") & (rows["epoch"] == 15)]
    first = rows.groupby("activation")["test_accuracy"].mean()
    adam = early[(early["regime"] == "adam") & (early["init"] == "default")]
    adam = adam[adam["variant"] == ""].groupby("activation")["test_accuracy"].mean()

    def rho(row: pd.Series) -> str:
        found = row[BENT].corr(first[BENT], method="spearman")
        return f"{found:.2f}".replace("-", "−")

    says(
        f"the ten lie {first[BENT].max() - first[BENT].min():.1f} points apart; in "
        f"the three others {apart.min():.1f} to {apart.max():.1f}",
        f"from {first['identity'] - first['relu']:.1f} points ahead of ReLU to "
        f"{behind['sgd_small', 'he']:.1f} behind",
        f"to {behind['adam', 'default']:.1f} behind with Adam, "
        f"{behind['sgd_large', 'default']:.1f} with SGD 0.05",
        f"{(grid['relu'] - grid['sigmoid'])['adam', 'default']:.1f} points behind with "
        "Adam",
        f"as turned round as before, {rho(grid.loc['sgd_large', 'default'])}",
        f"the {rho(adam)} of five epochs has become {rho(grid.loc['adam', 'default'])}",
    )
