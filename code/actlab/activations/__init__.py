"""The ``nn.Module`` activations that torch does not have, one file per family.

Every module is safe in float16 and bfloat16: where the mathematics is finite, value
and gradient are finite too. Nothing here imports another part of the course.

A class is exported because its family's ``__all__`` names it; nothing to add here.
"""

from . import classic, gated, output, rectified, smooth, trainable
from .classic import *  # noqa: F403
from .gated import *  # noqa: F403
from .output import *  # noqa: F403
from .rectified import *  # noqa: F403
from .smooth import *  # noqa: F403
from .trainable import *  # noqa: F403

_FAMILIES = (classic, rectified, smooth, gated, trainable, output)

__all__ = sorted(
    name
    for family in _FAMILIES
    for name in family.__all__
    if isinstance(getattr(family, name), type)  # beside functions, such as entmax
)
