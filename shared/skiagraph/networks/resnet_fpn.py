"""Feature pyramid network on a ResNet-34, with the weight names of segmentation_models_pytorch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from monai.networks.nets.resnet import ResNet, ResNetBlock
from torch import nn
from torch.nn import functional

STAGE_CHANNELS = (64, 128, 256, 512)
PYRAMID_CHANNELS = 256
SEGMENTATION_CHANNELS = 128


class ResNet34FPN(nn.Module):
    """Feature pyramid network for segmentation with a ResNet-34 encoder.

    Lin et al., "Feature Pyramid Networks for Object Detection" (CVPR 2017), in the form for segmentation of
    Kirillov et al., "Panoptic Feature Pyramid Networks" (CVPR 2019); the network of Wu et al.,
    "UltraBones100k" (arXiv 2502.03783). Layers, arithmetic and state dict are those of
    ``segmentation_models_pytorch.FPN("resnet34")``, which :func:`load_weights` reads; the encoder's state
    dict is that of torchvision's and timm's ResNet-34 without ``fc``, which :func:`load_encoder_weights`
    reads.

    Args:
        in_channels: channels of the image.
        out_channels: channels of the logits.
        dropout: probability with which a channel of the merged pyramid is dropped in training.
        mean: subtracted from the image, with which weights may have been trained; 0.17475836 in UltraBones100k.
        std: the difference is divided by it; 0.16475940 there.
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        dropout: float = 0.2,
        mean: float = 0.0,
        std: float = 1.0,
    ) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.encoder = _Encoder(in_channels)
        self.decoder = _Decoder(dropout)
        self.segmentation_head = nn.Sequential(
            nn.Conv2d(SEGMENTATION_CHANNELS, out_channels, kernel_size=1),
            nn.Upsample(scale_factor=4.0, mode="bilinear", align_corners=True),
        )
        _initialise(self.decoder, partial(nn.init.kaiming_uniform_, nonlinearity="relu"))
        _initialise(self.segmentation_head, nn.init.xavier_uniform_)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Segment a batch.

        Args:
            x: images, B C H W; height and width divisible by 32.

        Returns:
            logits, B C H W, of the image's height and width.

        Raises:
            ValueError: height or width is not divisible by 32.
        """
        height, width = x.shape[2], x.shape[3]
        if height % 32 != 0 or width % 32 != 0:
            raise ValueError(f"ResNet34FPN wants height and width divisible by 32, got {height} x {width}.")
        logits: torch.Tensor = self.segmentation_head(self.decoder(self.encoder((x - self.mean) / self.std)))
        return logits


class _Encoder(ResNet):
    """ResNet-34 as in torchvision: projection shortcuts without bias, no classification layer."""

    def __init__(self, in_channels: int) -> None:
        super().__init__(
            block=ResNetBlock,
            layers=[3, 4, 6, 3],
            block_inplanes=list(STAGE_CHANNELS),
            spatial_dims=2,
            n_input_channels=in_channels,
            conv1_t_size=7,
            conv1_t_stride=2,
            shortcut_type="B",
            bias_downsample=False,
            feed_forward=False,
        )

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:  # type: ignore[override]
        """Features at strides 4, 8, 16 and 32 of an image B C H W."""
        x = self.maxpool(self.act(self.bn1(self.conv1(x))))
        stride_4 = self.layer1(x)
        stride_8 = self.layer2(stride_4)
        stride_16 = self.layer3(stride_8)
        return [stride_4, stride_8, stride_16, self.layer4(stride_16)]


class _Decoder(nn.Module):
    """Top-down pyramid, each level brought to stride 4, their sum."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.p5 = nn.Conv2d(STAGE_CHANNELS[3], PYRAMID_CHANNELS, kernel_size=1)
        self.p4 = _TopDown(STAGE_CHANNELS[2])
        self.p3 = _TopDown(STAGE_CHANNELS[1])
        self.p2 = _TopDown(STAGE_CHANNELS[0])
        self.seg_blocks = nn.ModuleList([_SegmentationBlock(upsamplings) for upsamplings in (3, 2, 1, 0)])
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        p5 = self.p5(features[3])
        p4 = self.p4(p5, features[2])
        p3 = self.p3(p4, features[1])
        p2 = self.p2(p3, features[0])
        # Written out: TorchScript cannot iterate over modules and a list side by side.
        merged = self.seg_blocks[0](p5) + self.seg_blocks[1](p4) + self.seg_blocks[2](p3) + self.seg_blocks[3](p2)
        dropped: torch.Tensor = self.dropout(merged)
        return dropped


class _TopDown(nn.Module):
    """The coarser level at twice its size, plus the encoder's features."""

    def __init__(self, skip_channels: int) -> None:
        super().__init__()
        self.skip_conv = nn.Conv2d(skip_channels, PYRAMID_CHANNELS, kernel_size=1)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        enlarged = functional.interpolate(x, scale_factor=2.0, mode="nearest")
        skipped: torch.Tensor = self.skip_conv(skip)
        return enlarged + skipped


class _SegmentationBlock(nn.Module):
    """As many convolutions as doublings, at least one."""

    def __init__(self, upsamplings: int) -> None:
        super().__init__()
        widths = [PYRAMID_CHANNELS] + [SEGMENTATION_CHANNELS] * max(upsamplings, 1)
        layers = [_Convolution(before, after, upsamplings > 0) for before, after in pairwise(widths)]
        self.block = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.block(x)
        return y


class _Convolution(nn.Module):
    """Convolution, group normalisation, ReLU, then doubling of the size if asked for."""

    def __init__(self, in_channels: int, out_channels: int, upsample: bool) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.GroupNorm(32, out_channels),
            nn.ReLU(inplace=True),
        )
        self.upsample = upsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.block(x)
        if self.upsample:
            y = functional.interpolate(y, scale_factor=2.0, mode="bilinear", align_corners=True)
        return y


def _initialise(module: nn.Module, fill_weight: Callable[[torch.Tensor], torch.Tensor]) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            fill_weight(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
