"""Exercises and predictions of chapter 14, choosing.

Exercise 14.0 is the self-check at the top of the chapter. The patients are those of
`course.ch14.patients`; what their treatments do is trained when the chapter runs.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import torch

from ..exercises.model import Choice, Code, Number, Page, Prediction, slips
from ..exercises.report import Report, two_numbers
from . import patients

# --- 14.2 and 14.5 --------------------------------------------------------------------


def page_14_2(weight: float = 0.09, gradient: float = 0.006) -> Page:
    """Exercise 14.2 for one size of weights and one of gradients."""
    step = 1e-3 * weight / gradient
    return Page(
        id="14.2",
        title="A step for −3",
        kind="compute",
        stars=1,
        outcome=1,
        task=f"A layer's weights have root mean square {weight:g}, their gradient {gradient:g}. Plain SGD. For which step is the logarithm (base 10) of update over weights equal to −3?",
        parts=[
            Number("step", label="step", answer=step, tolerance=0.02, relative=True)
        ],
        right="Step times gradient is a thousandth of the weights.",
        wrong={
            f"step = {1e-3 * gradient / weight}": "Turned round: that is a thousandth of gradient over weights. The update, step times gradient, has to be small beside the weights.",
            f"step = {weight / gradient}": "That step makes the update as large as the weights: logarithm 0, not −3.",
            f"step = {1e-3 * weight}": "That is how large the update should be. The step is the update over the gradient.",
            "step = 1e-3": "A thousandth is what the update should be of the weights. The step depends on the gradient as well.",
            f"step = {3 * weight / gradient}": "−3 is a logarithm: the ratio is 0.001, not 3.",
        },
        numbers_for=lambda variant: page_14_2(0.05 + 0.01 * (variant % 5), 0.004),
    )


def page_14_5(lead: float = 0.30, std: float = 0.60) -> Page:
    """Exercise 14.5 for one mean lead and one spread of the differences."""
    half = 2.093 * std / math.sqrt(20)
    return Page(
        id="14.5",
        title="What would change your mind?",
        kind="derive",
        stars=2,
        outcome=3,
        task=f"You said beforehand: “I change to SiLU if it leads by more than 0.5 points.” Twenty paired seeds: mean lead {lead:.2f}, standard deviation of the differences {std:.2f}, t = 2.093. What is the half width of the 95 % interval, and what do you write?",
        parts=[
            Number("half", label="half width, points", answer=half, tolerance=0.008),
            Choice(
                "write",
                label="I write",
                options=[
                    "SiLU is better: change",
                    "SiLU is not better: stay",
                    "undecided: the lead may lie on either side of what I care about",
                    "the two are equal",
                ],
                answer=2,
            ),
        ],
        right="The interval holds the margin that you named before you looked.",
        wrong={
            f"half = {2.093 * std}": "That is for a single run. A mean of twenty is known better, by the root of 20.",
            f"half = {std / math.sqrt(20)}": "That is the standard error. An interval of 95 % takes t of them.",
            f"half = {2.093 * std / 20}": "Divide by the root of the number of runs, not by the number.",
            f"half = {2 * half}": "That is the whole width, from one end to the other.",
            "write = 0": "The interval leaves out 0, and 0 is not what you named. Leads below 0.5, for which you would not change, are in it too.",
            "write = 1": "Leads above 0.5 are in the interval too, so “stay” is not shown.",
            "write = 3": "0 lies outside of the interval: these runs speak against equal.",
        },
        # 0 stays outside of the interval and 0.5 inside, as the replies say
        numbers_for=lambda variant: page_14_5(0.40, 0.60 + 0.05 * (variant % 4)),
    )


# --- 14.6 -----------------------------------------------------------------------------


def label_agreement(x: torch.Tensor, y: torch.Tensor) -> float:
    """Share of examples whose nearest other example has their label."""
    distance = torch.cdist(x, x)
    distance.fill_diagonal_(math.inf)
    return (y[distance.argmin(1)] == y).float().mean().item()


AGREEMENT = """def label_agreement(x, y):
    distance = torch.cdist(x, x)
    distance.fill_diagonal_(math.inf)
    nearest = distance.argmin(1)
    return (y[nearest] == y).float().mean().item()"""


def two_clouds(report: Report, examples: int, classes: int) -> tuple:
    """Examples in as many clouds as classes, with a few labels moved."""
    y = torch.arange(examples) % classes
    centres = 40 * report.draw(classes, 6, -1, 1, salt=f"centres {classes}")
    x = centres[y] + 3 * report.draw(examples, 6, -1, 1, salt=f"spread {examples}")
    y = y.clone()
    y[: examples // 5] = (y[: examples // 5] + 1) % classes
    return x, y


def grade_agreement(answer: Any, variant: int | None, report: Report) -> None:
    """14.6: the nearest other example, as a share."""
    report.function(answer)
    sizes = (60, 90) if variant is None else (50 + variant % 9, 80)
    for examples, classes in zip(sizes, (4, 3)):
        x, y = two_clouds(report, examples, classes)
        words = f"on {examples} examples of {classes} classes"
        got = report.number(report.call(answer, x, y, at=words), words)
        expected = label_agreement(x, y)
        if not abs(got - expected) < 1e-4:
            more = [two_clouds(report, 40, 5)]
            why = report.mistake(got, x, y, of=answer, more=more, rtol=0)
            report.fail(f"{words}: expected {two_numbers(float(expected), got)}. {why}")
        report.cases += 1
    apart = torch.tensor([[0.0, 0.0], [0.0, 1.0], [5.0, 5.0], [5.0, 7.0]])
    labels = torch.tensor([3, 3, 1, 2])
    got = report.number(report.call(answer, apart, labels, at="on two pairs"))
    report.expect(
        abs(got - 0.5) < 1e-4,
        f"on two pairs, one of which agrees: expected 0.5, got {got:g}.",
    )
    # the nearest other one may be as near as the example itself
    twins = torch.tensor([0.0, 3, 9]).repeat_interleave(2)[:, None]
    names = torch.tensor([1, 2] * 3)
    got = report.number(report.call(answer, twins, names, at="on twins"))
    if not abs(got) < 1e-4:
        report.remark(
            "One thing beside the task: of two equal examples with different labels it "
            "takes one for its own neighbour. At distance 0 the second in order may be "
            "the example itself; infinity on the diagonal takes it out by its place."
        )
    far = report.number(report.call(answer, 1e6 * apart, labels, at="on far pairs"))
    report.expect(
        abs(far - 0.5) < 1e-4,
        f"on the same pairs, a million times as far apart: expected 0.5, got {far:g}. "
        "What stands on the diagonal must be more than any distance: infinity.",
    )


# --- 14.7 -----------------------------------------------------------------------------

FIXED = (
    "activation",
    "offset",
    "depth",
    "width",
    "norm",
    "optimiser",
    "momentum",
    "seed",
)


def grade_repair(answer: Any, variant: int | None, report: Report) -> None:
    """14.7: a case with the same network and no fault left."""
    report.function(answer)
    sick = patients.EMERGENCY
    case = report.call(answer, sick, at="for patient X")
    if not isinstance(case, patients.Case):
        report.fail(
            f"for patient X: a case is expected, as replace(case, …) gives it; got "
            f"{type(case).__name__}."
        )
    for name in FIXED:
        value, was = getattr(case, name), getattr(sick, name)
        report.expect(
            type(value) is type(was) and value == was,
            f"{name} was changed. It has to stay {was!r}.",
        )
    report.expect(
        case.labels == "own", "X's labels were in order; moved ones teach nothing."
    )
    for f in fields(case):
        value = getattr(case, f.name)
        known = isinstance(value, (int, float, str)) and not isinstance(value, bool)
        finite = isinstance(value, str) or (known and math.isfinite(value))
        report.expect(known and finite, f"{f.name} is not a usable value.")
    report.expect(0 < case.lr, f"a step of {case.lr:g} goes nowhere.")
    if case.inputs not in ("symmetric", "bytes"):
        report.fail("inputs is 'symmetric' or 'bytes'.")
    visit = report.call(patients._run, case, patients.EPOCHS, at="for patient X")
    sick_signs = [s for s in visit.panel.signs if s.status in ("watch", "trouble")]
    first = sick_signs[0] if sick_signs else None
    ending = f"{visit.accuracy:.0f} % right" if not visit.broke else visit.symptom
    if visit.broke or visit.accuracy < 90:
        more = f" First mark now: {first.name}, {first.value}." if first else ""
        report.fail(f"for patient X: {ending}.{more}")
    report.cases += 1


REPAIR = """from dataclasses import replace
def repair(case):
    return replace(case, inputs="symmetric", weights=1.0, lr=0.02)"""

GROUNDS = ["derived", "measured here", "published", "custom"]

EXERCISES = [
    Page(
        id="14.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=1,
        parts=[
            Choice(
                "columns",
                label="Activations of usual size, error signals of 1e-6. The weight gradients are",
                options=["of usual size", "about 1e-6", "unknown"],
                answer=1,
            ),
            Choice(
                "dead",
                label="A ReLU unit is 0 for nine images of ten. It is",
                options=["dead", "alive", "nine tenths dead"],
                answer=1,
            ),
            Choice(
                "gain",
                label="PReLU leads ReLU by four points from PyTorch's weights, and by none from He's. Its lead was",
                options=["its shape", "its gain", "chance"],
                answer=1,
            ),
        ],
        right="You have what this chapter needs.",
        wrong={
            "columns = 0": "A weight gradient is activation times error signal. See the first link above.",
            "columns = 2": "It is the product of the two numbers given. See the first link above.",
            "dead = 0": "Dead is silent for all images. See the second link above.",
            "dead = 2": "It learns from the tenth image like any other. See the second link above.",
            "gain = 0": "The shape is the same from both starts. See the third link above.",
            "gain = 2": "Chance does not look at the start. See the third link above.",
        },
    ),
    Page(
        id="14.1",
        title="Which bed?",
        kind="read evidence",
        stars=1,
        outcome=1,
        parts=[
            Choice(
                "cause",
                label="Our rule suspects that",
                options=[
                    "the step is too small",
                    "the weights are too small",
                    "all examples look alike to the upper layers",
                    "the labels belong to other images",
                    "the units are saturated",
                ],
                answer=2,
            )
        ],
        right="1.0000 stands in a row in which the board's healthy networks have no mark, and it is the first mark from the top.",
        wrong={
            "cause = 0": "The updates are small because the error signal is. A larger step multiplies both ends of the network alike.",
            "cause = 1": "It may be so: a sigmoid's size is about ½ however small its weights are. But the first mark in a quiet row is the likeness.",
            "cause = 3": "Moved labels add no mark to the panel. Here there are three.",
            "cause = 4": "0 % saturated: no unit stands where its curve is flat.",
        },
    ),
    page_14_2(),
    Page(
        id="14.3",
        title="One suspect less",
        kind="read evidence",
        stars=2,
        outcome=1,
        parts=[
            Choice(
                "sentence",
                label="I may write",
                options=[
                    "the biases were not at fault: the accuracy did not move",
                    "the biases made the examples alike; the small error signal has another cause",
                    "the biases caused both marks",
                    "the small error signal made the examples alike",
                    "this network is too deep for ReLU",
                ],
                answer=1,
            )
        ],
        right="One mark went away with the change, the other stayed.",
        wrong={
            "sentence = 0": "Accuracy is a poor witness while a second fault is present. The mark of the likeness did go away.",
            "sentence = 2": "Then the error signal would have recovered as well. It went from 5.8e-5 to 4.8e-5.",
            "sentence = 3": "The error signal stayed and the likeness went, so the one does not bring the other.",
            "sentence = 4": "Depth was the same in both runs, so they cannot speak about it; with larger weights the same twelve layers learn.",
        },
    ),
    Page(
        id="14.4",
        title="On what ground?",
        kind="read evidence",
        stars=2,
        outcome=2,
        parts=[
            Choice(name, label=label, options=GROUNDS, answer=answer)
            for name, label, answer in (
                ("regression", "No activation at the end of a regression", 0),
                ("swiglu", "SwiGLU in a language model's block", 1),
                ("swish", "Swish in a network like EfficientNet", 3),
                ("dyt", "DyT in place of layer normalisation", 2),
            )
        ],
        right="A range, a study of ours, a habit, and a study of others.",
        wrong={
            "regression = 3": "No network is needed to see it: a range that the target leaves cannot be learnt. That is a derivation.",
            "regression = 1": "One could measure it, and need not: it follows from the range of the target.",
            "swiglu = 3": "Many models have it, and there is more: chapter 07 compared it at equal weights, each kind at its own rate.",
            "swiglu = 2": "Others compared it too. But “published” stands for what was not repeated here, and chapter 07 measured this.",
            "swish = 2": "The paper was published, and in it everything changed at once. No row of it compares Swish with anything.",
            "swish = 1": "Nothing here trained a network of that kind with two functions.",
            "dyt = 3": "Its authors compared the two, and report them level. That is more than custom.",
            "dyt = 1": "Chapter 03 draws its curve. No network of this course has it where a normalisation stood.",
        },
    ),
    page_14_5(),
    Code(
        id="14.6",
        title="The sign that is missing",
        kind="code",
        stars=2,
        outcome=1,
        grade=grade_agreement,
        right="Inputs and labels together: the panel never looks at them so.",
        wrong=slips(
            AGREEMENT,
            {
                "nearest = torch.cdist(x, x).argmin(1)": "Each example found itself, so this is 1 whatever the labels. Put infinity on the diagonal, and take the least distance.",
                "nearest = torch.cdist(x, x).argmax(1)": "That is the farthest example. The nearest has the least distance.",
                "nearest = distance.fill_diagonal_(10).argmin(1)": "more than any distance",
                "return int((y[nearest] == y).sum())": "That is how many agree. Divide by the number of examples.",
                "return 100 * (y[nearest] == y).float().mean().item()": "That is in per cent. A share lies between 0 and 1.",
                "return (y[nearest] != y).float().mean().item()": "That is the share that disagrees.",
            },
        ),
    ),
    Code(
        id="14.7",
        title="Patient X",
        kind="investigate",
        stars=3,
        outcome=1,
        grade=grade_repair,
        right="Three faults, of which two hid each other.",
        wrong=slips(
            REPAIR,
            {
                'return replace(case, inputs="symmetric")': "First mark now: activation size",
                'return replace(case, inputs="symmetric", weights=1.0)': "First mark now: update : data",
                "return replace(case, weights=1.0, lr=0.02)": "First mark now: inputs",
                'return replace(case, norm="batch", lr=0.02)': "norm was changed. It has to stay 'none'.",
                'return replace(case, activation="relu", init="he", weights=1.0)': "activation was changed. It has to stay 'tanh'.",
            },
        ),
    ),
]

PREDICTIONS = [
    Prediction(
        id="14.A",
        question="Bed F: six sigmoid layers, PyTorch's weights, SGD 0.02. Sizes about ½ everywhere, nothing saturated, and no learning. One change is allowed. After which does it answer more than nine images in ten within eight epochs?",
        part=Choice(
            "change",
            label="The change",
            options=[
                "ReLU in place of sigmoid",
                "Adam with step 0.003",
                "layer normalisation",
                "batch normalisation",
            ],
            answer=3,
        ),
        textbook=0,
        textbook_label="“Sigmoid's gradient vanishes: take ReLU”",
        because={
            "The slope of sigmoid is at most ¼.": "It is, and ReLU has 1. From these weights ReLU's signal shrinks as well.",
            "The error signal is small, and Adam makes up for that.": "It does, and what it enlarges is nearly the same for all images: eight epochs are too few.",
            "The column of likenesses goes to 1.": "That is one half of the illness. Which of the four looks at more than one image at a time?",
        },
        source="the training runs of the next cell, one seed",
    ),
    Prediction(
        id="14.B",
        question="Each of the eight patients gets another activation, and nothing else changes: ReLU for the two that have sigmoid or tanh, GELU for the six that have ReLU. How many then answer nine images in ten?",
        part=Choice(
            "cured",
            label="Of the eight",
            options=["none", "one or two", "about half", "nearly all"],
            answer=0,
        ),
        textbook=2,
        textbook_label="“Try another activation”",
        because={
            "Sigmoid and tanh are the ones that saturate.": "B is saturated because its weights are thirty times too large. With ReLU they make it explode.",
            "GELU has no dead units.": "With a bias of −1 everywhere it has hardly any slope either.",
            "The faults lie in weights, steps and data.": "In F the function is a part, and ReLU in its place is not enough. Some functions help all the same: see the next columns.",
        },
        source="the training runs of the next cell, three seeds",
    ),
    Prediction(
        id="14.C",
        question="H's training loss falls a little, its test loss rises, its test accuracy stays at or below guessing, and no line of the panel is marked. What is wrong?",
        part=Choice(
            "fault",
            label="The fault",
            options=[
                "the step is too small",
                "the network is too small",
                "the labels belong to other images",
                "the test images are of another kind",
            ],
            answer=2,
        ),
        because={
            "It learns something about the training set, and nothing that carries over.": "Yes: it begins to remember which label stood where.",
            "The training loss hardly falls.": "The panel holds the step against the weights and finds it usual.",
            "A network that is in order and does not learn has nothing to learn.": "That is the argument. The panel clears the network, so look at the data.",
        },
        source="labels and images side by side, in the next cell",
    ),
]
