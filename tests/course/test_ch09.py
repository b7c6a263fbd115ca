"""Chapter 09: its study, its figures, and what it says of them."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch
from matplotlib.text import Text

from actlab import datasets, figures, properties, studies
from actlab.figures import style
from actlab.statistics import interval
from actlab.studies import Setting
from actlab.studies.runners import execute
from course.ch09 import figures as ch09
from course.ch09 import tables
from course.ch09.fresh import accuracies
from course.ch09.more_seeds import FRESH
from course.ch09.studies import CURES, DeepRun, patient

SIZES = (64, *[16] * 6, 10)


@pytest.fixture(autouse=True)
def _close():
    figures.ALT_TEXTS.clear()
    yield
    plt.close("all")


@pytest.mark.parametrize("variant", CURES)
def test_every_cure_of_the_study_builds_a_network(variant):
    condition = DeepRun(
        "exploding",
        "sigmoid",
        0.1,
        init="xavier",
        variant=variant,
        epochs=1,
        sizes=SIZES,
    )
    history, seconds = execute(Setting(condition, 0))
    assert history["epoch"] == [0, 1] and seconds > 0


def test_the_exploding_patient_has_twice_the_weights():
    settings = [
        Setting(DeepRun(regime, "relu", lr=0.1, init="he", sizes=SIZES), 0)
        for regime in ("vanishing", "exploding")
    ]
    one, two = (patient(s).linears for s in settings)
    assert torch.equal(2 * one[0].weight, two[0].weight)
    assert torch.equal(one[-1].weight, two[-1].weight), "the output layer is left"


# --- figures --------------------------------------------------------------


def measured() -> pd.DataFrame:
    layers = pd.Index([1, 2, 3])
    columns = {"activation": [1, 0.5, 0.2], "error_signal": [1e-3, 0.01, 0.1]}
    return pd.DataFrame(columns | {"weight_gradient": [1, 1, 1.0]}, index=layers)


def draw_tables():
    rows = {"sigmoid": 1e-25, "tanh": 0.1, "ReLU": 1.0}
    table = pd.DataFrame({"PyTorch": rows, "He": dict.fromkeys(rows, 1.0)})
    return ch09.depth_tables({"error signal": table})


DRAW = {
    "profiles": lambda: ch09.depth_profiles(
        {"ReLU": properties.depth_profile("relu", 3)}, {"ReLU": measured()}
    ),
    "profiles without theory": lambda: ch09.depth_profiles(
        {"as it is": None}, {"as it is": measured()}, quantities=("activation",)
    ),
    "tables": draw_tables,
    "line": lambda: ch09.along_line(
        torch.linspace(0, 1, 50), {"smooth": torch.linspace(0, 1, 50) ** 2}
    ),
    "spectra": lambda: ch09.spectra({"flat": torch.ones(9), "one": [1, 0, 0]}),
}


@pytest.mark.parametrize("name", DRAW)
def test_figure_says_what_it_shows_and_can_be_read(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = DRAW[name]()
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
    assert [figure.alt] == figures.ALT_TEXTS
    assert 60 < len(figure.alt) < 400 and figure.alt.endswith(".")
    assert "nan" not in figure.alt
    assert figure.get_figwidth() == style.WIDTH
    assert len(picture.getvalue()) < 90_000
    scale = 350 / (figure.get_figwidth() * 72)
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip():
            assert text.get_fontsize() * scale >= 9, text.get_text()


def test_measured_error_signals_are_drawn_relative_to_the_last_layer():
    figure = DRAW["profiles"]()
    dots = figure.axes[1].lines[1].get_ydata()
    assert dots == pytest.approx([0.01, 0.1, 1.0])


def test_tables_print_powers_of_ten_and_count_the_healthy():
    figure = DRAW["tables"]()
    cells = [t.get_text() for t in figure.axes[0].texts]
    assert cells == ["−25", "0", "−1", "0", "0", "0"]
    assert "PyTorch 1, He 3" in figure.alt


def test_neighbours_on_a_rough_line_are_told_from_those_on_a_smooth_one():
    t = torch.linspace(0, 1, 400)
    noise = torch.randn(400, generator=torch.Generator().manual_seed(0))
    rough = ch09.along_line(t, {"rough": noise, "smooth": t.sin()}).alt
    assert "smooth 1" in rough and "rough 1" not in rough


# --- what chapter 09 quotes ---------------------------------------------------------


def relu(variant="", init="default", optimiser="sgd") -> pd.Series:
    where = {"init": init, "variant": variant, "optimiser": optimiser}
    return accuracies("vanishing", activation="relu", **where)


def sigmoid(variant="", init="xavier", optimiser="adam", activation="sigmoid"):
    where = {"init": init, "variant": variant, "optimiser": optimiser}
    return accuracies("sigmoid", activation=activation, **where)


def text_of_chapter() -> str:
    path = next((Path(__file__).parents[2] / "chapters").glob("09-*.ipynb"))
    return path.read_text("utf-8")


def test_numbers_quoted_from_the_fresh_seeds_are_recorded():
    text = text_of_chapter()
    for variant, init, form in (
        ("", "default", "as it is or clipped {:.1f} %"),
        ("clip", "default", "as it is or clipped {:.1f} %"),
        ("", "he", "He {:.0f},"),
        ("layer_norm", "default", "layer norm {:.0f},"),
        ("residual", "default", "residual {:.0f},"),
        ("batch_norm", "default", "batch norm {:.0f},"),
        ("residual_layer_norm", "default", "residual + layer norm {:.1f},"),
        ("scaled_residual", "default", "residual / √30 {:.1f},"),
        ("residual_clip", "default", "residual + clip {:.1f} %"),
    ):
        wanted = form.format(relu(variant, init).mean())
        assert wanted in text, wanted
    for found, form in (
        (sigmoid(init="default"), "PyTorch's start {:.1f} %"),
        (sigmoid(init="xavier_4"), "Xavier × 4 {:.0f} %"),
        (sigmoid("as_tanh"), "started as tanh {:.0f} %"),
        (sigmoid(activation="tanh"), "tanh {:.0f} %"),
        (sigmoid("residual_layer_norm", "default"), "layer norm {:.1f} %"),
    ):
        assert form.format(found.mean()) in text, form


def test_what_chapter_09_says_of_every_step_holds():
    runs = studies.final("cures")
    relu = runs[(runs["regime"] == "vanishing") & (runs["init"] == "default")]
    steps = relu.set_index("variant")["test_accuracy"]
    assert (steps[""] < 11).all() and (steps["clip"] < 11).all()
    assert (steps["residual_layer_norm"] > 90).all(), "learns at every step"
    plain = relu[relu["variant"] == "residual"].groupby("lr")["test_accuracy"]
    assert plain.count()[0.01:].sum() == 0 and (plain.count()[:0.005] == 3).all()
    exploding = runs[runs["regime"] == "exploding"].set_index("variant")
    assert exploding.loc[[""], "test_accuracy"].isna().all()
    assert exploding.loc[["clip"], "test_accuracy"].notna().all()


def test_path_and_layer_norm_learn_at_every_step():
    runs = studies.final("cures-fresh").query("variant == 'residual_layer_norm'")
    by_step = runs.groupby(["optimiser", "lr"])["test_accuracy"]
    assert (by_step.count() == 10).all() and len(by_step) == 7
    assert by_step.mean().min() > 93
    below = runs.loc[runs["test_accuracy"] < 90, "test_accuracy"]
    (lone,) = below  # what was set beforehand: none
    assert f"one of the seventy, at {lone:.0f} %, stays below" in text_of_chapter()


def test_what_slows_he_down_is_quoted_as_recorded():
    text = text_of_chapter()
    longer = accuracies("longer", init="he")
    adam, sgd = relu("", "he", "adam"), relu("", "he")
    assert f"{longer.mean():.0f} % in 60 epochs" in text
    assert f"gets {sgd.mean():.0f} % of the images right with plain SGD" in text
    assert f"with plain SGD, {adam.mean():.0f} with Adam" in text
    assert interval(longer - sgd).low > 0 and interval(adam - sgd).low > 0
    leaks = [accuracies(f"leak {slope:g}") for slope in (0, 0.5, 0.8)]
    first, _, last = (leak.mean() for leak in leaks)
    wanted = f"leaks of 0 and 0.8 at matched gain {first:.0f} and {last:.0f} %"
    assert wanted in text and f"0.8 reaches {last:.0f} %" in text
    assert (leaks[1] == 10).sum() == 4
    assert interval(leaks[1] - leaks[0]).low < 0
    assert interval(leaks[2] - leaks[0]).low > 0


def test_length_and_closed_directions_are_told_by_the_rules_set_beforehand():
    text, found = text_of_chapter(), tables.brakes()
    (he, *he_at), (clipped, *clipped_at) = found["He"], found["He, clipped"]
    (_, *modulus_at), (_, *both_at) = found["|x|"], found["|x|, clipped"]
    for mine, other in zip(clipped_at, he_at, strict=True):
        assert interval(mine - other).low > 0, "length is part of it"
    assert interval(clipped_at[0]).low > 50
    for mine, other in ((modulus_at, he_at), (both_at, clipped_at)):
        assert interval(mine[0] - other[0]).high <= 10, "closed directions are needed"
        assert len(mine[0]) == 10 == len(mine[1])
    ahead = interval(modulus_at[0] - he_at[0]).high
    assert round(ahead) == 4 and "at most four points ahead" in text
    gain, lack = clipped_at[0] - he_at[0], clipped_at[0] - both_at[0]
    assert round(clipped / he) == 18 and "a step eighteen times as large" in text
    assert f"gets {gain.mean():.0f} points more right" in text
    assert f"clipped, it is {lack.mean():.0f} points behind" in text
    shown = (clipped_at[0], modulus_at[0], both_at[0])
    a, b, c = (f"{values.mean():.0f}" for values in shown)
    row = rf"clipped {a} %, $\\lvert x\\rvert$ {b}, clipped {c};"
    assert row in text, row
    questions = Path(__file__).parents[2] / "reference" / "interview.md"
    assert f"at its own step, brought {a}." in questions.read_text("utf-8")


def test_births_are_those_of_the_networks_that_were_trained():
    he = tables.at_birth("relu", "he")
    modulus = tables.at_birth("abs", "matched")
    leak = tables.at_birth(torch.nn.LeakyReLU(0.8), "matched")
    assert tuple(he.index) == FRESH
    assert (modulus["alike"] > 0.98).all() and leak["alike"].mean() < 0.75
    assert he["length"].max() > 50 and he["length"].min() < 3
    assert modulus["length"].max() < he["length"].max()
    condition = DeepRun("fresh", "relu", 0.01, init="he", seeds_of_its_own=FRESH)
    net = patient(Setting(condition, FRESH[0])).double()
    data = datasets.digits()
    x, y = data.x_train[:128].double(), data.y_train[:128]
    torch.nn.functional.cross_entropy(net(x), y).backward()
    length = torch.cat([p.grad.flatten() for p in net.parameters()]).norm().item()
    assert he["length"][FRESH[0]] == pytest.approx(length)


def test_the_tables_of_the_brake_are_printed(capsys):
    tables.slow()
    tables.differences()
    tables.epsilons()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 64
    (he,) = (line for line in lines if line.startswith("He   "))
    assert he.split()[:4] == ["He", f"{relu('', 'he').mean():.1f}", "±", "9.4"]
    assert sum(line.startswith("double") for line in lines) == 2


def test_six_starts_leave_thirty_sigmoids_guessing():
    for init in ("default", "xavier", "he", "matched", "orthogonal"):
        for optimiser in ("sgd", "adam"):
            assert sigmoid(init=init, optimiser=optimiser).max() < 11
    for optimiser in ("sgd", "adam"):
        assert interval(sigmoid(init="xavier_4", optimiser=optimiser)).high < 20


def test_ten_times_xavier_learns_as_the_chapter_says():
    short = sigmoid("times_10")
    long = accuracies("longer", variant="times_10", optimiser="adam")
    wanted = f"to {short.mean():.0f} % in 20 epochs and {long.mean():.0f} % in 100"
    assert wanted in text_of_chapter()
    assert interval(short).low > 15 and interval(long - short).low > 0


def test_epsilon_alone_stops_pytorchs_start_under_adam():
    runs = studies.final("epsilon").set_index("variant")["test_accuracy"]
    for precision in ("single", "double"):
        assert (runs[f"{precision}, ε = 1e-08"] < 15).all()
        assert interval(runs[f"{precision}, ε = 1e-30"]).low > 15
    assert (
        accuracies(
            "sigmoid", activation="sigmoid", variant="no_epsilon", optimiser="adam"
        ).max()
        < 11
    )


def test_what_sigmoid_lacks_beside_tanh_is_its_mean():
    for optimiser in ("sgd", "adam"):
        tanh, less_half, started = (
            sigmoid(variant, "xavier", optimiser, activation)
            for variant, activation in (
                ("", "tanh"),
                ("mean_out", "sigmoid"),
                ("as_tanh", "sigmoid"),
            )
        )
        assert interval(tanh - started).low > 0
        assert interval(less_half - started).low > 0
        assert interval(tanh - less_half).low < 0, "σ − ½ is not shown to lack anything"


def test_a_row_that_nobody_ran_is_named():
    with pytest.raises(LookupError, match="no fresh seeds at step None"):
        accuracies("exploded")
