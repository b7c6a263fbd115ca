"""The health panel: the signs that a practitioner checks, each with its limit."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from .. import training as training_module
from ..networks import lines_up
from .dead import DeadUnits, counted, dead_units
from .hooks import batches_of, plain, refuse_unpaired
from .layers import SATURATED_BELOW, correlation, snapshot
from .state import undisturbed
from .trace import Trace

__all__ = ["SOURCES", "HealthReport", "Sign", "checkup"]

SOURCES = {
    "custom": "custom",
    "derived": "derived",
    "lecun1998efficient": "LeCun et al. 1998",
    "glorot2010understanding": "Glorot & Bengio 2010",
    "he2015delving": "He et al. 2015",
    "schoenholz2017deep": "Schoenholz et al. 2017",
}
"""Where a limit comes from: keys of the bibliography, "derived", or "custom"."""

MARKS = {"ok": "✓", "watch": "!", "trouble": "✗", "not measured": "○"}


@dataclass(frozen=True)
class Sign:
    """One line of the panel.

    ``status`` is ``"ok"``, ``"watch"``, ``"trouble"`` or ``"not measured"``; ``number``
    the measured number that decides it (nan where none was measured), ``value`` the
    same in words, ``limit`` what is held against it; ``aim`` and ``limit_from`` keys of
    ``SOURCES``: where the aim comes from, and where the size of the limit does.
    """

    name: str
    status: str
    number: float
    value: str
    limit: str
    aim: str
    limit_from: str
    meaning: str
    advice: str

    @property
    def origin(self) -> str:
        """Where aim and limit come from, in words."""
        if self.aim == self.limit_from:
            return SOURCES[self.aim]
        return f"aim: {SOURCES[self.aim]}; limit: {SOURCES[self.limit_from]}"


@dataclass(frozen=True, eq=False)
class HealthReport:
    """What :func:`checkup` returns: the signs, and the table of layers behind them.

    ``report["dead units"]`` gives one sign, ``frame`` all of them as a table.
    """

    title: str
    signs: list[Sign]
    layers: pd.DataFrame
    dead: DeadUnits

    @property
    def status(self) -> str:
        """The worst status among the signs: "ok", "watch" or "trouble"."""
        found = {sign.status for sign in self.signs}
        return next((s for s in ("trouble", "watch") if s in found), "ok")

    @property
    def frame(self) -> pd.DataFrame:
        """One row per sign."""
        return pd.DataFrame([vars(sign) | {"from": sign.origin} for sign in self.signs])

    def __getitem__(self, name: str) -> Sign:
        for sign in self.signs:
            if sign.name == name:
                return sign
        raise KeyError(f"no sign {name!r}; there are {[s.name for s in self.signs]}")

    def at_step(self, lr: float, optimiser: str = "sgd") -> HealthReport:
        """The same measurements with the update:data ratio of another first step.

        ``lr`` and ``optimiser`` are as in :func:`checkup`, the other signs stay.
        Raises ``ValueError`` for another optimiser.  Chapter 14.
        """
        step = _updates(self.layers, None, lr, optimiser)
        signs = [step if sign.name == step.name else sign for sign in self.signs]
        return replace(self, signs=signs)

    def __str__(self) -> str:
        lines = [self.title]
        for sign in self.signs:
            known = sign.status != "not measured"
            value = sign.value if known else f"not measured: {sign.value}"
            lines.append(f"{MARKS[sign.status]} {sign.name}: {value}")
            if known:
                lines += _wrapped(f"expected {sign.limit} ({sign.origin})")
            lines += _wrapped(sign.meaning)
            if sign.status != "ok":
                lines += _wrapped(f"Try: {sign.advice}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        signs = "".join(_sign_html(sign) for sign in self.signs)
        return (
            f'<div class="actlab-health"><style>{STYLE}</style>'
            f"<p><strong>{html.escape(self.title)}</strong></p>{signs}</div>"
        )


STYLE = (
    ".actlab-health{max-width:44rem}"
    ".actlab-health details{border-left:4px solid currentColor;padding:.25rem .7rem;"
    "margin:.35rem 0}"
    ".actlab-health details.ok,.actlab-health details.not{border-left-color:#8888}"
    ".actlab-health details.watch{border-left-style:dashed}"
    ".actlab-health summary{cursor:pointer}"
    ".actlab-health dl{margin:.3rem 0 .2rem;display:grid;gap:.15rem .7rem;"
    "grid-template-columns:max-content 1fr}"
    ".actlab-health dt{font-weight:600}"
    ".actlab-health dd{margin:0}"
)


def _sign_html(sign: Sign) -> str:
    # Status is said by a mark, a word and the border, never by colour alone.
    kind = sign.status.split()[0]
    folded = "" if sign.status in ("ok", "not measured") else " open"
    rows = {
        "expected": f"{sign.limit} ({sign.origin})",
        "means": sign.meaning,
        "try": sign.advice,
    }
    body = "".join(
        f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in rows.items()
    )
    return (
        f'<details class="{kind}"{folded}><summary>{MARKS[sign.status]} '
        f"<strong>{html.escape(sign.name)}</strong>: {html.escape(sign.value)} "
        f"<em>({sign.status})</em></summary><dl>{body}</dl></details>"
    )


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 76, initial_indent="    ", subsequent_indent="    ")


def checkup(
    network: nn.Module,
    data: Any,
    *,
    loss: str | Callable[[Tensor, Tensor], Tensor] = "auto",
    trace: Trace | None = None,
    lr: float | None = None,
    optimiser: str = "sgd",
    examples: int = 1000,
    layers: Sequence[str | nn.Module] | None = None,
) -> HealthReport:
    """Check a network for the signs of trouble that can be seen without training it.

    Parameters
    ----------
    network : any module whose activations are modules; it runs in the mode it is in.
    data : a :class:`~actlab.datasets.Dataset`, of which the training part is used, or
        a pair of tensors (x, y).
    loss : as in :func:`actlab.training.fit`, or a function of output and targets that
        gives a mean over the examples.
    trace : a recording of training, from which the update:data ratio is read.
    lr, optimiser : in place of a trace, the step size and ``"sgd"`` or ``"adam"``: the
        ratio is then that of a first step without momentum.
    examples : how many are used, evenly spread over the data; dead units are counted
        over all of them.
    layers : names of the modules that count as activations; None finds them.

    Returns a :class:`HealthReport`, which prints itself as text and in notebooks as a
    folded list.  Each sign comes with its limit and where that comes from: most limits
    are custom, and a network outside of one may still learn.  The network is left
    bit-identical.  Activations that are functions called in ``forward`` are not
    measured; the title names them, and what was.  Chapters 09 and 14.
    """
    network = plain(network)
    x, y = _inputs_and_targets(data)
    x = lines_up(network, x)
    count = min(examples, len(x))
    chosen = torch.linspace(0, len(x) - 1, count, device="cpu").round().long()
    few_x, few_y = x[chosen.to(x.device)], y[chosen.to(y.device)]
    table = snapshot(network, few_x, few_y, loss=loss, layers=layers, output=True)
    with undisturbed(network), torch.no_grad():
        (inputs,) = batches_of(network, few_x, len(few_x))
        output = network(inputs)
        criterion = loss if callable(loss) else training_module.criterion_for(loss, y)
        value = float(criterion(output, few_y.to(inputs.device)))
    dead = dead_units(network, x, layers=layers, training=None)
    try:
        flat = dead_units(network, x, by="threshold", layers=layers, training=None)
    except ValueError:  # a gate or another function without a slope per unit
        flat = None
    hidden = table[table["kind"] == "hidden"]
    scores = isinstance(output, Tensor) and not few_y.is_floating_point()
    classes = output.shape[-1] if scores else None
    signs = [
        _finite(network, few_x, table, value),
        _inputs(few_x),
        _loss(value, classes, few_y),
        *([_logits(output, value)] if classes else []),
        _size(hidden),
        _trend(hidden),
        _collapse(hidden, few_x),
        _saturation(hidden),
        _dead(dead, flat),
        _error_signal(hidden, table.attrs["unreached"]),
        _updates(table, trace, lr, optimiser),
    ]
    title = (
        f"{type(network).__name__}, {len(hidden)} hidden "
        f"layer{'s' * (len(hidden) != 1)}, {len(few_x)} of {len(x)} examples"
        + counted(dead.kinds, dead.unseen)
    )
    return HealthReport(title, signs, table, dead)


def _inputs_and_targets(data: Any) -> tuple[Tensor, Tensor]:
    if hasattr(data, "x_train"):
        return data.x_train, data.y_train
    if not (isinstance(data, (tuple, list)) and len(data) == 2):
        kind = type(data).__name__
        raise TypeError(f"data is {kind}; give a Dataset or a pair (x, y)")
    x, y = data
    refuse_unpaired(x, y)
    return x, y


def _status(number: float, watch: bool, trouble: bool) -> str:
    if not math.isfinite(number):
        return "trouble"
    return "trouble" if trouble else "watch" if watch else "ok"


def _short(value: float) -> str:
    return f"{value:.3g}".replace("-", "−").replace("e−0", "e−").replace("e+0", "e")


def _finite(network: nn.Module, x: Tensor, table: pd.DataFrame, loss: float) -> Sign:
    bad = [n for n, p in network.named_parameters() if not p.isfinite().all()]
    for name in ("pre_activation_rms", "activation_rms", "error_signal_rms"):
        column = table[name]
        bad += [
            f"{name.removesuffix('_rms').replace('_', ' ')} of layer {layer}"
            for layer, value, kind in zip(table["layer"], column, table["kind"])
            if not math.isfinite(value)
            and (kind, name) != ("output", "activation_rms")
            and (name != "error_signal_rms" or layer not in table.attrs["unreached"])
        ]
    bad = (["inputs"] if not x.isfinite().all() else []) + bad
    bad += [] if math.isfinite(loss) else ["loss"]
    more = f" and {len(bad) - 1} more places" if len(bad) > 1 else ""
    return Sign(
        name="nan and inf",
        status="trouble" if bad else "ok",
        number=float(len(bad)),
        value=f"first in: {bad[0]}{more}" if bad else "none",
        limit="none, in inputs, parameters, activations, gradients and loss",
        aim="derived",
        limit_from="derived",
        meaning="One nan in a parameter makes every later output nan.",
        advice="Find the first place that has one. If it is the inputs, clean them; "
        "if activations grow from layer to layer, draw the weights smaller; if it came "
        "during training, take a tenth of the step size.",
    )


def _inputs(x: Tensor) -> Sign:
    meaning = (
        "Initialisations assume inputs of size one around zero. A common offset makes "
        "all examples look alike to the first layer."
    )
    advice = (
        "Subtract the mean of the training set and divide by its standard deviation."
    )
    if not x.is_floating_point():
        return _not_measured("inputs", "they are whole numbers", meaning, advice)
    x = x.double()
    mean, std = float(x.mean()), float(x.std(correction=0))
    off = abs(mean) / std if std else math.inf
    return Sign(
        name="inputs",
        status=_status(off, off > 1 or not 0.1 < std < 10, not 0.001 < std < 1000),
        number=off,
        value=f"mean {_short(mean)}, standard deviation {_short(std)}",
        limit="|mean| below the standard deviation, which is between 0.1 and 10",
        aim="lecun1998efficient",
        limit_from="custom",
        meaning=meaning,
        advice=advice,
    )


def _loss(value: float, classes: int | None, y: Tensor) -> Sign:
    guess = math.log(classes) if classes else float((y - y.mean(0)).square().mean())
    words = f"ln {classes}" if classes else "the variance of the targets"
    excess = value / guess if guess else math.inf
    return Sign(
        name="loss",
        status=_status(excess, excess > 1.25, excess > 2),
        number=value,
        value=f"{_short(value)}; guessing gives {_short(guess)} ({words})",
        limit="before training at most 25 % above guessing, afterwards below",
        aim="derived",
        limit_from="custom",
        meaning="A network that knows nothing and says so has the loss of guessing. "
        "More means that it is confident and wrong; the right value alone proves "
        "nothing, since a network that is the same for all inputs has it too.",
        advice="Draw the last layer's weights smaller (its logits are too large), and "
        "check that the targets belong to the inputs.",
    )


def _logits(output: Tensor, loss: float) -> Sign:
    centred = output - output.mean(-1, keepdim=True)
    size = float(centred.square().mean().sqrt())
    guessing = loss > 0.95 * math.log(output.shape[-1])
    limit = 1.0 if guessing else 30.0
    return Sign(
        name="logits",
        status=_status(size, size > limit, guessing and size > 10),
        number=size,
        value=f"{_short(size)} (root mean square about each example's mean)",
        limit=f"below {limit:g} at this loss",
        aim="derived",
        limit_from="custom",
        meaning="Logits of spread s before training cost about s²/2 of loss on top of "
        "guessing. After training large logits are confidence, and very large ones "
        "leave softmax no slope.",
        advice="Before training: a smaller last layer. After: look at examples that "
        "are confidently wrong; weight decay or label smoothing hold logits down.",
    )


def _size(hidden: pd.DataFrame) -> Sign:
    sizes = hidden["activation_rms"].to_numpy(dtype=float)
    far = np.abs(np.log10(np.maximum(sizes, 1e-300)))
    worst = int(far.argmax())
    distance = float(far[worst]) if np.isfinite(sizes).all() else math.nan
    return Sign(
        name="activation size",
        status=_status(distance, distance > 1, distance > 3),
        number=float(sizes[worst]),
        value=f"{_short(sizes.min())} to {_short(sizes.max())} (root mean square), "
        f"farthest from 1 in layer {hidden['layer'].iloc[worst]}",
        limit="0.1 to 10 in every layer",
        aim="he2015delving",
        limit_from="custom",
        meaning="The weight gradient of the next layer is this size times the error "
        "signal. Too small: that layer hardly learns; too large: logits and gradients "
        "explode.",
        advice="An initialisation with the function's gain (init='he' or 'matched'), "
        "or a normalisation layer.",
    )


def _trend(hidden: pd.DataFrame) -> Sign:
    sizes = hidden["activation_rms"].to_numpy(dtype=float)
    ratio = _ratio(sizes[-1], sizes[0])
    factor = _per_layer(ratio, len(sizes))
    far = abs(math.log10(ratio)) if 0 < ratio < math.inf else math.inf
    return Sign(
        name="activation trend",
        status=_status(far, far > 1, far > 3),
        number=ratio,
        value=f"last over first layer {_short(ratio)}, a factor of {_short(factor)} "
        "a layer",
        limit="0.1 to 10 from first to last; a factor of 1 keeps any depth",
        aim="he2015delving",
        limit_from="custom",
        meaning="A constant factor per layer is an exponential in the depth.",
        advice="Divide the weights' standard deviation by the factor, or normalise.",
    )


def _collapse(hidden: pd.DataFrame, x: Tensor) -> Sign:
    last = float(hidden["input_correlation"].iloc[-1])
    first = correlation(x) if x.is_floating_point() else math.nan
    meaning = (
        "Mean cosine between two examples' pre-activations. At 1 all examples are the "
        "same to the layer, whatever their size: nothing can be learnt from how they "
        "differ."
    )
    if len(x) < 2:
        return _not_measured(
            "input correlation", "it takes two examples", meaning, "Give more examples."
        )
    return Sign(
        name="input correlation",
        status=_status(last, last > 0.95, last > 0.999),
        number=last,
        value=f"{last:.4f} in the last hidden layer, {first:.4f} in the inputs",
        limit="below 0.95",
        aim="schoenholz2017deep",
        limit_from="custom",
        meaning=meaning,
        advice="Smaller biases beside the signal, weights with the function's gain, "
        "centred inputs, a residual path, or normalisation over the batch.",
    )


def _saturation(hidden: pd.DataFrame) -> Sign:
    shares = hidden["saturation"].to_numpy(dtype=float)
    known = np.isfinite(shares)
    if not known.any():
        return _not_measured(
            "saturation",
            "no layer's function has a slope per unit that can be seen",
            "Share of units × examples at which the function is flat.",
            "Measure the gate's own function by layers=[…].",
        )
    worst = int(np.nanargmax(shares))
    share = float(shares[worst])
    return Sign(
        name="saturation",
        status=_status(share, share > 0.75, share > 0.95),
        number=share,
        value=f"{100 * share:.0f} % flat in layer {hidden['layer'].iloc[worst]}, "
        f"{100 * float(np.nanmean(shares)):.0f} % on average",
        limit=f"below 75 % with |slope| < {SATURATED_BELOW} (ReLU: about 50 %)",
        aim="glorot2010understanding",
        limit_from="custom",
        meaning="Where the function is flat no gradient comes through. Half is normal "
        "for ReLU; for tanh or sigmoid it means that pre-activations are too large.",
        advice="Smaller weights or inputs, a normalisation layer, a smaller step size.",
    )


def _dead(dead: DeadUnits, flat: DeadUnits | None) -> Sign:
    meaning = (
        "A unit that is dead for all examples gets no gradient and gives nothing. A "
        "whole layer of them is the end of the network; a few cost width, and their "
        "number does not predict the accuracy."
    )
    if dead.not_finite:
        why = f"nan or infinity in {', '.join(dead.not_finite)}"
        return _not_measured("dead units", why, meaning, "First find where it begins.")
    if dead.examples < 2:
        why = "of one example nobody can tell what never fires"
        return _not_measured("dead units", why, meaning, "Give more examples.")
    shares = [dead.shares, flat.shares if flat else dead.shares]
    worst = int(np.argmax(np.max(shares, axis=0)))
    share = float(np.max(shares))
    units = sum(dead.sizes)
    slopes = "" if flat is None else f", {flat.total} by slope below 0.001"
    return Sign(
        name="dead units",
        status=_status(share, share > 0.1, share > 0.5),
        number=share,
        value=f"{dead.total} of {units} by output 0{slopes}"
        + (f"; worst layer {worst + 1}: {100 * share:.0f} %" if share else ""),
        limit="at most 10 % in any layer, over the whole set",
        aim="custom",
        limit_from="custom",
        meaning=meaning,
        advice="Zero biases or larger weights beside them, a smaller step size, or a "
        "function with a slope on the left.",
    )


def _error_signal(hidden: pd.DataFrame, unreached: Sequence[int]) -> Sign:
    sizes = hidden["error_signal_rms"].to_numpy(dtype=float)
    ratio = _ratio(sizes[0], sizes[-1])
    factor = _per_layer(ratio, len(sizes))
    far = abs(math.log10(ratio)) if 0 < ratio < math.inf else math.inf
    value = (
        f"first over last layer {_short(ratio)}, a factor of {_short(factor)} a layer "
        "on the way down"
    )
    lost = [str(layer) for layer in hidden["layer"] if layer in unreached]
    if lost:
        value = f"no gradient reaches layer {', '.join(lost)}"
    return Sign(
        name="error signal",
        status=_status(far, far > 1, far > 3),
        number=ratio,
        value=value,
        limit="0.1 to 10 from last to first; a factor of 1 keeps any depth",
        aim="glorot2010understanding",
        limit_from="custom",
        meaning="∂L/∂z, what the loss asks of each layer. The ratio of weight "
        "gradients cannot replace it: there shrinking activations and shrinking error "
        "signals cancel.",
        advice="Weights with the function's gain, a residual path, normalisation; for "
        "a ratio above 10 also clipping. Adam makes up for a small signal, not for one "
        "that is the same for all examples.",
    )


def _updates(
    table: pd.DataFrame, trace: Trace | None, lr: float | None, optimiser: str
) -> Sign:
    meaning = (
        "log10 of the size of one update over the size of the weights. −3 means that a "
        "step changes the weights by a thousandth."
    )
    advice = (
        "Above −2 take a smaller step size, below −4 a larger one; where layers differ "
        "by more than a decade, look at the error signal, or use Adam."
    )
    if trace is None and lr is None:
        return _not_measured(
            "update : data", "give a trace of training, or lr", meaning, advice
        )
    ratios, source = _ratios(table, trace, lr, optimiser)
    if not len(ratios):
        return _not_measured("update : data", "no update was seen", meaning, advice)
    far = (ratios + 3).abs()
    worst: Any = far.idxmax()  # a layer's number; to pandas it is just a label
    number = float(ratios[worst])
    return Sign(
        name="update : data",
        status=_status(number, far[worst] > 1, number > -1 or number < -6),
        number=number,
        value=f"{_decimal(ratios.min())} to {_decimal(ratios.max())} ({source}); "
        f"farthest from −3 in layer {worst}",
        limit="−4 to −2 in every layer",
        aim="custom",
        limit_from="custom",
        meaning=meaning,
        advice=advice,
    )


def _ratios(
    table: pd.DataFrame, trace: Trace | None, lr: float | None, optimiser: str
) -> tuple[pd.Series, str]:
    """log10 of update over weights by layer, and where it was read."""
    if trace is not None:
        frame = trace.frame.dropna(subset="log_update_ratio")
        steps = sorted(frame["step"].unique())
        late = steps[3 * len(steps) // 4 :]
        frame = frame[frame["step"].isin(late)]
        source = f"median of the last {len(late)} measured steps"
        return frame.groupby("layer")["log_update_ratio"].median(), source
    if optimiser not in ("sgd", "adam"):
        raise ValueError(f"optimiser is {optimiser!r}; give 'sgd' or 'adam'")
    rows = table.set_index("layer").dropna(subset="weight_gradient_rms")
    assert lr is not None, "without a trace, lr is what _updates asks for"
    # Adam's first step is lr in every coordinate that has a gradient.
    update = lr * rows["weight_gradient_rms"] if optimiser == "sgd" else lr
    with np.errstate(divide="ignore"):
        ratios = pd.Series(np.log10(update / rows["weight_rms"]))
    return ratios, f"first step of {optimiser}, lr {lr:g}"


def _decimal(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def _not_measured(name: str, why: str, meaning: str, advice: str) -> Sign:
    return Sign(
        name, "not measured", math.nan, why, "a measurement",
        "custom", "custom", meaning, advice,
    )  # fmt: skip


def _ratio(above: float, below: float) -> float:
    return above / below if below else math.inf if above else math.nan


def _per_layer(ratio: float, depth: int) -> float:
    if depth < 2 or not 0 < ratio < math.inf:
        return ratio
    return ratio ** (1 / (depth - 1))
