"""Exercises and predictions of chapter 12, fair comparison.

Exercise 12.0 is the self-check at the top of the chapter. Accuracies come from the
recorded studies `published`, `confound` and `tuned`; the rest is arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from actlab import studies

from ..exercises.model import Choice, Code, Number, Page, Prediction, slips
from ..exercises.report import Report, answer_from_source
from .studies import TWELVE
from .tuning import against_relu

if TYPE_CHECKING:
    from actlab.statistics import Interval

SIZES = (784, 256, 192, 128, 64, 10)


# --- what the predictions are compared with ---------------------------------------


def published_accuracy(key: str) -> float:
    """Mean test accuracy in % of a function in the regime of the published table."""
    rows = studies.final("published", epoch=15)
    chosen = (rows["activation"] == key) & (rows["regime"] == "sgd_small")
    return float(rows.loc[chosen, "test_accuracy"].mean())


def spread_of_the_ten(init: str) -> Interval:
    """Points between best and worst of ten functions, at the table's steps.

    Paired by seed; which is best and which is worst, their means say. No activation and
    sigmoid are left out; study `confound`, five epochs.
    """
    from actlab.statistics import paired_difference

    rows = studies.final("confound")
    chosen = (
        (rows["regime"] == "sgd_small")
        & (rows["init"] == init)
        & (rows["variant"] == "")
        & rows["activation"].isin(set(TWELVE) - {"identity", "sigmoid"})
    )
    runs = rows[chosen].pivot(
        index="seed", columns="activation", values="test_accuracy"
    )
    means = runs.mean()
    return paired_difference(runs[means.idxmax()], runs[means.idxmin()])


def shown_to_differ() -> int:
    """How many of the eleven functions are shown to differ from ReLU, when tuned."""
    return int(against_relu()["verdict"].isin(["larger", "smaller"]).sum())


# --- 12.5 -----------------------------------------------------------------------------

Runs = Sequence[float]

PAIRED = """def difference(a, b, factor):
    a, b = torch.tensor(a).double(), torch.tensor(b).double()
    d = a - b
    half = factor * d.std() / len(d) ** 0.5
    return (d.mean() - half).item(), (d.mean() + half).item()"""


def grade_paired(answer: Any, variant: int | None, report: Report) -> None:
    """12.5: the interval of the mean difference, for three sets of seeds."""
    cases = [([86.1, 87.0, 86.4], [85.7, 86.5, 86.1], 4.303)]
    for n, factor in ((5, 2.776), (8, 2.365)):
        seed = report.draw(n, 84, 88, dtype=torch.float64, salt=f"seed {n}")
        own = report.draw(n, -0.3, 0.5, dtype=torch.float64, salt=f"own {n}")
        cases.append((seed.tolist(), (seed - own).tolist(), factor))
    report.compare(
        answer,
        answer_from_source(PAIRED),
        cases,
        tolerance=2e-4,
        where=lambda a, b, factor: f"with {len(a)} seeds",
    )


# --- 12.6 -----------------------------------------------------------------------------


def holm_reference(p: Runs) -> list[float]:
    """Holm's corrected p values, in the order in which they came."""
    from actlab.statistics import holm

    return holm(p).tolist()


HOLM = """def holm_corrected(p):
    corrected, largest = [0.0] * len(p), 0.0
    order = sorted(range(len(p)), key=lambda i: p[i])
    for k, i in enumerate(order):
        largest = max(largest, p[i] * (len(p) - k))
        corrected[i] = min(1.0, largest)
    return corrected"""


def as_numbers(function: Callable[[Runs], Any]) -> Callable[[Runs], torch.Tensor]:
    """The same function, its result as a tensor; one number too many shows as such."""

    def wrapped(p: Runs) -> torch.Tensor:
        got = function(p)
        if isinstance(got, torch.Tensor):  # whose iterator makes all elements at once
            got = got[: len(p) + 1]
        values = [float(v) for v in islice(got, len(p) + 1)]
        return torch.tensor(values, dtype=torch.float64)

    return wrapped


def grade_holm(answer: Any, variant: int | None, report: Report) -> None:
    """12.6: Holm's method on lists with ties, large values and any order."""
    report.function(answer)
    drawn = report.draw(9, 0, 0.2, dtype=torch.float64).tolist()
    cases = [
        ([0.004, 0.030, 0.020],),
        ([0.03, 0.002, 0.6, 0.02, 0.9],),
        ([0.2],),
        (drawn,),
        ([v / 1000 for v in drawn[:4]],),
    ]
    report.compare(
        as_numbers(answer),
        as_numbers(holm_reference),
        cases,
        tolerance=1e-6,
        mistakes=[(as_numbers(wrong), reply) for wrong, reply in report.mistakes],
        where=lambda p: f"for {[round(v, 3) for v in p][:5]}",
    )


# --- 12.8 -----------------------------------------------------------------------------


TRAIN = """def train(net, x, y, steps, *, optimiser):
    held = {id(p) for group in optimiser.param_groups for p in group["params"]}
    own = {id(p) for p in net.parameters()}
    if held != own: raise ValueError
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimiser.step()"""


def grade_train(answer: Any, variant: int | None, report: Report) -> None:
    """12.8: no default, no foreign optimiser, and the same training."""
    report.function(answer)
    x, y = report.draw(12, 4, -1, 1), torch.arange(12) % 3

    def pair() -> tuple[nn.Linear, torch.optim.Optimizer]:
        torch.manual_seed(1)
        net = nn.Linear(4, 3)
        return net, torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def outcome(*arguments: Any, **named: Any) -> BaseException | None:
        try:
            answer(*arguments, **named)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            return error
        return None

    with torch.random.fork_rng():
        net, optimiser = pair()
        right, theirs = pair()
        for _ in range(3):
            theirs.zero_grad()
            F.cross_entropy(right(x), y).backward()
            theirs.step()
        error = outcome(net, x, y, 3, optimiser=optimiser)
        report.expect(
            error is None,
            f"with net's own optimiser: raised {type(error).__name__}: {error}.",
        )
        if not torch.allclose(net.weight, right.weight):
            report.fail(
                "three steps with SGD 0.1, momentum 0.9, end at other weights than "
                f"those of the given optimiser. {_other_weights(net, pair, x, y)}"
            )
        report.cases += 1
        report.expect(
            outcome(pair()[0], x, y, 1) is not None,
            "called without an optimiser: it trained all the same. A forgotten "
            "argument stays unseen while there is a default.",
        )
        net, own = pair()
        report.expect(
            outcome(net, x, y, 1, own) is not None,
            "the optimiser was accepted by place. Put a bare * before it, so that it "
            "must be named.",
        )
        old, foreign = pair()
        net, _ = pair()
        error = outcome(net, x, y, 1, optimiser=foreign)
        report.expect(
            error is not None,
            "an optimiser of another network was accepted; net never moves. Compare "
            "the ids of its parameters with those of net.",
        )
        report.expect(
            isinstance(error, ValueError),
            f"another network's optimiser: raised {type(error).__name__}, ValueError "
            "is asked for.",
        )
        net, _ = pair()
        half = torch.optim.SGD([net.weight], lr=0.1)
        report.expect(
            isinstance(outcome(net, x, y, 1, optimiser=half), ValueError),
            "an optimiser that holds the weight and not the bias was accepted. "
            "*Exactly* the parameters of net.",
        )
        report.expect(
            torch.equal(net.weight, pair()[0].weight),
            "it refused, and net had moved by then. Check before the first step.",
        )
        net, _ = pair()
        both = nn.ModuleList([net, pair()[0]])
        more = torch.optim.SGD(both.parameters(), lr=0.1)
        report.expect(
            isinstance(outcome(net, x, y, 1, optimiser=more), ValueError),
            "an optimiser that holds another network's parameters as well was "
            "accepted; it would move both. *Exactly* the parameters of net.",
        )
        _two_groups(outcome, pair, x, y, report)


def _other_weights(
    net: nn.Linear,
    pair: Callable[[], tuple[nn.Linear, torch.optim.Optimizer]],
    x: torch.Tensor,
    y: torch.Tensor,
) -> str:
    """What has led to these weights in place of three steps of the given optimiser."""

    def after(steps: int, clear: bool = True, lr: float | None = None) -> bool:
        other, optimiser = pair()
        if lr:
            optimiser = torch.optim.SGD(other.parameters(), lr=lr)
        for _ in range(steps):
            if clear:
                optimiser.zero_grad()
            F.cross_entropy(other(x), y).backward()
            optimiser.step()
        return torch.allclose(net.weight, other.weight, atol=1e-6)

    if after(0):
        return "They have not moved at all."
    if after(3, lr=1e-3):
        return "Use the one that was handed over."
    if after(3, clear=False):
        return (
            "The gradients of earlier steps are still in them: zero_grad() each time."
        )
    for steps in (1, 2, 4, 5, 6):
        if after(steps):
            return f"They are those after {steps} step{'s' * (steps > 1)}."
    return "What is trained, on which loss and with which optimiser, stays as it was."


def _two_groups(
    outcome: Callable[..., BaseException | None],
    pair: Callable[[], tuple[nn.Linear, torch.optim.Optimizer]],
    x: torch.Tensor,
    y: torch.Tensor,
    report: Report,
) -> None:
    """Each group of an optimiser counts, not the first alone."""
    net, _ = pair()
    stranger = pair()[0].bias
    own: list[dict[str, Any]]
    own = [{"params": [net.weight]}, {"params": [net.bias]}]
    error = outcome(net, x, y, 1, optimiser=torch.optim.SGD(own, lr=0.1))
    report.expect(
        error is None,
        "net's own optimiser was refused because its parameters stand in two groups. "
        "`param_groups` is a list: read all of it, not group 0 alone.",
    )
    mixed = [{"params": [*net.parameters()]}, {"params": [stranger]}]
    error = outcome(net, x, y, 1, optimiser=torch.optim.SGD(mixed, lr=0.1))
    report.expect(
        isinstance(error, ValueError),
        "an optimiser whose second group belongs to another network was accepted. "
        "`param_groups` is a list: read all of it, not group 0 alone.",
    )


# --- 12.9 -----------------------------------------------------------------------------


class Bench:
    """A stand-in for training: known accuracies, and a list of what was asked.

    On held-out images rate 0.1 is best on average, for b 0.03, and 0.3 in one lucky
    seed; on the test set the other one of the two looks best.
    """

    TUNING = {0.03: 85.0, 0.1: 86.0, 0.3: 84.0}
    TEST = {0.03: 87.0, 0.1: 85.5, 0.3: 84.0}
    TURNED = {0.03: 0.1, 0.1: 0.03, 0.3: 0.3}

    def __init__(self, shift: float = 0.0) -> None:
        self.shift = shift
        self.asked: list[tuple[str, float, int, bool]] = []

    def __call__(self, name: str, lr: float, seed: int, tuning: bool) -> float:
        self.asked.append((name, lr, seed, bool(tuning)))
        table = self.TUNING if tuning else self.TEST
        value = table[self.TURNED[lr] if name == "b" else lr]
        lucky = 4.0 if tuning and lr == 0.3 and seed == 101 else 0.0
        wobble = 0.01 * (seed % 10) + self.shift * (name == "b")
        return value + lucky + wobble


FAIR = """def fair(run, names, rates, tuning_seeds, final_seeds):
    found = {}
    for name in names:
        score = lambda lr: sum(run(name, lr, s, True) for s in tuning_seeds)
        best = max(rates, key=score)
        found[name] = [run(name, best, s, False) for s in final_seeds]
    return found"""


NAMES, RATES = ["a", "b"], [0.03, 0.1, 0.3]
TUNING, FINAL = [100, 101, 102], [2, 0, 3, 1]
FAVOURED = {"a": 0.1, "b": 0.03}


def grade_fair(answer: Any, variant: int | None, report: Report) -> None:
    """12.9: who was asked for what, and what came back."""
    report.function(answer)
    bench = Bench(0.4)
    got = report.call(answer, bench, NAMES, RATES, TUNING, FINAL, at="on a test bench")
    report.expect(
        isinstance(got, dict) and sorted(map(str, got)) == NAMES,
        "a dictionary is expected, with one list of test accuracies per name.",
    )
    check_seeds(bench, report)
    right = answer_from_source(FAIR)(Bench(0.4), NAMES, RATES, TUNING, FINAL)
    for name in NAMES:
        check_runs(name, got[name], right[name], bench, report)
    one = Bench()
    report.call(answer, one, ["a"], [0.1, 0.03], [7], [1], at="with one tuning seed")
    budget = sum(asked[3] for asked in one.asked)
    report.expect(budget == 2, f"{budget} tuning runs for two rates and one seed.")


def check_seeds(bench: Bench, report: Report) -> None:
    """All are tuned alike, the test set is seen once, and no seed does two jobs."""
    tests = [asked for asked in bench.asked if not asked[3]]
    report.expect(
        tests,
        "nothing was run on the test set. With tuning=True a run is marked on held-out "
        "images; the final ones need tuning=False.",
    )
    rates = {(name, lr) for name, lr, _, _ in tests}
    report.expect(
        len(rates) <= len(NAMES),
        "the test set was looked at with several rates. It is looked at once, with "
        "the rate that held-out images have chosen.",
    )
    report.expect(
        len(tests) <= len(NAMES) * len(FINAL),
        f"{len(tests)} looks at the test set for {len(NAMES) * len(FINAL)} results. "
        "Who looks twice can take the better one: it is looked at once.",
    )
    reused = {seed for _, _, seed, tuning in bench.asked if tuning} & set(FINAL)
    report.expect(
        not reused,
        f"final seeds {sorted(reused)} were used for tuning. The rate is then chosen "
        "to suit them.",
    )
    report.expect(
        not {seed for _, _, seed, _ in tests} & set(TUNING),
        "tuning seeds were run on the test set; the final runs have seeds of their own.",
    )
    tuned = [asked[:3] for asked in bench.asked if asked[3]]
    for name in NAMES:
        mine = {(lr, seed) for asked, lr, seed in tuned if asked == name}
        report.expect(
            mine,
            f"{name} was never tuned, and the other one was. Who is tuned is ahead by "
            "that: each name gets the same rates and the same tuning seeds.",
        )
        seeds = sorted({seed for _, seed in mine})
        report.expect(
            seeds == TUNING,
            f"{name} was tuned with seeds {seeds} of {TUNING}. One lucky run then "
            "chooses the rate: compare means over all tuning seeds.",
        )
        report.expect(
            len(mine) == len(RATES) * len(TUNING),
            f"{name} was tuned with {len(mine)} of {len(RATES) * len(TUNING)} runs: "
            "every rate on every tuning seed, or some rates have had more luck.",
        )


def check_runs(
    name: str, values: Any, right: list[float], bench: Bench, report: Report
) -> None:
    """One list of test accuracies, at the rate that held-out images favour."""
    if isinstance(values, (int, float)):
        report.fail(
            f"{name}: one number instead of a list. Without single runs nobody "
            "can pair them or see their spread."
        )
    report.expect(
        len(values) == len(FINAL),
        f"{name}: {len(values)} results for {len(FINAL)} final seeds.",
    )
    used = {lr for asked, lr, _, tuning in bench.asked if asked == name and not tuning}
    if not used:
        report.fail(
            f"{name} was never run on the test set; the runs for it are those of "
            "another name."
        )
    if used == {0.3}:
        report.fail(
            f"{name}: rate 0.3 was chosen, the best of one lucky run. Compare "
            "means over all tuning seeds."
        )
    if used != {FAVOURED[name]}:
        rates = {lr for _, lr, _, tuning in bench.asked if not tuning}
        why = ""
        if len(rates) == 1:
            why = (
                " One rate for all suits one of them: each name gets the rate that is "
                "best for it."
            )
        report.fail(
            f"{name}: the final runs used rate {sorted(used)}; held-out images "
            f"are in favour of {FAVOURED[name]}.{why}"
        )
    given = [report.number(v, name) for v in values]

    def same(mine: list[float], wanted: list[float]) -> bool:
        return all(abs(m - w) < 1e-4 for m, w in zip(mine, wanted, strict=True))

    if not same(given, right) and same(sorted(given), sorted(right)):
        report.fail(
            f"{name}: the right results in another order. The run of final seed i "
            "stands at place i; sorted, the pairs are torn."
        )
    shown = ", ".join(f"{v:.7g}" for v in given)
    report.expect(same(given, right), f"{name}: expected {right}, got [{shown}].")


# --- 12.1, 12.2 and 12.7 --------------------------------------------------------------


def page_12_1() -> Page:
    """Exercise 12.1: the network without activations."""
    products = sum(a * b for a, b in zip(SIZES, SIZES[1:]))
    trained = products + sum(SIZES[1:])
    return Page(
        id="12.1",
        title="The network without activations",
        kind="compute",
        stars=1,
        outcome=1,
        parts=[
            Number("trained", label="(a) trained", answer=trained, tolerance=0.5),
            Number("needed", label="(b) needed", answer=7850, tolerance=0.5),
            Number(
                "accuracy",
                label="(c) accuracy",
                unit="%",
                answer=lambda: published_accuracy("identity"),
                tolerance=0.45,
            ),
        ],
        right="283,914 numbers are trained to find a map of 7,850, and it is no bad one.",
        wrong={
            f"trained = {products}": "Those are the weights. Every unit has a bias too.",
            "trained = 7850": "So many would be enough. Training still moves those of all five layers.",
            "needed = 7840": "Those are the slopes of the map. Each of the ten scores has a constant as well.",
            f"needed = {trained}": "So many are trained. Five affine maps in a row are one affine map, from 784 numbers to 10.",
            "accuracy = 10": "10 % is guessing. A straight map from pixels to ten scores can tell a boot from a shirt.",
            "accuracy = 81.3": "81.3 % have ReLU, leaky ReLU and Mish in this regime. The row “no activation” stands above them.",
            "accuracy = 84.3": "That is SELU's row. “No activation” stands below it.",
            "accuracy = 85.9": "That is PReLU's row, which learns a number. The row “no activation” has none.",
        },
    )


def page_12_2(
    differences: Sequence[float] = (0.9, 0.3, 0.6, 0.0, 0.7), factor: float = 2.776
) -> Page:
    """Exercise 12.2 for five paired differences."""
    d = torch.tensor(differences, dtype=torch.float64)
    n, mean, std = len(d), d.mean().item(), d.std().item()
    half = factor * std / math.sqrt(n)
    population = std * math.sqrt((n - 1) / n)
    shown = ", ".join(f"{d:g}" for d in differences)
    return Page(
        id="12.2",
        title="An interval by hand",
        kind="compute",
        stars=1,
        outcome=3,
        task=f"Paired differences over five seeds: {shown}. Student's factor for five runs is 2.776. Enter the mean and the half width of the 95 % interval, two decimals.",
        parts=[
            Number("mean", label="mean", answer=mean, tolerance=0.006),
            Number("half", label="half width", answer=half, tolerance=0.006),
        ],
        right="The interval is about the mean: s over √n, times Student's factor.",
        wrong={
            f"mean = {n * mean}": "That is the sum. Divide by the five runs.",
            f"half = {factor * std}": "That is about the next single run. The mean of five runs is steadier: divide by √5.",
            f"half = {1.96 * std / math.sqrt(n)}": "1.96 is for very many runs. With five the spread itself is uncertain, and Student's factor is 2.776.",
            f"half = {factor * population / math.sqrt(n)}": "You divided the squares by 5. A sample's standard deviation divides by n − 1 = 4.",
            f"half = {std / math.sqrt(n)}": "That is the standard error. Times 2.776 it covers 95 %.",
            f"half = {factor * std / n}": "The spread of a mean falls with √n, not with n.",
        },
        numbers_for=lambda variant: page_12_2(
            tuple(
                round(0.1 * ((k * k + 3 * variant + k * variant) % 11), 1)
                for k in range(1, 6)
            )
        ),
    )


def page_12_7(std: float = 0.4, wanted: float = 0.2) -> Page:
    """Exercise 12.7 for a spread and a wanted difference."""
    n = (2.8 * std / wanted) ** 2
    return Page(
        id="12.7",
        title="How many seeds?",
        kind="estimate",
        stars=2,
        outcome=2,
        task=f"Paired differences spread by {std:g} points. A difference shows if it is about 2.8·s/√n or more. (a) How large a difference do 5 seeds show? (b) How many seeds show {wanted:g} points? (c) 240 runs in all, 12 functions, 4 rates on 3 tuning seeds each: how many fresh seeds per function are left?",
        parts=[
            Number(
                "seen",
                label="(a) points",
                answer=2.8 * std / math.sqrt(5),
                tolerance=0.051,
            ),
            Number(
                "seeds",
                label="(b) seeds",
                answer=math.ceil(n),
                accept_range=(n - 0.5, math.ceil(n) + 0.5),
            ),
            Number("left", label="(c) seeds per function", answer=8, tolerance=0.1),
        ],
        right="Half the difference takes four times the runs, and tuning takes its share.",
        wrong={
            f"seen = {2.8 * std}": "That is one run. Five runs have a mean that is √5 times steadier.",
            f"seen = {2.8 * std / 5}": "The spread of a mean falls with √n, not with n.",
            f"seeds = {2.8 * std / wanted}": "That is √n. Square it.",
            f"seeds = {(std / wanted) ** 2}": "The factor 2.8 is missing: twice the standard error is not enough, one wants to see it in four experiments of five.",
            "left = 20": "Those would be left without any tuning. It takes 12 · 4 · 3 runs.",
            "left = 17": "That is 240/12 − 3. Each of the 4 rates takes 3 tuning runs.",
            "left = 96": "So many runs are left for all twelve functions together.",
            "left = 5": "The final runs take one rate per function, the chosen one.",
        },
        numbers_for=lambda variant: page_12_7(0.3 + 0.1 * (variant % 3), 0.25),
    )


EXERCISES = [
    Page(
        id="12.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=1,
        parts=[
            Choice(
                "level",
                label="A network without activations keeps up with ReLU on Fashion-MNIST",
                options=[
                    "never",
                    "with small steps and few epochs",
                    "with large steps",
                ],
                answer=1,
            ),
            Number(
                "factor",
                label="PyTorch's weights, ReLU: by which factor does the size of a signal change in a layer? Two decimals",
                answer=math.sqrt(1 / 6),
                tolerance=0.006,
            ),
            Choice(
                "grew",
                label="A shared PReLU slope that has grown to 2.3 acts mainly as",
                options=["a shape", "a gain", "a regulariser"],
                answer=1,
            ),
        ],
        right="You have what this chapter needs.",
        wrong={
            "level = 0": "It did, at one step size, after 15 epochs. See the first link above.",
            "level = 2": "There ReLU is nearly seven points ahead. See the first link above.",
            "factor = 0.1667": "That is the mean square. The size is its root. See the second link.",
            "factor = 0.7071": "That is ReLU alone. The weights take their share too. See the second link.",
            "grew = 0": "Above 1 the slope brings no new shape, only a factor. See the third link above.",
            "grew = 2": "Nothing was regularised. See the third link above.",
        },
    ),
    page_12_1(),
    page_12_2(),
    Page(
        id="12.3",
        title="Which order?",
        kind="read evidence",
        stars=2,
        outcome=1,
        parts=[
            Choice(
                "sentence",
                label="All of this allows",
                options=[
                    "“STAF > TeLU > PReLU > ReLU.”",
                    "“TeLU > PReLU > STAF > ReLU.”",
                    "“Adaptive functions are better than fixed ones.”",
                    "“In this regime all three are ahead of ReLU by more than the noise; their order among themselves is not settled by the table.”",
                    "“The three are equally good.”",
                ],
                answer=3,
            )
        ],
        right="The gap to ReLU stays in both, the order of the three does not.",
        wrong={
            "sentence = 0": "Our five seeds would allow it, the lesson's own table contradicts it: there STAF is the last of the three.",
            "sentence = 1": "That is the table, one run each. In our five runs STAF is first.",
            "sentence = 2": "Better in this regime. Chapter 08 divided the gain of PReLU and "
            "of the learnt ELU out, and at most 0.4 points were left.",
            "sentence = 4": "Not shown to differ by the table is not shown to be equal; our intervals of STAF and PReLU do not even touch.",
        },
    ),
    Page(
        id="12.4",
        title="What is the activation for?",
        kind="read evidence",
        stars=2,
        outcome=1,
        parts=[
            Choice(
                "sentence",
                label="Both comparisons together say",
                options=[
                    "On Fashion-MNIST an activation makes no difference.",
                    "The activation makes training faster, and that is all it does.",
                    "With an activation the network can compute more than a straight map; it shows once the steps are sufficient.",
                    "The linear network is held back by having fewer parameters.",
                    "ReLU is the best activation.",
                ],
                answer=2,
            )
        ],
        right="What it adds is a larger set of maps, and that takes steps to use.",
        wrong={
            "sentence = 0": "In the first comparison both had been stopped early. In the second the difference is far larger than its interval.",
            "sentence = 1": "Faster is what it is not: at small steps ReLU is behind. And with sufficient steps the straight map stays below.",
            "sentence = 3": "Both have 283,914. What differs is which maps they can compute.",
            "sentence = 4": "Only two were compared here, one of them being none.",
        },
    ),
    Code(
        id="12.5",
        title="Paired",
        kind="code",
        stars=2,
        outcome=3,
        grade=grade_paired,
        right="Differences first, then their mean and its interval.",
        wrong=slips(
            PAIRED,
            {
                "half = factor * ((a.var() + b.var()) / len(a)) ** 0.5": "You took the spread of a and of b, each alone. Take the differences run by run first: what the seed does to both cancels there.",
                "half = factor * d.std()": "That says where the next run will lie. The interval is about the mean of n runs: divide by √n.",
                "half = factor * d.std() / len(d)": "The spread of a mean falls with √n, not with n.",
                "half = factor * d.std(correction=0) / len(d) ** 0.5": "The standard deviation of a sample divides by n − 1; with five runs it matters.",
                "d = b - a": "That is b − a; the question is how much larger a is.",
                "d = a.sort().values - b.sort().values": "You sorted the runs. Seed i stands at place i; sorted, the pairs are torn.",
            },
        ),
    ),
    Code(
        id="12.6",
        title="Holm",
        kind="code",
        stars=2,
        outcome=3,
        grade=grade_holm,
        right="Falling factors, a running maximum, a cut at 1.",
        wrong=slips(
            HOLM,
            {
                "largest = max(largest, p[i] * len(p))": "That is Bonferroni: every value times m. In Holm's method the factor falls by one with each step.",
                "largest = p[i] * (len(p) - k)": "A corrected value has fallen below one with a smaller p. Keep the largest so far.",
                "corrected[i] = p[i] * (len(p) - k)": "A corrected value has fallen below one with a smaller p, and one exceeds 1.",
                "corrected[i] = largest": "A p value cannot exceed 1: cut it there.",
                "return sorted(corrected)": "Right numbers, sorted. Give them back in the order in which they came.",
                "order = range(len(p))\nlargest = p[i] * (len(p) - k)": "The factors go by size of p, not by place in the list.",
            },
        ),
    ),
    page_12_7(),
    Code(
        id="12.8",
        title="The argument that was forgotten",
        kind="debug",
        stars=2,
        outcome=1,
        grade=grade_train,
        right="What decides the result has to be said, and has to belong to net.",
        wrong=slips(
            TRAIN,
            {
                "def train(net, x, y, steps, optimiser=None):\nheld = set()\nif not optimiser: optimiser = torch.optim.SGD(net.parameters(), lr=1e-3)": "it trained all the same",
                "def train(net, x, y, steps, optimiser):": "accepted by place",
                "if False: pass": "net never moves",
                "if True: optimiser = torch.optim.SGD(net.parameters(), lr=1e-3)": "Use the one that was handed over",
                "if not held <= own: raise ValueError": "holds the weight and not the bias",
                "if not own <= held: raise ValueError": "it would move both",
                'held = {id(p) for p in optimiser.param_groups[0]["params"]}': "not group 0 alone",
            },
        )
        | {
            """def train(net, x, y, steps, *, optimiser):
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimiser.step()
    held = {id(p) for group in optimiser.param_groups for p in group["params"]}
    if held != {id(p) for p in net.parameters()}: raise ValueError""": "Check before the first step"
        },
    ),
    Code(
        id="12.9",
        title="A fair comparison",
        kind="investigate",
        stars=3,
        outcome=2,
        grade=grade_fair,
        right="Chosen on held-out images with seeds of their own, tested once.",
        wrong=slips(
            FAIR,
            {
                "found[name] = max(([run(name, lr, s, False) for s in final_seeds] for lr in rates), key=sum)": "It is looked at once",
                "score = lambda lr: sum(run(name, lr, s, True) for s in final_seeds)": "were used for tuning",
                "score = lambda lr: max(run(name, lr, s, True) for s in tuning_seeds)": "the best of one lucky run",
                "found[name] = sum(run(name, best, s, False) for s in final_seeds) / len(final_seeds)": "one number instead of a list",
                "best = rates[0]": "was never tuned",
                "best = (max(rates, key=score), rates[0])[1]": "held-out images are in favour of 0.1",
                "best = max(rates, key=score) if name == names[0] else rates[1]": "b was never tuned",
                "score = lambda lr: run(name, lr, tuning_seeds[0], True)": "One lucky run then chooses the rate",
                "score = lambda lr: sum(run(n, lr, s, True) for n in names for s in tuning_seeds)": "One rate for all suits one of them",
                "found[name] = [max(run(name, best, s, False) for _ in range(2)) for s in final_seeds]": "it is looked at once",
                "found[name] = sorted(run(name, best, s, False) for s in final_seeds)": "sorted, the pairs are torn",
            },
        ),
    ),
]

PREDICTIONS = [
    Prediction(
        id="12.A",
        question="The caption of the published table says SGD 0.001 with momentum 0.9. We run its thirteen rows with exactly that, five seeds each. How will our numbers compare with the published ones?",
        part=Choice(
            "rows",
            label="Ours",
            options=[
                "agree, within about a point",
                "are higher in nearly every row, most by two points or more",
                "are lower in nearly every row",
                "are higher in some rows, lower in others, by several points",
            ],
            answer=1,
        ),
        textbook=0,
        textbook_label="If the caption is right",
        because={
            "Same network, same data, same settings: same numbers.": "That is how it should be. One of the settings is not what it says.",
            "One run each: noise of several points in both directions.": "The noise is smaller than that, and it has no preferred direction.",
            "The public program may do something else than the caption.": "It does: it sets momentum 0.8.",
        },
        source="study published, regime sgd_small_0.9, epoch 15, 5 seeds",
    ),
    Prediction(
        id="12.B",
        question="Twelve networks with the twelve different functions of the table, as PyTorch draws them, not trained. For each we measure one number: the size of the gradient in the first layer. How well does the order of these numbers agree with the order of the published accuracies?",
        part=Choice(
            "agreement",
            label="The two orders",
            options=[
                "have nothing to do with each other (rank correlation about 0)",
                "agree somewhat (about 0.5)",
                "are nearly the same (above 0.8)",
                "are opposite (below −0.5)",
            ],
            answer=2,
        ),
        textbook=0,
        textbook_label="If the table ranks functions",
        because={
            "How well a function works shows only in training.": "In this table it shows before: what is ranked is how fast a network gets under way.",
            "Small steps are taken in proportion to the gradient.": "Yes. With 15 epochs of small steps that is most of the story.",
            "Large gradients are unstable.": "At a step of 0.001 none of these is large enough for that.",
        },
        source="the next cell, 3 draws of the weights for each function",
    ),
    Prediction(
        id="12.C",
        question="Steps as in the published table, five epochs, ten functions (no activation and sigmoid left out). From PyTorch's start the best and the worst of them lie 53 points apart: SELU has 81 %, Swish 28 %. Now the weights are drawn by He's rule, biases zero, and nothing else is changed. How many points lie between the best and the worst?",
        part=Number(
            "spread",
            label="Between best and worst",
            unit="points",
            answer=lambda: spread_of_the_ten("he"),
            low=0,
            high=60,
            digits=2,
        ),
        textbook=53,
        textbook_label="If the functions are what differs",
        because={
            "The functions are the same ten.": "They are. What differed was how large a signal they were started with.",
            "He's rule is made for ReLU; it will favour ReLU and its relatives.": "It gives all of them √6 times the weights, and that was what they lacked.",
            "Larger weights are what the slow ones were missing.": "Yes. The order that is left is another one, too.",
        },
        source="study confound, plain network, SGD 0.001, momentum 0.8, 5 seeds",
    ),
    Prediction(
        id="12.D",
        question="Twelve functions, each at its own learning rate, 20 fresh seeds. Each of the other eleven is compared with ReLU, paired by seed, corrected for eleven comparisons. How many of the eleven are shown to differ from ReLU?",
        part=Number(
            "count",
            label="Shown to differ from ReLU",
            answer=shown_to_differ,
            tolerance=0.5,
            low=0,
            high=11,
            digits=2,
        ),
        because={
            "Functions hardly matter once each has its step.": "By how much they differ and whether it can be shown are two questions. Look at the size of the differences.",
            "Only “no activation” and sigmoid are really different.": "They are the two that stand far off. Look how many small differences 20 pairs can show as well.",
            "With 20 seeds even small differences can be seen.": "Yes; that is what the column “could see” says.",
        },
        source="study tuned, regime final, 20 seeds, Holm over 11 comparisons; a count, so exact",
    ),
]
