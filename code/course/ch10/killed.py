"""Who was killed, and whom a change saved, from the recorded study ``who-kills``."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from actlab import studies
from actlab.statistics import paired_difference

__all__ = [
    "PARTS",
    "born",
    "cell",
    "deaths",
    "killed_shares",
    "killed_table",
    "killed_tables",
    "saved_table",
]

PARTS = ("layer 1", "above")
_COUNTS = ("born", "killed", "woken", "given", "at_risk")
_LOT = "back: half, by lot"
_HEADS = {
    "digits": "digits",
    "digits, SGD": "& SGD",
    "Fashion-MNIST": "Fashion",
    "Fashion-MNIST, SGD": "& SGD",
    "Fashion-MNIST, six layers": "& six",
}
_NETWORKS = {
    "digits": "digits",
    "Fashion-MNIST": "Fashion-MNIST",
    "Fashion-MNIST, six layers": "six layers",
}
_SHORT = {"centred inputs": "centred"}
_FLOOR = 5  # deaths of the plain case below which who_kills asks nothing


@cache
def _per_run() -> pd.DataFrame:
    """One row per run and part of its network, with numbers of units.

    A run that broke down has nan.
    """
    rows = []
    for _, run in studies.load("who-kills").iterrows():
        texts = run[[*_COUNTS]].fillna("nan nan")
        counts = {name: np.array(texts[name].split(), float) for name in _COUNTS}
        for part, of in zip(PARTS, (slice(None, 1), slice(1, None)), strict=True):
            key = {"part": part} | {k: run[k] for k in ("regime", "variant", "seed")}
            rows.append(key | {name: n[of].sum() for name, n in counts.items()})
    return pd.DataFrame(rows)


def _runs(regime: str, part: str) -> pd.DataFrame:
    runs = _per_run()
    runs = runs[(runs["regime"] == regime) & (runs["part"] == part)]
    if runs.empty:
        raise ValueError(f"no runs of {regime!r}, {part!r}; parts are {PARTS}")
    return runs


def born(regime: str, part: str) -> pd.DataFrame:
    """Return units ``born`` dead and ``woken`` of the plain case, one row per seed."""
    runs = _runs(regime, part)
    plain = runs[runs["variant"] == "plain"].set_index("seed")
    return plain[["born", "woken"]]


def deaths(regime: str, part: str) -> pd.DataFrame:
    """Return how many units were killed: one row per seed, one column per change.

    Parameters
    ----------
    regime : the setting, as the study names it.
    part : ``"layer 1"`` or ``"above"``.

    Killed is born alive and dead at the end, for all training images.  In place of the
    change by lot there are two columns, ``lot: back`` for the units whose shift is
    given back and ``lot: not`` for the others of the same networks.  A run that broke
    down is nan.  Raises ``ValueError`` where nothing was run.  Chapter 10.
    """
    runs = _runs(regime, part)
    found = runs.pivot(index="seed", columns="variant", values="killed")
    found = found[[*dict.fromkeys(runs["variant"])]].drop(columns=_LOT)
    lot = runs[runs["variant"] == _LOT].set_index("seed")
    found["lot: back"] = lot["given"]
    found["lot: not"] = lot["killed"] - lot["given"]
    return found


def killed_shares() -> pd.DataFrame:
    """Return how many are killed under Adam, in per cent of those beside them.

    One row per network, part and change: ``network``, ``part``, ``change``, ``share``,
    and ``half_width`` of its 95 % interval.  Beside a change stands the plain case, by
    seed; beside the units of the lot that get their shift back the others of the same
    networks.  The interval is that of a ratio of means: Student's t over what is left
    of ``changed − share · beside``, seed by seed.  Parts in which the plain case kills
    fewer than five are left out: there the study asks nothing.  Chapter 10.
    """
    rows = []
    for part in PARTS:
        for regime, network in _NETWORKS.items():
            killed = deaths(regime, part)
            if killed["plain"].mean() < _FLOOR:
                continue
            beside = {str(name): killed["plain"] for name in killed}
            beside["lot: back"] = killed["lot: not"]
            for name in killed.columns.drop(["plain", "lot: not"]):
                changed, other = killed[name], beside[name]
                ratio = changed.mean() / other.mean()
                gap = paired_difference(changed, ratio * other)
                row = [network, part, _SHORT.get(name, name), 100 * ratio]
                rows.append([*row, 100 * gap.half_width / other.mean()])
    columns = ["network", "part", "change", "share", "half_width"]
    return pd.DataFrame(rows, columns=columns)


def killed_table(part: str) -> str:
    """Return means over the seeds as text, one column per setting.

    Two rows of births in the plain case and of those who woke, then the killed; in
    brackets how many runs are left, where some broke down.  Chapter 10.
    """
    cells = {}
    for regime in _HEADS:
        killed = deaths(regime, part)
        cells[regime] = {"born dead": cell(born(regime, part)["born"])}
        cells[regime]["woken"] = cell(born(regime, part)["woken"])
        cells[regime] |= {str(name): cell(killed[name]) for name in killed}
    lines = [f"{part:13}" + "".join(f"{head:>9}" for head in _HEADS.values())]
    for name in cells["digits"]:
        row = (cells[regime].get(name, "") for regime in _HEADS)
        lines.append(
            f"{_SHORT.get(name, name):13}" + "".join(f"{cell:>9}" for cell in row)
        )
    return "\n".join(line.rstrip() for line in lines)


def saved_table() -> str:
    """Return the killed of whole networks as text, one line per setting.

    Means over the seeds: the plain case, the shift taken back in all layers, which
    share of the deaths that takes away if no run broke down, the two halves of the lot,
    and how far they are apart, paired by seed; in brackets how many runs are left.
    Chapter 10.
    """
    names = {"plain": 6, "back: all": 8, "lot: back": 10, "lot: not": 9}
    lines = [f"{'both':7} plain     all saved lot: back      not      apart"]
    for regime, head in _HEADS.items():
        killed = deaths(regime, PARTS[0]) + deaths(regime, PARTS[1])
        cells = {name: f"{cell(killed[name]):>{n}}" for name, n in names.items()}
        share = 1 - killed["back: all"].mean() / killed["plain"].mean()
        whole = killed["back: all"].notna().all()
        cells["back: all"] += f"{100 * share:4.0f} %" if whole else " " * 6
        halves = killed[["lot: not", "lot: back"]].dropna()
        gap = paired_difference(halves["lot: not"], halves["lot: back"])
        apart = f"{gap.mean:.1f} ± {gap.half_width:.1f}"
        lines.append(f"{head:7}" + "".join(cells.values()) + f"{apart:>11}")
    return "\n".join(lines)


def killed_tables() -> str:
    """Return all numbers of the study as text: both parts, and whole networks.

    Chapter 10.
    """
    said = (
        "Means of ten networks; (n): of n, the others broke down.\n"
        "Born dead and woken: of the plain case."
    )
    return "\n\n".join([*map(killed_table, PARTS), saved_table(), said])


def cell(values: pd.Series) -> str:
    """Return a mean as text, with the number of runs left if some broke down."""
    left = values.dropna()
    if left.empty:
        return "(0)"
    return f"{left.mean():.1f}" + (f" ({len(left)})" if len(left) < len(values) else "")
