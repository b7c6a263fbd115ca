"""What the claims of chapter 11 rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..claims.checks import claim_check, require

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from actlab.curvature import LossSurface

    Loss = Callable[[Tensor, Tensor], Tensor]

# Networks are small and in double precision; limits leave room for other processors.


def _surface(
    activation: str, *, loss: Loss | None = None, seed: int = 0
) -> LossSurface:
    """A small network on 60 digits, and its loss surface."""
    from actlab import curvature, datasets, networks

    digits = datasets.digits()
    network = networks.MLP((64, 5, 5, 10), activation, init="he", seed=seed)
    x, y = digits.x_train[:60], digits.y_train[:60]
    return curvature.LossSurface(network, x, y, loss=loss or "auto")


def _index(surface: LossSurface) -> float:
    """The size of the Hessian over the square of the gradient's length."""
    import torch

    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (32, surface.size), generator=generator) * 2 - 1
    square = surface.hessian_product(signs.double()).square().sum(1).mean()
    return float(square.sqrt() / surface.gradient().square().sum())


@claim_check
def relu_is_convex_in_one_layer_at_a_time() -> str:
    """(ab − 1)² has eigenvalues −1.94 and 1.98; in networks, layer by layer."""
    import torch

    from actlab import curvature

    def loss(weights: torch.Tensor) -> torch.Tensor:
        return (weights[1] * torch.relu(weights[0]) - 1) ** 2

    place = torch.tensor([0.1, 0.1], dtype=torch.float64)
    low, high = torch.linalg.eigvalsh(torch.func.hessian(loss)(place)).tolist()
    require(abs(low + 1.94) < 1e-6 and abs(high - 1.98) < 1e-6, f"{low}, {high}")
    lowest = {}
    for name in ("relu", "gelu"):
        surface = _surface(name)
        lowest[name] = [
            curvature.extreme_eigenvalues(surface, block=block, tolerance=1e-5).low
            for block in ("linears.0", "linears.1", "linears.2", None)
        ]
    require(min(lowest["relu"][:3]) > -1e-3, f"ReLU by layer: {lowest['relu'][:3]}")
    require(lowest["relu"][3] < -0.1, f"ReLU as a whole: {lowest['relu'][3]}")
    require(min(lowest["gelu"][:2]) < -0.01, f"GELU by layer: {lowest['gelu'][:3]}")
    return (
        f"(ab − 1)²: {low:.2f}, {high:.2f}; ReLU net: layers ≥ "
        f"{min(lowest['relu'][:3]):.4f}, whole {lowest['relu'][3]:.1f}; "
        f"GELU layer {min(lowest['gelu'][:2]):.2f}"
    )


@claim_check
def only_normalised_slices_survive_rescaling() -> str:
    """One function, one layer times 10 and the next divided: two pictures or one."""
    import numpy as np

    from actlab import curvature

    surface = _surface("relu")
    twin = surface.theta.clone()
    for name, factor in (
        ("linears.0.weight", 10.0),
        ("linears.0.bias", 10.0),
        ("linears.1.weight", 0.1),
    ):
        twin[surface.blocks[name]] *= factor
    same = float((surface.outputs() - surface.outputs(twin)).abs().max())
    require(same < 1e-9, f"the twin's outputs differ by {same:.1e}")
    gaps = {}
    for how in ("filter", "none"):
        lines = []
        for theta in (surface.theta, twin):
            kept, surface.theta = surface.theta, theta
            line = curvature.slice_1d(surface, normalise=how, points=9, span=1.0)
            surface.theta = kept
            lines.append(line.losses)
        gaps[how] = float(np.abs(lines[0] - lines[1]).max())
    require(gaps["filter"] < 1e-9, f"normalised slices differ by {gaps['filter']:.1e}")
    require(gaps["none"] > 0.05, f"plain slices differ by {gaps['none']:.1e} only")
    # As printed: the direction of each unit has length 1, whatever its weights are.
    printed = curvature.random_direction(surface)
    for name, where in surface.blocks.items():
        if len(surface.shapes[name]) > 1:
            rows = printed[where].reshape(surface.shapes[name][0], -1)
            printed[where] = (rows / rows.norm(dim=1, keepdim=True)).reshape(-1)
    ends = [float(surface(theta + printed)) for theta in (surface.theta, twin)]
    gap = abs(ends[0] - ends[1])
    require(gap > 0.05, f"the printed direction: losses {ends}")
    return (
        f"slices differ by {gap:.2f} as printed, {gaps['none']:.2f} along a plain "
        f"direction, {gaps['filter']:.0e} with ‖θ‖"
    )


@claim_check
def instability_index_has_a_unit() -> str:
    """The index divides by c when the loss is multiplied, and ranks nothing."""
    from torch.nn import functional as F

    def times(c: float) -> Loss:
        return lambda outputs, y: c * F.cross_entropy(outputs, y)

    found = [_index(_surface("relu", loss=times(c))) for c in (1, 2, 10)]
    for c, value in zip((1, 2, 10), found, strict=True):
        require(abs(value * c / found[0] - 1) < 1e-6, f"loss × {c}: {value}")
    order = {
        tuple(sorted(names, key=lambda name: _index(_surface(name, seed=seed))))
        for seed in range(4)
        for names in [("relu", "gelu", "mish")]
    }
    require(len(order) > 1, "the same order in four draws")
    numbers = ", ".join(f"{value:.2f}" for value in found)
    return f"loss × 1, 2, 10: {numbers}; {len(order)} orders in 4 draws"


@claim_check
def leak_lowers_the_tangent_kernel() -> str:
    """λ_min relative to slope 0 in five draws, at 0.01, 0.5 and 1."""
    import numpy as np
    import torch
    from torch import nn

    from actlab import curvature, networks

    rows = []
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        points = torch.randn(12, 3, generator=generator)
        points = points / points.norm(dim=1, keepdim=True)
        row = []
        for slope in (0.0, 0.01, 0.5, 1.0):
            network = networks.MLP((3, 256, 1), nn.LeakyReLU(slope), seed=seed)
            kernel = curvature.ntk(network, points)
            row.append(float(torch.linalg.eigvalsh(kernel)[0]))
        rows.append(row)
    ratios = np.array(rows) / np.array(rows)[:, :1]
    require((ratios[:, 1] < 1).all(), f"slope 0.01: {ratios[:, 1]}")
    require(np.abs(ratios[:, 2] - 0.25).max() < 0.08, f"slope 0.5: {ratios[:, 2]}")
    require(np.abs(ratios[:, 3]).max() < 1e-6, f"slope 1: {ratios[:, 3]}")
    means = ", ".join(f"{abs(mean):.3f}" for mean in ratios.mean(0)[1:])
    return f"λ_min at 0.01, 0.5, 1 relative to slope 0: {means} (5 draws)"


@claim_check
def second_order_expansion_holds() -> str:
    """The error of (11.1) falls with the cube of the step; QΛQᵀ gives H back."""
    import torch

    surface = _surface("gelu")
    hessian = surface.hessian()
    values, vectors = torch.linalg.eigh(hessian)
    back = float((vectors @ torch.diag(values) @ vectors.T - hessian).abs().max())
    require(back < 1e-9, f"QΛQᵀ is off by {back:.1e}")
    generator = torch.Generator().manual_seed(0)
    step = torch.randn(surface.size, generator=generator, dtype=torch.float64)
    slope, bend = surface.gradient() @ step, step @ hessian @ step
    errors = []
    for size in (0.01, 0.005):
        moved = surface(surface.theta + size * step)
        guess = surface() + size * slope + size**2 / 2 * bend
        errors.append(abs(float(moved - guess)))
    ratio = errors[0] / errors[1]
    require(6 < ratio < 10, f"half the step, error divided by {ratio:.1f}")
    return f"QΛQᵀ off by {back:.0e}; half the step divides the error by {ratio:.1f}"
