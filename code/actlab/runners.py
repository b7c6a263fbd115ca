"""One run of a study: from its setting to its history, on one thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import nn

from . import catalogue, controls
from .grids import Condition, Setting
from .networks import MLP
from .training import NonFiniteLossError, fit

__all__ = ["RUNNERS", "execute", "prepare"]

History = dict[str, list[float]]


def execute(setting: Setting) -> tuple[History, float]:
    """Do one run; return its history, column by column, and its seconds.

    A run that breaks down is a result too: its one row says in which epoch and has no
    numbers, and its seconds are nan.  Raises ``KeyError`` for an unknown runner.
    Chapter 12.
    """
    with _one_thread():
        try:
            return RUNNERS[setting.runner](setting)
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
    from . import datasets

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


def _run_mlp(setting: Setting) -> tuple[History, float]:
    condition = setting.condition
    network = MLP(
        setting.sizes,
        _activation(condition),
        condition.init,
        shared=condition.shared,
        seed=setting.seed,
    )
    result = fit(
        network,
        _data(setting.data, setting.scale),
        epochs=condition.epochs,
        lr=condition.lr,
        optimiser=condition.optimiser,
        momentum=condition.momentum,
        batch_size=setting.batch_size,
        seed=setting.seed,
        progress=False,
        log=_activation_parameter,
    )
    return result.history.to_dict("list"), result.seconds


def _activation(condition: Condition) -> nn.Module:
    row = catalogue.get(condition.activation)
    activation = row.make(**dict(condition.parameters))
    return controls.VARIANTS[condition.variant](activation)


def _activation_parameter(network: MLP, epoch: int) -> dict[str, float]:
    """Return the mean of the numbers that the activations learn, if they learn any."""
    learnt = [p for p in network.activations.parameters() if p.requires_grad]
    if not learnt:
        return {}
    values = torch.cat([p.detach().flatten() for p in learnt])
    return {"parameter": values.mean().item()}


RUNNERS: dict[str, Callable[[Setting], tuple[History, float]]] = {"mlp": _run_mlp}
