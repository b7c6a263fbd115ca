"""Exercises and predictions of chapter 04, the ReLU family.

Exercise 4.0 is the self-check at the top of the chapter. Moments are integrals over a
fine grid; the answers of the predictions are measured when they are asked for.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..exercises.measured import Draws, draws
from ..exercises.model import Choice, Code, Number, Page, Prediction
from ..exercises.normal import GRID, average
from ..exercises.report import NotAttempted, Report

# --- what the predictions are compared with ---------------------------------------


@functools.cache
def gradient_of_selu() -> Draws:
    """By how much 100 random SELU layers multiply a gradient: three networks.

    Width 512, gain 1, no biases; the same draws as in the chapter's function `deep`.
    """
    return draws((gradient_through(F.selu, 1.0, s) for s in range(3)), "networks")


def gradient_through(f: Any, gain: float, seed: int) -> float:
    """Norm of the gradient at the input of 100 layers, over that at their end."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        x = torch.randn(32, 512).requires_grad_()
        z = x
        for _ in range(100):
            z = f(z) @ (torch.randn(512, 512) * gain / 512**0.5)
        signal = torch.randn_like(z)
    (gradient,) = torch.autograd.grad(z, x, signal)
    return float(gradient.norm() / signal.norm())


def saved_in_place() -> float:
    """By how many per cent `inplace=True` reduces what ten ReLU layers keep."""
    return 100 * (1 - kept(nn.ReLU(inplace=True)) / kept(nn.ReLU()))


def kept(activation: nn.Module) -> int:
    """Bytes that ten layers of 256 units keep for backward, parameters left out."""
    layers = [part for _ in range(10) for part in (nn.Linear(256, 256), activation)]
    network = nn.Sequential(*layers)
    own = {p.untyped_storage().data_ptr() for p in network.parameters()}
    tensors = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        tensors.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = network(torch.zeros(100, 256))
    stores = {t.untyped_storage().data_ptr(): t.untyped_storage() for t in tensors}
    del output
    return sum(store.nbytes() for at, store in stores.items() if at not in own)


# --- 4.2 ----------------------------------------------------------------------------


def grade_leaky(answer: Any, variant: int | None, report: Report) -> None:
    """4.2: slopes below 0, between 0 and 1, above 1; many shapes, input untouched."""
    x = torch.cat([torch.tensor([2.0, -2.0, 0.0]), report.draw(50, -3, 3)])
    other = 2.0 if variant is None else 1.25 + 0.25 * (variant % 5)
    image = report.draw(2, 3, 4, 4, -3, 3)
    far = torch.tensor([-2000.0, -50.0, 50.0, 2000.0])
    report.compare(
        answer,
        lambda x, slope: torch.where(x > 0, x, slope * x),
        [(x, 0.1), (x, 1.5), (x, -0.3), (x, 0.0), (x, other), (image, 0.2), (far, 0.3)],
        names=("x", "slope"),
    )
    report.learns(answer, image, 0.2, names=("x", "slope"))


# --- 4.5 ----------------------------------------------------------------------------


def grade_prelu(answer: Any, variant: int | None, report: Report) -> None:
    """4.5: images whose width equals their channels, vectors, sequences, images."""
    report.function(answer)
    cases = []
    for shape in [(2, 6, 4, 6), (5, 3), (2, 6, 8), (4, 3, 2, 2)]:
        x = report.draw(*shape, -2, 2, salt=str(shape))
        slope = torch.linspace(-0.3, 1.5, shape[1])  # below 0, above 1 as well
        cases.append((x, slope))
    cases.append((500 * x, slope))

    def where(x: torch.Tensor, slope: torch.Tensor) -> str:
        return f"on shape {tuple(x.shape)} with {len(slope)} slopes"

    report.compare(
        answer,
        F.prelu,
        cases,
        names=("x", "slope"),
        where=where,
    )
    report.learns(answer, *cases[0], names=("x", "slope"))


# --- 4.6 ----------------------------------------------------------------------------


def selu_moments(alpha: float, scale: float) -> tuple[float, float]:
    """Mean and second moment of SELU with these two constants."""
    values = scale * torch.where(GRID > 0, GRID, alpha * torch.expm1(GRID))
    return average(values), average(values**2)


def grade_selu(answer: Any, variant: int | None, report: Report) -> None:
    """4.6: both moments of the function that the two constants make."""
    alpha, scale = two_constants(answer, report)
    mean, square = selu_moments(alpha, scale)
    if not fits_roughly(mean, square):
        seen = f"mean {mean:.3f}, second moment {square:.3f}."
        report.fail(f"{seen} {selu_reason(alpha, scale, mean, square)}")
    if abs(mean) > 2e-5 or abs(square - 1) > 4e-5:
        report.fail(
            f"mean {mean:.1e}, second moment 1 {square - 1:+.1e}. The method is "
            "right; keep all digits on the way, five are wanted."
        )
    report.cases = 2


def two_constants(answer: Any, report: Report) -> tuple[float, float]:
    """α and λ as handed in: a pair, of which a tensor or an array is one as well."""
    if isinstance(answer, np.ndarray | torch.Tensor):
        answer = answer.reshape(-1).tolist() if math.prod(answer.shape) < 10 else ()
    if answer is ... or answer is None:
        raise NotAttempted
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        report.fail("a pair is expected: (alpha, lam).")
    if any(value is ... for value in answer):
        raise NotAttempted
    alpha = report.number(answer[0], "alpha")
    scale = report.number(answer[1], "lam")
    if not (math.isfinite(alpha) and math.isfinite(scale)):
        report.fail("both constants must be finite numbers.")
    if not (0 < alpha < 1e6 and 0 < scale < 1e6):
        report.fail(f"alpha = {alpha:.4g}, lam = {scale:.4g}: both are positive.")
    return alpha, scale


def fits_roughly(mean: float, square: float) -> bool:
    """Whether two moments are 0 and 1, to the digits that a slip would change."""
    return abs(mean) < 2e-3 and abs(square - 1) < 4e-3


def selu_reason(alpha: float, scale: float, mean: float, square: float) -> str:
    """What usually gives two constants with these moments."""
    if fits_roughly(*selu_moments(scale, alpha)):
        return (
            "The right numbers, swapped. α belongs to the exponential branch, λ "
            "multiplies both."
        )
    if abs(mean) < 2e-3:
        return "α is right; now scale."
    if abs(square - 1) < 4e-3:
        return (
            "Scaling cannot remove a mean: find α first, from E[f] = 0, where λ "
            "cancels."
        )
    if abs(square - mean**2 - 1) < 4e-3:
        return "You made the variance 1. With mean 0 the two are the same."
    return "Wanted are 0 and 1. Solve E[f] = 0 for α first."


# --- 4.1 and 4.3 ----------------------------------------------------------------------


def page_4_1(slope: float = 0.0) -> Page:
    """Exercise 4.1; variants ask for a leaky ReLU, the chapter for ReLU."""
    right = (1 - slope) / math.sqrt(2 * math.pi)
    name = f"f(Z), f a leaky ReLU of slope {slope:g}" if slope else "relu(Z)"
    return Page(
        id="4.1",
        title="The mean that ReLU adds",
        kind="compute",
        stars=1,
        outcome=1,
        task=f"Z is standard normal. What is the mean of {name}? Two decimals.",
        parts=[Number("mean", label="mean", answer=right)],
        right=(
            "The right half of Z has mean 1/√(2π), and "
            + (
                "the left half is multiplied by the slope."
                if slope
                else "the left is 0."
            )
        ),
        wrong={
            "mean = 0": "The input is symmetric, the output is not: the negative half became smaller, and nothing balances the positive half.",
            "mean = 0.5": "0.5 is how often the unit is active. The question is how much comes out on average.",
            f"mean = {math.sqrt(2 / math.pi)}": "That is the mean of |Z|. ReLU keeps one of the two halves.",
            f"mean = {math.sqrt(0.5)}": "That is the root of the mean square. The mean of what comes out is another integral.",
        },
        numbers_for=lambda variant: page_4_1((0.1, 0.2, 0.3, -0.2)[variant % 4]),
    )


def page_4_3(slope: float = 0.25) -> Page:
    """Exercise 4.3 for one negative slope."""
    square = (1 + slope**2) / 2
    right = 1 / math.sqrt(square)
    variance = square - (1 - slope) ** 2 / (2 * math.pi)
    return Page(
        id="4.3",
        title="The gain of a leaky unit",
        kind="derive",
        stars=2,
        outcome=1,
        task=f"Pre-activations are standard normal. By which factor must He's rule multiply 1/√fan_in when the negative slope is {slope:g}? Three decimals.",
        parts=[Number("gain", label="factor", answer=right, tolerance=0.0006)],
        right="√(2/(1 + a²)): the mean square that the function leaves, undone.",
        wrong={
            f"gain = {math.sqrt(2)}": f"That is ReLU. The negative half now carries a²/2 = {slope**2 / 2:.3f} of the second moment; count it.",
            f"gain = {1 / math.sqrt((1 + slope) / 2)}": "You averaged the slopes. What travels is the second moment, so average their squares: (1 + a²)/2.",
            f"gain = {1 / math.sqrt(variance)}": "You divided by the standard deviation. The next layer's weights have mean zero, so E[f²] counts, mean included.",
            f"gain = {math.sqrt(square)}": "That is the size which the function leaves. The weights must undo it: one over this.",
            f"gain = {1 / square}": "That balances the mean square, and the factor multiplies the weights: take the root.",
        },
        numbers_for=lambda variant: page_4_3((0.3, 0.4, 0.5, 0.6)[variant % 4]),
    )


EXERCISES = [
    Page(
        id="4.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=1,
        parts=[
            Choice(
                "square",
                label="A layer with weights of mean 0 hands on",
                options=[
                    "the mean square of its activations, mean included",
                    "the variance of its activations",
                    "the mean of its activations",
                ],
                answer=0,
            ),
            Number("kink", label="Slope of relu at 0, by autograd", answer=0),
            Number("pieces", label="Most pieces of 5 ReLU units on a line", answer=6),
        ],
        right="You have what this chapter needs.",
        wrong={
            "square = 1": "Weights of mean 0 turn a constant output into size as well. See the first link above.",
            "square = 2": "The weights have mean 0, so the mean itself is averaged away; its square is not. See the first link above.",
            "kink = 0.5": "A fair choice, and not the one made: autograd takes the flat side of ReLU. See the second link.",
            "kink = 1": "That is the right side. Autograd takes the flat one. See the second link above.",
            "pieces = 5": "Five kinks cut the line into one piece more. See the third link above.",
            "pieces = 32": "2⁵ patterns exist on paper; along a line the units switch one after the other. See the third link above.",
        },
    ),
    page_4_1(),
    Code(
        id="4.2",
        title="A leak of any size",
        kind="code",
        stars=1,
        outcome=2,
        grade=grade_leaky,
        right="Below 0, above 1 and in between.",
        wrong={
            "lambda x, slope: torch.maximum(slope * x, x)": "max(ax, x) is a leaky ReLU only while a ≤ 1.",
            "lambda x, slope: F.relu(x) + slope * x": "The leak is added on the positive side too.",
            "lambda x, slope: torch.where(x > 0, x, torch.tensor(slope))": "The negative side returns the slope, not slope · x.",
            "lambda x, slope: F.relu(x) + slope * F.relu(-x)": "relu(-x) is positive, so the left side comes out with the wrong sign.",
        },
    ),
    page_4_3(),
    Page(
        id="4.4",
        title="Four spellings of ReLU",
        kind="predict",
        stars=2,
        outcome=2,
        parts=[
            Number("relu", label="(a) `F.relu(x)`", answer=0),
            Number("maximum", label="(b) `torch.maximum(x, zero)`", answer=0.5),
            Number("clamp", label="(c) `x.clamp(min=0)`, PyTorch 2.13", answer=1),
            Number("where", label="(d) `torch.where(x > 0, x, 0.)`", answer=0),
        ],
        right="`maximum` splits a tie between its two arguments, `clamp` lets it pass (up to PyTorch 2.13), `where` evaluates x > 0, and that is false at 0.",
        wrong={
            "relu = 0, maximum = 0, clamp = 0, where = 0": "Two of them differ. Ask each operation what it does with a tie: one splits it, one lets it pass.",
            "relu = 0.5, maximum = 0.5, clamp = 0.5, where = 0.5": "Any value in [0, 1] is a valid subgradient, and each operation picks its own. Only `maximum` picks the middle.",
            "relu = 1, maximum = 1, clamp = 1, where = 1": "That is the slope on the right. At 0 itself only `clamp` takes it.",
            "relu = 0, maximum = 1, clamp = 0.5, where = 0": "You swapped (b) and (c). Two equal arguments of `maximum` are a tie, and it splits the gradient.",
            "relu = 0, maximum = 0.5, clamp = 0.5, where = 0": "(c) has one tensor and a bound; a value that lies on the bound counts as inside.",
            "relu = 0, maximum = 0.5, clamp = 0, where = 0": "So it is since PyTorch 2.14. Up to 2.13 a value that lies on the bound of `clamp` counts as inside.",
        },
    ),
    Code(
        id="4.5",
        title="A slope for every channel",
        kind="debug",
        stars=2,
        outcome=2,
        grade=grade_prelu,
        right="Equal to `F.prelu` on vectors, sequences and images.",
        wrong={
            "lambda x, slope: torch.where(x > 0, x, slope * x)": "Broadcasting lines up with the last axis, so the slope followed the image width; width and channels are both 6.",
            "lambda x, slope: torch.where(x > 0, x, slope.view(1, -1, 1, 1) * x)": "Right for images; a batch of vectors grew two axes.",
            "lambda x, slope: torch.where(x > 0, x, slope[0] * x)": "All channels share one number.",
            """def prelu(x, slope):
    shape = [-1] + [1] * (x.dim() - 1)
    return torch.where(x > 0, x, slope.view(shape) * x)""": "The slope stands on axis 0: every image of the batch got one of its own.",
        },
    ),
    Code(
        id="4.6",
        title="SELU from two equations",
        kind="derive",
        stars=3,
        outcome=1,
        grade=grade_selu,
        right="Mean 0 and second moment 1.",
        wrong={
            "pair = (1.0, 1.2452)": "Scaling cannot remove a mean",
            "pair = (1.67326, 1.0)": "α is right; now scale",
            "pair = (1.0507, 1.67326)": "The right numbers, swapped",
            "pair = (1.67, 1.05)": "keep all digits",
        },
    ),
    Page(
        id="4.7",
        title="Zeros to order",
        kind="read evidence",
        stars=2,
        outcome=3,
        parts=[
            Choice(
                "sentence",
                label="The one sentence that the three blocks allow",
                options=[
                    "The sparser the start, the more robust the trained network.",
                    "Ninety per cent zeros are too many for a network to learn.",
                    "More zeros at the start brought no more robustness; and because the bias took size from the signal too, the last block cannot say which of the two stopped it.",
                    "How sparse a trained network is, is decided by its start.",
                    "Bias 0 is the best start for a ReLU network.",
                ],
                answer=2,
            )
        ],
        right="Zeros and size moved together, so another block would be needed: the same zeros, with the size put back by larger weights.",
        wrong={
            "sentence = 0": "Compare the accuracies with noise in the first two blocks: half as many zeros again at the start, and no gain. The last block is worse.",
            "sentence = 1": "Look at the size column. The same bias that made the zeros took almost the whole signal, and one seed of the last block learnt all the same.",
            "sentence = 3": "The second block starts at about 74 % and ends near 59, close to the first. Training moved it.",
            "sentence = 4": "Its accuracies are those of the second block, within the seeds. Three biases were tried, none was tuned.",
        },
    ),
    Page(
        id="4.8",
        title="Two modes",
        kind="compute",
        stars=1,
        outcome=2,
        parts=[
            Number("evaluation", label="(a) in evaluation", answer=-0.6),
            Number("training", label="(b) in training, the lowest", answer=-1),
            Number("function", label="(c) the function", answer=-0.6),
        ],
        right="The middle of the interval in evaluation, any slope of it in training, and the function form is in evaluation unless told otherwise.",
        wrong={
            "evaluation = 0.6, training = 1, function = 0.6": "The sign: a positive slope times −2 is negative.",
            "evaluation = -0.2": "(a) That is the smallest slope. In evaluation the middle of the interval is taken.",
            "evaluation = -1": "(a) That is the largest slope. In evaluation the middle of the interval is taken.",
            "evaluation = -0.458": "(a) That is the middle of the default interval, 1/8 to 1/3. This layer has another one.",
            "training = -0.2": "(b) The smallest slope gives the highest value: x is negative.",
            "training = -0.6": "(b) That is the middle. In training a slope may come out anywhere between 0.1 and 0.5.",
            "function = -1": "(c) The function does not ask the module. Its default is training=False.",
            "function = -0.2": "(c) That is a draw of the training mode. The function's default is training=False.",
        },
    ),
]

PREDICTIONS = [
    Prediction(
        id="4.A",
        question="Handwritten digits, three hidden layers of 64 units. One network uses ReLU: about four in ten of its activations are exactly zero. The other uses a leaky ReLU with slope 0.25: none is. Both are trained on clean images. On test images with strong noise (standard deviation 0.5, pixels lie in [−1, 1]), which one holds up better?",
        part=Choice(
            "winner",
            label="With noise",
            options=[
                "ReLU is ahead by more than two points",
                "they are less than two points apart",
                "the leaky network is ahead by more than two points",
            ],
            answer=1,
        ),
        textbook=0,
        textbook_label="“Zeroing negatives removes noise”",
        because={
            "A zero cannot pass noise on.": "While it stays zero. Noise also switches units on and off, and the units that are on pass all of it.",
            "The leak keeps information that noise would otherwise destroy.": "It keeps a quarter of the left side, signal and noise alike.",
            "Training adapts the weights to either function.": "Nothing here measured that, but it is the simplest story that fits.",
        },
        source="the training runs of the next cells, 5 seeds each",
    ),
    Prediction(
        id="4.B",
        question="Six hidden layers of 64 units, He's initialisation, plain SGD with the large step 0.3, ten epochs. In a second network ReLU is replaced by ReLU − 0.399, so that its mean is 0. A bias can subtract a constant too, so the two can represent exactly the same functions. How does the training loss of the second compare?",
        part=Choice(
            "loss",
            label="Its training loss is",
            options=[
                "about the same, since the functions are the same",
                "several times smaller",
                "several times larger",
            ],
            answer=1,
        ),
        textbook=0,
        textbook_label="“The bias absorbs a constant”",
        because={
            "Same functions, same loss.": "Same functions, other coordinates. Gradient descent takes its steps in the coordinates.",
            "A mean makes all inputs look alike, and that one direction limits the step.": "This is what the eigenvalues of the last table say.",
            "ReLU − 0.399 has lost its exact zeros.": "It has. Nothing in this run needed them.",
        },
        source="study centred, 10 seeds, the column of step 0.3",
    ),
    Prediction(
        id="4.C",
        question="SELU, 100 layers of 512 units, gain 1: the size of the signal is 1 in every layer. A gradient of length 1 enters at the top. How long is it when it arrives at the bottom?",
        part=Number(
            "gradient",
            label="length of the gradient",
            answer=gradient_of_selu,
            log=True,
            low=1e-6,
            high=1e6,
            digits=2,
        ),
        textbook=1.0,
        textbook_label="“Self-normalising, so nothing vanishes or explodes”",
        because={
            "The fixed point keeps mean and variance, so the gradient keeps its length.": "The fixed point is about f. The way back is about the slope of f.",
            "Its left side saturates, so the gradient shrinks.": "On the far left. Near 0 its left slope is 1.76, and from there to −0.56, where a fifth of the numbers lie, it is above 1.",
            "Its mean square slope is a little above 1.": "1.072. Its hundredth power is about 1,000, and the root of that, 32, is a length.",
        },
        source="three random networks, as in the next cell",
    ),
    Prediction(
        id="4.D",
        question="Ten times Linear(256, 256) and ReLU. Autograd keeps tensors for the way back; parameters are not counted. By how much does `ReLU(inplace=True)` reduce what is kept?",
        part=Number(
            "saved",
            label="saved",
            answer=saved_in_place,
            tolerance=0.5,
            unit="%",
            low=0,
            high=100,
            digits=2,
        ),
        textbook=50,
        textbook_label="“In place saves one tensor of two”",
        because={
            "Before and after ReLU: two tensors a layer, one of them is saved.": "Two exist for a moment. Who needs the one before for a gradient?",
            "ReLU needs its input for the way back.": "It needs to know where the output was positive, and reads that off the output.",
            "The next layer keeps ReLU's output anyway.": "And so does ReLU, and it is one and the same tensor.",
        },
        source="bytes counted as in the next cell, exact",
    ),
]
