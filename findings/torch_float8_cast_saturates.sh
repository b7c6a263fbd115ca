#!/usr/bin/env bash
# A cast of 500 to float8 (e4m3fn) is 448 in PyTorch and nan in ml_dtypes, so in JAX.
#
# Valid input: float32 numbers beyond the format's largest, 448, among them infinity, as a
# sum of activations can be before it is quantised. Seen with torch 2.13.0 and ml_dtypes
# 0.6.0 on the CPU: PyTorch gives the largest number, for infinity too; ml_dtypes, whose
# types JAX and TensorFlow use, gives nan from 465 on. In the other format, e5m2, both
# give 512 for 500.
#
# Fails if either has changed.
source "$(dirname "$0")/environment.sh"
packages torch==2.13.0 numpy==2.4.6 ml_dtypes==0.6.0

"$python" -W ignore - <<'PYTHON'
import ml_dtypes
import numpy as np
import torch

x = np.array([448.0, 464.0, 465.0, 500.0, np.inf], dtype=np.float32)
ours = torch.from_numpy(x).to(torch.float8_e4m3fn).float().tolist()
theirs = x.astype(ml_dtypes.float8_e4m3fn).astype(np.float32).tolist()
wide = torch.tensor([500.0]).to(torch.float8_e5m2).float().item()
print(f"torch {torch.__version__}, ml_dtypes {ml_dtypes.__version__}")
print("input:    ", x.tolist())
print("torch:    ", ours)
print("ml_dtypes:", theirs)
assert ours == [448.0] * 5, "PyTorch has changed"
assert theirs[:2] == [448.0] * 2 and np.isnan(theirs[2:]).all(), "ml_dtypes has changed"
assert wide == np.float32(500).astype(ml_dtypes.float8_e5m2) == 512
PYTHON
echo "As described."
