"""A U-Net small enough to answer at the frame rate of an ultrasound machine on two processor cores."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import Convolution
from monai.networks.layers.factories import Conv
from torch import Tensor, nn

from .blocks import Residual


class CompactUNet(nn.Module):
    """U-Net that works at half resolution and predicts all pixels of a 2^n block at once.

    The first convolution halves the image and the last one predicts every pixel of a 2 x 2 (2 x 2 x 2) block as a
    channel of its own, rearranged to full resolution (sub-pixel convolution, Shi et al., CVPR 2016): three quarters of
    a plain U-Net's work, which is spent on its finest level, fall away, and thin structures keep their position.
    Otherwise as Ronneberger et al., MICCAI 2015, with residual blocks, and addition in place of concatenation.

    Args:
        spatial_dims: number of spatial dimensions, 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        channels: features at 1/2, 1/4, 1/8, ... of the input's resolution.
        blocks: residual blocks at each of these levels, in the encoder; the decoder has one.

    Shape:
        input (B, in_channels, *spatial), each spatial size a multiple of `2 ** len(channels)`;
        output (B, out_channels, *spatial), logits.
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 1,
        out_channels: int = 1,
        channels: Sequence[int] = (16, 32, 64, 96, 128),
        blocks: Sequence[int] = (1, 1, 2, 2, 2),
    ) -> None:
        super().__init__()
        if len(channels) != len(blocks):
            raise ValueError(f"channels and blocks differ in length: {len(channels)} and {len(blocks)}")
        self.encoder = nn.ModuleList()
        previous = in_channels
        for features, count in zip(channels, blocks, strict=True):
            down = Convolution(spatial_dims, previous, features, strides=2, kernel_size=3, act="RELU", norm="BATCH")
            self.encoder.append(nn.Sequential(down, *(Residual(spatial_dims, features) for _ in range(count))))
            previous = features
        self.lateral = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for coarse, fine in zip(reversed(channels[1:]), reversed(channels[:-1]), strict=True):
            self.lateral.append(Conv[Conv.CONV, spatial_dims](coarse, fine, kernel_size=1))
            self.decoder.append(Residual(spatial_dims, fine))
        self.head = Conv[Conv.CONV, spatial_dims](channels[0], out_channels * 2**spatial_dims, kernel_size=1)
        self.upsample = nn.Upsample(scale_factor=2.0, mode="nearest")
        self.spatial_dims = spatial_dims
        self.multiple = 2 ** len(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits of a batch, B C *spatial.

        Raises:
            ValueError: a spatial size is no multiple of `2 ** len(channels)`.
        """
        for size in x.shape[2:]:
            if size % self.multiple != 0:
                raise ValueError(
                    f"CompactUNet takes images whose sides are multiples of {self.multiple}, not {size}: "
                    "choose another image_size"
                )
        skips: list[Tensor] = []
        for level in self.encoder:
            x = level(x)
            skips.append(x)
        for step, (lateral, block) in enumerate(zip(self.lateral, self.decoder, strict=True)):
            x = block(self.upsample(lateral(x)) + skips[-2 - step])
        return _blocks_to_pixels(self.head(x), self.spatial_dims)


def _blocks_to_pixels(x: Tensor, spatial_dims: int) -> Tensor:
    if spatial_dims == 2:
        return torch.pixel_shuffle(x, 2)
    batch, channels, depth, height, width = x.shape
    x = x.reshape(batch, channels // 8, 2, 2, 2, depth, height, width)
    return x.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(batch, channels // 8, 2 * depth, 2 * height, 2 * width)
