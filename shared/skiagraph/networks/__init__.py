"""Networks that MONAI does not have, and their weights."""

from __future__ import annotations

from .compact_keypoints import CompactKeypointNet
from .compact_unet import CompactUNet
from .hrnet_ocr import HRNetOCRIKEM
from .ikem import UNetIKEM
from .resnet_fpn import ResNet34FPN
from .weights import load_encoder_weights, load_hrnet_weights, load_weights, save_weights

__all__ = [
    "CompactKeypointNet",
    "CompactUNet",
    "HRNetOCRIKEM",
    "UNetIKEM",
    "ResNet34FPN",
    "load_encoder_weights",
    "load_hrnet_weights",
    "load_weights",
    "save_weights",
]
