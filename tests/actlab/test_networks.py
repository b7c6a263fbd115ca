"""Networks: what they compute, how they are drawn, and what bad input says."""

import copy
import math
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from actlab import catalogue
from actlab.networks import (
    INITS,
    MLP,
    SmallCNN,
    count_parameters,
    initialise_,
    lines_up,
    make_activation,
)

SIZES = (7, 5, 6, 3)


def test_forward_is_maps_with_activations_between():
    network = MLP(SIZES, "tanh", seed=0)
    x = torch.randn(11, 7, generator=torch.Generator().manual_seed(0))
    expected = x
    for i, linear in enumerate(network.linears):
        expected = expected @ linear.weight.T + linear.bias
        if i < 2:
            expected = torch.tanh(expected)
    assert torch.allclose(network(x), expected, atol=1e-6)
    assert len(network.activations) == 2


@pytest.mark.parametrize("activation", [None, "identity"])
def test_linear_network_is_one_affine_map(activation):
    network = MLP(SIZES, activation, seed=1)
    x, z = torch.randn(2, 4, 7, generator=torch.Generator().manual_seed(1))
    middle = network(0.3 * x + 0.7 * z)
    assert torch.allclose(middle, 0.3 * network(x) + 0.7 * network(z), atol=1e-6)


@pytest.mark.parametrize(
    "activation",
    ["relu", "ReLU", nn.ReLU(), nn.ReLU, torch.relu, catalogue.get("relu")],
    ids=["key", "name", "module", "class", "function", "record"],
)
def test_ways_to_name_an_activation(activation):
    x = torch.randn(9, 7, generator=torch.Generator().manual_seed(2))
    expected = MLP(SIZES, "relu", seed=3)(x)
    assert torch.equal(MLP(SIZES, activation, seed=3)(x), expected)


def test_unknown_activation_names_what_comes_close():
    with pytest.raises(KeyError, match="relu"):
        MLP(SIZES, "relo")
    with pytest.raises(TypeError, match="activation is 7"):
        MLP(SIZES, 7)


@pytest.mark.parametrize("init", INITS)
def test_seed_decides_the_weights_and_the_activation_does_not(init):
    one, again, other = (MLP(SIZES, "relu", init, seed=s) for s in (5, 5, 6))
    for a, b, c in zip(one.linears, again.linears, other.linears):
        assert torch.equal(a.weight, b.weight) and torch.equal(a.bias, b.bias)
        assert not torch.equal(a.weight, c.weight)
    if init not in ("matched", "orthogonal"):
        for key in ("tanh", "identity", "prelu", "gelu"):
            weights = [
                linear.weight for linear in MLP(SIZES, key, init, seed=5).linears
            ]
            assert all(torch.equal(w, a.weight) for w, a in zip(weights, one.linears))
            assert len(weights) == len(one.linears)


def test_activation_that_draws_numbers_leaves_the_weights_alone():
    class Random(nn.Module):
        def __init__(self):
            super().__init__()
            self.slope = nn.Parameter(torch.rand(3))

        def forward(self, x):
            return x * self.slope.mean()

    plain, drawn = MLP(SIZES, "relu", seed=5), MLP(SIZES, Random, seed=5)
    assert torch.equal(plain.linears[2].weight, drawn.linears[2].weight)


def test_default_is_what_torch_does():
    torch.manual_seed(4)
    expected = [nn.Linear(a, b) for a, b in zip(SIZES, SIZES[1:])]
    for ours, theirs in zip(MLP(SIZES, "relu", seed=4).linears, expected):
        assert torch.equal(ours.weight, theirs.weight)
        assert torch.equal(ours.bias, theirs.bias)


def test_seed_leaves_the_global_generator_alone():
    torch.manual_seed(8)
    before = torch.get_rng_state()
    for init in INITS:
        MLP(SIZES, "tanh", init, seed=0)
    assert torch.equal(torch.get_rng_state(), before)
    MLP(SIZES, "tanh")
    assert not torch.equal(torch.get_rng_state(), before)


def test_zero_bias_keeps_the_default_weights():
    default = MLP(SIZES, seed=2)
    zeroed = MLP(SIZES, init="default_zero_bias", seed=2)
    for a, b in zip(default.linears, zeroed.linears):
        assert torch.equal(a.weight, b.weight)
        assert a.bias.abs().sum() > 0 and b.bias.abs().sum() == 0


@pytest.mark.parametrize(
    ("init", "activation", "variance"),
    [
        ("default", "relu", 1 / (3 * 400)),
        ("xavier", "relu", 2 / 1000),
        ("xavier_4", "sigmoid", 16 * 2 / 1000),
        ("he", "tanh", 2 / 400),
        ("matched", "relu", 2 / 400),
        ("matched", None, 1 / 400),
        # E[tanh(Z)^2] = 0.394294, by Gauss-Hermite quadrature.
        ("matched", "tanh", 1 / (0.394294 * 400)),
        ("matched", torch.tanh, 1 / (0.394294 * 400)),
        ("matched", nn.Tanh, 1 / (0.394294 * 400)),
    ],
)
def test_variance_of_the_weights(init, activation, variance):
    network = MLP((5, 400, 600, 10), activation, init, seed=0)
    weight = network.linears[1].weight.detach()
    assert float(weight.var()) == pytest.approx(variance, rel=0.02)
    assert abs(float(weight.mean())) < 4 * math.sqrt(variance / weight.numel())


def test_tanh_number_of_this_test():
    points, weights = np.polynomial.hermite_e.hermegauss(80)
    moment = (weights * np.tanh(points) ** 2).sum() / weights.sum()
    assert moment == pytest.approx(0.394294, abs=1e-6)


def test_he_and_matched_relu_are_the_same_draw():
    he, matched = (
        MLP(SIZES, "relu", "he", seed=1),
        MLP(SIZES, "relu", "matched", seed=1),
    )
    assert torch.allclose(he.linears[1].weight, matched.linears[1].weight, rtol=1e-4)


def test_orthogonal_rows_times_the_gain():
    network = MLP((60, 40, 20, 2), "relu", "orthogonal", seed=0)
    first, second, _ = (linear.weight for linear in network.linears)
    assert torch.allclose(first @ first.T, torch.eye(40), atol=1e-3)
    assert torch.allclose(second @ second.T, 2 * torch.eye(20), atol=1e-3)


def test_matched_keeps_the_size_of_the_signal():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 256, generator=generator)
    for key in ("relu", "tanh", "sigmoid"):
        joints = MLP([256] * 8 + [1], key, "matched", seed=0).joints(x)
        last = joints[-1].pre_activation.square().mean()
        assert 0.5 < last < 2, key
    joints = MLP([256] * 8 + [1], "tanh", "default", seed=0).joints(x)
    assert joints[-1].pre_activation.square().mean() < 0.02


def test_joints():
    network = MLP((2, 4, 3, 1), "relu", seed=0)
    x = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    first, second = network.joints(x)
    assert torch.equal(first.pre_activation, network.linears[0](x))
    assert torch.equal(first.activation, torch.relu(first.pre_activation))
    assert second.activation.shape == (6, 3)
    assert torch.equal(network.linears[2](second.activation), network(x))
    assert not second.activation.requires_grad


def test_joints_of_an_activation_that_works_in_place():
    first = MLP((2, 4, 1), nn.ReLU(inplace=True), seed=0).joints(torch.randn(50, 2))[0]
    assert first.pre_activation.min() < 0 <= first.activation.min()


def test_shared_activation():
    shared = MLP(SIZES, "prelu", shared=True)
    apart = MLP(SIZES, "prelu")
    assert shared.activations[0] is shared.activations[1]
    assert apart.activations[0] is not apart.activations[1]
    affine = 7 * 5 + 5 + 5 * 6 + 6 + 6 * 3 + 3
    assert count_parameters(shared) == affine + 1
    assert count_parameters(apart) == affine + 2
    given = nn.PReLU()
    assert MLP(SIZES, given, shared=True).activations[0] is given
    assert MLP(SIZES, given).activations[0] is not given


def test_frozen_parameters_do_not_count():
    network = MLP((2, 3, 1))
    network.linears[0].weight.requires_grad_(False)
    assert count_parameters(network) == 3 + 3 + 1


def test_initialise_any_module():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(300, 200, bias=False), nn.ReLU())
    before = copy.deepcopy(network[0].weight)
    assert initialise_(network, "he") is network
    assert not torch.equal(before, network[0].weight)
    assert float(network[0].weight.detach().var()) == pytest.approx(2 / 300, rel=0.03)


@pytest.mark.parametrize("sizes", [(), (3,), (3, 0), (3, 2.5), (3, -1), ("3", 2)])
def test_impossible_sizes(sizes):
    with pytest.raises(ValueError, match="two or more positive whole numbers"):
        MLP(sizes)


def test_unknown_initialisation():
    with pytest.raises(ValueError, match="'xavir'; did you mean 'xavier'"):
        MLP(SIZES, init="xavir")
    with pytest.raises(ValueError, match="choose one of"):
        initialise_(MLP(SIZES), "zzz")


@pytest.mark.parametrize("init", ["matched", "orthogonal"])
def test_activation_without_a_gain(init):
    with pytest.raises(ValueError, match="no weights match"):
        MLP(SIZES, torch.zeros_like, init)


def test_one_layer_has_no_activation():
    network = MLP((3, 2), "relu")
    assert len(network.activations) == 0 and network.joints(torch.zeros(1, 3)) == []


def test_make_activation_returns_a_given_module():
    module = nn.Tanh()
    assert make_activation(module) is module
    assert "tanh" in repr(make_activation(torch.tanh))


def test_small_cnn_is_two_convolutions_and_two_maps():
    network = SmallCNN("gelu", seed=0, side=8, channels=(3, 5), hidden=7, classes=4)
    x = torch.randn(6, 64, generator=torch.Generator().manual_seed(0))
    first, second = network.convolutions
    image = F.gelu(F.conv2d(x.view(6, 1, 8, 8), first.weight, first.bias, 2, 1))
    image = F.gelu(F.conv2d(image, second.weight, second.bias, 2, 1))
    hidden = F.gelu(F.linear(image.reshape(6, 20), *network.linears[0].parameters()))
    expected = F.linear(hidden, *network.linears[1].parameters())
    torch.testing.assert_close(network(x), expected)
    with pytest.raises(ValueError, match="side is 9"):
        SmallCNN(side=9)
    with pytest.raises(ValueError, match="did you mean 'default'"):
        SmallCNN(init="defaults")


def test_seed_decides_the_weights_of_the_cnn_and_the_activation_does_not():
    states = [SmallCNN(a, seed=1).state_dict() for a in ("relu", "prelu")]
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name])
    assert not torch.equal(
        states[0]["linears.0.weight"], SmallCNN(seed=2).linears[0].weight
    )


def test_he_counts_the_inputs_of_a_convolution():
    layer = nn.Conv2d(16, 400, 5)
    initialise_(layer, "he")
    assert layer.weight.var().item() == pytest.approx(2 / (16 * 25), rel=0.02)
    assert not layer.bias.any()
    initialise_(layer, "xavier")
    assert layer.weight.var().item() == pytest.approx(2 / (416 * 25), rel=0.02)


# Refused at the door


def vector_kinds() -> list[str]:
    return [r.key for r in catalogue.CATALOGUE.values() if r.kind == "vector"]


def changes_the_width(key: str) -> bool:
    made = catalogue.get(key).make()
    return made(torch.zeros(2, 24)).shape != (2, 24)


def test_some_vector_kinds_change_the_width_and_some_do_not():
    assert {changes_the_width(key) for key in vector_kinds()} == {True, False}


@pytest.mark.parametrize("key", vector_kinds())
@pytest.mark.parametrize("shared", [False, True])
def test_an_activation_that_changes_the_width_is_refused(key, shared):
    if not changes_the_width(key):
        assert MLP([4, 24, 3], key, shared=shared)(torch.zeros(2, 4)).shape == (2, 3)
        return
    with pytest.raises(ValueError, match=f"activation is '{key}'.* keep the width"):
        MLP([4, 24, 3], key, shared=shared)
    with pytest.raises(ValueError, match=f"activation is '{key}'.* keep"):
        SmallCNN(key)
    assert MLP([4, 3], key)(torch.zeros(2, 4)).shape == (2, 3)  # no hidden layer


@pytest.mark.parametrize("width", [7, 8])
def test_a_gate_is_refused_whatever_the_width_and_however_it_is_given(width):
    for gate in (nn.GLU(), nn.GLU, "swiglu", "geglu", lambda x: F.glu(x)):
        with pytest.raises(ValueError, match="must keep the width"):
            MLP([4, width, 3], gate)


def test_groups_that_do_not_divide_the_width_are_refused():
    assert MLP([4, 8, 3], "groupsort").activations
    with pytest.raises(ValueError, match="cannot act on 7 units"):
        MLP([4, 7, 3], "groupsort")


def test_the_way_out_that_the_refusal_names():
    with pytest.raises(ValueError) as error:
        MLP([4, 8, 3], "swiglu")
    code = str(error.value).split("yourself: ")[1]
    network = eval(code, {"nn": nn, "catalogue": catalogue})
    assert network(torch.zeros(2, 4)).shape == (2, 3)


def test_trying_an_activation_leaves_no_trace():
    torch.manual_seed(0)
    norm, before = nn.BatchNorm1d(8), torch.get_rng_state()
    kept = copy.deepcopy(norm.state_dict())
    network = MLP([4, 8, 3], norm, shared=True, seed=0)
    for name, value in network.activations[0].state_dict().items():
        assert torch.equal(value, kept[name])
    MLP([4, 8, 3], nn.Dropout(0.5), seed=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_activation_that_cannot_be_tried_says_itself_what_it_lacks():
    def moody(x):
        raise RuntimeError("not today")

    network = MLP([4, 8, 3], moody)
    with pytest.raises(RuntimeError, match="not today"):
        network(torch.zeros(2, 4))


# Inputs of another type


@pytest.mark.parametrize(
    "dtype",
    [torch.uint8, torch.bool, torch.int32, torch.int64, torch.float64, torch.float16],
)
def test_inputs_of_another_type_are_cast_and_said_so(dtype):
    x = torch.ones(3, 7).to(dtype)
    with pytest.warns(UserWarning, match=f"inputs are {dtype}.*float32") as caught:
        cast = lines_up(MLP(SIZES), x)
    assert cast.dtype == torch.float32 and torch.equal(cast, torch.ones(3, 7))
    assert caught[0].filename == __file__


def test_inputs_that_fit_are_left_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for network, x in (
            (MLP(SIZES), torch.ones(3, 7)),
            (MLP(SIZES).double(), torch.ones(3, 7).double()),
            (nn.Embedding(5, 2), torch.ones(3, 7, dtype=torch.int64)),
            (nn.ReLU(), torch.ones(3, 7).double()),
        ):
            assert lines_up(network, x) is x
