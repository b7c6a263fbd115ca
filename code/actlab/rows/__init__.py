"""The rows of the catalogue, one file per family, each function written down once."""

from . import classic, gated, output, rectified, smooth, trainable

__all__ = ["ROWS"]

ROWS = (
    *classic.ROWS,
    *rectified.ROWS,
    *smooth.ROWS,
    *gated.ROWS,
    *trainable.ROWS,
    *output.ROWS,
)
