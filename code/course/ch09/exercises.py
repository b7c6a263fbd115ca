"""Exercises and predictions of chapter 09, gradient flow.

Exercise 9.0 is the self-check at the top of the chapter. Gains are integrals over a
fine grid; what the predictions are compared with is measured when it is asked for, or
read from the recorded studies.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..exercises.measured import Draws, draws
from ..exercises.model import Choice, Code, Number, Order, Page, Prediction, slips
from ..exercises.normal import GRID, average
from ..exercises.report import Report, two_numbers


def square_mean(values: torch.Tensor) -> float:
    """E[f(Z)²] for standard normal Z, given the values of f on the grid."""
    return average(values.double() ** 2)


# --- what the predictions are compared with ---------------------------------------


@functools.cache
def ratio_without_biases() -> Draws:
    """First over last weight gradient: thirty ReLU layers, torch's weights, bias 0.

    Three networks, drawn as in the chapter's function `thirty`.
    """
    from actlab.networks import MLP

    ratios = []
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(64, 256, dtype=torch.float64, generator=generator)
        y = torch.randint(10, (64,), generator=generator)
        network = MLP([256] * 31 + [10], "relu", "default_zero_bias", seed=seed)
        network = network.double()
        F.cross_entropy(network(x), y).backward()
        first, last = (_gradient(network.linears[at]) for at in (0, 29))
        ratios.append(float(first.norm() / last.norm()))
    return draws(ratios, "networks")


def _gradient(layer: nn.Module) -> torch.Tensor:
    """The gradient of a linear layer's weights, which has been computed."""
    assert isinstance(layer, nn.Linear) and layer.weight.grad is not None
    return layer.weight.grad


def he_accuracy() -> Any:
    """Accuracy of He's start under SGD over ten fresh seeds, an interval."""
    from actlab.statistics import interval

    from .fresh import accuracies

    return interval(accuracies("vanishing", init="he"))


# --- 9.3 ----------------------------------------------------------------------------


GAIN = """def gain(f):
    z = torch.linspace(-12, 12, 24001).double().requires_grad_()
    weight = torch.softmax(-(z.detach() ** 2) / 2, 0)
    return 1 / (f(z) ** 2 * weight).sum().sqrt()"""
RANDOM_DRAWS = (
    "Random draws leave an error in the second or third digit. One dimension is cheap: "
    "integrate."
)


def grade_gain(answer: Any, variant: int | None, report: Report) -> None:
    """9.3: five functions, one with a mean, to three decimals, and twice alike."""
    report.function(answer)
    functions: list[Callable[[torch.Tensor], torch.Tensor]]
    functions = [F.gelu, F.relu, torch.tanh, torch.sigmoid, F.selu]
    if variant is not None:
        factor = 1.5 + 0.25 * (variant % 4)
        functions.append(lambda z: torch.tanh(factor * z))
    for f in functions:
        name = getattr(f, "__name__", "f")
        right = 1 / math.sqrt(square_mean(f(GRID)))
        got = report.number(report.call(answer, f, at=f"gain of {name}"), name)
        if abs(got - right) <= 6e-4:
            report.cases += 1
            continue
        more = [(g,) for g in functions]
        why = report.mistake(got, f, of=answer, more=more, rtol=0, atol=1e-4)
        if not why and _elsewhere(answer, f, report) != got:
            why = RANDOM_DRAWS
        report.fail(f"gain of {name}: expected {two_numbers(right, got)}. {why}")


def _elsewhere(answer: Any, f: Callable, report: Report) -> float:
    """The same gain with other random numbers."""

    def reseeded(f: Callable) -> Any:
        torch.default_generator.manual_seed(20_011)
        return answer(f)

    return report.number(report.call(reseeded, f, at="a second time"))


# --- 9.6 ----------------------------------------------------------------------------


def grade_init(answer: Any, variant: int | None, report: Report) -> None:
    """9.6: the reader's start on five networks: size and error signal at both ends."""
    from actlab.networks import MLP

    report.function(answer)
    sizes, errors, offsets, started = [], [], [], []
    for seed in range(5):
        network = MLP([256] * 31 + [10], "relu", seed=seed + 10 * (variant or 0))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            for linear in network.linears:
                assert isinstance(linear, nn.Linear)  # no reader has seen it yet
                _apply(answer, linear, report)
        fifth: Any = network.linears[5]  # as the reader left it
        report.still_learns(fifth)
        started.append(fifth.weight.detach().clone())
        size, error, offset = _both_ends(network, seed)
        sizes.append(size)
        errors.append(error)
        offsets.append(offset)
    size, error = float(np.median(sizes)), float(np.median(errors))
    random = not torch.equal(started[0], started[1])
    seen = f"activation size {size:.0e}, error signal {error:.0e}."
    if not any(sizes):
        report.fail("all activations are 0 at layer 30: nothing gets through.")
    if not all(math.isfinite(v) for v in (*sizes, *errors)):
        report.fail("the activations or the error signals are no longer finite.")
    if 0.2 <= size <= 5 and 0.2 <= error <= 5:
        report.expect(
            random,
            "sizes and error signals are in range, and the weights come out the same "
            "each time. A start is drawn: two networks must not begin alike.",
        )
        report.expect(
            max(offsets) < 1,
            "sizes and error signals are in range, but the biases add more to the "
            "signal than the inputs do. Leave them at zero.",
        )
        report.cases += 9
        return
    inner: Any = network.linears[5]  # as the reader left it
    report.fail(f"{seen} {_why(inner)}")


def _apply(answer: Any, linear: nn.Linear, report: Report) -> None:
    """Call the reader's function on a layer; it may return nothing."""
    before = linear.weight.shape

    def called(layer: nn.Linear) -> bool:
        answer(layer)
        return True

    report.call(called, linear, at="on a layer nn.Linear(256, 256)")
    whole = isinstance(linear.weight, torch.Tensor) and linear.weight.shape == before
    report.expect(whole, f"the weights must keep their shape {tuple(before)}.")


def _both_ends(network: nn.Module, seed: int) -> tuple[float, float, float]:
    """Activation size at layer 30, error signal 1 over 30, size of bias over signal."""
    generator = torch.Generator().manual_seed(seed)
    h = torch.randn(32, 256, dtype=torch.float64, generator=generator)
    y = torch.randint(10, (32,), generator=generator)
    pre_activations = []
    linears: Any = network.linears  # as the reader left them
    for linear in linears[:-1]:
        bias = 0 if linear.bias is None else linear.bias.detach().double()
        z = F.linear(h, linear.weight.detach().double()) + bias
        pre_activations.append(z.requires_grad_())
        h = F.relu(z)
    output = F.linear(h, linears[-1].weight.detach().double())
    loss = F.cross_entropy(output, y, reduction="sum")
    first, last = torch.autograd.grad(loss, [pre_activations[0], pre_activations[-1]])
    size = float(h.detach().square().mean().sqrt())
    spread = float(h.detach().std(0).square().mean().sqrt())
    ratio = float(first.norm() / last.norm()) if float(last.norm()) else math.nan
    common = size / spread / 20 if spread else math.inf
    return size, ratio, common


def _why(layer: nn.Linear) -> str:
    """What the reader's weights and biases do in thirty ReLU layers."""
    weight = layer.weight.detach()
    bias = 0.0 if layer.bias is None else float(layer.bias.detach().abs().max())
    gain = float(weight.square().mean().sqrt() * 256**0.5)
    if float(weight.std()) < 1e-3 * float(weight.abs().mean()):
        return "All weights are equal, so all units are. Draw them at random."
    if float(weight.min()) >= 0 or float(weight.max()) <= 0:
        return "All weights have one sign, so their sums have a mean. Draw both signs."
    if bias > 0.2:
        return f"Biases up to {bias:.2g} are added at every layer. Set them to zero."
    if 0.95 < gain < 1.06:
        return (
            "Gain 1 is right for linear units; ReLU throws half of the second moment "
            "away at every layer."
        )
    if 1.1 < gain < 1.21:
        return (
            "These look like the default weights times 2: the gain is "
            f"{gain:.2f}. How far is it from what ReLU needs?"
        )
    if 1.6 < gain < 1.73:
        return "A gain of 5/3 is `calculate_gain`'s value for tanh."
    if 0.55 < gain < 0.6:
        return "The weights are PyTorch's own, or as small as those: gain 0.58."
    return (
        f"Your weights have gain {gain:.2f}: each layer multiplies the size by that "
        "times √½."
    )


# --- 9.1, 9.2, 9.5, 9.7 ----------------------------------------------------------------


def page_9_1(fan_in: int = 256, fan_out: int = 64) -> Page:
    """Exercise 9.1 for one shape."""
    return Page(
        id="9.1",
        title="What PyTorch draws",
        kind="compute",
        stars=1,
        outcome=1,
        task=f"The standard deviation of the weights of a fresh nn.Linear({fan_in}, {fan_out}). Three significant digits.",
        parts=[
            Number(
                "std",
                label="standard deviation",
                answer=1 / math.sqrt(3 * fan_in),
                tolerance=0.0015,
                relative=True,
            )
        ],
        right="Uniform on ±1/√fan_in, and a uniform distribution spreads over its edge / √3.",
        wrong={
            f"std = {math.sqrt(2 / fan_in)}": "That is He's √(2/fan_in), √6 times too wide. The default is uniform on ±1/√fan_in.",
            f"std = {1 / math.sqrt(fan_in)}": "That is the edge of the interval. A uniform distribution spreads over its edge divided by √3.",
            f"std = {math.sqrt(2 / (fan_in + fan_out))}": "That is Xavier, √(2/(fan_in + fan_out)). The default looks at fan_in only.",
            f"std = {1 / math.sqrt(3 * fan_out)}": "That is for fan-out. The default looks at fan-in, the first number.",
            f"std = {1 / (3 * fan_in)}": "That is the variance. Take the root.",
        },
        numbers_for=lambda v: page_9_1(*((512, 128), (128, 32), (784, 256))[v % 3]),
    )


def page_9_2(depth: int = 50) -> Page:
    """Exercise 9.2 for one depth."""
    steps = depth - 1
    factor = 6 ** (-steps / 2)
    return Page(
        id="9.2",
        title="Fifty layers, one exponent",
        kind="estimate",
        stars=2,
        outcome=1,
        task=f"{depth} hidden ReLU layers, width 256, PyTorch's default init. From layer {depth} down to layer 1 the error signal is multiplied by about 10 to the power of what?",
        parts=[
            Number(
                "power",
                label="power of ten",
                answer=steps * math.log10(1 / 6) / 2,
                tolerance=0.7,
            )
        ],
        right="Each step multiplies the length by √(⅓ · ½) = 0.408.",
        wrong={
            "power = 0": "The slope is 1 on active paths, and each step also multiplies by a weight matrix. With this start the matrix shrinks the signal by √3.",
            f"power = {steps * -0.1505 - 0.7} to {steps * -0.1505 + 0.7}": "Only the masks: half of the units are off, √½ a layer. The weights shrink it too.",
            f"power = {steps * -0.2386 - 0.7} to {steps * -0.2386 + 0.7}": "Only the weights: this is the answer without activation. Half of the units are off as well.",
            f"power = {steps * -0.778 - 0.7} to {steps * -0.778 + 0.7}": "The right factor for the wrong quantity: ⅙ a layer is the squared length. Take the root.",
            f"power = {-steps * math.log10(1 / 6) / 2 - 0.7} to {-steps * math.log10(1 / 6) / 2 + 0.7}": "The size is right. It shrinks, so the power is negative.",
            f"power = {factor / 5} to {factor * 5}": "That is the factor itself. Asked for is its power of ten: the logarithm to base ten.",
        },
        numbers_for=lambda v: page_9_2((40, 60, 80)[v % 3]),
    )


EXERCISES = [
    Page(
        id="9.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=1,
        parts=[
            Number(
                "gain", label="Gain that keeps the size through ReLU", answer=2**0.5
            ),
            Choice(
                "spread",
                label="A sigmoid layer shrinks an image's difference from the next by 0.14. The error signal on its way down is multiplied by",
                options=["about 0.14 too", "about 7, to make up for it", "1"],
                answer=0,
            ),
            Choice(
                "chi",
                label="SELU keeps its signal at size 1 through 100 layers. Its gradient",
                options=["keeps its length as well", "grows", "vanishes"],
                answer=1,
            ),
        ],
        right="You have what this chapter needs.",
        wrong={
            "gain = 2": "That is the squared gain: ReLU keeps half of the mean square. See the first link above.",
            "gain = 1": "ReLU throws half of the mean square away, and the weights have to make up for it. See the first link above.",
            "spread = 1": "Up and down, the factor is weights times slope. See the second link.",
            "spread = 2": "Nothing keeps it at 1: it passes the same weights and slopes. See the second link.",
            "chi = 0": "The way up is about f², the way down about f′². See the third link.",
            "chi = 2": "Its mean square slope is a little above 1. See the third link.",
        },
    ),
    page_9_1(),
    page_9_2(),
    Code(
        id="9.3",
        title="A gain for any function",
        kind="code",
        stars=2,
        outcome=1,
        grade=grade_gain,
        right="The second moment, mean included, under the normal density.",
        wrong=slips(
            GAIN,
            {
                "z = torch.linspace(-5, 5, 10001)\nweight = 1 / len(z)": "Every point counts alike. Pre-activations are not uniform on [−5, 5]: weight by the normal density.",
                "return 1 / ((f(z) - (f(z) * weight).sum()) ** 2 * weight).sum().sqrt()": "You subtracted the mean. The next layer's weights have mean zero; E[f²] counts.",
                "return 1 / (torch.autograd.grad(f(z).sum(), z)[0] ** 2 * weight).sum().sqrt()": "This keeps the error signal, not the activations. Both matter; here the forward one is asked for.",
                "z = torch.linspace(-3, 3, 6001).double().requires_grad_()": "The grid ends where the density is not yet 0. Beyond ±3 lie few numbers, and f² is large there.",
                "weight = torch.exp(-(z.detach() ** 2) / 2) / math.sqrt(2 * math.pi)": "The width of a step is missing: a sum of heights is no integral yet.",
                "weight = torch.exp(-(z.detach() ** 2) / 2) / math.sqrt(2 * math.pi) / len(z)": "A mean over the grid divides by the number of points. The integral multiplies each by the width of a step.",
                "weight = torch.softmax(-(z.detach() ** 2), 0)": "The density is e^(−z²/2); without the ½ the numbers have variance ½.",
                "return (f(z) ** 2 * weight).sum().sqrt()": "That is the size that f leaves. The gain undoes it: one over that.",
                "return 1 / (f(z).abs() * weight).sum()": "You averaged |f|. The mean of f² is asked for, and its root.",
                "return 1 / (f(z) ** 2 * weight).sum()": "The gain multiplies sizes, and E[f²] is a square: take the root.",
                "z = torch.randn(1000, generator=torch.Generator().manual_seed(3))\nweight = 1 / len(z)": RANDOM_DRAWS,
            },
        ),
    ),
    Page(
        id="9.4",
        title="A ratio near one",
        kind="read evidence",
        stars=2,
        outcome=2,
        parts=[
            Choice(
                "verdict",
                label="Is this network ready to be trained with plain SGD?",
                options=[
                    "Yes: the weight gradient is the same in all layers.",
                    "Yes: the loss starts at ln 10, as it should.",
                    "It cannot be told from these two columns: a ratio hides a factor that all layers share.",
                    "No: a ratio above 1 means that the gradient explodes.",
                    "Yes: the biases are zero, and it was the biases that did harm.",
                ],
                answer=2,
            ),
            Choice(
                "other",
                label="Another network, thirty layers: activation size 0.5 in all of them, error signal at layer 1 over layer 30 1e-12, alike 1 at the top",
                options=[
                    "Healthy: the size is kept.",
                    "Its activations have sunk to the floor of the biases.",
                    "Its size is one that all inputs share, and slopes times weights are below 1.",
                    "Its signals are kept apart, and its gradients explode.",
                ],
                answer=2,
            ),
        ],
        right="In the first network the activations shrink to 7e-17 on the way up and the error signal to 3e-16 on the way down. Their product is even, and nothing. The other's columns are those of thirty matched sigmoids.",
        wrong={
            "verdict = 0": "The same, and how large? A ratio hides a common factor. Look at activation size and error signal, each alone.",
            "verdict = 1": "So does any network whose ten outputs are all near 0, whatever it was shown. Look at the spread from input to input.",
            "verdict = 3": "Nothing explodes at a ratio of one to two. The doubt is about the size of both numbers, not about which is larger.",
            "verdict = 4": "Zero biases move the ratio only. They take away the floor under the activations, not the shrinkage.",
            "other = 0": "The size is. Of the error signal a trillionth arrives, and what tells the inputs apart is gone.",
            "other = 1": "A floor of biases lies far lower, as in the first table, and sizes fall before they reach it. Here the first layer has 0.5 too.",
            "other = 3": "Alike 1 means that they are not kept apart, and 1e-12 that the error signal vanishes.",
        },
    ),
    Page(
        id="9.5",
        title="Tanh does not settle",
        kind="derive",
        stars=3,
        outcome=1,
        parts=[
            Number(
                "q",
                label="q after 100 layers",
                answer=0.00507,
                accept_range=(0.0045, 0.0056),
            )
        ],
        right="dq/dL = −2q², so q is about 1/(2L) whatever the start.",
        wrong={
            "q = 1": "Xavier's rule keeps the size of a linear unit. tanh bends inwards and takes away about 2q² at each layer.",
            "q = 0.07 to 0.0713": "That is √q, the size. q is its square.",
            "q = 0.3943": "That is q after one layer. It does not stop there: no q above 0 satisfies q = E[tanh²(√q Z)].",
            "q = 0.2365": "That is q after two layers. The next ones go on taking away about 2q².",
            "q = 0.0522": "That is q after ten layers. The other ninety go on, more slowly.",
            "q = 0": "0 is where it goes after infinitely many layers. After a hundred it is still on its way: solve dq/dL = −2q².",
            "q = 1e-50 to 1e-20": "Exponential decay needs a loss in proportion to q. Here it is in proportion to q²: the smaller, the slower. Solve dq/dL = −2q².",
            "q = 0.01": "1/L: the equation is dq/dL = −2q², and the 2 belongs into the answer. E[Z⁴] = 3 enters tanh²(z) = z² − ⅔z⁴.",
        },
    ),
    Code(
        id="9.6",
        title="Repair the sick network",
        kind="investigate",
        stars=2,
        outcome=3,
        grade=grade_init,
        right="Both ends are in range: size and error signal are kept, layer by layer.",
        wrong={
            "lambda layer: (nn.init.xavier_normal_(layer.weight), nn.init.zeros_(layer.bias))": "right for linear units",
            "lambda layer: (layer.weight.data.mul_(2), nn.init.zeros_(layer.bias))": "the default weights times 2",
            "lambda layer: (nn.init.xavier_normal_(layer.weight, gain=5 / 3), nn.init.zeros_(layer.bias))": "value for tanh",
            "lambda layer: nn.init.zeros_(layer.bias)": "PyTorch's own",
            "lambda layer: (nn.init.constant_(layer.weight, 0.088), nn.init.zeros_(layer.bias))": "All weights are equal",
            "lambda layer: (layer.weight.data.abs_(), nn.init.zeros_(layer.bias))": "All weights have one sign",
            "lambda layer: (nn.init.kaiming_normal_(layer.weight), nn.init.ones_(layer.bias))": "Set them to zero",
        },
    ),
    Page(
        id="9.7",
        title="What a path adds up to",
        kind="compute",
        stars=1,
        outcome=3,
        parts=[
            Number("full", label="(a) mean square after 10 blocks", answer=1024),
            Number(
                "scaled",
                label="(b) the same, branches divided by √10",
                answer=1.1**10,
                tolerance=0.006,
            ),
            Choice(
                "cure",
                label="(c) Thirty plain ReLU layers at birth: sizes even both ways, a gradient of length 1, images alike to 0.98. Which cure changes what is wrong?",
                options=[
                    "He's weights",
                    "layer normalisation",
                    "batch normalisation",
                    "clipping at length 1",
                ],
                answer=2,
            ),
        ],
        right="2¹⁰, and (1 + 1/10)¹⁰, which stays below e however deep the network; and of these four cures only batch normalisation takes out what images have in common.",
        wrong={
            "full = 11": "(a): 11 would be ten branches of size 1. Each branch is as large as the *sum* that enters it, so every block doubles.",
            "full = 32": "(a): that is the size, √1024. The mean square was asked for.",
            f"scaled = {1024 / 10}": "(b): the division happens in each block, before the sum, not once at the end.",
            "scaled = 2": "(b): 1 and ten tenths of the first mean square make 2. Each block adds a tenth of what is there by then: compound interest.",
            "cure = 0": "(c): He's weights keep sizes, which are even already. At the top they leave images as alike as this.",
            "cure = 1": "(c): it treats each image by itself and cannot know what they have in common.",
            "cure = 3": "(c): clipping only shortens, and nothing here is too long.",
            "scaled = 15.61": "(b): a factor 1/√10 on the branch is 1/10 on its mean square.",
        },
    ),
]

PREDICTIONS = [
    Prediction(
        id="9.A",
        question="Thirty layers, PyTorch's own weights and biases, five functions. Put them in order of the error signal that reaches layer 1, most first.",
        part=Order(
            "order",
            label="most first",
            items=["ReLU", "sigmoid", "GELU", "tanh", "SELU"],
            answer=["SELU", "tanh", "ReLU", "GELU", "sigmoid"],
        ),
        textbook=["GELU", "ReLU", "SELU", "tanh", "sigmoid"],
        textbook_label="“The saturating functions vanish”",
        because={
            "ReLU's slope is 1, so nothing is lost.": "Nothing on active paths. Half of the units are off, and each step also multiplies by the weights.",
            "What counts is the mean square slope at the size that arrives.": "It is what the integrals of this chapter compute. Near 0, where the signals of this network live, tanh's is 1, ReLU's ½ and GELU's ¼.",
            "Functions that saturate come last.": "Sigmoid does, with nothing in it saturated. Tanh comes second.",
        },
        source="five functions, three networks of 30 × 256 each, as in the next cell",
    ),
    Prediction(
        id="9.B",
        question="Thirty ReLU layers, PyTorch's weights. With its biases, the first layer's weight gradient is about 4 · 10⁻¹⁰ of the last layer's. Set all biases to zero and change nothing else. What is the ratio now?",
        part=Number(
            "ratio",
            label="first over last weight gradient",
            answer=ratio_without_biases,
            log=True,
            low=1e-14,
            high=1e4,
            digits=2,
        ),
        textbook=4e-10,
        textbook_label="“Biases do not matter for the gradient”",
        because={
            "The error signal does not depend on the biases, so neither does the ratio.": "The first half is right. A weight gradient has a second factor.",
            "Biases keep signals alive, so without them it is worse.": "They do, on the way up. And with less arriving at layer 30, its weight gradient is smaller too.",
            "Activations will shrink on the way up as error signals do on the way down.": "And a weight gradient is their product.",
        },
        source="three networks of 30 × 256",
        note="A ratio near 1 and a network that has lost its signal go together here.",
    ),
    Prediction(
        id="9.C",
        question="He's start makes both curves flat. Thirty layers of 64 ReLUs, digits, plain SGD, 20 epochs, a step chosen out of six: which test accuracy?",
        part=Number(
            "accuracy",
            label="test accuracy",
            answer=he_accuracy,
            unit="%",
            low=0,
            high=100,
        ),
        textbook=95.0,
        textbook_label="“The right start cures vanishing gradients”",
        because={
            "Sizes are kept in both directions, so it trains like a shallow network.": "Sizes are. Look at the lowest panel of the figure above.",
            "All images look alike to the last layer, so it will be slow.": "Slow it is. Likeness is not all: gradients that are too long have a part too, as clipping shows below.",
            "Thirty layers are too many for such small data.": "With other cures, the same thirty layers reach the nineties.",
        },
        source="study cures-fresh, 10 seeds, at the step that 3 others chose",
    ),
    Prediction(
        id="9.D",
        question="Thirty sigmoid layers of 64 units on the digits. Which of chapter 03's repairs brings it above 20 %?",
        part=Choice(
            "repair",
            label="repair",
            options=[
                "larger steps of SGD",
                "Adam",
                "Xavier × 4",
                "Xavier × 4 and Adam together",
                "none of these",
            ],
            answer=4,
        ),
        textbook=1,
        textbook_label="Chapter 03's verdict, carried over",
        because={
            "Adam divides by the size of the gradient, so its size does not matter.": "Its size does not. But Adam needs a gradient that says something about the image, and one that is not lost in rounding.",
            "With four times the weights, slope times weights is about 1.": "Near the steepest point it would be. These layers have a mean of ½, and it pushes the units away from there.",
            "Whatever tells the images apart is gone after a few layers.": "And no step that was tried brings it back.",
        },
        source="study cures, all steps, 3 seeds; study thirty-fresh, the chosen step, 10 others",
    ),
]
