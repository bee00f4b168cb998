"""Files that inference leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.transforms import Compose, CopyItemsd, Resized
from PIL import Image

from skiagraph.transforms import LoadFramed, SaveSurfaced, SurfaceLinesd, describe_surfaces

SHAPE, SPACING = (90, 140), (0.2, 0.5)


def _case(folder: Path, rows: range = range(40, 49), spacing: Any = SPACING, name: str = "leg 1/a") -> dict[str, Any]:
    """A frame of SHAPE whose probability is 1 in `rows` of columns 30 to 109, on a grid of 64 x 64."""
    bright = np.zeros(SHAPE, np.uint8)
    bright[rows.start : rows.stop, 30:110] = 255
    Image.fromarray(bright).save(folder / "in.png")
    item = {"image": str(folder / "in.png"), "name": name, "spacing_mm": spacing}
    load = [LoadFramed("image"), CopyItemsd("image", names="frame_as_loaded"), Resized("image", (64, 64), mode="area")]
    case = Compose(load)(item)
    case["pred"] = case["image"] / 255
    return SurfaceLinesd("pred")(case)


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_mask_overlay_and_lines_have_the_grid_of_the_file(tmp_path: Path) -> None:
    SaveSurfaced("pred", tmp_path / "out")(_case(tmp_path))
    out = tmp_path / "out" / "leg 1"
    assert _names(out) == ["a_mask.png", "a_overlay.jpg", "a_surface.json"]
    mask = np.asarray(Image.open(out / "a_mask.png"))
    assert mask.shape == SHAPE
    assert set(np.unique(mask)) == {0, 255}
    expected = np.zeros(SHAPE, bool)
    expected[40:49, 30:110] = True
    assert np.mean((mask > 0) != expected) < 0.02
    overlay = np.asarray(Image.open(out / "a_overlay.jpg")).astype(int)
    assert overlay.shape == (*SHAPE, 3)
    coloured = np.argwhere(overlay.max(axis=2) - overlay.min(axis=2) > 60)
    assert np.abs(coloured[:, 0] - 44).max() <= 2
    assert (coloured[:, 1].min(), coloured[:, 1].max()) == pytest.approx((30, 109), abs=3)


def test_json_says_where_the_line_is_in_pixels_and_mm(tmp_path: Path) -> None:
    SaveSurfaced("pred", tmp_path / "out")(_case(tmp_path))
    content = json.loads((tmp_path / "out/leg 1/a_surface.json").read_text())
    assert content["image"] == "leg 1/a"
    assert content["bone_found"] is True
    assert content["message"] == "bone found, 1 line"
    assert content["threshold"] == 0.5
    assert content["spacing_mm"] == list(SPACING)
    (line,) = content["lines"]
    points, points_mm = np.array(line["points_px"]), np.array(line["points_mm"])
    assert points[:, 1] == pytest.approx(np.full(len(points), 44), abs=0.3)
    assert (points[0, 0], points[-1, 0]) == pytest.approx((30, 109), abs=1.5)
    # (x, y): x by the column spacing, y by the row spacing.
    assert points_mm == pytest.approx(points * [0.5, 0.2], abs=0.01)
    assert line["length_mm"] == pytest.approx(np.ptp(points[:, 0]) * 0.5, abs=0.1)
    assert len(line["point_confidence"]) == len(points)
    assert line["confidence"] == pytest.approx(np.mean(line["point_confidence"]), abs=1e-3)


def test_without_pixel_size_there_are_no_millimetres(tmp_path: Path) -> None:
    case = _case(tmp_path, spacing=None)
    SaveSurfaced("pred", tmp_path / "out")(case)
    content = json.loads((tmp_path / "out/leg 1/a_surface.json").read_text())
    assert content["spacing_mm"] is None
    assert content["lines"][0]["points_mm"] is None
    assert content["lines"][0]["length_mm"] is None
    assert content["lines"][0]["points_px"]
    assert describe_surfaces(case)["length_mm"] is None


def test_no_bone_is_said_plainly(tmp_path: Path) -> None:
    case = _case(tmp_path, rows=range(0))
    SaveSurfaced("pred", tmp_path / "out")(case)
    content = json.loads((tmp_path / "out/leg 1/a_surface.json").read_text())
    assert (content["bone_found"], content["lines"], content["message"]) == (False, [], "no bone found")
    assert not np.asarray(Image.open(tmp_path / "out/leg 1/a_mask.png")).any()
    row = describe_surfaces(case)
    assert row == {"message": "no bone found", "lines": 0, "length_mm": 0, "confidence": None}


def test_the_row_of_a_frame_sums_its_lines(tmp_path: Path) -> None:
    case = _case(tmp_path)
    (line,) = case["pred_lines"]
    case["pred_lines"] = [line, line]
    row = describe_surfaces(case)
    assert row["message"] == "bone found, 2 lines"
    assert row["lines"] == 2
    assert row["length_mm"] == pytest.approx(2 * np.ptp(line.points_px[:, 0]) * 0.5, abs=0.2)
    assert row["confidence"] == pytest.approx(line.confidence.mean(), abs=1e-3)


def test_the_threshold_makes_the_mask(tmp_path: Path) -> None:
    case = _case(tmp_path)
    case["pred"] = case["pred"] * 0.6
    for threshold, any_bone in ((0.5, True), (0.7, False)):
        SaveSurfaced("pred", tmp_path / "out", threshold=threshold)(case)
        assert np.asarray(Image.open(tmp_path / "out/leg 1/a_mask.png")).any() == any_bone


def test_a_frame_that_could_not_be_read_leaves_nothing(tmp_path: Path) -> None:
    case = _case(tmp_path)
    case["pred"].meta["error"] = "a.png: broken"
    SaveSurfaced("pred", tmp_path / "out")(case)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_written_leaves_no_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Image.Image, path: Path, **_: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError("no space left on device")

    case = _case(tmp_path)
    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="no space"):
        SaveSurfaced("pred", tmp_path / "out")(case)
    assert _names(tmp_path / "out") == ["leg 1/a_surface.json"]


def test_what_cannot_be_written_is_reported_and_the_work_goes_on(tmp_path: Path) -> None:
    first, second = _case(tmp_path), _case(tmp_path, name="leg 1/b")
    in_the_way = tmp_path / "out" / "leg 1" / "a_mask.png"
    in_the_way.mkdir(parents=True)
    save = SaveSurfaced("pred", tmp_path / "out", on_error="report")
    error = save(first)["pred"].meta["error"]
    assert error.startswith(f"{tmp_path / 'in.png'}: ")
    assert f"{in_the_way} is a folder" in error
    assert "\n" not in error
    assert save(second)["pred"].meta["error"] == ""
    assert (tmp_path / "out/leg 1/b_mask.png").is_file()
    with pytest.raises(IsADirectoryError):
        SaveSurfaced("pred", tmp_path / "out")(_case(tmp_path))
    with pytest.raises(ValueError, match="ignore"):
        SaveSurfaced("pred", tmp_path / "out", on_error="ignore")


@pytest.mark.parametrize("name", ["../a", "x/../../a", "/elsewhere/a"])
def test_results_never_leave_the_folder(tmp_path: Path, name: str) -> None:
    case = _case(tmp_path, name=name)
    with pytest.raises(ValueError, match="results go below"):
        SaveSurfaced("pred", tmp_path / "out")(case)
    assert _names(tmp_path) == ["in.png"]


def test_the_case_is_handed_on(tmp_path: Path) -> None:
    case = _case(tmp_path)
    out = SaveSurfaced("pred", tmp_path / "out")(case)
    assert set(out) == set(case)
    assert torch.equal(out["pred"], case["pred"])
