"""What the studies of chapter 14 say, as tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from actlab import studies
from actlab.statistics import compare, holm, paired_difference
from actlab.studies.rates import Cell, choice_noise, chosen, key_of

from .studies import in_decibels

__all__ = ["PAIRS", "TASKS", "idle", "leads", "over_gelu", "paired", "ratios", "told"]

TASKS = {
    "equation": ("calm", "peaked", "calm first", "peaked first"),
    "steeper-fresh": ("peaked",),
    "graph": ("lines", "ring"),
    "graph-gain": ("lines", "ring"),
    "control": ("cart", "pendulum"),
    "off-policy": ("cart", "pendulum"),
}
"""The studies that are told, each with its tasks, see :func:`told`."""

PAIRS = {
    "graph-gain": (
        ("prelu", "relu"),
        ("prelu", "frozen"),
        ("frozen", "relu"),
        ("prelu", "relu_scaled"),
        ("prelu_unit_gain", "relu"),
    ),
    "off-policy": (("tanh", "relu"),),
}
"""What is compared in each task of two studies, as they were designed."""


def leads(table: pd.DataFrame, against: str, margin: float) -> pd.DataFrame:
    """Return by how much each function leads one of them, each at its own step.

    Parameters
    ----------
    table : of a study whose rates were searched, one task.
    against : the function that the others are compared with.
    margin : how small a difference counts as none.

    One row per function, under its key: ``init`` and ``lr``, chosen by the tuning
    seeds; ``mean`` of the runs that ended, and how many of ``n`` did not, ``broke``;
    the ``lead`` and the ends of its 95 % interval, ``low`` and ``high``, paired over
    the seeds that ended in both, with what the choice of the rates adds; ``level``
    where the whole interval lies within the margin.  Chapter 14.
    """
    best = chosen(table).sort_values("held_out").groupby("activation").tail(1)
    cells = {row["activation"]: row for row in best.to_dict("records")}
    runs = {key: _runs(table, key_of(cell)) for key, cell in cells.items()}
    rows = {}
    for key, cell in cells.items():
        ended = runs[key].dropna()
        row = {"init": cell["init"], "lr": cell["lr"], "mean": ended.mean()}
        row |= {"n": len(runs[key]), "broke": len(runs[key]) - len(ended)}
        if key != against:
            both = table[table["activation"].isin([key, against])]
            noise = choice_noise(both, key_of(cell), key_of(cells[against]))
            row |= _lead(runs[key], runs[against], noise, margin)
        rows[key] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _runs(table: pd.DataFrame, cell: Cell) -> pd.Series:
    """Return the final runs of a cell, under their seeds."""
    rows = table[table["regime"] == "final"]
    for name, value in zip(("activation", "init", "optimiser"), cell, strict=True):
        rows = rows[rows[name] == value]
    return rows.set_index("seed")["test_accuracy"].sort_index()


def _lead(
    first: pd.Series, second: pd.Series, noise: float, margin: float
) -> dict[str, Any]:
    pair = pd.concat({"first": first, "second": second}, axis=1).dropna()
    runs = {name: pair[name].tolist() for name in ("first", "second")}
    found = compare(runs, "second", further={"first": noise}).iloc[0]
    low, high = float(found["low"]), float(found["high"])
    level = -margin < low and high < margin
    lead = float(found["difference"])
    return {"lead": lead, "low": low, "high": high, "level": level}


def paired(study: str) -> pd.DataFrame:
    """Return the comparisons of one study, corrected for their number.

    Parameters
    ----------
    study : a key of :data:`PAIRS`.

    One row per task and pair, under ``task``, ``first`` and ``second``, each function
    at its own start and rate: the ``lead`` of the first, the ends ``low`` and ``high``
    of intervals that hold together (Bonferroni), and ``p_holm`` of the difference.  In
    all of them is what the choice of the rates adds.  Chapter 14.
    """
    table = studies.load(study)
    found = [
        {"task": task, "first": first, "second": second}
        | _compared(rows, first, second, len(PAIRS[study]) * table["variant"].nunique())
        for task, rows in table.groupby("variant")
        for first, second in PAIRS[study]
    ]
    told = pd.DataFrame(found).set_index(["task", "first", "second"])
    return told.assign(p_holm=holm(told.pop("p")))


def _compared(
    table: pd.DataFrame, first: str, second: str, comparisons: int
) -> dict[str, float]:
    both = table[table["activation"].isin([first, second])]
    best = chosen(both).sort_values("held_out").groupby("activation").tail(1)
    cells = {row["activation"]: key_of(row) for row in best.to_dict("records")}
    noise = choice_noise(both, cells[first], cells[second])
    runs = pd.concat({key: _runs(table, cells[key]) for key in cells}, axis=1).dropna()
    row = compare(
        {key: runs[key].tolist() for key in (first, second)},
        second,
        level=1 - 0.05 / comparisons,
        further={first: noise},
    ).iloc[0]
    names = {"lead": "difference", "low": "low", "high": "high", "p": "p"}
    return {new: float(row[old]) for new, old in names.items()}


def ratios(equation: str, order: str = "second") -> pd.DataFrame:
    """Return the errors on one equation, and their ratios to tanh's.

    Parameters
    ----------
    equation, order : as in ``equations``.

    As :func:`leads`, but ``error`` is a geometric mean, and ``ratio`` with its ends
    ``low`` and ``high`` is the error over tanh's.  At the peak tanh(2x) and tanh(4x),
    of the study *steeper*, stand with them.  Chapter 14.
    """
    both = pd.concat([studies.load("equation"), studies.load("steeper")])
    table = in_decibels(both)
    table = table.query("variant == @equation and change == @order")
    return _as_errors(leads(table, "tanh", margin=6.0))


def _as_errors(found: pd.DataFrame) -> pd.DataFrame:
    """Return decibels as errors, and their differences as ratios."""
    as_factor = {"error": "mean", "ratio": "lead", "low": "high", "high": "low"}
    factors = {new: 10 ** (-found[old] / 20) for new, old in as_factor.items()}
    return found[["init", "lr", "n", "broke"]].assign(**factors)


def over_gelu() -> pd.DataFrame:
    """Return the errors at the peak with fresh seeds, and their ratios to GELU's.

    As :func:`ratios`, of the study *steeper-fresh*, with ``held_out``, the mean of the
    tuning seeds in decibels.  Chapter 14.
    """
    table = in_decibels(studies.load("steeper-fresh"))
    found = _as_errors(leads(table, "gelu", margin=6.0))
    tuned = chosen(table).groupby("activation")["held_out"].max()
    return found.assign(held_out=tuned)


def idle() -> pd.DataFrame:
    """Return how many units of the study *off-policy* were idle, in percent.

    One row per world and function, at its start and rate: means of the columns that
    the study has, and for dead and dormant units the rise from birth to end with the
    ends of its 95 % interval.  Chapter 14.
    """
    table = studies.load("off-policy")
    rows = {}
    for world, runs in table.groupby("variant"):
        best = chosen(runs).sort_values("held_out").groupby("activation").tail(1)
        for cell in best.to_dict("records"):
            final = runs[(runs["regime"] == "final") & (runs["lr"] == cell["lr"])]
            final = final.query(
                "activation == @cell['activation'] and init == @cell['init']"
            )
            row = {"earned": final["test_accuracy"].mean()}
            for kind in ("dead", "dormant"):
                birth, end = (final[f"{kind}_{when}"] for when in ("birth", "end"))
                rise = paired_difference(end, birth)
                row |= {f"{kind}_birth": birth.mean(), f"{kind}_end": end.mean()}
                row |= {f"{kind}_low": rise.low, f"{kind}_high": rise.high}
            rows[world, cell["activation"]] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def told(study: str, task: str) -> str:
    """Return what one study says of one task as a table of words.

    Parameters
    ----------
    study : a key of :data:`TASKS`.
    task : its equation, with ``" first"`` where only first derivatives are used; its
        task or world.

    A row for each function, the best first: the error, and its ratio to tanh's or
    GELU's; or per cent right, or earned, and the lead over ReLU.  Each with the 95 %
    interval.  Of the studies in :data:`PAIRS` a row for each comparison, as
    :func:`paired` has it, and of *off-policy* dead units.  Chapter 14.
    """
    if study in PAIRS:
        return _pairs_in_words(study, task)
    if study == "steeper-fresh":
        found = over_gelu().sort_values("error")
        return _in_words(task, found, ("error", "ratio"), "{:.2g}", "over GELU's")
    if study == "equation":
        equation, _, order = task.partition(" ")
        found = ratios(equation, order or "second").sort_values("error")
        return _in_words(task, found, ("error", "ratio"), "{:.2g}", "over tanh's")
    margin = {"graph": 1.0, "control": 5.0}[study]
    found = leads(studies.load(study).query("variant == @task"), "relu", margin)
    found = found.sort_values("mean", ascending=False)
    return _in_words(task, found, ("mean", "lead"), "{:.1f}", "lead over ReLU")


def _pairs_in_words(study: str, task: str) -> str:
    lines = [f"     {task}: lead, corrected"]
    for row in paired(study).loc[task].reset_index().to_dict("records"):
        pair = "{first} - {second}".format_map(row)
        lead = "{lead:.1f} ({low:.1f} to {high:.1f})".format_map(row)
        lines.append(f"{pair:24} {lead:>20}")
    if study == "off-policy":
        for row in idle().loc[task].reset_index().to_dict("records"):
            dead = "{earned:.1f} %, dead units {dead_birth:.0f} to {dead_end:.0f} %"
            lines.append(f"{row['index']:5} {dead.format_map(row)}")
    return "\n".join(lines)


def _in_words(
    task: str, found: pd.DataFrame, names: tuple[str, str], form: str, said: str
) -> str:
    words = found[[*names, "low", "high"]].map(lambda v: _short(form.format(v)))
    value, against = (words[name] for name in names)
    spans = against + " (" + words["low"] + " to " + words["high"] + ")"
    spans = spans.where(found[names[1]].notna(), "")
    unit = "error" if names[0] == "error" else "%"
    lines = (
        pd.DataFrame({f"{task}: {unit}": value, said: spans}).to_string().splitlines()
    )
    return "\n".join(line.rstrip() for line in lines)


def _short(number: str) -> str:
    """Write 12,000 for 1.2e+04."""
    return f"{float(number):,.0f}" if "e+" in number else number
