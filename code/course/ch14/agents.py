"""Agents that learn to balance a pole, by proximal policy optimisation (chapter 14).

Two small worlds, written out here: a cart that must not let its pole fall, and a
pendulum that has to be swung up by a motor too weak to lift it.  Several agents learn
at once, each in worlds, with a start and at a rate of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .equations import _adam_step

__all__ = ["FUNCTIONS", "WORLDS", "Beginner", "learn"]

COPIES, STEPS = 16, 64  # worlds beside each other, and steps between two updates
EPOCHS, PARTS = 4, 4  # passes over the steps of an update, and minibatches of each
WIDTH = 32
DISCOUNT, TRACE, CLIP, NORM = 0.99, 0.95, 0.2, 0.5

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
}
"""The best and the worst of a large study (Andrychowicz et al. 2021)."""

GAINS = {"orthogonal": 1.0, "orthogonal_gain": math.sqrt(2)}
"""Two starts: orthogonal weights, and the same times √2."""


@dataclass(frozen=True)
class Beginner:
    """How one of several agents begins and steps: ``init``, ``lr`` and ``seed``."""

    init: str
    lr: float
    seed: int


@dataclass(frozen=True)
class World:
    """A world with its state in the last axis of a tensor.

    Parameters
    ----------
    sizes : how many numbers the agent sees, and between how many actions it chooses.
    limit : steps until an episode is cut.
    begin : the state of a fresh episode, from four uniform numbers.
    see : what the agent sees of a state.
    act : the next state, from a state and the number of an action.
    good : what a state earns, from 0 to 1.
    fallen : whether a state ends the episode.
    """

    sizes: tuple[int, int]
    limit: int
    begin: Callable[[Tensor], Tensor]
    see: Callable[[Tensor], Tensor]
    act: Callable[[Tensor, Tensor], Tensor]
    good: Callable[[Tensor], Tensor]
    fallen: Callable[[Tensor], Tensor]


def _push_cart(state: Tensor, action: Tensor) -> Tensor:
    """Push a cart of 1 kg with a pole of 0.1 kg and 1 m by 10 N for 0.02 s."""
    place, speed, angle, turn = state.unbind(-1)
    force = 20.0 * action - 10.0
    sine, cosine = angle.sin(), angle.cos()
    pull = (force + 0.05 * turn**2 * sine) / 1.1
    bend = (9.8 * sine - cosine * pull) / (0.5 * (4 / 3 - 0.1 * cosine**2 / 1.1))
    push = pull - 0.05 * bend * cosine / 1.1
    rates = torch.stack([speed, push, turn, bend], -1)
    return state + 0.02 * rates


def _turn_pendulum(state: Tensor, action: Tensor) -> Tensor:
    """Turn a pendulum of 1 kg and 1 m by −2, 0 or 2 Nm for 0.05 s."""
    angle, turn = state.unbind(-1)
    turn = turn + 0.05 * (15.0 * angle.sin() + 3.0 * (2.0 * action - 2.0))
    turn = turn.clamp(-8.0, 8.0)
    return torch.stack([angle + 0.05 * turn, turn], -1)


def _has_fallen(state: Tensor) -> Tensor:
    return (state[..., 0].abs() > 2.4) | (state[..., 2].abs() > math.radians(12))


WORLDS = {
    "cart": World(
        sizes=(4, 2),
        limit=500,
        begin=lambda drawn: 0.1 * drawn - 0.05,
        see=lambda state: state,
        act=_push_cart,
        good=lambda state: (~_has_fallen(state)).float(),
        fallen=_has_fallen,
    ),
    "pendulum": World(
        sizes=(3, 3),
        limit=200,
        begin=lambda drawn: (2 * drawn[..., :2] - 1) * torch.tensor([math.pi, 1.0]),
        see=lambda state: torch.stack(
            [state[..., 0].cos(), state[..., 0].sin(), state[..., 1] / 8], -1
        ),
        act=_turn_pendulum,
        good=lambda state: (1 + state[..., 0].cos()) / 2,
        fallen=lambda state: torch.zeros_like(state[..., 0], dtype=torch.bool),
    ),
}


def learn(
    world: str, function: str, beginners: Sequence[Beginner], updates: int
) -> list[float]:
    """Let agents learn; return for each what it earned, in percent.

    Parameters
    ----------
    world, function : keys of ``WORLDS`` and ``FUNCTIONS``.
    beginners : one agent each, with two networks of two hidden layers of 32.
    updates : how often each agent takes 64 steps in 16 worlds and learns from them.

    On the cart: length of the episodes that ended, of 500 steps.  On the pendulum:
    share of the steps in which it stood within 26 degrees of upright.  Both over the
    whole training, so that who learns sooner has more.  Adam's rate falls to 0 in a
    straight line.  nan where training broke down.  Raises ``KeyError`` for an unknown
    name.  Chapter 14.
    """
    place = WORLDS[world]
    agents = _Agents(place, FUNCTIONS[function], beginners)
    state = place.begin(agents.uniform(COPIES, 4))
    age = torch.zeros(len(beginners), COPIES)
    earned = torch.zeros(len(beginners), 2)
    for update in range(updates):
        memory, state, age, counted = _walk(place, agents, state, age)
        agents.improve(memory, 1 - update / updates)
        earned += counted
    broke = ~torch.stack([w.isfinite().all(2).all(1) for w in agents.weights]).all(0)
    percent = 100 * earned[:, 0] / earned[:, 1].clamp(min=1)
    return percent.masked_fill(broke, math.nan).tolist()


Memory = dict[str, Tensor]


@torch.no_grad()
def _walk(
    place: World, agents: _Agents, state: Tensor, age: Tensor
) -> tuple[Memory, Tensor, Tensor, Tensor]:
    """Take the steps of one update; return them, where it stands, and what counts."""
    chance, fresh = agents.uniform(STEPS, COPIES), agents.uniform(STEPS, COPIES, 4)
    seen: dict[str, list[Tensor]] = {k: [] for k in ("see", "act", "log", "good")}
    seen |= {"next": [], "fell": [], "cut": []}
    counted = torch.zeros(len(age), 2)
    for t in range(STEPS):
        view = place.see(state)
        logs = agents.policy(view).log_softmax(-1)
        edges = logs.exp().cumsum(-1)[..., :-1]
        action = (chance[:, t, :, None] > edges).sum(-1)
        state, age = place.act(state, action), age + 1
        fell, good = place.fallen(state), place.good(state)
        cut = fell | (age >= place.limit)
        if place.limit == 500:
            ended = torch.stack([(age * cut).sum(1) / 500, cut.sum(1)], 1)
        else:
            up = (state[..., 0].cos() > 0.9).sum(1)
            ended = torch.stack([up, torch.full_like(up, COPIES)], 1)
        counted += ended
        log = logs.gather(-1, action[..., None])[..., 0]
        step = (view, action, log, good, place.see(state), fell, cut)
        for store, value in zip(seen.values(), step, strict=True):
            store.append(value)
        state = torch.where(cut[..., None], place.begin(fresh[:, t]), state)
        age = age.masked_fill(cut, 0.0)
    memory = {name: torch.stack(values, 1) for name, values in seen.items()}
    return memory, state, age, counted


class _Agents:
    """Policies and estimates of several agents, stacked."""

    def __init__(
        self,
        place: World,
        function: Callable[[Tensor], Tensor],
        beginners: Sequence[Beginner],
    ) -> None:
        self.function = function
        self.rates = torch.tensor([one.lr for one in beginners])
        self.random = [torch.Generator().manual_seed(one.seed) for one in beginners]
        self.weights = self._draw(place.sizes, beginners)
        self.moments = [
            (torch.zeros_like(w), torch.zeros_like(w)) for w in self.weights
        ]
        self.count = 0

    def _draw(
        self, sizes: tuple[int, int], beginners: Sequence[Beginner]
    ) -> list[Tensor]:
        """Return orthogonal weights and zero biases: six of the policy, six more."""
        inputs, actions = sizes
        drawn = []
        for one, random in zip(beginners, self.random, strict=True):
            parts = []
            for outputs, last in ((actions, 0.01), (1, 1.0)):
                gains = (GAINS[one.init], GAINS[one.init], last)
                widths = (inputs, WIDTH, WIDTH, outputs)
                for gain, a, b in zip(gains, widths, widths[1:], strict=False):
                    weight = torch.empty(a, b)
                    torch.nn.init.orthogonal_(weight, gain, generator=random)
                    parts += [weight, torch.zeros(1, b)]
            drawn.append(parts)
        return [torch.stack(w).requires_grad_() for w in zip(*drawn, strict=True)]

    def uniform(self, *shape: int) -> Tensor:
        """Return uniform numbers (agents, *shape), each agent's from its own source."""
        return torch.stack([torch.rand(shape, generator=r) for r in self.random])

    def policy(self, view: Tensor) -> Tensor:
        """Return logits of the actions; axes in the middle are kept."""
        return self._run(self.weights[:6], view)

    def value(self, view: Tensor) -> Tensor:
        """Return what is still to be earned, as the agents estimate it."""
        return self._run(self.weights[6:], view)[..., 0]

    def _run(self, weights: Sequence[Tensor], view: Tensor) -> Tensor:
        x = view.flatten(1, -2)
        for weight, bias in zip(weights[:4:2], weights[1:4:2], strict=True):
            x = self.function(torch.baddbmm(bias, x, weight))
        return torch.baddbmm(weights[5], x, weights[4]).unflatten(1, view.shape[1:-1])

    def improve(self, memory: Memory, part: float) -> None:
        """Learn from the steps of one update, at this part of the first rate."""
        gain, goal = self._judge(memory)
        flat = {name: memory[name].flatten(1, 2) for name in ("see", "act", "log")}
        flat |= {"gain": gain.flatten(1), "goal": goal.flatten(1)}
        for _ in range(EPOCHS):
            order = torch.stack(
                [torch.randperm(STEPS * COPIES, generator=r) for r in self.random]
            )
            for rows in order.chunk(PARTS, 1):
                batch = {name: _rows(values, rows) for name, values in flat.items()}
                self._step(self._losses(batch), part)

    @torch.no_grad()
    def _judge(self, memory: Memory) -> tuple[Tensor, Tensor]:
        """Return how much better each action was than expected, and what to expect."""
        now, later = self.value(memory["see"]), self.value(memory["next"])
        surprise = memory["good"] + DISCOUNT * later * ~memory["fell"] - now
        gains, gain = [], torch.zeros_like(now[:, 0])
        for t in reversed(range(STEPS)):
            gain = surprise[:, t] + DISCOUNT * TRACE * gain * ~memory["cut"][:, t]
            gains.append(gain)
        found = torch.stack(gains[::-1], 1)
        return found, found + now

    def _losses(self, batch: Memory) -> Tensor:
        """Return the loss of each agent, shape (agents,)."""
        gain = batch["gain"] - batch["gain"].mean(1, keepdim=True)
        gain = gain / (gain.std(1, keepdim=True) + 1e-8)
        logs = self.policy(batch["see"]).log_softmax(-1)
        ratio = (logs.gather(-1, batch["act"][..., None])[..., 0] - batch["log"]).exp()
        clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
        taken = torch.minimum(ratio * gain, clipped * gain).mean(1)
        missed = (self.value(batch["see"]) - batch["goal"]).square().mean(1)
        return missed / 2 - taken

    def _step(self, losses: Tensor, part: float) -> None:
        gradients = torch.autograd.grad(losses.sum(), self.weights)
        self.count += 1
        for half in (slice(0, 6), slice(6, 12)):
            squares = [g.square().sum((1, 2)) for g in gradients[half]]
            norm = torch.stack(squares).sum(0).sqrt()
            scale = (NORM / (norm + 1e-8)).clamp(max=1.0)[:, None, None]
            for w, g, (mean, square) in zip(
                self.weights[half], gradients[half], self.moments[half], strict=True
            ):
                _adam_step(w, scale * g, mean, square, part * self.rates, self.count)


def _rows(values: Tensor, rows: Tensor) -> Tensor:
    """Return the rows of each agent's values that it drew."""
    if values.dim() == 3:
        rows = rows[..., None].expand(-1, -1, values.shape[2])
    return values.gather(1, rows)
