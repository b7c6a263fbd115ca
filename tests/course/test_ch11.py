"""What chapter 11 says: its exercises against simulation, its checks against fakes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from actlab import curvature, datasets, training
from actlab.networks import MLP
from course import claims
from course.ch11 import exercises as chapter11
from course.exercises.model import value_of


def answers(page):
    return {part.name: value_of(part.answer) for part in page.parts}


def converges(lr, curve, momentum=0.0):
    """Whether descent on a parabola of that curvature comes to rest."""
    before = w = 1.0
    for _ in range(4000):
        before, w = w, w - lr * curve * w + momentum * (w - before)
        if abs(w) > 1e6:
            return False
    return abs(w) < 1.0


# --- exercises --------------------------------------------------------------------


@pytest.mark.parametrize("variant", [None, 0, 1, 2, 3])
def test_two_weights_have_these_eigenvalues(variant):
    page = chapter11.page_11_1()
    a = 0.5
    if variant is not None:
        a = (0.2, 0.3, 0.4, 0.25)[variant]
        page = page.numbers_for(variant)
    place = torch.tensor([a, a], dtype=torch.float64)
    hessian = torch.func.hessian(lambda w: (w[0] * w[1] - 1) ** 2)(place)
    low, high = torch.linalg.eigvalsh(hessian).tolist()
    assert answers(page)["low"] == pytest.approx(low)
    assert answers(page)["high"] == pytest.approx(high)


def test_slope_that_halves_the_eigenvalue_does():
    wanted = answers(chapter11.page_11_4(0.02, -0.5))
    torch.manual_seed(0)
    points = torch.nn.functional.normalize(torch.randn(12, 3), dim=1)

    def lowest(slope):
        from actlab.networks import MLP

        network = MLP([3, 1024, 1], torch.nn.LeakyReLU(slope), seed=0)
        return torch.linalg.eigvalsh(curvature.ntk(network, points))[0].item()

    relu = lowest(0.0)
    assert lowest(wanted["slope"]) / relu == pytest.approx(0.5, rel=0.05)
    assert 0.02 * lowest(-0.5) / relu == pytest.approx(wanted["lowest"], rel=0.05)


def test_edges_of_stability_are_where_descent_breaks():
    wanted = answers(chapter11.page_11_7())
    for name, momentum, factor in (
        ("plain", 0.0, 1), ("momentum", 0.9, 1), ("scaled", 0.0, 10)
    ):  # fmt: skip
        edge = factor * wanted[name]
        assert converges(0.05, 0.99 * edge, momentum), name
        assert not converges(0.05, 1.01 * edge, momentum), name


# --- numbers in the text ----------------------------------------------------------


@pytest.mark.parametrize("size, wanted", [(100, 0.68), (300, 0.73)])
def test_exponents_that_the_text_quotes(size, wanted):
    draws = [
        curvature.lyapunov_exponent(torch.tanh, 8.0, size=size, steps=200, seed=seed)
        for seed in (0, 1)
    ]
    assert np.mean(draws) == pytest.approx(wanted, abs=0.04)


@pytest.mark.parametrize("key", ["relu", "gelu", "mish", "tanh"])
def test_outliers_are_those_of_gauss_and_newton_but_for_tanh(key):
    digits = datasets.digits()
    x, y = digits.x_train[:200], digits.y_train[:200]
    for seed in range(3):
        net = MLP([64, 12, 12, 10], key, seed=seed)
        training.fit(net, digits, epochs=10, lr=0.05, momentum=0.9, progress=False)
        surface = curvature.LossSurface(net, x, y)
        slopes = surface.jacobian().double().reshape(200, 10, -1)
        p = net(x).softmax(1).detach().double()
        curved = torch.diag_embed(p) - p[:, :, None] * p[:, None]
        part = torch.einsum("nip,nij,njq->pq", slopes, curved, slopes) / 200
        whole = torch.linalg.eigvalsh(surface.hessian().double()).flip(0)
        gauss_newton = torch.linalg.eigvalsh(part).flip(0)
        assert whole[-1] < -0.1 and gauss_newton[-1] > -1e-6
        nine = (gauss_newton / whole - 1)[:9]
        off = float(nine.abs().max())
        assert 1 / 3 < off < 0.45 if key == "tanh" else off < 0.055
        assert key != "tanh" or bool((nine < -0.05).all())
        # the ninth is no end: other gaps among the outliers are wider than the next
        gaps = whole[:9] / whole[1:10]
        assert gaps[8] < gaps[:8].max()


# --- the checks can fail ----------------------------------------------------------


@pytest.mark.parametrize(
    "name, fake, check, message",
    [
        (
            "ntk",
            lambda network, points: torch.eye(12) * (1 + network.activations[0](
                -torch.ones(1)).abs()),
            "leak_lowers_the_tangent_kernel",
            "slope 0.01",
        ),
        (
            "slice_1d",
            lambda surface, **settings: curvature.Slice(
                np.zeros(1), np.array([float(surface.theta.norm())])
            ),
            "only_normalised_slices_survive_rescaling",
            "normalised slices differ",
        ),
        (
            "extreme_eigenvalues",
            lambda surface, **settings: curvature.Extremes(-1, 1, 0, 0, torch.ones(1)),
            "relu_is_convex_in_one_layer_at_a_time",
            "ReLU by layer",
        ),
    ],
)  # fmt: skip
def test_another_instrument_fails_its_check(monkeypatch, name, fake, check, message):
    monkeypatch.setattr(curvature, name, fake)
    with pytest.raises(claims.ClaimError, match=message):
        claims.claim_checks()[check]()


def test_an_index_without_a_unit_would_be_noticed(monkeypatch):
    from course.ch11 import claims as checks

    monkeypatch.setattr(checks, "_index", lambda surface: 1.78)
    with pytest.raises(claims.ClaimError, match="loss × 2"):
        claims.claim_checks()["instability_index_has_a_unit"]()


def test_a_wrong_hessian_would_be_noticed(monkeypatch):
    exact = curvature.LossSurface.hessian
    monkeypatch.setattr(curvature.LossSurface, "hessian", lambda self: 2 * exact(self))
    with pytest.raises(claims.ClaimError, match="half the step"):
        claims.claim_checks()["second_order_expansion_holds"]()


def test_momentum_edge_is_the_formula():
    assert answers(chapter11.page_11_7(0.1))["momentum"] == pytest.approx(38)
    assert math.isclose(answers(chapter11.page_11_7(0.1))["plain"], 20)
