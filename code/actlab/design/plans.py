"""The plan of a fair test, fixed before its results.

It says which function is tried against which, on what data, with which seeds and step
sizes, how small a difference counts as none, and what is predicted.  Its digest is
taken before anything is trained.

Chapter: 15.
"""

from __future__ import annotations

import hashlib
import json
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from .. import catalogue, datasets
from ..datasets import Dataset
from .candidates import Candidate

__all__ = [
    "DATA",
    "VERDICTS",
    "ChangedPlanError",
    "Plan",
    "Registration",
    "display",
    "make_plan",
    "refuse_changes",
    "register",
]

VERDICTS = ("better", "worse", "equivalent", "not shown")
DATA: Mapping[str, Callable[[], Dataset]] = {
    "digits": datasets.digits,
    "fashion_mnist": datasets.fashion_mnist,
}
POINTS = tuple(x / 2 for x in range(-12, 13))  # where a function is remembered


class ChangedPlanError(RuntimeError):
    """The plan or the function is not the registered one; the message says where."""


@dataclass(frozen=True)
class Plan:
    """Everything that decides a comparison, fixed before its results.

    ``predicts`` pairs each rival with what is expected of the candidate against it,
    one of ``VERDICTS``; ``values`` are the candidate's at ``POINTS``, so that a
    function which keeps its name and changes is noticed.  Numbers of accuracy are in
    percentage points.  Use :func:`make_plan`.
    """

    candidate: str
    definition: str
    values: tuple[float, ...] = field(repr=False)
    predicts: tuple[tuple[str, str], ...]
    because: str
    data: str = "digits"
    hidden: tuple[int, ...] = (32, 32)
    init: str = "default"
    momentum: float = 0.9
    batch_size: int = 64
    epochs: int = 8
    rates: tuple[float, ...] = (0.03, 0.1, 0.3)
    held_out: int = 287
    tuning_seeds: tuple[int, ...] = (100, 101, 102)
    seeds: tuple[int, ...] = tuple(range(10))
    margin: float = 1.0

    @property
    def rivals(self) -> tuple[str, ...]:
        """Keys of the catalogue, in the order of the predictions."""
        return tuple(key for key, _ in self.predicts)

    @property
    def runs(self) -> int:
        """How many networks the test trains."""
        each = len(self.rates) * len(self.tuning_seeds) + len(self.seeds)
        return (1 + len(self.predicts)) * each

    def text(self) -> str:
        """Return the plan as JSON, the same bytes for the same plan."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False)

    def __str__(self) -> str:
        predicted = "; ".join(
            f"{word} than {display(key)}"
            if word in VERDICTS[:2]
            else f"equivalent to {display(key)}"
            if word == "equivalent"
            else f"no difference shown from {display(key)}"
            for key, word in self.predicts
        )
        rows = {
            "data": f"{self.data}; the last {self.held_out:,} training examples are "
            "held out for tuning",
            "network": f"hidden units {'-'.join(map(str, self.hidden))}, init "
            f"{self.init!r}",
            "training": f"SGD, momentum {self.momentum:g}, lr falls to 0 along a "
            f"cosine, batch {self.batch_size}, {self.epochs} epochs",
            "tuning": f"lr {_listed(self.rates)} for each function, seeds "
            f"{_listed(self.tuning_seeds)}",
            "test": f"once, {len(self.seeds)} fresh seeds ({_listed(self.seeds)})",
            "margin": f"±{self.margin:g} points count as no difference",
            "predicted": predicted,
            "because": self.because,
        }
        lines = [f"{self.candidate} against {', '.join(map(display, self.rivals))}"]
        for label, text in rows.items():
            lines += textwrap.wrap(
                text, 68, initial_indent=f"{label:11}", subsequent_indent=11 * " "
            )
        return "\n".join(lines)


def make_plan(
    candidate: Candidate, predicts: Mapping[str, str], because: str, **settings: Any
) -> Plan:
    """Return the plan of a test of ``candidate`` against rivals.

    Parameters
    ----------
    candidate : the function that is tried.
    predicts : from each rival's key to what you expect of the candidate against it:
        ``"better"``, ``"worse"``, ``"equivalent"`` or ``"not shown"``.
    because : your reason, in a sentence or two.
    settings : other fields of :class:`Plan`.

    Raises ``ValueError`` for a plan that could not be run or would not be fair: an
    unknown verdict or data set, no reason, a seed used twice, fewer than two seeds.
    Chapter 15.
    """
    if not predicts:
        raise ValueError("predicts is empty; name at least one rival, as {'relu': ...}")
    for key, word in predicts.items():
        if word not in VERDICTS:
            raise ValueError(f"{word!r} is no verdict; choose one of {list(VERDICTS)}")
        if catalogue.get(key).kind == "vector":
            raise ValueError(f"{key!r} maps vectors to vectors; it cannot be a rival")
    if not because.strip():
        raise ValueError("because is empty; a prediction without a reason is a guess")
    lists: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list | range) else v for k, v in settings.items()
    }
    values = np.round(candidate.values(POINTS), 6) + 0.0  # no −0
    plan = Plan(
        candidate=candidate.name,
        definition=candidate.definition,
        values=tuple(values.tolist()),
        predicts=tuple(
            (catalogue.get(key).key, word) for key, word in predicts.items()
        ),
        because=because.strip(),
        **lists,
    )
    _check(plan)
    return plan


def _check(plan: Plan) -> None:
    if plan.data not in DATA:
        raise ValueError(f"unknown data {plan.data!r}; choose one of {list(DATA)}")
    both = set(plan.seeds) & set(plan.tuning_seeds)
    if both:
        raise ValueError(
            f"seed {min(both)} is both a tuning seed and a test seed; what was chosen "
            "by a seed must not be judged by it"
        )
    for name in ("seeds", "tuning_seeds", "rates"):
        given = getattr(plan, name)
        least = 2 if name == "seeds" else 1
        if len(set(given)) != len(given) or len(given) < least:
            raise ValueError(f"{name} is {given}; give {least} or more, each once")
    if not plan.margin > 0:
        raise ValueError(f"margin is {plan.margin}; give a positive number of points")


# --- registration ---------------------------------------------------------------------


@dataclass(frozen=True)
class Registration:
    """A plan as it was when it was registered, and its digest (SHA-256)."""

    text: str = field(repr=False)
    digest: str

    def save(self, path: str | Path) -> Path:
        """Write plan and digest to a JSON file; an existing file is never replaced."""
        path = Path(path)
        if path.exists():
            raise FileExistsError(f"{path} is there already; a registration stays")
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(path.name + ".part")
        content = {"digest": self.digest, "plan": json.loads(self.text)}
        draft.write_text(
            json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8"
        )
        os.replace(draft, path)
        return path

    @classmethod
    def load(cls, path: str | Path) -> Registration:
        """Read a file of :meth:`save`; raise `ChangedPlanError` if it was edited."""
        content = json.loads(Path(path).read_text("utf-8"))
        text = json.dumps(content["plan"], indent=1, sort_keys=True, ensure_ascii=False)
        if _digest(text) != content["digest"]:
            raise ChangedPlanError(
                f"{path} was edited: its plan has the digest {_digest(text)[:12]}, "
                f"registered was {content['digest'][:12]}"
            )
        return cls(text, content["digest"])

    def __str__(self) -> str:
        return f"registered {self.digest[:12]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def register(plan: Plan) -> Registration:
    """Freeze a plan: take the digest that `run` will ask for.

    The digest shows that nothing was changed.  *When* it was taken needs a witness: a
    commit, a mail to a colleague, a public registry.  Chapter 15.
    """
    text = plan.text()
    return Registration(text, _digest(text))


def refuse_changes(plan: Plan, candidate: Candidate, seal: Registration) -> None:
    """Raise `ChangedPlanError` unless plan and function are those of ``seal``."""
    before, now = json.loads(seal.text), json.loads(plan.text())
    changed = [f.name for f in fields(Plan) if before.get(f.name) != now[f.name]]
    if changed:
        name = changed[0]
        more = f" ({len(changed) - 1} more changed)" if len(changed) > 1 else ""
        raise ChangedPlanError(
            f"{name} was {before.get(name)!r} when the plan was registered and is "
            f"{now[name]!r}{more}. Run the registered plan, or register this one as a "
            "new plan and report both"
        )
    if candidate.definition != plan.definition:
        raise ChangedPlanError(
            f"the definition of {candidate.name} was {plan.definition!r} when the plan "
            f"was registered and is {candidate.definition!r}"
        )
    values = candidate.values(POINTS)
    gap = np.nan_to_num(np.abs(values - np.array(plan.values)), nan=np.inf)
    worst = int(gap.argmax())
    if gap[worst] > 1e-5:
        raise ChangedPlanError(
            f"{candidate.name} is not the registered function: at x = "
            f"{POINTS[worst]:g} it was {plan.values[worst]:g} and is {values[worst]:g}"
        )


def display(key: str) -> str:
    """Return the name of a catalogue row."""
    return catalogue.get(key).name


def _listed(numbers: Sequence[float]) -> str:
    """'0 to 9' for a row of whole numbers, else '0.01, 0.1'."""
    first, last = numbers[0], numbers[-1]
    if len(numbers) > 3 and list(numbers) == list(range(int(first), int(last) + 1)):
        return f"{first} to {last}"
    return ", ".join(f"{number:g}" for number in numbers)
