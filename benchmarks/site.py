"""What the built site weighs, how busy its pages are, what its search finds, its build.

    make book
    python benchmarks/site.py _build/html                 one build
    python benchmarks/site.py OLD/_build/html _build/html   two, page by page in turn
    python benchmarks/site.py OLD/_build/html _build/html --all

Pages are served with gzip, as GitHub Pages serves them, and opened in Chromium as a
phone shows them (390 by 844 px). Nothing is touched: what counts is what a page loads
by itself. The processor time is the main thread's, the least of RUNS visits, each with
an empty cache. Time it on a quiet machine; the load is printed.

``--search`` asks the queries of tests/search_queries.yml. ``--lighthouse`` needs Node
22.19 or newer with its npx, which fetches the release that is named here; it prints of
RUNS runs the one in the middle. Other work on the machine lowers its scores: its own
measure of the processor is printed, and the load. ``--build`` builds each checkout
anew, RUNS times in turn, with this Python. ``--site-test`` times each checkout's
``make site-test``. ``--all`` is the first three.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import yaml
from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as TooLate

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from local_site import Quiet, chromium, opened, served  # noqa: E402

RUNS = 3
LIGHTHOUSE = "lighthouse@13.5.0"
AUDITED = (
    "intro.html",
    "reference/catalogue.html",
    "lab.html",
    "chapters/01-why-nonlinearity.html",
    "chapters/04-relu-family.html",
    "chapters/06-softmax-and-the-output.html",
    "chapters/12-fair-comparison.html",
)
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
PAGES = (
    "intro.html",
    "reference/catalogue.html",
    "reference/claims.html",
    "chapters/01-why-nonlinearity.html",
    "chapters/04-relu-family.html",
    "chapters/06-softmax-and-the-output.html",
    "chapters/08-trainable.html",
    "chapters/12-fair-comparison.html",
)
COMPRESSED = {".html", ".css", ".js", ".svg", ".json", ".txt", ".xml"}
BUDGET = {"intro.html": 160, "reference/catalogue.html": 320}  # KB, else 400
CHAPTER = 400


class Handler(Quiet):
    """Serve a folder, texts with gzip; keep count of the bytes sent."""

    sent = 0

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path.partition("?")[0]))
        if not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        self.send_response(200)
        if path.suffix in COMPRESSED:
            body = gzip.compress(body, 6)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(BrokenPipeError):  # a page that was left before all had come
            self.wfile.write(body)
        Handler.sent += len(body)


def visit(browser: Browser, address: str) -> dict[str, float]:
    """Open a page with an empty cache; return what it cost."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, device_scale_factor=2
    )
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    Handler.sent = 0
    page.goto(address, wait_until="networkidle")
    page.evaluate("document.fonts.ready.then(() => true)")
    page.wait_for_timeout(500)
    metrics = {
        entry["name"]: entry["value"]
        for entry in session.send("Performance.getMetrics")["metrics"]
    }
    blocking = page.evaluate(
        """() => performance.getEntriesByType("resource")
            .filter(entry => entry.renderBlockingStatus === "blocking").length"""
    )
    found = {
        "kb": Handler.sent / 1024,
        "requests": len(requests),
        "foreign": sum(
            not url.startswith((address.rsplit("/", 1)[0][:20], "data:", "blob:"))
            for url in requests
        ),
        "blocking": blocking,
        "elements": page.evaluate("document.querySelectorAll('*').length"),
        "seconds": metrics["TaskDuration"],
    }
    context.close()
    return found


def measured(
    folders: list[Path], runs: int
) -> Iterator[tuple[str, list[dict[str, float]]]]:
    """Yield each page with its costs, one entry a folder, the folders in turn."""
    with opened() as browser:
        for page in PAGES:
            best: list[dict[str, float]] = []
            for _ in range(runs):
                for place, folder in enumerate(folders):
                    with served(folder, Handler) as address:
                        now = visit(browser, f"{address}/{page}")
                    if place == len(best):
                        best.append(now)
                    elif now["seconds"] < best[place]["seconds"]:
                        best[place] = now
            yield page, best


# --- search --------------------------------------------------------------------------


def first_results(page: Page, address: str, query: str) -> list[str]:
    """Return where the first result of a query leads, and its first section.

    A site whose search is Sphinx's own is asked through its search page.
    """
    if page.evaluate("typeof actlabSearch === 'function'"):
        found = page.evaluate("query => actlabSearch(query, 3)", query)["list"][:1]
        return [
            place
            for result in found
            for place in (
                result["address"],
                *[part["address"] for part in result["parts"][:1]],
            )
        ]
    page.goto(f"{address}/search.html?q={quote(query)}")
    link = page.locator("#search-results li a").first
    try:
        link.wait_for(timeout=10_000)
    except TooLate:
        return []
    href = page.evaluate("link => link.href", link.element_handle())
    return [re.sub(r"\?[^#]*", "", href.removeprefix(f"{address}/"))]


def search(folder: Path, browser: Browser) -> tuple[int, int, float]:
    """Return how many queries' first result is right, of how many, and seconds each."""
    rows = yaml.safe_load((ROOT / "tests" / "search_queries.yml").read_text("utf-8"))
    right = 0
    with served(folder, Handler) as address:
        page = browser.new_page()
        page.goto(f"{address}/search.html")
        page.wait_for_load_state("networkidle")
        started = time.perf_counter()
        for row in rows:
            places = first_results(page, address, row["query"])
            pages = [place.partition("#")[0] for place in places]
            right += any(wanted in [*places, *pages] for wanted in row["first"])
        seconds = (time.perf_counter() - started) / len(rows)
        page.close()
    return right, len(rows), seconds


# --- Lighthouse ----------------------------------------------------------------------


def lighthouse(url: str, desktop: bool) -> dict[str, float]:
    """Return a page's scores in CATEGORIES, in percent, and what the first is made of.

    Also the seconds of the main thread, the shift of the layout, and what Lighthouse
    takes for this processor's speed. Raises ``RuntimeError`` with what it says if it
    cannot run.
    """
    done = subprocess.run(
        [
            *("npx", "--yes", LIGHTHOUSE, url, "--quiet", "--output=json"),
            f"--only-categories={','.join(CATEGORIES)}",
            "--chrome-flags=--headless=new --no-sandbox --disable-dev-shm-usage",
            *(["--preset=desktop"] if desktop else []),
        ],
        env=os.environ | {"CHROME_PATH": chromium()},
        capture_output=True,
        text=True,
        timeout=240,
    )
    if done.returncode:
        raise RuntimeError(f"Lighthouse failed on {url}:\n{done.stderr[-2000:]}")
    report = json.loads(done.stdout)
    scores, audits = report["categories"], report["audits"]
    return {name: round(100 * (scores[name]["score"] or 0)) for name in CATEGORIES} | {
        "blocked ms": audits["total-blocking-time"]["numericValue"],
        "paint s": audits["largest-contentful-paint"]["numericValue"] / 1000,
        "shift": audits["cumulative-layout-shift"]["numericValue"],
        "speed": report["environment"]["benchmarkIndex"],
        "load": os.getloadavg()[0],
    }


def print_lighthouse(folders: list[Path], pages: tuple[str, ...], runs: int) -> None:
    """Print each page's and build's middle run, on a phone and on a desktop."""
    print(f"\nLighthouse {LIGHTHOUSE.partition('@')[2]}, the middle of {runs} runs")
    for page, (number, folder) in itertools.product(pages, enumerate(folders, 1)):
        if not (folder / page).is_file():
            continue
        for kind in ("mobile", "desktop"):
            with served(folder, Handler) as address:
                url = f"{address}/{page}"
                found = [lighthouse(url, kind == "desktop") for _ in range(runs)]
            found.sort(key=lambda each: each["performance"])
            told = [f"{name} {value:.4g}" for name, value in found[runs // 2].items()]
            print(f"{page:40}{number:3} {kind:8}{', '.join(told)}", flush=True)


# --- build and tests -----------------------------------------------------------------


def build_seconds(checkout: Path) -> tuple[float, float]:
    """Return the seconds of a clean build, by the clock and of all processors."""
    shutil.rmtree(checkout / "_build", ignore_errors=True)
    for part in (checkout / "reference" / "generated").rglob("*"):
        if part.is_file() and part.name != ".gitignore":
            part.unlink()
    return timed([sys.executable, "tools/build.py"], checkout)


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Return the seconds that a command takes, by the clock and of all processors."""
    started, before = time.perf_counter(), os.times()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} in {folder}:\n{done.stderr[-2000:]}")
    after = os.times()
    spent = sum(after[2:4]) - sum(before[2:4])
    return time.perf_counter() - started, spent


def print_builds(folders: list[Path], runs: int) -> None:
    """Print the least times of a clean build of each checkout, in turn."""
    checkouts = [folder.resolve().parent.parent for folder in folders]
    rounds = [[build_seconds(checkout) for checkout in checkouts] for _ in range(runs)]
    print(f"\nclean build, least of {runs} in turn: seconds, of all processors, shares")
    least = [[min(values) for values in zip(*times)] for times in zip(*rounds)]
    for number, (wall, spent) in enumerate(least, 1):
        shares = f"{wall / least[0][0]:8.0%}{spent / least[0][1]:8.0%}"
        print(f"{number:6}{wall:7.1f}{spent:7.1f}{shares}", flush=True)
    for number, checkout in enumerate(checkouts, 1):
        again, _ = timed([sys.executable, "tools/build.py"], checkout)
        print(f"{number:6}{again:7.1f}  nothing changed")
        one, spent = one_changed(checkout)
        print(f"{number:6}{one:7.1f}{spent:7.1f}  one chapter changed", flush=True)


def one_changed(checkout: Path) -> tuple[float, float]:
    """Return the seconds of a build after a word was added to a chapter.

    The chapter is then as before.
    """
    chapter = checkout / "chapters" / "04-relu-family.ipynb"
    before = chapter.read_bytes()
    notebook = json.loads(before)
    texts = [cell for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    texts[1]["source"] = [*texts[1]["source"], "\n\nMore.\n"]
    chapter.write_text(json.dumps(notebook), "utf-8")
    try:
        return timed([sys.executable, "tools/build.py"], checkout)
    finally:
        chapter.write_bytes(before)


def print_site_tests(folders: list[Path]) -> None:
    """Print how long make site-test takes in each checkout."""
    print("\nmake site-test, seconds")
    for number, folder in enumerate(folders, 1):
        checkout = folder.resolve().parent.parent
        seconds, _ = timed([sys.executable, "make.py", "site-test"], checkout)
        print(f"{number:6}{seconds:7.0f}", flush=True)


def print_search(folders: list[Path]) -> None:
    """Print what the search of each build finds."""
    print("\nsearch: first result right, of queries, seconds a query")
    with opened() as browser:
        for number, folder in enumerate(folders, 1):
            right, asked, seconds = search(folder, browser)
            print(f"{number:6}{right:5} of {asked}{seconds:7.2f}", flush=True)


def print_pages(folders: list[Path], runs: int) -> None:
    """Print a table: one line a page and build."""
    print(
        f"{'page':44}{'build':>6}{'KB':>6}{'budget':>7}{'files':>6}{'blocking':>9}"
        f"{'foreign':>8}{'elements':>9}{'CPU s':>7}"
    )
    for page, costs in measured(folders, runs):
        for number, cost in enumerate(costs, 1):
            print(
                f"{page:44}{number:6}{cost['kb']:6.0f}{BUDGET.get(page, CHAPTER):7}"
                f"{cost['requests']:6.0f}{cost['blocking']:9.0f}{cost['foreign']:8.0f}"
                f"{cost['elements']:9.0f}{cost['seconds']:7.2f}",
                flush=True,
            )


def main() -> None:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="built sites")
    for name in ("search", "lighthouse", "build", "site-test", "all"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--runs", type=int, default=RUNS, help="visits and builds")
    parser.add_argument("--pages", nargs="+", default=AUDITED, help="for Lighthouse")
    options = parser.parse_args()
    folders = [folder.resolve() for folder in options.folders]
    missing = [folder for folder in folders if not (folder / "intro.html").is_file()]
    if missing and not (options.build or options.all):
        parser.error(f"{missing[0]} holds no site: run make book there first")
    print(time.strftime("%Y-%m-%d %H:%M"), "load", *os.getloadavg())
    if options.build or options.all:
        print_builds(folders, options.runs)
    print_pages(folders, options.runs)
    if options.search or options.all:
        print_search(folders)
    if options.lighthouse or options.all:
        print_lighthouse(folders, tuple(options.pages), options.runs)
    if options.site_test:
        print_site_tests(folders)
    print("load", *os.getloadavg())


if __name__ == "__main__":
    main()
