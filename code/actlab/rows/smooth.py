"""Rows of chapter 5: smooth, self-gated functions."""

from __future__ import annotations

import sympy
from torch import nn

from .. import activations
from ..formulas import NamedConstant, NormalCDF, Sigmoid, Softplus, x
from .row import Activation, Param, cases

__all__ = ["ROWS"]

_beta = sympy.Symbol("beta", real=True)
_root = NamedConstant(
    r"\sqrt{2/\pi}", "0.79788456080286535587989211986876373695171726232987"
)
_cubic = sympy.Rational("0.044715")

ROWS = (
    Activation(
        key="gelu",
        name="GELU",
        family="smooth",
        expr=x * NormalCDF(x),
        module=nn.GELU,
        torch="torch.nn.GELU",
        source="hendrycks2016gaussian",
        chapter=5,
    ),
    Activation(
        key="gelu_tanh",
        name="GELU (tanh form)",
        family="smooth",
        expr=sympy.Rational(1, 2) * x * (1 + sympy.tanh(_root * (x + _cubic * x**3))),
        module=lambda: nn.GELU(approximate="tanh"),
        torch="torch.nn.GELU",
        source="hendrycks2016gaussian",
        chapter=5,
        aliases=("gelu_new", "gelu_pytorch_tanh"),
    ),
    Activation(
        key="quick_gelu",
        name="QuickGELU",
        family="smooth",
        expr=x * Sigmoid(sympy.Rational("1.702") * x),
        module=activations.QuickGELU,
        source="hendrycks2016gaussian",
        chapter=5,
        aliases=("GELU (sigmoid form)", "gelu_sigmoid"),
    ),
    Activation(
        key="gelu_10",
        name="Clipped GELU",
        family="smooth",
        expr=cases((10, x >= 10), (x * NormalCDF(x), True)),
        module=activations.ClippedGELU,
        chapter=5,
        view=(-5.0, 15.0),
    ),
    Activation(
        key="swish",
        name="Swish",
        family="smooth",
        expr=x * Sigmoid(_beta * x),
        params={"beta": Param(1.0, 0.0, 10.0)},
        module=activations.Swish,
        torch="torch.nn.SiLU",
        source="ramachandran2017searching",
        chapter=5,
        aliases=("silu", "swish-1"),
    ),
    Activation(
        key="hardswish",
        name="Hardswish",
        family="smooth",
        expr=cases((0, x <= -3), (x, x >= 3), (x * (x + 3) / 6, True)),
        module=nn.Hardswish,
        torch="torch.nn.Hardswish",
        source="howard2019searching",
        chapter=5,
    ),
    Activation(
        key="mish",
        name="Mish",
        family="smooth",
        expr=x * sympy.tanh(Softplus(x)),
        module=nn.Mish,
        torch="torch.nn.Mish",
        source="misra2020mish",
        chapter=5,
    ),
    Activation(
        key="telu",
        name="TeLU",
        family="smooth",
        expr=x * sympy.tanh(sympy.exp(x)),
        module=activations.TeLU,
        source="fernandez2024telu",
        chapter=5,
    ),
    Activation(
        key="swigelu",
        name="SwiGELU",
        family="smooth",
        expr=x * (Sigmoid(x) + NormalCDF(x)) / 2,
        module=activations.SwiGELU,
        chapter=5,
    ),
    Activation(
        key="elish",
        name="ELiSH",
        family="smooth",
        expr=cases((x * Sigmoid(x), x >= 0), ((sympy.exp(x) - 1) * Sigmoid(x), True)),
        module=activations.ELiSH,
        source="basirat2018quest",
        chapter=5,
    ),
    Activation(
        key="hard_elish",
        name="HardELiSH",
        family="smooth",
        expr=cases(
            (x, x >= 1),
            (x * (x + 1) / 2, x >= 0),
            ((sympy.exp(x) - 1) * (x + 1) / 2, x > -1),
            (0, True),
        ),
        module=activations.HardELiSH,
        source="basirat2018quest",
        chapter=5,
    ),
    Activation(
        key="serf",
        name="Serf",
        family="smooth",
        expr=x * sympy.erf(Softplus(x)),
        module=activations.Serf,
        source="nag2023serf",
        chapter=5,
    ),
    Activation(
        key="smish",
        name="Smish",
        family="smooth",
        expr=x * sympy.tanh(sympy.log(1 + Sigmoid(x))),
        module=activations.Smish,
        source="wang2022smish",
        chapter=5,
    ),
    Activation(
        key="lisht",
        name="LiSHT",
        family="smooth",
        expr=x * sympy.tanh(x),
        module=activations.LiSHT,
        source="roy2019lisht",
        chapter=5,
    ),
    Activation(
        key="logish",
        name="Logish",
        family="smooth",
        expr=x * sympy.log(1 + Sigmoid(x)),
        module=activations.Logish,
        source="zhu2021logish",
        chapter=5,
    ),
    Activation(
        key="phish",
        name="Phish",
        family="smooth",
        expr=x * sympy.tanh(x * NormalCDF(x)),
        module=activations.Phish,
        source="naveen2022phish",
        chapter=5,
    ),
)
