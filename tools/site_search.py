"""The search index of the site: what can be found, and where it is.

Pagefind indexes what this module hands it, not the pages as they are: a chapter is one
page with its sections; each function, claim and term is a page of its own, because
that is what people look for; code, formulas and outputs are left out. The words that
people type for a chapter's topic, where its headings ask in other words, stand in
``reference/search.yml``.

Chinese is written without spaces, and Pagefind's small program splits at spaces
alone. So each Chinese character goes in as a word; ``assets/search.js`` writes what is
typed in the same way and takes the spaces out of the excerpts.
"""

from __future__ import annotations

import html
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from docutils import nodes

__all__ = [
    "Record",
    "index_beside",
    "list_records",
    "page_record",
    "spaced",
    "topics",
]

ROOT = Path(__file__).resolve().parent.parent
CHINESE = re.compile(r"(?<=[\u3400-\u9fff])(?=\w)|(?<=\w)(?=[\u3400-\u9fff])")
# Sections that repeat what stands elsewhere count less than those that explain.
WEIGHTS = {
    "exercises": 0.3,
    "interview-questions": 0.4,
    "further-reading": 0.3,
    "what-we-measured": 0.6,
    "next": 0.1,
}
# Pages that name everything explain little of it.
PAGE_WEIGHTS = {
    "reference/api": 0.15,
    "reference/bibliography": 0.15,
    "reference/elsewhere": 0.4,
    "reference/interview": 0.3,
    "reference/zh": 0.3,
}
# "Hardsigmoid" is typed as two words, too.
COMPOUND = re.compile(r"^Hard(?=[a-z]{3})")
# Their sections are records of their own.
LISTS = {"reference/catalogue", "reference/claims", "reference/glossary"}
PARAGRAPHS = (nodes.paragraph, nodes.term, nodes.caption, nodes.entry)
UNUSED = (
    "pagefind-component-ui.css",
    "pagefind-component-ui.js",
    "pagefind-highlight.js",
    "pagefind-modular-ui.css",
    "pagefind-modular-ui.js",
    "pagefind-ui.css",
    "pagefind-ui.js",
    "wasm.unknown.pagefind",
)
SKIPPED = (nodes.raw, nodes.math, nodes.math_block, nodes.literal_block, nodes.comment)


@dataclass(frozen=True)
class Record:
    """One thing that can be found.

    Attributes
    ----------
    url : address relative to the site's root, with its anchor.
    title : what the result is called.
    kind : what it is, one word for the reader: Chapter, Function, Claim, Term, Page.
    body : HTML that Pagefind reads; headings with ids become results of their own.
    """

    url: str
    title: str
    kind: str
    body: str

    def document(self) -> str:
        """Return the record as the HTML page that Pagefind indexes."""
        title, kind = html.escape(self.title), html.escape(self.kind)
        facts = {"title": title, "kind": kind, "place": html.escape(self.url)}
        meta = "".join(
            f'<span data-pagefind-ignore data-pagefind-meta="{name}">{text}</span>'
            for name, text in facts.items()
        )
        body = f"<body data-pagefind-body>{meta}{spaced(self.body)}</body>"
        return f'<html lang="en">{body}</html>'


def spaced(text: str) -> str:
    """Return a text with a space on both sides of each Chinese character."""
    return CHINESE.sub(" ", text)


@cache
def topics(path: Path = ROOT / "reference" / "search.yml") -> dict[str, list[str]]:
    """Return {page or page#section: the words that people type for it}."""
    return yaml.safe_load(path.read_text("utf-8"))


# --- from a page's tree to what is indexed ------------------------------------------


def page_record(name: str, tree: nodes.document, words: dict) -> Record | None:
    """Return a page as a record: its headings, its paragraphs, its topics.

    Parameters
    ----------
    name : the page's name in Sphinx, such as ``chapters/04-relu-family``.
    tree : its tree, as the HTML is written from it.
    words : what :func:`topics` returns.

    Returns None for a page without a heading.
    """
    first = next(tree.findall(nodes.section), None)
    if first is None:
        return None
    lines = list(_section(first, 1, name, words, PAGE_WEIGHTS.get(name, 1.0)))
    title = first.next_node(nodes.title).astext()
    number = re.match(r"chapters/(\d\d)", name)
    kind = f"Chapter {number[1]}" if number else "Page"
    return Record(f"{name}.html", title, kind, "\n".join(lines))


def _section(
    section: nodes.section, level: int, name: str, words: dict, weight: float
) -> Iterator[str]:
    """Yield a section's heading, topics and paragraphs, then those below it."""
    identity = section["ids"][0]
    weight = WEIGHTS.get(identity, weight) if name.startswith("chapters/") else weight
    place = name if level == 1 else f"{name}#{identity}"
    inside = []
    for child in section.children:
        if isinstance(child, nodes.title):
            heading = f"h{min(level, 6)}"
            anchor = "" if level == 1 else f' id="{identity}"'
            title = html.escape(child.astext())
            weighted = "" if weight == 1 else f' data-pagefind-weight="{3 * weight:g}"'
            yield f"<{heading}{anchor}{weighted}>{title}</{heading}>"
            if place in words:
                yield topic_line(words[place])
        elif isinstance(child, nodes.section):
            inside.append(child)
        else:
            for text in _texts(child):
                yield f'<p data-pagefind-weight="{weight:g}">{html.escape(text)}</p>'
    for child in inside if name not in LISTS else ():
        yield from _section(child, level + 1, name, words, weight)


def _texts(node: nodes.Node) -> Iterator[str]:
    """Yield the paragraphs of a node; code, formulas and raw HTML are left out."""
    if isinstance(node, nodes.container) and "cell" in node.get("classes", []):
        return
    if isinstance(node, PARAGRAPHS) and not any(
        isinstance(child, nodes.paragraph) for child in node.children
    ):
        text = " ".join(_plain(node).split())
        if text:
            yield text
        return
    for child in node.children:
        if not isinstance(child, SKIPPED):
            yield from _texts(child)


def _plain(node: nodes.Node) -> str:
    if isinstance(node, SKIPPED):
        return " "
    if isinstance(node, nodes.Text):
        return node.astext()
    return "".join(map(_plain, node.children))


def topic_line(words: Iterable[str]) -> str:
    """Return the words that people type as text that counts, but is no excerpt.

    assets/search.js knows it by its brackets and shows none of it.
    """
    text = html.escape("; ".join(words))
    return f'<p data-pagefind-weight="10">⟦{text}⟧</p>'


# --- functions, claims, terms --------------------------------------------------------


def list_records() -> list[Record]:
    """Return a record for each function, claim and term."""
    from catalogue_page import FAMILY_TITLES

    return [*function_records(FAMILY_TITLES), *claim_records(), *term_records()]


def function_records(families: dict[str, str]) -> Iterator[Record]:
    """Yield a record for each function of the catalogue."""
    from actlab import catalogue
    from catalogue_page import file_of

    for row in catalogue.CATALOGUE.values():
        called = (row.torch or "").rpartition(".")[2]
        variant = " " in row.name  # "adaptive tanh" comes after tanh
        known = variant or called.lower() == row.name.lower()
        names = [row.name] if known or not called else [row.name, called]
        apart = COMPOUND.sub("Hard ", row.name)
        compound = f" {apart}." if apart != row.name else ""
        spelled = f" PyTorch {row.torch.removeprefix('torch.')}." if row.torch else ""
        facts = (
            f"{', '.join(filter(None, names))}. Activation function: formula, "
            "derivative, curve, slope, property sheet, code, cost, source."
            f"{spelled}{compound} {families[row.family]}."
        )
        weight = 4 if variant or compound else 9
        body = (
            f"<h1>{html.escape('; '.join(names))}</h1>"
            f'<p data-pagefind-weight="{weight}">{html.escape(facts)}</p>'
        )
        place = f"reference/functions/{file_of(row)}.html"
        yield Record(place, row.name, "Function", body)


def claim_records() -> Iterator[Record]:
    """Yield a record for each claim of the ledger."""
    from course import claims

    for row in claims.load():
        body = (
            f"<h1>{row.id}</h1>"
            f'<p data-pagefind-weight="0.3">{html.escape(row.claim)}</p>'
            f'<p data-pagefind-weight="0.1">{html.escape(row.correction)}</p>'
        )
        yield Record(f"reference/claims.html#{row.id}", row.id, "Claim", body)


def term_records() -> Iterator[Record]:
    """Yield a record for each term of the glossary, with its Chinese names."""
    from generate_pages import read_yaml, slug

    for row in read_yaml("glossary.yml"):
        names = [row[k] for k in ("term", "also", "zh", "zh_also") if k in row]
        body = (
            f'<h1 data-pagefind-weight="1">{html.escape("; ".join(names))}</h1>'
            f'<p data-pagefind-weight="0.3">{html.escape(row["definition"])}</p>'
        )
        title = f"{row['term']} {row['zh']}"
        address = f"reference/glossary.html#{slug(row['term'])}"
        yield Record(address, title, "Term", body)


# --- writing -------------------------------------------------------------------------


@contextmanager
def index_beside(records: Iterable[Record], out: Path) -> Iterator[None]:
    """Write Pagefind's index into ``out/pagefind`` while other work is done.

    The program reads files. Its Python service would take the records one by one, and
    waits a tenth of a second for each.

    Raises ``RuntimeError`` with what the program said if it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        for count, record in enumerate(records, 1):
            path = Path(folder) / f"{count:04d}.html"
            path.write_text(record.document(), encoding="utf-8")
        command = [sys.executable, "-m", "pagefind", "--site", folder]
        options = ["--output-path", str(out / "pagefind"), "--force-language", "en"]
        with subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as program:  # whatever the other work comes to, it ends before its files go
            yield
            told, _ = program.communicate()
    if program.returncode:
        raise RuntimeError(f"Pagefind wrote no index:\n{told}")
    for name in UNUSED:  # interfaces of its own that the search page does not use
        (out / "pagefind" / name).unlink(missing_ok=True)
