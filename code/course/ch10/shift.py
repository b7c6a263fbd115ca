"""The common shift of a step, taken back: who dies when only that is missing?"""

from __future__ import annotations

from collections.abc import Callable, Collection

import torch
from torch import Tensor, nn

from actlab.networks import MLP

__all__ = ["taken_back"]


def taken_back(
    network: MLP, x: Tensor, layers: Collection[int]
) -> Callable[[int], None]:
    """Return what gives biases back, after each step, the shift common to all examples.

    A step from weights W to V moves a pre-activation by (V - W) h, h the layer's input.
    Its mean over ``x``, (V - W) mean(h) with h as before the step, is subtracted from
    the bias. So the step of the weights no longer moves all examples alike; its size,
    the bias's own step and the function at the start stay what they are.

    Parameters
    ----------
    network : trained elsewhere; its biases are changed in place.
    x : the inputs over which the mean is taken, shape (examples, features).
    layers : numbers of hidden layers, from 1 at the bottom.

    The function returned takes the number of the step.  Chapter 10.
    """
    before: dict[int, tuple[Tensor, Tensor]] = {}

    def look() -> None:
        if not layers:
            return
        inputs = [x, *(joint.activation for joint in network.joints(x))]
        for layer in layers:
            weight = _linear(network, layer).weight.detach().clone()
            before[layer] = weight, inputs[layer - 1].mean(0)

    @torch.no_grad()
    def take_back(step: int) -> None:
        for layer, (weight, mean) in before.items():
            linear = _linear(network, layer)
            linear.bias.sub_((linear.weight - weight) @ mean)
        look()

    look()
    return take_back


def _linear(network: MLP, layer: int) -> nn.Linear:
    hidden = len(network.activations)
    if not 1 <= layer <= hidden:
        raise ValueError(f"layer is {layer}; the hidden layers are 1 to {hidden}")
    linear = network.linears[layer - 1]
    assert isinstance(linear, nn.Linear)
    return linear
