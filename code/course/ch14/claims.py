"""What the claims of chapter 14 rest on."""

from __future__ import annotations

from ..claims.checks import claim_check, require


@claim_check
def sigmoid_and_tanh_learn_in_depth() -> str:
    """Four sigmoid layers with Adam, thirty with a path around them, thirty of tanh."""
    from actlab import studies

    from ..ch09.fresh import accuracies

    runs = studies.final("sigmoid-repairs")
    runs = runs[(runs["activation"] == "sigmoid") & (runs["init"] == "default")]
    regimes = runs.groupby("regime")["test_accuracy"].mean()
    four, usual = float(regimes["adam"]), float(regimes["sgd_small"])

    def thirty(
        activation: str, init: str, optimiser: str = "adam", variant: str = ""
    ) -> float:
        """Mean over ten fresh seeds of chapter 09."""
        where = {"init": init, "optimiser": optimiser, "variant": variant}
        return float(accuracies("sigmoid", activation=activation, **where).mean())

    bridged = thirty("sigmoid", "default", variant="residual_layer_norm")
    tanh = thirty("tanh", "xavier")
    # The controls: the same networks without what is said to have helped.
    plain = max(
        thirty("sigmoid", init, optimiser)
        for init in ("default", "xavier_4")
        for optimiser in ("sgd", "adam")
    )
    require(usual < 20, f"sigmoid, four layers, small SGD steps: {usual:.1f} %")
    require(plain < 30, f"sigmoid, thirty plain layers: {plain:.1f} %")
    require(four > 85, f"sigmoid, four layers, Adam: {four:.1f} %")
    require(bridged > 90, f"sigmoid, thirty layers, bridged: {bridged:.1f} %")
    require(tanh > 85, f"tanh, thirty plain layers: {tanh:.1f} %")
    return (
        f"sigmoid: four layers {usual:.0f} %, with Adam {four:.0f}; thirty "
        f"{plain:.0f}, with path and layer norm {bridged:.0f}; tanh {tanh:.0f} %"
    )
