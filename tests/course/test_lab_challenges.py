"""What the challenges' replies say, each by a run in which one thing is changed."""

from __future__ import annotations

import json

import pytest
from py_mini_racer import MiniRacer

from course.lab import scripts

SCRIPT = """
const SETUPS = Object.fromEntries(CHALLENGES.map((c) => [c.id, c.setup]));
function runOf(id, change, step) {
  const { state } = stateOf(SETUPS[id], ROWS);
  const session = new Session({ ...state, step: 0, ...change }, ROWS);
  for (const _ of session.goTo(step));
  return session;
}
function after(id, change, step) {
  return runOf(id, change, step).look(false).sides;
}
// Of the units that are dead at a step: which weights move after it, layer by layer.
function movedLater(session, rate, steps) {
  session.act({ kind: "r", value: rate });
  const { run } = session.sides[0];
  const before = run.network.values.slice();
  const dead = session.look(false).sides[0].layers.map(({ alive }) => [...alive]);
  for (const _ of session.goTo(session.step + steps));
  return run.network.maps.slice(0, 2).map((map, l) => {
    let moved = 0;
    for (let u = 0; u < map.outs; u++) {
      for (let k = 0; k < map.ins && !dead[l][u]; k++) {
        const at = map.weight + u * map.ins + k;
        if (run.network.values[at] !== before[at]) moved += 1;
      }
    }
    return moved;
  });
}
function profileOf(f, gain) {
  const curve = new Curve(functionOf(f, ROWS).tree);
  const { activation, errorSignal } = depthProfile(curve, 30, "own", gain);
  return [activation, errorSignal].map((row) => row.at(-1) / row[0]);
}
"""


@pytest.fixture(scope="module")
def engine() -> MiniRacer:
    engine = MiniRacer()
    engine.eval(scripts.core() + SCRIPT)
    return engine


@pytest.fixture
def after(engine):
    """Both sides of a challenge's set-up, with what is changed, after some steps."""

    def look(name, step, **change):
        call = f"after({json.dumps(name)}, {json.dumps(change)}, {step})"
        return json.loads(engine.eval(f"JSON.stringify({call})"))

    return look


@pytest.fixture
def accuracy(after):
    return lambda name, step, **change: after(name, step, **change)[0]["test"][
        "accuracy"
    ]


def evaluate(engine, expression):
    return json.loads(engine.eval(f"JSON.stringify({expression})"))


def test_sigmoid_needs_both_or_a_branch(after, accuracy):
    setup = after("sigmoid", 0)[0]["layers"]
    assert setup[0]["errorSignal"] / setup[7]["errorSignal"] < 1e-6
    assert accuracy("sigmoid", 1000) == 50
    adam = {"optimiser": "adam", "rate": 0.01}
    for alone in ({"start": "matched"}, adam, {"norm": True}):
        assert accuracy("sigmoid", 3000, **alone) == 50
    both = [
        accuracy("sigmoid", 3000, start="matched", seed=seed, **adam)
        for seed in range(1, 6)
    ]
    assert sum(value >= 90 for value in both) == 3
    branch = [
        accuracy("sigmoid", 6000, branch="one", seed=seed) for seed in range(1, 6)
    ]
    assert min(branch) >= 90


def test_only_a_bias_revives_a_dead_unit_of_layer_1(engine):
    struck = "(() => { const s = runOf('kill', {}, 100);"
    struck += "s.act({ kind: 'k', value: 200 }); s.advance(true); return s; })()"
    dead = "s.look(false).sides[0].layers.map((layer) => layer.dead)"
    engine.eval(f"var s = {struck}; var begun = {dead};")
    assert engine.eval("begun[0]") == 2
    for rate in (0.001, 0.05, 5):
        engine.eval(f"s = {struck}; var moved = movedLater(s, {rate}, 2000);")
        assert engine.eval("moved[0]") == 0, rate
        assert engine.eval(f"{dead}[0] >= begun[0]")
    # Layer 2, while layer 1 learns: a unit came back, and its weights then move.
    engine.eval(f"s = {struck}; moved = movedLater(s, 0.05, 2000);")
    assert engine.eval(f"{dead}[1] < begun[1] && moved[1] > 0")
    engine.eval(
        f"s = {struck}; s.act({{ kind: 'b', value: 1, layer: 0 }}); s.advance()"
    )
    assert engine.eval(f"{dead}[0]") == 0


def test_the_winner_depends_on_the_step_size_and_on_the_seed(after):
    def losses(**change):
        return [side["test"]["loss"] for side in after("swap", 300, **change)]

    assert losses(rate=0.3) == pytest.approx([0.28, 0.58], abs=0.005)
    assert losses(rate=0.5) == pytest.approx([0.97, 0.53], abs=0.005)
    for rate in (0.3, 0.5):
        relu, tanh = losses(rate=rate, seed=3)
        assert relu < tanh


def test_the_gain_makes_up_for_what_relu_takes(engine):
    kept = evaluate(engine, "[profileOf('relu', Math.SQRT2), profileOf('x', 1)].flat()")
    assert kept == pytest.approx([1] * 4, rel=1e-6)
    lost, grown = evaluate(engine, "profileOf('relu', 1)")
    assert lost < 1e-4 and grown > 1e4  # backwards it is largest at layer 30
    grown, lost = evaluate(engine, "profileOf('x', Math.SQRT2)")
    assert lost < 1e-4 and grown > 1e4


@pytest.mark.parametrize("optimiser", ["sgd", "momentum", "adam"])
def test_of_a_net_that_is_born_dead_only_the_outputs_biases_move(engine, optimiser):
    change = json.dumps({"optimiser": optimiser})
    engine.eval(f"var old = runOf('born', {change}, 0).sides[0].run.network")
    engine.eval(f"var late = runOf('born', {change}, 1000).sides[0].run.network")
    moved = evaluate(
        engine,
        "[...late.values].map((v, i) => [v !== old.values[i], i])"
        ".filter(([other]) => other).map(([, i]) => i)",
    )
    assert moved == [400, 401] == evaluate(engine, "[400, old.maps.at(-1).bias + 1]")


def test_start_biases_alone_let_it_learn(accuracy):
    assert accuracy("born", 1500) == 50
    assert accuracy("born", 1500, bias=-0.3) >= 90
    assert accuracy("born", 1500, bias=0) >= 90


def test_a_bend_is_needed_and_neither_bound_nor_monotony(accuracy):
    reached = {
        f: [accuracy("own", 1000, f=f, seed=seed) for seed in (1, 2, 3)]
        for f in ("0.7*x - 0.2", "abs(x)*0.7 - 0.2", "tanh", "x**3")
    }
    assert max(reached["0.7*x - 0.2"]) < 67
    assert min(reached["abs(x)*0.7 - 0.2"]) >= 95
    assert max(reached["tanh"]) >= 95
    assert max(reached["x**3"]) < 80


def test_two_half_lines_are_too_few_for_xor(accuracy):
    def best(f, width):
        return max(
            accuracy("xor", 3000, f=f, layers=[width], seed=seed)
            for seed in range(1, 9)
        )

    assert best("x*x", 2) >= 97
    assert best("x", 2) < 65
    assert best("relu", 2) <= 85
    assert best("relu", 3) >= 97


def test_tanh_breaks_by_the_step_of_the_output(after):
    relu, tanh = after("break", 600, rate=0.3)
    assert tanh["broken"] and not relu["broken"]
    assert relu["test"]["loss"] < 0.1
    _, narrow = after("break", 600, rate=0.3, layers=[16, 16, 2])
    assert not narrow["broken"]
    assert narrow["test"]["loss"] < 1
    cut = [{"at": 5, "kind": "r", "value": 0.02, "layer": 0}]
    for rate in (0.3, 0.5):
        _, shortened = after("break", 600, rate=rate, events=cut)
        assert not shortened["broken"]
        assert shortened["test"]["loss"] < 1
    relu, tanh = after("break", 600, rate=0.5)
    assert tanh["broken"]
    assert [layer["dead"] for layer in relu["layers"]] == [16, 16, 16]


def test_the_sine_owes_much_to_its_factor(after):
    def loss(f):
        return after("signal", 1000, f=f, g="")[0]["test"]["loss"]

    assert loss("sin(3*x)") == pytest.approx(0.003, abs=0.0005)
    assert loss("tanh(3*x)") == pytest.approx(0.02, abs=0.005)
    assert loss("sin(x)") == pytest.approx(0.24, abs=0.005)
    for slow in ("tanh", "relu"):
        assert loss(slow) == pytest.approx(0.09, abs=0.005)


def test_the_moments_of_relu(engine):
    sheet = evaluate(engine, "sheetOf(new Curve(functionOf('relu', ROWS).tree))")
    assert sheet["mean"] == pytest.approx(0.399, abs=0.0005)
    spread = (sheet["second_moment"] - sheet["mean"] ** 2) ** 0.5
    assert spread == pytest.approx(0.584, abs=0.0005)


def test_gelu_is_nearly_flat_and_not_dead(after):
    def layer(f, shift):
        event = {"at": 100, "kind": "b", "value": shift, "layer": 0}
        found = after("quiet", 101, f=f, events=[event])[0]["layers"][0]
        return found["dead"], found["nearly"]

    assert layer("gelu", -8) == (0, 12)
    assert layer("relu", -8) == (12, 12)
    assert layer("gelu", -60) == (12, 12)


def test_ten_layers_shrink_mostly_by_their_weights(after, accuracy):
    def ratio(**change):
        layers = after("ten", 0, **change)[0]["layers"]
        return layers[9]["errorSignal"] / layers[0]["errorSignal"]

    assert ratio() == pytest.approx(500, rel=0.05)
    assert ratio(f="x") == pytest.approx(230, rel=0.05)
    helps = [{"start": "he"}, {"start": "matched"}, {"branch": "one"}]
    helpless = [{"optimiser": "adam"}, {"optimiser": "momentum"}, {"norm": True}]
    helpless += [{"rate": 0.5}, {"rate": 1}]
    for change in helps:
        assert accuracy("ten", 2000, **change) >= 90, change
    for change in helpless:
        assert accuracy("ten", 2000, **change) < 90, change
