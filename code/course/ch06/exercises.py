"""Exercises and predictions of chapter 06, why the last activation is different.

Exercise 6.0 is the self-check at the top of the chapter. Measured answers are computed
when they are asked for: small networks on digits, random queries and keys.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from actlab import datasets, networks, training
from actlab.statistics import Interval, interval

from ..exercises.model import Choice, Code, Number, Page, Prediction
from ..exercises.readymade import ready_made
from ..exercises.report import Report

if TYPE_CHECKING:
    import pandas as pd


# --- what the predictions are compared with ---------------------------------------


@functools.cache
def share_of_eights() -> float:
    """Mean prediction, in per cent, of the logistic model of digits' ink: eight or not.

    Fitted as in the chapter, by eight steps of Newton's method.
    """
    data = datasets.digits()
    ink = data.x_train.mean(1).double()
    eight = (data.y_train == 8).double()
    inputs = torch.stack([torch.ones_like(ink), ink], 1)
    weight = torch.zeros(2, dtype=torch.float64)
    for _ in range(8):
        p = torch.sigmoid(inputs @ weight)
        hessian = (inputs.T * (p * (1 - p))) @ inputs
        weight = weight + torch.linalg.solve(hessian, inputs.T @ (eight - p))
    return 100 * float(torch.sigmoid(inputs @ weight).mean())


@functools.cache
def accuracy_of_two_softmaxes() -> Interval:
    """Test accuracy on digits, in per cent: softmax twice, epoch 30, 5 seeds."""
    found = []
    for seed in range(5):
        logits = networks.MLP([64, 32, 32, 10], "relu", seed=seed)
        network = torch.nn.Sequential(logits, torch.nn.Softmax(dim=1))
        run = training.fit(
            network,
            datasets.digits(),
            epochs=30,
            lr=0.05,
            momentum=0.9,
            seed=seed,
            progress=False,
        )
        found.append(run.accuracy)
    return interval(found)


@functools.cache
def largest_attention_weight(temperature: float = 1.0) -> Interval:
    """Mean largest weight of 1,000 random queries over 50 random keys of length 64."""
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(1000, 64, generator=generator)
    keys = torch.randn(50, 64, generator=generator)
    weights = (queries @ keys.T / temperature).softmax(1)
    return interval(weights.max(1).values)


@functools.cache
def _log() -> list[tuple[int, float, float]]:
    data = datasets.digits()
    train, test = data.y_train < 4, data.y_test < 4
    four = replace(
        data,
        x_train=data.x_train[train],
        y_train=data.y_train[train],
        x_test=data.x_test[test],
        y_test=data.y_test[test],
        classes=data.classes[:4],
    )
    logits = networks.MLP([64, 32, 4], "relu", seed=0)
    network = torch.nn.Sequential(logits, torch.nn.Softmax(dim=1))
    run = training.fit(
        network, four, epochs=80, lr=0.05, momentum=0.9, seed=0, progress=False
    )
    rows = run.history.set_index("epoch").loc[[1, 10, 20, 40, 60, 80]]
    columns = zip(rows.index, rows["train_loss"], rows["test_accuracy"], strict=True)
    return [(int(e), round(loss, 3), round(right)) for e, loss, right in columns]


def training_log() -> pd.DataFrame:
    """The log of exercise 6.5: epoch, training loss, test accuracy in per cent."""
    import pandas as pd

    frame = pd.DataFrame(_log(), columns=["epoch", "training loss", "test accuracy, %"])
    return frame.set_index("epoch")


# --- 6.4 ----------------------------------------------------------------------------


READY_MADE = {"_softmax", "_log_softmax", "logsumexp", "logcumsumexp"}


def check_own_work(answer: Any, report: Report) -> None:
    """The task forbids what does all of it at once."""
    z = report.draw(4, 6, -3, 3)
    used = ready_made(report, answer, z, 1, 2.0, names=READY_MADE)
    report.expect(
        not used,
        f"the numbers are right, and PyTorch's {used} made them. The task leaves it "
        "out, since the two missing lines are what it does inside: the largest of each "
        "slice, and the log of the sum.",
    )


def grade_log_softmax(answer: Any, variant: int | None, report: Report) -> None:
    """6.4: each axis, several temperatures, and rows far apart."""
    report.function(answer)
    far = torch.tensor([[1000.0, 999.0, -1000.0], [-1000.0, -1001.0, -1002.0]])
    near = [
        (report.draw(4, 6, -3, 3), 1, 1.0),
        (report.draw(4, 6, -3, 3, salt="b"), 0, 0.5),
        (report.draw(2, 3, 4, -3, 3), 1, 2.0),
        (report.draw(3, 3, -3, 3), -1, 5.0),
    ]
    # float32 knows 4000 to 0.0002, so that is what a sum with it may be off by
    for cases, tolerance in (
        (near, 1e-4),
        ([(far[:1], 1, 1.0), (far[1:], 1, 1.0)], 1e-3),  # one maximum will do
        ([(far, 1, t) for t in (1.0, 0.25, 0.01)], 1e-3),
    ):
        report.compare(
            answer,
            lambda z, dim, temperature: (z / temperature).log_softmax(dim),
            cases,
            names=("z", "dim", "temperature"),
            tolerance=tolerance,
        )
    check_own_work(answer, report)
    report.learns(answer, *near[0], names=("z", "dim", "temperature"))


# --- 6.6 ----------------------------------------------------------------------------


def grade_mask(answer: Any, variant: int | None, report: Report) -> None:
    """6.6: three shapes, then a forbidden score that is far ahead."""
    report.function(answer)
    cases = []
    for shape in [(2, 3, 5), (1, 4, 4), (3, 6, 2)]:
        scores = report.draw(*shape, -3, 3, salt=f"{shape}")
        allowed = report.draw(*shape, 0, 1, salt=f"{shape} allowed") > 0.4
        allowed[..., 0] = True
        allowed[0, 0, 1:] = False
        cases.append((scores, allowed))
    scores = report.draw(1, 2, 3, -3, 3, salt="ahead")
    scores[0, 0, 1] = 300.0
    allowed = torch.tensor([[[True, False, True], [True, True, True]]])
    cases += [(scores, allowed), (scores - 5000.0, allowed)]  # −100 is no veto there
    for far in (1e6, 1e7):  # nor −10⁴ or −10⁷; −10⁹ is what many write
        low = torch.tensor([[[-3 * far, 2.0, -2 * far]]])
        cases.append((low, allowed[:, :1]))
    report.compare(
        answer,
        lambda scores, allowed: scores.masked_fill(~allowed, -math.inf).softmax(-1),
        cases,
        names=("scores", "allowed"),
        tolerance=1e-4,
    )
    report.learns(answer, *cases[0], names=("scores", "allowed"))


# --- the lists ------------------------------------------------------------------------


def page_6_3(
    s: tuple[float, float, float] = (0.5, 0.3, 0.2), variant: int | None = None
) -> Page:
    """Exercise 6.3 for one softmax; what comes down is (1, 0, −1)."""
    g = (1, 0, -1)
    mean = sum(a * b for a, b in zip(s, g, strict=True))
    task = (
        f"A softmax gave s = {s}. From the loss comes g = ∂ℒ/∂s = (1, 0, −1). What "
        "are the first two entries of ∂ℒ/∂z?"
    )
    return Page(
        id="6.3",
        title="The product that backward forms",
        kind="derive",
        stars=2,
        outcome=1,
        task=task if variant is not None else "",
        parts=[
            Number("first", label="first entry", answer=s[0] * (1 - mean)),
            Number("second", label="second entry", answer=-s[1] * mean),
        ],
        right="Minus the weighted average, times s. The three entries add up to 0, as they must.",
        wrong={
            f"first = {s[0] * (1 - s[0])}, second = 0": "You used the diagonal alone, s(1 − s) g, as if softmax acted element by element. Every weight answers to every logit.",
            f"first = {s[0]}, second = 0": "That is s ⊙ g. The weighted average of g has to be subtracted first.",
            f"first = {1 - mean}, second = {-mean}": "The subtraction is right. Now multiply by s, entry by entry.",
            f"first = {s[0] * (1 + mean)}, second = {s[1] * mean}": "One sign: the average is subtracted, g − ⟨g, s⟩.",
            f"first = {s[0] * (1 - mean)}, second = 0": "The first is right. g₂ = 0 does not keep the second logit still: it takes part in the denominator of the others.",
        },
        numbers_for=_page_6_3_for,
    )


def _page_6_3_for(variant: int) -> Page:
    first = 0.5 + 0.02 * (variant % 10)
    second = 0.3 - 0.01 * (variant % 7)
    return page_6_3((first, second, round(1 - first - second, 10)), variant)


FLOOR_4 = math.log(math.e + 3) - 1

EXERCISES = [
    Page(
        id="6.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=1,
        parts=[
            Number(
                "sums",
                label="`x` has shape (2, 3, 4). How many entries, all of them 1, has `F.softmax(x, dim=1).sum(1)`",
                answer=8,
            ),
            Number("log", label="ln(e² · e³)", answer=5),
            Choice(
                "product",
                label="`y = f(x)` with x and y of shape (5,). What does `y.backward(g)` put into `x.grad`?",
                options=[
                    "the 5 × 5 matrix of slopes",
                    "the product of g with that matrix, shape (5,)",
                    "the diagonal of that matrix, shape (5,)",
                ],
                answer=1,
            ),
        ],
        right="You have what this chapter needs.",
        wrong={
            "sums = 3": "Three is how many numbers share one denominator. There are 2 · 4 such groups. See chapter 02, the first link above.",
            "sums = 24": "24 is the number of entries. Along axis 1 three of them share a sum, so 24 / 3 sums are left.",
            "log = 6": "The exponents add up: e² · e³ = e⁵.",
            "product = 0": "`backward` never builds the matrix. It multiplies g through it; the last section of the third link shows how.",
            "product = 2": "Even for a function of elements it is the diagonal times g. In general every slope takes part; see the third link above.",
        },
    ),
    Page(
        id="6.1",
        title="Three logits",
        kind="compute",
        stars=1,
        outcome=3,
        parts=[
            Number("third", label="(a) weight of the third class", answer=0.625),
            Number("shifted", label="(b) after adding 100", answer=0.625),
        ],
        right="1, 2 and 5 share out 8, and a common factor of e¹⁰⁰ cancels.",
        wrong={
            f"third = {math.log(5) / math.log(10)}": "(a) You shared out the logits themselves. Take exponentials first: 1, 2, 5.",
            f"third = {5 / 7}": "(a) The first logit is 0, and e⁰ is 1, not 0. It belongs in the sum.",
            f"third = {5 / 6}": "(a) That is σ(ln 5), a softmax against a single logit 0. There is a third class with weight 2.",
            "third = 0.625, shifted = 1": "(b) All three logits grew by 100, not the third alone. Their differences are what they were.",
            f"third = 0.625, shifted = {1 / 3}": "(b) Next to 100 the logits look alike, but softmax looks at differences, and these have not changed.",
        },
    ),
    Page(
        id="6.2",
        title="Shapes",
        kind="compute",
        stars=1,
        outcome=3,
        parts=[
            Number("jacobian", label="(a) Jacobian of one image", answer=100),
            Number("logits", label="(b) gradient of the logits", answer=320),
            Number("weight", label="(c) gradient of the weight", answer=640),
        ],
        right="100 exist on paper only; 320 and 640 have the shapes of the logits and of the weight.",
        wrong={
            "jacobian = 10": "(a) That would be a function of elements, with the diagonal only. Ten outputs answer to ten inputs each.",
            "jacobian = 3200": "(a) 3,200 is the whole batch. One image has a matrix of its own, 10 × 10.",
            "logits = 3200": "(b) These are the Jacobians. Backward forms their product with g, of the shape of the logits.",
            "weight = 0": "(c) Softmax has no parameters, true. The layer in front of it has: 10 × 64.",
            "weight = 20480": "(c) The gradients of the 32 images are added up. A gradient has the shape of its weight.",
        },
    ),
    page_6_3(),
    Code(
        id="6.4",
        title="A log-softmax that holds",
        kind="code",
        stars=2,
        outcome=3,
        grade=grade_log_softmax,
        right="One entry of each shifted slice is 0, so the sum is at least 1.",
        wrong={
            "lambda z, dim, temperature: (z / temperature).softmax(dim).log()": "The softmax was already 0 when you took its logarithm. Stay with logarithms: shifted minus the log of the sum.",
            "lambda z, dim, temperature: z / temperature - (z / temperature).exp().sum(dim, keepdim=True).log()": "Without the largest logit subtracted, exp overflows or everything underflows.",
            """def log_softmax(z, dim, temperature):
    shifted = z / temperature - (z / temperature).max()
    return shifted - shifted.exp().sum(dim, keepdim=True).log()""": "One maximum for the whole tensor: a row that lies far below it has only zeros to add up. Each slice along dim needs its own.",
            "lambda z, dim, temperature: F.log_softmax(z / temperature, dim)": "The task leaves it out",
            "lambda z, dim, temperature: z / temperature - (z / temperature).logsumexp(dim, keepdim=True)": "PyTorch's logsumexp made them",
            "lambda z, dim, temperature: (z / temperature).log_softmax(-1)": "This works along the last axis, whatever `dim` says.",
            "lambda z, dim, temperature: (z * temperature).log_softmax(dim)": "The logits are divided by the temperature, not multiplied: hot is flat.",
            "lambda z, dim, temperature: z.log_softmax(dim) / temperature": "You divided the result. The temperature divides the logits, inside.",
            "lambda z, dim, temperature: z.log_softmax(dim)": "The temperature has no effect.",
            """def log_softmax(z, dim, temperature):
    shifted = z / temperature - (z / temperature).amax(dim, keepdim=True)
    return shifted - shifted.exp().sum(dim, keepdim=True)""": "You subtract the sum itself; the logarithm of the sum is wanted.",
        },
    ),
    Page(
        id="6.5",
        title="A loss that does not fall",
        kind="read evidence",
        stars=2,
        outcome=2,
        parts=[
            Choice(
                "cause",
                label="The one answer that loss and accuracy both allow",
                options=[
                    "The network is too small to bring the loss further down.",
                    "Probabilities went into `NLLLoss`.",
                    "The network ends in a softmax, and `CrossEntropyLoss` takes another.",
                    "It is guessing; the loss is that of chance.",
                    "The learning rate is too large, so it jumps about near the minimum.",
                ],
                answer=2,
            ),
            Number("floor", label="lowest value this loss can reach", answer=FLOOR_4),
        ],
        right="ln(e + 3) − 1: a second softmax sees no difference greater than 1.",
        wrong={
            "cause = 0": "Its accuracy says that it separates the classes. A larger network would come to rest at the same value.",
            "cause = 1": "Then the loss would be negative: minus the mean probability of the true class.",
            "cause = 3": "Chance for four classes is ln 4 = 1.386, with an accuracy of 25 %.",
            "cause = 4": "A loss that jumps about is not this smooth. It comes down and then creeps.",
            "cause = 2, floor = 0": "0 is the floor when logits go in: they can be as far apart as they like. Probabilities cannot.",
            f"cause = 2, floor = {math.log(math.e + 9) - 1}": "That is the floor for ten classes. Here three others share the denominator with e¹.",
            f"cause = 2, floor = {math.log(4)}": "ln 4 is where it starts, with all probabilities equal.",
            f"cause = 2, floor = {math.log(math.e + 3)}": "That is the ceiling, all certainty on a wrong class. At the floor the true class has 1, which is subtracted.",
        },
    ),
    Code(
        id="6.6",
        title="A mask that leaks",
        kind="debug",
        stars=2,
        outcome=3,
        grade=grade_mask,
        right="Forbidden keys have logit −∞, so they never enter the denominator.",
        wrong={
            "lambda scores, allowed: scores.softmax(1) * allowed": "Print the sums of `scores.softmax(dim=1)` along each axis: which are 1? And what does the product do to them?",
            "lambda scores, allowed: scores.softmax(-1) * allowed": "The axis is right. The forbidden keys are still in the denominator, so the rest does not add up to 1.",
            "lambda scores, allowed: scores.masked_fill(~allowed, -math.inf).softmax(1)": "The mask is right, the axis is not: axis 1 holds the queries.",
            "lambda scores, allowed: (scores * allowed).softmax(-1)": "A score of 0 is no veto: e⁰ = 1. Which logit has an exponential of 0?",
            "lambda scores, allowed: scores.masked_fill(allowed, -math.inf).softmax(-1)": "The mask is upside down: `allowed` is True where a query may look.",
            "lambda scores, allowed: scores.masked_fill(~allowed, -1e4).softmax(-1)": "A large negative number is a score like any other, and an allowed key may lie below it. Which score has nothing below it?",
            "lambda scores, allowed: scores.softmax(-1)": "The axis is right, and the mask is not used at all.",
            """def attention_weights(scores, allowed):
    weights = scores.softmax(-1) * allowed
    return weights / weights.sum(-1, keepdim=True)""": "Right for ordinary scores. Where a forbidden score is far ahead, it decides what is within the range of floats: 0/0 or ∞ · 0 is left. Mask before anything is exponentiated.",
        },
    ),
    Page(
        id="6.7",
        title="The steepest softmax",
        kind="derive",
        stars=3,
        outcome=1,
        parts=[
            Number("equal", label="(a) all weights equal", answer=0.1),
            Number("greatest", label="(b) greatest of all", answer=0.5),
            Number("cold", label="(c) with temperature 0.1", answer=5),
        ],
        right="vᵀJv is a variance: at most a quarter of a squared range, and the range is at most √2.",
        wrong={
            "equal = 0.09": "(a) 0.09 is an entry of the diagonal, s(1 − s). The stretch is the largest eigenvalue of the whole matrix.",
            "equal = 0.5": "(a) ½ is the greatest value of all. When everything is equal a small push is shared among ten.",
            "equal = 0.1, greatest = 0.1": "(b) Knowing nothing is not the same as being easy to move. Try two classes that share everything.",
            "equal = 0.1, greatest = 0.25": "(b) ¼ is sigmoid's slope, one entry of the matrix. With two classes [[¼, −¼], [−¼, ¼]] stretches (1, −1) by ½.",
            "equal = 0.1, greatest = 1": "(b) No weight can move as fast as its logit: s(1 − s) is at most ¼, and the others take only as much again.",
            "cold = 2.5": "(c) Ten times ¼. The factor 1/T is right; multiply the greatest stretch of all, which is not ¼, by it.",
            "cold = 10": "(c) Ten times 1. The factor 1/T is right; multiply the greatest stretch of all, which is not 1, by it.",
            "cold = 1": "(c) Ten times 0.1. The factor 1/T is right; multiply the greatest stretch of all, not that of equal weights, by it.",
            "equal = 0.1, greatest = 0.5, cold = 0.05": "(c) Dividing the logits by 0.1 makes them ten times larger, so the slopes grow.",
            "equal = 0.1, greatest = 0.5, cold = 0.5": "(c) As a function of z/T, yes. As a function of z the chain rule brings another factor 1/T.",
        },
    ),
]

PREDICTIONS = [
    Prediction(
        id="6.A",
        question="A logistic regression sees one number of each image, the mean ink, and says how probable an eight is. It is fitted by maximum likelihood, and it is poor: ink says little about eights. What is the mean of its predictions over the training images?",
        part=Number(
            "mean",
            label="mean predicted probability",
            unit="%",
            answer=share_of_eights,
            tolerance=0.05,
            low=0,
            high=100,
            digits=3,
        ),
        textbook=50.0,
        textbook_label="A model that knows nothing",
        because={
            "If it knows little, it says 50 %.": "It knows one thing for certain: how rare eights are. The bias takes care of that.",
            "About one digit in ten is an eight.": "And not about: the mean prediction is exactly their share in the training set.",
            "A poor model is wrong on average, in one direction or the other.": "Single predictions are. Their sum is not: at the optimum the gradient of the bias, labels minus predictions, is zero.",
        },
        source="the fit in the next cell, exact for its 1,437 scanned digits",
    ),
    Prediction(
        id="6.B",
        question="A digit network ends in a softmax, and `CrossEntropyLoss` takes the softmax of that once more. SGD 0.05 with momentum 0.9, 30 epochs; with logits the same network reads 96 %. What test accuracy do you expect?",
        part=Number(
            "accuracy",
            label="test accuracy",
            unit="%",
            answer=accuracy_of_two_softmaxes,
            low=0,
            high=100,
            digits=2,
            tolerance=3.0,
        ),
        textbook=10.0,
        textbook_label="“This cannot work”",
        because={
            "The loss is wrong, so nothing is learnt.": "The loss still prefers the right class. It only whispers.",
            "The order of the classes is the same, so the accuracy is the same.": "Of one given row, yes. But the gradient is ten times smaller at the start and vanishes where the network is sure, so training goes another way.",
            "It learns, but more slowly.": "That is most of it, and it makes the mistake hard to notice. What else happens, the next cells show.",
        },
        source="the runs of the next cell, epoch 30, 5 seeds",
    ),
    Prediction(
        id="6.C",
        question="An untrained attention: one query, fifty keys, all of them random vectors with 64 standard normal entries. The weights are the softmax of the 50 dot products, *not* divided by √64. How large is the largest weight, on average?",
        part=Number(
            "weight",
            label="largest weight",
            answer=largest_attention_weight,
            low=0,
            high=1,
            digits=2,
            tolerance=0.05,
        ),
        textbook=0.02,
        textbook_label="No key is better, so 1/50",
        because={
            "Nothing has been learnt, so the weights are about equal.": "Averaged over queries no key here gets more than 4 %. For a single query the best is ahead by some units of the exponent.",
            "The dot products are spread widely.": "They vary by 8. A lead of 3 is enough to take most of it.",
            "A few keys will share it.": "Divided by 8, many would. As it is, the first usually leaves little to the second.",
        },
        source="1,000 random queries in the next cell",
    ),
]
