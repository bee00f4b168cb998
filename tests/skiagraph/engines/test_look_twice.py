"""A second look at one's own answer."""

from __future__ import annotations

import torch
from monai.data import MetaTensor

from skiagraph.engines import LookTwiceInferer
from skiagraph.transforms import CornerDecoder

POINTS = 68


class Recorder(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.inputs.append(x.clone())
        peaks = torch.zeros(len(x), POINTS, *x.shape[2:])
        peaks[:, :, 5, 6] = 9.0 + x[:, -POINTS:].amax()
        return peaks


def empty() -> torch.Tensor:
    x = torch.zeros(2, 16 + 2 * POINTS, 16, 12)
    x[:, 16 + 3, 4, 4] = 1  # a hint
    return x


def test_first_answer_comes_back_as_previous_maps_with_the_hints_kept() -> None:
    network, decoder, x = Recorder(), CornerDecoder(), empty()
    answer = LookTwiceInferer(decoder, enabled=False)(x, network)
    first, second = network.inputs
    torch.testing.assert_close(first, x)
    torch.testing.assert_close(second[:, :-POINTS], x[:, :-POINTS])
    expected = torch.zeros(2, POINTS, 16, 12)
    expected[:, :, 5, 6] = 9.0
    torch.testing.assert_close(second[:, -POINTS:], decoder.previous_maps(expected))
    assert answer[0, 0, 5, 6] > 9


def test_meta_data_of_the_image_stay() -> None:
    x = MetaTensor(empty(), meta={"name": ["a", "b"]})
    answer = LookTwiceInferer(CornerDecoder(), enabled=False)(x, Recorder())
    assert answer.meta["name"] == ["a", "b"]
