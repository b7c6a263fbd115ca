"""The study ``selu-normed``: is SELU level with batch norm beyond the first setting?

Apart from the chapter's other studies, so that their code stays theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from torch import nn

from actlab.networks import MLP
from actlab.studies import ClassifierRun, Condition, RateSearch, Setting, Study
from actlab.studies.runners import (
    History,
    hashes_of_classifier,
    load_data,
    prepare_classifier,
    register,
)
from actlab.training import fit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CELLS", "MARGIN", "SETTINGS", "STUDIES", "NormedRun", "network"]

WIDTH = 64
CELLS = ("selu", "normed", "affine")
_FINAL_SEEDS = 20  # the first of them: study selu-depth used 0 to 7


@dataclass(frozen=True)
class NormedRun(ClassifierRun):
    """A deep plain classifier: SELU, or ReLU behind batch normalisation.

    ``activation`` is "selu" (gain 1), "normed" (He's weights, batch normalisation with
    nothing learnt, then ReLU) or "affine" (the same, with PyTorch's learnt scale and
    shift).  ``variant`` names the setting, a key of :data:`SETTINGS`.
    """

    momentum: float = 0.9
    schedule: str = "cosine"


def network(condition: NormedRun, seed: int) -> MLP:
    """Build the network of a run, untrained.  Chapter 04."""
    if condition.activation == "selu":
        return MLP(condition.sizes, nn.SELU(), "matched", seed=seed)
    norm = nn.BatchNorm1d(WIDTH, affine=condition.activation == "affine")
    return MLP(condition.sizes, nn.Sequential(norm, nn.ReLU()), "he", seed=seed)


def _run(setting: Setting, device: str) -> tuple[History, float]:
    condition = setting.condition
    assert isinstance(condition, NormedRun)
    data = load_data(condition.data, condition.scale)
    run = fit(
        network(condition, setting.seed),
        data.held_out(condition.held_out) if condition.held_out else data,
        epochs=condition.epochs,
        lr=condition.lr,
        momentum=condition.momentum,
        schedule=condition.schedule,
        batch_size=condition.batch_size,
        seed=setting.seed,
        device=device,
        progress=False,
    )
    columns = {str(name): run.history[name].tolist() for name in run.history}
    return columns, run.seconds


register(NormedRun, _run, prepare=prepare_classifier, hashes=hashes_of_classifier)

# Study ``selu-depth`` found SELU 1.6 ± 0.6 points ahead of ReLU behind batch
# normalisation: 24 layers, digits, five seeds, a constant step that suits who needs
# small ones, and a normalisation that learns nothing.  Each of these could have made
# the difference.  Here the step falls to 0, seeds are fresh, the depth doubles, images
# are Fashion-MNIST's, and the normalisation also comes with its learnt scale and shift.
# Written down before the first run:
#
# * Each cell gets a step of its own, from held-out training images: quarter decades
#   until the best has both neighbours; a step at which a run broke down is not chosen.
# * Ten fresh seeds judge, on test images.  Differences are paired by seed, with the
#   noise of choosing both steps in the interval; a final run that breaks down counts as
#   10 %, a guess.  Three settings, two normalisations: six differences, each with its
#   95 % interval, p by Holm over the two of a setting.
# * "SELU is ahead" stands in general only if it is so for certain in all six.  If it is
#   not ahead of "normed" in 24 layers on the digits, the old finding hung on its step
#   or its seeds, and falls.
# * "SELU does without normalisation" stands, for plain networks, where SELU is less
#   than a point behind, lower end of the interval; where SELU is behind for certain, by
#   more than a point, it is wrong, and the chapter says where.
# * "The normalisation buys a larger step" stands if its chosen step is the larger one
#   in all six.
MARGIN = 1.0  # points
SETTINGS: dict[str, NormedRun] = {
    f"{data} {depth}": NormedRun(
        "",
        "",
        0.0,
        variant=f"{data} {depth}",
        data={"digits": "digits", "fashion": "fashion_mnist"}[data],
        sizes=({"digits": 64, "fashion": 784}[data], *[WIDTH] * depth, 10),
        batch_size={"digits": 64, "fashion": 128}[data],
        epochs={"digits": 20, "fashion": 2}[data],
    )
    for data, depth in (("digits", 24), ("digits", 48), ("fashion", 24))
}
_HELD_OUT = {"digits": 287, "fashion_mnist": 10_000}


def _search(setting: NormedRun) -> RateSearch:
    return RateSearch(
        cells=tuple(replace(setting, activation=name) for name in CELLS),
        tuning={"held_out": _HELD_OUT[setting.data]},
        seeds=(100, 101, 102),
        coarse=(-10, -8, -6, -4),
        finals=10,
        others=5,
    )


_SEARCHES = {name: _search(setting) for name, setting in SETTINGS.items()}


def _fresh(run: Condition) -> Condition:
    """Return a run; one that judges has seeds that neither study has used."""
    if run.regime not in ("final", "other"):
        return run
    seeds = tuple(_FINAL_SEEDS + seed for seed in run.seeds_of_its_own)
    return replace(run, seeds_of_its_own=seeds)


def _further(table: pd.DataFrame) -> Sequence[Condition]:
    """Return what follows from the runs so far, setting by setting."""
    return [
        _fresh(run)
        for name, search in _SEARCHES.items()
        for run in search(table[table["variant"] == name])
    ]


SELU_NORMED = Study(
    name="selu-normed",
    question="Is SELU level with batch normalisation: other depth, images, seeds?",
    home=__package__,
    conditions=tuple(run for s in _SEARCHES.values() for run in s.opening()),
    seeds=10,
    further=("variant",),
    growth=_further,
    ends_only=True,
)

STUDIES = (SELU_NORMED,)
