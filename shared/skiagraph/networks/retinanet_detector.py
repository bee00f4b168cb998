"""MONAI's RetinaNet on a compact backbone, and its detector, without torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from monai.apps.detection.networks.retinanet_detector import RetinaNetDetector
from monai.apps.detection.networks.retinanet_network import RetinaNet
from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape
from monai.networks.blocks.feature_pyramid_network import FeaturePyramidNetwork
from monai.utils import convert_to_tensor
from torch import Tensor, nn

from .box_assignment import labelled_classes
from .efficientnet_lite import EfficientNetLite0

LEVELS = 3  # at strides 8, 16, 32


class CompactRetinaNet(RetinaNet):
    """RetinaNet small enough for two processor cores.

    Lin et al., "Focal Loss for Dense Object Detection" (ICCV 2017), with MONAI's heads, on the encoder of
    `CompactCentreNet` and at its levels. A network for :class:`CompactRetinaNetDetector`.

    Args:
        in_channels: channels of the image.
        classes: number of classes.
        anchor_shapes: (rows, columns) in pixels of the anchors at the finest level; at the next levels they are twice
            and four times as large. The default fits the implants and fractures of MURA at 384 pixels: `mean_best_iou`
            0.71.
        features: channels of the pyramid, a multiple of 8.
        std: the image is divided by it; 2 brings one of standard deviation 1 to what ImageNet weights are used to.

    Shape:
        input (B, in_channels, rows, columns), each side a multiple of 32; output six maps, each finest first: three of
        logits (B, anchors * classes, ...), three of box codes (B, anchors * 4, ...).
    """

    __jit_unused_properties__: ClassVar = ["encoder"]  # TorchScript would compile it

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 2,
        anchor_shapes: Sequence[Sequence[float]] = ((45, 45), (40, 22), (22, 40)),
        features: int = 96,
        std: float = 2.0,
    ) -> None:
        super().__init__(
            spatial_dims=2,
            num_classes=classes,
            num_anchors=len(anchor_shapes),
            feature_extractor=_CompactPyramid(in_channels, features),
            size_divisible=32,
            use_list_output=True,
        )
        self.anchor_shapes = tuple((float(rows), float(columns)) for rows, columns in anchor_shapes)
        self.std = std

    @property
    def encoder(self) -> EfficientNetLite0:
        """What weights from a file may start, see :func:`load_encoder_weights`."""
        return cast(EfficientNetLite0, self.feature_extractor.encoder)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Logits and box codes of a batch, in full precision: the detector's anchors and boxes get theirs from them."""
        levels = list(self.feature_extractor(images / self.std).values())
        return [maps.float() for maps in self.classification_head(levels) + self.regression_head(levels)]


class _CompactPyramid(nn.Module):
    """The encoder of the collection's detectors, and a feature pyramid on its three coarsest levels."""

    def __init__(self, in_channels: int, features: int) -> None:
        super().__init__()
        self.encoder = EfficientNetLite0(in_channels, from_level=6 - LEVELS)
        self.pyramid = FeaturePyramidNetwork(2, self.encoder.channels, features)
        self.out_channels = features

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        levels = {str(number): level for number, level in enumerate(self.encoder(x))}
        pyramid: dict[str, Tensor] = self.pyramid(levels)
        return pyramid


class CompactRetinaNetDetector(RetinaNetDetector):
    """MONAI's detector with ATSS matching and hard negatives, that knows of classes which are not labelled.

    Zhang et al., "Bridging the Gap Between Anchor-based and Anchor-free Detection via Adaptive Training Sample
    Selection" (CVPR 2020). Boxes are (row_min, column_min, row_max, column_max) in pixels, edges at whole numbers.

    An image whose target has ``labelled``, numbers of classes, says nothing of the other classes' absence: their
    columns are left out of the loss wherever no box of theirs lies.

    Args:
        network: as :class:`CompactRetinaNet`; it holds all parameters.
        score_threshold: boxes with a lower score are left out.
        nms_threshold: of two boxes of a class whose IoU is higher, the better one stays.
        detections: how many boxes of an image there are at most.
    """

    def __init__(
        self,
        network: CompactRetinaNet,
        score_threshold: float = 0.05,
        nms_threshold: float = 0.5,
        detections: int = 100,
    ) -> None:
        scales = [2**level for level in range(LEVELS)]
        super().__init__(network, AnchorGeneratorWithAnchorShape(scales, network.anchor_shapes))
        self.set_atss_matcher(num_candidates=4, center_in_gt=False)
        self.set_hard_negative_sampler(batch_size_per_image=64, positive_fraction=0.3, min_neg=16, pool_size=20)
        self.set_box_selector_parameters(
            score_thresh=score_threshold, nms_thresh=nms_threshold, detections_per_img=detections
        )

    def forward(
        self,
        input_images: list[Tensor] | Tensor,
        targets: list[dict[str, Tensor]] | None = None,
        use_inferer: bool = False,
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """As MONAI's, but that `use_inferer` without an inferer means the whole image."""
        plain = convert_to_tensor(input_images, track_meta=False)
        if targets is not None:
            targets = [{key: item.to(plain[0].device) for key, item in target.items()} for target in targets]
        # MONAI's suppression copies boxes, which cannot have a graph.
        with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):
            return super().forward(plain, targets, use_inferer and self.inferer is not None)

    def compute_anchor_matched_idxs(
        self, anchors: list[Tensor], targets: list[dict[str, Tensor]], num_anchor_locs_per_level: Sequence[int]
    ) -> list[Tensor]:
        """As MONAI's, which wants torchvision for a matcher that is not used here."""
        matched = []
        for mine, target in zip(anchors, targets, strict=True):
            boxes = target[self.target_box_key]
            _, indices = self.proposal_matcher(boxes, mine, num_anchor_locs_per_level, self.num_anchors_per_loc)
            matched.append(indices.to(mine.device))
        return matched

    def compute_box_loss(
        self,
        box_regression: Tensor,
        targets: list[dict[str, Tensor]],
        anchors: list[Tensor],
        matched_idxs: list[Tensor],
    ) -> Tensor:
        """As MONAI's, but that a batch without boxes has gradients too, of zero: parallel training waits for them."""
        return super().compute_box_loss(box_regression, targets, anchors, matched_idxs) + 0 * box_regression.sum()

    def get_cls_train_sample_per_image(
        self, cls_logits_per_image: Tensor, targets_per_image: dict[str, Tensor], matched_idxs_per_image: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As MONAI's, but only what is known: logits and targets (N, 1)."""
        labelled = labelled_classes(targets_per_image, self.num_classes, cls_logits_per_image.device)
        # An unknown logit is not what makes an anchor a hard negative.
        unknown = (matched_idxs_per_image < 0)[:, None] & ~labelled
        lowest = torch.finfo(cls_logits_per_image.dtype).min
        logits, targets = super().get_cls_train_sample_per_image(
            cls_logits_per_image.masked_fill(unknown, lowest), targets_per_image, matched_idxs_per_image
        )
        known = labelled | (targets > 0)
        if not known.any():  # an example that costs nothing, for a mean over none is not a number
            return 0 * logits[:1, :1] + torch.finfo(torch.float16).min, targets.new_zeros(1, 1)
        return logits[known][:, None], targets[known][:, None]
