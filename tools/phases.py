"""Where the time of a build goes: ``python tools/build.py --phases`` prints it.

Several processes work side by side, so each says when something was done.
"""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["begin", "end", "mark"]

FILE = Path(__file__).resolve().parent.parent / "_build" / "phases.txt"


def begin() -> None:
    """Start anew."""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text("", "utf-8")
    mark("begun")


def mark(done: str) -> None:
    """Note that something was done just now, if this is part of a build."""
    if FILE.is_file():
        with FILE.open("a", encoding="utf-8") as file:
            file.write(f"{time.time():.2f} {done}\n")


def end() -> str:
    """Return what was done, each with the seconds since the beginning, and stop."""
    rows = [line.split(" ", 1) for line in FILE.read_text("utf-8").splitlines()]
    FILE.unlink()
    start = float(rows[0][0])
    return "\n".join(f"{float(then) - start:6.2f} s  {done}" for then, done in rows)
