"""Figures that one chapter alone needs: what they say, and that they can be read."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from figure_checks import assert_readable
from test_ch10_figures import DRAWN as DEAD

from actlab import datasets, figures
from actlab.networks import MLP
from course.ch01 import figures as ch01
from course.ch03 import figures as ch03
from course.ch04 import figures as ch04
from course.ch06 import figures as ch06


def descents() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Gradient descent towards (1, −1), in a trough and in a bowl."""
    found = {}
    for name, hessian in (("trough", [[1, 0.8], [0.8, 1]]), ("bowl", np.eye(2))):
        path = [np.array([1.5, 1.0])]
        for _ in range(30):
            path.append(path[-1] - np.asarray(hessian) @ (path[-1] - [1, -1]))
        found[name] = np.array(path), np.array(hessian)
    return found


def weight_rows() -> dict[str, torch.Tensor]:
    first = torch.sigmoid(4 * LINE)
    hard = (2 * LINE).clamp(0, 1)
    return {
        "soft": torch.stack([first, 1 - first], 1),
        "hard": torch.stack([hard, 1 - hard], 1),
    }


KINKS = {
    "relu(x)": torch.relu,
    "maximum(x, 0)": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "where(x < 0, 0, x)": lambda x: torch.where(x < 0, 0.0, x),
}
LINE = torch.linspace(-1, 1, 60)
SPIRALS = datasets.spirals(n=60, seed=0)
DRAW = {
    "kinks": lambda: ch04.autograd_at_kinks(KINKS),
    "harms": lambda: ch04.harms(torch.linspace(-1, 1, 64)),
    "neuron": lambda: ch01.neuron(),
    "neuron with numbers": lambda: ch01.neuron(
        inputs=2, weights=[1, -2], bias=0.5, activation="sigmoid"
    ),
    "thresholds": lambda: ch01.threshold_units(),
    "descent": lambda: ch03.descent_paths(descents(), (1, -1)),
    "slopes": lambda: ch03.slope_shares(
        {"steep": torch.full((50,), 0.24), "flat": torch.linspace(0, 0.02, 50)}
    ),
    "patchwork": lambda: ch01.patchwork(MLP([2, 5, 4, 2], "relu", seed=0), SPIRALS),
    "weights": lambda: ch06.weight_curves(
        LINE, weight_rows(), labels=["first", "second"], xlabel="first logit"
    ),
    "matrix": lambda: ch06.matrix_map(
        torch.tensor([[0.25, -0.25], [-0.25, 0.25]]), labels=["a", "b"], rows="output"
    ),
}
DRAW |= DEAD


@pytest.fixture(autouse=True)
def _close():
    figures.ALT_TEXTS.clear()
    yield
    plt.close("all")


@pytest.mark.parametrize("name", DRAW)
def test_figure_says_what_it_shows_and_can_be_read(name: str) -> None:
    assert_readable(DRAW[name])


@pytest.mark.parametrize("number", range(1, 16))
def test_every_figure_of_a_chapter_is_drawn_by_a_test(number: int) -> None:
    module = f"course.ch{number:02}.figures"
    if find_spec(module) is None:
        pytest.skip(f"chapter {number:02} has no figure of its own")
    source = " ".join(str(code.__code__.co_names) for code in DRAW.values())
    others = set(Path(__file__).parents[1].rglob("test_*.py")) - {Path(__file__)}
    calls = " ".join(path.read_text("utf-8") for path in others)
    for name in import_module(module).__all__:
        drawn = f"'{name}'" in source or re.search(rf"\b{name}\(", calls)
        assert drawn, f"{name} is drawn by no test"
        assert "Chapter" in getattr(import_module(module), name).__doc__


def test_autograd_at_kinks_reads_both_sides_and_autograd() -> None:
    alt = ch04.autograd_at_kinks(KINKS).alt
    assert "relu(x): 0, 1, autograd 0;" in alt
    assert "maximum(x, 0): 0, 1, autograd 0.5;" in alt
    assert "where(x < 0, 0, x): 0, 1, autograd 1." in alt


def test_harms_shows_a_digit_and_hides_nine_pixels_of_it() -> None:
    digit = torch.ones(64)
    clean, mild, strong, patched = (
        panel.images[0].get_array() for panel in ch04.harms(digit).axes
    )
    assert (clean == 1).all() and (patched == 0).sum() == 9
    assert np.std(strong) > 1.5 * np.std(mild) > 0.5
    assert (digit == 1).all()  # the caller's image is left alone
    with pytest.raises(ValueError, match="784 pixels; a digit of 8 by 8"):
        ch04.harms(torch.zeros(784))


def test_threshold_units_have_a_loss_of_flat_steps() -> None:
    figure = ch01.threshold_units(samples=40)
    step, sigmoid = (line.get_ydata() for line in figure.axes[1].lines[:2])
    assert np.mean(np.diff(step) == 0) > 0.95
    assert np.mean(np.diff(sigmoid) == 0) == 0
    stairs = int(re.search(r"(\d+) jumps", figure.alt)[1])
    assert stairs == np.count_nonzero(np.diff(step)) <= 40


def test_patchwork_counts_lines_and_patches() -> None:
    alt = DRAW["patchwork"]().alt
    assert "the 5 straight lines" in alt
    assert 5 < int(re.search(r"the (\d+) patches", alt)[1]) < 2**9
    one = MLP([2, 1, 2], "relu", seed=0)
    torch.nn.init.zeros_(one.linears[0].bias)  # its line runs through the middle
    assert "the 2 patches" in ch01.patchwork(one, SPIRALS).alt


def test_weights_and_matrices_are_put_into_words() -> None:
    alt = DRAW["weights"]().alt
    assert "soft: first 0.98 and second 0.018 on the right, no zero." in alt
    assert "exact zeros over 75 %" in alt and "on the left" not in alt
    one = {"soft": weight_rows()["soft"]}
    alt = ch06.weight_curves(LINE, one, labels=["first", "second"]).alt
    assert "soft: first 0.018 and second 0.98 on the left" in alt
    alt = DRAW["matrix"]().alt
    assert "symmetric 2 by 2" in alt and "the largest sum of a row is 0." in alt
    lopsided = ch06.matrix_map([[1, 2], [0, 1]], labels=["a", "b"]).alt
    assert "symmetric" not in lopsided and "row is 3." in lopsided


def test_descents_are_put_into_words() -> None:
    alt = DRAW["descent"]().alt
    assert "trough: the loss is 9 times steeper" in alt
    assert "bowl: the loss is 1 times steeper" in alt and "after 1 step." in alt


def test_shares_of_slopes_are_counted() -> None:
    alt = DRAW["slopes"]().alt
    assert "steep: 0 % below 0.01, 100 % above 0.2" in alt
    assert "flat: 50 % below 0.01, 0 % above 0.2" in alt


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ch01.neuron(inputs=9), "got 9"),
        (lambda: ch01.neuron(inputs=2, weights=[1]), "2 weights, got 1"),
        (lambda: ch01.patchwork(MLP([3, 2, 2], "relu"), SPIRALS), "got 3"),
    ],
)
def test_errors_name_the_wrong_value(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
    assert figures.ALT_TEXTS == []
