"""Looking up exercises, checking Python answers, and keeping count."""

from __future__ import annotations

import base64
import contextlib
import difflib
import importlib
import json
import re
import sys
import zlib
from functools import cache
from importlib.util import find_spec
from typing import Any

from .grading import reply
from .model import Chapter, Code, ExerciseError, Page, Prediction, Reply

__all__ = [
    "chapter",
    "chapters",
    "check",
    "exercise",
    "grade",
    "known",
    "progress",
    "keep",
    "register",
]

_REGISTERED: dict[int, Chapter] = {}
_RESULTS: dict[str, dict[str, Any]] = {}
LONGEST_LINE = 480
LANDING = 0  # the landing page counts as chapter 0
LAST = 15


def register(added: Chapter) -> None:
    """Add a chapter by hand (pages that are no chapter; tests)."""
    _REGISTERED[added.number] = added


def chapters() -> list[int]:
    """The numbers of all chapters that have exercises; 0 is the landing page."""
    found = {n for n in range(LANDING, LAST + 1) if find_spec(_module(n)) is not None}
    return sorted(found | set(_REGISTERED))


def _module(number: int) -> str:
    if number == LANDING:
        return "course.landing"
    return f"course.ch{number:02}.exercises"


def chapter(number: int) -> Chapter:
    """The exercises of a chapter; LookupError if there is no such chapter."""
    if number in _REGISTERED:
        return _REGISTERED[number]
    return _load(number)


@cache
def _load(number: int) -> Chapter:
    if number not in chapters():
        raise LookupError(f"there is no chapter {number}; there are {chapters()}")
    with quiet_state():  # some compute a tensor when they are imported
        module = importlib.import_module(_module(number))
    return Chapter(
        number,
        tuple(getattr(module, "EXERCISES", ())),
        tuple(getattr(module, "PREDICTIONS", ())),
    )


def exercise(id: str) -> Page | Code | Prediction:
    """The exercise or prediction of that id; LookupError names the nearest ids."""
    name = str(id).strip()
    match = re.fullmatch(r"(\d{1,2})\.\w{1,3}", name)
    if match and int(match[1]) in chapters():
        found = chapter(int(match[1]))
        for entry in (*found.exercises, *found.predictions):
            if entry.id.lower() == name.lower():
                return entry
    raise LookupError(f"there is no exercise {_short(name)!r}; {_nearest(name)}")


def _nearest(name: str) -> str:
    ids = []
    for number in chapters():
        with contextlib.suppress(Exception):  # a suggestion must not raise
            ids += [entry.id for entry in chapter(number).exercises]
    close = difflib.get_close_matches(name, ids, n=3, cutoff=0.5)
    same = [id for id in ids if id.split(".")[0] == name.split(".")[0]]
    near = list(dict.fromkeys(close + same))[:6]
    return f"did you mean {', '.join(near)}?" if near else "see the chapter's headings"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:39] + "…"


def grade(entry: Page | Code, answer: Any, variant: int | None = None) -> Reply:
    """The reply to any answer to an exercise. Never raises, except for Ctrl-C."""
    with quiet_state():
        if isinstance(entry, Page):
            return _grade_page(entry, answer, variant)
        return _grade_code(entry, answer, variant)


def quiet_state() -> contextlib.AbstractContextManager[None]:
    """torch as it starts, whatever the notebook has set; nothing before torch runs."""
    if "torch" not in sys.modules:
        return contextlib.nullcontext()
    from .state import standard

    return standard()


def _grade_code(entry: Code, answer: Any, variant: int | None) -> Reply:
    from .report import Failed, NotAttempted, Report, Unready, _name

    untouched = Reply("open", "not attempted yet")
    if answer is None or answer is ...:
        return untouched
    report = Report(entry.id, variant, entry.mistakes)
    try:
        entry.grade(answer, variant, report)
    except Failed as failed:
        return Reply("wrong", str(failed))
    except NotAttempted:
        return untouched
    except Unready as unready:  # nothing was judged
        return Reply("input", str(unready))
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # an answer so odd that the grader stumbles
        return Reply("wrong", f"this answer cannot be checked: {_name(error)}.")
    cases = f" on {report.cases} case{'s' * (report.cases != 1)}" * bool(report.cases)
    text = f"correct{cases}{'. ' + entry.right if entry.right else ''}"
    return Reply("right", " ".join([text, *report.remarks]))


def _grade_page(entry: Page, answer: Any, variant: int | None) -> Reply:
    if answer is None or answer is ...:
        return Reply("open", "not attempted yet")
    if variant is not None and entry.numbers_for is not None:
        entry = entry.numbers_for(variant)
    return reply(entry, answer)


_SIGNS = {"right": "✓", "partial": "✗", "wrong": "✗", "input": "?", "open": "○"}


def check(
    id: str, answer: Any = None, *, strict: bool = False, variant: int | None = None
) -> None:
    """Print one line about an answer: right, wrong and why, or not attempted.

    id: "4.2". answer: what the exercise asks for; for a page exercise a number or
    {part: value}. strict: raise ExerciseError instead of printing unless the answer
    is right. variant: a whole number; tests with other numbers.
    """
    try:
        entry = exercise(id)
    except LookupError as error:
        outcome, name = Reply("input", str(error.args[0])), ""
    else:
        name = f"{entry.id} "
        if isinstance(entry, Prediction):
            outcome = Reply("input", f'is a prediction: use predict("{entry.id}")')
        else:
            outcome = grade(entry, answer, variant)
            keep(entry.id, outcome.status)
    line = " ".join(f"{_SIGNS[outcome.status]} {name}{outcome.text}".split())
    if len(line) > LONGEST_LINE:
        line = line[: LONGEST_LINE - 1] + "…"
    if strict and outcome.status != "right":
        raise ExerciseError(line)
    say(line)


# for a console that cannot print them
_PLAIN = str.maketrans({
    "✓": "right:", "✗": "wrong:", "○": "open:", "−": "-", "“": '"', "”": '"',
    "’": "'", "…": "...", "→": "->", "≤": "<=", "≥": ">=", "·": "*", "×": "x",
})  # fmt: skip


def say(text: str) -> None:
    """Print a text; on a console of few characters, in words that it has."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeError:
        bare = text.translate(_PLAIN).encode(encoding, "replace")
        text = bare.decode(encoding)
    print(text)


def keep(id: str, status: str, answer: Any = None) -> None:
    """Note in this kernel how an answer was; a right one stays right."""
    if status in ("open", "input"):
        return
    before = _RESULTS.get(id, {"status": "", "tries": 0})
    if before["status"] != "right":
        if answer is None:  # from check(): what was typed on the page stays
            answer = before.get("answer")
        kept = {"status": status, "tries": before["tries"] + 1, "answer": answer}
        _RESULTS[id] = kept


def known() -> dict[str, dict[str, Any]]:
    """What this kernel knows: id -> status, tries, answer."""
    return {id: dict(entry) for id, entry in _RESULTS.items()}


def progress() -> None:
    """Print what this kernel knows of your answers, and a code for the site."""
    if not _RESULTS:
        print("Nothing answered yet since the kernel started.")
        return
    right = sum(entry["status"] == "right" for entry in _RESULTS.values())
    say(f"{len(_RESULTS)} answered, {right} right. To keep this, paste the code into")
    say("the field “Import answers” on the course site:")
    say(progress_code())


def progress_code() -> str:
    """The state of this kernel as one word: version, data, checksum."""
    rows = [
        [id, entry["status"], entry["answer"]] for id, entry in sorted(_RESULTS.items())
    ]
    data = json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode()
    text = base64.urlsafe_b64encode(data).decode().rstrip("=")
    return f"actlab1.{text}.{zlib.adler32(text.encode()):08x}"
