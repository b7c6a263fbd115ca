#!/usr/bin/env bash
# The slope of clamp at its bound is 1 in torch 2.13.0 and 0 in torch 2.14.1.
#
# Valid input: the float32 number 0. Seen with both releases on the CPU: `x.clamp(min=0)`,
# a common spelling of ReLU, passes the gradient at 0 in the older release and not in the
# newer one; `torch.fmax(x, 0)` passes all of it and half of it. F.relu has 0 in both.
#
# Fails if either release does otherwise. Two releases, several GB on Linux.
source "$(dirname "$0")/environment.sh"

slopes() { # RELEASE CLAMP FMAX RELU
  rm -rf "$folder/venv"
  packages "torch==$1" numpy==2.4.6
  "$python" -W ignore - "${@:2}" <<'PYTHON'
import sys

import torch

x = torch.zeros(1, requires_grad=True)
slopes = [
    torch.autograd.grad(y, x)[0].item()
    for y in (x.clamp(min=0), torch.fmax(x, torch.zeros(1)), torch.relu(x))
]
print(f"torch {torch.__version__}: clamp, fmax, relu have the slopes {slopes}")
assert slopes == list(map(float, sys.argv[1:])), "it has changed"
PYTHON
}

slopes 2.13.0 1 1 0
slopes 2.14.1 0 0.5 0
echo "As described."
