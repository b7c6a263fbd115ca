"""Marking a folder of submitted notebooks: ``make mark FOLDER=path``.

Each notebook runs in a process of its own with a time limit, so that no submission
changes how another is judged, hangs the rest or ends it. A cell that fails does not
stop those behind it. The marks go to ``marks.csv`` in the folder and to the screen.

It runs what the students wrote, with the rights of whoever calls it: use an account
or a machine that holds nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import core
from .model import Code, Page, Reply

__all__ = ["Mark", "main", "marks_of", "submissions"]

SECONDS = 600
_CHECKED = re.compile(r"\bcheck\(\s*[\"'](\d{1,2}\.\w{1,3})[\"']")


@dataclass(frozen=True)
class Mark:
    """What one exercise of one file got: "right", "wrong" or "open", and the reply."""

    file: str
    exercise: str
    mark: str
    reply: str


def submissions(folder: Path) -> list[Path]:
    """The notebooks in a folder and below it, without Jupyter's own copies."""
    found = sorted(folder.rglob("*.ipynb"))
    return [path for path in found if ".ipynb_checkpoints" not in path.parts]


def marks_of(path: Path, name: str, seconds: float = SECONDS) -> list[Mark]:
    """The marks of one notebook, run in a process of its own.

    An exercise that is never checked is open. What was checked before the time was
    over, or before the process ended, counts.
    """
    try:
        wanted = _exercises(_sources(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [Mark(name, "", "open", "This file is not a notebook.")]
    if not wanted:
        return [Mark(name, "", "open", "No cell calls check.")]
    replies, end = _run(path, seconds)
    return [
        Mark(name, id, *replies.get(id, ("open", end or "not attempted yet")))
        for id in wanted
    ]


def _sources(path: Path) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]


def _exercises(sources: Sequence[str]) -> list[str]:
    """What a notebook checks, and the other Python exercises of its chapters."""
    checked = [id for source in sources for id in _CHECKED.findall(source)]
    wanted = []
    for number in sorted({int(id.split(".")[0]) for id in checked}):
        with contextlib.suppress(LookupError):
            for entry in core.chapter(number).exercises:
                if isinstance(entry, Code) or entry.id in checked:
                    wanted.append(entry.id)
    return wanted


def _run(path: Path, seconds: float) -> tuple[dict[str, tuple[str, str]], str]:
    """What each exercise got, {id: (mark, reply)}, and how the run ended if badly."""
    with tempfile.TemporaryDirectory(prefix="mark-") as folder:
        notes = Path(folder, "replies")
        notes.touch()
        words = [sys.executable, "-m", __spec__.name, "--one", path, notes]
        process = subprocess.Popen(
            [str(word) for word in words],
            cwd=path.parent,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = ""
        try:
            if process.wait(seconds):
                end = "The run ended before this exercise was checked."
        except subprocess.TimeoutExpired:
            end = f"Stopped after {seconds:g} s, before this exercise was checked."
        finally:
            _end(process)
        return _replies(notes), end


def _environment() -> dict[str, str]:
    """What a run is started with: this package, wherever it runs, and no windows."""
    code = str(Path(__file__).resolve().parents[2])
    more = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([code, more] if more else [code])
    return os.environ | {"PYTHONPATH": path, "MPLBACKEND": "Agg", "TQDM_DISABLE": "1"}


def _end(process: subprocess.Popen) -> None:
    """End a run and whatever it has started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _replies(notes: Path) -> dict[str, tuple[str, str]]:
    """The last reply to each exercise; a right one stays right."""
    found: dict[str, tuple[str, str]] = {}
    for line in notes.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError):  # a line that was cut off
            id, status, text = json.loads(line)
            mark = {"right": "right", "open": "open", "input": "open"}
            if found.get(id, ("", ""))[0] != "right":
                found[id] = (mark.get(status, "wrong"), text)
    return found


# -- in the process of one submission --------------------------------------------------


def _run_one(path: Path, notes: Path) -> None:
    """Run a notebook's cells one after the other and note every reply."""
    from IPython.core.interactiveshell import InteractiveShell

    from . import report  # noqa: F401  loads torch, before a submission can change it

    judge = core.grade

    def noting(entry: Page | Code, answer: object, variant: int | None = None) -> Reply:
        outcome = judge(entry, answer, variant)
        with notes.open("a", encoding="utf-8") as file:
            file.write(json.dumps([entry.id, outcome.status, outcome.text]) + "\n")
        return outcome

    core.grade = noting
    shell = InteractiveShell.instance()
    for source in _sources(path):
        shell.run_cell(source)


# -- the table -------------------------------------------------------------------------


def _write(marks: Sequence[Mark], path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "exercise", "mark", "reply"])
        table.writerows([*map(_cell, _row(mark))] for mark in marks)


def _row(mark: Mark) -> tuple[str, str, str, str]:
    return mark.file, mark.exercise, mark.mark, mark.reply


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _lines(marks: Sequence[Mark]) -> Iterator[str]:
    """The table as it is printed: a line for each file, then what went wrong there."""
    for file in dict.fromkeys(mark.file for mark in marks):
        own = [mark for mark in marks if mark.file == file]
        right = sum(mark.mark == "right" for mark in own)
        yield f"{file}: {right} of {len(own)} right"
        for mark in own:
            yield f"  {mark.exercise:6}{mark.mark:7}{mark.reply}".rstrip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Mark the notebooks of a folder; 1 if there is none."""
    parser = argparse.ArgumentParser(description="Mark a folder of notebooks.")
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each")
    parser.add_argument("--out", type=Path, help="the table; FOLDER/marks.csv")
    parser.add_argument("--one", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        _run_one(*options.one)
        return 0
    if options.folder is None or not options.folder.is_dir():
        print(f"{options.folder} is no folder: name one with submitted notebooks.")
        return 1
    folder = options.folder.resolve()
    found = submissions(folder)
    if not found:
        print(f"{folder} holds no notebook (*.ipynb).")
        return 1
    marks: list[Mark] = []
    for path in found:
        own = marks_of(path, str(path.relative_to(folder)), options.seconds)
        marks += own
        for line in _lines(own):
            core.say(line)
    out = options.out or folder / "marks.csv"
    _write(marks, out)
    core.say(f"Written: {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
