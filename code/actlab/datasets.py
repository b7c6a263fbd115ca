"""Data that the course trains on, as tensors that stay in memory.

Two toy sets in the plane (spirals, rings), one-dimensional signals, scikit-learn's
bundled digits, and Fashion-MNIST through torchvision's own class.  Every function
returns a :class:`Dataset`: no loader, no transform at training time.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import shutil
import socket
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "DataError",
    "Dataset",
    "SCALES",
    "SIGNALS",
    "digits",
    "fashion_mnist",
    "fashion_mnist_missing",
    "rings",
    "signal",
    "spirals",
]

SCALES = ("symmetric", "unit", "standard")

# SHA-256 of the four files as Zalando Research published them, uncompressed.
FASHION_MNIST_SHA256 = {
    "train-images-idx3-ubyte": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "t10k-images-idx3-ubyte": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    "t10k-labels-idx1-ubyte": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}
Draw = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]

# Errors of the disk, not of the network.
NO_ROOM = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR,
    errno.EEXIST,
)  # fmt: skip

DOWNLOAD_TIMEOUT = 30.0  # seconds without a byte before a download counts as failed


class DataError(RuntimeError):
    """Data are missing or damaged; the message says which file and what to do."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test set as tensors that stay in memory.

    Parameters
    ----------
    name : what the data are called in tables and figures.
    x_train, x_test : float32, shape (examples, inputs).
    y_train, y_test : int64 class numbers, shape (examples,); for regression float32,
        shape (examples, outputs).
    classes : the names of the classes, in the order of their numbers; empty for
        regression.

    Chapter 01.
    """

    name: str
    x_train: Tensor = field(repr=False)
    y_train: Tensor = field(repr=False)
    x_test: Tensor = field(repr=False)
    y_test: Tensor = field(repr=False)
    classes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            if x.ndim < 2:
                raise ValueError(
                    f"x_{part} has shape {tuple(x.shape)}; it needs one row per "
                    "example, for instance x.reshape(-1, 1)"
                )
            if len(x) != len(y):
                raise ValueError(
                    f"x_{part} has {len(x)} examples and y_{part} has {len(y)}; "
                    "both need one row per example"
                )

    @property
    def inputs(self) -> int:
        """Numbers per example, the width of a network's input."""
        return self.x_train[0].numel()

    @property
    def outputs(self) -> int:
        """Width of a network's output: classes, or target columns in regression."""
        return len(self.classes) or self.y_train[0].numel()

    def to(self, device: str | torch.device) -> Dataset:
        """Return the same data on ``device`` (for example ``"cuda"``)."""
        names = ("x_train", "y_train", "x_test", "y_test")
        return replace(self, **{n: getattr(self, n).to(device) for n in names})

    def subset(self, n: int, seed: int = 0) -> Dataset:
        """Keep ``n`` training examples drawn without replacement; all of the test set.

        Raises ``ValueError`` if there are fewer than ``n``.
        """
        if not 1 <= n <= len(self.x_train):
            raise ValueError(
                f"cannot draw {n} of {len(self.x_train)} training examples; "
                f"n must lie between 1 and {len(self.x_train)}"
            )
        generator = torch.Generator().manual_seed(seed)
        index = torch.randperm(len(self.x_train), generator=generator)[:n]
        index = index.to(self.x_train.device)
        return replace(self, x_train=self.x_train[index], y_train=self.y_train[index])

    def held_out(self, n: int) -> Dataset:
        """Put the last ``n`` training examples in the place of the test set.

        What is chosen by them, a learning rate for instance, leaves the test set
        unseen.  Raises ``ValueError`` unless at least one example is left to train on.
        Chapter 12.
        """
        if not 1 <= n < len(self.x_train):
            raise ValueError(
                f"cannot hold out {n} of {len(self.x_train)} training examples; "
                f"n must lie between 1 and {len(self.x_train) - 1}"
            )
        return replace(
            self,
            x_train=self.x_train[:-n],
            y_train=self.y_train[:-n],
            x_test=self.x_train[-n:],
            y_test=self.y_train[-n:],
        )


# Toy data --------------------------------------------------------------------------


def spirals(
    n: int = 600,
    turns: float = 1.5,
    noise: float = 0.05,
    classes: int = 2,
    seed: int = 0,
) -> Dataset:
    """Interleaved spirals in the plane, one per class.

    Parameters
    ----------
    n : training examples over all classes; the test set is a second draw of as many.
    turns : how often each arm goes round the origin.
    noise : standard deviation added to both coordinates; the arms end at radius 1.
    classes : number of arms.
    seed : of the draw.

    Returns a :class:`Dataset` with two inputs.  Chapter 01.
    """
    _check_planar(n, noise, classes)

    def draw(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(n) % classes
        # The root spreads the points evenly along the arm instead of at its start.
        radius = 0.05 + 0.95 * np.sqrt(random.random(n))
        angle = 2 * np.pi * (turns * radius + y / classes)
        x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return x + noise * random.standard_normal(x.shape), y

    return _planar("spirals", draw, classes, seed)


def rings(
    n: int = 600, noise: float = 0.05, classes: int = 2, seed: int = 0
) -> Dataset:
    """Concentric rings in the plane, one per class; the outermost has radius 1.

    Parameters
    ----------
    n : training examples over all classes; the test set is a second draw of as many.
    noise : standard deviation added to both coordinates.
    classes : number of rings.
    seed : of the draw.

    Returns a :class:`Dataset` with two inputs.  Chapter 01.
    """
    _check_planar(n, noise, classes)

    def draw(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(n) % classes
        angle = 2 * np.pi * random.random(n)
        radius = (y + 1) / classes
        x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return x + noise * random.standard_normal(x.shape), y

    return _planar("rings", draw, classes, seed)


def _check_planar(n: int, noise: float, classes: int) -> None:
    if classes < 2:
        raise ValueError(f"classes is {classes}; a classification needs 2 or more")
    if n < classes:
        raise ValueError(f"n is {n}; each of the {classes} classes needs an example")
    if noise < 0:
        raise ValueError(f"noise is {noise}; a standard deviation is 0 or more")


def _planar(name: str, draw: Draw, classes: int, seed: int) -> Dataset:
    random = np.random.default_rng(seed)
    (x_train, y_train), (x_test, y_test) = draw(random), draw(random)
    return Dataset(
        name,
        torch.tensor(x_train, dtype=torch.float32),
        torch.tensor(y_train, dtype=torch.int64),
        torch.tensor(x_test, dtype=torch.float32),
        torch.tensor(y_test, dtype=torch.int64),
        [f"class {i}" for i in range(classes)],
    )


def _step(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, -1.0, 1.0)


SIGNALS = {
    "sine": lambda x: np.sin(np.pi * x),
    "waves": lambda x: 0.6 * np.sin(2 * np.pi * x) + 0.4 * np.sin(7 * np.pi * x),
    "chirp": lambda x: np.sin(8 * np.pi * (0.5 * x + 0.5) ** 2),
    "absolute": lambda x: 2 * np.abs(x) - 1,
    "step": _step,
    "bump": lambda x: np.exp(-((x / 0.2) ** 2)),
}


def signal(
    kind: str = "sine", n: int = 256, noise: float = 0.0, seed: int = 0
) -> Dataset:
    """A one-dimensional regression target on [-1, 1].

    Parameters
    ----------
    kind : one of ``SIGNALS``: sine, waves (two frequencies), chirp, absolute, step,
        bump.
    n : training examples, evenly spaced; the test set has 4n and no noise.
    noise : standard deviation added to the training targets.
    seed : of the noise.

    Returns a :class:`Dataset` with one input, one output and no classes.
    Raises ``ValueError`` for an unknown kind.  Chapter 01.
    """
    if kind not in SIGNALS:
        raise ValueError(f"unknown signal {kind!r}; choose one of {', '.join(SIGNALS)}")
    if n < 2:
        raise ValueError(f"n is {n}; a signal needs 2 points or more")
    x_train, x_test = np.linspace(-1, 1, n), np.linspace(-1, 1, 4 * n)
    random = np.random.default_rng(seed)
    y_train = SIGNALS[kind](x_train) + noise * random.standard_normal(n)
    y_test = SIGNALS[kind](x_test)
    return Dataset(
        kind, _column(x_train), _column(y_train), _column(x_test), _column(y_test)
    )


def _column(numbers: np.ndarray) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float32).reshape(-1, 1)


# Scaling ---------------------------------------------------------------------------


def _scale(
    train: Tensor, test: Tensor, high: float, scale: str
) -> tuple[Tensor, Tensor]:
    """Map pixels 0…high to the range that ``scale`` names, in place."""
    if scale == "unit":
        shift, width = 0.0, high
    elif scale == "symmetric":
        shift, width = high / 2, high / 2
    else:
        # One mean and one spread for all pixels: a border pixel that is always dark
        # has no spread of its own to divide by.
        shift, width = float(train.mean()), float(train.std())
    return train.sub_(shift).div_(width), test.sub_(shift).div_(width)


def _check_scale(scale: str) -> None:
    if scale not in SCALES:
        raise ValueError(
            f"unknown scale {scale!r}; choose one of {', '.join(SCALES)} "
            "(inputs in [-1, 1], in [0, 1], or with mean 0 and spread 1)"
        )


# Digits ----------------------------------------------------------------------------


def digits(scale: str = "symmetric", seed: int = 0) -> Dataset:
    """Scikit-learn's handwritten digits: 8×8 pixels, 10 classes, 1437 + 360 examples.

    Parameters
    ----------
    scale : ``"symmetric"`` (inputs in [-1, 1]), ``"unit"`` ([0, 1]) or ``"standard"``
        (mean 0 and spread 1 over the training set).
    seed : of the split into 80 % training and 20 % test, each class in proportion.

    Returns a :class:`Dataset` with 64 inputs.  The data come with scikit-learn, so
    that nothing is downloaded.  Chapter 01.  Source: Alpaydin and Kaynak, 1998, UCI.
    """
    _check_scale(scale)
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, targets = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        pixels, targets, test_size=0.2, random_state=seed, stratify=targets
    )
    train, test = _scale(
        torch.tensor(x_train, dtype=torch.float32),
        torch.tensor(x_test, dtype=torch.float32),
        16.0,
        scale,
    )
    labels = [torch.tensor(y, dtype=torch.int64) for y in (y_train, y_test)]
    return Dataset(
        "digits", train, labels[0], test, labels[1], [str(i) for i in range(10)]
    )


# Fashion-MNIST ---------------------------------------------------------------------


def fashion_mnist(
    scale: str = "symmetric",
    device: str | torch.device = "cpu",
    download: bool = True,
) -> Dataset:
    """Fashion-MNIST: 28×28 pixels, 10 classes, 60,000 + 10,000 examples, flattened.

    Looked for below ``$ACTLAB_DATA`` (a torchvision root: the folder that holds
    ``FashionMNIST/raw``), then below ``~/.cache/actlab``, then downloaded to there
    (30 MB) with a progress bar.  The four files are checked by SHA-256 before use.
    An ``ACTLAB_DATA`` that leads nowhere is warned of.

    Parameters
    ----------
    scale : ``"symmetric"`` (inputs in [-1, 1]), ``"unit"`` ([0, 1]) or ``"standard"``
        (mean 0 and spread 1 over the training set).
    device : where the tensors go.
    download : whether to fetch the files if they are not found.

    Returns a :class:`Dataset` with 784 inputs.  Raises :class:`DataError` if files are
    missing or damaged.  Chapter 01.  Source: Xiao, Rasul and Vollgraf, 2017,
    arXiv:1708.07747.
    """
    _check_scale(scale)
    with _verified_root(download) as root:
        parts = [_torchvision_class()(root, train=train) for train in (True, False)]
        train, test = (part.data.reshape(len(part), -1).float() for part in parts)
    train, test = _scale(train, test, 255.0, scale)
    return Dataset(
        "Fashion-MNIST",
        train,
        parts[0].targets.long(),
        test,
        parts[1].targets.long(),
        list(parts[0].classes),
    ).to(device)


def fashion_mnist_missing() -> str | None:
    """Say why Fashion-MNIST cannot be used without a download; None if it can.

    For tests and notebooks that skip what needs the files.
    """
    for root in _roots():
        if _present(root):
            return None
    looked = " and ".join(str(_raw(root)) for root in _roots())
    wrong = _wrong_root()
    advice = f"{wrong}" if wrong else "set ACTLAB_DATA to a torchvision root"
    return f"no Fashion-MNIST files in {looked}; {advice}"


def _wrong_root() -> str:
    """What is wrong with ACTLAB_DATA; empty where it is unset or leads to files."""
    root, *others = _roots()
    if not others or _present(root):
        return ""
    inner = next(
        (
            above
            for above in (root.parent, root.parent.parent)
            if _present(above) and root in (_raw(above), _raw(above).parent)
        ),
        None,
    )
    if inner is not None:
        return f"ACTLAB_DATA is {root}, a folder too deep: set it to {inner}"
    what = (
        "which does not exist"
        if not root.exists()
        else "which is no folder"
        if not root.is_dir()
        else "which holds no FashionMNIST/raw with one of the four files"
    )
    return (
        f"ACTLAB_DATA is {root}, {what}: set it to a torchvision root, the folder that "
        "holds FashionMNIST, or unset it"
    )


def _cache() -> Path:
    return Path.home() / ".cache" / "actlab"


def _roots() -> list[Path]:
    named = os.environ.get("ACTLAB_DATA", "").strip()
    return [Path(named).expanduser()] * bool(named) + [_cache()]


def _raw(root: Path) -> Path:
    return root / "FashionMNIST" / "raw"


def _present(root: Path) -> dict[str, Path]:
    """Those of the four files that lie in ``root``, plain before compressed."""
    found = {}
    for name in FASHION_MNIST_SHA256:
        for path in (_raw(root) / name, _raw(root) / f"{name}.gz"):
            if path.is_file():
                found[name] = path
                break
    return found


@contextmanager
def _verified_root(download: bool) -> Iterator[Path]:
    """Yield a torchvision root whose four files have the right SHA-256."""
    root = next((root for root in _roots() if _present(root)), None)
    if root is None:
        if not download:
            raise DataError(
                f"{fashion_mnist_missing()}, or call fashion_mnist(download=True)"
            )
        root = _cache()
    if wrong := _wrong_root():
        # Behind this generator, contextlib and fashion_mnist: the caller's line.
        warnings.warn(f"{wrong}. {root} is taken instead", stacklevel=4)
    if not _present(root):
        _download(root)
    files = _present(root)
    absent = [name for name in FASHION_MNIST_SHA256 if name not in files]
    if absent:
        raise DataError(f"{_raw(root)} lacks {', '.join(absent)}; {_anew(root)}")
    contents = {n: _verify(n, path, _anew(root)) for n, path in files.items()}
    plain = all(path.suffix != ".gz" for path in files.values())
    # torchvision would load what an old version left in "processed", unchecked.
    if plain and not (root / "FashionMNIST" / "processed").exists():
        yield root
        return
    with _unpacked(contents) as folder:
        yield folder


@contextmanager
def _unpacked(contents: dict[str, bytes]) -> Iterator[Path]:
    """Yield a torchvision root in the folder for temporary files."""
    folder = None
    try:
        try:
            folder = Path(tempfile.mkdtemp(prefix="actlab-"))
            _raw(folder).mkdir(parents=True)
            for name, content in contents.items():
                (_raw(folder) / name).write_bytes(content)
        except OSError as error:
            where = folder.parent if folder else "any folder for temporary files"
            raise DataError(
                f"Fashion-MNIST (55 MB) could not be unpacked in {where} ({error}). "
                "Make room there, or set TMPDIR (on Windows TEMP) to another folder "
                "before Python starts; files that are unpacked with gunzip where they "
                "lie need no such folder"
            ) from error
        yield folder
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _anew(root: Path) -> str:
    """How to get files in place of bad ones below ``root``."""
    return (
        f"delete the folder {root / 'FashionMNIST'} and load again (all four files are "
        f"downloaded anew to {_cache()}), or set ACTLAB_DATA to a torchvision root "
        "that holds all four"
    )


def _verify(name: str, path: Path, advice: str) -> bytes:
    """Return the uncompressed content of ``path`` if it is what was published."""
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); {advice}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != FASHION_MNIST_SHA256[name]:
        raise DataError(
            f"{path} is not the published file: {len(content):,} bytes with SHA-256 "
            f"{digest[:12]}…, expected {FASHION_MNIST_SHA256[name][:12]}…; {advice}"
        )
    return content


def _download(root: Path) -> None:
    """Fetch the four files; what lies below ``root`` afterwards is whole and right."""
    timeout = socket.getdefaulttimeout()
    folder = None
    try:
        root.mkdir(parents=True, exist_ok=True)
        # Beside its final place, so that the last step is one rename.
        folder = Path(tempfile.mkdtemp(prefix=".download-", dir=root))
        socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
        _torchvision_class()(folder, train=True, download=True)
        for name in FASHION_MNIST_SHA256:
            _verify(name, _raw(folder) / name, "the download was cut or changed")
            (_raw(folder) / f"{name}.gz").unlink(missing_ok=True)
        _raw(root).parent.mkdir(exist_ok=True)
        if not _raw(root).exists():
            _raw(folder).rename(_raw(root))
        elif not _present(root):  # a folder that was emptied by hand
            for name in FASHION_MNIST_SHA256:
                (_raw(folder) / name).replace(_raw(root) / name)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        local = isinstance(error, OSError) and error.errno in NO_ROOM
        remedy = (
            f"Make room in {root} and the right to write there"
            if local
            else "Connect to the network and try again"
        )
        raise DataError(
            f"Fashion-MNIST could not be downloaded to {root}. {remedy}, or fetch "
            "FashionMNIST/raw (four files) on another machine and set ACTLAB_DATA to "
            "the folder that holds FashionMNIST; "
            f"digits() needs no download. What failed: {reason}"
            + (f" ({wrong})" if (wrong := _wrong_root()) else "")
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _torchvision_class() -> type:
    """Import torchvision's class, also beside a torch wheel of another build."""
    try:
        from torchvision.datasets import FashionMNIST
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        # A torchvision built for CUDA beside a CPU torch lacks its compiled operators
        # and stops at their names.  Reading files needs neither of the two.
        schema = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        for operator in ("nms", "qnms"):
            torch.library.define(f"torchvision::{operator}", schema)
        from torchvision.datasets import FashionMNIST
    return FashionMNIST
