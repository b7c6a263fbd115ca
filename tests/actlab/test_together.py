"""Many networks trained at once: each as if it were alone, whatever the others do."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from actlab import catalogue, controls, datasets, training
from actlab.activations import Swish
from actlab.networks import MLP
from actlab.together import (
    fit_many,
    fitting,
    group,
    memory,
    memory_of,
    products,
    room_for,
    why_alone,
)
from actlab.training import fit

DIGITS = datasets.digits()
# Twenty batches of 32, and few test examples.
SHORT = replace(
    DIGITS.subset(640), x_test=DIGITS.x_test[:50], y_test=DIGITS.y_test[:50]
)
SIZES = (64, 16, 12, 10)
USUAL = {"epochs": 1, "lr": 0.02, "batch_size": 32, "progress": False}
# Those that work on pairs, or on all entries of a vector; a random one.
ALONE = {row.key for row in catalogue.CATALOGUE.values() if row.kind == "vector"}
ALONE |= {"rrelu"}
# Waves so steep that at the usual rate a last digit is a first one four steps later.
RATES = {"sine": 1e-6}
BATCHED = [key for key in catalogue.CATALOGUE if key not in ALONE]


def made(activation, seed=0, dtype=torch.float32, sizes=SIZES, **settings):
    with torch.random.fork_rng(devices=[]):  # some activations draw their start
        torch.manual_seed(seed)
        return MLP(sizes, activation, seed=seed, **settings).to(dtype)


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@pytest.fixture
def steps(monkeypatch):
    """Record the losses of every step, by network: of single runs, and together."""
    single, together = [], []
    one, many = training._train_epoch, group.Group.train

    def train_one(*arguments):
        losses, rates = one(*arguments)
        single.append(losses)
        return losses, rates

    def train_many(self, epoch):
        losses, rates = many(self, epoch)
        together.extend(zip([task.network for task in self.tasks], losses))
        return losses, rates

    monkeypatch.setattr(training, "_train_epoch", train_one)
    monkeypatch.setattr(group.Group, "train", train_many)
    return single, together


def compared(networks, alike, data=SHORT, together=None, **settings):
    """Train ``networks`` together and ``alike`` one by one; return those together."""
    lists = {k: v for k, v in settings.items() if isinstance(v, list)}
    common = USUAL | {k: v for k, v in settings.items() if k not in lists}
    runs = fit_many(networks, data, together=together, **(common | lists))
    for i, (run, network) in enumerate(zip(runs, alike)):
        own = common | {name: values[i] for name, values in lists.items()}
        alone = fit(network, data, **own)
        assert run.settings == alone.settings and run.error is None
        pd.testing.assert_frame_equal(run.history, alone.history, rtol=1e-5)
    return runs


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-11)]
)
def test_twenty_steps_of_every_activation_as_in_single_runs(dtype, tolerance, steps):
    single, together = steps
    data = replace(
        SHORT, x_train=SHORT.x_train.to(dtype), x_test=SHORT.x_test.to(dtype)
    )
    networks, alike = ([made(key, 3, dtype) for key in BATCHED] for _ in range(2))
    assert all(why_alone(network) is None for network in networks)
    rates = [RATES.get(key, USUAL["lr"]) for key in BATCHED]
    fit_many(networks, data, seed=3, together=100, **(USUAL | {"lr": rates}))
    for key, network, twin, lr in zip(BATCHED, networks, alike, rates):
        fit(twin, data, seed=3, **(USUAL | {"lr": lr}))
        expected = torch.tensor(single.pop(), dtype=torch.float64)
        found = next(losses for owner, losses in together if owner is network)
        difference = torch.tensor(found, dtype=torch.float64) / expected - 1
        assert len(expected) == 20
        assert difference.abs().max() < tolerance, key
        assert torch.allclose(weights(network), weights(twin), 1e-2, 1e-4), key


def test_the_rest_of_the_catalogue_trains_alone_and_says_why():
    for key in sorted(ALONE):
        network = made("relu")  # MLP itself refuses those that change the width
        for place in range(len(network.activations)):
            network.activations[place] = catalogue.get(key).make()
        reason = why_alone(network)
        assert reason and ("random" in reason) == (key == "rrelu"), key
    expected = fit(made("rrelu"), SHORT, **USUAL)
    runs = fit_many([made("relu"), made("rrelu")], SHORT, **USUAL)
    assert runs[1].loss == expected.loss and runs[0].loss != expected.loss


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize(
    ("optimiser", "momentum"), [("sgd", 0.9), ("sgd", 0.0), ("adam", 0), ("adamw", 0)]
)
def test_optimisers_and_schedules_with_rates_of_their_own(
    optimiser, momentum, schedule
):
    keys = ("gelu", "prelu", "gelu", "staf", "prelu")
    networks, alike = ([made(k, i) for i, k in enumerate(keys)] for _ in range(2))
    rates = [0.01, 0.02, 0.03, 0.001, 0.005]
    scale = 1.0 if optimiser == "sgd" else 0.1
    compared(
        networks,
        alike,
        optimiser=optimiser,
        momentum=momentum,
        schedule=schedule,
        lr=[scale * rate for rate in rates],
        seed=[0, 1, 0, 2, 1],
        epochs=2,
        batch_size=48,  # which leaves a smaller last batch
    )


def test_what_differs_between_networks_is_sorted_into_groups_and_back():
    keys = ("relu", "tanh", "relu", "rrelu", "mish", "relu", "tanh")
    sizes = (SIZES, SIZES, (64, 8, 10), SIZES, SIZES, SIZES, SIZES)
    networks, alike = (
        [made(k, i, sizes=s) for i, (k, s) in enumerate(zip(keys, sizes))]
        for _ in range(2)
    )
    runs = compared(
        networks,
        alike,
        optimiser=["sgd", "sgd", "sgd", "sgd", "adam", "sgd", "sgd"],
        momentum=[0.9, 0.9, 0.9, 0.0, 0, 0.5, 0.9],
        lr=[0.01, 0.02, 0.01, 0.03, 0.001, 0.04, 0.03],
        schedule=["constant", "cosine", *["constant"] * 4, "cosine"],
        seed=[1, 2, 1, 3, 4, 5, 1],
        together=2,
    )
    assert [run.network for run in runs] == networks
    assert all(run.seconds > 0 for run in runs)


def test_learnt_parameters_shared_frozen_and_wrapped():
    def networks():
        return [
            made("prelu", 0),
            made("prelu", 1, shared=True),
            made("prelu", 2, shared=True),
            made(controls.frozen(nn.PReLU()), 3),
            made(controls.Scaled(nn.ReLU()), 4),
            made(controls.UnitGain(Swish(1.5, trainable=True)), 5),
            made(Swish(0.5), 6),
            made(Swish(2.0), 7),
            made(lambda x: x / (1 + x.abs()), 8),
        ]

    ours = networks()
    assert all(why_alone(network) is None for network in ours)
    start = [p.item() for p in ours[3].activations.parameters()]
    compared(ours, networks(), momentum=0.9, seed=4)
    assert [p.item() for p in ours[3].activations.parameters()] == start
    assert ours[1].activations[0] is ours[1].activations[1]
    assert ours[1].activations[0].weight.item() != 0.25


def test_regression_and_its_flat_targets():
    data = datasets.signal("sine", n=96)
    flat = replace(data, y_train=data.y_train[:, 0], y_test=data.y_test[:, 0])
    for each in (data, flat):
        networks, alike = (
            [made(k, sizes=(1, 8, 1)) for k in ("tanh", "gelu")] for _ in range(2)
        )
        runs = compared(networks, alike, each, epochs=3, seed=[0, 1])
        assert math.isnan(runs[0].accuracy)
    with pytest.raises(ValueError, match=r"output .*2.* targets .*1"):
        fit_many([made("tanh", sizes=(1, 4, 2))], data, **USUAL)


def test_accuracy_over_seeds():
    settings = {"epochs": 6, "lr": 0.05, "momentum": 0.9, "progress": False}
    seeds = list(range(5))
    networks = [made("relu", seed) for seed in seeds]
    runs = fit_many(networks, DIGITS, seed=seeds, **settings)
    alone = [fit(made("relu", s), DIGITS, seed=s, **settings) for s in seeds]
    together = sum(run.accuracy for run in runs) / 5
    assert together == pytest.approx(sum(run.accuracy for run in alone) / 5, abs=0.5)
    assert together > 80


def test_no_epochs_leave_every_bit():
    networks = [made(key, seed) for key in ("gelu", "staf") for seed in (0, 1)]
    before = [weights(network) for network in networks]
    runs = fit_many(networks, SHORT, **(USUAL | {"epochs": 0}))
    for run, old in zip(runs, before):
        assert torch.equal(weights(run.network), old)
        expected = training.evaluate(run.network, SHORT.x_test, SHORT.y_test)
        assert len(run.history) == 1 and run.loss == pytest.approx(expected[0])


def test_same_bits_again_and_nothing_else_touched():
    def trained():
        networks = [made(key, seed) for key in ("gelu", "staf") for seed in (0, 1)]
        fit_many(networks, SHORT, seed=[0, 1, 0, 1], **USUAL)
        return networks

    torch.manual_seed(7)
    state = torch.get_rng_state()
    first = trained()
    assert torch.equal(torch.get_rng_state(), state)
    for a, b in zip(first, trained()):
        assert torch.equal(weights(a), weights(b))
        for p in a.parameters():  # no longer a part of the common tensor
            assert p.is_leaf and p.requires_grad
            assert p.untyped_storage().nbytes() == p.numel() * p.element_size()


# --- a network that breaks down ----------------------------------------------------


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("at_once", [True, False])
def test_one_breaks_down_and_the_others_do_not_notice(optimiser, at_once, monkeypatch):
    monkeypatch.setattr(group, "_look_at_once", lambda device: at_once)

    def trained(rates, broken=()):
        networks = [made(key, 0) for key in ("relu", "gelu", "prelu", "relu")]
        settings = {"optimiser": optimiser, "epochs": 3, "seed": [0, 0, 1, 1]}
        settings["momentum"] = 0.9 if optimiser == "sgd" else 0.0
        return fit_many(networks, SHORT, **(USUAL | settings | {"lr": rates}))

    small = 0.01 if optimiser == "sgd" else 0.001
    calm = trained([small] * 4)
    runs = trained([small, 1e30, small, 1e35])
    for i in (0, 2):
        assert runs[i].error is None and len(runs[i].history) == 4
        assert torch.equal(weights(runs[i].network), weights(calm[i].network))
        pd.testing.assert_frame_equal(runs[i].history, calm[i].history)
    for i, (key, lr, seed) in {1: ("gelu", 1e30, 0), 3: ("relu", 1e35, 1)}.items():
        alone = made(key, 0)
        own = {"optimiser": optimiser, "lr": lr, "seed": seed, "epochs": 3}
        own["momentum"] = 0.9 if optimiser == "sgd" else 0.0
        with pytest.raises(training.NonFiniteLossError) as caught:
            fit(alone, SHORT, **(USUAL | own))
        error = runs[i].error
        assert (error.epoch, error.step) == (caught.value.epoch, caught.value.step)
        assert len(runs[i].history) == 1
        assert error.before == pytest.approx(caught.value.before)
        found, expected = weights(runs[i].network), weights(alone)
        assert torch.equal(found.isfinite(), expected.isfinite())
        finite = expected.isfinite()
        assert torch.allclose(found[finite], expected[finite], 1e-3)


def test_breakdown_of_a_later_epoch_and_of_a_network_that_trains_alone():
    def burst(network, epoch):
        if epoch == 2:
            with torch.no_grad():
                network.linears[1].weight.mul_(3e37)
        return {"epochs so far": epoch}

    networks = [made(key) for key in ("relu", "relu", "rrelu")]
    runs = fit_many(
        networks,
        SHORT,
        log=[burst, lambda network, epoch: {}, burst],
        **(USUAL | {"epochs": 4}),
    )
    assert [run.error and run.error.epoch for run in runs] == [3, None, 3]
    assert [len(run.history) for run in runs] == [3, 5, 3]
    assert runs[0].history["epochs so far"].tolist() == [0, 1, 2]
    for run, key in zip(runs[::2], ("relu", "rrelu")):
        with pytest.raises(training.NonFiniteLossError) as caught:
            fit(made(key), SHORT, log=burst, **(USUAL | {"epochs": 4}))
        assert run.error.step == caught.value.step
        assert run.error.before == pytest.approx(caught.value.before, rel=1e-4)


def test_no_number_is_read_inside_an_epoch(monkeypatch):
    reads = []

    def counted(name, original):
        def read(tensor, *arguments):
            reads.append(name)
            return original(tensor, *arguments)

        return read

    def count(batch_size):
        reads.clear()
        settings = USUAL | {"batch_size": batch_size}
        fit_many([made("relu"), made("prelu")], SHORT, **settings)
        return len(reads)

    for name in ("item", "tolist", "__float__", "__bool__", "__index__", "cpu"):
        original = getattr(torch.Tensor, name)
        monkeypatch.setattr(torch.Tensor, name, counted(name, original))
    assert count(16) > count(64)  # what is counted is seen on the CPU
    monkeypatch.setattr(group, "_look_at_once", lambda device: False)
    assert count(16) == count(64) > 0


# --- alone ---------------------------------------------------------------------------


class Counting(nn.Module):
    """It remembers how often it was called."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return x.relu()


def hooked():
    network = made("relu")
    network.linears[0].register_forward_hook(lambda *arguments: None)
    return network


def half_frozen():
    network = made("relu")
    network.linears[0].requires_grad_(False)
    return network


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (lambda: nn.Sequential(made("relu")), "not an MLP"),
        (lambda: made(controls.Normalised(nn.ReLU())), "more than one element"),
        (lambda: made(lambda x: x / x.abs().max().detach()), "more than one element"),
        (lambda: made(nn.Dropout(0.01)), "random"),
        (lambda: made(nn.ReLU(inplace=True)), "in-place"),
        (Counting, "not an MLP"),
        (lambda: made(Counting()), "remembers"),
        (lambda: made(nn.BatchNorm1d(16), sizes=(64, 16, 10)), "cannot be batched"),
        (lambda: made(nn.PReLU(16), sizes=(64, 16, 10)), "cannot be batched"),
        (hooked, "hooks"),
        (half_frozen, "frozen"),
        (lambda: made("relu").bfloat16(), "bfloat16"),
    ],
)
def test_why_alone(network, reason):
    assert reason in why_alone(network())


def test_what_trains_alone_trains_as_ever():
    makers = (hooked, half_frozen, lambda: made(nn.PReLU(16), sizes=(64, 16, 10)))
    runs = fit_many([maker() for maker in makers], SHORT, **USUAL)
    for run, maker in zip(runs, makers):
        alone = fit(maker(), SHORT, **USUAL)
        assert torch.equal(weights(run.network), weights(alone.network))


def test_parameters_of_two_networks_train_one_after_the_other():
    def pair():
        function = nn.PReLU()
        return [made(function, seed, shared=True) for seed in (0, 1)]

    ours, alike = pair(), pair()
    fit_many(ours, SHORT, **USUAL)
    for network in alike:
        fit(network, SHORT, **USUAL)
    assert torch.equal(weights(ours[1]), weights(alike[1]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": [0.1]}, "lr has 1 values for 2 networks"),
        ({"seed": [1, 2, 3]}, "seed has 3 values"),
        ({"lr": [0.1, 0]}, "lr is 0"),
        ({"optimiser": "adamm"}, "did you mean 'adam'"),
        ({"schedule": ["cosine", "cosin"]}, "did you mean 'cosine'"),
        ({"together": 0}, "together is 0"),
        ({"loss": "mse"}, "whole-number"),
        ({"epochs": -1}, "epochs is -1"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        fit_many([made("relu"), made("relu")], SHORT, **(USUAL | settings))


def test_an_empty_list_is_no_error():
    assert fit_many([], SHORT, **USUAL) == []


def test_quiet_without_progress(capfd):
    fit_many([made("relu"), made("rrelu")], SHORT, **USUAL)
    assert capfd.readouterr() == ("", "")


# --- how it is done ----------------------------------------------------------------


def test_batches_gathered_for_each_network(monkeypatch):
    """What a GPU does where many seeds alternate."""
    monkeypatch.setattr(fitting, "_in_order", lambda members, device: members)
    networks, alike = ([made("gelu", i % 3) for i in range(12)] for _ in range(2))
    seeds = [i % 3 for i in range(12)]
    compared(networks, alike, seed=seeds, together=12, momentum=0.9)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_rehearsal_leaves_no_trace(optimiser, monkeypatch):
    """Before a GPU records its steps it takes some, with every network standing."""
    monkeypatch.setattr(group, "_look_at_once", lambda device: False)
    rehearsed = []

    def trained():
        networks = [made(key, i) for i, key in enumerate(("gelu", "prelu", "gelu"))]
        settings = USUAL | {"optimiser": optimiser, "epochs": 2, "batch_size": 48}
        runs = fit_many(networks, SHORT, seed=[0, 1, 0], **settings)
        return [weights(run.network) for run in runs]

    def train(self, epoch):
        if epoch == 1:
            for rows in self._batch_sizes():
                self._rehearse(rows)
                rehearsed.append(rows)
            self.alive.fill_(True)
        return original(self, epoch)

    original, expected = group.Group.train, trained()
    monkeypatch.setattr(group.Group, "train", train)
    assert all(torch.equal(a, b) for a, b in zip(trained(), expected))
    assert rehearsed == [48, 640 % 48]


@pytest.mark.parametrize("one_dnn", [False, True])
@pytest.mark.parametrize(("optimiser", "momentum"), [("sgd", 0.9), ("adam", 0.0)])
def test_both_kinds_of_products(one_dnn, optimiser, momentum, monkeypatch):
    if one_dnn:
        try:
            products._product(torch.ones(2, 2), torch.ones(2, 2))
        except (AttributeError, RuntimeError):
            pytest.skip("this torch comes without oneDNN")
    asked = []
    monkeypatch.setattr(products, "LARGE", 0)
    monkeypatch.setattr(
        products, "one_dnn_pays", lambda: bool(asked.append(1)) or one_dnn
    )
    networks, alike = (
        [made(k, i % 2) for i, k in enumerate(("gelu", "relu", "gelu"))]
        for _ in range(2)
    )
    compared(
        networks,
        alike,
        optimiser=optimiser,
        momentum=momentum,
        lr=0.002,
        seed=[0, 1, 1],
    )
    assert asked


def test_memory():
    """64 of the course's networks at once, against the estimate and 3 GiB."""
    script = """
import torch
from actlab import datasets, together
from actlab.networks import MLP
x = torch.randn(512, 784)
data = datasets.Dataset("random", x, torch.arange(512) % 10, x, torch.arange(512) % 10)
networks = [MLP((784, 256, 192, 128, 64, 10), "gelu", seed=s) for s in range(64)]
settings = {"lr": 0.01, "momentum": 0.9, "progress": False, "batch_size": 128}
together.fit_many(networks[:1], data, epochs=1, **settings)
def peak():  # ru_maxrss would begin with the peak of the process that started this one
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * next(int(l.split()[1]) for l in lines if l.startswith("VmHWM"))
before = peak()
settings |= {"together": 64, "seed": list(range(64))}
together.fit_many(networks, data, epochs=1, **settings)
print(peak(), peak() - before, together.memory_of(networks[0], 64))
"""
    if sys.platform != "linux":
        pytest.skip("only Linux says in /proc what a process took at most")
    package = str(Path(training.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": package, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", script]
    reply = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert reply.returncode == 0, reply.stderr
    peak, grown, estimate = map(int, reply.stdout.split())
    assert peak < 3 * 2**30
    assert 0.4 * estimate < grown < 1.2 * estimate


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_groups_are_as_large_as_half_of_the_free_memory_holds(device, monkeypatch):
    one = memory_of(made("relu"), 1, 128, "sgd")
    most = 16 if device == "cpu" else None
    for free, expected in ((6.5, 2 if most else 3), (2e3, most or 1000), (0.1, 1)):
        monkeypatch.setattr(memory, "free_memory", lambda d, f=free: int(f * one))
        assert room_for(made("relu"), device, most) == expected
    monkeypatch.setattr(memory, "free_memory", lambda d: None)
    assert room_for(made("relu"), device, most) == (most or 1)


def test_what_is_too_many_for_the_memory_trains_in_parts(monkeypatch):
    sizes = []

    class Counted(fitting.Group):
        def __init__(self, members, *rest):
            sizes.append(len(members))
            super().__init__(members, *rest)

    monkeypatch.setattr(fitting, "Group", Counted)
    # Batches as in USUAL; what half of the memory has room for is a power of two.
    one = memory_of(made("relu"), 1, USUAL["batch_size"], "sgd")
    monkeypatch.setattr(memory, "free_memory", lambda device: 2 * 5 * one)
    runs = fit_many([made("relu", i) for i in range(10)], SHORT, **USUAL)
    assert sizes == [4, 4, 2] and not any(run.error for run in runs)


def test_free_memory_is_what_the_system_says(tmp_path, monkeypatch):
    said = tmp_path / "meminfo"
    said.write_text("MemTotal:  999 kB\nMemFree: 5 kB\nMemAvailable:  640 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", said)
    assert memory.free_memory() == 640 * 1024
    for text in ("MemTotal: 999 kB\n", "MemAvailable:\n", "MemAvailable: many kB\n"):
        said.write_text(text)
        assert memory.free_memory() is None
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "none")
    assert memory.free_memory() is None
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (7, 80))
    assert memory.free_memory("cuda") == 7


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_on_a_gpu_as_on_the_cpu():
    keys = ("relu", "gelu", "prelu", "staf", "relu", "relu")
    rates = [0.01, 0.02, 0.01, 0.005, 1e30, 0.02]
    settings = {"momentum": 0.9, "lr": rates, "seed": [0, 1, 2, 0, 1, 2], "epochs": 3}
    settings |= {"batch_size": 48, "schedule": "cosine"}
    ours, alike = ([made(k, i) for i, k in enumerate(keys)] for _ in range(2))
    runs = fit_many(ours, SHORT, device="cuda", **(USUAL | settings))
    expected = fit_many(alike, SHORT, **(USUAL | settings))
    for run, other in zip(runs, expected):
        if other.error is not None:
            assert run.error.epoch == other.error.epoch
            assert run.error.step == other.error.step
            continue
        assert run.error is None
        pd.testing.assert_frame_equal(run.history, other.history, rtol=1e-2)
