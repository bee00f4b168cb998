"""What is known of a C-arm when it took one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Motion = Literal["STATIC", "DYNAMIC"]


@dataclass(frozen=True, slots=True)
class IsocentreSystem:
    """Positioner and table in the room's coordinates, PS3.3 C.8.19.6.13.

    Their origin is the isocentre; for a table at rest x goes to its left, y down and z to its head.

    Attributes:
        primary_deg: of the beam's detector end, from -y to +x.
        secondary_deg: of the beam's detector end, to +z.
        detector_rotation_deg: of the detector in its own plane.
        table_x_mm: table reference point, as the next two.
        table_y_mm: see `table_x_mm`.
        table_z_mm: see `table_x_mm`.
        table_horizontal_deg: rotation of the table about the vertical.
        table_head_tilt_deg: of its head-feet axis against the horizontal plane.
        table_cradle_tilt_deg: of its left-right axis against the horizontal plane.
    """

    primary_deg: float | None = None
    secondary_deg: float | None = None
    detector_rotation_deg: float | None = None
    table_x_mm: float | None = None
    table_y_mm: float | None = None
    table_z_mm: float | None = None
    table_horizontal_deg: float | None = None
    table_head_tilt_deg: float | None = None
    table_cradle_tilt_deg: float | None = None


@dataclass(frozen=True, slots=True)
class TablePosition:
    """Table top, PS3.3 C.8.7.4 (against the first frame) or C.8.19.6.11 (against a point that the maker chose).

    The standard's "longitudinal" is seen from somebody who stands at the table's side: it is along the patient's left,
    and "lateral" is towards the patient's head.

    Attributes:
        motion: whether the table moved during the cine.
        vertical_mm: in an Enhanced file, downwards is positive.
        longitudinal_mm: towards LAO is positive.
        lateral_mm: towards cranial is positive.
        horizontal_deg: rotation in the horizontal plane, clockwise from above.
        head_tilt_deg: positive with the head upwards.
        cradle_tilt_deg: positive with the left upwards.
    """

    motion: Motion | None = None
    vertical_mm: float | None = None
    longitudinal_mm: float | None = None
    lateral_mm: float | None = None
    horizontal_deg: float | None = None
    head_tilt_deg: float | None = None
    cradle_tilt_deg: float | None = None


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """The part of the detector that is stored, PS3.3 C.8.7.2 and C.8.19.6.2.

    Attributes:
        shape: RECTANGLE, ROUND or HEXAGONAL.
        dimensions_mm: height and width of a rectangle; any other shape has its diameter twice.
        rotation_deg: quarter turns by which the stored image is turned clockwise against the detector.
        flipped: whether left and right were then exchanged.
    """

    shape: str | None = None
    dimensions_mm: tuple[float, float] | None = None
    rotation_deg: float | None = None
    flipped: bool | None = None


@dataclass(frozen=True, slots=True)
class CArmFrame:
    """One frame. None is unknown: not told, or told in a way that cannot be, and then `notes` says what is wrong.

    Attributes:
        frame_number: counted from 1, as in DICOM.
        rows: of the image.
        columns: of the image.
        enhanced: from an Enhanced XA or XRF file, whose numbers are told frame by frame.
        time_s: since the first frame of the cine.
        positioner_motion: whether the angles changed during the cine.
        primary_deg: -180 to 180, where the detector is about the patient: 0 in front, LAO (to the patient's left)
            positive. PS3.3 C.8.7.5.1.2.
        secondary_deg: -90 to 90, cranial positive.
        source_detector_mm: SID.
        source_patient_mm: from the source to the middle of the field of view, which is the isocentre of cardiovascular
            equipment (PS3.3 C.8.7.5); in an Enhanced file from the source to the isocentre.
        magnification: the estimated radiographic one, of what is at that distance.
        imager_spacing_mm: distances of rows and of columns, on the detector.
        detector_tilt_deg: of the beam against the detector's normal, across columns and across rows.
        isocentre_px: (x, y) where the isocentre is seen in the stored image; only Enhanced files tell it.
        field_of_view: what is stored of the detector.
        table: table top.
        isocentre: positioner and table in the room's coordinates; only Enhanced files tell it.
        notes: what contradicts itself, and was left unknown for it.
    """

    frame_number: int
    rows: int
    columns: int
    enhanced: bool
    time_s: float | None = None
    positioner_motion: Motion | None = None
    primary_deg: float | None = None
    secondary_deg: float | None = None
    source_detector_mm: float | None = None
    source_patient_mm: float | None = None
    magnification: float | None = None
    imager_spacing_mm: tuple[float, float] | None = None
    detector_tilt_deg: tuple[float, float] | None = None
    isocentre_px: tuple[float, float] | None = None
    field_of_view: FieldOfView = FieldOfView()
    table: TablePosition = TablePosition()
    isocentre: IsocentreSystem | None = None
    notes: tuple[str, ...] = ()
