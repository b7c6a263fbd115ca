#!/usr/bin/env bash
# Softplus converted from TensorFlow to LiteRT is infinite at x = 100.
#
# Valid input: three float32 numbers. Seen with tensorflow 2.21.0 and ai-edge-litert 2.3.0
# on the CPU: the converter has no softplus and writes log(1 + exp(x)), whose exponential
# overflows from 89 on. TensorFlow itself returns 100.
#
# Fails if the converted graph is finite at 100.
source "$(dirname "$0")/environment.sh"
packages tensorflow==2.21.0 ai-edge-litert==2.3.0 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

function = tf.function(
    tf.nn.softplus, input_signature=[tf.TensorSpec([3], tf.float32)], autograph=False
)
concrete = function.get_concrete_function()
model = tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()
names = [op["op_name"] for op in Interpreter(model_content=model)._get_ops_details()]
interpreter = Interpreter(model_content=model)
interpreter.allocate_tensors()
x = np.array([0.0, 10.0, 100.0], dtype=np.float32)
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
interpreter.invoke()
found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
own = tf.nn.softplus(x).numpy()
print(f"tensorflow {tf.__version__}")
print("graph:     ", [name for name in names if name != "DELEGATE"])
print("TensorFlow:", own)
print("LiteRT:    ", found)
assert np.allclose(found[:2], own[:2], rtol=1e-4)
assert own[2] == 100
assert np.isposinf(found[2]), "it is finite now"
PYTHON
echo "As described."
