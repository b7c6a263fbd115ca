"""The text, the feed-forward blocks, the transformer and its training."""

import builtins
import math

import pytest
import torch
from torch import nn

from actlab import language
from actlab.datasets import DataError
from actlab.language import (
    FEED_FORWARD_KINDS,
    FeedForward,
    GatedFeedForward,
    Text,
    TextTransformer,
    continue_text,
    corpus,
    evaluate_language,
    fit_language,
    gated_width,
)
from actlab.networks import count_parameters
from actlab.training import NonFiniteLossError

KINDS = list(FEED_FORWARD_KINDS)


def small(kind="relu", seed=0, vocabulary=None, context=16):
    vocabulary = len(corpus().vocabulary) if vocabulary is None else vocabulary
    return TextTransformer(
        vocabulary, kind, width=16, blocks=1, heads=2, context=context, seed=seed
    )


def simple_text(period="abcd", length=400):
    vocabulary = "".join(sorted(set(period)))
    ids = torch.tensor([vocabulary.index(c) for c in period]).repeat(length)
    return Text("simple", ids, ids[:200], vocabulary, "0" * 64)


# Text ------------------------------------------------------------------------------


def test_corpus_is_long_split_and_decodes():
    text = corpus()
    assert len(text.train) > 200_000
    assert 0.05 < len(text.validation) / len(text.train) < 0.15
    assert 60 < len(text.vocabulary) < 300
    assert int(text.train.max()) < len(text.vocabulary)
    assert len(text.sha256) == 64
    assert "statement" in text.decode(text.train[:20_000])
    assert text.decode(text.encode("Python")) == "Python"


def test_corpus_is_the_same_each_time():
    first = corpus()
    corpus.cache_clear()
    again = corpus()
    assert again.sha256 == first.sha256
    assert torch.equal(again.validation, first.validation)


def test_no_long_validation_passage_stands_in_the_training_part():
    text = corpus()
    training = text.decode(text.train)
    validation = text.decode(text.validation)
    passages = [validation[i : i + 120] for i in range(0, len(validation) - 120, 120)]
    copies = [p for p in passages if p in training]
    assert len(copies) <= len(passages) // 100, copies[:3]


def test_repeated_paragraphs_are_kept_once():
    topics = {"b": "same  text\n\nsecond", "a": "first\n\n\n\nsame text"}
    assert language.text._without_repeats(topics) == "first\n\nsame text\n\nsecond"


def test_a_python_without_the_text_says_so(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("pydoc_data"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DataError, match="pydoc_data.topics"):
        corpus.__wrapped__()


def test_unknown_characters_are_named():
    with pytest.raises(ValueError, match="'z'"):
        simple_text().encode("az")


# Blocks ----------------------------------------------------------------------------


def test_gated_width():
    assert [gated_width(d) for d in (3, 48, 64, 768)] == [8, 128, 171, 2048]
    with pytest.raises(ValueError, match="d is 0"):
        gated_width(0)


def test_feed_forward_is_what_its_formula_says():
    x = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
    block = FeedForward(8, 32, "relu2")
    inner, outer = block.inner.weight, block.outer.weight
    torch.testing.assert_close(block(x), (x @ inner.T).relu() ** 2 @ outer.T)


@pytest.mark.parametrize(
    ("gate", "function"),
    [
        ("glu", torch.sigmoid),
        ("bilinear", lambda c: c),
        ("reglu", torch.relu),
        ("geglu", nn.functional.gelu),
        ("swiglu", lambda c: c * torch.sigmoid(c)),
    ],
)
def test_gated_feed_forward_is_what_its_formula_says(gate, function):
    x = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
    block = GatedFeedForward(8, 21, gate)
    value, opened_by = block.inner.weight.chunk(2)
    expected = (x @ value.T) * function(x @ opened_by.T) @ block.outer.weight.T
    torch.testing.assert_close(block(x), expected)
    assert block(x).shape == x.shape


# The transformer -------------------------------------------------------------------


@pytest.mark.parametrize("width", [16, 32, 64])
def test_all_kinds_have_equally_many_parameters(width):
    counts = [
        count_parameters(TextTransformer(100, kind, width=width)) for kind in KINDS
    ]
    assert max(counts) / min(counts) < 1.01


def test_size_and_start():
    network = TextTransformer(103)
    assert 100_000 < count_parameters(network) < 130_000
    logits = network(torch.zeros(2, 7, dtype=torch.int64))
    assert logits.shape == (2, 7, 103)
    assert (logits == 0).all()


def test_no_place_sees_what_follows():
    network = small(vocabulary=9)
    nn.init.normal_(network.head.weight)
    ids = torch.randint(9, (1, 16), generator=torch.Generator().manual_seed(0))
    other = ids.clone()
    other[0, 10:] = (other[0, 10:] + 1) % 9
    difference = (network(ids) - network(other))[0].abs().amax(-1)
    assert difference[:10].max() < 1e-5
    assert difference[10:].min() > 1e-3


def test_places_are_told_apart():
    network = small(vocabulary=9)
    nn.init.normal_(network.head.weight)
    first, second = network(torch.tensor([[1, 2, 3], [2, 1, 3]]))
    assert (first[-1] - second[-1]).abs().max() > 1e-3


def test_the_rest_starts_alike_whatever_the_kind():
    state = {kind: small(kind, seed=3).state_dict() for kind in KINDS}
    for kind in KINDS[1:]:
        for name, matrix in state["relu"].items():
            if "feed_forward" not in name:
                assert torch.equal(state[kind][name], matrix), (kind, name)
    one, two = small("swiglu", seed=3), small("swiglu", seed=4)
    assert not torch.equal(one.characters.weight, two.characters.weight)


def test_building_leaves_the_global_generator_alone():
    state = torch.random.get_rng_state()
    small()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_impossible_networks_are_refused():
    with pytest.raises(ValueError, match="unknown kind 'swish'; choose one of relu"):
        TextTransformer(10, "swish")
    with pytest.raises(ValueError, match="multiple of 8"):
        TextTransformer(10, width=20)
    with pytest.raises(ValueError, match="the context is 16"):
        small()(torch.zeros(1, 17, dtype=torch.int64))


# Training --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_learns_a_period(kind):
    text = simple_text("abcd")
    run = fit_language(
        small(kind, vocabulary=4), text, steps=60, lr=0.01, checkpoints=3, windows=8
    )
    losses = run.history["validation_loss"]
    assert losses[0] == pytest.approx(math.log(4))
    assert run.loss == losses.iloc[-1] < 0.1
    assert run.loss == pytest.approx(evaluate_language(run.network, text, windows=8))
    continued = continue_text(run.network, text, "abcdab", length=20, temperature=0.1)
    assert continued == ("abcd" * 7)[:26]


def test_history():
    run = fit_language(small(), corpus(), steps=24, lr=0.01, checkpoints=4, windows=32)
    history = run.history
    assert list(history) == ["step", "train_loss", "validation_loss", "seconds"]
    assert history["step"].tolist() == [0, 6, 12, 18, 24]
    assert math.isnan(history["train_loss"][0])
    assert history["validation_loss"][0] == pytest.approx(
        math.log(len(corpus().vocabulary)), abs=1e-4
    )
    assert history["validation_loss"].iloc[-1] < history["validation_loss"][0] - 0.5
    assert history["seconds"].is_monotonic_increasing
    assert run.seconds == history["seconds"].iloc[-1] > 0
    assert run.settings["kind"] == "relu" and run.settings["steps"] == 24


def test_the_same_seed_repeats_and_another_does_not():
    def losses(weights, batches):
        run = fit_language(
            small(seed=weights),
            corpus(),
            steps=4,
            lr=0.01,
            seed=batches,
            checkpoints=2,
            windows=32,
        )
        return run.history["validation_loss"].tolist()

    assert losses(0, 0) == losses(0, 0)
    assert losses(0, 0) != losses(1, 0)
    assert losses(0, 0) != losses(0, 1)


def test_schedule_rises_then_falls_to_zero():
    shares = [language.training._schedule(step, 100) for step in range(1, 101)]
    assert shares[0] == pytest.approx(0.2) and shares[4] == pytest.approx(1)
    assert all(a > b for a, b in zip(shares[5:], shares[6:], strict=False))
    assert 0 < shares[-1] < 0.02


def test_a_loss_that_is_no_number_stops_the_training():
    network = small()
    with torch.no_grad():
        network.characters.weight.fill_(float("nan"))
    with pytest.raises(NonFiniteLossError, match="nan"):
        fit_language(network, corpus(), steps=4, lr=0.01, checkpoints=2, windows=32)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"checkpoints": 5}, "checkpoints is 5; give 1 to 4"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        fit_language(small(), corpus(), **({"steps": 4, "lr": 0.01} | settings))
