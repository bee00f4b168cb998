"""Faster R-CNN on a ResNet-50 with a feature pyramid: the network."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .resnet50_fpn import ResNet50FPN

# Lin et al., "Feature Pyramid Networks for Object Detection" (CVPR 2017): a size for each level, in three shapes.
ANCHOR_SIZES = ((32,), (64,), (128,), (256,), (512,))
ANCHOR_RATIOS = (0.5, 1.0, 2.0)
GRID = 7


class FasterRCNN(ResNet50FPN):
    """The convolutional network of Faster R-CNN, ResNet-50 FPN, and the head that looks at single boxes.

    Ren et al., "Faster R-CNN" (NeurIPS 2015), with the pyramid of Lin et al. (CVPR 2017). A network for
    :class:`FasterRCNNDetector`, which proposes boxes from its answer and has `box_head` classify them.

    In one thing it differs: what makes a proposal is learnt for every class apart, not for all together, so that an
    image in which a class is not labelled need not call its objects background. With one class there is no difference.

    Args:
        in_channels: channels of the image.
        classes: number of classes.
        frozen_batch_norm: as in :class:`ResNet50FPN`.
        mean: as there.
        std: as there.
        box_features: width of the head of single boxes.

    Shape:
        input (B, in_channels, rows, columns), each side a multiple of 64; output fifteen maps: five of features (B,
        256, ...) at strides 4, 8, 16, 32, 64, five of logits (B, 3 * classes, ...) and five of box codes (B, 3 * 4,
        ...), for three anchors a cell.
    """

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 2,
        frozen_batch_norm: bool = False,
        mean: float = 0.0,
        std: float = 1.0,
        box_features: int = 1024,
    ) -> None:
        features = 256
        super().__init__(in_channels, features, frozen_batch_norm, mean, std)
        self.classes = classes
        self.anchor_sizes = ANCHOR_SIZES
        self.anchor_ratios = ANCHOR_RATIOS
        self.rpn_head = RegionHead(features, len(ANCHOR_RATIOS), classes)
        self.box_head = BoxHead(features * GRID**2, box_features, classes)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features, logits and box codes of a batch, each finest first."""
        levels = self.levels(x)
        logits, codes = self.rpn_head(levels)
        return levels + logits + codes


class RegionHead(nn.Module):
    """What may lie at each anchor, and where exactly; the same at all levels.

    Args:
        features: channels of the levels.
        anchors: number of anchors a cell.
        classes: number of classes.
    """

    def __init__(self, features: int, anchors: int, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(features, features, kernel_size=3, padding=1)
        self.logits = nn.Conv2d(features, anchors * classes, kernel_size=1)
        self.codes = nn.Conv2d(features, anchors * 4, kernel_size=1)
        for layer in (self.conv, self.logits, self.codes):
            nn.init.normal_(layer.weight, std=0.01)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, levels: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Logits and box codes of each level."""
        logits: list[Tensor] = []
        codes: list[Tensor] = []
        for level in levels:
            y = functional.relu(self.conv(level))
            logits.append(self.logits(y))
            codes.append(self.codes(y))
        return logits, codes


class BoxHead(nn.Module):
    """What lies in a box, by two fully connected layers.

    Args:
        in_features: numbers that are known of a box.
        features: width of both layers.
        classes: number of classes.

    Shape:
        input (N, ...), in_features numbers each; output logits (N, 1 + classes), of which the first is background, and
        box codes (N, classes, 4).
    """

    def __init__(self, in_features: int, features: int, classes: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(
            nn.Linear(in_features, features),
            nn.ReLU(inplace=True),
            nn.Linear(features, features),
            nn.ReLU(inplace=True),
        )
        self.logits = nn.Linear(features, 1 + classes)
        self.codes = nn.Linear(features, 4 * classes)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and box codes of boxes."""
        y = self.hidden(torch.flatten(pooled, 1))
        codes = self.codes(y)
        return self.logits(y), codes.reshape(codes.shape[0], codes.shape[1] // 4, 4)
