"""How fast does the study loop train, and against what?

Ways to train the course's network, measured in turn, again and again, so that a
busy minute hits all of them; medians over the rounds:

ours    two single-thread runs of ``actlab.training.fit`` side by side
plain   one loop over a ``DataLoader`` of images with transforms, as tutorials write it,
        with torch's default settings
best    the same loop with its best number of workers, two runs side by side
tensors that loop over ready tensors instead of images, its best number of workers, two
        runs side by side
limit   the matrix products of the training steps and nothing else, two side by side
many    ``actlab.together.fit_many``: two processes of one thread, a group of networks
        each; ``many_2`` is one process with two threads

Beside them: ``batched`` and ``vmap`` train five networks in one process, by batched
products with autograd and by ``torch.func``; ``limit_one_dnn`` is the limit by oneDNN's
products, which ``fit_many`` takes where they are clearly faster.  ``mkl`` is ours with
oneDNN switched off.

On a machine with a CUDA GPU three more: ``cuda_one`` is ``fit`` there, ``cuda_today``
the loop as it was at commit 6d13f1c, which read every step's loss, and ``cuda_many_N``
``fit_many`` with N networks, the recording of its graph included.

Speed is counted in model-epochs per second: passes of one network over 60,000 examples.
Test-set evaluation is left out everywhere.  Without the files of Fashion-MNIST the data
are random numbers of its size, which take the same time.

    python benchmarks/study_loop.py [--rounds 7] [--quick]
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import multiprocessing
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from actlab import datasets, together, training
from actlab.networks import MLP
from actlab.together import products

SIZES = (784, 256, 192, 128, 64, 10)
BATCH = 128
EXAMPLES = 60_000
LR, MOMENTUM = 0.05, 0.9
TOGETHER = 5  # networks that ``batched`` trains at once, a condition's five seeds
MANY = 16  # networks in each group of ``many``: what fit_many takes on a CPU
ON_CUDA = (8, 64, 512)
PEAK_RESET = Path("/proc/self/clear_refs")  # Linux only; elsewhere no memory is shown
# Settings of the DataLoader loop that its users try; the fastest of each kind counts.
CANDIDATES = {
    "images, 0 workers": {"images": True, "num_workers": 0},
    "images, 1 worker": {"images": True, "num_workers": 1},
    "images, 2 workers": {"images": True, "num_workers": 2},
    "tensors, 0 workers": {"images": False, "num_workers": 0},
    "tensors, 1 worker": {"images": False, "num_workers": 1},
}


class Images(Dataset):
    """Images as torchvision's data sets hand them out: one PIL image per index."""

    def __init__(self, pixels: Tensor, targets: Tensor, transform: Callable) -> None:
        self.pixels, self.targets, self.transform = pixels, targets, transform

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from PIL import Image

        image = Image.fromarray(self.pixels[index].numpy())
        return self.transform(image), int(self.targets[index])


def load() -> datasets.Dataset:
    """Fashion-MNIST where its files are at hand, else random data of its size."""
    if datasets.fashion_mnist_missing() is None:
        return datasets.fashion_mnist(download=False)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (EXAMPLES, 784), generator=generator)
    x = pixels.float().div_(127.5).sub_(1)
    y = torch.randint(0, 10, (EXAMPLES,), generator=generator)
    classes = [str(i) for i in range(10)]
    return datasets.Dataset("random", x, y, x[:BATCH], y[:BATCH], classes)


def network(seed: int = 0) -> nn.Module:
    """Build the course's network; ``nn.ReLU`` is the fastest activation there is."""
    return MLP(SIZES, nn.ReLU(), seed=seed)


Timed = tuple[float, float, int]


class Bench:
    """What one process can be asked to time.

    Each returns its start, its end, and how many steps of how many networks it took.
    """

    def __init__(self, steps: int) -> None:
        data = load()
        self.rows = steps * BATCH
        self.steps = steps
        self.x, self.y = data.x_train, data.y_train
        # A handful of test rows: what is timed is training.
        self.data = datasets.Dataset(
            data.name,
            self.x[: self.rows],
            self.y[: self.rows],
            self.x[:BATCH],
            self.y[:BATCH],
            data.classes,
        )
        self.pixels = (self.x[: self.rows] + 1).mul(127.5).round().to(torch.uint8)
        self.pixels = self.pixels.reshape(-1, 28, 28)
        self.loaders: dict[str, DataLoader] = {}

    def ours(self, device: str = "cpu") -> Timed:
        """Time ``fit``, the function that studies call."""
        model = network()
        start = time.monotonic()
        training.fit(
            model,
            self.data,
            epochs=1,
            lr=LR,
            momentum=MOMENTUM,
            batch_size=BATCH,
            device=device,
            progress=False,
        )
        return start, time.monotonic(), self.steps

    def many(self, count: int = MANY, device: str = "cpu") -> Timed:
        """Time ``fit_many``, on the CPU with half of the steps."""
        steps = self.steps if device == "cuda" else max(1, self.steps // 2)
        rows = steps * BATCH
        data = replace(self.data, x_train=self.x[:rows], y_train=self.y[:rows])
        models = [network(seed) for seed in range(count)]
        start = time.monotonic()
        together.fit_many(
            models,
            data,
            epochs=1,
            lr=LR,
            momentum=MOMENTUM,
            batch_size=BATCH,
            seed=[seed % TOGETHER for seed in range(count)],
            device=device,
            progress=False,
            together=count,
        )
        return start, time.monotonic(), count * steps

    def today(self, device: str) -> Timed:
        """Time the loop of commit 6d13f1c: it waits for every step's loss."""
        model = network().to(device)
        start = time.monotonic()
        x, y = self.data.x_train.to(device), self.data.y_train.to(device)
        fused = {"momentum": MOMENTUM, "fused": True}
        stepper = torch.optim.SGD(model.parameters(), lr=LR, **fused)
        parameters = list(model.parameters())
        total = 0.0
        for index in torch.randperm(len(x)).to(device).split(BATCH):
            loss = nn.functional.cross_entropy(model(x[index]), y[index])
            total += loss.item() * len(index)
            for parameter in parameters:
                parameter.grad = None
            loss.backward()
            stepper.step()
        return start, time.monotonic(), self.steps

    def held(self, device: str = "cpu") -> int:
        """Return the bytes that this process holds, from which its peak counts anew."""
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
            return torch.cuda.memory_allocated()
        gc.collect()
        with contextlib.suppress(AttributeError):  # glibc's: give back what is free
            ctypes.CDLL(None).malloc_trim(0)
        PEAK_RESET.write_text("5")
        return _status("VmRSS")

    def peak(self, device: str = "cpu") -> int:
        """Return the most bytes since."""
        if device == "cuda":
            return torch.cuda.max_memory_allocated()
        return _status("VmHWM")

    def plain(self) -> Timed:
        """Time the tutorial's loop with the tutorial's settings."""
        return self._loop(self._loader("plain", images=True, num_workers=0))

    def candidate(self, name: str) -> Timed:
        """Time the tutorial's loop with other settings."""
        return self._loop(self._loader(name, **CANDIDATES[name]))

    def limit(self, one_dnn: bool = False) -> Timed:
        """Time the matrix products of as many steps, without all the rest."""
        pairs = list(zip(SIZES, SIZES[1:]))
        inputs = [torch.randn(BATCH, fan_in) for fan_in, _ in pairs]
        weights = [torch.randn(fan_out, fan_in) for fan_in, fan_out in pairs]
        errors = [torch.randn(BATCH, fan_out) for _, fan_out in pairs]
        # a · bᵀ, as products._product has it
        product = products._product if one_dnn else lambda a, b: a @ b.T
        start = time.monotonic()
        for _ in range(self.steps):
            for x, weight in zip(inputs, weights):
                product(x, weight)
            for i, (x, weight, error) in enumerate(zip(inputs, weights, errors)):
                product(error.T, x.T)
                if i:  # the inputs of the first layer need no gradient
                    product(error, weight.T)
        return start, time.monotonic(), self.steps

    def one_dnn(self) -> bool:
        """Whether ``fit_many`` takes oneDNN's products here."""
        return products.one_dnn_pays()

    def mkl(self) -> Timed:
        """Time ``fit`` with the matrix products of MKL in place of oneDNN's."""
        with torch.backends.mkldnn.flags(enabled=False):
            return self.ours()

    def batched(self) -> Timed:
        """Time five networks in one process, a fifth of the steps each."""
        pairs = list(zip(SIZES, SIZES[1:]))
        weights = [
            torch.empty(TOGETHER, a, b).uniform_(-(a**-0.5), a**-0.5) for a, b in pairs
        ]
        biases = [torch.zeros(TOGETHER, 1, b) for _, b in pairs]
        parameters = [p.requires_grad_() for p in weights + biases]
        stepper = torch.optim.SGD(parameters, lr=LR, momentum=MOMENTUM, fused=True)
        orders = torch.stack([torch.randperm(self.rows) for _ in range(TOGETHER)])
        room = torch.empty(TOGETHER, BATCH, SIZES[0])
        start = time.monotonic()
        for index in orders.split(BATCH, dim=1)[: self.steps // TOGETHER]:
            index = index.reshape(-1)
            torch.index_select(self.x, 0, index, out=room.view(-1, SIZES[0]))
            x = room
            for weight, bias in zip(weights[:-1], biases):
                x = torch.baddbmm(bias, x, weight).relu()
            x = torch.baddbmm(biases[-1], x, weights[-1])
            # Each network's own mean, so that each trains as if it were alone.
            loss = TOGETHER * nn.functional.cross_entropy(
                x.flatten(0, 1), self.y[index]
            )
            loss.item()
            stepper.zero_grad()
            loss.backward()
            stepper.step()
        return start, time.monotonic(), self.steps // TOGETHER * TOGETHER

    def vmap(self) -> Timed:
        """Time five networks by ``torch.func``, a fifth of the steps each."""
        models = [network(seed) for seed in range(TOGETHER)]
        stacks, _ = torch.func.stack_module_state(models)
        stepper = torch.optim.SGD(stacks.values(), lr=LR, momentum=MOMENTUM, fused=True)

        def loss_of(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            output = torch.func.functional_call(models[0], parameters, (x,))
            return nn.functional.cross_entropy(output, y)

        step = torch.func.vmap(torch.func.grad_and_value(loss_of))
        orders = torch.stack([torch.randperm(self.rows) for _ in range(TOGETHER)])
        start = time.monotonic()
        for index in orders.split(BATCH, dim=1)[: self.steps // TOGETHER]:
            gradients, losses = step(stacks, self.x[index], self.y[index])
            losses.sum().item()
            for name, stack in stacks.items():
                stack.grad = gradients[name]
            stepper.step()
        return start, time.monotonic(), self.steps // TOGETHER * TOGETHER

    def _loader(self, name: str, images: bool, num_workers: int) -> DataLoader:
        if name not in self.loaders:
            targets = self.y[: self.rows]
            if images:
                source = Images(self.pixels, targets, _transform())
            else:
                source = TensorDataset(self.x[: self.rows], targets)
            self.loaders[name] = DataLoader(
                source,
                batch_size=BATCH,
                shuffle=True,
                num_workers=num_workers,
                persistent_workers=num_workers > 0,
                multiprocessing_context=_workers_start(num_workers),
            )
        return self.loaders[name]

    def _loop(self, loader: DataLoader) -> Timed:
        model = nn.Sequential(nn.Flatten(), network())
        optimiser = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
        criterion = nn.CrossEntropyLoss()
        running_loss = 0.0
        start = time.monotonic()
        for x, y in loader:
            optimiser.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimiser.step()
            running_loss += loss.item()
        return start, time.monotonic(), self.steps


def _workers_start(num_workers: int) -> str | None:
    """Start workers as the loop's users do, though this process was spawned."""
    usual = "fork" if platform.system() == "Linux" else "spawn"
    return usual if num_workers else None


def _transform() -> Callable:
    datasets._torchvision_class()  # imports torchvision, whatever torch's build
    from torchvision import transforms

    return transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
    )


def _serve(connection, threads: int | None, steps: int) -> None:
    """Answer requests (method, arguments) with the times of their start and end."""
    warnings.simplefilter("ignore")
    if threads is not None:
        torch.set_num_threads(threads)
    bench = Bench(steps)
    connection.send(torch.get_num_threads())
    while (request := connection.recv()) is not None:
        method, *arguments = request
        connection.send(getattr(bench, method)(*arguments))


class Processes:
    """Some processes that do the same thing at the same time."""

    def __init__(self, count: int, threads: int | None, steps: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.steps, self.ends, self.children = steps, [], []
        for _ in range(count):
            ours, theirs = context.Pipe()
            child = context.Process(target=_serve, args=(theirs, threads, steps))
            child.start()
            self.ends.append(ours)
            self.children.append(child)
        self.threads = [end.recv() for end in self.ends][0]

    def ask(self, *request: Any) -> list[Any]:
        """Return each process's answer; all work at the same time."""
        for end in self.ends:
            end.send(request)
        return [end.recv() for end in self.ends]

    def speed(self, *request: Any) -> float:
        """Return model-epochs per second of all processes together."""
        times = self.ask(*request)
        seconds = max(end for _, end, _ in times) - min(start for start, _, _ in times)
        return sum(steps for _, _, steps in times) * BATCH / EXAMPLES / seconds

    def close(self) -> None:
        for end, child in zip(self.ends, self.children):
            end.send(None)
            child.join()


def measure(rounds: int, steps: int) -> Iterator[tuple[str, float]]:
    """Yield (name, model-epochs per second), all names once per round."""
    # The default number of threads, for the loop as its users find it.
    os.environ.pop("OMP_NUM_THREADS", None)
    alone, pair = Processes(1, None, steps), Processes(2, 1, steps)
    fresh = Processes(2, 1, steps)  # trains many networks only, to see what they take
    two = Processes(1, 2, steps)
    print(f"plain loop: {alone.threads} thread(s); all others: 2 runs of 1 thread")
    requests = {name: (name,) for name in ("ours", "limit", "mkl", "batched", "vmap")}
    if all(pair.ask("one_dnn")):
        requests["limit_one_dnn"] = ("limit", True)
    try:
        for request in requests.values():  # warm caches, workers and memory
            pair.speed(*request)
        requests |= _best_loaders(pair)
        two.speed("many")
        print(f"many: {_taken(fresh, 'many')} per process, {MANY} networks in each")
        alone.speed("plain")
        for _ in range(rounds):
            yield "plain", alone.speed("plain")
            for name, request in requests.items():
                yield name, pair.speed(*request)
            yield "many", fresh.speed("many")
            yield "many_2", two.speed("many")
    finally:
        for processes in (alone, pair, fresh, two):
            processes.close()


def _taken(processes: Processes, *request: Any, device: str = "cpu") -> str:
    """Return in words how much memory a request takes at most, beside what is held."""
    if device == "cpu" and not PEAK_RESET.exists():
        processes.speed(*request)
        return "memory unknown on this system"
    before = processes.ask("held", device)
    processes.speed(*request)
    grown = [b - a for a, b in zip(before, processes.ask("peak", device))]
    return f"{max(grown) / 2**20:.0f} MiB"


def _status(name: str) -> int:
    """Return one of the kernel's figures for this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise KeyError(name)


def _best_loaders(pair: Processes) -> dict[str, tuple[str, str]]:
    """Return what asks for the tutorial's loop with its best settings."""
    for name in CANDIDATES:  # start the workers
        pair.speed("candidate", name)
    trial = {name: pair.speed("candidate", name) for name in CANDIDATES}
    for name, speed in trial.items():
        print(f"DataLoader of {name:20} {speed:7.2f} model-epochs/s")
    best, tensors = (
        max((c for c in CANDIDATES if c.startswith(kind)), key=trial.get)
        for kind in ("images", "tensors")
    )
    print(f"best settings: {best}; {tensors}")
    return {"best": ("candidate", best), "tensors": ("candidate", tensors)}


def measure_cuda(rounds: int, steps: int) -> Iterator[tuple[str, float]]:
    """Yield the same from one process with a GPU."""
    process = Processes(1, None, steps)
    requests = {"cuda_one": ("ours", "cuda"), "cuda_today": ("today", "cuda")}
    requests |= {f"cuda_many_{n}": ("many", n, "cuda") for n in ON_CUDA}
    try:
        for name, request in requests.items():
            taken = _taken(process, *request, device="cuda")
            print(f"{name}: {taken} on the GPU, the data among them")
        for _ in range(rounds):
            for name, request in requests.items():
                yield name, process.speed(*request)
    finally:
        process.close()


def report(rounds: int, steps: int) -> dict[str, float]:
    """Measure, print, and return the medians and the ratios within the rounds."""
    print(f"{os.cpu_count()} cores, torch {torch.__version__}, {platform.platform()}")
    print(f"load before: {_load()}")
    speeds: dict[str, list[float]] = {}
    for name, speed in measure(rounds, steps):
        speeds.setdefault(name, []).append(speed)
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name())
        for name, speed in measure_cuda(rounds, 4 * steps):
            speeds.setdefault(name, []).append(speed)
    print(f"load after:  {_load()}\n")
    result = {name: statistics.median(values) for name, values in speeds.items()}
    for name, value in result.items():
        low, high = min(speeds[name]), max(speeds[name])
        print(f"{name:13} {value:8.2f} model-epochs/s   ({low:.2f} to {high:.2f})")
    for name, other in _pairs(speeds):
        ratios = [a / b for a, b in zip(speeds[name], speeds[other])]
        result[f"{name}/{other}"] = statistics.median(ratios)
        low, high = min(ratios), max(ratios)
        print(
            f"{name} / {other:13} {statistics.median(ratios):6.2f}   "
            f"({low:.2f} to {high:.2f}, {rounds} rounds)"
        )
    return result


def _pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return which speeds are divided by which."""
    cuda = [name for name in names if name.startswith("cuda")]
    others = [name for name in names if name not in cuda]
    pairs = [(name, o) for name in ("ours", "many") for o in others if o != name]
    return pairs + [(name, "cuda_today") for name in cuda if name != "cuda_today"]


def _load() -> str:
    if not hasattr(os, "getloadavg"):
        return "unknown on this system"
    return "{:.2f} {:.2f} {:.2f} (1, 5, 15 minutes)".format(*os.getloadavg())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="one short round, a trial")
    options = parser.parse_args()
    rounds, steps = (1, 10) if options.quick else (options.rounds, 117)
    report(rounds, steps)


if __name__ == "__main__":
    main()
