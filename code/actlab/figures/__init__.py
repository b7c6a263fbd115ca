"""Figures for any network, function or study, in one style, each with its alt text.

A figure function draws with pyplot and returns a ``Figure`` whose attribute ``alt``
says in words what is seen: the kind of figure, its axes and the finding, computed from
the data that were drawn. The text is also appended to ``ALT_TEXTS``, oldest first, from
where the executor of the notebooks takes it. ``COLOURS`` are the colours of the lines.

One file per subject; all of them draw with ``style``, and so do the figures that one
chapter alone needs.
"""

from .functions import function_plot, gallery, sorted_data
from .layers import layer_health, signal_through_depth
from .networks import decision_regions, fit_curves, joints
from .runs import accuracy_grid, crossing, training_curves, width_sweep
from .style import ALT_TEXTS, COLOURS, use_style

__all__ = [
    "ALT_TEXTS",
    "COLOURS",
    "accuracy_grid",
    "crossing",
    "decision_regions",
    "fit_curves",
    "function_plot",
    "gallery",
    "joints",
    "layer_health",
    "signal_through_depth",
    "sorted_data",
    "training_curves",
    "use_style",
    "width_sweep",
]
