"""Fill a chapter's solutions in, so that a test can run it as a reader would leave it.

The code cell that calls ``check("1.4", xor)`` is the exercise's stub. It is replaced
by the solution (the fenced Python of ``<details data-solution="1.4">``) and the
check itself, made strict: a wrong solution raises.
"""

from __future__ import annotations

import ast
import re
from copy import deepcopy

__all__ = ["code_cells", "code_solutions", "fill_in", "strict_checks"]

DETAILS = re.compile(
    r"<details[^>]*data-solution=\"(?P<id>[^\"]+)\".*?</details>", re.DOTALL
)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def code_cells(notebook: dict) -> list[str]:
    """Return the sources of a notebook's code cells, in order."""
    return [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]


def code_solutions(notebook: dict) -> dict[str, str]:
    """Return each exercise's solution code, by id, where it has any."""
    found = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            continue
        for details in DETAILS.finditer(cell["source"]):
            blocks = PYTHON.findall(details.group())
            if blocks:
                found[details.group("id")] = "\n".join(blocks).strip()
    return found


def strict_checks(source: str) -> tuple[dict[str, str], str]:
    """Return the checks of a code cell, made strict, by exercise; and the rest."""
    checks, rest = {}, []
    for statement in ast.parse(source).body:
        call = getattr(statement, "value", None)
        is_check = (
            isinstance(statement, ast.Expr)
            and isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id == "check"
        )
        if is_check:
            call.keywords.append(ast.keyword("strict", ast.Constant(True)))
            checks[ast.literal_eval(call.args[0])] = ast.unparse(call)
        else:
            rest.append(ast.get_source_segment(source, statement))
    return checks, "\n".join(rest)


def fill_in(notebook: dict) -> tuple[dict, list[str]]:
    """Return a copy with all code solutions filled in, and the exercises' ids."""
    copy = deepcopy(notebook)
    solutions = code_solutions(notebook)
    filled = []
    for cell in copy["cells"]:
        if cell["cell_type"] != "code" or "check(" not in cell["source"]:
            continue
        checks, rest = strict_checks(cell["source"])
        for exercise, check in checks.items():
            if exercise not in solutions:
                raise ValueError(f"exercise {exercise} has no solution in Python")
            # The stub goes first: it may import or prepare what the solution uses.
            parts = [rest, solutions[exercise], check]
            cell["source"] = "\n\n".join(part for part in parts if part)
            filled.append(exercise)
    return copy, filled
