"""One run of a study: from its setting to its history, on one thread.

``register`` tells how a kind of run, a class of
:class:`~actlab.studies.grid.Condition`, is done; the two kinds of the library are at
the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd
import torch
from torch import nn

from .. import catalogue, controls, datasets, language
from ..networks import MLP, SmallCNN
from ..together import fit_many, room_for
from ..training import NonFiniteLossError, fit
from .grid import ClassifierRun, Condition, Setting, TransformerRun

History = dict[str, list[Any]]
Log = Callable[[nn.Module, int], Mapping[str, Any]]
Runner = Callable[[Setting, str], tuple[History, float]]
GroupRunner = Callable[[Sequence[Setting], str], list[tuple[History, float]]]

CHECKPOINT = 50  # steps of the transformer between two rows of its history


@dataclass(frozen=True)
class Kind:
    """How a kind of run is done.

    ``run`` takes a setting and a device and returns the history, column by column, and
    the seconds; ``prepare`` loads what the runs need; ``hashes`` gives the SHA-256 of
    the files that they read, by name, or None where there are none.  ``together``
    does several settings at once, if they can be: those whose ``shape`` is equal.
    ``room`` takes a condition, a device, how many at most, and the number of processes
    that share the memory, and returns how many such runs at once the memory holds.
    """

    run: Runner
    prepare: Callable[[Any], object]
    hashes: Callable[[Any], dict[str, str] | None]
    together: GroupRunner | None
    shape: Callable[[Any], Hashable]
    room: Callable[[Any, str, int, int], int]


_KINDS: dict[type[Condition], Kind] = {}


def register(
    kind: type[Condition],
    run: Runner,
    *,
    prepare: Callable[[Any], object] = lambda condition: None,
    hashes: Callable[[Any], dict[str, str] | None] = lambda condition: None,
    together: GroupRunner | None = None,
    shape: Callable[[Any], Hashable] = lambda condition: None,
    room: Callable[[Any, str, int, int], int] = lambda condition, device, most, n: most,
) -> None:
    """Say how runs of one class of condition are done; see :class:`Kind`.

    Called where the class is declared, so that whoever can read a setting can run it.
    Chapter 12.
    """
    _KINDS[kind] = Kind(run, prepare, hashes, together, shape, room)


def _kind(condition: Condition) -> Kind:
    try:
        return _KINDS[type(condition)]
    except KeyError:
        raise LookupError(
            f"nothing says how a {type(condition).__name__} is run; register it"
        ) from None


def execute(setting: Setting, device: str = "cpu") -> tuple[History, float]:
    """Do one run on ``device``; return its history, column by column, and its seconds.

    A run that breaks down is a result too: its one row says in which epoch and has no
    numbers, and its seconds are nan.  Raises ``LookupError`` for an unknown kind of
    run.  Chapter 12.
    """
    kind = _kind(setting.condition)
    with _one_thread():
        try:
            return kind.run(setting, device)
        except NonFiniteLossError as error:
            return _broken(error)


def execute_group(
    settings: Sequence[Setting], device: str = "cpu"
) -> list[tuple[History, float]]:
    """Do runs of one group of :func:`groups`; return for each what execute does.

    The seconds of a run are its share of the group's.  Chapter 12.
    """
    kind = _kind(settings[0].condition)
    if kind.together is None or len(settings) == 1:
        return [execute(setting, device) for setting in settings]
    with _one_thread():
        return kind.together(settings, device)


def room(settings: Sequence[Setting], device: str, most: int, processes: int) -> int:
    """Return how many runs at once the memory holds, of the largest kind of network.

    Parameters
    ----------
    settings : what is to be run.
    device, processes : where, and how many processes share its memory.
    most : no more than so many; a half, a quarter … of it where memory is short.

    Chapter 12.
    """
    alike: dict[Hashable, Condition] = {}
    for condition in {setting.condition for setting in settings}:
        kind = _kind(condition)
        if kind.together is not None:
            alike[type(condition), kind.shape(condition)] = condition
    sizes = [_kind(c).room(c, device, most, processes) for c in alike.values()]
    return min(sizes, default=most)


def groups(settings: Sequence[Setting], size: int) -> list[tuple[Setting, ...]]:
    """Divide runs into groups of at most ``size`` that can be done at once.

    Who is with whom depends on settings and size alone, not on what is done already,
    so that a study that was stopped ends with the same bits.  Runs of one seed lie side
    by side, because they share their batches.  Chapter 12.
    """
    alike: dict[Hashable, list[Setting]] = {}
    for place, setting in enumerate(settings):
        kind = _kind(setting.condition)
        shape: Hashable = place  # alone
        if kind.together is not None and size > 1:
            shape = (type(setting.condition), kind.shape(setting.condition))
        alike.setdefault(shape, []).append(setting)
    found = []
    for members in alike.values():
        members.sort(key=lambda setting: setting.seed)
        found += [
            tuple(members[start : start + size])
            for start in range(0, len(members), size)
        ]
    return found


def _broken(error: NonFiniteLossError) -> tuple[History, float]:
    """Return the history of a run that broke down: its one row says in which epoch."""
    names = ("train_loss", "test_loss", "test_accuracy")
    row: History = {"epoch": [error.epoch]}
    return row | {name: [math.nan] for name in names}, math.nan


def prepare(condition: Condition) -> None:
    """Load what the run needs, so that what is missing is said before all runs."""
    _kind(condition).prepare(condition)


def data_hashes(condition: Condition) -> dict[str, str] | None:
    """Return the SHA-256 of the files that the run reads; None if it reads none."""
    return _kind(condition).hashes(condition)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def on_cpu(run: Callable[[Setting], tuple[History, float]]) -> Runner:
    """Return a runner for networks so small that no other device helps."""

    def runner(setting: Setting, device: str) -> tuple[History, float]:
        if device != "cpu":
            raise ValueError(
                f"{type(setting.condition).__name__} trains tiny networks on the CPU; "
                f"leave out --device {device}"
            )
        return run(setting)

    return runner


# A classifier ----------------------------------------------------------------------


@cache
def load_data(name: str, scale: str = "") -> datasets.Dataset:
    """Load data by the name of a function of ``datasets``, once per worker process."""
    source = getattr(datasets, name)
    return source(scale=scale) if scale else source()


def same_activation(activation: nn.Module) -> nn.Module:
    """Return the activation: the change that is none."""
    return activation


def fit_classifier(
    setting: Setting,
    device: str,
    log: Log,
    change: Callable[[nn.Module], nn.Module] = same_activation,
) -> tuple[History, float]:
    """Train the network of a :class:`~actlab.studies.grid.ClassifierRun`.

    Parameters
    ----------
    setting, device : the run, and where.
    log : called with network and epoch, gives further columns; see ``training.fit``.
    change : what is done to the activation before the network is built.

    Returns the history and the seconds.  Raises as ``training.fit``.  Chapter 12.
    """
    condition = _classifier_run(setting)
    result = fit(
        _classifier(setting, change),
        _data_of(condition),
        epochs=condition.epochs,
        lr=condition.lr,
        optimiser=condition.optimiser,
        momentum=condition.momentum,
        schedule=condition.schedule,
        batch_size=condition.batch_size,
        seed=setting.seed,
        device=device,
        progress=False,
        log=log,
    )
    return _columns(result.history), result.seconds


def _columns(history: pd.DataFrame) -> History:
    return {str(name): history[name].tolist() for name in history}


def _classifier_run(setting: Setting) -> ClassifierRun:
    assert isinstance(setting.condition, ClassifierRun)
    return setting.condition


def _data_of(condition: ClassifierRun) -> datasets.Dataset:
    data = load_data(condition.data, condition.scale)
    return data.held_out(condition.held_out) if condition.held_out else data


def _classifier(
    setting: Setting, change: Callable[[nn.Module], nn.Module]
) -> nn.Module:
    """Build the network of a run, untrained."""
    condition = _classifier_run(setting)
    with torch.random.fork_rng(devices=[]):  # some activations draw their start
        torch.default_generator.manual_seed(setting.seed)
        row = catalogue.get(condition.activation)
        activation = change(row.make(**dict(condition.parameters)))
    if condition.variant == "cnn":
        return SmallCNN(activation, condition.init, setting.seed)
    return MLP(
        condition.sizes,
        activation,
        condition.init,
        shared=condition.shared,
        seed=setting.seed,
    )


def _fit_classifiers(
    settings: Sequence[Setting], device: str
) -> list[tuple[History, float]]:
    """Train the networks of several runs at once."""
    conditions = [
        s.condition for s in settings if isinstance(s.condition, ClassifierRun)
    ]
    networks = [
        _classifier(setting, controls.VARIANTS[condition.variant])
        for setting, condition in zip(settings, conditions, strict=True)
    ]
    runs = fit_many(
        networks,
        _data_of(conditions[0]),
        epochs=conditions[0].epochs,
        lr=[c.lr for c in conditions],
        optimiser=conditions[0].optimiser,
        momentum=conditions[0].momentum,
        schedule=[c.schedule for c in conditions],
        batch_size=conditions[0].batch_size,
        seed=[setting.seed for setting in settings],
        device=device,
        progress=False,
        log=_activation_parameter,
        together=len(settings),
    )
    return [
        _broken(run.error) if run.error else (_columns(run.history), run.seconds)
        for run in runs
    ]


def _shape_of_classifier(condition: ClassifierRun) -> Hashable:
    """What networks that train at once have in common."""
    return (
        *(condition.data, condition.scale, condition.held_out, condition.sizes),
        *(condition.batch_size, condition.epochs),
        *(condition.optimiser, condition.momentum, condition.variant == "cnn"),
    )


def _room_for_classifiers(
    condition: ClassifierRun, device: str, most: int, processes: int
) -> int:
    network = MLP(condition.sizes, nn.ReLU())  # functions add little to its memory
    optimiser = condition.optimiser
    return room_for(network, device, most, condition.batch_size, optimiser, processes)


def _run_classifier(setting: Setting, device: str) -> tuple[History, float]:
    change = controls.VARIANTS[_classifier_run(setting).variant]
    return fit_classifier(setting, device, _activation_parameter, change)


def _activation_parameter(network: nn.Module, epoch: int) -> dict[str, float]:
    """Return the mean of the numbers that the activations learn, if they learn any."""
    assert isinstance(network, MLP | SmallCNN)
    learnt = [p for p in network.activations.parameters() if p.requires_grad]
    if not learnt:
        return {}
    values = torch.cat([p.detach().flatten() for p in learnt])
    return {"parameter": values.mean().item()}


def hashes_of_classifier(condition: ClassifierRun) -> dict[str, str] | None:
    """Return the SHA-256 of the files that hold the run's data, if any do."""
    if condition.data == "fashion_mnist":
        return dict(datasets.FASHION_MNIST_SHA256)
    return None


def prepare_classifier(condition: ClassifierRun) -> None:
    """Load the data of a run, or say what is missing."""
    load_data(condition.data, condition.scale)


register(
    ClassifierRun,
    _run_classifier,
    prepare=prepare_classifier,
    hashes=hashes_of_classifier,
    together=_fit_classifiers,
    shape=_shape_of_classifier,
    room=_room_for_classifiers,
)


# A transformer ---------------------------------------------------------------------


def _run_transformer(setting: Setting, device: str) -> tuple[History, float]:
    condition, text = setting.condition, language.corpus()
    assert isinstance(condition, TransformerRun)
    network = language.TextTransformer(
        len(text.vocabulary), condition.activation, seed=setting.seed
    )
    run = language.fit_language(
        network,
        text,
        steps=CHECKPOINT * condition.epochs,
        lr=condition.lr,
        batch_size=condition.batch_size,
        seed=setting.seed,
        checkpoints=condition.epochs,
        device=device,
    )
    history = run.history
    columns: History = {
        "epoch": list(range(len(history))),
        "step": history["step"].tolist(),
        "train_loss": history["train_loss"].tolist(),
        "test_loss": history["validation_loss"].tolist(),
        "test_accuracy": [math.nan] * len(history),
        "seconds": history["seconds"].tolist(),
    }
    return columns, run.seconds


def _hashes_of_text(condition: TransformerRun) -> dict[str, str]:
    text = language.corpus()
    return {text.name: text.sha256}


register(
    TransformerRun,
    _run_transformer,
    prepare=lambda condition: language.corpus(),
    hashes=_hashes_of_text,
)
