"""What a person looks at: overlays, plots and tables."""

from .overlays import draw_lines
from .plots import plot_click_curve, plot_distance_curves
from .tables import markdown_table

__all__ = ["draw_lines", "plot_click_curve", "plot_distance_curves", "markdown_table"]
