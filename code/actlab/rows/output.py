"""Rows of chapter 6: from logits to weights."""

from __future__ import annotations

import numpy as np
from torch import nn

from .. import activations
from .row import Activation, Param

__all__ = ["ROWS"]


def _softmax(values: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64) / temperature
    weights = np.exp(values - values.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def _log_softmax(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    shifted = values - values.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _softmin(values: np.ndarray) -> np.ndarray:
    return _softmax(-np.asarray(values, dtype=np.float64))


def _entmax(values: np.ndarray, alpha: float = 1.5) -> np.ndarray:
    """α-entmax from its definition, the threshold by halving an interval."""
    if alpha == 1:
        return _softmax(values)
    values = np.asarray(values, dtype=np.float64)
    height = (alpha - 1) * (values - values.max(axis=-1, keepdims=True))
    low, high = np.full_like(height[..., :1], -1.0), np.zeros_like(height[..., :1])
    for _ in range(100):
        middle = (low + high) / 2
        weights = np.maximum(height - middle, 0) ** (1 / (alpha - 1))
        enough = weights.sum(axis=-1, keepdims=True) > 1
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return np.maximum(height - low, 0) ** (1 / (alpha - 1))


def _sparsemax(values: np.ndarray) -> np.ndarray:
    return _entmax(values, 2.0)


ROWS = (
    Activation(
        key="softmax",
        name="Softmax",
        family="output",
        expr=None,
        params={"temperature": Param(1.0, 0.1, 10.0)},
        module=activations.TemperatureSoftmax,
        torch="torch.nn.Softmax",
        source="bridle1990probabilistic",
        chapter=6,
        kind="vector",
        reference=_softmax,
        vector_latex=r"\frac{e^{x_i/T}}{\sum_j e^{x_j/T}}",
    ),
    Activation(
        key="log_softmax",
        name="LogSoftmax",
        family="output",
        expr=None,
        module=lambda: nn.LogSoftmax(dim=-1),
        torch="torch.nn.LogSoftmax",
        chapter=6,
        kind="vector",
        reference=_log_softmax,
        vector_latex=r"x_i - \ln \sum_j e^{x_j}",
    ),
    Activation(
        key="softmin",
        name="Softmin",
        family="output",
        expr=None,
        module=lambda: nn.Softmin(dim=-1),
        torch="torch.nn.Softmin",
        chapter=6,
        kind="vector",
        reference=_softmin,
        vector_latex=r"\frac{e^{-x_i}}{\sum_j e^{-x_j}}",
    ),
    Activation(
        key="sparsemax",
        name="Sparsemax",
        family="output",
        expr=None,
        module=activations.Sparsemax,
        source="martins2016softmax",
        chapter=6,
        kind="vector",
        reference=_sparsemax,
        vector_latex=r"\max(x_i - \tau, 0), \quad \tau \text{ so that the sum is } 1",
    ),
    Activation(
        key="entmax",
        name="Entmax",
        family="output",
        expr=None,
        params={"alpha": Param(1.5, 1.0, 2.0)},
        module=activations.Entmax,
        source="peters2019sparse",
        chapter=6,
        kind="vector",
        reference=_entmax,
        aliases=("entmax15", "alpha-entmax"),
        vector_latex=r"\max((\alpha - 1)\,x_i - \tau, 0)^{1/(\alpha - 1)}, "
        r"\quad \tau \text{ so that the sum is } 1",
    ),
)
