"""Every matplotlib figure of the course, in one style, each with its alt text.

A figure function draws with pyplot and returns a ``Figure`` whose attribute ``alt``
says in words what is seen: the kind of figure, its axes and the finding, computed from
the data that were drawn. The text is also appended to ``ALT_TEXTS``, oldest first, from
where the executor of the notebooks takes it. ``COLOURS`` are the colours of the lines.

One file per subject; all of them draw with ``style``.
"""

from .choosing import health_board, treatment_board
from .comparisons import (
    compared_differences,
    conditions_and_verdicts,
    quoted_and_measured,
    rank_scatter,
    rate_curves,
)
from .cost import (
    cost_and_operations,
    cost_dots,
    cost_shares,
    gradient_sizes,
    slope_ranges,
)
from .curvature import (
    eigenvalue_densities,
    gradient_maps,
    gradient_surface,
    kernel_against_slope,
    loss_planes,
    loss_slices,
    lyapunov_curve,
    sharpness_paths,
)
from .dead import (
    bias_and_signal,
    dead_by_layer,
    death_and_accuracy,
    life_history,
    output_ranges,
    unit_lives,
    zeroing_curves,
)
from .depth import (
    along_line,
    depth_profiles,
    depth_tables,
    gradient_ridges,
    spectra,
)
from .design import (
    best_of_many,
    registered_differences,
    search_and_second_look,
)
from .drawings import neuron, timeline
from .functions import (
    autograd_at_kinks,
    function_plot,
    gain_integral,
    gallery,
    sorted_data,
)
from .gated import loss_curves, loss_differences, maxima_of_lines, tuning_curves
from .layers import layer_health, signal_through_depth, singular_values
from .losses import descent_paths, threshold_units
from .networks import decision_regions, fit_curves, joints, kinks
from .output import matrix_map, weight_curves
from .probes import (
    histogram_strips,
    history_heatmap,
    layer_histograms,
    update_ratios,
)
from .studies import accuracy_grid, crossing, training_curves, width_sweep
from .style import ALT_TEXTS, COLOURS, use_style
from .trainable import ladder, parameter_paths, pictures

__all__ = [
    "ALT_TEXTS",
    "COLOURS",
    "accuracy_grid",
    "along_line",
    "autograd_at_kinks",
    "best_of_many",
    "bias_and_signal",
    "compared_differences",
    "conditions_and_verdicts",
    "cost_and_operations",
    "cost_dots",
    "cost_shares",
    "crossing",
    "dead_by_layer",
    "death_and_accuracy",
    "decision_regions",
    "depth_profiles",
    "depth_tables",
    "descent_paths",
    "eigenvalue_densities",
    "fit_curves",
    "function_plot",
    "gain_integral",
    "gallery",
    "gradient_maps",
    "gradient_ridges",
    "gradient_sizes",
    "gradient_surface",
    "health_board",
    "histogram_strips",
    "history_heatmap",
    "joints",
    "kernel_against_slope",
    "kinks",
    "ladder",
    "layer_health",
    "layer_histograms",
    "life_history",
    "loss_curves",
    "loss_differences",
    "loss_planes",
    "loss_slices",
    "lyapunov_curve",
    "matrix_map",
    "maxima_of_lines",
    "neuron",
    "output_ranges",
    "parameter_paths",
    "pictures",
    "quoted_and_measured",
    "rank_scatter",
    "rate_curves",
    "registered_differences",
    "search_and_second_look",
    "sharpness_paths",
    "signal_through_depth",
    "singular_values",
    "slope_ranges",
    "sorted_data",
    "spectra",
    "threshold_units",
    "timeline",
    "training_curves",
    "treatment_board",
    "tuning_curves",
    "unit_lives",
    "update_ratios",
    "use_style",
    "weight_curves",
    "width_sweep",
    "zeroing_curves",
]
