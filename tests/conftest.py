"""Shared settings of the tests: one thread, no windows, no bars."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import matplotlib

ROOT = Path(__file__).resolve().parent.parent
for folder in ("code", "tools"):
    if str(ROOT / folder) not in sys.path:
        sys.path.insert(0, str(ROOT / folder))

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
# Not the variable MPLBACKEND: the kernels of nbval would inherit it and draw nothing.
matplotlib.use("Agg")
