"""Addresses are taken strictly, credentials never leak, spoilers are dropped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

import setup_cell
import stamp

SECRET = "ghp_notreallyasecret0123456789"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/owner/course",
        "https://github.com/owner/course.git",
        "https://github.com/owner/course/",
        "git@github.com:owner/course.git",
        "ssh://git@github.com/owner/course.git",
        "https://GitHub.com/owner/course",
        "git@GitHub.com:owner/course.git",
        "ssh://git@github.com:22/owner/course.git",
        "ssh://git@ssh.github.com:443/owner/course.git",
        f"https://{SECRET}@github.com/owner/course.git",
        f"https://user:{SECRET}@github.com/owner/course",
        f"https://x-access-token:{SECRET}@github.com/owner/course.git\n",
    ],
)
def test_owner_and_name_are_taken_and_nothing_else(address):
    assert stamp.github_name(address) == "owner/course"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://gitlab.com/owner/course",
        "https://github.com.example.org/owner/course",
        "https://example.org/github.com/owner/course",
        "https://github.com/owner",
        "https://github.com/owner/course/tree/main",
        "https://github.com/owner/course?token=" + SECRET,
        "https://github.com/owner/course#" + SECRET,
        "https://github.com/ow ner/course",
        "ssh://git@ssh.github.com.example.org:443/owner/course",
        "ssh://git@github.com:2222/owner/course",
        f"https://user:{SECRET}/@github.com/owner/course",
        "file:///tmp/github.com/owner/course",
        "../course",
        'https://github.com/owner/course"; import os; "',
    ],
)
def test_any_other_address_gives_none(address):
    assert stamp.github_name(address) is None


@pytest.mark.parametrize(
    ("repository", "commit"),
    [
        ("owner", COMMIT),
        ("owner/course", "main"),
        ("owner/course", COMMIT[:12]),
        (f"{SECRET}@owner/course", COMMIT),
        ('owner/course"', COMMIT),
    ],
)
def test_a_wrong_address_is_refused_without_repeating_it(repository, commit):
    with pytest.raises(ValueError) as error:
        stamp.Address(repository, commit)
    assert SECRET not in str(error.value)


def test_pages_of_a_project_and_of_a_user():
    assert stamp.Address("Owner/course", COMMIT).pages == (
        "https://owner.github.io/course/"
    )
    assert stamp.Address("Owner/owner.github.io", COMMIT).pages == (
        "https://owner.github.io/"
    )


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is missing")


def git(folder, *arguments):
    subprocess.run(["git", "-C", str(folder), *arguments], check=True)


@needs_git
def test_origin_of_a_checkout_with_credentials(tmp_path):
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.name", "Test")
    git(tmp_path, "config", "user.email", "test@example.org")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    assert stamp.origin(tmp_path) is None  # no origin
    url = f"https://user:{SECRET}@github.com/owner/course.git"
    git(tmp_path, "remote", "add", "origin", url)
    address = stamp.origin(tmp_path)
    assert address.repository == "owner/course"
    assert SECRET not in repr(address) + address.url + address.colab("a.ipynb")
    git(tmp_path, "checkout", "-q", "--detach")
    assert stamp.origin(tmp_path) == address


def test_no_git_gives_no_address(tmp_path, monkeypatch):
    assert stamp.origin(tmp_path) is None
    (tmp_path / ".git").mkdir()  # not a repository: git fails
    assert stamp.origin(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))  # no git at all
    assert stamp.origin(tmp_path) is None


def markdown(source, *tags):
    return {
        "cell_type": "markdown",
        "id": f"m{abs(hash(source)) % 10**6}",
        "metadata": {"tags": list(tags)},
        "source": source,
    }


def code(source, *tags):
    return {
        "cell_type": "code",
        "id": f"c{abs(hash(source)) % 10**6}",
        "metadata": {"tags": list(tags)},
        "execution_count": 2,
        "outputs": [{"output_type": "stream", "name": "stdout", "text": "82.7\n"}],
        "source": source,
    }


@pytest.fixture
def chapter():
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            markdown("# Why a curve?\n\nBecause."),
            setup_cell.setup_cell(),
            code("print(accuracy)", "reveal-1.A"),
            markdown("It was 82.7 %.", "reveal-1.A"),
            code("print(1)"),
        ],
    }


def test_stamped_chapter(chapter):
    before = json.dumps(chapter)
    address = stamp.Address("owner/course", COMMIT)
    badge = address.colab("chapters/01-why.ipynb")
    stamped = stamp.stamp(chapter, "01-why.ipynb", address.url, COMMIT, badge)
    assert json.dumps(chapter) == before, "the chapter itself must not change"
    title, setup, hidden, paragraph, shown = stamped["cells"]
    assert title["source"].startswith("# Why a curve?\n\n[![Open in Colab](")
    assert title["source"].endswith("\n\nBecause.")
    assert "/owner/course/blob/site/notebooks/chapters/01-why.ipynb" in title["source"]
    assert 'REPOSITORY = "https://github.com/owner/course"' in setup["source"]
    assert f'COMMIT = "{COMMIT}"' in setup["source"]
    assert hidden["outputs"] == []
    assert shown["outputs"]
    assert paragraph["source"].startswith("<details><summary>After prediction 1.A")


def test_a_chapter_without_setup_cell_is_refused(chapter):
    del chapter["cells"][1]
    with pytest.raises(ValueError, match="0 setup cells"):
        stamp.stamp(chapter, "01-why.ipynb", "https://github.com/a/b", COMMIT)


def test_the_setup_cell_is_short_and_ours_to_stamp():
    lines = setup_cell.SOURCE.splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 72
    assert setup_cell.SOURCE.count('REPOSITORY = ""') == 1
    assert setup_cell.SOURCE.count('COMMIT = ""') == 1
    compile(setup_cell.SOURCE, "setup", "exec")


def test_setup_cell_without_address_says_how_to_open_the_course(tmp_path):
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in {"PYTHONPATH", "ACTLAB_REPO"}
    }
    done = subprocess.run(
        [sys.executable, "-c", setup_cell.SOURCE],
        cwd=tmp_path,
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert "Open this chapter inside a copy of the whole course" in last
    assert not (tmp_path / ".cache").exists()
