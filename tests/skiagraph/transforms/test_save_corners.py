"""What inference leaves of a spine."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from skiagraph.geometry.vertebrae import POINT_NAMES
from skiagraph.transforms import LoadFramed, SaveCornersd, describe_corners
from skiagraph.transforms.decode_corners import Corners

COBB_DEG = 30.0


def spine() -> np.ndarray:
    """17 vertebrae of 40 x 16 pixels in a column; T4 leans by 15 degrees to one side, L1 to the other."""
    tilts = np.zeros(17)
    tilts[3], tilts[12] = math.radians(COBB_DEG / 2), -math.radians(COBB_DEG / 2)
    corners = np.array([[-20, -8], [20, -8], [-20, 8], [20, 8]], dtype=float)
    turned = [corners @ np.array([[math.cos(t), math.sin(t)], [-math.sin(t), math.cos(t)]]) for t in tilts]
    return np.concatenate([body + np.array([100, 30 + 26 * number]) for number, body in enumerate(turned)])


def case(folder: Path, spacing: Any = None) -> dict[str, Any]:
    Image.fromarray(np.full((500, 200), 60, np.uint8)).save(folder / "in.png")
    frame = LoadFramed("image", spacing=spacing)({"image": str(folder / "in.png"), "name": "w 1/a"})["image"]
    clicked = np.zeros(68, dtype=bool)
    clicked[5] = True
    errors = np.where(clicked, 0.0, 4.0)
    errors[40] = 9.0
    corners = Corners(spine(), np.where(clicked, 1.0, 0.7), errors, clicked)
    return {"image": frame, "frame_as_loaded": frame, "pred": frame, "pred_corners": corners}


def test_json_names_every_point_angle_and_what_to_look_at(tmp_path: Path) -> None:
    SaveCornersd("pred", tmp_path / "out")(case(tmp_path, spacing=(0.5, 0.25)))
    content = json.loads((tmp_path / "out/w 1/a_keypoints.json").read_text())
    assert content["image"] == "w 1/a"
    assert tuple(content["points"]) == POINT_NAMES
    point = content["points"]["T1_tr"]
    assert (point["x_px"], point["y_px"]) == (120, 22)
    assert (point["x_mm"], point["y_mm"]) == (30, 11)
    assert content["points"]["T2_tr"]["clicked"] is True
    assert content["fix_next"] == POINT_NAMES[40]
    assert content["faults"] == {}
    assert content["spine_found"] is True
    assert content["spacing_mm"] == [0.5, 0.25]


def test_angles_come_with_their_vertebrae_and_an_interval(tmp_path: Path) -> None:
    SaveCornersd("pred", tmp_path / "out")(case(tmp_path))
    content = json.loads((tmp_path / "out/w 1/a_keypoints.json").read_text())
    largest = content["cobb"]["largest"]
    assert largest["angle_deg"] == pytest.approx(COBB_DEG, abs=0.01)
    assert (largest["upper_end"], largest["lower_end"]) == ("T4", "L1")
    low, high = largest["interval_deg"]
    assert low < COBB_DEG < high
    assert content["points"]["T1_tl"]["x_mm"] is None
    assert content["spacing_mm"] is None
    assert content["message"].startswith("largest Cobb angle 30°, T4 to L1")
    SaveCornersd("pred", tmp_path / "wide", interval_scale=3.0)(case(tmp_path))
    wide = json.loads((tmp_path / "wide/w 1/a_keypoints.json").read_text())["cobb"]["largest"]["interval_deg"]
    assert wide[1] - wide[0] > 2 * (high - low)


def test_overlay_has_the_size_of_the_file_and_the_colours_of_its_marks(tmp_path: Path) -> None:
    SaveCornersd("pred", tmp_path / "out")(case(tmp_path))
    overlay = np.asarray(Image.open(tmp_path / "out/w 1/a_overlay.jpg")).astype(int)
    assert overlay.shape == (500, 200, 3)
    green = np.argwhere((overlay[..., 1] > overlay[..., 0] + 60) & (overlay[..., 1] > overlay[..., 2] + 40))
    assert green.min(axis=0)[0] == pytest.approx(22, abs=3)
    assert green.max(axis=0)[0] == pytest.approx(30 + 26 * 16 + 8, abs=3)
    near = {number: overlay[y - 6 : y + 7, x - 6 : x + 7] for number, (x, y) in enumerate(spine().round().astype(int))}
    blue = [number for number, part in near.items() if ((part[..., 2] - part[..., 0]) > 90).sum() > 5]
    red = [number for number, part in near.items() if ((part[..., 0] - part[..., 1]) > 100).sum() > 5]
    assert (blue, red) == ([5], [40])


def test_a_vertebra_that_cannot_be_right_is_named(tmp_path: Path) -> None:
    broken = case(tmp_path)
    broken["pred_corners"].points_px[[8, 9]] = broken["pred_corners"].points_px[[9, 8]]
    SaveCornersd("pred", tmp_path / "out")(broken)
    content = json.loads((tmp_path / "out/w 1/a_keypoints.json").read_text())
    assert list(content["faults"]) == ["T3"]
    assert content["points"]["T3_br"]["order_fault"] == content["faults"]["T3"]
    assert content["points"]["T4_br"]["order_fault"] is None
    assert content["message"].endswith("look at T3")


def test_no_spine_is_said_plainly(tmp_path: Path) -> None:
    missed = case(tmp_path)
    missed["pred_corners"] = replace(missed["pred_corners"], spine_found=False)
    SaveCornersd("pred", tmp_path / "out")(missed)
    content = json.loads((tmp_path / "out/w 1/a_keypoints.json").read_text())
    assert content["spine_found"] is False
    assert content["message"].startswith("no spine found")
    assert describe_corners(missed)["message"].startswith("no spine found")
    assert len(content["points"]) == 68


def test_row_of_the_table(tmp_path: Path) -> None:
    row = describe_corners(case(tmp_path))
    assert row["cobb_largest_deg"] == COBB_DEG
    assert row["fix_next"] == POINT_NAMES[40]
    assert row["faults"] == 0
    assert row["confidence"] == pytest.approx((67 * 0.7 + 1) / 68, abs=1e-4)


def test_unwritable_folder_is_reported_on_the_case(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    failed = SaveCornersd("pred", tmp_path / "out", on_error="report")(case(tmp_path))
    assert "results not written" in failed["pred"].meta["error"]
    with pytest.raises(OSError):
        SaveCornersd("pred", tmp_path / "out")(case(tmp_path))


def test_anisotropic_pixels_tilt_the_angles(tmp_path: Path) -> None:
    tall = describe_corners(case(tmp_path, spacing=(0.5, 0.25)))
    expected = 2 * math.degrees(math.atan(2 * math.tan(math.radians(COBB_DEG / 2))))
    assert tall["cobb_largest_deg"] == pytest.approx(expected, abs=0.06)
    overlay, json_of = SaveCornersd("pred", tmp_path / "out"), tmp_path / "out/w 1/a_keypoints.json"
    overlay(case(tmp_path, spacing=(0.5, 0.25)))
    assert json.loads(json_of.read_text())["cobb"]["largest"]["angle_deg"] == pytest.approx(expected, abs=0.06)
