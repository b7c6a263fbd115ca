"""The probes: exact on networks whose answer is known, and without a trace."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from actlab import probes


def layer(weight, bias) -> nn.Linear:
    """A linear layer with these numbers."""
    weight = torch.tensor(weight, dtype=torch.float32)
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(torch.tensor(bias, dtype=torch.float32))
    return linear


def known() -> nn.Sequential:
    """Inputs x ≥ 0. Layer 1: units x, −x, x − 3, −1; layer 2: their sums, and dead."""
    return nn.Sequential(
        layer([[1], [-1], [1], [0]], [0, 0, -3, -1]),
        nn.ReLU(),
        layer([[1, 1, 1, 1], [-1, -1, -1, -1]], [0, 0]),
        nn.ReLU(),
        layer([[1, 1]], [0]),
    )


RAMP = torch.arange(5.0)[:, None]  # 0 to 4: the third unit fires for the last only


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 5, 100])
@pytest.mark.parametrize("by", ["data", "gradient", "threshold"])
def test_dead_units_of_a_network_built_by_hand(by, batch_size):
    found = probes.dead_units(known(), RAMP, by=by, batch_size=batch_size)
    assert [m.tolist() for m in found.masks] == [
        [False, True, False, True],
        [False, True],
    ]
    assert found.counts == [2, 1] and found.sizes == [4, 2] and found.examples == 5
    without_last = probes.dead_units(known(), RAMP[:4], by=by, batch_size=batch_size)
    assert without_last.counts == [3, 1]
