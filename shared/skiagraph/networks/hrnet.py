"""High-resolution network, without its stem and head."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.nets.resnet import ResNetBlock, ResNetBottleneck
from torch import nn
from torch.nn import functional

from .ikem import STEM_CHANNELS, conv_norm_relu, resize

BRANCH_CHANNELS = (32, 64, 128, 256)
STAGE_MODULES = (1, 4, 3)
BLOCKS = 4


class HRNetW32(nn.Module):
    """HRNet-W32 from the stem's features to those of all its resolutions.

    Wang et al., "Deep High-Resolution Representation Learning for Visual Recognition" (TPAMI 2021), with bilinear
    enlargement (corners on corners) as in RITM. The state dict is that of HRNet-Image-Classification without
    ``conv1``, ``bn1``, ``conv2``, ``bn2``, which are the stem, and without the classifier.
    """

    early_channels = 4 * STEM_CHANNELS
    out_channels = sum(BRANCH_CHANNELS)

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Sequential(
            ResNetBottleneck(
                STEM_CHANNELS, STEM_CHANNELS, spatial_dims=2, downsample=_pointwise(STEM_CHANNELS, self.early_channels)
            ),
            *(ResNetBottleneck(self.early_channels, STEM_CHANNELS, spatial_dims=2) for _ in range(BLOCKS - 1)),
        )
        self.transition1 = _Transition([self.early_channels], BRANCH_CHANNELS[:2])
        self.stage2 = _Stage(2, STAGE_MODULES[0])
        self.transition2 = _Transition(BRANCH_CHANNELS[:2], BRANCH_CHANNELS[:3])
        self.stage3 = _Stage(3, STAGE_MODULES[1])
        self.transition3 = _Transition(BRANCH_CHANNELS[:3], BRANCH_CHANNELS)
        self.stage4 = _Stage(4, STAGE_MODULES[2])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute features.

        Args:
            x: the stem's features, B x 64 x H x W.

        Returns:
            features of the first stage, B x 256 x H x W, and of the last, B x 480 x H x W.
        """
        early = self.layer1(x)
        features = self.stage2(self.transition1([early]))
        features = self.stage3(self.transition2(features))
        features = self.stage4(self.transition3(features))
        return early, torch.cat([resize(feature, features[0]) for feature in features], dim=1)


class _Transition(nn.Sequential):
    """One more branch, from the coarsest before it, and the channels of the next stage in the others."""

    def __init__(self, before: Sequence[int], after: Sequence[int]) -> None:
        layers: list[nn.Module] = [
            nn.Identity() if old == new else conv_norm_relu(old, new) for old, new in zip(before, after, strict=False)
        ]
        super().__init__(*layers, nn.Sequential(conv_norm_relu(before[-1], after[-1], stride=2)))

    def forward(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        return [layer(features[min(branch, len(features) - 1)]) for branch, layer in enumerate(self)]


class _Stage(nn.Sequential):
    """Modules of a number of branches, one after the other."""

    def __init__(self, branches: int, modules: int) -> None:
        super().__init__(*(_HighResolutionModule(BRANCH_CHANNELS[:branches]) for _ in range(modules)))

    def forward(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        for module in self:
            features = module(features)
        return features


class _HighResolutionModule(nn.Module):
    """Residual blocks in each branch, then each branch becomes the sum of all at its size."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(ResNetBlock(width, width, spatial_dims=2) for _ in range(BLOCKS))) for width in channels
        )
        self.fuse_layers = nn.ModuleList(_Fusion(channels, target) for target in range(len(channels)))

    def forward(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        # Not zip: TorchScript knows the number of the branches, but not of the features.
        refined = [blocks(features[branch]) for branch, blocks in enumerate(self.branches)]
        return [fusion(refined) for fusion in self.fuse_layers]


class _Fusion(nn.Sequential):
    """The sum of all branches at the size of one."""

    def __init__(self, channels: Sequence[int], target: int) -> None:
        super().__init__(*(_exchange(channels, source, target) for source in range(len(channels))))
        self.target = target

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        total = self[0](features[0])
        for source, layer in enumerate(self):
            if source > self.target:
                total = total + resize(layer(features[source]), features[self.target])
            elif source > 0:
                total = total + layer(features[source])
        return functional.relu(total)


def _exchange(channels: Sequence[int], source: int, target: int) -> nn.Module:
    """From a branch to what is added to another one: its channels, and its size unless that is to be enlarged."""
    if source == target:
        return nn.Identity()
    if source > target:
        return _pointwise(channels[source], channels[target])
    widths = [channels[source]] * (target - source) + [channels[target]]
    steps = [conv_norm_relu(before, after, stride=2) for before, after in pairwise(widths)]
    return nn.Sequential(*steps[:-1], steps[-1][:-1])  # the last one without ReLU


def _pointwise(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False), nn.BatchNorm2d(out_channels))
