"""Who kills the units? The suspects of chapter 10 on other data, with other networks.

The chapter changes one thing at a time on the digits, with three seeds.  Here the same
changes are made with ten seeds in five settings, and births, deaths and revivals are
counted apart: a unit is *born* dead if it is so before the first step, *killed* if it
is born alive and dead at the end, *woken* if it is born dead and alive at the end; dead
at the end are born + killed − woken.  Dead means 0 for every training image.

What was fixed before the first run.  The plain case of Adam on Fashion-MNIST had been
seen, and on the digits every change with seeds 0 to 3; the rest had not.  A number of
deaths is a mean over the seeds, beside the plain case's of the same setting and the
same layers: *few* are at most a quarter of it, *many* at least a half.  Where the plain
case kills fewer than five units nothing is asked.  Sentences are refuted, setting by
setting:

* "What kills is the shift that all images share": unless few are killed, in layer 1 and
  above, with the shift taken back in all layers; and unless, with it taken back for
  half of the units of each layer, chosen by lot, few of these are killed beside the
  other half of the same networks.  (The lot has the same network, batches and steps on
  both sides; only the unit's own shift differs.)
* "In layer 1 alone it saves layer 1, and little above": unless few are killed in layer
  1 and many above.  "Above alone, it saves those, and the first dies as before": unless
  few are killed above and many in layer 1.
* "Centred inputs save layer 1, not what lies above": unless few are killed in layer 1,
  and more than few above.
* "The first steps do most of the killing": unless a warm-up of 60 steps kills less than
  half of the plain case in layer 1.
* "A step of a tenth kills a fifth as many in layer 1": unless at most a half.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from actlab import probes
from actlab.datasets import FASHION_MNIST_SHA256, Dataset
from actlab.networks import MLP
from actlab.studies import Condition, Setting, Study
from actlab.studies.runners import load_data, on_cpu, register
from actlab.training import NonFiniteLossError, evaluate

__all__ = ["STUDIES", "WHO_KILLS", "SuspectRun", "shift_taken_back"]

SEEN = 500  # training images that stand for all where a mean is taken at every step


@dataclass(frozen=True)
class SuspectRun(Condition):
    """A ReLU network whose dead units are counted before training and after it.

    Parameters
    ----------
    variant : what is changed beside the plain case of the same regime.
    warmup : steps over which the rate rises to ``lr``.
    centred : whether the mean training image is subtracted from the inputs.
    back : hidden layers, from 1, in which the common shift is taken back.
    lot : whether it is taken back for half of their units only, chosen by lot.
    data : name of a function of ``datasets``.
    sizes : of the network.
    """

    variant: str = "plain"
    optimiser: str = "adam"
    warmup: int = 0
    centred: bool = False
    back: tuple[int, ...] = ()
    lot: bool = False
    data: str = "fashion_mnist"
    sizes: tuple[int, ...] = (784, 256, 192, 128, 64, 10)


def shift_taken_back(
    network: MLP, x: Tensor, of: dict[int, Tensor]
) -> Callable[[], None]:
    """Return what gives chosen units back, after each step, the shift common to all.

    As ``shift.taken_back``, unit by unit: a step from weights W to V moves the mean
    pre-activation over ``x`` by (V − W) mean(h), h the layer's input before the step;
    this is subtracted from the bias.

    Parameters
    ----------
    network : trained elsewhere; its biases are changed in place.
    x : the inputs over which the mean is taken, shape (examples, features).
    of : hidden layers, from 1, and for each a bool per unit: whether it is given back.

    The function returned is called after each step.  Chapter 10.
    """
    before: dict[nn.Linear, tuple[Tensor, Tensor, Tensor]] = {}

    @torch.no_grad()
    def look() -> None:
        h = x
        for layer in range(1, max(of, default=0) + 1):
            linear = network.linears[layer - 1]
            assert isinstance(linear, nn.Linear)
            if layer in of:
                before[linear] = linear.weight.detach().clone(), h.mean(0), of[layer]
            h = network.activations[layer - 1](linear(h))

    @torch.no_grad()
    def take_back() -> None:
        for linear, (weight, mean, chosen) in before.items():
            linear.bias.sub_(chosen * ((linear.weight - weight) @ mean))
        look()

    look()
    return take_back


def _given_back(condition: SuspectRun, seed: int) -> dict[int, Tensor]:
    """Which units get their shift back, layer by layer: all, or half of them by lot."""
    draw = _generator(7000 + seed)
    chosen = {}
    for layer in condition.back:
        width = condition.sizes[layer]
        half = torch.randperm(width, generator=draw) < width // 2
        chosen[layer] = half if condition.lot else torch.ones(width, dtype=torch.bool)
    return chosen


def _inputs(condition: SuspectRun) -> tuple[Dataset, Tensor, Tensor]:
    """The data, and training and test inputs as the run has them."""
    data = load_data(condition.data)
    mean = data.x_train.mean(0) if condition.centred else 0.0
    return data, data.x_train - mean, data.x_test - mean


def _run(setting: Setting) -> tuple[dict[str, list[Any]], float]:
    """Do one run; return its one row."""
    condition, seed = setting.condition, setting.seed
    assert isinstance(condition, SuspectRun)
    started = time.perf_counter()
    data, x, x_test = _inputs(condition)
    network = MLP(condition.sizes, condition.activation, condition.init, seed=seed)
    chosen = _given_back(condition, seed)
    seen = x[torch.randperm(len(x), generator=_generator(8000 + seed))[:SEEN]]
    after = shift_taken_back(network, seen, chosen)
    born = probes.dead_units(network, x, batch_size=5000).masks
    loss = _train(network, x, data.y_train, condition, seed, after)
    end = probes.dead_units(network, x, batch_size=5000).masks
    test_loss, accuracy = evaluate(network, x_test, data.y_test)
    row = {
        "epoch": condition.epochs,
        "train_loss": loss,
        "test_loss": test_loss,
        "test_accuracy": accuracy,
    }
    counted = row | _events(born, end, chosen)
    columns = {name: [value] for name, value in counted.items()}
    return columns, time.perf_counter() - started


def _events(
    born: Sequence[Tensor], end: Sequence[Tensor], chosen: dict[int, Tensor]
) -> dict[str, str]:
    """Return units per hidden layer, as text: born dead, killed, woken, and of whom.

    ``given`` counts the killed among those whose shift is given back, ``at_risk`` those
    of them that were born alive.
    """
    none = [torch.zeros_like(mask) for mask in born]
    given = [chosen.get(layer, no) for layer, no in enumerate(none, start=1)]
    parts = {
        "born": born,
        "killed": [~b & e for b, e in zip(born, end)],
        "woken": [b & ~e for b, e in zip(born, end)],
        "given": [~b & e & g for b, e, g in zip(born, end, given)],
        "at_risk": [~b & g for b, g in zip(born, given)],
    }
    return {
        name: " ".join(str(int(mask.sum())) for mask in masks)
        for name, masks in parts.items()
    }


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _train(
    network: MLP,
    x: Tensor,
    y: Tensor,
    condition: SuspectRun,
    seed: int,
    after: Callable[[], None],
) -> float:
    """Train in place, in batches of 128; return the mean loss of the last epoch."""
    if condition.optimiser == "adam":
        optimiser: torch.optim.Optimizer = torch.optim.Adam(network.parameters())
    else:
        optimiser = torch.optim.SGD(
            network.parameters(), lr=condition.lr, momentum=condition.momentum
        )
    step, order = 0, _generator(seed)
    losses: list[float] = []
    for epoch in range(1, condition.epochs + 1):
        losses.clear()
        for rows in torch.randperm(len(x), generator=order).split(128):
            step += 1
            share = min(1.0, step / condition.warmup) if condition.warmup else 1.0
            optimiser.param_groups[0]["lr"] = share * condition.lr
            optimiser.zero_grad()
            loss = F.cross_entropy(network(x[rows]), y[rows])
            loss.backward()
            optimiser.step()
            after()
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                raise NonFiniteLossError(epoch, step, losses[-1], None, condition.lr)
    return sum(losses) / len(losses)


def _load(condition: SuspectRun) -> Dataset:
    return load_data(condition.data)


def _hashes(condition: SuspectRun) -> dict[str, str] | None:
    return dict(FASHION_MNIST_SHA256) if condition.data == "fashion_mnist" else None


register(SuspectRun, on_cpu(_run), prepare=_load, hashes=_hashes)

_DIGITS = (64, 128, 96, 64, 32, 10)
_FASHION = (784, 256, 192, 128, 64, 10)
_SIX = (784, *[64] * 6, 10)


def _suspects(
    regime: str, lr: float, sizes: tuple[int, ...], all_of_them: bool, **more: Any
) -> tuple[SuspectRun, ...]:
    """One setting: the plain case, and each change beside it."""
    hidden = tuple(range(1, len(sizes) - 1))

    def run(variant: str = "plain", rate: float = lr, **change: Any) -> SuspectRun:
        return SuspectRun(
            regime, "relu", rate, sizes=sizes, variant=variant, **more, **change
        )

    steps = (run("smaller step", lr / 10), run("warm-up", warmup=60))
    return (
        run(),
        *(steps if all_of_them else ()),
        run("centred inputs", centred=True),
        run("back: layer 1", back=hidden[:1]),
        run("back: above", back=hidden[1:]),
        run("back: all", back=hidden),
        run("back: half, by lot", back=hidden, lot=True),
    )


def _conditions() -> tuple[SuspectRun, ...]:
    digits: dict[str, Any] = {"data": "digits", "epochs": 10}
    sgd: dict[str, Any] = {"optimiser": "sgd", "momentum": 0.9}
    return (
        *_suspects("digits", 0.01, _DIGITS, True, **digits),
        *_suspects("digits, SGD", 0.1, _DIGITS, False, **digits, **sgd),
        *_suspects("Fashion-MNIST", 0.001, _FASHION, True, epochs=1),
        *_suspects("Fashion-MNIST, SGD", 0.1, _FASHION, False, epochs=1, **sgd),
        *_suspects("Fashion-MNIST, six layers", 0.001, _SIX, False, epochs=1),
    )


WHO_KILLS = Study(
    name="who-kills",
    question="On other data, with other networks: is it the shift that kills?",
    home=__package__,
    seeds=10,
    further=("variant", "born", "killed", "woken", "given", "at_risk"),
    conditions=_conditions(),
    ends_only=True,
)

STUDIES = (WHO_KILLS,)
