"""Exercises and predictions of chapter 05, smooth self-gated functions.

Exercise 5.0 is the self-check at the top of the chapter. The normal distribution
function is computed here through `math.erfc`, which keeps its left tail.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F

from ..exercises.model import Choice, Code, Number, Page, Prediction
from ..exercises.report import Report, two_numbers


def cdf(x: float) -> float:
    """Φ(x), the normal distribution function, also far left."""
    return math.erfc(-x / math.sqrt(2)) / 2


def density(x: float) -> float:
    """φ(x), the normal density."""
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


# --- what the predictions are compared with ---------------------------------------


def gelu_is_zero_from() -> float:
    """The largest x below 0 at which PyTorch's GELU is exactly 0 in float32."""
    x = torch.linspace(-1, -20, 19_001)
    return float(x[F.gelu(x) == 0].max())


# --- 5.4 ----------------------------------------------------------------------------


TAIL = [1.0, 0.0, -1.0, -3.0, 4.0, 50.0, -6.0, -8.0, -10.0, -12.0]


def grade_tail(answer: Any, variant: int | None, report: Report) -> None:
    """5.4: GELU in float32, to 0.1 %, from 50 down to −12; any shape."""
    report.function(answer)
    shift = 0.0 if variant is None else 0.05 * (1 + variant % 7)
    x = torch.tensor([v + shift if v < -1 else v for v in TAIL])
    right = torch.tensor([v * cdf(v) for v in x.double().tolist()]).double()
    got = report.call(answer, x, at="at x from −12 to 50")
    got = report.tensor(got, x.shape, "at x from −12 to 50").double()
    why = report.mistake(got, x, rtol=1e-3, atol=1e-16)
    for at, expected, value in zip(x.tolist(), right.tolist(), got.tolist()):
        if not abs(value - expected) <= 1e-3 * abs(expected):
            if not why and value == 0:
                why = (
                    "The tail was lost: it was cut off, or two numbers near 1 were "
                    "subtracted. Ask for the tail itself."
                )
            seen = f"at x = {at:.4g}: expected {two_numbers(expected, value)}."
            report.fail(f"{seen} {why}".strip())
        report.cases += 1
    image = report.draw(2, 3, 4, -3, 3)
    out = report.call(answer, image, at="on shape (2, 3, 4)")
    out = report.tensor(out, image.shape, "on shape (2, 3, 4)")
    report.expect(
        torch.allclose(out.float(), F.gelu(image), rtol=1e-3, atol=1e-6),
        "on shape (2, 3, 4): the values differ from GELU's.",
    )
    report.learns(answer, image, names=("x",))


# --- 5.7 ----------------------------------------------------------------------------


def grade_drawn(answer: Any, variant: int | None, report: Report) -> None:
    """5.7: forward `x * keep`, backward Φ + xφ, for both draws and many x."""
    report.function(answer)
    x = torch.cat([torch.tensor([-1.0, -1.0, 1.0, 1.0]), report.draw(40, -3, 3)])
    keep = (report.draw(44, 0, 1, salt="keep") < 0.5).float()
    keep[:4] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    x[-2:], keep[-2:] = torch.tensor([-70.0, 70.0]), 1.0
    got = report.call(answer, x, keep, at="at 44 values of x")
    got = report.tensor(got, x.shape, "at 44 values of x")
    for at, k, value in zip(x.tolist(), keep.tolist(), got.tolist()):
        if not abs(value - at * k) <= 1e-5:
            why = ""
            if torch.allclose(got, F.gelu(x), atol=1e-5):
                why = "That is the mean of the draws; the value should be the draw."
            elif torch.allclose(got, x * keep + F.gelu(x), atol=1e-5):
                why = "The mean is added to the value; subtract it, detached."
            elif abs(value - at * k) < 1e-3:
                why = (
                    "Nearly: something large was added and subtracted again, and its "
                    "rounding is left."
                )
            report.fail(
                f"at x = {at:.4g}, keep = {k:g}: expected "
                f"{two_numbers(float(at * k), float(value))}. {why}".strip()
            )
        report.cases += 1
    _, slope = report.value_and_slope(
        answer,
        x,
        keep,
        at="in the backward pass",
        lost="the values are right, and no gradient reaches x. Something must stay "
        "attached: what is it that should be differentiated?",
    )
    wanted = [cdf(v) + v * density(v) for v in x.tolist()]
    mean = torch.tensor([cdf(v) for v in x.tolist()])
    for at, k, expected, value in zip(
        x.tolist(), keep.tolist(), wanted, slope.tolist()
    ):
        if not abs(value - expected) <= 1e-4:
            why = ""
            if torch.allclose(slope, keep, atol=1e-4):
                why = (
                    "Autograd takes the gate for a constant: on average its slope is "
                    "Φ(x), and xφ(x) is missing."
                )
            elif torch.allclose(slope, mean, atol=1e-4):
                why = "That is Φ(x). The probability moves with x too: add xφ(x)."
            elif torch.allclose(slope, keep + torch.tensor(wanted), atol=1e-4):
                why = "Two slopes were added: detach the draw as well."
            report.fail(
                f"slope at x = {at:.4g}, keep = {k:g}: expected "
                f"{two_numbers(float(expected), float(value))}. {why}".strip()
            )
        report.cases += 1


# --- 5.1 and 5.5 ----------------------------------------------------------------------


def page_5_1(x: float = -1.0) -> Page:
    """Exercise 5.1 for one pre-activation below 0."""
    p = cdf(x)
    printed = round(p, 4)
    variance = x * x * p * (1 - p)
    return Page(
        id="5.1",
        title="One gate, many draws",
        kind="compute",
        stars=1,
        outcome=1,
        task=f"At x = {x:g} the gate hands on x with probability Φ({x:g}) = {p:.4f}, and 0 otherwise. Mean and standard deviation of a draw? Three decimals.",
        parts=[
            Number("mean", label="mean", answer=x * p, tolerance=0.0006),
            Number(
                "std",
                label="standard deviation",
                answer=variance**0.5,
                tolerance=0.0006,
            ),
        ],
        right="The mean is GELU; a single draw is far less certain than that.",
        wrong={
            f"mean = {x * (1 - p)}": "You took the probability of the shut gate. A negative x is stopped more often than it passes.",
            f"mean = {x * density(x)}": "That is x times the density φ. Passing has the probability Φ.",
            f"mean = {x / (1 + math.exp(-x))}": "That is SiLU: its doorkeeper draws from the logistic distribution.",
            f"mean = {p}": "That is how often the gate opens. What passes is x.",
            f"std = {variance}": "That is the variance. Take the root.",
            # the same from p as the task prints it: another third decimal
            f"std = {x * x * printed * (1 - printed)}": "That is the variance, by the probability to four decimals. Take the root.",
            f"std = {abs(x) * p**0.5}": "That is the root of the mean square. Subtract the square of the mean first.",
        },
        numbers_for=lambda variant: page_5_1((-0.5, -1.5, -0.75, -1.25)[variant % 4]),
    )


SILU_LOWEST = (-1.278464542761074, -0.27846454276107385)
SILU_STEEPEST = 1.0998393201288668


def page_5_5(beta: float = 2.0) -> Page:
    """Exercise 5.5 for one β."""
    at, low = SILU_LOWEST
    return Page(
        id="5.5",
        title="What β moves",
        kind="derive",
        stars=2,
        outcome=2,
        task=f"SiLU has its minimum, −0.2785, at −1.2785, and its steepest slope is 1.0998. The same three for Swish with β = {beta:g}? Three decimals.",
        parts=[
            Number("at", label="minimum at x =", answer=at / beta, tolerance=0.0006),
            Number("low", label="f there", answer=low / beta, tolerance=0.0006),
            Number(
                "slope", label="steepest slope", answer=SILU_STEEPEST, tolerance=0.0006
            ),
        ],
        right="β shrinks the picture alike in both directions, and slopes stay.",
        wrong={
            f"at = {at * beta}": "A larger β makes the corner sharper, so everything moves towards 0: divide by β.",
            f"at = {at}": "The minimum is where βx = −1.2785. Solve for x.",
            f"low = {low}": "The factor 1/β in front of silu(βx) shrinks the depth as well.",
            f"low = {low * beta}": "The factor in front is 1/β: a sharper corner dips less, not more.",
            f"slope = {SILU_STEEPEST * beta}": "The chain rule gives β, and the 1/β in front takes it away.",
            f"slope = {SILU_STEEPEST / beta}": "You kept the 1/β in front and left out the chain rule's β.",
        },
        numbers_for=lambda variant: page_5_5((1.5, 2.5, 4.0, 5.0)[variant % 4]),
    )


FORMATS = ["none of them", "float32 only", "float32 and float16", "all three"]

EXERCISES = [
    Page(
        id="5.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=3,
        parts=[
            Number(
                "square",
                label="ReLU, gain 1, E[f²] = ½: mean square after 3 layers, starting at 1",
                answer=0.125,
            ),
            Number("softplus", label="Slope of softplus at 0", answer=0.5),
            Choice(
                "table",
                label="A table shows ReLU a point below no activation, after 15 epochs",
                options=[
                    "at another step size the order may turn",
                    "ReLU is worse than no activation on these data",
                    "the network needs no non-linearity",
                ],
                answer=0,
            ),
        ],
        right="You have what this chapter needs.",
        wrong={
            "square = 0.5": "One layer halves it. Three layers do so three times. See the first link above.",
            "square = 0.3536": "That is the size, the root of it. See the first link above.",
            f"softplus = {math.log(2)}": "That is its value at 0. Its slope is the sigmoid. See the second link.",
            "softplus = 1": "1 is what it comes near far on the right. See the second link above.",
            "table = 1": "At one step size, after one number of epochs. See the third link.",
            "table = 2": "The table cannot say so: at larger steps ReLU gained seven points. See the third link above.",
        },
    ),
    page_5_1(),
    Page(
        id="5.2",
        title="Slopes at zero",
        kind="compute",
        stars=1,
        outcome=2,
        parts=[
            Number("swish", label="Swish, β = 3", answer=0.5),
            Number("mish", label="Mish", answer=0.6),
            Number("telu", label="TeLU", answer=math.tanh(1)),
        ],
        right="At 0 the slope of x·g(x) is the gate, g(0).",
        wrong={
            "swish = 0, mish = 0, telu = 0": "Those are the values at 0. The slope there is the gate.",
            "swish = 1.5": "β multiplies x inside the gate. At x = 0 the gate is ½ whatever β is.",
            "swish = 0.75": "That is the slope of the gate, βσ(1 − σ). In (5.6) it is multiplied by x = 0.",
            f"mish = {math.log(2)}": "softplus(0) = ln 2 is right; the gate is its tanh.",
            "mish = 0.5": "Mish's gate is not a sigmoid: it is the tanh of softplus, and softplus(0) is ln 2.",
            "telu = 1": "e⁰ = 1 is right; the gate is its tanh.",
            "telu = 0.5": "The gate is tanh(e⁰), and tanh(1) is more than a half.",
        },
    ),
    Page(
        id="5.3",
        title="Which format can see it?",
        kind="estimate",
        stars=2,
        outcome=1,
        parts=[
            Choice(
                "tanh", label="(a) the tanh form, at 2.7", options=FORMATS, answer=1
            ),
            Choice(
                "sigmoid",
                label="(b) the sigmoid form, at 2.27",
                options=FORMATS,
                answer=3,
            ),
        ],
        right="Half a step is 1e−7, 0.00098 and 0.0078.",
        wrong={
            "tanh = 2": "(a) Half a step of float16 is 2⁻¹⁰ = 0.00098, twice the error.",
            "tanh = 3": "(a) You may have taken the steps near 1/16. Between 2 and 4 those of bfloat16 are 0.0156 wide.",
            "tanh = 0": "(a) float32 resolves 2.69 to seven digits. The error is in the fifth.",
            "sigmoid = 2": "(b) Half a step of bfloat16 is 2⁻⁷ = 0.0078, less than half of the error.",
            "sigmoid = 1": "(b) 0.020 is more than twenty half steps of float16.",
            "sigmoid = 0": "(b) 0.020 is larger than every half step listed. Compare again.",
        },
    ),
    Code(
        id="5.4",
        title="Give GELU its tail back",
        kind="code",
        stars=2,
        outcome=2,
        grade=grade_tail,
        right="erfc hands out the tail without a difference.",
        wrong={
            "lambda x: 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))": "Far left two nearly equal numbers are subtracted, as in 1 + erf, and only their rounding is left. Ask for the tail itself.",
            "lambda x: F.gelu(x, approximate='tanh')": "The tanh form adds 1 to a number near −1 as well, and is only near GELU.",
            "lambda x: x * torch.sigmoid(1.702 * x)": "A sigmoid's tail falls like an exponential of x, the normal one like one of −x²/2.",
            "lambda x: 0.5 * x * torch.erfc(x / math.sqrt(2))": "This is x times the chance of the other side, 1 − Φ(x). Mind the sign in erfc.",
            "lambda x: 0.5 * x * (1 + torch.erf(x.double() / math.sqrt(2)))": "float64 moves the cliff to about −8.4; still two numbers near 1 are subtracted. Ask for the tail itself.",
            "lambda x: x * torch.erfc(-x / math.sqrt(2))": "erfc runs from 0 to 2, a gate from 0 to 1.",
        },
    ),
    page_5_5(),
    Page(
        id="5.6",
        title="Two rows of one table",
        kind="read evidence",
        stars=2,
        outcome=3,
        parts=[
            Choice(
                "sentence",
                label="The one sentence that this allows",
                options=[
                    "The function in the better row is slightly better.",
                    "A trained β makes the difference.",
                    "One of the two implementations must have an error.",
                    "Rows of this table can be 0.2 points apart for no reason that lies in the function, so rows that close cannot be ranked.",
                    "No difference larger than 0.2 points in this table is due to chance.",
                ],
                answer=3,
            )
        ],
        right=(
            "One function, run twice: an accident that put a yardstick into the table."
        ),
        wrong={
            "sentence = 0": "Both rows are x·σ(x). Whatever moved the result, the function did not.",
            "sentence = 1": "β was fixed to 1 in both. Nothing was trained that the other row had not.",
            "sentence = 2": "Other starting weights are enough. The chapter knew ReLU's distance from itself no better than to a point and more.",
            "sentence = 4": "Two runs give one difference. Another pair of seeds may be further apart.",
        },
    ),
    Code(
        id="5.7",
        title="The slope that the gate forgets",
        kind="derive",
        stars=3,
        outcome=1,
        grade=grade_drawn,
        right="The value from the draw, the slope from the expectation.",
        wrong={
            "lambda x, keep: x * keep": "xφ(x) is missing",
            "lambda x, keep: F.gelu(x)": "the value should be the draw",
            "lambda x, keep: (x * keep).detach()": "no gradient reaches x",
            "lambda x, keep: x * keep + F.gelu(x) - F.gelu(x).detach()": "Two slopes were added",
            "lambda x, keep: (x * keep).detach() + (x - x.detach()) * torch.special.ndtr(x).detach()": "The probability moves with x too",
        },
    ),
]

PREDICTIONS = [
    Prediction(
        id="5.A",
        question="Handwritten digits, three hidden layers of 64 units, trained with GELU. The weights are kept, and at the test every GELU is replaced by ReLU. Nothing is retrained. How many of the 360 answers change?",
        part=Choice(
            "changed",
            label="Answers that change",
            options=[
                "none",
                "a handful, 1 or 2 in 100",
                "about 1 in 10",
                "about half: the network was trained for another function",
            ],
            answer=1,
        ),
        because={
            "The two curves are at most 0.17 apart.": "And a confident answer is several units of logit ahead of the next.",
            "Small errors grow from layer to layer.": "They do: the logits move by more than a unit. The order of the logits is a coarser thing.",
            "Weights fit the function that they were trained with.": "They do, and they forgive more than one might think.",
        },
        source="the network of the next cells, and two more seeds: 2 to 4 of 360",
    ),
    Prediction(
        id="5.B",
        question="You go to the left from x = 0. Where does PyTorch's GELU, in float32, first return exactly 0?",
        part=Number(
            "zero",
            label="x",
            answer=gelu_is_zero_from,
            tolerance=0.05,
            low=-20,
            high=0,
            digits=2,
        ),
        textbook=-14.4,
        textbook_label="Where x·Φ(x) is too small for float32",
        because={
            "float32 goes down to about 1e−45, so the tail lasts long.": "The number could be held. The question is how it is computed.",
            "Somewhere 1 is added to a number near −1.": "Exactly there the tail is lost.",
            "GELU is never exactly zero.": "On paper. Ask the next cell.",
        },
        source="the float32 numbers of the next cell, exact on the machine that made this page",
    ),
    Prediction(
        id="5.C",
        question="Digits, four hidden layers of 48 units, PyTorch's initialisation, SGD 0.05 with momentum 0.9, eight epochs, five seeds. ReLU, GELU and SiLU: what does the table of test accuracies look like?",
        part=Choice(
            "table",
            label="In the table",
            options=[
                "GELU and SiLU are one to three points ahead of ReLU",
                "all three are within a point or two",
                "ReLU is a few points ahead",
                "ReLU is more than twenty points ahead",
            ],
            answer=3,
        ),
        textbook=0,
        textbook_label="“Smooth functions beat ReLU”",
        because={
            "Smooth slopes make training easier.": "From these weights, in eight epochs, it hardly began.",
            "The curves are too near to each other to matter.": "They are, once each starts where it should. Do they?",
            "Each has another gain, and the weights are drawn alike for all.": "This is it. The rows “gain” change nothing else.",
        },
        source="the training runs of the next cells, 5 seeds each",
    ),
]
