"""Say where a cell's fresh outputs are not the stored ones.

Every cell is compared, with no tag at all: what it prints, its tables and widgets,
and the alt texts of its figures, which are computed from the data drawn. Pictures
themselves are not compared, their number is. A tag says what is weaker, and how much:

* ``within-3``: a number may lie 3 away from the stored one;
* ``within-20%``: a fifth of the stored one;
* ``within-x5``: up to five times it, down to a fifth;
* ``within-any``: numbers are free, words are not;
* ``unchecked``: nothing is compared; the cell's metadata say why.

Of several such tags one must hold, and the words between the numbers must stay the
same. Ranges are for what another processor computes otherwise: training, sums in
float32, clocks. ``make test`` compares, through ``chapters/conftest.py``.
"""

from __future__ import annotations

import ast
import base64
import json
import math
import re
from difflib import unified_diff

__all__ = [
    "TAKE_ALT_TEXTS",
    "WITHIN",
    "alt_texts",
    "differences",
    "joined_alt",
    "without_addresses",
]

# The kernel is asked, silently, for the alt texts of the figures that the cell made.
TAKE_ALT_TEXTS = (
    "(lambda module: __import__('json').dumps([] if module is None else "
    "[module.ALT_TEXTS.pop(0) for _ in list(module.ALT_TEXTS)]))"
    "(__import__('sys').modules.get('actlab.figures'))"
)
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
PAYLOAD = re.compile(r'(?<=data-payload=")[A-Za-z0-9+/=]+(?=")')
WITHIN = re.compile(r"within-(?:(any)|x(\d+)|(\d+(?:\.\d+)?)(%?))")
# The 2 of relu2 and the 32 of float32 belong to a word, not to a measurement.
NUMBER = re.compile(
    r"(?<![A-Za-z0-9_])[-+−]?(?:\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d+\.?\d*|\.\d+)"
    r"(?:e[-+−]?\d+)?|(?<![A-Za-z])[-+−]?(?:inf|nan)(?![A-Za-z])"
)
LONGEST = 300  # characters of one line in a message

Part = tuple[str, str]


def alt_texts(reply: dict) -> list[str]:
    """Return the alt texts from the kernel's reply to ``TAKE_ALT_TEXTS``."""
    answer = reply["content"]["user_expressions"]["alt"]
    if answer["status"] != "ok":
        raise RuntimeError(f"alt texts: {answer['evalue']}")
    return json.loads(ast.literal_eval(answer["data"]["text/plain"]))


def joined_alt(outputs: list[dict], texts: list[str]) -> str:
    """Return the alt text of a cell's figures, "" where it made none."""
    pictures = sum("image/png" in output.get("data", {}) for output in outputs)
    return " ".join(dict.fromkeys(texts[-pictures:])) if pictures else ""


def without_addresses(text: str) -> str:
    """Return a text without memory addresses, which no two runs share."""
    return ADDRESS.sub("at 0x…", text)


def differences(cell: dict, fresh: list[dict], texts: list[str]) -> list[str]:
    """Return how fresh outputs differ from a cell's stored ones, as lines to print.

    Parameters
    ----------
    cell : dict
        The stored code cell (nbformat 4), with its tags, outputs and alt text.
    fresh : list of dict
        The outputs of a run of today's code.
    texts : list of str
        The alt texts that this run registered.

    Returns
    -------
    list of str
        Nothing if all agree, exactly or within what the cell's tags allow.
    """
    tags = cell["metadata"].get("tags", [])
    if "unchecked" in tags:
        return []
    stored_alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
    # A figure without a computed alt text keeps the one that was written by hand.
    fresh_alt = joined_alt(fresh, texts) or stored_alt
    before = _parts(cell["outputs"], stored_alt)
    after = _parts(fresh, fresh_alt)
    kinds = [[kind for kind, _ in parts] for parts in (before, after)]
    if kinds[0] != kinds[1]:
        return [f"stored are {kinds[0]}, now come {kinds[1]}", *_changed(before, after)]
    ranges = [tag for tag in tags if WITHIN.fullmatch(tag)]
    compare = _out_of_range if ranges else _changed_lines
    return [
        f"{kind}: {line}"
        for (kind, old), (_, new) in zip(before, after)
        for line in compare(old, new, ranges)
    ]


def _parts(outputs: list[dict], alt: str) -> list[Part]:
    """Return what can be compared, as pairs of kind and text."""
    found: list[Part] = []
    for output in outputs:
        if output["output_type"] == "stream":
            found.append((output["name"], output["text"]))
        elif output["output_type"] == "error":
            found.append(("error", f"{output['ename']}: {output['evalue']}"))
        for kind, data in sorted(output.get("data", {}).items()):
            if kind.startswith("text/"):
                found.append((kind, PAYLOAD.sub(_decoded, data)))
            elif kind.startswith("image/"):
                found.append((kind, ""))
    if alt:
        found.append(("alt text", alt))
    return [(kind, without_addresses(text)) for kind, text in found]


def _decoded(payload: re.Match) -> str:
    """Return a widget's data as text, so that its numbers can be read."""
    return base64.b64decode(payload.group()).decode("utf-8")


def _changed(before: list[Part], after: list[Part]) -> list[str]:
    old, new = ("\n".join(text for _, text in parts) for parts in (before, after))
    return _changed_lines(old, new)


def _changed_lines(old: str, new: str, ranges: list[str] = ()) -> list[str]:
    """Return the lines that differ, - stored and + fresh."""
    if old == new:
        return []
    lines = list(unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0))
    return [_short(line) for line in lines[2:] if not line.startswith("@@")] or [
        f"{old!r} became {new!r}"
    ]


def _short(line: str) -> str:
    return line if len(line) <= LONGEST else line[:LONGEST] + " …"


def _out_of_range(old: str, new: str, ranges: list[str]) -> list[str]:
    """Return the changed words, or the numbers that left their range."""
    words = [["".join(w.split()) for w in NUMBER.split(text)] for text in (old, new)]
    if words[0] != words[1]:
        return ["more than numbers changed", *_changed_lines(old, new)]
    pairs = zip(NUMBER.findall(old), NUMBER.findall(new))
    return [
        f"{after} is not {' or '.join(ranges)} of {before}, after {word[-40:]!r}"
        for word, (before, after) in zip(words[0], pairs)
        if not any(_holds(tag, _value(before), _value(after)) for tag in ranges)
    ]


def _value(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def _holds(tag: str, stored: float, fresh: float) -> bool:
    """Say whether a number lies within the range that a tag allows."""
    free, factor, size, percent = WITHIN.fullmatch(tag).groups()
    if free or stored == fresh or (math.isnan(stored) and math.isnan(fresh)):
        return True
    if not (math.isfinite(stored) and math.isfinite(fresh)):
        return False
    if factor:
        low, high = sorted((abs(stored), abs(fresh)))
        return stored * fresh > 0 and high <= float(factor) * low
    scale = abs(stored) / 100 if percent else 1.0
    return abs(fresh - stored) <= float(size) * scale * (1 + 1e-9)
