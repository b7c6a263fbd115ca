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
// What a challenge says after some steps; `seen` is what it noticed before.
const SEEN = {};
function missing(id, change, step) {
  const challenge = CHALLENGES.find((one) => one.id === id);
  const session = runOf(id, change, step);
  const { state } = session;
  const curve = new Curve(functionOf(state.f, ROWS).tree);
  return lacking(challenge, {
    state,
    frame: session.look(false),
    depth: state.start === "own" ? depthProfile(curve, 30, "own", state.gain) : null,
    sheets: id === "unit" ? [sheetOf(curve)] : [null],
    setup: stateOf(SETUPS[id], ROWS).state,
    rows: ROWS,
    seen: (SEEN[id] ||= {}),
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


def blow(at, value):
    return {"at": at, "kind": "k", "value": value, "layer": 0}


def shift(at, layer, value):
    return {"at": at, "kind": "b", "value": value, "layer": layer}


ADAM = {"start": "matched", "optimiser": "adam", "rate": 0.01}
KILLED = [blow(100, 200)]
SLOW = {"at": 101, "kind": "r", "value": 0.001, "layer": 0}
REVIVED = [*KILLED, SLOW, shift(101, 0, 1), shift(102, 1, 6)]
LAYERS = {n: [8] * n for n in (7, 9)}
# Challenge; then moves in turn: what is changed of the set-up, up to which step, and
# words of what is said to it; "" is a challenge that is met.
MOVES = [
    ("sigmoid", {"f": "relu"}, 10, "has to be sigmoid"),
    ("sigmoid", {"layers": LAYERS[7]}, 10, "8 hidden layers; there are 7"),
    ("sigmoid", {}, 400, "50.0 % on the test set at step 400"),
    ("sigmoid", {}, 400, "e−7 times that of layer 8"),
    ("sigmoid", ADAM, 3000, ""),
    ("kill", {}, 10, "No blow yet"),
    ("kill", {"events": [blow(0, 1)]}, 1, "at most 0 of 12 units"),
    # Killed by a shift, and brought back by another: no blow did that.
    ("kill", {"events": [blow(0, 1), shift(1, 0, -50)]}, 2, "at most 12 of 12"),
    ("kill", {"events": [blow(0, 1), shift(1, 0, -50), shift(2, 0, 50)]}, 3, "at most"),
    ("kill", {"events": KILLED}, 99, "falls at step 100"),
    ("kill", {"events": KILLED}, 101, "in layer 2 9 of 12"),
    # Another run in which nothing died does not count as a revival.
    ("kill", {"events": [blow(50, 1)]}, 51, "at most 1 of 12"),
    ("kill", {"events": KILLED}, 101, "Still dead"),
    ("kill", {"events": REVIVED}, 103, ""),
    ("swap", {"rate": 0.3}, 200, "this is step 200"),
    ("swap", {"rate": 0.3}, 300, "ReLU wins at 0.3. Test loss here: ReLU 0.28"),
    # Another width is not another step size.
    ("swap", {"rate": 0.5, "layers": [2, 2]}, 0, "It counts at step 300; this is"),
    ("swap", {"rate": 0.3}, 300, "Find a step size at which tanh wins"),
    ("swap", {"rate": 0.5}, 300, ""),
    ("thirty", {"gain": 2}, 0, "of 2 the signal of layer 30 is 23000 times"),
    ("thirty", {"start": "he"}, 0, "an own gain"),
    ("thirty", {"gain": 1.41}, 0, ""),
    ("born", {}, 50, "Dead altogether: layer"),
    ("born", {"start": "default"}, 0, "Changed: start."),
    ("born", {"bias": 0, "rate": 0.02}, 0, "Changed: step size."),
    ("born", {"bias": -0.3}, 1500, ""),
    ("own", {"f": "abs(x) * 0.7 - 0.2"}, 0, "This is the example"),
    ("own", {"f": "max(x, 0)"}, 0, "a row of the catalogue: ReLU"),
    ("own", {"f": "0.7*x - 0.2"}, 500, "% on the test set at step 500"),
    ("own", {"f": "abs(x)*0.6"}, 1200, "counts up to step 1000"),
    ("own", {"f": "abs(x)*0.6"}, 900, ""),
    ("xor", {"layers": [3]}, 0, "2 units; there are 3"),
    ("xor", {}, 600, "97 % are wanted"),
    ("xor", {"f": "x*x"}, 1000, ""),
    ("break", {}, 100, "Both losses are numbers"),
    ("break", {"rate": 5}, 100, "Both have left"),
    ("break", {"events": [blow(3, 100)]}, 60, "By the step size alone"),
    ("break", {"rate": 0.3}, 601, "go back"),
    ("break", {"rate": 0.3}, 500, ""),
    ("signal", {"layers": [64, 64]}, 0, "At most 32"),
    ("signal", {}, 400, "The smaller test loss is 0.1 at step 400"),
    ("signal", {"f": "sin(3*x)"}, 1200, ""),
    ("unit", {"f": "tanh"}, 0, "needs a kink"),
    ("unit", {"f": "max(x, 0) - 0.4"}, 0, "E f(Z) is −0.001 and E f(Z)² is 0.341"),
    ("unit", {"f": "(max(x, 0) - 0.399)/0.584"}, 0, ""),
    ("quiet", {"events": [shift(0, 0, -1)]}, 1, "at most 0 of 12"),
    ("quiet", {"events": [shift(0, 0, -61)]}, 1, "12 of the layer’s 12 units"),
    ("quiet", {"events": [shift(0, 0, -8)]}, 1, ""),
    ("ten", {}, 100, "Nothing is changed"),
    ("ten", {"start": "he", "rate": 0.2}, 0, "Changed: start, step size."),
    ("ten", {"layers": LAYERS[9]}, 0, "kept as it was set up: hidden layers"),
    ("ten", {"rate": 0.5}, 500, "90 % are wanted. The error signal of layer 1 is"),
    # A gain belongs to the start that uses it: together they are one setting.
    ("ten", {"start": "own", "gain": 1.5}, 1500, ""),
]  # fmt: skip


def test_each_challenge_says_what_is_missing_until_it_is_met(engine):
    """In the order of a reader's moves: two ways to fail or more, one to succeed."""
    names = evaluate(engine, "CHALLENGES.map((challenge) => challenge.id)")
    wrong = []
    for name, change, step, words in MOVES:
        call = f"missing({json.dumps(name)}, {json.dumps(change)}, {step})"
        said = evaluate(engine, call)
        if words not in said or bool(words) != bool(said):
            wrong.append(f"{name} {change} {step}: {said!r}, not {words!r}")
    assert not wrong, "\n".join(wrong)
    for name in names:
        said = [words for challenge, *_, words in MOVES if challenge == name]
        assert said[-1] == "" and len(said) >= 3, name
