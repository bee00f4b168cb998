"""Ignite handlers that MONAI does not have."""

from __future__ import annotations

from .case_report import CaseReport, case_name
from .checkpoint import ValidatedCheckpoint
from .ema import ExponentialMovingAverage
from .folder_summary import FolderSummary
from .run_description import RunDescription
from .samples import boxes_sample, corners_sample, surface_sample
from .tracking import TrackedRun, TrackingHandler

__all__ = [
    "CaseReport",
    "case_name",
    "ExponentialMovingAverage",
    "FolderSummary",
    "RunDescription",
    "TrackedRun",
    "TrackingHandler",
    "ValidatedCheckpoint",
    "boxes_sample",
    "corners_sample",
    "surface_sample",
]
