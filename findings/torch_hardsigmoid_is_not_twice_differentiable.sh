#!/usr/bin/env bash
# F.hardsigmoid has a slope and no second derivative; F.hardswish has both.
#
# Valid input: three float32 numbers. Seen with torch 2.13.0: asking for the gradient of
# the gradient raises RuntimeError, "derivative for aten::hardsigmoid_backward is not
# implemented", although the function is piecewise linear and the answer 0. Hardswish,
# which is x times Hardsigmoid, can be differentiated twice.
#
# Fails if Hardsigmoid's second derivative is there.
source "$(dirname "$0")/environment.sh"
packages torch==2.13.0 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import torch
from torch.nn import functional as F


def second(function):
    x = torch.tensor([-1.0, 0.5, 1.0], requires_grad=True)
    (slope,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
    return torch.autograd.grad(slope.sum(), x)[0]


print(f"torch {torch.__version__}")
print("Hardswish: ", second(F.hardswish).tolist())
try:
    print("Hardsigmoid:", second(F.hardsigmoid).tolist())
except RuntimeError as error:
    print("Hardsigmoid:", error)
    assert "hardsigmoid_backward is not implemented" in str(error)
else:
    raise SystemExit("it can be differentiated twice now")
PYTHON
echo "As described."
