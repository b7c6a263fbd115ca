"""What a step does with the gradients of many networks at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = ["Slot", "Stepper", "stepper_of"]


class Slot:
    """Parameters of some networks in one tensor of shape (networks, …).

    ``gradient`` is where the gradient goes; what was there before counts ``keep``
    times, which makes it the velocity of SGD with momentum.
    """

    def __init__(self, value: Tensor, where: slice, keep: float, averages: int) -> None:
        self.value, self.where, self.keep = value, where, keep
        self.gradient = torch.zeros_like(value)
        self.averages = [torch.zeros_like(value) for _ in range(averages)]

    def add(self, gradient: Tensor) -> None:
        """Take in a gradient that has been computed elsewhere."""
        if self.keep:
            self.gradient.mul_(self.keep).add_(gradient)
        else:
            self.gradient.copy_(gradient)

    def own(self, numbers: Tensor) -> Tensor:
        """Return one number per network in a shape that fits the parameters'."""
        shape = (-1,) + (1,) * (self.value.dim() - 1)
        return numbers[self.where].reshape(shape)


class _Descent:
    """SGD with momentum: v ← momentum v + g, w ← w − lr v."""

    averages = 0
    idle = (0.0,)  # the numbers of a network that stands still

    def __init__(self, momentum: float) -> None:
        self.keep = momentum

    def numbers(self, rates: Tensor, first: int) -> Tensor:
        """Return what the steps need, shape (steps, 1, networks)."""
        return -rates.unsqueeze(1)

    def update(self, slot: Slot, numbers: Tensor, still: Tensor | None) -> None:
        """Move the parameters by one step; those of networks in ``still`` stay."""
        if still is not None:
            slot.gradient.masked_fill_(slot.own(still), 0)
        slot.value.addcmul_(slot.gradient, slot.own(numbers[0]))


class _Adam:
    """Adam, and AdamW if ``decoupled``, with torch's settings."""

    averages = 2
    keep = 0.0
    idle = (0.0, 1.0, 0.0)

    def __init__(self, decoupled: bool) -> None:
        kind = torch.optim.AdamW if decoupled else torch.optim.Adam
        usual = kind([torch.zeros(1)]).defaults
        self.betas, self.eps = usual["betas"], usual["eps"]
        self.decay = usual["weight_decay"] if decoupled else 0.0
        self.room: Tensor | None = None

    def numbers(self, rates: Tensor, first: int) -> Tensor:
        """Return step size, ε and decay, all with the corrections for the start."""
        steps = torch.arange(first, first + len(rates), dtype=rates.dtype)[:, None]
        one, two = (1 - beta**steps for beta in self.betas)
        eps = (self.eps * two.sqrt()).expand_as(rates)
        return torch.stack([-rates * two.sqrt() / one, eps, -rates * self.decay], 1)

    def update(self, slot: Slot, numbers: Tensor, still: Tensor | None) -> None:
        """Move the parameters by one step; those of networks in ``still`` stay."""
        mean, square = slot.averages
        gradient, (beta_one, beta_two) = slot.gradient, self.betas
        mean.lerp_(gradient, 1 - beta_one)
        square.mul_(beta_two).addcmul_(gradient, gradient, value=1 - beta_two)
        if still is not None:
            mean.masked_fill_(slot.own(still), 0)
            square.masked_fill_(slot.own(still), 0)
        size, eps, decay = (slot.own(each) for each in numbers)
        if self.decay:
            slot.value.addcmul_(slot.value, decay)
        if self.room is None or self.room.numel() < gradient.numel():
            self.room = torch.empty_like(gradient).flatten()
        root = self.room[: gradient.numel()].view_as(gradient)
        torch.sqrt(square, out=root).add_(eps)
        slot.value.addcdiv_(torch.mul(mean, size, out=gradient), root)


Stepper = _Descent | _Adam


def stepper_of(settings: Mapping[str, Any]) -> Stepper:
    """Return the rule that ``fit``'s optimiser of that name follows."""
    if settings["optimiser"] == "sgd":
        return _Descent(settings["momentum"])
    return _Adam(decoupled=settings["optimiser"] == "adamw")
