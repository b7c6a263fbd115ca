"""What the claims of chapter 01 rest on."""

from __future__ import annotations

from ..claims.checks import claim_check, require


@claim_check
def affine_layers_collapse() -> str:
    """Two and more affine layers equal one; with ReLU between them they do not."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    layers = [nn.Linear(a, b).double() for a, b in [(6, 9), (9, 7), (7, 4)]]
    x = torch.randn(200, 6, dtype=torch.float64)
    weight, bias = torch.eye(6).double(), torch.zeros(6).double()
    for layer in layers:
        weight, bias = layer.weight @ weight, layer.weight @ bias + layer.bias
    one = x @ weight.T + bias
    error = (nn.Sequential(*layers)(x) - one).abs().max().item()
    folded = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])(x)
    change = (folded - one).abs().max().item()
    require(error < 1e-12, f"three affine layers and one differ by {error:.1e}")
    require(change > 1e-2, f"ReLU between the layers changed only {change:.1e}")
    return (
        f"three affine layers and one differ by {error:.0e}; with ReLU by {change:.2f}"
    )


@claim_check
def rank_is_at_most_the_narrowest_width() -> str:
    """The product of the weights has the rank of the narrowest layer, not more."""
    import torch

    torch.manual_seed(0)
    found = []
    for widths in [(30, 20, 3, 25, 10), (30, 1, 10), (12, 40, 40, 8)]:
        product = torch.eye(widths[0], dtype=torch.float64)
        for fan_in, fan_out in zip(widths, widths[1:]):
            product = torch.randn(fan_out, fan_in, dtype=torch.float64) @ product
        rank = int(torch.linalg.matrix_rank(product))
        require(
            rank == min(widths), f"widths {widths} gave rank {rank}, not {min(widths)}"
        )
        found.append(f"{'-'.join(map(str, widths))}: {rank}")
    return "rank of the product: " + "; ".join(found)


@claim_check
def one_fold_beats_every_line() -> str:
    """|x| is two ReLU units; no affine map comes closer to it than 0.5 on [-1, 1]."""
    import numpy as np
    import torch

    x = np.linspace(-1, 1, 2001)
    t = torch.from_numpy(x)
    exact = np.abs((torch.relu(t) + torch.relu(-t)).numpy() - np.abs(x)).max()
    # The best uniform approximation of |x| by a line is the constant 1/2.
    lines = [
        np.abs(a * x + b - np.abs(x)).max()
        for a in np.linspace(-1, 1, 41)
        for b in np.linspace(-0.5, 1.5, 41)
    ]
    require(exact == 0, f"relu(x) + relu(-x) differs from |x| by {exact}")
    require(min(lines) >= 0.5 - 1e-9, f"a line came as close as {min(lines):.3f}")
    return f"error of two ReLU units {exact:.0f}, of the best line {min(lines):.2f}"


@claim_check
def threshold_units_compute_every_boolean_function() -> str:
    """All 256 functions of three bits by two layers of steps, none with a gradient."""
    import itertools

    import torch

    bits = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3)))

    def step(z: torch.Tensor) -> torch.Tensor:
        return torch.heaviside(z, torch.ones(()))

    built = 0
    for table in itertools.product([0.0, 1.0], repeat=8):
        rows = [row for row, value in zip(bits, table) if value]
        # One hidden unit for each row that must give 1: it fires on that row alone.
        signs = (
            torch.stack([2 * row - 1 for row in rows]) if rows else torch.zeros(1, 3)
        )
        needed = signs.clamp(min=0).sum(1) if rows else torch.ones(1)
        hidden = step(bits @ signs.T - needed)
        output = step(hidden.sum(1) - 1)
        built += bool(torch.equal(output, torch.tensor(table)))
    nand = step(1.5 - bits[:, :2].sum(1))
    require(built == 256, f"only {built} of 256 Boolean functions were built")
    require(
        torch.equal(nand, 1 - bits[:, 0] * bits[:, 1]), "one unit did not give NAND"
    )
    weight = torch.ones(3, requires_grad=True)
    output = (bits @ weight >= 1.5).float()
    require(not output.requires_grad, "the comparison passed a gradient on")
    return f"{built} of 256 functions of three bits, NAND with one unit, no gradient"


@claim_check
def squares_stall_and_folds_do_not() -> str:
    """One hidden layer of x² gives the best parabola at every width; ReLU goes on."""
    import numpy as np

    generator = np.random.default_rng(0)
    x = np.linspace(-1, 1, 801)
    target = np.sin(3 * np.pi * x)

    def best_error(features: np.ndarray) -> float:
        weights, *_ = np.linalg.lstsq(features, target, rcond=1e-12)
        return float(np.sqrt(np.mean((features @ weights - target) ** 2)))

    parabola = best_error(np.stack([np.ones_like(x), x, x**2], axis=1))
    errors: dict[str, list[float]] = {"square": [], "relu": []}
    for width in (4, 32, 256):
        z = np.outer(x, generator.normal(size=width)) + generator.uniform(-1, 1, width)
        ones = np.ones((len(x), 1))
        errors["square"].append(best_error(np.hstack([ones, z**2])))
        errors["relu"].append(best_error(np.hstack([ones, np.maximum(z, 0)])))
    gap = max(abs(error - parabola) for error in errors["square"])
    require(gap < 1e-6, f"squares differ from the best parabola by {gap:.1e}")
    require(errors["relu"][-1] < 0.05, f"256 ReLU units left {errors['relu'][-1]:.3f}")
    require(parabola > 0.3, f"the target is too easy: a parabola leaves {parabola:.2f}")
    folds = ", ".join(f"{error:.3f}" for error in errors["relu"])
    return f"squares leave {parabola:.3f} at widths 4, 32, 256; ReLU {folds}"


@claim_check
def no_activation_is_far_from_guessing() -> str:
    """The recorded network without activations is right far more often than 10 %."""
    from actlab import studies
    from actlab.statistics import interval

    runs = studies.load("first-look")
    linear = runs[(runs["activation"] == "identity") & (runs["epoch"] == 15)]
    found = []
    for regime, rows in linear.groupby("regime", sort=True):
        lowest = rows["test_accuracy"].min()
        require(lowest > 70, f"{regime}: one run reached only {lowest:.1f} %")
        found.append(f"{regime} {interval(rows['test_accuracy'])}")
    require(len(found) > 0, "the study holds no run without activation at epoch 15")
    return "no activation, 15 epochs, % right: " + "; ".join(found)


@claim_check
def verdict_turns_with_the_step() -> str:
    """No activation keeps up at the small step, for a while, and not at its own."""
    from actlab import studies
    from actlab.statistics import paired_difference

    runs = studies.load("first-look")
    at_15 = runs[runs["epoch"] == 15]
    means = at_15.groupby(["regime", "activation"])["test_accuracy"].mean()
    small = means["small_step", "relu"] - means["small_step", "identity"]
    large = means["large_step", "relu"] - means["large_step", "identity"]
    require(small < 1, f"at the small step ReLU leads by {small:.1f} points")
    require(large > 4, f"at the large step ReLU leads by only {large:.1f} points")
    longer = runs[(runs["regime"] == "small_step") & (runs["epoch"] == 45)]
    late = longer.groupby("activation")["test_accuracy"].mean()
    require(late["relu"] > late["identity"] + 1, f"after 45 epochs: {late.to_dict()}")
    finals = studies.final("tuned")
    finals = finals[(finals["regime"] == "final") & (finals["init"] == "default")]
    right = finals.pivot(index="seed", columns="activation", values="test_accuracy")
    lead = paired_difference(right["relu"], right["identity"])
    require(lead.low > 3, f"each at its own rate ReLU leads by {lead.mean:.1f}")
    return (
        f"ReLU minus none: {small:+.1f} points at lr 0.001, {large:+.1f} at lr 0.05, "
        f"{lead.mean:+.1f} each at its own"
    )
