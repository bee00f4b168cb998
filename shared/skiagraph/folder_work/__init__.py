"""One function over a folder: in parallel, resumable, with a report of what failed."""

from __future__ import annotations

from .files import whole_file, write_image, write_json
from .report import Outcome, Report, describe_error
from .run import work_through
from .walking import walk_files

__all__ = [
    "Outcome",
    "Report",
    "describe_error",
    "walk_files",
    "whole_file",
    "work_through",
    "write_image",
    "write_json",
]
