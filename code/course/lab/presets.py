"""With which experiment a chapter opens the laboratory.

A chapter links to the page alone, because that works in every reader of notebooks; the
built page adds the address (``tools/site_links.py``).
"""

from __future__ import annotations

__all__ = ["PRESETS"]

# By the number of the chapter. Behaviour is that of one seed.
PRESETS = {
    3: "v=1&f=sigmoid&data=rings&layers=8-8-8-8&start=default&optimiser=sgd&rate=0.1",
    4: "v=1&g=softplus&data=signal&noise=0&layers=16",
    9: "v=1&f=tanh&g=relu&data=rings&layers=8-8-8-8-8-8-8-8-8-8&start=default"
    "&optimiser=sgd&rate=0.1",
    10: "v=1&g=gelu&data=rings&layers=12-12&optimiser=sgd&rate=0.05&step=101"
    "&events=100k200",
    15: "v=1&f=x*tanh%28exp%28x%29%29&g=relu&layers=16-16-16&start=matched",
}
