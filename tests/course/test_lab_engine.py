"""The laboratory's engine against torch: the same runs, the same counts."""

from __future__ import annotations

import base64
import itertools
import json
import re

import pytest
import torch
from py_mini_racer import MiniRacer

from actlab import probes
from course.lab import kernels, scripts
from course.lab.replay import experiment

FUNCTIONS = [
    "relu", "tanh", "sigmoid", "gelu", "swish", "elu", "softplus", "mish", "arctan",
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
    machine: run.network.room.machine !== null,
    losses,
    values: [...run.network.values],
    train: evaluate(run.network, data.train),
    test: evaluate(run.network, data.test),
    layers: all.map(({ alive, bins, ...rest }) => rest),
  });
}

// One pass over numbers that no training gives, with the machine or without.
function aloneOf({ function: text, layers, branch, norm }, plain) {
  const program = new Program(functionOf(text, ROWS).tree);
  const sizes = [3, ...layers, 1];
  const network = new Network({ sizes, program, branch, norm, plain });
  const odd = [0, -0, 1e-300, -3, 25, -1e5, 1e300, Infinity, -Infinity, NaN, 0.3, -19];
  const { pass, values } = network;
  for (let i = 0; i < values.length; i++) values[i] = odd[(5 * i) % 11] / 3;
  for (let i = 0; i < 33; i++) pass.x[i] = odd[i % odd.length];
  network.forward(pass, 11);
  pass.outputError.fill(0.7);
  network.backward(pass, 11);
  network.backward(pass, 11, true);
  const all = [values, network.gradient, pass.output];
  for (const { z, h, slope, error, back } of pass.layers) {
    all.push(z, h, slope, error, back);
  }
  const written = (v) => (Object.is(v, -0) ? "-0" : String(v));
  return all.map((part) => [...part].map(written).join()).join(";");
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


ODD = {
    "wide": {"layers": [33, 7, 2, 5], "function": "tanh", "data": "signal"},
    "norm": {"layers": [9, 9, 3], "function": "relu", "norm": True, "branch": 1.0},
    "leaky": {"layers": [5], "function": "leaky_relu", "batch": 1, "rate": 1e4},
    "formula": {"layers": [6, 3], "function": "x*tanh(exp(x))", "batch": 7},
    "lost": {"layers": [8, 8], "function": "x**3", "data": "signal", "rate": 1e6},
}


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("case", ODD)
def test_with_and_without_webassembly_the_bits_are_the_same(engine, case, optimiser):
    settings = settings_of("relu", "he", optimiser, False) | {"steps": 60}
    settings |= {"branch": 0} | ODD[case]
    text = json.dumps(settings)
    assert engine.eval(f"JSON.parse(runOf({text})).machine") is True
    same = "JSON.stringify({ ...JSON.parse(runOf(%s)), machine: 0 })"
    fast = engine.eval(same % f"{{ ...{text} }}")
    assert fast == engine.eval(same % f"{{ ...{text}, plain: true }}")
    # The loops alone, where nothing is a number, infinite, or the last of an odd row.
    alone = f"aloneOf({{ ...{text} }}, %s)"
    assert engine.eval(alone % "false") == engine.eval(alone % "true")


def test_the_kernels_are_what_their_script_writes(engine):
    written = kernels.PLACE.read_text(encoding="utf-8")
    assert kernels.digest() in written, "run python code/course/lab/kernels.py"
    assert kernels.ASSEMBLER in written
    packed = base64.b64decode(re.search(r'"(.+)"', written)[1])
    assert (
        bytes(json.loads(engine.eval("JSON.stringify([...bytesOf(KERNELS)])")))
        == packed
    )


def test_the_kernels_are_assembled_to_the_same_bytes():
    version = pytest.importorskip("wasmtime").__version__
    if f"wasmtime {version}" != kernels.ASSEMBLER:
        pytest.skip(f"the kernels are assembled by {kernels.ASSEMBLER}")
    assert kernels.written() == kernels.PLACE.read_text(encoding="utf-8")
