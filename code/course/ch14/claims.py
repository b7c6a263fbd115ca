"""What the claims of chapter 14 rest on."""

from __future__ import annotations

from ..claims.checks import claim_check, require


@claim_check
def sigmoid_and_tanh_learn_in_depth() -> str:
    """Four sigmoid layers with Adam, thirty with a path around them, thirty of tanh."""
    from actlab import studies

    runs = studies.final("sigmoid-repairs")
    runs = runs[(runs["activation"] == "sigmoid") & (runs["init"] == "default")]
    regimes = runs.groupby("regime")["test_accuracy"].mean()
    four, usual = float(regimes["adam"]), float(regimes["sgd_small"])
    deep = studies.final("cures").fillna({"variant": "", "test_accuracy": 10.0})
    deep = deep[deep["regime"] == "sigmoid"]
    keys = ["activation", "init", "variant", "optimiser", "lr"]
    means = deep.groupby(keys)["test_accuracy"].mean()
    best = means.groupby(["activation", "variant"]).max()
    bridged, tanh = best["sigmoid", "residual_layer_norm"], best["tanh", ""]
    # The controls: the same networks without what is said to have helped.
    plain = best["sigmoid", ""]
    require(usual < 20, f"sigmoid, four layers, small SGD steps: {usual:.1f} %")
    require(plain < 30, f"sigmoid, thirty plain layers: {plain:.1f} %")
    require(four > 85, f"sigmoid, four layers, Adam: {four:.1f} %")
    require(bridged > 90, f"sigmoid, thirty layers, bridged: {bridged:.1f} %")
    require(tanh > 85, f"tanh, thirty plain layers: {tanh:.1f} %")
    return (
        f"sigmoid: four layers {usual:.0f} %, with Adam {four:.0f}; thirty "
        f"{plain:.0f}, with path and layer norm {bridged:.0f}; tanh {tanh:.0f} %"
    )
