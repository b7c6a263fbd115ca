"""What the build adds for reading: links to the very place, previews, addresses."""

from __future__ import annotations

import io
import json
import re

import pytest

import book_extension
import site_light
import site_reading
import social_card
from site_reading import Known, Target
from stamp import Address

ADDRESS = Address("owner/course", "a" * 40)
GELU = Target(
    ("GELU",),
    "reference/functions/gelu.html",
    "GELU",
    "<svg></svg>",
    "function-gelu",
    5,
)
RELU = Target(
    ("ReLU", "rectifier"),
    "reference/functions/relu.html",
    "ReLU",
    "r",
    "function-relu",
    4,
)
DEAD = Target(
    ("dead unit",),
    "reference/glossary.html#dead-unit",
    "dead unit",
    "Zero.",
    "t-dead",
    10,
)
GAIN = Target(
    ("gain",), "reference/glossary.html#gain", "gain", "A factor.", "t-gain", 2, False
)
KNOWN = Known(
    [GELU, RELU, DEAD, GAIN],
    {
        "4.1": ("04-kinks.html", "equation-4-1"),
        "2.3": ("02-parts.html", "equation-2-3"),
    },
    {"4.2": ("04-kinks.html", "exercise-4-2")},
)


def chapter(*paragraphs, name="04-kinks.html"):
    """Return what becomes of paragraphs under the first heading of a chapter."""
    body = "".join(paragraphs)
    page = f"<h2>Print</h2><article class='x'><p>GELU</p><h2>One</h2>{body}</article>"
    linked = site_reading.link_chapter(page, name, KNOWN)
    head, mark, rest = linked.partition("<h2>One</h2>")
    assert head == "<h2>Print</h2><article class='x'><p>GELU</p>"
    return rest.removesuffix("</article>")


LINK = '<a class="actlab-term" id="{}" href="../{}">{}</a>'


def test_first_mention_is_a_link_and_later_ones_are_not():
    found = chapter("<p>Dead\nunits and GELU.</p>", "<p>A dead unit, GELU.</p>")
    dead = LINK.format(DEAD.anchor, DEAD.address, "Dead\nunits")
    gelu = LINK.format(GELU.anchor, GELU.address, "GELU")
    assert found == f"<p>{dead} and {gelu}.</p><p>A dead unit, GELU.</p>"


def test_two_links_in_a_paragraph_are_enough():
    found = chapter("<p>GELU, ReLU, dead unit.</p>", "<p>A dead unit.</p>")
    first, second = found.split("</p>")[:2]
    assert first.count("<a") == 2 and DEAD.anchor not in first
    assert DEAD.anchor in second


@pytest.mark.parametrize(
    "text",
    [
        "<p><a href='x'>GELU</a></p>",
        "<p><code>GELU</code></p>",
        '<p><span class="math"><span>GELU</span> GELU</span></p>',
        "<p>QuickGELU, GELU-like, nn.GELU, GELU.forward</p>",
        "<details><summary>Hint</summary><p>GELU</p></details>",
        "<h3>GELU</h3>",
    ],
)
def test_no_link_in_what_is_a_link_code_a_formula_or_folded(text):
    assert chapter(text) == text


def test_a_common_word_is_linked_in_its_own_chapter_alone():
    assert "<a" not in chapter("<p>The gain is 2.</p>")
    assert GAIN.anchor in chapter("<p>The gain is 2.</p>", name="02-parts.html")


def test_numbers_lead_to_equations_and_exercises():
    found = chapter("<p>By (4.1) and (2.3), not (9.9) or 4.1; see exercise 4.2.</p>")
    assert found == (
        '<p>By <a class="actlab-equation" href="#equation-4-1">(4.1)</a> and '
        '<a class="actlab-equation" href="02-parts.html#equation-2-3">(2.3)</a>, not '
        '(9.9) or 4.1; see <a class="reference internal" href="#exercise-4-2">exercise '
        "4.2</a>.</p>"
    )


def test_claims_lead_to_their_row():
    link = '<a class="reference internal" href="../reference/claims.html"><span>C-016'
    found = site_reading.link_claims(f"{link}</span></a>")
    assert 'href="../reference/claims.html#C-016"' in found
    assert site_reading.link_claims(found) == found


def test_printed_outputs_say_how_wide_they_are():
    """By it a phone sets a table smaller; tags and entities are no letters."""
    start = '<div class="output stream x"><div class="highlight"><pre'
    end = "</pre></div></div>"

    def printed(text):
        return f"{start}><span></span>{text}{end}"

    def measured(text):
        (found,) = re.findall("<pre(.*?)>", site_reading.measure_prints(printed(text)))
        return found.strip()

    assert measured("short\nlines") == ""
    assert measured("a\n" + "b" * 50 + "\nc") == 'style="--columns: 50"'
    assert measured("&lt;<b>" + "b" * 49 + "</b>") == 'style="--columns: 50"'
    assert measured("b" * 38) == ""
    assert measured("b" * 39) == 'style="--columns: 39"'
    assert measured("b" * 90) == 'style="--columns: 64"'
    assert measured("b" * 120) == 'class="actlab-sentences"'
    both = printed("b" * 50) + printed("short")
    kept = site_reading.measure_prints(both)
    assert re.sub(r' style="[^"]*"', "", kept) == both
    assert kept.count("--columns") == 1


def test_equations_and_exercises_get_addresses():
    page = (
        f"{site_reading.FORMULA}plain</div>{site_reading.FORMULA}"
        r"<annotation>x \tag{3.12}</annotation></div>"
        '<section id="a-root">\n<h3>3.12 A root<a class="headerlink">#</a></h3>'
    )
    marked = site_reading.mark_exercises(site_reading.mark_equations(page))
    assert marked.count('id="equation-3-12"') == 1
    assert 'nohighlight">plain' in marked
    assert '<section id="a-root">\n<span id="exercise-3-12"></span><h3>3.12' in marked


def test_a_preview_gives_no_result_away():
    heading = '<section id="{0}"><h2>Title<a class="headerlink" href="#{0}">#</a></h2>'
    told = "Seven units are dead after one epoch, which was to be guessed before it."
    page = (
        f'{heading.format("a")}<div class="actlab-reveal"><p>{told}</p></div></section>'
        f"{heading.format('b')}<p><em>core</em></p><p>{told}</p></section>"
    )
    found = site_reading.preview_of_sections(page)
    assert found == {"a": ("Title", ""), "b": ("Title", told)}


def test_previews_lie_in_the_page():
    known = Known([GELU], sections={"02-parts.html": {"gain": ("Gain", "A factor.")}})
    page = (
        '<article><a href="../reference/functions/gelu.html">GELU</a>'
        '<a href="02-parts.html#gain">Gain</a><a href="x.html">x</a></article>'
    )
    found = site_reading.previews(page, "04-kinks.html", known)
    data = re.search(r'id="actlab-previews">(.*)</script>', found)[1]
    assert json.loads(data) == {
        "../reference/functions/gelu.html": ["GELU", "<svg></svg>"],
        "02-parts.html#gain": ["02 · Gain", "A factor."],
    }
    assert data.count("</") == 0


def test_head_of_a_chapter_is_folded_after_the_question():
    head = (
        "<h1>Why?</h1><p><strong>You can afterwards</strong></p>\n<ol><li>a</li></ol>\n"
        "<p><strong>You need</strong></p>\n<ol><li>b</li></ol>\n<p>More.</p>"
    )
    found = site_reading.fold_head(head)
    assert found.startswith(
        '<h1>Why?</h1><details class="actlab-head"><summary>What you'
    )
    assert found.endswith("<ol><li>b</li></ol></details>\n<p>More.</p>")
    assert site_reading.fold_head("<p>No head.</p>") == "<p>No head.</p>"


def test_neighbours_say_their_number():
    link = (
        '<a class="right-next"\n href="../chapters/05-smooth.html">\n'
        '<p class="prev-next-title">What is gained?</p></a>'
    )
    found = site_reading.number_neighbours(link)
    assert '<p class="prev-next-title">05 · What is gained?</p>' in found
    assert site_reading.number_neighbours(found) == found


def test_names_of_functions_that_are_words_are_left_alone():
    names = {name for target in site_reading.functions() for name in target.names}
    assert {"GELU", "Swish", "tanh", "sigmoid"} <= names
    assert not names & {"Step", "Sign", "Identity", "Rational", "Threshold", "sine"}


# --- addresses --------------------------------------------------------------------


def test_page_for_missing_pages_holds_at_any_address():
    page = (
        '<html data-content_root="./"><a href="intro.html"><a href="#main"><a href='
        '"https://x.org/"><script src="_static/site.js"><form action="search.html">'
    )
    found = book_extension.absolute(page, "/course/")
    assert found == (
        '<html data-content_root="/course/"><a href="/course/intro.html">'
        '<a href="#main"><a href="https://x.org/">'
        '<script src="/course/_static/site.js">'
        '<form action="/course/search.html">'
    )


@pytest.mark.parametrize(
    "name, title, option",
    [
        ("intro", "Activation Functions, Measured", "Start page"),
        ("lab", "The lab", "The lab"),
        ("chapters/07-gated-units", "x", "07 · What does a gate buy at equal price?"),
        ("reference/functions/gelu", "GELU", "Catalogue"),
        ("reference/glossary", "Glossary", "Glossary"),
        ("404", "Page not found", "README, or another file"),
    ],
)
def test_a_report_names_the_page_as_the_form_does(name, title, option):
    assert book_extension.form_page(name, title) == option
    assert option in book_extension.form_options()


def test_reports_go_to_the_repository_that_is_known_and_to_no_other():
    known = "https://github.com/owner/course"
    assert book_extension.repository(known, None) == known
    assert book_extension.repository("https://x.org/y", ADDRESS) == known
    default = "https://github.com/executablebooks/jupyter-book"
    for named in (None, "", "https://example.org/owner/course", default):
        assert book_extension.repository(named, None) is None


def test_kaggle_opens_the_stamped_notebook():
    assert ADDRESS.kaggle("chapters/01-x.ipynb") == (
        "https://www.kaggle.com/kernels/welcome?src="
        "https://github.com/owner/course/blob/site/notebooks/chapters/01-x.ipynb"
    )


# --- the card ---------------------------------------------------------------------


def test_card_is_drawn_once_and_the_same(tmp_path, monkeypatch):
    from PIL import Image

    path = social_card.write_card(tmp_path)
    first = path.read_bytes()
    assert Image.open(io.BytesIO(first)).size == social_card.SIZE
    assert len(first) < 100_000
    assert social_card.draw() == first
    monkeypatch.setattr(social_card, "draw", lambda: pytest.fail("drawn again"))
    assert social_card.write_card(tmp_path) == path


def test_every_page_gets_the_scripts_that_help_to_read():
    assert {"course.js", "reading.js"} <= set(site_light.SCRIPTS)


# --- what widgets bring along -----------------------------------------------------

WIDGET = (
    '<div class="actlab-x" data-actlab="ask"><style>.a{}</style></div>'
    "<script>(()=>{A.kinds={}})();\nactlabExercises.mount()</script>"
)
BODY = (
    f"<html data-content_root='x'><head></head><body>{WIDGET}"
    f"<style scoped>.b{{}}</style><style>\n.c{{}}\n</style>{WIDGET}"
    "<script>other()</script></body></html>"
)


def test_styles_in_bodies_become_part_of_the_sites_sheet():
    assert site_light.styles_of([BODY, BODY]) == "\n.a{}\n.c{}"


def test_a_page_keeps_no_style_and_no_script_of_its_exercises(tmp_path):
    names = {"css": "site.css", "js": "site.js"}
    text = BODY.replace("data-content_root='x'", 'data-content_root="./"')
    light = site_light.page(text, tmp_path / "page.html", names)
    assert "<style" not in light
    assert "mount()" not in light
    assert "<script>other()</script>" in light
    assert light.count('data-actlab="ask"') == 2


def test_the_sites_script_knows_every_kind_of_exercise():
    from course.exercises import render

    script = render.site_script()
    for kind in ("number", "choice", "order", "curve"):
        assert f"A.parts.{kind}=" in script
    for kind in ("ask", "predict", "progress"):
        assert f"A.kinds.{kind}=" in script
    assert "mount()</script>" not in script


@pytest.mark.parametrize("tex", [r"\lambda_{\min}", r"x \tag{4.1}", r"x \\ y"])
def test_mathml_holds_nothing_that_the_standard_has_no_room_for(tex):
    import site_math

    for display in (False, True) if "tag" not in tex else (True,):
        found = site_math.formula(tex, display)
        assert "<mtd width" not in found
        assert 'columnspacing=""' not in found
        assert "<mo>\u2061</mo></msub>" not in found


def test_the_themes_own_marking_goes_and_a_new_theme_is_noticed():
    theme = (
        'function I(){const e=()=>{document.querySelectorAll(["pre",".x > .y"]'
        '.join(", ")).forEach(e=>{e.tabIndex=e.scrollWidth>e.clientWidth?0:-1})},t=1}'
    )
    assert site_light.without_scrollers(theme) == "function I(){const e=()=>{},t=1}"
    with pytest.raises(ValueError, match="in 0 places"):
        site_light.without_scrollers("function I(){}")
