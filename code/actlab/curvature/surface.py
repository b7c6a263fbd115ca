"""The loss of a network as a function of one long vector, and its derivatives."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import overload

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jacrev, vjp, vmap
from torch.nn import functional as F

from ..networks import calls_inside
from . import limits

__all__ = ["LossSurface"]

LOSSES = ("auto", "cross_entropy", "mse")


class LossSurface:
    """The mean loss of a network on fixed data, as a function of its parameters.

    Parameters
    ----------
    network : any module. Its parameters, buffers, training flags and ``.grad`` are
        copied or left alone, never changed; while the surface computes, the module is
        in evaluation mode (no dropout, stored batch statistics).
    x, y : examples, all of them in memory. Whole-number ``y`` mean classes.
    loss : ``"cross_entropy"``, ``"mse"``, ``"auto"`` (by the type of ``y``), or a
        function (outputs, y) to a number.
    dtype : of all computation here. float64 by default: differences between
        eigenvalues of very different size are what is looked for.

    ``theta`` is the network's parameter vector, of shape (size,), and ``blocks`` maps
    each parameter's name to its slice of that vector. All methods take another vector
    in place of ``theta``. Memory: that of one training step on all examples, times
    two for products with the Hessian. Raises ``ValueError`` for a network without
    parameters, for no examples, for losses that do not suit the targets, and for a
    network that draws random numbers in evaluation mode: its loss is no function.
    Chapter 11.
    """

    def __init__(
        self,
        network: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        loss: str | Callable[[Tensor, Tensor], Tensor] = "auto",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        self.network = network
        named = dict(network.named_parameters())
        if not named:
            raise ValueError("the network has no parameters, so its loss is one number")
        if not len(x):
            raise ValueError("x is empty: a mean loss needs at least one example")
        self.shapes = {name: p.shape for name, p in named.items()}
        self.theta = torch.cat(
            [p.detach().reshape(-1).to(dtype) for p in named.values()]
        )
        self.blocks: dict[str, slice] = {}
        start = 0
        for name, shape in self.shapes.items():
            self.blocks[name] = slice(start, start + shape.numel())
            start += shape.numel()
        self.size = start
        self.buffers = {
            name: _cast(buffer.detach().clone(), dtype)
            for name, buffer in network.named_buffers()
        }
        self.x = _cast(x.detach(), dtype)
        self.y = _cast(y.detach(), dtype)
        self.criterion = _criterion(loss, y)
        self._looked = False

    def __repr__(self) -> str:
        return f"LossSurface({self.size} parameters, {len(self.x)} examples)"

    # --- values -----------------------------------------------------------------

    def outputs(self, theta: Tensor | None = None, x: Tensor | None = None) -> Tensor:
        """What the network puts out with the parameters ``theta`` (size,)."""
        theta = self.theta if theta is None else theta
        if theta.shape != (self.size,):
            raise ValueError(
                f"theta has shape {tuple(theta.shape)}; ({self.size},) is needed"
            )
        state = {
            name: theta[where].reshape(self.shapes[name])
            for name, where in self.blocks.items()
        }
        with _evaluating(self.network):
            # Copies of the buffers: even a module that writes into them is left alone.
            buffers = {name: buffer.clone() for name, buffer in self.buffers.items()}
            return functional_call(
                self.network, {**state, **buffers}, (self.x if x is None else x,)
            )

    def __call__(self, theta: Tensor | None = None) -> Tensor:
        """The loss at ``theta``, a number. Cost: one forward pass."""
        return self.criterion(self.outputs(theta), self.y)

    def gradient(self, theta: Tensor | None = None) -> Tensor:
        """The gradient of the loss at ``theta``, (size,). Cost: one training step."""
        self.look()
        return grad(self)(self.theta if theta is None else theta).detach()

    def look(self, *, slopes: bool = True, loss: bool = True) -> None:
        """Try the network once, and say what its derivatives will not show.

        Raises ``ValueError`` if it draws random numbers (torch's generator is put
        back). For who needs ``slopes`` it warns where the network's numbers, or those
        of its ``loss``, leave autograd's graph. Cost: one forward pass, the first time.
        """
        if self._looked:
            return
        cuts: list[str] = []
        drawn = torch.get_rng_state()
        with torch.inference_mode(False), torch.enable_grad():
            theta = self.theta.clone().requires_grad_()
            with _noting_cuts(self.network, cuts):
                found = self.outputs(theta, self.x.clone())
            if loss and not cuts and found.requires_grad:
                found = self.criterion(found, self.y.clone())
                if isinstance(found, Tensor) and not found.requires_grad:
                    cuts.append("the loss")
        if not torch.equal(torch.get_rng_state(), drawn):
            torch.set_rng_state(drawn)
            raise ValueError(
                "the network or its loss draws random numbers even in evaluation mode, "
                "so the loss is no function of the parameters; switch that off "
                "(F.dropout takes training=self.training)"
            )
        self._looked = slopes
        if cuts and slopes:
            warnings.warn(
                f"{cuts[0]} leaves autograd's graph (detach, NumPy, no_grad, or a "
                "step): derivatives by what stands before it come out as 0, whatever "
                "they are",
                stacklevel=calls_inside(),
            )

    # --- second derivatives -------------------------------------------------------

    @overload
    def hessian_product(
        self, vectors: None = None, theta: Tensor | None = None
    ) -> Callable[[Tensor], Tensor]: ...

    @overload
    def hessian_product(
        self, vectors: Tensor, theta: Tensor | None = None
    ) -> Tensor: ...

    def hessian_product(
        self, vectors: Tensor | None = None, theta: Tensor | None = None
    ) -> Tensor | Callable[[Tensor], Tensor]:
        """Multiply the Hessian with vectors, without ever forming it.

        Parameters
        ----------
        vectors : (size,) or (k, size), k vectors at once. Without it the function that
            multiplies is returned; it keeps the graph of the gradient and so saves a
            forward and a backward pass per product.

        Returns what was multiplied, in the shape of ``vectors``. The product is the
        gradient of (gradient · vector), since the Hessian is symmetric (Pearlmutter
        1994). Cost: about two training steps each. Raises ``NotImplementedError``
        where torch has no second derivative (``nn.Hardsigmoid``), and
        ``FloatingPointError`` where the loss is nan or infinite. Chapter 11.
        """
        theta = self.theta if theta is None else theta
        self.look()
        with torch.no_grad():
            loss = self(theta)
        if not bool(torch.isfinite(torch.as_tensor(loss)).all()):
            raise FloatingPointError(
                f"the loss is {float(loss)} here, so it has no curvature: look for nan "
                "and inf in the data, the weights and the loss"
            )
        with _differentiating_twice():
            pull_back = vjp(grad(self), theta)[1]

        def product(vectors: Tensor) -> Tensor:
            if vectors.shape[-1:] != (self.size,):
                raise ValueError(
                    f"a vector of {self.size} numbers is needed, one per parameter; "
                    f"got shape {tuple(vectors.shape)}"
                )
            vectors = vectors.to(theta.dtype)
            with _differentiating_twice():
                if vectors.dim() == 1:
                    return pull_back(vectors)[0].detach()
                return vmap(lambda v: pull_back(v)[0])(vectors).detach()

        return product if vectors is None else product(vectors)

    def hessian(
        self, theta: Tensor | None = None, *, block: str | None = None
    ) -> Tensor:
        """The exact Hessian, (size, size), or a block of it on its diagonal.

        ``block`` names a parameter (``"linears.0.weight"``) or a module with
        parameters side by side (``"linears.0"``). Memory: size² numbers, 8 MB for a
        thousand parameters in float64, 800 MB for ten thousand. Cost: one product per
        parameter. Raises :class:`TooLargeError` above the memory limit, with the size
        that would fit. Chapter 11.
        """
        theta = self.theta if theta is None else theta
        where = self.where(block)
        size = where.stop - where.start
        self._require(size)
        product = self.hessian_product(theta=theta)
        chunk = max(1, min(64, int(2e7 / max(1, self.x.shape[0] * self.size))))
        rows = []
        for start in range(where.start, where.stop, chunk):
            stop = min(start + chunk, where.stop)
            unit = torch.zeros(stop - start, self.size, dtype=theta.dtype)
            unit[range(stop - start), range(start, stop)] = 1
            rows.append(product(unit.to(theta.device))[:, where])
        matrix = torch.cat(rows)
        return (matrix + matrix.T) / 2

    def where(self, block: str | None) -> slice:
        """The slice of ``theta`` that belongs to a parameter or module; None is all."""
        if block is None:
            return slice(0, self.size)
        inside = [n for n in self.blocks if n == block or n.startswith(f"{block}.")]
        if not inside:
            raise ValueError(
                f"there is no parameter {block!r}; there are {', '.join(self.blocks)}"
            )
        where = slice(self.blocks[inside[0]].start, self.blocks[inside[-1]].stop)
        if where.stop - where.start != sum(self.shapes[n].numel() for n in inside):
            raise ValueError(f"the parameters of {block!r} do not lie side by side")
        return where

    def _require(self, size: int) -> None:
        itemsize = self.theta.element_size()
        fits = math.isqrt(limits.MEMORY_LIMIT // (2 * itemsize))
        limits.require_memory(
            f"the Hessian of {size:,} parameters",
            2 * itemsize * size**2,
            f"one of {fits:,} parameters fits into {{limit}}. For eigenvalues alone "
            "use extreme_eigenvalues or spectral_density, which never form it",
        )

    # --- first derivatives of the outputs -------------------------------------------

    def jacobian(self, x: Tensor | None = None, theta: Tensor | None = None) -> Tensor:
        """The derivative of each output by each parameter, (examples · outputs, size).

        Row by row: all outputs of the first example, then those of the second.
        Memory: that many numbers. Raises :class:`TooLargeError` above the limit.
        """
        theta = self.theta if theta is None else theta
        x = self.x if x is None else _cast(x, theta.dtype)
        self.look(loss=False)
        with torch.no_grad():
            outputs = self.outputs(theta, x)
        row = self.theta.element_size() * self.size
        each = max(1, outputs.numel() // max(1, len(x)))
        fits = max(1, int(limits.MEMORY_LIMIT // (2 * row * each)))
        limits.require_memory(
            f"the derivatives of {outputs.numel():,} outputs by {self.size:,} "
            "parameters",
            2 * row * outputs.numel(),
            f"{fits:,} examples fit into {{limit}}",
        )

        def flat(theta: Tensor) -> Tensor:
            return self.outputs(theta, x).reshape(-1)

        return jacrev(flat)(theta).detach()


def _cast(values: Tensor, dtype: torch.dtype) -> Tensor:
    return values.to(dtype) if values.is_floating_point() else values


def _criterion(
    loss: str | Callable[[Tensor, Tensor], Tensor], y: Tensor
) -> Callable[[Tensor, Tensor], Tensor]:
    if callable(loss):
        return loss
    if loss not in LOSSES:
        raise ValueError(f"unknown loss {loss!r}; choose one of {list(LOSSES)}")
    if loss == "auto":
        loss = "mse" if y.is_floating_point() else "cross_entropy"
    if loss == "cross_entropy":
        if y.is_floating_point():
            raise ValueError(
                f"cross-entropy needs whole-number classes; y is {y.dtype}. Use "
                "y.long(), or loss='mse'"
            )
        return F.cross_entropy
    return _mean_squared_error


def _mean_squared_error(outputs: Tensor, y: Tensor) -> Tensor:
    if not y.is_floating_point():  # classes: regression on one-hot targets
        y = F.one_hot(y, outputs.shape[-1]).to(outputs.dtype)
    if outputs.numel() != y.numel() or len(outputs) != len(y):
        raise ValueError(
            f"the outputs have shape {tuple(outputs.shape)} and the targets "
            f"{tuple(y.shape)}; they must hold as many numbers"
        )
    return ((outputs - y.reshape(outputs.shape)) ** 2).mean()


@contextmanager
def _differentiating_twice() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if "not implemented" not in str(error):
            raise
        raise NotImplementedError(
            f"torch cannot differentiate this network twice ({error}); write its "
            "activation with operations that it can, such as clamp or where"
        ) from error


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block; each module's own flag comes back after it.

    So do its parameters and buffers: where a module stands in two places,
    ``functional_call`` leaves those in it that it was called with.
    """
    before = [
        (module, module.training, dict(module._parameters), dict(module._buffers))
        for module in network.modules()
    ]
    try:
        network.eval()
        yield
    finally:
        for module, flag, parameters, buffers in before:
            module.training = flag
            module._parameters.update(parameters)
            module._buffers.update(buffers)


@contextmanager
def _noting_cuts(network: nn.Module, cuts: list[str]) -> Iterator[None]:
    """Note inside the block which parts get numbers with a graph and put out none."""

    def note(name: str, kind: str) -> Callable[..., None]:
        def hook(module: nn.Module, given: tuple, made: object) -> None:
            comes = any(isinstance(g, Tensor) and g.requires_grad for g in given)
            if comes and isinstance(made, Tensor) and not made.requires_grad:
                cuts.append(f"part {name!r} ({kind})")

        return hook

    handles = [
        module.register_forward_hook(note(name, type(module).__name__))
        for name, module in network.named_modules()
        if next(module.children(), None) is None
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
