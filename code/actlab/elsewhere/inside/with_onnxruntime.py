"""PyTorch → ONNX → ONNX Runtime, with the exporter that PyTorch takes by itself."""

from __future__ import annotations

import warnings

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from .exported import Exported, Runner

__all__ = ["LIBRARY", "onnx_of"]


def onnx_of(module: nn.Module, example: Tensor) -> tuple[bytes, list[str]]:
    """Return a module as ONNX, and its operations in order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(module, (example,), dynamo=True, verbose=False)
    assert program is not None
    graph = program.model_proto.graph
    names = [node.op_type for node in graph.node]
    return program.model_proto.SerializeToString(), names


def _export(module: nn.Module, example: Tensor) -> tuple[Runner, list[str]]:
    model, names = onnx_of(module, example)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(x: np.ndarray) -> np.ndarray:
        return session.run(None, {name: x})[0]

    return run, names


LIBRARY = Exported("PyTorch → ONNX → ONNX Runtime", _export)
