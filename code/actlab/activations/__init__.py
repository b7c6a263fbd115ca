"""The ``nn.Module`` activations that torch does not have, one file per family.

Every module is safe in float16 and bfloat16: where the mathematics is finite, value
and gradient are finite too. Nothing here imports another part of the course.
"""

from .classic import ISRU, Arctan, DyT, LeCunTanh, NewFun, Square, Step
from .output import (
    Entmax,
    Sparsemax,
    TemperatureLogSoftmax,
    TemperatureSoftmax,
)
from .rectified import NIPUNA, XIELU, Absolute, CReLU, SquaredReLU
from .smooth import QuickGELU, Swish, TeLU

__all__ = [
    "Absolute",
    "Arctan",
    "CReLU",
    "DyT",
    "Entmax",
    "ISRU",
    "LeCunTanh",
    "NIPUNA",
    "NewFun",
    "QuickGELU",
    "Sparsemax",
    "Square",
    "SquaredReLU",
    "Step",
    "Swish",
    "TeLU",
    "TemperatureLogSoftmax",
    "TemperatureSoftmax",
    "XIELU",
]
