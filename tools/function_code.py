"""Code to copy for each function of the catalogue: PyTorch, and other libraries' calls.

Where PyTorch has the function, the code is its call. Where it has not, the code is the
course's own module with all that it needs, read from the package, so that it runs in an
empty file. Calls of other libraries come from the record of the page *Elsewhere*; what
was not recorded is not offered.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

import torch

from actlab import catalogue, elsewhere

__all__ = [
    "Example",
    "elsewhere_examples",
    "is_recorded",
    "pytorch_example",
    "source_of",
]

# A title and a piece of Python.
Example = tuple[str, str]

LIBRARIES = {"jax": "JAX", "keras-jax": "Keras"}
IMPORTS = {
    "jnp.": "import jax.numpy as jnp",
    "jax.": "import jax",
    "keras.": "import keras",
}


def pytorch_example(row: catalogue.Activation) -> str:
    """Return Python that makes ``f``, the function with its default parameters."""
    module = row.make()
    name = type(module).__name__
    if type(module).__module__.startswith("torch.nn"):
        return f"from torch import nn\n\nf = nn.{module!r}"
    if row.torch and row.torch.startswith("torch.nn."):
        axis = "dim=-1" if row.kind == "vector" else ""
        own = row.torch.removeprefix("torch.nn.")
        return f"from torch import nn\n\nf = nn.{own}({axis})"
    if row.torch and row.torch != "torch.heaviside":  # it wants the value at 0 as well
        return f"import torch\n\nf = {row.torch}"
    given = ", ".join(f"{key}={p.default:g}" for key, p in row.params.items())
    made = _builder(row, name, given)
    return f"{source_of(type(module))}\n\n\n{made}"


def _builder(row: catalogue.Activation, name: str, given: str) -> str:
    """Return the line that makes the module, with the row's numbers if it takes any."""
    made = row.make()
    if row.module is type(made):
        return f"f = {name}({given})"
    x = torch.linspace(-3, 3, 12)
    with torch.no_grad():
        same = torch.allclose(type(made)()(x), made(x), atol=1e-6)
    return f"f = {name}()" + ("" if same else "  # starts with numbers of its own")


# --- a module with all that it needs ----------------------------------------------


def source_of(thing: type) -> str:
    """Return the source of a class with its imports and every helper that it names."""
    module = sys.modules[thing.__module__]
    tree, text = _parsed(module)
    wanted: list[str] = []
    _collect(thing.__name__, tree, wanted)
    lines = text.split("\n")
    pieces = []
    for name, node in tree.items():
        if name in wanted and not isinstance(node, (ast.Import, ast.ImportFrom)):
            decorators = [d.lineno for d in getattr(node, "decorator_list", [])]
            first = min([node.lineno, *decorators]) - 1
            pieces.append((first, "\n".join(lines[first : node.end_lineno])))
    imports = list(_imports(tree, set(wanted)))
    body = "\n\n\n".join(piece for _, piece in sorted(pieces))
    return (
        "from __future__ import annotations\n\n" + "\n".join(imports) + f"\n\n\n{body}"
    )


@cache
def _parsed(module: ModuleType) -> tuple[dict[str, Any], str]:
    """Return a module's statements by the name that they bind, and its text."""
    text = inspect.getsource(module)
    found: dict[str, Any] = {}
    for node in ast.parse(text).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                found[alias.asname or alias.name] = node
    return found, text


def _collect(name: str, tree: dict[str, Any], wanted: list[str]) -> None:
    """Add a name and, one after the other, all that its source names."""
    if name in wanted or name not in tree:
        return
    wanted.append(name)
    node = tree[name]
    if not isinstance(node, (ast.Import, ast.ImportFrom)):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name):
                _collect(inner.id, tree, wanted)


def _imports(tree: dict[str, Any], wanted: set[str]) -> Iterator[str]:
    """Yield the import lines that are needed, in the module's order."""
    for node in dict.fromkeys(tree.values()):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            kept = [a for a in node.names if (a.asname or a.name) in wanted]
            if kept and getattr(node, "module", "") != "__future__":
                names = ", ".join(
                    f"{a.name} as {a.asname}" if a.asname else a.name for a in kept
                )
                start = (
                    f"from {node.module} " if isinstance(node, ast.ImportFrom) else ""
                )
                yield f"{start}import {names}"


# --- other libraries --------------------------------------------------------------


@cache
def _record() -> dict[str, Any]:
    return elsewhere.load()


def is_recorded(key: str) -> bool:
    """Say whether the page *Elsewhere* has a section of a function."""
    parts = _record().values()
    return any(cell["function"] == key for part in parts for cell in part["cells"])


def elsewhere_examples(row: catalogue.Activation) -> list[Example]:
    """Return the calls of each recorded library that has the function."""
    found = []
    for key, title in LIBRARIES.items():
        part = _record().get(key, {"cells": []})
        cells = [cell for cell in part["cells"] if cell["function"] == row.key]
        if cells:
            lines = list(dict.fromkeys(_import(cell["call"]) for cell in cells))
            lines += ["", *map(_line, cells)]
            found.append((title, "\n".join(lines)))
    return found


def _import(call: str) -> str:
    return next(line for start, line in IMPORTS.items() if call.startswith(start))


def _line(cell: dict[str, Any]) -> str:
    call = cell["call"]
    if "(x" not in call:  # a layer
        call += "(x)"
    note = "" if cell["form"] == "exact" else f"  # {cell['form']}"
    return f"y = {call}{note}"
