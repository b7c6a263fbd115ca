"""A list of networks, divided into groups that train at once; what comes of each."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import nn

from .. import training
from ..datasets import Dataset
from ..training import Criterion, Run
from .eligible import structure, why_alone
from .group import Group
from .memory import room_for
from .tasks import Log, Task, linears_of

if TYPE_CHECKING:
    from tqdm import tqdm

PER_NETWORK = ("lr", "optimiser", "momentum", "schedule", "seed")
ON_CPU = 16  # networks at once: enough to spread what a step costs beside products


def fit_many(
    networks: Sequence[nn.Module],
    data: Dataset,
    *,
    epochs: int,
    lr: float | Sequence[float],
    optimiser: str | Sequence[str] = "sgd",
    momentum: float | Sequence[float] = 0.0,
    schedule: str | Sequence[str] = "constant",
    batch_size: int = 128,
    seed: int | Sequence[int] = 0,
    device: str | torch.device = "cpu",
    progress: bool = True,
    loss: str = "auto",
    log: Log | Sequence[Log] | None = None,
    together: int | None = None,
) -> list[Run]:
    """Train all ``networks`` on ``data``, in place, as many at once as can be.

    Parameters
    ----------
    networks : modules, each with its own parameters.  Those with the same sizes,
        dtype, optimiser and momentum train together; activations, starts, step sizes,
        schedules and seeds may differ within a group.  What :func:`why_alone` gives a
        reason for trains alone, by ``training.fit``.
    data, epochs, batch_size, device, progress, loss : as in ``training.fit``.
    lr, optimiser, momentum, schedule, seed : as there; one for all, or a list with one
        for each network.
    log : as there, or a list of such functions, one for each network.
    together : how many networks at once, at most; None takes what :func:`memory_of`
        says fits half of the free memory, on the CPU no more than 16.

    Returns a :class:`~actlab.training.Run` per network, in their order.  Its
    ``seconds`` are the network's share of its group's time.  A loss that is inf or nan
    ends that network's training alone: its parameters stay those before that step, and
    ``error`` holds what ``training.fit`` would have raised.  Start and batches are
    those of a single run to the bit, sums are rounded differently: losses drift apart
    as between two processors.  Parameters have no ``grad`` afterwards.  Raises
    ``ValueError`` for settings that make no sense and for lists of a wrong length.
    """
    device = torch.device(device)
    given = {
        "lr": lr,
        "optimiser": optimiser,
        "momentum": momentum,
        "schedule": schedule,
        "seed": seed,
    }
    common = {"data": data.name, "epochs": epochs, "batch_size": batch_size}
    tasks = _tasks(networks, given, common | {"loss": loss}, log)
    criterion = training.criterion_for(loss, data.y_train)
    groups = _groups(tasks, data, together, device)
    data = data.to(device)
    with training.progress_bar(epochs * len(tasks), progress) as bar:
        for members in groups:
            alone = members[0].alone
            train = _fit_alone if alone else _fit_group
            train(members, data, criterion, device, bar)
    return [task.outcome for task in tasks]


# --- who trains with whom ----------------------------------------------------------


def _tasks(
    networks: Sequence[nn.Module],
    given: Mapping[str, Any],
    common: Mapping[str, Any],
    log: Log | Sequence[Log] | None,
) -> list[Task]:
    count = len(networks)
    lists = {name: _spread(name, value, count) for name, value in given.items()}
    logs = _spread("log", log or training.log_nothing, count)
    tasks = []
    for i, (network, each) in enumerate(zip(networks, logs)):
        own = {name: values[i] for name, values in lists.items()}
        # The order of training.fit's settings.
        names = ("data", "epochs", *PER_NETWORK[:4], "batch_size", "seed", "loss")
        settings = {name: {**common, **own}[name] for name in names}
        training.check_settings(settings)
        tasks.append(Task(network, settings, each))
    return tasks


def _spread(name: str, value: Any, count: int) -> list[Any]:
    """Return a setting for each network, given one for all or a list."""
    if isinstance(value, str) or not hasattr(value, "__len__"):
        return [value] * count
    values = value.tolist() if hasattr(value, "tolist") else list(value)
    if len(values) != count:
        raise ValueError(
            f"{name} has {len(values)} values for {count} networks; give one for all, "
            "or one for each"
        )
    return values


def _groups(
    tasks: list[Task], data: Dataset, together: int | None, device: torch.device
) -> list[list[Task]]:
    """Divide the tasks into groups that train at once, equal seeds side by side."""
    if together is not None and together < 1:
        raise ValueError(f"together is {together}; give 1 or more")
    owners: dict[int, int] = {}
    for task in tasks:
        for p in {id(p): p for p in task.network.parameters()}.values():
            owners[id(p)] = owners.get(id(p), 0) + 1
    for task in tasks:
        task.alone = _why_alone_here(task, data, owners)
        if task.alone is None:
            task.structure = structure(task.mlp)
    groups = [[task] for task in tasks if task.alone]
    kinds: dict[tuple, list[Task]] = {}
    for task in tasks:
        if not task.alone:
            kinds.setdefault(_kind(task), []).append(task)
    for members in kinds.values():
        size = together or _fitting(members[0], device)
        members = _in_order(members, device)
        groups += [members[i : i + size] for i in range(0, len(members), size)]
    return groups


def _why_alone_here(task: Task, data: Dataset, owners: Mapping[int, int]) -> str | None:
    if any(owners[id(p)] > 1 for p in task.network.parameters()):
        return "it shares parameters with another network of the list"
    if not data.y_train.is_floating_point() and data.y_train.min() < 0:
        return "some targets are below 0, which cross-entropy leaves out"
    return why_alone(task.network)


def _kind(task: Task) -> tuple:
    """What networks of one group have in common."""
    linears = linears_of(task.mlp)
    shapes = tuple(linear.weight.shape for linear in linears)
    dtype = linears[0].weight.dtype
    return shapes, dtype, task.settings["optimiser"], task.settings["momentum"]


def _fitting(task: Task, device: torch.device) -> int:
    most = ON_CPU if device.type != "cuda" else None
    settings = task.settings
    return room_for(
        task.mlp, device, most, settings["batch_size"], settings["optimiser"]
    )


def _in_order(members: list[Task], device: torch.device) -> list[Task]:
    """Sort so that slices are long: on the CPU of one seed, on a GPU of one function.

    On the CPU a batch costs more to gather than an activation to call.
    """
    numbers: dict[Any, int] = {}
    for task in members:
        for value in (("seed", task.settings["seed"]), task.structure):
            numbers.setdefault(value, len(numbers))

    def place(task: Task) -> tuple[int, int]:
        seed = numbers["seed", task.settings["seed"]]
        function = numbers[task.structure]
        return (seed, function) if device.type == "cpu" else (function, seed)

    return sorted(members, key=place)


# --- training ----------------------------------------------------------------------


def _fit_alone(
    members: list[Task],
    data: Dataset,
    criterion: Criterion,
    device: torch.device,
    bar: tqdm,
) -> None:
    """Train a group of one as ``training.fit`` does."""
    (task,) = members
    task.network.to(device)
    data = training.cast_inputs(task.network, data)
    task.run = training.attempt(
        task.network, data, task.settings, device, False, task.log
    )
    bar.update(task.settings["epochs"])


def _fit_group(
    members: list[Task],
    data: Dataset,
    criterion: Criterion,
    device: torch.device,
    bar: tqdm,
) -> None:
    """Train a group from beginning to end and hand out the runs."""
    for task in members:
        task.network.to(device)
    data = training.cast_inputs(members[0].network, data)
    start = time.perf_counter()
    group = Group(members, data, criterion, device)
    try:
        _log_epoch(group, 0, [math.nan] * len(members))
        for epoch in range(1, members[0].settings["epochs"] + 1):
            if any(task.error is None for task in members):
                means = _train_epoch(group, epoch)
                _log_epoch(group, epoch, means)
            bar.update(len(members))
    finally:
        group.release()
    seconds = (time.perf_counter() - start) / len(members)
    for task in members:
        history = pd.DataFrame(task.rows)
        task.run = Run(task.network, history, seconds, task.settings, task.error)


def _train_epoch(group: Group, epoch: int) -> list[float]:
    """Take each example once; return the mean losses, and note what broke down."""
    losses, rates = group.train(epoch)
    examples, batch_size = len(group.data.x_train), group.batch_size
    means = []
    for task, own, steps in zip(group.tasks, losses, rates):
        if task.error is None:
            task.error = training.breakdown_of(own, steps, epoch, task.last)
            task.last = own[-1]
        means.append(training.mean_loss(own, examples, batch_size))
    return means


def _log_epoch(group: Group, epoch: int, means: list[float]) -> None:
    """Add a row to the history of each network that still trains."""
    test_losses, accuracies = group.evaluate()
    for task, *numbers in zip(group.tasks, means, test_losses, accuracies):
        if task.error is None:
            names = ("train_loss", "test_loss", "test_accuracy")
            row = {"epoch": epoch} | dict(zip(names, numbers))
            task.rows.append({**row, **task.log(task.network, epoch)})
