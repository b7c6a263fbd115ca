#!/usr/bin/env bash
# mlx.nn.softshrink and hard_shrink return 0 for nan.
#
# Valid input: a float32 array with a nan, as a lost step of training leaves it. Seen with
# mlx 0.32.4 on the CPU (needs a C++ compiler): both return 0, so the nan is gone and the
# fault is hidden; relu, gelu, tanh and sigmoid hand it on.
#
# Fails if the nan comes out.
source "$(dirname "$0")/environment.sh"
packages "mlx[cpu]==0.32.4" numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import mlx.core as mx
import mlx.nn as nn
from importlib.metadata import version

mx.set_default_device(mx.cpu)
x = mx.array([float("nan"), 2.0])
print(f"mlx {version('mlx')}")
for name in ("relu", "tanh", "sigmoid", "softshrink", "hard_shrink"):
    first, second = getattr(nn, name)(x).tolist()
    print(f"{name}(nan) = {first}")
    hidden = name.endswith("shrink")
    assert (first == 0) if hidden else (first != first), f"{name} has changed"
PYTHON
echo "As described."
