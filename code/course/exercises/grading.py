"""Judging page answers, by the same rules in Python as in the browser.

Every sentence and every branch has its twin in `ask.js`, `number.js`, `choice.js` or
`order.js`; the tests run both on all exercises and compare the replies letter by
letter.
"""

from __future__ import annotations

import math
import numbers
import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from .model import Before, Choice, Number, Order, Page, Reply, limits, place, value_of

__all__ = ["encode", "judge", "readings", "reply", "sheet"]

SHORT = 40
# where to look after a wrong answer that nobody foresaw; self-checks have no hints
HINT = "Open the first hint."
DOT = "Write a decimal point, or no comma."
SWAPPED = "Both numbers are right, and each stands in the other's field."
LINKS = "Look it up where the text above points."
# character classes are spelt out: \s, \d and \w differ between the two languages
_SPACES = re.compile(r"[ \t\n\r\f\v\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff]+")
_RAISED = re.compile(r"[⁺⁻⁰¹²³⁴-⁹]+")
_VULGAR = re.compile(r"[¼-¾⅐-⅞]")
_BEFORE = re.compile(r"^(?:[a-zα-ω][a-z0-9_']*)?(?:[=≈~∼≃≤≥]|[<>]=?)+")
_GROUPS = re.compile(
    r"(^|[^0-9.,])([1-9][0-9]{0,2}(?:(?: [0-9]{3})+|(?:'[0-9]{3})+))(?![0-9 /⁄])"
)
_PLAIN = (
    r"((?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+|(?=\.[0-9]))"
    r"(?:\.[0-9]*)?(?:e[+-]?[0-9]{1,4})?)"
)
_FACTOR = re.compile(
    rf"([+-]?)(?:{_PLAIN}(?:\^(?:([+-]?[0-9]{{1,3}})|\(([+-]?[0-9]{{1,3}})\)))?"
    r"|(?:([0-9]+) )?([0-9]+)⁄([0-9]+))"
)
_ENDLESS = re.compile(r"([+-]?)(?:inf|infinity|infinite|∞|nolimit|unlimited)")


def sheet(page: Page) -> dict[str, Any]:
    """A page exercise as plain data, as the browser gets it."""
    data: dict[str, Any] = {
        "id": page.id,
        "right": page.right,
        "otherwise": page.otherwise or (HINT if page.stars else LINKS),
        "parts": [_part_sheet(part) for part in page.parts],
        "wrong": [
            [_pattern_sheet(page, wrong.answer), wrong.reply] for wrong in page.mistakes
        ],
    }
    data["wrong"] += [[pattern, SWAPPED] for pattern in _swaps(page, data)]
    if page.also:
        data["also"] = [[_form_sheet(page, form), text] for form, text in page.forms]
    return data


def _swaps(page: Page, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The two right numbers of a page, each in the other's field: no pattern or one.

    None for a page with a reply of its own to that, and for self-checks, whose numbers
    answer different questions.
    """
    numbered = [part for part in data["parts"] if part["type"] == "number"]
    if len(numbered) != 2 or not page.stars:
        return []
    one, two = numbered
    swap = {one["name"]: two["answer"], two["name"]: one["answer"]}
    told = any(
        set(swap) <= set(pattern)
        and all(
            _fits(part, pattern[part["name"]], ("", float(swap[part["name"]])))
            for part in numbered
        )
        for pattern, _ in data["wrong"]
    )
    right = any(_between(p["low"], p["high"], float(swap[p["name"]])) for p in numbered)
    return [] if told or right else [swap]


def _form_sheet(page: Page, form: Mapping[str, Any]) -> dict[str, Any]:
    """What another right answer changes in the parts that it names."""
    parts = {part.name: part for part in page.parts}
    return {name: _form_part(parts[name], value) for name, value in form.items()}


def _form_part(part: Number | Choice | Order, value: Any) -> dict[str, Any]:
    if not isinstance(part, Number):
        return {"answer": _value_sheet(part, value)}
    low, high = limits(part, float(value))
    return {"answer": encode(float(value)), "low": encode(low), "high": encode(high)}


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
    """One value of a `Wrong`: a number, a range, a place, an order, a pair {…}."""
    if isinstance(part, Number):
        if isinstance(value, tuple):
            return [encode(float(end)) for end in value]
        return encode(float(value))
    if isinstance(part, Choice):
        return place(part.options, value)
    if isinstance(value, Before):
        return {
            "first": place(part.items, value.first),
            "second": place(part.items, value.second),
        }
    return [place(part.items, item) for item in value]


def encode(value: float) -> float | str:
    """JSON has no infinity; the text reads back in Python and JavaScript alike.

    Twelve digits: more than anybody types, and fewer in each stored output.
    """
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(f"{value:.12g}")


def readings(text: str, unit: str = "") -> list[float]:
    """The numbers that a typed text may mean; [] if none, two if it is not clear.

    "1,372" may be 1372 or 1.372, so the reader is asked. Read are powers (2^10, 10**-3,
    10⁻¹¹, 1e-11), products (3·4, 3*4, 3×4), fractions (3/4, ¾, 1½), marks between
    thousands (60 000, 1'000, 1,234.5, 1.234,5), a comma before decimals (0,25), a minus
    of any kind, per cent and the unit, and what stands before the number ("a = 4",
    "≥ 0.2", "≈ 3"). Nothing is made of spaces within a number, or of 2^½.
    """
    text, unit = _tidy(text), _tidy(unit)
    text = re.sub(r"(.)[.,]$", r"\1", _BEFORE.sub("", text))
    if unit and text.endswith(unit):
        text = text[: -len(unit)].strip(" ")
    share = 100 if text.endswith("%") else 1
    text = text.removesuffix("%")
    endless = _ENDLESS.fullmatch(text)
    if endless:
        return [-math.inf if endless[1] == "-" else math.inf]
    text = _GROUPS.sub(lambda m: m[1] + re.sub("[ ']", "", m[2]), text)
    text = re.sub(r"([0-9]) ([0-9]{1,2})/([0-9]{1,2})$", r"\1 \2⁄\3", text)
    swapped = text.translate({44: ".", 46: ","})
    found = _values(text)
    if "," in text or not found:
        found = [*(v for v in _values(swapped) if v not in found), *found]
    return [value / share + 0.0 for value in found]  # no negative zero


def _tidy(text: str) -> str:
    """One spelling for powers, minus, times, spaces; no space but between digits."""
    text = _SPACES.sub(" ", text).strip(" ")
    text = _RAISED.sub(lambda m: "^" + m[0], _VULGAR.sub(r" \g<0>", text))
    text = unicodedata.normalize("NFKC", text).lower()
    text = re.sub("[−–—‐‑]", "-", re.sub("[’ʼ]", "'", text))
    text = re.sub("[×·⋅∙]", "*", text).replace("**", "^")
    text = re.sub(r" *([^0-9., ]) *", r"\1", re.sub(" +", " ", text)).strip(" ")
    return re.sub(r"([1-9.]0*)x", r"\1*", text).replace("percent", "%", 1)


def _values(text: str) -> list[float]:
    """The value of factors and at most one divisor, as a list; [] if there is none."""
    if re.search(r"\^[+-]?[0-9]+/", text):  # is 2^1/2 a root, or a half of 2?
        return []
    top, *bottom = text.split("/")
    above = [_factor(factor) for factor in top.split("*")]
    below = [_factor(factor) for factor in bottom]
    known = [value for value in (*above, *below) if value is not None]
    if len(below) > 1 or len(known) < len(above) + len(below) or 0 in below:
        return []
    result = 1.0
    for value in known[: len(above)]:
        result *= value
    for value in known[len(above) :]:
        result /= value
    return [result] if math.isfinite(result) else []


def _factor(text: str) -> float | None:
    found = _FACTOR.fullmatch(text)
    if not found:
        return None
    sign, plain, power, power_, whole, over, under = found.groups()
    if plain:
        value = _power(float(plain.replace(",", "")), power or power_)
    elif float(under):
        value = float(whole or 0) + float(over) / float(under)
    else:
        return None
    return -value if sign == "-" else value


def _power(base: float, power: str | None) -> float:
    """The base multiplied with itself, one step at a time as the browser does it."""
    if not power:
        return base
    if base == 10:
        return float(f"1e{int(power)}")
    value = 1.0
    for _ in range(abs(int(power))):
        value *= base
    if int(power) >= 0:
        return value
    return 1 / value if value else math.inf


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
        held = isinstance(answer, (list, tuple)) and len(answer) == 1
        return {parts[0]["name"]: answer[0] if held else answer}
    answer = _plain(answer)
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
    parts, right = _nearest_form(data, read)
    wrong = [part for part in parts if not _is_right(part, read[part["name"]])]
    if not wrong:
        return Reply("right", right)
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


def _nearest_form(
    data: Mapping[str, Any], read: Mapping[str, Any]
) -> tuple[list[dict], str]:
    """Parts and reply of the right answer with which most parts agree, the first one.

    Whoever gives another right form with one slip is told of that slip alone.
    """
    parts = data["parts"]
    others = [
        ([part | form.get(part["name"], {}) for part in parts], text)
        for form, text in data.get("also", ())
    ]

    def agree(form: tuple[list[dict], str]) -> int:
        return sum(_is_right(part, read[part["name"]]) for part in form[0])

    return max([(parts, data["right"]), *others], key=agree)


def _known_replies(
    data: Mapping[str, Any], read: Mapping[str, Any], wrong: set[str]
) -> tuple[list[str], set[str]]:
    """Replies of the misconceptions seen, the most specific first, none twice."""
    texts: list[str] = []
    covered: set[str] = set()
    kinds = {part["name"]: part for part in data["parts"]}

    def order(row: tuple) -> tuple[int, float]:
        return -len(row[0]), _distance(data["parts"], row[0], read)

    for pattern, text in sorted(data["wrong"], key=order):
        new = (set(pattern) & wrong) - covered
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
        seen = f"“{_short(text)}”"
        if not found:
            why = f"{seen} cannot be read as a number."
            return None, f"{why} Enter one such as 0.25, 1e-3 or 1/4."
        if found[1:]:
            return None, f"{seen}: does the comma mark decimals or thousands? {DOT}"
        return (text, found[0]), ""
    count = len(part["options"])
    if part["type"] == "choice":
        at = _as_place(part["options"], raw)
        return at, "" if at is not None else "choose one of the answers."
    order = [_as_place(part["options"], item) for item in _as_list(raw)]
    if sorted(i for i in order if i is not None) != list(range(count)):
        return None, f"put all {count} in order, each once."
    return order, ""


def _plain(raw: Any) -> Any:
    """Arrays and tensors as lists, of no axis as numbers; all else as it is."""
    try:
        small = not getattr(raw, "ndim", 1) or len(raw) < 100
        return raw.tolist() if small and hasattr(raw, "tolist") else raw
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException:
        return raw


def _as_text(raw: Any) -> str:
    """A number as it would be typed; text as it is; anything else becomes empty."""
    try:
        if isinstance(raw, str):
            return _SPACES.sub(" ", raw).strip(" ")
        if hasattr(raw, "item") and not isinstance(raw, bool):
            raw = raw.item()
        real = isinstance(raw, (numbers.Real, Decimal)) or hasattr(raw, "__float__")
        if isinstance(raw, bool) or not real:
            return ""
        return f"{float(raw):.12g}"
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException:
        return ""


def _as_place(options: Sequence[str], raw: Any) -> int | None:
    if isinstance(raw, str):
        return list(options).index(raw) if raw in options else None
    raw = _plain(raw)  # a tensor of one number is that number
    # kept in a name: as a `Real` alone it could not be compared with an int
    real = isinstance(raw, numbers.Real) and not isinstance(raw, bool)
    if not real:
        return None
    whole = 0 <= raw < len(options) and float(raw).is_integer()
    return int(raw) if whole else None


def _as_list(raw: Any) -> list:
    raw = _plain(raw)
    return list(raw) if isinstance(raw, (list, tuple)) and len(raw) < 100 else []


def _short(text: str) -> str:
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"


def _is_right(part: dict, value: Any) -> bool:
    if part["type"] == "number":
        return _between(part["low"], part["high"], value[1])
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
        if isinstance(pattern, list):
            return _between(pattern[0], pattern[1], value[1])
        # the slip itself, to fewer digits or to more: no other value has this reply
        slip, typed, answer = float(pattern), value[1], float(part["answer"])
        if _rounded(slip, typed, 0.002):
            return True
        # a half, 1 and what may be the right answer rounded have other reasons as well
        other = typed in (0.5, 1) or _rounded(typed, answer, 0.05)
        return _rounded(typed, slip, 0.05) and not other
    if isinstance(pattern, dict):
        return value.index(pattern["first"]) < value.index(pattern["second"])
    return value == pattern


def _distance(parts: Sequence[dict], pattern: Mapping, read: Mapping) -> float:
    """How far the numbers read lie from a misconception's: the nearest one speaks."""
    distance = 0.0
    for part in parts:
        slip = pattern.get(part["name"], [])
        if part["type"] == "number" and not isinstance(slip, list):
            gap = abs(read[part["name"]][1] - float(slip))
            distance += 0.0 if math.isnan(gap) else gap
    return distance


def _rounded(value: float, to: float, within: float) -> bool:
    """Whether a value is another one, or that one rounded to fewer digits."""
    gap = abs(value - to)
    share = gap / abs(to) if to and math.isfinite(gap) else math.inf
    if value == to or not share <= within:
        return value == to
    for exponent in range(-40, 41):
        unit = float(f"1e{exponent}")
        count = abs(value) / unit
        whole = math.floor(count + 0.5)
        if (
            whole
            and gap <= unit * 0.5000001
            and (exponent < 1 or share <= 0.01)  # 90 is no way to write 85.9
            and abs(count - whole) < 1e-9 * count + 1e-6
        ):
            return True
    return False


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


def _unknown_number(part: dict, text: str, value: float) -> str:
    seen = _short(text)
    low, high = float(part["low"]), float(part["high"])
    answer = float(part["answer"])
    if re.search(r"\.[0-9]{3}$", text) and _between(low, high, value * 1000):
        return f"{seen}: here a dot marks decimals, not thousands."
    if _between(low, high, -value):
        return f"{seen}: the size is right, the sign is not."
    if low > 0 or high < 0:  # a hundredfold of 0 is 0
        if part["unit"] == "%":
            if _between(low, high, value * 100):
                return f"{seen}: right as a fraction; the field is in %."
        elif 1 <= value <= 100 and _between(low, high, value / 100):
            return f"{seen}: right in per cent; here the fraction itself is asked for."
    near = abs(value - answer) < 0.005 * abs(answer)  # rounded on the way
    if not answer.is_integer() and (near or _rounded(value, answer, 0.05)):
        return f"{seen} is close, but not as exact as asked for. Keep more digits."
    return f"{seen} is not it, and this page knows no slip that leads to it."
