"""Rows of chapter 7: gated units, which need a whole axis."""

from __future__ import annotations

import numpy as np
from torch import nn

from .. import formulas
from ..formulas import Sigmoid, x
from .record import Activation

__all__ = ["ROWS"]


def _glu(values: np.ndarray) -> np.ndarray:
    halves = np.split(np.asarray(values, dtype=np.float64), 2, axis=-1)
    return halves[0] * formulas.numpy_function(Sigmoid(x))(halves[1])


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
        vector_latex=r"a \odot \sigma(c), \quad (a, c) = \text{the halves of } x",
    ),
)
