"""The command ``python -m actlab.cost``: measure every row of the catalogue.

It prints a summary.  With ``--record`` the table becomes the one that the course ships,
``actlab/cost/activation-costs.csv``, with its provenance beside it.
"""

from __future__ import annotations

import argparse
import hashlib
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

__all__ = ["CASES", "measure_all", "main"]

FOLDER = Path(__file__).parent

# Functions for the cases that take long: one operation each, or a formula in Python.
LARGE = (
    "relu", "sigmoid", "tanh", "elu", "gelu", "gelu_tanh", "mish", "prelu", "softsign",
    "swish", "telu", "serf",
)  # fmt: skip
COMPILED = ("relu", "gelu", "mish", "softsign", "swish", "telu")
CASES: dict[str, dict[str, Any]] = {
    "few": {"shape": (8, 64), "seconds": 0.005},
    "many": {"shape": (128, 1024)},
    "large": {"shape": (4096, 4096), "keys": LARGE, "rounds": 3},
    "compiled": {
        "shape": (4096, 4096), "keys": COMPILED, "rounds": 3, "compiled": True,
    },
}  # fmt: skip


def measure_all(rounds: int = 5, seconds: float = 0.01) -> pd.DataFrame:
    """Measure all cases and shares; the columns are those of :func:`cost.recorded`.

    Parameters
    ----------
    rounds, seconds : as in :func:`cost.measure`.

    The case "compiled" is left out where there is no C++ compiler.  Chapter 13.
    """
    tables = []
    for case, settings in CASES.items():
        if case == "compiled" and cost.compiler() is None:
            print("no C++ compiler: nothing is compiled", file=sys.stderr)
            continue
        settings = {"rounds": rounds, "seconds": seconds} | settings
        table = cost.measure(**settings)
        print(f"{case}: {len(table)} functions", file=sys.stderr)
        tables.append(table.assign(case=case))
    table = pd.concat(tables, ignore_index=True)
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
    parser = argparse.ArgumentParser(
        prog="python -m actlab.cost", description=main.__doc__
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.01, help="of one timing")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    started, load = time.time(), os.getloadavg() if hasattr(os, "getloadavg") else ()
    table = measure_all(options.rounds, options.seconds)
    columns = ["case", "key", "forward", "backward", "operations", "share"]
    print(table[columns].round(2).to_string(index=False))
    if options.record:
        origin = _provenance(options, load, time.time() - started)
        records.write_table(timing.TABLE, table, origin, FOLDER, digits=4)
        print(f"recorded: actlab/cost/{timing.TABLE}.csv and its provenance")
    return 0


def _provenance(
    options: argparse.Namespace, load: tuple, seconds: float
) -> dict[str, Any]:
    words = f"--rounds {options.rounds} --seconds {options.seconds:g} --record"
    return {
        "question": "What does each activation cost beside ReLU?",
        "command": f"python -m actlab.cost {words}",
        "clock": cost.clock_name(),
        "threads": torch.get_num_threads(),
        "cases": {name: dict(settings) for name, settings in CASES.items()},
        "compiler": cost.compiler() and Path(cost.compiler()).name,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "load_at_start": [round(number, 2) for number in load],
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds),
        "environment": records.environment("actlab.cost.timing"),
        "cost_sha256": hashlib.sha256(Path(timing.__file__).read_bytes()).hexdigest(),
    }
