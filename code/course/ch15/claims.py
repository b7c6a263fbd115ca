"""What the claims of chapter 15 rest on."""

from __future__ import annotations

from ..claims.checks import claim_check, require


@claim_check
def swigelu_is_the_mean_of_its_parents() -> str:
    """Minimum, slopes and gain of SwiGELU; analytic as both, and not normalising."""
    from actlab.properties import property_sheet

    sheet = property_sheet("swigelu")
    near = {
        "minimum": (sheet.minimum, -0.21385, 1e-5),
        "its place": (sheet.argmin, -0.98019, 1e-5),
        "steepest": (sheet.lipschitz, 1.0918, 5e-5),
        "gain": (sheet.forward_gain, 1.605, 5e-4),
    }
    for name, (found, said, tolerance) in near.items():
        assert found is not None, f"the sheet has no {name}"
        require(abs(found - said) <= tolerance, f"{name}: {found}, said {said}")
    low = property_sheet("x*(1 - sigmoid(x))/2 + x*(1 - normal_cdf(x))/2").lipschitz
    # f(−x) = f(x) − x, so the steepest fall is 1 less than the steepest rise.
    require(abs(low - sheet.lipschitz) < 1e-6, f"its mirror image rises by {low}")
    parents = {key: property_sheet(key) for key in ("swish", "gelu")}
    for key, parent in parents.items():
        require(parent.smoothness == "C^ω", f"{key} is {parent.smoothness}")
        off = abs(parent.mean) + abs(parent.second_moment - 1)
        require(off > 0.5, f"{key} nearly normalises: it is {off:.2f} away")
    between = parents["swish"].mean < sheet.mean < parents["gelu"].mean
    require(between, f"its mean, {sheet.mean:.3f}, is not between its parents'")
    gelu = parents["gelu"]
    return (
        f"minimum {sheet.minimum:.5f} at {sheet.argmin:.5f}, steepest "
        f"{sheet.lipschitz:.4f}, gain {sheet.forward_gain:.3f}; GELU: mean "
        f"{gelu.mean:.2f}, second moment {gelu.second_moment:.2f}"
    )
