"""Boxes on their way into a detector and back, checked by where a bright rectangle in the image goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.transforms import Compose, RandAffined, RandFlipd, RandRotate90d, Resized, SpatialCropd, SpatialPadd
from PIL import Image

from skiagraph.transforms import BoxTargetsd, DecodeBoxesd, LoadFramed
from skiagraph.transforms.boxes import move_boxes

CLASSES = ("implant", "fracture")
WIDTH, HEIGHT = 120, 200
BOX = (30.0, 60.0, 66.0, 140.0)


@pytest.fixture(scope="module")
def item(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A radiograph that is black but for its box."""
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[60:140, 30:66] = 255
    path = tmp_path_factory.mktemp("boxes") / "a.png"
    Image.fromarray(pixels).save(path)
    return {"image": str(path), "boxes": [list(BOX)], "classes": ["fracture"], "labelled": ["fracture"]}


def bright(image: torch.Tensor) -> np.ndarray:
    """The box around what is bright, (row_min, column_min, row_max, column_max)."""
    rows, columns = np.nonzero(np.asarray(image[0]) > 127)
    return np.array([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1], dtype=float)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), spacing=st.sampled_from([None, 0.4, (0.3, 0.5)]))
def test_boxes_follow_flips_quarter_turns_and_scaling(item: dict[str, Any], seed: int, spacing: Any) -> None:
    change = [
        Resized("image", 256, size_mode="longest", mode="area"),
        SpatialPadd("image", (256, 256)),
        RandFlipd("image", prob=0.5, spatial_axis=0).set_random_state(seed),
        RandFlipd("image", prob=0.5, spatial_axis=1).set_random_state(seed + 1),
        RandRotate90d("image", prob=0.8, max_k=3).set_random_state(seed),
    ]
    case = Compose([LoadFramed("image", spacing=spacing), *change, BoxTargetsd("image", CLASSES)])(item)
    target = case["target"]
    np.testing.assert_allclose(target["boxes"][0].numpy(), bright(case["image"]), atol=1.01)
    assert (target["labels"].tolist(), target["labelled"].tolist()) == ([1], [1])
    assert (target["boxes"].dtype, target["labels"].dtype) == (torch.float32, torch.int64)


@pytest.mark.parametrize("seed", range(4))
def test_a_slightly_turned_box_stays_round_the_same_thing(item: dict[str, Any], seed: int) -> None:
    turn = RandAffined("image", prob=1.0, rotate_range=0.15, scale_range=0.1, padding_mode="zeros")
    case = Compose([LoadFramed("image"), turn.set_random_state(seed), BoxTargetsd("image", CLASSES)])(item)
    found, around = case["target"]["boxes"][0].numpy(), bright(case["image"])
    # The ellipse is smaller than the rectangle that it lies in: so are its boxes, by some pixels.
    np.testing.assert_allclose((found[:2] + found[2:]) / 2, (around[:2] + around[2:]) / 2, atol=2)
    assert (found[2:] - found[:2] <= around[2:] - around[:2] + 1).all()
    assert (found[2:] - found[:2] >= 0.75 * (around[2:] - around[:2])).all()


def test_the_box_of_a_turned_ellipse_is_that_of_its_points() -> None:
    angle = 0.6
    turn = np.array([[np.cos(angle), -np.sin(angle), 5.0], [np.sin(angle), np.cos(angle), -3.0]])
    t = np.linspace(0, 2 * np.pi, 2000)
    outline = np.column_stack([48 + 18 * np.cos(t), 100 + 40 * np.sin(t)])
    turned = (outline - 0.5) @ turn[:, :2].T + turn[:, 2] + 0.5
    expected = [*turned.min(axis=0), *turned.max(axis=0)]
    np.testing.assert_allclose(move_boxes(np.array([BOX]), turn)[0], expected, atol=1e-3)


@pytest.mark.parametrize(("share", "kept"), [(0.3, 1), (0.6, 0)])
def test_a_box_that_is_mostly_out_of_the_image_is_left_out(item: dict[str, Any], share: float, kept: int) -> None:
    """Of its height, 80 pixels, 40 are left."""
    half = {**item, "boxes": [[30.0, 160.0, 66.0, 240.0]]}
    target = Compose([LoadFramed("image"), BoxTargetsd("image", CLASSES, least_share=share)])(half)["target"]
    assert len(target["boxes"]) == len(target["labels"]) == kept
    if kept:
        assert target["boxes"][0].tolist() == [160, 30, 200, 66]


def test_an_image_without_boxes_is_a_negative_one_for_all_classes(item: dict[str, Any]) -> None:
    target = Compose([LoadFramed("image"), BoxTargetsd("image", CLASSES)])({"image": item["image"]})["target"]
    assert target["boxes"].shape == (0, 4)
    assert target["labels"].dtype == torch.int64
    assert target["labelled"].tolist() == [0, 1]


def test_boxes_of_other_classes_are_left_out(item: dict[str, Any]) -> None:
    both = {**item, "boxes": [list(BOX), [1.0, 2.0, 9.0, 9.0]], "classes": ["fracture", "implant"]}
    target = Compose([LoadFramed("image"), BoxTargetsd("image", ("implant",))])(both)["target"]
    assert target["boxes"].tolist() == [[2, 1, 9, 9]]
    assert target["labelled"].tolist() == []
    assert target["labelled"].dtype == torch.int64


def test_where_nothing_is_complete_nothing_is_known(item: dict[str, Any]) -> None:
    load = Compose([LoadFramed("image"), BoxTargetsd("image", CLASSES)])
    assert load({**item, "labelled": []})["target"]["labelled"].tolist() == []
    assert load({**item, "labelled": None})["target"]["labelled"].tolist() == [0, 1]


def test_of_a_class_whose_box_is_cut_off_not_all_is_known(item: dict[str, Any]) -> None:
    both = {**item, "boxes": [list(BOX), [1.0, 2.0, 9.0, 9.0]], "classes": ["fracture", "implant"], "labelled": CLASSES}
    for rows, boxes, labelled in ((140, 2, [0, 1]), (80, 1, [0]), (55, 1, [0, 1])):
        cut = [LoadFramed("image"), SpatialCropd("image", roi_start=(0, 0), roi_end=(rows, WIDTH))]
        target = Compose([*cut, BoxTargetsd("image", CLASSES)])(both)["target"]
        assert (len(target["boxes"]), target["labelled"].tolist()) == (boxes, labelled)


def test_what_was_found_goes_back_to_the_file(item: dict[str, Any]) -> None:
    change = [Resized("image", 320, size_mode="longest", mode="area"), SpatialPadd("image", (320, 320))]
    case = Compose([LoadFramed("image"), *change, BoxTargetsd("image", CLASSES)])(item)
    beyond = torch.tensor([[-50.0, -50.0, 500.0, 500.0]])
    case["pred"] = {
        "boxes": torch.cat([case["target"]["boxes"], beyond, beyond]),
        "labels": torch.tensor([1, 0, 0]),
        "labels_scores": torch.tensor([0.9, 0.5, 0.1]),
    }
    found = DecodeBoxesd("pred", CLASSES, threshold=0.4)(case)["pred_boxes"]
    np.testing.assert_allclose(found.boxes, [BOX, (0, 0, WIDTH, HEIGHT)], atol=1e-3)
    assert found.classes == ("fracture", "implant")
    assert found.scores.tolist() == pytest.approx([0.9, 0.5])
    case["pred"]["boxes"][1] = torch.tensor([319.5, 0.0, 330.0, 50.0])
    assert DecodeBoxesd("pred", CLASSES, threshold=0.4)(case)["pred_boxes"].classes == ("fracture",)
    case["pred"]["boxes"][1] = beyond
    only = DecodeBoxesd("pred", CLASSES, wanted=("implant",))(case)["pred_boxes"]
    assert only.classes == ("implant", "implant")
    with pytest.raises(ValueError, match="no such class: screw; the detector finds implant, fracture"):
        DecodeBoxesd("pred", CLASSES, wanted=("screw",))
