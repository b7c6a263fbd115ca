"""Figures of chapter 08 and the networks that hold one signal."""

from __future__ import annotations

import math

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch

from actlab import figures
from actlab.datasets import signal
from actlab.networks import count_parameters
from course.ch08 import fields
from course.ch08 import figures as ch08

matplotlib.use("agg")


def test_ladder_says_every_mean_and_draws_every_run():
    rungs = {
        "ReLU": {"small steps": [80.0, 82.0], "large steps": [88.0]},
        "PReLU": {"small steps": [86.0, 86.4], "large steps": [88.5]},
    }
    figure = ch08.ladder(rungs, reference=81.0)
    assert "ReLU 81 and 88; PReLU 86.2 and 88.5" in figure.alt
    axes = figure.axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["ReLU", "PReLU"]
    assert axes.yaxis_inverted()
    drawn = np.concatenate([line.get_xdata() for line in axes.lines])
    assert {80.0, 82.0, 88.0, 86.0, 86.4, 88.5} <= set(drawn.tolist())
    assert figures.ALT_TEXTS[-1] == figure.alt


def test_parameter_paths_average_over_seeds():
    rows = [
        {"rung": rung, "seed": seed, "epoch": epoch, "parameter": 0.25 + k * epoch}
        for rung, k in (("shared", 1.0), ("one per layer", 0.1))
        for seed in (0, 1)
        for epoch in range(3)
    ]
    figure = ch08.parameter_paths(pd.DataFrame(rows), level=1.0)
    assert "shared from 0.25 to 2.25 and one per layer from 0.25 to 0.45" in figure.alt
    assert len(figure.axes[0].lines) == 7  # 2 × (2 runs and their mean) and the level


def test_pictures_compare_with_the_first():
    truth = torch.zeros(4, 4)
    figure = ch08.pictures({"truth": truth, "fit": truth + 0.5})
    assert figure.alt.startswith("2 grey pictures: truth and fit.")
    assert "fit: 0.5" in figure.alt


# --- fields -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", fields.KINDS)
@pytest.mark.parametrize("inputs", [1, 2])
def test_every_kind_has_the_same_budget(kind, inputs):
    network = fields.network(kind, inputs, seed=0)
    budget = count_parameters(fields.network("relu", inputs))
    assert abs(count_parameters(network) / budget - 1) < 0.04
    assert network(torch.zeros(5, inputs)).shape == (5, 1)


def test_a_network_depends_on_its_seed_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    x = torch.linspace(-1, 1, 7)[:, None]
    for kind in ("relu_fourier", "staf_naive", "staf", "sine_30"):
        first, again = (fields.network(kind, seed=3)(x) for _ in range(2))
        assert torch.equal(first, again)
        assert not torch.equal(first, fields.network(kind, seed=4)(x))
    assert torch.equal(before, torch.get_rng_state())


def test_spread_sine_is_siren_in_other_units():
    """sin(30(wx + b)): 30 times the weights of a sine with ω₀ = 1."""
    siren, spread = fields.network("sine_30"), fields.network("sine_1_spread")
    with torch.no_grad():
        for k in (0, 2):
            spread[k].weight.copy_(30 * siren[k].weight)
            spread[k].bias.copy_(30 * siren[k].bias)
        spread[4].load_state_dict(siren[4].state_dict())
    x = torch.linspace(-1, 1, 50)[:, None]
    torch.testing.assert_close(siren(x), spread(x), atol=2e-4, rtol=0)


def test_frequencies_are_where_they_should_be():
    siren, slow = fields.network("sine_30"), fields.network("sine_1")
    spread = fields.network("sine_1_spread")
    assert siren[0].weight.abs().max() <= 1
    assert 20 < spread[0].weight.abs().max() <= 30
    # The first layers of both hold angular frequencies up to 30, that of slow up to 1.
    assert slow[0].weight.abs().max() <= 1
    assert fields.FourierFeatures(1, 500).projection.abs().max() > 29


def test_a_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="did you mean 'sine_30'"):
        fields.network("sine30")


def test_the_picture_is_split_without_overlap():
    data = fields.picture(16)
    assert data.x_train.shape == (64, 2) and data.x_test.shape == (192, 2)
    places = {tuple(p) for p in torch.cat([data.x_train, data.x_test]).tolist()}
    assert len(places) == 256
    values = torch.cat([data.y_train, data.y_test])
    assert values.min() == -1 and values.max() == 1
    # The blossom is bright and right of the middle's dark corners.
    corners = values[torch.cat([data.x_train, data.x_test]).abs().min(1).values > 0.85]
    assert corners.mean() < values.mean()
    with pytest.raises(ValueError, match="even number"):
        fields.picture(15)


def test_psnr():
    assert fields.psnr(0.04) == pytest.approx(20)
    assert fields.psnr(0.004) == pytest.approx(30)
    assert fields.psnr(0.0) == math.inf


def test_frequency_decides_and_a_wild_step_ends_in_nan():
    data = signal("chirp", n=128)
    low, high = (
        fields.fit_field(fields.network(kind), data, 0.003, steps=150)[0]
        for kind in ("sine_1", "sine_1_spread")
    )
    assert high > low + 10
    at, between = fields.fit_field(fields.network("rational"), data, 1e30, steps=5)
    assert math.isnan(at) and math.isnan(between)
