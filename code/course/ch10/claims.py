"""What the claims of chapter 10 rest on."""

from __future__ import annotations

from actlab.statistics import paired_difference

from ..claims.checks import claim_check, require

PUBLISHED_FIRST = (0, 6, 13, 5)
PUBLISHED_DEEP = (0, 0, 6, 15, 113, 102, 58)
DEEP = (784, 2048, 1024, 1024, 512, 512, 256, 128, 10)


def recorded(column: str, **where: str) -> list[list[int]]:
    """Counts per hidden layer of the last rows of some runs of the study ``dead``."""
    from actlab import studies

    table = studies.load("dead")
    for name, value in where.items():
        table = table[table[name] == value]
    table = table[table["epoch"] == table["epoch"].max()]
    return [[int(n) for n in text.split()] for text in table[column]]


def means(counts: list[list[int]]) -> list[float]:
    """Layer by layer, the mean over runs."""
    return [sum(layer) / len(layer) for layer in zip(*counts, strict=True)]


def spell(values: list[float]) -> str:
    """The numbers, rounded, in brackets."""
    return "[" + ", ".join(f"{value:.0f}" for value in values) + "]"


@claim_check
def dead_mask_of_two_batches() -> str:
    """Two batches of five units: one is zero in all rows of both."""
    import torch

    from actlab import probes

    first = torch.tensor([[0.0, 0.7, 0.0, 0.0, 1.1], [0.3, 0.0, 0.0, 0.0, 0.0]])
    second = torch.tensor([[0.0, 0.2, 0.0, 0.5, 0.0], [0.9, 0.0, 0.0, 0.0, 0.0]])
    unit = torch.nn.Sequential(torch.nn.ReLU())
    found = probes.dead_units(unit, [first, second]).masks[0].tolist()
    require(found == [False, False, True, False, False], f"mask {found}")
    for rows in (1, 4):  # one by one, and all at once
        cut = torch.cat([first, second]).split(rows)
        again = probes.dead_units(unit, cut).masks[0].tolist()
        require(again == found, f"cut into {rows}: {again}, into 2: {found}")
    per_batch = [int((h == 0).all(0).sum()) for h in (first, second)]
    require(per_batch == [2, 2], f"batch by batch {per_batch}")
    return f"{sum(found)} of 5 units; batch by batch it would be {per_batch}"


@claim_check
def parameters_of_the_two_networks() -> str:
    """283,914 parameters, and 5.7 million for the deep one."""
    from actlab.networks import MLP, count_parameters

    first = count_parameters(MLP((784, 256, 192, 128, 64, 10), "relu", seed=0))
    second = count_parameters(MLP(DEEP, "relu", seed=0))
    by_formula = sum((a + 1) * b for a, b in zip(DEEP, DEEP[1:]))
    require(first == 283_914, f"the first has {first:,}")
    require(second == by_formula, f"the second: {second:,} and {by_formula:,}")
    require(second == 5_708_426, f"the second has {second:,}")
    return f"{first:,} and {second:,} parameters"


@claim_check
def zero_outputs_are_not_the_only_death() -> str:
    """By output, GELU at −9 is dead in float32, a saturated sigmoid never is."""
    import torch

    from actlab import probes
    from actlab.networks import MLP

    def counts(key: str, z: float) -> list[int]:
        net = MLP((1, 1, 1), key, seed=0)
        first = net.linears[0]
        assert isinstance(first, torch.nn.Linear)
        with torch.no_grad():
            first.weight.zero_()
            first.bias.fill_(z)
        x = torch.linspace(-1, 1, 5)[:, None]
        return [
            probes.dead_units(net, x, by=by).total
            for by in ("data", "gradient", "threshold")
        ]

    wanted: dict[tuple[str, float], list[int | None]] = {
        ("relu", -1.0): [1, 1, 1],
        ("gelu", -4.0): [0, 0, 1],
        # Whether GELU's slope is exactly 0 out here depends on the processor.
        ("gelu", -9.0): [1, None, 1],
        ("sigmoid", 9.0): [0, 0, 1],
        ("sigmoid", 40.0): [0, 1, 1],
        ("swish", -20.0): [0, 0, 1],
    }
    found = {case: counts(*case) for case in wanted}
    wrong = {
        case: got
        for case, got in found.items()
        if any(w not in (None, g) for g, w in zip(got, wanted[case], strict=True))
    }
    require(not wrong, f"by output, slope and limit: {wrong}")
    return f"{len(found)} units; GELU at −4 is dead by limit only: [0, 0, 1]"


@claim_check
def trained_counts_come_out_again() -> str:
    """After 15 epochs of small steps the counts are of the published size."""
    found = means(
        recorded("dead_test", variant="base", activation="relu", init="default",
                 regime="sgd_small")
    )  # fmt: skip
    for mine, published in zip(found, PUBLISHED_FIRST, strict=True):
        near = published / 3 - 2 <= mine <= 3 * published + 3
        require(near, f"{spell(found)} on average, published {list(PUBLISHED_FIRST)}")
    require(max(found) == found[2], f"most die in another layer: {spell(found)}")
    swish = recorded("dead_test", activation="swish")
    require(sum(map(sum, swish)) == 0, f"Swish: {swish}")
    return f"mean of 5 seeds {spell(found)}, published {list(PUBLISHED_FIRST)}"


@claim_check
def untrained_counts_come_out_again() -> str:
    """The deep network before training, as PyTorch draws it."""
    found = means(recorded("dead_train", variant="deep", init="default"))
    for mine, published in zip(found, PUBLISHED_DEEP, strict=True):
        near = 0.6 * published - 6 <= mine <= 1.5 * published + 6
        require(near, f"{spell(found)} on average, published {list(PUBLISHED_DEEP)}")
    return f"mean of 5 seeds {spell(found)}"


def last_layer_by_start() -> str:
    """Check that another start at the same depth leaves few dead; say how many."""
    default = means(recorded("dead_train", variant="deep", init="default"))[-1]
    require(default / 128 > 0.35, f"default: {default:.0f} of 128 in the last layer")
    last = {}
    for init in ("he", "default_zero_bias", "default_gain"):
        counts = means(recorded("dead_train", variant="deep", init=init))
        last[init] = counts[-1]
        share = max(n / width for n, width in zip(counts, DEEP[1:-1], strict=True))
        require(share < 0.12, f"{init}: up to {100 * share:.0f} % of a layer")
    others = spell(list(last.values()))
    return f"7 layers, last {default:.0f} of 128, other starts {others}"


@claim_check
def born_dead_networks() -> str:
    """Networks of width 2: the drawn share rises with depth, below its bound."""
    import torch

    def share(depth: int, networks: int = 8000) -> float:
        random = torch.Generator().manual_seed(depth)
        h = torch.tensor([1.0, -1.0]).expand(networks, 1, 2)
        for _ in range(depth):
            weight = torch.randn(networks, 2, h.shape[1], generator=random)
            h = torch.relu(weight @ h)
            h = h / h.amax((1, 2), keepdim=True).clamp(min=1e-30)
        return (h == 0).all(2).all(1).float().mean().item()

    found = {depth: share(depth) for depth in (5, 10, 20)}
    for depth, got in found.items():
        bound = 1 - 0.75 ** (depth - 1)
        near = bound - 0.08 < got < bound + 0.01
        require(near, f"{depth} layers: {got:.3f}, bound {bound:.3f}")
    require(found[5] < found[10] < found[20], f"not rising: {found}")
    require(found[5] > 10 * 0.5**5, f"the product formula is not far off: {found}")
    return "born dead at width 2: " + ", ".join(
        f"{got:.2f} with {depth} layers" for depth, got in found.items()
    )


@claim_check
def learnt_slopes_are_not_small() -> str:
    """PReLU's shared slope passes 1 in a recorded study; STAF's sign turns."""
    import torch

    from actlab import catalogue, studies

    runs = studies.final("slope-or-gain")
    runs = runs[(runs["activation"] == "prelu") & (runs["variant"] == "shared")]
    runs = runs[(runs["regime"] == "sgd_small") & (runs["init"] == "default")]
    slope = float(runs["parameter"].mean())
    require(slope > 1.5, f"PReLU's slope ends at {slope:.2f}")
    torch.manual_seed(0)
    steepest = 0.0
    for _ in range(20):
        z = torch.linspace(-3, -0.01, 300, requires_grad=True)
        (slopes,) = torch.autograd.grad(catalogue.get("staf").make()(z).sum(), z)
        steepest = max(steepest, slopes.abs().max().item())
    require(steepest > 1, f"STAF's slopes stay below {steepest:.2f}")
    return f"PReLU's shared slope ends at {slope:.2f}; STAF's reach {steepest:.1f}"


def lives(variant: str, init: str, regime: str = "adam") -> dict[str, list[float]]:
    """Born dead, deaths, revivals and dead at the end, in % of all units, by seed.

    Counted on test images from epoch to epoch, so that a unit may die and come back
    several times.
    """
    from actlab import studies

    table = studies.load("dead")
    table = table[(table["variant"] == variant) & (table["init"] == init)]
    table = table[(table["activation"] == "relu") & (table["regime"] == regime)]
    found: dict[str, list[float]] = {"born": [], "died": [], "back": [], "end": []}
    for _, run in table.groupby("seed"):
        dead = [sum(map(int, text.split())) for text in run["dead_test"]]
        units = sum(SIZES.get(variant, (256, 192, 128, 64)))
        found["born"].append(100 * dead[0] / units)
        found["end"].append(100 * dead[-1] / units)
        for name, column in (("died", "died_test"), ("back", "revived_test")):
            counts = [sum(map(int, text.split())) for text in run[column]]
            found[name].append(100 * sum(counts) / units)
    return found


SIZES = {f"{depth}x{n}": (n,) * depth for depth in (4, 8, 16) for n in (32, 128)}


def mean(values: list[float]) -> float:
    """Return the mean of some numbers."""
    return sum(values) / len(values)


@claim_check
def births_rise_with_depth_as_the_start_lets_them() -> str:
    """Births rise with depth from both starts; at one depth another leaves few."""
    same_depth = last_layer_by_start()
    born = {}
    for init in ("default", "he"):
        shallow, middle, deep = (
            lives(f"{depth}x128", init)["born"] for depth in (4, 8, 16)
        )
        rises = [a < b < c for a, b, c in zip(shallow, middle, deep, strict=True)]
        require(all(rises), f"{init}: {shallow}, {middle}, {deep}")
        born[init] = [mean(part) for part in (shallow, middle, deep)]
    require(born["he"][2] < born["default"][2] / 3, f"born dead: {born}")
    return (
        f"born dead, 4, 8, 16 layers: {spell(born['default'])} %, He "
        f"{spell(born['he'])} %; {same_depth}"
    )


@claim_check
def death_follows_start_and_step() -> str:
    """What V-2 says of births, the step, the shift, and revivals in eight layers."""
    births_rise_with_depth_as_the_start_lets_them()
    dead = {
        regime: mean(lives("base", "default", regime)["end"])
        for regime in ("sgd_large", "sgd_small", "adam")
    }
    ordered = dead["sgd_large"] < 1 < dead["sgd_small"] < dead["adam"]
    require(ordered, f"dead after 15 epochs, %: {dead}")
    gap = paired_difference(_accuracy("adam"), _accuracy("sgd_large"))
    require(max(-gap.low, gap.high) < 0.6, f"accuracy, Adam minus SGD 0.05: {gap}")
    eight = lives("8x128", "default")
    revived = [b > d for b, d in zip(eight["back"], eight["died"], strict=True)]
    require(all(revived), f"eight layers, died and back: {eight}")
    saved, lots = spell(saved_with_the_shift()), what_arrives_kills_as_well()
    upper_layers_alone_are_not_saved_under_sgd()
    return (
        f"dead, %: SGD 0.05 {dead['sgd_large']:.1f}, Adam {dead['adam']:.1f}, accuracy "
        f"{gap.mean:.1f} ± {gap.half_width:.1f} apart; 8 layers: "
        f"{mean(eight['died']):.0f} died, {mean(eight['back']):.0f} back; "
        f"saved: {saved}; {lots}"
    )


def saved_with_the_shift() -> list[float]:
    """Return by how much deaths fall when the shift is taken back, network by network.

    In per cent of the plain case, under Adam; seed by seed it is most of them.  And of
    units that get it back by lot fewer die than of the others in the same networks.
    """
    from .killed import PARTS, deaths

    saved = []
    for regime in ("digits", "Fashion-MNIST", "Fashion-MNIST, six layers"):
        killed = deaths(regime, PARTS[0]) + deaths(regime, PARTS[1])
        plain, without = killed["plain"], killed["back: all"]
        require(bool((without < plain / 3).all()), f"{regime}: {[*without]}")
        lot = paired_difference(killed["lot: not"], killed["lot: back"])
        require(lot.low > 0, f"{regime}, not given back minus given back: {lot}")
        saved.append(100 * (1 - without.sum() / plain.sum()))
    require(min(saved) > 85, f"saved: {spell(saved)} %")
    return saved


def what_arrives_kills_as_well() -> str:
    """With six layers the own shift alone is not it: what arrives from below kills too.

    By the rules of the study lot-below: one upper layer in turn, split by lot.  Given
    back their own shift, the chosen half is killed at least half as often as the other;
    given back what arrives as well, at most a quarter as often.  With the layers below
    given back hardly anyone is killed in either half, too few to compare the two.
    """
    from .shifted import FLOOR_LOT, few_or_many, lots

    own, below, both = map(lots, ("below plain", "below back", "arrivals back"))
    for name, half, wanted in (("own", own, "many"), ("arrivals", both, "few")):
        verdict = few_or_many(half["back"], half["others"])
        enough = half["others"].mean() >= FLOOR_LOT
        require(verdict == wanted and enough, f"{name}: {verdict}, {[*half['back']]}")
    lost = {name: half["back"] + half["others"] for name, half in
            (("plain", own), ("still", below))}  # fmt: skip
    few = few_or_many(lost["still"], lost["plain"]) == "few"
    require(few, f"killed with the layers below given back: {[*lost['still']]}")
    require(below["others"].mean() < FLOOR_LOT, "the lot has something to compare")
    own_of, both_of = (
        f"{rows['back'].mean():.1f} to {rows['others'].mean():.1f}"
        for rows in (own, both)
    )
    return f"lots {own_of}, {both_of}"


def upper_layers_alone_are_not_saved_under_sgd() -> None:
    """On the digits, at steps that hold, by the rules of the study sgd-shift.

    Taken back above layer 1 alone, many are killed there, and more than in the plain
    case; in layer 1 alone, many; with centred steps in all layers, few.  Where small
    steps kill too few, or steps as short do as much, nothing is said.
    """
    from .shifted import part_of

    for lr in (0.03, 0.05):
        for change in ("back: above", "back: layer 1"):
            verdict, gap = part_of("digits", lr, change, "above")
            require(verdict == "many", f"SGD {lr}, {change}: {verdict}, {gap}")
        gap = part_of("digits", lr, "back: above", "above")[1]
        require(gap.high < 0, f"SGD {lr}, plain − taken back above: {gap}")
        verdict = part_of("Fashion-MNIST", lr, "back: above", "above")[0]
        require(verdict == "below the floor", f"Fashion-MNIST, SGD {lr}: {verdict}")
    verdict, gap = part_of("digits", 0.05, "steps centred: all", "above")
    require(verdict == "few", f"SGD 0.05, centred steps in all: {verdict}, {gap}")


def _accuracy(regime: str) -> list[float]:
    """Test accuracies of the network of 640 units, PyTorch's start, by seed."""
    from actlab import studies

    table = studies.load("dead")
    rows = table[(table["variant"] == "base") & (table["activation"] == "relu")]
    rows = rows[(rows["init"] == "default") & (rows["regime"] == regime)]
    return list(rows[rows["epoch"] == 15].sort_values("seed")["test_accuracy"])
