"""What the claims of chapter 08 rest on."""

from __future__ import annotations

import math

from ..claims.checks import claim_check, require


@claim_check
def a_class_without_constructor_learns_nothing() -> str:
    """`init` without underscores is never called: TypeError, then AttributeError."""
    import torch
    from torch import nn

    class Unfinished(nn.Module):
        def init(self, alpha: float = 1.0) -> None:
            self.alpha = nn.Parameter(torch.tensor(alpha))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.alpha * x

    errors = []
    for attempt in (
        lambda: Unfinished(alpha=1.0),
        lambda: Unfinished()(torch.zeros(1)),
    ):
        try:
            attempt()
        except (TypeError, AttributeError) as error:
            errors.append(type(error).__name__)
    require(errors == ["TypeError", "AttributeError"], f"raised {errors}")
    count = len(list(Unfinished().parameters()))
    require(count == 0, f"{count} parameters")
    return f"{count} parameters; with an argument {errors[0]}, when called {errors[1]}"


@claim_check
def a_denominator_can_vanish_and_a_safe_one_cannot() -> str:
    """1 + Q(|x|) is negative somewhere for Q = t² − 3t; 1 + |Q(x)| is at least 1."""
    import torch

    from actlab.activations import Rational

    require(not hasattr(torch, "polyval"), "torch.polyval exists")
    x = torch.linspace(-4, 4, 8001, dtype=torch.float64)
    lowest = (1 - 3 * x.abs() + x.square()).min().item()
    require(abs(lowest + 1.25) < 1e-6, f"the least of 1 + Q(|x|) is {lowest}")
    values = 1 / Rational([1.0, 0.0, 0.0], [-3.0, 1.0]).double()(x)
    safe = values.min().item()
    require(safe > 1 - 1e-6, f"the least of 1 + |Q(x)| is {safe}")
    spline = _every_coefficient_of_a_spline_learns()
    return f"least denominator {lowest:.2f} and, safe, {safe:.2f}; spline: {spline}"


def _every_coefficient_of_a_spline_learns() -> str:
    """Gradients of a spline's coefficients differ, and the input has one."""
    import torch

    from actlab.activations import BSpline

    spline = BSpline(intervals=5, start="zero").double()
    x = torch.linspace(-2, 2, 101, dtype=torch.float64, requires_grad=True)
    ((spline(x) - torch.sin(3 * x.detach())) ** 2).sum().backward()
    slopes = spline.coefficients.grad
    require(x.grad is not None, "no gradient reaches the input")
    assert slopes is not None
    different = len({round(slope, 6) for slope in slopes.tolist()})
    require(different == len(slopes), f"{different} different gradients")
    # A gradient through the mean of the coefficients alone is one for all.
    mean = torch.zeros(8, requires_grad=True)
    (mean.mean() * torch.arange(5.0)).sum().backward()
    assert mean.grad is not None
    same = len(set(mean.grad.tolist()))
    require(same == 1, f"{same} different gradients through the mean")
    return (
        f"{different} gradients for {different} coefficients; through the mean {same}"
    )


@claim_check
def naive_staf_starts_with_a_large_gain() -> str:
    """τ = 25, all from N(0, 1): E[f²] near 12; the paper's start: 1."""
    import torch

    from actlab.activations import STAF

    z = torch.linspace(-6, 6, 1201)
    weight = torch.exp(-z * z / 2) * 0.01 / math.sqrt(2 * math.pi)
    found = {}
    for start in ("randn", "normal output"):
        moments = []
        for seed in range(300):
            draw = torch.Generator().manual_seed(seed)
            with torch.no_grad():
                y = STAF(25, start, frequency=1.0, generator=draw)(z)
            moments.append((weight * y * y).sum().item())
        found[start] = moments
    naive, own = (sum(m) / len(m) for m in found.values())
    require(9 < naive < 16, f"naive: mean E[f²] {naive:.1f}")
    require(0.8 < own < 1.3, f"own start: mean E[f²] {own:.2f}")
    low, high = min(found["randn"]), max(found["randn"])
    require(high / low > 50, f"naive: from {low:.2f} to {high:.1f}")
    return f"naive {naive:.1f} (from {low:.1f} to {high:.0f}), own start {own:.2f}"


@claim_check
def rrelu_learns_nothing() -> str:
    """RReLU has no parameter; PReLU has one."""
    from torch import nn

    counts = [len(list(m.parameters())) for m in (nn.RReLU(), nn.PReLU())]
    require(counts == [0, 1], f"parameters: {counts}")
    return f"RReLU {counts[0]} parameters, PReLU {counts[1]}"


@claim_check
def misquoted_nipuna_jumps() -> str:
    """x on the right and softplus on the left jump at 0 by ln 2."""
    import torch
    from torch.nn import functional as F

    x = torch.tensor([-1e-9, 1e-9], dtype=torch.float64)
    y = torch.where(x > 0, x, F.softplus(x))
    jump = (y[0] - y[1]).item()
    require(abs(jump - math.log(2)) < 1e-6, f"jump {jump}")
    return f"jump at 0: {jump:.4f} = ln 2"


@claim_check
def naive_elu_poisons_its_parameter() -> str:
    """where(x > 0, x, α(eˣ − 1)) at 89: the gradient of α is nan; the module's: not."""
    import torch

    from actlab.activations import LearnableELU

    x = torch.tensor([-1.0, 89.0])
    alpha = torch.tensor(1.0, requires_grad=True)
    torch.where(x > 0, x, alpha * (x.exp() - 1)).sum().backward()
    assert alpha.grad is not None
    require(math.isnan(alpha.grad.item()), f"naive gradient {alpha.grad.item()}")
    module = LearnableELU()
    module(x).sum().backward()
    assert module.alpha.grad is not None
    grad = module.alpha.grad.item()
    require(abs(grad - math.expm1(-1)) < 1e-6, f"gradient {grad}")
    return f"at x = 89 the naive gradient is nan, the module's {grad:.3f}"


@claim_check
def slopes_line_up_with_the_last_axis() -> str:
    """Six slopes by broadcasting follow the image width, nn.PReLU the channel."""
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 6, 4, 6, generator=generator)
    module = nn.PReLU(6)
    with torch.no_grad():
        module.weight.copy_(torch.linspace(0.1, 0.6, 6))
        by_width = torch.where(x > 0, x, module.weight * x)
        gap = (by_width - module(x)).abs().max().item()
        single = nn.PReLU()
        same = torch.equal(torch.where(x > 0, x, single.weight * x), single(x))
    require(gap > 0.1, f"off by {gap}")
    require(same, "one slope differs from nn.PReLU")
    return f"one slope: equal; 6 slopes on 6 channels of width 6: off by {gap:.2f}"


@claim_check
def adaptive_functions_win_by_their_gain() -> str:
    """The study slope-or-gain: the advantage goes with the gain, not with the shape."""
    from actlab import studies

    rows = studies.summary(studies.load("slope-or-gain"), epoch=15)
    mean = rows.set_index(["regime", "activation", "init", "variant"])["mean"]
    small = mean["sgd_small"]
    relu = small["relu", "default", ""]
    shared = small["prelu", "default", "shared"]
    divided = small["prelu", "default", "unit_gain"]
    scaled = small["relu", "default", "scaled"]
    gain = small["relu", "default_gain", ""]
    require(shared > relu + 3, f"shared {shared:.1f}, ReLU {relu:.1f}")
    require(divided < relu + 1.5, f"gain divided out {divided:.1f}, ReLU {relu:.1f}")
    require(scaled > shared, f"scaled {scaled:.1f}, shared {shared:.1f}")
    require(gain > shared - 1, f"gain alone {gain:.1f}, shared {shared:.1f}")
    controls = studies.summary(studies.load("gain-controls"), epoch=15)
    fixed, quick = (
        controls.set_index("variant")["mean"][name]
        for name in ("fixed_factor", "quick_slope")
    )
    require(fixed > scaled - 0.5, f"factor fixed {fixed:.1f}, learnt {scaled:.1f}")
    require(abs(quick - shared) < 0.5, f"quick slopes {quick:.1f}, shared {shared:.1f}")
    apart = studies.summary(studies.load("size-or-step"), epoch=15)
    by = apart.set_index("variant")["mean"]
    way = [gain, by["start √6 behind, step 1"], by["start 2.77, step 1"], fixed]
    parts = [later - sooner for sooner, later in zip(way, way[1:])]
    require(0.2 < min(parts) and max(parts) < 0.8, f"parts of the factor {parts}")
    large = mean["sgd_large"]
    left = large["prelu", "default", "shared"] - large["relu", "default", ""]
    require(abs(left) < 1.5, f"larger steps leave {left:.2f} points")
    return (
        f"PReLU {shared:.1f}, ReLU {relu:.1f}; gain divided out {divided:.1f}, gain "
        f"alone {gain:.1f}, factor fixed {fixed:.1f}; larger steps leave {left:+.1f}"
    )


@claim_check
def one_object_is_one_set_of_numbers() -> str:
    """Handed to four layers, one PReLU has 1 number and one STAF(25) has 75."""
    from torch import nn

    from actlab.activations import STAF
    from actlab.networks import MLP, count_parameters

    sizes = [784, 256, 192, 128, 64, 10]
    bare = count_parameters(MLP(sizes, "relu"))
    counts = [
        count_parameters(MLP(sizes, module, shared=shared)) - bare
        for module, shared in (
            (nn.PReLU(), True),
            (nn.PReLU(), False),
            (STAF(25), True),
            (STAF(25), False),
        )
    ]
    require(counts == [1, 4, 75, 300], f"{counts} more numbers")
    return f"PReLU {counts[0]} shared, {counts[1]} apart; STAF {counts[2]}, {counts[3]}"
