"""Exercises and predictions of chapter 07, gated units and maxout.

Exercise 7.0 is the self-check at the top of the chapter.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from actlab import studies
from actlab.statistics import Interval

from ..exercises.measured import ratio
from ..exercises.model import Choice, Code, Number, Page, Prediction, slips
from ..exercises.report import Report, answer_from_source, items


def sigmoid(x: float) -> float:
    """σ(x) of a number."""
    return 1 / (1 + math.exp(-x))


# --- what the predictions are compared with ---------------------------------------


def share_of_the_product() -> Interval:
    """Per cent of SwiGLU's advantage over ReLU that the bilinear block has as well.

    From the validation losses of the study ``gated``, fresh seeds, equal steps.
    """
    table = studies.final("gated")
    final = table[table["regime"] == "final"]
    loss = final.pivot(index="seed", columns="activation", values="test_loss")
    gained = 100 * (loss["relu"] - loss["bilinear"])
    return ratio(gained, loss["relu"] - loss["swiglu"])


# Input, value and gate, the gate after its function, and the product, in units of d.
KEPT_BY_SWIGLU = 1 + 2 * 8 / 3 + 8 / 3 + 8 / 3


# --- 7.4 ----------------------------------------------------------------------------


BLOCK = """def block(x, inner, outer):
    value, gate = F.linear(x, inner).chunk(2, -1)
    return F.linear(value * F.silu(gate), outer)"""


WRONG_AXIS = (
    "It is right for a batch of vectors. With more axes another axis was cut: count "
    "from the end, dim=-1."
)


def grade_block(answer: Any, variant: int | None, report: Report) -> None:
    """7.4: SwiGLU's FFN for inputs with one, two, three and four axes."""
    d, h = 6, 4
    inner = report.draw(2 * h, d, -1.5, 1.5, salt="inner")
    outer = report.draw(d, h, -1.5, 1.5, salt="outer")
    shapes = [(d,), (5, d), (3, 4, d), (2, 2, 6, d)]
    cases = [(report.draw(*s, -2, 2, salt=str(s)), inner, outer) for s in shapes]
    cases.append((60 * cases[1][0], inner, outer))
    report.compare(
        answer,
        answer_from_source(BLOCK),
        cases,
        names=("x", "inner", "outer"),
        diagnose=_wrong_axis,
        where=lambda x, *_: f"on x of shape {tuple(x.shape)}",
    )
    report.learns(answer, *cases[1], names=("x", "inner", "outer"))


def _wrong_axis(outputs: list, expected: list) -> str | None:
    """Right on vectors and pairs, wrong or impossible on more axes: dim=1."""
    agree = [
        isinstance(got, torch.Tensor)
        and got.shape == right.shape
        and torch.allclose(got, right, atol=1e-4)
        for got, right in zip(outputs, expected, strict=True)
    ]
    shaped = all(
        got is None or got.shape == right.shape
        for got, right in zip(outputs, expected, strict=True)
    )
    if agree[1] and shaped and not all(agree[2:]):
        return WRONG_AXIS
    return None


# --- 7.7 ----------------------------------------------------------------------------


def grade_hat(answer: Any, variant: int | None, report: Report) -> None:
    """7.7: two lists of lines whose maxima differ by the hat."""
    report.function(answer)
    got = report.call(answer, at="hat()")
    both = items(got, 2)
    if both is None:
        report.fail(
            "hat() should return two lists of lines, the first unit's and the second's."
        )
    first, second = (_lines(part, report) for part in both)
    x = torch.linspace(-3, 3, 241, dtype=torch.float64)
    units = [(x[:, None] * k[:, 0] + k[:, 1]).amax(1) for k in (first, second)]
    wanted = (1 - x.abs()).clamp(min=0)
    gap = (units[0] - units[1] - wanted).abs()
    if gap.max() <= 1e-6:
        _hat_far_out(first, second, report)
        report.cases += len(x)
        return
    at = int((gap > 1e-6).nonzero()[0])
    values = units[0] - units[1]
    seen = (
        f"at x = {x[at].item():.4g}: expected {wanted[at].item():.4g}, "
        f"got {values[at].item():.4g}."
    )
    report.fail(f"{seen} {_why_no_hat(values, units, wanted)}".strip())


def _hat_far_out(first: torch.Tensor, second: torch.Tensor, report: Report) -> None:
    """Fail unless the difference stays 0, wherever a steep line may cross."""
    far = torch.logspace(0.5, 9, 400, dtype=torch.float64)
    x = torch.cat([-far, far])
    units = [(x[:, None] * k[:, 0] + k[:, 1]).amax(1) for k in (first, second)]
    gap = units[0] - units[1]
    bad = gap.abs() > 1e-6 * (1 + units[0].abs())
    if bad.any():
        at = int(bad.nonzero()[0])
        report.fail(
            f"right from −3 to 3. At x = {x[at].item():.3g}: expected 0, got "
            f"{gap[at].item():.4g}: a line that is too steep takes over out there."
        )


def _why_no_hat(values: torch.Tensor, units: list, wanted: torch.Tensor) -> str:
    """Name the mistake behind a difference that is no hat, if it is a usual one."""
    ramp = wanted.clone()
    ramp[len(ramp) // 2 :] = 1
    if torch.allclose(-values, wanted):
        return "The two units are swapped: this is the hat upside down."
    if float(values[-1]) > 2 and float(values[0]) > 2:
        return (
            "A maximum of lines bends upwards only. The bend at 0 goes down, so it "
            "belongs into the second unit."
        )
    if torch.allclose(values, ramp):
        return "It stays at 1 on the right: the bend upwards at x = 1 is missing."
    if float(units[1].abs().max()) == 0 and float(values[0]) == 0:
        return (
            "The second unit is 0 everywhere: it has to take away the rise right of 0, "
            "of slope 2."
        )
    if torch.allclose(values[:160], wanted[:160]):
        return "Right of 1 the two units must cancel: compare their last slopes."
    return ""


def _lines(part: Any, report: Report) -> torch.Tensor:
    """A list of pairs as a table (lines, 2)."""
    try:
        table = torch.tensor([[float(a), float(b)] for a, b in part]).double()
    except (TypeError, ValueError, RuntimeError, OverflowError):
        table = torch.empty(0, 2)
    report.expect(
        table.dim() == 2 and 1 <= len(table) <= 100 and bool(table.isfinite().all()),
        "each unit is a list of pairs (slope, intercept), such as [(0, 0), (1, 0)].",
    )
    return table


# --- 7.1 to 7.3 -----------------------------------------------------------------------


def page_7_1(
    values: tuple[float, float] = (2.0, -3.0), gates: tuple[float, float] = (0.0, 1.0)
) -> Page:
    """Exercise 7.1 for two values and two gates."""
    (a, b), (c, d) = values, gates
    numbers = ", ".join(f"{v:g}".replace("-", "−") for v in (a, b, c, d))
    right = a * sigmoid(c), b * sigmoid(d)

    swapped = c * sigmoid(a), d * sigmoid(b)
    paired = a * sigmoid(b), c * sigmoid(d)

    def answers(first: float, second: float) -> dict[str, float]:
        return {"first": first, "second": second}

    return Page(
        id="7.1",
        title="Which half is the gate?",
        kind="compute",
        stars=1,
        outcome=2,
        task=f"F.glu gets ({numbers}). Which two numbers come out? Two decimals.",
        parts=[
            Number("first", label="first", answer=right[0], tolerance=0.006),
            Number("second", label="second", answer=right[1], tolerance=0.006),
        ],
        right="Value times the sigmoid of the gate, half by half.",
        wrong={
            f"first = {swapped[0]}, second = {swapped[1]}": "You took the first half for the gate. In PyTorch the value comes first.",
            f"first = {paired[0]}, second = {paired[1]}": "You paired neighbours. The tensor is cut into halves: entry 0 goes with entry 2.",
            # a small number with two decimals is far from itself
            f"first = {swapped[0]:.2f}, second = {swapped[1]:.2f}": "The first half is not the gate here: in PyTorch the value comes first.",
            f"first = {paired[0]:.2f}, second = {paired[1]:.2f}": "Neighbours are no pair: the tensor is cut into halves, and entry 0 goes with entry 2.",
            f"first = {a * c}, second = {b * d}": "Value times gate, as the bilinear unit and, for gates not below 0, ReGLU have it. GLU takes the sigmoid of the gate first.",
            f"first = {a * c * sigmoid(c)}, second = {b * d * sigmoid(d)}": "That is SwiGLU: its gate is c·σ(c). GLU's is σ(c).",
            f"first = {a + sigmoid(c)}, second = {b + sigmoid(d)}": "The gate multiplies the value; you added.",
        },
        numbers_for=lambda variant: page_7_1(
            ((2.0, -3.0), (4.0, -2.0), (-2.0, 5.0), (3.0, -4.0))[variant % 4],
            ((0.0, 2.0), (-1.0, 3.0), (1.0, -2.0), (2.0, 0.5))[variant % 4],
        ),
    )


def page_7_2(d: int = 192) -> Page:
    """Exercise 7.2 for a width that 3 divides."""
    h = 8 * d // 3
    return Page(
        id="7.2",
        title="Two widths",
        kind="compute",
        stars=1,
        outcome=1,
        task=f"Width d = {d}, FFNs of hidden width {4 * d} without gate. SwiGLU with equally many weights: how wide is the product, and how many numbers does the first layer put out?",
        parts=[
            Number("product", label="width of the product", answer=h, tolerance=0.5),
            Number(
                "first",
                label="numbers out of the first layer",
                answer=2 * h,
                tolerance=0.5,
            ),
        ],
        right="Three matrices of d × 8d/3 weigh as much as two of d × 4d.",
        wrong={
            f"product = {4 * d}": "With the old width there are three matrices of it: half as many weights again.",
            f"product = {2 * d}": "That halves the width. The first layer would then weigh what it did, and the second one half: too few in all.",
            f"product = {4 * d / 3}": "That is a third of 4d. The two old matrices are shared among three, so two thirds are left.",
            f"first = {h}": "The first layer makes value and gate: two numbers for each product.",
            f"first = {4 * d}": "That was the plain block. The new first layer makes value and gate, each as wide as the product.",
        },
        numbers_for=lambda variant: page_7_2((96, 240, 384, 768)[variant % 4]),
    )


def page_7_3(d: int = 4096, wide: int = 14_336) -> Page:
    """Exercise 7.3 for a width and a published gated width."""
    down, up = 8 * d // 3, 8 * d // 3 + 1
    other = down if round(8 * d / 3) == up else up
    return Page(
        id="7.3",
        title="A model that did not pay the price",
        kind="compute",
        stars=2,
        outcome=3,
        task=f"d = {d}, gated FFN of width {wide}. (a) How many times the weights of a plain FFN with hidden width 4d? (b) Which width would have been equal?",
        parts=[
            Number("ratio", label="(a) times the weights", answer=3 * wide / (8 * d)),
            Number(
                "width", label="(b) equal width", answer=round(8 * d / 3), tolerance=0.2
            ),
        ],
        right="More weights may be part of whatever it does better.",
        wrong={
            f"ratio = {wide / (4 * d)}": "(a) You compared the widths. There are three matrices against two.",
            f"ratio = {wide / d}": "(a) That is the width in units of d. Compare with a plain FFN's weights, 8d².",
            "ratio = 1.5": "(a) Half as many again would be right at equal hidden width; here it is narrower than 4d.",
            f"ratio = {8 * d / (3 * wide)}": "(a) Upside down: the plain FFN is the smaller one.",
            f"width = {2 * d}": "(b) Half of 4d is too narrow: 3 · 2d² are only 6d² weights.",
            f"width = {4 * d}": "(b) That is the plain FFN's width. With three matrices it is 12d² weights.",
            f"width = {8 * d / 3:.2f}": "(b) That is the exact quotient. A width is a whole number: which is nearest?",
            f"width = {other}": f"(b) It is {8 * d / 3:.2f}, and {other} is not the nearest whole number.",
        },
        numbers_for=lambda variant: page_7_3(
            *((4096, 11_008), (5120, 13_824), (8192, 28_672), (2048, 5632))[variant % 4]
        ),
    )


EXERCISES = [
    Page(
        id="7.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=2,
        parts=[
            Number(
                "width",
                label="F.glu gets shape (5, 8). Size of the last axis that comes out",
                answer=4,
            ),
            Number("silu", label="SiLU at x = 0 has the slope", answer=0.5),
            Choice(
                "square",
                label="One hidden layer, activation x², as wide as you like, makes",
                options=["any continuous curve", "quadratics only", "straight lines"],
                answer=1,
            ),
        ],
        right="You have what this chapter needs.",
        wrong={
            "width = 8": "Half of the numbers are spent on gates. See the first link above.",
            "width = 16": "CReLU doubles; GLU halves. See the first link above.",
            "silu = 0": "That is its value at 0. The slope there is the gate. See the second link.",
            "silu = 1": "Far on the right it is nearly 1. At 0 the gate is half open. See the second link.",
            "square = 0": "Sums of squares of straight lines are quadratics. See the third link above.",
            "square = 2": "One unit already bends. See the third link above.",
        },
    ),
    page_7_1(),
    page_7_2(),
    page_7_3(),
    Code(
        id="7.4",
        title="A block from two matrices",
        kind="code",
        stars=2,
        outcome=2,
        grade=grade_block,
        right="The value first, SiLU on the gate only, the axis counted from the end.",
        wrong=slips(
            BLOCK,
            {
                "return F.linear(F.silu(value) * gate, outer)": "SiLU sits on the value. The value's rows come first in `inner`; the second half is the gate.",
                "return F.linear(F.silu(value * gate), outer)": "SiLU was applied to the product. It belongs on the gate alone.",
                "return F.linear(value * torch.sigmoid(gate), outer)": "That is GLU. SwiGLU has SiLU on the gate, c·σ(c), not the sigmoid alone.",
                "return F.linear(F.silu(value) * F.silu(gate), outer)": "Both halves went through SiLU. The value passes as it is.",
                "return F.linear(F.silu(gate), outer)": "The value is missing: the gate has to be multiplied with it.",
                "return F.linear(value * F.gelu(gate), outer)": "That is GEGLU: GELU on the gate. SwiGLU has SiLU, c·σ(c).",
                "return F.linear(value * F.relu(gate), outer)": "That is ReGLU: ReLU on the gate. SwiGLU has SiLU, c·σ(c).",
                "value, gate = F.linear(x, inner)[..., ::2], F.linear(x, inner)[..., 1::2]": "You took every other row, a layout that some models use. Here the rows of the value stand first, then those of the gate.",
                "return F.linear(value * gate, outer)": "That is the bilinear block: there is no SiLU on the gate.",
                "value, gate = F.linear(x, inner).chunk(2, min(1, x.dim() - 1))": WRONG_AXIS,
            },
        ),
    ),
    Page(
        id="7.5",
        title="Two thirds of what?",
        kind="read evidence",
        stars=2,
        outcome=3,
        parts=[
            Choice(
                "sentence",
                label="The one sentence that the table allows",
                options=[
                    "GEGLU is the best gate; SwiGLU comes second.",
                    "Gated models learn as much in less time.",
                    "At equal weights, a product without any function on the gate has most of the gain that GEGLU has over ReLU.",
                    "Swish is no better than ReLU, so SwiGLU's gain must come from something else than its Swish.",
                    "With more training the gates' advantage would vanish.",
                ],
                answer=2,
            )
        ],
        right="0.037 of 0.055 after the short run, 0.029 of 0.044 after the long one.",
        wrong={
            "sentence = 0": "They differ by 0.002 and 0.003, less than four runs of one kind differ among themselves.",
            "sentence = 1": "Steps are in the table, seconds are not. Weights and multiplications were matched, time was not reported.",
            "sentence = 3": "Tempting. But what a function does without a gate says nothing about it on one: SwiGLU is below the bilinear row, so its Swish does add something.",
            "sentence = 4": "From 65,536 to 524,288 steps it fell from 0.055 to 0.044. Two points of one curve do not reach zero.",
        },
    ),
    Page(
        id="7.6",
        title="Equal seconds",
        kind="estimate",
        stars=2,
        outcome=1,
        parts=[
            Number("steps", label="(a) steps", answer=640, tolerance=1),
            Choice(
                "same",
                label="(b) Is the long run's loss at that step the right number?",
                options=[
                    "yes: same weights, same seed, same step",
                    "no: its learning rate is still a fifth of the highest, a run of that length would have brought it to 0",
                    "no: at that step it has seen less text than the plain run",
                ],
                answer=1,
            ),
        ],
        right="The schedule has to fit the number of steps.",
        wrong={
            "steps = 1000": "(a) You multiplied. A slower step leaves room for fewer of them.",
            "steps = 600": "(a) You took a quarter off. 600 steps of 1.25 are 750 of the plain ones; divide by 1.25.",
            "steps = 800": "(a) Those are equal steps. The question is equal time.",
            "same = 0": "(b) The same step of another schedule. Work out its learning rate there.",
            "same = 2": "(b) True, and part of the price: in equal time a slower block sees less text. The number is wrong for another reason.",
        },
    ),
    Code(
        id="7.7",
        title="A hat from two convex halves",
        kind="derive",
        stars=3,
        outcome=2,
        grade=grade_hat,
        right="Bends upwards in one unit, bends downwards in the other.",
        wrong={
            "lambda: ([(1, 1), (-1, 1)], [(0, 0)])": "bends upwards only",
            "lambda: ([(0, 0), (1, 1), (2, 0)], [(0, 0)])": "has to take away the rise",
            "lambda: ([(0, 0), (1, 1)], [(0, 0), (1, 0)])": "stays at 1 on the right",
            "lambda: ([(0, 0), (1, 1)], [(0, 0), (2, 0)])": "Right of 1 the two units must cancel",
            "lambda: ([(0, 0), (2, 0)], [(0, 0), (1, 1), (2, 0)])": "upside down",
        },
    ),
]

PREDICTIONS = [
    Prediction(
        id="7.A",
        question="A plain FFN with ReLU keeps 5 numbers times d per place for the backward pass. SwiGLU's has the same number of weights. How many times d does it keep?",
        part=Number(
            "kept",
            label="numbers, in units of d",
            answer=KEPT_BY_SWIGLU,
            tolerance=0.05,
            low=0,
            high=20,
            digits=3,
        ),
        textbook=5,
        textbook_label="“Equal weights, equal price”",
        because={
            "The product is narrower than 4d, so it keeps less.": "The product alone is. What is multiplied must be kept as well.",
            "A product needs both of its factors for the gradient.": "Yes, and nearly half of it goes there.",
            "Equal weights mean equal everything.": "Weights and multiplications, yes. Memory follows the operations.",
        },
        source="counted by the next cells, exact: 1 + 16/3 + 8/3 + 8/3",
    ),
    Prediction(
        id="7.B",
        question="Equal weights, each kind at its own best learning rate, five fresh seeds. Take SwiGLU's advantage over ReLU as 100 %. How much of it does the bilinear block have, which has no function at all?",
        part=Number(
            "share",
            label="share of SwiGLU's advantage",
            unit="%",
            answer=share_of_the_product,
            low=-50,
            high=150,
            digits=2,
        ),
        textbook=0,
        textbook_label="“Without an activation nothing is gained”",
        because={
            "Without a non-linear function a network collapses.": "A product of two weighted sums is not linear. Nothing collapses.",
            "The product is what the others have in common.": "And it carries most of what they have.",
            "The smooth gate is the point of SwiGLU.": "It was the name of it. Compare the two rows.",
        },
        source="study gated, validation loss after 800 steps, 5 seeds",
    ),
]
