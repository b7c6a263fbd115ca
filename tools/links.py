"""Ask every outside address that the built pages link to whether it still answers.

``make links`` (run weekly) prints each address that is gone. Some hosts refuse
programs; only a missing page (404, 410) or an unknown host counts as broken.
"""

from __future__ import annotations

import html
import re
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SITE = Path(__file__).resolve().parent.parent / "_build" / "html"
AGENT = {"User-Agent": "Mozilla/5.0 (link check of a course)"}
GONE = {404, 410}


def addresses(folder: Path = SITE) -> list[str]:
    """Return the outside addresses that the pages link to, sorted."""
    found: set[str] = set()
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        found |= set(re.findall(r"<a [^>]*href=\"(https?://[^\"#]+)", text))
    return sorted(html.unescape(address) for address in found)


def problem(address: str) -> str | None:
    """Return what is wrong with an address, None if it answers."""
    request = urllib.request.Request(address, headers=AGENT)
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.HTTPError as error:
        return f"{error.code} {address}" if error.code in GONE else None
    except urllib.error.URLError as error:
        return f"{address}: {error.reason}"
    except (TimeoutError, OSError):
        return None  # slow today is not gone
    return None


def main() -> int:
    """Check all addresses, eight at a time."""
    found = addresses()
    with ThreadPoolExecutor(8) as pool:
        broken = [text for text in pool.map(problem, found) if text]
    print("\n".join(broken) or "No broken link.")
    print(f"{len(found)} addresses, {len(broken)} broken.")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
