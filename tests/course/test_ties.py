"""The slopes of PyTorch's own functions at kinks and ties, against the table."""

from __future__ import annotations

import pytest
import torch

from course.ch02 import ties

NAMES = [f"{tie.name} at {tie.at:g}" for tie in ties.ties()]


@pytest.mark.parametrize("tie", ties.ties(), ids=NAMES)
def test_autograd_gives_the_slope_of_the_table(tie) -> None:
    found, listed = tie.measured(), tie.expected(ties.release())
    if listed is None:
        pytest.skip(f"{found:g} in PyTorch {torch.__version__}, not in the table yet")
    assert found == listed


def test_the_table_knows_its_releases_and_no_newer_one() -> None:
    clamp = next(tie for tie in ties.ties() if tie.name == "clamp(min=0)")
    expected = [
        clamp.expected(of) for of in ((2, 9), (2, 13), (2, 14), (2, 15), (3, 0))
    ]
    assert expected == [1.0, 1.0, 0.0, None, None]


@pytest.mark.parametrize(
    ("version", "release"),
    [("2.13.0+cpu", (2, 13)), ("2.14.1+cu130", (2, 14)), ("3.0.0a0+git1", (3, 0))],
)
def test_a_version_is_read(version, release, monkeypatch) -> None:
    monkeypatch.setattr(torch, "__version__", version)
    assert ties.release() == release


def test_a_release_that_the_table_does_not_know_is_reported(monkeypatch) -> None:
    from course import claims

    monkeypatch.setattr(ties, "release", lambda: (2, 99))
    found = claims.claim_checks()["slope_at_a_kink_is_chosen_by_the_operation"]()
    assert "not listed yet; PyTorch 2.99, ReLU: 0, 0.5, " in found
