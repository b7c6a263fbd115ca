#!/usr/bin/env python3
"""The course's commands, on every system: ``python make.py book`` (``py`` on Windows).

It needs Python alone, no package and no shell. Where there is make, ``make book`` is
the same: the Makefile hands its goals over to this file. Each command sets up what it
needs, once, in ``.venv``. Settings are words ``NAME=value`` or environment variables
(``SETTINGS`` below), as in ``python make.py serve PORT=8001``.
"""

# An old Python must be able to load this file, to be told that it is too old: no
# syntax newer than 3.7, but for annotations.
from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

OLDEST, NEWEST = (3, 11), (3, 14)  # the Pythons that the workflow tests
ANY_PYTHON = "ACTLAB_ANY_PYTHON"
ROOT = Path(__file__).resolve().parent
SITE = "_build/html"
COLAB = ROOT / ".venv-colab"
NEWEST_TORCH = ROOT / ".venv-newest"
SETTINGS = {
    "VENV": ".venv",  # the environment's folder
    "WORKERS": "2",  # test processes side by side
    "CHAPTER": "",  # for quick: 04, or "04 05"; empty: those that changed
    "NOTEBOOKS": "",  # for execute: their paths; empty: all chapters
    "FOLDER": "",  # for mark: the submitted notebooks; for class: where it writes
    "VARIANT": "1",  # for class: which other numbers
    "PORT": "8000",  # for serve
    "CPU_INDEX": "https://download.pytorch.org/whl/cpu",
}


def schema(name: str, *files: str) -> list[str]:
    """Return the step of LINT that compares files of GitHub's with their schema."""
    paths = (f".github/{file}" for file in files)
    return ["check-jsonschema", f"--builtin-schema=vendor.{name}", *paths]


# What make lint runs, in this order: programs of .venv and their arguments; a word
# with * stands for the files that it matches. What a step prints is shown if it fails.
LINT = [
    ["ruff", "check", "."],
    ["ruff", "format", "--check", "."],
    ["codespell"],
    ["lint-imports", "pyproject.toml"],
    ["mypy"],
    schema("github-workflows", "workflows/*.yml"),
    schema("dependabot", "dependabot.yml"),
    schema(
        "github-issue-forms", "ISSUE_TEMPLATE/chapter.yml", "ISSUE_TEMPLATE/package.yml"
    ),
    schema("github-issue-config", "ISSUE_TEMPLATE/config.yml"),
    ["zizmor", "--offline", "--quiet", "--no-progress", ".github"],
]
# The part of it that make quick runs: what an edited chapter can break, in a second.
QUICK_LINT = LINT[:3]


@dataclass(frozen=True)
class Command:
    """A command: what it does, its line of help, the commands that go before it."""

    action: Callable[[], None]
    help: str
    needs: tuple[str, ...]


COMMANDS: dict[str, Command] = {}
DONE: set[str] = set()


def command(text: str, *needs: str) -> Callable:
    """Register a function as a command; ``site_test`` is called ``site-test``."""

    def register(action: Callable[[], None]) -> Callable[[], None]:
        name = action.__name__.strip("_").replace("_", "-")
        COMMANDS[name] = Command(action, text, needs)
        return action

    return register


def perform(name: str) -> None:
    """Run a command and those that it needs, each once."""
    if name in DONE:
        return
    for need in COMMANDS[name].needs:
        perform(need)
    DONE.add(name)
    COMMANDS[name].action()


# --- settings, programs, messages -----------------------------------------------------


def setting(name: str) -> str:
    """Return a setting: the environment's value, or the usual one."""
    return os.environ.get(name) or SETTINGS[name]


def venv() -> Path:
    """Return the environment's folder."""
    return ROOT / setting("VENV")


def program(name: str, folder: Path | None = None) -> Path:
    """Return the path of a program of an environment, ``.venv`` if none is named."""
    folder = folder or venv()
    if os.name == "nt":
        return folder / "Scripts" / f"{name}.exe"
    return folder / "bin" / name


def environment() -> dict[str, str]:
    """Return the environment variables of all that is run."""
    return {
        **os.environ,
        # One thread each: two tests side by side with default threads slow torch
        # tenfold.
        "OMP_NUM_THREADS": "1",
        "MPLCONFIGDIR": str(venv() / "matplotlib"),
        "PYTHONPATH": str(ROOT / "code"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        # On Windows files and pipes have the country's code page without it.
        "PYTHONUTF8": "1",
    }


def run(*words: str | Path) -> None:
    """Run a program and show what it prints; end with its status if it fails."""
    done = subprocess.run([str(word) for word in words], cwd=ROOT, env=environment())
    if done.returncode:
        # A negative status is the signal that ended it.
        sys.exit(done.returncode if done.returncode > 0 else 1)


def python(*words: str | Path) -> None:
    """Run the environment's Python."""
    run(program("python"), *words)


def pip(*words: str | Path, folder: Path | None = None) -> None:
    """Run an environment's pip."""
    run(program("python", folder), "-m", "pip", "--disable-pip-version-check", *words)


def say(text: str) -> None:
    """Print a line at once, before what the next program prints."""
    print(text, flush=True)


def read(name: str) -> str:
    """Return the text of one of the repository's files."""
    return (ROOT / name).read_text(encoding="utf-8")


def remove(path: Path) -> None:
    """Remove a file, a folder, or a link but not what it leads to."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


# --- setting up -----------------------------------------------------------------------


def check_python() -> None:
    """End with a sentence that helps unless this Python is one of the supported."""
    this = sys.version_info[:2]
    if OLDEST <= this <= NEWEST or (this > NEWEST and os.environ.get(ANY_PYTHON)):
        return
    low, high = (f"{major}.{minor}" for major, minor in (OLDEST, NEWEST))
    other = f"py -{high} make.py" if os.name == "nt" else f"python{high} make.py"
    text = (
        f"The course needs Python {low} to {high} and this is Python "
        f"{'.'.join(map(str, sys.version_info[:3]))}: run one of those, as in "
        f"'{other} book' or 'make PYTHON=python{high} book'"
    )
    if this > NEWEST:
        text += f", or set {ANY_PYTHON}=1 to try this one anyway"
    sys.exit(f"{text}.")


def once(stamp: Path, wanted: str, work: Callable[[], None]) -> None:
    """Do some work unless a stamp says that it was done for the same files.

    Parameters
    ----------
    stamp : Path
        The file that says so. It is written last: work that was killed begins again.
    wanted : str
        What the work depends on, as :func:`digest` returns it.
    work : Callable
        The work.
    """
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    if stamp.is_file():
        stamp.unlink()
    work()
    stamp.write_text(wanted, encoding="utf-8")


def digest(*texts: str) -> str:
    """Return a hash of some files' texts."""
    return hashlib.sha256("\0".join(texts).encode("utf-8")).hexdigest()


def torch_pins() -> list[str]:
    """Return the two lines of requirements.txt that are installed first and alone."""
    return re.findall(r"^torch(?:vision)?==\S+", read("requirements.txt"), re.MULTILINE)


def create_venv() -> None:
    """Make the environment anew, with the Python that runs this file."""
    check_python()
    say(f"Setting up {setting('VENV')}, once (about 2 GB, a few minutes) ...")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv())])
    if made.returncode:
        sys.exit(
            "Could not make a virtual environment. On Debian and Ubuntu: "
            "sudo apt install python3-venv"
        )


def install_torch() -> None:
    """Install torch first and alone.

    With PyTorch's CPU index beside the registry pip finds the small wheel; where that
    index cannot be reached it falls back by itself.
    """
    patience = ("--timeout", "15", "--retries", "1")
    index = ("--extra-index-url", setting("CPU_INDEX"))
    pip("install", "-q", *patience, *index, *torch_pins())


@command("set up .venv, or bring it up to date")
def setup() -> None:
    """Make the environment, install torch, then the rest; each only if it must be."""
    if not program("python").exists():  # never made, or its Python is gone
        remove(venv() / ".created")
    once(venv() / ".created", "", create_venv)
    once(venv() / ".torch", digest(*torch_pins()), install_torch)
    files = ("requirements.txt", "constraints.txt")
    once(
        venv() / ".ready",
        digest(*map(read, files)),
        lambda: pip("install", "-q", "-r", files[0], "-c", files[1]),
    )


# --- the book -------------------------------------------------------------------------


@command("build the site", "setup")
def book() -> None:
    """Build the site."""
    python("tools/build.py")
    say(f"Book built: {SITE}/index.html")


@command("print the whole course as _build/html/course.pdf", "book")
def pdf() -> None:
    """Print the built site with Chromium, as one file."""
    python("tools/pdf.py")


@command("build it and show it on this machine (PORT=8000)", "book")
def serve() -> None:
    """Serve the site until Ctrl-C."""
    port = setting("PORT")
    say(f"Open http://localhost:{port}/ (stop with Ctrl-C)")
    try:
        python("-m", "http.server", "--bind", "127.0.0.1", "--directory", SITE, port)
    except KeyboardInterrupt:
        say("")


@command("run all chapters again (NOTEBOOKS=paths)", "setup")
def execute() -> None:
    """Run chapters and store their outputs."""
    notebooks = setting("NOTEBOOKS").split()
    run(program("ruff"), "format", "--quiet", *(notebooks or ["chapters"]))
    python("tools/execute.py", *notebooks)


@command("mark a folder of submitted notebooks (FOLDER=path)", "setup")
def mark() -> None:
    """Run each notebook in a process of its own and write marks.csv."""
    folder = setting("FOLDER")
    if not folder:
        sys.exit("Which folder? As in: make mark FOLDER=submitted")
    python("-m", "course.exercises.mark", Path(folder).expanduser())


@command("notebooks for a class, and their key (FOLDER=path VARIANT=1)", "setup")
def class_() -> None:
    """Write notebooks without solutions, with a variant's numbers, and their key."""
    folder, variant = setting("FOLDER"), setting("VARIANT")
    if not folder:
        sys.exit("Where to? As in: make class FOLDER=class VARIANT=3")
    if not variant.isdecimal():
        sys.exit(f"A variant is a whole number, as in VARIANT=3; got {variant!r}.")
    python("tools/classroom.py", Path(folder).expanduser(), "--variant", variant)


# --- the tests ------------------------------------------------------------------------


def lint_steps(steps: Iterable[list[str]]) -> None:
    """Run all steps; print what those say that fail, and end if any did."""
    failed = []
    for step in steps:
        words = [word for each in step for word in matching(each)]
        done = subprocess.run(
            [str(program(words[0])), *words[1:]],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        if done.returncode:
            failed.append(" ".join(words[:2]))
            say(f"--- {' '.join(words)}\n{done.stdout.strip()}")
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}.")


def matching(word: str) -> list[str]:
    """Return the files that a word with * stands for; any other word as it is."""
    if "*" not in word:
        return [word]
    return [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob(word))]


def test_file(name: str) -> Path:
    """Return the path of a test file, wherever it lies under tests."""
    return next((ROOT / "tests").rglob(name))


def pytest(*words: str | Path, parallel: bool = True) -> None:
    """Run pytest, by default with WORKERS processes."""
    workers = ("-n", setting("WORKERS")) if parallel else ()
    python("-m", "pytest", "-q", *workers, *words)


SITE_TESTS = (
    "test_site.py",
    "test_catalogue_page.py",
    "test_reading_page.py",
    "test_lab_page.py",
)
# Notebooks are compared where their cells say so; the site and the lone notebooks have
# commands of their own.
SUITE = (
    *("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout", "120"),
    *(f"--ignore-glob=*{name}" for name in (*SITE_TESTS, "test_colab.py")),
)


@command("the checks that run nothing: style, spelling, workflows", "setup")
def lint() -> None:
    """Run the steps of LINT."""
    lint_steps(LINT)


@command("every test, after lint (WORKERS=2)", "lint")
def test() -> None:
    """Run every test and every notebook."""
    pytest("--dist", "loadfile", *SUITE, "tests", "chapters")
    say("All tests passed.")


@command("a minute's checks of the chapters that you changed (CHAPTER=04)", "setup")
def quick() -> None:
    """Check the chapters named in CHAPTER, or those that changed."""
    chapters = chosen_chapters()
    lint_steps(QUICK_LINT)
    if not chapters:
        say("No chapter has changed: that was the lint alone. CHAPTER=04 names one.")
        return
    numbers = ", ".join(chapters)
    say(f"Chapter {numbers}: its notebook, its exercises, the tests that name it ...")
    expression = " or ".join(map(of_chapter, chapters.items()))
    notebooks = [ROOT / "chapters" / f"{stem}.ipynb" for stem in chapters.values()]
    # One process: a second one would spend most of its time on finding the tests.
    pytest(*SUITE, "-k", expression, "tests", *notebooks, parallel=False)
    say(f"Chapter {numbers} passed. make test runs the rest.")


def chosen_chapters() -> dict[str, str]:
    """Return {number: stem} of the chapters to check; end if there is no such one."""
    stems = [path.stem for path in sorted((ROOT / "chapters").glob("*.ipynb"))]
    known = {stem[:2]: stem for stem in stems}
    named = [number.zfill(2) for number in re.findall(r"\w+", setting("CHAPTER"))]
    unknown = [number for number in named if number not in known]
    if unknown:
        sys.exit(f"No chapter {unknown[0]}. There are {', '.join(known)}.")
    numbers = named or {number for path in changed() for number in numbers_in(path)}
    return {number: stem for number, stem in known.items() if number in numbers}


def numbers_in(path: str) -> list[str]:
    """Return the chapters that a path names: chapters/04-…, course/ch04/, x_ch04.py."""
    return re.findall(r"(?:chapters/|[/_]ch)(\d\d)(?=[-_./])", path)


def changed() -> list[str]:
    """Return the files that differ from the branch main, or are new.

    On main itself these are the files that differ from its last commit.
    """

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8"
        )
        return done.stdout if done.returncode == 0 else ""

    try:
        base = git("merge-base", "HEAD", "main").strip() or "HEAD"
        tracked = git("diff", "--name-only", base)
        return (tracked + git("ls-files", "--others", "--exclude-standard")).split("\n")
    except OSError:
        sys.exit("Without git there is no telling what changed: name it, CHAPTER=04.")


def of_chapter(chapter: tuple[str, str]) -> str:
    """Return what pytest -k finds a chapter's tests by.

    These are tests whose parameter is the notebook's name, the chapter's number, or an
    exercise's (4.2), and files named after the chapter, as test_ch04_figures.py is.
    """
    number, stem = chapter
    short = int(number)
    names = (stem, f"[{short}]", f"[{short}.", f"test_ch{number}")
    return " or ".join(names)


@command("test the site in a browser (WORKERS=2)", "book")
def site_test() -> None:
    """Test the built site; each process has one browser for all."""
    pytest("--dist", "worksteal", *map(test_file, SITE_TESTS))
    say("All browser tests passed.")


@command("run each chapter alone, as Colab does", "setup")
def colab_test() -> None:
    """Run each chapter alone, here and with the versions that Colab holds.

    Where these cannot be installed the tests skip that half and say so.
    """
    wanted = digest(*torch_pins(), read("tools/colab-constraints.txt"))
    try:
        once(COLAB / ".ready", wanted, create_colab)
    except SystemExit:
        say("Could not install Colab's versions; that half is skipped.")
    pytest(test_file("test_colab.py"))
    say("Each chapter runs alone.")


def create_colab() -> None:
    """Make a second environment, with the versions that Colab holds."""
    say(f"Setting up {COLAB.name} with Colab's versions, once ...")
    python("-m", "venv", "--clear", COLAB)
    pip(
        *("install", "-q", "--timeout", "15", "--retries", "1"),
        *("--extra-index-url", setting("CPU_INDEX"), *torch_pins()),
        *("-r", "tools/colab-constraints.txt", "nbclient", "PyYAML"),
        folder=COLAB,
    )


# --- for the workflows and for who keeps the pins -------------------------------------


@command("ask every outside address of the site whether it answers", "book")
def links() -> None:
    """Check the links to other sites."""
    python("tools/links.py")


@command('push the built pages, as one commit, to the branch "site"', "setup")
def publish() -> None:
    """Push the pages and the stamped notebooks that lie in _build/html."""
    python("tools/publish.py")


@command("every test, with the newest torch, in .venv-newest")
def test_newest() -> None:
    """Run every test with the newest torch, in an environment of its own.

    All else is as pinned. ``.venv`` is left alone; the processes of their own keep
    this one from being told that its environment is set up.
    """
    folder = f"VENV={NEWEST_TORCH.name}"
    run(sys.executable, "make.py", "setup", folder)
    index = ("--extra-index-url", setting("CPU_INDEX"))
    newest = ("install", "-q", "--upgrade", *index, "torch", "torchvision")
    pip(*newest, folder=NEWEST_TORCH)
    run(sys.executable, "make.py", "test", folder)


@command("inside Colab's image: run each chapter alone")
def colab_image_test() -> None:
    """Use the image's own Python and packages; install nothing but the test runner."""
    run(sys.executable, "-m", "pip", "install", "-q", "pytest")
    run(sys.executable, "-m", "pytest", "-q", test_file("test_colab.py"))


@command("is there a wheel of every pin for every supported Python?", "setup")
def resolve() -> None:
    """Resolve the pins for each supported Python and system."""
    low, high = OLDEST[1], NEWEST[1]
    python("tools/resolve.py", *(f"3.{minor}" for minor in range(low, high + 1)))


@command("write what .venv holds to constraints.txt", "setup")
def constraints() -> None:
    """Write the full resolved set, with the pins that only other systems install."""
    path = ROOT / "constraints.txt"
    freeze = [program("python"), "-m", "pip", "freeze", "--all", "--exclude", "pip"]
    held = subprocess.run(
        list(map(str, freeze)), stdout=subprocess.PIPE, encoding="utf-8", check=True
    ).stdout
    here = [
        line.replace("+cpu", "")
        for line in held.splitlines()
        if not re.search(r"^-e|@ ", line)
    ]
    before = path.read_text(encoding="utf-8").splitlines()
    head = [line for line in before if line.startswith("#")]
    pins = {key(line): line for line in [*before, *here] if key(line)}
    lines = [*head, *sorted(pins.values(), key=str.lower)]
    partial = path.with_name("constraints.txt.partial")
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    partial.replace(path)
    say("Written. make resolve names the pins that nothing needs any more.")


def key(line: str) -> str:
    """Return a package's name as pip compares it; empty for a comment."""
    return re.sub(r"[-_.]+", "-", re.split(r"[=#]", line)[0].strip().lower())


@command("remove what was built")
def clean() -> None:
    """Remove what was built and what the tools cached."""
    caches = (".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis")
    for name in ("_build", *caches, ".import_linter_cache"):
        remove(ROOT / name)
    for folder, names, _ in os.walk(ROOT):
        if "__pycache__" in names:
            remove(Path(folder) / "__pycache__")
        names[:] = [name for name in names if not name.startswith((".", "__pycache"))]
    for path in (ROOT / "chapters").glob("*.partial"):
        remove(path)
    say("Clean. (make distclean also removes .venv.)")


@command("remove .venv as well", "clean")
def distclean() -> None:
    """Remove what was built and all environments."""
    for folder in (venv(), COLAB, NEWEST_TORCH):
        remove(folder)


# --- the command line -----------------------------------------------------------------


@command("show this list")
def help_() -> None:
    """Print the commands and the settings."""
    say("make COMMAND ... or, without make, python make.py COMMAND ...\n")
    for name, entry in COMMANDS.items():
        say(f"  {name:18}{entry.help}")
    say(f"\nSettings, as NAME=value: {', '.join(SETTINGS)}; with make also PYTHON.")


def main(words: list[str]) -> int:
    """Run the commands named on the command line, in their order."""
    for stream in (sys.stdout, sys.stderr):  # an old console cannot print every sign
        stream.reconfigure(errors="replace")
    names = []
    for word in words:
        name, is_setting, value = word.partition("=")
        if is_setting and name in SETTINGS:
            os.environ[name] = value
        elif word in COMMANDS:
            names.append(word)
        else:
            known = SETTINGS if is_setting else COMMANDS
            sys.exit(f"make.py does not know {name!r}; it knows {', '.join(known)}.")
    try:
        for name in names or ["help"]:
            perform(name)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
