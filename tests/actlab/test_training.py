"""One training run: it learns, repeats bit for bit, and fails in plain words."""

import math
import os
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from actlab import datasets, training
from actlab.networks import MLP
from actlab.training import NonFiniteLossError, evaluate, fit

DIGITS = datasets.digits()
MISSING = datasets.fashion_mnist_missing()


def train(network=None, data=DIGITS, **settings):
    network = MLP((64, 32, 10), "relu", seed=0) if network is None else network
    usual = {"epochs": 2, "lr": 0.05, "momentum": 0.9, "progress": False}
    return fit(network, data, **(usual | settings))


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_learns_digits():
    run = train(epochs=10)
    assert run.accuracy > 90
    assert run.loss == run.history["test_loss"].iloc[-1] < 0.5
    assert run.seconds > 0


def test_adam_learns_digits():
    assert train(epochs=10, optimiser="adam", lr=0.003, momentum=0.0).accuracy > 90


def test_learns_a_signal():
    network = MLP((1, 32, 1), "tanh", seed=0)
    run = train(network, datasets.signal("sine"), epochs=200, batch_size=64)
    assert run.loss < 0.02 < run.history["test_loss"].iloc[0]
    assert math.isnan(run.accuracy)


def test_history():
    history = train(epochs=3).history
    assert isinstance(history, pd.DataFrame)
    assert list(history) == ["epoch", "train_loss", "test_loss", "test_accuracy"]
    assert history["epoch"].tolist() == [0, 1, 2, 3]
    assert math.isnan(history["train_loss"][0])
    assert history.iloc[1:].notna().all(axis=None)
    before = evaluate(MLP((64, 32, 10), "relu", seed=0), DIGITS.x_test, DIGITS.y_test)
    assert (history["test_loss"][0], history["test_accuracy"][0]) == before


def test_no_epochs_is_a_measurement_before_training():
    network = MLP((64, 32, 10), seed=0)
    before = weights(network)
    assert len(train(network, epochs=0).history) == 1
    assert torch.equal(weights(network), before)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_one_step_is_what_sgd_says(momentum):
    """Two full-batch steps by hand: v = momentum v + g, w = w - lr v."""
    network, reference = (MLP((64, 10), seed=0) for _ in range(2))
    data = DIGITS.subset(40)
    train(network, data, epochs=2, batch_size=40, lr=0.1, momentum=momentum)
    velocity = None
    for _ in range(2):
        loss = F.cross_entropy(reference(data.x_train), data.y_train)
        gradients = torch.autograd.grad(loss, list(reference.parameters()))
        if velocity is None:
            velocity = list(gradients)
        else:
            velocity = [momentum * v + g for v, g in zip(velocity, gradients)]
        with torch.no_grad():
            for p, v in zip(reference.parameters(), velocity):
                p -= 0.1 * v
    assert torch.allclose(weights(network), weights(reference), atol=1e-6)


def test_every_example_once_per_epoch_and_the_small_rest_too():
    seen = []

    class Spy(nn.Linear):
        def forward(self, x):
            if self.training:
                seen.append(x[:, 0].tolist())
            return super().forward(x)

    x = torch.arange(10.0).reshape(-1, 1)
    data = datasets.Dataset("numbers", x, 2 * x, x, 2 * x)
    train(Spy(1, 1), data, epochs=2, batch_size=4, lr=1e-6)
    assert [len(batch) for batch in seen] == [4, 4, 2] * 2
    first, second = sum(seen[:3], []), sum(seen[3:], [])
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second != sorted(second)


def test_batch_larger_than_the_data():
    data = DIGITS.subset(50)
    sizes = (50, 10**12)
    losses = [train(data=data, batch_size=size).loss for size in sizes]
    assert losses[0] == losses[1]


def test_train_loss_is_the_mean_over_examples():
    x = torch.arange(10.0).reshape(-1, 1)
    data = datasets.Dataset("numbers", x, x, x, x)
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    run = train(network, data, epochs=1, batch_size=4, lr=1e-12, momentum=0.0)
    assert run.history["train_loss"][1] == pytest.approx(28.5, rel=1e-5)


def test_same_seed_same_bits_whatever_happened_before():
    torch.manual_seed(1)
    first = MLP((64, 32, 10), seed=0)
    train(first, seed=3)
    torch.manual_seed(2)
    torch.rand(5)
    again = MLP((64, 32, 10), seed=0)
    train(again, seed=3)
    other = MLP((64, 32, 10), seed=0)
    train(other, seed=4)
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_random_layers_follow_the_seed():
    def trained(seed):
        network = nn.Sequential(
            MLP((64, 32), seed=0), nn.Dropout(0.5), MLP((32, 10), seed=0)
        )
        train(network, seed=seed)
        return weights(network)

    torch.manual_seed(1)
    first = trained(3)
    torch.manual_seed(2)
    assert torch.equal(first, trained(3))


def test_random_layers_leave_the_order_of_the_examples_alone():
    def order(*layers):
        seen = []

        class Spy(nn.Linear):
            def forward(self, x):
                if self.training:
                    seen.extend(x[:, 0].tolist())
                return super().forward(x)

        x = torch.arange(20.0).reshape(-1, 1)
        data = datasets.Dataset("numbers", x, x, x, x)
        train(nn.Sequential(Spy(1, 1), *layers), data, batch_size=5, lr=1e-6)
        return seen

    assert order() == order(nn.Dropout(0.5))


def test_global_generator_is_left_alone():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    train(MLP((64, 8, 10), nn.Dropout(0.5), seed=0))
    assert torch.equal(torch.get_rng_state(), before)


def test_too_large_a_step_stops_at_once():
    with pytest.raises(NonFiniteLossError) as caught:
        train(lr=1e9)
    error = caught.value
    assert error.epoch == 1 and 1 < error.step < 12
    assert math.isfinite(error.before) and not math.isfinite(error.loss)
    message = str(error)
    assert f"epoch 1, step {error.step}" in message
    assert "step size too large (lr is 1e+09)" in message
    assert f"loss before was {error.before:.4g}" in message


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("epoch", [1, 3])
def test_the_same_error_where_losses_are_read_once_per_epoch(
    epoch, schedule, monkeypatch
):
    """What a GPU does, and with it what the CPU does: equal errors."""

    def error():
        network = MLP((64, 32, 10), seed=0)

        def burst(net, now):
            if now == epoch - 1:
                with torch.no_grad():
                    net.linears[1].weight.mul_(3e37)
            return {}

        with pytest.raises(NonFiniteLossError) as caught:
            train(network, lr=0.05, epochs=4, schedule=schedule, log=burst)
        return caught.value

    at_once = error()
    monkeypatch.setattr(training, "_read_at_once", lambda loss: False)
    at_the_end = error()
    assert at_once.epoch == epoch
    assert str(at_once) == str(at_the_end)
    assert (at_once.before is None) == (epoch == 1 and at_once.step == 1)


def test_no_loss_is_read_inside_an_epoch(monkeypatch):
    """On a GPU every reading waits for all that was asked before."""
    reads = []

    def counted(name, original):
        def read(tensor):
            reads.append(name)
            return original(tensor)

        return read

    def count(batch_size):
        reads.clear()
        train(epochs=1, batch_size=batch_size)
        return len(reads)

    for name in ("item", "tolist", "__float__", "__bool__", "cpu"):
        original = getattr(torch.Tensor, name)
        monkeypatch.setattr(torch.Tensor, name, counted(name, original))
    assert count(16) > count(128)  # what is counted is seen on the CPU
    monkeypatch.setattr(training, "_read_at_once", lambda loss: False)
    assert count(16) == count(128) > 0


def test_overflow_before_the_first_step():
    network = MLP((64, 32, 10), seed=0)
    with torch.no_grad():
        network.linears[1].weight.fill_(1e38)
    with pytest.raises(NonFiniteLossError, match="step 1 .*first of all steps"):
        train(network)


def test_float64_inputs_are_cast_and_said_so():
    x, y = DIGITS.x_train.double(), DIGITS.x_test.double()
    data = replace(DIGITS, x_train=x, x_test=y)
    with pytest.warns(UserWarning, match="float64 and the network is torch.float32"):
        run = train(data=data)
    assert run.accuracy == train().accuracy
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(MLP((64, 10)).double(), data)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimiser": "adamm"}, "unknown optimiser 'adamm'; did you mean 'adam'"),
        ({"optimiser": "zzz"}, "choose one of"),
        ({"loss": "cross entropy"}, "did you mean 'cross_entropy'"),
        ({"loss": "mse"}, "whole-number"),
        ({"lr": 0}, "lr is 0"),
        ({"lr": math.nan}, "lr is nan"),
        ({"lr": "0.1"}, "lr is '0.1'"),
        ({"momentum": 1.0}, "momentum is 1.0"),
        ({"optimiser": "adam"}, "momentum is a setting of optimiser='sgd'"),
        ({"epochs": -1}, "epochs is -1"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"network": nn.Identity()}, "no parameter to train"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        train(**settings)


def test_regression_targets_and_cross_entropy():
    with pytest.raises(ValueError, match="cross-entropy needs whole-number"):
        train(MLP((1, 4, 1)), datasets.signal(), loss="cross_entropy")


def test_regression_output_of_the_wrong_width():
    with pytest.raises(ValueError, match=r"output .*2.* targets .*1"):
        train(MLP((1, 4, 2)), datasets.signal())


def test_flat_targets_do_not_broadcast():
    data = datasets.signal("absolute", n=32)
    flat = replace(data, y_train=data.y_train[:, 0], y_test=data.y_test[:, 0])
    ours = [train(MLP((1, 8, 1), seed=0), d).loss for d in (data, flat)]
    assert ours[0] == ours[1]


def test_evaluate():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]])
    loss, accuracy = evaluate(nn.Identity(), logits, torch.tensor([0, 1, 1]))
    expected = sum(math.log(1 + math.exp(d)) for d in (-2, -1, 3)) / 3
    assert loss == pytest.approx(expected, rel=1e-6)
    assert accuracy == pytest.approx(200 / 3)


def test_evaluate_in_parts_and_without_dropout():
    x = torch.randn(2500, 3, generator=torch.Generator().manual_seed(0))
    y = x.argmax(1)
    network = nn.Dropout(0.9)
    loss, accuracy = evaluate(network, x, y)
    assert accuracy == 100
    assert loss == pytest.approx(float(F.cross_entropy(x, y)), rel=1e-5)
    assert network.training


def test_quiet_without_progress(capfd):
    train()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("disabled", [False, True])
def test_bar_is_shown_unless_the_environment_says_no(disabled):
    script = (
        "from actlab import datasets, networks, training;"
        "training.fit(networks.MLP((64, 10)), datasets.digits(), epochs=1, lr=0.1)"
    )
    package = str(Path(training.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": package, "TQDM_DISABLE": "1"}
    if not disabled:
        del environment["TQDM_DISABLE"]
    command = [sys.executable, "-c", script]
    reply = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (reply.returncode, reply.stdout) == (0, "")
    assert ("epochs" in reply.stderr) != disabled


def test_cosine_schedule_follows_half_a_cosine_to_zero():
    network = MLP((64, 10), seed=0)
    states, sizes = [weights(network)], []
    # One batch per epoch, so that the log sees every step.
    run = train(
        network,
        lr=0.2,
        momentum=0.0,
        schedule="cosine",
        epochs=4,
        batch_size=len(DIGITS.x_train),
        log=lambda net, epoch: states.append(weights(net)) or {},
    )
    for before, after in zip(states[1:], states[2:]):
        copied = MLP((64, 10), seed=0)
        torch.nn.utils.vector_to_parameters(before.clone(), copied.parameters())
        F.cross_entropy(copied(DIGITS.x_train), DIGITS.y_train).backward()
        gradient = torch.cat([p.grad.flatten() for p in copied.parameters()])
        sizes.append(((before - after).norm() / gradient.norm()).item())
    expected = [0.1 * (1 + math.cos(math.pi * step / 4)) for step in range(4)]
    assert sizes == pytest.approx(expected, rel=1e-3)
    assert run.settings["schedule"] == "cosine"


def test_unknown_schedule():
    with pytest.raises(ValueError, match="unknown schedule 'cosin'; did you mean"):
        train(schedule="cosin")


def test_settings_say_what_was_done():
    settings = train(seed=9).settings
    assert settings["data"] == "digits" and settings["seed"] == 9
    assert settings["lr"] == 0.05 and settings["optimiser"] == "sgd"


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_learns_fashion_mnist():
    data = datasets.fashion_mnist(download=False).subset(12_000)
    network = MLP((784, 64, 10), "relu", seed=0)
    assert train(network, data, epochs=2).accuracy > 75


@pytest.mark.slow
def test_benchmark_runs():
    """One short round of everything that benchmarks/study_loop.py measures."""
    path = Path(__file__).parents[2] / "benchmarks" / "study_loop.py"
    command = [sys.executable, str(path), "--quick"]
    reply = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=280,
        env=os.environ | {"PYTHONPATH": str(path.parents[1] / "code")},
    )
    assert reply.returncode == 0, reply.stderr
    for other in ("plain", "best", "tensors", "limit", "mkl", "batched", "vmap"):
        assert f"ours / {other}" in reply.stdout
        assert f"many / {other}" in reply.stdout


# Refused at the door


def one_hot(data=DIGITS, dtype=torch.float32):
    def coded(y):
        return F.one_hot(y, 10).to(dtype)

    return replace(data, y_train=coded(data.y_train), y_test=coded(data.y_test))


DTYPES = [torch.float32, torch.float64, torch.int64, torch.bool]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ["auto", "cross_entropy"])
def test_one_hot_targets_are_refused_and_both_ways_out_work(dtype, loss):
    data = one_hot(dtype=dtype)
    with pytest.raises(ValueError, match="look one-hot") as error:
        train(data=data, loss=loss)
    advice = re.search(r"class numbers, (\S+\))", str(error.value))[1]
    y_train, y_test = (eval(advice, {"y": y}) for y in (data.y_train, data.y_test))
    numbers = replace(data, y_train=y_train, y_test=y_test)
    assert train(data=numbers, loss=loss).accuracy == train(loss=loss).accuracy
    if dtype not in (torch.float32, torch.float64):
        assert "y.float() and loss='mse'" in str(error.value)
        data = one_hot()
    run = train(data=data, loss="mse")
    assert math.isnan(run.accuracy) and run.loss < run.history["test_loss"][0]


@pytest.mark.parametrize("part", ["y_train", "y_test"])
def test_one_hot_targets_in_one_part_only_are_refused(part):
    with pytest.raises(ValueError, match="one-hot"):
        train(data=replace(DIGITS, **{part: getattr(one_hot(), part)}))


@pytest.mark.parametrize("dtype", DTYPES)
def test_evaluate_refuses_one_hot_targets(dtype):
    data, network = one_hot(dtype=dtype), MLP((64, 10), seed=0)
    with pytest.raises(ValueError, match="one-hot"):
        evaluate(network, data.x_test, data.y_test)
    loss, accuracy = evaluate(network, data.x_test, one_hot().y_test, loss="mse")
    assert math.isnan(accuracy)
    expected = F.mse_loss(network(data.x_test), one_hot().y_test).item()
    assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "words", "remedy"),
    [
        (lambda y: y[:, None], r"y\[:, 0\]", lambda y: y[:, 0]),
        (lambda y: y.int(), r"torch.int32; use y.long\(\)", lambda y: y.long()),
        (lambda y: y > 4, r"torch.bool; use y.long\(\)", lambda y: y.long()),
    ],
)
def test_class_targets_of_another_form_are_refused(change, words, remedy):
    network = MLP((64, 10), seed=0)
    data = replace(DIGITS, y_train=change(DIGITS.y_train), y_test=change(DIGITS.y_test))
    for call in (
        lambda d: train(network, d, epochs=1),
        lambda d: evaluate(network, d.x_test, d.y_test),
    ):
        with pytest.raises(ValueError, match=words):
            call(data)
        call(replace(data, y_train=remedy(data.y_train), y_test=remedy(data.y_test)))


def test_regression_on_two_columns_is_not_taken_for_one_hot():
    x = torch.rand(40, 3, generator=torch.Generator().manual_seed(0))
    data = datasets.Dataset("two", x, x[:, :2], x, x[:, :2])
    assert math.isfinite(train(MLP((3, 4, 2), seed=0), data).loss)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float64])
def test_inputs_of_another_type_are_cast_by_fit_and_evaluate(dtype):
    whole = replace(
        DIGITS,
        x_train=(DIGITS.x_train * 8 + 8).round(),
        x_test=(DIGITS.x_test * 8 + 8).round(),
    )
    other = replace(
        whole, x_train=whole.x_train.to(dtype), x_test=whole.x_test.to(dtype)
    )
    expected = train(data=whole, lr=0.01)
    with pytest.warns(UserWarning, match=f"inputs are {dtype}") as caught:
        assert train(data=other, lr=0.01).loss == expected.loss
    assert len(caught) == 1
    with pytest.warns(UserWarning, match=f"inputs are {dtype}"):
        loss, _ = evaluate(expected.network, other.x_test, other.y_test)
    assert loss == expected.loss


def test_tokens_of_an_embedding_stay_whole_numbers():
    x, y = torch.arange(40).view(20, 2) % 5, torch.arange(20) % 3
    network = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(8, 3))
    data = datasets.Dataset("tokens", x, y, x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isfinite(train(network, data).loss)
        evaluate(network, x, y)


@pytest.mark.parametrize("failing", [False, True])
def test_evaluate_leaves_each_module_in_its_mode(failing):
    class Stops(nn.Module):
        def forward(self, x):
            if failing:
                raise RuntimeError("half-way")
            return x

    network = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5), Stops())
    network[0].eval()
    modes = [module.training for module in network.modules()]
    requires = [p.requires_grad for p in network.parameters()]
    before = torch.get_rng_state()
    try:
        evaluate(network, torch.ones(4, 3), torch.arange(4) % 3)
    except RuntimeError as error:
        assert failing and str(error) == "half-way"
    assert [module.training for module in network.modules()] == modes
    assert [p.requires_grad for p in network.parameters()] == requires
    assert torch.equal(torch.get_rng_state(), before)
