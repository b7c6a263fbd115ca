"""Data: shapes, ranges and seeds; damaged, missing and unreachable files."""

import errno
import gzip
import hashlib
import os
import re
import shutil
import socket
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from actlab import datasets
from actlab.datasets import DataError, Dataset

MISSING = datasets.fashion_mnist_missing()
needs_fashion = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
NAMES = list(datasets.FASHION_MNIST_SHA256)


# Toy data ------------------------------------------------------------------------


@pytest.mark.parametrize("make", [datasets.spirals, datasets.rings])
@pytest.mark.parametrize("classes", [2, 3])
def test_planar_sets(make, classes):
    data = make(n=301, classes=classes, noise=0.0)
    assert data.x_train.shape == (301, 2) == data.x_test.shape
    assert data.x_train.dtype == torch.float32 and data.y_train.dtype == torch.int64
    assert sorted(set(data.y_train.tolist())) == list(range(classes))
    counts = torch.bincount(data.y_train)
    assert counts.max() - counts.min() <= 1
    assert data.inputs == 2 and data.outputs == classes == len(data.classes)
    assert data.x_train.norm(dim=1).max() <= 1 + 1e-6
    assert not torch.equal(data.x_train, data.x_test)


def test_rings_lie_on_their_radius():
    data = datasets.rings(noise=0.0, classes=3)
    radius = data.x_train.norm(dim=1)
    assert torch.allclose(radius, (data.y_train + 1) / 3, atol=1e-6)


def test_spirals_wind_as_often_as_said():
    data = datasets.spirals(n=400, turns=2.0, noise=0.0)
    radius = data.x_train.norm(dim=1)
    angle = torch.atan2(data.x_train[:, 1], data.x_train[:, 0])
    expected = 2 * np.pi * (2.0 * radius + data.y_train / 2)
    assert torch.cos(angle - expected).min() > 0.999


@pytest.mark.parametrize("make", [datasets.spirals, datasets.rings, datasets.digits])
def test_seeds(make):
    first, again, other = make(seed=1), make(seed=1), make(seed=2)
    assert torch.equal(first.x_train, again.x_train)
    assert not torch.equal(first.x_train, other.x_train)


def test_seeds_leave_global_generators_alone():
    torch.manual_seed(3)
    np.random.seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    datasets.spirals(), datasets.digits(), datasets.signal(noise=0.1)
    datasets.rings().subset(5)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()


@pytest.mark.parametrize("kind", datasets.SIGNALS)
def test_signals(kind):
    data = datasets.signal(kind, n=64)
    assert data.x_train.shape == data.y_train.shape == (64, 1)
    assert data.x_train.min() == -1 and data.x_train.max() == 1
    assert data.y_train.abs().max() <= 1 + 1e-6
    assert data.y_train.is_floating_point() and data.classes == []
    assert data.inputs == data.outputs == 1
    assert len(data.x_test) == 256


def test_signal_noise_is_on_the_training_targets_only():
    clean, noisy = datasets.signal("bump"), datasets.signal("bump", noise=0.3)
    assert torch.equal(clean.y_test, noisy.y_test)
    assert 0.2 < (clean.y_train - noisy.y_train).std() < 0.4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: datasets.spirals(n=1), "n is 1"),
        (lambda: datasets.rings(classes=1), "classes is 1"),
        (lambda: datasets.rings(noise=-1), "noise is -1"),
        (lambda: datasets.signal("sinus"), "unknown signal 'sinus'"),
        (lambda: datasets.signal(n=1), "n is 1"),
        (lambda: datasets.digits("std"), "unknown scale 'std'"),
        (lambda: datasets.fashion_mnist("minmax"), "unknown scale 'minmax'"),
        (lambda: datasets.spirals(n=10).subset(11), "cannot draw 11 of 10"),
    ],
)
def test_bad_settings(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_dataset_checks_its_tensors():
    x, y = torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64)
    with pytest.raises(ValueError, match="x_train has 4 examples and y_train has 3"):
        Dataset("bad", x, y[:3], x, y)
    with pytest.raises(ValueError, match=r"x_test has shape \(4,\)"):
        Dataset("bad", x, y, x[:, 0], y)


def test_subset_draws_rows_with_their_targets():
    data = datasets.signal("absolute", n=100)
    part = data.subset(20, seed=1)
    assert len(part.x_train) == 20 == len(part.x_train.unique())
    assert torch.allclose(part.y_train, 2 * part.x_train.abs() - 1, atol=1e-6)
    assert torch.equal(part.x_test, data.x_test)
    assert not torch.equal(part.x_train, data.subset(20, seed=2).x_train)


def test_held_out_examples_take_the_place_of_the_test_set():
    data = datasets.spirals(n=50)
    n = len(data.x_train)
    part = data.held_out(10)
    assert torch.equal(torch.cat([part.x_train, part.x_test]), data.x_train)
    assert torch.equal(torch.cat([part.y_train, part.y_test]), data.y_train)
    assert len(part.x_test) == 10 and part.classes == data.classes
    for bad in (0, n):
        with pytest.raises(ValueError, match=f"cannot hold out {bad} of {n}"):
            data.held_out(bad)


def test_moving_to_a_device():
    data = datasets.spirals(n=10).to("meta")
    assert all(t.device.type == "meta" for t in (data.x_train, data.y_test))


# Digits --------------------------------------------------------------------------


def test_digits():
    data = datasets.digits()
    assert data.x_train.shape == (1437, 64) and data.x_test.shape == (360, 64)
    assert data.x_train.dtype == torch.float32
    assert data.x_train.min() == -1 and data.x_train.max() == 1
    assert len(data.classes) == 10
    # Split in proportion: every class makes up about a tenth of both parts.
    for targets in (data.y_train, data.y_test):
        shares = torch.bincount(targets) / len(targets)
        assert shares.min() > 0.09 and shares.max() < 0.11


def test_digits_scales():
    unit = datasets.digits("unit").x_train
    symmetric, standard = (
        datasets.digits(s).x_train for s in ("symmetric", "standard")
    )
    assert unit.min() == 0 and unit.max() == 1
    assert torch.allclose(symmetric, 2 * unit - 1, atol=1e-6)
    assert abs(standard.mean()) < 1e-5 and abs(standard.std() - 1) < 1e-5


# Fashion-MNIST -------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home folder, and nothing in the environment that points elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.delenv("ACTLAB_DATA", raising=False)
    return tmp_path / "home"


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*arguments, **keywords):
        raise OSError("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Four tiny files in the format of Fashion-MNIST, and their hashes as the right."""
    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    hashes = {}
    for name in NAMES:
        n = 30 if name.startswith("train") else 20
        if "images" in name:
            shape, high = (n, 28, 28), 256
        else:
            shape, high = (n,), 10
        sizes = b"".join(int(s).to_bytes(4, "big") for s in shape)
        body = random.integers(0, high, shape, dtype=np.uint8).tobytes()
        content = bytes([0, 0, 8, len(shape)]) + sizes + body
        (raw / name).write_bytes(content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(datasets, "FASHION_MNIST_SHA256", hashes)
    monkeypatch.setenv("ACTLAB_DATA", str(tmp_path / "data"))
    return raw


def compress(folder):
    for path in list(folder.iterdir()):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


def test_reads_plain_files(home, small):
    data = datasets.fashion_mnist(download=False)
    pixels = np.frombuffer((small / NAMES[0]).read_bytes()[16:], np.uint8)
    expected = torch.tensor(pixels.reshape(30, 784).astype(np.float32)) / 127.5 - 1
    assert torch.allclose(data.x_train, expected, atol=1e-6)
    targets = np.frombuffer((small / NAMES[3]).read_bytes()[8:], np.uint8)
    assert data.y_test.tolist() == targets.tolist()
    assert data.y_test.dtype == torch.int64
    assert data.classes[9] == "Ankle boot"
    assert data.inputs == 784 and len(data.x_test) == 20


def test_reads_compressed_files_from_a_folder_that_it_leaves_alone(home, small):
    expected = datasets.fashion_mnist("unit", download=False)
    compress(small)
    before = sorted(os.listdir(small))
    data = datasets.fashion_mnist("unit", download=False)
    assert torch.equal(data.x_train, expected.x_train)
    assert sorted(os.listdir(small)) == before


def test_finds_the_cache_when_nothing_is_named(home, small, monkeypatch):
    cache = home / ".cache" / "actlab"
    cache.mkdir(parents=True)
    small.parent.rename(cache / "FashionMNIST")
    monkeypatch.delenv("ACTLAB_DATA")
    assert len(datasets.fashion_mnist(download=False).x_train) == 30
    assert datasets.fashion_mnist_missing() is None


def test_ignores_unchecked_leftovers_of_old_torchvision(home, small):
    processed = small.parent / "processed"
    processed.mkdir()
    wrong = torch.zeros(5, 28, 28, dtype=torch.uint8), torch.zeros(5)
    torch.save(wrong, processed / "training.pt")
    torch.save(wrong, processed / "test.pt")
    assert len(datasets.fashion_mnist(download=False).x_train) == 30


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["truncated", "changed", "empty"])
def test_damaged_files(home, small, name, damage):
    content = (small / name).read_bytes()
    broken = {
        "truncated": content[:-3],
        "changed": content[:-1] + bytes([content[-1] ^ 1]),
        "empty": b"",
    }[damage]
    (small / name).write_bytes(broken)
    with pytest.raises(DataError, match="not the published file") as error:
        datasets.fashion_mnist()
    assert str(small / name) in str(error.value)
    assert f"delete the folder {small.parent}" in str(error.value)
    assert "ACTLAB_DATA" in str(error.value)


def test_swapped_labels(home, small):
    """torchvision would load these without a word."""
    train, test = small / NAMES[1], small / NAMES[3]
    one, other = train.read_bytes(), test.read_bytes()
    train.write_bytes(other)
    test.write_bytes(one)
    with pytest.raises(DataError, match="not the published file"):
        datasets.fashion_mnist()


def test_truncated_compressed_file(home, small):
    compress(small)
    path = small / f"{NAMES[2]}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be read") as error:
        datasets.fashion_mnist()
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_one_missing_file(home, small, name):
    (small / name).unlink()
    with pytest.raises(DataError, match=f"lacks {name}"):
        datasets.fashion_mnist()


@pytest.fixture
def served(small, tmp_path, monkeypatch):
    """A network that has the four files; those of the fixture ``small`` may go."""
    source = tmp_path / "served"
    shutil.copytree(small, source)
    monkeypatch.setattr(FakeDownload, "source", source)
    fake = staged(datasets._torchvision_class())
    monkeypatch.setattr(datasets, "_torchvision_class", lambda: fake)
    return source


def staged(real):
    """torchvision's class, but for its downloads."""

    def make(root, train, download=False):
        return FakeDownload(root, train, True) if download else real(root, train=train)

    return make


@pytest.mark.parametrize("damage", ["missing", "changed", "unreadable"])
@pytest.mark.parametrize("place", ["named", "cache"])
def test_the_advice_for_bad_files_works_when_followed(
    home, small, served, monkeypatch, damage, place
):
    if place == "cache":
        (home / ".cache" / "actlab").mkdir(parents=True)
        small.parent.rename(home / ".cache" / "actlab" / "FashionMNIST")
        small = home / ".cache" / "actlab" / "FashionMNIST" / "raw"
        monkeypatch.delenv("ACTLAB_DATA")
    path = small / NAMES[2]
    content = path.read_bytes()
    path.unlink()
    if damage == "changed":
        path.write_bytes(content[:-3])
    elif damage == "unreadable":
        path.with_name(path.name + ".gz").write_bytes(b"no gzip")
    with pytest.raises(DataError) as error:
        datasets.fashion_mnist()
    folder = re.search("delete the folder (.+) and load again", str(error.value))[1]
    shutil.rmtree(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an ACTLAB_DATA that is empty now
        assert len(datasets.fashion_mnist().x_train) == 30
    assert datasets.fashion_mnist_missing() is None


def test_a_folder_emptied_by_hand_is_filled_again(home, small, served, monkeypatch):
    monkeypatch.delenv("ACTLAB_DATA")
    raw = home / ".cache" / "actlab" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    assert len(datasets.fashion_mnist().x_train) == 30
    assert sorted(os.listdir(raw)) == sorted(NAMES)
    assert os.listdir(raw.parent.parent) == ["FashionMNIST"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("nowhere", "which does not exist"),
        ("file", "which is no folder"),
        ("empty", "which holds no FashionMNIST/raw"),
        ("data/FashionMNIST", "a folder too deep: set it to {data}"),
        ("data/FashionMNIST/raw", "a folder too deep: set it to {data}"),
    ],
)
def test_a_wrong_folder_is_named(
    home, small, served, tmp_path, monkeypatch, no_network, wrong, words
):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    named, words = tmp_path / wrong, words.format(data=tmp_path / "data")
    monkeypatch.setenv("ACTLAB_DATA", str(named))
    pattern = re.escape(f"ACTLAB_DATA is {named}, {words}")
    assert re.search(pattern, datasets.fashion_mnist_missing())
    with pytest.raises(DataError, match=pattern):
        datasets.fashion_mnist(download=False)
    with pytest.warns(UserWarning, match=pattern) as caught:
        assert len(datasets.fashion_mnist().x_train) == 30
    assert caught[0].filename == __file__
    shutil.rmtree(home)

    def fail(*arguments, **keywords):
        raise OSError("Name or service not known")

    monkeypatch.setattr(datasets, "_torchvision_class", lambda: fail)
    with pytest.raises(DataError, match=pattern), pytest.warns(UserWarning):
        datasets.fashion_mnist()


def test_no_room_for_temporary_files(home, small, monkeypatch):
    compress(small)
    full = small.parent.parent / "full"
    full.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(full))
    write = Path.write_bytes

    def no_space(path, content):
        if full in path.parents:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", no_space)
    with pytest.raises(DataError, match=f"unpacked in {full} .*No space.*TMPDIR"):
        datasets.fashion_mnist()
    assert list(full.iterdir()) == []

    def none_at_all(**keywords):
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "mkdtemp", none_at_all)
    with pytest.raises(DataError, match="unpacked in any folder for temporary files"):
        datasets.fashion_mnist()


def test_errors_while_the_files_are_read_are_not_taken_for_a_full_disk(
    home, small, monkeypatch
):
    compress(small)

    def broken(*arguments, **keywords):
        raise OSError("no parser")

    monkeypatch.setattr(datasets, "_torchvision_class", lambda: broken)
    with pytest.raises(OSError, match="^no parser$"):
        datasets.fashion_mnist()


def test_no_room_for_a_download_is_not_blamed_on_the_network(home, monkeypatch):
    def no_space(root, train, download):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(datasets, "_torchvision_class", lambda: no_space)
    with pytest.raises(DataError, match="Make room in .*No space left") as error:
        datasets.fashion_mnist()
    assert "Connect" not in str(error.value)


def test_nothing_there_and_no_download(home):
    with pytest.raises(DataError, match="set ACTLAB_DATA to a torchvision root"):
        datasets.fashion_mnist(download=False)
    assert not home.exists()


def test_no_network(home, no_network):
    timeout = socket.getdefaulttimeout()
    with pytest.raises(DataError, match="could not be downloaded") as error:
        datasets.fashion_mnist()
    assert "ACTLAB_DATA" in str(error.value) and "\n" not in str(error.value)
    assert list((home / ".cache" / "actlab").iterdir()) == []
    assert socket.getdefaulttimeout() == timeout


class FakeDownload:
    """Stands in for torchvision's class and brings what it is told to."""

    source, damage = None, False

    def __init__(self, root, train, download=False):
        assert download
        raw = root / "FashionMNIST" / "raw"
        raw.mkdir(parents=True)
        for path in self.source.iterdir():
            content = path.read_bytes()
            (raw / path.name).write_bytes(content[: -5 if self.damage else None])
            (raw / f"{path.name}.gz").write_bytes(b"as it came")


def test_download_arrives_whole(home, small, monkeypatch):
    monkeypatch.setattr(FakeDownload, "source", small)
    monkeypatch.setattr(datasets, "_torchvision_class", lambda: FakeDownload)
    datasets._download(home / ".cache" / "actlab")
    raw = home / ".cache" / "actlab" / "FashionMNIST" / "raw"
    assert sorted(p.name for p in raw.iterdir()) == sorted(NAMES)
    assert [p.name for p in raw.parent.parent.iterdir()] == ["FashionMNIST"]


def test_damaged_download_leaves_nothing(home, small, monkeypatch):
    monkeypatch.setattr(FakeDownload, "source", small)
    monkeypatch.setattr(FakeDownload, "damage", True)
    monkeypatch.setattr(datasets, "_torchvision_class", lambda: FakeDownload)
    with pytest.raises(DataError, match="could not be downloaded.*not the published"):
        datasets._download(home / ".cache" / "actlab")
    assert list((home / ".cache" / "actlab").iterdir()) == []


def test_home_that_cannot_be_written(home, monkeypatch):
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where the folder should be")
    with pytest.raises(DataError, match="could not be downloaded"):
        datasets.fashion_mnist()


@needs_fashion
def test_fashion_mnist():
    data = datasets.fashion_mnist(download=False)
    assert data.x_train.shape == (60000, 784) and data.x_test.shape == (10000, 784)
    assert data.x_train.dtype == torch.float32
    assert data.x_train.min() == -1 and data.x_train.max() == 1
    assert torch.bincount(data.y_train).tolist() == [6000] * 10
    assert torch.bincount(data.y_test).tolist() == [1000] * 10
    # Mean pixel of the training set as the data's authors' users normalise by it.
    assert float((data.x_train.double().mean() + 1) / 2) == pytest.approx(
        0.2860, abs=1e-3
    )


@needs_fashion
def test_fashion_mnist_standard_scale():
    data = datasets.fashion_mnist("standard", download=False)
    assert abs(float(data.x_train.mean())) < 1e-3
    assert abs(float(data.x_train.std()) - 1) < 1e-3
