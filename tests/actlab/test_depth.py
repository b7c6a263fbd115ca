"""Depth profiles against closed forms and against networks; deep networks."""

from __future__ import annotations

import math
import warnings

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from actlab import datasets, deep, figures, probes, properties
from actlab.catalogue import CATALOGUE
from actlab.deep import DeepMLP
from actlab.networks import MLP
from actlab.training import NonFiniteLossError

SIZES = (64, *[16] * 6, 10)


@pytest.fixture(autouse=True)
def _close():
    figures.ALT_TEXTS.clear()
    yield
    plt.close("all")


# --- chains of integrals ------------------------------------------------------------


def test_relu_halves_both_ways_whatever_arrives():
    for q in (1e-8, 1.0, 50.0):
        errors = properties.iterate_gradient("relu", 5, q, 1 / 3, 0.01)
        assert errors == pytest.approx((1 / 6) ** np.arange(5, -1, -1.0), rel=1e-9)


def test_the_error_signal_depends_on_biases_through_the_variance_only():
    plain = properties.iterate_gradient("tanh", 1, 1.0, 2.0, 0.0)
    biased = properties.iterate_gradient("tanh", 1, 1.0, 2.0, 5.0)
    assert plain == pytest.approx(biased), "the layer's own bias is not in its slope"
    deeper = [properties.iterate_gradient("tanh", 2, 1.0, 2.0, b)[0] for b in (0, 5)]
    assert deeper[1] < 0.8 * deeper[0], "larger pre-activations have flatter slopes"


def test_a_variance_that_overflows_gives_nan_and_not_an_error():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        profile = properties.depth_profile(lambda z: z**3, 12, "he")
    assert np.isnan(profile.error_signal[0]) and profile.error_signal[-1] == 1


def test_correlations_of_a_linear_network_stay_and_biases_pull_them_to_one():
    kept = properties.iterate_correlation("identity", 20, 0.3)
    assert kept == pytest.approx(np.full(21, 0.3), abs=1e-6)
    pulled = properties.iterate_correlation("identity", 60, 0.3, 1.0, 1 / 3, 0.001)
    assert (np.diff(pulled) > -1e-9).all() and pulled[-1] > 0.999


def test_correlation_of_a_signal_that_has_died_is_nan():
    gone = properties.iterate_correlation("threshold", 3, 0.5, 1e-9)
    assert np.isnan(gone[1:]).all() or gone[1:] == pytest.approx(1)


@pytest.mark.parametrize("init", ["default", "xavier", "he", "matched"])
def test_start_variances_are_those_of_the_networks(init):
    first, later, bias = properties.start_variances("gelu", init, 300)
    network = MLP((300, 300, 300, 300), "gelu", init, seed=0)
    drawn = [300 * linear.weight.var().item() for linear in network.linears]
    assert drawn[0] == pytest.approx(first, rel=0.03)
    assert drawn[1] == pytest.approx(later, rel=0.03)
    assert network.linears[1].bias.var().item() == pytest.approx(bias, rel=0.3)


def test_an_unknown_start_is_refused_by_name():
    with pytest.raises(ValueError, match="init='lsuv'"):
        properties.start_variances("relu", "lsuv")


@pytest.mark.parametrize(
    "f, init",
    [("tanh", "default"), ("relu", "xavier"), ("selu", "he"), ("sigmoid", "matched")],
)
def test_profiles_lie_on_measured_networks(f, init):
    torch.manual_seed(0)
    x, y = torch.randn(32, 256, dtype=torch.float64), torch.randint(10, (32,))
    network = MLP([256] * 13 + [10], f, init, seed=1).double()
    seen = probes.snapshot(network, x, y)
    told = properties.depth_profile(f, 12, init, correlation=0.0)
    sizes = seen["activation_rms"].to_numpy()
    errors = seen["error_signal_rms"].to_numpy()
    assert sizes / told.activation == pytest.approx(1, rel=0.35)
    assert errors / errors[-1] / told.error_signal == pytest.approx(1, rel=0.35)
    alike = seen["input_correlation"].to_numpy()
    assert alike == pytest.approx(told.alike, abs=0.12)


def test_the_weight_gradient_is_the_product_of_the_other_two():
    told = properties.depth_profile("relu", 6, "default_zero_bias", inputs=4.0)
    # Scale-free and without biases the product is the same in all layers.
    assert told.weight_gradient == pytest.approx(np.ones(6), rel=1e-9)
    table = told.frame()
    assert list(table.index) == [1, 2, 3, 4, 5, 6] and table["alike"].isna().all()


def test_every_function_on_numbers_has_a_profile():
    scalar = [key for key, row in CATALOGUE.items() if row.kind == "scalar"]
    assert len(scalar) > 50
    for key in scalar:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            told = properties.depth_profile(key, 4, "xavier")
        assert told.activation.shape == (4,) and told.error_signal[-1] == 1, key


def test_a_typed_formula_and_the_function_it_means_agree():
    typed = properties.depth_profile("x/(1+exp(-3*x))", 8)
    own = properties.depth_profile(lambda z: z * torch.sigmoid(3 * z), 8)
    assert typed.error_signal == pytest.approx(own.error_signal, rel=1e-5)


# --- deep networks --------------------------------------------------------------------


def test_without_cures_it_is_the_plain_network():
    x = torch.randn(5, 64)
    plain, same = MLP(SIZES, "tanh", seed=3), DeepMLP(SIZES, "tanh", seed=3)
    assert torch.equal(plain(x), same(x))


def test_a_branch_is_added_where_the_width_is_kept():
    network = DeepMLP((64, 16, 16, 10), "relu", seed=0, branch=0.5)
    x = torch.randn(4, 64)
    first = torch.relu(network.linears[0](x))
    second = first + 0.5 * torch.relu(network.linears[1](first))
    assert torch.allclose(network(x), network.linears[2](second))
    assert DeepMLP(SIZES, branch="depth").branch == pytest.approx(1 / math.sqrt(6))


@pytest.mark.parametrize("norm, axis", [("layer", 1), ("batch", 0)])
def test_norms_act_before_the_activation(norm, axis):
    network = DeepMLP((64, 16, 10), torch.nn.Identity, norm=norm, seed=0)
    seen = []
    network.activations[0].register_forward_hook(lambda m, i, o: seen.append(i[0]))
    network(torch.randn(32, 64))
    assert seen[0].mean(axis).abs().max() < 1e-5
    assert seen[0].detach().var(axis, correction=0) == pytest.approx(1, abs=0.05)


def test_unknown_norms_are_refused():
    with pytest.raises(ValueError, match="unknown norm 'group'"):
        DeepMLP(SIZES, norm="group")


@pytest.mark.parametrize("init", ["default", "xavier"])
def test_a_sigmoid_network_started_as_tanh_is_the_tanh_network(init):
    x = torch.randn(8, 64, dtype=torch.float64)
    tanh = DeepMLP(SIZES, "tanh", init, seed=0).double()
    sigmoid = DeepMLP(SIZES, "sigmoid", init, seed=0).double()
    assert not torch.allclose(sigmoid(x), tanh(x))
    assert torch.allclose(deep.start_as_tanh_(sigmoid)(x), tanh(x), atol=1e-10)


def test_training_repeats_itself_and_learns():
    data = datasets.digits().subset(300)
    runs = [
        deep.train(
            DeepMLP((64, 32, 32, 10), "relu", "he", seed=0), data, lr=0.1, epochs=8
        )
        for _ in range(2)
    ]
    assert runs[0]["test_accuracy"] == runs[1]["test_accuracy"]
    assert runs[0]["epoch"] == list(range(9)) and math.isnan(runs[0]["train_loss"][0])
    assert runs[0]["test_accuracy"][-1] > 60


def test_clipping_limits_the_length_of_a_step():
    data = datasets.digits().subset(128)
    network = DeepMLP((64, 32, 10), "relu", "he", seed=0)
    with torch.no_grad():
        network.linears[-1].weight *= 1000  # a huge gradient
    before = [p.detach().clone() for p in network.parameters()]
    deep.train(network, data, lr=0.5, epochs=1, clip=1.0, batch_size=128)
    moved = sum(
        (p - b).square().sum() for p, b in zip(network.parameters(), before)
    ).sqrt()
    assert moved.item() == pytest.approx(0.5, rel=1e-3)


def test_a_loss_that_is_no_number_ends_the_run():
    network = DeepMLP((64, 32, 10), "relu", seed=0)
    with torch.no_grad():
        network.linears[0].weight.fill_(math.inf)
    with pytest.raises(NonFiniteLossError):
        deep.train(network, datasets.digits().subset(64), lr=0.1, epochs=1)
