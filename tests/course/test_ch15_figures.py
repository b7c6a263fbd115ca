"""Figures of chapter 15: what is drawn, and what their alt texts say."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt

from actlab import figures
from course.ch15 import figures as ch15
from course.ch15.figures import _mean_of_largest


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    yield
    plt.close("all")


def drawn(figure) -> set[float]:
    lines = figure.axes[0].lines
    return {float(v) for line in lines for v in np.atleast_1d(line.get_xdata())}


def test_a_registered_difference_has_interval_verdict_and_prediction():
    row = {"difference": 0.5, "low": 0.2, "high": 0.8, "rival": "relu"}
    row |= {"verdict": "better", "predicted": "equivalent"}
    report = SimpleNamespace(
        table=pd.DataFrame([row]), plan=SimpleNamespace(candidate="mine", margin=1.0)
    )
    figure = ch15.registered_differences(report)
    assert {0.2, 0.5, 0.8} <= drawn(figure)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["better\n(predicted: equivalent)"]
    assert "ReLU 0.5 (0.2 to 0.8), better, predicted equivalent" in figure.alt
    assert figures.ALT_TEXTS[-1] == figure.alt


def test_a_search_is_drawn_beside_its_second_look():
    frame = pd.DataFrame(
        {
            "formula": ["a", "b"],
            "score": [96.0, 94.0],
            "fresh": [[90.0, 92.0], [95.0, 97.0]],
        }
    )
    figure = ch15.search_and_second_look(frame, level=89.0)
    assert {96.0, 94.0, 90.0, 92.0, 91.0, 89.0} <= drawn(figure)
    assert "1 of 2 fall, by 1.5 points on average" in figure.alt
    assert "a, scored 96.0 and has 91.0. ReLU has 89.0." in figure.alt


def test_the_best_of_many_rises_from_the_mean_to_the_largest():
    figure = ch15.best_of_many([80.0, 82.0, 84.0, 86.0, 88.0])
    _, measured, theory, _ = figure.axes[0].lines
    assert measured.get_ydata()[[0, -1]] == pytest.approx([84.0, 88.0])
    # Of two runs out of five: the mean of the larger of all ten pairs.
    assert measured.get_ydata()[1] == pytest.approx(86.0)
    assert theory.get_ydata()[0] == pytest.approx(84.0)
    assert "rises from 84.0 to 88.0" in figure.alt
    with pytest.raises(ValueError, match="values has 4 runs"):
        ch15.best_of_many([1, 2, 3, 4])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(80, 99), min_size=5, max_size=12))
def test_the_mean_of_the_largest_is_that_over_all_choices(values):
    ordered = np.sort(np.array(values))
    for n in (1, 2, len(values)):
        expected = np.mean([max(c) for c in combinations(values, n)])
        assert _mean_of_largest(ordered, n) == pytest.approx(expected)
