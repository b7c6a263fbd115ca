"""Controls of what chapter 13 says about causes of cost, all on one machine.

``python -m course.ch13.controls`` prints them, ``--record`` keeps them beside this
file. Every setting throws one switch and runs in a process of its own, all settings in
turn, three times; inside, the calls take turns. What counts is the processor's clock
and the best of all rounds, because the machine may be busy.

What each switch could refute, said before the run (as shipped where none is named):

- no vectors: ReLU, the sigmoid and Mish are PyTorch's own vector code; exp, tanh and
  arctangent are MKL's and GELU is oneDNN's. Refuted if one of the first moves by less
  than 3 times, or one of the others by more than 1.2.
- half vectors: that code works on as many numbers at a time as the processor has room
  for. Refuted unless the sigmoid and Mish take 1.5 to 2.5 times as long.
- told Intel: tanh is dear on an AMD because MKL asks who made the processor. Refuted if
  it still takes more than 5 ReLUs.
- no oneDNN: GELU of few numbers is dear by its way to oneDNN, and so is its share of a
  narrow step. Refuted above 2 ReLUs.
- few numbers cost the way to the kernel and not the work. Refuted if ReLU of 512 takes
  1.5 times as long as of one.
- large outputs cost fresh memory. Refuted if ReLU into an old output takes more than
  half, or if the difference is not the same for Mish, within a fifth.
- a share of a training step falls with the width. Refuted if that of GELU or Mish does
  not fall from 128 to 512 in each visit.
- compiled ReLU is dear by the mask that it writes in training. Refuted if it takes more
  than 1.3 ReLUs without gradient, or if a compiled function that returns ReLU and such
  a mask, without gradient, takes less than half of the time in training.
- no vectors: PReLU's way back goes number by number anyway. Refuted if it moves by more
  than 1.3 times, or leaky ReLU's by less than 3.

The switches had been tried by hand on the same machine, so this run confirms what was
seen there and records it. MKL asks a function of its own, ``mkl_serv_intel_cpu_true``,
who made the processor; in the setting "told Intel" a library of one line, loaded first,
answers yes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from actlab.cost import compiler
from actlab.networks import MLP
from actlab.studies import records

__all__ = ["main", "provenance", "recorded", "shares"]

FOLDER = Path(__file__).parent
TABLE = "cost-controls"
VISITS, ROUNDS, SECONDS = 3, 15, 0.004
SETTINGS: dict[str, dict[str, str]] = {
    "as shipped": {},
    "half vectors": {"ATEN_CPU_CAPABILITY": "avx2"},
    "no vectors": {"ATEN_CPU_CAPABILITY": "default"},
    "told Intel": {},  # LD_PRELOAD, a file made for the run
    "no oneDNN": {},
}
WIDTHS, STEPPED, BARE = (32, 128, 512), ("relu", "gelu", "mish"), "no activation"
ANSWER = "int mkl_serv_intel_cpu_true(void) { return 1; }\n"

Calls = dict[str, Callable[[], Any]]


def elementwise(x: Tensor) -> Calls:
    """Return forward passes, each a call on ``x``."""
    return {
        "relu": lambda: F.relu(x),
        "sigmoid": lambda: torch.sigmoid(x),
        "gelu": lambda: F.gelu(x),
        "mish": lambda: F.mish(x),
        "softsign": lambda: F.softsign(x),
        "exp": lambda: x.exp(),
        "tanh": lambda: x.tanh(),
        "arctan": lambda: x.atan(),
        "cos": lambda: x.cos(),
        "2 sigmoid(2x) - 1": lambda: 2 * torch.sigmoid(2 * x) - 1,
    }


def backward(x: Tensor) -> Calls:
    """Return backward passes of ReLU and its relations, slopes not learnt."""
    x = x.clone().requires_grad_()
    slope = torch.tensor([0.25])
    outputs = {
        "relu": F.relu(x),
        "leaky_relu": F.leaky_relu(x, 0.25),
        "prelu": F.prelu(x, slope),
    }
    ones = torch.ones_like(x)

    def back(output: Tensor) -> Callable[[], Any]:
        return lambda: torch.autograd.grad(output, x, ones, retain_graph=True)

    return {f"{name}, back": back(output) for name, output in outputs.items()}


def steps(width: int) -> Calls:
    """Return training steps of an MLP of four layers so wide, with and without."""

    def step(key: str | None) -> Callable[[], Any]:
        net = MLP([784, *[width] * 4, 10], key, seed=0)
        optimiser = torch.optim.SGD(net.parameters(), lr=0.0)
        x, y = torch.randn(128, 784), torch.randint(10, (128,))

        def call() -> None:
            optimiser.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimiser.step()

        return call

    return {f"step, {key or BARE}": step(key) for key in (None, *STEPPED)}


def large(x: Tensor) -> Calls:
    """Return forward passes of many numbers, into fresh memory and into old."""
    old = torch.empty_like(x)
    return {
        "relu": lambda: F.relu(x),
        "relu, old output": lambda: torch.clamp_min(x, 0, out=old),
        "mish": lambda: F.mish(x),
        "mish, old output": lambda: torch.ops.aten.mish.out(x, out=old),
        "softsign": lambda: F.softsign(x),
    }


def compiled(x: Tensor) -> Calls:
    """Return compiled passes: ReLU while training and not, with a mask, and tanh."""
    relu, tanh, masked = (
        torch.compile(f, dynamic=False) for f in (F.relu, torch.tanh, _with_mask)
    )
    wanted = x.clone().requires_grad_()
    return {
        "relu": lambda: F.relu(wanted),
        "relu, compiled, training": lambda: relu(wanted),
        "relu, compiled": lambda: relu(x),
        "relu and its mask, compiled": lambda: masked(x),
        "tanh": lambda: x.tanh(),
        "tanh, compiled": lambda: tanh(x),
    }


def _with_mask(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return ReLU, and where it is 0: what the compiler keeps for the way back."""
    y = F.relu(x)
    return y, y <= 0


def groups(setting: str) -> dict[str, Calls]:
    """Return the calls of a setting, by the size of what they work on."""
    torch.manual_seed(0)
    many, few = torch.randn(128, 1024), torch.randn(8, 64)
    found = {"many": elementwise(many) | backward(many), "few": elementwise(few)}
    for width in WIDTHS:
        found[f"width {width}"] = steps(width)
    if setting == "as shipped":
        found["one"] = elementwise(torch.randn(1))
        found["large"] = large(torch.randn(4096, 4096))
        if compiler():
            found["many, compiled"] = compiled(many)
            found["large, compiled"] = compiled(torch.randn(4096, 4096))
    return found


def best_of(calls: Calls, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Return the least processor time of each call, in turn with all others.

    Parameters
    ----------
    calls : by name.
    rounds : how often each is timed.
    seconds : how long one timing lasts at least, unless a single call lasts longer.

    Each row: ``call``; ``us``, microseconds of the best round, and ``median_us``;
    ``pages``, how many the system handed out in a call of the best round.
    """
    often = {}
    for name, call in calls.items():
        call()
        start = time.process_time()
        call(), call()
        often[name] = max(1, int(2 * seconds / (time.process_time() - start + 1e-9)))
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            before = _used()
            for _ in range(often[name]):
                call()
            spent = [b - a for a, b in zip(before, _used(), strict=True)]
            seen[name].append((spent[0] / often[name], spent[1] / often[name]))
    return [
        {"call": name}
        | dict(zip(("us", "pages"), min(found), strict=True))
        | {"median_us": sorted(found)[len(found) // 2][0]}
        for name, found in seen.items()
    ]


def _used() -> tuple[float, int]:
    """Return microseconds and pages that this process has used so far."""
    import resource  # no such thing on Windows

    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    return 1e6 * time.process_time(), pages


def one_visit(setting: str, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Return the rows of one setting; its switch has been thrown outside."""
    torch.set_num_threads(1)
    torch.set_grad_enabled(True)
    rows = []
    with torch.backends.mkldnn.flags(enabled=setting != "no oneDNN"):
        for numbers, calls in groups(setting).items():
            many = rounds if not numbers.startswith("large") else 5
            for row in best_of(calls, many, SECONDS):
                rows.append({"setting": setting, "numbers": numbers} | row)
    return rows


def all_visits(visits: int, rounds: int) -> pd.DataFrame:
    """Return the rows of all visits to all settings, a process each."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for visit in range(visits):
            for setting, switch in SETTINGS.items():
                extra = dict(switch)
                if setting == "told Intel":
                    extra["LD_PRELOAD"] = str(_answer(Path(folder)))
                call = [sys.executable, "-m", "course.ch13.controls"]
                call += ["--visit", setting, "--rounds", str(rounds)]
                done = subprocess.run(
                    call, env=os.environ | extra, capture_output=True, text=True
                )
                if done.returncode:
                    raise RuntimeError(f"setting {setting!r} failed:\n{done.stderr}")
                found = json.loads(done.stdout.splitlines()[-1])
                rows += [{"visit": visit + 1} | row for row in found]
            print(f"visit {visit + 1} of {visits} done", file=sys.stderr)
    return pd.DataFrame(rows)


def best_visits(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep, of each setting, size and call, the visit with the least time."""
    names = ["setting", "numbers", "call"]
    least = rows.groupby(names, sort=False)["us"].idxmin()
    return rows.loc[least].reset_index(drop=True)


def _answer(folder: Path) -> Path:
    """Build the library that tells MKL that the processor is Intel's."""
    source, library = folder / "answer.c", folder / "answer.so"
    if not library.exists():
        source.write_text(ANSWER, encoding="utf-8")
        words = ["-shared", "-fPIC", "-o", str(library), "-x", "c", str(source)]
        subprocess.run([compiler() or "c++", *words], check=True)
    return library


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; print the table; keep it where ``--record`` says so."""
    parser = argparse.ArgumentParser(prog="python -m course.ch13.controls")
    parser.add_argument("--visits", type=int, default=VISITS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--visit", choices=tuple(SETTINGS), help="one, for this alone")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args(arguments)
    if options.visit:
        print(json.dumps(one_visit(options.visit, options.rounds)))
        return 0
    started, load = time.time(), os.getloadavg()
    table = all_visits(options.visits, options.rounds)
    print(best_visits(table).round(1).to_string(index=False))
    if options.record:
        origin = {
            "question": "Which switch changes what a function costs?",
            "command": "python -m course.ch13.controls "
            f"--visits {options.visits} --rounds {options.rounds} --record",
            "clock": "processor",
            "threads": 1,
            "settings": SETTINGS | {"told Intel": {"LD_PRELOAD": ANSWER.strip()}},
            "load_at_start": [round(number, 2) for number in load],
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.time() - started),
            "environment": records.environment("course.ch13.controls"),
        }
        records.write_table(TABLE, table, origin, FOLDER, digits=4)
    return 0


def recorded() -> pd.DataFrame:
    """Return what the switches did on one machine, the best of all visits.

    One row per ``setting``, ``numbers`` ("one", "few" 512, "many" 131,072, "large" 16.8
    million, or "width 32" and so on, a training step) and ``call``, with ``us``,
    ``median_us``, ``pages`` and the ``visit`` that was the best.
    Where it comes from: :func:`provenance`.  Chapter 13.
    """
    return best_visits(_all())


def _all() -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{TABLE}.csv")


def shares() -> pd.DataFrame:
    """Return which share of a training step an activation takes, by width and setting.

    One row per ``setting``, ``key`` and ``width`` of the four hidden layers: the
    ``share`` (t − t₀)/t, the median over the visits, with ``low`` and ``high``, the
    least and the largest.  Chapter 13.
    """
    table = _all()
    table = table[table["numbers"].str.startswith("width")]
    times = table.pivot(index=["setting", "numbers", "visit"], columns="call")["us"]
    rows = []
    for key in STEPPED:
        share = 1 - times[f"step, {BARE}"] / times[f"step, {key}"]
        for setting in SETTINGS:
            for width in WIDTHS:
                low, middle, high = share[setting, f"width {width}"].quantile(
                    [0, 0.5, 1]
                )
                rows.append((setting, key, width, middle, low, high))
    names = ["setting", "key", "width", "share", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def provenance() -> dict[str, Any]:
    """Return command, versions, machine, date and load of :func:`recorded`.

    Chapter 13.
    """
    return json.loads((FOLDER / f"{TABLE}.json").read_text("utf-8"))


if __name__ == "__main__":
    raise SystemExit(main())
