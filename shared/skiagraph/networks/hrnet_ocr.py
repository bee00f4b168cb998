"""Interactive keypoint estimation on an HRNet with object-contextual representations."""

from __future__ import annotations

import torch
from torch import nn

from .hrnet import HRNetW32
from .ikem import HintFusionLayer, InteractionGate, resize

PIXEL_CHANNELS = 256
KEY_CHANNELS = 128


class HRNetOCRIKEM(nn.Module):
    """Interactive keypoint estimation on HRNet-W32 with object-contextual representations (OCR).

    Kim et al., "Morphology-Aware Interactive Keypoint Estimation" (MICCAI 2022, arXiv 2209.07163); the OCR head is
    that of Yuan et al., "Object-Contextual Representations for Semantic Segmentation" (ECCV 2020), with points for
    objects. The state dict is that of ``IKEM`` of Chen and Chen, "Interactive Vertebrae Keypoint Estimation"
    (EEGuizhi/Project); :func:`load_hrnet_weights` starts it from ImageNet weights, as published.

    Attributes:
        stride: of the logits, in pixels of the image: 1 (the last features, at stride 4, give logits that are
            enlarged bilinearly).

    Args:
        points: number of keypoints.
        gate: gate the features of the HRNet by the hints; without, there are no ``iggnet`` weights.
    """

    def __init__(self, points: int = 68, gate: bool = True) -> None:
        super().__init__()
        self.points = points
        channels = HRNetW32.out_channels
        self.hint_fusion_layer = HintFusionLayer(points)
        self.hrnet = HRNetW32()
        self.iggnet = InteractionGate(points, HRNetW32.early_channels, channels) if gate else None
        self.conv3x3_ocr = nn.Sequential(
            nn.Conv2d(channels, PIXEL_CHANNELS, kernel_size=3, padding=1),
            nn.BatchNorm2d(PIXEL_CHANNELS),
            nn.ReLU(inplace=True),
        )
        self.ocr_distri_head = _ObjectContext()
        self.cls_head = nn.Conv2d(PIXEL_CHANNELS, points, kernel_size=1)
        self.aux_head = nn.Sequential(
            nn.Conv2d(channels, channels, kernel_size=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, points, kernel_size=1),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Estimate the points of a batch.

        Args:
            image: B x (1 + 2 * points) x H x W: the grey image (published: from -1, black, to 1), a hint map for each
                point (zero where there is none), and the previous answer as probabilities (zero at first).

        Returns:
            logits, B x points x H x W; in training B x 2 x points x H x W: behind them the auxiliary logits, from
            which the head gathers what each point looks like (stacked as MONAI's `DynUNet` stacks its heads).

        Raises:
            ValueError: the number of channels is another.
        """
        early, features = self.hrnet(self.hint_fusion_layer(image))
        if self.iggnet is not None:
            features = self.iggnet(image[:, 1 : 1 + self.points], early, features)
        auxiliary = self.aux_head(features)
        pixels = self.conv3x3_ocr(features)
        logits = self.cls_head(self.ocr_distri_head(pixels, _gather(pixels, auxiliary)))
        if self.training:
            return torch.stack([resize(logits, image), resize(auxiliary, image)], dim=1)
        return resize(logits, image)


class _ObjectContext(nn.Module):
    """Features of the pixels, joined to those of the objects that each pixel resembles."""

    def __init__(self) -> None:
        super().__init__()
        self.object_context_block = _ObjectAttention()
        self.conv_bn_dropout = nn.Sequential(*_pointwise_relu(2 * PIXEL_CHANNELS, PIXEL_CHANNELS), nn.Dropout2d(0.05))

    def forward(self, pixels: torch.Tensor, objects: torch.Tensor) -> torch.Tensor:
        context = self.object_context_block(pixels, objects)
        joined: torch.Tensor = self.conv_bn_dropout(torch.cat([context, pixels], dim=1))
        return joined


class _ObjectAttention(nn.Module):
    """For each pixel, the features of the objects, weighed by their likeness to it."""

    def __init__(self) -> None:
        super().__init__()
        self.f_pixel = nn.Sequential(
            *_pointwise_relu(PIXEL_CHANNELS, KEY_CHANNELS), *_pointwise_relu(KEY_CHANNELS, KEY_CHANNELS)
        )
        self.f_object = nn.Sequential(
            *_pointwise_relu(PIXEL_CHANNELS, KEY_CHANNELS), *_pointwise_relu(KEY_CHANNELS, KEY_CHANNELS)
        )
        self.f_down = nn.Sequential(*_pointwise_relu(PIXEL_CHANNELS, KEY_CHANNELS))
        self.f_up = nn.Sequential(*_pointwise_relu(KEY_CHANNELS, PIXEL_CHANNELS))
        self.scale = KEY_CHANNELS**-0.5

    def forward(self, pixels: torch.Tensor, objects: torch.Tensor) -> torch.Tensor:
        query = self.f_pixel(pixels).flatten(2).transpose(1, 2)
        key = self.f_object(objects).flatten(2)
        value = self.f_down(objects).flatten(2)
        likeness = torch.softmax(self.scale * (query @ key), dim=2)
        context = value @ likeness.transpose(1, 2)
        enlarged: torch.Tensor = self.f_up(context.unflatten(2, pixels.shape[2:]))
        return enlarged


def _gather(pixels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Features B C objects 1 of the objects: those of the pixels, weighed by the objects' probabilities over them."""
    weights = torch.softmax(logits.flatten(2), dim=2)
    return (pixels.flatten(2) @ weights.transpose(1, 2)).unsqueeze(3)


def _pointwise_relu(in_channels: int, out_channels: int) -> list[nn.Module]:
    return [
        nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False),
        nn.Sequential(nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)),
    ]
