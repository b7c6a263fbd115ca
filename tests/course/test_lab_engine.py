"""The laboratory's engine against torch: the same runs, the same counts."""

from __future__ import annotations

import itertools
import json

import pytest
import torch
from py_mini_racer import MiniRacer

from actlab import probes
from course.lab import scripts
from course.lab.replay import experiment

FUNCTIONS = [
    "relu", "tanh", "sigmoid", "gelu", "swish", "elu", "softplus", "mish", "gcu",
    "x*tanh(exp(x))", "max(x, 0.1*x) + sin(x)/2",
    "x/(1 + abs(x)) if x < 1 else log(x)/2 + 0.5",
]  # fmt: skip
STARTS = ["default", "he", "matched"]
OPTIMISERS = {"sgd": 0.03, "momentum": 0.01, "adam": 0.005}
STEPS = 50

SCRIPT = """
function runOf(settings) {
  const found = functionOf(settings.function, ROWS);
  const data = dataOf(settings.data, settings.seed, settings.noise);
  const run = new Run({
    sizes: [data.inputs, ...settings.layers, data.outputs],
    program: new Program(found.tree),
    classes: data.classes,
    ...settings,
  }, data);
  const losses = [];
  for (let i = 0; i < settings.steps; i++) losses.push(run.step(settings.rate));
  const all = inspect(run.network, data.train);
  return JSON.stringify({
    losses,
    values: [...run.network.values],
    train: evaluate(run.network, data.train),
    test: evaluate(run.network, data.test),
    layers: all.map(({ alive, bins, ...rest }) => rest),
  });
}
"""


@pytest.fixture(scope="module")
def engine() -> MiniRacer:
    engine = MiniRacer()
    engine.eval(scripts.core() + SCRIPT)
    return engine


def run(engine: MiniRacer, **settings) -> dict:
    return json.loads(engine.eval(f"runOf({json.dumps(settings)})"))


def flat(network) -> torch.Tensor:
    """All weights in the engine's order: weight, bias, γ, β, layer by layer."""
    parts = []
    for place, linear in enumerate(network.linears):
        parts += [linear.weight.flatten(), linear.bias]
        if place < len(network.norms):
            parts += [p.flatten() for p in network.norms[place].parameters()]
    return torch.cat([part.detach() for part in parts])


def settings_of(function, start, optimiser, norm, branch=None, data="spirals") -> dict:
    return {
        "function": function,
        "data": data,
        "noise": 0.05,
        "layers": [8, 8, 6],
        "start": start,
        "gain": 1.0,
        "bias": 0.0,
        "optimiser": optimiser,
        "rate": OPTIMISERS[optimiser],
        "batch": 16,
        "seed": 3,
        "norm": norm,
        "branch": branch,
    }


def both(engine, settings, steps=STEPS):
    """The same run twice; returns torch's experiment and the engine's answer."""
    expected = experiment(**settings)
    gain = settings["gain"]
    if settings["start"] == "matched":
        from actlab import properties

        gain = float(properties.forward_gain(settings["function"]))
    expected.train(steps)
    page = settings | {"gain": gain, "steps": steps, "branch": settings["branch"] or 0}
    return expected, run(engine, **page)


@pytest.mark.parametrize("norm", [False, True], ids=["plain", "norm"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_fifty_steps_are_torchs(engine, function, norm):
    for start, optimiser in itertools.product(STARTS, OPTIMISERS):
        expected, found = both(engine, settings_of(function, start, optimiser, norm))
        what = f"{function}, {start}, {optimiser}"
        assert found["losses"] == pytest.approx(expected.losses, rel=1e-9, abs=1e-9), (
            what
        )
        weights = torch.tensor(found["values"], dtype=torch.float64)
        assert torch.allclose(weights, flat(expected.network), rtol=1e-9, atol=1e-9), (
            what
        )
        for by, name in (
            ("data", "dead"),
            ("gradient", "flat"),
            ("threshold", "nearly"),
        ):
            dead = probes.dead_units(expected.network, expected.data.x_train, by=by)
            assert [layer[name] for layer in found["layers"]] == dead.counts, what
