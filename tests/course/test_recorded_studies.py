"""The recorded results are the declared grids, and nobody has edited them."""

import getpass
import hashlib
import json
from dataclasses import asdict
from importlib import resources
from pathlib import Path

import pytest

from actlab import studies
from course.ch08.studies import FieldRun
from course.ch15.studies import FormulaRun

STUDIES = studies.known()
# Fields of a study that once stood beside its conditions, in records made then.
ONCE_BESIDE = ("data", "scale", "sizes", "batch_size")


def recorded_conditions(grid: dict) -> list[dict]:
    """The conditions of a recorded grid, each with all that it was said to have."""
    common = {name: grid[name] for name in ONCE_BESIDE if name in grid}
    conditions = [common | condition for condition in grid["conditions"]]
    for condition in conditions:
        condition["sizes"] = condition.pop("sizes_of_its_own", condition.get("sizes"))
    return conditions


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_is_recorded(name):
    assert studies.is_recorded(STUDIES[name])


@pytest.mark.parametrize("name", STUDIES)
def test_recorded_grid_is_the_declared_one(name):
    study, grid = studies.whole(name), studies.provenance(name)["grid"]
    if study.growth is not None:  # what it grew by stands in blocks
        assert set(STUDIES[name].conditions) <= set(study.conditions)
        opening = json.loads(json.dumps(studies.declared(STUDIES[name])))
        opening.pop("conditions")
        assert {k: v for k, v in grid.items() if k != "conditions"} == opening
        return
    if "kind" in grid["conditions"][0]:  # as grids are declared today
        assert grid == json.loads(json.dumps(studies.declared(study)))
        return
    recorded = recorded_conditions(grid)
    assert len(recorded) == len(study.conditions) and grid["seeds"] == study.seeds
    for then, now in zip(recorded, study.conditions):
        declared = json.loads(json.dumps(asdict(now)))
        if isinstance(now, FieldRun):  # its signal is named by the regime
            then = {key: then[key] for key in then if key not in ONCE_BESIDE}
        for key in then.keys() & declared.keys():
            assert then[key] == declared[key], (key, then)
        assert {"regime", "activation", "lr", "init", "epochs"} <= then.keys()


@pytest.mark.parametrize(
    "name", [n for n in STUDIES if n in ("tuned", "atlas", "atlas-digits")]
)
def test_final_runs_have_the_rate_that_their_tuning_chose(name):
    """Of rates that are equally good, to the five digits of a table, any will do."""
    table = studies.load(name)
    cell = ["activation", "init", "optimiser"]
    ends = table.groupby([*cell, "regime", "lr", "seed"], sort=False).tail(1)
    tuned = ends[ends["regime"].isin(["coarse", "fine"])]
    final = ends[ends["regime"] == "final"].groupby(cell)["lr"].unique()
    assert set(final.index) == set(tuned.groupby(cell).groups)
    told = studies.chosen(ends).set_index(cell)
    for key, runs in tuned.groupby(cell):
        rates = runs.groupby("lr")["test_accuracy"]
        means = rates.mean()[rates.size() == rates.size().max()]
        broke = runs[runs["test_accuracy"].isna()]["lr"].unique()
        means = means.drop(broke, errors="ignore")
        (rate,) = final[key]
        assert told.loc[key, "lr"] == rate
        if len(means):
            assert means[rate] >= means.max() - 6e-4, key


@pytest.mark.parametrize("name", STUDIES)
def test_recorded_table_holds_every_run_of_the_grid(name):
    study, table = studies.whole(name), studies.load(name)
    origin = studies.provenance(name)
    assert list(table) == [*studies.COLUMNS, *study.further]
    assert len(studies.final(name)) == len(study.settings()) == origin["runs"]
    keys = [key for key in studies.KEYS if key in table]
    runs = dict([*table.groupby(keys, sort=False)])
    assert len(runs) == len(
        {tuple(getattr(c, k) for k in keys) for c in study.conditions}
    )
    for condition in study.conditions:
        rows = runs[tuple(getattr(condition, key) for key in keys)]
        seeds = condition.seeds_of_its_own or range(study.seeds)
        assert sorted(set(rows["seed"])) == sorted(seeds)
        broken = rows.groupby("seed")["test_loss"].transform(lambda c: c.isna().all())
        epochs = sorted(set(rows["epoch"][~broken]))
        if study.ends_only or isinstance(condition, FieldRun | FormulaRun):
            assert epochs == [condition.epochs] or broken.all()
        else:
            assert epochs == list(range(condition.epochs + 1)) or broken.all()


@pytest.mark.parametrize("name", STUDIES)
def test_recorded_table_was_not_edited(name):
    folder = resources.files(STUDIES[name].home) / "results"
    digest = hashlib.sha256((folder / f"{name}.csv").read_bytes()).hexdigest()
    assert digest == studies.provenance(name)["table_sha256"]
    text = (folder / f"{name}.json").read_text()
    home = str(Path.home())
    names = [home + "/", str(Path.cwd()) + "/", "/tmp/", f"/home/{getpass.getuser()}"]
    assert not [word for word in names if word in text]


def test_first_look_shows_what_the_chapter_says():
    early = studies.summary(studies.load("first-look"), epoch=15)
    mean = early.set_index(["regime", "activation"])["mean"]
    small, large = mean["small_step"], mean["large_step"]
    # Stopped after 15 epochs of small steps, no activation looks better ...
    assert small["identity"] > small["relu"] + 0.5
    # ... and after larger steps, or more of them, it does not.
    assert large["relu"] > large["identity"] + 4
    late = studies.summary(studies.load("first-look")).set_index(
        ["regime", "activation"]
    )["mean"]["small_step"]
    assert late["relu"] > late["identity"] + 1
    assert mean["linear_best", "identity"] > large["identity"]
