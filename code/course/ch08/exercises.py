"""Exercises and predictions of chapter 08, trainable activations.

Exercise 8.0 is the self-check at the top of the chapter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..exercises.model import Choice, Code, Number, Page, Prediction, slips
from ..exercises.normal import GRID, average
from ..exercises.report import Report, answer_from_source

if TYPE_CHECKING:
    from actlab.statistics import Interval

# --- what the predictions are compared with ---------------------------------------


def shared_slope() -> Interval:
    """Where the shared PReLU slope stood after 15 epochs."""
    from actlab import studies
    from actlab.statistics import interval

    rows = studies.final("slope-or-gain", epoch=15)
    chosen = (
        (rows["regime"] == "sgd_small")
        & (rows["activation"] == "prelu")
        & (rows["variant"] == "shared")
        & (rows["init"] == "default")
    )
    return interval(rows.loc[chosen, "parameter"])


def fourier_psnr() -> Interval:
    """PSNR on the chirp of ReLU behind Fourier features, at its best learning rate."""
    from actlab import studies
    from actlab.statistics import interval

    rows = studies.load("frequency-or-activation")
    chosen = (rows["regime"] == "chirp") & (rows["activation"] == "relu_fourier")
    psnr = rows[chosen].set_index("lr")["psnr"]
    return interval(psnr[psnr.groupby("lr").mean().idxmax()])


# --- 8.4 ----------------------------------------------------------------------------


def reference_waves(
    x: Tensor, amplitude: Tensor, omega: Tensor, phase: Tensor
) -> Tensor:
    """The sum of sines, in float64."""
    x, amplitude, omega, phase = (v.double() for v in (x, amplitude, omega, phase))
    return (amplitude * torch.sin(x.unsqueeze(-1) * omega + phase)).sum(-1)


WAVES = ("amplitude", "omega", "phase")


def grade_waves(answer: Any, variant: int | None, report: Report) -> None:
    """8.4: values on three shapes, three parameters, a gradient for each of them."""
    report.function(answer, "the class Waves")
    start = [report.draw(6, -2, 2, salt=name) for name in WAVES]
    module = report.call(answer, *start, at="Waves(amplitude, omega, phase)")
    if not isinstance(module, nn.Module):
        report.fail("Waves(amplitude, omega, phase) should make an nn.Module.")
    _started_as(report, module, dict(zip(WAVES, start, strict=True)))
    for shape in ((50,), (4, 6), (2, 3, 5)):
        x = report.draw(*shape, -3, 3, salt=str(shape))
        x.view(-1)[-2:] = torch.tensor([-25.0, 25.0])
        at = f"on shape {shape}"
        got = report.tensor(report.call(module, x, at=at), shape, at).double()
        right = reference_waves(x, *start)
        if not torch.allclose(got, right, atol=1e-4):

            def values(wrong: Callable[..., Any], x: Tensor = x) -> Any:
                return wrong(*start)(x)

            why = report.mistake(got, by=values)
            report.fail(f"{at}: the values are not Σ C sin(Ωx + Φ). {why}".strip())
        report.cases += x.numel()
    x = report.draw(50, -3, 3)
    _all_learn(report, lambda x: module(x), dict(module.named_parameters()), x)
    other = report.tensor(report.call(module, -x, at="on other numbers"), x.shape)
    report.expect(
        torch.allclose(other.double(), reference_waves(-x, *start), atol=1e-4),
        "right the first time. For other numbers of the same shape the values are not "
        "theirs: something is kept from call to call.",
    )
    at = "a second time"
    before = report.tensor(report.call(module, x, at=at), x.shape, at)
    twin = report.call(answer, *(row + 1 for row in start), at="Waves(…) once more")
    report.call(twin, x, at="Waves(…) once more")
    after = report.tensor(report.call(module, x, at=at), x.shape, at)
    report.expect(
        torch.allclose(before, after),
        "right, until a second Waves(…) is made or used: then the first returns other "
        "values. Each object needs three parameters of its own, made in its __init__.",
    )


WAVES_SOURCE = """class Waves(nn.Module):
    def __init__(self, amplitude, omega, phase):
        super().__init__()
        self.amplitude = nn.Parameter(amplitude.clone())
        self.omega = nn.Parameter(omega.clone())
        self.phase = nn.Parameter(phase.clone())
    def forward(self, x):
        c, w, p = self.amplitude, self.omega, self.phase
        x = x.unsqueeze(-1)
        return (c * torch.sin(x * w + p)).sum(-1)"""


def _started_as(report: Report, module: nn.Module, rows: Mapping[str, Tensor]) -> None:
    """Fail unless the module learns these numbers, under whatever names, and no more."""
    named = dict(module.named_parameters())
    frozen = [name for name, p in named.items() if not p.requires_grad]
    if frozen:
        report.fail(
            f"`{frozen[0]}` has requires_grad=False: it stays where it starts. All "
            "three learn."
        )
    held = [p.detach().flatten() for p in named.values()]
    for name, row in rows.items():
        value = getattr(module, name, None)
        if value is ...:
            report.fail(f"`{name}` is still `...`.")
        if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
            report.fail(
                f"`{name}` is a plain tensor: no optimiser is told of it. Wrap it in "
                "nn.Parameter."
            )
        if isinstance(value, nn.Parameter):
            flat = value.detach().flatten()  # an axis of length 1 does no harm
            same = flat.shape == row.shape and torch.allclose(flat, row)
            report.expect(
                same, f"`{name}` does not start with the numbers that were given."
            )
        elif any(v not in torch.cat([*held, row[:0]]) for v in row):
            report.fail(
                f"no nn.Parameter holds the numbers of `{name}`: what is no parameter "
                "does not learn, and all three start as given."
            )
    count, wanted = sum(map(len, held)), sum(map(len, rows.values()))
    report.expect(
        count == wanted, f"{count} numbers are learnt; the three rows have {wanted}."
    )


def _all_learn(
    report: Report,
    function: Callable[[Tensor], Tensor],
    leaves: Mapping[str, Tensor],
    x: Tensor,
) -> None:
    """Fail unless the input and every leaf receive a finite gradient that is not 0."""
    x = x.clone().requires_grad_()
    leaves = {"x": x} | dict(leaves)

    def backward(_: Tensor) -> Any:
        out = function(x)
        if not (isinstance(out, Tensor) and out.requires_grad):
            return [None] * len(leaves)
        weight = torch.linspace(0.5, 1.5, out.numel()).reshape(out.shape)
        total = (weight * out).sum()
        return torch.autograd.grad(total, list(leaves.values()), allow_unused=True)

    found = report.call(backward, x, at="in the backward pass")
    for name, slope in zip(leaves, found, strict=True):
        if slope is None:
            report.fail(
                f"the values are right, and no gradient reaches `{name}`. Where does "
                "the computation leave PyTorch?"
            )
        if not torch.isfinite(slope).all():
            report.fail(f"the gradient of `{name}` is not finite.")
        report.expect(
            slope.abs().max() > 0, f"the gradient of `{name}` is 0 everywhere."
        )


# --- 8.5 ----------------------------------------------------------------------------


RATIONAL = """def rational(x, a, b):
    below = 1 + sum(c * x**k for k, c in enumerate(b, 1)).abs()
    return sum(c * x**k for k, c in enumerate(a)) / below"""


def grade_rational(answer: Any, variant: int | None, report: Report) -> None:
    """8.5: values for three pairs of degrees, and gradients for x, a and b."""
    report.function(answer)
    exact = answer_from_source(RATIONAL)
    for m, n in ((2, 2), (5, 4), (1, 3)):
        a = report.draw(m + 1, -1, 1, salt=f"a{m}")
        b = report.draw(n, -1, 1, salt=f"b{n}")
        b[0] = -3.0  # where 1 + Q would have a pole
        ends = torch.tensor([0.0, -20.0, 20.0])
        x = torch.cat([ends, report.draw(40, -3, 3, salt=f"x{m}")])
        at = f"with {m + 1} and {n} coefficients"
        got = report.tensor(report.call(answer, x, a, b, at=at), x.shape, at).double()
        right = exact(x.double(), a.double(), b.double())
        bad = ~torch.isclose(got, right, rtol=1e-4, atol=1e-4)
        if bad.any():
            why = report.mistake(got, x, a, b, rtol=1e-3, atol=1e-3)
            i = int(bad.nonzero()[0])
            report.fail(
                f"{at}, at x = {x[i]:.3g}: expected {right[i]:.4g}, got {got[i]:.4g}. "
                f"{why}".strip()
            )
        report.cases += x.numel()
    leaves = {"a": a.clone().requires_grad_(), "b": b.clone().requires_grad_()}
    x = report.draw(40, -3, 3)
    _all_learn(report, lambda x: answer(x, leaves["a"], leaves["b"]), leaves, x)
    _right_slopes(report, answer, exact, {"x": x, "a": a, "b": b})


# --- 8.6 ----------------------------------------------------------------------------


def reference_pieces(x: Tensor, c: Tensor) -> Tensor:
    """Straight pieces between the values at −2 … 2, constant beyond, in float64."""
    hats = F.relu(
        1 - (x.double().clamp(-2, 2).unsqueeze(-1) - torch.arange(-2.0, 3)).abs()
    )
    return (hats * c.double()).sum(-1)


def grade_pieces(answer: Any, variant: int | None, report: Report) -> None:
    """8.6: the values of the given lines, and gradients for x and all of c."""
    report.function(answer)
    c = report.draw(5, -2, 2, salt="c")
    knots = torch.tensor([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 5.0, -200.0, 200.0])
    grid = report.draw(3, 4, -2, 2)
    for x in (torch.cat([knots, report.draw(40, -3, 3)]), grid, -grid):
        at = f"on shape {tuple(x.shape)}"
        got = report.tensor(report.call(answer, x, c, at=at), x.shape, at).double()
        right = reference_pieces(x, c)
        bad = ~torch.isclose(got, right, rtol=1e-4, atol=1e-4)
        if bad.any():
            why = report.mistake(got, x, c)
            i = tuple(bad.nonzero()[0].tolist())
            report.fail(
                f"at x = {x[i]:.3g}: expected {right[i]:.4g}, got {got[i]:.4g}. "
                f"{why}".strip()
            )
        report.cases += x.numel()
    leaf = c.clone().requires_grad_()
    x = report.draw(60, -1.95, 1.95, salt="slopes")
    _all_learn(report, lambda x: answer(x, leaf), {"c": leaf}, x)
    _right_slopes(report, answer, reference_pieces, {"x": x, "c": c})
    beyond = torch.tensor([-50.0, -3.5, -2.25, 2.25, 3.5, 50.0, 0.5])
    _, slope = report.value_and_slope(answer, beyond, c, at="beyond the knots")
    report.expect(
        slope[:-1].abs().max() < 1e-6,
        f"the values are right, and so are the slopes between the knots. At x = 3.5 "
        f"the slope is {slope[4]:.3g}: beyond the knots the curve is constant.",
    )


PIECES = """def pieces(x, c):
    left = x.detach().clamp(-2, 1.999999).floor()
    t = x.clamp(-2, 2) - left
    i = (left + 2).long()
    return (1 - t) * c[i] + t * c[i + 1]"""


def _right_slopes(
    report: Report, answer: Any, exact: Any, leaves: Mapping[str, Tensor]
) -> None:
    """Fail unless all gradients of the sum are those of the exact function."""

    def slopes(function: Any, *leaves: Tensor) -> tuple[Tensor, ...]:
        own = [leaf.clone().requires_grad_() for leaf in leaves]
        return torch.autograd.grad(function(*own).sum(), own)

    def answered(*leaves: Tensor) -> tuple[Tensor, ...]:
        return slopes(answer, *leaves)

    got = report.call(answered, *leaves.values(), at="backward")
    wanted = slopes(exact, *leaves.values())
    for name, mine, right in zip(leaves, got, wanted, strict=True):
        close = torch.allclose(mine.double(), right.double(), rtol=1e-3, atol=1e-3)
        report.expect(close, f"the values are right, the gradient of `{name}` is not.")


# --- 8.8 ----------------------------------------------------------------------------


def second_moment(function: Callable[[Tensor], Tensor]) -> float:
    """E[f(Z)²] for standard normal Z and a function of float32 numbers."""
    with torch.no_grad():
        return average(function(GRID.float()).double() ** 2)


def control_cases(variant: int | None) -> dict[str, nn.Module]:
    """Trained-looking activations of several shapes and gains."""
    from actlab.activations import LearnableELU, Swish

    shift = 0.0 if variant is None else 0.1 * (variant % 9)
    return {
        "PReLU with slope 3": nn.PReLU(init=3.0 + shift),
        "PReLU with slope −0.5": nn.PReLU(init=-0.5 - shift),
        "a learnt ELU, α = 2.5": LearnableELU(2.5 + shift),
        "Swish with β = 0.3": Swish(beta=0.3 + shift, trainable=True),
    }


STATED = 0.05  # the task says how exact E[g²] must be


def grade_control(answer: Any, variant: int | None, report: Report) -> None:
    """8.8: shape of ReLU, gain of the learnt function, nothing left to learn."""
    report.function(answer)
    learners = control_cases(variant)
    for name, learnt in learners.items():
        before = deepcopy(learnt)
        control = report.call(answer, learnt, at=f"control of {name}")
        if _touched(before, learnt):
            report.remark(
                "One thing beside the task: the learnt module is not as it was; its "
                "numbers, its mode or what learns in it have changed. Work on a copy."
            )
        if not callable(control):
            report.fail(f"control of {name}: a function is expected.")
        if isinstance(control, nn.Module) and any(
            p.requires_grad for p in control.parameters()
        ):
            report.fail(
                f"control of {name}: it still has something to learn. A control holds "
                "still."
            )
        _relu_shape(report, control, learnt, name)
        wanted = second_moment(learnt)
        got = report.call(second_moment, control, at=name)
        if not abs(got / wanted - 1) < STATED:

            def moments(control: Callable[..., Any]) -> list[float]:
                return [second_moment(control(f)) for f in learners.values()]

            found = report.call(moments, answer, at=name)
            why = report.mistake(found, by=moments, rtol=0.01, atol=0)
            if not why and abs(got / wanted - 1) < 5 * STATED:
                why = (
                    f"{100 * abs(got / wanted - 1):.0f} % off, and {100 * STATED:.0f} "
                    "% are allowed. Random draws need a hundred thousand; a grid gives "
                    "more digits for less."
                )
            report.fail(
                f"control of {name}: E[f²] is {wanted:.3f}, your E[g²] {got:.3f}. "
                f"{why}".strip()
            )
        report.cases += 1


def _touched(before: nn.Module, after: nn.Module) -> bool:
    """Whether a module's numbers, its mode or what learns in it is no longer as it was."""
    pairs = zip(before.parameters(), after.parameters(), strict=True)
    return before.training != after.training or any(
        a.requires_grad != b.requires_grad or not torch.equal(a, b) for a, b in pairs
    )


CONTROL = """def control(learnt):
    z = torch.linspace(-8, 8, 4001)
    weight = torch.exp(-z**2 / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    with torch.no_grad():
        f = learnt(z)
    square, mean = (weight * f**2).sum(), (weight * f).sum()
    factor = (2 * square) ** 0.5
    return lambda x: factor * F.relu(x)"""


def _relu_shape(report: Report, control: Any, learnt: nn.Module, name: str) -> None:
    x = torch.linspace(-3, 3, 61)
    made = report.call(control, x, at=name)
    got = report.tensor(made, x.shape, name)
    if made.requires_grad:
        report.fail(
            f"control of {name}: a gradient leads to a number in it, so it can still "
            "learn. Take the factor out of the graph with .item()."
        )
    report.alone(
        control,
        x,
        got,
        at=f"control of {name}",
        hint="work out the factor once, for standard normal numbers.",
    )
    factor = float(got[-1]) / 3
    if torch.allclose(got, learnt(x).detach(), atol=1e-5):
        report.fail(
            f"control of {name}: that is the function itself. Its shape is what the "
            "control must not have."
        )
    same = factor > 0 and torch.allclose(got, factor * F.relu(x), atol=1e-3)
    report.expect(
        same, f"control of {name}: it should be a positive number times relu(x)."
    )
    far = torch.tensor([-1e4, -30.0, 8.0, 1e4])
    out = report.tensor(report.call(control, far, at=name), far.shape, name)
    report.expect(
        torch.allclose(out, factor * F.relu(far), rtol=1e-3, atol=1e-3),
        f"control of {name}: it is a number times relu(x) from −3 to 3, and not "
        "beyond: ReLU has no bound on the right and is 0 on the whole left.",
    )


# --- 8.1 and 8.3 ----------------------------------------------------------------------


def page_8_1(a: float = 4.0) -> Page:
    """Exercise 8.1 for one learnt slope above 1."""
    factor = math.sqrt(1 + a * a)
    return Page(
        id="8.1",
        title="Shape or size?",
        kind="compute",
        stars=1,
        outcome=2,
        task=f"f(x) = x for x > 0 and {a:g}x below is −c · leaky(−x), with slope s on the left of the leaky ReLU. Enter s and c, and by which factor √E[f²] is larger than ReLU's. Two decimals.",
        parts=[
            Number("s", label="s", answer=1 / a),
            Number("c", label="c", answer=a),
            Number("factor", label="size against ReLU", answer=factor, tolerance=0.006),
        ],
        right="A mild leak as a shape, and a large factor.",
        wrong={
            f"s = {a}": "leaky stands in front of −x: its left side is f's right side. Put in x = 1 and solve for s.",
            f"s = {-1 / a}": "The signs cancel: −c · s · (−1) = 1 at x = 1.",
            f"c = {-a}": "The minus is already written in front of c.",
            f"c = {1 / a}": f"At x = −1 the function is −{a:g}, and leaky(1) is 1. So c is {a:g}.",
            f"factor = {(1 + a * a) / 2}": "That is E[f²]. Divide by ReLU's ½, and take the root.",
            f"factor = {1 + a * a}": "That is the ratio of the mean squares. Sizes are roots.",
            f"factor = {math.sqrt((1 + a * a) / 2)}": "That is √E[f²] itself; ReLU has √½.",
            f"factor = {(1 + a) / 1}": "You added the slopes. What adds is their squares.",
        },
        numbers_for=lambda variant: page_8_1((2.5, 5.0, 8.0, 3.2)[variant % 4]),
    )


def page_8_3(v: float = 3.0) -> Page:
    """Exercise 8.3 for weights of variance 1/(v n), v above 1."""
    slope, scale = math.sqrt(2 * v - 1), math.sqrt(2 * v)
    return Page(
        id="8.3",
        title="The slope that keeps the signal",
        kind="derive",
        stars=2,
        outcome=2,
        task=f"Weights have variance 1/({v:g}n). (a) Which PReLU slope a > 0 keeps the size of the signal? (b) Which factor c, with c · relu? (c) Weights of variance 1/n: which slope? Two decimals.",
        parts=[
            Number("a", label="(a) slope a", answer=slope),
            Number("c", label="(b) factor c", answer=scale),
            Number("one", label="(c) slope a", answer=1),
        ],
        right=f"√{2 * v - 1:g}, √{2 * v:g}, and a straight line.",
        wrong={
            f"a = {scale}": "That is (b). The positive side of PReLU carries a ½ of its own: (1 + a²)/2.",
            f"a = {2 * v - 1}": "That is a². Take the root.",
            f"a = {math.sqrt(v - 1)}": "You lost the ½ in E[f²] = (1 + a²)/2: each side is half of the cases.",
            f"a = {math.sqrt(v)}": f"√{v:g} undoes the weights for a function that keeps the whole signal. Here E[f²] = (1 + a²)/2.",
            f"c = {math.sqrt(2)}": "That is He's factor for weights of variance 1/n. These are smaller.",
            f"c = {2 * v}": "That is c². Take the root.",
            f"c = {math.sqrt(v)}": "ReLU halves the mean square: c²/2, not c².",
            "one = 0": "ReLU with variance 1/n halves the mean square in each layer. He needs 2/n for it.",
            f"one = {math.sqrt(2)}": "(1 + 2)/2 is 1.5: the signal would grow. Solve (1 + a²)/2 = 1.",
        },
        also={
            f"c = {-scale}": "c may be below 0: only its square counts.",
            "one = -1": "−1 makes (c) |x|, which keeps the size as well.",
            f"c = {-scale}, one = -1": "Only squares count, so any sign will do.",
        },
        numbers_for=lambda variant: page_8_3((2.5, 4.0, 5.0, 6.0)[variant % 4]),
    )


EXERCISES = [
    Page(
        id="8.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=2,
        parts=[
            Number(
                "square",
                label="Weights of variance 1/(3n), E[f²] = ½: by which factor does the mean square change in a layer? Two decimals",
                answer=1 / 6,
                tolerance=0.006,
            ),
            Choice(
                "prelu",
                label="PReLU differs from leaky ReLU in that",
                options=[
                    "its slope is drawn at random in training",
                    "its slope is moved by the optimiser",
                    "its slope is larger",
                ],
                answer=1,
            ),
            Number("beta", label="Steepest slope of Swish, β = 3", answer=1.0998),
        ],
        right="You have what this chapter needs.",
        wrong={
            "square = 0.5": "That is the function alone. The weights multiply by 1/3 as well. See the first link above.",
            "square = 0.4082": "That is the factor of the size, the root of it. See the first link.",
            "square = 0.3333": "Those are the weights alone; the function keeps a half of the mean square. See the first link.",
            "prelu = 0": "That is RReLU. See the second link above.",
            "prelu = 2": "It starts at 0.25 and may go anywhere. See the second link above.",
            "beta = 3.2994": "β zooms in both directions, so slopes stay. See the third link above.",
            "beta = 1": "It passes 1 a little, by 0.0998, whatever β is. See the third link.",
        },
    ),
    page_8_1(),
    Page(
        id="8.2",
        title="Count what is learnt",
        kind="compute",
        stars=1,
        outcome=1,
        parts=[
            Number("shared", label="(a) one STAF for all", answer=75),
            Number("layers", label="(b) a STAF per layer", answer=300),
            Number("units", label="(c) PReLU per unit", answer=640),
            Number("drawn", label="(d) RReLU", answer=0),
        ],
        right="“PReLU” in a table may be 1, 4 or 640 numbers.",
        wrong={
            "shared = 25": "Each term has three numbers: amplitude, frequency and phase.",
            "shared = 300": "One object, handed to all layers, has its numbers once.",
            "layers = 75": "Each of the four layers has its own now.",
            "layers = 100": "Three numbers per term, not one.",
            "units = 4": "That would be a slope per layer. Count the units.",
            "units = 650": "The ten outputs have no activation behind them. Hidden units only.",
            "units = 1": "That would be one slope for the whole network.",
            "drawn = 4": "Its slope changes, by lot. The optimiser is told of nothing.",
            "drawn = 640": "Its slopes are drawn anew for each element, and none is learnt.",
            "drawn = 8": "The two ends of its range are fixed. Nothing is learnt.",
        },
    ),
    page_8_3(),
    Code(
        id="8.4",
        title="A sum of sines that learns",
        kind="code",
        stars=2,
        outcome=1,
        grade=grade_waves,
        right="All three rows of numbers learn.",
        wrong=slips(
            WAVES_SOURCE,
            {
                "self.amplitude = amplitude": "a plain tensor: no optimiser is told of it",
                "self.phase = nn.Parameter(phase.clone(), requires_grad=False)": "it stays where it starts",
                "self.phase = nn.ParameterList([phase.clone()])": "raised TypeError",
                "self.omega = nn.Parameter(omega.clone()); self.more = nn.Parameter(omega[:2] * 0)": "20 numbers are learnt; the three rows have 18",
                "return (c * torch.sin(w * (x + p))).sum(-1)": "The phase is added after the frequency has multiplied x: Ωx + Φ.",
                "return (c * torch.cos(x * w + p)).sum(-1)": "That is a cosine; the terms are sines.",
                "return (c * torch.sin(x * w + p)).mean(-1)": "That is the mean over the terms; STAF is their sum.",
                "return torch.sin(x * w + p).sum(-1)": "The amplitudes C are missing.",
                "return (c.detach() * torch.sin(x * w + p)).sum(-1)": "no gradient reaches `amplitude`",
            },
        ),
    ),
    Code(
        id="8.5",
        title="A quotient without a pole",
        kind="code",
        stars=2,
        outcome=1,
        grade=grade_rational,
        right="The denominator is never below 1.",
        wrong=slips(
            RATIONAL,
            {
                "below = 1 + sum(c * x**k for k, c in enumerate(b, 1))": "Without the absolute value the denominator can be zero, and it is here.",
                "below = 1 + sum(c * x.abs()**k for k, c in enumerate(b, 1))": "The powers of |x| do not help: a negative coefficient makes a pole. The absolute value goes around the sum.",
                "below = 1 + sum(c * x**k for k, c in enumerate(b)).abs()": "You gave b[0] to the constant term. It belongs to x: count from 1.",
                "below = sum(c * x**k for k, c in enumerate(b, 1)).abs()": "The 1 is missing: at x = 0 this divides by zero.",
                "below = 1 + sum((c * x**k).abs() for k, c in enumerate(b, 1))": "Safe too, and another function: one absolute value for the whole sum, not one for each term.",
                "below = (1 + sum(c * x**k for k, c in enumerate(b, 1))).abs()": "|1 + Q| can be zero as well. The 1 stands outside of the absolute value.",
                "below = 1 + sum(c * x**k for k, c in enumerate(b.detach(), 1)).abs()": "no gradient reaches `b`",
            },
        ),
    ),
    Code(
        id="8.6",
        title="The spline that stood still",
        kind="debug",
        stars=2,
        outcome=1,
        grade=grade_pieces,
        right="The same values, and everything learns.",
        wrong=slips(
            PIECES,
            {
                "t = x.detach().clamp(-2, 2) - left": "no gradient reaches `x`",
                "i = (left + 2).long(); c = torch.tensor(c.tolist())": "no gradient reaches `c`",
                "return (F.relu(1 - (x.unsqueeze(-1) - torch.arange(-2.0, 3)).abs()) * c).sum(-1)": "Beyond the knots it falls to 0; it should stay constant. Clamp x first.",
                "return c[(x.clamp(-2, 2).round() + 2).long()]": "That is the value at the nearest knot: a staircase.",
            },
        ),
    ),
    Page(
        id="8.7",
        title="What does this table allow?",
        kind="read evidence",
        stars=2,
        outcome=3,
        parts=[
            Choice(
                "sentence",
                label="The one sentence that both rows allow",
                options=[
                    "The new function is better than ReLU.",
                    "The new function works as a gain, and its shape plays no part.",
                    "The advantage of the new function depends on the start; where ReLU starts well, it is not seen here.",
                    "With He's initialisation the two functions are equally good.",
                    "He's initialisation harms the new function.",
                ],
                answer=2,
            )
        ],
        right="It says what was seen, where it was seen, and no more.",
        wrong={
            "sentence = 0": "In one row. In the other the intervals lie on each other, and the only thing that changed is the start.",
            "sentence = 1": "A good suspicion. No row holds the gain and lets the shape go, or the other way round; He changes three things at once.",
            "sentence = 3": "“No difference seen” is not “equal”: five seeds leave room for several tenths.",
            "sentence = 4": "It stays where it was, 85.9 and 86.1. It is ReLU that gains.",
        },
    ),
    Code(
        id="8.8",
        title="The control that decides",
        kind="investigate",
        stars=3,
        outcome=3,
        grade=grade_control,
        right="Shape of ReLU, gain of what was learnt, and nothing left to learn.",
        wrong=slips(
            CONTROL,
            {
                "factor = 1": "That is ReLU with factor 1: its gain is not that of the learnt function.",
                "factor = square ** 0.5": "You took √E[f²] as the factor; ReLU itself has E[relu²] = ½.",
                "factor = square": "You took E[f²] as the factor. Sizes are roots: √(2 E[f²]).",
                "factor = 2 * square": "You took 2E[f²] as the factor; take the root.",
                "factor = (2 * (square - mean**2)) ** 0.5": "You matched the standard deviation. The next layer sees E[f²], mean included.",
                "return learnt.requires_grad_(False)": "that is the function itself",
            },
        )
        | {
            """def control(learnt):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.c = nn.Parameter(torch.tensor(1.0))
        def forward(self, x):
            return self.c * F.relu(x)
    return Scaled()""": "still has something to learn",
        },
    ),
]

PREDICTIONS = [
    Prediction(
        id="8.A",
        question="Fashion-MNIST, four hidden layers, one PReLU object shared by all of them, PyTorch's initialisation, SGD with lr 0.001 and momentum 0.8. Its slope on the left starts at 0.25. What is it after 15 epochs?",
        part=Number(
            "slope",
            label="learnt slope",
            answer=shared_slope,
            low=0.01,
            high=10,
            log=True,
            digits=3,
        ),
        textbook=0.25,
        textbook_label="A small leak, near where it starts",
        because={
            "A leak keeps units alive; a small one is enough.": "That is why it was introduced. What it does here is another matter.",
            "The network is best where the function is least like a line.": "Then the slope would keep away from 1. It went through it.",
            "The signal shrinks from layer to layer, and the slope can repair it.": "This is it. Equation (8.3) says how far it would have to go.",
        },
        source="study slope-or-gain, mean of 5 seeds",
    ),
    Prediction(
        id="8.B",
        question="The shared PReLU is four and a half points ahead of ReLU. Now ReLU, whose left side stays zero, is multiplied by one shared learnt number. Where does it land?",
        part=Choice(
            "rung",
            label="ReLU × one learnt number",
            options=[
                "at ReLU: the left side is what counts",
                "halfway",
                "level with PReLU or above",
                "it diverges: nothing holds the number back",
            ],
            answer=2,
        ),
        textbook=0,
        textbook_label="“The negative slope makes the difference”",
        because={
            "A factor can be put into the weights, so it changes nothing.": "It changes no function. It changes the steps: they grow with the square of the factor.",
            "The slope of PReLU was a factor in disguise.": "Then an open factor should do as well. It does.",
            "Without a left side units die.": "They may. It costs less here than a signal that fades.",
        },
        source="study slope-or-gain, 5 seeds",
    ),
    Prediction(
        id="8.C",
        question="At its best learning rate the ReLU network holds the chirp with about 19 dB, SIREN with about 68. Now hand the ReLU network 32 fixed random waves of x instead of x, at the same number of learnt parameters. How well does it hold the chirp?",
        part=Number(
            "psnr",
            label="PSNR",
            answer=fourier_psnr,
            unit="dB",
            low=10,
            high=80,
            digits=2,
        ),
        textbook=19,
        textbook_label="“The periodic activation makes the difference”",
        because={
            "ReLU cannot make waves, whatever its input.": "It need not make them any more. It only has to mix them.",
            "The waves are random, so few of them fit.": "None has to fit. Between them they reach the frequencies that are needed.",
            "What was missing were high frequencies, and here they are.": "This is it, and nothing about the activation has changed.",
        },
        source="study frequency-or-activation, the best of six learning rates, 3 seeds",
    ),
]
