"""Tracked ultrasound sweep beside a CT surface, in the folder layout of UltraBones100k.

``UltrasoundImages/<timestamp>.png``, ``tracking.csv`` (one row a frame: the pose of the probe's marker in CT
space) and ``CT_models/*.stl`` (surfaces in mm). Layout and geometry: Wu et al., "UltraBones100k",
arXiv 2502.03783.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import trimesh
from numpy.typing import NDArray

from ...geometry import ImagePlane, rigid_matrix
from ..readers import read_grey_levels
from .tracking import read_tracking

TRACKING_COLUMNS = ("timestamp", "space_factor", "x", "y", "z", "euler_x", "euler_y", "euler_z")
IMAGE_TO_MARKER = (26.44694442, -0.52572229, 128.00100047, 92.48865621, -0.46874914, 179.2277322)
"""Calibration of the published probe: translation in mm, then extrinsic xyz Euler angles in degrees."""


@dataclass(frozen=True)
class SweepFrame:
    """One tracked image of a sweep.

    Attributes:
        name: the timestamp, which is also the stem of the image's file name.
        image: path of the image.
        spacing_mm: size of its square pixels.
        marker_pose: marker in CT space, (x, y, z) in mm and extrinsic xyz Euler angles in degrees.
    """

    name: str
    image: Path
    spacing_mm: float
    marker_pose: tuple[float, ...]

    def read_image(self) -> NDArray[np.uint8]:
        """The image as grey values (rows, columns).

        Raises:
            FileNotFoundError, ValueError: the file is not a readable image; the message names it.
        """
        return read_grey_levels(self.image)

    def plane(self, image_to_marker: Sequence[float], shape: tuple[int, int]) -> ImagePlane:
        """The image's plane in CT space, for a calibration of six numbers as ``IMAGE_TO_MARKER``."""
        marker = rigid_matrix(self.marker_pose[:3], self.marker_pose[3:])
        calibration = rigid_matrix(image_to_marker[:3], image_to_marker[3:])
        return ImagePlane(marker @ calibration, (self.spacing_mm, self.spacing_mm), shape)


@dataclass(frozen=True)
class Sweep:
    """A tracked sweep: its frames in the order of ``tracking.csv``, and the surface files of its CT.

    All paths are absolute, so that they mean the same in a worker that runs in another folder.
    """

    root: Path
    frames: tuple[SweepFrame, ...]
    surfaces: tuple[Path, ...]


def read_sweep(root: str | Path) -> Sweep:
    """Read the folder of a tracked sweep; images and surfaces are looked for, but not yet opened.

    Raises:
        FileNotFoundError: the folder, its tracking, an image of it, or every surface is missing.
        ValueError: ``tracking.csv`` is unreadable, lacks a column, has no row, or a row that is not numbers, or a
            timestamp stands twice.
    """
    root = Path(os.path.abspath(root))
    surfaces = tuple(sorted(file for file in (root / "CT_models").glob("[!.]*") if file.suffix.lower() == ".stl"))
    if not surfaces:
        raise FileNotFoundError(f"{root / 'CT_models'}: no *.stl file; put the CT surfaces (in mm) there.")
    return Sweep(root, tuple(_read_frames(root / "tracking.csv", root / "UltrasoundImages")), surfaces)


def read_surfaces(paths: Sequence[Path]) -> trimesh.Trimesh:
    """Several STL files as one mesh in mm.

    Raises:
        ValueError: a file holds no triangles; the message names it.
    """
    meshes = [_read_stl(path) for path in paths]
    return meshes[0] if len(meshes) == 1 else cast(trimesh.Trimesh, trimesh.util.concatenate(meshes))


def _read_frames(table: Path, images: Path) -> list[SweepFrame]:
    rows = read_tracking(table, TRACKING_COLUMNS)
    frames = [_read_row(row, f"{table}, line {line}", images) for line, row in rows]
    if not frames:
        raise ValueError(f"{table}: no rows; expected one for each image.")
    names = [frame.name for frame in frames]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{table}: timestamp {twice} stands twice; keep one row for each image.")
    return frames


def _read_row(row: dict[str, str], where: str, images: Path) -> SweepFrame:
    name = row["timestamp"].strip()
    if not name.isdigit():
        raise ValueError(f"{where}: timestamp '{name}' is not a whole number; it names the image file.")
    try:
        spacing_mm, *pose = (float(row[column]) for column in TRACKING_COLUMNS[1:])
    except ValueError as error:
        expected = ", ".join(TRACKING_COLUMNS[1:])
        raise ValueError(f"{where}: expected numbers for {expected} ({error}).") from error
    if not np.isfinite([spacing_mm, *pose]).all() or spacing_mm <= 0:
        raise ValueError(f"{where}: space_factor must be above zero and the pose finite; remove the row.")
    image = images / f"{name}.png"
    if not image.is_file():
        raise FileNotFoundError(f"{image}: missing, but {where} lists it; add the image or remove the row.")
    return SweepFrame(name, image, spacing_mm, tuple(pose))


def _read_stl(path: Path) -> trimesh.Trimesh:
    try:
        mesh = trimesh.load_mesh(path, file_type="stl")
    except Exception as error:  # trimesh raises whatever its parser stumbled over
        raise ValueError(f"{path}: not a readable STL file ({error}); export it again.") from error
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise ValueError(f"{path}: holds no triangles; export the surface again.")
    return mesh
