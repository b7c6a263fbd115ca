"""Tasks that change: what is left of a network's ability to learn, and who took it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from actlab import datasets, deep, probes, training
from actlab.networks import MLP
from actlab.studies import Condition, Setting, Study
from actlab.studies.runners import on_cpu, register

__all__ = ["CHANGING_TASKS", "TaskRun", "redraw"]

IMAGES = 256


def redraw(network: MLP, x: Tensor, living: bool = False) -> None:
    """Give dead units new weights in and zero weights out: no output changes.

    Parameters
    ----------
    network : changed in place.
    x : the inputs, shape (examples, features), at which a dead unit is dead.
    living : re-draw as many *living* units of each layer instead, chosen by lot; the
        outputs change then.

    New weights come from PyTorch's own start and its global generator, new biases are
    0.  Chapter 10.
    """
    masks = probes.dead_units(network, x).masks
    linears = [layer for layer in network.linears if isinstance(layer, nn.Linear)]
    for dead, into, out in zip(masks, linears[:-1], linears[1:], strict=True):
        units = dead.nonzero()[:, 0]
        if living:
            others = (~dead).nonzero()[:, 0]
            units = others[torch.randperm(len(others))[: len(units)]]
        fresh = nn.Linear(into.in_features, into.out_features)
        with torch.no_grad():
            into.weight[units] = fresh.weight[units]
            into.bias[units] = 0
            out.weight[:, units] = 0


def _shrink(network: MLP, sizes: list[Tensor]) -> None:
    """Give each weight matrix and each bias the norm that it had at the start."""
    with torch.no_grad():
        for parameter, size in zip(network.parameters(), sizes, strict=True):
            parameter.mul_(size / parameter.norm().clamp(min=1e-12))


@dataclass(frozen=True)
class TaskRun(Condition):
    """One small network learns random labels of the same images, task after task.

    ``epochs`` counts tasks, each of ``passes`` passes; ``variant`` says what is done
    before each task but the first.
    """

    optimiser: str = "adam"
    epochs: int = 12
    passes: int = 40
    variant: str = ""
    sizes: tuple[int, ...] = (64, 64, 64, 10)
    batch_size: int = 128


def _run(setting: Setting) -> tuple[dict[str, list[Any]], float]:
    """Do one run: after each task the share of labels known and the dead units."""
    condition = setting.condition
    assert isinstance(condition, TaskRun)
    started = time.perf_counter()
    x = datasets.digits().x_train[:IMAGES]
    network = _fresh(condition, setting.seed)
    sizes = [p.detach().norm() for p in network.parameters()]
    rows: list[tuple[float, ...]] = []

    def count(task: int, training_loss: float, y: Tensor) -> None:
        loss, accuracy = training.evaluate(network, x, y)
        dead = probes.dead_units(network, x).total
        rows.append((task, training_loss, loss, accuracy, dead))

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(setting.seed)
        for task in range(1, condition.epochs + 1):
            if condition.variant == "new":
                network = _fresh(condition, 1000 * task + setting.seed)
            elif task > 1:
                _before_a_task(network, x, condition.variant, sizes)
            y = torch.randint(condition.sizes[-1], (IMAGES,))
            if task == 1:
                count(0, math.nan, y)
            data = replace(
                datasets.digits(), x_train=x, y_train=y, x_test=x[:1], y_test=y[:1]
            )
            learnt = deep.train(
                network, data, lr=condition.lr, epochs=condition.passes,
                optimiser=condition.optimiser, batch_size=condition.batch_size,
                seed=100 * setting.seed + task,
            )  # fmt: skip
            count(task, learnt["train_loss"][-1], y)
    columns = ("epoch", "train_loss", "test_loss", "test_accuracy", "dead")
    history = {
        name: list(column) for name, column in zip(columns, zip(*rows), strict=True)
    }
    return history, time.perf_counter() - started


def _before_a_task(network: MLP, x: Tensor, what: str, sizes: list[Tensor]) -> None:
    if what in ("size", "both"):
        _shrink(network, sizes)
    if what in ("dead", "living", "both"):
        redraw(network, x, living=what == "living")


def _fresh(condition: TaskRun, seed: int) -> MLP:
    return MLP(condition.sizes, condition.activation, condition.init, seed=seed)


register(TaskRun, on_cpu(_run))


def _conditions() -> tuple[TaskRun, ...]:
    cells = (
        *(
            ("relu", variant)
            for variant in ("", "new", "dead", "living", "size", "both")
        ),
        *(("leaky_relu", variant) for variant in ("", "new", "size")),
    )
    return tuple(
        TaskRun("changing", activation, lr, variant=variant)
        for activation, variant in cells
        for lr in (0.003, 0.01, 0.03)
    )


CHANGING_TASKS = Study(
    name="changing-tasks",
    question="Where tasks change, is it dead units that keep a network from learning?",
    home=__package__,
    seeds=10,
    further=("variant", "dead"),
    conditions=_conditions(),
)
