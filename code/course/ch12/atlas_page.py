"""The page *Atlas*: what its script needs from the recorded studies, and a first table.

The script, ``atlas.js``, runs without a kernel and asks no other host for anything.
"""

from __future__ import annotations

import html
import json
import math
from functools import cache
from importlib import resources
from typing import Any

from scipy import stats

from actlab import catalogue, studies
from actlab.statistics import interval
from actlab.studies import rates

from .atlas import ATLAS, ATLAS_DIGITS, learnt
from .atlas_order import NEAR, Agreement, agreement

__all__ = ["data", "packed", "page"]

WORDS = {
    "default": "PyTorch's start",
    "he": "He's start",
    "matched": "matched start",
    "sgd": "SGD, momentum 0.9",
    "adam": "Adam",
}
STUDIES = (ATLAS, ATLAS_DIGITS)
TITLES = {"atlas": ("fashion", "Fashion-MNIST"), "atlas-digits": ("digits", "digits")}
POINT = ("rate", "mean", "half", "n", "broke")  # of a tried rate, as the script has it
FIRST = ("relu", "gelu", "tanh", "sigmoid")  # what the page begins with
ZOOMS = (10, 3, 30, 100)
MOST_RUNS = 20


@cache
def data() -> dict[str, Any]:
    """Return all that the page shows, as JSON has it; nobody may change it.

    ``records`` holds per recorded study its ``cells``: function, start, optimiser, the
    chosen rate, ``tuning`` (by rate: mean held-out accuracy in percent, half of its
    95 % interval, runs, and how many broke down) and ``final`` (test accuracies, seed
    by seed, null where a run broke down).  ``learnt`` names those with something to
    learn.
    """
    records = [_record(study) for study in STUDIES]
    keys = {cell["key"] for record in records for cell in record["cells"]}
    return {
        "records": records,
        "names": {key: catalogue.get(key).name for key in sorted(keys)},
        "learnt": sorted(keys & {*learnt()}),
        "words": WORDS,
        "first": FIRST,
        "zooms": ZOOMS,
        "factors": [
            0.0 if n < 2 else round(float(stats.t.ppf(0.975, n - 1)), 6)
            for n in range(MOST_RUNS + 1)
        ],
    }


def packed() -> dict[str, Any]:
    """Return :func:`data` with a row in place of each tried rate's dictionary.

    ``AtlasMath.unpack`` undoes it.
    """
    records = [
        record | {"cells": [_packed(cell) for cell in record["cells"]]}
        for record in data()["records"]
    ]
    return data() | {"records": records}


def _packed(cell: dict[str, Any]) -> dict[str, Any]:
    rows = [[point[name] for name in POINT] for point in cell["tuning"]]
    return cell | {"tuning": rows}


def _record(study: studies.Study) -> dict[str, Any]:
    table = studies.final(study)
    short, title = TITLES[study.name]
    finals = table[table["regime"] == "final"].sort_values("seed")
    tested = {
        key: [None if math.isnan(a) else round(a, 2) for a in runs["test_accuracy"]]
        for key, runs in finals.groupby(["activation", "init", "optimiser"])
    }
    scores = rates.tuning_scores(table)
    chosen = rates.chosen(table)
    cells = [
        {
            "key": row["activation"],
            "start": row["init"],
            "optimiser": row["optimiser"],
            "rate": row["lr"],
            "tuning": [
                _point(place, runs)
                for place, runs in sorted(scores[rates.key_of(row)].items())
            ],
            "final": tested[rates.key_of(row)],
        }
        for row in chosen.to_dict("records")
    ]
    return {
        "id": short,
        "title": title,
        "starts": list(dict.fromkeys(cell["start"] for cell in cells)),
        "optimisers": list(dict.fromkeys(cell["optimiser"] for cell in cells)),
        "cells": cells,
    }


def _point(place: int, runs: dict[int, float]) -> dict[str, Any]:
    held = [score for score in runs.values() if math.isfinite(score)]
    found = interval(held) if held else None
    half = found.half_width if found else math.nan
    return {
        "rate": rates.rate(place),
        "mean": round(found.mean, 2) if found else None,
        "half": round(half, 2) if math.isfinite(half) else None,
        "n": len(runs),
        "broke": len(runs) - len(held),
    }


def page() -> str:
    """Return the generated part of the page: a table, then the script and its data."""
    home = resources.files(__package__)
    style = home.joinpath("atlas.css").read_text("utf-8")
    script = home.joinpath("atlas.js").read_text("utf-8")
    text = json.dumps(packed(), ensure_ascii=False, separators=(",", ":"))
    text = text.replace("</", "<\\/")
    return (
        # Blank lines: Markdown then takes each of the four as it is.
        f"<style>{style}</style>\n\n"
        '<div class="actlab-atlas" id="atlas-app" hidden></div>\n\n'
        f'<script type="application/json" id="atlas-data">{text}</script>\n\n'
        f"<script>{script}</script>\n\n"
        f"{_order_table(ATLAS)}\n\n{_order_table(ATLAS_DIGITS)}\n\n"
        f"{_agreement()}\n\n{_provenance()}\n"
    )


def _order_table(study: studies.Study) -> str:
    """Return the order of a study by SGD from PyTorch's start, without a script."""
    table = studies.final(study)
    finals = table[
        (table["regime"] == "final")
        & (table["init"] == "default")
        & (table["optimiser"] == "sgd")
    ]
    marked = dict.fromkeys(learnt(), " †")
    rows = []
    for (key, lr), runs in finals.groupby(["activation", "lr"]):
        accuracies = runs["test_accuracy"].dropna()
        broke = len(runs) - len(accuracies)
        found = interval(accuracies) if len(accuracies) > 1 else None
        rows.append((found.mean if found else -1.0, str(key), lr, found, broke))
    lines = [
        f"<details><summary>The order on {TITLES[study.name][1]} from PyTorch's start "
        "by SGD, as a table</summary>",
        "",
        "| function | rate | test accuracy, % | broke down |",
        "|---|---|---|---|",
    ]
    for _, key, lr, found, broke in sorted(rows, reverse=True):
        shown = f"{found.mean:.2f} ± {found.half_width:.2f}" if found else "none"
        name = html.escape(catalogue.get(key).name) + marked.get(key, "")
        lines.append(f"| {name} | {lr:g} | {shown} | {broke} of {broke + _n(found)} |")
    return "\n".join([*lines, "", "</details>"])


def _agreement() -> str:
    """Return as a table how well the orders on the two sets agree."""
    lines = [
        "| start | functions | digits with Fashion-MNIST | Fashion-MNIST with itself "
        "| digits with themselves |",
        "|---|---|---|---|---|",
    ]
    for start in ("default", "matched"):
        for near, which in (
            (None, "all"),
            (NEAR, f"within {NEAR:g} points of the best on both"),
        ):
            found = agreement(start, near)
            lines.append(
                f"| {WORDS[start]} | {which}, {found.functions} | {shown(found)} "
                f"| {found.halves[0]:.2f} | {found.halves[1]:.2f} |"
            )
    return "\n".join(lines)


def shown(found: Agreement) -> str:
    """Return a rank correlation with its interval."""
    numbers = f"{found.rank:.2f} [{found.low:.2f}, {found.high:.2f}]"
    return numbers.replace("-", "−")


def _n(found: Any) -> int:
    return found.n if found else 0


def _provenance() -> str:
    parts = []
    for study in STUDIES:
        origin = studies.provenance(study)
        made = origin["environments"][0]
        parts.append(
            f"- `{origin['command']}`: {origin['runs']:,} runs, of which "
            f"{origin['runs_that_broke_down']} broke down, "
            f"{origin['seconds_of_all_runs'] / 60:.0f} minutes of one thread, "
            f"{origin['last_run_finished'][:10]}, torch "
            f"{made['versions']['torch']}, {made['cpu']}."
        )
    return "\n".join(parts)
