"""The commands: make.py, the Makefile, what documents say, the wheels of the pins."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent
while not (ROOT / "make.py").is_file():
    ROOT = ROOT.parent
sys.path.insert(0, str(ROOT))

import make  # noqa: E402

import resolve  # noqa: E402

needs_make = pytest.mark.skipif(
    os.name == "nt" or not shutil.which("make"), reason="there is no make"
)


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def call(*words, **variables):
    """Run make.py, or make if the first word is make, as a reader does."""
    start = [] if words[0] == "make" else [sys.executable, "make.py"]
    return subprocess.run(
        [*start, *words],
        cwd=ROOT,
        env=os.environ | {"MAKEFLAGS": "", "PYTHON": sys.executable} | variables,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """Let make.py run no program; return the list of those that it would run."""
    made = []

    class Done:
        returncode = 0
        stdout = ""

    def note(words, **options):
        made.append(words)
        return Done()

    monkeypatch.setattr(make.subprocess, "run", note)
    monkeypatch.setattr(make, "DONE", set())
    monkeypatch.setenv("VENV", str(tmp_path / "venv"))
    monkeypatch.setattr(make, "COLAB", tmp_path / "colab")
    for folder in ("venv", "colab"):
        (tmp_path / folder).mkdir()
    for name in set(make.SETTINGS) - {"VENV"}:
        monkeypatch.delenv(name, raising=False)
    return made


def printed(calls):
    """Return the programs that would run, one a line, each without its folder."""
    return [" ".join([Path(words[0]).stem, *map(str, words[1:])]) for words in calls]


# --- make and make.py ---------------------------------------------------------------


def test_the_makefile_lists_the_commands_of_make_py():
    listed = re.search(r"^COMMANDS := ((?:.*\\\n)*.*)$", read("Makefile"), re.MULTILINE)
    assert listed[1].replace("\\\n", " ").split() == list(make.COMMANDS)


def test_every_command_has_a_line_of_help():
    lines = call("help").stdout.splitlines()
    for name, entry in make.COMMANDS.items():
        assert f"  {name:18}{entry.help}" in lines
        assert set(entry.needs) <= set(make.COMMANDS)


@needs_make
def test_make_hands_all_goals_to_one_process():
    done = call("make", "-n", "-j4", "clean", "book", "test", "WORKERS=3")
    lines = [line for line in done.stdout.splitlines() if "make.py" in line]
    assert lines == [f"{sys.executable} make.py clean book test"], done.stderr


@needs_make
@pytest.mark.parametrize("words", [(), ("help",), ("-j4", "help")])
def test_make_without_a_goal_helps(words):
    done = call("make", "--no-print-directory", *words)
    assert done.stdout == call("help").stdout
    assert done.returncode == 0, done.stderr


@needs_make
def test_make_hands_its_variables_over():
    assert call("make", "help", PYTHON="false").returncode != 0
    done = call("make", "nothing", "PORT=8001")
    assert "make.py does not know 'nothing'" in done.stderr


@pytest.mark.parametrize(
    ("word", "known"), [("bok", "book"), ("VENF=x", "VENV"), ("--help", "help")]
)
def test_an_unknown_word_is_answered_with_the_known_ones(word, known):
    done = call(word)
    assert done.returncode == 1
    assert word.partition("=")[0] in done.stderr and known in done.stderr


def test_commands_run_once_in_order(monkeypatch):
    done = []
    monkeypatch.setattr(make, "DONE", set())
    for name, entry in make.COMMANDS.items():
        entry = make.Command(lambda name=name: done.append(name), "", entry.needs)
        monkeypatch.setitem(make.COMMANDS, name, entry)
    make.main(["links", "book", "test", "site-test"])
    assert done == ["setup", "book", "links", "lint", "test", "site-test"]


# --- Python -------------------------------------------------------------------------


def refusal(version, monkeypatch, any_python=None):
    """Return what a Python of this version is told, None if it may go on."""
    monkeypatch.setattr(sys, "version_info", (*version, "final", 0))
    monkeypatch.delenv(make.ANY_PYTHON, raising=False)
    if any_python:
        monkeypatch.setenv(make.ANY_PYTHON, any_python)
    try:
        return make.check_python()
    except SystemExit as end:
        return end.code


@pytest.mark.parametrize("minor", range(make.OLDEST[1], make.NEWEST[1] + 1))
def test_supported_pythons_may_go_on(minor, monkeypatch):
    assert refusal((3, minor, 0), monkeypatch) is None


@pytest.mark.parametrize("version", [(3, 7, 1), (3, make.OLDEST[1] - 1, 9)])
def test_an_old_python_is_told_what_to_run(version, monkeypatch):
    for any_python in (None, "1"):
        text = refusal(version, monkeypatch, any_python)
        assert "needs Python 3.11 to 3.14" in text
        assert ".".join(map(str, version)) in text
        assert "make.py book" in text and make.ANY_PYTHON not in text
        assert text.count(".\n") == 0 and text.endswith(".")


def test_a_new_python_is_told_how_to_try(monkeypatch):
    version = (3, make.NEWEST[1] + 1, 2)
    text = refusal(version, monkeypatch)
    assert "3.15.2" in text and f"{make.ANY_PYTHON}=1" in text
    assert refusal(version, monkeypatch, any_python="1") is None


def test_the_refusal_comes_before_anything_is_made(tmp_path):
    """An old Python that runs the whole file ends with one sentence, no traceback."""
    code = (
        "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0);"
        "sys.argv = ['make.py', 'setup'];"
        "runpy.run_path('make.py', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"VENV": str(tmp_path / "new")},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert not (tmp_path / "new").exists()


def test_all_places_name_the_same_pythons():
    """make.py says which; workflow, package and documents agree."""
    low, high = (".".join(map(str, end)) for end in (make.OLDEST, make.NEWEST))
    minors = range(make.OLDEST[1], make.NEWEST[1] + 1)
    workflow = yaml.safe_load(read(".github/workflows/checks.yml"))
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert matrix == [f"3.{minor}" for minor in minors]
    project = tomllib.loads(read("code/pyproject.toml"))["project"]
    assert project["requires-python"] == f">={low}"
    label = "Programming Language :: Python :: 3."
    classified = [c for c in project.get("classifiers", ()) if c.startswith(label)]
    assert classified in ([], [f"{label}{minor}" for minor in minors])
    settings = tomllib.loads(read("pyproject.toml"))["tool"]["ruff"]
    assert settings["target-version"] == f"py{low.replace('.', '')}"
    for name in ("README.md", "CONTRIBUTING.md", "reference/troubleshooting.md"):
        text = " ".join(read(name).split())
        assert f"Python {low} to {high}" in text, name
        assert not re.search(rf"Python 3\.\d+ to 3\.(?!{make.NEWEST[1]}\b)", text), name


# --- setting up ---------------------------------------------------------------------


def test_each_step_is_done_once(calls):
    make.setup()
    first = printed(calls)
    assert re.search(r"-m venv --clear \S+venv$", first[0])
    assert "torch==" in first[1] and "torchvision==" in first[1]
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in first[1]
    assert "-r " not in first[1], "torch is installed alone"
    assert first[2].endswith("install -q -r requirements.txt -c constraints.txt")
    make.program("python").parent.mkdir()
    make.program("python").touch()
    make.setup()
    assert len(calls) == 3, "everything is there"


def test_a_changed_pin_installs_again_but_not_torch(calls, monkeypatch):
    make.program("python").parent.mkdir()
    make.program("python").touch()
    make.setup()
    monkeypatch.setattr(make, "read", lambda name: read(name) + "\n# changed")
    make.setup()
    assert printed(calls)[3:] == printed(calls)[2:3]


@pytest.mark.parametrize("killed_at", [0, 1, 2])
def test_what_was_killed_begins_again(killed_at, calls, monkeypatch):
    make.program("python").parent.mkdir()
    make.program("python").touch()
    run = make.subprocess.run

    def stop(words, **options):
        if len(calls) == killed_at:
            raise KeyboardInterrupt
        return run(words, **options)

    monkeypatch.setattr(make.subprocess, "run", stop)
    assert make.main(["setup"]) == 130
    monkeypatch.setattr(make.subprocess, "run", run)
    make.setup()
    assert len(calls) == 3, "steps that were done are not repeated, the rest is done"


def test_an_environment_without_its_python_is_made_anew(calls):
    (make.venv() / ".created").touch()
    make.setup()
    assert "-m venv --clear" in printed(calls)[0]


def test_a_missing_venv_module_is_explained(calls, monkeypatch):
    failed = type("Done", (), {"returncode": 1})
    monkeypatch.setattr(make.subprocess, "run", lambda *words, **options: failed)
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        make.setup()
    assert not (make.venv() / ".created").exists()


@pytest.mark.parametrize(
    ("system", "place"), [("posix", "v/bin/python"), ("nt", "v/Scripts/python.exe")]
)
def test_programs_have_other_places_on_windows(system, place, monkeypatch):
    folder = Path("v")
    with monkeypatch.context() as patch:
        patch.setattr(make.os, "name", system)
        path = make.program("python", folder)
    assert path.as_posix() == place


def test_what_runs_has_one_thread_and_the_package():
    variables = make.environment()
    assert variables["OMP_NUM_THREADS"] == "1" and variables["PYTHONUTF8"] == "1"
    assert variables["PYTHONPATH"] == str(ROOT / "code")
    assert variables["MPLCONFIGDIR"] == str(make.venv() / "matplotlib")
    assert variables["JUPYTER_PREFER_ENV_PATH"] == "1"
    assert variables["PYDEVD_DISABLE_FILE_VALIDATION"] == "1"


# --- what the commands run ----------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected", "last"),
    [
        (["book"], "python tools/build.py", "Book built: _build/html/index.html"),
        (
            ["test", "WORKERS=5"],
            "-n 5 --dist loadfile",
            "All tests passed.",
        ),
        (["site-test"], "test_site.py", "All browser tests passed."),
        (["colab-test"], "test_colab.py", "Each chapter runs alone."),
        (["execute", "NOTEBOOKS=a b"], "ruff format --quiet a b", ""),
        (["execute"], "ruff format --quiet chapters", ""),
        (["mark", "FOLDER=sent"], "-m course.exercises.mark sent", ""),
        (["class", "FOLDER=c", "VARIANT=3"], "classroom.py c --variant 3", ""),
        (["serve", "PORT=81"], "--directory _build/html 81", ""),
        (["pdf"], "python tools/pdf.py", ""),
        (["links"], "python tools/links.py", ""),
        (["publish"], "python tools/publish.py", ""),
        (["resolve"], "python tools/resolve.py 3.11 3.12 3.13 3.14", ""),
        (["test-newest"], "make.py test VENV=.venv-newest", ""),
        (["colab-image-test"], "-m pip install -q pytest", ""),
        (["quick", "CHAPTER=4"], "04-relu-family.ipynb", "make test runs the rest."),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_command_runs_its_program(
    words, expected, last, calls, capsys, monkeypatch
):
    for name in make.SETTINGS:  # main sets them; they must not outlive the test
        monkeypatch.setenv(name, os.environ.get(name, ""))
    assert make.main(words) == 0
    assert any(expected in line for line in printed(calls)), printed(calls)
    if last:
        assert capsys.readouterr().out.rstrip().endswith(last)


def test_the_newest_torch_gets_an_environment_of_its_own(calls):
    assert make.main(["test-newest"]) == 0
    _, install, _ = calls
    assert install[0] == str(make.program("python", make.NEWEST_TORCH))
    assert make.NEWEST_TORCH != make.venv()
    made, installed, tested = printed(calls)
    assert made.endswith("make.py setup VENV=.venv-newest")
    assert "install -q --upgrade --extra-index-url" in installed
    assert installed.endswith(" torch torchvision")
    assert tested.endswith("make.py test VENV=.venv-newest")
    assert make.NEWEST_TORCH == make.ROOT / ".venv-newest"


def test_a_program_that_fails_ends_the_command(calls, monkeypatch):
    failed = type("Done", (), {"returncode": 7, "stdout": ""})
    monkeypatch.setitem(make.COMMANDS, "setup", make.Command(int, "", ()))
    monkeypatch.setattr(make.subprocess, "run", lambda *words, **options: failed)
    with pytest.raises(SystemExit, match="7"):
        make.main(["book"])
    failed.returncode = -9
    with pytest.raises(SystemExit, match="1"):
        make.main(["links"])


def test_colab_versions_that_cannot_be_installed_are_skipped(
    calls, monkeypatch, capsys
):
    monkeypatch.setitem(make.COMMANDS, "setup", make.Command(int, "", ()))
    run = make.subprocess.run

    def refuse(words, **options):
        done = run(words, **options)
        done.returncode = int("tools/colab-constraints.txt" in words)
        return done

    monkeypatch.setattr(make.subprocess, "run", refuse)
    assert make.main(["colab-test"]) == 0
    assert "that half is skipped" in capsys.readouterr().out
    assert not (make.COLAB / ".ready").exists()


def test_lint_goes_before_the_tests_and_says_what_failed(calls, monkeypatch, capsys):
    assert make.COMMANDS["test"].needs == ("lint",)
    programs = [step[0] for step in make.LINT]
    assert {"ruff", "codespell", "check-jsonschema", "zizmor"} <= set(programs)

    class Done:
        stdout = "line 1 is wrong"

        def __init__(self, words, **options):
            self.returncode = int(Path(words[0]).stem == "codespell")

    monkeypatch.setattr(make.subprocess, "run", Done)
    with pytest.raises(SystemExit, match="Failed: codespell"):
        make.lint()
    assert capsys.readouterr().out.count("line 1 is wrong") == 1


def test_clean_removes_what_was_built_and_no_more(monkeypatch, tmp_path):
    monkeypatch.setattr(make, "ROOT", tmp_path)
    monkeypatch.setattr(make, "COLAB", tmp_path / ".venv-colab")
    monkeypatch.setattr(make, "NEWEST_TORCH", tmp_path / ".venv-newest")
    monkeypatch.delenv("VENV", raising=False)
    elsewhere = tmp_path / "elsewhere"
    gone = ("_build/html", "code/__pycache__", ".ruff_cache", "code/a/__pycache__")
    gone += (".venv-colab", ".venv-newest")
    kept = ("elsewhere/lib/__pycache__", "chapters", ".git/__pycache__")
    for name in (*gone, *kept):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(make, "DONE", set())
    (tmp_path / ".venv").symlink_to(elsewhere / "lib", target_is_directory=True)
    (tmp_path / "chapters" / "a.ipynb.partial").touch()
    make.perform("distclean")
    assert not any((tmp_path / name).exists() for name in gone)
    assert not list((tmp_path / "chapters").iterdir())
    assert not (tmp_path / ".venv").is_symlink()
    assert (elsewhere / "lib").is_dir(), "a link goes, not what it leads to"


def test_constraints_keep_the_pins_of_other_systems(calls, monkeypatch, tmp_path):
    monkeypatch.setattr(make, "ROOT", tmp_path)
    path = tmp_path / "constraints.txt"
    path.write_text("# Head\ncolorama==0.4.6\nsphinx_design==1\ntorch==1\n")
    held = "Torch==2+cpu\n-e git+https://x\nsphinx-design==2\nb @ file:///b\na==3\n"
    done = type("Done", (), {"returncode": 0, "stdout": held})
    monkeypatch.setattr(make.subprocess, "run", lambda *words, **options: done)
    make.constraints()
    assert path.read_text().splitlines() == [
        "# Head",
        "a==3",
        "colorama==0.4.6",
        "sphinx-design==2",
        "Torch==2",
    ]


# --- make quick ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "numbers"),
    [
        ("chapters/04-relu-family.ipynb", ["04"]),
        ("code/course/ch12/exercises.py", ["12"]),
        ("code/course/ch01/results/first-look.csv", ["01"]),
        ("tests/course/test_ch07_figures.py", ["07"]),
        ("tests/course/test_ch07.py", ["07"]),
        ("code/actlab/networks.py", []),
        ("benchmarks/run-2026-11-21.md", []),
        ("README.md", []),
    ],
)
def test_a_path_names_its_chapter(path, numbers):
    assert make.numbers_in(path) == numbers


def test_quick_takes_the_chapters_that_changed(monkeypatch):
    monkeypatch.setenv("CHAPTER", "")
    paths = [
        "chapters/04-relu-family.ipynb",
        "tests/course/test_ch07.py",
        "x/99-none.md",
    ]
    monkeypatch.setattr(make, "changed", lambda: paths)
    assert list(make.chosen_chapters()) == ["04", "07"]
    monkeypatch.setenv("CHAPTER", "1, 02")
    assert list(make.chosen_chapters()) == ["01", "02"]
    monkeypatch.setenv("CHAPTER", "77")
    with pytest.raises(SystemExit, match="No chapter 77. There are 01, 02"):
        make.chosen_chapters()


def test_changed_files_are_those_that_git_names(monkeypatch, tmp_path):
    monkeypatch.setattr(make, "ROOT", tmp_path)

    def git(*words):
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.org")
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True)

    git("init", "-q", "-b", "main")
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("1")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    assert set(make.changed()) == {""}
    git("checkout", "-q", "-b", "work")
    (tmp_path / "a").write_text("2")
    git("commit", "-q", "-a", "-m", "second")
    (tmp_path / "b").write_text("2")
    (tmp_path / "new").touch()
    assert set(make.changed()) - {""} == {"a", "b", "new"}


def test_quick_finds_the_tests_of_a_chapter():
    """The names that quick asks for are names that tests have."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:xdist"]
        + ["-p", "no:cacheprovider", "-k", make.of_chapter(("04", "04-relu-family"))]
        + [str(path) for path in ROOT.glob("tests/**/test_*s.py")]
        + ["--nbval-lax", "chapters/04-relu-family.ipynb"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "code")},
        capture_output=True,
        encoding="utf-8",
    )
    found = done.stdout.splitlines()
    for part in (
        "test_chapter[links-04-relu-family]",
        "test_code_solutions_pass_strictly[04-relu-family]",
        "test_chapter_keeps_the_rules[4]",
        "test_every_page_mistake_gets_its_reply[4.1]",
        "chapters/04-relu-family.ipynb::Cell 1",
    ):
        assert any(line.endswith(part) for line in found), (part, done.stderr)
    assert not any("14-choosing" in line for line in found)


# --- what the documents say ---------------------------------------------------------


def code_in(text):
    """Return the fenced and the inline code of a markdown text."""
    fenced = re.findall(r"^```.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join(fenced + re.findall(r"`([^`\n]+)`", text))


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "reference/troubleshooting.md"]
)
def test_commands_in_the_documents_exist(name):
    """Each make command, and each Python file or module, that a document names."""
    text = read(name)
    code = code_in(text)
    named = set(re.findall(r"\bmake(?:\.py)? ([a-z][a-z-]+)\b", code))
    assert named <= set(make.COMMANDS), named - set(make.COMMANDS)
    for path in re.findall(r"\b(?:python3?|py) ([\w/]+\.py)", code):
        assert (ROOT / path).is_file(), path
    for module in re.findall(r"\bpython3? -m ((?:actlab|course)[\w.]*)", text):
        path = ROOT / "code" / Path(*module.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def test_the_readme_names_the_two_commands_and_their_last_lines():
    row = re.compile(r"^make ([a-z-]+) +# ends with: (.+)$", re.MULTILINE)
    commands = row.findall(read("README.md"))
    assert [command for command, _ in commands] == ["book", "test"]
    for _, line in commands:
        assert line in read("make.py").replace("{SITE}", make.SITE)
    assert "`py make.py book`" in read("README.md")


# --- the wheels of the pins ---------------------------------------------------------


def wheel(folder, name, python, requires=""):
    """Write an empty wheel that only one Python can install."""
    stem = f"{name}-1.0"
    with zipfile.ZipFile(folder / f"{stem}-{python}-none-any.whl", "w") as file:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}\n"
        file.writestr(f"{stem}.dist-info/METADATA", metadata)
        tag = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {python}-none-any\n"
        file.writestr(f"{stem}.dist-info/WHEEL", tag)
        file.writestr(f"{stem}.dist-info/RECORD", "")


@pytest.fixture
def pins(tmp_path):
    wheel(tmp_path, "outer", "py3", "Requires-Dist: inner")
    wheel(tmp_path, "inner", "cp313")
    (tmp_path / "requirements.txt").write_text("outer==1.0\n")
    (tmp_path / "constraints.txt").write_text("outer==1.0\ninner==1.0\n")
    return tmp_path, "--offline", "--no-index", "--find-links", str(tmp_path)


def test_a_pin_with_its_wheels_resolves(pins):
    found = resolve.resolve("3.13", "Linux", *pins)
    assert resolve.packages(found) == {"outer", "inner"}


@pytest.mark.parametrize("system", resolve.PLATFORMS)
def test_a_pin_without_a_wheel_is_named(system, pins):
    with pytest.raises(RuntimeError, match=rf"Python 3.14, {system}:[\s\S]*inner"):
        resolve.resolve("3.14", system, *pins)


def test_a_pin_that_wants_a_later_patch_is_named(pins):
    wheel(pins[0], "inner", "py3", "Requires-Python: >=3.11.5")
    assert "inner" in resolve.resolve("3.12", "Linux", *pins)
    with pytest.raises(RuntimeError, match=r"inner[\s\S]*3\.11\.5"):
        resolve.resolve("3.11", "Linux", *pins)


def test_missing_and_idle_pins_are_named():
    found = "A_b==1\ntriton==3\nnvidia-x==1\ncolorama==1 ; sys_platform == 'win32'\n"
    assert resolve.not_pinned(found, "# head\na.b==1\n") == {"colorama"}
    assert resolve.unused([found, "c==1"], "a-b==1\nc==1\nd==1\n") == {"d"}


def test_main_says_what_is_wrong(monkeypatch, capsys):
    def answer(python, system):
        if python == "3.14":
            raise RuntimeError(f"Python 3.14, {system}:\nno wheel of numpy")
        return read("constraints.txt") + "intruder==1\n"

    monkeypatch.setattr(resolve, "resolve", answer)
    assert resolve.main(["3.13", "3.14"]) == 1
    out = capsys.readouterr().out
    assert "Python 3.13, Windows:" in out
    assert "no wheel of numpy" in out and "lacks intruder" in out
    monkeypatch.setattr(resolve, "resolve", lambda *case: read("constraints.txt"))
    assert resolve.main(["3.13"]) == 0
    assert "Every pin has a wheel everywhere." in capsys.readouterr().out
