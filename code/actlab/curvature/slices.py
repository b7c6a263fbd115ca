"""Slices through a loss surface, along directions made comparable between networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from . import limits
from .surface import LossSurface

__all__ = [
    "NORMALISATIONS",
    "Plane",
    "Slice",
    "random_direction",
    "slice_1d",
    "slice_2d",
]

NORMALISATIONS = ("filter", "layer", "none")


@dataclass(frozen=True)
class Slice:
    """Losses, (points,), at the distances ``along``, (points,), from the middle."""

    along: np.ndarray
    losses: np.ndarray

    def width(self, rise: float) -> float:
        """How far the loss stays within ``rise`` of its value in the middle.

        Measured from the middle outwards on both sides, by straight lines between the
        points; inf if a side never rises so far. Not a number where the middle or a
        loss on the way is none. Raises ``ValueError`` for a negative ``rise``.
        """
        if not rise >= 0:
            raise ValueError(f"rise is {rise}; a number from 0 on is needed")
        middle = int(np.argmin(np.abs(self.along)))
        level = self.losses[middle] + rise
        if not np.isfinite(self.losses[middle]):
            return float("nan")
        total = 0.0
        for side in (slice(middle, None), slice(middle, None, -1)):
            along, losses = np.abs(self.along[side]), self.losses[side]
            above = np.nonzero(~(losses <= level))[0]
            if not len(above):
                return float("inf")
            k = above[0]
            part = (level - losses[k - 1]) / (losses[k] - losses[k - 1])
            total += along[k - 1] + part * (along[k] - along[k - 1])
        return float(total)


@dataclass(frozen=True)
class Plane:
    """Losses, (points, points), rows along the second direction, columns the first."""

    first: np.ndarray
    second: np.ndarray
    losses: np.ndarray


def random_direction(
    surface: LossSurface, *, normalise: str = "filter", seed: int = 0
) -> Tensor:
    """A random direction in parameter space, of shape (size,).

    Parameters
    ----------
    normalise : ``"filter"``: the weights into each unit (a row of a matrix, a channel
        of a kernel) get the length that they have in the network, and biases and other
        vectors get 0; ``"layer"``: the same per matrix; ``"none"``: a unit vector over
        all parameters, which is not comparable between networks.
    seed : of the normal numbers it is made from.

    Filter normalisation takes the scale out that ReLU networks may shift from layer to
    layer. Raises ``ValueError`` for another name, and where normalisation leaves
    nothing: all parameters are vectors, or all matrices 0. Chapter 11; Li et al. 2018,
    arXiv:1712.09913.
    """
    if normalise not in NORMALISATIONS:
        raise ValueError(
            f"normalise is {normalise!r}; choose one of {list(NORMALISATIONS)}"
        )
    generator = torch.Generator().manual_seed(seed)
    direction = torch.randn(surface.size, generator=generator, dtype=torch.float64)
    direction = direction.to(surface.theta)
    if normalise == "none":
        return direction / direction.norm()
    for name, where in surface.blocks.items():
        shape = surface.shapes[name]
        if len(shape) < 2:
            direction[where] = 0
            continue
        rows = shape[0] if normalise == "filter" else 1
        drawn = direction[where].reshape(rows, -1)
        weights = surface.theta[where].reshape(rows, -1)
        length = weights.norm(dim=1, keepdim=True) / drawn.norm(dim=1, keepdim=True)
        direction[where] = (drawn * length).reshape(-1)
    if not bool(direction.any()):
        raise ValueError(
            f"normalise={normalise!r} leaves a direction of 0: the network has no "
            "matrix with weights other than 0; take normalise='none'"
        )
    return direction


def slice_1d(
    surface: LossSurface,
    direction: Tensor | None = None,
    *,
    normalise: str = "filter",
    span: float = 1.0,
    points: int = 41,
    seed: int = 0,
) -> Slice:
    """The loss along a line through the network's parameters.

    Parameters
    ----------
    direction : (size,); without it a :func:`random_direction` with ``normalise`` and
        ``seed``.
    span : how far to go on either side, in units of the direction.
    points : where to look, spread evenly; odd, so that the network itself is among
        them.

    Cost: ``points`` forward passes. Raises ``ValueError`` for impossible settings.
    Chapter 11.
    """
    along = _places(span, points)
    if direction is None:
        direction = random_direction(surface, normalise=normalise, seed=seed)
    surface.look(slopes=False)
    direction = _checked(surface, direction)
    losses = [_loss(surface, t * direction) for t in along]
    return Slice(along, np.array(losses))


def slice_2d(
    surface: LossSurface,
    directions: tuple[Tensor, Tensor] | None = None,
    *,
    normalise: str = "filter",
    span: float = 1.0,
    points: int = 21,
    seed: int = 0,
) -> Plane:
    """The loss on a plane through the network's parameters.

    As :func:`slice_1d`, along two directions; without them, two random ones from
    ``seed`` and ``seed + 1``. Cost: points² forward passes; more than 10,000 raise
    :class:`TooLargeError`. Chapter 11.
    """
    along = _places(span, points)
    if points**2 > 10_000:
        raise limits.TooLargeError(
            f"points={points} asks for {points**2:,} forward passes; 99 a side is the "
            "largest odd number below the limit of 10,000"
        )
    if directions is None:
        directions = (
            random_direction(surface, normalise=normalise, seed=seed),
            random_direction(surface, normalise=normalise, seed=seed + 1),
        )
    surface.look(slopes=False)
    first, second = (_checked(surface, direction) for direction in directions)
    losses = [[_loss(surface, a * first + b * second) for a in along] for b in along]
    return Plane(along, along.copy(), np.array(losses))


def _places(span: float, points: int) -> np.ndarray:
    if not 0 < span < np.inf:
        raise ValueError(f"span is {span}; a positive number is needed")
    if points < 3 or points % 2 == 0:
        raise ValueError(f"points is {points}; an odd number from 3 on is needed")
    return np.linspace(-span, span, points)


def _checked(surface: LossSurface, direction: Tensor) -> Tensor:
    direction = torch.as_tensor(direction)
    if direction.shape != (surface.size,):
        raise ValueError(
            f"a direction of shape ({surface.size},) is needed, one number per "
            f"parameter; got {tuple(direction.shape)}"
        )
    return direction


@torch.no_grad()
def _loss(surface: LossSurface, shift: Tensor) -> float:
    return float(surface(surface.theta + shift))
