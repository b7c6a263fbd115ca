#!/usr/bin/env bash
# Leaky ReLU with a negative slope: right out of place, no backward pass in place.
#
# Valid input: two float32 numbers and the slope -0.5, with which leaky ReLU is a kind of
# absolute value. Seen with torch 2.13.0: F.leaky_relu has value and gradient. With
# inplace=True the forward pass works and the backward pass raises, since PyTorch tells
# the side of 0 from the output's sign. A slope of 0.5 works both ways.
#
# Fails if the backward pass in place works.
source "$(dirname "$0")/environment.sh"
packages torch==2.13.0 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import torch
from torch.nn import functional as F


def slope(alpha, inplace):
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    y = F.leaky_relu(x * 1.0, alpha, inplace=inplace)
    return y.tolist(), torch.autograd.grad(y.sum(), x)[0].tolist()


print(f"torch {torch.__version__}")
print("slope  0.5, in place:    ", slope(0.5, True))
print("slope -0.5, out of place:", slope(-0.5, False))
assert slope(-0.5, False) == ([0.5, 2.0], [-0.5, 1.0])
try:
    slope(-0.5, True)
except RuntimeError as error:
    print("slope -0.5, in place:    ", str(error)[:75], "...")
    assert "negative slope" in str(error)
else:
    raise SystemExit("it works now")
PYTHON
echo "As described."
