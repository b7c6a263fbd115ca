"""Activations with numbers that training changes, and the periodic ones (chapter 8).

float16 and bfloat16 are computed in float32 where a rounding on the way would be felt:
the angle of a sine, the powers of a polynomial, the place between two knots.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = [
    "ENN",
    "GCU",
    "PELU",
    "SGT",
    "STAF",
    "AdaptiveSigmoid",
    "AdaptiveSlope",
    "BSpline",
    "Fourier",
    "KANEdge",
    "KANLayer",
    "LearnableELU",
    "Rational",
    "Sine",
    "Snake",
    "siren_",
]


# --- exponentials and sigmoids ---------------------------------------------------


class LearnableELU(nn.Module):
    """ELU with a learnt α: x on the right, α(eˣ − 1) on the left.

    The exponential only ever sees min(x, 0). Written as ``where(x > 0, x, …exp(x)…)``
    it overflows on the right, and 0 · ∞ makes the gradient of α nan. ``clamp`` would do
    as well, but its slope at its bound, here at 0, is 1 up to PyTorch 2.13 and then 0.

    Parameters
    ----------
    alpha : float
        First value of α.

    Chapter: 8.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(float(alpha)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the ELU of each element of ``x``, in its shape and dtype."""
        right = x > 0
        left = torch.expm1(x.masked_fill(right, 0.0))
        return torch.where(right, x, self.alpha.to(x.dtype) * left)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha.item():.4g}"


class PELU(nn.Module):
    """(a/b) x on the right, a(e^(x/b) − 1) on the left: both slopes are a/b at 0.

    Parameters
    ----------
    a, b : float
        First values, both above 0. The logarithms are trained, so they stay there.

    Raises ``ValueError`` for other values.

    Chapter: 8. Source: Trottier, Giguère and Chaib-draa 2016, arXiv:1605.09332.
    """

    def __init__(self, a: float = 1.0, b: float = 1.0) -> None:
        super().__init__()
        for name, value in (("a", a), ("b", b)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be a positive number, not {value!r}")
        self.log_a = nn.Parameter(torch.tensor(math.log(a)))
        self.log_b = nn.Parameter(torch.tensor(math.log(b)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the PELU of each element of ``x``, in its shape and dtype."""
        wide = _wide(x)
        a, b = self.log_a.to(wide.dtype).exp(), self.log_b.to(wide.dtype).exp()
        right = wide > 0
        # As in LearnableELU: no clamp, whose slope at 0 depends on the release.
        left = a * torch.expm1(wide.masked_fill(right, 0.0) / b)
        return torch.where(right, wide * (a / b), left).to(x.dtype)

    def extra_repr(self) -> str:
        return f"a={self.log_a.exp().item():.4g}, b={self.log_b.exp().item():.4g}"


class AdaptiveSigmoid(nn.Module):
    """σ(k(x − θ)) with a learnt steepness and place.

    Both say what the weights and the bias before it can say as well.

    Parameters
    ----------
    k, theta : float
        First values.

    Chapter: 8.
    """

    def __init__(self, k: float = 1.0, theta: float = 0.0) -> None:
        super().__init__()
        self.k = nn.Parameter(torch.tensor(float(k)))
        self.theta = nn.Parameter(torch.tensor(float(theta)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the sigmoid of each element of ``x``, in its shape and dtype."""
        wide = _wide(x)
        k, theta = self.k.to(wide.dtype), self.theta.to(wide.dtype)
        return torch.sigmoid(k * (wide - theta)).to(x.dtype)

    def extra_repr(self) -> str:
        return f"k={self.k.item():.4g}, theta={self.theta.item():.4g}"


class AdaptiveSlope(nn.Module):
    """f(n a x) with a learnt a: n is fixed and speeds a up.

    Parameters
    ----------
    function : callable or nn.Module
        The activation f, from tensor to tensor.
    n : float
        The fixed factor.
    a : float or None
        First value of a; None takes 1/n, so that it starts as f itself.

    Chapter: 8. Source: Jagtap, Kawaguchi and Karniadakis 2020, arXiv:1906.01170
    (one a for the network) and arXiv:1909.12228 (one per layer or neuron).
    """

    def __init__(
        self,
        function: Callable[[Tensor], Tensor] = torch.tanh,
        n: float = 1.0,
        a: float | None = None,
    ) -> None:
        super().__init__()
        if n == 0:
            raise ValueError("n must not be 0: the function would be constant")
        self.function, self.n = function, float(n)
        self.a = nn.Parameter(torch.tensor(1 / self.n if a is None else float(a)))

    def forward(self, x: Tensor) -> Tensor:
        """Return f(n a x) of each element of ``x``, in its shape and dtype."""
        wide = _wide(x)
        return self.function(self.n * self.a.to(wide.dtype) * wide).to(x.dtype)

    def extra_repr(self) -> str:
        return f"n={self.n:g}, a={self.a.item():.4g}"


class SGT(nn.Module):
    """−tanh(a|x|^α) on the left, tanh(b x^β) on the right, α and β learnt.

    Its slope at 0 counts as 0, which is right for exponents above 1; below 1 the true
    slope there is infinite.

    Parameters
    ----------
    alpha, beta : float
        First values of the exponents, above 0.
    a, b : float
        Fixed factors, above 0.

    Raises ``ValueError`` for other values.

    Chapter: 8. Source: Khagi and Kwon 2022, Scientific Reports 12:14978.
    """

    def __init__(
        self, alpha: float = 1.5, beta: float = 1.5, a: float = 1.0, b: float = 1.0
    ) -> None:
        super().__init__()
        given = {"alpha": alpha, "beta": beta, "a": a, "b": b}
        for name, value in given.items():
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be a positive number, not {value!r}")
        self.alpha = nn.Parameter(torch.tensor(float(alpha)))
        self.beta = nn.Parameter(torch.tensor(float(beta)))
        self.a, self.b = float(a), float(b)

    def forward(self, x: Tensor) -> Tensor:
        """Return the SGT of each element of ``x``, in its shape and dtype."""
        wide = _wide(x)
        # Which side an element is on, as 0 and 1: a product with it costs a CPU less
        # than a choice does, and is as exact.
        right = (wide > 0).to(wide.dtype)
        left = 1 - right
        exponent = self.beta.to(wide.dtype) * right + self.alpha.to(wide.dtype) * left
        # At 0 any harmless number will do, the sign takes it away; no gradient at the
        # largest number, or that of an exponent would be 0 · ∞ there.
        largest = torch.finfo(wide.dtype).max
        size = F.hardtanh(wide.abs(), -1.0, largest) + (wide == 0)
        power = exponent * size.log() + self._log_factor(right, left)
        # tanh is 1 from e⁴ on.
        return (wide.sign() * torch.tanh((-F.threshold(-power, -4.0, -4.0)).exp())).to(
            x.dtype
        )

    def _log_factor(self, right: Tensor, left: Tensor) -> Tensor | float:
        if self.a == self.b:
            return math.log(self.a)
        return math.log(self.b) * right + math.log(self.a) * left

    def extra_repr(self) -> str:
        alpha, beta = self.alpha.item(), self.beta.item()
        return f"alpha={alpha:.4g}, beta={beta:.4g}, a={self.a:g}, b={self.b:g}"


# --- periodic --------------------------------------------------------------------


class Sine(nn.Module):
    """sin(ω₀x), the activation of SIREN; `siren_` draws the weights that it needs.

    Parameters
    ----------
    omega : float
        ω₀, fixed.

    Chapter: 8. Source: Sitzmann et al. 2020, arXiv:2006.09661.
    """

    def __init__(self, omega: float = 30.0) -> None:
        super().__init__()
        self.omega = float(omega)

    def forward(self, x: Tensor) -> Tensor:
        """Return sin(ω₀x) of each element of ``x``, in its shape and dtype."""
        return torch.sin(self.omega * _cut(_wide(x))).to(x.dtype)

    def extra_repr(self) -> str:
        return f"omega={self.omega:g}"


def siren_(linear: nn.Linear, omega: float = 30.0, first: bool = False) -> nn.Linear:
    """Draw the weights of a layer that stands before a `Sine`, in place.

    Parameters
    ----------
    linear : nn.Linear
        The layer; with n inputs its weights are drawn from ±√(6/n)/ω₀.
    omega : float
        ω₀ of the sine.
    first : bool
        Whether this is the network's first layer; its weights are drawn from ±1/n.

    Returns the layer. Chapter: 8. Source: Sitzmann et al. 2020, arXiv:2006.09661.
    """
    inputs = linear.in_features
    bound = 1 / inputs if first else math.sqrt(6 / inputs) / omega
    nn.init.uniform_(linear.weight, -bound, bound)
    return linear


class Snake(nn.Module):
    """x + sin²(ax)/a: a line with waves on it, for signals that go on periodically.

    Parameters
    ----------
    a : float
        First value of the frequency, not 0; 5 to 50 for strongly periodic data.
    features : int or None
        Size of the last axis, each entry of which gets an a of its own; None learns
        one for all.

    Raises ``ValueError`` for a = 0 and for inputs whose last axis has another size.

    Chapter: 8. Source: Ziyin, Hartwig and Ueda 2020, arXiv:2006.08195.
    """

    def __init__(self, a: float = 1.0, features: int | None = None) -> None:
        super().__init__()
        if a == 0:
            raise ValueError("a must not be 0: Snake divides by it")
        self.features = features
        shape = () if features is None else (features,)
        self.a = nn.Parameter(torch.full(shape, float(a)))

    def forward(self, x: Tensor) -> Tensor:
        """Return Snake of ``x``, shape (…, features), in its shape and dtype."""
        if self.features is not None:
            _check_last_axis(x, self.features, "one a for each entry")
        wide = _wide(x)
        a = self.a.to(wide.dtype)
        return (wide + torch.sin(a * _cut(wide)).square() / a).to(x.dtype)

    def extra_repr(self) -> str:
        return f"a={self.a.mean().item():.4g}, features={self.features}"


class GCU(nn.Module):
    """x cos(x), the growing cosine unit.

    Chapter: 8. Source: Noel et al. 2021, arXiv:2108.12943.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return x cos(x) of each element of ``x``, in its shape and dtype."""
        wide = _wide(x)
        return (wide * torch.cos(wide)).to(x.dtype)


class STAF(nn.Module):
    """Σ C_i sin(Ω_i x + Φ_i): a sum of sines with everything learnt.

    Parameters
    ----------
    terms : int
        How many sines; three numbers are learnt for each.
    start : "normal output" or "randn"
        "normal output" draws Φ uniformly and C with density (τ|c|/2) e^(−τc²/2), τ
        being ``terms``: C sin(Φ + …) is then normal, and the sum is N(0, 1) for every
        x. "randn" draws all three from N(0, 1), which gives a second moment of about
        τ/2 and steep slopes.
    frequency : float
        The Ω of "normal output" are drawn from 0 to ``frequency``; its output is
        normal whatever they are.
    generator : torch.Generator or None
        Where the random numbers come from.

    Raises ``ValueError`` for fewer than one term and for another start.

    Chapter: 8. Source: Morsali et al. 2026, arXiv:2502.00869.
    """

    def __init__(
        self,
        terms: int = 5,
        start: str = "normal output",
        frequency: float = 30.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if terms < 1:
            raise ValueError(f"terms must be at least 1, not {terms!r}")
        if start == "normal output":
            drawn = _normal_output(terms, frequency, generator)
        elif start == "randn":
            drawn = torch.randn(3, terms, generator=generator)
        else:
            known = "'normal output' or 'randn'"
            raise ValueError(f"start must be {known}, not {start!r}")
        self.amplitude = nn.Parameter(drawn[0].clone())
        self.omega = nn.Parameter(drawn[1].clone())
        self.phase = nn.Parameter(drawn[2].clone())

    @classmethod
    def of(
        cls,
        amplitude: Sequence[float],
        omega: Sequence[float],
        phase: Sequence[float],
    ) -> STAF:
        """Return a STAF that starts with these numbers, one of each per term."""
        module = cls(terms=len(amplitude))
        given = {"amplitude": amplitude, "omega": omega, "phase": phase}
        for name, values in given.items():
            _fill(getattr(module, name), name, values)
        return module

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum at each element of ``x``, in its shape and dtype."""
        wide = _wide(x)
        omega, phase = self.omega.to(wide.dtype), self.phase.to(wide.dtype)
        waves = torch.sin(_cut(wide).unsqueeze(-1) * omega + phase)
        return (waves @ self.amplitude.to(wide.dtype)).to(x.dtype)

    def extra_repr(self) -> str:
        return f"terms={len(self.amplitude)}"


def _normal_output(
    terms: int, frequency: float, generator: torch.Generator | None
) -> Tensor:
    """Return amplitudes, frequencies and phases, shape (3, terms)."""
    uniform = torch.rand(3, terms, generator=generator)
    sign = torch.randint(0, 2, (terms,), generator=generator) * 2.0 - 1.0
    # By inversion: |C| has the distribution 1 − e^(−τc²/2).
    amplitude = sign * torch.sqrt(-2 * torch.log1p(-uniform[0]) / terms)
    phase = (2 * uniform[2] - 1) * math.pi
    return torch.stack([amplitude, frequency * uniform[1], phase])


class Fourier(nn.Module):
    """a₀ + Σ (a_k cos kωx + b_k sin kωx): a Fourier series with learnt coefficients.

    Parameters
    ----------
    terms : int
        K, the highest multiple of ω; 2K + 1 numbers are learnt.
    omega : float
        The base frequency, fixed.

    It starts as sin(ωx). Raises ``ValueError`` for fewer than one term. Chapter: 8.
    """

    def __init__(self, terms: int = 3, omega: float = 1.0) -> None:
        super().__init__()
        if terms < 1:
            raise ValueError(f"terms must be at least 1, not {terms!r}")
        self.omega = float(omega)
        self.cosine = nn.Parameter(torch.zeros(terms + 1))
        self.sine = nn.Parameter(torch.zeros(terms))
        with torch.no_grad():
            self.sine[0] = 1.0

    @classmethod
    def of(
        cls, cosine: Sequence[float], sine: Sequence[float], omega: float = 1.0
    ) -> Fourier:
        """Return a series with these coefficients: a₀ … a_K and b₁ … b_K."""
        module = cls(terms=len(sine), omega=omega)
        _fill(module.cosine, "cosine", cosine)
        _fill(module.sine, "sine", sine)
        return module

    def forward(self, x: Tensor) -> Tensor:
        """Return the series at each element of ``x``, in its shape and dtype."""
        wide = _wide(x)
        cosine, sine = self.cosine.to(wide.dtype), self.sine.to(wide.dtype)
        order = torch.arange(1, len(sine) + 1, device=x.device, dtype=wide.dtype)
        angle = _cut(wide).unsqueeze(-1) * (self.omega * order)
        waves = torch.cos(angle) @ cosine[1:] + torch.sin(angle) @ sine
        return (cosine[0] + waves).to(x.dtype)

    def extra_repr(self) -> str:
        return f"terms={len(self.sine)}, omega={self.omega:g}"


class ENN(nn.Module):
    """Σ F_q cos(½πq(z + 1)) over odd q, z = tanh(x): cosines on a squashed input.

    Odd q make an odd function of z; with all of them it can be any.

    Parameters
    ----------
    terms : int
        How many coefficients are learnt, q = 1, 3, 5, …

    It starts as the cosine series of z itself. Raises ``ValueError`` for fewer than one
    term. Chapter: 8. Source: Martinez-Gost, Pérez-Neira and Lagunas 2024,
    arXiv:2307.00673.
    """

    def __init__(self, terms: int = 6) -> None:
        super().__init__()
        if terms < 1:
            raise ValueError(f"terms must be at least 1, not {terms!r}")
        order = torch.arange(1, 2 * terms, 2, dtype=torch.get_default_dtype())
        self.coefficients = nn.Parameter(-8 / (math.pi * order) ** 2)

    @classmethod
    def of(cls, coefficients: Sequence[float]) -> ENN:
        """Return an ENN that starts with these F₁, F₃, F₅, …"""
        module = cls(terms=len(coefficients))
        _fill(module.coefficients, "coefficients", coefficients)
        return module

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum at each element of ``x``, in its shape and dtype."""
        wide = _wide(x)
        weight = self.coefficients.to(wide.dtype)
        order = torch.arange(1, 2 * len(weight), 2, device=x.device, dtype=wide.dtype)
        # cos(½πq(z + 1)) = −sin(½πq) sin(½πqz), which keeps its digits near z = 0.
        sign = 1 - 2 * ((order.long() // 2) % 2)
        angle = torch.tanh(wide).unsqueeze(-1) * (math.pi / 2 * order)
        return (torch.sin(angle) @ (-sign * weight)).to(x.dtype)

    def extra_repr(self) -> str:
        return f"terms={len(self.coefficients)}"


# --- rational --------------------------------------------------------------------

# Least squares on −3 … 3 of a quotient with an even denominator to LeakyReLU(0.01).
LEAKY_NUMERATOR = (0.03357, 0.505, 1.6527, 2.0081, 0.93057, 0.15213)
LEAKY_DENOMINATOR = (0.0, 3.9765, 0.0, 0.30125)


class Rational(nn.Module):
    """P(x)/(1 + |Q(x)|), the safe Padé unit: the denominator is never below 1.

    P has coefficients a₀ … a_m, and Q has b₁ … b_n and no constant. Beyond |x| = 1 both
    are divided by the powers of x, so that large inputs do not overflow on the way.

    Parameters
    ----------
    numerator : sequence of m + 1 floats
        First values of a₀ … a_m.
    denominator : sequence of n floats
        First values of b₁ … b_n.

    The defaults (m = 5, n = 4) come within 0.034 of LeakyReLU(0.01) on −3 … 3; far out
    the slope is a₅/|b₄| on both sides, about ½. Raises ``ValueError`` for an empty
    sequence.

    Chapter: 8. Source: Molina, Schramowski and Kersting 2020, arXiv:1907.06732.
    """

    def __init__(
        self,
        numerator: Sequence[float] = LEAKY_NUMERATOR,
        denominator: Sequence[float] = LEAKY_DENOMINATOR,
    ) -> None:
        super().__init__()
        if not len(numerator) or not len(denominator):
            raise ValueError("numerator and denominator need at least one coefficient")
        self.numerator = nn.Parameter(torch.tensor([float(a) for a in numerator]))
        self.denominator = nn.Parameter(torch.tensor([float(b) for b in denominator]))

    def forward(self, x: Tensor) -> Tensor:
        """Return the quotient at each element of ``x``, in its shape and dtype."""
        wide = _wide(x)
        a, b = self.numerator.to(wide.dtype), self.denominator.to(wide.dtype)
        m, n = len(a) - 1, len(b)
        # x = t/d with d = 1/max(1, |x|): both polynomials are multiplied by powers of
        # d, and t and d are never above 1. Any d gives the same quotient, so no
        # gradient goes through it. Beyond the root of the largest number, where a
        # product might overflow, the quotient stays and only its factor |x| grows.
        limits = torch.finfo(wide.dtype)
        root = math.ldexp(1.0, math.frexp(limits.max)[1] // 2)
        cut = F.hardtanh(wide, -root, root)
        near = F.threshold(cut.detach().abs(), 1.0, 1.0)
        d = near.reciprocal()
        powers = [d]
        for _ in range(1, max(m, n)):
            powers.append(powers[-1] * d)
        t = cut * d
        above = _homogeneous(a, t, powers)
        below = powers[n - 1] + (t * _homogeneous(b, t, powers)).abs()
        quotient = above / below
        if m != n:
            # The number before the root, so that there is a slope at the root too.
            size = near + F.relu(wide.abs() - root * (1 - limits.eps / 2))
            quotient = quotient * (size if m == n + 1 else size ** (m - n))
        return quotient.to(x.dtype)

    def extra_repr(self) -> str:
        return f"degrees={len(self.numerator) - 1}/{len(self.denominator)}"


def _homogeneous(coefficients: Tensor, t: Tensor, powers: Sequence[Tensor]) -> Tensor:
    """Return c₀dᵏ + c₁tdᵏ⁻¹ + … + c_k tᵏ at each element; ``powers`` are d, d², …"""
    *rest, result = coefficients.unbind()
    for power, coefficient in zip(powers, reversed(rest)):
        result = torch.addcmul(coefficient * power, result, t)
    return result


# --- splines ---------------------------------------------------------------------


class BSpline(nn.Module):
    """Σ c_i B_i(x) on equal intervals, going on as straight lines beyond them.

    Parameters
    ----------
    intervals : int
        G, how many intervals ``low`` … ``high`` is cut into; G + p numbers are learnt.
    degree : int
        p, at least 1; the function has p − 1 continuous derivatives.
    low, high : float
        Where the first interval starts and the last one ends.
    start : "relu", "identity", "zero", or a sequence of G + p floats
        The first coefficients: of a rounded ReLU, of x itself, or as given.

    Raises ``ValueError`` for values that make no spline.

    Chapter: 8. Source: Bohra et al. 2020 and the works cited there.
    """

    def __init__(
        self,
        intervals: int = 6,
        degree: int = 3,
        low: float = -3.0,
        high: float = 3.0,
        start: str | Sequence[float] = "relu",
    ) -> None:
        super().__init__()
        _check_grid(intervals, degree, low, high)
        self.intervals, self.degree = intervals, degree
        self.low, self.high = float(low), float(high)
        coefficients = _start(start, intervals, degree, self.low, self.high)
        self.coefficients = nn.Parameter(coefficients)

    def forward(self, x: Tensor) -> Tensor:
        """Return the spline at each element of ``x``, in its shape and dtype."""
        wide = _wide(x)
        step = (self.high - self.low) / self.intervals
        pieces = _pieces(self.coefficients.to(wide.dtype), self.degree, step)
        # Which piece: −1 and G are the straight ones. nan lies in none; the rest keeps
        # it.
        place = ((wide.detach() - self.low) / step).floor()
        index = place.clamp(-1, self.intervals).nan_to_num(0.0)
        beyond = wide - (self.low + step * index)
        flat = index.flatten().long() + 1
        first, slope, *higher = (
            piece.gather(0, flat).view_as(wide) for piece in pieces.unbind()
        )
        result = torch.addcmul(first, slope, beyond)
        if higher:
            # No power of what is far away: the higher coefficients are 0 there.
            inside = F.hardtanh(beyond, -2 * step, 2 * step)
            *rest, curve = higher
            for coefficient in reversed(rest):
                curve = torch.addcmul(coefficient, curve, inside)
            result = torch.addcmul(result, curve, inside.square())
        return result.to(x.dtype)

    def extra_repr(self) -> str:
        grid = f"intervals={self.intervals}, degree={self.degree}"
        return f"{grid}, low={self.low:g}, high={self.high:g}"


class KANEdge(nn.Module):
    """w_b SiLU(x) + w_s Σ c_i B_i(x): the function on one edge of a KAN.

    Parameters
    ----------
    w_b, w_s : float
        First values of the two weights.
    intervals, degree, low, high, start : as in `BSpline`.

    Chapter: 8. Source: Liu et al. 2025, arXiv:2404.19756.
    """

    def __init__(
        self,
        w_b: float = 1.0,
        w_s: float = 1.0,
        intervals: int = 6,
        degree: int = 3,
        low: float = -3.0,
        high: float = 3.0,
        start: str | Sequence[float] = "zero",
    ) -> None:
        super().__init__()
        self.w_b = nn.Parameter(torch.tensor(float(w_b)))
        self.w_s = nn.Parameter(torch.tensor(float(w_s)))
        self.spline = BSpline(intervals, degree, low, high, start)

    def forward(self, x: Tensor) -> Tensor:
        """Return the edge's function of each element, in the shape and dtype of x."""
        wide = _wide(x)
        w_b, w_s = self.w_b.to(wide.dtype), self.w_s.to(wide.dtype)
        return (w_b * F.silu(wide) + w_s * self.spline(wide)).to(x.dtype)


class KANLayer(nn.Module):
    """A layer of a KAN: a learnt function on every edge, their sums at the nodes.

    Parameters
    ----------
    in_features, out_features : int
        Each pair of an input and an output is an edge with G + p + 2 learnt numbers.
    intervals, degree, low, high : as in `BSpline`.
    generator : torch.Generator or None
        Where the random numbers come from: w_b is drawn as Xavier's uniform weights,
        w_s starts at 1, the coefficients are drawn with standard deviation 0.1/G.

    Raises ``ValueError`` for inputs whose last axis has another size.

    Chapter: 8. Source: Liu et al. 2025, arXiv:2404.19756.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        intervals: int = 6,
        degree: int = 3,
        low: float = -3.0,
        high: float = 3.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        _check_grid(intervals, degree, low, high)
        self.in_features, self.out_features = in_features, out_features
        self.intervals, self.degree = intervals, degree
        self.low, self.high = float(low), float(high)
        shape = (out_features, in_features)
        self.w_b = nn.Parameter(torch.empty(shape))
        nn.init.xavier_uniform_(self.w_b, generator=generator)
        self.w_s = nn.Parameter(torch.ones(shape))
        noise = torch.randn(*shape, intervals + degree, generator=generator)
        self.coefficients = nn.Parameter(noise * (0.1 / intervals))

    def forward(self, x: Tensor) -> Tensor:
        """Return the sums, shape (…, out_features), of x, shape (…, in_features)."""
        _check_last_axis(x, self.in_features, "one for each input")
        wide = _wide(x)
        grid = self.intervals, self.degree, self.low, self.high
        basis = _basis(wide, *grid)
        weight = self.w_s.unsqueeze(-1) * self.coefficients
        splines = basis.flatten(-2) @ weight.to(wide.dtype).flatten(1).T
        return (F.linear(F.silu(wide), self.w_b.to(wide.dtype)) + splines).to(x.dtype)

    def extra_repr(self) -> str:
        sizes = f"{self.in_features}, {self.out_features}"
        return f"{sizes}, intervals={self.intervals}, degree={self.degree}"


def _check_grid(intervals: int, degree: int, low: float, high: float) -> None:
    if intervals < 1:
        raise ValueError(f"intervals must be at least 1, not {intervals!r}")
    if degree < 1:
        raise ValueError(f"degree must be at least 1, not {degree!r}")
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"low must be below high, not {low!r} and {high!r}")


def _start(
    start: str | Sequence[float], intervals: int, degree: int, low: float, high: float
) -> Tensor:
    """Return the first coefficients, G + p of them."""
    count = intervals + degree
    if isinstance(start, str):
        # Coefficients x_i = mean of p inner knots of B_i give back x exactly.
        step = (high - low) / intervals
        place = low + step * (torch.arange(count) - (degree - 1) / 2)
        shapes = {"relu": F.relu(place), "identity": place, "zero": 0 * place}
        if start not in shapes:
            known = "'relu', 'identity', 'zero' or numbers"
            raise ValueError(f"start must be {known}, not {start!r}")
        return shapes[start].to(torch.get_default_dtype())
    if len(start) != count:
        raise ValueError(
            f"a spline of degree {degree} on {intervals} intervals has {count} "
            f"coefficients, not {len(start)}"
        )
    return torch.tensor([float(number) for number in start])


def _local_basis(u: Tensor, degree: int) -> Tensor:
    """Return the p + 1 B-splines that are not 0 at u in 0 … 1 of an interval.

    Cox and de Boor's recursion for knots at the whole numbers; shape (…, degree + 1).
    """
    values = [torch.ones_like(u)]
    for d in range(1, degree + 1):
        padded = [None, *values, None]
        values = []
        for r in range(d + 1):
            before, here = padded[r], padded[r + 1]
            rising = 0.0 if before is None else (u + (d - r)) * before
            falling = 0.0 if here is None else (r + 1 - u) * here
            both = rising + falling
            assert isinstance(both, Tensor), "one of two neighbours is a spline"
            values.append(both / d)
    return torch.stack(values, -1)


@cache
def _powers(degree: int) -> tuple[tuple[float, ...], ...]:
    """Return the p + 1 B-splines of one interval by the powers of the place in it.

    The recursion of :func:`_local_basis` on polynomials; [r][k] belongs to B-spline r
    and uᵏ.
    """
    rows = np.ones((1, 1))
    for d in range(1, degree + 1):
        padded = np.zeros((d + 2, d + 1))
        padded[1:-1, :-1] = rows
        times_u = np.roll(padded, 1, axis=1)
        r = np.arange(d + 1)[:, None]
        rising = times_u[:-1] + (d - r) * padded[:-1]
        falling = (r + 1) * padded[1:] - times_u[1:]
        rows = (rising + falling) / d
    return tuple(map(tuple, rows.tolist()))


def _pieces(coefficients: Tensor, degree: int, step: float) -> Tensor:
    """Return the spline as polynomials, shape (p + 1, G + 2).

    Column j + 1 is the piece on interval j, by the powers of the distance from where
    the interval starts; the first and last column are the straight ones beyond.
    """
    basis = coefficients.new_tensor(_powers(degree))
    unit = coefficients.unfold(0, degree + 1, 1) @ basis
    order = torch.arange(degree + 1, device=basis.device, dtype=basis.dtype)
    start, end = unit[:1, :2], unit[-1]
    start = torch.cat([start[:, :1] - start[:, 1:], start[:, 1:]], -1)
    end = torch.stack([end.sum(), (end * order).sum()]).unsqueeze(0)
    straight = (F.pad(side, (0, degree - 1)) for side in (start, end))
    first, last = straight
    return (torch.cat([first, unit, last]) / step**order).T


def _basis(x: Tensor, intervals: int, degree: int, low: float, high: float) -> Tensor:
    """Return every B-spline at every element, shape (…, G + p), with straight tails."""
    step = (high - low) / intervals
    inside = x.clamp(low, high)
    place = (inside - low) / step
    first = place.detach().floor().clamp(0, intervals - 1)
    first = first.nan_to_num(0.0)  # nan lies in no interval; place keeps it
    local = _local_basis(place - first, degree)
    if degree > 1:
        lower = _local_basis((place - first).detach(), degree - 1)
    else:
        lower = torch.ones_like(local[..., :1])
    # The slope of Σ c_i B_i is Σ (c_i − c_(i−1)) B_i of one degree less, over the step.
    slope = (F.pad(lower, (1, 0)) - F.pad(lower, (0, 1))) / step
    index = first.long().unsqueeze(-1) + torch.arange(degree + 1, device=x.device)
    empty = local.new_zeros(*x.shape, intervals + degree)
    return empty.scatter(-1, index, local + (x - inside).unsqueeze(-1) * slope)


# --- inside ----------------------------------------------------------------------


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _cut(x: Tensor) -> Tensor:
    """Return x, cut where its product with a frequency might overflow.

    No digit of an angle is left there; but sin(∞) would be nan.
    """
    return x.clamp(-1e30, 1e30)


def _check_last_axis(x: Tensor, size: int, reason: str) -> None:
    if x.dim() == 0 or x.shape[-1] != size:
        raise ValueError(
            f"the last axis of x must have size {size}, {reason}; "
            f"x has shape {tuple(x.shape)}"
        )


def _fill(parameter: nn.Parameter, name: str, values: Sequence[float]) -> None:
    if len(values) != len(parameter):
        raise ValueError(f"{name} needs {len(parameter)} numbers, not {len(values)}")
    with torch.no_grad():
        parameter.copy_(torch.tensor([float(value) for value in values]))
