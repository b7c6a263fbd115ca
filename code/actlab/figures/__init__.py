"""Every matplotlib figure of the course, in one style, each with its alt text.

A figure function draws with pyplot and returns a ``Figure`` whose attribute ``alt``
says in words what is seen: the kind of figure, its axes and the finding, computed from
the data that were drawn. The text is also appended to ``ALT_TEXTS``, oldest first, from
where the executor of the notebooks takes it. ``COLOURS`` are the colours of the lines.

One file per subject; all of them draw with ``style``.
"""

from .drawings import neuron, timeline
from .functions import (
    autograd_at_kinks,
    function_plot,
    gain_integral,
    gallery,
    sorted_data,
)
from .layers import layer_health, signal_through_depth, singular_values
from .losses import descent_paths, threshold_units
from .networks import decision_regions, fit_curves, joints, kinks
from .output import matrix_map, weight_curves
from .studies import accuracy_grid, crossing, training_curves, width_sweep
from .style import ALT_TEXTS, COLOURS, use_style

__all__ = [
    "ALT_TEXTS",
    "COLOURS",
    "accuracy_grid",
    "autograd_at_kinks",
    "crossing",
    "decision_regions",
    "descent_paths",
    "fit_curves",
    "function_plot",
    "gain_integral",
    "gallery",
    "joints",
    "kinks",
    "layer_health",
    "matrix_map",
    "neuron",
    "signal_through_depth",
    "singular_values",
    "sorted_data",
    "threshold_units",
    "timeline",
    "training_curves",
    "use_style",
    "weight_curves",
    "width_sweep",
]
