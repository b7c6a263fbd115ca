"""The pages around the chapters: glossary, bibliography, catalogue, landing, README."""

import re
from pathlib import Path

import pytest
import yaml

import actlab
import catalogue_finish
import catalogue_page
import docstrings
import generate_pages
from actlab import catalogue, properties
from course import landing
from course.exercises import core, model, render

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "reference"
PAGES = [*REFERENCE.glob("*.md"), ROOT / "intro.md", ROOT / "README.md"]
GLOSSARY = yaml.safe_load((REFERENCE / "glossary.yml").read_text("utf-8"))


# --- glossary ---------------------------------------------------------------------


def test_glossary_has_enough_terms():
    assert len(GLOSSARY) >= 100
    terms = [row["term"].lower() for row in GLOSSARY]
    assert len(terms) == len(set(terms))


@pytest.mark.parametrize("row", GLOSSARY, ids=lambda row: row["term"])
def test_glossary_row(row):
    assert {"term", "zh", "definition", "chapter"} <= set(row)
    assert set(row) <= {"term", "zh", "definition", "chapter", "also", "zh_also"}
    assert re.search(r"[\u4e00-\u9fff]", row["zh"]), "no Chinese in the Chinese term"
    assert row["definition"].endswith(".") and "\n" not in row["definition"]
    assert 1 <= row["chapter"] <= 15


def test_glossary_page_shows_every_term_in_order():
    page = generate_pages.glossary()
    shown = re.findall(r'<dt id="([^"]+)">', page)
    assert len(shown) == len(set(shown)) == len(GLOSSARY)
    assert page.count('<span lang="zh">') == len(GLOSSARY)
    letters = re.findall(r"^## (.)$", page, re.M)
    assert letters == sorted(letters)


# --- bibliography -----------------------------------------------------------------


def test_bibliography_can_be_read():
    entries = generate_pages.bibliography()
    assert len(entries) >= 140
    for key, entry in entries.items():
        assert entry.persons.get("author"), f"{key} has no author"
        assert {"title", "year"} <= set(entry.fields), key
        assert "confirmed" not in entry.fields, key


def test_sources_of_the_catalogue_are_in_the_bibliography():
    keys = set(generate_pages.bibliography())
    for row in catalogue.CATALOGUE.values():
        assert row.source is None or row.source in keys, row.key


@pytest.mark.parametrize(
    "key, text",
    [
        ("maas2013rectifier", "[Maas et al. 2013](bibliography.md)"),
        ("cortes1995support", "[Cortes & Vapnik 1995](https://doi.org/"),
        ("hendrycks2016gaussian", "](https://arxiv.org/abs/1606.08415)"),
        ("ciresan2010deep", "Cireşan et al. 2010"),
    ],
)
def test_citation(key, text):
    assert text in generate_pages.citation(key)


# --- catalogue page ---------------------------------------------------------------


@pytest.fixture(scope="module")
def catalogue_part():
    return catalogue_page.catalogue_page()


def test_catalogue_page_holds_every_function(catalogue_part):
    names = re.findall(r"^### (.+)$", catalogue_part, re.M)
    assert sorted(names) == sorted(row.name for row in catalogue.CATALOGUE.values())
    families = re.findall(r"^## (.+)$", catalogue_part, re.M)
    assert families == list(catalogue_page.FAMILY_TITLES.values())
    assert catalogue_part.count("<svg class") == len(names)


def test_catalogue_page_is_light(catalogue_part):
    assert len(catalogue_part.encode()) < 10_000 + 700 * len(catalogue.CATALOGUE)


def test_filter_marks_agree_with_the_property_sheets():
    marks = {key: catalogue_page.tags(row) for key, row in catalogue.CATALOGUE.items()}
    assert {"kinked", "monotone", "unbounded", "flat-left"} <= set(marks["relu"])
    assert {"smooth", "turning"} <= set(marks["gelu"])
    assert {"bounded", "centred", "flat-both"} <= set(marks["tanh"])
    assert marks["softmax"] == ["pytorch"] and marks["sparsemax"] == []
    for key, row in catalogue.CATALOGUE.items():
        if row.kind == "scalar":
            sheet = properties.property_sheet(row)
            assert ("centred" in marks[key]) == sheet.zero_centred


def test_comparison_uses_the_catalogues_javascript():
    mini_racer = pytest.importorskip("py_mini_racer")
    from actlab import formulas

    engine = mini_racer.MiniRacer()
    engine.eval(formulas.JS_PRELUDE)
    for row in catalogue.CATALOGUE.values():
        if row.kind == "scalar":
            arrow = catalogue_page._arrow(row, row.javascript)
            for x in (-2.5, 0.3, 4.0):
                found = engine.eval(f"({arrow})({x})")
                assert found == pytest.approx(float(row.reference_value(x)), abs=1e-6)


def test_a_card_keeps_the_anchor_that_the_heading_had():
    built = (
        '<section id="smooth-and-self-gated">\n<h2>Smooth<a class="headerlink" '
        'href="#smooth-and-self-gated" title="t">#</a></h2>\n<section id="gelu">\n'
        '<h3>GELU<a class="headerlink" href="#gelu" title="t">#</a></h3>\n'
        f"{catalogue_page._card(catalogue.get('gelu'))}</section></section>"
    )
    found = catalogue_finish.cards(built)
    assert '<section class="actlab-family" id="smooth-and-self-gated">' in found
    assert '<section class="actlab-function" id="gelu" data-key="gelu"' in found
    assert '<h3><a href="functions/gelu.html">GELU</a></h3>' in found


# --- parts of the pages -----------------------------------------------------------


def test_parts_are_deterministic():
    for name, part in generate_pages.PARTS.items():
        assert part() == part(), name


def test_writing_replaces_only_what_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(generate_pages, "OUT", tmp_path)
    generate_pages.write("part.txt", "one\n\n")
    path = tmp_path / "part.txt"
    before = path.stat().st_mtime_ns
    generate_pages.write("part.txt", "one")
    assert path.stat().st_mtime_ns == before and path.read_text("utf-8") == "one\n"
    generate_pages.write("part.txt", "two")
    assert path.read_text("utf-8") == "two\n"
    assert [file.name for file in tmp_path.iterdir()] == ["part.txt"]


def test_anchor_is_the_one_that_myst_gives():
    from myst_parser.mdit_to_docutils.base import default_slugify

    titles = ["Where x² stops", "`check`, and why", "*Core*: gain in ten minutes!"]
    for title in titles:
        plain = re.sub(r"[`*]", "", title)
        assert generate_pages.anchor(title, titles) == default_slugify(plain)
    assert generate_pages.anchor("Run", ["Run", "Other", "Run"]) == "run"


def test_trials_end_in_sentences():
    part = generate_pages.trials()
    assert len(re.findall(r"\. \[?Chapter \d\d", part)) == part.count("*So far.*") == 5


def test_every_included_part_is_written():
    apart = {"catalogue.txt", "elsewhere.txt", "census.txt"}
    written = {*generate_pages.PARTS, *apart, *generate_pages.LANDING}
    wanted = set()
    for page in PAGES:
        wanted |= set(re.findall(r"generated/([\w.]+)", page.read_text("utf-8")))
    assert wanted == written


def test_map_names_all_chapters():
    rows = generate_pages.chapters()
    assert [row["number"] for row in rows] == list(range(1, 16))
    for row in rows:
        assert row["file"].startswith(f"{row['number']:02d}-")
        assert row["question"].endswith("?")
        assert row["question"] in generate_pages.chapter_map()
    drafts_and_chapters = {path.stem for path in (ROOT / "chapters").glob("*.ipynb")}
    assert drafts_and_chapters <= {row["file"] for row in rows}
    planned = generate_pages.chapter_map().count("| planned |")
    assert planned == sum(not generate_pages.in_book(row) for row in rows)
    assert all(
        generate_pages.chapter_file(row).exists()
        for row in rows
        if generate_pages.in_book(row)
    )


def test_no_page_says_by_hand_which_chapters_are_in_place():
    for page in (*PAGES, REFERENCE / "zh.md"):
        assert not re.search(r"\d are in place|章已经完成", page.read_text("utf-8")), (
            f"{page.name} says by hand what is in place"
        )


def test_chapters_state_honest_times():
    for row in generate_pages.chapters():
        if generate_pages.in_book(row):
            stated = generate_pages.minutes(row)
            estimated = generate_pages.estimate(row)
            for said, counted in zip(stated, estimated, strict=True):
                assert abs(said - counted) <= 12, (row["file"], stated, estimated)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page):
    text = page.read_text("utf-8")
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'href="([^"]+)"', text)
    for link in links:
        if not re.match(r"https?:|mailto:|#", link):
            target = link.split("#")[0].replace(".html", ".ipynb")
            assert (page.parent / target).exists(), link


def test_interview_answers_have_all_their_parts():
    text = (REFERENCE / "interview.md").read_text("utf-8")
    questions = re.split(r"^### ", text, flags=re.M)[1:]
    assert questions
    for question in questions:
        for part in (
            "<summary>Answer</summary>",
            "**In thirty seconds.**",
            "**What you may be expected to say.**",
            "**What separates candidates.**",
            "**Common wrong answer.**",
            "**Follow-up.**",
            "</details>",
        ):
            assert question.count(part) == 1, (question.split("\n")[0], part)


def test_interview_questions_come_from_the_chapters():
    part = generate_pages.interview()
    for row in filter(generate_pages.in_book, generate_pages.chapters()):
        assert f"### Chapter {row['number']:02d}" in part
    assert part.count("<details>") == part.count("</details>") >= 4
    for target in re.findall(r"\]\((\.\./[^)]+)\)", part):
        assert (REFERENCE / target).exists(), target


# --- the landing page -------------------------------------------------------------


@pytest.mark.parametrize("page", landing.EXERCISES, ids=lambda page: page.id)
def test_selftest_knows_its_answers(page):
    right = {part.name: part.answer for part in page.parts}
    assert core.grade(page, right).status == "right"
    assert len(page.wrong) >= 3
    for wrong in page.wrong:
        reply = core.grade(page, dict(wrong.answer))
        assert reply.status == "wrong" and wrong.reply in reply.text
    assert page.task in render.ask(page.id)._repr_html_().replace("&#x27;", "'")


def test_landing_prediction_is_measured():
    prediction = landing.PREDICTIONS[0]
    measured = model.value_of(prediction.part.answer)
    assert 70 < measured < 90
    assert str(round(measured, 1)) not in Path(landing.__file__).read_text("utf-8")
    parts = generate_pages.landing()
    assert set(parts) == set(generate_pages.LANDING)
    assert "<noscript>" in parts["landing_predict.html"]


# --- README and the files beside it -----------------------------------------------

README = (ROOT / "README.md").read_text("utf-8")


def test_readme_lists_the_chapters():
    for row in generate_pages.chapters():
        line = re.search(rf"^\| {row['number']:02d} \|(.+)$", README, re.M)
        assert line, f"chapter {row['number']} is missing"
        assert row["question"] in line[1]
        if generate_pages.in_book(row):
            reading, exercises = generate_pages.minutes(row)
            assert line[1].endswith(f"| {reading} + {exercises} |")
        else:
            assert line[1].endswith("| planned |")


def test_readme_picture_has_a_finding_as_its_text():
    alt = re.search(r"!\[(.+?)\]\(assets/readme\.png\)", README, re.S)[1]
    assert len(alt) > 60 and re.search(r"\d", alt)
    assert (ROOT / "assets" / "readme.png").stat().st_size < 100_000


def test_citation_file_agrees_with_the_package():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert str(cited["version"]) == actlab.__version__
    assert cited["title"] in README


def test_licences_are_named():
    assert (ROOT / "LICENSE").read_text("utf-8").startswith("MIT License")
    assert "CC BY 4.0" in (ROOT / "LICENSE-TEXT").read_text("utf-8")
    assert "(LICENSE)" in README and "(LICENSE-TEXT)" in README


# --- docstrings -------------------------------------------------------------------


def test_docstring_sections_end_where_prose_begins():
    lines = ["One line.", "", "Parameters", "----------", "x : a number", "    |x| < 1"]
    tidy = docstrings.tidy([*lines, "", "Returns |x|.", "", "More `|y|`."])
    assert tidy[6:9] == ["", "", r"Returns \|x\|."]
    assert tidy[5] == r"    \|x\| < 1" and tidy[-1] == "More `|y|`."
    assert tidy.count("") == 4
