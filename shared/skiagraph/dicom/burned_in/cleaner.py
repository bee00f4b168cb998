"""Burned-in text, found and painted over."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from pydicom import uid
from pydicom.dataset import Dataset, FileDataset

from ..decoding import DicomFrames
from ..reading import one_line_errors
from .beside import has_embedded_overlay, overlay_planes, remove_icons, unused_bits
from .finding import Finding
from .regions import outside_of_ultrasound_regions, region_rules
from .rewriting import rewrite
from .search import search_text

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
# Their values are labels or quantities, which black would falsify.
_NO_PICTURES = (
    uid.SegmentationStorage,
    uid.UID("1.2.840.10008.5.1.4.1.1.66.7"),  # Label Map Segmentation Storage
    uid.ParametricMapStorage,
    uid.RTDoseStorage,
)


@dataclass(frozen=True)
class PixelCleaner:
    """Blanks what may identify in pixels: the Clean Pixel Data Option of PS3.15 E.3.1.

    Blanked are the places where a kind of machine is known to write (region_rules.json), what lies outside of the
    regions that an ultrasound machine tells (0018,6011), and all text that `find_text` sees, whatever it says. What is
    found in one frame is blanked in every one. Bits that belong to no pixel are cleared, and icons removed.

    Segmentations, parametric maps and doses are no pictures: their pixels are left alone. Nothing is claimed of faces
    (0028,0302).

    Attributes:
        search_text: look for text; without it, pixels are decoded only where a rule asks for it.
        keep_markers: leave what is too short for two letters, such as the side markers L and R.
    """

    search_text: bool = True
    keep_markers: bool = False

    def clean(
        self,
        dataset: FileDataset,
        path: str | os.PathLike[str],
        identifiers: Iterable[str] = (),  # noqa: ARG002 what the text says is not asked
    ) -> list[Finding]:
        """Clean a data set where it is. What is blanked or cleared is encoded anew without loss (see `rewrite`).

        Burned In Annotation (0028,0301) is NO afterwards if text was searched for.

        Args:
            dataset: as read from the file, with its pixels.
            path: the file, from which frames are decoded one at a time.
            identifiers: not needed, as all text goes.

        Returns:
            What was found; empty if all pixels are what they were.

        Raises:
            OSError: the file cannot be read, or the network that finds text cannot be loaded.
            ValueError: the pixels cannot be decoded, or the file is damaged.
        """
        with one_line_errors(path, "its pixels cannot be cleaned"):
            findings = remove_icons(dataset) + overlay_planes(dataset)
            if dataset.get("SOPClassUID") in _NO_PICTURES or not any(keyword in dataset for keyword in _PIXELS):
                return findings
            findings = self._clean_pixels(dataset, path) + findings
            if self.search_text:
                dataset.BurnedInAnnotation = "NO"
            return findings

    def _clean_pixels(self, dataset: FileDataset, path: str | os.PathLike[str]) -> list[Finding]:
        blanked = _by_rule(dataset)
        if not (self.search_text or blanked or has_embedded_overlay(dataset)):
            return []
        with DicomFrames(path) as frames:
            if self.search_text:
                known = [finding.box for finding in blanked]
                blanked += search_text(frames, known, keep_markers=self.keep_markers)
            cleared = unused_bits(dataset, frames)
            if blanked or cleared:
                rewrite(dataset, frames, [finding.box for finding in blanked])
        return blanked + cleared


def _by_rule(header: Dataset) -> list[Finding]:
    if "Rows" not in header or "Columns" not in header:  # for the decoder to tell
        return []
    rows, columns = int(header.Rows), int(header.Columns)
    frames = tuple(range(int(header.get("NumberOfFrames") or 1)))
    ruled = [(rule.name, box) for rule in region_rules() if rule.applies_to(header) for box in rule.boxes]
    ruled += [("outside of the ultrasound regions", box) for box in outside_of_ultrasound_regions(header)]
    clipped = [(name, (box[0], box[1], min(box[2], rows), min(box[3], columns))) for name, box in ruled]
    return [Finding(frames, box, name, "blanked") for name, box in clipped if box[0] < box[2] and box[1] < box[3]]
