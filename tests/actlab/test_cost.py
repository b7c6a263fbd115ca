"""Cost and precision: known orders, known limits, and bad input."""

import functools
import hashlib
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from actlab import catalogue, cost, precision


@pytest.fixture(scope="module")
def table():
    keys = ("relu", "gelu", "prelu", "swiglu", "step")
    found = cost.measure(keys, shape=(128, 1024), rounds=5, seconds=0.004)
    return found.set_index("key")


def test_relu_costs_what_relu_costs(table):
    assert table.loc["relu", "forward"] == pytest.approx(1, abs=0.6)
    assert (table["forward_low"] <= table["forward"]).all()
    assert (table["forward"] <= table["forward_high"]).all()
    assert (table["forward_us"] > 0).all()


def test_an_error_function_costs_more(table):
    assert table.loc["gelu", "forward"] > 1.2


def test_backward_has_a_time_of_its_own(table):
    assert (table["backward_us"] > 0).all()
    # The gradient of a learnt slope is a sum over the whole input besides.
    assert table.loc["prelu", "backward"] > 1


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        # By the formula of each gradient: ReLU and tanh need only their output, SiLU
        # and GELU need their input.
        (nn.ReLU(), (False, True, 0)),
        (nn.Tanh(), (False, True, 0)),
        (nn.SiLU(), (True, False, 0)),
        (nn.GELU(), (True, False, 0)),
        (nn.Identity(), (False, False, 0)),
    ],
)
def test_what_is_kept_for_backward(activation, expected):
    kept = cost.kept_for_backward(activation, torch.randn(8, 16))
    found = (kept["keeps_input"], kept["keeps_output"], kept["kept_else"])
    assert found == expected


def test_a_formula_in_python_keeps_every_step():
    class Naive(nn.Module):
        def forward(self, x):
            return x * torch.sigmoid(x * 1.0)

    kept = cost.kept_for_backward(Naive(), torch.randn(8, 16))
    assert kept["keeps_input"] and kept["kept_else"] == 4  # the sigmoid, in float32


def test_step_share_goes_to_the_device_that_it_is_told():
    with pytest.raises(RuntimeError, match="nowhere"):
        cost.step_share("gelu", sizes=(8, 16, 2), device="nowhere")


def test_step_share_is_a_share():
    share = cost.step_share("gelu", sizes=(8, 16, 2), rounds=3, seconds=0.002)
    assert share["low"] <= share["share"] <= share["high"] < 1
    assert share["step_us"] > 0


@pytest.mark.skipif(cost.compiler() is None, reason="no C++ compiler here")
def test_nothing_is_compiled_again_while_it_is_timed(monkeypatch):
    # The eager backend compiles in no time; what makes code stale is the same for all.
    compiled = functools.partial(torch.compile, backend="eager")
    monkeypatch.setattr(torch, "compile", compiled)
    keys = ("relu", "elish", "lisht", "telu", "arctan", "isru", "gaussian", "square",
            "newfun", "swigelu")  # fmt: skip
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with torch._dynamo.config.patch(error_on_recompile=True):
            table = cost.measure(
                keys, shape=(4, 8), rounds=1, seconds=1e-4, compiled=True
            )
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert list(table["key"]) == list(keys)


@pytest.mark.parametrize(
    "key, kind", [("swish", nn.SiLU), ("softmax", nn.Softmax), ("gelu_tanh", nn.GELU)]
)
def test_what_a_user_would_take_is_timed(key, kind):
    row, x = catalogue.get(key), torch.randn(3, 4)
    used = cost.as_used(row)
    assert type(used) is kind
    torch.testing.assert_close(used(x), row.make()(x))


def test_a_formula_is_timed_as_it_is_spelled_on_request():
    found = {
        spelled: cost.measure(
            ("swish",), shape=(4, 8), rounds=1, seconds=1e-4, spelled=spelled
        ).loc[0, "operations"]
        for spelled in (False, True)
    }
    assert found == {False: 1, True: 3}


def test_compiled_code_is_timed():
    row = cost.measure(("tanh",), shape=(4, 8), rounds=1, seconds=1e-3, compiled=True)
    assert row["forward_us"].iloc[0] > 0


def test_no_compiler_is_said(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert cost.compiler() is None
    with pytest.raises(RuntimeError, match="needs a C\\+\\+ compiler"):
        cost.measure(("relu",), compiled=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": (3, 5)}, "divisible by 4"),
        ({"rounds": 0}, "rounds is 0"),
        ({"seconds": 0}, "both are positive"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        cost.measure(("relu",), **change)
    with pytest.raises(catalogue.UnknownActivationError):
        cost.measure(("relo",))


@pytest.mark.parametrize(("what", "rows"), [("costs", 312), ("precision", 378)])
def test_a_gpu_s_table_is_the_one_of_its_provenance(what, rows):
    table, origin = cost.on_gpu(what), cost.provenance(f"gpu-{what}")
    text = (Path(cost.__file__).parent / f"gpu-{what}.csv").read_bytes()
    assert origin["table_sha256"] == hashlib.sha256(text).hexdigest()
    assert len(table) == rows and set(table["key"]) <= set(catalogue.CATALOGUE)
    assert origin["device"] and origin["versions"]["torch"]
    with pytest.raises(ValueError, match="choose from costs, precision"):
        cost.on_gpu("speed")


def test_single_kernels_cost_on_a_gpu_what_relu_costs():
    large = cost.on_gpu().query("case == 'large' and dtype == 'float32'")
    forward = large.set_index("key")["forward"]
    assert forward[["gelu", "mish", "elu", "tanh", "sigmoid"]].between(0.9, 1.1).all()
    assert forward["bspline"] > 50


# Precision -------------------------------------------------------------------------


def test_numbers_are_all_of_them():
    half = precision.numbers(torch.float16)
    assert len(half) == 2**16 - 2 * 2**10  # an exponent of ones means inf or nan
    assert half[0].item() == -65504 and (half.diff() >= 0).all()
    single = precision.numbers(torch.float32)
    assert single.dtype == torch.float32 and len(single) > 60_000
    assert single.abs().max() > 1e38 and (single == 0).any()
    with pytest.raises(ValueError, match="float64"):
        precision.numbers(torch.float64)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_slope(x):
    return sigmoid(x) * sigmoid(-x)


def test_a_copied_formula_is_found_out():
    """exp(x) of float16 is inf beyond log 65504 = 11.09, and inf/inf is nan."""
    naive = precision.scan(
        lambda x: x.exp() / (1 + x.exp()), sigmoid, sigmoid_slope, torch.float16
    )
    x = precision.numbers(torch.float16).double()
    assert naive["value_nan"] == (x > math.log(65520)).sum().item()
    assert naive["gradient_nan"] > 0
    stable = precision.scan(torch.sigmoid, sigmoid, sigmoid_slope, torch.float16)
    assert stable["value_nan"] == stable["gradient_nan"] == 0
    assert stable["value_error"] < 1


def test_a_gradient_is_lost_where_the_output_rounds_to_one():
    """s·(1 − s) is 0 once s rounds to 1: in float16 beyond 11 log 2 + log 2 = 8.3."""
    found = precision.scan(torch.sigmoid, sigmoid, sigmoid_slope, torch.float16)
    assert found["gradient_lost_right"] == pytest.approx(12 * math.log(2), abs=0.05)
    assert math.isnan(found["gradient_lost_left"])


def test_an_early_overflow_is_found():
    """x² over x: the square overflows where the quotient would not."""
    found = precision.scan(
        lambda x: x * x / x.abs().clamp(min=1e-3),
        lambda x: x * x / np.maximum(np.abs(x), 1e-3),
        lambda x: np.where(np.abs(x) > 1e-3, np.sign(x), 2e3 * x),
        torch.float16,
    )
    assert found["value_overflow"] == pytest.approx(256, rel=0.01)


def changing() -> nn.Module:
    class Counting(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return torch.tanh(x) + self.calls

    return Counting()


@pytest.mark.parametrize(
    "function, error, message",
    [
        (lambda x: x.tanh().sum(), ValueError, r"into \(\); a scan needs one"),
        (lambda x: x.tanh()[:, None], ValueError, r", 1\); a scan needs one"),
        (lambda x: x.tanh().tolist(), TypeError, "returned a list"),
        (lambda x: None, TypeError, "returned a NoneType"),
        (lambda x: np.tanh(x.detach().numpy()), TypeError, "returned a ndarray"),
        (lambda x: x.int(), TypeError, "torch.int32; a scan needs real floats"),
        (lambda x: x.float() + 0j, TypeError, "complex64; a scan needs real floats"),
        (lambda x: x.detach().tanh(), ValueError, "no gradient comes back"),
        (lambda x: x * torch.rand_like(x), ValueError, "random or keeps something"),
        (changing(), ValueError, "random or keeps something"),
        (lambda x: x.softmax(0), ValueError, "depends on the other numbers"),
    ],
)
def test_a_scan_of_what_is_no_such_function_says_why(function, error, message):
    slope = catalogue.get("tanh").numpy_derivative()
    with pytest.raises(error, match=message):
        precision.scan(function, np.tanh, slope, torch.float16)


@pytest.mark.parametrize("dtype", precision.DTYPES.values())
@pytest.mark.parametrize("function", [torch.tanh_, torch.jit.script(nn.Tanh())])
def test_a_scan_does_not_depend_on_how_a_function_is_written(function, dtype):
    slope = catalogue.get("tanh").numpy_derivative()
    plain = precision.scan(torch.tanh, np.tanh, slope, dtype)
    assert precision.scan(function, np.tanh, slope, dtype) == pytest.approx(
        plain, nan_ok=True
    )


def test_table_of_rows():
    table = precision.table(("relu", "gelu"), ("float16",)).set_index("key")
    assert table.loc["relu", "value_error"] == 0
    assert table.loc["relu", "gradient_nan"] == 0
    assert math.isnan(table.loc["relu", "value_overflow"])
    assert set(table["dtype"]) == {"float16"}
    with pytest.raises(ValueError, match="unknown dtype 'float8'"):
        precision.table(("relu",), ("float8",))
    with pytest.raises(ValueError, match="scan scalar rows"):
        precision.table(("softmax",))
