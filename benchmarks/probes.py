"""What does it cost to watch a network while it trains?

One training step of the course's network (784-256-192-128-64-10, ReLU, batch 128, SGD
with momentum), by itself and inside ``actlab.probes.watch``, one thread.  Rounds of
plain and recorded steps alternate, so that a busy minute hits both; the cost is the
median over the rounds of (recorded / plain − 1).

    python benchmarks/probes.py [--rounds 15] [--steps 100] [--quick]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import statistics
import time

import torch
from torch.nn import functional as F

from actlab import probes
from actlab.networks import MLP

SIZES = (784, 256, 192, 128, 64, 10)
BATCH = 128
CASES = (1, 10, 100)
WARM_UP = 20  # steps before the clock starts: the first ones ask for memory


def run(steps: int, every: int | None, seed: int = 0) -> float:
    """Seconds of processor time for so many steps, recorded every so often."""
    network = MLP(SIZES, "relu", seed=seed)
    stepper = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(BATCH, SIZES[0], generator=generator)
    y = torch.randint(SIZES[-1], (BATCH,), generator=generator)
    watched = (
        contextlib.nullcontext() if every is None else probes.watch(network, every)
    )
    with watched:
        for done in range(-WARM_UP, steps):
            if done == 0:
                start = time.process_time()
            loss = F.cross_entropy(network(x), y)
            stepper.zero_grad()
            loss.backward()
            stepper.step()
        return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="one short round")
    options = parser.parse_args()
    rounds, steps = (1, 20) if options.quick else (options.rounds, options.steps)
    torch.set_num_threads(1)
    run(20, None)
    run(20, 1)
    ratios: dict[int, list[float]] = {every: [] for every in CASES}
    plain: list[float] = []
    for _ in range(rounds):
        for every in CASES:
            plain.append(run(steps, None))
            ratios[every].append(run(steps, every) / plain[-1])
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{platform.machine()}, torch {torch.__version__}, load {load:.1f}")
    print(f"plain step: {1e3 * statistics.median(plain) / steps:.2f} ms")
    for every, values in ratios.items():
        low, high = min(values), max(values)
        print(
            f"every {every:3d}: {100 * (statistics.median(values) - 1):5.1f} % "
            f"(from {100 * (low - 1):.1f} to {100 * (high - 1):.1f})"
        )


if __name__ == "__main__":
    main()
