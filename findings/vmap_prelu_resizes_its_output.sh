#!/usr/bin/env bash
# torch.func.vmap over F.prelu: slopes with a batch, one input without.
#
# Valid input: x of shape (5,), slopes of shape (2, 1), one slope per network, which is
# how an ensemble of PReLU networks is written. Seen with torch 2.13.0 and 2.14.1 on the
# CPU: the values are right, and PyTorch warns that "an output with one or more elements
# was resized", a behaviour that it calls deprecated. The caller passes no output, so
# nobody but PyTorch can heed the warning. The same function written with torch.where
# does not warn.
#
# Fails if the values are wrong, or if the warning is gone.
source "$(dirname "$0")/environment.sh"
packages torch==2.13.0 numpy==2.4.6

"$python" - <<'PYTHON'
import warnings

import torch
from torch.func import vmap
from torch.nn import functional as F

x, slopes = torch.linspace(-1, 1, 5), torch.tensor([[0.1], [0.2]])


def warned(function):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        values = vmap(function)(slopes)
    return values, [str(warning.message) for warning in seen]


values, seen = warned(lambda slope: F.prelu(x, slope))
alone = torch.stack([F.prelu(x, slope) for slope in slopes])
_, seen_by_hand = warned(lambda slope: torch.where(x > 0, x, slope * x))
print(f"torch {torch.__version__}")
print(f"values right: {torch.equal(values, alone)}")
print(f"F.prelu: {len(seen)} warning, {seen[0][:60] if seen else 'none'} ...")
print(f"torch.where: {len(seen_by_hand)} warnings")
assert torch.equal(values, alone), "the values are wrong now"
assert any("was resized" in text for text in seen), "it does not warn any more"
assert not seen_by_hand
PYTHON
echo "As described."
