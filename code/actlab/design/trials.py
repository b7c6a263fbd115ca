"""A registered test: each function tuned for itself, then tested once.

Chapter: 15.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from .. import catalogue, statistics
from ..datasets import Dataset
from ..networks import MLP
from ..training import NonFiniteLossError, fit
from .candidates import Candidate
from .plans import DATA, ChangedPlanError, Plan, Registration, display, refuse_changes

__all__ = ["Comparison", "final_accuracy", "run"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a registered test found.

    ``tuning``: function, lr, seed, accuracy on the held-out examples. ``chosen``: the
    lr of each function. ``accuracies``: of each function, one per test seed, in %.
    ``table``: per rival the paired difference candidate − rival, its interval, p_holm,
    what the design could detect, verdict and prediction. ``warnings``: what makes the
    test weaker than planned.
    """

    plan: Plan
    digest: str
    candidate: Candidate
    tuning: pd.DataFrame = field(repr=False)
    chosen: dict[str, float]
    accuracies: dict[str, list[float]] = field(repr=False)
    table: pd.DataFrame = field(repr=False)
    warnings: tuple[str, ...] = ()

    def sentence(self, rival: str) -> str:
        """Say what was found against one rival, with the numbers that carry it."""
        row = self.table.set_index("rival").loc[rival]
        # Without the addition, −0.04 would be written as −0.0.
        middle, low, high = (
            f"{round(x, 1) + 0.0:+.1f}" for x in (row.difference, row.low, row.high)
        )
        span = f"{middle} [{low}, {high}] points"
        words = {
            "better": f"better, {span}",
            "worse": f"worse, {span}",
            "equivalent": f"equivalent within ±{self.plan.margin:g}, {span}",
            "not shown": f"no difference that {len(self.plan.seeds)} seeds can show, "
            f"{span}; {row.detectable:.1f} would have shown",
        }
        return f"{display(rival)}: {words[str(row.verdict)]}".replace("-", "−")

    def __str__(self) -> str:
        plan = self.plan
        lines = ["PLAN", f"registered {self.digest[:12]}", str(plan), "", "RESULT"]
        for key, values in self.accuracies.items():
            who = plan.candidate if key == "candidate" else display(key)
            mean = statistics.interval(values)
            lines.append(f"{who:12} lr {self.chosen[key]:<6g} {mean} %")
        lines += ["", "VERDICT"]
        for key in plan.rivals:
            lines += textwrap.wrap(self.sentence(key), 68, subsequent_indent="  ")
        lines += ["", "PREDICTION"]
        columns = (self.table[name] for name in ("rival", "predicted", "verdict"))
        for rival, predicted, verdict in zip(*columns):
            kept = "as predicted" if predicted == verdict else "not as predicted"
            lines.append(f"{display(rival)}: {predicted}; found {verdict}: {kept}")
        lines += [f"! {warning}" for warning in self.warnings]
        return "\n".join(lines)


def run(
    plan: Plan,
    candidate: Candidate,
    registration: Registration,
    *,
    data: Dataset | None = None,
) -> Comparison:
    """Run a registered plan: tune each function, then test each once.

    Parameters
    ----------
    plan, candidate : as registered.
    registration : what `register` returned.
    data : loaded data of the name in the plan; by default they are loaded.

    Each function's learning rate is the one with the best mean accuracy on the
    held-out training examples over the tuning seeds; with it, networks of fresh seeds
    are trained on all training examples and tested.  A run that breaks down counts with
    the accuracy of guessing, and is reported.  Raises `ChangedPlanError` if
    plan or function are not the registered ones.  Chapter 15.
    """
    refuse_changes(plan, candidate, registration)
    data = DATA[plan.data]() if data is None else data
    if data.name.lower().replace("-", "_") != plan.data:
        raise ChangedPlanError(f"the plan is for {plan.data}, not for {data.name}")
    makers = {"candidate": candidate.make}
    makers |= {key: catalogue.get(key).make for key in plan.rivals}
    tuning = _tune(plan, makers, data.held_out(plan.held_out))
    means = tuning.groupby(["function", "lr"], sort=False)["accuracy"].mean()
    chosen = {key: float(means[key].idxmax()) for key in makers}
    accuracies, broken = {}, {}
    for key, make in makers.items():
        found = [_train(plan, make, data, chosen[key], seed) for seed in plan.seeds]
        accuracies[key] = [accuracy for accuracy, _ in found]
        broken[key] = sum(failed for _, failed in found)
    table = _compare(plan, accuracies)
    return Comparison(
        plan,
        registration.digest,
        candidate,
        tuning,
        chosen,
        accuracies,
        table,
        _warnings(plan, chosen, broken),
    )


def _tune(plan: Plan, makers: Mapping[str, Callable], data: Dataset) -> pd.DataFrame:
    rows = [
        {
            "function": key,
            "lr": lr,
            "seed": seed,
            "accuracy": _train(plan, make, data, lr, seed)[0],
        }
        for key, make in makers.items()
        for lr in plan.rates
        for seed in plan.tuning_seeds
    ]
    return pd.DataFrame(rows)


def _train(
    plan: Plan, make: Callable, data: Dataset, lr: float, seed: int
) -> tuple[float, bool]:
    """Return the accuracy in %, and whether the run broke down."""
    sizes = (data.inputs, *plan.hidden, data.outputs)
    network = MLP(sizes, make(), plan.init, seed=seed)
    return final_accuracy(
        network,
        data,
        epochs=plan.epochs,
        lr=lr,
        momentum=plan.momentum,
        batch_size=plan.batch_size,
        seed=seed,
    )


def final_accuracy(network: MLP, data: Dataset, **settings: Any) -> tuple[float, bool]:
    """Train with a cosine to 0; return the accuracy in %, and whether it broke down.

    A run that breaks down counts with the accuracy of guessing.  ``settings`` are those
    of `training.fit`.  Chapter 15.
    """
    try:
        found = fit(network, data, schedule="cosine", progress=False, **settings)
    except NonFiniteLossError:
        return 100 / data.outputs, True
    return found.accuracy, False


def _compare(plan: Plan, accuracies: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Return the paired differences candidate − rival, corrected for their number."""
    table = statistics.compare(accuracies, "candidate", margin=plan.margin)
    # compare gives rival − candidate; the report is about the candidate.
    words = {"larger": "worse", "smaller": "better"}
    return pd.DataFrame(
        {
            "rival": table["first"],
            "difference": -table["difference"],
            "low": -table["high"],
            "high": -table["low"],
            "p_holm": table["p_holm"],
            "detectable": table["detectable"],
            "verdict": table["verdict"].replace(words),
            "predicted": [dict(plan.predicts)[key] for key in table["first"]],
        }
    )


def _warnings(
    plan: Plan, chosen: Mapping[str, float], broken: Mapping[str, int]
) -> tuple[str, ...]:
    ends = {min(plan.rates), max(plan.rates)}
    found = []
    for key, lr in chosen.items():
        who = plan.candidate if key == "candidate" else display(key)
        if len(plan.rates) > 1 and lr in ends:
            found.append(f"{who}: the best lr, {lr:g}, lies on the edge of the grid")
        if broken[key]:
            found.append(f"{who}: {broken[key]} of {len(plan.seeds)} runs broke down")
    return tuple(found)
