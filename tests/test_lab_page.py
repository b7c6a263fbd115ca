"""The laboratory on the built site, in a real browser: make site-test."""

from __future__ import annotations

import gzip
import re

import pytest
import test_site
from test_site import SITE, Visit, sizes

pytestmark = pytest.mark.site
address, browser = test_site.address, test_site.browser  # the fixtures

WAIT = 60_000
# Bytes, compressed: what the laboratory brings, and the page before the digits.
OWN_BUDGET, BUDGET = 100_000, 250_000
ASKED = "f=x*tanh(exp(x))&g=relu"


def open_lab(browser, address, fragment="", **settings):
    visit = Visit(browser, f"{address}/lab.html{fragment}", **(settings or sizes(1280)))
    visit.page.wait_for_function(
        "document.querySelector('.lab-map canvas')?.ariaLabel.includes('at step')",
        timeout=WAIT,
    )
    return visit


def go_to(page, step):
    """Move the slider, as a reader does by keyboard or pointer, and wait."""
    page.locator("#lab-scrub").evaluate(
        """(slider, step) => {
            slider.max = Math.max(slider.max, step);
            slider.value = step;
            slider.dispatchEvent(new Event('input'));
        }""",
        step,
    )
    wait_step(page, step)


def type_into(page, field, text):
    page.locator(field).fill(text)
    page.locator(field).press("Enter")
    page.locator(field).blur()


def numbers(page):
    """What the page shows of the runs: the spoken line and every cell of the tables."""
    return page.evaluate(
        """() => [document.getElementById('lab-spoken').textContent,
            ...[...document.querySelectorAll('.lab-layers td')]
                .map(cell => cell.textContent)]"""
    )


def cells(page, column):
    """The numbers of one column of the first table, layer by layer."""
    rows = page.locator(".lab-layers table").first.locator("tbody tr")
    return [row.locator("td").nth(column).text_content() for row in rows.all()]


def test_the_whole_way(address, browser):
    """Type, see, train, kill and revive, two challenges, share: no network needed."""
    with Visit(browser, f"{address}/intro.html", **sizes(1280)) as visit:
        page = visit.page
        page.locator('a[href$="lab.html"]:visible').first.click()
        type_into(page, "#lab-f", "x*tanh(exp(x))")
        type_into(page, "#lab-g", "relu")
        page.wait_for_function(
            # Both columns: the second comes a moment after the first.
            "/analytic[^]*with kinks/.test("
            "document.querySelector('.lab-sheet').textContent)",
            timeout=WAIT,
        )
        page.wait_for_function(
            "/x\\*tanh/.test(document.getElementById('lab-signal')"
            ".getAttribute('aria-label'))",
            timeout=WAIT,
        )
        go_to(page, 400)
        assert "x*tanh(exp(x)): test accuracy" in numbers(page)[0]
        first = float(re.search(r"accuracy ([\d.]+)", numbers(page)[0])[1])
        assert first > 80
        first_challenge(page)
        shared = second_challenge(page)
        page.locator("#lab-link").click()
        # The clipboard answers a moment after the click.
        page.wait_for_function(
            "document.getElementById('lab-copied').textContent", timeout=WAIT
        )
        expected, link = shared, page.evaluate("location.href")
        assert not visit.faults
    other = browser.new_context(reduced_motion="reduce", **sizes(390))
    page = other.new_page()
    page.goto(link)
    page.wait_for_function(
        "document.getElementById('lab-spoken')?.textContent.startsWith('Step ')"
        f" && location.hash === '#{link.partition('#')[2]}'",
        timeout=WAIT,
    )
    wait_step(page, int(re.search(r"step=(\d+)", link)[1]))
    assert numbers(page) == expected
    other.close()


def commit(page, name, option):
    card = page.locator(f"#lab-challenge-{name}")
    card.locator("input[type=radio]").nth(option).check()
    card.get_by_role("button", name="Commit").click()
    card.get_by_role("button", name="Set it up").click()
    return card


def first_challenge(page):
    """Thirty layers of ReLU: by its own gain."""
    card = commit(page, "thirty", 1)
    page.locator('[data-set="gain"]').fill("1.414")
    page.locator('[data-set="gain"]').blur()
    page.wait_for_function(
        "document.querySelector('#lab-challenge-thirty.lab-solved')", timeout=WAIT
    )
    assert "1.41" in card.locator("[role=status]").text_content()
    assert "Right would" in card.locator("[role=status]").text_content()
    assert "Thirty layers" in page.locator("#lab-task").text_content()


def second_challenge(page):
    """Kill half a layer with one step, and revive it; return what is then seen."""
    commit(page, "kill", 2)
    go_to(page, 100)
    page.locator("#lab-blow").fill("200")
    page.get_by_role("button", name="Strike").click()
    wait_step(page, 101)
    dead = [int(text.split()[0]) for text in cells(page, 1)]
    assert max(dead) >= 6
    page.locator("#lab-new-rate").fill("0.001")
    page.get_by_role("button", name="Set", exact=True).click()
    for layer, shift in ((1, 1), (2, 6)):
        page.locator("#lab-layer").fill(str(layer))
        page.locator("#lab-shift").fill(str(shift))
        page.get_by_role("button", name="Shift").click()
        wait_step(page, 101 + layer)
    page.wait_for_function(
        "document.querySelector('#lab-challenge-kill.lab-solved')", timeout=WAIT
    )
    assert [text.split()[0] for text in cells(page, 1)] == ["0", "0"]
    return numbers(page)


def wait_step(page, step):
    """Wait until a step is spoken and drawn: the tables follow a frame later."""
    page.wait_for_function(
        """step => document.getElementById('lab-at').textContent === String(step)
            && document.getElementById('lab-spoken').textContent
                .startsWith(`Step ${step}.`)""",
        arg=step,
        timeout=WAIT,
    )


def test_play_runs_and_pauses_by_keyboard(address, browser):
    with open_lab(browser, address) as visit:
        page = visit.page
        at = page.locator("#lab-at").text_content()
        assert at == "0", "reduced motion starts nothing"
        page.locator("#lab-play").focus()
        page.keyboard.press("Enter")
        page.wait_for_function(
            "+document.getElementById('lab-at').textContent > 20", timeout=WAIT
        )
        page.keyboard.press("Enter")
        page.wait_for_function("/step=/.test(location.hash)", timeout=WAIT)
        assert not visit.faults


def test_it_plays_at_once_where_motion_is_welcome(address, browser):
    context = browser.new_context(reduced_motion="no-preference")
    page = context.new_page()
    page.goto(f"{address}/lab.html")
    page.wait_for_function(
        "+document.getElementById('lab-at').textContent > 20", timeout=WAIT
    )
    context.close()


@pytest.mark.parametrize(
    "text, mark, word",
    [("x + tanj(x)", "tanj", "unknown function"), ("x*σ(x)", "σ", "sigmoid(x)"),
     ("<img src=x onerror=alert(1)>", "<", "cannot read"),
     ("9**9**9", "9**9", "exponent"),
     ("constructor.constructor('alert(1)')()", None, "")],
)  # fmt: skip
def test_what_cannot_be_read_gets_a_message_at_its_place(
    text, mark, word, address, browser
):
    with open_lab(browser, address) as visit:
        type_into(visit.page, "#lab-f", text)
        message = visit.page.locator("#lab-f-message")
        message.locator("mark").wait_for()
        assert word in message.text_content()
        if mark:
            assert message.locator("mark").text_content() == mark
        assert visit.page.locator("#lab-f").get_attribute("aria-invalid") == "true"
        assert not visit.page.locator("#actlab-lab img").count()
        assert not visit.faults


@pytest.mark.parametrize(
    "fragment",
    ["#f=%zz&layers=1e9&__proto__=1", "#f=<script>alert(1)</script>&step=NaN",
     "#norm=constructor&__proto__=1", "#f=toString(x)&step=-1&rate=1e999&rate=NaN",
     "#" + "f=" + "(" * 3000, "#events=" + "_".join(["1k1"] * 300) + "&rate=Infinity"],
)  # fmt: skip
def test_anything_in_the_address_does_nothing_but_a_message(fragment, address, browser):
    with open_lab(browser, address, fragment) as visit:
        assert "ignored" in visit.page.locator("#lab-note").text_content()
        go_to(visit.page, 3)
        assert not visit.faults


@pytest.mark.parametrize(
    "value",
    ["{", "null", "[1]", '{"kill": 7, "thirty": {"guess": 99}}', "7", '"' + "x" * 9999,
     '{"__proto__": {"solved": true, "guess": 0}}',
     '{"kill": {"solved": "yes", "guess": "2"}, "born": {"guess": -1}}'],
)  # fmt: skip
def test_damaged_storage_is_an_empty_one(value, address, browser):
    with open_lab(browser, address) as visit:
        visit.page.evaluate(
            "v => localStorage.setItem('actlab.lab.challenges', v)", value
        )
        visit.page.reload()
        visit.page.wait_for_selector(".lab-challenge")
        assert "0 of" in visit.page.locator("#lab-score").text_content()
        assert not visit.faults


def test_digits_come_when_they_are_asked_for(address, browser):
    with open_lab(browser, address) as visit:
        page = visit.page
        loaded = (
            "performance.getEntriesByType('resource').some(e => /digits/.test(e.name))"
        )
        assert not page.evaluate(loaded)
        page.locator('[data-set="data"]').select_option("digits")
        # The note goes when they are handed over; a step before that is another run's.
        page.wait_for_function(
            "window.actlabDigits && !document.getElementById('lab-note').textContent",
            timeout=WAIT,
        )
        assert page.evaluate(loaded)
        page.locator("#lab-step").click()
        wait_step(page, 1)
        assert not visit.faults


def test_the_page_is_light(address, browser):
    """All that it loads, each compressed, the theme's share with it."""
    with open_lab(browser, address) as visit:
        names = visit.page.evaluate(
            "performance.getEntriesByType('resource').map(e => e.name)"
        )
    files = {name.partition("?")[0].removeprefix(f"{address}/") for name in names}
    files = {name for name in files if not name.startswith("blob:")} | {"lab.html"}
    weights = {name: len(gzip.compress((SITE / name).read_bytes())) for name in files}
    shown = sorted(weights.items(), key=lambda item: -item[1])
    own = [size for name, size in shown if "lab" in name]
    assert sum(own) <= OWN_BUDGET, shown
    assert sum(weights.values()) <= BUDGET, shown


def test_it_opens_from_a_file(browser):
    with Visit(browser, (SITE / "lab.html").as_uri()) as visit:
        go_to(visit.page, 2)
        assert not visit.faults
