"""Networks that MONAI does not have, and their weights."""

from __future__ import annotations

from .centre_detector import CentreDetector, PaddedDetector
from .compact_centre import CompactCentreNet
from .compact_keypoints import CompactKeypointNet
from .compact_unet import CompactUNet
from .faster_rcnn import FasterRCNN
from .faster_rcnn_detector import FasterRCNNDetector
from .hrnet_ocr import HRNetOCRIKEM
from .ikem import UNetIKEM
from .resnet_fpn import ResNet34FPN
from .retinanet_detector import CompactRetinaNet, CompactRetinaNetDetector
from .weights import load_encoder_weights, load_hrnet_weights, load_weights, save_weights

__all__ = [
    "CentreDetector",
    "CompactCentreNet",
    "CompactKeypointNet",
    "CompactUNet",
    "FasterRCNN",
    "FasterRCNNDetector",
    "HRNetOCRIKEM",
    "PaddedDetector",
    "UNetIKEM",
    "ResNet34FPN",
    "CompactRetinaNet",
    "CompactRetinaNetDetector",
    "load_encoder_weights",
    "load_hrnet_weights",
    "load_weights",
    "save_weights",
]
