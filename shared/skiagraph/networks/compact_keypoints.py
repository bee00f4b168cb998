"""A network for interactive keypoints that answers in a few hundredths of a second on two processor cores."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import Convolution
from torch import Tensor, nn
from torch.nn import functional

from .blocks import Residual


class CompactKeypointNet(nn.Module):
    """Residual U-Net on the blocks of an image, with its hint and previous maps, at a quarter of the resolution.

    What the maps say enters where the image does, and once more, reduced to their maxima, at the coarsest level, whose
    receptive field is the whole image: a click on one vertebra moves all others. The position in the image is an
    input too (Liu et al., "CoordConv", NeurIPS 2018), for a spine fills its radiograph from T1 to L5. The logits are a
    sum of three: which vertebra, which of its corners (each learnt from all others that share it), and a map of the
    point's own.

    Args:
        image_channels: channels of the image; 16 where every one is a pixel of a 4 x 4 block.
        vertebrae: objects in a row.
        corners: points of each.
        channels: features at stride 4, 8, 16, 32.
        blocks: residual blocks at each of these, in the encoder; the decoder has one at each, and two at the finest.
        size: (rows, columns) of the input.

    Shape:
        input (B, image_channels + 2 * vertebrae * corners, *size); output (B, vertebrae * corners, *size), logits.
    """

    def __init__(
        self,
        image_channels: int = 16,
        vertebrae: int = 17,
        corners: int = 4,
        channels: Sequence[int] = (48, 80, 128, 160),
        blocks: Sequence[int] = (1, 2, 2, 2),
        size: Sequence[int] = (128, 64),
    ) -> None:
        super().__init__()
        if len(channels) != len(blocks):
            raise ValueError(f"channels and blocks differ in length: {len(channels)} and {len(blocks)}")
        finest, coarsest = channels[0], channels[-1]
        points = vertebrae * corners
        self.image_channels = image_channels
        self.coarse_stride = 2 ** (len(channels) - 1)
        self.size = (size[0], size[1])
        self.image_stem = Convolution(2, image_channels, finest, kernel_size=3, act="RELU", norm="BATCH")
        self.map_stem = nn.Sequential(
            nn.Conv2d(2 * points, finest, kernel_size=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(finest, finest, kernel_size=3, padding=1),
        )
        self.place_stem = nn.Conv2d(4, finest, kernel_size=1)
        self.coarse_maps = nn.Conv2d(2 * points, coarsest, kernel_size=3, padding=1)
        self.register_buffer("places", _places(self.size), persistent=False)
        self.encoder = nn.ModuleList()
        for level, (features, count) in enumerate(zip(channels, blocks, strict=True)):
            down = [] if level == 0 else [_halving(channels[level - 1], features)]
            self.encoder.append(nn.Sequential(*down, *(Residual(2, features) for _ in range(count))))
        self.bottom = nn.Sequential(Residual(2, coarsest), Residual(2, coarsest))
        self.lateral = nn.ModuleList(
            nn.Conv2d(coarse, fine, kernel_size=1)
            for coarse, fine in zip(reversed(channels[1:]), reversed(channels[:-1]), strict=True)
        )
        self.decoder = nn.ModuleList(Residual(2, features) for features in reversed(channels[:-1]))
        self.last = Residual(2, finest)
        self.upsample = nn.Upsample(scale_factor=2.0, mode="nearest")
        self.vertebra_head = nn.Conv2d(finest, vertebrae, kernel_size=1)
        self.corner_head = nn.Conv2d(finest, corners, kernel_size=1)
        self.point_head = nn.Conv2d(finest, points, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits of a batch, B points rows columns.

        Raises:
            ValueError: the input is not of the size that the network was made for.
        """
        rows, columns = self.size
        if x.shape[2] != rows or x.shape[3] != columns:
            raise ValueError(
                f"CompactKeypointNet was made for maps of {rows} x {columns}, not {x.shape[2]} x {x.shape[3]}"
            )
        places = self.places
        assert isinstance(places, Tensor)  # mypy takes a buffer for a module or a tensor
        image, maps = x[:, : self.image_channels], x[:, self.image_channels :]
        y = functional.relu(self.image_stem(image) + self.map_stem(maps) + self.place_stem(places))
        skips: list[Tensor] = []
        for level in self.encoder:
            y = level(y)
            skips.append(y)
        y = self.bottom(y + self.coarse_maps(functional.max_pool2d(maps, self.coarse_stride)))
        for step, (lateral, block) in enumerate(zip(self.lateral, self.decoder, strict=True)):
            y = block(self.upsample(lateral(y)) + skips[-2 - step])
        y = self.last(y)
        by_vertebra, by_corner = self.vertebra_head(y), self.corner_head(y)
        return self.point_head(y) + (by_vertebra[:, :, None] + by_corner[:, None]).flatten(1, 2)


def _halving(before: int, after: int) -> Convolution:
    return Convolution(2, before, after, strides=2, kernel_size=3, act="RELU", norm="BATCH")


def _places(size: tuple[int, int]) -> Tensor:
    """Row, column and their squares, each from -1 to 1, (1, 4, rows, columns)."""
    down, across = torch.meshgrid(*(torch.linspace(-1, 1, cells) for cells in size), indexing="ij")
    return torch.stack([down, across, down**2, across**2])[None]
