"""Image planes in space: the section of a mesh with one, and the part of it that faces a probe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

if TYPE_CHECKING:
    import trimesh

Floats = NDArray[np.float64]

MAX_INCIDENCE_DEG = 75.0
"""A surface steeper than this to the beam sends hardly any echo back to the probe."""


def rigid_matrix(translation_mm: Sequence[float] | Floats, euler_deg: Sequence[float] | Floats) -> Floats:
    """Rigid motion as a homogeneous matrix: rotate about the fixed x, then y, then z axis, then translate.

    Args:
        translation_mm: (x, y, z) in mm.
        euler_deg: extrinsic Euler angles about x, y and z in degrees: ``R = Rz Ry Rx``.

    Returns:
        matrix of shape (4, 4).
    """
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", np.asarray(euler_deg, dtype=float), degrees=True).as_matrix()
    matrix[:3, 3] = translation_mm
    return matrix


@dataclass(frozen=True, eq=False)
class ImagePlane:
    """An image in space.

    Attributes:
        image_to_world: rigid matrix (4, 4), mm to mm. The image lies at z = 0, x runs across its columns,
            y down its rows, and the origin is the outer corner of the first pixel.
        spacing_mm: (row, column) spacing of the pixels in mm.
        shape: (rows, columns) of the image.
    """

    image_to_world: Floats
    spacing_mm: tuple[float, float]
    shape: tuple[int, int]

    @property
    def centre_mm(self) -> Floats:
        """Middle of the image in its own frame, (x, y, 0) in mm."""
        (rows, columns), (row_mm, column_mm) = self.shape, self.spacing_mm
        return np.array([columns * column_mm / 2, rows * row_mm / 2, 0.0])

    def to_image_mm(self, points_mm: NDArray[Any]) -> Floats:
        """Points of the world, shape (..., 3) in mm, in the image's frame in mm."""
        rotation, origin = self.image_to_world[:3, :3], self.image_to_world[:3, 3]
        return np.asarray((points_mm - origin) @ rotation, dtype=float)

    def to_pixels(self, points_mm: NDArray[Any]) -> Floats:
        """Points of the world, shape (..., 3) in mm, as (x, y) in pixels, pixel centres at whole numbers."""
        spacing_xy = np.array(self.spacing_mm[::-1])
        return np.asarray(self.to_image_mm(points_mm)[..., :2] / spacing_xy - 0.5, dtype=float)

    def with_world_moved(self, correction: Sequence[float] | Floats) -> ImagePlane:
        """The plane relative to a world that was moved as it is seen in the image.

        Args:
            correction: (x, y, z) in mm and rotations about x, y, z in degrees, in the image's axes and about
                its middle: (0, 0.5, 0, 0, 0, 0) makes whatever is cut appear 0.5 mm further down.
        """
        to_middle, back = np.eye(4), np.eye(4)
        to_middle[:3, 3], back[:3, 3] = -self.centre_mm, self.centre_mm
        motion = back @ rigid_matrix(correction[:3], correction[3:]) @ to_middle
        return replace(self, image_to_world=self.image_to_world @ np.linalg.inv(motion))


def section_segments(mesh: trimesh.Trimesh, plane: ImagePlane) -> Floats:
    """Line segments where an image plane cuts a surface.

    Args:
        mesh: surface in the world of the plane, in mm.
        plane: the image plane; it is cut without end, not only inside the image.

    Returns:
        segments of shape (N, 2, 2): start and end as (x, y) in pixels, in no order; N is 0 where the plane
        misses.
    """
    import trimesh  # here, so that a bundle without meshes can use this room without the library

    normal, origin = plane.image_to_world[:3, 2], plane.image_to_world[:3, 3]
    segments = trimesh.intersections.mesh_plane(mesh, normal, origin)
    return plane.to_pixels(np.asarray(segments).reshape(-1, 2, 3))


def join_segments(segments: Floats) -> list[Floats]:
    """Join segments (N, 2, 2) that share ends to polylines (M, 2); a closed one ends where it starts."""
    import trimesh

    if not len(segments):
        return []
    return [np.asarray(line, dtype=float) for line in trimesh.load_path(segments).discrete]


def first_crossings(segments: Floats, shape: tuple[int, int]) -> Floats:
    """Where a beam that runs down each column of an image first meets a surface.

    Args:
        segments: (N, 2, 2), start and end as (x, y) in pixels.
        shape: (rows, columns) of the image.

    Returns:
        rows of shape (columns,) in pixels, NaN where the beam meets nothing inside the image.
    """
    rows, columns = shape
    left = np.where(segments[:, :1, :1] <= segments[:, 1:, :1], segments, segments[:, ::-1])
    (x0, y0), (x1, y1) = left[:, 0].T, left[:, 1].T
    first = np.clip(np.ceil(x0), 0, columns).astype(int)
    last = np.clip(np.floor(x1), -1, columns - 1).astype(int)
    count = np.maximum(last - first + 1, 0)
    which = np.repeat(np.arange(len(segments)), count)
    column = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    width = np.where(x1 > x0, x1 - x0, 1.0)
    crossing = y0[which] + (column - x0[which]) / width[which] * (y1 - y0)[which]
    nearest = np.full(columns, np.inf)
    inside = (crossing >= 0) & (crossing <= rows - 1)
    np.minimum.at(nearest, column[inside], crossing[inside])
    return np.where(np.isfinite(nearest), nearest, np.nan)


def facing_lines(segments: Floats, plane: ImagePlane, max_incidence_deg: float = MAX_INCIDENCE_DEG) -> list[Floats]:
    """The part of a section that faces a linear probe above the first row, whose beams run down the columns.

    A point counts where its beam has met nothing before and the surface is not steeper than
    ``max_incidence_deg``. The same limit ends a line where the beam jumps from one surface to another.

    Args:
        segments: (N, 2, 2) of :func:`section_segments`.
        plane: the image plane (its shape and spacing are used).
        max_incidence_deg: largest angle between the beam and the line's normal in the image, below 90.

    Returns:
        lines from left to right, each (M, 2), M > 1: one (x, y) point in pixels for each column.
    """
    rows = first_crossings(segments, plane.shape)
    row_mm, column_mm = plane.spacing_mm
    with np.errstate(invalid="ignore"):
        joined = np.abs(np.diff(rows)) * row_mm <= np.tan(np.deg2rad(max_incidence_deg)) * column_mm
    edges = np.flatnonzero(np.diff(np.concatenate([[False], joined, [False]]).astype(int)))
    columns = np.arange(plane.shape[1])
    return [np.stack([columns[a : b + 1], rows[a : b + 1]], axis=1) for a, b in edges.reshape(-1, 2)]
