"""What a run leaves on disk: records that are whole or absent, and their origin.

A record is found by the identity of its setting. It is written to a temporary file,
flushed to the disk and renamed, so a process killed at any moment leaves no half of it.
A file that is no record of its setting is never overwritten: it is named in an error.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
import os
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .grid import Setting, Study, condensed, declared

if TYPE_CHECKING:
    import pandas as pd


PACKAGES = ("actlab", "torch", "torchvision", "numpy", "pandas", "scipy", "joblib")
CODE = Path(__file__).resolve().parents[2]  # the folder that holds the packages


class RecordError(RuntimeError):
    """A file stands where a record belongs and is none, or belongs to another run."""


def record_of(
    setting: Setting,
    history: dict[str, list],
    seconds: float,
    device: str,
    together: int = 1,
) -> dict[str, Any]:
    """Return the record of a run that is done: what it was, did, and depends on.

    Parameters
    ----------
    setting, device : which run it was, and where.
    history, seconds : as ``runners.execute`` returned them.
    together : how many networks were trained at once with this one.

    Chapter 12.
    """
    return {
        "setting": declared(setting),
        "history": history,
        "seconds": seconds,
        "together": together,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": environment(_module_of(setting)) | _device(device),
    }


def write_record(setting: Setting, record: dict[str, Any], folder: Path) -> None:
    """Keep a record in ``folder``, whole or not at all."""
    write_text(_path(setting, folder), json.dumps(record))


def read_record(setting: Setting, folder: Path) -> dict[str, Any] | None:
    """Return what an earlier run left, None if there is nothing.

    Raises :class:`RecordError` if the file there is unreadable or another run's.
    """
    path = _path(setting, folder)
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} cannot be read ({error}); {_ADVICE}") from error
    try:
        record = json.loads(text)
    except ValueError as error:
        raise RecordError(f"{path} is no record ({error}); {_ADVICE}") from error
    if not isinstance(record, dict) or not {"history", "setting"} <= set(record):
        raise RecordError(f"{path} holds no setting and history; {_ADVICE}")
    if _plain(record["setting"]) != _plain(declared(setting)):
        raise RecordError(f"{path} is the record of another run; {_ADVICE}")
    lacking = _lacking(record)
    if lacking:
        raise RecordError(f"{path} is damaged: {lacking}; {_ADVICE}")
    return record


def _lacking(record: dict[str, Any]) -> str:
    """Say what a record of the right setting lacks; "" for a whole one."""
    for name, kind in _PARTS.items():
        if not isinstance(record.get(name), kind):
            return f"it has no {name} as a {kind.__name__}"
    history = record["history"]
    if not all(isinstance(column, list) for column in history.values()):
        return "a column of its history is no list"
    lengths = {len(column) for column in history.values()}
    if len(lengths) != 1 or lengths == {0} or "epoch" not in history:
        return "the columns of its history have different lengths, or none"
    for name, column in history.items():
        kinds = (int, float) if name in _NUMBERS else (int, float, str)
        wrong = [value for value in column if not isinstance(value, kinds)]
        if wrong:
            return f"its history holds {wrong[0]!r} for {name}"
    if not isinstance(record["environment"].get("code_sha256"), str):
        return "its environment has no code_sha256"
    return ""


_NUMBERS = {"epoch", "train_loss", "test_loss", "test_accuracy"}
_PARTS = {"history": dict, "seconds": float, "finished": str, "environment": dict}


def other_code(setting: Setting, record: dict[str, Any]) -> bool:
    """Say whether a record was made by other code than today's.

    Compared are the hashes of all modules that the run reaches, and torch's version.
    Chapter 12.
    """
    then, now = record["environment"], environment(_module_of(setting))
    return (
        then["code_sha256"] != now["code_sha256"]
        or then["versions"]["torch"] != now["versions"]["torch"]
    )


def remove_leftovers(folder: Path, older_than: float = 3600) -> None:
    """Remove what a process killed while writing has left; files are seconds old."""
    now = time.time()
    for path in folder.glob(".*.json-*"):
        with suppress(OSError):  # another process may be faster
            if now - path.stat().st_mtime > older_than:
                path.unlink()


def _module_of(setting: Setting) -> str:
    return type(setting.condition).__module__


_ADVICE = "it was left as it is. Move it away, and the run will be done again"


def write_text(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it.

    A file that holds the text already is left alone, so that a finished study can be
    read from a disk that cannot be written.  Raises ``OSError`` with the file's name if
    writing fails, for instance on a full disk; what stood there before still does.
    """
    with suppress(OSError, UnicodeDecodeError):
        if path.read_text("utf-8") == text:
            return
    name = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # mkstemp's files are private
        os.replace(name, path)
    except BaseException as error:
        if name is not None:
            Path(name).unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise OSError(
            error.errno,
            f"could not write {path}: {error.strerror}. Nothing was overwritten, and "
            "finished runs are kept; make room (or choose --out), then the same "
            "command goes on",
        ) from error


def write_table(
    name: str,
    table: pd.DataFrame,
    origin: dict[str, Any],
    folder: Path,
    digits: int = 5,
) -> None:
    """Write a result: ``NAME.csv``, and ``NAME.json`` with where it comes from.

    Parameters
    ----------
    name, folder : of the two files.
    table : rows and columns; numbers are written with ``digits`` significant digits.
    origin : provenance, which gets the table's SHA-256.

    Raises ``OSError`` as :func:`write_text`.  Chapter 12.
    """
    number = f"%.{digits}g"
    text = table.to_csv(index=False, float_format=number, lineterminator="\n")
    write_text(folder / f"{name}.csv", text)
    origin = origin | {"table_sha256": hashlib.sha256(text.encode()).hexdigest()}
    write_text(folder / f"{name}.json", _in_lines(origin) + "\n")


def _in_lines(value: Any) -> str:
    """Return JSON with a line per entry, but lists of plain values on a single one."""
    flat = r"\[\n\s*([^\[\]{}]*?)\n\s*\]"  # a line never ends within a string

    def joined(found: re.Match[str]) -> str:
        return "[" + re.sub(r"\n *", " ", found[1]) + "]"

    return re.sub(flat, joined, json.dumps(value, indent=2))


def study_provenance(
    study: Study, records: list[dict[str, Any]], command: str, data: dict[str, str]
) -> dict[str, Any]:
    """Say where a table comes from, without names of users or folders.

    Parameters
    ----------
    study : the declared grid.
    records : of its runs that are done.
    command : what was called.
    data : SHA-256 of the files that the runs read, by name.

    Chapter 12.
    """
    finished = sorted(record["finished"] for record in records)
    seconds = [r["seconds"] for r in records if math.isfinite(r["seconds"])]
    environments = []
    for record in records:
        if record["environment"] not in environments:
            environments.append(record["environment"])
    return {
        "study": study.name,
        "question": study.question,
        "command": command,
        "grid": _grid(study),
        "runs": len(records),
        "runs_declared": len(study.settings()),
        "runs_that_broke_down": len(records) - len(seconds),
        "threads_per_run": 1,
        "trained_together": sorted({r.get("together", 1) for r in records}),
        "seconds_of_all_runs": round(sum(seconds), 1),
        "first_run_finished": finished[0] if finished else None,
        "last_run_finished": finished[-1] if finished else None,
        "environments": environments,
        "recorded_at_commit": git_commit(),
        "data_sha256": data or None,
    }


def _grid(study: Study) -> dict[str, Any]:
    """Return a study as plain data; thousands of conditions, grown by a rule, short."""
    grid = declared(study)
    if study.growth is not None:
        grid["conditions"] = condensed(study.conditions)
    return grid


def _path(setting: Setting, folder: Path) -> Path:
    return folder / f"{setting.id}.json"


def _plain(value: Any) -> Any:
    """Return a value as JSON gives it back: lists for tuples."""
    return json.loads(json.dumps(value))


@cache
def environment(*modules: str) -> dict[str, Any]:
    """Return versions, machine and code that a result depends on.

    Parameters
    ----------
    modules : names of further modules of ours that did the work; their files, and all
        that they and the studies import, are what ``code_sha256`` is the hash of.

    Chapter 12.
    """
    return {
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.system(),
        "git_commit": git_commit(),
        "uncommitted_changes": uncommitted_changes(),
        "code_sha256": code_hash("actlab.studies.runners", *modules),
    }


@cache
def _device(device: str) -> dict[str, str]:
    """Name the accelerator, if one was used."""
    if not device.startswith("cuda"):
        return {} if device == "cpu" else {"device": device}
    import torch

    return {"device": torch.cuda.get_device_name(device)}


def _version(package: str) -> str | None:
    if package == "actlab":
        from .. import __version__

        return __version__
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def code_hash(*modules: str) -> str:
    """Return the SHA-256 of modules of ours and of all of ours that they import.

    What is imported is read from the files and not from what happens to be loaded, so
    that two processes agree.  Chapter 12.
    """
    digest = hashlib.sha256()
    for path in sorted(_reached(modules)):
        digest.update(path.relative_to(CODE).as_posix().encode() + b"\0")
        digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def _reached(modules: Iterable[str]) -> set[Path]:
    """Return the files of modules of ours, of what they import, and their parents."""
    files: set[Path] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is None or path in files:
            continue
        files.add(path)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += [package, *_imports(path, package)]
    return files


def _file_of(module: str) -> Path | None:
    """Return the file of a module of ours; None for what is no module, or not ours."""
    path = CODE.joinpath(*module.split("."))
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if module and file.is_file():
            return file
    return None


def _imports(path: Path, package: str) -> Iterator[str]:
    """Yield the full names of all that a file imports, modules or not."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(up if node.level else ()), *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def git_commit() -> str | None:
    """Return the commit of the checkout that the packages lie in; None if in none."""
    lines = (_git("rev-parse", "--show-prefix", "HEAD") or "").split()
    # Installed inside somebody else's repository, the commit would be theirs.
    return lines[1] if len(lines) == 2 and lines[0] == "code/" else None


def uncommitted_changes() -> bool | None:
    """Say whether code of the checkout differs from its commit; None outside of one.

    Recorded results are no code.
    """
    if git_commit() is None:
        return None
    lines = (_git("status", "--porcelain", "-uall", "--", ".") or "").splitlines()
    return any("/results/" not in line for line in lines)


def _git(*words: str) -> str | None:
    command = ["git", "-C", str(CODE), *words]
    try:
        reply = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return reply.stdout if reply.returncode == 0 else None
