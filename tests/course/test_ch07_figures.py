"""Figures of chapter 07: what they draw and what their alt texts find."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from actlab import figures
from course.ch07 import figures as ch07


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")
    figures.ALT_TEXTS.clear()


def runs():
    rows = [
        (regime, kind, lr, seed, epoch, 50 * epoch, base + 0.1 * seed - 0.2 * epoch)
        for regime in ("final", "equal_time")
        for kind, base in (("relu", 2.0), ("swiglu", 1.9))
        for lr in (0.004, 0.008)
        for seed in (0, 1, 2)
        for epoch in (0, 1, 2)
    ]
    columns = ["regime", "activation", "lr", "seed", "epoch", "step", "test_loss"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.loc[frame.lr == 0.004, "test_loss"] += 0.05
    return frame


def test_maxima_of_lines_counts_the_pieces_that_are_seen():
    figure = ch07.maxima_of_lines(
        {"ReLU": [(0, 0), (1, 0)], "hidden": [(0, 0), (1, 0), (0.5, -3)]}
    )
    assert "ReLU: 2 pieces of 2 lines" in figure.alt
    assert "hidden: 2 pieces of 3 lines" in figure.alt
    top = max(figure.axes[0].lines, key=lambda line: line.get_linewidth())
    assert top.get_ydata().min() == 0 and top.get_ydata().max() == 2


def test_tuning_curves_name_the_best_rate():
    last = runs().query("epoch == 2 and regime == 'final'")
    figure = ch07.tuning_curves(last)
    assert "ReLU 0.008 (1.7)" in figure.alt
    assert "SwiGLU 0.008 (1.6)" in figure.alt


def test_loss_differences_are_paired_with_the_baseline():
    last = runs().query("epoch == 2 and lr == 0.008")
    better = (last.regime == "equal_time") & (last.activation == "relu")
    last = last.assign(test_loss=last.test_loss - 0.05 * better)
    figure = ch07.loss_differences(last, labels={"final": "equal steps"})
    assert "equal steps: SwiGLU \N{MINUS SIGN}0.1 (" in figure.alt
    assert "equal_time: SwiGLU \N{MINUS SIGN}0.05 (" in figure.alt
    # The pairing takes out what the seed does: no width is left.
    assert "(\N{MINUS SIGN}0.1 to \N{MINUS SIGN}0.1)" in figure.alt
    assert figure.alt in figures.ALT_TEXTS
