#!/usr/bin/env bash
# F.softplus in float64 is not monotone: it falls where x passes 20.
#
# Valid input: two float64 numbers, 20 and a billionth more. Seen with torch 2.13.0 on the
# CPU: right of the threshold of 20 softplus returns x itself, which is 2.06e-9 below the
# formula. That is far below float32's resolution at 20 and five hundred thousand times
# float64's, so softplus(20.000000001) is smaller than softplus(20). NumPy's logaddexp, the
# same function, rises.
#
# Fails if softplus rises there.
source "$(dirname "$0")/environment.sh"
packages torch==2.13.0 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import numpy as np
import torch
from torch.nn import functional as F

x = torch.tensor([20.0, 20.000000001], dtype=torch.float64)
first, second = F.softplus(x).tolist()
low, high = np.logaddexp(x.numpy(), 0.0).tolist()
print(f"torch {torch.__version__}")
print(f"F.softplus:   {first:.12f} then {second:.12f}")
print(f"np.logaddexp: {low:.12f} then {high:.12f}")
assert low < high
assert second < first, "it rises now"
assert 2e-9 < high - second < 2.2e-9
PYTHON
echo "As described."
