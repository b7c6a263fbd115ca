"""What make class writes: notebooks without solutions, a key, nbgrader's form."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

import classroom
from course.exercises import core
from course.exercises.model import Code, Page

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
VARIANT = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    assert classroom.write(folder, VARIANT, CHAPTERS, None) == len(CHAPTERS)
    return folder


def read(path):
    return nbformat.read(path, as_version=4)


def sources(notebook, kind):
    return [c["source"] for c in notebook["cells"] if c["cell_type"] == kind]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_students_get_no_solution_and_the_variants_numbers(path, folder):
    made, chapter = read(folder / "students" / path.name), read(path)
    nbformat.validate(made)
    text = "\n".join(sources(made, "markdown"))
    assert "data-solution" not in text
    solutions = classroom.code_solutions(chapter)
    assert text.count(classroom.IN_CLASS) >= len(solutions) > 0
    # An answer's element holds the answer; a check's line may name it.
    assert not [
        cell
        for cell in made["cells"]
        if cell["cell_type"] == "code"
        and classroom.CALL.search(cell["source"])
        and cell["outputs"]
    ]
    calls = re.findall(r"^(?:ask|check)\(.*$", "\n".join(sources(made, "code")), re.M)
    assert calls
    assert [call for call in calls if f"variant={VARIANT})" not in call] == []
    assert "Hint 1" in text


def test_whoever_has_other_numbers_is_told(folder):
    varied = [
        entry
        for path in CHAPTERS
        for entry in core.chapter(int(path.stem[:2])).exercises
        if isinstance(entry, Page) and entry.numbers_for
    ]
    assert len(varied) > 5
    notes = sum(
        text.count(classroom.OWN_NUMBERS)
        for path in CHAPTERS
        for text in sources(read(folder / "students" / path.name), "markdown")
    )
    assert notes == len(varied)


def test_the_key_is_right_for_its_variant_and_differs_from_the_chapters():
    differ = 0
    for number in core.chapters():
        for entry in core.chapter(number).exercises:
            if isinstance(entry, Page):
                right = classroom.answers(entry, VARIANT)
                assert core.grade(entry, right, VARIANT).status == "right", entry.id
                differ += (
                    right != classroom.answers(entry.numbers_for(1), 1)
                    if (entry.numbers_for)
                    else 0
                )
    assert differ > 5


def test_the_key_holds_every_exercise(folder):
    for path in CHAPTERS:
        text = (folder / "key" / f"{path.stem}.md").read_text("utf-8")
        ids = [entry.id for entry in core.chapter(int(path.stem[:2])).exercises]
        assert re.findall(r"^## (\S+)", text, re.M) == ids


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_nbgrader_finds_a_test_for_every_exercise(path, folder):
    made = read(folder / "nbgrader" / "source" / path.stem / path.name)
    nbformat.validate(made)
    notes = [
        c["metadata"]["nbgrader"] for c in made["cells"] if "nbgrader" in c.metadata
    ]
    names = [note["grade_id"] for note in notes]
    assert len(set(names)) == len(names)
    entries = [e for e in core.chapter(int(path.stem[:2])).exercises if e.stars]
    tests = [note for note in notes if note["grade"]]
    assert [note["grade_id"] for note in tests] == [
        f"test-{entry.id.replace('.', '-')}" for entry in entries
    ]
    assert [note["points"] for note in tests] == [entry.stars for entry in entries]
    assert all(note["locked"] != note["solution"] for note in notes)
    released = "\n".join(
        re.sub(r"### BEGIN SOLUTION.*?### END SOLUTION", "", source, flags=re.S)
        for source in sources(made, "code")
    )
    for entry in entries:
        if isinstance(entry, Code):
            code = classroom.code_solutions(read(path))[entry.id]
            assert code not in released


def test_its_answers_pass_its_tests_and_empty_ones_do_not(folder):
    """The cells of the page exercises need nothing but ``check``."""
    name = "02-anatomy"
    made = read(folder / "nbgrader" / "source" / name / f"{name}.ipynb")
    tried = 0
    for answer, test in zip(made["cells"], made["cells"][1:]):
        if not answer["source"].startswith("answer_"):
            continue
        tried += 1
        known = {"check": core.check}
        exec(answer["source"] + "\n" + test["source"], known)
        stub = answer["source"].partition("### BEGIN SOLUTION")[0]
        with pytest.raises(core.ExerciseError):
            exec(stub + "\n" + test["source"], {"check": core.check})
    assert tried > 3


def test_a_failed_run_leaves_no_half_written_file(tmp_path, monkeypatch):
    def full(*arguments, **settings):
        raise OSError("no space left")

    monkeypatch.setattr(classroom.os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        classroom.write(tmp_path, VARIANT, CHAPTERS[:1], None)
    assert not list(tmp_path.rglob("*.ipynb"))
