r"""Formulas, typeset while the site is built: readers get HTML and MathML, no script.

Sphinx leaves ``\(…\)`` and ``\[…\]`` in elements of the class ``math`` (or, in what a
cell shows, ``mathjax_process``). KaTeX, whose script lies in ``tools/katex``, turns
each into HTML; the JavaScript engine is the one that the tests of the explorers use.
"""

from __future__ import annotations

import html
import json
import re
from functools import cache
from pathlib import Path

from py_mini_racer import MiniRacer

__all__ = ["FormulaError", "formula", "typeset"]

KATEX = Path(__file__).resolve().parent / "katex" / "katex.min.js"
MARKED = re.compile(
    r"(<(?P<tag>span|div|td)\b[^>]*class=\"[^\"]*\b(?:math|mathjax_process)\b[^\"]*\"[^>]*>)"
    r"\s*\\(?P<kind>[(\[])(?P<tex>.*?)\\[)\]]\s*(?=</(?P=tag)>)",
    re.DOTALL,
)
ROWS = re.compile(r"\\\\|(?<!\\)&")
# What KaTeX writes into its MathML though the standard has no room for it: a width of
# cells, an empty list of spaces, and a name's "apply" as a third part of an index.
NO_MATHML = re.compile(
    r"(?<=<mtd) width=\"[^\"]*\"|(?<=\") columnspacing=\"\""
    r"|<mo>\u2061</mo>(?=</m(?:sub|sup)>)"
)


class FormulaError(ValueError):
    """A formula that KaTeX cannot read."""


@cache
def _engine() -> MiniRacer:
    engine = MiniRacer()
    engine.eval(KATEX.read_text(encoding="utf-8"))
    engine.eval(
        "const set = (tex, display) => katex.renderToString(tex, {displayMode: display,"
        " output: 'htmlAndMathml', strict: 'ignore', trust: false})"
    )
    return engine


@cache
def formula(tex: str, display: bool) -> str:
    """Return a formula as HTML.

    Parameters
    ----------
    tex : the formula in LaTeX, without the signs around it.
    display : whether it stands on lines of its own.

    Raises :class:`FormulaError` with the formula and what KaTeX says of it.
    """
    text = tex.strip()
    if display and ROWS.search(text) and r"\begin{" not in text:
        text = rf"\begin{{aligned}}{text}\end{{aligned}}"
    try:
        found = _engine().eval(f"set({json.dumps(text)}, {json.dumps(display)})")
    except Exception as error:  # of the engine: its classes differ between versions
        reason = str(error).strip().splitlines()
        found = next((line for line in reason if "ParseError" in line), reason[0])
        raise FormulaError(f"cannot typeset {text!r}: {found}") from error
    return NO_MATHML.sub("", str(found))


def typeset(page: str) -> str:
    """Return a page with all its formulas set."""

    def replaced(match: re.Match[str]) -> str:
        tex = html.unescape(match["tex"])
        return match[1] + formula(tex, match["kind"] == "[")

    return MARKED.sub(replaced, page)
