"""What the built pages gain for reading: links to the very place, and its preview.

The sources say "equation (3.1)", "exercise 4.2", "C-016", name a function or a term of
the glossary, because that is what also holds in Colab. Here each becomes a link to that
equation, exercise, claim, function or term: functions and terms at their first mention
in a chapter, at most two in a paragraph. A script shows a preview of where such a link
leads (assets/reading.js); what it shows lies in the page. Printed outputs say how long
their lines are, so that they fit a phone.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from side_process import shared

__all__ = [
    "Target",
    "enrich",
    "fold_head",
    "link_chapter",
    "measure_prints",
    "preview_of_sections",
    "targets",
]

MOST = 2  # links to terms and functions in a paragraph
LONG = 10  # letters of a term that is linked outside of its own chapter
EXCERPT = 240  # letters of a preview
# Letters of a line: what a phone has room for as it is, what it has at the smallest
# size, and what only a sentence has.
COLUMNS = 38, 64, 104
# Names of functions that are also words, which a sentence means more often.
WORDS = {
    "step", "identity", "square", "sign", "threshold", "abs", "rational", "mixture",
    "bilinear", "fourier", "bspline", "gaussian", "kan", "sine",
}  # fmt: skip
# Names that stand in a sentence without a capital.
SMALL = {
    "sigmoid", "tanh", "softmax", "softplus", "softsign", "sparsemax", "entmax",
    "maxout", "arctan", "hardtanh", "snake",
}  # fmt: skip

PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.DOTALL)
FOLD_OR_PARAGRAPH = re.compile(r"<details\b|</details>|<p>(.*?)</p>", re.DOTALL)
TOKEN = re.compile(r"<[^>]+>|[^<]+")
CLOSED = ("a", "code", "summary", "button", "svg", "sup")
WORD = re.compile(r"(?<![\w/.\-′'’])[A-Za-z][\w²]*")
FORMULA = '<div class="math notranslate nohighlight">'
TAG = re.compile(r"\\tag\{(\d{1,2})\.(\d{1,2})\}")
SECTION = re.compile(
    r"<section\b[^>]*\bid=\"([^\"]+)\"[^>]*>(?:\s*<span id=\"[^\"]*\"></span>)*\s*"
    r"<h[1-6]>(.*?)<a class=\"headerlink\"",
    re.DOTALL,
)
PRINTED = re.compile(
    r"(<div class=\"output stream [^>]*><div class=\"highlight\"><pre)(>.*?</pre>)",
    re.DOTALL,
)
CLAIM = re.compile(r"(href=\"[^\"#]*claims\.html)(\"[^>]*>(?:<[^>]*>)*)(C-\d{3})")


@dataclass(frozen=True)
class Target:
    """Something that a text may name, and where a link to it leads.

    Attributes
    ----------
    names : how texts call it; with a capital or without where it begins small.
    address : from the site's root, with its anchor.
    title, text : the preview, as text and as HTML.
    anchor : id of the first mention, so that others can lead to it.
    everywhere : whether it is linked in every chapter, or in its own alone.
    chapter : the number of its own chapter.
    """

    names: tuple[str, ...]
    address: str
    title: str
    text: str
    anchor: str
    chapter: int
    everywhere: bool = True


@dataclass
class Known:
    """All that can be linked.

    Attributes
    ----------
    targets : functions and terms.
    equations, exercises : number to (page, anchor).
    sections : page to {anchor: (title, excerpt as HTML)}.
    """

    targets: list[Target] = field(default_factory=list)
    equations: dict[str, tuple[str, str]] = field(default_factory=dict)
    exercises: dict[str, tuple[str, str]] = field(default_factory=dict)
    sections: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)


# --- what can be linked -----------------------------------------------------------


def functions() -> list[Target]:
    """Return the functions of the catalogue as targets."""
    from actlab import catalogue
    from catalogue_page import file_of
    from function_sketch import sketch

    found = []
    for row in catalogue.CATALOGUE.values():
        if row.key in WORDS:
            continue
        small = (row.name.lower(),) if row.key in SMALL else ()
        found.append(
            Target(
                (row.name, *small),
                f"reference/functions/{file_of(row)}.html",
                row.name,
                sketch(row),
                f"function-{file_of(row)}",
                row.chapter,
            )
        )
    return found


def terms() -> list[Target]:
    """Return the terms of the glossary as targets."""
    from generate_pages import read_yaml, slug

    found = []
    for row in read_yaml("glossary.yml"):
        also = row.get("also", "")
        names = (
            (row["term"], also) if also.isupper() and len(also) > 2 else (row["term"],)
        )
        plain = row["term"]
        told = (
            " " in plain or "-" in plain or len(plain) >= LONG or plain != plain.lower()
        )
        found.append(
            Target(
                names,
                f"reference/glossary.html#{slug(plain)}",
                plain,
                html.escape(row["definition"]),
                f"term-{slug(plain)}",
                row["chapter"],
                told,
            )
        )
    return found


def targets() -> list[Target]:
    """Return all functions and terms as targets."""
    return [*functions(), *terms()]


def mark_equations(page: str) -> str:
    """Return a page whose numbered formulas have an address, ``equation-3-1``."""
    first, *parts = page.split(FORMULA)
    out = [first]
    for part in parts:
        tag = TAG.search(part, 0, part.find("</div>"))
        anchor = f' id="equation-{tag[1]}-{tag[2]}"' if tag else ""
        out.append(f"{FORMULA[:-1]}{anchor}>{part}")
    return "".join(out)


def mark_exercises(page: str) -> str:
    """Return a page whose exercises have an address that no title changes."""
    return re.sub(
        r"(<section id=\"[^\"]+\">\s*)(<h3>(\d{1,2})\.(\d{1,2}) )",
        r'\1<span id="exercise-\3-\4"></span>\2',
        page,
    )


def preview_of_sections(page: str) -> dict[str, tuple[str, str]]:
    """Return {anchor: (title, start of its text as HTML)} of a built page.

    What a prediction guards is no part of it: a preview would give it away.
    """
    found = {}
    starts = list(SECTION.finditer(page))
    for place, match in enumerate(starts):
        end = starts[place + 1].start() if place + 1 < len(starts) else len(page)
        inside = page[match.end() : end].partition('<div class="actlab-reveal"')[0]
        title = re.sub(r"<[^>]+>", "", match[2])
        found[match[1]] = title, _excerpt(PARAGRAPH.findall(inside))
    return found


def preview_of_equations(page: str) -> dict[str, tuple[str, str]]:
    """Return {anchor: (its number, the formula as HTML)} of a built page."""
    found = re.findall(
        r"<div class=\"math notranslate nohighlight\" id=\"(equation-(\d+)-(\d+))\">"
        r"(.*?)</div>",
        page,
        re.DOTALL,
    )
    return {anchor: (f"({a}.{b})", formula) for anchor, a, b, formula in found}


def _excerpt(paragraphs: Iterable[str]) -> str:
    """Return the first paragraph that says something, cut where it is long."""
    for paragraph in paragraphs:
        plain = " ".join(re.sub(r"<[^>]+>", "", paragraph).split())
        if len(plain) < 50:  # a label such as "core"
            continue
        if 'class="katex' in paragraph:  # half a formula is none
            return re.sub(r"</?a\b[^>]*>", "", paragraph) if len(plain) < 700 else ""
        if len(plain) > EXCERPT:
            plain = plain[:EXCERPT].rpartition(" ")[0] + " …"
        return plain
    return ""


# --- the links of a chapter -------------------------------------------------------


def link_chapter(page: str, name: str, known: Known) -> str:
    """Return a chapter with its links.

    Parameters
    ----------
    page : the built page.
    name : its file name, such as ``04-relu-family.html``.
    known : what can be linked.
    """
    number = int(name[:2])
    names = _names(tuple(known.targets))
    before, article, rest = page.partition("<article")
    head, second, body = rest.partition("<h2>")  # nothing is linked above it
    body, end, after = body.partition("</article>")
    used: set[str] = set()
    folds = 0

    def paragraph(match: re.Match[str]) -> str:
        nonlocal folds
        if match[1] is None:
            folds += -1 if match[0] == "</details>" else 1
            return match[0]
        room = 0 if folds else MOST  # a first mention that is seen

        def free(target: Target) -> bool:
            nonlocal room
            here = target.everywhere or target.chapter == number
            if not (room and here) or target.anchor in used:
                return False
            room -= 1
            used.add(target.anchor)
            return True

        def change(text: str) -> str:
            return _numbers(_named(text, names, free), name, known)

        return f"<p>{_texts(match[1], change)}</p>"

    linked = FOLD_OR_PARAGRAPH.sub(paragraph, body)
    return "".join([before, article, head, second, linked, end, after])


def _key(name: str) -> str:
    """Return a name as it stands in the table: without capital, plural, line break."""
    plain = " ".join(name.split())
    return plain[:1].lower() + plain[1:]


Names = dict[str, list[tuple[re.Pattern[str], Target]]]


@cache
def _names(targets: tuple[Target, ...]) -> Names:
    """Return, by first word, the names that can be linked; the longest come first.

    A text is read word by word: looking for hundreds of names at each letter took
    seconds.
    """
    by_name: dict[str, Target] = {}
    for target in targets:
        for name in target.names:
            for form in (name, f"{name}s"):
                by_name.setdefault(_key(form), target)
    found: Names = {}
    for name in sorted(by_name, key=len, reverse=True):
        begin = WORD.match(name)
        if begin is None:  # it begins with a sign, as √softplus does
            continue
        first = name[0]
        letters = f"[{first}{first.upper()}]" if first.isalpha() else re.escape(first)
        text = letters + re.escape(name[1:]).replace(r"\ ", r"\s+")
        pattern = re.compile(rf"{text}(?![\w\-]|\.\w)")
        found.setdefault(begin[0], []).append((pattern, by_name[name]))
    return found


def _named(text: str, names: Names, free: Callable[[Target], bool]) -> str:
    """Return a text with links at the names whose targets are still free."""
    out, at = [], 0
    for word in WORD.finditer(text):
        if word.start() < at:
            continue
        for pattern, target in names.get(_key(word[0]), ()):
            match = pattern.match(text, word.start())
            if match:
                if free(target):
                    out += [text[at : match.start()], _link(target, match[0])]
                    at = match.end()
                break
    return "".join([*out, text[at:]])


def _link(target: Target, text: str) -> str:
    return (
        f'<a class="actlab-term" id="{target.anchor}" href="../{target.address}">'
        f"{text}</a>"
    )


def _texts(markup: str, change: Callable[[str], str]) -> str:
    """Change the texts of a paragraph that stand in no link, code or formula."""
    out, closed, depth = [], "", 0
    for token in TOKEN.findall(markup):
        if not token.startswith("<"):
            out.append(token if closed else change(token))
            continue
        tag = re.match(r"</?([a-zA-Z0-9]+)", token)
        name = tag[1] if tag else ""
        if closed:
            if name == closed and not token.endswith("/>"):
                depth += -1 if token.startswith("</") else 1
                if depth == 0:
                    closed = ""
        elif not token.startswith("</") and (
            name in CLOSED or re.search(r"class=\"[^\"]*\b(?:math|katex)\b", token)
        ):
            closed, depth = name, 1
        out.append(token)
    return "".join(out)


def _numbers(text: str, name: str, known: Known) -> str:
    """Link "(3.1)" and "exercise 4.2" where there is such a one."""

    def address(page: str, anchor: str) -> str:
        return f"#{anchor}" if page == name else f"{page}#{anchor}"

    def equation(match: re.Match[str]) -> str:
        found = known.equations.get(match[1])
        if not found:
            return match[0]
        return f'<a class="actlab-equation" href="{address(*found)}">{match[0]}</a>'

    def exercise(match: re.Match[str]) -> str:
        found = known.exercises.get(match[2])
        if not found:
            return match[0]
        return f'<a class="reference internal" href="{address(*found)}">{match[0]}</a>'

    parts = re.split(r"(<[^>]+>.*?</a>)", text)  # what was linked a moment ago
    for place in range(0, len(parts), 2):
        part = re.sub(r"\((\d{1,2}\.\d{1,2})\)", equation, parts[place])
        parts[place] = re.sub(
            r"([Ee]xercises?)\s(\d{1,2}\.\d{1,2})(?!\d)", exercise, part
        )
    return "".join(parts)


def link_claims(page: str) -> str:
    """Return a page whose links to the claims page lead to the claim that they name."""
    return CLAIM.sub(r"\1#\3\2\3", page)


# --- the head of a chapter --------------------------------------------------------

HEAD = re.compile(
    r"<p><strong>You can afterwards</strong></p>\s*(?P<can><ol.*?</ol>)\s*"
    r"<p><strong>You need</strong></p>\s*(?P<need><ol.*?</ol>)",
    re.DOTALL,
)


def fold_head(page: str) -> str:
    """Return a chapter whose outcomes and prerequisites are folded."""
    return HEAD.sub(
        lambda match: (
            '<details class="actlab-head"><summary>What you can do afterwards, and '
            "what you need</summary><p><strong>You can afterwards</strong></p>"
            f"{match['can']}<p><strong>You need</strong></p>{match['need']}</details>"
        ),
        page,
        count=1,
    )


def measure_prints(page: str) -> str:
    """Return a page whose printed outputs say how many letters their lines have.

    By that a narrow screen sets a table smaller where its lines would be too long, and
    breaks the lines of sentences (assets/actlab.css).
    """
    least, most, sentence = COLUMNS

    def measured(match: re.Match[str]) -> str:
        text = html.unescape(re.sub(r"<[^>]+>", "", match[2][1:]))
        longest = max(map(len, text.splitlines()), default=0)
        if longest <= least:
            return match[0]
        if longest > sentence:
            return f'{match[1]} class="actlab-sentences"{match[2]}'
        return f'{match[1]} style="--columns: {min(longest, most)}"{match[2]}'

    return PRINTED.sub(measured, page)


# --- previews ---------------------------------------------------------------------


def previews(page: str, name: str, known: Known) -> str:
    """Return a page with what its links preview, as data at its end."""
    by_address = {f"../{target.address}": target for target in known.targets}
    found: dict[str, list[str]] = {}
    for link in dict.fromkeys(re.findall(r"<a\b[^>]*?\bhref=\"([^\"]+)\"", page)):
        place, _, anchor = html.unescape(link).partition("#")
        other = place.rpartition("/")[2]
        if link in by_address:
            found[link] = [by_address[link].title, by_address[link].text]
        elif anchor and anchor in known.sections.get(other, {}):
            title, text = known.sections[other][anchor]
            if text:
                found[link] = [f"{other[:2]} · {title}", text]
    if not found:
        return page
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    data = (
        f'<script type="application/json" id="actlab-previews">{_inert(text)}</script>'
    )
    return page.replace("</article>", f"</article>\n{data}", 1)


def _inert(text: str) -> str:
    return text.replace("</", "<\\/")


# --- the whole site ---------------------------------------------------------------


def enrich(out: Path, targets: list[Target]) -> None:
    """Link and prepare the pages of a built site, in place.

    Parameters
    ----------
    out : the site's folder.
    targets : what :func:`targets` returns.
    """
    pages = {path: path.read_text(encoding="utf-8") for path in out.rglob("*.html")}
    chapters = {
        path: mark_exercises(mark_equations(pages[path]))
        for path in sorted(pages)
        if path.parent.name == "chapters"
    }
    known = what_is_known({p.name: text for p, text in chapters.items()}, targets)

    def chapter(path: Path) -> None:
        linked = link_chapter(link_claims(chapters[path]), path.name, known)
        linked = measure_prints(linked)
        new = number_neighbours(previews(fold_head(linked), path.name, known))
        path.write_text(new, encoding="utf-8")

    shared(chapter, [*chapters])
    chapters = {path: path.read_text(encoding="utf-8") for path in chapters}
    for path, text in pages.items():
        if path not in chapters:
            new = to_first_mention(link_claims(text), path, known, chapters)
            new = number_neighbours(new)
            if new != text:
                path.write_text(new, encoding="utf-8")


def what_is_known(chapters: dict[str, str], targets: list[Target]) -> Known:
    """Return all that chapters can link, from their pages by file name."""
    known = Known(targets)
    for name, page in chapters.items():
        for kind, found in (
            ("equation", known.equations),
            ("exercise", known.exercises),
        ):
            for number in re.findall(rf"id=\"{kind}-(\d+-\d+)\"", page):
                found[number.replace("-", ".")] = name, f"{kind}-{number}"
        known.sections[name] = preview_of_sections(page)
        known.sections[name] |= preview_of_equations(page)
    return known


NEIGHBOUR = re.compile(
    r"(<a class=\"(?:left-prev|right-next)\"\s+href=\"(?:[^\"]*/)?(\d\d)-[^\"]*\""
    r"(?:(?!</a>).)*?<p class=\"prev-next-title\">)(?!\d\d ·)",
    re.DOTALL,
)


def number_neighbours(page: str) -> str:
    """Return a page whose links to the chapters beside it say their numbers, too."""
    return NEIGHBOUR.sub(r"\1\2 · ", page)


def to_first_mention(
    page: str, path: Path, known: Known, chapters: dict[Path, str]
) -> str:
    """Let glossary and functions' pages lead to the place that explains them."""
    by_number = {chapter.name[:2]: text for chapter, text in chapters.items()}

    def place(target: Target) -> str:
        text = by_number.get(f"{target.chapter:02d}", "")
        return f"#{target.anchor}" if f'id="{target.anchor}"' in text else ""

    if path.name == "glossary.html":
        for target in known.targets:
            anchor = target.address.partition("#")[2]
            if anchor:
                page = re.sub(
                    rf"(<dt id=\"{re.escape(anchor)}\">.*?\(<a href=\"[^\"#]+\.html)"
                    rf"(\">{target.chapter:02d}</a>\)</dd>)",
                    rf"\1{place(target)}\2",
                    page,
                    count=1,
                    flags=re.DOTALL,
                )
    for target in known.targets:
        if path.parent.name == "functions" and target.address.endswith(f"/{path.name}"):
            link = re.compile(r"(Explained in <a href=\"[^\"#]+\.html)(\">)", re.DOTALL)
            page = link.sub(rf"\1{place(target)}\2", page, count=1)
    return page
