"""Every chapter keeps the frame, shows everywhere, and its solutions pass."""

from __future__ import annotations

import ast
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest

import lone_notebooks
import notebook_lint
import setup_cell

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))


def name(path):
    return path.stem


def test_there_are_chapters():
    assert CHAPTERS, "chapters/ holds no notebook"


@pytest.mark.parametrize("path", CHAPTERS, ids=name)
@pytest.mark.parametrize("check", notebook_lint.CHECKS)
def test_chapter(path, check):
    notebook = nbformat.read(path, as_version=4)
    found = notebook_lint.CHECKS[check](notebook, path)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("path", CHAPTERS, ids=name)
def test_code_solutions_pass_strictly(path):
    """Each solution runs after the chapter's imports and definitions alone."""
    notebook = nbformat.read(path, as_version=4)
    solutions = lone_notebooks.code_solutions(notebook)
    namespace: dict = {}
    done = []
    for source in lone_notebooks.code_cells(notebook):
        checks, _ = lone_notebooks.strict_checks(source)
        for exercise, check in checks.items():
            inner = dict(namespace)
            exec(compile(solutions[exercise], f"solution {exercise}", "exec"), inner)
            exec(check, inner)
            done.append(exercise)
        if not checks and source != setup_cell.SOURCE:
            kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
            body = [s for s in ast.parse(source).body if isinstance(s, kept)]
            exec(compile(ast.Module(body, []), path.name, "exec"), namespace)
    assert done, "no exercise in Python"


# --- the checks themselves can fail ------------------------------------------------


def markdown(source, *tags):
    return nbformat.v4.new_markdown_cell(source, metadata={"tags": list(tags)})


def code(source, *tags):
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})


def found_by(check, *cells, path=ROOT / "chapters" / "90-test.ipynb"):
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    return "\n".join(notebook_lint.CHECKS[check](notebook, path))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("```{note}\nx\n```", "directive"),
        (":::{note}\nx\n:::", ":::"),
        ("> [!NOTE]\n> x", "alert"),
        ("See {ref}`a`.", "role"),
        ("See {cite}.", "citation"),
        ("A note.[^1]", "footnote"),
        ("(here)=\n# Title", "label"),
        ("$\\newcommand{\\a}{b}$", "newcommand"),
        ("It costs \\$5.", "USD"),
        ("[x](02-anatomy.ipynb#gain)", "anchor"),
        ("![x](picture.png)", "relative image"),
        ("Text $$x$$ text.", "line of its own"),
        ("Text\n$$\nx\n$$\n", "blank line"),
        ("\n$$\na\n=\nb\n$$\n", "only '='"),
        ("\n$$\na\n", "open $$"),
        ("<details><summary>H</summary>\nx\n\n</details>", "follow </summary>"),
        ("<details><summary>H</summary>\n\nx\n</details>", "before </details>"),
        ("<details><summary>H</summary>\n\n## x\n\n</details>", "heading inside"),
        ("<details><summary>H</summary>\n\nx", "do not match"),
        ("| a |\n|---|\n| $|x|$ |", "bare |"),
    ],
)
def test_markdown_that_breaks_somewhere_is_found(source, message):
    assert message in found_by("markdown", markdown(source))


@pytest.mark.parametrize(
    "source",
    [
        "> **Note.** Text with $x$ and `{ref}` in code.",
        "Text\n\n$$\n\\begin{aligned}a &= b\\end{aligned} \\tag{1.1}\n$$\n\nText",
        "<details><summary>Hint</summary>\n\n```python\n# word\n```\n\n</details>",
        "| a |\n|---|\n| $\\lvert x\\rvert$ |",
        "```python\nx = '$$' + \"(a)=\"\n```",
    ],
)
def test_markdown_that_holds_passes(source):
    assert found_by("markdown", markdown(source)) == ""


@pytest.mark.parametrize(
    ("cells", "missing"),
    [
        (["print(value)"], "value"),
        (["def f():\n    return later", "later = 1"], "later"),
        (["print(x)\nx = 1"], "x"),
        (["total += 1"], "total"),
        (["y = y + 1"], "y"),
        (["items = [a for b in range(3)]"], "a"),
    ],
)
def test_hidden_state_is_found(cells, missing):
    assert f"'{missing}' is not defined" in found_by("code", *map(code, cells))


def test_defined_names_pass():
    cells = [
        "import torch.nn as nn\nfrom math import pi as circle",
        "def f(a, *b, c=1, **d):\n    g = [h for h in b]\n    return a, c, d, g, k()",
        "for i, (u, v) in enumerate([]):\n    print(i, u, v, nn, circle)",
        "with open('x') as file:\n    text = file.read()",
        "try:\n    pass\nexcept ValueError as error:\n    print(error)",
        "%matplotlib inline\nlambda z: z",
    ]
    cells[1] = "def k():\n    return 1\n\n\n" + cells[1]
    assert found_by("code", *map(code, cells)) == ""


def test_long_lines_are_found():
    assert "73 > 72" in found_by("code", code("x = '" + "a" * 67 + "'"))


def test_unknown_and_early_tags_are_found():
    assert "unknown tag" in found_by("tags", code("1", "hide-inputs"))
    assert "unknown tag" in found_by("tags", code("1", "reveal-1.a"))
    assert "before its prediction" in found_by("tags", code("1", "reveal-1.A"))
    ask = code('predict("1.A")')
    assert found_by("tags", ask, code("1", "reveal-1.A")) == ""


def test_weaker_comparisons_are_known_and_give_their_reason():
    def lint(*tags, **metadata):
        cell = code("print(1)", *tags)
        cell["metadata"] |= metadata
        cell["outputs"] = [nbformat.v4.new_output("stream", text="1\n")]
        return found_by("tags", cell)

    reason = "A trained network writes this text, letter by letter."
    assert lint("within-3", "within-20%") == ""
    assert lint("unchecked", unchecked=reason) == ""
    assert "unknown tag" in lint("within-a-mile")
    assert "unknown tag" in lint("nbval-check-output")
    assert "its reason" in lint("unchecked")
    assert "stands alone" in lint("unchecked", "within-3", unchecked=reason)
    assert "without the tag" in lint(unchecked=reason)
    assert "without outputs" in found_by("tags", code("x = 1", "within-3"))


def picture(alt):
    cell = code("plt.show()")
    data = {"image/png": "aGVsbG8="}
    cell["outputs"] = [nbformat.v4.new_output("display_data", data=data)]
    if alt is not None:
        cell["metadata"]["mystnb"] = {"image": {"alt": alt}}
    return cell


@pytest.mark.parametrize("alt", [None, "", "A plot.", "_images/0123456789abcdef.png"])
def test_figures_without_alt_text_are_found(alt):
    assert "without a telling alt text" in found_by("alt texts", picture(alt))


def test_a_telling_alt_text_passes():
    alt = "Line plot, x from -5 to 5: sigmoid rises from 0 to 1, steepest at 0."
    assert found_by("alt texts", picture(alt)) == ""


def test_a_changed_setup_cell_is_found():
    cell = nbformat.from_dict(setup_cell.setup_cell())
    assert found_by("setup", cell) == ""
    changed = deepcopy(cell)
    changed["source"] += "\n"
    assert "differs" in found_by("setup", changed)
    assert "0 setup cells" in found_by("setup", code("1"))


def test_wrong_counts_and_errors_are_found():
    cell = code("1 / 0")
    cell["execution_count"] = 3
    cell["outputs"] = [
        nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])
    ]
    found = found_by("outputs", cell)
    assert "1..1" in found
    assert "an error is stored" in found


def test_broken_links_are_found():
    text = "[a](99-nowhere.ipynb) [b](#no-heading) [c](https://example.org)"
    found = found_by("links", markdown(text))
    assert "99-nowhere.ipynb leads nowhere" in found
    assert "#no-heading: no such heading" in found
    assert "example.org" not in found


def test_a_bare_notebook_misses_the_whole_frame():
    found = found_by("frame", markdown("# Title\n\n## Part"))
    for part in ("question", "afterwards", "minutes", "GPU", "You need", "neither"):
        assert part in found
    for section in notebook_lint.CLOSING:
        assert section in found


def test_solutions_are_filled_into_their_stubs():
    notebook = nbformat.v4.new_notebook(
        cells=[
            code("def xor(x):\n    ...\n\n\ncheck('1.4', xor)"),
            markdown(
                '<details data-solution="1.4"><summary>Solution</summary>\n\n'
                "Why.\n\n```python\ndef xor(x):\n    return x\n```\n\n</details>"
            ),
        ]
    )
    filled, exercises = lone_notebooks.fill_in(notebook)
    assert exercises == ["1.4"]
    assert filled["cells"][0]["source"].endswith(
        "def xor(x):\n    return x\n\ncheck('1.4', xor, strict=True)"
    )
