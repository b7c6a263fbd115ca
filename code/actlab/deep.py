"""Deep plain networks and what is done to make them learn.

Many layers, with the cures that are recommended for them: a limit on the gradient,
another start, a normalisation, a residual path.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .datasets import Dataset
from .networks import MLP
from .training import NonFiniteLossError, evaluate

__all__ = ["DeepMLP", "start_as_tanh_", "train"]

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda width: nn.Identity(),
    "layer": nn.LayerNorm,
    "batch": nn.BatchNorm1d,
}


class DeepMLP(nn.Module):
    """A multilayer perceptron whose hidden layers may be normalised and bridged.

    A hidden layer computes f(norm(W h + b)); with ``branch``, one that keeps the width
    computes h + branch · f(norm(W h + b)) instead.

    Parameters
    ----------
    sizes, activation, init, seed : as for :class:`~actlab.networks.MLP`, whose weights
        it has.
    norm : ``"none"``, ``"layer"`` or ``"batch"``, between linear map and activation.
    branch : None for no residual path, a factor, or ``"depth"`` for 1/√(hidden layers).

    Inputs have shape (examples, sizes[0]), outputs (examples, sizes[-1]). Raises
    ``ValueError`` for an unknown norm. Chapter 09. Sources: He et al. 2016,
    arXiv:1512.03385; Ioffe and Szegedy 2015, arXiv:1502.03167; Ba et al. 2016,
    arXiv:1607.06450.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Any = "relu",
        init: str = "default",
        *,
        norm: str = "none",
        branch: float | str | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"unknown norm {norm!r}; choose one of {list(NORMS)}")
        plain = MLP(sizes, activation, init, seed=seed)
        self.linears, self.activations = plain.linears, plain.activations
        hidden = len(self.activations)
        self.norms = nn.ModuleList(NORMS[norm](n) for n in sizes[1:-1])
        self.branch = 1 / math.sqrt(hidden) if branch == "depth" else branch

    def forward(self, h: Tensor) -> Tensor:
        for linear, norm, f in zip(self.linears, self.norms, self.activations):
            new = f(norm(linear(h)))
            keeps_width = linear.in_features == linear.out_features
            if self.branch is not None and keeps_width:
                new = h + self.branch * new
            h = new
        return self.linears[-1](h)


Network = TypeVar("Network", MLP, DeepMLP)


def start_as_tanh_(network: Network) -> Network:
    """Make a sigmoid network compute what the tanh network of its weights computes.

    From σ(z) = (1 + tanh(z/2))/2: hidden weights times 4, those that read the data
    and those of the output times 2, and biases that take the ½ away. In place; returns
    the network. Chapter 09.
    """
    last = len(network.linears) - 1
    with torch.no_grad():
        for place, linear in enumerate(network.linears):
            assert isinstance(linear, nn.Linear)
            linear.bias.mul_(1 if place == last else 2)
            linear.weight.mul_(2 if place in (0, last) else 4)
            if place > 0:
                linear.bias.sub_(linear.weight.sum(1) / 2)
    return network


def train(
    network: nn.Module,
    data: Dataset,
    *,
    lr: float,
    epochs: int = 20,
    clip: float | None = None,
    optimiser: str = "sgd",
    epsilon: float = 1e-8,
    batch_size: int = 128,
    seed: int = 0,
) -> dict[str, list[float]]:
    """Train a classifier in place with a limit on the length of the gradient.

    Parameters
    ----------
    lr, epochs, batch_size, seed : as in :func:`actlab.training.fit`.
    clip : the longest gradient that is let through, all parameters together; None for
        no limit.
    optimiser : ``"sgd"`` without momentum, or ``"adam"``.
    epsilon : what Adam adds to the size of a gradient before it divides by it.

    Returns the history: lists ``epoch``, ``train_loss``, ``test_loss`` and
    ``test_accuracy`` in per cent. Raises ``NonFiniteLossError`` where the loss is no
    longer a number. Chapter 09.
    """
    makers: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "sgd": torch.optim.SGD,
        "adam": partial(torch.optim.Adam, eps=epsilon),
    }
    stepper = makers[optimiser](network.parameters(), lr=lr)
    shuffle = torch.Generator().manual_seed(seed)
    x, y = data.x_train, data.y_train
    history: dict[str, list[float]] = {
        name: [] for name in ("epoch", "train_loss", "test_loss", "test_accuracy")
    }
    for epoch in range(epochs + 1):
        losses: list[float] = []
        network.train()
        batches = torch.randperm(len(x), generator=shuffle).split(batch_size)
        for rows in batches if epoch else ():
            loss = F.cross_entropy(network(x[rows]), y[rows])
            stepper.zero_grad()
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(network.parameters(), clip)
            stepper.step()
            if not math.isfinite(loss.item()):
                before = losses[-1] if losses else None
                step = len(losses) + 1
                raise NonFiniteLossError(epoch, step, loss.item(), before, lr)
            losses.append(loss.item())
        test_loss, accuracy = evaluate(network, data.x_test, data.y_test)
        mean = sum(losses) / len(losses) if losses else math.nan
        row = (float(epoch), mean, test_loss, accuracy)
        for name, value in zip(history, row, strict=True):
            history[name].append(value)
    return history
