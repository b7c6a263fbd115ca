"""Rows of chapter 8: functions with numbers that training changes."""

from __future__ import annotations

import sympy
from torch import nn

from ..formulas import x
from .record import Activation, Param, cases

__all__ = ["ROWS"]

_a = sympy.Symbol("a", real=True)

ROWS = (
    Activation(
        key="prelu",
        name="PReLU",
        family="trainable",
        expr=cases((x, x > 0), (_a * x, True)),
        params={"a": Param(0.25, -0.5, 2.5, trainable=True)},
        module=lambda a=0.25: nn.PReLU(init=a),
        torch="torch.nn.PReLU",
        source="he2015delving",
        chapter=8,
    ),
)
