"""Figures of chapter 12: what is drawn, what is said, what lies outside."""

from __future__ import annotations

import math

import matplotlib
import numpy as np
import pandas as pd
import pytest

from actlab import figures
from actlab.statistics import compare
from course.ch12 import figures as ch12

matplotlib.use("agg")


def texts(figure) -> str:
    axes = figure.axes[0]
    return "\n".join(t.get_text() for t in axes.texts)


def rows(figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def drawn(figure) -> set[float]:
    lines = figure.axes[0].lines
    return {float(v) for line in lines for v in np.atleast_1d(line.get_xdata())}


def test_quoted_numbers_stand_beside_every_run():
    figure = ch12.quoted_and_measured(
        {"A": (80.0, [81.0, 82.0, 83.0]), "B": (None, [79.0, 79.5, 80.5])},
        xlim=(75, 90),
    )
    assert rows(figure) == ["A", "B"]
    assert {80.0, 81.0, 82.0, 83.0, 79.0} <= drawn(figure)
    assert "A 82.0 (2)" in figure.alt and "B 79.7" in figure.alt
    assert figures.ALT_TEXTS[-1] == figure.alt


def test_the_interval_is_students():
    figure = ch12.quoted_and_measured({"A": (None, [81.0, 82.0, 83.0])})
    half = 4.302653 / math.sqrt(3)
    ends = sorted(drawn(figure))
    assert ends[0] == pytest.approx(82 - half, abs=1e-4)
    assert ends[-1] == pytest.approx(82 + half, abs=1e-4)


def test_what_lies_outside_is_written_at_the_edge():
    figure = ch12.quoted_and_measured({"S": (10.0, [10.0, 10.0])}, xlim=(75, 90))
    assert "◂ quoted 10.0, measured 10.0" in texts(figure)
    assert not {10.0} & drawn(figure)


def three_verdicts() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    base = 88 + 0.2 * rng.standard_normal(20)
    runs = {
        "relu": base,
        "gelu": base + 0.7 + 0.1 * rng.standard_normal(20),
        "elu": base + 0.1 * rng.standard_normal(20),
        "identity": base - 5 + 0.1 * rng.standard_normal(20),
    }
    table = compare({k: v.tolist() for k, v in runs.items()}, "relu", margin=0.5)
    assert table["verdict"].tolist() == ["larger", "equivalent", "smaller"]
    return table


def test_differences_have_verdict_interval_and_what_could_be_seen():
    table = three_verdicts()
    figure = ch12.compared_differences(table, margin=0.5, xlim=(-1, 1.5))
    assert rows(figure) == ["GELU", "ELU", "no activation"]
    for text in ("larger: GELU", "equivalent: ELU", "smaller: no activation"):
        assert text in figure.alt
    words = texts(figure)
    assert "◂ −5.0 ± 0.1" in words
    for value in table["detectable"]:
        assert f"{value:.2f}" in words
    gelu = table.iloc[0]
    assert {gelu["low"], gelu["high"], gelu["difference"]} <= drawn(figure)


def conditions() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"condition": c, "activation": k, "seed": s, "test_accuracy": v + 0.1 * s}
            for c, accuracies in {
                "small steps": {"identity": 82.6, "relu": 81.3, "sigmoid": 10.0},
                "Adam": {"identity": 82.0, "relu": 88.4, "sigmoid": 87.9},
            }.items()
            for k, v in accuracies.items()
            for s in range(3)
        ]
    )


def test_conditions_name_who_is_first_and_who_is_outside():
    figure = ch12.conditions_and_verdicts(
        conditions(), highlight=["identity", "relu"], xlim=(78, 90)
    )
    assert rows(figure) == ["small steps", "Adam"]
    assert "small steps: no activation 82.7" in figure.alt
    assert "Adam: ReLU 88.5" in figure.alt
    assert "Sigmoid 10" in texts(figure)
    assert {81.4, 88.5} <= {round(v, 3) for v in drawn(figure)}


def test_many_outside_are_named_if_they_are_highlighted_and_counted_if_not():
    frame = conditions()
    frame.loc[frame["activation"] != "identity", "test_accuracy"] = 20.0
    more = frame[frame["activation"] == "relu"].assign(activation="gelu")
    figure = ch12.conditions_and_verdicts(
        pd.concat([frame, more]), highlight=["relu"], xlim=(78, 90)
    )
    assert "◂ ReLU 20, 2 others" in texts(figure)


def test_errors_on_a_logarithmic_axis_leave_nobody_outside():
    figure = ch12.conditions_and_verdicts(
        conditions(), highlight=["identity", "relu"], xlim=(5, 92), as_error=True
    )
    axes = figure.axes[0]
    assert axes.get_xscale() == "log" and axes.xaxis_inverted()
    assert texts(figure) == ""
    assert {18.6, 11.5, 89.9} <= {round(v, 3) for v in drawn(figure)}
    assert "Adam: ReLU 88.5" in figure.alt


def test_rank_scatter_says_how_well_two_orders_agree():
    frame = pd.DataFrame(
        {"x": [1, 2, 4, 8, 16], "y": [80, 82, 81, 85, 10], "kind": list("aabba")},
        index=list("PQRST"),
    )
    figure = ch12.rank_scatter(
        frame, x="x", y="y", xlabel="slope", ylabel="accuracy", log=True,
        ylim=(75, 90), group="kind",
    )  # fmt: skip
    assert "5 points" in figure.alt and "Rank correlation −0.1," in figure.alt
    assert "Lowest T (10.0), highest S (85.0)" in figure.alt
    names = texts(figure).split("\n")
    assert sorted(names) == ["P", "Q", "R", "S", "T 10 ↓"]
    assert figure.axes[0].get_xscale() == "log"


def test_names_of_points_do_not_overlap():
    n = 12
    frame = pd.DataFrame(
        {"x": np.ones(n), "y": 80 + 0.4 * np.arange(n)},
        index=[f"function {i}" for i in range(n)],
    )
    frame["x"] += 0.001 * np.arange(n)
    figure = ch12.rank_scatter(frame, x="x", y="y", xlabel="x", ylabel="y")
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in figure.axes[0].texts]
    hits = sum(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert hits <= 2


def test_rate_curves_ring_the_best_and_leave_out_what_broke_down():
    frame = pd.DataFrame(
        [
            {"activation": k, "lr": lr, "seed": s, "test_accuracy": a}
            for k, row in {"relu": (85, 88, math.nan), "gelu": (86, 87, 89)}.items()
            for lr, a in zip((0.01, 0.03, 0.1), row, strict=True)
            for s in (0, 1)
        ]
    )
    figure = ch12.rate_curves(frame, highlight=["relu"])
    assert "Best rates: GELU 0.1, ReLU 0.03" in figure.alt
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ["ReLU"]


def test_a_function_that_every_rate_broke_has_no_line():
    frame = pd.DataFrame(
        [
            {"activation": key, "lr": lr, "seed": 0, "test_accuracy": accuracy}
            for key, accuracy in (("relu", 80.0), ("square", math.nan))
            for lr in (0.01, 0.1)
        ]
    )
    figure = ch12.rate_curves(frame, highlight=["relu"])
    assert "ReLU 0.01" in figure.alt and "none" in figure.alt


def test_every_figure_fits_a_phone():
    made = [
        ch12.quoted_and_measured({"A": (80.0, [81.0, 82.0])}),
        ch12.compared_differences(three_verdicts(), margin=0.5),
        ch12.conditions_and_verdicts(conditions(), highlight=["relu"]),
    ]
    for figure in made:
        assert figure.get_figwidth() <= 4.8
        # 350 px wide, a point of type is 350 / (72 · width) px high.
        sizes = [t.get_fontsize() for t in figure.axes[0].texts]
        sizes += [t.get_fontsize() for t in figure.axes[0].get_yticklabels()]
        assert min(sizes) * 350 / (72 * figure.get_figwidth()) >= 9
