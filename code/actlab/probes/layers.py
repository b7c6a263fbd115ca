"""What flows through each layer: sizes, slopes, error signals, their distributions."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from .. import training as training_module
from ..networks import calls_inside
from .hooks import Listener, batches_of, plain, refuse_unpaired
from .slopes import LEFT_GRAPH, Call, CutGraphWarning, slope_of
from .state import undisturbed

__all__ = [
    "EDGES",
    "QUANTITIES",
    "SATURATED_BELOW",
    "Histograms",
    "Sample",
    "correlation",
    "histograms",
    "log_histogram",
    "snapshot",
]

SATURATED_BELOW = 0.05
"""An activation counts as saturated where the size of its slope is below this."""

QUANTITIES = (
    "pre_activation",
    "activation",
    "error_signal",
    "weight",
    "weight_gradient",
)

LOWEST, HIGHEST, PER_DECADE = -30, 4, 5
EDGES = np.linspace(LOWEST, HIGHEST, (HIGHEST - LOWEST) * PER_DECADE + 1)
"""Edges of the bins of ``histograms``, in log10 of the size: the same for all."""

FIRST_OCTAVE, LAST_OCTAVE = -100, 14
OCTAVES = np.log10(2.0) * np.arange(FIRST_OCTAVE, LAST_OCTAVE + 1)
"""Edges of the bins of recordings, in log10 of the size: powers of two, 8e-31 to 2e4.

The exponent of a float32 is its bin, which costs a tenth of taking logarithms.
"""

COLUMNS = (
    "layer",
    "name",
    "kind",
    "weight",
    "units",
    "pre_activation_rms",
    "pre_activation_spread",
    "activation_mean",
    "activation_rms",
    "slope_rms",
    "saturation",
    "error_signal_rms",
    "weight_rms",
    "weight_gradient_rms",
    "input_correlation",
    "dead",
)


def correlation(z: Tensor) -> float:
    """Mean cosine between the vectors of two different examples.

    1 means that all examples look alike to the layer (collapse), 0 that they are
    unrelated.  Uncentred, as in the theory of correlation maps.

    Parameters
    ----------
    z : shape (examples, …); computed in float64.

    Examples that are zero throughout are left out; nan where fewer than two are left,
    and where z holds nan or infinity.
    Chapters 04 and 09.  Source: Poole et al. 2016, arXiv:1606.05340.
    """
    return float(_correlation(z.detach()))


def _correlation(z: Tensor) -> Tensor:
    z = z.flatten(1).double()
    length = z.norm(dim=1)
    if not bool(length.isfinite().all()):
        return z.new_tensor(math.nan)
    z = z[length > 0] / length[length > 0, None]
    n = len(z)
    if n < 2:
        return z.new_tensor(math.nan)
    return (z.sum(0).square().sum() - n) / (n * (n - 1))


def rms(values: Tensor) -> float:
    """Root mean square, exact also where squares are not.

    Error signals of 1e-25 are real in deep networks; their squares are 0 in float32.
    """
    values = values.detach()
    # One pass over the memory, where square().mean().sqrt() takes two.
    norm = torch.linalg.vector_norm(values).item()
    if not 1e-12 < norm < 1e12 or values.dtype.itemsize < 4:
        norm = torch.linalg.vector_norm(values, dtype=torch.float64).item()
    return norm / math.sqrt(max(values.numel(), 1))


def log_histogram(values: Tensor) -> Tensor:
    """Count sizes into the bins of ``EDGES``, after two counts: zeros, and nan or inf.

    Returns whole numbers, shape (bins + 2,).  What lies outside is counted in the
    outermost bins.
    """
    size = values.detach().reshape(-1).abs().float()
    bins = len(EDGES) - 1
    index = size.log10().sub_(LOWEST).mul_(PER_DECADE).clamp_(0, bins - 1)
    index = index.nan_to_num_(0).long().add_(2)
    index[size == 0] = 0
    index[~size.isfinite()] = 1
    return torch.bincount(index, minlength=bins + 2)


def exponents(values: Tensor) -> Tensor:
    """Count the exponents of float32 numbers: shape (256,), see ``octaves``."""
    bits = values.detach().float().contiguous().view(torch.int32).reshape(-1)
    return torch.bincount((bits >> 23).bitwise_and_(255), minlength=256)


def octaves(counts: Tensor) -> np.ndarray:
    """Counts of exponents as those of ``log_histogram``, in the bins of ``OCTAVES``.

    Sizes below 1.2e-38 count as zeros.
    """
    seen = counts.cpu().numpy()
    low, high = FIRST_OCTAVE + 127, LAST_OCTAVE + 127
    below, above = seen[1 : low + 1].sum(), seen[high - 1 : 255].sum()
    inner = seen[low + 1 : high - 1]
    return np.concatenate([seen[[0, 255]], [below], inner, [above]])


class LayerRow(TypedDict, total=False):
    """What is known of one layer: some of ``COLUMNS``; tensors are single numbers."""

    layer: int
    name: str
    kind: str
    weight: str
    units: int
    pre_activation_rms: float
    pre_activation_spread: float
    activation_mean: Tensor
    activation_rms: float
    slope_rms: float
    saturation: Tensor
    error_signal_rms: float
    weight_rms: float
    weight_gradient_rms: float
    input_correlation: Tensor
    dead: Tensor


@dataclass(eq=False)
class Sample:
    """One forward and one backward pass, measured while they run.

    ``hidden`` has one :class:`LayerRow` per activation, ``output`` is the one of the
    network's output; both gain ``error_signal_rms`` when the gradient passes.
    ``counts`` maps (layer, quantity) to histograms where ``histogram`` asks for them.
    Without ``detailed`` the expensive quantities are left out and exponents counted.
    """

    histogram: Sequence[str] = ()
    detailed: bool = True
    hidden: list[LayerRow] = field(default_factory=list)
    output: LayerRow = field(default_factory=LayerRow)
    counts: dict[tuple[int, str], Tensor] = field(default_factory=dict)
    paired: set[str] = field(default_factory=set)
    kinds: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    n: int = 0

    def visit(self, call: Call) -> None:
        """Measure one activation; called in the middle of the forward pass."""
        z, a = call.pre_activation, call.activation
        weight = call.weight[0] if call.weight else ""
        weight = "" if weight in self.paired else weight
        self.paired.add(weight)
        row: LayerRow = {"layer": call.layer, "name": call.name, "kind": "hidden"}
        row["weight"] = weight
        row |= self._flow(z)
        with torch.no_grad():
            row["units"] = a.shape[call.axis]
            row["activation_mean"] = a.detach().mean()
            row["activation_rms"] = rms(a)
        if not math.isnan(row["pre_activation_rms"] + row["activation_rms"]):
            row |= self._ups_and_downs(call)
        self.hidden.append(row)
        self._count(call.layer, "pre_activation", z)
        self._count(call.layer, "activation", a)
        self._await_gradient(z, row)

    def _ups_and_downs(self, call: Call) -> LayerRow:
        """Dead units and slopes; of nan there is nothing to say."""
        a = call.activation.detach()
        others = [axis for axis in range(a.ndim) if axis != call.axis]
        row: LayerRow = {"dead": (torch.count_nonzero(a, others) == 0).sum()}
        slope = slope_of(call)
        if isinstance(slope, Tensor):
            row["slope_rms"] = rms(slope)
            if not math.isnan(row["slope_rms"]):
                flat = torch.count_nonzero(slope.abs_() < SATURATED_BELOW)
                row["saturation"] = flat / slope.numel()
        elif slope is LEFT_GRAPH:
            self.cut.append(str(call))
        return row

    def finish(self, output: Tensor, listener: Listener) -> None:
        """Measure the network's output, when the forward pass is over."""
        self.kinds, self.unseen = listener.kinds, list(listener.unseen)
        for cut in self.cut:
            if cut not in listener.said:  # once in a recording of many steps
                listener.said.add(cut)
                warnings.warn(f"{cut} {LEFT_GRAPH}", CutGraphWarning, calls_inside())
        if not isinstance(output, Tensor) or output.ndim < 1:
            return
        if not output.is_floating_point():
            output = output.double()
        last = listener.last_weight
        weight = last[0] if last and last[0] not in self.paired else ""
        self.n = len(output)
        layer = len(self.hidden) + 1
        self.output = {"layer": layer, "name": "output", "kind": "output"}
        self.output |= {"weight": weight, "units": output.shape[-1]}
        self.output |= self._flow(output)
        self._count(layer, "pre_activation", output)
        self._await_gradient(output, self.output)

    def _flow(self, z: Tensor) -> LayerRow:
        z = z.detach()
        row: LayerRow = {"pre_activation_rms": rms(z)}
        if self.detailed:
            row["pre_activation_spread"] = rms(z - z.mean(0))
            row["input_correlation"] = _correlation(z if z.ndim > 1 else z[:, None])
        return row

    def _await_gradient(self, z: Tensor, row: LayerRow) -> None:
        if not z.requires_grad:
            return
        n = len(z)

        def arrived(gradient: Tensor | None) -> None:
            if gradient is None:  # a backward of somebody's own has returned it
                return
            # The loss is a mean over n examples; times n it is one example's own.
            row["error_signal_rms"] = rms(gradient) * n
            self._count(row["layer"], "error_signal", gradient, n)

        z.register_hook(arrived)

    def _count(self, layer: int, quantity: str, values: Tensor, by: int = 1) -> None:
        if quantity in self.histogram:
            values = values.detach()
            values = values * by if by != 1 else values
            count = log_histogram if self.detailed else exponents
            self.counts[layer, quantity] = count(values)


def table(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str] = COLUMNS
) -> pd.DataFrame:
    """Rows of plain numbers and tensors without axes as a DataFrame."""
    plain = [
        {key: v.item() if isinstance(v, Tensor) else v for key, v in row.items()}
        for row in rows
    ]
    return pd.DataFrame(plain).reindex(columns=list(columns))


def snapshot(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    loss: str | Callable[[Tensor, Tensor], Tensor] = "auto",
    layers: Sequence[str | nn.Module] | None = None,
    output: bool = False,
    training: bool | None = None,
) -> pd.DataFrame:
    """Measure every layer in one forward and one backward pass over ``x``.

    Parameters
    ----------
    network : any module whose activations are modules; functions called in ``forward``
        cannot be hooked, and torch's own are warned of.
    x, y : inputs of shape (examples, …) and their targets.
    loss : as in :func:`actlab.training.fit`, or a function of output and targets that
        gives a mean over the examples.
    layers : names of the modules that count as activations; None finds them.
    output : whether a last row for the network's output is added.
    training : the mode in which the network runs (dropout, batch normalisation); None
        keeps the one it is in.

    Returns a table with one row per hidden layer, in the order in which they ran:

    - layer (from 1), name of the activation, kind, weight (name of the weight layer
      that feeds it), units;
    - pre_activation_rms, root mean square of z over units and examples;
      pre_activation_spread, the standard deviation of z from example to example (root
      mean square over the units); activation_mean, activation_rms, of f(z);
    - slope_rms, root mean square of f′(z); saturation, the share of units × examples
      with |f′(z)| < 0.05 (for ReLU this is the share of zeros);
    - error_signal_rms, of ∂L/∂z, where L is *each example's own* loss: the gradient of
      the mean loss times the number of examples;
    - weight_rms and weight_gradient_rms, of the weight matrix that feeds the layer and
      of the gradient of the *mean* loss with respect to it;
    - input_correlation, mean cosine between the z of two different examples;
    - dead, units that are exactly 0 for all of ``x``.

    ``attrs["kinds"]`` says what counted as an activation, ``attrs["unseen"]`` which
    functions called in ``forward`` did not (warned of as ``UnseenActivationWarning``),
    ``attrs["unreached"]`` the layers that no gradient reaches.
    nan stands where a quantity does not exist: gradients of frozen weights, weights
    that are not matrices of one layer or are computed anew each time (a spectral norm),
    slopes of functions that do not act on each element, error signals that no gradient
    reaches, and all that is computed from a nan.  Where an activation leaves the graph
    (``.detach()``, NumPy), a ``CutGraphWarning`` names it.  The network is left
    bit-identical, ``.grad`` and torch's random generators included.  Chapter 09.
    """
    network = plain(network)
    sample, gradients = _measure(network, x, y, loss, layers, training)
    rows = sample.hidden + ([sample.output] if output else [])
    weights = dict(network.named_parameters())
    for row in rows:
        name = f"{row['weight']}.weight" if row["weight"] else "weight"
        weight = weights.get(name)
        if weight is not None:
            row["weight_rms"] = rms(weight)
        if name in gradients:
            row["weight_gradient_rms"] = rms(gradients[name])
    frame = table(rows)
    unreached = [row["layer"] for row in rows if "error_signal_rms" not in row]
    frame.attrs.update(kinds=sample.kinds, unseen=sample.unseen, unreached=unreached)
    return frame


def _measure(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: str | Callable,
    layers: Sequence | None,
    training: bool | None,
    histogram: Sequence[str] = (),
) -> tuple[Sample, dict[str, Tensor]]:
    """Run forward and backward once; return what was seen, and weight gradients."""
    refuse_unpaired(x, y)
    criterion = loss if callable(loss) else training_module.criterion_for(loss, y)
    sample = Sample(histogram)
    listener = Listener(network, sample.visit, layers)
    with undisturbed(network, training), torch.enable_grad():
        (x,) = batches_of(network, x, max(len(x), 1))
        y = y.clone() if y.is_inference() else y
        if x.is_floating_point():
            # Gradients then reach every layer, also where all weights before are frozen
            x = x.detach().clone().requires_grad_()
        with listener:
            with listener.look_for_functions():
                result = network(x)
            sample.finish(result, listener)
            if not sample.hidden:
                raise ValueError(listener.silence())
        if not (isinstance(result, Tensor) or callable(loss)):
            kind = type(result).__name__
            raise TypeError(
                f"the network returns a {kind}, not a tensor; give a loss that takes "
                "scores out of it: loss=lambda out, y: F.cross_entropy(out[0], y)"
            )
        value = criterion(result, y.to(x.device))
        sources = {n: p for n, p in network.named_parameters() if p.requires_grad}
        inputs = [*sources.values(), *([x] if x.requires_grad else [])]
        grads: tuple = ()
        if value.requires_grad:  # not past an output that has left the graph
            grads = torch.autograd.grad(value, inputs, allow_unused=True)
    pairs = zip(sources, grads)
    return sample, {name: grad for name, grad in pairs if grad is not None}


@dataclass(frozen=True, eq=False)
class Histograms:
    """Distributions of sizes, layer by layer, on one logarithmic axis.

    ``counts`` maps (layer, quantity) to whole numbers: zeros first, then nan or inf,
    then the bins of ``edges`` (log10 of the size).  ``names`` maps layers to names,
    ``kinds`` says what counted as an activation, ``unseen`` what could not.
    """

    counts: dict[tuple[int, str], np.ndarray]
    names: dict[int, str]
    edges: np.ndarray = field(default_factory=lambda: EDGES)
    kinds: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def layers(self) -> list[int]:
        """The layers, from the input on."""
        return sorted(self.names)

    def share(self, layer: int, quantity: str) -> np.ndarray:
        """Share of the values per bin, of all values; shape (bins,)."""
        counts = self._get(layer, quantity)
        return counts[2:] / max(counts.sum(), 1)

    def zeros(self, layer: int, quantity: str) -> float:
        """Share of the values that are exactly 0."""
        counts = self._get(layer, quantity)
        return float(counts[0] / max(counts.sum(), 1))

    def quantile(self, layer: int, quantity: str, q: float) -> float:
        """log10 of a quantile of the sizes that are not 0; nan where all are 0."""
        counts = self._get(layer, quantity)[2:]
        if not counts.sum():
            return math.nan
        sums = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
        return float(np.interp(q, sums, self.edges))

    def _get(self, layer: int, quantity: str) -> np.ndarray:
        if (layer, quantity) not in self.counts:
            raise KeyError(
                f"no histogram of {quantity!r} in layer {layer!r}; there are "
                f"{sorted({q for _, q in self.counts})} in layers {self.layers}"
            )
        return self.counts[layer, quantity]


def histograms(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    loss: str | Callable[[Tensor, Tensor], Tensor] = "auto",
    layers: Sequence[str | nn.Module] | None = None,
    output: bool = True,
    training: bool | None = None,
) -> Histograms:
    """Measure the distributions of every layer in one forward and backward pass.

    Parameters are those of :func:`snapshot`.  Returns :class:`Histograms` of
    ``"pre_activation"``, ``"activation"``, ``"error_signal"`` (as in ``snapshot``),
    ``"weight"`` and ``"weight_gradient"``; the row of the output has no activation.
    Chapter 09.
    """
    network = plain(network)
    sample, gradients = _measure(network, x, y, loss, layers, training, QUANTITIES)
    rows = sample.hidden + ([sample.output] if output and sample.output else [])
    weights = dict(network.named_parameters())
    counts = dict(sample.counts)
    for row in rows:
        name = f"{row['weight']}.weight"
        if row["weight"] and name in weights:
            counts[row["layer"], "weight"] = log_histogram(weights[name])
        if row["weight"] and name in gradients:
            counts[row["layer"], "weight_gradient"] = log_histogram(gradients[name])
    kept = {row["layer"]: row["name"] for row in rows}
    return Histograms(
        counts={key: c.cpu().numpy() for key, c in counts.items() if key[0] in kept},
        names=kept,
        kinds=tuple(sample.kinds),
        unseen=tuple(sample.unseen),
    )
