"""The figures of chapter 11: what they say is what was drawn."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from actlab import curvature
from course.ch11 import figures as ch11


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def spectrum(values):
    """The spectrum of a diagonal matrix."""
    diagonal = torch.tensor(values, dtype=torch.float64)
    return curvature.spectral_density(lambda v: diagonal * v, size=len(values))


def line(width):
    along = np.linspace(-2, 2, 41)
    return curvature.Slice(along, 1 + (along / width) ** 2)


def bowl(steep=1.0):
    axis = np.linspace(-1, 1, 9)
    losses = 0.1 + steep * (axis**2 + axis[:, None] ** 2)
    return curvature.Plane(axis, axis, losses)


def test_lyapunov_curve_says_where_it_turns_positive():
    figure = ch11.lyapunov_curve(
        [0.5, 1, 2], {"100 units": [[-0.7, -0.6], [0, 0], [0.1, 0.2]]}
    )
    assert "−0.65 at gain 0.5, positive from 2 on, 0.15 at 2" in figure.alt


def test_densities_say_their_range_and_their_peak():
    values = [-0.5] + [0.0] * 7 + [2.0, 10.0]
    figure = ch11.eigenvalue_densities(
        {"a": spectrum(values), "b": spectrum([0.0, 3.0])}, exact={"a": values}
    )
    assert "a: from −0.5 to 10, 70 % of the mass" in figure.alt
    assert "b: from 0 to 3" in figure.alt
    strokes = [ln for ln in figure.axes[0].lines if ln.get_marker() == "|"]
    assert strokes[0].get_xdata().tolist() == values
    with pytest.raises(ValueError, match="at least one"):
        ch11.eigenvalue_densities({})


def test_sharpness_is_read_in_the_second_half():
    steps = np.arange(6)
    paths = {"tanh": (steps, 1.0 / (1 + steps), np.array([0.5, 1, 9, 1.9, 2.1, 2]))}
    figure = ch11.sharpness_paths(paths, lr=1.0)
    assert "2/lr = 2" in figure.alt
    assert "tanh starts at 0.5 and stays between 1.9 and 2.1" in figure.alt


def test_slices_tell_their_widths():
    figure = ch11.loss_slices(
        {"one": {"narrow": line(0.5), "wide": line(1.5)}, "two": {"narrow": line(1.0)}}
    )
    assert "one: narrow 1 and wide 3" in figure.alt and "two: narrow 2" in figure.alt


def test_planes_share_their_levels():
    figure = ch11.loss_planes({"plain": bowl(), "steep": bowl(50)})
    assert "plain: loss 0.1 to 2.1" in figure.alt
    assert "steep: loss 0.1 to 100" in figure.alt
    with pytest.raises(ValueError, match="got 3"):
        ch11.loss_planes(dict.fromkeys("abc", bowl()))


def test_kernel_dots_are_compared_with_the_curve():
    slopes = [-1.0, 0.0, 1.0]
    figure = ch11.kernel_against_slope(
        slopes, [[4.1, 1, 0], [3.95, 1, 0]], lambda a: (1 - a) ** 2
    )
    assert "2 draws per slope" in figure.alt
    assert "within 0.1 of the curve" in figure.alt
    assert "falls from 4.03 at −1 to 0 at 1" in figure.alt
    assert ch11.kernel_against_slope(slopes, [[4, 1, 0]]).alt.endswith("at 1.")
