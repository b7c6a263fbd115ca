"""Draw assets/readme.png: chapter 01's network on the spirals, with ReLU and with tanh.

Not without an activation: what that gives is the first prediction of chapter 01.

    PYTHONPATH=code python tools/readme_picture.py

prints the alternative text that README.md carries. The picture is committed; it is
drawn again only when somebody runs this.
"""

from __future__ import annotations

from pathlib import Path

from actlab import datasets, figures, networks, training

PICTURE = Path(__file__).resolve().parent.parent / "assets" / "readme.png"


def main() -> None:
    """Train both networks, draw, save."""
    data = datasets.spirals(n=600, seed=0)
    drawn = {}
    for label, activation in [("with ReLU", "relu"), ("with tanh", "tanh")]:
        network = networks.MLP([2, 32, 32, 2], activation, seed=0)
        training.fit(
            network,
            data,
            epochs=100,
            lr=0.01,
            optimiser="adam",
            batch_size=120,
            progress=False,
        )
        drawn[label] = network
    figure = figures.decision_regions(drawn, data)
    partial = PICTURE.with_suffix(".partial")
    figure.savefig(partial, format="png", dpi=110, bbox_inches="tight", pad_inches=0.1)
    partial.replace(PICTURE)
    print(figure.alt)


if __name__ == "__main__":
    main()
