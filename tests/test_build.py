"""The build: nothing is done twice, nothing that changed is missed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

import build
import chapter_zips
import generate_pages
import phases
import side_process
import site_search


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
    monkeypatch.setattr(build, "RAW", tmp_path / "_build" / "pages")
    monkeypatch.setattr(build, "GENERATED", tmp_path / "reference" / "generated")
    monkeypatch.setattr(build, "OLD", tmp_path / "_build" / "old")
    monkeypatch.setattr(phases, "FILE", tmp_path / "_build" / "phases.txt")
    monkeypatch.setattr(build, "MARK", tmp_path / "_build" / "built.json")
    monkeypatch.setattr(build, "CHAPTERS", tmp_path / "_build" / "chapters.json")
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
            patch.setattr(build, "input_digest", lambda without=(): known)
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


# --- one chapter that has changed ----------------------------------------------------


@pytest.fixture
def built(course):
    """Return a small course that can be built again chapter by chapter."""
    write_chapter(course, "# A\n\ntext")
    for folder in (build.RAW, build.DOCTREES, build.GENERATED):
        folder.mkdir(parents=True, exist_ok=True)
    read = build.chapters_read() | {"generated": build.digest(iter(()))}
    build.CHAPTERS.write_text(json.dumps(read), "utf-8")
    build.MARK.write_text(build.state(build.input_digest()), "utf-8")
    return course


def write_chapter(course, *sources):
    cells = [{"cell_type": "markdown", "source": text} for text in sources]
    path = course / "chapters" / "01-a.ipynb"
    path.write_text(json.dumps({"cells": cells}), "utf-8")


def to_read():
    return build.changed_chapters(build.chapters_read())


def test_a_chapter_with_its_old_headings_is_read_alone(built):
    assert to_read() == []
    write_chapter(built, "# A", "other text")
    assert to_read() == ["chapters/01-a"]


@pytest.mark.parametrize(
    "text",
    [
        *("# B", "# A\n\n## B", "# A\n\n(here)=\ntext", "```\n# A\n```"),
        "# A\n\nabout 5 minutes to read, 6 minutes of exercises",
    ],
)
def test_a_new_heading_or_target_builds_all(built, text):
    write_chapter(built, text)
    assert to_read() == []


@pytest.mark.parametrize(
    "name",
    [
        *("chapters/02-b.ipynb", "code/actlab/a.py", "_build/html/index.html"),
        "reference/generated/a.txt",
    ],
)
def test_a_second_change_builds_all(built, name):
    write_chapter(built, "# A", "other text")
    (built / name).write_text("{}", "utf-8")
    assert to_read() == []


@pytest.mark.parametrize("name", ["RAW", "DOCTREES", "MARK", "CHAPTERS"])
def test_without_what_was_kept_all_is_built(built, name):
    write_chapter(built, "# A", "other text")
    path = getattr(build, name)
    path.rename(path.with_name("gone"))
    assert to_read() == []


def test_what_is_not_written_again_reads_no_chapter(monkeypatch, tmp_path):
    """Else a page would show what another chapter said before."""
    monkeypatch.setattr(generate_pages, "OUT", tmp_path)
    monkeypatch.setattr(generate_pages, "minutes", lambda chapter: (1, 1))
    outlines = {
        path: generate_pages.headings(path)
        for path in (build.ROOT / "chapters").glob("*.ipynb")
    }
    read = generate_pages.headings
    monkeypatch.setattr(
        generate_pages, "headings", lambda path: outlines.get(path) or read(path)
    )
    kept = {
        name: part
        for name, part in generate_pages.PARTS.items()
        if name not in generate_pages.FROM_CHAPTERS
    }
    monkeypatch.setattr(generate_pages, "PARTS", kept)
    monkeypatch.setattr(sys, "argv", ["generate_pages.py"])
    generate_pages.notebook.cache_clear()
    generate_pages.main()
    generate_pages.for_finishing()
    assert generate_pages.notebook.cache_info().currsize == 0
    assert len(list(tmp_path.iterdir())) > 10


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="it builds three times")
def test_a_changed_chapter_gives_the_site_of_a_clean_build(tmp_path):
    """Words come and go, and a picture; the headings stay."""
    course = tmp_path / "course"
    skipped = shutil.ignore_patterns("_build", ".*", "generated", "__pycache__")
    shutil.copytree(build.ROOT, course, ignore=skipped)
    shutil.copytree(build.ROOT / ".github", course / ".github")

    def made() -> str:
        command = [sys.executable, "tools/build.py"]
        done = subprocess.run(command, cwd=course, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    made()
    path = course / "chapters" / "04-relu-family.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    cells = [c for c in notebook["cells"] if c["cell_type"] == "markdown"]
    plain = [
        c for c in cells if not re.search(r"^#|<|\{|=$", "".join(c["source"]), re.M)
    ]
    plain[0]["source"] = ["Zyzzyva, and $y = x^{17}$."]
    pictures = [
        output["data"]
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", ())
    ]
    pictures[0]["image/png"] = pictures[1]["image/png"]
    path.write_text(json.dumps(notebook), "utf-8")
    assert "read again: 04-relu-family" in made()
    again = contents(course)
    shutil.rmtree(course / "_build")
    shutil.rmtree(course / "reference" / "generated")
    made()
    clean = contents(course)
    different = {
        name for name in {*again, *clean} if again.get(name) != clean.get(name)
    }
    assert not different


def contents(course) -> dict[str, bytes]:
    """Return the files of a site."""
    site = course / "_build" / "html"
    files = [path for path in site.rglob("*") if path.is_file()]
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in files}


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


def printed(code: str, tmp_path) -> str:
    """Run code in a process of its own that ends well; return what it printed."""
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    return done.stdout


def failing(code: str, tmp_path) -> subprocess.CompletedProcess[str]:
    """Run code that divides by 0 in a second process: the first is told, and ends."""
    done = run(code, tmp_path)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    return done


def test_the_work_beside_is_done_when_it_was_waited_for(tmp_path):
    found = printed(
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
    assert found == "written\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it fails on the spot")
def test_work_beside_that_fails_is_told(tmp_path):
    done = failing(
        "import side_process\nside_process.start(lambda: 1 / 0)\nside_process.wait()",
        tmp_path,
    )
    assert "a second process failed" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all is done at once")
def test_what_is_needed_later_is_waited_for_at_the_end(tmp_path):
    found = printed(
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
    assert found == "['part']\n['go on', 'later', 'part']\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it fails on the spot")
def test_later_work_that_fails_is_told_at_the_end(tmp_path):
    done = failing(
        "import side_process\n"
        "side_process.start(lambda: None, lambda: 1 / 0)\n"
        "side_process.wait()\n"
        "print('waited')\n"
        "side_process.end()",
        tmp_path,
    )
    assert done.stdout == "waited\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody replies")
def test_a_reply_comes_whole_and_a_failure_leaves_none(tmp_path):
    found = printed(
        "from side_process import Reply, start\n"
        "for work in (lambda: reply.send(b'x' * 10**6), lambda: 1 / 0):\n"
        "    reply = Reply()\n"
        "    start(work)\n"
        "    print(len(reply.receive()))",
        tmp_path,
    )
    assert found == "1000000\n0\n"


def test_shared_work_is_done_for_each_and_its_failure_told(tmp_path):
    done = failing(
        "import pathlib, side_process\n"
        "def work(name):\n"
        "    pathlib.Path(name).write_text(str(8 // int(name)))\n"
        "side_process.shared(work, ['1', '2', '4'])\n"
        "print(sorted(path.read_text() for path in pathlib.Path().iterdir()))\n"
        "side_process.shared(work, ['1', '0'])",
        tmp_path,
    )
    assert done.stdout == "['2', '4', '8']\n"


def test_waiting_for_nothing_takes_no_time():
    side_process.wait()
    side_process.end()


# --- the search index, written beside -------------------------------------------------


RECORD = site_search.Record("a.html", "A", "Page", "<h1 id='a'>A</h1><p>word</p>")


def test_the_index_is_whole_when_the_other_work_is_done(tmp_path):
    with site_search.index_beside([RECORD], tmp_path):
        pass
    found = json.loads((tmp_path / "pagefind" / "pagefind-entry.json").read_text())
    assert found["languages"]["en"]["page_count"] == 1


def test_work_that_fails_leaves_no_program_running(tmp_path, monkeypatch):
    programs = []

    class Noted(subprocess.Popen):
        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, **settings)
            programs.append(self)

    monkeypatch.setattr(site_search.subprocess, "Popen", Noted)
    with (
        pytest.raises(ZeroDivisionError),
        site_search.index_beside([RECORD], tmp_path),
    ):
        raise ZeroDivisionError
    assert programs[0].returncode is not None


# --- where the time went --------------------------------------------------------------


def test_the_time_is_noted_in_a_build_and_only_there(course):
    phases.mark("before it began")
    phases.begin()
    phases.mark("something")
    assert re.sub(r"[\d.]+", "0", phases.end()) == "  0 s  begun\n  0 s  something"
    phases.mark("after its end")
    assert not phases.FILE.exists()


# --- the zips -----------------------------------------------------------------------


def test_a_zip_is_what_the_standard_library_writes(tmp_path):
    chapter = next((build.ROOT / "chapters").glob("*.ipynb"))
    ours = next(iter(chapter_zips.write_zips(tmp_path, [chapter])))
    again = tmp_path / "again.zip"
    with zipfile.ZipFile(ours) as archive, zipfile.ZipFile(again, "w") as other:
        assert len(archive.infolist()) > 100
        for entry in archive.infolist():
            copy = zipfile.ZipInfo(entry.filename, entry.date_time)
            copy.compress_type = entry.compress_type
            copy.external_attr = entry.external_attr
            other.writestr(copy, archive.read(entry))
    assert again.read_bytes() == ours.read_bytes()
