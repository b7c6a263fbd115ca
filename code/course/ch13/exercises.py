"""Exercises and predictions of chapter 13, cost and precision.

Exercise 13.0 is the self-check at the top of the chapter. Costs come from the recorded
table of ``actlab.cost``; the timing exercise runs on a made-up machine whose clock is
known to the last tick.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from actlab import cost, precision

from ..exercises.measured import Draws
from ..exercises.model import Choice, Code, Number, Page, Prediction, slips
from ..exercises.readymade import ready_made
from ..exercises.report import Report, two_numbers

# --- what the predictions are compared with ---------------------------------------


def recorded_cost(key: str, column: str = "forward", case: str = "many") -> float:
    """One number of the recorded table."""
    table = cost.recorded()
    rows = table[(table["key"] == key) & (table["case"] == case)]
    return float(rows[column].iloc[0])


def recorded_rounds(key: str, column: str = "forward", factor: float = 1.0) -> Draws:
    """One measurement of the recorded table: median and range of its rounds."""
    middle, low, high = (
        factor * recorded_cost(key, column + end) for end in ("", "_low", "_high")
    )
    command = cost.provenance()["command"].split()
    rounds = int(command[command.index("--rounds") + 1])
    doubled = 2 if column == "share" else 1  # as `cost.recording` measures shares
    return Draws(middle, low, high, doubled * rounds, "rounds")


def share_of_gelu() -> Draws:
    """GELU's share of a training step of the course's network, in per cent."""
    return recorded_rounds("gelu", "share", 100)


def end_of_tanh() -> float:
    """The first positive bfloat16 at which autograd's slope of tanh is 0."""
    table = precision.table(("tanh",), ("bfloat16",))
    return float(table["gradient_lost_right"].iloc[0])


# --- 13.1, 13.2, 13.6 and 13.7 ------------------------------------------------------


def page_13_1(rows: int = 8192, width: int = 4096, layers: int = 24) -> Page:
    """Exercise 13.1 for one size of network."""
    numbers = rows * width * layers
    mebibytes = 4 * numbers / 2**20
    return Page(
        id="13.1",
        title="What GELU keeps",
        kind="compute",
        stars=1,
        outcome=1,
        task=f"Hidden tensors of {rows} rows and width {width} in float32, {layers} blocks, each followed by a linear layer. How many MiB more are kept for the backward pass with GELU than with ReLU?",
        parts=[
            Number(
                "more", label="more kept", answer=mebibytes, unit="MiB", tolerance=0.5
            )
        ],
        right="The input of GELU, four bytes for each number, in each block.",
        wrong={
            "more = 0": "Both outputs are as large, and both are kept by the linear layer that follows. GELU's slope cannot be read off its output: it keeps its input as well.",
            f"more = {2 * mebibytes}": "You counted input and output. The output is kept with ReLU too: the linear layer that follows needs it.",
            f"more = {mebibytes / layers}": f"That is one block. All {layers} wait for their backward pass at the same time.",
            f"more = {mebibytes / 4}": "Those are millions of numbers. A float32 has four bytes.",
            f"more = {4e-6 * numbers}": "That is in millions of bytes. A MiB has 2²⁰ = 1,048,576 of them.",
        },
        numbers_for=lambda variant: page_13_1(4096, 2048 + 1024 * (variant % 4), 12),
    )


def page_13_2(share: int = 6, times: int = 3) -> Page:
    """Exercise 13.2 for one share of the step and one speed-up."""
    saved = share * (1 - 1 / times)
    return Page(
        id="13.2",
        title="Three times as fast",
        kind="estimate",
        stars=1,
        outcome=3,
        task=f"The activations take {share} % of a training step. A new function is {times} times as fast. By how many per cent does a step get shorter?",
        parts=[
            Number("shorter", label="shorter by", answer=saved, unit="%", tolerance=0.1)
        ],
        right="Only the activations' share can shrink, and a part of it stays.",
        wrong={
            f"shorter = {share}": f"That would take a function that costs nothing. A part of the {share} % stays.",
            f"shorter = {share / times}": f"That is what the new function takes. What is saved is the rest of the {share} %.",
            f"shorter = {100 * (1 - 1 / times)}": f"By that much the activation gets shorter. It is {share} % of the step; the other {100 - share} % do not change.",
            f"shorter = {share * times}": "More than there is to save. The step cannot lose more than the activations take.",
        },
        numbers_for=lambda variant: page_13_2((4, 8, 10, 12)[variant % 4], 4),
    )


def page_13_6(digits: int = 14) -> Page:
    """Exercise 13.6 for a format with so many binary digits."""
    log2 = math.log(2)
    return Page(
        id="13.6",
        title="Where a slope ends",
        kind="derive",
        stars=3,
        outcome=2,
        task=f"A format has {digits} binary digits: its numbers between ½ and 1 are 2^−{digits} apart. Outputs are rounded to it, and the slope is computed from the output, s(1 − s) and 1 − t². From which x on is it exactly 0, (a) for the sigmoid, (b) for tanh?",
        parts=[
            Number(
                "sigmoid",
                label="(a) sigmoid",
                answer=(digits + 1) * log2,
            ),
            Number("tanh", label="(b) tanh", answer=(digits + 2) * log2 / 2),
        ],
        right="The output rounds to 1 once it is closer to 1 than half a step.",
        wrong={
            f"sigmoid = {digits * log2}": "(a) There 1 − s is a whole step. The output rounds to 1 when less than half a step is missing.",
            f"sigmoid = {math.log(65504)}": "(a) There e^x overflows in float16. The sigmoid itself does not: it rounds.",
            f"sigmoid = {24 * log2}": "(a) That is float32, with 24 binary digits.",
            f"sigmoid = {(digits + 2) * log2 / 2}": "(a) That is tanh. The sigmoid comes to 1 half as fast: 1 − s is about e^(−x).",
            f"tanh = {(digits + 1) * log2}": "(b) That is the sigmoid. tanh comes to 1 twice as fast: 1 − tanh x is about 2e^(−2x).",
            f"sigmoid = {digits * log2}, tanh = {(digits + 1) * log2 / 2}": "There 1 minus the output is a whole step, in both. The output rounds to 1 when less than half a step is missing.",
            f"tanh = {(digits + 1) * log2 / 2}": "(b) A factor of 2 is missing: 1 − tanh x is about 2e^(−2x), not e^(−2x), and half a step is enough, not a whole one. Which of them is it?",
            f"tanh = {5 * log2}": "(b) That is bfloat16, with 8 binary digits: the worked example.",
        },
        numbers_for=lambda variant: page_13_6((10, 12, 18, 20)[variant % 4]),
    )


def page_13_7(largest: float = 0.02, smallest: float = 1e-9) -> Page:
    """Exercise 13.7 for the largest and the smallest gradient."""
    above, below = math.log2(65504 / largest), math.log2(2.0**-14 / smallest)
    most, least = math.floor(above), math.ceil(below)
    barely = math.ceil(math.log2(2.0**-24 / smallest))
    return Page(
        id="13.7",
        title="A scale for the loss",
        kind="compute",
        stars=2,
        outcome=2,
        task=f"Gradients lie between {smallest:g} and {largest:g} in size. float16 ends at 65,504, and below 2^−14 it has fewer digits. The loss is multiplied by 2^k, with a whole k. Which is the largest k without overflow, and which the smallest with which all gradients keep their digits?",
        parts=[
            Number("most", label="largest k", answer=most, tolerance=0.04),
            Number("least", label="smallest k", answer=least, tolerance=0.04),
        ],
        right="All gradients move together; the window is as wide as the format.",
        wrong={
            f"most = {most + 1}": f"{largest:g} · 2^{most + 1} is {largest * 2 ** (most + 1):,.0f}, more than 65,504.",
            f"most = {above}": "There the overflow begins. k is whole: round down.",
            f"least = {below}": "There the digits begin to be kept. k is whole: round up.",
            f"most = {math.floor(math.log2(65504))}": f"That is the scale for a gradient of 1. The largest here is {largest:g}.",
            f"least = {barely}": "With that the smallest is not zero, and it has one digit: it lies near 2^−24, the end of the numbers with fewer digits.",
            f"least = {least - 1}": f"{smallest:g} · 2^{least - 1} is still below 2^−14.",
            f"least = {most}, most = {least}": "You have them the other way round.",
            f"most = {2**most}": "That is the scale itself. Asked is its exponent, k.",
            f"least = {2**least}": "That is the smallest scale itself, 2ᵏ. Asked is k.",
        },
        numbers_for=lambda variant: page_13_7(0.022 * (1 + variant % 5), 3e-9),
    )


# --- 13.4 -----------------------------------------------------------------------------


class Machine:
    """Two functions and a clock, on a machine that is disturbed as real ones are.

    The first call of each function takes longer, one later call of one of them is
    interrupted, and after a number of calls everything takes 2.5 times as long.
    interrupted: which of the two, 0 or 1, and in which of its calls.
    """

    def __init__(
        self,
        first: float = 3.0,
        second: float = 1.0,
        patience: int = 8,
        interrupted: tuple[int, int] = (0, 5),
    ):
        self.costs, self.patience = (first, second), patience
        self.interrupted = interrupted
        self.now, self.calls, self.each = 100.0, 0, [0, 0]

    @property
    def handed_out(self) -> tuple[Callable, Callable, Callable]:
        """What the reader gets: both functions and the clock."""
        return self.f, self.g, self.clock

    def clock(self) -> float:
        """The time."""
        return self.now

    def f(self) -> None:
        """The function in question."""
        self._work(0)

    def g(self) -> None:
        """The one that it is compared with."""
        self._work(1)

    def _work(self, which: int) -> None:
        self.calls += 1
        self.each[which] += 1
        busy = 2.5 if self.calls > self.patience else 1.0
        taken = self.costs[which] * busy
        if self.each[which] == 1:
            taken += 17
        if self.interrupted == (which, self.each[which]):
            taken += 40  # the sum of all that came between is no multiple of the ratio
        self.now += taken


IN_TURN = """def ratio(f, g, clock, rounds=7):
    warm = f(), g()
    first, second = [], []
    for _ in range(rounds):
        start = clock(); f(); middle = clock(); g()
        first.append(middle - start); second.append(clock() - middle)
    return float(np.median(np.divide(first, second)))"""

ONE_AFTER_THE_OTHER = """def ratio(f, g, clock, rounds=7):
    average = np.median
    warm = f(), g()
    def times(h):
        for _ in range(rounds):
            start = clock(); h(); yield clock() - start
    first, second = list(times(f)), list(times(g))
    return float(average(first) / average(second))"""

OF_THE_MEAN = "One round was interrupted, and a mean carries that. Take the median."
TAKE_TURNS = (
    "When the turn of `g` came the machine had become slower. Time them in turn, round "
    "by round, and take the ratio of each round."
)


MACHINES = (  # rounds, calls before it gets busy, a factor, who is interrupted when
    (7, 8, 1.0, (0, 5)),
    (9, 10, 0.5, (0, 5)),
    (7, 10, 1.0, (0, 3)),  # a median of times lies on the wrong side of the change
    (7, 8, 1.0, (0, 8)),  # the last round
    (5, 6, 1.0, (1, 2)),  # the first
)


def measured(ratio: Callable, truth: float) -> list[float]:
    """What a function for 13.4 returns on fresh machines."""
    return [
        float(ratio(*Machine(share * truth, 1.0, patience, hit).handed_out, rounds))
        for rounds, patience, share, hit in MACHINES
    ]


def grade_fair_timing(answer: Any, variant: int | None, report: Report) -> None:
    """13.4: a ratio of two functions on a disturbed machine."""
    report.function(answer)
    truth = 3.0 if variant is None else 2.0 + variant % 5
    for rounds, patience, share, hit in MACHINES:
        first = share * truth
        machine = Machine(first, 1.0, patience, hit)
        at = f"with {rounds} rounds on a machine that gets busy"
        got = report.call(answer, *machine.handed_out, rounds, at=at)
        got = report.number(got, at)
        report.expect(
            min(machine.each) > 0, f"{at}: one of the two was never called: f()."
        )
        report.expect(
            max(machine.each) <= rounds + 3,
            f"{at}: {max(machine.each)} calls of one function are more than asked for.",
        )
        if not abs(got / first - 1) < 0.02:
            found = report.call(measured, answer, truth, at=at)
            why = report.mistake(
                found,
                by=partial(measured, truth=truth),
                rtol=0.01,
                atol=0,
                otherwise="Warm up, take turns, and take the median of the rounds' ratios.",
            )
            report.fail(f"{at}: expected {two_numbers(float(first), got)}. {why}")
        report.cases += 1


# --- 13.5 -----------------------------------------------------------------------------

LARGE = (25.0, 50.0, 90.0, 100.0, 1000.0)
SOON = (4.5, 6.0, 8.2, 9.5, 10.2, 11.5, 12.5, 15.0)  # eˣ is large, and 1 is not nothing
SMALL = (-80.0, -50.0, -20.0, -3.0)
MIDDLE = (-1.0, -1e-3, 1e-3, 1.0, 3.0)
HALF = (-9.0, -5.0, -1.0, 1.0, 5.0, 11.0, 12.0, 15.0, 25.0, 1000.0, 60000.0)


def grade_softplus(answer: Any, variant: int | None, report: Report) -> None:
    """13.5: value and slope in float32 and float16, from one end to the other."""
    report.function(answer)
    shift = 0.0 if variant is None else 0.01 * (variant % 7)
    groups = [
        (
            torch.float32,
            SMALL,
            1e-5,
            "1 + eˣ rounds to 1 and its logarithm is 0. `torch.log1p` takes eˣ alone.",
        ),
        (torch.float32, MIDDLE, 1e-5, ""),
        (
            torch.float32,
            LARGE,
            1e-5,
            "eˣ overflows. Let the exponential see −|x| only.",
        ),
        (torch.float16, HALF, 3e-3, "float16 ends at 65,504, and e¹² is beyond it."),
        (
            torch.float32,
            SOON,
            1e-6,
            "Softplus is not x yet, and float32 can see it: ln(1 + eˣ) is x + e⁻ˣ here. "
            "Switch later, or not at all.",
        ),
    ]
    for dtype, places, tolerance, why in groups:
        if places is SMALL and _cut(answer, report):
            why = (
                "Far left eˣ is small, and it is not 0: the values were cut off there."
            )
        elif places is SMALL and _cancels(answer, report):
            why = "Two far larger numbers were subtracted; nothing is left of it."
        x = torch.tensor([p + shift * (abs(p) < 100) for p in places], dtype=dtype)
        value, slope = _both(answer, x, report)
        wide = x.double()
        truth = torch.logaddexp(wide, torch.zeros_like(wide))
        name = str(dtype).removeprefix("torch.")
        if places is SMALL and not bool((value == 0).any()):
            why = ""  # nothing was lost
        _near(report, x, value, truth, tolerance, f"{name}: value", why)
        _near(
            report,
            x,
            slope,
            torch.sigmoid(wide),
            1e-4 if places is SOON else tolerance,  # a switch at 11 suits float16
            f"{name}: slope",
            OVERFLOWED if bool(slope.isnan().any()) else CANCELLED,
        )
        report.cases += len(x)
    value, slope = _both(answer, torch.zeros(1), report)
    _near(
        report,
        torch.zeros(1),
        value,
        torch.tensor([math.log(2)]).double(),
        1e-5,
        "value",
        "log(1 + e⁰) = log 2. Without the logarithm it is ReLU.",
    )
    found = slope.item()
    report.expect(
        abs(found - 0.5) < 1e-4,
        f"slope at x = 0: expected 0.5, got {found:g}. The value is right. |x| has "
        "slope 0 there, and what stands beside it has to bring ½: `torch.maximum` does "
        "(exercise 4.4).",
    )
    used = ready_made(report, answer, torch.ones(3), names={"softplus"})
    report.expect(
        not used, "the numbers are right, and F.softplus made them: do without it."
    )


OVERFLOWED = (
    "The values are right. On the way back 0 times infinity is nan: an exponential has "
    "overflowed, if only in a branch that is thrown away."
)
CANCELLED = (
    "The values are right. On the way back the slopes of several terms are added; here "
    "their sum is not the slope of softplus."
)


def _cut(answer: Any, report: Report) -> bool:
    """Whether it is exact at −12, where a sum with 1 is not, and 0 at −80."""
    x = torch.tensor([-12.0, -80.0])
    value, _ = _both(answer, x, report)
    return math.isclose(value[0], math.exp(-12), rel_tol=1e-4) and float(value[1]) == 0


def _cancels(answer: Any, report: Report) -> bool:
    """Whether it adds x to a large number far left, and does not forget a small one."""
    value, _ = _both(answer, torch.tensor([-1000.0]), report)
    return not abs(float(value)) < 1


def _both(
    answer: Any, x: torch.Tensor, report: Report
) -> tuple[torch.Tensor, torch.Tensor]:
    value, slope = report.value_and_slope(answer, x, at=f"on {x.dtype} numbers")
    report.expect(
        value.dtype == x.dtype,
        f"{str(x.dtype)[6:]} went in and {str(value.dtype)[6:]} came out.",
    )
    return value, slope


def _near(
    report: Report,
    x: torch.Tensor,
    got: torch.Tensor,
    truth: torch.Tensor,
    tolerance: float,
    name: str,
    why: str,
) -> None:
    bad = ~torch.isclose(got.double(), truth, tolerance, 1e-30)
    if x.dtype == torch.float16:
        bad &= ~((got.double() - truth).abs() < 1e-6)
    if bad.any():
        at = int(bad.nonzero()[0])
        report.fail(
            f"{name} at x = {x[at].item():g}: expected "
            f"{two_numbers(truth[at].item(), got[at].item())}. {why}".strip()
        )


# --- 13.8 -----------------------------------------------------------------------------


def dented(x: torch.Tensor) -> torch.Tensor:
    """Slope 0 at x = 1 alone, and for all x above 4."""
    return torch.where(x > 4, 3.0, x - 1) ** 3


def first_loss(f: Callable, dtype: torch.dtype) -> float:
    """What 13.8 asks for."""
    x, slope = _slopes(f, dtype)
    alive = (slope != 0).nonzero()
    after = int(alive[-1]) + 1 if len(alive) else 0
    return float(x[after]) if after < len(x) else math.inf


def _slopes(f: Callable, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    x = precision.numbers(dtype)
    x = x[x > 0].requires_grad_()
    (slope,) = torch.autograd.grad(f(x).sum(), x)
    return x.detach(), slope


ENDS = """def ends(f, dtype):
    from actlab import precision
    numbers = precision.numbers(dtype)
    x = numbers[numbers > 0].requires_grad_()
    slope, = torch.autograd.grad(f(x).sum(), x)
    alive = (slope != 0).nonzero()
    after = int(alive[-1]) + 1 if len(alive) else 0
    return float(x[after]) if after < len(x) else math.inf"""
NO_SUCH_NUMBER = (
    "That is no number of this format. Try those that it has, all of them: "
    "`precision.numbers(dtype)`."
)


def grade_first_loss(answer: Any, variant: int | None, report: Report) -> None:
    """13.8: where a slope ends in a format."""
    report.function(answer)
    scale = 1.0 if variant is None else 1 + 0.25 * (variant % 4)
    cases = [
        ("tanh", torch.tanh, torch.float16),
        ("sigmoid", lambda x: torch.sigmoid(scale * x), torch.bfloat16),
        ("a function with slope 0 at 1 and beyond 4", dented, torch.float16),
        ("the same function", dented, torch.bfloat16),
        ("ReLU", torch.relu, torch.float16),
        ("erf", torch.erf, torch.float16),
        ("a function that falls", lambda x: -torch.tanh(x), torch.float16),
        ("a function without any slope", lambda x: 0 * x, torch.float16),
        ("min(x, the smallest number)", lambda x: x.clamp(max=5e-8), torch.float16),
    ]
    for name, f, dtype in cases:
        words = f"{name} in {str(dtype)[6:]}"
        got = report.number(report.call(answer, f, dtype, at=words), words)
        right = first_loss(f, dtype)
        if got == right:
            report.cases += 1
            continue
        seen = f"{words}: expected {two_numbers(float(right), float(got))}."
        if math.isinf(right):
            report.fail(f"{seen} Its slope never ends: return torch.inf.")
        why = report.mistake(got, f, dtype, rtol=0, atol=0)
        if not why and torch.tensor(got, dtype=dtype).item() != got:
            why = NO_SUCH_NUMBER
        report.fail(f"{seen} {why}".strip())


EXERCISES = [
    Page(
        id="13.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=1,
        parts=[
            Number(
                "bytes",
                label="Bytes that autograd keeps for each number of x in `F.relu(x)`, besides the output",
                answer=0,
            ),
            Choice(
                "naive",
                label="exp(x) / (1 + exp(x)) at x = 100 in float32 is",
                options=["1", "nan", "0"],
                answer=1,
            ),
            Choice(
                "gate",
                label="At equal width, a gated block has",
                options=[
                    "as many weight matrices as one without gate",
                    "three instead of two",
                    "half as many",
                ],
                answer=1,
            ),
        ],
        right="You have what this chapter needs.",
        wrong={
            "bytes = 4": "That would be a copy of the input. ReLU's slope can be read off its output. See the first link above.",
            "naive = 0": "On paper. exp(100) is beyond float32, and infinity over infinity is nan. See the second link above.",
            "naive = 2": "See the second link above.",
            "gate = 0": "Value and gate each need a matrix. See the third link above.",
            "gate = 2": "See the third link above.",
        },
    ),
    page_13_1(),
    page_13_2(),
    Page(
        id="13.3",
        title="Seconds in a table",
        kind="read evidence",
        stars=2,
        outcome=3,
        parts=[
            Choice(
                "sentence",
                label="The seconds allow this sentence",
                options=[
                    "Tanh and ReLU are the fastest activations.",
                    "Of the thirteen rows only STAF's is far enough off to tell of a cost.",
                    "Mish is faster than ReLU.",
                    "STAF is slow because it has more parameters.",
                ],
                answer=1,
            )
        ],
        right="Twelve rows lie within six per cent; the thirteenth takes 2.3 times as long.",
        wrong={
            "sentence = 0": "In the same table Mish took less than either, and seven of thirteen took less than ReLU. Differences of that size are noise: SiLU and Swish, one function, are as far apart.",
            "sentence = 2": "By 1.6 %, in one run each. Timed alone Mish takes many times as long: what the table measured was something else.",
            "sentence = 3": "It has 75 of them, beside 283,914 weights. For each number of a layer there are 25 sines to compute and to go back through.",
        },
    ),
    Code(
        id="13.4",
        title="A fair ratio",
        kind="code",
        stars=2,
        outcome=1,
        grade=grade_fair_timing,
        right="Turns for the machine's moods, the median for interruptions.",
        wrong=slips(
            ONE_AFTER_THE_OTHER,
            {
                "average = np.median": TAKE_TURNS,
                "warm = None": TAKE_TURNS,
                "average = np.mean": f"{TAKE_TURNS} {OF_THE_MEAN}",
                "warm = None\naverage = np.mean": f"{TAKE_TURNS} {OF_THE_MEAN}",
                "warm = None\nreturn float(np.median(np.subtract(first, second)))": "That is a difference of times. Divide.",
            },
        )
        | slips(
            IN_TURN,
            {
                "return float(np.mean(np.divide(first, second)))": OF_THE_MEAN,
                "return sum(first) / sum(second)": OF_THE_MEAN,
                "warm = None\nreturn float(np.mean(np.divide(first, second)))": f"{OF_THE_MEAN} The first call counts in yours as well.",
                "warm = None\nreturn first[0] / second[0]": "One round, and the first: a first call takes longer. Warm up, and repeat.",
                "return float(np.median(np.divide(second, first)))": "That is how many times as long as `f` `g` takes.",
            },
        ),
    ),
    Code(
        id="13.5",
        title="A softplus that holds",
        kind="debug",
        stars=2,
        outcome=2,
        grade=grade_softplus,
        right="No exponential that can overflow, no sum that forgets, ½ at the corner.",
        wrong={
            "F.softplus": "do without it",
            "lambda x: x + torch.log1p(torch.exp(-x))": "nothing is left of it",
            "lambda x: torch.where(x > 20, x, torch.log(1 + torch.exp(x)))": "`torch.log1p` takes eˣ alone",
            "lambda x: torch.where(x > 20, x, torch.log1p(torch.exp(x)))": "an exponential has overflowed",
            "lambda x: torch.log1p(torch.exp(x))": "Let the exponential see −|x| only",
            "lambda x: torch.relu(x) + torch.log1p(torch.exp(-x.abs()))": "what stands beside it has to bring ½",
            "lambda x: x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))": "what stands beside it has to bring ½",
        },
    ),
    page_13_6(),
    page_13_7(),
    Code(
        id="13.8",
        title="Where does the slope end?",
        kind="code",
        stars=2,
        outcome=2,
        grade=grade_first_loss,
        right="Every positive number of a 16-bit format was tried.",
        wrong=slips(
            ENDS,
            {
                "after = int((slope == 0).nonzero()[0]) if (slope == 0).any() else len(x)": "That is the first zero. The slope comes back after it; ask for the last number at which it is not 0, and go one further.",
                "after = int(alive[-1])": "That is the last number with a slope. The next one is asked for.",
                "numbers = precision.numbers(torch.float32)": "That is float32. Make the numbers in the format that was handed over.",
                "numbers = torch.linspace(0.001, 30, 3001)": NO_SUCH_NUMBER,
            },
        ),
    ),
]

PREDICTIONS = [
    Prediction(
        id="13.A",
        question="131,072 numbers, one core, float32. How many times as long as ReLU does GELU take, forward?",
        part=Number(
            "times",
            label="GELU's time over ReLU's",
            answer=lambda: recorded_rounds("gelu"),
            low=0.5,
            high=100,
            log=True,
            digits=2,
        ),
        because={
            "An error function is a long computation.": "Longer than a comparison. It is one pass through the memory all the same.",
            "Both read and write every number once; that takes the time.": "That takes ReLU's time. On this core, in its cache, arithmetic is not free beside it.",
        },
        source="the recorded costs, one core of the machine named below",
    ),
    Prediction(
        id="13.B",
        question="The sigmoid, 1/(1 + e⁻ˣ), has an exponential and a division. Softsign, x/(1 + |x|), has a division only. Which takes longer in PyTorch, forward?",
        part=Choice(
            "longer",
            label="Longer takes",
            options=["the sigmoid", "softsign", "both the same, within a tenth"],
            answer=lambda: _longer(),
        ),
        textbook=0,
        textbook_label="“exp makes the sigmoid slow”",
        because={
            "An exponential is expensive.": "By some libraries' code it is. PyTorch's sigmoid has one inside and takes less all the same; see the next cell.",
            "PyTorch has a kernel for the one and not for the other.": "That is it: one pass through the memory against three.",
        },
        source="the recorded costs",
    ),
    Prediction(
        id="13.C",
        question="The network of this course, 784-256-192-128-64-10, batch 128, SGD, one core. Which share of a training step do its GELUs take?",
        part=Number(
            "share",
            label="GELU's share",
            unit="%",
            answer=share_of_gelu,
            low=0,
            high=60,
            digits=2,
        ),
        textbook=0.5,
        textbook_label="“The matrices take it all”",
        because={
            "There are 283,000 multiplications for each image and 640 activations.": "So there are. But products take many numbers at a time, and each GELU has its way to the kernel to pay as well, forward and back.",
            "Everything that is not a matrix product is slow.": "In a network this narrow it shows. The next figure makes it wider.",
        },
        source="the recorded costs, share (t − t₀)/t with t₀ the network without",
    ),
    Prediction(
        id="13.D",
        question="bfloat16, tanh. From which positive input on is autograd's slope exactly 0?",
        part=Number(
            "end",
            label="slope 0 from x =",
            answer=end_of_tanh,
            tolerance=0.05,
            low=0,
            high=40,
            digits=3,
        ),
        because={
            "bfloat16 reaches as far as float32, so it will be about the same.": "It reaches as far and has a third of the digits. Here digits count.",
            "The output rounds to 1 early.": "Exactly: from there on tanh x is closer to 1 than half a step.",
        },
        source="all 32,639 positive finite numbers of the format, exact",
    ),
]


def _longer() -> int:
    sigmoid, softsign = (recorded_cost(key) for key in ("sigmoid", "softsign"))
    if abs(sigmoid / softsign - 1) < 0.1:
        return 2
    return 0 if sigmoid > softsign else 1
