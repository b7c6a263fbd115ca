"""What lies below, and SGD: the reading of the studies ``lot-below`` and ``sgd-shift``.

The rules stand in ``below``, written down before the first run.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from actlab import studies
from actlab.statistics import Interval, paired_difference

from .killed import cell

__all__ = ["descents", "few_or_many", "lot_table", "lots", "part_of", "sgd_table"]

ROWS = ("below plain", "below back", "arrivals back")
FEW, MANY = 0.25, 0.5
VOID = 0.2  # share of broken runs above which a row is void
FLOOR_LOT, FLOOR_SGD = 5, 2  # deaths a seed below which a row says nothing
_RATES = (0.03, 0.05, 0.1)
_SHORT = {
    "centred inputs": "centred",
    "steps centred: layer 1": "steps: 1",
    "steps centred: above": "steps: above",
    "steps centred: all": "steps: all",
    "as short: above": "short: above",
}


def few_or_many(changed: pd.Series, beside: pd.Series) -> str:
    """Say whether few are killed beside others, by the rule of the design.

    Parameters
    ----------
    changed, beside : numbers of the killed, one per seed, without nan.

    ``"few"`` if they are at most a quarter of ``beside`` and surely below a half of
    them, ``"many"`` if they are at least a half and surely above a quarter, with
    intervals paired by seed; else ``"not settled"``.  Chapter 10.
    """
    ratio = changed.mean() / beside.mean()
    if ratio <= FEW and paired_difference(changed, MANY * beside).high < 0:
        return "few"
    if ratio >= MANY and paired_difference(changed, FEW * beside).low > 0:
        return "many"
    return "not settled"


@cache
def _lot_runs() -> pd.DataFrame:
    """One row per network of which one layer was split by lot: its layer's numbers."""
    rows = []
    for _, run in studies.load("lot-below").iterrows():
        row, _, layer = run["variant"].partition(", ")
        if not layer:
            continue
        names = ("killed", "given", "own", "arrived")
        of = {name: float(run[name].split()[int(layer) - 1]) for name in names}
        others = of["killed"] - of["given"]
        key = {"row": row, "layer": int(layer), "seed": run["seed"]}
        rows.append(key | of | {"back": of["given"], "others": others})
    return pd.DataFrame(rows)


def lots(row: str, layers: tuple[int, ...] = (2, 3, 4, 5, 6)) -> pd.DataFrame:
    """Return one row per seed of the networks in which one of ``layers`` was split.

    Parameters
    ----------
    row : ``"below plain"``, ``"below back"`` or ``"arrivals back"``.

    ``back`` and ``others`` are the killed of the half that was given its shift back and
    of the other, summed over the networks; ``own`` and ``arrived`` how far the layer's
    own steps and what arrived moved its units' mean pre-activations, root mean square
    over units, mean over networks.  Raises ``ValueError`` for another row.  Chapter 10.
    """
    if row not in ROWS:
        raise ValueError(f"row is {row!r}; choose one of {ROWS}")
    runs = _lot_runs()
    seeds = runs[(runs["row"] == row) & runs["layer"].isin(layers)].groupby("seed")
    return seeds[["back", "others"]].sum().join(seeds[["own", "arrived"]].mean())


def lot_table() -> str:
    """Return the halves of the lots as text, one line per row of the study.

    Means over the seeds, summed over the layers that were split in turn: the killed of
    the half given back, of the others, the ratio, how far they are apart, paired by
    seed; and by how much what arrives moves the layer.  Chapter 10.
    """
    lines = [f"{'':14}lot: back   not  ratio       apart  arrives"]
    for row in ROWS:
        found = lots(row)
        back, others = found["back"], found["others"]
        gap = paired_difference(others, back)
        lines.append(
            f"{row:14}{back.mean():9.1f}{others.mean():6.1f}"
            f"{back.mean() / others.mean():7.2f}"
            f"{f'{gap.mean:.1f} ± {gap.half_width:.1f}':>12}"
            f"{found['arrived'].mean():9.2f}"
        )
    lines.append(f"Six layers, one of the upper five split: sums; {len(found)} seeds.")
    return "\n".join(lines)


@cache
def _sgd_runs() -> pd.DataFrame:
    rows = []
    for _, run in studies.load("sgd-shift").iterrows():
        text = run["killed"]
        killed = np.array(text.split(), float) if isinstance(text, str) else None
        key = {name: run[name] for name in ("regime", "lr", "variant", "seed")}
        for part, of in (("layer 1", slice(None, 1)), ("above", slice(1, None))):
            number = np.nan if killed is None else killed[of].sum()
            rows.append(key | {"part": part, "killed": number})
    return pd.DataFrame(rows)


def descents(data: str, lr: float, part: str) -> pd.DataFrame:
    """Return the killed under SGD: one row per seed, one column per change.

    Parameters
    ----------
    data : ``"digits"`` or ``"Fashion-MNIST"``.
    lr : 0.03, 0.05 or 0.1.
    part : ``"layer 1"`` or ``"above"``.

    A run that broke down is nan.  Raises ``ValueError`` where nothing was run.
    Chapter 10.
    """
    runs = _sgd_runs()
    runs = runs[(runs["regime"] == data) & (runs["lr"] == lr) & (runs["part"] == part)]
    if runs.empty:
        raise ValueError(f"no runs of {data!r} with step {lr}, {part!r}")
    found = runs.pivot(index="seed", columns="variant", values="killed")
    return found[[*dict.fromkeys(runs["variant"])]]


def part_of(data: str, lr: float, change: str, part: str) -> tuple[str, Interval]:
    """Return the verdict of a row under SGD, and the interval of plain − changed.

    ``"void"`` if more than a fifth of its runs broke down, ``"below the floor"`` if the
    plain case kills fewer than two a run, else what :func:`few_or_many` says.  Only
    seeds that are left on both sides are compared.  Chapter 10.
    """
    killed = descents(data, lr, part)
    both = killed[["plain", change]].dropna()
    gap = paired_difference(both["plain"], both[change])
    if max(killed["plain"].isna().mean(), killed[change].isna().mean()) > VOID:
        return "void", gap
    if killed["plain"].mean() < FLOOR_SGD:
        return "below the floor", gap
    verdict = few_or_many(both[change], both["plain"])
    return ("not settled" if verdict == "few" and gap.low <= 0 else verdict), gap


def sgd_table(part: str) -> str:
    """Return the killed under SGD as text, one column per data set and step.

    Means over the ten or twenty seeds; in brackets the number of those that are left,
    where runs broke down.
    Chapter 10.
    """
    steps = [(data, lr) for data in ("digits", "Fashion-MNIST") for lr in _RATES]
    cells = {}
    for key in steps:
        killed = descents(*key, part)
        cells[key] = {str(change): cell(killed[change]) for change in killed}
    lines = [f"{part:18}{'digits':<27}Fashion-MNIST"]
    lines.append(" " * 14 + "".join(f"{lr:9.2f}" for _, lr in steps))
    for change in dict.fromkeys(name for found in cells.values() for name in found):
        row = "".join(f"{found.get(change, ''):>9}" for found in cells.values())
        lines.append(f"{_SHORT.get(change, change):14}{row}".rstrip())
    lines.append(
        "steps: gradient as with centred layer inputs; short: as it is, so short"
    )
    lines.append(f"Nothing is asked where plain kills fewer than {FLOOR_SGD}.")
    return "\n".join(line.rstrip() for line in lines)
