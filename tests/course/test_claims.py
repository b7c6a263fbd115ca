"""The ledger of claims: its rows are well formed and its checks can fail."""

import re
from functools import partial

import pytest
import torch
import yaml
from torch import nn
from torch.nn import functional as F

from actlab import studies
from course import claims
from course.ch02 import ties
from course.ch04 import claims as ch04_claims

ROWS = claims.load()
TRIALS = claims.trials()


def bibliography_keys(root):
    text = (root / "reference" / "references.bib").read_text("utf-8")
    return set(re.findall(r"^@\w+\{([^,\s]+),", text, re.M))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row_is_well_formed(row, pytestconfig):
    assert re.fullmatch(r"C-\d{3}", row.id)
    assert row.verdict in claims.VERDICTS
    assert row.evidence in claims.EVIDENCE
    for text in (row.claim, row.correction):
        assert text.strip() == text and text.endswith((".", "?"))
    assert row.said_in
    assert (row.check is not None) == (row.evidence == "numeric")
    assert (row.evidence == "none") == (row.verdict == "UNVERIFIABLE")
    if row.evidence == "source":
        assert row.references
    assert set(row.references) <= bibliography_keys(pytestconfig.rootpath)


def chapter_of(row):
    found = re.match(r"chapters/(\d\d)-", row.place.file)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("row", [*ROWS, *TRIALS], ids=lambda row: row.id)
def test_verdict_has_a_control(row):
    """What else could have done it, and what excludes it; or why nothing could."""
    assert row.control, f"{row.id} is {row.verdict} without a control"
    if row.control.startswith("none"):
        assert row.control in ("none (definition)", "none (history)")
        assert row.evidence != "numeric", "a number has a machine, a seed, a set"
    else:
        assert len(row.control.split()) >= 12 and row.control.endswith(".")


def test_numbers_are_unique_and_checks_are_used():
    ids = [row.id for row in (*ROWS, *TRIALS)]
    assert len(ids) == len(set(ids))
    named = {row.check for row in (*ROWS, *TRIALS) if row.check}
    assert named == set(claims.claim_checks())


def test_place_exists_where_the_chapter_does(pytestconfig):
    from test_coverage import headings

    for row in ROWS:
        path = pytestconfig.rootpath / row.place.file
        assert path.exists(), f"{row.id}: there is no {row.place.file}"
        assert row.place.heading in headings(path), (
            f"{row.id}: no heading {row.place.heading!r} in {row.place.file}"
        )


def test_five_verdicts_are_on_trial():
    assert len(TRIALS) == 5
    for trial in TRIALS:
        assert trial.state in claims.STATES
        assert (trial.check is None) == (trial.state == "open")
        assert all(1 <= number <= 15 for number in trial.chapters)


NUMERIC = [row for row in (*TRIALS, *ROWS) if row.check]


@pytest.mark.parametrize("row", NUMERIC, ids=lambda row: row.id)
def test_check_holds_and_says_what_it_found(row):
    found = claims.run(row)
    assert re.search(r"\d", found) and len(found) <= 140


def test_a_broken_function_fails_its_check(monkeypatch):
    leak = torch.nn.functional.leaky_relu
    monkeypatch.setattr(torch.nn.functional, "relu", lambda x: leak(x, 0.01))
    # A release that the table does not know is not judged.
    running = ties.release()
    monkeypatch.setattr(ties, "release", lambda: min(running, ties.NEWEST))
    with pytest.raises(claims.ClaimError, match="relu at 0: autograd gives 0.01"):
        claims.claim_checks()["slope_at_a_kink_is_chosen_by_the_operation"]()


def test_a_wrong_rank_fails_its_check(monkeypatch):
    monkeypatch.setattr(torch.linalg, "matrix_rank", lambda matrix: 10)
    with pytest.raises(claims.ClaimError, match="gave rank 10, not 3"):
        claims.claim_checks()["rank_is_at_most_the_narrowest_width"]()


@pytest.mark.parametrize(
    "where, name, instead, check, message",
    [
        (torch, "sigmoid", F.hardsigmoid, "sigmoid_rises_from_zero_to_one", "rise"),
        (torch, "tanh", F.softsign, "slopes_of_sigmoid_and_tanh", "differ"),
        (torch, "tanh", torch.erf, "newfun_is_tanh_at_another_scale", "differ"),
        (
            torch,
            "exp",
            lambda x, exp=torch.exp: exp(x).clamp(max=1e30),
            "copied_formulas_give_nan",
            "tanh_simple",
        ),
        (nn, "RReLU", partial(nn.RReLU, 0.1), "rrelu_draws_from_an_interval", "from"),
        (nn, "ELU", nn.PReLU, "elu_and_rrelu_learn_nothing", "parameters"),
        (
            nn,
            "Softplus",
            partial(nn.Softplus, threshold=10),
            "defaults_of_the_relu_family",
            "threshold=10",
        ),
        (F, "softplus", F.mish, "softplus_is_relu_within_ln_2", "gap"),
        (nn, "Tanh", nn.Hardtanh, "printed_demonstrations_reproduce", "Hardtanh"),
        (
            torch.Tensor,
            "softmax",
            lambda z, dim: torch.sigmoid(z),
            "softmax_jacobian",
            "disagrees",
        ),
        (
            torch.Tensor,
            "log_softmax",
            lambda z, dim: z.softmax(dim).log(),
            "shared_logits_do_not_matter",
            "lost",
        ),
        (
            F,
            "cross_entropy",
            lambda z, y: F.nll_loss(z, y),
            "losses_and_what_they_expect",
            "is not",
        ),
    ],
)
def test_another_function_fails_its_check(
    monkeypatch, where, name, instead, check, message
):
    monkeypatch.setattr(where, name, instead)
    with pytest.raises(claims.ClaimError, match=message):
        claims.claim_checks()[check]()


@pytest.mark.parametrize(
    "check, message",
    [
        ("zeros_do_not_make_robust", "ReLU is ahead by"),
        ("elu_has_a_mean_and_is_no_more_robust", "ELU is ahead by"),
    ],
)
def test_robustness_would_be_noticed(monkeypatch, check, message):
    leader = "relu" if "zeros" in check else "elu"
    monkeypatch.setattr(
        ch04_claims,
        "_under_noise",
        lambda name: (40 * (name == "relu"), 90 if name == leader else 80),
    )
    with pytest.raises(claims.ClaimError, match=message):
        claims.claim_checks()[check]()


@pytest.mark.parametrize(
    "check, study, rows, column, points, message",
    [
        (
            "zeros_do_not_make_robust",
            "robust-zeros",
            "activation != 'relu' and optimiser == 'adam'",
            "patch",
            -4,
            "adam, patch: bought",
        ),
        (
            "zeros_do_not_make_robust",
            "robust-zeros",
            "activation == 'leaky_relu'",
            "noise",
            2,
            "sgd, noise: behind are",
        ),
        (
            "zeros_do_not_make_robust",
            "robust-slopes",
            "variant == 'slope 0.01'",
            "noise",
            -0.5,
            "sgd: slope 0.01 from",
        ),
        (
            "elu_has_a_mean_and_is_no_more_robust",
            "robust-zeros",
            "activation == 'elu'",
            "noise",
            1.5,
            "sgd: noise takes from -2",
        ),
    ],
)
def test_other_robustness_fails_its_check(
    monkeypatch, check, study, rows, column, points, message
):
    final = studies.final

    def changed(name):
        table = final(name)
        if name == study:
            table.loc[table.query(rows).index, column] += points
        return table

    monkeypatch.setattr(studies, "final", changed)
    with pytest.raises(claims.ClaimError, match=message):
        claims.claim_checks()[check]()


@pytest.mark.parametrize(
    "check, change, message",
    [
        ("no_activation_is_far_from_guessing", -60, "one run reached only"),
        ("verdict_turns_with_the_step", -20, "at the small step ReLU leads by"),
    ],
)
def test_other_records_fail_their_check(monkeypatch, check, change, message):
    table = studies.load("first-look").copy()
    table.loc[table["activation"] == "identity", "test_accuracy"] += change
    monkeypatch.setattr(studies, "load", lambda name: table)
    with pytest.raises(claims.ClaimError, match=message):
        claims.claim_checks()[check]()


def test_other_conditions_fail_their_check(monkeypatch):
    table = studies.final("confound").copy()
    elsewhere = (table["activation"] == "mish") & (table["regime"] != "sgd_small")
    table.loc[elsewhere, "test_accuracy"] += 1.5
    monkeypatch.setattr(studies, "final", lambda name: table)
    with pytest.raises(claims.ClaimError, match="elsewhere .* to .2"):
        claims.claim_checks()["the_newest_are_level_where_the_start_fits"]()


def test_other_repairs_fail_their_check(monkeypatch):
    table = studies.load("sigmoid-repairs").copy()
    table.loc[table["init"] == "xavier_4", "test_accuracy"] = 10.0
    monkeypatch.setattr(studies, "load", lambda name: table)
    with pytest.raises(claims.ClaimError, match="the repaired networks have"):
        claims.claim_checks()["sigmoid_is_repaired_by_start_or_step"]()


def test_runner_reports_and_fails(monkeypatch, capsys):
    assert claims.main(["c-096", "C-018"]) == 0
    out = capsys.readouterr().out
    assert "✓ C-096" in out and "· C-018" in out and "1 of 1 checks hold." in out

    def broken():
        raise claims.ClaimError("the verdict does not hold")

    name = next(row.check for row in ROWS if row.id == "C-096")
    monkeypatch.setitem(claims.claim_checks(), name, broken)
    assert claims.main(["C-096"]) == 1
    assert "✗ C-096" in capsys.readouterr().out
    assert claims.main(["C-999"]) == 2


def test_a_check_that_is_not_there_is_said(monkeypatch):
    row = claims.Claim(
        id="C-000",
        claim="A claim.",
        said_in="a test",
        verdict="WRONG",
        correction="Not so.",
        evidence="numeric",
        place=claims.Place("intro.md", ""),
        check="no_such_check",
    )
    with pytest.raises(LookupError, match="C-000 names the check 'no_such_check'"):
        claims.run(row)


def test_ledger_has_no_unknown_fields(pytestconfig):
    path = pytestconfig.rootpath / "code" / "course" / "claims" / "claims.yml"
    document = yaml.safe_load(path.read_text("utf-8"))
    assert set(document) == {"trials", "claims", "planned"}


def test_no_claim_is_lost(pytestconfig):
    path = pytestconfig.rootpath / "code" / "course" / "claims" / "claims.yml"
    planned = yaml.safe_load(path.read_text("utf-8"))["planned"]
    later = {name for names in planned.values() for name in names}
    settled = {row.id for row in ROWS}
    assert later & settled == set(), "settled claims are still planned"
    assert later | settled == {f"C-{number:03d}" for number in range(1, 158)}
    contents = (pytestconfig.rootpath / "_toc.yml").read_text("utf-8")
    for chapter, names in planned.items():
        assert f"file: chapters/{chapter}-" not in contents, (
            f"chapter {chapter} is in the book, but still planned for it: {names}"
        )
