"""What inference leaves of a spine: its corners, angles and an overlay."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from monai.config import KeysCollection

from ..folder_work import write_image, write_json
from ..geometry.cobb import CobbAngles, cobb_angles, cobb_intervals_deg
from ..geometry.vertebrae import POINT_NAMES, order_faults
from ..report.spine_overlay import BLUE, RED, overlay_spine
from .decode_corners import Corners
from .load import spacing_mm
from .save_results import SaveResultsd, as_bytes, beside

Spacing = tuple[float, float] | None

_ANGLES = ("largest", "upper", "lower")


def describe_corners(case: Mapping[str, Any]) -> dict[str, Any]:
    """The row of an image in the table of an inference over a folder.

    Args:
        case: a decollated case with `image` and, from `DecodeCornersd`, `pred_corners`.
    """
    corners: Corners = case["pred_corners"]
    angles = cobb_angles(corners.points_px, spacing_mm(case["image"]) or (1.0, 1.0))
    return {
        "message": _message(corners, angles),
        **{f"cobb_{name}_deg": round(getattr(angles, name).angle_deg, 1) for name in _ANGLES},
        "confidence": _confidence(corners),
        "fix_next": _fix_next(corners),
        "faults": len(order_faults(corners.points_px)),
    }


def corners_content(corners: Corners, spacing: Spacing, interval_scale: float = 1.0) -> dict[str, Any]:
    """All that there is to say of a spine, as it stands in `<name>_keypoints.json`.

    Args:
        corners: from `DecodeCornersd`.
        spacing: (row, column) size of a pixel in mm, None where it is unknown; then there are no positions in mm.
        interval_scale: standard deviation of a point, for the intervals of the angles, to its expected error.
    """
    points = corners.points_px
    faults = order_faults(points)
    angles = cobb_angles(points, spacing or (1.0, 1.0))
    return {
        "spine_found": corners.spine_found,
        "message": _message(corners, angles),
        "confidence": _confidence(corners),
        "spacing_mm": spacing,
        "fix_next": _fix_next(corners),
        "faults": faults,
        "cobb": _describe_angles(corners, angles, spacing, interval_scale),
        "points": {name: _describe_point(corners, number, spacing, faults) for number, name in enumerate(POINT_NAMES)},
    }


class SaveCornersd(SaveResultsd):
    """Write `<name>_keypoints.json` and `<name>_overlay.jpg` below a folder.

    The JSON holds every corner by its name, in pixels of the file, x to the right and y down, pixel centres at whole
    numbers, and in mm from the centre of the first pixel where the pixel size is known; the Cobb angles; which point to
    look at next; and which vertebrae cannot be right.

    Args:
        keys: logits with their corners beside them, from `DecodeCornersd`.
        output_dir, on_error, allow_missing_keys: see `SaveResultsd`.
        frame_key: the image as it was loaded, 0 to 255 on the file's grid, for the overlay.
        interval_scale: see `corners_content`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        frame_key: str = "frame_as_loaded",
        interval_scale: float = 1.0,
        on_error: str = "raise",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, output_dir, on_error, allow_missing_keys)
        self.frame_key = frame_key
        self.interval_scale = interval_scale

    def save(self, key: Hashable, case: Mapping[Hashable, Any], base: Path) -> None:
        """Write corners and overlay."""
        corners: Corners = case[f"{key}_corners"]
        frame = case[self.frame_key]
        content = corners_content(corners, spacing_mm(frame), self.interval_scale)
        write_json(beside(base, "_keypoints.json"), {"image": frame.meta["name"], **content})
        write_image(
            beside(base, "_overlay.jpg"),
            draw_corners(as_bytes(frame.as_tensor()[0].round()), corners, spacing_mm(frame)),
        )


def draw_corners(grey: Any, corners: Corners, spacing: Spacing) -> Any:
    """The overlay (rows, columns, 3) of a grey image: clicked points in a blue ring, the next one in a red one."""
    points = corners.points_px
    marks = {int(number): BLUE for number in corners.clicked.nonzero()[0]}
    if corners.fix_next is not None:
        marks[corners.fix_next] = RED
    return overlay_spine(grey, points, cobb_angles(points, spacing or (1.0, 1.0)), order_faults(points), marks)


def _describe_angles(
    corners: Corners, angles: CobbAngles, spacing: Spacing, interval_scale: float
) -> dict[str, dict[str, Any]]:
    scale = 1.0 if spacing is None else (spacing[0] * spacing[1]) ** 0.5
    points = corners.points_px * (spacing or (1.0, 1.0))[::-1]
    intervals = cobb_intervals_deg(points, corners.expected_error_px * interval_scale * scale)
    described = {}
    for name, interval in zip(_ANGLES, intervals, strict=True):
        angle = getattr(angles, name)
        described[name] = {
            "angle_deg": round(angle.angle_deg, 2),
            "interval_deg": interval.round(2).tolist(),
            "curve": angle.region or None,
            "upper_end": angle.upper_end,
            "lower_end": angle.lower_end,
            "apex": angle.apex,
        }
    return described


def _describe_point(corners: Corners, number: int, spacing: Spacing, faults: Mapping[str, str]) -> dict[str, Any]:
    point = corners.points_px[number]
    vertebra = POINT_NAMES[number].split("_")[0]
    return {
        "x_px": round(float(point[0]), 2),
        "y_px": round(float(point[1]), 2),
        "x_mm": None if spacing is None else round(float(point[0] * spacing[1]), 3),
        "y_mm": None if spacing is None else round(float(point[1] * spacing[0]), 3),
        "confidence": round(float(corners.confidence[number]), 4),
        "expected_error_px": round(float(corners.expected_error_px[number]), 1),
        "clicked": bool(corners.clicked[number]),
        "order_fault": faults.get(vertebra),
    }


def _fix_next(corners: Corners) -> str | None:
    return None if corners.fix_next is None else POINT_NAMES[corners.fix_next]


def _confidence(corners: Corners) -> float:
    return round(float(corners.confidence.mean()), 4)


def _message(corners: Corners, angles: CobbAngles) -> str:
    if not corners.spine_found:
        return "no spine found: the network is sure of too few corners"
    largest = angles.largest
    told = f"largest Cobb angle {largest.angle_deg:.0f}°, {largest.upper_end} to {largest.lower_end}"
    faults = order_faults(corners.points_px)
    return f"{told}; look at {', '.join(faults)}" if faults else told
