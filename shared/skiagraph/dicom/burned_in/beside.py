"""What stands beside the pixels and may show the same text: icons, overlays, and bits that belong to no pixel."""

from __future__ import annotations

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ..decoding import DicomFrames
from .finding import Finding
from .rewriting import native_bytes

_OVERLAY_GROUPS = range(0x6000, 0x6100, 2)
_ROWS, _COLUMNS, _BIT_POSITION, _DATA = 0x0010, 0x0011, 0x0102, 0x3000


def remove_icons(dataset: Dataset) -> list[Finding]:
    """Remove Icon Image Sequence (0088,0200), a small copy of the picture, at any depth."""
    findings = []
    if "IconImageSequence" in dataset:
        for item in dataset.IconImageSequence or ():
            box = (0, 0, int(item.get("Rows") or 0), int(item.get("Columns") or 0))
            findings.append(Finding((), box, "icon", "removed"))
        del dataset.IconImageSequence
    for element in dataset:
        if element.VR == "SQ":
            findings += [finding for item in element.value for finding in remove_icons(item)]
    return findings


def overlay_planes(dataset: Dataset) -> list[Finding]:
    """The overlays (PS3.3 C.9.2), which the cleaning of graphics has to deal with."""
    sizes = [
        (_number(dataset, element.tag.group, _ROWS), _number(dataset, element.tag.group, _COLUMNS))
        for element in _overlay_elements(dataset, _ROWS)
    ]
    return [Finding((), (0, 0, rows, columns), "overlay plane", "left") for rows, columns in sizes]


def has_embedded_overlay(dataset: Dataset) -> bool:
    """Whether an overlay plane lies in the bits around the pixels' own, as it did until 2004 (PS3.5 8.1.2)."""
    return any(
        element.value and (element.tag.group, _DATA) not in dataset
        for element in _overlay_elements(dataset, _BIT_POSITION)
    )


def unused_bits(dataset: Dataset, frames: DicomFrames) -> list[Finding]:
    """Whether bits around the stored ones hold something. Of compressed pixels, only an overlay's header tells."""
    pixels = frames.description
    if pixels.keyword != "PixelData" or pixels.bits_stored == pixels.bits_allocated:
        return []
    if not (has_embedded_overlay(dataset) or (not pixels.encapsulated and _differs(dataset.PixelData, frames))):
        return []
    return [Finding(tuple(range(len(frames))), (0, 0, pixels.rows, pixels.columns), "unused bits", "cleared")]


def _differs(data: bytes, frames: DicomFrames) -> bool:
    """Whether the bytes of a frame are other than its stored bits say."""
    length = frames.description.native_bits_per_frame // 8
    return any(
        data[index * length : (index + 1) * length] != native_bytes(stored.values, frames.description)
        for index, stored in enumerate(frames)
    )


def _overlay_elements(dataset: Dataset, number: int) -> list[DataElement]:
    tags = [(group, number) for group in _OVERLAY_GROUPS]
    return [dataset[tag] for tag in tags if tag in dataset]


def _number(dataset: Dataset, group: int, number: int) -> int:
    return int(dataset[group, number].value or 0) if (group, number) in dataset else 0
