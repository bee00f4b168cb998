from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
import torch

from skiagraph.networks import CompactUNet
from skiagraph.networks.compact_unet import _blocks_to_pixels


@pytest.mark.parametrize(
    ("dims", "channels", "size"),
    [(2, (4, 8), (20, 28)), (2, (5, 7, 9), (16, 24)), (3, (3, 5), (8, 12, 16)), (2, (6,), (10, 14))],
)
@pytest.mark.parametrize(("in_channels", "out_channels"), [(1, 1), (3, 2)])
def test_the_answer_has_the_size_of_the_input(
    dims: int, channels: Sequence[int], size: Sequence[int], in_channels: int, out_channels: int
) -> None:
    network = CompactUNet(dims, in_channels, out_channels, channels, blocks=[1] * len(channels)).eval()
    assert network(torch.randn(2, in_channels, *size)).shape == (2, out_channels, *size)


@pytest.mark.parametrize("dims", [2, 3])
def test_blocks_are_laid_out_channel_by_channel(dims: int) -> None:
    channels, size = 3, (2, 3, 4)[:dims]
    x = torch.arange(2.0 * channels * 2**dims * torch.Size(size).numel()).reshape(2, channels * 2**dims, *size)
    y = _blocks_to_pixels(x, dims)
    assert y.shape == (2, channels, *(2 * length for length in size))
    for batch, channel, *place in itertools.product(range(2), range(channels), *(range(2 * n) for n in size)):
        within = 0
        for coordinate in place:
            within = 2 * within + coordinate % 2
        coarse = [coordinate // 2 for coordinate in place]
        assert y[(batch, channel, *place)] == x[(batch, channel * 2**dims + within, *coarse)]


@pytest.mark.parametrize("dims", [2, 3])
def test_gradient_flows_everywhere(dims: int) -> None:
    torch.manual_seed(0)
    network = CompactUNet(dims, 1, 1, (4, 6, 8), (1, 1, 1))
    inputs = torch.randn(2, 1, *[16] * dims, requires_grad=True)
    (network(inputs) ** 2).sum().backward()
    assert inputs.grad is not None
    assert (inputs.grad != 0).all()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        # The bias of a convolution before batch normalisation has none, but for rounding.
        if name.endswith("weight"):
            assert parameter.grad.abs().max() > 1e-6, name


def test_thin_structures_keep_their_position() -> None:
    """A step to the right by a whole coarsest cell moves the answer along, to the pixel."""
    torch.manual_seed(0)
    network = CompactUNet(2, 1, 1, (4, 6, 8), (1, 1, 1)).eval()
    image = torch.zeros(1, 1, 64, 96)
    image[..., 20:24, 40:43] = 1
    with torch.inference_mode():
        here, there = network(image), network(image.roll(8, dims=3))
    assert torch.allclose(there[..., 24:-16], here.roll(8, dims=3)[..., 24:-16], atol=1e-3)
    assert not torch.allclose(there, here, atol=1e-2)


def test_it_can_learn_a_single_row_of_pixels() -> None:
    """The network works at half resolution, yet a line one pixel wide is found on its own row."""
    torch.manual_seed(0)
    images = torch.rand(8, 1, 16, 16) * 0.2
    truth = torch.zeros_like(images)
    for index, image in enumerate(images):
        image[0, 3 + index] += 0.8
        truth[index, 0, 3 + index] = 1
    network = CompactUNet(2, 1, 1, (8, 12), (1, 1))
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(60):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(images), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (network(images).sum(-1).argmax(2)[:, 0] == torch.arange(3, 11)).all()


def test_the_default_is_small() -> None:
    assert sum(parameter.numel() for parameter in CompactUNet().parameters()) < 2_000_000


@pytest.mark.parametrize("dims", [2, 3])
def test_torchscript_gives_the_same_answer(dims: int) -> None:
    torch.manual_seed(0)
    network = CompactUNet(dims, 1, 2, (4, 6), (1, 2)).eval()
    scripted = torch.jit.script(network)
    for size in (8, 12):
        inputs = torch.randn(1, 1, *[size] * dims)
        assert torch.allclose(scripted(inputs), network(inputs), atol=1e-5)


@pytest.mark.parametrize("script", [False, True])
def test_a_size_that_it_cannot_halve_so_often_is_refused_in_plain_words(script: bool) -> None:
    network: torch.nn.Module = CompactUNet(2, 1, 1, (4, 6, 8), (1, 1, 1)).eval()
    network = torch.jit.script(network) if script else network
    assert network(torch.rand(1, 1, 24, 16)).shape == (1, 1, 24, 16)
    for size in ((24, 20), (20, 24)):
        with pytest.raises((ValueError, torch.jit.Error), match="multiples of 8, not 20: choose another image_size"):
            network(torch.rand(1, 1, *size))


def test_channels_and_blocks_must_agree() -> None:
    with pytest.raises(ValueError, match="differ in length: 2 and 3"):
        CompactUNet(2, channels=(4, 8), blocks=(1, 1, 1))
