"""How flat networks are at equal loss, from the recorded study ``flatter``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from actlab import statistics, studies

from .studies import LEVELS

__all__ = ["SMALL", "WHOLE", "batches", "parts", "ratios", "table"]

SMALL, WHOLE = "small batches", "whole batches"
_PARTS = ["largest", "layer_1", "layer_2", "layer_3", "outputs_2", "length"]


def ratios(
    lr: float, level: float = 0.3, regime: str = SMALL, against: str = "relu"
) -> pd.DataFrame:
    """Return each function's largest eigenvalue over another's, at equal loss.

    Parameters
    ----------
    lr, regime : rate and batches, as the study has them.
    level : of the loss, one of ``LEVELS``.
    against : the function below the line.

    One row per function: ``ratio``, the geometric mean over the seeds that both have,
    ``low`` and ``high``, its 95 % interval, and ``n``.  A function that reached the
    level with fewer than two seeds has no row.  Chapter 11.
    """
    table = _at(lr, level, regime)["largest"].unstack("activation")
    rows = {}
    for name in table:
        shared = (table[name] / table[against]).dropna()
        logs = np.log(shared.to_numpy())
        if len(logs) > 1:
            found = statistics.interval(logs)
            ends = np.exp([found.mean, found.low, found.high])
            rows[name] = dict(zip(("ratio", "low", "high"), ends)) | {"n": found.n}
    return pd.DataFrame(rows).T


def parts(lr: float, level: float = 0.3, regime: str = SMALL) -> pd.DataFrame:
    """Return what the largest eigenvalue is made of, means over the seeds.

    One row per function: ``largest``; ``layer_1`` to ``layer_3``, the largest of the
    block of one layer; ``outputs_2``, the mean squared length of the second layer's
    outputs; ``length``, of the vector of all parameters.  Other parameters as in
    :func:`ratios`.  Chapter 11.
    """
    return _at(lr, level, regime).groupby("activation", sort=False)[_PARTS].mean()


def table(lr: float, level: float = 0.3) -> str:
    """Return ratios and parts of all functions at one rate, as text.  Chapter 11."""
    of, found = parts(lr, level), ratios(lr, level)
    lines = [
        f"lr {lr:4}, loss {level} of ReLU's largest  layers 1, 2, 3 outputs   ‖θ‖",
        *(
            f"{name:16}  {found['ratio'][name]:.2f}"
            f" [{found['low'][name]:.2f}, {found['high'][name]:.2f}] "
            + "".join(f"{of[f'layer_{k}'][name]:5.1f}" for k in (1, 2, 3))
            + f"{of['outputs_2'][name]:8.0f}{of['length'][name]:7.1f}"
            for name in of.index
        ),
    ]
    return "\n".join(lines)


def batches(lr: float = 0.2, level: float = 0.1) -> str:
    """Return ReLU's and tanh's largest eigenvalue with small and whole batches."""
    lines = []
    for regime in (SMALL, WHOLE):
        row = ratios(lr, level, regime).loc["tanh"]
        largest = parts(lr, level, regime)["largest"]
        lines.append(
            f"lr {lr}, loss {level}, {regime}: ReLU {largest['relu']:.1f}, "
            f"tanh {largest['tanh']:.1f}, "
            f"{row['ratio']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
        )
    return "\n".join(lines)


def _at(lr: float, level: float, regime: str) -> pd.DataFrame:
    runs = studies.load("flatter")
    here = (runs["lr"] == lr) & (runs["regime"] == regime)
    here &= runs["epoch"] == LEVELS.index(level) + 1
    return runs[here].set_index(["activation", "seed"])
