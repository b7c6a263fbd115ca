"""How many networks the memory has room for."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import torch

from .. import training
from ..networks import MLP
from .group import EVALUATION_BATCH
from .tasks import linears_of

__all__ = ["free_memory", "memory_of", "room_for"]

MEMINFO = Path("/proc/meminfo")  # of Linux; elsewhere nothing is known


def memory_of(
    network: MLP, count: int = 1, batch_size: int = 128, optimiser: str = "sgd"
) -> int:
    """Estimate the bytes that ``count`` networks trained at once take.

    Weights, the optimiser's averages, a batch, and what one step computes; the data
    are not in it.  ``network`` is one of them.  Raises ``ValueError`` for an unknown
    optimiser.
    """
    training.choose("optimiser", optimiser, training.OPTIMISERS)
    linears = linears_of(network)
    largest = max(linear.weight.numel() for linear in linears)
    parameters = sum(p.numel() for p in network.parameters())
    copies = 2 if optimiser == "sgd" else 4  # with the averages and the gradient
    kept = copies * parameters + (optimiser != "sgd") * largest
    units = sum(linear.out_features for linear in linears)
    # Pre-activations, activations, errors, and what autograd holds in between.
    passing = 6 * units * batch_size + 2 * units * EVALUATION_BATCH
    inputs = linears[0].in_features * (batch_size + EVALUATION_BATCH)
    size = linears[0].weight.element_size()
    return count * size * (kept + passing + inputs)


def free_memory(device: str | torch.device = "cpu") -> int | None:
    """Return how many bytes are free, or None where the system does not say.

    Parameters
    ----------
    device : of a GPU its own memory; of the CPU what Linux could give without swapping.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    with suppress(OSError, ValueError, IndexError):
        for line in MEMINFO.read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    return None


def room_for(
    network: MLP,
    device: str | torch.device = "cpu",
    most: int | None = None,
    batch_size: int = 128,
    optimiser: str = "sgd",
    processes: int = 1,
) -> int:
    """Return how many networks such as ``network`` half of the free memory holds.

    Parameters
    ----------
    network : one of them.
    device, batch_size, optimiser : where and how they train.
    most : no more than so many.  What is too many is halved until it fits, so that a
        little more or less of free memory seldom changes who trains with whom.
    processes : that share the memory, each with so many networks.

    At least 1.  ``most`` where the free memory is unknown, and 1 if that is None too.
    """
    free = free_memory(device)
    if free is None:
        return most or 1
    room = free // 2 // processes
    one = memory_of(network, 1, batch_size, optimiser)
    if most is None:
        return max(1, room // one)
    while most > 1 and most * one > room:
        most //= 2
    return most
