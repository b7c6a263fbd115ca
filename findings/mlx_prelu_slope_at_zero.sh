#!/usr/bin/env bash
# mlx.nn: PReLU's slope at 0 is 1.25, steeper than on either side; CELU's is 0.
#
# Valid input: the float32 number 0. Seen with mlx 0.32.4 on the CPU (needs a C++
# compiler): PReLU adds max(0, x) and a*min(0, x), and at the tie both have their full
# slope, 1 + 0.25. CELU adds in the same way, and both of its terms have none at 0, although
# CELU is smooth there with slope 1.
#
# Fails if either has changed.
source "$(dirname "$0")/environment.sh"
packages "mlx[cpu]==0.32.4" numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import mlx.core as mx
import mlx.nn as nn
from importlib.metadata import version

mx.set_default_device(mx.cpu)
prelu = nn.PReLU()
print(f"mlx {version('mlx')}")
for name, function, expected in (
    ("PReLU", prelu, [0.25, 1.25, 1.0]),
    ("celu", nn.celu, [None, 0.0, 1.0]),
):
    slopes = mx.grad(lambda v: function(v).sum())(mx.array([-1.0, 0.0, 1.0])).tolist()
    print(f"{name}: slope at -1, 0, 1: {[round(s, 4) for s in slopes]}")
    for found, wanted in zip(slopes, expected):
        assert wanted is None or found == wanted, f"{name} has changed"
PYTHON
echo "As described."
