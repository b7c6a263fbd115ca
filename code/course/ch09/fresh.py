"""Rows of chapter 09: ten fresh seeds at the step that three others chose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["accuracies"]

_TUNED = ("cures", "cures-adam", "thirty-starts", "thirty-controls")
_SHOWN = ("cures-fresh", "thirty-fresh")


def accuracies(regime: str, **where: Any) -> pd.Series:
    """Return the test accuracies of one row of the chapter's tables, by seed.

    Parameters
    ----------
    regime : what the studies call the network.
    where : values of further columns; no variant and SGD where nothing is said.

    Per cent; a run that broke down counts as a guess, 10. Raises ``LookupError`` where
    no fresh seeds are recorded at the chosen step. Chapter 09.
    """
    where = {"regime": regime, "variant": "", "optimiser": "sgd"} | where
    tuned = _rows(_TUNED, where)
    step = tuned.groupby("lr")["test_accuracy"].mean().idxmax() if len(tuned) else None
    shown = _rows(_SHOWN, where | {"lr": step}).set_index("seed")["test_accuracy"]
    if shown.empty:
        raise LookupError(f"no fresh seeds at step {step} are recorded for {where}")
    return shown


def _rows(names: tuple[str, ...], where: dict[str, Any]) -> pd.DataFrame:
    """Return the last rows of some cells of studies."""
    import pandas as pd

    from actlab import studies

    runs = pd.concat([studies.final(name) for name in names])
    runs = runs.fillna({"test_accuracy": 10.0, "variant": ""})
    for column, value in where.items():
        runs = runs[runs[column] == value]
    return runs
