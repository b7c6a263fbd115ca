"""The shape of a loss around a network, measured.

A :class:`LossSurface` turns network, data and loss into a function of one long vector.
On it work: products with the Hessian, its extreme eigenvalues and their density
(``spectrum``), the tangent kernel (``kernel``), slices (``slices``) and sampling
(``langevin``); ``dynamics`` follows a random recurrent network. Every instrument leaves
the network as it was, bit for bit, and refuses at once what would not fit into memory.
Chapter 11.
"""

from .dynamics import lyapunov_exponent
from .kernel import ntk
from .langevin import sgld
from .limits import TooLargeError
from .slices import NORMALISATIONS, Plane, Slice, random_direction, slice_1d, slice_2d
from .spectrum import Extremes, Spectrum, extreme_eigenvalues, lanczos, spectral_density
from .surface import LossSurface

__all__ = [
    "NORMALISATIONS",
    "Extremes",
    "LossSurface",
    "Plane",
    "Slice",
    "Spectrum",
    "TooLargeError",
    "extreme_eigenvalues",
    "lanczos",
    "lyapunov_exponent",
    "ntk",
    "random_direction",
    "sgld",
    "slice_1d",
    "slice_2d",
    "spectral_density",
]
