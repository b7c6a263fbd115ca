"""A Sphinx extension: the package's docstrings, made ready for the API page.

The docstrings are written for ``help()``: NumPy sections with plain paragraphs after
them, and absolute values between bars. Sphinx would read such a paragraph as one
more parameter and ``|x|`` as a substitution.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

__all__ = ["setup", "tidy"]

UNDERLINE = re.compile(r"-{3,}\s*$")
BARS = re.compile(r"``[^`]*``|`[^`]*`|(?<![\\|])\|(?!\|)")


def tidy(lines: list[str]) -> list[str]:
    """Return a docstring's lines with its sections ended and its bars escaped."""
    done: list[str] = []
    in_section = False
    for place, line in enumerate(lines):
        following = lines[place + 1] if place + 1 < len(lines) else ""
        header = bool(line.strip()) and bool(UNDERLINE.match(following))
        indented = line[:1].isspace() or not line
        if header:
            in_section = True
        elif in_section and not indented and done and not done[-1].strip():
            # Two empty lines end a section.
            done.append("")
            in_section = False
        done.append(BARS.sub(_escape, line))
    return done


def _escape(match: re.Match[str]) -> str:
    return r"\|" if match[0] == "|" else match[0]


def process(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Change a docstring in place, before napoleon reads it."""
    lines[:] = tidy(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("autodoc-process-docstring", process, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
