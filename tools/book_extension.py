"""The Sphinx extension of the site: reveals, chapter links, repairs of the theme.

* Cells with the tag ``reveal-1.A`` are wrapped in ``<div class="actlab-reveal"
  data-reveal="1.A">``, which ``assets/actlab.js`` hides until the reader commits.
* Each chapter says under its title how to run it: in Colab where the address of the
  course is known, and from a zip with the package.
* What readers download is stamped and without spoilers.
* Numbered formulas may have several lines.
* The search page asks an index that Pagefind writes (site_search.py).
* Each function of the catalogue has a page of its own (catalogue_finish.py).
* Links that name a section of a chapter lead to it (site_links.py).
* Formulas are set (site_math.py), and the pages are made light (site_light.py).
* Chapters link equations, exercises, claims, functions and terms, with what a preview
  shows of them (site_reading.py).
* A page for missing pages, and a picture for links from elsewhere (social_card.py).
* Stock defects are repaired: scripts of Thebe and of the icon font's JavaScript go,
  the colour mode has a valid start value, each page has a description.
"""

from __future__ import annotations

import html
import json
import os
import pickle
import re
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

import generate_pages
import phases
import side_process
from catalogue_finish import FOLDER as FUNCTIONS
from catalogue_finish import TEMPLATE, cards, write_pages
from site_light import lighten, without
from site_links import deepen, open_lab, sections
from site_math import typeset
from site_reading import Target, enrich
from site_search import Record, index_beside, page_record, topics
from social_card import ALT as CARD_ALT
from social_card import SIZE as CARD_SIZE
from stamp import (
    BRANCH,
    FOLDER,
    Address,
    add_under_title,
    github_name,
    origin,
    reveal_of,
    without_spoilers,
)
from stamp import stamp as stamp_notebook

ROOT = Path(__file__).resolve().parent.parent
SITE_NAME = "Activation Functions, Measured"
DESCRIPTION_LENGTH = 160
OPEN, CLOSE = "<!-- reveal {} -->", "<!-- /reveal -->"
START = re.compile(r"<!-- reveal (\S+) -->")
FOLD = re.compile(
    r"<summary aria-label=\"Toggle hidden content\">(.*?)</summary>", re.DOTALL
)
# What the theme puts on a page and no page needs.
ICON_SCRIPT = re.compile(
    r"<!-- So that users can add custom icons -->"
    r"\s*<script defer src=\"[^\"]*fontawesome\.js[^\"]*\"></script>"
)
THEBE = re.compile(
    r"<script type=\"text/x-thebe-config\">.*?</script>"
    r"\s*<script>kernelName = [^<]*</script>",
    re.DOTALL,
)
SEARCH_SCRIPTS = re.compile(
    r"<script src=\"[^\"]*(?:searchtools|language_data|searchindex)\.js[^\"]*\">"
    r"</script>|<script>DOCUMENTATION_OPTIONS\.search_as_you_type[^<]*</script>"
)
VIEWPORT = re.compile(r"<meta name=\"viewport\"[^>]*>")
# The outermost section of a page, in which the others stand.
WHOLE = re.compile(r"(<article class=\"bd-article\">\s*)<section class=\"([^\"]*)\"")
API = "reference/api"
LOGGER = logging.getLogger(__name__)
KEPT = "kept.pickle"  # beside the pages' trees
UNUSED = ("scripts/fontawesome.js", "sphinx-thebe.js", "sphinx-thebe.css")


LOST = """<h1>Page not found</h1>
<p>This address leads nowhere: the page may have moved.</p>
<form class="bd-search actlab-search" action="search.html" method="get" role="search">
<input type="search" class="form-control" name="q" aria-label="Search the course"
placeholder="Search the course"></form>
<p>Or go to the <a href="intro.html">start</a>, the
<a href="reference/catalogue.html">catalogue</a> or the
<a href="reference/glossary.html">glossary</a>.</p>"""


# --- what is read again -----------------------------------------------------------


def changed() -> list[str]:
    """Return the chapters that build.py says are to be read again; empty for all."""
    return os.environ.get("ACTLAB_CHANGED", "").split()


def outdated(app: Sphinx, env: Any, *found: set[str]) -> list[str]:
    """Name the chapters to be read again: their files may be older than the site."""
    return changed()


def kept(app: Sphinx) -> dict[str, Any]:
    """Return what :func:`keep_for_next` wrote beside the pages' trees."""
    return pickle.loads((Path(app.doctreedir) / KEPT).read_bytes())


def complete_index(app: Sphinx) -> list[Any]:
    """Mend Sphinx's own search index where some chapters alone were read.

    It forgets the index entries of the pages that it does not read again, and keeps
    words that no page has any more.
    """
    indexer = getattr(app.builder, "indexer", None)
    if changed() and indexer is not None:
        entries = kept(app)["entries"] | indexer._index_entries
        indexer._index_entries = dict(sorted(entries.items()))
        for words in (indexer._mapping, indexer._title_mapping):
            for word in [word for word, pages in words.items() if not pages]:
                del words[word]
    return []


def keep_for_next(app: Sphinx, out: Path) -> None:
    """Keep the pages as they were written, for a build that reads some of them again.

    What no page shows any more goes first.
    """
    shown = {name for _, name in app.env.images.values()}
    for image in (out / "_images").iterdir():
        if image.name not in shown:
            image.unlink()
    found = {"records": records_of(app), "entries": app.builder.indexer._index_entries}
    (Path(app.doctreedir) / KEPT).write_bytes(pickle.dumps(found))
    raw = out.with_name("pages")
    shutil.rmtree(raw, ignore_errors=True)
    shutil.copytree(out, raw, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> str:
    """Copy a file; what is never changed in its place, as a second name."""
    if {"_images", "_static"} & {*Path(source).parts}:
        try:
            os.link(source, target)
            return target
        except OSError:  # a file system without them
            pass
    return shutil.copy2(source, target)


# --- reveals and chapter links ---------------------------------------------------


def prepare_notebook(app: Sphinx, docname: str, content: list[str]) -> None:
    """Mark guarded paragraphs and add the line about running the chapter.

    Other pages include generated parts: they are read when these are written, but for
    the package's page, whose part is written by who reads it (:func:`read_beside`).
    """
    if not app.env.doc2path(docname).endswith(".ipynb"):
        if docname != API:
            side_process.wait()
        return
    notebook = json.loads(content[0])
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])  # nbformat allows a list of lines
        guard = reveal_of(cell)
        if guard and cell["cell_type"] == "markdown":
            cell["source"] = (
                f"{OPEN.format(guard)}\n\n{cell['source'].strip()}\n\n{CLOSE}"
            )
    if notebook["cells"]:
        add_under_title(notebook, running_line(app, docname))
    content[0] = json.dumps(notebook)


def running_line(app: Sphinx, docname: str) -> str:
    """Return the line under a chapter's title: how to run it."""
    up = "../" * docname.count("/")
    name = docname.rpartition("/")[2]
    archive = f'<a href="{up}downloads/{name}.zip" download>this chapter as a zip</a>'
    address: Address | None = app.config.actlab_address
    if address:
        colab = html.escape(address.colab(f"{docname}.ipynb"), quote=True)
        kaggle = html.escape(address.kaggle(f"{docname}.ipynb"), quote=True)
        text = (
            f'Open it in <a href="{colab}">Colab</a> or <a href="{kaggle}">Kaggle</a> '
            f"(with the internet switched on there), or download {archive}"
        )
    else:
        text = f"To run this chapter, download {archive}"
    return f'<p class="actlab-run">{text} (with the package, for any Jupyter).</p>'


def wrap_reveals(app: Sphinx, doctree: nodes.document) -> None:
    """Wrap what a prediction guards, section by section."""
    for cell in list(doctree.findall(nodes.container)):
        for name in cell.get("classes", []):
            if name.startswith("tag_reveal-"):
                _wrap(cell.parent, [cell], name.removeprefix("tag_reveal-"))
    guard: str | None = None
    for parent in [doctree, *doctree.findall(nodes.section)]:
        group: list[nodes.Node] = []
        for child in list(parent.children):
            text = child.astext() if isinstance(child, nodes.raw) else ""
            start = START.fullmatch(text.strip())
            if start or text.strip() == CLOSE or isinstance(child, nodes.section):
                if guard and group:
                    _wrap(parent, group, guard)
                group = []
            if start:
                guard = start.group(1)
                parent.remove(child)
            elif text.strip() == CLOSE:
                guard = None
                parent.remove(child)
            elif guard and not isinstance(child, (nodes.section, nodes.title)):
                group.append(child)
        if guard and group:
            _wrap(parent, group, guard)


def _wrap(parent: nodes.Element, group: list[nodes.Node], guard: str) -> None:
    tag = f'<div class="actlab-reveal" data-reveal="{html.escape(guard)}">'
    first = parent.index(group[0])
    last = parent.index(group[-1])
    parent.insert(last + 1, nodes.raw("", "</div>", format="html"))
    parent.insert(first, nodes.raw("", tag, format="html"))


def keep_tags(app: Sphinx, doctree: nodes.document) -> None:
    """Take numbered formulas of several lines out of Sphinx's own environment.

    Sphinx puts what holds a line break into ``split``, where ``\\tag`` is an error.
    """
    for block in doctree.findall(nodes.math_block):
        formula = block.astext()
        if r"\tag{" in formula and r"\\" in formula and not block.get("nowrap"):
            block["nowrap"] = True
            block.children = [nodes.Text(rf"\[{formula}\]")]


# --- the head of each page -------------------------------------------------------


def records_of(app: Sphinx) -> dict[str, Record | None]:
    """Return what the search is to find on each page that was written so far.

    Where some chapters alone are read, the others' records are those of the build
    before.
    """
    if not hasattr(app, "actlab_records"):
        app.actlab_records = kept(app)["records"] if changed() else {}
    return app.actlab_records


def keep_record(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Keep what the search is to find on a page."""
    records_of(app)[docname] = page_record(docname, doctree, topics())


def describe(doctree: nodes.document | None) -> str:
    """Return a page's description: the start of its first real paragraph."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else []:
        text = " ".join(paragraph.astext().split())
        if len(text) >= 40:
            if len(text) <= DESCRIPTION_LENGTH:
                return text
            return text[: DESCRIPTION_LENGTH - 1].rsplit(" ", 1)[0] + "…"
    return "A course on activation functions in which every claim is measured."


def complete_head(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Add description and Open Graph data; drop scripts that no page uses."""
    context["script_files"] = [
        script for script in context.get("script_files", []) if not _unused(script)
    ]
    context["css_files"] = [
        style for style in context.get("css_files", []) if not _unused(style)
    ]
    plain = re.sub(r"<[^>]+>", "", context.get("title", "")) or SITE_NAME
    about = context.get("actlab_about") or describe(doctree)
    fields = {
        "og:title": html.unescape(plain),
        "og:type": "article",
        "og:site_name": SITE_NAME,
        "og:description": about,
    }
    address: Address | None = app.config.actlab_address
    if address:
        fields["og:url"] = f"{address.pages}{pagename}.html"
        fields["og:image"] = f"{address.pages}_static/card.png"
        fields["og:image:width"], fields["og:image:height"] = map(str, CARD_SIZE)
        fields["og:image:alt"] = CARD_ALT
    tags = [f'<meta name="description" content="{_quoted(about)}" />']
    tags += [
        f'<meta property="{name}" content="{_quoted(value)}" />'
        for name, value in fields.items()
    ]
    if address:
        tags.append('<meta name="twitter:card" content="summary_large_image" />')
    if app.config.actlab_repository:
        named = {
            "actlab-repository": app.config.actlab_repository,
            "actlab-page": form_page(pagename, html.unescape(plain)),
        }
        tags += [
            f'<meta name="{name}" content="{_quoted(value)}" />'
            for name, value in named.items()
        ]
    context["metatags"] = "\n    ".join([context.get("metatags", ""), *tags])


@cache
def form_options() -> list[str]:
    """Return the pages that the form for mistakes offers."""
    path = ROOT / ".github" / "ISSUE_TEMPLATE" / "chapter.yml"
    form = yaml.safe_load(path.read_text("utf-8"))
    field = next(part for part in form["body"] if part.get("id") == "page")
    return field["attributes"]["options"]


def form_page(pagename: str, title: str) -> str:
    """Return what the form for mistakes calls a page; its last option for others."""
    if pagename.startswith(f"{FUNCTIONS}/"):
        title = "Catalogue"
    chapter = re.match(r"chapters/(\d\d)-", pagename)
    known = {"intro": "Start page", "lab": "The lab"}
    wanted = f"{chapter[1]} ·" if chapter else known.get(pagename, title)
    options = form_options()
    if chapter:
        return next((each for each in options if each.startswith(wanted)), options[-1])
    return wanted if wanted in options else options[-1]


def _quoted(text: str) -> str:
    return html.escape(text, quote=True)


def _unused(file: Any) -> bool:
    """Say whether a script or style is Thebe's or MathJax's, which no page needs."""
    body = getattr(file, "attributes", {}).get("body") or ""
    named = f"{file.filename or ''} {body}".lower()
    return "thebe" in named or "mathjax" in named


# --- after the build: addresses ---------------------------------------------------


def absolute(page: str, root: str) -> str:
    """Return a page whose links hold wherever it is shown.

    What GitHub shows for a missing page stands at the address that was asked for.

    Parameters
    ----------
    page : a page of the site's root.
    root : where the site is on its host, such as ``/course/``.
    """
    page = re.sub(
        r"\b(href|src|action|data-content_root)=\"(?![a-z]+:|/|#)(?:\./)?([^\"]*)\"",
        lambda match: f'{match[1]}="{root}{match[2]}"',
        page,
    )
    return page


# --- pages that Sphinx knows no source of -----------------------------------------


def own_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the page whose marks become the functions' pages."""
    marks = {
        "title": "@@TITLE@@",
        "body": "@@BODY@@",
        "actlab_about": "@@ABOUT@@",
        "prev": {"title": "@@PREVIOUS@@", "link": "@@PREVIOUSLINK@@"},
        "next": {"title": "@@NEXT@@", "link": "@@NEXTLINK@@"},
    }
    yield f"{FUNCTIONS}/{TEMPLATE}", marks, "page.html"
    about = "This address leads nowhere. Search the course, or begin at its start."
    lost = {"title": "Page not found", "body": LOST, "actlab_about": about}
    yield "404", lost, "page.html"


# --- after the build -------------------------------------------------------------


def finish(app: Sphinx, error: Exception | None) -> None:
    """Repair the pages and write what readers download."""
    if error or app.builder.name != "html":
        return
    phases.mark("pages written")
    out = Path(app.outdir)
    keep_for_next(app, out)
    side_process.end()
    found = json.loads((generate_pages.OUT / generate_pages.FINISH).read_text("utf-8"))
    functions = write_pages(out, found["functions"])
    shutil.rmtree(out / "downloads", ignore_errors=True)
    shutil.copytree(generate_pages.ZIPS, out / "downloads")
    pages = filter(None, (record for _, record in sorted(records_of(app).items())))
    shutil.rmtree(out / "pagefind", ignore_errors=True)
    with index_beside([*pages, *(Record(**row) for row in found["records"])], out):
        finish_pages(app, out, found)
        write_downloads(app, out)
        phases.mark("pages finished")
    phases.mark("search index written")
    write_sitemap(app, out, functions)
    (out / ".nojekyll").touch()  # GitHub would drop folders that start with "_"


def finish_pages(app: Sphinx, out: Path, found: dict[str, Any]) -> None:
    """Repair the pages, link them and make them light, in two processes.

    ``found`` is what :func:`generate_pages.for_finishing` returned.
    """
    known = {
        page.name: sections(page.read_text(encoding="utf-8"))
        for page in (out / "chapters").glob("*.html")
    }
    side_process.shared(
        lambda page: repair_page(page, known, found["presets"]),
        sorted(out.rglob("*.html")),
    )
    targets = [
        Target(**row | {"names": tuple(row["names"])}) for row in found["targets"]
    ]
    enrich(out, targets)
    for name in UNUSED:
        (out / "_static" / name).unlink(missing_ok=True)
    for source_map in (out / "_static").rglob("*.map"):
        source_map.unlink()
    lighten(out)
    for name in ("webpack-macros.html", "sbt-webpack-macros.html"):
        (out / "_static" / name).unlink(missing_ok=True)
    if app.config.actlab_address:
        lost = out / "404.html"
        text = lost.read_text(encoding="utf-8")
        root = urlsplit(app.config.actlab_address.pages).path
        lost.write_text(absolute(text, root), encoding="utf-8")


def repair_page(
    page: Path, known: dict[str, dict[str, str]], presets: dict[str, str]
) -> None:
    """Take out of a page what the theme puts there twice or needlessly.

    Formulas are set, and links that name a section of a chapter lead to it; ``known``
    has the sections of the chapters' pages, ``presets`` what the lab shows first for a
    chapter, by its number.
    """
    text = page.read_text(encoding="utf-8")
    repaired = without(ICON_SCRIPT, text)
    repaired = without(THEBE, repaired)
    repaired = re.sub(
        r"<div class=\"sidebar-primary-item\">\s*<div id=\"ethical-ad-placement\".*?"
        r"</div>\s*</div>",
        "",
        repaired,
        flags=re.DOTALL,
    )
    repaired = repaired.replace(
        '<div id="pst-primary-sidebar" class=',
        '<div id="pst-primary-sidebar" role="navigation" aria-label="Course" class=',
    )
    # A header cell without text is none.
    repaired = re.sub(r"<th([^>]*)>(?:\s|<p>\s*</p>)*</th>", r"<td\1></td>", repaired)
    # The button says "Search Ctrl+K"; who speaks to it must be able to say what stands
    # there, so it needs no other name.
    repaired = re.sub(
        r"(<button class=\"btn search-button-field[^>]*?) aria-label=\"Search\"",
        r"\1",
        repaired,
    )
    # The role is not allowed on a <div>; the class says the same to the style sheet.
    repaired = repaired.replace(' role="doc-biblioentry"', "")
    # It says what the element is anyway. A page that Sphinx has no source of has a
    # title for paper without words; pandas gives its tables a border of HTML 3.
    repaired = repaired.replace(
        '<main id="main-content" class="bd-main" role="main">',
        '<main id="main-content" class="bd-main">',
    )
    repaired = re.sub(
        r"(<div id=\"jb-print-docs-body\" class=\"onlyprint\">)\s*<h1>\s*</h1>",
        r"\1",
        repaired,
    )
    repaired = repaired.replace('<table border="1" class=', "<table class=")
    # Only the search page searches; it loads what it needs (assets/search.js).
    repaired = without(SEARCH_SCRIPTS, repaired)
    first = VIEWPORT.search(repaired)
    if first:
        meta = (
            '\n    <meta name="viewport" content="width=device-width, initial-scale=1">'
        )
        head, rest = repaired[: first.start()], repaired[first.end() :]
        repaired = head.rstrip() + meta + without(VIEWPORT, rest)
    once = (
        "<script>var togglebuttonSelector = '.toggle, .admonition.dropdown';</script>"
    )
    if repaired.count(once) > 1:
        repaired = repaired.replace(once, "", repaired.count(once) - 1)
    repaired = FOLD.sub(_plain_fold, repaired)
    repaired = deepen(typeset(repaired), known)
    if page.name == "catalogue.html":
        repaired = cards(repaired)
    chapter = re.match(r"(\d\d)-", page.name)
    if chapter or page.name == "claims.html":  # laid out when they come near
        repaired = WHOLE.sub(r'\1<section class="actlab-sections \2"', repaired)
    if chapter and chapter[1] in presets:
        repaired = open_lab(repaired, presets[chapter[1]])
    if repaired != text:
        page.write_text(repaired, encoding="utf-8")


def _plain_fold(match: re.Match[str]) -> str:
    """Name what folds code by what it says; a paragraph may not stand in it."""
    inside = re.sub(r"<(/?)p(?=[ >])", r"<\1span", match[1])
    return f"<summary>{inside}</summary>"


def write_downloads(app: Sphinx, out: Path) -> None:
    """Write stamped notebooks in place of Sphinx's copies of the sources."""
    address: Address | None = app.config.actlab_address
    documents = sorted(app.env.found_docs)  # a draft that the book leaves out is none
    for path in (ROOT / f"{name}.ipynb" for name in documents if "chapters/" in name):
        notebook = nbformat.read(path, as_version=4)
        if address:
            badge = address.colab(f"chapters/{path.name}")
            copy = stamp_notebook(
                notebook, path.name, address.url, address.commit, badge
            )
        else:
            copy = without_spoilers(notebook)
        text = nbformat.writes(copy) + "\n"
        for folder in ("_sources", FOLDER) if address else ("_sources",):
            target = out / folder / "chapters" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")


def read_beside(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Begin what is done beside, once Sphinx is set up and before it reads.

    One process loads the package and writes the generated parts. Where forks are safe,
    another that comes from it reads the page of the package, which takes as long as all
    chapters together.
    """
    phases.mark("Sphinx set up")
    if changed():
        return
    generate_pages.write("api.txt", generate_pages.api())
    if sys.platform != "linux":
        side_process.start(generate_pages.main, generate_pages.later)
        return
    docnames.remove(API)
    env.clear_doc(API)
    app.actlab_api = reply = side_process.Reply()

    def work() -> None:
        generate_pages.load_package()
        side_process.start(lambda: reply.send(read_api(app, env)))
        reply.send()
        generate_pages.main()

    side_process.start(work, generate_pages.later)


def read_api(app: Sphinx, env: BuildEnvironment) -> bytes:
    """Read the page of the package; return what Sphinx is to know of it."""
    collector = logging.LogCollector()
    with collector.collect():
        env.app = app
        app.builder.read_doc(API, _cache=False)
    logging.convert_serializable(collector.logs)
    phases.mark("  beside: the package's page read")
    return pickle.dumps((collector.logs, env))


def read_all(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Wait for the page that another process reads; return its name."""
    phases.mark("pages read")
    if not hasattr(app, "actlab_api"):
        return []
    told = app.actlab_api.receive()
    if not told:
        raise RuntimeError(f"{API} could not be read; its error stands above")
    logs, read = pickle.loads(told)
    for record in logs:
        LOGGER.handle(record)
    env.merge_info_from([API], read, app)
    return [API]


def write_beside(app: Sphinx, env: Any) -> None:
    """Let other processes write the pages, where forks are safe.

    What was read is complete here. This process puts the pages' trees in order. With
    so many others each gets few pages, and the first begins soon.
    """
    phases.mark("what was read put together")
    if sys.platform == "linux" and not changed():
        app.parallel = 5


def write_sitemap(app: Sphinx, out: Path, functions: list[str]) -> None:
    """Write sitemap.xml and robots.txt; both need the site's address."""
    address: Address | None = app.config.actlab_address
    if not address:
        return
    places = "\n".join(
        f"  <url><loc>{html.escape(address.pages)}{name}.html</loc></url>"
        for name in sorted({*app.env.found_docs, *functions})
    )
    (out / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"{places}\n</urlset>\n",
        encoding="utf-8",
    )
    (out / "robots.txt").write_text(
        f"User-agent: *\nAllow: /\nSitemap: {address.pages}sitemap.xml\n",
        encoding="utf-8",
    )


# --- set-up ----------------------------------------------------------------------


def repository(named: str | None, address: Address | None) -> str | None:
    """Return where mistakes are reported, None if nobody said.

    Parameters
    ----------
    named : what _config.yml calls the repository; Jupyter Book puts its own there.
    address : where this checkout is from, if that is known.
    """
    if address:
        return address.url
    found = github_name(named or "")
    if not found or found.startswith("executablebooks/"):
        return None
    return f"https://github.com/{found}"


def configure(app: Sphinx, config: Any) -> None:
    """Fill in the address where it is known; add our scripts and styles."""
    address = config.actlab_address = origin()
    options = config.html_theme_options
    config.actlab_repository = repository(options.get("repository_url"), address)
    if address:
        options["repository_url"] = address.url
        options["repository_branch"] = BRANCH
        options["path_to_docs"] = FOLDER
        options["use_repository_button"] = True
        options["launch_buttons"] = {"colab_url": "https://colab.research.google.com"}
        config.html_baseurl = address.pages
    else:
        for name in ("repository_url", "launch_buttons"):
            options.pop(name, None)
        options["use_repository_button"] = False
    config.html_static_path.append(str(ROOT / "assets"))
    config.html_static_path.append(str(ROOT / "reference" / "generated" / "static"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_config_value("actlab_address", None, "env")
    app.add_config_value("actlab_repository", None, "env")
    app.add_css_file("actlab.css")
    app.add_js_file("actlab.js")  # in the head, so that nothing flashes
    app.connect("config-inited", configure, priority=900)
    app.connect("env-get-outdated", outdated)
    app.connect("source-read", prepare_notebook)
    app.connect("doctree-read", wrap_reveals)
    app.connect("doctree-read", keep_tags)
    app.connect("env-before-read-docs", read_beside)
    app.connect("env-updated", read_all, priority=1)  # then others look at all pages
    app.connect("env-updated", write_beside)
    app.connect("doctree-resolved", keep_record, priority=900)
    app.connect("html-collect-pages", complete_index)
    app.connect("html-collect-pages", own_pages)
    app.connect("html-page-context", complete_head, priority=900)
    # Last: the theme writes the colours of code when the build is finished, too.
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
