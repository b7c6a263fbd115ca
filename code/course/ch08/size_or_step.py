"""Size or step: what a factor behind ReLU brings beyond the right gain, taken apart.

A factor c behind the activation is c times the weights that read it, with c² times the
learning rate on them; the first weights and the biases have neither. Here each of the
two is had alone and in between, on the weights behind the first layer.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from torch import nn

from actlab.controls import Scaled, frozen
from actlab.networks import MLP
from actlab.studies import ClassifierRun, Setting, Study
from actlab.studies.runners import (
    History,
    hashes_of_classifier,
    load_data,
    prepare_classifier,
    register,
)
from actlab.together import fit_many
from actlab.training import Run

from ..steps import STEPS

__all__ = ["SIZE_OR_STEP", "SizeStepRun", "network"]

FACTOR = 2.77  # what the learnt factor of study slope-or-gain had come to


@dataclass(frozen=True)
class SizeStepRun(ClassifierRun):
    """ReLU whose weights behind the first layer start larger, or take larger steps.

    ``start`` multiplies those weights as ``init`` draws them, ``step`` their learning
    rate; ``variant`` spells both. Biases and first weights keep theirs.
    """

    start: float = 1.0
    step: float = 1.0


def network(condition: SizeStepRun, seed: int) -> MLP:
    """Build the network of a run, untrained.

    With k = √step it computes k·relu and holds weights k times smaller: what it
    computes with starts at ``start`` times the drawn weights and moves k² times as far.
    Chapter 08.
    """
    k = math.sqrt(condition.step)
    made = MLP(condition.sizes, frozen(Scaled(nn.ReLU(), k)), condition.init, seed=seed)
    for linear in made.linears[1:]:
        assert isinstance(linear, nn.Linear)
        linear.weight.data.mul_(condition.start / k)
    return made


def _run(setting: Setting, device: str) -> tuple[History, float]:
    (found,) = _together([setting], device)
    return found


def _together(settings: Sequence[Setting], device: str) -> list[tuple[History, float]]:
    conditions = [s.condition for s in settings if isinstance(s.condition, SizeStepRun)]
    one = conditions[0]
    runs = fit_many(
        [network(c, s.seed) for c, s in zip(conditions, settings, strict=True)],
        load_data(one.data, one.scale),
        epochs=one.epochs,
        lr=[c.lr for c in conditions],
        momentum=one.momentum,
        batch_size=one.batch_size,
        seed=[s.seed for s in settings],
        device=device,
        progress=False,
        together=len(settings),
    )
    return [_history(run) for run in runs]


def _history(run: Run) -> tuple[History, float]:
    if run.error is None:
        return {
            str(name): run.history[name].tolist() for name in run.history
        }, run.seconds
    lost = dict.fromkeys(("train_loss", "test_loss", "test_accuracy"), [math.nan])
    return {"epoch": [run.error.epoch], **lost}, math.nan


def _shape(condition: SizeStepRun) -> Hashable:
    return condition.data, condition.sizes, condition.batch_size, condition.epochs


register(
    SizeStepRun,
    _run,
    prepare=prepare_classifier,
    hashes=hashes_of_classifier,
    together=_together,
    shape=_shape,
)

# Three starts by three steps, of which three cells are recorded elsewhere: (1, 1) and
# (√6, 1) as ReLU and "gain alone" in slope-or-gain, (2.77, 2.77²) as fixed_factor in
# gain-controls, with the same seeds and so the same draws. √6 is on all weights, the
# first as well, as in "gain alone". Written down before the first run: the step
# accounts for what the factor has beyond "gain alone", 1.4 points learnt and 1.7 fixed,
# if the larger step adds it at the start √6 and the larger start at the small step adds
# less than 0.5; the size does, if it is the other way round. Differences by seed.
_STARTS = {
    "1": ("default", 1.0),
    "2.77": ("default", FACTOR),
    "√6": ("default_gain", 1.0),
}
_STEPS = {"1": 1.0, "2.77": FACTOR, "7.67": FACTOR**2}
_RECORDED = {("1", "1"), ("√6", "1"), ("2.77", "7.67")}

# Added when these had been read: both add (1.1 and 0.6 points). But the start 2.77 has
# two differences from √6: what is behind the first layer is larger, and the first layer
# is not. Here each is had alone, at the small step.
_FIRST_LAYER = {
    "start √6 behind, step 1": ("default", math.sqrt(6)),
    "start √6 and 2.77 behind, step 1": ("default_gain", FACTOR / math.sqrt(6)),
}


def _cell(variant: str, init: str, start: float, step: float = 1.0) -> SizeStepRun:
    return SizeStepRun(
        "sgd_small",
        "relu",
        init=init,
        variant=variant,
        start=start,
        step=step,
        **STEPS["sgd_small"],
    )


SIZE_OR_STEP = Study(
    name="size-or-step",
    question="What has a factor beyond the right gain: larger weights or larger steps?",
    home=__package__,
    conditions=(
        *(
            _cell(f"start {size}, step {times}", init, start, step)
            for size, (init, start) in _STARTS.items()
            for times, step in _STEPS.items()
            if (size, times) not in _RECORDED
        ),
        *(_cell(variant, *where) for variant, where in _FIRST_LAYER.items()),
    ),
    further=("variant",),
)
