"""PyTorch → ONNX → OpenVINO."""

from __future__ import annotations

import io

import openvino
from torch import Tensor, nn

from .exported import Exported, Runner
from .with_onnxruntime import onnx_of
from .with_openvino import compiled

__all__ = ["LIBRARY"]


def _export(module: nn.Module, example: Tensor) -> tuple[Runner, list[str]]:
    model, names = onnx_of(module, example)
    return compiled(openvino.convert_model(io.BytesIO(model)))[0], names


LIBRARY = Exported("PyTorch → ONNX → OpenVINO", _export)
