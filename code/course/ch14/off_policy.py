"""The study *off-policy*: tanh or ReLU for agents that learn from a replay memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from actlab.studies import Condition, RateSearch, Setting, Study
from actlab.studies.runners import register

from .agents import FUNCTIONS, GAINS, WIDTH, WORLDS, Beginner, World, _rows
from .equations import _adam_step

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NAMES", "OFF_POLICY", "STUDIES", "OffPolicyRun", "learn"]

# Designed before its first run, but for a trial of two agents a cell with seeds 300
# and 301, half as long in the cart's world.  The agents of the study *control* learn
# from their latest steps; these learn from steps that older policies took: Q-learning
# with a replay memory and a target network, in the same two worlds, with the same two
# functions and starts, rates chosen and agents judged by the same rules.  Five points
# matter.  Two intervals, at 97.5 % each, which hold together.
#
# Two arrows are tested.  *Control* says tanh, on-policy, "ReLU worst", and that tanh is
# ahead in these worlds; *off-policy control* says ReLU, by custom.
#
# * Tanh leads by an interval above 5 in both worlds: what *control* says reaches
#   further, and the off-policy arrow names tanh beside ReLU.
# * ReLU leads by an interval above 5 in both: the order turns round, and the off-policy
#   arrow's ground becomes "measured".
# * An interval below 0 in either world refutes that tanh's lead carries over to it.
# * The whole interval lies within ±5 in both: level, and the off-policy arrow says so
#   and names either.
# * Anything else is told world by world, and both arrows stay as they are.
# * A world in which neither earns twice what chance does, 4.4 and 5.2 %, tells nothing.
#
# Dead and dormant units are counted at birth and at the end, for what is often said,
# that ReLU's units die off-policy: refuted in a world if the dead share rises there by
# less than 5 points by its whole interval, shown if by more than 5.  A unit is dead
# that is 0 for all of 1,024 states of the memory, dormant whose mean size is at most
# 2.5 % of its layer's (Sokar et al. 2023); with tanh both are counted in the same way.
COPIES, ROUNDS = 8, {"cart": 8000, "pendulum": 4000}
MEMORY, BATCH, WARM = 1250, 128, 128  # rounds kept, steps of a batch, rounds at random
DISCOUNT, SCALE, NORM = 0.99, 0.1, 10.0  # SCALE is of what is earned
RENEW, EXPLORED, LEAST = 100, 0.25, 0.05  # rounds, part of the rounds, chance
DORMANT = 0.025
NAMES = ("dead_birth", "dead_end", "dormant_birth", "dormant_end")


@dataclass(frozen=True)
class OffPolicyRun(Condition):
    """An agent of Q-learning; ``variant`` names its world.

    The epochs are rounds, of one step in each of 8 worlds and one step of Adam.
    """

    optimiser: str = "adam"
    init: str = "orthogonal"
    epochs: int = 4000
    schedule: str = "linear"
    variant: str = "cart"


def learn(
    world: str, function: str, beginners: Sequence[Beginner], rounds: int
) -> list[dict[str, float]]:
    """Let agents learn; return for each what it earned and which units were idle.

    Parameters
    ----------
    world, function : keys of ``agents.WORLDS`` and ``agents.FUNCTIONS``.
    beginners : one agent each, with two hidden layers of 32.
    rounds : how often each agent takes a step in 8 worlds and learns from 128 steps of
        its memory.

    ``earned`` in percent, as in ``agents.learn``, over the whole training; the shares
    of :data:`NAMES` in percent of all hidden units.  All nan where training broke down.
    Raises ``KeyError`` for an unknown name.  Chapter 14.
    """
    agents = _Agents(WORLDS[world], FUNCTIONS[function], beginners, rounds)
    while agents.round < rounds:
        agents.step()
        if agents.round >= WARM:
            agents.improve()
    idle = [*agents.at_birth, *agents.idle(agents.weights)]
    shares = [idle[0], idle[2], idle[1], idle[3]]
    percent = 100 * agents.earned[:, 0] / agents.earned[:, 1].clamp(min=1)
    table = torch.stack([percent, *shares], 1)
    broke = ~torch.stack([w.isfinite().all(2).all(1) for w in agents.weights]).all(0)
    table = table.masked_fill(broke[:, None], math.nan)
    names = ("earned", *NAMES)
    return [dict(zip(names, row, strict=True)) for row in table.tolist()]


class _Agents:
    """Networks, targets and memories of several agents, stacked."""

    def __init__(
        self,
        place: World,
        function: Callable[[Tensor], Tensor],
        beginners: Sequence[Beginner],
        rounds: int,
    ) -> None:
        self.place, self.function, self.rounds = place, function, rounds
        self.rates = torch.tensor([one.lr for one in beginners])
        self.random = [torch.Generator().manual_seed(one.seed) for one in beginners]
        self.weights = self._draw(place.sizes, beginners)
        self.target = [w.detach().clone() for w in self.weights]
        self.moments = [
            (torch.zeros_like(w), torch.zeros_like(w)) for w in self.weights
        ]
        self.state = place.begin(self.uniform(COPIES, 4))
        self.age = torch.zeros(len(beginners), COPIES)
        self.earned = torch.zeros(len(beginners), 2)
        self.memory: dict[str, Tensor] = {}
        self.round = self.count = 0
        self.at_birth: tuple[Tensor, ...] = ()

    def _draw(
        self, sizes: tuple[int, int], beginners: Sequence[Beginner]
    ) -> list[Tensor]:
        """Return orthogonal weights, (agents, in, out), and zero biases."""
        inputs, actions = sizes
        drawn = []
        for one, random in zip(beginners, self.random, strict=True):
            gains = (GAINS[one.init], GAINS[one.init], 1.0)
            widths = (inputs, WIDTH, WIDTH, actions)
            parts = []
            for gain, a, b in zip(gains, widths, widths[1:], strict=False):
                weight = torch.empty(a, b)
                torch.nn.init.orthogonal_(weight, gain, generator=random)
                parts += [weight, torch.zeros(1, b)]
            drawn.append(parts)
        return [torch.stack(w).requires_grad_() for w in zip(*drawn, strict=True)]

    def uniform(self, *shape: int) -> Tensor:
        """Return uniform numbers (agents, *shape), each agent's from its own source."""
        return torch.stack([torch.rand(shape, generator=r) for r in self.random])

    def hidden(self, weights: Sequence[Tensor], view: Tensor) -> list[Tensor]:
        """Return what both hidden layers make of views (agents, states, numbers)."""
        first = self.function(torch.baddbmm(weights[1], view, weights[0]))
        return [first, self.function(torch.baddbmm(weights[3], first, weights[2]))]

    def values(self, weights: Sequence[Tensor], view: Tensor) -> Tensor:
        """Return what each action promises, shape (agents, states, actions)."""
        top = self.hidden(weights, view)[-1]
        return torch.baddbmm(weights[5], top, weights[4])

    @torch.no_grad()
    def step(self) -> None:
        """Take a step in each world and keep it."""
        drawn, actions = self.uniform(COPIES, 6), self.place.sizes[1]
        part = (self.round - WARM) / (EXPLORED * self.rounds)
        chance = max(LEAST, 1 - (1 - LEAST) * max(0.0, part))
        view = self.place.see(self.state)
        best = self.values(self.weights, view).argmax(-1)
        blind = (drawn[..., 4] * actions).long()
        action = torch.where(drawn[..., 5] < chance, blind, best)
        state, age = self.place.act(self.state, action), self.age + 1
        fell = self.place.fallen(state)
        cut = fell | (age >= self.place.limit)
        self._count(state, age, cut)
        good = SCALE * self.place.good(state)
        step = {"see": view, "act": action, "good": good, "fell": fell}
        self._keep(step | {"next": self.place.see(state)})
        self.state = torch.where(
            cut[..., None], self.place.begin(drawn[..., :4]), state
        )
        self.age = age.masked_fill(cut, 0.0)
        self.round += 1

    def _count(self, state: Tensor, age: Tensor, cut: Tensor) -> None:
        """Add what counts of a step, as ``agents`` does."""
        if self.place.limit == 500:
            self.earned += torch.stack([(age * cut).sum(1) / 500, cut.sum(1)], 1)
        else:
            up = (state[..., 0].cos() > 0.9).sum(1)
            self.earned += torch.stack([up, torch.full_like(up, COPIES)], 1)

    def _keep(self, step: dict[str, Tensor]) -> None:
        """Write a step of all worlds over the oldest of the memory."""
        if not self.memory:
            self.memory = {
                name: value.repeat(1, MEMORY, *[1] * (value.dim() - 2))
                for name, value in step.items()
            }
        at = COPIES * (self.round % MEMORY)
        for name, value in step.items():
            self.memory[name][:, at : at + COPIES] = value

    def _sample(self, size: int) -> dict[str, Tensor]:
        held = COPIES * min(self.round, MEMORY)
        rows = (self.uniform(size) * held).long()
        return {name: _rows(values, rows) for name, values in self.memory.items()}

    def improve(self) -> None:
        """Learn from a batch of the memory, and renew the target now and then."""
        if not self.at_birth:
            self.at_birth = self.idle(self.weights)
        batch = self._sample(BATCH)
        with torch.no_grad():
            later = self.values(self.target, batch["next"]).amax(-1)
            goal = batch["good"] + DISCOUNT * later * ~batch["fell"]
        now = self.values(self.weights, batch["see"])
        now = now.gather(-1, batch["act"][..., None])[..., 0]
        losses = F.smooth_l1_loss(now, goal, reduction="none").mean(1)
        gradients = torch.autograd.grad(losses.sum(), self.weights)
        norm = torch.stack([g.square().sum((1, 2)) for g in gradients]).sum(0).sqrt()
        scale = (NORM / (norm + 1e-8)).clamp(max=1.0)[:, None, None]
        self.count += 1
        rates = (1 - self.round / self.rounds) * self.rates
        for w, g, (mean, square) in zip(
            self.weights, gradients, self.moments, strict=True
        ):
            _adam_step(w, scale * g, mean, square, rates, self.count)
        if self.count % RENEW == 0:
            self.target = [w.detach().clone() for w in self.weights]

    @torch.no_grad()
    def idle(self, weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the shares of dead and of dormant units, percent, by agent."""
        view = self._sample(1024)["see"]
        sizes = [h.abs().mean(1) for h in self.hidden(weights, view)]
        least = [s <= DORMANT * s.mean(1, keepdim=True) for s in sizes]
        dead = torch.cat([s == 0 for s in sizes], 1)
        dormant = torch.cat(least, 1)
        return 100 * dead.float().mean(1), 100 * dormant.float().mean(1)


def _learn_together(
    settings: Sequence[Setting], device: str
) -> list[tuple[dict[str, list[Any]], float]]:
    """Let the agents of several runs in one world learn at once."""
    if device != "cpu":
        raise ValueError(
            f"an OffPolicyRun trains on the CPU; leave out --device {device}"
        )
    condition = settings[0].condition
    assert isinstance(condition, OffPolicyRun)
    begun = time.perf_counter()
    found = learn(
        condition.variant,
        condition.activation,
        [Beginner(s.condition.init, s.condition.lr, s.seed) for s in settings],
        condition.epochs,
    )
    share = (time.perf_counter() - begun) / len(settings)
    rows = []
    for agent in found:
        percent = agent.pop("earned")
        row = {"epoch": condition.epochs, "train_loss": math.nan}
        row |= {"test_loss": 1 - percent / 100, "test_accuracy": percent} | agent
        rows.append(({name: [value] for name, value in row.items()}, share))
    return rows


def _shape(condition: OffPolicyRun) -> tuple[str, str, int]:
    return condition.variant, condition.activation, condition.epochs


register(
    OffPolicyRun,
    lambda setting, device: _learn_together([setting], device)[0],
    together=_learn_together,
    shape=_shape,
)

_LEARNERS = {
    world: RateSearch(
        cells=tuple(
            OffPolicyRun("", function, 0.0, init=init, epochs=rounds, variant=world)
            for function in FUNCTIONS
            for init in GAINS
        ),
        tuning={},
        seeds=(100, 101, 102, 103, 104),
        coarse=(-12, -10, -8, -6),
        finals=20,
        others=20,
    )
    for world, rounds in ROUNDS.items()
}


def _next(table: pd.DataFrame) -> Sequence[Condition]:
    return [
        run
        for world, search in _LEARNERS.items()
        for run in search(table.query("variant == @world"))
    ]


OFF_POLICY = Study(
    name="off-policy",
    question="Tanh or ReLU for an agent that learns off-policy, each at its own step?",
    home=__package__,
    conditions=tuple(run for s in _LEARNERS.values() for run in s.opening()),
    further=("variant", *NAMES),
    growth=_next,
    ends_only=True,
)

STUDIES = (OFF_POLICY,)
