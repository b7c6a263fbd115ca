"""The ``nn.Module`` activations that torch does not have, one file per family.

Every module is safe in float16 and bfloat16: where the mathematics is finite, value
and gradient are finite too. nan gives nan. A tensor of whole numbers raises
``TypeError``: cast to its dtype, a slope of 0.5 would be 0. Nothing here imports
another part of the course.

A class is exported because its family's ``__all__`` names it; nothing to add here.
"""

import functools
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

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


def _floats_only(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @functools.wraps(forward)
    def checked(self: nn.Module, *args: Any, **named: Any) -> Tensor:
        x = next(iter((*args, *named.values())), None)
        if isinstance(x, Tensor) and not x.is_floating_point():
            raise TypeError(
                f"{type(self).__name__} takes floating-point numbers, not {x.dtype}; "
                "give it x.float()"
            )
        return forward(self, *args, **named)

    return checked


# One rule in one place, so that a new module cannot forget it. Torch's own modules, as
# the catalogue uses them, each have a rule of their own.
for _name in __all__:
    _kind = globals()[_name]
    if "forward" in vars(_kind):
        _kind.forward = _floats_only(_kind.forward)
