"""The built site on this machine: a server for it, and the browser that opens it.

The browser tests, ``make pdf`` and the benchmarks share them.
"""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

__all__ = ["Quiet", "chromium", "opened", "served"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve files and say nothing of it."""

    def log_message(self, *arguments: Any) -> None:
        """Keep what was asked for to itself."""


@contextmanager
def served(
    folder: Path, handler: type[http.server.SimpleHTTPRequestHandler] = Quiet
) -> Iterator[str]:
    """Serve a folder at a free port; yield its address."""
    serve = functools.partial(handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def chromium() -> str:
    """Return the path of Chromium; end with a sentence that helps if there is none."""
    found = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None
    )
    if found is None:
        sys.exit(
            "No Chromium found: install it (Debian and Ubuntu: apt-get install "
            "chromium), or name its program in CHROMIUM."
        )
    return found


@contextmanager
def opened() -> Iterator[Browser]:
    """Start the installed Chromium without a window; yield it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()
