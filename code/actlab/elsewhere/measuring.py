"""Run environments one after another; keep what each answered, and resume.

A unit of work is one environment. Its answers lie in a folder of their own, each
function's as soon as it is there, together with the hash of the code that asked. The
environment itself is removed when it has answered.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..studies import records
from . import judging
from .environments import ENVIRONMENTS, Environment, make
from .functions import VARIANTS

__all__ = ["HERE", "answered", "cells", "default_folder", "inside_hash", "run"]

HERE = Path(__file__).resolve().parent
PROVENANCE = "_unit.json"


def default_folder() -> Path:
    """Return the folder of answers, where the studies' records lie as well."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "actlab" / "elsewhere"


def inside_hash(environment: Environment) -> str:
    """Return the SHA-256 of the code that runs inside an environment.

    Of what it does: comments, docstrings and layout do not count, so that no library is
    asked again because a sentence was mended.
    """
    digest = hashlib.sha256()
    for name in sorted(_reached(environment.adapter_file)):
        code = (HERE / "inside" / f"{name}.py").read_text("utf-8")
        digest.update(f"{name}\0{_without_words(code)}\0".encode())
    return digest.hexdigest()


def _without_words(code: str) -> str:
    tree = ast.parse(code)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_text(part)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _reached(adapter: str) -> set[str]:
    """Return the files that an adapter imports, and those that it is called by."""
    files, waiting = set(), ["__main__", "protocol", adapter]
    while waiting:
        name = waiting.pop()
        if name not in files:
            files.add(name)
            text = (HERE / "inside" / f"{name}.py").read_text("utf-8")
            waiting += re.findall(r"^\s*from \.(\w+) import", text, re.M)
    return files


def answered(environment: Environment, folder: Path) -> bool:
    """Whether an environment has answered everything, to today's code."""
    try:
        unit = json.loads((folder / environment.key / PROVENANCE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return (
        unit.get("seconds") is not None
        and unit.get("inside_sha256") == inside_hash(environment)
        and unit.get("packages") == list(environment.packages)
    )


def run(
    keys: Iterable[str], folder: Path, python: str | None = None
) -> dict[str, str | None]:
    """Ask environments that have not answered yet; return what went wrong with which.

    Parameters
    ----------
    keys : of `ENVIRONMENTS`.
    folder : where the answers are kept.
    python : ask this interpreter, in place of environments that are made and removed.

    Says what it does and how long the rest may take.  An environment that cannot be
    made, or that stops early, is named, and the next one's turn comes.
    """
    waiting = [k for k in keys if not answered(ENVIRONMENTS[k], folder)]
    trouble: dict[str, str | None] = {}
    started = time.monotonic()
    for done, key in enumerate(waiting):
        spent = time.monotonic() - started
        rest = spent / max(done, 1) * (len(waiting) - done) / 60
        left = f", about {rest:.0f} min left" if done else ""
        print(f"{done + 1}/{len(waiting)} {key}{left}", flush=True)
        try:
            _unit(ENVIRONMENTS[key], folder / key, python)
            trouble[key] = None
        except (OSError, RuntimeError) as error:
            trouble[key] = str(error)
            print(f"  {error}", file=sys.stderr)
    return trouble


def _unit(environment: Environment, folder: Path, python: str | None) -> None:
    """Make the environment, ask it, remove it, and note where the answers are from."""
    _clear_if_other(environment, folder)
    started = time.monotonic()
    if python is not None:
        _ask(environment, folder, python)
    else:
        with tempfile.TemporaryDirectory(prefix="actlab-elsewhere-") as made:
            _ask(environment, folder, str(make(environment, Path(made) / "venv")))
    unit = _origin(environment, folder) | {"seconds": round(time.monotonic() - started)}
    records.write_text(folder / PROVENANCE, json.dumps(unit))


def _clear_if_other(environment: Environment, folder: Path) -> None:
    """Remove answers that other code or other releases gave."""
    mark = folder / "_asked.json"
    wanted = json.dumps([inside_hash(environment), environment.packages])
    if folder.exists() and (not mark.exists() or mark.read_text("utf-8") != wanted):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    records.write_text(mark, wanted)


def _ask(environment: Environment, folder: Path, python: str) -> None:
    """Call ``inside`` with another interpreter, which sees nothing of ours but that."""
    variables = os.environ | {
        "PYTHONPATH": str(HERE),
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONDONTWRITEBYTECODE": "1",
        **environment.variables,
    }
    command = [python, "-W", "ignore", "-m", "inside", environment.adapter_file]
    done = subprocess.run(
        [*command, str(folder), *environment.names],
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    if done.returncode or not (folder / "_done.json").exists():
        last = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise RuntimeError(f"{environment.key} stopped ({done.returncode}): {last}")


def _origin(environment: Environment, folder: Path) -> dict[str, Any]:
    done = json.loads((folder / "_done.json").read_text("utf-8"))
    machine = records.environment("actlab.elsewhere.measuring")
    return {
        "packages": list(environment.packages),
        "versions": done["versions"],
        "python": done["python"],
        "cpu": machine["cpu"],
        "machine": machine["machine"],
        "system": machine["system"],
        "git_commit": machine["git_commit"],
        "uncommitted_changes": machine["uncommitted_changes"],
        "inside_sha256": inside_hash(environment),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def cells(key: str, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return where an environment's answers are from, and its cells.

    Raises ``FileNotFoundError`` if it has not answered.
    """
    place = folder / key
    origin = json.loads((place / PROVENANCE).read_text("utf-8"))
    facts = json.loads((place / "_facts.json").read_text("utf-8"))
    found = []
    for path in sorted(place.glob("[!_]*.json")):
        with np.load(path.with_suffix(".npz")) as arrays:
            answers = json.loads(path.read_text("utf-8"))
            found.append(judging.cell(path.stem, answers, dict(arrays)))
            if path.stem in VARIANTS:
                found[-1]["variant"] = path.stem
    return origin | {"facts": facts}, found
