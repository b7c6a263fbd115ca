"""PyTorch → OpenVINO, with its own converter; it computes in float32 as asked."""

from __future__ import annotations

import numpy as np
import openvino
from torch import Tensor, nn

from .exported import Exported, Runner

__all__ = ["LIBRARY"]

QUIET = {"Parameter", "Result", "Constant"}


def compiled(model: openvino.Model) -> tuple[Runner, list[str]]:
    """Return what runs a model, and its operations.

    A processor may compute in bfloat16 where nothing is said; here float32 is asked.
    """
    names = [op.get_type_name() for op in model.get_ordered_ops()]
    ready = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(x: np.ndarray) -> np.ndarray:
        return ready(x)[0].copy()

    return run, [name for name in names if name not in QUIET]


def _export(module: nn.Module, example: Tensor) -> tuple[Runner, list[str]]:
    return compiled(openvino.convert_model(module, example_input=example))


LIBRARY = Exported("PyTorch → OpenVINO", _export)
