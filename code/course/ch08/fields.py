"""Networks that learn one signal: from a place to the value there (chapter 8).

A network from a coordinate to a value holds one sound or one picture in its weights.
All kinds of ``KINDS`` have two hidden layers and as many learnt numbers as each other,
to within a few in a hundred; they differ in the activation and in the frequencies with
which they start.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from difflib import get_close_matches

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from actlab.activations import STAF, BSpline, KANLayer, Rational, Sine
from actlab.activations.trainable import siren_
from actlab.datasets import Dataset
from actlab.networks import MLP

__all__ = [
    "KINDS",
    "FourierFeatures",
    "fit_field",
    "kan",
    "learner",
    "network",
    "picture",
    "psnr",
    "surface",
]

WIDTH = 32
FREQUENCY = 30.0  # the ω₀ of SIREN, in radians per unit of the coordinate
STEPS = 400

KINDS = {
    "relu": "ReLU",
    "relu_fourier": "ReLU, Fourier features",
    "sine_1": "sine, ω₀ = 1",
    "sine_1_spread": "sine, ω₀ = 1, first weights × 30",
    "sine_30": "sine, ω₀ = 30",
    "staf_naive": "STAF, drawn from N(0, 1)",
    "staf": "STAF, its own start",
    "rational": "rational",
    "rational_fourier": "rational, Fourier features",
    "spline": "B-spline",
}


class FourierFeatures(nn.Module):
    """sin and cos of random fixed projections of the coordinate; nothing is learnt.

    Parameters
    ----------
    inputs : size of the last axis of the input.
    pairs : how many projections; the output has twice as many entries.
    frequency : their components are drawn evenly from −frequency … frequency.
    generator : where the random numbers come from.

    Chapter 8. Source: Tancik et al. 2020, arXiv:2006.10739.
    """

    projection: Tensor

    def __init__(
        self,
        inputs: int,
        pairs: int,
        frequency: float = FREQUENCY,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        drawn = 2 * torch.rand(inputs, pairs, generator=generator) - 1
        self.register_buffer("projection", frequency * drawn)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features, shape (…, 2 × pairs), of x, shape (…, inputs)."""
        angle = x @ self.projection
        return torch.cat([angle.sin(), angle.cos()], -1)


def network(
    kind: str, inputs: int = 1, seed: int = 0, frequency: float = FREQUENCY
) -> nn.Sequential:
    """Return a fresh network from ``inputs`` coordinates to one value.

    Parameters
    ----------
    kind : a key of ``KINDS``.
    inputs : 1 for a curve, 2 for a picture.
    seed : of all that is drawn; torch's global generator is left as it was.
    frequency : of the Fourier features, of STAF's own start, and ω₀ of ``"sine_30"``.

    Raises ``ValueError`` for an unknown kind. Chapter 8.
    """
    _check(kind)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        activation = _makers(frequency)[kind.removesuffix("_fourier")]
        if kind.endswith("_fourier"):
            # 21 units behind 32 features hold as many numbers as 32 behind one input.
            features = FourierFeatures(inputs, WIDTH // 2, frequency)
            return nn.Sequential(features, *_layers(WIDTH, 21, activation))
        stack = _layers(inputs, WIDTH, activation)
        _start_waves(kind, stack, frequency)
    return nn.Sequential(*stack)


def _makers(frequency: float) -> dict[str, Callable[[], nn.Module]]:
    return {
        "relu": nn.ReLU,
        "sine_1": lambda: Sine(1.0),
        "sine_1_spread": lambda: Sine(1.0),
        "sine_30": lambda: Sine(frequency),
        "staf_naive": lambda: STAF(5, start="randn"),
        "staf": lambda: STAF(5, frequency=frequency),
        "rational": Rational,
        "spline": BSpline,
    }


def _layers(
    inputs: int, width: int, activation: Callable[[], nn.Module]
) -> list[nn.Module]:
    return [
        nn.Linear(inputs, width),
        activation(),
        nn.Linear(width, width),
        activation(),
        nn.Linear(width, 1),
    ]


def _start_waves(kind: str, stack: list[nn.Module], frequency: float) -> None:
    """Draw the weights that sines need, by the rule of `siren_`."""
    first, second, last = (part for part in stack if isinstance(part, nn.Linear))
    if kind.startswith("sine"):
        omega = frequency if kind == "sine_30" else 1.0
        siren_(first, omega, first=True)
        siren_(second, omega)
        siren_(last, omega)
    if kind == "sine_1_spread":
        first.weight.data.mul_(frequency)
    if kind == "staf":
        # Its frequencies would multiply those of the layer before.
        siren_(second, frequency)


def picture(size: int = 64) -> Dataset:
    """A grey flower, as a regression from two coordinates in [-1, 1] to a value there.

    Parameters
    ----------
    size : even number of pixels along each side, at most 400.

    The training set is every second pixel of every second row, the test set all the
    others. The photograph comes with scikit-learn. Values are scaled to [-1, 1].
    Raises ``ValueError`` for other sizes. Chapter 8.
    """
    if size % 2 or not 2 <= size <= 400:
        raise ValueError(f"size is {size}; give an even number from 2 to 400")
    from sklearn.datasets import load_sample_image

    grey = torch.tensor(load_sample_image("flower.jpg")).float().mean(-1)
    grey = grey[13:413, 140:540]  # 400 × 400 around the blossom
    values = F.interpolate(grey[None, None], size=(size, size), mode="area")[0, 0]
    values = 2 * (values - values.min()) / (values.max() - values.min()) - 1
    side = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(-side, side, indexing="ij")
    places, values = torch.stack([x, y], -1), values.unsqueeze(-1)
    known = torch.zeros(size, size, dtype=torch.bool)
    known[::2, ::2] = True
    return Dataset(
        "flower", places[known], values[known], places[~known], values[~known]
    )


def surface(points: int = 500) -> Dataset:
    """Return a formula of two inputs, exp(sin(πx) + y²), as a regression.

    Training and test inputs are ``points`` places each, drawn evenly from the square
    from −1 to 1. Chapter 8. Source: Liu et al. 2025, arXiv:2404.19756.
    """
    draw = torch.Generator().manual_seed(0)
    train, test = 2 * torch.rand(2, points, 2, generator=draw) - 1

    def formula(x: Tensor) -> Tensor:
        return torch.exp(torch.sin(math.pi * x[:, :1]) + x[:, 1:] ** 2)

    return Dataset("formula", train, formula(train), test, formula(test))


def kan(
    sizes: Sequence[int], seed: int, low: float = -3.0, high: float = 3.0
) -> nn.Sequential:
    """Return layers of edges with learnt functions, see ``KANLayer``.

    Chapter 8.
    """
    draw = torch.Generator().manual_seed(seed)
    return nn.Sequential(
        *(
            KANLayer(a, b, low=low, high=high, generator=draw)
            for a, b in zip(sizes, sizes[1:], strict=False)
        )
    )


def learner(kind: str, init: str, seed: int) -> nn.Module:
    """Return a network for ``surface``, with about 160 learnt numbers.

    Parameters
    ----------
    kind : ``"kan"``, ``"spline"`` or the key of an activation.
    init : the start of an MLP, see ``networks``; a KAN has its own.

    Chapter 8.
    """
    if kind == "kan":
        return kan([2, 5, 1], seed, low=-1, high=1)
    if kind == "spline":
        return MLP([2, 10, 9, 1], BSpline(), init, seed=seed)
    return MLP([2, 10, 10, 1], kind, init, seed=seed)


def psnr(mean_squared_error: float, peak: float = 2.0) -> float:
    """Return 10 log₁₀(peak² / error) in decibels; ``peak`` is the range of the values.

    Ten decibels more are a tenth of the squared error. Chapter 8.
    """
    if mean_squared_error == 0:
        return math.inf
    return 10 * math.log10(peak**2 / mean_squared_error)


def fit_field(
    network: nn.Module, data: Dataset, lr: float, steps: int = STEPS
) -> tuple[float, float]:
    """Fit a network to a signal with Adam, all points at each step, in place.

    The step size falls from ``lr`` to 0 along a half cosine. Returns the PSNR in
    decibels at the training points and between them; nan where the loss was no longer
    finite. Chapter 8.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=lr, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        loss = F.mse_loss(network(data.x_train), data.y_train)
        if not math.isfinite(loss.item()):
            return math.nan, math.nan
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return _psnr_of(network, data.x_train, data.y_train), _psnr_of(
        network, data.x_test, data.y_test
    )


@torch.no_grad()
def _psnr_of(network: nn.Module, x: Tensor, y: Tensor) -> float:
    error = F.mse_loss(network(x), y).item()
    return psnr(error) if math.isfinite(error) else math.nan


def _check(kind: str) -> None:
    if kind in KINDS:
        return
    close = get_close_matches(str(kind), KINDS, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"choose one of {list(KINDS)}"
    raise ValueError(f"unknown kind {kind!r}; {hint}")
