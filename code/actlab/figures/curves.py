"""A function of one variable, read from whatever a reader gives, and sampled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..catalogue import Activation
    from ..properties.functions import Function


def read_curve(function: str | Activation | Callable) -> Function:
    """Read a catalogue key, an activation, a formula or a torch callable.

    Of a callable the slope is what autograd says, and 0 where it says nothing.
    """
    from .. import catalogue
    from ..properties.functions import Function, function_of

    if callable(function) and not isinstance(function, catalogue.Activation):
        name = getattr(function, "__name__", type(function).__name__)
        return Function(name, *torch_value_and_slope(function))
    return function_of(function)


def torch_value_and_slope(
    function: Callable,
) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    """A callable on tensors, and what autograd calls its slope, on arrays."""
    import torch

    def value(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return function(torch.tensor(x, dtype=torch.float64)).numpy()

    def slope(x: np.ndarray) -> np.ndarray:
        inputs = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        total = function(inputs).sum()
        if not total.requires_grad:
            return np.zeros_like(x)
        return torch.autograd.grad(total, inputs)[0].numpy()

    return value, slope


def with_gaps(
    function: Callable[[np.ndarray], np.ndarray], low: float, high: float, n: int = 401
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Sample a function; where it jumps, put a nan so that no wall is drawn.

    A jump is told from a steep slope by halving the interval: the difference stays.
    """
    x = np.linspace(low, high, n)
    y = np.asarray(function(x), dtype=np.float64) * np.ones_like(x)
    span = np.nanmax(y[np.isfinite(y)]) - np.nanmin(y[np.isfinite(y)])
    jumps: list[float] = []
    out_x, out_y = [x[:1]], [y[:1]]
    for i in range(1, n):
        if abs(y[i] - y[i - 1]) > 0.02 * span:
            left, right = _bracket(function, x[i - 1], x[i])
            pair = np.asarray(function(np.array([left, right])), dtype=np.float64)
            if abs(pair[1] - pair[0]) > 0.01 * span:
                jumps.append(float((left + right) / 2))
                out_x.append(np.array([left, left, right]))
                out_y.append(np.array([pair[0], np.nan, pair[1]]))
        out_x.append(x[i : i + 1])
        out_y.append(y[i : i + 1])
    return np.concatenate(out_x), np.concatenate(out_y), jumps


def _bracket(function: Callable, left: float, right: float) -> tuple[float, float]:
    """Halve an interval towards its larger difference until it is 1e-9 wide."""
    while right - left > 1e-9:
        middle = (left + right) / 2
        a, m, b = np.asarray(function(np.array([left, middle, right])), dtype=float)
        left, right = (left, middle) if abs(m - a) > abs(b - m) else (middle, right)
    return left, right
