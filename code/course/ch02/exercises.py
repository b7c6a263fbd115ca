"""Exercises and predictions of chapter 02, what exactly an activation function is.

Exercise 2.0 is the self-check at the top of the chapter. The answers of the
predictions are measured when they are asked for: random networks of 30 layers.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
import torch.nn.functional as F

from ..exercises.measured import Draws, draws
from ..exercises.model import Choice, Code, Number, Page, Prediction, slips
from ..exercises.normal import GRID, average
from ..exercises.report import (
    Failed,
    NotAttempted,
    Report,
    Unready,
    answer_from_source,
)

# --- what the predictions are compared with ---------------------------------------


@functools.cache
def random_network(name: str, gain: float | None, seed: int) -> tuple[float, float]:
    """Size and spread of the pre-activations after 30 layers of 512 units.

    name: of a function in torch. gain: standard deviation of a weight times the root
    of the fan-in, None for PyTorch's own weights; biases are zero. Size: root mean
    square. Spread: the same after the mean over the batch is taken away. Both are 1
    at the start. The same draws as in the chapter's function `through`.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(seed)
        z = torch.randn(128, 512, dtype=torch.float64)
        for _ in range(30):
            layer = torch.nn.Linear(512, 512, dtype=torch.float64)
            if gain is not None:
                torch.nn.init.normal_(layer.weight, std=gain / 512**0.5)
            torch.nn.init.zeros_(layer.bias)
            z = layer(getattr(torch, name)(z))
    spread = z - z.mean(0)
    return float(z.square().mean().sqrt()), float(spread.square().mean().sqrt())


def size_of_relu() -> Draws:
    """Size after three networks with PyTorch's weights."""
    return draws((random_network("relu", None, s)[0] for s in range(3)), "networks")


def spread_of_sigmoid() -> Draws:
    """Spread after three networks with the gain that keeps sigmoid's size."""
    gain = 1 / math.sqrt(average(torch.sigmoid(GRID) ** 2))
    return draws((random_network("sigmoid", gain, s)[1] for s in range(3)), "networks")


# --- 2.4 ----------------------------------------------------------------------------

SLOPES = """def slopes(x):
    sigma = torch.sigmoid(x)
    pdf = torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    cdf = torch.special.ndtr(x)
    return {
        "sigmoid": sigma * (1 - sigma),
        "swish": sigma * (1 + x * (1 - sigma)),
        "tanh": 1 - torch.tanh(x) ** 2,
        "relu": (x > 0).double(),
        "leaky_relu": torch.where(x > 0, 1.0, 0.01),
        "gelu": cdf + x * pdf,
    }"""


def grade_slopes(answer: Any, variant: int | None, report: Report) -> None:
    """2.4: each slope against its formula, kink included."""
    report.function(answer)
    even = torch.linspace(-3, 3, 61, dtype=torch.float64)
    zero_and_far = torch.tensor([0.0, -60.0, 60.0], dtype=torch.float64)
    x = torch.cat([even, zero_and_far, report.draw(20, -6, 6)]).to(torch.float64)
    got = report.call(answer, x, at="called with 84 numbers")
    if not isinstance(got, dict):
        report.fail("a dictionary from name to slope is expected; keep the return.")
    right = answer_from_source(SLOPES)
    names = list(right(x))
    missing = [name for name in names if got.get(name, ...) is ...]
    others = [name for name in got if name not in names]
    if missing and others:
        report.fail(
            f"no slope is called {' or '.join(missing)}; there is {', '.join(map(str, others))}. "
            "Keep the names."
        )
    if len(missing) == 4:
        raise NotAttempted
    if missing:
        report.fail(f"still open: {', '.join(missing)}.")
    for name in names:
        try:
            report.compare(
                one_slope(answer, name),
                one_slope(right, name),
                [(x,)],
                names=("x",),
                mistakes=[(one_slope(f, name), reply) for f, reply in report.mistakes],
            )
        except Failed as failed:
            report.fail(f"{name} {failed}")


def one_slope(function: Any, name: str) -> Any:
    """The slope of one name among those that a function returns."""
    return lambda x: function(x)[name]


# --- 2.5 ----------------------------------------------------------------------------


def grade_gate(answer: Any, variant: int | None, report: Report) -> None:
    """2.5: images, sequences and vectors, channels always on axis 1."""
    shapes = [(4, 6, 4, 4), (2, 4, 3, 8), (2, 6, 8), (6, 6)]
    cases = [(report.draw(*shape, -2, 2, salt=str(shape)),) for shape in shapes]
    cases.append((report.draw(3, 4, 2, -90, 90, salt="far"),))
    cases.append((-cases[0][0],))  # whoever keeps the first result of a shape is wrong
    report.compare(answer, lambda x: F.glu(x, dim=1), cases)
    report.learns(answer, *cases[0], names=("x",))


# --- 2.8 ----------------------------------------------------------------------------


def as_function(answer: Any, report: Report) -> Any:
    """A formula or a callable as a function of a float64 tensor."""
    if isinstance(answer, str):
        from actlab import formulas

        try:
            function = formulas.numpy_function(formulas.parse(answer))
        except formulas.FormulaError as error:
            raise Unready(f"the formula is not read: {error}") from None
        return lambda x: torch.as_tensor(function(x.numpy()), dtype=torch.float64)
    report.function(answer, '"tanh(x)" or a function of a tensor')
    return answer


def grade_order(answer: Any, variant: int | None, report: Report) -> None:
    """2.8: the five lines of the order, in the order in which they are easiest."""
    function = as_function(answer, report)

    def value(x: torch.Tensor, at: str) -> torch.Tensor:
        got = report.call(function, x, at=at)
        return report.tensor(got, tuple(x.shape), at).to(torch.float64)

    f = value(GRID, "on 24001 numbers from -12 to 12")
    if not bool(f.isfinite().all()):
        place = float(GRID[~f.isfinite()][0])
        report.fail(f"at x = {place:.4g}: the value is not finite.")
    report.alone(
        function,
        GRID,
        f,
        at="on a few of these numbers",
        hint="work out mean and spread for standard normal input once, and put them in "
        "as numbers.",
    )
    check_kinks(f, lambda x: value(x, "on numbers close to one another"), report)
    fall = f[1:] - f[:-1] < -1e-9
    if bool(fall.any()):
        place = float(GRID[:-1][fall][-1])
        report.fail(
            f"monotone: it still falls at x = {place:.2f}. Non-monotone functions such "
            "as GELU cannot be repaired by shift or scale."
        )
    report.cases += 1
    check_ends(
        value(torch.tensor([-200.0, -100, 100, 200]).double(), "far out"), report
    )
    mean = average(f)
    square = average(f**2)
    if abs(mean) > 0.005:
        why = "Subtract this number; a factor, if one is missing, comes last."
        if abs(square - 1) < 0.01:
            why = (
                "The second moment is already 1, but scaling cannot remove a mean: "
                "subtract it first."
            )
        report.fail(f"mean: expected 0, got {mean:.3f}. {why}")
    if abs(square - 1) > 0.01:
        report.fail(
            f"second moment: expected 1, got {square:.3f}. The mean is 0, so only a "
            "factor is missing: 1 over the root of this number."
        )
    report.cases += 2


def check_kinks(f: torch.Tensor, value: Any, report: Report) -> None:
    """No sudden change of slope: where one seems to be, look closer.

    f: values on the grid. value: the function. Across a kink the slope changes by as
    much in a thousandth of the distance; where a curve is steep, by a thousandth.
    """
    bend = f.diff().diff().abs()
    beside = torch.minimum(bend[:-6], bend[6:])
    sharper = torch.cat([beside.new_zeros(3), bend[3:-3] - beside, beside.new_zeros(3)])
    step = float(GRID[1] - GRID[0])
    for place in sharper.topk(8).indices.tolist():
        low, high = float(GRID[place]), float(GRID[place + 2])
        for _ in range(3):
            x = torch.linspace(low, high, 41, dtype=torch.float64)
            close = value(x)
            at = int(close.diff().diff().abs().argmax())
            low, high = float(x[at]), float(x[at + 2])
        slope = close.diff() / float(x[1] - x[0])
        before, after = float(slope[at]), float(slope[at + 1])
        if abs(after - before) > max(1e-3, 0.3 * float(bend[place]) / step):
            report.fail(
                f"no kink: at x = {round(low, 2) + 0.0:.2f} the slope changes from "
                f"{before:.3f} to {after:.3f} at once."
            )
    report.cases += 1


def check_ends(ends: torch.Tensor, report: Report) -> None:
    """Flat on the left, growing on the right."""
    left, near_left, near_right, right = ends.tolist()
    if not abs(near_left - left) < 0.1:
        report.fail(
            "bounded below: between x = −200 and −100 it still changes by "
            f"{near_left - left:.3g}."
        )
    if not right - near_right > 0.1:  # a logarithm grows by 0.7
        report.fail(
            f"unbounded above: it ends near {near_right:.3g}, at x = 100 and at 200."
        )
    report.cases += 2


# --- the lists ------------------------------------------------------------------------


def leaky_after_thirty(slope: float) -> float:
    """Power of ten of the size after 30 leaky layers, weight variance 1/fan_in."""
    return 15 * math.log10((1 + slope**2) / 2)


def page_2_6(slope: float = 0.5) -> Page:
    """Exercise 2.6 for one negative slope."""
    right = leaky_after_thirty(slope)
    variance = (1 + slope**2) / 2 - (1 - slope) ** 2 / (2 * math.pi)

    return Page(
        id="2.6",
        title="Thirty leaky layers",
        kind="estimate",
        stars=2,
        outcome=3,
        task=""
        if slope == 0.5  # the chapter's own text holds it
        else (
            f"Thirty layers of leaky ReLU with negative slope {slope:g}, weights of "
            "variance 1/fan_in, biases zero. By which power of ten is the size "
            "multiplied? One decimal."
        ),
        parts=[
            Number("power", label="power of ten", answer=right, tolerance=0.06),
        ],
        right=f"Each layer multiplies the mean square by {(1 + slope**2) / 2:.4g}, the size by its root.",
        wrong={
            f"power = {2 * right}": "The right factor for the mean square. The size is its root, so half of your exponent is left.",
            f"power = {10**right}": "That is the factor itself. Asked is its power of ten: its logarithm.",
            f"power = {right / 30}": "That is one layer. The exponents of thirty layers add up.",
            "power = 0": "Variance 1/fan_in keeps the size through a linear layer. The function takes its own share at every layer.",
            f"power = {30 * math.log10((1 + slope) / 2)}": "You averaged the slopes. What travels is the mean square, so average the squares of the slopes.",
            f"power = {15 * math.log10(0.5)}": "That is ReLU. Here the negative half is not thrown away; count what it carries.",
            f"power = {15 * math.log10(variance)}": "You used the variance of the output. The next weights have mean zero, so the mean of the output travels too.",
        },
        numbers_for=lambda variant: page_2_6((0.5, 0.45, 0.55, 0.6)[variant % 4]),
    )


EXERCISES = [
    Page(
        id="2.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=1,
        parts=[
            Choice(
                "collapse",
                label="A stack of affine layers without activations equals",
                options=[
                    "one affine map",
                    "nothing simpler: it depends on the depth",
                    "a polynomial whose degree is the depth",
                ],
                answer=0,
            ),
            Number("kink", label="Where is the kink of relu(2x − 3)?", answer=1.5),
            Choice(
                "square",
                label="One hidden layer, activation x², more and more units. It can fit",
                options=[
                    "any continuous function",
                    "parabolas and straight lines, nothing else",
                    "straight lines only",
                ],
                answer=1,
            ),
        ],
        right="You have what this chapter needs.",
        wrong={
            "collapse = 1": "Multiply the matrices: whatever the depth, one matrix and one vector are left. See the first link above.",
            "collapse = 2": "Polynomials appear when something is multiplied by itself. Here numbers multiply x, never x by x. See the first link above.",
            "kink = 3": "There 2x − 3 is 3. The kink is where it is 0. See the second link.",
            "kink = -1.5": "Solve 2x − 3 = 0: the sign turns. See the second link above.",
            "square = 0": "x² is non-linear, but sums of squares of lines are parabolas. See the third link above.",
            "square = 2": "Without an activation, yes. A square bends. See the third link above.",
        },
    ),
    Page(
        id="2.1",
        title="Change one number",
        kind="compute",
        stars=1,
        outcome=1,
        parts=[
            Number("gelu", label="(a) `F.gelu(x)`", answer=1),
            Number("last", label="(b) `F.softmax(x, dim=-1)`", answer=6),
            Number("middle", label="(c) `F.softmax(x, dim=1)`", answer=5),
            Number("glu", label="(d) `F.glu(x, dim=-1)`", answer=1),
        ],
        right="Element by element: one. Softmax: as many as its axis is long. GLU: one output, although that output reads two inputs.",
        wrong={
            "gelu = 6": "(a) GELU has no axis. Every number goes through f alone; the other five of the row never see it.",
            "last = 5, middle = 6": "(b, c) You swapped the axes. The last axis has 6 entries, axis 1 (counted from 0) has 5.",
            "last = 60": "(b) Softmax divides by one sum per row, not by the sum of the whole tensor. Count the entries of one row.",
            "middle = 2": "(c) Axes are counted from 0: axis 0 is the batch with 2 entries, axis 1 has 5.",
            "glu = 2": "(d) Each output reads two inputs, a value and its gate. You were asked the other way round: how many outputs read this one input?",
            "glu = 6": "(d) Only 3 entries per row come out at all, and this input is part of one of them.",
        },
    ),
    Page(
        id="2.2",
        title="The gain of |x|",
        kind="compute",
        stars=1,
        outcome=3,
        parts=[Number("gain", label="forward gain of |x|", answer=1.0)],
        right="|Z|² = Z², and its mean is 1. No size is lost, so nothing to repair.",
        wrong={
            "gain = 1.414": "That is ReLU, which throws one half away. |x| keeps both halves.",
            "gain = 1.253": "You divided by the mean, 0.798. What travels is the mean of the square.",
            "gain = 1.6589": "You divided by the standard deviation. The next layer's weights have mean zero, so E[f²] counts, mean included.",
            "gain = 0.798": "That is the mean of |Z|. The gain is 1 over the root of the mean square.",
        },
    ),
    Page(
        id="2.3",
        title="A sheet by hand",
        kind="derive",
        stars=2,
        outcome=2,
        parts=[
            Number("top", label="(a) largest value", answer=0.5, tolerance=0.0006),
            Number(
                "least", label="(b) smallest slope", answer=-0.125, tolerance=0.0006
            ),
            Number("lipschitz", label="(c) Lipschitz constant", answer=1.0),
            Choice(
                "sides",
                label="(d) saturates on",
                options=[
                    "neither side",
                    "the left only",
                    "the right only",
                    "both sides",
                ],
                answer=3,
            ),
        ],
        right="f′ = (1 − x²)/(1 + x²)²: zero at ±1, steepest at 0, −1/8 at ±√3, and 0 again far out on both sides.",
        wrong={
            "top = 1": "(a) That bound belongs to x/(1 + |x|). Here the slope is 0 at x = 1; what is f there?",
            "top = 0": "(a) 0 is the limit on both sides. In between the function rises: look where the slope is 0.",
            "least = 0": "(b) The slope is 0 at ±1, and beyond them the function falls.",
            "least = 0.125": "(b) The size is right. Beyond x = 1 the function falls: mind the sign.",
            "lipschitz = 0.5": "(c) That is the largest value. Asked is the largest size of the slope.",
            "lipschitz = 0.125": "(c) That is the steepest descent. The climb through 0 is steeper.",
            "sides = 1": "(d) f(−x) = −f(x): what the curve does on the left it does on the right.",
            "sides = 2": "(d) f(−x) = −f(x): what the curve does on the right it does on the left.",
            "sides = 0": "(d) The curve runs back to 0 on both sides, and its slope behaves like −1/x² there.",
        },
    ),
    Code(
        id="2.4",
        title="Six slopes",
        kind="code",
        stars=2,
        outcome=2,
        grade=grade_slopes,
        right="Kinks included, with autograd's choice at 0.",
        wrong=slips(
            SLOPES,
            {
                '"tanh": 1 - x**2,': "Square the output, tanh(x), not the input.",
                '"tanh": 1 - torch.tanh(x),': "The square is missing: 1 − tanh(x)².",
                '"tanh": torch.tanh(x) * (1 - torch.tanh(x)),': "That is the rule for sigmoid. tanh = 2σ(2x) − 1 has another one.",
                '"relu": (x >= 0).double(),': "Right everywhere but at the kink: there autograd returns 0.",
                '"relu": torch.relu(x),': "That is the value. Its slope is 0 or 1.",
                '"relu": torch.sign(x),': "On the left the function is flat, so the slope is 0.",
                '"leaky_relu": (x > 0).double(),': "On the left the function still falls away with slope 0.01.",
                '"leaky_relu": torch.where(x > 0, 1.0, 0.01 * x),': "On the left you return the value, 0.01 · x, not its slope.",
                '"leaky_relu": torch.where(x >= 0, 1.0, 0.01),': "Right everywhere but at the kink: there autograd returns 0.01.",
                '"gelu": cdf,': "x · Φ(x) is a product, so its slope has two terms; one is missing.",
                '"gelu": x * pdf,': "x · Φ(x) is a product, so its slope has two terms; one is missing.",
                '"gelu": cdf + pdf,': "The second term of the product rule is x · φ(x); the x got lost.",
            },
        ),
    ),
    Code(
        id="2.5",
        title="A gate for images",
        kind="debug",
        stars=2,
        outcome=1,
        grade=grade_gate,
        right="Axis 1 is the channel axis of images, sequences and vectors alike.",
        wrong={
            "lambda x: F.glu(x, dim=-1)": "One number was halved, and it is not the channels. Which axis of an image is axis −1?",
            "lambda x: F.glu(x, dim=-3)": "Counting from the end finds the channels of an image and of nothing else.",
            "lambda x: F.glu(x, dim=0)": "Axis 0 is the batch: half of the images became gates of the other half.",
            "lambda x: x[:, x.shape[1] // 2 :] * torch.sigmoid(x[:, : x.shape[1] // 2])": "Right axis, wrong half: the second half is the gate.",
            "lambda x: x[:, ::2] * torch.sigmoid(x[:, 1::2])": "Right axis, but the halves are the first and the last channels, not every other one.",
        },
    ),
    page_2_6(),
    Page(
        id="2.7",
        title="Three gains for GELU",
        kind="read evidence",
        stars=2,
        outcome=3,
        parts=[
            Choice(
                "sentence",
                label="The one sentence that the three rows allow",
                options=[
                    "GELU amplifies, so a deep network of it explodes.",
                    "Variance one is what a layer must keep, so 1.701 is the right gain.",
                    "GELU looks like ReLU, so He's 1.414 can be used for it at any depth.",
                    "What a layer hands on is the mean square, mean included; and even the gain that balances it holds only roughly after 30 layers.",
                    "With 1.534 the size stays at 1 at any depth.",
                ],
                answer=3,
            )
        ],
        right="1.534 comes from E[f²] and is the only one of the three that stays within a small factor; that it drifts at all is the next question, for chapter 09.",
        wrong={
            "sentence = 0": "The same function shrinks the signal several thousandfold in the first row. Function and gain together decide.",
            "sentence = 1": "1.701 does make the variance one, and the row with it explodes. GELU's output has a mean; the next weights turn it into size.",
            "sentence = 2": "After one layer the difference is small. After thirty the first row has lost more than three powers of ten.",
            "sentence = 4": "Look at its last column: not 1, and not the same in all seeds. The theory starts exactly at 1; a real network strays a little at every layer, and GELU enlarges what has gathered.",
        },
    ),
    Code(
        id="2.8",
        title="A function to order",
        kind="investigate",
        stars=3,
        outcome=2,
        grade=grade_order,
        right="All five lines hold.",
        wrong={
            "formula = F.selu": "no kink: at x =",
            'formula = "1.5925 * tanh(x)"': "unbounded above: it ends near 1.59",
            'formula = "1.042 * softplus(x)"': "scaling cannot remove a mean",
            'formula = "softplus(x) - 0.80606"': "only a factor is missing",
            'formula = "1.7009 * (gelu(x) - 0.2821)"': "monotone: it still falls",
            'formula = "x"': "bounded below",
        },
    ),
]

PREDICTIONS = [
    Prediction(
        id="2.A",
        question="Handwritten digits, ten classes, three hidden layers of 64 units. The activation is the step function, 0 or 1: its slope is 0 wherever it has one, so no gradient reaches the hidden weights. How good is the trained network on the test images?",
        part=Choice(
            "accuracy",
            label="Its test accuracy is",
            options=[
                "about 10 %, which is guessing",
                "far above guessing, far below a ReLU network",
                "about that of a ReLU network",
            ],
            answer=1,
        ),
        textbook=0,
        textbook_label="“An activation must be differentiable”",
        because={
            "No gradient, no learning.": "True of the three hidden matrices. The fourth stands behind the last step function and receives its gradient as usual.",
            "The last layer learns on what the random layers hand it.": "That is what happens. How much it can do depends on what is left of the image after three random layers.",
            "Steps can compute anything, see chapter 01.": "Enough of them come close, if somebody sets the weights. Here nothing tells the hidden weights in which direction to go.",
        },
        source="the training runs of the next cell, 6 seeds of the step, 3 of ReLU",
    ),
    Prediction(
        id="2.B",
        question="ReLU, thirty layers of 512 units, PyTorch's own weights, biases set to zero. The first pre-activations have size 1. What is the size of the pre-activations after thirty layers?",
        part=Number(
            "size",
            label="size (root mean square)",
            answer=size_of_relu,
            log=True,
            low=1e-20,
            high=1e10,
            digits=2,
        ),
        textbook=1.0,
        textbook_label="“ReLU has slope 1, so nothing shrinks”",
        because={
            "ReLU's slope is 1 where it is active.": "On active paths. Half of the mean square is thrown away at each layer, and the weights take their share.",
            "ReLU throws half of the mean square away.": "That alone gives 3e-5. PyTorch's weights multiply the mean square by another third at each layer.",
            "One half times one third, thirty times, then the root.": "Yes, where layers are wide: 6 to the power of −15. Whoever forgot the root said 5e-24.",
        },
        source="three random networks, as in the next cell",
    ),
    Prediction(
        id="2.C",
        question="Sigmoid, thirty layers, and the gain that keeps its mean square, 1.846. The size of the pre-activations is 1 in every layer. We feed 128 different inputs and measure how much they still differ: the spread, 1 at the start. What is it after thirty layers?",
        part=Number(
            "spread",
            label="spread between inputs",
            answer=spread_of_sigmoid,
            log=True,
            low=1e-20,
            high=1e10,
            digits=2,
        ),
        textbook=1.0,
        textbook_label="“The size is kept, so the signal is kept”",
        because={
            "The size is 1, so the spread is about 1.": "The size counts what all inputs have in common as well. Here next to nothing else is left.",
            "Sigmoid squeezes, so it becomes smaller, perhaps 0.1.": "It does squeeze, by a factor of 0.39 at every layer; thirty of them are 12 powers of ten.",
            "Differences travel by slope times weights.": "That is the right product: 1.846 times the root mean square slope 0.212, thirty times.",
        },
        source="three random networks, as in the next cell",
    ),
]
