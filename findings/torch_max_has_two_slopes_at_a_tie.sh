#!/usr/bin/env bash
# Three ways to take the largest entry of a vector have two slopes where entries tie.
#
# Valid input: three ones. Seen with torch 2.13.0: `x.max()` and `x.amax(0)` share the
# slope, a third for each entry; `x.max(0).values` and max pooling give all of it to the
# first; the last entry of `x.sort()` gives it to the last.
#
# Fails if any of them has changed.
source "$(dirname "$0")/environment.sh"
packages torch==2.13.0 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import torch
from torch.nn import functional as F

ways = {
    "x.max()": (lambda x: x.max(), [1 / 3] * 3),
    "x.amax(0)": (lambda x: x.amax(0), [1 / 3] * 3),
    "x.max(0).values": (lambda x: x.max(0).values, [1.0, 0.0, 0.0]),
    "F.max_pool1d(x, 3)": (lambda x: F.max_pool1d(x[None], 3).sum(), [1.0, 0.0, 0.0]),
    "x.sort().values[-1]": (lambda x: x.sort().values[-1], [0.0, 0.0, 1.0]),
}
print(f"torch {torch.__version__}, slopes at 1, 1, 1")
for name, (largest, expected) in ways.items():
    x = torch.ones(3, requires_grad=True)
    (slope,) = torch.autograd.grad(largest(x), x)
    print(f"{name:20}", [round(number, 3) for number in slope.tolist()])
    assert torch.allclose(slope, torch.tensor(expected)), f"{name} has changed"
PYTHON
echo "As described."
