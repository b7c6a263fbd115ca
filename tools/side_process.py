"""One piece of work in a second process, beside the one that needs its files later.

It is a fork: what was imported before is there at once. Where forks are not safe
(Windows, macOS) the work is done on the spot, and waiting for it takes no time.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

__all__ = ["start", "wait"]

_running: list[int] = []


def start(work: Callable[[], None]) -> None:
    """Begin the work. What it prints goes where this process prints."""
    if sys.platform != "linux":
        work()
        return
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        _running.append(child)
        return
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # no clean-up of what belongs to the first process


def wait() -> None:
    """Wait until the work is done, if any was begun.

    Raises ``RuntimeError`` if it failed; what it raised was printed by then.
    """
    while _running:
        _, status = os.waitpid(_running.pop(), 0)
        if status:
            raise RuntimeError("the generated pages could not be written")
