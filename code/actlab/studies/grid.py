"""What a study varies: conditions, settings, declared grids, and where to find them.

A study is data.  How one of its runs is done stands in ``runners``, how all of them are
done in ``run``, what they leave on disk in ``records``, how it is read in ``read``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# Modules that declare studies, as a tuple named STUDIES; separated by commas.
COLLECTIONS = "ACTLAB_STUDIES"
DEFAULT_COLLECTIONS = "course.studies"


class StudyError(LookupError):
    """There is no such study, it has not been recorded, or it cannot run so."""


@dataclass(frozen=True)
class Condition:
    """One cell of a grid: everything about its runs but the seed.

    Each kind of run is a class of its own below this one, with the settings that it
    alone has, and ``runners`` says how it is done.  A default, once shipped, is never
    changed: names of records rest on it.

    Parameters
    ----------
    regime : what the study calls this way of training.
    activation : key of the catalogue, or another name that the kind of run knows.
    lr, momentum, optimiser : of the steps.
    init : name of the start, see ``networks``.
    epochs : passes over the data, or what the kind of run counts in their place.
    seeds_of_its_own : seeds in place of the study's 0, 1, 2, …
    """

    regime: str
    activation: str
    lr: float
    momentum: float = 0.0
    optimiser: str = "sgd"
    init: str = "default"
    epochs: int = 15
    seeds_of_its_own: tuple[int, ...] = ()


@dataclass(frozen=True)
class ClassifierRun(Condition):
    """A multilayer perceptron, or a small CNN, that learns to tell classes apart.

    Parameters
    ----------
    variant : a change of the activation that ``controls`` makes, ``"cnn"`` for the
        small convolutional network, or whatever else tells cells apart.
    shared : whether all layers share the activation's parameters.
    parameters : of the activation, pairs of name and value.
    schedule : of the learning rate, see ``training.fit``.
    held_out : how many of the last training examples are kept out of training; what the
        table calls test is measured on them.
    data, scale : name of a function in ``datasets`` and the scale of its inputs; the
        toy sets have none, which is "".
    sizes, batch_size : of the network, and of its training.
    """

    variant: str = ""
    shared: bool = False
    parameters: tuple[tuple[str, float], ...] = ()
    schedule: str = "constant"
    held_out: int = 0
    data: str = "fashion_mnist"
    scale: str = "symmetric"
    sizes: tuple[int, ...] = (784, 256, 192, 128, 64, 10)
    batch_size: int = 128


@dataclass(frozen=True)
class TransformerRun(Condition):
    """A small transformer that learns to continue text.

    ``activation`` names the kind of its feed-forward block, see ``language``; an epoch
    is fifty steps.
    """

    optimiser: str = "adam"
    data: str = "python_documentation"
    batch_size: int = 32


@dataclass(frozen=True)
class Setting:
    """Everything that decides one run; equal settings give equal results."""

    condition: Condition
    seed: int

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits that stay the same on every machine."""
        text = json.dumps(declared(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


Growth = Callable[["pd.DataFrame"], Sequence[Condition]]


@dataclass(frozen=True)
class Study:
    """A declared grid: each condition with each seed.

    Parameters
    ----------
    name, question : what it is called, what it asks.
    conditions : the cells of the grid.
    seeds : how many runs per cell, with seeds 0, 1, 2, …
    further : columns that the table has beside those of every study: fields of the
        condition, or what the runner logs.
    home : the package that owns it, whose folder ``results`` holds what was recorded;
        "" for a study that is tried and never recorded.
    growth : called with the table of the finished runs, returns the conditions that
        follow from it and are not in it yet; none ends the study.  So rates can be
        refined by a rule that was written down before the first run.
    picture : draws a table of it, finished or not, as a Matplotlib figure.
    ends_only : whether the table has only the last epoch of each run, for a study of
        so many runs that their courses would fill megabytes.
    """

    name: str
    question: str
    conditions: tuple[Condition, ...]
    seeds: int = 5
    further: tuple[str, ...] = ()
    home: str = ""
    growth: Growth | None = field(default=None, compare=False)
    picture: Callable[[pd.DataFrame], Figure] | None = field(
        default=None, compare=False
    )
    ends_only: bool = False

    def settings(self) -> list[Setting]:
        """Expand the grid into one :class:`Setting` per run."""
        return [
            Setting(condition, seed)
            for condition in self.conditions
            for seed in condition.seeds_of_its_own or range(self.seeds)
        ]

    def altered(self, seeds: int | None = None, epochs: int | None = None) -> Study:
        """Return the same study with another number of seeds or of epochs.

        Raises :class:`StudyError` for seeds of a study that grows: which runs it still
        needs follows from those that it declares.
        """
        if seeds is not None and self.growth is not None:
            raise StudyError(
                f"study {self.name!r} grows by its results, from the seeds that it "
                "declares; leave the number of seeds, or do fewer runs with a limit"
            )

        def alter(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
            if epochs is not None:
                conditions = [replace(c, epochs=epochs) for c in conditions]
            if seeds is not None:
                conditions = [
                    replace(c, seeds_of_its_own=c.seeds_of_its_own[:seeds])
                    for c in conditions
                ]
            return tuple(conditions)

        grown = self.growth
        return replace(
            self,
            conditions=alter(self.conditions),
            seeds=self.seeds if seeds is None else seeds,
            growth=grown and (lambda table: alter(grown(table))),
        )

    def grown(self, table: pd.DataFrame) -> Study:
        """Return the study with the conditions that follow from its finished runs."""
        further = tuple(self.growth(table)) if self.growth is not None else ()
        return replace(self, conditions=self.conditions + further)


_NOT_DATA = ("growth", "picture")  # fields of a study that are functions


def declared(record: Condition | Setting | Study) -> dict[str, Any]:
    """Return a record as plain dictionaries, with what differs from the defaults.

    So a field that comes later, with a default, renames nothing that was recorded.
    The kind of a condition is told by the name of its class.
    """
    result: dict[str, Any] = {}
    if isinstance(record, Condition):
        result["kind"] = type(record).__name__
    for part in fields(record):
        value = getattr(record, part.name)
        if part.name in _NOT_DATA or (
            part.default is not MISSING and value == part.default
        ):
            continue
        result[part.name] = _plain(value)
    return result


_SPELLED = ("lr", "activation", "init", "optimiser", "seeds_of_its_own")


def spelled(condition: Condition) -> dict[str, Any]:
    """Return a condition as :func:`declared` does, some defaults said as well."""
    return declared(condition) | {n: _plain(getattr(condition, n)) for n in _SPELLED}


def condensed(conditions: Sequence[Condition]) -> list[dict[str, Any]]:
    """Return conditions as few blocks of plain data.

    Those that differ in one thing only are one block; what differs stands as a list
    under its name in ``"each"``, and where several do, every combination is meant.
    :func:`expanded` undoes it, but for the order.
    """
    blocks = [spelled(condition) | {"each": {}} for condition in conditions]
    for name in _SPELLED:
        alike: dict[str, list[dict[str, Any]]] = {}
        for block in blocks:
            rest = {key: value for key, value in block.items() if key != name}
            alike.setdefault(json.dumps(rest, sort_keys=True), []).append(block)
        blocks = [_merged(members, name) for members in alike.values()]
    return blocks


def _merged(blocks: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return blocks that differ in ``name`` alone as one."""
    if len(blocks) == 1:
        return blocks[0]
    rest = {key: value for key, value in blocks[0].items() if key != name}
    values = [block[name] for block in blocks]
    return rest | {"each": rest["each"] | {name: values}}


def expanded(blocks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the conditions of :func:`condensed` blocks, one by one, as plain data.

    What stands alone in a record is a block of one.
    """
    found = []
    for block in blocks:
        fixed = {key: value for key, value in block.items() if key != "each"}
        each = block.get("each", {})
        for values in product(*each.values()):
            found.append(fixed | dict(zip(each, values)))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Condition):
        return declared(value)
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value


# Where studies are found -----------------------------------------------------------


def known() -> dict[str, Study]:
    """Return all studies that can be called by name.

    They are those of the modules that the environment variable ``ACTLAB_STUDIES``
    names, separated by commas; each holds a sequence ``STUDIES``.  By default that is
    ``course.studies``, where the course is installed.  Raises :class:`StudyError` for a
    module that is missing or declares none, and for two studies of one name.
    """
    named = os.environ.get(COLLECTIONS)
    modules = (named or DEFAULT_COLLECTIONS).split(",")
    found: dict[str, Study] = {}
    for module in (name.strip() for name in modules):
        if named is None and find_spec(module.partition(".")[0]) is None:
            continue  # the library without the course
        for study in _declared_in(module):
            if study.name in found:
                raise StudyError(f"two studies are named {study.name!r}")
            found[study.name] = study
    return found


def _declared_in(module: str) -> tuple[Study, ...]:
    try:
        return tuple(import_module(module).STUDIES)
    except (ModuleNotFoundError, AttributeError) as error:
        raise StudyError(
            f"{module!r} declares no studies ({error}); {COLLECTIONS} names modules "
            "that hold a sequence STUDIES, separated by commas"
        ) from error


def find(name: str) -> Study:
    """Return the study of that name; raise :class:`StudyError` if there is none."""
    studies = known()
    if name in studies:
        return studies[name]
    close = get_close_matches(str(name).replace("_", "-"), studies, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"choose one of {list(studies)}"
    raise StudyError(f"unknown study {name!r}; {hint}")
