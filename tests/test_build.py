"""The build: nothing is done twice, nothing that changed is missed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import build
import side_process


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Return a small course whose site was built and remembered."""
    texts = {
        "chapters/01-a.ipynb": "{}",
        "code/actlab/a.py": "a = 1",
        "_config.yml": "title: a",
        "_build/html/index.html": "<p>a</p>",
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "SITE", tmp_path / "_build" / "html")
    monkeypatch.setattr(build, "DOCTREES", tmp_path / "_build" / ".doctrees")
    monkeypatch.setattr(build, "MARK", tmp_path / "_build" / "built.json")
    build.MARK.write_text(build.state(build.input_digest()), "utf-8")
    return tmp_path


class Began(Exception):
    """The build would have begun."""


@pytest.fixture
def started(monkeypatch):
    """Return a function that says whether make book builds."""

    def begin(*arguments, **settings):
        raise Began

    def asked() -> bool:
        # Git is asked through subprocess as well, in another module's name.
        known = build.input_digest()
        with monkeypatch.context() as patch:
            patch.setattr(build, "input_digest", lambda: known)
            patch.setattr(build.subprocess, "run", begin)
            try:
                build.main()
            except Began:
                return True
            return False

    return asked


def test_nothing_changed_builds_nothing(course, started, capsys):
    assert not started()
    assert "Nothing has changed" in capsys.readouterr().out
    assert (build.SITE / "index.html").exists()


@pytest.mark.parametrize(
    "name",
    ["chapters/01-a.ipynb", "code/actlab/a.py", "_config.yml", "assets/new.css"],
)
def test_a_change_builds_anew(course, started, name):
    path = course / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("changed", "utf-8")
    assert started()
    assert not build.SITE.exists(), "nothing stale is left"
    assert not build.MARK.exists(), "a build that is cut off begins again"


@pytest.mark.parametrize("change", ["lost", "edited", "more"])
def test_a_site_that_is_not_as_built_is_built_anew(course, started, change):
    page = build.SITE / "index.html"
    if change == "lost":
        page.unlink()
    else:
        (page if change == "edited" else build.SITE / "b.html").write_text("b")
    assert started()


def test_a_file_that_was_added_on_purpose_stays(course, started):
    (build.SITE / "course.pdf").write_bytes(b"%PDF")
    build.remember()
    assert not started()
    (course / "chapters" / "01-a.ipynb").write_text("{ }", "utf-8")
    assert started(), "what was remembered is what was built, not what changed since"


def test_what_tools_leave_behind_changes_nothing(course, started):
    for name in ("code/actlab/__pycache__/a.pyc", "reference/generated/a.txt"):
        path = course / name
        path.parent.mkdir(parents=True)
        path.write_text("left behind", "utf-8")
    (course / "chapters" / "b.partial").write_text("half", "utf-8")
    assert not started()


def test_another_package_builds_anew(course, started, monkeypatch):
    monkeypatch.setattr(build.importlib.metadata, "distributions", lambda: iter(()))
    assert started()


# --- the second process -------------------------------------------------------------


def run(code: str, tmp_path) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(build.ROOT / "tools")},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_work_beside_is_done_when_it_was_waited_for(tmp_path):
    done = run(
        "import pathlib, time, side_process\n"
        "def work():\n"
        "    time.sleep(0.3)\n"
        "    pathlib.Path('part').write_text('written')\n"
        "side_process.start(work)\n"
        "side_process.wait()\n"
        "print(pathlib.Path('part').read_text())\n"
        "side_process.wait()",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "written\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it fails on the spot")
def test_work_beside_that_fails_is_told(tmp_path):
    done = run(
        "import side_process\nside_process.start(lambda: 1 / 0)\nside_process.wait()",
        tmp_path,
    )
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "generated pages could not be written" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all is done at once")
def test_what_is_needed_later_is_waited_for_at_the_end(tmp_path):
    done = run(
        "import os, pathlib, time, side_process\n"
        "def later():\n"
        "    while not os.path.exists('go on'):\n"
        "        time.sleep(0.01)\n"
        "    pathlib.Path('later').touch()\n"
        "side_process.start(lambda: pathlib.Path('part').touch(), later)\n"
        "side_process.wait()\n"
        "print(sorted(os.listdir()))\n"
        "pathlib.Path('go on').touch()\n"
        "side_process.wait()\n"
        "side_process.end()\n"
        "print(sorted(os.listdir()))",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['part']\n['go on', 'later', 'part']\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it fails on the spot")
def test_later_work_that_fails_is_told_at_the_end(tmp_path):
    done = run(
        "import side_process\n"
        "side_process.start(lambda: None, lambda: 1 / 0)\n"
        "side_process.wait()\n"
        "print('waited')\n"
        "side_process.end()",
        tmp_path,
    )
    assert done.returncode == 1
    assert done.stdout == "waited\n"
    assert "ZeroDivisionError" in done.stderr


def test_waiting_for_nothing_takes_no_time():
    side_process.wait()
    side_process.end()
