#!/usr/bin/env bash
# F.hardswish is infinite from a sixth of the largest number on.
#
# Valid input: finite float32 and bfloat16 numbers. Seen with torch 2.13.0 on the CPU:
# Hardswish of 1e38 is infinite. The function is the identity there and 1e38 is a float32
# number, but x is multiplied by 6 before it is divided by 6. SiLU, the smooth function
# that Hardswish imitates, returns 1e38.
#
# Fails if hardswish(1e38) is finite.
source "$(dirname "$0")/environment.sh"
packages torch==2.13.0 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import torch
from torch.nn import functional as F

print(f"torch {torch.__version__}")
for dtype in (torch.float32, torch.bfloat16):
    x = torch.tensor([5e37, 1e38], dtype=dtype)
    hard, soft = F.hardswish(x), F.silu(x)
    print(f"{dtype}: hardswish {hard.tolist()}, silu {soft.tolist()}")
    assert torch.equal(soft, x)
    assert torch.isfinite(hard[0]) and torch.isinf(hard[1]), "it is finite now"
PYTHON
echo "As described."
