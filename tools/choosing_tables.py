"""The tables of chapter 14, written from ``course/ch14/choosing.yml``.

    python tools/choosing_tables.py PART

PART is a place of the path (such as hidden), domains, advice or models. The table goes
into the notebook, and a test compares the two; that of the advice goes to the page of
claims.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from generate_pages import bibliography, chapters, citation

if TYPE_CHECKING:
    from course.ch14 import choosing


# Reports that people know by the model's name.
NAMES = {
    "gemini2024unlocking": "Gemini 1.5 report",
    "gemma2024open": "Gemma report",
    "grattafiori2024llama": "Llama 3 report",
    "hernandezcano2025apertus": "Apertus report",
    "openai2025gptoss": "gpt-oss model card",
    "parmar2024nemotron": "Nemotron-4 report",
    "touvron2023llama": "LLaMA",
    "touvron2023llama2": "Llama 2",
}
# Preprints that the bibliography lists by their proceedings alone.
PREPRINTS = {"dosovitskiy2021image": "2010.11929", "tan2019efficientnet": "1905.11946"}


def table(part: str) -> str:
    """Return a table of chapter 14 as Markdown.

    Links lead from ``chapters/``, those of the advice from ``reference/``, to the
    chapters that measured, and to the sources.
    Raises ``ValueError`` for a part that does not exist.
    """
    from course.ch14 import choosing

    if part == "advice":
        heads = ("advice", "verdict, and what was found")
        rows = [
            (f"“{a.said}”", f"*{a.verdict}*. {_sentence(a.found, a, '../chapters/')}")
            for a in choosing.ADVICE
        ]
    elif part == "models":
        heads = ("model", "activation", "where it is said")
        rows = [(m.name, m.uses, _said_in(m)) for m in choosing.MODELS]
    elif part == "domains":
        heads = ("domain", "rows of the path")
        rows = [(name, "; ".join(rows)) for name, rows in choosing.DOMAINS.items()]
    elif part in choosing.PLACES:
        # Two columns: four would be a word wide on a phone.
        heads = ("if it is … → start with", "ground, and what would change it")
        rows = [
            (
                f"*{a.name}*: {a.situation} → **{a.choice}**",
                f"*{a.ground}*: {_sentence(a.because, a)}. "
                f"*Would change it*: {a.unless}.",
            )
            for a in choosing.path(part)
        ]
    else:
        known = [*choosing.PLACES, "domains", "advice", "models"]
        raise ValueError(f"no part {part!r}; there are {known}")
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def source(key: str) -> str:
    """Return a link to a work as the tables call it, to its preprint if it has one."""
    name = NAMES.get(key) or re.match(r"\[(.*)\]", citation(key))[1]
    preprint = PREPRINTS.get(key) or bibliography()[key].fields.get("eprint")
    return f"[{name}](https://arxiv.org/abs/{preprint})" if preprint else citation(key)


def _sentence(text: str, row: choosing.Arrow | choosing.Advice, to: str = "") -> str:
    links = [*_chapter_links(row.seen_in, to), *map(source, row.sources)]
    return text.rstrip(".") + (f" ({', '.join(links)})" if links else "")


def _chapter_links(seen_in: Sequence[tuple[int, str]], to: str) -> list[str]:
    files = {chapter["number"]: chapter["file"] for chapter in chapters()}
    numbers = dict.fromkeys(number for number, _ in seen_in)
    return [
        f"[ch. {number:02d}]({to}{files[number]}.ipynb)"
        if to or number != 14
        else "below"
        for number in numbers
    ]


def _said_in(model: choosing.Model) -> str:
    links = ", ".join(map(source, model.sources))
    if not model.said_in:
        return f"nowhere; see {links}"
    return f"{model.said_in}: {links}"


if __name__ == "__main__":
    print(table(sys.argv[-1]))
