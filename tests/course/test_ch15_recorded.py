"""What chapter 15 says of its recorded study holds."""

from __future__ import annotations

from actlab import studies
from actlab.statistics import compare
from course.ch15.studies import EQUIVALENCE_MARGIN


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
