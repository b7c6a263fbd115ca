"""What chapter 15 says of its recorded study holds."""

from __future__ import annotations

import pytest

from actlab import datasets, design, studies
from actlab.statistics import compare
from course.ch15 import search
from course.ch15.studies import EQUIVALENCE_MARGIN, FINALISTS


def test_all_four_are_best_at_the_rate_of_the_final_runs() -> None:
    rows = studies.final("swigelu")
    tuned = rows[rows["regime"] == "tune"]
    whole = tuned.groupby(["activation", "lr"])["test_accuracy"].agg(["mean", "count"])
    whole = whole[whole["count"] == 3]["mean"]
    for condition in studies.find("swigelu").conditions:
        if condition.regime == "final":
            assert whole[condition.activation].idxmax() == condition.lr == 0.03


def test_the_verdicts_are_told_as_recorded() -> None:
    rows = studies.final("swigelu")
    rows = rows[rows["regime"] == "final"].sort_values("seed")
    runs = {
        key: group["test_accuracy"].tolist()
        for key, group in rows.groupby("activation")
    }
    table = compare(runs, "swigelu", margin=EQUIVALENCE_MARGIN).set_index("first")
    relu, parents = table.loc["relu"], table.loc[["gelu", "swish"]]
    assert (parents["verdict"] == "equivalent").all()
    assert relu["verdict"] == "smaller" and relu["low"] > -EQUIVALENCE_MARGIN


# --- what is left of a search ---------------------------------------------------------


def test_finalists_are_formulas_of_the_search() -> None:
    """The stored run of chapter 15 has them first; another processor may reorder."""
    assert set(FINALISTS) <= set(design.draw_formulas(40, seed=0))
    assert datasets.digits().held_out(287).y_test.shape == (287,)


def test_the_lead_goes_step_by_step_as_it_is_told() -> None:
    table = search.leads()
    first, eight = table["first"], table["eight"]
    assert first["as searched"] == pytest.approx(2.7, abs=0.05)
    assert eight["as searched"] == pytest.approx(3.4, abs=0.05)
    assert first["none"] == pytest.approx(1.5, abs=0.05)
    for change in ("none", "start", "width", "optimiser", "epochs"):
        assert table.loc[change, "first_low"] > 0
    for change in ("width", "optimiser"):
        assert first[change] == pytest.approx(first["none"] / 2, abs=0.05)
    assert first["none"] / 2 < first["epochs"] < first["none"]
    assert abs(table.loc["all", ["winner_low", "winner_high"]]).max() < 1
    assert table["broken"].to_dict()["all"] == 2 and table["broken"].sum() == 3


def test_under_all_changes_none_is_shown_to_be_ahead() -> None:
    found = search.judged().set_index("first")
    counts = found["verdict"].value_counts()
    assert counts.to_dict() == {"equivalent": 3, "not shown": 4, "smaller": 1}
    assert found.loc[search.FIRST[0], "verdict"] == "equivalent"
    known = studies.load("own-rates")
    mine = known[(known["change"] == "all") & (known["regime"] == "final")]
    scores = mine.pivot(index="seed", columns="activation", values="test_accuracy")
    lone = (scores["sin(x) - abs(x)"] - scores["relu"]).dropna()
    assert len(lone) == 19 and abs(lone.mean()) < 0.5


def test_two_seeds_chose_relu_another_rate_than_ten() -> None:
    chosen, leads = {}, {}
    for name in ("second-look", "own-rates"):
        known = studies.load(name)
        here = known[(known["change"] == "start") & (known["regime"] == "final")]
        (chosen[name],) = here[here["activation"] == "relu"]["lr"].unique()
        means = here.groupby("activation")["test_accuracy"].mean()
        leads[name] = means[list(search.FIRST)].mean() - means["relu"]
    assert chosen == {"second-look": 0.01, "own-rates": 0.0316}
    assert leads["second-look"] == pytest.approx(3.4, abs=0.05)
    assert leads["own-rates"] == pytest.approx(1.8, abs=0.05)


def test_every_rate_was_chosen_between_two_others() -> None:
    known = studies.load("own-rates")
    runs = known.groupby(["change", "activation"])
    for _, rows in runs:
        fine = rows[rows["regime"].isin(["coarse", "fine"])]
        tried = sorted(fine["lr"].unique())
        (lr,) = rows[rows["regime"] == "final"]["lr"].unique()
        assert tried[0] < lr < tried[-1]
        assert fine[fine["lr"] == lr]["seed"].nunique() == 10


def test_runs_that_broke_down_are_counted(monkeypatch) -> None:
    """Left out they would leave a mean of those that came through."""
    known = studies.load("own-rates")
    here = (known["change"] == "all") & (known["activation"] == "relu")
    here &= known["regime"] == "final"
    broken = known.assign(test_accuracy=known["test_accuracy"].mask(here))
    monkeypatch.setattr(studies, "load", lambda name: broken)
    table = search.leads()
    assert table.loc["all", "relu"] == 10 and table.loc["all", "broken"] == 22


def test_a_formula_trains_alone_as_it_does_with_others() -> None:
    from course.ch15 import studies as ch15

    study = studies.find("second-look")
    pair = [s for s in study.settings() if s.seed == 1000][:2]
    alone = [ch15._columns(run)[0] for s in pair for run in ch15._train([s])]
    for one, row in zip(ch15._together(pair, "cpu"), alone):
        assert one[0]["test_accuracy"] == pytest.approx(row["test_accuracy"], abs=1.5)
