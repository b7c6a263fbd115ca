"""Exercises and predictions of chapter 03, sigmoid and tanh.

Exercise 3.0 is the self-check at the top of the chapter. Accuracies come from the
recorded study `sigmoid-repairs`; float limits and the gain of 3.7 are computed when
they are asked for.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
import torch.nn.functional as F

from actlab import studies
from actlab.statistics import Interval, interval

from ..exercises.model import Choice, Code, Number, Page, Prediction, slips
from ..exercises.report import Report, show, two_numbers

# --- what the predictions are compared with ---------------------------------------


def measured(regime: str, init: str) -> Interval:
    """Final test accuracy of sigmoid in one cell of the study, in per cent."""
    runs = studies.final("sigmoid-repairs")
    runs = runs[(runs["regime"] == regime) & (runs["init"] == init)]
    return interval(runs.loc[runs["activation"] == "sigmoid", "test_accuracy"])


def slope_vanishes() -> float:
    """The first float32 above 0 at which autograd gives sigmoid the slope 0."""
    low, high = torch.tensor(0.0), torch.tensor(800.0)
    while (middle := (low + high) / 2) not in (low, high):
        x = middle.clone().requires_grad_()
        (slope,) = torch.autograd.grad(torch.sigmoid(x), x)
        low, high = (low, middle) if slope == 0 else (middle, high)
    return high.item()


# --- 3.7 ----------------------------------------------------------------------------

GRID = torch.linspace(-12, 12, 4001, dtype=torch.float64)
DENSITY = torch.exp(-(GRID**2) / 2)
DENSITY = DENSITY / DENSITY.sum()


def difference_factor(gain: float) -> float:
    """By how much a wide sigmoid layer multiplies small differences, far up.

    gain: standard deviation of a weight times the root of the fan-in; biases zero.
    """
    q = torch.tensor(1.0, dtype=torch.float64)
    for _ in range(100):
        q = gain**2 * (DENSITY * torch.sigmoid(q.sqrt() * GRID) ** 2).sum()
    value = torch.sigmoid(q.sqrt() * GRID)
    return gain * float((DENSITY * (value * (1 - value)) ** 2).sum()) ** 0.5


@functools.cache
def critical_gain() -> float:
    """The gain at which `difference_factor` is 1."""
    low, high = 4.0, 16.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if difference_factor(middle) < 1 else (low, middle)
    return (low + high) / 2


# --- 3.4 ----------------------------------------------------------------------------

PLACES = (0.0, 0.5, -2.0, 8.0, -9.0, -20.0, 60.0, -60.0, 100.0, -100.0, 1e3, -1e3)


def grade_stable_sigmoid(answer: Any, variant: int | None, report: Report) -> None:
    """3.4: value, then slope, in float32 and in float16."""
    report.function(answer)
    extra = (
        report.draw(4, -30, 30).tolist() + report.draw(16, -2, 2, salt="near").tolist()
    )
    for dtype, places in (
        (torch.float32, (*PLACES, *extra)),
        (torch.float16, (0.0, 0.5, -0.5, -2.0, 4.0, -4.0, 12.0, -12.0, 40.0, -40.0)),
    ):
        x = torch.tensor(places, dtype=dtype)
        name = str(dtype).removeprefix("torch.")
        at = f"on {len(places)} {name} numbers"
        got = report.value_and_slope(answer, x, at=at)
        if got[0].dtype != dtype:
            came = str(got[0].dtype).removeprefix("torch.")
            report.remark(
                f"One thing beside the task: {name} went in and {came} came out."
            )
        wide = x.double()
        right = torch.sigmoid(wide), torch.sigmoid(wide) * torch.sigmoid(-wide)
        for what, found, exact in zip(("value", "slope"), got, right, strict=True):
            compare_sigmoid(what, name, wide, found.double(), exact, report)


def compare_sigmoid(
    what: str,
    name: str,
    x: torch.Tensor,
    found: torch.Tensor,
    exact: torch.Tensor,
    report: Report,
) -> None:
    """Fail at the first place that is wrong, and say what usually does that."""
    wide = name == "float32"
    relative, least = (1e-4, 1e-30) if wide else (2e-2, 1e-5)
    floor: float | torch.Tensor = least
    if what == "slope":
        # σ(1 − σ) loses its small digits on the right, and may.
        floor = torch.where(x > 0, 1e-6 if wide else 2e-3, least)
    wrong = ~((found - exact).abs() <= relative * exact.abs() + floor)
    if not wrong.any():
        report.cases += len(x)
        return
    place = int(wrong.nonzero()[0])
    at, got, right = float(x[place]), float(found[place]), float(exact[place])
    stuck = found[x < -50]
    clamped = wide and bool((stuck > 0).all()) and bool((stuck == stuck[0]).all())
    flat = what == "slope" and not found.any()
    why = sigmoid_reason(what, wide, at, got, clamped or flat)
    report.fail(
        f"{name}, {what} at x = {at:.4g}: expected {two_numbers(right, got)}. {why}"
    )


ROUNDING = 2.0**-25  # half a step of float32 below 1: what a difference from 1 leaves


def sigmoid_reason(what: str, float32: bool, at: float, got: float, stuck: bool) -> str:
    """What usually makes a sigmoid wrong at this place.

    stuck: the values left of −50 are one and the same number above 0, or all slopes
    are 0.
    """
    if what == "value" and math.isnan(got):
        return "inf / inf: an exponent is large and positive in the branch chosen."
    if what == "value":
        if stuck and at < -5:
            return (
                "All values left of it are the same: a bound on x stops them. Bound "
                "each exponent on one side only, at 0."
            )
        if at < 0 and got == 0:
            return (
                "0 stands for what is small, and not 0. That is an end cut off, or a "
                "difference from 1, in which small numbers are lost. A form that does "
                "not subtract has them."
            )
        if at < 0 and abs(got) < 1e-3 and (got / ROUNDING).is_integer():
            return (
                "1 − something close to 1 cancels. Small numbers need a form that "
                "does not subtract."
            )
        return "Compare with (3.1): which form belongs to which side?"
    if stuck:
        return (
            "The values are right, and the slope is 0 everywhere: they have left the "
            "graph, by .detach() or as plain numbers."
        )
    if at == 0 and got == 0:
        return (
            "The values are right. But autograd gives |x|, and relu too, the slope 0 "
            "at x = 0 (since PyTorch 2.14 also a clamp that ends there; and so does a "
            "torch.where that puts its constant there), and that wipes out the steepest "
            "point of the sigmoid."
        )
    if at == 0 and abs(got - 0.125) < 1e-4:
        return (
            "The values are right. torch.maximum and minimum hand half of the slope to "
            "each of two equal arguments."
        )
    if math.isnan(got) and float32:
        return (
            "The values are right. An exponential has overflowed, if only in a branch "
            "that torch.where throws away, and its gradient is 0 · inf. Keep every "
            "exponent at 0 or below."
        )
    if math.isnan(got):
        return (
            "A bound that fits float32 overflows here: e¹² is too much for float16. "
            "0 is a bound that fits every format."
        )
    return "The value is right, its slope is not."


# --- 3.6 ----------------------------------------------------------------------------

LOSS_CASES = [
    ([0.5, -1.0, 2.0], [1.0, 0.0, 1.0]),
    ([-3.0, 4.0], [1.0, 0.0]),
    ([200.0], [1.0]),
    ([-200.0], [1.0]),
    ([200.0], [0.0]),
    ([1000.0, -1000.0, 0.0], [0.0, 1.0, 1.0]),
]


def grade_binary_loss(answer: Any, variant: int | None, report: Report) -> None:
    """3.6: value and gradient, from ordinary logits to absurd ones."""
    report.function(answer)
    cases = [*LOSS_CASES, (report.draw(6, -5, 5).tolist(), [1.0, 0, 0, 1, 1, 0])]
    for logits, labels in cases:
        z, y = torch.tensor(logits), torch.tensor(labels)
        at = f"at z = {show(z)}, y = {show(y)}"
        value, slope = report.value_and_slope(answer, z, y, at=at, shape=())
        leaf = z.requires_grad_()
        right = F.binary_cross_entropy_with_logits(leaf, y)
        (true_slope,) = torch.autograd.grad(right, leaf)
        others = [right * len(z), F.binary_cross_entropy_with_logits(leaf, 1 - y)]
        mean, total, swapped = (float(loss.detach()) for loss in (right, *others))
        compare_loss(at, float(value), mean, total, swapped, report)
        if bool(slope.isnan().any()):
            report.fail(
                f"{at}: the loss is right, its gradient is nan. Whatever hides a nan "
                "on the way up meets it again on the way down."
            )
        if not torch.allclose(slope, true_slope, 1e-3, 1e-5):
            worst = int((slope - true_slope).abs().nan_to_num(1e9).argmax())
            why = "The example that is most wrong must pull hardest."
            if float(z[worst]) == 0 and float(slope[worst] * len(z) + y[worst]) in (
                0,
                1,
            ):
                why = (
                    "That is the entry z = 0, where autograd gives |z|, and relu too, "
                    "the slope 0; the loss has slope σ(0) − y there."
                )
            report.fail(
                f"{at}: the loss is right; gradient expected "
                f"{float(true_slope[worst]):.3g}, got {float(slope[worst]):.3g}. {why}"
            )
        report.cases += 1


def compare_loss(
    at: str, got: float, right: float, total: float, turned: float, report: Report
) -> None:
    """Fail if a loss is wrong, and say what usually does that.

    total: the sum in place of the mean. turned: the loss of the other labels.
    """
    if math.isclose(got, right, rel_tol=1e-3, abs_tol=1e-5):
        return
    why = "Two terms: y · ln σ(z), and (1 − y) · ln σ(−z)."
    if math.isnan(got):
        why = (
            "0 · (−inf), or ∞ − ∞: the logarithm of a probability that has been rounded "
            "to 0, or an exponential beyond the largest float. Take the logarithm on "
            "paper first."
        )
    elif math.isinf(got):
        why = (
            "Before the logarithm was taken, the probability has been rounded to 0, or "
            "an exponential has run beyond the largest float."
        )
    elif right > 50 and got > right + 1:
        why = "An infinite loss was replaced by the largest float, not by the loss."
    elif right > 50 and 5 < got < right:
        why = (
            "No nan in the loss now, but the loss stops growing: a probability that is "
            "held away from 0 makes all bad mistakes equally bad."
        )
    elif math.isclose(got, -right, rel_tol=1e-3):
        why = "The sign: minus the logarithm."
    elif math.isclose(got, total, rel_tol=1e-3):
        why = "That is the sum over the examples; the mean is asked for."
    elif math.isclose(got, turned, rel_tol=1e-3):
        why = "The labels are turned round: σ(z) is the probability of y = 1."
    report.fail(f"{at}: loss expected {two_numbers(right, got)}. {why}")


# --- the lists ------------------------------------------------------------------------

ILL = [
    "saturated: draw smaller weights",
    "all images look alike inside: draw larger weights",
    "healthy: leave it",
]

STABLE = """def stable_sigmoid(x):
    exponent, other = torch.where(x >= 0, -x, 0.0), torch.where(x >= 0, 0.0, x)
    for_positive = 1 / (1 + torch.exp(exponent))
    power = torch.exp(other)
    return torch.where(x >= 0, for_positive, power / (1 + power))"""

LOSS = """def binary_loss(z, y):
    p = torch.sigmoid(z)
    yes, no = F.logsigmoid(z), F.logsigmoid(-z)
    return -(y * yes + (1 - y) * no).mean()"""

EXERCISES = [
    Page(
        id="3.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=2,
        parts=[
            Number(
                "spread",
                label="A layer without activation has weights of variance 1/(3n), n inputs each. By which factor does it multiply the spread of a signal?",
                answer=3**-0.5,
            ),
            Number(
                "step",
                label="Plain SGD, learning rate 0.1, gradient 0.02. By how much does the weight change (without sign)?",
                answer=0.002,
                tolerance=1e-5,
            ),
            Choice(
                "regime",
                label="A table compares two functions at one small learning rate after 15 epochs. It shows",
                options=[
                    "which function is better",
                    "how far each network had come when it was stopped",
                    "nothing at all",
                ],
                answer=1,
            ),
        ],
        right="You have what this chapter needs.",
        wrong={
            "spread = 0.3333": "n terms of variance 1/(3n) add up to ⅓. That is the variance; the spread is its root. See the first link above.",
            "spread = 1": "That would be variance 1/n. PyTorch's weights have a third of it. See the first link above.",
            "step = 0.02": "That is the gradient. Plain SGD multiplies it by the learning rate. See the second link above.",
            "step = 0.1": "That is what Adam would do, roughly: it divides by the size of the gradient. Plain SGD does not. See the second link above.",
            "regime = 0": "It might, if both had finished learning. See the third link above.",
            "regime = 2": "It shows something, only not what its title says. See the third link above.",
        },
    ),
    Page(
        id="3.1",
        title="From tanh to sigmoid",
        kind="compute",
        stars=1,
        outcome=1,
        parts=[
            Number("a", label="a", answer=4),
            Number("b", label="b", answer=6),
            Number("c", label="c", answer=-2),
            Number("d", label="d", answer=-2),
        ],
        right="Inside, weight and bias are doubled; outside, the weight is doubled, and the old weight comes off the bias.",
        wrong={
            "a = 2, b = 3, c = -1": "You changed the name of the function and nothing else. tanh x is 2σ(2x) − 1: a factor inside, a factor outside, and a shift.",
            "b = 3, c = -1": "Without the 2 inside this is newfun, half as steep. tanh x = 2σ(2x) − 1.",
            "b = 6, c = -1": "c: the 2 inside multiplies the whole of 3x − 1, the bias as well.",
            "a = 2": "a: there are two factors of 2 outside, the unit's own and the one of 2σ − 1.",
            "a = 4, d = -1": "d: the −1 is multiplied by the output weight 2, like everything else in the bracket.",
            "d = 2": "d: the sign. 2 · (2σ − 1) ends in −2.",
        },
        also={
            "a = -4, b = -6, c = 2, d = 2": "The same function turned round, since σ(−x) = 1 − σ(x). With b above 0 it reads 4σ(6x − 2) − 2."
        },
    ),
    Page(
        id="3.2",
        title="A layer, and ten of them",
        kind="estimate",
        stars=1,
        outcome=2,
        parts=[
            Number(
                "tanh",
                label="(a) factor of a tanh layer",
                answer=3**-0.5,
                tolerance=0.0006,
            ),
            Number(
                "ten",
                label="(b) power of ten",
                answer=10 * math.log10(3**-0.5 / 4),
                tolerance=0.06,
            ),
        ],
        right="Weights times slope: 0.577 · 1 for tanh, 0.577 · ¼ for sigmoid, and ten of the latter make 4e-9.",
        wrong={
            "tanh = 0.1443": "(a) That is sigmoid. At the origin tanh has slope 1, not ¼.",
            "tanh = 1": "(a) That is the slope alone. PyTorch's weights shrink the signal as well.",
            "tanh = 0.3333": "(a) ⅓ is the variance of the weights times n. The spread is multiplied by its root.",
            "tanh = 0.2887": "(a) That is newfun, with slope ½ at the origin.",
            "ten = 8.406": "(b) The size is right, the sign is missing: 10 to the power 8.4 would make the signal larger. It shrinks.",
            "ten = -6.021": "(b) Ten slopes of ¼. The weights take their share too: weights times slope.",
            "ten = -2.386": "(b) Ten layers of weights, or of tanh. Sigmoid's slope of ¼ is missing.",
            "ten = -16.81": "(b) That is the variance. The spread is its root, so half of your exponent.",
            "ten = -0.8406": "(b) One layer. Ten of them multiply, so their exponents add.",
            "ten = -19.36": "(b) That is the power of e. The power of ten is asked for: the logarithm to base ten.",
            "ten = 3.92e-9": "(b) That is the factor itself. Asked for is its power of ten: the logarithm to base ten.",
        },
    ),
    Page(
        id="3.3",
        title="Three patients",
        kind="read evidence",
        stars=2,
        outcome=2,
        parts=[
            Choice("p", label="P is", options=ILL, answer=1),
            Choice("q", label="Q is", options=ILL, answer=0),
            Choice("r", label="R is", options=ILL, answer=2),
        ],
        right="The slope tells saturation, the spread tells whether images still differ. The error signal alone would have acquitted Q.",
        wrong={
            "p = 0, q = 1": "P and Q are the other way round. A mean slope near 1 is as steep as tanh gets, so P is not saturated; Q with 0.04 is.",
            "p = 0": "P: a small error signal is not saturation. Look at the slope: 0.99 and more, nowhere steeper.",
            "p = 2": "P: the slopes are fine. Read the spread from layer to layer: in the fourth, images differ by 0.0001.",
            "q = 2": "Q: spread and error signal are large, but with a mean slope of 0.04 nearly all units stand on a flat end. What is large comes from the weights.",
            "q = 1": "Q: images differ by 20 in the fourth layer. They do not look alike.",
            "r = 0": "R: 0.8 of a possible 1 is not saturated. Sigmoid's largest slope was ¼, tanh's is 1.",
            "r = 1": "R: the spread stays at 0.3 in all four layers. In P it falls by a factor of about nine at each.",
        },
    ),
    Code(
        id="3.4",
        title="A sigmoid that holds",
        kind="code",
        stars=2,
        outcome=3,
        grade=grade_stable_sigmoid,
        right="Neither exponent is ever positive, in either branch.",
        wrong=slips(
            STABLE,
            {
                "exponent, other = -x, x": "An exponential has overflowed",
                "exponent, other = -x.abs(), -x.abs()": "autograd gives |x|, and relu too, the slope 0 at x = 0",
                "exponent, other = -torch.maximum(x, 0 * x), torch.minimum(x, 0 * x)": "hand half of the slope",
                "exponent, other = -x.clamp(-20, 20), x.clamp(-20, 20)": "a bound on x stops them",
                "exponent, other = (-x).clamp(max=80), x.clamp(max=80)": "too much for float16",
                "exponent, other = -x.clamp(max=0), x.clamp(min=0)": "which form belongs to which side",
                "return 0.5 * (1 + torch.tanh(x / 2))": "does not subtract",
                "return torch.exp(x) / (1 + torch.exp(x))": "inf / inf",
            },
        ),
    ),
    Page(
        id="3.5",
        title="The same function, another step",
        kind="derive",
        stars=2,
        outcome=1,
        parts=[
            Number("sgd", label="(a) SGD", answer=4),
            Number("adam", label="(b) Adam", answer=2),
        ],
        right="Twice as far to go, on half the gradient: 4 for SGD. Adam does not see the half: 2.",
        wrong={
            "sgd = 1, adam = 1": "The same learning rate is not the same step. w′ is twice w, so it has twice as far to go.",
            "sgd = 2, adam = 4": "The other way round: it is SGD that feels the smaller gradient, Adam divides it away.",
            "sgd = 2": "(a) Twice as far to go, yes. But the gradient with respect to w′ is also half as large.",
            "sgd = 1": "(a) w′ has twice as far to go as w, on half the gradient.",
            "sgd = 0.25": "(a) You have the ratio upside down: it is the colleague's step that must be larger.",
            "adam = 4": "(b) Adam divides by the size of the gradient, so the half in it makes no difference.",
            "adam = 1": "(b) Adam makes the step independent of the gradient's scale, not of the weight's. w′ still has twice as far to go.",
        },
    ),
    Code(
        id="3.6",
        title="The loss that forgets its worst mistakes",
        kind="debug",
        stars=2,
        outcome=3,
        grade=grade_binary_loss,
        right="The logarithm is taken on paper, so no probability is ever rounded to 0.",
        wrong=slips(
            LOSS,
            {
                "yes, no = torch.log(p), torch.log(1 - p)": "Take the logarithm on paper first",
                "p = torch.sigmoid(z).clamp(1e-7, 1 - 1e-7)\nyes, no = torch.log(p), torch.log(1 - p)": "the loss stops growing",
                "yes, no = torch.log(p + 1e-7), torch.log(1 - p + 1e-7)": "equally bad",
                "yes, no = torch.log(p), torch.log(1 - p)\nreturn -(y * yes + (1 - y) * no).mean().nan_to_num(0.0, 0.0, 0.0)": "meets it again on the way down",
                "return (y * yes + (1 - y) * no).mean()": "minus the logarithm",
                "return -(y * yes).mean()": "Two terms",
            },
        ),
    ),
    Page(
        id="3.7",
        title="A sigmoid for thirty layers",
        kind="investigate",
        stars=3,
        outcome=2,
        parts=[Number("gain", label="gain g", answer=critical_gain, tolerance=0.06)],
        right="Steepness for a few units is bought by pushing the others out: half of them have a slope below 0.01.",
        wrong={
            "gain = 4": "One over the steepest slope. That is right for σ − ½. Sigmoid itself sends ½ to every unit above, and with weights this large that moves the units away from their steepest point.",
            "gain = 4.722": "That is the backward gain at pre-activations of size 1. With these weights they do not have size 1: iterate q first.",
            "gain = 1.846": "That gain keeps the size of the signal. Nearly all of that size is common to all inputs; their difference is multiplied by 0.39 a layer.",
            "gain = 1": "A gain of 1, as Xavier's, suits units of slope 1. Sigmoid's slope is at most ¼.",
            "gain = inf": "You averaged the slopes, and then no gain is enough. What travels is a mean square: average their squares.",
            "gain = 103": "You solved for g² = …: take the root.",
        },
    ),
]

PREDICTIONS = [
    Prediction(
        id="3.A",
        question="Walk from 0 to the right along a float32 sigmoid. From which x on does autograd return a slope of exactly 0?",
        part=Number(
            "x",
            label="x",
            answer=slope_vanishes,
            tolerance=0.05,
            log=True,
            low=1,
            high=1000,
            digits=4,
        ),
        textbook=104.0,
        textbook_label="Where e^−x itself becomes 0 in float32",
        because={
            "The slope is e^−x far out, and float32 holds numbers down to 1e-45.": "It could hold the slope. But autograd computes it as σ(1 − σ), and long before that σ has been rounded to 1.",
            "Float32 has about seven digits, so σ becomes 1 when e^−x is below 1e-7 or so.": "That is the reason, and with 6e-8 in place of 1e-7 it gives the number.",
            "Sigmoid is flat from 5 or 6 on.": "It looks flat in a picture. At 6 the slope is 0.0025, which is small and not zero.",
        },
        source="the search of the next cell, exact in float32",
    ),
    Prediction(
        id="3.B",
        question="Keep the sigmoid, the depth, SGD and its learning rate. Change only how the weights are drawn at the start. What is the best accuracy you expect after fifteen epochs?",
        part=Number(
            "accuracy",
            label="test accuracy",
            unit="%",
            answer=lambda: measured("sgd_small", "xavier_4"),
            low=0,
            high=100,
            digits=3,
        ),
        textbook=10.0,
        textbook_label="“The slope is at most ¼, whatever the weights”",
        because={
            "Four slopes of at most ¼ leave 0.4 % of the gradient.": "They do, and four weight matrices are multiplied in between. Their size is free.",
            "Larger weights saturate the units and make it worse.": "They do saturate them. Read on to see how much, and what comes with it.",
            "The weights were too small for this function.": "That is it: weights times slope is what travels, in both directions.",
        },
        source="study sigmoid-repairs, Xavier × 4, 5 seeds",
    ),
    Prediction(
        id="3.C",
        question="The failing weights again: PyTorch's own, sigmoid, four hidden layers. Only the optimiser is new, Adam with learning rate 0.001. What test accuracy after fifteen epochs?",
        part=Number(
            "accuracy",
            label="test accuracy",
            unit="%",
            answer=lambda: measured("adam", "default"),
            low=0,
            high=100,
            digits=3,
        ),
        textbook=10.0,
        textbook_label="“The gradient is gone, so no optimiser can follow it”",
        because={
            "What has vanished cannot be followed.": "The gradient is small, not zero: four millionths per weight in the first layer. Adam divides it by its own size.",
            "Adam does not care how large a gradient is.": "That is the point. It takes steps of about the learning rate, in every layer.",
            "Better than guessing, but the signal is still too weak.": "The signal is weak only at the start. The first steps change that.",
        },
        source="study sigmoid-repairs, Adam with PyTorch's weights, 5 seeds",
    ),
]
