"""An independent check of de-identified folders: it shares no code with any de-identifier."""

from .findings import KINDS, Finding
from .folders import CheckReport, CheckSettings, check_folders

__all__ = ["KINDS", "CheckReport", "CheckSettings", "Finding", "check_folders"]
