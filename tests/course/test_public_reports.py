"""Public reports of other projects, tried here: `public_reports.yml` lists them."""

from __future__ import annotations

import base64
import copy
import io
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import torch
import yaml
from torch import nn

import lone_notebooks
import setup_cell
from actlab import activations, catalogue, datasets, networks, probes, training
from actlab.curvature import LossSurface
from actlab.interactive import explorer
from actlab.properties import property_sheet
from course.exercises import core
from course.exercises.grading import readings
from course.exercises.report import answer_from_source

ROOT = Path(__file__).resolve().parents[2]
REPORTS = yaml.safe_load(
    Path(__file__).with_name("public_reports.yml").read_text(encoding="utf-8")
)
CASES: dict[str, Callable] = {}


def case(function: Callable) -> Callable:
    """Register what tries the report of that name."""
    CASES[function.__name__] = function
    return function


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report["case"])
def test_report(report, browser, browser_engine, tmp_path):
    tools = {"browser": browser, "engine": browser_engine, "folder": tmp_path}
    function = CASES[report["case"]]
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    function(*(tools[name] for name in names))


def test_the_table_is_whole(capsys):
    with capsys.disabled():
        print(f"\n{len(REPORTS)} public reports tried here", end=" ")
    assert {report["case"] for report in REPORTS} == set(CASES)
    for report in REPORTS:
        assert set(report) == {"case", "source", "met", "ours"}
        assert all(report[key].strip() for key in ("met", "ours"))
    assert sum(bool(report["source"]) for report in REPORTS) >= 21


# -- formulas and modules --------------------------------------------------------------


@case
def overflow():
    tanh, e = property_sheet("tanh"), "(exp(x) - exp(-x)) / (exp(x) + exp(-x))"
    typed = property_sheet(e)
    assert (typed.monotone, typed.saturation) == (tanh.monotone, tanh.saturation)
    assert typed.lipschitz == pytest.approx(1.0, rel=1e-6)
    mish = property_sheet("x * (1 - 2 / ((1 + exp(x))**2 + 1))")
    assert mish.lipschitz == pytest.approx(property_sheet("mish").lipschitz, rel=1e-5)
    assert mish.limits == property_sheet("mish").limits


@case
def integers():
    whole = torch.arange(-2, 3)
    with pytest.raises(TypeError):
        activations.Sine()(whole)
    for row in catalogue.ROWS:
        if row.expr is None:
            continue
        try:
            value = row.make()(whole[None])
        except (TypeError, RuntimeError):
            continue  # refused, which is as good
        exact = row.make()(whole[None].float())
        assert torch.allclose(value.float(), exact, equal_nan=True), row.key


@case
def formulas_like_names():
    for text in ("-x", "x-1", "2-x", "x-e"):
        assert "<svg" in explorer(text)._repr_html_()
    assert property_sheet("x-e").lipschitz == pytest.approx(1.0)
    with pytest.raises(LookupError, match="relu"):
        property_sheet("rleu")


@case
def stored_and_unused():
    x = torch.linspace(-4, 4, 161, dtype=torch.float64)[:, None]
    for row in catalogue.ROWS:
        if row.expr is None:
            continue
        for name, value in row.trial().items():
            both = (row.make(**given).double().eval() for given in ({}, {name: value}))
            if row.key == "rrelu":  # whose two bounds move together
                both = (nn.RReLU(0.1, 0.3).eval(), nn.RReLU(0.1, 0.5).eval())
            default, other = (module(x) for module in both)
            assert not torch.equal(default, other), (row.key, name)


@case
def random_under_vmap():
    net = networks.MLP([4, 5, 2], "rrelu", seed=0).eval()
    surface = LossSurface(net, X[:, :4], torch.arange(32) % 2)
    vectors = torch.eye(surface.size)[:3]
    together = surface.hessian_product(vectors)
    for one, product in zip(vectors, together, strict=True):
        assert torch.allclose(surface.hessian_product(one), product, atol=1e-6)


@case
def row_of_minus_infinity():
    row = torch.full((1, 3), -torch.inf)
    assert catalogue.get("softmax").make()(row).isnan().all()
    masked = "lambda s, a: torch.where(a, s, torch.tensor(-torch.inf)).softmax(2)"
    assert graded("6.6", masked) == "right"


@case
def run_again():
    runs = [
        training.fit(
            networks.MLP([64, 8, 10], "relu", seed=3),
            datasets.digits(),
            epochs=1,
            lr=0.1,
            seed=3,
            progress=False,
        )
        for _ in range(2)
    ]
    assert runs[0].history["test_accuracy"].equals(runs[1].history["test_accuracy"])
    assert runs[0].history["train_loss"].equals(runs[1].history["train_loss"])


# -- instruments -----------------------------------------------------------------------


def small(*first: nn.Module, inplace: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        *first, nn.Linear(16, 8), nn.ReLU(inplace=inplace), nn.Linear(8, 3)
    )


def hooks(network: nn.Module) -> int:
    every = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    return sum(len(getattr(m, name)) for m in network.modules() for name in every)


X = torch.randn(32, 16, generator=torch.Generator().manual_seed(1))


@case
def copies():
    network = small()
    with probes.watch(network, every=1) as trace:
        network(X).sum().backward()
        other = copy.deepcopy(network)
        assert hooks(network) > 0 and hooks(other) == 0
        other(X).sum().backward()
    assert trace.passes == 1 and hooks(network) == 0
    file = io.BytesIO()
    torch.save(other, file)
    assert b"actlab" not in file.getvalue()


@case
def compiled():
    torch._dynamo.reset()
    network = small()
    quick = torch.compile(network, backend="eager")
    quick(X)
    assert probes.dead_units(quick, X).counts == probes.dead_units(network, X).counts
    with pytest.raises(ValueError, match="compiled"), probes.watch(quick):
        quick(X)
    torch._dynamo.reset()


class Flat(nn.Module):
    """A flattening module as people write it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(len(x), -1)


@case
def what_counts():
    found = probes.dead_units(small(Flat()), X.relu().reshape(32, 4, 4))
    assert list(found.kinds) == ["ReLU"] and found.sizes == [8]


@case
def no_batch_axis():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    with pytest.raises(ValueError, match="batch axis"):
        probes.dead_units(network, torch.rand(1, 8, 8))


@case
def in_place():
    plain, inplace = small(), small(inplace=True)
    inplace.load_state_dict(plain.state_dict())
    assert probes.dead_units(plain, X).counts == probes.dead_units(inplace, X).counts
    y = torch.arange(32) % 3
    tables = [probes.snapshot(network, X, y) for network in (plain, inplace)]
    assert tables[0].equals(tables[1])


# -- answers ---------------------------------------------------------------------------


def graded(id: str, source: str) -> str:
    return core.grade(core.exercise(id), answer_from_source(source)).status


@case
def raised_digits():
    typed = {"10⁻¹¹": 1e-11, "1×10⁻²": 0.01, "¼": 0.25, "½": 0.5, "0.25.": 0.25}
    for text, value in typed.items():
        assert readings(text) == [value], text


@case
def equal_numbers():
    sigmoid = "lambda x: 0.5 * (1 + torch.tanh(x / 2))"
    got = core.grade(core.exercise("3.4"), answer_from_source(sigmoid))
    assert got.status == "wrong"
    expected = got.text.split("expected ")[1].split(", got ")[0]
    assert expected != got.text.split(", got ")[1].split(". ")[0]


def sealed(rows: list) -> str:
    text = base64.urlsafe_b64encode(json.dumps(rows).encode()).decode().rstrip("=")
    return f"actlab1.{text}.{zlib.adler32(text.encode()):08x}"


@case
def older_import(browser, engine):
    right = {"answer": {"slope": "0.25"}, "status": "right", "tries": 2}
    browser("save", "actlab.ask.0.2", right)
    browser("importCode", sealed([["0.2", "wrong", {"slope": "0.5"}]]))
    assert browser("load", "actlab.ask.0.2") == right
    engine.eval("actlabExercises.forget()")


@case
def storage_blocked(engine):
    found = engine.eval(
        "const held = globalThis.localStorage; globalThis.localStorage = new Proxy({},"
        "{get() { throw Error('denied'); }});"
        "actlabExercises.save('actlab.ask.9.8', {status: 'right'});"
        "const kept_9_8 = actlabExercises.load('actlab.ask.9.8').status;"
        "actlabExercises.forget(); globalThis.localStorage = held; kept_9_8"
    )
    assert found == "right"


@case
def one_cell_after_a_restart():
    (path,) = (ROOT / "chapters").glob("01-*.ipynb")
    source = lone_notebooks.code_solutions(nbformat.read(path, as_version=4))["1.4"]
    alone: dict = {"torch": torch, "nn": nn}
    exec(source, alone)
    got = core.grade(core.exercise("1.4"), alone["xor"])
    assert got.status == "input" and "`step` is not defined" in got.text


# -- where the course is found ---------------------------------------------------------


def course_at(folder: Path) -> Path:
    """A course of two empty packages in a folder."""
    for name in ("actlab", "course"):
        (folder / "code" / name).mkdir(parents=True)
        (folder / "code" / name / "__init__.py").write_text("")
    return folder


def set_up(folder: Path, source: str = "", **more: str) -> subprocess.CompletedProcess:
    """The setup cell run in a folder by a Python that does not know the course."""
    environment = os.environ | {"HOME": str(folder), "ACTLAB_REPO": source} | more
    environment.pop("PYTHONPATH", None)
    code = setup_cell.stamped_source("", "") + "\nimport actlab; print(actlab.__file__)"
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True
    )


@case
def kernel_one_folder_up(folder):
    course_at(folder / "clone")
    assert str(folder / "clone" / "code") in set_up(folder).stdout


@case
def folder_of_the_same_name(folder):
    (folder / "here" / "actlab").mkdir(parents=True)
    course = course_at(folder / "course")
    done = set_up(folder / "here", str(course))
    assert str(course / "code" / "actlab") in done.stdout, done.stderr


@case
def setup_fails(folder):
    secret = "https://user:TOKEN@localhost:1/course"
    for source, more in (("/no/such/folder", {}), (secret, {"PATH": "/nowhere"})):
        done = set_up(folder, source, **more)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("ModuleNotFoundError: ")
        assert "TOKEN" not in done.stderr and "CalledProcess" not in done.stderr
    assert not list(folder.rglob("partial-*"))


@case
def folder_called_code():
    program = "import code, pdb; print(code.InteractiveConsole.__module__, pdb.Pdb)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.startswith("code <class 'pdb.Pdb'"), done.stderr


@case
def blanks_in_paths(folder):
    here = folder / "Übung 1 & more"
    course_at(here / "course copy")
    assert "course copy" in set_up(here).stdout
