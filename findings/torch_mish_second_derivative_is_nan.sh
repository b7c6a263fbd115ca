#!/usr/bin/env bash
# The second derivative of F.mish at x = 100 is nan in float32.
#
# Valid input: five float32 numbers. Seen with torch 2.13.0 on the CPU: value and slope are
# right everywhere, and the second derivative, which is 0 to float32's resolution from
# about 10 on, is 0 up to 50 and nan at 100. In float64 it is 0 at 100 too. A Hessian or a
# Hessian-vector product with one such unit is nan as a whole.
#
# Fails if the second derivative at 100 is a number.
source "$(dirname "$0")/environment.sh"
packages torch==2.13.0 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import torch
from torch.nn import functional as F


def second(dtype):
    x = torch.tensor([20.0, 50.0, 100.0], dtype=dtype, requires_grad=True)
    (slope,) = torch.autograd.grad(F.mish(x).sum(), x, create_graph=True)
    return slope.tolist(), torch.autograd.grad(slope.sum(), x)[0].tolist()


slopes, found = second(torch.float32)
print(f"torch {torch.__version__}, at 20, 50, 100")
print("slope, float32:            ", slopes)
print("second derivative, float32:", found)
print("second derivative, float64:", second(torch.float64)[1])
assert slopes == [1.0, 1.0, 1.0]
assert found[:2] == [0.0, 0.0]
assert found[2] != found[2], "it is a number now"
assert second(torch.float64)[1][2] == 0.0
PYTHON
echo "As described."
