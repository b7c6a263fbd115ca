"""What hooks cannot see: activations that are functions called in ``forward``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from .hooks import Listener

__all__ = ["FunctionsSeen", "UnseenActivationWarning"]

FUNCTIONS = {
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "leaky_relu", "log_sigmoid", "logsigmoid", "mish", "prelu", "relu", "relu6",
    "rrelu", "selu", "sigmoid", "silu", "softplus", "softshrink", "softsign", "tanh",
    "tanhshrink", "threshold",
    "erf", "erfc", "special_erf", "special_ndtr", "special_log_ndtr",
    "gru", "gru_cell", "lstm", "lstm_cell", "rnn_relu", "rnn_relu_cell", "rnn_tanh",
    "rnn_tanh_cell", "_transformer_encoder_layer_fwd",
}  # fmt: skip
"""Names of torch's activation functions, and of what holds some inside."""

CLAMPS = ("clamp", "clip", "clamp_min")
LARGER = ("maximum", "fmax", "max")
COMPARE = ("gt", "ge", "lt", "le", "greater", "less", "__gt__", "__ge__", "__lt__")
"""How a ReLU is written out: as the larger of x and 0, or by comparing x with 0."""


class UnseenActivationWarning(UserWarning):
    """A network calls activations as functions, beside the modules that count."""


class FunctionsSeen(TorchFunctionMode):
    """While active, notes torch's activation functions outside the counted modules.

    ``found`` maps a function and the place of the call to how often it was called.
    Of formulas written out, those that compare numbers with 0 (``x * (x > 0)``,
    ``torch.maximum(x, zero)``) or call the error function are known.  Others, such as
    ``x / (1 + exp(-x))`` or ``sin(x)``, and what compiled code computes, are not.
    """

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self.listener = listener
        self.found: dict[tuple[str, str], int] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").split(".")[0].removesuffix("_")
        if not self.listener.inside and _acts(name, args, kwargs):
            key = name, _place(self.listener.network)
            self.found[key] = self.found.get(key, 0) + 1
        return func(*args, **kwargs)


def _acts(name: str, args: tuple, kwargs: Mapping[str, Any]) -> bool:
    if name in CLAMPS:  # max(0, x), and no other limits
        low = kwargs.get("min", args[1] if len(args) > 1 else None)
        high = kwargs.get("max", args[2] if len(args) > 2 else None)
        return isinstance(low, (int, float)) and low == 0 and high is None
    if name in LARGER:
        return any(isinstance(v, Tensor) and _zero(v) for v in args[:2])  # no axis
    if name in COMPARE:
        numbers = isinstance(args[0], Tensor) and args[0].is_floating_point()
        return numbers and args[0].ndim > 1 and len(args) > 1 and _zero(args[1])
    return name in FUNCTIONS


def _zero(value: Any) -> bool:
    """Whether a number, or a tensor of numbers everywhere, is 0."""
    if isinstance(value, Tensor):
        return value.is_floating_point() and not bool(value.detach().any())
    return isinstance(value, (int, float)) and value == 0


def _place(network: nn.Module) -> str:
    """The module of the network in whose code the call stands."""
    names = {id(module): name for name, module in network.named_modules()}
    frame = sys._getframe(2)
    while frame is not None:
        owner = frame.f_locals.get("self")
        if id(owner) in names and isinstance(owner, nn.Module):
            name = names[id(owner)]
            return f"{name} ({type(owner).__name__})" if name else type(owner).__name__
        if frame.f_back is None:
            break
        frame = frame.f_back
    return type(network).__name__
