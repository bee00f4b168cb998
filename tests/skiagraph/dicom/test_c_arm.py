"""C-arm geometry of XA files, by the rules of PS3.3 C.8.7.4, C.8.7.5 and C.7.6.5."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, XRayRadiofluoroscopicImageStorage

from skiagraph.dicom import CArmFrame, NotAnAngiogramError, read_c_arm
from tests.skiagraph.dicom.angiograms import classic_xa, enhanced_xa, positioner, write

REAL = os.environ.get("SKIAGRAPH_DATA")


def read(frames: int = 4, **tags: Any) -> tuple[CArmFrame, ...]:
    return read_c_arm(classic_xa(frames, **tags))


def column(frames: tuple[CArmFrame, ...], name: str) -> list[Any]:
    return [getattr(frame, name) for frame in frames]


def test_a_cine_at_rest(tmp_path: Path) -> None:
    frames = read_c_arm(write(tmp_path / "a.dcm", classic_xa()))
    assert column(frames, "frame_number") == [1, 2, 3, 4]
    assert column(frames, "primary_deg") == [30.0] * 4
    assert column(frames, "secondary_deg") == [20.0] * 4
    assert column(frames, "time_s") == pytest.approx([0.0, 0.066, 0.132, 0.198])
    first = frames[0]
    assert (first.rows, first.columns, first.enhanced) == (12, 16, False)
    assert (first.source_detector_mm, first.source_patient_mm, first.magnification) == (1000.0, 750.0, 1.3333)
    assert first.imager_spacing_mm == (0.2, 0.2)
    assert (first.field_of_view.shape, first.field_of_view.dimensions_mm) == ("RECTANGLE", (2.0, 3.0))
    assert (first.table.motion, first.table.vertical_mm, first.table.head_tilt_deg) == ("STATIC", 0.0, 0.0)
    assert (first.isocentre, first.isocentre_px, first.detector_tilt_deg, first.notes) == (None, None, None, ())


@pytest.mark.parametrize(
    ("first", "increments", "angles"),
    [
        ("-100", ["0", "1.5", "4", "5"], [-100.0, -98.5, -96.0, -95.0]),  # offsets from the first, not steps
        ("10", "2.5", [10.0, 12.5, 15.0, 17.5]),  # one value: the change from each frame to the next
        ("0", ["-45", "-40", "-35", "-30"], [-45.0, -40.0, -35.0, -30.0]),  # allowed: absolute angles after a 0
        ("170", ["0", "8", "16", "24"], [170.0, 178.0, -174.0, -166.0]),
    ],
)
def test_angles_follow_their_increments(first: str, increments: Any, angles: list[float]) -> None:
    frames = read(
        PositionerMotion="DYNAMIC",
        PositionerPrimaryAngle=first,
        PositionerPrimaryAngleIncrement=increments,
        PositionerSecondaryAngleIncrement="0",
    )
    assert column(frames, "primary_deg") == pytest.approx(angles)
    assert column(frames, "secondary_deg") == [20.0] * 4
    assert frames[0].notes == ()


@pytest.mark.parametrize(
    ("tags", "angles", "note"),
    [
        ({"PositionerPrimaryAngleIncrement": ["0", "1"]}, [None] * 4, "has 2 values for 4 frames"),
        ({"PositionerPrimaryAngleIncrement": ["0", "1", "2", "3"]}, [None] * 4, "although the motion is STATIC"),
        (
            {"PositionerMotion": "DYNAMIC", "PositionerPrimaryAngleIncrement": ["5", "6", "7", "8"]},
            [None] * 4,
            "moves the first frame",
        ),
        ({"PositionerMotion": "DYNAMIC"}, [30.0, None, None, None], "is missing although the motion is DYNAMIC"),
        ({"PositionerMotion": ""}, [30.0, None, None, None], "only the first frame's value is known"),
        ({"PositionerMotion": "SLOW"}, [30.0, None, None, None], "Positioner Motion is SLOW"),
        ({"PositionerPrimaryAngle": "181"}, [None] * 4, "is 181, not within -180 and 180"),
        ({"PositionerPrimaryAngle": ["1", "2"]}, [None] * 4, "has 2 values, not one"),
        ({"PositionerPrimaryAngle": ""}, [None] * 4, ""),
        ({"PositionerPrimaryAngle": None}, [None] * 4, ""),
    ],
)
def test_angles_that_cannot_be_are_unknown_and_said_so(tags: dict[str, Any], angles: list[Any], note: str) -> None:
    frames = read(**tags)
    assert column(frames, "primary_deg") == angles
    assert any(note in line for line in frames[-1].notes) or not (note or frames[-1].notes)


def test_a_secondary_angle_does_not_pass_over_the_head() -> None:
    frames = read(PositionerMotion="DYNAMIC", PositionerSecondaryAngleIncrement=["0", "30", "60", "90"])
    assert column(frames, "secondary_deg") == [None] * 4
    assert "Positioner Secondary Angle Increment leads beyond -90 to 90" in frames[0].notes


def test_one_frame_with_an_increment_is_unknown() -> None:
    assert read(1, PositionerMotion=None, PositionerPrimaryAngleIncrement="5")[0].primary_deg is None
    assert read(1, PositionerMotion=None)[0].primary_deg == 30.0


@pytest.mark.parametrize(
    ("tags", "distances", "note"),
    [
        ({"EstimatedRadiographicMagnificationFactor": "1.34"}, (1000, 750, 1.34), ""),
        ({"EstimatedRadiographicMagnificationFactor": "1.25"}, (None,) * 3, "contradicts a magnification of 1.25"),
        ({"EstimatedRadiographicMagnificationFactor": "0.75"}, (1000, 750, None), "is 0.75, less than 1"),
        ({"EstimatedRadiographicMagnificationFactor": None}, (1000, 750, None), ""),
        ({"DistanceSourceToPatient": "1200"}, (None,) * 3, "(1200 mm) is not shorter than Distance Source to Detector"),
        ({"DistanceSourceToPatient": "-750"}, (1000, None, 1.3333), "Distance Source to Patient is not above 0"),
        ({"DistanceSourceToPatient": None}, (1000, None, 1.3333), ""),
        ({"DistanceSourceToDetector": "0"}, (None, 750, 1.3333), "Distance Source to Detector is not above 0"),
    ],
)
def test_distances_agree_or_are_unknown(tags: dict[str, Any], distances: tuple[Any, ...], note: str) -> None:
    frame = read(**tags)[0]
    assert (frame.source_detector_mm, frame.source_patient_mm, frame.magnification) == distances
    assert (note in frame.notes[0]) if note else frame.notes == ()


@pytest.mark.parametrize("value", [b"nan ", b"inf ", b"-inf", b"12,5", b"\x80\x00\xff1"])
def test_what_is_no_finite_number_is_unknown(value: bytes, tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", classic_xa())
    whole = path.read_bytes()
    assert whole.count(b"\x10\x11DS\x04\x001000") == 1
    path.write_bytes(whole.replace(b"DS\x04\x001000", b"DS\x04\x00" + value))
    frame = read_c_arm(path)[0]
    assert frame.source_detector_mm is None
    assert len(frame.notes) == 1
    assert frame.notes[0].startswith("Distance Source to Detector is not")


@pytest.mark.parametrize(
    ("tags", "times_s", "note"),
    [
        (
            {"FrameIncrementPointer": 0x00181065, "FrameTimeVector": ["0", "50", "100", "25"]},
            [0, 0.05, 0.15, 0.175],
            "",
        ),
        # Time begins with the first frame, whatever led to it.
        ({"FrameIncrementPointer": 0x00181065, "FrameTimeVector": ["9", "50", "50", "50"]}, [0, 0.05, 0.1, 0.15], ""),
        ({"FrameTimeVector": ["0", "50", "100", "25"]}, [0, 0.066, 0.132, 0.198], ""),  # the pointer says Frame Time
        ({"FrameTimeVector": ["0"] * 4, "FrameIncrementPointer": None}, [None] * 4, "nothing says which one counts"),
        ({"FrameTime": None, "FrameIncrementPointer": None}, [None] * 4, ""),
        ({"FrameTime": "0"}, [None] * 4, "Frame Time is not above 0"),
        ({"FrameIncrementPointer": 0x00181065, "FrameTimeVector": ["0", "50"]}, [None] * 4, "2 values for 4 frames"),
        ({"FrameIncrementPointer": 0x00181065, "FrameTimeVector": ["0", "9", "-9", "9"]}, [None] * 4, "back in time"),
    ],
)
def test_time_of_the_frames(tags: dict[str, Any], times_s: list[Any], note: str) -> None:
    frames = read(**tags)
    assert column(frames, "time_s") == (pytest.approx(times_s) if times_s[0] is not None else times_s)
    assert (note in frames[0].notes[0]) if note else frames[0].notes == ()


def test_the_table_moves() -> None:
    frames = read(
        TableMotion="DYNAMIC",
        TableVerticalIncrement=["0", "0", "0", "0"],
        TableLongitudinalIncrement=["0", "1", "2", "4"],
        TableLateralIncrement="7",
    )
    assert [frame.table.longitudinal_mm for frame in frames] == [0.0, 1.0, 2.0, 4.0]
    assert [frame.table.vertical_mm for frame in frames] == [0.0] * 4
    assert [frame.table.lateral_mm for frame in frames] == [None] * 4
    assert frames[0].notes == ("Table Lateral Increment begins with 7, and is to be relative to the first frame",)


def test_a_table_of_which_nothing_is_told_has_no_place() -> None:
    table = read(TableMotion=None, TableAngle=None)[0].table
    assert (table.motion, table.vertical_mm, table.head_tilt_deg) == (None, None, None)


def test_fluoroscopy_is_read_as_well() -> None:
    frame = read(1, SOPClassUID=XRayRadiofluoroscopicImageStorage, PositionerPrimaryAngle=None, PositionerMotion=None)[
        0
    ]
    assert (frame.primary_deg, frame.source_detector_mm) == (None, 1000.0)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"Rows": None}, "Rows or Columns are missing"),
        ({"NumberOfFrames": -1}, "Number of Frames is -1"),
        ({"NumberOfFrames": 2**31 - 1}, "Number of Frames is 2147483647"),
    ],
)
def test_what_is_wrong_with_the_whole_file_is_told_with_its_name(
    tags: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.dcm", classic_xa(**tags))
    with pytest.raises(ValueError, match=message) as caught:
        read_c_arm(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert not isinstance(caught.value, NotAnAngiogramError)


def test_what_is_no_angiogram_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotAnAngiogramError, match="no X-ray angiogram: CT Image Storage"):
        read(SOPClassUID=CTImageStorage)
    (tmp_path / "notes.txt").write_text("LAO 30")
    with pytest.raises(NotAnAngiogramError, match=r"notes\.txt: not a DICOM file"):
        read_c_arm(tmp_path / "notes.txt")
    with pytest.raises(FileNotFoundError):
        read_c_arm(tmp_path / "nothing.dcm")


def test_a_file_without_preamble_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", classic_xa())
    whole = path.read_bytes()
    (tmp_path / "bare.dcm").write_bytes(whole[132:])
    assert read_c_arm(tmp_path / "bare.dcm") == read_c_arm(path)


@settings(deadline=None, max_examples=60)
@given(
    header=st.sampled_from([classic_xa(), enhanced_xa([{"PositionerPositionSequence": positioner(1, 2)}] * 2)]),
    cut=st.integers(min_value=133, max_value=4000),
    wrong=st.binary(min_size=1, max_size=4),
)
def test_a_damaged_file_is_read_or_told_in_one_line(
    header: Dataset, cut: int, wrong: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.mktemp("damaged") / "a.dcm", header)
    whole = path.read_bytes()
    path.write_bytes(whole[:cut] + wrong + whole[cut + len(wrong) :])
    message = ""
    try:
        frames = read_c_arm(path)
    except ValueError as error:
        frames, message = (), str(error)
    assert all(isinstance(frame, CArmFrame) for frame in frames)
    assert frames or message.startswith(f"{path}: ")
    assert "\n" not in message


@pytest.mark.skipif(not REAL, reason="SKIAGRAPH_DATA names no folder of real data")
def test_a_real_cine_of_a_phantom() -> None:
    """Compared with what `dcmdump` prints of it."""
    frames = read_c_arm(Path(str(REAL), "dicom", "xa", "phantom_8frames_jpegll_private.dcm"))
    assert len(frames) == 8
    assert {(frame.primary_deg, frame.secondary_deg) for frame in frames} == {(30.7, 23.6)}
    assert (frames[0].source_detector_mm, frames[0].source_patient_mm) == (976.0, 720.0)
    assert frames[7].time_s == pytest.approx(7 * 0.0666667)
    assert frames[0].notes == ()


@pytest.mark.skipif(not REAL, reason="SKIAGRAPH_DATA names no folder of real data")
def test_a_real_cine_that_does_not_tell_whether_the_c_arm_moved() -> None:
    frames = read_c_arm(Path(str(REAL), "dicom", "xa", "cine_96frames_jpeg_fragments.dcm"))
    assert len(frames) == 96
    assert (frames[0].primary_deg, frames[0].secondary_deg) == (-32.0, 2.0)
    assert {frame.primary_deg for frame in frames[1:]} == {None}
