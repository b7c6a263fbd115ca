"""The studies of chapter 14: what they train, and what is read of them."""

from __future__ import annotations

import math

import pandas as pd
import pytest
import torch

from actlab import studies
from actlab.studies import Setting
from actlab.studies.runners import execute
from course.ch14 import (
    agents,
    equations,
    graph_gain,
    graphs,
    off_policy,
    special,
    steeper_fresh,
)
from course.ch14.control import AgentRun
from course.ch14.studies import EquationRun, GraphRun, in_decibels

NAMES = (
    *("equation", "graph", "control", "steeper"),
    *("graph-gain", "off-policy", "steeper-fresh"),
)


# --- the equations --------------------------------------------------------------------


@pytest.mark.parametrize("name", equations.EQUATIONS)
def test_slope_and_bend_are_the_derivatives_of_the_solution(name):
    equation = equations.EQUATIONS[name]
    x = torch.linspace(-1, 1, 21, dtype=torch.float64).requires_grad_()
    (slope,) = torch.autograd.grad(equation.value(x).sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x)
    assert torch.allclose(slope, equation.slope(x))
    assert torch.allclose(bend, equation.bend(x))


def test_networks_that_train_together_train_as_alone():
    starts = [
        equations.Start("default", 0.01, 1),
        equations.Start("default_gain", 0.1, 2),
    ]
    both = equations.solve("calm", "second", "tanh", starts, 50)
    alone = [equations.solve("calm", "second", "tanh", [s], 50)[0] for s in starts]
    for together, single in zip(both, alone):
        assert together == pytest.approx(single, rel=1e-3)
    assert both[0] != both[1]


def test_tanh_solves_what_relu_cannot():
    """The second derivatives of a ReLU network are 0: its loss keeps all of f."""
    start = [equations.Start("default", 0.01, seed) for seed in (0, 1)]
    losses = [loss for loss, _ in equations.solve("calm", "second", "relu", start, 300)]
    assert min(losses) > 0.999
    for _, error in equations.solve("calm", "second", "tanh", start, 300):
        assert error < 0.1
    # The control: with first derivatives alone the same network's loss can fall.
    loss, _ = equations.solve("calm", "first", "relu", start[:1], 300)[0]
    assert loss < 0.5


def test_a_run_that_breaks_down_is_nan_and_leaves_the_others_alone():
    starts = [equations.Start("default", lr, 0) for lr in (1e30, 0.01)]
    (broke, _), (fine, _) = equations.solve("peaked", "second", "relu3", starts, 20)
    assert math.isnan(broke) and math.isfinite(fine)


# --- the graphs -----------------------------------------------------------------------


@pytest.mark.parametrize("task", graphs.TASKS)
def test_a_graph_is_what_its_page_says(task):
    data = graphs.draw_graph(task, 0)
    assert data.features.shape == (480, 16) and data.spread.shape == (480, 480)
    assert torch.equal(data.spread, data.spread.T)
    assert data.labels.bincount().tolist() == [120] * 4
    assert 60 < int(data.seen.sum()) < 130
    again, other = graphs.draw_graph(task, 0), graphs.draw_graph(task, 1)
    assert torch.equal(data.features, again.features)
    assert not torch.equal(data.spread, other.spread)
    # D^(-1/2) (A + I) D^(-1/2): each node is its own neighbour, once.
    degrees = (data.spread > 0).sum(1)
    assert torch.allclose(data.spread.diagonal() * degrees, torch.ones(480))
    assert torch.linalg.eigvalsh(data.spread)[-1].item() == pytest.approx(1, abs=1e-4)


def test_the_ring_needs_a_bend():
    bent = graphs.classify("ring", "relu", 0.1, 7)[2]
    straight = graphs.classify("ring", "identity", 0.1, 7)[2]
    assert bent > 75 and straight < 60


def test_the_controls_of_gain_keep_the_size_that_they_name():
    """E[f²] of a normal input: PReLU's own, or ReLU's at any slope."""
    x = torch.randn(200_000, generator=torch.Generator().manual_seed(0))

    def size(function):
        return function(x).square().mean().item()

    for slope in graph_gain.SLOPES.values():
        made = {name: make(slope) for name, make in graph_gain.FUNCTIONS.items()}
        assert size(made["frozen"]) == pytest.approx((1 + slope**2) / 2, rel=0.02)
        assert size(made["relu_scaled"]) == pytest.approx(size(made["frozen"]), 0.02)
        with torch.no_grad():
            made["prelu_unit_gain"].weight.fill_(slope)
        assert size(made["prelu_unit_gain"]) == pytest.approx(0.5, rel=0.02)


def test_the_control_of_graphs_trains_as_the_study_does():
    for key in ("relu", "prelu"):
        *found, slope = graph_gain.train("ring", key, 0.1, 7, 20)
        assert found == pytest.approx(graphs.classify("ring", key, 0.1, 7, 20))
        assert math.isnan(slope) == (key == "relu")


# --- the agents -----------------------------------------------------------------------


def test_the_pendulum_keeps_its_energy_without_a_motor():
    state = torch.tensor([[1.0, 0.5]])
    energies = []
    for _ in range(400):
        state = agents.WORLDS["pendulum"].act(state, torch.tensor([1]))
        energies.append((state[0, 1] ** 2 / 2 + 15 * state[0, 0].cos()).item())
    # Steps of a twentieth of a second make it swing by a third, and not drift.
    early, late = sum(energies[:200]) / 200, sum(energies[200:]) / 200
    assert late == pytest.approx(early, rel=0.03)


def test_the_cart_falls_if_it_is_pushed_one_way():
    cart = agents.WORLDS["cart"]
    state = cart.begin(torch.full((1, 4), 0.5))
    for _ in range(20):
        state = cart.act(state, torch.tensor([1]))
        if cart.fallen(state).item():
            break
    assert cart.fallen(state).item() and state[0, 1] > 0 > state[0, 2]


def test_agents_learn_and_do_so_as_alone():
    starts = [agents.Beginner("orthogonal", lr, 1) for lr in (0.01, 1e-6)]
    both = agents.learn("cart", "tanh", starts, 12)
    assert both[0] > both[1] + 2
    assert agents.learn("cart", "tanh", starts[1:], 12)[0] == pytest.approx(both[1])


def test_agents_with_a_memory_learn_and_do_so_as_alone():
    starts = [agents.Beginner("orthogonal", lr, 1) for lr in (0.01, 1e-6)]
    both = off_policy.learn("pendulum", "relu", starts, 2000)
    assert both[0]["earned"] > both[1]["earned"] + 10
    (alone,) = off_policy.learn("pendulum", "relu", starts[1:], 2000)
    assert alone == pytest.approx(both[1], abs=2)


def test_idle_units_are_counted():
    start = [agents.Beginner("orthogonal", 0.01, 1)]
    made = off_policy._Agents(agents.WORLDS["cart"], torch.relu, start, 200)
    for _ in range(150):
        made.step()
    before = [share.item() for share in made.idle(made.weights)]
    with torch.no_grad():
        made.weights[1][:, :, :16] = -100.0  # half of a layer never answers
        made.weights[0][:, :, 16:20] *= 1e-6  # and four of it hardly do
    dead, dormant = (share.item() for share in made.idle(made.weights))
    assert before[0] < 5 and dead >= 25 and dormant >= dead + 4 / 64 * 100 - 1e-3
    # The oldest of a full memory is written over.
    made.memory["good"].fill_(9.0)
    made.round = off_policy.MEMORY
    made.step()
    kept = made.memory["good"][0]
    assert (kept[: off_policy.COPIES] < 1.5).all()
    assert (kept[off_policy.COPIES :] == 9).all()


# --- what is read of the records ------------------------------------------------------


@pytest.mark.parametrize(
    "condition",
    [
        EquationRun("", "relu", 0.01, epochs=30),
        GraphRun("", "tanh", 0.1, epochs=5),
        AgentRun("", "relu", 0.01, epochs=2),
        graph_gain.GraphGainRun("", "frozen", 0.1, epochs=5),
        off_policy.OffPolicyRun("", "tanh", 0.01, epochs=140),
        steeper_fresh.SteeperFreshRun("", "tanh_2", 0.01, epochs=30),
    ],
    ids=lambda condition: type(condition).__name__,
)
def test_a_run_has_the_columns_of_its_study(condition):
    history, seconds = execute(Setting(condition, 0))
    assert history["epoch"] == [condition.epochs] and seconds > 0
    assert {"train_loss", "test_loss", "test_accuracy"} < {*history}
    with pytest.raises(ValueError, match="leave out --device cuda"):
        execute(Setting(condition, 0), "cuda")


def test_recorded_runs_come_again():
    """One cheap run of two studies; of agents, chance on another chip decides."""
    for name, kind, columns in (
        ("equation", EquationRun, {"activation": "relu", "change": "second"}),
        ("graph", GraphRun, {"activation": "identity", "variant": "lines"}),
    ):
        table = studies.load(name)
        for column, value in columns.items():
            table = table[table[column] == value]
        row = table[table["regime"] == "final"].iloc[0]
        more = {"variant": row["variant"], "init": row["init"]}
        if "change" in row:
            more["change"] = row["change"]
        run = kind("", row["activation"], row["lr"], **more)
        history, _ = execute(Setting(run, int(row["seed"])))
        assert history["test_loss"][0] == pytest.approx(row["test_loss"], rel=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_final_runs_have_the_rate_that_their_tuning_chose(name):
    table = studies.load(name)
    if "error" in table:
        table = in_decibels(table)
    tasks = [c for c in ("variant", "change") if c in table]
    for _, task in table.groupby(tasks):
        told = studies.chosen(task)
        assert not told.empty
        for row in told.to_dict("records"):
            cell = task.query(
                "activation == @row['activation'] and init == @row['init']"
            )
            final = cell[cell["regime"] == "final"]
            assert set(final["lr"]) == {row["lr"]}
            tuned = cell[cell["regime"].isin(["coarse", "fine"])]
            rates = tuned.groupby("lr")["test_accuracy"]
            means = rates.mean()[rates.size() == rates.size().max()].drop(
                tuned[tuned["test_accuracy"].isna()]["lr"].unique(), errors="ignore"
            )
            if len(means):
                assert means[row["lr"]] >= means.max() - 0.01
            assert not set(final["seed"]) & set(tuned["seed"])


def test_leads_counts_what_broke_and_pairs_the_rest():
    rows = []
    for key, gain in (("relu", 0.0), ("tanh", 3.0), ("elu", 0.1)):
        for seed in range(100, 105):
            for lr, less in ((0.01, 1.0), (0.0178, 0.0), (0.0316, 1.0)):
                rows.append(("fine", key, lr, seed, 80 + gain - less))
        for seed in range(10):
            found = 80 + gain + seed + 0.1 * math.sin(seed + gain)
            broke = key == "tanh" and seed == 0
            rows.append(("final", key, 0.0178, seed, math.nan if broke else found))
    names = ["regime", "activation", "lr", "seed", "test_accuracy"]
    table = pd.DataFrame(rows, columns=names)
    table = table.assign(init="he", optimiser="adam", epoch=1)
    found = special.leads(table, "relu", margin=1.0)
    assert found.loc["tanh", "broke"] == 1 and found.loc["relu", "n"] == 10
    assert found.loc["tanh", "low"] < 3 < found.loc["tanh", "high"] < 3.3
    assert found.loc["elu", "level"] and not found.loc["tanh", "level"]
