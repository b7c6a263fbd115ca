#!/usr/bin/env bash
# mlx: the second derivative of tanh at x = 100 is nan.
#
# Valid input: float32 numbers. Seen with mlx 0.32.4 on the CPU (needs a C++ compiler):
# value and slope of tanh are right, 1 and 0, and the second derivative, 0, is nan at 100;
# at 30 it is 0. Sigmoid, which is a stretched tanh, has 0 at both.
#
# Fails if it is a number.
source "$(dirname "$0")/environment.sh"
packages "mlx[cpu]==0.32.4" numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import mlx.core as mx
import numpy as np
from importlib.metadata import version

mx.set_default_device(mx.cpu)
x = mx.array([1.0, 30.0, 100.0])
print(f"mlx {version('mlx')}, second derivative at 1, 30, 100")
for function in (mx.tanh, mx.sigmoid):
    slope = mx.grad(lambda v: function(v).sum())
    second = np.array(mx.grad(lambda v: slope(v).sum())(x))
    print(function.__name__, second)
    assert np.isfinite(second[:2]).all()
    assert np.isnan(second[2]) == (function is mx.tanh), "it has changed"
PYTHON
echo "As described."
