"""C-arm geometry of Enhanced XA files, by the functional groups of PS3.3 C.8.19.6."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.sequence import Sequence as Items

from skiagraph.dicom import CArmFrame, IsocentreSystem, read_c_arm
from tests.skiagraph.dicom.angiograms import (
    COLUMNS,
    ROWS,
    enhanced_xa,
    frame_pixels,
    geometry,
    isocentre_system,
    item,
    positioner,
    stored_field,
    table_position,
)


def read(*per_frame: dict[str, Any], shared: dict[str, Any] | None = None, **tags: Any) -> tuple[CArmFrame, ...]:
    return read_c_arm(enhanced_xa(per_frame, shared, **tags))


def test_groups_of_a_frame_and_of_all_frames() -> None:
    frames = read(
        *({"PositionerPositionSequence": positioner(10 * k, -k), "XRayGeometrySequence": geometry(1200 + k, 800)}
          for k in range(3)),
        shared={"TablePositionSequence": table_position(-5, 6, 7)},
    )  # fmt: skip
    assert [(frame.primary_deg, frame.secondary_deg) for frame in frames] == [(0, 0), (10, -1), (20, -2)]
    assert [frame.source_detector_mm for frame in frames] == [1200, 1201, 1202]
    assert {frame.source_patient_mm for frame in frames} == {800}
    assert {(frame.positioner_motion, frame.table.motion) for frame in frames} == {("DYNAMIC", "STATIC")}
    assert {(f.table.vertical_mm, f.table.longitudinal_mm, f.table.lateral_mm) for f in frames} == {(-5, 6, 7)}
    assert [frame.time_s for frame in frames] == pytest.approx([0.0, 0.04, 0.08])
    assert {(f.rows, f.columns, f.enhanced, f.imager_spacing_mm, f.notes) for f in frames} == {
        (12, 16, True, (0.2, 0.2), ())
    }


def test_the_isocentre_system() -> None:
    told = read({"IsocenterReferenceSystemSequence": isocentre_system(-35.5, 12.25, 3)})[0].isocentre
    assert told == IsocentreSystem(-35.5, 12.25, 3.0, 1.0, 200.0, -30.0, 5.0, 0.0, 0.0)
    assert read({})[0].isocentre is None


@pytest.mark.parametrize(
    ("shared", "unknown"),
    [
        ({"XRayGeometrySequence": None}, ("source_detector_mm", "source_patient_mm")),
        ({"PositionerPositionSequence": None}, ("primary_deg", "secondary_deg", "positioner_motion")),
        ({"FramePixelDataPropertiesSequence": None}, ("imager_spacing_mm", "isocentre_px")),
        ({"FieldOfViewSequence": None}, ("isocentre_px",)),
        ({"XRayGeometrySequence": Items([])}, ("source_detector_mm", "source_patient_mm")),
    ],
)
def test_a_group_that_is_missing_is_unknown(shared: dict[str, Any], unknown: tuple[str, ...]) -> None:
    frame = read({}, shared=shared)[0]
    assert [getattr(frame, name) for name in unknown] == [None] * len(unknown)
    assert frame.notes == ()


@pytest.mark.parametrize(
    ("own", "shared", "note"),
    [
        ({"XRayGeometrySequence": geometry(800, 800)}, {}, "is not shorter than Distance Source to Detector"),
        (
            {"XRayGeometrySequence": geometry(1200, 800)},
            {"XRayGeometrySequence": geometry(1100, 800)},
            "X-Ray Geometry Sequence is told for all frames and, differently, for this one",
        ),
        ({"XRayGeometrySequence": Items([*geometry(1200, 800), *geometry(1200, 800)])}, {}, "has 2 items, not one"),
    ],
)
def test_a_group_that_contradicts_itself_is_unknown(own: dict[str, Any], shared: dict[str, Any], note: str) -> None:
    frame, other = read(own, {"XRayGeometrySequence": geometry(1000, 700)} if not shared else {}, shared=shared)
    assert (frame.source_detector_mm, frame.source_patient_mm) == (None, None)
    assert note in frame.notes[0]
    assert (other.source_detector_mm, other.notes) == ((1100 if shared else 1000), ())


def test_the_same_group_twice_is_no_contradiction() -> None:
    own = {"XRayGeometrySequence": geometry(1200, 800)}
    assert read(own, shared=own)[0].source_detector_mm == 1200


@pytest.mark.parametrize("items", [1, 3])
def test_groups_of_another_number_of_frames_are_refused(items: int) -> None:
    header = enhanced_xa([{}] * items)
    header.NumberOfFrames = 2
    with pytest.raises(ValueError, match=f"has {items} items for 2 frames"):
        read_c_arm(header)


@pytest.mark.parametrize(
    ("moments", "times_s", "note"),
    [
        (["20240229235959.9", "20240301000000.15"], [0.0, 0.25], ""),
        (["20240229120000+0100", "20240229110001+0000"], [0.0, 1.0], ""),
        (["20240229120001", "20240229120000"], [1.0, 0.0], ""),  # frames need not be in the order of time
        (["20240229120001", "20240229120000+0100"], [None] * 2, "with and without a time zone"),
        (["202402291200", "202402291201"], [None] * 2, "not told to the second"),
        (["20240229120001", ""], [None] * 2, "is missing in some frames"),
        (["", ""], [None] * 2, ""),
    ],
)
def test_time_of_the_frames(moments: list[str], times_s: list[Any], note: str) -> None:
    header = enhanced_xa([{}, {}])
    for groups, moment in zip(header.PerFrameFunctionalGroupsSequence, moments, strict=True):
        groups.FrameContentSequence[0].FrameAcquisitionDateTime = moment
    frames = read_c_arm(header)
    assert [frame.time_s for frame in frames] == (pytest.approx(times_s) if times_s[0] is not None else times_s)
    assert (note in frames[0].notes[0]) if note else frames[0].notes == ()


@settings(deadline=None)
@given(
    place=st.tuples(st.floats(0, 99), st.floats(0, 99)),
    origin=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    turns=st.integers(0, 3),
    flipped=st.booleans(),
    binning=st.sampled_from([(1, 1), (2, 2), (2, 3)]),
)
def test_the_isocentre_is_where_the_detector_s_element_went(
    place: tuple[float, float], origin: tuple[int, int], turns: int, flipped: bool, binning: tuple[int, int]
) -> None:
    """Compared with NumPy: cut the field out of the detector's coordinates, average bins, turn and flip the arrays."""
    rows, columns = (ROWS, COLUMNS) if turns % 2 == 0 else (COLUMNS, ROWS)
    elements = (rows * binning[0], columns * binning[1])
    down, right = np.meshgrid(
        *(origin[k] + np.arange(elements[k], dtype=float) for k in range(2)), indexing="ij"
    )  # fmt: skip
    stored = []
    for coordinate in (down, right):
        binned = coordinate.reshape(rows, binning[0], columns, binning[1]).mean(axis=(1, 3))
        turned = np.rot90(binned, -turns)
        stored.append(np.fliplr(turned) if flipped else turned)
    spacing = [0.25 * size for size in binning]
    row_mm, column_mm = spacing if turns % 2 == 0 else spacing[::-1]
    frame = read(
        {
            "FieldOfViewSequence": stored_field(origin, 90 * turns, "YES" if flipped else "NO"),
            "FramePixelDataPropertiesSequence": frame_pixels(row_mm, column_mm),
        },
        PositionOfIsocenterProjection=list(place),
        DetectorElementSpacing=["0.25", "0.25"],
    )[0]
    assert frame.isocentre_px is not None
    x, y = frame.isocentre_px
    for coordinate, expected in zip(stored, np.float32(place), strict=True):
        first, along_rows, along_columns = coordinate[0, 0], coordinate[1, 0], coordinate[0, 1]
        assert first + y * (along_rows - first) + x * (along_columns - first) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    "tags",
    [{"PositionOfIsocenterProjection": None}, {"DetectorElementSpacing": None}, {"DetectorElementSpacing": ["0", "1"]}],
)
def test_where_the_isocentre_is_seen_is_unknown(tags: dict[str, Any]) -> None:
    assert read({}, **tags)[0].isocentre_px is None


def test_a_part_of_the_field_of_view_is_not_taken_for_the_whole() -> None:
    field = stored_field()
    field[0].PixelDataAreaOriginRelativeToFOV = [1.0, 0.0]
    frame = read({"FieldOfViewSequence": field})[0]
    assert frame.isocentre_px is None
    assert "not supported" in frame.notes[0]


def test_values_that_cannot_be() -> None:
    frame = read({"PositionerPositionSequence": positioner(10, 95), "FieldOfViewSequence": stored_field(rotation=45)})[
        0
    ]
    assert (frame.primary_deg, frame.secondary_deg, frame.field_of_view.rotation_deg) == (10, None, None)
    assert frame.notes == (
        "Field of View Rotation is 45, not a quarter turn",
        "Positioner Secondary Angle is 95, not within -90 and 90",
    )


def test_an_empty_shared_group_is_no_harm() -> None:
    header = enhanced_xa([{"PositionerPositionSequence": positioner(1, 2)}])
    header.SharedFunctionalGroupsSequence = Items([item()])
    assert read_c_arm(header)[0].primary_deg == 1
    del header.SharedFunctionalGroupsSequence
    assert read_c_arm(header)[0].primary_deg == 1
