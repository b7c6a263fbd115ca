"""Each chapter runs alone in an empty folder, as it does in Colab (make colab-test).

A temporary repository is made from the working tree; the chapters are stamped with
its address; each is run where no package is importable and no course lies above, with
its solutions filled in and all checks strict. It runs in this project's environment
and in one with the versions that Colab holds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

import lone_notebooks
import stamp
from chapter_zips import package_files

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
COLAB = ROOT / ".venv-colab"
PROGRAMS = "Scripts" if os.name == "nt" else "bin"
PYTHONS = {"project": Path(sys.executable), "colab": COLAB / PROGRAMS / "python"}
RUNNER = """
import sys
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

notebook = nbformat.read(sys.argv[1], as_version=4)
client = NotebookClient(notebook, timeout=300, kernel_name="python3")
try:
    client.execute()
except CellExecutionError as error:
    sys.exit(str(error))
finally:
    nbformat.write(notebook, sys.argv[1])
"""


def git(folder, *arguments):
    """Run git with an identity of its own, whatever this machine's settings are."""
    identity = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "Test",
        "GIT_AUTHOR_EMAIL": "test@example.org",
        "GIT_COMMITTER_NAME": "Test",
        "GIT_COMMITTER_EMAIL": "test@example.org",
    }
    return subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env=os.environ | identity,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """Return the address and the commit of a repository made from the tree."""
    folder = tmp_path_factory.mktemp("course")
    for path in package_files(ROOT):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    git(folder, "init", "-q")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "-q", "-m", "The course as it lies here")
    return folder.as_uri(), git(folder, "rev-parse", "HEAD")


@pytest.fixture
def empty_folder():
    """Return a folder with nothing of the course in it or above it."""
    with tempfile.TemporaryDirectory(prefix="lone-") as name:
        folder = Path(name).resolve()
        above = [folder, *folder.parents]
        assert not any((place / "code" / "actlab").exists() for place in above)
        yield folder


def run_alone(notebook, folder, python, name):
    """Run a notebook in an empty folder; return it with its outputs."""
    path = folder / name
    nbformat.write(notebook, path)
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in {"PYTHONPATH", "ACTLAB_REPO", "MPLBACKEND", "VIRTUAL_ENV"}
    }
    environment |= {
        "HOME": str(folder),
        "OMP_NUM_THREADS": "1",
        "TQDM_DISABLE": "1",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        [str(python), "-c", RUNNER, str(path)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{name}:\n{done.stderr[-6000:]}"
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("where", PYTHONS)
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_runs_alone_with_its_solutions(
    chapter, where, repository, empty_folder
):
    python = PYTHONS[where]
    if where == "colab" and not (COLAB / ".ready").exists():
        pytest.skip("Colab's versions could not be installed (registry unreachable)")
    address, commit = repository
    notebook = nbformat.read(chapter, as_version=4)
    stamped = stamp.stamp(notebook, chapter.name, address, commit)
    filled, exercises = lone_notebooks.fill_in(stamped)
    ran = run_alone(filled, empty_folder, python, chapter.name)
    assert exercises, "no exercise in Python"
    printed = "".join(
        output.get("text", "")
        for cell in ran["cells"]
        for output in cell.get("outputs", [])
    )
    for exercise in exercises:
        assert f"✓ {exercise}" in printed
    course = empty_folder / ".cache" / "actlab" / f"course-{commit}"
    assert (course / "code" / "actlab").is_dir(), "it must come from the repository"
    assert not list(course.parent.glob("partial-*"))


def test_the_package_is_not_importable_without_the_course(empty_folder):
    for where, python in PYTHONS.items():
        if not python.exists():
            continue
        done = subprocess.run(
            [str(python), "-c", "import actlab"],
            cwd=empty_folder,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
        )
        assert "No module named 'actlab'" in done.stderr, where


def test_a_failed_fetch_does_not_block_the_next_one(repository, empty_folder):
    """A wrong commit leaves no half-filled course behind."""
    address, commit = repository
    home = os.environ | {"HOME": str(empty_folder)}
    home.pop("PYTHONPATH", None)
    home.pop("ACTLAB_REPO", None)
    code = "import actlab; print(actlab.__version__)"

    def setup(commit):
        source = stamp.stamped_source(address, commit)
        return subprocess.run(
            [sys.executable, "-c", f"{source}\n{code}"],
            cwd=empty_folder,
            env=home,
            capture_output=True,
            text=True,
        )

    assert setup("0" * 40).returncode != 0
    done = setup(commit)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "the package is importable"
    again = setup(commit)  # from the folder that is there already
    assert again.stdout == done.stdout


def test_the_address_can_be_overridden(repository, empty_folder):
    """ACTLAB_REPO names another copy: an address, or a folder."""
    address, _ = repository
    source = stamp.stamped_source("", "")
    for value in (address, str(ROOT)):
        environment = os.environ | {"HOME": str(empty_folder), "ACTLAB_REPO": value}
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            [sys.executable, "-c", f"{source}\nimport actlab; print(actlab.__file__)"],
            cwd=empty_folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr


# -- where the setup cell finds the course, and what it says where it does not ---------


def run_setup(folder, source="", commit="", repository="", **more):
    """Run the setup cell in a folder, then print where the package lies."""
    environment = os.environ | {"HOME": str(folder / "home")} | more
    environment.pop("PYTHONPATH", None)
    environment["ACTLAB_REPO"] = source
    code = stamp.stamped_source(repository, commit)
    code += "\nimport actlab, course; print(actlab.__file__)"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def left_over(folder):
    """Return what half a fetch leaves in the cache."""
    return [p.name for p in (folder / "home/.cache/actlab").glob("partial-*")]


@pytest.fixture
def small_course(tmp_path):
    """Return the address of a repository with two empty packages."""
    folder = tmp_path / "small"
    for name in ("actlab", "course"):
        (folder / "code" / name).mkdir(parents=True)
        (folder / "code" / name / "__init__.py").write_text("")
    git(folder, "init", "-q")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "Two packages")
    return folder


@pytest.mark.parametrize("name", ["actlab", "course"])
def test_a_folder_of_the_packages_name_is_not_taken_for_it(
    name, small_course, empty_folder
):
    (empty_folder / name / "chapters").mkdir(parents=True)
    done = run_setup(empty_folder, small_course.as_uri())
    assert done.returncode == 0, done.stderr
    assert "course-" in done.stdout
    assert not left_over(empty_folder)


def test_a_clone_below_is_found(small_course, empty_folder):
    """The kernel may start one folder above the course, whatever that is called."""
    shutil.copytree(small_course, empty_folder / "actlab")
    done = run_setup(empty_folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith(str(empty_folder / "actlab" / "code"))


@pytest.mark.parametrize("inside", ["", "code"])
def test_a_folder_can_be_named_in_several_ways(inside, small_course, empty_folder):
    (empty_folder / "home").mkdir()
    shutil.copytree(small_course, empty_folder / "home" / "my course")
    for path in (f"~/my course/{inside}", f"{empty_folder}/home/my course/{inside}"):
        done = run_setup(empty_folder, path)
        assert done.returncode == 0, done.stderr


SECRET = "https://user:TOKEN123@localhost:1/course"


@pytest.mark.parametrize(
    ("source", "more", "says"),
    [
        (SECRET, {}, "check the network"),
        ("/no/such/folder", {}, "ACTLAB_REPO"),
        (SECRET, {"PATH": "/no/such/folder"}, "Install git"),
    ],
    ids=["no network", "wrong path", "no git"],
)
def test_a_failure_is_one_line_without_address(source, more, says, empty_folder):
    done = run_setup(empty_folder, source, **more)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: ") and says in last
    assert "TOKEN123" not in done.stderr + done.stdout
    assert "CalledProcessError" not in done.stderr
    assert not left_over(empty_folder)


def test_an_unstamped_copy_is_fetched_once(small_course, empty_folder):
    first = run_setup(empty_folder, small_course.as_uri())
    assert first.returncode == 0, first.stderr
    address = small_course.as_uri()
    shutil.rmtree(small_course)
    again = run_setup(empty_folder, address)
    assert again.stdout == first.stdout and not left_over(empty_folder)


def test_the_loser_of_a_race_leaves_nothing(small_course, empty_folder):
    """Four kernels start at once; all end with the same course."""
    with ThreadPoolExecutor(4) as pool:
        address = small_course.as_uri()
        done = list(pool.map(lambda _: run_setup(empty_folder, address), range(4)))
    assert all(one.returncode == 0 for one in done), done[0].stderr
    assert len({one.stdout for one in done}) == 1
    assert not left_over(empty_folder)
