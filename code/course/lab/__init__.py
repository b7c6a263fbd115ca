"""The laboratory: any function, alive in the browser.

``numbers.js``, ``formula.js``, ``machine.js``, ``engine.js``, ``sheet.js`` and
``session.js`` compute and know no page; ``page.js``, ``page.css`` and ``page.html``
show. `scripts` puts them together for the site, `trees` writes the catalogue down for
them, `kernels` writes the inner loops in WebAssembly (``kernels.js``), `replay` does a
run of the page in Python.
"""

from __future__ import annotations

from .replay import Experiment, experiment

__all__ = ["Experiment", "experiment"]
