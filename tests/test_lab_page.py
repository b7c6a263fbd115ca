"""The laboratory on the built site, in a real browser: make site-test."""

from __future__ import annotations

import gzip
import re

import pytest
import test_site
from test_site import SITE, Visit, sizes

pytestmark = pytest.mark.site

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
     '{"kill": {"solved": "yes", "guess": "2"}, "born": {"guess": -1}}',
     '{"kill": {"guess": {"toString": 1}, "solved": true}}',
     '{"kill": {"solved": true}, "born": {"guess": 1.5, "solved": true}}'],
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


def test_what_another_run_reached_meets_no_challenge(address, browser):
    """Neither the run before a change nor one that an address brings counts."""
    with open_lab(browser, address) as visit:
        page = visit.page
        own = "[...document.querySelectorAll('.lab-solved')].length"
        commit(page, "own", 2)
        type_into(page, "#lab-f", "relu")
        go_to(page, 900)
        assert float(re.search(r"accuracy ([\d.]+)", numbers(page)[0])[1]) >= 95
        type_into(page, "#lab-f", "0.7*x - 0.2")
        page.wait_for_function(
            "/analytic/.test(document.querySelector('.lab-sheet').textContent)",
            timeout=WAIT,
        )
        wait_step(page, 0)
        assert page.evaluate(own) == 0
        now = page.locator("#lab-task-now")
        page.wait_for_function(
            "/95 % are wanted/.test("
            "document.getElementById('lab-task-now').textContent)",
            timeout=WAIT,
        )
        assert "at step 0" in now.text_content()
        solution = "f=abs(x)*0.6&layers=16-16-16&start=matched&step=900"
        page.evaluate("hash => { location.hash = hash; }", solution)
        wait_step(page, 900)
        assert page.evaluate(own) == 0
        assert page.locator("#lab-task").is_hidden()
        assert not visit.faults


def test_a_blow_while_it_plays_is_answered(address, browser):
    with open_lab(browser, address) as visit:
        page = visit.page
        commit(page, "kill", 0)
        page.locator("#lab-play").click()
        page.wait_for_function(
            "+document.getElementById('lab-at').textContent > 20", timeout=WAIT
        )
        page.locator("#lab-blow").fill("0")
        page.get_by_role("button", name="Strike").click()
        page.wait_for_function(
            "/Strike harder/.test(document.getElementById('lab-task-now').textContent)",
            timeout=WAIT,
        )
        assert "Pause" in page.locator("#lab-play").text_content()


def test_a_message_is_seen_where_the_mistake_was_made(address, browser):
    """And goes, with its mark, when the settings are right again."""
    with open_lab(browser, address, **sizes(390)) as visit:
        page = visit.page
        rate = page.locator('[data-set="rate"]')
        rate.fill("-4")
        rate.blur()
        note = page.locator("#lab-note")
        page.wait_for_function(
            "document.getElementById('lab-note').textContent", timeout=WAIT
        )
        place = note.bounding_box()
        assert 0 <= place["y"] and place["y"] + place["height"] <= 900
        assert "Step size" in note.text_content()
        assert rate.get_attribute("aria-invalid") == "true"
        seed = page.locator('[data-set="seed"]')
        seed.fill("2")
        seed.blur()
        assert rate.input_value() == "0.01"
        assert rate.get_attribute("aria-invalid") != "true"
        assert note.text_content() == ""
        page.get_by_role("button", name="Strike").click()
        page.locator("#lab-blow").fill("")
        page.get_by_role("button", name="Strike").click()
        assert "One blow: give a number" in note.text_content()
        page.locator("#lab-close").click()
        assert note.text_content() == ""


def test_a_formula_with_a_mistake_stays_while_settings_change(address, browser):
    with open_lab(browser, address) as visit:
        page = visit.page
        type_into(page, "#lab-f", "x + tanj(x)")
        page.locator("#lab-f-message mark").wait_for()
        page.locator('[data-set="seed"]').fill("2")
        page.locator('[data-set="seed"]').blur()
        wait_step(page, 0)
        assert page.locator("#lab-f").input_value() == "x + tanj(x)"
        assert page.locator("#lab-f-message mark").text_content() == "tanj"
        type_into(page, "#lab-f", "gelu")
        wait_step(page, 0)
        assert page.locator("#lab-f-message").text_content() == ""


def test_a_function_without_a_sheet_says_so_at_its_field(address, browser):
    with open_lab(browser, address, "#f=log(x)&g=tanh") as visit:
        page = visit.page
        page.wait_for_function(
            "!document.querySelector('.lab-sheet').textContent.includes('…')",
            timeout=WAIT,
        )
        message = page.locator("#lab-f-message").text_content()
        assert "log(x) is not a real number at x = −0.0877" in message
        assert "–" in page.locator(".lab-sheet td").first.text_content()
        assert page.locator("#lab-note").text_content() == ""
        assert not visit.faults


def test_what_cannot_be_set_up_does_not_play(address, browser):
    with open_lab(browser, address) as visit:
        page = visit.page
        page.locator('[data-set="start"]').select_option("matched")
        type_into(page, "#lab-f", "0*x")
        page.wait_for_function(
            "/no gain/.test(document.getElementById('lab-note').textContent)",
            timeout=WAIT,
        )
        page.locator("#lab-play").click()
        page.wait_for_function(
            "/Play/.test(document.getElementById('lab-play').textContent)", timeout=WAIT
        )
        # No picture of the function before stays.
        label = page.locator(".lab-map canvas").first.get_attribute("aria-label")
        assert "at step" not in label
        assert not visit.faults


def test_a_change_while_the_digits_come_is_the_one_that_counts(address, browser):
    with open_lab(browser, address) as visit:
        page = visit.page
        held = []
        page.route("**/digits.js*", lambda route: held.append(route))
        page.locator('[data-set="data"]').select_option("digits")
        page.wait_for_function(
            "/digits/.test(document.getElementById('lab-note').textContent)",
            timeout=WAIT,
        )
        page.locator('[data-set="data"]').select_option("rings")
        page.wait_for_function("/data=rings/.test(location.hash)", timeout=WAIT)
        wait_step(page, 0)
        with page.expect_response("**/digits.js*"):
            held[0].continue_()
        page.wait_for_function("window.actlabDigits", timeout=WAIT)
        page.locator("#lab-step").click()
        wait_step(page, 1)
        label = page.locator(".lab-map canvas").first.get_attribute("aria-label")
        assert "at step 1" in label
        assert page.evaluate("!/360 digits/.test(document.body.innerText)")
        # Rings fill the picture; of digits only a number would be written.
        assert painted(page, ".lab-map canvas", 0, 0, 20, 20) == 400
        assert not visit.faults


def test_a_function_is_drawn_by_pointer_and_by_slider(address, browser):
    with open_lab(browser, address) as visit:
        page = visit.page
        page.locator("#lab-draw").click()
        pad = page.locator("#lab-sketch")
        place = pad.bounding_box()
        assert place["width"] > 200
        pad.click(position={"x": place["width"] * 0.9, "y": place["height"] * 0.2})
        field = page.get_by_label("height at x = 4", exact=True)
        assert float(field.input_value()) != 4
        page.wait_for_function("/clip/.test(location.hash)", timeout=WAIT)
        # What is typed is what the sliders then show.
        type_into(page, "#lab-f", "0.5*x")
        page.wait_for_function("/f=0.5/.test(location.hash)", timeout=WAIT)
        assert float(field.input_value()) == 2
        assert not visit.faults


PAINTED = """([name, x, y, width, height]) => {
    const copy = new OffscreenCanvas(width, height).getContext(
        '2d', { willReadFrequently: true });
    copy.drawImage(document.querySelector(name), -x, -y);
    const { data } = copy.getImageData(0, 0, width, height);
    let count = 0;
    for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
    return count;
}"""


def painted(page, name, *place):
    """Count the points of a part of a canvas that are not empty."""
    return page.evaluate(PAINTED, [name, *place])


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_charts_are_whole_and_as_sharp_as_the_screen(width, address, browser):
    with open_lab(browser, address, **sizes(width)) as visit:
        page = visit.page
        go_to(page, 400)
        shown = page.evaluate(
            "[...document.querySelectorAll('.lab-chart')].map(c => [c.width,"
            " c.clientWidth]).filter(([, wide]) => wide)"
        )
        assert len(shown) == 5
        for points, wide in shown:
            assert abs(points - wide) <= 1
        # The axis ends at 400: its words do not touch the edge, and the curve does not
        # end at the last loss that was noted, 391.
        size = page.evaluate(
            "(c => [c.width, c.height])(document.querySelector('.lab-loss canvas'))"
        )
        assert painted(page, ".lab-loss canvas", size[0] - 1, 0, 1, size[1]) == 0
        before_the_end = painted(page, ".lab-loss canvas", size[0] - 13, 9, 1, 150)
        assert before_the_end > 4, "four losses, and no line of the grid"
        assert not visit.faults


OVERLAPS = """() => {
    const root = document.getElementById('actlab-lab');
    const seen = [...root.querySelectorAll(
        'button, input, select, output, figcaption, legend, h2, h3')]
        .filter(e => e.checkVisibility({ visibilityProperty: true })
            && !e.closest('.lab-note'));
    const found = [];
    const boxes = seen.map(e => [e, e.getBoundingClientRect()]);
    for (const [a, one] of boxes) for (const [b, two] of boxes) {
        if (a === b || a.contains(b) || b.contains(a)) continue;
        const wide = Math.min(one.right, two.right) - Math.max(one.left, two.left);
        const tall = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
        if (wide > 1 && tall > 1) found.push(`${a.outerHTML.slice(0, 60)} lies on `
            + b.outerHTML.slice(0, 60));
    }
    const pen = document.createElement('canvas').getContext('2d');
    for (const list of root.querySelectorAll('.lab-settings select')) {
        pen.font = getComputedStyle(list).font;
        const words = [...list.options].map(o => pen.measureText(o.text).width);
        if (Math.max(...words) > list.clientWidth - 36) found.push(`cut: ${
            list.dataset.set}`);
    }
    return found;
}"""


@pytest.mark.parametrize("width", [320, 390, 800, 1280])
def test_no_control_lies_on_another_or_is_cut(width, address, browser):
    with open_lab(browser, address, **sizes(width)) as visit:
        visit.page.locator("#lab-draw").click()
        commit(visit.page, "kill", 0)
        wait_step(visit.page, 0)
        assert visit.page.evaluate(OVERLAPS) == []


@pytest.mark.parametrize("scheme", test_site.SCHEMES)
def test_axe_finds_nothing_in_the_states_of_the_page(scheme, address, browser):
    """A mistake and a drawing while it plays; then a challenge that is met."""
    found = []
    settings = {"color_scheme": scheme, **sizes(390)}
    with open_lab(browser, address, **settings) as visit:
        page = visit.page
        page.locator("#lab-draw").click()
        type_into(page, "#lab-g", "x + tanj(x)")
        page.locator("#lab-g-message mark").wait_for()
        page.locator("#lab-pace").select_option(index=0)
        page.locator("#lab-play").click()
        page.wait_for_function("+document.getElementById('lab-at').textContent")
        found += test_site.problems(visit)
        page.locator("#lab-play").click()
        commit(page, "thirty", 1)
        page.locator('[data-set="gain"]').fill("1.414")
        page.locator('[data-set="gain"]').blur()
        page.locator(".lab-met summary").click()
        page.mouse.wheel(0, 1500)
        page.wait_for_function("scrollY > 800")
        page.mouse.wheel(0, -200)
        page.locator("#pst-back-to-top").wait_for()
        found += test_site.problems(visit)
        page.set_viewport_size({"width": 1280, "height": 900})
        found += test_site.problems(visit)
    assert not found, "\n".join(found)


SHIFTS = """() => new PerformanceObserver((list) => {
    window.shifted = (window.shifted || 0)
        + list.getEntries().reduce((sum, entry) => sum + entry.value, 0);
}).observe({ type: 'layout-shift', buffered: false })"""


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_moves_while_it_trains(width, address, browser):
    """The numbers grow and shrink, from 0.7 to 6.3e−4; all around them rests."""
    fragment = "#f=gelu&g=tanh&data=rings&layers=12-12"
    with open_lab(browser, address, fragment, **sizes(width)) as visit:
        page = visit.page
        page.locator("#lab-train").evaluate("title => title.scrollIntoView()")
        page.evaluate(SHIFTS)
        before = page.locator(".lab-map canvas").first.element_handle()
        page.locator("#lab-play").click()
        page.wait_for_function(
            "+document.getElementById('lab-at').textContent > 900", timeout=WAIT
        )
        page.locator("#lab-play").click()
        assert not page.evaluate("window.shifted")
        # A change keeps what is drawn until there is something else to draw.
        type_into(page, "#lab-f", "relu")
        wait_step(page, 0)
        assert before.evaluate("canvas => canvas.isConnected")
        assert "ReLU" in page.locator(".lab-map figcaption").first.text_content()


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
