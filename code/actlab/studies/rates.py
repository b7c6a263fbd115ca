"""Finding each cell its own learning rate: coarse first, then fine, until inside.

A :class:`RateSearch` is the growth of a study (:class:`~actlab.studies.grid.Study`):
from the runs that are done it says which come next, by rules that stand here and look
at nothing else.  Rates are quarter decades, 0.01, 0.0178, 0.0316, 0.0562, 0.1 …, and
named by their number, log₁₀ of the rate times four.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from .grid import Condition

QUARTERS = 4  # rates per decade
HALF = 2  # a half decade, in quarters
REGIMES = ("coarse", "fine")  # how the two steps of a search are called in a table
RESAMPLES = 2000
RATES_LIMIT = range(-24, 9)  # from a millionth to a hundred; nothing trains beyond

Cell = tuple[Hashable, ...]
Scores = dict[int, dict[int, float]]  # accuracy by number of the rate, then by seed


def rate(number: int) -> float:
    """Return the learning rate of a number: ten to its quarter, to three digits.

    Chapter 12.
    """
    return float(f"{10 ** (number / QUARTERS):.3g}")


def number(lr: float) -> int:
    """Return the number of a learning rate on the grid of quarter decades.

    Raises ``ValueError`` for a rate between two, and for one that is not positive.
    Chapter 12.
    """
    if not lr > 0:
        raise ValueError(f"a learning rate is positive, not {lr}")
    nearest = round(QUARTERS * math.log10(lr))
    if not math.isclose(rate(nearest), lr):
        raise ValueError(
            f"{lr} is no quarter of a decade; the nearest is {rate(nearest)}"
        )
    return nearest


@dataclass(frozen=True)
class RateSearch:
    """Which rates to try for each cell, which of them it gets, what is run with it.

    Parameters
    ----------
    cells : what is tuned, one condition each; its regime, rate and seeds are not read.
    tuning : changes of the condition for the tuning runs, such as ``held_out``.
    seeds : of the tuning runs; the coarse step takes the first of them.
    coarse : numbers of the rates that are tried first, a half decade apart; even, so
        that every search means the same rates by half decades.
    finals : seeds per cell at the chosen rate, on what was not used to choose.
    others : seeds per cell at each other rate that a resampling of the tuning seeds
        chooses in a tenth of all cases or more, and at the one that half decades
        alone would have chosen.  None if 0.
    after : further conditions from the finished table, in the end; called once all
        finals are done.

    Called with the table of the runs that are done, it returns the conditions that
    follow from them and are not among them.  A rate at which a run broke down is never
    chosen and counts as worse than any other.  Chapter 12.
    """

    cells: tuple[Condition, ...]
    tuning: Mapping[str, Any]
    seeds: tuple[int, ...]
    coarse: tuple[int, ...] = (-8, -6, -4, -2, 0)
    finals: int = 20
    others: int = 0
    after: Callable[[pd.DataFrame], Iterable[Condition]] | None = None

    def __post_init__(self) -> None:
        first = min(self.coarse, default=1)
        if first % HALF or self.coarse != tuple(range(first, max(self.coarse) + 1, 2)):
            raise ValueError(
                f"coarse is {self.coarse}; give even numbers, one half decade after "
                "the other, such as (-8, -6, -4)"
            )

    def opening(self) -> tuple[Condition, ...]:
        """Return the conditions of the coarse step, with which the study begins."""
        return tuple(
            self._tuning_run(cell, "coarse", place, self.seeds[:1])
            for cell in self.cells
            for place in self.coarse
        )

    def __call__(self, table: pd.DataFrame) -> tuple[Condition, ...]:
        scores = tuning_scores(table)
        wanted: list[Condition] = []
        for cell in self.cells:
            wanted += self._next(cell, scores[key_of(cell)])
        if wanted:
            return tuple(wanted)
        for cell in self.cells:
            wanted += self._tested(cell, scores[key_of(cell)], table)
        if not wanted and self.after is not None:
            wanted += self.after(table)
        return tuple(c for c in wanted if not _holds(table, c))

    def _tuning_run(
        self, cell: Condition, regime: str, place: int, seeds: tuple[int, ...]
    ) -> Condition:
        return replace(
            cell,
            regime=regime,
            lr=rate(place),
            seeds_of_its_own=seeds,
            **dict(self.tuning),
        )

    def _next(self, cell: Condition, scores: Scores) -> list[Condition]:
        """Return the tuning runs that a cell still needs."""
        first = {p: {self.seeds[0]: runs[self.seeds[0]]} for p, runs in scores.items()}
        halves = half_decades(first)
        best = best_of(halves)
        beyond = ({best - HALF, best + HALF} & {*RATES_LIMIT}) - halves.keys()
        if beyond:  # the best lies at the edge of the half decades
            return [
                self._tuning_run(cell, "coarse", place, self.seeds[:1])
                for place in sorted(beyond)
            ]
        full = complete(scores, len(self.seeds))
        around = range(best - HALF, best + HALF + 1)
        if full:
            chosen = best_of(full)
            around = range(chosen - 1, chosen + 2)
        runs = []
        for place in sorted(({*around} & {*RATES_LIMIT}) - full.keys()):
            seeds = tuple(s for s in self.seeds if s not in scores.get(place, {}))
            runs.append(self._tuning_run(cell, "fine", place, seeds))
        return runs

    def _tested(
        self, cell: Condition, scores: Scores, table: pd.DataFrame
    ) -> list[Condition]:
        """Return the final runs of a cell that are not in the table."""
        full = complete(scores, len(self.seeds))
        chosen = best_of(full)
        runs = [self._final(cell, "final", chosen, self.finals)]
        if self.others:
            shares = resampled_choice(full)
            places = {p for p, share in shares.items() if share >= 0.1}
            places |= {best_of(half_decades(full))}
            runs += [
                self._final(cell, "other", place, self.others)
                for place in sorted(places - {chosen})
            ]
        return [run for run in runs if not _holds(table, run)]

    def _final(self, cell: Condition, regime: str, place: int, seeds: int) -> Condition:
        return replace(
            cell,
            regime=regime,
            lr=rate(place),
            seeds_of_its_own=tuple(range(seeds)),
        )


# What a table says about rates ------------------------------------------------------


def key_of(cell: Condition | Mapping[Hashable, Any]) -> Cell:
    """Return what tells a cell from others in a table: function, start, optimiser."""
    names = ("activation", "init", "optimiser")
    if isinstance(cell, Condition):
        return tuple(getattr(cell, name) for name in names)
    return tuple(cell[name] for name in names)


def tuning_scores(table: pd.DataFrame) -> dict[Cell, Scores]:
    """Return the accuracy on held-out examples, by cell, number of the rate and seed.

    Parameters
    ----------
    table : as :func:`actlab.studies.load` returns it.

    In percent; −inf for a run that broke down.  Chapter 12.
    """
    found: dict[Cell, Scores] = {}
    for run in _ends(table[table["regime"].isin(REGIMES)]):
        end = run["test_accuracy"]
        score = -math.inf if math.isnan(end) else float(end)
        places = found.setdefault(key_of(run), {})
        places.setdefault(number(run["lr"]), {})[int(run["seed"])] = score
    return found


def _ends(rows: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Return the last row of each run."""
    runs = ["regime", "activation", "init", "optimiser", "lr", "seed"]
    last = rows.groupby(runs, sort=False)["epoch"].idxmax()
    return rows.loc[last].to_dict("records")


def complete(scores: Scores, seeds: int | None = None) -> Scores:
    """Return the rates of a cell that were tried with all tuning seeds.

    Parameters
    ----------
    scores : accuracies of one cell.
    seeds : how many there are; None for the most that any rate has.

    Only such rates are compared for the choice: one seed may be an easy one.
    """
    wanted = max(map(len, scores.values())) if seeds is None else seeds
    return {place: runs for place, runs in scores.items() if len(runs) == wanted}


def half_decades(scores: Scores) -> Scores:
    """Return the rates of a cell that lie on the grid of half decades."""
    return {place: runs for place, runs in scores.items() if place % HALF == 0}


def best_of(scores: Scores) -> int:
    """Return the number of the rate with the best mean; of equals the smallest."""
    means = {place: float(np.mean([*runs.values()])) for place, runs in scores.items()}
    return min(means, key=lambda place: (-means[place], place))


def resampled_choice(
    scores: Scores, resamples: int = RESAMPLES, seed: int = 0
) -> dict[int, float]:
    """Return how often each rate is chosen when the tuning seeds are drawn again.

    Parameters
    ----------
    scores : accuracies of one cell, with the same seeds at every rate.
    resamples : how often as many seeds are drawn, with replacement.
    seed : of the drawing; the same for every cell, so that cells with the same seeds
        are compared on the same draws.

    The shares sum to one.  Chapter 12.
    """
    picks = choices(scores, resamples, seed)
    return {int(p): float(np.mean(picks == p)) for p in np.unique(picks)}


def choices(scores: Scores, resamples: int, seed: int = 0) -> np.ndarray:
    """Return the number of the rate chosen in each resampling of the tuning seeds.

    Parameters as :func:`resampled_choice`.  Shape (resamples,), int.  Chapter 12.
    """
    places = sorted(scores)
    seeds = sorted(scores[places[0]])
    table = np.array([[scores[p][s] for s in seeds] for p in places])
    drawn = np.random.default_rng(seed).integers(
        len(seeds), size=(resamples, len(seeds))
    )
    return np.array(places)[table[:, drawn].mean(axis=2).argmax(axis=0)]


def chosen(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rate that each cell of a search got, and how safe that choice is.

    Parameters
    ----------
    table : as :func:`actlab.studies.load` returns it.

    One row per cell: activation, init, optimiser, ``lr``, its mean accuracy on held-out
    examples in percent, by how many points the neighbours a quarter of a decade
    ``below`` and ``above`` are worse (inf where a run broke down, nan where none was
    tried, and where every rate broke runs), ``half_decade`` (the rate that half decades
    alone would have given) and ``share`` (of resamplings that choose ``lr``).

    Where the table has a cell's final runs, theirs is the rate: a table's five digits
    cannot always repeat a choice between rates that were equally good.  Chapter 12.
    """
    tested = table[table["regime"] == "final"].drop_duplicates(
        ["activation", "init", "optimiser"]
    )
    ran = {key_of(row): number(row["lr"]) for row in tested.to_dict("records")}
    rows = []
    for cell, scores in tuning_scores(table).items():
        full = complete(scores)
        means = {p: float(np.mean([*runs.values()])) for p, runs in full.items()}
        best = ran.get(cell, best_of(full))
        row = dict(zip(("activation", "init", "optimiser"), cell))
        rows.append(
            row
            | {
                "lr": rate(best),
                "held_out": means[best],
                "below": _lead(means, best, best - 1),
                "above": _lead(means, best, best + 1),
                "half_decade": rate(best_of(half_decades(full))),
                "share": resampled_choice(full).get(best, 0.0),
            }
        )
    return pd.DataFrame(rows)


def _lead(means: Mapping[int, float], best: int, other: int) -> float:
    """Return by how much a rate is better; nan where nothing can be said."""
    if other not in means or not math.isfinite(means[best]):
        return math.nan
    return means[best] - means[other]


def choice_noise(table: pd.DataFrame, first: Cell, second: Cell) -> float:
    """Return what the choice of the rates adds to the noise of first − second.

    Parameters
    ----------
    table : as :func:`actlab.studies.load` returns it, last epochs or all.
    first, second : cells, as :func:`key_of` gives them.

    The tuning seeds are drawn again :data:`RESAMPLES` times, the same draws for both
    cells; each draw chooses a rate for either, and the final runs at these rates give a
    difference.  Returned is the standard deviation of these differences, in the unit of
    the accuracies: what ``statistics.compare`` takes as ``further``.

    A rate that is chosen so seldom that it was not tested counts as the nearest one
    that was, so that the noise comes out a little too small; :func:`stand_ins` says in
    how many draws.  Raises ``ValueError`` if no final runs are left to compare.
    Chapter 12.  Source: Bouthillier et al., 2021.
    """
    scores = tuning_scores(table)
    finals = [_finals(table, cell) for cell in (first, second)]
    picks = [
        _nearest(choices(complete(scores[cell]), RESAMPLES), tested)
        for cell, tested in zip((first, second), finals)
    ]
    moved = [_shared(finals[0][a], finals[1][b]) for a, b in zip(*picks)]
    return float(np.std(moved))


def stand_ins(table: pd.DataFrame, cell: Cell) -> float:
    """Return in which share of the draws :func:`choice_noise` takes a near rate.

    It does where the rate that the draw chooses was not tested.  Parameters as there.
    Chapter 12.
    """
    drawn = choices(complete(tuning_scores(table)[cell]), RESAMPLES)
    return float(np.mean(drawn != _nearest(drawn, _finals(table, cell))))


def _nearest(drawn: np.ndarray, tested: Iterable[int]) -> np.ndarray:
    """Return for each number of a rate the nearest that was tested."""
    near = {p: min(tested, key=lambda t: (abs(t - p), t)) for p in {*drawn.tolist()}}
    return np.array([near[p] for p in drawn.tolist()])


def _finals(table: pd.DataFrame, cell: Cell) -> dict[int, dict[int, float]]:
    """Return test accuracies of a cell by number of the rate and seed."""
    rows = table[table["regime"].isin(["final", "other"])]
    for name, value in zip(("activation", "init", "optimiser"), cell):
        rows = rows[rows[name] == value]
    found: dict[int, dict[int, float]] = {}
    for run in _ends(rows):
        if not math.isnan(run["test_accuracy"]):
            accuracies = found.setdefault(number(run["lr"]), {})
            accuracies[int(run["seed"])] = float(run["test_accuracy"])
    if not found:
        raise ValueError(f"no final run of {cell} ended; nothing can be compared")
    return found


def _shared(first: dict[int, float], second: dict[int, float]) -> float:
    """Return the mean difference over the seeds that both have."""
    seeds = first.keys() & second.keys()
    if not seeds:
        raise ValueError("no seed ended in both cells; nothing can be compared")
    return float(np.mean([first[s] - second[s] for s in seeds]))


def _holds(table: pd.DataFrame, condition: Condition) -> bool:
    """Say whether the table has runs of a condition, by what tells cells apart."""
    same = table["regime"].eq(condition.regime) & table["lr"].eq(condition.lr)
    for name in ("activation", "init", "optimiser"):
        same &= table[name].eq(getattr(condition, name))
    return bool(same.any())
