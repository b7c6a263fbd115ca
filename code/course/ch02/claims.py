"""What the claims of chapter 02 rest on."""

from __future__ import annotations

from collections.abc import Callable

from ..claims.checks import claim_check, require

SPELLINGS = ["relu", "maximum(x, 0)", "clamp(min=0)", "where(x > 0, x, 0)"]


@claim_check
def slope_at_a_kink_is_chosen_by_the_operation() -> str:
    """What autograd returns at each kink of the table, in the PyTorch that runs."""
    from . import ties

    running, found = ties.release(), {}
    for tie in ties.ties():
        slope, listed = tie.measured(), tie.expected(running)
        require(
            listed is None or abs(slope - listed) < 1e-12,
            f"{tie.name} at {tie.at:g}: autograd gives {slope:g}, the table says "
            f"{listed}",
        )
        found[tie.name] = slope
    spelt = ", ".join(f"{found[name]:g}" for name in SPELLINGS)
    name = "{}.{}".format(*running)
    known = "as listed" if running <= ties.NEWEST else "not listed yet"
    return f"slopes at {len(ties.ties())} kinks {known}; PyTorch {name}, ReLU: {spelt}"


@claim_check
def relu_is_a_ramp() -> str:
    """ReLU is convex and unbounded; an S has two horizontal asymptotes."""
    import torch

    x = torch.linspace(-40, 40, 1601, dtype=torch.float64)
    bend = torch.relu(x).diff(n=2)
    require(bool((bend >= -1e-12).all()), "ReLU bends downwards somewhere")
    require(torch.relu(x)[-1] == 40, "ReLU levels off")
    s = torch.sigmoid(x).diff(n=2)
    require(bool(s.max() > 1e-6 and s.min() < -1e-6), "sigmoid has no inflection")
    return "ReLU bends only upwards and reaches 40 at 40; sigmoid bends both ways"


@claim_check
def usable_slope_is_enough() -> str:
    """Kinked and non-monotone functions learn the digits; a step gets no gradient."""
    import torch
    import torch.nn.functional as F

    from actlab.datasets import digits
    from actlab.networks import MLP
    from actlab.training import fit

    data, found = digits(), []
    functions: dict[str, Callable[[torch.Tensor], torch.Tensor]]
    functions = {"ReLU": F.relu, "GELU": F.gelu}
    for name, function in functions.items():
        network = MLP((64, 32, 10), function, "default", seed=0)
        result = fit(
            network, data, epochs=8, lr=0.1, momentum=0.9, seed=0, progress=False
        )
        require(result.accuracy > 85, f"{name} reached only {result.accuracy:.1f} %")
        found.append(f"{name} {result.accuracy:.0f} %")
    x = torch.linspace(-3, 3, 601, dtype=torch.float64)
    falls = F.gelu(x).diff().min().item()
    require(falls < 0, "GELU is monotone on [-3, 3]")
    left, right = torch.relu(torch.tensor([-1.0, 1.0])).tolist()
    require(left != -right, "ReLU has the same slope on both sides of 0")
    weight = torch.ones(64, requires_grad=True)
    step = torch.where(data.x_train[:8] @ weight > 0, 1.0, 0.0)
    require(not step.requires_grad, "a step passed a gradient on")
    return f"with a kink {found[0]}, not monotone {found[1]}, step: no gradient"


@claim_check
def element_wise_needs_no_axis() -> str:
    """Element-wise Jacobians are diagonal and no axis matters; softmax's is full."""
    import torch
    import torch.nn.functional as F

    torch.manual_seed(0)
    x = torch.randn(3, 4, 5, dtype=torch.float64)
    for function in (torch.sigmoid, torch.tanh, F.relu, F.gelu, F.silu):
        moved = function(x.permute(2, 0, 1)).permute(1, 2, 0)
        require(torch.equal(moved, function(x)), f"{function} depends on the axes")
        jacobian = torch.autograd.functional.jacobian(function, x[0, 0])
        off = (jacobian - torch.diag(jacobian.diag())).abs().max().item()
        require(off == 0, f"{function} mixes elements: {off}")
    full = torch.autograd.functional.jacobian(lambda v: v.softmax(0), x[0, 0])
    off = (full - torch.diag(full.diag())).abs().min(), x.softmax(1) - x.softmax(2)
    smallest = full.abs().min().item()
    require(smallest > 1e-4, f"an entry of softmax's Jacobian is {smallest:.1e}")
    require(off[1].abs().max() > 0.1, "softmax gives the same along two axes")
    return f"five functions: diagonal; softmax: no entry smaller than {smallest:.3f}"


@claim_check
def default_weights_are_not_he() -> str:
    """A fresh nn.Linear has weights of variance 1/(3 fan_in) and random biases."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    fan_in = 400
    layers = [nn.Linear(fan_in, 400) for _ in range(4)]
    weights = torch.stack([layer.weight.detach() for layer in layers])
    biases = torch.stack([layer.bias.detach() for layer in layers])
    edge = weights.abs().max().item() * fan_in**0.5
    variance = weights.var().item() * fan_in
    spread = biases.var().item() * fan_in
    require(abs(edge - 1) < 1e-3, f"the weights reach {edge:.3f}/√fan_in, not 1")
    require(abs(variance - 1 / 3) < 0.005, f"variance times fan-in is {variance:.3f}")
    require(spread > 0.2, f"the biases have variance times fan-in {spread:.3f}")
    return f"variance times fan-in {variance:.3f} (He: 2), biases {spread:.3f} (He: 0)"
