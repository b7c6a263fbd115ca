"""Curvature: agreement with exact matrices, untouched networks, clear refusals."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from actlab import catalogue, curvature
from actlab.curvature import LossSurface, TooLargeError, limits
from actlab.networks import MLP


def examples(n=40, inputs=4, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, inputs, generator=generator)
    return x, torch.randint(0, classes, (n,), generator=generator)


def normal(*shape, seed=5):
    """Standard normal numbers in double precision."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def small(activation="tanh", seed=0, sizes=(4, 6, 5, 3)):
    """A surface of under a hundred parameters."""
    return LossSurface(MLP(sizes, activation, seed=seed), *examples())


class Awkward(nn.Module):
    """Everything that an instrument might change: buffers, flags, tied weights."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.drop = nn.Dropout(0.5)
        self.slope = nn.PReLU()
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.last = nn.Linear(4, 3)
        self.frozen = nn.Parameter(torch.ones(3), requires_grad=False)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        x = self.drop(self.slope(self.norm(self.first(x))))
        return self.last(F.relu(self.second(x), inplace=True)) * self.frozen


# --- the surface ------------------------------------------------------------------


def test_loss_and_gradient_are_those_of_backward():
    network = MLP((4, 6, 3), "gelu", seed=1)
    x, y = examples()
    surface = LossSurface(network, x, y)
    reference = copy.deepcopy(network).double()
    loss = F.cross_entropy(reference(x.double()), y)
    loss.backward()
    gradient = torch.cat([p.grad.reshape(-1) for p in reference.parameters()])
    assert surface().item() == pytest.approx(loss.item(), rel=1e-12)
    torch.testing.assert_close(surface.gradient(), gradient)


@pytest.mark.parametrize(
    "key", ["relu", "leaky_relu", "gelu", "mish", "swish", "elu", "selu", "tanh",
            "sigmoid", "softplus", "telu", "hardswish", "prelu"]
)  # fmt: skip
def test_products_agree_with_the_exact_hessian(key):
    surface = small(key)
    exact = torch.autograd.functional.hessian(surface, surface.theta)
    torch.testing.assert_close(surface.hessian(), exact, rtol=1e-9, atol=1e-11)
    v = normal(3, surface.size)
    torch.testing.assert_close(surface.hessian_product(v), v @ exact)
    torch.testing.assert_close(surface.hessian_product(v[0]), v[0] @ exact)


def test_every_scalar_function_of_the_catalogue_can_be_differentiated_twice():
    x = torch.linspace(-2.9, 3.1, 21, dtype=torch.float64)
    x = torch.stack([x, x], 1)
    for key, activation in catalogue.CATALOGUE.items():
        if activation.kind != "scalar" or key == "step":
            continue
        network = nn.Sequential(nn.Linear(2, 3), activation.make(), nn.Linear(3, 1))
        surface = LossSurface(network, x, torch.zeros(21))
        if key == "hardsigmoid":
            with pytest.raises(NotImplementedError, match="clamp or where"):
                surface.hessian_product(torch.ones(surface.size))
            continue
        product = surface.hessian_product(torch.ones(surface.size))
        assert torch.isfinite(product).all(), key


def test_product_agrees_with_differences_of_gradients():
    surface = small("gelu")
    v = normal(surface.size)
    h = 1e-5
    ahead = surface.gradient(surface.theta + h * v)
    behind = surface.gradient(surface.theta - h * v)
    torch.testing.assert_close(
        surface.hessian_product(v), (ahead - behind) / (2 * h), rtol=1e-6, atol=1e-8
    )


def test_block_is_part_of_the_whole():
    surface = small("relu")
    where = surface.blocks["linears.1.weight"]
    block = surface.hessian(block="linears.1.weight")
    whole = surface.hessian()
    torch.testing.assert_close(block, whole[where, where])
    where = slice(where.start, surface.blocks["linears.1.bias"].stop)
    layer = surface.hessian(block="linears.1")
    torch.testing.assert_close(layer, whole[where, where])
    exact = torch.linalg.eigvalsh(layer)
    found = curvature.extreme_eigenvalues(surface, block="linears.1")
    assert found.high == pytest.approx(exact[-1].item(), rel=1e-5)
    assert found.low == pytest.approx(exact[0].item(), abs=1e-5)
    with pytest.raises(ValueError, match="there are linears.0.weight"):
        surface.hessian(block="weight")


def test_losses_by_name_and_by_function():
    network, (x, y) = MLP((4, 3), None, seed=0), examples()
    surface = LossSurface(network, x, y, loss="mse")
    wanted = ((network(x) - F.one_hot(y, 3)) ** 2).mean().item()
    assert surface().item() == pytest.approx(wanted, rel=1e-6)
    ten = LossSurface(network, x, y, loss=lambda out, y: 10 * F.cross_entropy(out, y))
    assert ten().item() == pytest.approx(10 * LossSurface(network, x, y)().item())
    with pytest.raises(ValueError, match="unknown loss 'hinge'"):
        LossSurface(network, x, y, loss="hinge")
    with pytest.raises(ValueError, match="whole-number"):
        LossSurface(network, x, y.float(), loss="cross_entropy")
    with pytest.raises(ValueError, match="as many numbers"):
        LossSurface(network, x, y.float())()
    with pytest.raises(ValueError, match="no parameters"):
        LossSurface(nn.ReLU(), x, y)
    with pytest.raises(ValueError, match=r"15 numbers is needed.*\(4,\)"):
        surface.hessian_product(torch.ones(4))


# --- nothing is changed -----------------------------------------------------------


INSTRUMENTS = {
    "gradient": lambda s: s.gradient(),
    "product": lambda s: s.hessian_product(torch.ones(s.size)),
    "hessian": lambda s: s.hessian(),
    "extremes": lambda s: curvature.extreme_eigenvalues(s),
    "density": lambda s: curvature.spectral_density(s, steps=8, probes=2),
    "ntk": lambda s: curvature.ntk(s.network, s.x[:5].float()),
    "slice": lambda s: curvature.slice_1d(s, points=3),
    "plane": lambda s: curvature.slice_2d(s, points=3),
    "sgld": lambda s: curvature.sgld(s.gradient, s.theta, lr=0.1, steps=3),
}


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_network_is_left_bit_identical(name):
    network = Awkward()
    network.drop.eval()  # flags that differ from module to module
    x, y = examples()
    F.cross_entropy(network(x), y).backward()
    before = copy.deepcopy(network.state_dict())
    gradients = {n: p.grad for n, p in network.named_parameters()}
    kept = {n: g.clone() for n, g in gradients.items() if g is not None}
    flags = [module.training for module in network.modules()]
    grads_wanted = [p.requires_grad for p in network.parameters()]
    random_state = torch.get_rng_state()
    INSTRUMENTS[name](LossSurface(network, x, y))
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key
    for key, parameter in network.named_parameters():
        assert parameter.grad is gradients[key], key
        assert parameter.grad is None or torch.equal(parameter.grad, kept[key]), key
    assert flags == [module.training for module in network.modules()]
    assert grads_wanted == [p.requires_grad for p in network.parameters()]
    assert torch.equal(random_state, torch.get_rng_state())


def test_dropout_is_off_while_the_surface_is_measured():
    """In training mode the loss would be another one at each call."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.5), nn.Linear(16, 2))
    x, y = torch.randn(12, 4), torch.randint(2, (12,))
    surface = LossSurface(network.train(), x, y)
    direction = torch.randn(len(surface.theta), dtype=surface.theta.dtype)
    first, again = (surface.hessian_product(direction) for _ in range(2))
    assert torch.equal(first, again) and surface().item() == surface().item()
    whole = nn.functional.cross_entropy(network.eval()(x), y).item()
    assert surface().item() == pytest.approx(whole, rel=1e-5)


def test_flags_come_back_when_the_network_raises():
    class Fails(nn.Linear):
        def forward(self, x):
            raise RuntimeError("no")

    network = nn.Sequential(Fails(4, 3))
    with pytest.raises(RuntimeError, match="no"):
        LossSurface(network, *examples())()
    assert network.training and network[0].training


def test_surface_keeps_its_own_copy():
    network = MLP((4, 3), None, seed=0)
    surface = LossSurface(network, *examples())
    value = surface().item()
    with torch.no_grad():
        network.linears[0].weight.add_(1)
    assert surface().item() == value


# --- eigenvalues ------------------------------------------------------------------


@pytest.mark.parametrize("key", ["relu", "gelu", "tanh", "mish"])
def test_extremes_agree_with_the_exact_ones(key):
    surface = small(key, sizes=(4, 8, 8, 3))
    exact = torch.linalg.eigvalsh(surface.hessian())
    found = curvature.extreme_eigenvalues(surface)
    scale = exact.abs().max()
    assert abs(found.high - exact[-1]) <= 1e-5 * scale
    assert abs(found.low - exact[0]) <= 1e-5 * scale
    assert found.products < surface.size
    image = surface.hessian_product(found.top)
    assert (image - found.high * found.top).norm() <= 1e-4 * scale


def test_density_agrees_with_the_exact_spectrum():
    surface = small("gelu", sizes=(4, 8, 8, 3))
    exact = torch.linalg.eigvalsh(surface.hessian()).numpy()
    spectrum = curvature.spectral_density(surface, steps=60, probes=24)
    scale = np.abs(exact).max()
    assert spectrum.mass == pytest.approx(1, abs=1e-5)
    assert abs(spectrum.high - exact[-1]) <= 1e-5 * scale
    assert abs(spectrum.low - exact[0]) <= 1e-5 * scale
    # random signs: the variance of one probe's trace is below twice the square sum
    error = math.sqrt(2 * np.square(exact).sum() / 24)
    assert abs(spectrum.trace - exact.sum()) < 4 * error
    assert spectrum.frobenius == pytest.approx(np.linalg.norm(exact), rel=0.2)
    grid = np.linspace(exact[0] - 1, exact[-1] + 1, 4001)
    density = spectrum.density(grid, 0.02)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-5)
    small_ones = float((np.abs(exact) < 0.01 * scale).mean())
    share = spectrum.share(-0.01 * scale, 0.01 * scale)
    assert share == pytest.approx(small_ones, abs=0.1)


def test_full_run_gives_every_eigenvalue_once():
    # eigenvalues over six decades: without orthogonalisation they come back doubled
    exact = torch.cat([torch.logspace(-3, 3, 59), torch.tensor([-5.0])]).double()
    turn, _ = torch.linalg.qr(normal(60, 60))
    matrix = turn @ torch.diag(exact) @ turn.T
    matrix = (matrix + matrix.T) / 2
    wanted = torch.linalg.eigvalsh(matrix).numpy()
    spectrum = curvature.spectral_density(
        lambda v: matrix @ v, size=60, steps=60, probes=1
    )
    np.testing.assert_allclose(np.sort(spectrum.nodes[0]), wanted, atol=1e-9)
    _, _, basis = curvature.lanczos(lambda v: matrix @ v, torch.ones(60).double(), 60)
    torch.testing.assert_close(basis @ basis.T, torch.eye(len(basis)).double())


def test_basis_that_closes_ends_the_run():
    diagonal = torch.tensor([3.0, 3.0, 3.0, -1.0, -1.0]).double()
    found = curvature.extreme_eigenvalues(lambda v: diagonal * v, size=5)
    assert (found.low, found.high) == (pytest.approx(-1), pytest.approx(3))
    assert found.products <= 3
    spectrum = curvature.spectral_density(lambda v: diagonal * v, size=5, probes=3)
    assert spectrum.mass == pytest.approx(1)
    assert spectrum.share(high=0) == pytest.approx(0.4)
    assert spectrum.trace == pytest.approx(7)
    zero = curvature.extreme_eigenvalues(lambda v: 0 * v, size=4)
    assert (zero.low, zero.high) == (0, 0)


def test_bad_requests_to_lanczos():
    with pytest.raises(ValueError, match="size="):
        curvature.extreme_eigenvalues(lambda v: v)
    with pytest.raises(TypeError, match="LossSurface"):
        curvature.spectral_density(3)
    with pytest.raises(ValueError, match="probes is 0"):
        curvature.spectral_density(lambda v: v, size=3, probes=0)
    with pytest.raises(ValueError, match="steps is 0"):
        curvature.lanczos(lambda v: v, torch.ones(3), 0)
    with pytest.raises(ValueError, match="not zero"):
        curvature.lanczos(lambda v: v, torch.zeros(3), 2)
    with pytest.raises(ValueError, match="width is 0"):
        small = curvature.spectral_density(lambda v: v, size=3)
        small.density([0.0], 0)


# --- tangent kernel ---------------------------------------------------------------


def test_kernel_of_a_linear_model_is_known():
    x, other = examples(7)[0], examples(5, seed=1)[0]
    a, b = x.double(), other.double()
    # f(x) = Wx + b: each output has derivative x by its weights and 1 by its bias
    kernel = curvature.ntk(nn.Linear(4, 3), x, other)
    torch.testing.assert_close(kernel, (a @ b.T + 1))
    full = curvature.ntk(nn.Linear(4, 3), x, outputs="full")
    wanted = torch.kron((a @ a.T + 1), torch.eye(3).double())
    torch.testing.assert_close(full, wanted)
    torch.testing.assert_close(curvature.ntk(nn.Linear(4, 3), x), (a @ a.T + 1))


def test_kernel_predicts_a_small_step():
    network = MLP((4, 8, 1), "gelu", seed=0).double()
    x = examples(6)[0].double()
    kernel = curvature.ntk(network, x)
    before = network(x).detach()
    network(x[:1]).sum().backward()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 1e-6 * parameter.grad
        change = (network(x) - before)[:, 0] / 1e-6
    torch.testing.assert_close(change, kernel[:, 0], rtol=1e-4, atol=1e-5)


def test_kernel_of_leaky_networks_falls_with_the_slope():
    # wide networks: smallest eigenvalue in proportion to (1 - slope)²
    x = F.normalize(examples(12, inputs=3)[0], dim=1)

    def smallest(slope):
        network = MLP((3, 1024, 1), nn.LeakyReLU(slope), seed=0)
        return torch.linalg.eigvalsh(curvature.ntk(network, x))[0].item()

    at_zero = smallest(0.0)
    assert smallest(0.5) == pytest.approx(at_zero / 4, rel=0.1)
    assert smallest(-1.0) == pytest.approx(4 * at_zero, rel=0.1)
    assert abs(smallest(1.0)) < 1e-9
    with pytest.raises(ValueError, match="'sum'"):
        curvature.ntk(nn.Linear(3, 1), x, outputs="sum")


# --- slices -----------------------------------------------------------------------


def rescaled(network, factor):
    """The same function: the first layer times a factor, the second divided by it."""
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.linears[0].weight *= factor
        other.linears[0].bias *= factor
        other.linears[1].weight /= factor
    return other


def test_filter_normalisation_gives_each_unit_its_own_length():
    surface = small("relu")
    direction = curvature.random_direction(surface, seed=3)
    for name, where in surface.blocks.items():
        drawn = direction[where].reshape(surface.shapes[name])
        weights = surface.theta[where].reshape(surface.shapes[name])
        if name.endswith("bias"):
            assert not drawn.any()
        else:
            torch.testing.assert_close(drawn.norm(dim=1), weights.norm(dim=1))
    whole = curvature.random_direction(surface, normalise="none", seed=3)
    assert whole.norm().item() == pytest.approx(1)
    layer = curvature.random_direction(surface, normalise="layer", seed=3)
    where = surface.blocks["linears.0.weight"]
    assert layer[where].norm() == pytest.approx(surface.theta[where].norm().item())
    with pytest.raises(ValueError, match="'filters'"):
        curvature.random_direction(surface, normalise="filters")


def test_channels_are_the_filters_of_a_convolution():
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 2))
    x = normal(5, 2, 4, 4)
    surface = LossSurface(network, x, torch.tensor([0, 1, 0, 1, 0]))
    direction = curvature.random_direction(surface)[surface.blocks["0.weight"]]
    lengths = direction.reshape(3, -1).norm(dim=1)
    wanted = network[0].weight.detach().double().reshape(3, -1).norm(dim=1)
    torch.testing.assert_close(lengths, wanted)


def test_only_normalised_slices_survive_rescaling():
    network = MLP((4, 8, 3), "relu", seed=0)
    same = rescaled(network, 8.0)
    x, y = examples()
    torch.testing.assert_close(same(x), network(x))
    pairs = {}
    for how in curvature.NORMALISATIONS:
        both = [
            curvature.slice_1d(LossSurface(n, x, y), normalise=how, points=9).losses
            for n in (network, same)
        ]
        pairs[how] = np.abs(both[0] - both[1]).max()
    assert pairs["filter"] < 1e-6 and pairs["layer"] < 1e-6
    assert pairs["none"] > 0.01


def test_slices_pass_through_the_network():
    surface = small("tanh")
    line = curvature.slice_1d(surface, points=5, span=0.5)
    assert line.along.tolist() == [-0.5, -0.25, 0, 0.25, 0.5]
    assert line.losses[2] == pytest.approx(surface().item())
    plane = curvature.slice_2d(surface, points=5, span=0.5)
    np.testing.assert_allclose(plane.losses[2], line.losses)
    direction = torch.ones(surface.size, dtype=torch.float64)
    given = curvature.slice_1d(surface, direction, points=3, span=0.1)
    moved = surface(surface.theta + 0.1).item()
    assert given.losses[-1] == pytest.approx(moved)


def test_width_of_a_slice():
    along = np.linspace(-3, 3, 7)
    parabola = curvature.Slice(along, along**2)
    assert parabola.width(4.0) == pytest.approx(4)
    assert parabola.width(2.5) == pytest.approx(2 * 1.5)
    assert parabola.width(100) == math.inf


@pytest.mark.parametrize(
    "settings, words", [({"points": 4}, "odd"), ({"span": 0}, "span is 0")]
)
def test_impossible_slices(settings, words):
    for instrument in (curvature.slice_1d, curvature.slice_2d):
        with pytest.raises(ValueError, match=words):
            instrument(small(), **settings)


# --- sampling ---------------------------------------------------------------------


def test_sgld_samples_a_gaussian():
    spread = torch.tensor([[2.0, 0.6], [0.6, 0.5]], dtype=torch.float64)
    precision = torch.linalg.inv(spread)
    centre = torch.tensor([1.0, -2.0], dtype=torch.float64)
    lr, beta = 0.02, 2.0
    samples = curvature.sgld(
        lambda theta: (theta - centre) @ precision,
        torch.zeros(4000, 2, dtype=torch.float64),
        lr=lr, steps=600, inverse_temperature=beta, keep_every=200,
    )[-1]  # fmt: skip
    torch.testing.assert_close(samples.mean(0), centre, atol=0.07, rtol=0)
    # the step widens each direction by 1/(1 - lr · curvature / 2), exactly
    wide = torch.linalg.inv(beta * precision @ (torch.eye(2) - lr / 2 * precision))
    torch.testing.assert_close(samples.T.cov(), wide, atol=0.08, rtol=0)


def test_sgld_at_temperature_zero_is_descent():
    start = torch.tensor([4.0])
    path = curvature.sgld(
        lambda t: t, start, lr=0.5, steps=3, inverse_temperature=math.inf
    )
    assert path.flatten().tolist() == [2.0, 1.0, 0.5]
    assert start.item() == 4.0


def test_sgld_is_repeatable_and_says_when_it_runs_away():
    settings = {"lr": 0.1, "steps": 5, "keep_every": 2}
    walks = [
        curvature.sgld(lambda t: t, torch.zeros(3), **settings, seed=s)
        for s in (0, 0, 1)
    ]
    assert walks[0].shape == (2, 3) and torch.equal(walks[0], walks[1])
    assert not torch.equal(walks[0], walks[2])
    with pytest.raises(FloatingPointError, match="lr = 9 is too large"):
        curvature.sgld(lambda t: t**3, torch.ones(1), lr=9.0, steps=50)
    with pytest.raises(ValueError, match="lr is 0"):
        curvature.sgld(lambda t: t, torch.ones(1), lr=0.0, steps=5)
    with pytest.raises(ValueError, match="keep_every 0"):
        curvature.sgld(lambda t: t, torch.ones(1), lr=0.1, steps=5, keep_every=0)


# --- recurrent networks -----------------------------------------------------------


def test_exponent_of_a_linear_system_is_its_spectral_radius():
    found = curvature.lyapunov_exponent(lambda z: z, 0.5, size=30, steps=2000)
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(30, 30, generator=generator, dtype=torch.float64)
    radius = torch.linalg.eigvals(0.5 * matrix / 30**0.5).abs().max().item()
    assert found == pytest.approx(math.log(radius), abs=0.01)


def test_exponent_of_tanh_depends_on_the_gain():
    exponents = [
        curvature.lyapunov_exponent(torch.tanh, gain, steps=400, warm_up=100)
        for gain in (0.5, 2.0, 8.0)
    ]
    assert exponents[0] < -0.5 < 0 < exponents[1] < 0.3 < exponents[2]
    with pytest.raises(FloatingPointError, match="gain 3"):
        curvature.lyapunov_exponent(lambda z: z, 3.0, steps=2000)
    with pytest.raises(ValueError, match="size is 0"):
        curvature.lyapunov_exponent(torch.tanh, 1.0, size=0)
    dead = curvature.lyapunov_exponent(lambda z: 0 * z, 1.0, size=5, steps=10)
    assert dead == -math.inf


# --- too large --------------------------------------------------------------------


def test_too_large_requests_fail_at_once_with_the_size_that_fits(monkeypatch):
    surface = small("relu")  # 83 parameters, 40 examples
    monkeypatch.setattr(limits, "MEMORY_LIMIT", 20_000)

    def refuse(*args, **kwargs):
        raise AssertionError("work was begun")

    monkeypatch.setattr(LossSurface, "hessian_product", refuse)
    cases = [
        (lambda: surface.hessian(), r"83 parameters.*one of 35 parameters"),
        (lambda: surface.jacobian(), r"120 outputs by 83.*: |5 examples fit"),
        (lambda: curvature.ntk(surface.network, surface.x), "5 examples fit"),
        (
            lambda: curvature.lanczos(refuse, torch.ones(500), 30),
            "30 vectors of 500.*5 steps fit",
        ),
        (
            lambda: curvature.sgld(refuse, torch.zeros(100), lr=0.1, steps=1000),
            "1,000 samples.*50 samples fit",
        ),
        (
            lambda: curvature.lyapunov_exponent(torch.tanh, 1.0, size=100),
            "100 units.*50 units fit",
        ),
        (lambda: curvature.slice_2d(surface, points=101), "99 a side"),
    ]
    for request, words in cases:
        with pytest.raises(TooLargeError, match=words):
            request()


def test_sizes_named_do_fit(monkeypatch):
    monkeypatch.setattr(limits, "MEMORY_LIMIT", 20_000)
    curvature.lyapunov_exponent(torch.tanh, 1.0, size=50, steps=2, warm_up=0)
    surface = small("relu")
    assert curvature.ntk(surface.network, surface.x[:5]).shape == (5, 5)
    with pytest.raises(TooLargeError):
        curvature.ntk(surface.network, surface.x[:6])
