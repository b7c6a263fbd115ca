"""The exercises' scripts in a JavaScript engine, for the tests of the engine."""

from __future__ import annotations

import json
import math

import pytest
from py_mini_racer import MiniRacer

from course.exercises import render


@pytest.fixture(scope="session")
def browser_engine():
    """The squeezed scripts in a real JavaScript engine, without a page around them."""
    engine = MiniRacer()
    engine.eval("globalThis.kept = {};")
    engine.eval(
        "globalThis.localStorage = {getItem: k => kept[k] ?? null,"
        " setItem: (k, v) => { kept[k] = v; }};"
    )
    engine.eval(
        "globalThis.atob = text => { const all = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        "abcdefghijklmnopqrstuvwxyz0123456789+/'; let bits = 0, n = 0, out = '';"
        "for (const c of text.replace(/=+$/, '')) { const i = all.indexOf(c);"
        "if (i < 0) throw Error('bad'); bits = bits * 64 + i; n += 6;"
        "if (n >= 8) { n -= 8; out += String.fromCharCode(bits >> n);"
        "bits &= (1 << n) - 1; } } return out; };"
    )
    scripts = ("number", "choice", "order", "ask", "predict", "curve", "progress")
    engine.eval(render.script(*scripts))
    # a page that has whatever is asked of it: each query finds a node of this kind
    engine.eval(
        "globalThis.shown = 0; globalThis.CustomEvent = function () {};"
        "globalThis.page = () => { const node = () => new Proxy(function () {}, {"
        "get: (_, name) => name === 'querySelectorAll' ? () => Array.from({length: 9},"
        " node) : name === 'children' ? [] : name === 'hidden' ? true :"
        " name === Symbol.toPrimitive ? () => 1 : name === 'value' ? '' : node(),"
        "set: (_, name, value) => { if (name === 'hidden' && value === false)"
        " shown = 1; return true; }, apply: () => node() }); return node(); };"
        "globalThis.document = page();"
    )
    engine.eval(  # JSON has no infinity and no negative zero
        "actlabExercises.readingsAsText = (text, unit) => actlabExercises"
        ".readings(text, unit).map(v => Object.is(v, -0) ? '-0' : String(v));"
    )
    return engine


@pytest.fixture(scope="session")
def browser(browser_engine):
    """Calls a function of the scripts with JSON in and JSON out."""

    def call(name, *arguments):
        text = ",".join(json.dumps(argument) for argument in arguments)
        code = f"JSON.stringify(actlabExercises.{name}({text})) ?? 'null'"
        return json.loads(browser_engine.eval(code))

    return call


@pytest.fixture(scope="session")
def browser_readings(browser):
    def read(text, unit):
        found = browser("readingsAsText", text, unit)
        names = {"Infinity": math.inf, "-Infinity": -math.inf}
        return [str(float(names.get(value, value))) for value in found]

    return read
