"""Right answers pass however they are written, and slips get their own name alone."""

# ruff: noqa: E501 (a reader's line is as long as the reader makes it)
from __future__ import annotations

import pytest

from course.exercises import core
from course.exercises.model import Code
from course.exercises.report import answer_from_source

# three right programs per exercise: a loop, a module, NumPy, in place, a class, …
STYLES = {
    "1.4": [
        "lambda x: (x.sum(1) == 1).float()",
        "lambda x: torch.tensor([float(int(a) ^ int(b)) for a, b in x.tolist()])",
        """class Xor(nn.Module):
    def forward(self, x):
        hidden = (x @ torch.ones(2, 2) >= torch.tensor([0.5, 1.5])).float()
        return (hidden @ torch.tensor([1.0, -1.0]) >= 0.5).float()
xor = Xor()""",
    ],
    "2.4": [
        """def slopes(x):
    x = x.clone().requires_grad_()
    functions = dict(sigmoid=torch.sigmoid, swish=F.silu, tanh=torch.tanh, relu=F.relu,
                     leaky_relu=F.leaky_relu, gelu=F.gelu)
    return {name: torch.autograd.grad(f(x).sum(), x)[0] for name, f in functions.items()}""",
        """def slopes(x):
    s, t = 1 / (1 + np.exp(-x.numpy())), np.tanh(x.numpy())
    phi = np.exp(-x.numpy() ** 2 / 2) / np.sqrt(2 * np.pi)
    found = {"sigmoid": s - s * s, "swish": s + x.numpy() * s * (1 - s),
             "tanh": 1 - t * t, "relu": 1.0 * (x.numpy() > 0),
             "leaky_relu": np.where(x.numpy() > 0, 1, 0.01)}
    found = {k: torch.tensor(v) for k, v in found.items()}
    return found | {"gelu": torch.erfc(-x / 2 ** 0.5) / 2 + x * torch.tensor(phi)}""",
        """def slopes(x):
    def one(v):
        s, p = 1 / (1 + math.exp(-v)), math.erfc(-v / 2 ** 0.5) / 2
        return (s * (1 - s), s + v * s * (1 - s), 1 - math.tanh(v) ** 2, float(v > 0),
                1.0 if v > 0 else 0.01,
                p + v * math.exp(-v * v / 2) / math.sqrt(2 * math.pi))
    names = ["sigmoid", "swish", "tanh", "relu", "leaky_relu", "gelu"]
    table = torch.tensor([one(v) for v in x.tolist()], dtype=torch.float64)
    return dict(zip(names, table.T))""",
    ],
    "2.5": [
        "nn.GLU(dim=1)",
        """def gate(x):
    value, door = torch.tensor_split(x, 2, dim=1)
    return value * door.sigmoid()""",
        """def gate(x):
    half = x.shape[1] // 2
    rows = [v[:half].numpy() / (1 + np.exp(-v[half:].numpy())) for v in x]
    return torch.tensor(np.stack(rows))""",
    ],
    "2.8": [
        'f = "(exp(x) - sqrt(e)) / sqrt(e**2 - e)"',
        "lambda x: (x.exp() - math.exp(0.5)) / math.sqrt(math.exp(2) - math.exp(1))",
        "lambda x: ((x / 2).exp() - math.exp(1 / 8)) / (math.exp(0.5) - math.exp(0.25)) ** 0.5",
        """def f(x):
    y = x.clone().exp_()
    return (y - math.e ** 0.5) / (math.e ** 2 - math.e) ** 0.5""",
        """class Centred(nn.Module):
    def forward(self, x):
        return 1.9191 * (F.softplus(x) - 0.80606)
f = Centred()""",
        "lambda x: (x.clamp(min=0) ** 4 - 1.5) / (105 / 2 - 2.25) ** 0.5",
    ],
    "3.4": [
        """class Sigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        e = torch.exp(-x.abs())
        value = torch.where(x >= 0, 1 / (1 + e), e / (1 + e))
        ctx.save_for_backward(value)
        return value
    @staticmethod
    def backward(ctx, g):
        value, = ctx.saved_tensors
        return g * value * (1 - value)
sigmoid = Sigmoid.apply""",
        "nn.Sigmoid()",
        "lambda x: F.logsigmoid(x.float()).exp().to(x.dtype)",
    ],
    "3.6": [
        "F.binary_cross_entropy_with_logits",
        "lambda z, y: F.softplus(torch.where(y > 0, -z, z)).mean()",
        """def loss(z, y):
    total = 0
    for logit, label in zip(z, y):
        total = total - F.logsigmoid(logit if label > 0 else -logit)
    return total / len(z)""",
        "lambda z, y: (F.softplus(-z) + (1 - y) * z).mean()",
    ],
    "4.2": [
        "F.leaky_relu",
        """def leaky(x, slope):
    out = x.clone()
    out[out <= 0] *= slope
    return out""",
        "lambda x, slope: torch.tensor(np.where(x.numpy() > 0, x.numpy(), slope * x.numpy()))",
        "lambda x, slope: F.relu(x) - slope * F.relu(-x)",
    ],
    "4.5": [
        "F.prelu",
        """def prelu(x, slope):
    out = x.clone()
    for channel in range(x.shape[1]):
        part = x[:, channel]
        out[:, channel] = torch.where(part > 0, part, slope[channel] * part)
    return out""",
        """def prelu(x, slope):
    last = x.movedim(1, -1)
    return torch.where(last > 0, last, slope * last).movedim(-1, 1)""",
    ],
    "4.6": [
        "pair = (1.6732632423543772, 1.0507009873554805)",
        "pair = np.array([1.67326324, 1.05070099])",
        "pair = torch.tensor([1.6732632, 1.050701])",
    ],
    "5.4": [
        "lambda x: x * torch.special.log_ndtr(x).exp()",
        """def gelu(x):
    values = [v * math.erfc(-v / math.sqrt(2)) / 2 for v in x.flatten().tolist()]
    return torch.tensor(values).reshape(x.shape)""",
        """class Gelu(nn.Module):
    def forward(self, x):
        return x.mul(torch.erfc(-x * 0.5 ** 0.5)).div_(2)
gelu = Gelu()""",
    ],
    "5.7": [
        "lambda x, keep: F.gelu(x) + (x * keep - F.gelu(x)).detach()",
        """class Drawn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, keep):
        ctx.save_for_backward(x)
        return x * keep
    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        pdf = torch.exp(-x ** 2 / 2) / math.sqrt(2 * math.pi)
        return g * (torch.special.ndtr(x) + x * pdf), None
drawn = Drawn.apply""",
        """def drawn(x, keep):
    mean = x * torch.erfc(-x / 2 ** 0.5) / 2
    with torch.no_grad():
        gap = x * keep - mean
    return mean + gap""",
    ],
    "6.4": [
        """def log_softmax(z, dim, temperature):
    z = (z / temperature).movedim(dim, -1)
    shifted = z - z.max(-1, keepdim=True).values
    return (shifted - shifted.exp().sum(-1, keepdim=True).log()).movedim(-1, dim)""",
        """def log_softmax(z, dim, temperature):
    a = z.numpy() / temperature
    a = a - a.max(axis=dim, keepdims=True)
    return torch.tensor(a - np.log(np.exp(a).sum(axis=dim, keepdims=True)))""",
        """def log_softmax(z, dim, temperature):
    out = z.clone().div_(temperature)
    out -= out.amax(dim, keepdim=True)
    out -= out.exp().sum(dim, keepdim=True).log_()
    return out""",
    ],
    "6.6": [
        "lambda s, a: torch.where(a, s, torch.tensor(-torch.inf)).softmax(2)",
        """def weights(scores, allowed):
    out = torch.zeros_like(scores)
    for b in range(scores.shape[0]):
        for q in range(scores.shape[1]):
            out[b, q, allowed[b, q]] = scores[b, q, allowed[b, q]].softmax(0)
    return out""",
        """def weights(scores, allowed):
    out = scores.clone()
    out[~allowed] = -1e9
    out = (out - out.amax(-1, keepdim=True)).exp()
    return out / out.sum(-1, keepdim=True)""",
    ],
    "7.4": [
        """def block(x, inner, outer):
    h = len(inner) // 2
    gate = x @ inner[h:].T
    return (x @ inner[:h].T * gate / (1 + (-gate).exp())) @ outer.T""",
        """def block(x, inner, outer):
    if x.dim() > 1:
        return torch.stack([block(row, inner, outer) for row in x])
    both = inner @ x
    h = len(both) // 2
    return outer @ (both[:h] * F.silu(both[h:]))""",
        """def block(x, inner, outer):
    both = x.numpy() @ inner.numpy().T
    value, gate = np.split(both, 2, axis=-1)
    return torch.tensor((value * gate / (1 + np.exp(-gate))) @ outer.numpy().T)""",
    ],
    "7.7": [
        "lambda: ([(1, 1), (0, 0), (2, 0)], [(2, 0), (0, 0)])",
        "lambda: np.array([[[-1, 0], [0, 1], [1, 0]], [[-1, 0], [1, 0], [0, 0]]]).tolist()",
        "lambda: [torch.tensor([[0.0, 1], [1, 2], [2, 1]]), torch.tensor([[0.0, 1], [2, 1]])]",
    ],
    "8.4": [
        """class Waves(nn.Module):
    def __init__(self, amplitude, omega, phase):
        super().__init__()
        for name, value in dict(amplitude=amplitude, omega=omega, phase=phase).items():
            self.register_parameter(name, nn.Parameter(value.clone()))
    def forward(self, x):
        return sum(c * torch.sin(w * x + p)
                   for c, w, p in zip(self.amplitude, self.omega, self.phase))""",
        """class Waves(nn.Module):
    def __init__(self, amplitude, omega, phase):
        super().__init__()
        self.amplitude, self.omega, self.phase = map(nn.Parameter, (amplitude, omega, phase))
    def forward(self, x):
        return torch.sin(x[..., None] * self.omega + self.phase) @ self.amplitude""",
        """class Waves(nn.Module):
    def __init__(self, amplitude, omega, phase):
        super().__init__()
        self.amplitude = nn.Parameter(amplitude)
        self.omega = nn.Parameter(omega)
        self.phase = nn.Parameter(phase)
    def forward(self, x):
        angle = torch.einsum("...,k->...k", x, self.omega) + self.phase
        return torch.einsum("...k,k->...", angle.sin(), self.amplitude)""",
    ],
    "8.5": [
        """def rational(x, a, b):
    above = torch.zeros_like(x)
    for c in a.flip(0):
        above = above * x + c
    below = torch.zeros_like(x)
    for c in b.flip(0):
        below = (below + c) * x
    return above / (1 + below.abs())""",
        """def rational(x, a, b):
    above = (x[..., None] ** torch.arange(len(a)) * a).sum(-1)
    below = (x[..., None] ** torch.arange(1, len(b) + 1) * b).sum(-1)
    return above / (1 + below.abs())""",
        """def rational(x, a, b):
    v = torch.stack([x ** k for k in range(max(len(a), len(b) + 1))], -1)
    return v[..., : len(a)] @ a / (1 + (v[..., 1 : len(b) + 1] @ b).abs())""",
    ],
    "8.6": [
        """def pieces(x, c):
    inside = x.clamp(-2, 2)
    i = inside.detach().floor().clamp(-2, 1).long()
    t = inside - i
    return c[i + 2] * (1 - t) + c[i + 3] * t""",
        """def pieces(x, c):
    out = 0 * x
    for k in range(5):
        out = out + c[k] * (1 - (x.clamp(-2, 2) - (k - 2)).abs()).clamp(min=0)
    return out""",
        """def pieces(x, c):
    y, out = x.clamp(-2, 2), c[0] + 0 * x
    for k in range(4):
        out = out + (c[k + 1] - c[k]) * (y - (k - 2)).clamp(0, 1)
    return out""",
    ],
    "8.8": [
        """def control(learnt):
    with torch.no_grad():
        square = learnt(torch.randn(100_000)).square().mean()
    return lambda x: (2 * square).sqrt() * F.relu(x)""",
        """def control(learnt):
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    with torch.no_grad():
        f = learnt(torch.tensor(nodes).float()).numpy()
    c = math.sqrt(2 * (weights * f ** 2).sum() / weights.sum())
    class Scaled(nn.Module):
        def forward(self, x):
            return c * F.relu(x)
    return Scaled()""",
        """def control(learnt):
    generator = torch.Generator().manual_seed(7)
    z = torch.randn(200_000, generator=generator)
    factor = (2 * learnt(z).detach().pow(2).mean()).sqrt().item()
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(torch.tensor(factor), requires_grad=False)
        def forward(self, x):
            return self.factor * x.clamp(min=0)
    return Scaled()""",
    ],
    "9.3": [
        """def gain(f):
    nodes, weights = np.polynomial.hermite_e.hermegauss(150)
    z = torch.linspace(-10, 10, 20001).double()
    density = torch.exp(-z ** 2 / 2)
    return (density.sum() / (f(z) ** 2 * density).sum()) ** 0.5""",
        """def gain(f):
    z = np.linspace(-9, 9, 40001)
    values = f(torch.tensor(z)).numpy() ** 2 * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    return 1 / np.sqrt(values.sum() * (z[1] - z[0]))""",
        """def gain(f):
    total, step = 0.0, 0.005
    for k in range(-1800, 1801):
        z = torch.tensor(k * step, dtype=torch.float64)
        total += float(f(z)) ** 2 * math.exp(-(k * step) ** 2 / 2) * step
    return (math.sqrt(2 * math.pi) / total) ** 0.5""",
    ],
    "9.6": [
        "lambda layer: (nn.init.kaiming_uniform_(layer.weight, nonlinearity='relu'), layer.bias.data.zero_())",
        """def init_(layer):
    with torch.no_grad():
        layer.weight.copy_(torch.randn_like(layer.weight) * (2 / layer.in_features) ** 0.5)
        layer.bias[:] = 0
    return layer""",
        "lambda layer: (nn.init.orthogonal_(layer.weight, gain=2 ** 0.5), nn.init.zeros_(layer.bias))",
    ],
    "10.3": [
        """def dead_units(batches):
    dead = None
    for h in batches:
        silent = (h == 0).all(0)
        dead = silent if dead is None else dead & silent
    return dead.sum()""",
        """def dead_units(batches):
    largest = 0
    for h in batches:
        largest = np.maximum(largest, np.abs(h.numpy()).max(0))
    return int((largest == 0).sum())""",
        """def dead_units(batches):
    fired = set()
    for h in batches:
        units = h.shape[1]
        for row in h.tolist():
            fired |= {unit for unit, value in enumerate(row) if value != 0}
    return units - len(fired)""",
    ],
    "10.8": [
        """def wake(net, dead):
    for i, mask in enumerate(dead):
        for u in mask.nonzero().flatten().tolist():
            net.linears[i].weight.data[u] = torch.rand(net.linears[i].in_features) - 0.5
            net.linears[i].bias.data[u] = 0
            net.linears[i + 1].weight.data[:, u] = 0""",
        """def wake(net, dead):
    with torch.no_grad():
        for into, out, mask in zip(net.linears, net.linears[1:], dead):
            fresh = nn.init.kaiming_normal_(torch.empty_like(into.weight))
            into.weight.copy_(torch.where(mask[:, None], fresh, into.weight))
            into.bias.masked_fill_(mask, 0)
            out.weight.masked_fill_(mask, 0)
    return net""",
        """@torch.no_grad()
def wake(net, dead):
    for i in range(len(dead)):
        rows = dead[i].nonzero().flatten()
        a, b = net.linears[i], net.linears[i + 1]
        a.weight.index_copy_(0, rows, torch.randn(len(rows), a.in_features))
        a.bias.index_fill_(0, rows, 0.0)
        b.weight.index_fill_(1, rows, 0.0)
f = wake""",
    ],
    "11.3": [
        "lambda loss, w, v: torch.autograd.functional.hvp(loss, w, v)[1]",
        "lambda loss, w, v: torch.func.jvp(torch.func.grad(loss), (w,), (v,))[1]",
        """def product(loss, w, v):
    w = w.clone().requires_grad_()
    g = torch.autograd.grad(loss(w), w, create_graph=True)[0]
    return torch.autograd.grad(g, w, grad_outputs=v)[0]""",
    ],
    "11.6": [
        "lambda d, w: torch.stack([a * b.norm() / a.norm() for a, b in zip(d, w)])",
        """def normalised(direction, weight):
    axes = tuple(range(1, direction.dim()))
    length = lambda t: t.square().sum(axes, keepdim=True).sqrt()
    return direction * length(weight) / length(direction)""",
        """def normalised(direction, weight):
    out = direction.clone()
    for filter, other in zip(out, weight):
        filter.mul_(float(np.linalg.norm(other.numpy())) / filter.norm())
    return out""",
    ],
    "12.5": [
        """def difference(a, b, factor):
    d = np.array(a) - np.array(b)
    half = factor * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean() - half, d.mean() + half""",
        """def difference(a, b, factor):
    d = [x - y for x, y in zip(a, b)]
    mean = sum(d) / len(d)
    half = factor * math.sqrt(sum((v - mean) ** 2 for v in d) / (len(d) - 1) / len(d))
    return [mean - half, mean + half]""",
        """def difference(a, b, factor):
    d = torch.tensor(a, dtype=torch.float64).sub_(torch.tensor(b, dtype=torch.float64))
    half = factor * d.var().div(len(d)).sqrt()
    return float(d.mean() - half), float(d.mean() + half)""",
    ],
    "12.6": [
        """def holm(p):
    p = np.asarray(p)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(1, steps)
    return out""",
        """def holm(p):
    t, m = torch.tensor(p, dtype=torch.float64), len(p)
    values, order = t.sort()
    found = (values * torch.arange(m, 0, -1)).cummax(0).values.clamp(max=1)
    return torch.empty_like(t).scatter_(0, order, found).tolist()""",
        """def holm(p):
    m, s = len(p), sorted(p)
    return [min(1, max((m - k) * s[k] for k in range(m) if s[k] <= v)) for v in p]""",
    ],
    "12.8": [
        """def train(net, x, y, steps, *, optimiser):
    mine = [id(p) for p in net.parameters()]
    theirs = [id(p) for g in optimiser.param_groups for p in g["params"]]
    if sorted(mine) != sorted(theirs):
        raise ValueError("other parameters")
    for step in range(steps):
        loss = F.cross_entropy(net(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net""",
        """def train(net, x, y, steps, *, optimiser):
    own = set(map(id, net.parameters()))
    for group in optimiser.param_groups:
        for p in group["params"]:
            if id(p) not in own:
                raise ValueError("a stranger")
            own.remove(id(p))
    if own:
        raise ValueError("left out")
    while steps:
        optimiser.zero_grad()
        nn.CrossEntropyLoss()(net(x), y).backward()
        optimiser.step()
        steps -= 1""",
        """def train(net, x, y, steps, *, optimiser):
    held = {p for group in optimiser.param_groups for p in group["params"]}
    if held ^ set(net.parameters()):
        raise ValueError("not exactly the parameters of net")
    def closure():
        optimiser.zero_grad()
        loss = F.nll_loss(F.log_softmax(net(x), 1), y)
        loss.backward()
        return loss
    for _ in range(steps):
        optimiser.step(closure)""",
    ],
    "12.9": [
        """def fair(run, names, rates, tuning_seeds, final_seeds):
    def tuned(name):
        table = np.array([[run(name, lr, s, True) for s in tuning_seeds] for lr in rates])
        return rates[int(table.mean(1).argmax())]
    chosen = {name: tuned(name) for name in names}
    return {n: [run(n, lr, s, False) for s in final_seeds] for n, lr in chosen.items()}""",
        """def fair(run, names, rates, tuning_seeds, final_seeds):
    results = {}
    for name in names:
        best, highest = None, -math.inf
        for lr in rates:
            total = 0.0
            for seed in tuning_seeds:
                total += run(name, lr, seed, tuning=True)
            if total > highest:
                best, highest = lr, total
        results[name] = []
        for seed in final_seeds:
            results[name].append(run(name, best, seed, tuning=False))
    return results""",
        """def fair(run, names, rates, tuning_seeds, final_seeds):
    found = {}
    for name in names:
        means = torch.tensor([[run(name, lr, s, True) for lr in rates] for s in tuning_seeds])
        best = rates[means.mean(0).argmax()]
        found[name] = torch.tensor([run(name, best, s, False) for s in final_seeds],
                                   dtype=torch.float64).tolist()
    return found""",
    ],
    "13.4": [
        """def ratio(f, g, clock, rounds):
    f(); g()
    times = np.empty((rounds, 2))
    for row in times:
        for at, h in enumerate((f, g)):
            start = clock(); h(); row[at] = clock() - start
    return np.median(times[:, 0] / times[:, 1])""",
        """def ratio(f, g, clock, rounds):
    def time(h):
        start = clock()
        h()
        return clock() - start
    time(f), time(g)
    return sorted(time(f) / time(g) for _ in range(rounds))[rounds // 2]""",
        """def ratio(f, g, clock, rounds):
    found = []
    for _ in range(rounds + 2):
        a = clock(); g(); b = clock(); f(); c = clock()
        found.append((c - b) / (b - a))
    return torch.tensor(found[1:]).median()""",
    ],
    "13.5": [
        "lambda x: torch.logaddexp(x, torch.zeros_like(x))",
        """class Softplus(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))
    @staticmethod
    def backward(ctx, g):
        return g * torch.sigmoid(ctx.saved_tensors[0])
softplus = Softplus.apply""",
        "lambda x: -F.logsigmoid(-x)",
    ],
    "13.8": [
        """def ends(f, dtype):
    from actlab import precision
    x = precision.numbers(dtype)
    x = x[x > 0].requires_grad_()
    slope = torch.autograd.grad(f(x).sum(), x)[0]
    answer = math.inf
    for value, s in zip(x.tolist()[::-1], slope.tolist()[::-1]):
        if s != 0:
            break
        answer = value
    return answer""",
        """def ends(f, dtype):
    bits = torch.arange(1, 2 ** 15, dtype=torch.int32).to(torch.int16).view(dtype)
    x = bits[bits.isfinite()].requires_grad_()
    slope, = torch.autograd.grad(f(x).sum(), x)
    zero = (slope == 0).flip(0).cummin(0).values
    count = int(zero.sum())
    return x.detach()[-count].item() if count else torch.inf""",
        """def ends(f, dtype):
    from actlab import precision
    x = precision.numbers(dtype)
    x = x[x > 0].requires_grad_()
    f(x).sum().backward()
    alive = np.flatnonzero(x.grad.float().numpy())
    at = alive.max() + 1 if len(alive) else 0
    return np.inf if at == len(x) else x[at].item()""",
    ],
    "14.6": [
        """def label_agreement(x, y):
    hits = 0
    for i in range(len(x)):
        others = [j for j in range(len(x)) if j != i]
        nearest = min(others, key=lambda j: float((x[i] - x[j]).norm()))
        hits += int(y[nearest] == y[i])
    return hits / len(x)""",
        """def label_agreement(x, y):
    nearest = torch.cdist(x, x).topk(2, largest=False).indices[:, 1]
    return (y[nearest] == y).double().mean()""",
        """def label_agreement(x, y):
    x, y = x.numpy(), y.numpy()
    d = ((x[:, None] - x[None]) ** 2).sum(-1)
    np.fill_diagonal(d, np.inf)
    return (y[d.argmin(1)] == y).mean()""",
    ],
    "14.7": [
        """import dataclasses
f = lambda case: dataclasses.replace(case, inputs="symmetric", weights=1.0, lr=0.02)""",
        """def repair(case):
    from course.ch14.patients import Case
    fields = dict(vars(case), inputs="symmetric", weights=1.0, lr=0.02)
    return Case(**fields)""",
        """import copy
def repair(case):
    new = copy.copy(case)
    for name, value in dict(inputs="symmetric", weights=1.0, lr=0.02).items():
        object.__setattr__(new, name, value)
    return new""",
    ],
    "15.5": [
        """def winner_and_bias(search, fresh):
    best = max(range(len(search)), key=lambda k: search[k])
    return best, search[best] - sum(fresh[best]) / len(fresh[best])""",
        """def winner_and_bias(search, fresh):
    s, f = search.numpy(), fresh.numpy()
    return s.argmax(), (s - f.mean(1))[s.argmax()]""",
        """def winner_and_bias(search, fresh):
    value, winner = search.max(0)
    return [winner, value - fresh.mean(1)[winner]]""",
    ],
    "15.6": [
        """def difference(mine, theirs):
    found = []
    for table in (mine, theirs):
        best = None
        for lr, (validation, test) in table.items():
            if best is None or validation.mean() > best[0]:
                best = validation.mean(), test
        found.append(best[1])
    return (found[0] - found[1]).mean()""",
        """def difference(mine, theirs):
    def judged(table):
        means = torch.stack([v for v, _ in table.values()]).mean(1)
        return torch.stack([t for _, t in table.values()])[means.argmax()]
    return judged(mine).mean() - judged(theirs).mean()""",
        """def difference(mine, theirs):
    score = lambda table: max(table.values(), key=lambda pair: float(pair[0].sum()))[1].numpy()
    return float(np.mean(score(mine) - score(theirs)))""",
    ],
    "15.7": [
        """from actlab import design
own = design.candidate(lambda x: F.silu(x) + torch.sin(x) / 2, name="Ripple")
plan = design.make_plan(own, {key: "not shown" for key in design.rivals(own, 1)},
    "The ripple bends the slope more than the size.", init="he", epochs=1,
    rates=(0.03, 0.1), tuning_seeds=(100,), seeds=range(5))
report = design.run(plan, own, design.register(plan))""",
    ],
}
CODE = {
    entry.id: entry
    for number in core.chapters()
    if number <= core.LAST
    for entry in core.chapter(number).exercises
    if isinstance(entry, Code)
}


def test_every_code_exercise_is_answered_in_other_styles():
    assert STYLES.keys() == CODE.keys()
    assert all(len(sources) >= 3 for id, sources in STYLES.items() if id != "15.7")


@pytest.mark.parametrize(
    ("id", "source"), [(id, source) for id, rows in STYLES.items() for source in rows]
)
def test_right_answers_pass_in_other_styles(id, source):
    got = core.grade(CODE[id], answer_from_source(source))
    assert got.status == "right", got.text


# -- a slip is named for answers that this slip makes, and for no other ----------------

# (exercise, answer, what the reply says, what it must not say)
NAMED = [
    ("1.4", "lambda x: (x.sum(1) == 1) * 0.9", "is 0 or 1", "OR"),
    ("3.4", "lambda x: torch.sigmoid(x.clamp(-20, 20))", "a bound on x", "cancels"),
    ("3.4", "lambda x: 1 - 1 / (1 + x.exp())", "does not subtract", "bound"),
    (
        "3.4",
        """def sigmoid(x):
    left, power = 1 / (1 + torch.exp(-F.relu(x))), torch.exp(-F.relu(-x))
    return torch.where(x >= 0, left, power / (1 + power))""",
        "and relu too, the slope 0",
        "torch.maximum",
    ),
    (
        "4.5",
        "lambda x, s: torch.maximum(x, s.view(1, -1, *[1] * (x.dim() - 2)) * x)",
        "expected",
        "image width",
    ),
    (
        "9.3",
        """def gain(f):
    z = torch.linspace(-3, 3, 2001).double()
    w = torch.softmax(-z ** 2 / 2, 0)
    return 1 / (f(z) ** 2 * w).sum() ** 0.5""",
        "Beyond ±3",
        "Random draws",
    ),
    (
        "9.3",
        """def gain(f):
    z = torch.linspace(-2.5, 2.5, 2001).double()
    w = torch.softmax(-z ** 2 / 2, 0)
    return 1 / (f(z) ** 2 * w).sum() ** 0.5""",
        "expected",
        "Random draws",
    ),
    (
        "9.3",
        "lambda f: 1 / f(torch.randn(500)).square().mean().sqrt()",
        "Random draws leave an error",
        "Every point counts alike",
    ),
    (
        "10.3",
        """def dead_units(batches):
    dead = torch.zeros(1, dtype=torch.bool)
    for h in batches:
        dead = dead | (h == 0).all(0)
    return dead.sum()""",
        "silent in *some* batch",
        "add up to 0",
    ),
    (
        "10.3",
        "lambda batches: int((next(iter(batches)) == 0).all(0).sum())",
        "count of the first batch",
        "last batch. One",
    ),
    (
        "10.3",
        "lambda batches: int((sum((h > 0).sum(0) for h in batches) == 0).sum())",
        "negative only",
        "add up to 0",
    ),
    (
        "14.6",
        """def label_agreement(x, y):
    d = torch.cdist(x, x)
    d.fill_diagonal_(10)
    return (y[d.argmin(1)] == y).float().mean()""",
        "more than any distance",
        "nearest to himself",
    ),
]


@pytest.mark.parametrize(("id", "source", "said", "unsaid"), NAMED)
def test_a_slip_is_named_for_itself_alone(id, source, said, unsaid):
    got = core.grade(CODE[id], answer_from_source(source))
    assert got.status == "wrong" and said in got.text
    assert unsaid not in got.text


FORBIDDEN = [
    ("6.4", "lambda z, dim, t: F.log_softmax(z / t, dim)", "log_softmax made them"),
    ("6.4", "lambda z, dim, t: z / t - torch.logsumexp(z / t, dim, True)", "logsumexp"),
    ("6.4", "lambda z, dim, t: (z / t).double().log_softmax(dim)", "leaves it out"),
    ("10.3", "lambda hs: int((~(torch.cat(list(hs)) > 0).any(0)).sum())", "negative"),
    (
        "10.3",
        "lambda hs: int((torch.cat([+h for h in hs]) == 0).all(0).sum())",
        "memory",
    ),
    *[
        (
            "10.3",
            f"lambda hs: int((np.concatenate([{kept} for h in hs]) == 0).all(0).sum())",
            "memory",
        )
        for kept in (
            "h.numpy()",
            "h.numpy().copy()",
            "h.numpy().astype(bool)",
            "np.array(h.tolist())",
            "h.tolist()",
        )
    ],
    (
        "10.3",
        """def dead_units(batches):
    columns = {}
    for h in batches:
        for unit, values in enumerate(h.T.tolist()):
            columns.setdefault(unit, []).extend(values)
    return sum(not any(values) for values in columns.values())""",
        "memory grew",
    ),
    ("11.3", "lambda loss, w, v: torch.func.hessian(loss)(w) @ v", "that is H"),
    (
        "11.3",
        """def product(loss, w, v):
    w = w.detach().requires_grad_()
    g, = torch.autograd.grad(loss(w), w, create_graph=True)
    rows = [torch.autograd.grad(part, w, retain_graph=True)[0] for part in g]
    return torch.tensor([float(row @ v) for row in rows])""",
        "row by row",
    ),
    (
        "11.3",
        """def product(loss, w, v):
    def slope(w):
        w = w.detach().requires_grad_()
        return torch.autograd.grad(loss(w), w)[0]
    return (slope(w + 1e-5 * v) - slope(w - 1e-5 * v)) / 2e-5""",
        "as of two gradients, loses digits",
    ),
]


@pytest.mark.parametrize(("id", "source", "said"), FORBIDDEN)
def test_what_the_task_forbids_is_refused_with_a_reason(id, source, said):
    got = core.grade(CODE[id], answer_from_source(source))
    assert got.status == "wrong" and said in got.text


MORE = [
    (
        "7.4",
        "lambda x, a, b: F.linear((lambda v, g: v * F.gelu(g))(*F.linear(x, a).chunk(2, -1)), b)",
        "GEGLU",
    ),
    (
        "9.6",
        "lambda layer: (nn.init.kaiming_normal_(layer.weight), nn.init.ones_(layer.bias))",
        "Biases up to 1",
    ),
    ("11.3", "lambda loss, w, v: torch.func.grad(loss)(w) @ v", "a number came back"),
    (
        "11.6",
        "lambda d, w: -torch.stack([a * b.norm() / a.norm() for a, b in zip(d, w)])",
        "the directions are not",
    ),
]


@pytest.mark.parametrize(("id", "source", "said"), MORE)
def test_wrong_answers_are_told_what_is_wrong_with_them(id, source, said):
    got = core.grade(CODE[id], answer_from_source(source))
    assert got.status == "wrong" and said in got.text
