"""Fixtures that tests of several rooms use."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation


@dataclass(frozen=True)
class EllipseSweep:
    """Frames across a long ellipsoid whose echo stands off its tracked place by a known motion in the image.

    The section of frame k is an ellipse: its middle at `middle_mm`, its half axes those of the ellipsoid shrunk by
    sqrt(1 - (z_k / 60)^2), turned by 20 degrees. The echo is computed from that formula, never from the mesh.
    """

    root: Path
    shift_mm: tuple[float, float] = (0.0, 0.0)
    turn_deg: float = 0.0
    z_mm: tuple[float, ...] = (-6.0, -2.0, 2.0, 6.0)

    shape = (160, 200)
    spacing_mm = 0.25
    middle_mm = (26.0, 22.0)
    half_axes_mm = (13.0, 8.0, 60.0)
    lean_deg = 20.0
    image_to_marker = (5.0, -3.0, 20.0, 90.0, 10.0, -170.0)

    @property
    def names(self) -> list[str]:
        return [str(1000 + 40 * k) for k in range(len(self.z_mm))]

    def ellipse_distance_mm(
        self, points_px: NDArray[np.float64], z_mm: float, *, displaced: bool = False
    ) -> NDArray[np.float64]:
        """Distance (to first order) of points (..., 2) in pixels from the ellipse, below zero inside."""
        points = (np.asarray(points_px) + 0.5) * self.spacing_mm
        if displaced:
            centre = np.array([self.shape[1], self.shape[0]]) * self.spacing_mm / 2
            points = _turned(points - centre - self.shift_mm, -self.turn_deg) + centre
        axes = np.array(self.half_axes_mm[:2]) * np.sqrt(1 - (z_mm / self.half_axes_mm[2]) ** 2)
        own = _turned(points - self.middle_mm, -self.lean_deg)
        level = np.linalg.norm(own / axes, axis=-1)
        return (level - 1) * level / np.maximum(np.linalg.norm(own / axes**2, axis=-1), 1e-9)

    def image(self, z_mm: float) -> NDArray[np.uint8]:
        """Grey tissue with speckle, a bright line on the near side of the displaced ellipse, and shadow below."""
        rows, columns = np.indices(self.shape)
        points = np.stack([columns, rows], axis=-1).astype(float)
        away = self.ellipse_distance_mm(points, z_mm, displaced=True)
        shadow = np.maximum.accumulate(away < 0, axis=0)
        noise = np.random.default_rng(abs(round(z_mm * 10))).normal(0, 8, self.shape)
        grey = np.where(shadow, 15.0, 60.0) + noise
        near = (away > 0) | (np.cumsum(shadow, axis=0) * self.spacing_mm < 1.0)
        echo = 180 * np.exp(-((away / 0.3) ** 2) / 2) * near
        return np.clip(grey + echo, 0, 255).astype(np.uint8)

    def write(self) -> EllipseSweep:
        """Write the sweep in the published layout."""
        for folder in ("UltrasoundImages", "CT_models"):
            (self.root / folder).mkdir(parents=True)
        pose = _matrix((300.0, -40.0, 900.0), (-95.0, 17.0, 124.0))
        mesh = trimesh.creation.icosphere(subdivisions=5)
        mesh.apply_scale(self.half_axes_mm)
        mesh.apply_transform(_matrix((*self.middle_mm, 0.0), (0.0, 0.0, self.lean_deg)))
        mesh.apply_transform(pose)
        mesh.export(self.root / "CT_models" / "Ellipsoid.stl")
        calibration = _matrix(self.image_to_marker[:3], self.image_to_marker[3:])
        rows = []
        for name, z_mm in zip(self.names, self.z_mm, strict=True):
            marker = pose @ _matrix((0.0, 0.0, z_mm), (0.0, 0.0, 0.0)) @ np.linalg.inv(calibration)
            angles = Rotation.from_matrix(marker[:3, :3]).as_euler("xyz", degrees=True)
            rows.append([name, self.spacing_mm, *marker[:3, 3], *angles])
            in_reach = abs(z_mm) < self.half_axes_mm[2]
            image = self.image(z_mm) if in_reach else np.zeros(self.shape, np.uint8)
            Image.fromarray(image).save(self.root / "UltrasoundImages" / f"{name}.png")
        with (self.root / "tracking.csv").open("w", newline="") as file:
            header = ["timestamp", "space_factor", "x", "y", "z", "euler_x", "euler_y", "euler_z"]
            csv.writer(file).writerows([header, *rows])
        return self


def _turned(points: NDArray[np.float64], angle_deg: float) -> NDArray[np.float64]:
    cosine, sine = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    return points @ np.array([[cosine, sine], [-sine, cosine]])


def _matrix(translation: Sequence[float], angles_deg: Sequence[float]) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix()
    matrix[:3, 3] = translation
    return matrix


@pytest.fixture
def ellipse_sweep(tmp_path: Path) -> EllipseSweep:
    """A tracked sweep whose echo lies 0.5 mm to the right, 0.4 mm up and turned by 0.6 degrees."""
    return EllipseSweep(tmp_path / "sweep 1", shift_mm=(0.5, -0.4), turn_deg=0.6).write()
