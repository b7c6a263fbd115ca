"""The property sheet: what calculus and one-dimensional integrals say of any f.

A function may be given by its catalogue key, as a catalogue row, as a formula that
somebody typed, as a SymPy expression, or as a Python callable or ``nn.Module`` that
maps a tensor to a tensor, element by element.

Where the function is a formula, its kinks are read off the formula and its slope is
SymPy's; where it is a callable, both are found numerically (slopes by autograd).
Gaussian integrals are Gauss-Legendre sums over panels that end at every kink.

Each of the package's modules uses only those before it: `breaks`, `functions`,
`shape` and `integrals`, `signal`, `depth`, `sheet`.

Chapter: 02 (the sheet), 04 and 09 (variance and correlation maps, depth profiles).
"""

from __future__ import annotations

from .breaks import Kink
from .depth import (
    DepthProfile,
    depth_profile,
    iterate_correlation,
    iterate_gradient,
    start_variances,
)
from .integrals import mean, second_moment
from .sheet import PropertySheet, property_sheet
from .signal import (
    FixedPoint,
    backward_gain,
    chi_1,
    correlation_map,
    fixed_point,
    forward_gain,
    iterate_variance,
    variance_map,
    variance_slope,
)

__all__ = [
    "DepthProfile",
    "FixedPoint",
    "Kink",
    "PropertySheet",
    "backward_gain",
    "chi_1",
    "correlation_map",
    "depth_profile",
    "fixed_point",
    "forward_gain",
    "iterate_correlation",
    "iterate_gradient",
    "iterate_variance",
    "mean",
    "property_sheet",
    "second_moment",
    "start_variances",
    "variance_map",
    "variance_slope",
]
