"""An experiment of the laboratory: its address, its way back, its Python cell."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from py_mini_racer import MiniRacer

from actlab import probes, training
from course.lab import scripts
from course.lab.presets import PRESETS

SCRIPT = """
function open(address) {
  const { state, complaints } = stateOf(address, ROWS);
  return { state, complaints, session: new Session({ ...state, step: 0 }, ROWS) };
}
function walk(session, step) {
  for (const _ of session.goTo(step));
  return session;
}
const values = (session) => session.sides.map(({ run }) => [...run.network.values]);
const numbers = (session) => JSON.stringify(values(session));
const seen = (session) => JSON.stringify(session.look());
"""
ADDRESS = (
    "v=1&f=x*tanh%28exp%28x%29%29&g=relu&data=rings&layers=8-6&norm=yes&branch=one"
    "&optimiser=momentum&rate=0.02&seed=5&step=60&events=20k10_30b1%3A-0.5_40r0.01"
)
HOSTILE = [
    "", "#", "#=", "#&&&", "#f", "#f=", "#f=%", "#f=%zz&g=%00", "#f=" + "x" * 5000,
    "#f=__proto__&g=constructor", "#__proto__=1&constructor=2&toString=3",
    "#f=<script>alert(1)</script>", "#f=eval(1)&layers=99999", "#layers=-1",
    "#layers=1e9",
    "#layers=" + "-".join(["64"] * 50), "#step=1e99", "#step=NaN", "#step=-5",
    "#rate=Infinity",
    "#rate=1e999", "#rate=0x10", "#seed=1.5",
    "#events=" + "_".join(["1k1"] * 500),
    "#events=5b9:1", "#events=5b0:1e999", "#events=;drop", "#data=../../etc",
    "#batch=0",
    "#norm=maybe", "#branch=1", "#noise=-1", "#gain=1e300", "#v=99",
    "#f=relu&f=tanh&f=9**9**9",
    "#f=" + "(" * 400, "#" + "&".join(f"f={i}" for i in range(2000)),
    "#f=\u202e\ud83d\ude00",
    "#" + "a" * 100_000, "#" + "&" * 10_000 + "=", "#f=x&f=y&f=",
    "#step=-9999999999999999999", "#step=1e5&step=-1", "#seed=4294967296", "#seed=-0.5",
    "#rate=NaN", "#rate=-0.1", "#rate=1e-99", "#rate=1e", "#rate=--1", "#rate=.",
    "#norm=constructor", "#norm=__proto__", "#norm=toString", "#branch=constructor",
    "#data=__proto__", "#optimiser=hasOwnProperty", "#start=valueOf",
    "#events=__proto__",
    "#hasOwnProperty=1", "#valueOf=2&isPrototypeOf=3", "#%5F%5Fproto%5F%5F=yes",
    "#f=constructor(x)&g=__proto__(x)", "#f=toString(x)&g=hasOwnProperty(x, 1)",
    "#f=x.constructor", "#f=this&g=globalThis", "#f=x[0]", "#f=`x`", "#f=x;x",
    "#f=x=>x",
    "#f=x**1e9", "#f=x**-1e308", "#f=9**9**9**x", "#f=1e999*x", "#f=0/0", "#f=log(-1)",
    "#f=" + "-" * 500 + "x", "#f=" + "max(" * 60 + "x" + ",0)" * 60,
    "#f=" + "exp(" * 40 + "x" + ")" * 40, "#f=" + "x+" * 290 + "x",
    "#f=((((x+1)**64)**64)**64)**64", "#f=1/x&data=signal", "#f=(1,2)",
    "#f=x%0Aimport os",
    "#layers=2-2-2-2-2-2-2-2-2-2-2", "#layers=8--8", "#layers=08-8", "#layers=65",
    "#layers=1", "#layers=constructor", "#batch=301", "#bias=11", "#gain=-1",
    "#events=1k1_1k1_", "#events=100001k1", "#events=5k-1", "#events=5b1:",
    "#events=5b:1",
    "#events=1r1e99", "#events=5b10:1", "#events=5x1", "#noise=0.5000001", "#%",
]  # fmt: skip

# What can be read, however odd it is.
HARMLESS = {
    "",
    "#",
    "#&&&",
    "#v=99",
    "#rate=1e-99",
    "#f=1/x&data=signal",
    "#layers=08-8",
}
HARMLESS_BEGINNINGS = ("#f=relu", "#f=0&f=1", "#&&&&", "#f=exp(exp(")


@pytest.fixture(scope="module")
def engine() -> MiniRacer:
    engine = MiniRacer()
    engine.eval(scripts.core() + SCRIPT)
    return engine


def evaluate(engine, expression):
    return json.loads(engine.eval(f"JSON.stringify({expression})"))


def test_an_address_comes_back_as_it_was(engine):
    address = json.dumps(ADDRESS)
    assert engine.eval(f"open({address}).complaints.length") == 0
    written = engine.eval(f"addressOf(open({address}).state)")
    once_more = engine.eval(f"addressOf(open({json.dumps(written)}).state)")
    assert written == once_more
    assert engine.eval("addressOf(stateOf('', ROWS).state)") == "v=1"


@pytest.mark.parametrize("address", HOSTILE, ids=range(len(HOSTILE)))
def test_anything_in_an_address_gives_a_state_that_runs(address, engine):
    """Whatever was wrong is named; what is left is an experiment."""
    text = json.dumps(address)
    found = evaluate(engine, f"stateOf({text}, ROWS)")
    assert set(found["state"]) == set(evaluate(engine, "DEFAULTS"))
    assert 1 <= len(found["state"]["layers"]) <= 10
    assert all(2 <= width <= 64 for width in found["state"]["layers"])
    assert engine.eval(f"walk(open({text}).session, 1).step") == 1
    assert engine.eval("({}).f === undefined && ({})['1'] === undefined")
    assert engine.eval(f"typeof stateOf({text}, ROWS).state.norm") == "boolean"
    if address not in HARMLESS and not address.startswith(HARMLESS_BEGINNINGS):
        assert found["complaints"]
    assert all(len(text) < 700 for text in found["complaints"])
    assert not [text for text in found["complaints"] if "[" in text]  # an object's text


def test_a_formula_that_is_too_long_is_told_from_one_that_cannot_be_read(engine):
    said = evaluate(engine, "stateOf('#g=' + '-'.repeat(501) + 'x', ROWS).complaints")
    assert said == ["g: the formula has more than 500 characters"]
    assert evaluate(engine, "stateOf('#f=%zz', ROWS).complaints") == ["f"]


def test_a_pause_shows_the_step_at_which_the_run_stands(engine):
    engine.eval(
        "var steps = []; var later = []; var clock = 0; var desk = new Desk(ROWS,"
        "(m) => m.kind === 'frame' && steps.push(m.step), (f) => later.push(f),"
        "() => (clock += 1));"
        "desk.receive({ kind: 'set', state: stateOf('', ROWS).state });"
        "desk.receive({ kind: 'play', on: true });"
        "for (let i = 0; i < 30; i++) later.shift()()"
    )
    assert engine.eval("steps.at(-1) < desk.session.step")
    engine.eval("desk.receive({ kind: 'play', on: false })")
    assert engine.eval("steps.at(-1) === desk.session.step")


def test_the_run_goes_before_the_sheets_and_of_these_the_last_counts(engine):
    engine.eval(
        "var said = []; var later = []; var desk = new Desk(ROWS,"
        "(m) => said.push([m.kind, m.text]), (f) => later.push(f), () => 0);"
        "for (const text of ['tanh', 'x', 'relu']) "
        "  desk.receive({ kind: 'sheet', side: 0, text });"
        "desk.receive({ kind: 'set', state: stateOf('', ROWS).state });"
        "while (later.length) later.shift()()"
    )
    said = evaluate(engine, "said")
    assert [kind for kind, _ in said] == ["ready", "frame", "sheet", "depth"]
    assert said[2][1] == "relu"


def test_a_function_without_a_sheet_says_why(engine):
    engine.eval(
        "var said = []; var desk = new Desk(ROWS, (m) => said.push(m), (f) => f(), "
        "() => 0); desk.receive({ kind: 'sheet', side: 1, text: 'log(x)' })"
    )
    [answer] = evaluate(engine, "said")
    assert answer["kind"] == "sheet" and answer["sheet"] is None
    assert answer["why"].startswith("log(x) is not a real number at x = −0.0877")


def test_the_way_back_leads_to_the_same_bits(engine):
    address = json.dumps(ADDRESS)
    engine.eval(f"var first = walk(open({address}).session, 60)")
    end = engine.eval("numbers(first)")
    look = engine.eval("seen(first)")
    assert engine.eval("numbers(walk(first, 25))") != end
    assert engine.eval("numbers(walk(first, 60))") == end
    engine.eval(f"var two = open({address}).session; walk(two, 3); walk(two, 60)")
    assert engine.eval("numbers(two)") == end
    assert engine.eval("seen(two)") == look
    history = evaluate(engine, "two.history.map((row) => row.step)")
    assert history[:21] == list(range(21))


def test_long_runs_keep_few_steps_and_still_go_back(engine):
    engine.eval("var long = walk(open('layers=2&batch=2&g=').session, 40)")
    there = engine.eval("numbers(long)")
    engine.eval("walk(long, 3000)")
    assert engine.eval("long.saved.length") <= 64
    assert engine.eval("numbers(walk(long, 40))") == there


def test_what_is_done_to_a_run_belongs_to_its_address(engine):
    engine.eval("var acted = walk(open('data=xor').session, 10)")
    engine.eval("acted.act({ kind: 'k', value: 50 }); walk(acted, 12)")
    engine.eval("acted.act({ kind: 'b', value: -1.5, layer: 1 }); walk(acted, 30)")
    address = engine.eval("addressOf({ ...acted.state, step: 30 })")
    assert "events=10k50_12b1%3A-1.5" in address
    again = f"numbers(walk(open({json.dumps(address)}).session, 30))"
    assert engine.eval(again) == engine.eval("numbers(acted)")
    # Going back and doing something else forgets what came later.
    engine.eval("walk(acted, 11); acted.act({ kind: 'r', value: 0.5 })")
    assert evaluate(engine, "acted.state.events.map((e) => e.kind)") == ["k", "r"]


COMBINATIONS = list(
    itertools.product(
        ("spirals", "rings", "xor", "signal", "digits"),
        ("sgd", "momentum", "adam"),
        ("default", "he", "xavier", "matched", "own"),
        ("yes", "no"),
    )
)


@pytest.mark.parametrize("data", ["spirals", "rings", "xor", "signal", "digits"])
def test_every_setting_has_a_cell_that_runs_the_same(data, engine):
    """Each data set with each optimiser, start and normalisation; branches in turn."""
    packed = "null"
    if data == "digits":
        packed = scripts.digits().removeprefix("window.actlabDigits = ").strip(";\n")
    engine.eval(f"var packed = {packed}")
    for k, (name, optimiser, start, norm) in enumerate(COMBINATIONS):
        if name != data:
            continue
        address = (
            f"f=gelu&data={data}&optimiser={optimiser}&start={start}&norm={norm}"
            f"&layers=7-7&batch=20&rate=0.02&gain=1.2&seed={k}&noise=0.1&step=8"
            f"&branch={('none', 'one', 'depth')[k % 3]}&bias={('0', '0.1')[k % 2]}"
        )
        found = f"stateOf({json.dumps(address)}, ROWS)"
        assert evaluate(engine, f"{found}.complaints") == []
        engine.eval(
            f"var single = new Session({{ ...{found}.state, step: 0 }}, ROWS, packed)"
        )
        side = evaluate(engine, "walk(single, 8).look(false)")["sides"][0]
        names: dict = {}
        exec(engine.eval(f"pythonOf({found}.state)"), names)
        run = names["run"]
        loss, accuracy = training.evaluate(
            run.network, run.data.x_test, run.data.y_test
        )
        assert side["test"]["loss"] == pytest.approx(loss, rel=1e-9), address
        if data != "signal":
            assert side["test"]["accuracy"] == pytest.approx(accuracy), address
        dead = probes.dead_units(run.network, run.data.x_train)
        assert [layer["dead"] for layer in side["layers"]] == dead.counts, address


def test_the_copied_cell_runs_in_a_python_of_its_own(engine):
    cell = engine.eval(f"pythonOf(stateOf({json.dumps(ADDRESS)}, ROWS).state)")
    code = Path(__file__).resolve().parents[2] / "code"
    done = subprocess.run(
        [sys.executable, "-c", cell],
        env={**os.environ, "PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    sides = evaluate(engine, f"walk(open({json.dumps(ADDRESS)}).session, 60).look()")
    printed = re.findall(r"\(([\d.]+), ([\d.]+)\)", done.stdout)
    assert len(printed) == 2
    for (loss, _), side in zip(printed, sides["sides"], strict=True):
        assert float(loss) == pytest.approx(side["test"]["loss"], rel=1e-9)


SIGNAL = "f=gelu&data=signal&layers=6-6&step=40&start=own&gain=1.3"
XOR = "f=relu&data=xor&layers=5&step=30&start=matched&bias=-0.2&branch=depth"


@pytest.mark.parametrize("address", [ADDRESS, SIGNAL, XOR], ids=["rings", "own", "xor"])
def test_the_copied_cell_is_the_same_experiment(address, engine, capsys):
    cell = engine.eval(f"pythonOf(stateOf({json.dumps(address)}, ROWS).state)")
    names: dict = {}
    exec(cell, names)  # the page wrote it, out of settings that it had checked
    step = engine.eval(f"stateOf({json.dumps(address)}, ROWS).state.step")
    look = evaluate(engine, f"walk(open({json.dumps(address)}).session, {step}).look()")
    run, side = names["run"], look["sides"][-1]
    loss, accuracy = training.evaluate(run.network, run.data.x_test, run.data.y_test)
    assert side["test"]["loss"] == pytest.approx(loss, rel=1e-9)
    if side["test"]["accuracy"] is not None:
        assert side["test"]["accuracy"] == pytest.approx(accuracy)
    dead = probes.dead_units(run.network, run.data.x_train)
    assert [layer["dead"] for layer in side["layers"]] == dead.counts
    assert capsys.readouterr().out


def test_every_challenge_is_set_up_by_an_address_that_can_be_read(engine):
    challenges = evaluate(
        engine,
        "CHALLENGES.map((c) => ({ id: c.id, options: c.options.length, right: c.right,"
        " chapter: c.chapter, complaints: stateOf(c.setup, ROWS).complaints }))",
    )
    assert len({challenge["id"] for challenge in challenges}) >= 10
    for challenge in challenges:
        assert challenge["complaints"] == []
        assert 0 <= challenge["right"] < challenge["options"]


def test_digits_are_the_packages(engine):
    from actlab import datasets

    script = scripts.digits().removeprefix("window.actlabDigits = ").strip(";\n")
    packed = json.loads(script)
    expected = datasets.digits()
    engine.eval(f"var digits = dataOf('digits', 1, 0, {script})")
    assert evaluate(engine, "[...digits.train.x.slice(0, 640)]") == (
        expected.x_train[:10].flatten().tolist()
    )
    assert evaluate(engine, "[...digits.test.y]") == expected.y_test.tolist()
    assert packed["train"] == len(expected.x_train)


# What the chapters open the laboratory with.
EXPERIMENTS = {
    **PRESETS,
    "03, start": "v=1&f=sigmoid&data=rings&layers=8-8-8-8&start=own&gain=4"
    "&optimiser=sgd&rate=0.1",
    "03, Adam": "v=1&f=sigmoid&data=rings&layers=8-8-8-8&start=default",
}


def test_what_chapters_link_to_can_be_read(engine):
    for address in EXPERIMENTS.values():
        found = evaluate(engine, f"stateOf({json.dumps(address)}, ROWS)")
        assert found["complaints"] == [], address
        assert found["state"]["f"], address
