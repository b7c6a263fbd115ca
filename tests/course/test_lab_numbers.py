"""The laboratory's elementary functions against fifty digits of mpmath."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable

import mpmath
import pytest
from py_mini_racer import MiniRacer

from course.lab import scripts

FUNCTIONS: dict[str, tuple[Callable, float, float]] = {
    "exp": (mpmath.exp, -740, 709),
    "expm1": (mpmath.expm1, -50, 700),
    "tanh": (mpmath.tanh, -22, 22),
    "sigmoid": (lambda x: 1 / (1 + mpmath.exp(-x)), -700, 40),
    "sinh": (mpmath.sinh, -700, 700),
    "cosh": (mpmath.cosh, -700, 700),
    "log": (mpmath.log, 1e-300, 1e6),
    "log1p": (mpmath.log1p, -0.999, 1e6),
    "softplus": (lambda x: mpmath.log1p(mpmath.exp(x)), -700, 700),
    "sin": (mpmath.sin, -1e5, 1e5),
    "cos": (mpmath.cos, -1e5, 1e5),
    "atan": (mpmath.atan, -1e4, 1e4),
    "asinh": (mpmath.asinh, -1e10, 1e10),
    "erf": (mpmath.erf, -7, 7),
    "erfc": (mpmath.erfc, -7, 20),
    "normalCdf": (mpmath.ncdf, -30, 9),
    "normalPdf": (mpmath.npdf, -30, 30),
}


@pytest.fixture(scope="module")
def engine() -> MiniRacer:
    engine = MiniRacer()
    engine.eval(scripts.read("numbers.js"))
    return engine


def places(low: float, high: float) -> list[float]:
    """Small and large numbers of both signs, and what lies between table entries."""
    draw = random.Random(1)
    near = [draw.uniform(-3, 3) for _ in range(150)]
    far = [draw.uniform(low, high) for _ in range(150)]
    small = [s * 10 ** draw.uniform(-12, 0) for s in (-1, 1) for _ in range(50)]
    grid = [k / 128 + s for k in range(-256, 257, 16) for s in (-1e-9, 0, 1e-9)]
    return [x for x in near + far + small + grid if low <= x <= high]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_few_units_in_the_last_place(name, engine):
    exact, low, high = FUNCTIONS[name]
    xs = places(low, high)
    found = json.loads(engine.eval(f"JSON.stringify({json.dumps(xs)}.map({name}))"))
    worst = 0.0
    with mpmath.workdps(50):
        for x, y in zip(xs, found, strict=True):
            right = exact(mpmath.mpf(x))
            apart = abs(mpmath.mpf(y) - right)
            worst = max(worst, float(apart / math.ulp(float(right) or 5e-324)))
    assert worst < 4


@pytest.mark.parametrize(
    "name, expected",
    [("tanh", "NaN,1,-1"), ("exp", "NaN,Infinity,0"), ("sigmoid", "NaN,1,0"),
     ("normalCdf", "NaN,1,0"), ("normalPdf", "NaN,0,0"), ("erf", "NaN,1,-1"),
     ("log", "NaN,Infinity,NaN"), ("sin", "NaN,NaN,NaN")],
)  # fmt: skip
def test_what_is_no_number_or_has_no_end(name, expected, engine):
    found = engine.eval(
        f"[NaN, Infinity, -Infinity].map((x) => String({name}(x))).join()"
    )
    assert found == expected
