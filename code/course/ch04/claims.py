"""What the claims of chapter 04 rest on."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ..claims.checks import claim_check, require


@claim_check
def rrelu_draws_from_an_interval() -> str:
    """RReLU's slopes are uniform on [1/8, 1/3], seeded, and fixed in evaluation."""
    import torch
    from torch import nn

    layer, ones = nn.RReLU(), -torch.ones(100_000, dtype=torch.float64)
    torch.manual_seed(0)
    slopes = -layer(ones)
    torch.manual_seed(0)
    require(torch.equal(slopes, -layer(ones)), "the same seed drew other slopes")
    low, high = slopes.min().item(), slopes.max().item()
    require(1 / 8 <= low < 0.126 and 0.333 < high <= 1 / 3, f"from {low} to {high}")
    # Equal shares in ten parts of the interval: a bell would have few at its ends.
    shares = torch.histc(slopes, 10, 1 / 8, 1 / 3) / len(slopes)
    require((shares - 0.1).abs().max() < 0.01, f"shares by tenths: {shares.tolist()}")
    layer.eval()
    fixed = -layer(ones)
    expected = (1 / 8 + 1 / 3) / 2
    require(
        (fixed - expected).abs().max() < 1e-9, f"in evaluation {fixed[0].item():.4f}"
    )
    return f"slopes {low:.4f} to {high:.4f}, evenly; {expected:.4f} in evaluation"


@claim_check
def elu_and_rrelu_learn_nothing() -> str:
    """nn.ELU and nn.RReLU have no parameters, nn.PReLU has one."""
    from torch import nn

    found = {
        cls.__name__: sum(p.numel() for p in cls().parameters())
        for cls in (nn.ELU, nn.RReLU, nn.PReLU)
    }
    require(found == {"ELU": 0, "RReLU": 0, "PReLU": 1}, f"parameters: {found}")
    return "parameters: " + ", ".join(f"{name} {n}" for name, n in found.items())


@claim_check
def elu_has_a_mean_and_is_no_more_robust() -> str:
    """Means by closed form, integral and draws; noise costs ELU what it costs ReLU."""
    import math

    import torch

    from actlab import catalogue, properties

    from . import harmed

    tail = 0.5 * math.erfc(1 / math.sqrt(2))  # Φ(−1)
    relu = 1 / math.sqrt(2 * math.pi)
    closed = {"relu": relu, "elu": relu + math.sqrt(math.e) * tail - 0.5, "selu": 0.0}
    z = torch.randn(10**6, generator=torch.Generator().manual_seed(0)).double()
    for key, expected in closed.items():
        integral = properties.mean(key)
        drawn = catalogue.get(key)(z).mean().item()
        require(abs(integral - expected) < 1e-7, f"{key}: {integral}, not {expected}")
        require(abs(drawn - expected) < 0.005, f"{key}: a million draws gave {drawn}")
    means = ", ".join(f"{key} {mean:.4f}" for key, mean in closed.items())
    right = {key: _under_noise(key)[1] for key in ("relu", "elu")}
    lead = right["elu"] - right["relu"]
    require(lead < 2, f"with noise, ELU is ahead by {lead:.1f} points")
    more = []
    for optimiser in harmed.OPTIMISERS:
        lost = harmed.against_relu(optimiser, "noise", lost=True)
        elu_row = lost.set_index("activation").loc["elu"]
        more.append(elu_row["difference"])
        ends = f"from {elu_row['low']:+.2f} to {elu_row['high']:+.2f} points"
        within = -1 < elu_row["low"] and elu_row["high"] < 1
        require(within, f"{optimiser}: noise takes {ends} more from ELU than from ReLU")
    return (
        f"{means}; with noise ELU leads ReLU by {lead:+.1f} on digits, "
        f"loses {more[0]:+.1f} and {more[1]:+.1f} points more on fashion"
    )


@claim_check
def the_maximum_form_needs_a_slope_of_at_most_one() -> str:
    """max(ax, x) equals leaky ReLU for a <= 1 and differs for every a above."""
    import torch
    from torch.nn import functional as F

    x = torch.linspace(-3, 3, 61, dtype=torch.float64)
    worst = {}
    for slope in (-0.3, 0.0, 0.01, 1.0, 1.5):
        gap = torch.maximum(slope * x, x) - F.leaky_relu(x, slope)
        worst[slope] = gap.abs().max().item()
    fine = max(gap for slope, gap in worst.items() if slope <= 1)
    require(fine < 1e-12, f"a gap of {fine} at a slope of at most 1")
    require(worst[1.5] > 1, f"slope 1.5 differs by {worst[1.5]} only")
    return f"largest gap {fine:.0f} for slopes up to 1, {worst[1.5]:.1f} at 1.5"


@claim_check
def defaults_of_the_relu_family() -> str:
    """The defaults of LeakyReLU, ELU, PReLU and Softplus, and the threshold's step."""
    import torch
    from torch import nn

    soft = nn.Softplus()
    found = (nn.LeakyReLU().negative_slope, nn.ELU().alpha, nn.PReLU().weight.item())
    require(found == (0.01, 1.0, 0.25), f"slope, alpha, start: {found}")
    require((soft.beta, soft.threshold) == (1, 20), f"{soft}")
    steps = {}
    for beta in (1, 4):
        edge = torch.tensor([20 / beta, 20 / beta + 1e-9], dtype=torch.float64)
        steps[beta], above = (nn.Softplus(beta=beta)(edge) - edge).tolist()
        require(above == 0, f"beta {beta}: the threshold is not compared with beta x")
    require(2e-9 < steps[1] < 2.1e-9, f"the step at 20 is {steps[1]:.2e}")
    return f"0.01, 1, 0.25, 1, 20; the step at x = 20 is {steps[1]:.0e}"


@claim_check
def printed_demonstrations_reproduce() -> str:
    """Inputs that round to the printed ones give the printed outputs, all of them."""
    import torch
    from torch import nn

    Pair = tuple[float, float]
    printed: dict[tuple[Callable[[], nn.Module], Pair], Pair] = {
        (nn.Sigmoid, (-0.1523, 0.2635)): (0.4620, 0.5655),
        (nn.Tanh, (-0.8189, -0.3774)): (-0.6744, -0.3604),
        (lambda: nn.LeakyReLU(0.1), (-0.8189, -0.3774)): (-0.0819, -0.0377),
        (nn.ELU, (-0.8189, -0.3774)): (-0.5591, -0.3143),
        (nn.PReLU, (-0.8189, -0.3774)): (-0.2047, -0.0943),
    }
    for (make, inputs), outputs in printed.items():
        x = torch.tensor(inputs, dtype=torch.float64)
        # Each function is monotone, so the rounding of x bounds that of y.
        low, high = (make().double()(x + side * 5e-5) for side in (-1, 1))
        y = torch.tensor(outputs, dtype=torch.float64)
        fits = (low - 5e-5 <= y) & (y <= high + 5e-5)
        require(bool(fits.all()), f"{make()}: printed {outputs}, got {low.tolist()}")
    return f"{len(printed)} demonstrations agree to the rounding of their inputs"


@claim_check
def softplus_is_relu_within_ln_2() -> str:
    """The gap of softplus to ReLU is at most ln 2, at 0; its slope is the sigmoid."""
    import math

    import torch
    from torch.nn import functional as F

    x = torch.linspace(-15, 15, 30001, dtype=torch.float64).requires_grad_()
    gap = (F.softplus(x) - F.relu(x)).detach()
    (slope,) = torch.autograd.grad(F.softplus(x).sum(), x)
    error = (slope - torch.sigmoid(x.detach())).abs().max().item()
    place = x[gap.argmax()].item()
    require(abs(gap.max().item() - math.log(2)) < 1e-12, f"gap {gap.max().item()}")
    require(abs(place) < 1e-9 and error < 1e-12, f"at {place}, slope off by {error}")
    return f"largest gap {gap.max():.4f} at 0; slope and sigmoid agree to {error:.0e}"


@cache
def _under_noise(name: str) -> tuple[float, float]:
    """Train three networks on the digits.

    Returns the share of zeros among their activations and of right answers to noisy
    test images, both in per cent.
    """
    import torch
    from torch.nn import functional as F

    from actlab import datasets, training
    from actlab.networks import MLP

    def leaky(z: torch.Tensor) -> torch.Tensor:
        return F.leaky_relu(z, 0.25)

    functions: dict[str, Callable[[torch.Tensor], torch.Tensor]]
    functions = {"relu": F.relu, "leaky": leaky, "elu": F.elu}
    digits = datasets.digits()
    random = torch.Generator().manual_seed(1)
    x, y = digits.x_test.repeat(5, 1), digits.y_test.repeat(5)
    x = x + 0.5 * torch.randn(x.shape, generator=random)
    right, zeros = [], []
    for seed in range(3):
        network = MLP([64, 64, 64, 64, 10], functions[name], seed=seed)
        training.fit(
            network, digits, epochs=20, lr=0.05, momentum=0.9, seed=seed, progress=False
        )
        with torch.no_grad():
            right.append((network(x).argmax(1) == y).float().mean().item())
            joints = network.joints(digits.x_test)
        zeros += [(joint.activation == 0).float().mean().item() for joint in joints]
    return 100 * sum(zeros) / len(zeros), 100 * sum(right) / len(right)


@claim_check
def zeros_do_not_make_robust() -> str:
    """Zeros are not needed: digits with noise, Fashion-MNIST with noise or a patch.

    A leak of 0.25 is behind ReLU there with noise, but not for want of zeros.
    """
    from . import harmed
    from .harm import MARGIN
    from .slopes import NEARLY, SLOPES

    zeros, right = _under_noise("relu")
    no_zeros, right_without = _under_noise("leaky")
    require(zeros > 30, f"ReLU gave only {zeros:.0f} % zeros")
    require(no_zeros < 1, f"leaky ReLU gave {no_zeros:.0f} % zeros")
    lead = right - right_without
    require(lead < 2, f"with noise, ReLU is ahead by {lead:.1f} points")
    behind = []
    for optimiser in harmed.OPTIMISERS:
        for harm in ("noise", "patch"):
            told = harmed.verdict(optimiser, harm)
            require(told == "not bought", f"{optimiser}, {harm}: {told}")
            gaps = harmed.against_relu(optimiser, harm).set_index("activation")
            surely = gaps.index[gaps["verdict"] == "smaller"].tolist()
            found = ["leaky_relu"] if harm == "noise" else []
            require(surely == found, f"{optimiser}, {harm}: behind are {surely}")
            if harm == "noise":
                behind.append(-gaps["difference"]["leaky_relu"])
        near, bent = (harmed.slope(optimiser, "noise", slope) for slope in SLOPES)
        require(near.low > -NEARLY, f"{optimiser}: slope 0.01 from {near.low:.2f}")
        require(bent.high > 0, f"{optimiser}: slope -0.25 up to {bent.high:.2f}")
    return (
        f"noisy digits: ReLU ({zeros:.0f} % zeros) {right:.1f} %, leaky "
        f"{right_without:.1f} %; fashion: none {MARGIN:.0f} points behind, "
        f"leaky 0.25 {behind[0]:.1f} and {behind[1]:.1f}, 0.01 not"
    )


def _wakes_by_decay(name: str, spare_bias: bool) -> bool:
    """Whether a unit that is 0 on all data wakes by weight decay alone."""
    import torch
    from torch.nn import functional as F

    x = torch.tensor([1.0, 2.0])
    v = torch.tensor(-2.0, requires_grad=True)
    b = torch.tensor(1.0, requires_grad=True)
    groups = [
        {"params": [v], "weight_decay": 0.1},
        {"params": [b], "weight_decay": 0.0 if spare_bias else 0.1},
    ]
    optimiser = getattr(torch.optim, name)(groups, lr=0.1)
    for _ in range(200):
        optimiser.zero_grad()
        ((F.relu(b + v * x) - 1) ** 2).mean().backward()
        optimiser.step()
    return bool((b + v * x > 0).any())


@claim_check
def a_silent_unit_comes_back() -> str:
    """A unit that is 0 on all data is revived by the layer below it.

    Weight decay revives it as well if it spares the bias, and not if it shrinks weight
    and bias by one factor, since the pre-activation then keeps its sign.
    """
    import torch
    from torch.nn import functional as F

    x = torch.tensor([1.0, 2.0])
    w = torch.tensor(1.0, requires_grad=True)
    v = torch.tensor(-2.0, requires_grad=True)
    units, gradients = [], []
    for _ in range(41):
        below = F.relu(w * x)
        unit = F.relu(1 + v * below)
        units.append(unit.detach())
        loss = ((below - 0.2 * x) ** 2).mean() + ((unit - 1) ** 2).mean()
        gw, gv = torch.autograd.grad(loss, [w, v])
        gradients.append(gv.item())
        with torch.no_grad():
            w -= 0.02 * gw
            v -= 0.02 * gv
    require(not units[0].any() and gradients[0] == 0, "it was not silent at the start")
    require(bool((unit > 0).all()), f"it is still silent: {unit.tolist()}")
    for name in ("SGD", "AdamW"):
        require(_wakes_by_decay(name, True), f"{name}: decay of the weight alone")
        require(not _wakes_by_decay(name, False), f"{name}: decay of both woke it")
    slope = torch.tensor(-10.0, dtype=torch.float64, requires_grad=True)
    (left,) = torch.autograd.grad(torch.tanh(slope), slope)
    require(left > 0, "tanh has slope 0 at -10")
    return f"silent with gradient 0 at the start, {unit.min().item():.2f} at the end"


@claim_check
def a_mean_makes_one_large_eigenvalue() -> str:
    """A mean's share is the largest eigenvalue's; its price, by start and step."""
    import torch

    from actlab import catalogue, properties, studies

    torch.manual_seed(0)
    z = torch.randn(4000, 256, dtype=torch.float64)
    z = z @ torch.randn(256, 256, dtype=torch.float64) / 16
    found = {}
    for key in ("tanh", "elu", "relu", "sigmoid"):
        h = catalogue.get(key)(z)
        sizes = torch.linalg.eigvalsh(h.T @ h)
        share = (sizes[-1] / sizes.sum()).item()
        expected = properties.mean(key) ** 2 / properties.second_moment(key)
        require(
            abs(share - expected) < 0.03,
            f"{key}: the largest eigenvalue has {share:.3f}, its mean {expected:.3f}",
        )
        found[key] = share
    require(found["relu"] > 10 * found["tanh"], f"shares: {found}")
    runs = studies.load("centred").fillna({"variant": "", "train_loss": float("inf")})
    last = runs.groupby(["variant", "lr", "seed"]).tail(1)
    loss = last.groupby(["variant", "lr"])["train_loss"].median()
    for lr, start, path in ((0.1, (1.3, 9), (0.7, 1.4)), (0.3, (1.3, 9), (3, 9))):
        by_start = loss["", lr] / loss["biases", lr]
        by_path = loss["biases", lr] / loss["function", lr]
        require(start[0] < by_start < start[1], f"lr {lr}: start {by_start:.2f}")
        require(path[0] < by_path < path[1], f"lr {lr}: path {by_path:.2f}")
    shares = ", ".join(f"{key} {share:.3f}" for key, share in found.items())
    return (
        f"{shares}; loss at 0.3 ReLU {loss['', 0.3]:.2f}, "
        f"biases {loss['biases', 0.3]:.2f}, centred {loss['function', 0.3]:.2f}"
    )
