"""What the claims of chapter 07 rest on."""

from __future__ import annotations

from ..claims.checks import claim_check, require


@claim_check
def glu_cuts_one_tensor_into_value_and_gate() -> str:
    """F.glu multiplies the first half by the sigmoid of the second; both are sums."""
    import torch
    from torch.nn import functional as F

    generator = torch.Generator().manual_seed(0)
    x, w, v = (torch.randn(8, 8, generator=generator).double() for _ in range(3))
    both = torch.cat([x @ w, x @ v], -1)
    expected = (x @ w) * torch.sigmoid(x @ v)
    gap = (F.glu(both) - expected).abs().max().item()
    require(gap < 1e-12, f"F.glu is off by {gap:.2g}")
    unprojected = (F.glu(both) - x * torch.sigmoid(x @ v)).abs().max().item()
    require(unprojected > 0.1, f"x ⊗ σ(g(x)) differs by {unprojected:.2g} only")
    return f"(xW) ⊗ σ(xV) to {gap:.0e}; x ⊗ σ(xV) is off by {unprojected:.1f}"


@claim_check
def swiglu_stands_inside_the_block() -> str:
    """Three matrices of width 8d/3 weigh what two of width 4d do; at 4d half more."""
    from actlab.language import FeedForward, GatedFeedForward, gated_width
    from actlab.networks import count_parameters

    d = 96
    plain = count_parameters(FeedForward(d, 4 * d, "relu"))
    equal = count_parameters(GatedFeedForward(d, gated_width(d), "swiglu"))
    wide = count_parameters(GatedFeedForward(d, 4 * d, "swiglu"))
    require(plain == 8 * d * d, f"the plain block has {plain} weights")
    require(equal == plain, f"the gated block has {equal} weights, not {plain}")
    require(2 * wide == 3 * plain, f"at 4d it has {wide} weights")
    return f"d = {d}: plain {plain}, gated with 8d/3 {equal}, gated with 4d {wide}"


@claim_check
def a_maxout_unit_is_convex() -> str:
    """A maximum of lines lies below its chords; a difference of two need not."""
    import torch

    from actlab.activations import Maxout

    generator = torch.Generator().manual_seed(0)
    x = torch.linspace(-2, 2, 401, dtype=torch.float64).unsqueeze(1)
    worst, bends = -1.0, 0
    for _ in range(50):
        slope, shift = torch.randn(2, 12, generator=generator).double()
        units = Maxout(6)(x * slope + shift)
        middle, chord = units[1:-1], (units[:-2] + units[2:]) / 2
        worst = max(worst, (middle - chord).max().item())
        both = units[:, 0] - units[:, 1]
        bends += bool((both[1:-1] > (both[:-2] + both[2:]) / 2 + 1e-9).any())
    require(worst < 1e-9, f"a unit lies {worst:.2g} above its chord")
    require(bends > 40, f"only {bends} of 50 differences bend down somewhere")
    return (
        f"50 units: above a chord by {worst:.0e} at most; {bends} differences bend down"
    )
