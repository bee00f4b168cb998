"""The compact network for interactive keypoints."""

from __future__ import annotations

import pytest
import torch

from skiagraph.networks import CompactKeypointNet

VERTEBRAE, CORNERS, SIZE = 3, 4, (16, 16)
POINTS = VERTEBRAE * CORNERS


def small() -> CompactKeypointNet:
    torch.manual_seed(0)
    return CompactKeypointNet(
        image_channels=4, vertebrae=VERTEBRAE, corners=CORNERS, channels=(8, 8, 8), blocks=(1, 1, 1), size=SIZE
    ).eval()


def empty() -> torch.Tensor:
    x = torch.zeros(1, 4 + 2 * POINTS, *SIZE)
    x[:, :4] = torch.rand(1, 4, *SIZE, generator=torch.Generator().manual_seed(1))
    return x


def test_default_fits_the_weights_that_may_be_shipped() -> None:
    network = CompactKeypointNet()
    assert sum(value.numel() for value in network.state_dict().values()) * 2 < 8e6
    assert network(torch.zeros(1, 152, 128, 64)).shape == (1, 68, 128, 64)


def test_a_click_reaches_every_cell_of_every_map() -> None:
    network, x = small(), empty()
    y = x.clone()
    y[:, 4, 8, 8] = 1
    with torch.no_grad():
        changed = (network(y) - network(x)).abs() > 1e-7
    assert changed.float().mean() > 0.99


def test_previous_maps_matter_and_differ_from_hints() -> None:
    network, x = small(), empty()
    hint, previous = x.clone(), x.clone()
    hint[:, 4, 8, 8] = 1
    previous[:, 4 + POINTS, 8, 8] = 1
    with torch.no_grad():
        answers = [network(each) for each in (x, hint, previous)]
    assert not torch.allclose(answers[0], answers[2])
    assert not torch.allclose(answers[1], answers[2])


def test_the_same_image_somewhere_else_is_not_the_same_point() -> None:
    network = small()
    x = torch.zeros(1, 4 + 2 * POINTS, *SIZE)
    with torch.no_grad():
        answer = network(x)
    assert (answer[0, 0, 6, 6] - answer[0, 0, 10, 10]).abs() > 1e-6


def test_logits_are_the_sum_of_vertebra_corner_and_own() -> None:
    network, x = small(), empty()
    with torch.no_grad():
        network.point_head.weight.zero_()
        network.point_head.bias.zero_()
        logits = network(x)[0].reshape(VERTEBRAE, CORNERS, *SIZE)
    # Without maps of their own, what sets two corners apart is the same in all vertebrae.
    apart = logits[:, 1] - logits[:, 0]
    torch.testing.assert_close(apart[0], apart[1], atol=1e-5, rtol=0)
    torch.testing.assert_close(apart[0], apart[2], atol=1e-5, rtol=0)
    assert not torch.allclose(logits[0], logits[1])


def test_another_size_and_odd_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="made for maps of"):
        small()(torch.zeros(1, 4 + 2 * POINTS, 16, 8))
    with pytest.raises(ValueError, match="differ in length"):
        CompactKeypointNet(channels=(8, 8), blocks=(1,))
