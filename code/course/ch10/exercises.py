"""Exercises and predictions of chapter 10, dead neurons.

Exercise 10.0 is the self-check at the top of the chapter. Counts come from the
recorded study `dead`; the rest is arithmetic.
"""

from __future__ import annotations

import contextlib
import gc
import tracemalloc
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from actlab import studies
from actlab.networks import MLP
from actlab.statistics import Interval, interval

from ..exercises.model import Choice, Code, Number, Page, Prediction, slips
from ..exercises.report import Report

# --- what the predictions are compared with ---------------------------------------


def dead_in_the_last_layer(init: str) -> Interval:
    """Dead units of the untrained deep network's last hidden layer, in per cent."""
    runs = studies.load("dead")
    runs = runs[(runs["variant"] == "deep") & (runs["init"] == init)]
    counts = [int(text.split()[-1]) for text in runs["dead_train"]]
    return interval(100 * count / 128 for count in counts)


# --- 10.3 -----------------------------------------------------------------------------


def three_batches(report: Report, sizes: tuple[int, ...] = (128, 128, 17)) -> list:
    """Batches of fifteen units, of which two are dead; each slip counts other units.

    One fires late, two early, four have outputs of both signs, five only negative
    ones. Dead per batch: 3, 4 and 4; in some batch: 5; over all rows: 2.
    """
    batches = [
        report.draw(rows, 15, 0.1, 1, salt=f"batch {rows} {number}")
        for number, rows in enumerate(sizes)
    ]
    for number, h in enumerate(batches):
        h *= (report.draw(*h.shape, 0, 1, salt=f"on {number}") < 0.5).float()
        h[0] = 0.5  # every unit that is not silenced below fires in each batch
        h[:, [1, 4]] = 0
        h[:, 6] = 0  # fires in the last row of all
        if number:
            h[:, 2] = 0  # fires in the first batch only
        for unit in (3, 5, 7, 9):
            h[:, unit] = 0
            h[0, unit], h[1, unit] = -1.0, 1.0  # sums to 0 and is alive
        h[:, 10:] *= -1  # never above 0, and alive
    batches[-1][-1, 6] = 0.7
    batches[-1][:, 8] = 0  # has fired in both earlier ones
    return batches


def right_count(batches: list) -> int:
    """Units that are 0 in every row of every batch."""
    return int((torch.cat(batches) == 0).all(0).sum())


def tables(units: int) -> int:
    """Numbers in all tensors of so many columns that are alive in this process."""
    alive = [o for o in gc.get_objects() if type(o) is torch.Tensor and o.dim() == 2]
    return sum(o.numel() for o in alive if o.shape[1] == units)


class Stream:
    """Batches that come one by one; knows how many were kept, copies as well.

    Tensors are counted. What NumPy and Python hold is seen from their memory, which
    must not grow between the second batch and the last.
    """

    def __init__(self, batches: list[torch.Tensor]) -> None:
        self.batches, self.kept, self.grew = batches, 0, False
        self.units = batches[0].shape[1]
        self.before = tables(self.units)
        self.handed: list[weakref.ref] = []

    def __iter__(self) -> Iterator[torch.Tensor]:
        self.handed, memory = [], []
        largest = max(h.numel() for h in self.batches)
        with _traced():
            for h in self.batches:
                h = h.clone()
                self.handed.append(weakref.ref(h))
                yield h
                del h
                there = sum(seen() is not None for seen in self.handed)
                self.kept = max(self.kept, there)
                memory.append(tracemalloc.get_traced_memory()[0])
        self.grew |= memory[-1] - memory[1] > 3 * largest  # a byte for each number
        copied = tables(self.units) - self.before
        self.kept = max(self.kept, round(copied / largest))


@contextlib.contextmanager
def _traced() -> Iterator[None]:
    """Python's and NumPy's memory traced inside the block, as before afterwards."""
    was = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        yield
    finally:
        if not was:
            tracemalloc.stop()


def random_batches(report: Report, salt: str) -> list[torch.Tensor]:
    """Three batches of 30 units; the first never moves, the second fires once."""
    drawn = [
        (report.draw(rows, 30, 0, 1, salt=salt + str(rows)) - 0.9).relu()
        for rows in (5, 9, 2)
    ]
    for h in drawn:
        h[:, 0] = 0.3  # and is alive
        h[:, 1:3] = 0.0
    drawn[1][0, 1] = 1e-10  # as good as silent, and not 0
    return drawn


def grade_across_batches(answer: Any, variant: int | None, report: Report) -> None:
    """10.3: exact over batches of different size, without holding them."""
    report.function(answer)
    sizes = (128, 128, 17) if variant is None else (64, 100, 9 + variant % 7)
    batches = three_batches(report, sizes)
    words = f"on batches of {', '.join(map(str, sizes[:-1]))} and {sizes[-1]} rows"
    got = report.number(report.call(answer, batches, at=words), words)
    if got != right_count(batches):
        more = [(random_batches(report, salt),) for salt in ("a", "b")]
        why = report.mistake(got, batches, of=answer, more=more, rtol=0, atol=1e-6)
        report.fail(f"{words}: expected {right_count(batches)}, got {got:g}. {why}")
    report.cases += 1
    for salt in ("a", "b", "c"):
        drawn = random_batches(report, salt)
        words = "on random batches"
        got = report.number(report.call(answer, drawn, at=words))
        if got != right_count(drawn):
            drawn[1][0, 1] = 0.5
            louder = report.number(report.call(answer, drawn, at=words))
            why = ""
            if louder == right_count(drawn):
                why = " One unit puts out 1e-10 once, and that is not 0."
            report.fail(f"{words}: expected {right_count(drawn)}, got {got:g}.{why}")
        report.cases += 1
    stream = Stream([h.repeat(20, 1) for h in batches for _ in range(3)])
    got = report.call(answer, stream, at="on batches that come one by one")
    report.expect(
        report.number(got) == right_count(batches),
        f"on batches that come one by one: expected {right_count(batches)}, got "
        f"{report.number(got):g}.",
    )
    report.expect(
        stream.kept <= 3,
        f"the count is right, and {stream.kept} batches were in memory at once. A data "
        "set need not fit there. Keep one yes or no per unit, not the outputs.",
    )
    report.expect(
        not stream.grew,
        "the count is right, and memory grew with every batch: copies of them were "
        "kept, as arrays or lists. Keep one yes or no per unit, not the outputs.",
    )


# --- 10.8 -----------------------------------------------------------------------------


def sleeping_network(report: Report) -> tuple[MLP, list[torch.Tensor], torch.Tensor]:
    """A small network with known dead units, which they are, and inputs."""
    net = MLP([5, 8, 7, 6, 3], "relu", "he", seed=0)
    dead = [torch.zeros(n, dtype=torch.bool) for n in (8, 7, 6)]
    for mask, units in zip(dead, ((1, 4), (0, 2, 6), (5,)), strict=True):
        mask[list(units)] = True
    with torch.no_grad():
        for linear, mask in zip(_linears(net), dead):
            linear.bias[:] = 0.1
            linear.bias[mask] = -50.0
    return net, dead, report.draw(40, 5, -1, 1)


def _linears(net: MLP) -> list[nn.Linear]:
    """The linear maps of a network that no reader has changed yet."""
    linears = [linear for linear in net.linears if isinstance(linear, nn.Linear)]
    assert len(linears) == len(net.linears)
    return linears


WAKE = """def wake(net, dead):
    with torch.no_grad():
        for i, rows in enumerate(dead):
            into, out = net.linears[i], net.linears[i + 1].weight
            new = rows
            into.weight[new] = torch.randn(into.weight[new].shape)
            into.bias[rows] = 0
            out[:, rows] = 0
    return net"""


def grade_wake(answer: Any, variant: int | None, report: Report) -> None:
    """10.8: outputs stay, dead units get new rows in and zero columns out."""
    report.function(answer)
    net, dead, x = sleeping_network(report)
    with torch.no_grad():
        before = net(x)
    old = [(linear.weight.clone(), linear.bias.clone()) for linear in _linears(net)]

    def in_place(net: MLP, dead: list) -> int:
        answer(net, dead)
        return 0

    report.call(in_place, net, dead, at="on a network with six dead units")
    report.still_learns(net)
    with torch.no_grad():
        moved = (net(x) - before).abs().max().item()
    silent = [(j.activation == 0).all(0) for j in net.joints(x)]
    linears: Any = net.linears  # as the reader left them
    for layer, mask in enumerate(dead):
        into, out = linears[layer], linears[layer + 1]
        weight, bias = old[layer]
        name = f"hidden layer {layer + 1}"
        # Rows of the living: only columns of units that are dead below may change.
        living = (into.weight - weight)[~mask].abs()
        if layer:
            living = living[:, ~dead[layer - 1]]
        why = (
            "The outgoing weights of unit u are a *column* of the next matrix, `[:, u]`."
            if layer  # the first matrix leads out of no hidden unit
            else "Only rows of dead units may be drawn anew."
        )
        report.expect(
            living.max() == 0, f"{name}: weights of living units changed. {why}"
        )
        report.expect(
            torch.equal(into.bias[~mask], bias[~mask]),
            f"{name}: the bias of a living unit changed. Only a dead unit gets a new one.",
        )
        untouched = torch.equal(into.weight[mask], weight[mask])
        report.expect(
            not untouched,
            f"{name}: the dead units have their old incoming weights.",
        )
        like = nn.functional.cosine_similarity(into.weight[mask], weight[mask], dim=1)
        report.expect(
            bool((like.abs() < 0.9999).all()),
            f"{name}: a dead unit has its old incoming weights, times a number. Draw new "
            "ones.",
        )
        report.expect(
            bool((into.weight[mask].abs().sum(1) > 0).all()),
            f"{name}: incoming weights of zero leave the unit at 0: no slope, still "
            "dead. Draw them at random.",
        )
        fresh = into.weight[mask]
        fresh = fresh if layer == 0 else fresh[:, ~dead[layer - 1]]
        report.expect(
            fresh.unique().numel() > fresh.numel() / 2,
            f"{name}: new incoming weights are copies of one another. Draw each at "
            "random: units with the same weights stay the same for ever.",
        )
        report.expect(
            bool((into.bias[mask] == 0).all()),
            f"{name}: a bias of {into.bias[mask][0].item():.3g} is left in a dead "
            "unit. Set it to zero, or it will hardly wake up.",
        )
        # What one woken unit says to another is not heard either.
        hears = ~dead[layer + 1] if layer + 1 < len(dead) else slice(None)
        report.expect(
            bool((out.weight[hears][:, mask] == 0).all()),
            f"{name}: the outputs moved by {moved:.2g}. A unit that wakes up is heard "
            "at once; set its outgoing weights to zero.",
        )
    report.expect(moved < 1e-4, f"the outputs moved by {moved:.2g}; nothing may move.")
    woken = sum(int((m & ~s).sum()) for m, s in zip(dead, silent, strict=True))
    report.expect(woken >= 3, f"only {woken} of 6 dead units fire for some input now.")


# --- 10.2, 10.6 and 10.7 ------------------------------------------------------------


def page_10_2(dead: int = 6, below: int = 256, above: int = 128) -> Page:
    """Exercise 10.2 for one number of dead units and two widths."""
    return Page(
        id="10.2",
        title="What can go",
        kind="compute",
        stars=1,
        outcome=3,
        task=f"{dead} units of a hidden layer are dead. The layer below has {below} units, the layer above {above}; all have biases. How many parameters can be removed without changing any output for the data on which they were counted?",
        parts=[
            Number("parameters", label="parameters", answer=dead * (below + 1 + above))
        ],
        right="Weights in, one bias, weights out: all of them belong to the unit.",
        wrong={
            f"parameters = {dead * (below + 1)}": "Those are the weights in and the biases. The weights that lead out of a dead unit multiply a 0 for ever.",
            f"parameters = {dead * (below + above)}": "Weights in and out. Each unit has a bias too.",
            f"parameters = {dead * above}": "Those are the weights that lead out. What leads into a dead unit is not needed either.",
            f"parameters = {dead}": "That is how many units. Each of them owns a row and a column of weights.",
            f"parameters = {dead * (below + 1 + above) + above}": "The biases of the layer above stay: they are added whether the dead units are there or not.",
        },
        numbers_for=lambda variant: page_10_2(3 + variant % 5, 200, 96),
    )


def page_10_6(inputs: tuple[float, float, float] = (0.5, 1, 2)) -> Page:
    """Exercise 10.6 for three inputs, of which the last sends the gradient 2."""
    low, middle, top = inputs

    def silent(x: float) -> float:
        # z(x) = x − η · 2 (x · top + 1)
        return x / (2 * (x * top + 1))

    mean = sum(inputs) / 3
    return Page(
        id="10.6",
        title="The step that kills",
        kind="derive",
        stars=3,
        outcome=2,
        task=f"h = relu(wx + b), w = 1, b = 0, inputs {low:g}, {middle:g} and {top:g}. Only x = {top:g} sends a gradient, ∂ℒ/∂h = 2. One SGD step of size η. From which η on is the unit silent for all three?",
        parts=[
            Number("step", label="η", answer=silent(top), tolerance=0.0015),
        ],
        right="The largest input falls silent last, and by then all the others have.",
        wrong={
            f"step = {1 / (2 * top)}": "There w reaches 0. The bias has been pushed down as well, so the unit dies earlier.",
            f"step = {silent(low)}": f"There the smallest input falls silent. At x = {middle:g} and x = {top:g} the unit still fires.",
            f"step = {silent(middle)}": f"There x = {middle:g} falls silent. At x = {top:g} the unit still fires.",
            f"step = {silent(mean)}": f"You tested the mean input. At x = {top:g} it still fires. Dead means silent for every input.",
            f"step = {2 * silent(top)}": f"∂ℒ/∂h is 2, and the step takes it in full: the gradients are {2 * top:g} for w and 2 for b.",
        },
        numbers_for=lambda variant: page_10_6((0.5, 1, 3 + variant % 4)),
    )


def page_10_7(depth: int = 8, width: int = 2) -> Page:
    """Exercise 10.7 for one depth and width."""
    off = 2.0**-width
    bound = 1 - (1 - off) ** (depth - 1)
    return Page(
        id="10.7",
        title="Born dead",
        kind="derive",
        stars=3,
        outcome=2,
        task=f"One input, {depth} hidden ReLU layers of width {width}, no biases, symmetric weights. With what probability is the network constant before training starts? Two decimals.",
        parts=[
            Number(
                "probability",
                label="probability",
                answer=bound,
                accept_range=(bound - 0.035, bound + 0.006),
            )
        ],
        right="One silent layer is enough, and there are seven in which it can happen.",
        wrong={
            f"probability = {0.5 ** (depth - 1)}": "The chance that one chosen unit is off in all seven layers. A network dies as soon as *one* layer is entirely off.",
            f"probability = {0.5**depth}": "The chance that one chosen unit is off in all eight layers; it falls with depth. One layer that is entirely off is enough.",
            f"probability = {off ** (depth - 1)}": "The chance that all seven layers are off at once. One of them is enough.",
            f"probability = {off}": "That is one layer. There are seven in which it can happen.",
            f"probability = {(1 - off) ** (depth - 1)}": "That is the chance to survive all seven. Turn it round.",
            f"probability = {(1 - off) ** (depth - 1):.2f}": "That is how often all seven layers stay alive. Turn it round.",
            f"probability = {1 - (1 - off) ** depth}": "You counted the first layer. Without a bias each of its units fires for x > 0 or for x < 0, so it cannot be off for both.",
            f"probability = {1 - 0.5 ** (depth - 1)}": "That is for width 1. Here both units of a layer have to be off at once.",
        },
    )


DEFINITIONS = [
    "none of them",
    "only (i)",
    "only (ii)",
    "only (iii)",
    "(ii) and (iii)",
]

EXERCISES = [
    Page(
        id="10.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=1,
        parts=[
            Number("slope", label="Slope of ReLU at −0.3", answer=0),
            Number(
                "factor",
                label="A ReLU layer with PyTorch's weights multiplies a signal by",
                answer=0.408,
                tolerance=0.012,
            ),
            Choice(
                "adam",
                label="The gradients of a weight are 1e-6 at every step. Adam, step 0.001, moves it by about",
                options=["1e-9 a step", "0.001 a step", "nothing"],
                answer=1,
            ),
        ],
        right="You have what this chapter needs.",
        wrong={
            "slope = 0.01": "That is the leaky ReLU. See the first link above.",
            "slope = 1": "That is the other side. See the first link above.",
            "factor = 0.5774": "That is the weights alone. ReLU takes half of the second moment as well. See the second link above.",
            "factor = 0.7071": "That is ReLU alone. PyTorch's weights shrink it too. See the second link above.",
            "factor = 1": "That would be He's weights. See the second link above.",
            "adam = 0": "That is SGD. Adam divides by the size of recent gradients. See the third link above.",
            "adam = 2": "Small is not zero, and Adam divides by the size. See the third link above.",
        },
    ),
    Page(
        id="10.1",
        title="Read the table",
        kind="compute",
        stars=1,
        outcome=1,
        parts=[Number("dead", label="dead units", answer=2)],
        right="A and D are zero for all four images. C learns from the one it sees.",
        wrong={
            "dead = 14": "You counted zeros. A zero for one image is what ReLU is for; a dead unit is zero for all.",
            "dead = 5": "Each unit is zero for some image. Ask for the columns without any other value.",
            "dead = 3": "C fires once. Once is enough to receive a gradient.",
            "dead = 0": "No row is all zeros, but a unit is a column. Look down, not across.",
        },
    ),
    page_10_2(),
    Code(
        id="10.3",
        title="Across batches",
        kind="code",
        stars=2,
        outcome=1,
        grade=grade_across_batches,
        right="Who has fired once is alive, whatever the batch.",
        wrong={
            "lambda batches: [int((h == 0).all(0).sum()) for h in batches][-1]": "That is the count of the last batch. Some of these fired in an earlier one: carry `alive` from batch to batch.",
            "lambda batches: [int((h == 0).all(0).sum()) for h in batches][0]": "That is the count of the first batch, or of all but the last. One of these fires in the last row of all.",
            """def dead_units(batches):
    dead = False
    for h in batches: dead = dead | (h == 0).all(0)
    return int(dead.sum())""": "These are silent in *some* batch: `|` belongs to who is alive, `&` to who is dead.",
            """def dead_units(batches):
    alive = False
    for h in batches: alive = alive | (h > 0).any(0)
    return int((~alive).sum())""": "`> 0` calls a unit dead whose outputs are negative only. Outputs may be negative: dead is 0 in every row, so ask `!= 0`.",
            """def dead_units(batches):
    counts = [int((h == 0).all(0).sum()) for h in batches]
    return sum(counts) / len(counts)""": "A unit is not a third dead. Combine who is alive, not how many are dead.",
            "lambda batches: sum(int((h == 0).all(0).sum()) for h in batches)": "You added the counts, so a unit that is silent in two batches counts twice. Combine who is alive.",
            "lambda batches: int((torch.stack([h.sum(0) for h in batches]) == 0).all(0).sum())": "Outputs −1 and 1 add up to 0, and the unit is alive. Ask whether any output differs from zero.",
            "lambda batches: int((~(torch.cat(list(batches)) > 0).all(0)).sum())": "You counted who is silent for *some* row. Dead is silent for every row.",
            "lambda batches: int((torch.cat(list(batches)) != 0).any(0).sum())": "That is how many are alive.",
            "lambda batches: int((torch.cat(list(batches)) == 0).all(0).sum())": "batches were in memory at once",
            """def dead_units(batches):
    kept = [h.clone() for h in batches]
    return int((torch.cat(kept) == 0).all(0).sum())""": "batches were in memory at once",
            """def dead_units(batches):
    masks = [h != 0 for h in batches]
    return int((~torch.cat(masks).any(0)).sum())""": "Keep one yes or no per unit, not the outputs",
        },
    ),
    Page(
        id="10.4",
        title="Which definition sees it?",
        kind="read evidence",
        stars=2,
        outcome=1,
        parts=[
            Choice("seen", label="Dead by", options=DEFINITIONS, answer=3),
            Choice(
                "leaky",
                label="A leaky ReLU with 0.01 at the same −4 would have",
                options=[
                    "a smaller slope",
                    "twenty times the slope",
                    "the same slope",
                ],
                answer=1,
            ),
        ],
        right="Neither number is exactly zero, so only a limit can see it.",
        wrong={
            "seen = 0": "Its slope there is two thousand times smaller than on the other side. SGD hardly moves it any more; only a threshold says so.",
            "seen = 1": "The output is small, not zero. PyTorch returns an exact zero in float32 only below about −5.5.",
            "seen = 2": "The slope is −0.0005: small and negative, and not zero.",
            "seen = 4": "(iii), yes. For (ii) the slope would have to be exactly zero; it is −0.0005.",
            "leaky = 0": "The leaky ReLU has slope 0.01 wherever it is negative; GELU has 0.0005 in size.",
            "leaky = 2": "GELU's slope changes with z, the leaky ReLU's is 0.01 everywhere on the left.",
        },
    ),
    Page(
        id="10.5",
        title="Depth, or the start?",
        kind="read evidence",
        stars=2,
        outcome=2,
        parts=[
            Choice(
                "comparison",
                label="The claim is tested by",
                options=[
                    "a shallow network against a deep one, both with the default start",
                    "the same network trained with SGD against Adam",
                    "three more seeds of the same network",
                    "the same network, same depth, He's start instead of the default",
                ],
                answer=3,
            )
        ],
        right="Depth stays, the start changes, and nearly all the dead are gone: depth alone does not make them.",
        wrong={
            "comparison = 0": "Depth changes and the fault stays. This is the comparison that produced the claim.",
            "comparison = 1": "It shows that optimisers kill units too. It does not touch depth, and the network was not trained.",
            "comparison = 2": "You need them to know the noise, but nothing is varied.",
        },
    ),
    page_10_6(),
    page_10_7(),
    Code(
        id="10.8",
        title="Wake them up",
        kind="code",
        stars=2,
        outcome=3,
        grade=grade_wake,
        right="New rows in, zero columns out: it fires and nobody hears it yet.",
        wrong=slips(
            WAKE,
            {
                "out[:, rows] += 0": "A unit that wakes up is heard at once",
                "into.weight[new] = 0": "incoming weights of zero leave the unit at 0",
                "into.bias[rows] += 0": "is left in a dead unit",
                "new = slice(None)": "weights of living units changed",
            },
        ),
    ),
]

PREDICTIONS = [
    Prediction(
        id="10.A",
        question="Fashion-MNIST, untrained ReLU network with seven hidden layers. As PyTorch draws it, 45 % of the units of the last hidden layer are dead. Keep the depth and draw the weights by He's rule, biases zero. What share is dead now?",
        part=Number(
            "dead",
            label="Dead in the last hidden layer",
            unit="%",
            answer=lambda: dead_in_the_last_layer("he"),
            low=0,
            high=100,
            digits=2,
        ),
        textbook=45,
        textbook_label="If depth kills",
        because={
            "Depth is unchanged, and it is depth that kills.": "Depth is unchanged, and nearly all of them live.",
            "He's weights are larger, so they push units further to both sides.": "They do, and a unit is dead only if it is on one side for all images. The next section separates the two.",
            "Something about the start, not the depth, is at fault.": "Yes. The other lines of the figure say what.",
        },
        source="study dead, training images, before training, 5 seeds",
    ),
    Prediction(
        id="10.B",
        question="Eight layers of 256 ReLU units on the digits, biases zero. All weights are multiplied by 100. What happens to the dead units?",
        part=Choice(
            "change",
            label="Of the 144 dead units",
            options=[
                "nearly all come to life",
                "about half come to life",
                "none; the very same units are dead",
                "most of the living die too",
            ],
            answer=2,
        ),
        textbook=0,
        textbook_label="“Weights were too small”",
        because={
            "Larger weights give larger signals.": "10¹⁶ times larger at the top, and with the same sign everywhere.",
            "Whether a unit fires is a question of sign, not of size.": "And without a bias there is nothing else that the size could be compared with.",
            "Large weights saturate units.": "ReLU has no scale, so there is no size at which it saturates.",
        },
        source="the next cell; it is exact, so no seeds are needed",
    ),
    Prediction(
        id="10.C",
        question="Digits, first hidden layer of 128 ReLU units, ten epochs of Adam with step 0.01: 22 to 25 of them are dead at the end, at most two by birth and nearly all others within ten steps. Now the mean image is subtracted from the inputs, and nothing else is changed. How many of the 128 are dead at the end?",
        part=Choice(
            "dead",
            label="Dead in the first layer",
            options=[
                "as many as before",
                "about half as many",
                "none, or one or two",
                "more than before",
            ],
            answer=2,
        ),
        because={
            "Inputs on both sides of zero make negative pre-activations likelier.": "For some images, and positive ones for others. That is how a unit stays alive.",
            "The images no longer push all in one direction.": "Exactly: the product of two different images is now 0 on average.",
            "Adam's step is what kills, and it is the same.": "The step is. What it does to the other images is not.",
        },
        source="the training runs of the next cell, 3 seeds",
    ),
    Prediction(
        id="10.D",
        question="Forty runs of the same ReLU network on Fashion-MNIST: three ways to step, two or three starts, 15 epochs. Plot test accuracy against the share of dead units. What do you see?",
        part=Choice(
            "plot",
            label="In the plot",
            options=[
                "the more dead, the less accurate",
                "the runs with most dead units are among the most accurate",
                "all runs are equally accurate",
            ],
            answer=1,
        ),
        textbook=0,
        textbook_label="“Dead units harm the network”",
        because={
            "Dead units are lost capacity.": "They are. It was not capacity that was short here; where the task changes it can be.",
            "Steps large enough to learn fast also kill.": "Adam's do both. SGD 0.05 learns nearly as fast and brings the dead back.",
            "A network does not use dead units, so nothing can depend on them.": "For these images nothing does, once they are dead. What killed them still differs, and what the network could still learn.",
        },
        source="study dead, test images, epoch 15, 5 seeds for each condition",
    ),
]
