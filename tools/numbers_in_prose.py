"""Does every measured number that a chapter quotes stand in one of its sources?

``python tools/numbers_in_prose.py [chapters/04-….ipynb]`` names those that do not; the
tests hold all chapters to it. ``--mutations`` says how many wrong numbers would slip
through: it swaps digits and adds or takes a tenth, and counts what is still accepted.

Sources of a number are, in this order: the outputs and alternative texts of its own
section; those of the rest of the chapter, and of a chapter that the paragraph names,
where their line shares a word with the paragraph, two in a chapter that prints many;
the recorded studies of the chapter, for the activations that the paragraph names; the
settings in the chapter's code, if equal; an equation of the same cell that derives it;
a mark. Marks are comments that no reader sees:

    <!-- derived: 3.5 = 88.2 - 84.7 -->
    <!-- derived: 1.3 = published[sgd_small identity | sgd_small relu] -->
    <!-- cited: 82.6 81.3 in agarap2018 -->
    <!-- cited: 0.193 in chapter 05 -->
    <!-- given: 0.6 0.3 as data of a worked example -->
    <!-- sources: chapter 12, benchmarks/README.md -->

A formula is computed, and its operands need sources themselves; ``study[words]`` in it
is a mean over seeds of a recorded study (tools/recorded_numbers.py). Several stand in
one comment with ; between them. The key stands in ``reference/references.bib``. A mark
holds in its own cell, and the number that it vouches for must stand there: so it guards
a count in running text too, which is not looked at otherwise.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import arithmetic
import recorded_numbers

__all__ = ["Chapter", "Number", "mutations", "numbers", "problems"]

ROOT = recorded_numbers.ROOT
MEASURED = ("What we measured", "Case file")
CLOSING = ("Exercises", "Interview questions", "Further reading", "Next")

# --- numbers in a text ------------------------------------------------------------

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
POWER = re.compile(
    r"(\d(?:\.\d+)?)\s*(?:·|×|\\cdot|\\times)\s*10(?:\^\{?(-?\d+)\}?|([⁻⁰¹²³⁴-⁹]+))"
)
NUMBER = re.compile(
    r"(?<![\w.,])(?:\d{1,3}(?:(?:,|\{,\})\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
    r"(?![\w]*\.?\d)"
)
PAIR = re.compile(r"\s*(?:%\s*)?(?:±|\\pm)\s*")
PERCENT = re.compile(r"\s?\\?(?:%|per ?cent)")
UNITS = {"ms": 1e3, "µs": 1e6, "μs": 1e6, "us": 1e6, "ns": 1e9}
UNITS |= {"KB": 1e-3, "MB": 1e-6, "GB": 1e-9, "thousand": 1e-3, "million": 1e-6}
UNITS |= {"billion": 1e-9}
UNIT = re.compile(r"\s?(" + "|".join(UNITS) + r"|s|seconds?)\b")


@dataclass(frozen=True)
class Number:
    """A number as it is written; ``places`` may be negative, as in 1e+19.

    ``half`` is what stands behind a ±, and ``unit`` what stands behind it all.
    """

    text: str
    value: float
    places: int
    start: int = 0
    half: Number | None = None
    unit: str = ""

    @property
    def digits(self) -> int:
        """How many significant digits are written."""
        bare = re.sub(r"[,{}.]", "", self.text.partition("e")[0])
        return len(bare.lstrip("0"))

    @property
    def whole(self) -> bool:
        """Whether it is written without a decimal point or a power of ten."""
        return not re.search(r"[.e]", self.text)

    def rounds(self, other: Number, factor: float = 1.0, shift: int = 0) -> bool:
        """Return whether this is ``other`` times ``factor``, rounded."""
        gap = abs(abs(other.value) * factor - self.value)
        exact = other.places - shift >= self.places
        return exact and gap <= 0.5 * 10.0**-self.places * (1 + 1e-6)


def plain(text: str) -> str:
    """Return a text with ordinary minus signs and powers of ten as 1.2e-7."""

    def power(found: re.Match[str]) -> str:
        return f"{found[1]}e{(found[2] or found[3]).translate(SUPERSCRIPTS)}"

    return POWER.sub(power, text.replace("−", "-"))


def numbers(text: str) -> Iterator[Number]:
    """Yield the numbers of a plain text, without their signs; a ± b is one."""
    found = [_number(match) for match in NUMBER.finditer(text)]
    skip = False
    for one, following in zip(found, [*found[1:], None]):
        if skip:
            skip = False
            continue
        end = one.start + len(one.text)
        if following and _is_pair(text, end, following):
            one = replace(one, half=following)
            end = following.start + len(following.text)
            skip = True
        yield replace(one, unit=_unit(text[end : end + 12]))


def _is_pair(text: str, end: int, following: Number) -> bool:
    """Return whether ± stands between, and no product behind, as in 0.4 ± 4.3 s."""
    after = text[following.start + len(following.text) :]
    between = PAIR.fullmatch(text[end : following.start])
    return bool(between) and not after.lstrip().startswith(r"\cdot")


def _number(match: re.Match[str]) -> Number:
    bare = re.sub(r"[,{}]", "", match[0])
    mantissa, _, power = bare.partition("e")
    places = len(mantissa.partition(".")[2]) - int(power or 0)
    return Number(match[0], float(bare), places, match.start())


def _unit(after: str) -> str:
    if PERCENT.match(after):
        return "%"
    found = UNIT.match(after)
    return found[1] if found else ""


def supports(source: Number, number: Number) -> bool:
    """Return whether a source has this number, rounded or in another unit."""
    if number.half and not (source.half and number.half.rounds(source.half)):
        return False
    if number.rounds(source):
        return True
    if number.unit == "%" and source.unit != "%":
        return number.rounds(source, 100, 2)
    if source.unit == "%" and number.unit != "%" and number.value < 1:
        return number.rounds(source, 0.01, -2)
    if number.unit in UNITS and number.unit != source.unit:
        factor = UNITS[number.unit] / UNITS.get(source.unit, 1)
        return number.rounds(source, factor, round(math.log10(factor)))
    return False


# --- words: which line of an output speaks of the same thing ----------------------

SAME = [  # what the package writes, and what a sentence says
    (r"no activations?|without activations?|no function|linear network", "identity"),
    (r"leaky[ _]relu|leakyrelu|leaky", "leaky_relu"),
    (r"silu", "swish"),
    (r"rank correlations?", "ρ"),
    (r"he's", "he_start"),
    (r"pytorch's", "pytorch"),
]
STOP = frozenset(
    re.findall(
        r"\w+",
        "a an the and for with from that than this are not one two its out per all has "
        "have both each now only into over more less mean what where when who how does "
        "was were but can cent about is it in of on to at as or by be no so if",
    )
)


def words(text: str) -> frozenset[str]:
    """Return the words that tell what a line is about, without their plural s."""
    text = text.lower()
    for pattern, word in SAME:
        text = re.sub(rf"\b(?:{pattern})(?!\w)", word, text)
    found = re.findall(r"[^\W\d_][\w²]*", text)
    found = {word.rstrip("s") if len(word) > 4 else word for word in found}
    return frozenset(found - STOP)


@dataclass(frozen=True)
class Source:
    """A number that a chapter printed, with the words around it."""

    number: Number
    words: frozenset[str]
    section: int


def printed(text: str, section: int) -> Iterator[Source]:
    """Yield the numbers of an output; its first line and the last label speak too."""
    lines = plain(text).splitlines()
    head = words(lines[0]) if lines else frozenset()
    label: frozenset[str] = frozenset()
    for line in lines:
        own = words(line)
        if own and not line.startswith(" "):
            label = own
        for number in numbers(line):
            yield Source(number, own | head | label, section)


# --- a chapter --------------------------------------------------------------------

RECORDED = re.compile(
    r"([a-z][\w-]*)\[([^\]]*)\](?:\.(mean|low|high|half_width|std)\b)?"
)
MANY = 1000  # numbers printed by a chapter, among which one word finds too much
MARK = re.compile(r"<!--\s*(derived|cited|given|sources):\s*(.*?)\s*-->", re.DOTALL)
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
EXEMPT = [
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)"),
    re.compile(r"(?<=\])\([^)\s]*\)|<[^>\n]*>|\\tag\{[^}]*\}"),
    re.compile(r"^#+ .*$", re.MULTILINE),
    # Places in the course, and versions: 4.2, 13.2 and 14.1; PyTorch 2.13.
    re.compile(
        r"(?i)\b(?:exercises?|predictions?|equations?|sections?|chapters?|ch\.|figures?|"
        r"pytorch|torch|python|version|CC BY)\s(?:\d+\.?\w*)"
        r"(?:(?:, | and | to | or )\d+\.\d+)*"
    ),
    re.compile(r"\(\d{1,2}\.\d{1,2}\)"),
    re.compile(r"\b9[05]\s%(?=\sinterval)|\bat 95\s%"),
]
YEAR = range(1700, 2100)
UNITS_OF_RESULTS = re.compile(
    r"\s?\\?(?:%|per ?cent|points?\b|dB\b|nats?\b|of \d|±|\\pm)"
)


class Chapter:
    """A notebook, read for its numbers."""

    def __init__(self, notebook: dict, path: Path):
        self.cells = notebook["cells"]
        self.name = path.name
        self.folder = path.parent
        self.number = int(path.name[:2])
        self.sections, self.titles = [], [""]
        for cell in self.cells:
            if cell["cell_type"] == "markdown":
                heads = re.findall(r"^## (.+?)\s*$", _source(cell), re.MULTILINE)
                self.titles += heads[:1]
            self.sections.append(len(self.titles) - 1)

    @classmethod
    def read(cls, path: Path) -> Chapter:
        """Read a chapter from its notebook."""
        return cls(json.loads(path.read_text("utf-8")), path)

    @cached_property
    def code(self) -> str:
        """What its code cells say, without the setup cell."""
        return "\n".join(_source(cell) for _, cell in self._code_cells())

    def _code_cells(self) -> Iterator[tuple[int, dict]]:
        for section, cell in zip(self.sections, self.cells):
            tags = cell["metadata"].get("tags", [])
            if cell["cell_type"] == "code" and "setup" not in tags:
                yield section, cell

    @cached_property
    def sources(self) -> list[Source]:
        """The numbers of all outputs and alternative texts."""
        found = []
        for section, cell in self._code_cells():
            image = cell["metadata"].get("mystnb", {}).get("image", {})
            # An alternative text is about one picture: each line speaks for all.
            found += printed(image.get("alt", "").replace("\n", " "), section)
            for output in cell["outputs"]:
                data = output.get("data", {})
                for text in (
                    output.get("text", ""),
                    data.get("text/plain", ""),
                    data.get("text/markdown", ""),
                ):
                    found += printed("".join(text), section)
        return found

    @property
    def printed(self) -> list[Number]:
        """The numbers of its outputs, without the words around them."""
        return [source.number for source in self.sources]

    @cached_property
    def settings(self) -> set[float]:
        """The numbers of the code, and the settings of its studies."""
        code = re.sub(r"(?<=\d)_(?=\d)", "", self.code)
        found = {number.value for number in numbers(code)}
        return found.union(*map(recorded_numbers.settings, self.studies))

    @cached_property
    def studies(self) -> list[str]:
        """The recorded studies that belong to it."""
        return recorded_numbers.studies_of(self.number, self.code)

    def paragraphs(self) -> Iterator[Paragraph]:
        """Yield every line of prose."""
        for index, cell in enumerate(self.cells):
            if cell["cell_type"] != "markdown":
                continue
            text = _source(cell)
            marks = Marks(text)
            equations = arithmetic.shown(FENCE.sub("", text))
            for line, about in _with_context(bare(text)):
                section = self.sections[index]
                yield Paragraph(self, index, section, line, about, marks, equations)


def _with_context(text: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of a text, and what each is about.

    A row of a table has its columns' names, and after “the same” the row above.
    """
    head = above = ""
    for line in text.splitlines():
        about = line
        if line.startswith("|"):
            head = head or line
            about += head + (above if "the same" in line.lower() else "")
            above = about
        else:
            head = above = ""
        if line.strip():
            yield line, about


def _source(cell: dict) -> str:
    return "".join(cell["source"])


NAMED = re.compile(
    r"\]\((\d\d)-[\w-]+\.ipynb\)|(?i:\bch(?:apters?|\.)\s)(\d\d)\b(?!\.)"
)
ALSO = re.compile(r"(chapter_\d\d(?:, | and | to | or ))(\d\d)\b")


def bare(text: str) -> str:
    """Return markdown without code, targets, comments, headings and places.

    The name of another chapter becomes chapter_08: it says where to look.
    """
    text = FENCE.sub("", text)
    text = NAMED.sub(lambda found: f"] chapter_{found[1] or found[2]}", text)
    while ALSO.search(text):
        text = ALSO.sub(r"\1chapter_\2", text)
    for pattern in EXEMPT:
        text = pattern.sub(" ", text)
    return plain(text)


# --- marks ------------------------------------------------------------------------


class Marks:
    """The marks of one cell: what they vouch for, and what is wrong with them."""

    def __init__(self, text: str):
        self.derived: list[tuple[Number, str]] = []
        self.plain: list[Number] = []
        self.chapters: list[str] = []
        self.elsewhere: list[tuple[Number, str]] = []
        self.files: list[Number] = []
        self.wrong: list[str] = []
        for kind, body in MARK.findall(text):
            getattr(self, f"_{kind}")(plain(body))
        self.numbers = self.plain + [number for number, _ in self.derived]
        present = list(numbers(bare(text)))
        for number in self.numbers:
            if not any(number.value in _values(one) for one in present):
                self.wrong.append(f"a mark for {number.text}, which the cell lacks")

    def _derived(self, body: str) -> None:
        for one in body.split(";"):
            left, _, formula = one.partition("=")
            found = list(numbers(left))
            try:
                value = arithmetic.evaluate(RECORDED.sub(_recorded, formula))
            except (arithmetic.FormulaError, LookupError) as error:
                self.wrong.append(str(error))
                continue
            if len(found) != 1 or not found[0].rounds(_exact(value)):
                self.wrong.append(f"{one.strip()}: the formula gives {value:.6g}")
            formula = RECORDED.sub("", formula)  # these need no other source
            self.derived += [(number, formula) for number in found]

    def _cited(self, body: str) -> None:
        quoted, _, place = body.rpartition(" in ")
        self.plain += numbers(quoted)
        chapter = re.fullmatch(r"chapter (\d\d)", place)
        if chapter:
            self.elsewhere += [(number, chapter[1]) for number in numbers(quoted)]
        elif place not in bibliography():
            self.wrong.append(
                f"{place!r} is no key of reference/references.bib and no chapter"
            )

    def _given(self, body: str) -> None:
        quoted, _, reason = body.partition(" as ")
        if not reason:
            self.wrong.append(f"say what {body} is given as: “given: 0.6 as …”")
        self.plain += numbers(quoted)

    def _sources(self, body: str) -> None:
        for name in body.split(", "):
            chapter = re.fullmatch(r"chapter (\d\d)", name)
            if chapter:
                self.chapters.append(chapter[1])
            elif (ROOT / name).is_file():
                self.files += numbers(plain((ROOT / name).read_text("utf-8")))
            else:
                self.wrong.append(
                    f"{name!r} is no chapter, such as chapter 08, or file"
                )


def _values(number: Number) -> set[float]:
    return {number.value} | ({number.half.value} if number.half else set())


def _recorded(found: re.Match[str]) -> str:
    return repr(recorded_numbers.value(found[1], found[2], found[3] or "mean"))


def _exact(value: float) -> Number:
    return Number("", value, 15)


@cache
def bibliography() -> frozenset[str]:
    """Return the keys of the bibliography."""
    text = (ROOT / "reference" / "references.bib").read_text("utf-8")
    return frozenset(re.findall(r"^@\w+\{([^,\s]+),", text, re.MULTILINE))


# --- the check --------------------------------------------------------------------


@dataclass(frozen=True)
class Paragraph:
    """A line of prose, with what vouches for its numbers."""

    chapter: Chapter
    cell: int
    section: int
    text: str
    about: str
    marks: Marks
    equations: list[tuple[str, float]]

    def checked(self) -> Iterator[Number]:
        """Yield the numbers that need a source."""
        title = self.chapter.titles[self.section]
        for number in numbers(self.text):
            result = UNITS_OF_RESULTS.match(
                self.text[number.start + len(number.text) :]
            )
            if number.whole:
                large = number.value >= 10 and int(number.value) not in YEAR
                # In running text 10 % or 80 % is a round number of speech.
                need = large and (title in MEASURED or result and number.value % 10)
            else:
                closing = title.startswith(CLOSING)
                need = not closing or result or self.text.startswith("|")
            if need:
                yield number

    def vouched(self, number: Number) -> str:
        """Return where a number comes from, or an empty string."""
        if any(supports(source, number) for source in self._near):
            return "section"
        if any(supports(source, number) for source in self._far):
            return "chapter"
        if number.half is None and self._set(number):
            return "setting"
        if any(_same(number, marked) for marked in self.marks.numbers):
            return "mark"
        if any(supports(source, number) for source in self.marks.files):
            return "file"
        if number.half is None and any(
            number.rounds(_exact(value))
            for side, value in self.equations
            if number.value in {one.value for one in numbers(plain(side))}
        ):
            return "equation"
        if number.half and any(supports(source, number) for source in self._recorded):
            return "recording"
        return ""

    @cached_property
    def _near(self) -> list[Number]:
        sources = self.chapter.sources
        return [s.number for s in sources if s.section == self.section]

    @cached_property
    def _far(self) -> list[Number]:
        own = words(self.about)
        return [
            source.number
            for chapter in (self.chapter, *self._others)
            for source in chapter.sources
            if len(source.words & own) >= (2 if len(chapter.sources) > MANY else 1)
        ]

    @property
    def _others(self) -> list[Chapter]:
        found = re.findall(r"chapter_(\d\d)", self.about) + self.marks.chapters
        paths = (
            next(self.chapter.folder.glob(f"{n}-*.ipynb"), None) for n in set(found)
        )
        return [_read(path) for path in paths if path]

    def _set(self, number: Number) -> bool:
        return not number.unit and number.value in self.chapter.settings

    @cached_property
    def _recorded(self) -> list[Number]:
        keys = recorded_numbers.named(self.about)
        epochs = re.findall(r"(\d+) epochs?|epoch (\d+)", self.about)
        epochs = frozenset(int(a or b) for a, b in epochs)
        return [
            replace(_exact(found.mean), half=_exact(found.half_width))
            for study in self.chapter.studies
            for found in recorded_numbers.intervals(study, keys, epochs)
        ]


@cache
def _read(path: Path) -> Chapter:
    return Chapter.read(path)


def _same(number: Number, marked: Number) -> bool:
    return _values(number) == _values(marked)


def problems(chapter: Chapter) -> list[str]:
    """Return the numbers of a chapter that no source has, and its wrong marks."""
    found, seen = [], set()
    for paragraph in chapter.paragraphs():
        place = f"chapter {chapter.number:02}, cell {paragraph.cell}"
        if paragraph.cell not in seen:
            seen.add(paragraph.cell)
            found += [f"{place}: {what}" for what in paragraph.marks.wrong]
            found += _operands(paragraph, place)
        for number in paragraph.checked():
            if not paragraph.vouched(number):
                around = paragraph.text[max(number.start - 60, 0) :][:100].strip()
                found.append(f"{place}: nothing has {number.text}, in “{around}”")
    return found


def _operands(paragraph: Paragraph, place: str) -> Iterator[str]:
    """Yield the operands of a cell's formulas that come from nowhere."""
    chapter, marks = paragraph.chapter, paragraph.marks
    text = bare(_source(chapter.cells[paragraph.cell]))
    known = {value for number in numbers(text) for value in _values(number)}
    named = re.findall(r"chapter_(\d\d)", text) + marks.chapters
    sources = [*chapter.printed, *(n for one in named for n in _other(chapter, one))]
    for number, other in marks.elsewhere:
        if not any(supports(source, number) for source in _other(chapter, other)):
            yield f"{place}: chapter {other} does not print {number.text}"
    for left, formula in marks.derived:
        formula = re.sub(r"\*\*\s*\(?-?\d+", "", formula)  # powers need no source
        for operand in numbers(" ".join(arithmetic.literals(formula))):
            small = operand.whole and (operand.value < 10 or not operand.value % 10)
            if not (
                small
                or (operand.value in known and operand.value != left.value)
                or operand.value in chapter.settings
                or any(supports(source, operand) for source in sources)
            ):
                yield f"{place}: {left.text} is made of {operand.text}; nothing has it"


def _other(chapter: Chapter, number: str) -> list[Number]:
    """Return what another chapter prints."""
    path = next(chapter.folder.glob(f"{number}-*.ipynb"), None)
    return _read(path).printed if path else []


# --- how much slips through -------------------------------------------------------


def mutations(number: Number) -> set[str]:
    """Return wrong spellings: two digits swapped, a tenth more, a tenth less."""
    mantissa, e, power = re.sub(r"[,{}]", "", number.text).partition("e")
    places = len(mantissa.partition(".")[2])
    found = {f"{float(mantissa) * factor:.{places}f}" for factor in (0.9, 1.1)}
    digits = [i for i, sign in enumerate(mantissa) if sign.isdigit()]
    for i, j in zip(digits, digits[1:]):
        swapped = list(mantissa)
        swapped[i], swapped[j] = swapped[j], swapped[i]
        found.add("".join(swapped))
    return {one + e + power for one in found if float(one) != float(mantissa)}


def slips(chapter: Chapter) -> Counter:
    """Count, by significant digits, numbers, their mutations, and those accepted."""
    found: Counter = Counter()
    for paragraph in chapter.paragraphs():
        for number in paragraph.checked():
            digits = min(number.digits, 3)
            found[digits, "numbers"] += 1
            found[digits, "by " + paragraph.vouched(number)] += 1
            for text in mutations(number):
                wrong = next(numbers(text))
                wrong = replace(wrong, half=number.half, unit=number.unit)
                found[digits, "mutations"] += 1
                found[digits, "accepted"] += bool(paragraph.vouched(wrong))
    return found


def main(arguments: list[str]) -> int:
    """Print the problems of the named chapters, or of all; return 1 if any."""
    paths = [Path(a) for a in arguments if not a.startswith("-")]
    paths = paths or sorted((ROOT / "chapters").glob("*.ipynb"))
    if "--mutations" in arguments:
        total: Counter = Counter()
        for path in paths:
            total += slips(_read(path))
        for (digits, what), count in sorted(total.items()):
            print(f"{digits} significant digits  {what:16} {count:5}")
        return 0
    found = [problem for path in paths for problem in problems(_read(path))]
    print(*found, sep="\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
