"""Reading a study: what is recorded, what it says per condition, how far it is."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import pandas as pd

from ..statistics import Interval, interval
from .grid import Study, StudyError, expanded, find
from .records import read_record

# What tells the cells of a grid apart.
KEYS = [
    *("regime", "activation", "init", "variant", "change", "optimiser", "lr"),
    "momentum",
]
OF_SOME = ("variant", "change")  # which tables have only if their study asks for it
_NO_RUN = Interval(math.nan, math.nan, math.nan, math.nan, n=0)


def load(study: Study | str) -> pd.DataFrame:
    """Return the recorded table of a study, one row per run and epoch.

    Parameters
    ----------
    study : a :class:`~actlab.studies.Study`, or the name of one.

    Columns: study, regime, activation, init, optimiser, lr, momentum, seed, epoch (from
    0, before training), train_loss (mean over the epoch's batches), test_loss,
    test_accuracy in percent, and the study's further columns.  Raises
    :class:`StudyError` for an unknown name, or if the study has not been recorded.
    Chapter 01.
    """
    with _recorded(study, "csv").open("r", encoding="utf-8") as file:
        table = pd.read_csv(file)
    # An empty name is a name, not a missing number.
    return table.fillna({"variant": ""}) if "variant" in table else table


def final(study: Study | str, epoch: int | None = None) -> pd.DataFrame:
    """Return one row per run of a recorded study: its last epoch, or the given one.

    Raises :class:`StudyError` as :func:`load`, and ``ValueError`` if no run has that
    epoch.  Chapter 01.
    """
    return _at_epoch(load(study), epoch)


def provenance(study: Study | str) -> dict[str, Any]:
    """Return where a recorded table comes from: grid, versions, machine, dates, time.

    Raises :class:`StudyError` as :func:`load`.  Chapter 12.
    """
    return json.loads(_recorded(study, "json").read_text("utf-8"))


def whole(study: Study | str) -> Study:
    """Return a recorded study with all the conditions that it grew by.

    They stand in its record: the table's five digits cannot always repeat a choice
    between rates that were equally good.  A study that does not grow comes back as it
    is.  Raises :class:`StudyError` as :func:`load`.  Chapter 12.
    """
    study = find(study) if isinstance(study, str) else study
    if study.growth is None:
        return study
    said = expanded(provenance(study)["grid"]["conditions"])
    kinds = {type(c).__name__: type(c) for c in study.conditions}
    conditions = (
        kinds[record.pop("kind")](**{k: _with_tuples(v) for k, v in record.items()})
        for record in said
    )
    return replace(study, conditions=tuple(conditions))


def _with_tuples(value: Any) -> Any:
    """Return a field as a condition has it, pairs in it too; JSON knows lists alone."""
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value


def is_recorded(study: Study) -> bool:
    """Say whether a study comes with a recorded result.  Chapter 12."""
    return bool(study.home) and _file(study, "csv").is_file()


def summary(table: pd.DataFrame, epoch: int | None = None) -> pd.DataFrame:
    """Return one row per condition: test accuracy over seeds with its 95 % interval.

    Parameters
    ----------
    table : as :func:`load` returns it.
    epoch : which; None for the last of each run.

    Runs that broke down are counted in ``broke_down`` and left out of the mean.
    Chapter 12.
    """
    keys = [key for key in KEYS if key in table]
    rows = []
    for key, group in _at_epoch(table, epoch).groupby(keys, sort=False):
        values = group["test_accuracy"].dropna()
        row = dict(zip(keys, key)) | {"epoch": int(group["epoch"].max())}
        row["broke_down"] = len(group) - len(values)
        numbers = interval(values) if len(values) else _NO_RUN
        row["accuracy"] = str(numbers)
        rows.append(row | asdict(numbers))
    return pd.DataFrame(rows)


def progress_of(study: Study, folder: Path) -> pd.DataFrame:
    """Return how far a study is: one row per condition, with runs and seconds.

    Parameters
    ----------
    study : the study, as declared or altered.
    folder : where the records of its runs lie.

    Columns: those of the condition that the table has, done, declared, seconds (mean of
    one run, nan if none is done) and remaining (seconds of one thread, estimated from
    the mean of a model-epoch).  Raises as :func:`actlab.studies.run`.  Chapter 12.
    """
    runs = pd.DataFrame(
        [
            {
                "condition": setting.condition,
                "epochs": max(setting.condition.epochs, 1),
                "done": record is not None,
                "seconds": record["seconds"] if record else math.nan,
            }
            for setting in study.settings()
            for record in [read_record(setting, folder)]
        ]
    )
    table = runs.groupby("condition", sort=False).agg(
        done=("done", "sum"),
        declared=("done", "size"),
        seconds=("seconds", "mean"),
        epochs=("epochs", "first"),
    )
    timed = runs.dropna(subset="seconds")
    rate = timed["seconds"].sum() / timed["epochs"].sum() if len(timed) else math.nan
    left = table["declared"] - table["done"]
    each = table["seconds"].fillna(rate * table.pop("epochs"))
    table["remaining"] = (left * each).where(left > 0, 0.0)
    keys = [key for key in KEYS if key not in OF_SOME or key in study.further]
    about = pd.DataFrame([asdict(condition) for condition in table.index])[keys]
    return about.join(table.reset_index(drop=True))


def _at_epoch(table: pd.DataFrame, epoch: int | None) -> pd.DataFrame:
    if epoch is None:
        runs = [*(key for key in KEYS if key in table), "seed"]
        last = table.groupby(runs, sort=False)["epoch"].transform("max")
        return table[table["epoch"] == last].reset_index(drop=True)
    rows = table[table["epoch"] == epoch].reset_index(drop=True)
    if rows.empty:
        raise ValueError(f"no run has epoch {epoch}; the last is {table.epoch.max()}")
    return rows


def _recorded(study: Study | str, suffix: str) -> Traversable:
    study = find(study) if isinstance(study, str) else study
    if not is_recorded(study):
        raise StudyError(
            f"study {study.name!r} has no recorded result; record it with: "
            f"python -m actlab.studies run {study.name} --record"
        )
    return _file(study, suffix)


def _file(study: Study, suffix: str) -> Traversable:
    return resources.files(study.home) / "results" / f"{study.name}.{suffix}"
