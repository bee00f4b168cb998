from __future__ import annotations

import torch

from skiagraph.transforms import RandInvertd


def test_dark_turns_bright_as_often_as_asked() -> None:
    image = torch.rand(1, 8, 8)
    invert = RandInvertd("image", prob=0.3).set_random_state(0)
    inverted = [bool(torch.equal(invert({"image": image})["image"], 1 - image)) for _ in range(500)]
    assert 0.25 < sum(inverted) / len(inverted) < 0.35
    assert torch.equal(RandInvertd("image", prob=0.0)({"image": image})["image"], image)


def test_padding_stays_black() -> None:
    image = torch.zeros(1, 8, 10)
    image[0, 2:7, 3:9] = 0.25
    image[0, 4, 5] = 0.0
    expected = torch.zeros(1, 8, 10)
    expected[0, 2:7, 3:9] = 0.75
    expected[0, 4, 5] = 1.0
    before = image.clone()
    assert torch.equal(RandInvertd("image", prob=1.0)({"image": image})["image"], expected)
    assert torch.equal(image, before)
    assert not RandInvertd("image", prob=1.0)({"image": torch.zeros(1, 4, 4)})["image"].any()
