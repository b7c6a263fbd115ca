"""Trainable modules: gradients of input and parameters, states, shapes, safety."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from scipy import interpolate
from torch import nn

from actlab import activations, catalogue
from actlab.activations import (
    ENN,
    PELU,
    SGT,
    STAF,
    AdaptiveSigmoid,
    AdaptiveSlope,
    BSpline,
    Derf,
    DyT,
    Fourier,
    KANEdge,
    KANLayer,
    LearnableELU,
    Mixture,
    Rational,
    Snake,
    Swish,
    trainable,
)
from actlab.activations.trainable import siren_


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


MODULES = {
    "DyT": lambda: DyT(0.5, features=5),
    "Derf": lambda: Derf(0.5, 0.25, features=5),
    "Swish": lambda: Swish(1.5, trainable=True),
    "XIELU": lambda: activations.XIELU(),
    "LearnableELU": lambda: LearnableELU(1.5),
    "PELU": lambda: PELU(0.5, 2.0),
    "AdaptiveSigmoid": lambda: AdaptiveSigmoid(2.0, 0.5),
    "AdaptiveSlope": lambda: AdaptiveSlope(torch.sin, n=5.0),
    "SGT": lambda: SGT(1.5, 0.75),
    "Snake": lambda: Snake(3.0),
    "Snake per entry": lambda: Snake(3.0, features=5),
    "STAF": lambda: STAF(3, frequency=3.0, generator=draws()),
    "STAF randn": lambda: STAF(3, start="randn", generator=draws()),
    "Fourier": lambda: Fourier.of([0.1, 0.2, 0.3], [0.4, 0.5], 2.0),
    "ENN": lambda: ENN(4),
    "Rational": lambda: Rational(),
    "Rational 3/3": lambda: Rational([0.1, 0.2, -0.3, 0.4], [0.5, -0.4, 0.3]),
    "BSpline": lambda: BSpline(),
    "BSpline degree 1": lambda: BSpline(4, 1, -1.0, 1.0, "identity"),
    "BSpline degree 2": lambda: BSpline(4, 2, -1.0, 1.0, [0.5, -1, 2, 0.25, 1, 3]),
    "KANEdge": lambda: KANEdge(0.5, 2.0, start=[0.5, -0.5, 0.25] * 3),
    "KANLayer": lambda: KANLayer(5, 2, intervals=3, generator=draws()),
    "Mixture": lambda: Mixture((torch.relu, torch.tanh, torch.sin)),
    "Mixture of all": lambda: Mixture((torch.relu, PELU()), features=5),
}


@pytest.fixture(params=MODULES)
def module(request) -> nn.Module:
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    made = MODULES[request.param]()
    torch.set_default_dtype(usual)
    return made


def inputs() -> torch.Tensor:
    """Two rows of five numbers, on both sides of every end, none of them a kink."""
    return torch.linspace(-4.13, 3.97, 10, dtype=torch.float64).reshape(2, 5)


def test_every_trainable_module_is_in_this_list() -> None:
    learnt = {"DyT", "Derf", "Swish", "XIELU", "Mixture"}
    fixed = {"GCU", "Sine", "siren_"}
    listed = {name.split(" ")[0] for name in MODULES}
    assert listed == learnt | (set(trainable.__all__) - fixed)


def test_gradients_of_input_and_every_parameter(module) -> None:
    names, values = zip(*module.named_parameters())
    given = [value.detach().clone().requires_grad_() for value in values]

    def function(x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(module, dict(zip(names, parameters)), (x,))

    assert torch.autograd.gradcheck(function, (inputs().requires_grad_(), *given))


def test_every_number_learns(module) -> None:
    """One step against the gradient lowers a loss, and moves every parameter tensor."""
    torch.manual_seed(0)
    target = torch.randn(module(inputs()).shape, dtype=torch.float64)
    before = ((module(inputs()) - target) ** 2).mean()
    before.backward()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            assert parameter.grad.isfinite().all() and parameter.grad.any(), name
            parameter -= 1e-4 * parameter.grad
    after = ((module(inputs()) - target) ** 2).mean()
    assert after < before


def test_a_state_can_be_loaded_into_another(module, tmp_path) -> None:
    other = copy.deepcopy(module)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter += torch.rand(parameter.shape, generator=draws())
    assert not torch.equal(other(inputs()), module(inputs()))
    torch.save(module.state_dict(), tmp_path / "state.pt")
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert torch.equal(other(inputs()), module(inputs()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_dtype_and_values_follow_the_input(module, dtype) -> None:
    exact = module(inputs().to(dtype).double()).detach()
    for_dtype = copy.deepcopy(module).to(dtype)
    mixed = copy.deepcopy(module)  # parameters stay in float64
    found = for_dtype(inputs().to(dtype))
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), exact, rtol=0.05, atol=0.1)
    assert mixed(inputs().to(dtype)).dtype == dtype


def test_devices_follow_the_input() -> None:
    """Nothing is made on the processor while the input is elsewhere."""
    for name, make in MODULES.items():
        module = make().to("meta")
        assert module(torch.empty(2, 5, device="meta")).device.type == "meta", name


@pytest.mark.parametrize(
    "module, message",
    [
        (Snake(features=4), r"last axis of x must have size 4.*\(2, 3\)"),
        (DyT(features=4), r"last axis of x must have size 4.*\(2, 3\)"),
        (Derf(features=4), r"last axis of x must have size 4.*\(2, 3\)"),
        (KANLayer(4, 2), r"last axis of x must have size 4.*\(2, 3\)"),
        (Mixture(features=4), r"last axis of x must have size 4.*\(2, 3\)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_wrong_shapes_name_the_axis(module, message) -> None:
    with pytest.raises(ValueError, match=message):
        module(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="last axis"):
        module(torch.tensor(1.0))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: PELU(a=0.0), "a must be a positive number, not 0.0"),
        (lambda: SGT(beta=-1.0), "beta must be a positive number"),
        (lambda: AdaptiveSlope(n=0), "n must not be 0"),
        (lambda: Snake(0.0), "a must not be 0"),
        (lambda: STAF(0), "terms must be at least 1, not 0"),
        (lambda: STAF(start="uniform"), "not 'uniform'"),
        (lambda: STAF.of([1.0], [1.0, 2.0], [0.0]), "omega needs 1 numbers, not 2"),
        (lambda: Fourier(0), "terms must be at least 1"),
        (lambda: ENN(0), "terms must be at least 1"),
        (lambda: Rational([], [1.0]), "at least one coefficient"),
        (lambda: BSpline(0), "intervals must be at least 1"),
        (lambda: BSpline(degree=0), "degree must be at least 1"),
        (lambda: BSpline(low=1.0, high=1.0), "low must be below high"),
        (lambda: BSpline(start="sine"), "not 'sine'"),
        (lambda: BSpline(start=[1.0]), "has 9 coefficients, not 1"),
        (lambda: Mixture(()), "at least one function"),
    ],
)
def test_wrong_values_are_named(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# --- one by one ------------------------------------------------------------------


def test_learnable_elu_survives_what_poisons_the_naive_form() -> None:
    large = torch.tensor([100.0, -100.0], requires_grad=True)
    alpha = torch.tensor(1.5, requires_grad=True)
    naive = torch.where(large > 0, large, alpha * (torch.exp(large) - 1))
    naive.sum().backward()
    assert alpha.grad.isnan() and large.grad.isnan().any()
    large.grad = None
    module = LearnableELU(1.5)
    module(large).sum().backward()
    assert large.grad.tolist() == [1.0, 0.0]
    assert module.alpha.grad.item() == -1.0


def test_staf_starts_with_a_standard_normal_output_for_every_input() -> None:
    places = torch.tensor([-2.0, 0.0, 0.7], dtype=torch.float64)
    random = draws(1)
    with torch.no_grad():
        found = torch.stack(
            [STAF(4, generator=random).double()(places) for _ in range(4000)]
        )
    assert found.mean(0).abs().max() < 0.08
    assert (found.var(0) - 1).abs().max() < 0.12
    assert ((found**4).mean(0) - 3).abs().max() < 0.6
    with torch.no_grad():
        naive = [
            STAF(25, "randn", generator=random)(places.float()) for _ in range(400)
        ]
    assert torch.stack(naive).square().mean() == pytest.approx(12.5, rel=0.25)


def test_enn_starts_as_its_squashed_input() -> None:
    places = torch.linspace(-1, 1, 21)
    gap = (ENN(50)(places) - torch.tanh(places)).abs().max()
    assert gap < 0.01


def test_siren_weights_keep_the_spread_of_the_angle() -> None:
    torch.manual_seed(0)
    first, second = siren_(nn.Linear(4, 9), first=True), siren_(nn.Linear(600, 400))
    assert first.weight.abs().max() <= 0.25
    assert second.weight.abs().max() <= math.sqrt(6 / 600) / 30
    sines = torch.sin(math.pi * (2 * torch.rand(500, 600) - 1))
    angle = 30 * sines @ second.weight.detach().T
    assert angle.std() == pytest.approx(1, abs=0.02)


def test_a_rational_has_no_pole_and_does_not_overflow() -> None:
    # With the unsafe denominator 1 − 3x + x² there were two poles.
    module = Rational([1.0, 2.0], [-3.0, 1.0]).double()
    places = torch.linspace(-10, 10, 4001, dtype=torch.float64)
    expected = (1 + 2 * places) / (1 + (places**2 - 3 * places).abs())
    torch.testing.assert_close(module(places), expected)
    far = torch.tensor([1e30, -1e30, 3e38, -3e38], requires_grad=True)
    result = Rational()(far)
    slope = trainable.LEAKY_NUMERATOR[-1] / trainable.LEAKY_DENOMINATOR[-1]
    torch.testing.assert_close(result, slope * far)
    (gradient,) = torch.autograd.grad(result.sum(), far)
    torch.testing.assert_close(gradient, torch.full((4,), slope))


def test_the_rational_starts_close_to_leaky_relu() -> None:
    places = torch.linspace(-3, 3, 601)
    gap = (Rational()(places) - nn.LeakyReLU(0.01)(places)).abs().max()
    assert gap < 0.034


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_a_spline_is_the_one_of_scipy_with_straight_tails(degree: int) -> None:
    count = 5 + degree
    coefficients = np.random.default_rng(degree).normal(size=count)
    step = 0.8
    module = BSpline(5, degree, -1.5, 2.5, list(coefficients)).double()
    with torch.no_grad():
        module.coefficients.copy_(torch.from_numpy(coefficients))
    knots = -1.5 + step * np.arange(-degree, 6 + degree)
    expected = interpolate.BSpline(knots, coefficients, degree)
    inside = np.linspace(-1.5, 2.5, 100)[:-1]
    found = module(torch.from_numpy(inside)).detach().numpy()
    np.testing.assert_allclose(found, expected(inside), atol=1e-13)
    for end, far in ((-1.5 + 1e-9, -50.0), (2.5 - 1e-9, 50.0)):
        line = expected(end) + expected.derivative()(end) * (far - end)
        tail = module(torch.tensor(far, dtype=torch.float64)).item()
        assert tail == pytest.approx(float(line), rel=1e-6)


def test_a_spline_starts_as_asked_and_learns_a_curve() -> None:
    places = torch.linspace(-6, 6, 101)
    torch.testing.assert_close(BSpline(start="identity")(places), places)
    assert torch.equal(BSpline(start="zero")(places), torch.zeros(101))
    outside = torch.tensor([-9.0, 9.0])
    torch.testing.assert_close(BSpline()(outside), torch.relu(outside))
    module = BSpline(intervals=12)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.1)
    places = torch.linspace(-3, 3, 200)
    for _ in range(150):
        optimiser.zero_grad()
        loss = (module(places) - torch.sin(2 * places)).square().mean()
        loss.backward()
        optimiser.step()
    assert loss < 1e-3


def test_a_kan_layer_adds_the_functions_of_its_edges() -> None:
    layer = KANLayer(3, 2, generator=draws()).double()
    batch = torch.randn(4, 3, dtype=torch.float64, generator=draws(1)) * 3
    expected = torch.zeros(4, 2, dtype=torch.float64)
    for o in range(2):
        for i in range(3):
            edge = KANEdge(layer.w_b[o, i].item(), start=[0.0] * 9).double()
            with torch.no_grad():
                edge.w_b.copy_(layer.w_b[o, i])
                edge.spline.coefficients.copy_(layer.coefficients[o, i])
            expected[:, o] += edge(batch[:, i])
    torch.testing.assert_close(layer(batch), expected)
    assert sum(p.numel() for p in layer.parameters()) == 6 * (9 + 2)
    assert layer(torch.zeros(5, 7, 3, dtype=torch.float64)).shape == (5, 7, 2)


def test_an_adaptive_sigmoid_says_what_weight_and_bias_say() -> None:
    batch = torch.linspace(-3, 3, 13)
    moved = torch.sigmoid(2.0 * batch - 1.0)
    torch.testing.assert_close(AdaptiveSigmoid(2.0, 0.5)(batch), moved)


def test_rows_count_what_they_train() -> None:
    for row in catalogue.family("trainable"):
        if row.coefficients:
            numbers = sum(p.numel() for p in row.make().parameters())
            named = sum(
                int(word) for word in row.coefficients.split() if word.isdigit()
            )
            assert numbers == named + len(row.params), row.key
