"""One run of a study: from its setting to its history, on one thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from . import catalogue, controls, deep, fields
from .datasets import Dataset
from .grids import Setting
from .networks import MLP, SmallCNN
from .training import NonFiniteLossError, fit

__all__ = ["RUNNERS", "execute", "prepare"]

History = dict[str, list[float]]
Log = Callable[[nn.Module, int], Mapping[str, Any]]
Runner = Callable[[Setting, str], tuple[History, float]]


def execute(setting: Setting, device: str = "cpu") -> tuple[History, float]:
    """Do one run on ``device``; return its history, column by column, and its seconds.

    A run that breaks down is a result too: its one row says in which epoch and has no
    numbers, and its seconds are nan.  Raises ``KeyError`` for an unknown runner.
    Chapter 12.
    """
    with _one_thread():
        try:
            return RUNNERS[setting.runner](setting, device)
        except NonFiniteLossError as error:
            names = ("train_loss", "test_loss", "test_accuracy")
            row = {"epoch": [error.epoch]} | {name: [math.nan] for name in names}
            return row, math.nan


def prepare(setting: Setting) -> None:
    """Load what the run needs, so that what is missing is said before all runs."""
    _data(setting.data, setting.scale)


@cache
def _data(name: str, scale: str) -> Any:
    """Load data once per worker process."""
    from . import datasets, language

    if name == "python_documentation":
        return language.corpus()

    source = getattr(datasets, name)
    return source(scale=scale) if scale else source()


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _run_mlp(setting: Setting, device: str) -> tuple[History, float]:
    change = controls.VARIANTS[setting.condition.variant]
    return _fit_mlp(setting, device, _activation_parameter, change)


def _run_mlp_with_unit_counts(setting: Setting, device: str) -> tuple[History, float]:
    data = _data(setting.data, setting.scale).to(device)
    return _fit_mlp(setting, device, UnitCounts(data, setting.condition.epochs))


def _fit_mlp(
    setting: Setting,
    device: str,
    log: Log,
    change: Callable[[nn.Module], nn.Module] = lambda activation: activation,
) -> tuple[History, float]:
    condition, data = setting.condition, _data(setting.data, setting.scale)
    if condition.held_out:
        data = data.held_out(condition.held_out)
    with torch.random.fork_rng(devices=[]):  # some activations draw their start
        torch.default_generator.manual_seed(setting.seed)
        row = catalogue.get(condition.activation)
        activation = change(row.make(**dict(condition.parameters)))
    if condition.variant == "cnn":
        network = SmallCNN(activation, condition.init, setting.seed)
    else:
        network = MLP(
            setting.sizes,
            activation,
            condition.init,
            shared=condition.shared,
            seed=setting.seed,
        )
    result = fit(
        network,
        data,
        epochs=condition.epochs,
        lr=condition.lr,
        optimiser=condition.optimiser,
        momentum=condition.momentum,
        schedule=condition.schedule,
        batch_size=setting.batch_size,
        seed=setting.seed,
        device=device,
        progress=False,
        log=log,
    )
    return result.history.to_dict("list"), result.seconds


def _activation_parameter(network: MLP, epoch: int) -> dict[str, float]:
    """Return the mean of the numbers that the activations learn, if they learn any."""
    learnt = [p for p in network.activations.parameters() if p.requires_grad]
    if not learnt:
        return {}
    values = torch.cat([p.detach().flatten() for p in learnt])
    return {"parameter": values.mean().item()}


class UnitCounts:
    """What study ``dead`` logs: units that are dead or flat, layer by layer.

    Called with a network and an epoch, it returns columns of text with one number per
    hidden layer. Chapter 10.
    """

    FLAT = 0.05  # a slope below this hardly lets a gradient through

    def __init__(self, data: Dataset, epochs: int) -> None:
        self.data, self.epochs, self.before = data, epochs, None

    def __call__(self, network: MLP, epoch: int) -> dict[str, str]:
        dead, flat, zeros = self._count(network, self.data.x_test)
        before = self.before or dead
        self.before = dead
        row = {
            "dead_test": _line(d.sum() for d in dead),
            "flat_test": _line(f.sum() for f in flat),
            "died_test": _line((d & ~b).sum() for d, b in zip(dead, before)),
            "revived_test": _line((b & ~d).sum() for d, b in zip(dead, before)),
            "zeros_test": _line(zeros),
            "dead_train": "",
        }
        if epoch in (0, self.epochs):  # six times the images: at both ends only
            dead, _, _ = self._count(network, self.data.x_train)
            row["dead_train"] = _line(d.sum() for d in dead)
        return row

    def _count(self, network: MLP, x: Tensor) -> tuple[list, list, list]:
        """Return per layer the masks of dead and of flat units, and the zeros' share.

        Dead: the output is exactly 0 for every row of ``x``. Flat: the slope is.
        """
        hidden = len(network.activations)
        dead, flat, zeros = [True] * hidden, [True] * hidden, [0.0] * hidden
        for part in x.split(1000):
            for layer, joint in enumerate(network.joints(part)):
                output, slope = _value_and_slope(
                    network.activations[layer], joint.pre_activation
                )
                dead[layer] = dead[layer] & (output == 0).all(0)
                flat[layer] = flat[layer] & (slope.abs() < self.FLAT).all(0)
                share = (output == 0).double().mean().item()
                zeros[layer] += share * len(part) / len(x)
        return dead, flat, zeros


def _value_and_slope(f: nn.Module, z: Tensor) -> tuple[Tensor, Tensor]:
    z = z.detach().requires_grad_()
    output = f(z)
    return output.detach(), torch.autograd.grad(output.sum(), z)[0]


def _line(values: Iterable[Tensor | float]) -> str:
    """Spell numbers with blanks between them: whole ones whole, others with four."""
    return " ".join(f"{v:.4f}" if isinstance(v, float) else str(int(v)) for v in values)


CHECKPOINT = 50  # steps of the transformer between two rows of its history


def _run_transformer(setting: Setting, device: str) -> tuple[History, float]:
    from . import language

    condition, text = setting.condition, _data(setting.data, setting.scale)
    network = language.TextTransformer(
        len(text.vocabulary), condition.activation, seed=setting.seed
    )
    run = language.fit_language(
        network,
        text,
        steps=CHECKPOINT * condition.epochs,
        lr=condition.lr,
        batch_size=setting.batch_size,
        seed=setting.seed,
        checkpoints=condition.epochs,
        device=device,
    )
    history = run.history
    columns = {
        "epoch": list(range(len(history))),
        "step": history["step"].tolist(),
        "train_loss": history["train_loss"].tolist(),
        "test_loss": history["validation_loss"].tolist(),
        "test_accuracy": [math.nan] * len(history),
        "seconds": history["seconds"].tolist(),
    }
    return columns, run.seconds


def _on_cpu(run: Callable[[Setting], tuple[History, float]]) -> Runner:
    """Return a runner for networks so small that no other device helps."""

    def runner(setting: Setting, device: str) -> tuple[History, float]:
        if device != "cpu":
            raise ValueError(
                f"study runner {setting.runner!r} trains tiny networks on the CPU; "
                f"leave out --device {device}"
            )
        return run(setting)

    return runner


RUNNERS: dict[str, Runner] = {
    "mlp": _run_mlp,
    "mlp_with_unit_counts": _run_mlp_with_unit_counts,
    "transformer": _run_transformer,
    "cures": _on_cpu(deep.run_setting),
    "field": _on_cpu(fields.execute),
}
