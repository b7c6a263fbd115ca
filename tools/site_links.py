"""Links to chapters that name a section lead to it.

The chapters say "chapter 02, *Gain in ten minutes*", with a link to the notebook alone,
because that works in Colab as well. Here, in the built pages, the link goes to the
section of that name, and the name is a link too.
"""

from __future__ import annotations

import html
import re

__all__ = ["deepen", "open_lab", "sections"]

HEADING = re.compile(
    r"<section\b[^>]*\bid=\"([^\"]+)\">(?:\s*<span id=\"[^\"]*\"></span>)*\s*"
    r"<h[1-6]>(.*?)<a class=\"headerlink\"",
    re.DOTALL,
)
JOINT = r"(?:,|\s+and|,\s+and|:)\s+"
MENTION = re.compile(
    r"(?P<open><a class=\"reference internal\" href=\")(?P<page>[^\"#]+\.html)"
    r"(?P<close>\">(?:(?!</a>).)*</a>)"
    rf"(?P<names>(?:{JOINT}<em>(?:(?!</?em>).)+</em>)+)",
    re.DOTALL,
)
NAME = re.compile(r"<em>((?:(?!</?em>).)+)</em>", re.DOTALL)


LAB = re.compile(
    r"(<a class=\"reference internal\" href=\"[^\"#]*lab\.html)"
    r"(\"[^>]*>(?:<[^>]*>)*in the lab)"
)


def open_lab(page: str, preset: str) -> str:
    """Return a chapter whose links "in the lab" open it with an experiment.

    ``preset`` is the address behind the #.
    """
    return LAB.sub(lambda match: f"{match[1]}#{html.escape(preset)}{match[2]}", page)


def sections(page: str) -> dict[str, str]:
    """Return {a section's title, as text: its id} of a built page."""
    return {_text(title): identity for identity, title in HEADING.findall(page)}


def _text(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", markup)).split())


def deepen(page: str, known: dict[str, dict[str, str]]) -> str:
    """Return a page whose links to sections are resolved.

    Parameters
    ----------
    page : the page.
    known : file name of a chapter, such as ``02-anatomy.html``, to its
        :func:`sections`.
    """

    def mention(match: re.Match[str]) -> str:
        page = match["page"]
        titles = known.get(page.rpartition("/")[2], {})
        places = [titles.get(_text(name)) for name in NAME.findall(match["names"])]
        first = next(filter(None, places), None)
        if first is None:
            return match[0]

        def name(found: re.Match[str]) -> str:
            place = titles.get(_text(found[1]))
            inner = (
                f'<a class="reference internal" href="{page}#{place}">{found[1]}</a>'
            )
            return f"<em>{inner if place else found[1]}</em>"

        names = NAME.sub(name, match["names"])
        return f"{match['open']}{page}#{first}{match['close']}{names}"

    return MENTION.sub(mention, page)
