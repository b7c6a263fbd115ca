"""All recorded studies of the course, chapter by chapter."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from actlab.studies import Study

__all__ = ["STUDIES"]

_MODULES = [
    *(f"{__package__}.ch{number:02}.studies" for number in range(1, 16)),
    # Apart, so that the code of the others stays theirs.
    f"{__package__}.ch04.harm",
    f"{__package__}.ch04.slopes",
    f"{__package__}.ch04.normed",
    f"{__package__}.ch04.longer",
    f"{__package__}.ch09.more_seeds",
    f"{__package__}.ch09.brake",
    f"{__package__}.ch09.epsilon",
    f"{__package__}.ch10.who_kills",
    f"{__package__}.ch10.below",
    f"{__package__}.ch10.replaced",
    f"{__package__}.ch11.edge",
    f"{__package__}.ch11.lazy",
    f"{__package__}.ch11.second",
    f"{__package__}.ch14.control",
    f"{__package__}.ch14.graph_gain",
    f"{__package__}.ch14.off_policy",
    f"{__package__}.ch14.steeper",
    f"{__package__}.ch14.steeper_fresh",
    f"{__package__}.ch14.wards",
    f"{__package__}.ch15.rates",
]

STUDIES: tuple[Study, ...] = tuple(
    study
    for module in _MODULES
    if find_spec(module) is not None
    for study in import_module(module).STUDIES
)
