"""The gated blocks once more, all functions brought to one gain.

Decided before the first run.  Each function is multiplied by the number that makes its
mean square 1 where its inputs are standard normal, so that all blocks start with
outputs of one size, and a step of the last matrix changes them by one size; the number
stays during training.  Every kind is tuned on the same rates with the same two seeds;
where the best rate of a kind is the smallest or the largest, the next one is tried too,
until it lies inside.  The finals have six fresh seeds, and differences are paired by
seed, with a 95 % interval.

1.  SwiGLU − ReLU and bilinear − ReLU were −0.050 and −0.047 without the numbers.  If an
    interval here holds 0, or lies above −0.025 (half of that), the gain was most of the
    advantage; if it lies below −0.025, it was not; otherwise the study does not say.
2.  ReLU² is ReGLU with one matrix for value and gate.  If ReGLU − ReLU² lies below 0,
    the second weighted sum buys something; inside ±0.025 it does not buy half of
    SwiGLU's advantage; otherwise the study does not say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from actlab import language
from actlab.networks import make_activation
from actlab.studies import Condition, Setting, Study
from actlab.studies.runners import CHECKPOINT, register

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EQUAL_GAIN", "MEAN_SQUARES", "GainRun", "block_sizes", "network_of"]

# E f² of a standard normal, or E a² · E f(c)² of two, and a block of the same form.
MEAN_SQUARES = {
    "relu": 1 / 2,
    "relu2": 3 / 2,
    "bilinear": 1.0,
    "reglu": 1 / 2,
    "swiglu": 0.355775,
}
_FORM = {
    kind: "relu" if kind in ("relu", "relu2") else "bilinear" for kind in MEAN_SQUARES
}
_RATES = (0.004, 0.008, 0.016)
_TUNING_SEEDS = (200, 201)
_FRESH = tuple(range(10, 16))


class _Times(nn.Module):
    """A function times a number."""

    def __init__(self, function: nn.Module, number: float) -> None:
        super().__init__()
        self.function, self.number = function, number

    def forward(self, x: Tensor) -> Tensor:
        return self.number * self.function(x)


@dataclass(frozen=True)
class GainRun(Condition):
    """A small transformer whose feed-forward blocks start with one size of output.

    ``activation`` is a key of :data:`MEAN_SQUARES`; an epoch is fifty steps.
    """

    optimiser: str = "adam"
    epochs: int = 16
    batch_size: int = 32


def network_of(kind: str, vocabulary: int, seed: int) -> language.TextTransformer:
    """Return the network of chapter 07 with a function of gain 1 in its blocks.

    Parameters
    ----------
    kind : a key of :data:`MEAN_SQUARES`.
    vocabulary, seed : as :class:`~actlab.language.TextTransformer` takes them.

    Kinds of one form, with gate or without, start with the same weights.  Chapter 07.
    """
    network = language.TextTransformer(vocabulary, _FORM[kind], seed=seed)
    for block in network.blocks:
        function = make_activation(kind)
        times = _Times(function, MEAN_SQUARES[kind] ** -0.5)
        cast(Any, block).feed_forward.activation = times
    return network


@torch.no_grad()
def block_sizes(network: language.TextTransformer, text: language.Text) -> list[float]:
    """Return the root mean square of what each feed-forward block adds to the stream.

    Over the first 2048 characters of the held-out part.  Chapter 07.
    """
    sizes: list[float] = []

    def look(module: nn.Module, given: Any, output: Tensor) -> None:
        sizes.append(output.pow(2).mean().sqrt().item())

    hooks = [
        cast(Any, block).feed_forward.register_forward_hook(look)
        for block in network.blocks
    ]
    length = 2048 // network.context * network.context
    network(text.validation[:length].view(-1, network.context).to(network.device))
    for hook in hooks:
        hook.remove()
    return sizes


def _run(setting: Setting, device: str) -> tuple[dict[str, list[Any]], float]:
    """Train one network; keep its last loss, and its blocks' size before and after."""
    condition, text = setting.condition, language.corpus()
    assert isinstance(condition, GainRun)
    network = network_of(condition.activation, len(text.vocabulary), setting.seed)
    before = block_sizes(network.to(device), text)
    run = language.fit_language(
        network,
        text,
        steps=CHECKPOINT * condition.epochs,
        lr=condition.lr,
        batch_size=condition.batch_size,
        seed=setting.seed,
        checkpoints=condition.epochs,
        device=device,
    )
    last = run.history.iloc[-1]
    columns: dict[str, list[Any]] = {
        "epoch": [condition.epochs],
        "train_loss": [float(last["train_loss"])],
        "test_loss": [run.loss],
        "test_accuracy": [math.nan],
        "seconds": [run.seconds],
        "size_before": [sum(before) / len(before)],
        "size_after": [sum(after := block_sizes(network, text)) / len(after)],
    }
    return columns, run.seconds


def _hashes(condition: GainRun) -> dict[str, str]:
    text = language.corpus()
    return {text.name: text.sha256}


register(GainRun, _run, prepare=lambda condition: language.corpus(), hashes=_hashes)


def _tuning(kind: str, rates: Sequence[float]) -> list[GainRun]:
    return [GainRun("tune", kind, lr, seeds_of_its_own=_TUNING_SEEDS) for lr in rates]


def _then(table: pd.DataFrame) -> list[GainRun]:
    """Return what follows from the finished runs: rates beyond an end, or the finals.

    A rate at which a run broke down is not chosen.
    """
    if (table["regime"] == "final").any():
        return []
    losses = table.fillna({"test_loss": math.inf}).groupby(["activation", "lr"])
    means = losses["test_loss"].mean()
    further, finals = [], []
    for kind in MEAN_SQUARES:
        tried = means[kind]
        best, low, high = float(tried.idxmin()), tried.index.min(), tried.index.max()
        if best in (low, high):
            beyond = best / 2 if best == low else best * 2
            further += _tuning(kind, [float(f"{beyond:.3g}")])
        finals.append(GainRun("final", kind, best, seeds_of_its_own=_FRESH))
    return further or finals


EQUAL_GAIN = Study(
    name="gated-equal-gain",
    question="Is it a gain that a gate buys, and does a product need two sums?",
    home=__package__,
    conditions=tuple(c for kind in MEAN_SQUARES for c in _tuning(kind, _RATES)),
    further=("seconds", "size_before", "size_after"),
    growth=_then,
    ends_only=True,
)
