"""What the claims of chapter 12 rest on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..claims.checks import claim_check, require

if TYPE_CHECKING:
    import pandas as pd

# Accuracy in % and "final error (%)" of the published table, by function; Swish and
# SiLU are its two rows of one function.
PUBLISHED = {
    "sigmoid": (10.0, 2.30),
    "tanh": (82.3, 0.50),
    "relu": (81.3, 0.52),
    "gelu": (80.5, 0.54),
    "mish": (81.9, 0.51),
    "leaky_relu": (80.8, 0.55),
    "swish": (78.4, 0.59),
    "hardswish": (76.7, 0.64),
    "prelu": (86.0, 0.40),
    "rrelu": (81.5, 0.52),
    "learnable_elu": (86.2, 0.39),
    "staf": (85.4, 0.44),
}


def recorded(column: str = "test_accuracy", regime: str = "sgd_small") -> pd.Series:
    """Means over seeds after 15 epochs of the study ``published``, by function."""
    from actlab import studies

    rows = studies.final("published", epoch=15)
    rows = rows[rows["regime"] == regime]
    return rows.groupby("activation")[column].mean()


@claim_check
def the_table_belongs_to_another_momentum() -> str:
    """With momentum 0.8 every row comes out within 3 points, with 0.9 most do not."""
    gaps = {}
    for regime in ("sgd_small", "sgd_small_0.9"):
        means = recorded(regime=regime)
        gaps[regime] = [abs(means[key] - row[0]) for key, row in PUBLISHED.items()]
    right, caption = gaps.values()
    require(max(right) < 3, f"with 0.8 a row is {max(right):.1f} points off")
    mean, other = sum(right) / len(right), sum(caption) / len(caption)
    require(other > 2 * mean + 1, f"0.8: {mean:.1f}, 0.9: {other:.1f} points off")
    return f"off by {mean:.1f} points on average with 0.8, by {other:.1f} with 0.9"


@claim_check
def a_forgotten_argument_leaves_the_default() -> str:
    """An optimiser that is made and not handed over decides nothing."""
    import torch

    def train(
        net: torch.nn.Module, optimiser: torch.optim.Optimizer | None = None
    ) -> float:
        if optimiser is None:
            optimiser = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
        return optimiser.param_groups[0]["lr"]

    net = torch.nn.Linear(2, 2)
    meant = torch.optim.SGD(net.parameters(), lr=1e-2, momentum=0.9)
    used = train(net)
    require(used != train(net, optimiser=meant), "both calls take the same step")
    return f"declared 0.01, used {used:g}: a tenth"


@claim_check
def the_answer_contradicts_its_table() -> str:
    """STAF is last of the three in the table, and first in the recorded runs."""
    table = {key: PUBLISHED[key][0] for key in ("staf", "learnable_elu", "prelu")}
    require(min(table, key=table.__getitem__) == "staf", f"table {table}")
    means = recorded()
    ours = {key: means[key] for key in table}
    require(max(ours, key=ours.__getitem__) == "staf", f"recorded {ours}")
    require(min(ours.values()) > means["relu"] + 3, f"ReLU {means['relu']:.1f}")
    return "STAF, learnt ELU, PReLU: table {}; recorded {}".format(
        ", ".join(f"{v:.1f}" for v in table.values()),
        ", ".join(f"{v:.1f}" for v in ours.values()),
    )


@claim_check
def the_error_column_is_a_cross_entropy() -> str:
    """2.30 is ln 10, and the other entries are the recorded test cross-entropies."""
    losses = recorded("test_loss")
    require(abs(PUBLISHED["sigmoid"][1] - math.log(10)) < 0.005, "2.30 is not ln 10")
    gaps = {key: abs(losses[key] - row[1]) for key, row in PUBLISHED.items()}
    worst = max(gaps, key=gaps.__getitem__)
    require(gaps[worst] < 0.1, f"{worst} is off by {gaps[worst]:.2f}")
    mean = sum(gaps.values()) / len(gaps)
    return f"ln 10 = {math.log(10):.3f}; 12 rows off by {mean:.3f} on average"


@claim_check
def two_rows_are_one_function() -> str:
    """Swish is SiLU, and two runs of it differ by more than the two rows do."""
    import torch

    from actlab import catalogue, studies

    x = torch.linspace(-8, 8, 1601)
    with torch.no_grad():
        gap = catalogue.get("swish")(x) - torch.nn.functional.silu(x)
    require(gap.abs().max() < 1e-6, f"Swish and SiLU differ by {gap.abs().max()}")
    rows = studies.final("published", epoch=15)
    chosen = (rows["activation"] == "swish") & (rows["regime"] == "sgd_small")
    runs = rows.loc[chosen, "test_accuracy"].tolist()
    pairs = [abs(a - b) for i, a in enumerate(runs) for b in runs[:i]]
    mean = sum(pairs) / len(pairs)
    require(mean > 0.2, f"two runs differ by {mean:.2f} points only")
    return f"rows 0.2 points apart; two runs of it {mean:.1f} on average"


@claim_check
def the_newest_are_level_where_the_start_fits() -> str:
    """Swish and Mish are far behind ReLU from small weights, and level elsewhere."""
    from actlab import studies

    runs = studies.final("confound")
    runs = runs[runs["variant"].fillna("") != "cnn"].fillna({"variant": ""})
    condition = ["variant", "init", "regime"]
    means = runs.groupby([*condition, "activation"])["test_accuracy"].mean().unstack()
    gaps = means[["swish", "mish"]].sub(means["relu"], axis=0)
    first = gaps.loc[("", "default", "sgd_small"), :]
    require(first.max() < -5, f"the table's steps: only {-first.max():.1f} behind")
    fits = means["relu"] > 80
    low, high = gaps[fits].min().min(), gaps[fits].max().max()
    require(-1 < low and high < 1, f"elsewhere {low:+.1f} to {high:+.1f} points")
    gelu = (means["gelu"] - means["relu"])[fits]
    require(gelu.min() > -0.1 and gelu.max() < 1.5, f"GELU {gelu.min():+.1f}")
    rows = studies.final("swigelu")
    rows = rows[rows["regime"] == "final"]
    ends = rows.groupby("activation")["test_accuracy"].mean()
    lead = ends["gelu"] - ends["relu"]
    require(0.2 < lead < 0.6, f"each tuned, from He's start GELU leads by {lead:.2f}")
    return (
        f"with the table's steps {-first['swish']:.0f} and {-first['mish']:.0f} points "
        f"behind ReLU; in {int(fits.sum())} other conditions {low:+.1f} to {high:+.1f}"
        f"; tuned, from He's start GELU {lead:+.2f}"
    )


@claim_check
def tuned_learnt_slope_is_worth_half_a_point() -> str:
    """PReLU against ReLU: at the published steps, and each at its own learning rate."""
    from .tuning import against_relu

    small = recorded()
    before = small["prelu"] - small["relu"]
    require(before > 3, f"in the published regime PReLU leads by {before:.1f}")
    return (
        f"PReLU minus ReLU {before:+.1f}; each at its own step {found.mean:+.2f}, "
        f"leaky ReLU {leaky:+.2f}"
    )
