"""The catalogue page: every function's explorer, formula and property sheet.

One style and one script serve all explorers of the page; each entry carries only its
own first frame and formulas. Without JavaScript the page is the full list of curves.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from functools import cache

from actlab import catalogue, formulas, interactive, properties

__all__ = ["FAMILY_TITLES", "catalogue_page", "tags"]

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
}


@cache
def sheet_of(key: str) -> properties.PropertySheet:
    """Compute a function's property sheet once: filter, tags and table read it."""
    return properties.property_sheet(key)


def tags(row: catalogue.Activation) -> list[str]:
    """Return the properties of a function that the filter knows."""
    if row.kind != "scalar":
        return []
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
    return [name for name, holds in found.items() if holds]


def catalogue_page(
    citation: Callable[[str], str], chapter_link: Callable[[int], str]
) -> str:
    """Return the generated part of the catalogue page as Markdown.

    Parameters
    ----------
    citation : from a key of the bibliography to a link.
    chapter_link : from a chapter's number to a link, or its number alone.
    """
    rows = list(catalogue.CATALOGUE.values())
    scalar = [row for row in rows if row.kind == "scalar"]
    frames = {row.key: _Frame(row) for row in scalar}
    style = next(iter(frames.values())).style
    parts = [f"<style>\n{style}{STYLE}</style>", _filter(rows), _comparison(scalar)]
    for family, title in FAMILY_TITLES.items():
        parts.append(f"## {title}")
        for row in rows:
            if row.family == family:
                frame = frames.get(row.key)
                parts.append(_entry(row, frame, citation, chapter_link))
    parts.append(_scripts(frames, scalar))
    return "\n\n".join(parts)


# --- one entry --------------------------------------------------------------------


class _Frame:
    """An explorer taken apart: style, first frame, and its own lines of script."""

    def __init__(self, row: catalogue.Activation) -> None:
        page = interactive.explorer(row.key)._repr_html_()
        self.style = re.search(r"<style>\n(.*?)</style>\n", page, re.S)[1]
        script = re.search(r"<script>\n(.*?)\n</script>\n", page, re.S)
        self.script = script[1]
        frame = page.replace(script[0], "")
        frame = re.sub(r"<style>\n.*?</style>\n", "", frame, flags=re.S)
        # A blank line would end the HTML block in Markdown.
        self.html = re.sub(r"\n\s*\n", "\n", frame).strip()


def _entry(
    row: catalogue.Activation,
    frame: _Frame | None,
    citation: Callable[[str], str],
    chapter_link: Callable[[int], str],
) -> str:
    words = " ".join(tags(row))
    lines = [
        f"### {row.name}",
        f'<span class="actlab-entry" data-family="{row.family}" '
        f'data-tags="{words}"></span>',
    ]
    if frame:
        lines.append(frame.html)
        lines.append(f"$$\nf(x) = {_one_line(row.latex)}\n$$")
        lines.append(f"$$\nf'(x) = {_one_line(row.derivative_latex)}\n$$")
        lines.append(_sheet(row))
    else:
        latex = _one_line(row.latex)
        place = "_i" if re.search(r"_\{?k?i", latex) else ""
        lines.append(f"$$\nf(x){place} = {latex}\n$$")
        lines.append(
            "Takes a whole vector, so it has no single curve and needs an axis."
        )
    if row.coefficients:
        lines.append(f"Trains {row.coefficients}; shown as it starts.")
    lines.append(_facts(row, citation, chapter_link))
    return "\n\n".join(lines)


def _one_line(latex: str) -> str:
    return " ".join(latex.split())


def _sheet(row: catalogue.Activation) -> str:
    """Return the property sheet as a folded table."""
    sheet = sheet_of(row.key)
    cells = "".join(
        f'<tr><th scope="row">{html.escape(label)}</th>'
        f"<td>{html.escape(text)}</td></tr>"
        for label, text in sheet.rows()
    )
    given = ", ".join(f"{name} = {p.default:g}" for name, p in row.params.items())
    at = f" at {given}" if given else ""
    return (
        f"<details><summary>Property sheet{at}</summary>"
        f'<table class="actlab-properties"><tbody>{cells}</tbody></table></details>'
    )


def _facts(
    row: catalogue.Activation,
    citation: Callable[[str], str],
    chapter_link: Callable[[int], str],
) -> str:
    name = f'`actlab.catalogue.get("{row.key}")`'
    facts = [f"PyTorch: `{row.torch}`." if row.torch else "Not in PyTorch.", f"{name}."]
    if row.source:
        facts.append(f"Source: {citation(row.source)}.")
    link = chapter_link(row.chapter)
    facts.append(f"Explained in {link}.")
    return " ".join(facts)


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
        '<p class="actlab-tools" id="catalogue-filter" hidden>'
        f"<label>Family <select>{_options(FAMILY_TITLES, 'all')}</select></label> "
        f"<label>Property <select>{_options(titles, 'any')}</select></label> "
        '<span role="status"></span></p>'
    )


def _comparison(rows: list[catalogue.Activation]) -> str:
    """Return two choosers and an empty plot that the page's script fills."""
    names = {row.key: row.name for row in rows}
    first, second = (
        _options(names).replace(f'value="{key}"', f'value="{key}" selected')
        for key in ("gelu", "swish")
    )
    return (
        '<details class="actlab-tools" id="catalogue-comparison" hidden>'
        "<summary>Compare two functions</summary>"
        f"<p><label>First <select>{first}</select></label> "
        f"<label>Second <select>{second}</select></label> "
        '<label><input type="checkbox"> slopes in place of values</label></p>'
        '<svg viewBox="0 0 480 290" role="img" aria-label="Two curves">'
        '<path class="grid"/><path class="zero"/><path class="one"/>'
        '<path class="two"/></svg>'
        '<p role="status"></p></details>'
    )


def _scripts(frames: dict[str, _Frame], rows: list[catalogue.Activation]) -> str:
    """Return the page's one script: explorers, filter, comparison."""
    shared = _shared_lines([frame.script for frame in frames.values()])
    own = [
        json.dumps(frame.script.replace(shared, "/*shared*/"))
        for frame in frames.values()
    ]
    functions = ",\n".join(
        f"{json.dumps(row.key)}:[{_arrow(row, row.javascript)},"
        f"{_arrow(row, row.derivative_javascript)}]"
        for row in rows
    )
    names = json.dumps({row.key: row.name for row in rows}, ensure_ascii=False)
    script = "\n".join(
        [
            "(() => {",
            formulas.JS_PRELUDE,
            f"const shared = {json.dumps(shared)};",
            f"const explorers = [\n{','.join(own)}];",
            f"const functions = {{\n{functions}}};",
            f"const names = {names};",
            SCRIPT.strip(),
            "})();",
        ]
    ).replace("</", "<\\/")
    script = re.sub(r"\n\s*\n", "\n", script)
    return f"<script>\n{script}\n</script>"


def _arrow(row: catalogue.Activation, expression: str) -> str:
    given = "".join(f",{name}={p.default:g}" for name, p in row.params.items())
    return f"(x{given})=>{expression}"


def _shared_lines(scripts: list[str]) -> str:
    """Return the longest run of lines that every script contains."""
    lines = scripts[0].split("\n")
    for length in range(len(lines), 0, -1):
        for start in range(len(lines) - length + 1):
            block = "\n".join(lines[start : start + length])
            if all(block in script for script in scripts):
                return block
    raise ValueError("the explorers share no line of script")


STYLE = """
.actlab-tools select{font:inherit;color:inherit;background:transparent;padding:.3em;
max-width:100%}
.actlab-tools select option{color:#000;background:#fff}
.actlab-tools label{margin-right:1em;display:inline-block;padding:.2em 0}
#catalogue-comparison svg{display:block;max-width:600px;width:100%;height:auto}
#catalogue-comparison path{fill:none;stroke:currentColor}
#catalogue-comparison .grid{opacity:.18}
#catalogue-comparison .zero{opacity:.6}
#catalogue-comparison .one{stroke-width:2.4}
#catalogue-comparison .two{stroke-width:2.4;stroke-dasharray:7 4}
"""

SCRIPT = r"""
addEventListener("DOMContentLoaded", () => {
  for (const text of explorers) {
    const script = document.createElement("script");
    script.textContent = text.replace("/*shared*/", () => shared);
    document.body.append(script);
    script.remove();
  }
  const entries = [...document.querySelectorAll(".actlab-entry")];
  const box = document.getElementById("catalogue-filter");
  const [family, tag] = box.querySelectorAll("select");
  const apply = () => {
    let shown = 0;
    for (const entry of entries) {
      const { family: of, tags } = entry.dataset;
      const fits = (!family.value || of === family.value) &&
        (!tag.value || tags.split(" ").includes(tag.value));
      entry.closest("section").hidden = !fits;
      shown += fits;
    }
    for (const group of new Set(entries.map(e => e.closest("section").parentElement)))
      group.hidden = ![...group.querySelectorAll(".actlab-entry")]
        .some(entry => !entry.closest("section").hidden);
    box.querySelector("[role=status]").textContent = `${shown} of ${entries.length}`;
  };
  box.hidden = false;
  box.addEventListener("change", apply);

  const compare = document.getElementById("catalogue-comparison");
  const [first, second] = compare.querySelectorAll("select");
  const slopes = compare.querySelector("input");
  const svg = compare.querySelector("svg");
  const LOW = -5, HIGH = 5, STEPS = 400;
  const sample = f => Array.from({ length: STEPS + 1 }, (_, i) => {
    const x = LOW + (HIGH - LOW) * i / STEPS;
    return [x, f(x)];
  });
  const draw = () => {
    const which = slopes.checked ? 1 : 0;
    const curves = [first, second].map(s => sample(functions[s.value][which]));
    const ys = curves.flat().map(([, y]) => y).filter(Number.isFinite);
    const bottom = Math.min(0, ...ys) - .1, top = Math.max(0, ...ys) + .1;
    const px = x => (x - LOW) / (HIGH - LOW) * 480;
    const py = y => 290 - (y - bottom) / (top - bottom) * 290;
    const line = points => {
      let text = "", last = NaN;
      for (const [x, y] of points) {
        const jump = !(Math.abs(y - last) < .25 * (top - bottom));
        if (Number.isFinite(y))
          text += (jump ? "M" : "L") + px(x).toFixed(1) + " " + py(y).toFixed(1);
        last = y;
      }
      return text;
    };
    svg.querySelector(".one").setAttribute("d", line(curves[0]));
    svg.querySelector(".two").setAttribute("d", line(curves[1]));
    let grid = "";
    for (let x = LOW + 1; x < HIGH; x++) grid += `M${px(x)} 0V290`;
    for (let y = Math.ceil(bottom); y < top; y++) grid += `M0 ${py(y).toFixed(1)}H480`;
    svg.querySelector(".grid").setAttribute("d", grid);
    svg.querySelector(".zero").setAttribute("d", `M${px(0)} 0V290M0 ${py(0)}H480`);
    let gap = 0, at = 0;
    curves[0].forEach(([x, y], i) => {
      const distance = Math.abs(y - curves[1][i][1]);
      if (distance > gap) [gap, at] = [distance, x];
    });
    const a = names[first.value], b = names[second.value];
    const kind = which ? "slopes" : "values";
    const found = `Solid: ${a}. Dashed: ${b}. Their ${kind} differ most at ` +
      `x = ${at.toFixed(2)}, by ${gap.toFixed(3)} (grid lines at whole numbers).`;
    compare.querySelector("[role=status]").textContent =
      gap < 1e-12 ? `${a} and ${b}: no difference.` : found;
    svg.setAttribute("aria-label", `Two curves from x = -5 to 5. ${found}`);
  };
  compare.hidden = false;
  compare.addEventListener("change", draw);
  draw();
});
"""
