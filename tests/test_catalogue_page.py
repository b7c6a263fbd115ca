"""The catalogue and the functions' pages on the built site: make site-test."""

from __future__ import annotations

import gzip
import re

import pytest
import test_site
from test_site import SITE, Visit, sizes

from actlab import catalogue

pytestmark = pytest.mark.site

PAGE = "reference/catalogue.html"
SHOWN = ".actlab-function:visible"


@pytest.fixture(scope="module")
def visit(address, browser):
    """Return the page, open; each test begins by asking for an address of its own."""
    with Visit(browser, f"{address}/{PAGE}", **sizes(1280)) as opened:
        yield opened


def go(visit, address, state=""):
    visit.settle()
    visit.page.goto("about:blank")
    visit.faults.clear()  # what leaving the page broke off
    visit.page.goto(f"{address}/{PAGE}{state}")
    visit.page.wait_for_selector("#catalogue-filter:visible")
    return visit.page


def told(page, text):
    """Wait until the filter says how many functions it shows."""
    page.wait_for_function(
        "text => document.querySelector('#catalogue-filter [role=status]')"
        ".textContent === text",
        arg=text,
    )


def test_every_function_is_a_card_with_its_old_anchor():
    from docutils.nodes import make_id

    text = (SITE / PAGE).read_text(encoding="utf-8")
    taken = set()
    for row in catalogue.CATALOGUE.values():
        card = re.search(
            rf'<section class="actlab-function" id="([^"]+)" '
            rf'data-key="{row.key}".*?</section>',
            text,
            re.DOTALL,
        )
        assert card, row.key
        # "√softplus" would have Softplus's anchor; Sphinx gives it another one.
        assert make_id(row.name) in {card[1], *taken}, row.key
        taken.add(card[1])
        link = re.search(r'<h3><a href="(functions/[^"]+)">', card[0])[1]
        assert (SITE / "reference" / link).is_file()
        assert '<path class="v" d="M' in card[0] and '<path class="s" d="M' in card[0]


def test_links_of_the_functions_pages_lead_to_their_sections():
    dead = set()
    for path in (SITE / "reference/functions").iterdir():
        text = path.read_text(encoding="utf-8")
        for page, anchor in re.findall(r'href="\.\./([^":]+)#([^"=]+)"', text):
            if not test_site.anchored(f"reference/{page}#{anchor}"):
                dead.add(f"{path.name}: {page}#{anchor}")
    assert not dead


def test_filter_search_and_contents_go_together(address, visit):
    page = go(visit, address)
    everything = len(catalogue.CATALOGUE)
    told(page, f"{everything} functions")
    page.get_by_role("combobox", name="Family").select_option("smooth")
    smooth = len(catalogue.family("smooth"))
    told(page, f"{smooth} of {everything}")
    assert page.locator(SHOWN).count() == smooth
    contents = page.locator("#pst-page-toc-nav .toc-h2:visible a")
    assert "Trainable" not in contents.all_text_contents()
    assert "Smooth and self-gated" in contents.all_text_contents()
    page.get_by_role("combobox", name="Property").select_option("pytorch")
    page.get_by_role("searchbox", name="Name").fill("hard swish")
    told(page, f"1 of {everything}")
    assert page.locator(SHOWN).get_attribute("id") == "hardswish"
    assert "#name=hard%20swish&family=smooth&property=pytorch" in page.url
    page.get_by_role("button", name="Show all").click()
    told(page, f"{everything} functions")
    page.wait_for_function("!location.hash.includes('=')")
    page.get_by_role("searchbox", name="Name").fill("silu")
    told(page, f"1 of {everything}")
    page.locator(SHOWN).get_by_role("link").click()
    page.wait_for_url("**/functions/swish.html")
    assert not visit.faults


def test_the_address_brings_filter_and_comparison_back(address, visit):
    page = go(visit, address, "#family=classic&compare=tanh,sigmoid")
    table = page.locator(".actlab-rows table")
    table.wait_for()
    told(page, f"{len(catalogue.family('classic'))} of {len(catalogue.CATALOGUE)}")
    assert table.locator("thead th").all_text_contents() == ["Tanh", "Sigmoid"]
    labels = table.locator("tbody th").all_text_contents()
    assert {"f", "slope", "range", "forward, times ReLU"} <= set(labels)
    assert any(label.startswith("atlas, ") for label in labels)
    assert len(page.locator(".actlab-two .one").first.get_attribute("d")) > 1000
    page.get_by_role("combobox", name="Second").select_option("relu")
    page.wait_for_function(
        "document.querySelector('.actlab-rows thead').textContent === 'TanhReLU'"
    )
    assert "compare=tanh,relu" in page.url
    assert not visit.faults


@pytest.mark.parametrize(
    "state", ["#family=none&compare=relu", "#compare=a,b&x=%", "#"]
)
def test_an_address_that_makes_no_sense_shows_everything(state, address, visit):
    page = go(visit, address, state)
    told(page, f"{len(catalogue.CATALOGUE)} functions")
    assert not page.locator("#catalogue-comparison").get_attribute("open")
    assert not visit.faults


def test_an_old_address_shows_a_card_that_the_filter_hides(address, visit):
    page = go(visit, address, "#family=classic")
    assert not page.locator("#mish").is_visible()
    page.evaluate("location.hash = '#mish'")
    page.locator("#mish").wait_for()
    told(page, f"{len(catalogue.CATALOGUE)} functions")


def test_the_comparison_works_from_a_file(browser):
    place = f"{(SITE / PAGE).as_uri()}#compare=gelu,relu"
    with Visit(browser, place, **sizes(390)) as visit:
        visit.page.locator(".actlab-rows table").wait_for()
        assert not visit.faults


def test_the_gallery_is_whole_without_javascript(address, browser):
    settings = {"java_script_enabled": False, **sizes(390)}
    with Visit(browser, f"{address}/{PAGE}", **settings) as visit:
        assert visit.page.locator(SHOWN).count() == len(catalogue.CATALOGUE)
        assert not visit.page.locator("#catalogue-filter").is_visible()


def test_a_function_page_moves_and_copies(address, browser):
    with Visit(browser, f"{address}/reference/functions/elu.html") as visit:
        slider = visit.page.locator(".ax-slider").first
        curve = visit.page.locator(".ax-value").first
        visit.page.wait_for_function("!document.querySelector('script.actlab-later')")
        before = curve.get_attribute("d")
        slider.press("End")
        assert curve.get_attribute("d") != before
        assert visit.page.locator("div.highlight button.copybtn").count() >= 3
        assert visit.page.title().startswith("ELU ")
        assert not visit.faults


def test_pages_are_light():
    for path in (SITE / "reference/functions").iterdir():
        assert len(gzip.compress(path.read_bytes())) < 40_000, path.name
    data = SITE / "_static" / "catalogue-data.js"
    assert len(gzip.compress(data.read_bytes())) < 60_000
