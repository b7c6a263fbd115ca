"""What an activation costs: time forward and backward, memory kept, share of a step.

Times of different runs on different machines do not compare; ratios to ReLU within one
run do, more or less. So each function is timed in turn with ReLU, round after round,
and what is reported is the median of the rounds' ratios with their range.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils import benchmark

from . import catalogue
from .networks import MLP

__all__ = ["compiler", "kept_for_backward", "measure", "step_share"]

REFERENCE = "relu"


def measure(
    keys: Iterable[str] | None = None,
    *,
    shape: tuple[int, ...] = (128, 1024),
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    rounds: int = 5,
    seconds: float = 0.01,
    compiled: bool = False,
) -> pd.DataFrame:
    """Return what each activation costs, as a multiple of what ReLU costs.

    Parameters
    ----------
    keys : rows of the catalogue; None for all.
    shape : of the input, drawn from N(0, 1); the last axis divisible by 4, because some
        functions work in groups along it.
    dtype, device : of the input and of the module.
    rounds : how often each function is timed in turn with ReLU.
    seconds : how long one timing lasts at least.
    compiled : time ``torch.compile``'s code for the function (and for ReLU) in place of
        eager kernels; takes seconds per function, and a C++ compiler on a CPU.

    One row per function, on one thread: key, name; forward and backward (median ratio
    to ReLU's time), each with ``_low`` and ``_high`` (smallest and largest round) and
    ``_us`` (median microseconds, of this machine only); and the columns of
    :func:`kept_for_backward`.  Backward includes the gradients of learnt parameters.

    Raises ``RuntimeError`` if ``compiled`` and there is no compiler, ``ValueError`` for
    a shape or number that cannot be.  Chapter 13.
    """
    if not shape or shape[-1] % 4 or min(shape) < 1:
        raise ValueError(f"shape is {shape}; give a last axis divisible by 4")
    if rounds < 1 or not seconds > 0:
        raise ValueError(f"rounds is {rounds} and seconds {seconds}; both are positive")
    if compiled and device == "cpu" and compiler() is None:
        raise RuntimeError(
            "torch.compile needs a C++ compiler on a CPU, and none was found; install "
            "one (Debian: g++) or leave compiled=False"
        )
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    x = x.to(device=device, dtype=dtype).requires_grad_()
    rows = [catalogue.get(key) for key in (keys or catalogue.CATALOGUE)]
    reference = _Timers(catalogue.get(REFERENCE).make(), x, seconds, compiled)
    table = []
    for row in rows:
        timers = _Timers(row.make(), x, seconds, compiled)
        record: dict[str, Any] = {"key": row.key, "name": row.name}
        for direction in ("forward", "backward"):
            record |= _ratios(direction, timers, reference, rounds)
        table.append(record | kept_for_backward(row.make(), x))
    return pd.DataFrame(table)


def kept_for_backward(activation: nn.Module, x: Tensor) -> dict[str, float]:
    """Return what autograd keeps alive between an activation's forward and backward.

    Parameters
    ----------
    activation : any module.
    x : its input, of any shape; it is neither changed nor kept.

    ``keeps_input`` and ``keeps_output`` say whether those are among it: an output is
    kept anyway by the linear layer that follows, an input would be freed.
    ``kept_else`` is the rest, in bytes per element of the input, each memory counted
    once.  Chapter 13.
    """
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        alive.append(tensor)  # or its address would be used again
        return tensor

    alive: list[Tensor] = []
    activation = activation.to(device=x.device, dtype=x.dtype)
    x = x.detach().clone().requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = activation(x)
    own = {p.untyped_storage().data_ptr() for p in activation.parameters()}
    inside, outside = (t.untyped_storage().data_ptr() for t in (x, output))
    rest = sum(n for at, n in kept.items() if at not in own | {inside, outside})
    return {
        "keeps_input": inside in kept,
        "keeps_output": outside in kept,
        "kept_else": rest / x.numel(),
    }


def step_share(
    key: str,
    *,
    sizes: tuple[int, ...] = (784, 256, 192, 128, 64, 10),
    batch_size: int = 128,
    rounds: int = 5,
    seconds: float = 0.02,
) -> dict[str, float]:
    """Return which share of a training step an activation takes in an MLP.

    Parameters
    ----------
    key : a scalar row of the catalogue.
    sizes, batch_size : of the network and its batch.
    rounds, seconds : as in :func:`measure`.

    The share is (t − t₀)/t, where t₀ is the time of the same network without
    activation: ``share`` the median over rounds, ``low`` and ``high`` their range, and
    ``step_us`` the median of t in microseconds.  A step is forward, backward and SGD,
    on one thread.  Chapter 13.
    """
    with_it, without = (_step(sizes, batch_size, name) for name in (key, None))
    calls = [_calls(step, seconds) for step in (with_it, without)]
    times = np.array(
        [
            [_timer(step).timeit(n).mean for step, n in zip((with_it, without), calls)]
            for _ in range(rounds)
        ]
    )
    shares = 1 - times[:, 1] / times[:, 0]
    return {
        "share": float(np.median(shares)),
        "low": float(shares.min()),
        "high": float(shares.max()),
        "step_us": float(np.median(times[:, 0]) * 1e6),
    }


def compiler() -> str | None:
    """Return the C++ compiler that ``torch.compile`` would find; None if none."""
    names = (os.environ.get("CXX"), "c++", "g++", "clang++", "cl")
    return next((path for name in names if name and (path := shutil.which(name))), None)


class _Timers:
    """The two calls to time for one activation, and how often in one timing."""

    def __init__(
        self, activation: nn.Module, x: Tensor, seconds: float, compiled: bool
    ) -> None:
        activation = activation.to(device=x.device, dtype=x.dtype)
        learnt = [p for p in activation.parameters() if p.requires_grad]
        if compiled:
            activation = torch.compile(activation, dynamic=False)
        output = activation(x)
        upstream = torch.ones_like(output)
        inputs = [x, *learnt]

        def backward() -> None:
            torch.autograd.grad(
                output, inputs, upstream, retain_graph=True, allow_unused=True
            )

        self.calls = {"forward": lambda: activation(x), "backward": backward}
        self.repeats = {name: _calls(f, seconds) for name, f in self.calls.items()}

    def time(self, direction: str) -> float:
        """Return the seconds of one call."""
        timer = _timer(self.calls[direction])
        return timer.timeit(self.repeats[direction]).mean


def _ratios(
    direction: str, timers: _Timers, reference: _Timers, rounds: int
) -> dict[str, float]:
    pairs = np.array(
        [(timers.time(direction), reference.time(direction)) for _ in range(rounds)]
    )
    ratios = pairs[:, 0] / pairs[:, 1]
    return {
        direction: float(np.median(ratios)),
        f"{direction}_low": float(ratios.min()),
        f"{direction}_high": float(ratios.max()),
        f"{direction}_us": float(np.median(pairs[:, 0]) * 1e6),
    }


def _timer(call: Callable[[], Any]) -> benchmark.Timer:
    return benchmark.Timer("call()", globals={"call": call}, num_threads=1)


def _calls(call: Callable[[], Any], seconds: float) -> int:
    """Return how many calls last about ``seconds``, after one to warm up."""
    timer = _timer(call)
    timer.timeit(1)
    return max(1, math.ceil(seconds / max(timer.timeit(2).mean, 1e-9)))


def _step(
    sizes: tuple[int, ...], batch_size: int, key: str | None
) -> Callable[[], None]:
    """Return one training step of an MLP on random inputs as a call."""
    network = MLP(sizes, key, seed=0)
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(batch_size, sizes[0], generator=draw)
    y = torch.randint(sizes[-1], (batch_size,), generator=draw)
    # A step size of zero: the work of a step, and weights that stay as they are.
    stepper = torch.optim.SGD(network.parameters(), lr=0.0)

    def step() -> None:
        stepper.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        stepper.step()

    return step
