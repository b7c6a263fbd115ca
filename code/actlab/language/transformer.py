"""Feed-forward blocks with and without gate, and a small transformer around them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks import make_activation

__all__ = [
    "FEED_FORWARD_KINDS",
    "FeedForward",
    "GatedFeedForward",
    "TextTransformer",
    "gated_width",
]

# Kind of feed-forward block: the key of its activation, and whether that is a gate.
FEED_FORWARD_KINDS = {
    "relu": ("relu", False),
    "gelu": ("gelu", False),
    "relu2": ("relu2", False),
    "bilinear": ("bilinear", True),
    "swiglu": ("swiglu", True),
    "geglu": ("geglu", True),
}


def gated_width(d: int) -> int:
    """Hidden width of a gated block that costs as much as 4d without gate: 8d/3.

    Two matrices of d × 4d have 8d² weights; three of d × h have 3dh, so h = 8d/3,
    rounded to the nearest whole number.  Raises ``ValueError`` for d < 1.  Chapter 07.
    """
    if d < 1:
        raise ValueError(f"d is {d}; a width is a whole number from 1")
    return round(8 * d / 3)


class FeedForward(nn.Module):
    """Two linear maps without bias and an activation between: W₂ f(W₁ x).

    Parameters
    ----------
    width : size of the last axis of input and output.
    hidden : units between the two maps.
    activation : what ``networks.MLP`` takes: a key, a module, a function.

    Chapter 07.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        activation: str | nn.Module | Callable[[Tensor], Tensor] = "relu",
    ) -> None:
        super().__init__()
        self.inner = nn.Linear(width, hidden, bias=False)
        self.activation = make_activation(activation)
        self.outer = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return W₂ f(W₁ x) in the shape of ``x``."""
        return self.outer(self.activation(self.inner(x)))


class GatedFeedForward(nn.Module):
    """Three linear maps without bias: W₂ (V x · f(W x)), the product by units.

    Parameters
    ----------
    width : size of the last axis of input and output.
    hidden : units after the product; V and W lie in one matrix of 2·hidden rows, the
        value's first.
    gate : key of a gated activation (``"swiglu"``), or a module or function that
        halves the last axis.

    Chapter 07.  Source: Shazeer 2020, arXiv:2002.05202.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        gate: str | nn.Module | Callable[[Tensor], Tensor] = "swiglu",
    ) -> None:
        super().__init__()
        self.inner = nn.Linear(width, 2 * hidden, bias=False)
        self.activation = make_activation(gate)
        self.outer = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return W₂ (V x · f(W x)) in the shape of ``x``."""
        return self.outer(self.activation(self.inner(x)))


class _Attention(nn.Module):
    """Causal attention with several heads; no bias.

    Queries and keys are turned by angles that grow with their place, so that a product
    of the two knows how far apart they stand (Su et al. 2021, arXiv:2104.09864).
    """

    cosine: Tensor
    sine: Tensor

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.heads = heads
        half = width // heads // 2
        speeds = 0.01 ** (torch.arange(half) / half)
        angles = torch.outer(torch.arange(context), speeds)
        self.register_buffer("cosine", angles.cos().repeat(1, 2), persistent=False)
        self.register_buffer("sine", angles.sin().repeat(1, 2), persistent=False)
        self.inner = nn.Linear(width, 3 * width, bias=False)
        self.outer = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.inner(x).unflatten(-1, (3, self.heads, -1))
        # Axes now: query, key and value; texts; heads; places; numbers.
        parts = parts.permute(2, 0, 3, 1, 4)
        query, key = self._turned(parts[:2])
        mixed = F.scaled_dot_product_attention(query, key, parts[2], is_causal=True)
        return self.outer(mixed.transpose(1, 2).flatten(-2))

    def _turned(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, -1)
        places = x.shape[-2]
        quarter_turn = torch.cat([-second, first], -1)
        return x * self.cosine[:places] + quarter_turn * self.sine[:places]


class _Block(nn.Module):
    """Attention and a feed-forward block, each on a normalised copy of the stream."""

    def __init__(
        self, width: int, heads: int, context: int, feed_forward: nn.Module
    ) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = _Attention(width, heads, context)
        self.feed_forward = feed_forward

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm_1(x))
        return x + self.feed_forward(self.norm_2(x))


class TextTransformer(nn.Module):
    """A decoder-only transformer over characters, with a feed-forward block of a kind.

    Parameters
    ----------
    vocabulary : number of characters.
    kind : a key of ``FEED_FORWARD_KINDS``.  Blocks without gate have 4·width units,
        those with gate :func:`gated_width`, so that all kinds have equally many
        weights, to within 1 %.
    width, blocks, heads : of the network; heads must divide width.
    context : the longest input, in characters.
    seed : of the weights.  Everything outside the feed-forward blocks starts with the
        same weights whatever the kind.

    Takes int64 (texts, characters) and returns logits (texts, characters, vocabulary).
    Weights are normal with variance 1/inputs, their spread smaller by √(2·blocks) where
    a branch joins the stream; the output layer starts at zero, and so the loss at
    ln(vocabulary).  Places are told by turning queries and keys.  Raises ``ValueError``
    for an unknown kind.  Chapter 07.
    """

    def __init__(
        self,
        vocabulary: int,
        kind: str = "relu",
        *,
        width: int = 64,
        blocks: int = 2,
        heads: int = 4,
        context: int = 64,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if kind not in FEED_FORWARD_KINDS:
            choices = ", ".join(FEED_FORWARD_KINDS)
            raise ValueError(f"unknown kind {kind!r}; choose one of {choices}")
        if width % (2 * heads):
            raise ValueError(
                f"width is {width}; {heads} heads need a multiple of {2 * heads}"
            )
        self.kind, self.context = kind, context
        # Weights drawn here are drawn anew below: keep the caller's generator as it is.
        with torch.random.fork_rng(devices=[]):
            self.characters = nn.Embedding(vocabulary, width)
            parts = [_feed_forward(kind, width) for _ in range(blocks)]
            self.blocks = nn.ModuleList(
                _Block(width, heads, context, part) for part in parts
            )
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, vocabulary, bias=False)
        self._initialise(seed)

    def _initialise(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        # The feed-forward blocks last: what they draw must not shift the others.
        matrices = sorted(
            (item for item in self.named_parameters() if item[1].dim() == 2),
            key=lambda item: "feed_forward" in item[0],
        )
        for name, matrix in matrices:
            std = 1.0 if name == "characters.weight" else matrix.shape[1] ** -0.5
            if name.endswith("outer.weight"):
                std /= math.sqrt(2 * len(self.blocks))
            nn.init.normal_(matrix, std=std, generator=generator)
        nn.init.zeros_(self.head.weight)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.head.weight.device

    def forward(self, ids: Tensor) -> Tensor:
        """Return for each place the logits of the character that follows."""
        if ids.shape[-1] > self.context:
            raise ValueError(
                f"a text of {ids.shape[-1]} characters; the context is {self.context}"
            )
        x = self.characters(ids)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def _feed_forward(kind: str, width: int) -> nn.Module:
    activation, gated = FEED_FORWARD_KINDS[kind]
    if gated:
        return GatedFeedForward(width, gated_width(width), activation)
    return FeedForward(width, 4 * width, activation)
