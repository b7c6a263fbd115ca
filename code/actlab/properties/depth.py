"""Signals through many layers: sizes, error signals and correlations, layer by layer.

Everything here is a chain of the one-dimensional integrals of `signal`, for a wide
random network whose layers all have the same width.

Chapter: 09.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .functions import function_of
from .integrals import mean_square
from .signal import (
    check_correlation,
    check_depth,
    chi_1,
    correlation_map,
    forward_gain,
    iterate_variance,
)

if TYPE_CHECKING:
    import pandas as pd


def iterate_gradient(
    f: Any,
    depth: int,
    q: float = 1.0,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    **params: float,
) -> np.ndarray:
    """Return the mean square of the error signal ∂L/∂z in layers 0 to ``depth``.

    It is relative to that of the last layer, so the last entry is 1, and each layer
    below multiplies by its χ₁ = weight_variance · E f′(√q Z)². Biases act through the
    variances only. ``q`` is the variance of layer 0's pre-activations, as for
    `iterate_variance`; where a variance is infinite the result is nan.

    Chapter: 09. Source: Schoenholz et al. 2017, arXiv:1611.01232.
    """
    function = function_of(f, params)
    variances = iterate_variance(function, depth, q, weight_variance, bias_variance)
    factors = [
        chi_1(function, variance, weight_variance)
        if math.isfinite(variance)
        else math.nan
        for variance in variances[:-1]
    ]
    with np.errstate(over="ignore", invalid="ignore"):
        return np.cumprod([1.0, *reversed(factors)])[::-1]


def iterate_correlation(
    f: Any,
    depth: int,
    c: float = 0.0,
    q: float = 1.0,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    **params: float,
) -> np.ndarray:
    """Return the correlation of two inputs' pre-activations in layers 0 to ``depth``.

    Parameters
    ----------
    f : anything that `property_sheet` takes.
    depth : number of times that `correlation_map` is applied.
    c : correlation in layer 0, from −1 to 1.
    q, weight_variance, bias_variance : as for `iterate_variance`.

    Once the variance is 0 or infinite, the correlations are nan. Chapter: 09.
    Source: Poole et al. 2016, arXiv:1606.05340.
    """
    check_correlation(c)
    function = function_of(f, params)
    variances = iterate_variance(function, depth, q, weight_variance, bias_variance)
    correlations = [float(c)]
    for before, after in zip(variances, variances[1:], strict=False):
        known = 0 < after < math.inf and not math.isnan(correlations[-1])
        correlations.append(
            float(
                correlation_map(
                    function, correlations[-1], before, weight_variance, bias_variance
                )
            )
            if known
            else math.nan
        )
    return np.array(correlations)


def start_variances(
    f: Any, init: str = "default", width: int = 256, **params: float
) -> tuple[float, float, float]:
    """Return what an initialisation of `actlab.networks` draws, at equal widths.

    Returns fan-in times the variance of a weight in the first layer, the same in later
    layers, and the variance of a bias. Raises ``ValueError`` for a name without a rule
    of its own here. Chapter: 09.
    """
    if init in ("default", "default_zero_bias"):
        bias = 1 / (3 * width) if init == "default" else 0.0
        return 1 / 3, 1 / 3, bias
    if init in ("xavier", "he"):
        variance = {"xavier": 1.0, "he": 2.0}[init]
        return variance, variance, 0.0
    if init in ("matched", "orthogonal"):
        return 1.0, forward_gain(f, **params) ** 2, 0.0
    raise ValueError(
        f"no variances are known for init={init!r}; choose default, default_zero_bias, "
        "xavier, he, matched or orthogonal"
    )


@dataclass(frozen=True)
class DepthProfile:
    """Predicted sizes (roots of mean squares) in hidden layers 1 to ``depth``.

    Arrays of length ``depth``. pre_activation and activation: of z and f(z).
    error_signal: of ∂L/∂z for one example, relative to the last layer. weight_gradient:
    of one example's ∂L/∂W, which is error signal times the size of the layer's input,
    relative to the last layer. alike: the correlation of two inputs' pre-activations.
    """

    pre_activation: np.ndarray
    activation: np.ndarray
    error_signal: np.ndarray
    weight_gradient: np.ndarray
    alike: np.ndarray

    def frame(self) -> pd.DataFrame:
        """The profile as a table, one row per hidden layer, counted from 1."""
        import pandas as pd

        layers = pd.RangeIndex(1, len(self.activation) + 1, name="layer")
        return pd.DataFrame(vars(self), index=layers)


def depth_profile(
    f: Any,
    depth: int = 30,
    init: str = "default",
    *,
    width: int = 256,
    inputs: float = 1.0,
    correlation: float | None = None,
    **params: float,
) -> DepthProfile:
    """Predict what each of ``depth`` hidden layers hands on and gets back.

    Parameters
    ----------
    f : anything that `property_sheet` takes.
    init : as in `start_variances`.
    width : of the data and of every hidden layer.
    inputs : mean square of the data.
    correlation : of two inputs; without it ``alike`` is nan and nothing is spent on it.

    Raises ``ValueError`` for impossible settings. Chapter: 09.
    """
    check_depth(depth, 1)
    if not 1 <= width < math.inf:
        raise ValueError(f"width is {width}; a layer has 1 unit or more")
    if not 0 <= inputs < math.inf:
        raise ValueError(f"inputs is {inputs}; a mean square is 0 or more, and finite")
    if correlation is not None:
        check_correlation(correlation)
    first, weight, bias = start_variances(f, init, width, **params)
    function = function_of(f, params)
    q = first * inputs + bias
    variances = iterate_variance(function, depth - 1, q, weight, bias)
    squares = np.array(
        [mean_square(function, v) if math.isfinite(v) else v for v in variances]
    )
    errors = iterate_gradient(function, depth - 1, q, weight, bias)
    gradients = errors * np.concatenate([[inputs], squares[:-1]])
    alike = np.full(depth, math.nan)
    if correlation is not None and q > 0:
        c = min(1.0, (first * inputs * correlation + bias) / q)
        alike = iterate_correlation(function, depth - 1, c, q, weight, bias)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.sqrt(gradients / gradients[-1])
    return DepthProfile(
        np.sqrt(variances), np.sqrt(squares), np.sqrt(errors), relative, alike
    )
