"""Size of a pixel in the body and at the detector, kept apart (PS3.3 10.7.1.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydicom.dataset import Dataset

from .functional_groups import finite_numbers, frame_entries, frame_group

_CENTIMETRES = 3  # PS3.3 C.8.5.5.1.15, Physical Units
_TISSUE = 1  # PS3.3 C.8.5.5.1.2, Region Data Type
# Distances are written in whole millimetres, factors with two or three digits.
_TOLERANCE = 0.01

Pair = tuple[float, float]


@dataclass(frozen=True)
class Spacing:
    """What a file tells of the size of a frame's pixels. None is not known, and `unknown` says why.

    Attributes:
        in_body_mm: (row, column) size in the body: of the ultrasound regions, else Pixel Spacing, else (Enhanced
            XA) Object Pixel Spacing in Center of Beam. That of a projection holds at one depth only.
        at_detector_mm: (row, column) size on the detector, Imager Pixel Spacing. It is larger than in the body.
        magnification: size on the detector over size in the body, at least 1: Estimated Radiographic Magnification
            Factor, or the distance from source to detector over that to the patient (classic) or the isocentre
            (Enhanced).
        calibration: Pixel Spacing Calibration Type: ``"GEOMETRY"``, ``"FIDUCIAL"``, or None where it is not told.
        unknown: why what is None is not known, one line for each; nothing for what the file does not mention.
    """

    in_body_mm: Pair | None
    at_detector_mm: Pair | None
    magnification: float | None
    calibration: str | None
    unknown: tuple[str, ...] = ()


def read_spacing(header: Dataset, index: int = 0) -> Spacing:
    """Spacing of a frame, from a classic or an Enhanced file.

    Nothing is worked out from something else, and nothing is taken from entries that contradict each other: a
    magnification below 1 or two that differ by more than a hundredth, regions of different size, pixels that would be
    larger in the body than on the detector, or as large although nothing says that they were calibrated.

    Args:
        header: of the file, as `read_header` gives it.
        index: of the frame, counted from 0.
    """
    unknown: list[str] = []
    properties = frame_entries(header, index, "FramePixelDataPropertiesSequence")
    at_detector_mm = _pair(properties, "ImagerPixelSpacing", unknown)
    magnification = _magnification(header, index, unknown)
    measures = frame_entries(header, index, "PixelMeasuresSequence")
    calibration = str(measures.get("PixelSpacingCalibrationType") or "").strip().upper() or None
    in_body_mm = _in_body_mm(header, index, unknown)
    if in_body_mm and at_detector_mm:
        problem = _contradiction(in_body_mm, at_detector_mm, uncorrected=calibration is None and magnification != 1)
        unknown += [problem] if problem else []
        in_body_mm = None if problem else in_body_mm
    return Spacing(in_body_mm, at_detector_mm, magnification, calibration, tuple(unknown))


def stated_spacing_mm(header: Dataset, index: int = 0) -> Pair | None:
    """(row, column) size of a pixel in the body in the words of the file, without comparing it with other entries."""
    return _in_body_mm(header, index, [])


def _in_body_mm(header: Dataset, index: int, unknown: list[str]) -> Pair | None:
    regions = _region_sizes_mm(header)
    if len(regions) > 1 or (regions and not _is_size(next(iter(regions)))):
        unknown.append("in the body: the ultrasound regions have different or impossible pixel sizes")
        return None
    if regions:
        (size,) = regions
        return size[0], size[1]
    spacing = _pair(frame_entries(header, index, "PixelMeasuresSequence"), "PixelSpacing", unknown)
    calibrated = frame_group(header, index, "ProjectionPixelCalibrationSequence")
    return spacing or (calibrated and _pair(calibrated, "ObjectPixelSpacingInCenterOfBeam", unknown)) or None


def _region_sizes_mm(header: Dataset) -> set[tuple[float, ...]]:
    regions = {
        finite_numbers(region, "PhysicalDeltaY")[:1] + finite_numbers(region, "PhysicalDeltaX")[:1]
        for region in header.get("SequenceOfUltrasoundRegions") or ()
        if region.get("RegionDataType") == _TISSUE
        and region.get("PhysicalUnitsXDirection") == region.get("PhysicalUnitsYDirection") == _CENTIMETRES
    }
    return {tuple(abs(delta) * 10 for delta in region) for region in regions}


def _pair(entries: Dataset, keyword: str, unknown: list[str]) -> Pair | None:
    if entries.get(keyword) is None:
        return None
    size = finite_numbers(entries, keyword)
    if _is_size(size):
        return size[0], size[1]
    unknown.append(f"{keyword} is {entries.get(keyword)}, not two positive numbers")
    return None


def _is_size(size: tuple[float, ...]) -> bool:
    return len(size) == 2 and min(size) > 0


def _magnification(header: Dataset, index: int, unknown: list[str]) -> float | None:
    found = {
        "Estimated Radiographic Magnification Factor": finite_numbers(
            header, "EstimatedRadiographicMagnificationFactor"
        )
    }
    geometry = frame_entries(header, index, "XRayGeometrySequence")
    nearer = "DistanceSourceToPatient" if geometry is header else "DistanceSourceToIsocenter"
    distances = finite_numbers(geometry, "DistanceSourceToDetector")[:1] + finite_numbers(geometry, nearer)[:1]
    if len(distances) == 2 and min(distances) > 0:
        found[f"Distance Source to Detector over {nearer}"] = (distances[0] / distances[1],)
    factors = {name: numbers[0] for name, numbers in found.items() if numbers and numbers[0] != 0}
    told = ", ".join(f"{name} is {factor:.4g}" for name, factor in factors.items())
    if any(factor < 1 for factor in factors.values()):
        unknown.append(f"magnification: {told}, below 1")
        return None
    if factors and not _same(min(factors.values()), max(factors.values())):
        unknown.append(f"magnification: {told}, which contradict each other")
        return None
    return next(iter(factors.values()), None)


def _contradiction(in_body_mm: Pair, at_detector_mm: Pair, *, uncorrected: bool) -> str:
    pairs = list(zip(in_body_mm, at_detector_mm, strict=True))
    if uncorrected and all(_same(*pair) for pair in pairs):
        return "in the body: Pixel Spacing repeats Imager Pixel Spacing, so it is the size on the detector"
    if any(body > detector and not _same(body, detector) for body, detector in pairs):
        return "in the body: Pixel Spacing is larger than Imager Pixel Spacing, which no projection gives"
    return ""


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_TOLERANCE)
