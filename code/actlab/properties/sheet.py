"""The property sheet itself: one table of everything that can be said of f.

Chapter: 02.
"""

from __future__ import annotations

import html
import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from .. import formulas
from ..formulas import FormulaError
from .breaks import Kink
from .functions import Function, function_of
from .integrals import mean, second_moment
from .shape import (
    Tail,
    extreme,
    hard_sides,
    lipschitz_constant,
    monotone,
    size_of,
    smoothness,
    tail_of,
    unseen,
)
from .signal import backward_gain, forward_gain

_SMOOTHNESS_WORDS = {
    "jump": "jumps",
    "pole": "runs off to infinity at a point",
    "C⁰": "C⁰: continuous, with kinks",
    "C¹": "C¹: its slope is continuous, its curvature is not",
    "C²": "C²: two continuous derivatives",
    "C³": "C³: three continuous derivatives",
    "C^ω": "analytic (smooth of every order)",
    "smooth": "smooth (no kink found)",
    "?": "not known",
}


@dataclass(frozen=True)
class PropertySheet:
    """What `property_sheet` found; infinities are ``math.inf``.

    Attributes
    ----------
    name : the function's name, or the formula as typed.
    formula, derivative : LaTeX, or None for a callable.
    range : (infimum, supremum); ``attained`` says which of the two are values.
    limits : at −∞ and at +∞; None where it oscillates, nan where it is not known.
    minimum, argmin : the smallest value and where (argmin None: not one place).
    monotone : "increasing", "decreasing" (both non-strict), "constant" or "no".
    kinks : places with a left and a right slope.
    jumps : places with a left and a right value.
    smoothness : "pole", "jump", "C⁰", "C¹", ..., "C^ω" (analytic) or "smooth".
    lipschitz : the largest |slope|; infinite at jumps. ``steepest_at``: where, or
        None if only approached far out.
    saturation : the sides on which the slope goes to 0: "left", "right", "both",
        "none"; ``hard_saturation``: those on which it is exactly 0.
    zero_centred : whether the mean is 0.
    mean, second_moment : E f(Z) and E f(Z)² for Z from N(0, 1).
    forward_gain, backward_gain : 1/√E f(Z)² and 1/√E f′(Z)².
    not_seen : sentences about what keeps the sheet from knowing all.

    A number that is not known is nan, a smoothness that is not known "?".
    """

    name: str
    formula: str | None
    derivative: str | None
    range: tuple[float, float]
    attained: tuple[bool, bool]
    limits: tuple[float | None, float | None]
    minimum: float | None
    argmin: float | None
    monotone: str
    kinks: tuple[Kink, ...]
    jumps: tuple[Kink, ...]
    smoothness: str
    lipschitz: float
    steepest_at: float | None
    saturation: str
    hard_saturation: str
    zero_centred: bool
    mean: float
    second_moment: float
    forward_gain: float
    backward_gain: float
    not_seen: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary, kinks and jumps as dictionaries too."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """Return the sheet as (property, value) pairs of plain text."""
        steepest = _number(self.lipschitz) if self.lipschitz >= 0 else "not known"
        if self.steepest_at is not None and self.lipschitz > 0:
            steepest += f" (steepest at x = {_number(self.steepest_at, 5)})"
        rows = [
            ("range", self._range_text()),
            ("limits", self._limits_text()),
            ("minimum", self._minimum_text()),
            ("monotone", self.monotone),
            ("smoothness", _SMOOTHNESS_WORDS.get(self.smoothness, self.smoothness)),
            ("kinks (slope left | right)", _places(self.kinks)),
            ("jumps (value left | right)", _places(self.jumps)),
            ("Lipschitz constant", steepest),
            ("saturates", self._saturation_text()),
            ("zero-centred", self._centre_text()),
            ("mean, Z ~ N(0, 1)", self._average_text(self.mean)),
            ("second moment", self._average_text(self.second_moment)),
            ("forward gain", self._average_text(self.forward_gain)),
            ("backward gain", self._average_text(self.backward_gain)),
            ("not seen", "; ".join(self.not_seen)),
        ]
        return [(label, text) for label, text in rows if text]

    def _centre_text(self) -> str:
        if math.isnan(self.mean) and self.smoothness != "pole":
            return "not known"
        return "yes" if self.zero_centred else "no"

    def _average_text(self, value: float) -> str:
        # beside a pole an average may have no value; elsewhere it has one
        unknown = math.isnan(value) and self.smoothness != "pole"
        return "not known" if unknown else _number(value)

    def _range_text(self) -> str:
        if math.isnan(self.range[0]) and math.isnan(self.range[1]):
            return "not known"
        left = "[" if self.attained[0] else "("
        right = "]" if self.attained[1] else ")"
        return f"{left}{_number(self.range[0])}, {_number(self.range[1])}{right}"

    def _limits_text(self) -> str:
        words = [
            "none" if end is None else "not known" if math.isnan(end) else _number(end)
            for end in self.limits
        ]
        return f"{words[0]} at −∞, {words[1]} at +∞"

    def _minimum_text(self) -> str:
        if self.minimum is None:
            return "not known" if math.isnan(self.range[0]) else "none"
        where = "" if self.argmin is None else f" at x = {_number(self.argmin)}"
        return f"{_number(self.minimum)}{where}"

    def _saturation_text(self) -> str:
        if self.saturation == "none":
            return "no"
        side = {"both": "on both sides"}.get(
            self.saturation, f"on the {self.saturation}"
        )
        if self.hard_saturation == "none":
            return f"{side}, softly (the slope goes to 0)"
        if self.hard_saturation == self.saturation:
            return f"{side}, hard (the slope is exactly 0)"
        return f"{side}, hard on the {self.hard_saturation}"

    def __str__(self) -> str:
        width = max(len(label) for label, _ in self.rows())
        lines = [f"{label:<{width}}  {text}" for label, text in self.rows()]
        return "\n".join([self.name, *lines])

    def _repr_markdown_(self) -> str:
        head = [("f(x)", self.formula), ("f′(x)", self.derivative)]
        lines = [f"| **{_escaped(self.name)}** | |", "|---|---|"]
        lines += [f"| {label} | ${_bars(text)}$ |" for label, text in head if text]
        lines += [
            f"| {_escaped(label)} | {_escaped(text)} |" for label, text in self.rows()
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = [("f(x)", self.formula), ("f′(x)", self.derivative)]
        math_class = "tex2jax_process mathjax_process"
        rows = [
            f'<tr><th scope="row">{label}</th>'
            f'<td class="{math_class}">\\({html.escape(text)}\\)</td></tr>'
            for label, text in head
            if text
        ]
        rows += [
            f'<tr><th scope="row">{html.escape(label)}</th>'
            f"<td>{html.escape(text)}</td></tr>"
            for label, text in self.rows()
        ]
        return (
            f'<table class="actlab-properties"><caption>{html.escape(self.name)}'
            f"</caption><tbody>{''.join(rows)}</tbody></table>"
        )


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _bars(formula: str) -> str:
    """Write absolute values without the sign that ends a table's cell."""
    return formula.replace("|", r"\vert ")


def _number(value: float, digits: int = 6) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if math.isnan(value):
        return "undefined"
    return f"{value:.{digits}g}".replace("-", "−")


def _places(places: tuple[Kink, ...], shown: int = 4) -> str:
    near = sorted(places, key=lambda place: abs(place.x))[:shown]
    texts = [
        f"x = {_number(place.x)}: {_number(place.left)} | {_number(place.right)}"
        for place in sorted(near, key=lambda place: place.x)
    ]
    more = len(places) - len(near)
    return "; ".join(texts) + (f"; and {more} more" if more else "")


def _sides(left: bool, right: bool) -> str:
    if left and right:
        return "both"
    return "left" if left else "right" if right else "none"


def property_sheet(f: Any, **params: float) -> PropertySheet:
    """Return the property sheet of any function of one number.

    Parameters
    ----------
    f : str, Activation, sympy.Expr or callable
        A catalogue key (``"swish"``), a formula (``"x*tanh(exp(x))"``), a SymPy
        expression in x, or a function or ``nn.Module`` from tensor to tensor that
        works element by element.
    **params : float
        Values of the formula's other letters, as in ``property_sheet("swish",
        beta=2)``; a catalogue row has defaults for them.

    Raises
    ------
    FormulaError
        A formula that cannot be read, or that is not a number everywhere.
    UnknownActivationError
        A name that is in no catalogue.
    ValueError, TypeError
        A callable that is not element-wise, is random, or fails.

    Chapter: 02.
    """
    function = function_of(f, params)
    with np.errstate(all="ignore"):
        size = size_of(function)
        looked_at = function if size == 1 else function.divided(size)
        _check_defined(looked_at)
        found = _sheet(looked_at)
    function.recheck()
    words: dict[str, Any] = {"name": function.name}
    if function.expr is not None:
        derivative = formulas.derivative(function.expr)
        words["formula"] = formulas.latex(function.expr)
        words["derivative"] = formulas.latex(derivative)
    return replace(found if size == 1 else _enlarged(found, size), **words)


def _sheet(function: Function) -> PropertySheet:
    """The sheet of a function of ordinary size, without its formula."""
    breaks = function.breaks
    left, right = (tail_of(function.value, side, function.reach) for side in (-1, 1))
    tails = left, right
    slopes = [tail_of(function.slope, side, function.reach).limit for side in (-1, 1)]
    lowest = extreme(function, breaks, tails, 1)
    highest = extreme(function, breaks, tails, -1)
    hard = [h and _known(t) for h, t in zip(hard_sides(function), tails, strict=True)]
    flat = [
        h or (_known(t) and s is not None and abs(s) < 1e-6)
        for h, s, t in zip(hard, slopes, tails, strict=True)
    ]
    average = mean(function)
    average = 0.0 if abs(average) < _DUST else average
    steepest = lipschitz_constant(function, breaks)
    limits = unseen(function, tails, steepest.slope)
    kind = smoothness(function, breaks)
    if kind == "?" and not limits:
        limits = (
            "somewhere its slope turns so fast that a jump of its curvature cannot be "
            "told from a bend",
        )
    lost = math.isnan(steepest.slope)
    return PropertySheet(
        name=function.name,
        formula=None,
        derivative=None,
        range=(lowest.value, -highest.value + 0.0),
        attained=(lowest.attained, highest.attained),
        limits=(left.limit, right.limit),
        minimum=lowest.value if lowest.attained else None,
        argmin=lowest.at,
        monotone=monotone(function),
        kinks=breaks.kinks,
        jumps=breaks.jumps,
        smoothness="?" if limits and kind in ("smooth", "C¹", "C^ω") else kind,
        lipschitz=steepest.slope,
        steepest_at=steepest.at,
        saturation=_sides(*flat),
        hard_saturation=_sides(*hard),
        zero_centred=abs(average) < 1e-9,
        mean=average,
        second_moment=second_moment(function),
        forward_gain=forward_gain(function),
        backward_gain=math.nan if lost else backward_gain(function),
        not_seen=limits,
    )


_DUST = 1e-12  # what is left of a sum that is 0


def _known(tail: Tail) -> bool:
    return tail.limit is None or not math.isnan(tail.limit)


def _enlarged(found: PropertySheet, size: float) -> PropertySheet:
    """The sheet of ``size`` times the function that a sheet is of."""

    def grown(value: float | None) -> Any:
        return None if value is None else value * size

    def sides(places: tuple[Kink, ...]) -> tuple[Kink, ...]:
        return tuple(Kink(p.x, p.left * size, p.right * size) for p in places)

    square = found.second_moment * size * size
    if (square == 0 or math.isinf(square)) and 0 < found.second_moment < math.inf:
        square = math.nan  # beyond what float64 can hold
    return replace(
        found,
        range=(grown(found.range[0]), grown(found.range[1])),
        limits=(grown(found.limits[0]), grown(found.limits[1])),
        minimum=grown(found.minimum),
        kinks=sides(found.kinks),
        jumps=sides(found.jumps),
        lipschitz=grown(found.lipschitz),
        mean=grown(found.mean),
        second_moment=square,
        forward_gain=found.forward_gain / size,
        backward_gain=found.backward_gain / size,
    )


def _gap(function: Function, place: float) -> str:
    """Of a single hole, as of sin(x)/x at 0: what the function comes to, and a way out.

    Empty where it has no value, or another one, on either side.
    """
    left, right = function.value(np.array([place - 1e-6, place + 1e-6]))
    if not np.isfinite([left, right]).all():
        return ""
    if abs(right - left) > 1e-3 * (1 + abs(left)):
        return ""
    value = f"{round((left + right) / 2, 5) + 0.0:.6g}"
    return (
        f", though it comes to {value} on both sides. A formula cannot fill this hole; "
        f"code can, as in lambda x: torch.where(x == {place:.4g}, {value}, f(x))"
    )


def _check_finite(function: Function, sample: np.ndarray, values: np.ndarray) -> None:
    """Refuse infinity between ordinary values; where numbers overflow they climb."""
    endless = np.isinf(values)
    starts = np.flatnonzero(endless[1:] & ~endless[:-1])
    for start in starts:
        back = np.flatnonzero(~endless[start + 1 :])
        if len(back) and back[0] > 1:
            ends = np.abs(values[[start, start + 1 + back[0]]])
            if (ends < _CLIMBED).all():
                raise FormulaError(
                    f"{function.name} is infinite at x = {sample[start + 1]:.4g} and "
                    "beside it; an activation must have a value for every x"
                )


_CLIMBED = 1e6  # beside an overflow values are larger


def _check_defined(function: Function) -> None:
    sample = np.concatenate([np.linspace(-30.0, 30.0, 601) + 0.0123, [0.0, -1.0, 1.0]])
    values = function.value(sample)
    if np.isnan(values).any():
        place = sample[np.isnan(values)][np.argmin(np.abs(sample[np.isnan(values)]))]
        raise FormulaError(
            f"{function.name} is not a real number at x = {place:.4g}"
            f"{_gap(function, place)}; an activation must have a value for every x"
        )
    count = 600_001 if function.expr is None else 1  # a formula's gaps are read off it
    places = np.linspace(-30.0, 30.0, count) + 1e-5 * math.pi
    dense = function.value(places)
    if np.isnan(dense).any():
        place = places[np.isnan(dense)][0]
        raise FormulaError(
            f"{function.name} is not a real number at x = {place:.6g}; an activation "
            "must have a value for every x"
        )
    _check_finite(function, sample[:-3], values[:-3])
    if len(function.grid) < 100:
        raise FormulaError(f"{function.name} overflows at nearly every x")
