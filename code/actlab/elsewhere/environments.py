"""Environments of the libraries: what each holds, how it is made and removed.

An environment is a folder of its own with a Python and pinned packages. It is made by
``uv`` where that is installed, else by ``venv`` and ``pip``; both find packages where
their own settings say. Nothing is installed into the environment that runs this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ENVIRONMENTS", "Environment", "installer", "make"]


@dataclass(frozen=True)
class Environment:
    """One library at one release.

    Attributes
    ----------
    key : how the command names it.
    title : how a page names it, without the release.
    adapter : the file ``inside/with_ADAPTER.py`` that asks it.
    packages : what is installed, pinned; the first is the library itself.
    variables : of the process that asks.
    needs : a program that has to be there, or "".
    kind : "library", "export" or "census".
    base : the environment with whose cells its own are compared.
    """

    key: str
    title: str
    adapter: str
    packages: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    needs: str = ""
    kind: str = "library"
    base: str = "torch"

    @property
    def adapter_file(self) -> str:
        """The file of ``inside/`` that asks, without its ending."""
        return self.adapter if self.kind == "census" else f"with_{self.adapter}"

    @property
    def names(self) -> tuple[str, ...]:
        """The packages' names, without extras and releases."""
        return tuple(
            package.partition("==")[0].partition("[")[0] for package in self.packages
        )


NUMPY = "numpy==2.4.6"
TORCH = "torch==2.13.0"
JAX = "jax==0.10.2"
KERAS = "keras==3.15.1"
TENSORFLOW = "tensorflow==2.21.0"
ONNX = ("onnx==1.23.2", "onnxscript==0.7.2")
TRANSFORMERS = "transformers==5.24.0"
TIMM = "timm==1.0.31"
# timm needs torchvision, and its wheels and PyTorch's have to be of one kind.
WITH_VISION = ("torch==2.14.1", "torchvision==0.29.1")
LITERT = "ai-edge-litert==2.3.0"

_ALL = (
    Environment("torch", "PyTorch", "torch", (TORCH, NUMPY)),
    Environment("torch-next", "PyTorch", "torch", (WITH_VISION[0], NUMPY)),
    Environment("jax", "JAX", "jax", (JAX, NUMPY)),
    Environment("flax", "Flax", "flax", ("flax==0.12.8", JAX, NUMPY)),
    Environment(
        "keras-jax", "Keras on JAX", "keras", (KERAS, JAX, NUMPY),
        {"KERAS_BACKEND": "jax"},
    ),
    Environment(
        "keras-torch", "Keras on PyTorch", "keras", (KERAS, TORCH, NUMPY),
        {"KERAS_BACKEND": "torch"},
    ),
    Environment(
        "keras-tensorflow", "Keras on TensorFlow", "keras", (KERAS, TENSORFLOW, NUMPY),
        {"KERAS_BACKEND": "tensorflow"},
    ),
    Environment("tensorflow", "TensorFlow", "tensorflow", (TENSORFLOW, NUMPY)),
    Environment("mlx", "MLX", "mlx", ("mlx[cpu]==0.32.4", NUMPY)),
    Environment(
        "tinygrad", "tinygrad", "tinygrad", ("tinygrad==0.14.0", NUMPY), needs="clang"
    ),
    Environment(
        "transformers", "transformers", "transformers", (TRANSFORMERS, TORCH, NUMPY)
    ),
    Environment("timm", "timm", "timm", (TIMM, *WITH_VISION, NUMPY), base="torch-next"),
    Environment(
        "scikit-learn", "scikit-learn", "sklearn", ("scikit-learn==1.9.1", NUMPY)
    ),
    Environment("scipy", "NumPy and SciPy", "scipy", ("scipy==1.17.1", NUMPY)),
    Environment(
        "onnxruntime", "PyTorch → ONNX → ONNX Runtime", "onnxruntime",
        ("onnxruntime==1.32.0", *ONNX, TORCH, NUMPY), kind="export",
    ),
    Environment(
        "openvino", "PyTorch → OpenVINO", "openvino",
        ("openvino==2026.4.1", TORCH, NUMPY), kind="export",
    ),
    Environment(
        "onnx-openvino", "PyTorch → ONNX → OpenVINO", "onnx_openvino",
        ("openvino==2026.4.1", "onnxruntime==1.32.0", *ONNX, TORCH, NUMPY),
        kind="export",
    ),
    Environment(
        "litert", "PyTorch → LiteRT", "litert",
        (LITERT, "litert-torch==0.10.0", TORCH, NUMPY), kind="export",
    ),
    Environment(
        "tensorflow-litert", "TensorFlow → LiteRT", "tensorflow_litert",
        (LITERT, TENSORFLOW, NUMPY), kind="export",
    ),
    Environment(
        "census-transformers", "transformers' configurations", "transformers_census",
        (TRANSFORMERS, TORCH, NUMPY), kind="census",
    ),
    Environment(
        "census-timm", "timm's models", "timm_census",
        (TIMM, *WITH_VISION, NUMPY), kind="census",
    ),
)  # fmt: skip

ENVIRONMENTS = {environment.key: environment for environment in _ALL}


def installer() -> str | None:
    """Return the path of ``uv``; None where there is none."""
    beside = shutil.which("uv", path=str(Path(sys.executable).parent))
    return beside or shutil.which("uv")


def make(environment: Environment, folder: Path) -> Path:
    """Make an environment in a folder; return its Python.

    Raises ``RuntimeError``, with the installer's last words, if a package cannot be
    had, and ``FileNotFoundError`` if a program is missing.
    """
    if environment.needs and shutil.which(environment.needs) is None:
        raise FileNotFoundError(
            f"{environment.key} needs the program {environment.needs!r} on the path; "
            "install it, or leave this library out"
        )
    uv = installer()
    if uv is None:
        venv.create(folder, with_pip=True)
    else:
        _call([uv, "venv", "-q", "--python", sys.executable, str(folder)])
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if uv is None:
        install = [str(python), "-m", "pip", "install", "-q"]
    else:
        install = [uv, "pip", "install", "-q", "--python", str(python)]
    _call([*install, *environment.packages])
    return python


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeError(
            f"{' '.join(command[-3:])} failed: {' '.join(words[-3:])[:400]}"
        )
