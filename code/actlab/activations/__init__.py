"""The ``nn.Module`` activations that torch does not have, one file per family.

Every module is safe in float16 and bfloat16: where the mathematics is finite, value
and gradient are finite too. Nothing here imports another part of the course.
"""

from .classic import (
    ISRU,
    Arctan,
    DyT,
    Gaussian,
    LeCunTanh,
    NewFun,
    Sign,
    Square,
    Step,
)
from .output import (
    Entmax,
    Sparsemax,
    TemperatureLogSoftmax,
    TemperatureSoftmax,
)
from .rectified import NIPUNA, XIELU, Absolute, CReLU, SquaredReLU
from .smooth import (
    ELiSH,
    HardELiSH,
    LiSHT,
    Logish,
    Phish,
    QuickGELU,
    Serf,
    Smish,
    SwiGELU,
    Swish,
    TeLU,
)

__all__ = [
    "Absolute",
    "Arctan",
    "CReLU",
    "DyT",
    "ELiSH",
    "Entmax",
    "Gaussian",
    "HardELiSH",
    "ISRU",
    "LeCunTanh",
    "LiSHT",
    "Logish",
    "NIPUNA",
    "NewFun",
    "Phish",
    "QuickGELU",
    "Serf",
    "Sign",
    "Smish",
    "Sparsemax",
    "Square",
    "SquaredReLU",
    "Step",
    "SwiGELU",
    "Swish",
    "TeLU",
    "TemperatureLogSoftmax",
    "TemperatureSoftmax",
    "XIELU",
]
