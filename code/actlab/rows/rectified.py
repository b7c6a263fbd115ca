"""Rows of chapter 4: ReLU and its relatives."""

from __future__ import annotations

import numpy as np
import sympy
from torch import nn

from .. import activations
from ..formulas import NamedConstant, Sigmoid, Softplus, x
from .row import Activation, Param, cases

__all__ = ["ROWS"]

_alpha, _beta = sympy.symbols("alpha beta", real=True)
_alpha_p, _alpha_n = sympy.symbols("alpha_p alpha_n", real=True)
_lower, _upper = sympy.symbols("lower upper", real=True)
_selu_alpha = NamedConstant(r"\alpha", "1.6732632423543772848170429916717")
_selu_lambda = NamedConstant(r"\lambda", "1.0507009873554804934193349852946")


def _crelu(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    return np.concatenate([np.maximum(values, 0), np.maximum(-values, 0)], axis=-1)


ROWS = (
    Activation(
        key="relu",
        name="ReLU",
        family="rectified",
        expr=cases((x, x > 0), (0, True)),
        module=nn.ReLU,
        torch="torch.nn.ReLU",
        source="nair2010rectified",
        chapter=4,
    ),
    Activation(
        key="leaky_relu",
        name="Leaky ReLU",
        family="rectified",
        expr=cases((x, x > 0), (_alpha * x, True)),
        params={"alpha": Param(0.01, -0.5, 1.0)},
        module=lambda alpha=0.01: nn.LeakyReLU(alpha),
        torch="torch.nn.LeakyReLU",
        source="maas2013rectifier",
        chapter=4,
        aliases=("lrelu",),
    ),
    Activation(
        key="elu",
        name="ELU",
        family="rectified",
        expr=cases((x, x > 0), (_alpha * (sympy.exp(x) - 1), True)),
        params={"alpha": Param(1.0, 0.0, 3.0)},
        module=lambda alpha=1.0: nn.ELU(alpha),
        torch="torch.nn.ELU",
        source="clevert2016fast",
        chapter=4,
    ),
    Activation(
        key="selu",
        name="SELU",
        family="rectified",
        expr=cases(
            (_selu_lambda * x, x > 0),
            (_selu_lambda * _selu_alpha * (sympy.exp(x) - 1), True),
        ),
        module=nn.SELU,
        torch="torch.nn.SELU",
        source="klambauer2017self",
        chapter=4,
    ),
    Activation(
        key="softplus",
        name="Softplus",
        family="rectified",
        expr=Softplus(_beta * x) / _beta,
        params={"beta": Param(1.0, 0.1, 10.0, trial=2.0)},
        module=lambda beta=1.0: nn.Softplus(beta),
        torch="torch.nn.Softplus",
        source="dugas2001incorporating",
        chapter=4,
    ),
    Activation(
        key="sqrt_softplus",
        name="√Softplus",
        family="rectified",
        # Far left softplus is eˣ to all digits, and a root of it is no 0.
        expr=cases((sympy.exp(x / 2), x < -64), (sympy.sqrt(Softplus(x)), True)),
        textbook=sympy.sqrt(Softplus(x)),
        module=activations.RootSoftplus,
        chapter=4,
        aliases=("sqrtsoftplus", "root softplus"),
    ),
    Activation(
        key="rrelu",
        name="RReLU",
        family="rectified",
        expr=cases((x, x > 0), ((_lower + _upper) / 2 * x, True)),
        params={
            "lower": Param(0.125, 0.0, 1.0),
            "upper": Param(1 / 3, 0.0, 1.0),
        },
        # In evaluation, where it is a function; in training the slopes are drawn.
        module=lambda lower=0.125, upper=1 / 3: nn.RReLU(lower, upper).eval(),
        torch="torch.nn.RReLU",
        source="xu2015empirical",
        chapter=4,
        aliases=("randomized leaky relu",),
    ),
    Activation(
        key="celu",
        name="CELU",
        family="rectified",
        expr=cases((x, x > 0), (_alpha * (sympy.exp(x / _alpha) - 1), True)),
        params={"alpha": Param(1.0, 0.1, 3.0)},
        module=lambda alpha=1.0: nn.CELU(alpha),
        torch="torch.nn.CELU",
        source="barron2017continuously",
        chapter=4,
    ),
    Activation(
        key="relu6",
        name="ReLU6",
        family="rectified",
        expr=cases((0, x <= 0), (6, x >= 6), (x, True)),
        module=nn.ReLU6,
        torch="torch.nn.ReLU6",
        source="krizhevsky2010convolutional",
        chapter=4,
    ),
    Activation(
        key="abs",
        name="Absolute value",
        family="rectified",
        expr=sympy.Abs(x),
        module=activations.Absolute,
        torch="torch.abs",
        source="jarrett2009best",
        chapter=4,
        aliases=("absolute",),
    ),
    Activation(
        key="relu2",
        name="Squared ReLU",
        family="rectified",
        expr=cases((x**2, x > 0), (0, True)),
        module=activations.SquaredReLU,
        source="so2021primer",
        chapter=4,
        aliases=("relu squared", "ReLU²"),
    ),
    Activation(
        key="nipuna",
        name="NIPUNA",
        family="rectified",
        expr=cases((x, x > 0), (x * Sigmoid(_beta * x), True)),
        params={"beta": Param(1.0, 0.0, 10.0)},
        module=activations.NIPUNA,
        source="madhu2023nipuna",
        chapter=4,
    ),
    Activation(
        key="xielu",
        name="xIELU",
        family="rectified",
        expr=cases(
            (_alpha_p * x**2 + x / 2, x > 0),
            (_alpha_n * (sympy.exp(x) - 1 - x) + x / 2, True),
        ),
        params={
            "alpha_p": Param(0.8, 0.1, 3.0, trainable=True, trial=0.25),
            "alpha_n": Param(0.8, 0.51, 3.0, trainable=True),
        },
        module=activations.XIELU,
        source="huang2024deriving",
        chapter=4,
    ),
    Activation(
        key="crelu",
        name="CReLU",
        family="rectified",
        expr=None,
        module=activations.CReLU,
        source="shang2016understanding",
        chapter=4,
        kind="vector",
        reference=_crelu,
        vector_latex=r"(\max(0, x),\, \max(0, -x))",
    ),
)
