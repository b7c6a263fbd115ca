"""What may be quoted of the recorded studies: aggregates, never single cells.

A study's table has thousands of numbers, and any two digits stand in it somewhere; so
do they in its hundreds of differences. So two things count only: an accuracy with its
interval, both as the package prints them, of an activation that the sentence names;
and the one mean or paired difference that a formula names, as in
``published[sgd_small relu]`` or ``published[sgd_small relu | sgd_small gelu].low``.
"""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from pathlib import Path

import pandas as pd

ROOT = next(p for p in Path(__file__).resolve().parents if (p / "chapters").is_dir())
sys.path.insert(0, str(ROOT / "code"))

from actlab.catalogue import CATALOGUE  # noqa: E402
from actlab.statistics import (  # noqa: E402
    Interval,
    interval,
    paired_difference,
)

__all__ = ["ROOT", "intervals", "named", "recorded", "settings", "studies_of", "value"]

KEYS = ["regime", "activation", "init", "variant", "optimiser", "lr", "momentum"]
MEASURED = ["test_accuracy", "test_loss", "train_loss", "parameter", "psnr"]
MEASURED += ["psnr_between", "dead_test", "dead_train"]
# Names that only sentences use.
SPOKEN = {
    "no activation": "identity",
    "without activation": "identity",
    "linear network": "identity",
    "silu": "swish",
}


@cache
def _names() -> tuple[re.Pattern[str], dict[str, str]]:
    """Return what finds an activation's name in a text, and whose name it is."""
    names = dict(SPOKEN)
    for row in CATALOGUE.values():
        for name in (row.name, row.key.replace("_", " "), *row.aliases):
            names.setdefault(name.lower(), row.key)
    longest = sorted(names, key=len, reverse=True)
    either = "|".join(re.escape(name) for name in longest)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)"), names


def named(text: str) -> set[str]:
    """Return the keys of the activations that a text names."""
    pattern, names = _names()
    return {names[name] for name in pattern.findall(text.lower())}


def studies_of(chapter: int, code: str) -> list[str]:
    """Return the studies recorded for a chapter, and those that its code names."""
    found = []
    for path in sorted(ROOT.glob("code/**/results/*.json")):
        grid = _grid(path)
        quoted = re.search(rf"['\"]{re.escape(path.stem)}['\"]", code)
        if grid and (grid.get("chapter") == chapter or quoted):
            found.append(path.stem)
    return found


def recorded() -> list[str]:
    """Return the names of all recorded studies."""
    return [p.stem for p in ROOT.glob("code/**/results/*.json") if _grid(p)]


def _grid(path: Path) -> dict:
    return json.loads(path.read_text("utf-8")).get("grid", {})


@cache
def _table(study: str) -> pd.DataFrame:
    table = pd.read_csv(next(ROOT.glob(f"code/**/results/{study}.csv")))
    return table.fillna({"variant": ""}) if "variant" in table else table


def intervals(
    study: str, keys: set[str], epochs: frozenset[int] = frozenset()
) -> list[Interval]:
    """Return the accuracies with their intervals that a sentence may quote.

    Of every condition whose activation is among ``keys``, at its last epoch and at
    ``epochs``.
    """
    return [
        interval(run["test_accuracy"])
        for epoch in (None, *sorted(epochs))
        for condition, run in _runs(study, epoch).items()
        if condition[1] in keys and "test_accuracy" in run
    ]


def picked(study: str, words: str) -> list[float]:
    """Return what ``words`` pick out of a study's table, one number per seed.

    The words are values of the condition ("sgd_small", "relu", "lr=0.1"; "plain" for no
    variant), at most one column (else the test accuracy) and at most one epoch as
    "epoch=5" (else the last). Counts per layer are added up. Raises ``LookupError``
    unless exactly one condition is left.
    """
    columns = [word for word in words.split() if word in MEASURED]
    epochs = [int(word[6:]) for word in words.split() if word.startswith("epoch=")]
    wanted = set(words.split()) - set(columns) - {f"epoch={n}" for n in epochs}
    runs = _runs(study, epochs[0] if epochs else None)
    column = columns[0] if columns else "test_accuracy"
    found = [
        run[column]
        for condition, run in runs.items()
        if wanted <= _said(condition) and column in run
    ]
    if len(found) != 1:
        raise LookupError(f"{study}[{words}] picks {len(found)} conditions, not one")
    return found[0]


def value(study: str, words: str, part: str = "mean") -> float:
    """Return a part of an interval: mean, low, high, half_width or std.

    Of the numbers that ``words`` pick, as :func:`picked`; with a bar between two
    picks, of their differences paired by seed. Raises ``LookupError`` for no such
    study or pick.
    """
    if study not in recorded():
        raise LookupError(f"no study {study!r} is recorded")
    picks = [picked(study, one) for one in words.split("|")]
    found = interval(picks[0]) if len(picks) == 1 else paired_difference(*picks)
    return getattr(found, part)


def _said(condition: tuple) -> set[str]:
    """Return the values of a condition as words; no variant is the word plain."""
    named = dict(zip(KEYS, condition))
    named["variant"] = named["variant"] or "plain"
    return {str(v) for v in named.values()} | {f"{k}={v}" for k, v in named.items()}


def settings(study: str) -> set[float]:
    """Return the rates, momenta and epochs of a study."""
    table = _table(study)
    ends = table.groupby([key for key in KEYS if key in table])["epoch"].max()
    return {float(x) for c in ("lr", "momentum") for x in table[c]} | set(ends)


@cache
def _runs(study: str, epoch: int | None) -> dict[tuple, dict[str, list[float]]]:
    """Return per condition its measured columns, one number per seed.

    A column in which a run broke down has no mean and is left out.
    """
    table = _table(study)
    keys = [key for key in KEYS if key in table]
    last = table.groupby([*keys, "seed"], sort=False)["epoch"].transform("max")
    rows = table[table["epoch"] == (last if epoch is None else epoch)]
    columns = [column for column in MEASURED if column in table]
    found = {}
    for _, group in rows.groupby(keys, sort=False):
        group = group.sort_values("seed")
        condition = tuple(group.iloc[0].get(name, "") for name in KEYS)
        found[condition] = {
            column: [_total(value) for value in group[column]]
            for column in columns
            if group[column].notna().all()
        }
    return found


def _total(value: float | str) -> float:
    """Return a number, or the sum over layers of a text such as "0 7 22 9"."""
    if isinstance(value, str):
        return float(sum(map(float, value.split())))
    return float(value)
