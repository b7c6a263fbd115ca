"""The probes where a network is awkward: a right number, or words that say why none."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from actlab import probes
from actlab.probes.behaviour import is_torchs_own


def data() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(40, 6, generator=torch.Generator("cpu").manual_seed(0))
    return x, torch.arange(40) % 3


def of(activation: nn.Module, width: int = 8) -> nn.Sequential:
    """6 → 8 → the activation → 8 → ReLU → 3."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(6, width), activation, nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)
    )


def trained(network, x, y, **settings) -> probes.Trace:
    free = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(free, lr=0.1)
    with probes.watch(network, every=1, **settings) as trace:
        for _ in range(2):
            optimiser.zero_grad()
            F.cross_entropy(network(x), y).backward()
            optimiser.step()
    return trace


class Fails(torch.autograd.Function):
    """tanh with a gradient that is no gradient."""

    @staticmethod
    def forward(ctx, z, gradient):
        ctx.gradient = gradient
        return z.tanh()

    @staticmethod
    def backward(ctx, g):
        return None if ctx.gradient is None else torch.zeros_like(g), None


class Does(nn.Module):
    """A function as a module of somebody's own, which the probes have to judge."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.function(z)


LEAVES = {
    "detach": lambda z: torch.tanh(z.detach()),
    "data": lambda z: torch.tanh(z.data),
    "numpy": lambda z: torch.from_numpy(np.tanh(z.detach().numpy())),
    "no_grad": torch.no_grad()(torch.tanh),
    "none": lambda z: Fails.apply(z, None),
    "zeros": lambda z: Fails.apply(z, 0),
}

STAYS = {
    "step": lambda z: (z > 0).to(z.dtype),
    "round": torch.round,
    "random": lambda z: torch.bernoulli(torch.sigmoid(z)),
    "constant": lambda z: z * 0 + 1,
    "far out": lambda z: torch.tanh(1000 + z),
}


@pytest.mark.parametrize("by", ["gradient", "threshold"])
@pytest.mark.parametrize("name", list(LEAVES))
def test_units_of_an_activation_that_left_the_graph_are_not_called_dead(name, by):
    x, _ = data()
    with pytest.raises(ValueError, match=r"layer '1' \(Does\).*left the graph"):
        probes.dead_units(of(Does(LEAVES[name])), x, by=by, layers=["1", "3"])
    found = probes.dead_units(of(Does(LEAVES[name])), x, layers=["1", "3"])
    assert found.counts[0] == 0


@pytest.mark.parametrize("name", list(LEAVES))
def test_a_snapshot_says_which_activation_left_the_graph(name):
    x, y = data()
    with pytest.warns(probes.CutGraphWarning, match="layer '1'"):
        table = probes.snapshot(of(Does(LEAVES[name])), x, y, layers=["1", "3"])
    assert table[["slope_rms", "saturation"]].iloc[0].isna().all()
    assert table[["slope_rms", "saturation"]].iloc[1].notna().all()
    assert not table["error_signal_rms"].iloc[0] > 0
    with pytest.warns(probes.CutGraphWarning) as said:
        frame = trained(of(Does(LEAVES[name])), x, y, layers=["1", "3"]).frame
    assert len(said) == 1, "once, not at every step"
    assert frame.loc[frame["layer"] == 1, "slope_rms"].isna().all()
    with pytest.warns(probes.CutGraphWarning):
        report = probes.checkup(of(Does(LEAVES[name])), (x, y), layers=["1", "3"])
    assert report["nan and inf"].status == "ok"
    assert report["error signal"].status == "trouble"


@pytest.mark.parametrize("name", list(STAYS))
def test_slopes_that_are_0_are_believed(name):
    x, y = data()
    network = of(Does(STAYS[name]))
    found = probes.dead_units(network, x, by="gradient", layers=["1", "3"])
    assert found.counts[0] == 8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = probes.snapshot(network, x, y, layers=["1", "3"])
    assert table["slope_rms"].iloc[0] == 0 and table["saturation"].iloc[0] == 1


def test_a_unit_whose_branch_alone_left_the_graph_is_not_called_dead():
    network = of(Does(lambda z: torch.where(z > 0, z, 0.1 * z.detach())))
    with torch.no_grad():
        network[0].bias[2] = -100
    with pytest.raises(ValueError, match="left the graph"):
        probes.dead_units(network, data()[0], by="gradient", layers=["1"])


class Worded(nn.Module):
    """Gives its activation by keyword, behind another argument."""

    def __init__(self, network: nn.Sequential) -> None:
        super().__init__()
        self.parts = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for part in self.parts:
            x = part(input=x) if isinstance(part, nn.ReLU) else part(x)
        return x


@pytest.mark.parametrize("by", list(probes.DEFINITIONS))
def test_an_activation_called_by_keyword_is_measured_alike(by):
    (x, y), plain, worded = data(), of(nn.ReLU()), Worded(of(nn.ReLU()))
    one = probes.dead_units(plain, x, by=by)
    other = probes.dead_units(worded, x, by=by)
    assert one.counts == other.counts and one.unseen == other.unseen == ()
    first, second = (probes.snapshot(n, x, y) for n in (plain, worded))
    numbers = [c for c in first if c not in ("name", "weight")]
    assert first[numbers].equals(second[numbers])


class Scaled(nn.Module):
    """Takes a number before the numbers that it acts on."""

    def forward(self, scale: float, z: torch.Tensor) -> torch.Tensor:
        return scale * torch.tanh(z)


def test_the_tensor_of_a_call_is_found_behind_other_arguments():
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.act, self.last = nn.Linear(6, 8), Scaled(), nn.Linear(8, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.act(2.0, self.first(x)))

    torch.manual_seed(0)
    (x, y), network = data(), Network()
    found = probes.dead_units(network, x, by="gradient", layers=["act"])
    assert found.counts == [0]
    row = probes.snapshot(network, x, y, layers=["act"]).iloc[0]
    z = network.first(x)
    assert row["slope_rms"] == pytest.approx(
        (2 * (1 - z.tanh() ** 2)).square().mean().sqrt().item(), rel=1e-5
    )


MIXERS = {
    "softmax": nn.Softmax(-1),
    "log softmax": nn.LogSoftmax(-1),
    "layer norm": nn.LayerNorm(8),
    "a block": nn.Sequential(nn.Linear(8, 8), nn.ReLU()),
}


@pytest.mark.parametrize("name", list(MIXERS))
def test_slopes_of_what_mixes_numbers_are_not_invented(name):
    (x, y), network = data(), of(MIXERS[name])
    for by in ("gradient", "threshold"):
        with pytest.raises(ValueError, match=r"layer '1'.*of several"):
            probes.dead_units(network, x, by=by, layers=["1", "3"])
    table = probes.snapshot(network, x, y, layers=["1", "3"])
    assert table["slope_rms"].isna().tolist() == [True, False]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize(
    "activation", [nn.SiLU, nn.GELU, nn.Mish, nn.Softsign, nn.ReLU]
)
def test_slopes_of_what_acts_on_each_number_are_kept_in_every_format(activation, dtype):
    (x, y), network = data(), of(activation()).to(dtype)
    table = probes.snapshot(network, 3 * x.to(dtype), y)
    assert table["slope_rms"].notna().all()
    probes.dead_units(network, x.to(dtype), by="threshold")


EVERY = {
    "snapshot": lambda n, x, y: probes.snapshot(n, x, y),
    "histograms": lambda n, x, y: probes.histograms(n, x, y),
    "dead by data": lambda n, x, y: probes.dead_units(n, x),
    "dead by gradient": lambda n, x, y: probes.dead_units(n, x, by="gradient"),
    "dormant": lambda n, x, y: probes.dead_units(n, x, by="dormant"),
    "report": lambda n, x, y: probes.checkup(n, (x, y)),
}
every = pytest.mark.parametrize("name", list(EVERY))


def words(found) -> str:
    if isinstance(found, probes.Histograms):
        return str({key: counts.tolist() for key, counts in found.counts.items()})
    return str(found)


def test_torchs_own_functions_are_known():
    x, y = data()
    for kind in (nn.ReLU, nn.GELU, nn.SiLU, nn.Tanh, nn.Hardswish, nn.PReLU):
        assert is_torchs_own(kind())
        derived = type("Own", (kind,), {})()
        assert not is_torchs_own(derived)  # so that it is asked, with the same result
        known, asked = (probes.snapshot(of(a), x, y) for a in (kind(), derived))
        assert known.equals(asked)
    for module in (
        nn.Softmax(-1),
        nn.LogSoftmax(-1),
        Does(torch.relu),
        nn.Linear(2, 2),
    ):
        assert not is_torchs_own(module)


def _own_forward(relu: nn.ReLU) -> None:
    relu.forward = lambda z: torch.relu(z).detach()


def _own_hook(relu: nn.ReLU) -> None:
    relu.register_forward_hook(lambda module, given, made: made.softmax(-1))


@pytest.mark.parametrize("change", [_own_forward, _own_hook])
def test_a_changed_function_of_torchs_is_asked(change):
    relu = nn.ReLU()
    change(relu)
    assert not is_torchs_own(relu)
    with pytest.raises(ValueError, match="left the graph|makes each number of several"):
        probes.dead_units(of(relu), data()[0], by="gradient")


@every
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_does_not_matter_whether_gradients_are_switched_off(name, mode):
    x, y = data()
    here, network = words(EVERY[name](of(nn.Tanh()), x, y)), of(nn.Tanh())
    with mode():
        assert words(EVERY[name](network, x + 0, y + 0)) == here


@every
def test_it_does_not_matter_which_device_is_the_default(name):
    (x, y), network = data(), of(Does(lambda z: z * torch.sigmoid(1.7 * z)))
    torch.set_default_device("meta")
    try:
        there = words(EVERY[name](network, x, y))
    finally:
        torch.set_default_device(None)
    here = of(Does(lambda z: z * torch.sigmoid(1.7 * z)))
    assert there == words(EVERY[name](here, x, y))


class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = of(nn.Tanh())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.parts[4](checkpoint(self.parts[:4], x, use_reentrant=False))


def test_a_checkpoint_counts_no_layer_twice():
    x, y = data()
    plain, again = (probes.snapshot(n, x, y) for n in (of(nn.Tanh()), Checkpointed()))
    numbers = [c for c in plain if c not in ("name", "weight")]
    assert plain[numbers].equals(again[numbers])
    assert probes.dead_units(Checkpointed(), x).sizes == [8, 8]
    with pytest.raises(ValueError, match=r"torch\.utils\.checkpoint"):
        probes.dead_units(Checkpointed(), x, by="gradient")


@every
def test_what_holds_no_plain_numbers_is_refused_by_name(name):
    x, y = data()
    lazy = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.Linear(8, 3))
    with pytest.raises(ValueError, match=r"'0\.weight' has no numbers yet"):
        EVERY[name](lazy, x, y)
    assert isinstance(lazy[0], nn.LazyLinear)
    with pytest.raises(ValueError, match=r"device meta.*to_empty"):
        EVERY[name](of(nn.ReLU()).to("meta"), x, y)
    for wrong, what in [
        (x.to("meta"), "device meta"),
        (x.to(torch.complex64), "complex64 numbers.*x.real"),
        (x.to_sparse(), "sparse or nested"),
        (torch.nested.nested_tensor(list(x), layout=torch.jagged), "sparse or nested"),
    ]:
        with pytest.raises(ValueError, match=what):
            EVERY[name](of(nn.ReLU()), wrong, y)


@every
def test_an_activation_that_returns_a_tuple_is_named(name):
    x, y = data()
    network = of(nn.Tanh())
    network[1] = Does(lambda z: (z.tanh(), z))
    network[2] = Does(lambda pair: pair[0])
    calls = {
        "snapshot": lambda: probes.snapshot(network, x, y, layers=["1"]),
        "histograms": lambda: probes.histograms(network, x, y, layers=["1"]),
        "report": lambda: probes.checkup(network, (x, y), layers=["1"]),
    }
    call = calls.get(name, lambda: probes.dead_units(network, x, layers=["1"]))
    with pytest.raises(ValueError, match=r"activation '1' \(Does\) returned a tuple"):
        call()
    assert not network[1]._forward_hooks


def test_a_network_that_returns_no_tensor_needs_a_loss_of_its_own():
    (x, y), network = data(), of(nn.Tanh())
    pair = nn.Sequential(*network, Does(lambda logits: (logits, 0)))
    with pytest.raises(TypeError, match=r"returns a tuple.*loss=lambda"):
        probes.snapshot(pair, x, y)
    table = probes.snapshot(pair, x, y, loss=lambda o, t: F.cross_entropy(o[0], t))
    assert table.equals(probes.snapshot(of(nn.Tanh()), x, y))


class Counts(nn.Module):
    """Keeps a number, a tensor that is no buffer, and what it was given last.

    What it was given first it keeps as a buffer, and by that makes a part and weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.total = 0, torch.zeros(3)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.total += 1
        self.last = z
        if not hasattr(self, "first"):
            self.register_buffer("first", z.detach(), persistent=False)
            self.part, self.weight = nn.Tanh(), nn.Parameter(z.detach())
        return z


@every
def test_counters_and_spectral_norms_are_as_before(name):
    x, y = data()
    norm = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 8))
    network = nn.Sequential(norm, Counts(), nn.Tanh(), nn.Linear(8, 3))
    total = network[1].total
    before = {k: v.clone() for k, v in network.state_dict().items()}
    EVERY[name](network, x, y)
    assert network[1].calls == 0
    for made in ("last", "first", "part", "weight"):
        assert not hasattr(network[1], made), made
    assert network[1].total is total and not total.any()
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key


class Weighed(nn.Module):
    """Multiplies by a buffer in which a number is missing."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("by", torch.tensor([1.0, math.nan, *[2.0] * 6]))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return z * self.by


@every
@pytest.mark.parametrize("between", [nn.BatchNorm1d, lambda width: Weighed()])
def test_a_backward_pass_may_follow_that_was_begun_before(name, between):
    x, y = data()

    def gradient(measure: bool) -> torch.Tensor:
        network = of(nn.Tanh())
        network.insert(1, between(8))
        loss = F.cross_entropy(network(x), y)
        if measure:
            EVERY[name](network, x, y)
        loss.backward()
        return network[0].weight.grad

    expected = gradient(measure=False)
    torch.testing.assert_close(
        gradient(measure=True), expected, rtol=0, atol=0, equal_nan=True
    )


def test_nan_is_used_as_no_measurement():
    (x, y), network = data(), of(nn.Tanh())
    with torch.no_grad():
        network[0].weight[0, 0] = math.nan
    table = probes.snapshot(network, x, y)
    unknown = ["slope_rms", "saturation", "dead", "activation_rms", "input_correlation"]
    assert table[unknown].isna().all().all()
    report = probes.checkup(network, (x, y))
    assert report["dead units"].status == "not measured"
    assert report["saturation"].status == "not measured"
    x[3] = math.nan
    assert math.isnan(probes.correlation(x))


def test_one_example_is_no_trouble():
    (x, y), network = data(), of(nn.Tanh())
    report = probes.checkup(network, (x[:1], y[:1]))
    for sign in ("input correlation", "dead units"):
        assert report[sign].status == "not measured"


def test_the_panel_refuses_data_that_do_not_belong_together():
    (x, y), network = data(), of(nn.Tanh())
    with pytest.raises(ValueError, match=r"\(40, 6\) and \(5,\)"):
        probes.checkup(network, (x, y[:5]))
    with pytest.raises(TypeError, match="ndarray"):
        probes.checkup(network, (x.numpy(), y))


def test_true_and_false_are_counted_as_1_and_0():
    class Fires(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 3)
            self.act = Does(lambda z: z > 0)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.act(self.first(x)).float())

    torch.manual_seed(0)
    (x, y), network = data(), Fires()
    row = probes.snapshot(network, x, y, layers=["act"]).iloc[0]
    share = (network.first(x) > 0).double().mean().item()
    assert row["activation_mean"] == pytest.approx(share)
    assert probes.dead_units(network, x, by="gradient", layers=["act"]).counts == [8]
