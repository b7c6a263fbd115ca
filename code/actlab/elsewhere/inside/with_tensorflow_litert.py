"""TensorFlow → LiteRT, by TensorFlow's own converter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from .protocol import Entry, Function, Graphs
from .with_tensorflow import FUNCTIONS

__all__ = ["LIBRARY"]

LEFT_OUT = ("maximum", "clip", "abs", "amax")


class TensorflowLitert(Graphs):
    """The functions of ``tf.nn`` as LiteRT runs them."""

    def entries(self) -> Mapping[str, Entry]:
        """Return TensorFlow's functions behind the converter."""
        return {
            key: Entry(entry.call, _maker(entry), None, entry.vector)
            for key, entry in FUNCTIONS.items()
            if key not in LEFT_OUT
        }


def _maker(entry: Entry) -> Callable[[str], Function]:
    return lambda dtype: _Graph(entry.make(dtype), dtype)


class _Graph:
    """A function with its graph for the shape that came last."""

    names: list[str] | None = None

    def __init__(self, f: Function, dtype: str) -> None:
        self.f, self.dtype = f, dtype

    def __call__(self, x: np.ndarray) -> np.ndarray:
        interpreter = Interpreter(model_content=self._model(x.shape))
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    def _model(self, shape: tuple[int, ...]) -> bytes:
        def typed(x: Any) -> Any:
            return tf.cast(self.f(tf.cast(x, self.dtype)), tf.float32)

        signature = [tf.TensorSpec(shape, tf.float32)]
        function = tf.function(typed, input_signature=signature, autograph=False)
        concrete = function.get_concrete_function()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
        model = converter.convert()
        reader = Interpreter(model_content=model)
        if self.names is None:
            names = [op["op_name"] for op in reader._get_ops_details()]
            self.names = [name for name in names if name != "DELEGATE"]
        return model


LIBRARY = TensorflowLitert()
