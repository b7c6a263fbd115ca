"""What an activation costs: time forward and backward, memory kept, share of a step.

Times of different runs on different machines do not compare; ratios to ReLU within one
run do, more or less. So each function is timed in turn with ReLU, round after round,
and what is reported is the median of the rounds' ratios with their range. On a CPU the
clock counts the processor's time, so that other programs on the machine, which the
clock on the wall would charge to the function, hardly matter.

``python -m actlab.cost`` measures every row of the catalogue, or ``--only`` some of
them; :func:`recorded` is what it found on one machine.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils import benchmark
from torch.utils._python_dispatch import TorchDispatchMode

from .. import catalogue
from ..networks import MLP

__all__ = [
    "additions",
    "as_used",
    "clock_name",
    "compiler",
    "kept_for_backward",
    "measure",
    "on_gpu",
    "on_xeon",
    "operations",
    "provenance",
    "ratio",
    "recorded",
    "step_share",
]

REFERENCE = "relu"
TABLE = "activation-costs"
GPU = ("costs", "precision")  # tables of on_gpu
XEON = "xeon-costs"
ADDED = "added"  # the folder of those measured alone, a file each


def measure(
    keys: Iterable[str] | None = None,
    *,
    shape: tuple[int, ...] = (128, 1024),
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    rounds: int = 5,
    seconds: float = 0.01,
    compiled: bool = False,
    spelled: bool = False,
) -> pd.DataFrame:
    """Return what each activation costs, as a multiple of what ReLU costs.

    What is timed is what a user would use: PyTorch's own class where there is one.

    Parameters
    ----------
    keys : rows of the catalogue; None for all.
    shape : of the input, drawn from N(0, 1); the last axis divisible by 4, because some
        functions work in groups along it.
    dtype, device : of the input and of the module.
    rounds : how often each function is timed in turn with ReLU.
    seconds : how long one timing lasts at least.
    compiled : time ``torch.compile``'s code for the functions, still beside ReLU's
        eager kernel; takes seconds per function, and a C++ compiler on a CPU. Each is
        compiled anew, and nothing is compiled again while it is timed.
    spelled : time the course's own module also where PyTorch has a class, such as
        ``x * sigmoid(βx)`` in place of ``SiLU``.

    One row per function, on one thread: key, name; forward and backward (median ratio
    to ReLU's time), each with ``_low`` and ``_high`` (smallest and largest round) and
    ``_us`` (median microseconds, of this machine only); ``operations`` of the forward
    pass; and the columns of :func:`kept_for_backward`.  Backward includes the
    gradients of learnt parameters.

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
    reference = _passes(catalogue.get(REFERENCE).make(), x, compiled=False)
    table = []
    with _one_thread():
        for row in rows:
            make = row.make if spelled else partial(as_used, row)
            record: dict[str, Any] = {"key": row.key, "name": row.name}
            for direction, call in _passes(make(), x, compiled).items():
                found = ratio(
                    call, reference[direction], rounds=rounds, seconds=seconds
                )
                record[direction] = found.pop("ratio")
                record |= {f"{direction}_{what}": n for what, n in found.items()}
            record["operations"] = operations(make(), x)
            table.append(record | kept_for_backward(make(), x))
    return pd.DataFrame(table)


def as_used(row: catalogue.Activation) -> nn.Module:
    """Return a row's function as a user would take it, with its default parameters.

    That is PyTorch's own class where there is one, also where the course has a module
    with more parameters.  Chapter 13.
    """
    own, name = row.make(), (row.torch or "").removeprefix("torch.nn.")
    if not type(own).__module__.startswith("actlab.") or not hasattr(nn, name):
        return own
    return nn.Softmax(dim=-1) if name == "Softmax" else getattr(nn, name)()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let PyTorch use one thread inside, as the timer does.

    Compiled code belongs to a number of threads: compiled for two and timed on one, it
    would be compiled again, and after eight times PyTorch would stop compiling.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def ratio(
    call: Callable[[], Any],
    reference: Callable[[], Any],
    *,
    rounds: int = 5,
    seconds: float = 0.01,
) -> dict[str, float]:
    """Return how many times as long one call takes as another, timed in turn.

    Parameters
    ----------
    call, reference : functions without arguments.
    rounds, seconds : as in :func:`measure`.

    Returns ``ratio``, the median over the rounds, with ``low`` and ``high``, and
    ``us``, the median microseconds of ``call``; all on one thread.  Chapter 13.
    """
    calls = [_calls(f, seconds) for f in (call, reference)]
    pairs = np.array(
        [
            [_timer(f).timeit(n).mean for f, n in zip((call, reference), calls)]
            for _ in range(rounds)
        ]
    )
    ratios = pairs[:, 0] / pairs[:, 1]
    return {
        "ratio": float(np.median(ratios)),
        "low": float(ratios.min()),
        "high": float(ratios.max()),
        "us": float(np.median(pairs[:, 0]) * 1e6),
    }


def operations(function: Callable[[Tensor], Tensor], x: Tensor) -> int:
    """Return how many tensor operations a function runs on ``x``, views left out.

    A function that PyTorch has built in is one operation on a CPU, most of them one
    pass over the memory; a formula written in Python is one for each sign in it.
    Chapter 13.
    """
    if isinstance(function, nn.Module):
        function = function.to(device=x.device, dtype=x.dtype)
    with torch.no_grad(), _Counter() as counter:
        function(x.detach())
    return counter.count


class _Counter(TorchDispatchMode):
    """Count the operations that reach a kernel of their own."""

    count = 0

    def __torch_dispatch__(
        self,
        operation: OpOverload,
        types: Sequence[type],
        arguments: tuple[Any, ...] = (),
        keywords: dict[str, Any] | None = None,
    ) -> Any:
        result = operation(*arguments, **(keywords or {}))
        self.count += not operation.is_view
        return result


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
    device: str = "cpu",
    rounds: int = 5,
    seconds: float = 0.02,
) -> dict[str, float]:
    """Return which share of a training step an activation takes in an MLP.

    Parameters
    ----------
    key : a scalar row of the catalogue.
    sizes, batch_size : of the network and its batch.
    device, rounds, seconds : as in :func:`measure`.

    The share is (t − t₀)/t, where t₀ is the time of the same network without
    activation: ``share`` the median over rounds, ``low`` and ``high`` their range, and
    ``step_us`` the median of t in microseconds.  A step is forward, backward and SGD,
    on one thread.  Chapter 13.
    """
    with_it, without = (_step(sizes, batch_size, name, device) for name in (key, None))
    found = ratio(with_it, without, rounds=rounds, seconds=seconds)
    return {
        "share": 1 - 1 / found["ratio"],
        "low": 1 - 1 / found["low"],
        "high": 1 - 1 / found["high"],
        "step_us": found["us"],
    }


def recorded(added: bool = False) -> pd.DataFrame:
    """Return the costs of the catalogue's rows, measured in one run on one machine.

    Parameters
    ----------
    added : also return the functions that were measured alone since then (see
        ``recording``): ratios to ReLU as well, of another day, maybe another machine.

    One row per function and ``case``: "few" (512 numbers), "many" (131,072), "large"
    (16.8 million, some functions), "compiled" (as many, fewer functions) and, where it
    was recorded, "spelled" (131,072, the course's own modules where PyTorch has a class
    that the other cases time), each with the columns of :func:`measure`; and, where
    ``case`` is "many" and the function is a scalar one, ``share``, ``share_low``,
    ``share_high`` and ``step_us`` of
    :func:`step_share`.  Chapter 13.
    """
    table = _read(TABLE)
    if not added:
        return table
    rows = [row for key in additions() for row in provenance(key)["rows"]]
    # An empty column gets a type, or pandas has to guess one
    alone = pd.DataFrame(rows, columns=table.columns).astype(table.dtypes)
    return pd.concat([table, alone]) if rows else table


def on_gpu(what: str = "costs") -> pd.DataFrame:
    """Return what was measured on one GPU, an earlier run than :func:`recorded`'s.

    Parameters
    ----------
    what : "costs", one row per function, ``case`` ("few" 512, "many" 131,072, "large"
        16.8 million numbers) and ``dtype`` ("bfloat16" for "large" alone), with the
        columns of :func:`measure`; or "precision", one row per scalar function,
        ``dtype`` and ``device``, with the columns of ``precision.scan``.

    Where it comes from: ``provenance("gpu-costs")`` and ``"gpu-precision"``.  Raises
    ``ValueError`` for another name.  Chapter 13.
    """
    if what not in GPU:
        raise ValueError(f"what is {what!r}; choose from {', '.join(GPU)}")
    return _read(f"gpu-{what}")


def on_xeon() -> pd.DataFrame:
    """Return what an earlier run on another processor, an Intel Xeon, measured.

    The columns are those of :func:`recorded`, and so are the cases, "spelled" left out.
    Rows that ran another number of operations then are not in it: their code was
    written anew since, or the course's own module was timed in place of PyTorch's
    class. Where it comes from: ``provenance("xeon-costs")``.  Chapter 13.
    """
    table = _read(XEON)
    today = recorded().set_index(["case", "key"])["operations"]
    then = table.set_index(["case", "key"])["operations"]
    return table[(then == today.reindex(then.index)).to_numpy()]


def additions() -> list[str]:
    """Return the keys of the functions that were measured alone, sorted.

    Chapter 13.
    """
    folder = _file(ADDED)
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(f.name[:-5] for f in files if f.name.endswith(".json"))


def provenance(key: str | None = None) -> dict[str, Any]:
    """Return where :func:`recorded` comes from: command, versions, machine, date, load.

    Parameters
    ----------
    key : of a function that was measured alone; its ``rows`` are in it. None for the
        run of all; "gpu-costs" or "gpu-precision" for a table of :func:`on_gpu`;
        "xeon-costs" for :func:`on_xeon`.

    Chapter 13.
    """
    name = f"{TABLE}.json" if key is None else f"{ADDED}/{key}.json"
    if key in {XEON, *(f"gpu-{what}" for what in GPU)}:
        name = f"{key}.json"
    return json.loads(_file(name).read_text("utf-8"))


def _read(name: str) -> pd.DataFrame:
    with _file(f"{name}.csv").open("r", encoding="utf-8") as file:
        return pd.read_csv(file)


def _file(name: str) -> Traversable:
    return resources.files(__package__) / name


def compiler() -> str | None:
    """Return the C++ compiler that ``torch.compile`` would find; None if none."""
    names = (os.environ.get("CXX"), "c++", "g++", "clang++", "cl")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def _passes(
    activation: nn.Module, x: Tensor, compiled: bool
) -> dict[str, Callable[[], Any]]:
    """Return an activation's forward and backward pass as calls."""
    activation = activation.to(device=x.device, dtype=x.dtype)
    learnt = [p for p in activation.parameters() if p.requires_grad]
    run: Callable[[Tensor], Tensor] = activation
    if compiled:
        torch.compiler.reset()  # or the functions before count against its limit
        run = torch.compile(activation, dynamic=False)
    output = run(x)
    upstream = torch.ones_like(output)
    inputs = [x, *learnt]

    def backward() -> None:
        torch.autograd.grad(
            output, inputs, upstream, retain_graph=True, allow_unused=True
        )

    return {"forward": lambda: run(x), "backward": backward}


def _clock() -> Callable[[], float]:
    """Return the processor's clock where it is fine enough and no accelerator is used.

    An accelerator works on while the processor waits, so there the wall clock counts,
    which PyTorch's timer stops only when the accelerator is done.
    """
    coarse = time.get_clock_info("process_time").resolution > 1e-5
    if coarse or torch.cuda.is_available():
        return benchmark.timer
    return time.process_time


def clock_name() -> str:
    """Return which clock times a call on this machine."""
    return "processor" if _clock() is time.process_time else "wall"


def _timer(call: Callable[[], Any]) -> benchmark.Timer:
    return benchmark.Timer(
        "call()", timer=_clock(), globals={"call": call}, num_threads=1
    )


def _calls(call: Callable[[], Any], seconds: float) -> int:
    """Return how many calls last about ``seconds``, after one to warm up."""
    timer = _timer(call)
    timer.timeit(1)
    return max(1, math.ceil(seconds / max(timer.timeit(2).mean, 1e-9)))


def _step(
    sizes: tuple[int, ...], batch_size: int, key: str | None, device: str
) -> Callable[[], None]:
    """Return one training step of an MLP on random inputs as a call."""
    network = MLP(sizes, key, seed=0).to(device)
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(batch_size, sizes[0], generator=draw).to(device)
    y = torch.randint(sizes[-1], (batch_size,), generator=draw).to(device)
    # A step size of zero: the work of a step, and weights that stay as they are.
    stepper = torch.optim.SGD(network.parameters(), lr=0.0)

    def step() -> None:
        stepper.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        stepper.step()

    return step
