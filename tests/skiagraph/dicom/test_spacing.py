"""Pixel size in the body and on the detector, from entries of known geometry."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from skiagraph.dicom import Spacing, read_spacing


def _item(**entries: Any) -> Dataset:
    item = Dataset()
    for keyword, value in entries.items():
        setattr(item, keyword, value)
    return item


def test_a_file_that_tells_nothing() -> None:
    assert read_spacing(_item()) == Spacing(None, None, None, None, ())


def test_the_three_are_kept_apart() -> None:
    """An object at 1.25 times magnification, seen with 0.25 mm pixels on the detector."""
    header = _item(
        PixelSpacing=[0.2, 0.2], ImagerPixelSpacing=[0.25, 0.25], PixelSpacingCalibrationType="GEOMETRY",
        EstimatedRadiographicMagnificationFactor=1.25, DistanceSourceToDetector=1000, DistanceSourceToPatient=800,
    )  # fmt: skip
    assert read_spacing(header) == Spacing((0.2, 0.2), (0.25, 0.25), 1.25, "GEOMETRY", ())


def test_one_is_never_worked_out_from_the_others() -> None:
    header = _item(ImagerPixelSpacing=[0.25, 0.25], EstimatedRadiographicMagnificationFactor=1.25)
    assert read_spacing(header) == Spacing(None, (0.25, 0.25), 1.25, None, ())
    assert read_spacing(_item(PixelSpacing=[0.2, 0.3])) == Spacing((0.2, 0.3), None, None, None, ())


@pytest.mark.parametrize(
    ("entries", "factor", "reason"),
    [
        ({"EstimatedRadiographicMagnificationFactor": 1.4}, 1.4, ""),
        ({"DistanceSourceToDetector": 1000, "DistanceSourceToPatient": 800}, 1.25, ""),
        ({"DistanceSourceToDetector": 1000}, None, ""),
        ({"DistanceSourceToDetector": 1000, "DistanceSourceToPatient": 0}, None, ""),
        ({"EstimatedRadiographicMagnificationFactor": 0}, None, ""),
        ({"EstimatedRadiographicMagnificationFactor": 0.8}, None, "is 0.8, below 1"),
        ({"DistanceSourceToDetector": 800, "DistanceSourceToPatient": 1000}, None, "below 1"),
        (
            {"EstimatedRadiographicMagnificationFactor": 1.4, "DistanceSourceToDetector": 1000,
             "DistanceSourceToPatient": 800},
            None, "is 1.4, Distance Source to Detector over DistanceSourceToPatient is 1.25, which contradict",
        ),
        (
            {"EstimatedRadiographicMagnificationFactor": 1.2465, "DistanceSourceToDetector": 1000,
             "DistanceSourceToPatient": 800},
            1.2465, "",
        ),
    ],
)  # fmt: skip
def test_magnification_or_why_it_is_unknown(entries: dict[str, Any], factor: float | None, reason: str) -> None:
    spacing = read_spacing(_item(**entries))
    assert spacing.magnification == (None if factor is None else pytest.approx(factor))
    assert [reason in line for line in spacing.unknown] == ([True] if reason else [])


@pytest.mark.parametrize(
    ("entries", "in_body", "reason"),
    [
        ({"PixelSpacing": [0.25, 0.25]}, False, "repeats Imager Pixel Spacing"),
        ({"PixelSpacing": [0.25, 0.25], "PixelSpacingCalibrationType": "FIDUCIAL"}, True, ""),
        ({"PixelSpacing": [0.25, 0.25], "EstimatedRadiographicMagnificationFactor": 1.0}, True, ""),
        ({"PixelSpacing": [0.3, 0.3]}, False, "larger than Imager Pixel Spacing"),
        ({"PixelSpacing": [0.3, 0.3], "PixelSpacingCalibrationType": "FIDUCIAL"}, False, "larger than"),
        ({"PixelSpacing": [0.2, 0.2]}, True, ""),
        ({"PixelSpacing": [0, 0]}, False, "not two positive numbers"),
    ],
)
def test_contradictions_are_unknown_with_a_reason(entries: dict[str, Any], in_body: bool, reason: str) -> None:
    spacing = read_spacing(_item(ImagerPixelSpacing=[0.25, 0.25], **entries))
    assert spacing.at_detector_mm == (0.25, 0.25)
    assert (spacing.in_body_mm is not None) == in_body
    assert [reason in line for line in spacing.unknown] == ([True] if reason else [])


def test_regions_of_different_size_are_unknown_with_a_reason() -> None:
    units = {"PhysicalUnitsXDirection": 3, "PhysicalUnitsYDirection": 3}
    regions = [_item(RegionDataType=1, PhysicalDeltaX=size, PhysicalDeltaY=size, **units) for size in (0.01, 0.02)]
    assert read_spacing(_item(SequenceOfUltrasoundRegions=regions[:1])).in_body_mm == pytest.approx((0.1, 0.1))
    (reason,) = read_spacing(_item(SequenceOfUltrasoundRegions=regions)).unknown
    assert "different or impossible" in reason


def test_frames_of_an_enhanced_file_have_their_own() -> None:
    """Shared: Pixel Measures, detector. Of the second frame: another distance and calibration."""

    def geometry(detector: float, isocentre: float) -> list[Dataset]:
        return [_item(DistanceSourceToDetector=detector, DistanceSourceToIsocenter=isocentre)]

    shared = _item(
        FramePixelDataPropertiesSequence=[_item(ImagerPixelSpacing=[0.4, 0.4])],
        XRayGeometrySequence=geometry(1000, 800),
    )
    calibrated = _item(
        XRayGeometrySequence=geometry(1200, 800),
        ProjectionPixelCalibrationSequence=[_item(ObjectPixelSpacingInCenterOfBeam=[0.27, 0.27])],
    )
    measured = _item(PixelMeasuresSequence=[_item(PixelSpacing=[0.3, 0.3], PixelSpacingCalibrationType="FIDUCIAL")])
    header = _item(
        SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=[_item(), calibrated, measured],
        # Not where an Enhanced file has them.
        DistanceSourceToPatient=500,
    )  # fmt: skip
    assert read_spacing(header, 0) == Spacing(None, (0.4, 0.4), 1.25, None, ())
    assert read_spacing(header, 1) == Spacing((0.27, 0.27), (0.4, 0.4), 1.5, None, ())
    assert read_spacing(header, 2) == Spacing((0.3, 0.3), (0.4, 0.4), 1.25, "FIDUCIAL", ())
