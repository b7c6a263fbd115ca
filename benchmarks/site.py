"""What the built site weighs and how long its pages keep the main thread busy.

    make book
    python benchmarks/site.py _build/html                 one build
    python benchmarks/site.py OLD/_build/html _build/html   two, page by page in turn

Pages are served with gzip, as GitHub Pages serves them, and opened in Chromium as a
phone shows them (390 by 844 px). Nothing is touched: what counts is what a page loads
by itself. The processor time is the main thread's, the least of RUNS visits, each with
an empty cache. Time it on a quiet machine.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

RUNS = 3
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


class Handler(http.server.SimpleHTTPRequestHandler):
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
        self.wfile.write(body)
        Handler.sent += len(body)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder; yield its address."""
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


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


def measured(folders: list[Path]) -> Iterator[tuple[str, list[dict[str, float]]]]:
    """Yield each page with its costs, one entry a folder, the folders in turn."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for page in PAGES:
            best: list[dict[str, float]] = []
            for _ in range(RUNS):
                for place, folder in enumerate(folders):
                    with served(folder) as address:
                        now = visit(browser, f"{address}/{page}")
                    if place == len(best):
                        best.append(now)
                    elif now["seconds"] < best[place]["seconds"]:
                        best[place] = now
            yield page, best
        browser.close()


def main() -> None:
    """Print a table: one line a page and build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="built sites")
    folders = parser.parse_args().folders
    print(
        f"{'page':44}{'build':>6}{'KB':>6}{'budget':>7}{'files':>6}{'blocking':>9}"
        f"{'foreign':>8}{'elements':>9}{'CPU s':>7}"
    )
    for page, costs in measured(folders):
        for number, cost in enumerate(costs, 1):
            print(
                f"{page:44}{number:6}{cost['kb']:6.0f}{BUDGET.get(page, CHAPTER):7}"
                f"{cost['requests']:6.0f}{cost['blocking']:9.0f}{cost['foreign']:8.0f}"
                f"{cost['elements']:9.0f}{cost['seconds']:7.2f}"
            )


if __name__ == "__main__":
    main()
