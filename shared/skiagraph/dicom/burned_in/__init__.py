"""Text that is burned into pixels: found and blanked."""

from .cleaner import PixelCleaner
from .finding import Finding
from .regions import RegionRule, outside_of_ultrasound_regions, region_rules
from .text_detection import Box, find_text

__all__ = [
    "Box",
    "Finding",
    "PixelCleaner",
    "RegionRule",
    "find_text",
    "outside_of_ultrasound_regions",
    "region_rules",
]
