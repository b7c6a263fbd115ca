"""Figures that move without a kernel.

An explorer is one piece of HTML: an SVG whose first frame is drawn here, a little CSS
and JavaScript, no library and no request. The same bytes come out for the same
arguments, so a notebook that is run again does not change.
"""

from __future__ import annotations

import functools
import html
import json
import math
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html.entities import html5
from importlib import resources

import numpy as np

from . import catalogue, formulas

__all__ = ["Explorer", "explorer"]

_BOX = {"left": 46, "right": 470, "top": 10, "bottom": 262}
_STEPS = 120

# The dark palette, and who asks for it: this course's site and other Sphinx themes,
# Colab, JupyterLab, VS Code; elsewhere the reader's system does.
_DARK_COLOURS = (
    "--ax-ink:#e4e2dc;--ax-mute:#a2a6ab;--ax-paper:#1d2024;--ax-grid:#3d4248;"
    "--ax-value:#5cb3ec;--ax-slope:#ff9257;color-scheme:dark"
)
_DARK_PAGES = (
    "html[data-theme=dark]",
    "html[theme=dark]",
    "body[data-jp-theme-light=false]",
    "body.vscode-dark",
)

_View = tuple[float, float, float, float]


@dataclass(frozen=True)
class Explorer:
    """A curve with its slope, sliders and a probe; shows itself in a notebook.

    Attributes
    ----------
    name : what the function is called.
    value, slope : functions of a float64 array, at the default parameters.
    javascript, slope_javascript : the same as JavaScript expressions in ``x`` and the
        parameters.
    params : parameter name to ``catalogue.Param``.
    xlim : first range of the horizontal axis.
    id : of the HTML element; derived from the arguments.
    """

    name: str
    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    javascript: str
    slope_javascript: str
    params: dict[str, catalogue.Param]
    xlim: tuple[float, float]
    id: str

    def __repr__(self) -> str:
        return f"Explorer({self.name!r}, xlim={self.xlim!r})"

    def _repr_html_(self) -> str:
        return _page(self)


def explorer(
    function: str | catalogue.Activation,
    xlim: tuple[float, float] | None = None,
) -> Explorer:
    """Make a figure of a function that moves: sliders, a probe, the range of x.

    Parameters
    ----------
    function : a catalogue key or row (``"swish"``), or a formula in x
        (``"x*tanh(exp(x))"``).
    xlim : first range of the horizontal axis; None takes the row's own, which is
        −5 to 5 for nearly all of them.

    Returns an :class:`Explorer`, which a notebook shows when it is the last value of
    a cell. Raises ``ValueError`` for functions of vectors and empty ranges,
    ``formulas.FormulaError`` for formulas that cannot be read and
    ``catalogue.UnknownActivationError`` for unknown names. Chapter 02.
    """
    found = catalogue.read(function) if isinstance(function, str) else function
    if xlim is None:
        xlim = found.view if isinstance(found, catalogue.Activation) else (-5.0, 5.0)
    low, high = (float(limit) for limit in xlim)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"xlim must be two numbers, the smaller first, got {xlim!r}")
    if isinstance(found, catalogue.Activation):
        if found.kind != "scalar":
            raise ValueError(
                f"{found.name} takes a whole vector, so it has no single curve to "
                "explore; take a function that works element by element, such as 'gelu'"
            )
        return Explorer(
            name=found.name,
            value=found.numpy(),
            slope=found.numpy_derivative(),
            javascript=found.javascript,
            slope_javascript=found.derivative_javascript,
            params=dict(found.params),
            xlim=(low, high),
            id=_identifier(found.key, (low, high)),
        )
    text, expression = str(function), found
    derivative = expression.diff(formulas.x)
    return Explorer(
        name=text,
        value=formulas.numpy_function(expression),
        slope=formulas.numpy_function(derivative),
        javascript=formulas.javascript(expression),
        slope_javascript=formulas.javascript(derivative),
        params={},
        xlim=(low, high),
        id=_identifier(text, (low, high)),
    )


def _identifier(text: str, xlim: tuple[float, float]) -> str:
    """An id for HTML that depends on nothing but the arguments."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:32]
    if slug.replace("-", "_") != text or xlim != (-5.0, 5.0):
        slug += f"-{zlib.crc32(repr((text, xlim)).encode()):08x}"
    return f"actlab-explorer-{slug}"


# --- the first frame, by the rules of interactive.js ---------------------------------


def _at(function: Callable, x: float) -> float:
    with np.errstate(all="ignore"):
        return float(np.asarray(function(np.array([x], dtype=np.float64)))[0])


def _sample(
    function: Callable, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    x = low + (high - low) * np.arange(_STEPS + 1) / _STEPS
    with np.errstate(all="ignore"):
        return x, np.asarray(function(x), dtype=np.float64) * np.ones_like(x)


def _limits(
    functions: Sequence[Callable], low: float, high: float
) -> tuple[float, float]:
    """Range of the vertical axis: what the functions take, zero, and a little room.

    Poles and exponentials are cut off at three times the width of the x range.
    """
    least = greatest = 0.0
    for function in functions:
        _, y = _sample(function, low, high)
        y = y[np.isfinite(y)]
        least = min(least, *y) if len(y) else least
        greatest = max(greatest, *y) if len(y) else greatest
    most = 3 * (high - low)
    least, greatest = max(least, -most), min(greatest, most)
    room = 0.06 * (greatest - least) or 1.0
    return float(least - room), float(greatest + room)


def _ticks(low: float, high: float) -> tuple[list[float], int]:
    """Round numbers between the limits, and how many decimals they need."""
    rough = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [k * step for k in range(first, last + 1)], decimals


def _place(view: _View, x: float, y: float) -> tuple[float, float]:
    low, high, bottom, top = view
    up = (_BOX["bottom"] - _BOX["top"]) * (y - bottom) / (top - bottom)
    return (
        _BOX["left"] + (_BOX["right"] - _BOX["left"]) * (x - low) / (high - low),
        max(-999.0, min(1999.0, _BOX["bottom"] - up)),
    )


def _path(function: Callable, view: _View) -> str:
    """The curve as an SVG path, the pen lifted where the function jumps."""
    low, high, bottom, top = view
    pieces: list[str] = []
    pen = "M"

    def add(x: float, y: float) -> None:
        nonlocal pen
        px, py = _place(view, x, y)
        pieces.append(f"{pen}{px:.1f} {py:.1f}")
        pen = "L"

    xs, ys = _sample(function, low, high)
    before, last = xs[0], math.nan
    for x, y in zip(xs, ys, strict=True):
        if not math.isfinite(y):
            pen = "M"
        else:
            if abs(y - last) > 0.04 * (top - bottom):
                a, fa, b, fb = _narrow(function, before, last, x, y)
                if abs(fb - fa) > 0.02 * (top - bottom):
                    if math.isfinite(fa):
                        add(a, fa)
                    pen = "M"
                    if math.isfinite(fb):
                        add(b, fb)
            add(x, y)
        before, last = x, y
    return "".join(pieces)


def _narrow(
    function: Callable, a: float, fa: float, b: float, fb: float
) -> tuple[float, float, float, float]:
    """Halve an interval 34 times towards the larger difference."""
    for _ in range(34):
        m = (a + b) / 2
        fm = _at(function, m)
        if abs(fm - fa) > abs(fb - fm):
            b, fb = m, fm
        else:
            a, fa = m, fm
    return a, fa, b, fb


def _number(value: float, decimals: int = 2) -> str:
    small = value != 0 and abs(value) < 0.5 * 10**-decimals
    if small or abs(value) >= 1e5:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent):+d}".replace("-", "\N{MINUS SIGN}")
    text = f"{value:.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def _axes(view: _View) -> tuple[str, str]:
    """Grid lines and tick labels."""
    grid, labels = [], []
    left, right, top, bottom = (_BOX[k] for k in ("left", "right", "top", "bottom"))

    def line(path: str, mark: float) -> None:
        name, stroke = ("ax-zero", "#5c6064") if abs(mark) < 1e-9 else ("", "#dddbd3")
        grid.append(f'<path d="{path}" class="{name}" stroke="{stroke}"/>')

    marks, decimals = _ticks(*view[:2])
    for mark in marks:
        px, _ = _place(view, mark, 0.0)
        line(f"M{px:.1f} {top}V{bottom}", mark)
        labels.append(
            f'<text x="{px:.1f}" y="{bottom + 19}" text-anchor="middle">'
            f"{_number(mark, decimals)}</text>"
        )
    marks, decimals = _ticks(*view[2:])
    for mark in marks:
        _, py = _place(view, view[0], mark)
        line(f"M{left} {py:.1f}H{right}", mark)
        labels.append(
            f'<text x="{left - 7}" y="{py + 4.5:.1f}" text-anchor="end">'
            f"{_number(mark, decimals)}</text>"
        )
    return "".join(grid), "".join(labels)


# --- assembling -----------------------------------------------------------------------


@functools.cache
def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


@functools.cache
def _script() -> str:
    """interactive.js without comments, indentation and spaces around signs.

    Strings are left alone, and so are line ends, on which JavaScript may rely.
    """
    lines = (line.strip() for line in _asset("interactive.js").splitlines())
    code = "\n".join(line for line in lines if line and not line.startswith("//"))
    parts = re.split(r"('[^'\n]*'|`[^`]*`)", code)
    parts[::2] = [
        re.sub(r" *([-+*/%=<>&|?:,;(){}\[\]!]) *", r"\1", part) for part in parts[::2]
    ]
    return "".join(parts)


@functools.cache
def _style() -> str:
    dark = ",".join(f"{page} .actlab-explorer" for page in _DARK_PAGES)
    neither = (
        "html:not([data-theme]):not([theme]) "
        "body:not([data-jp-theme-light]):not(.vscode-light) .actlab-explorer"
    )
    return (
        _asset("interactive.css")
        + f"{dark}{{{_DARK_COLOURS}}}\n"
        + f"@media (prefers-color-scheme:dark){{{neither}{{{_DARK_COLOURS}}}}}\n"
    )


def _prelude(*expressions: str) -> str:
    """The helper functions that the expressions call, in the prelude's order."""
    blocks = re.split(r"^(?=function )", formulas.JS_PRELUDE, flags=re.MULTILINE)
    named = {
        match[1]: block.strip()
        for block in blocks
        if (match := re.match(r"function (\w+)", block))
    }
    needed: set[str] = set()
    waiting = list(expressions)
    while waiting:
        for name in re.findall(r"\b(\w+)\(", waiting.pop()):
            if name in named and name not in needed:
                needed.add(name)
                waiting.append(named[name])
    return "\n".join(block for name, block in named.items() if name in needed)


def _symbol(name: str) -> str:
    """The letter that HTML calls ``name``, such as α, or the name in words."""
    return html5.get(f"{name};", name.replace("_", " "))


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _slider(name: str, param: catalogue.Param) -> str:
    decimals = _decimals(param.step)
    return (
        f'<label><span>{_symbol(name)}</span><input class="ax-slider" type="range" '
        f'min="{param.low:g}" max="{param.high:g}" step="{param.step:g}" '
        f'value="{param.default:g}" data-decimals="{decimals}" '
        f'aria-label="parameter {html.escape(name)}">'
        f'<span class="ax-number">{_number(param.default, decimals)}</span></label>'
    )


def _ranges(xlim: tuple[float, float]) -> str:
    choices = [(-2.0, 2.0), (-5.0, 5.0), (-10.0, 10.0)]
    if xlim not in choices:
        choices.insert(0, xlim)
    options = []
    for low, high in choices:
        label = f"±{high:g}" if low == -high else f"{low:g} to {high:g}"
        selected = " selected" if (low, high) == xlim else ""
        options.append(
            f'<option value="{low:g},{high:g}"{selected}>'
            f"{label.replace('-', chr(0x2212))}</option>"
        )
    return "".join(options)


def _start(xlim: tuple[float, float]) -> float:
    """Where the probe stands first: at 1, or a fifth right of the middle."""
    low, high = xlim
    return 1.0 if low < 1.0 < high else low + 0.6 * (high - low)


def _page(figure: Explorer) -> str:
    low, high = figure.xlim
    view = (low, high, *_limits([figure.value, figure.slope], low, high))
    grid, labels = _axes(view)
    name = html.escape(figure.name)
    settings = {
        "parameters": [param.default for param in figure.params.values()],
        "probe": _start(figure.xlim),
    }
    arguments = f"(x,[{','.join(figure.params)}])"
    script = "\n".join(
        part
        for part in (
            "(()=>{",
            _prelude(figure.javascript, figure.slope_javascript),
            _script(),
            f"const value={arguments}=>{figure.javascript};",
            f"const slope={arguments}=>{figure.slope_javascript};",
            "for(const root of document.querySelectorAll("
            f"'[id=\"{figure.id}\"]:not(.ax-on)'))",
            f"explorer(root,value,slope,{json.dumps(settings)});",
            "})();",
        )
        if part
    )
    return _TEMPLATE.format(
        id=figure.id,
        name=name,
        style=_style(),
        script=script,
        grid=grid,
        labels=labels,
        value=_path(figure.value, view),
        slope=_path(figure.slope, view),
        sliders="".join(_slider(key, param) for key, param in figure.params.items()),
        ranges=_ranges(figure.xlim),
        low=f"{low:g}",
        high=f"{high:g}",
        probe=f"{settings['probe']:g}",
        **_BOX,
    )


_TEMPLATE = """\
<div class="actlab-explorer" id="{id}" role="group" aria-label="Explorer of {name}">
<style>
{style}</style>
<p class="ax-title">{name}</p>
<svg class="ax-plot" viewBox="0 0 480 290" xmlns="http://www.w3.org/2000/svg" \
role="group" aria-label="Plot of {name} and its slope against x">
<g class="ax-grid" fill="none" aria-hidden="true">{grid}</g>
<g class="ax-labels" font-size="14" aria-hidden="true">{labels}</g>
<svg x="{left}" y="{top}" width="424" height="252" viewBox="{left} {top} 424 252" \
aria-hidden="true">
<path class="ax-value" fill="none" stroke="#0067a5" stroke-width="2.6" d="{value}"/>
<path class="ax-slope" fill="none" stroke="#bf4300" stroke-width="2.2" \
stroke-dasharray="7 4" d="{slope}"/>
</svg>
<g class="ax-probe" role="slider" tabindex="0" aria-label="Probe: place on the x axis" \
aria-valuemin="{low}" aria-valuemax="{high}" aria-valuenow="{probe}">
<rect class="ax-touch" y="{top}" width="44" height="252" fill="none" \
pointer-events="all"/>
<path class="ax-line"/><path class="ax-tangent"/>
<circle class="ax-slope-dot" r="5"/><circle class="ax-dot" r="6.5"/>\
<circle class="ax-ring" r="12"/>
</g>
</svg>
<p class="ax-reading"><span class="ax-js"><b>x</b> = <span class="ax-x"></span></span>\
<span><i class="ax-key"></i>value <span class="ax-v"></span></span>\
<span><i class="ax-key ax-key-slope"></i>slope <span class="ax-s"></span></span></p>
<div class="ax-controls ax-js">{sliders}\
<label><span>x range</span><select class="ax-range">{ranges}</select></label>\
<button type="button" class="ax-reset">Reset</button></div>
<span class="ax-live" aria-live="polite"></span>
<script>
{script}
</script>
</div>
"""
