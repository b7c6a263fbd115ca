"""Does the order of the functions on one data set hold on the other?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from actlab import studies
from actlab.statistics import rank_correlation

from .atlas import ATLAS, ATLAS_DIGITS

__all__ = ["NEAR", "Agreement", "agreement"]

NEAR = 3.0  # points: what is further behind the best on either set has failed there
HALVINGS = 100


@dataclass(frozen=True)
class Agreement:
    """How far two orders of the same functions agree.

    Parameters
    ----------
    functions : how many are compared.
    rank, low, high : Spearman's correlation and its 95 % interval, by resampling the
        functions.
    halves : the same correlation within Fashion-MNIST and within the digits, between
        the means of five seeds and those of the other five: what noise alone leaves.
    """

    functions: int
    rank: float
    low: float
    high: float
    halves: tuple[float, float]


def agreement(start: str = "default", near: float | None = None) -> Agreement:
    """Compare the orders on Fashion-MNIST and on the digits, each at its own rate.

    Parameters
    ----------
    start : ``"default"`` or ``"matched"``, which both studies have.
    near : leave out what lies more than so many points behind the best on either set;
        None leaves out nothing.

    By SGD, over the functions of both studies.  Runs that broke down are left out of a
    mean; a function all of whose runs did comes last.  Chapter 12.
    """
    first, second = (_finals(study, start) for study in (ATLAS, ATLAS_DIGITS))
    keys = [key for key in first.index if key in second.index]
    first, second = first.loc[keys], second.loc[keys]
    if near is not None:
        close = [_behind(table) <= near for table in (first, second)]
        first, second = first[close[0] & close[1]], second[close[0] & close[1]]
    found = rank_correlation(_means(first), _means(second))
    halves = _halves(first), _halves(second)
    return Agreement(len(first), found.rho, found.low, found.high, halves)


def _finals(study: studies.Study, start: str) -> pd.DataFrame:
    """Return test accuracies, one row per function and one column per seed."""
    rows = studies.final(study)
    rows = rows[
        (rows["regime"] == "final")
        & (rows["init"] == start)
        & (rows["optimiser"] == "sgd")
    ]
    return rows.pivot(index="activation", columns="seed", values="test_accuracy")


def _means(table: pd.DataFrame) -> np.ndarray:
    return table.mean(axis=1).fillna(0.0).to_numpy()


def _behind(table: pd.DataFrame) -> pd.Series:
    """Return by how many points each function lies behind the best."""
    means = table.mean(axis=1).fillna(0.0)
    return means.max() - means


def _halves(table: pd.DataFrame) -> float:
    """Return the mean correlation between halves of the seeds, over many halvings."""
    generator = np.random.default_rng(0)
    half = table.shape[1] // 2
    values = table.to_numpy()
    ranks: list[np.ndarray] = []
    for _ in range(HALVINGS):
        seeds = generator.permutation(table.shape[1])
        parts = values[:, seeds[:half]], values[:, seeds[half:]]
        ranks.append(stats.rankdata([_row_means(part) for part in parts], axis=1))
    return float(np.mean([np.corrcoef(pair)[0, 1] for pair in ranks]))


def _row_means(values: np.ndarray) -> np.ndarray:
    """Return each row's mean without what is not a number; 0 where nothing is left."""
    known = ~np.isnan(values)
    return np.nansum(values, axis=1) / np.maximum(known.sum(axis=1), 1)
