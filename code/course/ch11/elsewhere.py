"""Other networks, hidden outputs without their mean, and kernels that move."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from actlab import statistics, studies

from .lazy import CELLS
from .second import LEVELS, NETWORKS, STEPS

__all__ = [
    "centring",
    "edges",
    "edges_table",
    "halves",
    "kernels",
    "kernels_table",
    "moves",
    "moves_over",
    "ratio",
    "sharper",
    "table",
]

EDGE = 0.9
"""Of 2/lr: from here on a network counts as having come to the edge."""


def _at(network: str, lr: float, level: float) -> pd.DataFrame:
    runs = studies.load("second-flat")
    here = (runs["regime"] == network) & (runs["lr"] == lr)
    here &= runs["epoch"] == LEVELS.index(level)
    return runs[here].set_index(["activation", "seed"])


def _geometric(logs: np.ndarray) -> dict[str, float]:
    found = statistics.interval(logs)
    ends = np.exp([found.mean, found.low, found.high])
    return dict(zip(("ratio", "low", "high"), map(float, ends))) | {"n": found.n}


def _over(over: pd.Series, under: pd.Series) -> dict[str, float]:
    quotients = (over / under).dropna().to_numpy()
    return _geometric(np.log(quotients))


def ratio(
    network: str,
    lr: float,
    name: str,
    column: str = "largest",
    *,
    against: str = "relu",
    level: float = 0.3,
) -> dict[str, float]:
    """Return one function's largest eigenvalue over another's, paired by seed.

    Parameters
    ----------
    network : one of ``NETWORKS``.
    column : ``largest``, or ``centred``, without the mean of the hidden outputs.
    level : of the loss, one of ``LEVELS``.

    Geometric mean ``ratio`` over the ``n`` seeds that both have, and its 95 % interval
    from ``low`` to ``high``.  Chapter 11.
    """
    values = _at(network, lr, level)[column].unstack("activation")
    return _over(values[name], values[against])


def centring(
    network: str, lr: float, name: str = "relu", column: str = "centred"
) -> dict[str, float]:
    """Return what a shift does to the largest eigenvalue of one function.

    ``column`` is ``centred`` or ``shifted``, as far in a random direction; as in
    :func:`ratio`, at the lowest level.  Chapter 11.
    """
    rows = _at(network, lr, min(LEVELS)).xs(name, level="activation")
    return _over(rows[column], rows["largest"])


def halves(network: str, lr: float) -> pd.Series:
    """Return the mean's share of the last hidden layer's squared outputs, by function.

    Means over the seeds, at the lowest level.  Chapter 11.
    """
    rows = _at(network, lr, min(LEVELS))
    return (rows["mean"] / rows["outputs"]).groupby("activation").mean()


def table(lr: float, names: tuple[str, ...] = ("gelu", "tanh", "identity")) -> str:
    """Return ratios to ReLU's, plain and centred, network by network, as text.

    Behind ReLU itself: centred over plain, and shifted at random over plain.
    Chapter 11.
    """
    lines = [f"lr {lr:4}, loss 0.3, over ReLU's as it is          both centred"]
    for network in NETWORKS:
        for name in names:
            cells = (ratio(network, lr, name, c) for c in ("largest", "centred"))
            lines.append(f"{network:10} {name:12}" + "".join(map(_cell, cells)))
    lines.append("ReLU alone             centred over plain   at random over plain")
    for network in NETWORKS:
        own = (centring(network, lr, column=c) for c in ("centred", "shifted"))
        lines.append(f"{network:23}" + "".join(map(_cell, own)))
    return "\n".join(lines)


def _cell(row: dict[str, float], width: int = 21) -> str:
    text = f"{row['ratio']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
    return f"{text:>{width}}"


# --- the edge ---------------------------------------------------------------------


def edges() -> pd.DataFrame:
    """Return a row per network of ``second-edge``: ``most``, ``last``, ``edge``.

    As ``sharpening.paths``, with the kind of network in front.  Chapter 11.
    """
    runs = studies.load("second-edge")
    found = runs.groupby(["regime", "lr", "activation", "seed"])["largest"]
    rows = found.agg(most="max", last="last")
    edge = 2 / rows.index.get_level_values("lr")
    return rows.assign(edge=rows["most"] >= EDGE * edge)


def sharper(
    network: str, name: str = "tanh", against: str = "relu"
) -> dict[str, float]:
    """Return one function's largest value on the way over another's, short step."""
    rows = edges().xs((network, min(STEPS[network])), level=("regime", "lr"))
    most = rows["most"].unstack("activation")
    return _over(most[name], most[against])


def edges_table() -> str:
    """Return the largest eigenvalues on the way, as text.

    Means over the seeds, in brackets how many came to the edge.  Chapter 11.
    """
    rows, names = edges(), ("relu", "gelu", "tanh")
    head = "".join(f"{name:>11}" for name in names)
    lines = [f"network   step  2/step{head}   tanh's over relu's"]
    for network, steps in STEPS.items():
        for lr in steps:
            here = rows.xs((network, lr), level=("regime", "lr")).groupby("activation")
            most, came = here["most"].mean(), here["edge"].sum()
            cells = "".join(f"{most[name]:6.1f} ({came[name]:2})" for name in names)
            last = _cell(sharper(network)) if lr == min(steps) else ""
            lines.append(f"{network:8} {lr:5g} {2 / lr:7g} {cells} {last}".rstrip())
    return "\n".join(lines)


# --- the kernel -------------------------------------------------------------------


def kernels(activation: str) -> pd.DataFrame:
    """Return the runs of ``kernel-moves`` with one activation.

    Index ``product``, ``width``, ``seed``.  Chapter 11.
    """
    runs = studies.load("kernel-moves")
    runs = runs[runs["activation"] == activation]
    return runs.set_index(["product", "width", "seed"]).sort_index()


def moves(activation: str, width: int, product: float) -> dict[str, float]:
    """Return how far the kernel moved, in %, geometric mean with its 95 % interval."""
    return _geometric(np.log(100 * _moved(activation, width, product)))


def _moved(activation: str, width: int, product: float) -> np.ndarray:
    runs = kernels(activation).xs((product, width), level=("product", "width"))
    return runs["moved"].to_numpy()


def moves_over(
    over: tuple[str, int, float], under: tuple[str, int, float]
) -> dict[str, float]:
    """Return how far one cell's kernels move over another's, with a 95 % interval.

    Cells are activation, width and product.  The draws of two cells share nothing, so
    the interval is that of two independent samples (Welch).  Chapter 11.
    """
    logs = [np.log(_moved(*cell)) for cell in (over, under)]
    ends = stats.ttest_ind(*logs, equal_var=False).confidence_interval()
    found = np.exp([logs[0].mean() - logs[1].mean(), ends.low, ends.high])
    return dict(zip(("ratio", "low", "high"), map(float, found)))


def kernels_table(activation: str = "relu") -> str:
    """Return how far kernels move, by product and width, as text.  Chapter 11."""
    widths = sorted({width for width, _ in CELLS})
    lines = [f"{activation:8}" + "".join(f"{f'width {w}':>16}" for w in widths)]
    for product in sorted({product for _, product in CELLS}):
        cells = (
            _percent(moves(activation, w, product)) if (w, product) in CELLS else ""
            for w in widths
        )
        line = f"{product:8g}" + "".join(f"{cell:>16}" for cell in cells)
        lines.append(line.rstrip())
    return "\n".join(lines)


def _percent(row: dict[str, float]) -> str:
    digits = 0 if row["ratio"] > 9.95 else 1
    return "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(
        row["ratio"], row["low"], row["high"], d=digits
    )
