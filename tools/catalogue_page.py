"""The catalogue as a gallery: a card for each function, a filter, two side by side.

The page holds the cards alone, so that it is light: each function has a page of its own
(function_page.py), and what the comparison shows lies in a script that is fetched when
somebody compares. Without JavaScript the gallery is complete. The state of filter and
comparison stands in the address, behind the #; an address without = there is the anchor
of a card, as ever.
"""

from __future__ import annotations

import html
import json
from functools import cache

from actlab import catalogue, formulas, properties
from function_sketch import sketch

__all__ = ["FAMILY_TITLES", "catalogue_page", "comparison_data", "file_of", "tags"]

FAMILY_TITLES = {
    "classic": "Classic: lines, steps and S-shapes",
    "rectified": "The ReLU family",
    "smooth": "Smooth and self-gated",
    "gated": "Gated units",
    "trainable": "Trainable",
    "output": "For the output layer",
}
TAG_TITLES = {
    "smooth": "smooth everywhere",
    "kinked": "has a kink or a jump",
    "monotone": "monotone",
    "turning": "not monotone",
    "bounded": "bounded",
    "unbounded": "unbounded",
    "centred": "mean 0 for normal inputs",
    "flat-left": "flattens on the left",
    "flat-both": "flattens on both sides",
    "parameters": "has parameters",
    "pytorch": "is in PyTorch",
}


@cache
def sheet_of(key: str) -> properties.PropertySheet:
    """Compute a function's property sheet once: filter, tags and table read it."""
    return properties.property_sheet(key)


def tags(row: catalogue.Activation) -> list[str]:
    """Return the properties of a function that the filter knows."""
    known = ["pytorch"] if row.torch else []
    if row.kind != "scalar":
        return known
    sheet = sheet_of(row.key)
    kinked = bool(sheet.kinks or sheet.jumps)
    bounded = all(abs(end) < float("inf") for end in sheet.range)
    found = {
        "smooth": not kinked,
        "kinked": kinked,
        "monotone": sheet.monotone != "no",
        "turning": sheet.monotone == "no",
        "bounded": bounded,
        "unbounded": not bounded,
        "centred": sheet.zero_centred,
        "flat-left": sheet.saturation == "left",
        "flat-both": sheet.saturation == "both",
        "parameters": bool(row.params),
    }
    return [name for name, holds in found.items() if holds] + known


def catalogue_page() -> str:
    """Return the generated part of the catalogue page as Markdown."""
    rows = list(catalogue.CATALOGUE.values())
    parts = [_filter(rows), _comparison([row for row in rows if row.kind == "scalar"])]
    for family, title in FAMILY_TITLES.items():
        parts.append(f"## {title}")
        for row in rows:
            if row.family == family:
                parts += [f"### {row.name}", _card(row)]
    parts.append('<script defer src="../_static/catalogue.js"></script>')
    return "\n\n".join(parts)


# --- cards ------------------------------------------------------------------------


def _card(row: catalogue.Activation) -> str:
    """Return what stands under a card's heading; catalogue_finish.py does the rest."""
    words = " ".join([row.name, row.key, *row.aliases, (row.torch or "")]).lower()
    facts = {"key": row.key, "family": row.family, "file": file_of(row)}
    facts |= {"tags": " ".join(tags(row)), "words": words}
    text = html.escape(json.dumps(facts), quote=True)
    return f'<div class="actlab-card-of" data-card="{text}">{sketch(row)}</div>'


def file_of(row: catalogue.Activation) -> str:
    """Return the name of a function's page, without folder and ending."""
    return row.key.replace("_", "-")


# --- filter and comparison --------------------------------------------------------


def _options(choices: dict[str, str], first: str = "") -> str:
    options = [f'<option value="">{first}</option>'] if first else []
    options += [
        f'<option value="{key}">{html.escape(title)}</option>'
        for key, title in choices.items()
    ]
    return "".join(options)


def _filter(rows: list[catalogue.Activation]) -> str:
    used = {tag for row in rows for tag in tags(row)}
    titles = {tag: title for tag, title in TAG_TITLES.items() if tag in used}
    return (
        '<form class="actlab-tools" id="catalogue-filter" role="search" '
        'aria-label="Functions" hidden>'
        '<label>Name <input type="search" autocomplete="off" spellcheck="false" '
        'placeholder="gelu, silu …"></label> '
        + f"<label>Family <select>{_options(FAMILY_TITLES, 'all')}</select></label> "
        f"<label>Property <select>{_options(titles, 'any')}</select></label> "
        '<button type="reset">Show all</button> '
        '<span role="status"></span></form>'
    )


def _comparison(rows: list[catalogue.Activation]) -> str:
    """Return two choosers and an empty place that the page's script fills."""
    names = {row.key: row.name for row in rows}
    first, second = (
        _options(names).replace(f'value="{key}"', f'value="{key}" selected')
        for key in ("gelu", "swish")
    )
    return (
        '<details class="actlab-tools" id="catalogue-comparison" hidden>'
        "<summary>Compare two functions side by side</summary>"
        f"<p><label>First <select>{first}</select></label> "
        f"<label>Second <select>{second}</select></label></p>"
        '<div class="actlab-two"><figure><svg viewBox="0 0 480 290" role="img" '
        'aria-label="Two curves"><path class="grid"/><path class="zero"/>'
        '<path class="one"/><path class="two"/></svg><figcaption></figcaption></figure>'
        '<figure><svg viewBox="0 0 480 290" role="img" aria-label="Two slopes">'
        '<path class="grid"/><path class="zero"/><path class="one"/>'
        '<path class="two"/></svg><figcaption></figcaption></figure></div>'
        '<p role="status"></p><div class="actlab-rows"></div></details>'
    )


def comparison_data(facts: dict[str, dict[str, object]]) -> str:
    """Return the script with all that the comparison shows.

    Parameters
    ----------
    facts : by key, what stands in the table, label to HTML, in its order.
    """
    functions = ",\n".join(
        f"{json.dumps(key)}:[{_arrow(row, row.javascript)},"
        f"{_arrow(row, row.derivative_javascript)}]"
        for key, row in catalogue.CATALOGUE.items()
        if row.kind == "scalar"
    )
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    return (
        "/* What the catalogue's comparison shows, made with the pages. */\n"
        "globalThis.actlabCatalogue = (() => {\n"
        f"{formulas.JS_PRELUDE}\n"
        f"return {{functions: {{\n{functions}}},\nfacts: {text}}};\n}})();\n"
    )


def _arrow(row: catalogue.Activation, expression: str) -> str:
    given = "".join(f",{name}={p.default:g}" for name, p in row.params.items())
    return f"(x{given})=>{expression}"
