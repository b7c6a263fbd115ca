"""The ledger of claims: what other lessons say, what holds, and the check behind it.

``claims.yml`` holds one row per claim. A row whose evidence is ``numeric`` names a
function of this module; it computes something and fails when the verdict does not
hold. ``python -m actlab.claims`` runs them all, ``python -m actlab.claims C-017``
some of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = [
    "CHECKS",
    "EVIDENCE",
    "VERDICTS",
    "Claim",
    "ClaimError",
    "Place",
    "Trial",
    "load",
    "main",
    "run",
    "trials",
]

VERDICTS = ("CORRECT", "IMPRECISE", "WRONG", "UNVERIFIABLE")
EVIDENCE = ("numeric", "derivation", "source", "none")
STATES = ("open", "tested", "settled")


class ClaimError(AssertionError):
    """A check found that a verdict does not hold."""


@dataclass(frozen=True)
class Place:
    """Where a claim is treated: a file of the course and a heading in it."""

    file: str
    heading: str


@dataclass(frozen=True)
class Claim:
    """One row of the ledger.

    id, claim, said_in: number, the claim in its believers' form, who says it.
    verdict: one of ``VERDICTS``. correction: what holds instead, or why it holds.
    evidence: one of ``EVIDENCE``. check: name of the function that proves a numeric
    verdict. references: keys of the bibliography. place: where the course treats it.
    """

    id: str
    claim: str
    said_in: str
    verdict: str
    correction: str
    evidence: str
    place: Place
    check: str | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """A verdict on trial: the sentence, why it is believed, how far the case is."""

    id: str
    verdict: str
    believed_because: str
    state: str
    finding: str
    chapters: tuple[int, ...]
    check: str | None = None


CHECKS: dict[str, Callable[[], str]] = {}


def _check(function: Callable[[], str]) -> Callable[[], str]:
    """Register a check under its name."""
    CHECKS[function.__name__] = function
    return function


def _require(condition: object, otherwise: str) -> None:
    if not condition:
        raise ClaimError(otherwise)


# --- reading the ledger -----------------------------------------------------------


@cache
def _document() -> dict:
    import yaml

    text = resources.files(__package__).joinpath("claims.yml").read_text("utf-8")
    return yaml.safe_load(text)


def load() -> list[Claim]:
    """Return the rows of the ledger, in the order of their numbers."""
    rows = []
    for row in _document()["claims"]:
        place = Place(**row["place"])
        references = tuple(row.get("references", ()))
        rows.append(Claim(**row | {"place": place, "references": references}))
    return sorted(rows, key=lambda row: row.id)


def trials() -> list[Trial]:
    """Return the verdicts on trial, in the order in which they are introduced."""
    rows = _document()["trials"]
    return [Trial(**row | {"chapters": tuple(row["chapters"])}) for row in rows]


def run(claim: Claim | Trial) -> str:
    """Run the check of a claim or trial and return what it found.

    Raises :class:`ClaimError` when the verdict does not hold, ``LookupError`` when
    the check is not there.
    """
    if claim.check is None:
        return f"no computation: {getattr(claim, 'evidence', 'open')}"
    if claim.check not in CHECKS:
        raise LookupError(f"{claim.id} names the check {claim.check!r}: there is none")
    return CHECKS[claim.check]()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks of all claims, or of those named; return 1 if one fails."""
    parser = argparse.ArgumentParser(
        prog="python -m actlab.claims", description=main.__doc__
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="such as C-017")
    wanted = [name.upper() for name in parser.parse_args(arguments).ids]
    rows = {row.id: row for row in [*trials(), *load()]}
    unknown = [name for name in wanted if name not in rows]
    if unknown:
        print(f"no claim {', '.join(unknown)}; there are {', '.join(rows)}")
        return 2
    chosen = [rows[name] for name in wanted] or list(rows.values())
    failed = 0
    for row in chosen:
        try:
            sign, found = "✓" if row.check else "·", run(row)
        except Exception as error:  # one broken check must not hide the others
            sign, found = "✗", f"{type(error).__name__}: {error}"
            failed += 1
        verdict = row.verdict if isinstance(row, Claim) else f"({row.state})"
        print(f"{sign} {row.id:5} {verdict:12} {found}")
    checked = sum(row.check is not None for row in chosen)
    print(f"{checked - failed} of {checked} checks hold.")
    return 1 if failed else 0


# --- chapter 01 -------------------------------------------------------------------


@_check
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
    _require(error < 1e-12, f"three affine layers and one differ by {error:.1e}")
    _require(change > 1e-2, f"ReLU between the layers changed only {change:.1e}")
    return (
        f"three affine layers and one differ by {error:.0e}; with ReLU by {change:.2f}"
    )


@_check
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
        _require(
            rank == min(widths), f"widths {widths} gave rank {rank}, not {min(widths)}"
        )
        found.append(f"{'-'.join(map(str, widths))}: {rank}")
    return "rank of the product: " + "; ".join(found)


@_check
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
    _require(exact == 0, f"relu(x) + relu(-x) differs from |x| by {exact}")
    _require(min(lines) >= 0.5 - 1e-9, f"a line came as close as {min(lines):.3f}")
    return f"error of two ReLU units {exact:.0f}, of the best line {min(lines):.2f}"


@_check
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
    _require(built == 256, f"only {built} of 256 Boolean functions were built")
    _require(
        torch.equal(nand, 1 - bits[:, 0] * bits[:, 1]), "one unit did not give NAND"
    )
    weight = torch.ones(3, requires_grad=True)
    output = (bits @ weight >= 1.5).float()
    _require(not output.requires_grad, "the comparison passed a gradient on")
    return f"{built} of 256 functions of three bits, NAND with one unit, no gradient"


@_check
def tanh_is_no_gate_and_no_probability() -> str:
    """tanh is negative for half of its inputs; the LSTM's forget gate is a sigmoid."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    lowest = torch.tanh(torch.linspace(-3, 3, 101)).min().item()
    _require(lowest < -0.9, f"tanh went no lower than {lowest}")
    cell = nn.LSTMCell(4, 5).double()
    x, h = torch.randn(1, 4).double(), torch.randn(1, 5).double()
    c = torch.randn(1, 5).double()
    jacobian = torch.autograd.functional.jacobian(lambda c: cell(x, (h, c))[1], c)
    gates = x @ cell.weight_ih.T + cell.bias_ih + h @ cell.weight_hh.T + cell.bias_hh
    forget = torch.sigmoid(gates[0, 5:10])
    error = (jacobian[0, :, 0] - torch.diag(forget)).abs().max().item()
    _require(error < 1e-12, f"the Jacobian of the cell is not diag(f): {error:.1e}")
    return (
        f"tanh reaches {lowest:.2f}; LSTM cell: |dc/dc - diag(sigmoid)| = {error:.0e}"
    )


@_check
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
    _require(gap < 1e-6, f"squares differ from the best parabola by {gap:.1e}")
    _require(errors["relu"][-1] < 0.05, f"256 ReLU units left {errors['relu'][-1]:.3f}")
    _require(
        parabola > 0.3, f"the target is too easy: a parabola leaves {parabola:.2f}"
    )
    folds = ", ".join(f"{error:.3f}" for error in errors["relu"])
    return f"squares leave {parabola:.3f} at widths 4, 32, 256; ReLU {folds}"


@_check
def no_activation_is_far_from_guessing() -> str:
    """The recorded network without activations is right far more often than 10 %."""
    from . import studies
    from .statistics import interval

    runs = studies.load("first-look")
    linear = runs[(runs["activation"] == "identity") & (runs["epoch"] == 15)]
    found = []
    for regime, rows in linear.groupby("regime", sort=True):
        lowest = rows["test_accuracy"].min()
        _require(lowest > 70, f"{regime}: one run reached only {lowest:.1f} %")
        found.append(f"{regime} {interval(rows['test_accuracy'])}")
    _require(len(found) > 0, "the study holds no run without activation at epoch 15")
    return "no activation, 15 epochs, % right: " + "; ".join(found)


@_check
def verdict_turns_with_the_step() -> str:
    """No activation keeps up with ReLU at the small step and not at the large one."""
    from . import studies

    runs = studies.load("first-look")
    at_15 = runs[runs["epoch"] == 15]
    means = at_15.groupby(["regime", "activation"])["test_accuracy"].mean()
    small = means["small_step", "relu"] - means["small_step", "identity"]
    large = means["large_step", "relu"] - means["large_step", "identity"]
    _require(small < 1, f"at the small step ReLU leads by {small:.1f} points")
    _require(large > 4, f"at the large step ReLU leads by only {large:.1f} points")
    return f"ReLU minus none: {small:+.1f} points at lr 0.001, {large:+.1f} at lr 0.05"


# --- chapter 02 -------------------------------------------------------------------


@_check
def slope_at_a_kink_is_chosen_by_the_operation() -> str:
    """What autograd returns at each kink of eight functions and three spellings."""
    import torch
    import torch.nn.functional as F

    zero = torch.zeros((), dtype=torch.float64)
    expected = [
        ("relu", F.relu, 0, 0),
        ("leaky_relu", F.leaky_relu, 0, 0.01),
        ("hardtanh", F.hardtanh, -1, 0),
        ("hardtanh", F.hardtanh, 1, 0),
        ("relu6", F.relu6, 0, 0),
        ("relu6", F.relu6, 6, 0),
        ("elu", F.elu, 0, 1),
        ("hardswish", F.hardswish, -3, 0),
        ("hardswish", F.hardswish, 3, 1),
        ("maximum(x, 0)", lambda x: torch.maximum(x, zero), 0, 0.5),
        ("clamp(min=0)", lambda x: x.clamp(min=0), 0, 1),
        ("where(x > 0, x, 0)", lambda x: torch.where(x > 0, x, zero), 0, 0),
    ]
    for name, function, place, slope in expected:
        x = torch.tensor(float(place), dtype=torch.float64, requires_grad=True)
        function(x).backward()
        found = x.grad.item()
        _require(
            abs(found - slope) < 1e-12,
            f"{name} at {place}: autograd gives {found:g}, the ledger says {slope:g}",
        )
    return (
        f"{len(expected)} slopes at kinks as listed; ReLU spelt three ways: 0, 0.5, 1"
    )


@_check
def relu_is_a_ramp() -> str:
    """ReLU is convex and unbounded; an S has two horizontal asymptotes."""
    import torch

    x = torch.linspace(-40, 40, 1601, dtype=torch.float64)
    bend = torch.relu(x).diff(n=2)
    _require(bool((bend >= -1e-12).all()), "ReLU bends downwards somewhere")
    _require(torch.relu(x)[-1] == 40, "ReLU levels off")
    s = torch.sigmoid(x).diff(n=2)
    _require(bool(s.max() > 1e-6 and s.min() < -1e-6), "sigmoid has no inflection")
    return "ReLU bends only upwards and reaches 40 at 40; sigmoid bends both ways"


@_check
def usable_slope_is_enough() -> str:
    """Kinked and non-monotone functions learn the digits; a step gets no gradient."""
    import torch
    import torch.nn.functional as F

    from .datasets import digits
    from .networks import MLP
    from .training import fit

    data, found = digits(), []
    for name, function in [("ReLU", F.relu), ("GELU", F.gelu)]:
        network = MLP((64, 32, 10), function, "default", seed=0)
        result = fit(
            network, data, epochs=8, lr=0.1, momentum=0.9, seed=0, progress=False
        )
        _require(result.accuracy > 85, f"{name} reached only {result.accuracy:.1f} %")
        found.append(f"{name} {result.accuracy:.0f} %")
    x = torch.linspace(-3, 3, 601, dtype=torch.float64)
    falls = F.gelu(x).diff().min().item()
    _require(falls < 0, "GELU is monotone on [-3, 3]")
    left, right = torch.relu(torch.tensor([-1.0, 1.0])).tolist()
    _require(left != -right, "ReLU has the same slope on both sides of 0")
    weight = torch.ones(64, requires_grad=True)
    step = torch.where(data.x_train[:8] @ weight > 0, 1.0, 0.0)
    _require(not step.requires_grad, "a step passed a gradient on")
    return f"with a kink {found[0]}, not monotone {found[1]}, step: no gradient"


@_check
def element_wise_needs_no_axis() -> str:
    """Element-wise Jacobians are diagonal and no axis matters; softmax's is full."""
    import torch
    import torch.nn.functional as F

    torch.manual_seed(0)
    x = torch.randn(3, 4, 5, dtype=torch.float64)
    for function in (torch.sigmoid, torch.tanh, F.relu, F.gelu, F.silu):
        moved = function(x.permute(2, 0, 1)).permute(1, 2, 0)
        _require(torch.equal(moved, function(x)), f"{function} depends on the axes")
        jacobian = torch.autograd.functional.jacobian(function, x[0, 0])
        off = (jacobian - torch.diag(jacobian.diag())).abs().max().item()
        _require(off == 0, f"{function} mixes elements: {off}")
    full = torch.autograd.functional.jacobian(lambda v: v.softmax(0), x[0, 0])
    off = (full - torch.diag(full.diag())).abs().min(), x.softmax(1) - x.softmax(2)
    smallest = full.abs().min().item()
    _require(smallest > 1e-4, f"an entry of softmax's Jacobian is {smallest:.1e}")
    _require(off[1].abs().max() > 0.1, "softmax gives the same along two axes")
    return f"five functions: diagonal; softmax: no entry smaller than {smallest:.3f}"


@_check
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
    _require(abs(edge - 1) < 1e-3, f"the weights reach {edge:.3f}/√fan_in, not 1")
    _require(abs(variance - 1 / 3) < 0.005, f"variance times fan-in is {variance:.3f}")
    _require(spread > 0.2, f"the biases have variance times fan-in {spread:.3f}")
    return f"variance times fan-in {variance:.3f} (He: 2), biases {spread:.3f} (He: 0)"


if __name__ == "__main__":
    # Run as ``actlab.claims``, so that the checks are registered only once.
    from actlab.claims import main as _main

    sys.exit(_main())
