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
    assert table.loc["as searched", "eight"] == pytest.approx(2.8, abs=0.05)
    assert table.loc["none", "eight"] == pytest.approx(1.1, abs=0.05)
    first = table["first"]
    for change in ("start", "width", "optimiser"):
        assert first[change] > first["none"]
    assert first["epochs"] == pytest.approx(first["none"] / 2, abs=0.05)
    assert abs(first["all"]) < 0.2 and table.loc["all", "broken"] == 4
    assert table["broken"].sum() == 4


def test_runs_that_broke_down_are_counted(monkeypatch) -> None:
    """Left out they would leave a mean of those that came through."""
    known = studies.load("second-look")
    here = (known["change"] == "all") & (known["activation"] == "relu")
    broken = known.assign(test_accuracy=known["test_accuracy"].mask(here))
    monkeypatch.setattr(studies, "load", lambda name: broken)
    table = search.leads()
    assert table.loc["all", "relu"] == 10 and table.loc["all", "broken"] == 14


def test_a_formula_trains_alone_as_it_does_with_others() -> None:
    from course.ch15 import studies as ch15

    study = studies.find("second-look")
    pair = [s for s in study.settings() if s.seed == 1000][:2]
    alone = [ch15._columns(run)[0] for s in pair for run in ch15._train([s])]
    for one, row in zip(ch15._together(pair, "cpu"), alone):
        assert one[0]["test_accuracy"] == pytest.approx(row["test_accuracy"], abs=1.5)
