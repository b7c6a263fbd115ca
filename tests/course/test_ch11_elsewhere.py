"""What chapter 11 says of other networks, of means taken off, and of moving kernels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from actlab import studies
from actlab.networks import MLP
from course.ch11 import elsewhere
from course.ch11.lazy import CELLS, PRODUCTS, WIDTHS
from course.ch11.second import STEPS, Shifted

# --- kernels ----------------------------------------------------------------------

THEORY = ((16, 4.0), (64, 8.0), (256, 16.0), (1024, 32.0))
BEST_LINE = 0.1965


@pytest.mark.parametrize("name", ["relu", "tanh"])
@pytest.mark.parametrize("wider", [1, 2, 3])
def test_in_the_scaling_of_the_theory_the_wider_moves_less(name: str, wider: int):
    over, under = THEORY[wider], THEORY[wider - 1]
    assert elsewhere.moves_over((name, *over), (name, *under))["high"] < 0.55


def test_how_far_that_is():
    found = [elsewhere.moves("relu", *cell)["ratio"] for cell in THEORY]
    assert found == pytest.approx([116, 53, 17, 4.4], rel=0.03)


@pytest.mark.parametrize("name", ["relu", "tanh"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("product", PRODUCTS[1:])
def test_the_product_counts(name: str, width: int, product: int):
    row = elsewhere.moves_over((name, width, product), (name, width, product / 4))
    assert row["high"] < 0.5


@pytest.mark.parametrize(
    ("name", "product", "counts"),
    [
        *(("relu", 4, False), ("relu", 16, False), ("relu", 64, True)),
        *(("tanh", 4, False), ("tanh", 16, True), ("tanh", 64, True)),
    ],
)
def test_where_the_width_counts_too(name: str, product: int, counts: bool):
    row = elsewhere.moves_over((name, 1024, product), (name, 64, product))
    if counts:
        assert row["ratio"] < 0.65 and row["high"] < 0.8
    else:
        assert 0.8 < row["low"] and row["high"] < 1.25


@pytest.mark.parametrize("cell", CELLS)
def test_tanhs_kernel_moves_less(cell: tuple[int, float]):
    row = elsewhere.moves_over(("tanh", *cell), ("relu", *cell))
    assert 0.25 < row["ratio"] < 0.5 and row["high"] < 0.65


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_from_64_units_on_every_draw_learns_the_curve(name: str):
    errors = elsewhere.kernels(name)["train_loss"]
    wide = errors[errors.index.get_level_values("width") >= 64]
    assert wide.max() < 0.03 * BEST_LINE


# --- shifts and steps -------------------------------------------------------------


def test_a_shift_that_the_next_bias_takes_back_changes_no_output():
    network = MLP((5, 4, 3, 2), "relu", seed=0)
    x = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    shifts = [torch.tensor([1.0, -2.0, 0.5, 3.0]), torch.tensor([-1.0, 2.0, 0.3])]
    before = [p.clone() for p in network.parameters()]
    shifted = Shifted(network, shifts)
    assert torch.allclose(shifted(x), network(x), atol=1e-5)
    assert all(map(torch.equal, before, network.parameters()))
    with torch.no_grad():
        shifted.linears[1].weight += 0.1
        network.linears[1].weight += 0.1
    assert not torch.allclose(shifted(x), network(x), atol=1e-3)


def test_swaying_lowers_the_curvature_of_the_bottom():
    rate, a, b = 0.2, 1.9, 0.7
    for _ in range(20):
        rest, before = a * b - 1, a * a - b * b
        a, b = a - 2 * rate * rest * b, b - 2 * rate * rest * a
        assert a * a - b * b == pytest.approx(before * (1 - 4 * rate**2 * rest**2))
    place = torch.tensor([1.6, 1 / 1.6], dtype=torch.float64)
    hessian = torch.func.hessian(lambda w: (w[0] * w[1] - 1) ** 2)(place)
    top = torch.linalg.eigvalsh(hessian)[-1]
    assert float(top) == pytest.approx(2 * float(place.square().sum()))


# --- equal loss -------------------------------------------------------------------

RATES = (0.01, 0.05)
DIGITS = ("chapter's", "deeper")


@pytest.mark.parametrize("lr", RATES)
@pytest.mark.parametrize("network", DIGITS)
def test_tanh_is_flatter_on_digits(network: str, lr: float):
    row = elsewhere.ratio(network, lr, "tanh")
    assert row["n"] == 20 and 0.25 < row["ratio"] < 0.45 and row["high"] < 0.8


@pytest.mark.parametrize(
    ("lr", "wanted", "before"), [(0.01, 0.95, 0.38), (0.05, 1.04, 0.21)]
)
def test_tanh_is_hardly_flatter_on_images_once_the_loss_is_low(lr, wanted, before):
    row = elsewhere.ratio("images", lr, "tanh")
    assert row["ratio"] == pytest.approx(wanted, abs=0.006) and row["low"] > 0.9
    early = elsewhere.ratio("images", lr, "tanh", level=1.0)
    assert early["ratio"] == pytest.approx(before, abs=0.006) and early["high"] < 0.5
    assert elsewhere.ratio("images", lr, "tanh", "centred")["low"] > 1


@pytest.mark.parametrize("lr", RATES)
@pytest.mark.parametrize("network", ["chapter's", "deeper", "images"])
def test_gelu_is_on_average_within_a_sixth(network: str, lr: float):
    assert 5 / 6 < elsewhere.ratio(network, lr, "gelu")["ratio"] < 6 / 5


@pytest.mark.parametrize("lr", RATES)
@pytest.mark.parametrize("network", DIGITS)
@pytest.mark.parametrize(("name", "low"), [("tanh", 0.7), ("identity", 0.79)])
def test_the_mean_is_most_of_the_difference_and_not_all(name, low, network, lr):
    plain = elsewhere.ratio(network, lr, name)
    centred = elsewhere.ratio(network, lr, name, "centred")
    assert centred["low"] > plain["high"]
    assert low - 0.01 < centred["ratio"] < 1.05
    assert math.log(centred["ratio"]) > 0.5 * math.log(plain["ratio"])


def test_by_its_reading_the_mean_is_a_part():
    for network in DIGITS:
        for name in ("tanh", "identity"):
            rows = [elsewhere.ratio(network, lr, name, "centred") for lr in RATES]
            assert not all(0.8 < row["low"] and row["high"] < 1.25 for row in rows)


@pytest.mark.parametrize("lr", RATES)
@pytest.mark.parametrize("network", ["chapter's", "deeper", "images"])
def test_a_random_shift_does_the_opposite(network: str, lr: float):
    assert elsewhere.centring(network, lr)["high"] < 0.9
    assert elsewhere.centring(network, lr, column="shifted")["low"] > 1.15
    if network in DIGITS:
        assert 0.35 < elsewhere.centring(network, lr)["ratio"] < 0.6


# --- steps ------------------------------------------------------------------------


@pytest.mark.parametrize("network", STEPS)
def test_the_long_step_decides(network: str):
    came = elsewhere.edges()["edge"].xs(
        (network, max(STEPS[network])), level=("regime", "lr")
    )
    assert (came.groupby("activation").sum() == 10).all()


@pytest.mark.parametrize("network", STEPS)
def test_with_the_long_step_all_end_at_the_edge(network: str):
    lr = max(STEPS[network])
    last = elsewhere.edges()["last"].xs((network, lr), level=("regime", "lr"))
    assert (last * lr / 2).between(0.8, 1.2).all()


def test_on_images_tanhs_come_from_above():
    runs = studies.load("second-edge")
    start = runs[(runs["lr"] == 0.25) & (runs["regime"] == "images")]
    start = start[start["epoch"] == 0].set_index("activation")["largest"]
    assert (start["tanh"] > 1.2 * 8).all()
    assert start[["relu", "gelu"]].max() < 0.9 * 8


@pytest.mark.parametrize(
    ("study", "flatter_first", "flatter_last"),
    [("sharpening", "relu", "tanh"), ("second-edge", "tanh", "relu")],
)
def test_on_digits_the_order_changes_on_the_way(study, flatter_first, flatter_last):
    runs = studies.load(study)
    runs = runs[(runs["lr"] == 0.25) & (runs["regime"] != "images")]
    logs = np.log(runs.set_index(["epoch", "activation", "seed"])["largest"])
    mean = logs.groupby(["epoch", "activation"]).mean().unstack("activation")
    assert mean[flatter_first][3] < mean[flatter_last][3]
    assert mean[flatter_last].iloc[-1] < mean[flatter_first].iloc[-1]


@pytest.mark.parametrize(("network", "wanted"), [("deeper", 1.27), ("images", 1.24)])
def test_with_the_short_step_tanh_gets_further_than_relu(network: str, wanted: float):
    row = elsewhere.sharper(network)
    assert row["ratio"] == pytest.approx(wanted, abs=0.006) and row["low"] > 1


@pytest.mark.parametrize("network", STEPS)
def test_most_of_gelu_reach_the_edge_and_none_of_relu(network: str):
    came = elsewhere.edges()["edge"].xs(
        (network, min(STEPS[network])), level=("regime", "lr")
    )
    counts = came.groupby("activation").sum()
    assert counts["gelu"] >= 7 and counts["relu"] == counts["tanh"] == 0


def test_at_equal_squared_error_too_tanh_gets_sharper_in_the_deeper_network():
    """The order of the cross-entropy does not hold for the squared error."""
    runs = studies.load("second-edge")
    runs = runs[(runs["regime"] == "deeper") & (runs["lr"] == 0.25)]
    reached = runs[runs["test_loss"] <= 0.005].sort_values("epoch")
    first = reached.groupby(["activation", "seed"])["largest"].first()
    logs = np.log(first["tanh"] / first["relu"])
    assert len(logs) == 10 and math.exp(logs.mean()) > 1.2 and (logs > 0).sum() == 8
