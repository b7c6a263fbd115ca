"""Compare each chapter's outputs with the stored ones under nbval."""

from __future__ import annotations

from functools import partial

from nbval.plugin import IPyNbCell

import outputs


def pytest_itemcollected(item):
    """Compare every cell; ``tools/outputs.py`` says how strictly."""
    if isinstance(item, IPyNbCell):
        item.options["check"] = True
        item.compare_outputs = partial(compare_outputs, item)


def compare_outputs(item: IPyNbCell, fresh: list, stored: list) -> bool:
    """Return the verdict, keep lines to print, as nbval wants it."""
    texts = take_alt_texts(item.parent.kernel)
    cell = item.cell | {"outputs": stored}
    found = outputs.differences(cell, fresh, texts)
    item.comparison_traceback = [f"cell {item.cell.id}", *found]
    return not found


def take_alt_texts(kernel) -> list[str]:
    """Return the alt texts that the last cell's figures registered."""
    message_id = kernel.kc.execute(
        "",
        silent=True,
        user_expressions={"alt": outputs.TAKE_ALT_TEXTS},
    )
    while True:
        reply = kernel.get_message("shell", timeout=60)
        if reply["parent_header"].get("msg_id") == message_id:
            return outputs.alt_texts(reply)
