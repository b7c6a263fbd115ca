"""Studies: declared grids of training runs, done in parallel, resumable, recorded.

``python -m actlab.studies list`` names them, ``run NAME`` does what is not done yet,
``show NAME`` prints what the course recorded.  A study is data (:class:`Study`); every
finished run is on disk at once and is never done twice; the result is a tidy table with
its provenance beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import pandas as pd

from .grids import STUDIES, Condition, Setting, Study, declared
from .statistics import Interval, interval

__all__ = [
    "STUDIES",
    "Condition",
    "Setting",
    "Study",
    "StudyError",
    "final",
    "load",
    "main",
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
# What tells the cells of a grid apart.
KEYS = ["regime", "activation", "init", "variant", "optimiser", "lr", "momentum"]
PACKAGES = ("actlab", "torch", "torchvision", "numpy", "pandas", "scipy", "joblib")
CODE = (
    "controls.py",
    "datasets.py",
    "deep.py",
    "fields.py",
    "language/text.py",
    "language/training.py",
    "language/transformer.py",
    "networks.py",
    "runners.py",
    "training.py",
)


class StudyError(LookupError):
    """There is no such study, or it has not been recorded."""


# One run ---------------------------------------------------------------------------


def _execute(setting: Setting, folder: Path) -> None:
    """Do one run on one thread and leave its record in ``folder``."""
    from . import runners

    history, seconds = runners.execute(setting)
    record = {
        "setting": declared(setting),
        "history": history,
        "seconds": seconds,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": _environment(),
    }
    _write(_record_path(setting, folder), json.dumps(record))


def _record_path(setting: Setting, folder: Path) -> Path:
    return folder / f"{setting.id}.json"


def _read_record(setting: Setting, folder: Path) -> dict[str, Any] | None:
    """Return what an earlier run left; None if it is not there or is damaged."""
    try:
        record = json.loads(_record_path(setting, folder).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and "history" in record else None


def _write(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, 0o644)  # mkstemp's files are private
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


# A whole study ---------------------------------------------------------------------


def run(
    study: Study | str,
    *,
    jobs: int = -1,
    limit: int | None = None,
    out: str | Path | None = None,
    progress: bool = True,
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
    progress : whether to show a bar.
    command : what the provenance says that was called.

    May be interrupted at any time; the next call goes on.  Returns the table described
    at :func:`load`, with the runs that are done.  Chapter 12.
    """
    study = _get(study) if isinstance(study, str) else study
    out = _default_out(study.name) if out is None else Path(out)
    folder = out / "runs"
    settings = study.settings()
    missing = [s for s in settings if _read_record(s, folder) is None]
    # The longest first, so that no core waits long for the last one.
    missing.sort(key=lambda setting: -setting.condition.epochs)
    _execute_all(missing[:limit], folder, jobs, progress)
    table = _table(study, folder)
    origin = _provenance(study, folder, command or f"run({study.name!r})")
    _write_result(study.name, table, origin, out)
    return table


def _execute_all(
    settings: Sequence[Setting], folder: Path, jobs: int, progress: bool
) -> None:
    from joblib import Parallel, delayed, parallel_config
    from tqdm.auto import tqdm

    if not settings:
        return
    from . import runners

    runners.prepare(settings[0])  # complain or download here, once
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [delayed(_timed_epochs)(setting, folder) for setting in settings]
    total = sum(setting.condition.epochs for setting in settings)
    with (
        parallel_config(backend="loky", inner_max_num_threads=1),
        tqdm(total=total, desc="model-epochs", disable=not progress) as bar,
    ):
        parallel = Parallel(n_jobs=jobs, return_as="generator_unordered")
        for epochs in parallel(tasks):
            bar.update(epochs)


def _timed_epochs(setting: Setting, folder: Path) -> int:
    _execute(setting, folder)
    return setting.condition.epochs


def _table(study: Study, folder: Path) -> pd.DataFrame:
    """Gather the records into one row per run and epoch."""
    columns, frames = [*COLUMNS, *study.further], []
    for setting in study.settings():
        record = _read_record(setting, folder)
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


def _write_result(
    name: str, table: pd.DataFrame, origin: dict[str, Any], folder: Path
) -> None:
    text = table.to_csv(index=False, float_format="%.5g", lineterminator="\n")
    _write(folder / f"{name}.csv", text)
    origin = origin | {"table_sha256": hashlib.sha256(text.encode()).hexdigest()}
    _write(folder / f"{name}.json", json.dumps(origin, indent=2) + "\n")


def _default_out(name: str) -> Path:
    return Path.home() / ".cache" / "actlab" / "studies" / name


# Provenance ------------------------------------------------------------------------


def _provenance(study: Study, folder: Path, command: str) -> dict[str, Any]:
    """Say where a table comes from, without names of users or folders."""
    settings = study.settings()
    records = [r for s in settings if (r := _read_record(s, folder)) is not None]
    finished = sorted(record["finished"] for record in records)
    seconds = [r["seconds"] for r in records if math.isfinite(r["seconds"])]
    environments = []
    for record in records:
        if record["environment"] not in environments:
            environments.append(record["environment"])
    return {
        "study": study.name,
        "question": study.question,
        "command": command,
        "grid": declared(study),
        "runs": len(records),
        "runs_declared": len(settings),
        "runs_that_broke_down": len(records) - len(seconds),
        "threads_per_run": 1,
        "seconds_of_all_runs": round(sum(seconds), 1),
        "first_run_finished": finished[0] if finished else None,
        "last_run_finished": finished[-1] if finished else None,
        "environments": environments,
        "recorded_at_commit": _git_commit(),
        "data_sha256": _data_hashes(study.data),
    }


@cache
def _environment() -> dict[str, Any]:
    """Versions, machine and code that a run depends on."""
    return {
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.system(),
        "git_commit": _git_commit(),
        "code_sha256": _code_hash(),
    }


def _version(package: str) -> str | None:
    if package == "actlab":
        from . import __version__

        return __version__
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _code_hash() -> str:
    """Hash of the modules that decide what a run computes."""
    here = Path(__file__).parent
    return hashlib.sha256(b"".join((here / c).read_bytes() for c in CODE)).hexdigest()


def _git_commit() -> str | None:
    here = Path(__file__).resolve().parent
    command = ["git", "-C", str(here), "rev-parse", "--show-prefix", "HEAD"]
    try:
        reply = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = reply.stdout.split()
    # Installed inside somebody else's repository, the commit would be theirs.
    ours = reply.returncode == 0 and len(lines) == 2 and lines[0] == "code/actlab/"
    return lines[1] if ours else None


def _data_hashes(name: str) -> dict[str, str] | None:
    if name == "fashion_mnist":
        from .datasets import FASHION_MNIST_SHA256

        return dict(FASHION_MNIST_SHA256)
    if name == "python_documentation":
        from .language import corpus

        text = corpus()
        return {text.name: text.sha256}
    return None


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
    """Run the command line: ``list``, ``run NAME`` or ``show NAME``; return 0 or 1."""
    options = _parser().parse_args(arguments)
    try:
        return {"list": _list, "run": _run, "show": _show}[options.action](options)
    except KeyboardInterrupt:
        print("\nstopped; finished runs are on disk, the same command goes on")
        return 130
    except (LookupError, RuntimeError, OSError, ValueError) as error:
        print(f"error: {error.args[0] if error.args else error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m actlab.studies", description="The recorded studies."
    )
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="name the studies")
    show = actions.add_parser("show", help="print what the course recorded")
    show.add_argument("name")
    show.add_argument("--epoch", type=int, help="which (default: each run's last)")
    do = actions.add_parser("run", help="do the runs that are not done yet")
    do.add_argument("name")
    do.add_argument("--seeds", type=int, help="runs per condition, if not as declared")
    do.add_argument("--epochs", type=int, help="epochs per run, if not as declared")
    do.add_argument("--jobs", type=int, default=-1, help="processes; -1: one per core")
    do.add_argument("--limit", type=int, help="do at most this many runs now")
    do.add_argument("--out", type=Path, help="folder (default: below ~/.cache/actlab)")
    do.add_argument(
        "--record", action="store_true", help="make it the result that the course ships"
    )
    return parser


def _list(options: argparse.Namespace) -> int:
    for study in STUDIES.values():
        there = resources.files("actlab") / "results" / f"{study.name}.csv"
        state = "recorded" if there.is_file() else "not recorded"
        runs = len(study.settings())
        print(f"{study.name:18} chapter {study.chapter:02}  {runs:4} runs  {state}")
        print(f"{'':18} {study.question}")
    return 0


def _run(options: argparse.Namespace) -> int:
    declared = _get(options.name)
    study = declared.altered(options.seeds, options.epochs)
    if options.record and study != declared:
        raise ValueError("--record takes the declared grid: no --seeds, no --epochs")
    command = _command(options)
    table = run(
        study, jobs=options.jobs, limit=options.limit, out=options.out, command=command
    )
    out = options.out or _default_out(study.name)
    _print_summary(table)
    print(f"table and provenance: {out / study.name}.csv, .json")
    if options.record:
        origin = _provenance(study, out / "runs", command)
        if origin["runs"] < origin["runs_declared"]:
            raise ValueError(
                f"{origin['runs']} of {origin['runs_declared']} runs done; "
                "recording takes all of them"
            )
        folder = Path(__file__).parent / "results"
        _write_result(study.name, table, origin, folder)
        print(f"recorded: results/{study.name}.csv and .json")
    return 0


def _command(options: argparse.Namespace) -> str:
    """Spell the call again, without the folder of this machine."""
    words = ["python -m actlab.studies run", options.name]
    for name in ("seeds", "epochs", "jobs", "limit"):
        value = getattr(options, name)
        if value is not None:
            words.append(f"--{name} {value}")
    return " ".join(words + ["--record"] * options.record)


def _show(options: argparse.Namespace) -> int:
    table, origin = load(options.name), provenance(options.name)
    print(origin["question"])
    _print_summary(table, options.epoch)
    machine = origin["environments"][0]
    print(
        f"{origin['runs']} runs, {origin['seconds_of_all_runs'] / 60:.0f} minutes on "
        f"one thread; {machine['cpu']}; torch {machine['versions']['torch']}; "
        f"{origin['last_run_finished'][:10]}\n{origin['command']}"
    )
    return 0


def _print_summary(table: pd.DataFrame, epoch: int | None = None) -> None:
    if table.empty:
        print("no run is done yet")
        return
    rows = summary(table, epoch).drop(columns=["mean", "low", "high", "std", "n"])
    print(rows.to_string(index=False))


if __name__ == "__main__":
    # By its importable name, so that workers keep the data between runs.
    from actlab.studies import main as run_main

    sys.exit(run_main())
