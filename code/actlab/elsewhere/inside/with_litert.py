"""PyTorch → LiteRT, by ``litert_torch``; run by ``ai_edge_litert``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import litert_torch
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from torch import Tensor, nn

from .exported import Exported, Runner

__all__ = ["LIBRARY", "interpreted"]


def interpreted(model: bytes) -> tuple[Runner, list[str]]:
    """Return what runs a model of one input, and its operations.

    The names are read before the runtime hands the graph to its accelerated part, which
    would show as one operation.
    """
    reader = Interpreter(model_content=model)
    names = [op["op_name"] for op in reader._get_ops_details()]
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    wanted = interpreter.get_output_details()[0]["index"]

    def run(x: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given, x)
        interpreter.invoke()
        return interpreter.get_tensor(wanted).copy()

    return run, [name for name in names if name != "DELEGATE"]


def _export(module: nn.Module, example: Tensor) -> tuple[Runner, list[str]]:
    model = litert_torch.convert(module, (example,))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        model.export(str(path))
        return interpreted(path.read_bytes())


LIBRARY = Exported("PyTorch → LiteRT", _export)
