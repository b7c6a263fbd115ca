"""Studies: declared grids of training runs, done in parallel, resumable, recorded.

``python -m actlab.studies list`` names them, ``run NAME`` does what is not done yet,
``status NAME`` says how far that is, ``show NAME`` prints what the course recorded.
Every finished run is on disk at once and is never done twice; the result is a tidy
table with its provenance beside it.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from .grids import STUDIES, Condition, Setting, Study, declared
from .records import (
    RecordError,
    read_record,
    record_of,
    study_provenance,
    write_record,
    write_table,
)
from .statistics import Interval, interval

__all__ = [
    "STUDIES",
    "Condition",
    "RecordError",
    "Setting",
    "Study",
    "StudyError",
    "declared",
    "final",
    "load",
    "main",
    "progress_of",
    "provenance",
    "run",
    "summary",
]

COLUMNS = [
    "study",
    "regime",
    "activation",
    "init",
    "optimiser",
    "lr",
    "momentum",
    "seed",
    "epoch",
    "train_loss",
    "test_loss",
    "test_accuracy",
]
SECONDS_TO_CONNECT = 20
# What tells the cells of a grid apart.
KEYS = ["regime", "activation", "init", "variant", "optimiser", "lr", "momentum"]


class StudyError(LookupError):
    """There is no such study, it has not been recorded, or it cannot run so."""


# A whole study ---------------------------------------------------------------------


def run(
    study: Study | str,
    *,
    jobs: int = -1,
    limit: int | None = None,
    out: str | Path | None = None,
    progress: bool = True,
    device: str = "cpu",
    scheduler: str | None = None,
    command: str | None = None,
) -> pd.DataFrame:
    """Do every run of a study that is not on disk yet; write its table; return it.

    Parameters
    ----------
    study : a :class:`Study` or the name of one in ``STUDIES``.
    jobs : processes side by side, one thread each; −1 for one per core.
    limit : do at most this many of the missing runs now.
    out : folder for the records of the runs (``runs/``), the table ``NAME.csv`` and
        its provenance ``NAME.json``; by default ``~/.cache/actlab/studies/NAME``.
    progress : whether to show a bar, which says how long it will still take.
    device : where the networks train, ``"cpu"`` or ``"cuda"``.
    scheduler : address of a running Dask scheduler, ``"tcp://host:8786"``, whose
        workers then do the runs in place of local processes.  Only this process writes
        files.  Whoever reaches that port can run code: never open it to strangers.
    command : what the provenance says that was called.

    May be interrupted or killed at any time; the next call goes on and ends with the
    same table.  Returns the table described at :func:`load`, with the runs that are
    done.  Raises :class:`StudyError` for settings that cannot be, :class:`RecordError`
    for a foreign file where a record belongs, ``OSError`` for a full disk; nothing is
    overwritten then.  Chapter 12.
    """
    study = _get(study) if isinstance(study, str) else study
    _check(study, jobs, limit, device)
    out = _default_out(study.name) if out is None else Path(out)
    folder = out / "runs"
    _refuse_foreign_table(study.name, out)
    missing = [s for s in study.settings() if read_record(s, folder) is None]
    # The longest first, so that no core waits long for the last one.
    missing.sort(key=lambda setting: -setting.condition.epochs)
    engine = _local(jobs) if scheduler is None else _cluster(scheduler)
    _execute_all(missing[:limit], folder, engine, device, progress)
    table = _table(study, folder)
    origin = study_provenance(study, folder, command or f"run({study.name!r})")
    write_table(study.name, table, origin, out)
    return table


def _check(study: Study, jobs: int, limit: int | None, device: str) -> None:
    if jobs == 0 or jobs < -1:
        raise StudyError(f"jobs is {jobs}; give a number of processes, or -1")
    if limit is not None and limit < 0:
        raise StudyError(f"limit is {limit}; give how many runs to do at most")
    settings = study.settings()
    if not settings:
        raise StudyError(
            f"study {study.name!r} has no run: it declares {len(study.conditions)} "
            f"conditions and {study.seeds} seeds"
        )
    if len({setting.id for setting in settings}) < len(settings):
        raise StudyError(
            f"study {study.name!r} declares one run twice: two of its conditions are "
            "equal"
        )
    if any(condition.epochs < 0 for condition in study.conditions):
        raise StudyError(f"study {study.name!r} has a condition of negative epochs")
    if device.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            raise StudyError(
                f"device is {device!r}, and torch sees no such device here"
            )


def _execute_all(
    settings: Sequence[Setting],
    folder: Path,
    engine: Any,
    device: str,
    progress: bool,
) -> None:
    from joblib import delayed
    from tqdm.auto import tqdm

    if not settings:
        return
    from . import runners

    runners.prepare(settings[0])  # complain or download here, once
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(setting.condition.epochs for setting in settings)
    with (
        engine as (parallel, here),
        tqdm(total=total, desc="model-epochs", disable=not progress) as bar,
    ):
        # Local workers write by themselves: what is finished stays, come what may.
        keep = folder if here else None
        tasks = (delayed(_execute)(setting, keep, device) for setting in settings)
        for setting, record in parallel(tasks):
            if record is not None:
                write_record(setting, record, folder)
            bar.update(setting.condition.epochs)


def _execute(
    setting: Setting, folder: Path | None, device: str = "cpu"
) -> tuple[Setting, dict[str, Any] | None]:
    """Do one run; keep its record in ``folder``, or return it if that is None."""
    record = record_of(setting, device)
    if folder is None:
        return setting, record
    write_record(setting, record, folder)
    return setting, None


@contextmanager
def _local(jobs: int) -> Iterator[tuple[Callable, bool]]:
    """Processes on this machine, one thread each."""
    from joblib import Parallel, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        yield Parallel(n_jobs=jobs, return_as="generator_unordered"), True


@contextmanager
def _cluster(scheduler: str) -> Iterator[tuple[Callable, bool]]:
    """The workers of a running Dask scheduler, through joblib's backend for it."""
    from joblib import Parallel, parallel_config

    try:
        from distributed import Client
    except ImportError:
        raise StudyError(
            "--scheduler needs Dask: pip install 'dask[distributed]', or the package "
            "with its extra, actlab[cluster]"
        ) from None
    try:
        client = Client(scheduler, timeout=SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise StudyError(
            f"no Dask scheduler answers at {scheduler!r} ({error}); start one with "
            "`dask scheduler` and workers with `dask worker ADDRESS --nthreads 1`"
        ) from error
    # batch_size=1: a killed worker costs its one run, which another does again.
    with client, parallel_config(backend="dask", wait_for_workers_timeout=60):
        yield (
            Parallel(n_jobs=-1, return_as="generator_unordered", batch_size=1),
            False,
        )


# Tables ----------------------------------------------------------------------------


def _table(study: Study, folder: Path) -> pd.DataFrame:
    """Gather the records into one row per run and epoch."""
    columns, frames = [*COLUMNS, *study.further], []
    for setting in study.settings():
        record = read_record(setting, folder)
        if record is not None:
            about = asdict(setting.condition) | {
                "study": study.name,
                "seed": setting.seed,
            }
            about = {name: about[name] for name in columns if name in about}
            frames.append(pd.DataFrame(record["history"]).assign(**about))
    if not frames:
        return pd.DataFrame(columns=columns)
    # reindex: a run that broke down logged nothing but its end.
    return pd.concat(frames, ignore_index=True).reindex(columns=columns)


def _refuse_foreign_table(name: str, folder: Path) -> None:
    """Stop before all work if a file in the way is not a table of this study."""
    path = folder / f"{name}.csv"
    if not path.exists():
        return
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} cannot be read ({error}); move it away") from error
    header, rows = ",".join(COLUMNS), lines[1:]
    if not lines or not lines[0].startswith(header):
        raise RecordError(f"{path} is no table of a study; move it away first")
    foreign = [row for row in rows if not row.startswith(f"{name},")]
    if foreign:
        raise RecordError(
            f"{path} holds rows of another study ({foreign[0].split(',')[0]!r}); move "
            "it away first, or choose --out"
        )


def _default_out(name: str) -> Path:
    return Path.home() / ".cache" / "actlab" / "studies" / name


def progress_of(study: Study | str, out: str | Path | None = None) -> pd.DataFrame:
    """Return how far a study is: one row per condition, with runs and seconds.

    Columns: those of the condition that the table has, done, declared, seconds (mean of
    one run, nan if none is done) and remaining (seconds of one thread, estimated from
    the mean of a model-epoch).  Raises as :func:`run`.  Chapter 12.
    """
    study = _get(study) if isinstance(study, str) else study
    folder = (_default_out(study.name) if out is None else Path(out)) / "runs"
    rows: dict[Condition, dict[str, Any]] = {}
    for setting in study.settings():
        about = asdict(setting.condition)
        keys = [key for key in KEYS if key != "variant" or key in study.further]
        row = rows.setdefault(
            setting.condition,
            {key: about[key] for key in keys} | {"done": 0, "declared": 0, "spent": []},
        )
        row["declared"] += 1
        record = read_record(setting, folder)
        if record is not None:
            row["done"] += 1
            row["spent"].append(record["seconds"])
    spent = [
        (sum(row["spent"]), max(condition.epochs, 1) * len(row["spent"]))
        for condition, row in rows.items()
    ]
    seconds, epochs = (sum(column) for column in zip(*spent))
    rate = seconds / epochs if epochs else math.nan
    for condition, row in rows.items():
        times = row.pop("spent")
        row["seconds"] = sum(times) / len(times) if times else math.nan
        left = row["declared"] - row["done"]
        own = row["seconds"] if times else rate * max(condition.epochs, 1)
        row["remaining"] = left * own if left else 0.0
    return pd.DataFrame(rows.values())


# Recorded results ------------------------------------------------------------------


def load(name: str) -> pd.DataFrame:
    """Return the recorded table of a study, one row per run and epoch.

    Columns: study, regime, activation, init, optimiser, lr, momentum, seed, epoch (from
    0, before training), train_loss (mean over the epoch's batches), test_loss,
    test_accuracy in percent, and the study's further columns.  Raises
    :class:`StudyError` for an unknown name, or if the study has not been recorded.
    Chapter 01.
    """
    with _recorded(name, "csv").open("r", encoding="utf-8") as file:
        table = pd.read_csv(file)
    # An empty name is a name, not a missing number.
    return table.fillna({"variant": ""}) if "variant" in table else table


def final(name: str, epoch: int | None = None) -> pd.DataFrame:
    """Return one row per run of a recorded study: its last epoch, or the given one.

    Raises :class:`StudyError` as :func:`load`, and ``ValueError`` if no run has that
    epoch.  Chapter 01.
    """
    return _at_epoch(load(name), epoch)


def provenance(name: str) -> dict[str, Any]:
    """Return where a recorded table comes from: grid, versions, machine, dates, time.

    Raises :class:`StudyError` as :func:`load`.  Chapter 12.
    """
    return json.loads(_recorded(name, "json").read_text("utf-8"))


def summary(table: pd.DataFrame, epoch: int | None = None) -> pd.DataFrame:
    """Return one row per condition: test accuracy over seeds with its 95 % interval.

    Parameters
    ----------
    table : as :func:`load` returns it.
    epoch : which; None for the last of each run.

    Runs that broke down are counted in ``broke_down`` and left out of the mean.
    """
    keys = [key for key in KEYS if key in table]
    rows = []
    for key, group in _at_epoch(table, epoch).groupby(keys, sort=False):
        values = group["test_accuracy"].dropna()
        row = dict(zip(keys, key)) | {"epoch": int(group["epoch"].max())}
        row["broke_down"] = len(group) - len(values)
        numbers = interval(values) if len(values) else Interval(*[math.nan] * 4, n=0)
        row["accuracy"] = str(numbers)
        rows.append(row | asdict(numbers))
    return pd.DataFrame(rows)


def _at_epoch(table: pd.DataFrame, epoch: int | None) -> pd.DataFrame:
    if epoch is None:
        runs = [*(key for key in KEYS if key in table), "seed"]
        last = table.groupby(runs, sort=False)["epoch"].transform("max")
        return table[table["epoch"] == last].reset_index(drop=True)
    rows = table[table["epoch"] == epoch].reset_index(drop=True)
    if rows.empty:
        raise ValueError(f"no run has epoch {epoch}; the last is {table.epoch.max()}")
    return rows


def _get(name: str) -> Study:
    if name in STUDIES:
        return STUDIES[name]
    close = get_close_matches(str(name).replace("_", "-"), STUDIES, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"choose one of {list(STUDIES)}"
    raise StudyError(f"unknown study {name!r}; {hint}")


def _recorded(name: str, suffix: str):
    _get(name)
    path = resources.files("actlab") / "results" / f"{name}.{suffix}"
    if not path.is_file():
        raise StudyError(
            f"study {name!r} has no recorded result; record it with: "
            f"python -m actlab.studies run {name} --record"
        )
    return path


# Command line ----------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; see ``python -m actlab.studies --help``.  Return 0 or 1."""
    from .study_command import main as run_main

    return run_main(arguments)


if __name__ == "__main__":
    # By its importable name, so that workers keep the data between runs.
    from actlab.studies import main as run_main

    sys.exit(run_main())
