"""What the claims of chapter 13 rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..claims.checks import claim_check, require

if TYPE_CHECKING:
    import pandas as pd

PUBLISHED_SECONDS = {
    "Sigmoid": 115.6,
    "Tanh": 114.3,
    "ReLU": 115.2,
    "GELU": 115.2,
    "Mish": 113.4,
    "LeakyReLU": 114.4,
    "SiLU": 114.3,
    "Hardswish": 114.5,
    "Swish": 116.1,
    "PReLU": 114.9,
    "RReLU": 114.6,
    "learnt ELU": 119.6,
    "STAF": 270.2,
}


@claim_check
def passes_cost_more_than_exponentials() -> str:
    """Softsign, without exponential, costs more than the sigmoid: three operations."""
    import torch

    from actlab import cost

    x = torch.randn(8, 64)
    by_hand = cost.operations(lambda z: 1 / (1 + torch.exp(-z)), x)
    counts = {
        "sigmoid": cost.operations(torch.sigmoid, x),
        "softsign": cost.operations(torch.nn.functional.softsign, x),
    }
    require(
        counts["sigmoid"] == 1 and min(counts["softsign"], by_hand) > 2,
        f"operations: sigmoid {counts['sigmoid']}, softsign {counts['softsign']}, "
        f"sigmoid by hand {by_hand}",
    )
    table = cost.recorded()
    times = {}
    for case in ("many", "large"):
        rows = table[table["case"] == case].set_index("key")
        times[case] = rows.loc[["sigmoid", "softsign"], "forward"]
        require(
            times[case]["softsign"] > 1.2 * times[case]["sigmoid"],
            f"recorded, {case}: {times[case].to_dict()}",
        )
    moved = _moved_between_processors()
    require(
        moved["tanh"] > 5 and abs(moved["mish"] - 1) < 0.2,
        f"from Xeon to EPYC: tanh × {moved['tanh']:.1f}, Mish × {moved['mish']:.2f}",
    )
    library = _the_library_is_the_cause()
    fresh, reused = pages_of_a_call(into=False), pages_of_a_call(into=True)
    require(fresh > 10 * reused, f"pages of a call: {fresh} fresh, {reused} reused")
    large = table[(table["case"] == "large") & (table["key"] == "sigmoid")].iloc[0]
    require(large["forward"] < 2, f"recorded, large: sigmoid {large['forward']:.2f}")
    require(large["backward"] < 1.5, f"recorded: backward {large['backward']:.2f}")
    many = times["many"]
    return (
        f"recorded, × ReLU: sigmoid {many['sigmoid']:.1f}, softsign "
        f"{many['softsign']:.1f}; from Xeon to EPYC tanh × {moved['tanh']:.1f}, Mish "
        f"× {moved['mish']:.2f}; {library}; {fresh} fresh pages"
    )


def _moved_between_processors() -> pd.Series:
    """Return how many times its cost on the Xeon a function takes on the EPYC."""
    from actlab import cost

    here, there = (
        table[table["case"] == "many"].set_index("key")["forward"]
        for table in (cost.recorded(), cost.on_xeon())
    )
    return here / there


def _the_library_is_the_cause() -> str:
    """Demand of the recorded switches what the chapter reads from them.

    PyTorch's own code is slower without vectors and MKL's is not; MKL's tanh is cheap
    on the same core once MKL takes the processor for Intel's.
    """
    from .controls import recorded

    table = recorded()
    many = table[table["numbers"] == "many"]
    times = many.pivot(index="call", columns="setting", values="us")
    slower = times["no vectors"] / times["as shipped"]
    own, other = ["relu", "sigmoid", "mish"], ["exp", "tanh", "arctan", "gelu"]
    require(
        bool((slower[own] > 3).all() and (slower[other] < 1.2).all()),
        f"without vectors: {slower.round(2).to_dict()}",
    )
    relus = times.loc["tanh"] / times.loc["relu"]
    require(
        relus["as shipped"] > 15 and relus["told Intel"] < 5,
        f"tanh over ReLU: {relus.round(1).to_dict()}",
    )
    exponential = times.loc["exp"] / times.loc["sigmoid"]
    require(
        exponential["as shipped"] > 2 and exponential["told Intel"] < 0.5,
        f"exp over the sigmoid: {exponential.round(2).to_dict()}",
    )
    return f"tanh {relus['as shipped']:.0f}, told Intel {relus['told Intel']:.1f}"


def pages_of_a_call(*, into: bool) -> int:
    """Return how many pages the system hands out for one ReLU of 2²⁴ numbers.

    The control of C-070: into an output that is there already it is next to none, so
    the time of large tensors is largely that of fresh memory.  Where the system does
    not count them (Windows), the answer is what 4,096-byte pages would make.
    """
    import torch

    try:
        import resource
    except ImportError:
        return 0 if into else 2**24 * 4 // 4096
    x = torch.ones(4096, 4096)
    out = torch.empty_like(x) if into else None
    torch.clamp_min(x, 0, out=out)  # the first call also loads code
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.clamp_min(x, 0, out=out)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@claim_check
def published_seconds_are_not_activations() -> str:
    """Twelve rows within six per cent, Mish first, STAF alone apart."""
    rest = {name: t for name, t in PUBLISHED_SECONDS.items() if name != "STAF"}
    first = min(rest, key=rest.__getitem__)
    require(first == "Mish", f"the fastest row is {first}")
    spread = max(rest.values()) / min(rest.values()) - 1
    require(spread < 0.06, f"the twelve rows spread by {100 * spread:.1f} %")
    staf = PUBLISHED_SECONDS["STAF"] / PUBLISHED_SECONDS["ReLU"]
    require(staf > 2, f"STAF is {staf:.2f} times ReLU's row")
    from actlab import cost

    alone = []
    for table in (cost.recorded(), cost.on_xeon()):
        many = table[table["case"] == "many"].set_index("key")
        built_in = many[many["operations"] == 1]["forward"]
        require(built_in.idxmax() == "mish", f"the dearest is {built_in.idxmax()}")
        require(built_in["mish"] > 30, f"Mish takes {built_in['mish']:.1f}")
        alone.append(f"{built_in['mish']:.0f}")
    return (
        f"fastest row {first}, spread {100 * spread:.1f} %, STAF {staf:.2f}; alone "
        f"Mish takes {' and '.join(alone)} times ReLU's time forward"
    )


@claim_check
def a_gate_is_not_the_simple_choice() -> str:
    """SwiGLU has a third matrix and keeps more for its backward pass than ReLU."""
    import torch

    from actlab import catalogue, cost

    x = torch.randn(8, 64)
    own = {}
    for key in ("relu", "swiglu"):
        kept = cost.kept_for_backward(catalogue.get(key).make(), x)
        own[key] = 4 * kept["keeps_input"] + kept["kept_else"]
    counts = {key: cost.operations(catalogue.get(key).make(), x) for key in own}
    require(
        own["relu"] == 0 and own["swiglu"] > 0 and counts["swiglu"] > counts["relu"],
        f"kept beside the output {own}, operations {counts}",
    )
    return f"operations {counts}, bytes kept for each number of the input {own}"
