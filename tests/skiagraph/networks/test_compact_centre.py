from __future__ import annotations

import pytest
import torch

from skiagraph.networks import CompactCentreNet


@pytest.mark.parametrize("classes", [1, 3])
def test_maps_are_an_eighth_of_the_image(classes: int) -> None:
    network = CompactCentreNet(classes=classes).eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 1, 64, 96)).shape == (2, classes + 4, 8, 12)


def test_it_is_small_enough_to_ship() -> None:
    assert sum(parameter.numel() for parameter in CompactCentreNet().parameters()) < 4e6


def test_untrained_it_hardly_believes_in_anything_and_sees_boxes_of_some_size() -> None:
    torch.manual_seed(0)
    with torch.inference_mode():
        maps = CompactCentreNet().eval()(torch.rand(1, 1, 64, 64))
    assert maps[:, :2].sigmoid().max() < 0.1
    assert maps[:, 2:].exp().median() == pytest.approx(8, rel=0.3)


def test_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"multiples of 32, not 40.*image_size"):
        CompactCentreNet()(torch.rand(1, 1, 64, 40))


def test_torchscript_answers_the_same() -> None:
    network = CompactCentreNet().eval()
    image = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(torch.jit.script(network)(image), network(image))
