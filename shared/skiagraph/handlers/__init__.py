"""Ignite handlers that MONAI does not have."""

from __future__ import annotations

from .case_report import CaseReport, case_name
from .ema import ExponentialMovingAverage
from .folder_summary import FolderSummary
from .resume import ResumableCheckpoint
from .run_description import RunDescription
from .samples import surface_sample
from .tracking import TrackedRun, TrackingHandler

__all__ = [
    "CaseReport",
    "case_name",
    "ExponentialMovingAverage",
    "FolderSummary",
    "ResumableCheckpoint",
    "RunDescription",
    "TrackedRun",
    "TrackingHandler",
    "surface_sample",
]
