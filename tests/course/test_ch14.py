"""The decision path of chapter 14, its patients, and its figures."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import matplotlib
import nbformat
import pandas as pd
import pytest

matplotlib.use("Agg")

import choosing_tables
import generate_pages
from actlab import catalogue, studies
from actlab.statistics import compare, paired_difference
from course import claims
from course.ch09 import fresh
from course.ch14 import choosing, patients, special
from course.ch14 import exercises as chapter14
from course.ch14 import figures as ch14
from course.ch14.patients import (
    HEALTHY,
    PATIENTS,
    PRESCRIPTIONS,
    admit,
    named,
    panels,
    treat,
    worst,
)
from course.ch14.studies import in_decibels

ROOT = Path(__file__).parents[2]
CHAPTERS = ROOT / "chapters"
NOTEBOOK = CHAPTERS / "14-choosing.ipynb"
CLAIMS = ROOT / "reference" / "claims.md"


def prose() -> str:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    return "\n".join(c.source for c in cells if c.cell_type == "markdown")


def headings(number: int) -> set[str]:
    (path,) = CHAPTERS.glob(f"{number:02}-*.ipynb")
    return set(generate_pages.headings(path))


# --- the path as data -----------------------------------------------------------------


@pytest.mark.parametrize("arrow", choosing.ARROWS, ids=lambda arrow: arrow.name)
def test_each_arrow_has_the_ground_that_it_claims(arrow):
    assert arrow.place in choosing.PLACES
    assert arrow.ground in choosing.GROUNDS
    assert arrow.situation and arrow.choice and arrow.because and arrow.unless
    for key in arrow.keys:
        catalogue.get(key)
    for number, heading in arrow.seen_in:
        assert heading in headings(number), (number, heading)
    for study in arrow.studies:
        assert not studies.load(study).empty
    assert set(arrow.sources) <= set(generate_pages.bibliography())
    if arrow.ground in ("derived", "measured"):
        assert arrow.seen_in, "says that it was shown, and not where"
    if arrow.ground == "published":
        assert arrow.sources, "says that somebody published it, and not who"


def test_names_are_unique_and_every_place_has_arrows():
    names = [arrow.name for arrow in choosing.ARROWS]
    assert len(set(names)) == len(names)
    for place in choosing.PLACES:
        assert len(choosing.path(place)) >= 3, place
    order = [arrow.place for arrow in choosing.ARROWS]
    assert order == sorted(order, key=list(choosing.PLACES).index)
    for domain, used in choosing.DOMAINS.items():
        assert set(used) <= set(names), domain


def test_sources_are_works_of_the_bibliography():
    rows = (*choosing.ARROWS, *choosing.ADVICE, *choosing.MODELS)
    used = {key for row in rows for key in row.sources}
    assert used <= set(generate_pages.bibliography())
    assert set(choosing_tables.NAMES) | set(choosing_tables.PREPRINTS) <= used
    for key in used:
        assert re.fullmatch(r"\[\S.*\]\(https://\S+\)", choosing_tables.source(key)), (
            key
        )


def test_every_piece_of_advice_is_on_trial():
    ids = [id for advice in choosing.ADVICE for id in advice.ids]
    wanted = {f"ADV-{n:02d}" for n in range(1, 24)} - {"ADV-22"}  # fonts: elsewhere
    assert set(ids) == wanted and len(ids) == len(wanted)
    for advice in choosing.ADVICE:
        assert advice.verdict in choosing.VERDICTS, advice.ids
        assert advice.found.endswith(".") and advice.said.endswith(".")
        assert advice.seen_in or advice.sources, advice.ids
        for number, heading in advice.seen_in:
            assert heading in headings(number), (advice.ids, heading)


def test_models_name_their_source_or_are_undisclosed():
    for model in choosing.MODELS:
        assert model.sources
        for key in model.keys:
            catalogue.get(key)
        assert bool(model.said_in) == (model.uses != "not disclosed"), model.name


PARTS = [*choosing.PLACES, "domains", "advice", "models"]


@pytest.mark.parametrize("part", PARTS)
def test_the_chapter_prints_the_data(part):
    table = choosing_tables.table(part)
    if part == "advice":
        assert generate_pages.PARTS["advice.txt"]() == table
        assert "generated/advice.txt" in CLAIMS.read_text("utf-8")
    else:
        assert table in prose(), f"build the tables of chapter 14 again: {part}"
    lines = table.splitlines()
    assert len({line.count(" | ") for line in lines}) == 1
    page = CLAIMS.parent if part == "advice" else CHAPTERS
    targets = re.findall(r"\]\(([\w./-]+\.ipynb)\)", table)
    assert targets or part in ("domains", "models")
    for target in targets:
        assert (page / target).exists(), target


def test_a_place_that_does_not_exist_is_said():
    with pytest.raises(ValueError, match="did you mean 'output'"):
        choosing.path("outputs")
    with pytest.raises(ValueError, match="no ground 'rumour'"):
        choosing.path(ground="rumour")
    with pytest.raises(ValueError, match="no part 'tables'"):
        choosing_tables.table("tables")
    assert {a.ground for a in choosing.path("output")} == {"derived"}
    assert list(choosing.frame(choosing.path("output"))["place"].unique()) == ["output"]


def test_the_text_counts_grounds_and_verdicts():
    grounds = Counter(arrow.ground for arrow in choosing.ARROWS)
    words = ", ".join(f"{grounds[ground]} {ground}" for ground in choosing.GROUNDS)
    assert f"| grounds of {len(choosing.ARROWS)} first choices |" in prose()
    assert words in prose(), words
    verdicts = Counter(advice.verdict for advice in choosing.ADVICE)
    assert len(choosing.ADVICE) == 21 and verdicts["holds"] == 3
    assert "Three hold as they stand." in CLAIMS.read_text("utf-8")


def test_numbers_of_the_arrows_are_the_recorded_ones():
    found = {arrow.name: arrow.because for arrow in choosing.ARROWS}
    table = studies.final("gated").query("regime == 'final'")
    losses = table.groupby("activation")["test_loss"].mean()
    assert f"{losses['relu'] - losses['swiglu']:.3f} nats" in found["language model"]
    share = (losses["relu"] - losses["bilinear"]) / (losses["relu"] - losses["swiglu"])
    assert share > 0.5 and "most of it from the product" in found["language model"]
    table = studies.final("gated-equal-gain").query("regime == 'final'")
    even = table.groupby("activation")["test_loss"].mean()
    assert f"{even['relu'] - even['swiglu']:.3f} at one gain" in found["language model"]
    assert f"{losses['relu'] - losses['gelu']:.3f} nats" in found["encoder"]
    slopes = studies.final("slope-or-gain").query(
        "regime == 'sgd_small' and init == 'default'"
    )
    means = slopes.groupby(["activation", "variant"])["test_accuracy"].mean()
    leads = [
        means["prelu", variant] - means["relu", ""]
        for variant in ("shared", "unit_gain")
    ]
    assert f"{leads[0]:.1f} points" in found["learnt shape"]
    assert f"divided out, {leads[1]:.1f} were" in found["learnt shape"]
    fields = studies.final("frequency-or-activation")
    psnr = fields.groupby(["regime", "activation", "lr"])["psnr"].mean()
    best = psnr.groupby(["regime", "activation"]).max().round().astype(int)
    kinds = ("relu_fourier", "sine_30", "relu", "sine_1")
    chirp, photo = ([best[on, kind] for kind in kinds] for on in ("chirp", "flower"))
    words = (
        f"on a chirp {chirp[0]} and {chirp[1]} dB, plain ReLU {chirp[2]}, sine with "
        f"ω₀ = 1 at its own step {chirp[3]}; on a photograph "
        f"{photo[0]}, {photo[1]}, {photo[2]} and {photo[3]}"
    )
    assert words in found["field"]
    cnn = studies.final("confound").query("variant == 'cnn' and regime == 'sgd_large'")
    cnn = cnn.groupby("activation")["test_accuracy"].mean()
    words = (
        f"GELU {cnn['gelu']:.1f} %, ReLU {cnn['relu']:.1f}, tanh {cnn['tanh']:.1f}, "
        f"sigmoid {cnn['sigmoid']:.1f}"
    )
    assert words in found["convolutions"], words
    late = studies.load("tuned").query("regime == 'longer' and epoch == 24")
    late = late.pivot(index="seed", columns="activation", values="test_accuracy")
    leads = late.sub(late["relu"], axis=0).mean()[
        ["gelu", "swish", "mish", "hardswish"]
    ]
    words = f"{leads.min():.2f} to {leads.max():.2f} after 24"
    assert words in found["half a point more"], words
    late = compare({key: runs.tolist() for key, runs in late.items()}, "relu")
    shown = late.loc[late["verdict"] == "larger", "first"].tolist()
    assert shown == ["swish"] and "only Swish's was still" in found["half a point more"]
    early = studies.load("tuned").query("regime == 'final' and init == 'he'")
    early = early[early["epoch"] == 8]
    early = early.pivot(index="seed", columns="activation", values="test_accuracy")
    behind = early["relu"].mean() - early["selu"].mean()
    leads = early[[*leads.index]].mean() - early["relu"].mean()
    words = f"{leads.min():.2f} to {leads.max():.2f} points ahead"
    assert words in found["half a point more"], words
    default = studies.final("tuned").query("regime == 'final' and init == 'default'")
    default = default.groupby("activation")["test_accuracy"].mean()
    words = f"{default['relu'] - default['selu']:.1f} and {behind:.1f} behind"
    assert words in found["no normalisation"], words
    own = studies.final("atlas").query("regime == 'final' and init == 'matched'")
    own = own.pivot_table("test_accuracy", "seed", "activation")
    words = f"{paired_difference(own['selu'], own['relu'])}".split(" (")[0]
    assert f"SELU was {words} points ahead" in found["no normalisation"], words
    assert f"GEGLU {losses['relu'] - losses['geglu']:.3f}" in found["language model"]
    twelfth = studies.load("changing-tasks").query("lr == 0.01 and epoch == 12")
    twelfth = twelfth.fillna({"variant": ""})
    cells = twelfth.groupby(["activation", "variant"])["test_accuracy"]
    right = {cell: round(value) for cell, value in cells.mean().items()}
    assert right["relu", "both"] == right["leaky_relu", "size"] == 99
    alone = ("relu", "size"), ("relu", "dead"), ("leaky_relu", ""), ("relu", "")
    words = (
        "99 % were learnt with both, {} with weights held alone, {} with new units "
        "alone, {} with a leak alone, {} with neither"
    ).format(*(right[cell] for cell in alone))
    assert words in found["changing tasks"], words


def test_what_the_chapter_says_of_thirty_layers():
    def reached(activation, **where):
        where = {"activation": activation, "optimiser": "adam"} | where
        return fresh.accuracies("sigmoid", **where).mean()

    starts = ("default", "xavier", "he", "matched", "orthogonal", "xavier_4")
    tanh = reached("tanh", init="xavier")
    plain = max(reached("sigmoid", init=init) for init in starts)
    as_tanh = reached("sigmoid", variant="as_tanh")
    bridged = reached("sigmoid", variant="residual_layer_norm")
    words = (
        f"plain tanh reached {tanh:.0f} %, plain sigmoid at most {plain:.0f} from six "
        f"usual starts, {as_tanh:.0f} started as the tanh network, {bridged:.0f} with "
        "a residual path"
    )
    assert words in prose(), words


def test_the_replies_of_14_5_hold_for_all_its_numbers():
    (page,) = [entry for entry in chapter14.EXERCISES if entry.id == "14.5"]
    for shown in (page, *map(page.numbers_for, range(8))):
        lead = float(re.search(r"mean lead (\d\.\d+)", shown.task)[1])
        half = shown.parts[0].answer
        assert 0 < lead - half < 0.5 < lead + half, shown.task


EQUATIONS = ("calm", "peaked")


def test_what_the_chapter_says_of_equations():
    calm, peaked = map(special.ratios, EQUATIONS)
    three = peaked.loc[["gelu", "swish", "sine"]]
    assert set(peaked[peaked["high"] < 0.5].index) == {*three.index, "tanh_4"}
    steeper = peaked.loc[["tanh_2", "tanh_4"]]
    assert (steeper["high"] < 0.6).all()
    runs = pd.concat([studies.load("equation"), studies.load("steeper")])
    runs = in_decibels(runs).query("variant == 'peaked' and change == 'second'")
    least = special.leads(runs, "gelu", margin=6.0).loc[["tanh_2", "tanh_4"]]
    assert not least["level"].any(), "settled: no fresh seeds were needed"
    assert (least["low"] < 0).all() and (0 < least["high"]).all()
    both = pd.concat([three, steeper])
    assert both["ratio"].round(1).eq(0.2).all()  # a fifth
    assert not (calm["high"] < 0.5).any()
    assert 0.5 < calm.loc["gelu", "low"] < 1 < calm.loc["gelu", "high"] < 2  # level
    far = peaked.loc[["softplus", "relu3"]]
    assert (far["low"] > 2).all()
    words = "leave {:.0f} and {:.0f} times tanh's error".format(*far["ratio"])
    assert words in prose(), words
    for table in (calm, peaked):
        assert round(100 * table.loc["relu", "error"]) == 99
    first = [special.ratios(name, "first").loc["relu", "error"] for name in EQUATIONS]
    words = "ReLU leaves {:.0f} and {:.0f} %".format(*(100 * error for error in first))
    assert words in prose(), words


def test_fresh_seeds_settle_that_tanh_lacked_scale():
    found = special.over_gelu()
    steeper = found.loc[["tanh_2", "tanh_4"]]
    assert (0.5 < steeper["low"]).all() and (steeper["high"] < 2).all()
    assert steeper["held_out"].idxmax() == "tanh_2"  # that decides, by its tuning seeds
    seeds, row = f"{found.loc['tanh_2', 'n']:.0f}", found.loc["tanh_2"]
    words = (
        f"over {seeds} fresh seeds tanh(2x) has {row['ratio']:.2f} of GELU's error "
        f"({row['low']:.2f} to {row['high']:.1f}), so tanh lacked scale"
    )
    assert words in prose(), words
    (arrow,) = [a for a in choosing.ARROWS if a.name == "differential equation"]
    assert "a lead of scale" in arrow.because
    old, new = (studies.load(name)["seed"] for name in ("steeper", "steeper-fresh"))
    assert not set(old) & set(1000 + new)


def test_what_the_chapter_says_of_prelu_on_graphs():
    """Its lead is told from 0 and not from its point, and no control of gain has it."""
    found = special.paired("graph-gain")
    assert len(found) == 10
    ring, lines = found.loc["ring"], found.loc["lines"]
    lead, behind = ring.loc["prelu", "relu"], lines.loc["prelu", "relu"]
    assert lead["p_holm"] < 0.001 and 0 < lead["low"] < 1 < lead["high"]
    assert behind["p_holm"] < 0.01 and behind["high"] < 0
    bare, scaled = (
        ring.loc[pair]
        for pair in (("prelu_unit_gain", "relu"), ("prelu", "relu_scaled"))
    )
    assert max(bare["p_holm"], scaled["p_holm"]) < 0.001 and scaled["low"] > 1
    first = special.leads(studies.load("graph").query("variant == 'lines'"), "relu", 1)
    words = "its first lead, {:.1f}, became −{:.1f}"
    assert words.format(first.loc["prelu", "lead"], -behind["lead"]) in prose()
    frozen = ring.loc["prelu", "frozen"]
    assert frozen["low"] < -1 and frozen["high"] > 1, "settled: the text says open"
    (arrow,) = [arrow for arrow in choosing.ARROWS if arrow.name == "graph"]
    assert f"PReLU {lead['lead']:.1f} ahead" in arrow.because
    assert f"{-behind['lead']:.1f} behind in the other, none" in arrow.because
    (trial,) = [trial for trial in claims.trials() if trial.id == "V-3"]
    words = f"{lead['lead']:.1f} points ahead of ReLU in one and {-behind['lead']:.1f} "
    assert words + "behind in the other" in trial.finding
    words = (
        "PReLU is {:.1f} points ahead in *ring* ({:.1f} to {:.1f}: a full point is "
        "not settled), and not by its gain: without it {:.1f} are left"
    ).format(*lead[["lead", "low", "high"]], bare["lead"])
    assert words in prose(), words
    runs = studies.load("graph-gain").query("regime == 'final' and variant == 'ring'")
    slope = runs.query("activation == 'prelu'")["slope"].mean()
    assert f"Its slope ends near −{-slope:.1f}" in prose()


def test_what_the_chapter_says_of_agents_off_policy():
    found = special.paired("off-policy")
    cart, pendulum = (
        found.loc[(world, "tanh", "relu")] for world in special.TASKS["off-policy"]
    )
    assert -5 < cart["low"] and cart["high"] < 5 and pendulum["high"] < -5
    assert found["p_holm"].max() < 0.001
    near, far = f"{cart['lead']:.1f} points", f"{-pendulum['lead']:.1f}"
    words = f"{near} ahead on the cart, under five, and {far} points behind on the pen"
    assert words in prose(), words
    (arrow,) = [a for a in choosing.ARROWS if a.name == "off-policy control"]
    assert f"{near} behind tanh and {far} ahead" in arrow.because
    idle = special.idle()
    assert (idle["earned"].xs("relu", level=1) > 2 * 5.2).all()  # twice chance
    dying = idle.xs("relu", level=1)
    assert (dying["dead_low"] > 5).all() and (dying["dead_birth"] < 2).all()
    assert (idle.xs("tanh", level=1)["dormant_end"] == 0).all()
    words = (
        "there ReLU ends with {dead_end:.0f} % of its units dead, born with "
        "{dead_birth:.0f} %"
    )
    assert words.format(**dying.loc["pendulum"]) in prose()
    (row,) = [row for row in claims.load() if row.id == "C-068"]
    words = f"{near} behind tanh in one and {far} ahead in the other"
    assert words in row.correction


def test_what_the_chapter_says_of_graphs_and_agents():
    found = {arrow.name: arrow.because for arrow in choosing.ARROWS}

    def against_relu(study, margin):
        table = studies.load(study)
        return [
            special.leads(rows, "relu", margin) for _, rows in table.groupby("variant")
        ]

    lines, ring = against_relu("graph", 1.0)
    assert lines.loc["tanh", "level"] and ring.loc["tanh", "level"]
    lost = -lines.loc["identity", "lead"], -ring.loc["identity", "lead"]
    assert "none at all {:.1f} and {:.0f} behind".format(*lost) in found["graph"]
    worlds = [table.loc["tanh"] for table in against_relu("control", 5.0)]
    assert "{:.1f} and {:.1f} points".format(*(w["lead"] for w in worlds)) in (
        " ".join(found["control"].split())
    )
    assert all(0 < world["low"] < 5 < world["high"] for world in worlds)


# --- the patients ---------------------------------------------------------------------


def marked(visit) -> list[str]:
    return [s.name for s in visit.panel.signs if s.status in ("watch", "trouble")]


def test_the_healthy_network_is_healthy():
    visit = admit("healthy")
    assert marked(visit) == [] and visit.accuracy > 90


NOISY = {"loss", "logits", "dead units", "update : data"}


def test_false_alarms_stand_in_four_rows():
    """Most draws of the healthy network have a mark, and all of them learn."""
    drawn = panels("healthy", range(20))
    rows = [sign.name for panel in drawn for sign in panel.signs if alarm(sign)]
    assert set(rows) == NOISY
    assert sum(panel.status != "ok" for panel in drawn) == 13
    assert [panel.status for panel in drawn].count("trouble") == 1
    assert all(treat("healthy", seed=seed).accuracy > 90 for seed in range(20))


def alarm(sign) -> bool:
    return sign.status in ("watch", "trouble")


def test_a_rule_is_judged_by_draws_that_it_has_not_seen():
    """The table of chapter 14, for the beds that a rule always or never finds."""
    found = {}
    for letter in "ABCEFH":
        fresh, sign = panels(letter, range(20, 30)), PATIENTS[letter].sign
        found[letter] = [
            sum(named(panel, noisy) == sign for panel in fresh) for noisy in ((), NOISY)
        ]
    for letter in "AEF":
        assert found[letter] == [10, 10]
    assert found["B"] == [0, 10] and found["C"] == [0, 0]
    assert found["H"][0] <= 5 and found["H"][1] >= 9


def test_named_takes_quiet_rows_first():
    panel = panels("B", [0])[0]
    assert named(panel) == "loss" and named(panel, NOISY) == "saturation"
    healthy = panels("healthy", [1])[0]
    assert named(healthy) == named(healthy, NOISY) == "loss"  # the one cross
    assert named(panels("healthy", [2])[0], NOISY) == ""


@pytest.mark.parametrize("letter", PATIENTS)
def test_each_patient_is_ill_of_one_thing(letter):
    patient, visit = PATIENTS[letter], admit(letter)
    assert visit.broke or visit.accuracy < 30, visit.symptom
    if patient.sign:
        assert patient.sign in marked(visit)
    else:
        assert marked(visit) == []
    assert worst(letter, **patient.treatment) > 90
    undone = replace(patient.case, **patient.treatment)
    assert (undone == HEALTHY) == (letter not in "BF")


def test_f_needs_two_cures():
    """Size alone and mean alone leave it guessing, both together do not."""
    both = {"offset": 0.5, "norm": "layer"}
    assert worst("F", norm="layer") < 20 and worst("F", offset=0.5) < 20
    assert worst("F", **both) > 90
    assert treat("F", epochs=40, activation="relu").accuracy > 60


def test_what_else_could_have_cured():
    """The controls beside the board of treatments."""
    assert worst("C", activation="elu") > 90 > 20 > worst("C", activation="leaky_relu")
    assert worst("F", activation="relu", init="he") > 85
    assert worst("D", optimiser="adam") < 20 and worst("G", optimiser="adam") < 20
    assert math.isnan(worst("E"))


@pytest.mark.parametrize("letter", PATIENTS)
def test_the_usual_prescription_cures_nobody(letter):
    """Prediction 14.B."""
    has_relu = PATIENTS[letter].case.activation == "relu"
    change = {"activation": "gelu" if has_relu else "relu"}
    assert PRESCRIPTIONS["GELU, ReLU"](letter) == change
    visit = treat(letter, **change)
    assert visit.broke or visit.accuracy < 60, visit.symptom


def test_of_four_changes_one_helps_bed_f():
    """Prediction 14.A, and the only answer that is right in it."""
    changes = [
        {"activation": "relu"},
        {"optimiser": "adam", "lr": 0.003},
        {"norm": "layer"},
        {"norm": "batch"},
    ]
    right = [treat("F", **change).accuracy > 90 for change in changes]
    prediction = chapter14.PREDICTIONS[0]
    assert right.index(True) == prediction.part.answer and sum(right) == 1


def test_what_the_worked_example_says():
    """Zero biases take the likeness away and leave the error signal as it was."""
    panels = {
        init: treat("healthy", epochs=1, depth=12, init=init).panel
        for init in ("default", "default_zero_bias", "default_gain")
    }
    alike = {name: panel["input correlation"].number for name, panel in panels.items()}
    signal = {name: panel["error signal"].number for name, panel in panels.items()}
    assert alike["default"] > 0.9999 and alike["default_zero_bias"] < 0.98
    assert 0.3 < signal["default_zero_bias"] / signal["default"] < 3
    assert 0.2 < signal["default_gain"] < 5


def test_labels_of_h_disagree_with_their_images():
    case = PATIENTS["H"].case
    own, moved = HEALTHY.data(), case.data()
    assert sorted(own.y_train.tolist()) == sorted(moved.y_train.tolist())
    assert (own.y_train == moved.y_train).float().mean() < 0.2
    assert chapter14.label_agreement(own.x_train, own.y_train) > 0.97
    assert chapter14.label_agreement(moved.x_train, moved.y_train) < 0.15


def test_what_nobody_has_is_said():
    with pytest.raises(KeyError, match="no patient 'Z'"):
        admit("Z")
    with pytest.raises(TypeError, match="a case has no 'learning_rate'"):
        treat("A", learning_rate=1)


def test_a_visit_says_what_is_seen():
    assert "loss is nan (epoch 1, step" in admit("E").symptom
    assert math.isnan(admit("E").accuracy) and admit("E").history.empty
    assert "% right" in admit("A").symptom and len(admit("A").symptom) < 36
    assert admit("A") is admit("A")  # trained once
    twice = patients._run.__wrapped__(replace(HEALTHY, seed=1), 1)
    again = patients._run.__wrapped__(replace(HEALTHY, seed=1), 1)
    assert twice.accuracy == again.accuracy


# --- figures --------------------------------------------------------------------------


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_alarm_board_counts_the_draws():
    board = {"0": panels("healthy", [0, 1, 2]), "F": panels("F", [0, 1, 2])}
    figure = ch14.alarm_board(board)
    cells = texts(figure)
    assert len(cells) == 2 * 11 and cells.count("3") == 3
    assert "0: loss 2, logits 2, dead units 2 and update : data 1." in figure.alt
    assert figure.alt.endswith("Signs marked in every draw: 0 0, F 3.")
    assert figure.get_size_inches()[0] <= 5 and len(figure.axes) == 1


def test_treatment_board_counts_the_cured():
    table = pd.DataFrame(
        {"drug one": [95.0, 10.0], "two": [math.nan, 89.9]}, ["A", "B"]
    )
    figure = ch14.treatment_board(table)
    assert texts(figure) == ["95", "nan", "10", "90"]
    assert "drug one 1 of 2; two 0 of 2" in figure.alt
    dark = [
        patch for patch in figure.axes[0].patches if sum(patch.get_facecolor()) < 2.6
    ]
    assert len(dark) == 1


# --- the ledger -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accuracy", "message"),
    [
        (10.0, "bridged: 10.0 %"),  # what should learn does not
        (95.0, "thirty plain layers: 95.0 %"),  # the control: plain layers learn too
    ],
)
def test_the_cures_fail_their_check_if_all_are_alike(monkeypatch, accuracy, message):
    known = studies.final

    def alike(name):
        table = known(name)
        if name == "thirty-fresh":
            table = table.assign(test_accuracy=accuracy)
        return table

    monkeypatch.setattr(studies, "final", alike)
    with pytest.raises(claims.ClaimError, match=message):
        claims.claim_checks()["sigmoid_and_tanh_learn_in_depth"]()
