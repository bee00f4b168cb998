"""Networks that MONAI does not have, and their weights."""

from __future__ import annotations

from .compact_unet import CompactUNet
from .resnet_fpn import ResNet34FPN
from .weights import load_encoder_weights, load_weights, save_weights

__all__ = ["CompactUNet", "ResNet34FPN", "load_encoder_weights", "load_weights", "save_weights"]
