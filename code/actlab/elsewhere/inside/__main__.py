"""``python -m inside ADAPTER FOLDER PACKAGE …``: ask a library, keep each answer.

A function whose answers are in the folder already is not asked again.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from . import protocol


def main(arguments: list[str]) -> None:
    """Ask with an adapter of this folder; say what is being done."""
    name, folder, *packages = arguments
    adapter = importlib.import_module(f".{name}", __package__)
    out = Path(folder)
    if name.endswith("_census"):
        _keep(out / "census.json", adapter.count())
    else:
        library: protocol.Library = adapter.LIBRARY
        entries = library.entries()
        for number, (key, entry) in enumerate(entries.items(), 1):
            print(f"{number}/{len(entries)} {key}", flush=True)
            if not (out / f"{key}.json").exists():
                answers, arrays = protocol.ask(library, entry)
                np.savez_compressed(out / f"{key}.npz", **arrays)  # type: ignore[arg-type]
                _keep(out / f"{key}.json", answers)
        _keep(out / "_facts.json", library.facts())
    _keep(out / "_done.json", _origin(packages))


def _origin(packages: list[str]) -> dict[str, Any]:
    versions = {package: metadata.version(package) for package in packages}
    return {"python": platform.python_version(), "versions": versions}


def _keep(path: Path, content: Any) -> None:
    """Write whole or not at all."""
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(content), encoding="utf-8")
    os.replace(partial, path)


if __name__ == "__main__":
    main(sys.argv[1:])
