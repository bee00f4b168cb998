"""C-arm geometry of XA and XRF files: PS3.3 C.8.7.4 (table), C.8.7.5 and C.8.7.6 (positioner), C.7.6.5 (cine).

One number stands for all frames, or one for the first frame with increments for the others.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from pydicom.dataset import Dataset

from .c_arm_record import CArmFrame, Motion, TablePosition
from .c_arm_values import HALF_TURN_DEG, WHOLE_TURN_DEG, Values, read_distances, read_field_of_view, title

# One value a frame.
Track = list[float | None]

_FRAME_TIME, _FRAME_TIME_VECTOR = "FrameTime", "FrameTimeVector"
_TAGS = {0x00181063: _FRAME_TIME, 0x00181065: _FRAME_TIME_VECTOR}


def read_classic(header: Dataset, frames: int) -> tuple[CArmFrame, ...]:
    """Records of the frames of an XA or XRF file.

    Args:
        header: of the file.
        frames: how many it has.
    """
    values = Values(header)
    still = _still(values)
    primary, secondary = _angles(values, still.positioner_motion, frames)
    times, tables = _times(values, frames), _tables(values, frames)
    return tuple(
        replace(
            still,
            frame_number=k + 1,
            time_s=times[k],
            primary_deg=primary[k],
            secondary_deg=secondary[k],
            table=tables[k],
            notes=tuple(values.notes),
        )
        for k in range(frames)
    )


def _still(values: Values) -> CArmFrame:
    """What all frames have in common."""
    distances = read_distances(values, "DistanceSourceToPatient")
    tilt = values.number("DetectorPrimaryAngle"), values.number("DetectorSecondaryAngle")
    return CArmFrame(
        frame_number=1,
        rows=int(values.item.Rows),
        columns=int(values.item.Columns),
        enhanced=False,
        positioner_motion=values.motion("PositionerMotion"),
        source_detector_mm=distances.source_detector_mm,
        source_patient_mm=distances.source_patient_mm,
        magnification=distances.magnification,
        imager_spacing_mm=values.spacing_mm("ImagerPixelSpacing"),
        detector_tilt_deg=None if tilt == (None, None) else (tilt[0] or 0.0, tilt[1] or 0.0),
        field_of_view=read_field_of_view(values, "FieldOfViewDimensions"),
    )


def _angles(values: Values, motion: Motion | None, frames: int) -> tuple[Track, Track]:
    first = values.number("PositionerPrimaryAngle", *WHOLE_TURN_DEG)
    primary = _follow(values, "PositionerPrimaryAngleIncrement", first, motion, frames)
    # -100 degrees and a turn of 300 are 200, which is -160.
    primary = [None if angle is None else _within_a_turn(angle) for angle in primary]
    first = values.number("PositionerSecondaryAngle", *HALF_TURN_DEG)
    secondary = _follow(values, "PositionerSecondaryAngleIncrement", first, motion, frames)
    low, high = HALF_TURN_DEG
    if any(angle is not None and not low <= angle <= high for angle in secondary):
        values.refuse("PositionerSecondaryAngleIncrement", f"leads beyond {low:g} to {high:g}")
        secondary = [None] * frames
    return primary, secondary


def _within_a_turn(angle_deg: float) -> float:
    return angle_deg if WHOLE_TURN_DEG[0] <= angle_deg <= WHOLE_TURN_DEG[1] else (angle_deg + 180) % 360 - 180


def _follow(values: Values, keyword: str, first: float | None, motion: Motion | None, frames: int) -> Track:
    """What the first frame's value becomes in the others, PS3.3 C.8.7.5.1.3."""
    increments = values.numbers(keyword)
    if not increments:
        return [None] * frames if values.text(keyword) else _without_increments(values, keyword, first, motion, frames)
    if len(increments) == 1 < frames:
        increments = tuple(increments[0] * k for k in range(frames))
    if len(increments) != frames:
        values.refuse(keyword, f"has {len(increments)} values for {frames} frames")
    elif motion == "STATIC" and any(increments):
        values.refuse(keyword, "is not 0 although the motion is STATIC")
    # With a first value of 0, the standard allows that the increments are the angles themselves.
    elif increments[0] and (first or frames == 1):
        values.refuse(keyword, "moves the first frame, whose value is told apart")
    elif first is not None:
        return [first + increment for increment in increments]
    return [None] * frames


def _without_increments(values: Values, keyword: str, first: float | None, motion: Motion | None, frames: int) -> Track:
    if first is None or frames == 1 or motion == "STATIC":
        return [first] * frames
    if motion == "DYNAMIC":
        values.refuse(keyword, "is missing although the motion is DYNAMIC")
    else:
        values.refuse(keyword, "is missing, and so is the motion: only the first frame's value is known")
    return [first, *([None] * (frames - 1))]


def _times(values: Values, frames: int) -> Track:
    """Seconds since the first frame, PS3.3 C.7.6.5.1."""
    if frames == 1:
        return [0.0]
    keyword = _timing(values)
    if keyword == _FRAME_TIME:
        step_ms = values.above_zero(_FRAME_TIME)
        return [None if step_ms is None else k * step_ms / 1000 for k in range(frames)]
    steps_ms = values.numbers(_FRAME_TIME_VECTOR) if keyword else ()
    if steps_ms and len(steps_ms) != frames:
        values.refuse(_FRAME_TIME_VECTOR, f"has {len(steps_ms)} values for {frames} frames")
    elif any(step < 0 for step in steps_ms):
        values.refuse(_FRAME_TIME_VECTOR, "goes back in time")
    elif steps_ms:
        # The first one leads to the first frame, where time begins.
        return [elapsed / 1000 for elapsed in accumulate((0.0, *steps_ms[1:]))]
    return [None] * frames


def _timing(values: Values) -> str | None:
    """Which attribute tells the time: the one that Frame Increment Pointer points to, or else the only one there."""
    pointers = values.numbers("FrameIncrementPointer")
    named = [_TAGS[int(pointer)] for pointer in pointers if int(pointer) in _TAGS]
    there = [keyword for keyword in _TAGS.values() if values.text(keyword)]
    if len(named or there) > 1:
        values.refuse(_FRAME_TIME, f"and {title(_FRAME_TIME_VECTOR)} are both there, and nothing says which one counts")
        return None
    return next(iter(named or there), None)


def _tables(values: Values, frames: int) -> list[TablePosition]:
    motion = values.motion("TableMotion")
    tilt_deg = values.number("TableAngle", *HALF_TURN_DEG)
    tracks = [
        _table_track(values, keyword, motion, frames)
        for keyword in ("TableVerticalIncrement", "TableLongitudinalIncrement", "TableLateralIncrement")
    ]
    return [
        TablePosition(motion, vertical, longitudinal, lateral, head_tilt_deg=tilt_deg)
        for vertical, longitudinal, lateral in zip(*tracks, strict=True)
    ]


def _table_track(values: Values, keyword: str, motion: Motion | None, frames: int) -> Track:
    """Positions against the first frame; a table of which nothing is told has none."""
    increments = values.numbers(keyword)
    if not increments and motion is None:
        return [None] * frames
    # Unlike for angles, PS3.3 C.8.7.4 does not say that a single one is a step from frame to frame, or that the first
    # frame may be somewhere else than at its own position.
    if any(increments[:1]):
        values.refuse(keyword, f"begins with {increments[0]:g}, and is to be relative to the first frame")
        return [None] * frames
    return _follow(values, keyword, 0.0, motion, frames)
