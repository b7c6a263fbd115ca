"""Studies: stable names, done once, resumable, and a record that says its origin."""

import errno
import getpass
import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
import types
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from actlab import studies
from actlab.networks import MLP
from actlab.studies import (
    ClassifierRun,
    RecordError,
    Setting,
    Study,
    StudyError,
    grid,
    runners,
)
from actlab.studies import records as records_module
from actlab.studies.__main__ import main
from actlab.together import memory, memory_of

# The module, which the function of the same name hides.
run_module = sys.modules["actlab.studies.run"]
DIGITS = {"data": "digits", "sizes": (64, 16, 10)}
TINY = Study(
    name="tiny",
    question="Does the machinery work?",
    conditions=(
        ClassifierRun("slow", "identity", lr=0.05, epochs=2, **DIGITS),
        ClassifierRun("fast", "relu", lr=0.1, momentum=0.9, epochs=1, **DIGITS),
    ),
    seeds=2,
    home="tiny_home",
)


@pytest.fixture
def tiny(monkeypatch, tmp_path_factory) -> Path:
    """A collection of studies beside the course's; return the home of its study."""
    collection = types.SimpleNamespace(STUDIES=(TINY,))
    monkeypatch.setitem(sys.modules, "tiny_studies", collection)
    monkeypatch.setenv("ACTLAB_STUDIES", "tiny_studies, course.studies")
    home = tmp_path_factory.mktemp("home") / "tiny_home"
    home.mkdir()
    (home / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(home.parent))
    monkeypatch.setattr(run_module, "uncommitted_changes", lambda: False)
    monkeypatch.delitem(sys.modules, "tiny_home", raising=False)
    return home


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The tiny study, done once for all tests that only look at it."""
    folder = tmp_path_factory.mktemp("tiny")
    table = studies.run(TINY, jobs=1, out=folder, progress=False)
    return folder, table


def records(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in (folder / "runs").iterdir()}


def test_settings_expand_the_grid():
    settings = TINY.settings()
    assert len(settings) == 4 == len({s.id for s in settings})
    assert [s.seed for s in settings] == [0, 1, 0, 1]
    longer = TINY.altered(seeds=3, epochs=7)
    assert len(longer.settings()) == 6
    assert {s.condition.epochs for s in longer.settings()} == {7}
    assert TINY.altered() == TINY


def test_ids_stay_the_same_for_ever():
    """Records on readers' disks are found by these names."""
    setting = Setting(ClassifierRun("slow", "relu", lr=0.01, **DIGITS), 3)
    assert setting.id == "47274963fd686688"
    assert replace(setting, seed=4).id != setting.id
    condition = replace(setting.condition, lr=0.02)
    assert replace(setting, condition=condition).id != setting.id


def test_ids_do_not_depend_on_fields_that_came_later():
    condition = ClassifierRun("slow", "prelu", lr=0.01)
    setting = Setting(condition, 3)
    told = replace(condition, variant="frozen", parameters=(("a", 2.0),))
    assert "variant" not in studies.declared(setting)["condition"]
    parameters = studies.declared(replace(setting, condition=told))["condition"]
    assert parameters["parameters"] == [["a", 2.0]]
    assert replace(setting, condition=told).id != setting.id


def test_ids_know_the_kind_of_run():
    class OtherRun(ClassifierRun):
        pass

    one, other = (
        Setting(kind("slow", "relu", lr=0.01), 0) for kind in (ClassifierRun, OtherRun)
    )
    assert one.id != other.id
    with pytest.raises(LookupError, match="nothing says how a OtherRun is run"):
        runners.execute(other)


def test_cells_may_have_seeds_of_their_own():
    own = replace(TINY.conditions[1], lr=0.3, seeds_of_its_own=(100, 101, 102))
    study = replace(TINY, conditions=(own, TINY.conditions[0]))
    assert [s.seed for s in study.settings()] == [100, 101, 102, 0, 1]
    assert [s.seed for s in study.altered(seeds=1).settings()] == [100, 0]


@pytest.fixture(scope="module")
def ladder(tmp_path_factory):
    """One learnable slope in the forms that chapter 08 compares, after two epochs."""
    forms = {"": False, "shared": True, "unit_gain": True, "scaled": True}
    conditions = [
        ClassifierRun(
            "fast",
            "prelu",
            0.1,
            epochs=2,
            variant=variant,
            shared=shared,
            data="digits",
            sizes=(64, 16, 16, 10),  # two layers differ
        )  # fmt: skip
        for variant, shared in forms.items()
    ]
    frozen = replace(conditions[0], variant="frozen", parameters=(("a", 0.75),))
    study = replace(
        TINY,
        conditions=(*conditions, frozen),
        seeds=1,
        further=("variant", "shared", "parameter"),
    )
    folder = tmp_path_factory.mktemp("ladder")
    return studies.run(study, jobs=1, out=folder, progress=False)


def test_variants_are_logged(ladder):
    assert list(ladder) == [*studies.COLUMNS, "variant", "shared", "parameter"]
    parameter = ladder.set_index(["variant", "epoch"])["parameter"]
    assert parameter["frozen"].isna().all()
    for variant in ("", "shared", "unit_gain"):
        assert parameter[variant, 0] == pytest.approx(0.25)
        assert parameter[variant, 2] != pytest.approx(0.25, abs=1e-4)
    # Two numbers learn there, the slope and the factor: this is the mean of both.
    assert parameter["scaled", 0] == pytest.approx((0.25 + 1) / 2)
    assert len(studies.summary(ladder)) == 5
    losses = ladder[ladder["epoch"] == 2]["test_loss"]
    assert losses.nunique() == 5


def test_table_is_tidy(done):
    table = done[1]
    assert list(table) == studies.COLUMNS
    assert len(table) == 2 * 3 + 2 * 2
    assert table["regime"].tolist() == ["slow"] * 6 + ["fast"] * 4
    assert table["seed"].tolist() == [0] * 3 + [1] * 3 + [0, 0, 1, 1]
    assert table["epoch"].tolist() == [0, 1, 2] * 2 + [0, 1] * 2
    assert table["test_loss"].notna().all()
    last = table[table["epoch"] > 0].groupby("regime")["test_accuracy"].last()
    assert (last > 20).all() and (last <= 100).all()


def test_table_on_disk_is_the_table(done):
    folder, table = done
    text = (folder / "tiny.csv").read_text()
    on_disk = pd.read_csv(folder / "tiny.csv")
    pd.testing.assert_frame_equal(on_disk, table, rtol=1e-4)
    assert all(len(n) <= 10 for line in text.split()[1:] for n in line.split(",")[-3:])


def test_runs_do_what_fit_does(done):
    from actlab import datasets
    from actlab.networks import MLP
    from actlab.training import fit

    network = MLP((64, 16, 10), "relu", seed=1)
    run = fit(
        network,
        datasets.digits(),
        epochs=1,
        lr=0.1,
        momentum=0.9,
        seed=1,
        progress=False,
    )
    row = done[1].query("regime == 'fast' and seed == 1 and epoch == 1").iloc[0]
    assert row["test_accuracy"] == pytest.approx(run.accuracy, abs=1)
    assert row["test_loss"] == pytest.approx(run.loss, rel=1e-2)


def test_nothing_is_done_twice(tmp_path):
    studies.run(TINY, jobs=1, limit=1, batch=1, out=tmp_path, progress=False)
    first = records(tmp_path)
    assert len(first) == 1
    partial = json.loads((tmp_path / "tiny.json").read_text())
    assert (partial["runs"], partial["runs_declared"]) == (1, 4)
    studies.run(TINY, jobs=1, batch=1, out=tmp_path, progress=False)
    everything = records(tmp_path)
    assert len(everything) == 4 and everything.items() >= first.items()
    studies.run(TINY, jobs=1, out=tmp_path, progress=False)
    assert records(tmp_path) == everything


def copied(done, tmp_path) -> Path:
    """A folder with the finished tiny study; return the record of its first run."""
    path = tmp_path / "runs" / f"{TINY.settings()[0].id}.json"
    path.parent.mkdir()
    for other in (done[0] / "runs").iterdir():
        (path.parent / other.name).write_bytes(other.read_bytes())
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no record"),
        (b'{"setting": ', "is no record"),
        (b"[]", "holds no setting"),
        (b"{}", "holds no setting"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b'{"setting": {"seed": 7}, "history": {}}', "another run"),
        ({"finished": None}, "it has no finished as a str"),
        ({"seconds": "3"}, "it has no seconds as a float"),
        ({"environment": {}}, "its environment has no code_sha256"),
        ({"history": {}}, "have different lengths, or none"),
        ({"history": {"epoch": [0, 1], "test_loss": [1]}}, "different lengths"),
        ({"history": {"epoch": [1], "test_loss": [None]}}, "holds None for test_loss"),
        ({"history": {"epoch": [1], "test_accuracy": ["x"]}}, "'x' for test_accuracy"),
        ({"history": {"epoch": [1], "dead": [None]}}, "holds None for dead"),
        ({"history": {"epoch": 3}}, "a column of its history is no list"),
    ],
)
def test_damaged_or_foreign_record_is_named_and_left(done, tmp_path, content, message):
    path = copied(done, tmp_path)
    if isinstance(content, dict):  # valid JSON of the right run, with one part changed
        content = json.dumps(json.loads(path.read_text()) | content).encode()
    path.write_bytes(content)
    before = records(tmp_path)
    with pytest.raises(RecordError, match=message) as error:
        studies.run(TINY, jobs=1, out=tmp_path, progress=False)
    assert str(path) in str(error.value) and "Move it away" in str(error.value)
    assert path.read_bytes() == content and records(tmp_path) == before
    path.unlink()
    table = studies.run(TINY, jobs=1, out=tmp_path, progress=False)
    pd.testing.assert_frame_equal(table, done[1])


def test_runs_of_other_code_are_not_mixed_silently(done, tmp_path, tiny, capsys):
    path = copied(done, tmp_path)
    record = json.loads(path.read_text())
    record["environment"]["code_sha256"] = 64 * "0"
    record["history"]["test_accuracy"] = [99.9] * len(record["history"]["epoch"])
    path.write_text(json.dumps(record))
    words = ["run", "tiny", "--jobs", "1", "--out", str(tmp_path)]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "1 of the 4 runs in" in said and "--redo does them again" in said
    assert main([*words, "--keep"]) == 0
    assert (pd.read_csv(tmp_path / "tiny.csv")["test_accuracy"] == 99.9).sum() == 3
    origin = json.loads((tmp_path / "tiny.json").read_text())
    assert len(origin["environments"]) == 2 and origin["command"].endswith("--keep")
    assert main([*words, "--redo"]) == 0
    table = pd.read_csv(tmp_path / "tiny.csv")
    pd.testing.assert_frame_equal(table, done[1], rtol=1e-4)
    with pytest.raises(StudyError, match="other_code is 'ignore'"):
        studies.run(TINY, out=tmp_path, other_code="ignore", progress=False)


def test_another_torch_is_other_code(done):
    setting = TINY.settings()[0]
    record = records_module.read_record(setting, done[0] / "runs")
    assert not records_module.other_code(setting, record)
    record["environment"]["versions"]["torch"] = "1.0"
    assert records_module.other_code(setting, record)


def test_what_a_kill_left_is_removed_later(done, tmp_path):
    path = copied(done, tmp_path)
    old, new = (path.parent / f".{path.name}-{end}" for end in ("old", "new"))
    old.touch()
    new.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    studies.run(TINY, jobs=1, out=tmp_path, progress=False)
    assert not old.exists() and new.exists()


def test_a_finished_study_needs_no_disk_to_write_on(done, tmp_path, monkeypatch):
    copied(done, tmp_path)
    studies.run(TINY, jobs=1, out=tmp_path, progress=False)

    def refuse(*arguments, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "here")

    monkeypatch.setattr(records_module.tempfile, "mkstemp", refuse)
    studies.run(TINY, jobs=1, out=tmp_path, progress=False)


def test_a_dirty_tree_is_not_recorded(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run_module, "uncommitted_changes", lambda: True)
    words = ["run", "tiny", "--record", "--jobs", "1", "--out", str(tmp_path)]
    assert main(words) == 1
    assert "--record takes committed code" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_uncommitted_changes_are_seen(tmp_path, monkeypatch):
    def git(*words):
        command = ["git", "-c", "user.name=n", "-c", "user.email=e", *words]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    code = tmp_path / "code"
    (code / "course" / "ch01" / "results").mkdir(parents=True)
    (code / "one.py").write_text("1")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    monkeypatch.setattr(records_module, "CODE", code)
    assert records_module.uncommitted_changes() is False
    (code / "course" / "ch01" / "results" / "new.csv").write_text("1")
    (tmp_path / "README.md").write_text("1")
    assert records_module.uncommitted_changes() is False
    (code / "one.py").write_text("2")
    assert records_module.uncommitted_changes() is True
    monkeypatch.setattr(records_module, "CODE", tmp_path)
    assert records_module.uncommitted_changes() is None  # somebody else's repository


def test_foreign_table_is_not_overwritten(tmp_path):
    mine = tmp_path / "tiny.csv"
    for text, message in (
        ("date,amount\n2026-01-01,3\n", "no table of a study"),
        ("", "no table of a study"),
        (",".join(studies.COLUMNS) + "\nother,a,b\n", "rows of another study"),
    ):
        mine.write_text(text)
        with pytest.raises(RecordError, match=message):
            studies.run(TINY, jobs=1, out=tmp_path, progress=False)
        assert mine.read_text() == text
        assert not (tmp_path / "runs").exists()  # said before any work


def test_full_disk_loses_nothing(done, tmp_path, tiny, monkeypatch, capsys):
    studies.run(TINY, jobs=1, limit=2, out=tmp_path, progress=False)
    before, table = records(tmp_path), (tmp_path / "tiny.csv").read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(records_module.os, "fsync", full)
        words = ["run", "tiny", "--jobs", "1", "--out", str(tmp_path)]
        assert main(words) == 1
    said = capsys.readouterr().err
    assert "could not write" in said and os.strerror(errno.ENOSPC) in said
    assert records(tmp_path) == before
    assert (tmp_path / "tiny.csv").read_bytes() == table
    whole = studies.run(TINY, jobs=1, out=tmp_path, progress=False)
    pd.testing.assert_frame_equal(whole, done[1])


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"seeds": 0}, {}, "has no run"),
        ({"conditions": ()}, {}, "has no run"),
        ({"conditions": TINY.conditions[:1] * 2}, {}, "one run twice"),
        ({}, {"jobs": 0}, "jobs is 0"),
        ({}, {"jobs": -3}, "jobs is -3"),
        ({}, {"limit": -1}, "limit is -1"),
    ],
)
def test_impossible_grids(tmp_path, change, arguments, message):
    with pytest.raises(StudyError, match=message):
        studies.run(replace(TINY, **change), out=tmp_path, progress=False, **arguments)
    assert not list(tmp_path.iterdir())


needs_process_groups = pytest.mark.skipif(
    os.name == "nt", reason="Windows has no process groups to kill"
)
SCRIPT = """
from dataclasses import replace
from actlab import studies
from actlab.studies import ClassifierRun, Study

conditions = tuple(
    ClassifierRun(
        f"lr {lr}", "relu", lr=lr, epochs=3, data="digits",
        sizes=(64, 256, 256, 10), batch_size=16,
    )
    for lr in (0.05, 0.1, 0.2)
)
study = Study("killed", "Is anything lost?", conditions, seeds=20)

"""


@needs_process_groups
def test_killed_at_any_moment_it_goes_on(tmp_path):
    """kill -9 to the whole process group, ten times; then the same table, to the bit.

    Each time after a number of further runs, and a moment more, that chance decides.
    """
    go = f"{SCRIPT}\nstudies.run(study, jobs=2, batch=2, out={str(tmp_path / 'out')!r})"
    environment = os.environ | {"PYTHONPATH": str(Path(studies.__file__).parents[2])}
    folder = tmp_path / "out" / "runs"
    chance = random.Random(12)
    survivors = 0
    for _ in range(10):
        process = subprocess.Popen(
            [sys.executable, "-c", go],
            env=environment,
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 120
        further = chance.choice((1, 1, 2, 3))  # an odd one lies within a pair
        while len(list(folder.glob("*.json"))) < survivors + further:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.1))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        survivors = len(list(folder.glob("*.json")))
    assert 10 <= survivors < 60  # it was killed in the middle
    before = records(tmp_path / "out")
    subprocess.run([sys.executable, "-c", go], env=environment, check=True, timeout=200)
    after = records(tmp_path / "out")
    whole = {name: time for name, time in before.items() if not name.startswith(".")}
    assert after.items() >= whole.items()  # nothing was done twice
    scope: dict = {}
    exec(SCRIPT, scope)
    scope["studies"].run(
        scope["study"], jobs=1, batch=2, out=tmp_path / "one", progress=False
    )
    for name in ("out", "one"):
        assert (tmp_path / name / "killed.csv").stat().st_size > 2000
    out, one = ((tmp_path / n / "killed.csv").read_bytes() for n in ("out", "one"))
    assert out == one


def test_status_says_what_is_left(done, tmp_path, tiny, capsys):
    words = ["status", "tiny", "--out", str(tmp_path)]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "0 of 4 runs are done; how long one takes is not known" in said
    copied(done, tmp_path).unlink()
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "3 of 4 runs are done; about" in said and "slow" in said
    rows = studies.progress_of(TINY, done[0] / "runs")
    assert rows["done"].tolist() == [2, 2] and (rows["remaining"] == 0).all()


# A cluster -------------------------------------------------------------------------


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two worker processes, as one would start them in a shell."""
    pytest.importorskip("distributed", reason="Dask is an extra: actlab[cluster]")
    environment = os.environ | {"PYTHONPATH": str(Path(studies.__file__).parents[2])}
    address = tmp_path / "scheduler.json"
    processes = []

    def start(*words):
        command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(
            command, env=environment, cwd=tmp_path, start_new_session=True, **quiet
        )
        processes.append(process)
        return process

    common = ("--scheduler-file", str(address))
    start(
        "dask_scheduler",
        *common,
        "--port",
        "0",
        "--host",
        "127.0.0.1",
        "--no-dashboard",
    )
    workers = [
        start("dask_worker", *common, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        for _ in range(2)
    ]
    deadline = time.monotonic() + 60
    while not address.exists():
        assert time.monotonic() < deadline, "the scheduler did not start"
        time.sleep(0.1)
    yield json.loads(address.read_text())["address"], workers
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@needs_process_groups
def test_cluster_loses_a_worker_and_no_run(cluster, tmp_path):
    """One of two workers is killed in the middle; the table is that of one machine."""
    address, workers = cluster
    scope: dict = {}
    exec(SCRIPT, scope)
    folder = tmp_path / "out" / "runs"

    def kill_one():
        deadline = time.monotonic() + 120
        while len(list(folder.glob("*.json"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        killed.append(len(list(folder.glob("*.json"))))
        os.killpg(workers[0].pid, signal.SIGKILL)

    killed: list[int] = []
    killer = threading.Thread(target=kill_one)
    killer.start()
    studies.run(
        scope["study"], scheduler=address, batch=2, out=tmp_path / "out", progress=False
    )
    killer.join()
    assert 3 <= killed[0] < 12 and workers[0].poll() is not None
    studies.run(scope["study"], jobs=1, batch=2, out=tmp_path / "one", progress=False)
    out, one = ((tmp_path / n / "killed.csv").read_bytes() for n in ("out", "one"))
    assert out == one


def test_no_scheduler_there(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="Dask is an extra: actlab[cluster]")
    monkeypatch.setattr(run_module, "SECONDS_TO_CONNECT", 1)
    with pytest.raises(StudyError, match="no Dask scheduler answers at 'nonsense:1'"):
        studies.run(TINY, scheduler="nonsense:1", out=tmp_path, progress=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(StudyError, match=r"actlab\[cluster\]"):
        studies.run(TINY, scheduler="tcp://127.0.0.1:1", out=tmp_path, progress=False)


def test_processes_side_by_side_give_the_same_table(done, tmp_path):
    table = studies.run(TINY, jobs=2, out=tmp_path, progress=False)
    pd.testing.assert_frame_equal(table, done[1])


def test_interrupted_run_keeps_what_is_finished(tmp_path, monkeypatch):
    execute, calls = run_module._execute, []

    def interrupted(group, *more):
        calls.append(group)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return execute(group, *more)

    monkeypatch.setattr(run_module, "_execute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        studies.run(TINY, jobs=1, batch=1, out=tmp_path, progress=False)
    assert len(records(tmp_path)) == 2
    monkeypatch.setattr(run_module, "_execute", execute)
    table = studies.run(TINY, jobs=1, batch=1, out=tmp_path, progress=False)
    assert len(table) == 10
    assert not [n for n in records(tmp_path) if n.startswith(".")]


# Many at once ----------------------------------------------------------------------


def several(**change) -> Study:
    """Four functions with three seeds, of one shape: twelve runs in two shapes."""
    conditions = tuple(
        ClassifierRun("any", name, lr=0.05, epochs=2, momentum=momentum, **DIGITS)
        for name in ("relu", "gelu", "prelu", "rrelu")
        for momentum in (0.0, 0.9)
    )
    return replace(TINY, conditions=conditions, seeds=3, **change)


def test_groups_depend_on_the_study_alone():
    settings = several().settings()
    groups = runners.groups(settings, 5)
    assert sorted(len(group) for group in groups) == [2, 2, 5, 5, 5, 5]
    assert {s for group in groups for s in group} == set(settings)
    for group in groups:
        assert len({setting.condition.momentum for setting in group}) == 1
        seeds = [setting.seed for setting in group]
        assert seeds == sorted(seeds)
    assert [len(group) for group in runners.groups(settings, 1)] == 24 * [1]


def test_together_or_one_by_one_the_runs_agree(tmp_path):
    study = several()
    alone = studies.run(study, jobs=1, batch=1, out=tmp_path / "1", progress=False)
    many = studies.run(study, jobs=1, out=tmp_path / "16", progress=False)
    keys = ["activation", "momentum", "seed", "epoch"]
    assert alone[keys].equals(many[keys])
    for column in ("train_loss", "test_loss"):
        numbers = alone[column].dropna()
        assert numbers.to_numpy() == pytest.approx(many[column].dropna(), rel=1e-3)
    origin = json.loads((tmp_path / "16" / "tiny.json").read_text())
    assert origin["trained_together"] == [12]
    origin = json.loads((tmp_path / "1" / "tiny.json").read_text())
    assert origin["trained_together"] == [1]


def test_a_group_of_which_some_is_done_ends_with_the_same_bits(tmp_path):
    study = several()
    whole = studies.run(study, jobs=1, batch=8, out=tmp_path, progress=False)
    kept = records(tmp_path)
    for name in list(kept)[::3]:
        (tmp_path / "runs" / name).unlink()
    table = studies.run(study, jobs=1, batch=8, out=tmp_path, progress=False)
    pd.testing.assert_frame_equal(table, whole, check_exact=True)
    after = records(tmp_path)
    assert [after[name] == kept[name] for name in list(kept)[1::3]] == 8 * [True]


def test_one_that_breaks_down_leaves_the_others_untouched(tmp_path):
    study = several()
    bad = replace(study.conditions[0], lr=1e12, regime="far too fast")
    broken = replace(study, conditions=(bad, *study.conditions))
    table = studies.run(broken, jobs=1, batch=30, out=tmp_path / "b", progress=False)
    whole = studies.run(study, jobs=1, batch=30, out=tmp_path / "w", progress=False)
    lost = table[table["regime"] == "far too fast"]
    assert len(lost) == 3 and lost["test_accuracy"].isna().all()
    rest = table[table["regime"] != "far too fast"].reset_index(drop=True)
    pd.testing.assert_frame_equal(rest, whole, check_exact=True)


def test_groups_fit_the_memory_there_is(tmp_path, monkeypatch):
    """Twelve runs of one shape: together, then by what little memory holds."""
    one = memory_of(MLP(DIGITS["sizes"], "relu"))
    study = replace(several(), conditions=several().conditions[1::2])
    for free, expected in (
        (None, [12]),  # of a system that does not say
        (2 * 16 * one, [12]),
        (2 * 15 * one, [4, 8]),
        (2 * 5 * one, [4]),
        (0, [1]),
    ):
        monkeypatch.setattr(memory, "free_memory", lambda device, free=free: free)
        out = tmp_path / str(free)
        table = studies.run(study, jobs=1, out=out, progress=False)
        origin = json.loads((out / "tiny.json").read_text())
        assert origin["trained_together"] == expected and origin["runs"] == 12
        assert len(table) == 36
    studies.run(study, jobs=1, batch=6, out=tmp_path / "said", progress=False)
    origin = json.loads((tmp_path / "said" / "tiny.json").read_text())
    assert origin["trained_together"] == [6]  # who says a number gets it


@pytest.mark.parametrize(("device", "most"), [("cpu", 16), ("cuda", 256)])
def test_processes_share_the_memory_of_the_largest_network(device, most, monkeypatch):
    small, large = (
        replace(TINY.conditions[1], sizes=(64, width, 10)) for width in (16, 512)
    )
    one = memory_of(MLP(large.sizes, "relu"))
    monkeypatch.setattr(memory, "free_memory", lambda device: 2 * most * one)
    settings = [Setting(small, 0), Setting(large, 0)]
    assert runners.room(settings, device, most, 1) == most
    assert runners.room(settings, device, most, 4) == most // 4
    assert runners.room(settings[:1], device, most, 4) == most
    adam = replace(large, optimiser="adam", momentum=0.0)
    assert runners.room([Setting(adam, 0)], device, most, 1) == most // 2
    alone = grid.TransformerRun("any", "relu", lr=0.001)
    assert runners.room([Setting(alone, 0)], device, most, 99) == most


def test_limit_is_rounded_up_to_whole_groups(tmp_path):
    study = several()
    studies.run(study, jobs=1, batch=8, limit=9, out=tmp_path, progress=False)
    assert len(records(tmp_path)) == 16
    with pytest.raises(StudyError, match="batch is 0"):
        studies.run(study, batch=0, out=tmp_path, progress=False)


def test_run_that_breaks_down_is_a_result(tmp_path):
    bad = ClassifierRun("far too fast", "relu", lr=1e12, epochs=3, **DIGITS)
    study = replace(TINY, conditions=(bad, *TINY.conditions), seeds=1)
    table = studies.run(study, jobs=1, out=tmp_path, progress=False)
    broken = table[table["regime"] == "far too fast"]
    assert len(broken) == 1 and math.isnan(broken["test_accuracy"].iloc[0])
    assert json.loads((tmp_path / "tiny.json").read_text())["runs_that_broke_down"] == 1
    rows = studies.summary(table).set_index("regime")
    assert rows.loc["far too fast", "broke_down"] == 1
    assert rows.loc["far too fast", "n"] == 0
    assert rows.loc["slow", "n"] == 1


def test_a_table_of_ends_has_the_last_row_of_each_run(done, tmp_path):
    table = done[1]
    study = replace(TINY, ends_only=True)
    ends = studies.run(study, jobs=1, out=tmp_path, progress=False)
    keys = ["regime", "seed"]
    last = table[table["epoch"] == table.groupby(keys)["epoch"].transform("max")]
    pd.testing.assert_frame_equal(ends, last.reset_index(drop=True), check_exact=True)
    assert set(ends["epoch"]) == {1, 2}
    # Of a run that broke down it is the one row there is.
    bad = ClassifierRun("far too fast", "relu", lr=1e12, epochs=3, **DIGITS)
    lost = replace(study, conditions=(bad,), seeds=1)
    broken = studies.run(lost, jobs=1, out=tmp_path / "bad", progress=False)
    assert len(broken) == 1 and broken["test_accuracy"].isna().all()


def test_many_conditions_in_few_blocks():
    """Every combination, none lost, none added, and the defaults said."""
    whole = [
        ClassifierRun(regime, key, lr, init=init, seeds_of_its_own=seeds, **DIGITS)
        for regime, seeds in (("coarse", (0,)), ("fine", (1, 2)))
        for key in ("relu", "gelu", "tanh")
        for init in ("default", "he")
        for lr in (0.01, 0.1)
    ]
    for conditions, blocks in ((whole, 2), (whole[1:], 4), (whole[:1], 1)):
        found = grid.condensed(conditions)
        assert len(found) <= blocks and json.loads(json.dumps(found)) == found
        said = [json.dumps(c, sort_keys=True) for c in grid.expanded(found)]
        wanted = [json.dumps(grid.spelled(c), sort_keys=True) for c in conditions]
        assert sorted(said) == sorted(wanted)
    (block,) = grid.condensed(whole[:1])
    assert block["init"] == "default" and block["each"] == {}


def test_provenance_has_plain_lists_on_one_line(tmp_path):
    texts = ["a [", "b ]", "c\n[\n 1\n]", "[\n  x\n]"]
    origin = {"seeds": [1, 2], "none": [], "texts": texts, "each": [{"lr": [0.1, 1.0]}]}
    table = pd.DataFrame({"a": [1.0]})
    records_module.write_table("some", table, origin, tmp_path)
    text = (tmp_path / "some.json").read_text()
    assert '"seeds": [1, 2],' in text and '"lr": [0.1, 1.0]' in text
    assert json.loads(text).items() >= origin.items()


def test_provenance_says_what_and_where(done):
    origin = json.loads((done[0] / "tiny.json").read_text())
    assert origin["study"] == "tiny" and origin["runs"] == 4
    assert origin["grid"]["conditions"][1]["lr"] == 0.1
    one = json.loads(next((done[0] / "runs").iterdir()).read_text())
    assert 0 < one["seconds"] < 60 and origin["seconds_of_all_runs"] >= 0
    (environment,) = origin["environments"]
    assert set(environment["versions"]) == set(records_module.PACKAGES)
    assert environment["cpu"] and len(environment["code_sha256"]) == 64
    assert origin["first_run_finished"] <= origin["last_run_finished"]


def machine_names() -> list[str]:
    home = str(Path.home())
    return [home + "/", str(Path.cwd()) + "/", "/tmp/", f"/home/{getpass.getuser()}"]


def test_provenance_names_no_folder(done):
    text = (done[0] / "tiny.json").read_text()
    assert not [name for name in machine_names() if name in text]


def test_summary_is_over_seeds(done):
    rows = studies.summary(done[1])
    assert rows["regime"].tolist() == ["slow", "fast"]
    assert rows["n"].tolist() == [2, 2] and rows["epoch"].tolist() == [2, 1]
    table = done[1]
    slow = table[(table["regime"] == "slow") & (table["epoch"] == 2)]["test_accuracy"]
    assert rows["mean"][0] == pytest.approx(slow.mean())
    at_one = studies.summary(table, epoch=1)
    assert at_one["epoch"].tolist() == [1, 1]
    with pytest.raises(ValueError, match="no run has epoch 9; the last is 2"):
        studies.summary(table, epoch=9)


def test_unknown_study():
    with pytest.raises(StudyError, match="'first_look'; did you mean 'first-look'"):
        studies.load("first_look")
    with pytest.raises(StudyError, match="choose one of"):
        studies.provenance("zzz")


def test_study_without_a_record(tiny):
    for reader in (studies.load, studies.final, studies.provenance):
        with pytest.raises(StudyError, match="run tiny --record"):
            reader("tiny")


# Command line ----------------------------------------------------------------------


def test_command_run(tiny, tmp_path, capsys):
    words = ["run", "tiny", "--seeds", "1", "--jobs", "1", "--batch", "2"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    assert "slow" in capsys.readouterr().out
    origin = json.loads((tmp_path / "tiny.json").read_text())
    expected = "python -m actlab.studies run tiny --seeds 1 --jobs 1 --batch 2"
    assert origin["command"] == expected
    assert len(records(tmp_path)) == 2


def test_command_list_and_errors(tiny, capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "first-look" in out and "not recorded" in out
    assert main(["show", "tiny"]) == 1
    assert "has no recorded result" in capsys.readouterr().err
    assert main(["run", "tinny"]) == 1
    assert "did you mean 'tiny'" in capsys.readouterr().err


def test_recording_takes_the_whole_declared_grid(tiny, tmp_path, capsys):
    words = ["run", "tiny", "--record", "--jobs", "1", "--out", str(tmp_path)]
    assert main([*words, "--seeds", "1"]) == 1
    assert "takes the declared grid" in capsys.readouterr().err
    assert main([*words, "--limit", "1", "--batch", "1"]) == 1
    assert "1 of 4 runs done" in capsys.readouterr().err
    assert not (tiny / "results").exists()


def test_what_is_recorded_can_be_loaded(tiny, tmp_path, done, capsys):
    assert main(["run", "tiny", "--record", "--jobs", "1", "--out", str(tmp_path)]) == 0
    assert "recorded in tiny_home" in capsys.readouterr().out
    pd.testing.assert_frame_equal(studies.load("tiny"), done[1], rtol=1e-4)
    assert studies.provenance("tiny")["runs"] == 4
    assert main(["show", "tiny"]) == 0
    assert "Does the machinery work?" in capsys.readouterr().out


def test_a_study_without_a_home_is_not_recorded(tmp_path):
    with pytest.raises(StudyError, match="'tiny' has no home"):
        studies.run(replace(TINY, home=""), out=tmp_path, record=True)
    assert not list(tmp_path.iterdir())


def test_collections_are_named_or_said_to_be_missing(tiny, monkeypatch):
    assert "dead" in studies.known() and "tiny" in studies.known()
    monkeypatch.setenv("ACTLAB_STUDIES", "tiny_studies")
    assert list(studies.known()) == ["tiny"]
    monkeypatch.setenv("ACTLAB_STUDIES", "tiny_studies,tiny_studies")
    with pytest.raises(StudyError, match="two studies are named 'tiny'"):
        studies.known()
    monkeypatch.setenv("ACTLAB_STUDIES", "no_such_module")
    with pytest.raises(StudyError, match="'no_such_module' declares no studies"):
        studies.known()


def test_the_library_alone_knows_no_study(monkeypatch):
    monkeypatch.setattr(grid, "DEFAULT_COLLECTIONS", "not_installed.studies")
    assert studies.known() == {}


def test_the_code_hash_follows_every_module_that_is_reached(tmp_path, monkeypatch):
    package = tmp_path / "reached"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("from . import two\n")
    (package / "two.py").write_text("from .three import value\n")
    (package / "three.py").write_text("value = 1\n")
    (package / "other.py").write_text("value = 1\n")
    monkeypatch.setattr(records_module, "CODE", tmp_path)
    before = records_module.code_hash("reached.one")
    (package / "other.py").write_text("value = 2\n")
    assert records_module.code_hash("reached.one") == before
    (package / "three.py").write_text("value = 2\n")
    assert records_module.code_hash("reached.one") != before


def test_the_code_hash_reaches_formulas_and_rows():
    files = {
        path.relative_to(records_module.CODE).as_posix()
        for path in records_module._reached(["actlab.studies.runners"])
    }
    assert {
        "actlab/training.py",
        "actlab/rows/smooth.py",
        "actlab/activations/smooth.py",
        "actlab/formulas/expressions.py",
        "actlab/language/transformer.py",
    } <= files
    assert not [name for name in files if name.startswith("course/")]


def test_module_can_be_called():
    command = [sys.executable, "-m", "actlab.studies", "list"]
    package = Path(studies.__file__).parents[2]
    reply = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(package)},
    )
    assert reply.returncode == 0, reply.stderr
    assert "first-look" in reply.stdout
