"""Curvature where a network or a request is awkward: a number, or words why none."""

from __future__ import annotations

import copy
import math
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from actlab import curvature
from actlab.curvature import LossSurface
from actlab.networks import Elementwise


def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator("cpu").manual_seed(0)
    return torch.randn(20, 4, generator=generator), torch.arange(20) % 3


def of(activation=None) -> nn.Sequential:
    torch.manual_seed(1)
    if not isinstance(activation, nn.Module):
        activation = Elementwise(activation or torch.tanh)
    return nn.Sequential(nn.Linear(4, 5), activation, nn.Linear(5, 3))


def measured(surface: LossSurface) -> None:
    """Every instrument once."""
    curvature.extreme_eigenvalues(surface)
    curvature.spectral_density(surface, probes=1)
    curvature.slice_1d(surface, points=3)
    surface.jacobian()


def exact_ends(network: nn.Module, x, y) -> list[float]:
    """The ends of the spectrum, by autograd on a copy, twice."""
    network = copy.deepcopy(network).double().eval()
    parameters = list(network.parameters())
    loss = F.cross_entropy(network(x.double()), y)
    gradients = torch.autograd.grad(loss, parameters, create_graph=True)
    rows = []
    for number in torch.cat([g.reshape(-1) for g in gradients]):
        row = torch.autograd.grad(number, parameters, retain_graph=True)
        rows.append(torch.cat([r.reshape(-1) for r in row]))
    values = torch.linalg.eigvalsh(torch.stack(rows))
    return [float(values[0]), float(values[-1])]


def twice(block: nn.Module) -> nn.Sequential:
    torch.manual_seed(2)
    return nn.Sequential(block, nn.Tanh(), block, nn.Tanh(), nn.Linear(4, 3))


class Tied(nn.Module):
    """Two linear maps of one matrix."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.a, self.b, self.out = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)
        self.b.weight = self.a.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(torch.tanh(self.b(torch.tanh(self.a(x)))))


SHARED = {
    "a module twice": lambda: twice(nn.Linear(4, 4)),
    "with a norm, twice": lambda: twice(
        nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    ),
    "one matrix twice": Tied,
}


@pytest.mark.parametrize("name", list(SHARED))
def test_a_network_that_shares_weights_is_measured_and_left_as_it_was(name):
    torch.manual_seed(0)
    network, (x, y) = SHARED[name](), data()
    before = dict(network.named_parameters())
    state = {k: v.clone() for k, v in network.state_dict().items()}
    surface = LossSurface(network, x, y)
    ends = curvature.extreme_eigenvalues(surface)
    assert [ends.low, ends.high] == pytest.approx(exact_ends(network, x, y), rel=1e-6)
    measured(surface)
    after = dict(network.named_parameters())
    assert all(after[key] is before[key] for key in before)
    assert all(torch.equal(state[k], v) for k, v in network.state_dict().items())


@pytest.mark.parametrize(
    "loss",
    [
        lambda out, y: out.sum() * math.nan,
        lambda out, y: out.sum() * 0 + math.inf,
    ],
)
def test_a_loss_that_is_no_number_has_no_curvature(loss):
    surface = LossSurface(of(), *data(), loss=loss)
    for instrument in (
        surface.hessian,
        lambda: curvature.extreme_eigenvalues(surface),
        lambda: curvature.spectral_density(surface),
    ):
        with pytest.raises(FloatingPointError, match="no curvature"):
            instrument()


@pytest.mark.parametrize("what", ["data", "weights", "activation"])
def test_nan_on_the_way_is_said_and_is_no_spectrum(what):
    network, (x, y) = of(), data()
    if what == "data":
        x[3, 1] = math.nan
    elif what == "weights":
        with torch.no_grad():
            network[2].weight[0, 0] = math.inf
    else:  # the loss is finite, its second derivative is not
        network = of(nn.Mish())
        with torch.no_grad():
            network[0].weight *= 1e3
    surface = LossSurface(network, x, y)
    with pytest.raises(FloatingPointError):
        curvature.extreme_eigenvalues(surface)
    with pytest.raises(FloatingPointError):
        curvature.spectral_density(surface)


def test_no_examples_are_refused():
    x, y = data()
    with pytest.raises(ValueError, match="x is empty"):
        LossSurface(of(), x[:0], y[:0])
    with pytest.raises(ValueError, match="x is empty"):
        curvature.ntk(of(), x[:0])
    with pytest.raises(ValueError, match="x_other is empty"):
        curvature.ntk(of(), x, x[:0])


@pytest.mark.parametrize(
    "activation",
    [lambda z: z + torch.randn_like(z), lambda z: F.dropout(z, 0.5, True)],
)
def test_a_network_that_stays_random_is_refused_and_the_generator_stays(activation):
    x, y = data()
    network = of(activation)
    state = torch.get_rng_state()
    for instrument in (
        curvature.extreme_eigenvalues,
        curvature.spectral_density,
        curvature.slice_1d,
        LossSurface.gradient,
        LossSurface.jacobian,
    ):
        with pytest.raises(ValueError, match="random numbers even in evaluation"):
            instrument(LossSurface(network, x, y))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "activation",
    [
        lambda z: torch.tanh(z.detach()),
        lambda z: (z > 0).to(z.dtype),
        torch.no_grad()(torch.tanh),
    ],
)
def test_an_activation_that_leaves_the_graph_is_said(activation):
    x, y = data()
    for instrument in (
        LossSurface.hessian,
        LossSurface.gradient,
        LossSurface.jacobian,
    ):
        surface = LossSurface(of(activation), x, y)
        with pytest.warns(
            UserWarning, match=r"part '1' \(Elementwise\) leaves autograd"
        ):
            instrument(surface)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            instrument(surface)  # said once
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a slice needs no slope
        curvature.slice_1d(LossSurface(of(activation), x, y), points=3)
    wrong = LossSurface(of(), x, y, loss=lambda out, y: (out.argmax(1) != y).sum())
    with pytest.warns(UserWarning, match="the loss leaves autograd's graph"):
        wrong.hessian_product()


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_instruments_work_where_gradients_are_switched_off(around):
    x, y = data()
    network = of()
    expected = exact_ends(network, x, y)
    outside = curvature.lyapunov_exponent(torch.tanh, 1.5, size=20, steps=20)
    with around():
        ends = curvature.extreme_eigenvalues(LossSurface(network, x.clone(), y))
        inside = curvature.lyapunov_exponent(torch.tanh, 1.5, size=20, steps=20)
    assert [ends.low, ends.high] == pytest.approx(expected, rel=1e-6)
    assert inside == outside


# --- products, places and steps ---------------------------------------------------

DIAGONAL = torch.tensor([1.0, 2.0, 3.0, -4.0], dtype=torch.float64)


@pytest.mark.parametrize("size", [1e200, 1e-200, 1.0])
def test_spectra_of_any_size(size):
    ends = curvature.extreme_eigenvalues(lambda v: size * (DIAGONAL * v), size=4)
    assert [ends.low / size, ends.high / size] == pytest.approx([-4, 3])


@pytest.mark.parametrize(
    "product",
    [
        lambda v: torch.roll(v, 1) * torch.arange(50),
        lambda v: torch.cumsum(v, 0),
        lambda v: v + torch.rand(50),
    ],
)
def test_products_of_no_symmetric_matrix_are_refused(product):
    with torch.random.fork_rng():
        for instrument in (curvature.extreme_eigenvalues, curvature.spectral_density):
            with pytest.raises(ValueError, match="one symmetric matrix"):
                instrument(product, size=50)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_product_in_a_short_format_counts_as_symmetric(dtype):
    x, y = data()
    ends = curvature.extreme_eigenvalues(LossSurface(of(), x, y, dtype=dtype))
    assert ends.high == pytest.approx(exact_ends(of(), x, y)[1], rel=0.02)


@pytest.mark.parametrize(
    ("product", "words"),
    [
        (lambda v: v.long(), "int64"),
        (lambda v: v[:2], r"is a tensor of shape \(2,\)"),
        (lambda v: v.sum(), r"is a tensor of shape \(\)"),
        (lambda v: v.numpy(), "is a ndarray"),
    ],
)
def test_what_is_no_product_is_refused(product, words):
    with pytest.raises(ValueError, match=words):
        curvature.extreme_eigenvalues(product, size=4)
    with pytest.raises(FloatingPointError, match="nan or infinite"):
        curvature.spectral_density(lambda v: v * math.nan, size=4)


@pytest.mark.parametrize("tolerance", [-1, math.nan, math.inf])
def test_impossible_requests_to_the_spectrum(tolerance):
    with pytest.raises(ValueError, match="tolerance is"):
        curvature.extreme_eigenvalues(lambda v: v, size=4, tolerance=tolerance)
    with pytest.raises(ValueError, match="size is 0"):
        curvature.extreme_eigenvalues(lambda v: v, size=0)
    with pytest.raises(ValueError, match="steps -1"):
        curvature.spectral_density(lambda v: v, size=4, steps=-1)
    found = curvature.spectral_density(lambda v: v, size=4)
    with pytest.raises(ValueError, match="width is"):
        found.density(np.zeros(1), tolerance)


def test_a_width_is_that_of_numbers():
    along = np.linspace(-1, 1, 5)
    found = curvature.Slice(along, np.array([4.0, 1.0, 0.0, 1.0, 4.0]))
    for rise in (-1.0, math.nan):
        with pytest.raises(ValueError, match="rise is"):
            found.width(rise)
    for middle in (math.nan, math.inf, -math.inf):
        losses = np.array([4.0, 1.0, middle, 1.0, 4.0])
        assert math.isnan(curvature.Slice(along, losses).width(2.0))


def test_directions_have_one_number_per_parameter():
    surface = LossSurface(of(), *data())
    for wrong in (torch.ones(1), torch.tensor(1.0), torch.ones(2, surface.size)):
        with pytest.raises(ValueError, match="a direction of shape"):
            curvature.slice_1d(surface, wrong, points=3)
        with pytest.raises(ValueError, match="a direction of shape"):
            curvature.slice_2d(surface, (wrong, wrong), points=3)
    with pytest.raises(ValueError, match="theta has shape"):
        surface(torch.cat([surface.theta, surface.theta]))
    with pytest.raises(ValueError, match="span is inf"):
        curvature.slice_1d(surface, span=math.inf)


@pytest.mark.parametrize("normalise", ["filter", "layer"])
def test_a_network_of_zeros_has_no_normalised_direction(normalise):
    network = of()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    surface = LossSurface(network, *data())
    with pytest.raises(ValueError, match="leaves a direction of 0"):
        curvature.random_direction(surface, normalise=normalise)
    assert curvature.random_direction(surface, normalise="none").any()


def test_targets_lie_along_the_examples():
    x, _ = data()
    with pytest.raises(ValueError, match="must hold as many"):
        LossSurface(of(), x, torch.zeros(3, 20))()


@pytest.mark.parametrize(
    "gradient", [lambda t: t.sum(), lambda t: t[:1], lambda t: 1.0, lambda t: None]
)
def test_a_gradient_of_another_shape_is_not_spread(gradient):
    with pytest.raises(TypeError, match="of the same shape is needed"):
        curvature.sgld(gradient, torch.zeros(3), lr=0.1, steps=2)


def test_samples_that_nobody_keeps_are_refused_and_no_graph_is_kept():
    with pytest.raises(ValueError, match="no place would be kept"):
        curvature.sgld(lambda t: t, torch.zeros(3), lr=0.1, steps=2, keep_every=3)
    for start in (torch.zeros(3, dtype=torch.long), torch.zeros(0)):
        with pytest.raises(ValueError, match="start holds"):
            curvature.sgld(lambda t: t, start, lr=0.1, steps=2)
    weight = torch.ones(3, requires_grad=True)
    kept = curvature.sgld(lambda t: weight * t, torch.zeros(3), lr=0.1, steps=2)
    assert not kept.requires_grad


@pytest.mark.parametrize(
    ("activation", "words"),
    [
        (lambda x: torch.tanh(x.detach()), "left autograd's graph"),
        (lambda x: (x > 0).double(), "left autograd's graph"),
        (lambda x: x.long(), "left autograd's graph"),
        (lambda x: F.glu(x, 0), "keep the units"),
        (lambda x: x.mean(), "keep the units"),
        (lambda x: None, "keep the units"),
        (lambda x: x.softmax(0), "mixes the units"),
        (lambda x: F.layer_norm(x, x.shape), "mixes the units"),
        (lambda x: x + torch.randn_like(x), "is random"),
        (nn.Dropout(), "is random"),
    ],
)
def test_an_exponent_needs_a_slope_per_unit(activation, words):
    state = torch.get_rng_state()
    with pytest.raises(ValueError, match=words):
        curvature.lyapunov_exponent(activation, 1.5, size=10, steps=5)
    assert torch.equal(torch.get_rng_state(), state)


def test_an_exponent_of_modules_with_weights_and_of_those_that_work_in_place():
    settings = {"size": 10, "steps": 20, "warm_up": 3}
    prelu = nn.PReLU()
    found = curvature.lyapunov_exponent(prelu, 0.5, **settings)
    slope = curvature.lyapunov_exponent(
        lambda x: F.leaky_relu(x, 0.25), 0.5, **settings
    )
    assert found == pytest.approx(slope)
    assert prelu.weight.dtype == torch.float32
    relus = [nn.ReLU(inplace=True), torch.relu]
    one, two = (curvature.lyapunov_exponent(f, 1.0, **settings) for f in relus)
    assert one == two
