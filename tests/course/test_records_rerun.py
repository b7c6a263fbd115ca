"""Today's code still starts and steps as the code did that made the records.

Of every recorded study each different start is built again, and one cheap cell is
trained for an epoch.  So a formula, a start or a data set that changes behind a table
is noticed, on any processor: sums are rounded differently there, and no more.
"""

from dataclasses import replace

import pandas as pd
import pytest

from actlab import controls, datasets, studies
from actlab.studies import ClassifierRun, Condition, Setting, Study, TransformerRun
from actlab.studies.runners import (
    data_hashes,
    execute,
    fit_classifier,
    same_activation,
)
from course.ch07.gains import GainRun
from course.ch08.size_or_step import SizeStepRun
from course.ch08.studies import FieldRun
from course.ch10.who_kills import SuspectRun
from course.ch15.studies import FormulaRun

STUDIES = {name: studies.whole(study) for name, study in studies.known().items()}
STEPS = {"lr": 0.0, "momentum": 0.0, "optimiser": "sgd", "regime": "", "epochs": 0}


def first_seed(study: Study, condition: Condition) -> int:
    return (condition.seeds_of_its_own or range(study.seeds))[0]


def first_run(study: Study, condition: Condition) -> pd.DataFrame:
    """The rows of a condition's first run."""
    rows = studies.load(study)
    keys = [key for key in studies.KEYS if key in rows]
    for key in keys:
        rows = rows[rows[key] == getattr(condition, key)]
    return rows[(rows["seed"] == first_seed(study, condition))]


def broke_down(study: Study, condition: Condition) -> bool:
    return bool(first_run(study, condition)["test_loss"].isna().all())


def recorded(study: Study, condition: Condition, epoch: int) -> dict:
    """The row of a condition's first run at an epoch."""
    rows = first_run(study, condition)
    (row,) = rows[rows["epoch"] == epoch].to_dict("records")
    return row


def need(study: Study, condition: Condition) -> None:
    """Skip where the data of a run are not those of the record, or not here."""
    if getattr(condition, "data", "") == "fashion_mnist":
        missing = datasets.fashion_mnist_missing()
        if missing:
            pytest.skip(missing)
    then, now = studies.provenance(study)["data_sha256"], data_hashes(condition)
    if isinstance(condition, TransformerRun) and then != now:
        pytest.skip("this Python's help topics are other ones than the recorded text")


def starts(study: Study) -> list[Condition]:
    """One condition for each start: steps and data for training do not matter there."""
    found: dict[Condition, Condition] = {}
    for condition in study.conditions:
        if isinstance(condition, ClassifierRun) and not condition.held_out:
            found.setdefault(
                replace(condition, **STEPS, schedule="constant"), condition
            )
    return list(found.values())


BEGUN = [n for n in STUDIES if starts(STUDIES[n]) and not STUDIES[n].ends_only]


@pytest.mark.parametrize("name", BEGUN)
def test_every_start_is_the_recorded_one(name):
    study = STUDIES[name]
    for condition in starts(study):
        need(study, condition)
        assert isinstance(condition, ClassifierRun)
        setting = Setting(replace(condition, epochs=0), first_seed(study, condition))
        if isinstance(condition, SizeStepRun):  # which builds its network itself
            history, _ = execute(setting)
        else:
            change = controls.VARIANTS.get(condition.variant, same_activation)
            history, _ = fit_classifier(setting, "cpu", lambda *seen: {}, change)
        if broke_down(study, condition):
            continue  # a run that broke down keeps its end alone
        then = recorded(study, condition, 0)
        # The table has five digits; sine multiplies rounding by 30 in each layer.
        near = 1e-3 if condition.activation == "sine" else 4e-5
        assert history["test_loss"][0] == pytest.approx(then["test_loss"], rel=near), (
            condition
        )
        difference = history["test_accuracy"][0] - then["test_accuracy"]
        assert abs(difference) < 0.5, condition


def constant(study: Study) -> list[Condition]:
    """The cells with steps of one size."""
    return [
        condition
        for condition in study.conditions
        if getattr(condition, "schedule", "constant") == "constant"
        and condition.epochs > 0
        and not isinstance(condition, GainRun)  # ends alone; test_ch07 holds its starts
    ]


@pytest.mark.parametrize("name", [n for n in STUDIES if constant(STUDIES[n])])
def test_a_cheap_cell_trains_as_recorded(name):
    """Where all steps fall over all epochs, as in tuned, the starts alone are held."""
    study = STUDIES[name]
    condition = min(constant(study), key=lambda c: (sum(getattr(c, "sizes", ())), c.lr))
    need(study, condition)
    ends = FieldRun | FormulaRun | SuspectRun  # which keep their last row
    whole = study.ends_only or isinstance(condition, ends)
    short = condition if whole else replace(condition, epochs=1)
    history, _ = execute(Setting(short, first_seed(study, condition)))
    # The transformer's steps fall over all epochs: its loss at the start is compared.
    row = 0 if isinstance(condition, TransformerRun) else -1
    then = recorded(study, condition, history["epoch"][row])
    for column in ("train_loss", "test_loss"):
        now = history[column][row]
        assert now == pytest.approx(then[column], rel=0.1, nan_ok=True), condition
