"""The pages of the functions: drawing, formula, code that runs, what was recorded."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import torch

import catalogue_finish
import function_page
import generate_pages
from actlab import catalogue, cost, elsewhere, interactive
from actlab.elsewhere.environments import ENVIRONMENTS
from function_code import elsewhere_examples, pytorch_example
from function_sketch import drawn_of, sketch
from generate_pages import links_of_functions

ROWS = list(catalogue.CATALOGUE.values())
SCALAR = [row for row in ROWS if row.kind == "scalar"]
# Their modules start with numbers of their own, which the row's defaults are not.
OTHER_START = {"mixture", "staf", "fourier", "enn", "kan"}


def key(row):
    return row.key


@pytest.fixture(scope="module")
def links():
    return links_of_functions()


# --- the drawing ------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=key)
def test_drawing_shows_curve_and_slope_in_few_bytes(row):
    drawn = sketch(row)
    assert len(drawn) < 1300
    value = re.search(r'class="v" d="(M[^"]+)"', drawn)[1]
    assert re.search(r'class="s" d="(M[^"]+)"', drawn)
    assert not re.search("nan|inf", drawn)
    assert bool(drawn_of(row)) == (row.kind == "vector")
    points = np.array(re.findall(r"[ML]([-\d.]+) ([-\d.]+)", value), dtype=float)
    if row.kind == "scalar" and row.view == (-5.0, 5.0):
        x = points[:, 0] / 20 - 4
        with np.errstate(all="ignore"):
            y = row.numpy()(x) * np.ones_like(x)
        seen = np.abs(80 - 20 * y - 60) < 80
        # At a jump the points stand on both of its sides.
        off = np.abs(points[:, 1] - (80 - 20 * y))[seen]
        assert np.sort(off)[: max(1, len(off) - 4)].max() < 0.6


# --- code to copy -----------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=key)
def test_code_runs_in_an_empty_file_and_is_the_function(row):
    code = pytorch_example(row)
    assert "actlab" not in code
    space: dict = {}
    exec(code, space)
    f, own = space["f"], row.make()
    for module in (f, own):
        if isinstance(module, torch.nn.Module):
            module.eval()
    x = torch.linspace(-3, 3, 12)
    with torch.no_grad():
        found, expected = f(x), own(x)
    assert found.shape == expected.shape
    assert ("numbers of its own" in code) == (row.key in OTHER_START)
    if row.key not in OTHER_START:
        torch.testing.assert_close(found, expected)


def test_a_function_that_pytorch_has_is_one_line():
    for row in ROWS:
        if row.torch and row.torch != "torch.heaviside":
            assert pytorch_example(row).count("\n") == 2, row.key


def test_calls_of_other_libraries_are_the_recorded_ones():
    record = elsewhere.load()
    titles = {ENVIRONMENTS[k].title.split(" on ")[0]: k for k in ("jax", "keras-jax")}
    seen = 0
    for row in ROWS:
        for title, code in elsewhere_examples(row):
            compile(code, row.key, "exec")
            cells = record[titles[title]]["cells"]
            calls = [cell["call"] for cell in cells if cell["function"] == row.key]
            assert calls and all(call in code for call in calls)
            seen += 1
    assert seen > 40
    gelu = dict(elsewhere_examples(catalogue.get("gelu")))
    assert "approximate=False" in gelu["JAX"] and "# tanh form" in gelu["JAX"]
    assert elsewhere_examples(catalogue.get("snake")) == []


# --- a page -----------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=key)
def test_page_says_all_of_a_function(row, links):
    page = function_page.body(row, links)
    assert f"<h1>{row.name}" in page.replace("&#x27;", "'")
    assert 'class="katex-html"' in page and 'id="code"' in page
    assert links.chapter[row.chapter] in page
    if row.source:
        assert links.citation[row.source] in page
    found = cost.recorded(added=True)
    assert ('id="cost"' in page) and (row.key in set(found["key"]))
    if row.kind == "scalar":
        explorer = interactive.explorer(row.key)._repr_html_()
        curve = re.search(r' d="(M[^"]{60,})"/>\n', explorer)[1]
        assert curve in page
        for label, text in function_page.sheet_rows(row):
            assert f"<td>{text}</td>" in page, label
        assert f"#compare={row.key}," in page
    else:
        assert "whole vector" in page


def test_the_atlas_is_quoted_as_recorded():
    from actlab import studies
    from actlab.statistics import interval
    from course.ch12.atlas import ATLAS, trainable

    table = studies.final(ATLAS)
    runs = table[
        (table["regime"] == "final")
        & (table["activation"] == "gelu")
        & (table["init"] == "default")
    ]
    found = interval(runs["test_accuracy"])
    text = dict(function_page.atlas_rows(catalogue.get("gelu")))["PyTorch&#x27;s start"]
    assert text.startswith(f"{found.mean:.2f} ± {found.half_width:.2f} % at rate")
    for row in SCALAR:
        assert bool(function_page.atlas_rows(row)) == (row.key in trainable())


def test_links_are_html(links):
    assert links.chapter[5] == (
        '<a href="../../chapters/05-smooth-self-gated.html">chapter 05</a>'
    )
    for link in [*links.citation.values(), *links.chapter.values()]:
        assert re.fullmatch(r'<a href="(https://|\.\./)[^"]+">[^<]+</a>', link), link
    assert generate_pages.as_html("plain & simple", "../") == "plain &amp; simple"


def test_pages_are_written_from_the_marks(tmp_path, links):
    folder = tmp_path / catalogue_finish.FOLDER
    folder.mkdir(parents=True)
    template = folder / f"{catalogue_finish.TEMPLATE}.html"
    template.write_text(
        "@@TITLE@@|@@ABOUT@@|@@PREVIOUSLINK@@|@@NEXTLINK@@|"
        f"{catalogue_finish.TEMPLATE}.html|@@BODY@@ @@PREVIOUS@@ @@NEXT@@",
        encoding="utf-8",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names = catalogue_finish.write_pages(tmp_path, function_page.parts(links))
    assert not template.exists()
    assert len(names) == len(ROWS) == len(list(folder.iterdir()))
    title, about, before, after, own, _ = (
        (folder / "gelu.html").read_text("utf-8").split("|", 5)
    )
    assert title == "GELU" and "JAX and Keras" in about
    assert (before, after, own) == ("crelu.html", "gelu-tanh.html", "gelu.html")
    assert not any("@@" in path.read_text("utf-8") for path in folder.iterdir())
