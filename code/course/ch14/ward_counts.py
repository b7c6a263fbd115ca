"""What the panel's rules say in the wards of the study ``wards``, counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

import pandas as pd
from scipy import stats

from actlab import studies

from .wards import WARDS, WardRun

__all__ = ["by_cause", "by_setting", "counted", "runs", "share", "told"]

ROWS = (
    "nan and inf",
    "inputs",
    "loss",
    "logits",
    "activation size",
    "activation trend",
    "input correlation",
    "saturation",
    "dead units",
    "error signal",
    "update : data",
)
"""The rows of a classifier's panel, in their order."""

NOISY = ("loss", "logits", "dead units", "update : data")
"""Those that the ward of the chapter marks for its healthy network."""

OTHERS = ("first", "recounted")
RULES = ("ours", *OTHERS)
SIGNAL = ("activation size", "activation trend", "input correlation", "error signal")
# What a row speaks of: fields of a run in which it may differ from its healthy twin.
_SPEAK = {
    "inputs": ("inputs",),
    "lr": ("update : data",),
    "optimiser": ("update : data",),
    "activation": SIGNAL,
    "init": SIGNAL,
    "depth": SIGNAL,
    "norm": SIGNAL,
}


def named(letters: str, noisy: Collection[str]) -> str:
    """Return the row that ``patients.named`` names, of a panel in letters."""
    quiet = [r for r, m in zip(ROWS, letters) if m in "!x" and r not in noisy]
    loud = [r for r, m in zip(ROWS, letters) if m == "x" and r in noisy]
    return next(iter(quiet + loud), "")


def _twin(ward: str) -> WardRun:
    conditions = (c for c in WARDS.conditions if isinstance(c, WardRun))
    return next(c for c in conditions if c.regime == ward)


def _noisy_of_twin(table: pd.DataFrame, ward: str, look: str) -> set[str]:
    """Return the rows that the twin of a ward marks in its runs with even seeds."""
    twin = table[(table["regime"] == ward) & (table["variant"] == "as usual")]
    panels = twin[twin["seed"] % 2 == 0][look]
    return {row for panel in panels for row, m in zip(ROWS, panel) if m in "!x"}


@cache
def runs(look: str = "before") -> pd.DataFrame:
    """Return the study's runs with what became of them and what each rule names.

    ``look`` is ``"before"`` the first step or ``"after"`` the last; after it, runs that
    broke down have no panel and are left out.  ``state`` is ill, between or well;
    ``first``, ``ours`` and ``recounted`` the row that the rule names, empty for none;
    ``rows`` those that would be right.  Chapter 14.
    """
    table = studies.final("wards")
    usual = table[table["variant"] == "as usual"].groupby("regime")["test_accuracy"]
    behind = table["regime"].map(usual.median()) - table["test_accuracy"]
    behind = behind.fillna(float("inf"))  # broke down
    states = ["ill" if b > 10 else "well" if b <= 5 else "between" for b in behind]
    cells = zip(table["regime"], table["variant"])
    right = pd.Series([_right_rows(*cell) for cell in cells], index=table.index)
    table = table.assign(state=states, rows=right)
    table = table[table[look].notna()].copy()
    table["first"] = [named(panel, ()) for panel in table[look]]
    table["ours"] = [named(panel, NOISY) for panel in table[look]]
    noisy = {w: _noisy_of_twin(table, w, look) for w in table["regime"].unique()}
    table["recounted"] = [
        named(panel, noisy[ward]) for panel, ward in zip(table[look], table["regime"])
    ]
    return table


@cache
def _right_rows(ward: str, variant: str) -> tuple[str, ...]:
    """Return the rows that speak of what differs from the ward's healthy twin."""
    conditions = (c for c in WARDS.conditions if isinstance(c, WardRun))
    run = next(c for c in conditions if (c.regime, c.variant) == (ward, variant))
    twin = _twin(ward)
    found = (
        rows
        for name, rows in _SPEAK.items()
        if getattr(run, name) != getattr(twin, name)
    )
    return tuple(dict.fromkeys(row for rows in found for row in rows))


def counted(
    rule: str = "ours", *, ward: str = "", look: str = "before"
) -> dict[str, tuple[int, int]]:
    """Count a rule's alarms: pairs of hits and runs, in one ward or in all.

    ``false``: alarms among the well; ``alarm``: among the ill; ``right``: ill runs of
    which it names a row that speaks of what was changed.  Raises ``ValueError`` for an
    unknown rule.  Chapter 14.
    """
    if rule not in RULES:
        raise ValueError(f"no rule {rule!r}; there are {RULES}")
    table = runs(look)
    if ward:
        table = table[table["regime"] == ward]
    if rule == "recounted":  # what it was made of is not counted
        made_of = (table["variant"] == "as usual") & (table["seed"] % 2 == 0)
        table = table[~made_of]
    alarm = table[rule] != ""
    right = pd.Series(
        [name in rows for name, rows in zip(table[rule], table["rows"])], table.index
    )
    ill, well = table["state"] == "ill", table["state"] == "well"
    return {
        "false": (int(alarm[well].sum()), int(well.sum())),
        "alarm": (int(alarm[ill].sum()), int(ill.sum())),
        "right": (int(right[ill].sum()), int(ill.sum())),
    }


def share(hits: int, of: int) -> tuple[float, float]:
    """Return the ends of Wilson's 95 % interval of a share, between 0 and 1."""
    ends = stats.binomtest(hits, of).proportion_ci(method="wilson")
    return float(ends.low), float(ends.high)


def by_setting(look: str = "before") -> pd.DataFrame:
    """Return a row per setting: accuracy, how many runs are what, and what is named.

    ``accuracy`` is the median of the runs that ended, ``named`` the row that the rule
    ``ours`` names most often; ``alarms`` and ``right`` count the runs in which it names
    one, and a right one.  Chapter 14.
    """
    rows: list[dict[str, Any]] = []
    for (ward, variant), table in runs(look).groupby(["regime", "variant"], sort=False):
        hits = [name in right for name, right in zip(table["ours"], table["rows"])]
        rows.append(
            {
                "ward": ward,
                "setting": variant,
                "accuracy": table["test_accuracy"].dropna().median(),
                "ill": int((table["state"] == "ill").sum()),
                "well": int((table["state"] == "well").sum()),
                "alarms": int((table["ours"] != "").sum()),
                "right": sum(hits),
                "named": table["ours"].mode()[0],
            }
        )
    return pd.DataFrame(rows)


def told() -> str:
    """Return the counts as text: shares, with intervals in per cent.

    The rule ``ours`` ward by ward and in all of them, the two others in all; then
    ``ours`` after the last step.  Chapter 14.
    """
    heads = ("well: alarm", "ill: alarm", "ill: right")
    lines = ["before the first step", _row("ours", heads)]
    wards = [*dict.fromkeys(c.regime for c in WARDS.conditions)]
    lines += [_line(ward, counted(ward=ward)) for ward in wards]
    lines.append(_line("all", counted()))
    lines += [_line(f"{rule}, all", counted(rule)) for rule in OTHERS]
    lines += ["after the last step", _line("ours, all", counted(look="after"))]
    return "\n".join(line.rstrip() for line in lines)


def _line(name: str, found: dict[str, tuple[int, int]]) -> str:
    cells = []
    for hits, of in found.values():
        low, high = (100 * end for end in share(hits, of))
        cells.append(f"{hits}/{of} {low:.0f}–{high:.0f}")
    return _row(name, cells)


def _row(name: str, cells: Iterable[str]) -> str:
    return f"{name:15}" + "".join(f"{cell:<15}" for cell in cells)


def by_cause() -> str:
    """Return as text what the rule ``ours`` makes of the ill, by what was changed.

    A line per row that would be right, before the first step: in how many ill runs it
    names one, and that one; then how many settings are alarmed in most of their runs.
    Chapter 14.
    """
    ill = runs().query("state == 'ill'")
    lines = [f"{'ill by what was changed':25}{'alarm':>8}{'right row':>11}"]
    for rows, name in _CHANGED.items():
        those = ill[[set(found) == set(rows) for found in ill["rows"]]]
        right = sum(those["ours"].isin(rows))
        alarm, of = int((those["ours"] != "").sum()), len(those)
        lines.append(f"{name:25}{f'{alarm}/{of}':>8}{f'{right}/{of}':>11}")
    table = by_setting()
    for state in ("well", "ill"):
        those = table[table[state] > 10]
        alarmed, right = (int((those[name] > 10).sum()) for name in ("alarms", "right"))
        line = f"settings: {alarmed} of {len(those)} {state} ones alarmed"
        more = f", {right} with a right row" if state == "ill" else ""
        lines.append(line + more)
    return "\n".join(lines)


_CHANGED = {
    ("inputs",): "inputs",
    ("update : data",): "step or optimiser",
    SIGNAL: "function, start or depth",
    (*SIGNAL, "update : data"): "start and optimiser",
    ("inputs", "update : data"): "inputs and optimiser",
    (*SIGNAL, "inputs"): "inputs and normalisation",
    (): "a softmax too many",
}
