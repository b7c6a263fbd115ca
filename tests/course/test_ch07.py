"""What chapter 07 says of its study, its prices and its checks."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
import torch
from torch.nn import functional as F

from actlab import activations, language, properties, studies
from actlab.statistics import paired_difference
from course import claims
from course.ch07 import exercises as chapter07
from course.ch07 import gains

NOTEBOOK = Path(__file__).parents[2] / "chapters" / "07-gated-units.ipynb"
D = 96


def last_rows(regime):
    table = studies.final("gated")
    return table[table["regime"] == regime]


def losses(regime="final"):
    groups = last_rows(regime).groupby("activation", sort=False)
    return {kind: runs.set_index("seed")["test_loss"] for kind, runs in groups}


def prose():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    return "\n".join(c.source for c in cells if c.cell_type == "markdown")


# The study -------------------------------------------------------------------------


def test_every_kind_was_judged_at_its_best_rate_and_the_best_is_inside():
    tuned = last_rows("tune").groupby(["activation", "lr"])["test_loss"].mean()
    used = studies.load("gated").query("regime != 'tune'")
    for kind, means in tuned.groupby(level=0):
        best = means.idxmin()[1]
        rates = sorted(means.index.get_level_values("lr"))
        assert best not in (rates[0], rates[-1]), f"{kind}: best at an edge"
        assert set(used[used["activation"] == kind]["lr"]) == {best}, kind


def test_tuning_seeds_are_used_for_nothing_else():
    table = studies.load("gated")
    tuned = set(table[table["regime"] == "tune"]["seed"])
    assert tuned.isdisjoint(table[table["regime"] != "tune"]["seed"])


# Prices ----------------------------------------------------------------------------


def kept(block):
    """Numbers per place that autograd keeps, counted another way than the notebook."""
    own = {p.data_ptr() for p in block.parameters()}
    found = {}

    def look(tensor):
        if tensor.is_floating_point() and tensor.data_ptr() not in own:
            storage = tensor.untyped_storage()
            found[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(look, lambda tensor: tensor):
        block(torch.randn(7, D, requires_grad=True))
    return sum(storage.nbytes() for storage in found.values()) / (4 * 7 * D)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("relu", 5), ("gelu", 9), ("bilinear", 9), ("swiglu", chapter07.KEPT_BY_SWIGLU)],
)
def test_what_a_block_keeps_for_the_backward_pass(kind, expected):
    key, gated = language.FEED_FORWARD_KINDS[kind]
    if gated:
        block = language.GatedFeedForward(D, language.gated_width(D), key)
    else:
        block = language.FeedForward(D, 4 * D, key)
    assert kept(block) == pytest.approx(expected, rel=1e-6)


# Claims can fail -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "name", "instead", "check", "message"),
    [
        (
            F,
            "glu",
            lambda x: x.chunk(2, -1)[0] * x.chunk(2, -1)[1],
            "glu_cuts_one_tensor_into_value_and_gate",
            "off by",
        ),
        (
            language,
            "gated_width",
            lambda d: 4 * d,
            "swiglu_stands_inside_the_block",
            "the gated block has",
        ),
        (
            activations.Maxout,
            "forward",
            lambda self, x: x.unflatten(-1, (-1, self.pieces)).amin(-1),
            "a_maxout_unit_is_convex",
            "above its chord",
        ),
    ],
)
def test_another_world_fails_the_check(
    monkeypatch, where, name, instead, check, message
):
    monkeypatch.setattr(where, name, instead)
    with pytest.raises(claims.ClaimError, match=message):
        claims.claim_checks()[check]()


def test_what_chapter_07_says_of_the_seconds_of_its_study():
    rows = studies.load("gated")
    runs = rows.groupby(["regime", "activation", "lr", "seed"], sort=False).tail(1)
    mean = runs.groupby(["regime", "activation"])["seconds"].mean()
    final = mean["final"]
    ratios = (final / final["relu"]).round(2)
    assert ratios["geglu"] == 1.45 and ratios["swiglu"] == 1.15
    assert ratios["bilinear"] == pytest.approx(1.1, abs=0.05)
    assert ratios[["gelu", "relu2"]].tolist() == pytest.approx([1.2, 1.2], abs=0.05)
    assert mean["longer", "relu"] == pytest.approx(28, abs=0.5)
    assert final["swiglu"] == pytest.approx(28, abs=0.55)
    assert final["geglu"] == pytest.approx(35, abs=0.5)
    z = torch.randn(10**6, generator=torch.Generator().manual_seed(0))
    assert F.silu(z).square().mean().item() == pytest.approx(0.356, abs=0.004)


def test_what_chapter_07_says_of_a_run_that_was_stopped_early():
    rows = studies.load("gated").query("regime != 'tune' and step == 800")
    relu = rows[rows["activation"] == "relu"]
    ends = relu.pivot(index="seed", columns="regime", values="test_loss")
    gap = paired_difference(ends["longer"], ends["final"])
    assert abs(gap.mean) < 0.0005
    assert gap.half_width == pytest.approx(0.022, abs=0.0005)


# At one gain -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", gains.MEAN_SQUARES)
def test_the_factor_of_a_kind_is_that_of_its_mean_square(kind):
    gate = {"reglu": "relu", "swiglu": "silu", "bilinear": "identity"}.get(kind, kind)
    assert properties.second_moment(gate) == pytest.approx(
        gains.MEAN_SQUARES[kind], rel=1e-4
    )


def test_at_one_gain_all_blocks_start_with_the_recorded_size():
    text = language.corpus()
    table = studies.final("gated-equal-gain")
    runs = table[table["regime"] == "final"]
    seed = int(runs["seed"].min())
    if text.sha256 not in str(studies.provenance("gated-equal-gain")["data_sha256"]):
        pytest.skip("this Python's help topics are other ones than the recorded text")
    for kind, rows in runs.groupby("activation"):
        network = gains.network_of(kind, len(text.vocabulary), seed)
        sizes = gains.block_sizes(network, text)
        then = rows.set_index("seed")["size_before"]
        assert sum(sizes) / 2 == pytest.approx(then[seed], rel=1e-3), kind
        assert then.between(0.46, 0.54).all(), kind


def test_kinds_of_one_form_start_with_the_same_weights():
    one, other = (gains.network_of(k, 50, 3).state_dict() for k in ("reglu", "swiglu"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_finals_at_one_gain_have_the_best_rate_and_it_lies_inside():
    table = studies.final("gated-equal-gain")
    tuned = table[table["regime"] == "tune"].groupby(["activation", "lr"])["test_loss"]
    final = table[table["regime"] == "final"]
    for kind in gains.MEAN_SQUARES:
        means = tuned.mean()[kind]
        best = means.idxmin()
        assert means.index.min() < best < means.index.max(), kind
        assert set(final[final["activation"] == kind]["lr"]) == {best}, kind
    assert set(final["seed"]).isdisjoint(table[table["regime"] == "tune"]["seed"])
