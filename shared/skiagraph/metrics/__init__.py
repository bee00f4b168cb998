"""Metrics that MONAI does not have."""

from .case_means import case_means
from .click_error import ClickErrorMetric
from .corner_cases import plot_corners, score_corners, summarise_corners
from .published_surface import published_surface_metrics
from .surface_cases import lines_mm, plot_surfaces, score_surfaces
from .surface_distance import GreyLookup, summarise_surfaces, surface_distances
from .surface_f1 import SurfaceF1Metric

__all__ = [
    "ClickErrorMetric",
    "case_means",
    "plot_corners",
    "score_corners",
    "summarise_corners",
    "published_surface_metrics",
    "lines_mm",
    "plot_surfaces",
    "score_surfaces",
    "GreyLookup",
    "summarise_surfaces",
    "surface_distances",
    "SurfaceF1Metric",
]
