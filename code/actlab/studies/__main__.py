"""The command ``python -m actlab.studies``: list, run, status, show."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from actlab import studies


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one action; return 0, 1 after an error (said in one line), 130 if stopped."""
    options = _parser().parse_args(arguments)
    actions = {"list": _list, "run": _run, "status": _status, "show": _show}
    try:
        return actions[options.action](options)
    except KeyboardInterrupt:
        print("\nstopped; finished runs are on disk, the same command goes on")
        return 130
    except OSError as error:
        # Our own errors say it all; the system's name their file beside the reason.
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    except (LookupError, RuntimeError, ValueError) as error:
        print(f"error: {error.args[0] if error.args else error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m actlab.studies", description="The recorded studies."
    )
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="name the studies")
    show = actions.add_parser("show", help="print what was recorded")
    show.add_argument("name")
    show.add_argument("--epoch", type=int, help="which (default: each run's last)")
    status = actions.add_parser("status", help="say how far a study is on this machine")
    do = actions.add_parser("run", help="do the runs that are not done yet")
    for action in (status, do):
        action.add_argument("name")
        action.add_argument("--seeds", type=int, help="runs per condition")
        action.add_argument("--epochs", type=int, help="epochs per run")
        action.add_argument(
            "--out", type=Path, help="folder (default: below ~/.cache/actlab)"
        )
    do.add_argument("--jobs", type=int, default=-1, help="processes; -1: one per core")
    do.add_argument("--limit", type=int, help="do this many runs now, in whole groups")
    do.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    do.add_argument(
        "--batch",
        type=_batch,
        metavar="auto|N|1",
        help="networks that train at once in a process (default: auto)",
    )
    do.add_argument(
        "--scheduler",
        metavar="tcp://HOST:PORT",
        help="let a running Dask cluster do the runs (needs actlab[cluster]); whoever "
        "reaches that port can run code: keep it closed to strangers",
    )
    other = do.add_mutually_exclusive_group()
    other.add_argument(
        "--redo", action="store_true", help="do runs of other code again"
    )
    other.add_argument(
        "--keep", action="store_true", help="take runs of other code as they are"
    )
    do.add_argument(
        "--record", action="store_true", help="make it the result that is shipped"
    )
    return parser


def _batch(word: str) -> int | None:
    """Read the value of --batch; None for auto."""
    return None if word == "auto" else int(word)


def _list(options: argparse.Namespace) -> int:
    for study in studies.known().values():
        recorded = studies.is_recorded(study)
        runs = len((studies.whole(study) if recorded else study).settings())
        state = "recorded" if recorded else "not recorded"
        if study.growth is not None:
            state += ", grows by its results"
        print(f"{study.name:24} {study.home:12} {runs:4} runs  {state}")
        print(f"{'':24} {study.question}")
    return 0


def _run(options: argparse.Namespace) -> int:
    declared = studies.find(options.name)
    study = declared.altered(options.seeds, options.epochs)
    if options.record and study != declared:
        raise ValueError("--record takes the declared grid: no --seeds, no --epochs")
    out = options.out or studies.default_out(study.name)
    table = studies.run(
        study,
        jobs=options.jobs,
        limit=options.limit,
        out=out,
        device=options.device,
        scheduler=options.scheduler,
        batch=options.batch,
        command=_command(options),
        record=options.record,
        other_code="redo" if options.redo else "keep" if options.keep else "refuse",
    )
    _print_summary(table)
    print(f"table and provenance: {out / study.name}.csv, .json")
    if study.picture is not None and not table.empty:
        figure = study.picture(table)
        figure.savefig(out / f"{study.name}.png")
        print(f"picture: {out / study.name}.png")
    if options.record:
        print(f"recorded in {study.home}: results/{study.name}.csv and .json")
    return 0


def _command(options: argparse.Namespace) -> str:
    """Spell the call again, without the folder and the addresses of this machine."""
    words = ["python -m actlab.studies run", options.name]
    for name in ("seeds", "epochs", "jobs", "limit", "batch"):
        value = getattr(options, name)
        if value is not None:
            words.append(f"--{name} {value}")
    if options.device != "cpu":
        words.append(f"--device {options.device}")
    if options.scheduler is not None:
        words.append("--scheduler tcp://…")
    for name in ("keep", "redo", "record"):
        words += [f"--{name}"] * getattr(options, name)
    return " ".join(words)


def _status(options: argparse.Namespace) -> int:
    study = studies.find(options.name).altered(options.seeds, options.epochs)
    out = options.out or studies.default_out(study.name)
    grows = study.growth is not None
    study = studies.so_far(study, out / "runs")
    rows = studies.progress_of(study, out / "runs")
    done, declared = rows["done"].sum(), rows["declared"].sum()
    print(study.question)
    print(rows.round(1).to_string(index=False))
    print(f"{done} of {declared} runs are done", end="")
    left = rows["remaining"].sum(skipna=False)
    if done == declared:
        print(".")
    elif math.isfinite(left):
        print(f"; about {left / 60:.0f} minutes of one core are left.")
    else:
        print("; how long one takes is not known before the first is done.")
    if grows and done < declared:
        print("More runs follow from the results of these.")
    return 0


def _show(options: argparse.Namespace) -> int:
    table = studies.load(options.name)
    origin = studies.provenance(options.name)
    print(origin["question"])
    _print_summary(table, options.epoch)
    print(
        f"{origin['runs']} runs, {origin['seconds_of_all_runs'] / 60:.0f} minutes on "
        f"one thread, {origin['last_run_finished'][:10]}\n{origin['command']}"
    )
    for machine in origin["environments"]:
        commit = machine["git_commit"]
        print(
            f"made with torch {machine['versions']['torch']}, Python "
            f"{machine['python']}, {machine['cpu']}; commit "
            f"{commit[:7] if commit else 'unknown'}"
            + ", with uncommitted changes" * bool(machine.get("uncommitted_changes"))
            + f"; code {machine['code_sha256'][:7]}"
        )
    return 0


def _print_summary(table: pd.DataFrame, epoch: int | None = None) -> None:
    if table.empty:
        print("no run is done yet")
        return
    rows = studies.summary(table, epoch)
    rows = rows.drop(columns=["mean", "low", "high", "std", "n"])
    print(rows.to_string(index=False))


if __name__ == "__main__":
    sys.exit(main())
