"""What a right answer to each Python exercise does, on everything the task speaks of.

`DOMAINS` gives for each exercise a function from an answer to what it does: numbers
on a dense grid and on random inputs, or whether it has what the task asks for. They
know nothing of the graders. `alike` compares two of them, to the digits that the task
asks for.
"""

from __future__ import annotations

import contextlib
import copy
import io
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from actlab import design, formulas
from actlab.networks import MLP
from course.ch12.exercises import Bench
from course.ch13.exercises import Machine, dented
from course.ch14 import patients

__all__ = ["DOMAINS", "alike", "behaviour"]

Domain = tuple[Callable[[Any], Any], float]
DOMAINS: dict[str, Domain] = {}


def behaviour(id: str, answer: Any) -> Any:
    """What an answer does on the task's domain; the error if it cannot be asked."""
    with quiet():
        try:
            return DOMAINS[id][0](answer)
        except Exception as error:
            return type(error).__name__


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No output, no warnings; the random numbers as before."""
    sink = io.StringIO()
    with (
        contextlib.redirect_stdout(sink),
        contextlib.redirect_stderr(sink),
        warnings.catch_warnings(),
        torch.random.fork_rng(devices=[]),
    ):
        warnings.simplefilter("ignore")
        yield


def alike(id: str, a: Any, b: Any) -> bool:
    """Whether two behaviours agree to the digits that the task asks for."""
    return _alike(a, b, DOMAINS[id][1])


def _alike(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, (list, tuple)) or isinstance(b, (list, tuple)):
        several = isinstance(a, (list, tuple)) and isinstance(b, (list, tuple))
        if not several or len(a) != len(b):
            return False
        return all(_alike(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        same = a.keys() == b.keys()
        return same and all(_alike(a[key], b[key], tolerance) for key in a)
    if isinstance(a, str) or isinstance(b, str) or a is None or b is None:
        return type(a) is type(b) and a == b
    try:
        x = torch.as_tensor(a).detach().double()
        y = torch.as_tensor(b).detach().double()
    except (TypeError, ValueError, RuntimeError):
        return False
    return x.shape == y.shape and torch.allclose(
        x, y, tolerance, tolerance, equal_nan=True
    )


def domain(id: str, tolerance: float) -> Callable[[Callable], Callable]:
    """Register what an answer to an exercise does, and to which digits it counts."""

    def register(function: Callable) -> Callable:
        DOMAINS[id] = function, tolerance
        return function

    return register


def each(function: Callable, cases: Iterable[tuple]) -> list:
    """What a function returns for each case, or the name of what it raises."""
    found: list[Any] = []
    for case in cases:
        try:
            found.append(function(*copy.deepcopy(case)))
        except Exception as error:
            found.append(type(error).__name__)
    return found


def draw(seed: int, *size: int, low: float = -3, high: float = 3) -> Tensor:
    """Even random numbers, float32."""
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*size, generator=generator)


def slopes(function: Callable, *leaves: Tensor) -> tuple:
    """A value and the gradients of a weighted sum of it."""
    given = [leaf.clone().requires_grad_() for leaf in leaves]
    value = function(*given)
    weight = torch.linspace(0.5, 1.5, value.numel()).reshape(value.shape)
    gradients = torch.autograd.grad((weight * value).sum(), given, allow_unused=True)
    return value.detach(), *gradients


# -- chapters 01 to 04 -----------------------------------------------------------------


@domain("1.4", 0.01)
def xor(answer: Any) -> list:
    """All rows of zeros and ones, in several orders and numbers."""
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    orders = [torch.randperm(4).tolist() for _ in range(4)]
    batches = [corners, *(corners[order] for order in orders), corners.repeat(3, 1)]
    return each(answer, [(batch,) for batch in batches])


@domain("2.4", 1e-5)
def six_slopes(answer: Any) -> dict:
    """A dense grid that contains 0, in float64."""
    grid = torch.linspace(-8, 8, 1601, dtype=torch.float64)
    return answer(torch.cat([grid, torch.zeros(1).double(), draw(0, 99).double()]))


@domain("2.5", 1e-5)
def glu(answer: Any) -> list:
    """Vectors, sequences and images."""
    shapes = [(1, 2), (4, 6), (6, 4), (3, 4, 5), (2, 6, 2), (2, 4, 3, 3), (4, 2, 4, 6)]
    return each(answer, [(draw(at, *shape),) for at, shape in enumerate(shapes)])


@domain("2.8", 0)
def to_order(answer: Any) -> list[bool]:
    """The five lines, on a grid of a thousandth."""
    function = answer
    if isinstance(answer, str):
        of_numpy = formulas.numpy_function(formulas.parse(answer))

        def function(x: Tensor) -> Tensor:
            return torch.as_tensor(of_numpy(x.numpy()), dtype=torch.float64)

    x, h = torch.linspace(-12, 12, 24001, dtype=torch.float64), 1e-6
    f, density = function(x), torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi) / 1000
    bend = (function(x + h) - 2 * f + function(x - h)).abs() / h
    far = function(torch.tensor([-200.0, -100, 100, 200]).double())
    return [
        bool(bend.max() < 2e-3),
        bool((f.diff() >= -1e-9).all()),
        abs(float(far[0] - far[1])) < 0.1 and float(far[3] - far[2]) > 0.1,
        abs(float((f * density).sum())) <= 0.005,
        abs(float((f**2 * density).sum()) - 1) <= 0.01,
    ]


def _within(got: Tensor, exact: Tensor, relative: float, floor: Any) -> bool:
    return bool(((got.double() - exact).abs() <= relative * exact.abs() + floor).all())


@domain("3.4", 0)
def stable(answer: Any) -> list:
    """Value and slope from −1000 to 1000 in two formats, each to its own digits."""
    found = []
    for dtype, relative, floor in (
        (torch.float32, 1e-4, 1e-30),
        (torch.float16, 2e-2, 1e-5),
    ):
        dense = torch.cat([torch.linspace(-90, 90, 901), torch.linspace(-3, 3, 61)])
        x = torch.cat([dense, torch.linspace(-1e3, 1e3, 201), torch.zeros(1)])
        x = x.to(dtype).requires_grad_()
        value = answer(x)
        (slope,) = torch.autograd.grad(value.sum(), x)
        wide = x.detach().double()
        exact = torch.sigmoid(wide)
        least = torch.where(wide > 0, 1e-6 if floor < 1e-9 else 2e-3, floor)
        found += [
            _within(value.detach(), exact, relative, floor),
            _within(slope, exact * torch.sigmoid(-wide), relative, least),
        ]
    return found


@domain("3.6", 1e-4)
def binary_loss(answer: Any) -> list:
    """Ordinary and absurd logits, both labels."""
    cases = [
        (scale * draw(at, 1 + at % 7), (draw(at + 50, 1 + at % 7) > 0).float())
        for at in range(14)
        for scale in (1.0, 100.0, 400.0)
    ]

    def loss(z: Tensor, y: Tensor) -> tuple:
        return slopes(lambda z: answer(z, y), z)

    return each(loss, cases)


@domain("4.2", 1e-5)
def leaky(answer: Any) -> list:
    """Slopes from −1 to 3, many shapes."""
    grid = torch.cat([torch.linspace(-5, 5, 101), torch.zeros(1)])
    cases = [(grid, 0.1 * at) for at in range(-10, 31)]
    return each(answer, [*cases, (draw(1, 2, 3), 0.2), (draw(2, 2, 3, 4, 5), 1.7)])


@domain("4.5", 1e-5)
def prelu(answer: Any) -> list:
    """Vectors, sequences and images, slopes from −1 to 2."""
    shapes = [(1, 1), (2, 3), (6, 6), (2, 6, 8), (3, 3, 3), (2, 6, 4, 6), (4, 3, 2, 2)]
    cases = [
        (draw(at, *shape), draw(at + 99, shape[1], low=-1, high=2))
        for at, shape in enumerate(shapes)
    ]
    return each(answer, cases)


@domain("4.6", 5e-6)
def selu(answer: Any) -> list:
    """Two numbers, to five digits."""
    return [float(value) for value in answer]


# -- chapters 05 to 08 -----------------------------------------------------------------


@domain("5.4", 0)
def gelu_tail(answer: Any) -> list:
    """A tenth of a per cent from −12 to 6, in any shape."""
    grid = torch.linspace(-12, 6, 1801)
    exact = torch.tensor(
        [v * math.erfc(-v / 2**0.5) / 2 for v in grid.double().tolist()]
    ).double()
    shaped = answer(grid[:1800].reshape(3, 30, 20))
    return [_within(answer(grid), exact, 1e-3, 0), tuple(shaped.shape)]


@domain("5.7", 1e-4)
def drawn(answer: Any) -> list:
    """Value and slope for both draws."""
    x = torch.cat([torch.linspace(-4, 4, 161), torch.zeros(1)])
    keeps = [torch.zeros_like(x), torch.ones_like(x), (draw(3, 162) > 0).float()]
    return each(lambda k: slopes(lambda x: answer(x, k), x), [(k,) for k in keeps])


@domain("6.4", 1e-4)
def log_softmax(answer: Any) -> list:
    """Every axis, several temperatures, logits up to 1000."""
    cases = [
        (scale * draw(at, *shape), dim, temperature)
        for at, (shape, dim) in enumerate(
            [((4, 6), 0), ((4, 6), 1), ((2, 3, 4), 1), ((3, 3), -1), ((2, 3, 4), -3)]
        )
        for temperature in (0.25, 1.0, 3.0)
        for scale in (1.0, 330.0)
    ]
    return each(answer, [*cases, (draw(9, 5), 0, 0.5)])


@domain("6.6", 1e-4)
def attention(answer: Any) -> list:
    """Several shapes; at least one key allowed; some scores far ahead."""
    cases = []
    for at, shape in enumerate([(2, 3, 5), (1, 4, 4), (3, 6, 2), (4, 1, 7), (2, 2, 3)]):
        for scale in (1.0, 100.0):
            allowed = draw(at + 20, *shape) > 0
            allowed[..., at % shape[-1]] = True
            cases.append((scale * draw(at, *shape), allowed))
            cases.append((draw(at, *shape) - 2000, allowed))
            cases.append((1e6 * (draw(at, *shape) - 2), allowed))
    return each(answer, cases)


@domain("7.4", 1e-4)
def block(answer: Any) -> list:
    """Inputs with one to four axes; two sizes."""
    cases = []
    for d, h in ((6, 4), (3, 5)):
        inner, outer = draw(d, 2 * h, d), draw(h, d, h)
        for shape in ((d,), (5, d), (3, 4, d), (2, 2, 6, d)):
            cases.append((draw(len(shape), *shape), inner, outer))
    return each(answer, cases)


@domain("7.7", 0)
def hat(answer: Any) -> list:
    """The hat, from −5 to 5."""
    x = torch.linspace(-5, 5, 1001, dtype=torch.float64)
    first, second = (
        torch.stack([a * x + b for a, b in part]).amax(0) for part in answer()
    )
    wanted = (1 - x.abs()).clamp(min=0)
    return [bool((first - second - wanted).abs().max() <= 1e-6)]


@domain("8.4", 1e-4)
def waves(answer: Any) -> list:
    """Values, the names of what learns, and gradients; several numbers of terms."""
    found: list[Any] = []
    for terms in (1, 4, 6):
        start = [draw(terms + at, terms, low=-2, high=2) for at in range(3)]
        module = answer(*start)
        found.append(sorted(name for name, _ in module.named_parameters()))
        for shape in ((50,), (terms, 6), (2, 3, 5)):
            x = draw(terms, *shape).requires_grad_()
            value = module(x)
            leaves = [module.amplitude, module.omega, module.phase, x]
            found.append([value, *torch.autograd.grad(value.square().sum(), leaves)])
            found.append(all(torch.equal(a, b) for a, b in zip(leaves, start)))
    return found


@domain("8.5", 1e-3)
def rational(answer: Any) -> list:
    """Several degrees; the denominator would have poles without its bars."""
    cases = []
    for m, n in ((2, 2), (5, 4), (1, 3), (0, 1)):
        b = draw(n, n, low=-1, high=1)
        b[0] = -3.0
        x = torch.cat([torch.linspace(-3, 3, 61), torch.zeros(1)])
        cases.append((x, draw(m + 9, m + 1, low=-1, high=1), b))
    return each(lambda *given: slopes(answer, *given), cases)


@domain("8.6", 1e-3)
def pieces(answer: Any) -> list:
    """From −5 to 5 with the knots, and gradients between them."""
    c = draw(1, 5, low=-2, high=2)
    values = each(answer, [(torch.linspace(-5, 5, 401), c), (draw(2, 3, 4), c)])
    inside = draw(3, 400, low=-1.99, high=1.99)
    return [values, each(lambda x, c: slopes(answer, x, c), [(inside, c)])]


@domain("8.8", 0.025)
def control(answer: Any) -> list:
    """Six functions: the values of the control, and that nothing is left to learn."""
    from actlab.activations import LearnableELU, Swish

    learnt = [nn.PReLU(init=a) for a in (3.0, -0.5, 0.2, 6.0)]
    learnt += [LearnableELU(2.5), Swish(beta=0.3, trainable=True)]
    x = torch.linspace(-3, 3, 121)
    found = []
    for f in learnt:
        g = answer(f)
        value = g(x)
        parameters = g.parameters() if isinstance(g, nn.Module) else []
        still = value.requires_grad or any(p.requires_grad for p in parameters)
        found.append([value, still])
    return found


# -- chapters 09 to 11 -----------------------------------------------------------------


@domain("9.3", 5e-4)
def gain(answer: Any) -> list:
    """Ten functions, in absolute terms to the third decimal."""
    functions = [F.gelu, F.relu, torch.tanh, torch.sigmoid, F.selu, F.silu, torch.sin]
    functions += [lambda z, a=a: torch.tanh(a * z) for a in (0.5, 2.0, 3.0)]
    return each(lambda f: float(answer(f)), [(f,) for f in functions])


@domain("9.6", 0)
def init(answer: Any) -> list[bool]:
    """Both ends of a network of other seeds within [0.2, 5], biases small."""
    sizes, ratios, shares = [], [], []
    for seed in range(20, 25):
        network = MLP([256] * 31 + [10], "relu", seed=seed)
        torch.manual_seed(seed)
        for linear in network.linears:
            answer(linear)
        h, kept = torch.randn(32, 256), []
        y = torch.randint(10, (32,))
        for linear in network.linears[:-1]:
            z = linear(h)
            z.retain_grad()
            kept.append(z)
            h = F.relu(z)
        F.cross_entropy(network.linears[-1](h), y).backward()
        sizes.append(float(h.detach().square().mean().sqrt()))
        ratios.append(float(kept[0].grad.norm() / kept[-1].grad.norm()))
        first: Any = network.linears[3]
        shares.append(float(first.bias.detach().abs().max()))
    return [
        0.2 <= float(np.median(sizes)) <= 5,
        0.2 <= float(np.median(ratios)) <= 5,
        max(shares) < 0.5,
    ]


def _streams() -> list[list[Tensor]]:
    """Batches with units of every kind: dead, early, late, negative only, mixed."""
    streams = []
    for seed, sizes in enumerate([(128, 128, 17), (5, 9, 2), (1, 1), (7,)]):
        batches = [draw(10 * seed + at, n, 12) for at, n in enumerate(sizes)]
        for at, h in enumerate(batches):
            h[:, [0, 5]] = 0  # dead
            h[:, 1] = -h[:, 1].abs() - 0.1  # negative only
            h[:, 2] = h[:, 2].clamp(min=0)
            h[:, 3] = 0  # fires in the last row of all
            if at:
                h[:, 4] = 0  # fires in the first batch only
            h[:, 6] = -1e-6 if at == 0 else 0.0
        batches[-1][-1, 3] = 0.7
        streams.append(batches)
    return streams


@domain("10.3", 1e-6)
def dead_units(answer: Any) -> list:
    """Streams of several batches, as a list and one by one."""
    streams = _streams()
    return [
        each(lambda h: float(answer(h)), [(h,) for h in streams]),
        [float(answer(iter([h.clone() for h in stream]))) for stream in streams],
    ]


@domain("10.8", 0)
def wake(answer: Any) -> list[bool]:
    """What the task lists, on two networks, for several seeds."""
    found = []
    for seed, sizes in enumerate([[5, 8, 7, 6, 3], [4, 9, 6, 2]]):
        torch.manual_seed(seed)
        net, x = MLP(sizes, "relu", "he", seed=seed), draw(seed, 60, sizes[0])
        dead = [torch.arange(n) % 4 == 1 for n in sizes[1:-1]]
        with torch.no_grad():
            for linear, mask in zip(net.linears, dead):
                linear.bias[:] = 0.1
                linear.bias[mask] = -50.0
        old = copy.deepcopy(net)
        answer(net, [mask.clone() for mask in dead])
        found += _woken(old, net, dead, x)
    return found


def _woken(old: Any, net: Any, dead: list[Tensor], x: Tensor) -> list[bool]:
    with torch.no_grad():
        moved = float((net(x) - old(x)).abs().max())
    found = [moved < 1e-4]
    for layer, linear in enumerate(net.linears):
        before, after = old.linears[layer].weight, linear.weight
        rows = dead[layer] if layer < len(dead) else torch.zeros(len(after)) > 0
        columns = dead[layer - 1] if layer else torch.zeros(after.shape[1]) > 0
        same = torch.equal(before[~rows][:, ~columns], after[~rows][:, ~columns])
        heard = bool((after[~rows][:, columns] == 0).all())
        bias = torch.equal(linear.bias[~rows], old.linears[layer].bias[~rows])
        fresh = after[rows][:, ~columns]
        drawn = bool((fresh != before[rows][:, ~columns]).all())
        each_other = fresh.shape[0] < 2 or not torch.equal(fresh[0], fresh[1])
        rest = bool((linear.bias[rows] == 0).all())
        found += [same, heard, bias, drawn and bool((fresh != 0).all()), each_other]
        found.append(rest)
    return found


@domain("11.3", 1e-5)
def product(answer: Any) -> list:
    """Losses with a full Hessian, for several lengths."""

    def valley(w: Tensor) -> Tensor:
        return (w[:-1] * w[1:] - 1).square().sum() + (w**4).sum()

    def waves(w: Tensor) -> Tensor:
        return torch.sin(w.cumsum(0)).sum() + w.exp().prod()

    cases = [
        (loss, draw(n, n).double() / 2, draw(n + 30, n).double())
        for n in (2, 3, 7)
        for loss in (valley, waves)
    ]
    return each(lambda *given: answer(*given).detach(), cases)


@domain("11.6", 1e-4)
def normalised(answer: Any) -> list:
    """Matrices and kernels."""
    shapes = [(3, 5), (4, 4), (1, 6), (2, 3, 2, 2), (5, 1, 3, 3), (3, 2, 4)]
    cases = [
        (draw(at, *shape), draw(at + 9, *shape)) for at, shape in enumerate(shapes)
    ]
    return each(answer, cases)


# -- chapters 12 to 15 -----------------------------------------------------------------


@domain("12.5", 2e-4)
def paired(answer: Any) -> list:
    """Two to twelve seeds."""
    cases = []
    for n in (2, 3, 5, 8, 12):
        a = draw(n, n, low=84, high=88)
        b = a - draw(n + 40, n, low=-0.3, high=0.5)
        cases.append((a.tolist(), b.tolist(), 2.0 + 1 / n))
    return each(answer, cases)


@domain("12.6", 1e-6)
def holm(answer: Any) -> list:
    """Lists of one to twelve, with ties and with large values."""
    cases = [
        (draw(10 * n + at, n, low=0, high=top).tolist(),)
        for n in (1, 2, 3, 5, 9, 12)
        for at, top in enumerate((0.05, 0.3, 1.0))
    ]
    ties = [([0.02, 0.02, 0.5, 0.02],), ([1.0, 0.4, 0.4],), ([0.0, 0.0],)]
    return each(lambda p: [float(v) for v in answer(p)], [*cases, *ties])


@domain("12.8", 1e-6)
def train(answer: Any) -> list:
    """Own and foreign optimisers, and the weights after a few steps."""
    x, y = draw(5, 12, 4), torch.arange(12) % 3

    def made() -> nn.Module:
        torch.manual_seed(4)
        return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))

    def after(optimiser_of: Callable, steps: int = 4) -> Any:
        net = made()
        optimiser = optimiser_of(net)
        error = ""
        try:
            answer(net, x, y, steps, optimiser=optimiser)
        except Exception as raised:
            error = type(raised).__name__
        return [error, *(p.detach().clone() for p in net.parameters())]

    def sgd(groups: Any) -> torch.optim.Optimizer:
        return torch.optim.SGD(groups, lr=0.1, momentum=0.9)

    def grouped(net: nn.Module, more: tuple = ()) -> torch.optim.Optimizer:
        first, *rest = net.parameters()
        return sgd([{"params": [first]}, {"params": [*rest, *more]}])

    stranger = nn.Linear(2, 2)
    optimisers = [
        lambda net: sgd(net.parameters()),
        grouped,
        lambda net: sgd(made().parameters()),
        lambda net: sgd(list(net.parameters())[:2]),
        lambda net: sgd([*net.parameters(), *stranger.parameters()]),
        lambda net: grouped(net, tuple(stranger.parameters())),
    ]
    found = [after(one) for one in optimisers] + [
        after(optimisers[0], n) for n in (0, 1)
    ]
    by_place = each(lambda: answer(made(), x, y, 1, sgd(made().parameters())), [()])
    return [found, by_place, each(lambda: answer(made(), x, y, 1), [()])]


@domain("12.9", 1e-9)
def fair(answer: Any) -> list:
    """What came back, and what was asked, on three benches."""
    found = []
    for names, rates, tuning, final in (
        (["a", "b"], [0.03, 0.1, 0.3], [100, 101, 102], [0, 1, 2, 3]),
        (["b"], [0.3, 0.03, 0.1], [104, 101, 108, 102], [5, 7]),
        (["a", "c", "b"], [0.1], [100], [1]),
    ):
        bench = Bench(0.4)
        got = answer(bench, names, rates, tuning, final)
        asked = sorted(bench.asked)
        found.append([dict(got), [list(map(str, row)) for row in asked]])
    return found


@domain("13.4", 0.02)
def ratio(answer: Any) -> list:
    """Machines of several tempers, and how often they were called."""
    found = []
    for first in (0.5, 1.0, 3.0, 6.0):
        for rounds, patience in ((7, 8), (9, 10), (8, 6), (11, 14)):
            machine = Machine(first, 1.0, patience)
            got = float(answer(*machine.handed_out, rounds))
            found.append([got, max(machine.each) <= rounds + 3])
    return found


@domain("13.5", 0)
def softplus(answer: Any) -> list[bool]:
    """Value and slope in two formats, from one end to the other."""
    found = []
    for dtype, tolerance, ends in (
        (torch.float32, 1e-5, 1e3),
        (torch.float16, 3e-3, 6e4),
    ):
        near = torch.cat([torch.linspace(-80, 80, 641), torch.linspace(-2, 2, 81)])
        x = torch.cat([near, torch.linspace(-ends, ends, 41), torch.zeros(1)])
        x = x[x > (-80 if dtype == torch.float32 else -9)].to(dtype).requires_grad_()
        value = answer(x)
        (slope,) = torch.autograd.grad(value.sum(), x)
        wide = x.detach().double()
        exact = torch.logaddexp(wide, torch.zeros_like(wide))
        floor = 1e-30 if dtype == torch.float32 else 1e-6
        found += [
            value.dtype == dtype,
            _within(value.detach(), exact, tolerance, floor),
            _within(slope, torch.sigmoid(wide), tolerance, floor),
        ]
    return found


@domain("13.8", 0)
def ends(answer: Any) -> list:
    """Functions whose slope ends, comes back, or never ends."""
    functions = [torch.tanh, torch.sigmoid, dented, torch.relu, F.silu, torch.erf]
    functions += [lambda x: torch.tanh(x / 3), lambda x: 0 * x]
    functions += [lambda x: x.clamp(max=2), lambda x: torch.relu(x - 5).clamp(max=9)]
    cases = [(f, dtype) for f in functions for dtype in (torch.float16, torch.bfloat16)]
    return each(lambda f, dtype: float(answer(f, dtype)), cases)


@domain("14.6", 1e-4)
def agreement(answer: Any) -> list:
    """Clouds near and far apart, and single pairs."""
    cases = [
        (draw(at, n, 3, low=-scale, high=scale), (draw(at + 7, n) > 0).long() + 2)
        for at, (n, scale) in enumerate([(30, 0.1), (50, 5.0), (40, 100.0), (2, 1e4)])
    ]
    return each(answer, cases)


@domain("14.7", 0)
def repair(answer: Any) -> list[bool]:
    """The accuracy that is asked for, and what has to stay."""
    case = answer(patients.EMERGENCY)
    kept = replace(case, inputs="bytes", weights=1.0, lr=1.0, init="he", bias=0.0)
    was = replace(
        patients.EMERGENCY, inputs="bytes", weights=1.0, lr=1.0, init="he", bias=0.0
    )
    visit = patients._run(case, patients.EPOCHS)
    return [kept == was, bool(visit.accuracy >= 90)]


@domain("15.5", 1e-3)
def bias(answer: Any) -> list:
    """Tables of several sizes."""
    cases = [
        (draw(n, n, low=90, high=98), draw(n + 9, n, k, low=88, high=96))
        for n, k in ((2, 1), (3, 2), (12, 5), (30, 4))
    ]
    return each(lambda *given: [float(v) for v in answer(*given)], cases)


@domain("15.6", 1e-3)
def difference(answer: Any) -> list:
    """Random trials: each way to choose chooses another rate sooner or later."""

    def trials(seed: int) -> dict:
        return {
            lr: (
                draw(seed + at, 3, low=88, high=95),
                draw(seed + at + 500, 5, low=88, high=95),
            )
            for at, lr in enumerate((0.01, 0.03, 0.1, 0.3))
        }

    cases = [(trials(20 * at), trials(20 * at + 1000)) for at in range(20)]
    return each(lambda *given: float(answer(*given)), cases)


@domain("15.7", 0)
def own_report(answer: Any) -> list[bool]:
    """What the task asks of a report."""
    plan, candidate = answer.plan, answer.candidate
    nearest = design.neighbours(candidate, 1).iloc[0]
    return [
        design.register(plan).digest == answer.digest,
        all(check.passed for check in design.health(candidate).checks),
        bool(nearest["shape"] >= 0.02),
        set(design.rivals(candidate, 1)) <= set(plan.rivals),
        len(set(plan.seeds)) >= 5,
        len(plan.rates) > 1,
    ]
