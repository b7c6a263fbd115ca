"""A two-layer graph convolution on random graphs with known communities (chapter 14).

Eight communities of a stochastic block model, two to a class.  Each node has 16 noisy
features; a fifth of the nodes have a label that the network sees.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from actlab import catalogue

__all__ = ["TASKS", "GraphData", "classify", "draw_graph"]

COMMUNITIES, SIZE, CLASSES = 8, 60, 4
WITHIN, BETWEEN = 0.10, 0.01  # chance of an edge inside a community, and across
FEATURES, HIDDEN = 16, 16
LABELLED = 0.2

TASKS = {
    "lines": "the classes' mean features point in four directions: lines part them",
    "ring": "the communities' lie on a circle, opposite ones share a class: none do",
}
"""What the features say.  Without a bend, ``ring`` cannot be learnt from them."""

_RADIUS = {"lines": 0.7, "ring": 2.5}


@dataclass(frozen=True)
class GraphData:
    """A graph, prepared for a network.

    Parameters
    ----------
    spread : float32 (nodes, nodes), D^(−½) (A + I) D^(−½) of the adjacency A.
    features : float32 (nodes, 16).
    labels : int64 (nodes,), 0 to 3.
    seen : bool (nodes,), whose label the network is trained on.
    """

    spread: Tensor
    features: Tensor
    labels: Tensor
    seen: Tensor


def draw_graph(task: str, seed: int) -> GraphData:
    """Draw a graph of 480 nodes, its features and labels.

    Raises ``KeyError`` for a task that is not in ``TASKS``.  Chapter 14.
    """
    radius = _RADIUS[task]
    random = torch.Generator().manual_seed(seed)
    community = torch.arange(COMMUNITIES).repeat_interleave(SIZE)
    labels = community % CLASSES
    chance = torch.where(community[:, None] == community, WITHIN, BETWEEN)
    upper = (torch.rand(chance.shape, generator=random) < chance).triu(1).float()
    edges = upper + upper.T + torch.eye(len(labels))
    scale = edges.sum(1).rsqrt()
    features = torch.randn(len(labels), FEATURES, generator=random)
    if task == "lines":
        features[torch.arange(len(labels)), labels] += radius
    else:
        angle = 2 * math.pi * community / COMMUNITIES
        features[:, 0] += radius * angle.cos()
        features[:, 1] += radius * angle.sin()
    seen = torch.rand(len(labels), generator=random) < LABELLED
    return GraphData(scale[:, None] * edges * scale, features, labels, seen)


class GraphNetwork(nn.Module):
    """Two graph convolutions with a function between them.

    Chapter 14.  Source: Kipf & Welling 2017, arXiv:1609.02907.
    """

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.first = nn.Linear(FEATURES, HIDDEN)
        self.activation = activation
        self.second = nn.Linear(HIDDEN, CLASSES)
        for layer in (self.first, self.second):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, spread: Tensor, averaged: Tensor) -> Tensor:
        """Return logits (nodes, 4) of features that were averaged over neighbours."""
        hidden = self.activation(self.first(averaged))
        return spread @ self.second(hidden)


def classify(
    task: str, activation: str, lr: float, seed: int, epochs: int = 200
) -> tuple[float, float, float]:
    """Train on one graph; return training loss, test loss and test accuracy in percent.

    Parameters
    ----------
    task : a key of ``TASKS``.
    activation : a key of the catalogue.
    lr : first rate of Adam; it falls to 0 along a half cosine.  Weight decay 5e-4.
    seed : of the graph and of the start.
    epochs : steps, all labelled nodes at each.

    The test is on all nodes whose labels were not seen.  Chapter 14.
    """
    data = draw_graph(task, seed)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = GraphNetwork(catalogue.get(activation).make())
    averaged = data.spread @ data.features
    optimiser = torch.optim.Adam(network.parameters(), lr=lr, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    loss_on = _loss_on(network, data, averaged)
    for _ in range(epochs):
        loss = loss_on(data.seen)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        logits = network(data.spread, averaged)[~data.seen]
        right = (logits.argmax(1) == data.labels[~data.seen]).float().mean()
        return loss_on(data.seen).item(), loss_on(~data.seen).item(), 100 * right.item()


def _loss_on(
    network: nn.Module, data: GraphData, averaged: Tensor
) -> Callable[[Tensor], Tensor]:
    def loss(nodes: Tensor) -> Tensor:
        logits = network(data.spread, averaged)
        return F.cross_entropy(logits[nodes], data.labels[nodes])

    return loss
