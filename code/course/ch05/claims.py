"""What the claims of chapter 05 rest on."""

from __future__ import annotations

import math

from ..claims.checks import claim_check, require

# Limits are loose where the digits depend on the processor.


@claim_check
def tanh_form_of_gelu() -> str:
    """√(2/π) keeps the tanh form within 5e-4 of GELU, √(π/2) does not."""
    import torch

    x = torch.linspace(-8, 8, 160_001, dtype=torch.float64)
    exact = torch.nn.functional.gelu(x)

    def error(constant: float) -> float:
        inner = torch.tanh(constant * (x + 0.044715 * x**3))
        return (0.5 * x * (1 + inner) - exact).abs().max().item()

    right, inverted = error(math.sqrt(2 / math.pi)), error(math.sqrt(math.pi / 2))
    require(abs(right - 4.73e-4) < 2e-6, f"√(2/π): off by {right:.2e}")
    require(abs(inverted - 9.22e-2) < 2e-4, f"√(π/2): off by {inverted:.2e}")
    return f"off by {right:.6f} with √(2/π), by {inverted:.4f} with √(π/2)"


@claim_check
def sigmoid_form_of_gelu() -> str:
    """xσ(1.702x): off by 0.0203 at ±2.27; 1.702 is best for the gate, 1.773 for all."""
    import torch

    x = torch.linspace(-8, 8, 32_001, dtype=torch.float64)
    exact = torch.nn.functional.gelu(x)

    def errors(b: float) -> torch.Tensor:
        return (x * torch.sigmoid(b * x) - exact).abs()

    usual = errors(1.702)
    at = x[usual.argmax()].abs().item()
    require(abs(usual.max() - 0.02033) < 5e-5, f"off by {usual.max().item():.4f}")
    require(abs(at - 2.27) < 0.01, f"worst at {at:.2f}")
    constants = [1.6 + 0.001 * k for k in range(301)]
    worst = [errors(b).max().item() for b in constants]
    best = constants[worst.index(min(worst))]
    require(abs(best - 1.773) < 0.005, f"best constant {best:.3f}")
    phi = torch.special.ndtr(x)
    gates = [(torch.sigmoid(b * x) - phi).abs().max().item() for b in constants]
    gate = constants[gates.index(min(gates))]
    require(abs(gate - 1.702) < 0.002, f"the gate's best constant is {gate:.3f}")
    require(abs(min(gates) - 0.0095) < 5e-5, f"its error is {min(gates):.5f}")
    return (
        f"off by {usual.max():.4f} at {at:.2f}; best {best:.3f} with {min(worst):.4f}, "
        f"for the gate {gate:.3f} with {min(gates):.4f}"
    )


@claim_check
def gelu_has_no_upper_end() -> str:
    """GELU goes over into x, as ReLU does; sigmoid ends at 1."""
    import torch

    x = torch.tensor([10.0, 100.0, 1000.0], dtype=torch.float64, requires_grad=True)
    y = torch.nn.functional.gelu(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    require(torch.allclose(y, x), f"gelu({x.tolist()}) = {y.tolist()}")
    require(torch.allclose(slope, torch.ones_like(slope)), f"slopes {slope.tolist()}")
    end = torch.sigmoid(x.detach())[-1].item()
    return f"gelu(1000) = {y[-1].item():g} with slope 1, sigmoid(1000) = {end:g}"


@claim_check
def gelu_is_zero_in_float32() -> str:
    """A negative slope left of −0.752, −7e-6 at −5, exact zeros a little further."""
    import torch

    z = torch.tensor([-0.7517915, -1.0, -5.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(torch.nn.functional.gelu(z).sum(), z)
    require(abs(slope[0]) < 1e-7 and slope[1] < -0.08, f"slopes {slope.tolist()}")
    require(-7.3e-6 < slope[2] < -7e-6, f"slope {slope[2].item():.1e} at −5")
    x = torch.linspace(-20, -3, 17_001).requires_grad_()
    y = torch.nn.functional.gelu(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    output, gradient = (x[v == 0].max().item() for v in (y, slope))
    require(-7 < output < -4.5, f"exact zeros from {output:.2f} on")
    # −6.2 through oneDNN, −14.3 by PyTorch's own code
    require(-15 < gradient < -4.5, f"slopes exactly 0 from {gradient:.2f} on")
    return f"float32: output 0 from {output:.1f}, slope 0 from {gradient:.1f}"


@claim_check
def swish_and_mish_saturate_on_the_left() -> str:
    """Slopes at −10, and the places where they are 0."""
    import torch
    from torch.nn import functional as F

    found = []
    for f, lowest in ((F.silu, -1.278464543), (F.mish, -1.192431215)):
        x = torch.tensor([lowest, -10.0, -40.0], dtype=torch.float64).requires_grad_()
        (slope,) = torch.autograd.grad(f(x).sum(), x)
        require(abs(slope[0]) < 1e-8, f"{f.__name__}: {slope[0].item():.1e} at minimum")
        require(-4.2e-4 < slope[1] < -4e-4, f"{f.__name__}: {slope[1].item():.1e}")
        require(abs(slope[2]) < 1e-15, f"{f.__name__}: {slope[2].item():.1e} at −40")
        found.append(f"{f.__name__} {slope[1].item():.1e}")
    return "slopes at −10: " + ", ".join(found)


@claim_check
def swish_one_is_silu() -> str:
    """Swish with β = 1 and nn.SiLU agree; β only rescales x."""
    import torch

    from actlab.activations import Swish

    x = torch.linspace(-30, 30, 6001, dtype=torch.float64)
    silu = torch.nn.functional.silu
    gap = (Swish()(x) - silu(x)).abs().max().item()
    scaled = (Swish(beta=3.0)(x) - silu(3 * x) / 3).abs().max().item()
    require(gap < 1e-13 and scaled < 1e-13, f"off by {gap:.1e} and {scaled:.1e}")
    return f"β = 1: off by {gap:.0e}; β = 3 against silu(3x)/3: {scaled:.0e}"


@claim_check
def telu_has_no_parameters() -> str:
    """x tanh(eˣ) has nothing to learn, returns to 0 and is no ELU."""
    import torch

    from actlab.activations import TeLU

    telu, x = TeLU(), torch.linspace(-12, 6, 18_001, dtype=torch.float64)
    count, values = sum(p.numel() for p in telu.parameters()), telu(x)
    require(count == 0, f"{count} parameters")
    low, at = values.min().item(), x[values.argmin()].item()
    require(abs(low + 0.353286) < 1e-5 and abs(at + 1.0789) < 2e-3, f"{low} at {at}")
    require(abs(values[0]) < 1e-4, f"{values[0].item():.2e} at −12")
    elu = torch.nn.functional.elu(x)[0].item()
    return f"{count} parameters, minimum {low:.4f} at {at:.3f}; at −12 ELU is {elu:.2f}"


@claim_check
def slopes_of_self_gated_functions() -> str:
    """The three printed slopes agree with autograd."""
    import torch

    from actlab.activations import Swish

    x = torch.linspace(-6, 6, 1201, dtype=torch.float64, requires_grad=True)

    def slope(y: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad(y.sum(), x)[0]

    density = torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    normal = 0.5 * torch.erfc(-x / math.sqrt(2))
    s, gate = torch.sigmoid(x), torch.sigmoid(2 * x)
    pairs = {
        "GELU": (torch.nn.functional.gelu(x), normal + x * density),
        "SiLU": (x * s, x * s + s * (1 - x * s)),
        "Swish": (Swish(beta=2.0)(x), gate + 2 * x * gate * (1 - gate)),
    }
    gaps = {n: (slope(f) - g).abs().max().item() for n, (f, g) in pairs.items()}
    require(max(gaps.values()) < 1e-12, f"off by {gaps}")
    return f"{len(gaps)} slopes off by at most {max(gaps.values()):.0e}"


@claim_check
def gelu_is_the_mean_of_a_gate() -> str:
    """Means of x · [Z ≤ x] over a million draws, in standard errors from GELU."""
    import torch

    draws = 10**6
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for x in (-2.0, -1.0, 0.5, 1.0, 2.0):
        out = x * (torch.randn(draws, generator=generator).double() <= x)
        error = out.std().item() / draws**0.5
        exact = torch.nn.functional.gelu(torch.tensor(x, dtype=torch.float64)).item()
        worst = max(worst, abs(out.mean().item() - exact) / error)
    require(worst < 4, f"{worst:.1f} standard errors apart")
    return f"five places, at most {worst:.1f} standard errors apart"


@claim_check
def error_function_and_normal_distribution() -> str:
    """(1 + erf(x/√2))/2 against the integral of the density."""
    from statistics import NormalDist

    import numpy as np

    x = np.linspace(-10, 4, 140_001)
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    areas = (density[1:] + density[:-1]) / 2 * np.diff(x)
    summed = np.concatenate([[0], np.cumsum(areas)])
    places = range(60_001, 140_001, 1000)
    formula = [(1 + math.erf(x[i] / math.sqrt(2))) / 2 for i in places]
    gap = max(abs(f - summed[i]) for f, i in zip(formula, places, strict=True))
    require(gap < 1e-8, f"off by {gap:.1e} from the integral")
    other = abs(NormalDist().cdf(1.0) - (1 + math.erf(math.sqrt(0.5))) / 2)
    require(other < 1e-15, f"off by {other:.1e}")
    return f"off by at most {gap:.0e} at {len(formula)} places"


@claim_check
def self_gated_functions_are_not_monotone() -> str:
    """GELU, SiLU, Mish fall and rise; sigmoid and tanh only rise."""
    import torch
    from torch.nn import functional as F

    x = torch.linspace(-8, 8, 1601, dtype=torch.float64)
    falls = {
        f.__name__: bool((f(x).diff() < 0).any())
        for f in (F.gelu, F.silu, F.mish, torch.sigmoid, torch.tanh)
    }
    wanted = {"gelu": True, "silu": True, "mish": True, "sigmoid": False, "tanh": False}
    require(falls == wanted, f"somewhere falling: {falls}")
    lowest = x[F.silu(x).argmin()].item()
    return f"gelu, silu, mish fall somewhere (silu left of {lowest:.2f}); 2 only rise"
