"""Interactive keypoint estimation: the parts that its networks share, and the one on a U-Net."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional

STEM_CHANNELS = 64
HINT_CHANNELS = 16
GATE_CHANNELS = 256
UNET_CHANNELS = (64, 128, 256, 512, 1024)


class UNetIKEM(nn.Module):
    """Interactive keypoint estimation on a U-Net at a quarter of the image's size.

    Hints and previous maps enter through :class:`HintFusionLayer`; the features before the last layers are gated
    by :class:`InteractionGate`. The state dict is that of ``UNet_IKEM`` of Chen and Chen, "Interactive Vertebrae
    Keypoint Estimation" (EEGuizhi/Project), after Kim et al., "Morphology-Aware Interactive Keypoint Estimation"
    (MICCAI 2022, arXiv 2209.07163). The published class ends at stride 4, while the programs that train and test it
    read maps of the image's size; here, as in the published network on an HRNet, the logits are enlarged
    bilinearly to that size.

    Attributes:
        stride: of the logits, in pixels of the image: 1.

    Args:
        points: number of keypoints.
        gate: gate by the hints; without, there are no ``iggnet`` weights.
    """

    def __init__(self, points: int = 68, gate: bool = True) -> None:
        super().__init__()
        self.points = points
        last = UNET_CHANNELS[0]
        self.iggnet = InteractionGate(points, STEM_CHANNELS, last) if gate else None
        self.hint_fusion_layer = HintFusionLayer(points)
        self.down1 = _down(0)
        self.down2 = _down(1)
        self.down3 = _down(2)
        self.down4 = _down(3)
        self.up1 = _Up(3)
        self.up2 = _Up(2)
        self.up3 = _Up(1)
        self.up4 = _Up(0)
        head = nn.Sequential(
            nn.Conv2d(last, last, kernel_size=1),
            nn.BatchNorm2d(last),
            nn.LeakyReLU(inplace=True),
            nn.Conv2d(last, points, kernel_size=1),
        )
        self.outc = nn.Sequential(OrderedDict(aux_head=head))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Estimate the points of a batch.

        Args:
            image: B x (1 + 2 * points) x H x W, height and width divisible by 64: the grey image (published: from
                -1, black, to 1), a hint map for each point (zero where there is none), and the previous answer as
                probabilities (zero at first).

        Returns:
            logits, B x points x H x W.

        Raises:
            ValueError: the number of channels is another, or height or width is not divisible by 64.
        """
        height, width = image.shape[2], image.shape[3]
        if height % 64 != 0 or width % 64 != 0:
            raise ValueError(f"UNetIKEM wants height and width divisible by 64, got {height} x {width}.")
        stride_4 = self.hint_fusion_layer(image)
        stride_8 = self.down1(stride_4)
        stride_16 = self.down2(stride_8)
        stride_32 = self.down3(stride_16)
        x = self.up1(self.down4(stride_32), stride_32)
        x = self.up2(x, stride_16)
        x = self.up3(x, stride_8)
        x = self.up4(x, stride_4)
        if self.iggnet is not None:
            x = self.iggnet(image[:, 1 : 1 + self.points], stride_4, x)
        return resize(self.outc(x), image)


class HintFusionLayer(nn.Module):
    """Stem at stride 4 in which hints and previous maps join the image (Kim et al. 2022, after RITM).

    They are encoded to stride 2, multiplied by the size of a learned number that starts at 0.05, and added to the
    encoded image.

    Args:
        points: number of keypoints.
    """

    def __init__(self, points: int) -> None:
        super().__init__()
        self.channels = 1 + 2 * points
        self.scale = nn.Parameter(torch.full((1,), 0.05))
        self.hintmap_encoder = nn.Sequential(
            nn.Conv2d(2 * points, HINT_CHANNELS, kernel_size=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(HINT_CHANNELS, STEM_CHANNELS, kernel_size=3, stride=2, padding=1),
        )
        # Published stems start from ImageNet weights: the grey image is given to them as red, green and blue.
        self.image_encoder = conv_norm_relu(3, STEM_CHANNELS, stride=2)
        self.last_encoder = conv_norm_relu(STEM_CHANNELS, STEM_CHANNELS, stride=2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Encode a batch.

        Args:
            image: grey image, hint maps and previous maps, B x (1 + 2 * points) x H x W.

        Returns:
            features, B x 64 x H/4 x W/4, rounded up.

        Raises:
            ValueError: the number of channels is another.
        """
        channels = image.shape[1]
        if channels != self.channels:
            raise ValueError(
                f"Wanted {self.channels} channels (image, hint maps, previous maps of the points), got {channels}."
            )
        grey = image[:, :1]
        encoded = self.image_encoder(torch.cat([grey, grey, grey], dim=1))
        features: torch.Tensor = self.last_encoder(encoded + self.hintmap_encoder(image[:, 1:]) * self.scale.abs())
        return features


class InteractionGate(nn.Module):
    """Interaction-guided gating: the hints weigh the channels of the last features (Kim et al. 2022).

    Args:
        points: number of keypoints.
        in_channels: channels of the early features, which the hints are read with.
        out_channels: channels of the gated features.
    """

    def __init__(self, points: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        encoder = nn.Sequential(
            conv_norm_relu(in_channels + points, GATE_CHANNELS, stride=2),
            conv_norm_relu(GATE_CHANNELS, GATE_CHANNELS),
            conv_norm_relu(GATE_CHANNELS, GATE_CHANNELS),
        )
        for layer in encoder.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
        self.hintEncoder = nn.Sequential(OrderedDict(convs=encoder))
        self.conv1 = nn.Conv2d(GATE_CHANNELS, GATE_CHANNELS // 16, kernel_size=1)
        self.conv2 = nn.Conv2d(GATE_CHANNELS // 16, out_channels, kernel_size=1)

    def forward(self, hints: torch.Tensor, early: torch.Tensor, late: torch.Tensor) -> torch.Tensor:
        """Gate features.

        Args:
            hints: hint maps of any size, B x points x H x W.
            early: features, B x in_channels x h x w.
            late: features to gate, B x out_channels x h' x w'.

        Returns:
            the late features, each channel times a number between 0 and 1.
        """
        encoded = self.hintEncoder(torch.cat([early, resize(hints, early)], dim=1))
        weights = self.conv2(self.conv1(encoded.amax(dim=(2, 3), keepdim=True)).relu()).sigmoid()
        gated: torch.Tensor = weights * late
        return gated


class _Up(nn.Module):
    """The coarser features at twice their size, joined to the finer ones of a level."""

    def __init__(self, level: int) -> None:
        super().__init__()
        fine, coarse = UNET_CHANNELS[level], UNET_CHANNELS[level + 1]
        self.up = nn.ConvTranspose2d(coarse, fine, kernel_size=2, stride=2)
        self.conv = _double_convolution(2 * fine, fine)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        joined: torch.Tensor = self.conv(torch.cat([skip, self.up(x)], dim=1))
        return joined


def _down(level: int) -> nn.Sequential:
    """From a level to the next coarser one."""
    layers = nn.Sequential(nn.MaxPool2d(2), _double_convolution(UNET_CHANNELS[level], UNET_CHANNELS[level + 1]))
    return nn.Sequential(OrderedDict(maxpool_conv=layers))


def _double_convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        layers += [
            nn.Conv2d(channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.LeakyReLU(inplace=True),
        ]
    return nn.Sequential(OrderedDict(double_conv=nn.Sequential(*layers)))


def conv_norm_relu(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """A 3 x 3 convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def resize(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Features B C h w at the height and width of others, bilinearly, corners on corners as in all of IKEM."""
    return functional.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=True)
