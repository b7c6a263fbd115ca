"""Dead units: counted exactly over a whole data set, and followed through training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from .hooks import Listener, batches_of, plain
from .slopes import Call, slope_of, units_first
from .state import undisturbed

__all__ = ["DEFINITIONS", "DeadUnits", "LifeHistory", "dead_units"]

DEFINITIONS = {
    "data": "the output is exactly 0 for every example",
    "gradient": "the slope f′(z) is exactly 0 for every example",
    "threshold": "the slope f′(z) is smaller in size than the threshold, "
    "for every example",
    "dormant": "the mean size of the output is at most the threshold "
    "times the mean over the units of its layer",
}
DEFAULT_THRESHOLD = {"data": 0.0, "gradient": 0.0, "threshold": 1e-3, "dormant": 0.025}
UNITS = ("channel", "position")


@dataclass(frozen=True, eq=False)
class DeadUnits:
    """Which units of which layers are dead; what :func:`dead_units` returns.

    ``masks`` holds one bool tensor per layer, True for a dead unit; ``names`` the names
    of the activations; ``by`` and ``threshold`` the definition, ``examples`` how many
    examples were seen; ``kinds`` what counted as an activation, ``unseen`` activations
    that did not, because they are functions called in ``forward``; ``not_finite`` the
    layers in which nan or infinity came up: it is no sign of death, and none of life.
    """

    masks: list[Tensor]
    names: list[str]
    by: str
    threshold: float
    examples: int
    kinds: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    not_finite: tuple[str, ...] = ()

    @property
    def counts(self) -> list[int]:
        """Dead units per layer."""
        return [int(mask.sum()) for mask in self.masks]

    @property
    def sizes(self) -> list[int]:
        """Units per layer."""
        return [mask.numel() for mask in self.masks]

    @property
    def shares(self) -> list[float]:
        """Dead units per layer, as a share of its units."""
        return [dead / size for dead, size in zip(self.counts, self.sizes)]

    @property
    def total(self) -> int:
        """Dead units of all layers together."""
        return sum(self.counts)

    @property
    def frame(self) -> pd.DataFrame:
        """One row per layer: layer (from 1), name, units, dead, share."""
        return pd.DataFrame(
            {
                "layer": range(1, len(self.masks) + 1),
                "name": self.names,
                "units": self.sizes,
                "dead": self.counts,
                "share": self.shares,
            }
        )

    def __str__(self) -> str:
        units = sum(self.sizes)
        return (
            f"dead units by {self.by}: {self.counts} of {self.sizes}, "
            f"{self.total} of {units} ({100 * self.total / units:.1f} %), "
            f"{self.examples} examples"
            + counted(self.kinds, self.unseen)
            + self._lost()
        )

    def _lost(self) -> str:
        if not self.not_finite:
            return ""
        return (
            f"; nan or infinity in {', '.join(self.not_finite)}: what is dead there "
            "cannot be told"
        )


def dead_units(
    network: nn.Module,
    x: Tensor | Iterable,
    *,
    by: str = "data",
    threshold: float | None = None,
    batch_size: int = 1000,
    layers: Sequence[str | nn.Module] | None = None,
    unit: str = "channel",
    training: bool | None = False,
) -> DeadUnits:
    """Find the units that are dead for all examples of ``x``.

    The set is read batch by batch and never held as a whole; the result does not
    depend on how it is cut into batches.

    Parameters
    ----------
    network : any module whose activations are modules; functions called in ``forward``
        cannot be hooked, and torch's own are warned of.
    x : inputs, shape (examples, …), or batches: tensors or tuples that begin with one,
        for instance a DataLoader.
    by : ``"data"``: the output is exactly 0 for every example.  ``"gradient"``: the
        slope f′(z) is exactly 0 for every example.  ``"threshold"``: the size of the
        slope is below ``threshold`` (0.001) for every example, so that GELU, ELU or
        sigmoid can lose units too.  ``"dormant"``: the mean size of the output is at
        most ``threshold`` (0.025) times the mean of its layer (Sokar et al. 2023,
        arXiv:2302.12902).
    batch_size : rows at a time where ``x`` is a tensor.
    layers : names of the modules that count as activations; None finds them.
    unit : ``"channel"``: a channel of a convolution is one unit, dead when it is so at
        all its positions, as is a feature of a linear layer at all tokens;
        ``"position"``: each position of each channel is a unit of its own.
    training : whether the network runs in training mode (batch normalisation then
        uses each batch's own statistics, and the result depends on the batches); None
        keeps the mode that each module is in.

    Returns a :class:`DeadUnits`.  The network is left bit-identical, and so are torch's
    random generators.  Raises ``NoActivationError`` where nothing can be hooked,
    ``ValueError`` for an unknown definition, no examples, an image without a batch
    axis, and where a slope is asked of a layer that has none to see: it does not act on
    each element, or its output left the graph, so that autograd calls the slope 0 where
    values change.  Warns with ``UnseenActivationWarning`` of activations that are not
    measured.  Chapter 10.
    """
    network = plain(network)
    threshold = _check(by, threshold, unit)
    tallies: list[_Tally] = []

    def visit(call: Call) -> None:
        if call.layer > len(tallies):
            tallies.append(_Tally(call.name, by, threshold, unit))
        tallies[call.layer - 1].add(call)

    slopes = by in ("gradient", "threshold")
    listener = Listener(network, visit, layers, cut=slopes, keep=False)
    examples = 0
    with undisturbed(network, training), listener, torch.set_grad_enabled(slopes):
        for batch in batches_of(network, x, batch_size):
            listener.begin_pass()
            with nullcontext() if examples else listener.look_for_functions():
                network(batch)
            examples += len(batch)
    if not tallies:
        raise ValueError(listener.silence())
    return DeadUnits(
        masks=[tally.dead() for tally in tallies],
        names=[tally.name for tally in tallies],
        by=by,
        threshold=threshold,
        examples=examples,
        kinds=tuple(listener.kinds),
        unseen=listener.unseen,
        not_finite=tuple(tally.name for tally in tallies if tally.not_finite),
    )


def counted(kinds: Sequence[str], unseen: Sequence[str]) -> str:
    """The end of a report's line: what was measured, and what could not be."""
    text = f"; activations: {', '.join(kinds)}" if kinds else ""
    return text + (f"; not measured: {', '.join(unseen)}" if unseen else "")


class _Tally:
    """What one layer has shown so far: one number per unit, whatever the batches."""

    def __init__(self, name: str, by: str, threshold: float, unit: str) -> None:
        self.name, self.by, self.threshold, self.unit = name, by, threshold, unit
        self.seen: Tensor | None = None
        self.not_finite = False

    def add(self, call: Call) -> None:
        self.not_finite |= not bool(call.activation.isfinite().all())
        new = self._of(call)
        if self.seen is None:
            self.seen = new
        elif self.seen.shape != new.shape:
            raise ValueError(
                f"layer {self.name!r} has {len(self.seen)} units in one batch and "
                f"{len(new)} in another; with unit='position' all inputs need one size"
            )
        else:
            self.seen = self.seen + new if self.by == "dormant" else self.seen | new

    def _of(self, call: Call) -> Tensor:
        """Signs of life in this batch per unit: bool, or the summed size of output."""
        values = call.activation
        if self.by in ("gradient", "threshold"):
            slope = slope_of(call, unit=self.unit)
            if isinstance(slope, str):
                raise ValueError(f"{call} {slope}; use by='data'")
            values = slope
        rows = units_first(values.detach(), call.axis, self.unit)
        if self.by == "dormant":
            return rows.double().abs().sum(1)
        if self.by == "threshold":
            # Not "abs() >= threshold": nan is no sign of death.
            return ~(rows.abs() < self.threshold).all(1)
        return (rows != 0).any(1)

    def dead(self) -> Tensor:
        assert self.seen is not None, "a tally is made for a call and counts it"
        if self.by == "dormant":
            return (self.seen <= self.threshold * self.seen.mean()).cpu()
        return ~self.seen.cpu()


def _check(by: str, threshold: float | None, unit: str) -> float:
    if by not in DEFINITIONS:
        raise ValueError(f"by is {by!r}; choose one of {list(DEFINITIONS)}")
    if unit not in UNITS:
        raise ValueError(f"unit is {unit!r}; choose one of {list(UNITS)}")
    if threshold is None:
        return DEFAULT_THRESHOLD[by]
    if by in ("data", "gradient") and threshold != 0:
        raise ValueError(
            f"threshold is {threshold!r}, and by={by!r} asks for exact zeros; "
            "by='threshold' or by='dormant' use one"
        )
    if not 0 <= threshold < float("inf"):
        raise ValueError(f"threshold is {threshold!r}; give a number from 0 on")
    return float(threshold)


class LifeHistory:
    """Who is dead when: the same units observed again and again through training.

    Parameters
    ----------
    network : any module whose activations are modules.
    x : the examples by which death is judged, always the same ones; a tensor or
        something that can be looped over more than once.
    by, threshold, batch_size, layers, unit, training : as in :func:`dead_units`.

    Call :meth:`observe` with the number of the step or epoch.  Chapter 10.
    """

    def __init__(
        self,
        network: nn.Module,
        x: Tensor | Iterable,
        *,
        by: str = "data",
        threshold: float | None = None,
        batch_size: int = 1000,
        layers: Sequence[str | nn.Module] | None = None,
        unit: str = "channel",
        training: bool | None = False,
    ) -> None:
        if not isinstance(x, Tensor) and isinstance(x, Iterable) and iter(x) is x:
            raise TypeError(
                "x can be looped over only once; give a tensor, a list of batches or "
                "a DataLoader"
            )
        _check(by, threshold, unit)
        self.network, self.x = plain(network), x
        self._look = partial(
            dead_units,
            by=by,
            threshold=threshold,
            batch_size=batch_size,
            layers=layers,
            unit=unit,
            training=training,
        )
        self.steps: list[float] = []
        self.observations: list[DeadUnits] = []

    def observe(self, step: float) -> DeadUnits:
        """Look now, and note it under ``step``, which must grow from call to call."""
        if self.steps and not step > self.steps[-1]:
            raise ValueError(
                f"step is {step!r} after {self.steps[-1]!r}; steps must grow"
            )
        seen = self._look(self.network, self.x)
        if self.observations and seen.sizes != self.observations[0].sizes:
            raise ValueError(
                f"the layers have {seen.sizes} units now and had "
                f"{self.observations[0].sizes} before; units cannot be followed"
            )
        self.steps.append(step)
        self.observations.append(seen)
        return seen

    @property
    def sizes(self) -> list[int]:
        """Units per layer."""
        self._check_observed()
        return self.observations[0].sizes

    @property
    def names(self) -> list[str]:
        """Names of the activations, layer by layer."""
        self._check_observed()
        return self.observations[0].names

    @property
    def masks(self) -> list[np.ndarray]:
        """One array per layer, shape (observations, units), True where dead."""
        self._check_observed()
        layers = zip(*(seen.masks for seen in self.observations))
        return [torch.stack(layer).flatten(1).numpy() for layer in layers]

    @property
    def counts(self) -> pd.DataFrame:
        """Dead units: one row per observed step, one column per layer, from 1."""
        table = {
            layer: mask.sum(1).astype(int)
            for layer, mask in enumerate(self.masks, start=1)
        }
        frame = pd.DataFrame(table, index=pd.Index(self.steps, name="step"))
        return frame.rename_axis(columns="layer")

    @property
    def frame(self) -> pd.DataFrame:
        """One row per step, layer (from 1) and unit (from 0): is it dead?"""
        tables = []
        for layer, mask in enumerate(self.masks, start=1):
            steps, units = mask.shape
            tables.append(
                pd.DataFrame(
                    {
                        "step": np.repeat(self.steps, units),
                        "layer": layer,
                        "unit": np.tile(np.arange(units), steps),
                        "dead": mask.ravel(),
                    }
                )
            )
        frame = pd.concat(tables, ignore_index=True)
        return frame.sort_values(["step", "layer", "unit"], ignore_index=True)

    @property
    def births(self) -> pd.DataFrame:
        """Units born dead, dead when first observed: step, layer, unit."""
        return self._events(_at_first)

    @property
    def deaths(self) -> pd.DataFrame:
        """Units seen alive and at ``step``, the next observation, dead."""
        return self._events(lambda mask: _changes(~mask, mask))

    @property
    def revivals(self) -> pd.DataFrame:
        """Units seen dead and at ``step``, the next observation, alive."""
        return self._events(lambda mask: _changes(mask, ~mask))

    @property
    def fates(self) -> pd.DataFrame:
        """Units per layer by what became of them; the columns add up to ``units``.

        alive (never seen dead), born_dead (dead throughout), killed (born alive, dead
        at the end), revived (dead at some time, alive at the end), relapsed (born
        dead, revived, dead at the end).
        """
        rows = []
        for layer, mask in enumerate(self.masks, start=1):
            first, last = mask[0], mask[-1]
            ever, always = mask.any(0), mask.all(0)
            kinds = {
                "alive": ~ever,
                "born_dead": always,
                "killed": ~first & last,
                "revived": ever & ~last,
                "relapsed": first & last & ~always,
            }
            sums = {name: int(kind.sum()) for name, kind in kinds.items()}
            rows.append({"layer": layer, "units": mask.shape[1]} | sums)
        return pd.DataFrame(rows)

    def _check_observed(self) -> None:
        if not self.observations:
            raise ValueError("nothing was observed yet; call observe(step) first")

    def _events(self, happened: Callable[[np.ndarray], np.ndarray]) -> pd.DataFrame:
        rows = [
            (self.steps[at], layer, unit)
            for layer, mask in enumerate(self.masks, start=1)
            for at, unit in np.argwhere(happened(mask))
        ]
        frame = pd.DataFrame(rows, columns=["step", "layer", "unit"])
        return frame.sort_values(["step", "layer", "unit"], ignore_index=True)


def _at_first(mask: np.ndarray) -> np.ndarray:
    """What the first observation shows, and nothing later."""
    return np.vstack([mask[:1], np.zeros_like(mask[1:])])


def _changes(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """True at an observation where ``before`` held one earlier and ``after`` now."""
    changed = before[:-1] & after[1:]
    return np.vstack([np.zeros_like(before[:1]), changed])
