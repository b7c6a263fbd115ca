"""The study who-kills: what a run gives back, and what it counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import pytest
import torch
from torch.nn import functional as F

matplotlib.use("Agg")

from actlab import datasets, studies
from actlab.networks import MLP
from actlab.studies import Setting
from actlab.studies.runners import execute
from course.ch10 import figures as ch10
from course.ch10.killed import (
    PARTS,
    born,
    deaths,
    killed_shares,
    killed_table,
    saved_table,
)
from course.ch10.shift import taken_back
from course.ch10.who_kills import WHO_KILLS, SuspectRun, shift_taken_back

CHAPTER = Path(__file__).parents[2] / "chapters" / "10-dead-neurons.ipynb"
SIZES = (64, 128, 96, 64, 32, 10)
EVERY = torch.ones(96, dtype=torch.bool)


def stepped(of: dict[int, torch.Tensor] | None, like_the_chapter: bool = False) -> MLP:
    """A network after one step, with the shift of its second layer taken back."""
    data = datasets.digits()
    net = MLP(SIZES, "relu", seed=1)
    if like_the_chapter:
        by_number = taken_back(net, data.x_train, [2])
    else:
        after = shift_taken_back(net, data.x_train, of or {})
    F.cross_entropy(net(data.x_train[:16]), data.y_train[:16]).backward()
    with torch.no_grad():
        for p in net.parameters():
            p -= 0.1 * p.grad
    if like_the_chapter:
        by_number(1)
    else:
        after()
    return net


def test_all_units_of_a_layer_get_what_the_chapter_gives_back() -> None:
    plain, mine, chapter = stepped(None), stepped({2: EVERY}), stepped(None, True)
    for one, other in zip(mine.parameters(), chapter.parameters()):
        torch.testing.assert_close(one, other)
    assert not torch.allclose(plain.linears[1].bias, mine.linears[1].bias)


def test_units_that_the_lot_leaves_out_get_nothing() -> None:
    half = torch.arange(96) % 2 == 0
    plain, all_of_them, mine = stepped(None), stepped({2: EVERY}), stepped({2: half})
    bias = mine.linears[1].bias
    assert torch.equal(bias[~half], plain.linears[1].bias[~half])
    torch.testing.assert_close(bias[half], all_of_them.linears[1].bias[half])


def counted(variant: str, epochs: int = 2) -> dict[str, list[int]]:
    """Units per layer of one short run on the digits."""
    (condition,) = (
        c for c in WHO_KILLS.conditions if (c.regime, c.variant) == ("digits", variant)
    )
    assert isinstance(condition, SuspectRun)
    history, _ = execute(Setting(replace(condition, epochs=epochs), seed=3))
    names = ("born", "killed", "woken", "given", "at_risk")
    return {name: [int(n) for n in history[name][0].split()] for name in names}


def test_the_killed_were_born_alive_and_the_given_are_some_of_them() -> None:
    plain, lot = counted("plain"), counted("back: half, by lot")
    assert plain["born"] == lot["born"] and sum(plain["killed"]) > 20
    assert plain["given"] == plain["at_risk"] == [0, 0, 0, 0]
    for width, born_dead, killed, given, at_risk in zip(
        SIZES[1:], *(lot[k] for k in ("born", "killed", "given", "at_risk"))
    ):
        assert given <= killed <= width - born_dead
        assert given <= at_risk <= width // 2
    assert sum(lot["given"]) < 0.3 * (sum(lot["killed"]) - sum(lot["given"]))


@pytest.mark.parametrize("regime", sorted({c.regime for c in WHO_KILLS.conditions}))
def test_each_change_is_one_change(regime: str) -> None:
    cells = [c for c in WHO_KILLS.conditions if c.regime == regime]
    plain, *changed = cells
    assert plain.variant == "plain" and len(changed) in (5, 7)
    allowed = {"variant", "lr", "warmup", "centred", "back", "lot"}
    for cell in changed:
        differ = {k for k, v in vars(cell).items() if v != vars(plain)[k]}
        assert differ - {"lot"} < allowed and len(differ) == 2 + cell.lot, cell.variant


def both(regime: str) -> dict[str, float]:
    """Mean number of units killed in the whole network, change by change."""
    return dict((deaths(regime, PARTS[0]) + deaths(regime, PARTS[1])).mean())


def test_the_reading_of_the_table_has_its_numbers() -> None:
    cells = nbformat.read(CHAPTER, as_version=4).cells
    prose = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    settings = ("digits", "Fashion-MNIST", "Fashion-MNIST, six layers")
    digits, fashion, six = (both(name) for name in settings)
    saved = [100 * (1 - d["back: all"] / d["plain"]) for d in (digits, fashion, six)]
    words = "{:.0f} % of Adam's deaths on the digits, on Fashion-MNIST {:.0f} and, with"
    assert words.format(*saved[:2]) in prose
    assert f"with six layers, {saved[2]:.0f}. By the rules" in prose
    lot = [(d["lot: back"], d["lot: not"]) for d in (digits, fashion, six)]
    assert "{:.1f} against {:.0f} killed".format(*lot[0]) in prose
    assert "{:.0f} against {:.0f}, it parts six less".format(*lot[1]) in prose
    assert "{:.0f} against {:.0f} (5.6 ± 3.0 apart)".format(*lot[2]) in prose
    assert "5.6 ± 3.0" in saved_table().splitlines()[-1]
    assert "those of SGD 0.1 (5.3 ± 5.6, 7.5 ± 3.3)" in prose
    for line, gap in zip(saved_table().splitlines()[2::2], ("5.3 ± 5.6", "7.5 ± 3.3")):
        assert line.startswith("& SGD") and line.endswith(gap)
    for change in ("plain", "centred inputs", "back: all"):
        row = ", ".join(f"{d[change]:.1f}" for d in (digits, fashion, six))
        assert row in prose


def test_what_was_refuted_beyond_the_digits() -> None:
    """By the rules of the design: few are at most a quarter, many at least a half."""
    above = {c.regime: deaths(c.regime, "above").mean() for c in WHO_KILLS.conditions}
    share = {name: killed / killed["plain"] for name, killed in above.items()}
    six, sgd = "Fashion-MNIST, six layers", "digits, SGD"
    assert share["digits"]["back: layer 1"] > 0.5
    for name in ("Fashion-MNIST", six, sgd):
        assert share[name]["back: layer 1"] < 0.5
    for name in (sgd, "Fashion-MNIST, SGD"):
        assert share[name]["back: layer 1"] < 0.25
        assert above[name]["lot: back"] > 0.25 * above[name]["lot: not"]
    assert share["digits"]["back: above"] < 0.25 > share["Fashion-MNIST"]["back: above"]
    assert share[six]["back: above"] > 0.5
    for name in ("digits", "Fashion-MNIST", six):
        assert 0.4 < share[name]["centred inputs"] < 0.6
        assert share[name]["back: all"] < 0.25
    assert share[sgd]["centred inputs"] < 0.1 > share[sgd]["back: all"]
    for regime in above:
        assert deaths(regime, "layer 1")["centred inputs"].max() == 0


def test_runs_that_broke_down_are_counted() -> None:
    runs = studies.load("who-kills")
    broke = runs[runs["test_loss"].isna()]
    assert set(broke["regime"]) == {"digits, SGD", "Fashion-MNIST, SGD"}
    taken = broke["variant"].isin(["back: above", "back: all"])
    assert taken.sum() == 23 and len(broke) == 25
    assert killed_table("above").count("(0)") == 1
    assert deaths("Fashion-MNIST, SGD", "above")["back: above"].isna().all()


def test_births_are_those_of_the_plain_case() -> None:
    found = born("digits", "above")
    runs = studies.load("who-kills").query("regime == 'digits' and variant == 'plain'")
    sums = [sum(map(int, text.split()[1:])) for text in runs["born"]]
    assert found.loc[runs["seed"], "born"].tolist() == sums
    with pytest.raises(ValueError, match="layer 1"):
        born("digits", "below")


def test_shares_are_ratios_of_means_and_their_intervals_those_of_the_ratio() -> None:
    shares = killed_shares().set_index(["network", "part", "change"])
    killed = deaths("Fashion-MNIST", "above")
    row = shares.loc["Fashion-MNIST", "above", "back: layer 1"]
    ratio = killed["back: layer 1"].mean() / killed["plain"].mean()
    assert row["share"] == pytest.approx(100 * ratio) and 43 < row["share"] < 44
    draws = np.random.default_rng(0).integers(0, 10, (4000, 10))
    of = {name: killed[name].to_numpy()[draws].mean(1) for name in killed}
    spread = 100 * (of["back: layer 1"] / of["plain"]).std()
    # Student's t for ten seeds, and the bootstrap's divisor of n instead of n - 1.
    assert row["half_width"] == pytest.approx(2.26 * spread * (10 / 9) ** 0.5, rel=0.1)
    assert ("six layers", "layer 1", "centred") not in shares.index
    lot = deaths("digits", "above")
    expected = 100 * lot["lot: back"].mean() / lot["lot: not"].mean()
    assert shares.loc["digits", "above", "lot: back"]["share"] == pytest.approx(
        expected
    )


def test_the_figure_says_each_share() -> None:
    figure = ch10.killed_by_change(killed_shares())
    assert "centred 53, 46, 42" in figure.alt and "back: all 1, 6, 13" in figure.alt
    assert [axes.get_title(loc="left") for axes in figure.axes] == [*PARTS]
