from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skiagraph.data.box_annotation import BoxAnnotation
from skiagraph.data.boxes_coco import FoundBoxes, read_coco, read_coco_results, write_coco, write_coco_results

TRUTH: dict[str, Any] = {
    "info": {"year": 2017},
    "licenses": [],
    "images": [
        {"id": 900, "file_name": "val/2.jpg", "width": 640, "height": 480, "license": 3},
        {"id": 17, "file_name": "val/1.jpg"},
    ],
    "annotations": [
        {"id": 1, "image_id": 17, "category_id": 90, "bbox": [10, 20.5, 30, 40], "area": 700.0, "iscrowd": 0},
        {"id": 5, "image_id": 17, "category_id": 3, "bbox": [0, 0, 1, 2], "iscrowd": 1, "segmentation": []},
    ],
    "categories": [{"id": 90, "name": "implant", "supercategory": "thing"}, {"id": 3, "name": "fracture"}],
}


def write(folder: Path, content: Any) -> Path:
    path = folder / "instances ü.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def changed(table: str, index: int, **fields: Any) -> dict[str, Any]:
    entries = [{**entry, **fields} if n == index else entry for n, entry in enumerate(TRUTH[table])]
    return {**TRUTH, table: [{k: v for k, v in entry.items() if v is not ...} for entry in entries]}


def test_ground_truth_is_read_whatever_its_numbers(tmp_path: Path) -> None:
    truth = read_coco(write(tmp_path, TRUTH))
    assert list(truth.images) == ["val/2.jpg", "val/1.jpg"]
    assert truth.image_ids == {"val/2.jpg": 900, "val/1.jpg": 17}
    assert truth.category_ids == {"implant": 90, "fracture": 3}
    empty, full = truth.images.values()
    assert (empty.boxes.shape, empty.size, full.size) == ((0, 4), (640, 480), None)
    np.testing.assert_array_equal(full.boxes, [[10, 20.5, 40, 60.5], [0, 0, 1, 2]])
    assert (full.classes, full.difficult) == (("implant", "fracture"), (False, True))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a JSON file"),
        ([], "not ground truth in the form of COCO"),
        ({"images": [], "annotations": []}, "not ground truth .* categories"),
        (changed("images", 0, file_name=...), "images: its file_name is missing"),
        (changed("images", 0, id="900"), "images: its id is .* of a wrong kind, '900'"),
        (changed("images", 0, id=17), "images: an id or a file_name stands there twice"),
        (changed("categories", 1, name="implant"), "categories: an id or a name stands there twice"),
        (changed("annotations", 1, image_id=18), "annotation 5 names an image or a category that the file does not"),
        (changed("annotations", 1, category_id=4), "annotation 5 names an image or a category that the file does not"),
        (changed("annotations", 0, bbox=[1, 2, 3]), r"annotation 1: its bbox is no .* but \[1, 2, 3\]"),
        (changed("annotations", 0, bbox=[1, 2, 3, None]), "annotation 1: its bbox"),
        (changed("annotations", 0, bbox=[1, 2, 3, float("nan")]), "annotation 1: its bbox"),
        (changed("annotations", 0, bbox=...), "annotation 1: its bbox is no .* but None"),
        ({**TRUTH, "annotations": [7]}, "annotation 7: 7 has no fields"),
    ],
)
def test_what_is_no_ground_truth_is_named_with_its_file(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=rf"instances ü\.json: {message}"):
        read_coco(write(tmp_path, content))


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent: no such file"):
        read_coco(tmp_path / "absent")


IMAGES = {
    "b/1.png": BoxAnnotation(
        np.array([[1, 2, 4, 8], [0, 0, 10.5, 10]]), ("fracture", "implant"), (20, 10), difficult=(False, True)
    ),
    "a.png": BoxAnnotation(np.empty((0, 4)), (), (30, 40)),
}


def test_ground_truth_is_written_in_the_published_form(tmp_path: Path) -> None:
    written = write_coco(tmp_path / "out.json", IMAGES, ["implant", "fracture", "cast"])
    content = json.loads((tmp_path / "out.json").read_bytes())
    assert content["images"] == [
        {"id": 1, "file_name": "b/1.png", "width": 20, "height": 10},
        {"id": 2, "file_name": "a.png", "width": 30, "height": 40},
    ]
    assert content["categories"] == [
        {"id": n + 1, "name": name} for n, name in enumerate(["implant", "fracture", "cast"])
    ]
    common = {"image_id": 1, "segmentation": []}
    assert content["annotations"] == [
        {"id": 1, "category_id": 2, "bbox": [1, 2, 3, 6], "area": 18, "iscrowd": 0, **common},
        {"id": 2, "category_id": 1, "bbox": [0, 0, 10.5, 10], "area": 105, "iscrowd": 1, **common},
    ]
    again = read_coco(tmp_path / "out.json")
    assert (again.image_ids, again.category_ids) == (written.image_ids, written.category_ids)
    for name, annotation in IMAGES.items():
        np.testing.assert_array_equal(again.images[name].boxes, annotation.boxes)
        assert again.images[name].classes == annotation.classes
        assert again.images[name].size == annotation.size
        assert again.images[name].difficult == annotation.difficult


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (BoxAnnotation(np.empty((0, 4)), ()), "wants the size of 1.png"),
        (BoxAnnotation(np.ones((1, 4)), ("nail",), (4, 4)), "1.png has boxes of unknown classes: nail"),
    ],
)
def test_what_cannot_be_written_is_named(tmp_path: Path, annotation: BoxAnnotation, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_coco(tmp_path / "out.json", {"1.png": annotation}, ["implant"])
    assert not list(tmp_path.iterdir())


def test_results_are_numbered_as_the_truth_is(tmp_path: Path) -> None:
    truth = read_coco(write(tmp_path, TRUTH))
    boxes = np.array([[1, 2, 4, 8], [0.5, 0, 10, 10]])
    found = {"val/1.jpg": FoundBoxes(boxes, ("fracture", "implant"), np.array([0.75, 0.125]))}
    write_coco_results(tmp_path / "results.json", found, truth)
    assert json.loads((tmp_path / "results.json").read_bytes()) == [
        {"image_id": 17, "category_id": 3, "bbox": [1, 2, 3, 6], "score": 0.75},
        {"image_id": 17, "category_id": 90, "bbox": [0.5, 0, 9.5, 10], "score": 0.125},
    ]
    again = read_coco_results(tmp_path / "results.json", truth)
    assert [len(found.classes) for found in again.values()] == [0, 2]
    np.testing.assert_array_equal(again["val/1.jpg"].boxes, boxes)
    np.testing.assert_array_equal(again["val/1.jpg"].scores, [0.75, 0.125])
    assert again["val/1.jpg"].classes == ("fracture", "implant")


def test_results_of_something_else_are_refused(tmp_path: Path) -> None:
    truth = read_coco(write(tmp_path, TRUTH))
    nothing = FoundBoxes(np.empty((0, 4)), (), np.empty(0))
    with pytest.raises(ValueError, match=r"3\.jpg is not among the images"):
        write_coco_results(tmp_path / "results.json", {"val/3.jpg": nothing}, truth)
    good = {"image_id": 17, "category_id": 3, "bbox": [1, 2, 3, 6], "score": 0.5}
    for content, message in (
        (TRUTH, "not results in the form of COCO"),
        ([good, {**good, "image_id": 1}], "result 1 names an image or a category that the ground truth does not have"),
        ([{**good, "category_id": 1}], "result 0 names"),
        ([{**good, "score": "high"}], "result 0: its score is missing or of a wrong kind, 'high'"),
    ):
        with pytest.raises(ValueError, match=message):
            read_coco_results(write(tmp_path, content), truth)
