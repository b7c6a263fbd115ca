"""Write the generated parts of pages into reference/generated.

The catalogue, the claims page, the glossary, the API page and the landing page are
written by hand around these parts. What stands in them comes from the package and
from the files in reference/, so it cannot disagree with them. The same input gives
the same bytes.

    python tools/generate_pages.py            write what has changed
    python tools/generate_pages.py --readme   print the chapter table for README.md
"""

from __future__ import annotations

import html
import importlib
import json
import os
import re
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import phases

if TYPE_CHECKING:
    from course.claims import Claim
    from function_page import Links

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "reference"
OUT = REFERENCE / "generated"
FINISH = "finish.json"  # what finished pages show of the package
ZIPS = OUT / "downloads"  # what readers download; the build moves it to the site
sys.path.insert(0, str(ROOT / "code"))

# Estimates for reading and exercises, in minutes.
WORDS_PER_MINUTE = 150
PER_FIGURE = 1.5
PER_STARS = {0: 2.0, 1: 3.5, 2: 11.5, 3: 30.0}

VERDICT_MEANING = {
    "CORRECT": "holds as it stands",
    "IMPRECISE": "holds with a repair",
    "WRONG": "does not hold",
    "UNVERIFIABLE": "no source and no experiment could be found",
}


# --- small tools ------------------------------------------------------------------


def write(name: str, text: str) -> None:
    """Write a part, unless it is there already with the same content."""
    path = OUT / name
    text = text.rstrip() + "\n"
    if path.exists() and path.read_text("utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}-", suffix=".partial"
    )
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    os.chmod(partial, 0o644)
    os.replace(partial, path)


@cache
def read_yaml(name: str) -> dict | list:
    """Return the content of a YAML file of reference/."""
    return yaml.safe_load((REFERENCE / name).read_text("utf-8"))


def chapters() -> list[dict]:
    """Return the chapters of reference/chapters.yml."""
    return read_yaml("chapters.yml")["chapters"]


def chapter_file(chapter: dict) -> Path:
    """Return where a chapter's notebook is or will be."""
    return ROOT / "chapters" / f"{chapter['file']}.ipynb"


@cache
def table_of_contents() -> str:
    """Return the text of _toc.yml."""
    return (ROOT / "_toc.yml").read_text("utf-8")


def in_book(chapter: dict) -> bool:
    """Say whether a chapter is part of the book; a draft is not yet."""
    listed = re.search(
        rf"^\s*- file: chapters/{chapter['file']}$", table_of_contents(), re.M
    )
    return listed is not None


def chapter_link(number: int, up: str = "../") -> str:
    """Return a Markdown link to a chapter, or its number alone if it is planned."""
    chapter = next(c for c in chapters() if c["number"] == number)
    if not in_book(chapter):
        return f"chapter {number:02d} (planned)"
    return f"[chapter {number:02d}]({up}chapters/{chapter['file']}.ipynb)"


@cache
def notebook(path: Path) -> dict:
    """Return a notebook as JSON, each cell's source as one text."""
    content = json.loads(path.read_text("utf-8"))
    for cell in content["cells"]:
        cell["source"] = "".join(cell["source"])
    return content


def headings(path: Path) -> list[str]:
    """Return the headings of a notebook or Markdown file, in order, as written."""
    if path.suffix == ".ipynb":
        cells = notebook(path)["cells"]
        text = "\n\n".join(c["source"] for c in cells if c["cell_type"] == "markdown")
    else:
        text = path.read_text("utf-8")
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.M | re.S)
    return [match[1].strip() for match in re.finditer(r"^#{1,6} +(.+?) *$", text, re.M)]


def anchor(heading: str, level_3: Iterable[str]) -> str:
    """Return the anchor that MyST gives a heading; later ones of a name get -1, -2."""
    plain = re.sub(r"[`*]", "", heading).lower().replace(" ", "-")
    slug = re.sub(r"[^\w\u4e00-\u9fff\- ]", "", plain)
    before = list(level_3)[: list(level_3).index(heading)]
    same = sum(re.sub(r"[`*]", "", other) == heading for other in before)
    return f"{slug}-{same}" if same else slug


def place_link(file: str, heading: str) -> str:
    """Return a Markdown link from a page of reference/ to a heading."""
    path = ROOT / file
    number = re.match(r"chapters/(\d\d)", file)
    name = f"Chapter {number[1]}" if number else path.stem.capitalize()
    if not path.exists():
        return f"{name} (planned)"
    found = headings(path)
    if heading not in found:
        return f"[{name}](../{file})"
    return f"[{name}, *{heading}*](../{file}#{anchor(heading, found)})"


# --- bibliography -----------------------------------------------------------------


@cache
def bibliography() -> dict:
    """Return the entries of the bibliography by key."""
    from pybtex.database import parse_file

    return dict(parse_file(str(REFERENCE / "references.bib")).entries)


def plain_latex(text: str) -> str:
    """Return a name without LaTeX's braces and accents' spelling."""
    from pybtex.richtext import Text

    return unicodedata.normalize("NFC", str(Text.from_latex(text)))


def citation(key: str) -> str:
    """Return author and year of an entry as a link to the work."""
    entry = bibliography()[key]
    names = [
        plain_latex(" ".join([*person.prelast_names, *person.last_names]))
        for person in entry.persons["author"]
    ]
    short = {1: names[0], 2: " & ".join(names)}.get(len(names), f"{names[0]} et al.")
    fields = entry.fields
    address = "bibliography.md"
    if "doi" in fields:
        address = f"https://doi.org/{fields['doi']}"
    elif "eprint" in fields:
        address = f"https://arxiv.org/abs/{fields['eprint']}"
    elif "url" in fields:
        address = fields["url"]
    return f"[{short} {fields['year']}]({address})"


# --- glossary ---------------------------------------------------------------------


def slug(text: str) -> str:
    """Return a text as an HTML id."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def glossary() -> str:
    """Return the glossary as one definition list per letter."""
    by_letter: dict[str, list[dict]] = {}
    for row in sorted(read_yaml("glossary.yml"), key=lambda row: row["term"].lower()):
        by_letter.setdefault(row["term"][0].upper(), []).append(row)
    parts = []
    for letter, rows in sorted(by_letter.items()):
        lines = [f"## {letter}", "", "<dl>"]
        for row in rows:
            also = f" ({html.escape(row['also'])})" if "also" in row else ""
            chinese = "；".join(row[k] for k in ("zh", "zh_also") if k in row)
            lines.append(
                f'<dt id="{slug(row["term"])}">{html.escape(row["term"])}{also} '
                f'<span lang="zh">{html.escape(chinese)}</span>'
                f'<a class="headerlink" href="#{slug(row["term"])}" '
                'title="Link to this term">#</a></dt>'
            )
            definition = html.escape(row["definition"])
            lines.append(f"<dd>{definition} ({chapter_number(row['chapter'])})</dd>")
        parts.append("\n".join([*lines, "</dl>"]))
    return "\n\n".join(parts)


def chapter_number(number: int) -> str:
    """Return a chapter's number as an HTML link from a page of reference/."""
    chapter = next(c for c in chapters() if c["number"] == number)
    if not in_book(chapter):
        return f"{number:02d}"
    return f'<a href="../chapters/{chapter["file"]}.html">{number:02d}</a>'


# --- the map of chapters ----------------------------------------------------------


def minutes(chapter: dict) -> tuple[int, int]:
    """Return the minutes for reading and for the exercises that a chapter states."""
    text = notebook(chapter_file(chapter))["cells"][0]["source"]
    stated = re.search(r"about (\d+) minutes to read.*?(\d+) minutes of ex", text)
    if not stated:
        raise ValueError(f"{chapter['file']} does not say how long it takes")
    return int(stated[1]), int(stated[2])


def estimate(chapter: dict) -> tuple[float, float]:
    """Return what words, figures and stars say that a chapter takes, in minutes."""
    cells = notebook(chapter_file(chapter))["cells"]
    text = " ".join(c["source"] for c in cells if c["cell_type"] == "markdown")
    text = re.sub(r"<details.*?</details>", " ", text, flags=re.S)
    words = len(re.sub(r"<[^>]+>", " ", text).split())
    figures = sum(
        "image/png" in output.get("data", {})
        for cell in cells
        for output in cell.get("outputs", [])
    )
    from course.exercises import core

    stars = [entry.stars for entry in core.chapter(chapter["number"]).exercises]
    reading = words / WORDS_PER_MINUTE + PER_FIGURE * figures
    exercises = sum(PER_STARS[star] for star in stars)
    return reading, exercises


def chapter_map(up: str = "") -> str:
    """Return the chapters as a table: number, question, state and minutes."""
    lines = ["| Chapter | Question | Minutes |", "|---|---|---|"]
    for chapter in chapters():
        number, question = f"{chapter['number']:02d}", chapter["question"]
        if chapter.get("optional"):
            question += " (optional)"
        if not in_book(chapter):
            lines.append(f"| {number} | {question} | planned |")
            continue
        reading, exercises = minutes(chapter)
        link = f"[{question}]({up}chapters/{chapter['file']}.ipynb)"
        lines.append(f"| {number} | {link} | {reading} + {exercises} |")
    return "\n".join(lines)


def state_zh() -> str:
    """Say on the Chinese page which chapters are in place."""
    numbers = [str(row["number"]) for row in chapters() if in_book(row)]
    others = "" if len(numbers) == len(chapters()) else "，其余各章正在编写"
    return f'<p lang="zh">目前第 {"、".join(numbers)} 章已经完成{others}。</p>'


def chapter_map_zh() -> str:
    """Return the chapters for the Chinese page."""
    names = {
        1: "没有激活函数，网络会失去什么？",
        2: "激活函数究竟是什么？",
        3: "是 sigmoid 不行，还是我们用错了？",
        4: "一个折点带来什么，代价又是什么？",
        5: "把折点磨圆有什么好处？",
        6: "为什么最后一层的激活不一样？",
        7: "同样的代价下，门控能换来什么？",
        8: "该让网络自己学激活函数吗？",
        9: "第一层还能收到什么？",
        10: "单元什么时候算死亡，是谁造成的？",
        11: "激活函数怎样改变损失曲面？（选读）",
        12: "在 Fashion-MNIST 上哪个激活函数最好？",
        13: "实际代价有多大？",
        14: "我该用哪一个？",
        15: "你能设计出更好的吗？你看得出来吗？",
    }
    lines = ["| 章 | 问题 | 状态 |", "|---|---|---|"]
    for chapter in chapters():
        question = f'<span lang="zh">{names[chapter["number"]]}</span>'
        ready = in_book(chapter)
        link = f"[{chapter['number']:02d}](../chapters/{chapter['file']}.ipynb)"
        number = link if ready else f"{chapter['number']:02d}"
        state = (
            '<span lang="zh">已完成</span>'
            if ready
            else '<span lang="zh">编写中</span>'
        )
        lines.append(f"| {number} | {question} | {state} |")
    return "\n".join(lines)


# --- interview questions ----------------------------------------------------------


def interview() -> str:
    """Return the interview questions that stand in the chapters, by chapter."""
    parts = []
    for chapter in chapters():
        if in_book(chapter):
            cells = notebook(chapter_file(chapter))["cells"]
            text = "\n\n".join(
                cell["source"] for cell in cells if cell["cell_type"] == "markdown"
            )
            section = re.search(
                r"^## Interview questions *$(.*?)(?=^## )", text, re.M | re.S
            )
            questions = re.findall(
                r"<details>.*?</details>", section[1] if section else "", re.S
            )
            if questions:
                link = f"[{chapter['question']}](../chapters/{chapter['file']}.ipynb)"
                parts.append(f"### Chapter {chapter['number']:02d}\n\n{link}")
                parts += [_from_reference(question) for question in questions]
    return "\n\n".join(parts)


def _from_reference(text: str) -> str:
    """Return a chapter's text with its links as they are seen from reference/."""

    def link(match: re.Match[str]) -> str:
        file = match[2].removesuffix(".ipynb")
        if any(c["file"] == file and in_book(c) for c in chapters()):
            return f"[{match[1]}](../chapters/{match[2]})"
        return f"{match[1]} (planned)"

    return re.sub(r"\[([^\]]+)\]\((\d\d-[\w-]+\.ipynb)\)", link, text)


# --- claims -----------------------------------------------------------------------


def trials() -> str:
    """Return the verdicts on trial."""
    from course import claims

    parts = []
    for trial in claims.trials():
        where = ", ".join(chapter_link(number) for number in trial.chapters)
        check = f" Check: `python -m course.claims {trial.id}`." if trial.check else ""
        parts.append(
            f"**{trial.verdict}** ({trial.state})\n"
            f": *Why it is believed.* {trial.believed_because}\n"
            f": *So far.* {trial.finding} {where.replace('ch', 'Ch', 1)}.{check}"
            + (f"\n: *Control.* {trial.control}" if trial.control else "")
        )
    return "\n\n".join(parts)


def claim_rows() -> str:
    """Return the claims that chapters treat, under one heading per chapter."""
    from course import claims

    parts = [claim_filter(claims.load())]
    for chapter in chapters():
        name = f"chapters/{chapter['file']}.ipynb"
        rows = [row for row in claims.load() if row.place.file == name]
        if rows:
            parts.append(f"### Chapter {chapter['number']:02d}")
            parts += map(claim_row, rows)
    return "\n\n".join(parts)


def claim_rows_of_page(heading: str) -> str:
    """Return the claims that the claims page itself treats under a heading."""
    from course import claims

    rows = [row for row in claims.load() if row.place.file == "reference/claims.md"]
    return "\n\n".join(claim_row(row) for row in rows if row.place.heading == heading)


def claim_row(row: Claim) -> str:
    """Return a claim as a block that the filter can hide."""
    return "\n".join(
        [
            f'<div class="actlab-claim" id="{row.id}" data-verdict="{row.verdict}">',
            "",
            f'<a href="#{row.id}"><strong>{row.id}</strong></a> '
            f'<span class="actlab-verdict">{row.verdict}</span>',
            f"*{row.claim}* ({row.said_in})",
            "",
            row.correction,
            " ".join(evidence(row)),
            "",
            "</div>",
        ]
    )


def evidence(row: Claim) -> Iterable[str]:
    """Say what a verdict rests on and where the course treats it."""
    if row.check:
        yield f"Computed: `python -m course.claims {row.id}`."
    elif row.evidence == "derivation":
        yield "Derived in the text."
    if row.control and not row.control.startswith("none ("):
        yield f"*Control.* {row.control}"
    if row.references:
        word = "Sources" if row.evidence != "none" else "What exists"
        yield f"{word}: {', '.join(citation(key) for key in row.references)}."
    if not row.place.file.startswith("reference/claims"):
        yield f"{place_link(row.place.file, row.place.heading)}."


def claim_filter(rows: list) -> str:
    """Return the filter by verdict; without JavaScript it stays hidden."""
    buttons = [f'<option value="">all {len(rows)}</option>']
    for verdict in VERDICT_MEANING:
        count = sum(row.verdict == verdict for row in rows)
        buttons.append(
            f'<option value="{verdict}">{verdict.lower()} ({count})</option>'
        )
    return (
        "<style>.actlab-claim{border-top:1px solid;padding-top:.6em}"
        ".actlab-verdict{border:1px solid;border-radius:4px;padding:0 .4em;"
        "font-size:.8em;white-space:nowrap}"
        ".actlab-filter select{font:inherit;color:inherit;background:inherit;"
        "padding:.3em;max-width:100%}</style>\n"
        '<p class="actlab-filter" id="claim-filter" hidden><label>Show '
        f"<select>{''.join(buttons)}</select></label> "
        '<span role="status"></span></p>\n'
        f"<script>{CLAIM_SCRIPT}</script>"
    )


CLAIM_SCRIPT = """
addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("claim-filter");
  const rows = [...document.querySelectorAll(".actlab-claim")];
  const choice = box.querySelector("select");
  box.hidden = false;
  choice.addEventListener("change", () => {
    for (const row of rows)
      row.hidden = choice.value !== "" && row.dataset.verdict !== choice.value;
    const shown = rows.filter((row) => !row.hidden).length;
    box.querySelector("[role=status]").textContent = `${shown} shown`;
  });
});"""


def advice() -> str:
    """Return the table of advice and what is left of it."""
    from choosing_tables import table

    return table("advice")


# --- API --------------------------------------------------------------------------

API = {
    "Functions": [
        "actlab.catalogue",
        "actlab.formulas",
        "actlab.properties",
        "actlab.activations",
    ],
    "Data, networks, training": [
        "actlab.datasets",
        "actlab.networks",
        "actlab.training",
        "actlab.together",
        "actlab.deep",
        "actlab.language",
        "actlab.controls",
    ],
    "Instruments": [
        "actlab.probes",
        "actlab.curvature",
        "actlab.cost",
        "actlab.precision",
        "actlab.elsewhere",
    ],
    "Studies": ["actlab.studies", "actlab.statistics", "actlab.design"],
    "Figures": ["actlab.figures", "actlab.interactive"],
    "The course": [
        "course.lab.replay",
        "course.exercises",
        "course.exercises.model",
        "course.claims",
        "course.ch08.fields",
        "course.ch14.choosing",
        "course.ch14.patients",
    ],
}


def api() -> str:
    """Return the API page's body: an overview and each module's members."""
    parts = []
    for title, names in API.items():
        parts.append(f"## {title}")
        for name in names:
            parts.append(
                f"### {name}\n\n```{{eval-rst}}\n"
                f".. automodule:: {name}\n   :members:\n```"
            )
    return "\n\n".join(parts)


def load_package() -> None:
    """Load what the page names, before who needs it goes apart."""
    for names in API.values():
        for name in names:
            importlib.import_module(name)


# --- the landing page -------------------------------------------------------------


LANDING = (
    "landing_map.html",
    "landing_predict.html",
    "landing_progress.html",
    "landing_selftest.html",
)


def landing() -> dict[str, str]:
    """Return the landing page's elements, by file name."""
    from course import landing
    from course.exercises import render

    prediction = landing.PREDICTIONS[0]
    measured = prediction.part.answer()
    answer = (
        f"<noscript><p>Measured: {measured.mean:.1f} ± {measured.half_width:.1f} % "
        f"(n = {measured.n}; {html.escape(prediction.source)}).</p></noscript>"
    )
    questions = [_html(render.ask(page.id)) for page in landing.EXERCISES]
    return {
        "landing_map.html": landing_map(),
        "landing_predict.html": f"{_html(render.predict(prediction.id))}\n{answer}",
        "landing_selftest.html": "\n".join(questions),
        "landing_progress.html": _html(render.progress_panel()),
    }


def landing_map() -> str:
    """Return the chapters as cards, part by part."""
    from landing_page import card, cards

    parts: dict[str, list[str]] = {}
    for chapter in filter(in_book, chapters()):
        question = chapter["question"]
        if chapter.get("optional"):
            question += " (optional)"
        address = f"chapters/{chapter['file']}.html"
        member = card(chapter["number"], question, address, minutes(chapter))
        parts.setdefault(chapter["part"], []).append(member)
    return cards(parts.items())


def lab() -> dict[str, str]:
    """Return the laboratory's parts, by file name; what lies in static/ is copied."""
    from course.lab import scripts

    return {
        "lab.html": scripts.page(),
        "static/lab/lab.css": scripts.read("page.css"),
        "static/lab/lab.js": scripts.script(),
        "static/lab/digits.js": scripts.digits(),
    }


def _html(element: object) -> str:
    return element if isinstance(element, str) else element._repr_html_()


# --- findings ---------------------------------------------------------------------


def findings() -> str:
    """Return the index of ``findings/`` as a list, from its own README."""
    text = (ROOT / "findings" / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\(\w+\.sh\) \| (.+?) \|$", text, re.M)
    return "\n".join(f"- {words} (`{name}`)" for name, words in rows)


# --- writing ----------------------------------------------------------------------


def atlas() -> str:
    """Return the generated part of the atlas."""
    from course.ch12 import atlas_page

    return atlas_page.page()


def compared() -> str:
    """Return the script with what the catalogue's comparison shows."""
    from actlab import catalogue
    from catalogue_page import comparison_data
    from function_page import facts

    rows = catalogue.CATALOGUE.values()
    return comparison_data({r.key: facts(r) for r in rows if r.kind == "scalar"})


def as_html(link: str, up: str) -> str:
    """Return a Markdown link as HTML; ``up`` leads from its page to reference/."""
    match = re.fullmatch(r"\[(.+)\]\((.+)\)", link)
    if not match:
        return html.escape(link)
    address = re.sub(r"\.(?:md|ipynb)$", ".html", match[2])
    if not re.match(r"https?:", address):
        address = up + address
    return f'<a href="{html.escape(address)}">{html.escape(match[1])}</a>'


def links_of_functions() -> Links:
    """Return bibliography and chapters as links from a function's page."""
    from actlab import catalogue
    from function_page import Links

    rows = catalogue.CATALOGUE.values()
    sources = {row.source for row in rows if row.source}
    return Links(
        {key: as_html(citation(key), "../") for key in sources},
        {row.chapter: as_html(chapter_link(row.chapter), "../") for row in rows},
    )


PARTS: dict[str, Callable[[], str]] = {
    "glossary.txt": glossary,
    "chapters_zh.txt": lambda: f"{state_zh()}\n\n{chapter_map_zh()}",
    "interview.txt": interview,
    "trials.txt": trials,
    "claims.txt": claim_rows,
    "claims_references.txt": lambda: claim_rows_of_page(
        "The reference list of one lesson"
    ),
    "claims_table.txt": lambda: claim_rows_of_page("A table of recent research"),
    "claims_remarks.txt": lambda: claim_rows_of_page("Remarks on optimisation"),
    "claims_demonstrations.txt": lambda: claim_rows_of_page(
        "Demonstrations, run again"
    ),
    "claims_sentences.txt": lambda: claim_rows_of_page("Sentences without a source"),
    "advice.txt": advice,
    "api.txt": api,
    "atlas.txt": atlas,
    "findings.txt": findings,
}


def main() -> None:
    """Write every part."""
    if "--readme" in sys.argv[1:]:
        print(chapter_map())
        return
    from catalogue_page import catalogue_page
    from course.exercises import render
    from elsewhere_page import census_part, elsewhere_page
    from social_card import write_card

    for name, part in PARTS.items():
        write(name, part())
    write("catalogue.txt", catalogue_page())
    write("static/catalogue-data.js", compared())
    write("static/course.js", render.site_script())
    write_card(OUT)
    write("elsewhere.txt", elsewhere_page())
    write("census.txt", census_part())
    for name, text in {**landing(), **lab()}.items():
        write(name, text)
    phases.mark("  beside: parts of pages generated")


# The parts that depend on more of the chapters than their outline (build.py).
FROM_CHAPTERS = ("interview.txt",)


def again(changed: Iterable[str]) -> None:
    """Write what depends on chapters that have changed under the same outline.

    The rest was written before.

    Parameters
    ----------
    changed : names of their pages, such as ``chapters/04-relu-family``.
    """
    from chapter_zips import write_zips

    for name in FROM_CHAPTERS:
        write(name, PARTS[name]())
    write_zips(ZIPS, (ROOT / f"{name}.ipynb" for name in changed))


def for_finishing() -> dict[str, Any]:
    """Return what finished pages show of the package.

    Who finishes them reads it from a file: loading the package takes seconds.
    """
    from course.lab.presets import PRESETS
    from function_page import parts
    from site_reading import targets
    from site_search import list_records

    return {
        "functions": parts(links_of_functions()),
        "presets": {f"{number:02d}": preset for number, preset in PRESETS.items()},
        "records": [asdict(record) for record in list_records()],
        "targets": [asdict(target) for target in targets()],
    }


def later() -> None:
    """Write what no page includes, but finished pages need."""
    write(FINISH, json.dumps(for_finishing(), ensure_ascii=False))
    phases.mark("  beside: functions' pages written")


def zips() -> None:
    """Write each chapter's zip."""
    from chapter_zips import write_zips

    shutil.rmtree(ZIPS, ignore_errors=True)
    write_zips(ZIPS, map(chapter_file, filter(in_book, chapters())))
    phases.mark("  beside: zips written")


if __name__ == "__main__":
    main()
