"""A chapter's notebook and its records say the same of every exercise.

Title, stars, kind and outcome stand in the notebook, where readers see them, and in
`code/course/chNN/exercises.py`, where they are counted. Numbers stand in the printed
solution and in the record that accepts them. Each way to forget one of the two is
tried below on a copy of a notebook.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from copy import copy, deepcopy
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from course.exercises import core, grading, validation
from course.exercises.model import Chapter, Choice, Code, Number, Page

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "chapters").glob("*.ipynb"))
NOTEBOOKS = {int(path.name[:2]): nbformat.read(path, as_version=4) for path in PATHS}

HEADING = re.compile(r"^### (\d+\.\d+) (.+)\n\n\*(.+) · (★+) · outcome (\d)\*$", re.M)
# what a heading may add to the kind of the record
MORE = re.compile(r" \(completion\)|, then (?:code|run|simulate)")
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight"]
WORDS += ["nine", "ten"]

Problems = Iterator[str]


# --- reading a notebook -----------------------------------------------------------


def cells(notebook, kind: str) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def markdown(notebook) -> str:
    return "\n\n".join(cell.source for cell in cells(notebook, "markdown"))


def statement(notebook, id: str) -> str:
    """The text of an exercise, from its heading to the next cell that ends it."""
    text = markdown(notebook)
    start = re.search(rf"^### {re.escape(id)} ", text, re.M)
    if start is None:
        return ""
    ending = r"\n#{1,3} |<details data-solution"
    return re.split(ending, text[start.start() :], maxsplit=1)[0]


def solution(notebook, id: str) -> str:
    found = re.findall(
        rf'<details data-solution="{re.escape(id)}">(.*?)</details>',
        markdown(notebook),
        re.DOTALL,
    )
    return found[0] if len(found) == 1 else ""


def answered(notebook, id: str) -> list:
    """The code cells that ask for the answer to an exercise, or check it."""
    call = re.compile(rf"^(ask|check)\(\"{re.escape(id)}\"", re.M)
    return [cell for cell in cells(notebook, "code") if call.search(cell.source)]


SIGNS = {"−": "-", "–": "-", "½": "0.5", "⅓": "1/3", "¼": "0.25", "⅛": "0.125"}
FRACTION = re.compile(r"\\[td]?frac\{?(\d+?)\}?\{?(\d+)\}?")
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:/\d+|(?:\.\d+)?)(?!\d|\.\d)")


def numbers(text: str) -> set[float]:
    """The numbers in a piece of prose with formulas, those in words included."""
    for sign, plain in SIGNS.items():
        text = text.replace(sign, plain)
    text = re.sub(r"(?<=\d)(?:,|\{,\})(?=\d{3})", "", text)
    text = FRACTION.sub(r" \1/\2 ", text)
    words = re.findall(r"[a-z]+", text.lower())
    found = {float(WORDS.index(word)) for word in words if word in WORDS}
    for number in NUMBER.findall(text):
        above, _, below = number.partition("/")
        found.add(float(above) / float(below or 1))
    return found


# --- what has to agree ------------------------------------------------------------


def problems(notebook, chapter: Chapter) -> list[str]:
    """Where a notebook and its chapter's records differ, and what would be right."""
    found = [*listed(notebook, chapter), *ladder(notebook, chapter)]
    for entry in chapter.exercises:
        found += of_one(notebook, entry)
    return found


def of_one(notebook, entry: Page | Code) -> list[str]:
    """Where a notebook and the record of one exercise differ."""
    found = [*place(notebook, entry)]
    if entry.stars:
        found += [*heading(notebook, entry), *folded(notebook, entry)]
        found += printed(notebook, entry) if isinstance(entry, Page) else []
    return [f"{entry.id}: {problem}" for problem in found]


def listed(notebook, chapter: Chapter) -> Problems:
    """The exercises stand in the order of the records, and no others do."""
    here = re.findall(r"^### (\d+\.\d+) ", markdown(notebook), re.M)
    there = [entry.id for entry in chapter.exercises if entry.stars]
    if here != there:
        yield f"the headings are those of {here}, EXERCISES holds {there}"


def ladder(notebook, chapter: Chapter) -> Problems:
    """The sentence under '## Exercises' counts the stars."""
    text = markdown(notebook)
    opening = re.search(r"^## Exercises\n\n(.+)$", text, re.M)
    if opening is None:
        yield "'## Exercises' and a sentence that counts the stars are missing"
        return
    counts = Counter(entry.stars for entry in chapter.exercises if entry.stars)
    for stars, count in sorted(counts.items()):
        number = "the " if count == 1 else f"{WORDS[count]} "
        if not re.search(rf"\b{number}{'★' * stars}(?!★)", opening[1], re.I):
            yield (
                f"the sentence under '## Exercises' must say {number + '★' * stars!r}, "
                f"since EXERCISES holds {count} of them; it says {opening[1]!r}"
            )


def heading(notebook, entry: Page | Code) -> Problems:
    """Title, kind, stars and outcome."""
    found = HEADING.match(statement(notebook, entry.id))
    if found is None:
        kind = f"*{entry.kind} · {'★' * entry.stars} · outcome {entry.outcome}*"
        yield f"the heading should read '### {entry.id} {entry.title}', then '{kind}'"
        return
    _, title, kind, stars, outcome = found.groups()
    more = kind.removeprefix(entry.kind)
    for what, here, there, agree in (
        ("title", title, entry.title, title == entry.title),
        ("kind", kind, entry.kind, more != kind and (not more or MORE.fullmatch(more))),
        ("stars", len(stars), entry.stars, len(stars) == entry.stars),
        ("outcome", int(outcome), entry.outcome, int(outcome) == entry.outcome),
    ):
        if not agree:
            yield f"{what} is {here!r} in the notebook and {there!r} in the record"


def place(notebook, entry: Page | Code) -> Problems:
    """A page is asked in a cell with hidden input, Python is checked in an open one."""
    call = "ask" if isinstance(entry, Page) else "check"
    found = answered(notebook, entry.id)
    if len(found) != 1 or f'{call}("{entry.id}"' not in found[0].source:
        yield f'one code cell must call {call}("{entry.id}"'
        return
    hidden = "hide-input" in found[0].metadata.get("tags", [])
    if hidden != isinstance(entry, Page):
        change = "needs the tag" if isinstance(entry, Page) else "must not have the tag"
        yield f"the cell of {call} {change} 'hide-input'"


def folded(notebook, entry: Page | Code) -> Problems:
    """Two hints, and one solution."""
    text = statement(notebook, entry.id)
    for hint in ("Hint 1", "Hint 2"):
        if f"<details><summary>{hint}</summary>" not in text:
            yield f"'<details><summary>{hint}</summary>' is missing"
    text = solution(notebook, entry.id)
    if not text:
        yield f"one '<details data-solution=\"{entry.id}\">' is needed"
    elif isinstance(entry, Code) and "```python\n" not in text:
        yield "the solution needs a block '```python', which the tests run"


def printed(notebook, page: Page) -> Problems:
    """The solution says what the record accepts."""
    text = solution(notebook, page.id)
    right = validation.right_answer(page)
    for part in page.parts:
        fits = accepts(page, part.name)
        if isinstance(part, Number) and not any(map(fits, numbers(text))):
            yield (
                f"no number in the solution is accepted for {part.label!r}: the record "
                f"has {right[part.name]:.6g}"
            )
    if len(page.parts) == 1 and isinstance(page.parts[0], Choice):
        option = page.parts[0].options[right[page.parts[0].name]]
        if clause(option) not in text.lower():
            yield f"the solution does not say {clause(option)!r}, as the record does"


def accepts(page: Page, name: str) -> Callable[[float], bool]:
    """Whether a number is accepted for a part, when all other parts are right."""
    data, right = grading.sheet(page), validation.right_answer(page)
    return lambda value: grading.judge(data, right | {name: value}).status == "right"


def clause(option: str) -> str:
    """An option up to its first stop: solutions may go on in other words."""
    return re.split(r"[,.:;]", option.strip("“”").lower())[0]


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_notebook_and_records_agree(number):
    found = problems(NOTEBOOKS[number], core.chapter(number))
    assert not found, "\n".join(found)


def test_every_chapter_with_exercises_has_a_notebook():
    assert {n for n in core.chapters() if 0 < n < 90} == set(NOTEBOOKS)


def test_numbers_are_found_in_prose():
    text = r"Five: $8 \cdot 192 = 294{,}912$, −3.1, ½, $\tfrac14$, 5/8, $-6x$, 2/0.05"
    assert numbers(text) == {5, 8, 192, 294912, -3.1, 0.5, 0.25, 0.625, -6, 2, 0.05}


# --- each difference is noticed ---------------------------------------------------


def all_entries(wanted: type) -> list[tuple[int, Page | Code]]:
    return [
        (number, entry)
        for number in NOTEBOOKS
        for entry in core.chapter(number).exercises
        if isinstance(entry, wanted) and entry.stars
    ]


ENTRIES = all_entries(Page | Code)


def by_id(value) -> str | None:
    return getattr(value, "id", None)


def changed(number: int, change: Callable[[str], str], kind: str = "markdown"):
    """A copy of a notebook with the cells of one kind changed."""
    notebook = SimpleNamespace(cells=[copy(cell) for cell in NOTEBOOKS[number].cells])
    for cell in cells(notebook, kind):
        cell.source = change(cell.source)
    assert notebook.cells != NOTEBOOKS[number].cells, "nothing was changed"
    return notebook


def in_heading(id: str, change: Callable[[list[str]], list[str]]):
    """A change of the four fields of a heading: title, kind, stars, outcome."""

    def edit(source: str) -> str:
        found = HEADING.search(source)
        if not found or found[1] != id:
            return source
        title, kind, stars, outcome = change(list(found.groups()[1:]))
        new = f"### {id} {title}\n\n*{kind} · {stars} · outcome {outcome}*"
        return source.replace(found[0], new)

    return edit


@pytest.mark.parametrize(
    ("place", "what"), enumerate(["title", "kind", "stars", "outcome"])
)
@pytest.mark.parametrize(("number", "entry"), ENTRIES, ids=by_id)
def test_a_changed_heading_is_noticed(number, entry, place, what):
    other = {
        "title": entry.title + "!",
        "kind": "derive" if entry.kind == "compute" else "compute",
        "stars": "★" * (entry.stars % 3 + 1),
        "outcome": str(entry.outcome % 3 + 1),
    }

    def change(fields: list[str]) -> list[str]:
        return [*fields[:place], other[what], *fields[place + 1 :]]

    (found,) = of_one(changed(number, in_heading(entry.id, change)), entry)
    assert found.startswith(f"{entry.id}: {what} is")


@pytest.mark.parametrize(
    ("number", "page", "part"),
    [
        (number, page, part)
        for number, page in all_entries(Page)
        for part in page.parts
        if isinstance(part, Number)
    ],
    ids=lambda value: getattr(value, "id", None) or getattr(value, "name", None),
)
def test_a_changed_number_in_a_solution_is_noticed(number, page, part):
    """Wherever the right number stands in the solution, another one takes its place."""
    fits = accepts(page, part.name)

    def other(found: re.Match[str]) -> str:
        return " 987654321 " if any(map(fits, numbers(found[0]))) else found[0]

    def edit(source: str) -> str:
        if f'data-solution="{page.id}"' not in source:
            return source
        tokens = rf"{FRACTION.pattern}|[-−]?[\d½⅓¼⅛][\d.,{{}}/]*\d|[-−]?[\d½⅓¼⅛]|\w+"
        start, end, rest = source.partition("</summary>")
        return start + end + re.sub(tokens, other, rest)

    found = "\n".join(of_one(changed(number, edit), page))
    assert f"no number in the solution is accepted for {part.label!r}" in found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.replace("### 4.3 ", "### 4.8 "), "the headings are those of"),
        (lambda s: s.replace("Three ★ take", "Two ★ take"), "must say 'three ★'"),
        (lambda s: s.replace("four ★★ about", "five ★★ about"), "must say 'four ★★'"),
        (lambda s: s.replace("the ★★★", "two ★★★"), "must say 'the ★★★'"),
        (lambda s: s.replace("## Exercises", "## Tasks"), "'## Exercises' and"),
        (lambda s: s.replace("*compute · ★ ·", "*compute, ★,"), "4.1: the heading sho"),
        (lambda s: s.replace("*code · ★", "*code, easily · ★"), "4.2: kind is 'code,"),
        (lambda s: s.replace("Hint 2", "Help"), "4.1: '<details><summary>Hint 2"),
        (lambda s: s.replace('"4.1"><summary>S', '"4.9"><summary>S'), "4.1: one '<d"),
        (lambda s: s.replace("```python", "```"), "4.2: the solution needs a block"),
        (lambda s: s.replace("More zeros at", "Zeros at"), "4.7: the solution does no"),
    ],
)
def test_what_is_forgotten_in_the_text_is_named(change, message):
    found = problems(changed(4, change), core.chapter(4))
    assert message in "\n".join(found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.replace('ask("4.1")', ""), '4.1: one code cell must call ask("4'),
        (lambda s: s.replace('check("4.2"', 'ask("4.2"'), "4.2: one code cell must ca"),
        (lambda s: s.replace('ask("4.0")', ""), '4.0: one code cell must call ask("4'),
    ],
)
def test_what_is_forgotten_in_the_code_is_named(change, message):
    found = problems(changed(4, change, "code"), core.chapter(4))
    assert message in "\n".join(found)


@pytest.mark.parametrize(
    ("id", "message"),
    [("4.1", "needs the tag 'hide-input'"), ("4.2", "must not have the tag")],
)
def test_a_forgotten_tag_is_named(id, message):
    notebook = deepcopy(NOTEBOOKS[4])
    (cell,) = answered(notebook, id)
    had = "hide-input" in cell.metadata.get("tags", [])
    cell.metadata["tags"] = [] if had else ["hide-input"]
    assert message in "\n".join(of_one(notebook, core.exercise(id)))


# -- numbers are accepted as exactly as they are asked for -----------------------------

DIGITS = re.compile(r"\b(one|two|three) (decimals?|significant digits)\b", re.I)
# whoever rounds on the way or simulates ends a unit beside: "10.7 probability";
# the true value lies in the middle of two: "3.7 gain"; other digits are asked for:
# "3.2 ten", "11.4 lowest"
NOT_SO_EXACT = {"10.7 probability", "3.7 gain", "3.2 ten", "11.4 lowest"}


def exactly() -> Iterator:
    for number, entry in all_entries(Page):
        asked = DIGITS.findall(statement(NOTEBOOKS[number], entry.id))
        for part in grading.sheet(entry)["parts"] if asked else []:
            name = f"{entry.id} {part['name']}"
            if part["type"] != "number" or float(part["answer"]).is_integer():
                continue  # "two decimals" are not meant for whole numbers
            if name not in NOT_SO_EXACT:
                yield pytest.param(part, *asked[0], id=name)


@pytest.mark.parametrize(("part", "count", "kind"), exactly())
def test_no_unit_beside_in_the_last_digit_is_accepted(part, count, kind):
    answer, digits = float(part["answer"]), WORDS.index(count.lower())
    if kind.startswith("significant"):
        digits -= 1 + int(f"{answer:e}".partition("e")[2])
    unit = 10.0**-digits
    rounded = round(answer, digits)
    assert part["low"] <= rounded <= part["high"]
    assert not part["low"] <= rounded - unit <= part["high"]
    assert not part["low"] <= rounded + unit <= part["high"]
