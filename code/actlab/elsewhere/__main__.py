"""The command ``python -m actlab.elsewhere``: run, status, show, census."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from actlab import elsewhere
from actlab.elsewhere import measuring, record
from actlab.elsewhere.environments import ENVIRONMENTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one action; return 0, 1 after an error (said in one line), 130 if stopped."""
    options = _parser().parse_args(arguments)
    actions = {"run": _run, "status": _status, "show": _show, "census": _census}
    try:
        return actions[options.action](options)
    except KeyboardInterrupt:
        print("\nstopped; what was answered is on disk, the same command goes on")
        return 130
    except (LookupError, OSError, RuntimeError) as error:
        print(f"error: {error.args[0] if error.args else error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m actlab.elsewhere", description=elsewhere.__doc__
    )
    actions = parser.add_subparsers(dest="action", required=True)
    do = actions.add_parser("run", help="ask the libraries that have not answered yet")
    status = actions.add_parser("status", help="say which have answered")
    for action in (do, status):
        action.add_argument(
            "keys", nargs="*", metavar="LIBRARY", help=", ".join(ENVIRONMENTS)
        )
        action.add_argument(
            "--out", type=Path, help="folder of answers (default: below ~/.cache)"
        )
    do.add_argument("--record", action="store_true", help="put it in what is shipped")
    show = actions.add_parser("show", help="print what was recorded")
    show.add_argument("function", help="such as gelu, or a library's name")
    actions.add_parser("census", help="print which activations models use")
    return parser


def _keys(options: argparse.Namespace) -> list[str]:
    """Return the named environments, or all; raise ``LookupError`` for another."""
    unknown = [key for key in options.keys if key not in ENVIRONMENTS]
    if unknown:
        raise LookupError(
            f"no library {unknown[0]!r}; there are {', '.join(ENVIRONMENTS)}"
        )
    return options.keys or list(ENVIRONMENTS)


def _folder(options: argparse.Namespace) -> Path:
    return options.out or measuring.default_folder()


def _run(options: argparse.Namespace) -> int:
    keys, folder = _keys(options), _folder(options)
    trouble = {k: t for k, t in measuring.run(keys, folder).items() if t}
    if options.record:
        _record([key for key in keys if key not in trouble], folder)
    for key, words in trouble.items():
        print(f"{key}: {words}", file=sys.stderr)
    return 1 if trouble else 0


def _record(keys: list[str], folder: Path) -> None:
    for name, kinds in (
        (record.TABLE, ("library", "export")),
        (elsewhere.CENSUS, ("census",)),
    ):
        parts = {k: _part(k, folder) for k in keys if ENVIRONMENTS[k].kind in kinds}
        if parts:
            print(f"recorded: {record.add(parts, measuring.HERE, name).name}")


def _part(key: str, folder: Path) -> dict[str, Any]:
    """Return one environment as the record keeps it."""
    if ENVIRONMENTS[key].kind == "census":
        place = folder / key
        counted = json.loads((place / "census.json").read_text("utf-8"))
        return json.loads((place / measuring.PROVENANCE).read_text("utf-8")) | counted
    origin, cells = measuring.cells(key, folder)
    return origin | {"cells": cells}


def _status(options: argparse.Namespace) -> int:
    folder = _folder(options)
    for key in _keys(options):
        state = "answered" if measuring.answered(ENVIRONMENTS[key], folder) else "to do"
        begun = len(list((folder / key).glob("[!_]*.json")))
        print(f"{key:22}{state:10}{begun:3} functions  {ENVIRONMENTS[key].packages[0]}")
    return 0


def _show(options: argparse.Namespace) -> int:
    table, wanted = elsewhere.load(), options.function
    shown = 0
    for key, environment in table.items():
        for cell in environment["cells"]:
            if wanted in (cell["function"], key):
                shown += 1
                print(f"{key} · {cell['call']} · {cell['form']}")
                for words in cell.get("differs", []):
                    print(f"    {words}")
    if not shown:
        known = ", ".join(elsewhere.FUNCTIONS)
        raise LookupError(f"nothing of {wanted!r}; functions: {known}")
    return 0


def _census(options: argparse.Namespace) -> int:
    for key, table in elsewhere.census().items():
        print(f"{ENVIRONMENTS[key].title}: {len(table)}")
        counts = table["activation"].value_counts()
        print(pd.DataFrame({"models": counts}).to_string(), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
