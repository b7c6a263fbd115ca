"""Drawing exercises and predictions as self-contained HTML.

Every output carries its own style and script, because Colab puts each output into
a frame of its own; on a page with many of them the first script serves all. What a
reader without JavaScript sees is drawn here. Answers and replies travel as base64,
so that nobody reads them by accident.
"""

from __future__ import annotations

import base64
import json
import math
import re
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from . import core
from .grading import sheet
from .measured import words
from .model import (
    Choice,
    Code,
    Curve,
    Number,
    Order,
    Part,
    Prediction,
    limits,
    place,
    value_of,
)

__all__ = [
    "Element",
    "ask",
    "predict",
    "prediction_sheet",
    "progress_panel",
    "script",
    "site_script",
]


@dataclass(frozen=True)
class Element:
    """Something that a notebook or a page shows: `html`, and `text` elsewhere."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


# -- the script and style that travel along ------------------------------------------

_TOKEN = re.compile(
    r"""(?P<gap>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`)
    |(?P<regex>(?<=[(,=:\[!&|?{};])/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n])+/[a-z]*)
    |(?P<word>[\w$.]+)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)


def squeeze(source: str) -> str:
    """JavaScript without comments, with no more spaces and letters than it needs.

    Names of variables become short, and quotes single ones, which a notebook does not
    have to escape. For our own sources: every statement ends in a semicolon or a
    brace, a regular expression follows a mark, templates are not nested, and a name is
    not a variable here and a global there.
    """
    tokens = _tokens(source)
    short = _short_names([text for _, text in tokens])
    out: list[str] = []
    for gap, text in tokens:
        token = _renamed(text, short)
        if out and (out[-1] + token) in (";}", ",}", ",]"):
            out.pop()
        if gap and out and _touch(out[-1][-1], token[0]):
            out.append(" ")
        out.append(token)
    return "".join(out)


def _tokens(source: str) -> list[tuple[bool, str]]:
    """The pieces of a source, each with whether a gap stands before it."""
    found: list[tuple[bool, str]] = []
    position, gap = 0, False
    while position < len(source):
        match = _token(source, position, found[-1][1] if found else "")
        position = match.end()
        if match.lastgroup == "gap":
            gap = True
            continue
        found.append((gap, match[0]))
        gap = False
    return found


_VARIABLE = re.compile(r"(?<![\w$.])((?:\.\.\.)?)([A-Za-z_]\w+)")
_DECLARED = (
    r"(?:const|let) (\w+)",
    r"(?:const|let) \[([^\]=]*)\]",
    r",(\w+)=(?![=>])",
    r"(\w+)=>",
    r"\(([^()=]*)\)=>",
    r"[\w$]\(([\w,]*)\)\{",
)


def _short_names(words: list[str]) -> dict[str, str]:
    """Short names for the variables of a file that are no property's name as well."""
    text = re.sub(r"\b(const|let)(?=[\w\[])", r"\1 ", "".join(words))
    declared = {
        name
        for pattern in _DECLARED
        for found in re.findall(pattern, text)
        for name in re.findall(r"\w{2,}", found)
    }
    counts = Counter(_VARIABLE.sub(r"\2", word) for word in words)
    usable = declared - _properties(words) - {"if", "for", "while", "catch", "true"}
    taken = {name for word in words for name in re.findall(r"\w+", word)}
    letters = [*ascii_lowercase, *ascii_uppercase]
    letters += [a + b for a in ascii_lowercase for b in ascii_uppercase]  # no keyword
    free = (one for one in letters if one not in taken)
    return dict(zip(sorted(usable, key=lambda n: (-counts[n], n)), free, strict=False))


def _properties(words: list[str]) -> set[str]:
    """Names that stand where a key of an object, or one of its methods, can stand."""
    found, open_ = set(), [""]
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        if word in ("{", "(", "["):
            open_.append(word)
        elif word in ("}", ")", "]"):
            open_.pop()
        elif (
            open_[-1] == "{" and before in ("{", ",") and after in (":", ",", "}", "(")
        ):
            found.add(word)
    return found


def _renamed(token: str, short: dict[str, str]) -> str:
    if token[0] == "`":
        return re.sub(
            r"\$\{([^}]*)\}",
            lambda m: (
                "${" + "".join(_renamed(t, short) for _, t in _tokens(m[1])) + "}"
            ),
            token,
        )
    if token[0] == '"':
        return token if "'" in token or "\\" in token else f"'{token[1:-1]}'"
    if token[0] in "/'":
        return token
    return _VARIABLE.sub(lambda m: m[1] + short.get(m[2], m[2]), token)


def _token(source: str, position: int, before: str) -> re.Match[str]:
    match = _TOKEN.match(source, position)
    assert match is not None
    if match.lastgroup == "mark" and match[0] == "/" and before[-1:] in "(,=:[!&|?{};":
        # the mark before a regular expression may lie behind a gap
        return _REGEX.match(source, position) or match
    return match


_REGEX = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n])+/[a-z]*")


def _touch(left: str, right: str) -> bool:
    """Whether two neighbours would become one token without a space."""
    words = all(c.isalnum() or c in "_$." for c in (left, right))
    return words or (left == right and left in "+-")


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


@cache
def script(*names: str) -> str:
    """The named scripts, squeezed, in one text; "page" comes first."""
    return "\n".join(squeeze(_source(f"{name}.js")) for name in ("page", *names))


@cache
def style(name: str = "page") -> str:
    """A style sheet, without comments and spaces that it does not need."""
    text = re.sub(r"/\*.*?\*/", "", _source(f"{name}.css"), flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text)
    return re.sub(r"\s*([{};,])\s*", r"\1", text).replace(": ", ":").strip()


def _wrap(kind: str, id: str, data: dict[str, Any], body: str, *scripts: str) -> str:
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    payload = base64.b64encode(text.encode()).decode()
    sheets = style() + (style("curve") if "curve" in scripts else "")
    return (
        f'<div class="actlab-x" id="actlab-{kind}-{id.replace(".", "-")}" '
        f'data-actlab="{kind}" data-payload="{payload}"><style>{sheets}</style>'
        f"{body}</div><script>{script(*scripts)}\nactlabExercises.mount()</script>"
    )


# -- parts -----------------------------------------------------------------------------


def _group(label: str, body: str) -> str:
    return f"<fieldset data-part><legend>{_text(label)}</legend>{body}</fieldset>"


def _options(options: list[str], name: str) -> str:
    return "".join(
        f'<label class="option"><input type="radio" name="{name}" value="{at}">'
        f"<span>{_text(option)}</span></label>"
        for at, option in enumerate(options)
    )


def _text(text: str) -> str:
    """Escaped text in which backticks become code."""
    pieces = escape(text).split("`")
    return "".join(
        f"<code>{piece}</code>" if at % 2 else piece for at, piece in enumerate(pieces)
    )


def _part(part: Part, slider: bool = False) -> str:
    if isinstance(part, Choice):
        return _group(part.label, _options(list(part.options), escape(part.name)))
    if isinstance(part, Order):
        return _group(
            part.label, f"<ol>{''.join(map(_item, *_count(part.items)))}</ol>"
        )
    if isinstance(part, Curve):
        return _curve(part)
    unit = f"<span>{escape(part.unit)}</span>" if part.unit else ""
    field = '<input autocomplete="off" spellcheck="false">'
    label = f"<label><span>{_text(part.label)}</span> {field}{unit}</label>"
    return f"<div data-part>{label}{_slider(part) if slider else ''}</div>"


def _count(items: Any) -> tuple[range, list[str]]:
    return range(len(items)), list(items)


def _item(at: int, item: str) -> str:
    up = (
        f'<button type="button" data-by="-1" aria-label="{escape(item)}: up">↑</button>'
    )
    down = up.replace("-1", "1", 1).replace(": up", ": down").replace("↑", "↓")
    return f'<li data-at="{at}"><span>{_text(item)}</span>{up}{down}</li>'


def _slider(part: Number) -> str:
    if part.low is None or part.high is None:
        return ""
    low, high = float(part.low), float(part.high)
    if part.log:
        low, high = math.log10(low), math.log10(high)
    step = (high - low) / 200
    return (
        f'<input type="range" aria-label="{escape(part.label)}, slider" '
        f'aria-valuetext="not set" min="{low:.6g}" max="{high:.6g}" '
        f'step="{step:.6g}" value="{(low + high) / 2:.6g}">'
    )


def _curve(part: Curve) -> str:
    fields = "".join(
        f"<label><span>{escape(part.x_label)} = {x:g}</span> "
        f'<input autocomplete="off" spellcheck="false"></label>'
        for x in part.x
    )
    unit = f" in {part.unit}" if part.unit else ""
    key = (
        "<p data-key hidden>Line with large dots: you. Thick line: measured. "
        "Dashed line, where there is one: the textbook.</p>"
    )
    return _group(
        f"{part.label} ({part.y_label}{unit}): drag in the picture, or type",
        f'<svg viewBox="0 0 340 200" aria-hidden="true"></svg>{key}'
        f'<div class="points">{fields}</div>',
    )


# -- elements --------------------------------------------------------------------------

_NO_SCRIPT = "<noscript><p>To answer here, JavaScript is needed.{more}</p></noscript>"


def ask(id: str, variant: int | None = None) -> Element:
    """The answer box of a page exercise, which replies without a kernel.

    id: such as "1.2". variant: other numbers, where the exercise has them; their task
    is shown in the box. Raises LookupError for an unknown id, with the nearest ones,
    and TypeError for an exercise that is answered in Python.
    """
    entry = core.exercise(id)
    if isinstance(entry, Prediction):
        return predict(id)
    if isinstance(entry, Code):
        raise TypeError(f'{entry.id} is answered in Python: check("{entry.id}", …)')
    with core.quiet_state():
        if variant is not None and entry.numbers_for is not None:
            entry = entry.numbers_for(variant)
        data = sheet(entry) | _state(entry.id)
    task = f"<p>{_text(entry.task)}</p>" if entry.task else ""
    body = (
        f"<form><fieldset disabled><legend>{entry.id} {_text(entry.title)}</legend>"
        f"{task}{''.join(_part(part) for part in entry.parts)}"
        '<button type="submit">Check</button>'
        '<button type="button" data-again hidden>Try again</button></fieldset></form>'
        '<div role="status" aria-live="polite"></div>' + _NO_SCRIPT.format(more="")
    )
    html = _wrap("ask", entry.id, data, body, *_types(entry.parts), "ask")
    return Element(html, f"Exercise {entry.id}, {entry.title}: answered in a browser.")


def _types(parts: Any) -> list[str]:
    names = {Number: "number", Choice: "choice", Order: "order", Curve: "curve"}
    used = [names[type(part)] for part in parts]
    found = [name for name in names.values() if name in used]
    return ["number", *found] if found == ["curve"] else found


def predict(id: str) -> Element:
    """A prediction to commit to before its result is shown.

    id: such as "1.A". Raises LookupError for an unknown id, with the nearest ones.
    """
    entry = core.exercise(id)
    if not isinstance(entry, Prediction):
        raise TypeError(f'{entry.id} is an exercise: use ask or check("{entry.id}", …)')
    because = ""
    if entry.because:
        options = _options(list(entry.because), "because")
        because = f"<fieldset data-because><legend>Because</legend>{options}</fieldset>"
    body = (
        f"<form><fieldset disabled><legend>{_text(entry.question)}</legend>"
        f"{_part(entry.part, slider=True)}{because}"
        '<button type="submit">Commit</button>'
        '<button type="button" data-show>Show me</button></fieldset></form>'
        '<div role="status" aria-live="polite"></div>'
        f'<div data-reveal-here tabindex="-1" role="group" aria-label="What was '
        f'measured, {entry.id}" hidden></div>'
        + _NO_SCRIPT.format(more=" The result stands below.")
    )
    with core.quiet_state():
        data = prediction_sheet(entry) | _state(entry.id)
    scripts = [*_types([entry.part]), "predict"]
    html = _wrap("predict", entry.id, data, body, *scripts)
    return Element(html, f"Prediction {entry.id}: {entry.question}")


def prediction_sheet(entry: Prediction) -> dict[str, Any]:
    """A prediction as plain data, measured answer included, as the browser gets it."""
    textbook = entry.textbook
    if textbook is not None:
        textbook = _answer(entry.part, textbook)
    return {
        "id": entry.id,
        "part": _prediction_part(entry.part),
        "textbook": textbook,
        "textbookLabel": entry.textbook_label,
        "because": list(entry.because.values()),
        "note": entry.note,
        "source": entry.source.rstrip("."),
    }


def _answer(part: Part, answer: Any) -> Any:
    answer = value_of(answer)
    if isinstance(part, Number):
        return float(answer)
    if isinstance(part, Choice):
        return place(part.options, answer)
    if isinstance(part, Order):
        return [place(part.items, item) for item in answer]
    return [float(value) for value in answer]


def _measured(part: Number) -> str | None:
    """An interval in words with its unit, "82.7 ± 0.4 % (n = 5)"; None for a number."""
    answer = part.answer() if callable(part.answer) else part.answer
    return words(answer, part.digits, part.unit) if hasattr(answer, "low") else None


def _near(part: Number, answer: float) -> tuple[float, float]:
    """Which guesses count as measured: what the part accepts, and the interval."""
    low, high = part.accept_range or limits(part, answer)
    measured = part.answer() if callable(part.answer) else part.answer
    ends = [getattr(measured, end, math.nan) for end in ("low", "high")]
    if all(isinstance(end, float) and math.isfinite(end) for end in ends):
        low, high = min(low, ends[0]), max(high, ends[1])
    return low, high


def _prediction_part(part: Part) -> dict[str, Any]:
    answer = _answer(part, part.answer)
    data: dict[str, Any] = {"label": part.label, "answer": answer}
    if isinstance(part, Number):
        near = _near(part, answer)
        more = {"type": "number", "unit": part.unit, "log": part.log, "near": near}
        return data | more | {"digits": part.digits, "text": _measured(part)}
    if isinstance(part, Choice):
        return data | {"type": "choice", "options": list(part.options)}
    if isinstance(part, Order):
        return data | {"type": "order", "options": list(part.items)}
    return data | {
        "type": "curve",
        "unit": part.unit,
        "log": part.log,
        "x": [float(x) for x in part.x],
        "xLabel": part.x_label,
        "low": part.low,
        "high": part.high,
        "digits": part.digits,
    }


def progress_rows() -> list[list[Any]]:
    """Return per chapter its title, its exercises and its predictions, by id."""
    rows: list[list[Any]] = []
    for number in core.chapters():
        found = core.chapter(number)
        exercises = [e.id for e in found.exercises if e.stars]
        predictions = [prediction.id for prediction in found.predictions]
        if exercises or predictions:
            name = f"Chapter {number:02d}" if number else "Start page"
            rows.append([name, exercises, predictions])
    return rows


def site_script() -> str:
    """Return the script of all exercises and of the side bar's count, for the site.

    There it is loaded once; elsewhere each output has its own.
    """
    course = json.dumps(progress_rows(), ensure_ascii=False, separators=(",", ":"))
    kinds = ("number", "choice", "order", "curve", "ask", "predict", "progress")
    return f"{script(*kinds)}\nglobalThis.actlabCourse = {course};"


def progress_panel() -> Element:
    """What this browser knows of each chapter, and a field to import a code."""
    rows = progress_rows()
    body = (
        "<form><fieldset disabled><legend>Your answers in this browser</legend>"
        "<ul></ul>"
        "<label><span>Import answers: the code that progress() printed</span> <input "
        'autocomplete="off" spellcheck="false"></label>'
        '<button type="submit">Import</button>'
        '<button type="button" data-forget>Forget all answers</button>'
        "</fieldset></form>"
        '<div role="status" aria-live="polite"></div>' + _NO_SCRIPT.format(more="")
    )
    html = _wrap("progress", "panel", {"chapters": rows}, body, "progress")
    return Element(html, "Your answers: counted in a browser.")


def _state(id: str) -> dict[str, Any]:
    """In Colab, what the kernel remembers; elsewhere outputs depend on nothing."""
    if not _connect_colab():
        return {}
    kept = core.known().get(id)
    if not kept or kept["answer"] is None:
        return {}
    predicted = kept["status"] in ("predicted", "shown")
    return {"state": kept["answer"] if predicted else {"answer": kept["answer"]}}


@cache
def _connect_colab() -> bool:
    """Let answers given in Colab's outputs reach the kernel."""
    if "google.colab" not in sys.modules:
        return False
    try:
        from google.colab import output

        output.register_callback("actlab.record", core.keep)
    except Exception:  # an older or newer Colab: answers then stay in the output
        return False
    return True
