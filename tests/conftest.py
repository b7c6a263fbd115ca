"""Shared settings of the tests: one thread, no windows, no bars."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).resolve().parent.parent
for folder in ("code", "tools"):
    if str(ROOT / folder) not in sys.path:
        sys.path.insert(0, str(ROOT / folder))

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
# Not the variable MPLBACKEND: the kernels of nbval would inherit it and draw nothing.
matplotlib.use("Agg")


# --- for the tests of the built site: a process can start Playwright only once -------


@pytest.fixture(scope="session")
def address():
    """Return the address of a server of the built site."""
    import local_site

    with local_site.served(ROOT / "_build" / "html") as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    """Return the installed Chromium, without a window."""
    import local_site

    with local_site.opened() as browser:
        yield browser
