"""The command ``python -m actlab.cost``: measure every row of the catalogue.

It prints a summary.  With ``--record`` the table becomes the one that the course ships,
``actlab/cost/activation-costs.csv``, with its provenance beside it.

``--only KEY --record`` measures a new row alone, in turn with ReLU as always, and
writes ``actlab/cost/added/KEY.json``: its rows and their provenance.  The table of all
stays as it is, byte for byte, and so do the numbers that chapter 13 reads from it.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from .. import catalogue, cost
from ..studies import records
from . import timing

__all__ = ["CASES", "main", "measure_all", "rows_hash"]

FOLDER = Path(__file__).parent

# Functions for the cases that take long: one operation each, or a formula in Python.
LARGE = (
    "relu", "sigmoid", "tanh", "elu", "gelu", "gelu_tanh", "mish", "prelu", "softsign",
    "swish", "telu", "serf",
)  # fmt: skip
# Rows that PyTorch has as a class and the course as a module with a parameter more.
SPELLED = ("swish", "softmax")
COMPILED = ("relu", "gelu", "mish", "softsign", "swish", "telu")
CASES: dict[str, dict[str, Any]] = {
    "few": {"shape": (8, 64), "seconds": 0.005},
    "many": {"shape": (128, 1024)},
    "spelled": {"shape": (128, 1024), "keys": SPELLED, "spelled": True},
    "large": {"shape": (4096, 4096), "keys": LARGE, "rounds": 3},
    "compiled": {
        "shape": (4096, 4096), "keys": COMPILED, "rounds": 3, "compiled": True,
    },
}  # fmt: skip


def measure_all(
    rounds: int = 5, seconds: float = 0.01, keys: Sequence[str] | None = None
) -> pd.DataFrame:
    """Measure cases and shares; the columns are those of :func:`cost.recorded`.

    Parameters
    ----------
    rounds, seconds : as in :func:`cost.measure`.
    keys : rows of the catalogue, measured in the cases that hold every row; None for
        all of them, in all cases.

    The case "compiled" is left out where there is no C++ compiler.  Chapter 13.
    """
    tables = []
    for case, settings in CASES.items():
        if case == "compiled" and cost.compiler() is None:
            print("no C++ compiler: nothing is compiled", file=sys.stderr)
            continue
        if keys is not None and "keys" in settings:
            continue
        settings = {"rounds": rounds, "seconds": seconds, "keys": keys} | settings
        table = cost.measure(**settings)
        print(f"{case}: {len(table)} functions", file=sys.stderr)
        tables.append(table.assign(case=case))
    table = pd.concat(tables, ignore_index=True)
    return _with_shares(table, rounds, seconds)


def _with_shares(table: pd.DataFrame, rounds: int, seconds: float) -> pd.DataFrame:
    """Add the shares of a training step, of scalar functions in the case "many"."""
    scalar = [key for key in table["key"] if catalogue.get(key).kind == "scalar"]
    shares = {
        key: cost.step_share(key, rounds=2 * rounds, seconds=2 * seconds)
        for key in dict.fromkeys(scalar)
    }
    many = table["case"] == "many"
    names = {"share": "share", "low": "share_low", "high": "share_high"}
    for what, column in (names | {"step_us": "step_us"}).items():
        found = {key: share[what] for key, share in shares.items()}
        table[column] = table["key"].map(found).where(many)
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; print a summary; keep the table where ``--record`` says so."""
    options = _parser().parse_args(arguments)
    try:
        keys = options.only and [catalogue.get(key).key for key in options.only]
        if options.record:
            _refuse(keys or ())
    except LookupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    torch.set_num_threads(1)
    started, load = time.time(), os.getloadavg() if hasattr(os, "getloadavg") else ()
    table = measure_all(options.rounds, options.seconds, keys)
    columns = ["case", "key", "forward", "backward", "operations", "share"]
    print(table[columns].round(2).to_string(index=False))
    if options.record:
        origin = _provenance(options, load, time.time() - started)
        if keys:
            _record_alone(table, origin)
        else:
            _record_all(table, origin)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m actlab.cost", description=main.__doc__
    )
    parser.add_argument(
        "--only", nargs="+", metavar="KEY", help="measure these rows of the catalogue"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.01, help="of one timing")
    parser.add_argument(
        "--record",
        action="store_true",
        help="make it the table that is shipped; with --only, a file beside it",
    )
    return parser


def _refuse(keys: Sequence[str]) -> None:
    """Raise ``LookupError`` for what is in the table of all: one run, one machine."""
    together = set(cost.recorded()["key"]) & set(keys)
    if together:
        raise LookupError(
            f"{', '.join(sorted(together))}: measured with all others, and comparable "
            "with them only so; --record without --only measures all again"
        )


def _record_all(table: pd.DataFrame, origin: dict[str, Any]) -> None:
    records.write_table(timing.TABLE, table, origin, FOLDER, digits=4)
    for key in set(table["key"]):  # measured together now, and alone no longer
        (FOLDER / timing.ADDED / f"{key}.json").unlink(missing_ok=True)
    print(f"recorded: actlab/cost/{timing.TABLE}.csv and its provenance")


def _record_alone(table: pd.DataFrame, origin: dict[str, Any]) -> None:
    for key, rows in table.groupby("key", sort=False):
        numbers = rows.to_csv(index=False, float_format="%.4g")
        rounded = pd.read_csv(io.StringIO(numbers))
        whole = origin | {"rows": json.loads(rounded.to_json(orient="records"))}
        whole["rows_sha256"] = rows_hash(whole["rows"])
        text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
        records.write_text(FOLDER / timing.ADDED / f"{key}.json", text)
        print(f"recorded: actlab/cost/{timing.ADDED}/{key}.json")


def rows_hash(rows: list[dict[str, Any]]) -> str:
    """Return the SHA-256 of recorded rows, by which a test sees a later edit."""
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def _provenance(
    options: argparse.Namespace, load: tuple, seconds: float
) -> dict[str, Any]:
    words = f"--rounds {options.rounds} --seconds {options.seconds:g} --record"
    if options.only:
        words = f"--only {' '.join(options.only)} {words}"
    compiler = cost.compiler()
    return {
        "question": "What does each activation cost beside ReLU?",
        "command": f"python -m actlab.cost {words}",
        "clock": cost.clock_name(),
        "threads": torch.get_num_threads(),
        "cases": {
            name: dict(settings)
            for name, settings in CASES.items()
            if not (options.only and "keys" in settings)
        },
        "compiler": compiler and Path(compiler).name,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "load_at_start": [round(number, 2) for number in load],
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds),
        "environment": records.environment("actlab.cost.timing"),
        "cost_sha256": hashlib.sha256(Path(timing.__file__).read_bytes()).hexdigest(),
    }
