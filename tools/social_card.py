"""The picture beside a link to the site elsewhere: four curves and the title.

Drawn while the site is built, from the catalogue's own formulas, and only when this
file has changed since it was drawn.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

__all__ = ["ALT", "SIZE", "draw", "write_card"]

SIZE = (1200, 630)  # what the large cards of most sites show uncut
ALT = "Four curves, ReLU, GELU, tanh and a sine, and the title of the course."
GROUND, INK, SOFT = "#10202e", "#f4f6f8", "#b9c6d2"
CURVES = {"relu": "#7cc4f5", "gelu": "#ff9257", "tanh": "#9fd48a", "snake": "#d7b5f2"}


def draw() -> bytes:
    """Return the card as PNG; the same bytes for the same versions of the libraries."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from actlab import catalogue

    figure = Figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100, facecolor=GROUND)
    axes = figure.add_axes((0.5, 0.0, 0.5, 1.0), facecolor=GROUND)
    x = np.linspace(-4, 4, 400)
    for key, colour in CURVES.items():
        axes.plot(x, catalogue.get(key).numpy()(x), color=colour, linewidth=6)
    axes.axhline(0, color=SOFT, linewidth=1, alpha=0.5)
    axes.axvline(0, color=SOFT, linewidth=1, alpha=0.5)
    axes.set(xlim=(-4, 4), ylim=(-2.4, 4.2))
    axes.axis("off")
    lines = (
        (0.70, "Activation", 54, INK, "bold"),
        (0.57, "Functions,", 54, INK, "bold"),
        (0.44, "Measured", 54, INK, "bold"),
        (0.24, "What does a non-linearity do to a network?", 20, SOFT, "normal"),
        (0.17, "One change at a time, with seeds and intervals.", 20, SOFT, "normal"),
    )
    for height, text, size, colour, weight in lines:
        figure.text(0.06, height, text, color=colour, fontsize=size, fontweight=weight)
    target = io.BytesIO()
    FigureCanvasAgg(figure).print_png(target, metadata={"Software": None})
    return target.getvalue()


def write_card(folder: Path) -> Path:
    """Write ``static/card.png`` below a folder unless this file drew it already."""
    path, key = folder / "static" / "card.png", folder / "card.key"
    wanted = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    if path.exists() and key.exists() and key.read_text("utf-8") == wanted:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(draw())
    key.write_text(wanted, "utf-8")
    return path
