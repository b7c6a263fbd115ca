"""Tasks that change: must it be the dead units that are replaced, or will any do?

The study ``changing-tasks`` re-draws living units in place of the dead, as many as the
*same* network has dead ones. There the control ends itself: nothing is done about its
dead, so from about the seventh task on, at step 0.01, fewer units live than it would
have to re-draw, and at 0.03 from the second. Here the number comes from a partner
instead: a network of the same start, labels and batches whose dead are re-drawn. Before
each task the control re-draws, layer by layer, as many living units as its partner had
dead ones, and so keeps most of its own. How many were wanted and how many there were is
recorded (``wanted``, ``given``); where fewer live than are wanted, the row has run out.

Six rows, steps 0.01 and 0.03, twenty seeds. Before each task but the first: nothing;
the dead re-drawn; living ones re-drawn; and the same three with all weights and biases
brought back to the norms of their start first (*held*). New weights are those of
PyTorch's start, new biases 0, the weights out of a new unit 0.

What was fixed before the first run. The record of ``changing-tasks`` had been seen;
nothing of this study had. Two rows are compared by seed after the last task, or, where
a row ran out in any run, after the last task before which it had not in any (named T
below, and named in the text). A difference counts from 5 points on: it is *there* if
the whole 95 % interval lies above 5, *absent* if it lies between −5 and 5, else open.
Sentences are refuted, step by step:

* "The dead are what has to be replaced": unless dead − living is there, after T; with
  the weights held, unless held, dead − held, living is there.
* "New units help by being new, whomever they replace": unless living − nothing is there
  (held, living − held).
* If T is below 4 for a row, nothing is said of that row.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from actlab import datasets, deep, probes, training
from actlab.networks import MLP
from actlab.studies import Condition, Setting, Study
from actlab.studies.runners import on_cpu, register

__all__ = ["REPLACED", "ROWS", "STUDIES", "ReplacedRun", "renew"]

IMAGES = 256
ROWS = ("nothing", "dead", "living", "held", "held, dead", "held, living")


@dataclass(frozen=True)
class ReplacedRun(Condition):
    """One small network learns random labels of the same images, task after task.

    ``epochs`` counts tasks, each of ``passes`` passes; ``variant`` is one of ``ROWS``.
    """

    optimiser: str = "adam"
    epochs: int = 12
    passes: int = 40
    variant: str = "nothing"
    sizes: tuple[int, ...] = (64, 64, 64, 10)
    batch_size: int = 128


def renew(network: MLP, chosen: Sequence[Tensor]) -> None:
    """Give chosen hidden units new weights in, zero biases and zero weights out.

    Parameters
    ----------
    network : changed in place.
    chosen : for each hidden layer the numbers of its units.

    New weights come from PyTorch's start and its global generator.  Chapter 10.
    """
    linears = [layer for layer in network.linears if isinstance(layer, nn.Linear)]
    for units, into, out in zip(chosen, linears[:-1], linears[1:], strict=True):
        fresh = nn.Linear(into.in_features, into.out_features)
        with torch.no_grad():
            into.weight[units] = fresh.weight[units]
            into.bias[units] = 0
            out.weight[:, units] = 0


class _Life:
    """One network, from task to task."""

    def __init__(self, condition: ReplacedRun, seed: int, x: Tensor, row: str) -> None:
        self.condition, self.seed, self.x, self.row = condition, seed, x, row
        self.network = MLP(condition.sizes, condition.activation, seed=seed)
        self.norms = [p.detach().norm() for p in self.network.parameters()]

    def prepare(self, task: int, wanted: Sequence[int] | None = None) -> list[int]:
        """Do what the row does before a task; return how many units are new by layer.

        ``wanted`` says how many living units of each layer are to be replaced.
        """
        if self.row.startswith("held"):
            with torch.no_grad():
                for parameter, norm in zip(self.network.parameters(), self.norms):
                    parameter.mul_(norm / parameter.norm().clamp(min=1e-12))
        masks = probes.dead_units(self.network, self.x).masks
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1000 * self.seed + task)
            chosen = [mask.nonzero()[:, 0] for mask in masks]
            if wanted is not None:
                living = [(~mask).nonzero()[:, 0] for mask in masks]
                chosen = [
                    units[torch.randperm(len(units))[:n]]
                    for units, n in zip(living, wanted, strict=True)
                ]
            elif not self.row.endswith("dead"):
                chosen = [units[:0] for units in chosen]
            renew(self.network, chosen)
        return [len(units) for units in chosen]

    def learn(self, task: int) -> tuple[float, float, float, int]:
        """Learn the labels of a task; return losses, labels known in %, dead units."""
        y = _labels(self.condition, self.seed, task)
        data = replace(
            datasets.digits(), x_train=self.x, y_train=y, x_test=self.x[:1],
            y_test=y[:1],
        )  # fmt: skip
        learnt = deep.train(
            self.network, data, lr=self.condition.lr, epochs=self.condition.passes,
            optimiser=self.condition.optimiser, batch_size=self.condition.batch_size,
            seed=100 * self.seed + task,
        )  # fmt: skip
        return (learnt["train_loss"][-1], *self.state(task))

    def state(self, task: int) -> tuple[float, float, int]:
        y = _labels(self.condition, self.seed, task)
        loss, known = training.evaluate(self.network, self.x, y)
        return loss, known, probes.dead_units(self.network, self.x).total


def _labels(condition: ReplacedRun, seed: int, task: int) -> Tensor:
    draw = torch.Generator().manual_seed(5000 + 100 * seed + task)
    return torch.randint(condition.sizes[-1], (IMAGES,), generator=draw)


def _run(setting: Setting) -> tuple[dict[str, list[Any]], float]:
    """Do one run, with a partner where living units are re-drawn."""
    condition, seed = setting.condition, setting.seed
    assert isinstance(condition, ReplacedRun)
    if condition.variant not in ROWS:
        raise ValueError(f"variant is {condition.variant!r}; choose one of {ROWS}")
    started = time.perf_counter()
    x = datasets.digits().x_train[:IMAGES]
    life = _Life(condition, seed, x, condition.variant)
    partner = None
    if condition.variant.endswith("living"):
        row = condition.variant.replace("living", "dead")
        partner = _Life(condition, seed, x, row)
    rows: list[tuple[Any, ...]] = [(0, math.nan, *life.state(1), "", "")]
    for task in range(1, condition.epochs + 1):
        wanted = given = [0] * (len(condition.sizes) - 2)
        if task > 1:
            new = partner.prepare(task) if partner else None
            given = life.prepare(task, new)
            wanted = new or given
        if partner:
            partner.learn(task)
        texts = (" ".join(map(str, numbers)) for numbers in (wanted, given))
        rows.append((task, *life.learn(task), *texts))
    columns = (
        "epoch", "train_loss", "test_loss", "test_accuracy", "dead", "wanted", "given",
    )  # fmt: skip
    history = {
        name: list(column) for name, column in zip(columns, zip(*rows), strict=True)
    }
    return history, time.perf_counter() - started


register(ReplacedRun, on_cpu(_run))

REPLACED = Study(
    name="replaced",
    question="Where tasks change, is it the dead units that have to be replaced?",
    home=__package__,
    seeds=20,
    further=("variant", "dead", "wanted", "given"),
    conditions=tuple(
        ReplacedRun("changing", "relu", lr, variant=row)
        for row in ROWS
        for lr in (0.01, 0.03)
    ),
)

STUDIES = (REPLACED,)
