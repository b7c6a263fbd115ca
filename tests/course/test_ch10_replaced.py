"""The control that does not end itself: whom to replace where tasks change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import torch

from actlab import probes, studies
from actlab.networks import MLP
from actlab.studies import Setting
from actlab.studies.runners import execute
from course.ch10 import renewed
from course.ch10.renewed import compared, last_fair_task, renewed_table, verdict
from course.ch10.replaced import REPLACED, ReplacedRun, renew

CHAPTER = Path(__file__).parents[2] / "chapters" / "10-dead-neurons.ipynb"


def short_run(variant: str, lr: float = 0.03) -> dict[str, list]:
    (condition,) = (
        c for c in REPLACED.conditions if (c.variant, c.lr) == (variant, lr)
    )
    assert isinstance(condition, ReplacedRun)
    return execute(Setting(replace(condition, epochs=3, passes=6), seed=4))[0]


@pytest.mark.parametrize("held", ["", "held, "])
def test_as_many_of_the_living_as_the_partner_has_dead(held: str) -> None:
    dead, living = short_run(held + "dead"), short_run(held + "living")
    assert living["wanted"] == dead["given"] and living["wanted"][2] != "0 0"
    for wanted, given in zip(living["wanted"][1:], living["given"][1:], strict=True):
        pairs = zip(wanted.split(), given.split(), strict=True)
        assert all(int(g) <= int(w) for w, g in pairs)
    assert dead["test_accuracy"][:2] == living["test_accuracy"][:2], "one start, task"
    assert dead["test_accuracy"][2] != living["test_accuracy"][2]


def test_new_units_for_dead_ones_move_no_output() -> None:
    x = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
    network = MLP([8, 16, 16, 3], "relu", seed=0)
    with torch.no_grad():
        network.linears[0].bias[:5] = -100.0
    before, masks = network(x), probes.dead_units(network, x).masks
    renew(network, [mask.nonzero()[:, 0] for mask in masks])
    torch.testing.assert_close(network(x), before)
    assert probes.dead_units(network, x).counts[0] < int(masks[0].sum())


def test_a_row_lasts_until_it_lacks_units(monkeypatch) -> None:
    table = studies.load("replaced")
    assert last_fair_task(0.01, "nothing") == last_fair_task(0.03, "held") == 12
    some = table[(table["variant"] == "living") & (table["lr"] == 0.01)]
    changed = table.copy()
    changed.loc[some.index[some["epoch"] == 3][:1], "given"] = "0 1"
    changed.loc[some.index[some["epoch"] == 3][:1], "wanted"] = "1 1"
    monkeypatch.setattr(renewed.studies, "load", lambda name: changed)
    assert last_fair_task(0.01, "living") == 2
    assert verdict(0.01, "dead", "living") == "not asked"


def test_what_the_chapter_says_of_the_replaced() -> None:
    """By the rules of the design; where the control runs out nothing is said."""
    cells = nbformat.read(CHAPTER, as_version=4).cells
    prose = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    said = {
        ("held, dead", "held, living"): (12, "there", "gain {} on those"),
        ("held, living", "held"): (12, "open", "do not help ({})"),
        ("dead", "living"): (6, "there", "by {} more"),
        ("living", "nothing"): (6, "there", None),
    }
    for (row, other), (last, wanted, words) in said.items():
        task, gap = compared(0.01, row, other)
        assert (task, verdict(0.01, row, other)) == (last, wanted), (row, other)
        assert verdict(0.03, row, other) == "not asked"
        number = f"{gap.mean:.0f} ± {gap.half_width:.0f}".replace("-", "−")
        assert words is None or words.format(number) in prose
    assert compared(0.01, "held, living", "held")[1].high < 0
    assert len(renewed_table().splitlines()) == 2 * 7 + 4
