"""How a C-arm's angles turn its detector.

PS3.3 C.8.7.5.1.2 counts them from the patient, PS3.3 C.8.19.6.13.1.2 from the room; both by the same formula, which
PS3.17 Z.2 spells out. The axes of both systems have their origin in the isocentre and, for a patient who lies head
first and supine on a level table that is not turned, the same directions: x to the patient's left, y to the back
(down), z to the head.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

QUARTER_TURNS_DEG = (0, 90, 180, 270)


class PositionerAngles(Protocol):
    """Angles of the positioner in the isocentre system."""

    @property
    def primary_deg(self) -> float | None:
        """Ap1, towards +x."""

    @property
    def secondary_deg(self) -> float | None:
        """Ap2, towards +z."""

    @property
    def detector_rotation_deg(self) -> float | None:
        """Ap3, of the detector in its own plane."""


class StoredField(Protocol):
    """How the stored image was turned and flipped against the detector, PS3.3 C.8.11.4.1.1."""

    @property
    def rotation_deg(self) -> float | None:
        """Clockwise, in quarter turns."""

    @property
    def flipped(self) -> bool | None:
        """Left and right were exchanged, after the rotation."""


class CArmNumbers(Protocol):
    """What makes a camera of a C-arm; `skiagraph.dicom.CArmFrame` has it."""

    @property
    def rows(self) -> int:
        """Of the image."""

    @property
    def columns(self) -> int:
        """Of the image."""

    @property
    def enhanced(self) -> bool:
        """Told in functional groups, where the isocentre need not be in the middle of the image."""

    @property
    def primary_deg(self) -> float | None:
        """LAO is positive."""

    @property
    def secondary_deg(self) -> float | None:
        """Cranial is positive."""

    @property
    def source_detector_mm(self) -> float | None:
        """SID."""

    @property
    def source_patient_mm(self) -> float | None:
        """To the isocentre."""

    @property
    def imager_spacing_mm(self) -> tuple[float, float] | None:
        """Of rows and columns, on the detector."""

    @property
    def detector_tilt_deg(self) -> tuple[float, float] | None:
        """Of the beam against the detector's normal."""

    @property
    def isocentre_px(self) -> tuple[float, float] | None:
        """Where the isocentre is seen, (x, y)."""

    @property
    def isocentre(self) -> PositionerAngles | None:
        """Angles in the isocentre system."""

    @property
    def field_of_view(self) -> StoredField | None:
        """The stored part of the detector."""


def positioner_axes(primary_deg: Tensor, secondary_deg: Tensor, detector_rotation_deg: Tensor | float = 0.0) -> Tensor:
    """Right, down and forward axes of a detector, as `Camera` has them.

    The primary angle turns about z, from front to left; then the secondary about the right axis that the first has
    turned, to the head; so they are like longitude and latitude of the detector. Then the detector turns in its own
    plane, clockwise as it is seen when looking from the detector to the source.

    Args:
        primary_deg: (...) positive for LAO, or towards +x of the isocentre system.
        secondary_deg: (...) positive for cranial, or towards +z.
        detector_rotation_deg: (...).

    Returns:
        unit vectors in rows, (..., 3, 3).
    """
    turned = torch.as_tensor(detector_rotation_deg).to(primary_deg)
    angles = torch.broadcast_tensors(*(torch.deg2rad(angle) for angle in (primary_deg, secondary_deg, turned)))
    (sin1, sin2, sin3), (cos1, cos2, cos3) = (torch.sin(torch.stack(angles)), torch.cos(torch.stack(angles)))
    right = torch.stack([cos1, sin1, torch.zeros_like(cos1)], dim=-1)
    to_source = torch.stack([-cos2 * sin1, cos2 * cos1, -sin2], dim=-1)
    up = torch.stack([-sin2 * sin1, sin2 * cos1, cos2], dim=-1)
    sin3, cos3 = sin3[..., None], cos3[..., None]
    return torch.stack([cos3 * right - sin3 * up, -(sin3 * right + cos3 * up), -to_source], dim=-2)


def stored_axes(detector_axes: Tensor, rotation_deg: float, *, flipped: bool) -> Tensor:
    """Axes of the image as it is stored: turned clockwise by quarter turns, then flipped left to right.

    Args:
        detector_axes: (..., 3, 3) those of the detector.
        rotation_deg: 0, 90, 180 or 270.
        flipped: whether left and right were exchanged.
    """
    right, down, forward = detector_axes.unbind(dim=-2)
    for _ in range(QUARTER_TURNS_DEG.index(int(rotation_deg))):
        right, down = -down, right
    return torch.stack([-right if flipped else right, down, forward], dim=-2)
