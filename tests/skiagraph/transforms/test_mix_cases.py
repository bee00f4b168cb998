from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import DataLoader

from skiagraph.transforms import MixCases

SIZE = 64
NAMES = ("implant", "fracture")


def case(
    number: int, boxes: list[list[float]], labels: list[int], labelled: tuple[int, ...] = (0, 1)
) -> dict[str, Any]:
    """A dark image with its boxes bright, by their number."""
    image = torch.zeros(1, SIZE, SIZE)
    for box in boxes:
        low_row, low_column, high_row, high_column = map(int, box)
        image[0, low_row:high_row, low_column:high_column] = number + 1
    target = {
        "boxes": torch.tensor(boxes).reshape(-1, 4),
        "labels": torch.tensor(labels, dtype=torch.int64),
        "labelled": torch.tensor(labelled),
    }
    return {"image": image, "target": target}


CASES = [
    case(0, [[8.0, 16.0, 40.0, 56.0]], [0]),
    case(1, [[4.0, 4.0, 28.0, 20.0]], [1]),
    case(2, [], []),
    case(3, [[32.0, 32.0, 60.0, 60.0]], [0], (0,)),
]


def bright(image: torch.Tensor, box: torch.Tensor) -> torch.Tensor:
    low, high = box[:2].round().int().tolist(), box[2:].round().int().tolist()
    return image[0, low[0] : high[0], low[1] : high[1]]


def test_by_default_nothing_is_mixed() -> None:
    mixed = MixCases(NAMES)(CASES)
    assert [one["target"] is other["target"] for one, other in zip(mixed, CASES, strict=True)] == [True] * 4


def test_a_mosaic_has_four_images_with_their_boxes() -> None:
    torch.manual_seed(0)
    for mosaic in MixCases(NAMES, mosaic=1.0)(CASES):
        image, target = mosaic["image"], mosaic["target"]
        assert image.shape == (1, SIZE, SIZE)
        assert len(target["boxes"]) == len(target["labels"])
        for box in target["boxes"]:
            inside = bright(image, box)
            assert (inside > 0).float().mean() > 0.9
            assert len(inside[2:-2, 2:-2].unique()) == 1
        outside = image[0].clone()
        for low_row, low_column, high_row, high_column in target["boxes"].round().int().tolist():
            outside[max(low_row - 1, 0) : high_row + 1, max(low_column - 1, 0) : high_column + 1] = 0
        assert not outside.any()


def test_a_mosaic_knows_what_all_its_images_know() -> None:
    torch.manual_seed(1)
    mosaics = MixCases(NAMES, mosaic=1.0)(CASES)
    known = {tuple(mosaic["target"]["labelled"].tolist()) for mosaic in mosaics}
    assert (0,) in known
    assert known <= {(0,), (0, 1)}


def test_a_mosaic_of_images_that_know_nothing_in_common_is_none() -> None:
    pair = [case(0, [], [], (0,)), case(1, [], [], (1,))]
    assert [one["target"]["labelled"].tolist() for one in MixCases(NAMES, mosaic=1.0)(pair)] == [[0], [1]]


def with_bar(brightness: float, labelled: tuple[int, ...] = (0, 1)) -> dict[str, Any]:
    """An implant as it is: a bar in the middle of its box, brighter or darker than what is around it."""
    one = case(0, [[8.0, 16.0, 32.0, 40.0]], [0], labelled)
    one["image"][:] = 0.25
    one["image"][0, 8:32, 24:32] = brightness
    return one


def paste(source: dict[str, Any], into: dict[str, Any]) -> list[dict[str, Any]]:
    """What becomes of a case where something was pasted, in many trials."""
    torch.manual_seed(0)
    mix = MixCases(NAMES, paste=1.0)
    tried = [mix([source, into])[1] for _ in range(40)]
    return [one for one in tried if len(one["target"]["boxes"]) > len(into["target"]["boxes"])]


@pytest.mark.parametrize("brightness", [2.0, -2.0])
def test_an_object_is_pasted_with_its_box_and_nothing_around_it(brightness: float) -> None:
    into = case(2, [], [])
    pasted = paste(with_bar(brightness), into)
    assert len(pasted) > 10
    assert len({tuple(one["target"]["boxes"][0].tolist()) for one in pasted}) > 5
    for one in pasted:
        (box,) = one["target"]["boxes"]
        assert tuple((box[2:] - box[:2]).tolist()) == (24, 24)
        assert one["target"]["labels"].tolist() == [0]
        inside = bright(one["image"], box)
        torch.testing.assert_close(inside[4:-4, 9:15], torch.full((16, 6), brightness - 0.25))
        assert not inside[:, :7].any()
        assert not inside[:, 17:].any()
        assert torch.count_nonzero(one["image"]) == torch.count_nonzero(inside)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_air_in_the_box_is_not_taken_for_dark_metal(sign: float) -> None:
    """A limb with a plate on its bone, and a box that reaches beyond the skin; as it is, and inverted."""
    source = case(0, [[8.0, 16.0, 32.0, 40.0]], [0])
    source["image"][:] = -1.0 * sign
    source["image"][0, :, 20:60] = 0.5 * sign
    source["image"][0, 8:32, 30:40] = 1.5 * sign
    pasted = paste(source, case(2, [], []))
    assert len(pasted) > 10
    assert all(one["image"].mul(sign).min() == 0 and one["image"].mul(sign).max() >= 1 for one in pasted)


def test_what_stands_out_of_nothing_is_not_pasted() -> None:
    assert paste(case(0, [[8.0, 16.0, 32.0, 40.0]], [0]), case(2, [], [])) == []


def test_nothing_is_pasted_over_another_object() -> None:
    into = case(1, [[36.0, 36.0, 60.0, 60.0]], [1])
    pasted = paste(with_bar(2.0), into)
    assert len(pasted) > 5
    for one in pasted:
        there, new = one["target"]["boxes"]
        common = (torch.minimum(there[2:], new[2:]) - torch.maximum(there[:2], new[:2])).clamp_min(0).prod()
        assert common <= 0.1 * 24 * 24


def test_what_lies_over_another_object_is_not_taken_along() -> None:
    source = with_bar(2.0)
    target = source["target"]
    target["boxes"] = torch.cat([target["boxes"], torch.tensor([[20.0, 20.0, 60.0, 60.0]])])
    target["labels"] = torch.tensor([0, 1])
    assert paste(source, case(2, [], [])) == []


def test_of_the_image_that_something_was_pasted_into_no_more_is_known_than_of_both() -> None:
    for one in paste(with_bar(2.0, labelled=(0,)), case(1, [[40.0, 40.0, 60.0, 60.0]], [1])):
        assert one["target"]["labelled"].tolist() == [0]
        assert one["target"]["labels"].tolist() == [1, 0]


def test_only_the_class_that_was_named_is_pasted() -> None:
    torch.manual_seed(0)
    source = with_bar(2.0)
    for mix in (MixCases(NAMES, paste=1.0, paste_class="fracture"), MixCases(("fracture", "screw"), paste=1.0)):
        assert not any(len(mix([source, CASES[2]])[1]["target"]["boxes"]) for _ in range(10))


def test_the_images_given_stay_as_they_are() -> None:
    torch.manual_seed(0)
    before = [one["image"].clone() for one in CASES]
    MixCases(NAMES, mosaic=0.5, paste=1.0)(CASES)
    assert all(torch.equal(one["image"], image) for one, image in zip(CASES, before, strict=True))


@pytest.mark.parametrize("workers", [0, 1])
def test_the_seed_decides(workers: int) -> None:
    def batches(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        loader = DataLoader(
            CASES * 4, batch_size=8, num_workers=workers, collate_fn=MixCases(NAMES, mosaic=0.5, paste=0.5)
        )
        return [one["image"] for batch in loader for one in batch]

    first, again, other = batches(0), batches(0), batches(1)
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert not all(torch.equal(one, two) for one, two in zip(first, other, strict=True))
