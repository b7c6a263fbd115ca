"""Rows of chapter 7: units that need a whole axis, such as gates, and mixtures."""

from __future__ import annotations

import numpy as np
import sympy
import torch
from torch import nn

from .. import activations, formulas
from ..formulas import NormalCDF, Sigmoid, x
from .row import Activation, Param, cases

__all__ = ["ROWS"]

_w, _b = sympy.symbols("w b", real=True)
_halves = r"\quad (a, c) = \text{the halves of } x"


def _gated(values: np.ndarray, gate: sympy.Expr) -> np.ndarray:
    """Return first half × gate(second half)."""
    value, open_by = np.split(np.asarray(values, dtype=np.float64), 2, axis=-1)
    return value * formulas.numpy_function(gate)(open_by)


def _glu(values: np.ndarray) -> np.ndarray:
    return _gated(values, Sigmoid(x))


def _bilinear(values: np.ndarray) -> np.ndarray:
    return _gated(values, x)


def _reglu(values: np.ndarray) -> np.ndarray:
    return _gated(values, cases((x, x > 0), (0, True)))


def _geglu(values: np.ndarray) -> np.ndarray:
    return _gated(values, x * NormalCDF(x))


def _swiglu(values: np.ndarray, beta: float = 1.0) -> np.ndarray:
    return _gated(values, x * Sigmoid(beta * x))


def _clamped_swiglu(
    values: np.ndarray, limit: float = 7.0, beta: float = 1.702
) -> np.ndarray:
    value, gate = np.split(np.asarray(values, dtype=np.float64), 2, axis=-1)
    both = np.concatenate(
        [np.clip(value, -limit, limit) + 1, np.minimum(gate, limit)], axis=-1
    )
    return _swiglu(both, beta)


def _poly_norm(values: np.ndarray) -> np.ndarray:
    powers = np.asarray(values, dtype=np.float64)[..., None] ** np.arange(1, 4)
    size = np.sqrt((powers**2).mean(axis=-2, keepdims=True) + 1e-6)
    third = float(np.float32(1 / 3))  # as the module's weights hold it
    return third * (powers / size).sum(axis=-1)


def _maxout(values: np.ndarray, pieces: float = 2) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    return values.reshape(*values.shape[:-1], -1, int(pieces)).max(axis=-1)


def _group_sort(values: np.ndarray, pieces: float = 2) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    groups = values.reshape(*values.shape[:-1], -1, int(pieces))
    return np.sort(groups, axis=-1).reshape(values.shape)


def _mixture(w: float = 1.0, b: float = 0.0) -> nn.Module:
    module = activations.Mixture((torch.relu, torch.tanh))
    with torch.no_grad():
        module.weight[0], module.bias[0] = w, b
    return module


ROWS = (
    Activation(
        key="glu",
        name="GLU",
        family="gated",
        expr=None,
        module=nn.GLU,
        torch="torch.nn.GLU",
        source="dauphin2017language",
        chapter=7,
        kind="vector",
        reference=_glu,
        vector_latex=rf"a \odot \sigma(c), {_halves}",
    ),
    Activation(
        key="bilinear",
        name="Bilinear",
        family="gated",
        expr=None,
        module=activations.Bilinear,
        source="dauphin2017language",
        chapter=7,
        kind="vector",
        reference=_bilinear,
        vector_latex=rf"a \odot c, {_halves}",
    ),
    Activation(
        key="reglu",
        name="ReGLU",
        family="gated",
        expr=None,
        module=activations.ReGLU,
        source="shazeer2020glu",
        chapter=7,
        kind="vector",
        reference=_reglu,
        vector_latex=rf"a \odot \max(0, c), {_halves}",
    ),
    Activation(
        key="geglu",
        name="GEGLU",
        family="gated",
        expr=None,
        module=activations.GEGLU,
        source="shazeer2020glu",
        chapter=7,
        kind="vector",
        reference=_geglu,
        vector_latex=rf"a \odot c\,\Phi(c), {_halves}",
    ),
    Activation(
        key="swiglu",
        name="SwiGLU",
        family="gated",
        expr=None,
        params={"beta": Param(1.0, 0.0, 10.0)},
        module=activations.SwiGLU,
        source="shazeer2020glu",
        chapter=7,
        kind="vector",
        reference=_swiglu,
        vector_latex=rf"a \odot c\,\sigma(\beta c), {_halves}",
    ),
    Activation(
        key="clamped_swiglu",
        name="Clamped SwiGLU",
        family="gated",
        expr=None,
        params={"limit": Param(7.0, 1.0, 20.0), "beta": Param(1.702, 0.0, 10.0)},
        module=activations.ClampedSwiGLU,
        source="openai2025gptoss",
        chapter=7,
        kind="vector",
        reference=_clamped_swiglu,
        vector_latex=r"(\operatorname{clip}(a, \pm L) + 1) \odot g\,\sigma(\beta g), "
        rf"\quad g = \min(c, L), {_halves}",
        aliases=("gpt-oss swiglu",),
    ),
    Activation(
        key="maxout",
        name="Maxout",
        family="gated",
        expr=None,
        params={"pieces": Param(2, 1, 8, step=1, trial=4)},
        module=activations.Maxout,
        source="goodfellow2013maxout",
        chapter=7,
        kind="vector",
        reference=_maxout,
        vector_latex=r"\max(x_{ki}, x_{ki+1}, \dots, x_{ki+k-1})",
    ),
    Activation(
        key="groupsort",
        name="GroupSort",
        family="gated",
        expr=None,
        params={"pieces": Param(2, 1, 8, step=1, trial=4)},
        module=activations.GroupSort,
        source="anil2019sorting",
        chapter=7,
        kind="vector",
        reference=_group_sort,
        aliases=("maxmin",),
        vector_latex=r"\operatorname{sort}(x_{ki}, x_{ki+1}, \dots, x_{ki+k-1})",
    ),
    Activation(
        key="poly_norm",
        name="PolyNorm",
        family="gated",
        expr=None,
        module=activations.PolyNorm,
        source="zhuo2024polynomial",
        chapter=7,
        kind="vector",
        reference=_poly_norm,
        vector_latex=(
            r"\sum_{k=1}^{3} a_k\,\frac{x_i^k}"
            r"{\sqrt{\operatorname{mean}_j x_j^{2k} + \varepsilon}} + b"
        ),
        coefficients="a₁, a₂ and a₃, which start at ⅓, and b, which starts at 0",
    ),
    Activation(
        key="mixture",
        name="Mixture of ReLU and tanh",
        family="gated",
        expr=cases(
            (
                Sigmoid(_w * x + _b) * x + (1 - Sigmoid(_w * x + _b)) * sympy.tanh(x),
                x > 0,
            ),
            ((1 - Sigmoid(_w * x + _b)) * sympy.tanh(x), True),
        ),
        params={
            "w": Param(1.0, -5.0, 5.0, trainable=True),
            "b": Param(0.0, -5.0, 5.0, trainable=True),
        },
        module=_mixture,
        chapter=7,
    ),
)
