"""Judging page answers, by the same rules in Python as in the browser.

Every sentence and every branch has its twin in `ask.js`, `number.js`, `choice.js` or
`order.js`; the tests run both on all exercises and compare the replies letter by
letter.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .model import Before, Choice, Number, Order, Page, Reply, limits, place, value_of

__all__ = ["encode", "judge", "readings", "reply", "sheet"]

SHORT = 40
# where to look after a wrong answer that nobody foresaw; self-checks have no hints
HINT = "Open the first hint."
LINKS = "Look it up where the text above points."
# character classes are spelt out: \s, \d and \w differ between the two languages
_SPACES = re.compile(r"[ \t\n\r\f\v\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff]+")
_NUMBER = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)")
_FRACTION = re.compile(_NUMBER.pattern + "/" + _NUMBER.pattern)
_ENDLESS = re.compile(r"([+-]?)(?:inf|infinity|infinite|∞|nolimit|unlimited)")


def sheet(page: Page) -> dict[str, Any]:
    """A page exercise as plain data, as the browser gets it."""
    return {
        "id": page.id,
        "right": page.right,
        "otherwise": page.otherwise or (HINT if page.stars else LINKS),
        "parts": [_part_sheet(part) for part in page.parts],
        "wrong": [
            [_pattern_sheet(page, wrong.answer), wrong.reply] for wrong in page.mistakes
        ],
    }


def _part_sheet(part: Number | Choice | Order) -> dict[str, Any]:
    data = {"name": part.name, "label": part.label}
    if isinstance(part, Number):
        answer = float(value_of(part.answer))
        low, high = part.accept_range or limits(part, answer)
        return data | {
            "type": "number",
            "unit": part.unit,
            "answer": encode(answer),
            "low": encode(low),
            "high": encode(high),
        }
    if isinstance(part, Choice):
        right = place(part.options, value_of(part.answer))
        return data | {"type": "choice", "options": list(part.options), "answer": right}
    order = [place(part.items, item) for item in value_of(part.answer)]
    return data | {"type": "order", "options": list(part.items), "answer": order}


def _pattern_sheet(page: Page, pattern: Mapping[str, Any]) -> dict[str, Any]:
    parts = {part.name: part for part in page.parts}
    return {name: _value_sheet(parts[name], value) for name, value in pattern.items()}


def _value_sheet(part: Number | Choice | Order, value: Any) -> Any:
    """One value of a `Wrong`: a range, a place, an order or a pair [first, second]."""
    if isinstance(part, Number):
        ends = value if isinstance(value, tuple) else limits(part, float(value))
        return [encode(float(end)) for end in ends]
    if isinstance(part, Choice):
        return place(part.options, value)
    if isinstance(value, Before):
        return {
            "first": place(part.items, value.first),
            "second": place(part.items, value.second),
        }
    return [place(part.items, item) for item in value]


def encode(value: float) -> float | str:
    """JSON has no infinity; the text reads back in Python and JavaScript alike."""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def readings(text: str, unit: str = "") -> list[float]:
    """The numbers that a typed text may mean, the likeliest first; [] if none.

    "1,372" is 1.372 and, as a second reading, 1372. Also read: 1e-11, 10^-11,
    3·10^4, 1/4, 82 %, 60 000, −3 (with a typographic minus), "a = 4", ∞.
    """
    text = _SPACES.sub("", text).lower().replace("−", "-").replace("–", "-")
    text = re.sub(r"^[a-zα-ω][a-z0-9_]*=|^[≈~=]", "", text)
    if unit and text.endswith(_SPACES.sub("", unit).lower()):
        text = text[: len(text) - len(_SPACES.sub("", unit))]
        unit = ""
    percent = text.endswith("%")
    text = text.removesuffix("%")
    text = re.sub(r"^([+-]?)10(?:\^|\*\*)\(?([+-]?[0-9]+)\)?$", r"\g<1>1e\2", text)
    text = re.sub(r"[x×*·⋅]10(?:\^|\*\*)\(?([+-]?[0-9]+)\)?$", r"e\1", text)
    endless = _ENDLESS.fullmatch(text)
    if endless:
        return [-math.inf if endless[1] == "-" else math.inf]
    found = [_plain_number(variant) for variant in _commas(text)]
    return [value / 100 if percent else value for value in found if value is not None]


def _commas(text: str) -> list[str]:
    """A comma marks the decimals, or thousands; three digits behind it may be both."""
    if "," not in text:
        return [text]
    groups = re.fullmatch(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?", text)
    thousands = [text.replace(",", "")] if groups else []
    decimals = (
        [text.replace(",", ".")] if text.count(",") == 1 and "." not in text else []
    )
    return decimals + thousands


def _plain_number(text: str) -> float | None:
    whole, fraction = _NUMBER.fullmatch(text), _FRACTION.fullmatch(text)
    if whole:
        value = float(text)
    elif fraction and float(fraction[2]) != 0:
        value = float(fraction[1]) / float(fraction[2])
    else:
        return None
    return value if math.isfinite(value) else None


def reply(exercise: Page, answer: Any) -> Reply:
    """The reply to a page answer.

    answer: {part name: value}, or the bare value where there is one part. Values:
    numbers or typed text; a choice's place or text; an order of places or texts.
    Never raises, whatever the answer is.
    """
    data = sheet(exercise)
    given = _by_part(data["parts"], answer)
    return judge(data, given)


def _by_part(parts: Sequence[dict], answer: Any) -> dict[str, Any]:
    if isinstance(answer, Mapping):
        return {part["name"]: answer.get(part["name"]) for part in parts}
    if len(parts) == 1:
        return {parts[0]["name"]: answer}
    if isinstance(answer, (list, tuple)) and len(answer) == len(parts):
        return {p["name"]: value for p, value in zip(parts, answer, strict=True)}
    return {part["name"]: None for part in parts}


def judge(data: dict[str, Any], given: Mapping[str, Any]) -> Reply:
    """The reply to {part name: raw value}; twin of `grade` in ask.js."""
    parts, read = data["parts"], {}
    for part in parts:
        value, problem = _read(part, given.get(part["name"]))
        if problem:
            return Reply("input", _prefix(part, parts) + problem)
        read[part["name"]] = value
    wrong = [part for part in parts if not _is_right(part, read[part["name"]])]
    if not wrong:
        return Reply("right", data["right"])
    texts, covered = _known_replies(data, read, {part["name"] for part in wrong})
    for part in wrong:
        if part["name"] not in covered:
            texts.append(_prefix(part, parts) + _unknown(part, read[part["name"]]))
            texts.append(data["otherwise"])
    good = [p for p in parts if p not in wrong and p["name"] not in covered]
    if good:
        names = ", ".join(part["label"] for part in good)
        texts.insert(0, f"Right so far: {names}.")
    partial = len(wrong) < len(parts)
    return Reply("partial" if partial else "wrong", " ".join(texts))


def _known_replies(
    data: Mapping[str, Any], read: Mapping[str, Any], wrong: set[str]
) -> tuple[list[str], set[str]]:
    """Replies of the misconceptions seen, the most specific first, none twice."""
    texts: list[str] = []
    covered: set[str] = set()
    for pattern, text in sorted(data["wrong"], key=lambda row: -len(row[0])):
        new = (set(pattern) & wrong) - covered
        kinds = {part["name"]: part for part in data["parts"]}
        fits = all(_fits(kinds[n], v, read[n]) for n, v in pattern.items())
        if new and fits:
            texts.append(text)
            covered |= set(pattern)
    return texts, covered


def _prefix(part: dict, parts: Sequence[dict]) -> str:
    return f"{part['label']}: " if len(parts) > 1 else ""


def _read(part: dict, raw: Any) -> tuple[Any, str]:
    """The value of a part and, if it cannot be read, what is expected instead."""
    if part["type"] == "number":
        text = _as_text(raw)
        if not text:
            return None, "enter a number, such as 0.25, 1e-3 or 1/4."
        found = readings(text, part["unit"])
        if not found:
            seen = f"“{_short(text)}” is not a number."
            return None, f"{seen} Enter one such as 0.25, 1e-3 or 1/4."
        return (text, found), ""
    count = len(part["options"])
    if part["type"] == "choice":
        at = _as_place(part["options"], raw)
        return at, "" if at is not None else "choose one of the answers."
    order = [_as_place(part["options"], item) for item in _as_list(raw)]
    if sorted(i for i in order if i is not None) != list(range(count)):
        return None, f"put all {count} in order, each once."
    return order, ""


def _as_text(raw: Any) -> str:
    """A number as it would be typed; text as it is; anything else becomes empty."""
    try:
        if isinstance(raw, str):
            return _SPACES.sub(" ", raw).strip(" ")
        if hasattr(raw, "item") and not isinstance(raw, bool):
            raw = raw.item()
        if isinstance(raw, bool) or not isinstance(raw, numbers.Real):
            return ""
        return f"{float(raw):.12g}"
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException:
        return ""


def _as_place(options: Sequence[str], raw: Any) -> int | None:
    if isinstance(raw, str):
        return list(options).index(raw) if raw in options else None
    # kept in a name: as a `Real` alone it could not be compared with an int
    real = isinstance(raw, numbers.Real) and not isinstance(raw, bool)
    if not real:
        return None
    whole = 0 <= raw < len(options) and float(raw).is_integer()
    return int(raw) if whole else None


def _as_list(raw: Any) -> list:
    return list(raw) if isinstance(raw, (list, tuple)) and len(raw) < 100 else []


def _short(text: str) -> str:
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"


def _is_right(part: dict, value: Any) -> bool:
    if part["type"] == "number":
        return any(_between(part["low"], part["high"], v) for v in value[1])
    return value == part["answer"]


def _between(low: float | str, high: float | str, value: float) -> bool:
    low, high = float(low), float(high)
    if math.isinf(value):
        return value in (low, high)
    # a decimal such as 0.395 is not exact; the edge of the tolerance belongs to it
    slack = 1e-9 * abs(value)
    return low - slack <= value <= high + slack


def _fits(part: dict, pattern: Any, value: Any) -> bool:
    if part["type"] == "number":
        return any(_between(pattern[0], pattern[1], v) for v in value[1])
    if isinstance(pattern, dict):
        return value.index(pattern["first"]) < value.index(pattern["second"])
    return value == pattern


def _unknown(part: dict, value: Any) -> str:
    """A reply to a wrong answer that nobody foresaw: what was seen, where to look."""
    if part["type"] == "number":
        return _unknown_number(part, *value)
    if part["type"] == "choice":
        seen = f"“{part['options'][value]}” is not it."
        return seen
    stands = sum(a == b for a, b in zip(value, part["answer"], strict=True))
    first = next(i for i, at in enumerate(value) if at != part["answer"][i])
    return (
        f"{stands} of {len(value)} stand where they belong; the first that does not is "
        f"“{part['options'][value[first]]}”."
    )


def _unknown_number(part: dict, text: str, found: list[float]) -> str:
    value, seen = found[0], _short(text)
    low, high = float(part["low"]), float(part["high"])
    answer = float(part["answer"])
    if _between(low, high, -value):
        return f"{seen}: the size is right, the sign is not."
    if _between(low, high, value * 100) and part["unit"] == "%":
        return f"{seen}: right as a fraction; the field is in %."
    if _between(low, high, value / 100) and part["unit"] != "%":
        return f"{seen}: right in per cent; here the fraction itself is asked for."
    width = high - low
    near = low - 2 * width <= value <= high + 2 * width
    if near and math.isfinite(width) and not answer.is_integer():
        return f"{seen} is close, but not as exact as asked for. Keep more digits."
    return f"{seen} is not it, and none of the usual slips either."
