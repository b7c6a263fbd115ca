"""Eigenvalues of the Hessian by Lanczos: its two ends, and how dense it is between."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from . import limits
from .surface import LossSurface
from .words import in_words

__all__ = ["Extremes", "Spectrum", "extreme_eigenvalues", "lanczos", "spectral_density"]

Product = Callable[[Tensor], Tensor]


def lanczos(
    product: Product, start: Tensor, steps: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Write a symmetric matrix as a small tridiagonal one.

    Parameters
    ----------
    product : multiplies the matrix with a vector of shape (size,).
    start : (size,), not zero; the first vector of the basis, any length.
    steps : how many products at most. Fewer are made if the basis closes before, that
        is if ``start`` lies in a subspace that the matrix maps into itself.

    Returns the diagonal (m,), the off-diagonal (m,) whose last entry is what is left
    over, and the orthonormal basis (m, size), m ≤ steps. Each new vector is made
    orthogonal to all earlier ones, twice: without that, rounding lets eigenvalues
    appear several times. Memory: steps · size numbers; cost: ``steps`` products and
    2 · steps² · size operations. Raises :class:`TooLargeError` above the memory limit,
    ``FloatingPointError`` where a product is nan or infinite, and ``ValueError`` where
    the products are not those of one symmetric matrix. Chapter 11; Ghorbani et al.
    2019.
    """
    size = start.numel()
    if steps < 1:
        raise ValueError(f"steps is {steps}; at least 1 is needed")
    if not bool(torch.isfinite(start).all()) or float(start.norm()) == 0:
        raise ValueError("the start vector must be finite and not zero")
    steps = min(steps, size)
    fits = max(1, int(limits.MEMORY_LIMIT // (8 * size)))
    limits.require_memory(
        f"a basis of {steps} vectors of {size:,} numbers",
        8 * steps * size,
        f"{fits:,} steps fit into {{limit}}",
    )
    basis = torch.zeros(steps, size, dtype=torch.float64, device=start.device)
    diagonal: list[float] = []
    beside: list[float] = []
    vector = start.reshape(-1).double()
    vector = vector / vector.norm()
    scale = 0.0
    for step in range(steps):
        basis[step] = vector
        image = _image(product, vector.to(start.dtype))
        diagonal.append(float(image @ vector))
        known = basis[: step + 1]
        shares = known @ image
        image = image - known.T @ shares
        image = image - known.T @ (known @ image)
        length = _length(image)
        scale = max(scale, abs(diagonal[-1]), length)
        if step:
            _require_symmetry(shares[:step], beside[-1], scale, start.dtype)
        beside.append(length)
        if length <= 1e-12 * scale:
            break
        vector = image / length
    m = len(diagonal)
    wide = torch.float64
    return (
        torch.tensor(diagonal, dtype=wide),
        torch.tensor(beside, dtype=wide),
        basis[:m],
    )


def _image(product: Product, vector: Tensor) -> Tensor:
    """The product with a vector, in float64, once it is known to be one."""
    image = product(vector)
    if not isinstance(image, Tensor) or image.shape != vector.shape:
        raise ValueError(
            f"the product with a vector of shape {tuple(vector.shape)} is "
            f"{in_words(image)}; a tensor of that shape is needed"
        )
    if not image.is_floating_point():
        raise ValueError(f"the product holds {image.dtype} numbers, not real floats")
    image = image.double()
    if not math.isfinite(_length(image)):
        raise FloatingPointError(
            "a product with the matrix is nan or infinite, so it has no eigenvalues: "
            "look for nan and inf in the data, the weights and the loss, and for an "
            "activation without a second derivative where it is evaluated"
        )
    return image


def _length(vector: Tensor) -> float:
    """The norm, also where squares leave float64's range."""
    largest = float(vector.abs().max())
    if 1e-140 < largest < 1e140 or largest == 0 or not math.isfinite(largest):
        return float(vector.norm())
    return largest * float((vector / largest).norm())


def _require_symmetry(
    shares: Tensor, expected: float, scale: float, dtype: torch.dtype
) -> None:
    """Raise unless an image has the share of earlier vectors that symmetry demands.

    Nothing of all but the last one, and of that one what was left over when it was
    multiplied. Short formats round a product by more.
    """
    away = shares.clone()
    away[-1] -= expected
    within = max(1e-3, 30 * math.sqrt(torch.finfo(dtype).eps))
    if float(away.abs().max()) > within * scale:
        raise ValueError(
            "the products are not those of one symmetric matrix: it is not symmetric, "
            "or changes from call to call (a random operation?); its eigenvalues "
            "cannot be found this way"
        )


def _ritz(diagonal: Tensor, beside: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors (columns) of the small tridiagonal matrix."""
    off = beside[:-1].double().numpy()
    matrix = np.diag(diagonal.double().numpy()) + np.diag(off, 1) + np.diag(off, -1)
    return np.linalg.eigh(matrix)


@dataclass(frozen=True)
class Extremes:
    """The two ends of a spectrum.

    ``error`` bounds how far either is from an eigenvalue; ``products`` counts the
    products with the matrix; ``top`` is the unit eigenvector of ``high``, (size,).
    """

    low: float
    high: float
    error: float
    products: int
    top: Tensor

    def __str__(self) -> str:
        return (
            f"from {self.low:.6g} to {self.high:.6g} "
            f"(± {self.error:.1g}, {self.products} products)"
        )


def extreme_eigenvalues(
    surface: LossSurface | Product,
    *,
    size: int | None = None,
    block: str | None = None,
    tolerance: float = 1e-6,
    steps: int = 300,
    seed: int = 0,
) -> Extremes:
    """The smallest and the largest eigenvalue of the Hessian.

    Parameters
    ----------
    surface : a :class:`LossSurface`, or a function that multiplies a symmetric matrix
        with a vector (then ``size`` is needed).
    block : only the block of one parameter or module, see :meth:`LossSurface.hessian`.
    tolerance : wanted error, as a share of the larger of the two in size.
    steps : products at most; if the tolerance is not reached by then, ``error`` says
        what was.
    seed : of the random start.

    Memory: products · size numbers. Cost: usually 20 to 100 products, about two
    training steps each. Raises :class:`TooLargeError`, and what :func:`lanczos` raises.
    Chapter 11.
    """
    if not 0 <= tolerance < math.inf:
        raise ValueError(f"tolerance is {tolerance}; a share from 0 on is needed")
    product, size, dtype = _operator(surface, size, block)
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(size, generator=generator, dtype=torch.float64).to(dtype)
    count = min(20, steps, size)
    while True:
        diagonal, beside, basis = lanczos(product, start, count)
        values, vectors = _ritz(diagonal, beside)
        left_over = float(beside[-1])
        errors = left_over * np.abs(vectors[-1, [0, -1]])
        scale = max(abs(values[0]), abs(values[-1]), 1e-300)
        made = len(diagonal)
        closed = made < count or made >= min(size, steps)
        if errors.max() <= tolerance * scale or closed:
            break
        count = min(2 * count, steps, size)
    top = basis.T @ torch.from_numpy(vectors[:, -1].copy()).to(basis)
    return Extremes(
        low=float(values[0]),
        high=float(values[-1]),
        error=0.0 if made == size else float(errors.max()),
        products=made,
        top=top,
    )


@dataclass(frozen=True)
class Spectrum:
    """How the eigenvalues of a symmetric matrix are distributed, from random probes.

    ``nodes`` and ``weights``, both (probes, m): each probe stands for a distribution
    with these places and weights, which sum to 1. ``size`` is that of the matrix.
    """

    nodes: np.ndarray
    weights: np.ndarray
    size: int

    @property
    def mass(self) -> float:
        """Total mass of the density: 1."""
        return float(self.weights.sum(1).mean())

    @property
    def low(self) -> float:
        """The smallest node with weight, an estimate of the smallest eigenvalue."""
        return float(self.nodes[self.weights > 0].min())

    @property
    def high(self) -> float:
        """The largest node with weight, an estimate of the largest eigenvalue."""
        return float(self.nodes[self.weights > 0].max())

    @property
    def trace(self) -> float:
        """Estimate of the sum of all eigenvalues."""
        return self.size * self.average(lambda values: values)

    @property
    def frobenius(self) -> float:
        """Estimate of the root of the sum of all squared eigenvalues."""
        return float(np.sqrt(self.size * self.average(np.square)))

    def average(self, function: Callable[[np.ndarray], np.ndarray]) -> float:
        """Mean of a function over the eigenvalues, such as the share below 0."""
        return float((self.weights * function(self.nodes)).sum(1).mean())

    def share(self, low: float = -np.inf, high: float = np.inf) -> float:
        """Share of the eigenvalues between two numbers."""
        return self.average(lambda values: (values >= low) & (values <= high))

    def density(self, grid: np.ndarray, width: float) -> np.ndarray:
        """The density at the places ``grid``, each node widened to a normal curve.

        ``width`` is the standard deviation of that curve, in units of the grid.
        """
        grid = np.asarray(grid, dtype=np.float64)
        if not 0 < width < math.inf:
            raise ValueError(f"width is {width}; a positive number is needed")
        away = (grid[:, None, None] - self.nodes) / width
        bumps = np.exp(-0.5 * away**2) / (width * np.sqrt(2 * np.pi))
        return (bumps * self.weights).sum(2).mean(1)


def spectral_density(
    surface: LossSurface | Product,
    *,
    size: int | None = None,
    steps: int = 80,
    probes: int = 4,
    seed: int = 0,
) -> Spectrum:
    """The density of the Hessian's eigenvalues, by stochastic Lanczos quadrature.

    Parameters
    ----------
    surface : a :class:`LossSurface`, or a function that multiplies a symmetric matrix
        with a vector (then ``size`` is needed).
    steps : products per probe; the resolution. With as many steps as parameters the
        nodes are the eigenvalues.
    probes : random start vectors; the noise of shares and traces falls with their
        root. seed : of the probes, which are random signs.

    Returns a :class:`Spectrum`. Memory: steps · size numbers. Cost: steps · probes
    products. The two ends of the spectrum are found much sooner than its middle.
    Raises :class:`TooLargeError`. Chapter 11; Ghorbani et al. 2019.
    """
    product, size, dtype = _operator(surface, size)
    if probes < 1 or steps < 1:
        raise ValueError(
            f"probes is {probes} and steps {steps}; at least 1 of each is needed"
        )
    generator = torch.Generator().manual_seed(seed)
    nodes = np.zeros((probes, min(steps, size)))
    weights = np.zeros_like(nodes)
    for row in range(probes):
        signs = torch.randint(0, 2, (size,), generator=generator) * 2 - 1
        diagonal, beside, _ = lanczos(product, signs.to(dtype), steps)
        values, vectors = _ritz(diagonal, beside)
        nodes[row, : len(values)] = values
        weights[row, : len(values)] = vectors[0] ** 2
        nodes[row, len(values) :] = values[-1]
    return Spectrum(nodes, weights, size)


def _operator(
    surface: LossSurface | Product, size: int | None, block: str | None = None
) -> tuple[Product, int, torch.dtype]:
    if isinstance(surface, LossSurface):
        where, whole = surface.where(block), surface.hessian_product()

        def inside(vector: Tensor) -> Tensor:
            padded = torch.zeros_like(surface.theta)
            padded[where] = vector
            return whole(padded)[where]

        product = whole if block is None else inside
        return product, where.stop - where.start, surface.theta.dtype
    if not callable(surface):
        raise TypeError(
            "a LossSurface or a function that multiplies a matrix with a vector is "
            f"needed, got {type(surface).__name__}"
        )
    if size is None:
        raise ValueError("a bare product needs size=, the length of its vectors")
    if size < 1:
        raise ValueError(f"size is {size}; vectors of 1 number or more are needed")
    return surface, size, torch.float64
