"""The probes: exact on networks whose answer is known, and without a trace."""

from __future__ import annotations

import copy
import copyreg
import io
import math
import pickle
import random
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from actlab import datasets, probes, training
from actlab.networks import MLP
from actlab.probes.behaviour import is_activation
from actlab.probes.health import SOURCES
from actlab.probes.layers import EDGES, OCTAVES, exponents, log_histogram, octaves, rms


def layer(weight, bias) -> nn.Linear:
    """A linear layer with these numbers."""
    weight = torch.tensor(weight, dtype=torch.float32)
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(torch.tensor(bias, dtype=torch.float32))
    return linear


def known(activation=nn.ReLU) -> nn.Sequential:
    """For x ≥ 0. Layer 1: units x, −x, x − 3, −1; layer 2: their sum, its negative."""
    return nn.Sequential(
        layer([[1], [-1], [1], [0]], [0, 0, -3, -1]),
        activation(),
        layer([[1, 1, 1, 1], [-1, -1, -1, -1]], [0, 0]),
        activation(),
        layer([[1, 1]], [0]),
    )


RAMP = torch.arange(5.0)[:, None]  # 0 to 4: the third unit fires for the last only


class Residual(nn.Module):
    """A small convolutional network of all that is awkward: see the names."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)  # one object, called twice
        self.convolution = nn.Conv2d(4, 4, 3, padding=1)
        self.random = nn.RReLU()
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.relu(self.norm(self.stem(x)))
        h = self.relu(h + self.convolution(h))
        h = self.random(h - 0.3)
        return self.head(self.drop(h.mean((2, 3))))


def awkward() -> tuple[Residual, torch.Tensor, torch.Tensor]:
    """The network with mixed modes, a frozen weight and old gradients; data for it."""
    torch.manual_seed(0)
    network = Residual()
    network.norm.eval()
    network.stem.weight.requires_grad_(False)
    x, y = torch.randn(20, 1, 6, 6), torch.arange(20) % 3
    F.cross_entropy(network(x), y).backward()
    return network, x, y


def state_of(network: nn.Module) -> dict:
    """All that an instrument could disturb."""
    hooks = [
        len(getattr(module, name))
        for module in network.modules()
        for name in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks",
                     "_backward_pre_hooks")
    ]  # fmt: skip
    return {
        "state": {k: v.clone() for k, v in network.state_dict().items()},
        "buffers": {k: id(v) for k, v in network.named_buffers()},
        "gradients": {
            k: None if p.grad is None else p.grad.clone()
            for k, p in network.named_parameters()
        },
        "requires": [p.requires_grad for p in network.parameters()],
        "parameter hooks": [len(p._backward_hooks or ()) for p in network.parameters()],
        "modes": [module.training for module in network.modules()],
        "hooks": hooks,
        "random": torch.get_rng_state(),
    }


def assert_same(before: dict, after: dict) -> None:
    for key in ("buffers", "requires", "parameter hooks", "modes", "hooks"):
        assert before[key] == after[key], key
    assert torch.equal(before["random"], after["random"])
    for key in ("state", "gradients"):
        assert before[key].keys() == after[key].keys()
        for name, value in before[key].items():
            other = after[key][name]
            same = value is other if value is None else torch.equal(value, other)
            assert same, f"{key} {name}"


# Dead units whose number is known


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 5, 100])
@pytest.mark.parametrize("by", ["data", "gradient", "threshold"])
def test_dead_units_of_a_network_built_by_hand(by, batch_size):
    # Backwards, the third unit fires in the first batch only.
    for x in (RAMP, RAMP.flip(0)):
        found = probes.dead_units(known(), x, by=by, batch_size=batch_size)
        assert [m.tolist() for m in found.masks] == [
            [False, True, False, True],
            [False, True],
        ]
        assert found.counts == [2, 1] and found.sizes == [4, 2]
        assert found.examples == 5
    without_last = probes.dead_units(known(), RAMP[:4], by=by, batch_size=batch_size)
    assert without_last.counts == [3, 1]


def test_batches_of_any_kind_and_length_give_the_same_answer():
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(RAMP, RAMP), batch_size=2
    )
    for x in (loader, [RAMP[:3], RAMP[3:]], iter([RAMP[:1], RAMP[1:4], RAMP[4:]])):
        found = probes.dead_units(known(), x)
        assert found.counts == [2, 1] and found.examples == 5
    # The last batch alone, or the mean over batches, would say something else.
    assert probes.dead_units(known(), RAMP[:1]).counts == [4, 2]


def images() -> list[torch.Tensor]:
    """Images of different size in batches of 2, 3 and 1; one pixel of all is above 3.

    It is the last one.
    """
    batches = [torch.zeros(2, 1, 4, 4), torch.ones(3, 1, 2, 3), torch.ones(1, 1, 5, 2)]
    batches[2][0, 0, 4, 1] = 3.5
    return batches


def channels() -> nn.Sequential:
    """Channels x, −x, x − 3, −1 of a 1 × 1 convolution."""
    convolution = nn.Conv2d(1, 4, 1)
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([1.0, -1, 1, 0]).view(4, 1, 1, 1))
        convolution.bias.copy_(torch.tensor([0.0, 0, -3, -1]))
    return nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())


@pytest.mark.parametrize("by", ["data", "gradient", "threshold"])
def test_dead_channels_of_a_convolution(by):
    for batches in (images(), images()[::-1]):
        found = probes.dead_units(channels(), batches, by=by)
        assert found.masks[0].tolist() == [False, True, False, True]
    assert probes.dead_units(channels(), images()[:2], by=by).counts == [3]


def test_each_position_can_be_a_unit():
    x = torch.zeros(6, 1, 2, 2)
    x[5, 0, 1, 1] = 3.5
    for batch_size in (1, 4, 6):
        found = probes.dead_units(channels(), x, unit="position", batch_size=batch_size)
        assert found.sizes == [16]
        # Alive: the lit position in the channels x and x − 3.
        assert found.counts == [14]
        assert not found.masks[0][3] and not found.masks[0][11]
    with pytest.raises(ValueError, match="16 units in one batch and 24 in another"):
        probes.dead_units(channels(), [x, torch.zeros(1, 1, 2, 3)], unit="position")


def test_units_lie_on_the_axis_of_the_layer_that_feeds_them():
    tokens = nn.Sequential(layer([[1], [-1], [1]], [0, 0, -9]), nn.ReLU())
    x = torch.ones(2, 7, 1)  # examples, tokens, features
    assert probes.dead_units(tokens, x).masks[0].tolist() == [False, True, True]
    convolution = nn.Conv1d(1, 3, 1)
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([1.0, -1, 1]).view(3, 1, 1))
        convolution.bias.copy_(torch.tensor([0.0, 0, -9]))
    signal = nn.Sequential(convolution, nn.ReLU())
    x = torch.ones(2, 1, 7)  # examples, channels, positions
    assert probes.dead_units(signal, x).masks[0].tolist() == [False, True, True]


def single(activation: nn.Module, z: float) -> nn.Module:
    """One unit with this pre-activation for every input, beside one with x."""
    return nn.Sequential(layer([[0], [1]], [z, 0]), activation)


X = torch.linspace(-1, 1, 9)[:, None]


@pytest.mark.parametrize(
    ("activation", "z", "dead_by"),
    [
        (nn.ReLU(), -1.0, {"data", "gradient", "threshold", "dormant"}),
        (nn.LeakyReLU(0.01), -1.0, set()),
        (nn.GELU(), -4.0, {"threshold", "dormant"}),  # slope −0.0005, output −0.0001
        (nn.GELU(), -40.0, {"data", "gradient", "threshold", "dormant"}),
        (nn.ReLU6(), 7.0, {"gradient", "threshold"}),  # stuck at 6
        (nn.Sigmoid(), 9.0, {"threshold"}),
        (nn.Tanh(), 1.0, set()),
        (nn.Identity(), -1.0, set()),
    ],
)
def test_each_definition_sees_what_it_should(activation, z, dead_by):
    for by in probes.DEFINITIONS:
        found = probes.dead_units(single(activation, z), X, by=by)
        assert bool(found.masks[0][0]) == (by in dead_by), by
        assert not found.masks[0][1], by


def test_dormant_by_hand():
    # Mean sizes 1, 0.1 and 0.4: mean of the layer 0.5.
    network = nn.Sequential(layer([[0], [0], [0]], [1, 0.1, 0.4]), nn.Identity())
    for threshold, counts in ((0.19, [0]), (0.21, [1]), (0.81, [2])):
        found = probes.dead_units(
            network, RAMP, by="dormant", threshold=threshold, batch_size=2
        )
        assert found.counts == counts


def test_with_zero_biases_the_weight_scale_cannot_change_who_is_dead():
    """Science notes §7: the same draws, scaled layer by layer by another rule."""
    torch.manual_seed(0)
    x = torch.randn(64, 20) + 1
    sizes = [20, 40, 40, 40, 40, 5]
    for seed in range(3):
        masks = [
            probes.dead_units(MLP(sizes, "relu", init=init, seed=seed), x).masks
            for init in ("he", "xavier", "xavier_4")
        ]
        assert sum(int(mask.sum()) for mask in masks[0]) > 0
        for other in masks[1:]:
            assert all(torch.equal(a, b) for a, b in zip(masks[0], other))
    # With biases it can: they do not grow with the weights.
    network = MLP(sizes, "relu", seed=0)
    before = probes.dead_units(network, x)
    with torch.no_grad():
        for linear in network.linears:
            linear.weight.mul_(4)
    assert probes.dead_units(network, x).counts != before.counts


def test_shared_objects_are_one_layer_per_call():
    network = MLP([1, 4, 4, 1], "relu", shared=True, seed=0)
    found = probes.dead_units(network, RAMP)
    assert found.names == ["activations.0", "activations.0 (call 2)"]
    copies = MLP([1, 4, 4, 1], "relu", seed=0)
    copies.load_state_dict(network.state_dict(), strict=False)
    same = probes.dead_units(copies, RAMP)
    assert all(torch.equal(a, b) for a, b in zip(found.masks, same.masks))


def test_dead_units_says_what_it_found():
    found = probes.dead_units(known(), RAMP)
    assert str(found) == (
        "dead units by data: [2, 1] of [4, 2], 3 of 6 (50.0 %), 5 examples; "
        "activations: ReLU"
    )
    assert found.frame.to_dict("list") == {
        "layer": [1, 2],
        "name": ["1", "3"],
        "units": [4, 2],
        "dead": [2, 1],
        "share": [0.5, 0.5],
    }


# What counts as an activation


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.linear(x))


class Own(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.clamp(min=0)


def test_functions_cannot_be_hooked_and_the_error_says_so():
    for instrument in (probes.dead_units, lambda n, x: probes.snapshot(n, x, x)):
        with pytest.raises(probes.NoActivationError, match="leaves nothing to hook"):
            instrument(Functional(), RAMP)
    with (
        pytest.raises(probes.NoActivationError, match="self.activation = nn.ReLU()"),
        probes.watch(Functional()),
    ):
        pass


def test_own_modules_count_and_norms_do_not():
    network = nn.Sequential(
        nn.Linear(1, 3), nn.LayerNorm(3), Own(), nn.Dropout(0.5), nn.Linear(3, 3),
        MLP([3, 3, 3], torch.relu).activations[0], nn.Identity(), nn.Softmax(-1),
    )  # fmt: skip
    assert probes.dead_units(network, RAMP).names == ["2", "5"]


def test_layers_can_be_named():
    network = known()
    for layers in (["3"], [network[3]]):
        assert probes.dead_units(network, RAMP, layers=layers).counts == [1]
    assert probes.dead_units(Functional(), RAMP, layers=["linear"]).sizes == [3]
    with pytest.raises(ValueError, match="holds 'act', which is no module"):
        probes.dead_units(network, RAMP, layers=["act"])
    with pytest.raises(TypeError, match="give a list"):
        probes.dead_units(network, RAMP, layers="3")


def test_a_gate_has_dead_units_by_data_only():
    network = nn.Sequential(layer([[1], [-1], [1], [1]], [0, 0, 0, 0]), nn.GLU())
    assert probes.dead_units(network, RAMP).sizes == [2]
    with pytest.raises(ValueError, match=r"GLU\) makes \(5, 2\) of \(5, 4\)"):
        probes.dead_units(network, RAMP, by="gradient")
    assert math.isnan(probes.snapshot(network, RAMP, RAMP.repeat(1, 2)).saturation[0])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"by": "death"}, ValueError, "choose one of"),
        ({"by": "data", "threshold": 0.1}, ValueError, "exact zeros"),
        ({"by": "threshold", "threshold": -1.0}, ValueError, "from 0 on"),
        ({"unit": "pixel"}, ValueError, "'channel', 'position'"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"x": torch.zeros(0, 1)}, ValueError, "no example"),
        ({"x": [torch.zeros(0, 1)]}, ValueError, "no example"),
        ({"x": "data"}, TypeError, "give a tensor"),
        ({"x": [1, 2]}, TypeError, "batches are tensors"),
        ({"x": datasets.rings(n=20)}, TypeError, "data.x_train or data.x_test"),
        ({"x": torch.zeros(1)}, ValueError, r"\(examples, …, units\)"),
    ],
)
def test_bad_input_to_dead_units(arguments, error, words):
    x = arguments.pop("x", RAMP)
    network = known()
    before = state_of(network)
    with pytest.raises(error, match=words):
        probes.dead_units(network, x, **arguments)
    assert_same(before, state_of(network))


# Lives


def test_lives_of_units_killed_and_revived_by_hand():
    network = nn.Sequential(layer([[1], [1], [1], [1], [1]], [0] * 5), nn.ReLU())
    bias = network[0].bias
    history = probes.LifeHistory(network, RAMP, batch_size=2)
    # Alive is a bias above −4: one column per observation.
    lives = torch.tensor(
        [
            [0.0, 0, 0, 0],  # always alive
            [-9, -9, -9, -9],  # born dead
            [0, 0, -9, -9],  # killed
            [0, -9, -9, 0],  # killed and revived
            [-9, 0, 0, -9],  # born dead, revived, relapsed
        ]
    )
    for step, biases in zip((0, 10, 20, 40), lives.T):
        with torch.no_grad():
            bias.copy_(biases)
        history.observe(step)
    assert history.births.values.tolist() == [[0, 1, 1], [0, 1, 4]]
    assert history.deaths.values.tolist() == [[10, 1, 3], [20, 1, 2], [40, 1, 4]]
    assert history.revivals.values.tolist() == [[10, 1, 4], [40, 1, 3]]
    assert history.counts[1].tolist() == [2, 2, 3, 3]
    assert history.counts.index.tolist() == [0, 10, 20, 40]
    assert history.fates.iloc[0].to_dict() == {
        "layer": 1,
        "units": 5,
        "alive": 1,
        "born_dead": 1,
        "killed": 1,
        "revived": 1,
        "relapsed": 1,
    }
    assert len(history.frame) == 20
    assert (history.frame.groupby("step")["dead"].sum() == history.counts[1]).all()
    assert np.array_equal(history.masks[0], lives.T.numpy() < -4)


def test_bad_input_to_life_history():
    with pytest.raises(TypeError, match="only once"):
        probes.LifeHistory(known(), iter([RAMP]))
    with pytest.raises(ValueError, match="choose one of"):
        probes.LifeHistory(known(), RAMP, by="age")
    history = probes.LifeHistory(known(), RAMP)
    for table in ("counts", "frame", "births", "fates", "sizes"):
        with pytest.raises(ValueError, match="observe"):
            getattr(history, table)
    history.observe(3)
    with pytest.raises(ValueError, match="steps must grow"):
        history.observe(3)


# Measurements


def test_snapshot_against_autograd_by_hand():
    torch.manual_seed(0)
    network = MLP([4, 6, 5, 3], "tanh", seed=0)
    x, y = torch.randn(16, 4), torch.arange(16) % 3
    table = probes.snapshot(network, x, y, output=True)
    z1 = network.linears[0](x)
    a1 = z1.tanh()
    z2 = network.linears[1](a1)
    a2 = z2.tanh()
    z3 = network.linears[2](a2)
    weights = [linear.weight for linear in network.linears]
    loss = F.cross_entropy(z3, y)
    *errors, g1, g2, g3 = torch.autograd.grad(loss, [z1, z2, z3, *weights])

    def rms(value: torch.Tensor) -> float:
        return value.square().mean().sqrt().item()

    assert table["layer"].tolist() == [1, 2, 3]
    assert table["kind"].tolist() == ["hidden", "hidden", "output"]
    assert table["weight"].tolist() == ["linears.0", "linears.1", "linears.2"]
    for row, (z, error, g) in enumerate(zip((z1, z2, z3), errors, (g1, g2, g3))):
        assert table["pre_activation_rms"][row] == pytest.approx(rms(z), rel=1e-5)
        # Each example's own loss: the mean's gradient times the number of examples.
        assert table["error_signal_rms"][row] == pytest.approx(
            16 * rms(error), rel=1e-5
        )
        assert table["weight_gradient_rms"][row] == pytest.approx(rms(g), rel=1e-5)
        assert table["weight_rms"][row] == pytest.approx(rms(weights[row]), rel=1e-5)
        spread = z.std(0, correction=0)
        assert table["pre_activation_spread"][row] == pytest.approx(
            rms(spread), rel=1e-4
        )
    for row, a in enumerate((a1, a2)):
        slope = 1 - a**2
        assert table["activation_rms"][row] == pytest.approx(rms(a), rel=1e-5)
        assert table["activation_mean"][row] == pytest.approx(a.mean().item(), abs=1e-6)
        assert table["slope_rms"][row] == pytest.approx(rms(slope), rel=1e-5)
        flat = (slope < 0.05).float().mean().item()
        assert table["saturation"][row] == pytest.approx(flat)
    assert table["activation_rms"].isna().tolist() == [False, False, True]


def test_snapshot_does_not_depend_on_how_many_times_the_data_are_repeated():
    network, x = MLP([1, 8, 8, 2], "gelu", seed=0), RAMP
    y = torch.tensor([0, 1, 0, 1, 1])
    once = probes.snapshot(network, x, y)
    thrice = probes.snapshot(network, x.repeat(3, 1), y.repeat(3))
    for column in ("error_signal_rms", "weight_gradient_rms", "activation_rms"):
        assert once[column].tolist() == pytest.approx(thrice[column].tolist(), rel=1e-5)


def test_in_place_activations_are_measured_as_others_are():
    torch.manual_seed(0)
    x, y = torch.randn(16, 4), torch.arange(16) % 3
    plain = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    inside = copy.deepcopy(plain)
    inside[1] = nn.ReLU(inplace=True)
    one = probes.snapshot(plain, x, y, output=True)
    other = probes.snapshot(inside, x, y, output=True)
    assert one.equals(other)
    assert (one["pre_activation_rms"] != one["activation_rms"])[0]
    for by in probes.DEFINITIONS:
        a, b = (probes.dead_units(n, x, by=by).masks[0] for n in (plain, inside))
        assert torch.equal(a, b)


def test_snapshot_of_frozen_and_residual_networks():
    network, x, y = awkward()
    table = probes.snapshot(network, x, y, output=True)
    assert table["name"].tolist() == ["relu", "relu (call 2)", "random", "output"]
    assert table["weight"].tolist() == ["stem", "convolution", "", "head"]
    assert table["units"].tolist() == [4, 4, 4, 3]
    # A frozen weight has no gradient; the error signal reaches the layer all the same.
    assert table["weight_gradient_rms"].isna().tolist() == [True, False, True, False]
    assert (table["error_signal_rms"] > 0).all()


def test_sizes_whose_squares_leave_the_range_of_float32():
    for value in (3e-30, 3e-25, 3.0, 3e25):
        assert rms(torch.full((7, 9), value)) == pytest.approx(value, rel=1e-5)
    assert rms(torch.full((70000,), 400.0).half()) == pytest.approx(400, rel=1e-3)
    assert rms(torch.zeros(3)) == 0
    assert math.isinf(rms(torch.tensor([1.0, math.inf])))
    # Twenty-nine factors of about 0.14: 1e-25, which is not nothing.
    network = MLP([8] + [32] * 30 + [4], "sigmoid", seed=0)
    torch.manual_seed(0)
    x, y = torch.randn(32, 8), torch.arange(32) % 4
    table = probes.snapshot(network, x, y)
    errors = table["error_signal_rms"].to_numpy()
    factors = errors[:-1] / errors[1:]
    assert errors[0] < 1e-19
    assert ((0.08 < factors) & (factors < 0.25)).all()


def test_correlation_by_hand():
    z = torch.tensor([[1.0, 0], [0, 2], [3, 3], [0, 0]])
    # Cosines 0, 1/√2, 1/√2; the zero vector has no direction.
    assert probes.correlation(z) == pytest.approx(math.sqrt(2) / 3)
    assert probes.correlation(torch.ones(5, 3)) == pytest.approx(1)
    assert math.isnan(probes.correlation(torch.zeros(5, 3)))


def test_histogram_of_known_sizes():
    values = torch.tensor([0.0, 0.0, 1.1, -1.1, 1e-3 * 1.1, math.nan, math.inf, 1e-30])
    counts = log_histogram(values).numpy()
    assert counts[:2].tolist() == [2, 2] and counts.sum() == 8
    filled = {int(i): int(counts[2 + i]) for i in np.flatnonzero(counts[2:])}
    at = {round(float(EDGES[i]), 6): n for i, n in filled.items()}
    assert at == {-30.0: 1, -3.0: 1, 0.0: 2}
    values = torch.tensor(
        [0.0, math.nan, -math.inf, 1e-36, 2.0**-100, 1.0, -1.9, 2.0, 0.49, -1e9, 8191.0]
    )
    for dtype in (torch.float32, torch.float64):
        counts = octaves(exponents(values.to(dtype)))
        assert len(counts) == len(OCTAVES) + 1
        assert counts[:2].tolist() == [1, 2] and counts.sum() == 11
        at = {
            round(float(OCTAVES[i] / np.log10(2))): int(counts[2 + i])
            for i in np.flatnonzero(counts[2:])
        }
        assert at == {-100: 2, -2: 1, 0: 2, 1: 1, 12: 1, 13: 1}


def test_histograms_count_every_value():
    network = MLP([4, 6, 5, 3], "relu", seed=0)
    x, y = torch.randn(16, 4), torch.arange(16) % 3
    found = probes.histograms(network, x, y)
    assert found.layers == [1, 2, 3]
    assert found.counts[1, "activation"].sum() == 16 * 6
    assert found.counts[2, "weight_gradient"].sum() == 5 * 6
    z = network.linears[0](x)
    zeros = (z <= 0).float().mean().item()
    assert found.zeros(1, "activation") == pytest.approx(zeros)
    assert found.zeros(1, "pre_activation") == 0
    shares = found.share(1, "activation").sum() + zeros
    assert shares == pytest.approx(1)
    median = z[z > 0].median().log10().item()
    assert found.quantile(1, "activation", 0.5) == pytest.approx(median, abs=0.15)
    with pytest.raises(KeyError, match="no histogram of 'slope'"):
        found.share(1, "slope")


# No trace is left


def instruments():
    return {
        "snapshot": lambda n, x, y: probes.snapshot(n, x, y),
        "snapshot in training": lambda n, x, y: probes.snapshot(n, x, y, training=True),
        "histograms": lambda n, x, y: probes.histograms(n, x, y),
        "dead by data": lambda n, x, y: probes.dead_units(n, x, training=True),
        "dead by gradient": lambda n, x, y: probes.dead_units(n, x, by="gradient"),
        "dead by threshold": lambda n, x, y: probes.dead_units(
            n, x, by="threshold", training=True
        ),
        "dormant": lambda n, x, y: probes.dead_units(n, x, by="dormant", batch_size=3),
        "life": lambda n, x, y: probes.LifeHistory(n, x).observe(0),
        "report": lambda n, x, y: probes.checkup(n, (x, y), lr=0.1),
    }


@pytest.mark.parametrize("name", list(instruments()))
def test_each_instrument_leaves_the_network_bit_identical(name):
    network, x, y = awkward()
    before = state_of(network)
    data = x.clone()
    instruments()[name](network, x, y)
    assert_same(before, state_of(network))
    assert torch.equal(x, data) and not x.requires_grad


def test_the_awkward_network_would_show_a_trace():
    """Otherwise the test above proves nothing."""
    network, x, _ = awkward()
    before = state_of(network)
    network.train()
    network(x)
    with pytest.raises(AssertionError):
        assert_same(before, state_of(network))


class Failing(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("half-way")


@pytest.mark.parametrize("name", list(instruments()))
def test_hooks_are_gone_when_the_network_fails_half_way(name):
    network, x, y = awkward()
    network.drop = Failing()
    before = state_of(network)
    with pytest.raises(RuntimeError, match="half-way"):
        instruments()[name](network, x, y)
    assert_same(before, state_of(network))


def train(network: nn.Module, x, y, steps: int = 7, optimiser=torch.optim.SGD) -> list:
    torch.manual_seed(1)
    stepper = optimiser([p for p in network.parameters() if p.requires_grad], lr=0.1)
    losses = []
    for step in range(steps):
        order = torch.arange(step, step + 9) % len(x)
        loss = F.cross_entropy(network(x[order]), y[order])
        stepper.zero_grad()
        loss.backward()
        stepper.step()
        losses.append(loss.item())
    return losses


def test_recording_changes_no_bit_of_the_training():
    plain, x, y = awkward()
    watched = copy.deepcopy(plain)
    plain.train()
    watched.train()
    losses = train(plain, x, y)
    after = state_of(plain)
    with probes.watch(watched, every=2, x=x, batch_size=4, by="threshold") as trace:
        assert train(watched, x, y) == losses
    del after["buffers"]
    seen = state_of(watched)
    after["buffers"] = seen["buffers"]
    assert_same(after, seen)
    assert trace.steps == [0, 2, 4, 6]
    assert trace.life.steps == [0, 2, 4, 6]


def test_hooks_are_gone_when_the_body_raises():
    network, x, y = awkward()
    before = state_of(network)["hooks"]
    with (
        pytest.raises(RuntimeError, match="stop"),
        probes.watch(network, every=1) as trace,
    ):
        loss = F.cross_entropy(network(x), y)  # the backward pass is still to come
        raise RuntimeError("stop")
    after = state_of(network)
    assert after["hooks"] == before and not any(after["parameter hooks"])
    loss.backward()
    assert len(trace.frame) == 4 and trace.frame["log_update_ratio"].isna().all()


def test_a_pass_that_fails_leaves_no_hooks_and_no_step():
    network, x, y = awkward()
    before = state_of(network)
    drop = network.drop
    with probes.watch(network, every=1) as trace:
        network.drop = Failing()
        with pytest.raises(RuntimeError, match="half-way"):
            network(x)
        network.drop = drop
        train(network, x, y, steps=2)
    after = state_of(network)
    assert after["hooks"] == before["hooks"]
    assert trace.steps == [1, 2] and len(trace.frame) == 8


# Recordings


@pytest.mark.parametrize("every", [1, 3])
def test_updates_of_sgd_are_the_step_size_times_the_gradient(every):
    torch.manual_seed(0)
    network = MLP([4, 6, 5, 3], "relu", seed=0)
    x, y = torch.randn(30, 4), torch.arange(30) % 3
    with probes.watch(network, every=every) as trace:
        train(network, x, y, steps=7)
    frame = trace.frame
    assert frame["step"].unique().tolist() == list(range(0, 7, every))
    assert len(frame) == 3 * len(trace.steps)
    expected = np.log10(0.1 * frame["weight_gradient_rms"] / frame["weight_rms"])
    assert frame["log_update_ratio"].tolist() == pytest.approx(
        expected.tolist(), abs=1e-3
    )
    assert len(trace.weights) == 3 * len(trace.steps)
    first = probes.snapshot(
        MLP([4, 6, 5, 3], "relu", seed=0), x[:9], y[:9], output=True
    )
    start = frame[frame["step"] == 0]
    for column in (
        "error_signal_rms",
        "weight_gradient_rms",
        "slope_rms",
        "saturation",
    ):
        assert start[column].tolist() == pytest.approx(
            first[column].tolist(), rel=1e-5, nan_ok=True
        )


def test_adam_takes_its_step_size_in_every_weight():
    network = MLP([4, 6, 3], "tanh", seed=0)
    x, y = torch.randn(30, 4), torch.arange(30) % 3
    with probes.watch(network, every=1) as trace:
        train(network, x, y, steps=1, optimiser=torch.optim.Adam)
    assert trace.frame["update_rms"].tolist() == pytest.approx([0.1, 0.1], rel=1e-3)


def test_steps_by_hand_and_accumulated_gradients():
    network = MLP([4, 6, 3], "tanh", seed=0)
    x, y = torch.randn(30, 4), torch.arange(30) % 3
    with probes.watch(network, every=4) as trace:
        for step in range(8):
            F.cross_entropy(network(x), y).backward()
            if step % 2:
                with torch.no_grad():
                    for p in network.parameters():
                        p -= 0.1 * p.grad
                        p.grad = None
        network.eval()
        with torch.no_grad():
            network(x)  # no step
    assert trace.steps == [0, 4] and trace.passes == 8
    # Two passes over the same data make one step: twice the gradient of one.
    ratio = trace.frame["update_rms"] / trace.frame["weight_gradient_rms"]
    assert ratio.tolist() == pytest.approx([0.2] * 4, rel=1e-3)


def test_dead_units_over_a_set_and_silent_ones_in_a_batch():
    torch.manual_seed(0)
    network = known()
    x = RAMP
    with probes.watch(network, every=1, x=x) as trace:
        for _ in range(2):
            network(RAMP[:4]).sum().backward()
    frame = trace.frame[trace.frame["kind"] == "hidden"]
    assert frame["dead"].tolist() == [2, 1, 2, 1]
    assert frame["silent"].tolist() == [3, 1, 3, 1]
    assert trace.life.counts.to_numpy().tolist() == [[2, 1], [2, 1]]


def test_instruments_used_while_recording_are_no_steps():
    network, x, y = awkward()
    network.train()
    other = copy.deepcopy(network)
    train(other, x, y, steps=2)
    with probes.watch(network, every=1) as trace:
        for use in instruments().values():
            use(network, x, y)
        train(network, x, y, steps=2)
        for use in instruments().values():
            use(network, x, y)
    assert trace.steps == [0, 1] and trace.passes == 2
    assert torch.equal(network.head.weight, other.head.weight)


def test_recording_of_fit_with_histograms():
    data = datasets.spirals(n=200)
    network = MLP([2, 12, 8, 2], "relu", seed=0)
    with probes.watch(network, every=5) as trace:
        training.fit(network, data, epochs=4, lr=0.1, batch_size=32, progress=False)
    steps = 4 * math.ceil(len(data.x_train) / 32)
    assert trace.passes == steps and trace.steps == list(range(0, steps, 5))
    counts = trace.histograms(2)
    assert counts.shape == (len(trace.steps), len(OCTAVES) + 1)
    batch = [min(32, len(data.x_train) - 32 * (s % (steps // 4))) for s in trace.steps]
    assert counts.sum(1).tolist() == [8 * n for n in batch]
    at = trace.histograms_at(5)
    assert np.array_equal(at.counts[2, "activation"], counts[1])
    assert trace.frame["log_update_ratio"].notna().all()
    with pytest.raises(KeyError, match="keeps it"):
        trace.histograms(9)
    with pytest.raises(KeyError, match="was not sampled"):
        trace.histograms_at(1)


def test_an_empty_recording_and_bad_settings():
    network = known()
    with pytest.warns(UserWarning, match="nothing"), probes.watch(network) as trace:
        pass
    assert trace.frame.empty and trace.weights.empty and trace.steps == []
    for every in (0, 1.5, "ten"):
        with (
            pytest.raises(ValueError, match="whole number"),
            probes.watch(network, every=every),
        ):
            pass
    with (
        pytest.raises(ValueError, match="some of"),
        probes.watch(network, histograms=["slope"]),
    ):
        pass
    with pytest.raises(ValueError, match="need x"), probes.watch(network, by="data"):
        pass


# What cannot be seen is said


def every_instrument() -> dict:
    """All that measure a network in one go; each gives its report back."""
    return instruments() | {
        "recording": lambda n, x, y: recorded(n, x, y),
        "recording with x": lambda n, x, y: recorded(n, x, y, inputs=x),
    }


def recorded(network: nn.Module, x, y, inputs=None) -> probes.Trace:
    with probes.watch(network, every=1, x=inputs) as trace:
        F.cross_entropy(network(x), y).backward()
    return trace


EVERY = pytest.mark.parametrize("name", list(every_instrument()))
ONE_PASS = pytest.mark.parametrize("name", list(instruments()))


def counted(report) -> tuple[list, list]:
    """What a report says that it counted, and what not."""
    if isinstance(report, probes.HealthReport):
        report = report.dead
    where = report.attrs if hasattr(report, "attrs") else vars(report)
    return list(where["kinds"]), list(where["unseen"])


class Mixed(nn.Module):
    """One activation is a module, others are functions, methods, operators, a cell."""

    def __init__(self, unseen: str = "function") -> None:
        super().__init__()
        self.first, self.act = nn.Linear(4, 6), nn.Tanh()
        self.second, self.last = nn.Linear(6, 6), nn.Linear(6, 3)
        self.cell = nn.GRU(6, 6, batch_first=True)
        self.unseen = unseen

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.middle(self.second(self.act(self.first(x)))))

    def middle(self, h: torch.Tensor) -> torch.Tensor:
        calls = {
            "nothing": lambda: h,
            "function": lambda: F.relu(h),
            "torch": lambda: torch.sigmoid(h),
            "method": lambda: h.relu(),
            "in place": lambda: h.tanh_(),
            "clamp": lambda: h.clamp(min=0),
            "clamp_min": lambda: torch.clamp_min(h, 0),
            "operator": lambda: torch.ops.aten.gelu(h),
            "gate": lambda: h * F.silu(h),
            "cell": lambda: self.cell(h[:, None])[0][:, 0],
            "product": lambda: h * (h > 0),
            "where": lambda: torch.where(h >= 0, h, 0.1 * h),
            "larger": lambda: torch.maximum(h, torch.zeros_like(h)),
            "error function": lambda: h * (1 + torch.erf(h / 2**0.5)) / 2,
            "safe": lambda: (
                h.clamp(min=1e-6).softmax(-1)
                + torch.maximum(h, torch.ones(6))
                + h.max(0).values * (h > 1) * (h.argmax(-1) > 0)[:, None]
            ),
        }
        return calls[self.unseen]()


SEEN_AS = {
    "function": "relu",
    "torch": "sigmoid",
    "method": "relu",
    "in place": "tanh",
    "clamp": "clamp",
    "clamp_min": "clamp_min",
    "operator": "gelu",
    "gate": "silu",
    "cell": "gru in cell (GRU)",
    "product": "gt",
    "where": "ge",
    "larger": "maximum",
    "error function": "erf",
}


def four() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(20, 4), torch.arange(20) % 3


@EVERY
@pytest.mark.parametrize("call", list(SEEN_AS))
def test_functions_beside_modules_are_said_by_every_instrument(name, call):
    x, y = four()
    with pytest.warns(probes.UnseenActivationWarning) as caught:
        report = every_instrument()[name](Mixed(call), x, y)
    words = SEEN_AS[call] if " in " in SEEN_AS[call] else f"{SEEN_AS[call]} in Mixed"
    assert counted(report) == (["Tanh"], [words])
    for warning in caught:
        assert words in str(warning.message) and "act (Tanh)" in str(warning.message)
        assert warning.filename == __file__
    if not isinstance(report, (probes.Trace, pd.DataFrame, probes.Histograms)):
        assert "activations: Tanh" in str(report) and words in str(report)


@EVERY
@pytest.mark.parametrize("call", ["nothing", "safe"])
def test_what_is_no_activation_is_not_said(name, call):
    x, y = four()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = every_instrument()[name](Mixed(call), x, y)
    assert counted(report) == (["Tanh"], [])


def test_what_named_layers_leave_out_is_left_out_on_purpose():
    x, y = four()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for call in (
            lambda n: probes.dead_units(n, x, layers=["act"]),
            lambda n: probes.snapshot(n, x, y, layers=["act"]),
            lambda n: probes.checkup(n, (x, y), layers=["act"]),
        ):
            call(Mixed())
        network = Mixed()
        with probes.watch(network, layers=["act"]) as trace:
            network(x)
    assert trace.layers == [1]


def test_looking_for_functions_ends_with_the_pass_also_when_it_fails():
    from torch.overrides import _get_current_function_mode_stack as stack

    x, y = four()
    network = Mixed("nothing")
    network.last = Failing()
    for use in every_instrument().values():
        with pytest.raises(RuntimeError, match="half-way"):
            use(network, x, y)
        assert not stack()
    network = Mixed("nothing")
    with probes.watch(network, every=1) as trace:
        network.last = Failing()
        with pytest.raises(RuntimeError, match="half-way"):
            network(x)
        assert not stack()
        network.last, network.unseen = nn.Linear(6, 3), "function"
        with pytest.warns(probes.UnseenActivationWarning):
            network(x)
        assert not stack() and trace.unseen == ("relu in Mixed",)
    assert trace.steps == [1]


class Mapped(nn.Module):
    """A module of one's own that wraps a function."""

    def __init__(self, function, size: int = 0, gain: float = 1.0) -> None:
        super().__init__()
        self.function = function
        if size:
            self.gain = nn.Parameter(torch.full((size,), gain))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not hasattr(self, "gain"):
            return self.function(self, x)
        return self.function(self, x, self.gain)


def depth(self, x: torch.Tensor) -> torch.Tensor:
    """Stochastic depth by NumPy's generator, as many write it."""
    return x if not self.training or np.random.rand() < 0.5 else 0 * x


NO_ACTIVATIONS = {
    "flatten": lambda: Mapped(lambda self, x: x.flatten(1)),
    "permute": lambda: Mapped(lambda self, x: x.transpose(-1, -2).contiguous()),
    "layer scale": lambda: Mapped(lambda self, x, g: x * g, 6),
    "layer scale at 1e-6": lambda: Mapped(lambda self, x, g: x * g, 6, 1e-6),
    "stochastic depth": lambda: Mapped(depth),
    "identity": lambda: Mapped(lambda self, x: x),
    "dropout": lambda: Mapped(lambda self, x: F.dropout(x, 0.5, self.training)),
    "noise": lambda: Mapped(lambda self, x: x + 0.1 * torch.randn_like(x)),
    "scale": lambda: Mapped(lambda self, x: (x - 0.5) / 0.25),
    "norm": lambda: Mapped(lambda self, x: F.normalize(x, dim=-1)),
    "softmax": lambda: Mapped(lambda self, x: x.softmax(-1)),
    "sum of two": lambda: Mapped(lambda self, x, other: x + other),
}

ACTIVATIONS = {
    "clamp": lambda: Mapped(lambda self, x: x.clamp(min=0)),
    "in place": lambda: Mapped(lambda self, x: x.relu_()),
    "square": lambda: Mapped(lambda self, x: x**2),
    "step": lambda: Mapped(lambda self, x: (x > 0).to(x.dtype)),
    "slope that starts at 1": lambda: Mapped(
        lambda self, x, a: torch.where(x > 0, x, a * x), 1
    ),
    "slope per unit": lambda: Mapped(
        lambda self, x, a: torch.where(x > 0, x, a * x), 6
    ),
    "slope per channel": lambda: Mapped(
        lambda self, x, a: torch.where(x > 0, x, a.view(-1, 1, 1) * x), 5
    ),
    "random slope": lambda: Mapped(lambda self, x: F.rrelu(x, 0.1, 0.3, self.training)),
}


@pytest.mark.parametrize("name", list(NO_ACTIVATIONS))
def test_own_layers_that_do_not_act_on_each_number_are_not_counted(name):
    module = NO_ACTIVATIONS[name]()
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    assert not is_activation(module)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_own_activations_are_counted(name):
    module = ACTIVATIONS[name]()
    before = copy.deepcopy(module.state_dict())
    assert is_activation(module) and module.training
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())


@EVERY
def test_every_instrument_leaves_own_layers_out(name):
    x, y = four()
    torch.manual_seed(1)
    network = nn.Sequential(
        NO_ACTIVATIONS["flatten"](), nn.Linear(4, 6), ACTIVATIONS["clamp"](),
        NO_ACTIVATIONS["layer scale"](), NO_ACTIVATIONS["stochastic depth"](),
        NO_ACTIVATIONS["identity"](), NO_ACTIVATIONS["dropout"](), nn.Linear(6, 3),
    )  # fmt: skip
    report = every_instrument()[name](network, x, y)
    assert counted(report) == (["Mapped"], [])
    if isinstance(report, probes.HealthReport):
        report = report.layers
    if isinstance(report, (probes.DeadUnits, probes.Trace)):
        report = report.frame
    table = isinstance(report, pd.DataFrame)
    names = report["name"] if table else report.names.values()
    assert [n for n in names if n != "output"] == ["2"]


def test_layers_of_torchvision_are_judged_by_what_they_do():
    datasets._torchvision_class()
    from torchvision import ops

    for module in (
        ops.Permute([0, 2, 3, 1]),
        ops.StochasticDepth(0.5, "row"),
        ops.FrozenBatchNorm2d(4),
    ):
        assert not is_activation(module)


# Compiled networks


def compiled(network: nn.Module, how: str) -> nn.Module:
    if how == "whole":
        return torch.compile(network, backend="eager")
    if how == "part":
        network[1] = torch.compile(network[1], backend="eager")
    else:
        network.compile(backend="eager")
    return network


@pytest.fixture
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def small() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


@ONE_PASS
@pytest.mark.parametrize("how", ["whole", "part", "in place"])
def test_a_compiled_network_is_measured_as_it_was_written(name, how, fresh_compiler):
    x, y = four()
    expected = instruments()[name](small(), x, y)
    network = compiled(small(), how)
    network(x)  # from here on it ignores new hooks
    found = instruments()[name](network, x, y)
    if isinstance(expected, pd.DataFrame):
        numbers = [r.select_dtypes("number") for r in (expected, found)]
        assert numbers[0].equals(numbers[1]) and len(numbers[0]) == 1
    elif isinstance(expected, probes.Histograms):
        assert expected.counts.keys() == found.counts.keys()
        for key, counts in expected.counts.items():
            assert (found.counts[key] == counts).all()
    else:
        assert str(found) == str(expected)


@pytest.mark.parametrize("how", ["whole", "part", "in place"])
def test_a_compiled_network_is_not_recorded_and_the_error_says_so(how):
    network = compiled(small(), how)
    with pytest.raises(ValueError, match="compiled by torch.compile"):
        recorded(network, *four())
    if how == "whole":  # the way out
        assert recorded(network._orig_mod, *four()).layers == [1]


@pytest.mark.parametrize("before", [True, False])
def test_a_recording_past_which_a_compiled_network_trains_says_so(
    before, fresh_compiler
):
    (x, y), network = four(), small()
    trained = torch.compile(network, backend="eager")
    if before:
        trained(x)
    with (
        pytest.warns(
            UserWarning, match="nothing was recorded.*torch.compile"
        ) as caught,
        probes.watch(network, every=1) as trace,
    ):
        F.cross_entropy(trained(x), y).backward()
    assert caught[0].filename == __file__
    with pytest.raises(ValueError, match="no pass through Sequential"):
        trace.layers  # noqa: B018


def test_scripted_networks_are_refused_by_name():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = torch.jit.script(small())
    with pytest.raises(probes.NoActivationError, match="scripted network"):
        probes.dead_units(network, four()[0])
    with pytest.raises(RuntimeError, match="not supported on ScriptModules"):
        probes.dead_units(network, four()[0], layers=["1"])


def test_an_empty_recording_says_why():
    network, x = small(), four()[0]
    silent = (
        (lambda: None, "no pass through Sequential"),
        (lambda: copy.deepcopy(network)(x), "a copy has no hooks"),
        (lambda: torch.no_grad()(network)(x), "with gradients on"),
    )
    for body, words in silent:
        with pytest.warns(UserWarning, match=words), probes.watch(network) as trace:
            body()
        for use in (lambda t: t.layers, lambda t: t.histograms(1)):
            with pytest.raises(ValueError, match=words):
                use(trace)
    with (
        pytest.raises(KeyError, match="own"),
        warnings.catch_warnings(),
        probes.watch(network),
    ):
        warnings.simplefilter("error")
        raise KeyError("own")  # what the body says is not drowned


class Skipping(nn.Module):
    """Its activation is there and never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.act = nn.Linear(4, 3), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x)


@EVERY
def test_no_layer_ran_and_every_instrument_says_so(name):
    use, words = every_instrument()[name], "none of the"
    if "recording" not in name:
        with pytest.raises(ValueError, match=f"{words} layers.*'act'.*layers="):
            use(Skipping(), *four())
        return
    if name == "recording with x":
        with pytest.raises(ValueError, match=words):
            use(Skipping(), *four())
        return
    with pytest.warns(UserWarning, match=f"{words} activations .ReLU. ran") as caught:
        trace = use(Skipping(), *four())
    assert caught[0].filename == __file__
    with pytest.raises(ValueError, match=words):
        trace.layers  # noqa: B018


# State does not travel


def hooks_of(network: nn.Module) -> list:
    return [
        hook
        for module in network.modules()
        for kind in (module._forward_hooks, module._forward_pre_hooks)
        for hook in kind.values()
    ]


def saved(network: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(network, file)
    return torch.load(io.BytesIO(file.getvalue()), weights_only=False)


COPIES = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda network: pickle.loads(pickle.dumps(network)),
    "save": saved,
}


class Copying(nn.Module):
    """Copies a network in the middle of its forward pass, when all hooks are set."""

    def __init__(self, how) -> None:
        super().__init__()
        self.how, self.network, self.copies = how, [None], []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        network, self.network[0] = self.network[0], None
        if network is not None:
            self.copies.append(self.how(network))
        return x


@pytest.mark.parametrize("how", list(COPIES))
def test_a_copy_made_while_recording_carries_no_hook(how):
    (x, y), network = four(), small()
    with probes.watch(network, every=1) as trace:
        train(network, x, y, steps=2)
        copied = COPIES[how](network)
        assert len(trace.steps) == 2
        train(copied, x, y, steps=3)
        assert len(trace.steps) == 2 and trace.passes == 2
        assert hooks_of(network) and not hooks_of(copied)
    tables = (value for name, value in vars(copied).items() if "_hooks" in name)
    assert not any(isinstance(table, dict) and table for table in tables)
    for again in COPIES.values():
        assert torch.equal(again(copied)(x), copied(x))
    assert not hooks_of(network)
    state = network.state_dict().keys()
    assert copied.state_dict().keys() == state
    assert all(p.requires_grad and not p._backward_hooks for p in copied.parameters())


@pytest.mark.parametrize("how", list(COPIES))
@EVERY
def test_a_copy_made_in_the_middle_of_a_pass_carries_no_hook(name, how):
    (x, y), module = four(), Copying(COPIES[how])
    network = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), module, nn.Linear(6, 3))
    # In a list and not an attribute: the network would hold itself.
    module.network[0] = nn.Sequential(network[0], network[1], network[3])
    every_instrument()[name](network, x, y)
    (copied,) = module.copies
    assert not hooks_of(copied)
    assert copied(x).shape == (20, 3)
    assert not hooks_of(network)


def kept(*_) -> None:
    """A hook of somebody else."""


def test_copies_keep_the_hooks_of_others():
    (x, y), network = four(), small()
    network.register_forward_hook(kept)
    kinds = dict(copyreg.dispatch_table)
    with probes.watch(network, every=1), probes.watch(network, every=2):
        train(network, x, y, steps=1)
        assert all(hooks_of(how(network)) == [kept] for how in COPIES.values())
        shallow = copy.copy(network)
    assert hooks_of(network) == hooks_of(shallow) == [kept]
    assert copyreg.dispatch_table == kinds


class CopiesItself(nn.Sequential):
    """Has its own way to make a copy."""

    def __deepcopy__(self, memo: dict) -> nn.Module:
        new = CopiesItself()
        new.__dict__ = {k: copy.deepcopy(v, memo) for k, v in vars(self).items()}
        return new


def test_what_copies_itself_gets_a_hook_that_does_nothing():
    (x, y), network = four(), CopiesItself(*small())
    with probes.watch(network, every=1) as trace:
        train(network, x, y, steps=1)
        copied = copy.deepcopy(network)
        assert copied(x).shape == (20, 3) and trace.passes == 1
    for hook in hooks_of(copied):
        assert hook.__name__ == "__exit__" and hook(1, 2, 3) is None
        assert b"actlab" not in pickle.dumps(hook)


class Drawing(nn.Module):
    """Draws from every generator there is; may fail afterwards."""

    def __init__(self, failing: bool) -> None:
        super().__init__()
        self.generator, self.failing = torch.Generator().manual_seed(0), failing

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        np.random.rand(), random.random(), torch.rand(1)
        torch.rand(1, generator=self.generator)
        if self.failing:
            raise RuntimeError("half-way")
        return x


@pytest.mark.parametrize("failing", [False, True])
@ONE_PASS
def test_modes_freezes_and_all_generators_are_as_before(name, failing):
    network, x, y = awkward()
    network.drop = Drawing(failing)

    def state() -> list:
        return [
            network.drop.generator.get_state().tolist(),
            np.random.get_state()[1].tolist(),
            random.getstate(),
        ]

    before, generators = state_of(network), state()
    try:
        instruments()[name](network, x, y)
    except RuntimeError as error:
        assert failing and str(error) == "half-way"
    assert_same(before, state_of(network))
    assert state() == generators


# Refused at the door


@EVERY
def test_an_image_without_a_batch_axis_is_refused(name):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(1))
    x = torch.randn(3, 8, 8)
    with pytest.raises(ValueError, match=r"\(3, 8, 8\), one example without .*x\[None"):
        every_instrument()[name](network, x, torch.arange(3))
    found = probes.dead_units(network, x[None])
    assert found.sizes == [4] and found.examples == 1


@pytest.mark.parametrize(
    ("convolution", "shape"),
    [(nn.Conv1d(2, 4, 3), (2, 8)), (nn.Conv3d(2, 4, 3), (2, 8, 8, 8))],
)
def test_no_batch_axis_in_one_or_three_dimensions(convolution, shape):
    with pytest.raises(ValueError, match="without a batch axis"):
        probes.dead_units(nn.Sequential(convolution, nn.ReLU()), torch.ones(shape))


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int32, torch.int64, torch.float64]
)
@ONE_PASS
def test_inputs_of_another_type_are_cast_as_fit_does(name, dtype):
    x, y = (four()[0] * 3).abs().round(), four()[1]
    expected = instruments()[name](small(), x, y)
    with pytest.warns(UserWarning, match=f"inputs are {dtype}") as caught:
        found = instruments()[name](small(), x.to(dtype), y)
    assert {w.filename for w in caught} == {__file__}
    if isinstance(expected, pd.DataFrame):
        assert found.equals(expected)
    elif not isinstance(expected, probes.Histograms):
        assert str(found) == str(expected)


def test_tokens_are_not_cast():
    words = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(8, 3), nn.ReLU())
    x, y = torch.arange(40).view(20, 2) % 5, torch.arange(20) % 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for use in every_instrument().values():
            use(words, x, y)


@pytest.mark.parametrize("name", ["snapshot", "histograms", "report"])
def test_one_hot_targets_are_refused(name):
    x, y = four()
    with pytest.raises(ValueError, match="one-hot"):
        instruments()[name](small(), x, F.one_hot(y, 3).float())


def test_what_is_no_network_is_refused():
    for use in every_instrument().values():
        with pytest.raises(TypeError, match="give an nn.Module"):
            use(lambda x: x, *four())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_said_and_no_sign_of_life(value):
    (x, _), network = four(), small()
    assert not probes.dead_units(network, x).not_finite
    x[3, 1] = value
    for by in ("data", "gradient"):
        found = probes.dead_units(network, x, by=by)
        assert found.not_finite == tuple(found.names), by
        assert "nan or infinity in" in str(found)


# The health panel


@pytest.fixture(scope="module")
def digits() -> datasets.Dataset:
    return datasets.digits()


def deep(activation: str, init: str, depth: int = 12) -> MLP:
    return MLP([64] + [48] * depth + [10], activation, init=init, seed=0)


def test_a_healthy_network_has_no_trouble(digits):
    found = probes.checkup(deep("relu", "he", depth=3), digits, lr=0.02)
    assert found.status in ("ok", "watch")
    assert not [sign.name for sign in found.signs if sign.status == "trouble"]
    assert found["loss"].status == "ok"
    assert found.dead.examples == len(digits.x_train)


@pytest.mark.parametrize(
    ("activation", "init", "change", "name"),
    [
        ("sigmoid", "default", None, "input correlation"),
        ("sigmoid", "default", None, "error signal"),
        ("relu", "default", None, "error signal"),
        ("relu", "default_zero_bias", None, "activation trend"),
        ("tanh", "he", 40.0, "saturation"),
        ("relu", "he", 3.0, "activation trend"),
        ("relu", "he", 3.0, "loss"),
        ("relu", "he", 3.0, "logits"),
        ("relu", "he", math.nan, "nan and inf"),
        ("relu", "he", "kill", "dead units"),
    ],
)
def test_sick_networks_are_found_out(digits, activation, init, change, name):
    network = deep(activation, init)
    with torch.no_grad():
        if change == "kill":
            network.linears[3].bias -= 100
        elif change is not None:
            for linear in network.linears:
                linear.weight *= change
    found = probes.checkup(network, digits)
    assert found.status == "trouble"
    assert found[name].status == "trouble", str(found)
    assert f"✗ {name}: " in str(found)


def test_signs_of_inputs_and_updates(digits):
    network = deep("relu", "he", depth=3)
    data = (digits.x_train * 30 + 3000, digits.y_train)
    assert probes.checkup(network, data)["inputs"].status == "watch"
    assert probes.checkup(network, digits)["update : data"].status == "not measured"
    by_lr = {
        lr: probes.checkup(network, digits, lr=lr)["update : data"].status
        for lr in (1e-9, 0.005, 1e3)
    }
    assert by_lr == {1e-9: "trouble", 0.005: "ok", 1e3: "trouble"}
    unmeasured = probes.checkup(network, digits)
    for given in ({"lr": 0.5}, {"lr": 1e-4, "optimiser": "adam"}):
        afresh = probes.checkup(network, digits, **given)
        assert str(unmeasured.at_step(**given)) == str(afresh)
    with pytest.raises(ValueError, match="lion"):
        unmeasured.at_step(0.1, "lion")
    adam = probes.checkup(network, digits, lr=1e-4, optimiser="adam")["update : data"]
    assert adam.status == "ok" and adam.number == pytest.approx(-3, abs=0.5)
    with probes.watch(network, every=5) as trace:
        training.fit(network, digits, epochs=2, lr=0.005, progress=False)
    read = probes.checkup(network, digits, trace=trace)["update : data"]
    assert read.status == "ok" and "measured steps" in read.value
    with pytest.raises(ValueError, match="'sgd' or 'adam'"):
        probes.checkup(network, digits, lr=0.1, optimiser="lion")


def test_a_trained_network_is_not_blamed_for_its_confidence(digits):
    network = deep("relu", "he", depth=2)
    training.fit(network, digits, epochs=15, lr=0.1, progress=False)
    found = probes.checkup(network, digits)
    assert found["loss"].status == found["logits"].status == "ok"


def test_regression_gates_and_convolutions_have_a_panel():
    wave = datasets.signal()
    found = probes.checkup(MLP([1, 16, 16, 1], "tanh", seed=0), wave)
    assert "variance of the targets" in found["loss"].value
    assert "logits" not in found.frame["name"].tolist()
    torch.manual_seed(0)
    gated = nn.Sequential(nn.Linear(4, 8), nn.GLU(), nn.Linear(4, 3))
    data = (torch.randn(40, 4), torch.arange(40) % 3)
    assert probes.checkup(gated, data)["saturation"].status == "not measured"
    words = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(8, 3), nn.ReLU())
    panel = probes.checkup(
        words, (torch.arange(40).view(20, 2) % 5, torch.arange(20) % 3)
    )
    assert panel["inputs"].status == "not measured"
    network, x, y = awkward()
    assert "3 hidden layers, 20 of 20 examples" in str(probes.checkup(network, (x, y)))
    with pytest.raises(TypeError, match="a Dataset or a pair"):
        probes.checkup(network, x)


def test_every_sign_says_what_it_means_what_to_try_and_where_from(digits):
    found = probes.checkup(deep("relu", "default", depth=3), digits, lr=0.1)
    assert len({sign.name for sign in found.signs}) == len(found.signs) == 11
    for sign in found.signs:
        assert sign.meaning.endswith(".") and sign.advice.endswith(".")
        assert sign.aim in SOURCES and sign.limit_from in SOURCES
        assert sign.limit and sign.value
    assert len(found.frame) == 11
    with pytest.raises(KeyError, match="no sign 'fever'"):
        found["fever"]


def test_the_sources_of_the_limits_are_in_the_bibliography():
    root = Path(__file__).resolve().parents[2]
    text = (root / "reference" / "references.bib").read_text(encoding="utf-8")
    keys = set(re.findall(r"^@\w+\{([^,]+),", text, flags=re.M))
    assert set(SOURCES) - {"custom", "derived"} <= keys


def test_the_panel_as_html(digits):
    found = probes.checkup(deep("sigmoid", "default", depth=6), digits)
    page = found._repr_html_()
    assert (
        page
        == probes.checkup(deep("sigmoid", "default", depth=6), digits)._repr_html_()
    )
    assert "http" not in page and "url(" not in page and "<script" not in page
    assert page.count("<details") == page.count("</details>") == 11
    worrying = sum(s.status in ("watch", "trouble") for s in found.signs)
    assert page.count(" open>") == worrying > 0
    # The status is said in words, not by colour alone.
    assert page.count("(ok)") + page.count("(trouble)") + page.count("(watch)") == 10
    assert "|slope| &lt; 0.05" in page
