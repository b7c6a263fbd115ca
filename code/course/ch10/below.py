"""Two questions that the study ``who-kills`` left open: what lies below, and SGD.

A step from weights W to V, while the mean of the layer's input goes from m to n, moves
a unit's mean pre-activation by (V − W) m, the unit's *own* shift, and by V (n − m),
what *arrives* from below; the bias's own step aside.  ``who-kills`` gives back the
first alone.  Both are added up here, step by step, and either can be given back.

Before the design was fixed, a run of each kind was timed with seeds 900 and 901.  Of
plain SGD with these seeds the deaths were looked at, and of SGD with something given
back which accuracy it has and whether it breaks down: the shift taken back above layer
1 broke both runs at a step of 0.07 on Fashion-MNIST, steps centred held at 0.1.  Who
dies in a lot, or with anything given back, was not looked at.  The seeds of the studies
are 200 to 219, of SGD at 0.03 and 0.05 to 209.  *Few*, *many* and *killed* are as in
``who_kills``: few is at most a quarter, many at least a half.  Intervals are of
differences paired by seed, 95 %, and nothing is corrected for the number of rows.

**lot-below.**  The six layers of 64 units of ``who-kills`` (Fashion-MNIST, Adam 0.001,
one epoch).  One layer k, from 2 to 6 in turn, is split by lot: half of its units get
their own shift back, the others none; layers above k are left alone.  A seed's number
is the sum over the five networks in which k was 2 to 6.  Four rows with the same
starts, batches and lots:

* *below plain*: the layers below k are left alone;
* *below back*: all layers below k get their own shift back, whole;
* *arrivals back*: below plain, but the chosen half of k also gets back what arrives;
* *all by lot*, and *plain*: as in ``who-kills``, once more, with these seeds.

"What lies below is why the lot parts six layers less" would be right if, in *below
back*, few are killed in the half given back beside the other half (and the interval of
back − half of the others lies below 0), while in *below plain* more than few are (the
interval of back − a quarter of the others above 0).  It is refuted if in *below back*
many are (and the interval of back − a quarter of the others lies above 0), or if *below
plain* parts as sharply already.  Anything else is not settled.  Beside it stand the
same two rules for *arrivals back*: it gives back what the sentence blames and leaves
the layers below as they are, so the two should agree; where they do not, the sentence
says what was seen and no more.  A row in which the other half loses fewer than five
units a seed says nothing.  That the layers below are still in *below back* is part of
the sentence: the arrivals at k, root mean square over its units, have to be smaller
there than in *below plain*, by an interval above 0; else it tested nothing.

**sgd-shift.**  Four layers, the digits (ten epochs) and Fashion-MNIST (one), SGD with
momentum 0.9.  At steps of 0.03 and 0.05, where taking back need not break a run as it
did 23 of 40 at 0.1: plain, inputs centred, the own shift taken back in layer 1, in
those above, in all.  At 0.05 and 0.1 also *steps centred*, in the same layers: the
weights' gradient is that which they had if the mean of the layer's inputs were
subtracted (and the bias made up for it), and the shift is taken back.  So the function
at the start is the same, no step of the weights moves all examples alike, and the step
still goes down a gradient; with the shift taken back alone it does not, and that may be
why runs break.  Such a gradient is also shorter.  Therefore at 0.1 *as short*: above
layer 1 the gradient as it is, cut to the length of the centred one.

A row in which more than two runs of ten, or four of twenty, break down is void.
Compared are the seeds that are left on both sides.  Where the plain case kills fewer
than two units a run (20 in ten runs), in layer 1 or above, nothing is asked there.

* "The upper layers' own shift kills under SGD" holds in a row if, with it taken back
  above (or steps centred above), few are killed above beside the plain case and the
  interval of the difference lies above 0; it is refuted in it if many are and the
  interval of those killed − a quarter of the plain ones lies above 0; else the row does
  not settle it.  In a row with steps centred it holds only if more are killed above
  with steps as short, by an interval above 0; else it may be the length.
* "What layer 1 hands up kills above": the same, above, of layer 1 alone.
* "In layer 1 its own shift kills": the same, in layer 1, of layer 1 alone.

Told as settled is only what at least two rows say and none contradicts; else row by
row, with how many runs broke down.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.utils.hooks import RemovableHandle

from actlab import probes
from actlab.datasets import FASHION_MNIST_SHA256
from actlab.networks import MLP
from actlab.studies import Setting, Study
from actlab.studies.runners import load_data, on_cpu, register
from actlab.training import evaluate

from .who_kills import SEEN, SuspectRun, _events, _generator, _inputs, _train

__all__ = ["LOT_BELOW", "SGD_SHIFT", "STUDIES", "ShiftRun", "Shifts", "steps_changed"]

SEEDS = tuple(range(200, 220))


@dataclass(frozen=True)
class ShiftRun(SuspectRun):
    """A run of ``who_kills`` in which more can be given back.

    Parameters
    ----------
    split : hidden layers, from 1, in which the half of the units that the lot chooses
        gets the own shift back; those in ``back`` get it back whole.
    arrivals : whether those that get their own shift back also get what arrives.
    step : what becomes of the weights' gradient in the layers of ``changed``, see
        :func:`steps_changed`; "" for nothing.
    """

    split: tuple[int, ...] = ()
    arrivals: bool = False
    step: str = ""
    changed: tuple[int, ...] = ()


class Shifts:
    """What moves the mean pre-activation of each unit; given back to chosen ones.

    Parameters
    ----------
    network : trained elsewhere; its biases are changed in place.
    x : the inputs over which means are taken, shape (examples, features).
    of : hidden layers, from 1, and for each a bool per unit: whether it is given back.
    arrivals : whether these get back what arrives from below as well.

    ``own`` and ``arrived`` hold, layer by layer, what each unit was moved by so far,
    given back or not; ``means`` the mean input of each layer.  Call ``take_back`` after
    each step.  Chapter 10.
    """

    def __init__(
        self,
        network: MLP,
        x: Tensor,
        of: dict[int, Tensor],
        arrivals: bool = False,
    ) -> None:
        self.network, self.x, self.of, self.arrivals = network, x, of, arrivals
        self.layers: list[nn.Linear] = []
        for linear in network.linears[:-1]:
            assert isinstance(linear, nn.Linear)
            self.layers.append(linear)
        self.own = [torch.zeros_like(linear.bias.detach()) for linear in self.layers]
        self.arrived = [torch.zeros_like(own) for own in self.own]
        self.weights: list[Tensor] = []
        self.means: list[Tensor] = []
        self.take_back()

    @torch.no_grad()
    def take_back(self) -> None:
        """Add up what the step moved, and give it back to the chosen, layer by layer.

        From the bottom, so that what arrives is what is left after the layers below
        have had theirs back.
        """
        first = not self.means
        h, weights, means = self.x, [], []
        for number, linear in enumerate(self.layers):
            weights.append(linear.weight.clone())
            means.append(h.mean(0))
            if not first:
                own = (weights[-1] - self.weights[number]) @ self.means[number]
                arrived = weights[-1] @ (means[-1] - self.means[number])
                self.own[number] += own
                self.arrived[number] += arrived
                if number + 1 in self.of:
                    moved = own + arrived if self.arrivals else own
                    linear.bias.sub_(self.of[number + 1] * moved)
            h = self.network.activations[number](linear(h))
        self.weights, self.means = weights, means


def steps_changed(shifts: Shifts, layers: Iterable[int], how: str) -> RemovableHandle:
    """Change the gradient of some layers' weights before each step of any optimiser.

    Parameters
    ----------
    shifts : of the network; holds the mean m of each layer's inputs before the step.
    layers : hidden layers, from 1.
    how : ``"centred"``: the gradient is that which W has with h − m for inputs, its own
        less m times the bias's; ``"short"``: its own, as long as the centred one.

    The handle returned takes it away again.  Raises ``ValueError`` for another ``how``.
    Chapter 10.
    """
    if how not in ("centred", "short"):
        raise ValueError(f"how is {how!r}; give 'centred' or 'short'")
    layers = tuple(layers)

    @torch.no_grad()
    def change(*_: Any) -> None:
        for layer in layers:
            linear = shifts.layers[layer - 1]
            whole, bias = linear.weight.grad, linear.bias.grad
            assert whole is not None and bias is not None
            centred = whole - torch.outer(bias, shifts.means[layer - 1])
            if how == "centred":
                whole.copy_(centred)
            else:
                whole.mul_(centred.norm() / whole.norm().clamp(min=1e-30))

    return register_optimizer_step_pre_hook(change)


def _chosen(condition: ShiftRun, seed: int) -> dict[int, Tensor]:
    """Which units get their shift back, layer by layer.

    The lot is drawn for every hidden layer, so a layer's is the same in all rows.
    """
    draw, chosen = _generator(7000 + seed), {}
    for layer, width in enumerate(condition.sizes[1:-1], start=1):
        half = torch.randperm(width, generator=draw) < width // 2
        if layer in condition.split:
            chosen[layer] = half
        elif layer in condition.back:
            chosen[layer] = torch.ones(width, dtype=torch.bool)
    return chosen


def _run(setting: Setting) -> tuple[dict[str, list[Any]], float]:
    """Do one run; return its one row."""
    condition, seed = setting.condition, setting.seed
    assert isinstance(condition, ShiftRun)
    started = time.perf_counter()
    data, x, x_test = _inputs(condition)
    network = MLP(condition.sizes, condition.activation, condition.init, seed=seed)
    born = probes.dead_units(network, x, batch_size=5000).masks
    chosen = _chosen(condition, seed)
    seen = x[torch.randperm(len(x), generator=_generator(8000 + seed))[:SEEN]]
    shifts = Shifts(network, seen, chosen, condition.arrivals)
    with ExitStack() as after:
        if condition.step:
            hook = steps_changed(shifts, condition.changed, condition.step)
            after.callback(hook.remove)
        loss = _train(network, x, data.y_train, condition, seed, shifts.take_back)
    end = probes.dead_units(network, x, batch_size=5000).masks
    test_loss, accuracy = evaluate(network, x_test, data.y_test)
    row = {
        "epoch": condition.epochs,
        "train_loss": loss,
        "test_loss": test_loss,
        "test_accuracy": accuracy,
        "own": _sizes(shifts.own),
        "arrived": _sizes(shifts.arrived),
    }
    counted = row | _events(born, end, chosen)
    columns = {name: [value] for name, value in counted.items()}
    return columns, time.perf_counter() - started


def _sizes(moved: list[Tensor]) -> str:
    """Root mean square over the units of each hidden layer, as text."""
    return " ".join(f"{units.square().mean().sqrt().item():.4g}" for units in moved)


def _load(condition: ShiftRun) -> object:
    return load_data(condition.data)


def _hashes(condition: ShiftRun) -> dict[str, str] | None:
    return dict(FASHION_MNIST_SHA256) if condition.data == "fashion_mnist" else None


register(ShiftRun, on_cpu(_run), prepare=_load, hashes=_hashes)

_COUNTED = ("variant", "born", "killed", "woken", "given", "at_risk", "own", "arrived")
_SIX = (784, *[64] * 6, 10)
_PARTS: dict[str, tuple[int, ...]] = {
    "layer 1": (1,),
    "above": (2, 3, 4),
    "all": (1, 2, 3, 4),
}
_SGD: dict[str, dict[str, Any]] = {
    "digits": {"data": "digits", "sizes": (64, 128, 96, 64, 32, 10), "epochs": 10},
    "Fashion-MNIST": {"epochs": 1},
}


def _lots() -> tuple[ShiftRun, ...]:
    """Six layers: each of the upper five split by lot, in three ways."""

    def run(variant: str, **change: Any) -> ShiftRun:
        same: dict[str, Any] = {"epochs": 1, "sizes": _SIX, "seeds_of_its_own": SEEDS}
        return ShiftRun("six layers", "relu", 0.001, variant=variant, **same, **change)

    every = tuple(range(1, 7))
    found = [run("plain"), run("all by lot", split=every)]
    for layer in every[1:]:
        below = every[: layer - 1]
        found += [
            run(f"below plain, {layer}", split=(layer,)),
            run(f"below back, {layer}", split=(layer,), back=below),
            run(f"arrivals back, {layer}", split=(layer,), arrivals=True),
        ]
    return tuple(found)


def _changes(lr: float) -> dict[str, dict[str, Any]]:
    """What is changed under SGD at a step of this size."""
    found: dict[str, dict[str, Any]] = {"plain": {}}
    if lr < 0.1:
        found["centred inputs"] = {"centred": True}
        found |= {f"back: {part}": {"back": at} for part, at in _PARTS.items()}
    if lr > 0.03:
        for part, at in _PARTS.items():
            change = {"back": at, "step": "centred", "changed": at}
            found[f"steps centred: {part}"] = change
    if lr == 0.1:
        found["as short: above"] = {"step": "short", "changed": _PARTS["above"]}
    return found


def _descents() -> tuple[ShiftRun, ...]:
    """SGD: both data sets at three steps; twenty seeds at the largest."""
    return tuple(
        ShiftRun(
            name,
            "relu",
            lr,
            momentum=0.9,
            optimiser="sgd",
            variant=variant,
            seeds_of_its_own=SEEDS if lr == 0.1 else SEEDS[:10],
            **of_all,
            **change,
        )
        for name, of_all in _SGD.items()
        for lr in (0.03, 0.05, 0.1)
        for variant, change in _changes(lr).items()
    )


LOT_BELOW = Study(
    name="lot-below",
    question="Six layers, halves by lot: do they differ less for what lies below?",
    home=__package__,
    further=_COUNTED,
    conditions=_lots(),
    ends_only=True,
)

SGD_SHIFT = Study(
    name="sgd-shift",
    question="Does the shift of the upper layers kill under SGD, at steps that hold?",
    home=__package__,
    further=_COUNTED,
    conditions=_descents(),
    ends_only=True,
)

STUDIES = (LOT_BELOW, SGD_SHIFT)
