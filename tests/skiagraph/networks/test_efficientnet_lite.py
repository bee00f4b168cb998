from __future__ import annotations

import copy

import pytest
import torch

from skiagraph.networks.efficientnet_lite import EfficientNetLite0


@pytest.mark.parametrize(("from_level", "channels"), [(1, [16, 24, 40, 112, 320]), (3, [40, 112, 320])])
def test_levels_halve_the_image(from_level: int, channels: list[int]) -> None:
    network = EfficientNetLite0(in_channels=3, from_level=from_level).eval()
    with torch.inference_mode():
        levels = network(torch.randn(2, 3, 64, 96))
    strides = [2**level for level in range(from_level, 6)]
    assert network.channels == channels
    assert [tuple(level.shape) for level in levels] == [
        (2, count, 64 // stride, 96 // stride) for count, stride in zip(channels, strides, strict=True)
    ]


def test_names_and_sizes_are_those_of_the_published_weights() -> None:
    """Of 4.65 million parameters there, 1.28 of the classifier and 0.41 of the layer before it are not used here."""
    state = EfficientNetLite0(in_channels=3).state_dict()
    assert state["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert state["_blocks.1._expand_conv.weight"].shape == (96, 16, 1, 1)
    assert state["_blocks.12._depthwise_conv.weight"].shape == (1152, 1, 5, 5)
    assert state["_blocks.15._bn2.running_var"].shape == (320,)
    assert "_blocks.0._expand_conv.weight" not in state
    assert len(state) == 288
    assert sum(tensor.numel() for tensor in state.values()) == 2_998_352


def test_strided_convolutions_are_padded_as_in_tensorflow() -> None:
    """Of even sides, one row and column more at the end: the first cell is centred on pixel (1, 1), not (0, 0)."""
    network = EfficientNetLite0()
    network._conv_stem.weight.data.zero_()
    network._conv_stem.weight.data[0, 0, 1, 1] = 1.0
    image = torch.arange(64.0).reshape(1, 1, 8, 8)
    torch.testing.assert_close(network._conv_stem(image)[0, 0], image[0, 0, 1::2, 1::2])


def test_what_is_frozen_stays_as_it_is() -> None:
    torch.manual_seed(0)
    network = EfficientNetLite0()
    network.freeze(5)
    network.train()
    before = copy.deepcopy(network.state_dict())
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    sum(level.square().mean() for level in network(torch.randn(2, 1, 64, 64))).backward()
    optimizer.step()
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    frozen = ("_conv_stem.", "_bn0.", *(f"_blocks.{number}." for number in range(5)))
    assert changed == {name for name in before if not name.startswith(frozen)}


def test_what_was_frozen_can_be_trained_again() -> None:
    network = EfficientNetLite0()
    network.freeze(16)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    network.freeze(0)
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(module.training for module in network.modules())


def test_a_copy_freezes_its_own_parts() -> None:
    network = EfficientNetLite0()
    network.freeze(1)
    twin = copy.deepcopy(network)
    network.freeze(0)
    assert not twin.train()._bn0.training
    assert network.train()._bn0.training


def test_torchscript_answers_the_same() -> None:
    network = EfficientNetLite0().eval()
    image = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(torch.jit.script(network)(image), network(image))
