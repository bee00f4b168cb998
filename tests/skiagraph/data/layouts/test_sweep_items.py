from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from scipy.spatial.transform import Rotation

from skiagraph.data.layouts.sweep import IMAGE_TO_MARKER
from skiagraph.data.layouts.sweep_items import read_sweep_items

COLUMNS = "timestamp,space_factor,x,y,z,euler_x,euler_y,euler_z"


def marker_pose(z_mm: float, tilt_deg: float) -> np.ndarray:
    """Pose of the marker for an image of 60 x 40 mm whose middle is at (0, 0, z), tilted about its x axis."""
    image = np.eye(4)
    image[:3, :3] = Rotation.from_euler("x", tilt_deg, degrees=True).as_matrix()
    image[:3, 3] = np.array([0, 0, z_mm]) - image[:3, :3] @ [30, 20, 0]
    calibration = np.eye(4)
    calibration[:3, :3] = Rotation.from_euler("xyz", IMAGE_TO_MARKER[3:], degrees=True).as_matrix()
    calibration[:3, 3] = IMAGE_TO_MARKER[:3]
    marker = image @ np.linalg.inv(calibration)
    angles = Rotation.from_matrix(marker[:3, :3]).as_euler("xyz", degrees=True)
    return np.concatenate([marker[:3, 3], angles])


def write_sweep(root: Path, poses: list[np.ndarray], bone: trimesh.Trimesh) -> None:
    (root / "UltrasoundImages").mkdir(parents=True)
    (root / "CT_models").mkdir()
    bone.export(root / "CT_models/Fibula.stl")
    for t in range(len(poses)):
        Image.new("L", (60, 40)).save(root / f"UltrasoundImages/{t}.png")
    rows = [f"{t},1.0," + ",".join(map(repr, map(float, pose))) for t, pose in enumerate(poses)]
    (root / "tracking.csv").write_text("\n".join((COLUMNS, *rows)))


def test_position_is_that_of_the_bone_however_the_probe_is_tilted(tmp_path: Path) -> None:
    heights, tilts = [10.0, 10.0, 10.0, 25.0], [0.0, 15.0, -15.0, 10.0]
    poses = [marker_pose(z, tilt) for z, tilt in zip(heights, tilts, strict=True)]
    assert np.ptp([pose[2] for pose in poses[:3]]) > 30
    write_sweep(tmp_path, poses, trimesh.creation.cylinder(radius=6, height=200, sections=64))
    items = read_sweep_items(tmp_path, "fibula")
    np.testing.assert_allclose([item["position_mm"] for item in items], heights, atol=0.3)
    assert {**items[3], "position_mm": None} == {
        "image": "UltrasoundImages/3.png",
        "label": "Labels/3_label.png",
        "group": "fibula",
        "partial": True,
        "spacing_mm": [1.0, 1.0],
        "position_mm": None,
    }


def test_bone_outside_the_image_does_not_count(tmp_path: Path) -> None:
    """The tilted plane cuts the off-side bone far above the image; the image's own middle is told instead."""
    bone = trimesh.creation.cylinder(
        radius=6, height=400, transform=trimesh.transformations.translation_matrix([0, 90, 0])
    )
    write_sweep(tmp_path, [marker_pose(10.0, 30.0)], bone)
    assert read_sweep_items(tmp_path, "fibula")[0]["position_mm"] == pytest.approx(10.0, abs=1e-3)


def test_unreadable_frame_is_named(tmp_path: Path) -> None:
    write_sweep(tmp_path, [marker_pose(10.0, 0.0)], trimesh.creation.box())
    (tmp_path / "UltrasoundImages/0.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"0\.png: not an image that can be read"):
        read_sweep_items(tmp_path, "fibula")
