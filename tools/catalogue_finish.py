"""The catalogue's pages, finished: its cards, and a page for each function.

The theme writes one page with marks in it; here the marks are replaced, function by
function. That takes milliseconds for each, where a page of Sphinx's takes a fiftieth of
a second and would stand in every side bar.

What stands on the pages was written before (catalogue_page.py, function_page.py), so
that who finishes them need not load the package.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

__all__ = ["FOLDER", "TEMPLATE", "cards", "write_pages"]

FOLDER = "reference/functions"
TEMPLATE = "template-of-functions"  # the name of the page with the marks
# In the side bar the reader is at the catalogue.
ENTRY = '<li class="toctree-l1"><a class="reference internal" href="../catalogue.html">'
CURRENT = (
    ENTRY,
    ENTRY.replace('l1"', 'l1 current active"')
    .replace("<a class", '<a aria-current="true" class')
    .replace('"reference', '"current reference'),
)
MARK = re.compile(r"@@([A-Z]+)@@")
HEADING = re.compile(
    r"<section id=\"(?P<id>[^\"]+)\">\s*<h3>(?P<title>(?:(?!</h3>).)*?)"
    r"<a class=\"headerlink\"[^>]*>#</a></h3>\s*"
    r"<div class=\"actlab-card-of\" data-card=\"(?P<facts>[^\"]*)\">",
    re.DOTALL,
)
FAMILY = re.compile(
    r"<section id=\"([^\"]+)\">(?=\s*<h2>(?:(?!</h2>).)*</h2>\s*"
    r"<section class=\"actlab-function\")",
    re.DOTALL,
)


def cards(page: str) -> str:
    """Return the built catalogue page with its sections turned into cards.

    A card is the section of its function, with the anchor that it always had; its name
    is the link to the function's page, and the filter's words stand at it.
    """

    def card(match: re.Match[str]) -> str:
        facts = json.loads(html.unescape(match["facts"]))
        return (
            f'<section class="actlab-function" id="{match["id"]}" '
            f'data-key="{facts["key"]}" data-family="{facts["family"]}" '
            f'data-tags="{facts["tags"]}" '
            f'data-words="{html.escape(facts["words"], quote=True)}">\n'
            f'<h3><a href="functions/{facts["file"]}.html">{match["title"]}</a></h3>\n'
            '<div class="actlab-card-of">'
        )

    return FAMILY.sub(
        r'<section class="actlab-family" id="\1">', HEADING.sub(card, page)
    )


def write_pages(out: Path, found: dict[str, dict[str, str]]) -> list[str]:
    """Write a page for each function from the theme's; return their names.

    The page with the marks goes.

    Parameters
    ----------
    out : the site's folder.
    found : what :func:`function_page.parts` returns.
    """
    template = out / FOLDER / f"{TEMPLATE}.html"
    text = template.read_text(encoding="utf-8")
    template.unlink()
    text = text.replace(*CURRENT, 1)
    names = [*found]
    for place, name in enumerate(names):
        before = names[place - 1] if place else None
        after = names[place + 1] if place + 1 < len(names) else None
        marks = {
            **found[name],
            **_neighbour("PREVIOUS", before, found),
            **_neighbour("NEXT", after, found),
        }
        page = text.replace(TEMPLATE, name)
        page = MARK.sub(lambda match, marks=marks: marks[match[1]], page)
        (out / FOLDER / f"{name}.html").write_text(page, encoding="utf-8")
    return [f"{FOLDER}/{name}" for name in names]


def _neighbour(
    which: str, name: str | None, found: dict[str, dict[str, str]]
) -> dict[str, str]:
    title = found[name]["TITLE"] if name else "Catalogue"
    link = f"{name}.html" if name else "../catalogue.html"
    return {which: title, f"{which}LINK": link}
