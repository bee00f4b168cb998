"""What is told of something found in pixels."""

from __future__ import annotations

from dataclasses import dataclass

from .text_detection import Box


@dataclass(frozen=True)
class Finding:
    """Something in the pixels, or drawn over them, that may identify, without saying what it reads.

    Attributes:
        frames: where it was found, counted from 0; empty for what belongs to none.
        box: (row_min, column_min, row_max, column_max), the last ones not included.
        rule: what found it: "text", "outside of the ultrasound regions", a region rule's name and source, "unused
            bits", "icon" or "overlay plane".
        action: "blanked" in every frame, "cleared" (bits), "removed" (an icon), or "left" for who cleans the header.
    """

    frames: tuple[int, ...]
    box: Box
    rule: str
    action: str
