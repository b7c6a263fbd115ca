#!/usr/bin/env bash
# scipy.special: of a row with an infinite entry, softmax is nan, log_softmax is not.
#
# Valid input: a row of four float64 numbers, one of them infinite. Seen with scipy 1.17.1:
# softmax returns nan four times. log_softmax returns nan for the infinite entry and minus
# infinity for the others, whose exponential, 0, softmax does not give.
#
# Fails if the two agree.
source "$(dirname "$0")/environment.sh"
packages scipy==1.17.1 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import numpy as np
import scipy
from scipy.special import log_softmax, softmax

row = np.array([np.inf, 0.0, 1.0, 2.0])
with np.errstate(all="ignore"):
    soft, log = softmax(row), log_softmax(row)
print(f"scipy {scipy.__version__}")
print("softmax:    ", soft)
print("log_softmax:", log)
assert np.isnan(soft).all()
assert np.isnan(log[0]) and np.isneginf(log[1:]).all(), "log_softmax has changed"
PYTHON
echo "As described."
