"""X-ray cameras: a point source and a flat detector, as projection matrices.

World points are in mm, in whatever coordinate system the camera was given in; image points are (x, y) in pixels,
pixel centres at whole numbers. R. Hartley, A. Zisserman, Multiple View Geometry, 2nd edition, chapters 6 and 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import torch
from torch import Tensor

from .c_arm_axes import CArmNumbers, positioner_axes, stored_axes

# 1 - cos of the angle between two rays below which they count as parallel: 0.08 degrees.
_PARALLEL = 1e-6
_SKEW = 1e-3


@dataclass(frozen=True, eq=False)
class Camera:
    """One camera, or many along the leading dimensions, which broadcast.

    The principal point is where the perpendicular from the source meets the detector; it may be off the image's middle
    and off the image.

    Attributes:
        source_mm: (..., 3) where the X-rays come from.
        axes: (..., 3, 3) unit vectors in rows: right (columns count up along it), down (rows count up along it), and
            forward, from the source to the detector and perpendicular to it. Their determinant is -1 where the image
            is seen from the detector towards the source, as radiographs are, and +1 where it is seen from the source,
            as photographs are.
        distance_mm: (...) from the source to the plane of the detector.
        pitch_mm: (..., 2) distance of rows, distance of columns, on the detector.
        principal_px: (..., 2) principal point (x, y).
        image_size: (rows, columns); None where it is not known.
    """

    source_mm: Tensor
    axes: Tensor
    distance_mm: Tensor
    pitch_mm: Tensor
    principal_px: Tensor
    image_size: tuple[int, int] | None = None

    @property
    def intrinsics(self) -> Tensor:
        """(..., 3, 3) focal lengths in pixels and principal point: camera axes in mm to homogeneous pixels."""
        focal_px = self.distance_mm[..., None] / self.pitch_mm.flip(-1)
        focal_px, principal_px = torch.broadcast_tensors(focal_px, self.principal_px)
        last = torch.tensor([0.0, 0.0, 1.0]).to(principal_px).expand(*principal_px.shape[:-1], 3)
        above = torch.cat([torch.diag_embed(focal_px), principal_px[..., None]], dim=-1)
        return torch.cat([above, last[..., None, :]], dim=-2)

    @property
    def matrix(self) -> Tensor:
        """(..., 3, 4) projection matrix: homogeneous points of the world in mm to homogeneous pixels.

        The third number that it gives is the depth: mm from the source along the forward axis.
        """
        turned = self.intrinsics @ self.axes
        return torch.cat([turned, -turned @ self.source_mm[..., None]], dim=-1)

    def project(self, points_mm: Tensor) -> Tensor:
        """Image points (..., n, 2) of world points (..., n, 3); NaN for a point that is not in front of the source."""
        local = (points_mm - self.source_mm[..., None, :]) @ self.axes.mT
        image = local @ self.intrinsics.mT
        depth = torch.where(image[..., 2:] > 0, image[..., 2:], torch.nan)
        return image[..., :2] / depth

    def back_project(self, points_px: Tensor) -> Tensor:
        """Unit vectors (..., n, 3) from the source towards image points (..., n, 2)."""
        on_detector = (points_px - self.principal_px[..., None, :]) * self.pitch_mm.flip(-1)[..., None, :]
        slopes = on_detector / self.distance_mm[..., None, None]
        rays = torch.cat([slopes, torch.ones_like(slopes[..., :1])], dim=-1) @ self.axes
        return torch.nn.functional.normalize(rays, dim=-1)


def stack_cameras(cameras: Sequence[Camera]) -> Camera:
    """Cameras, such as those of a cine's frames, as one with a new first dimension.

    Raises:
        ValueError: there are none, or their images differ in size.
    """
    sizes = {camera.image_size for camera in cameras}
    if len(sizes) != 1:
        raise ValueError(f"cameras are stacked where their images have one size, not {len(sizes)}")
    names = [field.name for field in fields(Camera) if field.name != "image_size"]
    stacked = {name: torch.stack([getattr(camera, name) for camera in cameras]) for name in names}
    return Camera(**stacked, image_size=sizes.pop())


def triangulate(cameras: Sequence[Camera], points_px: Sequence[Tensor]) -> Tensor:
    """World points (..., n, 3) in mm that are nearest, in least squares, to the rays of their images.

    Args:
        cameras: two or more, in one coordinate system.
        points_px: (..., n, 2) for each camera, the same points in the same order.

    Returns:
        points; NaN where all rays of a point are parallel (within 0.08 degrees), as of one view given twice.

    Raises:
        ValueError: fewer than two cameras, or not one set of points for each.
    """
    if len(cameras) < 2 or len(cameras) != len(points_px):
        raise ValueError(
            f"{len(cameras)} cameras and {len(points_px)} sets of image points: give two or more of each, paired"
        )
    normal: Tensor | float = 0.0
    moment: Tensor | float = 0.0
    for camera, points in zip(cameras, points_px, strict=True):
        rays = camera.back_project(points)
        across = torch.eye(3).to(rays) - rays[..., :, None] * rays[..., None, :]
        normal = normal + across
        moment = moment + across @ camera.source_mm[..., None, :, None]
    solved, _ = torch.linalg.solve_ex(normal, moment)
    clear = torch.linalg.eigvalsh(torch.as_tensor(normal).detach())[..., :1] > _PARALLEL
    return torch.where(clear, solved[..., 0], torch.nan)


def camera_from_matrix(matrix: Tensor, distance_mm: Tensor, image_size: tuple[int, int] | None = None) -> Camera:
    """The camera of a projection matrix.

    A matrix knows focal lengths in pixels only, so the distance of the detector is to be given, and tells the pitch.
    Its sign tells what is in front of the source: there the third number that it gives is positive. One with the other
    sign projects the same, so multiply it by -1 where points that are seen have negative depth.

    Args:
        matrix: (..., 3, 4), world in mm to pixels, up to a positive factor.
        distance_mm: (...) from the source to the plane of the detector.
        image_size: (rows, columns) if known.

    Raises:
        ValueError: the matrix is of no camera with a source (its left 3 x 3 is singular), or its pixels are skewed.
    """
    left = matrix[..., :3]
    if not bool((torch.linalg.matrix_rank(left) == 3).all()):
        raise ValueError("the left 3 x 3 of a projection matrix is singular: it is of no camera with a point source")
    source = -torch.linalg.solve(left, matrix[..., 3])
    # RQ from QR: the rows of the transpose are taken in reverse order, before and after.
    orthogonal, triangular = torch.linalg.qr(left.flip(-2).mT)
    signs = torch.diagonal(triangular, dim1=-2, dim2=-1).sign()
    axes = (signs[..., None] * orthogonal.mT).flip(-2)
    scaled = (triangular.mT * signs[..., None, :]).flip(-1, -2)
    intrinsics = scaled / scaled[..., 2:, 2:]
    focal_px = torch.diagonal(intrinsics, dim1=-2, dim2=-1)[..., :2]
    if bool((intrinsics[..., 0, 1].abs() > _SKEW * focal_px[..., 0]).any()):
        raise ValueError(
            "the pixels of this projection matrix are skewed; rows and columns of a camera are at 90 degrees"
        )
    pitch = (distance_mm[..., None] / focal_px).flip(-1)
    return Camera(source, axes, distance_mm, pitch, intrinsics[..., :2, 2], image_size)


def camera_from_c_arm(
    frame: CArmNumbers,
    system: Literal["patient", "isocentre"] = "patient",
    principal_point_px: tuple[float, float] | None = None,
) -> Camera:
    """The camera (float64, without leading dimensions) of one frame of a C-arm.

    The origin is the isocentre. In the system "patient", x goes to the patient's left, y to the back and z to the head
    whichever way the patient lies, the angles are those of PS3.3 C.8.7.5.1.2, and the image is taken to be head up, as
    PS3.17 FFF.2.1.3.1.2 says that the XA class assumes. In the system "isocentre", axes and angles are those of the
    room, PS3.3 C.8.19.6.13, and the image is turned and flipped as the file tells.

    Args:
        frame: from `skiagraph.dicom.read_c_arm`.
        system: which coordinates the camera is in.
        principal_point_px: (x, y) where the isocentre is seen, where that is known better than the file knows it. An
            XA file does not tell it, and the middle of the image is taken, as PS3.17 FFF.2.1.5.2 says that the class
            assumes; an Enhanced XA file that does not tell it is refused.

    Raises:
        ValueError: the file does not tell a number that is needed, or its detector is tilted against the beam.
    """
    if any(frame.detector_tilt_deg or ()):
        raise ValueError("the detector is tilted against the beam (Detector Primary or Secondary Angle is not 0)")
    spacing = _needed(frame, "imager_spacing_mm", "Imager Pixel Spacing")
    distance, to_isocentre = (
        torch.tensor(_needed(frame, name, title), dtype=torch.float64)
        for name, title in (
            ("source_detector_mm", "Distance Source to Detector"),
            ("source_patient_mm", "Distance Source to Patient (or Isocenter)"),
        )
    )
    axes = _patient_axes(frame) if system == "patient" else _isocentre_axes(frame)
    return Camera(
        source_mm=-to_isocentre * axes[2],
        axes=axes,
        distance_mm=distance,
        pitch_mm=torch.tensor(spacing, dtype=torch.float64),
        principal_px=torch.tensor(principal_point_px or _seen_isocentre(frame), dtype=torch.float64),
        image_size=(frame.rows, frame.columns),
    )


def _patient_axes(frame: CArmNumbers) -> Tensor:
    names = {"primary_deg": "Positioner Primary Angle", "secondary_deg": "Positioner Secondary Angle"}
    return positioner_axes(*(torch.tensor(_needed(frame, *name), dtype=torch.float64) for name in names.items()))


def _isocentre_axes(frame: CArmNumbers) -> Tensor:
    angles = _needed(frame, "isocentre", "Isocenter Reference System Sequence")
    field = _needed(frame, "field_of_view", "Field of View Sequence")
    names = {
        "primary_deg": "Positioner Isocenter Primary Angle",
        "secondary_deg": "Positioner Isocenter Secondary Angle",
        "detector_rotation_deg": "Positioner Isocenter Detector Rotation Angle",
    }
    axes = positioner_axes(*(torch.tensor(_needed(angles, *name), dtype=torch.float64) for name in names.items()))
    rotation_deg = _needed(field, "rotation_deg", "Field of View Rotation")
    return stored_axes(axes, rotation_deg, flipped=_needed(field, "flipped", "Field of View Horizontal Flip"))


def _seen_isocentre(frame: CArmNumbers) -> tuple[float, float]:
    if frame.isocentre_px is None and not frame.enhanced:
        return (frame.columns - 1) / 2, (frame.rows - 1) / 2
    seen: tuple[float, float] = _needed(frame, "isocentre_px", "Position of Isocenter Projection")
    return seen


def _needed(record: Any, name: str, title: str) -> Any:
    value = getattr(record, name)
    if value is None:
        raise ValueError(f"no camera without {title}, which is not known of this frame")
    return value
