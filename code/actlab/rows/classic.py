"""Rows of chapter 3: lines, steps and S-shapes."""

from __future__ import annotations

import sympy
from torch import nn

from .. import activations
from ..formulas import Sigmoid, x
from .record import Activation, Param, cases

__all__ = ["ROWS"]

_alpha, _theta = sympy.symbols("alpha theta", real=True)

ROWS = (
    Activation(
        key="step",
        name="Step",
        family="classic",
        expr=cases((1, x >= _theta), (0, True)),
        params={"theta": Param(0.0, -3.0, 3.0)},
        module=activations.Step,
        torch="torch.heaviside",
        source="mcculloch1943logical",
        chapter=3,
        aliases=("heaviside", "threshold unit"),
    ),
    Activation(
        key="identity",
        name="Identity",
        family="classic",
        expr=x,
        module=nn.Identity,
        torch="torch.nn.Identity",
        chapter=3,
        aliases=("linear", "none"),
    ),
    Activation(
        key="square",
        name="x²",
        family="classic",
        expr=x**2,
        module=activations.Square,
        torch="torch.square",
        source="leshno1993multilayer",
        chapter=1,
        aliases=("quadratic",),
    ),
    Activation(
        key="sigmoid",
        name="Sigmoid",
        family="classic",
        expr=Sigmoid(x),
        module=nn.Sigmoid,
        torch="torch.nn.Sigmoid",
        source="verhulst1845recherches",
        chapter=3,
        aliases=("logistic",),
    ),
    Activation(
        key="newfun",
        name="newfun",
        family="classic",
        expr=2 * Sigmoid(x) - 1,
        module=activations.NewFun,
        chapter=3,
    ),
    Activation(
        key="tanh",
        name="Tanh",
        family="classic",
        expr=sympy.tanh(x),
        module=nn.Tanh,
        torch="torch.nn.Tanh",
        source="lecun1998efficient",
        chapter=3,
    ),
    Activation(
        key="lecun_tanh",
        name="LeCun's tanh",
        family="classic",
        expr=sympy.Rational(17159, 10000) * sympy.tanh(2 * x / 3),
        module=activations.LeCunTanh,
        source="lecun1998efficient",
        chapter=3,
        aliases=("scaled tanh",),
    ),
    Activation(
        key="hardtanh",
        name="Hardtanh",
        family="classic",
        expr=cases((-1, x <= -1), (1, x >= 1), (x, True)),
        module=nn.Hardtanh,
        torch="torch.nn.Hardtanh",
        source="collobert2004large",
        chapter=3,
    ),
    Activation(
        key="hardsigmoid",
        name="Hardsigmoid",
        family="classic",
        expr=cases((0, x <= -3), (1, x >= 3), (x / 6 + sympy.Rational(1, 2), True)),
        module=nn.Hardsigmoid,
        torch="torch.nn.Hardsigmoid",
        source="howard2019searching",
        chapter=3,
    ),
    Activation(
        key="softsign",
        name="Softsign",
        family="classic",
        expr=cases((x / (1 + x), x > 0), (x / (1 - x), True)),
        module=nn.Softsign,
        torch="torch.nn.Softsign",
        source="glorot2010understanding",
        chapter=3,
    ),
    Activation(
        key="arctan",
        name="Arctan",
        family="classic",
        expr=sympy.atan(x),
        module=activations.Arctan,
        torch="torch.atan",
        chapter=3,
        aliases=("atan",),
    ),
    Activation(
        key="isru",
        name="ISRU",
        family="classic",
        expr=x / sympy.sqrt(1 + x**2),
        module=activations.ISRU,
        source="carlile2017improving",
        chapter=3,
        aliases=("inverse square root unit",),
    ),
    Activation(
        key="dyt",
        name="DyT",
        family="classic",
        expr=sympy.tanh(_alpha * x),
        params={"alpha": Param(0.5, 0.0, 3.0, trainable=True)},
        module=activations.DyT,
        source="zhu2025transformers",
        chapter=3,
        aliases=("dynamic tanh",),
    ),
)
