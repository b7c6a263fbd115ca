"""The built site in a real browser: make site-test, which builds it first.

Pages are served on localhost and opened in an installed Chromium. Where there is none
these tests fail: a site that nobody has looked at is not tested. ``CHROMIUM`` names
the program if it is not on the path.
"""

from __future__ import annotations

import functools
import gzip
import io
import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error
from pypdf import PdfReader

import pdf

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if "http-equiv" not in path.read_text(encoding="utf-8")[:200]  # the redirect
)
# Where it takes long these stand for all pages of functions, which are made alike.
EVERY, SAMPLE = PAGES, ("gelu", "sine", "sparsemax", "softmax")
PAGES = [
    page
    for page in EVERY
    if "/functions/" not in page or page.endswith(tuple(f"/{s}.html" for s in SAMPLE))
]
CHAPTERS = [page for page in PAGES if page.startswith("chapters/")]
LIGHT_PAGES = [
    "lab.html",
    "reference/catalogue.html",
    "reference/claims.html",
    *CHAPTERS,
]
SCHEMES = ("light", "dark")
WIDTHS = (320, 390, 1280)  # the narrowest that is in use first: pages open so
AXE = {"resultTypes": ["violations"], "preload": False}
# Four fifths of axe's time on a chapter: these depend on colours and sizes of text. No
# other rule depends on whether the page is light or dark.
COLOURS = ["color-contrast", "link-in-text-block"]
MANY = 30_000  # elements


class Visit:
    """A page that keeps account of what went wrong on it."""

    def __init__(self, browser, url, **settings):
        self.faults: list[str] = []
        self.context = browser.new_context(reduced_motion="reduce", **settings)
        self.context.set_default_timeout(15_000)
        self.page = self.context.new_page()
        self.own = url.split("/")[2] if url.startswith("http") else ""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", self._request)
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._response)
        self.page.goto(url)
        self.settle()

    def settle(self):
        """Wait until scripts have run and fonts are there."""
        self.page.evaluate("document.fonts.ready.then(() => true)")

    def _console(self, message):
        if message.type in {"error", "warning"}:
            self.faults.append(f"console {message.type}: {message.text}")

    def _request(self, request):
        schemes = ("data:", "blob:", "file:")
        if not request.url.startswith((f"http://{self.own}/", *schemes)):
            self.faults.append(f"another host: {request.url}")

    def _failed(self, request):
        # What a page breaks off as it is left has not failed.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"failed: {request.url}")

    def _response(self, response):
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url}")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.context.close()


def sizes(width):
    return {"viewport": {"width": width, "height": 900}}


def test_the_site_is_built():
    assert "intro.html" in PAGES, "run make book first"
    assert CHAPTERS


def test_the_redirect_is_a_whole_document():
    text = (SITE / "index.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "<title>" in text
    assert 'url=intro.html"' in text


# --- every page --------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_page(page, address, browser):
    """No error, no other host, no axe violation, no sideways scrolling, math set."""
    found = []
    with Visit(browser, f"{address}/{page}", **sizes(WIDTHS[0])) as visit:
        wake(visit)
        for scheme, width in itertools.product(SCHEMES, WIDTHS):
            visit.page.set_viewport_size({"width": width, "height": 900})
            visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            theme = "document.documentElement.dataset.theme"
            visit.page.wait_for_function(f"{theme} === '{scheme}'")
            faults = [*violations_here(visit, scheme, width), *layout_faults(visit)]
            found += [f"{scheme}, {width} px: {text}" for text in faults]
        found += visit.faults
    assert not found, "\n" + "\n".join(found)


def wake(visit):
    """Start all that waits to come near, and lay out every section, by a key."""
    visit.page.keyboard.press("Shift")
    visit.page.wait_for_function("!document.querySelector('[data-ready=later]')")
    swift = "!document.documentElement.classList.contains('actlab-swift')"
    visit.page.wait_for_function(swift)
    visit.settle()


# Marks what looks as it looked at no width before: an element that was not shown, or
# had other colours, another size of text or another background behind it. What is in
# it is looked at with it. `once`: of what has text and looks alike, the first alone.
NEW_LOOKS = """once => {
    const seen = window.looksSeen ??= new WeakMap();
    const all = window.looksAll ??= new Set();
    const hasText = element => [...element.childNodes].some(
        node => node.nodeType === Node.TEXT_NODE && node.data.trim());
    const ids = window.looksIds ??= new Map();
    const id = text => ids.get(text) ?? (ids.set(text, ids.size), ids.size - 1);
    const behind = new Map(), marked = new Set();
    let count = 0;
    for (const element of document.body.querySelectorAll("*")) {
        const style = getComputedStyle(element), parent = element.parentElement;
        const ground = id([behind.get(parent), style.display, style.visibility,
            style.opacity, style.position, style.backgroundColor,
            style.backgroundImage].join());
        behind.set(element, ground);
        const look = id(["text", ground, style.color, style.fontSize,
            style.fontWeight, style.textDecorationLine].join());
        const before = once ? all : seen.get(element) ?? new Set();
        const fresh = !before.has(look) && (!once || hasText(element));
        if (fresh) seen.set(element, before.add(look));
        if (fresh || marked.has(parent)) marked.add(element);
        const first = fresh && !marked.has(parent);
        element.toggleAttribute("data-new-look", first);
        count += first;
    }
    return count;
}"""


def violations_here(visit, scheme, width):
    """Return what axe says of one state that it did not say of an earlier one.

    All rules run at the first width. At the others the rules about colours look at
    what is new there; in the dark they are the only ones. On a page of so many elements
    that colours take minutes they look at one element of each look.
    """
    light = scheme == SCHEMES[0]
    many = visit.page.evaluate("document.querySelectorAll('*').length") > MANY
    only = {"runOnly": {"type": "rule", "values": COLOURS}}
    if width == WIDTHS[0] and not many:
        visit.page.evaluate(NEW_LOOKS, False)
        return violations(visit, **({} if light else only))
    found = []
    if light:
        without = {name: {"enabled": False} for name in COLOURS}
        found += violations(visit, rules=without)
    while visit.page.evaluate(NEW_LOOKS, many):
        try:
            return found + violations(visit, {"include": ["[data-new-look]"]}, **only)
        except Error as error:  # drawn anew meanwhile, as the lab does
            if "No elements found for include" not in str(error):
                raise
    return found


def violations(visit, context=None, **options):
    """Return axe's violations in the page, or in a part of it."""
    found = []
    answer = Axe().run(visit.page, context=context, options=AXE | options).response
    for violation in answer["violations"]:
        for node in violation["nodes"]:
            reason = (node["any"] or node["all"] or node["none"])[0]["message"]
            found.append(f"axe {violation['id']}: {node['html'][:200]} ({reason})")
    return found


def problems(visit):
    """Return all that axe and the layout say of the page as it is."""
    return [*violations(visit), *layout_faults(visit)]


def layout_faults(visit):
    """Return what lies outside of the page, was not loaded, or is not typeset."""
    found = []
    overflow = visit.page.evaluate(
        "document.documentElement.scrollWidth - window.innerWidth"
    )
    if overflow > 0:
        found.append(f"the page scrolls sideways by {overflow} px")
    found += visit.page.evaluate(
        """() => [...document.images]
            .filter(i => i.complete && !i.naturalWidth && i.offsetParent)
            .map(i => "image not loaded: " + i.src)"""
    )
    found += visit.page.evaluate(
        """() => [...document.querySelectorAll('.math')]
            .filter(m => !m.querySelector('.katex-html'))
            .map(m => "formula not typeset: " + m.textContent.slice(0, 60))"""
    )
    return found


@pytest.mark.parametrize("page", EVERY)
def test_links_and_ids(page):
    """Each link to a page or a file of the site leads somewhere; no id stands twice."""
    text = (SITE / page).read_text(encoding="utf-8")
    # Hidden until make pdf has written the file.
    text = re.sub(r"<p class=\"actlab-pdf\" hidden>.*?</p>", "", text, flags=re.DOTALL)
    found = []
    for target in re.findall(r"(?:href|src)=\"([^\"#?]+)", text):
        if re.match(r"[a-z]+:|//", target):
            continue
        if not (SITE / page).parent.joinpath(target).resolve().exists():
            found.append(f"{target} leads nowhere")
    ids = re.findall(
        r"<[^>]*\sid=\"([^\"]+)\"", re.sub(r"<script.*?</script>", "", text)
    )
    found += [f"id {name} stands twice" for name in set(ids) if ids.count(name) > 1]
    assert not found, "\n" + "\n".join(sorted(set(found)))


@pytest.mark.parametrize("page", EVERY)
def test_head(page):
    text = (SITE / page).read_text(encoding="utf-8")
    head = text.partition("</head>")[0]
    assert head.count('name="viewport"') == 1
    assert 'rel="icon"' in head
    assert '<meta name="description" content="' in head
    assert 'property="og:site_name"' in head
    assert "THEBE_JS_URL" not in text
    for button in re.findall(r"<button class=\"btn search-button-field[^>]*>", text):
        assert "aria-label" not in button, "its name is what stands on it"
    assert "fontawesome.js" not in text
    loading = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", text)
    outside = [
        tag
        for tag in loading
        if re.search(r"(?:src|href)=\"(?:https?:)?//", tag) and "canonical" not in tag
    ]
    assert not outside


BUDGETS = {"intro.html": 160, "reference/catalogue.html": 320, "search.html": 160}
# Which of a page's classes make the browser load which font of KaTeX.
MATH_FONTS = {
    "katex": ("Main-Regular", "Math-Italic"),
    "mathbf": ("Main-Bold",),
    "mathit": ("Main-Italic",),
    "amsrm": ("AMS-Regular",),
    "mathbb": ("AMS-Regular",),
    "mathcal": ("Caligraphic-Regular",),
    "size1": ("Size1-Regular",),
    "size2": ("Size2-Regular",),
    "size3": ("Size3-Regular",),
    "size4": ("Size4-Regular",),
}


@pytest.mark.parametrize("page", ["intro.html", "search.html", *LIGHT_PAGES])
def test_pages_are_light(page):
    """What a page loads before it is touched, as it is sent, in KB.

    Figures load when they come near; benchmarks/site.py measures those of the first
    screen as well.
    """
    text = (SITE / page).read_text(encoding="utf-8")
    files = [SITE / "_static" / name for name in ("site.css", "site.js")]
    bytes_sent = sum(len(gzip.compress(p.read_bytes())) for p in [SITE / page, *files])
    fonts = {
        font
        for name, needed in MATH_FONTS.items()
        if re.search(rf'class="[^"]*\b{name}\b', text)
        for font in needed
    }
    folder = SITE / "_static" / "katex" / "fonts"
    bytes_sent += sum((folder / f"KaTeX_{f}.woff2").stat().st_size for f in fonts)
    icons = SITE / "_static" / "vendor/fontawesome/webfonts"
    bytes_sent += sum(path.stat().st_size for path in icons.iterdir())
    images = re.findall(r"<img\b[^>]*_images/[^>]*>", text)
    assert all('loading="lazy"' in image and "width=" in image for image in images)
    assert bytes_sent / 1024 < BUDGETS.get(page, 400)


@pytest.mark.parametrize("page", EVERY)
def test_one_style_sheet_and_no_script_stop_the_first_paint(page):
    head = (SITE / page).read_text(encoding="utf-8").partition("</head>")[0]
    assert head.count('rel="stylesheet"') == 1
    scripts = re.findall(r"<script\b[^>]*\bsrc=[^>]*>", head)
    assert scripts
    assert all("defer" in script for script in scripts)


@pytest.mark.parametrize("page", CHAPTERS)
def test_links_that_name_a_section_lead_to_it(page):
    """No "chapter 02, *Gain in ten minutes*" whose section exists stays without it."""
    import site_links

    text = (SITE / page).read_text(encoding="utf-8")
    known = {
        Path(name).name: site_links.sections((SITE / name).read_text(encoding="utf-8"))
        for name in CHAPTERS
    }
    assert site_links.deepen(text, known) == text
    for target, anchor in re.findall(r'href="(\d\d-[^"#]+\.html)#([^"]+)"', text):
        assert anchored(f"chapters/{target}#{anchor}"), f"{target}#{anchor}"


# What the newest checker says and we let stand: words of its message, and why.
MAY_STAND = {
    "Trailing slash on void elements": "Sphinx and docutils write <img />: no effect",
    "as a top-level heading only": "Sphinx puts <h1> into a section; one a page",
    "Article lacks heading": "its heading is that <h1>, in the section",
    "Private Use Area": "KaTeX draws the stroke of a struck-out sign from there",
}


def checker():
    """Return the command that runs the Nu checker; skip where it is not there."""
    java, jar = shutil.which("java"), os.environ.get("VNU_JAR", "")
    if not java:
        pytest.skip("the HTML checker needs Java")
    if not jar:
        pytest.skip("VNU_JAR names no vnu.jar (npm pack vnu-jar brings the newest)")
    assert Path(jar).is_file(), f"VNU_JAR names {jar}, which is no file"
    return [java, "-Xss4m", "-jar", jar, "--format", "json", "--exit-zero-always"]


def test_html_is_valid():
    command = [*checker(), *(str(SITE / page) for page in [*PAGES, "index.html"])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    messages = json.loads(done.stderr)["messages"]
    assert messages, "not even a trailing slash: was anything read?"
    found = {
        f"{Path(each['url']).name}: {each['message']}: {each.get('extract', '')}"
        for each in messages
        if not any(words in each["message"] for words in MAY_STAND)
    }
    assert not found, "\n" + "\n".join(sorted(found))


# --- what comes near ----------------------------------------------------------------


def test_exercises_sleep_until_they_come_near_or_a_key_is_pressed(address, browser):
    sleeping = "document.querySelectorAll('[data-ready=later]').length"
    with Visit(browser, f"{address}/{CHAPTERS[3]}", **sizes(1280)) as visit:
        page = visit.page
        asleep = page.evaluate(sleeping)
        assert asleep > 5
        last = page.locator("[data-ready=later]").last
        assert last.locator("button:visible").count(), (
            "it moves what follows as it wakes"
        )
        assert last.locator("button").first.is_disabled()
        name = last.get_attribute("id")
        page.locator(f"#{name}").scroll_into_view_if_needed()
        page.wait_for_function(  # what stands above it may still get its height
            """name => {
                const box = document.getElementById(name);
                box.scrollIntoView();
                return box.dataset.ready === "1";
            }""",
            arg=name,
        )
        assert page.locator(f"#{name} button").first.is_enabled()
        page.wait_for_function(f"{sleeping} === 0")  # soon after the first scroll
        assert not visit.faults
    with Visit(browser, f"{address}/{CHAPTERS[3]}", **sizes(1280)) as visit:
        assert visit.page.evaluate(sleeping) > 5
        visit.page.keyboard.press("Tab")
        visit.page.wait_for_function(f"{sleeping} === 0")
        assert not visit.faults


def test_a_link_into_a_chapter_leads_to_its_place(address, browser):
    """From outside, by a click and by a key, though sections are laid out late."""
    anchor = "interview-questions"
    near = f"""() => {{
        const {{ top }} = document.getElementById("{anchor}").getBoundingClientRect();
        return Math.abs(top) < innerHeight / 4;
    }}"""
    url = f"{address}/{CHAPTERS[3]}"
    with Visit(browser, f"{url}#{anchor}", **sizes(390)) as visit:
        visit.page.wait_for_function(near)
    for how in ("click", "key"):
        with Visit(browser, url, **sizes(1280)) as visit:
            swift = "document.documentElement.classList.contains('actlab-swift')"
            assert visit.page.evaluate(swift)
            link = visit.page.locator(f'.bd-toc a[href="#{anchor}"]')
            if how == "click":
                link.click()
            else:
                link.focus()
                visit.page.keyboard.press("Enter")
            visit.page.wait_for_function(near)
            visit.page.wait_for_timeout(500)
            assert visit.page.evaluate(near)
            assert not visit.page.evaluate(swift)


def test_the_first_picture_learns_and_follows_the_choice(address, browser):
    with Visit(browser, f"{address}/intro.html", **sizes(1280)) as visit:
        canvas = visit.page.locator("#actlab-live")
        buttons = visit.page.locator(".actlab-choices")
        buttons.wait_for()
        first = picture(visit.page, canvas)
        buttons.get_by_role("button", name="sine").click()
        picture(visit.page, canvas, other_than=first)
        assert not visit.faults


def picture(page, canvas, other_than=b""):
    """Return what a canvas shows once it is neither empty nor the given picture."""
    for _ in range(120):
        shown = canvas.screenshot()
        if shown != other_than and len(shown) > 10_000:
            return shown
        page.wait_for_timeout(250)
    raise AssertionError("the picture stays empty, or the same")


# --- search, math, files -----------------------------------------------------------

QUERIES = yaml.safe_load((ROOT / "tests" / "search_queries.yml").read_text("utf-8"))
MAY_FAIL = 3  # of the queries


def leads_to(address, place, wanted):
    """Say whether a result leads where it must: to the page, or to the very section."""
    return address == wanted or place == wanted or address.split("#")[0] == wanted


def test_search_puts_the_right_page_first(address, browser):
    """The first result, or the first section of it, is what the table asks for."""
    assert len(QUERIES) >= 60
    wrong, dead = [], []
    with Visit(browser, f"{address}/search.html") as visit:
        for row in QUERIES:
            found = visit.page.evaluate("query => actlabSearch(query, 3)", row["query"])
            first = next(iter(found["list"]), {"address": "", "parts": []})
            place = first["parts"][0]["address"] if first["parts"] else ""
            if not any(
                leads_to(first["address"], place, wanted) for wanted in row["first"]
            ):
                wrong.append(f"{row['query']}: {first['address'] or 'nothing'} {place}")
            for result in found["list"]:
                places = [part["address"] for part in result["parts"]]
                dead += [p for p in [result["address"], *places] if not anchored(p)]
        assert not visit.faults
    assert len(wrong) <= MAY_FAIL, "\n" + "\n".join(wrong)
    assert not dead, f"results that lead nowhere: {sorted(set(dead))}"


FRESH = yaml.safe_load((ROOT / "tests" / "search_fresh.yml").read_text("utf-8"))
FOUND_AT_LEAST = 48  # of them


def test_search_finds_what_it_was_not_tuned_for(address, browser):
    found = 0
    with Visit(browser, f"{address}/search.html") as visit:
        for row in FRESH:
            results = visit.page.evaluate(
                "query => actlabSearch(query, 1)", row["query"]
            )
            first = next(iter(results["list"]), {"address": "", "parts": []})
            place = first["parts"][0]["address"] if first["parts"] else ""
            found += any(leads_to(first["address"], place, w) for w in row["first"])
        assert not visit.faults
    assert found >= FOUND_AT_LEAST, f"{found} of {len(FRESH)}"


@functools.cache
def anchors(page):
    """Return the ids of a page."""
    text = (SITE / page).read_text(encoding="utf-8")
    return set(re.findall(r"\bid=\"([^\"]+)\"", text))


def anchored(place):
    """Say whether a page has the anchor that an address names."""
    page, _, anchor = place.partition("#")
    return (SITE / page).is_file() and (not anchor or anchor in anchors(page))


def test_the_table_of_queries_names_places_that_exist():
    wanted = {place for row in [*QUERIES, *FRESH] for place in row["first"]}
    assert not [place for place in wanted if not anchored(place)]


def test_every_topic_belongs_to_a_page_or_section():
    topics = yaml.safe_load((ROOT / "reference" / "search.yml").read_text("utf-8"))
    places = [
        name.replace("#", ".html#") if "#" in name else f"{name}.html"
        for name in topics
    ]
    assert not [place for place in places if not anchored(place)]


def test_search_shows_results_with_excerpts_and_sections(address, browser):
    with Visit(browser, f"{address}/search.html?q=dying+relu") as visit:
        first = visit.page.locator("#search-results li").first
        first.wait_for()
        assert "result" in visit.page.locator("#search-status").text_content()
        assert first.locator("mark").count()
        text = visit.page.locator("#search-results").text_content()
        assert "⟦" not in text
        assert "⟧" not in text
        visit.page.locator(".actlab-places a").first.click()
        visit.page.wait_for_url(re.compile(r"/chapters/.*\.html#"))
        assert not visit.faults


def test_search_from_a_file(browser):
    with Visit(browser, (SITE / "search.html").as_uri() + "?q=sigmoid") as visit:
        visit.page.locator("#search-results li a").first.wait_for()
        assert not [fault for fault in visit.faults if "error" in fault]


@pytest.mark.parametrize("page", EVERY)
def test_only_the_search_page_loads_an_index(page):
    text = (SITE / page).read_text(encoding="utf-8")
    assert not re.search(r"src=\"[^\"]*search(?:index|tools)\.js", text)
    assert ("_static/search.js" in text) == (page == "search.html")


def test_one_search_field_opens_by_keyboard(address, browser):
    with Visit(browser, f"{address}/{CHAPTERS[0]}", **sizes(1280)) as visit:
        visible = "#pst-primary-sidebar .search-button-field:visible"
        assert visit.page.locator(visible).count() == 1
        assert visit.page.locator(".search-button-field:visible").count() == 1
        visit.page.keyboard.press("Control+k")
        visit.page.locator("#pst-search-dialog input").fill("sigmoid")
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_selector("#search-results li a")


@pytest.mark.parametrize("page", ["intro.html", *CHAPTERS])
def test_page_opens_from_a_file(page, browser):
    with Visit(browser, (SITE / page).as_uri()) as visit:
        assert not visit.faults
        if visit.page.locator(".math").count():
            shown = visit.page.locator(".katex:visible").first  # not a folded one
            assert shown.bounding_box()["width"] > 5


def test_math_uses_the_sites_own_fonts(address, browser):
    with Visit(browser, f"{address}/{CHAPTERS[0]}") as visit:
        inline = visit.page.locator("p .katex-html").first
        display = visit.page.locator(".katex-display .katex-html").first
        for formula in (inline, display):
            box = formula.bounding_box()
            assert box["width"] > 5
            assert box["height"] > 5
        fonts = visit.page.evaluate(
            "performance.getEntriesByType('resource').map(e => e.name)"
            ".filter(n => n.includes('KaTeX') && n.endsWith('.woff2'))"
        )
        assert fonts
        assert all(name.startswith(address) for name in fonts)


@pytest.mark.parametrize("page", EVERY)
def test_every_formula_is_readable_without_its_picture(page):
    """No source of a formula is left as text, and each has its MathML."""
    text = (SITE / page).read_text(encoding="utf-8")
    shown = re.sub(
        r"<(script|pre|annotation|code)\b.*?</\1>", "", text, flags=re.DOTALL
    )
    assert not re.search(r"\\[(\[]", shown)
    # In the previews' data, quotes are written with a backslash.
    pictures = re.findall(r'class=\\?"katex-html\\?"', text)
    assert len(pictures) == text.count("<math xmlns=")


def test_the_colour_mode_can_be_switched(address, browser):
    with Visit(browser, f"{address}/intro.html", **sizes(1280)) as visit:
        theme = "document.documentElement.dataset.theme"
        seen = {visit.page.evaluate(theme)}
        for _ in range(3):
            visit.page.locator(".theme-switch-button:visible").first.click()
            seen.add(visit.page.evaluate(theme))
            icons = visit.page.locator("i.theme-switch:visible").count()
            assert icons == 1
        assert seen == {"light", "dark"}


# --- explorers ---------------------------------------------------------------------


def explorer_page(address, browser):
    for page in [*CHAPTERS, *PAGES]:
        text = (SITE / page).read_text(encoding="utf-8")
        if 'class="ax-slider"' in text:
            return Visit(browser, f"{address}/{page}", **sizes(1280))
    raise AssertionError("no explorer with a slider on any page")


def test_the_slider_moves_the_curve(address, browser):
    with explorer_page(address, browser) as visit:
        explorer = visit.page.locator(".actlab-explorer:has(.ax-slider)").first
        explorer.scroll_into_view_if_needed()
        value, slope = explorer.locator(".ax-value"), explorer.locator(".ax-slope")
        visit.page.locator(".actlab-explorer.ax-on").first.wait_for()
        before = value.get_attribute("d"), slope.get_attribute("d")
        slider = explorer.locator(".ax-slider").first
        slider.focus()
        slider.press("Home")
        assert value.get_attribute("d") != before[0]
        slider.press("End")
        after = value.get_attribute("d"), slope.get_attribute("d")
        assert after[0] != before[0]
        assert after[1] != before[1]
        assert slider.get_attribute("aria-valuetext")
        assert not visit.faults


def test_the_atlas_keeps_what_was_picked_in_its_address(address, browser):
    with Visit(browser, f"{address}/reference/atlas.html") as visit:
        page = visit.page
        page.get_by_label("Function", exact=True).fill("mish")
        page.get_by_role("button", name="add", exact=True).click()
        legend = page.locator(".at-legend").inner_text()
        assert "Mish" in legend and "ReLU" in legend
        page.get_by_role("button", name="remove Sigmoid, PyTorch's start").click()
        told = page.locator("#atlas-app p[role=status]").last.inner_text()
        shared = page.url
        assert "mish.default" in shared and "sigmoid" not in shared
        assert "of 6 pairs" in told and not visit.faults
    with Visit(browser, shared) as other:
        page = other.page
        assert page.locator("#atlas-app p[role=status]").last.inner_text() == told
        page.get_by_role("button", name="all", exact=True).click()
        assert "pairs" in page.locator("#atlas-app p[role=status]").last.inner_text()
        page.get_by_role("button", name="none", exact=True).click()
        assert not other.faults


def test_the_probe_moves_by_keyboard_and_by_pointer(address, browser):
    with explorer_page(address, browser) as visit:
        explorer = visit.page.locator(".actlab-explorer").first
        explorer.scroll_into_view_if_needed()
        probe, reading = explorer.locator(".ax-probe"), explorer.locator(".ax-x")
        visit.page.locator(".actlab-explorer.ax-on").first.wait_for()
        probe.focus()
        before = reading.text_content()
        probe.press("ArrowRight")
        moved = reading.text_content()
        assert moved != before
        box = explorer.locator(".ax-plot").bounding_box()
        visit.page.mouse.click(
            box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"]
        )
        assert reading.text_content() != moved


def test_explorers_show_a_curve_without_javascript(address, browser):
    text = (SITE / CHAPTERS[0]).read_text(encoding="utf-8")
    pages = [CHAPTERS[0]] if "actlab-explorer" in text else PAGES
    for page in pages:
        if "actlab-explorer" not in (SITE / page).read_text(encoding="utf-8"):
            continue
        with Visit(browser, f"{address}/{page}", java_script_enabled=False) as visit:
            curve = visit.page.locator(".ax-value").first
            assert len(curve.get_attribute("d")) > 100
        return
    raise AssertionError("no explorer on any page")


# --- predictions -------------------------------------------------------------------


def predictions(page):
    text = (SITE / page).read_text(encoding="utf-8")
    return re.findall(r'id="actlab-predict-([\w-]+)" data-actlab="predict"', text)


def test_there_are_predictions_with_hidden_results():
    for page in CHAPTERS:
        text = (SITE / page).read_text(encoding="utf-8")
        assert predictions(page), f"{page} asks for no prediction"
        assert 'class="actlab-reveal"' in text, f"{page} hides no result"


def guarded(visit, name):
    return visit.page.locator(f'.actlab-reveal[data-reveal="{name.replace("-", ".")}"]')


def answer_prediction(box):
    """Answer a prediction as a reader does, with some valid answer."""
    part = box.locator("[data-part]").first
    if part.locator("input[type=radio]").count():
        part.locator("input[type=radio]").first.check()
    elif part.locator(".points input").count():
        for field in part.locator(".points input").all():
            field.fill("1")
    elif part.locator("input").count():
        part.locator("input").first.fill("1")


@pytest.mark.parametrize("page", ["intro.html", *CHAPTERS])
def test_predict_hides_until_commit_and_shows_afterwards(page, address, browser):
    """One after the other, as a reader does; no answer shows another's result."""
    names = predictions(page)
    with Visit(browser, f"{address}/{page}", **sizes(1280)) as visit:
        wake(visit)
        for name in names:
            box = visit.page.locator(f"#actlab-predict-{name}")
            box.scroll_into_view_if_needed()
            area = box.locator("[data-reveal-here]")
            hidden = guarded(visit, name)
            for part in hidden.all():
                assert not part.is_visible(), f"{name}: the result shows too early"
            assert not area.is_visible()
            answer_prediction(box)
            box.get_by_role("button", name="Commit").click()
            assert area.is_visible(), (
                f"{name}: {box.locator('[role=status]').text_content()}"
            )
            assert "Measured" in area.text_content() or box.locator("svg").count()
            for part in hidden.all():
                assert part.is_visible(), f"{name}: hidden after the commitment"
            focused = visit.page.evaluate(
                "document.activeElement.hasAttribute('data-reveal-here')"
                " && document.activeElement.closest('[id^=actlab-predict-]').id"
            )
            assert focused == f"actlab-predict-{name}", (
                "the focus must go to the reveal"
            )
        visit.page.reload()
        for name in names:
            for part in guarded(visit, name).all():
                assert part.is_visible(), f"{name}: hidden again after a reload"
        assert not visit.faults


@pytest.mark.parametrize("page", ["intro.html", *CHAPTERS])
def test_predict_shows_on_request(page, address, browser):
    with Visit(browser, f"{address}/{page}", **sizes(390)) as visit:
        wake(visit)
        for name in predictions(page):
            box = visit.page.locator(f"#actlab-predict-{name}")
            box.scroll_into_view_if_needed()
            box.get_by_role("button", name="Show me").click()
            assert box.locator("[data-reveal-here]").is_visible()
            for part in guarded(visit, name).all():
                assert part.is_visible()


@pytest.mark.parametrize("page", CHAPTERS)
def test_everything_shows_without_javascript(page, address, browser):
    with Visit(browser, f"{address}/{page}", java_script_enabled=False) as visit:
        hidden = visit.page.locator(".actlab-reveal")
        assert hidden.count()
        for part in hidden.all():
            assert part.is_visible()
        for details in visit.page.locator("details[data-solution]").all():
            details.locator("summary").click()
            assert details.locator("p, pre, div").first.is_visible()


# --- exercises ---------------------------------------------------------------------


def page_exercises(page):
    """Return the page exercises of a chapter, from the package."""
    from course.exercises import core
    from course.exercises.model import Page

    number = int(Path(page).name[:2]) if page.startswith("chapters/") else 0
    return [e for e in core.chapter(number).exercises if isinstance(e, Page)]


def fill(box, exercise, answer):
    """Give an answer by the means that a reader has."""
    for index, part in enumerate(exercise.parts):
        place = box.locator("[data-part]").nth(index)
        value = answer[part.name]
        kind = type(part).__name__
        if kind == "Number":
            place.locator("input").first.fill(str(value))
        elif kind == "Choice":
            options = list(part.options)
            at = options.index(value) if isinstance(value, str) else int(value)
            place.locator("input").nth(at).check()
        else:
            items = list(part.items)
            wanted = [items.index(v) if isinstance(v, str) else int(v) for v in value]
            for position, item in enumerate(wanted):
                mover = place.locator(f'li[data-at="{item}"]')
                for _ in items:
                    shown = place.locator("li").evaluate_all(
                        "all => all.map(item => +item.dataset.at)"
                    )
                    if shown.index(item) == position:
                        break
                    mover.locator('button[data-by="-1"]').click()


@pytest.mark.parametrize("page", ["intro.html", *CHAPTERS])
def test_ask_replies_to_right_and_to_each_misconception(page, address, browser):
    """What the page says is what the package's own judge says."""
    from course.exercises import grading, validation

    exercises = page_exercises(page)
    assert exercises
    with Visit(browser, f"{address}/{page}", **sizes(1280)) as visit:
        for exercise in exercises:
            box = visit.page.locator(f"#actlab-ask-{exercise.id.replace('.', '-')}")
            assert box.count() == 1, f"{exercise.id} is not on {page}"
            box.scroll_into_view_if_needed()
            answers = [validation.answer_for(exercise, w) for w in exercise.wrong]
            assert len(answers) >= 3, f"{exercise.id}: fewer than three misconceptions"
            for answer in [*answers, validation.right_answer(exercise)]:
                again = box.locator("[data-again]")
                if again.is_visible():
                    again.click()
                fill(box, exercise, answer)
                box.get_by_role("button", name="Check").click()
                status = box.locator("[role=status]")
                expected = grading.reply(exercise, answer)
                assert status.get_attribute("data-status") == expected.status
                assert expected.text.replace("`", "") in status.text_content()
            assert box.locator("[role=status]").get_attribute("data-status") == "right"
        assert not visit.faults


@pytest.mark.parametrize("page", CHAPTERS)
def test_solutions_wait_for_an_answer(page, address, browser):
    with Visit(browser, f"{address}/{page}", **sizes(1280)) as visit:
        exercises = [e for e in page_exercises(page) if not e.id.endswith(".0")]
        assert exercises
        for exercise in exercises:
            details = visit.page.locator(f'details[data-solution="{exercise.id}"]')
            details.locator("summary").first.click()
            content = details.locator(":scope > :not(summary):not(.actlab-stuck)").first
            assert not content.is_visible(), f"{exercise.id} gives its solution away"
            details.get_by_role("button", name="I am stuck").click()
            assert content.is_visible()


# --- figures -----------------------------------------------------------------------


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_printed_tables_fit_a_phone(address, browser, chapter):
    """No table of up to 58 letters scrolls, and none is too small to be read."""
    measure = """() => [...document.querySelectorAll(".cell_output .stream pre")]
        .map(pre => {
            const text = pre.textContent.split("\\n").map(line => line.length);
            return {
                letters: Math.max(...text),
                size: parseFloat(getComputedStyle(pre).fontSize),
                over: pre.scrollWidth - pre.clientWidth,
            };
        })"""
    with Visit(browser, f"{address}/{chapter}", **sizes(390)) as visit:
        visit.page.add_style_tag(content="* { content-visibility: visible !important }")
        visit.page.evaluate(
            """() => {
                for (const part of document.querySelectorAll(".actlab-closed"))
                    part.classList.remove("actlab-closed");
                for (const fold of document.querySelectorAll("details"))
                    fold.open = true;
            }"""
        )
        prints = visit.page.evaluate(measure)
    assert prints
    for found in prints:
        assert 9.5 <= found["size"] <= 14, found
        if found["letters"] <= 58 or found["letters"] > 104:
            assert found["over"] <= 1, found


def test_a_figure_enlarges_and_closes(address, browser):
    with Visit(browser, f"{address}/{CHAPTERS[0]}", **sizes(390)) as visit:
        visit.page.evaluate(
            """() => document.querySelectorAll(".actlab-closed")
                .forEach(part => part.classList.remove("actlab-closed"))"""
        )
        figure = visit.page.locator("button.actlab-enlarge").first
        figure.click()
        dialog = visit.page.locator("dialog.actlab-figure")
        assert dialog.is_visible()
        small = figure.locator("img").bounding_box()["width"]
        assert dialog.locator("img").bounding_box()["width"] > small
        assert dialog.locator("img").get_attribute("alt")
        visit.page.keyboard.press("Escape")
        assert dialog.count() == 0


# --- on paper ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def prints(address, browser):
    """Return chapters 04 and 12 as the command prints them."""
    names = ("chapters/04-relu-family", "chapters/12-fair-comparison")
    return [
        pdf.Part(name, *pdf.printed(browser, f"{address}/{name}.html"))
        for name in names
    ]


def test_a_chapter_prints_whole_with_its_answers_at_the_end(prints):
    for part in prints:
        text = "\n".join(page.extract_text() for page in part.printed.pages)
        chapter, _, answers = text.rpartition("Hints, solutions and answers")
        source = (SITE / f"{part.name}.html").read_text(encoding="utf-8")
        exercises = source.count("<summary>Solution")
        assert len(re.findall(r"^Solution", answers, re.M)) == exercises > 5
        assert not re.search(r"^(Solution|Hint \d)", chapter, re.M)
        assert "(answer at the end)" in chapter
        buttons = "Commit|Show me|Check|I am stuck: show the solution"
        assert not re.search(rf"^\W*({buttons})\W*$", text, re.M)
        assert "waits for your prediction" not in text
        pictures = sum(len(page.images) for page in part.printed.pages)
        assert pictures >= source.count('<img alt="') > 3


def test_paper_is_wide_enough_for_every_table_and_listing(address, browser):
    for name in ("chapters/04-relu-family", "chapters/13-cost-and-precision"):
        with Visit(browser, f"{address}/{name}.html") as visit:
            page = visit.page
            page.set_viewport_size({"width": 670, "height": 1000})  # A4 less margins
            page.emulate_media(media="print")
            cut = page.evaluate(
                "[...document.querySelectorAll('article :is(pre, table, img)')]"
                ".filter(e => e.getBoundingClientRect().right > innerWidth + 1"
                " || e.scrollWidth > e.clientWidth + 1 && e.clientWidth)"
                ".map(e => e.tagName + ': ' + e.textContent.slice(0, 60))"
            )
            assert not cut


def test_after_printing_the_page_is_as_before(address, browser):
    with Visit(browser, f"{address}/{CHAPTERS[3]}") as visit:
        wake(visit)
        content = "document.querySelector('article').innerHTML"
        before = visit.page.evaluate(content).replace(' loading="lazy"', "")
        visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert visit.page.locator(".actlab-answers details[open]").count() > 10
        visit.page.evaluate("dispatchEvent(new Event('afterprint'))")
        after = visit.page.evaluate(content).replace(' loading="eager"', "")
        assert after == before
        assert not visit.faults


def test_the_course_as_one_file(prints, browser):
    writer = pdf.joined(prints, browser)
    content = io.BytesIO()
    writer.write(content)
    book = PdfReader(content)
    contents = book.pages[0].extract_text()
    for part, bookmark in zip(prints, book.outline, strict=True):
        assert book.get_destination_page_number(bookmark) == part.first
        assert part.title in contents
        assert str(part.first + 1) in contents
        text = book.pages[part.first].extract_text()
        assert text.rstrip().endswith(str(part.first + 1)), "a page without its number"
    links = [
        entry.get_object() for page in book.pages for entry in page.get("/Annots") or ()
    ]
    addresses = [str(link["/A"].get("/URI", "")) for link in links if "/A" in link]
    assert addresses
    assert not [a for a in addresses if "127.0.0.1" in a]
    first = {page.indirect_reference.idnum: n for n, page in enumerate(book.pages)}
    inside = [
        first[link["/Dest"][0].idnum]
        for link in links
        if isinstance(link.get("/Dest"), list)
    ]
    assert {part.first for part in prints} <= set(inside)
