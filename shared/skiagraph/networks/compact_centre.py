"""A network that sees where things are: for every cell of a grid, whether one lies there, and how far its sides are."""

from __future__ import annotations

import math

import torch
from monai.networks.blocks import Convolution
from torch import Tensor, nn

from .blocks import Residual
from .efficientnet_lite import EfficientNetLite0

# How sure the untrained network is that a cell holds something (Lin et al., "Focal loss", ICCV 2017).
_PRIOR = 0.01
# How far it sees the sides then, in cells.
_CELLS = 8.0


class CompactCentreNet(nn.Module):
    """EfficientNet-Lite0 to 1/32, and a pyramid back to 1/8 of the image, whose cells are classified and measured.

    As in CenterNet (Zhou et al., 2019), every object is one cell; no anchors are to be fitted.

    Args:
        in_channels: channels of the input.
        classes: number of classes.
        features: of the pyramid and of the two heads.
        std: the image is divided by it; 2 brings one of standard deviation 1 to what ImageNet weights are used to.

    Shape:
        input (B, in_channels, rows, columns), each side a multiple of 32; output (B, classes + 4, rows / 8, columns /
        8): a logit for each class, then the logarithms of the distances from the cell's centre to the sides (row_min,
        column_min, row_max, column_max) in cells.
    """

    def __init__(self, in_channels: int = 1, classes: int = 2, features: int = 96, std: float = 2.0) -> None:
        super().__init__()
        self.stride = 8
        self.multiple = 32
        self.std = std
        self.encoder = EfficientNetLite0(in_channels, from_level=3)
        self.lateral = nn.ModuleList(nn.Conv2d(level, features, kernel_size=1) for level in self.encoder.channels)
        self.merge = nn.ModuleList(Residual(2, features) for _ in self.encoder.channels[:-1])
        self.upsample = nn.Upsample(scale_factor=2.0, mode="nearest")
        self.class_head = _head(features, classes, math.log(_PRIOR / (1 - _PRIOR)))
        self.side_head = _head(features, 4, math.log(_CELLS))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the maps of a batch.

        Raises:
            ValueError: a side is no multiple of 32.
        """
        for size in x.shape[2:]:
            if size % self.multiple != 0:
                raise ValueError(
                    f"CompactCentreNet takes images whose sides are multiples of {self.multiple}, not {size}: "
                    "choose another image_size"
                )
        levels: list[Tensor] = self.encoder(x / self.std)
        narrow: list[Tensor] = []
        for number, lateral in enumerate(self.lateral):
            narrow.append(lateral(levels[number]))
        y = narrow[-1]
        for step, merge in enumerate(self.merge):
            y = merge(self.upsample(y) + narrow[-2 - step])
        return torch.cat([self.class_head(y), self.side_head(y)], dim=1)


def _head(features: int, out: int, first_answer: float) -> nn.Sequential:
    last = nn.Conv2d(features, out, kernel_size=1)
    assert last.bias is not None  # mypy does not know that there is one unless it is refused
    nn.init.constant_(last.bias, first_answer)
    return nn.Sequential(
        Convolution(2, features, features, kernel_size=3, act="RELU", norm="BATCH"),
        Convolution(2, features, features, kernel_size=3, act="RELU", norm="BATCH"),
        last,
    )
