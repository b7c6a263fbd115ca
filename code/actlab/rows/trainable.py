"""Rows of chapter 8: functions with numbers that training changes, and periodic ones.

Where a function has many coefficients, its row is the function that it starts as.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import comb, factorial

import sympy
from torch import nn

from .. import activations
from ..activations.trainable import LEAKY_DENOMINATOR, LEAKY_NUMERATOR
from ..formulas import Sigmoid, x
from .row import Activation, Param, cases

__all__ = ["ROWS"]

_a, _b, _k, _n = sympy.symbols("a b k n", real=True)
_alpha, _beta, _theta, _omega = sympy.symbols("alpha beta theta omega", real=True)
_w_b, _w_s = sympy.symbols("w_b w_s", real=True)
_c_1, _omega_1, _phi_1 = sympy.symbols("c_1 omega_1 phi_1", real=True)
_c_2, _omega_2, _phi_2 = sympy.symbols("c_2 omega_2 phi_2", real=True)
_a_0, _a_1, _a_2, _b_1, _b_2 = sympy.symbols("a_0 a_1 a_2 b_1 b_2", real=True)
_f_1, _f_3, _f_5 = sympy.symbols("f_1 f_3 f_5", real=True)


def _learnt(default: float, low: float, high: float, trial: float = math.nan) -> Param:
    return Param(default, low, high, trainable=True, trial=trial)


def _quotient(numerator: Sequence[float], denominator: Sequence[float]) -> sympy.Expr:
    """Return P(x)/(1 + |Q(x)|) with these coefficients, as the decimals they print."""
    above = [sympy.Rational(str(a)) * x**j for j, a in enumerate(numerator)]
    below = [sympy.Rational(str(b)) * x**k for k, b in enumerate(denominator, 1)]
    return sympy.Add(*above) / (1 + sympy.Abs(sympy.Add(*below)))


def _spline(coefficients: Sequence[sympy.Rational], low: int = -3) -> sympy.Piecewise:
    """Return Σ c_i B_i(x) for cubic B-splines on whole numbers, with straight tails.

    By sums of truncated powers, another way than the module's recursion.
    """
    intervals = len(coefficients) - 3
    u = sympy.Symbol("u")
    pieces = []
    for j in range(intervals):
        # On low + j + u, the spline B_i starts at low + i − 3.
        pieces.append(
            sum(
                c * (-1) ** k * comb(4, k) * (u + j - i + 3 - k) ** 3 / factorial(3)
                for i, c in enumerate(coefficients)
                for k in range(5)
                if k <= j - i + 3
            )
        )
    pieces = [sympy.Poly(piece, u) for piece in map(sympy.expand, pieces)]

    def tail(piece: sympy.Poly, place: int, knot: int) -> sympy.Expr:
        return piece.eval(place) + piece.diff(u).eval(place) * (x - knot)

    rows = [(tail(pieces[0], 0, low), x < low)]
    for j, piece in enumerate(pieces):
        rows.append((piece.as_expr().subs(u, x - low - j), x < low + j + 1))
    rows.append((tail(pieces[-1], 1, low + intervals), True))
    return cases(*rows)


_quarter = sympy.Rational(1, 4)
_ramp = (0, 0, 0, 0, 0, 1, 2, 3, 4)  # ReLU at the middles of the B-splines
_ripple = (0, _quarter, 0, -_quarter, 0, _quarter, 0, -_quarter, 0)


def _staf(
    c_1: float,
    omega_1: float,
    phi_1: float,
    c_2: float,
    omega_2: float,
    phi_2: float,
) -> nn.Module:
    return activations.STAF.of([c_1, c_2], [omega_1, omega_2], [phi_1, phi_2])


def _fourier(
    a_0: float, a_1: float, b_1: float, a_2: float, b_2: float, omega: float
) -> nn.Module:
    return activations.Fourier.of([a_0, a_1, a_2], [b_1, b_2], omega)


def _cosine(order: int) -> sympy.Expr:
    """Return cos(½πq(z + 1)) for odd q, written as ∓ sin(½πqz); z = tanh(x)."""
    sign = -1 if order % 4 == 1 else 1
    return sign * sympy.sin(sympy.pi * order * sympy.tanh(x) / 2)


ROWS = (
    Activation(
        key="prelu",
        name="PReLU",
        family="trainable",
        expr=cases((x, x > 0), (_a * x, True)),
        params={"a": _learnt(0.25, -0.5, 2.5)},
        module=lambda a=0.25: nn.PReLU(init=a),
        torch="torch.nn.PReLU",
        source="he2015delving",
        chapter=8,
    ),
    Activation(
        key="learnable_elu",
        name="Learnable ELU",
        family="trainable",
        expr=cases((x, x > 0), (_alpha * (sympy.exp(x) - 1), True)),
        params={"alpha": _learnt(1.0, 0.0, 4.0)},
        module=activations.LearnableELU,
        chapter=8,
    ),
    Activation(
        key="pelu",
        name="PELU",
        family="trainable",
        expr=cases((_a / _b * x, x > 0), (_a * (sympy.exp(x / _b) - 1), True)),
        params={"a": _learnt(1.0, 0.1, 3.0, 0.5), "b": _learnt(1.0, 0.1, 3.0, 2.0)},
        module=activations.PELU,
        source="trottier2016parametric",
        chapter=8,
        aliases=("parametric elu",),
    ),
    Activation(
        key="adaptive_sigmoid",
        name="Adaptive sigmoid",
        family="trainable",
        expr=Sigmoid(_k * (x - _theta)),
        params={"k": _learnt(1.0, -5.0, 5.0), "theta": _learnt(0.0, -3.0, 3.0)},
        module=activations.AdaptiveSigmoid,
        chapter=8,
    ),
    Activation(
        key="adaptive_tanh",
        name="Adaptive tanh",
        family="trainable",
        expr=sympy.tanh(_n * _a * x),
        params={"a": _learnt(0.25, 0.0, 1.0), "n": Param(4.0, 1.0, 10.0, step=1.0)},
        module=lambda a=0.25, n=4.0: activations.AdaptiveSlope(n=n, a=a),
        source="jagtap2020adaptive",
        chapter=8,
        aliases=("adaptive slope", "LAAF"),
    ),
    Activation(
        key="sgt",
        name="SGT",
        family="trainable",
        expr=cases(
            (sympy.tanh(_b * x**_beta), x > 0),
            (-sympy.tanh(_a * (-x) ** _alpha), x < 0),
            (0, True),
        ),
        params={
            "alpha": _learnt(1.5, 1.1, 4.0, 3.0),
            "beta": _learnt(1.5, 1.1, 4.0, 2.5),
            "a": Param(1.0, 0.1, 3.0, trial=0.5),
            "b": Param(1.0, 0.1, 3.0, trial=2.0),
        },
        module=activations.SGT,
        source="khagi2022novel",
        chapter=8,
    ),
    Activation(
        key="sine",
        name="SIREN sine",
        family="trainable",
        expr=sympy.sin(_omega * x),
        params={"omega": Param(30.0, 1.0, 60.0, step=0.5, trial=1.0)},
        module=activations.Sine,
        view=(-0.5, 0.5),
        source="sitzmann2020implicit",
        chapter=8,
        aliases=("siren",),
    ),
    Activation(
        key="snake",
        name="Snake",
        family="trainable",
        expr=x + sympy.sin(_a * x) ** 2 / _a,
        params={"a": _learnt(1.0, 0.1, 10.0)},
        module=activations.Snake,
        source="ziyin2020neural",
        chapter=8,
    ),
    Activation(
        key="gcu",
        name="GCU",
        family="trainable",
        expr=x * sympy.cos(x),
        module=activations.GCU,
        source="noel2021growing",
        chapter=8,
        aliases=("growing cosine unit",),
    ),
    Activation(
        key="staf",
        name="STAF",
        family="trainable",
        expr=_c_1 * sympy.sin(_omega_1 * x + _phi_1)
        + _c_2 * sympy.sin(_omega_2 * x + _phi_2),
        params={
            "c_1": _learnt(1.0, -2.0, 2.0, 0.5),
            "omega_1": _learnt(1.0, 0.0, 10.0, 2.0),
            "phi_1": _learnt(0.0, -3.14, 3.14, 0.25),
            "c_2": _learnt(0.5, -2.0, 2.0, -0.75),
            "omega_2": _learnt(3.0, 0.0, 10.0, 1.5),
            "phi_2": _learnt(0.0, -3.14, 3.14, -0.5),
        },
        module=_staf,
        source="morsali2026unified",
        chapter=8,
    ),
    Activation(
        key="fourier",
        name="Fourier series",
        family="trainable",
        expr=_a_0
        + _a_1 * sympy.cos(_omega * x)
        + _b_1 * sympy.sin(_omega * x)
        + _a_2 * sympy.cos(2 * _omega * x)
        + _b_2 * sympy.sin(2 * _omega * x),
        params={
            "a_0": _learnt(0.0, -2.0, 2.0, 0.5),
            "a_1": _learnt(0.0, -2.0, 2.0, -1.0),
            "b_1": _learnt(1.0, -2.0, 2.0, 0.75),
            "a_2": _learnt(0.25, -2.0, 2.0, -0.5),
            "b_2": _learnt(0.0, -2.0, 2.0, 0.25),
            "omega": Param(1.0, 0.1, 10.0, trial=2.0),
        },
        module=_fourier,
        chapter=8,
    ),
    Activation(
        key="enn",
        name="ENN",
        family="trainable",
        expr=_f_1 * _cosine(1) + _f_3 * _cosine(3) + _f_5 * _cosine(5),
        params={
            "f_1": _learnt(-0.8125, -2.0, 2.0, 0.5),
            "f_3": _learnt(-0.09375, -2.0, 2.0, -1.0),
            "f_5": _learnt(-0.03125, -2.0, 2.0, 0.25),
        },
        module=lambda f_1, f_3, f_5: activations.ENN.of([f_1, f_3, f_5]),
        source="martinezgost2024enn",
        chapter=8,
        aliases=("dct",),
    ),
    Activation(
        key="rational",
        name="Rational",
        family="trainable",
        expr=_quotient(LEAKY_NUMERATOR, LEAKY_DENOMINATOR),
        module=activations.Rational,
        source="molina2020pade",
        chapter=8,
        aliases=("pau", "pade"),
        coefficients="6 + 4 coefficients",
        vector_latex=r"\frac{a_0 + a_1 x + \dots + a_5 x^5}"
        r"{1 + |b_1 x + \dots + b_4 x^4|} = \frac{P}{1 + |Q|}",
        slope_latex=r"\frac{P'\,(1 + |Q|) - P\,Q' \operatorname{sgn} Q}"
        r"{(1 + |Q|)^2}",
    ),
    Activation(
        key="bspline",
        name="B-spline",
        family="trainable",
        expr=_spline(_ramp),
        module=activations.BSpline,
        source="bohra2020learning",
        chapter=8,
        aliases=("spline",),
        coefficients="9 coefficients",
        vector_latex=r"\sum_{i=0}^{8} c_i\,B_i(x)",
        slope_latex=r"\sum_{i=1}^{8} (c_i - c_{i-1})\,B_{i,2}(x)",
    ),
    Activation(
        key="kan",
        name="KAN edge",
        family="trainable",
        expr=_w_b * x * Sigmoid(x) + _w_s * _spline(_ripple),
        params={"w_b": _learnt(1.0, -2.0, 2.0), "w_s": _learnt(1.0, -4.0, 4.0)},
        module=lambda w_b=1.0, w_s=1.0: activations.KANEdge(
            w_b, w_s, start=[float(c) for c in _ripple]
        ),
        source="liu2025kan",
        chapter=8,
        coefficients="9 coefficients and both weights",
        vector_latex=r"w_b\,x\,\sigma(x) + w_s \sum_{i=0}^{8} c_i\,B_i(x)",
        slope_latex=r"w_b\,(\sigma(x) + x\,\sigma(x)(1 - \sigma(x)))"
        r" + w_s \sum_{i=1}^{8} (c_i - c_{i-1})\,B_{i,2}(x)",
    ),
)
