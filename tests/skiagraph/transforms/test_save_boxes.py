"""What inference leaves of a radiograph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from skiagraph.data.boxes_coco import FoundBoxes, read_coco, read_coco_results
from skiagraph.data.boxes_voc import read_voc
from skiagraph.transforms import LoadFramed, SaveBoxesd, describe_boxes, write_found_boxes

CLASSES = ("implant", "fracture")
BOXES = np.array([[20.0, 30.0, 60.0, 90.0], [5.5, 8.25, 15.0, 24.0]])


def case(folder: Path, boxes: np.ndarray = BOXES, spacing: Any = None) -> dict[str, Any]:
    Image.fromarray(np.full((120, 100), 60, np.uint8)).save(folder / "in.png")
    frame = LoadFramed("image", spacing=spacing)({"image": str(folder / "in.png"), "name": "w 1/a"})["image"]
    found = FoundBoxes(boxes, ("implant", "fracture")[: len(boxes)], np.array([0.9, 0.4])[: len(boxes)])
    return {"image": frame, "frame_as_loaded": frame, "pred_boxes": found}


def saved(folder: Path, one: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
    SaveBoxesd("image", folder / "out", CLASSES)(one)
    content = json.loads((folder / "out/w 1/a_boxes.json").read_text())
    return content, np.asarray(Image.open(folder / "out/w 1/a_overlay.jpg")).astype(int)


def test_json_tells_class_score_and_place(tmp_path: Path) -> None:
    content, _ = saved(tmp_path, case(tmp_path, spacing=(0.5, 0.25)))
    assert (content["image"], content["found"], content["message"]) == ("w 1/a", True, "1 implant, 1 fracture")
    first = content["boxes"][0]
    assert (first["class"], first["score"]) == ("implant", 0.9)
    assert first["box_px"] == [20, 30, 60, 90]
    assert first["box_mm"] == [5, 15, 15, 45]
    assert content["classes"] == list(CLASSES)
    assert saved(tmp_path, case(tmp_path))[0]["boxes"][0]["box_mm"] is None


def test_xml_gives_the_boxes_back_for_labelling(tmp_path: Path) -> None:
    saved(tmp_path, case(tmp_path))
    annotation = read_voc(tmp_path / "out/w 1/a.xml")
    assert annotation.classes == CLASSES
    assert annotation.size == (100, 120)
    np.testing.assert_allclose(annotation.boxes, BOXES, atol=0.51)


def test_overlay_shows_the_boxes_in_colours_of_their_classes(tmp_path: Path) -> None:
    _, overlay = saved(tmp_path, case(tmp_path))
    assert overlay.shape == (120, 100, 3)
    coloured = np.argwhere(np.ptp(overlay, axis=2) > 60)
    assert coloured[:, 0].max() == pytest.approx(90, abs=3)
    assert coloured[:, 1].max() >= 57


def test_nothing_found_is_said_plainly(tmp_path: Path) -> None:
    nothing = case(tmp_path, boxes=np.zeros((0, 4)))
    content, _ = saved(tmp_path, nothing)
    assert (content["found"], content["message"], content["boxes"]) == (False, "nothing found", [])
    row = describe_boxes(nothing)
    assert (row["message"], row["boxes"], row["highest_score"], row["found"]) == ("nothing found", 0, None, "[]")
    assert read_voc(tmp_path / "out/w 1/a.xml").classes == ()


def test_row_of_the_table(tmp_path: Path) -> None:
    row = describe_boxes(case(tmp_path))
    found = json.loads(row.pop("found"))
    assert row == {
        "message": "1 implant, 1 fracture",
        "boxes": 2,
        "highest_score": 0.9,
        "file": "w 1/a.png",
        "width": 100,
        "height": 120,
    }
    assert found == [["implant", 0.9, 20, 30, 60, 90], ["fracture", 0.4, 5.5, 8.2, 15, 24]]


def test_all_images_together_in_the_form_of_coco(tmp_path: Path) -> None:
    full, empty = case(tmp_path), case(tmp_path, boxes=np.zeros((0, 4)))
    empty["image"].meta["name"] = "b.png"
    rows = [
        {"status": "done", **describe_boxes(full)},
        {"status": "failed", "message": "no image"},
        {"status": "done", **describe_boxes(empty)},
    ]
    write_found_boxes(rows, tmp_path, CLASSES)
    truth = read_coco(tmp_path / "coco.json")
    assert list(truth.images) == ["w 1/a.png", "b.png"]
    assert truth.category_ids == {"implant": 1, "fracture": 2}
    assert truth.images["w 1/a.png"].size == (100, 120)
    results = read_coco_results(tmp_path / "coco_results.json", truth)
    np.testing.assert_allclose(results["w 1/a.png"].boxes, BOXES, atol=0.051)
    assert results["w 1/a.png"].scores.tolist() == [0.9, 0.4]
    assert results["b.png"].classes == truth.images["b.png"].classes == ()


def test_a_label_drawn_by_hand_is_never_written_over(tmp_path: Path) -> None:
    one = case(tmp_path)
    one["image"].meta["name"] = "in"
    (tmp_path / "in.xml").write_text("by hand")
    with pytest.raises(ValueError, match=r"in\.xml: this label is there already and stays; give another output_dir"):
        SaveBoxesd("image", tmp_path, CLASSES)(one)
    assert (tmp_path / "in.xml").read_text() == "by hand"
    SaveBoxesd("image", tmp_path / "out", CLASSES)(one)
    SaveBoxesd("image", tmp_path / "out", CLASSES)(one)


def test_json_names_what_was_looked_for(tmp_path: Path) -> None:
    SaveBoxesd("image", tmp_path / "out", CLASSES, wanted=("fracture",))(case(tmp_path))
    assert json.loads((tmp_path / "out/w 1/a_boxes.json").read_text())["classes"] == ["fracture"]
