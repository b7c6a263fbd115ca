"""Work in a second process, beside the one that needs its files later.

It is a fork: what was imported before is there at once. Where forks are not safe
(Windows, macOS) the work is done on the spot, and waiting for it takes no time.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["Reply", "end", "shared", "start", "wait"]

Item = TypeVar("Item")

_running: dict[int, int] = {}  # process to the end of the pipe on which it says "done"


def start(work: Callable[[], None], later: Callable[[], None] | None = None) -> None:
    """Begin the work. What it prints goes where this process prints.

    Parameters
    ----------
    work : what :func:`wait` waits for.
    later : what is done after it; :func:`end` waits for that, too.
    """
    if sys.platform != "linux":
        work()
        if later:
            later()
        return
    sys.stdout.flush()
    sys.stderr.flush()
    done, tell = os.pipe()
    child = os.fork()
    if child:
        os.close(tell)
        _running[child] = done
        return
    status = 1
    _running.clear()  # that is for the first process to wait for
    try:
        work()
        os.write(tell, b"1")
        if later:
            later()
        end()  # what it began itself
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # no clean-up of what belongs to the first process


class Reply:
    """What one process tells another, once, as bytes."""

    def __init__(self) -> None:
        self._from, self._to = os.pipe()

    def send(self, told: bytes = b"") -> None:
        """Tell it; who tells nothing says that it will not."""
        with os.fdopen(self._to, "wb") as pipe:
            pipe.write(told)

    def receive(self) -> bytes:
        """Wait until all who could tell something have done so or ended."""
        os.close(self._to)
        with os.fdopen(self._from, "rb") as pipe:
            return pipe.read()


def wait() -> None:
    """Wait until the work is done, if any was begun.

    Raises ``RuntimeError`` if it failed; what it raised was printed by then.
    """
    for child, done in list(_running.items()):
        if done >= 0:
            _running[child] = -1
            told = os.read(done, 1)  # nothing comes from a process that has failed
            os.close(done)
            if not told:
                end()


def end() -> None:
    """Wait until what was begun is done, all of it.

    Raises ``RuntimeError`` if it failed; what it raised was printed by then.
    """
    while _running:
        child, done = _running.popitem()
        if done >= 0:
            os.close(done)
        _, status = os.waitpid(child, 0)
        if status:
            raise RuntimeError("a second process failed; its error stands above")


def shared(work: Callable[[Item], None], items: Sequence[Item]) -> None:
    """Do some work for each item, for every second one in a second process.

    What the work leaves must be files: what it changes in memory is lost there.
    Raises ``RuntimeError`` if it failed there; what it raised was printed by then.
    """

    def for_each(some: Sequence[Item]) -> None:
        for item in some:
            work(item)

    start(lambda: for_each(items[1::2]))
    for_each(items[::2])
    end()
