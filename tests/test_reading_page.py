"""Previews, keys, progress and reports on the built site: make site-test."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from test_site import AXE, CHAPTERS, EVERY, SITE, Axe, Visit, anchored, sizes

pytestmark = pytest.mark.site

CHAPTER = "chapters/04-relu-family.html"
BOX = "#actlab-preview"


@pytest.fixture(scope="module")
def visit(address, browser):
    """Return a chapter, open; the tests of a page that is not changed share it."""
    with Visit(browser, f"{address}/{CHAPTER}", **sizes(1280)) as opened:
        yield opened


def shown(page, text):
    """Wait until the preview shows a text."""
    page.wait_for_function(
        """text => {
            const box = document.querySelector('#actlab-preview');
            return !box.hidden && box.textContent.includes(text);
        }""",
        arg=text,
    )


def gone(page):
    page.wait_for_function("document.querySelector('#actlab-preview').hidden")


def focus(page, link):
    """Give a link the focus as the keyboard does."""
    link.scroll_into_view_if_needed()
    link.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")


# --- links ------------------------------------------------------------------------


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_links_each_term_once_and_to_where_it_is(page):
    text = (SITE / page).read_text(encoding="utf-8")
    links = re.findall(r'<a class="actlab-term" id="[^"]+" href="\.\./([^"]+)"', text)
    assert 10 <= len(links) <= 70
    assert len(set(links)) == len(links)
    equations = re.findall(r'<a class="actlab-equation" href="([^"]*)#([^"]+)"', text)
    folder = page.rpartition("/")[0]
    links += [
        f"{folder}/{name}#{a}" if name else f"{page}#{a}" for name, a in equations
    ]
    links += re.findall(r'href="\.\./(reference/claims\.html#C-[^"]+)"', text)
    assert not [link for link in links if not anchored(link)]
    assert 'claims.html"><span class="std std-doc">C-' not in text
    head = text.partition("<h2>")[2].partition("<article")[2]
    assert head.count('<details class="actlab-head">') == 1


def test_glossary_and_functions_lead_to_the_first_mention():
    back = 0
    for page in [e for e in EVERY if "/functions/" in e or e.endswith("glossary.html")]:
        text = (SITE / page).read_text(encoding="utf-8")
        for name, anchor in re.findall(
            r'href="(?:\.\./)+(chapters/[^"#]+)#((?:term|function)-[^"]+)"', text
        ):
            assert anchored(f"{name}#{anchor}"), f"{page}: {name}#{anchor}"
            back += 1
    assert back > 140


# --- previews ---------------------------------------------------------------------


def test_a_term_shows_its_preview_to_keyboard_and_pointer(visit):
    page = visit.page
    term = page.locator("a.actlab-term[href*=glossary]:visible").first
    focus(page, term)
    page.wait_for_selector(f"{BOX}:visible")
    assert term.get_attribute("aria-describedby") == "actlab-preview"
    page.keyboard.press("Escape")
    gone(page)
    assert term.get_attribute("aria-describedby") is None
    page.keyboard.press("Shift+Tab")
    term.hover()
    page.wait_for_selector(f"{BOX}:visible")
    page.locator(BOX).hover()
    page.wait_for_timeout(400)  # it stays while the pointer is on it
    assert page.locator(BOX).is_visible()
    page.mouse.move(5, 5)
    gone(page)
    assert not visit.faults


def test_a_function_an_equation_and_a_section_have_previews(visit):
    page = visit.page
    focus(page, page.locator("a.actlab-term[href*=functions]:visible").first)
    page.wait_for_selector(f"{BOX} svg path")
    focus(page, page.locator('a.actlab-equation[href^="#"]:visible').first)
    page.wait_for_selector(f"{BOX} .katex-display")
    focus(page, page.locator('a.actlab-equation[href^="02-"]:visible').first)
    shown(page, "(2.3)")
    page.locator("details.actlab-head summary").click()
    focus(page, page.locator("details.actlab-head a").first)
    shown(page, "Gain in ten minutes")
    violations = Axe().run(page, options=AXE).response["violations"]
    assert not violations
    page.keyboard.press("Escape")
    gone(page)
    assert not visit.faults


def test_previews_work_from_a_file(browser):
    with Visit(browser, (SITE / CHAPTER).as_uri(), **sizes(390)) as visit:
        focus(visit.page, visit.page.locator("a.actlab-term:visible").first)
        box = visit.page.locator(f"{BOX}:visible")
        box.wait_for()
        place = box.bounding_box()
        assert place["x"] >= 0 and place["x"] + place["width"] <= 390
        assert not visit.faults


# --- keys -------------------------------------------------------------------------


def test_keys_do_what_the_list_says(address, browser):
    with Visit(browser, f"{address}/{CHAPTER}", **sizes(1280)) as visit:
        page = visit.page
        page.keyboard.press("?")
        dialog = page.locator("dialog.actlab-help")
        dialog.wait_for()
        assert not Axe().run(page, options=AXE).response["violations"]
        page.keyboard.press("n")  # the list is open: nothing else happens
        page.keyboard.press("Escape")
        page.wait_for_function("!document.querySelector('dialog[open]')")
        assert page.url.endswith(CHAPTER)
        page.keyboard.press("j")
        page.wait_for_function("location.hash !== ''")
        theme = "document.documentElement.dataset.mode"
        before = page.evaluate(theme)
        page.keyboard.press("d")
        page.wait_for_function(f"{theme} !== '{before}'")
        page.keyboard.press("/")
        field = page.locator("#pst-search-dialog input")
        field.wait_for()
        field.press_sequentially("np?")  # typing is typing
        assert field.input_value() == "np?"
        page.keyboard.press("Escape")
        page.wait_for_function("!document.querySelector('dialog[open]')")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("n")
        page.wait_for_url("**/05-smooth-self-gated.html")
        page.keyboard.press("p")
        page.wait_for_url("**/04-relu-family.html")
        page.keyboard.press("c")
        page.wait_for_url("**/catalogue.html")
        page.get_by_role("searchbox", name="Name").press_sequentially("glu")
        assert page.url.split("#")[0].endswith("catalogue.html")
        assert not visit.faults


def test_keys_can_be_switched_off(address, browser):
    with Visit(browser, f"{address}/{CHAPTER}", **sizes(1280)) as visit:
        page = visit.page
        page.get_by_role("button", name="Keyboard shortcuts").click()
        page.locator("dialog.actlab-help input").uncheck()
        page.get_by_role("button", name="Close").click()
        page.reload()
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("c")
        page.keyboard.press("?")
        page.locator("dialog.actlab-help").wait_for()
        assert page.url.endswith(CHAPTER)
        assert not page.locator("dialog.actlab-help input").is_checked()


# --- progress ---------------------------------------------------------------------

ANSWERS = """() => {
    const right = { answer: { value: 0.5 }, status: "right", tries: 1 };
    localStorage.setItem("actlab.ask.4.1", JSON.stringify(right));
    localStorage.setItem("actlab.predict.10.A", JSON.stringify({ accuracy: "µ 3" }));
    localStorage.setItem("actlab.ask.other", "nonsense");
}"""


def test_progress_is_shown_exported_erased_and_imported(address, browser):
    with Visit(browser, f"{address}/reference/glossary.html", **sizes(1280)) as visit:
        page = visit.page
        page.evaluate(ANSWERS)
        page.reload()
        summary = page.locator(".actlab-mine summary")
        assert "Your progress: 2 of " in summary.text_content()
        marks = page.locator("#pst-primary-sidebar .actlab-done")
        assert marks.count() == 2
        assert re.fullmatch(r"1/\d+, 1 of \d+ answered", marks.first.text_content())
        summary.click()
        field = page.locator(".actlab-mine input")
        page.get_by_role("button", name="Export").click()
        page.wait_for_function(
            "document.querySelector('.actlab-mine input').value.startsWith('actlab1.')"
        )
        code = field.input_value()
        for _ in range(2):
            page.get_by_role("button", name="Erase").click()
        page.wait_for_function(
            "document.querySelector('.actlab-mine summary').textContent"
            ".includes(': 0 of')"
        )
        kept = "Object.keys(localStorage).filter(k => /^actlab.(ask|predict)/.test(k))"
        assert page.evaluate(kept) == []
        field.fill(code)
        page.get_by_role("button", name="Import").click()
        status = page.locator(".actlab-mine [role=status]")
        page.wait_for_function(
            "document.querySelector('.actlab-mine [role=status]').textContent"
            ".startsWith('2 answers imported')"
        )
        assert page.evaluate("localStorage['actlab.predict.10.A']").count("µ 3") == 1
        field.fill(code[:-1] + "x")
        page.get_by_role("button", name="Import").click()
        page.wait_for_function(
            "document.querySelector('.actlab-mine [role=status]').textContent"
            ".includes('incomplete')"
        )
        assert status.is_visible()
        assert not visit.faults


# --- reports ----------------------------------------------------------------------


def test_a_heading_opens_a_filled_in_report_where_the_repository_is_known(
    address, browser
):
    with Visit(browser, "about:blank", **sizes(1280)) as visit:
        page = visit.page
        known = (
            '<meta name="actlab-repository" content="https://github.com/owner/course">'
            '<meta name="actlab-page" content="04 · What does a kink buy?">'
        )

        def with_repository(route):
            text = route.fetch().text()
            text = re.sub(r'<meta name="actlab-(?:repository|page)"[^>]*>', "", text)
            route.fulfill(
                body=text.replace("</head>", f"{known}</head>"),
                content_type="text/html",
            )

        page.route("**/04-relu-family.html", with_repository)
        page.goto(f"{address}/{CHAPTER}")
        link = page.locator("#at-the-kink-itself > h2 > a.actlab-feedback")
        link.focus()
        assert (
            link.get_attribute("aria-label")
            == "Report a mistake in: At the kink itself"
        )
        place = urlsplit(link.get_attribute("href"))
        assert f"{place.netloc}{place.path}" == "github.com/owner/course/issues/new"
        asked = {key: value[0] for key, value in parse_qs(place.query).items()}
        assert asked["template"] == "chapter.yml"
        assert asked["heading"] == "At the kink itself"
        assert asked["page"] == "04 · What does a kink buy?"
        assert not Axe().run(page, options=AXE).response["violations"]


def test_without_a_repository_there_is_no_report(visit):
    metas = visit.page.locator("meta[name=actlab-repository]")
    assert (visit.page.locator("a.actlab-feedback").count() > 0) == (metas.count() > 0)
    for meta in metas.all():
        assert "executablebooks" not in meta.get_attribute("content")
