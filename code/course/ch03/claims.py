"""What the claims of chapter 03 rest on."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

from ..claims.checks import claim_check, require


@claim_check
def sigmoid_rises_from_zero_to_one() -> str:
    """Sigmoid rises strictly in float64; float32 reaches 0 and 1."""
    import torch

    x = torch.linspace(-30, 30, 2001, dtype=torch.float64)
    value = torch.sigmoid(x)
    require((value.diff() > 0).all(), "sigmoid does not rise everywhere")
    require(0 < value[0] and value[-1] < 1, "sigmoid leaves (0, 1)")
    places = torch.arange(-95, 20, 0.01, dtype=torch.float32)
    ends = torch.sigmoid(places)
    low, high = places[ends == 0].max().item(), places[ends == 1].min().item()
    require(-89 < low < -88.5, f"float32 reaches 0 at {low:.2f}")
    require(16.5 < high < 17.5, f"float32 reaches 1 at {high:.2f}")
    return f"rising in float64; float32 is 0 from {low:.2f} down, 1 from {high:.2f} up"


@claim_check
def slopes_of_sigmoid_and_tanh() -> str:
    """σ(1 − σ) and 1 − tanh² are the slopes; the largest are ¼ and 1, reached at 0."""
    import torch

    x = torch.linspace(-10, 10, 2001, dtype=torch.float64, requires_grad=True)
    s, t = torch.sigmoid(x), torch.tanh(x)
    for value, slope, top in ((s, s * (1 - s), 0.25), (t, 1 - t**2, 1.0)):
        (found,) = torch.autograd.grad(value.sum(), x, retain_graph=True)
        error = (found - slope).abs().max().item()
        require(error < 1e-12, f"autograd and formula differ by {error:.1e}")
        require(found.max() == top == found[1000], f"the largest slope is not {top}")
        require(found.min() > 0, "a slope is 0")
    up, down = torch.exp(x), torch.exp(-x)
    forms = (
        (up - down) / (up + down),
        (1 - down**2) / (1 + down**2),
        2 / (1 + down**2) - 1,
        1 - 2 / (1 + up**2),
    )
    worst = max((form - t).abs().max().item() for form in forms)
    require(worst < 1e-12, f"the four forms of tanh differ by {worst:.1e}")
    return f"slopes in (0, ¼] and (0, 1]; four forms of tanh within {worst:.0e}"


@claim_check
def newfun_is_tanh_at_another_scale() -> str:
    """2σ(x) − 1 = tanh(x/2); slopes cross at 1.0613; twins need four times the step."""
    import torch
    from scipy.optimize import brentq

    x = torch.linspace(-20, 20, 4001, dtype=torch.float64)
    error = (2 * torch.sigmoid(2 * x) - 1 - torch.tanh(x)).abs().max().item()
    require(error < 1e-15, f"2σ(2x) − 1 and tanh differ by {error:.1e}")
    place = brentq(lambda x: 0.5 * _sech2(x / 2) - _sech2(x), 0.5, 2.0)
    require(abs(place - 1.0613) < 1e-4, f"the slopes cross at {place:.4f}")
    ratio = 0.5 * _sech2(2.0) / _sech2(4.0)
    require(26 < ratio < 27, f"at 4 the ratio of the slopes is {ratio:.1f}")
    apart, together = (_gap_of_twins(factor) for factor in (1.0, 4.0))
    require(apart > 0.1, f"with the same step the twins are {apart:.1e} apart")
    require(together < 1e-9, f"with four times the step they are {together:.1e} apart")
    return (
        f"slopes cross at {place:.4f}, at 4 newfun has {ratio:.0f} times; twins after "
        f"two epochs: {apart:.1f} apart, with 4 × the step {together:.0e}"
    )


def _tanh_of(z: Tensor, scale: float) -> Tensor:
    return (z / scale).tanh()


def _gap_of_twins(factor: float) -> float:
    """How far tanh and newfun, begun as one function, are apart after two epochs."""
    import torch
    from torch.nn.functional import cross_entropy

    from actlab.datasets import digits
    from actlab.networks import MLP

    data = digits()
    x, outputs = data.x_train.double(), []
    for scale, rate in ((1, 0.05), (2, 0.05 * factor)):
        function = partial(_tanh_of, scale=scale)
        net = MLP((64, 64, 64, 10), function, seed=0).double()
        for linear in list(net.linears)[:-1]:
            assert isinstance(linear, torch.nn.Linear)
            linear.weight.data *= scale
            linear.bias.data *= scale
        groups = [
            {"params": linear.parameters(), "lr": rate}
            for linear in list(net.linears)[:-1]
        ]
        groups.append({"params": net.linears[-1].parameters(), "lr": 0.05})
        descent = torch.optim.SGD(groups, lr=rate, momentum=0.8)
        for _ in range(2):
            for batch in torch.arange(len(x)).split(128):
                descent.zero_grad()
                cross_entropy(net(x[batch]), data.y_train[batch]).backward()
                descent.step()
        outputs.append(net(data.x_test.double()).detach())
    return (outputs[0] - outputs[1]).abs().max().item()


def _sech2(x: float) -> float:
    return 1 - math.tanh(x) ** 2


@claim_check
def copied_formulas_give_nan() -> str:
    """Copied tanh, sigmoid and log σ have nan where PyTorch's own have numbers."""
    import torch
    from torch.nn.functional import logsigmoid

    def simple(x: torch.Tensor) -> torch.Tensor:
        return (1 - torch.exp(-2 * x)) / (1 + torch.exp(-2 * x))

    border = [simple(torch.tensor(x)).isnan().item() for x in (-44.3, -44.4)]
    require(border == [False, True], f"tanh_simple at −44.3 and −44.4: {border}")
    cases = {
        "1 − 2/(1 + exp 2x) at 50": (lambda x: 1 - 2 / (1 + torch.exp(2 * x)), 50.0),
        "2/(1 + exp −2x) − 1 at −50": (
            lambda x: 2 / (1 + torch.exp(-2 * x)) - 1,
            -50.0,
        ),
        "1/(1 + exp −x) at −100": (lambda x: 1 / (1 + torch.exp(-x)), -100.0),
    }
    for name, (f, place) in cases.items():
        value, slope = _value_and_slope(f, place)
        require(value in (-1.0, 0.0, 1.0), f"{name}: value {value}")
        require(math.isnan(slope), f"{name}: slope {slope}, not nan")
    for f, place in ((torch.tanh, 50.0), (torch.sigmoid, -100.0), (logsigmoid, -100.0)):
        value, slope = _value_and_slope(f, place)
        require(not math.isnan(slope), f"{f.__name__} at {place}: slope is nan")
    value, slope = _value_and_slope(lambda x: torch.log(torch.sigmoid(x)), -100.0)
    require(value == -math.inf and math.isnan(slope), f"log σ: {value}, {slope}")
    return (
        "nan in tanh below −44.4, in three gradients whose values are right, in log σ"
    )


def _value_and_slope(f: Callable, place: float) -> tuple[float, float]:
    import torch

    x = torch.tensor(place, requires_grad=True)
    value = f(x)
    (slope,) = torch.autograd.grad(value, x)
    return value.item(), slope.item()


@claim_check
def tanh_is_the_identity_near_zero() -> str:
    """tanh(0) is 0, and tanh x differs from x by about x³/3."""
    require(math.tanh(0) == 0, "tanh(0) is not 0")
    gap = -0.1 - math.tanh(-0.1)
    require(abs(gap + 0.1**3 / 3) < 1e-5, f"tanh(−0.1) differs from −0.1 by {gap}")
    return f"tanh(0) = 0, tanh(−0.1) = {math.tanh(-0.1):.4f}"


@claim_check
def sigmoid_is_repaired_by_start_or_step() -> str:
    """Guessing in one cell of sigmoid-repairs, learning in others; not by waiting."""
    from actlab import studies

    rows = studies.summary(studies.load("sigmoid-repairs"))
    rows = rows[rows["activation"] == "sigmoid"]
    mean = rows.set_index(["regime", "init"])["mean"]
    failing = mean["sgd_small", "default"]
    ways = (("sgd_small", "xavier_4"), ("sgd_large", "default"), ("adam", "default"))
    repaired = [mean[way] for way in ways]
    require(failing < 15, f"the failing network has {failing:.1f} %")
    require(min(repaired) > 70, f"the repaired networks have {repaired}")
    longer = studies.load("more-epochs").set_index("epoch")["test_accuracy"]
    waited = longer.loc[300].max()
    require(waited < 15, f"300 epochs alone brought one run to {waited:.1f} %")
    found = ", ".join(f"{value:.1f}" for value in repaired)
    return (
        f"SGD 0.001: {failing:.1f} %; other weights, larger steps, Adam: {found} %; "
        f"digits, 300 epochs: {waited:.1f} %"
    )


@claim_check
def sigmoid_is_a_dyt_and_sorting_draws_an_s() -> str:
    """σ is a DyT with three halves; sorted normal numbers are steep at their ends."""
    import torch

    x = torch.linspace(-20, 20, 4001, dtype=torch.float64)
    error = (torch.sigmoid(x) - 0.5 - 0.5 * torch.tanh(x / 2)).abs().max().item()
    require(error < 1e-15, f"sigmoid and the DyT differ by {error:.1e}")
    drawn = torch.randn(4000, generator=torch.Generator().manual_seed(0)).double() * 1.5

    def ends_by_middle(values: torch.Tensor) -> float:
        """Rise over the outer tenths of the ranks by the rise over the middle fifth."""
        y = values.sort().values
        outer = y[400] - y[0] + y[-1] - y[-401]
        return float(outer / (y[2400] - y[1600]))

    before, after = ends_by_middle(drawn), ends_by_middle(torch.sigmoid(drawn))
    require(before > 4, f"sorted, the ends rise {before:.1f} times the middle")
    require(after < 2, f"after sigmoid they still rise {after:.1f} times")
    return (
        f"gap {error:.0e}; ends rise {before:.1f} times the middle before sigmoid, "
        f"{after:.1f} after"
    )


@claim_check
def tanh_is_no_gate_and_no_probability() -> str:
    """tanh is negative for half of its inputs; the LSTM's forget gate is a sigmoid."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    lowest = torch.tanh(torch.linspace(-3, 3, 101)).min().item()
    require(lowest < -0.9, f"tanh went no lower than {lowest}")
    cell = nn.LSTMCell(4, 5).double()
    x, h = torch.randn(1, 4).double(), torch.randn(1, 5).double()
    c = torch.randn(1, 5).double()
    jacobian = torch.autograd.functional.jacobian(lambda c: cell(x, (h, c))[1], c)
    gates = x @ cell.weight_ih.T + cell.bias_ih + h @ cell.weight_hh.T + cell.bias_hh
    forget = torch.sigmoid(gates[0, 5:10])
    error = (jacobian[0, :, 0] - torch.diag(forget)).abs().max().item()
    require(error < 1e-12, f"the Jacobian of the cell is not diag(f): {error:.1e}")
    return (
        f"tanh reaches {lowest:.2f}; LSTM cell: |dc/dc - diag(sigmoid)| = {error:.0e}"
    )
