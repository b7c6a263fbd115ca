"""Training a text transformer: seeded, repeatable, its schedule stated."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..training import NonFiniteLossError
from .text import Text
from .transformer import TextTransformer

__all__ = ["LanguageRun", "continue_text", "evaluate_language", "fit_language"]

WARM_UP = 0.05  # share of the steps in which lr rises from 0
MAX_GRADIENT_NORM = 1.0


@dataclass(eq=False)
class LanguageRun:
    """What :func:`fit_language` returns.

    ``history`` has one row per checkpoint: step (from 0, before training), train_loss
    (mean over the steps since the row before; nan at step 0), validation_loss (nats per
    character), seconds (of training until then, evaluation not counted: processor time,
    which other programs on the machine do not lengthen; on a GPU wall time).
    """

    network: TextTransformer = field(repr=False)
    history: pd.DataFrame = field(repr=False)
    settings: dict[str, Any]

    @property
    def loss(self) -> float:
        """Final validation loss in nats per character."""
        return float(self.history["validation_loss"].iloc[-1])

    @property
    def seconds(self) -> float:
        """Time of all training steps, as in ``history``."""
        return float(self.history["seconds"].iloc[-1])


def fit_language(
    network: TextTransformer,
    text: Text,
    *,
    steps: int,
    lr: float,
    batch_size: int = 32,
    seed: int = 0,
    device: str | torch.device = "cpu",
    checkpoints: int = 12,
    windows: int = 256,
) -> LanguageRun:
    """Train ``network`` to foretell the next character, in place.

    Adam (0.9, 0.99); lr rises over the first 5 % of the steps and then falls on a
    straight line to 0; the gradient's norm is cut at 1.

    Parameters
    ----------
    steps : number of batches, each of ``batch_size`` windows of the network's context
        drawn from the training part; the same ``seed`` draws the same windows for
        every network.
    lr : the highest step size.
    checkpoints : how often the validation loss is taken after the start.
    windows : how many evenly spread windows of the validation part it is taken over.

    Returns a :class:`LanguageRun`.  Raises :class:`~actlab.training.NonFiniteLossError`
    when the loss is inf or nan, and ``ValueError`` for impossible settings.
    Chapter 07.
    """
    _check_settings(steps, lr, batch_size, checkpoints)
    network.to(device)
    train = text.train.to(device)
    held_out = _validation_windows(text, network.context, windows).to(device)
    generator = torch.Generator().manual_seed(seed)
    parameters = list(network.parameters())
    stepper = torch.optim.Adam(parameters, lr=lr, betas=(0.9, 0.99), fused=True)
    marks = {round(steps * k / checkpoints) for k in range(1, checkpoints + 1)}
    offsets = torch.arange(network.context + 1, device=device)
    rows = [(0, math.nan, _mean_loss(network, held_out), 0.0)]
    losses: list[Tensor] = []
    clock = time.process_time if network.device.type == "cpu" else time.perf_counter
    before, seconds, start = None, 0.0, clock()
    for step in range(1, steps + 1):
        for group in stepper.param_groups:
            group["lr"] = lr * _schedule(step, steps)
        limit = len(train) - network.context
        begins = torch.randint(limit, (batch_size, 1), generator=generator)
        loss = _loss(network, train[begins.to(device) + offsets])
        stepper.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, MAX_GRADIENT_NORM)
        stepper.step()
        losses.append(loss.detach())
        if step in marks:
            mean = float(torch.stack(losses).mean())
            seconds += clock() - start
            if not math.isfinite(mean):
                raise NonFiniteLossError(1, step, mean, before, lr)
            rows.append((step, mean, _mean_loss(network, held_out), seconds))
            before, losses, start = mean, [], clock()
    names = ["step", "train_loss", "validation_loss", "seconds"]
    settings = {
        "text": text.name,
        "kind": network.kind,
        "steps": steps,
        "lr": lr,
        "batch_size": batch_size,
        "context": network.context,
        "seed": seed,
    }
    return LanguageRun(network, pd.DataFrame(rows, columns=names), settings)


def evaluate_language(
    network: TextTransformer, text: Text, *, windows: int = 256
) -> float:
    """Return the mean loss over validation windows, in nats per character."""
    held_out = _validation_windows(text, network.context, windows)
    return _mean_loss(network, held_out.to(network.device))


def _check_settings(steps: int, lr: float, batch_size: int, checkpoints: int) -> None:
    for name, value in (("steps", steps), ("batch_size", batch_size)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value!r}; give a positive whole number")
    if not (math.isfinite(lr) and lr > 0):
        raise ValueError(f"lr is {lr!r}; give a positive number, for instance 0.003")
    if not 1 <= checkpoints <= steps:
        raise ValueError(f"checkpoints is {checkpoints}; give 1 to {steps} (steps)")


def _schedule(step: int, steps: int) -> float:
    """Return the share of lr at a step: up on a line, then down on a line."""
    rise = max(1, round(WARM_UP * steps))
    return min(step / rise, (steps - step + 1) / (steps - rise + 1))


def _validation_windows(text: Text, context: int, windows: int) -> Tensor:
    begins = torch.linspace(0, len(text.validation) - context - 1, windows).long()
    return text.validation[begins[:, None] + torch.arange(context + 1)]


def _loss(network: nn.Module, windows: Tensor) -> Tensor:
    logits = network(windows[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())


@torch.no_grad()
def _mean_loss(network: nn.Module, windows: Tensor) -> float:
    # Parts of equal size: the mean of their means is the mean over all.
    parts = windows.split(32) if len(windows) % 32 == 0 else windows.split(1)
    return float(torch.stack([_loss(network, part) for part in parts]).mean())


@torch.no_grad()
def continue_text(
    network: TextTransformer,
    text: Text,
    beginning: str,
    *,
    length: int = 200,
    temperature: float = 0.7,
    seed: int = 0,
) -> str:
    """Return ``beginning`` and ``length`` characters drawn from the network after it.

    Logits are divided by ``temperature`` first.  Raises ``ValueError`` for characters
    that the text's vocabulary lacks.  Chapter 07.
    """
    generator = torch.Generator().manual_seed(seed)
    ids = text.encode(beginning)
    for _ in range(length):
        logits = network(ids[None, -network.context :].to(network.device))[0, -1].cpu()
        chances = torch.softmax(logits / temperature, -1)
        ids = torch.cat([ids, torch.multinomial(chances, 1, generator=generator)])
    return text.decode(ids)
