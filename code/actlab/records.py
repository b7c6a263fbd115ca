"""What a run leaves on disk: records that are whole or absent, and their origin.

A record is found by the identity of its setting. It is written to a temporary file,
flushed to the disk and renamed, so a process killed at any moment leaves no half of it.
A file that is no record of its setting is never overwritten: it is named in an error.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import subprocess
import tempfile
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .grids import Setting, Study, declared

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "RecordError",
    "environment",
    "read_record",
    "record_of",
    "study_provenance",
    "write_record",
    "write_table",
    "write_text",
]

PACKAGES = ("actlab", "torch", "torchvision", "numpy", "pandas", "scipy", "joblib")
# The modules that decide what a run computes.
CODE = (
    "controls.py",
    "datasets.py",
    "deep.py",
    "fields.py",
    "language/text.py",
    "language/training.py",
    "language/transformer.py",
    "networks.py",
    "runners.py",
    "training.py",
)


class RecordError(RuntimeError):
    """A file stands where a record belongs and is none, or belongs to another run."""


def record_of(setting: Setting, device: str = "cpu") -> dict[str, Any]:
    """Do one run and return its record: setting, history, seconds, date, environment.

    Raises what the run raises; a loss that is not finite is a result.  Chapter 12.
    """
    from . import runners

    history, seconds = runners.execute(setting, device)
    return {
        "setting": declared(setting),
        "history": history,
        "seconds": seconds,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": environment() | _device(device),
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
    return record


_ADVICE = "it was left as it is. Move it away, and the run will be done again"


def write_text(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it.

    Raises ``OSError`` with the file's name if that fails, for instance on a full disk;
    what stood there before still does.
    """
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
    write_text(folder / f"{name}.json", json.dumps(origin, indent=2) + "\n")


def study_provenance(study: Study, folder: Path, command: str) -> dict[str, Any]:
    """Say where a table comes from, without names of users or folders.

    Parameters
    ----------
    study : the declared grid.
    folder : where its records lie.
    command : what was called.

    Chapter 12.
    """
    settings = study.settings()
    records = [r for s in settings if (r := read_record(s, folder)) is not None]
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
        "grid": declared(study),
        "runs": len(records),
        "runs_declared": len(settings),
        "runs_that_broke_down": len(records) - len(seconds),
        "threads_per_run": 1,
        "seconds_of_all_runs": round(sum(seconds), 1),
        "first_run_finished": finished[0] if finished else None,
        "last_run_finished": finished[-1] if finished else None,
        "environments": environments,
        "recorded_at_commit": _git_commit(),
        "data_sha256": _data_hashes(study.data),
    }


def _path(setting: Setting, folder: Path) -> Path:
    return folder / f"{setting.id}.json"


def _plain(value: Any) -> Any:
    """Return a value as JSON gives it back: lists for tuples."""
    return json.loads(json.dumps(value))


@cache
def environment() -> dict[str, Any]:
    """Return versions, machine and code that a result depends on.  Chapter 12."""
    return {
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.system(),
        "git_commit": _git_commit(),
        "code_sha256": _code_hash(),
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
        from . import __version__

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


def _code_hash() -> str:
    here = Path(__file__).parent
    return hashlib.sha256(b"".join((here / c).read_bytes() for c in CODE)).hexdigest()


def _git_commit() -> str | None:
    here = Path(__file__).resolve().parent
    command = ["git", "-C", str(here), "rev-parse", "--show-prefix", "HEAD"]
    try:
        reply = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = reply.stdout.split()
    # Installed inside somebody else's repository, the commit would be theirs.
    ours = reply.returncode == 0 and len(lines) == 2 and lines[0] == "code/actlab/"
    return lines[1] if ours else None


def _data_hashes(name: str) -> dict[str, str] | None:
    if name == "fashion_mnist":
        from .datasets import FASHION_MNIST_SHA256

        return dict(FASHION_MNIST_SHA256)
    if name == "python_documentation":
        from .language import corpus

        text = corpus()
        return {text.name: text.sha256}
    return None
