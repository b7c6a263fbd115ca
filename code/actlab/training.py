"""One training run: seeded, repeatable, with everything resident in memory."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .datasets import Dataset
from .networks import lines_up

if TYPE_CHECKING:
    from tqdm import tqdm

# What a reader calls; the other public names serve ``together`` and ``probes``.
__all__ = [
    "LOSSES",
    "OPTIMISERS",
    "SCHEDULES",
    "NonFiniteLossError",
    "Run",
    "evaluate",
    "fit",
]

OPTIMISERS = ("sgd", "adam", "adamw")
LOSSES = ("auto", "cross_entropy", "mse")
SCHEDULES = ("constant", "cosine")
Criterion = Callable[[Tensor, Tensor], Tensor]

EVALUATION_BATCH = 1000  # rows at a time: small enough to stay in the processor's cache


class NonFiniteLossError(RuntimeError):
    """The loss became inf or nan.

    ``epoch`` and ``step`` (within the epoch, both from 1) say where, ``loss`` what it
    was, ``before`` what it had been one step earlier (None at the first step).
    """

    def __init__(
        self, epoch: int, step: int, loss: float, before: float | None, lr: float
    ) -> None:
        self.epoch, self.step, self.loss, self.before = epoch, step, loss, before
        first = "it was the first of all steps"
        last = first if before is None else f"the loss before was {before:.4g}"
        cause = (
            "the network's output for this input is already too large: look at the "
            "scale of the inputs, the initialisation and the activation"
            if before is None
            else f"a step size too large (lr is {lr:g}) makes each step overshoot more "
            "than the last, until numbers overflow: try a tenth of it, or look at the "
            "initialisation and at an activation that grows without bound"
        )
        super().__init__(
            f"the loss became {loss} in epoch {epoch}, step {step} ({last}). "
            f"Training stopped there, because every later weight would be nan. "
            f"Usual reason: {cause}."
        )


@dataclass(eq=False)
class Run:
    """What :func:`fit` returns: the trained network and how it got there.

    ``history`` has one row per epoch, from 0 (before training): epoch, train_loss (mean
    over the epoch's batches, while the weights move; nan at epoch 0), test_loss and
    test_accuracy in percent (nan for regression).  ``seconds`` is the wall time.
    ``error`` is None here; :func:`~actlab.together.fit_many` puts the error there that
    ended one of its runs, and ``history`` then ends with the last whole epoch.
    """

    network: nn.Module = field(repr=False)
    history: pd.DataFrame = field(repr=False)
    seconds: float
    settings: dict[str, Any]
    error: NonFiniteLossError | None = None

    @property
    def accuracy(self) -> float:
        """Final test accuracy in percent; nan for regression."""
        return float(self.history["test_accuracy"].iloc[-1])

    @property
    def loss(self) -> float:
        """Final test loss."""
        return float(self.history["test_loss"].iloc[-1])


def fit(
    network: nn.Module,
    data: Dataset,
    *,
    epochs: int,
    lr: float,
    optimiser: str = "sgd",
    momentum: float = 0.0,
    schedule: str = "constant",
    batch_size: int = 128,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: bool = True,
    loss: str = "auto",
    log: Callable[[nn.Module, int], Mapping[str, float]] | None = None,
) -> Run:
    """Train ``network`` on ``data``, in place.

    Parameters
    ----------
    network : a module from inputs to logits (or to targets, in regression).
    data : a :class:`~actlab.datasets.Dataset`.
    epochs : passes over the training set.
    lr : step size.
    optimiser : ``"sgd"``, ``"adam"`` or ``"adamw"``.
    momentum : of SGD only.
    schedule : ``"constant"``, or ``"cosine"``: the step size falls from ``lr`` at the
        first step to 0 after the last, along half a cosine.
    batch_size : examples per step; the last batch of an epoch may be smaller.
    seed : of the order of the examples, and of random layers such as dropout.
    device : where the training runs.
    progress : whether to show a bar.
    loss : ``"cross_entropy"``, ``"mse"``, or ``"auto"``: cross-entropy for whole-number
        targets, mean squared error for others.
    log : called with the network and the epoch for each row of the history, before
        training (epoch 0) too; the numbers that it returns become further columns.

    Returns a :class:`Run`.  The same seed gives the same bits on the same machine with
    the same number of threads; torch's global generators are left as they were.  Raises
    :class:`NonFiniteLossError` for the first step whose loss is inf or nan, and
    ``ValueError`` for settings that make no sense.  On the CPU such a step ends the
    training at once; on another device, where reading the loss would mean to wait for
    it, at the end of its epoch.  Chapter 01.
    """
    settings = {
        "data": data.name,
        "epochs": epochs,
        "lr": lr,
        "optimiser": optimiser,
        "momentum": momentum,
        "schedule": schedule,
        "batch_size": batch_size,
        "seed": seed,
        "loss": loss,
    }
    check_settings(settings)
    for y in (data.y_train, data.y_test):
        criterion_for(loss, y)
    network.to(device)
    data = cast_inputs(network, data.to(device))
    run = attempt(network, data, settings, device, progress, log)
    if run.error is not None:
        raise run.error
    return run


def evaluate(
    network: nn.Module, x: Tensor, y: Tensor, *, loss: str = "auto"
) -> tuple[float, float]:
    """Return the mean loss and the accuracy in percent (nan for regression).

    ``x`` has shape (examples, inputs); whole-number targets ``y`` mean classification
    with cross-entropy, others regression with mean squared error, unless ``loss`` says
    which, as in :func:`fit`.  Dropout and its like are off meanwhile; inputs are cast
    to the network's number type, with a warning.  Raises ``ValueError`` for one-hot
    targets.  Chapter 01.
    """
    criterion = criterion_for(loss, y)
    return _evaluate(network, lines_up(network, x), y, criterion)


def attempt(
    network: nn.Module,
    data: Dataset,
    settings: Mapping[str, Any],
    device: str | torch.device,
    progress: bool,
    log: Callable[[nn.Module, int], Mapping[str, float]] | None,
) -> Run:
    """Train with checked settings; the run holds the error that ended it, if any."""
    epochs, batch_size = settings["epochs"], settings["batch_size"]
    criterion = criterion_for(settings["loss"], data.y_train)
    stepper = _optimiser(
        network, settings["optimiser"], settings["lr"], settings["momentum"]
    )
    steps = epochs * math.ceil(len(data.x_train) / batch_size)
    clock = clock_for(stepper, settings["schedule"], steps)
    start = time.perf_counter()
    generator = torch.Generator().manual_seed(settings["seed"])
    log = log or log_nothing
    rows = [{**_row(0, math.nan, network, data, criterion), **log(network, 0)}]
    last = error = None
    with (
        _random_layers(settings["seed"], device),
        progress_bar(epochs, progress) as bar,
    ):
        for epoch in range(1, epochs + 1):
            order = torch.randperm(len(data.x_train), generator=generator).to(device)
            batches = _batches(data, order, batch_size)
            losses, rates = _train_epoch(network, batches, stepper, criterion, clock)
            error = breakdown_of(losses, rates, epoch, last)
            if error is not None:
                break
            last = losses[-1]
            mean = mean_loss(losses, len(order), batch_size)
            row = _row(epoch, mean, network, data, criterion)
            rows.append({**row, **log(network, epoch)})
            bar.set_postfix_str(_summary(rows[-1]), refresh=False)
            bar.update()
    seconds = time.perf_counter() - start
    return Run(network, pd.DataFrame(rows), seconds, dict(settings), error)


def _train_epoch(
    network: nn.Module,
    batches: Iterator[tuple[Tensor, Tensor]],
    stepper: torch.optim.Optimizer,
    criterion: Criterion,
    clock: Callable[[], None],
) -> tuple[list[float], list[float]]:
    """Train on each batch; return each step's loss and step size.

    The losses stay on the device until the end: to read one is to wait for it.
    """
    network.train()
    parameters = [p for group in stepper.param_groups for p in group["params"]]
    losses, rates = [], []
    for x, y in batches:
        loss = criterion(network(x), y)
        losses.append(loss.detach())
        rates.append(stepper.param_groups[0]["lr"])
        if _read_at_once(loss) and not math.isfinite(loss.item()):
            break
        for parameter in parameters:  # stepper.zero_grad() without its bookkeeping
            parameter.grad = None
        loss.backward()
        stepper.step()
        clock()
    return torch.stack(losses).tolist(), rates


def _read_at_once(loss: Tensor) -> bool:
    """Whether reading the number is free: on the CPU there is nothing to wait for."""
    return loss.device.type == "cpu"


def breakdown_of(
    losses: list[float], rates: list[float], epoch: int, before: float | None
) -> NonFiniteLossError | None:
    """Return the error of the first step whose loss is inf or nan, if there is one."""
    for step, (loss, lr) in enumerate(zip(losses, rates), start=1):
        if not math.isfinite(loss):
            return NonFiniteLossError(epoch, step, loss, before, lr)
        before = loss
    return None


def mean_loss(losses: list[float], examples: int, batch_size: int) -> float:
    """Return the mean over the examples; the last batch may hold fewer of them."""
    sizes = [batch_size] * (len(losses) - 1)
    sizes.append(examples - sum(sizes))
    return sum(loss * size for loss, size in zip(losses, sizes)) / examples


def _batches(
    data: Dataset, order: Tensor, batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield inputs and targets in the given order, always in the same memory.

    Fresh memory for each batch costs as much time as filling it.
    """
    x, y = data.x_train, data.y_train
    rows = min(batch_size, len(order))
    room_x = x.new_empty(rows, *x.shape[1:])
    room_y = y.new_empty(rows, *y.shape[1:])
    for index in order.split(batch_size):
        n = len(index)
        torch.index_select(x, 0, index, out=room_x[:n])
        torch.index_select(y, 0, index, out=room_y[:n])
        yield room_x[:n], room_y[:n]


@torch.no_grad()
def _evaluate(
    network: nn.Module, x: Tensor, y: Tensor, criterion: Criterion
) -> tuple[float, float]:
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    losses, right = [], []
    try:
        for batch, target in zip(x.split(EVALUATION_BATCH), y.split(EVALUATION_BATCH)):
            output = network(batch)
            losses.append(criterion(output, target))
            if criterion is F.cross_entropy:
                right.append((output.argmax(1) == target).sum())
    finally:  # each as it was: a frozen batch norm stays frozen
        for module, mode in modes:
            module.training = mode
    mean = mean_loss(torch.stack(losses).tolist(), len(x), EVALUATION_BATCH)
    accuracy = 100 * sum(torch.stack(right).tolist()) / len(x) if right else math.nan
    return mean, accuracy


def _row(
    epoch: int,
    train_loss: float,
    network: nn.Module,
    data: Dataset,
    criterion: Criterion,
) -> dict[str, float]:
    test_loss, accuracy = _evaluate(network, data.x_test, data.y_test, criterion)
    return {
        "epoch": epoch,
        "train_loss": train_loss,
        "test_loss": test_loss,
        "test_accuracy": accuracy,
    }


def log_nothing(network: nn.Module, epoch: int) -> dict[str, float]:
    """Return no further column: the log of runs that have none."""
    return {}


def _summary(row: dict[str, float]) -> str:
    if math.isnan(row["test_accuracy"]):
        return f"test loss {row['test_loss']:.4g}"
    return f"test {row['test_accuracy']:.1f} %"


def _optimiser(
    network: nn.Module, name: str, lr: float, momentum: float
) -> torch.optim.Optimizer:
    parameters = [p for p in network.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError("the network has no parameter to train")
    # One fused kernel for all parameters instead of several per parameter.
    fused = all(p.device.type in ("cpu", "cuda") for p in parameters)
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=lr, momentum=momentum, fused=fused)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    return kind(parameters, lr=lr, fused=fused)


def clock_for(
    stepper: torch.optim.Optimizer, schedule: str, steps: int
) -> Callable[[], None]:
    """Return what is called after each step, to set the size of the next."""
    if schedule == "constant" or not steps:
        return _no_change
    return torch.optim.lr_scheduler.CosineAnnealingLR(stepper, steps).step


def _no_change() -> None:
    return


def criterion_for(loss: str, y: Tensor) -> Criterion:
    """Return the loss by its name, fit for targets ``y``; ``ValueError`` otherwise."""
    choose("loss", loss, LOSSES)
    _check_classes(loss, y)
    if loss == "auto":
        loss = "mse" if y.is_floating_point() else "cross_entropy"
    if loss == "cross_entropy" and y.is_floating_point():
        raise ValueError(
            f"cross-entropy needs whole-number class targets; these are {y.dtype}. "
            "Use y.long(), or loss='mse' for regression"
        )
    if loss == "mse" and not y.is_floating_point():
        raise ValueError(
            f"mse needs targets with decimals; these are whole-number ({y.dtype}). "
            "Use y.float(), or loss='cross_entropy' for classes"
        )
    return mean_squared_error if loss == "mse" else F.cross_entropy


def _check_classes(loss: str, y: Tensor) -> None:
    """Refuse class targets in a form that cross-entropy reads wrongly or not at all."""
    if loss == "mse":
        return
    shape = tuple(y.shape)
    if _one_hot(y):
        real = y.is_floating_point()
        raise ValueError(
            f"the targets have shape {shape} and look one-hot: a single 1 in each row. "
            f"Give class numbers, {'y' if y.dtype != torch.bool else 'y.long()'}"
            ".argmax(1); to fit the zeros and ones as they are, "
            f"{'' if real else 'y.float() and '}loss='mse'"
        )
    if y.is_floating_point():
        return
    if y.ndim == 2 and y.shape[1] == 1:
        raise ValueError(
            f"the class targets have shape {shape}; one number per example is wanted, "
            "y[:, 0]"
        )
    if y.dtype not in (torch.int64, torch.uint8):  # those that torch takes
        raise ValueError(f"the class targets are {y.dtype}; use y.long()")


def _one_hot(y: Tensor) -> bool:
    if y.ndim != 2 or y.shape[1] < 2 or not len(y) or y.device.type == "meta":
        return False
    return bool(((y == 0) | (y == 1)).all() and (y.sum(1) == 1).all())


def mean_squared_error(output: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error; ``ValueError`` for shapes that do not match."""
    if output.numel() != target.numel():
        raise ValueError(
            f"the network's output has shape {tuple(output.shape)} and the targets "
            f"{tuple(target.shape)}; the last of its sizes must match the targets"
        )
    # Shapes (n, 1) and (n,) would broadcast to (n, n) and train on nonsense.
    return F.mse_loss(output, target.reshape(output.shape).to(output.dtype))


def cast_inputs(network: nn.Module, data: Dataset) -> Dataset:
    """Cast the inputs to the network's number type, and say so."""
    train = lines_up(network, data.x_train)
    test = lines_up(network, data.x_test, say=train is data.x_train)
    if train is data.x_train and test is data.x_test:
        return data
    return replace(data, x_train=train, x_test=test)


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` for settings of a run that make no sense."""
    optimiser, lr, momentum = (settings[k] for k in ("optimiser", "lr", "momentum"))
    choose("optimiser", optimiser, OPTIMISERS)
    choose("schedule", settings["schedule"], SCHEDULES)
    choose("loss", settings["loss"], LOSSES)
    for name in ("epochs", "batch_size"):
        value = settings[name]
        if not isinstance(value, Integral) or value < (name == "batch_size"):
            raise ValueError(f"{name} is {value!r}; give a positive whole number")
    if not (isinstance(lr, Real) and math.isfinite(lr) and float(lr) > 0):
        raise ValueError(f"lr is {lr!r}; give a positive number, for instance 0.1")
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum is {momentum!r}; give a number from 0 to below 1")
    if momentum and optimiser != "sgd":
        raise ValueError(
            f"momentum is a setting of optimiser='sgd'; {optimiser!r} has its own "
            "averages, so leave momentum out"
        )


def choose(what: str, name: str, choices: tuple[str, ...]) -> None:
    """Raise ``ValueError`` with the nearest choice unless ``name`` is one."""
    if name in choices:
        return
    close = get_close_matches(str(name), choices, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"choose one of {list(choices)}"
    raise ValueError(f"unknown {what} {name!r}; {hint}")


@contextmanager
def _random_layers(seed: int, device: str | torch.device) -> Iterator[None]:
    """Seed torch's generators inside the block only, for dropout and its like."""
    device = torch.device(device)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed(seed)
        yield


def progress_bar(epochs: int, progress: bool) -> tqdm:
    """Return a bar over epochs that leaves nothing behind."""
    with warnings.catch_warnings():
        # Where notebook widgets are missing tqdm says so; its bar of text will do.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    # Not disable=False: the environment variable TQDM_DISABLE is to have its say.
    off: dict[str, Any] = {} if progress else {"disable": True}
    # Leave nothing behind: a finished bar in a notebook's output is noise.
    return tqdm(total=epochs, desc="epochs", leave=False, **off)
