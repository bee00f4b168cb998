"""Metrics that MONAI does not have."""

from .average_precision import average_precision, average_recall, interpolated_precision
from .bootstrap import bootstrap_intervals
from .box_ap import BoxAPMetric
from .box_matching import ClassBoxes, Matches, class_boxes, match_boxes
from .case_means import case_means
from .click_error import ClickErrorMetric
from .corner_cases import plot_corners, score_corners, summarise_corners
from .detection_cases import plot_boxes, score_boxes, summarise_boxes
from .froc import false_per_negative, froc_curve, sensitivity_at
from .published_surface import published_surface_metrics
from .score_reliability import Reliability, score_reliability
from .surface_cases import lines_mm, plot_surfaces, score_surfaces
from .surface_distance import GreyLookup, summarise_surfaces, surface_distances
from .surface_f1 import SurfaceF1Metric

__all__ = [
    "average_precision",
    "average_recall",
    "interpolated_precision",
    "bootstrap_intervals",
    "BoxAPMetric",
    "ClassBoxes",
    "Matches",
    "class_boxes",
    "match_boxes",
    "ClickErrorMetric",
    "case_means",
    "plot_corners",
    "score_corners",
    "summarise_corners",
    "plot_boxes",
    "score_boxes",
    "summarise_boxes",
    "false_per_negative",
    "froc_curve",
    "sensitivity_at",
    "published_surface_metrics",
    "Reliability",
    "score_reliability",
    "lines_mm",
    "plot_surfaces",
    "score_surfaces",
    "GreyLookup",
    "summarise_surfaces",
    "surface_distances",
    "SurfaceF1Metric",
]
