"""Doing a study: its runs in parallel, each kept at once, then table and origin.

May be killed at any moment; the next call goes on and ends with the same table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from . import runners
from .grid import Setting, Study, StudyError, find
from .records import (
    RecordError,
    read_record,
    record_of,
    remove_leftovers,
    study_provenance,
    uncommitted_changes,
    write_record,
    write_table,
)
from .records import other_code as made_by_other_code

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
OTHER_CODE = ("refuse", "redo", "keep")


def run(
    study: Study | str,
    *,
    jobs: int = -1,
    limit: int | None = None,
    out: str | Path | None = None,
    progress: bool = True,
    device: str = "cpu",
    scheduler: str | None = None,
    batch: int | None = None,
    command: str | None = None,
    record: bool = False,
    other_code: str = "refuse",
) -> pd.DataFrame:
    """Do every run of a study that is not on disk yet; write its table; return it.

    Parameters
    ----------
    study : a :class:`~actlab.studies.Study`, or the name of one.
    jobs : processes side by side, one thread each; −1 for one per core, or a single one
        where a GPU trains.
    limit : do this many of the missing runs now, rounded up to whole groups.
    out : folder for the records of the runs (``runs/``), the table ``NAME.csv`` and
        its provenance ``NAME.json``; by default ``~/.cache/actlab/studies/NAME``.
    progress : whether to show a bar, which says how long it will still take.
    device : where the networks train, ``"cpu"`` or ``"cuda"``.
    scheduler : address of a running Dask scheduler, ``"tcp://host:8786"``, whose
        workers then do the runs in place of local processes.  Only this process writes
        files.  Whoever reaches that port can run code: never open it to strangers.
    batch : how many networks of one shape train at once in a process, see
        ``together``; 1 for one by one, None for 16 on the CPU and 256 on a GPU, or the
        half, the quarter … that half of the free memory holds.  Who trains with whom
        depends on the study and on this number alone.
    command : what the provenance says that was called.
    record : whether the complete result becomes the one that is shipped, in the folder
        ``results`` of the study's home.
    other_code : what to do about runs on disk that other code, or another torch, has
        made: ``"refuse"`` to go on, ``"redo"`` them, or ``"keep"`` them, which the
        provenance then says.

    May be interrupted or killed at any time; the next call goes on and ends with the
    same table.  Returns the table described at :func:`actlab.studies.load`, with the
    runs that are done.  Raises :class:`StudyError` for settings that cannot be and for
    recording an incomplete study or from a tree with uncommitted changes,
    :class:`RecordError` for a foreign file where a record belongs and for runs of other
    code, ``OSError`` for a full disk; nothing is overwritten then.  Chapter 12.
    """
    study = find(study) if isinstance(study, str) else study
    _refuse_impossible(study, jobs, limit, batch, device, record)
    out = default_out(study.name) if out is None else Path(out)
    folder = out / "runs"
    _refuse_foreign_table(study.name, out)
    remove_leftovers(folder)
    if device.startswith("cuda") and jobs == -1:
        jobs = 1
    stage, left = study, limit
    size = batch or _fitting(study, device, jobs if scheduler is None else 1)
    while True:
        missing = _missing(stage, folder, other_code)
        groups = [g for g in runners.groups(stage.settings(), size) if missing & {*g}]
        # The longest first, so that no core waits long for the last one.
        groups.sort(key=_length, reverse=True)
        groups = groups[: _enough(groups, missing, left)]
        engine = _local(jobs) if scheduler is None else _cluster(scheduler)
        _execute_all(groups, missing, folder, engine, device, progress)
        if left is not None:
            left = max(left - sum(len(missing & {*g}) for g in groups), 0)
        done = [(s, r) for s in study.settings() if (r := read_record(s, folder))]
        table = _table(study, done)
        whole = study.grown(table) if len(done) == len(study.settings()) else study
        if whole is study or whole.conditions == study.conditions:
            break
        further = whole.conditions[len(study.conditions) :]
        study, stage = whole, replace(study, conditions=further)
    command = command or f"run({study.name!r})"
    hashes = _data_hashes(study)
    origin = study_provenance(study, [r for _, r in done], command, hashes)
    write_table(study.name, table, origin, out)
    if record:
        _ship(study, table, origin)
    return table


def so_far(study: Study, folder: Path) -> Study:
    """Return a study with the conditions that its finished runs on disk ask for.

    Parameters
    ----------
    study : as declared or altered.
    folder : where the records of its runs lie.

    Chapter 12.
    """
    while True:
        done = [(s, r) for s in study.settings() if (r := read_record(s, folder))]
        if len(done) < len(study.settings()):
            return study
        grown = study.grown(_table(study, done))
        if grown.conditions == study.conditions:
            return study
        study = grown


def default_out(name: str) -> Path:
    """Return the folder in which a study's runs are kept by default."""
    return Path.home() / ".cache" / "actlab" / "studies" / name


def _missing(study: Study, folder: Path, other_code: str) -> set[Setting]:
    """Return the runs to do; say what about those that other code has done."""
    if other_code not in OTHER_CODE:
        raise StudyError(f"other_code is {other_code!r}; choose one of {OTHER_CODE}")
    found = {s: read_record(s, folder) for s in study.settings()}
    missing = {s for s, record in found.items() if record is None}
    old = {s for s, r in found.items() if r is not None and made_by_other_code(s, r)}
    if not old or other_code == "keep":
        return missing
    if other_code == "redo":
        return missing | old
    example = found[min(old, key=lambda setting: setting.id)]
    assert example is not None
    versions, commit = _origin_of(example)
    raise RecordError(
        f"{len(old)} of the {len(found) - len(missing)} runs in {folder} were made by "
        f"other code ({versions}, commit {commit}). --redo does them again, --keep "
        "takes them as they are and says so in the provenance; --out leads elsewhere"
    )


def _origin_of(record: dict[str, Any]) -> tuple[str, str]:
    environment = record["environment"]
    commit = environment.get("git_commit")
    torch = environment["versions"]["torch"]
    return f"torch {torch}", commit[:7] if commit else "unknown"


def _fitting(study: Study, device: str, jobs: int) -> int:
    """Return how many networks train at once where nobody says."""
    from joblib import effective_n_jobs

    most = 256 if device.startswith("cuda") else 16
    return runners.room(study.settings(), device, most, effective_n_jobs(jobs))


def _length(group: Sequence[Setting]) -> int:
    """Return the model-epochs of a group."""
    return sum(setting.condition.epochs for setting in group)


def _enough(
    groups: Sequence[Sequence[Setting]], missing: set[Setting], limit: int | None
) -> int | None:
    """Return how many of the groups hold ``limit`` missing runs; None for all."""
    if limit is None:
        return None
    runs = 0
    for place, group in enumerate(groups):
        if runs >= limit:
            return place
        runs += len(missing & {*group})
    return None


def _refuse_impossible(
    study: Study,
    jobs: int,
    limit: int | None,
    batch: int | None,
    device: str,
    record: bool,
) -> None:
    if jobs == 0 or jobs < -1:
        raise StudyError(f"jobs is {jobs}; give a number of processes, or -1")
    if limit is not None and limit < 0:
        raise StudyError(f"limit is {limit}; give how many runs to do at most")
    if batch is not None and batch < 1:
        raise StudyError(f"batch is {batch}; give how many networks train at once")
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
    if record and not study.home:
        raise StudyError(
            f"study {study.name!r} has no home, the package in which it is recorded"
        )
    if record and uncommitted_changes():
        raise StudyError(
            "--record takes committed code, so that its commit tells what ran: "
            "commit the changes below code/, or leave out --record"
        )
    if device.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            raise StudyError(
                f"device is {device!r}, and torch sees no such device here"
            )


# The runs --------------------------------------------------------------------------


def _execute_all(
    groups: Sequence[Sequence[Setting]],
    missing: set[Setting],
    folder: Path,
    engine: Any,
    device: str,
    progress: bool,
) -> None:
    from joblib import delayed
    from tqdm.auto import tqdm

    if not groups:
        return
    # Complain or download here, once.
    for condition in _one_of_each_data([s for group in groups for s in group]):
        runners.prepare(condition)
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(_length(group) for group in groups)
    with (
        engine as (parallel, here),
        tqdm(total=total, desc="model-epochs", disable=not progress) as bar,
    ):
        # Local workers write by themselves: what is finished stays, come what may.
        keep = folder if here else None
        tasks = (delayed(_execute)(g, missing & {*g}, keep, device) for g in groups)
        for group, records in parallel(tasks):
            for setting, record in records:
                write_record(setting, record, folder)
            bar.update(_length(group))


def _one_of_each_data(settings: Sequence[Setting]) -> list[Any]:
    """Return one condition of each kind of run and data set."""
    found: dict[tuple, Any] = {}
    for condition in (setting.condition for setting in settings):
        key = [getattr(condition, name, "") for name in ("data", "scale")]
        found.setdefault((type(condition), *key), condition)
    return list(found.values())


def _execute(
    group: Sequence[Setting],
    missing: set[Setting],
    folder: Path | None,
    device: str = "cpu",
) -> tuple[Sequence[Setting], list[tuple[Setting, dict[str, Any]]]]:
    """Do a group; keep the missing records in ``folder``, or return them if None.

    A group of which some runs are on disk is done again as a whole: who trains with
    whom decides the last bits.
    """
    results = runners.execute_group(group, device)
    records = [
        (setting, record_of(setting, history, seconds, device, len(group)))
        for setting, (history, seconds) in zip(group, results, strict=True)
        if setting in missing
    ]
    if folder is None:
        return group, records
    for setting, record in records:
        write_record(setting, record, folder)
    return group, []


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


# The table -------------------------------------------------------------------------


def _table(study: Study, done: list[tuple[Setting, dict[str, Any]]]) -> pd.DataFrame:
    """Gather the records into one row per run and epoch."""
    columns, frames = [*COLUMNS, *study.further], []
    for setting, record in done:
        about = asdict(setting.condition) | {
            "study": study.name,
            "seed": setting.seed,
        }
        about = {name: about[name] for name in columns if name in about}
        history = pd.DataFrame(record["history"])
        history = history.tail(1) if study.ends_only else history
        frames.append(history.assign(**about))
    if not frames:
        return pd.DataFrame(columns=columns)
    # reindex: a run that broke down logged nothing but its end.
    return pd.concat(frames, ignore_index=True).reindex(columns=columns)


def _data_hashes(study: Study) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for condition in _one_of_each_data(study.settings()):
        hashes |= runners.data_hashes(condition) or {}
    return hashes


def _ship(study: Study, table: pd.DataFrame, origin: dict[str, Any]) -> None:
    """Make a complete result the one that comes with the study's home."""
    if origin["runs"] < origin["runs_declared"]:
        raise StudyError(
            f"{origin['runs']} of {origin['runs_declared']} runs done; "
            "recording takes all of them"
        )
    folder = Path(str(resources.files(study.home))) / "results"
    _refuse_foreign_table(study.name, folder)
    write_table(study.name, table, origin, folder)


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
