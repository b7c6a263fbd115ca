"""Exercises and predictions of chapter 15, design your own.

Exercise 15.0 is the self-check at the top of the chapter. Nothing here is recorded:
the answers are arithmetic, or theorems about any run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actlab import catalogue, datasets

from ..exercises.model import Choice, Code, Number, Page, Prediction, slips
from ..exercises.report import Report, answer_from_source, items, two_numbers

# --- 15.5 -----------------------------------------------------------------------------

BIAS = """def winner_and_bias(search, fresh):
    winner = int(search.argmax())
    return winner, float(search[winner] - fresh[winner].mean())"""


def grade_bias(answer: Any, variant: int | None, report: Report) -> None:
    """15.5: the winner of the search, and what its score exceeds its worth by."""
    report.function(answer)
    example = torch.tensor([91.0, 95, 94])
    cases = [(example, torch.tensor([[92.0, 90], [93, 91], [95, 94]]))]
    for salt in ("a", "b", "c"):
        cases.append(
            (report.draw(12, 90, 98, salt=salt), report.draw(12, 5, 88, 96, salt=salt))
        )
    # a winner that is worth more than its score: the bias is below 0
    cases.append((report.draw(9, 80, 84, salt="low"), report.draw(9, 4, 88, 96)))
    for number, (search, fresh) in enumerate(cases):
        at = "on the example" if number == 0 else f"on {len(search)} functions"
        got = report.call(answer, search, fresh, at=at)
        both = items(got, 2)
        if both is None:
            report.fail(
                f"{at}: return two things, the number of the winner and the bias."
            )
        winner = report.number(both[0], "the winner")
        bias = report.number(both[1], "the bias")
        expected = answer_from_source(BIAS)(search, fresh)
        if winner != expected[0] or abs(bias - expected[1]) > 1e-3:

            def pair(*tables: Any) -> list[float]:
                return [float(v) for v in items(answer(*tables), 2) or ()]

            why = report.mistake(
                (winner, bias), search, fresh, of=pair, more=cases, rtol=0, atol=1e-3
            )
            report.fail(
                f"{at}: expected ({expected[0]}, {expected[1]:.2f}), got "
                f"({winner:g}, {bias:.2f}). {why}".strip()
            )
        report.cases += 1


# --- 15.6 -----------------------------------------------------------------------------

Trials = dict[float, tuple[Tensor, Tensor]]


DIFFERENCE = """def difference(mine, theirs):
    a = max(mine, key=lambda lr: mine[lr][0].mean())
    b = max(theirs, key=lambda lr: theirs[lr][0].mean())
    return float((mine[a][1] - theirs[b][1]).mean())"""


def _trials(report: Report, salt: str, best: float) -> Trials:
    """Accuracies at four learning rates; each way to choose chooses another."""
    tables = {}
    for place, lr in enumerate((0.01, 0.03, 0.1, 0.3)):
        validation = report.draw(3, 90, 91, salt=f"{salt} v{place}")
        test = report.draw(5, 90, 91, salt=f"{salt} t{place}")
        tables[lr] = (validation, test)
    validation, _ = tables[best]
    validation += 2.0  # the best mean
    tables[0.3 if salt.startswith("e") else 0.01][0][:] -= 2.0  # the worst
    other = {0.03: 0.1, 0.1: 0.03}[best]
    tables[other][0][1] = 95.0  # the best single validation seed
    tables[other][0][[0, 2]] = 88.0
    if salt.startswith("e"):  # the best test mean, which must not choose
        tables[other][1][:] += 0.9
    else:
        tables[0.3][1][:] += 3.0
    if salt.startswith("d"):  # the best mean has the worst seed, and the least median
        validation[:] = torch.tensor([87.0, 88.0, 99.0])
    return tables


def grade_difference(answer: Any, variant: int | None, report: Report) -> None:
    """15.6: tuned alike, by validation, compared by paired means."""
    report.function(answer)
    pairs = []
    for salt, bests in (
        ("a", (0.03, 0.1)),
        ("b", (0.1, 0.03)),
        ("c", (0.1, 0.1)),
        ("d", (0.03, 0.1)),
        ("e", (0.1, 0.03)),
    ):
        mine = _trials(report, salt + "m", bests[0])
        theirs = _trials(report, salt + "t", bests[1])
        pairs += [(mine, theirs), (theirs, mine)]  # one of the two is behind

    def of_all(difference: Any) -> list[float]:
        return [
            report.number(report.call(difference, *pair, at=at), at) for pair in pairs
        ]

    at = "on made-up trials"
    got = of_all(answer)
    for value, right in zip(got, of_all(answer_from_source(DIFFERENCE)), strict=True):
        if abs(value - right) > 1e-3:
            why = report.mistake(got, by=of_all, rtol=0, atol=1e-3)
            report.fail(f"{at}: expected {two_numbers(right, value)}. {why}".strip())
        report.cases += 1


# --- 15.7 -----------------------------------------------------------------------------

NEW = 0.02  # share of its shape that must be new
WIDEST = 5.0  # points that may count as no difference
SAME = 3.0  # points by which a run may differ on another machine
SHEET = (  # how the words for what a sheet says begin
    *("gain", "slope", "deriv", "grad", "mean", "moment", "size", "scale", "signal"),
    *("kink", "corner", "smooth", "monoton", "bound", "satur", "flat", "steep", "tail"),
    *("odd", "even", "symmetr", "zero", "negative", "positive", "limit", "linear"),
    *("curv", "shape", "gate", "bend", "lipschitz", "range", "period", "dead", "spars"),
    *("minim", "maxim", "lowest", "valley", "analytic", "jump", "asymptot", "convex"),
)


def grade_report(answer: Any, variant: int | None, report: Report) -> None:
    """15.7: a sound and new function, its nearest rivals, five seeds, one plan."""
    from actlab import design

    report.expect(
        isinstance(answer, design.Comparison),
        "hand in what `design.run` returned, a report.",
    )
    candidate, plan = answer.candidate, answer.plan
    report.expect(
        design.register(plan).digest == answer.digest,
        "the plan in this report is not the one that was registered. Register the new "
        "plan and run it.",
    )
    for found in design.health(candidate).checks:
        report.expect(
            found.passed, f"the code of {candidate.name} is not sound: {found}."
        )
    nearest = design.neighbours(candidate, 1).iloc[0]
    report.expect(
        nearest["shape"] >= NEW,
        f"{candidate.name} is {nearest['key']} but for "
        f"{100 * nearest['shape']:.1f} % of its shape. Change more than the size.",
    )
    for key in design.rivals(candidate, 1):
        report.expect(
            key in plan.rivals,
            f"{key} is missing among the rivals: a test needs ReLU and the nearest "
            "neighbour.",
        )
    report.expect(
        len(plan.seeds) >= 5,
        f"{len(plan.seeds)} seeds see only what one sees anyway; take five or more.",
    )
    report.expect(
        is_a_reason(plan.because),
        f"“{plan.because}” is no reason. Name the property of the sheet that you count "
        "on, such as gain, slope, mean or kink, in a sentence.",
    )
    report.expect(
        len(plan.rates) >= 2,
        f"one learning rate for all, {plan.rates[0]:g}, favours the function that it "
        "suits. Give two or more: each function is tuned for itself.",
    )
    report.expect(
        plan.margin <= WIDEST,
        f"with a margin of ±{plan.margin:g} points nearly everything is equivalent. "
        f"Name a difference that you would act on, {WIDEST:g} points or less.",
    )
    check_results(answer, report)


def is_a_reason(text: str) -> bool:
    """A sentence of several words, one of which stands on the sheet."""
    words = re.findall(r"[a-z]+", text.lower())
    return len(set(words)) >= 5 and any(w.startswith(SHEET) for w in words)


def check_results(answer: Any, report: Report) -> None:
    """The numbers of the report are those that its plan gives."""
    from actlab.design import trials

    plan, accuracies = answer.plan, answer.accuracies
    keys = ["candidate", *plan.rivals]
    whole = list(accuracies) == keys and all(
        len(values) == len(plan.seeds) for values in accuracies.values()
    )
    report.expect(whole, "an accuracy per function and seed is expected.")
    means = answer.tuning.groupby(["function", "lr"])["accuracy"].mean()
    for key in keys:
        report.expect(
            answer.chosen[key] == float(means[key].idxmax()),
            f"{key}: lr {answer.chosen[key]:g} is not what its tuning runs chose.",
        )
    difference = np.mean(accuracies["candidate"]) - np.mean(accuracies[keys[1]])
    stated = float(answer.table["difference"].iloc[0])
    report.expect(
        abs(difference - stated) < 1e-6,
        f"the accuracies give a difference of {difference:.1f} points to {keys[1]}, "
        f"and the table says {stated:.1f}. One of them was changed after the run.",
    )
    if plan.data != "digits":
        return  # the other data set trains too long for a check
    for key, make in (("candidate", answer.candidate.make), _rival(keys[1])):
        rerun = partial(trials._train, plan, make, datasets.digits())
        accuracy, _ = rerun(answer.chosen[key], plan.seeds[0])
        report.expect(
            abs(accuracy - accuracies[key][0]) < SAME,
            f"{key}, seed {plan.seeds[0]}: the report says {accuracies[key][0]:.1f} %, "
            f"and a run of the same plan gives {accuracy:.1f} %. A result is what came "
            "out, not what one would like.",
        )


def _rival(key: str) -> tuple[str, Callable]:
    return key, catalogue.get(key).make


RUN = """from dataclasses import replace
from actlab import design
own = design.candidate("x*sigmoid(x) + sin(x)/2", name="Ripple")
rivals = ["relu"]
seeds, margin = range(5), 1.0
rates = (0.03, 0.1)
because = "A ripple of this size changes the gain only."
settings = dict(init="he", epochs=1, rates=rates, tuning_seeds=(100,))
expected = dict.fromkeys(rivals, "equivalent")
plan = design.make_plan(own, expected, because, seeds=seeds, margin=margin, **settings)
result = design.run(plan, own, design.register(plan))
report = result"""

ALLOWED = (
    "The function may be half a point behind or more than a point ahead; this test "
    "cannot say."
)

EXERCISES = [
    Page(
        id="15.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=1,
        parts=[
            Number(
                "gain",
                label="E[f(Z)²] = ¼. The gain of f is",
                answer=2,
                tolerance=0.01,
            ),
            Choice(
                "apart",
                label="GELU and SiLU differ nowhere by more than about",
                options=["0.002", "0.02", "0.2", "2"],
                answer=2,
            ),
            Choice(
                "ahead",
                label="A function is ahead of ReLU with PyTorch's weights, and level with He's. Ahead was",
                options=["its shape", "its size", "neither can be said"],
                answer=1,
            ),
        ],
        right="You have what this chapter needs.",
        wrong={
            "gain = 4": "That is 1/E[f(Z)²]. The gain is one over its root. See the first link.",
            "gain = 0.5": "That is the size itself. The gain undoes it. See the first link.",
            "apart = 0": "That is less than two approximations of GELU differ. See the second link.",
            "apart = 1": "Ten times more, and still little. See the second link.",
            "apart = 3": "Both lie close to ReLU. See the second link.",
            "ahead = 0": "Then it would still be ahead where all start well. See the third link.",
            "ahead = 2": "The start changed and the advantage went; that is what a control says. See the third link.",
        },
    ),
    Page(
        id="15.1",
        title="One half gives the other",
        kind="compute",
        stars=1,
        outcome=1,
        parts=[
            Number("value", label="f(2)", answer=1.8580, tolerance=0.006),
            Number("slope", label="slope at 0", answer=0.5, tolerance=0.004),
        ],
        right="f(x) − f(−x) = x for every gate with g(x) + g(−x) = 1.",
        wrong={
            "value = 0.1420": "That holds for an odd function, f(−x) = −f(x). Here f(x) − f(−x) = x.",
            "value = -0.1420": "That holds for an even function. Here f(x) − f(−x) = x.",
            "value = 2.1420": "One sign: f(2) = 2 + f(−2), and f(−2) is negative.",
            "value = 2": "Far out, yes. At 2 the gate is not quite 1: f(2) = 2 + f(−2).",
            "slope = 1": "That is the slope far to the right. At 0 both gates stand at ½.",
            "slope = 0": "The value is 0 there. The slope is g(0) + 0 · g′(0).",
            "slope = 0.25": "You halved twice. Each gate is ½ at 0, and so is their mean.",
        },
    ),
    Page(
        id="15.2",
        title="Five pairs",
        kind="compute",
        stars=1,
        outcome=2,
        parts=[
            Number("mean", label="mean", answer=0.3, unit="points"),
            Number(
                "half", label="half-width", answer=0.541, tolerance=0.007, unit="points"
            ),
            Choice(
                "verdict",
                label="verdict",
                options=["better", "worse", "equivalent", "not shown"],
                answer=3,
            ),
        ],
        right="It reaches below 0 and beyond the margin: this test cannot tell.",
        wrong={
            "mean = 0.42": "You added the sizes. Two of the five differences are negative.",
            "mean = 1.5": "That is the sum. Divide by five.",
            "half = 1.21": "That is the spread of single pairs. The mean of five is surer by √5.",
            "half = 0.382": "1.96 is for many pairs. With five, the spread itself is uncertain, and Student's factor is 2.776.",
            "half = 0.484": "You divided by n. For the spread of single pairs divide by n − 1.",
            "half = 0.195": "That is the standard error. Student's factor is missing.",
            "half = 0.4155": "That is the half-width at 90 %, which the margin is held against.",
            "verdict = 0": "The mean is above 0, and 0 is inside the interval. With these seeds an equal function may do as well by chance.",
            "verdict = 1": "The mean is positive: nothing speaks for worse.",
            "verdict = 2": "The 90 % interval reaches 0.72, and the margin ends at 0.5. A difference of 0.6 is not ruled out.",
        },
    ),
    Page(
        id="15.3",
        title="What does this report allow?",
        kind="read evidence",
        stars=2,
        outcome=2,
        parts=[
            Choice(
                "sentence",
                label="The report allows",
                options=[
                    "The function and GELU are equal.",
                    "The function is slightly better than GELU.",
                    "The difference is smaller than half a point.",
                    ALLOWED,
                    "A true difference of 1.6 points would certainly have been shown.",
                ],
                answer=3,
            )
        ],
        right="The interval says what is left possible, and that is nearly two points.",
        wrong={
            "sentence = 0": "Not shown is not shown to be equal. The interval reaches from −0.5 to 1.3.",
            "sentence = 1": "The mean is above 0 by less than its own uncertainty. An equal function may do as well by chance with five seeds.",
            "sentence = 2": "For that the interval would have to lie inside the margin. It reaches 1.3.",
            "sentence = 4": "In four of five cases it would have been, which is not certain. What is left possible says the interval.",
        },
    ),
    Page(
        id="15.4",
        title="The price of a hundred tries",
        kind="estimate",
        stars=2,
        outcome=3,
        parts=[
            Number(
                "one",
                label="(a)",
                answer=3.01,
                accept_range=(2.95, 3.06),
                unit="points",
            ),
            Number(
                "nine",
                label="(b)",
                answer=1.0,
                accept_range=(0.95, 1.05),
                unit="points",
            ),
            Number(
                "fresh",
                label="(c)",
                answer=0,
                accept_range=(-0.04, 0.04),
                unit="points",
            ),
        ],
        right="Fresh seeds know nothing of the choice.",
        wrong={
            "one = 1.2": "That is one standard deviation. The best of a hundred lies 2.5 of them above.",
            "one = 0": "All are equally good, but their scores are not, and the best *score* was taken.",
            "one = 2.51": "That is in standard deviations. One of them is 1.2 points.",
            "nine = 0.3": "That is a ninth of (a). The spread of a mean falls with the root of nine.",
            "nine = 0.3344": "You divided by nine. The spread of a mean falls with the root.",
            "nine = 3.01": "Means of nine runs spread less than single runs, so there is less luck to be had.",
            "nine = 0": "Less, but not nothing: the best of a hundred means was chosen.",
            "fresh = 0.05 to 1000": "Fresh seeds had no part in the choice, so nothing was selected among them.",
            "fresh = -1000 to -0.05": "The winner does not fall below its true accuracy. It falls *to* it.",
        },
    ),
    Code(
        id="15.5",
        title="The bias of a search",
        kind="code",
        stars=2,
        outcome=3,
        grade=grade_bias,
        right="One table chooses, the other judges.",
        wrong=slips(
            BIAS,
            {
                "winner = int(fresh.mean(1).argmax())": "You chose by the fresh scores. Then they have chosen, and cannot judge.",
                "return winner, float(search.max() - fresh.mean(1).max())": "You held the winner against the best of the fresh means, which is another function.",
                "return winner, float(search[winner] - fresh.mean())": "You subtracted the mean of all functions. The question is what the winner is worth.",
                "return winner, float(search[winner] - fresh[winner].max())": "You took the luckiest of the fresh seeds. Take their mean.",
                "return winner, float(fresh[winner].mean() - search[winner])": "The size is right, the sign is not: the bias is by how much the search said too much.",
            },
        ),
    ),
    Code(
        id="15.6",
        title="A comparison that cannot lose",
        kind="debug",
        stars=2,
        outcome=2,
        grade=grade_difference,
        right="Tuned alike, by what does not judge, and compared seed by seed.",
        wrong=slips(
            DIFFERENCE,
            {
                "a = max(mine, key=lambda lr: mine[lr][1].max())\nb = 0.01\nreturn float(mine[a][1].max() - theirs[b][1].mean())": "Left as it is: one side is tuned, by the test set, and its best seed counts.",
                "b = 0.01": "Only `mine` gets its own learning rate. `theirs` is still stuck at 0.01.",
                "a = max(mine, key=lambda lr: mine[lr][1].mean())\nb = max(theirs, key=lambda lr: theirs[lr][1].mean())": "Both are tuned now, by the test accuracies. What has chosen cannot judge.",
                "return float(mine[a][1].max() - theirs[b][1].max())": "Both are tuned fairly, and the best seeds are compared. Compare the means.",
                "a = max(mine, key=lambda lr: mine[lr][0].max())\nb = max(theirs, key=lambda lr: theirs[lr][0].max())": "You chose by the best validation seed. One lucky seed then chooses the rate; take the mean.",
                "return float((theirs[b][1] - mine[a][1]).mean())": "The size is right, the sign is not: `mine` minus `theirs`.",
            },
        ),
    ),
    Code(
        id="15.7",
        title="Your own",
        kind="investigate",
        stars=3,
        outcome=1,
        grade=grade_report,
        right="A sound, new function, tested by a plan that stood before its result.",
        wrong={
            'from actlab import design\nreport = design.candidate("x*sigmoid(x)")': "hand in what `design.run` returned"
        }
        | slips(
            RUN,
            {
                'own = design.candidate("3*x*sigmoid(x)", name="Swish3")': "is swish but for",
                "own = design.candidate(lambda x: x * torch.sigmoid(x.detach()).cos())": "autograd gives the slope",
                'rivals = ["relu", "tanh"]': "is missing among the rivals",
                "report = replace(result, plan=replace(plan, margin=5.0))": "not the one that was registered",
                'rivals = ["relu", "elu"]\nseeds, margin = range(2), 1.0': "2 seeds see only",
                'rivals = ["relu", "elu"]\nrates = (0.1,)': "favours the function that it suits",
                'rivals = ["relu", "elu"]\nseeds, margin = range(5), 50.0': "nearly everything is equivalent",
                'rivals = ["relu", "elu"]\nbecause = "asdf jkl asdf jkl qwertz uiop"': "is no reason. Name the property",
                'rivals = ["relu", "elu"]\nreport = replace(result, accuracies={key: [99.9] * 5 for key in result.accuracies})': "One of them was changed after the run",
                'rivals = ["relu", "elu"]\nreport = replace(result, accuracies={key: [v + 50 for v in vs] for key, vs in result.accuracies.items()})': "A result is what came out",
            },
        ),
    ),
]

PREDICTIONS = [
    Prediction(
        id="15.A",
        question="SwiGELU, the mean of Swish and GELU, against Swish: digits, two hidden layers of 32, He's weights, each with its own learning rate, ten fresh seeds. What will the mean difference in test accuracy be?",
        part=Choice(
            "difference",
            label="SwiGELU",
            options=[
                "more than a point ahead",
                "less than a point away, on either side",
                "more than a point behind",
            ],
            answer=1,
        ),
        textbook=0,
        textbook_label="“Combines the virtues of both”",
        because={
            "It unites what is good in two functions.": "It is their mean, and nearly everything on its sheet lies between theirs.",
            "It is 7 % of a shape away from Swish, and has nearly its gain.": "Yes. The prediction was made from the sheet alone.",
            "Mixtures blur what each part does well.": "There is not enough between the two to be blurred.",
        },
        source="the registered test of the next cell, 10 seeds",
    ),
    Prediction(
        id="15.B",
        question="Eight formulas scored best of forty in the search. Each is trained again with six fresh seeds, on the same images, in the same way. How many of the eight will have a mean below their score in the search?",
        part=Choice(
            "fall",
            label="Below their score",
            options=["none or one", "about half", "most or all"],
            answer=2,
        ),
        textbook=1,
        textbook_label="If a score is an honest measure",
        because={
            "Fresh seeds are as often better as worse.": "Where neither was looked at, about. These were picked for a score with luck in it.",
            "They were chosen because their one seed was good.": "That is one reason. The number for the rest shows another: one seed served all forty, and most of them well.",
            "The best functions win with any seed.": "Some nearly do. Most do not do as well as when they won, the winner least.",
        },
        source="the training runs of the next cell, 6 seeds each",
    ),
]
