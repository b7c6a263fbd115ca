"""The ledger of claims: what other lessons say, what holds, and the check behind it.

``claims.yml`` holds one row per claim. A row whose evidence is ``numeric`` names a
function of ``course/chNN/claims.py``; it computes something and fails when the
verdict does not hold. ``python -m course.claims`` runs them all,
``python -m course.claims C-017`` some of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from .checks import ClaimError, claim_checks

__all__ = [
    "EVIDENCE",
    "VERDICTS",
    "Claim",
    "ClaimError",
    "Place",
    "Trial",
    "claim_checks",
    "load",
    "main",
    "run",
    "trials",
]

VERDICTS = ("CORRECT", "IMPRECISE", "WRONG", "UNVERIFIABLE")
EVIDENCE = ("numeric", "derivation", "source", "none")
STATES = ("open", "tested", "settled")


@dataclass(frozen=True)
class Place:
    """Where a claim is treated: a file of the course and a heading in it."""

    file: str
    heading: str


@dataclass(frozen=True)
class Claim:
    """One row of the ledger.

    id, claim, said_in: number, the claim in its believers' form, who says it.
    verdict: one of ``VERDICTS``. correction: what holds instead, or why it holds.
    evidence: one of ``EVIDENCE``. check: name of the function that proves a numeric
    verdict. control: which other cause could have done it, and the run or argument that
    excludes it. references: keys of the bibliography. place: where it is treated.
    """

    id: str
    claim: str
    said_in: str
    verdict: str
    correction: str
    evidence: str
    place: Place
    check: str | None = None
    control: str | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """A verdict on trial: the sentence, why it is believed, how far the case is."""

    id: str
    verdict: str
    believed_because: str
    state: str
    finding: str
    chapters: tuple[int, ...]
    check: str | None = None
    control: str | None = None


# --- reading the ledger -----------------------------------------------------------


@cache
def _document() -> dict:
    import yaml

    text = resources.files(__package__).joinpath("claims.yml").read_text("utf-8")
    return yaml.safe_load(text)


def load() -> list[Claim]:
    """Return the rows of the ledger, in the order of their numbers."""
    rows = []
    for row in _document()["claims"]:
        place = Place(**row["place"])
        references = tuple(row.get("references", ()))
        rows.append(Claim(**row | {"place": place, "references": references}))
    return sorted(rows, key=lambda row: row.id)


def trials() -> list[Trial]:
    """Return the verdicts on trial, in the order in which they are introduced."""
    rows = _document()["trials"]
    return [Trial(**row | {"chapters": tuple(row["chapters"])}) for row in rows]


def run(claim: Claim | Trial) -> str:
    """Run the check of a claim or trial and return what it found.

    Raises :class:`ClaimError` when the verdict does not hold, ``LookupError`` when
    the check is not there.
    """
    if claim.check is None:
        return f"no computation: {getattr(claim, 'evidence', 'open')}"
    checks = claim_checks()
    if claim.check not in checks:
        raise LookupError(f"{claim.id} names the check {claim.check!r}: there is none")
    return checks[claim.check]()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks of all claims, or of those named; return 1 if one fails."""
    parser = argparse.ArgumentParser(
        prog="python -m course.claims", description=main.__doc__
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="such as C-017")
    wanted = [name.upper() for name in parser.parse_args(arguments).ids]
    ledger: list[Claim | Trial] = [*trials(), *load()]
    rows = {row.id: row for row in ledger}
    unknown = [name for name in wanted if name not in rows]
    if unknown:
        print(f"no claim {', '.join(unknown)}; there are {', '.join(rows)}")
        return 2
    chosen = [rows[name] for name in wanted] or list(rows.values())
    failed = 0
    for row in chosen:
        try:
            sign, found = "✓" if row.check else "·", run(row)
        except Exception as error:  # one broken check must not hide the others
            sign, found = "✗", f"{type(error).__name__}: {error}"
            failed += 1
        verdict = row.verdict if isinstance(row, Claim) else f"({row.state})"
        print(f"{sign} {row.id:5} {verdict:12} {found}")
        print(f"  claim: {row.claim if isinstance(row, Claim) else row.verdict}")
        print(f"  control: {row.control or 'none'}")
    checked = sum(row.check is not None for row in chosen)
    print(f"{checked - failed} of {checked} checks hold.")
    return 1 if failed else 0
