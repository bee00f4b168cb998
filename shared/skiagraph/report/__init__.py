"""What a person looks at: overlays, plots and tables."""

from .box_overlay import overlay_boxes
from .detection_plots import plot_froc, plot_precision_recall, plot_reliability
from .overlays import draw_lines
from .plots import plot_click_curve, plot_distance_curves
from .tables import markdown_table

__all__ = [
    "overlay_boxes",
    "plot_froc",
    "plot_precision_recall",
    "plot_reliability",
    "draw_lines",
    "plot_click_curve",
    "plot_distance_curves",
    "markdown_table",
]
