#!/usr/bin/env bash
# transformers' xIELU keeps its parameters in bfloat16, also where the input is float32.
#
# Valid input: float32 numbers. Seen with transformers 5.24.0 and torch 2.13.0:
# ACT2FN["xielu"] promises alpha = 0.8 on both sides. It stores the parameter, through the
# inverse of softplus, in bfloat16, and there is no 0.8 in it: at x = 8 the value is
# 0.025 off, half a thousandth of it, where float32 resolves a ten-millionth.
#
# Fails if the value at 8 is right to 0.001.
source "$(dirname "$0")/environment.sh"
packages transformers==5.24.0 torch==2.13.0 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import torch
import transformers
from transformers.activations import ACT2FN

module = ACT2FN["xielu"]
x = torch.tensor([1.0, 8.0])
with torch.no_grad():
    found = module(x)
formula = 0.8 * x * x + 0.5 * x
print(f"transformers {transformers.__version__}, torch {torch.__version__}")
print("parameters:", module.alpha_p.dtype, "output:", found.dtype)
print("xielu:  ", found.tolist())
print("formula:", formula.tolist())
assert module.alpha_p.dtype == torch.bfloat16
assert 0.01 < (found - formula)[1].abs() < 0.05, "it is right now"
PYTHON
echo "As described."
