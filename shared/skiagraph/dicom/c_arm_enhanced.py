"""C-arm geometry of Enhanced XA and XRF files: the functional groups of PS3.3 C.8.19.6, frame by frame or shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.valuerep import DT

from .c_arm_record import CArmFrame, FieldOfView, IsocentreSystem, Motion, TablePosition
from .c_arm_values import HALF_TURN_DEG, WHOLE_TURN_DEG, Values, read_distances, read_field_of_view, title

_POSITIONER, _TABLE = "PositionerPositionSequence", "TablePositionSequence"
# Year to second; what is less exact does not tell one frame from the next.
_TO_THE_SECOND = 14


def read_enhanced(header: Dataset, frames: int) -> tuple[CArmFrame, ...]:
    """Records of the frames of an Enhanced XA or XRF file.

    Args:
        header: of the file.
        frames: how many it has.

    Raises:
        ValueError: its functional groups are of another number of frames.
    """
    shared = _items(header, "SharedFunctionalGroupsSequence")
    per_frame = _items(header, "PerFrameFunctionalGroupsSequence")
    if len(per_frame) != frames or len(shared) > 1:
        raise ValueError(
            f"Per-frame Functional Groups Sequence has {len(per_frame)} items for {frames} frames, "
            f"and the shared one {len(shared)}; it cannot be told which number is of which frame"
        )
    groups = [_Groups(header, own, shared[0] if shared else Dataset()) for own in per_frame]
    times_s, problem = _times(groups)
    return tuple(
        group.record(k + 1, time_s, problem) for k, (group, time_s) in enumerate(zip(groups, times_s, strict=True))
    )


def _items(parent: Dataset, keyword: str) -> Sequence[Dataset]:
    items: Sequence[Dataset] = parent.get(keyword) or ()
    return items


class _Groups:
    """The functional groups of one frame."""

    def __init__(self, header: Dataset, own: Dataset, shared: Dataset) -> None:
        self._own, self._shared = own, shared
        self._header = Values(header)

    def get(self, keyword: str) -> Values | None:
        """A group, from where it stands: PS3.3 C.7.6.16 allows one place."""
        own, shared = _items(self._own, keyword), _items(self._shared, keyword)
        if own and shared and own != shared:
            self._header.refuse(keyword, "is told for all frames and, differently, for this one")
            return None
        found = own or shared
        if len(found) > 1:
            self._header.refuse(keyword, f"has {len(found)} items, not one")
        return Values(found[0], self._header.notes) if len(found) == 1 else None

    def values(self, keyword: str) -> Values:
        """Values of a group, none where it is missing."""
        return self.get(keyword) or Values(Dataset())

    def motion(self, keyword: str) -> Motion | None:
        """Whether something moved: PS3.3 C.8.19.6.10 and C.8.19.6.11 tell it by where the group stands."""
        if _items(self._own, keyword):
            return "DYNAMIC"
        return "STATIC" if _items(self._shared, keyword) else None

    def record(self, frame_number: int, time_s: float | None, time_problem: str) -> CArmFrame:
        distances = read_distances(self.values("XRayGeometrySequence"), "DistanceSourceToIsocenter")
        positioner, stored = self.values(_POSITIONER), self.values("FieldOfViewSequence")
        field_of_view = read_field_of_view(stored, "FieldOfViewDimensionsInFloat")
        spacing_mm = self.values("FramePixelDataPropertiesSequence").spacing_mm("ImagerPixelSpacing")
        frame = CArmFrame(
            frame_number=frame_number,
            rows=int(self._header.item.Rows),
            columns=int(self._header.item.Columns),
            enhanced=True,
            time_s=time_s,
            positioner_motion=self.motion(_POSITIONER),
            primary_deg=positioner.number("PositionerPrimaryAngle", *WHOLE_TURN_DEG),
            secondary_deg=positioner.number("PositionerSecondaryAngle", *HALF_TURN_DEG),
            source_detector_mm=distances.source_detector_mm,
            source_patient_mm=distances.source_patient_mm,
            imager_spacing_mm=spacing_mm,
            isocentre_px=self._seen_isocentre(stored, field_of_view, spacing_mm),
            field_of_view=field_of_view,
            table=self._table(),
            isocentre=self._isocentre(),
        )
        return replace(frame, notes=(*self._header.notes, *([time_problem] if time_problem else [])))

    def _table(self) -> TablePosition:
        place = self.values(_TABLE)
        return TablePosition(
            motion=self.motion(_TABLE),
            vertical_mm=place.number("TableTopVerticalPosition"),
            longitudinal_mm=place.number("TableTopLongitudinalPosition"),
            lateral_mm=place.number("TableTopLateralPosition"),
            horizontal_deg=place.number("TableHorizontalRotationAngle", *WHOLE_TURN_DEG),
            head_tilt_deg=place.number("TableHeadTiltAngle", *HALF_TURN_DEG),
            cradle_tilt_deg=place.number("TableCradleTiltAngle", *HALF_TURN_DEG),
        )

    def _isocentre(self) -> IsocentreSystem | None:
        system = self.get("IsocenterReferenceSystemSequence")
        if system is None:
            return None
        return IsocentreSystem(
            primary_deg=system.number("PositionerIsocenterPrimaryAngle", *WHOLE_TURN_DEG),
            secondary_deg=system.number("PositionerIsocenterSecondaryAngle", *WHOLE_TURN_DEG),
            detector_rotation_deg=system.number("PositionerIsocenterDetectorRotationAngle", *WHOLE_TURN_DEG),
            table_x_mm=system.number("TableXPositionToIsocenter"),
            table_y_mm=system.number("TableYPositionToIsocenter"),
            table_z_mm=system.number("TableZPositionToIsocenter"),
            table_horizontal_deg=system.number("TableHorizontalRotationAngle", *WHOLE_TURN_DEG),
            table_head_tilt_deg=system.number("TableHeadTiltAngle", *HALF_TURN_DEG),
            table_cradle_tilt_deg=system.number("TableCradleTiltAngle", *HALF_TURN_DEG),
        )

    def _seen_isocentre(
        self, stored: Values, field: FieldOfView, spacing_mm: tuple[float, float] | None
    ) -> tuple[float, float] | None:
        """Position of Isocenter Projection, of the detector, as a pixel of what is stored of it."""
        on_detector = self._header.pair("PositionOfIsocenterProjection")
        element_mm = self._header.spacing_mm("DetectorElementSpacing")
        origin = stored.pair("FieldOfViewOrigin")
        moved = stored.numbers("PixelDataAreaOriginRelativeToFOV")
        turned = stored.numbers("PixelDataAreaRotationAngleRelativeToFOV")
        if on_detector is None or element_mm is None or origin is None or spacing_mm is None:
            return None
        if field.rotation_deg is None or field.flipped is None:
            return None
        if any((*moved, *turned)):
            self._header.refuse("PixelDataAreaOriginRelativeToFOV", "or its rotation is not 0: this is not supported")
            return None
        # From the outer corner of the field, so half an element before its first one's middle.
        down_mm, right_mm = (
            (at - start + 0.5) * size for at, start, size in zip(on_detector, origin, element_mm, strict=True)
        )
        image_mm = (self._header.item.Columns * spacing_mm[1], self._header.item.Rows * spacing_mm[0])
        right_mm, down_mm = _turned(right_mm, down_mm, image_mm, field)
        return right_mm / spacing_mm[1] - 0.5, down_mm / spacing_mm[0] - 0.5


def _turned(right_mm: float, down_mm: float, image_mm: tuple[float, float], field: FieldOfView) -> tuple[float, float]:
    """A point of the field in the image: turned clockwise, then flipped; the image's (width, height) is after both."""
    width, height = image_mm
    turned = {
        0.0: (right_mm, down_mm),
        90.0: (width - down_mm, right_mm),
        180.0: (width - right_mm, height - down_mm),
        270.0: (down_mm, height - right_mm),
    }
    right, down = turned[field.rotation_deg or 0.0]
    return (width - right if field.flipped else right), down


def _times(groups: Sequence[_Groups]) -> tuple[list[float | None], str]:
    """Seconds since the earliest frame, by Frame Acquisition DateTime, and why they are not known if they are not."""
    name = title("FrameAcquisitionDateTime")
    texts = [group.values("FrameContentSequence").text("FrameAcquisitionDateTime") for group in groups]
    unknown: list[float | None] = [None] * len(groups)
    if not all(texts):
        return unknown, f"{name} is missing in some frames" if any(texts) else ""
    try:
        moments = [_moment(text) for text in texts]
        start = min(moments)
        return [(moment - start).total_seconds() for moment in moments], ""
    except (TypeError, ValueError):
        return unknown, f"{name} is not told to the second, or with and without a time zone"


def _moment(text: str) -> datetime:
    if len(text) < _TO_THE_SECOND or not text[:_TO_THE_SECOND].isdigit():
        raise ValueError("not told to the second")
    return DT(text)
