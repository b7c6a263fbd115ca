"""The repository keeps its promises: layout, package, pins, links, the book."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def requirements(name):
    """Return {name: requirement} of a requirements file."""
    lines = (line.partition("#")[0].strip() for line in read(name).splitlines())
    found = [Requirement(line) for line in lines if line]
    return {item.name.lower().replace("_", "-"): item for item in found}


# --- layout ------------------------------------------------------------------------


def test_code_is_no_package():
    """code/__init__.py would shadow the standard library's module code."""
    assert not (ROOT / "code" / "__init__.py").exists()
    assert not (ROOT / "_static").exists(), "Jupyter Book loads every script in it"


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "CITATION.cff",
        "LICENSE",
        "LICENSE-TEXT",
        "_config.yml",
        "_toc.yml",
        "intro.md",
        "requirements.txt",
        "constraints.txt",
        "code/pyproject.toml",
    ],
)
def test_the_file_is_there(name):
    assert (ROOT / name).stat().st_size > 0


def test_every_chapter_is_in_the_table_of_contents():
    contents = read("_toc.yml")
    listed = set(re.findall(r"file: (chapters/\S+)", contents))
    there = {f"chapters/{path.stem}" for path in (ROOT / "chapters").glob("*.ipynb")}
    assert listed == there


def test_chapters_have_plain_names():
    for path in (ROOT / "chapters").glob("*.ipynb"):
        assert re.fullmatch(r"\d\d-[a-z0-9-]+\.ipynb", path.name)


# --- the package -------------------------------------------------------------------


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT / "code")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_importing_the_package_is_cheap():
    heavy = "('torch', 'torchvision', 'matplotlib', 'sympy', 'pandas', 'scipy')"
    code = f"import sys, actlab; print([m for m in {heavy} if m in sys.modules])"
    assert run_python(code) == "[]"


def test_modules_load_when_they_are_named():
    assert run_python("import actlab; print(actlab.statistics.__name__)") == (
        "actlab.statistics"
    )
    code = "import actlab\ntry: actlab.nothing\nexcept AttributeError as e: print(e)"
    assert run_python(code) == "actlab has no module 'nothing'"


def test_the_package_needs_nothing_newer_than_colab_has():
    project = tomllib.loads(read("code/pyproject.toml"))["project"]
    held = requirements("tools/colab-constraints.txt")
    for text in project["dependencies"]:
        item = Requirement(text)
        if item.name.lower() in held:
            version = str(held[item.name.lower()].specifier).removeprefix("==")
            assert Version(version) in item.specifier, text
    torch = [text for text in project["dependencies"] if text.startswith("torch")]
    assert torch == ["torch", "torchvision"], "torch is not pinned there"
    assert project["requires-python"] == ">=3.11"


# --- requirements ------------------------------------------------------------------


def test_requirements_are_pinned_and_in_the_constraints():
    direct, resolved = requirements("requirements.txt"), requirements("constraints.txt")
    for name, item in direct.items():
        assert re.fullmatch(r"==[\w.]+", str(item.specifier)), f"{name} is not pinned"
        assert resolved[name].specifier == item.specifier, f"{name} differs"
    for name, item in resolved.items():
        assert re.fullmatch(r"==[\w.]+", str(item.specifier)), f"{name} is not pinned"
    assert direct["jupyter-book"].specifier.contains("1.0.4.post1")


def test_what_is_installed_is_what_is_pinned():
    from importlib.metadata import PackageNotFoundError, version

    for name, item in requirements("requirements.txt").items():
        if name in {"torch", "torchvision"}:
            continue  # the weekly run takes the newest
        try:
            assert item.specifier.contains(version(name)), f"{name} {version(name)}"
        except PackageNotFoundError:
            pytest.fail(f"{name} is not installed; run make setup")


# --- links -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "intro.md"])
def test_links_in_the_documents_lead_somewhere(name):
    import notebook_lint

    path = ROOT / name
    found = [
        notebook_lint.link_problem(target, path)
        for target in notebook_lint.links(path.read_text(encoding="utf-8"))
        if not target.endswith(".html") and ".html#" not in target
    ]
    assert not [problem for problem in found if problem]


# --- the check script --------------------------------------------------------------


def test_the_check_script_runs_everything():
    path = ROOT / ".ci" / "run"
    if os.name != "nt":
        assert path.stat().st_mode & stat.S_IXUSR
        subprocess.run(["bash", "-n", str(path)], check=True)
    text = path.read_text(encoding="utf-8")
    for target in ("test", "colab-test", "site-test"):
        assert re.search(rf"for target in .*\b{target}\b", text)


# --- configuration of the book -----------------------------------------------------


def test_the_book_is_configured_for_stored_outputs_and_own_scripts():
    settings = yaml.safe_load(read("_config.yml"))
    assert settings["execute"]["execute_notebooks"] == "off"
    config = settings["sphinx"]["config"]
    assert "http" not in str(config)
    for folder in ("code", "tests", ".venv*"):
        assert folder in settings["exclude_patterns"]


def test_katex_is_complete_and_licensed():
    import vendor_katex

    for folder in vendor_katex.FOLDERS:
        licence = (ROOT / folder / "LICENSE").read_text(encoding="utf-8")
        assert "The MIT License" in licence
    style = (ROOT / "assets/katex/katex.min.css").read_text(encoding="utf-8")
    named = set(re.findall(r"fonts/[\w-]+\.woff2", style))
    assert len(named) == 20
    assert all((ROOT / "assets/katex" / name).is_file() for name in named)
    script = (ROOT / "tools/katex/katex.min.js").read_text(encoding="utf-8")
    assert f'"{vendor_katex.VERSION}"' in script


def test_styles_and_scripts_load_nothing_from_elsewhere():
    for name in (
        "assets/actlab.css",
        "assets/actlab.js",
        "assets/search.js",
        "assets/catalogue.js",
        "assets/reading.js",
    ):
        assert not re.search(r"https?://|@import|fetch\(|XMLHttpRequest", read(name))
