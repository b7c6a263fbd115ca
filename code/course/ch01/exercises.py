"""Exercises and predictions of chapter 01, what a network loses without activations.

Exercise 1.0 is the self-check at the top of the chapter. Measured answers come from
recorded studies or are computed when they are asked for.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import nn

from actlab import networks, studies
from actlab.statistics import Interval, interval, paired_difference

from ..exercises.model import Choice, Code, Number, Page, Prediction, slips
from ..exercises.report import Report, show


@cache
def mean_pieces() -> Interval:
    """Mean number of pieces on [-1, 1] of 200 fresh ReLU networks with 50 units."""
    counts = []
    for seed in range(200):
        first = networks.MLP([1, 50, 1], "relu", seed=seed).linears[0]
        assert isinstance(first, nn.Linear)
        kinks = -first.bias / first.weight[:, 0]
        counts.append(int((kinks.abs() < 1).sum()) + 1)
    return interval(counts)


def measured(study: str, epoch: int | None = None, **where: str) -> list[float]:
    """Test accuracies of a recorded study in the order of the seeds, in per cent."""
    frame = studies.load(study)
    for column, value in where.items():
        frame = frame[frame[column] == value]
    epoch = frame["epoch"].max() if epoch is None else epoch
    last = frame[frame["epoch"] == epoch].sort_values("seed")
    return last["test_accuracy"].tolist()


def lead_of_relu() -> Interval:
    """ReLU's accuracy minus that of no activation, small steps, paired by seed."""
    relu, identity = (
        measured("first-look", epoch=15, regime="small_step", activation=key)
        for key in ("relu", "identity")
    )
    return paired_difference(relu, identity)


CORNERS = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


XOR = """def xor(x):
    on = x[:, 0] + x[:, 1]
    return ((on >= 1).float() - (on >= 2).float() - 1 >= 0).float()"""


def grade_xor(answer: Any, variant: int | None, report: Report) -> None:
    """1.4: the four corners, then the same in another order and a longer batch."""
    report.function(answer)
    values = report.call(answer, CORNERS, at="on the four corners")
    exact = report.tensor(values, shape=(4,)).double()
    report.expect(
        bool(((exact == 0) | (exact == 1)).all()),
        f"on the corners 00, 01, 10, 11: a threshold unit is 0 or 1; got {show(exact)}.",
    )
    got = [int(value) for value in exact]
    if got != [0, 1, 1, 0]:
        why = report.mistake(
            got, CORNERS, otherwise="Work out both hidden units for each corner."
        )
        report.fail(
            f"on the corners 00, 01, 10, 11: expected 0, 1, 1, 0, got {got}. {why}"
        )
    for rows in (2, 9, 1):
        x = report.draw(rows, 2, 0, 1, salt=f"{rows} rows").round()
        x[0] = torch.tensor([float(rows != 2), 1.0])  # a table of four begins with 0
        values = report.call(answer, x, at=f"on {rows} rows in another order")
        values = report.tensor(values, (rows,), f"on {rows} rows in another order")
        report.expect(
            values.tolist() == (x[:, 0] != x[:, 1]).tolist(),
            f"Right on the four corners, in that order; wrong on {rows} rows in another: "
            f"x = {show(x)} gave {show(values)}. Each value has to come from its own row.",
        )
    report.cases = 4


EXERCISES = [
    Page(
        id="1.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=1,
        parts=[
            Number(
                "entry",
                label="W is [[1, 2], [0, 3]] and v is [4, 5]. First entry of Wv",
                answer=14,
            ),
            Choice(
                "shape",
                label="`nn.Linear(784, 256)` is given a batch of 128 rows. Shape of the result",
                options=["(128, 784)", "(128, 256)", "(256, 128)"],
                answer=1,
            ),
            Number("slope", label="y = (3x + 1)². dy/dx at x = 1", answer=24),
        ],
        right="You have what this chapter needs.",
        wrong={
            "entry = 4": "That is 1 · 4 alone. A row meets the whole vector: 1 · 4 + 2 · 5. See the first link above.",
            "shape = 2": "Rows stay rows. A linear layer changes the last axis only, from 784 to 256. See the second link above.",
            "shape = 0": "The layer maps 784 numbers to 256; the last axis changes. See the second link above.",
            "slope = 8": "You differentiated the square and stopped. The chain rule multiplies by the slope of 3x + 1 as well: 2 · 4 · 3.",
            "slope = 16": "That is the value at x = 1. The slope is 2 · (3x + 1) · 3.",
        },
    ),
    Page(
        id="1.1",
        title="Two layers, one map",
        kind="compute",
        stars=1,
        outcome=1,
        parts=[Number("a", label="a", answer=-6), Number("b", label="b", answer=8)],
        right="The slopes multiply, and the first bias arrives as −3 · (−1) = 3.",
        wrong={
            "a = -1, b = 4": "You added the layers. The second one multiplies what the first hands it: −3 · (2x − 1) + 5.",
            "a = -6, b = 5": "The slope is right. The first bias did not vanish: it goes through the second weight and arrives as −3 · (−1).",
            "a = -6, b = 2": "One sign: −3 · (−1) is +3.",
            "a = -6, b = 4": "You added the biases, −1 + 5. The first one passes through the second weight on its way.",
        },
    ),
    Page(
        id="1.2",
        title="Count the pieces",
        kind="compute",
        stars=1,
        outcome=2,
        parts=[Number("pieces", label="number of pieces", answer=5)],
        right="Flat, up, flat, down, flat: four kinks, five pieces.",
        wrong={
            "pieces = 4": "Four units make four kinks, at −2, 0, 1 and 3. Four cuts leave five pieces.",
            "pieces = 16": "2⁴ on/off patterns exist on paper. Walk along the line from left to right: the units switch on one after the other, so only five patterns occur.",
            "pieces = 2": "You counted the sloping pieces. The three flat ones are pieces too.",
            "pieces = 3": "Three pieces lie between the four kinks. The line goes on to the left of the first and to the right of the last.",
        },
    ),
    Page(
        id="1.3",
        title="Ten classes through one number",
        kind="derive",
        stars=2,
        outcome=1,
        parts=[
            Number("rank", label="(a) highest rank", answer=1),
            Number("classes", label="(b) classes that can be on top", answer=10),
        ],
        right="Rank 1, and ten winners: take logit k as kz − k²/2, ten tangents to a parabola.",
        wrong={
            "rank = 10": "(a) 10 is the width of the output. Everything passes through one number first, and a product has no higher rank than its narrowest factor.",
            "rank = 256": "(a) 256 is the wider hidden layer. The narrowest place decides how much gets through.",
            "classes = 2": "(b) Two is true without output biases: then the logits are v · z and only the largest and the smallest v can win. With biases each class has a line of its own. Draw them.",
            "classes = 1": "(b) Rank says how the ten logits can move together. It does not say who is on top: that changes as z moves.",
        },
    ),
    Code(
        id="1.4",
        title="XOR by hand",
        kind="code",
        stars=2,
        outcome=2,
        grade=grade_xor,
        right="OR minus AND.",
        wrong=slips(
            XOR,
            {
                "return ((on >= 1).float() + (on >= 2).float() - 1 >= 0).float()": "Right on three corners. On (1, 1) `both` has to fire, and the output must not add it: it has to subtract it.",
                "return ((on >= 2).float() - (on >= 1).float() >= 0).float()": "Every output is flipped: this is XNOR. Turn the signs of the output weights and move its threshold.",
                "return ((on >= 1).float() - (on >= 1).float() - 1 >= 0).float()": "Write down both hidden units for the four corners. Swapped thresholds switch the output off. And if the two agree everywhere they are one unit, and one straight cut cannot separate XOR.",
                "return ((on >= 2).float() - 1 >= 0).float()": "This is AND: with one input on nothing fires the output. `at_least_one` has to, minus `both`.",
                "return ((on >= 0).float() - (on >= 2).float() - 1 >= 0).float()": "This is NAND: `at_least_one` fires with no input on as well. Its threshold has to be above 0.",
            },
        ),
    ),
    Page(
        id="1.5",
        title="What does this table show?",
        kind="read evidence",
        stars=2,
        outcome=3,
        parts=[
            Choice(
                "sentence",
                label="The one sentence that all three rows allow",
                options=[
                    "Fashion-MNIST needs no non-linearity.",
                    "ReLU is worse than no activation.",
                    "At the small step the ReLU network had not finished learning, so those rows cannot say what non-linearity is worth.",
                    "0.05 is the right learning rate.",
                    "Inputs in [0, 1] suit a network without activations.",
                ],
                answer=2,
            )
        ],
        right="The rows with the small step compare how far two networks had come, not what they can do.",
        wrong={
            "sentence = 0": "In the third row ReLU is almost seven points ahead. The larger steps help it, and not the linear network.",
            "sentence = 1": "In two rows, with five seeds each. In the third row it is several points better. A verdict that turns with the step size is not a property of the function.",
            "sentence = 3": "Two settings were tried, rate and momentum changed together, and nobody chose them on a validation split. The rows show that the step matters, not which is best.",
            "sentence = 4": "Compare the first two rows column by column: both networks lose when the inputs move to [0, 1]. The linear one only loses less.",
        },
    ),
    Page(
        id="1.6",
        title="Where x² stops",
        kind="derive",
        stars=3,
        outcome=1,
        parts=[
            Number("width", label="hidden width (type inf for “no limit”)", answer=3)
        ],
        right="A symmetric 3 × 3 matrix is a sum of three squares, and x² + y needs all three.",
        wrong={
            "width = 6": "There are six monomials, but a unit is not a monomial: one square carries all six. Write the polynomial as a symmetric 3 × 3 matrix and diagonalise it.",
            "width = 2": "Enough for x² and y². Try x² + y: its matrix has rank 3 whatever the output bias.",
            "width = inf": "Squares of straight lines, however many, add up to a polynomial of degree two. This is the case that Leshno's theorem leaves out.",
            "width = 5": "Five coefficients are left when the output bias takes the constant, but one square carries several at once. Count squares, not coefficients.",
        },
    ),
]

PREDICTIONS = [
    Prediction(
        id="1.A",
        question="Two interleaved spirals, half of the points in each. The network keeps its two hidden layers of 32 units, but every activation is removed. What test accuracy do you expect after training?",
        part=Number(
            "accuracy",
            label="test accuracy",
            unit="%",
            answer=lambda: interval(measured("spirals", activation="identity")),
            low=0,
            high=100,
            digits=3,
        ),
        textbook=50.0,
        because={
            "No line can separate the classes, so it must guess.": "No line separates them all. A line can still be right more often than wrong: it cuts off the outer ends of two arms.",
            "64 hidden units are plenty.": "They are, for a network that bends. Without an activation all of them together are one straight line.",
            "A straight line gets some of it.": "That is what happens: it cuts off the outer ends of two arms, and a line can do little more.",
        },
        source="study spirals, no activation, 5 seeds",
    ),
    Prediction(
        id="1.B",
        question="One input, one hidden layer of 50 ReLU units, fresh from PyTorch, not trained. Into how many pieces does it cut the interval from −1 to 1, on average?",
        part=Number(
            "pieces",
            label="pieces",
            answer=mean_pieces,
            low=1,
            high=60,
            digits=2,
            tolerance=1.0,
        ),
        textbook=51,
        because={
            "50 kinks make 51 pieces.": "On the whole line, yes. A kink sits at −b/w, and that need not lie between −1 and 1.",
            "Some kinks fall outside the interval.": "Half of them: weight and bias are drawn from the same interval, so |b/w| exceeds 1 as often as not.",
            "It is random, so anything.": "The places are random. Their number inside varies little around the mean, like heads in 50 throws.",
        },
        source="200 fresh networks, counted in the cell below",
    ),
    Prediction(
        id="1.C",
        question="Fit a wavy target with one hidden layer that becomes wider and wider, the output weights always the best possible. For which activation does the error keep falling?",
        part=Choice(
            "which",
            label="The error keeps falling for",
            options=[
                "tanh, ReLU and x²",
                "tanh and ReLU",
                "tanh only: it is smooth and bounded",
                "all four, the identity as well",
            ],
            answer=1,
        ),
        textbook=0,
        textbook_label="“Any non-linear activation”",
        because={
            "Any non-linear function will do.": "This is the sentence to be tested. x² is non-linear, and it stops.",
            "The theorem was proved for S-shaped functions.": "The first proofs were. ReLU is not S-shaped, and its error falls all the same.",
            "Sums of squares are still squares.": "Precisely: a sum of squares of lines is one parabola, however many units write it.",
        },
        source="the least-squares fits of the next cell",
    ),
    Prediction(
        id="1.D",
        question="Fashion-MNIST, four hidden layers, SGD with learning rate 0.001 and momentum 0.8, 15 epochs. Once there is a ReLU after each hidden layer, once there is nothing. By how many points of test accuracy is ReLU ahead? (Below 0: it is behind.)",
        part=Number(
            "lead",
            label="lead of ReLU",
            unit="points",
            answer=lead_of_relu,
            low=-20,
            high=80,
            digits=2,
            tolerance=0.5,
        ),
        textbook=70.0,
        textbook_label="“About 10 % without activations” (C-044), and ReLU near 80 %",
        because={
            "Without activations a network cannot learn.": "It cannot bend. It learns most of what straight borders between ten classes can express, and on this data that is a lot.",
            "A network that bends can do more than one that cannot.": "It can. But a table shows what was reached after 15 epochs, not what can be reached.",
            "The steps are too small to tell.": "They are small, and the linear network needs fewer of them. That is the rest of this section.",
        },
        source="study first-look, epoch 15, 5 seeds",
    ),
]
