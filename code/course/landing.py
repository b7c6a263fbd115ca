"""The landing page: one prediction and a self-test of five questions.

The self-test sends a reader to the chapter that answers what was missed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .exercises.model import Choice, Number, Page, Prediction

if TYPE_CHECKING:
    from actlab.statistics import Interval

__all__ = ["EXERCISES", "PREDICTIONS"]


def _linear_accuracy() -> Interval:
    """Measured test accuracy (%) without activations, small steps, 15 epochs."""
    from actlab import studies
    from actlab.statistics import interval

    runs = studies.load("first-look")
    chosen = runs[
        (runs["activation"] == "identity")
        & (runs["regime"] == "small_step")
        & (runs["epoch"] == 15)
    ]
    return interval(chosen["test_accuracy"])


PREDICTIONS = [
    Prediction(
        id="0.A",
        question="Take a network of five layers and remove every activation function from it. Train it for 15 epochs on Fashion-MNIST: 60,000 small pictures of clothes, ten classes. How often is it right on new pictures?",
        part=Number(
            "accuracy",
            label="Test accuracy",
            answer=_linear_accuracy,
            unit="%",
            tolerance=1.0,
            low=0,
            high=100,
            digits=3,
        ),
        textbook=10.0,
        textbook_label="A published lesson says",
        because={
            "Without non-linearity it can only guess.": "Guessing gives 10 %. Five linear layers make one linear classifier, and a linear classifier of pictures is a good deal better than that.",
            "It is logistic regression, and that works on easy pictures.": "That is what it is. The next question is what the other layers, with activations, add to it.",
            "Deep networks need activations to train at all.": "This one trains well: nothing in it saturates and nothing dies. What it lacks is not training but reach.",
        },
        source="study first-look: 784-256-192-128-64-10, no activation, SGD with learning rate 0.001 and momentum 0.8, batch 128, mean of five seeds",
        note="Chapter 01 puts a ReLU network beside it. The first surprise follows.",
    )
]


def _question(chapter: int, page: Page) -> Page:
    """The same question, each reply to a wrong answer ending with the chapter."""
    wrong = [
        replace(one, reply=f"{one.reply} (Chapter {chapter:02d}.)")
        for one in page.mistakes
    ]
    return replace(page, wrong=wrong)


EXERCISES = [
    _question(
        1,
        Page(
            id="0.1",
            title="Two layers",
            kind="compute",
            stars=1,
            outcome=1,
            task="h = 3x + 1, then y = 2h − 4. Written as y = ax + b, what is b?",
            parts=[Number("b", label="b", answer=-2)],
            right="2 · 1 − 4 = −2: the first bias goes through the second weight.",
            wrong={
                "b = -3": "You added the biases. The first one is doubled first.",
                "b = -4": "The first bias does not vanish: it arrives as 2 · 1.",
                "b = 6": "6 is the slope a = 2 · 3. The question is the constant.",
            },
            otherwise="Chapter 01 starts with exactly this.",
        ),
    ),
    _question(
        3,
        Page(
            id="0.2",
            title="The steepest sigmoid",
            kind="compute",
            stars=1,
            outcome=1,
            task="σ(x) = 1/(1 + e⁻ˣ). What is its largest slope?",
            parts=[Number("slope", label="largest slope", answer=0.25)],
            right="σ′ = σ(1 − σ), and at x = 0 that is ½ · ½.",
            wrong={
                "slope = 0.5": "½ is the value at 0. The slope there is ½ · ½.",
                "slope = 1": "1 is the slope of tanh at 0. Sigmoid is four times flatter.",
                "slope = 0": "0 is the slope far out on both sides; ask in the middle.",
            },
            otherwise="Chapter 02 reads slopes off any function; 03 has this one.",
        ),
    ),
    _question(
        2,
        Page(
            id="0.3",
            title="Which one needs an axis?",
            kind="predict",
            stars=1,
            outcome=1,
            task="A tensor has the axes batch × position × feature. For which of these must you say along which axis it works?",
            parts=[
                Choice(
                    "function",
                    label="It needs an axis",
                    options=["GELU", "softmax", "sigmoid", "leaky ReLU"],
                    answer=1,
                )
            ],
            right="Softmax divides by a sum, and a sum runs along an axis.",
            wrong={
                "function = 0": "GELU(x) = xΦ(x) looks at one number at a time: shape and axes do not matter.",
                "function = 2": "Sigmoid looks at one number at a time. Its sister for several classes is the one that needs an axis.",
                "function = 3": "One slope for all numbers: no axis. (With a slope per channel, PReLU, you would need one.)",
            },
        ),
    ),
    _question(
        9,
        Page(
            id="0.4",
            title="What PyTorch draws",
            kind="compute",
            stars=2,
            outcome=1,
            task="The weights of a fresh nn.Linear(300, 100) have which standard deviation? Two significant digits.",
            parts=[
                Number(
                    "std", label="standard deviation", answer=1 / 30, tolerance=0.001
                )
            ],
            right="Uniform on ±1/√300: its standard deviation is the edge over √3.",
            wrong={
                "std = 0.0816": "That is He's √(2/fan_in). PyTorch's default is √6 times narrower, and chapter 09 shows what that does.",
                "std = 0.0577": "That is the edge of the interval. Divide by √3.",
                "std = 0.0707": "That is Xavier's √(2/(fan_in + fan_out)). The default looks at fan_in only.",
            },
            otherwise="Few people know this one. Chapters 02 and 09 use it.",
        ),
    ),
    _question(
        12,
        Page(
            id="0.5",
            title="What does the table show?",
            kind="read evidence",
            stars=2,
            outcome=3,
            task="A table of one run each: SiLU 78.3 %, Swish (β = 1) 78.5 %, Hardswish 76.7 %. What can you conclude?",
            parts=[
                Choice(
                    "sentence",
                    label="The table shows that",
                    options=[
                        "Swish is the best of the three.",
                        "The noise is at least 0.2 points, and nothing else.",
                        "Hardswish is too coarse an approximation.",
                        "All three are equally good.",
                    ],
                    answer=1,
                )
            ],
            right="SiLU is Swish with β = 1, the very same function. The table measured its own noise, and one run each says no more.",
            wrong={
                "sentence = 0": "Swish with β = 1 is SiLU. Whatever separates their rows, it is not the function.",
                "sentence = 2": "Perhaps. One run, one learning rate, one initialisation decide nothing.",
                "sentence = 3": "No difference shown is not the same as equal: with one run each even large differences stay hidden.",
            },
        ),
    ),
]
