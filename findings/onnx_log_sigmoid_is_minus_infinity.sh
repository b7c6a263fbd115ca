#!/usr/bin/env bash
# LogSigmoid exported to ONNX is minus infinity at x = -30.
#
# Valid input: four float32 numbers. Seen with torch 2.13.0, onnxscript 0.7.2 and
# onnxruntime 1.32.0 on the CPU: torch.onnx.export writes LogSigmoid as Log(Sigmoid(x)).
# ONNX Runtime's sigmoid is 0 at -30, so its logarithm is -inf, where PyTorch gives -30. The
# opset has Softplus, of which LogSigmoid is a mirror image.
#
# Fails if the exported graph is finite at -30.
source "$(dirname "$0")/environment.sh"
packages torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import numpy as np
import onnxruntime
import torch

module = torch.nn.LogSigmoid().eval()
program = torch.onnx.export(module, (torch.zeros(4),), dynamo=True, verbose=False)
model = program.model_proto
session = onnxruntime.InferenceSession(model.SerializeToString())
x = np.array([-30.0, -10.0, 0.0, 10.0], dtype=np.float32)
found = session.run(None, {session.get_inputs()[0].name: x})[0]
own = module(torch.from_numpy(x)).numpy()
print(f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}")
print("graph:       ", [node.op_type for node in model.graph.node])
print("PyTorch:     ", own)
print("ONNX Runtime:", found)
assert np.allclose(found[1:], own[1:], atol=1e-3)
assert np.isneginf(found[0]), "it is finite now"
PYTHON
echo "As described."
