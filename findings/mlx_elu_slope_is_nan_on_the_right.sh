#!/usr/bin/env bash
# mlx.nn.elu at x = 100: the value is 100, the slope nan.
#
# Valid input: float32 numbers. Seen with mlx 0.32.4 on the CPU (needs a C++ compiler):
# elu and selu choose between x and exp(x) - 1 with `where`, and the branch that is not
# taken overflows from 89 on. Its slope, infinite, is multiplied by 0. One positive
# pre-activation of 100 makes a gradient nan. celu, which clips first, has the slope 1.
#
# Fails if the slope at 100 is a number.
source "$(dirname "$0")/environment.sh"
packages "mlx[cpu]==0.32.4" numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import mlx.core as mx
import mlx.nn as nn
import numpy as np
from importlib.metadata import version

mx.set_default_device(mx.cpu)
x = mx.array([50.0, 100.0])
print(f"mlx {version('mlx')}, at 50 and 100")
for name in ("elu", "selu", "celu"):
    function = getattr(nn, name)
    slope = np.array(mx.grad(lambda v: function(v).sum())(x))
    print(f"{name}: values {np.array(function(x))}, slopes {slope}")
    assert np.isfinite(np.array(function(x))).all() and np.isfinite(slope[0])
    assert np.isnan(slope[1]) == (name != "celu"), f"{name} has changed"
PYTHON
echo "As described."
