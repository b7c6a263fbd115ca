"""What the claims of chapter 09 rest on."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ..claims.checks import claim_check, require

if TYPE_CHECKING:
    from torch import Tensor

    from actlab.statistics import Interval


@cache
def _columns(f: str, init: str, depth: int = 30) -> tuple[float, float, float]:
    """Sizes in one random network of width 256, in double precision.

    Returns the activation size at the last hidden layer, and first over last of the
    error signal and of the weight gradient.
    """
    import torch

    from actlab import probes
    from actlab.networks import MLP

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(48, 256, dtype=torch.float64, generator=generator)
    y = torch.randint(10, (48,), generator=generator)
    network = MLP([256] * (depth + 1) + [10], f, init, seed=0).double()
    table = probes.snapshot(network, x, y)
    error, weight = table["error_signal_rms"], table["weight_gradient_rms"]
    last = len(table) - 1
    return (
        float(table["activation_rms"][last]),
        float(error[0] / error[last]),
        float(weight[0] / weight[last]),
    )


@claim_check
def relu_needs_the_right_weights() -> str:
    """30 ReLU layers: the error signal dies with the default start, not with He's."""
    _, default, _ = _columns("relu", "default")
    _, he, _ = _columns("relu", "he")
    require(1e-13 < default < 1e-10, f"default start: error signal {default:.1e}")
    require(0.2 < he < 5, f"He's start: error signal {he:.1e}")
    return f"error signal, layer 1 over 30: default {default:.0e}, He {he:.1f}"


@claim_check
def weight_gradients_hide_the_error_signal() -> str:
    """Without biases the weight-gradient ratio is near 1; error signals as before."""
    from actlab import properties

    _, error, ratio = _columns("relu", "default")
    size, error_0, ratio_0 = _columns("relu", "default_zero_bias")
    require(ratio < 1e-7 and 0.1 < ratio_0 < 10, f"ratios {ratio:.0e}, {ratio_0:.1f}")
    require(0.2 < error_0 / error < 5, f"error signals {error:.0e}, {error_0:.0e}")
    require(size < 1e-10, f"without biases the activations keep a size of {size:.0e}")
    for f in ("tanh", "gelu"):
        told = properties.depth_profile(f, 30, "default").error_signal[0]
        seen = _columns(f, "default")[1]
        require(0.3 < seen / told < 3, f"{f}: {seen:.0e}, by the integrals {told:.0e}")
    return (
        f"ratio {ratio:.0e} with biases, {ratio_0:.1f} without; error signal "
        f"{error:.0e} and {error_0:.0e}"
    )


@claim_check
def two_causes_are_one_product() -> str:
    """ReLU with small weights loses to tanh; with larger ones it explodes."""
    from actlab import properties

    relu = _columns("relu", "default")[1]
    tanh = _columns("tanh", "default")[1]
    require(tanh > 1000 * relu, f"tanh {tanh:.0e}, ReLU {relu:.0e}")
    factor = properties.chi_1("relu", 1.0, 4.0)
    require(factor > 1.5, f"gain 2: mean square factor {factor} a layer")
    shrinking = properties.chi_1("relu", 1.0, 1.0)
    require(shrinking < 0.9, f"gain 1: mean square factor {shrinking} a layer")
    return (
        f"default start: tanh keeps {tanh:.0e}, ReLU {relu:.0e}; ReLU's squared factor "
        f"{shrinking:.1f} at gain 1, {factor:.0f} at gain 2"
    )


@claim_check
def hessians_of_output_and_loss() -> str:
    """σ(1−σ)(1−2σ)xxᵀ is the output's second derivative; the loss has σ(1−σ)xxᵀ."""
    import torch
    from torch.nn import functional as F

    torch.manual_seed(0)
    lowest = 1.0
    for _ in range(20):
        x, w = torch.randn(2, 4, dtype=torch.float64)
        outer, s = torch.outer(x, x), torch.sigmoid(w @ x)

        def output(w: torch.Tensor, x: torch.Tensor = x) -> torch.Tensor:
            return torch.sigmoid(w @ x)

        def loss(w: torch.Tensor, x: torch.Tensor = x) -> torch.Tensor:
            return F.softplus(w @ x)  # −log(1 − σ): the loss of class 0

        of_output = torch.autograd.functional.hessian(output, w)
        of_loss = torch.autograd.functional.hessian(loss, w)
        claimed = s * (1 - s) * (1 - 2 * s) * outer
        require(torch.allclose(of_output, claimed), "not the output's Hessian either")
        require(torch.allclose(of_loss, s * (1 - s) * outer), "another loss Hessian")
        require(torch.linalg.eigvalsh(of_loss)[0] > -1e-12, "the loss is not convex")
        lowest = min(lowest, torch.linalg.eigvalsh(of_output)[0].item())
    require(lowest < -1e-3, "the output never curves downwards")
    return (
        f"20 points: loss never curves down, the output does (eigenvalue {lowest:.2f})"
    )


def _surface(name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The sum f(x) + f(y) on [-5, 5]² and the length of its gradient, 100 × 100."""
    import torch

    from actlab import catalogue

    f = catalogue.get(name)
    axis = torch.linspace(-5, 5, 100, dtype=torch.float64)
    x, y = torch.meshgrid(axis, axis, indexing="xy")
    x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
    z = f(x) + f(y)
    dx, dy = torch.autograd.grad(z.sum(), (x, y))
    return x.detach(), y.detach(), z.detach(), (dx**2 + dy**2).sqrt()


@claim_check
def relu_surface_is_zero_where_both_are_negative() -> str:
    """relu(x) + relu(y) is 0 where both inputs are at most 0, and nowhere else."""
    x, y, z, _ = _surface("relu")
    both = (x <= 0) & (y <= 0)
    require(bool((z[both] == 0).all()), "not 0 where both are negative")
    require(bool((z[~both] > 0).all()), "0 where one is positive")
    share = ((x < 0) | (y < 0)).double().mean().item()
    zero = both.double().mean().item()
    return f"0 on {zero:.0%} of the square; on {share:.0%} an input is negative"


@claim_check
def sigmoid_surface_runs_to_two() -> str:
    """σ(x) + σ(y) on [-5, 5]² runs from 0.013 to 1.987; its gradient is ≤ √2/4."""
    _, _, z, length = _surface("sigmoid")
    low, high = z.min().item(), z.max().item()
    require(abs(low - 0.0134) < 1e-3 and abs(high - 1.9866) < 1e-3, f"{low} to {high}")
    steep, flat = length.max().item(), length.min().item()
    require(abs(steep - 2**0.5 / 4) < 1e-3, f"steepest {steep}")
    require(abs(flat - 0.0094) < 1e-3, f"flattest {flat}")
    return f"surface {low:.3f} to {high:.3f}, gradient {flat:.4f} to {steep:.4f}"


@cache
def _gradients(f: str, seed: int = 0) -> list[Tensor]:
    """Weight gradients of the published shape, untrained, one batch of digits."""
    import torch.nn.functional as F
    from torch import nn

    from actlab import datasets
    from actlab.networks import MLP

    digits = datasets.digits()
    network = MLP([64, 256, 192, 128, 64, 10], f, seed=seed)
    output = network(digits.x_train[:128])
    F.cross_entropy(output, digits.y_train[:128]).backward()
    weights = (part.weight for part in network.linears if isinstance(part, nn.Linear))
    return [weight.grad for weight in weights if weight.grad is not None]


def _kurtosis(g: Tensor) -> float:
    g = g.double()
    g = (g - g.mean()) / g.std()
    return (g**4).mean().item()


@claim_check
def sigmoid_gradients_fall_to_1e_5() -> str:
    """Sigmoid at birth: weight gradients near 1e-5 in layer 1, 1e-2 at the output."""
    found = [[g.std().item() for g in _gradients("sigmoid", s)] for s in range(3)]
    first = [row[0] for row in found]
    output = [row[-1] for row in found]
    require(all(1e-6 < v < 5e-5 for v in first), f"layer 1: {first}")
    require(all(5e-3 < v < 1e-1 for v in output), f"output: {output}")
    return (
        f"std in layer 1 {min(first):.0e} to {max(first):.0e}, at the output "
        f"{min(output):.0e} to {max(output):.0e}"
    )


@claim_check
def relu_gradients_span_one_power_of_ten() -> str:
    """ReLU at birth: largest weight gradients ~1e-2 at the output, ~1e-3 in layer 1."""
    first, *_, output = (g.abs().max().item() for g in _gradients("relu"))
    require(3e-4 < first < 3e-2, f"layer 1: {first:.1e}")
    require(2e-3 < output < 1e-1, f"output: {output:.1e}")
    return f"largest in layer 1 {first:.0e}, at the output {output:.0e}"


@claim_check
def zeros_among_gradients_are_silent_units() -> str:
    """ReLU: exact zeros are units silent in the batch, early ones not on all data."""
    from actlab import datasets, probes
    from actlab.networks import MLP

    digits = datasets.digits()
    network = MLP([64, 256, 192, 128, 64, 10], "relu", seed=0)
    widths = (256, 192, 128, 64)

    def predicted(x: Tensor) -> list[float]:
        """Share of weights 2 to 4 that join a unit which is 0 on all of x."""
        silent = probes.dead_units(network, x).counts
        alive = [1 - n / width for n, width in zip(silent, widths, strict=True)]
        return [1 - a * b for a, b in zip(alive, alive[1:], strict=False)]

    zeros = [(g == 0).double().mean().item() for g in _gradients("relu")[1:4]]
    batch, everywhere = predicted(digits.x_train[:128]), predicted(digits.x_train)
    for seen, told in zip(zeros, batch, strict=True):
        require(told - 0.01 < seen < told + 0.08, f"zeros {zeros}, silent {batch}")
    require(everywhere[0] < zeros[0] / 3, f"layer 2: {everywhere[0]:.2f} by dead units")
    elu = max((g == 0).double().mean().item() for g in _gradients("elu"))
    require(elu == 0, f"ELU has {elu:.2f} exact zeros")
    shares = ", ".join(
        f"layer {i} {seen:.0%} ({dead:.0%} by units dead on all data)"
        for i, seen, dead in zip((2, 4), zeros[::2], everywhere[::2], strict=True)
    )
    return f"exact zeros: {shares}; ELU none"


@claim_check
def gelu_gradients_are_not_the_most_normal() -> str:
    """Kurtosis by layer: GELU's are farther from 3 than tanh's and the linear net's."""
    found = {}
    for f in ("gelu", "tanh", "identity"):
        worst = [max(_kurtosis(g) for g in _gradients(f, s)) for s in range(3)]
        found[f] = sum(worst) / len(worst)
    require(found["gelu"] > 4, f"GELU's largest is {found['gelu']:.1f}")
    others = min(found["tanh"], found["identity"])
    require(found["gelu"] > others, f"the others: {found}")
    return "largest kurtosis of a layer: " + ", ".join(
        f"{f} {value:.1f}" for f, value in found.items()
    )


@claim_check
def layers_without_activation_look_like_those_with_tanh() -> str:
    """From layer to layer, gradients change in scale as much with tanh as without."""
    found = {}
    for f in ("identity", "tanh", "elu"):
        stds = [g.std().item() for g in _gradients(f)]
        bulges = [_kurtosis(g) for g in _gradients(f)]
        found[f] = stds[-1] / stds[0], max(bulges)
    ratios = [ratio for ratio, _ in found.values()]
    require(all(2 < ratio < 60 for ratio in ratios), f"scale, output over 1: {ratios}")
    bulges = [bulge for _, bulge in found.values()]
    require(max(bulges) < 3 * min(bulges), f"kurtosis: {bulges}")
    return "output over layer 1: " + ", ".join(
        f"{f} ×{ratio:.0f}" for f, (ratio, _) in found.items()
    )


@claim_check
def thirty_sigmoid_layers_learn_without_their_mean() -> str:
    """Thirty sigmoid layers from seven starts, as tanh, and with a path around."""
    from actlab.statistics import interval

    from .fresh import accuracies

    def row(init: str, variant: str = "", regime: str = "sigmoid") -> Interval:
        """Ten fresh seeds under Adam, at the step that three others chose."""
        where = {"init": init, "variant": variant, "optimiser": "adam"}
        return interval(accuracies(regime, activation="sigmoid", **where))

    plain = ("default", "xavier", "he", "matched", "orthogonal", "xavier_4")
    usual = max(row(init).high for init in plain)
    with_sgd = (accuracies("sigmoid", activation="sigmoid", init=i) for i in plain)
    usual = max(usual, *(interval(values).high for values in with_sgd))
    large, long = row("xavier", "times_10"), row("xavier", "times_10", "longer")
    as_tanh, bridged = row("xavier", "as_tanh"), row("default", "residual_layer_norm")
    require(usual < 20, f"a usual start may reach {usual:.1f} %")
    require(15 < large.low and large.high < long.low, f"Xavier × 10: {large}, {long}")
    require(as_tanh.low > 60, f"started as tanh: {as_tanh}")
    require(bridged.low > 90, f"with path and normalisation: {bridged}")
    from ..ch03.claims import sigmoid_is_repaired_by_start_or_step

    four = sigmoid_is_repaired_by_start_or_step()
    require(four, "four layers were not repaired")
    return (
        f"30 layers: usual starts below {usual:.0f} %, Xavier × 10 {large.mean:.0f} % "
        f"({long.mean:.0f} % in 100 epochs), started as tanh {as_tanh.mean:.0f} %, "
        f"residual path and layer norm {bridged.mean:.0f} %"
    )
