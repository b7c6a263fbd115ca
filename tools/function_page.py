"""A page for each function of the catalogue: all that the course knows of it.

Here is what stands on it; catalogue_finish.py puts that into a page of the theme's.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from actlab import catalogue, cost, elsewhere, interactive
from actlab.statistics import interval
from catalogue_page import FAMILY_TITLES, file_of, sheet_of
from course.ch12 import atlas_page
from function_code import elsewhere_examples, is_recorded, pytorch_example
from function_sketch import drawn_of, sketch
from site_math import formula

__all__ = ["Links", "body", "facts", "parts"]

LONG = 30  # lines of code that are shown unfolded


@dataclass(frozen=True)
class Links:
    """What a page says of the bibliography and of the chapters, as HTML."""

    citation: dict[str, str]
    chapter: dict[int, str]


# --- the parts of a page ----------------------------------------------------------


def body(row: catalogue.Activation, links: Links) -> str:
    """Return what stands in the article of a function's page."""
    also = sorted({name for name in row.aliases if name != row.name})
    known = f"<p>Also known as {html.escape(', '.join(also))}.</p>" if also else ""
    where = (
        '<p class="actlab-where"><a href="../catalogue.html">Catalogue</a> › '
        f'<a href="../catalogue.html#family={row.family}">'
        f"{html.escape(FAMILY_TITLES[row.family])}</a></p>"
    )
    parts = [
        where,
        f"<h1>{html.escape(row.name)}</h1>",
        known,
        _figure(row),
        _section("Formula", _formulas(row)),
        _section("Code", _code(row)),
        _section("Properties", _properties(row)) if row.kind == "scalar" else "",
        _section("Cost", _cost(row)),
        _section("In the atlas", _atlas(row)) if row.kind == "scalar" else "",
        _section("Where it is from", _sources(row, links)),
    ]
    return "\n".join(filter(None, parts))


def _section(title: str, inside: str) -> str:
    anchor = title.lower().replace(" ", "-")
    return (
        f'<section id="{anchor}"><h2>{title}<a class="headerlink" href="#{anchor}" '
        f'title="Link to this heading">#</a></h2>\n{inside}</section>'
    )


def _figure(row: catalogue.Activation) -> str:
    if row.kind == "scalar":
        return interactive.explorer(row.key)._repr_html_()
    drawn = drawn_of(row)
    return (
        f'<figure class="actlab-drawing">{sketch(row)}<figcaption>It takes a whole '
        f"vector, so it has no single curve. Drawn here: {drawn}; dashed, the slope. "
        "Both axes have one scale.</figcaption></figure>"
    )


def _one_line(latex: str) -> str:
    return " ".join(latex.split())


def _left(row: catalogue.Activation) -> str:
    """Return the left side of the formula: with an index where the right side has."""
    index = row.kind == "vector" and re.search(r"_\{?k?i", row.latex)
    return "f(x)_i" if index else "f(x)"


def _formulas(row: catalogue.Activation) -> str:
    given = [_math(f"{_left(row)} = {_one_line(row.latex)}")]
    if row.kind == "scalar":
        given.append(_math(f"f'(x) = {_one_line(row.derivative_latex)}"))
    if row.params:
        values = ", ".join(
            f"{html.escape(name)} = {p.default:g}" for name, p in row.params.items()
        )
        given.append(f"<p>Drawn and measured with {values}.</p>")
    if row.coefficients:
        words = html.escape(row.coefficients)
        given.append(f"<p>Trains {words}; shown as it starts.</p>")
    return "\n".join(given)


def _math(tex: str) -> str:
    return f'<div class="math notranslate nohighlight">{formula(tex, True)}</div>'


def _code(row: catalogue.Activation) -> str:
    own = pytorch_example(row)
    block = _python(own)
    lines = own.count("\n") + 1
    if lines > LONG:
        block = f"<details><summary>{lines} lines of PyTorch</summary>{block}</details>"
    there = "" if row.torch else " It is not in PyTorch; this is the course's module."
    parts = [f"<p><b>PyTorch.</b>{there}</p>{block}"]
    for title, code in elsewhere_examples(row):
        parts.append(f"<p><b>{title}.</b></p>{_python(code)}")
    if is_recorded(row.key):
        place = anchor_of(elsewhere.FUNCTIONS[row.key].name)
        parts.append(
            "<p>Calls as recorded on the page "
            f'<a href="../elsewhere.html#{place}">'
            "Elsewhere</a>, which says how their answers differ.</p>"
        )
    parts.append(
        "<p>In the course: "
        f"<code>actlab.catalogue.get({html.escape(repr(row.key))})</code>.</p>"
    )
    return "\n".join(parts)


def anchor_of(name: str) -> str:
    """Return the id that Sphinx gives a heading."""
    from docutils.nodes import make_id

    return make_id(name)


@cache
def _python(code: str) -> str:
    """Return Python in the colours of the site, as Sphinx marks it."""
    shown = highlight(code, PythonLexer(), HtmlFormatter(nowrap=True))
    return (
        '<div class="highlight-python notranslate"><div class="highlight"><pre>'
        f"<span></span>{shown}</pre></div></div>"
    )


def _table(rows: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> str:
    """Return labels and texts, both HTML, as a table."""
    cells = "".join(
        f'<tr><th scope="row">{label}</th><td>{text}</td></tr>' for label, text in rows
    )
    return f'<table class="actlab-properties"><tbody>{cells}</tbody></table>'


def sheet_rows(row: catalogue.Activation) -> list[tuple[str, str]]:
    """Return the property sheet as HTML labels and texts."""
    if row.kind != "scalar":
        return []
    return [
        (html.escape(label), html.escape(text))
        for label, text in sheet_of(row.key).rows()
    ]


def _properties(row: catalogue.Activation) -> str:
    return (
        _table(sheet_rows(row))
        + '<p><a href="../notation.html">Notation</a> says what '
        "each line means; inputs are standard normal.</p>"
    )


# --- cost -------------------------------------------------------------------------


@cache
def _costs() -> dict[str, Any]:
    table = cost.recorded(added=True)
    return {
        row["key"]: row for row in table[table["case"] == "many"].to_dict("records")
    }


def cost_rows(row: catalogue.Activation) -> list[tuple[str, str]]:
    """Return what a function costs, as recorded, as labels and texts."""
    found = _costs().get(row.key)
    if found is None:
        return []
    kept = [name for name in ("input", "output") if found[f"keeps_{name}"]]
    if found["kept_else"]:
        kept.append(f"{found['kept_else']:g} numbers more for each")

    def ratio(what: str) -> str:
        low, high = found[f"{what}_low"], found[f"{what}_high"]
        return f"{found[what]:.3g} (rounds: {low:.3g} to {high:.3g})"

    return [
        ("forward, times ReLU", ratio("forward")),
        ("backward, times ReLU", ratio("backward")),
        ("operations of the forward pass", f"{found['operations']:g}"),
        ("kept for the way back", ", ".join(kept) or "nothing"),
    ]


def _cost(row: catalogue.Activation) -> str:
    rows = cost_rows(row)
    if not rows:
        return "<p>Its cost was not recorded.</p>"
    alone = row.key in cost.additions()
    origin = cost.provenance(row.key if alone else None)
    made = origin["environment"]
    return (
        f"{_table(rows)}<p>131,072 numbers in float32, one thread, "
        f"{html.escape(made['cpu'])}, torch {html.escape(made['versions']['torch'])}, "
        f"{origin['finished'][:10]}. "
        '<a href="../../chapters/13-cost-and-precision.html">'
        "Chapter 13</a> says how it was measured and what it means.</p>"
    )


# --- the atlas --------------------------------------------------------------------


@cache
def _atlas_cells() -> dict[tuple[str, str], dict[str, Any]]:
    record = atlas_page.data()["records"][0]
    return {(cell["key"], cell["start"]): cell for cell in record["cells"]}


def atlas_rows(row: catalogue.Activation) -> list[tuple[str, str]]:
    """Return a function's row of the atlas: by start, rate and test accuracy."""
    found = []
    for (key, start), cell in _atlas_cells().items():
        if key == row.key:
            held = [accuracy for accuracy in cell["final"] if accuracy is not None]
            broke = len(cell["final"]) - len(held)
            text = "no run held"
            if len(held) > 1:
                over = interval(held)
                text = f"{over.mean:.2f} ± {over.half_width:.2f} %"
                text += f" at rate {cell['rate']:g}"
            if broke:
                text += f"; {broke} of {len(cell['final'])} runs broke down"
            found.append((html.escape(atlas_page.WORDS[start]), text))
    return found


def _atlas(row: catalogue.Activation) -> str:
    rows = atlas_rows(row)
    if not rows:
        return (
            '<p>The <a href="../atlas.html">atlas</a> did not train it: it holds what '
            "can learn by itself at about ReLU's cost.</p>"
        )
    pair = [row.key] if row.key == "relu" else [row.key, "relu"]
    picks = ",".join(f"{key}.default" for key in pair)
    return (
        f"{_table(rows)}<p>Test accuracy on Fashion-MNIST, a small network at the rate "
        "that suits each function, mean and 95 % interval of ten seeds. Whether it "
        "differs from another function, the "
        '<a href="../atlas.html#data=fashion&amp;steps=sgd&amp;show=10&amp;'
        f'pick={picks}">'
        "atlas</a> tells, pair by pair.</p>"
    )


def _sources(row: catalogue.Activation, links: Links) -> str:
    source = f"Source: {links.citation[row.source]}. " if row.source else ""
    other = "gelu" if row.key == "relu" else "relu"
    compare = ""
    if row.kind == "scalar":
        name = catalogue.get(other).name
        compare = (
            f'<p><a href="../catalogue.html#compare={row.key},{other}">Side by side '
            f"with {name}</a>, or with any other.</p>"
        )
    return f"<p>{source}Explained in {links.chapter[row.chapter]}.</p>{compare}"


# --- for the comparison -----------------------------------------------------------


def facts(row: catalogue.Activation) -> dict[str, Any]:
    """Return what the comparison shows of a function, label to HTML, in order."""
    link = f'<a href="functions/{file_of(row)}.html">all of it</a>'
    return {
        "name": html.escape(row.name),
        "rows": [
            ["f", formula(_one_line(row.latex), False)],
            ["slope", formula(_one_line(row.derivative_latex), False)],
            *map(list, sheet_rows(row)),
            *map(list, cost_rows(row)),
            *([f"atlas, {label}", text] for label, text in atlas_rows(row)),
            ["page", link],
        ],
    }


# --- writing ----------------------------------------------------------------------


def parts(links: Links) -> dict[str, dict[str, str]]:
    """Return what stands in place of the marks on each function's page, by its name."""
    return {
        file_of(row): {
            "TITLE": html.escape(row.name),
            "ABOUT": _about(row),
            "BODY": body(row, links),
        }
        for row in catalogue.CATALOGUE.values()
    }


def _about(row: catalogue.Activation) -> str:
    """Return a page's description, for search engines and cards."""
    code = "PyTorch, JAX and Keras" if len(elsewhere_examples(row)) > 1 else "PyTorch"
    text = (
        f"{row.name}: formula, derivative, curve, code for {code}, properties, cost "
        "and measured accuracy."
    )
    return html.escape(text, quote=True)
