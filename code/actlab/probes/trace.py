"""Recording a network while it trains."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ..networks import calls_inside
from .copies import Hook, hooked, unhooked
from .dead import LifeHistory
from .hooks import Listener, plain
from .layers import COLUMNS, OCTAVES, Histograms, Sample, octaves, rms, table
from .state import MEASURING, compiled_parts
from .unseen import FunctionsSeen

__all__ = ["Trace", "watch"]

TRACED = ("activation", "error_signal", "pre_activation")
WEIGHT_COLUMNS = (
    "step",
    "name",
    "weight_rms",
    "weight_gradient_rms",
    "update_rms",
    "log_update_ratio",
)


@dataclass(eq=False)
class _Step:
    """One sampled step: what passed, and each weight's size, gradient and change."""

    step: int
    sample: Sample
    weights: dict[str, dict[str, float]] = field(default_factory=dict)


class Trace:
    """What :func:`watch` saw; can be read during the recording and after it.

    ``life`` is the :class:`LifeHistory` over ``x``, None where no ``x`` was given;
    ``kinds`` says what counts as an activation, ``unseen`` which functions called in
    ``forward`` do not, as the first measured step has shown.
    """

    def __init__(self, network: nn.Module, life: LifeHistory | None) -> None:
        self.network, self.life = network, life
        self.passes = 0
        self.kinds: tuple[str, ...] = ()
        self.unseen: tuple[str, ...] = ()
        self._steps: list[_Step] = []

    @property
    def steps(self) -> list[int]:
        """Numbers of the sampled steps; 0 is the first step of training."""
        return [step.step for step in self._steps]

    @property
    def frame(self) -> pd.DataFrame:
        """One row per sampled step and layer, the network's output last.

        Columns: step, then those of :func:`snapshot` measured on the batch at hand
        (``silent`` counts the units that are 0 for the whole batch), then weight_rms
        before the step, weight_gradient_rms, update_rms (of the change that the
        optimiser made to the weights), log_update_ratio = log10(update_rms /
        weight_rms), and ``dead``, units that are 0 for all of ``x`` (nan without it).
        """
        rows = []
        for step in self._steps:
            dead = self._dead_at(step.step)
            output = [step.sample.output] if step.sample.output else []
            for row in step.sample.hidden + output:
                weight = row["weight"]
                name = f"{weight}.weight" if weight else "weight"
                line: dict[str, object]
                line = {**row, "silent": row.get("dead"), "dead": None}
                line |= {"step": step.step, **step.weights.get(name, {})}
                if dead and row["kind"] == "hidden":
                    line["dead"] = dead[row["layer"] - 1]
                rows.append(line)
        columns = ["step", *COLUMNS[:-1], "silent", "dead"]
        at = columns.index("weight_gradient_rms") + 1
        columns[at:at] = ["update_rms", "log_update_ratio"]
        return _with_ratio(table(rows, columns))

    def _dead_at(self, step: int) -> list[int]:
        if self.life is None:
            return []
        return self.life.observations[self.life.steps.index(step)].counts

    @property
    def weights(self) -> pd.DataFrame:
        """One row per sampled step and weight matrix, also of those without a layer."""
        rows = [
            {"step": step.step, "name": name} | row
            for step in self._steps
            for name, row in step.weights.items()
        ]
        return _with_ratio(table(rows, WEIGHT_COLUMNS))

    def histograms(self, layer: int, quantity: str = "activation") -> np.ndarray:
        """Counts per sampled step, shape (steps, bins + 2): zeros, nan or inf, bins.

        ``quantity`` is one of those that ``record`` was asked for; the bins are
        octaves, as the ``edges`` of :meth:`histograms_at` say.
        """
        self.layers  # noqa: B018  (says why there is none)
        found = [s.sample.counts.get((layer, quantity)) for s in self._steps]
        if all(counts is None for counts in found):
            raise KeyError(
                f"no histogram of {quantity!r} in layer {layer!r} of layers "
                f"{self.layers}; watch(…, histograms=[{quantity!r}]) keeps it"
            )
        none = torch.zeros(256, dtype=torch.long, device="cpu")
        return np.stack([octaves(none if c is None else c) for c in found])

    def histograms_at(self, step: int) -> Histograms:
        """The distributions of one sampled step."""
        if step not in self.steps:
            raise KeyError(f"step {step!r} was not sampled; these were: {self.steps}")
        sample = self._steps[self.steps.index(step)].sample
        return Histograms(
            counts={key: octaves(c) for key, c in sample.counts.items()},
            names={row["layer"]: row["name"] for row in sample.hidden},
            edges=OCTAVES,
            kinds=self.kinds,
            unseen=self.unseen,
        )

    @property
    def layers(self) -> list[int]:
        """The hidden layers, from 1; raises ``ValueError`` while none was seen."""
        found = {row["layer"] for step in self._steps for row in step.sample.hidden}
        if not found:
            raise ValueError(self.silence() or "no step was measured yet")
        return sorted(found)

    def silence(self) -> str:
        """Why the recording holds no layer; empty where it holds some."""
        if not self.passes:
            return (
                f"no pass through {type(self.network).__name__} with gradients on was "
                "seen. Train inside the with statement, and train this network: a copy "
                "has no hooks, and what torch.compile makes of it skips them"
            )
        if self._steps and not any(step.sample.hidden for step in self._steps):
            return (
                f"none of the activations ({', '.join(self.kinds)}) ran in the "
                f"{len(self._steps)} measured steps; name those that do with layers=[…]"
            )
        return ""


def _with_ratio(frame: pd.DataFrame) -> pd.DataFrame:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = frame["update_rms"].astype(float) / frame["weight_rms"].astype(float)
        frame["log_update_ratio"] = np.log10(ratio)
    return frame


@contextmanager
def watch(
    network: nn.Module,
    every: int = 10,
    x: Tensor | Iterable | None = None,
    *,
    layers: Sequence[str | nn.Module] | None = None,
    histograms: Sequence[str] = ("activation",),
    **life: Any,
) -> Iterator[Trace]:
    """Watch ``network`` while the body of the ``with`` statement trains it.

    A step is one forward pass through ``network`` with gradients on, followed by its
    backward pass and a change of the weights by whatever means.  Step 0 and every
    ``every``-th are measured; passes under ``torch.no_grad()`` are no steps.

    Parameters
    ----------
    network : any module whose activations are modules; functions called in ``forward``
        cannot be hooked, and torch's own are warned of at the first step.  No network
        that is compiled, whole or in parts: compiled code skips hooks.
    every : measure one step in this many; one in 10 made training of chapter 01's
        network 14 % slower (benchmarks/README.md).
    x : inputs on which dead units are counted before each measured step; costs a
        forward pass over ``x`` each time.
    layers : names of the modules that count as activations; None finds them.
    histograms : of which quantities distributions are kept: ``"activation"``,
        ``"error_signal"``, ``"pre_activation"``; each makes a measured step dearer.
    **life : settings of the :class:`LifeHistory` over ``x``, such as ``by``.

    Yields a :class:`Trace`.  The error signal is scaled for a loss that is a mean over
    the batch.  All hooks are removed at the end, also when the body raises; training
    takes the same course, bit by bit, as without the recording.  Copies and files of
    the network made meanwhile carry none of the hooks.  Warns at the end where no
    layer was seen.  Raises ``ValueError`` for a compiled network.  Chapters 09 and 10.
    """
    if not isinstance(every, int) or every < 1:
        raise ValueError(f"every is {every!r}; give a whole number from 1 on")
    if life and x is None:
        raise ValueError(f"{sorted(life)} need x, the inputs on which units are judged")
    unknown = set(histograms) - set(TRACED)
    if isinstance(histograms, str) or unknown:
        raise ValueError(
            f"histograms is {histograms!r}; give a list of some of {list(TRACED)}"
        )
    _refuse_compiled(network)
    history = None if x is None else LifeHistory(network, x, layers=layers, **life)
    recorder = _Recorder(Trace(network, history), every, layers, histograms)
    try:
        recorder.start()
        yield recorder.trace
        recorder.settle()
        if silence := recorder.trace.silence():
            warnings.warn(f"nothing was recorded: {silence}", stacklevel=calls_inside())
    finally:
        recorder.stop()


def _refuse_compiled(network: nn.Module) -> None:
    plain(network)  # refuses what is no network at all
    parts = compiled_parts(network)
    if parts:
        what = f"its part {parts[0]!r}" if parts[0] else type(network).__name__
        raise ValueError(
            f"{what} is compiled by torch.compile, and compiled code skips hooks that "
            "are set later. Record the network that was compiled (the ._orig_mod of "
            "what torch.compile returned), and train that one"
        )


class _Recorder:
    """The hooks of one recording."""

    def __init__(
        self,
        trace: Trace,
        every: int,
        layers: Sequence | None,
        histograms: Sequence[str],
    ) -> None:
        self.trace, self.every, self.histograms = trace, every, tuple(histograms)
        self.network = trace.network
        self.listener = Listener(self.network, self._visit, layers)
        self.trace.kinds = tuple(self.listener.kinds)
        # Looked for in one whole pass; layers that were named leave others out.
        self.looking: FunctionsSeen | None = None
        self.looked = layers is not None
        self.current: _Step | None = None
        self.waiting: _Step | None = None
        # Kept from sample to sample: fresh memory costs more than filling it.
        self.before: dict[str, Tensor] = {}
        self.handles: list = []
        self.gradient_handles: list = []

    def start(self) -> None:
        hooked([self.network])
        self.handles = [
            self.network.register_forward_pre_hook(Hook(self._before)),
            self.network.register_forward_hook(Hook(self._after)),
            # The one that runs also where the pass fails.
            self.network.register_forward_hook(Hook(self._close), always_call=True),
        ]

    def stop(self) -> None:
        self._look_no_more()
        self.listener.stop()
        if self.handles:
            unhooked([self.network])
        for handle in self.handles + self.gradient_handles:
            handle.remove()
        self.handles, self.gradient_handles = [], []

    def _visit(self, call: Any) -> None:
        assert self.current is not None, "the hooks are set while a step is measured"
        self.current.sample.visit(call)

    def _before(self, network: nn.Module, inputs: Any) -> None:
        if MEASURING.get():
            return
        self.settle()
        if not torch.is_grad_enabled():
            return
        self.listener.stop()  # of a pass that failed half-way
        step, self.trace.passes = self.trace.passes, self.trace.passes + 1
        if step % self.every:
            return
        if self.trace.life is not None:
            self.trace.life.observe(step)
        self.current = _Step(step, Sample(self.histograms, detailed=False))
        self.listener.start()
        if not self.looked:
            self.looking = FunctionsSeen(self.listener)
            self.looking.__enter__()

    def _after(self, network: nn.Module, inputs: Any, output: Any) -> None:
        if MEASURING.get() or self.current is None:
            return
        step, self.current = self.current, None
        seen = self._look_no_more()
        if seen is not None:
            self.looked = True
            self.listener.note(seen)
            self.trace.unseen = self.listener.unseen
        step.sample.finish(output, self.listener)
        self.listener.stop()
        self._watch_weights(step)
        self.trace._steps.append(step)
        self.waiting = step

    def _close(self, network: nn.Module, inputs: Any, output: Any) -> None:
        """End a pass that failed half-way; one that did not has ended already."""
        if MEASURING.get() or self.current is None:
            return
        self._look_no_more()
        self.listener.stop()
        self.current = None

    def _look_no_more(self) -> FunctionsSeen | None:
        seen, self.looking = self.looking, None
        if seen is not None:
            seen.__exit__(None, None, None)
        return seen

    def _watch_weights(self, step: _Step) -> None:
        for name, weight in self.network.named_parameters():
            if weight.ndim < 2:
                continue
            room = self.before.get(name)
            if room is None or room.shape != weight.shape:
                room = self.before[name] = torch.empty_like(weight.detach())
            room.copy_(weight.detach())
            row = step.weights[name] = {"weight_rms": rms(weight)}
            if weight.requires_grad:
                handle = weight.register_hook(_note(row))
                self.gradient_handles.append(handle)

    def settle(self) -> None:
        """Measure what the optimiser did to the weights, once it has done it."""
        step = self.waiting
        if step is None:
            return
        weights = dict(self.network.named_parameters())
        watched = {n: weights[n].detach() for n in step.weights if n in weights}
        changes = {n: rms(self.before[n].sub_(w)) for n, w in watched.items()}
        if not any(changes.values()):
            # Gradients are being accumulated: the step is still to come.
            for name, weight in watched.items():
                self.before[name].copy_(weight)
            return
        for name, change in changes.items():
            step.weights[name]["update_rms"] = change
        self.waiting = None
        for handle in self.gradient_handles:
            handle.remove()
        self.gradient_handles = []


def _note(row: dict[str, float]) -> Callable[[Tensor], None]:
    def arrived(gradient: Tensor | None) -> None:
        if gradient is not None:  # as a backward of somebody's own may return
            row["weight_gradient_rms"] = rms(gradient)

    return arrived
