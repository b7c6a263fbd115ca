"""What chapter 07 says of its study, its prices and its checks."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
import torch
from torch.nn import functional as F

from actlab import activations, language, studies
from course import claims
from course.ch07 import exercises as chapter07

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
    assert F.silu(z).square().mean().item() == pytest.approx(0.36, abs=0.005)
