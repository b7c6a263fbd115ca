"""The studies lot-below and sgd-shift: what moves a unit, and who gets it back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from actlab import datasets, studies
from actlab.networks import MLP
from actlab.statistics import paired_difference
from course.ch10 import shifted
from course.ch10.below import (
    LOT_BELOW,
    SGD_SHIFT,
    Shifts,
    _chosen,
    steps_changed,
)
from course.ch10.shifted import (
    FLOOR_LOT,
    ROWS,
    descents,
    few_or_many,
    lot_table,
    lots,
    part_of,
    sgd_table,
)
from course.ch10.who_kills import shift_taken_back

CHAPTER = Path(__file__).parents[2] / "chapters" / "10-dead-neurons.ipynb"
SIZES = (64, 128, 96, 64, 32, 10)
WHOLE = {2: torch.ones(96, dtype=torch.bool)}
CELLS = [*LOT_BELOW.conditions, *SGD_SHIFT.conditions]


def network() -> MLP:
    """A small one in double precision."""
    return MLP(SIZES, "relu", seed=1).double()


def inputs() -> Tensor:
    return datasets.digits().x_train.double()


def step(net: MLP, after: Callable[[], None], biases: bool = True) -> None:
    """Move all weights, three times; and the biases, if wanted."""
    random = torch.Generator().manual_seed(0)
    for _ in range(3):
        with torch.no_grad():
            for p in net.parameters():
                if biases or p.dim() == 2:
                    p += 0.01 * torch.randn(p.shape, generator=random, dtype=p.dtype)
        after()


def means(net: MLP) -> list[Tensor]:
    """The mean pre-activation of each hidden unit."""
    return [joint.pre_activation.mean(0) for joint in net.joints(inputs())]


def test_the_own_shift_is_given_back_as_in_who_kills() -> None:
    of = WHOLE | {3: torch.arange(64) % 2 == 0}
    mine, theirs = network(), network()
    step(mine, Shifts(mine, inputs(), of).take_back)
    step(theirs, shift_taken_back(theirs, inputs(), of))
    for one, other in zip(mine.parameters(), theirs.parameters()):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("arrivals", [False, True])
def test_a_mean_moves_by_its_own_shift_by_what_arrives_and_by_its_bias(
    arrivals: bool,
) -> None:
    net = network()
    before, biases = means(net), [linear.bias.clone() for linear in net.linears]
    shifts = Shifts(net, inputs(), WHOLE, arrivals)
    step(net, shifts.take_back)
    for layer, (now, was) in enumerate(zip(means(net), before)):
        bias = net.linears[layer].bias - biases[layer]
        parts = shifts.own[layer] + shifts.arrived[layer] + bias
        torch.testing.assert_close(now - was, parts)
    assert not shifts.arrived[0].any() and shifts.arrived[1].abs().max() > 0.01


def test_arrivals_given_back_hold_the_mean_still() -> None:
    net = network()
    before = means(net)
    step(net, Shifts(net, inputs(), WHOLE, arrivals=True).take_back, biases=False)
    now = means(net)
    torch.testing.assert_close(now[1], before[1])
    assert (now[2] - before[2]).abs().max() > 0.01


def gradient(how: str) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the second layer: as it is, as changed, and of centred inputs."""
    data, x = datasets.digits(), inputs()
    net = network()
    second = net.linears[1]
    shifts = Shifts(net, x, {})
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    F.cross_entropy(net(x[:64]), data.y_train[:64]).backward()
    whole = second.weight.grad.clone()
    hook = steps_changed(shifts, [2], how)
    optimiser.step()
    hook.remove()
    changed = second.weight.grad

    net = network()
    second, h = net.linears[1], net.joints(x)[0].activation
    mean = h.mean(0)
    bias = (second.bias + second.weight @ mean).detach()
    z = F.linear(h[:64] - mean, second.weight, bias)
    for linear, f in zip(net.linears[2:], net.activations[1:]):
        z = linear(f(z))
    F.cross_entropy(z, data.y_train[:64]).backward()
    return whole, changed, second.weight.grad


def test_steps_centred_have_the_gradient_of_centred_inputs() -> None:
    whole, changed, wanted = gradient("centred")
    torch.testing.assert_close(changed, wanted)
    assert wanted.norm() < 0.9 * whole.norm()


def test_short_steps_are_as_long_as_the_centred_and_point_where_they_did() -> None:
    whole, changed, centred = gradient("short")
    torch.testing.assert_close(changed.norm(), centred.norm())
    torch.testing.assert_close(changed / changed.norm(), whole / whole.norm())
    with pytest.raises(ValueError, match="centred"):
        steps_changed(Shifts(network(), inputs(), {}), [2], "longer")


@pytest.mark.parametrize("layer", range(2, 7))
def test_a_layer_has_the_same_lot_in_all_rows(layer: int) -> None:
    rows = ("below plain", "below back", "arrivals back")
    cells = [c for c in CELLS if c.variant in {f"{row}, {layer}" for row in rows}]
    plain, back, arrivals = (_chosen(cell, seed=3) for cell in cells)
    assert set(plain) == set(arrivals) == {layer}
    assert set(back) == set(range(1, layer + 1))
    assert all(back[below].all() for below in range(1, layer))
    for chosen in (plain, back, arrivals):
        assert torch.equal(chosen[layer], plain[layer])
        assert chosen[layer].sum() == 32
    assert [cell.arrivals for cell in cells] == [False, False, True]


def test_each_change_is_one_change() -> None:
    """Beside the plain case of the same data and step, with the same seeds."""
    plain = {(c.regime, c.lr): c for c in CELLS if c.variant == "plain"}
    assert len(plain) == 7
    allowed = {"variant", "centred", "back", "split", "arrivals", "step", "changed"}
    for cell in CELLS:
        other = plain[cell.regime, cell.lr]
        assert {k for k, v in vars(cell).items() if v != vars(other)[k]} <= allowed
        if cell.step == "centred":
            assert cell.back == cell.changed
        if cell.step == "short":
            assert not cell.back and cell.changed


@pytest.mark.parametrize(
    "changed, verdict",
    [
        ([1, 1, 0, 1], "few"),
        ([6, 7, 5, 6], "many"),
        ([4, 3, 4, 3], "not settled"),
        ([0, 0, 0, 9], "not settled"),  # few on average, and not for sure
    ],
)
def test_few_and_many_need_their_interval(changed: list[int], verdict: str) -> None:
    assert few_or_many(pd.Series(changed), pd.Series([10, 9, 11, 10])) == verdict


def prose() -> str:
    cells = nbformat.read(CHAPTER, as_version=4).cells
    return "\n".join(c.source for c in cells if c.cell_type == "markdown")


def test_the_lot_says_what_the_chapter_says() -> None:
    own, below, both = map(lots, ROWS)
    numbers = [half.mean() for half in (own["back"], own["others"], both["others"])]
    told = "{:.1f} of the half die, {:.1f} of the other; with what arrives as well, "
    assert (told + "none, and {:.1f}").format(*numbers) in prose()
    assert not both["back"].any()
    assert few_or_many(both["back"], both["others"]) == "few"
    assert few_or_many(own["back"], own["others"]) == "many"
    assert max(below["back"].mean(), below["others"].mean()) < FLOOR_LOT
    stiller = paired_difference(own["arrived"], below["arrived"])
    assert stiller.low > 0, "nothing was tested where as much arrives"
    assert lot_table().splitlines()[3].split()[-2] == "1.8"


def test_descent_says_what_the_chapter_says() -> None:
    above = {lr: descents("digits", lr, "above").mean() for lr in (0.03, 0.05)}
    more = [above[lr][name] for lr in above for name in ("back: above", "plain")]
    told = "more die, {:.1f} for {:.1f}, {:.1f} for {:.1f};".format(*more)
    assert told in prose()
    centred = above[0.05]["steps centred: all"], above[0.05]["plain"]
    assert "centred ({:.1f} of {:.1f})".format(*centred) in prose()
    verdicts = {
        ("digits", 0.03, "back: above"): "many",
        ("digits", 0.05, "back: above"): "many",
        ("digits", 0.03, "back: layer 1"): "many",
        ("digits", 0.05, "back: layer 1"): "many",
        ("digits", 0.05, "steps centred: all"): "few",
        ("digits", 0.1, "steps centred: above"): "not settled",
        ("Fashion-MNIST", 0.1, "steps centred: above"): "few",
        ("Fashion-MNIST", 0.03, "back: above"): "below the floor",
        ("Fashion-MNIST", 0.05, "back: above"): "below the floor",
    }
    for where, wanted in verdicts.items():
        assert part_of(*where, "above")[0] == wanted, where


def test_short_steps_save_the_upper_layers_as_well() -> None:
    """So at 0.1 it may be the length: not more are killed than with centred steps."""
    for data in ("digits", "Fashion-MNIST"):
        killed = descents(data, 0.1, "above").dropna()
        short, centred = killed["as short: above"], killed["steps centred: above"]
        assert few_or_many(short, killed["plain"]) == "few"
        assert paired_difference(short, centred).low <= 0


def test_less_is_learnt_with_all_shifts_taken_back_unless_steps_are_centred() -> None:
    runs = studies.load("sgd-shift").query("regime == 'digits' and lr == 0.05")
    right = runs.pivot(index="seed", columns="variant", values="test_accuracy")
    lost = paired_difference(right["plain"], right["back: all"])
    kept = paired_difference(right["steps centred: all"], right["plain"])
    assert lost.low > 0 and kept.mean > 0


def test_broken_runs_are_counted() -> None:
    broke = studies.load("sgd-shift").query("test_loss.isna()")
    assert len(broke) == 1 and not studies.load("lot-below")["test_loss"].isna().any()
    assert sgd_table("above").count("(9)") == 1
    with pytest.raises(ValueError, match="below plain"):
        lots("below")
    with pytest.raises(ValueError, match=r"0\.2"):
        descents("digits", 0.2, "above")


def test_a_row_with_too_many_broken_runs_is_void(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed = descents("digits", 0.03, "above").copy()
    killed.loc[killed.index[:3], "back: all"] = float("nan")
    monkeypatch.setattr(shifted, "descents", lambda *_: killed)
    assert part_of("digits", 0.03, "back: all", "above")[0] == "void"
    assert part_of("digits", 0.03, "back: above", "above")[0] == "many"
