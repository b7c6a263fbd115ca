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

Two ways to come nearer to the limit are measured beside them: ``batched`` trains five
networks in one process with batched products, ``mkl`` is ours without oneDNN.

Speed is counted in model-epochs per second: passes of one network over 60,000 examples.
Test-set evaluation is left out everywhere.  Without the files of Fashion-MNIST the data
are random numbers of its size, which take the same time.

    python benchmarks/study_loop.py [--rounds 7] [--quick]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from actlab import datasets, training
from actlab.networks import MLP

SIZES = (784, 256, 192, 128, 64, 10)
BATCH = 128
EXAMPLES = 60_000
LR, MOMENTUM = 0.05, 0.9
TOGETHER = 5  # networks that ``batched`` trains at once, a condition's five seeds
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


def network() -> nn.Module:
    """Build the course's network; ``nn.ReLU`` is the fastest activation there is."""
    return MLP(SIZES, nn.ReLU(), seed=0)


class Bench:
    """What one process can be asked to time; each returns its start and its end."""

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

    def ours(self) -> tuple[float, float]:
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
            progress=False,
        )
        return start, time.monotonic()

    def plain(self) -> tuple[float, float]:
        """Time the tutorial's loop with the tutorial's settings."""
        return self._loop(self._loader("plain", images=True, num_workers=0))

    def candidate(self, name: str) -> tuple[float, float]:
        """Time the tutorial's loop with other settings."""
        return self._loop(self._loader(name, **CANDIDATES[name]))

    def limit(self) -> tuple[float, float]:
        """Time the matrix products of as many steps, without all the rest."""
        pairs = list(zip(SIZES, SIZES[1:]))
        inputs = [torch.randn(BATCH, fan_in) for fan_in, _ in pairs]
        weights = [torch.randn(fan_out, fan_in) for fan_in, fan_out in pairs]
        errors = [torch.randn(BATCH, fan_out) for _, fan_out in pairs]
        start = time.monotonic()
        for _ in range(self.steps):
            for x, weight in zip(inputs, weights):
                x @ weight.T
            for i, (x, weight, error) in enumerate(zip(inputs, weights, errors)):
                error.T @ x
                if i:  # the inputs of the first layer need no gradient
                    error @ weight
        return start, time.monotonic()

    def mkl(self) -> tuple[float, float]:
        """Time ``fit`` with the matrix products of MKL in place of oneDNN's."""
        with torch.backends.mkldnn.flags(enabled=False):
            return self.ours()

    def batched(self) -> tuple[float, float]:
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
        return start, time.monotonic()

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

    def _loop(self, loader: DataLoader) -> tuple[float, float]:
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
        return start, time.monotonic()


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

    def speed(self, *request: str) -> float:
        """Return model-epochs per second of all processes together."""
        for end in self.ends:
            end.send(request)
        times = [end.recv() for end in self.ends]
        seconds = max(t for _, t in times) - min(t for t, _ in times)
        return len(self.ends) * self.steps * BATCH / EXAMPLES / seconds

    def close(self) -> None:
        for end, child in zip(self.ends, self.children):
            end.send(None)
            child.join()


def measure(rounds: int, steps: int) -> Iterator[tuple[str, float]]:
    """Yield (name, model-epochs per second), all names once per round."""
    # The default number of threads, for the loop as its users find it.
    os.environ.pop("OMP_NUM_THREADS", None)
    alone, pair = Processes(1, None, steps), Processes(2, 1, steps)
    print(f"plain loop: {alone.threads} thread(s); all others: 2 runs of 1 thread")
    try:
        requests = [("ours",), ("limit",), ("mkl",), ("batched",)]
        requests += [("candidate", c) for c in CANDIDATES]
        for request in requests:  # warm caches, workers and memory
            pair.speed(*request)
        alone.speed("plain")
        trial = {c: pair.speed("candidate", c) for c in CANDIDATES}
        best, tensors = (
            max((c for c in CANDIDATES if c.startswith(kind)), key=trial.get)
            for kind in ("images", "tensors")
        )
        for name, speed in trial.items():
            print(f"DataLoader of {name:20} {speed:7.2f} model-epochs/s")
        print(f"best settings: {best}; {tensors}")
        for _ in range(rounds):
            yield "plain", alone.speed("plain")
            yield "ours", pair.speed("ours")
            yield "best", pair.speed("candidate", best)
            yield "tensors", pair.speed("candidate", tensors)
            yield "limit", pair.speed("limit")
            yield "mkl", pair.speed("mkl")
            # As many steps as divide evenly among the networks.
            share = steps // TOGETHER * TOGETHER / steps
            yield "batched", share * pair.speed("batched")
    finally:
        alone.close()
        pair.close()


def report(rounds: int, steps: int) -> dict[str, float]:
    """Measure, print, and return the medians and the ratios within the rounds."""
    print(f"{os.cpu_count()} cores, torch {torch.__version__}, {platform.platform()}")
    print(f"load before: {_load()}")
    speeds: dict[str, list[float]] = {}
    for name, speed in measure(rounds, steps):
        speeds.setdefault(name, []).append(speed)
    print(f"load after:  {_load()}\n")
    result = {name: statistics.median(values) for name, values in speeds.items()}
    for name, value in result.items():
        low, high = min(speeds[name]), max(speeds[name])
        print(f"{name:7} {value:7.2f} model-epochs/s   ({low:.2f} to {high:.2f})")
    for other in ("plain", "best", "tensors", "limit", "mkl", "batched"):
        ratios = [a / b for a, b in zip(speeds["ours"], speeds[other])]
        result[f"ours/{other}"] = statistics.median(ratios)
        low, high = min(ratios), max(ratios)
        print(
            f"ours / {other:7} {statistics.median(ratios):5.2f}   "
            f"({low:.2f} to {high:.2f}, {rounds} rounds)"
        )
    return result


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
